"""Reads recorded chat answers as the package reads them, so that a later version can be compared."""

import json
import warnings
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._protocols import PROTOCOLS, chat_wire
from langchain_qwen_workspace._seam import ChatCall, Destination, Request
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace.errors import QwenWorkspaceError
from langchain_qwen_workspace.profiles import profile_of

_HELLO = (HumanMessage("Hello"),)
_SUCCESS = 200


def protocol_of(exchange: Exchange) -> str | None:
    """Return the protocol of a recorded chat call; `None` if it is none."""
    path = urlsplit(exchange.path).path
    for protocol in PROTOCOLS:
        base = PROTOCOLS[protocol].base_paths["models"]
        if path.startswith(base) and path.removeprefix(base) == _request(exchange, protocol).path:
            return protocol
    return None


def is_streamed(exchange: Exchange) -> bool:
    """Return whether the response is an event stream."""
    return exchange.headers.get("content-type", "").startswith("text/event-stream")


def read_exchange(exchange: Exchange) -> dict[str, Any] | None:
    """Return what the package reads from a chat answer; `None` for other exchanges, errors and interrupted ones."""
    if exchange.status != _SUCCESS or not exchange.is_complete:
        return None
    protocol = protocol_of(exchange)
    if protocol is None or not (is_streamed(exchange) or isinstance(exchange.body, dict)):
        return None
    request = _request(exchange, protocol)
    try:
        if is_streamed(exchange):
            return describe_message(_read_stream(exchange, protocol, request))
        return describe_message(chat_wire(protocol).decode(exchange.body, request).generations[0].message)
    except QwenWorkspaceError as error:
        return {"error": type(error).__name__}


def describe_message(message: Any) -> dict[str, Any]:
    """Return what a message says, as JSON that does not depend on how it was read."""
    data: AIMessage | AIMessageChunk = message
    return {
        "text": data.text,
        "reasoning": data.additional_kwargs.get("reasoning_content"),
        "tool_calls": [{"name": call["name"], "args": call["args"], "id": call["id"]} for call in data.tool_calls],
        "invalid_tool_calls": len(data.invalid_tool_calls),
        "finish_reason": data.response_metadata.get("finish_reason"),
        "usage": json.loads(json.dumps(data.usage_metadata)) if data.usage_metadata else None,
    }


def _read_stream(exchange: Exchange, protocol: str, request: Request) -> AIMessageChunk:
    decoder = chat_wire(protocol).decoder(request)
    chunks: list[ChatGenerationChunk] = []
    for event in exchange.events:
        chunks += decoder.feed(event)
    chunks += decoder.finish()
    return _sum(chunks)


def _sum(chunks: Sequence[ChatGenerationChunk]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    message = whole.message
    assert isinstance(message, AIMessageChunk)  # noqa: S101 - for type checkers: a chunk's message is one
    return message


def _request(exchange: Exchange, protocol: str) -> Request:
    """Return the request by which the package would ask for the same kind of answer."""
    body = exchange.request_body
    model = str(body.get("model") or "") if isinstance(body, dict) else ""
    call = ChatCall(
        model=model,
        messages=_HELLO,
        parameters={},
        stream=is_streamed(exchange),
        profile=profile_of(model),
        destination=Destination(protocol, "", None),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return chat_wire(protocol).encode(call)
