"""Bodies with a wrong type somewhere: the sandbox refuses or answers them as the service words it, and never breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.tools import (
    CHAT,
    EMBEDDING,
    MEDIA_EMBEDDING,
    MULTIMODAL,
    PNG,
    RERANK,
    TEXT,
    WEATHER,
    called,
    result,
    user,
)

_TALK = [{"role": "system", "content": "json"}, user("Hi"), called(("c1", '{"city": "Rome"}')), result("c1")]
_SEEN = [user([{"type": "text", "text": "json"}, {"type": "image_url", "image_url": {"url": PNG}}])]
_FRAMES = [user([{"type": "video", "video": [PNG, PNG]}, {"type": "text", "text": "What?"}])]
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
_FORCED = {"type": "function", "function": {"name": "get_weather"}}
_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (CHAT, {"model": "qwen-plus", "messages": _TALK, "tools": [WEATHER], "tool_choice": _FORCED}),
    "streamed chat": (
        CHAT,
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
    "chat with a schema": (CHAT, {"model": "qwen3.7-plus", "messages": [user("json")], "response_format": _SCHEMA}),
    "chat that sees": (CHAT, {"model": "qwen3.7-plus", "messages": _SEEN, "enable_thinking": False}),
    "chat that watches": (CHAT, {"model": "qwen3.7-plus", "messages": _FRAMES}),
    "native text": (
        TEXT,
        {
            "model": "qwen-plus",
            "input": {"messages": _TALK},
            "parameters": {"result_format": "message", "tools": [WEATHER], "incremental_output": False},
        },
    ),
    "native prompt": (TEXT, {"model": "qwen-plus", "input": {"prompt": "Hi"}, "parameters": {"stop": ["a"]}}),
    "native media": (
        MULTIMODAL,
        {
            "model": "qwen3.7-plus",
            "input": {"messages": [user([{"text": "What?"}, {"image": PNG}, {"video": [PNG]}])]},
            "parameters": {"max_tokens": 9},
        },
    ),
    "embeddings": (
        EMBEDDING,
        {"model": "text-embedding-v4", "input": {"texts": ["a"]}, "parameters": {"dimension": 64}},
    ),
    "media embeddings": (
        MEDIA_EMBEDDING,
        {"model": "qwen3-vl-embedding", "input": {"contents": [{"text": "a"}, {"image": PNG}]}, "parameters": {}},
    ),
    "compatible embeddings": ("/compatible-mode/v1/embeddings", {"model": "text-embedding-v4", "input": ["a", "b"]}),
    "ranking": (
        RERANK,
        {"model": "qwen3-rerank", "input": {"query": "a", "documents": ["b", "c"]}, "parameters": {"top_n": 1}},
    ),
    "compatible ranking": ("/compatible-api/v1/reranks", {"model": "qwen3-rerank", "query": "a", "documents": ["b"]}),
}
_WRONG: tuple[Any, ...] = (None, True, 7, -1.5, "x", "", [], ["x"], [{}], {}, {"x": 1})


def _changed(value: Any) -> Iterator[Any]:
    """Yield a value with each of its parts replaced, and with each left out."""
    yield from _WRONG
    keys: Any = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for inner in _changed(value[key]):
            copied: Any = dict(value) if isinstance(value, dict) else list(value)
            copied[key] = inner
            yield copied
        if isinstance(value, dict):
            yield {name: item for name, item in value.items() if name != key}


@pytest.mark.parametrize("name", _BODIES)
def test_a_wrong_type_anywhere_is_refused_in_the_wires_words_or_answered(http: httpx.Client, name: str) -> None:
    path, body = _BODIES[name]
    assert http.post(path, json=body).status_code == 200
    seen = set()
    for odd in _changed(body):
        answer = http.post(path, json=odd)
        assert answer.status_code in {200, 400, 403, 404}, (odd, answer.text[:300])
        seen.add(answer.status_code)
        if answer.status_code != 200:
            told = answer.json()
            told = told.get("error", told)
            assert isinstance(told["message"], str), (odd, told)
            assert told["message"], odd
    assert seen >= {200, 400}
