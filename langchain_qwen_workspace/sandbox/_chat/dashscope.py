"""The DashScope protocol's chat: reads a body into a `ChatRequest` and writes answers as a body or as events.

Shapes: Model Studio docs, DashScope reference (2026-11-05), and recorded answers: qwen-turbo (2025-11),
qwen-plus (2025-10), qwen-max with parallel calls and qwen3.6-plus with thinking and calls (2026-04).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _errors, _media
from langchain_qwen_workspace.sandbox._calls import Call, Framing, Protocol, Reply, asks_for_stream
from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.conversation import ChatRequest, Message, ModelAnswer
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
from langchain_qwen_workspace.sandbox._errors import (
    INVALID_BODY,
    Refusal,
    check_keys,
    inference_error,
    parameter_error,
)
from langchain_qwen_workspace.sandbox._models import ChatModel, Family

FAMILIES: dict[str, Family] = {
    "/api/v1/services/aigc/text-generation/generation": "text",
    "/api/v1/services/aigc/multimodal-generation/generation": "multimodal",
}
ROLE_OR_LENGTH = "Role must be user or assistant and Content length must be greater than 0"
_PARAMETERS = SHARED | {
    "result_format",
    "incremental_output",
    "max_frames",
    "vl_enable_image_hw_output",
    "asr_options",
    "enable_text_image_mixed",
}
_CACHE_MARKS = ("cache_control", "prompt_cache_breakpoint")
_MEDIA_HINTS = frozenset({"min_pixels", "max_pixels", "total_pixels", "fps", "max_frames", *_CACHE_MARKS})
_KINDS = ("text", "image", "video", "audio")
_NO_INPUT = 'Either "prompt" or "messages" must exist and cannot both be none'
_MALFORMED_ITEM = "The item of content should be a message of a certain modal."
_SEARCH_RESULT = {
    "site_name": "sandbox",
    "icon": "",
    "index": 1,
    "title": "The sandbox searches nothing",
    "url": "https://example.com/",
}


@dataclass(frozen=True, slots=True)
class _Request:
    """A chat request of this protocol.

    Attributes:
        chat: What it asks the model.
        family: The endpoint: for text or for multimodal models.
        stream: Whether the answer is streamed.
        incremental: Whether an event carries what is new, rather than the whole text so far.
        as_message: Whether the answer is a message, rather than `output.text`.
        lists_sources: Whether search results are listed.
        request_id: The request's id.
    """

    chat: ChatRequest
    family: Family
    stream: bool
    incremental: bool
    as_message: bool
    lists_sources: bool
    request_id: str


def answer_chat(call: Call) -> Reply:
    """Answer the generation endpoints for text and for multimodal models."""
    model = call.find_model(ChatModel)
    family = FAMILIES[call.path]
    if model.family != family:
        raise unsupported_model_error(model.name)
    request = _read_request(call, model, family)
    answers = rules.answers(request.chat)
    if request.stream:
        return Reply(events=_events(request, answers), usage=_usage(request, answers))
    return Reply(_answer_body(request, answers))


def _read_request(call: Call, model: ChatModel, family: Family) -> _Request:
    body = call.body
    given = body.get("input")
    if not isinstance(given, Mapping) or ("messages" not in given and "prompt" not in given):
        raise parameter_error(_NO_INPUT)
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("messages", "prompt") if family == "text" else ("messages",), "input")
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise Refusal(INVALID_BODY)
    check_keys(parameters, _PARAMETERS, "parameters")
    stream = asks_for_stream(call.headers)
    messages = _read_input(given, model, family, call.protocol, uploads=call.may_use_uploads())
    request = _Request(
        chat=read_parameters(model, messages, parameters, call.protocol, stream=stream),
        family=family,
        stream=stream,
        incremental=parameters.get("incremental_output", model.new_defaults),
        as_message=family == "multimodal" or _asks_for_message(parameters, model),
        lists_sources=bool((parameters.get("search_options") or {}).get("enable_source")),
        request_id=call.request_id,
    )
    _check_combinations(request)
    return request


def _asks_for_message(parameters: Mapping[str, Any], model: ChatModel) -> bool:
    result_format = parameters.get("result_format", "message" if model.new_defaults else "text")
    if result_format not in ("text", "message"):
        raise parameter_error(f"'{result_format}' is not one of ['text', 'message'] - 'parameters.result_format'")
    return bool(result_format == "message")


def _check_combinations(request: _Request) -> None:
    """Refuse parameters that this protocol does not accept together."""
    chat = request.chat
    if not isinstance(request.incremental, bool):
        raise parameter_error(f"{request.incremental!r} is not of type 'boolean' - 'parameters.incremental_output'")
    if chat.thinking and not request.as_message:
        raise parameter_error('The result_format parameter must be "message" when enable_thinking is true')
    if chat.tools and not request.as_message:
        raise parameter_error('The result_format parameter must be "message" when tools are given')  # our text
    if chat.thinking and request.stream and not request.incremental:
        raise parameter_error('The incremental_output parameter must be "true" when enable_thinking is true')
    if chat.search and request.family == "multimodal" and not request.stream:
        raise parameter_error("Non-streaming mode does not support Web Search")


def _read_input(
    given: Mapping[str, Any], model: ChatModel, family: Family, protocol: Protocol, *, uploads: bool
) -> tuple[Message, ...]:
    if "messages" not in given:
        if not isinstance(given["prompt"], str) or not given["prompt"]:
            raise parameter_error(ROLE_OR_LENGTH)
        return (Message("user", given["prompt"]),)

    def read_content(raw: Any, role: str) -> Content:
        if family == "text":
            return _read_text_content(raw)
        return _read_multimodal_content(raw, role, uploads=uploads)

    return read_messages(given["messages"], model, protocol, read_content)


def _read_text_content(raw: Any) -> Content:
    """Read a string, or a list of texts, which `cache_control` needs."""
    if isinstance(raw, str):
        return raw, ()
    if not isinstance(raw, list):
        raise inference_error("input content must be a string.")
    for part in raw:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            raise inference_error(UNEXPECTED_ITEM)
        check_keys(part, ("type", "text", *_CACHE_MARKS), "input.messages.content")
    return "\n".join(part["text"] for part in raw), ()


def _read_multimodal_content(raw: Any, role: str, *, uploads: bool) -> Content:
    # The docs' own sample sends a plain string in a tool message (DashScope reference, 2026-11-05).
    if role == "tool" and isinstance(raw, str):
        return raw, ()
    if not isinstance(raw, list):
        raise parameter_error(_MALFORMED_ITEM)
    texts: list[str] = []
    media: list[str] = []
    for part in raw:
        kind = next((kind for kind in _KINDS if isinstance(part, Mapping) and kind in part), None)
        if kind is None or set(part) - {kind} - _MEDIA_HINTS:
            raise parameter_error(_MALFORMED_ITEM)
        if kind == "text":
            if not isinstance(part["text"], str):
                raise parameter_error(_MALFORMED_ITEM)
            texts.append(part["text"])
            continue
        frames = part[kind] if kind == "video" and isinstance(part[kind], list) else None
        for reference in [part[kind]] if frames is None else frames:
            _media.check(kind if frames is None else "image", reference, uploads=uploads)
        media.append(kind)
    return "\n".join(texts), tuple(media)


# --- bodies -----------------------------------------------------------------------------------------


def _answer_body(request: _Request, answers: Sequence[ModelAnswer]) -> dict[str, Any]:
    if request.as_message:
        choices = [
            _choice(request, with_ids(answer, request.request_id, index), index) for index, answer in enumerate(answers)
        ]
        output: dict[str, Any] = {"choices": choices}
    else:
        output = {"finish_reason": answers[0].finish_reason, "text": answers[0].text}
    return _body(request, output, answers, is_first=True)


def _choice(request: _Request, answer: ModelAnswer, index: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _content(request, answer.text)}
    if request.chat.thinking:
        message["reasoning_content"] = answer.reasoning
    if answer.ciphertext:
        message["encrypted_content"] = answer.ciphertext
    if answer.calls:
        message["tool_calls"] = tool_calls(answer)
    choice: dict[str, Any] = {"finish_reason": answer.finish_reason, "message": message}
    if request.family == "text":
        choice["index"] = index
    if request.chat.logprobs is not None:
        choice["logprobs"] = logprobs(answer.text, request.chat.logprobs)
    return choice


def _content(request: _Request, text: str) -> Any:
    """Return content as the endpoint writes it: a string, or a list that is empty when there is no text."""
    if request.family == "text":
        return text
    return [{"text": text}] if text else []


def _body(
    request: _Request, output: dict[str, Any], so_far: Sequence[ModelAnswer], *, is_first: bool
) -> dict[str, Any]:
    """Return a body with its usage; search results are in the first one of a stream only."""
    usage = _usage(request, so_far)
    if request.chat.search:
        if request.lists_sources:
            output["search_info"] = {"search_results": [_SEARCH_RESULT] if is_first else []}
        usage["plugins"] = {"search": {"count": 1, "strategy": "turbo"}}
    return {"output": output, "usage": usage, "request_id": request.request_id}


def _usage(request: _Request, so_far: Sequence[ModelAnswer]) -> dict[str, Any]:
    counts = rules.usage(request.chat, so_far)
    usage: dict[str, Any] = {
        "total_tokens": counts.input + counts.output,
        "output_tokens": counts.output,
        "input_tokens": counts.input,
    }
    reasoning = {"reasoning_tokens": counts.reasoning} if request.chat.thinking else {}
    if request.family == "text":
        usage["prompt_tokens_details"] = {"cached_tokens": 0}
        if reasoning:
            usage["output_tokens_details"] = reasoning
        return usage
    media = {f"{kind}_tokens": tokens for kind, tokens in counts.media}
    usage["input_tokens_details"] = {**media, "text_tokens": counts.input - sum(media.values())}
    usage["prompt_tokens_details"] = {}
    # Here text_tokens excludes the reasoning (recorded 2026-04, qwen3.6-plus).
    usage["output_tokens_details"] = {**reasoning, "text_tokens": counts.output - counts.reasoning}
    return usage | media


# --- streams ----------------------------------------------------------------------------------------


def _events(request: _Request, answers: Sequence[ModelAnswer]) -> Iterator[bytes]:
    """Yield the events of a stream; each has the usage so far, and none is `[DONE]`."""
    number = 0
    complete: list[ModelAnswer] = []
    for index, answer in enumerate(answers):
        so_far = answer
        for output, so_far in _outputs(request, with_ids(answer, request.request_id, index), index):
            number += 1
            body = _body(request, output, [*complete, so_far], is_first=number == 1)
            yield _event(number, "result", 200, body)
        complete.append(so_far)


def _outputs(request: _Request, answer: ModelAnswer, index: int) -> Iterator[tuple[dict[str, Any], ModelAnswer]]:
    """Yield the `output` of each event, with the answer so far."""
    so_far = ModelAnswer()
    previous: Step | None = None
    for step in steps(answer):
        if previous is not None:
            so_far = previous.so_far
            yield _output(request, previous, answer, index, is_last=False), so_far
        previous = step
    # Increments of the text endpoint end with an event of their own; cumulative streams and the multimodal
    # endpoint end with the last text (recorded 2025-10, 2025-11 and 2026-04).
    if previous is not None:
        is_last = request.family == "multimodal" or not request.incremental
        so_far = previous.so_far
        yield _output(request, previous, answer, index, is_last=is_last), so_far
        if is_last:
            return
    yield _last_output(request, answer, index), so_far


def _output(request: _Request, step: Step, answer: ModelAnswer, index: int, *, is_last: bool) -> dict[str, Any]:
    finish_reason = answer.finish_reason if is_last else "null"
    text = step.piece if request.incremental else step.so_far.text
    if not request.as_message:
        return {"finish_reason": finish_reason, "text": text}
    message: dict[str, Any] = {"content": _content(request, text if step.kind == "text" else "")}
    if not request.incremental:
        message["content"] = _content(request, step.so_far.text)
    if request.chat.thinking and (request.family == "text" or step.kind == "reasoning"):
        message["reasoning_content"] = step.piece if step.kind == "reasoning" else ""
    message.update(ciphertext_of(step, answer))
    if step.kind == "call":
        message["tool_calls"] = _tool_call_fragments(request, step, answer)
    message["role"] = "assistant"
    return _choices(request, message, finish_reason, index, step.piece if step.kind == "text" else "")


def _last_output(request: _Request, answer: ModelAnswer, index: int) -> dict[str, Any]:
    """Return an output with nothing new but the finish reason."""
    if not request.as_message:
        return {"finish_reason": answer.finish_reason, "text": ""}
    message: dict[str, Any] = {"content": _content(request, "")}
    if request.chat.thinking:
        message["reasoning_content"] = ""
    if answer.calls:
        # Recorded 2026, qwen-max: the last fragment's function is an empty object.
        message["tool_calls"] = [tool_call(len(answer.calls) - 1, "", {})]
    message["role"] = "assistant"
    return _choices(request, message, answer.finish_reason, index, "")


def _tool_call_fragments(request: _Request, step: Step, answer: ModelAnswer) -> list[dict[str, Any]]:
    if not request.incremental:
        return tool_calls(step.so_far)
    call = answer.calls[step.call]
    if not step.is_first:
        return [tool_call(step.call, "", {"arguments": step.piece})]
    opening = tool_call(step.call, call.id, {"name": call.name, "arguments": step.piece})
    if request.family == "multimodal" and step.call:
        # Recorded 2026-04, qwen3.6-plus: one event ends a call and opens the next.
        return [tool_call(step.call - 1, "", {"arguments": ""}), opening]
    return [opening]


def _choices(
    request: _Request, message: dict[str, Any], finish_reason: str, index: int, new_text: str
) -> dict[str, Any]:
    choice: dict[str, Any] = {"message": message}
    if request.family == "text":
        choice["index"] = index
    if request.chat.logprobs is not None and new_text:
        choice["logprobs"] = logprobs(new_text, request.chat.logprobs)
    return {"choices": [{**choice, "finish_reason": finish_reason}]}


def _event(number: int, kind: str, status: int, body: Mapping[str, Any], *, space: str = "") -> bytes:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"id:{number}\nevent:{space}{kind}\n:HTTP_STATUS/{status}\ndata:{data}\n\n".encode()


# --- errors -----------------------------------------------------------------------------------------


def error_event(refusal: Refusal, request_id: str, number: int, framing: Framing) -> bytes:
    """Return an error as an event of a stream, whose own HTTP status is 200.

    Args:
        refusal: The error.
        request_id: The request's id.
        number: The number of the event.
        framing: `event-space` to write `event: error`, as some gateways do.

    Returns:
        The event.
    """
    body = _errors.dashscope_body(refusal, request_id)
    return _event(number, "error", refusal.status, body, space=" " if framing == "event-space" else "")


def unsupported_model_error(_name: str) -> Refusal:
    """Return the refusal of a model that the endpoint does not serve."""
    return Refusal("url error, please check url！")  # noqa: RUF001 - the service's own exclamation mark


def seed_error(_seed: Any, largest: int) -> Refusal:
    """Return the refusal of a seed that is not an integer from 0 to the largest one."""
    return inference_error(f"Range of seed should be [0, {largest}]")
