"""Bodies with a wrong type somewhere: the sandbox answers them or refuses them with a message, and never fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.support import (
    DASHSCOPE_EMBEDDINGS,
    DASHSCOPE_MEDIA_EMBEDDINGS,
    DASHSCOPE_MULTIMODAL,
    DASHSCOPE_RERANK,
    DASHSCOPE_TEXT,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RERANK,
    PNG,
    WEATHER,
    tool_call_message,
    tool_result,
    user,
)

_CONVERSATION = [
    {"role": "system", "content": "json"},
    user("Hi"),
    tool_call_message(("c1", '{"city": "Rome"}')),
    tool_result("c1"),
]
_IMAGE = [user([{"type": "text", "text": "json"}, {"type": "image_url", "image_url": {"url": PNG}}])]
_FRAMES = [user([{"type": "video", "video": [PNG, PNG]}, {"type": "text", "text": "What?"}])]
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
_FORCED = {"type": "function", "function": {"name": "get_weather"}}
_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        OPENAI_CHAT,
        {"model": "qwen-plus", "messages": _CONVERSATION, "tools": [WEATHER], "tool_choice": _FORCED},
    ),
    "streamed chat": (
        OPENAI_CHAT,
        {
            "model": "qwen-plus",
            "messages": [user("json")],
            "stream": True,
            "stream_options": {"include_usage": True},
            "reasoning_effort": "low",
            "logprobs": True,
            "top_logprobs": 2,
        },
    ),
    "chat with a schema": (
        OPENAI_CHAT,
        {"model": "qwen3.7-plus", "messages": [user("json")], "response_format": _SCHEMA},
    ),
    "chat with an image": (OPENAI_CHAT, {"model": "qwen3.7-plus", "messages": _IMAGE, "enable_thinking": False}),
    "chat with video frames": (OPENAI_CHAT, {"model": "qwen3.7-plus", "messages": _FRAMES}),
    "dashscope text": (
        DASHSCOPE_TEXT,
        {
            "model": "qwen-plus",
            "input": {"messages": _CONVERSATION},
            "parameters": {"result_format": "message", "tools": [WEATHER], "incremental_output": False},
        },
    ),
    "dashscope prompt": (
        DASHSCOPE_TEXT,
        {"model": "qwen-plus", "input": {"prompt": "Hi"}, "parameters": {"stop": ["a"]}},
    ),
    "dashscope media": (
        DASHSCOPE_MULTIMODAL,
        {
            "model": "qwen3.7-plus",
            "input": {"messages": [user([{"text": "What?"}, {"image": PNG}, {"video": [PNG]}])]},
            "parameters": {"max_tokens": 9},
        },
    ),
    "dashscope embeddings": (
        DASHSCOPE_EMBEDDINGS,
        {"model": "text-embedding-v4", "input": {"texts": ["a"]}, "parameters": {"dimension": 64}},
    ),
    "dashscope media embeddings": (
        DASHSCOPE_MEDIA_EMBEDDINGS,
        {"model": "qwen3-vl-embedding", "input": {"contents": [{"text": "a"}, {"image": PNG}]}, "parameters": {}},
    ),
    "openai embeddings": (OPENAI_EMBEDDINGS, {"model": "text-embedding-v4", "input": ["a", "b"]}),
    "dashscope rerank": (
        DASHSCOPE_RERANK,
        {"model": "qwen3-rerank", "input": {"query": "a", "documents": ["b", "c"]}, "parameters": {"top_n": 1}},
    ),
    "openai rerank": (OPENAI_RERANK, {"model": "qwen3-rerank", "query": "a", "documents": ["b"]}),
}
_WRONG: tuple[Any, ...] = (None, True, 7, -1.5, "x", "", [], ["x"], [{}], {}, {"x": 1})


def _variants(value: Any) -> Iterator[Any]:
    """Yield a value with each of its parts replaced, and with each left out."""
    yield from _WRONG
    keys: Any = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for inner in _variants(value[key]):
            copied: Any = dict(value) if isinstance(value, dict) else list(value)
            copied[key] = inner
            yield copied
        if isinstance(value, dict):
            yield {name: item for name, item in value.items() if name != key}


@pytest.mark.parametrize("name", _BODIES)
def test_a_wrong_type_anywhere_is_refused_with_a_message_or_answered(http: httpx.Client, name: str) -> None:
    path, body = _BODIES[name]
    assert http.post(path, json=body).status_code == 200
    statuses = set()
    for variant in _variants(body):
        response = http.post(path, json=variant)
        assert response.status_code in {200, 400, 403, 404}, (variant, response.text[:300])
        statuses.add(response.status_code)
        if response.status_code != 200:
            error = response.json()
            error = error.get("error", error)
            assert isinstance(error["message"], str), (variant, error)
            assert error["message"], variant
    assert statuses >= {200, 400}
