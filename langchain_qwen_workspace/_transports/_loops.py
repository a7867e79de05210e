"""One async client per event loop, closed when its loop ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Builds a client for each event loop that asks, since a client's sockets belong to the loop that opened them.

    Each client is held by a suspended async generator: `asyncio.run` and its kin close a loop's generators before
    the loop itself, and with that the client, though nobody calls `aclose()`.
    """

    def __init__(self, build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        """Remember how a client is made and closed; neither is called before it is needed."""
        self._build = build
        self._close = close
        self._held: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[T, None]]] = {}

    async def get(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        if held := self._held.get(loop):
            return held[0]
        for ended in [other for other in self._held if other.is_closed()]:
            del self._held[ended]
        holder = self._hold(loop)
        client = await anext(holder)
        self._held[loop] = (client, holder)
        return client

    async def _hold(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[T, None]:
        client = self._build()
        try:
            yield client
        finally:
            self._held.pop(loop, None)
            await self._close(client)
