"""What went wrong, in one tree for both protocols, and the one table that says which failure is which.

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
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core import exceptions as core

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_qwen_workspace._types import Origin


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
        partial: Of embeddings that needed several requests: what was done before the error, and what was not.
    """

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
    """No key was given; nothing was sent."""


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


class _Row(NamedTuple):
    kind: type[QwenWorkspaceError]
    hint: str | None = None


_MISMATCH = _Row(
    AuthenticationError,
    "A key works only in the region and plan it was made in: {region} was called. "
    "Check the key for typing errors, and `region` against the console page that shows it.",
)
_NOT_GRANTED = _Row(
    PermissionDeniedError,
    "Workspace {workspace} has no permission for model {model!r}. A workspace administrator grants it in the "
    "Model Studio console ({region}), under the workspace's model permissions.",
)
_OTHER_WORKSPACE = _Row(
    PermissionDeniedError,
    "Workspace {workspace} was called: check that the key belongs to it. A workspace's own host takes only that "
    "workspace's keys; without `workspace_id` the region's shared host is called.",
)
_NOT_FOUND = _Row(
    NotFoundError,
    "Check the name {model!r} for typing errors, and whether {region} offers it: a retired model and one of "
    "another region answer the same.",
)
_NO_WORKSPACE = _Row(NotFoundError, "Check `workspace_id` ({workspace}) and `region` ({region}).")
_UNPAID = _Row(BillingError, "The Alibaba Cloud account has to settle this; a retry is refused again.")
_FREE_TIER = _Row(
    BillingError,
    "The free tier of {model!r} is used up. Switch off “stop when the free tier is used up” in the console to "
    "be billed, or take another model.",
)
_THROTTLED = _Row(RateLimitError, "The limit is per minute and shared by the account: wait, or ask for a higher one.")
_BURST = _Row(RateLimitError, "Requests rose too quickly: start slower.")
_REFUSED = _Row(InvalidRequestError)
_FILTERED = _Row(ContentFilterError, "The content inspection found something inappropriate; change the input.")
_OVERFLOW = _Row(ContextLengthError, "Shorten or trim the messages, or take a model with a larger context.")
_FAILED = _Row(ServerError)
_WRONG_ENDPOINT = _Row(
    InvalidRequestError,
    "{model!r} belongs to the other native endpoint. For a fine-tuned or deployed model name the model it was made "
    "from in `base_model`; otherwise please report the model.",
)

# Texts that say more than the code beside them (Model Studio docs, error codes, 2026-08-18, sections of HTTP 400/429).
_BY_TEXT: tuple[tuple[str, _Row], ...] = (
    ("Range of input length should be", _OVERFLOW),
    ("Total message token length exceed model limit", _OVERFLOW),
    ("Free allocated quota exceeded", _FREE_TIER),
    ("url error, please check url", _WRONG_ENDPOINT),
    ("Model not exist", _NOT_FOUND),
    ("The product is not activated", _UNPAID),
    ("No backend server available", _FAILED),
)

# Codes of both protocols, lower-cased; a dotted code without a row takes the one of its longest prefix.
# Model Studio docs, error codes, 2026-08-18; field reports for the two `*.AccessDenied` of hosts and workspaces.
_BY_CODE: dict[str, _Row] = {
    "invalidapikey": _MISMATCH,
    "invalid_api_key": _MISMATCH,
    "not authorized": _Row(AuthenticationError, _OTHER_WORKSPACE.hint),
    "model.accessdenied": _NOT_GRANTED,
    "accessdenied": _NOT_GRANTED,
    "access_denied": _NOT_GRANTED,
    "accessdenied.unpurchased": _Row(BillingError, "Model Studio is not activated for the account in {region}."),
    "workspace.accessdenied": _OTHER_WORKSPACE,
    "app.accessdenied": _OTHER_WORKSPACE,
    "endpoint.accessdenied": _Row(
        PermissionDeniedError,
        "Either the key belongs to another workspace than {workspace}, whose host was called, or model {model!r} "
        "is retired.",
    ),
    "allocationquota.freetieronly": _FREE_TIER,
    "arrearage": _UNPAID,
    "commoditynotpurchased": _UNPAID,
    "prepaidbilloverdue": _UNPAID,
    "postpaidbilloverdue": _UNPAID,
    "modelnotfound": _NOT_FOUND,
    "model_not_found": _NOT_FOUND,
    "model.notexist": _NOT_FOUND,
    "model_not_supported": _Row(NotFoundError, 'Only the native protocol has {model!r}: use `protocol="dashscope"`.'),
    "workspacenotfound": _NO_WORKSPACE,
    "notfound": _Row(NotFoundError, "Check `base_url`, if it was given."),
    # Per minute and transient, whatever the text says about billing (docs, rate limits, 2026-08-19).
    "insufficient_quota": _THROTTLED,
    "throttling": _THROTTLED,
    "throttling.burstrate": _BURST,
    "limitrequests": _THROTTLED,
    "limit_requests": _THROTTLED,
    "limit_burst_rate": _BURST,
    "resourceexhausted": _THROTTLED,
    "datainspectionfailed": _FILTERED,
    "data_inspection_failed": _FILTERED,
    "faqruleblocked": _FILTERED,
    "customroleblocked": _FILTERED,
    "ipinfringementsuspect": _FILTERED,
    "invalidparameter": _REFUSED,
    "invalid_parameter_error": _REFUSED,
    "invalid_value": _REFUSED,
    "badrequest": _REFUSED,
    "conflict": _REFUSED,
    "internalerror": _FAILED,
    "internal_error": _FAILED,
    # The inference engine's refusals of the request itself come as HTTP 400 under this code.
    "internalerror.algo.invalidparameter": _REFUSED,
    "modelservingerror": _Row(ServerError, "The service is short of capacity: wait and try again."),
    "modelunavailable": _Row(ServerError, "The model is short of capacity: wait and try again."),
    "serviceunavailable": _FAILED,
    "requesttimeout": _Row(APITimeoutError, "The answer took too long: stream it, or ask for less."),
    "responsetimeout": _Row(APITimeoutError, "The answer took too long: stream it, or ask for less."),
}

_BY_STATUS: dict[int, _Row] = {
    401: _MISMATCH,
    402: _UNPAID,
    403: _OTHER_WORKSPACE,
    404: _NOT_FOUND,
    408: _Row(APITimeoutError),
    429: _THROTTLED,
}
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


def _row(*, code: str | None, status_code: int | None, message: str) -> _Row:
    for text, row in _BY_TEXT:
        if text in message:
            return row
    prefix = (code or "").lower()
    while prefix:
        if found := _BY_CODE.get(prefix):
            return found
        prefix = prefix.rpartition(".")[0]
    if status_code in _BY_STATUS:
        return _BY_STATUS[status_code]
    if status_code is not None and status_code >= _SERVER_ERROR:
        return _FAILED
    if (status_code is not None and status_code >= _CLIENT_ERROR) or code == "invalid_request_error":
        return _REFUSED
    return _Row(QwenWorkspaceError)


def failure_in(body: object, *, failed: bool = False) -> dict[str, str | None] | None:
    """Return `code`, `message`, `request_id` and `type` if an answer's body is an error in either protocol's shape.

    Both shapes come on both protocols, and inside answers of status 200 as well: as the whole body of a request
    that a rule stopped, or as an event of a stream.

    Args:
        body: The body, or one event.
        failed: Whether its status or its event's name says that it is an error.
    """
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        inner = error
    elif isinstance(error, str) and error:
        inner = {"message": error}
    elif (failed and body.get("message")) or (body.get("code") and "choices" not in body and not body.get("output")):
        inner = body
    else:
        return None
    return {
        "code": _text(inner.get("code")),
        "type": _text(inner.get("type")),
        "message": _text(inner.get("message")),
        "request_id": _text(body.get("request_id")),
    }


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def error_for(
    failure: Mapping[str, str | None],
    *,
    status_code: int | None,
    model: str | None,
    origin: Origin,
    request_id: str | None = None,
) -> QwenWorkspaceError:
    """Return the error for a failure that the service declared.

    Args:
        failure: What `failure_in` found in the body; empty if the body said nothing.
        status_code: The HTTP status, or that of the event; `None` if a stream's event did not name one.
        model: The model that was called.
        origin: Who was called.
        request_id: The id in the headers, used where the body has none.
    """
    message = failure.get("message") or f"The service answered with HTTP status {status_code} and no message."
    code = failure.get("code")
    # The compatible protocol at times puts the code into `type` and leaves `code` null (recording of 2026-02-25).
    row = _row(code=code or failure.get("type"), status_code=status_code, message=message)
    place = {
        "model": model,
        "region": origin.region,
        "workspace": origin.workspace_id or "(no `workspace_id` given)",
    }
    return row.kind(
        message,
        code=code,
        status_code=status_code,
        request_id=failure.get("request_id") or request_id,
        model=model,
        protocol=origin.protocol,
        region=origin.region,
        workspace_id=origin.workspace_id,
        hint=row.hint.format(**place) if row.hint else None,
    )
