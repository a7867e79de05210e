"""Ends a call that takes longer than `total_timeout`, whatever it waits for."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import BinaryIO, TypeVar, cast

from langchain_qwen_workspace._redaction import redact_error
from langchain_qwen_workspace._seam import FilesTransport, Json, Request, Transport
from langchain_qwen_workspace._transports._flow import closing_parts
from langchain_qwen_workspace._transports._time_limit import TimeLimitError, check_time_left, end_at, seconds_left
from langchain_qwen_workspace.errors import APITimeoutError

Part = TypeVar("Part")
Response = TypeVar("Response")

_CLOCK_TOLERANCE = 0.05
"""Seconds by which a timeout may end before the moment for which it was set."""


@contextmanager
def limit_total_time(total_timeout: float | None) -> Iterator[None]:
    """Limit the total time of all requests of a block, including those in threads and tasks that it starts."""
    if total_timeout is None:
        yield
        return
    with end_at(time.monotonic() + total_timeout):
        yield


class DeadlineTransport:
    """A transport whose calls end after `total_timeout` seconds, with everything that they wait for.

    That is the guard, a free connection, the server, the pauses of retries and, asynchronously, a key provider. The
    clock of a stream stands while its consumer has an event.
    """

    def __init__(self, transport: Transport, total_timeout: float, *, is_fixed: bool = False) -> None:
        """Take the transport, the seconds that a call may take, and whether no user can change these."""
        self._transport = transport
        self._seconds = total_timeout
        self._is_fixed = is_fixed

    def send(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        return self._run(request, lambda: self._transport.send(request))

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        with self._run_until(time.monotonic() + self._seconds, request):
            async with asyncio.timeout(seconds_left()):
                return await self._transport.asend(request)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the response."""
        return self._limit_parts(request, self._transport.stream(request))

    def send_once(self, request: Request) -> Json:
        """Send a request that must not be carried out twice."""
        return self._run(request, lambda: self._with_files.send_once(request))

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Upload a file and return the response."""
        return self._run(request, lambda: self._with_files.upload(request, file, name))

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of a file as they arrive."""
        return self._limit_parts(request, self._with_files.lines(request))

    @property
    def _with_files(self) -> FilesTransport:
        # The registry builds what carries files only where the protocol has them.
        return cast("FilesTransport", self._transport)

    def _run(self, request: Request, send: Callable[[], Response]) -> Response:
        with self._run_until(time.monotonic() + self._seconds, request):
            return send()

    def _limit_parts(self, request: Request, parts: Iterator[Part]) -> Iterator[Part]:
        left = self._seconds
        with closing_parts(parts):
            while True:
                begun = time.monotonic()
                with self._run_until(begun + left, request):
                    part = next(parts, None)
                left -= time.monotonic() - begun
                if part is None:
                    return
                yield part

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the response."""
        left = self._seconds
        async with aclosing(self._transport.astream(request)) as events:
            while True:
                begun = time.monotonic()
                with self._run_until(begun + left, request):
                    async with asyncio.timeout(seconds_left()):
                        event = await anext(events, None)
                left -= time.monotonic() - begun
                if event is None:
                    return
                yield event

    @contextmanager
    def _run_until(self, moment: float, request: Request) -> Iterator[None]:
        """Run a block of a call that ends at a moment.

        Raises:
            APITimeoutError: It did not end by itself; the error names `total_timeout`.
        """
        outside = sys.exception()
        with end_at(moment):
            try:
                check_time_left()
                yield
            except (APITimeoutError, TimeLimitError, TimeoutError) as error:
                if seconds_left() > _CLOCK_TOLERANCE:
                    raise
                limit_error = self._error(request, getattr(error, "request_id", None))
                limit_error.__cause__ = error
                # What was cancelled has the key among the variables of its frames.
                redact_error(limit_error, (), outside)
                raise limit_error from error

    def _error(self, request: Request, request_id: str | None) -> APITimeoutError:
        of_setting = "" if self._is_fixed else ", the limit that `total_timeout` sets"
        return APITimeoutError(
            f"The call was not complete after {self._seconds:g} seconds{of_setting}.",
            request_id=request_id,
            **request.error_context,
            hint=f"{'C' if self._is_fixed else 'Raise `total_timeout`, or c'}heck the gateway in between.",
        )
