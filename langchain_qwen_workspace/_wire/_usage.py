"""Reads token usage, in every shape in which Model Studio returns it, as LangChain's `UsageMetadata`."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from langchain_qwen_workspace._seam import Json

_DETAILS = (
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
)

# What was written to the explicit cache for 5 minutes and for 1 hour. Source of the first name: Model Studio docs,
# context cache, 2026-09. Qwen4's pages (2026-11-16) give none for the second, so that it is Anthropic's.
_5_MINUTES, _1_HOUR = "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"


def merge_usage(earlier: Json | None, later: Json) -> Json:
    """Return the later of two usages of a stream, with the details that only the earlier one has.

    Each event of the dashscope protocol repeats the usage so far, and some omit details that an earlier event had.

    Raises:
        TypeError: The later one is not an object.
    """
    if not isinstance(later, dict):
        raise TypeError(f"`usage` is {type(later).__name__}")
    if earlier is None:
        return later
    merged = {**earlier, **later}
    for name in _DETAILS:
        if isinstance(earlier.get(name), dict):
            details = {kind: count for kind, count in (later.get(name) or {}).items() if count is not None}
            merged[name] = {**earlier[name], **details}
    return merged


def usage_metadata(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    """Return LangChain's usage for a protocol's usage, or `None` if it has no tokens.

    Shapes (recordings of 2024 to 2026; Model Studio docs, chat and context cache pages, 2026-09):

    * openai: `prompt_tokens`, `completion_tokens`, details in `prompt_tokens_details` and
      `completion_tokens_details`;
    * dashscope: `input_tokens`, `output_tokens`, details in `prompt_tokens_details` (cache), `input_tokens_details` and
      `output_tokens_details`; `total_tokens` may be missing; Singapore's vision models have `cached_tokens` beside
      the totals; media tokens may be there too, as `image_tokens`, `video_tokens`, `audio_tokens`;
    * responses: `input_tokens`, `output_tokens`, the cache in `input_tokens_details` (reference, 2026-10-23).

    What was written to the explicit cache for 1 hour is in `prompt_tokens_details`, too. `cache_creation` is the sum of
    all that was written; if the service returns what was written for 1 hour, both parts are beside it, under the
    service's names.

    `text_tokens` is ignored: recordings disagree on whether it includes the reasoning.
    """
    if not usage:
        return None
    inputs = _first_int(usage.get("prompt_tokens"), usage.get("input_tokens"))
    outputs = _first_int(usage.get("completion_tokens"), usage.get("output_tokens"))
    if inputs is None and outputs is None:
        # Models that generate images count images instead.
        return None
    inputs, outputs = inputs or 0, outputs or 0
    input_details = {
        **_object(usage.get("input_tokens_details")),
        **_object(usage.get("prompt_tokens_details")),
    }
    output_details = _object(usage.get("completion_tokens_details")) or _object(usage.get("output_tokens_details"))
    metadata = UsageMetadata(
        input_tokens=inputs,
        output_tokens=outputs,
        total_tokens=max(_first_int(usage.get("total_tokens")) or 0, inputs + outputs),
    )
    input_kinds = {
        "cache_read": _first_int(input_details.get("cached_tokens"), usage.get("cached_tokens")),
        **_cache_writes(input_details),
        **{
            kind: _first_int(input_details.get(f"{kind}_tokens"), usage.get(f"{kind}_tokens"))
            for kind in ("audio", "image", "video")
        },
    }
    output_kinds = {
        "reasoning": _first_int(output_details.get("reasoning_tokens")),
        "audio": _first_int(output_details.get("audio_tokens")),
    }
    if known := {kind: count for kind, count in input_kinds.items() if count is not None}:
        metadata["input_token_details"] = InputTokenDetails(**known)  # type: ignore[typeddict-item]  # extra kinds are allowed
    if known := {kind: count for kind, count in output_kinds.items() if count is not None}:
        metadata["output_token_details"] = OutputTokenDetails(**known)  # type: ignore[typeddict-item]  # a comprehension has no literal keys
    return metadata


def _cache_writes(details: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the tokens that were written to the explicit cache, and for how long if there are two lifetimes."""
    written = {**details, **_object(details.get("cache_creation"))}
    short, long = _first_int(written.get(_5_MINUTES)), _first_int(written.get(_1_HOUR))
    total = _first_int(details.get("cache_creation_input_tokens"))
    if total is None and not (short is long is None):
        total = (short or 0) + (long or 0)
    # Without any for 1 hour, all are for 5 minutes: LangChain's tests do not want to see them twice.
    return {"cache_creation": total, **({_5_MINUTES: short or 0, _1_HOUR: long} if long is not None else {})}


def embedding_usage(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    """Return the usage of an embedding or rerank request, or `None` if the service did not return it.

    Shapes (Model Studio docs, embedding, multimodal embedding and rerank pages, 2026-07 and -08): `prompt_tokens` with
    `total_tokens`; `total_tokens` alone; the text's `input_tokens` beside `image_tokens`, with or without a total; an
    `output_tokens` that some vision models count.
    """
    if not isinstance(usage, dict):
        return None
    input_details = {**_object(usage.get("input_tokens_details")), **usage}
    media = {kind: _first_int(input_details.get(f"{kind}_tokens")) for kind in ("image", "video", "audio")}
    text = _first_int(usage.get("prompt_tokens"), usage.get("input_tokens"))
    known = {kind: count for kind, count in media.items() if count is not None}
    total = _first_int(usage.get("total_tokens"))
    if total is None:
        if text is None and not known:
            return None
        total = (text or 0) + sum(known.values()) + (_first_int(usage.get("output_tokens")) or 0)
    outputs = min(_first_int(usage.get("output_tokens")) or 0, total)
    metadata = UsageMetadata(input_tokens=total - outputs, output_tokens=outputs, total_tokens=total)
    if known:
        metadata["input_token_details"] = InputTokenDetails(**known)  # type: ignore[typeddict-item]  # extra kinds are allowed
    return metadata


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_int(*values: object) -> int | None:
    for value in values:
        if type(value) is int:  # `bool` is a subclass.
            return value
    return None
