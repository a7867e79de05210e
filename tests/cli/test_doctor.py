"""The doctor against the sandbox: every planted fault is named, and only what stands on it is left out."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace.cli import _doctor, _service
from langchain_qwen_workspace.cli._examination import Check, Examination, Verdict
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command, settings_of
from tests.support.server import Reply, Server

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
}
AFTER_SETTINGS = dict.fromkeys([*HEALTHY][1:], "skipped")
AFTER_ACCESS = dict.fromkeys(["workspace", "models", "openai call", "dashscope call"], "skipped")
CALLS_SKIPPED = {"openai call": "skipped", "dashscope call": "skipped"}
CALLS_FAILED = {"openai call": "failed", "dashscope call": "failed"}


def test_a_healthy_workspace_is_well_in_time(command: Command, team_a: dict[str, str]) -> None:
    command("doctor", env=team_a)  # imports the SDKs
    began = time.process_time()
    said = command("doctor", "--json", env=team_a)
    assert time.process_time() - began < 5
    assert (said.status, said.data["failed"], said.statuses) == (0, False, HEALTHY)
    assert said.told("models") == "3 permitted; qwen-flash is called. | None"
    assert said.told("workspace") == "The key is one of llm-team-a. | None"
    assert said.told("tls") == "plain http | None"


def test_a_call_is_small_and_comes_once(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    command("doctor", env=team_a)
    chats = [request for request in sandbox.requests if request.method == "POST"]
    assert [request.path for request in chats] == [
        "/compatible-mode/v1/chat/completions",
        "/api/v1/services/aigc/text-generation/generation",
    ]
    compatible, native = (request.body for request in chats)
    assert compatible == {
        "model": "qwen-flash",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "enable_thinking": False,
    }
    assert native["parameters"] == {"max_tokens": 1, "enable_thinking": False, "result_format": "message"}


@dataclass(frozen=True)
class Fault:
    """A fault to plant.

    Attributes:
        name: Its name.
        differ: How statuses differ from those of a healthy workspace.
        where: The check that names it.
        says: What that says, in this order.
        env: What else the environment has.
        arguments: What else the command is told.
        faults: What the sandbox is told to fail with.
    """

    name: str
    differ: dict[str, str]
    where: str
    says: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.name


def _both(**fault: Any) -> tuple[dict[str, Any], ...]:
    return ({**fault, "path": "/chat/completions"}, {**fault, "path": "/text-generation/"})


_KEY_ELSEWHERE = "sk-ws-0123456789abcdef0123456789abcdef"
FAULTS = [
    Fault(
        "no key",
        {**AFTER_SETTINGS, "key": "failed", **dict.fromkeys(["proxy", "dns", "connection"], "ok")},
        "key",
        ("There is no API key", "Set the environment variable DASHSCOPE_API_KEY"),
        env={"DASHSCOPE_API_KEY": ""},
    ),
    Fault(
        "a key that nobody knows, or of another region",
        {**AFTER_ACCESS, "access": "failed"},
        "access",
        ("Invalid API-key provided.", "401, InvalidApiKey", "cn-beijing was called: set `region=`"),
        env={"DASHSCOPE_API_KEY": _KEY_ELSEWHERE, "DASHSCOPE_REGION": "beijing"},
    ),
    Fault(
        "a key that was cut off",
        {**AFTER_ACCESS, "key": "warning", "access": "failed"},
        "key",
        ("8 characters", "cut off"),
        env={"DASHSCOPE_API_KEY": "sk-01234"},
    ),
    Fault(
        "something else than a key",
        {**AFTER_ACCESS, "key": "warning", "access": "failed"},
        "key",
        ("It has not the form of a key", "begins with `sk-`"),
        env={"DASHSCOPE_API_KEY": "LTAI0123456789abcdef0123"},
    ),
    Fault(
        "a temporary key",
        {**AFTER_ACCESS, "key": "warning", "access": "failed"},
        "key",
        ("temporary", "30 minutes"),
        env={"DASHSCOPE_API_KEY": "st-0123456789abcdef0123456789abcdef"},
    ),
    Fault(
        "a plan's key",
        {**AFTER_SETTINGS, "settings": "failed"},
        "settings",
        ("`api_key` begins with `sk-sp-`", "pay-as-you-go key"),
        env={"DASHSCOPE_API_KEY": "sk-sp-0123456789abcdef", "DASHSCOPE_BASE_URL": ""},
    ),
    Fault(
        "a key with a line break inside",
        {**AFTER_SETTINGS, "settings": "failed"},
        "settings",
        ("`api_key` is empty or has a blank, a line break",),
        env={"DASHSCOPE_API_KEY": "sk-0123456789\n0123456789"},
    ),
    Fault(
        "a key for a workspace id",
        {**AFTER_SETTINGS, "settings": "failed"},
        "settings",
        ("`workspace_id` begins with `sk-`", "llm-"),
        env={"DASHSCOPE_WORKSPACE": _KEY_ELSEWHERE},
    ),
    Fault(
        "a region that does not exist",
        {**AFTER_SETTINGS, "settings": "failed"},
        "settings",
        ("Region 'mars' does not exist", "singapore"),
        arguments=("--region", "mars"),
    ),
    Fault(
        "a region without a shared host",
        {**AFTER_SETTINGS, "settings": "failed"},
        "settings",
        ("Frankfurt", "a `workspace_id` is needed"),
        env={"DASHSCOPE_WORKSPACE": "", "DASHSCOPE_BASE_URL": ""},
        arguments=("--region", "frankfurt"),
    ),
    Fault(
        "another workspace's id",
        {**AFTER_ACCESS, "access": "warning", "workspace": "failed"},
        "workspace",
        ("`workspace_id` is llm-team-b, but the key is one of llm-team-a.", "DASHSCOPE_WORKSPACE to llm-team-a"),
        arguments=("--workspace-id", "llm-team-b"),
    ),
    Fault(
        "a model that is not granted",
        {**CALLS_SKIPPED, "models": "failed"},
        "models",
        ("qwen-max is not among the 3 permitted to llm-team-a.", "super administrator"),
        arguments=("--model", "qwen-max"),
    ),
    Fault(
        "a model that nobody knows, as deployed ones are",
        {**CALLS_FAILED, "models": "warning"},
        "models",
        ("my-own-model is not among the 3", "normal for a fine-tuned or deployed model"),
        arguments=("--model", "my-own-model"),
    ),
    Fault(
        "a list of models that may not be read",
        {"models": "warning"},
        "models",
        ("The permitted models cannot be read", "403", "normal for a sub-workspace's key"),
        faults=({"status": 403, "code": "AccessDenied", "path": "/models/permissions"},),
    ),
    Fault(
        "a model that reads files, and has no small call",
        {**CALLS_SKIPPED, "models": "warning"},
        "dashscope call",
        ("text-embedding-async-v2 has no small call", "`--model`"),
        arguments=("--model", "text-embedding-async-v2"),
        faults=({"status": 403, "code": "AccessDenied", "path": "/models/permissions"},),
    ),
    Fault(
        "limits that may not be read",
        {"access": "warning"},
        "access",
        ("The key's limits cannot be read", "normal for a sub-workspace's key"),
        faults=({"status": 404, "path": "/quotas"},),
    ),
    Fault(
        "an overdue bill",
        CALLS_FAILED,
        "dashscope call",
        ("good standing", "400, Arrearage", "overdue bill: settle it"),
        faults=_both(status=400, code="Arrearage"),
    ),
    Fault(
        "a free tier that is used up",
        CALLS_FAILED,
        "openai call",
        ("403, AllocationQuota.FreeTierOnly", "stop when the free tier is used up"),
        faults=_both(status=403, code="AllocationQuota.FreeTierOnly"),
    ),
    Fault(
        "a grant that is missing although the list has it",
        CALLS_FAILED,
        "openai call",
        ("Model access denied", "403, Model.AccessDenied", "not granted to workspace llm-team-a"),
        faults=_both(status=403, code="Model.AccessDenied"),
    ),
    Fault(
        "throttling",
        CALLS_FAILED,
        "dashscope call",
        ("429, Throttling.RateQuota", "wait, or ask for a higher one"),
        faults=_both(status=429, code="Throttling.RateQuota"),
    ),
    Fault(
        "a compatible protocol that fails alone",
        {"openai call": "failed"},
        "openai call",
        ("500", "The service failed"),
        faults=({"status": 500, "path": "/compatible-mode"},),
    ),
    Fault(
        "a native protocol that fails alone",
        {"dashscope call": "failed"},
        "dashscope call",
        ("503", "capacity"),
        faults=({"status": 503, "code": "ModelUnavailable", "path": "/services/"},),
    ),
    Fault(
        "a login page for every answer",
        {**CALLS_FAILED, "access": "warning", "workspace": "skipped", "models": "warning"},
        "openai call",
        ("not a JSON object", "<html>", "A proxy or a wrong `base_url`"),
        faults=({"body": "<html>log in</html>", "times": 9},),
    ),
    Fault(
        "a service that hangs up",
        {**AFTER_ACCESS, "access": "failed"},
        "access",
        ("The connection failed", "broke the connection off"),
        faults=({"close": True, "times": 9},),
    ),
    Fault(
        "a service that is slow",
        {**CALLS_FAILED, "access": "warning", "workspace": "skipped", "models": "warning"},
        "openai call",
        ("timed out", "--timeout"),
        arguments=("--timeout", "0.5"),
        faults=({"delay": 3.0, "times": 9},),
    ),
    Fault(
        "a port where nobody listens",
        {**AFTER_SETTINGS, "key": "ok", "proxy": "ok", "dns": "ok", "connection": "failed"},
        "connection",
        ("No connection to 127.0.0.1:9: connection refused.", "Nothing listens there"),
        arguments=("--base-url", "http://127.0.0.1:9"),
    ),
    Fault(
        "a host that does not exist",
        {**AFTER_SETTINGS, "key": "ok", "proxy": "ok", "dns": "failed"},
        "dns",
        ("qwen.invalid does not resolve", "typing errors"),
        arguments=("--base-url", "https://qwen.invalid"),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_is_named(command: Command, sandbox: Sandbox, team_a: dict[str, str], fault: Fault) -> None:
    for planted in fault.faults:
        sandbox.fail_next(**planted)
    said = command("doctor", "--json", *fault.arguments, env=team_a | fault.env)
    assert said.statuses == HEALTHY | fault.differ
    told = said.told(fault.where)
    places = [told.find(text) for text in fault.says]
    assert -1 not in places, told
    assert places == sorted(places), told
    failed = "failed" in said.statuses.values()
    assert (said.status, said.data["failed"]) == (int(failed), failed)


def test_a_workspace_that_may_call_nothing(command: Command, sandbox: Sandbox) -> None:
    said = command("doctor", "--json", env=settings_of(sandbox.workspace("team-nothing", models=[])))
    assert (said.status, said.statuses) == (1, HEALTHY | CALLS_SKIPPED | {"models": "failed"})
    assert said.told("models").startswith("No model is permitted to llm-team-nothing. | A super administrator")


def test_a_check_that_is_left_out_names_the_one_that_failed_first(command: Command, team_a: dict[str, str]) -> None:
    said = command("doctor", "--json", "--base-url", "http://127.0.0.1:9", env=team_a)
    details = [finding["detail"] for finding in said.data["findings"] if finding["status"] == "skipped"]
    assert details == ["`connection` failed"] * 6


def test_without_an_id_the_workspace_of_the_key_is_told(command: Command, team_a: dict[str, str]) -> None:
    said = command("doctor", "--json", env=team_a | {"DASHSCOPE_WORKSPACE": ""})
    assert said.statuses == HEALTHY
    assert said.told("workspace") == "The key is one of llm-team-a; no `workspace_id` is set. | None"


@pytest.mark.parametrize(
    ("model", "says"),
    [("text-embedding-v4", "1024 dimensions"), ("qwen3-rerank", "qwen3-rerank answered"), ("qwen3-vl-plus", "tokens")],
)
def test_models_of_every_kind_are_called(command: Command, sandbox: Sandbox, model: str, says: str) -> None:
    workspace = sandbox.workspace(f"team-{model}", models=[model])
    said = command("doctor", "--json", env=settings_of(workspace))
    assert said.statuses == HEALTHY
    assert all(says in said.told(call) for call in ("openai call", "dashscope call"))


def test_a_model_of_one_protocol_is_called_on_that(command: Command, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace("team-vectors", models=["qwen3-vl-embedding"])
    said = command("doctor", "--json", env=settings_of(workspace))
    assert said.statuses == HEALTHY | {"openai call": "skipped"}
    assert said.told("openai call") == "qwen3-vl-embedding is not served by this protocol | None"


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
def test_protocols_can_be_chosen(
    command: Command, team_a: dict[str, str], arguments: list[str], calls: list[str]
) -> None:
    said = command("doctor", "--json", *arguments, env=team_a)
    assert [name for name in said.statuses if name.endswith(" call")] == calls


def test_a_base_url_of_one_protocol_is_examined_by_that(command: Command, team_a: dict[str, str]) -> None:
    url = team_a["DASHSCOPE_BASE_URL"] + "/compatible-mode/v1"
    said = command("doctor", "--json", "--base-url", url, env=team_a)
    differ = dict.fromkeys(["access", "workspace", "models", "dashscope call"], "skipped")
    assert (said.status, said.statuses) == (0, HEALTHY | differ)
    said = command("doctor", "--json", "--base-url", url, "--protocol", "native", env=team_a)
    assert (said.status, said.statuses["dashscope call"]) == (1, "failed")


def test_a_server_that_speaks_no_http_is_named(command: Command, server: Server, team_a: dict[str, str]) -> None:
    server.default = lambda _: Reply((b"\x00\x01garbage",), 200, {"Content-Type": "application/json"})
    said = command("doctor", "--json", "--base-url", server.url, env=team_a)
    assert (said.status, said.statuses["openai call"]) == (1, "failed")
    assert "A proxy or a wrong `base_url`" in said.told("openai call")


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"workspace_id": "llm-1"}, "https://dashscope-intl.aliyuncs.com"),
        ({"base_url": "https://llm-1.cn-beijing.maas.aliyuncs.com"}, "https://dashscope.aliyuncs.com"),
        ({"workspace_id": "llm-1", "endpoint": "trial"}, "https://dashscope-intl.aliyuncs.com"),
        ({"workspace_id": "llm-1", "base_url": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        # Frankfurt has no host that would take a key without its workspace.
        ({"workspace_id": "llm-1", "region": "frankfurt"}, None),
        ({}, None),
    ],
)
def test_whose_the_key_is_is_asked_where_no_id_is_needed(settings: dict[str, Any], asked: str | None) -> None:
    anonymous = _service._anonymous(QwenWorkspace(**settings))
    assert (anonymous and anonymous.origin) == asked
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
def test_the_model_that_asks_least_is_called(permitted: list[str], called: str) -> None:
    assert _service._cheapest(permitted) == called


def _explode(_: Examination) -> Verdict:
    raise RuntimeError("cannot read S3CR3T nor sk-others0000")


def test_a_check_that_breaks_is_a_finding_and_stops_only_what_needs_it() -> None:
    def fine(_: Examination) -> Verdict:
        return Verdict("ok", "fine")

    checks = [Check("one", (), _explode), Check("two", ("one",), fine), Check("three", (), fine)]
    examination = Examination(given={"api_key": SecretStr("S3CR3T")})
    one, two, three = _doctor.examine(examination, checks)
    assert (one.status, one.detail) == ("failed", "RuntimeError: cannot read (key) nor sk-…")
    assert one.hint is not None
    assert (two.status, two.detail) == ("skipped", "`one` failed")
    assert three.status == "ok"


def test_every_check_needs_only_checks_before_it() -> None:
    known: set[str] = set()
    for check in _doctor.checks_of(Examination(given={})):
        assert set(check.needs) <= known
        known.add(check.name)
    assert list(HEALTHY) == [check.name for check in _doctor.checks_of(Examination(given={}))]


def test_it_is_read_in_80_columns(command: Command, sandbox: Sandbox, team_a: dict[str, str]) -> None:
    sandbox.fail_next(status=400, code="Arrearage", path="/chat/completions")
    said = command("doctor", env=team_a | {"DASHSCOPE_BASE_URL": sandbox.base_url})
    lines = said.stdout.splitlines()
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert "\x1b" not in said.stdout
    assert lines[:7] == [
        "ok       settings        llm-team-a in ap-southeast-1 (Singapore), at",
        f"                         {sandbox.base_url}",
        "ok       key             A key (`sk-…`), 43 characters.",
        "ok       proxy           None is in the way.",
        "ok       dns             127.0.0.1 is an address.",
        f"ok       connection      {sandbox.base_url.removeprefix('http://')} takes connections.",
        "skipped  tls             plain http",
    ]
    assert "failed   openai call     Access denied, please make sure your account is in good" in lines
    assert lines[-1] == "9 ok, 1 failed, 1 skipped"
