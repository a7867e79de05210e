"""One async client per event loop, closed when its loop ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import AsyncGeneratorType
from typing import Generic, TypeVar, cast

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
        self._held: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGeneratorType[T, None]]] = {}

    async def get(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        # Closed with the loop's generators, though the loop may go on.
        if held is not None and held[1].ag_frame is not None:
            return held[0]
        for ended in [other for other in tuple(self._held) if other.is_closed()]:
            self._held.pop(ended, None)
        holder = cast("AsyncGeneratorType[T, None]", _held_open(self._build, self._close))
        client = await anext(holder)
        self._held[loop] = (client, holder)
        return client


async def _held_open(build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> AsyncGenerator[T, None]:
    client = build()
    try:
        yield client
    finally:
        await close(client)
