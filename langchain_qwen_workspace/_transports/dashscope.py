"""Sends JSON through the official `dashscope` SDK, the transport of its 2.x clients."""

from typing import Any

import httpx
from dashscope.v2 import errors as sdk_errors
from dashscope.v2.transport import AsyncTransport, SyncTransport, default_user_agent

from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace._transports._http import HTTPTransport
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, response_in_frame
from langchain_qwen_workspace._transports.connection import CONNECT_TIMEOUT, authorization
from langchain_qwen_workspace._transports.pools import Pools

# The SDK's own header for streams and its name for this part of the service (dashscope 2.0.2, `v2/protocols`).
_SSE_HEADERS = {"X-DashScope-SSE": "enable"}
_MODULE = "aigc"
_MAX_RETRIES = 0  # One retry policy for every protocol: `_retry_policy`.

_POOLS = Pools(httpx, httpx.Client, httpx.AsyncClient)


class DashScopeTransport(HTTPTransport[SyncTransport, AsyncTransport]):
    """Sends through the SDK's `transport`, since the resources of a `dashscope.Client` speak only typed messages.

    It is built without the `Client` around it, which reads the environment, a settings object of the whole process and
    `~/.dashscope/config.toml` whatever it is given: a wrong `DASHSCOPE_TIMEOUT` stops it, and the environment sets the
    size of its pool. Nothing of the 1.x interface and no module global is used.
    """

    pools = _POOLS
    timeouts = (sdk_errors.APITimeoutError,)
    connection_errors = (sdk_errors.APIConnectionError,)

    @staticmethod
    def _build(base_url: str, http_client: Any) -> SyncTransport:
        return SyncTransport(base_url=base_url, http_client=http_client, max_retries=_MAX_RETRIES)

    @staticmethod
    def _abuild(base_url: str, http_client: Any) -> AsyncTransport:
        return AsyncTransport(base_url=base_url, http_client=http_client, max_retries=_MAX_RETRIES)

    def _post(self, client: SyncTransport, request: Request) -> HTTPResponse:
        return client.open_stream(request.method, request.path, **self._payload(request))

    async def _apost(self, client: AsyncTransport, request: Request) -> HTTPResponse:
        return await client.open_stream(request.method, request.path, **self._payload(request))

    def _payload(self, request: Request) -> dict[str, Any]:
        connection, limit = self._connection, self._timeout()
        own_client = connection.http_client or connection.http_async_client
        key = request.api_key or connection.api_key
        headers = {
            "User-Agent": default_user_agent(),
            **connection.all_headers,
            **request.headers,
            **(_SSE_HEADERS if request.stream else {}),
            # Not through the SDK's `api_key` argument, which tracebacks would show among its variables.
            **authorization(key),
        }
        return {
            "json": None if request.method == "GET" else request.body,
            **({"params": dict(request.query)} if request.query else {}),
            "headers": headers,
            "base_url": connection.base_url,
            # The user's own client may be one of httpx2, which has another class for it.
            "timeout": limit if own_client else httpx.Timeout(limit, connect=min(CONNECT_TIMEOUT, limit)),
            "sdk_module": _MODULE,
        }

    def _error_response(self, error: Exception) -> HTTPResponse | None:
        # The SDK raises an error made of the response and keeps no reference to it; its own parser fails at bodies that
        # are nested too deeply or have a number of too many digits (dashscope 2.0.2).
        return response_in_frame(error, sdk_errors.check_response)
