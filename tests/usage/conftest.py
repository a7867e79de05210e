"""Fixtures of the usage tests: a workspace in the sandbox, and models in it."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox

MakeModel: TypeAlias = Callable[..., ChatQwenWorkspace]


@pytest.fixture
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("payers")


@pytest.fixture
def make_model(workspace: QwenWorkspace, protocol: ProtocolName) -> MakeModel:
    """Return a function that creates a chat model of the workspace, for each protocol."""

    def make(**fields: Any) -> ChatQwenWorkspace:
        defaults = {"model": "qwen-plus", "protocol": protocol, "workspace": workspace, "max_retries": 0}
        return ChatQwenWorkspace(**{**defaults, **fields})

    return make
