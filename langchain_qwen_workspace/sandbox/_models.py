"""The models of the sandbox: its own small table, so that it shares no facts with the package's profiles.

Values: Model Studio docs, model pages of 2026-08-20 and newer, deep-thinking, structured-output,
function-calling, text-embedding (2026-08-13), multimodal-embedding (2026-07-31) and rerank (2026-07-01) pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """How one text-embedding model behaves; the first of `dimensions` is the default."""

    name: str
    dimensions: tuple[int, ...]
    max_rows: int
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


Model = ChatModel | EmbeddingModel | MediaEmbeddingModel | RerankModel

_ONE_MILLION = 991_808
_IMAGES_AND_VIDEOS = frozenset({"image", "video"})
_VISION = ChatModel(
    "",
    family="multimodal",
    media=_IMAGES_AND_VIDEOS,
    thinking="on",
    search=True,
    max_input=_ONE_MILLION,
    max_thinking=262_144,
)
_FLAGSHIP = replace(_VISION, json="schema", max_output=131_072)
_OPEN = ChatModel(
    "",
    thinking="on",
    stream_only="thinking",
    new_defaults=True,
    max_input=98_304,
    max_output=8_192,
    max_thinking=38_912,
)
_TRANSLATION = ChatModel("", tools=False, json="none", translates=True, max_input=8_192, max_output=8_192)

_CHAT: tuple[ChatModel, ...] = (
    replace(_FLAGSHIP, name="qwen4-max", one_control=True, caps_thinking=True, summarizes=True),
    replace(_FLAGSHIP, name="qwen3.8-max", one_control=True),
    replace(_FLAGSHIP, name="qwen3.8-flash", one_control=True),
    replace(_FLAGSHIP, name="qwen3.7-max", family="text", media=frozenset()),
    replace(_FLAGSHIP, name="qwen3.7-plus"),
    replace(_FLAGSHIP, name="qwen3.7-flash"),
    replace(_VISION, name="qwen3.6-plus", max_thinking=81_920),
    replace(_VISION, name="qwen3.6-flash", max_thinking=131_072),
    replace(_VISION, name="qwen3.5-plus", max_thinking=81_920),
    replace(_VISION, name="qwen3.5-flash", max_thinking=81_920),
    ChatModel("qwen3-max", thinking="off", search=True, new_defaults=True, max_input=258_048),
    ChatModel("qwen-plus", thinking="off", search=True, max_input=997_952, max_output=32_768),
    ChatModel("qwen-flash", thinking="off", search=True, max_input=997_952, max_output=32_768),
    ChatModel("qwen-max", search=True, max_input=30_720, max_output=8_192),
    ChatModel("qwen-turbo", thinking="off", search=True, fragments="repeat-once", max_input=98_304, max_output=16_384),
    ChatModel("qwen3-coder-plus", max_input=997_952),
    replace(_OPEN, name="qwen3-235b-a22b", max_output=16_384),
    replace(_OPEN, name="qwen3-32b"),
    replace(_OPEN, name="qwen3-8b"),
    replace(_OPEN, name="qwq-plus", thinking="only", stream_only="always", tools=False, json="none", search=True),
    ChatModel(
        "qwen3-vl-plus",
        family="multimodal",
        media=_IMAGES_AND_VIDEOS,
        thinking="off",
        new_defaults=True,
        max_input=258_048,
        max_output=32_768,
    ),
    ChatModel(
        "qwen-vl-ocr",
        family="multimodal",
        media=frozenset({"image"}),
        tools=False,
        json="none",
        max_input=30_000,
        max_output=8_192,
    ),
    ChatModel(
        "qwen3.5-omni-plus",
        family="multimodal",
        media=_IMAGES_AND_VIDEOS | {"audio"},
        streams_tools=True,
        fragments="repeat-always",
        max_input=196_608,
    ),
    replace(_TRANSLATION, name="qwen-mt-plus", cumulative=True),
    replace(_TRANSLATION, name="qwen-mt-flash"),
    ChatModel(
        "deepseek-v4-pro",
        thinking="on",
        search=True,
        caps_thinking=True,
        max_input=1_000_000,
        max_output=393_216,
        max_thinking=393_216,
    ),
    ChatModel(
        "glm-5.2",
        thinking="on",
        needs_tool_stream=True,
        max_input=1_048_576,
        max_output=131_072,
        max_thinking=131_072,
    ),
    # The docs do not say which DashScope endpoint serves kimi-k3; it reads images, so the sandbox says multimodal.
    ChatModel(
        "kimi-k3",
        family="multimodal",
        media=frozenset({"image"}),
        thinking="only",
        accepts_required=True,
        max_input=1_048_576,
        max_output=1_048_576,
        max_thinking=1_048_576,
    ),
)

_QWEN37_DIMENSIONS = (1024, 2560, 2048, 1536, 768, 512, 256)
_EMBEDDING: tuple[EmbeddingModel, ...] = (
    EmbeddingModel("text-embedding-v1", (1536,), 25, max_tokens=2_048, sparse=False, is_normalized=False),
    EmbeddingModel("text-embedding-v2", (1536,), 25, max_tokens=2_048, sparse=False, is_normalized=False),
    EmbeddingModel("text-embedding-v3", (1024, 768, 512, 256, 128, 64), 10),
    EmbeddingModel("text-embedding-v4", (1024, 2048, 1536, 768, 512, 256, 128, 64), 10),
    EmbeddingModel("qwen3.7-text-embedding", _QWEN37_DIMENSIONS, 20, max_tokens=128_000),
    EmbeddingModel("qwen3.7-text-embedding-flash", (1024, 768, 512, 256), 20, max_tokens=128_000),
)

# The page of 2026-07-31 names no limits for the elements, images and videos of the three oldest: eight images are
# those of an older version (2026-02), the rest is a generous guess.
_VISION_2026 = MediaEmbeddingModel(
    "",
    (1152, 1024, 512, 256, 128, 64),
    usage="detailed",
    fusion="object",
    fused_type="fused",
    max_images=64,
    max_videos=8,
    max_multi_images=64,
    limits_resolution=True,
)
_MEDIA_EMBEDDING: tuple[MediaEmbeddingModel, ...] = (
    MediaEmbeddingModel(
        "qwen3-vl-embedding",
        (2560, 2048, 1536, 1024, 768, 512, 256),
        usage="by-kind",
        fusion="on-request",
        fused_type="fusion",
        max_tokens=32_000,
        max_images=10,
        max_videos=1,
    ),
    MediaEmbeddingModel(
        "qwen2.5-vl-embedding",
        (1024, 2048, 768, 512),
        usage="no-total",
        fusion="always",
        fused_type="vl",
        max_tokens=32_000,
        max_elements=3,
        max_images=1,
        max_videos=1,
    ),
    replace(_VISION_2026, name="tongyi-embedding-vision-plus-2026-03-06"),
    replace(_VISION_2026, name="tongyi-embedding-vision-flash-2026-03-06", dimensions=(768, 512, 256, 128, 64)),
    MediaEmbeddingModel("tongyi-embedding-vision-plus", (1152,), usage="detailed", max_multi_images=8),
    MediaEmbeddingModel("tongyi-embedding-vision-flash", (768,), usage="detailed", max_multi_images=8),
    MediaEmbeddingModel("multimodal-embedding-v1", (1024,), usage="counted", max_tokens=512),
)

_RERANK: tuple[RerankModel, ...] = (
    RerankModel("qwen3.7-text-rerank", is_openai_compatible=True),
    RerankModel("qwen3-rerank", is_openai_compatible=True),
    RerankModel("gte-rerank-v2", is_openai_compatible=False),
    RerankModel("qwen3-vl-rerank", is_openai_compatible=False, max_documents=100, max_images=40, max_videos=4),
)

# Only `/v1/chat/ds-test` serves it, and every workspace may call it there (batch page of 2026-08-17).
BATCH_TEST = ChatModel("batch-test-model", tools=False)

_ROWS: tuple[Model, ...] = (*_CHAT, *_EMBEDDING, *_MEDIA_EMBEDDING, *_RERANK)
CATALOGUE: dict[str, Model] = {model.name: model for model in _ROWS}

# Snapshots and regional variants share the row of their main model: `qwen-plus-2025-07-28`,
# `qwen3.8-max-0902`, `qwen-plus-latest`, `qwen-plus-us`.
_VARIANT = re.compile(r"-(\d{4}(-\d{2}-\d{2})?|latest|us)$")


def find(name: str) -> Model | None:
    """Return a model, or the main model that it is a snapshot of.

    Args:
        name: A model's name as a request gives it.

    Returns:
        The model under the requested name, or None if the sandbox does not know it.
    """
    row = CATALOGUE.get(name)
    if row is None and (main := CATALOGUE.get(_VARIANT.sub("", name))) is not None:
        return replace(main, name=name)
    return row


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
