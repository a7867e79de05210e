"""The operations on the rate limits of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._admin.account import Account, Workspace
from langchain_qwen_workspace.sandbox._admin.permissions import find_models, not_authorized
from langchain_qwen_workspace.sandbox._admin.rate_limits import Limit
from langchain_qwen_workspace.sandbox._admin.refusals import OperationRefusal, invalid_parameter
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from langchain_qwen_workspace.sandbox._admin.workspaces import find_sub_workspace, find_workspace

# Model Studio docs, update-model-limits (2026-08-20).
MOST_MODELS = 200
OPERATIONS = ("OVERLAY", "DELETE")
_FIELDS = ("request_limit", "request_limit_period", "usage_limit", "usage_limit_period")
_NAMES = {
    "model": "model",
    "operationType": "operation_type",
    "requestLimit": "request_limit",
    "requestLimitPeriod": "request_limit_period",
    "usageLimit": "usage_limit",
    "usageLimitPeriod": "usage_limit_period",
}
# What the account may do with every model, in the recorded form.
_MODEL_LIMIT = Limit(500, 1, 500_000, 6)


def list_model_limits(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `ListModelLimits`."""
    workspace = find_workspace(account, request, request.require("workspaceId"))
    rows = [
        {
            "model": row["model"],
            "name": row["model"],
            "workspaceId": workspace.id,
            "modelLimit": _to_camel_case(row["model_limit"]),
            "workspaceLimit": row["workspace_limit"] and _to_camel_case(row["workspace_limit"]),
        }
        for row in render_limits(workspace, find_models(workspace, request.text("model"), request.text("name")))
    ]
    return request.page("limits", rows, sizes=range(201))


def update_model_limits(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `UpdateModelLimits`."""
    items = request.json("workspaceLimits", list)
    if not all(isinstance(item, dict) for item in items):
        raise invalid_parameter("workspaceLimits", "workspaceLimits should be a JSON array of objects.")
    renamed = [{_NAMES.get(name, name): value for name, value in item.items()} for item in items]
    with account.lock:
        account.change(change_limits(find_sub_workspace(account, request), renamed))
    return {}


def render_limits(workspace: Workspace, models: Iterable[str]) -> list[dict[str, Any]]:
    """Return the limits of a workspace for some models, as the API for workspace keys writes them."""
    limits = ((model, workspace.limits.get(model)) for model in models)
    return [
        {
            "model": model,
            "workspace_id": workspace.id,
            "model_limit": _render(_MODEL_LIMIT),
            "workspace_limit": _render(limit) if limit else None,
        }
        for model, limit in limits
    ]


def change_limits(workspace: Workspace, items: Iterable[Mapping[str, Any]]) -> Workspace:
    """Return a workspace with other limits.

    Args:
        workspace: The workspace.
        items: Each has a `model`, an `operation_type`, and with `OVERLAY` the fields of the limit; one that is missing
            keeps its value.

    Raises:
        OperationRefusal: If an item is not complete or not allowed.
    """
    items = list(items)
    if not 1 <= len(items) <= MOST_MODELS:
        raise invalid_parameter("workspaceLimits", f"workspaceLimits should have 1 to {MOST_MODELS} items.")
    limits = dict(workspace.limits)
    for item in items:
        model, operation = item.get("model"), item.get("operation_type")
        if not isinstance(model, str) or _models.find(model) is None:
            raise not_authorized(str(model))
        if operation not in OPERATIONS:
            raise invalid_parameter("operationType", f"operationType should be one of {', '.join(OPERATIONS)}.")
        values = {name: item[name] for name in _FIELDS if item.get(name) is not None}
        if operation == "OVERLAY":
            limits[model] = _overlay(model, limits.get(model), values)
        elif values:
            raise invalid_parameter("workspaceLimits", f"DELETE of {model} must not have values.")  # our text
        else:
            limits.pop(model, None)
    return replace(workspace, limits=limits)


def _overlay(model: str, current: Limit | None, values: Mapping[str, Any]) -> Limit:
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise invalid_parameter(name, f"{name} of {model} should be a positive integer.")
    merged = {**(asdict(current) if current else {}), **values}
    if merged.get("usage_limit") and not merged.get("request_limit"):
        # The text of the page for workspace keys (2026-08-20).
        text = f"Cannot set TPM without QPM for model {model}: no existing QPM limit, please set QPM first"
        raise OperationRefusal("InvalidParameter", text)
    for kind in ("request", "usage"):
        if (merged.get(f"{kind}_limit") is None) != (merged.get(f"{kind}_limit_period") is None):
            raise invalid_parameter(f"{kind}_limit", f"{model} needs a {kind} limit and its period.")  # our text
    if "request_limit" not in merged:
        raise invalid_parameter("request_limit", f"{model} needs a limit.")  # our text
    return Limit(**merged)


def _render(limit: Limit) -> dict[str, Any]:
    return {
        "request_limit": limit.request_limit,
        "request_limit_period": limit.request_limit_period,
        "usage_limit": limit.usage_limit,
        "usage_limit_field": limit.usage_limit and "total_tokens",
        "usage_limit_period": limit.usage_limit_period,
        "async_user_queue_limit": None,
        "async_user_concurrency_limit": None,
    }


def _to_camel_case(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        first + "".join(map(str.title, rest)): value
        for name, value in fields.items()
        for first, *rest in [name.split("_")]
    }
