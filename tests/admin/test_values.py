"""What values of responses become, and administrators that are copied to other processes."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from langchain_qwen_workspace import ConfigurationError
from langchain_qwen_workspace._admin.marker import Marker, read_description, write_description
from langchain_qwen_workspace.admin import KeyScope, WorkspaceAdmin
from tests.support.server import Server, json_reply


@pytest.mark.parametrize(
    ("auth", "scope"),
    [
        ({"type": "All"}, KeyScope()),
        ({"type": "Custom", "modelAccessScope": {"allowAllModels": True}}, KeyScope()),
        (
            {
                "type": "Custom",
                "accessIps": ["203.0.113.0/24"],
                "modelAccessScope": {"allowAllModels": False, "accessibleModels": ["m"]},
            },
            KeyScope(("m",), ("203.0.113.0/24",)),
        ),
        (
            {
                "type": "Custom",
                "accessIps": ["0.0.0.0/0", "::/0"],
                "modelAccessScope": {"accessibleModels": ["m"]},
            },
            KeyScope(("m",)),
        ),
        ({"type": "Custom"}, None),
        ({"type": "Later"}, None),
        (None, None),
    ],
)
def test_a_keys_scope_is_read(admin: WorkspaceAdmin, plane: Server, auth: Any, scope: KeyScope | None) -> None:
    row = {"apiKeyId": 12, "auth": auth, "disabled": 1, "gmtCreate": 1770000000000, "apiKeyValue": "sk-masked"}
    plane.script(json_reply({"apiKeys": [row]}))
    (key,) = admin.keys("llm-a")
    assert (key.id, key.workspace_id, key.scope, key.enabled) == ("12", "llm-a", scope, False)
    assert key.created_at == datetime(2026, 2, 2, 2, 40, tzinfo=UTC)


@pytest.mark.parametrize("time", [None, "today", 10**30])
def test_a_time_that_is_none_is_none(admin: WorkspaceAdmin, plane: Server, time: Any) -> None:
    plane.script(json_reply({"workspaces": [{"workspaceId": "llm-a", "gmtCreate": time}]}))
    assert admin.workspaces()[0].created_at is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (None, "https://llm-a.cn-beijing.maas.aliyuncs.com"),
        ("llm-a.cn-beijing.maas.aliyuncs.com", "https://llm-a.cn-beijing.maas.aliyuncs.com"),
        ("llm-a.private.example.com", "https://llm-a.private.example.com"),
        ("127.0.0.1:8089", "http://127.0.0.1:8089"),
    ],
)
@pytest.mark.usefixtures("no_waiting")
def test_the_workspace_of_a_new_key_is_called_at_the_host_that_the_service_states(
    admin: WorkspaceAdmin, plane: Server, monkeypatch: pytest.MonkeyPatch, host: str | None, origin: str
) -> None:
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://other.example.com")
    plane.script(
        json_reply({"workspaces": [{"workspaceId": "llm-a", "apiHost": host}]}),
        json_reply({"apiKey": {"apiKeyId": 12, "apiKeyValue": "sk-ws-1"}}),
    )
    created = admin.create_key("llm-a", models="all")
    assert (created.id, created.workspace.origin, created.workspace.workspace_id) == ("12", origin, "llm-a")


def test_a_key_from_anywhere_in_virginia_has_no_ipv6_range(plane: Server) -> None:
    admin = WorkspaceAdmin(region="virginia", access_key_id="a", access_key_secret="b", base_url=plane.url)
    plane.script(
        json_reply({"workspaces": [{"workspaceId": "llm-a"}]}),
        json_reply({"apiKey": {"apiKeyId": 12, "apiKeyValue": "sk-ws-1"}}),
    )
    admin.create_key("llm-a", models=["m"])
    assert b"accessIps.1=0.0.0.0%2F0&auth.modelAccessScope" in plane.requests[1].raw


def test_limits_are_read(admin: WorkspaceAdmin, plane: Server) -> None:
    limit = {"requestLimit": 5, "requestLimitPeriod": 1, "usageLimit": 7, "usageLimitPeriod": 6}
    rows = [{"model": "m", "modelLimit": limit, "workspaceLimit": {"requestLimit": None}}, {"model": "n"}]
    plane.script(json_reply({"limits": rows}))
    first, second = admin.limits("llm-a")
    assert (first.account and first.account.requests, first.workspace, second.account) == (5, None, None)


def test_permissions_are_read(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"list": [{"model": "m", "permissions": {"inference": True}}, {"model": "n"}]}))
    assert [item.inference for item in admin.permissions("llm-a")] == [True, False]


def test_an_administrator_survives_a_pickle(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"workspaces": []}))
    restored = pickle.loads(pickle.dumps(admin))  # noqa: S301 - made just now
    assert restored.workspaces() == []
    assert repr(restored) == f"WorkspaceAdmin(region='cn-beijing', base_url={plane.url!r})"


@pytest.mark.parametrize(
    "marker",
    [
        Marker(),
        Marker("ci"),
        Marker("ci", is_pending=True),
        Marker("ci", replaces="12"),
        Marker(retired_at=datetime(2026, 11, 29, 12, 0, 5, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("text", ["", "CI of team A"])
def test_a_description_with_a_marker_is_read_as_it_was_written(text: str, marker: Marker) -> None:
    assert read_description(write_description(text, marker)) == (text, marker)


def test_a_marker_with_an_invalid_time_has_none() -> None:
    assert read_description("x [qwen-workspace: retired=soon]") == ("x", Marker())


def test_without_the_sdk_an_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "langchain_qwen_workspace._admin.control_plane", raising=False)
    monkeypatch.setitem(sys.modules, "alibabacloud_modelstudio20260210", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'langchain-qwen-workspace\[admin\]'"):
        WorkspaceAdmin(access_key_id="a", access_key_secret="b")


def test_the_sdk_is_not_imported_before_an_administrator_is_made() -> None:
    code = (
        "import sys, langchain_qwen_workspace.admin, langchain_qwen_workspace.chat_models;"
        "print([name for name in sys.modules if name.startswith(('alibabacloud', 'darabonba', 'Tea'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert run.stdout.strip() == "[]"
