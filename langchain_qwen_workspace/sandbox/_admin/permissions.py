"""The operations on what a workspace may do with each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._admin.account import INFERENCE, Account, Workspace
from langchain_qwen_workspace.sandbox._admin.refusals import OperationRefusal, invalid_parameter
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from langchain_qwen_workspace.sandbox._admin.workspaces import find_sub_workspace, find_workspace

# Actions by the names of the RAM operations.
ACTIONS = {INFERENCE: INFERENCE, "fineTune": "fine_tune", "deploy": "deploy"}
MODES = ("KEEP", "OPEN", "CLOSE")
# Model Studio docs, update-model-permissions (2026-08-20).
MOST_MODELS = 20


def not_authorized(model: str) -> OperationRefusal:
    """Return the refusal of a model that cannot be permitted (text: the page for workspace keys, 2026-08-20)."""
    return OperationRefusal("InvalidParameter", f"Model {model} is not authorized for Inference")


def list_model_permissions(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `ListModelPermissions`."""
    workspace = find_workspace(account, request, request.require("workspaceId"))
    authorized = request.choice("authorizationScope", ("AUTHORIZABLE", "AUTHORIZED")) == "AUTHORIZED"
    if authorized:
        request.choice("modelAction", ("INFERENCE",))
    rows = [
        {
            "model": model,
            "name": model,
            "permissions": {name: action in actions_of(workspace, model) for name, action in ACTIONS.items()},
        }
        for model in find_models(workspace, request.text("filter.model"), request.text("filter.name"))
        if not authorized or INFERENCE in actions_of(workspace, model)
    ]
    return request.page("list", rows)


def update_model_permissions(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `UpdateModelPermissions`."""
    mode = request.choice("accessAllEntities", MODES)
    items = list(_read_items(request))
    with account.lock:
        workspace = find_sub_workspace(account, request)
        account.change(change_permissions(workspace, mode, items))
    return {}


def change_permissions(workspace: Workspace, mode: str, items: Iterable[tuple[str, Mapping[str, bool]]]) -> Workspace:
    """Return a workspace with other permissions.

    Args:
        workspace: The workspace.
        mode: `OPEN` permits all models, `CLOSE` takes every permission away, `KEEP` changes those of single models.
        items: With `KEEP`, the models, each with the actions to permit or not.

    Raises:
        OperationRefusal: If there are too many models or too few, one cannot be permitted, or the permission of a
            single model is taken away while all are permitted.
    """
    items = list(items)
    if mode != MODES[0]:
        if items:
            raise invalid_parameter("models", f"models must be empty with accessAllEntities {mode}.")  # our text
        return replace(workspace, is_open=mode == "OPEN", grants=workspace.grants if mode == "OPEN" else {})
    if not 1 <= len(items) <= MOST_MODELS:
        raise invalid_parameter("models", f"models should have 1 to {MOST_MODELS} items.")
    grants = dict(workspace.grants)
    for model, actions in items:
        if _models.find(model) is None:
            raise not_authorized(model)
        if workspace.is_open and actions.get(INFERENCE) is False:
            text = f"All models are permitted; send CLOSE before you take the permission for {model} away."  # our text
            raise OperationRefusal("InvalidParameter", text)
        permitted = grants.get(model, frozenset())
        for action, is_permitted in actions.items():
            permitted = permitted | {action} if is_permitted else permitted - {action}
        grants[model] = permitted
    return replace(workspace, grants=grants)


def actions_of(workspace: Workspace, model: str) -> frozenset[str]:
    """Return what a workspace may do with a model."""
    always = frozenset({INFERENCE}) if workspace.is_open else frozenset()
    return always | workspace.grants.get(model, frozenset())


def find_models(workspace: Workspace, model: str | None, name: str | None) -> list[str]:
    """Return the models of the catalogue, and those that the workspace may call, by an exact and a part of a name."""
    known = {*_models.CATALOGUE, *workspace.grants}
    return sorted(each for each in known if model in (None, each) and (name or "").lower() in each)


def _read_items(request: AdminRequest) -> Iterable[tuple[str, Mapping[str, bool]]]:
    number = 1
    while any(name.startswith(f"models.{number}.") for name in request.parameters):
        given = {action: request.boolean(f"models.{number}.{name}") for name, action in ACTIONS.items()}
        actions = {action: value for action, value in given.items() if value is not None}
        yield request.require(f"models.{number}.model"), actions
        number += 1
