# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
"""Rows whose answer or history has reasoning, and models of the multimodal family."""

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
    openai_request,
)

_SUM: list[Json] = [{"role": "user", "content": "1+1=?"}]
_THOUGHT_COUNT: Json = {
    "prompt_tokens": 12,
    "completion_tokens": 18,
    "total_tokens": 30,
    "completion_tokens_details": {"reasoning_tokens": 10, "text_tokens": 18, "audio_tokens": None},
}
_THOUGHT_USAGE: Json = {
    "input_tokens": 12,
    "output_tokens": 18,
    "total_tokens": 30,
    "output_token_details": {"reasoning": 10},
}


def _usage_with_reasoning(output_tokens: int, reasoning_tokens: int) -> Json:
    return dashscope_usage(12, output_tokens, output_tokens_details={"reasoning_tokens": reasoning_tokens})


REASONING = Row(
    name="reasoning, then text",
    source="docs, deep thinking, 2026-09; dashscope stream recorded 2025-06-09 (empty strings, `thinking_budget`)",
    model="qwen-plus-latest",
    messages=[HumanMessage("1+1=?")],
    fields={"enable_thinking": True, "thinking_budget": 10},
    exchanges={
        "openai": Exchange(
            openai_request(
                {
                    "model": "qwen-plus-latest",
                    "messages": _SUM,
                    "enable_thinking": True,
                    "thinking_budget": 10,
                }
            ),
            response=completion(
                "qwen-plus-latest", {"content": "1+1等于2。", "reasoning_content": "嗯，简单。"}, "stop", _THOUGHT_COUNT
            ),
            events=completion_chunks(
                "qwen-plus-latest",
                delta({"content": None, "role": "assistant", "reasoning_content": ""}),
                delta({"content": None, "reasoning_content": "嗯，"}),
                delta({"content": None, "reasoning_content": "简单。"}),
                delta({"content": "1+1", "reasoning_content": None}),
                delta({"content": "等于2。", "reasoning_content": None}),
                delta({"content": "", "reasoning_content": None}, "stop"),
                usage=_THOUGHT_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus-latest",
                    "input": {"messages": _SUM},
                    "parameters": {"enable_thinking": True, "thinking_budget": 10, "result_format": "message"},
                }
            ),
            response=generation(
                {"content": "1+1等于2。", "reasoning_content": "嗯，简单。"}, "stop", _usage_with_reasoning(18, 10)
            ),
            events=generation_events(
                ({"content": "", "reasoning_content": "嗯"}, "null", _usage_with_reasoning(3, 1)),
                ({"content": "", "reasoning_content": "，简单。"}, "null", _usage_with_reasoning(12, 10)),
                ({"content": "1+1", "reasoning_content": ""}, "null", _usage_with_reasoning(15, 10)),
                ({"content": "等于2。", "reasoning_content": ""}, "null", _usage_with_reasoning(18, 10)),
                ({"content": "", "reasoning_content": ""}, "stop", _usage_with_reasoning(18, 10)),
            ),
        ),
    },
    facts=Facts(content="1+1等于2。", reasoning="嗯，简单。", usage=_THOUGHT_USAGE),
)

STREAM_ONLY = Row(
    name="reasoning of a model that has to stream, with null for what is not there",
    source="docs, deep thinking, 2026-09 (QwQ streams only); dashscope fixture with null content",
    model="qwq-plus",
    messages=[HumanMessage("1+1=?")],
    always_streams=True,
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwq-plus", "messages": _SUM}),
            response=completion("qwq-plus", {"content": "2", "reasoning_content": "嗯"}, "stop", _THOUGHT_COUNT),
            events=completion_chunks(
                "qwq-plus",
                delta({"content": None, "role": "assistant", "reasoning_content": "嗯"}),
                delta({"content": "2", "reasoning_content": None}, "stop"),
                usage=_THOUGHT_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwq-plus",
                    "input": {"messages": _SUM},
                    "parameters": {"result_format": "message"},
                }
            ),
            response=generation({"content": "2", "reasoning_content": "嗯"}, "stop", _usage_with_reasoning(18, 10)),
            events=generation_events(
                ({"content": None, "reasoning_content": "嗯"}, "null", _usage_with_reasoning(10, 10)),
                ({"content": "2", "reasoning_content": None}, "stop", _usage_with_reasoning(18, 10)),
            ),
        ),
    },
    facts=Facts(content="2", reasoning="嗯", usage=_THOUGHT_USAGE),
)

_CUT_COUNT: Json = {
    "prompt_tokens": 9,
    "completion_tokens": 21,
    "total_tokens": 30,
    "completion_tokens_details": {"reasoning_tokens": 21},
}

REASONING_CUT = Row(
    name="cut at the length limit while still thinking",
    source="dashscope answer with `max_completion_tokens` and empty content recorded 2026-06-13",
    model="deepseek-v4-pro",
    messages=[HumanMessage("1+1=?")],
    fields={"max_completion_tokens": 20},
    exchanges={
        "openai": Exchange(
            openai_request({"model": "deepseek-v4-pro", "messages": _SUM, "max_completion_tokens": 20}),
            response=completion(
                "deepseek-v4-pro", {"content": "", "reasoning_content": "We need"}, "length", _CUT_COUNT
            ),
            events=completion_chunks(
                "deepseek-v4-pro",
                delta({"content": None, "role": "assistant", "reasoning_content": "We"}),
                delta({"content": None, "reasoning_content": " need"}),
                delta({"content": "", "reasoning_content": None}, "length"),
                usage=_CUT_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "deepseek-v4-pro",
                    "input": {"messages": _SUM},
                    "parameters": {"max_completion_tokens": 20, "result_format": "message"},
                }
            ),
            response=generation(
                {"content": "", "reasoning_content": "We need"},
                "length",
                dashscope_usage(9, 21, output_tokens_details={"reasoning_tokens": 21}),
            ),
            events=generation_events(
                (
                    {"content": "", "reasoning_content": "We"},
                    "null",
                    dashscope_usage(9, 10, output_tokens_details={"reasoning_tokens": 10}),
                ),
                (
                    {"content": "", "reasoning_content": " need"},
                    "length",
                    dashscope_usage(9, 21, output_tokens_details={"reasoning_tokens": 21}),
                ),
            ),
        ),
    },
    facts=Facts(
        reasoning="We need",
        finish_reason="length",
        usage={
            "input_tokens": 9,
            "output_tokens": 21,
            "total_tokens": 30,
            "output_token_details": {"reasoning": 21},
        },
    ),
)

_FIRST, _SECOND = "call_aa99ad078f294a3d81da41d7", "call_aa8b6311567847e197e6ca7f"
_TWO_CALLS: list[Json] = [
    call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": "浙江省杭州市"}'}),
    call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": '{"location": "上海市"}'}),
]
_PLAN_COUNT: Json = {
    "prompt_tokens": 388,
    "completion_tokens": 60,
    "total_tokens": 448,
    "completion_tokens_details": {"reasoning_tokens": 14, "text_tokens": 60},
    "prompt_tokens_details": {"text_tokens": 388, "cached_tokens": 0},
}


def _plan_usage(output_tokens: int, reasoning_tokens: int) -> Json:
    return dashscope_usage(
        388,
        output_tokens,
        input_tokens_details={"text_tokens": 388},
        prompt_tokens_details={"cached_tokens": 0},
        output_tokens_details={
            "reasoning_tokens": reasoning_tokens,
            "text_tokens": output_tokens - reasoning_tokens,
        },
    )


REASONING_CALLS = Row(
    name="reasoning, then parallel tool calls, two in one frame, no text",
    source="dashscope multimodal stream recorded 2026-04-15 (content [], no reasoning key later); docs 2026-09",
    model="qwen3.6-plus",
    messages=[HumanMessage("杭州和上海现在的天气如何？")],
    tools=[WEATHER_TOOL],
    exchanges={
        "openai": Exchange(
            openai_request(
                {
                    "model": "qwen3.6-plus",
                    "messages": [{"role": "user", "content": "杭州和上海现在的天气如何？"}],
                    "tools": [WEATHER_TOOL],
                }
            ),
            response=completion(
                "qwen3.6-plus",
                {"content": "", "reasoning_content": "用户需要两地的天气。", "tool_calls": _TWO_CALLS},
                "tool_calls",
                _PLAN_COUNT,
            ),
            events=completion_chunks(
                "qwen3.6-plus",
                delta({"content": None, "role": "assistant", "reasoning_content": "用户需要"}),
                delta({"content": None, "reasoning_content": "两地的天气。"}),
                delta(
                    {
                        "content": None,
                        "reasoning_content": None,
                        "tool_calls": [
                            call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": '})
                        ],
                    }
                ),
                delta({"content": None, "tool_calls": [call_delta(0, "", {"arguments": '"浙江省杭州市"}'})]}),
                delta({"content": None, "tool_calls": [_TWO_CALLS[1]]}),
                delta({"content": "", "reasoning_content": None}, "tool_calls"),
                usage=_PLAN_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen3.6-plus",
                    "input": {"messages": [{"role": "user", "content": [{"text": "杭州和上海现在的天气如何？"}]}]},
                    "parameters": {"tools": [WEATHER_TOOL], "result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
            response=generation(
                {"content": [], "reasoning_content": "用户需要两地的天气。", "tool_calls": _TWO_CALLS},
                "tool_calls",
                _plan_usage(60, 14),
            ),
            events=generation_events(
                ({"content": [], "reasoning_content": "用户"}, "null", _plan_usage(3, 3)),
                ({"content": [], "reasoning_content": "需要两地的天气。"}, "null", _plan_usage(14, 14)),
                (
                    {
                        "content": [],
                        "tool_calls": [
                            call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": '})
                        ],
                    },
                    "null",
                    _plan_usage(30, 14),
                ),
                (
                    {"content": [], "tool_calls": [call_delta(0, "", {"arguments": '"浙江省杭州市"}'})]},
                    "null",
                    _plan_usage(40, 14),
                ),
                (
                    {
                        "content": [],
                        "tool_calls": [
                            call_delta(0, "", {"arguments": ""}),
                            call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": ""}),
                        ],
                    },
                    "null",
                    _plan_usage(45, 14),
                ),
                (
                    {"content": [], "tool_calls": [call_delta(1, "", {"arguments": '{"location": "上海市"'})]},
                    "null",
                    _plan_usage(58, 14),
                ),
                (
                    {"content": [], "tool_calls": [call_delta(1, "", {"arguments": "}"})]},
                    "tool_calls",
                    _plan_usage(60, 14),
                ),
            ),
        ),
    },
    facts=Facts(
        reasoning="用户需要两地的天气。",
        tool_calls=[
            {"name": "get_current_weather", "args": {"location": "浙江省杭州市"}, "id": _FIRST},
            {"name": "get_current_weather", "args": {"location": "上海市"}, "id": _SECOND},
        ],
        finish_reason="tool_calls",
        usage={
            "input_tokens": 388,
            "output_tokens": 60,
            "total_tokens": 448,
            "input_token_details": {"cache_read": 0},
            "output_token_details": {"reasoning": 14},
        },
    ),
)

_STORY_COUNT: Json = {"prompt_tokens": 500, "completion_tokens": 12, "total_tokens": 512}
_SENT_CALLS: list[Json] = [
    {"id": _FIRST, "type": "function", "function": {"name": "get_current_weather", "arguments": '{"location": "杭州"}'}}
]

MULTIMODAL = Row(
    name="a model of the multimodal family with text and tool results",
    source="dashscope exchange recorded 2026-04-16 (content lists, [] beside tool calls, last text with the reason)",
    model="qwen3.7-plus",
    messages=[
        SystemMessage("你是作家。"),
        HumanMessage("根据杭州的天气编一个小故事"),
        AIMessage("", tool_calls=[{"name": "get_current_weather", "args": {"location": "杭州"}, "id": _FIRST}]),
        ToolMessage("杭州-大部多云", tool_call_id=_FIRST),
    ],
    fields={"enable_thinking": False},
    exchanges={
        "openai": Exchange(
            openai_request(
                {
                    "model": "qwen3.7-plus",
                    "messages": [
                        {"role": "system", "content": "你是作家。"},
                        {"role": "user", "content": "根据杭州的天气编一个小故事"},
                        {"role": "assistant", "content": "", "tool_calls": _SENT_CALLS},
                        {"role": "tool", "content": "杭州-大部多云", "tool_call_id": _FIRST},
                    ],
                    "enable_thinking": False,
                }
            ),
            response=completion("qwen3.7-plus", {"content": "海风微暖。完美的周末。"}, "stop", _STORY_COUNT),
            events=completion_chunks(
                "qwen3.7-plus",
                delta({"content": "", "role": "assistant"}),
                delta({"content": "海风微暖。"}),
                delta({"content": "完美的周末。"}, "stop"),
                usage=_STORY_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen3.7-plus",
                    "input": {
                        "messages": [
                            {"role": "system", "content": [{"text": "你是作家。"}]},
                            {"role": "user", "content": [{"text": "根据杭州的天气编一个小故事"}]},
                            {"role": "assistant", "content": [], "tool_calls": _SENT_CALLS},
                            {"role": "tool", "content": [{"text": "杭州-大部多云"}], "tool_call_id": _FIRST},
                        ]
                    },
                    "parameters": {"enable_thinking": False, "result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
            response=generation({"content": [{"text": "海风微暖。完美的周末。"}]}, "stop", dashscope_usage(500, 12)),
            events=generation_events(
                ({"content": []}, "null", dashscope_usage(500, 0)),
                ({"content": [{"text": "海风微暖"}]}, "null", dashscope_usage(500, 5)),
                ({"content": [{"text": "。"}]}, "null", dashscope_usage(500, 6)),
                ({"content": [{"text": "完美的周末。"}]}, "stop", dashscope_usage(500, 12)),
            ),
        ),
    },
    facts=Facts(
        content="海风微暖。完美的周末。",
        usage={"input_tokens": 500, "output_tokens": 12, "total_tokens": 512},
    ),
)

ROWS = (REASONING, STREAM_ONLY, REASONING_CUT, REASONING_CALLS, MULTIMODAL)
