"""A router, a guard, a usage handler and the models' caches keep nothing of tenants that call only once."""

import gc
from collections.abc import Callable
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    WorkspaceGuard,
    WorkspaceRouter,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._seam import PROVIDER

MOST_KEPT = 1_000
"""More tenants than any bounded cache keeps."""

DEFAULT = QwenWorkspace(api_key="sk-default", workspace_id="llm-default")


def objects_left_by(come: Callable[[str], object], tenants: int) -> int:
    """Return by how many objects the process grows while further tenants come."""
    for number in range(MOST_KEPT):
        come(f"early-{number}")
    before = count_objects()
    for number in range(tenants):
        come(f"late-{number}")
    return count_objects() - before


def count_objects() -> int:
    """Return the number of objects after a garbage collection."""
    # The first one stops tracking tuples of texts, the second one the tuples that hold them.
    gc.collect()
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.parametrize("tenants", [2_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_a_router_keeps_nothing_of_them(tenants: int) -> None:
    router = WorkspaceRouter(tenants={"acme": DEFAULT}, default=DEFAULT)
    assert objects_left_by(router.candidates, tenants) < tenants / 10


@pytest.mark.parametrize("tenants", [2_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_a_guard_keeps_a_bounded_number_of_them(tenants: int) -> None:
    guard = WorkspaceGuard(max_concurrency=1, requests_per_minute=1e9)

    def come(name: str) -> None:
        with guard.slot(name, "qwen-plus"):
            pass

    assert objects_left_by(come, tenants) < tenants / 10


@pytest.mark.parametrize("tenants", [2_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_a_usage_handler_that_is_reset_keeps_nothing_of_them(tenants: int) -> None:
    usage = WorkspaceUsageCallbackHandler()

    def come(name: str) -> None:
        run_id, facts = uuid4(), {"workspace_id": name, "region": "us-east-1", "protocol": "openai"}
        usage.on_chat_model_start({}, [[]], run_id=run_id, metadata={"ls_provider": PROVIDER}, invocation_params=facts)
        message = AIMessage("", response_metadata={"model_provider": PROVIDER, "model_name": "m", **facts})
        usage.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
        usage.reset()

    assert objects_left_by(come, tenants) < tenants / 10


@pytest.mark.parametrize("tenants", [1_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def test_models_of_workspaces_that_are_dropped_leave_a_bounded_number_of_transports(tenants: int) -> None:
    def come(name: str) -> None:
        workspace = QwenWorkspace(api_key=f"sk-{name}", workspace_id=f"llm-{name}")
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace)
        llm._transport(llm._workspaces_for("qwen-plus"))

    assert objects_left_by(come, tenants) < tenants / 10
