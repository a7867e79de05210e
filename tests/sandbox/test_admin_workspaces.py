"""The operations on workspaces, permissions, limits and models, and what they do to calls of the raw openai SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from alibabacloud_modelstudio20260210 import models as m
from alibabacloud_tea_openapi.exceptions import ClientException

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace.sandbox import Sandbox, SandboxAccessKey
from langchain_qwen_workspace.sandbox._admin import limits
from langchain_qwen_workspace.sandbox._admin.account import Account
from langchain_qwen_workspace.sandbox._admin.rate_limits import Limit, Throttle
from langchain_qwen_workspace.sandbox._admin.refusals import OperationRefusal
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from langchain_qwen_workspace.sandbox._errors import Refusal
from tests.sandbox.admin_support import (
    REGION,
    ask,
    change_limits,
    change_permissions,
    client_of,
    create_key,
    create_workspace,
    custom_auth,
    status_of,
)

_DEFAULT = f"llm-default-{REGION}"
_NOT_PERMITTED = (403, "Model.AccessDenied")


@pytest.fixture
def own() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(own: Sandbox) -> Any:
    return client_of(own)


@pytest.fixture
def workspace_id(client: Any) -> str:
    return create_workspace(client, "team")


# --- workspaces ---


def test_a_new_workspace_is_described_and_listed(own: Sandbox, client: Any) -> None:
    created = client.create_workspace(m.CreateWorkspaceRequest(workspace_name="团队 A")).body.workspace.to_map()
    del created["gmtCreate"]
    assert created == {
        "workspaceId": "llm-a",
        "workspaceName": "团队 A",
        "apiHost": own.endpoint,
        "region": REGION,
        "serviceSite": "asia-pacific-china",
    }
    listed = client.list_workspaces(m.ListWorkspacesRequest()).body.workspaces
    assert [each.workspace_id for each in listed] == [_DEFAULT, "llm-a"]


def test_workspaces_of_the_sandbox_are_listed_in_their_region_only(own: Sandbox, client: Any) -> None:
    own.add_workspace("opened", region=REGION)
    own.add_workspace("elsewhere")
    names = [each.workspace_name for each in client.list_workspaces(m.ListWorkspacesRequest()).body.workspaces]
    assert names == ["Default Workspace", "opened"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [({"workspace_id": "llm-team-a"}, ["Team A"]), ({"workspace_name": "TEAM"}, ["Team A", "team b"])],
)
def test_workspaces_are_found_by_id_and_by_a_part_of_the_name(
    client: Any, query: dict[str, str], expected: list[str]
) -> None:
    for name in ("Team A", "team b", "other"):
        create_workspace(client, name)
    body = client.list_workspaces(m.ListWorkspacesRequest(**query)).body
    assert [each.workspace_name for each in body.workspaces] == expected


def test_a_new_workspace_may_call_no_model(own: Sandbox, client: Any, workspace_id: str) -> None:
    assert status_of(own, create_key(client, workspace_id).api_key_value) == _NOT_PERMITTED


def test_a_name_that_exists_is_refused(client: Any, workspace_id: str) -> None:
    body = client.create_workspace(m.CreateWorkspaceRequest(workspace_name="team")).body
    assert (body.success, body.code, body.workspace) == (False, "Workspace.NameExists", None)
    assert workspace_id == "llm-team"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (m.CreateWorkspaceRequest(), "InvalidParameter.workspaceName"),
        (m.CreateWorkspaceRequest(workspace_name="x" * 31), "InvalidParameter.workspaceName"),
        (m.CreateWorkspaceRequest(workspace_name="x", service_site="global"), "InvalidParameter.serviceSite"),
    ],
)
def test_a_workspace_that_is_not_valid_is_refused(client: Any, request_: Any, code: str) -> None:
    with pytest.raises(ClientException) as refused:
        client.create_workspace(request_)
    assert (refused.value.status_code, refused.value.code) == (400, code)


def test_a_region_with_several_scopes_takes_one_of_them(own: Sandbox) -> None:
    client = client_of(own, own.access_key("eu-central-1"))
    body = client.create_workspace(m.CreateWorkspaceRequest(workspace_name="x", service_site="global")).body
    assert body.workspace.service_site == "global"


def test_a_workspace_is_deleted_when_it_has_no_keys(client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id)
    kept = client.delete_workspace(workspace_id, m.DeleteWorkspaceRequest()).body
    assert (kept.success, kept.is_deleted, kept.fail_reasons[0].resource_type) == (True, False, "API_KEY")
    client.delete_api_key(str(key.api_key_id))
    assert client.delete_workspace(workspace_id, m.DeleteWorkspaceRequest()).body.is_deleted


@pytest.mark.parametrize(
    ("workspace", "code"), [("llm-none", "Workspace.NotFound"), (_DEFAULT, "Workspace.DefaultNotSupported")]
)
def test_a_workspace_that_is_unknown_or_the_default_one_is_not_deleted(client: Any, workspace: str, code: str) -> None:
    body = client.delete_workspace(workspace, m.DeleteWorkspaceRequest()).body
    assert (body.success, body.code) == (False, code)


@pytest.mark.parametrize("size", [0, 201])
def test_a_page_size_that_is_not_allowed_is_refused(client: Any, size: int) -> None:
    with pytest.raises(ClientException) as refused:
        client.list_workspaces(m.ListWorkspacesRequest(max_results=size))
    assert (refused.value.status_code, refused.value.code) == (400, "InvalidParameter.maxResults")


def test_an_opened_workspace_keeps_its_name_and_gets_a_new_key_when_its_keys_are_deleted(
    own: Sandbox, client: Any
) -> None:
    before = own.add_workspace("opened", models=["qwen-plus"], region=REGION)
    change_permissions(client, before.workspace_id, qwen_flash=True)
    [key] = client.list_api_keys(m.ListApiKeysRequest(workspace_id=before.workspace_id)).body.api_keys
    client.delete_api_key(str(key.api_key_id))
    after = own.add_workspace("opened", models=["qwen-plus"], region=REGION)
    assert after.models == frozenset({"qwen-plus", "qwen-flash"})
    assert [status_of(own, each.api_key)[0] for each in (before, after)] == [401, 200]


# --- permissions ---


def test_a_granted_model_answers_and_a_revoked_one_is_refused(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id).api_key_value
    change_permissions(client, workspace_id, qwen_plus=True)
    granted = status_of(own, key)
    change_permissions(client, workspace_id, qwen_plus=False)
    assert (granted, status_of(own, key)) == ((200, None), _NOT_PERMITTED)


def test_open_permits_every_model_until_close_takes_every_permission_away(
    own: Sandbox, client: Any, workspace_id: str
) -> None:
    key = create_key(client, workspace_id).api_key_value
    change_permissions(client, workspace_id, qwen_plus=True)
    change_permissions(client, workspace_id, "OPEN")
    opened = status_of(own, key, "qwen-max")
    change_permissions(client, workspace_id, "CLOSE")
    assert (opened, status_of(own, key, "qwen-plus")) == ((200, None), _NOT_PERMITTED)


def test_permissions_are_listed_by_scope(client: Any, workspace_id: str) -> None:
    items = [m.UpdateModelPermissionsRequestModels(model="qwen-plus", inference=True, fine_tune=True)]
    client.update_model_permissions(m.UpdateModelPermissionsRequest(workspace_id=workspace_id, models=items))
    query = {"authorization_scope": "AUTHORIZED", "model_action": "INFERENCE"}
    body = client.list_model_permissions(m.ListModelPermissionsRequest(workspace_id=workspace_id, **query)).body
    assert [row.to_map() for row in body.list] == [
        {
            "model": "qwen-plus",
            "name": "qwen-plus",
            "permissions": {"inference": True, "fineTune": True, "deploy": False},
        }
    ]


def test_all_models_are_listed_as_permitted_when_the_workspace_is_open(client: Any, workspace_id: str) -> None:
    change_permissions(client, workspace_id, "OPEN")
    query = {"authorization_scope": "AUTHORIZED", "max_results": 200}
    body = client.list_model_permissions(m.ListModelPermissionsRequest(workspace_id=workspace_id, **query)).body
    assert body.total_count > 100


@pytest.mark.parametrize(
    ("mode", "models", "text"),
    [
        ("KEEP", {"gpt_4": True}, "Model gpt-4 is not authorized for Inference"),
        ("OPEN", {}, None),
    ],
)
def test_a_model_that_is_not_known_is_not_permitted(
    client: Any, workspace_id: str, mode: str, models: dict[str, bool], text: str | None
) -> None:
    body = change_permissions(client, workspace_id, mode, **models)
    assert (body.success, body.error_message or None) == (text is None, text)


def test_taking_one_model_from_an_open_workspace_is_refused(client: Any, workspace_id: str) -> None:
    change_permissions(client, workspace_id, "OPEN")
    body = change_permissions(client, workspace_id, qwen_plus=False)
    assert (body.success, "send CLOSE" in body.error_message) == (False, True)


@pytest.mark.parametrize(("mode", "number"), [("KEEP", 0), ("KEEP", 21), ("OPEN", 1), ("SOME", 1)])
def test_a_number_of_models_that_does_not_fit_the_mode_is_refused(
    client: Any, workspace_id: str, mode: str, number: int
) -> None:
    items = [m.UpdateModelPermissionsRequestModels(model="qwen-plus", inference=True)] * number
    request = m.UpdateModelPermissionsRequest(workspace_id=workspace_id, access_all_entities=mode, models=items)
    with pytest.raises(ClientException, match=r"InvalidParameter\."):
        client.update_model_permissions(request)


@pytest.mark.parametrize(
    ("workspace", "code"), [("llm-none", "Workspace.NotFound"), (_DEFAULT, "Workspace.DefaultNotSupported")]
)
def test_permissions_of_an_unknown_or_the_default_workspace_cannot_change(
    client: Any, workspace: str, code: str
) -> None:
    body = change_permissions(client, workspace, qwen_plus=True)
    assert (body.success, body.code) == (False, code)


def test_permissions_need_a_workspace(client: Any) -> None:
    with pytest.raises(ClientException) as refused:
        client.list_model_permissions(m.ListModelPermissionsRequest())
    assert refused.value.code == "InvalidParameter.workspaceId"


def test_a_boolean_that_is_not_one_is_refused(client: Any, workspace_id: str) -> None:
    with pytest.raises(ClientException, match=r"models\.1\.inference should be true or false"):
        change_permissions(client, workspace_id, qwen_plus="maybe")  # type: ignore[arg-type]  # a wrong value


def test_workspaces_whose_names_differ_in_case_have_ids_of_their_own(own: Sandbox) -> None:
    assert [own.add_workspace(name).workspace_id for name in ("Team A", "team-a")] == ["llm-team-a", "llm-team-a-2"]


# --- limits ---


def test_a_limit_of_requests_gives_429(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id).api_key_value
    change_permissions(client, workspace_id, qwen_plus=True, qwen_flash=True)
    change_limits(client, workspace_id, request_limit=2, request_limit_period=60)
    answered = [status_of(own, key, model) for model in ("qwen-plus", "qwen-plus", "qwen-plus", "qwen-flash")]
    assert answered == [(200, None), (200, None), (429, "limit_requests"), (200, None)]


def test_a_call_that_is_refused_for_its_model_does_not_count(own: Sandbox, client: Any, workspace_id: str) -> None:
    change_permissions(client, workspace_id, qwen_plus=True)
    narrow, wide = (create_key(client, workspace_id, auth).api_key_value for auth in (custom_auth("qwen-max"), None))
    change_limits(client, workspace_id, request_limit=1, request_limit_period=60)
    assert [status_of(own, key)[0] for key in (narrow, wide)] == [403, 200]


def test_a_limit_of_tokens_gives_429_when_they_are_used(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id).api_key_value
    change_permissions(client, workspace_id, qwen_plus=True)
    change_limits(
        client, workspace_id, request_limit=100, request_limit_period=60, usage_limit=10, usage_limit_period=60
    )
    assert ask(own, key).usage.total_tokens > 10
    assert status_of(own, key) == (429, "insufficient_quota")


def test_a_deleted_limit_no_longer_holds(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id).api_key_value
    change_permissions(client, workspace_id, qwen_plus=True)
    change_limits(client, workspace_id, request_limit=1, request_limit_period=60)
    change_limits(client, workspace_id, "DELETE")
    assert [status_of(own, key)[0] for _ in range(2)] == [200, 200]


def test_a_limit_holds_for_its_period_only() -> None:
    times = iter([0.0, 1.0, 59.0, 60.5, 60.5])
    throttle, limit = Throttle(lambda: next(times)), Limit(1, 60, 10, 60)
    throttle.admit("a", "m", limit)
    throttle.add_tokens("a", "m", 10)
    with pytest.raises(Refusal, match="rate limit"):
        throttle.admit("a", "m", limit)
    with pytest.raises(Refusal, match="quota"):
        throttle.admit("a", "m", limit)
    throttle.admit("b", "m", limit)


def test_an_overlay_keeps_what_it_does_not_name(client: Any, workspace_id: str) -> None:
    change_limits(client, workspace_id, request_limit=60, request_limit_period=60)
    change_limits(client, workspace_id, usage_limit=1000, usage_limit_period=30)
    [row] = client.list_model_limits(m.ListModelLimitsRequest(workspace_id=workspace_id, model="qwen-plus")).body.limits
    assert row.workspace_limit.to_map() == {
        "requestLimit": 60,
        "requestLimitPeriod": 60,
        "usageLimit": 1000,
        "usageLimitField": "total_tokens",
        "usageLimitPeriod": 30,
    }
    assert row.model_limit.request_limit == 500


def test_a_limit_of_tokens_alone_is_refused(client: Any, workspace_id: str) -> None:
    body = change_limits(client, workspace_id, usage_limit=1000, usage_limit_period=30)
    text = "Cannot set TPM without QPM for model qwen-plus: no existing QPM limit, please set QPM first"
    assert (body.success, body.error_message) == (False, text)


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("OVERLAY", {}),
        ("OVERLAY", {"request_limit": 10}),
        ("OVERLAY", {"request_limit": 0, "request_limit_period": 60}),
        ("OVERLAY", {"request_limit": 10, "request_limit_period": 60, "usage_limit": 10}),
        ("DELETE", {"request_limit": 10}),
        ("REPLACE", {"request_limit": 10, "request_limit_period": 60}),
    ],
)
def test_a_limit_that_is_not_complete_is_refused(
    client: Any, workspace_id: str, operation: str, fields: dict[str, int]
) -> None:
    with pytest.raises(ClientException, match=r"InvalidParameter\."):
        change_limits(client, workspace_id, operation, **fields)


@pytest.mark.parametrize("items", ["[]", "[1]", "{}", "no JSON"])
def test_limits_that_are_not_a_list_of_objects_are_refused(items: str) -> None:
    account = Account()
    workspace = account.add_workspace("team", REGION, models=())
    key = SandboxAccessKey("id", "secret", REGION)
    parameters = {"workspaceId": workspace.id, "workspaceLimits": items}
    with pytest.raises(OperationRefusal) as refused:
        limits.update_model_limits(account, AdminRequest("UpdateModelLimits", "", parameters, "", key))
    assert refused.value.code == "InvalidParameter.workspaceLimits"


def test_limits_of_an_unknown_model_are_refused(client: Any, workspace_id: str) -> None:
    item = m.UpdateModelLimitsRequestWorkspaceLimits(model="gpt-4", operation_type="DELETE")
    request = m.UpdateModelLimitsRequest(workspace_id=workspace_id, workspace_limits=[item])
    body = client.update_model_limits(request).body
    assert (body.success, body.error_message) == (False, "Model gpt-4 is not authorized for Inference")


# --- the same with a workspace's own key ---


def _post(sandbox: Sandbox, key: str, path: str, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{sandbox.base_url}/api/v1/models/{path}", json=body, headers=headers, trust_env=False)


def test_a_workspace_key_grants_a_model_to_its_workspace(own: Sandbox) -> None:
    key = own.add_workspace("team", models=["qwen-plus"]).api_key
    response = _post(own, key, "permissions", models=[{"model": "qwen-max", "inference": True}])
    assert (response.status_code, response.json()["success"], response.json()["output"]) == (200, True, None)
    assert status_of(own, key, "qwen-max") == (200, None)


def test_a_workspace_key_sets_a_limit_of_its_workspace(own: Sandbox) -> None:
    key = own.add_workspace("team").api_key
    item = {"model": "qwen-plus", "operation_type": "OVERLAY", "request_limit": 1, "request_limit_period": 60}
    assert _post(own, key, "limits", models=[item]).json()["success"]
    assert [status_of(own, key)[0] for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("path", "item", "text"),
    [
        ("permissions", {"model": "qwen-xxx", "inference": True}, "Model qwen-xxx is not authorized for Inference"),
        (
            "limits",
            {"model": "qwen-plus", "operation_type": "OVERLAY", "usage_limit": 1, "usage_limit_period": 1},
            "Cannot set TPM without QPM for model qwen-plus: no existing QPM limit, please set QPM first",
        ),
    ],
)
def test_what_a_workspace_key_may_not_change_has_the_documented_body(
    own: Sandbox, path: str, item: dict[str, Any], text: str
) -> None:
    body = _post(own, own.add_workspace("team", models=[]).api_key, path, models=[item]).json()
    del body["request_id"]
    assert body == {"code": "InvalidParameter", "message": text, "success": False, "output": None}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("permissions", {"models": [{"model": "qwen-plus", "inference": "yes"}]}),
        ("permissions", {"models": [{"inference": True}]}),
        ("permissions", {"models": ["qwen-plus"]}),
        ("permissions", {"access_all_entities": "SOME"}),
        ("limits", {"limits": []}),
    ],
)
def test_a_body_of_a_workspace_key_that_is_not_valid_is_refused(own: Sandbox, path: str, body: dict[str, Any]) -> None:
    assert _post(own, own.add_workspace("team", models=[]).api_key, path, **body).status_code == 400


@pytest.mark.parametrize("path", ["permissions", "limits"])
def test_a_restricted_key_and_one_of_the_default_workspace_change_nothing(
    own: Sandbox, client: Any, workspace_id: str, path: str
) -> None:
    keys = [create_key(client, workspace_id, custom_auth("qwen-plus")), create_key(client, _DEFAULT)]
    answers = [_post(own, key.api_key_value, path, models=[{"model": "qwen-plus"}]) for key in keys]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "AccessDenied")] * 2


# --- the catalogue ---


def test_the_catalogue_has_prices_in_the_words_of_the_service(client: Any) -> None:
    [model] = client.list_models(m.ListModelsRequest(model="qwen-max")).body.models
    assert (model.provider, model.capabilities) == ("qwen", ["TG"])
    [group] = model.prices
    assert (group.range_name, group.prices[0].to_map()) == (
        "Default",
        {"price": "2.4", "priceName": "input_token", "priceUnit": "Per million tokens", "timeBand": "standard"},
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"model": "qwen-plus", "name": "PLUS"}, ["qwen-plus"]),
        ({"name": "qwen-plus", "context_window": 10**8}, []),
        ({"model": "qwen-vl-ocr", "capabilities": ["VU"]}, ["qwen-vl-ocr"]),
        ({"model": "qwen-plus", "capabilities": ["VU"]}, []),
        ({"model": "qwen-plus", "features": ["function-calling"], "providers": ["qwen"]}, ["qwen-plus"]),
        ({"model": "qwen-plus", "providers": ["kimi"]}, []),
    ],
)
def test_the_catalogue_is_filtered(client: Any, query: dict[str, Any], expected: list[str]) -> None:
    assert [model.model for model in client.list_models(m.ListModelsRequest(**query)).body.models][:1] == expected


# --- the package's own administrator ---


def test_the_administrator_of_the_sandbox_makes_a_workspace_whose_key_answers(own: Sandbox) -> None:
    admin = own.admin(REGION)
    team = admin.create_workspace("team")
    admin.grant(team.id, ["qwen-plus"])
    made = admin.create_key(team.id, models=["qwen-plus"]).workspace
    assert ChatQwenWorkspace(model="qwen-plus", workspace=made).invoke("Hello").text.endswith('"Hello"')
