"""In Python: decide which models a user may call, split the bill, and rotate a key that is in use."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Literal

import pytest
from pydantic import SecretStr

from langchain_qwen_workspace import AuthenticationError, ChatQwenWorkspace, PermissionDeniedError, QwenWorkspace
from langchain_qwen_workspace.admin import WorkspaceAdmin
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.sandbox._admin.bill import BEIJING

REGION: Literal["cn-beijing"] = "cn-beijing"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


def ask(workspace: QwenWorkspace, model: str = "qwen-plus") -> str:
    return ChatQwenWorkspace(model=model, workspace=workspace, max_retries=0).invoke("Hello").text


def test_an_administrator_decides_which_models_a_user_may_call_and_splits_the_bill(sandbox: Sandbox) -> None:
    admin = sandbox.admin(REGION)
    users = {}
    for name, models in {"team-a": ["qwen-plus", "qwen-max"], "team-b": ["qwen-flash"]}.items():
        team = admin.create_workspace(name)
        admin.grant(team.id, models)
        users[name] = admin.create_key(team.id, models=models[:1]).workspace
    assert ask(users["team-a"])
    assert ask(users["team-b"], "qwen-flash")
    for name, model in (("team-a", "qwen-max"), ("team-b", "qwen-plus")):
        with pytest.raises(PermissionDeniedError):
            ask(users[name], model)
    bill = admin.bill(f"{datetime.now(BEIJING):%Y-%m}")
    assert {row.key for row in bill.rows} == {user.workspace_id for user in users.values()}
    assert sum(row.amount for row in bill.rows) == bill.total > 0


def test_a_rotation_loses_no_call_and_ends_the_old_key(sandbox: Sandbox) -> None:
    admin = sandbox.admin(REGION)
    team = admin.create_workspace("team-a")
    admin.grant(team.id, ["qwen-plus"])
    first = admin.create_key(team.id, models="all")
    vault = [first.workspace.api_key]
    workspace = first.workspace.model_copy(update={"api_key": lambda: vault[-1]})
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0)
    stop, answered = threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            answered.append(llm.invoke("Hello").text)

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call) for _ in range(4)]
        try:
            admin.rotate_key(first.id, grace=timedelta(seconds=0.3), deliver=vault.append)
            before = len(answered)
            while len(answered) < before + 8 and not any(each.done() for each in calls):
                stop.wait(0.01)
        finally:
            stop.set()
        for each in calls:
            each.result()
    assert all(answered)
    with pytest.raises(AuthenticationError):
        ask(first.workspace)


async def test_a_key_is_rotated_asynchronously(sandbox: Sandbox) -> None:
    admin = sandbox.admin(REGION)
    team = await admin.acreate_workspace("team-a")
    key = await admin.acreate_key(team.id, models="all")
    delivered: list[SecretStr] = []
    done = await admin.arotate_key(key.id, grace=timedelta(), deliver=delivered.append)
    assert {each.id: each.enabled for each in await admin.akeys(team.id)} == {done.old_id: False, done.new_id: True}


def test_an_access_key_may_be_given_as_secrets(sandbox: Sandbox) -> None:
    key = sandbox.access_key(REGION)
    id_, secret = SecretStr(key.access_key_id), SecretStr(key.access_key_secret)
    admin = WorkspaceAdmin(region=REGION, base_url=sandbox.base_url, access_key_id=id_, access_key_secret=secret)
    assert admin.workspaces()
