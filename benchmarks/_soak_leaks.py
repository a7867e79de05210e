"""Where the soak run looks for keys (logs, traces, stderr), and how it counts the objects that something keeps."""

import gc
import logging
import os
import re
import sys
import tempfile
import traceback
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from langchain_qwen_workspace._workspace.keys import KeyProvider

_HALF = 16
"""Half of what is random in a key, in hexadecimal digits."""

_DIGITS = re.compile(rf"[0-9a-f]{{{_HALF},}}")

# SECURITY.md: `httpx` logs no more than the status line at INFO; at DEBUG these log what they sent and received.
_LIBRARIES = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "dashscope")


class _TraceWriter(BaseTracer):
    """Writes each of LangChain's runs, with everything in it, to a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(_schema_format="original+chat")
        self._path = path

    def _persist_run(self, run: Run) -> None:
        with self._path.open("a") as file:
            file.write(f"{run.model_dump()!r}\n")

    def forget(self) -> None:
        """Drop the runs whose end LangChain does not report: those of streams that were closed early."""
        for kept in (self.run_map, self.order_map):
            kept.clear()


class _LogWriter(logging.Handler):
    """Writes log records without a buffer: of a `FileHandler` CPython does not free the buffer's lock after a fork."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def emit(self, record: logging.LogRecord) -> None:
        os.write(self._file, f"{record.name} {self.format(record)} {vars(record)!r}\n".encode(errors="replace"))

    def close(self) -> None:
        os.close(self._file)
        super().close()


class Sinks:
    """The files into which everything is written that a call leaves beside its answer."""

    def __init__(self, folder: Path) -> None:
        """Take a folder for the files."""
        self.logs, self.traces, self.stderr = (folder / name for name in ("logs", "traces", "stderr"))
        self.errors = folder / "errors"
        self.tracer = _TraceWriter(self.traces)
        self.searched_bytes = 0

    def write_error(self, error: Exception) -> None:
        """Write what an error reporter shows of an error: the chain of its causes, with all variables."""
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        with self.errors.open("a") as file:
            file.write("".join(report.format()) + repr(vars(error)))

    def find_keys(self, keys: Iterable[str]) -> list[str]:
        """Return each place with a key, or half of one, and empty the files."""
        halves = {half for key in keys for digits in _DIGITS.findall(key) for half in (digits[:_HALF], digits[_HALF:])}
        found = []
        for path in (self.logs, self.traces, self.stderr, self.errors):
            text = path.read_text(errors="replace") if path.exists() else ""
            self.searched_bytes += len(text)
            found += [f"a key in {path.name}: {excerpt}" for excerpt in _excerpts(text, halves)]
            # Open files go on at their new end, as they append.
            path.write_text("")
        return found


def _excerpts(text: str, halves: set[str]) -> Iterator[str]:
    for match in _DIGITS.finditer(text):
        digits = match.group()
        if any(digits[start : start + _HALF] in halves for start in range(len(digits) - _HALF + 1)):
            yield f"{text[max(match.start() - 150, 0) : match.start()]}<key>{text[match.end() :][:100]}"


@contextmanager
def open_sinks() -> Iterator[Sinks]:
    """Write the logs of all libraries, and what this process and its children write to stderr, into files."""
    with tempfile.TemporaryDirectory() as folder:
        sinks = Sinks(Path(folder))
        handler = _LogWriter(sinks.logs)
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        for name in _LIBRARIES:
            logging.getLogger(name).setLevel(logging.INFO)
        kept = os.dup(2)
        with sinks.stderr.open("a") as file:
            sys.stderr.flush()
            os.dup2(file.fileno(), 2)
        try:
            yield sinks
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            root.removeHandler(handler)
            handler.close()


# A key provider keeps one key once its tenant has called.
_NOT_STATE = (KeyProvider, type, types.ModuleType, types.FunctionType, types.FrameType, types.CodeType)


def count_state(*roots: object) -> int:
    """Return the number of objects that can be reached from some objects, without classes, functions and the like."""
    seen: set[int] = {id(vars(sys.modules[__name__]))}
    unread: list[Any] = list(roots)
    while unread:
        item = unread.pop()
        if id(item) in seen or isinstance(item, _NOT_STATE):
            continue
        seen.add(id(item))
        unread += gc.get_referents(item)
    return len(seen)
