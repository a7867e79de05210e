"""How fast a workspace is called: a guard that makes calls wait here rather than be refused there."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from langchain_qwen_workspace._seam import Json, Request, Transport
from langchain_qwen_workspace.errors import ConfigurationError

_Waiting: TypeAlias = tuple[Future[None], asyncio.AbstractEventLoop | None]

_MINUTE = 60.0


class _Places:
    """Places that threads and tasks take in the order in which they asked, none of them looking twice.

    A semaphore of threads cannot be awaited, one of tasks belongs to a loop, and neither is handed on in order.
    """

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a place and hold it."""
        turn = self._ask()
        try:
            turn.result()
        except BaseException:
            self._forgo(turn)
            raise
        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def ataken(self) -> AsyncIterator[None]:
        """Wait for a place and hold it, without blocking the event loop."""
        turn = self._ask(asyncio.get_running_loop())
        try:
            await asyncio.wrap_future(turn)
        except BaseException:
            self._forgo(turn)
            raise
        try:
            yield
        finally:
            self._leave()

    def _ask(self, loop: asyncio.AbstractEventLoop | None = None) -> Future[None]:
        turn: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                turn.set_result(None)
            else:
                self._waiting.append((turn, loop))
        return turn

    def _leave(self) -> None:
        with self._lock:
            while self._waiting:
                turn, loop = self._waiting.popleft()
                # A task whose loop was closed under it will not wake up.
                if (loop is None or not loop.is_closed()) and turn.set_running_or_notify_cancel():
                    break
            else:
                self._free += 1
                return
        turn.set_result(None)

    def _forgo(self, turn: Future[None]) -> None:
        """Stop to wait; a place that was handed on at the same moment goes to the next one."""
        if not turn.cancel():
            self._leave()


class _Pace:
    """When the next call may begin. Only the first of those that wait looks at the clock."""

    def __init__(self, per_minute: float) -> None:
        self._between = _MINUTE / per_minute
        self._next = -math.inf
        self._first = _Places(1)

    def keep(self) -> None:
        """Wait until a call may begin."""
        with self._first.taken():
            due = max(self._next, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            self._next = due + self._between

    async def akeep(self) -> None:
        """Wait until a call may begin, without blocking the event loop."""
        async with self._first.ataken():
            due = max(self._next, time.monotonic())
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._next = due + self._between


@dataclass(frozen=True, slots=True)
class _Gate:
    """What one model of one workspace has to pass.

    Attributes:
        places: How many may be under way, `None` for any number.
        pace: When the next one may begin, `None` for any time.
    """

    places: _Places | None
    pace: _Pace | None


class WorkspaceGuard:
    """Keeps calls under a workspace's limits, for each model of each workspace by itself.

    Give the same guard to all components that share the limits; threads, tasks and event loops may be mixed. A call
    waits until it may begin, behind those that asked before it; a stream holds its place until it ends or is closed.
    Requests that an SDK sends again after a failure are not counted anew.

    Example:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard

        guard = WorkspaceGuard(max_concurrency=4, requests_per_minute=120)
        llm = ChatQwenWorkspace(model="qwen-plus", guard=guard, region="singapore")
        ```
    """

    def __init__(self, *, max_concurrency: int | None = None, requests_per_minute: float | None = None) -> None:
        """Set the limits of every workspace and model.

        Args:
            max_concurrency: Calls under way at a time. Default: any number.
            requests_per_minute: Calls begun in a minute, evenly: the service also counts seconds, and refuses bursts
                (Model Studio docs, rate limits, 2026-08-19). Default: any number.

        Raises:
            ConfigurationError: A limit is not positive, or there is none.
        """
        if max_concurrency is None and requests_per_minute is None:
            raise ConfigurationError(
                "The guard has no limit. Expected `max_concurrency`, `requests_per_minute` or both."
            )
        if max_concurrency is not None and (type(max_concurrency) is not int or max_concurrency < 1):
            raise ConfigurationError(f"`max_concurrency` is {max_concurrency!r}. Expected a whole number from 1 on.")
        if requests_per_minute is not None and not _is_rate(requests_per_minute):
            raise ConfigurationError(f"`requests_per_minute` is {requests_per_minute!r}. Expected more than 0.")
        self.max_concurrency = max_concurrency
        self.requests_per_minute = requests_per_minute
        self._gates: dict[tuple[Hashable, str], _Gate] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return the limits."""
        return f"WorkspaceGuard(max_concurrency={self.max_concurrency}, requests_per_minute={self.requests_per_minute})"

    def __reduce__(self) -> tuple[object, ...]:
        """Travel by pickle and copy as the limits alone: places that are taken are taken in this process."""
        return _rebuilt, (self.max_concurrency, self.requests_per_minute)

    def __deepcopy__(self, memo: dict[int, object]) -> "WorkspaceGuard":
        """Return the guard itself: a copy of a model shares the workspace's limits."""
        return self

    @contextmanager
    def passing(self, workspace: Hashable, model: str) -> Iterator[None]:
        """Wait until a call may begin, and hold its place until it ends.

        Args:
            workspace: What tells the workspace from others; components take its id, or its host and key.
            model: The model.
        """
        gate = self._gate(workspace, model)
        with ExitStack() as held:
            if gate.places is not None:
                held.enter_context(gate.places.taken())
            if gate.pace is not None:
                gate.pace.keep()
            yield

    @asynccontextmanager
    async def apassing(self, workspace: Hashable, model: str) -> AsyncIterator[None]:
        """Wait until a call may begin, and hold its place until it ends, without blocking the event loop."""
        gate = self._gate(workspace, model)
        async with AsyncExitStack() as held:
            if gate.places is not None:
                await held.enter_async_context(gate.places.ataken())
            if gate.pace is not None:
                await gate.pace.akeep()
            yield

    def _gate(self, workspace: Hashable, model: str) -> _Gate:
        with self._lock:
            if (gate := self._gates.get((workspace, model))) is None:
                gate = self._gates[workspace, model] = _Gate(
                    None if self.max_concurrency is None else _Places(self.max_concurrency),
                    None if self.requests_per_minute is None else _Pace(self.requests_per_minute),
                )
            return gate


def _is_rate(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < math.inf


def _rebuilt(max_concurrency: int | None, requests_per_minute: float | None) -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=max_concurrency, requests_per_minute=requests_per_minute)


class GuardedTransport:
    """A transport whose requests pass a guard first."""

    def __init__(self, transport: Transport, guard: WorkspaceGuard, workspace: Hashable) -> None:
        """Take the transport, the guard, and what tells the workspace from others there."""
        self._transport = transport
        self._guard = guard
        self._workspace = workspace

    def send(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        with self._guard.passing(self._workspace, request.model):
            return self._transport.send(request)

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        async with self._guard.apassing(self._workspace, request.model):
            return await self._transport.asend(request)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the answer."""
        with self._guard.passing(self._workspace, request.model):
            yield from self._transport.stream(request)

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the answer."""
        async with (
            self._guard.apassing(self._workspace, request.model),
            aclosing(self._transport.astream(request)) as events,
        ):
            async for event in events:
                yield event
