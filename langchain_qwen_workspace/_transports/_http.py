"""The four doors of a transport, which both SDKs pass in the same steps."""

import asyncio
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import ClassVar, Generic, Protocol, TypeVar

from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._transports._client_per_loop import ClientPerLoop
from langchain_qwen_workspace._transports._http_answers import (
    EventReader,
    HTTPResponse,
    is_event_stream,
    read_answer,
    request_id_of,
)
from langchain_qwen_workspace._transports._retry_policy import Attempts, apply_retry_headers
from langchain_qwen_workspace._transports.connection import Connection
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
    StreamInterruptedError,
    UnsupportedInputError,
)


class Closable(Protocol):
    """A synchronous client of an SDK."""

    def close(self) -> None:
        """Close its pool."""


SyncClient = TypeVar("SyncClient", bound=Closable)
AsyncClient = TypeVar("AsyncClient")


class HTTPTransport(ABC, Generic[SyncClient, AsyncClient]):
    """Sends JSON through an SDK's clients, which are built when they are first used.

    The synchronous client is closed with the transport, the asynchronous ones with their event loops or with the
    transport, whichever ends first: nothing here refers back to the transport. Clients over an HTTP client that the
    user made are left to the user.
    """

    # What the SDK and the HTTP libraries raise: each SDK has one of the two, and takes a client of the other one.
    timeouts: ClassVar[tuple[type[Exception], ...]]
    """No answer in time."""

    unpacking_failures: ClassVar[tuple[type[Exception], ...]]
    """A body that is not packed as its headers say."""

    connection_failures: ClassVar[tuple[type[Exception], ...]]
    """The service was not reached; more general than the two before it."""

    def __init__(
        self,
        connection: Connection,
        *,
        build: Callable[[], SyncClient],
        build_async: Callable[[], AsyncClient],
        close_async: Callable[[AsyncClient], Awaitable[None]],
    ) -> None:
        """Remember how clients are made; nothing is opened."""
        self._connection = connection
        self._build = build
        self._lock = threading.Lock()
        self._sync: SyncClient | None = None
        self._async = ClientPerLoop(build_async, close_async if connection.http_async_client is None else _do_not_close)

    @abstractmethod
    def _post(self, client: SyncClient, request: Request) -> HTTPResponse:
        """Send a request once; the response is read, or open if the request streams. An error status raises."""

    @abstractmethod
    async def _apost(self, client: AsyncClient, request: Request) -> HTTPResponse:
        """Send a request once, like `_post`."""

    @abstractmethod
    def _declared(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        """Return our error for an SDK's exception that holds what the service said, `None` for any other exception."""

    @abstractmethod
    def _headers(self, error: Exception) -> Mapping[str, str]:
        """Return the headers of the answer that an SDK's exception is about, none for any other exception."""

    def send(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        client = self._client()
        return self._answered(request, lambda: self._post(client, request))

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        client, attempts = await self._async.get(), Attempts(self._connection.max_retries)
        while True:
            try:
                with self._translated(request):
                    response = await self._apost(client, request)
                return read_answer(response, request)
            except QwenWorkspaceError as error:
                if (pause := attempts.pause_after(error)) is None:
                    raise
            await asyncio.sleep(pause)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the answer, behind one with its request id.

        Whatever goes wrong before the first event of the answer, the stream is opened again where that may help.
        """
        client, attempts = self._client(), Attempts(self._connection.max_retries)
        while True:
            came = False
            try:
                with self._translated(request):
                    response = self._post(client, request)
                try:
                    with self._translated(request, streaming=True):
                        for event in self._events(response, request):
                            if not came:
                                came = True
                                yield {"request_id": request_id_of(response)}
                            yield event
                finally:
                    response.close()
            except QwenWorkspaceError as error:
                if came or (pause := attempts.pause_after(error)) is None:
                    raise
            else:
                return
            time.sleep(pause)

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the answer, like `stream`."""
        client, attempts = await self._async.get(), Attempts(self._connection.max_retries)
        while True:
            came = False
            try:
                with self._translated(request):
                    response = await self._apost(client, request)
                try:
                    with self._translated(request, streaming=True):
                        async with aclosing(self._aevents(response, request)) as events:
                            async for event in events:
                                if not came:
                                    came = True
                                    yield {"request_id": request_id_of(response)}
                                yield event
                finally:
                    await response.aclose()
            except QwenWorkspaceError as error:
                if came or (pause := attempts.pause_after(error)) is None:
                    raise
            else:
                return
            await asyncio.sleep(pause)

    def _answered(self, request: Request, post: Callable[[], HTTPResponse], *, once: bool = False) -> Json:
        attempts = Attempts(0 if once else self._connection.max_retries)
        while True:
            try:
                with self._translated(request):
                    response = post()
                return read_answer(response, request)
            except QwenWorkspaceError as error:
                if (pause := attempts.pause_after(error)) is None:
                    raise
            time.sleep(pause)

    def _client(self) -> SyncClient:
        with self._lock:
            if self._sync is None:
                self._sync = self._build()
                if self._connection.http_client is None:
                    weakref.finalize(self, self._sync.close)
            return self._sync

    def _error(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        """Return our error for an exception of the SDK or an HTTP library, `None` for any other exception."""
        if isinstance(error, self.timeouts):
            return APITimeoutError("The request timed out.", **request.error_context)
        # openai takes it for a failure of the connection, dashscope lets it pass.
        if isinstance(error, self.unpacking_failures) or isinstance(error.__cause__, self.unpacking_failures):
            return InvalidResponseError(f"The answer cannot be unpacked: {_told(error)}.", **request.error_context)
        if isinstance(error, self.connection_failures):
            return APIConnectionError(f"The connection failed: {_told(error)}.", **request.error_context)
        return self._declared(error, request)

    @contextmanager
    def _translated(self, request: Request, *, streaming: bool = False) -> Iterator[None]:
        try:
            yield
        except QwenWorkspaceError:
            raise
        except Exception as error:
            translated = self._error(error, request)
            if translated is None and not streaming and isinstance(error, TypeError | ValueError | RecursionError):
                translated = UnsupportedInputError(
                    f"The request cannot be written as JSON in UTF-8: {error}", **request.error_context
                )
            if translated is None:
                raise
            if streaming and isinstance(translated, APIConnectionError):
                translated = StreamInterruptedError(translated.message, **request.error_context)
            apply_retry_headers(translated, self._headers(error))
            raise translated from error

    def _events(self, response: HTTPResponse, request: Request) -> Iterator[Json]:
        if not is_event_stream(response):
            response.read()
            yield read_answer(response, request)
            return
        reader = EventReader(response, request, self._connection.timeout)
        for data in response.iter_bytes():
            yield from reader.feed(data)
        yield from reader.end()

    async def _aevents(self, response: HTTPResponse, request: Request) -> AsyncGenerator[Json, None]:
        if not is_event_stream(response):
            await response.aread()
            yield read_answer(response, request)
            return
        reader = EventReader(response, request, self._connection.timeout)
        async for data in response.aiter_bytes():
            for event in reader.feed(data):
                yield event
        for event in reader.end():
            yield event


async def _do_not_close(_: object) -> None:
    """Leave a client to the user who made it."""


def _told(error: BaseException) -> str:
    """Return what an SDK's error says of its cause; those of asyncio say nothing but their name."""
    cause = error.__cause__ or error
    return str(cause) or type(cause).__name__
