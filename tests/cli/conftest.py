"""Fixtures of the command's tests: a sandbox, and the command as a function."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.cli._app import app
from langchain_qwen_workspace.sandbox import Sandbox


@dataclass(frozen=True)
class Output:
    """The output and exit status of a command."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Both outputs, with line breaks and runs of spaces as one space."""
        return " ".join(f"{self.stdout} {self.stderr}".split())

    @property
    def data(self) -> Any:
        return json.loads(self.stdout)

    @property
    def statuses(self) -> dict[str, str]:
        return {finding["name"]: finding["status"] for finding in self.data["findings"]}

    def finding(self, name: str) -> str:
        """Return the detail and the hint of a check's finding."""
        (found,) = (finding for finding in self.data["findings"] if finding["name"] == name)
        return f"{found['detail']} | {found['hint']}"


Command = Callable[..., Output]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Output:
        result = CliRunner().invoke(app, arguments, input=stdin, env=env)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Output(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture(scope="session")
def _started() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def sandbox(_started: Sandbox) -> Sandbox:
    _started.clear()
    return _started


def settings_of(workspace: QwenWorkspace) -> dict[str, str]:
    """Return the environment variables that name a workspace."""
    assert isinstance(workspace.api_key, SecretStr)
    return {
        "DASHSCOPE_API_KEY": workspace.api_key.get_secret_value(),
        "DASHSCOPE_WORKSPACE": workspace.workspace_id or "",
        "DASHSCOPE_REGION": workspace.region or "",
        "DASHSCOPE_BASE_URL": workspace.base_url or "",
    }


@pytest.fixture
def team_a(sandbox: Sandbox) -> dict[str, str]:
    """Return the environment of a workspace without faults."""
    return settings_of(sandbox.workspace("team-a", models=["qwen-plus", "qwen-flash", "text-embedding-v4"]))
