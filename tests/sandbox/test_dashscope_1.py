"""The sandbox as dashscope 1.x meets it, which many applications still use, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace
from tests.sandbox.support import HELLO_ANSWER

pytestmark = pytest.mark.nightly
CLIENT = Path(__file__).with_name("dashscope_1.py")


def _run(*command: str | Path, **env: str) -> str:
    return subprocess.run(  # noqa: S603 - no input from outside
        list(map(str, command)), check=True, capture_output=True, text=True, timeout=600, env={**os.environ, **env}
    ).stdout


@pytest.fixture(scope="module")
def answers(running: Sandbox, workspace: SandboxWorkspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("dashscope-1")
    _run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    _run(python, "-m", "pip", "install", "--quiet", "dashscope>=1.25,<2")
    found: dict[str, Any] = json.loads(
        _run(python, "-I", CLIENT, f"{running.base_url}/api/v1", DASHSCOPE_API_KEY=workspace.api_key)
    )
    return found


def test_it_is_the_old_version(answers: dict[str, Any]) -> None:
    assert answers["version"].startswith("1.")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("chat", HELLO_ANSWER),
        ("stream", HELLO_ANSWER),
        ("tool", "get_weather"),
        ("media", HELLO_ANSWER),
        ("dimensions", [64, 64]),
        ("ranked", [1]),
        ("model", "qwen-plus"),
        ("refused", "ModelNotFound"),
    ],
)
def test_a_call_is_answered(answers: dict[str, Any], what: str, expected: Any) -> None:
    assert answers[what] == expected


def test_a_stream_has_several_chunks(answers: dict[str, Any]) -> None:
    assert answers["chunks"] > 2


def test_models_are_listed_by_page(answers: dict[str, Any]) -> None:
    assert len(answers["models"]) == 3
