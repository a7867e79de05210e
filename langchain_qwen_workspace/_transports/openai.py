"""The official `openai` SDK as a carrier of JSON."""

from typing import Any, TypeVar

import httpx2
import openai

from langchain_qwen_workspace._transports._answers import HTTPResponse, error_in
from langchain_qwen_workspace._transports._http import HTTPTransport, told
from langchain_qwen_workspace._types import Request
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
)


class OpenAITransport(HTTPTransport[openai.OpenAI, openai.AsyncOpenAI]):
    """Sends through `client.post`, the SDK's documented door for any path and for raw responses.

    It keeps the SDK's authentication, pool, retries and timeouts, and skips `chat.completions.create`, which walks
    through every message of the conversation to transform it (50 ms for 200 messages, openai 3.54).
    """

    def _build(self) -> openai.OpenAI:
        client = openai.OpenAI(**self._arguments(), http_client=openai.DefaultHttpxClient(timeout=self._timeout))
        return _without_environment(client, self._connection.all_headers)

    def _close(self, client: openai.OpenAI) -> None:
        client.close()

    def _build_async(self) -> openai.AsyncOpenAI:
        # Not the SDK's own, which closes itself in whatever loop runs when it is dropped.
        http_client = openai.DefaultAsyncHttpxClient(timeout=self._timeout)
        client = openai.AsyncOpenAI(**self._arguments(), http_client=http_client)
        return _without_environment(client, self._connection.all_headers)

    async def _close_async(self, client: openai.AsyncOpenAI) -> None:
        await client.close()

    @property
    def _timeout(self) -> httpx2.Timeout:
        # Connecting has the limit that both SDKs give it where nothing is said.
        return httpx2.Timeout(self._connection.timeout, connect=min(5.0, self._connection.timeout))

    def _arguments(self) -> dict[str, Any]:
        connection = self._connection
        return {
            "api_key": connection.api_key,
            "base_url": connection.base_url,
            "timeout": self._timeout,
            "max_retries": connection.max_retries,
            # Said outright: for `None` the SDK takes OPENAI_ADMIN_KEY, OPENAI_ORG_ID and OPENAI_PROJECT_ID.
            "admin_api_key": "",
            "organization": "",
            "project": "",
            "webhook_secret": "",
        }

    def _post(self, client: openai.OpenAI, request: Request) -> HTTPResponse:
        response: httpx2.Response = client.post(
            request.path, body=request.body, cast_to=httpx2.Response, **_options(request)
        )
        return response

    async def _apost(self, client: openai.AsyncOpenAI, request: Request) -> HTTPResponse:
        response: httpx2.Response = await client.post(
            request.path, body=request.body, cast_to=httpx2.Response, **_options(request)
        )
        return response

    def _error(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        match error:
            case openai.APIStatusError(response=response):
                return error_in(response, request)
            case openai.APITimeoutError() | httpx2.TimeoutException():
                return APITimeoutError("The request timed out.", **request.place)
            case httpx2.DecodingError():
                return InvalidResponseError(f"The answer cannot be unpacked: {told(error)}.", **request.place)
            case openai.APIConnectionError() | httpx2.RequestError():
                return APIConnectionError(f"The connection failed: {told(error)}.", **request.place)
            case _:
                return None


def _options(request: Request) -> Any:
    options = {"options": {"headers": dict(request.headers)}} if request.headers else {}
    return {"stream": True, "stream_cls": openai.Stream[Any], **options} if request.stream else options


_Client = TypeVar("_Client", openai.OpenAI, openai.AsyncOpenAI)


def _without_environment(client: _Client, headers: dict[str, str]) -> _Client:
    client.organization = client.project = None
    # Any headers that are passed get those of OPENAI_CUSTOM_HEADERS added (openai 3.54, lib/_client_auth.py).
    client._custom_headers = headers  # noqa: SLF001 - the SDK has no other way to leave them out
    return client
