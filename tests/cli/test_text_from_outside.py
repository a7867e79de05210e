"""Text of servers, files and arguments in the command's output: no control character, no formula, no traceback."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace.cli._commands import models
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import rows_from_json, rows_to_csv, rows_to_json
from tests.cli.conftest import Command, Output
from tests.cli.test_usage_files import row

HOSTILE = "a\x1b]0;title\x07\x9b31m\u202eb\r\nc\u2028d"
KEY = "sk-ws-S3CR3Tmaterial-0123456789abcdef"


def control_characters(output: Output) -> set[str]:
    return {character for character in output.stdout + output.stderr if not character.isprintable()} - {"\n"}


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["models", "--permitted"]])
def test_an_error_message_of_the_server_is_printed_without_control_characters(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], arguments: list[str]
) -> None:
    sandbox.fail_next(status=403, code="Model.AccessDenied", message=HOSTILE, times=9)
    output = command(*arguments, env=team_a)
    assert "title" in output.text
    assert control_characters(output) == set()


@pytest.mark.parametrize("arguments", [["models", "--permitted"], ["models", "--permitted", "--json"]])
def test_names_of_permitted_models_are_printed_without_control_characters_and_keys(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], arguments: list[str]
) -> None:
    names = [HOSTILE, f"echo-{team_a['DASHSCOPE_API_KEY']}", f"echo {KEY}"]
    permissions = [{"model": name, "permissions": {"inference": True}} for name in names]
    sandbox.fail_next(status=200, body=json.dumps({"output": {"total": 3, "permissions": permissions}}))
    output = command(*arguments, env=team_a)
    assert "title" in output.text
    assert control_characters(output) == set()
    assert team_a["DASHSCOPE_API_KEY"] not in output.stdout
    assert "S3CR3T" not in output.stdout


@pytest.mark.parametrize("options", [[], ["--json"], ["--csv"], ["--by", "model"], ["--by", "region"]])
@pytest.mark.parametrize("field", ["workspace_id", "region", "model", "protocol", "currency"])
def test_names_in_usage_files_are_printed_without_control_characters(
    command: Command, tmp_path: Path, field: str, options: list[str]
) -> None:
    (tmp_path / "a.json").write_text(rows_to_json([row(**{field: f"{HOSTILE}\ud800"})]))
    output = command("usage", str(tmp_path / "a.json"), *options)
    assert output.status == 0
    assert control_characters(output) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        [f"\x1b{HOSTILE}"],
        [f"--{HOSTILE}"],
        ["usage", HOSTILE],
        ["usage", "--by", HOSTILE, "-"],
        ["models", "--kind", HOSTILE],
        ["models", HOSTILE],
        ["models", "--permitted", "--region", HOSTILE],
        ["models", "--permitted", "--base-url", f"http://127.0.0.1:9/{HOSTILE}"],
        ["doctor", "--protocol", HOSTILE],
        ["doctor", "--region", HOSTILE],
        ["doctor", "--workspace-id", HOSTILE],
        ["doctor", "--base-url", HOSTILE],
        ["doctor", "--timeout", HOSTILE],
        ["doctor", "--timeout", "nan"],
        ["doctor", "--timeout", "1e400"],
        ["doctor", "--key-file", HOSTILE],
        ["doctor", "--key-file", "."],
    ],
)
def test_an_argument_is_printed_without_control_characters(command: Command, arguments: list[str]) -> None:
    output = command(*arguments, stdin="", env={"DASHSCOPE_API_KEY": KEY})
    assert output.status in {1, 2}
    assert control_characters(output) - {"─", "│"} == set()
    assert "Traceback" not in output.stderr


def test_a_model_name_with_control_characters_is_printed_escaped(command: Command, team_a: dict[str, str]) -> None:
    output = command("doctor", "--model", f"{HOSTILE}\udcff", env=team_a)
    assert control_characters(output) == set()
    assert "title" in output.text
    assert "bug of this command" not in output.text


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"version": 1,\n"rows": ' + b"[" * 100_000, 2),
        (b'{"version": 1, "rows": [], "x":\n' + b'{"a":' * 100_000, 2),
        (b'{"version": 1,\n"rows":\n' + b"9" * 5000 + b"}", 3),
        (b'{"version": 1,\n"rows": [\xff]}', 2),
        (b'{"version": 1,\n"rows": ["\\', 2),
    ],
    ids=["deep lists", "deep objects", "5,000 digits", "bytes", "open string"],
)
def test_a_usage_file_that_cannot_be_read_names_its_line(
    command: Command, tmp_path: Path, content: bytes, line: int
) -> None:
    (tmp_path / "a.json").write_bytes(content)
    output = command("usage", str(tmp_path / "a.json"))
    assert output.status == 2
    assert f"line {line}" in " ".join(output.stderr.replace("│", "").split())


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": 1e40},
        {"cost": "1e40"},
        {"cost": "1e999999999"},
        {"cost": "0.1" + "1" * 5000},
        {"cost": float("nan")},
        {"cost": "Infinity"},
        {"calls": 1e40},
        {"calls": "9" * 5000},
        {"calls": 1.5},
        {"calls": None},
        {"operation": "\ud800"},
        {"model": ["m"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("options", [[], ["--json"], ["--csv"]])
def test_an_invalid_row_of_a_usage_file_names_its_line(
    command: Command, tmp_path: Path, changes: dict[str, Any], options: list[str]
) -> None:
    rows = [json.loads(rows_to_json([row()]))["rows"][0] for _ in range(2)]
    rows[1] |= changes
    lines = ",\n".join(map(json.dumps, rows))
    (tmp_path / "a.json").write_text('{"x": [{"rows": [{}]}],\n"version": 1, "rows": [\n' + lines + '\n], "y": "rows"}')
    output = command("usage", str(tmp_path / "a.json"), *options)
    assert (output.status, output.stdout) == (2, "")
    assert "line 4" in " ".join(output.stderr.replace("│", "").split())


def test_a_row_that_is_no_object_names_its_line() -> None:
    first = json.dumps(json.loads(rows_to_json([row()]))["rows"][0])
    with pytest.raises(ConfigurationError, match=r"in line 3: `rows\.1`"):
        rows_from_json(f'{{"version": 1, "rows": [\n{first},\ntrue]}}')


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", r"'\t=1"),
        ("\r=1", r"'\r=1"),
        ("\n=1", r"'\n=1"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("qwen-plus", "qwen-plus"),
    ],
)
@pytest.mark.parametrize("field", ["workspace_id", "region", "model", "protocol", "currency"])
def test_a_csv_cell_is_never_a_formula(field: str, name: str, cell: str) -> None:
    (line,) = csv.DictReader(io.StringIO(rows_to_csv([row(**{field: name})])))
    assert line[field] == cell


def test_a_key_file_that_is_not_text_is_wrong_usage(command: Command, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\nsk-\xff")
    output = command("doctor", "--key-file", str(tmp_path / "key"))
    assert output.status == 2
    assert "line 2 is not utf-8 text" in " ".join(output.stderr.replace("│", "").split())


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MemoryError(f"no room for {KEY}"), "MemoryError: no room for sk-… This is a bug of this command"),
        (OSError(5, "Input/output error\x1b"), r"[Errno 5] Input/output error\x1b"),
    ],
)
def test_an_unexpected_exception_is_printed_without_a_traceback(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    monkeypatch.setattr(models, "select_models", _raise(error))
    output = command("models")
    assert output.status == 1
    assert output.text.startswith(text)


def test_a_closed_pipe_ends_the_command_quietly(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "select_models", _raise(BrokenPipeError(32, "Broken pipe")))
    output = command("models")
    assert (output.status, output.text) == (1, "")
