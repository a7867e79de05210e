"""Chat in the DashScope protocol, driven with the raw `dashscope` SDK and compared with recorded events."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import dashscope
import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace
from tests.sandbox.support import (
    DASHSCOPE_MULTIMODAL,
    DASHSCOPE_TEXT,
    HELLO_ANSWER,
    PNG,
    SSE,
    TIME,
    WEATHER,
    tool,
    tool_call_message,
    tool_result,
    user,
)

_FRAME = re.compile(r"id:(\d+)\nevent:(\w+)\n:HTTP_STATUS/(\d+)\ndata:(\{.*\})")


def _body(
    path: str = DASHSCOPE_TEXT, prompt: str = "Hello", model: str | None = None, **parameters: Any
) -> dict[str, Any]:
    content: Any = prompt if path == DASHSCOPE_TEXT else [{"text": prompt}]
    parameters = ({"result_format": "message"} if path == DASHSCOPE_TEXT else {}) | parameters
    return {
        "model": model or ("qwen-plus" if path == DASHSCOPE_TEXT else "qwen3.6-plus"),
        "input": {"messages": [{"role": "user", "content": content}]},
        "parameters": parameters,
    }


def _events(http: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the data of a stream's events, after checks of their framing."""
    response = http.post(path, json=body, headers=SSE)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream;charset=UTF-8"
    frames = response.text.split("\n\n")
    assert frames.pop() == ""
    matches = [_FRAME.fullmatch(frame) for frame in frames]
    fields = [match.groups() for match in matches if match is not None]
    assert len(fields) == len(frames)
    assert [(number, kind, status) for number, kind, status, _ in fields] == [
        (str(number), "result", "200") for number in range(1, len(frames) + 1)
    ]
    events = [json.loads(data) for *_, data in fields]
    assert {event["request_id"] for event in events} == {response.headers["x-request-id"]}
    return events


def _messages(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["output"]["choices"][0]["message"] for event in events]


def _finishes(events: list[dict[str, Any]]) -> list[str]:
    return [event["output"]["choices"][0]["finish_reason"] for event in events]


def test_sdk_reads_text_with_and_without_a_stream(dashscope_client: dashscope.Client) -> None:
    whole = dashscope_client.chat.completions.create(model="qwen-plus", messages="Hello")
    assert whole.output_text == HELLO_ANSWER
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (5, 20, 25)
    stream = dashscope_client.chat.completions.create(model="qwen-plus", messages="Hello", stream=True)
    pieces = list(stream.text_stream)
    assert "".join(pieces) == HELLO_ANSWER
    assert len(pieces) > 5


def test_message_body_has_the_recorded_shape(http: httpx.Client) -> None:
    response = http.post(DASHSCOPE_TEXT, json=_body())
    assert response.json() == {
        "output": {
            "choices": [
                {"finish_reason": "stop", "message": {"role": "assistant", "content": HELLO_ANSWER}, "index": 0}
            ]
        },
        "usage": {
            "total_tokens": 25,
            "output_tokens": 20,
            "input_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "request_id": response.headers["x-request-id"],
    }


def test_text_format_is_the_default_of_the_text_endpoint(http: httpx.Client) -> None:
    response = http.post(DASHSCOPE_TEXT, json={"model": "qwen-turbo", "input": {"prompt": "Hello"}}).json()
    assert response["output"] == {"finish_reason": "stop", "text": HELLO_ANSWER}
    new = http.post(DASHSCOPE_TEXT, json={"model": "qwen3-max", "input": {"prompt": "Hello"}}).json()
    assert new["output"]["choices"][0]["message"]["content"] == HELLO_ANSWER


def test_a_list_of_texts_is_joined(http: httpx.Client) -> None:
    body = _body()
    body["input"]["messages"][0]["content"] = [
        {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}},
        {"text": "you"},
    ]
    message = http.post(DASHSCOPE_TEXT, json=body).json()["output"]["choices"][0]["message"]
    assert message["content"].endswith('You said: "Hello\nyou"')


def test_multimodal_endpoint_accepts_a_string_in_a_tool_message(http: httpx.Client) -> None:
    body = _body(DASHSCOPE_MULTIMODAL, "Weather in Rome?")
    body["input"]["messages"] += [
        tool_call_message(("c1", '{"city": "Rome"}')) | {"content": []},
        tool_result("c1", "sunny"),
    ]
    message = http.post(DASHSCOPE_MULTIMODAL, json=body).json()["output"]["choices"][0]["message"]
    assert message["content"][0]["text"].endswith('The tool answered: "sunny"')


def test_stream_is_cumulative_unless_incremental(http: httpx.Client) -> None:
    plain = {"model": "qwen-turbo", "input": {"prompt": "Hello"}}
    events = _events(http, DASHSCOPE_TEXT, plain)
    texts = [event["output"]["text"] for event in events]
    assert texts[:2] == ["This", "This is the Model"]
    assert texts[-1] == HELLO_ANSWER
    assert [event["output"]["finish_reason"] for event in events] == ["null"] * (len(events) - 1) + ["stop"]
    increments = _events(http, DASHSCOPE_TEXT, plain | {"parameters": {"incremental_output": True}})
    assert [event["output"]["text"] for event in increments][-1] == ""
    assert "".join(event["output"]["text"] for event in increments) == HELLO_ANSWER


def test_sdk_passes_cumulative_text_on(dashscope_client: dashscope.Client) -> None:
    stream = dashscope_client.chat.completions.create(
        model="qwen-plus", messages="Hello", stream=True, parameters={"incremental_output": False}
    )
    assert [chunk.delta.content for chunk in stream if chunk.delta][:2] == ["This", "This is the Model"]


def test_incremental_messages_have_usage_in_every_event(http: httpx.Client) -> None:
    events = _events(http, DASHSCOPE_TEXT, _body(incremental_output=True))
    messages = _messages(events)
    assert messages[0] == {"content": "This", "role": "assistant"}
    assert messages[-1] == {"content": "", "role": "assistant"}
    assert "".join(message["content"] for message in messages) == HELLO_ANSWER
    assert _finishes(events) == ["null"] * (len(events) - 1) + ["stop"]
    outputs = [event["usage"]["output_tokens"] for event in events]
    assert outputs[:3] == [1, 4, 7]
    assert outputs == sorted(outputs)
    assert {event["usage"]["input_tokens"] for event in events} == {5}


def test_multimodal_content_is_a_list_and_the_last_event_has_text(http: httpx.Client) -> None:
    events = _events(
        http, DASHSCOPE_MULTIMODAL, _body(DASHSCOPE_MULTIMODAL, enable_thinking=False, incremental_output=True)
    )
    messages = _messages(events)
    assert messages[0] == {"content": [{"text": "This"}], "role": "assistant"}
    assert messages[-1]["content"][0]["text"]
    assert _finishes(events)[-1] == "stop"
    assert "index" not in events[0]["output"]["choices"][0]


def test_reasoning_events_differ_by_endpoint(http: httpx.Client) -> None:
    text = _messages(_events(http, DASHSCOPE_TEXT, _body(enable_thinking=True, incremental_output=True)))
    assert text[0] == {"content": "", "reasoning_content": "The", "role": "assistant"}
    assert text[-2]["reasoning_content"] == ""
    events = _events(http, DASHSCOPE_MULTIMODAL, _body(DASHSCOPE_MULTIMODAL, incremental_output=True))
    listed = _messages(events)
    assert listed[0] == {"content": [], "reasoning_content": "The", "role": "assistant"}
    assert "reasoning_content" not in listed[-1]
    usage = events[-1]["usage"]
    details = usage["output_tokens_details"]
    assert details["reasoning_tokens"] + details["text_tokens"] == usage["output_tokens"]
    assert details["reasoning_tokens"] > 0


def test_parallel_tool_calls_stream_as_recorded_on_the_text_endpoint(http: httpx.Client) -> None:
    prompt = "What is the weather in Paris and what time is it in Tokyo?"
    events = _events(
        http,
        DASHSCOPE_TEXT,
        _body(prompt=prompt, tools=[WEATHER, TIME], parallel_tool_calls=True, incremental_output=True),
    )
    calls = [message["tool_calls"] for message in _messages(events)]
    assert [len(call) for call in calls] == [1] * len(calls)
    opening = [call[0] for call in calls if call[0]["id"]]
    assert [(call["index"], call["function"]["name"]) for call in opening] == [(0, "get_weather"), (1, "get_time")]
    arguments = ["", ""]
    for (call,) in calls:
        arguments[call["index"]] += call["function"].get("arguments", "")
    assert arguments == ['{"city": "Paris"}', '{"city": "Tokyo"}']
    assert calls[-1] == [{"index": 1, "id": "", "type": "function", "function": {}}]
    assert _finishes(events)[-1] == "tool_calls"


def test_one_multimodal_event_ends_a_tool_call_and_opens_the_next(http: httpx.Client) -> None:
    prompt = "What is the weather in Paris and what time is it in Tokyo?"
    body = _body(
        DASHSCOPE_MULTIMODAL,
        prompt,
        tools=[WEATHER, TIME],
        parallel_tool_calls=True,
        enable_thinking=False,
        incremental_output=True,
    )
    events = _events(http, DASHSCOPE_MULTIMODAL, body)
    double = [message["tool_calls"] for message in _messages(events) if len(message["tool_calls"]) == 2]
    assert len(double) == 1
    assert double[0][0] == {"index": 0, "id": "", "type": "function", "function": {"arguments": ""}}
    assert double[0][1]["function"]["name"] == "get_time"
    assert _messages(events)[0]["content"] == []
    assert _finishes(events)[-1] == "tool_calls"


def test_a_message_has_complete_tool_calls(http: httpx.Client) -> None:
    body = _body(prompt="weather in Rome?", tools=[WEATHER])
    message = http.post(DASHSCOPE_TEXT, json=body).json()["output"]["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert call["id"].startswith("call_")
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Rome"}'}


def test_cumulative_stream_repeats_complete_tool_calls(http: httpx.Client) -> None:
    events = _events(http, DASHSCOPE_TEXT, _body(prompt="weather in Rome?", tools=[WEATHER]))
    calls = [message["tool_calls"][0] for message in _messages(events)]
    assert len({call["id"] for call in calls}) == 1
    assert calls[0]["function"]["arguments"] == "{"
    assert calls[-1]["function"] == {"name": "get_weather", "arguments": '{"city": "Rome"}'}


def test_sdk_assembles_tool_calls_and_sends_their_results(dashscope_client: dashscope.Client) -> None:
    question = {"role": "user", "content": "杭州的天气？"}  # noqa: RUF001 - Chinese punctuation
    tools = [tool("get_weather", "获取现在的天气", city={"type": "string"})]
    stream = dashscope_client.chat.completions.create(model="qwen-max", messages=[question], tools=tools, stream=True)
    message = stream.get_final_message().choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == '{"city": "杭州"}'
    response = dashscope_client.chat.completions.create(
        model="qwen-max",
        messages=[
            question,
            message.model_dump(include={"role", "content", "tool_calls"}),
            {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "晴"},
        ],
        tools=tools,
    )
    assert '"晴"' in response.output_text


def test_sdk_sends_media_to_multimodal_models(dashscope_client: dashscope.Client) -> None:
    parts = [{"text": "What is this?"}, {"image": PNG}]
    response = dashscope_client.multimodal.chat.create(
        model="qwen3-vl-plus", messages=[{"role": "user", "content": parts}]
    )
    assert "I received 1 image part." in response.output_text
    assert response.usage is not None
    assert response.usage.model_dump()["image_tokens"] == 64


def test_a_list_of_video_frames_counts_as_one_video(http: httpx.Client) -> None:
    content = [{"video": ["https://example.com/1.jpg", "https://example.com/2.jpg"], "fps": 2}, {"text": "?"}]
    body = {"model": "qwen3-vl-plus", "input": {"messages": [user(content)]}, "parameters": {}}
    assert "1 video part" in http.post(DASHSCOPE_MULTIMODAL, json=body).text


def test_uploaded_files_are_accepted_only_with_their_header(http: httpx.Client) -> None:
    content = [{"image": "oss://bucket/key"}, {"text": "?"}]
    body = {"model": "qwen3-vl-plus", "input": {"messages": [user(content)]}, "parameters": {}}
    assert http.post(DASHSCOPE_MULTIMODAL, json=body).status_code == 400
    resolve = {"X-DashScope-OssResourceResolve": "enable"}
    assert http.post(DASHSCOPE_MULTIMODAL, json=body, headers=resolve).status_code == 200


def test_search_sources_are_in_the_first_event_only(http: httpx.Client) -> None:
    body = _body(enable_search=True, search_options={"enable_source": True}, incremental_output=True)
    events = _events(http, DASHSCOPE_TEXT, body)
    found = [len(event["output"]["search_info"]["search_results"]) for event in events]
    assert found == [1] + [0] * (len(events) - 1)
    assert events[0]["usage"]["plugins"]["search"]["count"] == 1


def test_search_without_sources_is_only_counted(http: httpx.Client) -> None:
    response = http.post(DASHSCOPE_TEXT, json=_body(enable_search=True)).json()
    assert "search_info" not in response["output"]
    assert response["usage"]["plugins"]["search"]["count"] == 1


def test_a_stream_without_text_has_only_its_last_event(http: httpx.Client) -> None:
    events = _events(http, DASHSCOPE_TEXT, _body(stop=["This"], incremental_output=True))
    assert [event["output"]["choices"] for event in events] == [
        [{"message": {"content": "", "role": "assistant"}, "index": 0, "finish_reason": "stop"}]
    ]
    assert events[0]["usage"]["output_tokens"] == 0


def test_each_event_has_the_logprobs_of_its_new_text(http: httpx.Client) -> None:
    events = _events(http, DASHSCOPE_TEXT, _body(logprobs=True, incremental_output=True))
    *choices, last = [event["output"]["choices"][0] for event in events]
    assert ["".join(token["token"] for token in choice["logprobs"]["content"]) for choice in choices] == [
        choice["message"]["content"] for choice in choices
    ]
    assert "logprobs" not in last


def test_a_json_object_has_the_keys_that_the_prompt_names(http: httpx.Client) -> None:
    body = _body(prompt='json with "city"', response_format={"type": "json_object"})
    choice = http.post(DASHSCOPE_TEXT, json=body).json()["output"]["choices"][0]
    assert choice["message"]["content"] == '{"city": "sandbox city"}'


def test_logprobs_name_the_tokens_of_the_answer(http: httpx.Client) -> None:
    body = _body(logprobs=True, top_logprobs=1)
    choice = http.post(DASHSCOPE_TEXT, json=body).json()["output"]["choices"][0]
    assert choice["logprobs"]["content"][0]["token"] == "This"


@pytest.mark.parametrize("streams", [False, True])
async def test_async_sdk_reads_text_with_and_without_a_stream(
    sandbox: Sandbox, workspace: SandboxWorkspace, *, streams: bool
) -> None:
    client = dashscope.AsyncClient(
        api_key=workspace.api_key, base_url=f"{sandbox.base_url}/api/v1", config_path=os.devnull
    )
    async with client:
        if streams:
            stream = await client.chat.completions.create(model="qwen-plus", messages="Hello", stream=True)
            text = "".join([piece async for piece in stream.text_stream])
        else:
            text = (await client.chat.completions.create(model="qwen-plus", messages="Hello")).output_text
    assert text == HELLO_ANSWER
