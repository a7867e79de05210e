"""The operations on workspaces."""

from __future__ import annotations

from typing import Any

from langchain_qwen_workspace.sandbox._admin.account import SITES, Account, Workspace
from langchain_qwen_workspace.sandbox._admin.refusals import OperationRefusal, invalid_parameter, not_found
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest

# The bounds of the Terraform provider of Alibaba Cloud (since 1.244.0).
_NAME_LENGTHS = range(1, 31)
# Regions with one deployment scope (SDK source of 2.2.3).
_ONE_SITE = ("cn-beijing", "ap-southeast-1")


def find_workspace(account: Account, request: AdminRequest, workspace_id: str) -> Workspace:
    """Return a workspace of the region that the request is for.

    Raises:
        OperationRefusal: If the region has no such workspace.
    """
    for workspace in account.workspaces(request.access_key.region):
        if workspace.id == workspace_id:
            return workspace
    raise not_found("Workspace", workspace_id)


def find_sub_workspace(account: Account, request: AdminRequest) -> Workspace:
    """Return the workspace that the request names, if its permissions and limits may be changed.

    Raises:
        OperationRefusal: If there is no such workspace, or it is the default one.
    """
    workspace = find_workspace(account, request, request.require("workspaceId"))
    if workspace.is_default:
        text = "The default workspace may call every model and has no limits of its own."
        raise OperationRefusal("Workspace.DefaultNotSupported", text)
    return workspace


def list_workspaces(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `ListWorkspaces`."""
    workspace_id, name = request.text("workspaceId"), request.text("workspaceName") or ""
    rows = [
        _render(workspace, request)
        for workspace in account.workspaces(request.access_key.region)
        if workspace_id in (None, workspace.id) and name.lower() in workspace.name.lower()
    ]
    return request.page("workspaces", rows)


def create_workspace(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `CreateWorkspace`; the new workspace may call no model."""
    name, region, site = request.require("workspaceName"), request.access_key.region, request.text("serviceSite")
    if len(name) not in _NAME_LENGTHS:
        raise invalid_parameter("workspaceName", "workspaceName should have 1 to 30 characters.")
    if site is not None and (region in _ONE_SITE or site not in {*SITES.values(), "global"}):
        raise invalid_parameter("serviceSite", f"serviceSite {site} is not supported in {region}.")
    with account.lock:
        if any(workspace.name == name for workspace in account.workspaces(region)):
            raise OperationRefusal("Workspace.NameExists", f"The workspace name {name} already exists.")
        workspace = account.add_workspace(name, region, models=(), site=site or "")
    return {"workspace": _render(workspace, request)}


def delete_workspace(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `DeleteWorkspace`; a workspace that has keys is not deleted, although the answer is a success."""
    with account.lock:
        workspace = find_workspace(account, request, request.object_id)
        if workspace.is_default:
            raise OperationRefusal("Workspace.DefaultNotSupported", "The default workspace cannot be deleted.")
        keys = [key for key in account.keys(workspace.region) if key.workspace_id == workspace.id]
        if keys:
            reason = {"resourceType": "API_KEY", "reason": f"The workspace has {len(keys)} API keys."}
            return {"isDeleted": False, "failReasons": [reason]}
        account.delete_workspace(workspace.id)
    return {"isDeleted": True, "failReasons": []}


def _render(workspace: Workspace, request: AdminRequest) -> dict[str, Any]:
    return {
        "workspaceId": workspace.id,
        "workspaceName": workspace.name,
        # The service names the workspace's own host; here that is the sandbox.
        "apiHost": request.host,
        "region": workspace.region,
        "serviceSite": workspace.site,
        "gmtCreate": workspace.created_at,
    }
