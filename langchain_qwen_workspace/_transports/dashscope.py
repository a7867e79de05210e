"""The official `dashscope` SDK, the transport of its 2.x clients, as a carrier of JSON."""

import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
import httpx2
from dashscope.v2 import errors as sdk_errors
from dashscope.v2.transport import AsyncTransport, SyncTransport, default_user_agent

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace._transports._http import HTTPTransport
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, error_in, is_error
from langchain_qwen_workspace._transports.connection import CONNECT_TIMEOUT, Connection, authorization
from langchain_qwen_workspace.errors import QwenWorkspaceError

# The SDK's own header for streams and its name for this part of the service (dashscope 2.0.2, `v2/protocols`).
_SSE_HEADERS = {"X-DashScope-SSE": "enable"}
_MODULE = "aigc"
# As many connections as the other SDK allows; dashscope's own default of 100 would make the 101st stream wait.
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)


class DashScopeTransport(HTTPTransport[SyncTransport, AsyncTransport]):
    """Sends through the SDK's `transport`, since the resources of a `dashscope.Client` speak only typed messages.

    It is built without the `Client` around it, which reads the environment, a settings object of the whole process
    and `~/.dashscope/config.toml` whatever it is given: a wrong `DASHSCOPE_TIMEOUT` stops it, and its pool has the
    size that the environment says. Nothing of the 1.x surface and no module global is used.
    """

    timeouts = (sdk_errors.APITimeoutError, httpx.TimeoutException, httpx2.TimeoutException)
    unpacking_failures = (httpx.DecodingError, httpx2.DecodingError)
    connection_failures = (sdk_errors.APIConnectionError, httpx.RequestError, httpx2.RequestError)

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
        return _checked(client.request(request.method, request.path, **self._payload(request)))

    async def _apost(self, client: AsyncTransport, request: Request) -> HTTPResponse:
        if request.stream:
            return await client.open_stream("POST", request.path, **self._payload(request))
        return _checked(await client.request(request.method, request.path, **self._payload(request)))

    def _payload(self, request: Request) -> dict[str, Any]:
        connection = self._connection
        # A client that the user made knows neither the server nor the key; the SDK takes both with a call.
        made = connection.http_client or connection.http_async_client
        key = request.api_key or (connection.api_key if made else None)
        # Not by the SDK's own `api_key`, which would lie open among its variables.
        signed = {**(_SSE_HEADERS if request.stream else {}), **(authorization(key) if key else {})}
        payload: dict[str, Any] = {
            "json": None if request.method == "GET" else request.body,
            **({"params": dict(request.query)} if request.query else {}),
            "headers": {**dict(connection.headers), **request.headers, **signed},
            "sdk_module": _MODULE,
        }
        if made:
            payload |= {
                "base_url": connection.base_url,
                "workspace": connection.destination.workspace_id,
                "timeout": connection.timeout,
            }
        return payload

    def _declared(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        if not isinstance(error, sdk_errors.DashScopeError):
            response = _unread(error)
            return None if response is None else error_in(response, request)
        return error_for(
            read_failure(error.body, failed=True)
            or {"message": f"HTTP status {error.status_code}: {error.message[:200]!r}."},
            status_code=error.status_code,
            model=request.model,
            destination=request.destination,
            request_id=error.request_id,
        )

    def _headers(self, error: Exception) -> Mapping[str, str]:
        return error.headers if isinstance(error, sdk_errors.DashScopeError) else {}


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
        "max_retries": 0,  # Every transport's calls are repeated by the same rule, `_attempts`.
        "limits": _LIMITS,
    }


def _unread(error: Exception) -> httpx.Response | None:
    """Return the failed response that the SDK's reader of errors stumbled over, `None` if that was not what it did.

    It lets through what is nested too deeply or has a number of too many digits (dashscope 2.0.2), and has no other
    door to a stream's response.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is sdk_errors.response_error.__code__:
            response: httpx.Response = frame.f_locals["response"]
            return response
    return None


def _checked(response: httpx.Response) -> httpx.Response:
    if is_error(response) and (error := sdk_errors.response_error(response)):
        raise error
    # A response and its stream refer to each other (httpx 0.28), which would keep each body until a collection.
    response.stream = httpx.ByteStream(b"")
    return response
