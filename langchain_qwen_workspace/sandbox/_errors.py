"""The service's error codes, and the error body of each protocol.

Codes and texts: Model Studio docs, error-code page of 2026-08-18. The `<400> InternalError.Algo…`
prefix is how every protocol reports what the inference service refused (public reports, 2025-03 to 2026-03).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

INVALID = "InvalidParameter"
INVALID_BODY = "Required body invalid, please check the request body format."


@dataclass(frozen=True, slots=True)
class _Row:
    openai_code: str
    openai_type: str
    status: int
    message: str
    openai_message: str | None = None


_REQUEST = "invalid_request_error"
_TOO_MANY = "You exceeded your current requests list."
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
# Codes that openai and dashscope spell differently, by the DashScope code.
_DIFFERENT_CODES: dict[str, _Row] = {
    "InvalidApiKey": _Row(
        "invalid_api_key", _REQUEST, 401, "Invalid API-key provided.", "Incorrect API key provided. "
    ),
    "AccessDenied": _Row("access_denied", "access_denied", 403, "Access denied."),
    "ModelNotFound": _Row("model_not_found", _REQUEST, 404, "Model can not be found."),
    "ModelNotSupported": _Row("model_not_supported", _REQUEST, 404, "Unsupported model."),
    "NotFound": _Row("NotFound", _REQUEST, 404, "Request path not found."),
    "Throttling.RateQuota": _Row(
        "limit_requests", "limit_requests", 429, "Requests rate limit exceeded, please try again later.", _TOO_MANY
    ),
    "LimitRequests": _Row("limit_requests", "limit_requests", 429, "You have exceeded your request limit.", _TOO_MANY),
    "ResourceExhausted": _Row(
        "limit_requests", "limit_requests", 429, "You have exceeded your request limit.", _TOO_MANY
    ),
    "Throttling.BurstRate": _Row("limit_burst_rate", "limit_burst_rate", 429, "Request rate increased too quickly."),
    "Throttling.AllocationQuota": _Row(
        "insufficient_quota", "insufficient_quota", 429, "Allocated quota exceeded.", _QUOTA
    ),
    INVALID: _Row("invalid_parameter_error", _REQUEST, 400, "Required parameter missing or invalid."),
    "InvalidParameter.NotSupportEnableThinking": _Row(
        "invalid_parameter_error", _REQUEST, 400, "The model does not support enable_thinking."
    ),
    "InvalidParameter.DataInspection": _Row(
        "invalid_parameter_error",
        _REQUEST,
        400,
        "Unable to download the media resource during the data inspection process.",
    ),
    "InternalError.Algo.InvalidParameter": _Row(
        "invalid_parameter_error",
        _REQUEST,
        400,
        "<400> InternalError.Algo.InvalidParameter: Required parameter missing or invalid.",
    ),
    "DataInspectionFailed": _Row(
        "data_inspection_failed",
        "data_inspection_failed",
        400,
        "Input or output data may contain inappropriate content.",
    ),
    "InternalError": _Row(
        "internal_error", "internal_error", 500, "An internal error has occured, please try again later."
    ),
    "InternalError.Algo": _Row(
        "internal_error",
        "internal_error",
        500,
        "An error occurred in model serving, error message is: [Request rejected by inference engine!]",
    ),
}
# Codes that openai and dashscope spell alike; openai repeats them as the type (public report, 2026-03). The page has
# no texts for the three rules, `SystemError`, `ModelServiceFailed`, `InvalidURL` and `BadRequest` except `TooLarge`:
# those texts are our own.
_SAME_CODES = (
    (
        "NOT AUTHORIZED",
        401,
        "Access denied: Either you are not authorized to access this workspace, or the workspace does not exist.",
    ),
    ("WorkSpaceNotFound", 404, "WorkSpace can not be found."),
    (
        "AccessDenied.Unpurchased",
        403,
        "Access to model denied. Please make sure you are eligible for using the model.",
    ),
    ("Model.AccessDenied", 403, "Model access denied."),
    ("Workspace.AccessDenied", 403, "Workspace access denied."),
    ("App.AccessDenied", 403, "App access denied."),
    ("Endpoint.AccessDenied", 403, "Workspace endpoint access denied."),
    (
        "AllocationQuota.FreeTierOnly",
        403,
        'The free tier of the model has been exhausted. Disable the "use free tier only" mode to continue.',
    ),
    ("Arrearage", 400, "Access denied, please make sure your account is in good standing."),
    # Unpaid bills have the status of a temporary limit.
    ("PrepaidBillOverdue", 429, "The prepaid bill is overdue."),
    ("PostpaidBillOverdue", 429, "The postpaid bill is overdue."),
    ("CommodityNotPurchased", 429, "Commodity has not purchased yet."),
    ("Throttling", 429, "Requests throttling triggered."),
    ("Throttling.Concurrency", 429, "Too many concurrent requests."),
    ("FaqRuleBlocked", 400, "The input hits a rule of the question list."),
    ("CustomRoleBlocked", 400, "The input hits a rule of the account."),
    ("IPInfringementSuspect", 400, "The input is suspected of infringing intellectual property."),
    ("BadRequest.EmptyInput", 400, "The input is empty."),
    ("BadRequest.EmptyParameters", 400, "The parameters are empty."),
    ("BadRequest.EmptyModel", 400, "The model is empty."),
    ("BadRequest.IllegalInput", 400, "The input is illegal."),
    ("BadRequest.InputDownloadFailed", 400, "The input could not be downloaded."),
    ("BadRequest.UnsupportedFileFormat", 400, "The file format is not supported."),
    ("BadRequest.ResourceNotExist", 400, "The resource does not exist."),
    ("BadRequest.TooLarge", 400, "Payload Too Large."),
    ("InvalidURL", 400, "The URL is invalid."),
    ("InvalidURL.ConnectionRefused", 400, "The connection to the URL was refused."),
    ("InvalidURL.Timeout", 400, "The download from the URL timed out."),
    ("ServiceUnavailableError", 400, "Role must be user or assistant and Content length must be greater than 0."),
    ("SystemError", 500, "A system error has occured, please try again later."),
    ("ModelServiceFailed", 500, "Failed to request the model service."),
    ("RequestTimeOut", 500, "Request timed out, please try again."),
    ("ResponseTimeout", 500, "Response timeout!"),
    (
        "ModelServingError",
        503,
        "Too many requests. Your requests are being throttled due to system capacity limits.",
    ),
    ("ModelUnavailable", 503, "Model is unavailable, please try again later."),
)
_TABLE = _DIFFERENT_CODES | {code: _Row(code, code, status, message) for code, status, message in _SAME_CODES}
_DASHSCOPE_CODES = {row.openai_code: code for code, row in reversed(_TABLE.items())}
_DEFAULT_CODES = {
    400: INVALID,
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "NotFound",
    429: "Throttling.RateQuota",
    500: "InternalError",
    503: "ModelUnavailable",
}


class Refusal(Exception):  # noqa: N818 - it is an answer of the service, not an error of the sandbox
    """The service refuses a request; each protocol renders it in its own body.

    Attributes:
        status: The HTTP status; by default the code's.
        code: The DashScope code.
        message: The DashScope text; by default the code's.
        openai_message: The OpenAI text, where it differs.
        by_model: Whether the inference service refused, after the gateway had accepted the request. DashScope
            streams report such a refusal inside a 200 stream (recorded 2024-02).
        with_id: Whether the OpenAI body has a `chatcmpl-` id.
        openai_code: The OpenAI code; empty to take the one that belongs to `code`; None to send null.
        param: The field at fault. Only files and batches name one, in a body without any id (recorded 2025-11).
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str = INVALID,
        status: int | None = None,
        openai_message: str | None = None,
        by_model: bool = False,
        with_id: bool = True,
        openai_code: str | None = "",
        param: str | None = None,
    ) -> None:
        row = _TABLE.get(code)
        self.status = status or (row.status if row else 400)
        self.code = code
        self.message = message or (row.message if row else code)
        self.openai_message = openai_message or message or (row and row.openai_message) or self.message
        self.by_model = by_model
        self.with_id = with_id
        self.openai_code = openai_code
        self.param = param
        super().__init__(self.message)


def parameter_error(message: str, *, code: str = INVALID) -> Refusal:
    """Return the refusal of a parameter or message by the API layer."""
    return Refusal(message, code=code, by_model=True)


def inference_error(message: str) -> Refusal:
    """Return the refusal of a parameter or message by the inference service, with its prefix."""
    return parameter_error(f"<400> InternalError.Algo.InvalidParameter: {message}")


def missing_parameter_error(name: str) -> Refusal:
    """Return the refusal of a required parameter that is missing or has the wrong type."""
    return parameter_error(f"Required parameter({name}) missing or invalid, please check the request parameters.")


def field_error(field: str, message: str, *, code: str = INVALID) -> Refusal:
    """Return the refusal of a field of a file or batch."""
    return Refusal(message, code=code, param=field, with_id=False, openai_code=None)


def check_keys(given: Iterable[str], allowed: Iterable[str], where: str) -> None:
    """Refuse keys that are not part of the API.

    Args:
        given: The keys of an object in the request.
        allowed: The documented keys.
        where: The path of the object in the body.

    Raises:
        Refusal: If a key is not documented.
    """
    if unknown := sorted(set(given) - set(allowed)):
        names = ", ".join(repr(name) for name in unknown)
        raise parameter_error(f"Additional properties are not allowed ({names} were unexpected) - '{where}'")


def dashscope_code(code: str | None, status: int) -> str:
    """Return the DashScope code for a code of any protocol, or the usual code of a status.

    Args:
        code: A code as any of the protocols spells it, or None.
        status: The HTTP status.

    Returns:
        The DashScope code; an unknown code is returned unchanged.
    """
    if code is None:
        return _DEFAULT_CODES.get(status, "InternalError")
    return code if code in _TABLE else _DASHSCOPE_CODES.get(code, code)


def dashscope_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return the error body of the DashScope protocol."""
    return {"code": refusal.code, "message": refusal.message, "request_id": request_id}


def openai_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return the error body of the OpenAI protocol."""
    row = _TABLE.get(refusal.code) or _Row(refusal.code, refusal.code, 0, "")
    code = row.openai_code if refusal.openai_code == "" else refusal.openai_code
    param = code if code == "insufficient_quota" else refusal.param
    error = {"message": refusal.openai_message, "type": row.openai_type or _REQUEST, "param": param, "code": code}
    body: dict[str, Any] = {"error": error}
    if refusal.param is not None:
        return body
    if refusal.with_id:
        body["id"] = f"chatcmpl-{request_id}"
    body["request_id"] = request_id
    return body
