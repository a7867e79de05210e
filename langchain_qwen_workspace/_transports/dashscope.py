"""Sends JSON through the official `dashscope` SDK, the transport of its 2.x clients."""

import traceback
from functools import partial
from typing import Any

import httpx
import httpx2
from dashscope.v2 import errors as sdk_errors
from dashscope.v2.transport import AsyncTransport, SyncTransport, default_user_agent

from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace._transports._http import HTTPTransport
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, is_error
from langchain_qwen_workspace._transports.connection import CONNECT_TIMEOUT, Connection, authorization

# The SDK's own header for streams and its name for this part of the service (dashscope 2.0.2, `v2/protocols`).
_SSE_HEADERS = {"X-DashScope-SSE": "enable"}
_MODULE = "aigc"
# As many connections as the openai SDK allows; with dashscope's own default of 100 the 101st stream would wait.
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)


class DashScopeTransport(HTTPTransport[SyncTransport, AsyncTransport]):
    """Sends through the SDK's `transport`, since the resources of a `dashscope.Client` speak only typed messages.

    It is built without the `Client` around it, which reads the environment, a settings object of the whole process and
    `~/.dashscope/config.toml` whatever it is given: a wrong `DASHSCOPE_TIMEOUT` stops it, and the environment sets the
    size of its pool. Nothing of the 1.x interface and no module global is used.
    """

    timeouts = (sdk_errors.APITimeoutError, httpx.TimeoutException, httpx2.TimeoutException)
    decoding_errors = (httpx.DecodingError, httpx2.DecodingError)
    connection_errors = (sdk_errors.APIConnectionError, httpx.RequestError, httpx2.RequestError)

    def __init__(self, connection: Connection) -> None:
        """Remember the connection; nothing is opened."""
        super().__init__(
            connection,
            build=partial(_build, connection),
            build_async=partial(_build_async, connection),
            close_async=AsyncTransport.aclose,
        )

    def _post(self, client: SyncTransport, request: Request) -> HTTPResponse:
        if request.stream:
            return client.open_stream("POST", request.path, **self._payload(request))
        return _check(client.request(request.method, request.path, **self._payload(request)))

    async def _apost(self, client: AsyncTransport, request: Request) -> HTTPResponse:
        if request.stream:
            return await client.open_stream("POST", request.path, **self._payload(request))
        return _check(await client.request(request.method, request.path, **self._payload(request)))

    def _payload(self, request: Request) -> dict[str, Any]:
        connection = self._connection
        # The user's own client knows neither the server nor the key; the SDK takes both with a call.
        own_client = connection.http_client or connection.http_async_client
        key = request.api_key or (connection.api_key if own_client else None)
        # Not through the SDK's `api_key` argument, which tracebacks would show among its variables.
        added = {**(_SSE_HEADERS if request.stream else {}), **(authorization(key) if key else {})}
        payload: dict[str, Any] = {
            "json": None if request.method == "GET" else request.body,
            **({"params": dict(request.query)} if request.query else {}),
            "headers": {**dict(connection.headers), **request.headers, **added},
            "sdk_module": _MODULE,
        }
        if own_client:
            payload |= {
                "base_url": connection.base_url,
                "workspace": connection.destination.workspace_id,
                "timeout": connection.timeout,
            }
        return payload

    def _error_response(self, error: Exception) -> HTTPResponse | None:
        # The SDK raises an error made of the response and keeps no reference to it; its own parser fails at bodies that
        # are nested too deeply or have a number of too many digits (dashscope 2.0.2).
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code is sdk_errors.check_response.__code__:
                response: HTTPResponse = frame.f_locals["response"]
                return response
        return None


def _build(connection: Connection) -> SyncTransport:
    return SyncTransport(**_arguments(connection), http_client=connection.http_client)


def _build_async(connection: Connection) -> AsyncTransport:
    return AsyncTransport(**_arguments(connection), http_client=connection.http_async_client)


def _arguments(connection: Connection) -> dict[str, Any]:
    return {
        "base_url": connection.base_url,
        "api_key": connection.api_key,
        "workspace": connection.destination.workspace_id,
        "user_agent": default_user_agent(),
        "timeout": httpx.Timeout(connection.timeout, connect=min(CONNECT_TIMEOUT, connection.timeout)),
        "max_retries": 0,  # One retry policy for every protocol: `_retry_policy`.
        "limits": _LIMITS,
    }


def _check(response: httpx.Response) -> httpx.Response:
    if is_error(response):
        sdk_errors.check_response(response)
    # A response and its stream refer to each other (httpx 0.28), which would keep each body until a collection.
    response.stream = httpx.ByteStream(b"")
    return response
