"""Limits how fast a workspace is called: calls wait here instead of being refused by the service."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from langchain_qwen_workspace import _process
from langchain_qwen_workspace.errors import ConfigurationError

_Waiter: TypeAlias = tuple[Future[None], asyncio.AbstractEventLoop | None]

_SECONDS_PER_MINUTE = 60.0


class _FairSemaphore:
    """A semaphore that threads and tasks of any event loop share, first come, first served, without polling.

    `threading.Semaphore` cannot be awaited and does not keep the order; `asyncio.Semaphore` belongs to one loop.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiters: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Acquire a slot, blocking the thread until one is free, and release it at the end."""
        slot = self._request_slot()
        try:
            slot.result()
        except BaseException:
            self._cancel_wait(slot)
            raise
        try:
            yield
        finally:
            self._release()

    @asynccontextmanager
    async def ahold(self) -> AsyncIterator[None]:
        """Acquire a slot, without blocking the event loop, and release it at the end."""
        slot = self._request_slot(asyncio.get_running_loop())
        try:
            await asyncio.wrap_future(slot)
        except BaseException:
            self._cancel_wait(slot)
            raise
        try:
            yield
        finally:
            self._release()

    def _request_slot(self, loop: asyncio.AbstractEventLoop | None = None) -> Future[None]:
        """Return a future that completes when the caller has a slot; `loop` is the loop of a task that waits."""
        slot: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                slot.set_result(None)
            else:
                self._waiters.append((slot, loop))
        return slot

    def _release(self) -> None:
        """Pass the slot to the first waiter that can still take it, or free it if there is none."""
        with self._lock:
            while self._waiters:
                slot, loop = self._waiters.popleft()
                # A task whose loop was closed never resumes.
                if (loop is None or not loop.is_closed()) and slot.set_running_or_notify_cancel():
                    break
            else:
                self._free += 1
                return
        slot.set_result(None)

    def _cancel_wait(self, slot: Future[None]) -> None:
        """Stop waiting; a slot that was passed on at the same moment goes to the next waiter."""
        if not slot.cancel():
            self._release()


class _RateLimiter:
    """Spaces the starts of calls evenly. Only the first of the waiting calls sleeps until its time."""

    def __init__(self, per_minute: float) -> None:
        self._interval = _SECONDS_PER_MINUTE / per_minute
        self._next_start = -math.inf
        self._first = _FairSemaphore(1)

    def acquire(self) -> None:
        """Wait until a call may start."""
        with self._first.hold():
            start = max(self._next_start, time.monotonic())
            time.sleep(max(0.0, start - time.monotonic()))
            self._next_start = start + self._interval

    async def aacquire(self) -> None:
        """Wait until a call may start, without blocking the event loop."""
        async with self._first.ahold():
            start = max(self._next_start, time.monotonic())
            await asyncio.sleep(max(0.0, start - time.monotonic()))
            self._next_start = start + self._interval


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits of one model in one workspace.

    Attributes:
        concurrency: Limits the concurrent calls; `None` does not.
        rate: Limits the calls per minute; `None` does not.
    """

    concurrency: _FairSemaphore | None
    rate: _RateLimiter | None


class WorkspaceGuard:
    """Keeps calls within a workspace's limits, separately for each model of each workspace.

    Pass the same guard to all components that share the limits; threads, tasks and event loops may be mixed. A call
    waits until it may start, in the order in which calls arrived. A stream occupies its slot until it ends or is
    closed. Retries of a request are not counted.

    Example:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard

        guard = WorkspaceGuard(max_concurrency=4, requests_per_minute=120)
        llm = ChatQwenWorkspace(model="qwen-plus", guard=guard, region="singapore")
        ```
    """

    def __init__(self, *, max_concurrency: int | None = None, requests_per_minute: float | None = None) -> None:
        """Set the limits, which apply to each model of each workspace.

        Args:
            max_concurrency: Maximum number of concurrent calls. Default: no limit.
            requests_per_minute: Maximum number of calls per minute, whose starts are spaced evenly: the service also
                counts per second, and refuses bursts (Model Studio docs, rate limits, 2026-08-19). Default: no limit.

        Raises:
            ConfigurationError: A limit is not positive, or no limit is given.
        """
        if max_concurrency is None and requests_per_minute is None:
            raise ConfigurationError(
                "The guard has no limit. Expected `max_concurrency`, `requests_per_minute` or both."
            )
        if max_concurrency is not None and (type(max_concurrency) is not int or max_concurrency < 1):
            raise ConfigurationError(f"`max_concurrency` is {max_concurrency!r}. Expected a positive integer.")
        if requests_per_minute is not None and not _is_positive_number(requests_per_minute):
            raise ConfigurationError(f"`requests_per_minute` is {requests_per_minute!r}. Expected a positive number.")
        self.max_concurrency = max_concurrency
        self.requests_per_minute = requests_per_minute
        self.reset_after_fork()
        _process.register(self)

    def reset_after_fork(self) -> None:
        """Free all slots: those in use at a fork belong to calls of the parent process."""
        self._limits: dict[tuple[Hashable, str], _Limits] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return the limits."""
        return f"WorkspaceGuard(max_concurrency={self.max_concurrency}, requests_per_minute={self.requests_per_minute})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy only the limits: the slots in use belong to this process."""
        return _rebuild, (self.max_concurrency, self.requests_per_minute)

    def __deepcopy__(self, memo: dict[int, object]) -> "WorkspaceGuard":
        """Return the guard itself, since a copy of a model shares the workspace's limits."""
        return self

    @contextmanager
    def slot(self, workspace: Hashable, model: str) -> Iterator[None]:
        """Return a context manager that waits until a call may start, and occupies a slot until it ends.

        Args:
            workspace: Identifies the workspace; components pass its id, or its host and key if it has none.
            model: The model's name.
        """
        limits = self._limits_of(workspace, model)
        with ExitStack() as stack:
            if limits.concurrency is not None:
                stack.enter_context(limits.concurrency.hold())
            if limits.rate is not None:
                limits.rate.acquire()
            yield

    @asynccontextmanager
    async def aslot(self, workspace: Hashable, model: str) -> AsyncIterator[None]:
        """Return a context manager like `slot`'s that does not block the event loop."""
        limits = self._limits_of(workspace, model)
        async with AsyncExitStack() as stack:
            if limits.concurrency is not None:
                await stack.enter_async_context(limits.concurrency.ahold())
            if limits.rate is not None:
                await limits.rate.aacquire()
            yield

    def _limits_of(self, workspace: Hashable, model: str) -> _Limits:
        with self._lock:
            if (limits := self._limits.get((workspace, model))) is None:
                limits = self._limits[workspace, model] = _Limits(
                    None if self.max_concurrency is None else _FairSemaphore(self.max_concurrency),
                    None if self.requests_per_minute is None else _RateLimiter(self.requests_per_minute),
                )
            return limits


def _is_positive_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < math.inf


def _rebuild(max_concurrency: int | None, requests_per_minute: float | None) -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=max_concurrency, requests_per_minute=requests_per_minute)
