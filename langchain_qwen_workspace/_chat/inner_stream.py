"""Iterates an async generator without registering it, and those inside it, with the event loop.

When a loop shuts down, it closes all registered async generators at the same time. A stream consists of a dozen nested
ones, ours and those of the HTTP library, and each closes the one inside it. A generator would then be closed twice at
the same time, which raises a `RuntimeError` that the loop reports. So only the outermost one is registered.
"""

import sys
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class InnerStream(Generic[T]):
    """Wraps an async generator that its user closes with `async with`; the event loop does not close it."""

    def __init__(self, generator: AsyncGenerator[T, None]) -> None:
        """Take a generator that has not been started."""
        self._generator = generator
        self._has_started = False

    async def __aenter__(self) -> Self:
        """Return the stream itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the generator."""
        await self._generator.aclose()

    def __aiter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __anext__(self) -> Awaitable[T]:
        """Return the next item. The first step starts every generator within."""
        if self._has_started:
            return anext(self._generator)
        self._has_started = True
        return _Unlisted(self._start())

    async def _start(self) -> T:
        return await anext(self._generator)


def _leave_to_the_outer_one(generator: object) -> None:
    """Do nothing when an inner generator is garbage-collected: the outermost one closes the response."""


class _Unlisted(Generic[T]):
    """Awaits a coroutine without registering the async generators that it starts with the event loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        step = partial(self._coroutine.send, None)
        while True:
            hooks = sys.get_asyncgen_hooks()
            sys.set_asyncgen_hooks(firstiter=None, finalizer=_leave_to_the_outer_one)
            try:
                waits_for = step()
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                sys.set_asyncgen_hooks(*hooks)
            try:
                received = yield waits_for
            except BaseException as error:  # noqa: BLE001 - raised in the coroutine
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, received)
