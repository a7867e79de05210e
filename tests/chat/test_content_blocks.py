"""Rows 16 to 25 of the integration matrix: content blocks, and what a stream keeps apart."""

import asyncio
from collections.abc import Iterable
from typing import Any, Literal

import pytest
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import get_translator

from langchain_qwen_workspace import APIConnectionError, ChatQwenWorkspace, StreamInterruptedError
from langchain_qwen_workspace._seam import PROVIDER, Json
from tests.chat.test_answers import answered, streamed, total
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

LOOK = {"name": "look", "args": {"place": "West Lake", "days": [1, 2]}, "id": "call_1"}
ARGUMENTS = '{"place": "West Lake", "days": [1, 2]}'


def fragment(arguments: str | None, *, id_: str | None = "", name: str | None = None, index: int = 0) -> Json:
    """Return one delta of a tool call."""
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"index": index, "id": id_, "type": "function", "function": function}


def calling(*fragments: Json, text: str = "") -> list[Json]:
    """Return the steps of a stream of tool call fragments."""
    return [{"content": text, "tool_calls": [one]} for one in fragments]


def without_index(blocks: Iterable[Any]) -> list[Json]:
    """Return content blocks without what orders them in a stream."""
    return [{key: value for key, value in block.items() if key != "index"} for block in blocks]


def finished_by_v3(llm: ChatQwenWorkspace) -> AIMessage:
    """Return the message that LangChain's protocol events come to."""
    stream: Any = llm.stream_events("Hi", version="v3")
    assert isinstance(stream, ChatModelStream)
    output = stream.output
    assert isinstance(output, AIMessage)
    return output


def test_row_16_has_a_translator_of_its_own() -> None:
    assert get_translator(PROVIDER) is not None


def test_row_17_reasoning_is_in_content_blocks(server: Server, stub: ProtocolStub) -> None:
    message = {
        "content": "Sunny.",
        "reasoning_content": "Let me see.",
        "tool_calls": [fragment(ARGUMENTS, id_="call_1", name="look")],
    }
    server.script(answered(stub, message, "tool_calls"))

    answer = stub.llm(server).invoke("Hi")

    assert answer.content == "Sunny."
    assert answer.additional_kwargs == {"reasoning_content": "Let me see."}
    assert answer.content_blocks == [
        {"type": "reasoning", "reasoning": "Let me see."},
        {"type": "text", "text": "Sunny."},
        {"type": "tool_call", **LOOK},
    ]


def test_row_17_reasoning_of_a_stream_is_in_content_blocks(server: Server, stub: ProtocolStub) -> None:
    steps = [{"content": "", "reasoning_content": "Let "}, {"content": "", "reasoning_content": "me see."}]
    server.script(streamed(stub, [*steps, {"content": "Sun"}, {"content": "ny."}]))

    answer = total(list(stub.llm(server).stream("Hi")))

    assert without_index(answer.content_blocks) == [
        {"type": "reasoning", "reasoning": "Let me see."},
        {"type": "text", "text": "Sunny."},
    ]


def test_row_18_text_and_tool_call_survive_v1_streaming(server: Server, stub: ProtocolStub) -> None:
    steps: list[Json] = [
        {"content": None, "reasoning_content": "Hm."},
        {"content": "Let me "},
        {"content": "check."},
        *calling(fragment("", id_="call_1", name="look"), fragment(ARGUMENTS[:9]), fragment(ARGUMENTS[9:])),
        *calling(fragment("{}", id_="call_2", name="now", index=1)),
    ]
    server.script(streamed(stub, steps, "tool_calls"))

    answer = total(list(stub.llm(server, output_version="v1").stream("Hi")))

    assert isinstance(answer.content, list)
    assert without_index(answer.content) == [
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "text", "text": "Let me check."},
        {"type": "tool_call", **LOOK},
        {"type": "tool_call", "name": "now", "args": {}, "id": "call_2"},
    ]


def test_row_19_text_and_a_partial_call_in_one_chunk_survive_v3(server: Server, stub: ProtocolStub) -> None:
    steps = [
        *calling(fragment(ARGUMENTS[:5], id_="call_1", name="look"), text="Let me check."),
        *calling(fragment(ARGUMENTS[5:])),
    ]
    server.script(streamed(stub, steps, "tool_calls"))

    answer = finished_by_v3(stub.llm(server))

    assert without_index(answer.content_blocks) == [
        {"type": "text", "text": "Let me check."},
        {"type": "tool_call", **LOOK},
    ]
    assert answer.tool_calls == [{"type": "tool_call", **LOOK}]
    assert answer.invalid_tool_calls == []


@pytest.mark.parametrize("empty", ["", None])
def test_row_20_tool_ids_survive_empty_continuations_under_v3(
    server: Server, stub: ProtocolStub, empty: Literal[""] | None
) -> None:
    steps = calling(
        fragment("", id_="call_1", name="look"),
        fragment(None, id_=empty, name=""),
        fragment(ARGUMENTS[:9], id_=empty),
        {"index": 0, "id": empty, "function": {"name": empty, "arguments": ARGUMENTS[9:]}},
        {"index": 0, "id": empty, "function": {}},
    )
    server.script(streamed(stub, steps, "tool_calls"))

    assert finished_by_v3(stub.llm(server)).tool_calls == [{"type": "tool_call", **LOOK}]


def test_row_20_arguments_cut_at_every_byte_survive_v3(server: Server, stub: ProtocolStub) -> None:
    cuts = [fragment(character) for character in ARGUMENTS]
    server.script(streamed(stub, calling(fragment("", id_="call_1", name="look"), *cuts), "tool_calls"))

    assert finished_by_v3(stub.llm(server)).tool_calls == [{"type": "tool_call", **LOOK}]


def test_row_20_holds_for_asynchronous_events(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    steps = calling(fragment("", id_="call_1", name="look"), fragment(ARGUMENTS, name=""))
    server.script(streamed(stub, steps, "tool_calls"))
    llm = stub.llm(server)

    async def finished() -> Any:
        stream: Any = await llm.astream_events("Hi", version="v3")
        return await stream.output

    assert runner.run(finished()).tool_calls == [{"type": "tool_call", **LOOK}]


@pytest.mark.parametrize("nothing", ["", None])
def test_row_21_empty_reasoning_creates_no_block(
    server: Server, stub: ProtocolStub, nothing: Literal[""] | None
) -> None:
    steps = [{"content": text, "reasoning_content": nothing} for text in ("Sun", "", "ny.")]
    server.script(streamed(stub, steps), streamed(stub, steps), answered(stub, steps[0]))
    llm = stub.llm(server)

    assert without_index(total(list(llm.stream("Hi"))).content_blocks) == [{"type": "text", "text": "Sunny."}]
    assert without_index(finished_by_v3(llm).content_blocks) == [{"type": "text", "text": "Sunny."}]
    assert "reasoning_content" not in llm.invoke("Hi").additional_kwargs


BROKEN = '{"place": "West'


def test_row_22_malformed_arguments_are_an_invalid_call(server: Server, stub: ProtocolStub) -> None:
    message = {"content": "", "tool_calls": [fragment(BROKEN, id_="call_1", name="look")]}
    server.script(answered(stub, message, "length"))

    answer = stub.llm(server).invoke("Hi")

    assert answer.tool_calls == []
    [call] = answer.invalid_tool_calls
    assert (call["name"], call["args"], call["id"]) == ("look", BROKEN, "call_1")
    assert call["error"]
    assert [block["type"] for block in answer.content_blocks] == ["invalid_tool_call"]


@pytest.mark.parametrize("broken", [BROKEN, '{"x": oops', '{"a": 1,', '{"a": "\\', "{}{", "[1]"])
def test_row_23_malformed_arguments_of_a_stream_are_an_invalid_call(
    server: Server, stub: ProtocolStub, broken: str
) -> None:
    steps = calling(fragment("", id_="call_1", name="look"), fragment(broken))
    server.script(streamed(stub, steps, "length"), streamed(stub, steps, "length"))
    llm = stub.llm(server)

    for answer in (total(list(llm.stream("Hi"))), finished_by_v3(llm)):
        assert answer.tool_calls == []
        [call] = answer.invalid_tool_calls
        assert (call["name"], call["id"]) == ("look", "call_1")
        assert (call["args"] or "").startswith(broken)


def test_row_24_sets_the_last_chunk_itself(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.stream())

    chunks = [chunk.message for chunk in stub.llm(server)._stream([AIMessage("Hi")])]

    positions = [chunk.chunk_position for chunk in chunks if isinstance(chunk, AIMessageChunk)]
    assert positions == [None, None, "last"]


def test_row_25_detects_a_stream_that_is_cut_off(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.script(streamed(stub, [{"content": "Hel"}], finish_reason=None))

    with pytest.raises(StreamInterruptedError, match="without a `finish_reason`") as caught:
        ask_streamed(stub.llm(server))

    assert isinstance(caught.value, APIConnectionError)
    assert caught.value.model == "qwen-plus"
