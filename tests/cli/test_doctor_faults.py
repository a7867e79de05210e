"""Which check of `doctor` reports a fault, and what it says."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command
from tests.cli.test_doctor import HEALTHY

AFTER_SETTINGS = dict.fromkeys([*HEALTHY][1:], "skipped")
GRANT = "`qwen-workspace admin grant llm-team-a {} --region ap-southeast-1`"
AFTER_ACCESS = dict.fromkeys(["workspace", "models", "openai call", "dashscope call", "responses call"], "skipped")
CALLS_SKIPPED = {"openai call": "skipped", "dashscope call": "skipped", "responses call": "skipped"}
CALLS_FAILED = {"openai call": "failed", "dashscope call": "failed", "responses call": "failed"}


@dataclass(frozen=True)
class Fault:
    """A fault, and what the doctor should report.

    Attributes:
        name: Its name.
        statuses: The statuses that differ from those of a healthy workspace.
        check: The check that reports it.
        texts: Texts of its finding, in this order.
        env: Further environment variables.
        arguments: Further arguments of the command.
        faults: Arguments of the sandbox's `fail_next`.
    """

    name: str
    statuses: dict[str, str]
    check: str
    texts: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.name


def _every(**fault: Any) -> tuple[dict[str, Any], ...]:
    return tuple({**fault, "path": path} for path in ("/chat/completions", "/text-generation/", "/responses"))


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
        "an unknown key, or a key of another region",
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
        "a value that is not a key",
        {**AFTER_ACCESS, "key": "warning", "access": "failed"},
        "key",
        ("It does not look like a key", "begins with `sk-`"),
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
        ("`api_key` is empty, or contains a space, a line break",),
        env={"DASHSCOPE_API_KEY": "sk-0123456789\n0123456789"},
    ),
    Fault(
        "a key given as the workspace id",
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
        env={"DASHSCOPE_REGION": "mars"},
    ),
    Fault(
        "a region without a shared host",
        {**AFTER_SETTINGS, "settings": "failed"},
        "settings",
        ("Frankfurt", "as `workspace_id`"),
        env={"DASHSCOPE_WORKSPACE": "", "DASHSCOPE_BASE_URL": ""},
        arguments=("--region", "frankfurt"),
    ),
    Fault(
        "another workspace's id",
        {**AFTER_ACCESS, "access": "warning", "workspace": "failed"},
        "workspace",
        ("`workspace_id` is llm-team-b, but the key belongs to llm-team-a.", "DASHSCOPE_WORKSPACE to llm-team-a"),
        arguments=("--workspace-id", "llm-team-b"),
    ),
    Fault(
        "a model that is not granted",
        {**CALLS_SKIPPED, "models": "failed"},
        "models",
        ("qwen-max is not among the 3 permitted to llm-team-a.", GRANT.format("qwen-max")),
        arguments=("--model", "qwen-max"),
    ),
    Fault(
        "an unknown model, such as a deployed one",
        {**CALLS_FAILED, "models": "warning"},
        "models",
        ("my-own-model is not among the 3", "normal for a fine-tuned or deployed model"),
        arguments=("--model", "my-own-model"),
    ),
    Fault(
        "a list of models that the key may not read",
        {"models": "warning"},
        "models",
        ("The permitted models cannot be read", "403", "normal for a sub-workspace's key"),
        faults=({"status": 403, "code": "AccessDenied", "path": "/models/permissions"},),
    ),
    Fault(
        "a model that reads files, so it has no small request",
        {**CALLS_SKIPPED, "models": "warning"},
        "dashscope call",
        ("text-embedding-async-v2 cannot be called with a small request", "`--model`"),
        arguments=("--model", "text-embedding-async-v2"),
        faults=({"status": 403, "code": "AccessDenied", "path": "/models/permissions"},),
    ),
    Fault(
        "limits that the key may not read",
        {"access": "warning"},
        "access",
        ("The key's limits cannot be read", "normal for a sub-workspace's key"),
        faults=({"status": 404, "path": "/quotas"},),
    ),
    Fault(
        "an overdue bill",
        CALLS_FAILED,
        "dashscope call",
        ("good standing", "400, Arrearage", "overdue bill: pay it"),
        faults=_every(status=400, code="Arrearage"),
    ),
    Fault(
        "a used-up free tier",
        CALLS_FAILED,
        "openai call",
        ("403, AllocationQuota.FreeTierOnly", "stop when the free tier is used up"),
        faults=_every(status=403, code="AllocationQuota.FreeTierOnly"),
    ),
    Fault(
        "a missing grant although the list has the model",
        CALLS_FAILED,
        "openai call",
        (
            "Model access denied",
            "403, Model.AccessDenied",
            "not granted to workspace llm-team-a",
            GRANT.format("qwen-flash"),
        ),
        faults=_every(status=403, code="Model.AccessDenied"),
    ),
    Fault(
        "throttling",
        CALLS_FAILED,
        "dashscope call",
        ("429, Throttling.RateQuota", "wait, or apply for a higher limit"),
        faults=_every(status=429, code="Throttling.RateQuota"),
    ),
    Fault(
        "a failure of the openai protocol only",
        {"openai call": "failed"},
        "openai call",
        ("500", "The service failed"),
        faults=({"status": 500, "path": "/compatible-mode"},),
    ),
    Fault(
        "a failure of the dashscope protocol only",
        {"dashscope call": "failed"},
        "dashscope call",
        ("503", "capacity"),
        faults=({"status": 503, "code": "ModelUnavailable", "path": "/services/"},),
    ),
    Fault(
        "a login page as every response",
        {**CALLS_FAILED, "access": "warning", "workspace": "skipped", "models": "warning"},
        "openai call",
        ("not a JSON object", "<html>", "A proxy or a wrong `base_url`"),
        faults=({"body": "<html>log in</html>", "times": 9},),
    ),
    Fault(
        "a server that closes connections",
        {**AFTER_ACCESS, "access": "failed"},
        "access",
        ("The connection to 127.0.0.1", "closed the connection"),
        faults=({"close": True, "times": 9},),
    ),
    Fault(
        "a slow service",
        {**CALLS_FAILED, "access": "warning", "workspace": "skipped", "models": "warning"},
        "openai call",
        ("sent nothing for 0.5 seconds", "--timeout"),
        arguments=("--timeout", "0.5"),
        faults=({"delay": 3.0, "times": 9},),
    ),
    Fault(
        "a port on which no server listens",
        {**AFTER_SETTINGS, "key": "ok", "proxy": "ok", "dns": "ok", "connection": "failed"},
        "connection",
        ("No connection to 127.0.0.1:9: connection refused.", "No server listens there"),
        arguments=("--base-url", "http://127.0.0.1:9"),
    ),
    Fault(
        "a host that does not exist",
        {**AFTER_SETTINGS, "key": "ok", "proxy": "ok", "dns": "failed"},
        "dns",
        ("qwen.invalid does not resolve", "typos"),
        arguments=("--base-url", "https://qwen.invalid"),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_reported_by_its_check(
    command: Command, sandbox: Sandbox, team_a: dict[str, str], fault: Fault
) -> None:
    for arguments in fault.faults:
        sandbox.fail_next(**arguments)
    output = command("doctor", "--json", *fault.arguments, env=team_a | fault.env)
    assert output.statuses == HEALTHY | fault.statuses
    finding = output.finding(fault.check)
    positions = [finding.find(text) for text in fault.texts]
    assert -1 not in positions, finding
    assert positions == sorted(positions), finding
    failed = "failed" in output.statuses.values()
    assert (output.status, output.data["failed"]) == (int(failed), failed)
