"""Scripted streams in every way of streaming: tool calls, reasoning, text and audio arrive in pieces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, StreamInterruptedError
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Reply, Server, stream_reply
from tests.support.streams import STREAM_WAYS, StreamWay, ask_streaming, blocks_of, model_fields

FragmentStyle: TypeAlias = Literal["empty ids", "empty names", "repeated ids", "null arguments"]
FRAGMENT_STYLES: tuple[FragmentStyle, ...] = get_args(FragmentStyle)

pytestmark = [
    # LangChain warns that version 3 of its event streams is in beta.
    pytest.mark.filterwarnings("ignore:.*is in beta"),
    # One event loop, and so one async client, for all tests.
    pytest.mark.asyncio(loop_scope="module"),
]

by_way = pytest.mark.parametrize("way", STREAM_WAYS)

REASONING = "Two things are asked. 先看天气。"
TEXT = "Let me look. 好的！"  # noqa: RUF001 - as Qwen writes it
USAGE = {
    "input_tokens": 30,
    "output_tokens": 20,
    "total_tokens": 50,
    "input_token_details": {"cache_read": 10},
    "output_token_details": {"reasoning": 7},
}


@dataclass(frozen=True)
class Call:
    """A tool call as the service sends it."""

    id: str
    name: str
    arguments: str


WEATHER = Call("call_1", "get_weather", '{"city": "杭州 \\"West\\" {[\\\\😀", "days": [1, 2.5]}')
TIME = Call("call_2", "get_time", '{"zone": null, "at": {"h": 9}}')
NOW = Call("call_3", "now", "")
CALLS = (WEATHER, TIME, NOW)
ARGS: tuple[dict[str, Any], ...] = (
    {"city": '杭州 "West" {[\\😀', "days": [1, 2.5]},
    {"zone": None, "at": {"h": 9}},
    {},
)
BLOCKS: list[dict[str, Any]] = [
    {"type": "reasoning", "reasoning": REASONING},
    {"type": "text", "text": TEXT},
    *({"type": "tool_call", "id": c.id, "name": c.name, "args": args} for c, args in zip(CALLS, ARGS, strict=True)),
]


# ------------------------------------------------------------------------------------------------ scripted streams


def fragments(index: int, call: Call, pieces: Sequence[str], style: FragmentStyle) -> list[dict[str, Any]]:
    """Return the fragments of one tool call, in a style that the service has been seen to use."""
    first: dict[str, Any] = {"name": call.name, "arguments": None if style == "null arguments" else ""}
    renamed: dict[str, dict[str, Any]] = {"empty names": {"name": ""}, "null arguments": {"name": None}}
    rest = renamed.get(style, {})
    later_id = call.id if style in {"repeated ids", "null arguments"} else ""
    functions = [(call.id, first), *((later_id, {**rest, "arguments": piece}) for piece in pieces)]
    return [{"index": index, "id": id_, "type": "function", "function": function} for id_, function in functions]


def deltas(
    calls: Sequence[Call] = CALLS,
    *,
    pieces: Callable[[str], Sequence[str]] = list,
    style: FragmentStyle = "empty ids",
    interleaved: bool = False,
) -> list[dict[str, Any]]:
    """Return the delta of each frame: the reasoning, the text, then the tool calls, letter by letter."""
    parts = [fragments(index, call, pieces(call.arguments), style) for index, call in enumerate(calls)]
    if interleaved:
        longest = max(map(len, parts))
        fragments_by_frame = [[part[n] for part in parts if n < len(part)] for n in range(longest)]
    else:
        fragments_by_frame = [[fragment] for part in parts for fragment in part]
    return [
        *({"content": "", "reasoning_content": letter} for letter in REASONING),
        *({"content": letter, "reasoning_content": ""} for letter in TEXT),
        *({"content": "", "tool_calls": fragment} for fragment in fragments_by_frame),
    ]


def frames(stub: ProtocolStub, changes: Sequence[dict[str, Any]], finish_reason: str = "tool_calls") -> list[bytes]:
    counts = {"prompt_tokens_details": {"cached_tokens": 10}}
    ending: dict[str, Any] = {"content": ""}
    if stub.is_dashscope:
        usage = {"input_tokens": 30, "output_tokens": 20, "total_tokens": 50, **counts}
        usage["output_tokens_details"] = {"reasoning_tokens": 7}
        reasons = [*("null" for _ in changes), finish_reason]
        choices = [
            {"message": {"role": "assistant", **change}, "finish_reason": reason}
            for change, reason in zip([*changes, ending], reasons, strict=True)
        ]
        return [
            stub.frame({"output": {"choices": [choice]}, "usage": usage, "request_id": "req-1"}) for choice in choices
        ]
    usage = {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50, **counts}
    usage["completion_tokens_details"] = {"reasoning_tokens": 7}
    common = {"id": "chatcmpl-1", "model": "qwen-plus"}
    events: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": change}], "usage": None} for change in changes]
    events += [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}], "usage": None},
        {"choices": [], "usage": usage},
    ]
    return [*(stub.frame({**common, **event}) for event in events), b"data: [DONE]\n\n"]


def split_reply(parts: Sequence[bytes], size: int) -> Reply:
    """Return the reply, sent in pieces of `size` bytes."""
    stream = b"".join(parts)
    return stream_reply(*(stream[start : start + size] for start in range(0, len(stream), size)))


def llm_for(stub: ProtocolStub, server: Server, way: StreamWay) -> ChatQwenWorkspace:
    return stub.llm(server, **model_fields(way))


@by_way
@pytest.mark.parametrize("style", FRAGMENT_STYLES)
@pytest.mark.parametrize("interleaved", [False, True], ids=["one by one", "interleaved"])
async def test_tool_calls_split_at_every_letter_are_complete(
    server: Server, stub: ProtocolStub, way: StreamWay, style: FragmentStyle, interleaved: bool
) -> None:
    server.script(split_reply(frames(stub, deltas(style=style, interleaved=interleaved)), 4093))

    message = await ask_streaming(llm_for(stub, server, way), way)

    assert blocks_of(message) == BLOCKS
    assert [call["args"] for call in message.tool_calls] == list(ARGS)
    assert message.usage_metadata == USAGE
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_provider"] == "qwen_workspace"
    assert isinstance(message.content, list) == way.startswith(("v1", "v3"))


@pytest.mark.parametrize("way", ["v1 stream", "v3 events"])
async def test_a_stream_may_arrive_byte_by_byte(server: Server, stub: ProtocolStub, way: StreamWay) -> None:
    server.script(split_reply(frames(stub, deltas([WEATHER])), 1))

    message = await ask_streaming(llm_for(stub, server, way), way)

    assert blocks_of(message) == BLOCKS[:3]
    assert message.usage_metadata == USAGE


@pytest.mark.parametrize("way", ["stream", "v1 stream", "v3 events"])
async def test_a_tool_call_may_be_split_anywhere(server: Server, stub: ProtocolStub, way: StreamWay) -> None:
    llm = llm_for(stub, server, way)
    for index in range(len(WEATHER.arguments) + 1):
        halves = [WEATHER.arguments[:index], WEATHER.arguments[index:]]
        parts = {WEATHER.arguments: halves, NOW.arguments: []}
        server.script(split_reply(frames(stub, deltas([WEATHER, NOW], pieces=parts.__getitem__)), 9999))

        message = await ask_streaming(llm, way)

        assert blocks_of(message) == [*BLOCKS[:3], BLOCKS[4]], halves


@pytest.mark.parametrize("way", ["stream", "v1 stream", "v3 events"])
async def test_a_truncated_tool_call_stays_invalid(server: Server, stub: ProtocolStub, way: StreamWay) -> None:
    """LangChain would complete `{"city": "杭` to a tool call that the model never made."""
    llm = llm_for(stub, server, way)
    for end in range(1, len(WEATHER.arguments)):
        call = Call("call_1", "get_weather", WEATHER.arguments[:end])
        server.script(split_reply(frames(stub, deltas([call]), "length"), 9999))

        message = await ask_streaming(llm, way)

        assert message.tool_calls == [], call.arguments
        [invalid] = message.invalid_tool_calls
        assert (invalid["id"], invalid["name"]) == ("call_1", "get_weather")
        assert (invalid["args"] or "").startswith(call.arguments)
        # In a sum of v1 chunks LangChain leaves a tool call chunk that it cannot parse as it is.
        kind = "tool_call_chunk" if way.startswith("v1") else "invalid_tool_call"
        assert [block["type"] for block in blocks_of(message)] == ["reasoning", "text", kind]


@by_way
async def test_the_parts_of_one_frame_are_separate_blocks(server: Server, stub: ProtocolStub, way: StreamWay) -> None:
    first, *rest = fragments(0, WEATHER, [WEATHER.arguments[:9], WEATHER.arguments[9:]], "empty ids")
    changes: list[dict[str, Any]] = [
        {"content": TEXT[:3], "reasoning_content": REASONING, "tool_calls": [first]},
        *({"content": letter, "tool_calls": [fragment]} for letter, fragment in zip(TEXT[3:5], rest, strict=True)),
        {"content": TEXT[5:]},
    ]
    server.script(split_reply(frames(stub, changes), 9999))

    message = await ask_streaming(llm_for(stub, server, way), way)

    assert blocks_of(message) == BLOCKS[:3]


@by_way
async def test_a_tool_call_without_an_id_gets_one(server: Server, stub: ProtocolStub, way: StreamWay) -> None:
    server.script(split_reply(frames(stub, deltas([Call("", "now", "{}")])), 9999))

    message = await ask_streaming(llm_for(stub, server, way), way)

    [call] = message.tool_calls
    assert (call["name"], call["args"]) == ("now", {})
    assert call["id"]
    assert blocks_of(message)[-1] == {"type": "tool_call", "id": call["id"], "name": "now", "args": {}}


_REPLACED = pytest.mark.xfail(strict=True, reason="In v3 each piece of audio replaces the piece before it")


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=_REPLACED if way.startswith("v3") else ()) for way in STREAM_WAYS]
)
async def test_audio_in_pieces_is_one_block(server: Server, way: StreamWay) -> None:
    """Audio of an omni model (Model Studio docs, Qwen-Omni, 2026-09): base64 in pieces, with its transcript."""
    changes: list[dict[str, Any]] = [
        {"content": "Hi"},
        *(
            {"content": None, "audio": {"data": data, "transcript": transcript}}
            for data, transcript in [("UklG", "H"), ("Rg==", "i")]
        ),
    ]
    server.script(split_reply(frames(OPENAI, changes, "stop"), 9999))
    llm = llm_for(OPENAI, server, way).bind(modalities=["text", "audio"])

    message = await ask_streaming(llm, way)

    [audio] = [block for block in blocks_of(message) if block["type"] == "audio"]
    assert audio["base64"] == "UklGRg=="


@pytest.mark.parametrize("way", ["stream", "v1 stream", "v3 events"])
async def test_a_stream_without_an_end_raises(server: Server, stub: ProtocolStub, way: StreamWay) -> None:
    started = frames(stub, deltas())[:20]
    server.script(split_reply(started, 9999))

    with pytest.raises(StreamInterruptedError):
        await ask_streaming(llm_for(stub, server, way), way)
