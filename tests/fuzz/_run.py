"""Runs numbered cases of a target; the seed, the target's name and the number make the same case again."""

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
"""Makes a case, runs it and checks the result; any error that is not one of the package's is a breach."""

CASE_SECONDS = 2.0
"""The processor time that one case may take; the slowest take a few hundredths."""

RUN_MEGABYTES = 300
"""The memory by which the process may grow in a run."""


@dataclass
class FuzzResult:
    """The outcomes of a target's cases.

    Attributes:
        outcomes: The number of cases of each outcome: `"accepted"`, or the error and the line that raised it.
        breaches: Cases that ended otherwise, by number.
        slowest: The number of the slowest case, and its seconds.
        seconds: The processor time of all cases.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    breaches: dict[int, str] = field(default_factory=dict)
    slowest: tuple[int, float] = (-1, 0.0)
    seconds: float = 0.0


def run(target: Target, name: str, numbers: range, seed: int, accepted: tuple[type[Exception], ...] = ()) -> FuzzResult:
    """Run the cases of a target that have these numbers."""
    result = FuzzResult()
    allowed: tuple[type[Exception], ...] = (QwenWorkspaceError, *accepted)
    began = time.process_time()
    for number in numbers:
        random = Random(f"{seed}/{name}/{number}")
        start = time.process_time()
        try:
            target(random)
            outcome = "accepted"
        except allowed as error:
            outcome = _outcome(error)
        except Exception as error:  # noqa: BLE001 - any other error is what the fuzzer looks for
            outcome = f"BREACH {_outcome(error)}"
            result.breaches[number] = traceback.format_exc(limit=-6)
        took = time.process_time() - start
        if took > CASE_SECONDS:
            result.breaches[number] = f"It took {took:.1f} seconds."
        if took > result.slowest[1]:
            result.slowest = (number, took)
        result.outcomes[outcome] += 1
    result.seconds = time.process_time() - began
    return result


def _outcome(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "langchain_qwen_workspace" in frame.filename]
    where = own[-1] if own else frames[-1]
    return f"{type(error).__name__} {where.filename.rpartition('/')[2]}:{where.lineno} {where.name}"


def peak_megabytes() -> float:
    """Return the peak memory of the process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


# ------------------------------------------------------------------------------------------ files and connections

_WATCHED = ("open", "os.", "socket.", "subprocess.", "urllib.", "shutil.", "glob.", "tempfile.")
_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event.startswith(_WATCHED):
        _opened.append(f"{event}{arguments!r:.200}")


sys.addaudithook(_watch)


class OpenedError(Exception):
    """A case made the process open a file or a connection."""


@contextmanager
def forbid_opening() -> Iterator[None]:
    """Raise if the block opens a file, a process or a connection, even if it raises something else."""
    global _opened  # noqa: PLW0603 - an audit hook cannot be taken away
    opened: list[str] = []
    _opened = opened
    try:
        yield
    finally:
        _opened = None
        if opened:
            raise OpenedError(opened[:3])
