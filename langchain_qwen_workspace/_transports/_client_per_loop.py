"""Keeps one asynchronous client per event loop and closes it when the loop ends."""

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
        holder: The suspended generator that closes the client.
        finalizer: Closes the client when nothing can reach it any more. It also keeps a reference to it: if a client
            was collected together with its owner, its sockets would warn first that they were left open.
    """

    client: Any
    holder: AsyncGeneratorType[Any, None]
    finalizer: "weakref.finalize[..., Any]"


class ClientPerLoop(Generic[T]):
    """Builds a client for each event loop, because a client's sockets belong to the loop that opened them.

    A suspended async generator holds each client: `asyncio.run` and similar functions close a loop's generators before
    the loop itself, and with them the client, although nobody calls `aclose()`.
    """

    def __init__(self, build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        """Take the functions that build and close a client; neither is called before it is needed."""
        self._build = build
        self._close = close
        self._held: dict[asyncio.AbstractEventLoop, _Held] = {}

    def clients(self) -> list[T]:
        """Return the client of every loop."""
        return [held.client for held in tuple(self._held.values())]

    async def get(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        # A loop may close its generators and continue.
        if held is not None and held.holder.ag_frame is not None:
            client: T = held.client
            return client
        for ended in [other for other in tuple(self._held) if other is loop or other.is_closed()]:
            if (gone := self._held.pop(ended, None)) is not None:
                gone.finalizer.detach()
        holder = cast("AsyncGeneratorType[T, None]", _hold_open(self._build, self._close))
        client = await anext(holder)
        finalizer = weakref.finalize(self, _close_soon, loop, holder)
        finalizer.atexit = False  # Loops that still run then close their generators themselves.
        self._held[loop] = _Held(client, holder, finalizer)
        return client


def _close_soon(loop: asyncio.AbstractEventLoop, holder: AsyncGeneratorType[Any, None]) -> None:
    if holder.ag_frame is not None:
        with suppress(RuntimeError):  # The loop is closed.
            loop.call_soon_threadsafe(lambda: loop.create_task(_close(holder)))


async def _close(holder: AsyncGeneratorType[Any, None]) -> None:
    await holder.aclose()


async def _hold_open(build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> AsyncGenerator[T, None]:
    client = build()
    try:
        yield client
    finally:
        await close(client)
