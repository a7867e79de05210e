"""Imports the SDK of a transport with its first request."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from langchain_qwen_workspace._seam import Json, Request, Transport


class DeferredTransport:
    """A transport that is made when it is first used.

    Importing an SDK reads files and takes up to a second. A coroutine has it done in a thread, so that other tasks of
    the event loop go on, and tools that refuse blocking calls in a loop (blockbuster, in `langgraph dev`) accept it.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        """Take the function that makes the transport; two threads may call it at the same time."""
        self._make = make
        self._made: Transport | None = None

    def _load(self) -> Transport:
        if self._made is None:
            self._made = self._make()
        return self._made

    async def _aload(self) -> Transport:
        return await asyncio.to_thread(self._load) if self._made is None else self._made

    def send(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        return self._load().send(request)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the response."""
        return self._load().stream(request)

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        return await (await self._aload()).asend(request)

    def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the response."""
        return self._load_and_stream(request) if self._made is None else self._made.astream(request)

    async def _load_and_stream(self, request: Request) -> AsyncGenerator[Json, None]:
        async with aclosing((await self._aload()).astream(request)) as events:
            async for event in events:
                yield event
