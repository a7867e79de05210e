"""What the control plane refuses, and how it is told; what is sent again, and what never is."""

import json
from typing import Any

import pytest
from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.models import Config as CredentialConfig

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    InvalidResponseError,
    MissingApiKeyError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace.admin import RateLimit, WorkspaceAdmin
from tests.admin.conftest import ACCESS_KEY_ID, ACCESS_KEY_SECRET, shown
from tests.support.server import JSON_TYPE, Act, Reply, Server, json_reply

HTML = Reply((b"<html>bad gateway</html>",), 502, {"Content-Type": "text/html"})
KEYS: dict[str, Any] = {"access_key_id": ACCESS_KEY_ID, "access_key_secret": ACCESS_KEY_SECRET}
NO_PERMISSION = {
    "Code": "NoPermission",
    "Message": "You are not authorized to perform this action.",
    "RequestId": "R1",
    "AccessDeniedDetail": {"AuthAction": "modelstudio:ListWorkspaces", "AuthPrincipalType": "SubUser"},
}


def refuse(admin: WorkspaceAdmin, plane: Server, body: object, status: int = 400) -> QwenWorkspaceError:
    plane.default = lambda _: body if isinstance(body, Reply) else json_reply(body, status)
    with pytest.raises(QwenWorkspaceError) as caught:
        admin.workspaces()
    return caught.value


REFUSALS: list[tuple[int, str, type[QwenWorkspaceError], str | None]] = [
    (404, "InvalidAccessKeyId.NotFound", AuthenticationError, "ALIBABA_CLOUD_ACCESS_KEY_ID"),
    (400, "SignatureDoesNotMatch", AuthenticationError, "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    (400, "InvalidSecurityToken.Expired", AuthenticationError, "temporary credentials"),
    (400, "InvalidTimeStamp.Expired", AuthenticationError, "clock"),
    (403, "Forbidden.RAM", PermissionDeniedError, '"Action":["modelstudio:ListWorkspaces"]'),
    (403, "Odd", PermissionDeniedError, "modelstudio:ListWorkspaces"),
    (429, "Throttling.User", RateLimitError, "wait"),
    (404, "Workspace.NotFound", NotFoundError, "cn-beijing"),
    (404, "", NotFoundError, "cn-beijing"),
    (409, "Workspace.AlreadyExists", InvalidRequestError, "another name"),
    (400, "Workspace.NameExists", InvalidRequestError, "another name"),
    (400, "InvalidRegionId", ConfigurationError, "`region=`"),
    (400, "InvalidParameter.maxResults", InvalidRequestError, None),
    (500, "InternalError", ServerError, None),
]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("is_success", [False, True], ids=["by status", "under status 200"])
@pytest.mark.usefixtures("no_waiting")
def test_a_refusal_is_the_same_error_by_its_status_and_under_status_200(
    admin: WorkspaceAdmin,
    plane: Server,
    refusal: tuple[int, str, type[QwenWorkspaceError], str | None],
    *,
    is_success: bool,
) -> None:
    status, code, kind, hint = refusal
    body: dict[str, Any] = {"Code": code, "Message": "no", "RequestId": "R"}
    if is_success:
        body = {"success": False, "code": code, "message": "no", "httpStatusCode": status, "requestId": "R"}
    error = refuse(admin, plane, body, 200 if is_success else status)
    assert (type(error), error.status_code) == (kind, status)
    assert (error.hint is None) if hint is None else (error.hint and hint in error.hint)
    assert (error.message, error.code) == ("ListWorkspaces was refused: no", code or None)
    assert (error.request_id, error.region) == ("R", "cn-beijing")


def test_a_missing_right_names_the_action_that_the_service_names(admin: WorkspaceAdmin, plane: Server) -> None:
    body = {**NO_PERMISSION, "AccessDeniedDetail": {"AuthAction": "modelstudio:Other"}}
    error = refuse(admin, plane, body, 403)
    policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":["modelstudio:Other"],"Resource":"*"}]}'
    assert error.hint is not None
    assert policy in error.hint


def test_a_missing_right_to_bills_names_the_ready_policy(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply(NO_PERMISSION, 403))
    with pytest.raises(PermissionDeniedError, match="AliyunBSSReadOnlyAccess"):
        admin.bill("2026-10")


def test_the_sdks_exception_is_the_cause(admin: WorkspaceAdmin, plane: Server) -> None:
    cause = refuse(admin, plane, NO_PERMISSION, 403).__cause__
    assert type(cause).__name__ == "ClientException"


@pytest.mark.parametrize("reply", [HTML, Reply((b"",), 200, JSON_TYPE), json_reply([1]), json_reply([1], 500)])
def test_a_body_that_is_no_json_object_is_an_invalid_response(
    admin: WorkspaceAdmin, plane: Server, reply: Reply
) -> None:
    assert type(refuse(admin, plane, reply)) is InvalidResponseError


@pytest.mark.parametrize(
    "body",
    [
        {"success": True},
        {"workspaces": "x"},
        {"workspaces": [{"workspaceName": "n"}]},
        {"workspaces": [{"workspaceId": ""}]},
        {"workspaces": [{"workspaceId": None}]},
    ],
)
def test_a_list_that_is_missing_or_malformed_is_an_invalid_response(
    admin: WorkspaceAdmin, plane: Server, body: dict[str, Any]
) -> None:
    assert type(refuse(admin, plane, body, 200)) is InvalidResponseError


@pytest.mark.parametrize("body", [{"workspaces": None}, {"totalCount": 0}, {"workspaces": []}])
def test_a_list_without_rows_is_empty(admin: WorkspaceAdmin, plane: Server, body: dict[str, Any]) -> None:
    plane.script(json_reply({"success": True, **body}))
    assert admin.workspaces() == []


@pytest.mark.usefixtures("no_waiting")
def test_a_lost_connection_is_a_connection_error(admin: WorkspaceAdmin, plane: Server) -> None:
    error = refuse(admin, plane, Reply((Act.DROP,)))
    assert type(error) is APIConnectionError
    assert plane.url in error.message


@pytest.mark.usefixtures("no_waiting")
async def test_a_lost_connection_is_a_connection_error_asynchronously(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.default = lambda _: Reply((Act.DROP,))
    with pytest.raises(APIConnectionError):
        await admin.aworkspaces()


@pytest.mark.usefixtures("no_waiting")
async def test_a_late_response_is_a_timeout(plane: Server) -> None:
    plane.default = lambda _: json_reply({}, 200, 0.5)
    admin = WorkspaceAdmin(base_url=plane.url, timeout=0.1, max_retries=0, **KEYS)
    with pytest.raises(APITimeoutError, match=r"in 0\.1 seconds"):
        admin.workspaces()
    with pytest.raises(APITimeoutError, match=r"in 0\.1 seconds"):
        await admin.aworkspaces()


async def test_a_refusal_is_the_same_error_asynchronously(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply(NO_PERMISSION, 403), json_reply({"success": False, "code": "Workspace.NotFound"}))
    with pytest.raises(PermissionDeniedError):
        await admin.aworkspaces()
    with pytest.raises(NotFoundError):
        await admin.aworkspaces()


# ---------------------------------------------------------------------------------------------------------- sent again

THROTTLED = json_reply({"Code": "Throttling.User", "Message": "slow", "RequestId": "R"}, 429)


def test_a_throttled_read_is_sent_again_after_the_wait_that_the_service_asks_for(
    admin: WorkspaceAdmin, plane: Server, no_waiting: list[float]
) -> None:
    plane.script(THROTTLED.with_headers(x_acs_retry_after="1500"), json_reply({"workspaces": []}))
    assert admin.workspaces() == []
    assert no_waiting == [1.5]


async def test_a_throttled_read_is_sent_again_asynchronously(
    admin: WorkspaceAdmin, plane: Server, no_waiting: list[float]
) -> None:
    plane.script(THROTTLED.with_headers(x_acs_retry_after="1500"), json_reply({"workspaces": []}))
    assert await admin.aworkspaces() == []
    assert no_waiting == [1.5]


@pytest.mark.usefixtures("no_waiting")
def test_a_read_is_sent_three_times_at_most(admin: WorkspaceAdmin, plane: Server) -> None:
    refuse(admin, plane, THROTTLED)
    assert len(plane.requests) == 3


@pytest.mark.parametrize(
    ("do", "reply", "sent"),
    [
        ("create_workspace", THROTTLED, 1),
        ("create_workspace", json_reply({"Code": "InternalError"}, 500), 1),
        ("create_workspace", Reply((Act.DROP,)), 1),
        ("grant", THROTTLED, 3),
        ("grant", Reply((Act.DROP,)), 1),
    ],
)
@pytest.mark.usefixtures("no_waiting")
def test_what_makes_something_is_sent_once_and_what_sets_a_state_again_after_throttling(
    admin: WorkspaceAdmin, plane: Server, do: str, reply: Reply, sent: int
) -> None:
    plane.default = lambda received: json_reply({"workspaces": []}) if "maxResults" in received.path else reply
    with pytest.raises(QwenWorkspaceError):
        admin.create_workspace("a") if do == "create_workspace" else admin.grant("llm-a", ["m"])
    assert len([1 for received in plane.requests if "maxResults" not in received.path]) == sent


@pytest.mark.parametrize("reply", [Reply((Act.DROP,)), HTML, json_reply({"Code": "InternalError"}, 500)])
def test_an_error_after_which_a_change_may_be_done_says_so(admin: WorkspaceAdmin, plane: Server, reply: Reply) -> None:
    plane.script(reply)
    with pytest.raises(QwenWorkspaceError, match="It is not known whether the service carried out DeleteApiKey"):
        admin.delete_key(12)


# ------------------------------------------------------------------------------------------------------- never is sent


@pytest.mark.parametrize("workspace_id", ["", None, 5, "sk-1234", "a/b", " "])
def test_an_invalid_workspace_id_is_never_sent(admin: WorkspaceAdmin, plane: Server, workspace_id: Any) -> None:
    for do in (
        admin.delete_workspace,
        admin.keys,
        lambda given: admin.create_key(given, models="all"),
        admin.permissions,
        lambda given: admin.grant(given, ["m"]),
        lambda given: admin.revoke(given, ["m"]),
        admin.open_to_all,
        admin.close,
        admin.limits,
        lambda given: admin.set_limits(given, {"m": RateLimit(requests=1)}),
        lambda given: admin.remove_limits(given, ["m"]),
    ):
        with pytest.raises(ConfigurationError):
            do(workspace_id)
    assert plane.requests == []


@pytest.mark.parametrize("key_id", ["", None, True, "sk-ws-1234", "1/2", 1.5])
def test_an_invalid_key_id_is_never_sent(admin: WorkspaceAdmin, plane: Server, key_id: Any) -> None:
    for do in (admin.disable_key, admin.enable_key, admin.reset_key, admin.delete_key):
        with pytest.raises(ConfigurationError):
            do(key_id)
    assert plane.requests == []


@pytest.mark.parametrize("ranges", [[], (), "203.0.113.0/24", [""], ["x"], [7], None, {"a": 1}])
def test_ip_ranges_that_are_empty_or_invalid_are_refused(admin: WorkspaceAdmin, plane: Server, ranges: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"(?i)ip.range"):
        admin.create_key("llm-a", models="all", ip_ranges=ranges)
    assert plane.requests == []


@pytest.mark.parametrize("models", [[], "qwen-plus", [""], None, [None]])
def test_models_that_are_empty_or_no_list_are_refused(admin: WorkspaceAdmin, plane: Server, models: Any) -> None:
    for do in (
        lambda: admin.create_key("llm-a", models=models),
        lambda: admin.grant("llm-a", models),
        lambda: admin.remove_limits("llm-a", models),
    ):
        with pytest.raises(ConfigurationError, match="`models` is"):
            do()
    assert plane.requests == []


def test_a_limit_that_sets_nothing_is_refused(admin: WorkspaceAdmin, plane: Server) -> None:
    for limits in ({}, {"m": RateLimit()}):
        with pytest.raises(ConfigurationError):
            admin.set_limits("llm-a", limits)
    assert plane.requests == []


@pytest.mark.parametrize("name", ["", " ", None, 5])
def test_a_workspace_needs_a_name(admin: WorkspaceAdmin, plane: Server, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        admin.create_workspace(name)
    assert plane.requests == []


def test_a_name_that_exists_makes_no_second_workspace(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"workspaces": [{"workspaceId": "llm-a", "workspaceName": "a"}]}))
    with pytest.raises(ConfigurationError, match="exists already: llm-a"):
        admin.create_workspace("a")
    assert len(plane.requests) == 1


def test_a_key_of_a_workspace_that_does_not_exist_is_not_made(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"workspaces": []}))
    with pytest.raises(NotFoundError, match="llm-a"):
        admin.create_key("llm-a", models="all")
    assert [shown(received).split()[0] for received in plane.requests] == ["ListWorkspaces"]


@pytest.mark.parametrize(
    "body",
    [
        {"isDeleted": False, "failReasons": [{"resourceType": "API_KEY", "reason": "2 keys are left"}]},
        {"success": False, "failReasons": [{"resourceType": "API_KEY", "reason": "2 keys are left"}]},
    ],
)
def test_a_workspace_that_is_not_deleted_is_told_with_the_reasons(
    admin: WorkspaceAdmin, plane: Server, body: dict[str, Any]
) -> None:
    plane.script(json_reply(body))
    with pytest.raises(QwenWorkspaceError, match="API_KEY: 2 keys are left"):
        admin.delete_workspace("llm-a")


@pytest.mark.parametrize("body", [{"isDeleted": False}, {"isDeleted": False, "failReasons": [1, {}]}])
def test_a_workspace_that_is_not_deleted_without_a_reason_is_told(
    admin: WorkspaceAdmin, plane: Server, body: dict[str, Any]
) -> None:
    plane.script(json_reply(body))
    with pytest.raises(InvalidRequestError, match="was not deleted"):
        admin.delete_workspace("llm-a")


def test_a_created_key_without_a_value_names_its_id(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"workspaces": [{"workspaceId": "llm-a"}]}), json_reply({"apiKey": {"apiKeyId": 12}}))
    with pytest.raises(InvalidResponseError, match="with the id 12: reset it"):
        admin.create_key("llm-a", models="all")


def test_models_beyond_20_are_granted_in_parts_and_a_failure_says_which_were(
    admin: WorkspaceAdmin, plane: Server
) -> None:
    plane.script(json_reply({"success": True}), json_reply(NO_PERMISSION, 403))
    with pytest.raises(PermissionDeniedError, match=r"Before that, 20 models were granted: m0, m1, .*, m19\."):
        admin.grant("llm-a", [f"m{number}" for number in range(45)])
    assert len(plane.requests) == 2


def test_pages_are_read_to_the_end(admin: WorkspaceAdmin, plane: Server) -> None:
    def page(name: str, token: str | None) -> Reply:
        return json_reply({"workspaces": [{"workspaceId": name}], "nextToken": token})

    plane.script(page("llm-a", "t1"), page("llm-b", "t2"), page("llm-c", ""))
    assert [workspace.id for workspace in admin.workspaces()] == ["llm-a", "llm-b", "llm-c"]
    assert "nextToken=t2" in plane.requests[2].path


def test_a_page_that_repeats_its_token_is_an_invalid_response(admin: WorkspaceAdmin, plane: Server) -> None:
    error = refuse(admin, plane, {"workspaces": [{"workspaceId": "llm-a"}], "nextToken": "t"}, 200)
    assert "nextToken" in error.message


def test_a_list_without_an_end_is_an_invalid_response(
    admin: WorkspaceAdmin, plane: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_qwen_workspace._admin.operations._MAX_PAGES", 3)
    plane.default = lambda _: json_reply({"workspaces": [{"workspaceId": "a"}], "nextToken": len(plane.requests)})
    with pytest.raises(InvalidResponseError, match="more than 3 pages"):
        admin.workspaces()


# --------------------------------------------------------------------------------------------------------- credentials


def test_without_credentials_nothing_is_made() -> None:
    with pytest.raises(MissingApiKeyError, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
        WorkspaceAdmin()


def test_an_access_key_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, plane: Server) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "environment-id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
    monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "token")
    plane.script(json_reply({"workspaces": []}))
    WorkspaceAdmin(base_url=plane.url).workspaces()
    headers = plane.requests[0].headers
    assert (headers["x-acs-accesskey-id"], headers["x-acs-security-token"]) == ("environment-id", "token")


@pytest.mark.parametrize("given", [{"access_key_id": "a"}, {"access_key_secret": "b"}, {"security_token": "c"}])
def test_a_part_of_an_access_key_is_not_completed_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name in ("ID", "SECRET"):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", "environment")
    with pytest.raises(ConfigurationError, match="incomplete"):
        WorkspaceAdmin(**given)  # type: ignore[arg-type]  # one of the texts


def test_a_part_of_an_access_key_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "a")
    with pytest.raises(ConfigurationError, match="ALIBABA_CLOUD_ACCESS_KEY_SECRET is not given"):
        WorkspaceAdmin()


@pytest.mark.parametrize("secret", ["with space", "line\nbreak", "schlüssel"])
def test_an_access_key_with_characters_that_it_cannot_have_is_refused(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="access_key_secret") as caught:
        WorkspaceAdmin(access_key_id="a", access_key_secret=secret)
    assert secret not in str(caught.value)


def test_a_credential_object_signs(plane: Server) -> None:
    credential = CredentialClient(CredentialConfig(type="access_key", access_key_id="object-id", access_key_secret="s"))
    plane.script(json_reply({"workspaces": []}))
    WorkspaceAdmin(base_url=plane.url, credential=credential).workspaces()
    assert "Credential=object-id," in plane.requests[0].headers["authorization"]


@pytest.mark.parametrize("values", [{"credential": object()}, {"credential": object(), "access_key_id": "a"}])
def test_a_credential_that_is_none_or_one_too_many_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="credential"):
        WorkspaceAdmin(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"region": "mars"},
        {"timeout": 0},
        {"max_retries": -1},
        {"base_url": "http://example.com"},
        {"base_url": "https://example.com/path"},
        {"base_url": "ftp://example.com"},
    ],
)
def test_an_invalid_setting_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        WorkspaceAdmin(**KEYS, **values)


@pytest.mark.parametrize("region", ["virginia", "tokyo"])
def test_a_region_that_is_not_known_to_have_a_control_plane_is_tried_with_a_warning(region: Any) -> None:
    with pytest.warns(UserWarning, match="not known to have a control plane") as warned:
        WorkspaceAdmin(region=region, **KEYS)
    assert warned[0].filename == __file__


def test_a_refused_body_is_never_shown_as_python(admin: WorkspaceAdmin, plane: Server) -> None:
    error = refuse(admin, plane, {"success": False, "message": "null"}, 200)
    assert error.message == "ListWorkspaces was refused: The service gave no reason."
    assert json.dumps(error.code) == "null"


def test_a_workspace_that_the_list_does_not_have_gets_no_key(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"workspaces": [{"workspaceId": "llm-other"}]}))
    with pytest.raises(NotFoundError, match="'llm-a' does not exist"):
        admin.create_key("llm-a", models="all")
    assert len(plane.requests) == 1
