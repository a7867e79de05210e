"""One run: numbered cases of every target, each made anew from the seed, the target's name and its number."""

import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from langchain_qwen_workspace.errors import QwenWorkspaceError

Target: TypeAlias = Callable[[Random], object]
"""Makes a case, runs it and checks what came out; whatever it raises but the package's own errors is a breach."""

CASE_SECONDS = 2.0
"""What one case may take of a processor's time; the slowest take a few hundredths."""

RUN_MEGABYTES = 300
"""By how much the process may grow in a run."""


@dataclass
class Ran:
    """What became of a target's cases.

    Attributes:
        outcomes: How often each outcome came: `"read"`, or the error and the line that raised it.
        breaches: Cases that ended in anything else, by number.
        slowest: The number of the case that took longest, and its seconds.
        seconds: What all took together.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    breaches: dict[int, str] = field(default_factory=dict)
    slowest: tuple[int, float] = (-1, 0.0)
    seconds: float = 0.0


def run(target: Target, name: str, numbers: range, seed: int, accepted: tuple[type[Exception], ...] = ()) -> Ran:
    """Run some cases of a target."""
    ran = Ran()
    allowed: tuple[type[Exception], ...] = (QwenWorkspaceError, *accepted)
    began = time.process_time()
    for number in numbers:
        random = Random(f"{seed}/{name}/{number}")
        start = time.process_time()
        try:
            target(random)
            outcome = "read"
        except allowed as error:
            outcome = _outcome(error)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            outcome = f"BREACH {_outcome(error)}"
            ran.breaches[number] = traceback.format_exc(limit=-6)
        took = time.process_time() - start
        if took > CASE_SECONDS:
            ran.breaches[number] = f"It took {took:.1f} seconds."
        if took > ran.slowest[1]:
            ran.slowest = (number, took)
        ran.outcomes[outcome] += 1
    ran.seconds = time.process_time() - began
    return ran


def _outcome(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "langchain_qwen_workspace" in frame.filename]
    where = own[-1] if own else frames[-1]
    return f"{type(error).__name__} {where.filename.rpartition('/')[2]}:{where.lineno} {where.name}"


def peak_megabytes() -> float:
    """Return the most memory that the process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


# ---------------------------------------------------------------------------------------- what a case may not do

_WATCHED = ("open", "os.", "socket.", "subprocess.", "urllib.", "shutil.", "glob.", "tempfile.")
_touched: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _touched is not None and event.startswith(_WATCHED):
        _touched.append(f"{event}{arguments!r:.200}")


sys.addaudithook(_watch)


class TouchedError(Exception):
    """A message made the process open a file or a connection."""


@contextmanager
def touching_nothing() -> Iterator[None]:
    """Raise if what runs inside opens a file, a process or a connection, whatever becomes of it otherwise."""
    global _touched  # noqa: PLW0603 - an audit hook cannot be taken away
    touched: list[str] = []
    _touched = touched
    try:
        yield
    finally:
        _touched = None
        if touched:
            raise TouchedError(touched[:3])
