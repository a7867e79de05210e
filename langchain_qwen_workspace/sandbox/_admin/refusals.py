"""How the control plane refuses: at its gateway, or in the body of an answer with HTTP status 200.

Shapes: SDK source of 2.2.3 and recorded requests (2026-11-29). Which operation has which code is not public: codes
and texts of `OperationRefusal` are ours, but for the two texts of the pages for workspace keys (2026-08-20).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GATEWAY_CODES = {
    400: ("InvalidParameter", "The request has an invalid parameter."),
    401: ("InvalidAccessKeyId.Inactive", "Specified access key is disabled."),
    403: ("NoPermission", "You are not authorized to perform this action."),
    404: ("InvalidAction.NotFound", "Specified api is not found, please check your url and method."),
    429: ("Throttling.User", "Request was denied due to user flow control."),
    500: ("InternalError", "The request processing has failed due to some unknown error."),
    503: ("ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
}


class GatewayRefusal(Exception):  # noqa: N818 - it is an answer of the service, not an error of the sandbox
    """The gateway of Alibaba Cloud refuses a request.

    Attributes:
        status: The HTTP status.
        code: The error code.
    """

    def __init__(self, code: str, message: str, status: int, more: Mapping[str, Any] | None = None) -> None:
        self.status = status
        self.code = code
        self._more = more or {}
        super().__init__(message)

    @classmethod
    def of_fault(cls, status: int | None, code: str | None, message: str | None) -> GatewayRefusal:
        """Return the refusal that an injected fault stands for."""
        status = status or 500
        usual_code, usual_text = _GATEWAY_CODES.get(status, _GATEWAY_CODES[500])
        return cls(code or usual_code, message or usual_text, status)

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the body of the response."""
        return {"Code": self.code, "Message": str(self), "RequestId": request_id, **self._more}


class OperationRefusal(Exception):  # noqa: N818 - it is an answer of the service, not an error of the sandbox
    """An operation refuses a request: `success` is false in its answer.

    Attributes:
        status: The HTTP status.
        code: The error code.
        http_status_code: The status that the body names.
    """

    def __init__(self, code: str, message: str, *, http_status_code: int = 400, status: int = 200) -> None:
        self.status = status
        self.code = code
        self.http_status_code = http_status_code
        super().__init__(message)


def invalid_parameter(name: str, message: str) -> OperationRefusal:
    """Return the refusal of a parameter, whose HTTP status is 400."""
    return OperationRefusal(f"InvalidParameter.{name}", message, status=400)


def not_found(kind: str, value: str) -> OperationRefusal:
    """Return the refusal of an id that nothing has."""
    return OperationRefusal(f"{kind}.NotFound", f"The {kind} {value} does not exist.", http_status_code=404)
