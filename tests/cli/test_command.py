"""The command as people start it: its entry point, without its extra, and with a key that must never be seen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import langchain_qwen_workspace
from langchain_qwen_workspace.cli import main
from langchain_qwen_workspace.cli._app import app
from langchain_qwen_workspace.cli._examination import redacted
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command

KEY = "sk-ws-S3CR3Tmaterial-0123456789abcdef"
MATERIAL = "S3CR3T"


def run(*command: str, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program the way a script would, its output piped."""
    return subprocess.run(  # noqa: S603 - of this environment
        command,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=110,
    )


def test_the_entry_point_examines(team_a: dict[str, str]) -> None:
    entry = str(Path(sys.executable).with_name("qwen-workspace"))
    done = run(entry, "doctor", env={**team_a, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "10 ok, 1 skipped"
    assert "\x1b" not in done.stdout
    assert team_a["DASHSCOPE_API_KEY"] not in done.stdout


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_how_to_install_it(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from langchain_qwen_workspace.cli import main; main()"
    done = run(sys.executable, "-c", code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'qwen-workspace needs Typer and Rich: pip install "langchain-qwen-workspace[cli]"\n'


def test_what_else_is_missing_is_not_taken_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_qwen_workspace.cli._app", None)
    with pytest.raises(ModuleNotFoundError, match=r"cli\._app"):
        main()


def test_the_checks_need_no_extra() -> None:
    code = (
        "import sys; sys.modules['typer'] = sys.modules['rich'] = None\n"
        "from langchain_qwen_workspace.cli._doctor import checks_of, examine\n"
        "from langchain_qwen_workspace.cli._examination import Examination\n"
        "examination = Examination(given={'region': 'mars'})\n"
        "print(next(iter(examine(examination, checks_of(examination)))).status)\n"
    )
    done = run(sys.executable, "-c", code)
    assert (done.stdout, done.stderr) == ("failed\n", "")


def test_only_the_doctor_loads_what_calls_models() -> None:
    code = "import sys, langchain_qwen_workspace.cli._app; print('langchain_core.language_models' in sys.modules)"
    assert run(sys.executable, "-c", code).stdout == "False\n"


def test_it_says_its_version_and_what_there_is(command: Command) -> None:
    assert command("--version").stdout == f"{langchain_qwen_workspace.__version__}\n"
    for arguments in (["--help"], ["doctor", "--help"], ["models", "--help"], ["usage", "--help"]):
        said = command(*arguments)
        assert said.status == 0
        assert "Exit status: 0" in said.words


@pytest.mark.parametrize("arguments", [["doctor", "--api-key", "x"], ["doctor", "--timeout", "0"], ["cure"], []])
def test_wrong_usage_is_told_apart(command: Command, arguments: list[str]) -> None:
    assert command(*arguments).status == 2


# ----------------------------------------------------------------------------------------------------------- the key


@pytest.mark.parametrize("stdin", [True, False])
def test_the_key_comes_from_a_file(command: Command, team_a: dict[str, str], tmp_path: Path, stdin: bool) -> None:
    env = dict(team_a)
    key = env.pop("DASHSCOPE_API_KEY")
    (tmp_path / "key").write_text(f"{key}\n")
    file = "-" if stdin else str(tmp_path / "key")
    said = command("doctor", "--json", "--key-file", file, stdin=f"{key}\n" if stdin else None, env=env)
    assert (said.status, said.statuses["openai call"]) == (0, "ok")
    assert key not in said.stdout


def test_a_key_file_that_is_missing_is_wrong_usage(command: Command, tmp_path: Path) -> None:
    assert command("doctor", "--key-file", str(tmp_path / "none")).status == 2


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--permitted"]])
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_key_that_the_server_sends_back_is_not_shown(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], arguments: list[str], status: int
) -> None:
    sandbox.fail_next(status=status, message=f"Key {KEY} of {KEY[:20]} is bad: Bearer {KEY}", times=9)
    said = command(*arguments, env=team_a | {"DASHSCOPE_API_KEY": KEY})
    assert "is bad" in said.words
    assert MATERIAL not in said.stdout + said.stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--permitted"]])
def test_a_page_that_holds_the_key_is_not_shown(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], arguments: list[str]
) -> None:
    # The text of an error shows the beginning of such a page, and may cut the key off.
    page = "<html>".ljust(180) + KEY
    sandbox.fail_next(body=page, times=9)
    said = command(*arguments, env=team_a | {"DASHSCOPE_API_KEY": KEY})
    assert "<html>" in said.words
    assert MATERIAL not in said.stdout + said.stderr


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
def test_a_key_in_the_wrong_place_is_not_shown(command: Command, env: dict[str, str], arguments: list[str]) -> None:
    said = command(*arguments, env=env)
    assert said.status in {1, 2}
    assert MATERIAL not in said.stdout + said.stderr


def test_a_traceback_shows_no_locals() -> None:
    assert app.pretty_exceptions_enable is False


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"a {KEY} b", "a sk-… b"),
        ("bad key st-0123456789abcdef.", "bad key st-…."),
        ("`sk-…`, sk-sp- and task-based-routing", "`sk-…`, sk-sp- and task-based-routing"),
    ],
)
def test_what_looks_like_a_key_is_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown
