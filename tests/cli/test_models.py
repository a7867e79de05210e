"""`qwen-workspace models`: the catalogue, and the models that the service permits."""

import sys
from io import StringIO
from pathlib import Path

import pytest

from langchain_qwen_workspace.cli._console import _to_cell, make_console, show_differences
from langchain_qwen_workspace.cli._models import _size, columns
from langchain_qwen_workspace.profiles import catalogue, load, profile_of, unregister
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command, settings_of


def test_all_models_are_listed_by_kind(command: Command) -> None:
    output = command("models")
    assert output.status == 0
    lines = [line.rstrip() for line in output.stdout.splitlines()]
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["Chat", "Protocol", "In", "Context", "Thinks", "Tools", "JSON"]
    assert [line.split() for line in lines if line.startswith(("qwen-plus ", "text-embedding-v4", "qwen3-rerank"))] == [
        ["qwen-plus", "all", "t", "1M", "can", "yes", "object"],
        ["text-embedding-v4", "all", "t", "64-2048", "(1024)", "10", "8,192"],
        ["qwen3-rerank", "all", "t", "500", "4,000"],
    ]
    assert "\x1b" not in output.stdout


def test_the_json_has_every_model_and_every_field(command: Command) -> None:
    output = command("models", "--json")
    assert (output.status, output.data["version"]) == (0, 1)
    models = {model["name"]: model for model in output.data["models"]}
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
def test_models_are_selected_by_kind_and_name(command: Command, arguments: list[str], names: list[str]) -> None:
    assert [model["name"] for model in command("models", "--json", *arguments).data["models"]] == names


def test_retired_models_are_marked(command: Command) -> None:
    lines = command("models", "qwen3-max", "qwen-plus", "gte-rerank").stdout.splitlines()
    assert [line.split()[0] for line in lines if "all" in line or "dashscope" in line] == [
        "qwen3-max*",
        "qwen-plus",
        "gte-rerank*",
    ]
    assert lines[-1] == "* retired, or soon to be: --json has the date"
    assert "retired" not in command("models", "qwen-plus").stdout


@pytest.mark.parametrize(("tokens", "shown"), [(None, "?"), (999, "999"), (131_072, "131k"), (1_000_000, "1M")])
def test_a_number_of_tokens_is_abbreviated(tokens: int | None, shown: str) -> None:
    assert _size(tokens) == shown


def test_unknown_dimensions_are_a_question_mark() -> None:
    [dimensions] = [column for column in columns("embedding") if column.title == "Dimensions"]
    assert dimensions.cell(profile_of("text-embedding-v9")) == "?"


def test_the_console_writes_to_a_stream_that_is_not_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's standard output is such a stream."""
    stdout = StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    make_console().print("Good.")
    assert stdout.getvalue() == "Good.\n"


def test_finding_no_model_is_a_failure(command: Command) -> None:
    output = command("models", "--kind", "chat", "nobody*")
    assert (output.status, output.stdout, output.stderr) == (1, "", "No such model.\n")


def test_an_unknown_kind_is_wrong_usage(command: Command) -> None:
    output = command("models", "--kind", "picture")
    assert output.status == 2
    assert "'picture' is not one of 'chat'" in output.text


def test_permitted_models_are_requested_from_the_service(
    command: Command, sandbox: Sandbox, team_a: dict[str, str]
) -> None:
    output = command("models", "--permitted", "--json", env=team_a)
    assert [model["name"] for model in output.data["models"]] == ["qwen-flash", "qwen-plus", "text-embedding-v4"]
    assert [request.path for request in sandbox.requests] == ["/api/v1/models/permissions"]
    output = command("models", "--permitted", "--kind", "embedding", env=team_a)
    assert [line.split()[0] for line in output.stdout.splitlines()][2:] == ["text-embedding-v4"]


def test_a_refused_request_is_a_failure(command: Command, sandbox: Sandbox) -> None:
    env = settings_of(sandbox.workspace("team-a", models=["qwen-plus", "qwen-flash", "text-embedding-v4"]))
    output = command("models", "--permitted", env=env | {"DASHSCOPE_API_KEY": "sk-nobodys0000000000"})
    assert (output.status, output.stdout) == (1, "")
    assert "Invalid API-key provided. (status: 401" in output.text
    assert "set `region=`" in output.text


def test_wrong_settings_are_wrong_usage(command: Command, team_a: dict[str, str]) -> None:
    output = command("models", "--permitted", "--region", "mars", env=team_a)
    assert output.status == 2
    assert "Region 'mars' does not exist" in output.text


def test_permitted_models_without_a_key_is_a_failure(command: Command) -> None:
    output = command("models", "--permitted")
    assert output.status == 1
    assert "There is no API key" in output.text


# --- --refresh ---


@pytest.fixture
def beijing(sandbox: Sandbox) -> dict[str, str]:
    return settings_of(sandbox.workspace("beijing", region="cn-beijing"))


def test_refresh_writes_a_file_that_the_profiles_load(
    command: Command, beijing: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "catalogue.json"
    assert command("models", "--refresh", str(file), env=beijing).status == 0
    loaded = load(file)
    unregister(*(profile.name for profile in loaded))
    assert {profile.name for profile in loaded} == {profile.name for profile in catalogue()}


def test_refresh_shows_what_differs_and_how_to_use_the_file(
    command: Command, beijing: dict[str, str], tmp_path: Path
) -> None:
    output = command("models", "--refresh", str(tmp_path / "catalogue.json"), env=beijing)
    assert "qwen3-max retirement reported official" in output.text
    assert "QWEN_WORKSPACE_CATALOGUE=" in output.text


def test_refresh_writes_the_differences_as_json(command: Command, beijing: dict[str, str], tmp_path: Path) -> None:
    output = command("models", "--refresh", str(tmp_path / "catalogue.json"), "--json", env=beijing)
    row = {"model": "qwen3-max", "field": "retirement", "built_in": "reported", "catalogue": "official"}
    assert row in output.data["differences"]


def test_refresh_that_the_service_refuses_writes_no_file(
    command: Command, beijing: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "catalogue.json"
    output = command("models", "--refresh", str(file), env=beijing | {"DASHSCOPE_API_KEY": "sk-nobodys0000000000"})
    assert (output.status, file.exists(), "401" in output.stderr) == (1, False, True)


def test_a_file_that_cannot_be_written_is_named(command: Command, beijing: dict[str, str], tmp_path: Path) -> None:
    output = command("models", "--refresh", str(tmp_path / "none" / "catalogue.json"), env=beijing)
    assert output.status == 1
    assert "cannot be written" in output.stderr


@pytest.mark.parametrize("more", [["--permitted"], ["--kind", "chat"], ["qwen*"]])
def test_refresh_is_not_combined_with_a_selection(command: Command, tmp_path: Path, more: list[str]) -> None:
    output = command("models", "--refresh", str(tmp_path / "catalogue.json"), *more)
    assert (output.status, "cannot be combined" in output.text) == (2, True)


def test_no_difference_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_differences(make_console(), [])
    assert capsys.readouterr().out == ""


def test_values_of_differences_are_shown_as_text() -> None:
    shown = [_to_cell(value) for value in (None, ["text", "image"], 5)]
    assert shown == ["", "text, image", "5"]
