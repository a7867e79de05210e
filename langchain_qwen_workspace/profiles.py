"""What is this model like: one value per model, and how a name finds it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from langchain_qwen_workspace.data._profiles import FAMILIES, RETIRED_NAMES, ROWS

if TYPE_CHECKING:
    from datetime import date

    # At run time this import would cost more than all the rest of the module together.
    from langchain_core.language_models.model_profile import ModelProfile

    from langchain_qwen_workspace.data._row import (
        Cache,
        Endpoint,
        Fusion,
        JsonOutput,
        Kind,
        Medium,
        Retirement,
        Streaming,
        Thinking,
        ToolChoice,
        WebSearch,
        Wire,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one model is like, as Model Studio's documentation says it.

    The defaults are the permissive profile of a model nobody has heard of: nothing is ruled out and nothing
    is promised, so that a name newer than this package works. Rows of the catalogue state every field of
    their kind.

    Attributes:
        name: The catalogue name whose row this is, `""` where there is no row. A snapshot or an alias has the
            name of the model it is one of.
        known: Whether the catalogue has a row. `False` for a member of a known family and for the permissive
            default.
        kind: What the model is asked to do; `None` if not known.
        protocols: The protocols that serve the model.
        native_endpoint: Which native endpoint serves it: text or multimodal generation, text or multimodal
            embedding. The model decides, not the message: the other one answers 400 `url error`.
        batch_route: What a batch names as its endpoint, where that is not the one of single calls.
        responses_api: Whether the Responses API documents full support; `None` if not known.
        regions: Region ids the model's page lists, Beijing alone where it lists none, empty if not known. A
            newer page may list more: good for a hint, no reason to refuse a call.
        retired: The day inference stops or stopped, `None` if no end is known.
        retirement: How sure that day is. `official`: the service's notice, uncontradicted. `announced`: the
            service's notice, but later pages still list the model. `reported`: seen gone by a pass-through
            reseller, the service's notice not seen. `none`: no end is known.
        retirement_note: What else is known of the retirement, for an error's hint.
        inputs: Media a message may carry.
        outputs: Media an answer may carry.
        context: Tokens of input and output together.
        max_input_tokens: Input tokens without thinking, or in both modes where `max_input_tokens_thinking` is
            `None`.
        max_input_tokens_thinking: Input tokens while thinking, where that differs.
        max_output_tokens: Tokens of the answer, without the reasoning before it.
        max_reasoning_tokens: Tokens of reasoning, the upper end of `thinking_budget`.
        output_limit_covers_reasoning: Whether `max_tokens` counts reasoning and answer together, not the
            answer alone.
        thinking: Whether the model thinks, and by default. Of the known, only `off` and `on` accept a switch.
        thinking_switch: The parameter that switches it.
        reasoning_efforts: Distinct `reasoning_effort` levels, rising; `none` among them turns thinking off.
        default_reasoning_effort: The level if none is given.
        preserve_thinking: Whether the model wants the `reasoning_content` of earlier answers back, in that
            field.
        streaming: When a call has to be streamed.
        cumulative_on_openai: Whether the OpenAI protocol streams the whole text so far in every event, not
            its growth.
        tool_calling: Whether the model calls tools; `None` if not known.
        tool_choice: Accepted forms of `tool_choice`, empty without tools. `function` holds only while the
            model does not think.
        tool_stream: Whether no tool call arrives unless `tool_stream` is sent as `true`.
        json_output: The strongest `response_format`. With images or videos `schema` weakens to `object`.
        web_search: Whether and how `enable_search` works.
        cache: Context caches that the model has.
        dimensions: Embedding sizes to choose from, largest first, empty if not known. A single one is fixed:
            the parameter must then stay away.
        default_dimension: The size if none is asked for.
        max_rows: Texts per embedding request.
        max_row_tokens: Tokens per text.
        max_batch_tokens: Tokens of all texts of a request together.
        max_images: Images in a request to embed, or to rank.
        max_videos: Videos in a request to embed, or to rank.
        fusion: How an embedding model makes one vector of several texts and media.
        sparse: Whether sparse vectors can be asked for, natively.
        instruct: Whether an embedding or rerank model takes a task instruction; embeddings natively only.
        qwen_vocabulary: Whether tokens are those of Qwen's vocabulary, so that they can be counted offline.
        max_documents: Documents per rerank request.
        max_item_tokens: Tokens of the query, and of each document.
        max_request_tokens: The query's tokens times the number of documents, plus the documents' tokens.
    """

    name: str = ""
    known: bool = False
    kind: Kind | None = None
    protocols: frozenset[Wire] = frozenset({"openai", "dashscope"})
    native_endpoint: Endpoint = "text"
    batch_route: str | None = None
    responses_api: bool | None = None
    regions: frozenset[str] = frozenset()
    retired: date | None = None
    retirement: Retirement = "none"
    retirement_note: str = ""

    inputs: frozenset[Medium] = frozenset({"text", "image", "video", "audio"})
    outputs: frozenset[Medium] = frozenset({"text", "audio"})
    context: int | None = None
    max_input_tokens: int | None = None
    max_input_tokens_thinking: int | None = None
    max_output_tokens: int | None = None
    max_reasoning_tokens: int | None = None
    output_limit_covers_reasoning: bool = False

    thinking: Thinking = "unknown"
    thinking_switch: Literal["enable_thinking", "thinking"] = "enable_thinking"
    reasoning_efforts: tuple[str, ...] = ()
    default_reasoning_effort: str | None = None
    preserve_thinking: bool = False
    streaming: Streaming = "optional"
    cumulative_on_openai: bool = False

    tool_calling: bool | None = None
    tool_choice: frozenset[ToolChoice] = frozenset({"auto", "none", "function", "required"})
    tool_stream: bool = False
    json_output: JsonOutput = "unknown"
    web_search: WebSearch = "unknown"
    cache: frozenset[Cache] = frozenset({"explicit", "implicit"})

    dimensions: tuple[int, ...] = ()
    default_dimension: int | None = None
    max_rows: int = 10
    max_row_tokens: int | None = None
    max_batch_tokens: int | None = None
    max_images: int | None = None
    max_videos: int | None = None
    fusion: Fusion = "parameter"
    sparse: bool = True
    instruct: bool = True
    qwen_vocabulary: bool = True

    max_documents: int | None = None
    max_item_tokens: int | None = None
    max_request_tokens: int | None = None


_CATALOGUE_NAMES = {name.lower(): name for name in ROWS}

# A dated snapshot, a rolling alias, or Virginia's own deployment: the same model, told apart by its name's
# end.
_VERSION = re.compile(r"-(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}|latest|preview|us)\Z")
_MOST_VERSIONS = 3  # `qwen-plus-2025-12-01-us` has two
_VIRGINIA = frozenset({"us-east-1"})


def profile_of(model: str, *, base_model: str | None = None) -> Profile:
    """Return what a model is like; never fails, since a name may be newer than this package.

    Looked up in this order: the name itself (case does not matter); the name without the ends that tell
    versions apart (`-2025-07-28`, `-0902`, `-latest`, `-preview`, `-us`); the name's family; the permissive
    default.

    Args:
        model: The model's name as the call sends it.
        base_model: For a fine-tuned or deployed model, whose own name says nothing: the catalogue model it
            was made from, whose profile then applies.
    """
    return _profile_of(model, base_model)


@lru_cache(maxsize=512)
def _profile_of(model: str, base_model: str | None) -> Profile:
    if base_model is None:
        return _find(model.strip().lower())
    # The base model's end says nothing of a deployment made from it.
    return _unretired(_find(base_model.strip().lower()))


def _find(key: str) -> Profile:
    name = _CATALOGUE_NAMES.get(key)
    profile = _from_row(name) if name is not None else _of_version(key) or _of_family(key)
    retirement = RETIRED_NAMES.get(key)
    return replace(profile, **retirement) if retirement else profile


def _from_row(name: str) -> Profile:
    return Profile(name=name, **ROWS[name])


def _of_version(key: str) -> Profile | None:
    """Return the profile of the model that a name is a version of, if it is one."""
    virginia = False
    for _ in range(_MOST_VERSIONS):
        end = _VERSION.search(key)
        if end is None:
            return None
        virginia = virginia or end[0] == "-us"
        key = key[: end.start()]
        name = _CATALOGUE_NAMES.get(key)
        if name is not None:
            # Snapshots and the models they belong to retire on days of their own.
            profile = _unretired(_from_row(name))
            return replace(profile, regions=_VIRGINIA) if virginia else profile
    return None


def _of_family(key: str) -> Profile:
    for pattern, row in FAMILIES:
        if fnmatchcase(key, pattern):
            return Profile(**row)
    return Profile()


def _unretired(profile: Profile) -> Profile:
    return replace(profile, retired=None, retirement="none", retirement_note="")


def catalogue() -> tuple[Profile, ...]:
    """Return the profile of every model the package has a row for, in the order of the tables."""
    return tuple(_from_row(name) for name in ROWS)


def langchain_profile(profile: Profile) -> ModelProfile | None:
    """Return LangChain's own description of a chat model, `None` for unknown models and other kinds.

    `tool_choice` says whether *any* tool can be forced, which `with_structured_output` and agents rely on:
    Qwen can only force a tool by its name. `structured_output` says whether a JSON schema is enforced.

    Args:
        profile: What the model is like.
    """
    if not profile.known or profile.kind != "chat":
        return None
    described: ModelProfile = {
        "name": profile.name,
        "status": "deprecated" if profile.retired else "active",
        "text_inputs": "text" in profile.inputs,
        "image_inputs": "image" in profile.inputs,
        "image_url_inputs": "image" in profile.inputs,
        "video_inputs": "video" in profile.inputs,
        "audio_inputs": "audio" in profile.inputs,
        "pdf_inputs": False,
        # deepagents takes an absent key for leave to send.
        "image_tool_message": "image" in profile.inputs,
        "pdf_tool_message": False,
        "text_outputs": "text" in profile.outputs,
        "image_outputs": False,
        "audio_outputs": "audio" in profile.outputs,
        "video_outputs": False,
        "structured_output": profile.json_output == "schema",
        "temperature": True,
    }
    _describe_limits(profile, described)
    _describe_reasoning(profile, described)
    if profile.tool_calling is not None:
        described["tool_calling"] = profile.tool_calling
        described["tool_choice"] = profile.tool_calling and "required" in profile.tool_choice
        described["tool_call_streaming"] = profile.tool_calling
    return described


def _describe_limits(profile: Profile, described: ModelProfile) -> None:
    max_input = profile.max_input_tokens
    if profile.thinking in {"on", "only"}:
        max_input = profile.max_input_tokens_thinking or max_input
    if max_input is not None:
        described["max_input_tokens"] = max_input
    if profile.max_output_tokens is not None:
        described["max_output_tokens"] = profile.max_output_tokens


def _describe_reasoning(profile: Profile, described: ModelProfile) -> None:
    if profile.thinking != "unknown":
        described["reasoning_output"] = profile.thinking != "none"
    if profile.reasoning_efforts:
        described["reasoning_effort_levels"] = list(profile.reasoning_efforts)
        if profile.default_reasoning_effort is not None:
            described["reasoning_effort_default"] = profile.default_reasoning_effort
