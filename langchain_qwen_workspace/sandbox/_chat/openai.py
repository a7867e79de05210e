"""The OpenAI-compatible chat wire: body in, `Ask`; answers in, body or events out.

Shapes: Model Studio docs, chat reference (2026-08-18 or newer), and recorded answers of qwen3-max (2026-02),
qwen-turbo (2026-04).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _errors, _media
from langchain_qwen_workspace.sandbox._chat import parameters, rules
from langchain_qwen_workspace.sandbox._chat.conversation import Answer, Ask
from langchain_qwen_workspace.sandbox._chat.messages import Content, check_keys, read
from langchain_qwen_workspace.sandbox._chat.stream_steps import Step, logprobs, steps, with_ids
from langchain_qwen_workspace.sandbox._errors import Refusal, refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import ChatModel

# `store` is undocumented, but answered without a word (recorded 2026, qwen-plus).
_TOP = parameters.SHARED | {"model", "messages", "stream", "stream_options", "store"}
_HINTS = {"min_pixels", "max_pixels", "total_pixels", "fps", "cache_control"}
# Part type -> kind of media, and the keys of the object inside where there is one.
_PARTS: dict[str, tuple[str, frozenset[str]]] = {
    "text": ("text", frozenset()),
    "image_url": ("image", frozenset({"url", "detail"})),
    "input_audio": ("audio", frozenset({"data", "format"})),
    "video_url": ("video", frozenset({"url"})),
    "video": ("video", frozenset()),
}
_ITEM = "The provided messages input is invalid. The error info is [Unexpected item type in content]"


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat request on this wire.

    Attributes:
        ask: What it asks.
        stream: Whether it streams.
        include_usage: Whether the stream ends with a usage chunk.
    """

    ask: Ask
    stream: bool
    include_usage: bool


def parse(body: Mapping[str, Any], model: ChatModel) -> Chat:
    """Read a chat request.

    Args:
        body: The JSON body.
        model: The model it names.

    Returns:
        The request.

    Raises:
        Refusal: If the service would refuse it.
    """
    check_keys(body, _TOP, "$")
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise refuse(f"{stream!r} is not of type 'boolean' - 'stream'")
    options = body.get("stream_options")
    if options is not None and not stream:
        raise refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.")  # own words
    if options is not None:
        if not isinstance(options, Mapping):
            raise refuse(f"{options!r} is not of type 'object' - 'stream_options'")
        check_keys(options, ("include_usage",), "stream_options")
    if not stream and "audio" in (body.get("modalities") or ()):
        raise refuse_algo("'audio' output only support with stream=true")
    turns = read(body.get("messages"), model, _content, "compatible")
    given = {name: body[name] for name in parameters.SHARED if name in body}
    asked = parameters.read_ask(model, turns, given, stream=stream, wire="compatible")
    return Chat(asked, stream, bool(options and options.get("include_usage")))


def _content(raw: Any, _role: str) -> Content:
    if isinstance(raw, str):
        return raw, ()
    if not isinstance(raw, list):
        raise refuse_algo("input content must be a string.")
    texts: list[str] = []
    media: list[str] = []
    for part in raw:
        kind, text = _part(part)
        if kind == "text":
            texts.append(text)
        else:
            media.append(kind)
    return "\n".join(texts), tuple(media)


def _part(part: Any) -> tuple[str, str]:
    """The kind of a content part, and its text if it is one."""
    form = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(form, str) or form not in _PARTS:
        raise refuse_algo(_ITEM)
    kind, inner_keys = _PARTS[form]
    check_keys(part, {"type", form, *(_HINTS if kind != "text" else ("cache_control",))}, "messages.content")
    inner = part.get(form)
    if kind == "text":
        if not isinstance(inner, str):
            raise refuse_algo(_ITEM)
        return kind, inner
    if form == "video":
        if not isinstance(inner, list) or not inner:
            raise refuse_algo(_ITEM)
        for frame in inner:
            _media.check("image", frame, uploads=False)
        return kind, ""
    if not isinstance(inner, Mapping):
        raise refuse_algo(_ITEM)
    check_keys(inner, inner_keys, f"messages.content.{form}")
    _media.check(kind, inner.get("data" if kind == "audio" else "url"), uploads=False)
    return kind, ""


# --- answers ----------------------------------------------------------------------------------------


def render(chat: Chat, answers: Sequence[Answer], request_id: str, created: int) -> dict[str, Any]:
    """The body of an answer that is not streamed.

    Args:
        chat: The request.
        answers: Its answers.
        request_id: The request's id.
        created: The time, in seconds.

    Returns:
        The body.
    """
    choices = [_choice(chat.ask, with_ids(a, request_id, n), n) for n, a in enumerate(answers)]
    envelope = _envelope(chat.ask, request_id, created, "chat.completion")
    return {"choices": choices, **envelope, "usage": _usage(chat.ask, answers)}


def _envelope(ask: Ask, request_id: str, created: int, kind: str) -> dict[str, Any]:
    return {
        "object": kind,
        "usage": None,
        "created": created,
        "system_fingerprint": None,
        "model": ask.model.name,
        "id": f"chatcmpl-{request_id}",
    }


def _choice(ask: Ask, answer: Answer, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if ask.thinking:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [
            {
                "index": at,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for at, call in enumerate(answer.calls)
        ]
    probable = None if ask.logprobs is None else logprobs(answer.text, ask.logprobs)
    return {"message": message, "finish_reason": answer.finish, "index": number, "logprobs": probable}


def _usage(ask: Ask, answers: Sequence[Answer]) -> dict[str, Any]:
    counted = rules.usage(ask, answers)
    details: dict[str, Any] = {"cached_tokens": 0}
    if counted.media:
        details["text_tokens"] = counted.input - sum(n for _, n in counted.media)
        details |= {f"{kind}_tokens": n for kind, n in counted.media}
    usage: dict[str, Any] = {
        "prompt_tokens": counted.input,
        "completion_tokens": counted.output,
        "total_tokens": counted.input + counted.output,
        "prompt_tokens_details": details,
    }
    if ask.thinking:
        # text_tokens includes the reasoning on this wire (Model Studio docs, chat reference, 2026-08-18).
        usage["completion_tokens_details"] = {
            "reasoning_tokens": counted.reasoning,
            "text_tokens": counted.output,
        }
    return usage


# --- streams ----------------------------------------------------------------------------------------


def events(chat: Chat, answers: Sequence[Answer], request_id: str, created: int) -> Iterator[bytes]:
    """The events of a streamed answer.

    Args:
        chat: The request.
        answers: Its answers.
        request_id: The request's id.
        created: The time, in seconds.

    Yields:
        One server-sent event at a time, `[DONE]` last.
    """
    envelope = _envelope(chat.ask, request_id, created, "chat.completion.chunk")
    for number, answer in enumerate(answers):
        for change in _changes(chat.ask, with_ids(answer, request_id, number)):
            choice = {"delta": {}, "finish_reason": None, "index": number, "logprobs": None} | change
            if change.get("finish_reason", "") is ABSENT:
                del choice["finish_reason"], choice["logprobs"]
            yield _event({"choices": [choice], **envelope})
    if chat.include_usage:
        yield _event({"choices": [], **envelope, "usage": _usage(chat.ask, answers)})
    yield b"data: [DONE]\n\n"


# The recorded frame behind a call's last fragment has no finish_reason key at all (qwen3-max, 2026-02).
ABSENT: Any = object()


def _changes(ask: Ask, answer: Answer) -> Iterator[dict[str, Any]]:
    """What each chunk's choice holds beside its index."""
    quiet: dict[str, Any] = {"reasoning_content": None} if ask.thinking else {}
    if ask.thinking:
        yield {"delta": {"content": None, "role": "assistant", "reasoning_content": ""}}
    elif not answer.calls:
        yield {"delta": {"content": "", "role": "assistant"}}
    opening = {} if ask.thinking else {"role": "assistant"}
    for step in steps(answer):
        if step.kind == "reasoning":
            yield {"delta": {"content": None, "reasoning_content": step.piece}}
        elif step.kind == "text":
            said = step.so_far.text if ask.model.cumulative else step.piece
            probable = None if ask.logprobs is None else logprobs(step.piece, ask.logprobs)
            yield {"delta": {"content": said, **quiet}, "logprobs": probable}
        else:
            for fragment in _fragments(ask, answer, step):
                yield {"delta": {"content": None, "tool_calls": [fragment], **opening, **quiet}}
                opening = {}
    if answer.calls:
        last = _fragment(len(answer.calls) - 1, "", {"arguments": ""})
        yield {"delta": {"tool_calls": [last]}, "finish_reason": ABSENT}
        yield {"delta": {}, "finish_reason": answer.finish}
    else:
        said = answer.text if ask.model.cumulative else ""
        yield {"delta": {"content": said, **quiet}, "finish_reason": answer.finish}


def _fragments(ask: Ask, answer: Answer, step: Step) -> Iterator[dict[str, Any]]:
    """The fragments of one step of a call, in the model's manner.

    Most models name the call once and send empty ids afterwards; qwen-turbo repeats the id once with an empty
    name (recorded 2026-04); the omni models repeat the id always, with null for what does not change (docs).
    """
    call = answer.calls[step.call]
    manner = ask.model.fragments
    if step.first:
        yield _fragment(step.call, call.id, {"name": call.name, "arguments": ""})
        if manner == "repeat-once":
            yield _fragment(step.call, call.id, {"name": "", "arguments": ""})
    if manner == "repeat-always":
        yield _fragment(step.call, call.id, {"name": None, "arguments": step.piece})
    else:
        yield _fragment(step.call, "", {"arguments": step.piece})


def _fragment(index: int, call_id: str, function: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "id": call_id, "type": "function", "function": function}


def _event(body: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


def error_event(refusal: Refusal, request_id: str, *, native: bool = False) -> bytes:
    """An error inside a stream.

    Args:
        refusal: What went wrong.
        request_id: The request's id.
        native: Whether to send the native body, as gateways in between have done.

    Returns:
        The event.
    """
    return _event(_errors.body(refusal, "native" if native else "compatible", request_id))
