"""Provides a fair semaphore for threads and tasks, which detects a wait that could never end."""

import asyncio
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

# A thread and an object that identifies what it does now. A thread of a pool runs one piece of work after another, each
# in a context of its own, which may be a copy of another thread's.
_WORK: ContextVar[tuple[int, object]] = ContextVar("langchain_qwen_workspace_work", default=(0, None))
# The task that made a call, where LangChain or we send its requests in tasks below it.
_CALLER: ContextVar["weakref.ref[asyncio.Task[Any]] | None"] = ContextVar(
    "langchain_qwen_workspace_caller", default=None
)


@contextmanager
def wait_for_this_task() -> Iterator[None]:
    """Count the tasks that a block starts as the task that runs the block, which waits for their results."""
    token = _CALLER.set(_current_task())
    try:
        yield
    finally:
        _CALLER.reset(token)


def _current_task() -> "weakref.ref[asyncio.Task[Any]] | None":
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else weakref.ref(task)


class NoSlotError(Exception):
    """No slot became free in time, or none could.

    Attributes:
        held_by_caller: Whether the waiting thread or task holds every slot itself.
    """

    def __init__(self, *, held_by_caller: bool) -> None:
        super().__init__(held_by_caller)
        self.held_by_caller = held_by_caller


@dataclass(slots=True, eq=False)
class _Claim:
    """A slot that is waited for or held.

    Attributes:
        granted: Completes when the caller has the slot.
        loop: The event loop of a task that waits, `None` for a thread.
        thread: The thread that asked.
        work: Identifies the piece of work that the thread was doing.
        task: The task that asked, also if its thread waits.
        caller: The task that waits for that task's result.
        since: When the slot was granted, on the monotonic clock.
    """

    loop: asyncio.AbstractEventLoop | None
    granted: "Future[None]" = field(default_factory=Future)
    thread: int = field(default_factory=threading.get_ident)
    work: object = None
    task: "weakref.ref[asyncio.Task[Any]] | None" = field(default_factory=_current_task)
    caller: "weakref.ref[asyncio.Task[Any]] | None" = field(default_factory=_CALLER.get)
    since: float = 0.0

    @property
    def is_abandoned(self) -> bool:
        """Whether the loop of the task was closed, so that the task never resumes."""
        return self.loop is not None and self.loop.is_closed()

    def must_end_before(self, waiting: "_Claim") -> bool:
        """Return whether this claim must end before the other one can: the same thread or task has both."""
        if waiting.loop is not None:
            return self.task is not None and self.task in {waiting.task, waiting.caller}
        if self.thread != waiting.thread:
            return False
        # A stream that a thread of a pool began for one piece of work may be read by another thread by now.
        return self.loop is not None or self.thread == threading.main_thread().ident or self.work is waiting.work


class Slots:
    """A semaphore that threads and tasks of any event loop share, first come, first served, without polling.

    `threading.Semaphore` cannot be awaited and does not keep the order; `asyncio.Semaphore` belongs to one loop.
    Nothing waits for the lock: a garbage collection may close a stream, and so release its slot, at any moment, also in
    the thread that has the lock.
    """

    def __init__(self, count: int) -> None:
        """Take the number of slots, all of which are free."""
        self._count = count
        self._holders: dict[_Claim, None] = {}
        self._waiters: dict[_Claim, None] = {}
        self._lock = threading.Lock()
        # What happened since the lock was last held.
        self._new: deque[_Claim] = deque()
        self._ended: deque[_Claim] = deque()

    @property
    def free(self) -> int:
        """The number of slots that are free."""
        return self._count - len(self._holders)

    @property
    def waiting(self) -> int:
        """The number of threads and tasks that wait."""
        return len(self._waiters)

    def ages(self) -> list[float]:
        """Return for how many seconds each slot in use has been held, the longest first."""
        now = time.monotonic()
        return sorted((now - holder.since for holder in tuple(self._holders)), reverse=True)

    @contextmanager
    def hold(self, seconds_left: Callable[[], float | None]) -> Iterator[None]:
        """Acquire a slot, blocking the thread until one is free, and release it at the end.

        Args:
            seconds_left: Returns how long to wait at most; `None` is without limit.

        Raises:
            NoSlotError: None became free in time, or this thread holds them all.
        """
        claim = self._request(None)
        try:
            if not claim.granted.done():
                self._check_other_holder(claim)
                try:
                    claim.granted.result(seconds_left())
                except TimeoutError:
                    raise NoSlotError(held_by_caller=False) from None
            yield
        finally:
            self._end(claim)

    @asynccontextmanager
    async def ahold(self, seconds_left: Callable[[], float | None]) -> AsyncIterator[None]:
        """Acquire a slot like `hold`, without blocking the event loop."""
        claim = self._request(asyncio.get_running_loop())
        try:
            if not claim.granted.done():
                self._check_other_holder(claim)
                granted = asyncio.wrap_future(claim.granted)
                await asyncio.wait([granted], timeout=seconds_left())
                if not granted.done():
                    raise NoSlotError(held_by_caller=False)
            yield
        finally:
            self._end(claim)

    def _request(self, loop: asyncio.AbstractEventLoop | None) -> _Claim:
        claim = _Claim(loop)
        if loop is None:
            thread, work = _WORK.get()
            if thread != claim.thread:
                _WORK.set((claim.thread, work := object()))
            claim.work = work
        self._new.append(claim)
        self._update()
        return claim

    def _end(self, claim: _Claim) -> None:
        claim.granted.cancel()
        self._ended.append(claim)
        self._update()

    def _update(self) -> None:
        """Apply new and ended claims, and grant free slots. If another thread has the lock, that thread does it."""
        while (self._new or self._ended) and self._lock.acquire(blocking=False):
            granted: list[_Claim] = []
            try:
                while self._new:
                    self._waiters[self._new.popleft()] = None
                while self._ended:
                    claim = self._ended.popleft()
                    self._waiters.pop(claim, None)
                    self._holders.pop(claim, None)
                self._grant(granted)
            finally:
                self._lock.release()
                for claim in granted:
                    claim.granted.set_result(None)

    def _grant(self, granted: list[_Claim]) -> None:
        if self._waiters and not self.free:
            for abandoned in [holder for holder in self._holders if holder.is_abandoned]:
                del self._holders[abandoned]
        while self._waiters and self.free:
            claim = next(iter(self._waiters))
            del self._waiters[claim]
            if not claim.is_abandoned and claim.granted.set_running_or_notify_cancel():
                claim.since = time.monotonic()
                self._holders[claim] = None
                granted.append(claim)

    def _check_other_holder(self, claim: _Claim) -> None:
        holders = tuple(self._holders)
        if len(holders) == self._count and all(holder.must_end_before(claim) for holder in holders):
            raise NoSlotError(held_by_caller=True)
