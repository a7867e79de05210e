"""Turns HTTP responses, whichever HTTP library received them, into JSON objects and errors."""

import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._redaction import excerpt
from langchain_qwen_workspace._seam import PARTIAL, Json, Request
from langchain_qwen_workspace._transports._body import MAX_ERROR_BYTES, charset_of, is_cut
from langchain_qwen_workspace._transports._json import parse_json
from langchain_qwen_workspace._transports._retry_policy import apply_retry_headers
from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError

_SHOWN = 200
_OK = 200
_BEFORE_JSON = " \t\r\n\ufeff"
"""Blanks and the byte order mark, which some gateways write before a body or before each frame."""


class HTTPResponse(Protocol):
    """What `httpx` (dashscope) and `httpx2` (openai) responses have in common."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers, their names in any case."""

    @property
    def is_closed(self) -> bool:
        """Whether the connection may carry another response."""

    @property
    def content(self) -> bytes:
        """The body, once it was read."""

    @property
    def charset_encoding(self) -> str | None:
        """The charset that the headers state."""

    def read(self) -> bytes:
        """Read the body."""

    def close(self) -> None:
        """Release the connection."""

    async def aread(self) -> bytes:
        """Read the body."""

    async def aclose(self) -> None:
        """Release the connection."""


def read_response(response: HTTPResponse, request: Request) -> Json:
    """Return the JSON object of a response whose body was read, with the request id of its headers.

    Raises:
        QwenWorkspaceError: The response is an error, whatever its status.
        InvalidResponseError: It is not a JSON object.
    """
    # A body that is not UTF-8 is decoded with replacement characters.
    body = _parse(response.content) or _parse(_text_of(response))
    if read_failure(body) or response.status_code != _OK:
        raise error_from_response(response, request)
    if not isinstance(body, dict):
        raise invalid_response_error(
            f"The response is not a JSON object: {excerpt(_text_of(response), _SHOWN)!r}.",
            request_id_of(response),
            request,
        )
    body.setdefault("request_id", request_id_of(response))
    if response.headers.get("x-dashscope-partialresponse", "").lower() == "true":
        # After about 300 seconds, with status 200 and at times no `finish_reason` (Model Studio docs, chat, 2026-09).
        body[PARTIAL] = True
    return body


def error_from_response(response: HTTPResponse, request: Request) -> QwenWorkspaceError:
    """Return the error that a response states by its body or its status, with the wait that its headers ask for.

    The only place where the body of an error is read, whichever SDK received it.
    """
    text = _text_of(response)
    error = error_for(
        read_failure(_parse(response.content) or _parse(text), failed=True)
        or _failure_in_frames(text)
        or {"message": f"The service responded with HTTP status {response.status_code}: {excerpt(text, _SHOWN)!r}."},
        status_code=response.status_code,
        model=request.model,
        destination=request.destination,
        request_id=request_id_of(response),
    )
    if is_cut(response):
        error.message += f" Only the first {len(response.content)} bytes were read; see `max_response_bytes`."
    apply_retry_headers(error, response.headers)
    return error


def _text_of(response: HTTPResponse) -> str:
    """Return the beginning of a body as text, also if it is not text."""
    return response.content[:MAX_ERROR_BYTES].decode(charset_of(response), "replace")


def is_event_stream(response: HTTPResponse) -> bool:
    """Return whether the body is a stream; the service answers a request that a rule stopped in one piece."""
    return response.status_code == _OK and "text/event-stream" in response.headers.get("content-type", "").lower()


def response_in_frame(error: Exception, function: Callable[..., Any]) -> HTTPResponse | None:
    """Return the argument `response` of a function, if an exception was raised in it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is getattr(function, "__code__", None):
            response: HTTPResponse = frame.f_locals["response"]
            return response
    return None


def request_id_of(response: HTTPResponse) -> str | None:
    """Return the request id, which every response of the service has in its headers."""
    return response.headers.get("x-request-id")


def _parse(text: str | bytes) -> Any:
    """Return the JSON value of a body, `None` if it is not valid JSON."""
    before = _BEFORE_JSON if isinstance(text, str) else _BEFORE_JSON.encode()
    try:
        return parse_json(text.lstrip(before))  # type: ignore[arg-type]  # both are texts, or both are bytes
    except (ValueError, RecursionError):
        return None


def _failure_in_frames(text: str) -> dict[str, Any] | None:
    """Return the failure in an error body that is framed as a stream, as older gateways send it (dashscope 2.0.2)."""
    lines = (line.lstrip(_BEFORE_JSON) for line in text.splitlines())
    frames = (line.removeprefix("data:") for line in lines if line.startswith("data:"))
    return next((failure for frame in frames if (failure := read_failure(_parse(frame), failed=True))), None)


def invalid_response_error(message: str, request_id: str | None, request: Request) -> InvalidResponseError:
    """Return the error for a response that cannot be read."""
    return InvalidResponseError(
        message,
        request_id=request_id,
        **request.error_context,
        hint="A proxy or a wrong `base_url` can cause this: check `base_url`.",
    )
