"""The command's entry point, its missing extra, wrong usage, and keys that must not be printed."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import langchain_qwen_workspace
from langchain_qwen_workspace.cli import main
from langchain_qwen_workspace.cli._app import app
from langchain_qwen_workspace.cli._commands import models
from langchain_qwen_workspace.cli._doctor_run import redact
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command

KEY = "sk-ws-S3CR3Tmaterial-0123456789abcdef"
SECRET = "S3CR3T"


def run(*command: str, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program with its output piped."""
    return subprocess.run(  # noqa: S603 - a program of this environment
        command,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=110,
    )


def test_the_entry_point_runs_the_doctor(team_a: dict[str, str]) -> None:
    entry = str(Path(sys.executable).with_name("qwen-workspace"))
    done = run(entry, "doctor", env={**team_a, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "11 ok, 1 skipped"
    assert "\x1b" not in done.stdout
    assert team_a["DASHSCOPE_API_KEY"] not in done.stdout


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_missing_extra_is_reported_with_how_to_install_it(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from langchain_qwen_workspace.cli import main; main()"
    done = run(sys.executable, "-c", code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'qwen-workspace needs Typer and Rich: pip install "langchain-qwen-workspace[cli]"\n'


def test_another_missing_module_is_not_reported_as_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_qwen_workspace.cli._app", None)
    with pytest.raises(ModuleNotFoundError, match=r"cli\._app"):
        main()


def test_the_checks_run_without_the_extra() -> None:
    code = (
        "import sys; sys.modules['typer'] = sys.modules['rich'] = None\n"
        "from langchain_qwen_workspace.cli._doctor import checks_for, run_checks\n"
        "from langchain_qwen_workspace.cli._doctor_run import DoctorRun\n"
        "run = DoctorRun(given={'region': 'mars'})\n"
        "print(next(iter(run_checks(run, checks_for(run)))).status)\n"
    )
    done = run(sys.executable, "-c", code)
    assert (done.stdout, done.stderr) == ("failed\n", "")


def test_loading_the_command_does_not_import_the_models() -> None:
    code = "import sys, langchain_qwen_workspace.cli._app; print('langchain_core.language_models' in sys.modules)"
    assert run(sys.executable, "-c", code).stdout == "False\n"


def test_the_version_is_printed(command: Command) -> None:
    assert command("--version").stdout == f"{langchain_qwen_workspace.__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("subcommand", [[], ["ask"], ["doctor"], ["models"], ["sandbox"], ["usage"], ["verify"]])
def test_the_help_is_printed(command: Command, subcommand: list[str], option: str) -> None:
    output = command(*subcommand, option)
    assert output.status == 0
    assert "Exit status: 0" in output.text


def test_the_package_runs_as_a_module() -> None:
    done = run(sys.executable, "-m", "langchain_qwen_workspace", "--version")
    assert (done.returncode, done.stdout) == (0, f"{langchain_qwen_workspace.__version__}\n")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("qwen-workspace mod", ["models"]),
        ("qwen-workspace models --region vi", ["virginia"]),
        ("qwen-workspace models --region us", ["us-east-1"]),
        ("qwen-workspace ask --protocol das", ["dashscope"]),
        ("qwen-workspace ask --model qwen-flash-c", ["qwen-flash-character"]),
        ("qwen-workspace models --kind rer", ["rerank"]),
    ],
)
def test_a_shell_is_offered_what_completes_a_word(command: Command, words: str, offered: list[str]) -> None:
    env = {
        "_QWEN_WORKSPACE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    assert command(env=env).stdout.split() == offered


def test_a_misspelt_command_is_wrong_usage_with_a_suggestion(command: Command) -> None:
    output = command("doctr")
    assert output.status == 2
    assert "No such command 'doctr'. Did you mean 'doctor'?" in output.text


@pytest.mark.parametrize("subcommand", ["ask", "doctor", "models"])
def test_a_misspelt_region_is_wrong_usage_with_a_suggestion(command: Command, subcommand: str) -> None:
    output = command(subcommand, "--region", "singapur")
    assert output.status == 2
    assert "Did you mean 'singapore'?" in " ".join(output.stderr.replace("│", "").split())


def test_a_warning_is_printed_without_a_line_of_source(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(**_: object) -> list[object]:
        warnings.simplefilter("always")
        warnings.warn("This is old\x1b.", stacklevel=2)
        return []

    monkeypatch.setattr(models, "select_models", warn)
    assert command("models").stderr == "Warning: This is old\\x1b.\nNo such model.\n"


@pytest.mark.parametrize("arguments", [["doctor", "--api-key", "x"], ["doctor", "--timeout", "0"], ["cure"], []])
def test_wrong_usage_exits_with_status_2(command: Command, arguments: list[str]) -> None:
    assert command(*arguments).status == 2


# ----------------------------------------------------------------------------------------------------------- the key


@pytest.mark.parametrize("stdin", [True, False])
def test_the_key_is_read_from_a_file(command: Command, team_a: dict[str, str], tmp_path: Path, stdin: bool) -> None:
    env = dict(team_a)
    key = env.pop("DASHSCOPE_API_KEY")
    (tmp_path / "key").write_text(f"{key}\n")
    file = "-" if stdin else str(tmp_path / "key")
    output = command("doctor", "--json", "--key-file", file, stdin=f"{key}\n" if stdin else None, env=env)
    assert (output.status, output.statuses["openai call"]) == (0, "ok")
    assert key not in output.stdout


def test_a_missing_key_file_is_wrong_usage(command: Command, tmp_path: Path) -> None:
    assert command("doctor", "--key-file", str(tmp_path / "none")).status == 2


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--permitted"]])
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_key_in_an_error_message_of_the_server_is_not_printed(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], arguments: list[str], status: int
) -> None:
    sandbox.fail_next(status=status, message=f"Key {KEY} of {KEY[:20]} is bad: Bearer {KEY}", times=9)
    output = command(*arguments, env=team_a | {"DASHSCOPE_API_KEY": KEY})
    assert "is bad" in output.text
    assert SECRET not in output.stdout + output.stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--permitted"]])
def test_a_key_in_an_html_page_of_the_server_is_not_printed(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], arguments: list[str]
) -> None:
    # The error quotes the beginning of the page, and may cut the key off.
    page = "<html>".ljust(180) + KEY
    sandbox.fail_next(body=page, times=9)
    output = command(*arguments, env=team_a | {"DASHSCOPE_API_KEY": KEY})
    assert "<html>" in output.text
    assert SECRET not in output.stdout + output.stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--permitted"]])
@pytest.mark.parametrize(
    "env",
    [
        {"DASHSCOPE_API_KEY": f"{KEY} {KEY}"},
        {"DASHSCOPE_API_KEY": KEY, "DASHSCOPE_WORKSPACE": KEY},
        {"DASHSCOPE_API_KEY": KEY, "DASHSCOPE_REGION": KEY},
        {"DASHSCOPE_API_KEY": KEY, "DASHSCOPE_BASE_URL": f"http://127.0.0.1:9/{KEY}"},
        {"DASHSCOPE_API_KEY": KEY, "DASHSCOPE_BASE_URL": f"http://{KEY}@127.0.0.1:9"},
    ],
)
def test_a_key_in_the_wrong_setting_is_not_printed(command: Command, env: dict[str, str], arguments: list[str]) -> None:
    output = command(*arguments, env=env)
    assert output.status in {1, 2}
    assert SECRET not in output.stdout + output.stderr


def test_tracebacks_do_not_print_local_variables() -> None:
    assert app.pretty_exceptions_enable is False


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"a {KEY} b", "a sk-… b"),
        ("bad key st-0123456789abcdef.", "bad key st-…."),
        ("`sk-…`, sk-sp- and task-based-routing", "`sk-…`, sk-sp- and task-based-routing"),
    ],
)
def test_text_that_looks_like_a_key_is_redacted(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_an_unknown_protocol_is_wrong_usage_and_the_known_ones_are_named(command: Command) -> None:
    output = command("doctor", "--protocol", "grpc")
    assert output.status == 2
    assert "openai" in output.stderr
    assert "dashscope" in output.stderr
