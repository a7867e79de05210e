"""Prepared responses of the chat benchmarks: HTTP responses as bytes, for each scenario and protocol."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, TypeAlias

MODEL = "qwen-plus"
RESPONSES_MODEL = "qwen3.7-plus"
"""`qwen-plus` has only basic compatibility on the Responses API, of which each call warns."""
_ID = "00000000-0000-4000-8000-000000000000"
_WORDS = ("The", " lake", " lies", " in", " 杭州", ",", " and", " its", " bridges", " are", " old", ".", "\n")
_FRAGMENT = 2

Json: TypeAlias = dict[str, Any]


def words(count: int) -> Iterator[str]:
    """Yield the texts of `count` events."""
    return (_WORDS[number % len(_WORDS)] for number in range(count))


def arguments(size: int) -> str:
    """Return the arguments of a tool call: a JSON object of exactly `size` ASCII characters."""
    return json.dumps({"text": "x" * (size - len('{"text": ""}'))})


def _openai_event(delta: Json, finish_reason: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": f"chatcmpl-{_ID}",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": MODEL,
        "system_fingerprint": None,
        "choices": [choice],
        "usage": None,
    }


def _dashscope_event(message: Json, finish_reason: str, count: int) -> Json:
    return {
        "output": {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish_reason}]},
        "usage": {"total_tokens": 20 + count, "input_tokens": 20, "output_tokens": count},
        "request_id": _ID,
    }


def _call(position: int, fragment: str) -> Json:
    function = {"name": "write", "arguments": fragment} if position == 0 else {"arguments": fragment}
    return {"index": 0, "id": "call_1" if position == 0 else "", "type": "function", "function": function}


def _deltas(scenario: str, size: int) -> Iterator[Json]:
    if scenario == "text":
        return ({"content": word} for word in words(size))
    whole = arguments(size)
    fragments = (whole[start : start + _FRAGMENT] for start in range(0, size, _FRAGMENT))
    return ({"content": "", "tool_calls": [_call(number, fragment)]} for number, fragment in enumerate(fragments))


def _openai_events(scenario: str, size: int) -> Iterator[bytes]:
    reason = "stop" if scenario == "text" else "tool_calls"
    yield _openai_frame(_openai_event({"role": "assistant", "content": ""}))
    for delta in _deltas(scenario, size):
        yield _openai_frame(_openai_event(delta))
    yield _openai_frame(_openai_event({"content": ""}, reason))
    counted = {"prompt_tokens": 20, "completion_tokens": size, "total_tokens": 20 + size}
    yield _openai_frame({**_openai_event({}), "choices": [], "usage": counted})
    yield b"data: [DONE]\n\n"


def _dashscope_events(scenario: str, size: int) -> Iterator[bytes]:
    reason = "stop" if scenario == "text" else "tool_calls"
    count = 0
    for count, delta in enumerate(_deltas(scenario, size), start=1):
        yield _dashscope_frame(_dashscope_event(delta, "null", count), count)
    yield _dashscope_frame(_dashscope_event({"content": ""}, reason, count), count + 1)


def _responses_events(_: str, size: int) -> Iterator[bytes]:
    """Yield the events of a text, in the order of the reference of 2026-10-23."""
    response: Json = {"id": _ID, "object": "response", "created_at": 1_790_000_000, "model": "", "output": []}
    response |= {"parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "error": None}
    place: Json = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item: Json = {"id": "msg_1", "type": "message", "role": "assistant"}
    text = "".join(words(size))
    part = {"type": "output_text", "annotations": []}
    done = {**item, "status": "completed", "content": [{**part, "text": text}]}
    usage = {"input_tokens": 20, "output_tokens": size, "total_tokens": 20 + size}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}  # type: ignore[dict-item]  # details are objects
    ended = {**response, "model": RESPONSES_MODEL, "status": "completed", "output": [done], "usage": usage}
    events: list[Json] = [
        {"type": "response.created", "response": {**response, "status": "queued"}},
        {"type": "response.in_progress", "response": {**response, "status": "in_progress"}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": word, "logprobs": []} for word in words(size)),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": ended},
    ]
    for number, event in enumerate(events):
        written = _to_json({**event, "sequence_number": number})
        yield b"id:%d\nevent:%b\n:HTTP_STATUS/200\ndata:%b\n\n" % (number, event["type"].encode(), written)


def _openai_frame(event: Json) -> bytes:
    return b"data: " + _to_json(event) + b"\n\n"


def _dashscope_frame(event: Json, number: int) -> bytes:
    return b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:" % number + _to_json(event) + b"\n\n"


def _to_json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


_EVENTS = {"openai": _openai_events, "dashscope": _dashscope_events, "responses": _responses_events}
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream;charset=UTF-8\r\ntransfer-encoding: chunked\r\n"
    b"x-request-id: " + _ID.encode() + b"\r\n\r\n"
)


@cache
def stream(protocol: str, scenario: str, size: int) -> tuple[bytes, ...]:
    """Return the pieces of a streamed response: the head, one HTTP chunk per event, the end."""
    events = _EVENTS[protocol](scenario, size)
    return (_STREAM_HEAD, *_http_chunks(events), b"0\r\n\r\n")


def _http_chunks(events: Iterable[bytes]) -> Iterator[bytes]:
    return (b"%x\r\n%b\r\n" % (len(event), event) for event in events)


@cache
def plain(protocol: str) -> bytes:
    """Return a short response that is not streamed."""
    message = {"role": "assistant", "content": "Hangzhou."}
    counted = {"total_tokens": 23, "completion_tokens": 3, "prompt_tokens": 20}
    body: Json = {
        "choices": [{"message": message, "finish_reason": "stop", "index": 0, "logprobs": None}],
        "object": "chat.completion",
        "usage": counted,
        "created": 1_790_000_000,
        "system_fingerprint": None,
        "model": MODEL,
        "id": f"chatcmpl-{_ID}",
    }
    if protocol == "dashscope":
        body = _dashscope_event({"content": "Hangzhou."}, "stop", 3)
    written = _to_json(body)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: %b\r\n\r\n"
    return head % (len(written), _ID.encode()) + written
