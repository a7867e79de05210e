"""Looks into a `WorkspaceGuard`: how many slots are free, and how many calls wait for one."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from langchain_qwen_workspace import WorkspaceGuard
from langchain_qwen_workspace._slots import Slots

WORKSPACE_ID, MODEL = "ws-test", "qwen-plus"
"""The workspace and the model of the protocol stubs."""


def _slots(guard: WorkspaceGuard, workspace: Hashable, model: str) -> Slots | None:
    limits = guard._limits.get((workspace, model))
    return None if limits is None else limits.concurrency


def free_slots(guard: WorkspaceGuard, workspace: Hashable = WORKSPACE_ID, model: str = MODEL) -> int:
    """Return how many calls could start now."""
    slots = _slots(guard, workspace, model)
    return guard.max_concurrency or 0 if slots is None else slots.free


def waiting_calls(guard: WorkspaceGuard, workspace: Hashable = WORKSPACE_ID, model: str = MODEL) -> int:
    """Return how many calls wait for a slot."""
    slots = _slots(guard, workspace, model)
    return 0 if slots is None else slots.waiting


@contextmanager
def hold_elsewhere(guard: WorkspaceGuard) -> Iterator[None]:
    """Occupy a slot in another thread until the block ends."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with guard.slot(WORKSPACE_ID, MODEL):
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        yield
    finally:
        release.set()
        thread.join()
