"""The control plane: finds the operation of a signed request, and writes its answer.

Paths, methods and fields: requests of the SDK 2.2.3, recorded 2026-11-29.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from langchain_qwen_workspace.sandbox._admin import billing, catalogue, keys, limits, permissions, workspaces
from langchain_qwen_workspace.sandbox._admin.account import Account
from langchain_qwen_workspace.sandbox._admin.refusals import GatewayRefusal, OperationRefusal
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from langchain_qwen_workspace.sandbox._admin.signature import AccessKeys

PATH_PREFIX = "/modelstudio/"
VERSION = "2026-02-10"


class _Operation(NamedTuple):
    """An operation: its method and path, its handler, and the field of its error text."""

    method: str
    path: str
    handler: Callable[[Account, AdminRequest], dict[str, Any]]
    text_field: str = "message"


_BILL_SUCCESS = {"code": "200", "message": "null", "success": True}
_PERMISSIONS, _LIMITS = f"{PATH_PREFIX}models/permissions", f"{PATH_PREFIX}models/limits"
_WORKSPACES, _KEYS = f"{PATH_PREFIX}workspaces", f"{PATH_PREFIX}apikeys"
_OPERATIONS: Mapping[str, _Operation] = {
    "ListWorkspaces": _Operation("GET", _WORKSPACES, workspaces.list_workspaces),
    "CreateWorkspace": _Operation("POST", _WORKSPACES, workspaces.create_workspace),
    "DeleteWorkspace": _Operation("DELETE", f"{_WORKSPACES}/{{id}}", workspaces.delete_workspace),
    "CreateApiKey": _Operation("POST", _KEYS, keys.create_api_key),
    "ListApiKeys": _Operation("GET", _KEYS, keys.list_api_keys),
    "GetApiKey": _Operation("GET", f"{_KEYS}/{{id}}", keys.get_api_key),
    "UpdateApiKey": _Operation("PUT", f"{_KEYS}/{{id}}", keys.update_api_key),
    "DisableApiKey": _Operation("PUT", f"{_KEYS}/{{id}}/disable", keys.disable_api_key),
    "EnableApiKey": _Operation("PUT", f"{_KEYS}/{{id}}/enable", keys.enable_api_key),
    "ResetApiKey": _Operation("PUT", f"{_KEYS}/{{id}}/reset", keys.reset_api_key),
    "DeleteApiKey": _Operation("DELETE", f"{_KEYS}/{{id}}", keys.delete_api_key),
    "ListModelPermissions": _Operation("GET", _PERMISSIONS, permissions.list_model_permissions, "errorMessage"),
    "UpdateModelPermissions": _Operation("POST", _PERMISSIONS, permissions.update_model_permissions, "errorMessage"),
    "ListModelLimits": _Operation("GET", _LIMITS, limits.list_model_limits, "errorMessage"),
    "UpdateModelLimits": _Operation("POST", _LIMITS, limits.update_model_limits, "errorMessage"),
    "ListModels": _Operation("GET", f"{PATH_PREFIX}models", catalogue.list_models, "errorMessage"),
    "GetBillingOverview": _Operation("GET", f"{PATH_PREFIX}billing/overview", billing.get_billing_overview),
    "GetBillingTrend": _Operation("GET", f"{PATH_PREFIX}billing/trend", billing.get_billing_trend),
}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived.

    Attributes:
        method: The HTTP method.
        path: The path, as it was sent.
        query: The query, as it was sent.
        headers: The headers, names in lower case.
        body: The body.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class ControlPlane:
    """Answers the signed requests of administrators.

    Args:
        account: The account.
        access_keys: The AccessKeys of its administrators.
    """

    def __init__(self, account: Account, access_keys: AccessKeys) -> None:
        self._account = account
        self._access_keys = access_keys

    def answer(self, request: HttpRequest, request_id: str) -> tuple[int, dict[str, Any]]:
        """Answer a request.

        Args:
            request: The request.
            request_id: The id of the response.

        Returns:
            The HTTP status and the body.
        """
        action = request.headers.get("x-acs-action", "")
        try:
            operation, object_id = _find_operation(action, request)
            access_key = self._access_keys.authenticate(
                request.method, request.path, request.query, request.headers, request.body
            )
            access_key.check_action(action)
        except GatewayRefusal as refusal:
            return refusal.status, refusal.body(request_id)
        host = request.headers.get("host", "")
        admin_request = AdminRequest(action, object_id, _read_parameters(request), host, access_key)
        envelope = {"requestId": request_id, "httpStatusCode": 200}
        try:
            body = operation.handler(self._account, admin_request)
        except OperationRefusal as refusal:
            envelope |= {"success": False, "code": refusal.code, "httpStatusCode": refusal.http_status_code}
            return refusal.status, {**envelope, operation.text_field: str(refusal)}
        if operation.path.startswith(f"{PATH_PREFIX}billing/"):
            return 200, {**_BILL_SUCCESS, "requestId": request_id, **body}
        return 200, {**envelope, "success": True, "code": "", operation.text_field: "", **body}


def _find_operation(action: str, request: HttpRequest) -> tuple[_Operation, str]:
    """Return the operation of a request, and the id in its path.

    Raises:
        GatewayRefusal: If there is no such operation, or it has another method, path or version.
    """
    operation = _OPERATIONS.get(action)
    if operation is None or operation.method != request.method or request.headers.get("x-acs-version") != VERSION:
        raise GatewayRefusal.of_fault(404, None, None)
    match = re.fullmatch(operation.path.replace("{id}", "([^/]+)"), request.path)
    if match is None:
        raise GatewayRefusal.of_fault(404, None, None)
    return operation, unquote("".join(match.groups()))


def _read_parameters(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of the query and of the form."""
    form = request.body.decode("latin-1") if "form-urlencoded" in request.headers.get("content-type", "") else ""
    return dict(parse_qsl(f"{request.query}&{form}", keep_blank_values=True))
