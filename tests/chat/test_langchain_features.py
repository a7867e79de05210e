"""Beside the integration matrix: what LangChain's core does around a model, as it does around any other."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.rate_limiters import InMemoryRateLimiter

from langchain_qwen_workspace import ChatQwenWorkspace, InvalidRequestError, RateLimitError
from tests.chat.test_answers import is_streamed, total
from tests.support.protocols import ProtocolStub
from tests.support.server import Received, Reply, Server


class Listener(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.errors: list[BaseException] = []
        self.ended = 0

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.tokens.append(token)

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.errors.append(error)

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.ended += 1


async def drained(llm: ChatQwenWorkspace) -> list[AIMessageChunk]:
    return [chunk async for chunk in llm.astream("Hi")]


Door = Callable[[ChatQwenWorkspace, asyncio.Runner], Any]
STREAMS: dict[str, Door] = {
    "stream": lambda llm, _: list(llm.stream("Hi")),
    "astream": lambda llm, runner: runner.run(drained(llm)),
    "streaming invoke": lambda llm, _: llm.model_copy(update={"streaming": True}).invoke("Hi"),
    "streaming ainvoke": lambda llm, runner: runner.run(llm.model_copy(update={"streaming": True}).ainvoke("Hi")),
}


@pytest.mark.parametrize("door", STREAMS)
def test_callbacks_hear_each_token_once(server: Server, stub: ProtocolStub, door: str, runner: asyncio.Runner) -> None:
    server.script(stub.stream("Hel", "lo"))
    listener = Listener()

    STREAMS[door](stub.llm(server, callbacks=[listener]), runner)

    assert [token for token in listener.tokens if token] == ["Hel", "lo"]
    assert (listener.ended, listener.errors) == (1, [])


@pytest.mark.parametrize("door", STREAMS)
def test_callbacks_hear_of_an_error(server: Server, stub: ProtocolStub, door: str, runner: asyncio.Runner) -> None:
    server.script(stub.error(429, "Throttling.RateQuota", "Too fast."))
    listener = Listener()

    with pytest.raises(RateLimitError):
        STREAMS[door](stub.llm(server, callbacks=[listener]), runner)

    assert [type(error) for error in listener.errors] == [RateLimitError]
    assert listener.ended == 0


def test_usage_is_counted_by_langchains_handler(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    server.default = stub.reply_to
    counting = UsageMetadataCallbackHandler()
    llm = stub.llm(server, callbacks=[counting])

    llm.invoke("Hi")
    list(llm.stream("Hi"))
    runner.run(drained(llm))

    assert counting.usage_metadata == {"qwen-plus": {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15}}


@pytest.mark.parametrize(
    ("fields", "streams"), [({}, False), ({"streaming": False}, False), ({"streaming": True}, True)]
)
def test_streaming_says_whether_invoke_streams(
    server: Server, stub: ProtocolStub, fields: dict[str, Any], *, streams: bool
) -> None:
    server.default = stub.reply_to

    answer = stub.llm(server, **fields).invoke("Hi")

    assert is_streamed(stub, server.requests[0]) == streams
    assert answer.content == "Hello"
    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize(
    ("disabled", "tools", "streams"),
    [
        (True, [], False),
        ("tool_calling", [], True),
        ("tool_calling", [{"type": "function", "function": {"name": "f", "parameters": {}}}], False),
        (False, [], True),
    ],
)
def test_disable_streaming_is_honoured(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, disabled: Any, tools: list[Any], streams: Any, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to
    llm: Any = stub.llm(server, disable_streaming=disabled)
    bound = llm.bind_tools(tools) if tools else llm

    assert total(list(bound.stream("Hi"))).content == "Hello"
    assert "".join(chunk.text for chunk in runner.run(drained(bound))) == "Hello"

    assert [is_streamed(stub, received) for received in server.requests] == [streams, streams]


def test_a_cached_answer_is_the_same_and_costs_no_request(
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


def test_a_rate_limiter_holds_calls_back(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    limiter = InMemoryRateLimiter(requests_per_second=20, check_every_n_seconds=0.005, max_bucket_size=1)
    llm = stub.llm(server, rate_limiter=limiter)

    llm.invoke("Hi")
    started = time.monotonic()
    llm.invoke("Hi")
    list(llm.stream("Hi"))

    assert time.monotonic() - started > 0.06


def test_a_fallback_takes_over(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
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


def test_langchains_retry_knows_what_may_pass(server: Server, stub: ProtocolStub) -> None:
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
def test_a_batch_answers_each_in_its_place(
    server: Server, stub: ProtocolStub, way: str, runner: asyncio.Runner
) -> None:
    def reply(received: Received) -> Reply:
        body = received.json
        [message] = body["input"]["messages"] if stub.is_dashscope else body["messages"]
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
