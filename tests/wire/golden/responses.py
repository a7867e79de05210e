"""Rows that the Responses API has too: the same answers over every protocol."""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from tests.wire.golden._row import (
    MULTIMODAL_GENERATION,
    WEATHER_TOOL,
    Exchange,
    Facts,
    Json,
    Row,
    call_delta,
    completion,
    completion_chunks,
    dashscope_request,
    dashscope_usage,
    delta,
    generation,
    generation_events,
    item_events,
    openai_request,
    response,
    response_events,
    responses_request,
)

_MODEL = "qwen3.8-max"
_WHO = "Who are you?"
_THOUGHT, _ANSWER = "The user asks who I am.", "I am Qwen, made by Alibaba Cloud. 你好 🏞️"
_CHAT_USAGE: Json = {
    "prompt_tokens": 49,
    "completion_tokens": 1384,
    "total_tokens": 1433,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 1110},
}
_DASHSCOPE_USAGE: Json = dashscope_usage(
    49, 1384, prompt_tokens_details={"cached_tokens": 0}, output_tokens_details={"reasoning_tokens": 1110}
)
# `x_details` and its billing type are in the official example.
_RESPONSES_USAGE: Json = {
    "input_tokens": 49,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 1384,
    "output_tokens_details": {"reasoning_tokens": 1110},
    "total_tokens": 1433,
    "x_details": [{"x_billing_type": "response_api", "input_tokens": 49, "output_tokens": 1384}],
}
_REASONING_ITEM: Json = {
    "id": "msg_r1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": _THOUGHT}],
}


def _text_item(text: str, id_: str = "msg_m1", status: str = "completed") -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": id_, "type": "message", "role": "assistant", "status": status, "content": content}


def _multimodal_content(content: str | list[Json]) -> list[Json]:
    return [{"text": content}] if isinstance(content, str) else content


_THOUGHT_RESPONSE = response(_MODEL, [_REASONING_ITEM, _text_item(_ANSWER)], _RESPONSES_USAGE)

THOUGHT = Row(
    name="reasoning and text, also over responses",
    source="official dump of the Responses reference (es 2026-10-23, zh of the same generation), text shortened",
    model=_MODEL,
    messages=[HumanMessage(_WHO)],
    fields={"temperature": 0.7, "max_tokens": 2000, "reasoning_effort": "low"},
    exchanges={
        "openai": Exchange(
            openai_request(
                {
                    "model": _MODEL,
                    "messages": [{"role": "user", "content": _WHO}],
                    "temperature": 0.7,
                    "max_tokens": 2000,
                    "reasoning_effort": "low",
                }
            ),
            response=completion(_MODEL, {"content": _ANSWER, "reasoning_content": _THOUGHT}, "stop", _CHAT_USAGE),
            events=completion_chunks(
                _MODEL,
                delta({"content": None, "role": "assistant", "reasoning_content": _THOUGHT}),
                delta({"content": _ANSWER, "reasoning_content": None}, "stop"),
                usage=_CHAT_USAGE,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": _MODEL,
                    "input": {"messages": [{"role": "user", "content": [{"text": _WHO}]}]},
                    "parameters": {
                        "temperature": 0.7,
                        "max_tokens": 2000,
                        "reasoning_effort": "low",
                        "result_format": "message",
                    },
                },
                MULTIMODAL_GENERATION,
            ),
            response=generation(
                {"content": [{"text": _ANSWER}], "reasoning_content": _THOUGHT}, "stop", _DASHSCOPE_USAGE
            ),
            events=generation_events(
                ({"content": [], "reasoning_content": _THOUGHT}, "null", _DASHSCOPE_USAGE),
                ({"content": [{"text": _ANSWER}], "reasoning_content": ""}, "stop", _DASHSCOPE_USAGE),
            ),
        ),
        "responses": Exchange(
            responses_request(
                {
                    "model": _MODEL,
                    "input": [{"role": "user", "content": _WHO}],
                    "temperature": 0.7,
                    "max_output_tokens": 2000,
                    "reasoning": {"effort": "low"},
                }
            ),
            response=_THOUGHT_RESPONSE,
            events=response_events(
                _THOUGHT_RESPONSE,
                *item_events(_REASONING_ITEM, ("reasoning_text", "The user "), ("reasoning_text", "asks who I am.")),
                *item_events(
                    _text_item(_ANSWER), ("output_text", "I am Qwen, made by"), ("output_text", _ANSWER[18:]), index=1
                ),
            ),
        ),
    },
    facts=Facts(
        content=_ANSWER,
        reasoning=_THOUGHT,
        usage={
            "input_tokens": 49,
            "output_tokens": 1384,
            "total_tokens": 1433,
            "input_token_details": {"cache_read": 0},
            "output_token_details": {"reasoning": 1110},
        },
    ),
)

_CITIES = "Weather in Hangzhou and Shanghai?"
_FIRST, _SECOND = "call_1f7a", "call_2b9c"
_FLAT_TOOL: Json = {"type": "function", **WEATHER_TOOL["function"]}
_CALL_USAGE: Json = {"prompt_tokens": 250, "completion_tokens": 37, "total_tokens": 287}
_CALLS: list[Json] = [
    call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": "Hangzhou"}'}),
    call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": '{"location": "Shanghai"}'}),
]
_CALL_ITEMS: list[Json] = [
    {
        "id": f"msg_{call['id']}",
        "type": "function_call",
        "call_id": call["id"],
        "status": "completed",
        **call["function"],
    }
    for call in _CALLS
]
_CALL_RESPONSE = response(
    _MODEL,
    [_text_item("Let me look."), *_CALL_ITEMS],
    {"input_tokens": 250, "output_tokens": 37, "total_tokens": 287},
)

CALLS = Row(
    name="parallel tool calls after some text, also over responses",
    source="Responses reference, function calling, 2026-10-23; chat as in the rows of tool calls",
    model=_MODEL,
    messages=[HumanMessage(_CITIES)],
    tools=[WEATHER_TOOL],
    exchanges={
        "openai": Exchange(
            openai_request(
                {"model": _MODEL, "messages": [{"role": "user", "content": _CITIES}], "tools": [WEATHER_TOOL]}
            ),
            response=completion(_MODEL, {"content": "Let me look.", "tool_calls": _CALLS}, "tool_calls", _CALL_USAGE),
            events=completion_chunks(
                _MODEL,
                delta({"content": "Let me look.", "role": "assistant"}),
                delta({"content": "", "tool_calls": [_CALLS[0]]}),
                delta({"content": "", "tool_calls": [_CALLS[1]]}),
                delta({"content": ""}, "tool_calls"),
                usage=_CALL_USAGE,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": _MODEL,
                    "input": {"messages": [{"role": "user", "content": [{"text": _CITIES}]}]},
                    "parameters": {"tools": [WEATHER_TOOL], "result_format": "message"},
                },
                MULTIMODAL_GENERATION,
            ),
            response=generation(
                {"content": [{"text": "Let me look."}], "tool_calls": _CALLS}, "tool_calls", dashscope_usage(250, 37)
            ),
            events=generation_events(
                ({"content": [{"text": "Let me look."}]}, "null", dashscope_usage(250, 5)),
                ({"content": [], "tool_calls": _CALLS}, "tool_calls", dashscope_usage(250, 37)),
            ),
        ),
        "responses": Exchange(
            responses_request(
                {"model": _MODEL, "input": [{"role": "user", "content": _CITIES}], "tools": [_FLAT_TOOL]}
            ),
            response=_CALL_RESPONSE,
            events=response_events(
                _CALL_RESPONSE,
                *item_events(_text_item("Let me look."), ("output_text", "Let me "), ("output_text", "look.")),
                *item_events(
                    _CALL_ITEMS[0],
                    ("function_call_arguments", '{"location": '),
                    ("function_call_arguments", '"Hangzhou"}'),
                    index=1,
                ),
                *item_events(_CALL_ITEMS[1], ("function_call_arguments", '{"location": "Shanghai"}'), index=2),
            ),
        ),
    },
    facts=Facts(
        content="Let me look.",
        tool_calls=[
            {"name": "get_current_weather", "args": {"location": "Hangzhou"}, "id": _FIRST},
            {"name": "get_current_weather", "args": {"location": "Shanghai"}, "id": _SECOND},
        ],
        finish_reason="tool_calls",
        usage={"input_tokens": 250, "output_tokens": 37, "total_tokens": 287},
    ),
)

_CUT_RESPONSE = response(
    _MODEL,
    [_text_item("The West", status="incomplete")],
    {"input_tokens": 90, "output_tokens": 16, "total_tokens": 106},
    status="incomplete",
    incomplete_details={"reason": "max_output_tokens"},
)
_HISTORY_CALLS: list[Json] = [
    {
        "id": _FIRST,
        "type": "function",
        "function": {"name": "get_current_weather", "arguments": '{"location": "杭州"}'},
    },
    {"id": _SECOND, "type": "function", "function": {"name": "get_current_weather", "arguments": "{}"}},
]
_PICTURE = "https://example.com/lake.png"


def _cut_history(texts: bool) -> list[Json]:
    """Return the messages in the form of chat: contents as texts, or as the lists of the multimodal family."""
    picture: list[Json] = (
        [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": {"url": _PICTURE}}]
        if texts
        else [{"text": "And this?"}, {"image": _PICTURE}]
    )

    def content(text: str) -> Any:
        return text if texts else _multimodal_content(text) if text else []

    return [
        {"role": "system", "content": content("Be brief.")},
        {"role": "user", "content": content("Weather?")},
        {"role": "assistant", "content": content(""), "tool_calls": _HISTORY_CALLS},
        {"role": "tool", "content": content("sunny"), "tool_call_id": _FIRST},
        {"role": "tool", "content": content("rain"), "tool_call_id": _SECOND},
        {"role": "assistant", "content": content("Sun, then rain.")},
        {"role": "user", "content": picture},
    ]


HISTORY = Row(
    name="history with tool results and an image, cut at the length limit, also over responses",
    source="Responses reference, input items and `incomplete`, 2026-10-23",
    model=_MODEL,
    messages=[
        SystemMessage("Be brief."),
        HumanMessage("Weather?"),
        AIMessage(
            "",
            tool_calls=[
                {"name": "get_current_weather", "args": {"location": "杭州"}, "id": _FIRST},
                {"name": "get_current_weather", "args": {}, "id": _SECOND},
            ],
        ),
        ToolMessage("sunny", tool_call_id=_FIRST),
        ToolMessage("rain", tool_call_id=_SECOND),
        AIMessage("Sun, then rain."),
        HumanMessage([{"type": "text", "text": "And this?"}, {"type": "image", "url": _PICTURE}]),
    ],
    fields={"max_tokens": 16},
    exchanges={
        "openai": Exchange(
            openai_request({"model": _MODEL, "messages": _cut_history(texts=True), "max_tokens": 16}),
            response=completion(
                _MODEL,
                {"content": "The West"},
                "length",
                {"prompt_tokens": 90, "completion_tokens": 16, "total_tokens": 106},
            ),
            events=completion_chunks(
                _MODEL,
                delta({"content": "The ", "role": "assistant"}),
                delta({"content": "West"}, "length"),
                usage={"prompt_tokens": 90, "completion_tokens": 16, "total_tokens": 106},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": _MODEL,
                    "input": {"messages": _cut_history(texts=False)},
                    "parameters": {"max_tokens": 16, "result_format": "message"},
                },
                MULTIMODAL_GENERATION,
            ),
            response=generation({"content": [{"text": "The West"}]}, "length", dashscope_usage(90, 16)),
            events=generation_events(
                ({"content": [{"text": "The "}]}, "null", dashscope_usage(90, 8)),
                ({"content": [{"text": "West"}]}, "length", dashscope_usage(90, 16)),
            ),
        ),
        "responses": Exchange(
            responses_request(
                {
                    "model": _MODEL,
                    "input": [
                        {"role": "system", "content": "Be brief."},
                        {"role": "user", "content": "Weather?"},
                        {"type": "function_call", "call_id": _FIRST, **_HISTORY_CALLS[0]["function"]},
                        {"type": "function_call_output", "call_id": _FIRST, "output": "sunny"},
                        {"type": "function_call", "call_id": _SECOND, **_HISTORY_CALLS[1]["function"]},
                        {"type": "function_call_output", "call_id": _SECOND, "output": "rain"},
                        {"role": "assistant", "content": "Sun, then rain."},
                        {
                            "role": "user",
                            "content": [
                                {"type": "input_text", "text": "And this?"},
                                {"type": "input_image", "image_url": _PICTURE},
                            ],
                        },
                    ],
                    "max_output_tokens": 16,
                }
            ),
            response=_CUT_RESPONSE,
            events=response_events(
                _CUT_RESPONSE,
                *item_events(
                    _text_item("The West", status="incomplete"), ("output_text", "The "), ("output_text", "West")
                ),
            ),
        ),
    },
    facts=Facts(
        content="The West",
        finish_reason="length",
        usage={"input_tokens": 90, "output_tokens": 16, "total_tokens": 106},
    ),
)

ROWS = (THOUGHT, CALLS, HISTORY)
