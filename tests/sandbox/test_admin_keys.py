"""The operations on API keys, by Alibaba Cloud's SDK, and what they do to calls of the raw openai SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_modelstudio20260210 import models as m
from alibabacloud_tea_openapi.exceptions import ClientException

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.admin_support import REGION, change_permissions, client_of, create_key, create_workspace, custom_auth
from tests.sandbox.admin_support import status_of as _status_of

_REFUSED = (401, "invalid_api_key")
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
    """A workspace that may call qwen-plus and qwen-flash."""
    created = create_workspace(client, "team")
    change_permissions(client, created, qwen_plus=True, qwen_flash=True)
    return created


def test_a_new_key_calls_the_models_of_its_workspace(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id, description="ci")
    assert (key.workspace_id, key.description) == (workspace_id, "ci")
    assert _status_of(own, key.api_key_value) == (200, None)


def test_a_key_without_a_workspace_belongs_to_the_default_one(own: Sandbox, client: Any) -> None:
    key = client.create_api_key(m.CreateApiKeyRequest()).body.api_key
    assert key.workspace_id == f"llm-default-{REGION}"
    assert _status_of(own, key.api_key_value, "qwen-max") == (200, None)


def test_a_disabled_key_is_refused_until_it_is_enabled(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id)
    client.disable_api_key(str(key.api_key_id), m.DisableApiKeyRequest())
    disabled = _status_of(own, key.api_key_value)
    client.enable_api_key(str(key.api_key_id), m.EnableApiKeyRequest())
    assert (disabled, _status_of(own, key.api_key_value)) == (_REFUSED, (200, None))


def test_a_reset_key_has_a_new_value_and_its_old_one_is_refused(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id)
    reset = client.reset_api_key(str(key.api_key_id), m.ResetApiKeyRequest()).body.api_key
    assert reset.api_key_id == key.api_key_id
    values = (key.api_key_value, reset.api_key_value)
    assert [_status_of(own, value) for value in values] == [_REFUSED, (200, None)]


def test_a_deleted_key_is_refused(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id)
    client.delete_api_key(str(key.api_key_id))
    assert _status_of(own, key.api_key_value) == _REFUSED


def test_a_custom_key_is_held_to_its_models(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id, custom_auth("qwen-plus"))
    answered = [_status_of(own, key.api_key_value, model) for model in ("qwen-plus", "qwen-flash")]
    assert answered == [(200, None), _NOT_PERMITTED]


def test_a_custom_key_calls_no_model_that_its_workspace_may_not(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id, custom_auth("qwen-max"))
    assert _status_of(own, key.api_key_value, "qwen-max") == _NOT_PERMITTED


@pytest.mark.parametrize(
    ("ip_ranges", "expected"),
    [
        (["127.0.0.0/8"], (200, None)),
        (["203.0.113.0/24", "127.0.0.1"], (200, None)),
        (None, (200, None)),
        (["203.0.113.0/24", "::/0"], (403, "access_denied")),
    ],
)
def test_a_custom_key_is_held_to_its_ip_ranges(
    own: Sandbox, client: Any, workspace_id: str, ip_ranges: list[str] | None, expected: tuple[int, str | None]
) -> None:
    key = create_key(client, workspace_id, custom_auth(ip_ranges=ip_ranges))
    assert _status_of(own, key.api_key_value) == expected


def test_a_custom_key_without_ip_ranges_is_shown_as_open_to_all(client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id, custom_auth("qwen-plus"))
    shown = client.get_api_key(str(key.api_key_id)).body.api_key
    assert shown.auth.to_map() == {
        "type": "Custom",
        "accessIps": ["0.0.0.0/0", "::/0"],
        "modelAccessScope": {"allowAllModels": False, "accessibleModels": ["qwen-plus"]},
    }


def test_an_update_replaces_the_authorization_and_keeps_what_it_does_not_name(
    own: Sandbox, client: Any, workspace_id: str
) -> None:
    key = create_key(client, workspace_id, description="kept")
    scope = m.UpdateApiKeyRequestAuthModelAccessScope(allow_all_models=False, accessible_models=["qwen-flash"])
    auth = m.UpdateApiKeyRequestAuth(type="Custom", model_access_scope=scope)
    client.update_api_key(str(key.api_key_id), m.UpdateApiKeyRequest(auth=auth))
    assert client.get_api_key(str(key.api_key_id)).body.api_key.description == "kept"
    assert _status_of(own, key.api_key_value) == _NOT_PERMITTED


def test_an_update_of_the_description_keeps_the_authorization(client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id, custom_auth("qwen-plus"))
    client.update_api_key(str(key.api_key_id), m.UpdateApiKeyRequest(description="new"))
    shown = client.get_api_key(str(key.api_key_id)).body.api_key
    assert (shown.description, shown.auth.type) == ("new", "Custom")


def test_lists_and_shown_keys_mask_the_value(client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id)
    [listed] = client.list_api_keys(m.ListApiKeysRequest(workspace_id=workspace_id)).body.api_keys
    assert listed.api_key_value == f"sk-****{key.api_key_value[-4:]}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["third", "second", "first"]),
        ({"order": "ASC"}, ["first", "second", "third"]),
        ({"order_by": "gmtCreate"}, ["third", "second", "first"]),
        ({"description": "ir"}, ["third", "first"]),
        ({"api_key_id": "1002"}, ["second"]),
    ],
)
def test_keys_are_listed_newest_first_unless_the_query_says_otherwise(
    client: Any, workspace_id: str, query: dict[str, Any], expected: list[str]
) -> None:
    for name in ("first", "second", "third"):
        create_key(client, workspace_id, description=name)
    body = client.list_api_keys(m.ListApiKeysRequest(workspace_id=workspace_id, **query)).body
    assert [key.description for key in body.api_keys] == expected


def test_a_list_is_read_page_by_page(client: Any, workspace_id: str) -> None:
    numbers = [create_key(client, workspace_id).api_key_id for _ in range(3)]
    pages, token = [], None
    while token != "":
        body = client.list_api_keys(m.ListApiKeysRequest(max_results=2, next_token=token, order="ASC")).body
        pages.append([key.api_key_id for key in body.api_keys])
        assert body.total_count == 3
        token = body.next_token
    assert pages == [numbers[:2], numbers[2:]]


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (custom_auth(ip_ranges=["somewhere"]), "InvalidParameter.auth.accessIps"),
        (custom_auth(ip_ranges=["192.0.2.1"] * 21), "InvalidParameter.auth.accessIps"),
        (m.CreateApiKeyRequestAuth(type="Some"), "InvalidParameter.auth.type"),
    ],
)
def test_an_authorization_that_is_not_valid_is_refused(client: Any, workspace_id: str, auth: Any, code: str) -> None:
    with pytest.raises(ClientException) as refused:
        create_key(client, workspace_id, auth)
    assert (refused.value.status_code, refused.value.code) == (400, code)


@pytest.mark.parametrize(
    ("call", "code", "status"),
    [
        (lambda client: client.get_api_key("1"), "ApiKey.NotFound", 404),
        (lambda client: client.delete_api_key("1"), "ApiKey.NotFound", 404),
        (lambda client: client.reset_api_key("1", m.ResetApiKeyRequest()), "ApiKey.NotFound", 404),
        (lambda client: client.disable_api_key("1", m.DisableApiKeyRequest()), "ApiKey.NotFound", 404),
        (lambda client: client.update_api_key("1", m.UpdateApiKeyRequest()), "ApiKey.NotFound", 404),
        (
            lambda client: client.create_api_key(m.CreateApiKeyRequest(workspace_id="llm-none")),
            "Workspace.NotFound",
            404,
        ),
        (
            lambda client: client.list_api_keys(m.ListApiKeysRequest(workspace_id="llm-none")),
            "Workspace.NotFound",
            404,
        ),
        (
            lambda client: client.create_api_key(m.CreateApiKeyRequest(auth=custom_auth("gpt-4"))),
            "InvalidParameter",
            400,
        ),
    ],
)
def test_what_does_not_exist_is_refused_in_an_answer_of_status_200(
    client: Any, call: Any, code: str, status: int
) -> None:
    answer = call(client)
    assert (answer.status_code, answer.body.success) == (200, False)
    assert (answer.body.code, answer.body.http_status_code) == (code, status)


def test_a_key_of_another_region_does_not_exist(own: Sandbox, client: Any, workspace_id: str) -> None:
    key = create_key(client, workspace_id)
    other = client_of(own, own.access_key("ap-southeast-1"))
    assert other.get_api_key(str(key.api_key_id)).body.code == "ApiKey.NotFound"
