"""The official `openai` SDK as a carrier of JSON."""

from functools import partial
from typing import Any, TypeVar

import httpx
import httpx2
import openai

from langchain_qwen_workspace._transports._answers import (
    HTTPResponse,
    error_in,
    is_error,
    say_whether_to_retry,
)
from langchain_qwen_workspace._transports._connection import CONNECT_TIMEOUT, Connection
from langchain_qwen_workspace._transports._http import HTTPTransport
from langchain_qwen_workspace._types import Request
from langchain_qwen_workspace.errors import QwenWorkspaceError


class OpenAITransport(HTTPTransport[openai.OpenAI, openai.AsyncOpenAI]):
    """Sends through `client.post`, the SDK's documented door for any path and for raw responses.

    It keeps the SDK's authentication, pool, retries and timeouts, and skips `chat.completions.create`, which walks
    through every message of the conversation to transform it (50 ms for 200 messages, openai 3.54).
    """

    timeouts = (openai.APITimeoutError, httpx.TimeoutException, httpx2.TimeoutException)
    unpacking_failures = (httpx.DecodingError, httpx2.DecodingError)
    connection_failures = (openai.APIConnectionError, httpx.RequestError, httpx2.RequestError)

    def __init__(self, connection: Connection) -> None:
        """Remember the connection; nothing is opened."""
        super().__init__(
            connection,
            build=partial(_build, connection),
            build_async=partial(_build_async, connection),
            close_async=openai.AsyncOpenAI.close,
        )

    def _post(self, client: openai.OpenAI, request: Request, retries: int) -> tuple[HTTPResponse, int]:
        body = {} if request.method == "GET" else {"body": request.body}
        send: Any = client.get if request.method == "GET" else client.post
        response: httpx2.Response = send(request.path, **body, cast_to=httpx2.Response, **_options(request, retries))
        return response, retries - _taken(response)

    async def _apost(self, client: openai.AsyncOpenAI, request: Request, retries: int) -> tuple[HTTPResponse, int]:
        body = {} if request.method == "GET" else {"body": request.body}
        send: Any = client.get if request.method == "GET" else client.post
        response: httpx2.Response = await send(
            request.path, **body, cast_to=httpx2.Response, **_options(request, retries)
        )
        return response, retries - _taken(response)

    def _declared(self, error: Exception, request: Request) -> QwenWorkspaceError | None:
        return error_in(error.response, request) if isinstance(error, openai.APIStatusError) else None


def _options(request: Request, retries: int) -> Any:
    options: dict[str, Any] = {"max_retries": retries}
    if request.headers:
        options["headers"] = dict(request.headers)
    if request.query:
        options["params"] = dict(request.query)
    return {"options": options, **({"stream": True, "stream_cls": openai.Stream[Any]} if request.stream else {})}


def _taken(response: httpx2.Response) -> int:
    """Return how often the SDK sent a request again, which it tells the server."""
    return int(response.request.headers.get("x-stainless-retry-count", "0"))


def _timeout(connection: Connection) -> httpx2.Timeout:
    return httpx2.Timeout(connection.timeout, connect=min(CONNECT_TIMEOUT, connection.timeout))


class OpenAI(openai.OpenAI):
    """The SDK's client, whose errors say whether they may pass later.

    In the step where the SDK itself puts an answer right for its providers (openai 3.50 and 3.57, `_send_request`). An
    event hook of the HTTP client would do for one that was made here, but would stay on one that the user made. The SDK
    tells the server the class's name, which is therefore its own.
    """

    def _send_request(self, request: httpx2.Request, *, stream: bool, **kwargs: Any) -> httpx2.Response:
        response = super()._send_request(request, stream=stream, **kwargs)
        if is_error(response):
            response.read()
            say_whether_to_retry(response)
        return response


class AsyncOpenAI(openai.AsyncOpenAI):
    """The same for asynchronous calls."""

    async def _send_request(self, request: httpx2.Request, *, stream: bool, **kwargs: Any) -> httpx2.Response:
        response = await super()._send_request(request, stream=stream, **kwargs)
        if is_error(response):
            await response.aread()
            say_whether_to_retry(response)
        return response


def _build(connection: Connection) -> openai.OpenAI:
    http_client = connection.http_client or openai.DefaultHttpxClient(timeout=_timeout(connection))
    return _without_environment(OpenAI(**_arguments(connection), http_client=http_client), connection)


def _build_async(connection: Connection) -> openai.AsyncOpenAI:
    # Not the client that the SDK builds itself, which closes itself in whatever loop runs when it is dropped.
    http_client = connection.http_async_client or openai.DefaultAsyncHttpxClient(timeout=_timeout(connection))
    return _without_environment(AsyncOpenAI(**_arguments(connection), http_client=http_client), connection)


def _arguments(connection: Connection) -> dict[str, Any]:
    return {
        "api_key": connection.api_key,
        "base_url": connection.base_url,
        "timeout": _timeout(connection),
        "max_retries": connection.max_retries,
        # Said outright: for `None` the SDK takes OPENAI_ADMIN_KEY, OPENAI_ORG_ID and OPENAI_PROJECT_ID.
        "admin_api_key": "",
        "organization": "",
        "project": "",
        "webhook_secret": "",
    }


_Client = TypeVar("_Client", openai.OpenAI, openai.AsyncOpenAI)


def _without_environment(client: _Client, connection: Connection) -> _Client:
    client.organization = client.project = None
    # Any headers that are passed get those of OPENAI_CUSTOM_HEADERS added (openai 3.54, lib/_client_auth.py).
    client._custom_headers = connection.all_headers  # noqa: SLF001 - the SDK has no other way to leave them out
    return client
