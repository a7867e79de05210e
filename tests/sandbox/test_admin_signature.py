"""Who may use the control plane: signatures, RAM policies, and faults of its gateway."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from alibabacloud_modelstudio20260210 import models as m
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException, ThrottlingException
from darabonba.exceptions import UnretryableException

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.admin_support import client_of

_UNSIGNED = (400, "IncompleteSignature")
_UNKNOWN = (404, "InvalidAction.NotFound")


def _list(client: Any) -> Any:
    return client.list_workspaces(m.ListWorkspacesRequest(workspace_name="团队 a+b~*")).body


def test_a_signed_request_is_answered(sandbox: Sandbox) -> None:
    assert _list(client_of(sandbox)).success


async def test_the_asynchronous_client_is_answered(sandbox: Sandbox) -> None:
    response = await client_of(sandbox).list_workspaces_async(m.ListWorkspacesRequest(workspace_name="团队 a+b~*"))
    assert response.body.success


def test_a_temporary_access_key_is_answered_with_its_token_only(sandbox: Sandbox) -> None:
    key = sandbox.access_key(temporary=True)
    assert _list(client_of(sandbox, key)).success
    with pytest.raises(ClientException, match="SecurityToken") as refused:
        _list(client_of(sandbox, key, security_token="other"))
    assert refused.value.code == "InvalidSecurityToken.Malformed"


def test_a_wrong_secret_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ClientException) as refused:
        _list(client_of(sandbox, access_key_secret="wrong"))
    assert (refused.value.status_code, refused.value.code) == (400, "SignatureDoesNotMatch")


def test_an_unknown_access_key_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ClientException) as refused:
        _list(client_of(sandbox, access_key_id="LTAI.unknown"))
    assert (refused.value.status_code, refused.value.code) == (404, "InvalidAccessKeyId.NotFound")


def test_an_action_that_the_policy_does_not_allow_is_refused_by_name(sandbox: Sandbox) -> None:
    client = client_of(sandbox, sandbox.access_key(actions=["modelstudio:List*"]))
    assert _list(client).success
    with pytest.raises(ClientException) as refused:
        client.create_workspace(m.CreateWorkspaceRequest(workspace_name="x"))
    assert (refused.value.status_code, refused.value.code) == (403, "NoPermission")
    assert refused.value.access_denied_detail["AuthAction"] == "modelstudio:CreateWorkspace"


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "workspaces", {"authorization": "Bearer sk-1"}, _UNSIGNED),
        ("GET", "workspaces", {}, _UNSIGNED),
        ("POST", "workspaces", {}, _UNKNOWN),
        ("GET", "workspaces/llm-1", {}, _UNKNOWN),
        ("GET", "workspaces", {"x-acs-action": "ListSeats"}, _UNKNOWN),
        ("GET", "workspaces", {"x-acs-version": "2023-12-29"}, _UNKNOWN),
        ("DELETE", "apikeys/", {"x-acs-action": "DeleteApiKey"}, _UNKNOWN),
    ],
)
def test_a_request_that_is_not_one_of_the_sdk_is_refused(
    sandbox: Sandbox, method: str, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    given = {"x-acs-action": "ListWorkspaces", "x-acs-version": "2026-02-10", **headers}
    url = f"{sandbox.base_url}/modelstudio/{path}"
    response = httpx.request(method, url, headers=given, trust_env=False)
    assert (response.status_code, response.json()["Code"]) == expected


def test_a_signature_of_another_body_is_refused(sandbox: Sandbox) -> None:
    _list(client_of(sandbox))
    headers = {k: v for k, v in sandbox.requests[-1].headers.items() if k not in ("accept-encoding", "connection")}
    url = f"{sandbox.base_url}/modelstudio/workspaces?{sandbox.requests[-1].query}"
    again = httpx.get(url, headers=headers, trust_env=False)
    changed = httpx.request("GET", url, headers=headers, content=b"x", trust_env=False)
    assert (again.status_code, changed.json()["Code"]) == (200, "SignatureDoesNotMatch")


def test_a_request_is_logged_without_a_workspace(sandbox: Sandbox) -> None:
    _list(client_of(sandbox))
    assert (sandbox.requests[-1].workspace, sandbox.requests[-1].body) == (None, None)


def test_an_access_key_hides_its_secrets(sandbox: Sandbox) -> None:
    key = sandbox.access_key(temporary=True)
    assert key.access_key_secret not in repr(key)
    assert str(key.security_token) not in repr(key)


def test_an_unknown_region_and_a_string_of_actions_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no region 'mars'"):
        sandbox.access_key("mars")
    with pytest.raises(TypeError, match="list of actions"):
        sandbox.access_key(actions="modelstudio:*")


# --- faults ---


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"status": 429}, ClientException, "Throttling.User"),
        ({"status": 429, "headers": {"x-acs-retry-after": "1500"}}, ThrottlingException, "Throttling.User"),
        ({"status": 403, "code": "Forbidden.RAM"}, ClientException, "Forbidden.RAM"),
        ({"status": 500}, ServerException, "InternalError"),
        ({"code": "Odd", "message": "text"}, ServerException, "Odd"),
        ({"body": "<html>", "status": 502}, UnretryableException, None),
        ({"body": "", "status": 200}, UnretryableException, None),
        ({"close": True}, UnretryableException, None),
    ],
)
def test_a_fault_has_the_form_of_the_gateway(
    sandbox: Sandbox, fault: dict[str, Any], kind: type[Exception], code: str | None
) -> None:
    client = client_of(sandbox)
    sandbox.fail_next(**fault)
    with pytest.raises(kind) as failed:
        _list(client)
    assert getattr(failed.value, "code", None) == code


def test_a_fault_may_wait_for_an_operation(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    sandbox.fail_next(status=500, path="CreateWorkspace")
    assert _list(client).success
    with pytest.raises(ServerException):
        client.create_workspace(m.CreateWorkspaceRequest(workspace_name="faulty"))


def test_a_fault_after_events_lets_the_operation_happen_and_spoils_its_answer() -> None:
    with Sandbox() as own:
        client = client_of(own)
        own.fail_next(close=True, after_events=0, path="CreateWorkspace")
        with pytest.raises(UnretryableException):
            client.create_workspace(m.CreateWorkspaceRequest(workspace_name="made"))
        names = [each.workspace_name for each in client.list_workspaces(m.ListWorkspacesRequest()).body.workspaces]
        assert names == ["Default Workspace", "made"]


def test_a_delay_alone_is_no_failure(sandbox: Sandbox) -> None:
    sandbox.fail_next(delay=0.001)
    assert _list(client_of(sandbox)).success
