"""What a model is taken for whose name has no row in the catalogue: by its family, or by its generation.

Sources, read 2026-08 to 2026-11: Model Studio's model pages and its feature pages. A row is combined from parts, from
left to right; a later part takes precedence. The rows of models are in `models.json`.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from langchain_qwen_workspace.data._parameters import REASONING_FIELDS

if TYPE_CHECKING:
    from typing import Unpack

    from langchain_qwen_workspace.data._row import Row

AS_OF = date(2026, 11, 23)
"""The day up to which the pages were read."""


def _row(*parts: Row, **facts: Unpack[Row]) -> Row:
    row: Row = {}
    for part in parts:
        row.update(part)
    row.update(facts)
    return row


_VISION: Row = {"native_endpoint": "multimodal", "inputs": frozenset({"text", "image", "video"})}
_OMNI: Row = {
    "native_endpoint": "multimodal",
    "inputs": frozenset({"text", "image", "video", "audio"}),
    "outputs": frozenset({"text", "audio"}),
    "streaming": "tools_or_audio",
}
_OFF: Row = {"thinking": "off"}
_ON: Row = {"thinking": "on"}
_ON_STREAMED: Row = {"thinking": "on", "streaming": "thinking"}
_ONLY_STREAMED: Row = {"thinking": "only", "streaming": "required"}
# Model Studio docs, thinking summary and explicit cache of Qwen4, 2026-11-16.
_SUMMARY: Row = {"preserve_thinking": True, "replayed_fields": frozenset(REASONING_FIELDS)}

# The properties that a family shares, for members newer or older than the catalogue; others stay permissive.
_QWEN: Row = {
    "kind": "chat",
    "tool_choice": frozenset({"auto", "none", "function"}),
    "sparse": False,
    "instruct": False,
}
_QWEN_TEXT = _row(_QWEN, inputs=frozenset({"text"}), outputs=frozenset({"text"}))
_QWEN_VISION = _row(_QWEN, _VISION, outputs=frozenset({"text"}))
_OTHERS: Row = {"kind": "chat", "sparse": False, "instruct": False, "outputs": frozenset({"text"})}
_VECTORS_UNKNOWN: Row = {
    "kind": "embedding",
    "inputs": frozenset({"text"}),
    "outputs": frozenset(),
    "tool_calling": False,
    "tool_choice": frozenset(),
}
_MEDIA_VECTORS_UNKNOWN = _row(_VECTORS_UNKNOWN, _VISION, protocols=frozenset({"dashscope"}), max_rows=1)
_FUSES_OBJECTS = _row(_MEDIA_VECTORS_UNKNOWN, fusion="object")
_NO_TOOLS: Row = {"tool_calling": False, "tool_choice": frozenset()}
_ONLY_UNFORCED: Row = {"thinking": "only", "tool_choice": frozenset({"auto", "none"})}

# What a generation newer than the catalogue is taken for: the newest one that is known, where that is the safer guess.
NEWEST_FAMILY: Row = _row(_QWEN_VISION, _ON, _SUMMARY)
NEWEST_BEFORE = (3, 8)
"""The last generation that has a pattern of its own."""

# Patterns of lower-case names, matched in this order.
FAMILIES: tuple[tuple[str, Row], ...] = (
    # A free model for trying out batches of at most 100 lines (Model Studio docs, Batch, 2026-08-17).
    ("batch-test-model", {"kind": "chat", "batch_route": "/v1/chat/ds-test"}),
    # By purpose, in any series
    ("*rerank*", _row(_VECTORS_UNKNOWN, kind="rerank")),
    (
        "text-embedding-async-*",
        _row(_VECTORS_UNKNOWN, kind="embedding_task", protocols=frozenset({"dashscope"})),
    ),
    ("*-vl-embedding*", _MEDIA_VECTORS_UNKNOWN),
    ("tongyi-embedding-vision-*", _FUSES_OBJECTS),
    ("multimodal-embedding-*", _MEDIA_VECTORS_UNKNOWN),
    ("*embedding*", _VECTORS_UNKNOWN),
    (
        "*deep-research*",
        _row(_QWEN_TEXT, _NO_TOOLS, protocols=frozenset({"dashscope"}), streaming="required"),
    ),
    ("qwen*-omni*", _row(_QWEN, _OMNI)),
    # They were never on the openai protocol.
    (
        "qwen*-audio*",
        _row(
            _QWEN,
            _NO_TOOLS,
            native_endpoint="multimodal",
            inputs=frozenset({"text", "audio"}),
            outputs=frozenset({"text"}),
            protocols=frozenset({"dashscope"}),
        ),
    ),
    # Recognizes speech (docs, Qwen-ASR API, a public copy of 2026-08-20).
    (
        "qwen*-asr*",
        _row(
            _QWEN,
            _NO_TOOLS,
            native_endpoint="multimodal",
            inputs=frozenset({"text", "audio"}),
            outputs=frozenset({"text"}),
            thinking="none",
        ),
    ),
    # Not a chat model: it has a route of its own, `/compatible-mode/v1/systemone` (dashscope 2.0.2, `v2/decision`).
    ("decision-model*", {"kind": "decision", "inputs": frozenset({"text"}), "outputs": frozenset()}),
    ("qwen*-ocr*", _row(_QWEN_VISION, _NO_TOOLS)),
    ("qwen*-vl-*-thinking*", _row(_QWEN_VISION, _ONLY_UNFORCED)),
    ("qwen*-vl-*", _QWEN_VISION),
    ("gui-*", _row(_QWEN_VISION, _NO_TOOLS)),
    ("qvq-*", _row(_QWEN_VISION, _ONLY_STREAMED, _NO_TOOLS)),
    ("qwq-*", _row(_QWEN_TEXT, _ONLY_STREAMED, tool_choice=frozenset({"auto", "none"}))),
    ("qwen-mt-*", _row(_QWEN_TEXT, _NO_TOOLS, thinking="none")),
    # Qwen by series. From 3.5 on, all take images and think; 3.6's and 3.7's max take text only.
    ("qwen3.8-*", _row(_QWEN_VISION, _ON)),
    ("qwen3.7-max*", _row(_QWEN_TEXT, _ON)),
    ("qwen3.7-*", _row(_QWEN_VISION, _ON)),
    ("qwen3.6-max*", _row(_QWEN_TEXT, _ON)),
    ("qwen3.6-*", _row(_QWEN_VISION, _ON)),
    ("qwen3.5-*", _row(_QWEN_VISION, _ON)),
    ("qwen3-max*", _row(_QWEN_TEXT, _OFF)),
    ("qwen3-coder*", _row(_QWEN_TEXT, thinking="none")),
    ("qwen3-*-instruct*", _row(_QWEN_TEXT, thinking="none")),
    ("qwen3-*-thinking*", _row(_QWEN_TEXT, _ONLY_UNFORCED)),
    ("qwen3-*", _row(_QWEN_TEXT, _ON_STREAMED)),  # the open hybrids
    ("qwen[12]-*", _row(_QWEN_TEXT, thinking="none")),
    ("qwen[12].*", _row(_QWEN_TEXT, thinking="none")),
    ("qwen-*", _QWEN_TEXT),
    # Other vendors, with or without their own prefix
    ("*deepseek-r1*", _row(_OTHERS, _ONLY_UNFORCED, inputs=frozenset({"text"}))),
    ("*deepseek-v4*", _row(_OTHERS, _ON, output_limit_covers_reasoning=True)),
    ("*deepseek-*", _row(_OTHERS, inputs=frozenset({"text"}))),
    # A GLM that needs `tool_stream` returns no tool call without it; one that has it by default is not affected.
    ("*glm-*", _row(_OTHERS, tool_stream=True)),
    ("kimi/*", _row(_OTHERS, native_endpoint="multimodal", preserve_thinking=True)),
    ("kimi-k2-*", _row(_OTHERS, inputs=frozenset({"text"}))),
    ("kimi-*", _row(_OTHERS, native_endpoint="multimodal")),
    ("*minimax-*", _OTHERS),
)
