# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
"""Rows about what goes back to the model: tool calls, tool results, reasoning, other providers' messages."""

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.wire.golden._row import (
    MULTIMODAL_GENERATION,
    REQUEST_ID,
    Json,
    Row,
    dashscope_request,
    openai_request,
    short_answer,
)

_FIRST, _SECOND = "call_29a870e7106f45deb8add3", "call_026e44bb31a74266949a20"

_TOOL_RESULTS: list[Json] = [
    {"role": "user", "content": "杭州和上海现在的天气如何？"},
    {
        "role": "assistant",
        "content": "我查一下。",
        "tool_calls": [
            {
                "id": _FIRST,
                "type": "function",
                "function": {
                    "name": "get_current_weather",
                    "arguments": '{"location": "杭州", "days": [1, 2.5], "note": "引号\\" 🌧\u2028"}',
                },
            },
            {"id": _SECOND, "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
        ],
    },
    {"role": "tool", "content": '{"temp": 21, "desc": "多云"}', "tool_call_id": _FIRST, "name": "get_current_weather"},
    {"role": "tool", "content": "12:00 北京时间", "tool_call_id": _SECOND},
]

TOOL_RESULTS = Row(
    name="tool calls and tool results, with unicode arguments and a list as a result",
    source="Model Studio docs, function calling, 2026-09; dashscope request recorded 2026-04-16",
    model="qwen-plus",
    messages=[
        HumanMessage("杭州和上海现在的天气如何？"),
        AIMessage(
            "我查一下。",
            tool_calls=[
                {
                    "name": "get_current_weather",
                    "args": {"location": "杭州", "days": [1, 2.5], "note": '引号" 🌧\u2028'},
                    "id": _FIRST,
                },
                {"name": "get_time", "args": {}, "id": _SECOND},
            ],
        ),
        ToolMessage('{"temp": 21, "desc": "多云"}', tool_call_id=_FIRST, name="get_current_weather"),
        ToolMessage([{"type": "text", "text": "12:00 "}, "北京时间"], tool_call_id=_SECOND, artifact={"zone": 8}),
    ],
    **short_answer(
        "qwen-plus",
        "杭州多云，",
        "上海十二点。",
        120,
        9,
        requests={
            "openai": openai_request({"model": "qwen-plus", "messages": _TOOL_RESULTS}),
            "dashscope": dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _TOOL_RESULTS},
                    "parameters": {"result_format": "message"},
                }
            ),
        },
    ),
)

_INVALID_CALL_IN_HISTORY: list[Json] = [
    {"role": "user", "content": "杭州的天气？"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": _FIRST,
                "type": "function",
                "function": {"name": "get_current_weather", "arguments": '{"invalid_json": "{\\"location\\": 杭州}"}'},
            }
        ],
    },
    {"role": "tool", "content": "Error: the arguments are not JSON.", "tool_call_id": _FIRST},
]

INVALID_CALL_IN_HISTORY = Row(
    name="an invalid call is sent inside an object, since a tool message answers it",
    source="langchain 1.4 agents answer invalid calls; the service takes only JSON (docs, error codes, 2026-08-18)",
    model="qwen-plus",
    messages=[
        HumanMessage("杭州的天气？"),
        AIMessage(
            "",
            invalid_tool_calls=[
                {
                    "type": "invalid_tool_call",
                    "name": "get_current_weather",
                    "args": '{"location": 杭州}',
                    "id": _FIRST,
                    "error": "not JSON",
                }
            ],
        ),
        ToolMessage("Error: the arguments are not JSON.", tool_call_id=_FIRST, status="error"),
    ],
    **short_answer(
        "qwen-plus",
        "我再试",
        "一次。",
        80,
        4,
        requests={
            "openai": openai_request({"model": "qwen-plus", "messages": _INVALID_CALL_IN_HISTORY}),
            "dashscope": dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _INVALID_CALL_IN_HISTORY},
                    "parameters": {"result_format": "message"},
                }
            ),
        },
    ),
)

_PRESERVED = [
    HumanMessage("1+1=?"),
    AIMessage("2", additional_kwargs={"reasoning_content": "嗯，简单。"}),
    HumanMessage("再加 1？"),
    AIMessage(
        [
            {"type": "reasoning", "reasoning": "先查", "index": "lc_rs_0"},
            {"type": "reasoning", "reasoning": "时间。", "index": "lc_rs_0"},
            {"type": "tool_call", "name": "get_time", "args": {}, "id": _FIRST},
        ],
        tool_calls=[{"name": "get_time", "args": {}, "id": _FIRST}],
        response_metadata={"model_provider": "qwen_workspace", "output_version": "v1", "request_id": REQUEST_ID},
    ),
    ToolMessage("12:00", tool_call_id=_FIRST),
    AIMessage(""),
    HumanMessage("然后？"),
]
_TIME_CALL: list[Json] = [
    {"id": _FIRST, "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
]

PRESERVED = Row(
    name="reasoning that is preserved, from the provider's field and from content blocks",
    source="Model Studio docs, deep thinking (preserve_thinking), 2026-09",
    model="qwen3.8-max",
    messages=_PRESERVED,
    **short_answer(
        "qwen3.8-max",
        "等于",
        "三。",
        60,
        3,
        requests={
            "openai": openai_request(
                {
                    "model": "qwen3.8-max",
                    "messages": [
                        {"role": "user", "content": "1+1=?"},
                        {"role": "assistant", "content": "2", "reasoning_content": "嗯，简单。"},
                        {"role": "user", "content": "再加 1？"},
                        {
                            "role": "assistant",
                            "content": "",
                            "reasoning_content": "先查时间。",
                            "tool_calls": _TIME_CALL,
                        },
                        {"role": "tool", "content": "12:00", "tool_call_id": _FIRST},
                        {"role": "assistant", "content": ""},
                        {"role": "user", "content": "然后？"},
                    ],
                }
            ),
            "dashscope": dashscope_request(
                {
                    "model": "qwen3.8-max",
                    "input": {
                        "messages": [
                            {"role": "user", "content": [{"text": "1+1=?"}]},
                            {"role": "assistant", "content": [{"text": "2"}], "reasoning_content": "嗯，简单。"},
                            {"role": "user", "content": [{"text": "再加 1？"}]},
                            {
                                "role": "assistant",
                                "content": [],
                                "reasoning_content": "先查时间。",
                                "tool_calls": _TIME_CALL,
                            },
                            {"role": "tool", "content": [{"text": "12:00"}], "tool_call_id": _FIRST},
                            {"role": "assistant", "content": []},
                            {"role": "user", "content": [{"text": "然后？"}]},
                        ]
                    },
                    "parameters": {"result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
        },
    ),
)

_NOT_PRESERVED: list[Json] = [
    {"role": "user", "content": "1+1=?"},
    {"role": "assistant", "content": "2"},
    {"role": "user", "content": "再加 1？"},
]

REASONING_NOT_PRESERVED = Row(
    name="reasoning that is not preserved, and a parameter in extra_body",
    source="Model Studio docs, deep thinking (preserve_thinking), 2026-09",
    model="qwen3.8-max",
    messages=_PRESERVED[:3],
    fields={"extra_body": {"preserve_thinking": False}},
    **short_answer(
        "qwen3.8-max",
        "等于",
        "三。",
        30,
        3,
        requests={
            "openai": openai_request({"model": "qwen3.8-max", "messages": _NOT_PRESERVED, "preserve_thinking": False}),
            "dashscope": dashscope_request(
                {
                    "model": "qwen3.8-max",
                    "input": {
                        "messages": [
                            {"role": "user", "content": [{"text": "1+1=?"}]},
                            {"role": "assistant", "content": [{"text": "2"}]},
                            {"role": "user", "content": [{"text": "再加 1？"}]},
                        ]
                    },
                    "parameters": {"preserve_thinking": False, "result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
        },
    ),
)

_OTHER_PROVIDERS: list[Json] = [
    {"role": "user", "content": "天气？"},
    {
        "role": "assistant",
        "content": "Let me check.",
        "tool_calls": [
            {
                "id": "toolu_01",
                "type": "function",
                "function": {"name": "get_current_weather", "arguments": '{"location": "杭州"}'},
            }
        ],
    },
    {"role": "tool", "content": "多云", "tool_call_id": "toolu_01"},
    {
        "role": "assistant",
        "content": "多云。",
        "tool_calls": [{"id": "fc_2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}],
    },
    {"role": "tool", "content": "12:00", "tool_call_id": "fc_2"},
    {"role": "assistant", "content": "I'd rather not."},
    {"role": "user", "content": "好"},
]

OTHER_PROVIDERS_MESSAGES = Row(
    name="history of other providers: Anthropic blocks, standard blocks, an OpenAI refusal",
    source="langchain-anthropic 1.7, langchain-openai 1.7 and langchain-core 1.7 message formats, 2026-11",
    model="qwen-plus",
    messages=[
        HumanMessage("天气？"),
        AIMessage(
            [
                {"type": "thinking", "thinking": "I should look it up.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "eHh4"},
                {"type": "text", "text": "Let me check.", "citations": [{"type": "char_location"}]},
                {"type": "tool_use", "id": "toolu_01", "name": "get_current_weather", "input": {"location": "杭州"}},
            ],
            tool_calls=[{"name": "get_current_weather", "args": {"location": "杭州"}, "id": "toolu_01"}],
            response_metadata={"model_provider": "anthropic", "stop_reason": "tool_use"},
        ),
        ToolMessage([{"type": "text", "text": "多云"}], tool_call_id="toolu_01"),
        AIMessage(
            [
                {"type": "reasoning", "reasoning": "Now the time.", "id": "rs_1"},
                {"type": "text", "text": "多云。", "id": "msg_1", "annotations": [{"type": "citation", "url": "u"}]},
                {"type": "server_tool_call", "id": "ws_1", "name": "web_search", "args": {}},
                {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success"},
                {"type": "non_standard", "value": {"type": "x"}},
                {"type": "tool_call", "id": "fc_2", "name": "get_time", "args": {}},
            ],
            tool_calls=[{"name": "get_time", "args": {}, "id": "fc_2"}],
            response_metadata={"model_provider": "openai", "output_version": "v1"},
        ),
        ToolMessage("12:00", tool_call_id="fc_2"),
        AIMessage([{"type": "refusal", "refusal": "I'd rather not."}]),
        HumanMessage([{"type": "text", "text": "好", "id": "lc_1", "index": 0}]),
    ],
    **short_answer(
        "qwen-plus",
        "好",
        "的。",
        90,
        2,
        requests={
            "openai": openai_request({"model": "qwen-plus", "messages": _OTHER_PROVIDERS}),
            "dashscope": dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _OTHER_PROVIDERS},
                    "parameters": {"result_format": "message"},
                }
            ),
        },
    ),
)

ROWS = (TOOL_RESULTS, INVALID_CALL_IN_HISTORY, PRESERVED, REASONING_NOT_PRESERVED, OTHER_PROVIDERS_MESSAGES)
