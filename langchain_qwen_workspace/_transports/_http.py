"""Sends one request through an SDK's client and reads its response, in each of the four ways of calling."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

from langchain_qwen_workspace._network_errors import (
    DOCTOR_HINT,
    TIMED_OUT,
    Peer,
    explain_connection_error,
    peer_of,
)
from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._transports._body import UnreadableBodyError, aiterate_body, iterate_body, limit_body
from langchain_qwen_workspace._transports._event_reader import EventReader
from langchain_qwen_workspace._transports._http_answers import (
    HTTPResponse,
    error_from_response,
    is_event_stream,
    read_response,
)
from langchain_qwen_workspace._transports._own_client import lend_own_client
from langchain_qwen_workspace._transports._sdk_clients import SDKClients
from langchain_qwen_workspace._transports._time_limit import ReadLimit, TimeLimitError, check_time_left, seconds_left
from langchain_qwen_workspace._transports.connection import CONNECT_TIMEOUT, Connection
from langchain_qwen_workspace._transports.pools import Pools, PoolSettings
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
    StreamInterruptedError,
    UnsupportedInputError,
)

SyncClient = TypeVar("SyncClient")
AsyncClient = TypeVar("AsyncClient")

_HTTP_LIBRARIES = ("httpx", "httpx2")
_SHORTEST = 0.001
_LIMIT_ERRORS = (TimeLimitError, UnreadableBodyError)
_BODY_HINT = "Check the proxy or gateway in between, or raise `max_response_bytes` if the response is genuine."


class HTTPTransport(ABC, Generic[SyncClient, AsyncClient]):
    """Sends JSON through an SDK's clients, which are built at first use. It never sends a request twice.

    The SDK's clients, and the HTTP clients below them with their pools, belong to the process (`pools`); around an
    HTTP client that a user passes, the transport has SDK clients of its own. So a transport is light: with thousands of
    workspaces, one is made for nearly every call.
    """

    pools: ClassVar[Pools[Any, Any]]
    """The HTTP clients of the SDK's HTTP library."""

    timeouts: ClassVar[tuple[type[Exception], ...]]
    """What the SDK raises if no response arrives in time."""

    connection_errors: ClassVar[tuple[type[Exception], ...]]
    """What the SDK raises if the service is not reached. More general than `timeouts`."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection; nothing is opened."""
        self._connection = connection
        self._settings = PoolSettings.of_environment(connection.max_connections, connection.max_response_bytes)
        self._host = urlsplit(connection.base_url).netloc
        own, async_own = connection.http_client, connection.http_async_client
        self._own = None if own is None else SDKClients(own)
        self._async_own = None if async_own is None else SDKClients(async_own)

    @staticmethod
    @abstractmethod
    def _build(base_url: str, http_client: Any) -> SyncClient:
        """Return the SDK's synchronous client, without a key, around an HTTP client."""

    @staticmethod
    @abstractmethod
    def _abuild(base_url: str, http_client: Any) -> AsyncClient:
        """Return the SDK's asynchronous client, without a key, around an HTTP client."""

    @abstractmethod
    def _post(self, client: SyncClient, request: Request) -> HTTPResponse:
        """Send a request once and return the response, whose body was not read. An error status may raise."""

    @abstractmethod
    async def _apost(self, client: AsyncClient, request: Request) -> HTTPResponse:
        """Send a request once, like `_post`."""

    def _timeout(self) -> float:
        """Return the seconds that a request may wait for one thing: `timeout`, or what is left of the call."""
        return max(min(self._connection.timeout, seconds_left()), _SHORTEST)

    @abstractmethod
    def _error_response(self, error: Exception) -> HTTPResponse | None:
        """Return the response that an exception of the SDK was raised for, `None` for any other exception."""

    def send(self, request: Request) -> Json:
        """Send a request once and return the whole response."""
        with self._client() as client, self._translate_errors(request):
            response = self._open(client, request)
            try:
                response.read()
            finally:
                response.close()
        return read_response(response, request)

    async def asend(self, request: Request) -> Json:
        """Send a request once and return the whole response."""
        async with self._aclient() as client:
            with self._translate_errors(request):
                response = await self._aopen(client, request)
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        return read_response(response, request)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request once and yield the events of the response; the first one has the request id."""
        with self._client() as client:
            with self._translate_errors(request):
                response = self._open(client, request)
            try:
                with self._translate_errors(request, streaming=True):
                    if is_event_stream(response):
                        yield from self._events(response, request)
                    else:
                        response.read()
                        yield read_response(response, request)
            finally:
                response.close()

    def _events(self, response: HTTPResponse, request: Request) -> Iterator[Json]:
        reader, pieces = EventReader(response, request, self._connection.timeout), iterate_body(response)
        try:
            while not reader.is_done:
                with reader.read_limit:
                    data = next(pieces, None)
                if data is None:
                    break
                yield from reader.feed(data)
        except UnreadableBodyError:
            if not reader.is_answered:
                raise
        except Exception:
            yield from reader.end(failed=True)
            if not reader.is_answered:
                raise
        else:
            yield from reader.end()

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request once and yield the events of the response, like `stream`."""
        async with self._aclient() as client:
            with self._translate_errors(request):
                response = await self._aopen(client, request)
            try:
                with self._translate_errors(request, streaming=True):
                    if is_event_stream(response):
                        async with aclosing(self._aevents(response, request)) as events:
                            async for event in events:
                                yield event
                    else:
                        await response.aread()
                        yield read_response(response, request)
            finally:
                await response.aclose()

    async def _aevents(self, response: HTTPResponse, request: Request) -> AsyncGenerator[Json, None]:
        reader, pieces = EventReader(response, request, self._connection.timeout), aiterate_body(response)
        try:
            while not reader.is_done:
                with reader.read_limit:
                    data = await anext(pieces, None)
                if data is None:
                    break
                for event in reader.feed(data):
                    yield event
        except UnreadableBodyError:
            if not reader.is_answered:
                raise
        except Exception:
            for event in reader.end(failed=True):
                yield event
            if not reader.is_answered:
                raise
        else:
            for event in reader.end():
                yield event

    def _open(self, client: SyncClient, request: Request) -> HTTPResponse:
        """Send a request once and return the response, whose body is limited. Its headers arrive within `timeout`."""
        check_time_left()
        with ReadLimit(self._connection.timeout):
            response = self._post(client, request)
        limit_body(response, self._connection.max_response_bytes, is_async=False)
        return response

    async def _aopen(self, client: AsyncClient, request: Request) -> HTTPResponse:
        """Send a request once, like `_open`."""
        check_time_left()
        with ReadLimit(self._connection.timeout):
            response = await self._apost(client, request)
        limit_body(response, self._connection.max_response_bytes, is_async=True)
        return response

    @contextmanager
    def _client(self) -> Iterator[SyncClient]:
        """Lend the SDK's client around the user's HTTP client, or around the process's for the host."""
        own = self._own
        lent = self.pools.client(self._settings, self._host) if own is None else lend_own_client(own, "http_client")
        with lent as clients:
            yield clients.get(self._connection.base_url, self._build)

    @asynccontextmanager
    async def _aclient(self) -> AsyncGenerator[AsyncClient, None]:
        """Lend the SDK's asynchronous client, like `_client`."""
        own = self._async_own
        lent = self.pools.aclient(self._settings, self._host) if own is None else _alend_own_client(own)
        async with lent as clients:
            yield clients.get(self._connection.base_url, self._abuild)

    def _translate(self, error: Exception, request: Request, *, streaming: bool) -> QwenWorkspaceError | None:
        """Return our error for an exception of the SDK or an HTTP library, `None` for any other exception."""
        if (response := self._error_response(error)) is not None:
            return error_from_response(response, request)
        context = request.error_context
        if isinstance(error, self.timeouts) or is_http_error(error, "TimeoutException"):
            return self._timeout_error(error, request)
        # openai takes it for a failure of the connection, dashscope lets it pass.
        if is_http_error(error, "DecodingError"):
            return InvalidResponseError(
                f"The response cannot be decompressed: {_describe(error)}.",
                **context,
                hint="Check the proxy or gateway in between: its header `Content-Encoding` does not match the body.",
            )
        if isinstance(error, self.connection_errors) or is_http_error(error, "RequestError"):
            kind = StreamInterruptedError if streaming else APIConnectionError
            return self._connection_error(kind, error, request)
        if not streaming and isinstance(error, TypeError | ValueError | RecursionError):
            return UnsupportedInputError(f"The request cannot be written as JSON in UTF-8: {error}", **context)
        return None

    def _limit_error(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        """Return our error for a limit that ended a response, also where the SDK wrapped its exception."""
        found = next((cause for cause in (error, error.__cause__) if isinstance(cause, _LIMIT_ERRORS)), None)
        if isinstance(found, TimeLimitError):
            return APITimeoutError(
                f"The headers of the response were not complete within {self._connection.timeout:g} seconds, the limit "
                "that `timeout` sets.",
                **request.error_context,
            )
        return None if found is None else InvalidResponseError(str(found), **request.error_context, hint=_BODY_HINT)

    def _connection_error(
        self, kind: type[APIConnectionError], error: Exception, request: Request
    ) -> APIConnectionError:
        of_proxy = is_http_error(error, "ProxyError")
        message, hint = explain_connection_error(error, self._peer(), self._host, is_of_proxy=of_proxy)
        return kind(message, **request.error_context, hint=f"{hint} {DOCTOR_HINT}")

    def _peer(self) -> Peer:
        """Return the host that this machine connects to; which proxy a user's own client has is not known."""
        is_own = self._connection.http_client or self._connection.http_async_client
        return peer_of(self._connection.base_url, use_proxies=not is_own)

    def _timeout_error(self, error: Exception, request: Request) -> APITimeoutError:
        timeout = self._connection.timeout
        if is_http_error(error, "PoolTimeout"):
            message = (
                f"No connection became free within {timeout:g} seconds: all {self._connection.max_connections} to "
                f"{self._host} are in use."
            )
            hint = "Raise `max_connections` of the components, or limit their concurrent calls by a `WorkspaceGuard`."
        elif is_http_error(error, "ConnectTimeout"):
            message = f"No connection to {self._peer().label} within {min(CONNECT_TIMEOUT, timeout):g} seconds."
            hint = f"{TIMED_OUT} {DOCTOR_HINT}"
        else:
            message = f"{self._host} sent nothing for {timeout:g} seconds, the limit that `timeout` sets."
            other = (
                "; a model that thinks without showing it says nothing meanwhile" if request.stream else ", or stream"
            )
            hint = f"Raise `timeout`{other}. {DOCTOR_HINT}"
        return APITimeoutError(message, **request.error_context, hint=hint)

    @contextmanager
    def _translate_errors(self, request: Request, *, streaming: bool = False) -> Iterator[None]:
        try:
            yield
        except QwenWorkspaceError:
            raise
        except Exception as error:
            translated = self._limit_error(error, request) or self._translate(error, request, streaming=streaming)
            if translated is None:
                raise
            raise translated from error


@asynccontextmanager
async def _alend_own_client(own: SDKClients[Any]) -> AsyncGenerator[SDKClients[Any], None]:
    with lend_own_client(own, "http_async_client"):
        yield own


def is_http_error(error: Exception, name: str) -> bool:
    """Return whether an exception or its cause is of a class of `httpx` or `httpx2`.

    An SDK uses one of the two libraries and accepts a client of the other one. Neither is imported to find that out.
    """
    classes = (*type(error).__mro__, *type(error.__cause__).__mro__)
    return any(cls.__name__ == name and cls.__module__.partition(".")[0] in _HTTP_LIBRARIES for cls in classes)


def _describe(error: BaseException) -> str:
    """Return the text of an SDK error's cause; those of asyncio have no text, only a name."""
    cause = error.__cause__ or error
    return str(cause) or type(cause).__name__
