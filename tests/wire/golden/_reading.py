"""How tests read the golden table: a row as a call, as delivered JSON, as bytes, and what its message has to say."""

import copy
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._seam import ChatCall, ChatWire, Destination, Request
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._row import REQUEST_ID, Json, Row

REGION, WORKSPACE = "ap-southeast-1", "llm-golden"


def each(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """Parametrize a test by rows."""
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


def wire_of(protocol: ProtocolName) -> ChatWire:
    return PROTOCOLS[protocol].chat


def call_of(row: Row, protocol: ProtocolName, *, stream: bool = False) -> ChatCall:
    """Return the call that a chat model makes of a row."""
    stream = stream or row.always_streams
    parameters = row.parameters
    if stream and protocol == "openai":
        parameters["stream_options"] = {"include_usage": True}
    return ChatCall(
        model=row.model,
        messages=row.messages,
        parameters=parameters,
        stream=stream,
        profile=profile_of(row.model),
        destination=Destination(protocol, REGION, WORKSPACE),
    )


def request_of(model: str, protocol: ProtocolName, *, stream: bool = True, cumulative: bool = False) -> Request:
    origin = Destination(protocol, REGION, WORKSPACE)
    return Request(path="/", body={}, model=model, destination=origin, stream=stream, cumulative=cumulative)


def delivered(answer: Json) -> Json:
    """Return an answer or event as a transport hands it on: with the request id of the headers, and all its own."""
    return {"request_id": REQUEST_ID, **copy.deepcopy(answer)}


def decoded(protocol: ProtocolName, request: Request, events: Iterable[Json]) -> list[ChatGenerationChunk]:
    """Return the chunks of a stream."""
    decoder = wire_of(protocol).decoder(request)
    chunks = [chunk for event in events for chunk in decoder.feed(delivered(event))]
    return [*chunks, *decoder.finish()]


def summed(chunks: Iterable[Any]) -> AIMessageChunk:
    """Return the sum of message chunks, added one by one."""
    total: AIMessageChunk | None = None
    for chunk in chunks:
        assert isinstance(chunk, AIMessageChunk)
        total = chunk if total is None else total + chunk
    assert total is not None
    return total


def message_of(chunks: Iterable[ChatGenerationChunk]) -> AIMessageChunk:
    return summed(chunk.message for chunk in chunks)


def framed(
    protocol: ProtocolName, events: Sequence[Json], *, newline: str = "\n", blank: bool = True, done: bool = True
) -> bytes:
    """Return a stream's bytes as each protocol was recorded to write them."""
    written = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in events]
    end = newline * 2 if blank else newline
    if protocol == "openai":
        return "".join(f"data: {event}{end}" for event in [*written, *(["[DONE]"] if done else [])]).encode()
    head = f"event:result{newline}:HTTP_STATUS/200{newline}data:"
    return "".join(f"id:{number}{newline}{head}{event}{end}" for number, event in enumerate(written, 1)).encode()


def without(item: Any, *keys: str) -> Json:
    return {key: value for key, value in item.items() if key not in keys}


def said(message: AIMessage) -> Json:
    """Return all that two messages of the same answer have to share."""
    return {
        "content": message.content,
        "additional_kwargs": message.additional_kwargs,
        "tool_calls": [without(call, "type") for call in message.tool_calls],
        # LangChain does not keep the error's text when it sums up a stream.
        "invalid_tool_calls": [without(call, "type", "error") for call in message.invalid_tool_calls],
        "usage_metadata": message.usage_metadata,
        "content_blocks": [without(block, "error") for block in message.content_blocks],
        "response_metadata": without(
            message.response_metadata, "protocol", "id", "token_usage", "system_fingerprint", "workspace_id"
        ),
    }


def expected(row: Row) -> Json:
    """Return what the facts of a row are as a message."""
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
