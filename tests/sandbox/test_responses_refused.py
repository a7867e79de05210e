"""What the Responses protocol refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.support import PNG, RESPONSES, TIME, WEATHER, call_item, function_tool, result_item, user

_WEATHER, _TIME = function_tool(WEATHER), function_tool(TIME)
_HELLO = {"model": "qwen-plus", "input": "Hello"}
_IMAGE = {"type": "input_image", "image_url": PNG}
_AUDIO = {"type": "input_audio", "format": "wav", "audio_url": "https://example.com/a.wav"}
_SEARCH_CALL = {"type": "web_search_call", "id": "msg_1", "status": "completed", "action": {"type": "search"}}
_ALLOWED = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]}

# The change to a request, and a part of the error text.
_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None}, "[400] missing_required_parameter: Missing required parameter: 'model'."),
    "no input": ({"input": None}, "Missing required parameter: 'input'"),
    "empty input": ({"input": []}, "Missing required parameter: 'input'"),
    "input of a wrong type": ({"input": 5}, "Invalid 'input': 5"),
    "model for embeddings": ({"model": "text-embedding-v4"}, "text-embedding-v4 does not support the Responses API"),
    "model for images": ({"model": "qwen3-vl-plus"}, "qwen3-vl-plus does not support the Responses API"),
    "model for translations": ({"model": "qwen-mt-plus"}, "qwen-mt-plus does not support the Responses API"),
    "model of the DashScope protocol": ({"model": "qwen-deep-research"}, "does not support the Responses API"),
    "video for a model that hears nothing": (
        {"model": "qwen3.8-max", "input": [user([{"type": "input_video", "video_url": "https://example.com/a.mp4"}])]},
        "Unexpected item type in content",
    ),
    "two references to an audio": (
        {"model": "qwen3.8-omni-flash", "input": [user([{**_AUDIO, "data": "data:audio/wav;base64,UklGRg=="}])]},
        "either 'audio_url' or 'data'",
    ),
    "audio without a format": (
        {"model": "qwen3.8-omni-flash", "input": [user([{**_AUDIO, "format": None}])]},
        "input_audio takes 'format'",
    ),
    "max_output_tokens below 16": ({"max_output_tokens": 15}, "Invalid 'max_output_tokens': 15. Expected an integer"),
    "max_output_tokens of a wrong type": ({"max_output_tokens": True}, "Invalid 'max_output_tokens'"),
    "unknown effort": ({"reasoning": {"effort": "ultra"}}, "Invalid 'reasoning.effort': \"ultra\""),
    "reasoning of a wrong type": ({"reasoning": "high"}, "Invalid 'reasoning'"),
    "temperature": ({"temperature": 2}, "Temperature should be in [0.0, 2.0)"),
    "top_p": ({"top_p": 0}, "Range of top_p should be (0.0, 1.0]"),
    "store of a wrong type": ({"store": "no"}, "Invalid 'store'"),
    "stream of a wrong type": ({"stream": 1}, "Invalid 'stream'"),
    "instructions of a wrong type": ({"instructions": ["a"]}, "Invalid 'instructions'"),
    "conversation of a wrong type": ({"conversation": {"id": "conv_1"}}, "Invalid 'conversation'"),
    "thinking of a model without": ({"model": "qwen-max", "enable_thinking": True}, "does not support enable_thinking"),
    "no thinking of a model that always thinks": (
        {"model": "kimi-k3", "reasoning": {"effort": "none"}},
        "restricted to True",
    ),
}
_TOOLS: dict[str, tuple[dict[str, Any], str]] = {
    "tools of a wrong type": ({"tools": "web_search"}, "Invalid 'tools'"),
    "unknown tool": ({"tools": [{"type": "web_search_preview"}]}, "Invalid 'tools[0].type': \"web_search_preview\""),
    "function of the chat protocols": ({"tools": [WEATHER]}, "Missing required parameter: 'tools[0].name'"),
    "name of a function": ({"tools": [{"type": "function", "name": "a b"}]}, "Tool names should be letters"),
    "extractor without a search": (
        {"model": "qwen3.8-max", "tools": [{"type": "web_extractor"}]},
        "web_extractor must be used together with web_search",
    ),
    "extractor of qwen3-max without thinking": (
        {"model": "qwen3-max", "tools": [{"type": "web_search"}, {"type": "web_extractor"}]},
        "The tool web_extractor of qwen3-max needs thinking mode",
    ),
    "code interpreter without thinking": (
        {"model": "qwen3.8-max", "reasoning": {"effort": "none"}, "tools": [{"type": "code_interpreter"}]},
        "The tool code_interpreter of qwen3.8-max needs thinking mode",
    ),
    "built-in tool of a basic model": (
        {"tools": [{"type": "web_search"}]},
        "The model qwen-plus does not support the tool web_search",
    ),
    "built-in tool of the omni model": (
        {"model": "qwen3.8-omni-flash", "tools": [{"type": "code_interpreter"}]},
        "The model qwen3.8-omni-flash does not support the tool code_interpreter",
    ),
    "two knowledge bases": (
        {"model": "qwen3.8-max", "tools": [{"type": "file_search", "vector_store_ids": ["a", "b"]}]},
        "Invalid 'tools[0].vector_store_ids'",
    ),
    "MCP without a protocol": (
        {"model": "qwen3.8-max", "tools": [{"type": "mcp", "server_label": "a", "server_url": "b"}]},
        "Missing required parameter: 'tools[0].server_protocol'",
    ),
    "required with two tools": (
        {"tools": [_WEATHER, _TIME], "tool_choice": "required"},
        "'required' is only supported with exactly one tool",
    ),
    "required without a tool": ({"tool_choice": "required"}, "'required' is only supported with exactly one tool"),
    "required with two allowed tools": (
        {
            "tools": [_WEATHER, _TIME],
            "tool_choice": {**_ALLOWED, "mode": "required", "tools": [_WEATHER, _TIME]},
        },
        "'required' is only supported with exactly one tool",
    ),
    "choice of a function by name": (
        {"tools": [_WEATHER], "tool_choice": {"type": "function", "name": "get_weather"}},
        "Invalid 'tool_choice'",
    ),
    "unknown choice": ({"tools": [_WEATHER], "tool_choice": "any"}, "Invalid 'tool_choice'"),
    "unknown mode": ({"tools": [_WEATHER], "tool_choice": {**_ALLOWED, "mode": "any"}}, "Invalid 'tool_choice.mode'"),
    "allowed tool that is not on offer": ({"tools": [_TIME], "tool_choice": _ALLOWED}, "Invalid 'tool_choice.tools'"),
}
_ITEMS: dict[str, tuple[list[Any], str]] = {
    "text in a list": (["Hello"], "Invalid 'input[0]'"),
    "no user": ([{"role": "system", "content": "a"}], "do not contain elements with the role of user"),
    "unknown role": ([{"role": "tool", "content": "a"}], "Invalid 'input[0].role'"),
    "no content": ([{"role": "user"}], "Missing required parameter: 'input[0].content'"),
    "content of a wrong type": ([user(5)], "Invalid 'input[0].content'"),
    "text of the wrong role": ([user([{"type": "output_text", "text": "a"}])], "Invalid 'input[0].content[0].type'"),
    "image of the wrong role": ([{"role": "system", "content": [_IMAGE]}], "Invalid 'input[0].content[0].type'"),
    "image for a text model": ([user([_IMAGE])], "Unexpected item type in content"),
    "file": ([user([{"type": "input_file", "file_url": "https://example.com/a.pdf"}])], "Invalid 'input[0].content[0]"),
    "arguments that are not JSON": (
        [user("a"), {**call_item("Rome", "c1"), "arguments": "{"}, result_item("c1", "a")],
        "Invalid 'input[1].arguments'",
    ),
    "result that is not a text": (
        [user("a"), call_item("Rome", "c1"), {**result_item("c1", "a"), "output": {"a": 1}}],
        "Invalid 'input[2].output'",
    ),
    "result without a call": ([user("a"), result_item("c1", "a")], "No tool call directly before"),
    "call without a result": ([user("a"), call_item("Rome", "c1")], "No tool output found directly after"),
    "call with a message behind it": (
        [user("a"), call_item("Rome", "c1"), user("b"), result_item("c1", "a")],
        "No tool output found directly after",
    ),
    "calls before results": (
        [
            user("a"),
            call_item("Rome", "c1"),
            call_item("Oslo", "c2"),
            result_item("c1", "a"),
            result_item("c2", "a"),
        ],
        "No tool output found directly after the function_call 'c1'",
    ),
    "result of another call": (
        [user("a"), call_item("Rome", "c1"), result_item("c2", "a")],
        "No tool call directly before",
    ),
    "reasoning without an id": ([{"type": "reasoning", "summary": []}, user("a")], "'input[0].id'"),
    "reasoning without a summary": ([{"type": "reasoning", "id": "msg_1"}, user("a")], "'input[0].summary'"),
    "search without a status": ([{**_SEARCH_CALL, "status": None}, user("a")], "Invalid 'input[0].status'"),
    "search without an action": ([{**_SEARCH_CALL, "action": None}, user("a")], "'input[0].action'"),
    "search of another kind": (
        [{**_SEARCH_CALL, "action": {"type": "open_page"}}, user("a")],
        "Invalid 'input[0].action.type'",
    ),
    "search with a source without a URL": (
        [{**_SEARCH_CALL, "action": {"type": "search", "sources": [{"type": "url"}]}}, user("a")],
        "'input[0].action.sources[0].url'",
    ),
    **{
        f"{type_} as input": ([{"type": type_, "id": "msg_1", "status": "completed"}, user("a")], "Invalid 'input[0]")
        for type_ in (
            "mcp_call",
            "file_search_call",
            "code_interpreter_call",
            "web_extractor_call",
            "web_search_image_call",
            "image_search_call",
            "item_reference",
        )
    },
}
_REFUSED = _PARAMETERS | _TOOLS | {name: ({"input": items}, text) for name, (items, text) in _ITEMS.items()}


@pytest.mark.parametrize("name", _REFUSED)
def test_the_responses_protocol_refuses(http: httpx.Client, name: str) -> None:
    change, text = _REFUSED[name]
    response = http.post(RESPONSES, json=_HELLO | change)
    body = response.json()
    assert (response.status_code, set(body), text in body["message"]) == (
        400,
        {"code", "message", "request_id"},
        True,
    ), body


def test_a_stream_is_refused_before_it_begins(http: httpx.Client) -> None:
    response = http.post(RESPONSES, json={**_HELLO, "stream": True, "max_output_tokens": 1})
    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")


def test_a_changed_ciphertext_is_refused(http: httpx.Client) -> None:
    reasoning = {"type": "reasoning", "id": "msg_1", "summary": [], "encrypted_content": "changed"}
    response = http.post(RESPONSES, json={"model": "qwen4-max", "input": [reasoning, user("Hello")]})
    assert (response.status_code, "encrypted_content" in response.json()["message"]) == (400, True)


def test_an_unknown_model_is_refused(http: httpx.Client) -> None:
    response = http.post(RESPONSES, json={**_HELLO, "model": "qwen-0"})
    assert (response.status_code, response.json()["code"]) == (404, "ModelNotFound")


def test_a_model_that_is_not_permitted_is_refused(sandbox: Sandbox) -> None:
    opened = sandbox.add_workspace("only turbo", models=["qwen-turbo"])
    headers = {"authorization": f"Bearer {opened.api_key}"}
    response = httpx.post(sandbox.base_url + RESPONSES, json=_HELLO, headers=headers, trust_env=False)
    assert (response.status_code, response.json()["code"]) == (403, "Model.AccessDenied")


def test_a_wrong_key_is_refused_with_the_dashscope_body(http: httpx.Client) -> None:
    """Model Studio docs, create-response page."""
    response = http.post(RESPONSES, json=_HELLO, headers={"authorization": "Bearer sk-wrong"})
    assert (response.status_code, response.json()) == (
        401,
        {
            "code": "InvalidApiKey",
            "message": "Invalid API-key provided.",
            "request_id": response.headers["x-request-id"],
        },
    )


@pytest.mark.parametrize("suffix", ["/resp_1/cancel", "/compact", "/input_tokens"])
def test_what_the_documentation_does_not_name_is_not_there(http: httpx.Client, suffix: str) -> None:
    assert http.post(f"{RESPONSES}{suffix}", json=_HELLO).status_code in (400, 404)
