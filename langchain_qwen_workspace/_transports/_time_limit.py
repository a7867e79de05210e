"""Limits how long the current call, or a part of it, may wait for the network.

The HTTP libraries apply a timeout to each single read, so a server that sends a few bytes at a time never exceeds it. A
limit here is a deadline, which the network streams (`_network`) check before each read and write of the call.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

_END: ContextVar[float] = ContextVar("langchain_qwen_workspace_end", default=math.inf)
_READS: ContextVar["ReadLimit | None"] = ContextVar("langchain_qwen_workspace_reads", default=None)


class TimeLimitError(Exception):
    """A time limit has passed; nothing more was read or written."""


@contextmanager
def end_at(moment: float) -> Iterator[None]:
    """Set a deadline, on the monotonic clock, for every read, write and pause of a block; an earlier one stays.

    It holds for the current thread or task; set it only around code that yields to no one else.
    """
    token = _END.set(min(moment, _END.get()))
    try:
        yield
    finally:
        _END.reset(token)


def seconds_left() -> float:
    """Return the seconds that are left for the current call, `math.inf` without a limit."""
    return _END.get() - time.monotonic()


def time_left() -> float | None:
    """Return the seconds that are left for the current call, `None` without a limit."""
    left = seconds_left()
    return None if left == math.inf else max(left, 0.0)


class ReadLimit:
    """Limits the total time of all reads in its blocks, counted from the first read. A write restarts it."""

    def __init__(self, seconds: float) -> None:
        """Take the limit in seconds."""
        self._seconds = seconds
        self._end: float | None = None
        self._token: Token[ReadLimit | None] | None = None

    def __enter__(self) -> None:
        self._token = _READS.set(self)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:  # pragma: no branch - it was entered
            _READS.reset(self._token)

    @property
    def is_over(self) -> bool:
        """Whether nothing more may be read."""
        return self._end is not None and time.monotonic() >= self._end

    def restart(self) -> None:
        """Count from the next read on."""
        self._end = None

    def seconds_left(self) -> float:
        """Return the seconds that are left for the next read."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        return self._end - now


def check_time_left() -> None:
    """Raise if the current call has no time left.

    Raises:
        TimeLimitError: It has none.
    """
    end = _END.get()
    if end != math.inf and end <= time.monotonic():
        raise TimeLimitError


def shorten(timeout: float | None) -> float | None:
    """Return the timeout of a connect or a write, which ends with the call.

    Raises:
        TimeLimitError: The call has no time left.
    """
    if (reads := _READS.get()) is not None:
        reads.restart()
    return _shorten(timeout, seconds_left())


def shorten_read(timeout: float | None) -> float | None:
    """Return the timeout of a read, which ends with the call and with the limit on its reads.

    Raises:
        TimeLimitError: No time is left.
    """
    reads = _READS.get()
    left = seconds_left()
    return _shorten(timeout, left if reads is None else min(left, reads.seconds_left()))


def _shorten(timeout: float | None, left: float) -> float | None:
    if left <= 0:
        raise TimeLimitError
    if left == math.inf:
        return timeout
    return left if timeout is None else min(timeout, left)
