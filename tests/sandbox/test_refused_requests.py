"""Requests that the service refuses: status, code, text and body shape in each protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.sandbox.support import (
    DASHSCOPE_MULTIMODAL,
    DASHSCOPE_TEXT,
    OPENAI_CHAT,
    PNG,
    SSE,
    WEATHER,
    tool,
    tool_call_message,
    tool_result,
    user,
)

_ALGO = "<400> InternalError.Algo.InvalidParameter: "


@dataclass(frozen=True)
class Row:
    """A request that both protocols refuse: the messages, the parameters, and a part of the text."""

    text: str
    parameters: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=lambda: [user("Hello")])
    model: str = "qwen-plus"


_SCHEMA_FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
_FORCED = {"type": "function", "function": {"name": "get_weather"}}

_BOTH = {
    "temperature": Row("Temperature should be in [0.0, 2.0)", {"temperature": 2.0}),
    "temperature as text": Row("Temperature should be in", {"temperature": "1"}),
    "top_p": Row("Range of top_p should be (0.0, 1.0]", {"top_p": 0}),
    "top_k": Row("Parameter top_k be greater than or equal to 0", {"top_k": -1}),
    "repetition_penalty": Row("Repetition_penalty should be greater than 0.0", {"repetition_penalty": 0}),
    "presence_penalty": Row("Presence_penalty should be in [-2.0, 2.0]", {"presence_penalty": 3}),
    "n": Row("Range of n should be [1, 4]", {"n": 5}),
    "n with tools": Row("n should be 1", {"n": 2, "tools": [WEATHER]}),
    "seed": Row("seed", {"seed": -1}),
    "max_tokens": Row("Range of max_tokens should be [1, 32768]", {"max_tokens": 0}),
    "thinking_budget": Row("The thinking_budget parameter must be a positive integer", {"thinking_budget": 0}),
    "top_logprobs": Row("Range of top_logprobs should be [0, 5]", {"logprobs": True, "top_logprobs": 6}),
    "mixed stop": Row('The "stop" parameter must be of type', {"stop": ["a", 1]}),
    "flag": Row("is not of type 'boolean'", {"parallel_tool_calls": "yes"}),
    "no thinking": Row(
        "The model qwen-max does not support enable_thinking.", {"enable_thinking": False}, model="qwen-max"
    ),
    "open model thinks unstreamed": Row(
        "parameter.enable_thinking must be set to false for non-streaming calls",
        {"result_format": "message"},
        model="qwen3-8b",
    ),
    "stream-only model": Row("This model only support stream mode", model="qwq-plus"),
    "required": Row('["none", "auto"]', {"tools": [WEATHER], "tool_choice": "required"}),
    "required while thinking": Row(
        "does not support being set to required or object in thinking mode",
        {"tools": [WEATHER], "tool_choice": "required", "enable_thinking": True},
    ),
    "any": Row('["none", "auto"]', {"tools": [WEATHER], "tool_choice": "any"}),
    "forced while thinking": Row(
        "does not support being set to required or object in thinking mode",
        {"tools": [WEATHER], "tool_choice": _FORCED, "enable_thinking": True},
    ),
    "forced tool not offered": Row("not in tools", {"tools": [tool("other")], "tool_choice": _FORCED}),
    "model without tools": Row(
        "The tool call is not supported.",
        {"tools": [WEATHER], "translation_options": {"target_lang": "German"}},
        model="qwen-mt-flash",
    ),
    "tool named search": Row("Tool names are not allowed to be [search]", {"tools": [tool("search")]}),
    "tool name": Row("Tool names should be", {"tools": [tool("no spaces")]}),
    "tool of another kind": Row("missing or invalid", {"tools": [{"name": "f", "input_schema": {}}]}),
    "leaked tool key": Row("'input_schema'", {"tools": [WEATHER | {"input_schema": {}}]}),
    "tool with a list of nothing": Row(
        "'x' is not a valid schema - 'tools.0.function.parameters.properties.days.items'",
        {"tools": [tool("f", days={"type": "array", "items": "x"})]},
    ),
    "search": Row("does not support enable_search", {"enable_search": True}, model="glm-5.2"),
    "format": Row("Unknown format of response_format", {"response_format": {"type": "yaml"}}),
    "json without json": Row("must contain the word 'json'", {"response_format": {"type": "json_object"}}),
    "schema degrades": Row("must contain the word 'json'", {"response_format": _SCHEMA_FORM}),
    "translation": Row("translation_options", model="qwen-mt-plus"),
    "translation with system": Row(
        "Role must be in [user, assistant]",
        {"translation_options": {"target_lang": "German"}},
        [{"role": "system", "content": "x"}, user("Hello")],
        "qwen-mt-plus",
    ),
    "long input": Row("Range of input length should be [1, 30720]", messages=[user("a " * 31_000)], model="qwen-max"),
    "role": Row("Role must be|is not one of", messages=[{"role": "developer", "content": "x"}, user("Hello")]),
    "no messages": Row("Role must be|is too short", messages=[]),
    "no user": Row("do not contain elements with the role of user", messages=[{"role": "system", "content": "x"}]),
    "no content": Row("The content field is a required field.", messages=[{"role": "user"}]),
    "message is text": Row("Input should be a valid dictionary", messages=["Hello"]),
    "reasoning is no text": Row(
        "Input should be a valid dictionary",
        messages=[user("x"), {"role": "assistant", "content": "x", "reasoning_content": 1}, user("y")],
    ),
    "partial is no flag": Row(
        "Input should be a valid dictionary", messages=[user("x"), {"role": "assistant", "content": "x", "partial": 1}]
    ),
    "orphan result": Row("must be a response to a preceeding message", messages=[user("x"), tool_result("call_1")]),
    "unanswered call": Row(
        "did not have response messages: message[2].role",
        messages=[user("x"), tool_call_message(("call_1", "{}")), user("y")],
    ),
    "call at the end": Row(
        "must be followed by tool messages", messages=[user("x"), tool_call_message(("call_1", "{}"))]
    ),
    "half answered": Row(
        "must be followed by tool messages",
        messages=[user("x"), tool_call_message(("call_1", "{}"), ("call_2", "{}")), tool_result("call_1"), user("y")],
    ),
    "answered twice": Row(
        "must be a response to a preceeding",
        messages=[user("x"), tool_call_message(("call_1", "{}")), tool_result("call_1"), tool_result("call_1")],
    ),
    "arguments are no json": Row(
        '"function.arguments" parameter',
        messages=[user("x"), tool_call_message(("call_1", "{'a': 1}")), tool_result("call_1")],
    ),
    "leaked message key": Row("'reasoning'", messages=[user("x") | {"reasoning": "y"}]),
    "leaked lc key": Row("'additional_kwargs'", messages=[user("x") | {"additional_kwargs": {}}]),
    "tool_calls on a user": Row("'tool_calls'", messages=[user("x") | {"tool_calls": []}]),
    "partial in the middle": Row(
        "Only the last", messages=[{"role": "assistant", "content": "x", "partial": True}, user("y")]
    ),
}

_OPENAI: dict[str, tuple[dict[str, Any], str]] = {
    "stream_options": ({"stream_options": {"include_usage": True}}, "only allowed when 'stream'"),
    "extra_body": ({"extra_body": {"enable_thinking": True}}, "'extra_body'"),
    "lc key": ({"model_kwargs": {}}, "'model_kwargs'"),
    "dashscope parameter": ({"incremental_output": True}, "'incremental_output'"),
    "text model sees": (
        {"messages": [user([{"type": "image_url", "image_url": {"url": PNG}}])]},
        "Unexpected item type in content",
    ),
    "tool_use part": ({"messages": [user([{"type": "tool_use", "id": "x"}])]}, "Unexpected item type in content"),
    "thinking part": ({"messages": [user([{"type": "thinking", "thinking": "x"}])]}, "Unexpected item"),
    "leaked part key": ({"messages": [user([{"type": "text", "text": "x", "index": 0}])]}, "'index'"),
    "part of the other protocol": ({"messages": [user([{"text": "x"}])]}, "Unexpected item type in content"),
    "broken data": (
        {
            "model": "qwen3-vl-plus",
            "messages": [user([{"type": "image_url", "image_url": {"url": PNG.replace("iVBOR", "iVB#OR")}}])],
        },
        "does not appear to be valid",
    ),
    "not an image": (
        {
            "model": "qwen3-vl-plus",
            "messages": [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}])],
        },
        "format is illegal",
    ),
    "raw audio": (
        {
            "model": "qwen3.5-omni-plus",
            "messages": [user([{"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}}])],
        },
        "does not appear to be valid",
    ),
    "deaf model": (
        {
            "model": "qwen3-vl-plus",
            "messages": [user([{"type": "input_audio", "input_audio": {"data": "https://x.org/a", "format": "wav"}}])],
        },
        "Unexpected item type in content",
    ),
    "image in a system message": (
        {
            "model": "qwen3-vl-plus",
            "messages": [
                {"role": "system", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
                user("x"),
            ],
        },
        "Unexpected item type in content",
    ),
    "audio answer": (
        {"model": "qwen3.5-omni-plus", "modalities": ["text", "audio"]},
        "only support with stream=true",
    ),
    "omni tools unstreamed": ({"model": "qwen3.5-omni-plus", "tools": [WEATHER]}, "only support stream mode"),
    "budget and effort": (
        {"model": "qwen3.8-max", "thinking_budget": 10, "reasoning_effort": "low"},
        "cannot be set at the same time",
    ),
    "thinking-only model": ({"model": "kimi-k3", "enable_thinking": False}, "restricted to True"),
}

_DASHSCOPE: dict[str, tuple[str, dict[str, Any], str]] = {
    "not nested": (
        DASHSCOPE_TEXT,
        {"model": "qwen-plus", "messages": [user("Hello")]},
        'Either "prompt" or "messages"',
    ),
    "parameter beside input": (DASHSCOPE_TEXT, {"temperature": 1}, "'temperature'"),
    "parameter in input": (DASHSCOPE_TEXT, {"input": {"messages": [user("x")], "seed": 1}}, "'seed'"),
    "stream parameter": (DASHSCOPE_TEXT, {"parameters": {"stream": True}}, "'stream'"),
    "result_format": (DASHSCOPE_TEXT, {"parameters": {"result_format": "json"}}, "'json' is not one of"),
    "text format and thinking": (DASHSCOPE_TEXT, {"parameters": {"enable_thinking": True}}, 'must be "message"'),
    "text format and tools": (DASHSCOPE_TEXT, {"parameters": {"tools": [WEATHER]}}, 'must be "message"'),
    "image on a text model": (
        DASHSCOPE_TEXT,
        {"input": {"messages": [user([{"image": PNG}])]}},
        "Unexpected item type",
    ),
    "empty text": (DASHSCOPE_TEXT, {"input": {"messages": [user("")]}}, "Content length must be greater than 0"),
    "plain string": (DASHSCOPE_MULTIMODAL, {"input": {"messages": [user("Hello")]}}, "message of a certain modal"),
    "typed part": (
        DASHSCOPE_MULTIMODAL,
        {"input": {"messages": [user([{"type": "text", "text": "x"}])]}},
        "message of a certain modal",
    ),
    "two kinds in one part": (
        DASHSCOPE_MULTIMODAL,
        {"input": {"messages": [user([{"text": "x", "image": PNG}])]}},
        "message of a certain modal",
    ),
    "search unstreamed": (DASHSCOPE_MULTIMODAL, {"parameters": {"enable_search": True}}, "Non-streaming mode"),
}


def _openai_body(row: Row) -> dict[str, Any]:
    parameters = {name: value for name, value in row.parameters.items() if name != "result_format"}
    return {"model": row.model, "messages": row.messages, **parameters}


def _dashscope_body(row: Row) -> dict[str, Any]:
    parameters = {"result_format": "message", **row.parameters}
    return {"model": row.model, "input": {"messages": row.messages}, "parameters": parameters}


def _has_text(text: str, message: str) -> bool:
    return any(piece in message for piece in text.split("|"))


@pytest.mark.parametrize("name", _BOTH)
def test_the_openai_protocol_refuses(http: httpx.Client, name: str) -> None:
    row = _BOTH[name]
    response = http.post(OPENAI_CHAT, json=_openai_body(row))
    assert response.status_code == 400, response.text
    request_id = response.headers["x-request-id"]
    error = response.json()["error"]
    assert set(response.json()) == {"error", "id", "request_id"}
    assert (response.json()["id"], response.json()["request_id"]) == (f"chatcmpl-{request_id}", request_id)
    assert (error["type"], error["param"]) == ("invalid_request_error", None)
    assert error["code"] in ("invalid_parameter_error", "invalid_value")
    assert _has_text(row.text, error["message"]), error["message"]


@pytest.mark.parametrize("name", _BOTH)
def test_the_dashscope_protocol_refuses(http: httpx.Client, name: str) -> None:
    row = _BOTH[name]
    response = http.post(DASHSCOPE_TEXT, json=_dashscope_body(row))
    assert response.status_code == 400, response.text
    assert set(response.json()) == {"code", "message", "request_id"}
    assert response.json()["code"].split(".")[0] == "InvalidParameter"
    assert _has_text(row.text, response.json()["message"]), response.json()["message"]


@pytest.mark.parametrize("name", sorted(_BOTH.keys() - {"open model thinks unstreamed", "stream-only model"}))
def test_dashscope_refuses_a_stream_inside_the_stream(http: httpx.Client, name: str) -> None:
    response = http.post(DASHSCOPE_TEXT, json=_dashscope_body(_BOTH[name]), headers=SSE)
    first, second, third, data = response.text.strip().split("\n")
    assert (response.status_code, first, second, third) == (200, "id:1", "event:error", ":HTTP_STATUS/400")
    assert _has_text(_BOTH[name].text, json.loads(data.removeprefix("data:"))["message"])


@pytest.mark.parametrize("name", _OPENAI)
def test_openai_chat_refuses(http: httpx.Client, name: str) -> None:
    change, text = _OPENAI[name]
    response = http.post(OPENAI_CHAT, json={"model": "qwen-plus", "messages": [user("Hello")]} | change)
    assert response.status_code == 400, response.text
    assert text in response.json()["error"]["message"]


@pytest.mark.parametrize("name", _DASHSCOPE)
def test_dashscope_chat_refuses(http: httpx.Client, name: str) -> None:
    path, change, text = _DASHSCOPE[name]
    content = "Hello" if path == DASHSCOPE_TEXT else [{"text": "Hello"}]
    model = "qwen-plus" if path == DASHSCOPE_TEXT else "qwen3.6-plus"
    body = change if "messages" in change else {"model": model, "input": {"messages": [user(content)]}} | change
    response = http.post(path, json=body)
    assert response.status_code == 400, response.text
    assert text in response.json()["message"]


def test_cumulative_thinking_stream_is_refused(http: httpx.Client) -> None:
    body = {"model": "qwen3.6-plus", "input": {"messages": [user([{"text": "x"}])]}}
    response = http.post(DASHSCOPE_MULTIMODAL, json=body, headers=SSE)
    assert 'The incremental_output parameter must be \\"true\\" when enable_thinking is true' in response.text


def test_inference_errors_have_their_prefix_in_both_protocols(http: httpx.Client) -> None:
    row = _BOTH["orphan result"]
    text = f'{_ALGO}messages with role "tool" must be a response to a preceeding message with "tool_calls".'
    assert http.post(OPENAI_CHAT, json=_openai_body(row)).json()["error"]["message"] == text
    assert http.post(DASHSCOPE_TEXT, json=_dashscope_body(row)).json()["message"] == text


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [WEATHER | {"cache_control": {"type": "ephemeral"}}], "parallel_tool_calls": True},
        {"tools": [{"type": "function", "function": WEATHER["function"] | {"strict": True}}]},
        {"messages": [user([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}])]},
        {"stop": [[37763, 367]]},
        {"temperature": 0, "top_p": 1.0, "top_k": None, "seed": 0, "presence_penalty": -2},
        {"model": "kimi-k3", "tools": [WEATHER], "tool_choice": "required"},
        {
            "messages": [
                user("x"),
                tool_call_message(("call_1", "{}")) | {"reasoning_content": "y"},
                tool_result("call_1"),
            ]
        },
        {"model": "qwen3.7-plus", "response_format": _SCHEMA_FORM},
        {"response_format": {"type": "text"}},
        {"tools": [WEATHER], "tool_choice": _FORCED, "enable_thinking": False},
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": [{"name": "city", "type": "string"}]}}
            ]
        },
    ],
)
def test_valid_requests_are_accepted(http: httpx.Client, body: dict[str, Any]) -> None:
    response = http.post(OPENAI_CHAT, json={"model": "qwen-plus", "messages": [user("Hello")]} | body)
    assert response.status_code == 200, response.text
