"""The command `qwen-workspace verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace._verify.beliefs import load_beliefs
from langchain_qwen_workspace._verify.recording import read_recording
from scripts.add_recording import main as add_recording
from tests.cli.conftest import Command, command
from tests.verify.conftest import Opened

__all__ = ["command"]

PLAIN = ["verify", "--only", "plain_openai"]


@pytest.fixture
def env(opened: Opened) -> dict[str, str]:
    return {
        "DASHSCOPE_API_KEY": opened.workspace._key_for("openai"),
        "DASHSCOPE_WORKSPACE": "llm-verified",
        "DASHSCOPE_REGION": "beijing",
        "DASHSCOPE_BASE_URL": opened.sandbox.base_url,
    }


def _files(folder: Path) -> list[str]:
    return sorted("".join(path.suffixes) for path in folder.iterdir())


def _report(folder: Path) -> Any:
    return json.loads(next(folder.glob("*.json")).read_text(encoding="utf-8"))


def test_every_check_agrees_with_the_sandbox(command: Command, tmp_path: Path) -> None:
    found = command("verify", "--against-sandbox", "--admin", "--output", str(tmp_path))
    number = len(load_beliefs().beliefs)
    assert (found.status, _report(tmp_path)["counts"]["as believed"]) == (0, number)


def test_a_report_and_a_recording_are_written(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    command(*PLAIN, "--yes", "--output", str(tmp_path / "new"), env=env)
    assert _files(tmp_path / "new") == [".json", ".md", ".recording.jsonl"]


def test_nothing_is_sent_before_the_budget_is_confirmed(
    command: Command, env: dict[str, str], opened: Opened, tmp_path: Path
) -> None:
    opened.sandbox.clear()
    found = command(*PLAIN, "--output", str(tmp_path), stdin="n\n", env=env)
    assert (found.status, opened.sandbox.requests, _files(tmp_path)) == (1, [], [])


def test_the_question_names_workspace_region_and_amount(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    found = command(*PLAIN, "--budget", "cny 2", "--output", str(tmp_path), stdin="y\n", env=env)
    assert "to llm-verified in cn-beijing, for at most CNY 2. Send them?" in found.text
    assert found.status == 0


def test_the_list_needs_no_key(command: Command) -> None:
    found = command("verify", "--list", "--only", "rerank")
    assert (found.status, found.text.count("rerank_openai (documented):")) == (0, 1)


def test_the_list_is_also_json(command: Command) -> None:
    assert [row["id"] for row in command("verify", "--list", "--only", "cache", "--json").data["beliefs"]] == [
        "cached_tokens_openai",
        "cached_tokens_dashscope",
        "cache_mark",
    ]


def test_administration_is_listed_only_if_asked_for(command: Command) -> None:
    assert "admin_workspaces" not in command("verify", "--list").text


def test_the_result_is_also_json(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    data = command(*PLAIN, "--yes", "--json", "--output", str(tmp_path), env=env).data
    assert (data["counts"]["as believed"], len(data["files"])) == (1, 3)


def test_the_report_has_what_is_believed_and_observed(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    command(*PLAIN, "--yes", "--output", str(tmp_path), env=env)
    text = next(tmp_path.glob("*.md")).read_text(encoding="utf-8")
    for part in ("### `plain_openai`: as believed", "* Believed (documented; ", "* Observed: ", "* Request: `"):
        assert part in text


def test_the_key_and_the_id_are_in_no_file(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    command("verify", "--only", "hosts and keys", "--yes", "--output", str(tmp_path), env=env)
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert env["DASHSCOPE_API_KEY"] not in written
    assert "llm-verified" not in written


def test_a_belief_that_is_otherwise_exits_with_status_1(
    command: Command, env: dict[str, str], opened: Opened, tmp_path: Path
) -> None:
    opened.sandbox.fail_next(status=400, code="InvalidParameter", path="/chat/completions")
    found = command("verify", "--only", "json_schema_older_openai", "--yes", "--output", str(tmp_path), env=env)
    opened.sandbox.clear()
    assert (found.status, "Otherwise: json_schema_older_openai: HTTP 400" in found.text) == (1, True)


def test_the_report_says_what_to_change(command: Command, env: dict[str, str], opened: Opened, tmp_path: Path) -> None:
    opened.sandbox.fail_next(status=400, code="InvalidParameter", path="/chat/completions")
    command("verify", "--only", "json_schema_older_openai", "--yes", "--output", str(tmp_path), env=env)
    opened.sandbox.clear()
    text = next(tmp_path.glob("*.md")).read_text(encoding="utf-8")
    assert "keep it even with `check_capabilities=False`" in text.partition("## What to change")[2].partition("##")[0]


def test_a_refused_key_is_said_and_exits_with_status_1(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    found = command(*PLAIN, "--yes", "--output", str(tmp_path), env={**env, "DASHSCOPE_API_KEY": "sk-no-such-key"})
    assert (found.status, "Not finished: The service refuses the key" in found.text) == (1, True)
    assert "Not checked: plain_openai" in next(tmp_path.glob("*.md")).read_text(encoding="utf-8")


def test_another_model_is_called_if_asked_for(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    command(*PLAIN, "--model", "qwen-plus", "--yes", "--output", str(tmp_path), env=env)
    (recording,) = tmp_path.glob("*.jsonl")
    assert [exchange.request_body["model"] for exchange, _ in read_recording(recording)] == ["qwen-plus"]


def test_a_price_makes_a_model_callable(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    arguments = ["--model", "qwen3.8-flash", "--yes", "--output", str(tmp_path)]
    unknown = command(*PLAIN, *arguments, "--json", env=env).data["results"][0]["verdict"]
    priced = command(*PLAIN, *arguments, "--price", "qwen3.8-flash=1,2", "--output", str(tmp_path / "b"), env=env)
    assert (unknown, priced.status) == ("cannot be known with this key", 0)
    assert _report(tmp_path / "b")["counts"]["as believed"] == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--only", "no-such-group"], "is neither a belief nor a group"),
        (["--budget", "much"], "is not an amount"),
        (["--budget", "EUR 3"], "is not an amount"),
        (["--price", "qwen-plus"], "is not a price"),
        (["--against-sandbox", "--region", "beijing"], "cannot be combined"),
        ([], "There is no API key. Set DASHSCOPE_API_KEY, or give it by --key-file. --against-sandbox needs none."),
        (["--base-url", "https://gateway.example.com"], "There is no API key"),
    ],
)
def test_wrong_usage_exits_with_status_2(command: Command, arguments: list[str], problem: str) -> None:
    found = command("verify", *arguments)
    assert (found.status, problem in " ".join(found.text.replace("│", " ").split())) == (2, True)


def test_prices_in_another_currency_are_wrong(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    found = command(*PLAIN, "--yes", "--budget", "USD 1", "--output", str(tmp_path), env=env)
    assert (found.status, "are in CNY" in found.text) == (1, True)


def test_a_recording_is_taken_into_the_tests(command: Command, env: dict[str, str], tmp_path: Path) -> None:
    command(*PLAIN, "--yes", "--output", str(tmp_path), env=env)
    (recording,) = tmp_path.glob("*.jsonl")
    folder = tmp_path / "recordings"
    folder.mkdir()
    assert add_recording([str(recording)], folder) == 0
    assert (folder / recording.name).read_text(encoding="utf-8") == recording.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{", '{"check": "a", "method": "GET", "path": "/x", "text": "sk-4f9c1d2e7b8a4c55"}'])
def test_a_recording_that_is_malformed_or_identifies_someone_is_not_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    folder = tmp_path / "recordings"
    folder.mkdir()
    assert (add_recording([str(path)], folder), list(folder.iterdir())) == (1, [])


def test_a_host_without_a_known_region_needs_one(command: Command) -> None:
    options = ["--yes", "--key-file", "-", "--base-url", "https://gateway.example.com/v1"]
    found = command("verify", *options, stdin="sk-gateway")
    assert (found.status, "region of the host is not known" in " ".join(found.text.replace("│", " ").split())) == (
        2,
        True,
    )


def test_administration_takes_the_access_key_of_the_environment(
    command: Command, env: dict[str, str], tmp_path: Path
) -> None:
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-test", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
    found = command(*PLAIN, "--admin", "--yes", "--output", str(tmp_path), env={**env, **keys})
    assert found.status == 0
