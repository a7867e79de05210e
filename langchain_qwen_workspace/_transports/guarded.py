"""Makes requests wait for a guard's limits before they are sent."""

from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import aclosing

from langchain_qwen_workspace._seam import Json, Request, Transport
from langchain_qwen_workspace._transports._time_limit import time_left
from langchain_qwen_workspace.guard import WorkspaceGuard


class GuardedTransport:
    """A transport whose requests pass a guard first. A stream holds its slot until it ends or is closed."""

    def __init__(self, transport: Transport, guard: WorkspaceGuard, workspace: Hashable) -> None:
        """Take the transport, the guard, and what identifies the workspace to the guard."""
        self._transport = transport
        self._guard = guard
        self._workspace = workspace

    def send(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        with self._guard.slot(self._workspace, request.model, time_left()):
            return self._transport.send(request)

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        async with self._guard.aslot(self._workspace, request.model, time_left()):
            return await self._transport.asend(request)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the response."""
        with self._guard.slot(self._workspace, request.model, time_left()):
            yield from self._transport.stream(request)

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the response."""
        async with (
            self._guard.aslot(self._workspace, request.model, time_left()),
            aclosing(self._transport.astream(request)) as events,
        ):
            async for event in events:
                yield event
