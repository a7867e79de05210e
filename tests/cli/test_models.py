"""`qwen-workspace models`: the catalogue, and the models that the service permits."""

import sys
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from langchain_qwen_workspace.cli._console import _to_cell, make_console, show_differences
from langchain_qwen_workspace.cli._model_details import describe_model
from langchain_qwen_workspace.cli._models import _size, columns
from langchain_qwen_workspace.profiles import Profile, catalogue, load, profile_of, unregister
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command, settings_of


def test_all_models_are_listed_by_kind(command: Command) -> None:
    output = command("models")
    assert output.status == 0
    lines = [line.rstrip() for line in output.stdout.splitlines()]
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["Chat", "Protocol", "In", "Context", "Thinks", "Tools", "JSON"]
    assert [line.split() for line in lines if line.startswith(("qwen-plus ", "text-embedding-v4", "qwen3-rerank"))] == [
        ["qwen-plus", "d", "o", "t", "1M", "can", "yes", "object"],
        ["text-embedding-v4", "t", "64-2048", "(1024)", "10", "8,192"],
        ["qwen3-rerank", "d", "o", "t", "500", "4,000"],
    ]
    assert "\x1b" not in output.stdout


def test_the_json_has_every_model_and_every_field(command: Command) -> None:
    output = command("models", "--json")
    assert (output.status, output.data["version"]) == (0, 1)
    models = {model["name"]: model for model in output.data["models"]}
    assert list(models) == [profile.name for profile in catalogue()]
    plus = models["qwen-plus"]
    assert (plus["kind"], plus["protocols"], plus["thinking"]) == ("chat", ["dashscope", "openai"], "off")
    assert models["qwen3.7-plus"]["protocols"] == ["dashscope", "openai", "responses"]
    assert models["text-embedding-v4"]["protocols"] == ["dashscope", "openai"]
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
    assert [line.split()[0] for line in lines if line.startswith(("qwen", "gte"))] == [
        "qwen3-max*",
        "qwen-plus",
        "gte-rerank*",
    ]
    assert lines[-1] == "* retired, or soon to be: --json has the date"
    assert "retired" not in command("models", "qwen-plus", "qwen-flash").stdout


@pytest.mark.parametrize(("tokens", "shown"), [(None, "?"), (999, "999"), (131_072, "131k"), (1_000_000, "1M")])
def test_a_number_of_tokens_is_abbreviated(tokens: int | None, shown: str) -> None:
    assert _size(tokens) == shown


@pytest.mark.parametrize(
    ("model", "support"),
    [("qwen3.7-plus", "fully documented"), ("qwen-plus", "basic compatibility only"), ("qwen9-max", "not known")],
)
def test_the_details_say_how_far_the_responses_api_has_a_model(model: str, support: str) -> None:
    assert dict(describe_model(profile_of(model), date(2026, 11, 29)))["Responses"] == support


def test_unknown_dimensions_are_a_question_mark() -> None:
    [dimensions] = [column for column in columns("embedding") if column.title == "Dimensions"]
    assert dimensions.cell(profile_of("text-embedding-v9")) == "?"


def test_the_console_writes_to_a_stream_that_is_not_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's standard output is such a stream."""
    stdout = StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    make_console().print("Good.")
    assert stdout.getvalue() == "Good.\n"


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("kind", ["chat", "embedding", "embedding_task", "rerank"])
def test_a_table_fits_the_terminal_and_no_name_is_wrapped(
    command: Command, monkeypatch: pytest.MonkeyPatch, kind: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = command("models", "--kind", kind).stdout.splitlines()
    assert max(map(len, lines)) <= width
    names = [profile.name for profile in catalogue() if profile.kind == kind]
    assert [line.split()[0].rstrip("*") for line in lines[2 : 2 + len(names)]] == names


def test_a_table_names_the_columns_for_which_there_is_no_room(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = command("models", "--kind", "embedding").stdout.splitlines()
    assert lines[0].split() == ["Embeddings", "Dimensions"]
    text = " ".join(" ".join(lines).split())
    assert "Too narrow to show Protocol, Tokens, Rows, In: --json has all." in text


def test_one_name_shows_all_that_is_known_of_the_model(command: Command) -> None:
    output = command("models", "qwen-plus")
    assert output.stdout.splitlines()[0] == "qwen-plus"
    for line in ("Class ChatQwenWorkspace", "Protocols dashscope, openai", "Context 1,000,000 tokens", "Tools yes"):
        assert line in output.text


@pytest.mark.parametrize("profile", catalogue(), ids=lambda profile: profile.name)
def test_every_model_of_the_catalogue_is_described_without_an_empty_line(profile: Profile) -> None:
    assert all(text.strip() for _, text in describe_model(profile, date(2026, 11, 29)))


@pytest.mark.parametrize(
    ("today", "status"), [(date(2026, 10, 9), "will be retired on 2026-10-10"), (date(2026, 10, 10), "retired since")]
)
def test_the_status_says_whether_a_retirement_is_past(today: date, status: str) -> None:
    assert dict(describe_model(profile_of("qwen3-max"), today))["Status"].startswith(status)


def test_the_status_of_an_unexplained_retirement_is_its_day() -> None:
    profile = Profile(name="m", retired=date(2026, 1, 1))
    assert dict(describe_model(profile, date(2026, 2, 1)))["Status"] == "retired since 2026-01-01"


def test_an_unknown_kind_of_model_is_described_by_what_all_have() -> None:
    assert [title for title, _ in describe_model(Profile(name="m"), date(2026, 2, 1))] == [
        "Kind",
        "Protocols",
        "Regions",
    ]


def test_the_limit_of_the_input_with_thinking_is_shown_where_it_differs() -> None:
    described = dict(describe_model(profile_of("qwen-plus"), date(2026, 11, 29)))
    assert (described["Input limit"], described["… with thinking"]) == ("997,952 tokens", "995,904 tokens")


def test_a_dated_version_is_found_by_its_name(command: Command) -> None:
    output = command("models", "qwen-plus-2031-01-01")
    assert (output.status, output.stdout.splitlines()[0]) == (0, "qwen-plus-2031-01-01")


def test_a_region_selects_the_models_that_the_documentation_lists_for_it(command: Command) -> None:
    names = [model["name"] for model in command("models", "--json", "--region", "virginia").data["models"]]
    assert names == [profile.name for profile in catalogue() if "us-east-1" in profile.regions]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workspace-id", "llm-1"],
        ["--endpoint", "shared"],
        ["--base-url", "https://example.com"],
        ["--key-file", "-"],
        ["--timeout", "10"],
    ],
)
def test_an_option_that_applies_only_with_permitted_is_refused_without_it(
    command: Command, arguments: list[str]
) -> None:
    output = command("models", *arguments, stdin="sk-1")
    assert output.status == 2
    assert f"Only --permitted and --refresh call the service, and so use {arguments[0]}." in " ".join(
        output.text.replace("│", "").split()
    )


def test_a_misspelt_model_is_a_failure_with_a_suggestion(command: Command) -> None:
    output = command("models", "qwen-pluss")
    assert (output.status, output.stderr) == (1, "No such model: 'qwen-pluss'. Did you mean 'qwen-plus'?\n")


def test_of_several_names_each_unknown_one_is_told(command: Command) -> None:
    output = command("models", "qwen-plus", "qwen-flsh")
    assert (output.status, output.stderr) == (1, "No such model: 'qwen-flsh'. Did you mean 'qwen-flash'?\n")
    assert "qwen-plus" in output.stdout


def test_a_known_model_that_another_option_leaves_out_is_told_so(command: Command) -> None:
    output = command("models", "--kind", "rerank", "qwen-plus")
    assert output.stderr == "'qwen-plus' is not among the models that the other options select.\n"


def test_options_that_select_no_model_are_a_failure(command: Command, sandbox: Sandbox) -> None:
    env = settings_of(sandbox.workspace("team-nothing", models=[]))
    output = command("models", "--permitted", env=env)
    assert (output.status, output.stderr) == (1, "No such model.\n")


def test_finding_no_model_is_a_failure(command: Command) -> None:
    output = command("models", "--kind", "chat", "nobody*")
    assert (output.status, output.stdout, output.stderr) == (1, "", "No such model: no name matches 'nobody*'.\n")


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
