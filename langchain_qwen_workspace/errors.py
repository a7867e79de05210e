"""What went wrong, in one tree for both protocols; `_failures` says which failure is which.

QwenWorkspaceError
├── ConfigurationError            workspace, host or parameters contradict each other   (ValueError)
├── InvalidRequestError           400: refused as it is                                 (ModelInvalidRequestError)
│   ├── UnsupportedInputError     refused here, before anything was sent                (ValueError)
│   ├── ContextLengthError        more tokens than the model takes                      (ContextOverflowError)
│   └── ContentFilterError        stopped by the content inspection
├── AuthenticationError           401: the key is not one of this host's                (ModelAuthenticationError)
│   └── MissingApiKeyError        no key at all; nothing was sent
├── PermissionDeniedError         403: the workspace may not do that                    (ModelPermissionDeniedError)
│   └── BillingError              overdue, not bought, free tier used up
├── NotFoundError                 404: no such model, workspace or route                (ModelNotFoundError)
├── RateLimitError                429: too fast; the limit is per minute                (ModelRateLimitError)
├── ServerError                   5xx: the service failed                               (ModelAPIError)
│   └── InvalidResponseError      the answer is not what the protocol promises
├── StructuredOutputError         the answer holds no object of the schema              (OutputParserException)
├── APITimeoutError               no answer in time                                     (ModelTimeoutError)
└── APIConnectionError            the service was not reached                           (ModelConnectionError)
    └── StreamInterruptedError    the stream ended before the answer did

In brackets what each also inherits, from `langchain_core.exceptions` where it is not a built-in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core import exceptions as core

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk


@dataclass(frozen=True, slots=True)
class PartialEmbeddings:
    """What was done and what was not when a call that needed several requests failed.

    Attributes:
        embedded: Vectors by the position of their text. An iterator's are those that it had not given out yet.
        missing: Texts without a vector, by their position; embed these to go on. An iterator's are those that it had
            taken from its source.
    """

    embedded: dict[int, Any]
    missing: dict[int, Any]

    def __repr__(self) -> str:
        """Return how much: the texts themselves do not belong into logs."""
        return f"PartialEmbeddings({len(self.embedded)} embedded, {len(self.missing)} missing)"


class QwenWorkspaceError(core.ModelError):
    """Root of every error this package raises. The SDK's own exception, where there is one, is its `__cause__`.

    Attributes:
        message: What happened, in the service's words where it said something.
        code: The service's error code, such as `Model.AccessDenied`, or `None`.
        status_code: The HTTP status, also of an error inside a stream where the frame names it, or `None`.
        request_id: What Alibaba Cloud's support asks for, or `None` if no answer came.
        model: The model that was called.
        protocol: `"openai"` or `"dashscope"`.
        region: The region that was called.
        workspace_id: The workspace that called, if it is known.
        hint: What to do about it, in one or two sentences, or `None`.
        retry_after: Seconds that the service asks to wait before the next attempt, or `None` if it does not say.
        partial_message: Of a chat answer that was streamed, also by `invoke`: what came before the error; `None` if
            nothing came. Its tool calls may be half written.
        partial: Of embeddings that needed several requests: what was done before the error, and what was not.
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
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status_code = status_code
        self.request_id = request_id
        self.model = model
        self.protocol = protocol
        self.region = region
        self.workspace_id = workspace_id
        self.hint = hint

    def __str__(self) -> str:
        facts = {
            "status": self.status_code,
            "code": self.code,
            "model": self.model,
            "protocol": self.protocol,
            "region": self.region,
            "workspace": self.workspace_id,
            "request id": self.request_id,
        }
        known = ", ".join(f"{name}: {value}" for name, value in facts.items() if value is not None)
        return " ".join(filter(None, (self.message, known and f"({known})", self.hint)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: type[QwenWorkspaceError], message: str, state: dict[str, Any]) -> QwenWorkspaceError:
    error = kind(message)
    error.__dict__.update(state)
    return error


class ConfigurationError(QwenWorkspaceError, ValueError):
    """The workspace, the host or the parameters contradict each other or name what does not exist."""


class InvalidRequestError(QwenWorkspaceError, core.ModelInvalidRequestError):
    """The service refused the request as it is (HTTP 400 and its kin); repeating it does not help."""


class UnsupportedInputError(InvalidRequestError, ValueError):
    """The input cannot be sent as it is; nothing was sent."""


class ContextLengthError(InvalidRequestError, core.ContextOverflowError):
    """The input has more tokens than the model takes."""


class ContentFilterError(InvalidRequestError):
    """The content inspection stopped the input or the output."""


class AuthenticationError(QwenWorkspaceError, core.ModelAuthenticationError):
    """The key is not accepted by the host that was called (HTTP 401)."""


class MissingApiKeyError(AuthenticationError):
    """No key was given, or the callable that gives it failed or returned none; nothing was sent with it."""


class PermissionDeniedError(QwenWorkspaceError, core.ModelPermissionDeniedError):
    """The workspace may not do what was asked (HTTP 403)."""


class BillingError(PermissionDeniedError):
    """The account or its plan does not pay for the call, whatever the HTTP status; waiting does not help."""


class NotFoundError(QwenWorkspaceError, core.ModelNotFoundError):
    """There is no such model, workspace or route (HTTP 404)."""


class RateLimitError(QwenWorkspaceError, core.ModelRateLimitError):
    """Too many requests or tokens in the last minute or second (HTTP 429); later they pass."""


class ServerError(QwenWorkspaceError, core.ModelAPIError):
    """The service failed (HTTP 5xx)."""


class InvalidResponseError(ServerError):
    """The answer is not what the protocol promises: no JSON, or JSON without its parts."""


class StructuredOutputError(QwenWorkspaceError, core.OutputParserException):
    """The model answered, but not with an object of the schema that was asked for."""


class APITimeoutError(QwenWorkspaceError, core.ModelTimeoutError):
    """No answer came in time."""


class APIConnectionError(QwenWorkspaceError, core.ModelConnectionError):
    """The service was not reached, or the connection broke."""


class StreamInterruptedError(APIConnectionError):
    """The stream ended before the answer did: the service never said why it stopped."""
