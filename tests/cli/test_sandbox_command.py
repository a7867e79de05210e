"""`qwen-workspace sandbox`: the offline Model Studio from the shell."""

import socket
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from langchain_qwen_workspace.cli._commands.sandbox import _workspace
from langchain_qwen_workspace.sandbox import __main__ as program
from tests.cli.conftest import Command, Output
from tests.cli.test_command import run


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


class _Interrupted:
    """An event that Ctrl-C interrupts."""

    def wait(self) -> None:
        raise KeyboardInterrupt


def test_the_sandbox_serves_until_it_is_interrupted(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "threading", SimpleNamespace(Event=_Interrupted))
    output = command("sandbox", "--port", "0", "--workspace", "team-a:virginia")
    assert output.status == 0
    assert "export DASHSCOPE_REGION=us-east-1" in output.stdout


def test_the_commands_of_administration_accept_the_access_key_that_the_sandbox_prints(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    administered: list[Output] = []

    class Administer:
        """An event for which the sandbox waits while it serves."""

        def wait(self) -> None:
            printed = capsys.readouterr().out.splitlines()
            for line in printed:
                if line.startswith("export "):
                    monkeypatch.setenv(*line.removeprefix("export ").split("=", 1))
            [example] = [line.partition("admin … ")[2] for line in printed if line.startswith("# administration")]
            administered.append(command("admin", "workspaces", *example.split()))
            raise KeyboardInterrupt

    monkeypatch.setattr(program, "threading", SimpleNamespace(Event=Administer))
    program.serve(host="127.0.0.1", port=0, allow_hosts=(), workspaces=["team-a:us-east-1"])
    [output] = administered
    assert "team-a" in output.stdout


def test_a_taken_port_is_a_failure_of_one_line(command: Command, taken_port: int) -> None:
    output = command("sandbox", "--port", str(taken_port))
    assert output.status == 1
    assert output.stderr == (
        f"sandbox: Port {taken_port} of '127.0.0.1' is taken by another program. Choose another port, or 0 for a free "
        "one.\n"
    )


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [("a", "a"), ("a:virginia", "a:us-east-1"), ("a:virginia:m,n", "a:us-east-1:m,n"), ("a::m", "a::m")],
)
def test_the_region_of_a_workspace_may_be_its_everyday_name(given: str, passed_on: str) -> None:
    assert _workspace(given) == passed_on


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_an_impossible_port_is_wrong_usage(command: Command, port: str) -> None:
    output = command("sandbox", "--port", port)
    assert (output.status, output.stderr) == (
        2,
        f"sandbox: Port {port} does not exist. Expected 0 to 65535; 0 means any free port.\n",
    )


def test_a_region_that_does_not_exist_is_wrong_usage(command: Command) -> None:
    output = command("sandbox", "--port", "0", "--workspace", "team-a:singapur:qwen-plus")
    assert output.status == 2
    assert "Did you mean 'singapore'?" in " ".join(output.stderr.replace("│", "").split())


def test_a_missing_extra_is_reported_with_how_to_install_it() -> None:
    code = "import sys; sys.modules['starlette'] = None; from langchain_qwen_workspace.cli import main; main()"
    done = run(sys.executable, "-c", code, "sandbox")
    assert (done.returncode, done.stderr) == (
        2,
        'The sandbox needs Starlette and uvicorn: pip install "langchain-qwen-workspace[sandbox]"\n',
    )


def test_another_missing_module_is_not_reported_as_a_missing_extra(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, program.__name__, None)
    assert "ModuleNotFoundError" in command("sandbox").stderr
