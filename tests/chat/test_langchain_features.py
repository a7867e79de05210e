"""What LangChain's core does around a chat model: callbacks, caches, rate limits, fallbacks, retries, batches."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import BaseModel, create_model

from langchain_qwen_workspace import ChatQwenWorkspace, InvalidRequestError, RateLimitError
from langchain_qwen_workspace._protocol_names import ProtocolName
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import PROTOCOLS, ProtocolStub
from tests.support.server import Received, Reply, Server
from tests.support.ways import collect

Call = Callable[[ChatQwenWorkspace, asyncio.Runner], Any]
STREAMING_CALLS: dict[str, Call] = {
    "stream": lambda llm, _: list(llm.stream("Hi")),
    "astream": lambda llm, runner: runner.run(collect(llm.astream("Hi"))),
    "streaming invoke": lambda llm, _: llm.model_copy(update={"streaming": True}).invoke("Hi"),
    "streaming ainvoke": lambda llm, runner: runner.run(llm.model_copy(update={"streaming": True}).ainvoke("Hi")),
}


by_streaming_call = pytest.mark.parametrize("call", STREAMING_CALLS)


@by_streaming_call
def test_callbacks_get_each_token_once(server: Server, stub: ProtocolStub, call: str, runner: asyncio.Runner) -> None:
    server.script(stub.stream("Hel", "lo"))
    recorder = CallbackRecorder()

    STREAMING_CALLS[call](stub.llm(server, callbacks=[recorder]), runner)

    assert [token for token in recorder.tokens if token] == ["Hel", "lo"]
    assert (len(recorder.results), recorder.errors) == (1, [])


@by_streaming_call
def test_callbacks_get_the_error_of_a_call(
    server: Server, stub: ProtocolStub, call: str, runner: asyncio.Runner
) -> None:
    server.script(stub.error(429, "Throttling.RateQuota", "Too fast."))
    recorder = CallbackRecorder()

    with pytest.raises(RateLimitError):
        STREAMING_CALLS[call](stub.llm(server, callbacks=[recorder]), runner)

    assert [type(error) for error in recorder.errors] == [RateLimitError]
    assert recorder.results == []


def test_langchains_usage_handler_counts_every_call(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    server.default = stub.reply_to
    counting = UsageMetadataCallbackHandler()
    llm = stub.llm(server, callbacks=[counting])

    llm.invoke("Hi")
    list(llm.stream("Hi"))
    runner.run(collect(llm.astream("Hi")))

    assert counting.usage_metadata == {"qwen-plus": {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15}}


def test_a_cached_answer_is_equal_and_sends_no_request(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, cache=InMemoryCache())

    first, second, third = llm.invoke("Hi"), llm.invoke("Hi"), runner.run(llm.ainvoke("Hi"))

    assert (first.content, second.content, third.content) == ("Hello", "Hello", "Hello")
    assert second.response_metadata == first.response_metadata
    assert len(server.requests) == 1
    llm.invoke("Hi", temperature=0.5)
    llm.invoke("Hi", stop=["."])
    llm.invoke("Ho")
    assert len(server.requests) == 4


def test_a_rate_limiter_delays_calls(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    limiter = InMemoryRateLimiter(requests_per_second=20, check_every_n_seconds=0.005, max_bucket_size=1)
    llm = stub.llm(server, rate_limiter=limiter)

    llm.invoke("Hi")
    started = time.monotonic()
    llm.invoke("Hi")
    list(llm.stream("Hi"))

    assert time.monotonic() - started > 0.06


def test_a_fallback_model_answers_where_the_first_fails(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    def reply(received: Received) -> Reply:
        if received.json["model"] == "qwen-plus":
            return stub.error(404, "ModelNotFound", "There is no such model.")
        return stub.reply_to(received)

    server.default = reply
    chain = stub.llm(server).with_fallbacks([stub.llm(server, model="qwen-flash")])

    assert chain.invoke("Hi").content == "Hello"
    assert runner.run(chain.ainvoke("Hi")).content == "Hello"
    assert "".join(chunk.text for chunk in chain.stream("Hi")) == "Hello"
    assert [body["model"] for body in server.bodies] == ["qwen-plus", "qwen-flash"] * 3


def test_with_retry_repeats_only_errors_of_the_given_kind(server: Server, stub: ProtocolStub) -> None:
    failing = stub.error(500, "InternalError", "Again.")
    server.script(failing, stub.answer(), stub.error(400, "InvalidParameter", "Wrong."))
    llm = stub.llm(server).with_retry(
        retry_if_exception_type=(ModelAPIError,), wait_exponential_jitter=False, stop_after_attempt=3
    )

    assert llm.invoke("Hi").content == "Hello"
    with pytest.raises(InvalidRequestError):
        llm.invoke("Hi")
    assert len(server.requests) == 3


@pytest.mark.parametrize("way", ["batch", "abatch", "batch as completed"])
def test_batch_returns_answers_and_exceptions_in_input_order(
    server: Server, stub: ProtocolStub, way: str, runner: asyncio.Runner
) -> None:
    def reply(received: Received) -> Reply:
        [message] = stub.messages(received.json)
        if message["content"] == "bad":
            return stub.error(400, "InvalidParameter", "Wrong.")
        return stub.answer(message["content"].upper())

    server.default = reply
    llm, texts = stub.llm(server), ["one", "bad", "three"]

    found: list[Any]
    if way == "batch":
        found = llm.batch(list(texts), return_exceptions=True)
    elif way == "abatch":
        found = runner.run(llm.abatch(list(texts), return_exceptions=True))
    else:
        found = [item for _, item in sorted(llm.batch_as_completed(list(texts), return_exceptions=True))]

    assert [getattr(item, "content", type(item).__name__) for item in found] == ["ONE", "InvalidRequestError", "THREE"]
    assert isinstance(found[0], AIMessage)


# ------------------------------------------------------------------------------------------------ cache keys


def key_of(llm: ChatQwenWorkspace, **bound: Any) -> str:
    """Return the key by which LangChain's caches distinguish calls."""
    return llm._get_llm_string(stop=None, **bound)


def test_the_cache_key_differs_by_model_parameters_and_endpoint() -> None:
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
        {"base_model": "qwen-max"},
        {"output_version": "v1"},
        {"stream_usage": False},
        {"check_capabilities": False},
        {"default_headers": {"X-Mode": "a"}},
        {"default_headers": {"X-Mode": "b"}},
        {"stop": ["."]},
    ]

    keys = [key_of(ChatQwenWorkspace(**{**known, **fields})) for fields in different]

    proxied = [{**known, "base_url": "http://127.0.0.1:9/v1", "protocol": name} for name in PROTOCOLS]
    keys += [key_of(ChatQwenWorkspace(**fields)) for fields in proxied]

    assert len(set(keys)) == len(different) + len(proxied)
    assert key_of(ChatQwenWorkspace(**{**known, "api_key": "sk-b"})) == keys[0]
    assert key_of(ChatQwenWorkspace(**known), tools=[{"type": "function", "function": {"name": "f"}}]) not in keys


def made_class(field: str) -> type[BaseModel]:
    """Return a class that has its name in common with others of other fields."""
    return create_model("Made", **{field: (str, ...)})  # type: ignore[call-overload,no-any-return]  # names at run time


def test_the_cache_key_tells_classes_of_one_name_apart() -> None:
    llm = ChatQwenWorkspace(model="qwen3.7-plus", api_key="sk-a")

    assert key_of(llm, response_format=made_class("a")) != key_of(llm, response_format=made_class("b"))
    assert key_of(llm, tools=[made_class("a")]) != key_of(llm, tools=[made_class("b")])
    assert key_of(llm, response_format=made_class("a")) == key_of(llm, response_format=made_class("a"))


def test_the_cache_key_of_equal_functions_is_equal() -> None:
    def make_tool() -> Any:
        def look(where: str) -> str:
            """Look."""
            return where

        return look

    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-a")

    assert key_of(llm, tools=[make_tool()]) == key_of(llm, tools=[make_tool()])


def test_the_cache_key_has_the_models_extra_body_beside_that_of_the_call() -> None:
    one, two = (ChatQwenWorkspace(model="qwen-plus", api_key="sk-a", extra_body={"skill": [name]}) for name in "ab")

    assert key_of(one, extra_body={"newer": 1}) != key_of(two, extra_body={"newer": 1})


def test_the_cache_key_does_not_show_headers() -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-a", default_headers={"X-Pass": "opensesame"})

    assert "opensesame" not in key_of(llm)


def test_a_cached_answer_is_not_used_for_other_stop_sequences(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer("one"), stub.answer("two"))
    cache = InMemoryCache()

    assert stub.llm(server, cache=cache).invoke("Hi").content == "one"
    assert stub.llm(server, cache=cache, stop=["."]).invoke("Hi").content == "two"


def test_a_cached_answer_is_not_used_for_another_model_or_workspace(server: Server, stub: ProtocolStub) -> None:
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
def test_the_cache_key_follows_changes_of_the_model(update: dict[str, Any]) -> None:
    protocol: ProtocolName = "dashscope"
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, api_key="sk-a", workspace_id="llm-a")
    before = key_of(llm)

    assert key_of(llm.model_copy(update=update)) != before
    assert key_of(llm) == before
    for name, value in update.items():
        setattr(llm, name, value)
    assert key_of(llm) != before
