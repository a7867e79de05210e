"""The routes by which a workspace's own key changes its permissions and limits.

Shapes and texts: Model Studio docs, update-model-permissions and update-model-limits (2026-08-20), list-quotas
(2026-09-28). Which keys may do so is not documented: here those that are not restricted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_qwen_workspace.sandbox._admin.account import Account, Workspace
from langchain_qwen_workspace.sandbox._admin.limits import change_limits, render_limits
from langchain_qwen_workspace.sandbox._admin.permissions import ACTIONS, MODES, change_permissions
from langchain_qwen_workspace.sandbox._admin.refusals import OperationRefusal
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import Refusal, check_keys, parameter_error
from langchain_qwen_workspace.sandbox._http.management_routes import page, requested_names


class WorkspaceAdministration:
    """Answers the requests of workspaces about themselves.

    Args:
        account: The workspaces.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def list_limits(self, call: Call) -> Reply:
        """Answer `GET /models/limits`, and `/quotas`, its name outside China."""
        workspace = self._account.workspace(call.workspace.workspace_id)
        return page(call, "quotas", render_limits(workspace, requested_names(call)))

    def update_permissions(self, call: Call) -> Reply:
        """Answer `POST /models/permissions`."""
        check_keys(call.body, ("models", "access_all_entities"), "$")
        mode = call.body.get("access_all_entities") or MODES[0]
        if mode not in MODES:
            raise parameter_error(f"access_all_entities should be one of {', '.join(MODES)}.")
        items = [_read_permissions(item) for item in _read_models(call)]
        return self._change(call, lambda workspace: change_permissions(workspace, mode, items))

    def update_limits(self, call: Call) -> Reply:
        """Answer `POST /models/limits`."""
        check_keys(call.body, ("models",), "$")
        items = _read_models(call)
        return self._change(call, lambda workspace: change_limits(workspace, items))

    def _change(self, call: Call, change: Callable[[Workspace], Workspace]) -> Reply:
        """Change the calling workspace; a change that is refused has a body of its own form.

        Raises:
            Refusal: If the key may not change its workspace.
        """
        body = {"code": None, "message": None, "success": True, "output": None, "request_id": call.request_id}
        with self._account.lock:
            workspace = self._account.workspace(call.workspace.workspace_id)
            if workspace.is_default or call.key_models is not None:
                raise Refusal(code="AccessDenied")
            try:
                self._account.change(change(workspace))
            except OperationRefusal as refusal:
                code = refusal.code.partition(".")[0]
                return Reply({**body, "code": code, "message": str(refusal), "success": False}, status=400)
        return Reply(body)


def _read_models(call: Call) -> Sequence[Mapping[str, Any]]:
    models = call.body.get("models") or []
    if not isinstance(models, list) or not all(isinstance(item, dict) for item in models):
        raise parameter_error("models should be an array of objects.")  # our text
    return models


def _read_permissions(item: Mapping[str, Any]) -> tuple[str, Mapping[str, bool]]:
    """Return a model with the actions to permit or not."""
    model = item.get("model")
    actions = {action: item[action] for action in ACTIONS.values() if action in item}
    if not isinstance(model, str) or not all(isinstance(value, bool) for value in actions.values()):
        raise parameter_error("models should have a model, and true or false for each action.")  # our text
    return model, actions
