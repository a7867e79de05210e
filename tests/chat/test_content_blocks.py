"""Content blocks of answers: whole, streamed, and read through LangChain's v1 and v3 formats."""

import asyncio
from collections.abc import Iterable
from typing import Any, Literal

import pytest
from langchain_core.language_models.chat_model_stream import ChatModelStream
from langchain_core.messages import AIMessage
from langchain_core.messages.block_translators import get_translator

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._seam import PROVIDER, Json
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import sum_chunks

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")

LOOK = {"name": "look", "args": {"place": "West Lake", "days": [1, 2]}, "id": "call_1"}
ARGUMENTS = '{"place": "West Lake", "days": [1, 2]}'


def fragment(arguments: str | None, *, id_: str | None = "", name: str | None = None, index: int = 0) -> Json:
    """Return one delta of a tool call."""
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"index": index, "id": id_, "type": "function", "function": function}


def call_steps(*fragments: Json, text: str = "") -> list[Json]:
    """Return the steps of a stream of tool call fragments."""
    return [{"content": text, "tool_calls": [one]} for one in fragments]


def without_index(blocks: Iterable[Any]) -> list[Json]:
    """Return content blocks without their stream index."""
    return [{key: value for key, value in block.items() if key != "index"} for block in blocks]


def message_of_v3_events(llm: ChatQwenWorkspace) -> AIMessage:
    """Return the message that LangChain's v3 protocol events add up to."""
    stream: Any = llm.stream_events("Hi", version="v3")
    assert isinstance(stream, ChatModelStream)
    output = stream.output
    assert isinstance(output, AIMessage)
    return output


def test_a_block_translator_is_registered_for_the_provider() -> None:
    assert get_translator(PROVIDER) is not None


def test_reasoning_is_in_content_blocks(server: Server, stub: ProtocolStub) -> None:
    message = {
        "content": "Sunny.",
        "reasoning_content": "Let me see.",
        "tool_calls": [fragment(ARGUMENTS, id_="call_1", name="look")],
    }
    server.script(stub.answer_with(message, "tool_calls"))

    answer = stub.llm(server).invoke("Hi")

    assert answer.content == "Sunny."
    assert answer.additional_kwargs == {"reasoning_content": "Let me see."}
    assert answer.content_blocks == [
        {"type": "reasoning", "reasoning": "Let me see."},
        {"type": "text", "text": "Sunny."},
        {"type": "tool_call", **LOOK},
    ]


def test_streamed_reasoning_is_in_content_blocks(server: Server, stub: ProtocolStub) -> None:
    steps = [{"content": "", "reasoning_content": "Let "}, {"content": "", "reasoning_content": "me see."}]
    server.script(stub.stream_of([*steps, {"content": "Sun"}, {"content": "ny."}]))

    answer = sum_chunks(list(stub.llm(server).stream("Hi")))

    assert without_index(answer.content_blocks) == [
        {"type": "reasoning", "reasoning": "Let me see."},
        {"type": "text", "text": "Sunny."},
    ]


def test_v1_streams_keep_reasoning_text_and_tool_calls_apart(server: Server, stub: ProtocolStub) -> None:
    steps: list[Json] = [
        {"content": None, "reasoning_content": "Hm."},
        {"content": "Let me "},
        {"content": "check."},
        *call_steps(fragment("", id_="call_1", name="look"), fragment(ARGUMENTS[:9]), fragment(ARGUMENTS[9:])),
        *call_steps(fragment("{}", id_="call_2", name="now", index=1)),
    ]
    server.script(stub.stream_of(steps, "tool_calls"))

    answer = sum_chunks(list(stub.llm(server, output_version="v1").stream("Hi")))

    assert isinstance(answer.content, list)
    assert without_index(answer.content) == [
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "text", "text": "Let me check."},
        {"type": "tool_call", **LOOK},
        {"type": "tool_call", "name": "now", "args": {}, "id": "call_2"},
    ]


def test_v3_events_keep_text_and_a_partial_call_of_one_chunk(server: Server, stub: ProtocolStub) -> None:
    steps = [
        *call_steps(fragment(ARGUMENTS[:5], id_="call_1", name="look"), text="Let me check."),
        *call_steps(fragment(ARGUMENTS[5:])),
    ]
    server.script(stub.stream_of(steps, "tool_calls"))

    answer = message_of_v3_events(stub.llm(server))

    assert without_index(answer.content_blocks) == [
        {"type": "text", "text": "Let me check."},
        {"type": "tool_call", **LOOK},
    ]
    assert answer.tool_calls == [{"type": "tool_call", **LOOK}]
    assert answer.invalid_tool_calls == []


@pytest.mark.parametrize("empty", ["", None])
def test_v3_events_keep_a_call_id_when_later_fragments_have_an_empty_one(
    server: Server, stub: ProtocolStub, empty: Literal[""] | None
) -> None:
    steps = call_steps(
        fragment("", id_="call_1", name="look"),
        fragment(None, id_=empty, name=""),
        fragment(ARGUMENTS[:9], id_=empty),
        {"index": 0, "id": empty, "function": {"name": empty, "arguments": ARGUMENTS[9:]}},
        {"index": 0, "id": empty, "function": {}},
    )
    server.script(stub.stream_of(steps, "tool_calls"))

    assert message_of_v3_events(stub.llm(server)).tool_calls == [{"type": "tool_call", **LOOK}]


def test_v3_events_join_arguments_that_come_character_by_character(server: Server, stub: ProtocolStub) -> None:
    cuts = [fragment(character) for character in ARGUMENTS]
    server.script(stub.stream_of(call_steps(fragment("", id_="call_1", name="look"), *cuts), "tool_calls"))

    assert message_of_v3_events(stub.llm(server)).tool_calls == [{"type": "tool_call", **LOOK}]


def test_async_v3_events_join_the_fragments_of_a_call(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    steps = call_steps(fragment("", id_="call_1", name="look"), fragment(ARGUMENTS, name=""))
    server.script(stub.stream_of(steps, "tool_calls"))
    llm = stub.llm(server)

    async def collect() -> Any:
        stream: Any = await llm.astream_events("Hi", version="v3")
        return await stream.output

    assert runner.run(collect()).tool_calls == [{"type": "tool_call", **LOOK}]


@pytest.mark.parametrize("nothing", ["", None])
def test_empty_reasoning_makes_no_content_block(
    server: Server, stub: ProtocolStub, nothing: Literal[""] | None
) -> None:
    steps = [{"content": text, "reasoning_content": nothing} for text in ("Sun", "", "ny.")]
    server.script(stub.stream_of(steps), stub.stream_of(steps), stub.answer_with(steps[0]))
    llm = stub.llm(server)

    assert without_index(sum_chunks(list(llm.stream("Hi"))).content_blocks) == [{"type": "text", "text": "Sunny."}]
    assert without_index(message_of_v3_events(llm).content_blocks) == [{"type": "text", "text": "Sunny."}]
    assert "reasoning_content" not in llm.invoke("Hi").additional_kwargs


MALFORMED = '{"place": "West'


def test_malformed_arguments_are_an_invalid_tool_call(server: Server, stub: ProtocolStub) -> None:
    message = {"content": "", "tool_calls": [fragment(MALFORMED, id_="call_1", name="look")]}
    server.script(stub.answer_with(message, "length"))

    answer = stub.llm(server).invoke("Hi")

    assert answer.tool_calls == []
    [call] = answer.invalid_tool_calls
    assert (call["name"], call["args"], call["id"]) == ("look", MALFORMED, "call_1")
    assert call["error"]
    assert [block["type"] for block in answer.content_blocks] == ["invalid_tool_call"]


@pytest.mark.parametrize("malformed", [MALFORMED, '{"x": oops', '{"a": 1,', '{"a": "\\', "{}{", "[1]"])
def test_streamed_malformed_arguments_are_an_invalid_tool_call(
    server: Server, stub: ProtocolStub, malformed: str
) -> None:
    steps = call_steps(fragment("", id_="call_1", name="look"), fragment(malformed))
    server.script(stub.stream_of(steps, "length"), stub.stream_of(steps, "length"))
    llm = stub.llm(server)

    for answer in (sum_chunks(list(llm.stream("Hi"))), message_of_v3_events(llm)):
        assert answer.tool_calls == []
        [call] = answer.invalid_tool_calls
        assert (call["name"], call["id"]) == ("look", "call_1")
        assert (call["args"] or "").startswith(malformed)
