"""The sandbox as fixtures of pytest: `qwen_sandbox` and `qwen_workspace`, for every project that has the package.

pytest finds them by the entry point `pytest11` and loads this module in every run, so it imports nothing but pytest
until a test asks for a fixture.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_qwen_workspace.sandbox import Sandbox
    from langchain_qwen_workspace.workspace import QwenWorkspace


@pytest.fixture
def qwen_sandbox() -> Iterator[Sandbox]:
    """An offline Model Studio of this test's own: `workspace()`, `fail_next()`, `requests`."""
    try:
        sandbox = importlib.import_module("langchain_qwen_workspace.sandbox").Sandbox()
    except ImportError as error:
        pytest.fail(
            f'The fixture needs the sandbox\'s extra, `pip install "langchain-qwen-workspace[sandbox]"`: {error}',
            pytrace=False,
        )
    with sandbox:
        yield sandbox


@pytest.fixture
def qwen_workspace(qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> QwenWorkspace:
    """A workspace of the sandbox that may call every model, and that the environment names for this test.

    So code under test reaches the sandbox whether it is given the workspace or takes it from `DASHSCOPE_*`.
    """
    workspace = qwen_sandbox.workspace("pytest")
    opened = qwen_sandbox.add_workspace("pytest")
    monkeypatch.delenv("DASHSCOPE_WORKSPACE_ID", raising=False)
    for name, value in {
        "DASHSCOPE_API_KEY": opened.api_key,
        "DASHSCOPE_WORKSPACE": opened.workspace_id,
        "DASHSCOPE_REGION": opened.region,
        "DASHSCOPE_BASE_URL": qwen_sandbox.base_url,
    }.items():
        monkeypatch.setenv(name, value)
    return workspace
