"""Plans and their application: deletion by name, staleness, keys given to functions, names that are there twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import ConfigurationError, InvalidRequestError, QwenWorkspaceError
from langchain_qwen_workspace.admin import (
    DeliveredKey,
    KeyFile,
    KeySpec,
    LimitSpec,
    RateLimit,
    Spec,
    WorkspaceAdmin,
    WorkspaceSpec,
)
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.server import Received, Reply, Server, json_reply

TEAM = Spec((WorkspaceSpec("team", ("qwen-plus",), (), (KeySpec("ci", "all"),)),))
NOTHING = Spec(())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def service(sandbox: Sandbox) -> WorkspaceAdmin:
    """Return an administrator of a sandbox."""
    return sandbox.admin("cn-beijing")


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def do(service: WorkspaceAdmin, spec: Spec, keys: Any = None, delete: tuple[str, ...] = ()) -> list[str]:
    """Plan and apply, and return what was done."""
    return [str(step) for step in service.apply(service.plan(spec, delete=delete), keys=keys)]


async def test_a_plan_is_made_and_applied_asynchronously(service: WorkspaceAdmin, keys: KeyFile) -> None:
    plan = await service.aplan(TEAM, keys=keys)
    done = await service.aapply(plan, keys=keys)
    assert done == plan.steps
    assert (await service.aplan(TEAM, keys=keys)).steps == ()


async def test_new_keys_are_given_to_an_async_function(service: WorkspaceAdmin) -> None:
    given: list[DeliveredKey] = []

    async def take(key: DeliveredKey) -> None:
        given.append(key)

    await service.aapply(await service.aplan(TEAM), keys=take)
    assert [(key.workspace_name, key.name) for key in given] == [("team", "ci")]


def test_new_keys_are_given_to_a_function(service: WorkspaceAdmin) -> None:
    given: list[DeliveredKey] = []
    do(service, TEAM, given.append)
    assert [key.workspace.api_key is not None for key in given] == [True]


def test_a_plan_with_keys_for_nobody_changes_nothing(service: WorkspaceAdmin) -> None:
    plan = service.plan(TEAM)
    with pytest.raises(ConfigurationError, match="nothing was done"):
        service.apply(plan)
    assert service.plan(TEAM) == plan


def test_a_function_that_fails_is_told_what_was_done(service: WorkspaceAdmin) -> None:
    def fail(_: DeliveredKey) -> None:
        raise OSError("vault")

    with pytest.raises(OSError, match="vault") as caught:
        do(service, TEAM, fail)
    assert "done before: team: create the workspace; team: grant qwen-plus" in caught.value.__notes__[0]


def test_a_refused_step_says_which_ones_were_done(service: WorkspaceAdmin) -> None:
    spec = Spec((WorkspaceSpec("team", ("no-such-model",)),))
    with pytest.raises(QwenWorkspaceError, match=r"Step 2 of 2 failed .*; done before: team: create the workspace"):
        do(service, spec)


def test_the_progress_follows_the_hint_of_a_refusal(service: WorkspaceAdmin, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=403, code="NoPermission", path="CreateWorkspace")
    with pytest.raises(QwenWorkspaceError, match=r"Ask an administrator .* Step 1 of 1 failed"):
        do(service, Spec((WorkspaceSpec("team"),)))


def test_a_stale_plan_is_refused(service: WorkspaceAdmin) -> None:
    team = service.create_workspace("team")
    plan = service.plan(Spec((WorkspaceSpec("team", ()),)))
    service.grant(team.id, ["qwen-max"])
    with pytest.raises(ConfigurationError, match=r"The plan is stale.*team: revoke qwen-max"):
        service.apply(plan)


def test_a_plan_that_is_partly_done_is_not_stale(service: WorkspaceAdmin) -> None:
    plan = service.plan(Spec((WorkspaceSpec("team", ("qwen-plus",)),)))
    service.create_workspace("team")
    assert [str(step) for step in service.apply(plan)] == ["team: grant qwen-plus"]


def test_a_workspace_and_its_keys_are_deleted_by_name(service: WorkspaceAdmin, keys: KeyFile) -> None:
    do(service, TEAM, keys)
    assert do(service, NOTHING, delete=("team/ci",)) == ["team: delete key ci"]
    assert do(service, NOTHING, delete=("team",)) == ["team: delete the workspace"]
    assert [item.name for item in service.workspaces()] == ["Default Workspace"]


def test_a_key_is_deleted_by_its_id(service: WorkspaceAdmin) -> None:
    team = service.create_workspace("team")
    key = service.create_key(team.id, models="all")
    do(service, NOTHING, delete=(f"team/{key.id}",))
    assert service.keys(team.id) == []


def test_a_workspace_with_keys_is_not_deleted(service: WorkspaceAdmin, keys: KeyFile) -> None:
    do(service, TEAM, keys)
    with pytest.raises(InvalidRequestError, match="Step 1 of 1 failed"):
        do(service, NOTHING, delete=("team",))


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone", "there is no such workspace to delete"), ("team/gone", "there is no such key to delete")],
)
def test_what_does_not_exist_is_not_deleted_and_named(service: WorkspaceAdmin, name: str, said: str) -> None:
    service.create_workspace("team")
    plan = service.plan(NOTHING, delete=[name])
    assert plan.steps == ()
    assert f"{name}: {said}" in plan.left_alone


@pytest.mark.parametrize("name", ["team", "team/ci"])
def test_what_the_file_names_is_not_deleted(service: WorkspaceAdmin, name: str) -> None:
    with pytest.raises(ConfigurationError, match="remove it from the file"):
        service.plan(TEAM, delete=[name])


def test_a_text_in_place_of_names_to_delete_is_refused(service: WorkspaceAdmin) -> None:
    with pytest.raises(ConfigurationError, match="Expected a list"):
        service.plan(TEAM, delete="team")


def test_what_deletes_or_revokes_takes_something_away(service: WorkspaceAdmin, keys: KeyFile) -> None:
    do(service, TEAM, keys)
    plans = [service.plan(NOTHING, delete=[name]) for name in ("team", "team/ci")]
    plans.append(service.plan(Spec((WorkspaceSpec("team", ()),))))
    assert [plan.takes_away for plan in plans] == [True, True, True]


def test_a_new_limit_of_a_workspace_that_exists_takes_something_away(service: WorkspaceAdmin) -> None:
    spec = Spec((WorkspaceSpec("team", ("qwen-plus",), (LimitSpec("qwen-plus", RateLimit(1, 60)),)),))
    assert not service.plan(spec).takes_away
    service.grant(service.create_workspace("team").id, ["qwen-plus"])
    assert service.plan(spec).takes_away


def test_a_plan_without_steps_says_so(service: WorkspaceAdmin) -> None:
    assert str(service.plan(NOTHING)) == "Nothing has to change."


def test_a_disabled_key_of_the_file_that_does_not_exist_is_not_made(service: WorkspaceAdmin) -> None:
    spec = Spec((WorkspaceSpec("team", (), (), (KeySpec("ci", "all", enabled=False),)),))
    assert do(service, spec) == ["team: create the workspace"]


def change(service: WorkspaceAdmin, old: WorkspaceSpec, new: WorkspaceSpec) -> list[str]:
    """Make a workspace, change it, and return the steps of the change."""
    do(service, Spec((old,)), keep)
    return do(service, Spec((new,)), keep)


def keep(_: DeliveredKey) -> None: ...


def with_key(**fields: Any) -> WorkspaceSpec:
    return WorkspaceSpec("team", None, (), (KeySpec("ci", fields.pop("models", "all"), **fields),))


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        (with_key(), with_key(description="new"), ["team: change key ci: description"]),
        (with_key(), with_key(enabled=False), ["team: disable key ci"]),
        (
            with_key(),
            with_key(models=["qwen-plus"], ip_ranges=["203.0.113.0/24"]),
            ["team: change key ci: models qwen-plus, from 203.0.113.0/24"],
        ),
        (
            with_key(ip_ranges=["203.0.113.0/24"]),
            with_key(ip_ranges=["203.0.113.0/24", "198.51.100.0/24"]),
            ["team: change key ci: models all, from 203.0.113.0/24, 198.51.100.0/24"],
        ),
        (
            with_key(models=["qwen-plus"]),
            with_key(models=["qwen-flash"]),
            ["team: disable key ci", "team: change key ci: models qwen-flash, anywhere", "team: enable key ci"],
        ),
    ],
)
def test_a_key_is_changed_in_place(
    service: WorkspaceAdmin, old: WorkspaceSpec, new: WorkspaceSpec, steps: list[str]
) -> None:
    assert change(service, old, new) == steps


@pytest.mark.parametrize("new", [with_key(enabled=False), with_key(models=["qwen-plus"])])
def test_a_key_that_may_do_less_takes_something_away(service: WorkspaceAdmin, new: WorkspaceSpec) -> None:
    do(service, Spec((with_key(),)), keep)
    assert service.plan(Spec((new,))).takes_away


@pytest.mark.parametrize(
    ("limit", "steps"),
    [
        (None, ["team: limit qwen-plus to what the account allows"]),
        (RateLimit(5, 60), ["team: limit qwen-plus to 5 requests in 60 s"]),
        (RateLimit(10, 60, 9, 60), ["team: limit qwen-plus to 10 requests in 60 s and 9 tokens in 60 s"]),
        (RateLimit(10, 60), []),
    ],
)
def test_a_limit_is_changed_or_removed(service: WorkspaceAdmin, limit: RateLimit | None, steps: list[str]) -> None:
    old, new = (
        WorkspaceSpec("team", ("qwen-plus",), (LimitSpec("qwen-plus", each),)) for each in (RateLimit(10, 60), limit)
    )
    assert change(service, old, new) == steps


def test_a_workspace_that_is_open_to_all_models_is_closed(service: WorkspaceAdmin) -> None:
    service.open_to_all(service.create_workspace("team").id)
    plan = service.plan(Spec((WorkspaceSpec("team", ("qwen-plus",)),)))
    assert str(plan) == "team: end the permission for all models\nteam: grant qwen-plus"
    assert plan.takes_away
    assert [str(step) for step in service.apply(plan)] == str(plan).splitlines()


def test_a_lost_key_is_reset(service: WorkspaceAdmin, keys: KeyFile) -> None:
    do(service, TEAM, keep)
    plan = service.plan(TEAM, keys=keys)
    assert ("reset key ci" in str(plan), plan.takes_away) == (True, True)


def test_an_ip_range_that_this_version_cannot_read_is_compared_as_text(admin: WorkspaceAdmin, plane: Server) -> None:
    auth = {"type": "Custom", "accessIps": ["VPC"], "modelAccessScope": {"allowAllModels": True}}
    row = {"apiKeyId": 1, "description": "[qwen-workspace: key=ci]", "auth": auth}
    plane.default = answer(workspaces=[{"workspaceId": "llm-a", "workspaceName": "team"}], apiKeys=[row])
    plan = admin.plan(Spec((with_key(ip_ranges=["203.0.113.0/24"]),)))
    assert [type(step).__name__ for step in plan.steps] == ["DisableKey", "UpdateKey", "EnableKey"]


# ----------------------------------------------------------------------------------------- names that are there twice


def answer(**lists: Any) -> Any:
    def reply(_: Received) -> Reply:
        return json_reply({"success": True, "apiKeys": [], "list": [], "limits": [], **lists})

    return reply


def test_two_workspaces_of_one_name_are_refused(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.default = answer(workspaces=[{"workspaceId": id_, "workspaceName": "team"} for id_ in ("llm-a", "llm-b")])
    with pytest.raises(ConfigurationError, match="2 workspaces have the name 'team': llm-a, llm-b"):
        admin.plan(TEAM)


def test_two_keys_with_one_marker_are_refused(admin: WorkspaceAdmin, plane: Server) -> None:
    rows = [{"apiKeyId": number, "description": "[qwen-workspace: key=ci]"} for number in (1, 2)]
    plane.default = answer(workspaces=[{"workspaceId": "llm-a", "workspaceName": "team"}], apiKeys=rows)
    with pytest.raises(ConfigurationError, match="2 keys of workspace 'team' are marked as 'ci': 1, 2"):
        admin.plan(TEAM)


# ------------------------------------------------------------------------------------------------------------ key files


def test_a_key_of_a_file_does_not_take_the_environments_host(
    service: WorkspaceAdmin, keys: KeyFile, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(service, TEAM, keys)
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "http://127.0.0.1:9")
    assert keys.workspace("team", "ci").base_url == sandbox.base_url


def test_a_key_that_is_not_in_a_file_is_named(keys: KeyFile) -> None:
    with pytest.raises(QwenWorkspaceError, match="has no key 'ci' of workspace 'team'"):
        keys.workspace("team", "ci")


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"team": []}', '{"team": {"ci": "sk-1"}}'])
def test_a_file_that_is_not_of_keys_is_refused_and_stays(keys: KeyFile, tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(ConfigurationError, match="not a file of keys"):
        keys.has_key("team", "ci", "1")
