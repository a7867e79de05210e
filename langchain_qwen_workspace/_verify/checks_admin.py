"""Checks of the administration with an AccessKey. They only read."""

from langchain_qwen_workspace._admin.operations import list_rows
from langchain_qwen_workspace._verify.beliefs import Belief
from langchain_qwen_workspace._verify.observation import Observation
from langchain_qwen_workspace._verify.session import CannotKnow, Session
from langchain_qwen_workspace.admin import WorkspaceAdmin

_MASK = "*"


def check_workspaces(session: Session, _: Belief) -> Observation:
    """List the workspaces of the region; the one of the key should be among them."""
    ids = [workspace.id for workspace in _admin(session).workspaces()]
    wanted = session.workspace.workspace_id
    return Observation(wanted in ids if wanted else bool(ids), f"{len(ids)} workspaces are listed.")


def check_masked_keys(session: Session, _: Belief) -> Observation:
    """List the keys of the workspaces; the list should not have them in full."""
    admin = _admin(session)
    values = [
        str(row.get("apiKeyValue") or "")
        for workspace in admin.workspaces()
        for row in admin._run(  # noqa: SLF001 - a value of this package; `keys` leaves out the values
            list_rows("ListApiKeys", "apiKeys", "apiKeyId", workspaceId=workspace.id)
        )
    ]
    if not values:
        raise CannotKnow("There is no key to look at.")
    full = [value for value in values if value and _MASK not in value]
    return Observation(not full, f"{len(full)} of {len(values)} keys are listed in full.")


def check_limits(session: Session, _: Belief) -> Observation:
    """Read the limits of the key's workspace."""
    limits = _admin(session).limits(_workspace_id(session))
    return Observation(bool(limits), f"{len(limits)} models have limits.")


def check_permissions(session: Session, _: Belief) -> Observation:
    """Read the permissions of the key's workspace."""
    granted = _admin(session).permissions(_workspace_id(session))
    return Observation(bool(granted), f"{len(granted)} models are permitted.")


def _workspace_id(session: Session) -> str:
    if session.workspace.workspace_id is None:
        raise CannotKnow("No `--workspace-id` is given.")
    return session.workspace.workspace_id


def _admin(session: Session) -> WorkspaceAdmin:
    if not isinstance(session.admin, WorkspaceAdmin):
        raise CannotKnow("It needs an AccessKey: `--admin`.")
    return session.admin
