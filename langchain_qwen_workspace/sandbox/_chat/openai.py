"""The OpenAI protocol's chat: reads a body into a `ChatRequest` and writes answers as a body or as events.

Shapes: Model Studio docs, chat reference (2026-08-18 or newer), and recorded answers of qwen3-max (2026-02),
qwen-turbo (2026-04).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _errors, _media
from langchain_qwen_workspace.sandbox._calls import Call, Framing, Protocol, Reply
from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.conversation import ChatRequest, ModelAnswer
from langchain_qwen_workspace.sandbox._chat.messages import UNEXPECTED_ITEM, Content, read_messages
from langchain_qwen_workspace.sandbox._chat.parameters import SHARED, read_parameters
from langchain_qwen_workspace.sandbox._chat.stream_steps import (
    Step,
    ciphertext_of,
    logprobs,
    steps,
    tool_call,
    tool_calls,
    with_ids,
)
from langchain_qwen_workspace.sandbox._errors import Refusal, check_keys, inference_error, parameter_error
from langchain_qwen_workspace.sandbox._models import ChatModel

# `store` is not documented, but accepted (recorded 2026, qwen-plus).
_KEYS = SHARED | {"model", "messages", "stream", "stream_options", "store"}
_CACHE_MARKS = {"cache_control", "prompt_cache_breakpoint"}
_MEDIA_HINTS = {"min_pixels", "max_pixels", "total_pixels", "fps", *_CACHE_MARKS}
# Part type -> kind of media, and the keys of the object inside where there is one.
_PARTS: dict[str, tuple[str, frozenset[str]]] = {
    "text": ("text", frozenset()),
    "image_url": ("image", frozenset({"url", "detail"})),
    "input_audio": ("audio", frozenset({"data", "format"})),
    "video_url": ("video", frozenset({"url"})),
    "video": ("video", frozenset()),
}
# The recorded frame behind a call's last fragment has no finish_reason key at all (qwen3-max, 2026-02).
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class _Request:
    """A chat request of this protocol.

    Attributes:
        chat: What it asks the model.
        stream: Whether the answer is streamed.
        include_usage: Whether the stream ends with a usage chunk.
        request_id: The request's id.
        created: The time of the answer, in seconds.
    """

    chat: ChatRequest
    stream: bool
    include_usage: bool
    request_id: str
    created: int


def answer_chat(call: Call) -> Reply:
    """Answer `/chat/completions`."""
    return answer_with(call.find_model(ChatModel), call)


def answer_with(model: ChatModel, call: Call) -> Reply:
    """Answer a chat request with a model, without asking whether the workspace may call it.

    Args:
        model: The model.
        call: The request.

    Returns:
        The answer, as a body or as a stream.

    Raises:
        Refusal: If the service would refuse the request.
    """
    request = _read_request(call, model)
    answers = rules.answers(request.chat)
    if request.stream:
        return Reply(events=_events(request, answers), usage=_usage(request.chat, answers))
    return Reply(_body(request, answers))


def _read_request(call: Call, model: ChatModel) -> _Request:
    body = call.body
    check_keys(body, _KEYS, "$")
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise parameter_error(f"{stream!r} is not of type 'boolean' - 'stream'")
    options = body.get("stream_options")
    if options is not None and not stream:
        raise parameter_error("The 'stream_options' parameter is only allowed when 'stream' is enabled.")  # our text
    if options is not None:
        if not isinstance(options, Mapping):
            raise parameter_error(f"{options!r} is not of type 'object' - 'stream_options'")
        check_keys(options, ("include_usage",), "stream_options")
    if not stream and "audio" in (body.get("modalities") or ()):
        raise inference_error("'audio' output only support with stream=true")
    chat = _read_chat(body, model, call.protocol, stream=stream)
    return _Request(chat, stream, bool(options and options.get("include_usage")), call.request_id, int(time.time()))


def _read_chat(body: Mapping[str, Any], model: ChatModel, protocol: Protocol, *, stream: bool) -> ChatRequest:
    messages = read_messages(body.get("messages"), model, protocol, _read_content)
    return read_parameters(model, messages, body, protocol, stream=stream)


def _read_content(raw: Any, _role: str) -> Content:
    if isinstance(raw, str):
        return raw, ()
    if not isinstance(raw, list):
        raise inference_error("input content must be a string.")
    texts: list[str] = []
    media: list[str] = []
    for part in raw:
        kind, text = _read_part(part)
        if kind == "text":
            texts.append(text)
        else:
            media.append(kind)
    return "\n".join(texts), tuple(media)


def _read_part(part: Any) -> tuple[str, str]:
    """Return the kind of a content part, and its text if it is a text."""
    type_ = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(type_, str) or type_ not in _PARTS:
        raise inference_error(UNEXPECTED_ITEM)
    kind, inner_keys = _PARTS[type_]
    hints = _CACHE_MARKS if kind == "text" else _MEDIA_HINTS
    check_keys(part, {"type", type_, *hints}, "messages.content")
    inner = part.get(type_)
    if kind == "text":
        if not isinstance(inner, str):
            raise inference_error(UNEXPECTED_ITEM)
        return kind, inner
    if type_ == "video":
        if not isinstance(inner, list) or not inner:
            raise inference_error(UNEXPECTED_ITEM)
        for frame in inner:
            _media.check("image", frame, uploads=False)
        return kind, ""
    if not isinstance(inner, Mapping):
        raise inference_error(UNEXPECTED_ITEM)
    check_keys(inner, inner_keys, f"messages.content.{type_}")
    _media.check(kind, inner.get("data" if kind == "audio" else "url"), uploads=False)
    return kind, ""


# --- bodies -----------------------------------------------------------------------------------------


def _body(request: _Request, answers: Sequence[ModelAnswer]) -> dict[str, Any]:
    choices = [
        _choice(request.chat, with_ids(answer, request.request_id, index), index)
        for index, answer in enumerate(answers)
    ]
    envelope = _envelope(request, "chat.completion")
    return {"choices": choices, **envelope, "usage": _usage(request.chat, answers)}


def _envelope(request: _Request, object_type: str) -> dict[str, Any]:
    return {
        "object": object_type,
        "usage": None,
        "created": request.created,
        "system_fingerprint": None,
        "model": request.chat.model.name,
        "id": f"chatcmpl-{request.request_id}",
    }


def _choice(chat: ChatRequest, answer: ModelAnswer, index: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if chat.thinking:
        message["reasoning_content"] = answer.reasoning
    if answer.ciphertext:
        message["encrypted_content"] = answer.ciphertext
    if answer.calls:
        message["tool_calls"] = tool_calls(answer)
    probabilities = None if chat.logprobs is None else logprobs(answer.text, chat.logprobs)
    return {"message": message, "finish_reason": answer.finish_reason, "index": index, "logprobs": probabilities}


def _usage(chat: ChatRequest, answers: Sequence[ModelAnswer]) -> dict[str, Any]:
    counts = rules.usage(chat, answers)
    details: dict[str, Any] = {"cached_tokens": 0}
    if counts.media:
        details["text_tokens"] = counts.input - sum(tokens for _, tokens in counts.media)
        details |= {f"{kind}_tokens": tokens for kind, tokens in counts.media}
    usage: dict[str, Any] = {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": details,
    }
    if chat.thinking:
        # Here text_tokens includes the reasoning (Model Studio docs, chat reference, 2026-08-18).
        usage["completion_tokens_details"] = {"reasoning_tokens": counts.reasoning, "text_tokens": counts.output}
    return usage


# --- streams ----------------------------------------------------------------------------------------


def _events(request: _Request, answers: Sequence[ModelAnswer]) -> Iterator[bytes]:
    envelope = _envelope(request, "chat.completion.chunk")
    for index, answer in enumerate(answers):
        for delta in _deltas(request.chat, with_ids(answer, request.request_id, index)):
            choice = {"delta": {}, "finish_reason": None, "index": index, "logprobs": None} | delta
            if delta.get("finish_reason", "") is _ABSENT:
                del choice["finish_reason"], choice["logprobs"]
            yield _event({"choices": [choice], **envelope})
    if request.include_usage:
        yield _event({"choices": [], **envelope, "usage": _usage(request.chat, answers)})
    yield b"data: [DONE]\n\n"


def _deltas(chat: ChatRequest, answer: ModelAnswer) -> Iterator[dict[str, Any]]:
    """Yield what the choice of each chunk has beside its index."""
    no_reasoning: dict[str, Any] = {"reasoning_content": None} if chat.thinking else {}
    if chat.thinking:
        yield {"delta": {"content": None, "role": "assistant", "reasoning_content": ""}}
    elif not answer.calls:
        yield {"delta": {"content": "", "role": "assistant"}}
    role = {} if chat.thinking else {"role": "assistant"}
    for step in steps(answer):
        if step.kind == "reasoning":
            yield {"delta": {"content": None, "reasoning_content": step.piece, **ciphertext_of(step, answer)}}
        elif step.kind == "text":
            text = step.so_far.text if chat.model.cumulative else step.piece
            probabilities = None if chat.logprobs is None else logprobs(step.piece, chat.logprobs)
            yield {"delta": {"content": text, **no_reasoning}, "logprobs": probabilities}
        else:
            for fragment in _fragments(chat, answer, step):
                yield {"delta": {"content": None, "tool_calls": [fragment], **role, **no_reasoning}}
                role = {}
    if answer.calls:
        last = tool_call(len(answer.calls) - 1, "", {"arguments": ""})
        yield {"delta": {"tool_calls": [last]}, "finish_reason": _ABSENT}
        yield {"delta": {}, "finish_reason": answer.finish_reason}
    else:
        text = answer.text if chat.model.cumulative else ""
        yield {"delta": {"content": text, **no_reasoning}, "finish_reason": answer.finish_reason}


def _fragments(chat: ChatRequest, answer: ModelAnswer, step: Step) -> Iterator[dict[str, Any]]:
    """Yield the fragments of one step of a tool call, as the model sends them.

    Most models name the call once and send empty ids afterwards; qwen-turbo repeats the id once with an empty
    name (recorded 2026-04); the omni models repeat the id in every fragment, with null for what does not change
    (docs).
    """
    call = answer.calls[step.call]
    if step.is_first:
        yield tool_call(step.call, call.id, {"name": call.name, "arguments": ""})
        if chat.model.fragments == "repeat-once":
            yield tool_call(step.call, call.id, {"name": "", "arguments": ""})
    if chat.model.fragments == "repeat-always":
        yield tool_call(step.call, call.id, {"name": None, "arguments": step.piece})
    else:
        yield tool_call(step.call, "", {"arguments": step.piece})


def _event(body: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


# --- errors -----------------------------------------------------------------------------------------


def error_event(refusal: Refusal, request_id: str, _number: int, framing: Framing) -> bytes:
    """Return an error as an event of a stream.

    Args:
        refusal: The error.
        request_id: The request's id.
        _number: The number of the event, which this protocol does not write.
        framing: `dashscope` for the DashScope body, which gateways in between have sent.

    Returns:
        The event.
    """
    body = _errors.dashscope_body if framing == "dashscope" else _errors.openai_body
    return _event(body(refusal, request_id))


def unsupported_model_error(name: str) -> Refusal:
    """Return the refusal of a model that the endpoint does not serve."""
    return Refusal(f"Unsupported model {name} for OpenAI compatibility mode.", code="ModelNotSupported")


def seed_error(seed: Any, largest: int) -> Refusal:
    """Return the refusal of a seed that is not an integer from 0 to the largest one."""
    is_negative = isinstance(seed, int) and not isinstance(seed, bool) and seed < 0
    problem = "lesser than the minimum of 0 - 'seed'" if is_negative else f"greater than {largest} - 'seed'"
    return Refusal(f"{seed} is {problem}", openai_code="invalid_value", by_model=True)
