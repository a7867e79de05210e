"""Keys that a callable gives: when it is asked, what is sent again and what is not, for every kind of call."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from langchain_qwen_workspace import (
    AuthenticationError,
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
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.key_provider import ScriptedKeyProvider, accept_keys, invalid_key_reply, key_in
from tests.support.protocols import ProtocolStub
from tests.support.server import PATIENCE, Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask, Way, ask_by

WAYS: list[tuple[Way, str]] = [
    ("invoke", "get"),
    ("stream", "get"),
    ("ainvoke", "get"),
    ("astream", "get"),
    ("ainvoke", "aget"),
    ("astream", "aget"),
]


@pytest.fixture(params=WAYS, ids="-".join)
def call(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Callable[..., Any]:
    """Ask a model by each door, its key given by a function or an `async def`."""
    way, door = request.param

    def ask(server: Server, stub: ProtocolStub, vault: ScriptedKeyProvider, **fields: Any) -> Callable[[], Any]:
        llm = stub.llm(server, api_key=getattr(vault, door), **fields)
        return lambda: ask_by(way, llm, runner)

    return ask


def _keys(server: Server) -> list[str]:
    return [key_in(received) for received in server.requests]


@pytest.mark.parametrize("key", ["sk-1", SecretStr("sk-1")], ids=["plain", "secret"])
def test_the_key_is_asked_for_when_it_is_first_needed_and_kept(
    server: Server, stub: ProtocolStub, call: Callable[..., Any], key: Any
) -> None:
    server.default = accept_keys(stub, "sk-1")
    vault = ScriptedKeyProvider(key)
    ask = call(server, stub, vault)
    assert vault.asked == 0
    for _ in range(3):
        assert ask().text == "Hello"
    assert (vault.asked, _keys(server)) == (1, ["sk-1"] * 3)


def test_a_refused_key_is_asked_for_again_and_the_request_sent_once_more(
    server: Server, stub: ProtocolStub, call: Callable[..., Any]
) -> None:
    server.default = accept_keys(stub, "sk-1")
    vault = ScriptedKeyProvider("sk-1", "sk-2", "sk-3")
    ask = call(server, stub, vault)
    ask()
    server.default = accept_keys(stub, "sk-2")
    assert ask().text == "Hello"
    assert ask().text == "Hello"
    assert (vault.asked, _keys(server)) == (2, ["sk-1", "sk-1", "sk-2", "sk-2"])
    bodies = server.bodies
    assert bodies[1] == bodies[2]


def test_the_same_key_again_is_refused_as_it_was(server: Server, stub: ProtocolStub, call: Callable[..., Any]) -> None:
    server.default = accept_keys(stub)
    vault = ScriptedKeyProvider("sk-1", "sk-1", "sk-2")
    ask = call(server, stub, vault)
    with pytest.raises(AuthenticationError, match=r"Invalid API-key provided") as caught:
        ask()
    assert (caught.value.status_code, vault.asked, _keys(server)) == (401, 2, ["sk-1"])
    server.default = accept_keys(stub, "sk-2")
    assert ask().text == "Hello"
    assert (vault.asked, _keys(server)) == (3, ["sk-1", "sk-1", "sk-2"])


def test_a_second_refusal_is_final(server: Server, stub: ProtocolStub, call: Callable[..., Any]) -> None:
    server.default = accept_keys(stub)
    vault = ScriptedKeyProvider("sk-1", "sk-2", "sk-3")
    with pytest.raises(AuthenticationError) as caught:
        call(server, stub, vault, max_retries=2)()
    assert type(caught.value) is AuthenticationError
    assert (vault.asked, _keys(server)) == (2, ["sk-1", "sk-2"])


# The kind counts, not the status: 401 is also said to a key that is right and may not.
OTHER_REFUSALS = [(403, "Workspace.AccessDenied"), (403, None), (401, "Model.AccessDenied")]


@pytest.mark.parametrize(("status", "code"), OTHER_REFUSALS)
def test_what_no_other_key_would_cure_asks_for_none(
    server: Server, stub: ProtocolStub, call: Callable[..., Any], status: int, code: str | None
) -> None:
    server.default = lambda _: stub.error(status, code, "No.")
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    with pytest.raises(PermissionDeniedError):
        call(server, stub, vault)()
    assert (vault.asked, _keys(server)) == (1, ["sk-1"])


def test_a_retry_takes_the_key_of_its_request(server: Server, stub: ProtocolStub, call: Callable[..., Any]) -> None:
    server.script(stub.error(500, None, "Down."), invalid_key_reply(stub))
    server.default = stub.reply_to
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    assert call(server, stub, vault, max_retries=1)().text == "Hello"
    assert _keys(server) == ["sk-1", "sk-1", "sk-2"]


# ------------------------------------------------------------------------------------------------------------ streams


def _broken(stub: ProtocolStub, *before: bytes) -> Reply:
    code = "InvalidApiKey" if stub.is_dashscope else "invalid_api_key"
    return stream_reply(*before, stub.frame(stub.error_body(code, "Invalid API-key provided.")))


def test_a_stream_is_opened_again_before_its_first_event(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.script(_broken(stub))
    server.default = stub.reply_to
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    assert ask_streamed(stub.llm(server, api_key=vault.get)).text == "Hello"
    assert (vault.asked, _keys(server)) == (2, ["sk-1", "sk-2"])


def test_a_stream_is_never_opened_again_after_its_first_event(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(_broken(stub, stub.delta("Hel")))
    server.default = stub.reply_to
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    with pytest.raises(AuthenticationError):
        ask_streamed(stub.llm(server, api_key=vault.get))
    assert (vault.asked, _keys(server)) == (1, ["sk-1"])


# ----------------------------------------------------------------------------------------- callables that give no key


async def _nothing() -> str:
    return "sk-1"


FAILURES: dict[str, tuple[Any, type[Exception], str]] = {
    "raises": (LookupError("vault sealed"), LookupError, "vault sealed"),
    "none": (None, TypeError, "type NoneType"),
    "number": (7, TypeError, "type int"),
    "empty": ("", ConfigurationError, "is empty"),
    "empty secret": (SecretStr(""), ConfigurationError, "is empty"),
    "line break": ("sk-S3CR3T\n", ConfigurationError, "a line break"),
    "bytes": (b"sk-S3CR3T", TypeError, "type bytes"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_callable_without_a_key_is_named_and_nothing_is_sent(
    server: Server, stub: ProtocolStub, call: Callable[..., Any], case: str
) -> None:
    given, kind, cause = FAILURES[case]
    server.default = stub.reply_to
    ask = call(server, stub, ScriptedKeyProvider(given, "sk-1"))
    with pytest.raises(
        MissingApiKeyError, match=r"`ScriptedKeyProvider\.a?get`, which provides the key of workspace ws-test,"
    ) as caught:
        ask()
    assert isinstance(caught.value.__cause__, kind)
    assert cause in str(caught.value.__cause__)
    assert "S3CR3T" not in f"{caught.value} {caught.value.__cause__}"
    assert (caught.value.workspace_id, caught.value.protocol) == ("ws-test", stub.protocol)
    assert server.requests == []
    assert ask().text == "Hello"


def test_a_callable_that_fails_when_asked_again_is_named_and_nothing_more_is_sent(
    server: Server, stub: ProtocolStub, call: Callable[..., Any]
) -> None:
    server.default = accept_keys(stub, "sk-2")
    ask = call(server, stub, ScriptedKeyProvider("sk-1", LookupError("vault sealed"), "sk-2"))
    with pytest.raises(MissingApiKeyError) as caught:
        ask()
    assert isinstance(caught.value.__cause__, LookupError)
    assert isinstance(caught.value.__context__, AuthenticationError)
    assert _keys(server) == ["sk-1"]
    assert ask().text == "Hello"
    assert _keys(server) == ["sk-1", "sk-1", "sk-2"]


def test_a_function_that_returns_a_coroutine_is_told_to_be_an_async_def(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(MissingApiKeyError) as caught:
        stub.llm(server, api_key=lambda: _nothing()).invoke("Hi")  # noqa: PLW0108 - that is what is tested
    assert "an `async def`" in str(caught.value.__cause__)


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_a_synchronous_call_refuses_an_async_def(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: Way
) -> None:
    """Also once an asynchronous call got the key: what works must not hang on what was called before."""
    server.default = stub.reply_to
    vault = ScriptedKeyProvider("sk-1")
    llm = stub.llm(server, api_key=vault.aget)
    for sent in (0, 1):
        with pytest.raises(
            ConfigurationError, match=r"workspace ws-test comes from `async def ScriptedKeyProvider\.aget`"
        ) as caught:
            ask_by(way, llm, runner)
        assert "ainvoke" in str(caught.value)
        assert (vault.asked, len(server.requests)) == (sent, sent)
        if not sent:
            ask_by("ainvoke", llm, runner)


def test_a_slow_function_does_not_hold_up_the_event_loop(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to
    went_on = threading.Event()

    def slow() -> str:
        return "sk-1" if went_on.wait(PATIENCE) else ""

    async def call() -> None:
        calling = asyncio.create_task(stub.llm(server, api_key=slow).ainvoke("Hi"))
        await asyncio.sleep(0)
        went_on.set()
        await calling

    runner.run(call())
    assert _keys(server) == ["sk-1"]


def test_a_key_of_a_plan_is_refused_before_it_is_sent(stub: ProtocolStub) -> None:
    nowhere = httpx.Client(transport=httpx.MockTransport(lambda request: pytest.fail(f"sent to {request.url}")))
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=stub.protocol, api_key=ScriptedKeyProvider("sk-sp-1").get, http_client=nowhere
    )
    with nowhere, pytest.raises(ConfigurationError, match=r"Token Plan"):
        llm.invoke("Hi")


# -------------------------------------------------------------------------------------- other calls, other connections


def _vectors(stub: ProtocolStub) -> Reply:
    if stub.is_dashscope:
        return json_reply({"output": {"embeddings": [{"text_index": 0, "embedding": [0.5] * 64}]}, "request_id": "r"})
    return json_reply({"data": [{"index": 0, "embedding": [0.5] * 64}], "id": "r"})


def _ranking(stub: ProtocolStub) -> Reply:
    results = [{"index": 0, "relevance_score": 0.5}]
    return json_reply(
        {"output": {"results": results}, "request_id": "r"} if stub.is_dashscope else {"results": results}
    )


@pytest.mark.parametrize("door", ["get", "aget"])
@pytest.mark.parametrize("what", ["embeddings", "rerank"])
def test_retrieval_renews_its_key(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, what: str, door: str
) -> None:
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    fields: dict[str, Any] = {
        "api_key": getattr(vault, door),
        "base_url": server.url,
        "protocol": stub.protocol,
        "max_retries": 0,
    }
    if what == "embeddings":
        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=64, **fields)
        server.default = accept_keys(stub, "sk-2", reply=lambda _: _vectors(stub))
        asynchronous: Any = embeddings.aembed_query("Hi")
        plain: Callable[[], Any] = partial(embeddings.embed_query, "Hi")
    else:
        ranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)
        server.default = accept_keys(stub, "sk-2", reply=lambda _: _ranking(stub))
        asynchronous, plain = ranker.arerank(["Hi"], "Hi"), partial(ranker.rerank, ["Hi"], "Hi")
    assert runner.run(asynchronous)
    assert (vault.asked, _keys(server)) == (2, ["sk-1", "sk-2"])
    if door == "aget":
        with pytest.raises(ConfigurationError, match=r"async def ScriptedKeyProvider\.aget"):
            plain()
    else:
        assert plain()
    assert vault.asked == 2


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


class _Team:
    """A workspace of the sandbox whose key is what the sandbox says, and rotates."""

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
def team(sandbox: Sandbox) -> _Team:
    sandbox.clear()
    return _Team(sandbox, uuid.uuid4().hex)


def test_a_batch_renews_its_key_at_every_step(team: _Team) -> None:
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
def test_a_step_of_a_batch_that_is_refused_is_taken_again(sandbox: Sandbox, team: _Team, path: str) -> None:
    """Each of the steps of one call, as if the key had been rotated just before it."""
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


def test_the_management_interface_renews_its_key(team: _Team, runner: asyncio.Runner) -> None:
    everything = team.workspace.permitted_models()
    team.rotate()
    assert team.workspace.permitted_models() == everything
    team.rotate()
    assert runner.run(team.workspace.apermitted_models()) == everything
    assert team.workspace.limits("qwen-plus")[0].workspace_id == team.workspace.workspace_id
    assert team.asked == 3


def test_a_router_has_a_key_for_each_workspace(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    vaults = {name: ScriptedKeyProvider(f"sk-{name}-1", f"sk-{name}-2") for name in ("acme", "globex")}
    tenants = {
        name: QwenWorkspace(api_key=vault.get, workspace_id=f"ws-{name}", base_url=server.url)
        for name, vault in vaults.items()
    }
    router = WorkspaceRouter(tenants=tenants)
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=stub.protocol, workspace=router, guard=WorkspaceGuard(max_concurrency=1)
    )
    server.default = accept_keys(stub, "sk-acme-1", "sk-globex-2")
    for name in ("acme", "globex", "acme"):
        ask(llm.with_config(configurable={"tenant": name}))  # type: ignore[arg-type]  # a binding has the same doors
    sent = [(key_in(received), received.headers["x-dashscope-workspace"]) for received in server.requests]
    assert sent == [
        ("sk-acme-1", "ws-acme"),
        ("sk-globex-1", "ws-globex"),
        ("sk-globex-2", "ws-globex"),
        ("sk-acme-1", "ws-acme"),
    ]


def test_a_tenant_fails_over_when_its_key_cannot_be_had_only_if_told(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    server.default = stub.reply_to
    vault = ScriptedKeyProvider(LookupError())
    pair = [
        QwenWorkspace(api_key=key, workspace_id=f"ws-{number}", base_url=server.url)
        for number, key in enumerate((vault.get, "sk-2"))
    ]
    fields: dict[str, Any] = {"model": "qwen-plus", "protocol": stub.protocol}
    told = WorkspaceRouter(tenants={"acme": pair}, fail_over_on=(MissingApiKeyError,))
    acme = {"tenant": "acme"}
    llm: Any = ChatQwenWorkspace(workspace=told, **fields).with_config(configurable=acme)
    assert ask(llm).response_metadata["workspace_id"] == "ws-1"
    llm = ChatQwenWorkspace(workspace=WorkspaceRouter(tenants={"acme": pair}), **fields).with_config(configurable=acme)
    with pytest.raises(MissingApiKeyError, match=r"workspace ws-0"):
        ask(llm)
    assert _keys(server) == ["sk-2"]


def test_one_pool_serves_every_key(fresh_server: Server, stub: ProtocolStub, ask: Ask) -> None:
    llm = stub.llm(fresh_server, api_key=ScriptedKeyProvider("sk-1", "sk-2", "sk-3").get)
    for key in ("sk-1", "sk-2", "sk-3"):
        fresh_server.default = accept_keys(stub, key)
        ask(llm)
    assert _keys(fresh_server) == ["sk-1", "sk-1", "sk-2", "sk-2", "sk-3"]
    assert fresh_server.connections == 1


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_client_of_the_users_carries_the_key_of_now(
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
    assert _keys(server) == ["sk-1", "sk-2", "sk-2"] * 2


def test_nothing_of_the_environment_stands_in_for_the_key(
    server: Server, stub: ProtocolStub, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DASHSCOPE_API_KEY", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "sk-junk")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-junk")
    server.default = accept_keys(stub, "sk-2")
    ask(stub.llm(server, api_key=ScriptedKeyProvider("sk-1", "sk-2").get, default_headers={"X-Team": "a"}))
    assert _keys(server) == ["sk-1", "sk-2"]
    assert {received.headers["x-team"] for received in server.requests} == {"a"}


def test_allowed_models_are_checked_before_anybody_is_asked(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    vault = ScriptedKeyProvider("sk-1")
    with pytest.raises(PermissionDeniedError, match=r"allowed_models"):
        ask(stub.llm(server, api_key=vault.get, allowed_models=["qwen-flash"]))
    assert (vault.asked, server.requests) == (0, [])
