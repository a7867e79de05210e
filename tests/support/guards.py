"""Looks into a `WorkspaceGuard`: how many slots are free, and how many calls wait for one."""

from collections.abc import Hashable

from langchain_qwen_workspace import WorkspaceGuard
from langchain_qwen_workspace.guard import _FairSemaphore

WORKSPACE_ID, MODEL = "ws-test", "qwen-plus"
"""The workspace and the model of the protocol stubs."""


def _semaphore(guard: WorkspaceGuard, workspace: Hashable, model: str) -> _FairSemaphore:
    semaphore = guard._limits_of(workspace, model).concurrency
    assert semaphore is not None
    return semaphore


def free_slots(guard: WorkspaceGuard, workspace: Hashable = WORKSPACE_ID, model: str = MODEL) -> int:
    """Return how many calls could start now."""
    return _semaphore(guard, workspace, model)._free


def waiting_calls(guard: WorkspaceGuard, workspace: Hashable = WORKSPACE_ID, model: str = MODEL) -> int:
    """Return how many calls wait for a slot."""
    return len(_semaphore(guard, workspace, model)._waiters)
