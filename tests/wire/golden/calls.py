# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
"""Rows whose answer calls tools, in every shape in which the fragments were recorded."""

from langchain_core.messages import HumanMessage

from tests.wire.golden._row import (
    CLOCK_TOOL,
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

_NONE_CACHED: Json = {"prompt_tokens_details": {"cached_tokens": 0}}
_HANGZHOU: list[Json] = [{"role": "user", "content": "杭州现在的天气如何？"}]
_FORCED: Json = {"type": "function", "function": {"name": "get_current_weather"}}
_FORCED_CALL: Json = {
    "function": {"name": "get_current_weather", "arguments": '{"location": "浙江省杭州市"}'},
    "index": 0,
    "id": "call_cec4c19d27624537b583af",
    "type": "function",
}

FORCED = Row(
    name="one tool call, the tool named in the request",
    source="dashscope exchange recorded 2024-11-25 (finish_reason stop beside the call); openai stream 2026-02",
    model="qwen-plus",
    messages=[HumanMessage("杭州现在的天气如何？")],
    tools=[WEATHER_TOOL],
    tool_choice="get_current_weather",
    exchanges={
        "openai": Exchange(
            openai_request(
                {"model": "qwen-plus", "messages": _HANGZHOU, "tools": [WEATHER_TOOL], "tool_choice": _FORCED}
            ),
            response=completion(
                "qwen-plus",
                {"content": "", "tool_calls": [_FORCED_CALL]},
                "stop",
                {"prompt_tokens": 211, "completion_tokens": 8, "total_tokens": 219},
            ),
            events=completion_chunks(
                "qwen-plus",
                delta(
                    {
                        "content": None,
                        "role": "assistant",
                        "tool_calls": [
                            call_delta(
                                0,
                                "call_cec4c19d27624537b583af",
                                {"name": "get_current_weather", "arguments": '{"location'},
                            )
                        ],
                    }
                ),
                delta({"content": None, "tool_calls": [call_delta(0, "", {"arguments": '": "浙江省杭州市"}'})]}),
                delta({}, "stop"),
                usage={"prompt_tokens": 211, "completion_tokens": 8, "total_tokens": 219},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _HANGZHOU},
                    "parameters": {"tools": [WEATHER_TOOL], "tool_choice": _FORCED, "result_format": "message"},
                }
            ),
            response=generation({"tool_calls": [_FORCED_CALL], "content": ""}, "stop", dashscope_usage(211, 8)),
            events=generation_events(
                ({"content": "", "tool_calls": [_FORCED_CALL]}, "null", dashscope_usage(211, 8)),
                ({"content": "", "tool_calls": [call_delta(0, "", {})]}, "stop", dashscope_usage(211, 8)),
            ),
        ),
    },
    facts=Facts(
        tool_calls=[
            {"name": "get_current_weather", "args": {"location": "浙江省杭州市"}, "id": "call_cec4c19d27624537b583af"}
        ],
        usage={"input_tokens": 211, "output_tokens": 8, "total_tokens": 219},
    ),
)

_TWO_CITIES: list[Json] = [{"role": "user", "content": "杭州和上海现在的天气如何？"}]
_FIRST, _SECOND = "call_29a870e7106f45deb8add3", "call_026e44bb31a74266949a20"
_TWO_CALLS: list[Json] = [
    call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": "浙江省杭州市"}'}),
    call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": '{"location": "上海市"}'}),
]
_TWO_FACTS: list[Json] = [
    {"name": "get_current_weather", "args": {"location": "浙江省杭州市"}, "id": _FIRST},
    {"name": "get_current_weather", "args": {"location": "上海市"}, "id": _SECOND},
]

PARALLEL = Row(
    name="parallel tool calls after some text",
    source="dashscope stream recorded 2026-04-15; openai streams 2026-02 (qwen3-max) and 2026-04-16 (qwen-turbo)",
    model="qwen-max",
    messages=[HumanMessage("杭州和上海现在的天气如何？")],
    fields={"parallel_tool_calls": True},
    tools=[WEATHER_TOOL, CLOCK_TOOL],
    exchanges={
        "openai": Exchange(
            openai_request(
                {
                    "model": "qwen-max",
                    "messages": _TWO_CITIES,
                    "tools": [WEATHER_TOOL, CLOCK_TOOL],
                    "parallel_tool_calls": True,
                }
            ),
            response=completion(
                "qwen-max",
                {"content": "我查一下。", "tool_calls": _TWO_CALLS},
                "tool_calls",
                {"prompt_tokens": 250, "completion_tokens": 37, "total_tokens": 287, **_NONE_CACHED},
            ),
            events=completion_chunks(
                "qwen-max",
                delta({"content": "", "role": "assistant"}),
                delta({"content": "我查一下。"}),
                # The first call: its id comes again with an empty name, then both stay empty (2026-04-16).
                {
                    "delta": {
                        "content": "",
                        "role": None,
                        "tool_calls": [call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": ""})],
                    }
                },
                {
                    "delta": {
                        "content": "",
                        "role": None,
                        "tool_calls": [call_delta(0, _FIRST, {"name": "", "arguments": ""})],
                    }
                },
                {"delta": {"content": "", "tool_calls": [call_delta(0, "", {"arguments": '{"location": "浙江'})]}},
                # Two entries in one frame, the first of them without arguments.
                {
                    "delta": {
                        "content": None,
                        "tool_calls": [
                            call_delta(0, "", {"arguments": '省杭州市"}'}),
                            call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": '{"loc'}),
                        ],
                    },
                    "finish_reason": None,
                },
                {"delta": {"content": None, "tool_calls": [call_delta(1, "", {"arguments": 'ation": "上海市"}'})]}},
                # The last fragment has no `finish_reason` key, and the reason a frame of its own (2026-02).
                {"delta": {"tool_calls": [{"function": {"arguments": ""}, "index": 1, "id": "", "type": "function"}]}},
                {"finish_reason": "tool_calls", "delta": {}, "logprobs": None},
                usage={"prompt_tokens": 250, "completion_tokens": 37, "total_tokens": 287, **_NONE_CACHED},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-max",
                    "input": {"messages": _TWO_CITIES},
                    "parameters": {
                        "tools": [WEATHER_TOOL, CLOCK_TOOL],
                        "parallel_tool_calls": True,
                        "result_format": "message",
                    },
                }
            ),
            response=generation(
                {"content": "我查一下。", "tool_calls": _TWO_CALLS},
                "tool_calls",
                dashscope_usage(250, 37, **_NONE_CACHED),
                index=0,
            ),
            events=generation_events(
                ({"content": "我查一下。"}, "null", dashscope_usage(250, 5, **_NONE_CACHED)),
                (
                    {
                        "content": "",
                        "tool_calls": [
                            call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": "'})
                        ],
                    },
                    "null",
                    dashscope_usage(250, 16, **_NONE_CACHED),
                ),
                (
                    {"content": "", "tool_calls": [call_delta(0, "", {"arguments": '浙江省杭州市"}'})]},
                    "null",
                    dashscope_usage(250, 22, **_NONE_CACHED),
                ),
                (
                    {
                        "content": "",
                        "tool_calls": [
                            call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": '{"location":'})
                        ],
                    },
                    "null",
                    dashscope_usage(250, 34, **_NONE_CACHED),
                ),
                (
                    {"content": "", "tool_calls": [call_delta(1, "", {"arguments": ' "上海市"}'})]},
                    "null",
                    dashscope_usage(250, 37, **_NONE_CACHED),
                ),
                (
                    {"content": "", "tool_calls": [call_delta(1, "", {})]},
                    "tool_calls",
                    dashscope_usage(250, 37, **_NONE_CACHED),
                ),
            ),
        ),
    },
    facts=Facts(
        content="我查一下。",
        tool_calls=_TWO_FACTS,
        finish_reason="tool_calls",
        usage={
            "input_tokens": 250,
            "output_tokens": 37,
            "total_tokens": 287,
            "input_token_details": {"cache_read": 0},
        },
    ),
)

_OMNI_PARTS: list[Json] = [{"role": "user", "content": [{"text": "杭州和上海现在的天气如何？"}]}]
_OMNI_COUNT: Json = {"prompt_tokens": 250, "completion_tokens": 37, "total_tokens": 287}

OMNI = Row(
    name="tool calls of a model that has to stream, ids repeated and names and arguments null",
    source="Model Studio docs, function calling and omni pages, 2026-09",
    model="qwen3-omni-flash",
    messages=[HumanMessage("杭州和上海现在的天气如何？")],
    tools=[WEATHER_TOOL],
    always_streams=True,
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen3-omni-flash", "messages": _TWO_CITIES, "tools": [WEATHER_TOOL]}),
            response=completion(
                "qwen3-omni-flash", {"content": "", "tool_calls": _TWO_CALLS}, "tool_calls", _OMNI_COUNT
            ),
            events=completion_chunks(
                "qwen3-omni-flash",
                delta({"content": None, "role": "assistant"}),
                delta({"tool_calls": [call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": None})]}),
                delta(
                    {"tool_calls": [call_delta(0, _FIRST, {"name": None, "arguments": '{"location": "浙江省杭州市"'})]}
                ),
                delta({"tool_calls": [call_delta(0, _FIRST, {"name": None, "arguments": "}"})]}),
                delta({"tool_calls": [call_delta(0, _FIRST, {"name": None, "arguments": None})]}),
                delta({"tool_calls": [call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": "{"})]}),
                delta({"tool_calls": [call_delta(1, _SECOND, {"name": None, "arguments": '"location": "上海市"}'})]}),
                delta({"tool_calls": None}, "tool_calls"),
                usage=_OMNI_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen3-omni-flash",
                    "input": {"messages": _OMNI_PARTS},
                    "parameters": {"tools": [WEATHER_TOOL], "result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
            response=generation({"content": [], "tool_calls": _TWO_CALLS}, "tool_calls", dashscope_usage(250, 37)),
            events=generation_events(
                (
                    {
                        "content": [],
                        "tool_calls": [
                            call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": '})
                        ],
                    },
                    "null",
                    dashscope_usage(250, 12),
                ),
                (
                    {
                        "content": [],
                        "tool_calls": [call_delta(0, _FIRST, {"name": None, "arguments": '"浙江省杭州市"}'})],
                    },
                    "null",
                    dashscope_usage(250, 20),
                ),
                (
                    {
                        "content": [],
                        "tool_calls": [
                            call_delta(0, _FIRST, {"name": "", "arguments": ""}),
                            call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": None}),
                        ],
                    },
                    "null",
                    dashscope_usage(250, 24),
                ),
                (
                    {"content": [], "tool_calls": [call_delta(1, _SECOND, {"arguments": '{"location": "上海市"}'})]},
                    "null",
                    dashscope_usage(250, 37),
                ),
                # Without content (a fixture of the Java SDK).
                ({}, "tool_calls", dashscope_usage(250, 37)),
            ),
        ),
    },
    facts=Facts(
        tool_calls=_TWO_FACTS,
        finish_reason="tool_calls",
        usage={"input_tokens": 250, "output_tokens": 37, "total_tokens": 287},
    ),
)

_TIME: list[Json] = [{"role": "user", "content": "What time is it?"}]
_CLOCK_CALL = call_delta(0, "call_962bfd2ab8f54b89a1161356", {"name": "get_time", "arguments": ""})

NO_ARGUMENTS = Row(
    name="a tool without arguments",
    source="Model Studio docs, function calling, 2026-09 (`parameters` may be empty); dashscope `function: {}` 2026-04",
    model="qwen-plus",
    messages=[HumanMessage("What time is it?")],
    tools=[CLOCK_TOOL],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-plus", "messages": _TIME, "tools": [CLOCK_TOOL]}),
            response=completion(
                "qwen-plus",
                {"content": None, "tool_calls": [_CLOCK_CALL]},
                "tool_calls",
                {"prompt_tokens": 150, "completion_tokens": 9, "total_tokens": 159},
            ),
            events=completion_chunks(
                "qwen-plus",
                delta({"content": None, "role": "assistant", "tool_calls": [_CLOCK_CALL]}),
                delta({"content": None, "tool_calls": [call_delta(0, "", {})]}),
                delta({}, "tool_calls"),
                usage={"prompt_tokens": 150, "completion_tokens": 9, "total_tokens": 159},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _TIME},
                    "parameters": {"tools": [CLOCK_TOOL], "result_format": "message"},
                }
            ),
            response=generation(
                {"content": "", "tool_calls": [{**_CLOCK_CALL, "function": {"name": "get_time", "arguments": "{}"}}]},
                "tool_calls",
                dashscope_usage(150, 9),
            ),
            events=generation_events(
                (
                    {"content": "", "tool_calls": [{**_CLOCK_CALL, "function": {"name": "get_time"}}]},
                    "null",
                    dashscope_usage(150, 9),
                ),
                (
                    {"content": "", "tool_calls": [call_delta(0, "", {"arguments": None})]},
                    "tool_calls",
                    dashscope_usage(150, 9),
                ),
            ),
        ),
    },
    facts=Facts(
        tool_calls=[{"name": "get_time", "args": {}, "id": "call_962bfd2ab8f54b89a1161356"}],
        finish_reason="tool_calls",
        usage={"input_tokens": 150, "output_tokens": 9, "total_tokens": 159},
    ),
)

_INVALID = '{"location": 浙江省杭州市}'
_MIXED_CALLS: list[Json] = [
    call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": _INVALID}),
    call_delta(1, _SECOND, {"name": "get_current_weather", "arguments": '{"location": "上海市"}'}),
]

INVALID_ARGUMENTS = Row(
    name="arguments that are not JSON, beside some that are",
    source="no recording: what a model may write, in the frames recorded 2026-04",
    model="qwen-plus",
    messages=[HumanMessage("杭州和上海现在的天气如何？")],
    tools=[WEATHER_TOOL],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-plus", "messages": _TWO_CITIES, "tools": [WEATHER_TOOL]}),
            response=completion("qwen-plus", {"content": "", "tool_calls": _MIXED_CALLS}, "tool_calls", _OMNI_COUNT),
            events=completion_chunks(
                "qwen-plus",
                delta({"content": "", "role": "assistant", "tool_calls": [_MIXED_CALLS[0]]}),
                delta({"content": "", "tool_calls": [_MIXED_CALLS[1]]}),
                delta({}, "tool_calls"),
                usage=_OMNI_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _TWO_CITIES},
                    "parameters": {"tools": [WEATHER_TOOL], "result_format": "message"},
                }
            ),
            response=generation({"content": "", "tool_calls": _MIXED_CALLS}, "tool_calls", dashscope_usage(250, 37)),
            events=generation_events(
                (
                    {
                        "content": "",
                        "tool_calls": [
                            call_delta(0, _FIRST, {"name": "get_current_weather", "arguments": '{"location": 浙'})
                        ],
                    },
                    "null",
                    dashscope_usage(250, 12),
                ),
                (
                    {"content": "", "tool_calls": [call_delta(0, "", {"arguments": "江省杭州市}"}), _MIXED_CALLS[1]]},
                    "tool_calls",
                    dashscope_usage(250, 37),
                ),
            ),
        ),
    },
    facts=Facts(
        tool_calls=[_TWO_FACTS[1]],
        invalid_tool_calls=[{"name": "get_current_weather", "args": _INVALID, "id": _FIRST}],
        finish_reason="tool_calls",
        usage={"input_tokens": 250, "output_tokens": 37, "total_tokens": 287},
    ),
)

ROWS = (FORCED, PARALLEL, OMNI, NO_ARGUMENTS, INVALID_ARGUMENTS)
