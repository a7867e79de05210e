"""The official `dashscope` SDK, its 2.x client, as a carrier of JSON."""

import asyncio
import os
import time
from typing import Any

import dashscope
import httpx
from dashscope.v2 import errors as sdk_errors
from dashscope.v2.transport import _retry as sdk_retry

from langchain_qwen_workspace._transports._answers import HTTPResponse
from langchain_qwen_workspace._transports._http import HTTPTransport, told
from langchain_qwen_workspace._types import Request
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
    error_for,
    failure_in,
)

# The SDK's own header for streams and its name for this part of the service (dashscope 2.0.2, `v2/protocols`).
_SSE_HEADERS = {"X-DashScope-SSE": "enable"}
_MODULE = "aigc"
_ERROR_STATUS = 400


class DashScopeTransport(HTTPTransport[dashscope.Client, dashscope.AsyncClient]):
    """Sends through the `transport` of one `dashscope.Client`, since its resources speak only typed messages.

    Nothing of the 1.x surface and no module global is used: `dashscope.api_key`, `set_region` and their kin belong
    to the whole process.
    """

    def _build(self) -> dashscope.Client:
        return dashscope.Client(**self._arguments())

    def _close(self, client: dashscope.Client) -> None:
        client.close()

    def _build_async(self) -> dashscope.AsyncClient:
        return dashscope.AsyncClient(**self._arguments())

    async def _close_async(self, client: dashscope.AsyncClient) -> None:
        await client.aclose()

    def _arguments(self) -> dict[str, Any]:
        connection = self._connection
        return {
            "api_key": connection.api_key,
            "base_url": connection.base_url,
            # Said outright: for `None` the SDK takes the environment, its settings object and ~/.dashscope/config.toml.
            "workspace": connection.origin.workspace_id or "",
            "region": connection.origin.region,
            "protocol": "native",
            "timeout": connection.timeout,
            "max_retries": connection.max_retries,
            "config_path": os.devnull,
        }

    def _post(self, client: dashscope.Client, request: Request) -> HTTPResponse:
        transport = client.transport
        if not request.stream:
            return _checked(transport.request("POST", request.path, **self._payload(request)))
        attempt = 0
        while True:
            try:
                return transport.open_stream("POST", request.path, **self._payload(request))
            except sdk_errors.DashScopeError as error:
                if (delay := self._delay(error, attempt)) is None:
                    raise
            time.sleep(delay)
            attempt += 1

    async def _apost(self, client: dashscope.AsyncClient, request: Request) -> HTTPResponse:
        transport = client.transport
        if not request.stream:
            return _checked(await transport.request("POST", request.path, **self._payload(request)))
        attempt = 0
        while True:
            try:
                return await transport.open_stream("POST", request.path, **self._payload(request))
            except sdk_errors.DashScopeError as error:
                if (delay := self._delay(error, attempt)) is None:
                    raise
            await asyncio.sleep(delay)
            attempt += 1

    def _payload(self, request: Request) -> dict[str, Any]:
        headers = {**dict(self._connection.headers), **request.headers, **(_SSE_HEADERS if request.stream else {})}
        return {"json": request.body, "headers": headers, "sdk_module": _MODULE}

    def _delay(self, error: sdk_errors.DashScopeError, attempt: int) -> float | None:
        """Return the seconds to wait before a stream is opened again, `None` to give up.

        The SDK sends plain requests again and streams never; by its own rule, so that `max_retries` means the same
        for both. No event has come yet, so nothing can come twice.
        """
        if attempt >= self._connection.max_retries:
            return None
        if error.status_code is not None and not sdk_retry.should_retry(error.status_code, error.headers):
            return None
        return sdk_retry.backoff_delay(attempt, error.headers)

    def _error(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        match error:
            case sdk_errors.APITimeoutError() | httpx.TimeoutException():
                return APITimeoutError("The request timed out.", **request.place)
            case httpx.DecodingError():
                return InvalidResponseError(f"The answer cannot be unpacked: {told(error)}.", **request.place)
            case sdk_errors.APIConnectionError() | httpx.RequestError():
                return APIConnectionError(f"The connection failed: {told(error)}.", **request.place)
            case sdk_errors.DashScopeError():
                return error_for(
                    failure_in(error.body, failed=True)
                    or {"message": f"HTTP status {error.status_code}: {error.message[:200]!r}."},
                    status_code=error.status_code,
                    model=request.model,
                    origin=request.origin,
                    request_id=error.request_id,
                )
            case _:
                return None


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code >= _ERROR_STATUS and (error := sdk_errors.response_error(response)):
        raise error
    return response
