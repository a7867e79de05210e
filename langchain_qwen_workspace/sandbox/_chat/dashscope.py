"""The native chat wire: body in, `Ask`; answers in, body or events out.

Shapes: Model Studio docs, DashScope reference (2026-11-05), and recorded answers: qwen-turbo (2025-11),
qwen-plus (2025-10), qwen-max with parallel calls and qwen3.6-plus with thinking and calls (2026-04).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _errors, _media
from langchain_qwen_workspace.sandbox._chat import rules
from langchain_qwen_workspace.sandbox._chat.conversation import Answer, Ask, Turn
from langchain_qwen_workspace.sandbox._chat.messages import ROLE_OR_LENGTH, Content, check_keys, read
from langchain_qwen_workspace.sandbox._chat.parameters import SHARED, read_ask
from langchain_qwen_workspace.sandbox._chat.stream_steps import Step, logprobs, steps, with_ids
from langchain_qwen_workspace.sandbox._errors import Refusal, refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import ChatModel, Family

_PARAMETERS = SHARED | {
    "result_format",
    "incremental_output",
    "max_frames",
    "vl_enable_image_hw_output",
    "asr_options",
    "enable_text_image_mixed",
}
_HINTS = frozenset({"min_pixels", "max_pixels", "total_pixels", "fps", "max_frames", "cache_control"})
_KINDS = ("text", "image", "video", "audio")
_NO_INPUT = 'Either "prompt" or "messages" must exist and cannot both be none'
_MODAL = "The item of content should be a message of a certain modal."


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation request on this wire.

    Attributes:
        ask: What it asks.
        family: Which endpoint it came to.
        stream: Whether it streams.
        incremental: Whether events carry increments, not the whole text so far.
        as_message: Whether the answer is a message rather than `output.text`.
        sources: Whether search results are listed.
    """

    ask: Ask
    family: Family
    stream: bool
    incremental: bool
    as_message: bool
    sources: bool


def parse(body: Mapping[str, Any], model: ChatModel, family: Family, *, stream: bool, uploads: bool) -> Generation:
    """Read a generation request.

    Args:
        body: The JSON body.
        model: The model it names.
        family: The endpoint it came to.
        stream: Whether its headers ask for a stream.
        uploads: Whether its headers let `oss://` references through.

    Returns:
        The request.

    Raises:
        Refusal: If the service would refuse it.
    """
    given = body.get("input")
    if not isinstance(given, Mapping) or ("messages" not in given and "prompt" not in given):
        raise refuse(_NO_INPUT)
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("messages", "prompt") if family == "text" else ("messages",), "input")
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise Refusal("Required body invalid, please check the request body format.")
    check_keys(parameters, _PARAMETERS, "parameters")
    turns = _turns(given, model, family, uploads=uploads)
    shared = {name: parameters[name] for name in SHARED if name in parameters}
    ask = read_ask(model, turns, shared, stream=stream, wire="native")
    generation = Generation(
        ask=ask,
        family=family,
        stream=stream,
        incremental=parameters.get("incremental_output", model.new_defaults),
        as_message=family == "multimodal" or _message_format(parameters, model),
        sources=bool((parameters.get("search_options") or {}).get("enable_source")),
    )
    _check_form(generation)
    return generation


def _message_format(parameters: Mapping[str, Any], model: ChatModel) -> bool:
    form = parameters.get("result_format", "message" if model.new_defaults else "text")
    if form not in ("text", "message"):
        raise refuse(f"'{form}' is not one of ['text', 'message'] - 'parameters.result_format'")
    return bool(form == "message")


def _check_form(generation: Generation) -> None:
    if not isinstance(generation.incremental, bool):
        raise refuse(f"{generation.incremental!r} is not of type 'boolean' - 'parameters.incremental_output'")
    if generation.ask.thinking and not generation.as_message:
        raise refuse('The result_format parameter must be "message" when enable_thinking is true')
    if generation.ask.tools and not generation.as_message:
        raise refuse('The result_format parameter must be "message" when tools are given')  # own words
    if generation.ask.thinking and generation.stream and not generation.incremental:
        raise refuse('The incremental_output parameter must be "true" when enable_thinking is true')
    if generation.ask.search and generation.family == "multimodal" and not generation.stream:
        raise refuse("Non-streaming mode does not support Web Search")


def _turns(given: Mapping[str, Any], model: ChatModel, family: Family, *, uploads: bool) -> tuple[Turn, ...]:
    if "messages" not in given:
        if not isinstance(given["prompt"], str) or not given["prompt"]:
            raise refuse(ROLE_OR_LENGTH)
        return (Turn("user", given["prompt"]),)

    def content(raw: Any, role: str) -> Content:
        if family == "text":
            return _text_content(raw)
        return _listed_content(raw, role, uploads=uploads)

    return read(given["messages"], model, content, "native")


def _text_content(raw: Any) -> Content:
    """A string, or a list of texts as the cache's `cache_control` needs it."""
    if isinstance(raw, str):
        return raw, ()
    if not isinstance(raw, list):
        raise refuse_algo("input content must be a string.")
    for part in raw:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            raise refuse_algo(
                "The provided messages input is invalid. The error info is [Unexpected item type in content]"
            )
        check_keys(part, ("type", "text", "cache_control"), "input.messages.content")
    return "\n".join(part["text"] for part in raw), ()


def _listed_content(raw: Any, role: str, *, uploads: bool) -> Content:
    # The docs' own sample sends a plain string in a tool message (DashScope reference, 2026-11-05).
    if role == "tool" and isinstance(raw, str):
        return raw, ()
    if not isinstance(raw, list):
        raise refuse(_MODAL)
    texts: list[str] = []
    media: list[str] = []
    for part in raw:
        kind = next((kind for kind in _KINDS if isinstance(part, Mapping) and kind in part), None)
        if kind is None or set(part) - {kind} - _HINTS:
            raise refuse(_MODAL)
        if kind == "text":
            if not isinstance(part["text"], str):
                raise refuse(_MODAL)
            texts.append(part["text"])
            continue
        frames = part[kind] if kind == "video" and isinstance(part[kind], list) else None
        for reference in [part[kind]] if frames is None else frames:
            _media.check(kind if frames is None else "image", reference, uploads=uploads)
        media.append(kind)
    return "\n".join(texts), tuple(media)


# --- answers ----------------------------------------------------------------------------------------


def render(generation: Generation, answers: Sequence[Answer], request_id: str) -> dict[str, Any]:
    """The body of an answer that is not streamed.

    Args:
        generation: The request.
        answers: Its answers.
        request_id: The request's id.

    Returns:
        The body.
    """
    ask = generation.ask
    if generation.as_message:
        choices = [_choice(generation, with_ids(a, request_id, n), n) for n, a in enumerate(answers)]
        output: dict[str, Any] = {"choices": choices}
    else:
        output = {"finish_reason": answers[0].finish, "text": answers[0].text}
    return _body(generation, output, answers, request_id, with_sources=ask.search)


def _choice(generation: Generation, answer: Answer, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _said(generation, answer.text)}
    if generation.ask.thinking:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [
            _fragment(at, call.id, {"name": call.name, "arguments": call.arguments})
            for at, call in enumerate(answer.calls)
        ]
    choice: dict[str, Any] = {"finish_reason": answer.finish, "message": message}
    if generation.family == "text":
        choice["index"] = number
    if generation.ask.logprobs is not None:
        choice["logprobs"] = logprobs(answer.text, generation.ask.logprobs)
    return choice


def _said(generation: Generation, text: str) -> Any:
    """Content in the endpoint's form: a string, or a list that is empty when there is no text."""
    if generation.family == "text":
        return text
    return [{"text": text}] if text else []


def _fragment(index: int, call_id: str, function: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "id": call_id, "type": "function", "function": function}


def _body(
    generation: Generation,
    output: dict[str, Any],
    so_far: Sequence[Answer],
    request_id: str,
    *,
    with_sources: bool,
) -> dict[str, Any]:
    usage = _usage(generation, so_far)
    if generation.ask.search:
        if generation.sources:
            output["search_info"] = {"search_results": [_SOURCE] if with_sources else []}
        usage["plugins"] = {"search": {"count": 1, "strategy": "turbo"}}
    return {"output": output, "usage": usage, "request_id": request_id}


_SOURCE = {
    "site_name": "sandbox",
    "icon": "",
    "index": 1,
    "title": "The sandbox searches nothing",
    "url": "https://example.com/",
}


def _usage(generation: Generation, so_far: Sequence[Answer]) -> dict[str, Any]:
    counted = rules.usage(generation.ask, so_far)
    usage: dict[str, Any] = {
        "total_tokens": counted.input + counted.output,
        "output_tokens": counted.output,
        "input_tokens": counted.input,
    }
    if generation.family == "text":
        usage["prompt_tokens_details"] = {"cached_tokens": 0}
        if generation.ask.thinking:
            usage["output_tokens_details"] = {"reasoning_tokens": counted.reasoning}
        return usage
    media = {f"{kind}_tokens": n for kind, n in counted.media}
    usage["input_tokens_details"] = {**media, "text_tokens": counted.input - sum(media.values())}
    usage["prompt_tokens_details"] = {}
    # Here text_tokens leaves the reasoning out (recorded 2026-04, qwen3.6-plus).
    spoken = {"text_tokens": counted.output - counted.reasoning}
    thought = {"reasoning_tokens": counted.reasoning} if generation.ask.thinking else {}
    usage["output_tokens_details"] = {**thought, **spoken}
    return usage | media


# --- streams ----------------------------------------------------------------------------------------


def events(generation: Generation, answers: Sequence[Answer], request_id: str) -> Iterator[bytes]:
    """The events of a streamed answer; every one has the usage so far, none is `[DONE]`.

    Args:
        generation: The request.
        answers: Its answers.
        request_id: The request's id.

    Yields:
        One server-sent event at a time.
    """
    number = 0
    done: list[Answer] = []
    for choice, answer in enumerate(answers):
        so_far = answer
        for output, so_far in _outputs(generation, with_ids(answer, request_id, choice), choice):
            number += 1
            body = _body(generation, output, [*done, so_far], request_id, with_sources=number == 1)
            yield _event(number, "result", 200, body)
        done.append(so_far)


def _outputs(generation: Generation, answer: Answer, choice: int) -> Iterator[tuple[dict[str, Any], Answer]]:
    """What each event's `output` holds, with the answer so far."""
    so_far = Answer()
    waiting: list[Step] = []
    for step in steps(answer):
        if waiting:
            so_far = waiting[-1].so_far
            yield _output(generation, waiting.pop(), answer, choice, last=False), so_far
        waiting.append(step)
    # Increments of the text endpoint end with an event of their own; cumulative streams and the multimodal
    # endpoint end with the last text (recorded 2025-10, 2025-11 and 2026-04).
    if waiting:
        last = generation.family == "multimodal" or not generation.incremental
        so_far = waiting[-1].so_far
        yield _output(generation, waiting[-1], answer, choice, last=last), so_far
        if last:
            return
    yield _ending(generation, answer, choice), so_far


def _output(generation: Generation, step: Step, answer: Answer, choice: int, *, last: bool) -> dict[str, Any]:
    finish = answer.finish if last else "null"
    text = step.piece if generation.incremental else step.so_far.text
    if not generation.as_message:
        return {"finish_reason": finish, "text": text}
    message: dict[str, Any] = {"content": _said(generation, text if step.kind == "text" else "")}
    if not generation.incremental:
        message["content"] = _said(generation, step.so_far.text)
    if generation.ask.thinking and (generation.family == "text" or step.kind == "reasoning"):
        message["reasoning_content"] = step.piece if step.kind == "reasoning" else ""
    if step.kind == "call":
        message["tool_calls"] = _fragments(generation, step, answer)
    message["role"] = "assistant"
    return _choices(generation, message, finish, choice, step.piece if step.kind == "text" else "")


def _ending(generation: Generation, answer: Answer, choice: int) -> dict[str, Any]:
    """A last event with nothing new but the reason to stop."""
    if not generation.as_message:
        return {"finish_reason": answer.finish, "text": ""}
    message: dict[str, Any] = {"content": _said(generation, "")}
    if generation.ask.thinking:
        message["reasoning_content"] = ""
    if answer.calls:
        # Recorded 2026, qwen-max: the last fragment's function is an empty object.
        message["tool_calls"] = [_fragment(len(answer.calls) - 1, "", {})]
    message["role"] = "assistant"
    return _choices(generation, message, answer.finish, choice, "")


def _fragments(generation: Generation, step: Step, answer: Answer) -> list[dict[str, Any]]:
    if not generation.incremental:
        return _whole(step.so_far)
    call = answer.calls[step.call]
    if not step.first:
        return [_fragment(step.call, "", {"arguments": step.piece})]
    opening = _fragment(step.call, call.id, {"name": call.name, "arguments": step.piece})
    if generation.family == "multimodal" and step.call:
        # Recorded 2026-04, qwen3.6-plus: one event ends a call and opens the next.
        return [_fragment(step.call - 1, "", {"arguments": ""}), opening]
    return [opening]


def _whole(answer: Answer) -> list[dict[str, Any]]:
    return [_fragment(n, c.id, {"name": c.name, "arguments": c.arguments}) for n, c in enumerate(answer.calls)]


def _choices(generation: Generation, message: dict[str, Any], finish: str, choice: int, text: str) -> dict[str, Any]:
    made: dict[str, Any] = {"message": message}
    if generation.family == "text":
        made["index"] = choice
    if generation.ask.logprobs is not None and text:
        made["logprobs"] = logprobs(text, generation.ask.logprobs)
    return {"choices": [{**made, "finish_reason": finish}]}


def _event(number: int, kind: str, status: int, body: Mapping[str, Any], *, space: str = "") -> bytes:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"id:{number}\nevent:{space}{kind}\n:HTTP_STATUS/{status}\ndata:{data}\n\n".encode()


def error_event(refusal: Refusal, request_id: str, number: int = 1, *, space: bool = False) -> bytes:
    """An error inside a stream; the HTTP status was 200 long before.

    Args:
        refusal: What went wrong.
        request_id: The request's id.
        number: The event's number.
        space: Whether to write `event: error`, as some gateways do.

    Returns:
        The event.
    """
    body = _errors.native_body(refusal, request_id)
    return _event(number, "error", refusal.status, body, space=" " if space else "")
