"""Keeps the generators within a stream out of the event loop's list, from which it closes all at the same time.

When a loop ends, it closes every async generator that was started in it, in tasks of their own. A stream consists of a
dozen, ours and those of the HTTP library, each of which closes the next inner one: a generator would be closed twice at
the same time, which raises a `RuntimeError` that the loop reports. So only the outermost one is in the list.
"""

import sys
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class InnerStream(Generic[T]):
    """An async generator that its user closes, by `async with`, and not the event loop."""

    def __init__(self, generator: AsyncGenerator[T, None]) -> None:
        """Take a generator that was not started."""
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
    """Do nothing with a generator that is garbage-collected: the outermost one closes the response below it."""


class _Unlisted(Generic[T]):
    """Awaits a coroutine; the event loop does not learn of the generators that it starts meanwhile."""

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
