"""Keeps one asynchronous client per event loop and closes it when the loop ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import AsyncGeneratorType
from typing import Any, Generic, NamedTuple, TypeVar, cast

T = TypeVar("T")


class _LoopClient(NamedTuple):
    """A client of one loop.

    Attributes:
        client: The client.
        holder: The suspended generator that closes the client.
        starting: The task that starts the generator; the loop refers to tasks weakly.
    """

    client: Any
    holder: AsyncGeneratorType[Any, None]
    starting: "asyncio.Task[Any]"


class ClientPerLoop(Generic[T]):
    """Builds a client for each event loop, because a client's sockets belong to the loop that opened them.

    A suspended async generator holds each client: `asyncio.run` and similar functions close a loop's generators before
    the loop itself, and with them the client, although nobody calls `aclose()`.
    """

    def __init__(self, build: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        """Take the functions that build and close a client; neither is called before it is needed."""
        self._build = build
        self._close = close
        self._clients: dict[asyncio.AbstractEventLoop, _LoopClient] = {}

    def clients(self) -> list[T]:
        """Return the client of every loop."""
        return [of_loop.client for of_loop in tuple(self._clients.values())]

    async def get(self) -> T:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        known = self._clients.get(loop)
        # A loop may close its generators and continue.
        if known is not None and known.holder.ag_frame is not None:
            known_client: T = known.client
            return known_client
        for ended in [other for other in tuple(self._clients) if other is loop or other.is_closed()]:
            self._clients.pop(ended, None)
        client = self._build()
        holder = cast("AsyncGeneratorType[T, None]", _hold_open(client, self._close))
        # In a task of its own: the first step of a stream keeps the generators that it starts from the loop.
        starting = loop.create_task(_start(holder))
        self._clients[loop] = _LoopClient(client, holder, starting)
        await asyncio.shield(starting)
        return client


async def _start(holder: AsyncGenerator[T, None]) -> T:
    return await anext(holder)


async def _hold_open(client: T, close: Callable[[T], Awaitable[None]]) -> AsyncGenerator[T, None]:
    try:
        yield client
    finally:
        await close(client)
