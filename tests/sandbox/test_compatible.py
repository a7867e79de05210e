"""The OpenAI-compatible chat wire, driven with the raw `openai` SDK and compared with recorded shapes."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.tools import CHAT, PNG, TIME, WEATHER, user

_TEXT = 'This is the Model Studio sandbox, not a language model. You said: "Hello"'


def _create(client: openai.OpenAI, prompt: Any = "Hello", **body: Any) -> Any:
    body.setdefault("model", "qwen-plus")
    return client.chat.completions.create(messages=[user(prompt)], **body)


def _events(http: httpx.Client, **body: Any) -> list[Any]:
    """The data of a stream's events, parsed; `[DONE]` stays text."""
    answer = http.post(CHAT, json={"model": "qwen-plus", "stream": True, "messages": [user("Hello")]} | body)
    assert answer.headers["content-type"] == "text/event-stream;charset=utf-8"
    events = answer.text.split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(data) if (data := event[6:]) != "[DONE]" else data for event in events]


def test_text_quotes_the_user_and_has_the_recorded_shape(http: httpx.Client) -> None:
    answer = http.post(CHAT, json={"model": "qwen-plus", "messages": [user("Hello")]})
    body = answer.json()
    created = body.pop("created")
    assert isinstance(created, int)
    assert body == {
        "choices": [
            {
                "message": {"role": "assistant", "content": _TEXT},
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
        "id": f"chatcmpl-{answer.headers['x-request-id']}",
    }


def test_text_streams_in_several_deltas_and_usage_only_when_asked(http: httpx.Client) -> None:
    events = _events(http)
    assert events.pop() == "[DONE]"
    assert [set(event) for event in events] == [
        {"choices", "object", "usage", "created", "system_fingerprint", "model", "id"}
    ] * len(events)
    deltas = [event["choices"][0]["delta"] for event in events]
    assert deltas[0] == {"content": "", "role": "assistant"}
    assert deltas[1] == {"content": "This"}
    assert "".join(delta["content"] for delta in deltas) == _TEXT
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


def test_tools_make_a_round_trip(client: openai.OpenAI) -> None:
    question = user("What is the weather in San Francisco?")
    first = client.chat.completions.create(model="qwen-plus", messages=[question], tools=[WEATHER])
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
    second = client.chat.completions.create(model="qwen-plus", messages=history, tools=[WEATHER])
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
def test_models_repeat_ids_in_their_own_manner(
    http: httpx.Client, model: str, ids: list[str], names: list[str | None]
) -> None:
    events = _events(http, model=model, messages=[user("weather in Rome?")], tools=[WEATHER])
    calls = [event["choices"][0]["delta"]["tool_calls"][0] for event in events[:3]]
    assert [call["id"].split("_")[0] for call in calls] == ids
    assert [call["function"].get("name") for call in calls[:2]] == names


def test_parallel_calls_only_when_asked(client: openai.OpenAI) -> None:
    prompt = "What is the weather in Paris and what time is it in Tokyo?"
    several = _create(client, prompt, tools=[WEATHER, TIME], parallel_tool_calls=True)
    calls = several.choices[0].message.tool_calls
    assert [(c.index, c.function.name, c.function.arguments) for c in calls] == [
        (0, "get_weather", '{"city": "Paris"}'),
        (1, "get_time", '{"city": "Tokyo"}'),
    ]
    assert len({c.id for c in calls}) == 2
    one = _create(client, prompt, tools=[WEATHER, TIME])
    assert len(one.choices[0].message.tool_calls) == 1


def test_forced_tool_is_called_whatever_was_said(client: openai.OpenAI) -> None:
    choice = {"type": "function", "function": {"name": "get_time"}}
    answer = _create(client, tools=[WEATHER, TIME], tool_choice=choice)
    assert answer.choices[0].message.tool_calls[0].function.name == "get_time"
    assert _create(client, "weather?", tools=[WEATHER], tool_choice="none").choices[0].finish_reason == "stop"


def test_thinking_reasons_first_and_counts_it(client: openai.OpenAI) -> None:
    answer = _create(client, model="qwen3.8-max")
    message = answer.choices[0].message
    assert message.reasoning_content.startswith('The user said: "Hello".')
    assert message.content == _TEXT
    details = answer.usage.completion_tokens_details
    assert 0 < details.reasoning_tokens < answer.usage.completion_tokens == details.text_tokens
    off = _create(client, model="qwen3.8-max", extra_body={"enable_thinking": False})
    assert not hasattr(off.choices[0].message, "reasoning_content")
    assert off.usage.completion_tokens_details is None


def test_thinking_stream_sends_reasoning_then_text(http: httpx.Client) -> None:
    events = _events(http, enable_thinking=True)
    deltas = [event["choices"][0]["delta"] for event in events[:-1]]
    assert deltas[0] == {"content": None, "role": "assistant", "reasoning_content": ""}
    turn = next(at for at, delta in enumerate(deltas) if delta["content"])
    assert all(delta["content"] is None and delta["reasoning_content"] for delta in deltas[1:turn])
    assert all(delta["reasoning_content"] is None for delta in deltas[turn:])
    assert deltas[-1] == {"content": "", "reasoning_content": None}


def test_thinking_budget_cuts_the_reasoning(client: openai.OpenAI) -> None:
    answer = _create(client, extra_body={"enable_thinking": True, "thinking_budget": 3})
    assert answer.choices[0].message.reasoning_content == "The user said"
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3


def test_stop_and_max_tokens_really_cut(client: openai.OpenAI) -> None:
    stopped = _create(client, stop=["language", "You"])
    assert stopped.choices[0].message.content == "This is the Model Studio sandbox, not a "
    assert stopped.choices[0].finish_reason == "stop"
    short = _create(client, max_tokens=3)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("This is the", "length")
    assert short.usage.completion_tokens == 3
    thought = _create(client, extra_body={"enable_thinking": True, "max_completion_tokens": 4})
    assert (thought.choices[0].message.content, thought.choices[0].finish_reason) == ("", "length")


def test_cut_tool_call_ends_in_broken_json(client: openai.OpenAI) -> None:
    answer = _create(client, "weather in Rome?", tools=[WEATHER], max_tokens=6)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"city"'


def test_json_schema_gives_an_object_of_it(client: openai.OpenAI) -> None:
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
    answer = _create(client, "Alice is 30, imperial.", model="qwen3.7-plus", response_format=form)
    assert json.loads(answer.choices[0].message.content) == {"name": "Alice", "age": 30, "unit": "imperial"}


def test_json_object_has_the_keys_the_prompt_names(client: openai.OpenAI) -> None:
    prompt = "Tell me a joke about cats as JSON with 'setup' and 'punchline' keys."
    answer = _create(client, prompt, response_format={"type": "json_object"})
    assert json.loads(answer.choices[0].message.content) == {"setup": "cats", "punchline": "sandbox punchline"}


def test_media_parts_are_named_and_counted(client: openai.OpenAI) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}, "max_pixels": 1000},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    answer = _create(client, parts, model="qwen3-vl-plus")
    assert "I received 2 image parts." in answer.choices[0].message.content
    details = answer.usage.prompt_tokens_details
    assert details.image_tokens + details.text_tokens == answer.usage.prompt_tokens


def test_several_choices_and_logprobs(client: openai.OpenAI) -> None:
    answer = _create(client, n=2, logprobs=True, top_logprobs=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[1].message.content == f"Choice 2. {_TEXT}"
    tokens = answer.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == _TEXT
    assert len(tokens[0].top_logprobs) == 2


def test_qwen_mt_plus_streams_the_whole_text_so_far(http: httpx.Client) -> None:
    options = {"source_lang": "auto", "target_lang": "German"}
    events = _events(http, model="qwen-mt-plus", translation_options=options)
    said = [event["choices"][0]["delta"]["content"] for event in events[:-1]]
    assert said[-1] == "[sandbox translation to German] Hello"
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(said))
    flash = _events(http, model="qwen-mt-flash", translation_options=options)
    assert "".join(event["choices"][0]["delta"]["content"] for event in flash[:-1]) == said[-1]


def test_glm_calls_tools_only_with_tool_stream(client: openai.OpenAI) -> None:
    silent = _create(client, "weather in Rome?", model="glm-5.2", tools=[WEATHER])
    assert silent.choices[0].message.tool_calls is None
    spoken = _create(client, "weather in Rome?", model="glm-5.2", tools=[WEATHER], extra_body={"tool_stream": True})
    assert spoken.choices[0].message.tool_calls is not None


def test_snapshot_shares_the_row_of_its_model_and_keeps_its_name(client: openai.OpenAI) -> None:
    assert _create(client, model="qwen-plus-2025-07-28").model == "qwen-plus-2025-07-28"


def test_repeated_roles_and_names_are_accepted(client: openai.OpenAI) -> None:
    roles = ["system", "system", "user", "user", "assistant", "assistant", "user"]
    messages: list[Any] = [{"role": role, "content": "x", "name": "someone"} for role in roles]
    assert client.chat.completions.create(model="qwen-plus", messages=messages).choices


def test_partial_answer_may_end_the_conversation(client: openai.OpenAI) -> None:
    messages: list[Any] = [user("go on"), {"role": "assistant", "content": "Spring", "partial": True}]
    assert client.chat.completions.create(model="qwen-plus", messages=messages).choices


def test_answers_are_the_same_every_time(client: openai.OpenAI) -> None:
    first, second = (_create(client, "weather in Rome?", tools=[WEATHER]) for _ in range(2))
    assert first.usage == second.usage
    assert (
        first.choices[0].message.tool_calls[0].function.arguments
        == second.choices[0].message.tool_calls[0].function.arguments
    )


def test_models_lists_what_the_workspace_may_call(sandbox: Sandbox) -> None:
    few = sandbox.add_workspace("few", models=["qwen-plus", "text-embedding-v4"])
    with openai.OpenAI(api_key=few.api_key, base_url=f"{sandbox.base_url}/compatible-mode/v1") as client:
        assert [model.id for model in client.models.list()] == ["qwen-plus", "text-embedding-v4"]


async def test_async_client_and_concurrent_requests(async_client: openai.AsyncOpenAI) -> None:
    async def one(number: int) -> str:
        message = user(f"number {number}")
        stream = await async_client.chat.completions.create(model="qwen-plus", messages=[message], stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    answers = await asyncio.gather(*(one(number) for number in range(10)))
    assert [f'"number {number}"' in answer for number, answer in enumerate(answers)] == [True] * 10
