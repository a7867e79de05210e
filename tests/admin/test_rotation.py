"""`rotate_key` on a scripted control plane: what is done in which order, and continued after an interruption."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from langchain_qwen_workspace import ConfigurationError
from langchain_qwen_workspace.admin import KeyRotation, WorkspaceAdmin
from tests.admin.conftest import query_of
from tests.support.server import Received, Reply, Server, json_reply


class Keys:
    """A control plane with the keys of one workspace."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.rows = {
            key["apiKeyId"]: {"workspaceId": "llm-a", "auth": {"type": "All"}, "disabled": 0, **key} for key in keys
        }
        self.done: list[str] = []

    def __call__(self, received: Received) -> Reply:
        action, fields = received.headers["x-acs-action"], query_of(received)
        body: dict[str, Any] = {"success": True}
        part = received.path.split("?")[0].split("/")
        row = self.rows.get(int(part[3])) if len(part) > 3 else None
        if action == "ListWorkspaces":
            body["workspaces"] = [{"workspaceId": "llm-a"}]
        elif action == "ListApiKeys":
            body["apiKeys"] = list(self.rows.values())
        elif action == "CreateApiKey":
            row = self.rows[99] = {"apiKeyId": 99, "workspaceId": "llm-a", "auth": {"type": "All"}, "disabled": 0}
            row["description"] = fields["description"]
        if row is not None and action in {"GetApiKey", "CreateApiKey", "ResetApiKey"}:
            body["apiKey"] = {**row, "apiKeyValue": f"sk-{action}"}
        if row is not None and action == "UpdateApiKey":
            row["description"] = fields["description"]
        if row is not None and action == "DisableApiKey":
            row["disabled"] = 1
        if action == "DeleteApiKey":
            del self.rows[int(part[3])]
        if not action.startswith(("Get", "List")):
            self.done.append(f"{action} {row and row['apiKeyId']}")
        return json_reply(body)


OLD = {"apiKeyId": 12, "description": "CI [qwen-workspace: key=ci]"}


async def test_a_rotation_delivers_before_the_old_key_ends(
    admin: WorkspaceAdmin, plane: Server, no_waiting: list[float]
) -> None:
    plane.default = keys = Keys(OLD)

    async def deliver(key: SecretStr) -> None:
        keys.done.append(f"deliver {key.get_secret_value()}")

    done = await admin.arotate_key(12, grace=timedelta(hours=1), deliver=deliver)
    assert done == KeyRotation("12", "99", "llm-a")
    assert keys.done == [
        "CreateApiKey 99",
        "deliver sk-CreateApiKey",
        "UpdateApiKey 99",
        "UpdateApiKey 12",
        "DisableApiKey 12",
    ]
    assert keys.rows[99]["description"] == "CI [qwen-workspace: key=ci replaces=12]"
    assert no_waiting == [pytest.approx(3600, abs=60)]


def test_an_interrupted_rotation_makes_no_third_key(
    admin: WorkspaceAdmin, plane: Server, no_waiting: list[float]
) -> None:
    plane.default = keys = Keys(OLD)

    def fail(_: SecretStr) -> None:
        raise OSError("vault")

    with pytest.raises(OSError, match="vault") as caught:
        admin.rotate_key(12, grace=timedelta(), deliver=fail)
    assert "rotate again to continue" in caught.value.__notes__[0]
    delivered: list[str] = []
    for _ in range(2):
        admin.rotate_key(12, grace=timedelta(), deliver=lambda key: delivered.append(key.get_secret_value()))
    assert delivered == ["sk-ResetApiKey"]
    assert [done for done in keys.done if done.startswith("Create")] == ["CreateApiKey 99"]
    assert len(no_waiting) == 1


def test_a_disabled_key_is_not_rotated(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.default = Keys({**OLD, "disabled": 1})
    with pytest.raises(ConfigurationError, match="disabled"):
        admin.rotate_key(12, grace=timedelta(), deliver=print)


def test_a_key_with_an_unknown_scope_is_not_rotated(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.default = keys = Keys({**OLD, "auth": {"type": "Later"}})
    with pytest.raises(ConfigurationError, match="scope"):
        admin.rotate_key(12, grace=timedelta(), deliver=print)
    assert keys.done == []


def test_a_negative_grace_is_refused(admin: WorkspaceAdmin, plane: Server) -> None:
    with pytest.raises(ConfigurationError, match="grace"):
        admin.rotate_key(12, grace=timedelta(-1), deliver=print)
    assert plane.requests == []


def test_an_async_function_is_refused_by_a_synchronous_rotation(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.default = Keys(OLD)

    async def deliver(_: SecretStr) -> None: ...

    with pytest.raises(ConfigurationError, match="async def"):
        admin.rotate_key(12, grace=timedelta(), deliver=deliver)


def test_an_object_that_has_to_be_awaited_is_refused_by_a_synchronous_rotation(
    admin: WorkspaceAdmin, plane: Server
) -> None:
    class Pending:
        def __await__(self) -> Iterator[None]:
            yield

    plane.default = Keys(OLD)
    with pytest.raises(ConfigurationError, match="async def"):
        admin.rotate_key(12, grace=timedelta(), deliver=lambda _: Pending())


def test_retired_keys_are_deleted_when_they_are_old_enough_and_disabled(admin: WorkspaceAdmin, plane: Server) -> None:
    def retired(number: int, ago: timedelta, disabled: int) -> dict[str, Any]:
        text = f"[qwen-workspace: retired={datetime.now(UTC) - ago:%Y-%m-%dT%H:%M:%SZ}]"
        return {"apiKeyId": number, "description": text, "disabled": disabled}

    day = timedelta(days=1)
    plane.default = keys = Keys(OLD, retired(1, 9 * day, 1), retired(2, day, 1), retired(3, 9 * day, 0))
    assert admin.delete_retired_keys("llm-a", older_than=7 * day) == ["1"]
    assert sorted(keys.rows) == [2, 3, 12]
