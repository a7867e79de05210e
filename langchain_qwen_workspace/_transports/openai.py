"""Sends JSON through the official `openai` SDK."""

from typing import Any, TypeVar

import httpx2
import openai

from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace._transports._http import HTTPTransport
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, response_in_frame
from langchain_qwen_workspace._transports.connection import CONNECT_TIMEOUT, Connection, authorization
from langchain_qwen_workspace._transports.pools import Pools

# Not the clients that the SDK builds itself: an asynchronous one that is dropped closes itself in whatever loop runs.
_POOLS = Pools(httpx2, openai.DefaultHttpxClient, openai.DefaultAsyncHttpxClient)


class OpenAITransport(HTTPTransport[openai.OpenAI, openai.AsyncOpenAI]):
    """Sends through `client.post`, which the SDK documents for any path and for raw responses.

    It keeps the SDK's authentication, pool and timeouts, and skips `chat.completions.create`, which walks through every
    message of the conversation to transform it (50 ms for 200 messages, openai 3.54).
    """

    pools = _POOLS
    timeouts = (openai.APITimeoutError,)
    connection_errors = (openai.APIConnectionError,)

    @staticmethod
    def _build(base_url: str, http_client: Any) -> openai.OpenAI:
        return _without_environment(openai.OpenAI(base_url=base_url, http_client=http_client, **_CLIENT_ARGUMENTS))

    @staticmethod
    def _abuild(base_url: str, http_client: Any) -> openai.AsyncOpenAI:
        return _without_environment(openai.AsyncOpenAI(base_url=base_url, http_client=http_client, **_CLIENT_ARGUMENTS))

    def _post(self, client: openai.OpenAI, request: Request) -> HTTPResponse:
        send: Any = client.get if request.method == "GET" else client.post
        response: HTTPResponse = send(request.path, **_arguments_of(request, self._timeout(), self._connection))
        return response

    async def _apost(self, client: openai.AsyncOpenAI, request: Request) -> HTTPResponse:
        send: Any = client.get if request.method == "GET" else client.post
        response: HTTPResponse = await send(request.path, **_arguments_of(request, self._timeout(), self._connection))
        return response

    def _error_response(self, error: Exception) -> HTTPResponse | None:
        if isinstance(error, openai.APIStatusError):
            return error.response
        # The SDK decodes a body in the charset that it states, which may be none; we change it only in responses that
        # our own HTTP clients receive (openai 3.57).
        maker = openai.OpenAI._make_status_error_from_response  # noqa: SLF001 - its frame has the response
        return response_in_frame(error, maker)


def _arguments_of(request: Request, timeout: float, connection: Connection) -> dict[str, Any]:
    options: dict[str, Any] = {"timeout": timeouts_of(timeout), "headers": headers_of(request, connection)}
    if request.query:
        options["params"] = dict(request.query)
    return {
        "cast_to": httpx2.Response,
        **({} if request.method == "GET" else {"body": request.body}),
        "options": options,
        # The body is read by us, piece by piece.
        "stream": True,
        "stream_cls": openai.Stream[Any],
    }


def timeouts_of(timeout: float) -> httpx2.Timeout:
    """Return the SDK's timeouts for a request that may wait so many seconds for one thing."""
    return httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout))


def headers_of(request: Request, connection: Connection) -> dict[str, Any]:
    """Return the headers of a request, which the SDK prefers to the client's."""
    headers: dict[str, Any] = {**connection.all_headers, **request.headers}
    if request.api_key:
        return {**headers, **authorization(request.api_key)}
    if "authorization" in {name.lower() for name in headers}:
        return headers
    # A server that needs no key; the SDK refuses a request without the header, unless it is left out expressly.
    own = authorization(connection.api_key) if connection.api_key else {"Authorization": openai.Omit()}
    return {**own, **headers}


_CLIENT_ARGUMENTS: dict[str, Any] = {
    "max_retries": 0,  # One retry policy for every protocol: `_retry_policy`.
    # Explicitly empty: for `None` the SDK reads OPENAI_API_KEY and others. A key is given with each request.
    "api_key": "",
    "admin_api_key": "",
    "organization": "",
    "project": "",
    "webhook_secret": "",
}

_Client = TypeVar("_Client", openai.OpenAI, openai.AsyncOpenAI)


def _without_environment(client: _Client) -> _Client:
    client.organization = client.project = None
    # The SDK reads headers from OPENAI_CUSTOM_HEADERS (openai 3.54, lib/_client_auth.py).
    client._custom_headers = {}  # noqa: SLF001 - the SDK has no other way to leave them out
    return client
