"""Reads a whole response as a LangChain result, and what whole responses and stream events have in common."""

import reprlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_qwen_workspace._seam import PARTIAL, SERVED_BY, Json, Request
from langchain_qwen_workspace._wire._chunks import PROVIDER_METADATA
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS
from langchain_qwen_workspace._wire._message_content import other_parts_in, text_in
from langchain_qwen_workspace._wire._messages import decode_tool_calls
from langchain_qwen_workspace._wire._usage import usage_metadata
from langchain_qwen_workspace.errors import InvalidResponseError

# The native protocol writes `"null"` while an answer goes on (recordings, 2025).
_UNFINISHED = (None, "null", "")


ChoicesIn: TypeAlias = Callable[[Json], Sequence[Json]]
"""Finds an answer's or event's choices, wherever the dialect has them."""

FactsIn: TypeAlias = Callable[[Json], Json]
"""Finds what else an answer or event tells, for the metadata."""


def result(body: Json, request: Request, choices_in: ChoicesIn, facts_in: FactsIn) -> ChatResult:
    """Return LangChain's result for a whole answer.

    Raises:
        InvalidResponseError: There is no choice, or the answer is not of the protocol's shape.
    """
    request = with_actual_destination(request, body)
    try:
        choices = choices_in(body)
        if choices:
            return _result(body, choices, request, facts_in(body))
    except MALFORMED_INPUT_ERRORS as error:
        raise malformed_response_error(body, request, error) from error
    raise InvalidResponseError("The answer has no choices.", request_id=body.get("request_id"), **request.error_context)


def with_actual_destination(request: Request, body: Json) -> Request:
    """Return a request as that of the workspace which answered it."""
    return replace(request, destination=body[SERVED_BY]) if SERVED_BY in body else request


def malformed_response_error(body: Json, request: Request, error: Exception) -> InvalidResponseError:
    return InvalidResponseError(
        f"The answer is not of the protocol's shape ({type(error).__name__}: {error}): {reprlib.repr(body)}",
        request_id=body.get("request_id"),
        **request.error_context,
    )


def _result(body: Json, choices: Sequence[Json], request: Request, facts: Json) -> ChatResult:
    usage = usage_metadata(body.get("usage"))
    generations = []
    for choice in choices:
        raw = choice.get("message") or choice.get("delta") or {}
        valid, invalid = decode_tool_calls(raw.get("tool_calls") or [], body.get("request_id"))
        finish_reason = read_finish_reason(choice)
        metadata = response_metadata(request, body.get("request_id"), finish_reason, body.get("usage"), facts)
        if choice.get("logprobs"):
            metadata["logprobs"] = choice["logprobs"]
        if body.get(PARTIAL):
            metadata[PARTIAL] = True
        message = AIMessage(
            content=text_in(raw.get("content")),
            additional_kwargs=with_audio_type(read_additional_kwargs(raw)),
            tool_calls=valid,
            invalid_tool_calls=invalid,
            usage_metadata=usage,
            response_metadata=metadata,
        )
        # The service counts all choices of a request together: the first one carries the count.
        usage = None
        generations.append(ChatGeneration(message=message, generation_info={"finish_reason": finish_reason}))
    return ChatResult(generations=generations)


ADDITIONAL_KWARGS: dict[str, type] = {
    "reasoning_content": str,
    "refusal": str,
    "audio": dict,
    "annotations": list,
    "deep_research": list,
}


def read_additional_kwargs(raw: Json) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if value and (kind := ADDITIONAL_KWARGS.get(name)) is not None:
            if not isinstance(value, kind):
                raise TypeError(f"`{name}` is {type(value).__name__}")
            kept[name] = value
    content = raw.get("content")
    if not isinstance(content, str) and (parts := other_parts_in(content)):
        kept["content_parts"] = parts
    return kept


def with_audio_type(beside: dict[str, Any]) -> dict[str, Any]:
    if "audio" in beside and beside["audio"].get("data"):
        # "wav" is the only format to ask for, but the docs' samples read bare samples out of it, of 16 bits at 24 kHz
        # (Model Studio docs, Qwen-Omni, 2026-09). The header of a WAV file begins with "RIFF".
        kind = "audio/wav" if str(beside["audio"]["data"]).startswith("UklGR") else "audio/pcm"
        beside["audio"] = {**beside["audio"], "mime_type": kind}
    return beside


def read_finish_reason(choice: Json) -> str | None:
    reason = choice.get("finish_reason")
    return None if reason in _UNFINISHED else str(reason)


def response_metadata(
    request: Request, request_id: str | None, finish_reason: str | None, usage: Json | None, facts: Json
) -> dict[str, Any]:
    return {
        **PROVIDER_METADATA,
        "model_name": request.model,
        "finish_reason": finish_reason,
        "request_id": request_id,
        **asdict(request.destination),
        **({"token_usage": usage} if usage else {}),
        **facts,
    }
