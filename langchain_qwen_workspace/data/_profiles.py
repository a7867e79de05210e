"""The catalogue of models: one row for each model, one for each family, and retired names.

Sources, read 2026-08 to 2026-11: Model Studio's model pages (limits, inputs, regions) and its feature pages
(deep thinking, function calling, structured output, web search, context cache, Responses, embedding, rerank).
If the market page's flag contradicts the feature page, the feature page takes precedence; a property that only the
market page claims counts as unknown. Limits are tokens. Nothing here was measured.

A row is combined from parts, from left to right; a later part takes precedence. A row without `_at(…)` has Beijing
as its only region, since the model's page lists none.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from langchain_qwen_workspace.data._parameters import REASONING_EFFORTS, REASONING_FIELDS

if TYPE_CHECKING:
    from typing import Unpack

    from langchain_qwen_workspace.data._row import Row

AS_OF = date(2026, 11, 23)
"""The day up to which the pages were read."""

_BJ, _SG, _US = "cn-beijing", "ap-southeast-1", "us-east-1"
_HK, _DE, _JP = "cn-hongkong", "eu-central-1", "ap-northeast-1"


def _row(*parts: Row, **facts: Unpack[Row]) -> Row:
    row: Row = {}
    for part in parts:
        row.update(part)
    row.update(facts)
    return row


def _at(*regions: str) -> Row:
    return {"regions": frozenset(regions)}


def _limits(
    context: int,
    max_input: int,
    max_output: int,
    *,
    thinking: int | None = None,
    reasoning: int | None = None,
) -> Row:
    """Return limits; `thinking` is the input limit with thinking if it differs, `reasoning` the reasoning limit."""
    row: Row = {"context": context, "max_input_tokens": max_input, "max_output_tokens": max_output}
    if thinking is not None:
        row["max_input_tokens_thinking"] = thinking
    if reasoning is not None:
        row["max_reasoning_tokens"] = reasoning
    return row


def _sizes(*dimensions: int, default: int) -> Row:
    return {"dimensions": dimensions, "default_dimension": default}


# ----------------------------------------------------------------------------------------------- parts: kinds

_CHAT: Row = {
    "kind": "chat",
    "known": True,
    "native_endpoint": "text",
    "responses_api": False,
    "regions": frozenset({_BJ}),
    "inputs": frozenset({"text"}),
    "outputs": frozenset({"text"}),
    "thinking": "none",
    "tool_calling": False,
    "tool_choice": frozenset(),
    "json_output": "none",
    "web_search": "none",
    "cache": frozenset(),
    # Another project saw `"ttl": "1h"` ignored, or the whole mark with it (hermes-agent 24702, 84792, 2026-08-12).
    "cache_ttl": False,
    "sparse": False,
    "instruct": False,
}
# No page names the native endpoint of qwen3.8-2.4t-a95b and of most models of other vendors: those that see are
# taken for multimodal.
_VISION: Row = {"native_endpoint": "multimodal", "inputs": frozenset({"text", "image", "video"})}
_IMAGE_INPUT: Row = {"native_endpoint": "multimodal", "inputs": frozenset({"text", "image"})}
_OMNI: Row = {
    "native_endpoint": "multimodal",
    "inputs": frozenset({"text", "image", "video", "audio"}),
    "outputs": frozenset({"text", "audio"}),
    "streaming": "tools_or_audio",
}
_RESPONSES: Row = {"responses_api": True}

# ---------------------------------------------------------------------------------------- parts: capabilities

_OFF: Row = {"thinking": "off"}
_ON: Row = {"thinking": "on"}
_ONLY: Row = {"thinking": "only"}
_ON_STREAMED: Row = {"thinking": "on", "streaming": "thinking"}
_ONLY_STREAMED: Row = {"thinking": "only", "streaming": "required"}

# "required" is not supported by Qwen; naming a function works without thinking only (function calling page).
# That page does not distinguish the models of other vendors.
_TOOLS: Row = {"tool_calling": True, "tool_choice": frozenset({"auto", "none", "function"})}
_TOOLS_THINKING: Row = {"tool_calling": True, "tool_choice": frozenset({"auto", "none"})}
_TOOLS_KIMI_K3: Row = {"tool_calling": True, "tool_choice": frozenset({"auto", "none", "required"})}
_TOOLS_GLM: Row = _row(_TOOLS, tool_stream=True)
# Not on the function calling page, which refers to the documentation of the vendors that deploy their own models.
_TOOLS_UNKNOWN: Row = {
    "tool_calling": None,
    "tool_choice": frozenset({"auto", "none", "function", "required"}),
}

_SCHEMA: Row = {"json_output": "schema"}
_OBJECT: Row = {"json_output": "object"}
_OBJECT_PLAIN: Row = {"json_output": "object_non_thinking"}
_JSON_UNKNOWN: Row = {"json_output": "unknown"}  # claimed by the market page only

_SEARCH: Row = {"web_search": "any"}
_SEARCH_3_8: Row = {"web_search": "not_agent"}
_SEARCH_OMNI: Row = {"web_search": "agent"}

_CACHED: Row = {"cache": frozenset({"implicit"})}
_CACHED_EXPLICIT: Row = {"cache": frozenset({"explicit", "implicit"})}

_EFFORT_3_8: Row = {
    "reasoning_efforts": ("none", "low", "medium", "xhigh"),
    "default_reasoning_effort": "xhigh",
}
# The Anthropic page says that the default is `max`.
_EFFORT_HIGH_MAX: Row = {"reasoning_efforts": ("none", "high", "max"), "default_reasoning_effort": "high"}
_EFFORT_LOW_HIGH_MAX: Row = {
    "reasoning_efforts": ("none", "low", "high", "max"),
    "default_reasoning_effort": "high",
}
_EFFORT_GLM_5_3: Row = {"reasoning_efforts": ("low", "high", "max"), "default_reasoning_effort": "max"}

# Those of all models; which one is the default is not documented. Measured by a gateway (2026-11-17).
_EFFORT_ALL: Row = {"reasoning_efforts": REASONING_EFFORTS}
# Model Studio docs, thinking summary and explicit cache of Qwen4, 2026-11-16.
_SUMMARY: Row = {"preserve_thinking": True, "replayed_fields": frozenset(REASONING_FIELDS)}
_CACHED_WITH_TTL: Row = {"cache": frozenset({"explicit", "implicit"}), "cache_ttl": True}

# ------------------------------------------------------------------------------------------ parts: retirement

# A pass-through reseller found them gone on 2026-10-11. The service's six notices of that time could not be
# read, and regions may differ.
_REPORTED: Row = {
    "retired": date(2026, 10, 10),
    "retirement": "reported",
    "retirement_note": "reported retired 2026-10-10 by a reseller; regions may differ",
}
# Notice 731, for Beijing and Singapore; pages of 2026-08-20 still list the models.
_ANNOUNCED: Row = {
    "retired": date(2026, 7, 13),
    "retirement": "announced",
    "retirement_note": "announced EOS 2026-07-13; still listed on 2026-08-20, so the date may have changed",
}
# The offline information of the service's own catalogue, a public copy of 2026-08-20.
_OFFLINE_JULY: Row = {
    "retired": date(2026, 7, 13),
    "retirement": "official",
    "retirement_note": "offline 2026-07-13 by the service's catalogue",
}
_ANNOUNCED_AND_REPORTED: Row = {
    "retired": date(2026, 10, 10),
    "retirement": "reported",
    "retirement_note": "announced EOS 2026-07-13, still listed on 2026-08-20, reported retired 2026-10-10",
}

# ---------------------------------------------------------------------------------------------- parts: limits

_1M_131K = _limits(1_000_000, 991_808, 131_072, thinking=983_616, reasoning=262_144)
_1M_65K = _limits(1_000_000, 991_808, 65_536, thinking=983_616, reasoning=81_920)
_262K_OPEN = _limits(262_144, 260_096, 65_536, thinking=258_048, reasoning=81_920)
_1M_CODER = _limits(1_000_000, 997_952, 65_536)
_262K_CODER = _limits(262_144, 204_800, 65_536)
_131K_HYBRID = _limits(131_072, 98_304, 8_192)
_131K_INSTRUCT = _limits(131_072, 129_024, 32_768)
_131K_THINKING = _limits(131_072, 126_976, 32_768)
# The page gives no output limit.
_131K_THINKING_ONLY: Row = {"context": 131_072, "max_input_tokens": 126_976, "max_reasoning_tokens": 81_920}
_QVQ = _limits(131_072, 106_496, 8_192)
_QWEN_VL = _limits(131_072, 129_024, 8_192)
_QWEN3_VL = _limits(262_144, 260_096, 32_768, thinking=258_048, reasoning=81_920)
_MT = _limits(16_384, 8_192, 8_192)
_DEEPSEEK_V4 = _limits(1_000_000, 1_000_000, 393_216)
_DEEPSEEK_V3 = _limits(131_072, 98_304, 65_536)
_KIMI = _limits(262_144, 229_376, 16_384)
_GLM_1M = _limits(1_048_576, 1_048_576, 131_072, reasoning=131_072)
_GLM_131K = _limits(131_072, 98_304, 16_384)

# -------------------------------------------------------------------------------------------- parts: families

_4 = _row(
    _CHAT,
    _VISION,
    _ON,
    _TOOLS,
    _SCHEMA,
    _SEARCH,
    _CACHED_WITH_TTL,
    _RESPONSES,
    _EFFORT_ALL,
    _SUMMARY,
    output_limit_covers_reasoning=True,
)
_3_8_ANY = _row(_CHAT, _VISION, _ON, _TOOLS, _SEARCH_3_8, _CACHED_EXPLICIT, _RESPONSES, _EFFORT_3_8)
_3_8 = _row(_3_8_ANY, _1M_131K)
_3_8_KEEPS = _row(_3_8, _SCHEMA, preserve_thinking=True)
_3_7 = _row(_CHAT, _VISION, _1M_131K, _ON, _TOOLS, _SCHEMA, _SEARCH, _CACHED_EXPLICIT, _RESPONSES)
_3_6 = _row(_CHAT, _VISION, _1M_65K, _ON, _TOOLS, _OBJECT_PLAIN, _SEARCH, _CACHED_EXPLICIT, _RESPONSES)
_3_6_OPEN = _row(_3_6, _262K_OPEN, cache=frozenset())
_3_5 = _row(_3_6, _at(_BJ, _SG, _DE, _US))
_3_5_OPEN = _row(_3_6_OPEN, _at(_BJ, _SG, _DE, _US))
_COMMERCIAL = _row(_CHAT, _OFF, _TOOLS, _OBJECT_PLAIN, _SEARCH, _CACHED_EXPLICIT, _at(_BJ, _SG, _DE, _US))
_3_HYBRID = _row(_CHAT, _131K_HYBRID, _ON_STREAMED, _TOOLS, _OBJECT_PLAIN, _at(_BJ, _SG, _DE, _US))
_3_INSTRUCT = _row(_CHAT, _131K_INSTRUCT, _TOOLS, _OBJECT_PLAIN, _at(_BJ, _SG, _DE, _US))
_3_THINKING = _row(_CHAT, _131K_THINKING, _ONLY, _TOOLS_THINKING, _at(_BJ, _SG, _DE, _US))
_CODER = _row(_CHAT, _TOOLS, _OBJECT, _at(_BJ, _SG, _DE, _US))
_VL_HYBRID = _row(_CHAT, _VISION, _QWEN3_VL, _OFF, _TOOLS, _OBJECT_PLAIN, _CACHED_EXPLICIT, _at(_BJ, _SG, _DE, _US))
_VL_INSTRUCT = _row(_3_INSTRUCT, _VISION)
_VL_THINKING = _row(_3_THINKING, _VISION, _JSON_UNKNOWN)
_VL_OLD = _row(_CHAT, _VISION, _QWEN_VL, _OBJECT_PLAIN, _CACHED, _at(_BJ, _SG))
_QVQ_ROW = _row(_CHAT, _VISION, _QVQ, _ONLY_STREAMED)
_V4 = _row(_CHAT, _DEEPSEEK_V4, _ON, _TOOLS, _CACHED, _RESPONSES, output_limit_covers_reasoning=True)
_V4_TEXT = _row(_V4, _OBJECT, _SEARCH, _at(_BJ, _SG, _DE, _US, _JP))
_V3 = _row(_CHAT, _DEEPSEEK_V3, _TOOLS, _SEARCH, _CACHED, _REPORTED)
_K2 = _row(_CHAT, _KIMI, _VISION, _CACHED_EXPLICIT)
_K3 = _row(
    _CHAT,
    _limits(1_048_576, 1_048_576, 1_048_576, reasoning=1_048_576),
    _ONLY,
    _TOOLS_KIMI_K3,
    _OBJECT,
    _CACHED,
    default_reasoning_effort="max",
)
_GLM = _row(_CHAT, _ON, _TOOLS_GLM, _CACHED)
_MINIMAX = _row(_CHAT, _ONLY, _TOOLS_THINKING, _CACHED)

# ------------------------------------------------------------------------------------------------ chat models

# By the name that a call sends: Qwen's newest models first, those for special purposes, then other vendors.
_CHAT_ROWS: dict[str, Row] = {
    # Qwen 4. Its page (2026-11-16) gives regions after these four that could not be read, and neither its native
    # endpoint, which is that of all models since 3.5 that take videos, nor a rule for `tool_choice`, so that Qwen's
    # general one is stated; a gateway found no restriction. Limits: QwenCloud's page, read by others 2026-11-16.
    "qwen4-max": _row(_4, _1M_131K, _at(_BJ, _SG, _DE, _US)),
    # A name of the Token Plan only (pi-ai 1.6.0, 2026-11-20).
    "qwen4-max-preview": _row(_4, context=1_000_000),
    # Qwen 3.8. Thinking raises a temperature below 0.6 to 0.6.
    "qwen3.8-max": _row(_3_8_KEEPS, _at(_BJ, _SG, _DE, _US, _JP)),
    # A snapshot without a page of its own: as qwen3.8-max, and also in Hong Kong.
    "qwen3.8-max-0902": _row(_3_8_KEEPS, _at(_BJ, _SG, _DE, _US, _JP, _HK)),
    # Not on a page that could be read: figures of OpenRouter and Vercel (pi-ai 1.6.0, 2026-11-20), the rest as max.
    "qwen3.8-max-prime": _row(_3_8_ANY, _SCHEMA, preserve_thinking=True, context=1_000_000, max_output_tokens=131_072),
    "qwen3.8-flash": _row(_3_8_KEEPS, _at(_BJ, _SG, _DE, _JP, _US, _HK)),
    "qwen3.8-27b": _row(_3_8, _OBJECT),
    "qwen3.8-2.4t-a95b": _row(
        _3_8,
        _OBJECT,
        _ONLY,
        _TOOLS_THINKING,
        # The model page lists text input; only the web search page counts it among the multimodal models.
        inputs=frozenset({"text"}),
        max_reasoning_tokens=131_072,
        # The effort table lists `none` too, which is impossible for a model that always thinks.
        reasoning_efforts=("low", "medium", "xhigh"),
    ),
    "qwen3.8-omni-flash": _row(
        _CHAT,
        _OMNI,
        _limits(1_000_000, 991_808, 131_072, thinking=983_616),
        _ON,
        _TOOLS,
        _OBJECT,
        _SEARCH_OMNI,
        _CACHED,
        _RESPONSES,
        _at(_BJ, _SG, _HK, _JP, _DE, _US),
        preserve_thinking=True,
    ),
    # Qwen 3.7: max takes text only, and therefore has the text endpoint.
    "qwen3.7-max": _row(_3_7, _at(_BJ, _SG, _DE, _US, _JP), native_endpoint="text", inputs=frozenset({"text"})),
    "qwen3.7-plus": _row(_3_7, _at(_BJ, _SG, _DE, _US, _JP)),
    "qwen3.7-flash": _row(_3_7, _at(_BJ, _SG, _DE, _JP)),
    # Qwen 3.6
    "qwen3.6-max-preview": _row(
        _CHAT,
        _limits(262_144, 245_760, 65_536, thinking=229_376, reasoning=131_072),
        _ON,
        _TOOLS,
        _OBJECT_PLAIN,
        _SEARCH,
        _CACHED_EXPLICIT,
        _REPORTED,
    ),
    "qwen3.6-plus": _row(_3_6, _at(_BJ, _SG, _DE, _US, _JP)),
    "qwen3.6-flash": _row(_3_6, _at(_BJ, _SG, _DE, _US, _JP), max_reasoning_tokens=131_072),
    "qwen3.6-35b-a3b": _row(_3_6_OPEN, max_reasoning_tokens=131_072),
    "qwen3.6-27b": _row(
        # The page gives no reasoning limit.
        _CHAT,
        _VISION,
        _limits(262_144, 260_096, 65_536, thinking=258_048),
        _ON,
        _TOOLS,
        _OBJECT_PLAIN,
        _SEARCH,
    ),
    # Qwen 3.5
    "qwen3.5-plus": _3_5,
    "qwen3.5-flash": _3_5,
    "qwen3.5-397b-a17b": _3_5_OPEN,
    "qwen3.5-122b-a10b": _3_5_OPEN,
    "qwen3.5-27b": _3_5_OPEN,
    "qwen3.5-35b-a3b": _3_5_OPEN,
    # Commercial text models of the Qwen 3 generation and before. The output limit of qwen3-max is 32,768 tokens
    # with thinking.
    "qwen3-max": _row(_COMMERCIAL, _limits(262_144, 258_048, 65_536, reasoning=81_920), _RESPONSES, _REPORTED),
    "qwen-plus": _row(_COMMERCIAL, _limits(1_000_000, 997_952, 32_768, thinking=995_904, reasoning=81_920)),
    "qwen-flash": _row(_COMMERCIAL, _limits(1_000_000, 997_952, 32_768)),
    "qwen-max": _row(_COMMERCIAL, _limits(32_768, 30_720, 8_192), _CACHED, _at(_BJ, _SG), _ANNOUNCED, thinking="none"),
    "qwen-turbo": _row(_COMMERCIAL, _limits(131_072, 98_304, 16_384), _CACHED, _at(_BJ, _SG), _ANNOUNCED_AND_REPORTED),
    # Reads files that a system message names as `fileid://`.
    "qwen-long": _row(_CHAT, _limits(10_000_000, 10_000_000, 8_192), _OBJECT),
    # Coder
    "qwen3-coder-plus": _row(_CODER, _1M_CODER, _CACHED_EXPLICIT, _REPORTED),
    "qwen3-coder-flash": _row(_CODER, _1M_CODER, _CACHED_EXPLICIT),
    "qwen3-coder-next": _row(_CODER, _262K_CODER, _at(_BJ)),
    "qwen3-coder-480b-a35b-instruct": _row(_CODER, _262K_CODER, _REPORTED),
    "qwen3-coder-30b-a3b-instruct": _row(_CODER, _262K_CODER),
    "qwen-coder-plus": _row(_CHAT, _QWEN_VL, _TOOLS, _OFFLINE_JULY),
    "qwen-coder-turbo": _row(_CHAT, _QWEN_VL, _TOOLS, _OFFLINE_JULY),
    # Qwen 3 open models: hybrids, which must stream when they think, then those that never or always think
    "qwen3-235b-a22b": _row(_3_HYBRID, _limits(131_072, 129_024, 16_384, thinking=98_304, reasoning=38_912), _REPORTED),
    "qwen3-32b": _row(_3_HYBRID, _REPORTED),
    "qwen3-30b-a3b": _row(_3_HYBRID, _REPORTED),
    "qwen3-14b": _row(_3_HYBRID, _at(_BJ, _SG, _US)),
    "qwen3-8b": _3_HYBRID,
    "qwen3-235b-a22b-instruct-2507": _row(_3_INSTRUCT, _REPORTED),
    "qwen3-235b-a22b-thinking-2507": _row(
        _CHAT, _131K_THINKING_ONLY, _ONLY, _TOOLS_THINKING, _at(_BJ, _SG, _DE, _US), _REPORTED
    ),
    "qwen3-30b-a3b-instruct-2507": _row(_3_INSTRUCT, _REPORTED),
    # The page gives a context of 81,920, less than its own input limit, so that none is stated here.
    "qwen3-30b-a3b-thinking-2507": _row(
        _CHAT, _ONLY, _TOOLS_THINKING, _REPORTED, max_input_tokens=126_976, max_output_tokens=32_768
    ),
    "qwen3-next-80b-a3b-instruct": _row(_3_INSTRUCT, _REPORTED),
    "qwen3-next-80b-a3b-thinking": _3_THINKING,
    # Reasoning models. qwq-plus searches with the default strategy only.
    "qwq-plus": _row(_CHAT, _131K_HYBRID, _ONLY_STREAMED, _at(_BJ, _SG), _ANNOUNCED, web_search="default"),
    "qvq-max": _row(_QVQ_ROW, _ANNOUNCED),
    "qvq-plus": _row(_QVQ_ROW, _REPORTED),
    # Vision
    "qwen3-vl-plus": _VL_HYBRID,
    "qwen3-vl-flash": _row(_VL_HYBRID, _REPORTED),
    "qwen3-vl-235b-a22b-instruct": _row(_VL_INSTRUCT, _REPORTED),
    "qwen3-vl-235b-a22b-thinking": _row(_VL_THINKING, _REPORTED, max_reasoning_tokens=81_920),
    "qwen3-vl-32b-instruct": _VL_INSTRUCT,
    "qwen3-vl-32b-thinking": _row(
        _CHAT,
        _VISION,
        _131K_THINKING_ONLY,
        _ONLY,
        _TOOLS_THINKING,
        _JSON_UNKNOWN,
        _at(_BJ, _SG, _DE, _US),
        _REPORTED,
    ),
    "qwen3-vl-30b-a3b-instruct": _VL_INSTRUCT,
    "qwen3-vl-30b-a3b-thinking": _row(_VL_THINKING, _REPORTED),
    "qwen3-vl-8b-instruct": _VL_INSTRUCT,
    "qwen3-vl-8b-thinking": _VL_THINKING,
    "qwen-vl-max": _row(_VL_OLD, _ANNOUNCED_AND_REPORTED),
    "qwen-vl-plus": _row(_VL_OLD, _ANNOUNCED_AND_REPORTED),
    "qwen3.5-ocr": _row(_CHAT, _VISION, _limits(65_536, 49_152, 16_384), inputs=frozenset({"image"})),
    "qwen-vl-ocr": _row(_CHAT, _IMAGE_INPUT, _limits(38_192, 30_000, 8_192), _at(_BJ, _SG, _DE, _US)),
    # The page has no flag for thinking, but limits for it (5,209 tokens of input, as given there).
    "gui-plus": _row(
        _CHAT,
        _IMAGE_INPUT,
        _limits(256_000, 254_976, 32_768, thinking=5_209, reasoning=80_896),
        thinking="unknown",
    ),
    # Omni
    "qwen3.5-omni-plus": _row(
        _CHAT, _OMNI, _limits(262_144, 196_608, 65_536), _TOOLS, _OBJECT, _SEARCH_OMNI, _at(_BJ, _SG)
    ),
    "qwen3.5-omni-flash": _row(_CHAT, _OMNI, _limits(262_144, 196_608, 65_536), _TOOLS, _SEARCH_OMNI),
    "qwen3-omni-flash": _row(
        _CHAT,
        _OMNI,
        _limits(65_536, 49_152, 16_384, thinking=16_384, reasoning=32_768),
        _OFF,
        _TOOLS,
        _at(_BJ, _SG),
    ),
    "qwen-omni-turbo": _row(_CHAT, _OMNI, _limits(32_768, 30_720, 2_048), _at(_BJ, _SG)),
    # Translation: one user message and `translation_options`
    "qwen-mt-plus": _row(_CHAT, _MT, cumulative_on_openai=True),
    "qwen-mt-flash": _row(_CHAT, _MT),
    "qwen-mt-lite": _row(_CHAT, _MT, _at(_BJ, _SG, _DE, _US)),
    "qwen-mt-turbo": _row(_CHAT, _MT, _REPORTED, cumulative_on_openai=True),
    # Roles, documents, research
    "qwen-plus-character": _row(
        _CHAT,
        _limits(32_768, 32_768, 4_096),
        _JSON_UNKNOWN,
        _SEARCH,
        _CACHED_EXPLICIT,
        _at(_BJ, _SG, _DE, _US, _JP),
    ),
    "qwen-flash-character": _row(_CHAT, _limits(8_192, 8_000, 4_096), _SEARCH, _CACHED, _at(_BJ, _SG)),
    "qwen-doc-turbo": _row(_CHAT, _limits(262_144, 253_952, 8_192), _CACHED),
    # Its responses have `output.message`, not `choices`.
    "qwen-deep-research": _row(
        _CHAT,
        _limits(1_000_000, 997_952, 32_768),
        protocols=frozenset({"dashscope"}),
        streaming="required",
    ),
    # DeepSeek
    "deepseek-v4.1-flash": _row(
        _V4,
        _IMAGE_INPUT,
        _JSON_UNKNOWN,
        _EFFORT_LOW_HIGH_MAX,
        _at(_BJ, _SG, _DE, _US, _JP, _HK),
        web_search="unknown",  # claimed by the market page only
    ),
    "deepseek-v4-pro": _row(_V4_TEXT, _EFFORT_HIGH_MAX),
    "deepseek-v4-flash": _row(_V4_TEXT, _EFFORT_HIGH_MAX),
    # Snapshots with rows of their own, since their effort levels differ.
    "deepseek-v4-pro-0813": _row(_V4_TEXT, _EFFORT_LOW_HIGH_MAX),
    "deepseek-v4-flash-0731": _row(_V4_TEXT, _EFFORT_LOW_HIGH_MAX),
    "deepseek-v3.2": _row(_V3, _OFF, _CACHED_EXPLICIT, _at(_BJ, _SG)),
    "deepseek-v3.1": _row(_V3, _OFF),
    "deepseek-v3": _row(_V3, _limits(65_536, 57_344, 8_192)),
    "deepseek-r1": _row(_V3, _limits(131_072, 98_304, 16_384), _ONLY, _TOOLS_THINKING, cache=frozenset()),
    # A hybrid; the page has no flag for thinking.
    "vanchin/deepseek-v4-pro": _row(
        _CHAT,
        _limits(1_048_576, 1_048_576, 393_216),
        _TOOLS_UNKNOWN,
        _JSON_UNKNOWN,
        _CACHED,
        thinking="unknown",
        output_limit_covers_reasoning=True,
    ),
    "siliconflow/deepseek-v3.2": _row(_CHAT, _limits(163_840, 163_840, 65_536, reasoning=65_536), _OFF, _TOOLS_UNKNOWN),
    "siliconflow/deepseek-r1-0528": _row(
        _CHAT, _limits(163_840, 163_840, 32_768, reasoning=65_536), _ONLY, _TOOLS_UNKNOWN
    ),
    # Kimi; `kimi/` is served by Moonshot itself, and expects the reasoning of every assistant turn in the history
    "kimi-k3": _row(_K3, _IMAGE_INPUT, _RESPONSES, _at(_BJ, _SG, _DE, _JP), web_search="responses"),
    "kimi/kimi-k3": _row(_K3, _VISION, preserve_thinking=True),
    "kimi-k2.7-code": _row(
        _K2, _ONLY, _TOOLS_THINKING, _JSON_UNKNOWN, _at(_BJ, _SG, _DE, _US, _JP), preserve_thinking=True
    ),
    "kimi/kimi-k2.7-code": _row(
        _CHAT,
        _VISION,
        _limits(262_144, 262_144, 262_144, reasoning=262_144),
        _ONLY,
        _TOOLS_THINKING,
        _OBJECT,
        _CACHED,
        preserve_thinking=True,
    ),
    "kimi-k2.6": _row(_K2, _OFF, _TOOLS),
    "kimi-k2.5": _row(_K2, _OFF, _TOOLS),
    "kimi-k2-thinking": _row(_CHAT, _KIMI, _ONLY, _TOOLS_THINKING, _OBJECT, _CACHED),
    "Moonshot-Kimi-K2-Instruct": _row(_CHAT, _TOOLS, _SEARCH, _CACHED, context=131_072),
    # GLM: up to 5.2 no tool call arrives without `tool_stream`; 5.3 has it on by default
    "glm-5.3": _row(
        _CHAT,
        _GLM_1M,
        _ONLY,
        _TOOLS_THINKING,
        _JSON_UNKNOWN,
        _CACHED,
        _RESPONSES,
        _EFFORT_GLM_5_3,
        _at(_BJ, _SG, _DE, _US, _JP),
        output_limit_covers_reasoning=True,
    ),
    "ZHIPU/GLM-5.3": _row(
        _CHAT,
        _GLM_1M,
        _ONLY,
        _TOOLS_UNKNOWN,
        _JSON_UNKNOWN,
        _CACHED,
        output_limit_covers_reasoning=True,
    ),
    "glm-5.2": _row(
        _GLM,
        _GLM_1M,
        _JSON_UNKNOWN,
        _RESPONSES,
        _EFFORT_HIGH_MAX,
        _at(_BJ, _SG, _DE, _US, _JP),
        web_search="responses",
    ),
    "glm-5.1": _row(_GLM, _limits(202_745, 202_745, 131_072, thinking=169_984), _OBJECT, _CACHED_EXPLICIT),
    "glm-5": _row(_GLM, _limits(202_752, 169_984, 16_384, reasoning=32_768), _OBJECT_PLAIN),
    "glm-4.7": _row(_GLM, _limits(202_752, 169_984, 16_384), _OBJECT_PLAIN, _REPORTED),
    "glm-4.6": _row(_GLM, _limits(202_752, 169_984, 16_384, reasoning=32_768), _OBJECT_PLAIN),
    "glm-4.5": _row(_GLM, _GLM_131K, _OBJECT, _REPORTED, cache=frozenset()),
    "glm-4.5-air": _row(_GLM, _GLM_131K, _OBJECT, cache=frozenset()),
    # MiniMax; M3 takes `thinking: {"type": "adaptive" | "disabled"}` instead of `enable_thinking`
    "MiniMax/MiniMax-M3": _row(
        _CHAT,
        _VISION,
        _ON,
        _TOOLS,
        _CACHED,
        thinking_switch="thinking",
        context=1_048_576,
        max_input_tokens=1_048_576,
    ),
    "MiniMax/MiniMax-M2.7": _row(_MINIMAX, _limits(204_800, 204_800, 131_072, reasoning=131_072)),
    "MiniMax-M2.5": _row(_MINIMAX, _limits(204_800, 196_608, 32_768)),
    "MiniMax-M2.1": _row(_MINIMAX, _limits(204_800, 172_032, 32_768), _SEARCH),
    # Others. mimo: the page has no flag for thinking, but a reasoning limit. step: a hybrid without a documented
    # default.
    "xiaomi/mimo-v2.5-pro": _row(
        _CHAT,
        _limits(1_048_576, 1_048_576, 131_072, reasoning=131_072),
        _TOOLS_UNKNOWN,
        _JSON_UNKNOWN,
        _CACHED,
        thinking="unknown",
    ),
    "stepfun/step-3.7-flash": _row(
        _CHAT,
        _VISION,
        _limits(262_144, 262_144, 262_144, reasoning=262_144),
        _TOOLS_UNKNOWN,
        _OBJECT,
        _CACHED,
        thinking="unknown",
    ),
}

# -------------------------------------------------------------------------------- embedding and rerank models

_VECTORS: Row = {
    "kind": "embedding",
    "known": True,
    "native_endpoint": "text",
    "responses_api": False,
    "regions": frozenset({_BJ}),
    "inputs": frozenset({"text"}),
    "outputs": frozenset(),
    "thinking": "none",
    "tool_calling": False,
    "tool_choice": frozenset(),
    "json_output": "none",
    "web_search": "none",
    "cache": frozenset(),
    "sparse": False,
    "instruct": False,
    "fusion": "none",
}
# The openai protocol has no multimodal embeddings.
_MEDIA_VECTORS = _row(
    _VECTORS,
    native_endpoint="multimodal",
    inputs=frozenset({"text", "image", "video"}),
    protocols=frozenset({"dashscope"}),
    qwen_vocabulary=False,
)
_TEXT_3_7 = _row(_VECTORS, max_rows=20, max_row_tokens=128_000, max_batch_tokens=128_000, sparse=True, instruct=True)
_TEXT_V1_V2 = _row(_VECTORS, _sizes(1536, default=1536), max_rows=25, max_row_tokens=2_048, max_batch_tokens=2_048)
_TONGYI_2026: Row = {"max_rows": 20, "max_images": 64, "max_videos": 8, "fusion": "object"}
# A task of the dashscope protocol that embeds the rows of a file, at most 100,000.
_TEXT_TASK = _row(
    _VECTORS,
    _sizes(1536, default=1536),
    kind="embedding_task",
    protocols=frozenset({"dashscope"}),
    max_rows=100_000,
    max_row_tokens=2_048,
)
_RERANK = _row(_VECTORS, kind="rerank")

_EMBEDDING_ROWS: dict[str, Row] = {
    "qwen3.7-text-embedding": _row(
        _TEXT_3_7, _sizes(2560, 2048, 1536, 1024, 768, 512, 256, default=1024), _at(_BJ, _SG)
    ),
    "qwen3.7-text-embedding-flash": _row(_TEXT_3_7, _sizes(1024, 768, 512, 256, default=1024)),
    "text-embedding-v4": _row(
        _VECTORS,
        _sizes(2048, 1536, 1024, 768, 512, 256, 128, 64, default=1024),
        _at(_BJ, _SG),
        max_rows=10,
        max_row_tokens=8_192,
        max_batch_tokens=8_192,  # Singapore; 33,000 in Beijing, by the guide
        sparse=True,
        instruct=True,
    ),
    "text-embedding-v3": _row(
        _VECTORS,
        _sizes(1024, 768, 512, 256, 128, 64, default=1024),  # Singapore's page stops at 512
        _at(_BJ, _SG),
        max_rows=10,
        max_row_tokens=8_192,
        max_batch_tokens=8_192,
        sparse=True,
    ),
    # Their vectors are not normalised.
    "text-embedding-v2": _TEXT_V1_V2,
    "text-embedding-v1": _TEXT_V1_V2,
    "text-embedding-async-v2": _TEXT_TASK,
    "text-embedding-async-v1": _TEXT_TASK,
    # Elements of a request: at most 20, of which 10 images and 1 video.
    "qwen3-vl-embedding": _row(
        _MEDIA_VECTORS,
        _sizes(2560, 2048, 1536, 1024, 768, 512, 256, default=2560),
        max_rows=20,
        max_images=10,
        max_videos=1,
        max_row_tokens=32_000,
        fusion="parameter",
        qwen_vocabulary=True,
    ),
    # Combines all elements of a request, one of each medium, into one vector.
    "qwen2.5-vl-embedding": _row(
        _MEDIA_VECTORS,
        _sizes(2048, 1024, 768, 512, default=1024),
        max_rows=1,
        max_images=1,
        max_videos=1,
        max_row_tokens=32_000,
        fusion="always",
        qwen_vocabulary=True,
    ),
    # Elements of a request: at most 20 in total, 64 images and 8 videos (the page gives both).
    "tongyi-embedding-vision-plus-2026-03-06": _row(
        _MEDIA_VECTORS, _sizes(1152, 1024, 512, 256, 128, 64, default=1152), _TONGYI_2026
    ),
    "tongyi-embedding-vision-flash-2026-03-06": _row(
        _MEDIA_VECTORS, _sizes(768, 512, 256, 128, 64, default=768), _TONGYI_2026
    ),
    # Their size is fixed by the page of 2026-07-31, but not by that of 2026-02. Only images are counted: 8 per request.
    "tongyi-embedding-vision-plus": _row(
        _MEDIA_VECTORS, _sizes(1152, default=1152), _at(_BJ, _SG), max_rows=8, max_row_tokens=1_024
    ),
    "tongyi-embedding-vision-flash": _row(
        _MEDIA_VECTORS, _sizes(768, default=768), _at(_BJ, _SG), max_rows=8, max_row_tokens=1_024
    ),
    # One text, one image or one video per request.
    "multimodal-embedding-v1": _row(_MEDIA_VECTORS, _sizes(1024, default=1024), max_rows=1, max_row_tokens=512),
}

_RERANK_ROWS: dict[str, Row] = {
    # Both protocols and the instruction are assumed to be as for qwen3-rerank: its page has no example.
    "qwen3.7-text-rerank": _row(
        _RERANK,
        instruct=True,
        max_documents=500,
        max_item_tokens=30_000,  # 120,000 per request are recommended, which is not a limit
    ),
    # Its model page gives a context of 30,000, which older pages gave as the limit of a request.
    "qwen3-rerank": _row(
        _RERANK,
        _at(_BJ, _SG),
        instruct=True,
        max_documents=500,
        max_item_tokens=4_000,
        max_request_tokens=120_000,
    ),
    # 100 texts, or 40 images, or 4 videos. No page says whether it takes an instruction.
    "qwen3-vl-rerank": _row(
        _RERANK,
        protocols=frozenset({"dashscope"}),
        inputs=frozenset({"text", "image", "video"}),
        max_documents=100,
        max_images=40,
        max_videos=4,
        max_item_tokens=8_000,
        max_request_tokens=120_000,
    ),
    "gte-rerank-v2": _row(
        _RERANK,
        protocols=frozenset({"dashscope"}),
        max_documents=500,
        max_item_tokens=4_000,
        max_request_tokens=30_000,
        qwen_vocabulary=False,  # gte-rerank counted 54 tokens where Qwen's vocabulary has 36 (recording of 2025-11)
    ),
    "gte-rerank": _row(
        _RERANK,
        protocols=frozenset({"dashscope"}),
        qwen_vocabulary=False,
        retired=date(2026, 5, 30),
        retirement="official",
        retirement_note="retired 2026-05-30; qwen3-rerank is its successor",
    ),
}

ROWS: dict[str, Row] = {**_CHAT_ROWS, **_EMBEDDING_ROWS, **_RERANK_ROWS}

# --------------------------------------------------------------------------- names without a row of their own

# Retired snapshots and aliases of models that are not retired, or on another day, and one model without a page.
RETIRED_NAMES: dict[str, Row] = dict.fromkeys(
    (
        "deepseek-v3.2-exp",
        "qwen-vl-ocr-latest",
        "qwen3-coder-plus-2025-07-22",
        "qwen3-max-2025-09-23",
        "qwen3-max-preview",
        "qwen3-omni-flash-2025-09-15",
        "qwen3-vl-flash-2025-10-15",
        "qwen3-vl-plus-2025-09-23",
    ),
    _REPORTED,
)

# Facts of versions that differ from those of their models, which a version otherwise has except for its limits.
# Other figures of other lists for versions of 2024 and 2025 (litellm 1.110.2, dify 2026-08-17) contradict each other in
# part and are in `differences.tsv`: those limits stay unknown.
SNAPSHOTS: dict[str, Row] = {
    # The service's own catalogue (GET /api/v1/models), a public copy of 2026-08-20.
    "qwen-plus-0112": _limits(131_072, 129_024, 8_192),
    "qwen-plus-1220": _limits(131_072, 129_024, 8_192),
    "qwen-vl-ocr-1028": {"context": 34_096, "max_output_tokens": 4_096},
    # It refuses `enable_thinking=false` (QwenLM/qwen-code#9383, 2026-08-24; club-3090#746, 2026-07-21).
    "qwen3.8-max-preview": {"thinking": "only", "tool_choice": frozenset({"auto", "none"})},
}

# The properties that a family shares, for members newer or older than the tables; others stay permissive.
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

# What a generation newer than the tables is taken for: the newest one that is known, where that is the safer guess.
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
