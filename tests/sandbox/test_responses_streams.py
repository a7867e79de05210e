"""Streams of the Responses protocol: their events, and what interrupts them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.support import HELLO_ANSWER, PNG, RESPONSES, WEATHER, function_tool, response_events

_THINKER = "qwen3.8-max"
_EVERYTHING: dict[str, Any] = {
    "model": _THINKER,
    "input": [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}],
    "tools": [
        {"type": "web_search"},
        {"type": "web_extractor"},
        {"type": "code_interpreter"},
        {"type": "web_search_image"},
        {"type": "image_search"},
        {"type": "file_search", "vector_store_ids": ["kb_1"]},
        {"type": "mcp", "server_protocol": "sse", "server_label": "a", "server_url": "https://example.com/sse"},
    ],
    "stream": True,
}
_HELLO = {"model": "qwen-plus", "input": "Hello", "stream": True}


def _events(http: httpx.Client, body: Any) -> list[dict[str, Any]]:
    return response_events(http.post(RESPONSES, json=body).text)


def _of_item(http: httpx.Client, type_: str) -> list[str]:
    """Return the types of the events of the item of a type, as `_EVERYTHING` gets it."""
    events = _events(http, _EVERYTHING)
    id_ = next(event["item"]["id"] for event in events if event.get("item", {}).get("type") == type_)
    return [
        event["type"].removeprefix("response.")
        for event in events
        if id_ in (event.get("item_id"), event.get("item", {}).get("id"))
    ]


# --- events -------------------------------------------------------------------------------------------


def test_frames_are_written_as_the_service_writes_them(http: httpx.Client) -> None:
    """Ids from 1, no spaces, and the status as a comment (dump of the docs)."""
    response = http.post(RESPONSES, json=_HELLO)
    assert response.text.startswith('id:1\nevent:response.created\n:HTTP_STATUS/200\ndata:{"sequence_number":0,')


def test_sequence_numbers_rise_from_zero(http: httpx.Client) -> None:
    events = _events(http, _EVERYTHING)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_a_text_has_the_documented_events(http: httpx.Client) -> None:
    types = [event["type"].removeprefix("response.") for event in _events(http, _HELLO)]
    assert list(dict.fromkeys(types)) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_the_first_event_is_queued_without_a_model(http: httpx.Client) -> None:
    response = _events(http, _EVERYTHING)[0]["response"]
    assert (response["status"], response["model"], response["output"], response["tools"]) == ("queued", "", [], [])


def test_only_the_last_event_has_usage(http: httpx.Client) -> None:
    events = _events(http, _EVERYTHING)
    assert ["usage" in event["response"] for event in events if "response" in event] == [False, False, True]


def test_the_last_event_has_the_items_of_the_others(http: httpx.Client) -> None:
    events = _events(http, _EVERYTHING)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["response"]["output"] == done


def test_the_stream_has_the_same_response_as_without_it(http: httpx.Client) -> None:
    def without_ids(response: dict[str, Any]) -> str:
        items = [{key: value for key, value in item.items() if key != "id"} for item in response["output"]]
        return json.dumps([items, response["usage"], response["status"]])

    plain = http.post(RESPONSES, json={**_EVERYTHING, "stream": False}).json()
    assert without_ids(_events(http, _EVERYTHING)[-1]["response"]) == without_ids(plain)


@pytest.mark.parametrize(
    ("type_", "events"),
    [
        ("reasoning", ["output_item.added", "reasoning_text.delta", "reasoning_text.done", "output_item.done"]),
        (
            "web_search_call",
            [
                "output_item.added",
                "web_search_call.in_progress",
                "web_search_call.searching",
                "web_search_call.completed",
                "output_item.done",
            ],
        ),
        ("web_extractor_call", ["output_item.added", "output_item.done"]),
        (
            "code_interpreter_call",
            [
                "output_item.added",
                "code_interpreter_call.in_progress",
                "code_interpreter_call.interpreting",
                "code_interpreter_call.completed",
                "output_item.done",
            ],
        ),
        ("web_search_image_call", ["output_item.added", "output_item.done"]),
        ("image_search_call", ["output_item.added", "output_item.done"]),
        (
            "file_search_call",
            [
                "output_item.added",
                "file_search_call.in_progress",
                "file_search_call.searching",
                "file_search_call.completed",
                "output_item.done",
            ],
        ),
        (
            "mcp_call",
            [
                "mcp_call_arguments.delta",
                "mcp_call_arguments.done",
                "output_item.added",
                "mcp_call.completed",
                "output_item.done",
            ],
        ),
    ],
)
def test_an_item_has_its_documented_events(http: httpx.Client, type_: str, events: list[str]) -> None:
    assert list(dict.fromkeys(_of_item(http, type_))) == events


@pytest.mark.parametrize(
    ("type_", "absent"),
    [
        ("web_extractor_call", "output"),
        ("code_interpreter_call", "outputs"),
        ("web_search_image_call", "output"),
        ("file_search_call", "results"),
        ("mcp_call", "output"),
    ],
)
def test_an_item_has_no_results_when_it_is_added(http: httpx.Client, type_: str, absent: str) -> None:
    items = [event["item"] for event in _events(http, _EVERYTHING) if event.get("item", {}).get("type") == type_]
    assert [(item["status"], absent in item) for item in items] == [("in_progress", False), ("completed", True)]


def test_a_search_has_no_sources_when_it_is_added(http: httpx.Client) -> None:
    events = [event for event in _events(http, _EVERYTHING) if event.get("item", {}).get("type") == "web_search_call"]
    assert ["sources" in event["item"]["action"] for event in events] == [False, True]


def test_arguments_of_a_function_are_streamed(http: httpx.Client) -> None:
    body = {**_HELLO, "input": 'Weather in "Rome"', "tools": [function_tool(WEATHER)]}
    deltas = [
        event["delta"] for event in _events(http, body) if event["type"] == "response.function_call_arguments.delta"
    ]
    assert (len(deltas) > 1, json.loads("".join(deltas))) == (True, {"city": "Rome"})


def test_a_ciphertext_comes_with_the_complete_item(http: httpx.Client) -> None:
    body = {**_HELLO, "model": "qwen4-max", "reasoning": {"summary": "auto"}}
    items = [event["item"] for event in _events(http, body) if event.get("item", {}).get("type") == "reasoning"]
    assert ["encrypted_content" in item for item in items] == [False, True]


def test_a_cut_stream_ends_with_incomplete(http: httpx.Client) -> None:
    last = _events(http, {**_HELLO, "model": _THINKER, "max_output_tokens": 16})[-1]
    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")


def test_the_usage_is_logged_once(sandbox: Sandbox, http: httpx.Client) -> None:
    usage = _events(http, _HELLO)[-1]["response"]["usage"]
    assert (sandbox.requests[-1].usages[:-1], sandbox.requests[-1].usage) == (
        [None] * (len(sandbox.requests[-1].usages) - 1),
        usage,
    )


# --- the SDK's helper ---------------------------------------------------------------------------------


def test_the_stream_helper_returns_the_answer(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model="qwen-plus", input="Hello") as stream:
        assert stream.get_final_response().output_text == HELLO_ANSWER


def test_the_stream_helper_reads_every_item_that_the_sdk_knows(openai_client: openai.OpenAI) -> None:
    unknown = ("web_extractor", "web_search_image", "image_search")
    tools: Any = [tool for tool in _EVERYTHING["tools"] if tool["type"] not in unknown]
    with openai_client.responses.stream(model=_THINKER, input="Hello", tools=tools) as stream:
        items = stream.get_final_response().output
    assert [item.type for item in items][1:5] == [f"{tool['type']}_call" for tool in tools]


async def test_the_asynchronous_stream_helper_returns_the_answer(async_openai_client: openai.AsyncOpenAI) -> None:
    async with async_openai_client.responses.stream(model="qwen-plus", input="Hello") as stream:
        assert (await stream.get_final_response()).output_text == HELLO_ANSWER


async def test_deltas_are_the_answer_asynchronously(async_openai_client: openai.AsyncOpenAI) -> None:
    stream = await async_openai_client.responses.create(model="qwen-plus", input="Hello", stream=True)
    deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
    assert "".join(deltas) == HELLO_ANSWER


# --- faults -------------------------------------------------------------------------------------------


def _interrupted(openai_client: openai.OpenAI) -> list[Any]:
    return list(openai_client.responses.create(model="qwen-plus", input="Hello", stream=True))


def test_an_error_event_has_the_dashscope_body(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(code="InvalidParameter", message="bad", after_events=3)
    frame = http.post(RESPONSES, json=_HELLO).text.split("\n\n")[3]
    assert frame.startswith(
        'id:4\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"InvalidParameter","message":"bad","request_id":'
    )


def test_the_sdk_yields_an_error_event_without_a_type(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(code="InvalidParameter", after_events=3)
    last = _interrupted(openai_client)[-1]
    assert (last.type, last.code) == (None, "InvalidParameter")


def test_an_error_event_can_have_a_space(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, after_events=0, framing="event-space")
    assert "event: error\n" in http.post(RESPONSES, json=_HELLO).text


def test_the_sdk_raises_for_the_error_body_of_openai(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(code="InternalError", message="bad", after_events=3, framing="openai")
    with pytest.raises(openai.APIError, match="bad") as failed:
        _interrupted(openai_client)
    assert failed.value.code == "InternalError"


def test_an_error_can_be_an_event_of_the_type_error(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(code="InternalError", message="bad", after_events=3, framing="typed")
    last = _interrupted(openai_client)[-1]
    assert (last.type, last.code, last.message, last.sequence_number) == ("error", "InternalError", "bad", 3)


def test_a_response_can_fail(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(status=500, message="bad", after_events=3, framing="failed")
    last = _interrupted(openai_client)[-1]
    assert (last.type, last.response.status, last.response.error.message) == ("response.failed", "failed", "bad")


def test_a_response_can_end_incomplete(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(status=500, after_events=3, framing="incomplete")
    last = _interrupted(openai_client)[-1]
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", "max_output_tokens")


def test_a_stream_can_end_early_without_an_error(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(body="", after_events=3)
    assert [event.type for event in _interrupted(openai_client)] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
    ]


def test_a_connection_can_be_dropped(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(close=True, after_events=3)
    with pytest.raises(openai.APIConnectionError):
        _interrupted(openai_client)


def test_a_status_gives_the_dashscope_body(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(status=429, code="Throttling.RateQuota")
    with pytest.raises(openai.RateLimitError) as limited:
        openai_client.responses.create(model="qwen-plus", input="Hello")
    assert limited.value.code == "Throttling.RateQuota"


def test_a_rate_limit_can_be_a_failed_response_with_http_200(sandbox: Sandbox, http: httpx.Client) -> None:
    """QwenCloud docs, create-response page, 2026: rate limits are reported so."""
    message = "Operation model request rate limit exceeded, please try again later."
    sandbox.fail_next(status=429, message=message, framing="failed")
    response = http.post(RESPONSES, json={**_HELLO, "stream": False})
    body = response.json()
    assert (response.status_code, body.pop("created_at") > 0, body) == (
        200,
        True,
        {
            "error": {"code": "server_error", "message": message},
            "id": f"resp_{response.headers['x-request-id']}",
            "model": "",
            "object": "response",
            "output": [],
            "parallel_tool_calls": False,
            "status": "failed",
            "tool_choice": "auto",
            "tools": [],
        },
    )


def test_other_protocols_have_no_failed_responses(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=429, framing="failed")
    body = {"model": "qwen-plus", "messages": [{"role": "user", "content": "Hello"}]}
    assert http.post("/compatible-mode/v1/chat/completions", json=body).status_code == 429
