"""The hosts of Model Studio and its sister brands: region, workspace, keys, and what an unknown host means."""

import asyncio
from typing import Any

import pytest

from langchain_qwen_workspace import (
    AuthenticationError,
    ChatQwenWorkspace,
    PriceTable,
    QwenWorkspace,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._workspace.endpoints import locate
from langchain_qwen_workspace.data._hosts import HOSTS
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by

# Each host with its region, workspace and brand.
KNOWN: dict[str, tuple[str | None, str | None, str]] = {
    "maas.qwencloudapi.com": (None, None, "QwenCloud"),
    "ap-southeast-1.maas.qwencloudapi.com": ("ap-southeast-1", None, "QwenCloud"),
    "eu-central-1.maas.qwencloudapi.com": ("eu-central-1", None, "QwenCloud"),
    "token-plan.maas.qwencloudapi.com": (None, None, "QwenCloud"),
    "maas.qianwenaiapi.com": (None, None, "Qianwen"),
    "token-plan.maas.qianwenaiapi.com": (None, None, "Qianwen"),
    "dashscope-finance.aliyuncs.com": ("cn-shanghai-finance-1", None, "Model Studio"),
    "ep-bp1abc.dashscope.cn-beijing.privatelink.aliyuncs.com": ("cn-beijing", None, "Model Studio"),
    "vpc-cn-beijing.dashscope.aliyuncs.com": ("cn-beijing", None, "Model Studio"),
    "vpc-ep1.ap-southeast-1.dashscope.aliyuncs.com": ("ap-southeast-1", None, "Model Studio"),
    "token-plan.ap-southeast-1.maas.aliyuncs.com": ("ap-southeast-1", None, "Model Studio"),
    "coding-intl.dashscope.aliyuncs.com": ("ap-southeast-1", None, "Model Studio"),
    "llm-1.cn-beijing.maas.aliyuncs.com": ("cn-beijing", "llm-1", "Model Studio"),
    # Of the service, in a region or of a form that this package does not know.
    "llm-1.eu-south-9.maas.aliyuncs.com": (None, None, "Model Studio"),
    "us-west-9.maas.qwencloudapi.com": (None, None, "QwenCloud"),
    "dashscope-new.aliyuncs.com": (None, None, "Model Studio"),
}
UNKNOWN = ["127.0.0.1:8089", "gateway.example", "dashscope.aliyuncs.com.example", "oss-cn-beijing.aliyuncs.com"]


@pytest.mark.parametrize("host", KNOWN)
def test_a_known_host_gives_its_region_and_workspace(host: str) -> None:
    workspace = QwenWorkspace(base_url=f"https://{host}/compatible-mode/v1")
    assert (workspace.region, workspace.workspace_id, locate(workspace.origin).brand) == KNOWN[host]


def test_every_host_has_a_source_with_a_date() -> None:
    assert [host.name for host in HOSTS if ", 202" not in host.source] == []


@pytest.mark.parametrize("protocol", ["openai", "dashscope"])
@pytest.mark.parametrize("host", UNKNOWN)
def test_an_unknown_host_has_no_region(host: str, protocol: Any) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, base_url=f"https://{host}")
    assert (llm.region, llm.resolved_workspace().region) == (None, None)


def test_a_region_that_is_given_is_that_of_an_unknown_host() -> None:
    assert QwenWorkspace(base_url="https://gateway.example", region="tokyo").region == "ap-northeast-1"


def test_the_region_of_the_environment_is_that_of_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_REGION", "tokyo")
    assert QwenWorkspace(base_url="https://gateway.example").region == "ap-northeast-1"


def test_a_region_that_contradicts_a_sister_brands_host_is_refused() -> None:
    with pytest.raises(ValueError, match="make them agree"):
        QwenWorkspace(base_url="https://ap-southeast-1.maas.qwencloudapi.com", region="beijing")


def test_a_copy_without_the_unknown_host_has_the_default_region() -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", base_url="https://gateway.example")
    assert llm.model_copy(update={"base_url": None}).resolved_workspace().region == "ap-southeast-1"


def test_a_copied_workspace_without_the_unknown_host_has_an_origin() -> None:
    copied = QwenWorkspace(base_url="https://gateway.example").model_copy(update={"base_url": None})
    assert copied.origin == "https://dashscope-intl.aliyuncs.com"


# ----------------------------------------------------------------------------------------------- finance cloud


@pytest.mark.parametrize("region", ["finance", "cn-shanghai-finance-1"])
@pytest.mark.parametrize("workspace_id", [None, "llm-1"])
def test_the_finance_cloud_has_a_shared_host_only(region: Any, workspace_id: str | None) -> None:
    assert QwenWorkspace(region=region, workspace_id=workspace_id).origin == "https://dashscope-finance.aliyuncs.com"


def test_a_workspaces_own_host_in_the_finance_cloud_is_refused() -> None:
    with pytest.raises(ValueError, match="is not known to have hosts for single workspaces"):
        QwenWorkspace(region="finance", workspace_id="llm-1", endpoint="workspace")


# --------------------------------------------------------------------------------------------- private network


@pytest.mark.filterwarnings("error")
def test_plain_http_over_a_private_connection_warns_of_nothing() -> None:
    url = "http://ep-bp1abc.dashscope.cn-beijing.privatelink.aliyuncs.com"
    assert QwenWorkspace(base_url=url, api_key="sk-1").origin == url


def test_plain_http_to_the_custom_domain_of_a_private_connection_warns() -> None:
    with pytest.warns(UserWarning, match="plain http"):
        QwenWorkspace(base_url="http://vpc-cn-beijing.dashscope.aliyuncs.com")


# -------------------------------------------------------------------------------------------------- plan keys


@pytest.mark.parametrize("host", ["token-plan.maas.qwencloudapi.com", "token-plan.maas.qianwenaiapi.com"])
def test_a_plan_key_is_accepted_for_a_sister_brands_plan_host(host: str) -> None:
    assert QwenWorkspace(base_url=f"https://{host}", api_key="sk-sp-1234567").region is None


@pytest.mark.parametrize("host", ["vpc-cn-beijing.dashscope.aliyuncs.com", "llm-1.cn-beijing.maas.aliyuncs.com"])
def test_a_plan_key_is_refused_for_hosts_that_take_ordinary_keys(host: str) -> None:
    with pytest.raises(ValueError, match="only on the plan's own host"):
        QwenWorkspace(base_url=f"https://{host}", api_key="sk-sp-1234567")


# ------------------------------------------------------------------------------- what follows from the region

PRICES = PriceTable.from_dict(
    {
        "currency": "USD",
        "models": {"qwen-plus": {"regions": {"singapore": {"input": 1, "output": 1}}}},
    }
)


@pytest.mark.parametrize("way", WAYS)
def test_a_call_to_an_unknown_host_has_no_price_of_a_region(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to
    usage = WorkspaceUsageCallbackHandler(prices=PRICES)
    llm = stub.llm(server, region=None, callbacks=[usage])
    answer = ask_by(way, llm, runner)
    assert answer.response_metadata["region"] is None
    assert [(row.region, row.cost) for row in usage.rows()] == [(None, None)]


def test_an_unknown_region_is_shown_as_unknown(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    usage = WorkspaceUsageCallbackHandler()
    stub.llm(server, region=None, callbacks=[usage]).invoke("Hi")
    assert "| unknown |" in usage.to_markdown()


def test_the_hint_of_an_error_names_no_region_that_is_not_known(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.error(401, "InvalidApiKey", "Invalid API-key provided."))
    with pytest.raises(AuthenticationError) as caught:
        stub.llm(server, region=None).invoke("Hi")
    assert caught.value.region is None
    assert "ap-southeast-1" not in str(caught.value)
    assert "None" not in str(caught.value)


def test_a_failed_call_to_an_unknown_host_counts_for_its_workspace(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.error(401, "InvalidApiKey", "Invalid API-key provided."))
    usage = WorkspaceUsageCallbackHandler()
    with pytest.raises(AuthenticationError):
        stub.llm(server, region=None, callbacks=[usage]).invoke("Hi")
    assert [(row.workspace_id, row.region, row.failed_calls) for row in usage.rows()] == [("ws-test", None, 1)]
