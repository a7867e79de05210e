"""Streams: which calls stream, what each chunk carries, and what is known of a stream that ends early."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from langchain_core.language_models import chat_models as core
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import ConfigurableField

from langchain_qwen_workspace import APIConnectionError, ChatQwenWorkspace, QwenWorkspaceError, StreamInterruptedError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._chunks import StreamedChunk
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Ask, Way, ask_by, collect, sum_chunks

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


# ------------------------------------------------------------------------------------------------ which calls stream


def test_async_calls_do_not_run_the_sync_call_in_an_executor(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("An executor runs the synchronous call.")

    monkeypatch.setattr(core, "run_in_executor", refuse)
    server.default = stub.reply_to
    llm = stub.llm(server)

    assert runner.run(llm.ainvoke("Hi")).content == "Hello"
    assert sum_chunks(runner.run(collect(llm.astream("Hi")))).content == "Hello"


def _configured(llm: Any) -> ChatQwenWorkspace:
    configurable = llm.configurable_fields(seed=ConfigurableField(id="seed"))
    rebuilt: ChatQwenWorkspace = configurable.prepare({"configurable": {"seed": 3}})[0]
    return rebuilt


REBUILDS: dict[str, Callable[[ChatQwenWorkspace], ChatQwenWorkspace]] = {
    "model_validate": lambda llm: ChatQwenWorkspace.model_validate(llm.model_dump()),
    "arguments": lambda llm: ChatQwenWorkspace(**llm.model_dump()),
    "configurable_fields": _configured,
    "model_copy": lambda llm: llm.model_copy(update={"seed": 3}),
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),  # noqa: S301 - our own bytes
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("rebuild", REBUILDS.values(), ids=REBUILDS)
@pytest.mark.parametrize(("fields", "pieces"), [({}, 2), ({"streaming": False}, 1)], ids=["not chosen", "chosen"])
def test_a_rebuilt_model_streams_unless_that_was_switched_off(
    server: Server, stub: ProtocolStub, rebuild: Callable[[Any], Any], fields: Json, pieces: int
) -> None:
    server.default = stub.reply_to

    rebuilt = rebuild(stub.llm(server, **fields))

    assert len([chunk for chunk in rebuilt.stream("Hi") if chunk.text]) == pieces


@pytest.mark.parametrize(
    ("fields", "streams"), [({}, False), ({"streaming": False}, False), ({"streaming": True}, True)]
)
def test_the_streaming_field_decides_whether_invoke_streams(
    server: Server, stub: ProtocolStub, fields: dict[str, Any], *, streams: bool
) -> None:
    server.default = stub.reply_to

    answer = stub.llm(server, **fields).invoke("Hi")

    assert stub.is_streamed(server.requests[0]) == streams
    assert answer.content == "Hello"
    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize(
    ("disabled", "tools", "streams"),
    [(True, [], False), ("tool_calling", [], True), ("tool_calling", [TOOL], False), (False, [], True)],
)
def test_disable_streaming_is_honoured(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, disabled: Any, tools: list[Any], streams: Any, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to
    llm: Any = stub.llm(server, disable_streaming=disabled)
    bound = llm.bind_tools(tools) if tools else llm

    assert sum_chunks(list(bound.stream("Hi"))).content == "Hello"
    assert sum_chunks(runner.run(collect(bound.astream("Hi")))).content == "Hello"

    assert [stub.is_streamed(received) for received in server.requests] == [streams, streams]


def test_a_stream_that_invoke_reads_has_the_metadata_of_a_whole_response(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    whole = stub.llm(server).invoke("Hi")
    streamed = stub.llm(server, streaming=True).invoke("Hi")

    of_one_request = {"id", "request_id", "token_usage"}
    assert isinstance(streamed, AIMessage)
    assert {name: value for name, value in streamed.response_metadata.items() if name not in of_one_request} == {
        name: value for name, value in whole.response_metadata.items() if name not in of_one_request
    }


# ------------------------------------------------------------------------------------------------ what chunks carry


def test_a_stream_reports_usage_by_default(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream())

    answer = sum_chunks(list(stub.llm(server).stream("Hi")))

    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    [body] = server.bodies
    assert body.get("stream_options") == (None if stub.is_dashscope else {"include_usage": True})


@pytest.mark.parametrize("where", ["field", "call"])
def test_stream_usage_can_be_switched_off(server: Server, stub: ProtocolStub, where: str) -> None:
    server.script(stub.stream())
    llm = stub.llm(server, stream_usage=where != "field")

    chunks = list(llm.stream("Hi") if where == "field" else llm.stream("Hi", stream_usage=False))

    sent = {*server.bodies[-1], *stub.parameters_sent(server)}
    assert not {"stream_usage", "stream_options"} & sent
    assert sum_chunks(chunks).content == "Hello"


def test_input_tokens_are_on_one_chunk_only(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream("a", "b", "c"))

    chunks = list(stub.llm(server).stream("Hi"))

    assert len(chunks) > 3
    assert [chunk.usage_metadata["input_tokens"] for chunk in chunks if chunk.usage_metadata] == [3]


def test_the_last_chunk_is_marked_as_last(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream())

    chunks = [chunk.message for chunk in stub.llm(server)._stream([AIMessage("Hi")])]

    positions = [chunk.chunk_position for chunk in chunks if isinstance(chunk, AIMessageChunk)]
    assert positions == [None, None, "last"]


def test_finish_reasons_and_ids_are_not_concatenated(server: Server, stub: ProtocolStub) -> None:
    calls = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a"'}},
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "", "arguments": ": "}},
        {"index": 0, "id": "", "type": "function", "function": {"arguments": "1}"}},
    ]
    server.script(stub.stream_of([{"content": "", "tool_calls": [call]} for call in calls], "tool_calls"))

    answer = sum_chunks(list(stub.llm(server).stream("Hi")))

    assert answer.tool_calls == [{"name": "look", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}]
    metadata = answer.response_metadata
    assert metadata["finish_reason"] == "tool_calls"
    assert metadata["model_name"] == "qwen-plus"
    assert metadata["request_id"] == ("req-body" if stub.is_dashscope else "req-header")
    assert metadata.get("id") == (None if stub.is_dashscope else "chatcmpl-1")


# ------------------------------------------------------------------------------------------------ early ends


def test_a_stream_without_finish_reason_raises_stream_interrupted(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(stub.stream_of([{"content": "Hel"}], finish_reason=None))

    with pytest.raises(StreamInterruptedError, match="without a `finish_reason`") as caught:
        ask_streamed(stub.llm(server))

    assert isinstance(caught.value, APIConnectionError)
    assert caught.value.model == "qwen-plus"


PROMPT = "Count from one to ten."


def llm_in(sandbox: Sandbox, protocol: ProtocolName, **fields: Any) -> ChatQwenWorkspace:
    team = sandbox.workspace("team")
    return ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team, max_retries=0, **fields)


def assert_usage_so_far(recorder: CallbackRecorder, protocol: ProtocolName, request_id: str) -> None:
    """Check what the last chunk says of the stream so far, as a handler can read it when the run has failed."""
    assert len(recorder.errors) == 1
    chunk = recorder.chunks[-1]
    assert isinstance(chunk, StreamedChunk)
    so_far = chunk.snapshot
    assert so_far is not None
    assert so_far.request_id == request_id
    if protocol == "openai":
        assert so_far.usage is None  # This protocol counts at the end: the usage is unknown, which is not zero.
    else:
        assert so_far.usage is not None
        assert so_far.usage["input_tokens"] > 0
        assert so_far.usage["output_tokens"] > 0


def test_a_closed_stream_tells_callbacks_its_usage_so_far(sandbox: Sandbox, protocol: ProtocolName) -> None:
    recorder = CallbackRecorder()
    stream: Any = llm_in(sandbox, protocol).stream(PROMPT, config={"callbacks": [recorder]})

    while not next(stream).text:
        pass
    stream.close()

    assert_usage_so_far(recorder, protocol, sandbox.requests[-1].request_id)


async def test_a_closed_async_stream_tells_callbacks_its_usage_so_far(sandbox: Sandbox, protocol: ProtocolName) -> None:
    recorder = CallbackRecorder()
    stream: Any = llm_in(sandbox, protocol).astream(PROMPT, config={"callbacks": [recorder]})

    async with aclosing(stream):
        async for chunk in stream:
            if chunk.text:
                break

    assert_usage_so_far(recorder, protocol, sandbox.requests[-1].request_id)


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_stream_tells_callbacks_its_usage_so_far(
    sandbox: Sandbox, protocol: ProtocolName, way: Way, runner: asyncio.Runner
) -> None:
    recorder = CallbackRecorder()
    # `streaming=False`, given outright, would keep LangChain from streaming at all.
    llm: Any = llm_in(sandbox, protocol, **({"streaming": True} if way.endswith("invoke") else {}))
    sandbox.fail_next(after_events=4, close=True)

    with pytest.raises(QwenWorkspaceError):
        ask_by(way, llm, runner, PROMPT, config={"callbacks": [recorder]})

    assert_usage_so_far(recorder, protocol, sandbox.requests[-1].request_id)
