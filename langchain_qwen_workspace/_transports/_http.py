"""Sends one request through an SDK's client and reads its response, in each of the four ways of calling."""

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Generic, Protocol, TypeVar

from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._transports._client_per_loop import ClientPerLoop
from langchain_qwen_workspace._transports._http_answers import (
    EventReader,
    HTTPResponse,
    error_from_response,
    is_event_stream,
    read_response,
)
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
    """Sends JSON through an SDK's clients, which are built at first use. It never sends a request twice.

    The synchronous client is closed with the transport, the asynchronous ones with their event loops or with the
    transport, whichever ends first: nothing here refers back to the transport. Clients over an HTTP client that the
    user made are left to the user.
    """

    # What the SDK and both HTTP libraries raise: each SDK uses one of the two, and accepts a client of the other one.
    timeouts: ClassVar[tuple[type[Exception], ...]]
    """No response in time."""

    decoding_errors: ClassVar[tuple[type[Exception], ...]]
    """A body that is not compressed as its headers say."""

    connection_errors: ClassVar[tuple[type[Exception], ...]]
    """The service was not reached. More general than the two above."""

    def __init__(
        self,
        connection: Connection,
        *,
        build: Callable[[], SyncClient],
        build_async: Callable[[], AsyncClient],
        close_async: Callable[[AsyncClient], Awaitable[None]],
    ) -> None:
        """Remember how clients are built; nothing is opened."""
        self._connection = connection
        self._build = build
        self._lock = threading.Lock()
        self._sync: SyncClient | None = None
        self._async = ClientPerLoop(build_async, close_async if connection.http_async_client is None else _do_not_close)

    @abstractmethod
    def _post(self, client: SyncClient, request: Request) -> HTTPResponse:
        """Send a request once; the response is read, or open if the request streams. An error status may raise."""

    @abstractmethod
    async def _apost(self, client: AsyncClient, request: Request) -> HTTPResponse:
        """Send a request once, like `_post`."""

    @abstractmethod
    def _error_response(self, error: Exception) -> HTTPResponse | None:
        """Return the response that an exception of the SDK was raised for, `None` for any other exception."""

    def send(self, request: Request) -> Json:
        """Send a request once and return the whole response."""
        client = self._client()
        return self._receive(request, lambda: self._post(client, request))

    async def asend(self, request: Request) -> Json:
        """Send a request once and return the whole response."""
        client = await self._async.get()
        with self._translate_errors(request):
            response = await self._apost(client, request)
        return read_response(response, request)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request once and yield the events of the response; the first one has the request id."""
        client = self._client()
        with self._translate_errors(request):
            response = self._post(client, request)
        try:
            with self._translate_errors(request, streaming=True):
                if not is_event_stream(response):
                    response.read()
                    yield read_response(response, request)
                    return
                reader = EventReader(response, request, self._connection.timeout)
                for data in response.iter_bytes():
                    yield from reader.feed(data)
                yield from reader.end()
        finally:
            response.close()

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request once and yield the events of the response, like `stream`."""
        client = await self._async.get()
        with self._translate_errors(request):
            response = await self._apost(client, request)
        try:
            with self._translate_errors(request, streaming=True):
                if not is_event_stream(response):
                    await response.aread()
                    yield read_response(response, request)
                    return
                reader = EventReader(response, request, self._connection.timeout)
                async for data in response.aiter_bytes():
                    for event in reader.feed(data):
                        yield event
                for event in reader.end():
                    yield event
        finally:
            await response.aclose()

    def _receive(self, request: Request, post: Callable[[], HTTPResponse]) -> Json:
        with self._translate_errors(request):
            response = post()
        return read_response(response, request)

    def _client(self) -> SyncClient:
        with self._lock:
            if self._sync is None:
                self._sync = self._build()
                if self._connection.http_client is None:
                    weakref.finalize(self, self._sync.close)
            return self._sync

    def _translate(self, error: Exception, request: Request, *, streaming: bool) -> QwenWorkspaceError | None:
        """Return our error for an exception of the SDK or an HTTP library, `None` for any other exception."""
        if (response := self._error_response(error)) is not None:
            return error_from_response(response, request)
        context = request.error_context
        if isinstance(error, self.timeouts):
            return APITimeoutError("The request timed out.", **context)
        # openai takes it for a failure of the connection, dashscope lets it pass.
        if isinstance(error, self.decoding_errors) or isinstance(error.__cause__, self.decoding_errors):
            return InvalidResponseError(f"The response cannot be decompressed: {_describe(error)}.", **context)
        if isinstance(error, self.connection_errors):
            kind = StreamInterruptedError if streaming else APIConnectionError
            return kind(f"The connection failed: {_describe(error)}.", **context)
        if not streaming and isinstance(error, TypeError | ValueError | RecursionError):
            return UnsupportedInputError(f"The request cannot be written as JSON in UTF-8: {error}", **context)
        return None

    @contextmanager
    def _translate_errors(self, request: Request, *, streaming: bool = False) -> Iterator[None]:
        try:
            yield
        except QwenWorkspaceError:
            raise
        except Exception as error:
            if (translated := self._translate(error, request, streaming=streaming)) is None:
                raise
            raise translated from error


async def _do_not_close(_: object) -> None:
    """Leave a client open for the user who made it."""


def _describe(error: BaseException) -> str:
    """Return the text of an SDK error's cause; those of asyncio have no text, only a name."""
    cause = error.__cause__ or error
    return str(cause) or type(cause).__name__
