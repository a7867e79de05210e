"""The ways of streaming a chat model that LangChain has beside its four ways of calling, and what each promises."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

StreamWay: TypeAlias = Literal[
    "stream", "astream", "v1 stream", "v1 invoke", "v2 events", "v3 events", "v3 events, async"
]
STREAM_WAYS: tuple[StreamWay, ...] = get_args(StreamWay)


def sum_stream(chunks: Sequence[AIMessageChunk]) -> AIMessage:
    """Return the sum of a stream's chunks, after checking that they belong together and have their usage once."""
    assert len(chunks) > 1
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    assert [chunk.chunk_position for chunk in chunks].index("last") == len(chunks) - 1
    assert len({chunk.id for chunk in chunks}) == 1
    return chunks[0] + list(chunks[1:])


async def ask_streaming(llm: Any, way: StreamWay, prompt: Any = "Hi") -> AIMessage:
    """Return a model's answer in one way of streaming, after checking what this way promises."""
    match way:
        case "stream" | "v1 stream":
            return sum_stream(list(llm.stream(prompt)))
        case "astream":
            return sum_stream([chunk async for chunk in llm.astream(prompt)])
        case "v1 invoke":
            message: AIMessage = llm.invoke(prompt)
            return message
        case "v2 events":
            return _answer_of_v2_events([event async for event in llm.astream_events(prompt, version="v2")])
        case "v3 events":
            stream = llm.stream_events(prompt, version="v3")
            events = list(stream)
            projections = str(stream.text), str(stream.reasoning), stream.tool_calls.get()
            return _answer_of_v3_events(events, stream.output, *projections)
        case "v3 events, async":
            stream = await llm.astream_events(prompt, version="v3")
            events = [event async for event in stream]
            projections = await stream.text, await stream.reasoning, await stream.tool_calls
            return _answer_of_v3_events(events, await stream.output, *projections)


def _answer_of_v2_events(events: Sequence[Any]) -> AIMessage:
    chunks = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    [end] = [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]
    total = sum_stream(chunks)
    assert blocks_of(total) == blocks_of(end)
    assert total.usage_metadata == end.usage_metadata
    output: AIMessage = end
    return output


def _answer_of_v3_events(
    events: Sequence[Any], output: AIMessage, text: str, reasoning: str, calls: Sequence[Any]
) -> AIMessage:
    assert_valid_event_stream(events)
    assert text == output.text
    assert reasoning == "".join(str(block.get("reasoning", "")) for block in output.content_blocks)
    assert [{**call, "type": "tool_call"} for call in calls] == output.tool_calls
    [finish] = [event for event in events if event["event"] == "message-finish"]
    assert finish["usage"] == output.usage_metadata
    assert output.response_metadata["output_version"] == "v1"
    return output


def blocks_of(message: BaseMessage) -> list[dict[str, Any]]:
    """Return a message's content blocks without their indexes, which only streams have."""
    return [{key: value for key, value in dict(block).items() if key != "index"} for block in message.content_blocks]


def model_fields(way: StreamWay) -> dict[str, Any]:
    """Return the fields that a model needs for a way of streaming."""
    if not way.startswith("v1"):
        return {}
    return {"output_version": "v1", **({"streaming": True} if way == "v1 invoke" else {})}
