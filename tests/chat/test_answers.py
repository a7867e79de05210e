"""Rows 3 to 12 and 70 of the integration matrix: how answers come, what is counted, and who says so."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.language_models import chat_models as core
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_qwen_workspace._seam import Json
from tests.support.protocols import ProtocolStub
from tests.support.server import Received, Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask

COUNTS: tuple[Json, Json] = (
    {
        "prompt_tokens": 30,
        "completion_tokens": 20,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": None},
    },
    {
        "input_tokens": 30,
        "output_tokens": 20,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 5},
        "output_tokens_details": {"reasoning_tokens": 15},
    },
)
COUNTED = {
    "input_tokens": 30,
    "output_tokens": 20,
    "total_tokens": 50,
    "input_token_details": {"cache_read": 8, "cache_creation": 5},
    "output_token_details": {"reasoning": 15},
}


def counts(stub: ProtocolStub) -> Json:
    """Return the same count as each protocol writes it."""
    return COUNTS[stub.is_dashscope]


def answered(stub: ProtocolStub, message: Json, finish_reason: str = "stop", usage: Json | None = None) -> Reply:
    """Return an answer in one piece; both protocols write messages alike."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    body: Json = {"choices": [choice]}
    body = (
        {"output": body, "request_id": "req-body"} if stub.is_dashscope else {**body, "model": "qwen-plus", "id": "c-1"}
    )
    return json_reply({**body, "usage": usage or counts(stub)})


def streamed(
    stub: ProtocolStub, steps: Sequence[Json], finish_reason: str | None = "stop", usage: Json | None = None
) -> Reply:
    """Return an answer in events, one for each step; the native protocol repeats the count in each."""
    usage = usage or counts(stub)
    frames = [_event(stub, step, None, usage) for step in steps]
    if finish_reason is not None:
        frames.append(_event(stub, {"content": ""}, finish_reason, usage))
    if not stub.is_dashscope:
        frames += [stub.frame({"id": "c-1", "model": "qwen-plus", "choices": [], "usage": usage})]
        frames += [b"data: [DONE]\n\n"]
    return stream_reply(*frames)


def _event(stub: ProtocolStub, step: Json, finish_reason: str | None, usage: Json) -> bytes:
    if stub.is_dashscope:
        choice: Json = {"message": {"role": "assistant", **step}, "finish_reason": finish_reason or "null"}
        return stub.frame({"output": {"choices": [choice]}, "usage": usage, "request_id": "req-body"})
    choice = {"index": 0, "delta": step, "finish_reason": finish_reason}
    return stub.frame({"id": "c-1", "model": "qwen-plus", "choices": [choice], "usage": None})


def is_streamed(stub: ProtocolStub, received: Received) -> bool:
    """Say whether a request asks for events."""
    if stub.is_dashscope:
        return received.headers.get("x-dashscope-sse") == "enable"
    return bool(received.json.get("stream"))


def total(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    """Return the sum of a stream."""
    first, *rest = chunks
    return first + rest if rest else first


def test_row_03_has_native_async(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("An executor runs the synchronous call.")

    monkeypatch.setattr(core, "run_in_executor", refuse)
    server.default = stub.reply_to
    llm = stub.llm(server)

    async def chunks() -> list[AIMessageChunk]:
        return [chunk async for chunk in llm.astream("Hi")]

    assert runner.run(llm.ainvoke("Hi")).content == "Hello"
    assert total(runner.run(chunks())).content == "Hello"


def test_row_04_really_streams_with_default_settings(server: Server, stub: ProtocolStub) -> None:
    first, *rest = stub.frames("Hel", "lo")
    seen = threading.Event()
    server.script(stream_reply(first, seen, *rest))

    stream = stub.llm(server).stream("Hi")

    # The server sends the rest only once the beginning was read here.
    assert next(stream).text == "Hel"
    seen.set()
    assert "".join(chunk.text for chunk in stream) == "lo"


def test_row_05_streams_usage_by_default(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream())

    answer = total(list(stub.llm(server).stream("Hi")))

    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    [body] = server.bodies
    assert body.get("stream_options") == (None if stub.is_dashscope else {"include_usage": True})


@pytest.mark.parametrize("where", ["field", "call"])
def test_row_06_lets_the_caller_switch_stream_usage_off(server: Server, stub: ProtocolStub, where: str) -> None:
    server.script(stub.stream())
    llm = stub.llm(server, stream_usage=where != "field")

    chunks = list(llm.stream("Hi") if where == "field" else llm.stream("Hi", stream_usage=False))

    [body] = server.bodies
    parameters = body["parameters"] if stub.is_dashscope else body
    assert not {"stream_usage", "stream_options"} & {*body, *parameters}
    assert total(chunks).content == "Hello"


def test_row_07_returns_usage_metadata_on_invoke(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())

    assert stub.llm(server).invoke("Hi").usage_metadata == {
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
    }


def test_row_08_maps_cached_and_reasoning_tokens(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    def reply(received: Received) -> Reply:
        message = {"content": "Hi"}
        return streamed(stub, [message]) if is_streamed(stub, received) else answered(stub, message)

    server.default = reply

    assert ask(stub.llm(server)).usage_metadata == COUNTED


def test_row_09_puts_input_tokens_on_one_chunk_only(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream("a", "b", "c"))

    chunks = list(stub.llm(server).stream("Hi"))

    assert len(chunks) > 3
    assert [chunk.usage_metadata["input_tokens"] for chunk in chunks if chunk.usage_metadata] == [3]


def test_row_10_model_name_is_the_model_that_served(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen-flash")

    # The compatible protocol names the model in its answer; the native one leaves it to the request.
    assert ask(llm).response_metadata["model_name"] == ("qwen-flash" if stub.is_dashscope else "qwen-plus")


def test_row_10_model_name_follows_the_calls_own_model(server: Server, stub: ProtocolStub) -> None:
    body = stub.whole()
    body.pop("model", None)
    server.script(json_reply(body))

    answer = stub.llm(server).invoke("Hi", model="qwen-flash")

    assert answer.response_metadata["model_name"] == "qwen-flash"
    assert server.bodies[0]["model"] == "qwen-flash"


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_row_11_model_provider_is_on_the_message_and_every_chunk(
    server: Server, stub: ProtocolStub, version: str
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, output_version=version)

    *chunks, last = list(llm.stream("Hi"))

    assert llm.invoke("Hi").response_metadata["model_provider"] == "qwen_workspace"
    assert [chunk.response_metadata["model_provider"] for chunk in (*chunks, last)] == ["qwen_workspace"] * 3
    assert total([*chunks, last]).response_metadata["model_provider"] == "qwen_workspace"


def test_row_12_model_provider_is_the_tracers_provider(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())
    llm = stub.llm(server)

    assert llm.invoke("Hi").response_metadata["model_provider"] == llm._get_ls_params()["ls_provider"]


def test_row_70_reasons_and_ids_are_not_concatenated_in_a_stream(server: Server, stub: ProtocolStub) -> None:
    calls = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a"'}},
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "", "arguments": ": "}},
        {"index": 0, "id": "", "type": "function", "function": {"arguments": "1}"}},
    ]
    server.script(streamed(stub, [{"content": "", "tool_calls": [call]} for call in calls], "tool_calls"))

    answer = total(list(stub.llm(server).stream("Hi")))

    assert answer.tool_calls == [{"name": "look", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}]
    metadata = answer.response_metadata
    assert metadata["finish_reason"] == "tool_calls"
    assert metadata["model_name"] == "qwen-plus"
    assert metadata["request_id"] == ("req-body" if stub.is_dashscope else "req-header")
    assert metadata.get("id") == (None if stub.is_dashscope else "c-1")


def test_row_70_a_stream_that_is_read_for_invoke_has_the_same_metadata(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    plain = stub.llm(server).invoke("Hi")
    streaming = stub.llm(server, streaming=True).invoke("Hi")

    ids = {"id", "request_id", "token_usage"}
    assert isinstance(streaming, AIMessage)
    assert {name: value for name, value in streaming.response_metadata.items() if name not in ids} == {
        name: value for name, value in plain.response_metadata.items() if name not in ids
    }
    assert [is_streamed(stub, received) for received in server.requests] == [False, True]
