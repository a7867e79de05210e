"""The requests of each operation, in the fields and places of those recorded with the official SDK (2026-11-29)."""

from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import unquote

import pytest

from langchain_qwen_workspace.admin import RateLimit, WorkspaceAdmin
from tests.admin.conftest import ACCESS_KEY_ID, shown
from tests.support.server import Server, json_reply

WORKSPACE = {"workspaceId": "llm-abc", "workspaceName": "a", "apiHost": "llm-abc.cn-beijing.maas.aliyuncs.com"}
LISTED = {"success": True, "workspaces": [WORKSPACE]}
KEY = {"apiKeyId": 12, "apiKeyValue": "sk-ws-1234", "workspaceId": "llm-abc"}
TREND = {"success": True, "data": {"costTotals": {"currency": "CNY"}, "resultByTime": []}}
BILL = {"success": True, "data": {"currency": "CNY", "totalAmount": "0", "groups": []}}

Do = Callable[[WorkspaceAdmin], Any]

# What is done; the responses; the last request.
CASES: dict[str, tuple[Do, list[dict[str, Any]], str]] = {
    "list workspaces": (
        lambda admin: admin.workspaces(),
        [{"workspaces": []}],
        "ListWorkspaces /modelstudio/workspaces?maxResults=20",
    ),
    "create a workspace": (
        lambda admin: admin.create_workspace("团队 A", service_site="global"),
        [{"workspaces": []}, {"workspace": WORKSPACE}],
        "CreateWorkspace /modelstudio/workspaces?serviceSite=global&workspaceName=%E5%9B%A2%E9%98%9F+A",
    ),
    "delete a workspace": (
        lambda admin: admin.delete_workspace("llm-abc"),
        [{"isDeleted": True}],
        "DeleteWorkspace /modelstudio/workspaces/llm-abc",
    ),
    "create a custom key": (
        lambda admin: admin.create_key(
            "llm-abc", models=["qwen-plus", "qwen3.8-max"], ip_ranges=["203.0.113.0/24", "::/0"], description="ci key"
        ),
        [LISTED, {"apiKey": KEY}],
        (
            "CreateApiKey /modelstudio/apikeys?description=ci+key&workspaceId=llm-abc "
            "auth.accessIps.1=203.0.113.0%2F24&auth.accessIps.2=%3A%3A%2F0"
            "&auth.modelAccessScope.accessibleModels.1=qwen-plus&auth.modelAccessScope.accessibleModels.2=qwen3.8-max"
            "&auth.modelAccessScope.allowAllModels=False&auth.type=Custom"
        ),
    ),
    "create a key for all models from anywhere": (
        lambda admin: admin.create_key("llm-abc", models="all", description="all"),
        [LISTED, {"apiKey": KEY}],
        "CreateApiKey /modelstudio/apikeys?description=all&workspaceId=llm-abc auth.type=All",
    ),
    "create a key for all models from one range": (
        lambda admin: admin.create_key("llm-abc", models="all", ip_ranges=["203.0.113.0/24"]),
        [LISTED, {"apiKey": KEY}],
        (
            "CreateApiKey /modelstudio/apikeys?workspaceId=llm-abc auth.accessIps.1=203.0.113.0%2F24"
            "&auth.modelAccessScope.allowAllModels=True&auth.type=Custom"
        ),
    ),
    "list keys": (
        lambda admin: admin.keys("llm-abc"),
        [{"apiKeys": []}],
        "ListApiKeys /modelstudio/apikeys?maxResults=10&workspaceId=llm-abc",
    ),
    "disable a key": (lambda admin: admin.disable_key(12), [{}], "DisableApiKey /modelstudio/apikeys/12/disable"),
    "enable a key": (lambda admin: admin.enable_key("12"), [{}], "EnableApiKey /modelstudio/apikeys/12/enable"),
    "delete a key": (lambda admin: admin.delete_key(12), [{}], "DeleteApiKey /modelstudio/apikeys/12"),
    "reset a key": (
        lambda admin: admin.reset_key(12),
        [{"apiKey": KEY}, LISTED, {"apiKey": KEY}],
        "ResetApiKey /modelstudio/apikeys/12/reset",
    ),
    "read permissions": (
        lambda admin: admin.permissions("llm-abc"),
        [{"list": []}],
        (
            "ListModelPermissions /modelstudio/models/permissions?authorizationScope=AUTHORIZED&maxResults=200"
            "&modelAction=INFERENCE&workspaceId=llm-abc"
        ),
    ),
    "grant": (
        lambda admin: admin.grant("llm-abc", ["qwen-plus", "qwen-flash"]),
        [{}],
        (
            "UpdateModelPermissions /modelstudio/models/permissions accessAllEntities=KEEP&models.1.inference=True"
            "&models.1.model=qwen-plus&models.2.inference=True&models.2.model=qwen-flash&workspaceId=llm-abc"
        ),
    ),
    "revoke": (
        lambda admin: admin.revoke("llm-abc", ["qwen-plus"]),
        [{}],
        (
            "UpdateModelPermissions /modelstudio/models/permissions accessAllEntities=KEEP&models.1.inference=False"
            "&models.1.model=qwen-plus&workspaceId=llm-abc"
        ),
    ),
    "open to all": (
        lambda admin: admin.open_to_all("llm-abc"),
        [{}],
        "UpdateModelPermissions /modelstudio/models/permissions accessAllEntities=OPEN&workspaceId=llm-abc",
    ),
    "close": (
        lambda admin: admin.close("llm-abc"),
        [{}],
        "UpdateModelPermissions /modelstudio/models/permissions accessAllEntities=CLOSE&workspaceId=llm-abc",
    ),
    "read limits": (
        lambda admin: admin.limits("llm-abc"),
        [{"limits": []}],
        "ListModelLimits /modelstudio/models/limits?maxResults=200&workspaceId=llm-abc",
    ),
    "set limits": (
        lambda admin: admin.set_limits(
            "llm-abc", {"qwen-plus": RateLimit(requests=60, requests_period=60, usage=100000, usage_period=60)}
        ),
        [{}],
        (
            "UpdateModelLimits /modelstudio/models/limits workspaceId=llm-abc&workspaceLimits="
            '[{"model":"qwen-plus","operationType":"OVERLAY","requestLimit":60,"requestLimitPeriod":60,'
            '"usageLimit":100000,"usageLimitPeriod":60}]'
        ),
    ),
    "remove limits": (
        lambda admin: admin.remove_limits("llm-abc", ["qwen-flash"]),
        [{}],
        (
            "UpdateModelLimits /modelstudio/models/limits workspaceId=llm-abc&workspaceLimits="
            '[{"model":"qwen-flash","operationType":"DELETE"}]'
        ),
    ),
    "bill": (
        lambda admin: admin.bill("2026-10", model="qwen-plus"),
        [BILL],
        (
            "GetBillingOverview /modelstudio/billing/overview?billMonth=2026-10"
            '&filter={"dimensions":[{"code":"BASE_MODEL","selectType":"IN","values":["qwen-plus"]}]}'
            '&groupBy=[{"code":"WORKSPACE_ID"}]&topNum=20&zeroFilter=True'
        ),
    ),
    "bill trend": (
        lambda admin: admin.bill_trend(date(2026, 10, 1), date(2026, 10, 31), by="key", workspace=["llm-x"]),
        [TREND],
        (
            "GetBillingTrend /modelstudio/billing/trend"
            '?filter={"dimensions":[{"code":"WORKSPACE_ID","selectType":"IN","values":["llm-x"]}]}'
            '&granularity=DAY&groupBy=[{"code":"API_KEY_ID"}]&timePeriod={"end":"2026-10-31","start":"2026-10-01"}'
            "&topNum=20&zeroFilter=True"
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_has_its_fields_where_the_official_client_puts_them(
    admin: WorkspaceAdmin, plane: Server, name: str
) -> None:
    do, bodies, expected = CASES[name]
    plane.script(*(json_reply({"success": True, **body}) for body in bodies))
    do(admin)
    sent = shown(plane.requests[-1])
    assert (unquote(sent) if "[" in expected else sent) == expected


def test_a_request_is_signed_with_the_access_key(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply({"workspaces": []}))
    admin.workspaces()
    assert plane.requests[0].headers["authorization"].startswith(f"ACS3-HMAC-SHA256 Credential={ACCESS_KEY_ID},")
