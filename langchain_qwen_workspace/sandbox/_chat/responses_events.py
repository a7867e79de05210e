"""The events of a streamed response, derived from the finished one.

Order and shapes: Model Studio docs, create-response page (2026-09 or newer), and its dumps. The page does not list the
events of a function's arguments; those are OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat.responses_errors import event

_Events = Iterator[dict[str, Any]]

# The states of a built-in tool that have events of their own.
_STATES = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "mcp_call": ("completed",),
}
# What an item does not have yet when it is added.
_RESULTS = frozenset({"outputs", "output", "results"})


def events(response: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the events of a response.

    Args:
        response: The complete response.

    Yields:
        The frames; the last has the complete response.
    """
    for number, body in enumerate(_bodies(response), 1):
        yield event(number, body["type"], {"sequence_number": number - 1, **body})


def _bodies(response: Mapping[str, Any]) -> _Events:
    # The first events have neither the model nor the tools (dump of 2026-01).
    opened = {key: value for key, value in response.items() if key not in ("usage", "error", "incomplete_details")}
    opened |= {"output": [], "model": "", "tools": []}
    yield {"type": "response.created", "response": {**opened, "status": "queued"}}
    yield {"type": "response.in_progress", "response": {**opened, "status": "in_progress"}}
    for index, item in enumerate(response["output"]):
        yield from _item_events(item, index)
    yield {"type": f"response.{response['status']}", "response": response}


def _item_events(item: Mapping[str, Any], index: int) -> _Events:
    where = {"item_id": item["id"], "output_index": index}
    make = {"reasoning": _reasoning, "message": _message, "function_call": _function_call}.get(item["type"], _built_in)
    yield from make(item, where)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _to_added_item(where: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": where["output_index"], "item": item}


def _reasoning(item: Mapping[str, Any], where: Mapping[str, Any]) -> _Events:
    yield _to_added_item(where, {"summary": [], "type": "reasoning", "id": item["id"]})
    text = item["summary"][0]["text"]
    for piece in _tokens.pieces(text):
        yield {"type": "response.reasoning_text.delta", **where, "delta": piece}
    yield {"type": "response.reasoning_text.done", **where, "text": text}


def _message(item: Mapping[str, Any], where: Mapping[str, Any]) -> _Events:
    yield _to_added_item(where, {**item, "content": [], "status": "in_progress"})
    where = {**where, "content_index": 0}
    part = {**item["content"][0], "logprobs": None}
    yield {"type": "response.content_part.added", **where, "part": {**part, "text": ""}}
    for piece in _tokens.pieces(part["text"]):
        yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **where, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **where, "part": part}


def _function_call(item: Mapping[str, Any], where: Mapping[str, Any]) -> _Events:
    yield _to_added_item(where, {**item, "arguments": "", "status": "in_progress"})
    for piece in _tokens.pieces(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
    done = {"arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.function_call_arguments.done", **where, **done}


def _built_in(item: Mapping[str, Any], where: Mapping[str, Any]) -> _Events:
    type_ = item["type"]
    added = {key: value for key, value in item.items() if key not in _RESULTS} | {"status": "in_progress"}
    if type_ == "web_search_call":
        added["action"] = {key: value for key, value in item["action"].items() if key != "sources"}
    if type_ == "mcp_call":
        # The arguments come before the item (dump of the page).
        yield {"type": "response.mcp_call_arguments.delta", **where, "delta": item["arguments"]}
        yield {"type": "response.mcp_call_arguments.done", **where, "arguments": item["arguments"]}
    yield _to_added_item(where, added)
    for state in _STATES.get(type_, ()):
        yield {"type": f"response.{type_}.{state}", **where}
