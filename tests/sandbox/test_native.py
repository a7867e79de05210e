"""The native chat wire, driven with the raw `dashscope` SDK and compared byte by byte with recorded frames."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import dashscope
import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace
from tests.sandbox.tools import MULTIMODAL, PNG, TEXT, TIME, WEATHER, called, result, tool, user

_TEXT = 'This is the Model Studio sandbox, not a language model. You said: "Hello"'
_FRAME = re.compile(r"id:(\d+)\nevent:(\w+)\n:HTTP_STATUS/(\d+)\ndata:(\{.*\})")


def _body(path: str = TEXT, prompt: str = "Hello", model: str | None = None, **parameters: Any) -> dict[str, Any]:
    content: Any = prompt if path == TEXT else [{"text": prompt}]
    parameters = ({"result_format": "message"} if path == TEXT else {}) | parameters
    return {
        "model": model or ("qwen-plus" if path == TEXT else "qwen3.6-plus"),
        "input": {"messages": [{"role": "user", "content": content}]},
        "parameters": parameters,
    }


def _frames(http: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """A stream's events, with their framing checked."""
    answer = http.post(path, json=body, headers={"X-DashScope-SSE": "enable"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream;charset=UTF-8"
    events = answer.text.split("\n\n")
    assert events.pop() == ""
    matches = [_FRAME.fullmatch(event) for event in events]
    found = [match.groups() for match in matches if match is not None]
    assert len(found) == len(events)
    assert [(number, kind, status) for number, kind, status, _ in found] == [
        (str(number), "result", "200") for number in range(1, len(events) + 1)
    ]
    frames = [json.loads(data) for *_, data in found]
    assert {frame["request_id"] for frame in frames} == {answer.headers["x-request-id"]}
    return frames


def _messages(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame["output"]["choices"][0]["message"] for frame in frames]


def _finishes(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["output"]["choices"][0]["finish_reason"] for frame in frames]


def test_sdk_reads_text_and_streams(native: dashscope.Client) -> None:
    whole = native.chat.completions.create(model="qwen-plus", messages="Hello")
    assert whole.output_text == _TEXT
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (5, 20, 25)
    stream = native.chat.completions.create(model="qwen-plus", messages="Hello", stream=True)
    pieces = list(stream.text_stream)
    assert "".join(pieces) == _TEXT
    assert len(pieces) > 5


def test_message_body_has_the_recorded_shape(http: httpx.Client) -> None:
    answer = http.post(TEXT, json=_body())
    assert answer.json() == {
        "output": {
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": _TEXT}, "index": 0}]
        },
        "usage": {
            "total_tokens": 25,
            "output_tokens": 20,
            "input_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "request_id": answer.headers["x-request-id"],
    }


def test_text_format_is_the_default_of_the_text_endpoint(http: httpx.Client) -> None:
    answer = http.post(TEXT, json={"model": "qwen-turbo", "input": {"prompt": "Hello"}}).json()
    assert answer["output"] == {"finish_reason": "stop", "text": _TEXT}
    new = http.post(TEXT, json={"model": "qwen3-max", "input": {"prompt": "Hello"}}).json()
    assert new["output"]["choices"][0]["message"]["content"] == _TEXT


def test_texts_in_a_list_are_read_as_one(http: httpx.Client) -> None:
    body = _body()
    body["input"]["messages"][0]["content"] = [
        {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}},
        {"text": "you"},
    ]
    message = http.post(TEXT, json=body).json()["output"]["choices"][0]["message"]
    assert message["content"].endswith('You said: "Hello\nyou"')


def test_multimodal_models_take_a_tools_result_as_plain_text(http: httpx.Client) -> None:
    body = _body(MULTIMODAL, "Weather in Rome?")
    body["input"]["messages"] += [called(("c1", '{"city": "Rome"}')) | {"content": []}, result("c1", "sunny")]
    message = http.post(MULTIMODAL, json=body).json()["output"]["choices"][0]["message"]
    assert message["content"][0]["text"].endswith('The tool answered: "sunny"')


def test_stream_is_cumulative_unless_incremental(http: httpx.Client) -> None:
    plain = {"model": "qwen-turbo", "input": {"prompt": "Hello"}}
    frames = _frames(http, TEXT, plain)
    texts = [frame["output"]["text"] for frame in frames]
    assert texts[:2] == ["This", "This is the Model"]
    assert texts[-1] == _TEXT
    assert [frame["output"]["finish_reason"] for frame in frames] == ["null"] * (len(frames) - 1) + ["stop"]
    increments = _frames(http, TEXT, plain | {"parameters": {"incremental_output": True}})
    assert [frame["output"]["text"] for frame in increments][-1] == ""
    assert "".join(frame["output"]["text"] for frame in increments) == _TEXT


def test_sdk_keeps_cumulative_snapshots(native: dashscope.Client) -> None:
    stream = native.chat.completions.create(
        model="qwen-plus", messages="Hello", stream=True, parameters={"incremental_output": False}
    )
    assert [chunk.delta.content for chunk in stream if chunk.delta][:2] == ["This", "This is the Model"]


def test_incremental_messages_have_usage_in_every_frame(http: httpx.Client) -> None:
    frames = _frames(http, TEXT, _body(incremental_output=True))
    messages = _messages(frames)
    assert messages[0] == {"content": "This", "role": "assistant"}
    assert messages[-1] == {"content": "", "role": "assistant"}
    assert "".join(message["content"] for message in messages) == _TEXT
    assert _finishes(frames) == ["null"] * (len(frames) - 1) + ["stop"]
    outputs = [frame["usage"]["output_tokens"] for frame in frames]
    assert outputs[:3] == [1, 4, 7]
    assert outputs == sorted(outputs)
    assert {frame["usage"]["input_tokens"] for frame in frames} == {5}


def test_multimodal_content_is_a_list_and_text_may_end_with_the_stream(http: httpx.Client) -> None:
    frames = _frames(http, MULTIMODAL, _body(MULTIMODAL, enable_thinking=False, incremental_output=True))
    messages = _messages(frames)
    assert messages[0] == {"content": [{"text": "This"}], "role": "assistant"}
    assert messages[-1]["content"][0]["text"]
    assert _finishes(frames)[-1] == "stop"
    assert "index" not in frames[0]["output"]["choices"][0]


def test_thinking_frames_differ_by_endpoint(http: httpx.Client) -> None:
    text = _messages(_frames(http, TEXT, _body(enable_thinking=True, incremental_output=True)))
    assert text[0] == {"content": "", "reasoning_content": "The", "role": "assistant"}
    assert text[-2]["reasoning_content"] == ""
    frames = _frames(http, MULTIMODAL, _body(MULTIMODAL, incremental_output=True))
    listed = _messages(frames)
    assert listed[0] == {"content": [], "reasoning_content": "The", "role": "assistant"}
    assert "reasoning_content" not in listed[-1]
    usage = frames[-1]["usage"]
    details = usage["output_tokens_details"]
    assert details["reasoning_tokens"] + details["text_tokens"] == usage["output_tokens"]
    assert details["reasoning_tokens"] > 0


def test_parallel_calls_stream_as_recorded_on_the_text_endpoint(http: httpx.Client) -> None:
    prompt = "What is the weather in Paris and what time is it in Tokyo?"
    frames = _frames(
        http,
        TEXT,
        _body(prompt=prompt, tools=[WEATHER, TIME], parallel_tool_calls=True, incremental_output=True),
    )
    calls = [message["tool_calls"] for message in _messages(frames)]
    assert [len(call) for call in calls] == [1] * len(calls)
    opening = [call[0] for call in calls if call[0]["id"]]
    assert [(call["index"], call["function"]["name"]) for call in opening] == [(0, "get_weather"), (1, "get_time")]
    arguments = ["", ""]
    for (call,) in calls:
        arguments[call["index"]] += call["function"].get("arguments", "")
    assert arguments == ['{"city": "Paris"}', '{"city": "Tokyo"}']
    assert calls[-1] == [{"index": 1, "id": "", "type": "function", "function": {}}]
    assert _finishes(frames)[-1] == "tool_calls"


def test_one_multimodal_frame_ends_a_call_and_opens_the_next(http: httpx.Client) -> None:
    prompt = "What is the weather in Paris and what time is it in Tokyo?"
    body = _body(
        MULTIMODAL,
        prompt,
        tools=[WEATHER, TIME],
        parallel_tool_calls=True,
        enable_thinking=False,
        incremental_output=True,
    )
    frames = _frames(http, MULTIMODAL, body)
    double = [message["tool_calls"] for message in _messages(frames) if len(message["tool_calls"]) == 2]
    assert len(double) == 1
    assert double[0][0] == {"index": 0, "id": "", "type": "function", "function": {"arguments": ""}}
    assert double[0][1]["function"]["name"] == "get_time"
    assert _messages(frames)[0]["content"] == []
    assert _finishes(frames)[-1] == "tool_calls"


def test_cumulative_stream_repeats_whole_calls(http: httpx.Client) -> None:
    frames = _frames(http, TEXT, _body(prompt="weather in Rome?", tools=[WEATHER]))
    calls = [message["tool_calls"][0] for message in _messages(frames)]
    assert len({call["id"] for call in calls}) == 1
    assert calls[0]["function"]["arguments"] == "{"
    assert calls[-1]["function"] == {"name": "get_weather", "arguments": '{"city": "Rome"}'}


def test_sdk_assembles_tool_calls_and_takes_results_back(native: dashscope.Client) -> None:
    question = {"role": "user", "content": "杭州的天气？"}  # noqa: RUF001 - Chinese punctuation
    tools = [tool("get_weather", "获取现在的天气", city={"type": "string"})]
    stream = native.chat.completions.create(model="qwen-max", messages=[question], tools=tools, stream=True)
    message = stream.get_final_message().choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == '{"city": "杭州"}'
    answer = native.chat.completions.create(
        model="qwen-max",
        messages=[
            question,
            message.model_dump(include={"role", "content", "tool_calls"}),
            {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "晴"},
        ],
        tools=tools,
    )
    assert '"晴"' in answer.output_text


def test_sdk_reaches_multimodal_models_with_media(native: dashscope.Client) -> None:
    parts = [{"text": "What is this?"}, {"image": PNG}]
    answer = native.multimodal.chat.create(model="qwen3-vl-plus", messages=[{"role": "user", "content": parts}])
    assert "I received 1 image part." in answer.output_text
    assert answer.usage is not None
    assert answer.usage.model_dump()["image_tokens"] == 64


def test_video_frames_and_uploads(http: httpx.Client) -> None:
    content = [{"video": ["https://example.com/1.jpg", "https://example.com/2.jpg"], "fps": 2}, {"text": "?"}]
    body = {"model": "qwen3-vl-plus", "input": {"messages": [user(content)]}, "parameters": {}}
    assert "1 video part" in http.post(MULTIMODAL, json=body).text
    body["input"] = {"messages": [user([{"image": "oss://bucket/key"}, {"text": "?"}])]}
    assert http.post(MULTIMODAL, json=body).status_code == 400
    resolve = {"X-DashScope-OssResourceResolve": "enable"}
    assert http.post(MULTIMODAL, json=body, headers=resolve).status_code == 200


def test_search_sources_come_in_the_first_frame_only(http: httpx.Client) -> None:
    body = _body(enable_search=True, search_options={"enable_source": True}, incremental_output=True)
    frames = _frames(http, TEXT, body)
    found = [len(frame["output"]["search_info"]["search_results"]) for frame in frames]
    assert found == [1] + [0] * (len(frames) - 1)
    assert frames[0]["usage"]["plugins"]["search"]["count"] == 1


def test_search_without_sources_is_counted_only(http: httpx.Client) -> None:
    answer = http.post(TEXT, json=_body(enable_search=True)).json()
    assert "search_info" not in answer["output"]
    assert answer["usage"]["plugins"]["search"]["count"] == 1


def test_stream_that_says_nothing_has_its_ending_only(http: httpx.Client) -> None:
    frames = _frames(http, TEXT, _body(stop=["This"], incremental_output=True))
    assert [frame["output"]["choices"] for frame in frames] == [
        [{"message": {"content": "", "role": "assistant"}, "index": 0, "finish_reason": "stop"}]
    ]
    assert frames[0]["usage"]["output_tokens"] == 0


def test_streams_have_the_logprobs_of_what_they_add(http: httpx.Client) -> None:
    frames = _frames(http, TEXT, _body(logprobs=True, incremental_output=True))
    *told, ending = [frame["output"]["choices"][0] for frame in frames]
    assert ["".join(token["token"] for token in choice["logprobs"]["content"]) for choice in told] == [
        choice["message"]["content"] for choice in told
    ]
    assert "logprobs" not in ending


def test_structured_output_and_logprobs(http: httpx.Client) -> None:
    answer = http.post(TEXT, json=_body(prompt='json with "city"', response_format={"type": "json_object"})).json()
    assert answer["output"]["choices"][0]["message"]["content"] == '{"city": "sandbox city"}'
    probable = http.post(TEXT, json=_body(logprobs=True, top_logprobs=1)).json()["output"]["choices"][0]["logprobs"]
    assert probable["content"][0]["token"] == "This"


@pytest.mark.parametrize("streams", [False, True])
async def test_async_client(sandbox: Sandbox, workspace: SandboxWorkspace, *, streams: bool) -> None:
    client = dashscope.AsyncClient(
        api_key=workspace.api_key, base_url=f"{sandbox.base_url}/api/v1", config_path=os.devnull
    )
    async with client:
        if streams:
            stream = await client.chat.completions.create(model="qwen-plus", messages="Hello", stream=True)
            text = "".join([piece async for piece in stream.text_stream])
        else:
            text = (await client.chat.completions.create(model="qwen-plus", messages="Hello")).output_text
    assert text == _TEXT
