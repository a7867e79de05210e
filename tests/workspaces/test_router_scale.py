"""What is done with a router takes the same work with one tenant as with thousands."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.documents import Document

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    WorkspaceRouter,
)
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.source import PACKAGE

MANY = 2_000
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"title": "City", "description": "A city.", "type": "object", "properties": {"name": {"type": "string"}}}
CONFIG: Any = {"configurable": {"tenant": "acme"}}


def _embeddings(llm: ChatQwenWorkspace) -> QwenWorkspaceEmbeddings:
    return QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=llm.workspace)


def _reranker(llm: ChatQwenWorkspace) -> QwenWorkspaceRerank:
    return QwenWorkspaceRerank(model="qwen3-rerank", workspace=llm.workspace)


OPERATIONS: dict[str, Callable[[ChatQwenWorkspace], object]] = {
    "invoke": lambda llm: llm.invoke("Hello", CONFIG),
    "stream": lambda llm: list(llm.stream("Hello", CONFIG)),
    "bind_tools": lambda llm: llm.bind_tools([TOOL]),
    "with_structured_output": lambda llm: llm.with_structured_output(SCHEMA),
    "model_copy": lambda llm: llm.model_copy(update={"temperature": 0.5}),
    "a second model": lambda llm: ChatQwenWorkspace(model=llm.model, workspace=llm.workspace, max_tokens=10),
    "embeddings": lambda llm: QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=llm.workspace).embed_query(
        "Hello"
    ),
    "rerank": lambda llm: QwenWorkspaceRerank(model="qwen3-rerank", workspace=llm.workspace).compress_documents(
        [Document("Hello")], "Hello"
    ),
}


def count_own_calls(operation: Callable[[], object]) -> int:
    """Return how many functions of the package the operation calls."""
    calls = 0

    def count(frame: Any, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_globals.get("__name__", "").startswith(PACKAGE)

    sys.setprofile(count)
    try:
        operation()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_work_does_not_grow_with_the_tenants(sandbox: Sandbox, name: str) -> None:
    others = {
        f"tenant-{number}": QwenWorkspace(api_key=f"sk-{number}", workspace_id=f"llm-{number}", region="singapore")
        for number in range(MANY)
    }
    acme = sandbox.workspace("acme")

    def calls_with(tenants: dict[str, QwenWorkspace]) -> int:
        # Embeddings and rerank take the default: no run names a tenant.
        router = WorkspaceRouter(tenants={"acme": acme, **tenants}, default=acme)
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
        OPERATIONS[name](llm)  # What is done once only
        return count_own_calls(lambda: OPERATIONS[name](llm))

    assert calls_with(others) < calls_with({}) + MANY / 10
