"""`models`: the package's own table, and what the service permits of it."""

import sys
from io import StringIO

import pytest

from langchain_qwen_workspace.cli._models import _size, columns
from langchain_qwen_workspace.cli._screen import screen
from langchain_qwen_workspace.profiles import catalogue, profile_of
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command, settings_of


def test_all_models_are_listed_by_kind(command: Command) -> None:
    said = command("models")
    assert said.status == 0
    lines = [line.rstrip() for line in said.stdout.splitlines()]
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["Chat", "Protocol", "In", "Context", "Thinks", "Tools", "JSON"]
    assert [line.split() for line in lines if line.startswith(("qwen-plus ", "text-embedding-v4", "qwen3-rerank"))] == [
        ["qwen-plus", "both", "t", "1M", "can", "yes", "object"],
        ["text-embedding-v4", "both", "t", "64-2048", "(1024)", "10", "8,192"],
        ["qwen3-rerank", "both", "t", "500", "4,000"],
    ]
    assert "\x1b" not in said.stdout


def test_the_json_has_every_model_and_every_field(command: Command) -> None:
    said = command("models", "--json")
    assert (said.status, said.data["version"]) == (0, 1)
    models = {model["name"]: model for model in said.data["models"]}
    assert list(models) == [profile.name for profile in catalogue()]
    plus = models["qwen-plus"]
    assert (plus["kind"], plus["protocols"], plus["thinking"]) == ("chat", ["dashscope", "openai"], "off")
    assert models["qwen3-max"]["retired"] == "2026-10-10"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--kind", "rerank", "qwen3*"], ["qwen3.7-text-rerank", "qwen3-rerank", "qwen3-vl-rerank"]),
        (["QWEN-PLUS", "gte-rerank"], ["qwen-plus", "gte-rerank"]),
        (
            ["--kind", "rerank", "--kind", "embedding_task", "*-v2"],
            ["text-embedding-async-v2", "gte-rerank-v2"],
        ),
    ],
)
def test_models_can_be_chosen_by_kind_and_name(command: Command, arguments: list[str], names: list[str]) -> None:
    assert [model["name"] for model in command("models", "--json", *arguments).data["models"]] == names


def test_models_that_end_are_marked(command: Command) -> None:
    lines = command("models", "qwen3-max", "qwen-plus", "gte-rerank").stdout.splitlines()
    assert [line.split()[0] for line in lines if "both" in line or "native" in line] == [
        "qwen3-max*",
        "qwen-plus",
        "gte-rerank*",
    ]
    assert lines[-1] == "* retired, or about to be: --json has the day"
    assert "retired" not in command("models", "qwen-plus").stdout


@pytest.mark.parametrize(("tokens", "shown"), [(None, "?"), (999, "999"), (131_072, "131k"), (1_000_000, "1M")])
def test_a_context_is_shown_as_people_say_it(tokens: int | None, shown: str) -> None:
    assert _size(tokens) == shown


def test_dimensions_that_nobody_knows_are_shown_as_such() -> None:
    [dimensions] = [column for column in columns("embedding") if column.title == "Dimensions"]
    assert dimensions.cell(profile_of("text-embedding-v9")) == "?"


def test_an_answer_is_shown_where_the_output_is_no_terminal_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook's is."""
    shown = StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    screen().print("Good.")
    assert shown.getvalue() == "Good.\n"


def test_none_is_a_failure(command: Command) -> None:
    said = command("models", "--kind", "chat", "nobody*")
    assert (said.status, said.stdout, said.stderr) == (1, "", "No such model.\n")


def test_a_kind_that_does_not_exist_is_wrong_usage(command: Command) -> None:
    said = command("models", "--kind", "picture")
    assert said.status == 2
    assert "'picture' is not one of 'chat'" in said.words


def test_the_service_says_what_is_permitted(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    said = command("models", "--permitted", "--json", env=team_a)
    assert [model["name"] for model in said.data["models"]] == ["qwen-flash", "qwen-plus", "text-embedding-v4"]
    assert [request.path for request in sandbox.requests] == ["/api/v1/models/permissions"]
    said = command("models", "--permitted", "--kind", "embedding", env=team_a)
    assert [line.split()[0] for line in said.stdout.splitlines()][2:] == ["text-embedding-v4"]


def test_a_service_that_does_not_say_is_a_failure(command: Command, sandbox: Sandbox) -> None:
    env = settings_of(sandbox.workspace("team-a", models=["qwen-plus", "qwen-flash", "text-embedding-v4"]))
    said = command("models", "--permitted", env=env | {"DASHSCOPE_API_KEY": "sk-nobodys0000000000"})
    assert (said.status, said.stdout) == (1, "")
    assert "Invalid API-key provided. (status: 401" in said.words
    assert "set `region=`" in said.words


def test_wrong_settings_are_wrong_usage(command: Command, team_a: dict[str, str]) -> None:
    said = command("models", "--permitted", "--region", "mars", env=team_a)
    assert said.status == 2
    assert "Region 'mars' does not exist" in said.words


def test_without_a_key_nothing_can_be_asked(command: Command) -> None:
    said = command("models", "--permitted")
    assert said.status == 1
    assert "There is no API key" in said.words
