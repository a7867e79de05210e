"""The doctor against the sandbox: each fault is reported, and only the checks that depend on it are skipped."""

import time
from typing import Any

import pytest
from pydantic import SecretStr

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.cli import _doctor, _service
from langchain_qwen_workspace.cli._doctor_run import Check, DoctorRun, Verdict
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command, settings_of
from tests.support.server import Reply, Server, json_reply

HEALTHY = {
    "settings": "ok",
    "key": "ok",
    "proxy": "ok",
    "dns": "ok",
    "connection": "ok",
    "tls": "skipped",
    "access": "ok",
    "workspace": "ok",
    "models": "ok",
    "openai call": "ok",
    "dashscope call": "ok",
    "responses call": "ok",
}
CALLS_SKIPPED = {"openai call": "skipped", "dashscope call": "skipped", "responses call": "skipped"}
RESPONSES_SKIPPED = {"responses call": "skipped"}


def test_a_healthy_workspace_passes_all_checks_in_five_seconds_of_cpu(command: Command, team_a: dict[str, str]) -> None:
    command("doctor", env=team_a)  # imports the SDKs
    began = time.process_time()
    output = command("doctor", "--json", env=team_a)
    assert time.process_time() - began < 5
    assert (output.status, output.data["failed"], output.statuses) == (0, False, HEALTHY)
    assert output.finding("models") == "3 permitted; the calls below use qwen-flash. | None"
    assert output.finding("workspace") == "The key belongs to llm-team-a. | None"
    assert output.finding("tls") == "plain http | None"


def test_each_protocol_is_called_once_with_a_small_request(
    command: Command, sandbox: Sandbox, team_a: dict[str, str]
) -> None:
    command("doctor", env=team_a)
    chats = [request for request in sandbox.requests if request.method == "POST"]
    assert [request.path for request in chats] == [
        "/compatible-mode/v1/chat/completions",
        "/api/v1/services/aigc/text-generation/generation",
        "/compatible-mode/v1/responses",
    ]
    openai, dashscope, responses = (request.body for request in chats)
    assert openai == {
        "model": "qwen-flash",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "enable_thinking": False,
    }
    assert dashscope["parameters"] == {"max_tokens": 1, "enable_thinking": False, "result_format": "message"}
    assert responses == {
        "model": "qwen-flash",
        "input": [{"role": "user", "content": "Hi"}],
        "max_output_tokens": 16,
        "enable_thinking": False,
    }


def test_a_warning_of_a_call_is_its_hint(command: Command, team_a: dict[str, str]) -> None:
    output = command("doctor", "--json", env=team_a)
    assert "documents only basic compatibility for 'qwen-flash'" in output.finding("responses call")
    assert output.stderr == ""


def test_a_workspace_without_permitted_models_fails(command: Command, sandbox: Sandbox) -> None:
    output = command("doctor", "--json", env=settings_of(sandbox.workspace("team-nothing", models=[])))
    assert (output.status, output.statuses) == (1, HEALTHY | CALLS_SKIPPED | {"models": "failed"})
    assert output.finding("models").startswith("No model is permitted to llm-team-nothing. | An administrator")


def test_a_skipped_check_names_the_check_that_failed_first(command: Command, team_a: dict[str, str]) -> None:
    output = command("doctor", "--json", "--base-url", "http://127.0.0.1:9", env=team_a)
    details = [finding["detail"] for finding in output.data["findings"] if finding["status"] == "skipped"]
    assert details == ["`connection` failed"] * 7


def test_without_an_id_the_workspace_of_the_key_is_reported(command: Command, team_a: dict[str, str]) -> None:
    output = command("doctor", "--json", env=team_a | {"DASHSCOPE_WORKSPACE": ""})
    assert output.statuses == HEALTHY
    assert output.finding("workspace") == "The key belongs to llm-team-a; no `workspace_id` is set. | None"


@pytest.mark.parametrize(
    ("model", "text"),
    [("text-embedding-v4", "1024 dimensions"), ("qwen3-rerank", "qwen3-rerank answered"), ("qwen3-vl-plus", "tokens")],
)
def test_chat_embedding_and_rerank_models_are_called(command: Command, sandbox: Sandbox, model: str, text: str) -> None:
    workspace = sandbox.workspace(f"team-{model}", models=[model])
    output = command("doctor", "--json", env=settings_of(workspace))
    assert output.statuses == HEALTHY | RESPONSES_SKIPPED
    assert all(text in output.finding(call) for call in ("openai call", "dashscope call"))


def test_a_model_of_one_protocol_is_called_on_that_protocol(command: Command, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace("team-vectors", models=["qwen3-vl-embedding"])
    output = command("doctor", "--json", env=settings_of(workspace))
    assert output.statuses == HEALTHY | RESPONSES_SKIPPED | {"openai call": "skipped"}
    assert output.finding("openai call") == "qwen3-vl-embedding is not available on this protocol | None"


@pytest.mark.parametrize(
    ("arguments", "calls"),
    [
        (["--protocol", "openai"], ["openai call"]),
        (["--protocol", "native"], ["dashscope call"]),
        (
            ["--protocol", "dashscope", "--protocol", "native", "--protocol", "openai"],
            ["dashscope call", "openai call"],
        ),
    ],
)
def test_protocols_are_selected_by_option(
    command: Command, team_a: dict[str, str], arguments: list[str], calls: list[str]
) -> None:
    output = command("doctor", "--json", *arguments, env=team_a)
    assert [name for name in output.statuses if name.endswith(" call")] == calls


def test_with_a_base_url_of_one_protocol_only_that_protocol_is_checked(
    command: Command, team_a: dict[str, str]
) -> None:
    url = team_a["DASHSCOPE_BASE_URL"] + "/compatible-mode/v1"
    output = command("doctor", "--json", "--base-url", url, env=team_a)
    changed = dict.fromkeys(["access", "workspace", "models", "dashscope call"], "skipped")
    assert (output.status, output.statuses) == (0, HEALTHY | changed)
    output = command("doctor", "--json", "--base-url", url, "--protocol", "native", env=team_a)
    assert (output.status, output.statuses["dashscope call"]) == (1, "failed")


def test_a_server_that_does_not_answer_in_http_is_reported(
    command: Command, server: Server, team_a: dict[str, str]
) -> None:
    server.default = lambda _: Reply((b"\x00\x01garbage",), 200, {"Content-Type": "application/json"})
    output = command("doctor", "--json", "--base-url", server.url, env=team_a)
    assert (output.status, output.statuses["openai call"]) == (1, "failed")
    assert "A proxy or a wrong `base_url`" in output.finding("openai call")


@pytest.mark.parametrize(
    ("api_key", "detail"),
    [(None, "No key is sent to the server."), ("local-key", "The server gets the key that was given.")],
)
def test_another_server_is_called_and_asked_for_nothing_else(
    server: Server, team_a: dict[str, str], monkeypatch: pytest.MonkeyPatch, api_key: str | None, detail: str
) -> None:
    answer = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    server.default = lambda _: json_reply(answer)
    for name, value in team_a.items():
        monkeypatch.setenv(name, value)
    given = {"base_url": f"{server.url}/v1", "api_key": api_key}
    run = DoctorRun(given=given, protocols=["openai", "dashscope"], model="m", timeout=60)
    verdicts = {
        "settings": _service.check_settings(run),
        "key": _service.check_key(run),
        "access": _service.check_access(run),
        "models": _service.check_models(run),
        "openai": _service.check_call(run, "openai"),
        "dashscope": _service.check_call(run, "dashscope"),
    }
    assert [verdict.status for verdict in verdicts.values()] == ["ok", "ok", "skipped", "skipped", "ok", "skipped"]
    assert verdicts["key"].detail == detail
    assert "which is not Model Studio" in verdicts["settings"].detail


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({"workspace_id": "llm-1"}, "https://dashscope-intl.aliyuncs.com"),
        ({"base_url": "https://llm-1.cn-beijing.maas.aliyuncs.com"}, "https://dashscope.aliyuncs.com"),
        ({"workspace_id": "llm-1", "endpoint": "trial"}, "https://dashscope-intl.aliyuncs.com"),
        ({"workspace_id": "llm-1", "base_url": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        # Frankfurt has no shared host, which would accept a key without a workspace id.
        ({"workspace_id": "llm-1", "region": "frankfurt"}, None),
        ({"workspace_id": "llm-1", "region": "finance"}, "https://dashscope-finance.aliyuncs.com"),
        ({}, None),
    ],
)
def test_the_owner_of_a_key_is_requested_at_a_host_that_needs_no_workspace_id(
    settings: dict[str, Any], origin: str | None
) -> None:
    anonymous = _service._without_workspace_id(QwenWorkspace(**settings))
    assert (anonymous and anonymous.origin) == origin
    assert anonymous is None or anonymous.workspace_id is None


@pytest.mark.parametrize(
    ("permitted", "called"),
    [
        (["qwen3-max", "qwen-plus", "qwen-flash"], "qwen-flash"),
        (["text-embedding-v4", "qwen3-rerank", "qwen3-max"], "qwen3-max"),
        (["qwq-plus", "deepseek-r1", "glm-5"], "glm-5"),
        (["qwen3-rerank", "text-embedding-v4"], "text-embedding-v4"),
        (["wan2.5-t2i", "qwen3-rerank"], "qwen3-rerank"),
    ],
)
def test_the_cheapest_permitted_model_is_called(permitted: list[str], called: str) -> None:
    assert _service._cheapest(permitted) == called


def _raise(_: DoctorRun) -> Verdict:
    raise RuntimeError("cannot read S3CR3T nor sk-others0000")


def test_an_exception_in_a_check_fails_it_and_skips_only_the_checks_that_need_it() -> None:
    def fine(_: DoctorRun) -> Verdict:
        return Verdict("ok", "fine")

    checks = [Check("one", (), _raise), Check("two", ("one",), fine), Check("three", (), fine)]
    run = DoctorRun(given={"api_key": SecretStr("S3CR3T")})
    one, two, three = _doctor.run_checks(run, checks)
    assert (one.status, one.detail) == ("failed", "RuntimeError: cannot read (key) nor sk-…")
    assert one.hint is not None
    assert (two.status, two.detail) == ("skipped", "`one` failed")
    assert three.status == "ok"


def test_a_check_needs_only_earlier_checks() -> None:
    known: set[str] = set()
    for check in _doctor.checks_for(DoctorRun(given={})):
        assert set(check.needs) <= known
        known.add(check.name)
    assert list(HEALTHY) == [check.name for check in _doctor.checks_for(DoctorRun(given={}))]


def test_the_output_fits_in_80_columns(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    sandbox.fail_next(status=400, code="Arrearage", path="/chat/completions")
    output = command("doctor", env=team_a | {"DASHSCOPE_BASE_URL": sandbox.base_url})
    lines = output.stdout.splitlines()
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert "\x1b" not in output.stdout
    assert lines[:7] == [
        "ok       settings        llm-team-a in ap-southeast-1 (Singapore), at",
        f"                         {sandbox.base_url}",
        "ok       key             A key (`sk-…`), 43 characters.",
        "ok       proxy           No proxy is used.",
        "ok       dns             127.0.0.1 is an IP address.",
        f"ok       connection      {sandbox.base_url.removeprefix('http://')} accepts connections.",
        "skipped  tls             plain http",
    ]
    assert "failed   openai call     Access denied, please make sure your account is in good" in lines
    assert lines[-1] == "10 ok, 1 failed, 1 skipped"
