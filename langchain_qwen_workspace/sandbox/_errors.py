"""What a refusal looks like: one table of the service's codes, one body for each wire.

Codes and texts: Model Studio docs, error-code page of 2026-08-18. The `<400> InternalError.Algo…`
prefix is how both wires report what the inference service refused (public reports, 2025-03 to 2026-03).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

WireName = Literal["compatible", "native"]

INVALID = "InvalidParameter"


@dataclass(frozen=True, slots=True)
class _Row:
    compatible: str
    type: str
    status: int
    message: str
    compatible_message: str | None = None


_REQUEST = "invalid_request_error"
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_TABLE: dict[str, _Row] = {
    INVALID: _Row("invalid_parameter_error", _REQUEST, 400, "Required parameter missing or invalid."),
    "InvalidParameter.NotSupportEnableThinking": _Row(
        "invalid_parameter_error", _REQUEST, 400, "The model does not support enable_thinking."
    ),
    "InvalidApiKey": _Row(
        "invalid_api_key", _REQUEST, 401, "Invalid API-key provided.", "Incorrect API key provided. "
    ),
    "ModelNotFound": _Row("model_not_found", _REQUEST, 404, "Model can not be found."),
    "ModelNotSupported": _Row("model_not_supported", _REQUEST, 404, "Unsupported model."),
    "NotFound": _Row("NotFound", _REQUEST, 404, "Request path not found."),
    "WorkSpaceNotFound": _Row("WorkSpaceNotFound", "WorkSpaceNotFound", 404, "WorkSpace can not be found."),
    "AccessDenied": _Row("access_denied", "access_denied", 403, "Access denied."),
    "Model.AccessDenied": _Row("Model.AccessDenied", "Model.AccessDenied", 403, "Model access denied."),
    "Workspace.AccessDenied": _Row("Workspace.AccessDenied", "Workspace.AccessDenied", 403, "Workspace access denied."),
    "Endpoint.AccessDenied": _Row(
        "Endpoint.AccessDenied", "Endpoint.AccessDenied", 403, "Workspace endpoint access denied."
    ),
    "AllocationQuota.FreeTierOnly": _Row(
        "AllocationQuota.FreeTierOnly",
        "AllocationQuota.FreeTierOnly",
        403,
        'The free tier of the model has been exhausted. Disable the "use free tier only" mode to continue.',
    ),
    "Arrearage": _Row(
        "Arrearage", "Arrearage", 400, "Access denied, please make sure your account is in good standing."
    ),
    "DataInspectionFailed": _Row(
        "data_inspection_failed",
        "data_inspection_failed",
        400,
        "Input or output data may contain inappropriate content.",
    ),
    "Throttling": _Row("Throttling", "Throttling", 429, "Requests throttling triggered."),
    "Throttling.RateQuota": _Row(
        "limit_requests",
        "limit_requests",
        429,
        "Requests rate limit exceeded, please try again later.",
        "You exceeded your current requests list.",
    ),
    "Throttling.BurstRate": _Row("limit_burst_rate", "limit_burst_rate", 429, "Request rate increased too quickly."),
    "Throttling.AllocationQuota": _Row(
        "insufficient_quota", "insufficient_quota", 429, "Allocated quota exceeded.", _QUOTA
    ),
    "Throttling.Concurrency": _Row(
        "Throttling.Concurrency", "Throttling.Concurrency", 429, "Too many concurrent requests."
    ),
    "PrepaidBillOverdue": _Row("PrepaidBillOverdue", "PrepaidBillOverdue", 429, "The prepaid bill is overdue."),
    "PostpaidBillOverdue": _Row("PostpaidBillOverdue", "PostpaidBillOverdue", 429, "The postpaid bill is overdue."),
    "CommodityNotPurchased": _Row(
        "CommodityNotPurchased", "CommodityNotPurchased", 429, "Commodity has not purchased yet."
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
    "RequestTimeOut": _Row("RequestTimeOut", "RequestTimeOut", 500, "Request timed out, please try again."),
    "ModelServingError": _Row(
        "ModelServingError",
        "ModelServingError",
        503,
        "Too many requests. Your requests are being throttled due to system capacity limits.",
    ),
    "ModelUnavailable": _Row(
        "ModelUnavailable", "ModelUnavailable", 503, "Model is unavailable, please try again later."
    ),
}
_BY_COMPATIBLE = {row.compatible: native for native, row in reversed(_TABLE.items())}
_BY_STATUS = {
    400: INVALID,
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "NotFound",
    429: "Throttling.RateQuota",
    500: "InternalError",
    503: "ModelUnavailable",
}


class Refusal(Exception):  # noqa: N818 - it is the service's answer, not an error of the sandbox
    """The service says no: one internal form, rendered in the words of whichever wire asked.

    Attributes:
        status: The HTTP status.
        code: The native code; the compatible one is looked up. None sends a null code there.
        message: The native text.
        compatible: The compatible wire's text where it differs.
        by_model: Whether the inference service refused, after the gateway had let the request pass. Native
            streams report such a refusal inside a 200 stream (recorded 2024-02).
        with_id: Whether the compatible body has a `chatcmpl-` id.
        fixed_code: A compatible code that differs from the table's.
        param: The field at fault. Only files and batches name one, in a body without any id (recorded 2025-11).
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str = INVALID,
        status: int | None = None,
        compatible: str | None = None,
        by_model: bool = False,
        with_id: bool = True,
        fixed_code: str | None = "",
        param: str | None = None,
    ) -> None:
        row = _TABLE.get(code)
        self.status = status or (row.status if row else 400)
        self.code = code
        self.message = message or (row.message if row else code)
        self.compatible = compatible or message or (row and row.compatible_message) or self.message
        self.by_model = by_model
        self.with_id = with_id
        self.fixed_code = fixed_code
        self.param = param
        super().__init__(self.message)


def refuse(message: str, *, code: str = INVALID) -> Refusal:
    """A parameter or message the API layer finds wrong."""
    return Refusal(message, code=code, by_model=True)


def refuse_algo(message: str) -> Refusal:
    """A parameter or message the inference service finds wrong; both wires carry its prefix."""
    return refuse(f"<400> InternalError.Algo.InvalidParameter: {message}")


def refuse_field(field: str, message: str, *, code: str = INVALID) -> Refusal:
    """A field of a file or batch that is wrong."""
    return Refusal(message, code=code, param=field, with_id=False, fixed_code=None)


def native_code(code: str | None, status: int) -> str:
    """The native code for either wire's code, or the usual one of a status.

    Args:
        code: A code in either wire's spelling, or None.
        status: The HTTP status it goes with.

    Returns:
        The native code; an unknown one stays as it is.
    """
    if code is None:
        return _BY_STATUS.get(status, "InternalError")
    return code if code in _TABLE else _BY_COMPATIBLE.get(code, code)


def native_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The native error body."""
    return {"code": refusal.code, "message": refusal.message, "request_id": request_id}


def compatible_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The OpenAI-compatible error body."""
    row = _TABLE.get(refusal.code) or _Row(refusal.code, refusal.code, 0, "")
    code = row.compatible if refusal.fixed_code == "" else refusal.fixed_code
    param = code if code == "insufficient_quota" else refusal.param
    error = {"message": refusal.compatible, "type": row.type, "param": param, "code": code}
    body: dict[str, Any] = {"error": error}
    if refusal.param is not None:
        return body
    if refusal.with_id:
        body["id"] = f"chatcmpl-{request_id}"
    body["request_id"] = request_id
    return body


def body(refusal: Refusal, wire: WireName, request_id: str) -> dict[str, Any]:
    """The error body of one wire.

    Args:
        refusal: What was refused.
        wire: Whose words to use.
        request_id: The request's id.

    Returns:
        The body to send as JSON.
    """
    return (compatible_body if wire == "compatible" else native_body)(refusal, request_id)
