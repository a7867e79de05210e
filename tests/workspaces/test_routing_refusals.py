"""Invalid routers, and calls for which a router has no workspace, are refused before anything is sent."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    WorkspaceRouter,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox


def tenant_config(tenant: str) -> Any:
    return {"configurable": {"tenant": tenant}}


def _ws(key: str | Callable[[], str], workspace_id: str | None = None, **fields: Any) -> QwenWorkspace:
    return QwenWorkspace(api_key=key, workspace_id=workspace_id, **fields)


def key_provider() -> str:
    return "sk-provided"


A, B = _ws("sk-a", "llm-a"), _ws("sk-b", "llm-b")
TOKYO = _ws("sk-c", "llm-c", region="tokyo")

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a tenant without a workspace": ({"tenants": {"acme": []}}, "Tenant 'acme' has no workspace"),
    "another region": (
        {"tenants": {"acme": [A, TOKYO]}},
        "Tenant 'acme' would fail over from ap-southeast-1 to ap-northeast-1",
    ),
    "a workspace twice": ({"tenants": {"acme": [A, A]}}, "Tenant 'acme' has the same workspace twice"),
    "an id with two keys": (
        {"tenants": {"acme": A, "globex": _ws("sk-b", "llm-a")}},
        "Two workspaces have the id 'llm-a' but different keys",
    ),
    "an id in another spelling": ({"tenants": {"acme": A, "globex": _ws("sk-b", "LLM-A")}}, "the id 'LLM-A'"),
    "the default's id": (
        {"tenants": {"acme": A}, "default": _ws("sk-b", "llm-a")},
        "Two workspaces have the id 'llm-a'",
    ),
    "an id in two regions": (
        {"tenants": {"acme": A, "globex": _ws("sk-a", "llm-a", region="tokyo")}},
        "Two workspaces have the id 'llm-a' but different regions",
    ),
    "a key with two ids": (
        {"tenants": {"acme": [A, _ws("sk-a", "llm-b")]}},
        "Workspaces 'llm-a' and 'llm-b' have the same key",
    ),
    "no key": ({"tenants": {"acme": A}, "key": ""}, "key"),
    "an invalid workspace": ({"tenants": {"acme": "llm-a"}}, "acme"),
    "a list with an invalid workspace": ({"tenants": {"acme": [A, "llm-b"]}}, "acme"),
    "tenants that are no mapping": ({"tenants": [A]}, "tenants"),
    "an invalid tenant name": ({"tenants": {1: A}}, "tenants"),
    "an invalid error class": ({"tenants": {"acme": A}, "fail_over_on": [KeyError]}, "fail_over_on"),
    "an unknown field": ({"tenants": {"acme": A}, "fallback": B}, "fallback"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_an_invalid_router_is_refused(wrong: str) -> None:
    fields, words = REFUSED[wrong]
    with pytest.raises(ValidationError) as caught:
        WorkspaceRouter(**fields)
    assert words in str(caught.value)
    assert "sk-" not in str(caught.value)


ALLOWED: dict[str, dict[str, Any]] = {
    "one workspace of two tenants": {"acme": A, "globex": _ws("sk-a", "llm-a")},
    "one workspace by two hosts": {"acme": [A, _ws("sk-a", "llm-a", endpoint="shared")]},
    "one workspace with other models": {"acme": A, "globex": _ws("sk-a", "llm-a", allowed_models={"qwen-plus"})},
    "a key without a workspace id": {"acme": A, "globex": _ws("sk-a")},
    "a workspace without a key": {"acme": _ws("sk-a", "llm-a"), "globex": QwenWorkspace(workspace_id="llm-a")},
    "keys from key providers": {"acme": _ws(lambda: "sk-a", "llm-a"), "globex": _ws(lambda: "sk-a", "llm-a")},
    "one key provider for all": {"acme": _ws(key_provider, "llm-a"), "globex": _ws(key_provider, "llm-b")},
    "no tenant": {},
}


@pytest.mark.parametrize("right", ALLOWED)
def test_one_workspace_may_be_listed_several_times(right: str) -> None:
    router = WorkspaceRouter(tenants=ALLOWED[right])
    assert {tenant: list(router.candidates(tenant)) for tenant in router.tenants} == {
        tenant: given if isinstance(given, list) else [given] for tenant, given in ALLOWED[right].items()
    }


def test_across_regions_allows_failover_to_another_region() -> None:
    router = WorkspaceRouter(tenants={"acme": [A, TOKYO]}, across_regions=True)
    assert router.workspace("acme") == A
    assert router.all() == (A, TOKYO)


async def test_a_call_without_a_workspace_is_refused(sandbox: Sandbox, protocol: ProtocolName) -> None:
    router = WorkspaceRouter(tenants={"acme": sandbox.workspace("acme")})
    retrieval: dict[str, Any] = {"protocol": protocol, "workspace": router}
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **retrieval)
    rerank = QwenWorkspaceRerank(model="qwen3-rerank", **retrieval)
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router)
    for config, words in (
        ({}, r'The run names no tenant\. Expected `config=\{"configurable": \{"tenant": "…"\}\}`'),
        (tenant_config("initech"), "Tenant 'initech' has no workspace"),
        ({"configurable": {"tenant": 7}}, "names the tenant 7. Expected a string"),
        ({"configurable": {"tenant": ""}}, "Tenant '' has no workspace"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            llm.invoke("Hi", config)  # type: ignore[arg-type]  # what a caller may get wrong
        with pytest.raises(ConfigurationError, match=words):
            await llm.ainvoke("Hi", config)  # type: ignore[arg-type]  # what a caller may get wrong
        with pytest.raises(ConfigurationError, match=words):
            list(llm.stream("Hi", config))  # type: ignore[arg-type]  # what a caller may get wrong
        with pytest.raises(ConfigurationError, match=words):
            _ = [chunk async for chunk in llm.astream("Hi", config)]  # type: ignore[arg-type]  # what a caller may get wrong
    with pytest.raises(ConfigurationError, match="Tenant 'initech' has no workspace"):
        router.workspace("initech")
    for component in (embeddings.embed_query, lambda query: rerank.rerank(["a"], query)):
        with pytest.raises(ConfigurationError, match="The run names no tenant"):
            component("Hi")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "field",
    [
        {"api_key": "sk-x"},
        {"workspace_id": "llm-x"},
        {"region": "tokyo"},
        {"endpoint": "shared"},
        {"base_url": "http://x"},
    ],
    ids=lambda field: next(iter(field)),
)
def test_flat_workspace_fields_beside_a_router_are_refused(field: dict[str, Any]) -> None:
    router = WorkspaceRouter(tenants={"acme": A})
    (name,) = field
    with pytest.raises(ValidationError, match=f"`{name}` cannot be combined with a `WorkspaceRouter`"):
        ChatQwenWorkspace(model="qwen-plus", workspace=router, **field)
    copied = ChatQwenWorkspace(model="qwen-plus", workspace=router).model_copy(update=field)
    with pytest.raises(ConfigurationError, match=f"`{name}` cannot be combined with a `WorkspaceRouter`"):
        copied.invoke("Hi", tenant_config("acme"))


def test_every_workspace_of_a_router_must_support_the_protocol() -> None:
    native = _ws("sk-a", base_url="http://127.0.0.1:1/api/v1")
    router = WorkspaceRouter(tenants={"acme": B, "globex": native})
    with pytest.raises(ValidationError, match=r'`base_url` .* has the path of `protocol="dashscope"`'):
        ChatQwenWorkspace(model="qwen-plus", workspace=router)
    ChatQwenWorkspace(model="qwen-plus", protocol="dashscope", workspace=router)


def test_no_text_form_of_a_router_shows_a_key() -> None:
    router = WorkspaceRouter(tenants={"acme": _ws("sk-S3CR3T", "llm-a")}, default=_ws("sk-S3CR3T2"))
    written = [
        repr(router),
        str(router),
        repr(router.model_dump()),
        router.model_dump_json(),
        repr(pickle.dumps(router)),
    ]
    assert not [text for text in written if "S3CR3T" in text]
