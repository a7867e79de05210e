"""`qwen-workspace ask`: one question, and its answer as it arrives."""

import sys

import pytest

from langchain_qwen_workspace.cli._commands import ask
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command
from tests.cli.test_text_from_outside import HOSTILE, control_characters


def bodies(sandbox: Sandbox) -> list[str]:
    return [str(request.body) for request in sandbox.requests]


def test_the_answer_is_printed_with_a_line_break_at_its_end(command: Command, team_a: dict[str, str]) -> None:
    output = command("ask", "Where is the West Lake?", stdin="", env=team_a)
    assert output.status == 0
    assert "West Lake" in output.stdout
    assert output.stdout.endswith("\n")
    assert output.stderr == ""


def test_the_answer_is_streamed(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    command("ask", "Hello", stdin="", env=team_a)
    (request,) = sandbox.requests
    assert request.body["stream"] is True
    assert request.body["model"] == "qwen-plus"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("openai", "/compatible-mode/v1/chat/completions"),
        ("native", "/api/v1/services/aigc/text-generation/generation"),
    ],
)
def test_the_protocol_is_that_of_the_option(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], name: str, path: str
) -> None:
    assert command("ask", "Hello", "--protocol", name, stdin="", env=team_a).status == 0
    assert [request.path for request in sandbox.requests] == [path]


def test_the_model_is_that_of_the_option(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    command("ask", "Hello", "-m", "qwen-flash", stdin="", env=team_a)
    assert sandbox.requests[0].body["model"] == "qwen-flash"


@pytest.mark.parametrize(("option", "value"), [("--thinking", True), ("--no-thinking", False)])
def test_thinking_is_switched_by_an_option(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], option: str, value: bool
) -> None:
    assert command("ask", "Hello", option, stdin="", env=team_a).status == 0
    assert sandbox.requests[0].body["enable_thinking"] is value


def test_without_the_option_the_model_decides_whether_it_thinks(
    command: Command, sandbox: Sandbox, team_a: dict[str, str]
) -> None:
    command("ask", "Hello", stdin="", env=team_a)
    assert "enable_thinking" not in sandbox.requests[0].body


def test_thoughts_are_printed_to_standard_error(command: Command, team_a: dict[str, str]) -> None:
    output = command("ask", "Where is the West Lake?", "--thinking", stdin="", env=team_a)
    assert output.stderr.strip()
    assert output.stderr.endswith("\n")
    assert output.stderr.strip() not in output.stdout


def test_piped_text_is_put_before_the_question(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    command("ask", "What is this?", stdin="A lake.\n", env=team_a)
    assert sandbox.requests[0].body["messages"] == [{"role": "user", "content": "A lake.\n\nWhat is this?"}]


def test_piped_text_alone_is_the_question(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    command("ask", stdin="What is a lake?", env=team_a)
    assert sandbox.requests[0].body["messages"] == [{"role": "user", "content": "What is a lake?"}]


def test_instructions_are_the_first_message(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    command("ask", "Hello", "-s", "Be brief.", stdin="", env=team_a)
    assert sandbox.requests[0].body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_terminal_is_not_read(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(ask, "_stdin", Terminal)
    command("ask", "Hello", stdin="not read", env=team_a)
    assert sandbox.requests[0].body["messages"][0]["content"] == "Hello"


def test_no_question_is_wrong_usage(command: Command, team_a: dict[str, str]) -> None:
    output = command("ask", stdin="", env=team_a)
    assert output.status == 2
    assert "There is no question. Give it as an argument" in output.text


def test_the_json_has_answer_and_usage(command: Command, team_a: dict[str, str]) -> None:
    data = command("ask", "Where is the West Lake?", "--json", stdin="", env=team_a).data
    assert list(data) == ["version", "text", "reasoning", "usage", "response_metadata"]
    assert data["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_failed_request_is_an_error_of_one_line(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], option: list[str]
) -> None:
    sandbox.fail_next(status=403, code="Model.AccessDenied", message="Not permitted.", times=9)
    output = command("ask", "Hello", *option, stdin="", env=team_a)
    assert (output.status, output.stdout) == (1, "")
    assert output.stderr.startswith("Not permitted. (status: 403")
    assert output.stderr.count("\n") == 1


def test_a_stream_that_is_cut_ends_its_line_before_the_error(
    command: Command, sandbox: Sandbox, team_a: dict[str, str]
) -> None:
    sandbox.fail_next(after_events=3, close=True, times=9)
    output = command("ask", "Where is the West Lake?", stdin="", env=team_a)
    assert output.status == 1
    assert output.stdout.endswith("\n")


def test_the_key_is_read_from_standard_input(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    env = dict(team_a)
    key = env.pop("DASHSCOPE_API_KEY")
    assert command("ask", "Hello", "--key-file", "-", stdin=key, env=env).status == 0
    assert sandbox.requests[0].body["messages"] == [{"role": "user", "content": "Hello"}]


def test_a_model_that_does_not_chat_is_wrong_usage(command: Command, team_a: dict[str, str]) -> None:
    output = command("ask", "Hello", "--model", "qwen-plus", "--base-url", "ftp://x", stdin="", env=team_a)
    assert output.status == 2


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_an_answer_is_printed_without_control_characters(
    command: Command, team_a: dict[str, str], option: list[str]
) -> None:
    output = command("ask", f"Repeat: {HOSTILE}", *option, stdin="", env=team_a)
    assert "title" in output.stdout
    assert control_characters(output) == set()


def test_line_breaks_and_tabs_of_an_answer_are_kept() -> None:
    assert ask._printable("a\n\tb\x1b[31m") == "a\n\tb\\x1b[31m"


def test_the_standard_input_is_the_process_own() -> None:
    assert ask._stdin() is sys.stdin
