"""`qwen-workspace admin`: lists, changes, the questions before them, and where the values of keys go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from langchain_qwen_workspace.admin import KeyFile, WorkspaceAdmin
from langchain_qwen_workspace.sandbox import Sandbox
from tests.cli.conftest import Command, Output
from tests.support.server import Server, json_reply

REGION = "cn-beijing"
SPEC = """
workspaces:
  - name: team-a
    models: [qwen-plus]
    limits: {qwen-plus: {requests: 60}}
    keys:
      ci: {models: all}
"""

Admin = Callable[..., Output]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Yield a sandbox without any workspaces of other tests."""
    with Sandbox() as started:
        yield started


@pytest.fixture
def service(sandbox: Sandbox) -> WorkspaceAdmin:
    return sandbox.admin(REGION)


@pytest.fixture
def admin(sandbox: Sandbox, command: Command) -> Admin:
    """Return the command `admin` with an AccessKey and the address of the sandbox."""
    key = sandbox.access_key(REGION)
    env = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.access_key_secret,
        "DASHSCOPE_REGION": "beijing",
    }

    def call(*arguments: str, stdin: str | None = None) -> Output:
        return command("admin", *arguments, "--base-url", sandbox.base_url, stdin=stdin, env=env)

    return call


@pytest.fixture
def team(service: WorkspaceAdmin) -> str:
    """Return the id of a workspace that may call one model."""
    team = service.create_workspace("team-b")
    service.grant(team.id, ["qwen-plus"])
    return team.id


def may_call(service: WorkspaceAdmin, team: str) -> list[str]:
    return [item.model for item in service.permissions(team)]


def test_workspaces_are_listed(admin: Admin, team: str) -> None:
    assert team in admin("workspaces").stdout.split()


def test_workspaces_are_listed_as_json(admin: Admin, team: str) -> None:
    assert team in [each["id"] for each in admin("workspaces", "--json").data["workspaces"]]


def test_keys_are_listed_without_their_values(admin: Admin, service: WorkspaceAdmin, team: str) -> None:
    key = service.create_key(team, models=["qwen-plus"], ip_ranges=["203.0.113.0/24"], description="of a test")
    service.disable_key(key.id)
    assert f"{key.id} qwen-plus 203.0.113.0/24 no of a test" in admin("keys", team).text


def test_keys_are_listed_as_json(admin: Admin, service: WorkspaceAdmin, team: str) -> None:
    key = service.create_key(team, models="all")
    (found,) = admin("keys", team, "--json").data["keys"]
    assert (found["id"], found["scope"]) == (key.id, {"models": "all", "ip_ranges": "anywhere"})


def test_a_granted_model_may_be_called(admin: Admin, service: WorkspaceAdmin, team: str) -> None:
    assert admin("grant", team, "qwen-max", "qwen-flash").status == 0
    assert may_call(service, team) == ["qwen-flash", "qwen-max", "qwen-plus"]


@pytest.mark.parametrize(("answer", "models"), [("n\n", ["qwen-plus"]), ("y\n", [])])
def test_revoking_asks_before(admin: Admin, service: WorkspaceAdmin, team: str, answer: str, models: list[str]) -> None:
    admin("revoke", team, "qwen-plus", stdin=answer)
    assert may_call(service, team) == models


def test_without_an_answer_nothing_is_revoked(admin: Admin, service: WorkspaceAdmin, team: str) -> None:
    assert admin("revoke", team, "qwen-plus").status == 1
    assert may_call(service, team) == ["qwen-plus"]


def test_yes_revokes_without_a_question(admin: Admin, service: WorkspaceAdmin, team: str) -> None:
    assert admin("revoke", team, "qwen-plus", "--yes").status == 0
    assert may_call(service, team) == []


def test_a_limit_is_set_listed_and_removed(admin: Admin, team: str) -> None:
    admin("limits", team, "qwen-plus", "--requests", "60", "--usage", "1000", "--yes")
    (found,) = [each for each in admin("limits", team, "--json").data["limits"] if each["model"] == "qwen-plus"]
    assert (found["workspace"]["requests"], found["workspace"]["usage_period"]) == (60, 60)
    assert "60 requests in 60 s" in admin("limits", team).text
    assert admin("limits", team, "qwen-plus", "--remove").text == f"{team}, qwen-plus: the limit of the account."


def test_setting_a_limit_asks_before(admin: Admin, service: WorkspaceAdmin, team: str) -> None:
    assert admin("limits", team, "qwen-plus", "--requests", "1", stdin="n\n").status == 1
    assert all(item.workspace is None for item in service.limits(team))


@pytest.mark.parametrize(
    "arguments",
    [["qwen-plus"], ["--requests", "1"], ["--remove"], ["qwen-plus", "--requests", "1", "--remove"]],
)
def test_a_limit_that_is_half_said_is_wrong_usage(admin: Admin, arguments: list[str]) -> None:
    assert admin("limits", "llm-a", *arguments).status == 2


def test_a_plan_changes_nothing(admin: Admin, service: WorkspaceAdmin, spec: Path) -> None:
    output = admin("plan", str(spec))
    assert "+ team-a: create the workspace" in output.stdout
    assert "team-a" not in [each.name for each in service.workspaces()]


def test_a_plan_that_is_checked_fails_if_something_has_to_change(admin: Admin, spec: Path) -> None:
    assert admin("plan", str(spec), "--check").status == 1


def test_a_plan_as_json_says_what_each_step_takes_away(admin: Admin, spec: Path) -> None:
    assert {"step": "team-a: create the workspace", "takes_away": False} in admin("plan", str(spec), "--json").data[
        "steps"
    ]


def test_a_file_that_is_not_valid_is_wrong_usage_and_the_line_is_named(admin: Admin, tmp_path: Path) -> None:
    file = tmp_path / "workspaces.yaml"
    file.write_text("workspaces:\n  - nam: a\n")
    output = admin("plan", str(file))
    assert (output.status, "line 2" in output.stderr) == (2, True)


def test_a_plan_with_keys_is_not_applied_without_a_file_for_them(
    admin: Admin, service: WorkspaceAdmin, spec: Path
) -> None:
    assert admin("apply", str(spec)).status == 2
    assert "team-a" not in [each.name for each in service.workspaces()]


def test_applied_keys_go_to_a_file_of_their_owner_and_not_to_the_screen(
    admin: Admin, spec: Path, tmp_path: Path
) -> None:
    output = admin("apply", str(spec), "--keys", str(tmp_path / "keys.json"))
    key = json.loads((tmp_path / "keys.json").read_text())["team-a"]["ci"]["api_key"]
    assert output.status == 0
    assert key not in output.text
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_second_plan_has_nothing_to_change(admin: Admin, spec: Path, tmp_path: Path) -> None:
    keys = str(tmp_path / "keys.json")
    admin("apply", str(spec), "--keys", keys)
    output = admin("plan", str(spec), "--keys", keys, "--check")
    assert (output.status, output.stdout.splitlines()[0]) == (0, "Nothing has to change.")


@pytest.mark.parametrize("change", ["models: [qwen-flash]", "limits: {qwen-plus: {requests: 1}}", "delete"])
def test_applying_asks_before_something_is_taken_away(admin: Admin, spec: Path, tmp_path: Path, change: str) -> None:
    keys = str(tmp_path / "keys.json")
    admin("apply", str(spec), "--keys", keys)
    tighter = f"workspaces:\n  - name: team-a\n    {change}\n"
    spec.write_text("workspaces: []" if change == "delete" else tighter)
    delete = ["--delete", "team-a/ci"] if change == "delete" else []
    output = admin("apply", str(spec), *delete, stdin="n\n")
    assert (output.status, "- team-a: " in output.stdout) == (1, True)


def test_a_failed_step_says_what_was_done(admin: Admin, sandbox: Sandbox, spec: Path, tmp_path: Path) -> None:
    sandbox.fail_next(status=500, code="InternalError", path="CreateApiKey")
    output = admin("apply", str(spec), "--keys", str(tmp_path / "keys.json"))
    assert (output.status, "done before: team-a: create the workspace" in output.text) == (1, True)


def test_a_rotated_key_takes_the_place_of_the_old_one_in_the_file(
    admin: Admin, service: WorkspaceAdmin, spec: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    admin("apply", str(spec), "--keys", str(keys))
    old = json.loads(keys.read_text())["team-a"]["ci"]
    output = admin("rotate", old["id"], "--keys", str(keys), "--grace", "0s", "--yes")
    new = json.loads(keys.read_text())["team-a"]["ci"]
    assert f"took the place of {old['id']}" in output.stdout
    assert new["api_key"] not in output.text
    assert service.plan(spec, keys=KeyFile(keys)).steps == ()


def test_a_rotation_asks_before(admin: Admin, service: WorkspaceAdmin, team: str, tmp_path: Path) -> None:
    key = service.create_key(team, models="all")
    assert admin("rotate", key.id, "--keys", str(tmp_path / "keys.json"), stdin="n\n").status == 1
    assert [each.id for each in service.keys(team)] == [key.id]


def test_a_grace_that_is_no_time_is_wrong_usage(admin: Admin, tmp_path: Path) -> None:
    assert admin("rotate", "1", "--keys", str(tmp_path / "k"), "--grace", "soon").status == 2


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "workspaces.yaml"
    path.write_text(SPEC)
    return path


def test_a_file_without_keys_needs_no_file_for_them(admin: Admin, spec: Path) -> None:
    spec.write_text("workspaces: [{name: team-c}]")
    assert admin("apply", str(spec)).stdout.splitlines()[-1] == "Done: 1 steps."


# What the sandbox does not answer.


def on_plane(command: Command, body: object, *arguments: str) -> str:
    """Return what a command prints of a response."""
    with Server() as plane:
        plane.default = lambda _: json_reply(body)
        env = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIid", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
        return command("admin", *arguments, "--base-url", plane.url, env=env).text


def test_a_scope_that_this_version_does_not_know_is_unknown(command: Command) -> None:
    body = {"apiKeys": [{"apiKeyId": 1, "auth": {"type": "Later"}}]}
    assert "1 unknown unknown yes" in on_plane(command, body, "keys", "llm-a")


def test_what_is_in_no_row_of_a_bill_is_shown(command: Command) -> None:
    groups = [{"key": f"llm-{number}", "amount": "1"} for number in range(20)]
    body = {"data": {"currency": "CNY", "totalAmount": "21.5", "groups": groups}}
    shown = on_plane(command, body, "bill", "2026-10")
    assert "(in no row) 1.5 total 21.5 2026-10. Bills lag behind the calls. The service sends 20 rows at most" in shown


# ------------------------------------------------------------------------------------------------------------- refusals


def test_without_an_access_key_nothing_is_sent(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ID", "SECRET"):
        monkeypatch.delenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", raising=False)
    output = command("admin", "workspaces")
    assert (output.status, "ALIBABA_CLOUD_ACCESS_KEY_ID" in output.stderr) == (2, True)


def test_without_the_extra_the_command_to_install_it_is_told(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "langchain_qwen_workspace._admin.control_plane", None)
    output = admin("workspaces")
    assert (output.status, "pip install 'langchain-qwen-workspace[admin]'" in output.stderr) == (2, True)


def test_a_refusal_is_a_failure_without_a_traceback(admin: Admin) -> None:
    output = admin("keys", "llm-nobody")
    assert (output.status, output.stdout) == (1, "")
    assert "llm-nobody" in output.stderr


# ---------------------------------------------------------------------------------------------- a workspace's own key


@pytest.fixture
def key_file(service: WorkspaceAdmin, team: str, tmp_path: Path) -> Path:
    path, key = tmp_path / "key", service.create_key(team, models="all").workspace.api_key
    path.write_text(key.get_secret_value())  # type: ignore[union-attr]  # the value
    return path


def test_a_workspaces_own_key_grants_where_the_service_lets_it(
    admin: Admin, service: WorkspaceAdmin, team: str, key_file: Path
) -> None:
    assert admin("grant", team, "qwen-max", "--key-file", str(key_file)).status == 0
    assert may_call(service, team) == ["qwen-max", "qwen-plus"]


def test_a_workspaces_own_key_sets_and_lists_limits(admin: Admin, team: str, key_file: Path) -> None:
    own = ("--key-file", str(key_file))
    assert admin("limits", team, "qwen-plus", "--requests", "60", "--yes", *own).status == 0
    assert "60 requests in 60 s" in admin("limits", team, *own).text
