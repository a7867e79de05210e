"""The pytest fixtures `qwen_sandbox` and `qwen_workspace`, for every project that has the package installed.

pytest finds this module through the entry point `pytest11` and loads it in every run, so it imports nothing but pytest
until a test requests a fixture.
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
    """Run an offline Model Studio for one test, with `workspace()`, `fail_next()` and `requests`."""
    try:
        sandbox = importlib.import_module("langchain_qwen_workspace.sandbox").Sandbox()
    except ImportError as error:
        pytest.fail(
            "The fixture `qwen_sandbox` needs the extra `sandbox`; "
            f'run `pip install "langchain-qwen-workspace[sandbox]"`: {error}',
            pytrace=False,
        )
    with sandbox:
        yield sandbox


@pytest.fixture
def qwen_workspace(qwen_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> QwenWorkspace:
    """Open a workspace of the sandbox that may call every model, and set `DASHSCOPE_*` to it for one test.

    So code under test reaches the sandbox whether it gets the workspace as an argument or from the environment.
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
