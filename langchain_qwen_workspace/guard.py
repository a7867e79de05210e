"""How fast a workspace is called: a guard that makes calls wait here rather than be refused there."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

from langchain_core.rate_limiters import InMemoryRateLimiter

from langchain_qwen_workspace._types import Json, Request, Transport
from langchain_qwen_workspace.errors import ConfigurationError

_MINUTE = 60.0
# Seconds between two looks of a task that waits: a thread's lock cannot be awaited.
_LOOK = 0.01


@dataclass(frozen=True, slots=True)
class _Gate:
    """What one model of one workspace has to pass.

    Attributes:
        running: Free places, `None` for any number.
        pace: When the next request may begin, `None` for any time.
    """

    running: threading.BoundedSemaphore | None
    pace: InMemoryRateLimiter | None


class WorkspaceGuard:
    """Keeps calls under a workspace's limits, for each model of each workspace by itself.

    Give the same guard to all components that share the limits; threads, tasks and event loops may be mixed. A call
    waits until it may begin; a stream holds its place until it ends. Requests that an SDK sends again after a failure
    are not counted anew.

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
        given = {"max_concurrency": max_concurrency, "requests_per_minute": requests_per_minute}
        if all(limit is None for limit in given.values()):
            raise ConfigurationError(
                "The guard has no limit. Expected `max_concurrency`, `requests_per_minute` or both."
            )
        for name, limit in given.items():
            if limit is not None and not limit > 0:
                raise ConfigurationError(f"`{name}` is {limit!r}. Expected more than 0.")
        self.max_concurrency = max_concurrency
        self.requests_per_minute = requests_per_minute
        self._gates: dict[tuple[str, str], _Gate] = {}
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
    def passing(self, workspace: str, model: str) -> Iterator[None]:
        """Wait until a call may begin, and hold its place until it ends."""
        gate = self._gate(workspace, model)
        with gate.running or threading.BoundedSemaphore():
            if gate.pace is not None:
                gate.pace.acquire()
            yield

    @asynccontextmanager
    async def apassing(self, workspace: str, model: str) -> AsyncIterator[None]:
        """Wait until a call may begin, and hold its place until it ends, without blocking the event loop."""
        gate = self._gate(workspace, model)
        running = gate.running or threading.BoundedSemaphore()
        while not running.acquire(blocking=False):  # noqa: ASYNC110 - threads wait at it too
            await asyncio.sleep(_LOOK)
        try:
            if gate.pace is not None:
                await gate.pace.aacquire()
            yield
        finally:
            running.release()

    def _gate(self, workspace: str, model: str) -> _Gate:
        with self._lock:
            if (gate := self._gates.get((workspace, model))) is None:
                running = threading.BoundedSemaphore(self.max_concurrency) if self.max_concurrency else None
                gate = self._gates[workspace, model] = _Gate(running, self._pace())
            return gate

    def _pace(self) -> InMemoryRateLimiter | None:
        if self.requests_per_minute is None:
            return None
        pace = InMemoryRateLimiter(requests_per_second=self.requests_per_minute / _MINUTE, check_every_n_seconds=_LOOK)
        pace.available_tokens = 1.0  # The first call has nothing to wait for.
        return pace


def _rebuilt(max_concurrency: int | None, requests_per_minute: float | None) -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=max_concurrency, requests_per_minute=requests_per_minute)


class GuardedTransport:
    """A transport whose requests pass a guard first."""

    def __init__(self, transport: Transport, guard: WorkspaceGuard, workspace: str) -> None:
        """Take the transport, the guard, and the workspace's name at it."""
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
