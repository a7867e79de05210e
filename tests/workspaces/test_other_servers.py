"""Servers that are not Model Studio: how they are told from it, their keys and headers, and what they do not have."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import ConfigurableField

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    WorkspaceRouter,
)
from langchain_qwen_workspace._workspace.keys import EnvironmentKey
from langchain_qwen_workspace.batch_jobs import QwenWorkspaceBatch
from tests.support.server import Server, json_reply
from tests.support.ways import WAYS, Way, ask_by

LOCAL = "http://127.0.0.1:8000/v1"
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}


@pytest.fixture(autouse=True)
def key_of_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-of-the-environment")


def server_of(**values: Any) -> str | None:
    return QwenWorkspace(**values)._destination("openai").server


@pytest.mark.parametrize(
    "base_url",
    [
        LOCAL,
        "http://localhost:11434/v1/",
        "https://qwen.example/serving/v1",
        "http://1234.cn-hangzhou.pai-eas.aliyuncs.com/api/predict/qwen/v1",
        "https://dashscope.aliyuncs.com.example/v1",
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_path_that_model_studio_does_not_have_means_another_server(base_url: str) -> None:
    assert server_of(base_url=base_url) == "openai"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"base_url": "http://127.0.0.1:8000"},
        {"base_url": "http://127.0.0.1:8000/"},
        {"base_url": "http://127.0.0.1:8000/compatible-mode/v1"},
        {"base_url": "https://gateway.example/below/api/v1/"},
        {"base_url": "https://gateway.example/apps/anthropic"},
        {"base_url": LOCAL, "workspace_id": "llm-1"},
        {"base_url": LOCAL, "server": "model_studio"},
        {"base_url": "https://coding.dashscope.aliyuncs.com/v1"},
        {"base_url": "https://llm-1.eu-south-9.maas.aliyuncs.com/v1"},
        {"base_url": "https://maas.qwencloudapi.com/v9"},
        {"endpoint": "shared"},
    ],
)
def test_everything_else_is_model_studio(values: dict[str, Any]) -> None:
    assert server_of(**values) is None


def test_the_workspace_of_the_environment_does_not_make_a_given_url_model_studios(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "llm-1")
    monkeypatch.setenv("DASHSCOPE_REGION", "beijing")
    local = QwenWorkspace(base_url=LOCAL)
    assert (local.workspace_id, local.region, local.api_key) == (None, None, None)


def test_the_workspace_of_the_environment_belongs_to_the_url_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "llm-1")
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://gateway.example/qwen")
    assert server_of() is None


def test_the_url_of_the_environment_may_be_another_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_BASE_URL", LOCAL)
    llm = ChatQwenWorkspace(model="qwen-plus")
    assert (llm.api_key, llm.resolved_workspace()._destination("openai").server) == (None, "openai")
    assert llm.profile is None


def test_an_origin_of_a_named_server_gets_its_path() -> None:
    assert QwenWorkspace(base_url="http://127.0.0.1:8000/", server="vllm").base_url_for("openai") == LOCAL


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"server": "vllm"}, "needs the server's URL"),
        ({"server": "vllm", "base_url": "https://dashscope.aliyuncs.com"}, "is a host of Model Studio"),
        ({"server": "vllm", "base_url": "https://maas.qwencloudapi.com"}, "is a host of QwenCloud"),
        ({"server": "vllm", "base_url": LOCAL, "workspace_id": "llm-1"}, "only Model Studio has workspaces"),
        ({"server": "vllm", "base_url": LOCAL, "endpoint": "shared"}, "give only one of them"),
        ({"server": "tgi", "base_url": LOCAL}, "Input should be"),
    ],
)
def test_values_that_contradict_the_server_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QwenWorkspace(**values)


# ------------------------------------------------------------------------------------------- keys and headers


def headers_of(server: Server) -> list[str]:
    return [name.lower() for name in server.requests[-1].headers]


@pytest.mark.parametrize("way", WAYS)
def test_the_key_of_the_environment_is_not_sent(server: Server, way: Way) -> None:
    server.script(json_reply(ANSWER))
    llm = ChatQwenWorkspace(model="qwen3:8b", base_url=f"{server.url}/v1", streaming=False)
    with asyncio.Runner() as runner:
        assert ask_by(way, llm, runner).text == "Hello"
    assert server.requests[-1].path == "/v1/chat/completions"
    assert not {"authorization", "x-dashscope-workspace"} & set(headers_of(server))
    assert "sk-of" not in str(server.requests[-1])


def to_local(url: str) -> list[Callable[[ChatQwenWorkspace], Any]]:
    return [
        lambda llm: llm.model_copy(update={"base_url": url}),
        lambda llm: pickle.loads(pickle.dumps(llm)).model_copy(update={"base_url": url}),  # noqa: S301 - made here
        lambda llm: llm.configurable_fields(base_url=ConfigurableField(id="url")).with_config(
            configurable={"url": url}
        ),
    ]


@pytest.mark.parametrize("change", range(3))
def test_a_copy_for_another_server_does_not_send_the_key_of_the_environment(server: Server, change: int) -> None:
    server.script(json_reply(ANSWER))
    llm = ChatQwenWorkspace(model="qwen-plus", streaming=False)
    assert isinstance(llm.api_key, EnvironmentKey)
    to_local(f"{server.url}/v1")[change](llm).invoke("Hi")
    assert "sk-of" not in str(server.requests[-1])


def test_a_copy_for_another_server_has_not_the_region_and_workspace_of_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "llm-1")
    server.script(json_reply(ANSWER))
    llm = ChatQwenWorkspace(model="qwen-plus").model_copy(update={"base_url": f"{server.url}/v1"})
    metadata = llm.invoke("Hi").response_metadata
    assert (metadata["region"], metadata["workspace_id"], metadata["server"]) == (None, None, "openai")


def test_a_copy_for_model_studio_has_the_facts_of_the_catalogue() -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", base_url=LOCAL)
    assert llm.profile is None
    assert llm.model_copy(update={"base_url": "https://dashscope.aliyuncs.com"}).profile is not None


def test_a_key_that_is_given_is_sent(server: Server) -> None:
    server.script(json_reply(ANSWER))
    ChatQwenWorkspace(model="m", base_url=f"{server.url}/v1", api_key="local-key").invoke("Hi")
    assert server.requests[-1].headers["authorization"] == "Bearer local-key"


def test_a_key_of_the_users_headers_is_sent(server: Server) -> None:
    server.script(json_reply(ANSWER))
    headers = {"Authorization": "Basic dXNlcg=="}
    ChatQwenWorkspace(model="m", base_url=f"{server.url}/v1", default_headers=headers).invoke("Hi")
    assert server.requests[-1].headers["authorization"] == "Basic dXNlcg=="


def test_a_key_from_the_environment_equals_the_same_key_given() -> None:
    assert QwenWorkspace() == QwenWorkspace(api_key="sk-of-the-environment")
    assert hash(QwenWorkspace()) == hash(QwenWorkspace(api_key="sk-of-the-environment"))


@pytest.mark.filterwarnings("error")
def test_plain_http_without_a_key_warns_of_nothing() -> None:
    assert QwenWorkspace(base_url="http://10.0.0.1:8000/v1").api_key is None


def test_plain_http_with_a_key_warns() -> None:
    with pytest.warns(UserWarning, match="plain http: the key"):
        QwenWorkspace(base_url="http://10.0.0.1:8000/v1", api_key="local-key")


# ---------------------------------------------------------------------------------- what another server lacks


def test_the_dashscope_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match=r'no `protocol="dashscope"` here: use `protocol="openai"`'):
        ChatQwenWorkspace(model="m", protocol="dashscope", base_url=LOCAL)


def test_a_copy_with_the_dashscope_protocol_is_refused_by_its_call() -> None:
    llm = ChatQwenWorkspace(model="m", base_url=LOCAL).model_copy(update={"protocol": "dashscope"})
    with pytest.raises(ConfigurationError, match='server="openai"'):
        llm.invoke("Hi")


def test_reranking_is_refused() -> None:
    with pytest.raises(ValueError, match="no reranking"):
        QwenWorkspaceRerank(model="m", base_url=LOCAL)


def test_the_batch_api_is_refused() -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="m", base_url=LOCAL))
    with pytest.raises(ConfigurationError, match="no Batch API"):
        batch.submit(["Hi"])


def test_lists_of_permitted_models_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='no `protocol="dashscope"`'):
        QwenWorkspace(base_url=LOCAL).permitted_models()


def test_texts_are_embedded(server: Server) -> None:
    server.script(json_reply({"data": [{"index": 0, "embedding": [0.5, 0.25]}], "usage": {"prompt_tokens": 1}}))
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=2, base_url=f"{server.url}/v1")
    assert embeddings.embed_query("Hi") == [0.5, 0.25]
    assert server.requests[-1].json["dimensions"] == 2
    assert "authorization" not in headers_of(server)


# -------------------------------------------------------------------------------------------------- routers


def test_a_tenant_may_have_another_server(server: Server) -> None:
    server.script(json_reply(ANSWER))
    tenants = {"local": QwenWorkspace(base_url=f"{server.url}/v1", server="ollama"), "cloud": QwenWorkspace()}
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=WorkspaceRouter(tenants=tenants), enable_thinking=False)
    llm.invoke("Hi", config={"configurable": {"tenant": "local"}})
    assert server.requests[-1].json["reasoning_effort"] == "none"


def test_a_router_of_one_kind_of_server_has_no_facts_of_the_catalogue() -> None:
    router = WorkspaceRouter(tenants={"a": QwenWorkspace(base_url=LOCAL)})
    assert ChatQwenWorkspace(model="qwen-plus", workspace=router, temperature=2.5).profile is None


def test_failover_between_model_studio_and_another_server_is_refused() -> None:
    both = [QwenWorkspace(base_url=LOCAL), QwenWorkspace(base_url="http://127.0.0.1:8000")]
    with pytest.raises(ValueError, match="between Model Studio and other servers"):
        WorkspaceRouter(tenants={"a": both}, across_regions=True)


def test_a_workspace_with_a_server_may_be_given_as_a_value() -> None:
    local = QwenWorkspace(base_url=LOCAL, server="sglang")
    assert ChatQwenWorkspace(model="m", workspace=local).resolved_workspace() is local


def test_another_server_than_the_workspaces_is_refused() -> None:
    with pytest.raises(ValueError, match="`server` and `workspace` contradict"):
        ChatQwenWorkspace(model="m", workspace=QwenWorkspace(base_url=LOCAL, server="sglang"), server="vllm")
