"""The values that are mutated: the golden rows, and documented ones that no row has."""

import base64
import struct
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace._seam import Json, VectorKind
from tests.wire.golden import ROWS
from tests.wire.golden._row import (
    call_delta,
    completion,
    completion_chunks,
    dashscope_usage,
    delta,
    generation,
    generation_events,
    item_events,
    response,
    response_events,
)

_COUNT: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_URL, _PNG = "https://example.com/a.png", base64.b64encode(b"\x89PNG\r\n\x1a\n1234").decode()

# Not in the rows: speech, annotations, several choices, log probabilities, calls without index, research, old formats.
_SPOKEN: Json = {"content": "", "audio": {"data": "UklGRgAA", "transcript": "hi", "id": "a", "expires_at": 1}}
_CITED: Json = {"content": "x", "annotations": [{"type": "url_citation", "url": _URL}], "refusal": "no"}
_CALLS: Json = {
    "content": None,
    "tool_calls": [call_delta(0, "c1", {"name": "f", "arguments": '{"a": 1'}), {"function": {"name": "g"}}],
}
_PROBABILITIES: Json = {"logprobs": {"content": [{"token": "x", "logprob": -0.1, "bytes": [1], "top_logprobs": []}]}}
_MESSAGES = (_SPOKEN, _CITED, _CALLS, {"content": [{"text": "a"}, {"image": _URL}], "reasoning_content": "r"})
_SEARCHED: Json = {
    "search_info": {"search_results": [{"url": _URL, "title": "t", "index": 1}]},
    "tool_info": [{"a": 1}],
}
_RESEARCH: Json = {
    "output": {
        "message": {
            "phase": "answer",
            "status": "finished",
            "content": "x",
            "extra": {"deep_research": {"references": [{"title": "t"}]}},
        },
        "fininshed": True,
    },
    "usage": dashscope_usage(1, 1),
    "request_id": "r",
}
_OLD: Json = {"output": {"text": "x", "finish_reason": "stop", **_SEARCHED}, "usage": dashscope_usage(1, 1)}

# Items of built-in tools (Model Studio docs, Responses reference, 2026-10-23).
_ITEMS: list[Json] = [
    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"},
    {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "code_interpreter_call", "id": "c", "code": "1", "outputs": [{"type": "logs", "logs": "1"}]},
    {"type": "mcp_call", "id": "m", "name": "f", "server_label": "s", "arguments": "{}", "output": "o"},
    {"type": "a_new_kind", "id": "n", "x": [1]},
    {
        "type": "message",
        "id": "t",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "x", "annotations": [{"type": "url_citation", "url": _URL}]}],
    },
]
_ITEMS_USAGE: Json = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "x_tools": {"web_search": {"count": 1}},
}

ANSWERS: dict[str, list[Json]] = {
    "openai": [
        *(row.response("openai") for row in ROWS if "openai" in row.exchanges),
        *(completion("qwen-plus", message, "stop", _COUNT, **_PROBABILITIES) for message in _MESSAGES),
    ],
    "dashscope": [
        *(row.response("dashscope") for row in ROWS if "dashscope" in row.exchanges),
        *(generation(message, "stop", dashscope_usage(1, 2), **_PROBABILITIES) for message in _MESSAGES),
        _RESEARCH,
        _OLD,
    ],
    "responses": [
        *(row.response("responses") for row in ROWS if "responses" in row.exchanges),
        response("qwen3.8-max", _ITEMS, _ITEMS_USAGE),
    ],
}
EVENTS: dict[str, list[Sequence[Json]]] = {
    "openai": [
        *(row.events("openai") for row in ROWS if "openai" in row.exchanges),
        completion_chunks("qwen-omni", *map(delta, _MESSAGES), delta(_SPOKEN), delta({}, "stop"), usage=_COUNT),
        completion_chunks("qwen-plus", {**delta({"content": "x"}), **_PROBABILITIES}, delta({}, "stop"), usage=_COUNT),
    ],
    "dashscope": [
        *(row.events("dashscope") for row in ROWS if "dashscope" in row.exchanges),
        generation_events(
            *((message, "null", dashscope_usage(1, 1)) for message in _MESSAGES), ({}, "stop", dashscope_usage(1, 2))
        ),
        [_RESEARCH, _RESEARCH],
        [_OLD],
    ],
    "responses": [
        *(row.events("responses") for row in ROWS if "responses" in row.exchanges),
        response_events(
            response("qwen3.8-max", _ITEMS, _ITEMS_USAGE),
            *(event for index, item in enumerate(_ITEMS) for event in item_events(item, index=index)),
        ),
    ],
}

ERRORS: list[Json] = [
    {"code": "InvalidParameter", "message": "Range of input length should be [1, 30720]", "request_id": "r"},
    {"error": {"code": "invalid_api_key", "message": "Incorrect API key.", "type": "x", "param": None}, "id": "i"},
    {"error": "busy", "message": "x"},
    {"object": "error", "message": "Requests rate limit exceeded", "code": "limit_requests"},
    {"output": {}, "code": "Throttling.RateQuota", "message": "{model}", "status_code": 429},
]

_VECTORS = [[0.1, -0.2, 3.0] * 21 + [1.0], [1.0] * 64]
_PACKED = [base64.b64encode(struct.pack("<64f", *vector)).decode() for vector in _VECTORS]
_SPARSE = [{"index": 7, "value": 0.5, "token": "a"}, {"index": 9, "value": 1.5, "token": "b"}]


def _openai_vectors(vectors: Sequence[Any]) -> Json:
    rows = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"data": rows, "model": "text-embedding-v4", "usage": _COUNT, "id": "i"}


def _native_vectors(*keys: str) -> Json:
    rows: list[Json] = [
        {"text_index": index, "embedding": vector, "sparse_embedding": _SPARSE} for index, vector in enumerate(_VECTORS)
    ]
    kept = [{key: row[key] for key in ("text_index", *keys)} for row in rows]
    return {"output": {"embeddings": kept}, "usage": {"total_tokens": 2, "input_tokens_details": {"image_tokens": 1}}}


EMBEDDINGS: dict[str, list[tuple[VectorKind, Json]]] = {
    "openai": [("dense", _openai_vectors(_VECTORS)), ("dense", _openai_vectors(_PACKED))],
    "dashscope": [
        ("dense", _native_vectors("embedding")),
        ("sparse", _native_vectors("sparse_embedding")),
        ("dense&sparse", _native_vectors("embedding", "sparse_embedding")),
    ],
}

_RANKED = [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.5}]
_RANKINGS = [_RANKED, [*_RANKED, {"index": 1, "relevance_score": 0, "document": {"text": "b"}}]]
RANKINGS: dict[str, list[Json]] = {
    "openai": [{"results": results, "usage": {"total_tokens": 3}, "id": "i"} for results in _RANKINGS],
    "dashscope": [{"output": {"results": results}, "usage": {"total_tokens": 3}} for results in _RANKINGS],
}

LINES: list[Json] = [
    {"custom_id": "0-9", "id": "b", "response": {"status_code": 200, "request_id": "r", "body": ANSWERS["openai"][0]}},
    {"custom_id": "1", "response": {"status_code": 400, "body": ERRORS[1]}, "error": None},
    {"custom_id": "2", "response": None, "error": ERRORS[0]},
]

BLOCKS: list[Json] = [
    {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}, "extras": {"a": 1}},
    {"type": "input_text", "text": "a", "id": "lc_1", "index": 0, "annotations": []},
    {"type": "text-plain", "base64": "QQ==", "mime_type": "text/plain", "title": "t"},
    {"type": "text-plain", "text": "A"},
    {"type": "image", "url": _URL, "extras": {"min_pixels": 1, "detail": "low"}},
    {"type": "image", "base64": _PNG, "mime_type": "image/png"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}", "detail": "high"}},
    {"type": "image_url", "image_url": _URL},
    {"type": "video_url", "video_url": {"url": _URL}, "fps": 1},
    {"type": "video", "frames": [_URL, {"url": _URL}], "fps": 0.5},
    {"type": "video", "video": [_URL], "max_frames": 3},
    {"type": "audio", "base64": "AAAA", "mime_type": "audio/mpeg"},
    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    {"type": "file", "file_id": "file-1", "mime_type": "application/pdf"},
    {"type": "file", "base64": "QQ==", "mime_type": "text/plain"},
    {"image": "oss://bucket/a.png"},
    {"text": "a"},
    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    {"type": "tool_call", "id": "t", "name": "f", "args": {"a": 1}},
    {"type": "reasoning", "reasoning": "r"},
    {"type": "thinking", "thinking": "r", "signature": "s"},
    {"type": "refusal", "refusal": "no"},
    {"type": "audio", "base64": "AAAA", "extras": {"transcript": "t"}},
    {"type": "non_standard", "value": {"a": 1}},
]
CONTENTS: list[Any] = ["a", *BLOCKS[:18], [BLOCKS[0], BLOCKS[4]], {"multi_images": [_URL, _URL]}]

MESSAGES: list[BaseMessage] = [
    *(message for row in ROWS for message in row.messages),
    SystemMessage("You answer."),
    HumanMessage("Hi", name="me"),
    AIMessage("", additional_kwargs={"reasoning_content": "r", "partial": True, "audio": {"transcript": "t"}}),
    AIMessage("", tool_calls=[{"id": "c", "name": "f", "args": {"a": [1]}, "type": "tool_call"}]),
    AIMessage(
        "", invalid_tool_calls=[{"id": "c", "name": "f", "args": "{", "error": "e", "type": "invalid_tool_call"}]
    ),
    ToolMessage([{"type": "text", "text": "x"}, BLOCKS[4]], tool_call_id="c"),
]

WORKSPACES: list[Json] = [
    {"workspace_id": "llm-1", "region": "ap-southeast-1"},
    {"workspace_id": "ws-1", "region": "tokyo", "endpoint": "workspace"},
    {"region": "beijing", "endpoint": "trial"},
    {"region": "us-east-1", "allowed_models": ["qwen-plus"]},
    {"base_url": "https://llm-1.ap-southeast-1.maas.aliyuncs.com/api/v1"},
    {"base_url": "https://gateway.example/compatible-mode/v1", "workspace_id": "llm-1"},
]

_COUNTS = ("calls", "failed_calls", "interrupted_calls", "unknown_calls", "cached_answers", "open_calls")
_TOKENS = ("input_tokens", "output_tokens", "total_tokens", "cached_tokens", "cache_written_tokens", "reasoning_tokens")
_USAGE_ROW = {
    **dict.fromkeys((*_COUNTS, *_TOKENS), 3),
    "workspace_id": "llm-1",
    "region": "us-east-1",
    "model": "qwen-plus",
    "protocol": "openai",
    "operation": "chat",
    "unpriced_calls": 0,
    "cost": "0.0012",
    "currency": "CNY",
    "price_list": "mine",
    "price_date": "2026-11-29",
}
USAGE_FILES: tuple[Any, ...] = (
    {"version": 1, "rows": [_USAGE_ROW, {**_USAGE_ROW, "workspace_id": None, "cost": None}]},
)
PRICE_TABLES: tuple[Any, ...] = (
    {
        "currency": "CNY",
        "models": {
            "qwen-plus": {"input": "0.8", "output": 2.0, "cached_input": 0},
            "qwen-flash": {"tiers": [{"up_to": 1000, "input": 1, "output": 2}, {"input": 2, "output": 4}]},
        },
    },
    {
        "currency": "CNY",
        "date": "2026-11-29",
        "token_unit": 1000,
        "tool_calls": {"search": "0.004"},
        "models": {
            "qwen-plus": [
                {"thinking": False, "above": 1, "up_to": 9, "discount": "0.8", "input": 1, "output": "unknown"},
                {"thinking": True, "time_band": "peak", "input": 1, "output": 2, "tool_calls": {"search": 1}},
                {"batch": True, "input": 1, "output": 2},
            ],
            "qwen-flash": {"regions": {"singapore": {"currency": "USD", "tiers": [{"input": 1, "output": 2}]}}},
        },
    },
)
