"""Chat in the OpenAI protocol, driven with the raw `openai` SDK and compared with recorded shapes."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.support import (
    HELLO_ANSWER,
    OPENAI_CHAT,
    PNG,
    TIME,
    WEATHER,
    openai_client_of,
    user,
)


def _create(openai_client: openai.OpenAI, prompt: Any = "Hello", **body: Any) -> Any:
    body.setdefault("model", "qwen-plus")
    return openai_client.chat.completions.create(messages=[user(prompt)], **body)


def _events(http: httpx.Client, **body: Any) -> list[Any]:
    """Return the parsed data of a stream's events; `[DONE]` stays text."""
    response = http.post(OPENAI_CHAT, json={"model": "qwen-plus", "stream": True, "messages": [user("Hello")]} | body)
    assert response.headers["content-type"] == "text/event-stream;charset=utf-8"
    events = response.text.split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(data) if (data := event[6:]) != "[DONE]" else data for event in events]


def test_an_answer_quotes_the_user_and_has_the_recorded_shape(http: httpx.Client) -> None:
    response = http.post(OPENAI_CHAT, json={"model": "qwen-plus", "messages": [user("Hello")]})
    body = response.json()
    created = body.pop("created")
    assert isinstance(created, int)
    assert body == {
        "choices": [
            {
                "message": {"role": "assistant", "content": HELLO_ANSWER},
                "finish_reason": "stop",
                "index": 0,
                "logprobs": None,
            }
        ],
        "object": "chat.completion",
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 20,
            "total_tokens": 25,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "system_fingerprint": None,
        "model": "qwen-plus",
        "id": f"chatcmpl-{response.headers['x-request-id']}",
    }


def test_text_streams_in_several_deltas_without_usage_by_default(http: httpx.Client) -> None:
    events = _events(http)
    assert events.pop() == "[DONE]"
    assert [set(event) for event in events] == [
        {"choices", "object", "usage", "created", "system_fingerprint", "model", "id"}
    ] * len(events)
    deltas = [event["choices"][0]["delta"] for event in events]
    assert deltas[0] == {"content": "", "role": "assistant"}
    assert deltas[1] == {"content": "This"}
    assert "".join(delta["content"] for delta in deltas) == HELLO_ANSWER
    assert len(deltas) > 5
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * (len(events) - 1) + ["stop"]
    assert {event["usage"] for event in events} == {None}


def test_usage_chunk_is_last_and_has_no_choices(http: httpx.Client) -> None:
    events = _events(http, stream_options={"include_usage": True})
    assert events[-2]["choices"] == []
    assert events[-2]["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 20,
        "total_tokens": 25,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def test_a_tool_call_and_its_result_make_a_round_trip(openai_client: openai.OpenAI) -> None:
    question = user("What is the weather in San Francisco?")
    first = openai_client.chat.completions.create(model="qwen-plus", messages=[question], tools=[WEATHER])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.content == ""
    assert message.tool_calls is not None
    call = message.tool_calls[0].model_dump()
    assert call["id"].startswith("call_")
    assert (call["index"], call["type"]) == (0, "function")
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "San Francisco"}'}
    history: list[Any] = [
        question,
        message.model_dump(include={"role", "content", "tool_calls"}),
        {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"},
    ]
    second = openai_client.chat.completions.create(model="qwen-plus", messages=history, tools=[WEATHER])
    assert second.choices[0].message.content == (
        'Model Studio sandbox, not a language model. The tool answered: "18 degrees"'
    )


def test_tool_call_streams_as_recorded(http: httpx.Client) -> None:
    events = _events(http, messages=[user("weather in Rome?")], tools=[WEATHER])
    choices = [event["choices"][0] for event in events[:-1]]
    calls = [choice["delta"].get("tool_calls") for choice in choices]
    first = calls[0][0]
    assert choices[0]["delta"]["role"] == "assistant"
    assert first == {
        "index": 0,
        "id": first["id"],
        "type": "function",
        "function": {"name": "get_weather", "arguments": ""},
    }
    assert {call[0]["id"] for call in calls[1:-1]} == {""}
    assert all("name" not in call[0]["function"] for call in calls[1:-1])
    assert "".join(call[0]["function"]["arguments"] for call in calls[:-1]) == '{"city": "Rome"}'
    assert "finish_reason" not in choices[-2]
    assert choices[-1] == {"delta": {}, "finish_reason": "tool_calls", "index": 0, "logprobs": None}


@pytest.mark.parametrize(
    ("model", "ids", "names"),
    [
        ("qwen-turbo", ["call", "call", ""], ["get_weather", ""]),
        ("qwen3.5-omni-plus", ["call", "call", "call"], ["get_weather", None]),
    ],
)
def test_fragments_repeat_id_and_name_as_the_model_does(
    http: httpx.Client, model: str, ids: list[str], names: list[str | None]
) -> None:
    events = _events(http, model=model, messages=[user("weather in Rome?")], tools=[WEATHER])
    calls = [event["choices"][0]["delta"]["tool_calls"][0] for event in events[:3]]
    assert [call["id"].split("_")[0] for call in calls] == ids
    assert [call["function"].get("name") for call in calls[:2]] == names


def test_parallel_tool_calls_are_made_only_if_requested(openai_client: openai.OpenAI) -> None:
    prompt = "What is the weather in Paris and what time is it in Tokyo?"
    several = _create(openai_client, prompt, tools=[WEATHER, TIME], parallel_tool_calls=True)
    calls = several.choices[0].message.tool_calls
    assert [(c.index, c.function.name, c.function.arguments) for c in calls] == [
        (0, "get_weather", '{"city": "Paris"}'),
        (1, "get_time", '{"city": "Tokyo"}'),
    ]
    assert len({c.id for c in calls}) == 2
    one = _create(openai_client, prompt, tools=[WEATHER, TIME])
    assert len(one.choices[0].message.tool_calls) == 1


def test_tool_choice_forces_a_tool(openai_client: openai.OpenAI) -> None:
    choice = {"type": "function", "function": {"name": "get_time"}}
    response = _create(openai_client, tools=[WEATHER, TIME], tool_choice=choice)
    assert response.choices[0].message.tool_calls[0].function.name == "get_time"


def test_tool_choice_none_calls_no_tool(openai_client: openai.OpenAI) -> None:
    response = _create(openai_client, "weather?", tools=[WEATHER], tool_choice="none")
    assert response.choices[0].finish_reason == "stop"


def test_reasoning_is_returned_and_counted(openai_client: openai.OpenAI) -> None:
    response = _create(openai_client, model="qwen3.8-max")
    message = response.choices[0].message
    assert message.reasoning_content.startswith('The user said: "Hello".')
    assert message.content == HELLO_ANSWER
    details = response.usage.completion_tokens_details
    assert 0 < details.reasoning_tokens < response.usage.completion_tokens == details.text_tokens


def test_enable_thinking_false_switches_reasoning_off(openai_client: openai.OpenAI) -> None:
    off = _create(openai_client, model="qwen3.8-max", extra_body={"enable_thinking": False})
    assert not hasattr(off.choices[0].message, "reasoning_content")
    assert off.usage.completion_tokens_details is None


def test_a_stream_sends_reasoning_before_text(http: httpx.Client) -> None:
    events = _events(http, enable_thinking=True)
    deltas = [event["choices"][0]["delta"] for event in events[:-1]]
    assert deltas[0] == {"content": None, "role": "assistant", "reasoning_content": ""}
    turn = next(at for at, delta in enumerate(deltas) if delta["content"])
    assert all(delta["content"] is None and delta["reasoning_content"] for delta in deltas[1:turn])
    assert all(delta["reasoning_content"] is None for delta in deltas[turn:])
    assert deltas[-1] == {"content": "", "reasoning_content": None}


def test_thinking_budget_cuts_the_reasoning(openai_client: openai.OpenAI) -> None:
    response = _create(openai_client, extra_body={"enable_thinking": True, "thinking_budget": 3})
    assert response.choices[0].message.reasoning_content == "The user said"
    assert response.usage.completion_tokens_details.reasoning_tokens == 3


def test_stop_ends_the_answer(openai_client: openai.OpenAI) -> None:
    stopped = _create(openai_client, stop=["language", "You"])
    assert stopped.choices[0].message.content == "This is the Model Studio sandbox, not a "
    assert stopped.choices[0].finish_reason == "stop"


def test_max_tokens_cuts_the_answer(openai_client: openai.OpenAI) -> None:
    short = _create(openai_client, max_tokens=3)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("This is the", "length")
    assert short.usage.completion_tokens == 3


def test_max_completion_tokens_counts_the_reasoning(openai_client: openai.OpenAI) -> None:
    thought = _create(openai_client, extra_body={"enable_thinking": True, "max_completion_tokens": 4})
    assert (thought.choices[0].message.content, thought.choices[0].finish_reason) == ("", "length")


def test_max_tokens_cuts_the_arguments_of_a_tool_call(openai_client: openai.OpenAI) -> None:
    response = _create(openai_client, "weather in Rome?", tools=[WEATHER], max_tokens=6)
    assert response.choices[0].finish_reason == "length"
    assert response.choices[0].message.tool_calls[0].function.arguments == '{"city"'


def test_a_json_schema_gives_an_object_that_fits_it(openai_client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "unit": {"enum": ["metric", "imperial"]},
        },
        "required": ["name", "age", "unit"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
    response = _create(openai_client, "Alice is 30, imperial.", model="qwen3.7-plus", response_format=form)
    assert json.loads(response.choices[0].message.content) == {"name": "Alice", "age": 30, "unit": "imperial"}


def test_a_json_object_has_the_keys_that_the_prompt_names(openai_client: openai.OpenAI) -> None:
    prompt = "Tell me a joke about cats as JSON with 'setup' and 'punchline' keys."
    response = _create(openai_client, prompt, response_format={"type": "json_object"})
    assert json.loads(response.choices[0].message.content) == {"setup": "cats", "punchline": "sandbox punchline"}


def test_media_parts_are_mentioned_and_counted(openai_client: openai.OpenAI) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}, "max_pixels": 1000},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    response = _create(openai_client, parts, model="qwen3-vl-plus")
    assert "I received 2 image parts." in response.choices[0].message.content
    details = response.usage.prompt_tokens_details
    assert details.image_tokens + details.text_tokens == response.usage.prompt_tokens


def test_n_gives_several_choices(openai_client: openai.OpenAI) -> None:
    response = _create(openai_client, n=2)
    assert [choice.index for choice in response.choices] == [0, 1]
    assert response.choices[1].message.content == f"Choice 2. {HELLO_ANSWER}"


def test_logprobs_cover_the_answer(openai_client: openai.OpenAI) -> None:
    response = _create(openai_client, logprobs=True, top_logprobs=2)
    tokens = response.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == HELLO_ANSWER
    assert len(tokens[0].top_logprobs) == 2


def test_qwen_mt_plus_streams_cumulative_text(http: httpx.Client) -> None:
    options = {"source_lang": "auto", "target_lang": "German"}
    events = _events(http, model="qwen-mt-plus", translation_options=options)
    texts = [event["choices"][0]["delta"]["content"] for event in events[:-1]]
    assert texts[-1] == "[sandbox translation to German] Hello"
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    flash = _events(http, model="qwen-mt-flash", translation_options=options)
    assert "".join(event["choices"][0]["delta"]["content"] for event in flash[:-1]) == texts[-1]


def test_glm_calls_tools_only_with_tool_stream(openai_client: openai.OpenAI) -> None:
    without = _create(openai_client, "weather in Rome?", model="glm-5.2", tools=[WEATHER])
    assert without.choices[0].message.tool_calls is None
    with_tool_stream = _create(
        openai_client, "weather in Rome?", model="glm-5.2", tools=[WEATHER], extra_body={"tool_stream": True}
    )
    assert with_tool_stream.choices[0].message.tool_calls is not None


def test_a_snapshot_of_a_model_is_answered_under_its_own_name(openai_client: openai.OpenAI) -> None:
    assert _create(openai_client, model="qwen-plus-2025-07-28").model == "qwen-plus-2025-07-28"


def test_repeated_roles_and_message_names_are_accepted(openai_client: openai.OpenAI) -> None:
    roles = ["system", "system", "user", "user", "assistant", "assistant", "user"]
    messages: list[Any] = [{"role": role, "content": "x", "name": "someone"} for role in roles]
    assert openai_client.chat.completions.create(model="qwen-plus", messages=messages).choices


def test_the_last_message_may_be_a_partial_answer(openai_client: openai.OpenAI) -> None:
    messages: list[Any] = [user("go on"), {"role": "assistant", "content": "Spring", "partial": True}]
    assert openai_client.chat.completions.create(model="qwen-plus", messages=messages).choices


def test_equal_requests_have_equal_answers(openai_client: openai.OpenAI) -> None:
    first, second = (_create(openai_client, "weather in Rome?", tools=[WEATHER]) for _ in range(2))
    assert first.usage == second.usage
    assert (
        first.choices[0].message.tool_calls[0].function.arguments
        == second.choices[0].message.tool_calls[0].function.arguments
    )


def test_the_models_list_has_what_the_workspace_may_call(sandbox: Sandbox) -> None:
    few = sandbox.add_workspace("few", models=["qwen-plus", "text-embedding-v4"])
    with openai_client_of(sandbox, few) as openai_client:
        assert [model.id for model in openai_client.models.list()] == ["qwen-plus", "text-embedding-v4"]


async def test_async_sdk_streams_concurrent_answers(async_openai_client: openai.AsyncOpenAI) -> None:
    async def one(number: int) -> str:
        message = user(f"number {number}")
        stream = await async_openai_client.chat.completions.create(model="qwen-plus", messages=[message], stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    answers = await asyncio.gather(*(one(number) for number in range(10)))
    assert [f'"number {number}"' in answer for number, answer in enumerate(answers)] == [True] * 10
