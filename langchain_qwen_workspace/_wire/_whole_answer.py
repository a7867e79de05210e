"""Reads a whole chat response as LangChain's result, and what responses and stream events have in common."""

import reprlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_qwen_workspace._redaction import mask_keys
from langchain_qwen_workspace._seam import PARTIAL, SERVED_BY, Json, Request
from langchain_qwen_workspace._wire._chunks import PROVIDER_METADATA
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._message_content import non_text_parts, text_of
from langchain_qwen_workspace._wire._messages import decode_tool_calls
from langchain_qwen_workspace._wire._surrogates import map_texts, repair_surrogates, repair_value
from langchain_qwen_workspace._wire._unknown_fields import unknown_fields
from langchain_qwen_workspace._wire._usage import usage_metadata
from langchain_qwen_workspace.errors import InvalidResponseError

FindChoices: TypeAlias = Callable[[Json], Sequence[Json]]
"""Returns the choices of a response or an event, wherever the protocol puts them."""

FindFacts: TypeAlias = Callable[[Json], Json]
"""Returns what else a response or an event has for the message's metadata."""

# The dashscope protocol sends the string "null" while an answer is incomplete (recordings, 2025).
_NO_FINISH_REASON = (None, "null", "")
_NO_FINISH_REASON_WARNING = "The response has no finish reason, so the answer may be incomplete."


def read_result(body: Json, request: Request, find_choices: FindChoices, find_facts: FindFacts) -> ChatResult:
    """Return LangChain's result for a whole response.

    Raises:
        InvalidResponseError: The response has no choices, or does not have the protocol's shape.
    """
    request = with_actual_destination(request, body)
    try:
        choices = find_choices(body)
        if choices:
            return _build_result(body, choices, request, find_facts(body))
    except MALFORMED_INPUT_ERRORS as error:
        raise malformed_response_error(body, request, error) from error
    raise InvalidResponseError(
        "The response has no choices.", request_id=body.get("request_id"), **request.error_context
    )


def with_actual_destination(request: Request, body: Json) -> Request:
    """Return a request with the destination that served it, which differs from the request's after a failover."""
    return replace(request, destination=body[SERVED_BY]) if SERVED_BY in body else request


class _Excerpts(reprlib.Repr):
    """Shortens values. Keys in texts are masked before, since half of one is not recognised."""

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(mask_keys(x), level)


_excerpts = _Excerpts()


def malformed_response_error(body: Json, request: Request, error: Exception) -> InvalidResponseError:
    """Return the error for a response or an event that could not be read.

    Args:
        body: The response or the event.
        request: The request that it answers.
        error: The exception that reading it raised.
    """
    return InvalidResponseError(
        f"The response does not have the protocol's shape ({type(error).__name__}: {error}): {_excerpts.repr(body)}",
        request_id=body.get("request_id"),
        **request.error_context,
    )


def _build_result(body: Json, choices: Sequence[Json], request: Request, facts: Json) -> ChatResult:
    usage = usage_metadata(body.get("usage"))
    generations = []
    for choice in choices:
        raw = choice.get("message") or choice.get("delta") or {}
        valid, invalid = decode_tool_calls(raw.get("tool_calls") or [], body.get("request_id"), request.tool_names)
        finish_reason = read_finish_reason(choice)
        metadata = response_metadata(request, body.get("request_id"), finish_reason, body.get("usage"), facts)
        if choice.get("logprobs"):
            metadata["logprobs"] = choice["logprobs"]
        if body.get(PARTIAL):
            metadata.update(partial_metadata(finish_reason))
        message = AIMessage(
            content=repair_surrogates(text_of(raw.get("content"))),
            additional_kwargs={
                **with_audio_type(map_texts(read_additional_kwargs(raw), _repair_text)),
                **repair_value(unknown_fields(raw, KNOWN_FIELDS)),
            },
            tool_calls=valid,
            invalid_tool_calls=invalid,
            usage_metadata=usage,
            response_metadata=repair_value(metadata),
        )
        # The service counts all choices of a request together, so only the first message has the usage.
        usage = None
        generations.append(ChatGeneration(message=message, generation_info={"finish_reason": finish_reason}))
    return ChatResult(generations=generations)


def _repair_text(_: str, text: str) -> str:
    return repair_surrogates(text)


ADDITIONAL_KWARGS: dict[str, type] = {
    "reasoning_content": str,
    "refusal": str,
    "audio": dict,
    "annotations": list,
    "deep_research": list,
}
"""The fields of a message or delta that become `additional_kwargs`, and their types."""

KNOWN_FIELDS = frozenset({"role", "content", "tool_calls", *ADDITIONAL_KWARGS})
"""The fields of a message or delta that this package knows."""


def read_additional_kwargs(raw: Json) -> dict[str, Any]:
    """Return the `additional_kwargs` of a message or delta.

    Raises:
        TypeError: A field has another type than the protocol says.
    """
    additional_kwargs: dict[str, Any] = {}
    for name, value in raw.items():
        if value and (kind := ADDITIONAL_KWARGS.get(name)) is not None:
            if not isinstance(value, kind):
                raise TypeError(f"`{name}` is {type(value).__name__}")
            additional_kwargs[name] = value
    content = raw.get("content")
    if not isinstance(content, str) and (parts := non_text_parts(content)):
        additional_kwargs["content_parts"] = parts
    return additional_kwargs


def with_audio_type(additional_kwargs: dict[str, Any]) -> dict[str, Any]:
    """Add the MIME type of the audio, if there is audio."""
    if "audio" in additional_kwargs and (data := additional_kwargs["audio"].get("data")):
        # "wav" is the only format to ask for, but the docs' samples read raw samples out of it, of 16 bits at 24 kHz
        # (Model Studio docs, Qwen-Omni, 2026-09). The header of a WAV file begins with "RIFF".
        mime_type = "audio/wav" if str(data).startswith("UklGR") else "audio/pcm"
        additional_kwargs["audio"] = {**additional_kwargs["audio"], "mime_type": mime_type}
    return additional_kwargs


def read_finish_reason(choice: Json) -> str | None:
    """Return a choice's finish reason; `None` while the answer is incomplete."""
    reason = choice.get("finish_reason")
    return None if reason in _NO_FINISH_REASON else str(reason)


def partial_metadata(finish_reason: str | None) -> dict[str, Any]:
    """Return what the metadata of an answer that may be incomplete has in addition."""
    warning = {} if finish_reason else {"warning": _NO_FINISH_REASON_WARNING}
    return {PARTIAL: True, **warning}


def response_metadata(
    request: Request, request_id: str | None, finish_reason: str | None, usage: Json | None, facts: Json
) -> dict[str, Any]:
    """Return a message's `response_metadata`; `facts` may replace the model's name."""
    return {
        **PROVIDER_METADATA,
        "model_name": request.model,
        "finish_reason": finish_reason,
        "request_id": request_id,
        **request.destination.facts,
        **({"token_usage": usage} if usage else {}),
        **facts,
    }
