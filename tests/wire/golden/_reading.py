"""Turns rows of the golden table into calls, responses, streams and expected messages."""

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._seam import ChatCall, ChatWire, Destination, Request, StreamRules
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._row import REQUEST_ID, Json, Row

REGION, WORKSPACE = "ap-southeast-1", "llm-golden"


def each_row(rows: Sequence[Row], protocol: ProtocolName) -> pytest.MarkDecorator:
    """Parametrize a test by the rows that have a protocol."""
    having = [row for row in rows if protocol in row.exchanges]
    return pytest.mark.parametrize("row", having, ids=[row.name for row in having])


def each_exchange(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """Parametrize a test by rows and by the protocols that each of them has."""
    cases = [(row, protocol) for row in rows for protocol in row.exchanges]
    return pytest.mark.parametrize(
        ("row", "protocol"), cases, ids=[f"{protocol}-{row.name}" for row, protocol in cases]
    )


def wire_of(protocol: ProtocolName) -> ChatWire:
    return PROTOCOLS[protocol].chat


def call_of(row: Row, protocol: ProtocolName, *, stream: bool = False) -> ChatCall:
    """Return the call that a chat model makes of a row."""
    return ChatCall(
        model=row.model,
        messages=row.messages,
        parameters=row.parameters,
        stream=stream or row.always_streams,
        profile=profile_of(row.model),
        destination=Destination(protocol, REGION, WORKSPACE),
    )


def request_of(
    model: str,
    protocol: ProtocolName,
    *,
    stream: bool = True,
    cumulative: bool = False,
    rules: StreamRules | None = None,
) -> Request:
    return Request(
        path="/",
        body={},
        model=model,
        destination=Destination(protocol, REGION, WORKSPACE),
        stream=stream,
        cumulative=cumulative,
        stream_rules=rules,
    )


def with_request_id(body: Json) -> Json:
    """Return a copy of a response or an event as a transport returns it: with the request id of the headers."""
    return {"request_id": REQUEST_ID, **copy.deepcopy(body)}


def decode_stream(protocol: ProtocolName, request: Request, events: Iterable[Json]) -> list[ChatGenerationChunk]:
    """Return the chunks of a stream."""
    decoder = wire_of(protocol).decoder(request)
    chunks = [chunk for event in events for chunk in decoder.feed(with_request_id(event))]
    return [*chunks, *decoder.finish()]


def sum_chunks(chunks: Iterable[Any]) -> AIMessageChunk:
    """Return the sum of message chunks, added one by one."""
    total: AIMessageChunk | None = None
    for chunk in chunks:
        assert isinstance(chunk, AIMessageChunk)
        total = chunk if total is None else total + chunk
    assert total is not None
    return total


def message_of(chunks: Iterable[ChatGenerationChunk]) -> AIMessageChunk:
    return sum_chunks(chunk.message for chunk in chunks)


def frame_events(
    protocol: ProtocolName, events: Sequence[Json], *, newline: str = "\n", blank: bool = True, done: bool = True
) -> bytes:
    """Return a stream's bytes, framed as the protocol was recorded to frame them.

    Args:
        protocol: The protocol.
        events: The events.
        newline: The line ending.
        blank: Whether a blank line ends each frame.
        done: Whether the stream has a last frame that says so, if the protocol has one.
    """
    data = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in events]
    end = newline * 2 if blank else newline
    return _FRAME_WRITERS[protocol](data, newline, end, done).encode()


def _write_openai_frames(data: Sequence[str], newline: str, end: str, done: bool) -> str:
    del newline
    return "".join(f"data: {event}{end}" for event in [*data, *(["[DONE]"] if done else [])])


def _write_dashscope_frames(data: Sequence[str], newline: str, end: str, done: bool) -> str:
    del done
    head = f"event:result{newline}:HTTP_STATUS/200{newline}data:"
    return "".join(f"id:{number}{newline}{head}{event}{end}" for number, event in enumerate(data, 1))


def _write_responses_frames(data: Sequence[str], newline: str, end: str, done: bool) -> str:
    del done
    types = [json.loads(event).get("type", "error") for event in data]
    return "".join(
        f"id:{number}{newline}event:{type_}{newline}:HTTP_STATUS/200{newline}data:{event}{end}"
        for number, (type_, event) in enumerate(zip(types, data, strict=True), 1)
    )


_FRAME_WRITERS: dict[ProtocolName, Callable[[Sequence[str], str, str, bool], str]] = {
    "openai": _write_openai_frames,
    "dashscope": _write_dashscope_frames,
    "responses": _write_responses_frames,
}


def without(item: Any, *keys: str) -> Json:
    return {key: value for key, value in item.items() if key not in keys}


def common_parts(message: AIMessage) -> Json:
    """Return what is equal in all messages of the same answer, whatever the protocol and the way of calling."""
    return {
        "content": message.content,
        "additional_kwargs": message.additional_kwargs,
        "tool_calls": [without(call, "type") for call in message.tool_calls],
        # LangChain does not keep the error's text when it sums a stream.
        "invalid_tool_calls": [without(call, "type", "error") for call in message.invalid_tool_calls],
        "usage_metadata": message.usage_metadata,
        "content_blocks": [without(block, "error") for block in message.content_blocks],
        "response_metadata": without(
            message.response_metadata, "protocol", "id", "token_usage", "system_fingerprint", "workspace_id"
        ),
    }


def expected_parts(row: Row) -> Json:
    """Return the `common_parts` of the messages that a row expects."""
    facts = row.facts
    return {
        "content": facts.content,
        "additional_kwargs": {"reasoning_content": facts.reasoning} if facts.reasoning else {},
        "tool_calls": list(facts.tool_calls),
        "invalid_tool_calls": list(facts.invalid_tool_calls),
        "usage_metadata": facts.usage,
        "content_blocks": facts.blocks,
        "response_metadata": {
            "model_provider": "qwen_workspace",
            "model_name": row.model,
            "finish_reason": facts.finish_reason,
            "request_id": REQUEST_ID,
            "region": REGION,
            **({"logprobs": facts.logprobs} if facts.logprobs else {}),
        },
    }
