"""Fixtures of the batch tests: a workspace of its own for each test, and a model in it."""

import uuid

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox


@pytest.fixture
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    """Return a workspace that no other test uses."""
    return sandbox.workspace(uuid.uuid4().hex)


@pytest.fixture
def llm(workspace: QwenWorkspace) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0)
