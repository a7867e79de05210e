"""The operations on API keys."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._admin.account import ALL_ADDRESSES, Account, ApiKey, Scope
from langchain_qwen_workspace.sandbox._admin.permissions import not_authorized
from langchain_qwen_workspace.sandbox._admin.refusals import invalid_parameter, not_found
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from langchain_qwen_workspace.sandbox._admin.workspaces import find_workspace

# Model Studio docs, get-api-key (2026-08-11).
_MOST_IP_RANGES = 20
_ORDERS = {"apiKeyId": "id", "gmtCreate": "created_at"}


def list_api_keys(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `ListApiKeys`."""
    key_id, workspace_id = request.text("apiKeyId"), request.text("workspaceId")
    if workspace_id is not None:
        find_workspace(account, request, workspace_id)
    part = request.text("description") or ""
    keys = [
        key
        for key in account.keys(request.access_key.region)
        if key_id in (None, str(key.id)) and workspace_id in (None, key.workspace_id) and part in key.description
    ]
    field = _ORDERS[request.choice("orderBy", tuple(_ORDERS))]
    order = request.choice("order", ("DESC", "ASC"))
    keys.sort(key=lambda key: (getattr(key, field), key.id), reverse=order == "DESC")
    return request.page("apiKeys", [_render(account, key) for key in keys])


def get_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `GetApiKey`."""
    return {"apiKey": _render(account, _find_key(account, request))}


def create_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `CreateApiKey`; without a workspace the key is one of the default workspace."""
    workspace_id = request.text("workspaceId")
    if workspace_id is None:
        workspace_id = account.default_workspace(request.access_key.region).id
    scope = _read_scope(request)
    with account.lock:
        find_workspace(account, request, workspace_id)
        key = account.add_key(workspace_id, request.text("description") or "", scope)
    shown = _render(account, key)
    names = ("apiKeyId", "createdBy", "description", "gmtCreate", "workspaceId")
    return {"apiKey": {**{name: shown[name] for name in names}, "apiKeyValue": key.value}}


def update_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `UpdateApiKey`; what the request does not have stays as it is."""
    with account.lock:
        key = _find_key(account, request)
        if any(name.startswith("auth.") for name in request.parameters):
            key = replace(key, scope=_read_scope(request))
        account.change_key(replace(key, description=request.parameters.get("description", key.description)))
    return {}


def disable_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `DisableApiKey`."""
    return _set_disabled(account, request, is_disabled=True)


def enable_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `EnableApiKey`."""
    return _set_disabled(account, request, is_disabled=False)


def reset_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `ResetApiKey` with the new value; the old one is refused from now on."""
    with account.lock:
        key = account.reset_key(_find_key(account, request).id)
    return {"apiKey": {"apiKeyId": key.id, "apiKeyValue": key.value, "workspaceId": key.workspace_id}}


def delete_api_key(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `DeleteApiKey`."""
    with account.lock:
        account.delete_key(_find_key(account, request).id)
    return {}


def _set_disabled(account: Account, request: AdminRequest, *, is_disabled: bool) -> dict[str, Any]:
    with account.lock:
        account.change_key(replace(_find_key(account, request), is_disabled=is_disabled))
    return {}


def _find_key(account: Account, request: AdminRequest) -> ApiKey:
    for key in account.keys(request.access_key.region):
        if str(key.id) == request.object_id:
            return key
    raise not_found("ApiKey", request.object_id)


def _read_scope(request: AdminRequest) -> Scope | None:
    """Return what a key may do; None for all.

    Raises:
        OperationRefusal: If a range is not an address, there are too many, or a model is not known.
    """
    if request.choice("auth.type", ("All", "Custom")) == "All":
        return None
    ranges = request.list("auth.accessIps")
    if len(ranges) > _MOST_IP_RANGES:
        raise invalid_parameter("auth.accessIps", f"At most {_MOST_IP_RANGES} IP ranges are allowed.")
    for each in ranges:
        try:
            ip_network(each, strict=False)
        except ValueError:
            raise invalid_parameter("auth.accessIps", f"{each} is not an IP address or a CIDR block.") from None
    models = None
    # "The list takes effect only when allowAllModels is set to false" (SDK source of 2.2.3).
    if request.boolean("auth.modelAccessScope.allowAllModels") is False:
        models = frozenset(request.list("auth.modelAccessScope.accessibleModels"))
        for model in sorted(models):
            if _models.find(model) is None:
                raise not_authorized(model)
    return Scope(tuple(ranges) or ALL_ADDRESSES, models)


def _render(account: Account, key: ApiKey) -> dict[str, Any]:
    scope = None
    if key.scope is not None:
        models = key.scope.models
        scope = {
            "accessIps": list(key.scope.ip_ranges),
            "modelAccessScope": {"allowAllModels": models is None, "accessibleModels": sorted(models or ())},
        }
    return {
        "apiKeyId": key.id,
        # Whether the service masks the value is not documented: the strict reading.
        "apiKeyValue": f"{key.value[:3]}****{key.value[-4:]}",
        "auth": {"type": "Custom", **scope} if scope else {"type": "All"},
        "createdBy": "sandbox",
        "description": key.description,
        "disabled": int(key.is_disabled),
        "gmtCreate": key.created_at,
        "workspaceId": key.workspace_id,
        "workspaceName": account.workspace(key.workspace_id).name,
    }
