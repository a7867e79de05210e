"""`permitted_models` and `limits`, read page by page; and the package's own `allowed_models`."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from langchain_qwen_workspace import (
    AuthenticationError,
    ChatQwenWorkspace,
    ConfigurationError,
    InvalidResponseError,
    MissingApiKeyError,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    RateLimitError,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.workspace import ModelLimits, ModelPermission, RateLimit
from tests.support.protocols import DASHSCOPE
from tests.support.server import Received, Reply, Server, json_reply
from tests.support.ways import Ask

KEY = "sk-S3CR3T"
Method: TypeAlias = Callable[..., list[Any]]


def workspace_of(server: Server, **fields: Any) -> QwenWorkspace:
    return QwenWorkspace(
        **{"api_key": KEY, "workspace_id": "llm-team", "region": "singapore", "base_url": server.url, **fields}
    )


@pytest.fixture(params=["permitted_models", "limits"])
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def call(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Method:
    """Return a function that calls a workspace's method by its name, sync or async."""

    def ask(workspace: QwenWorkspace, name: str, *given: Any) -> list[Any]:
        if request.param:
            found: list[Any] = runner.run(getattr(workspace, f"a{name}")(*given))
        else:
            found = getattr(workspace, name)(*given)
        return found

    return ask


ROWS = {"permitted_models": "permissions", "limits": "quotas"}


def page(kind: str, rows: Any, **more: Any) -> Reply:
    body = {"code": None, "message": None, "success": True, "output": {ROWS[kind]: rows, **more}, "request_id": "req"}
    return json_reply(body)


def rows(first: int, last: int) -> list[dict[str, Any]]:
    return [{"model": f"model-{number}"} for number in range(first, last)]


def names(found: list[Any]) -> list[str]:
    return [row.model for row in found]


def requested_pages(server: Server) -> list[str]:
    return [parse_qs(urlsplit(request.path).query)["page_no"][0] for request in server.requests]


# --- requests and responses ---


def test_permitted_models_sends_the_documented_request_and_reads_the_response(server: Server, call: Method) -> None:
    """Model Studio docs, model permissions, 2026-09-28."""
    granted = {"inference": True, "fine_tune": False, "deploy": True}
    server.script(page("permitted_models", [{"model": "qwen-plus", "name": "Plus", "permissions": granted}], total=1))
    assert call(workspace_of(server), "permitted_models") == [
        ModelPermission("qwen-plus", "Plus", inference=True, fine_tune=False, deploy=True)
    ]
    (request,) = server.requests
    assert request.path == (
        "/api/v1/models/permissions?authorization_scope=AUTHORIZED&action=INFERENCE&page_no=1&page_size=200"
    )
    assert request.raw == b""
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-dashscope-workspace"] == "llm-team"


LIMITS_PATHS = {
    "beijing": "/api/v1/models/limits",
    "singapore": "/api/v1/quotas",
    "virginia": "/api/v1/quotas",
    "hongkong": "/api/v1/quotas",
    "frankfurt": "/api/v1/quotas",
    "tokyo": "/api/v1/quotas",
}


@pytest.mark.parametrize("region", LIMITS_PATHS)
def test_limits_sends_the_request_to_the_regions_own_path(server: Server, call: Method, region: str) -> None:
    """Model Studio docs, model limits, 2026-09-28; the documented response has no total."""
    limit = {
        "request_limit": 500,
        "request_limit_period": 1,
        "usage_limit": 500000,
        "usage_limit_field": "total_tokens",
        "usage_limit_period": 6,
        "async_user_queue_limit": None,
        "async_user_concurrency_limit": None,
    }
    row = {"model": "qwen3-max", "workspace_id": "llm-8l75", "model_limit": limit, "workspace_limit": None}
    server.default = lambda _: page("limits", [row])
    expected = ModelLimits("qwen3-max", "llm-8l75", RateLimit(500, 1, 500000, 6, "total_tokens"), None)
    workspace = workspace_of(server, region=region)
    assert call(workspace, "limits") == [expected]
    assert call(workspace, "limits", "qwen3-max") == [expected]
    path = LIMITS_PATHS[region]
    assert [request.path for request in server.requests] == [
        f"{path}?page_no=1&page_size=200",
        f"{path}?model=qwen3-max&page_no=1&page_size=200",
    ]


# --- pages ---

PAGES: dict[str, tuple[list[tuple[int, int, dict[str, Any]]], int]] = {
    "one page": ([(0, 3, {"total": 3})], 3),
    "no model": ([(0, 0, {"total": 0})], 0),
    "two pages": ([(0, 200, {"total": 250}), (200, 250, {"total": 250})], 250),
    "just full pages": ([(0, 200, {"total": 400}), (200, 400, {"total": 400})], 400),
    "smaller pages than asked for": ([(0, 20, {"total": 45}), (20, 40, {"total": 45}), (40, 45, {"total": 45})], 45),
    "no total": ([(0, 200, {}), (200, 210, {})], 210),
    "no total, a full page": ([(0, 200, {}), (0, 0, {})], 200),
    "no pages at all": ([(0, 250, {})], 250),
    "a total that is not a number": ([(0, 200, {"total": "many"}), (200, 201, {"total": "many"})], 201),
    "a total that is too small": ([(0, 200, {"total": 0}), (200, 300, {"total": 20})], 300),
    "a total that is too large": ([(0, 20, {"total": 30}), (0, 0, {"total": 30})], 20),
    "a total that changes": ([(0, 200, {"total": 300}), (200, 299, {"total": 299})], 299),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_requested_and_no_more(server: Server, call: Method, kind: str, name: str) -> None:
    pages, amount = PAGES[name]
    server.script(*(page(kind, rows(first, last), **more) for first, last, more in pages))
    assert names(call(workspace_of(server), kind)) == [f"model-{number}" for number in range(amount)]
    assert requested_pages(server) == [str(number + 1) for number in range(len(pages))]


def test_a_repeated_page_is_an_invalid_response(server: Server, call: Method, kind: str) -> None:
    server.default = lambda _: page(kind, rows(0, 200), total=1000)
    with pytest.raises(InvalidResponseError, match="page 2 has the same rows as the page before it") as caught:
        call(workspace_of(server), kind)
    assert caught.value.request_id == "req"
    assert len(server.requests) == 2


def test_a_list_of_more_than_100_pages_is_an_invalid_response(server: Server, call: Method, kind: str) -> None:
    def endless(received: Received) -> Reply:
        number = int(parse_qs(urlsplit(received.path).query)["page_no"][0])
        return page(kind, rows(number, number + 1), total=10**6)

    server.default = endless
    with pytest.raises(InvalidResponseError, match="it has more than 100 pages"):
        call(workspace_of(server), kind)
    assert len(server.requests) == 100


@pytest.mark.parametrize(
    "given",
    [None, {}, "qwen-plus", ["qwen-plus"], [{}], [{"model": None}], [{"model": ""}], [{"model": 7}], [None]],
    ids=repr,
)
def test_malformed_rows_are_an_invalid_response(server: Server, call: Method, kind: str, given: Any) -> None:
    server.script(page(kind, given, total=1))
    with pytest.raises(InvalidResponseError, match=f"list of {ROWS[kind]} cannot be read: expected a list") as caught:
        call(workspace_of(server), kind)
    assert (caught.value.request_id, caught.value.workspace_id) == ("req", "llm-team")


@pytest.mark.parametrize("body", [{}, {"output": None}, {"output": []}, {"output": "none"}, {"data": []}], ids=repr)
def test_a_response_without_a_list_is_an_invalid_response(server: Server, call: Method, kind: str, body: Any) -> None:
    server.script(json_reply({"request_id": "req", **body}))
    with pytest.raises(InvalidResponseError, match="cannot be read"):
        call(workspace_of(server), kind)


@pytest.mark.parametrize("malformed", [None, "all", [], 7], ids=repr)
def test_malformed_permissions_grant_nothing(server: Server, call: Method, malformed: Any) -> None:
    server.script(page("permitted_models", [{"model": "a", "permissions": malformed}], total=1))
    assert call(workspace_of(server), "permitted_models") == [
        ModelPermission("a", "a", inference=False, fine_tune=False, deploy=False)
    ]
    server.script(page("limits", [{"model": "a", "model_limit": malformed, "workspace_limit": malformed}], total=1))
    assert call(workspace_of(server), "limits") == [ModelLimits("a", None, None, None)]


# --- failures ---


def test_a_refused_key_raises_authentication_error_without_showing_it(server: Server, call: Method, kind: str) -> None:
    server.script(DASHSCOPE.error(401, "InvalidApiKey", "Invalid API-key provided."))
    with pytest.raises(AuthenticationError) as caught:
        call(workspace_of(server), kind)
    assert (caught.value.status_code, caught.value.protocol) == (401, "dashscope")
    assert "ap-southeast-1" in (caught.value.hint or "")
    assert "S3CR3T" not in str(caught.value) + repr(vars(caught.value))
    assert len(server.requests) == 1


def test_a_rate_limited_page_is_requested_again(server: Server, call: Method, kind: str) -> None:
    failure = DASHSCOPE.error(429, "Throttling.RateQuota", "Slow down.")
    server.script(failure, page(kind, rows(0, 200), total=201), failure, page(kind, rows(200, 201), total=201))
    assert len(call(workspace_of(server), kind)) == 201
    server.script(*[failure] * 3)
    with pytest.raises(RateLimitError):
        call(workspace_of(server), kind)


def test_without_a_key_nothing_is_sent(server: Server, call: Method, kind: str) -> None:
    with pytest.raises(MissingApiKeyError, match="DASHSCOPE_API_KEY"):
        call(QwenWorkspace(base_url=server.url), kind)
    assert server.requests == []


def test_a_base_url_of_the_openai_protocol_is_refused(server: Server, call: Method, kind: str) -> None:
    workspace = workspace_of(server, base_url=f"{server.url}/compatible-mode/v1")
    with pytest.raises(ConfigurationError, match="Give the origin alone"):
        call(workspace, kind)
    assert server.requests == []


# --- against the sandbox ---


@pytest.mark.parametrize("region", ["cn-beijing", "ap-southeast-1"])
def test_the_sandbox_reports_the_models_and_the_id_of_a_workspace(sandbox: Sandbox, call: Method, region: str) -> None:
    models = ["qwen-plus", "text-embedding-v4"]
    known = sandbox.workspace(f"who {region}", models=models, region=region)
    assert names(call(known, "permitted_models")) == models
    nameless = QwenWorkspace(api_key=known.api_key, base_url=sandbox.base_url, region=region)
    (limit,) = call(nameless, "limits", "qwen-plus")
    assert limit.workspace_id == known.workspace_id
    assert {row.workspace_id for row in call(nameless, "limits")} == {known.workspace_id}


# --- allowed_models ---

REFUSAL = r"Model '{}' is not among the workspace's `allowed_models` \(qwen-plus, qwen3-rerank\); nothing was sent\."


def test_a_model_that_is_not_allowed_is_refused(server: Server, protocol: ProtocolName, ask: Ask) -> None:
    workspace = workspace_of(server, allowed_models={"qwen-plus", "qwen3-rerank"})
    with pytest.raises(PermissionDeniedError, match=REFUSAL.format("qwen-max")) as caught:
        ask(ChatQwenWorkspace(model="qwen-max", protocol=protocol, workspace=workspace))
    error = caught.value
    assert (error.model, error.protocol, error.workspace_id) == ("qwen-max", protocol, "llm-team")
    assert (error.region, error.status_code, error.request_id) == ("ap-southeast-1", None, None)
    assert "`allowed_models`" in (error.hint or "")
    assert not error.is_retryable
    assert server.requests == []


def test_an_allowed_model_is_called(sandbox: Sandbox) -> None:
    workspace = sandbox.workspace("allowed").model_copy(update={"allowed_models": frozenset({"qwen-plus"})})
    assert ChatQwenWorkspace(model="qwen-plus", workspace=workspace).invoke("Hi").text
    llm = ChatQwenWorkspace(
        model="qwen-plus", api_key=workspace.api_key, base_url=workspace.base_url, allowed_models=["qwen-plus"]
    )
    assert llm.invoke("Hi").text


async def test_every_component_refuses_models_that_are_not_allowed(server: Server, protocol: ProtocolName) -> None:
    workspace = workspace_of(server, allowed_models={"qwen-plus", "qwen3-rerank"})
    fields: dict[str, Any] = {"protocol": protocol, "workspace": workspace}
    llm = ChatQwenWorkspace(model="qwen-plus", **fields)
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **fields)
    reranker = QwenWorkspaceRerank(model="gte-rerank-v2", **{**fields, "protocol": "dashscope"})
    for call in (
        lambda: llm.invoke("Hi", model="qwen-max"),
        lambda: llm.bind(model="qwen-max").invoke("Hi"),
        lambda: llm.model_copy(update={"model": "qwen-max"}).invoke("Hi"),
        lambda: llm.model_copy(update={"allowed_models": frozenset({"qwen-max"}), "workspace": None}).invoke("Hi"),
        lambda: embeddings.embed_query("Hi"),
        lambda: embeddings.embed_documents(["Hi"]),
        lambda: next(embeddings.lazy_embed_documents(["Hi"])),
        lambda: reranker.rerank(["a"], "Hi"),
    ):
        with pytest.raises(PermissionDeniedError, match="nothing was sent"):
            call()
    for acall in (embeddings.aembed_query("Hi"), reranker.arerank(["a"], "Hi"), llm.ainvoke("Hi", model="qwen-max")):
        with pytest.raises(PermissionDeniedError, match="nothing was sent"):
            await acall
    assert server.requests == []


def test_an_empty_list_allows_no_model(server: Server) -> None:
    workspace = workspace_of(server, allowed_models=[])
    with pytest.raises(PermissionDeniedError, match=r"`allowed_models` \(none\)"):
        ChatQwenWorkspace(model="qwen-plus", workspace=workspace).invoke("Hi")


@pytest.mark.parametrize("given", ["qwen-plus", [7], 7], ids=repr)
def test_invalid_allowed_models_are_refused(server: Server, given: Any) -> None:
    for make in (workspace_of, lambda _, **fields: ChatQwenWorkspace(model="qwen-plus", api_key=KEY, **fields)):
        with pytest.raises(ValidationError, match="allowed_models") as caught:
            make(server, allowed_models=given)
        assert "S3CR3T" not in str(caught.value)
