"""The errors of this package: one tree for all protocols.

QwenWorkspaceError
├── ConfigurationError            workspace, host or parameters contradict each other   (ValueError)
├── InvalidRequestError           400: the service refused the request                  (ModelInvalidRequestError)
│   ├── UnsupportedInputError     refused by this package, before anything was sent     (ValueError)
│   ├── ContextLengthError        more tokens than the model's context                  (ContextOverflowError)
│   └── ContentFilterError        stopped by the content inspection
├── AuthenticationError           401: the host does not accept the key                 (ModelAuthenticationError)
│   └── MissingApiKeyError        there is no key; nothing was sent
├── PermissionDeniedError         403: the workspace may not do that                    (ModelPermissionDeniedError)
│   └── BillingError              overdue bill, not activated, free tier or plan used up
├── NotFoundError                 404: no such model, workspace or route                (ModelNotFoundError)
├── RateLimitError                429: too many requests; the limit is per minute       (ModelRateLimitError)
├── ServerError                   5xx: the service failed                               (ModelAPIError)
│   └── InvalidResponseError      the response does not follow the protocol
├── StructuredOutputError         the answer has no object of the schema                (OutputParserException)
├── APITimeoutError               no response in time                                   (ModelTimeoutError)
└── APIConnectionError            the service was not reached                           (ModelConnectionError)
    └── StreamInterruptedError    the stream ended before the answer was complete

In brackets: what each class also inherits, from `langchain_core.exceptions` unless it is a built-in. `data._errors`
lists which failure of the service becomes which error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core import exceptions as core

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._redaction import mask_keys

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk


@dataclass(frozen=True, slots=True)
class PartialEmbeddings:
    """The inputs that were embedded, and those that were not, when one of a call's several requests failed.

    Attributes:
        embedded: Vectors by the position of their input. Of an iterator, those that it had not yielded yet.
        missing: Inputs without a vector, by their position; embed these to continue. Of an iterator, those that it had
            taken from its source.
    """

    embedded: dict[int, Any]
    missing: dict[int, Any]

    def __repr__(self) -> str:
        """Return only the numbers: the inputs themselves do not belong in logs."""
        return f"PartialEmbeddings({len(self.embedded)} embedded, {len(self.missing)} missing)"


class QwenWorkspaceError(core.ModelError):
    """The root of every error that this package raises. If an SDK raised one, it is the `__cause__`.

    Attributes:
        message: What happened; the service's own message if it sent one.
        code: The service's error code, such as `Model.AccessDenied`, or `None`.
        status_code: The HTTP status, or `None`. Of an error inside a stream or another response of status 200, the
            status that it names. If its message contains the status of the inference engine
            (`<400> InternalError.Algo…`), that one.
        is_retryable: Whether the call can succeed if it is made again, so that `max_retries` applies.
        request_id: The id of the request, which Alibaba Cloud's support asks for, or `None` if there was no response.
        model: The model that was called.
        protocol: `"openai"`, `"dashscope"` or `"responses"`.
        region: The region that was called, or `None` if it is not known.
        workspace_id: The workspace that was called, or `None` if it is not known.
        server: The server that was called, such as `"vllm"`, if it is not Model Studio, otherwise `None`.
        hint: What to do about it, in one or two sentences, or `None`.
        retry_after: The seconds that the service or a gateway asks to wait before the next attempt, in the headers,
            the body or the message, or `None` if it does not ask. Of a plan's quota, the seconds until it is reset.
        partial_message: The part of a streamed chat answer that arrived before the error, also when `invoke` streams;
            `None` if nothing arrived. Its tool calls may be incomplete.
        partial: The result so far of embeddings that needed several requests, or `None`.
    """

    retry_after: float | None = None
    partial_message: AIMessageChunk | None = None
    partial: PartialEmbeddings | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        model: str | None = None,
        protocol: str | None = None,
        region: str | None = None,
        workspace_id: str | None = None,
        server: str | None = None,
        hint: str | None = None,
    ) -> None:
        message = mask_keys(message)
        super().__init__(message)
        self.message = message
        # Of a malformed response, code and id may be of any type.
        self.code: str | None = code and mask_keys(str(code))
        self.status_code = status_code
        self.request_id: str | None = request_id and mask_keys(str(request_id))
        self.model = model
        self.protocol = protocol
        self.region = region
        self.workspace_id = workspace_id
        self.server = server
        self.hint = hint

    def __str__(self) -> str:
        """Return what happened, where, and what to do, in one line: the attributes have a server's text as it is."""
        details = {
            "status": self.status_code,
            "code": self.code,
            "model": self.model,
            "protocol": self.protocol,
            "region": self.region,
            "workspace": self.workspace_id,
            "server": self.server,
            "request id": self.request_id,
        }
        known = ", ".join(f"{name}: {value}" for name, value in details.items() if value is not None)
        return escape_control_characters(" ".join(filter(None, (self.message, known and f"({known})", self.hint))))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(error_class: type[QwenWorkspaceError], message: str, state: dict[str, Any]) -> QwenWorkspaceError:
    error = error_class(message)
    error.__dict__.update(state)
    return error


class ConfigurationError(QwenWorkspaceError, ValueError):
    """The workspace, host or parameters contradict each other, or one of them does not exist."""


class InvalidRequestError(QwenWorkspaceError, core.ModelInvalidRequestError):
    """The service refused the request (HTTP 400, or a 4xx without its own class); sending it again does not help."""


class UnsupportedInputError(InvalidRequestError, ValueError):
    """This package refused the input because it cannot be sent as it is; nothing was sent."""


class ContextLengthError(InvalidRequestError, core.ContextOverflowError):
    """The input has more tokens than the model's context."""


class ContentFilterError(InvalidRequestError):
    """The service's content inspection stopped the input or the output."""


class AuthenticationError(QwenWorkspaceError, core.ModelAuthenticationError):
    """The host that was called does not accept the key (HTTP 401)."""


class MissingApiKeyError(AuthenticationError):
    """No key was given, or the key provider failed or returned no key; nothing was sent."""


class PermissionDeniedError(QwenWorkspaceError, core.ModelPermissionDeniedError):
    """The workspace has no permission for the call (HTTP 403)."""


class BillingError(PermissionDeniedError):
    """The account or its plan cannot pay for the call, whatever the HTTP status. A retry does not help.

    A bill is overdue, the service is not activated, or a free tier or a plan's quota is used up; `hint` says which.
    """


class NotFoundError(QwenWorkspaceError, core.ModelNotFoundError):
    """The model, workspace or route does not exist (HTTP 404)."""


class RateLimitError(QwenWorkspaceError, core.ModelRateLimitError):
    """The last minute or second had too many requests or tokens (HTTP 429); the call can succeed later."""


class ServerError(QwenWorkspaceError, core.ModelAPIError):
    """The service failed (HTTP 5xx)."""


class InvalidResponseError(ServerError):
    """The response does not follow the protocol: it is not JSON, or required parts are missing or malformed.

    It is not retried, although `is_retryable` is true: the answer was paid for, and the next one would be too.
    """


class StructuredOutputError(QwenWorkspaceError, core.OutputParserException):
    """The model answered, but not with an object of the requested schema."""


class APITimeoutError(QwenWorkspaceError, core.ModelTimeoutError):
    """The service did not respond in time."""


class APIConnectionError(QwenWorkspaceError, core.ModelConnectionError):
    """The service was not reached, or the connection was lost."""


class StreamInterruptedError(APIConnectionError):
    """The stream ended before the answer was complete.

    No event had a `finish_reason`, or, on the protocol `"responses"`, none ended the response (`response.completed`).
    """
