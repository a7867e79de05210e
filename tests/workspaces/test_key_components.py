"""Key providers beyond chat: retrieval, batch jobs, permissions, routers, and the user's own HTTP clients."""

import asyncio
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import httpx2
import pytest

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    MissingApiKeyError,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceRouter,
)
from langchain_qwen_workspace._workspace.keys import ApiKeyArgument
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.key_provider import ScriptedKeyProvider, accept_keys, key_in, keys_sent
from tests.support.protocols import ProtocolStub
from tests.support.server import Reply, Server, json_reply
from tests.support.ways import Ask


def vectors_reply(stub: ProtocolStub) -> Reply:
    if stub.is_dashscope:
        return json_reply({"output": {"embeddings": [{"text_index": 0, "embedding": [0.5] * 64}]}, "request_id": "r"})
    return json_reply({"data": [{"index": 0, "embedding": [0.5] * 64}], "id": "r"})


def ranking_reply(stub: ProtocolStub) -> Reply:
    results = [{"index": 0, "relevance_score": 0.5}]
    return json_reply(
        {"output": {"results": results}, "request_id": "r"} if stub.is_dashscope else {"results": results}
    )


@pytest.mark.parametrize("method", ["get", "aget"])
@pytest.mark.parametrize("what", ["embeddings", "rerank"])
def test_embeddings_and_rerank_renew_their_key(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, what: str, method: str
) -> None:
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    fields: dict[str, Any] = {
        "api_key": getattr(provider, method),
        "base_url": server.url,
        "protocol": stub.protocol,
        "max_retries": 0,
    }
    if what == "embeddings":
        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=64, **fields)
        server.default = accept_keys(stub, "sk-2", reply=lambda _: vectors_reply(stub))
        asynchronous: Any = embeddings.aembed_query("Hi")
        plain: Callable[[], Any] = partial(embeddings.embed_query, "Hi")
    else:
        ranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)
        server.default = accept_keys(stub, "sk-2", reply=lambda _: ranking_reply(stub))
        asynchronous, plain = ranker.arerank(["Hi"], "Hi"), partial(ranker.rerank, ["Hi"], "Hi")
    assert runner.run(asynchronous)
    assert (provider.asked, keys_sent(server)) == (2, ["sk-1", "sk-2"])
    if method == "aget":
        with pytest.raises(ConfigurationError, match=r"async def ScriptedKeyProvider\.aget"):
            plain()
    else:
        assert plain()
    assert provider.asked == 2


class RotatingTeam:
    """A workspace of the sandbox whose key provider returns the sandbox's current key."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self._sandbox = sandbox
        self.name = name
        self._key = sandbox.add_workspace(name).api_key
        self.asked = 0
        self.workspace = sandbox.workspace(name).model_copy(update={"api_key": self.key})

    def key(self) -> str:
        self.asked += 1
        return self._key

    def rotate(self) -> None:
        self._key = self._sandbox.rotate_key(self.name)


@pytest.fixture
def team(sandbox: Sandbox) -> RotatingTeam:
    sandbox.clear()
    return RotatingTeam(sandbox, uuid.uuid4().hex)


def test_every_step_of_a_batch_job_renews_its_key(team: RotatingTeam) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=team.workspace, max_retries=0)
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["Say one.", "Say two."])
    team.rotate()
    assert batch.wait(batch_id, poll_interval=0.001).state == "completed"
    team.rotate()
    results = batch.results(batch_id)
    assert (sorted(results.outputs), results.errors) == (["0", "1"], {})
    team.rotate()
    assert batch.submit(["Say three."]) != batch_id
    assert team.asked == 4


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches", "/content"])
def test_a_refused_step_of_a_batch_job_is_repeated_with_a_new_key(
    sandbox: Sandbox, team: RotatingTeam, path: str
) -> None:
    """Checked for each step of one call, as if the key had been rotated just before it."""
    workspace = team.workspace.model_copy(update={"api_key": lambda: sandbox.rotate_key(team.name)})
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0))
    if path != "/content":
        sandbox.fail_next(status=401, code="InvalidApiKey", path=path)
    batch_id = batch.submit(["Say one."])
    batch.wait(batch_id, poll_interval=0.001)
    if path == "/content":
        sandbox.fail_next(status=401, code="InvalidApiKey", path=path)
    assert list(batch.results(batch_id).outputs) == ["0"]
    keys = list(dict.fromkeys(request.headers["authorization"] for request in sandbox.requests))
    sent = [request.headers["authorization"] for request in sandbox.requests if path in request.path]
    assert len(keys) == 2
    assert sent[:2] == keys


def test_permissions_and_limits_renew_their_key(team: RotatingTeam, runner: asyncio.Runner) -> None:
    everything = team.workspace.permitted_models()
    team.rotate()
    assert team.workspace.permitted_models() == everything
    team.rotate()
    assert runner.run(team.workspace.apermitted_models()) == everything
    assert team.workspace.limits("qwen-plus")[0].workspace_id == team.workspace.workspace_id
    assert team.asked == 3


def test_a_router_keeps_a_key_for_each_workspace(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    providers = {name: ScriptedKeyProvider(f"sk-{name}-1", f"sk-{name}-2") for name in ("acme", "globex")}
    tenants = {
        name: QwenWorkspace(api_key=provider.get, workspace_id=f"ws-{name}", base_url=server.url)
        for name, provider in providers.items()
    }
    router = WorkspaceRouter(tenants=tenants)
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=stub.protocol, workspace=router, guard=WorkspaceGuard(max_concurrency=1)
    )
    server.default = accept_keys(stub, "sk-acme-1", "sk-globex-2")
    for name in ("acme", "globex", "acme"):
        ask(llm.with_config(configurable={"tenant": name}))  # type: ignore[arg-type]  # a binding has the same methods
    sent = [(key_in(received), received.headers["x-dashscope-workspace"]) for received in server.requests]
    assert sent == [
        ("sk-acme-1", "ws-acme"),
        ("sk-globex-1", "ws-globex"),
        ("sk-globex-2", "ws-globex"),
        ("sk-acme-1", "ws-acme"),
    ]


def test_a_key_that_cannot_be_obtained_fails_over_only_if_configured(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    server.default = stub.reply_to
    provider = ScriptedKeyProvider(LookupError())
    keys: list[ApiKeyArgument] = [provider.get, "sk-2"]
    pair = [
        QwenWorkspace(api_key=key, workspace_id=f"ws-{number}", base_url=server.url) for number, key in enumerate(keys)
    ]
    fields: dict[str, Any] = {"model": "qwen-plus", "protocol": stub.protocol}
    router = WorkspaceRouter(tenants={"acme": pair}, fail_over_on=(MissingApiKeyError,))
    acme = {"tenant": "acme"}
    llm: Any = ChatQwenWorkspace(workspace=router, **fields).with_config(configurable=acme)
    assert ask(llm).response_metadata["workspace_id"] == "ws-1"
    llm = ChatQwenWorkspace(workspace=WorkspaceRouter(tenants={"acme": pair}), **fields).with_config(configurable=acme)
    with pytest.raises(MissingApiKeyError, match=r"workspace ws-0"):
        ask(llm)
    assert keys_sent(server) == ["sk-2"]


def test_one_connection_pool_serves_every_key(fresh_server: Server, stub: ProtocolStub, ask: Ask) -> None:
    llm = stub.llm(fresh_server, api_key=ScriptedKeyProvider("sk-1", "sk-2", "sk-3").get)
    for key in ("sk-1", "sk-2", "sk-3"):
        fresh_server.default = accept_keys(stub, key)
        ask(llm)
    assert keys_sent(fresh_server) == ["sk-1", "sk-1", "sk-2", "sk-2", "sk-3"]
    assert fresh_server.connections == 1


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_the_users_client_sends_the_current_key(
    server: Server, stub: ProtocolStub, library: Any, runner: asyncio.Runner
) -> None:
    server.default = accept_keys(stub, "sk-2")
    with library.Client() as client:
        llm = stub.llm(server, api_key=ScriptedKeyProvider("sk-1", "sk-2").get, http_client=client)
        llm.invoke("Hi")
        list(llm.stream("Hi"))

    async def acall() -> None:
        async with library.AsyncClient() as aclient:
            llm = stub.llm(server, api_key=ScriptedKeyProvider("sk-1", "sk-2").aget, http_async_client=aclient)
            await llm.ainvoke("Hi")
            [_ async for _ in llm.astream("Hi")]

    runner.run(acall())
    assert keys_sent(server) == ["sk-1", "sk-2", "sk-2"] * 2


def test_the_environments_key_is_not_sent_in_place_of_the_providers(
    server: Server, stub: ProtocolStub, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DASHSCOPE_API_KEY", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "sk-junk")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-junk")
    server.default = accept_keys(stub, "sk-2")
    ask(stub.llm(server, api_key=ScriptedKeyProvider("sk-1", "sk-2").get, default_headers={"X-Team": "a"}))
    assert keys_sent(server) == ["sk-1", "sk-2"]
    assert {received.headers["x-team"] for received in server.requests} == {"a"}


def test_allowed_models_are_checked_before_a_key_is_requested(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    provider = ScriptedKeyProvider("sk-1")
    with pytest.raises(PermissionDeniedError, match=r"allowed_models"):
        ask(stub.llm(server, api_key=provider.get, allowed_models=["qwen-flash"]))
    assert (provider.asked, server.requests) == (0, [])
