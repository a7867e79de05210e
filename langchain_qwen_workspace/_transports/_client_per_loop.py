"""One async client per event loop, closed when its loop ends."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from types import AsyncGeneratorType
from typing import Any, Generic, NamedTuple, TypeVar, cast

T = TypeVar("T")


class _Held(NamedTuple):
    """A client of one loop.

    Attributes:
        client: The client.
        holder: The generator that closes it.
        dropped: Closes it when nobody can ask for it any more. It also keeps it: a client that is collected together
            with what refers to it would have its sockets ask first why they were left open.
    """

    client: Any
    holder: AsyncGeneratorType[Any, None]
    dropped: "weakref.finalize[..., Any]"


class ClientPerLoop(Generic[T]):
    """Builds a client for each event loop that asks, since a client's sockets belong to the loop that opened them.

    Each client is held by a suspended async generator: `asyncio.run` and its kin close a loop's generators before
    the loop itself, and with that the client, though nobody calls `aclose()`.
    """

    def __init__(self, build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        """Remember how a client is made and closed; neither is called before it is needed."""
        self._build = build
        self._close = close
        self._held: dict[asyncio.AbstractEventLoop, _Held] = {}

    async def get(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        # Closed with the loop's generators, though the loop may go on.
        if held is not None and held.holder.ag_frame is not None:
            client: T = held.client
            return client
        for ended in [other for other in tuple(self._held) if other is loop or other.is_closed()]:
            if (gone := self._held.pop(ended, None)) is not None:
                gone.dropped.detach()
        holder = cast("AsyncGeneratorType[T, None]", _held_open(self._build, self._close))
        client = await anext(holder)
        dropped = weakref.finalize(self, _close_soon, loop, holder)
        dropped.atexit = False  # Loops that still run then close their generators themselves.
        self._held[loop] = _Held(client, holder, dropped)
        return client


def _close_soon(loop: asyncio.AbstractEventLoop, holder: AsyncGeneratorType[Any, None]) -> None:
    if holder.ag_frame is not None:
        with suppress(RuntimeError):  # The loop is closed.
            loop.call_soon_threadsafe(lambda: loop.create_task(_closed(holder)))


async def _closed(holder: AsyncGeneratorType[Any, None]) -> None:
    await holder.aclose()


async def _held_open(build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> AsyncGenerator[T, None]:
    client = build()
    try:
        yield client
    finally:
        await close(client)
