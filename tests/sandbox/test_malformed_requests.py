"""Bodies with a wrong type somewhere: the sandbox answers them or refuses them with a message, and never fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace.sandbox._chat.prompt_literals import Literals
from langchain_qwen_workspace.sandbox._chat.schema_values import instance
from tests.sandbox.support import (
    CONVERSATIONS,
    DASHSCOPE_EMBEDDINGS,
    DASHSCOPE_MEDIA_EMBEDDINGS,
    DASHSCOPE_MULTIMODAL,
    DASHSCOPE_RERANK,
    DASHSCOPE_TEXT,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RERANK,
    PNG,
    RESPONSES,
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
_FUNCTION = {"type": "function", "name": "get_weather"}
_SEARCH = {"type": "search", "query": "a", "sources": [{"type": "url", "url": "https://example.com/"}]}
_ITEMS = [
    {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}]},
    {"type": "web_search_call", "id": "msg_1", "status": "completed", "action": _SEARCH},
    {"type": "reasoning", "id": "msg_2", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": "a"},
    {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
]
_HEARD = [user([{"type": "image_url", "image_url": {"url": PNG}}, {"type": "text", "text": "a"}])]
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
    "response": (
        RESPONSES,
        {
            "model": "qwen3.8-max",
            "input": _ITEMS,
            "tools": [_FUNCTION, {"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["kb"]}],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]},
            "reasoning": {"effort": "low", "summary": "auto"},
            "max_output_tokens": 16,
        },
    ),
    "response with media": (
        RESPONSES,
        {"model": "qwen3.8-max", "input": _HEARD},
    ),
    "conversation": (
        CONVERSATIONS,
        {"items": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "metadata": {"a": "b"}},
    ),
}
_WRONG: tuple[Any, ...] = (None, True, 7, -1.5, 10**400, 1e308, "x", "", "9" * 5000, [], ["x"], [{}], {}, {"x": 1})


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


# ------------------------------------------------------------------------------------- JSON that a server cannot handle

_ENDPOINTS = sorted({path for path, _ in _BODIES.values()})


def _refusal_of(http: httpx.Client, path: str, content: bytes) -> str:
    """Return the text of a refusal with status 400."""
    response = http.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text[:300]
    body = response.json()
    return str(body.get("error", body)["message"])


@pytest.mark.parametrize("path", _ENDPOINTS)
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"model": "qwen-plus", "messages": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"model": "qwen-plus", "input": ' + b'{"a":' * 101 + b"1" + b"}" * 102,
        b'{"model": "qwen-plus", "seed": ' + b"9" * 5000 + b"}",
        b'{"model": "qwen-plus", "temperature": NaN}',
        b'{"model": "qwen-plus", "temperature": 1e999}',
        b'{"model": "\\ud800"}',
        b'{"\\uDFFF": 1}',
        b'{"model": "\xff"}',
    ],
    ids=["lists", "objects", "closed lists", "closed objects", "digits", "NaN", "1e999", "half", "half key", "bytes"],
)
def test_json_that_cannot_be_handled_is_a_refusal(http: httpx.Client, path: str, content: bytes) -> None:
    assert _refusal_of(http, path, content).startswith("Required body invalid")


def test_json_of_the_largest_depth_is_read(http: httpx.Client) -> None:
    deep = b"[" * 98 + b"]" * 98
    text = _refusal_of(http, OPENAI_CHAT, b'{"model": "qwen-plus", "messages": [' + deep + b"]}")
    assert not text.startswith("Required body invalid")


def test_both_halves_of_a_character_are_read(http: httpx.Client) -> None:
    content = b'{"model": "qwen-plus", "messages": [{"role": "user", "content": "\\ud83d\\ude00"}]}'
    assert "\U0001f600" in http.post(OPENAI_CHAT, content=content).text


@pytest.mark.parametrize("arguments", ["[" * 5000, '{"a": NaN}', '{"a": "\\ud800"}'])
def test_arguments_of_a_call_that_cannot_be_handled_are_a_refusal(http: httpx.Client, arguments: str) -> None:
    messages = [user("Hi"), tool_call_message(("c1", arguments)), tool_result("c1")]
    response = http.post(OPENAI_CHAT, json={"model": "qwen-plus", "messages": messages})
    assert response.status_code == 400


# ----------------------------------------------------------------------------------------------------------- schemas


def _required(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_SELF = {"$ref": "#/$defs/Node"}
_DOUBLED = {f"A{n}": {"anyOf": [{"$ref": f"#/$defs/A{n + 1}"}] * 2} for n in range(60)}
_UNUSABLE: dict[str, Any] = {
    "endless": _required(a=_SELF) | {"$defs": {"Node": _required(next=_SELF)}},
    "endless root": _required(a={"$ref": "#"}),
    "endless union": _required(a=_SELF) | {"$defs": {"Node": {"anyOf": [_SELF, _SELF]}}},
    "endless allOf": _required(a=_SELF) | {"$defs": {"Node": {"allOf": [_SELF, _SELF]}}},
    "doubled unions": _required(a={"$ref": "#/$defs/A0"}) | {"$defs": _DOUBLED},
    "many items": _required(a={"type": "array", "items": {"type": "object"}, "minItems": 10**9}),
    "long text": _required(a={"type": "string", "minLength": 10**12}),
    "text of no length": _required(a={"type": "string", "minLength": "x"}),
    "union of a number": _required(a={"anyOf": 5}),
    "tiny factor": _required(a={"type": "integer", "multipleOf": 1e-320}),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", _UNUSABLE)
@pytest.mark.parametrize("place", ["tool", "response_format"])
def test_a_schema_that_no_value_fits_is_a_refusal(http: httpx.Client, name: str, place: str, stream: bool) -> None:
    schema = _UNUSABLE[name]
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    forced = {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": "f"}}}
    described = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = forced if place == "tool" else {"response_format": described}
    model = {"model": "qwen3.7-plus", "messages": [user("json a")], "enable_thinking": False, "stream": stream}
    response = http.post(OPENAI_CHAT, json=model | body)
    assert (response.status_code, "schema" in response.text) == (400, True)


_LIST = {"type": "object", "properties": {"value": {"type": "integer"}, "next": {"anyOf": [_SELF, {"type": "null"}]}}}


@pytest.mark.parametrize(
    ("reference", "definitions"),
    [
        ("#/$defs/Node", {"Node": _LIST | {"required": ["value", "next"]}}),
        ("#/$defs/Box%5Bint%5D", {"Box[int]": {"type": "integer"}}),
        ("#/$defs/a~1b", {"a/b": {"type": "integer"}}),
    ],
)
def test_a_recursive_schema_with_an_end_is_filled(reference: str, definitions: dict[str, Any]) -> None:
    filled = instance(_required(a={"$ref": reference}) | {"$defs": definitions}, Literals("7"))
    assert str(filled).count("7") == 1


def test_a_reference_to_the_whole_schema_is_resolved() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "next": {"$ref": "#"}}, "required": ["n"]}
    assert isinstance(instance(schema, Literals("7"))["next"], dict)


@pytest.mark.parametrize("schema", [_UNUSABLE["endless"], {"properties": {"a": 5}}])
def test_what_only_looks_like_a_schema_in_a_prompt_is_ignored(http: httpx.Client, schema: Any) -> None:
    messages = [user(f"Answer as json with 'city': {json.dumps(schema)} {'{' * 20_000}" + '{"a":' * 20_000)]
    body = {"model": "qwen-plus", "messages": messages, "response_format": {"type": "json_object"}}
    response = http.post(OPENAI_CHAT, json=body)
    assert (response.status_code, "city" in response.text) == (200, True)
