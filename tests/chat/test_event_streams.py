"""Streams as events and as content blocks: nothing torn, nothing merged, nothing told twice."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, ServerError, StreamInterruptedError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.server import Reply, Server, stream_reply

Door: TypeAlias = Literal["stream", "astream", "v1 stream", "v1 invoke", "v2 events", "v3 events", "v3 events, async"]
DOORS: tuple[Door, ...] = get_args(Door)
Manner: TypeAlias = Literal["empty ids", "empty names", "repeated ids", "null arguments"]
MANNERS: tuple[Manner, ...] = get_args(Manner)

pytestmark = [
    # Events of version 3 are in beta, which LangChain says with the first of them.
    pytest.mark.filterwarnings("ignore:.*is in beta"),
    # One loop, and so one async client, for all.
    pytest.mark.asyncio(loop_scope="module"),
]

by_door = pytest.mark.parametrize("door", DOORS)
by_stub = pytest.mark.parametrize("stub", [OPENAI, DASHSCOPE], ids=["openai", "dashscope"])

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
    """A tool call as the service writes it."""

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


def fragments(place: int, call: Call, pieces: Sequence[str], manner: Manner) -> list[dict[str, Any]]:
    """Return one call's fragments, as the service has been seen to write them."""
    first: dict[str, Any] = {"name": call.name, "arguments": None if manner == "null arguments" else ""}
    renamed: dict[str, dict[str, Any]] = {"empty names": {"name": ""}, "null arguments": {"name": None}}
    rest = renamed.get(manner, {})
    later = call.id if manner in {"repeated ids", "null arguments"} else ""
    functions = [(call.id, first), *((later, {**rest, "arguments": piece}) for piece in pieces)]
    return [{"index": place, "id": id_, "type": "function", "function": function} for id_, function in functions]


def deltas(
    calls: Sequence[Call] = CALLS,
    *,
    pieces: Callable[[str], Sequence[str]] = list,
    manner: Manner = "empty ids",
    interleaved: bool = False,
) -> list[dict[str, Any]]:
    """Return what each frame adds: the reasoning, the text, then the calls, each letter by letter."""
    parts = [fragments(place, call, pieces(call.arguments), manner) for place, call in enumerate(calls)]
    if interleaved:
        longest = max(map(len, parts))
        together = [[part[at] for part in parts if at < len(part)] for at in range(longest)]
    else:
        together = [[fragment] for part in parts for fragment in part]
    return [
        *({"content": "", "reasoning_content": letter} for letter in REASONING),
        *({"content": letter, "reasoning_content": ""} for letter in TEXT),
        *({"content": "", "tool_calls": fragment} for fragment in together),
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


def torn(parts: Sequence[bytes], size: int) -> Reply:
    """Return the answer, sent so many bytes at a time, wherever that cuts."""
    stream = b"".join(parts)
    return stream_reply(*(stream[start : start + size] for start in range(0, len(stream), size)))


def summed(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    assert len(chunks) > 1
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    assert [chunk.chunk_position for chunk in chunks].index("last") == len(chunks) - 1
    assert len({chunk.id for chunk in chunks}) == 1
    return chunks[0] + list(chunks[1:])


async def asked(llm: Any, door: Door, prompt: Any = "Hi") -> AIMessage:
    """Return the answer by one of the doors, after what each of them promises was checked."""
    match door:
        case "stream" | "v1 stream":
            return summed(list(llm.stream(prompt)))
        case "astream":
            return summed([chunk async for chunk in llm.astream(prompt)])
        case "v1 invoke":
            message: AIMessage = llm.invoke(prompt)
            return message
        case "v2 events":
            return _of_v2([event async for event in llm.astream_events(prompt, version="v2")])
        case "v3 events":
            stream = llm.stream_events(prompt, version="v3")
            events = list(stream)
            told = str(stream.text), str(stream.reasoning), stream.tool_calls.get()
            return _of_v3(events, stream.output, *told)
        case "v3 events, async":
            stream = await llm.astream_events(prompt, version="v3")
            events = [event async for event in stream]
            told = await stream.text, await stream.reasoning, await stream.tool_calls
            return _of_v3(events, await stream.output, *told)


def _of_v2(events: Sequence[Any]) -> AIMessage:
    chunks = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    [end] = [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]
    total = summed(chunks)
    assert bare(total) == bare(end)
    assert total.usage_metadata == end.usage_metadata
    output: AIMessage = end
    return output


def _of_v3(events: Sequence[Any], output: AIMessage, text: str, reasoning: str, calls: Sequence[Any]) -> AIMessage:
    assert_valid_event_stream(events)
    assert text == output.text
    assert reasoning == "".join(str(block.get("reasoning", "")) for block in output.content_blocks)
    assert [{**call, "type": "tool_call"} for call in calls] == output.tool_calls
    [finish] = [event for event in events if event["event"] == "message-finish"]
    assert finish["usage"] == output.usage_metadata
    assert output.response_metadata["output_version"] == "v1"
    return output


def bare(message: BaseMessage) -> list[dict[str, Any]]:
    """Return a message's blocks without the indexes, which only streams have."""
    return [{key: value for key, value in dict(block).items() if key != "index"} for block in message.content_blocks]


def as_the_door_wants(door: Door) -> dict[str, Any]:
    if not door.startswith("v1"):
        return {}
    return {"output_version": "v1", **({"streaming": True} if door == "v1 invoke" else {})}


def llm_for(stub: ProtocolStub, server: Server, door: Door) -> ChatQwenWorkspace:
    return stub.llm(server, **as_the_door_wants(door))


@by_door
@by_stub
@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("interleaved", [False, True], ids=["one by one", "interleaved"])
async def test_calls_cut_at_every_letter_stay_whole(
    server: Server, stub: ProtocolStub, door: Door, manner: Manner, interleaved: bool
) -> None:
    server.script(torn(frames(stub, deltas(manner=manner, interleaved=interleaved)), 4093))

    message = await asked(llm_for(stub, server, door), door)

    assert bare(message) == BLOCKS
    assert [call["args"] for call in message.tool_calls] == list(ARGS)
    assert message.usage_metadata == USAGE
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_provider"] == "qwen_workspace"
    assert isinstance(message.content, list) == door.startswith(("v1", "v3"))


@by_stub
@pytest.mark.parametrize("door", ["v1 stream", "v3 events"])
async def test_a_stream_torn_at_every_byte(server: Server, stub: ProtocolStub, door: Door) -> None:
    server.script(torn(frames(stub, deltas([WEATHER])), 1))

    message = await asked(llm_for(stub, server, door), door)

    assert bare(message) == BLOCKS[:3]
    assert message.usage_metadata == USAGE


@by_stub
@pytest.mark.parametrize("door", ["stream", "v1 stream", "v3 events"])
async def test_a_call_cut_in_two_at_every_place(server: Server, stub: ProtocolStub, door: Door) -> None:
    llm = llm_for(stub, server, door)
    for place in range(len(WEATHER.arguments) + 1):
        halves = [WEATHER.arguments[:place], WEATHER.arguments[place:]]
        parts = {WEATHER.arguments: halves, NOW.arguments: []}
        server.script(torn(frames(stub, deltas([WEATHER, NOW], pieces=parts.__getitem__)), 9999))

        message = await asked(llm, door)

        assert bare(message) == [*BLOCKS[:3], BLOCKS[4]], halves


@by_stub
@pytest.mark.parametrize("door", ["stream", "v1 stream", "v3 events"])
async def test_a_call_that_ends_too_soon_stays_invalid(server: Server, stub: ProtocolStub, door: Door) -> None:
    """LangChain would complete `{"city": "杭` to a call that the model never made."""
    llm = llm_for(stub, server, door)
    for end in range(1, len(WEATHER.arguments)):
        call = Call("call_1", "get_weather", WEATHER.arguments[:end])
        server.script(torn(frames(stub, deltas([call]), "length"), 9999))

        message = await asked(llm, door)

        assert message.tool_calls == [], call.arguments
        [invalid] = message.invalid_tool_calls
        assert (invalid["id"], invalid["name"]) == ("call_1", "get_weather")
        assert (invalid["args"] or "").startswith(call.arguments)
        # In a sum of v1 chunks LangChain leaves a chunk what it cannot make a call of.
        kind = "tool_call_chunk" if door.startswith("v1") else "invalid_tool_call"
        assert [block["type"] for block in bare(message)] == ["reasoning", "text", kind]


@by_door
@by_stub
async def test_everything_in_one_frame_stays_apart(server: Server, stub: ProtocolStub, door: Door) -> None:
    first, *rest = fragments(0, WEATHER, [WEATHER.arguments[:9], WEATHER.arguments[9:]], "empty ids")
    changes: list[dict[str, Any]] = [
        {"content": TEXT[:3], "reasoning_content": REASONING, "tool_calls": [first]},
        *({"content": letter, "tool_calls": [fragment]} for letter, fragment in zip(TEXT[3:5], rest, strict=True)),
        {"content": TEXT[5:]},
    ]
    server.script(torn(frames(stub, changes), 9999))

    message = await asked(llm_for(stub, server, door), door)

    assert bare(message) == BLOCKS[:3]


@by_door
@by_stub
async def test_a_call_without_an_id_gets_one(server: Server, stub: ProtocolStub, door: Door) -> None:
    server.script(torn(frames(stub, deltas([Call("", "now", "{}")])), 9999))

    message = await asked(llm_for(stub, server, door), door)

    [call] = message.tool_calls
    assert (call["name"], call["args"]) == ("now", {})
    assert call["id"]
    assert bare(message)[-1] == {"type": "tool_call", "id": call["id"], "name": "now", "args": {}}


_REPLACED = pytest.mark.xfail(strict=True, reason="In v3 each piece of a sound takes the place of the one before it")


@pytest.mark.parametrize(
    "door", [pytest.param(door, marks=_REPLACED if door.startswith("v3") else ()) for door in DOORS]
)
async def test_speech_in_pieces_is_one_sound(server: Server, door: Door) -> None:
    """An omni model's voice (Model Studio docs, Qwen-Omni, 2026-09): base64 in pieces, beside its transcript."""
    changes: list[dict[str, Any]] = [
        {"content": "Hi"},
        *(
            {"content": None, "audio": {"data": data, "transcript": said}}
            for data, said in [("UklG", "H"), ("Rg==", "i")]
        ),
    ]
    server.script(torn(frames(OPENAI, changes, "stop"), 9999))
    llm = llm_for(OPENAI, server, door).bind(modalities=["text", "audio"])

    message = await asked(llm, door)

    [sound] = [block for block in bare(message) if block["type"] == "audio"]
    assert sound["base64"] == "UklGRg=="


# ------------------------------------------------------------------------------------------------ in the sandbox


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


ASKED = "Use get_weather for Hangzhou."


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    sandbox.clear()
    return sandbox.workspace("events")


def thinker(workspace: QwenWorkspace, protocol: ProtocolName, **fields: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(**{"model": "qwen3.7-plus", "protocol": protocol, "workspace": workspace, **fields})


@by_door
@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen-plus", "qwen-turbo"])
async def test_every_door_gives_what_invoke_gives(
    workspace: QwenWorkspace, protocol: ProtocolName, door: Door, name: str
) -> None:
    own = as_the_door_wants(door)
    llm = thinker(workspace, protocol, model=name, enable_thinking=True)
    expected = llm.bind_tools([get_weather]).invoke(ASKED)

    message = await asked(
        thinker(workspace, protocol, model=name, enable_thinking=True, **own).bind_tools([get_weather]), door, ASKED
    )

    assert [block["type"] for block in bare(message)] == ["reasoning", "tool_call"]
    assert bare(message)[0] == bare(expected)[0]
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("get_weather", {"city": "Hangzhou"})]
    assert message.usage_metadata == expected.usage_metadata
    assert message.response_metadata["finish_reason"] == expected.response_metadata["finish_reason"]


@by_door
async def test_sources_are_told_once_and_leave_the_text_whole(workspace: QwenWorkspace, door: Door) -> None:
    """Only the native protocol tells them."""
    own = as_the_door_wants(door)
    search = {"enable_search": True, "search_options": {"enable_source": True}}
    llm = thinker(workspace, "dashscope", model="qwen-plus", enable_thinking=True, **search, **own)

    message = await asked(llm, door)

    reasoning, text = bare(message)
    assert reasoning["type"] == "reasoning"
    assert text["text"].endswith('You said: "Hi"')
    assert [note["url"] for note in text["annotations"]] == ["https://example.com/"]
    assert text["annotations"][0]["extras"]["index"] == 1


async def test_the_events_of_a_chain(workspace: QwenWorkspace, protocol: ProtocolName) -> None:
    chain = RunnableLambda(str.upper) | thinker(workspace, protocol).with_config(run_name="the model", tags=["mine"])

    events = [event async for event in chain.astream_events("hi", version="v2", include_tags=["mine"])]

    kinds = [event["event"] for event in events]
    assert kinds[0] == "on_chat_model_start"
    assert kinds[-1] == "on_chat_model_end"
    assert set(kinds[1:-1]) == {"on_chat_model_stream"}
    assert {event["name"] for event in events} == {"the model"}
    metadata = events[0]["metadata"]
    assert (metadata["ls_provider"], metadata["ls_model_name"]) == ("qwen_workspace", "qwen3.7-plus")
    assert 'You said: "HI"' in "".join(event["data"]["chunk"].text for event in events[1:-1])


@pytest.mark.parametrize("events", [0, 3])
async def test_an_error_in_a_stream_is_the_packages_own(
    sandbox: Sandbox, workspace: QwenWorkspace, protocol: ProtocolName, events: int
) -> None:
    llm = thinker(workspace, protocol, max_retries=0)
    sandbox.fail_next(status=500, after_events=events, times=3)

    stream = llm.stream_events("Hi", version="v3")
    with pytest.raises(ServerError):
        list(stream)
    with pytest.raises(ServerError):
        _ = stream.output
    later = await llm.astream_events("Hi", version="v3")
    with pytest.raises(ServerError):
        await later.output
    with pytest.raises(ServerError):
        [event async for event in llm.astream_events("Hi", version="v2")]


@by_stub
@pytest.mark.parametrize("door", ["stream", "v1 stream", "v3 events"])
async def test_half_an_answer_is_no_answer(server: Server, stub: ProtocolStub, door: Door) -> None:
    started = frames(stub, deltas())[:20]
    server.script(torn(started, 9999))

    with pytest.raises(StreamInterruptedError):
        await asked(llm_for(stub, server, door), door)


# ------------------------------------------------------------------------------------------------ histories


def dialogue(answer: AIMessage) -> list[BaseMessage]:
    [call] = answer.tool_calls
    result = ToolMessage("Sunny in Hangzhou.", tool_call_id=call["id"])
    return [HumanMessage(ASKED), answer, result, HumanMessage("Thank you.")]


def sent(sandbox: Sandbox, protocol: ProtocolName) -> list[Any]:
    body = sandbox.requests[-1].body
    messages: list[Any] = body["messages"] if protocol == "openai" else body["input"]["messages"]
    return messages


@by_door
@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen-plus", "qwen3.8-max"])
async def test_an_answer_of_one_protocol_goes_back_over_the_other(
    sandbox: Sandbox, workspace: QwenWorkspace, protocol: ProtocolName, door: Door, name: str
) -> None:
    other: ProtocolName = "dashscope" if protocol == "openai" else "openai"
    own = as_the_door_wants(door)
    asking = thinker(workspace, protocol, model=name, enable_thinking=True, **own)
    answer = await asked(asking.bind_tools([get_weather]), door, ASKED)
    [call] = answer.tool_calls

    reply = thinker(workspace, other, model=name).bind_tools([get_weather]).invoke(dialogue(answer))

    written = sent(sandbox, other)[1]
    function = {"name": "get_weather", "arguments": '{"city": "Hangzhou"}'}
    listed = other == "dashscope" and name != "qwen-plus"
    assert written == {
        "role": "assistant",
        "content": [] if listed else "",
        "tool_calls": [{"id": call["id"], "type": "function", "function": function}],
        # It wants its reasoning back, the others do not.
        **({"reasoning_content": bare(answer)[0]["reasoning"]} if name == "qwen3.8-max" else {}),
    }
    assert reply.text.endswith('You said: "Thank you."')


@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen3.8-max"])
async def test_blocks_alone_say_as_much_as_the_message(
    sandbox: Sandbox, workspace: QwenWorkspace, protocol: ProtocolName, name: str
) -> None:
    """A history that was stored as content blocks, with nothing beside them."""
    llm = thinker(workspace, protocol, model=name)
    calling: Any = llm.bind_tools([get_weather])
    answer = calling.stream_events(ASKED, version="v3").output
    llm.invoke(dialogue(answer))
    whole = sent(sandbox, protocol)

    stored = json.loads(json.dumps(answer.content_blocks))
    llm.invoke(dialogue(AIMessage(content_blocks=stored, tool_calls=answer.tool_calls)))

    assert sent(sandbox, protocol) == whole


async def test_text_and_sources_go_back_as_text(
    sandbox: Sandbox, workspace: QwenWorkspace, protocol: ProtocolName
) -> None:
    search = {"enable_search": True, "search_options": {"enable_source": True}}
    answer = thinker(workspace, "dashscope", model="qwen-plus", **search).stream_events("Hi", version="v3").output

    thinker(workspace, protocol, model="qwen-plus").invoke([HumanMessage("Hi"), answer, HumanMessage("Thank you.")])

    assert sent(sandbox, protocol)[1] == {"role": "assistant", "content": answer.text}
