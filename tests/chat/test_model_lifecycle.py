"""Rows 59 to 64 and 66 to 69 of the integration matrix: a model's life, its copies, its cache key."""

import asyncio
import copy
import json
import pickle
import socket
import time
from typing import Any

import httpx
import httpx2
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._seam import ProtocolName, Request
from tests.chat.test_answers import streamed, total
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask

KEY = "sk-very-secret"


def key_of(llm: ChatQwenWorkspace, **bound: Any) -> str:
    """Return what LangChain's caches tell two calls apart by."""
    return llm._get_llm_string(stop=None, **bound)


def test_row_59_secrets_are_in_no_dump(server: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(server, api_key=KEY, default_headers={"x-token": KEY})

    shown = [repr(llm), str(llm), dumps(llm), json.dumps(llm.to_json(), default=repr), json.dumps(llm.asdict())]
    shown += [str(llm.model_dump()), llm.model_dump_json(), key_of(llm), str(llm._get_ls_params())]

    assert [text for text in shown if KEY in text] == []


def test_row_59_secrets_are_in_no_trace(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())
    told: list[str] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            told.append(repr((args, kwargs)))

        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            told.append(repr((args, kwargs)))

    stub.llm(server, api_key=KEY, default_headers={"x-token": KEY}).invoke("Hi", config={"callbacks": [Tracer()]})

    assert len(told) == 2
    assert [text for text in told if KEY in text] == []
    assert server.requests[0].headers["x-token"] == KEY


@pytest.mark.parametrize("used", [False, True])
def test_row_60_pickles_and_copies_also_after_use(server: Server, stub: ProtocolStub, ask: Ask, *, used: bool) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, temperature=0.5)
    if used:
        ask(llm)

    for twin in (pickle.loads(pickle.dumps(llm)), copy.deepcopy(llm), copy.copy(llm), llm.model_copy()):  # noqa: S301 - our own
        assert twin == llm
        assert key_of(twin) == key_of(llm)
        assert ask(twin).content == "Hello"
    assert server.requests[-1].headers["authorization"] == "Bearer sk-test"


def test_row_61_a_changed_base_url_takes_effect(server: Server, fresh_server: Server, stub: ProtocolStub) -> None:
    server.default = fresh_server.default = stub.reply_to
    llm = stub.llm(server)
    llm.invoke("Hi")

    moved = llm.model_copy(update={"base_url": fresh_server.url})

    assert moved.invoke("Hi").content == "Hello"
    assert llm.invoke("Hi").content == "Hello"
    assert (len(server.requests), len(fresh_server.requests)) == (2, 1)


def test_row_62_survives_several_event_loops(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server)

    async def chunks() -> list[str]:
        return [chunk.text async for chunk in llm.astream("Hi")]

    for _ in range(3):
        assert asyncio.run(llm.ainvoke("Hi")).content == "Hello"
        assert "".join(asyncio.run(chunks())) == "Hello"
        assert [answer.content for answer in asyncio.run(llm.abatch(["a", "b"]))] == ["Hello", "Hello"]


def test_row_63_construction_is_cheap_and_shares_its_clients(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    stub.llm(server).invoke("Hi")
    before = server.connections

    started = time.perf_counter()
    models = [stub.llm(server, temperature=number / 100) for number in range(100)]
    spent = time.perf_counter() - started

    # The SDKs' own clients take 20 ms each and more.
    assert spent < 1
    assert len({id(model._bare_transport(model.resolved_workspace())) for model in models}) == 1
    for model in models[:5]:
        model.invoke("Hi")
    assert server.connections == before


def test_row_63_another_connection_has_another_client(server: Server, stub: ProtocolStub) -> None:
    one, two = stub.llm(server), stub.llm(server, api_key="sk-other")

    assert one._bare_transport(one.resolved_workspace()) is not two._bare_transport(two.resolved_workspace())
    assert transport_for.cache_info().maxsize is not None


@pytest.mark.filterwarnings("ignore:.*is not a parameter that Model Studio documents")
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_row_64_takes_clients_of_both_libraries(server: Server, stub: ProtocolStub, library: Any) -> None:
    server.default = stub.reply_to

    with library.Client(headers={"x-mine": "yes"}) as client:
        stub.llm(server, http_client=client).invoke("Hi")

    assert server.requests[0].headers["x-mine"] == "yes"


def test_row_64_a_deep_copy_shares_the_users_client(stub: ProtocolStub) -> None:
    with httpx.Client() as client:
        llm = stub.llm("http://127.0.0.1:9", http_client=client)

        assert copy.deepcopy(llm).http_client is client
        assert llm.model_copy(deep=True).http_client is client


def uncached(llm: ChatQwenWorkspace) -> tuple[Any, Request]:
    """Return a transport that nobody else holds, so that it ends with its last use here, and a request for it."""
    _, request = llm._prepare([HumanMessage("Hi")], None, {}, stream=False)
    transport = transport_for.__wrapped__(
        llm.protocol,
        llm.resolved_workspace(),
        timeout=llm.timeout,
        max_retries=llm.max_retries,
        http_client=llm.http_client,
        http_async_client=llm.http_async_client,
    )
    return transport, request


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_row_64_the_users_client_is_left_open_when_nobody_calls_any_more(
    server: Server, stub: ProtocolStub, library: Any
) -> None:
    server.default = stub.reply_to

    with library.Client() as client:
        llm = stub.llm(server, http_client=client)
        transport, request = uncached(llm)
        transport.send(request)
        del transport

        assert not client.is_closed
        llm.invoke("Hi")


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_row_64_the_users_async_client_is_left_open_when_nobody_calls_any_more(
    server: Server, stub: ProtocolStub, library: Any
) -> None:
    server.default = stub.reply_to

    async with library.AsyncClient() as client:
        llm = stub.llm(server, http_async_client=client)
        transport, request = uncached(llm)
        await transport.asend(request)
        del transport
        await asyncio.sleep(0.01)

        assert not client.is_closed
        await llm.ainvoke("Hi")


@pytest.mark.parametrize("wrong", ["http://proxy", 3])
def test_row_64_what_is_no_client_is_refused_by_name(server: Server, stub: ProtocolStub, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"`http_client` is .* Expected"):
        stub.llm(server, http_client=wrong).invoke("Hi")


def test_row_66_cumulative_text_comes_as_deltas(server: Server, stub: ProtocolStub) -> None:
    so_far = ["ha", "haha", "haha", "hahaha", "hahaha!"]
    # The native protocol is told to send increments; the compatible one repeats all of qwen-mt-plus's text.
    steps = ["ha", "ha", "", "ha", "!"] if stub.is_dashscope else so_far
    server.script(streamed(stub, [{"content": text} for text in steps]))
    llm = stub.llm(server, model="qwen-mt-plus", translation_options={"source_lang": "auto", "target_lang": "en"})

    chunks = list(llm.stream("哈哈哈"))

    assert [chunk.text for chunk in chunks if chunk.text] == ["ha", "ha", "ha", "!"]
    assert total(chunks).content == "hahaha!"
    if stub.is_dashscope:
        assert server.bodies[0]["parameters"]["incremental_output"] is True


def test_row_67_tokens_are_counted_offline(stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("The network was used.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    llm = stub.llm("http://127.0.0.1:9")
    messages = [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello")]

    assert llm.get_num_tokens("Hello, world") == 3
    assert 10 < llm.get_num_tokens_from_messages(messages) < 40


def test_row_68_the_cache_key_tells_models_parameters_and_endpoints_apart() -> None:
    known: dict[str, Any] = {"model": "qwen-plus", "workspace_id": "llm-a", "api_key": "sk-a"}
    different: list[dict[str, Any]] = [
        {},
        {"model": "qwen-max"},
        {"protocol": "dashscope"},
        {"workspace_id": "llm-b"},
        {"region": "beijing"},
        {"endpoint": "shared"},
        {"base_url": "http://127.0.0.1:9"},
        {"temperature": 0.5},
        {"enable_thinking": True},
        {"model_kwargs": {"skill": ["a"]}},
        {"extra_body": {"skill": ["a"]}},
    ]

    keys = [key_of(ChatQwenWorkspace(**{**known, **fields})) for fields in different]

    proxied = [{**known, "base_url": "http://127.0.0.1:9/v1", "protocol": name} for name in ("openai", "dashscope")]
    keys += [key_of(ChatQwenWorkspace(**fields)) for fields in proxied]

    assert len(set(keys)) == len(different) + len(proxied)
    assert key_of(ChatQwenWorkspace(**{**known, "api_key": "sk-b"})) == keys[0]
    assert key_of(ChatQwenWorkspace(**known), tools=[{"type": "function"}]) not in keys


def test_row_68_the_cache_key_tells_stop_sequences_apart(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer("one"), stub.answer("two"))
    cache = InMemoryCache()

    assert stub.llm(server, cache=cache).invoke("Hi").content == "one"
    assert stub.llm(server, cache=cache, stop=["."]).invoke("Hi").content == "two"


def test_row_68_langchains_cache_gives_no_model_another_ones_answer(server: Server, stub: ProtocolStub) -> None:
    server.script(*(stub.answer(text) for text in ("one", "two", "three")))
    cache = InMemoryCache()
    one = stub.llm(server, cache=cache)

    assert [one.invoke("Hi").content for _ in range(2)] == ["one", "one"]
    assert stub.llm(server, cache=cache, model="qwen-max").invoke("Hi").content == "two"
    assert stub.llm(server, cache=cache, workspace_id="ws-other").invoke("Hi").content == "three"
    assert stub.llm(server, cache=cache, api_key="sk-new").invoke("Hi").content == "one"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "update", [{"model": "qwen-max"}, {"base_url": "http://127.0.0.1:9"}, {"temperature": 0.5}, {"protocol": "openai"}]
)
def test_row_69_the_cache_key_is_not_stale_after_a_copy(update: dict[str, Any]) -> None:
    protocol: ProtocolName = "dashscope"
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, api_key="sk-a", workspace_id="llm-a")
    before = key_of(llm)

    assert key_of(llm.model_copy(update=update)) != before
    assert key_of(llm) == before
    for name, value in update.items():
        setattr(llm, name, value)
    assert key_of(llm) != before
