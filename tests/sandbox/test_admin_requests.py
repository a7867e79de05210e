"""The requests of Alibaba Cloud's SDK: how they arrive, compared with recorded ones (SDK 2.2.3, 2026-11-29)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from alibabacloud_modelstudio20260210 import models as m
from alibabacloud_tea_openapi.exceptions import ClientException

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.admin_support import client_of

_Case = tuple[Callable[[Any], Any], str, str, str, str]


def _auth(kind: str) -> Any:
    return getattr(m, f"{kind}ApiKeyRequestAuth"), getattr(m, f"{kind}ApiKeyRequestAuthModelAccessScope")


def _create_custom_key(client: Any) -> Any:
    auth, scope = _auth("Create")
    models = scope(allow_all_models=False, accessible_models=["qwen-plus", "qwen3.8-max"])
    request = m.CreateApiKeyRequest(
        workspace_id="llm-abc",
        description="ci key",
        auth=auth(type="Custom", access_ips=["203.0.113.0/24", "::/0"], model_access_scope=models),
    )
    return client.create_api_key(request)


def _create_full_key(client: Any) -> Any:
    auth, _ = _auth("Create")
    return client.create_api_key(
        m.CreateApiKeyRequest(workspace_id="llm-abc", description="all", auth=auth(type="All"))
    )


def _update_key(client: Any) -> Any:
    auth, scope = _auth("Update")
    given = auth(type="Custom", access_ips=["0.0.0.0/0"], model_access_scope=scope(allow_all_models=True))
    return client.update_api_key("12", m.UpdateApiKeyRequest(description="new", auth=given))


def _update_permissions(client: Any) -> Any:
    items = [
        m.UpdateModelPermissionsRequestModels(model="qwen-plus", inference=True, fine_tune=False),
        m.UpdateModelPermissionsRequestModels(model="qwen-flash", inference=False),
    ]
    return client.update_model_permissions(
        m.UpdateModelPermissionsRequest(workspace_id="llm-abc", access_all_entities="KEEP", models=items)
    )


def _update_limits(client: Any) -> Any:
    item = m.UpdateModelLimitsRequestWorkspaceLimits
    items = [
        item(
            model="qwen-plus",
            operation_type="OVERLAY",
            request_limit=60,
            request_limit_period=60,
            usage_limit=100_000,
            usage_limit_period=60,
        ),
        item(model="qwen-flash", operation_type="DELETE"),
    ]
    return client.update_model_limits(m.UpdateModelLimitsRequest(workspace_id="llm-abc", workspace_limits=items))


def _bill(client: Any) -> Any:
    dimension = m.GetBillingOverviewRequestFilterDimensions(code="BASE_MODEL", select_type="IN", values=["qwen-plus"])
    return client.get_billing_overview(
        m.GetBillingOverviewRequest(
            bill_month="2026-10",
            filter=m.GetBillingOverviewRequestFilter(dimensions=[dimension]),
            group_by=[m.GetBillingOverviewRequestGroupBy(code="WORKSPACE_ID")],
            locale="en-US",
            region_id="cn-beijing",
            top_num=20,
            zero_filter=True,
        )
    )


def _trend(client: Any) -> Any:
    dimension = m.GetBillingTrendRequestFilterDimensions(code="WORKSPACE_ID", select_type="NOT", values=["llm-x"])
    return client.get_billing_trend(
        m.GetBillingTrendRequest(
            filter=m.GetBillingTrendRequestFilter(dimensions=[dimension]),
            granularity="DAY",
            group_by=[m.GetBillingTrendRequestGroupBy(code="API_KEY_ID")],
            time_period=m.GetBillingTrendRequestTimePeriod(start="20261001", end="20261031"),
            top_num=5,
            zero_filter=False,
        )
    )


# The call, then method, path, query and form of the recorded request, decoded.
CASES: dict[str, _Case] = {
    "ListWorkspaces": (
        lambda client: client.list_workspaces(
            m.ListWorkspacesRequest(max_results=20, next_token="tok", workspace_id="llm-abc", workspace_name="team a")
        ),
        "GET",
        "/modelstudio/workspaces",
        "maxResults=20&nextToken=tok&workspaceId=llm-abc&workspaceName=team a",
        "",
    ),
    "CreateWorkspace": (
        lambda client: client.create_workspace(
            m.CreateWorkspaceRequest(service_site="global", workspace_name="团队 A")
        ),
        "POST",
        "/modelstudio/workspaces",
        "serviceSite=global&workspaceName=团队 A",
        "",
    ),
    "DeleteWorkspace": (
        lambda client: client.delete_workspace("llm-abc", m.DeleteWorkspaceRequest()),
        "DELETE",
        "/modelstudio/workspaces/llm-abc",
        "",
        "",
    ),
    "CreateApiKey": (
        _create_custom_key,
        "POST",
        "/modelstudio/apikeys",
        "description=ci key&workspaceId=llm-abc",
        (
            "auth.accessIps.1=203.0.113.0/24&auth.accessIps.2=::/0&auth.modelAccessScope.accessibleModels.1=qwen-plus"
            "&auth.modelAccessScope.accessibleModels.2=qwen3.8-max&auth.modelAccessScope.allowAllModels=False"
            "&auth.type=Custom"
        ),
    ),
    "CreateApiKey, all": (
        _create_full_key,
        "POST",
        "/modelstudio/apikeys",
        "description=all&workspaceId=llm-abc",
        "auth.type=All",
    ),
    "CreateApiKey, nothing": (
        lambda client: client.create_api_key(m.CreateApiKeyRequest()),
        "POST",
        "/modelstudio/apikeys",
        "",
        "",
    ),
    "ListApiKeys": (
        lambda client: client.list_api_keys(
            m.ListApiKeysRequest(
                api_key_id="12",
                description="ci",
                max_results=10,
                next_token="t",
                order="ASC",
                order_by="gmtCreate",
                workspace_id="llm-abc",
            )
        ),
        "GET",
        "/modelstudio/apikeys",
        "apiKeyId=12&description=ci&maxResults=10&nextToken=t&order=ASC&orderBy=gmtCreate&workspaceId=llm-abc",
        "",
    ),
    "GetApiKey": (lambda client: client.get_api_key("12"), "GET", "/modelstudio/apikeys/12", "", ""),
    "UpdateApiKey": (
        _update_key,
        "PUT",
        "/modelstudio/apikeys/12",
        "description=new",
        "auth.accessIps.1=0.0.0.0/0&auth.modelAccessScope.allowAllModels=True&auth.type=Custom",
    ),
    "DisableApiKey": (
        lambda client: client.disable_api_key("12", m.DisableApiKeyRequest()),
        "PUT",
        "/modelstudio/apikeys/12/disable",
        "",
        "",
    ),
    "EnableApiKey": (
        lambda client: client.enable_api_key("12", m.EnableApiKeyRequest()),
        "PUT",
        "/modelstudio/apikeys/12/enable",
        "",
        "",
    ),
    "ResetApiKey": (
        lambda client: client.reset_api_key("12", m.ResetApiKeyRequest()),
        "PUT",
        "/modelstudio/apikeys/12/reset",
        "",
        "",
    ),
    "DeleteApiKey": (lambda client: client.delete_api_key("12"), "DELETE", "/modelstudio/apikeys/12", "", ""),
    "ListModelPermissions": (
        lambda client: client.list_model_permissions(
            m.ListModelPermissionsRequest(
                authorization_scope="AUTHORIZED",
                filter=m.ListModelPermissionsRequestFilter(model="qwen-plus", name="Qwen"),
                max_results=200,
                model_action="INFERENCE",
                next_token="0",
                workspace_id="llm-abc",
            )
        ),
        "GET",
        "/modelstudio/models/permissions",
        (
            "authorizationScope=AUTHORIZED&filter.model=qwen-plus&filter.name=Qwen&maxResults=200&modelAction=INFERENCE"
            "&nextToken=0&workspaceId=llm-abc"
        ),
        "",
    ),
    "UpdateModelPermissions": (
        _update_permissions,
        "POST",
        "/modelstudio/models/permissions",
        "",
        (
            "accessAllEntities=KEEP&models.1.fineTune=False&models.1.inference=True&models.1.model=qwen-plus"
            "&models.2.inference=False&models.2.model=qwen-flash&workspaceId=llm-abc"
        ),
    ),
    "ListModelLimits": (
        lambda client: client.list_model_limits(
            m.ListModelLimitsRequest(
                max_results=200, model="qwen-plus", name="Qwen", next_token="t", workspace_id="llm-abc"
            )
        ),
        "GET",
        "/modelstudio/models/limits",
        "maxResults=200&model=qwen-plus&name=Qwen&nextToken=t&workspaceId=llm-abc",
        "",
    ),
    "UpdateModelLimits": (
        _update_limits,
        "POST",
        "/modelstudio/models/limits",
        "",
        (
            'workspaceId=llm-abc&workspaceLimits=[{"model":"qwen-plus","operationType":"OVERLAY","requestLimit":60,'
            '"requestLimitPeriod":60,"usageLimit":100000,"usageLimitPeriod":60},'
            '{"model":"qwen-flash","operationType":"DELETE"}]'
        ),
    ),
    "ListModels": (
        lambda client: client.list_models(
            m.ListModelsRequest(
                capabilities=["TG", "VU"],
                context_window=1_000_000,
                features=["function-calling"],
                language="en-US",
                max_results=50,
                model="qwen-plus",
                name="Qwen",
                next_token="t",
                providers=["qwen"],
            )
        ),
        "GET",
        "/modelstudio/models",
        (
            'capabilities=["TG","VU"]&contextWindow=1000000&features=["function-calling"]&language=en-US&maxResults=50'
            '&model=qwen-plus&name=Qwen&nextToken=t&providers=["qwen"]'
        ),
        "",
    ),
    "GetBillingOverview": (
        _bill,
        "GET",
        "/modelstudio/billing/overview",
        (
            'billMonth=2026-10&filter={"dimensions":[{"code":"BASE_MODEL","selectType":"IN","values":["qwen-plus"]}]}'
            '&groupBy=[{"code":"WORKSPACE_ID"}]&locale=en-US&regionId=cn-beijing&topNum=20&zeroFilter=True'
        ),
        "",
    ),
    "GetBillingTrend": (
        _trend,
        "GET",
        "/modelstudio/billing/trend",
        (
            'filter={"dimensions":[{"code":"WORKSPACE_ID","selectType":"NOT","values":["llm-x"]}]}&granularity=DAY'
            '&groupBy=[{"code":"API_KEY_ID"}]&timePeriod={"end":"20261031","start":"20261001"}&topNum=5&zeroFilter=False'
        ),
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_of_the_sdk_arrives_as_it_was_recorded(sandbox: Sandbox, name: str) -> None:
    call, method, path, query, form = CASES[name]
    refusals = _refusals(lambda: call(client_of(sandbox)))
    # The recorded tokens of pages, and the recorded days, are none of the sandbox's.
    assert all(code.startswith("InvalidParameter.") for code in refusals)
    request = sandbox.requests[-1]
    body = (request.body or b"").decode()
    assert (request.headers["x-acs-action"], request.method, request.path) == (name.partition(",")[0], method, path)
    assert sorted(parse_qsl(request.query)) == sorted(_pairs(query))
    assert sorted(parse_qsl(body)) == sorted(_pairs(form))


def test_every_operation_of_the_control_plane_is_recorded() -> None:
    assert len({name.partition(",")[0] for name in CASES}) == 18


def _refusals(call: Callable[[], Any]) -> list[str]:
    """Return the error code that a call raises, if it does."""
    try:
        call()
    except ClientException as error:
        return [error.code]
    return []


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (pair.partition("=") for pair in text.split("&") if pair)]
