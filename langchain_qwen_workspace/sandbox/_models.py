"""The models of the sandbox: those of the catalogue of models, `data/models.json`, and what only a server knows.

The file is read by its path: nothing of the package is imported. Behaviour that the catalogue does not state is from
recordings and from Model Studio's pages: deep-thinking, text-embedding (2026-08-13), multimodal-embedding (2026-07-31)
and rerank (2026-07-01).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

Family = Literal["text", "multimodal"]
Thinking = Literal["none", "off", "on", "only"]
Fragments = Literal["empty-id", "repeat-once", "repeat-always"]


@dataclass(frozen=True, slots=True)
class ChatModel:
    """How one generation model behaves.

    Attributes:
        name: The model's name.
        family: Which of DashScope's two generation endpoints serves it.
        media: The kinds of media it reads.
        thinking: Whether it does not think, thinks off or on by default, or always.
        stream_only: When it answers only in a stream: never, while it thinks, or always.
        tools: Whether it calls tools.
        streams_tools: Whether it calls tools only in a stream.
        accepts_required: Whether `tool_choice="required"` is accepted.
        needs_tool_stream: Whether it calls tools only with `tool_stream: true` (GLM).
        json: The structured output that it supports.
        search: Whether `enable_search` is accepted.
        new_defaults: Whether `incremental_output` is true and `result_format` is `message` by default.
        caps_thinking: Whether `max_tokens` counts the reasoning too.
        translates: Whether it takes `translation_options` and answers a translation (qwen-mt).
        summarizes: Whether it takes `thinking_display`, and returns and takes the ciphertext of its reasoning.
        one_control: Whether `thinking_budget` and `reasoning_effort` exclude each other.
        cumulative: Whether it streams the whole text so far on the OpenAI protocol.
        fragments: How the fragments of a tool call after the first repeat its id and name.
        max_input: The longest input, in tokens.
        max_output: The longest answer, in tokens.
        max_thinking: The longest reasoning, in tokens.
        is_openai_compatible: Whether the OpenAI protocol serves it.
        has_built_in_tools: Whether the Responses protocol serves it in full.
        caps_response: Whether `max_output_tokens` of the Responses protocol counts the reasoning too.
    """

    name: str
    family: Family = "text"
    media: frozenset[str] = frozenset()
    thinking: Thinking = "none"
    stream_only: Literal["never", "thinking", "always"] = "never"
    tools: bool = True
    streams_tools: bool = False
    accepts_required: bool = False
    needs_tool_stream: bool = False
    json: Literal["none", "object", "schema"] = "object"
    search: bool = False
    new_defaults: bool = False
    caps_thinking: bool = False
    translates: bool = False
    summarizes: bool = False
    one_control: bool = False
    cumulative: bool = False
    fragments: Fragments = "empty-id"
    max_input: int = 129_024
    max_output: int = 65_536
    max_thinking: int = 81_920
    is_openai_compatible: bool = True
    has_built_in_tools: bool = False
    caps_response: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """How one text-embedding model behaves; the first of `dimensions` is the default."""

    name: str
    dimensions: tuple[int, ...]
    max_rows: int = 10
    max_tokens: int = 8_192
    sparse: bool = True
    is_normalized: bool = True


@dataclass(frozen=True, slots=True)
class MediaEmbeddingModel:
    """How one multimodal-embedding model behaves.

    Attributes:
        name: The model's name.
        dimensions: The dimensions it offers, the default first.
        usage: The form of its usage.
        fusion: When several elements make one vector: never, if `enable_fusion` asks for it, always, or where
            one object of `contents` has several keys.
        fused_type: The type of such a vector.
        max_tokens: The longest text, in tokens.
        max_elements: The largest number of objects in `contents`.
        max_images: The largest number of images, those of `multi_images` included.
        max_videos: The largest number of videos.
        max_multi_images: The largest number of images in one `multi_images`; 0 where there is no such key.
        limits_resolution: Whether it takes `res_level` and `max_video_frames`.
    """

    name: str
    dimensions: tuple[int, ...]
    usage: Literal["detailed", "by-kind", "no-total", "counted"]
    fusion: Literal["never", "on-request", "always", "object"] = "never"
    fused_type: str = ""
    max_tokens: int = 1_024
    max_elements: int = 20
    max_images: int = 8
    max_videos: int = 20
    max_multi_images: int = 0
    limits_resolution: bool = False


@dataclass(frozen=True, slots=True)
class RerankModel:
    """How one rerank model behaves; a model without images and videos takes only strings."""

    name: str
    is_openai_compatible: bool
    max_documents: int = 500
    max_images: int = 0
    max_videos: int = 0


@dataclass(frozen=True, slots=True)
class OtherModel:
    """A model of the catalogue that no endpoint of the sandbox serves, such as one that embeds files in a task."""

    name: str


Model = ChatModel | EmbeddingModel | MediaEmbeddingModel | RerankModel | OtherModel

Row = Mapping[str, Any]


def _read_catalogue() -> dict[str, Any]:
    text = files("langchain_qwen_workspace").joinpath("data", "models.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


_DATA = _read_catalogue()
ROWS: Mapping[str, Row] = {
    name: {**_DATA["defaults"][row["kind"]], **row} for name, row in sorted(_DATA["models"].items())
}
"""The facts of each model, as the catalogue file has them."""

# What the catalogue does not state, by patterns of names. Which models are incremental by default: Model Studio docs,
# DashScope reference; how fragments of tool calls repeat: recordings (2025-11 to 2026-04); what a response's limit
# counts: create-response page (2026-09 or newer), for qwen4 by analogy.
_Behaviour = tuple[tuple[str, Mapping[str, Any]], ...]
_BEHAVIOUR: Mapping[str, _Behaviour] = {
    "chat": (
        ("qwen4-*", {"one_control": True, "caps_response": True}),
        ("qwen3.8-*", {"one_control": True, "caps_response": True}),
        ("qwen3-max*", {"new_defaults": True}),
        ("qwen3-vl-*", {"new_defaults": True}),
        ("qwen3-next-*", {"new_defaults": True}),
        ("qwen3-[0-9]*", {"new_defaults": True}),
        ("q[wv]q-*", {"new_defaults": True}),
        ("qwen-turbo*", {"fragments": "repeat-once"}),
        ("qwen3.5-omni-plus*", {"fragments": "repeat-always"}),
        ("qwen-mt-*", {"translates": True}),
    ),
    "embedding": (
        ("text-embedding-v[12]", {"is_normalized": False}),
        # The page of 2026-07-31 names no limits for the elements, images and videos of the models before those of
        # 2026-03: eight images are those of an older version (2026-02), the rest is a generous guess.
        ("qwen3-vl-embedding", {"usage": "by-kind", "fused_type": "fusion"}),
        ("qwen2.5-vl-embedding", {"usage": "no-total", "fused_type": "vl", "max_elements": 3}),
        ("tongyi-embedding-vision-*", {"usage": "detailed", "max_multi_images": 8}),
        (
            "tongyi-embedding-vision-*-2026-*",
            {"fused_type": "fused", "max_multi_images": 64, "limits_resolution": True},
        ),
        ("multimodal-embedding-v1", {"usage": "counted"}),
    ),
}
_STREAM_ONLY: Mapping[str, Literal["thinking", "always"]] = {"thinking": "thinking", "required": "always"}
_JSON: Mapping[str, Literal["none", "schema"]] = {"none": "none", "schema": "schema"}
_NO_SEARCH = frozenset({"none", "agent", "responses"})
_FUSION: Mapping[str, Literal["never", "on-request", "always", "object"]] = {
    "none": "never",
    "parameter": "on-request",
    "always": "always",
    "object": "object",
}


def _stated(row: Row, **names: str) -> dict[str, Any]:
    """Return the fields of a model that the row states, by the names that they have in the row."""
    return {field: row[name] for field, name in names.items() if row.get(name) is not None}


def _sizes(row: Row) -> tuple[int, ...]:
    """Return the dimensions, the default first."""
    default = row["default_dimension"]
    return (default, *(size for size in row["dimensions"] if size != default))


def _chat_model(name: str, row: Row, more: Mapping[str, Any]) -> ChatModel:
    limits = _stated(
        row, max_input="max_input_tokens", max_output="max_output_tokens", max_thinking="max_reasoning_tokens"
    )
    is_capped = row.get("output_limit_covers_reasoning", False)
    return ChatModel(
        name,
        family=row["native_endpoint"],
        media=frozenset(row["inputs"]) - {"text"},
        # A model of which it is not known thinks if a request asks for it.
        thinking="off" if row["thinking"] == "unknown" else row["thinking"],
        stream_only=_STREAM_ONLY.get(row.get("streaming", ""), "never"),
        tools=row["tool_calling"] is not False,
        streams_tools=row.get("streaming") == "tools_or_audio",
        accepts_required="required" in row["tool_choice"],
        needs_tool_stream=row.get("tool_stream", False),
        json=_JSON.get(row["json_output"], "object"),
        search=row["web_search"] not in _NO_SEARCH,
        caps_thinking=is_capped,
        summarizes=bool(row.get("replayed_fields")),
        cumulative=row.get("cumulative_on_openai", False),
        is_openai_compatible=_is_openai_compatible(row),
        has_built_in_tools=bool(row.get("responses_api")),
        **{**_stated(row, max_thinking="max_output_tokens"), **limits} if is_capped else limits,
        **more,
    )


def _embedding_model(name: str, row: Row, more: Mapping[str, Any]) -> EmbeddingModel | MediaEmbeddingModel:
    if row["native_endpoint"] == "text":
        return EmbeddingModel(
            name,
            _sizes(row),
            sparse=row["sparse"],
            **_stated(row, max_rows="max_rows", max_tokens="max_row_tokens"),
            **more,
        )
    return MediaEmbeddingModel(
        name,
        _sizes(row),
        fusion=_FUSION[row["fusion"]],
        **_stated(row, max_tokens="max_row_tokens", max_images="max_images", max_videos="max_videos"),
        **more,
    )


def _rerank_model(name: str, row: Row, more: Mapping[str, Any]) -> RerankModel:
    return RerankModel(name, _is_openai_compatible(row), **_stated(row, **_RERANK_LIMITS), **more)


def _is_openai_compatible(row: Row) -> bool:
    return "openai" in row.get("protocols", ["openai"])


_RERANK_LIMITS = {name: name for name in ("max_documents", "max_images", "max_videos")}
_KINDS: Mapping[str, Callable[[str, Row, Mapping[str, Any]], Model]] = {
    "chat": _chat_model,
    "embedding": _embedding_model,
    "rerank": _rerank_model,
}


def _to_model(name: str, row: Row) -> Model:
    more: dict[str, Any] = {}
    for pattern, fields in _BEHAVIOUR.get(row["kind"], ()):
        if fnmatchcase(name, pattern):
            more |= fields
    return _KINDS[row["kind"]](name, row, more) if row["kind"] in _KINDS else OtherModel(name)


# Only `/v1/chat/ds-test` serves it, and every workspace may call it there (batch page of 2026-08-17).
BATCH_TEST = ChatModel("batch-test-model", tools=False)

CATALOGUE: Mapping[str, Model] = {name: _to_model(name, row) for name, row in ROWS.items()}

# Snapshots, previews and regional variants share the row of their main model: `qwen-plus-2025-07-28`,
# `qwen3.8-max-0902`, `qwen-plus-latest`, `qwen-plus-us`.
_VARIANT = re.compile(r"-(\d{4}(-\d{2}-\d{2})?|latest|preview|us)$")


@lru_cache(maxsize=512)
def find(name: str) -> Model | None:
    """Return a model, or the main model that it is a snapshot of.

    Args:
        name: A model's name as a request gives it.

    Returns:
        The model under the requested name, or None if the sandbox does not know it.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    main = ROWS.get(_VARIANT.sub("", name))
    return None if main is None else _to_model(name, {**main, **_DATA["versions"].get(name, {})})


def check_known(names: Iterable[str]) -> None:
    """Refuse model names that the sandbox does not know.

    Args:
        names: The models that a workspace may call.

    Raises:
        ValueError: If the sandbox does not know one of them.
    """
    unknown = [name for name in names if find(name) is None]
    if unknown:
        raise ValueError(f"The sandbox does not know {unknown!r}; use one of {sorted(CATALOGUE)} or their snapshots.")
