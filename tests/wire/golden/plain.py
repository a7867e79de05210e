# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
"""Rows of text: roles, unicode, limits, the older text format."""

from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage

from tests.wire.golden._row import (
    REQUEST_ID,
    Exchange,
    Facts,
    Json,
    Row,
    completion,
    completion_chunks,
    dashscope_request,
    dashscope_usage,
    delta,
    generation,
    generation_events,
    openai_request,
)

_PLAIN_USAGE: Json = {
    "prompt_tokens": 17,
    "completion_tokens": 8,
    "total_tokens": 25,
    "prompt_tokens_details": {"cached_tokens": 0},
}
_NONE_CACHED: Json = {"prompt_tokens_details": {"cached_tokens": 0}}

PLAIN = Row(
    name="plain text",
    source="openai stream recorded 2026-02-25 (role null, no finish_reason key), dashscope stream 2025-10",
    model="qwen-turbo",
    messages=[HumanMessage("Count to 3.")],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-turbo", "messages": [{"role": "user", "content": "Count to 3."}]}),
            response=completion("qwen-turbo", {"content": "1, 2, 3."}, "stop", _PLAIN_USAGE),
            events=completion_chunks(
                "qwen-turbo",
                {"logprobs": None, "delta": {"content": "", "role": "assistant"}},
                {"delta": {"content": "1", "role": None}},
                {"delta": {"content": ",", "role": None}},
                {"delta": {"content": " ", "role": None}},
                {"delta": {"content": "2, 3.", "role": None}},
                {"delta": {"content": "", "role": None}, "finish_reason": "stop"},
                usage=_PLAIN_USAGE,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-turbo",
                    "input": {"messages": [{"role": "user", "content": "Count to 3."}]},
                    "parameters": {"result_format": "message"},
                }
            ),
            response=generation({"content": "1, 2, 3."}, "stop", dashscope_usage(17, 8, **_NONE_CACHED)),
            events=generation_events(
                ({"content": "1"}, "null", dashscope_usage(17, 1, **_NONE_CACHED)),
                ({"content": ", 2"}, "null", dashscope_usage(17, 4, **_NONE_CACHED)),
                ({"content": ", 3."}, "null", dashscope_usage(17, 8, **_NONE_CACHED)),
                ({"content": ""}, "stop", dashscope_usage(17, 8, **_NONE_CACHED)),
            ),
        ),
    },
    facts=Facts(
        content="1, 2, 3.",
        usage={
            "input_tokens": 17,
            "output_tokens": 8,
            "total_tokens": 25,
            "input_token_details": {"cache_read": 0},
        },
    ),
)

_HISTORY: list[Json] = [
    {"role": "system", "content": "Answer in one word."},
    {"role": "user", "content": "Where is the West Lake?"},
    {"role": "assistant", "content": "Hangzhou"},
    {"role": "user", "content": "And the Bund?"},
    {"role": "assistant", "content": ""},
    {"role": "user", "content": "Well?\nWhere?"},
]

HISTORY = Row(
    name="system and history",
    source="Model Studio docs, chat completions and DashScope reference, 2026-09",
    model="qwen-plus",
    messages=[
        SystemMessage("Answer in one word."),
        HumanMessage("Where is the West Lake?"),
        AIMessage(
            "Hangzhou",
            additional_kwargs={"reasoning_content": "It is in Zhejiang."},
            response_metadata={"model_provider": "qwen_workspace", "finish_reason": "stop"},
        ),
        ChatMessage(content="And the Bund?", role="user"),
        AIMessage(""),
        HumanMessage([{"type": "text", "text": "Well?"}, "Where?"]),
    ],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-plus", "messages": _HISTORY}),
            response=completion(
                "qwen-plus",
                {"content": "Shanghai"},
                "stop",
                {"prompt_tokens": 40, "completion_tokens": 1, "total_tokens": 41},
            ),
            events=completion_chunks(
                "qwen-plus",
                delta({"content": "", "role": "assistant"}),
                delta({"content": "Shanghai"}),
                delta({"content": ""}, "stop"),
                usage={
                    "prompt_tokens": 40,
                    "completion_tokens": 1,
                    "total_tokens": 41,
                    "completion_tokens_details": None,
                },
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _HISTORY},
                    "parameters": {"result_format": "message"},
                }
            ),
            response=generation({"content": "Shanghai"}, "stop", dashscope_usage(40, 1)),
            events=generation_events(
                ({"content": "Shanghai"}, "null", dashscope_usage(40, 1)),
                ({"content": ""}, "stop", dashscope_usage(40, 1)),
            ),
        ),
    },
    facts=Facts(content="Shanghai", usage={"input_tokens": 40, "output_tokens": 1, "total_tokens": 41}),
)

# A line separator, a next-line control, a family of emoji with joiners, a combining accent, a byte-order mark.
_ODD = "西湖\u2028第二行\u0085第三行 👨\u200d👩\u200d👧 cafe\u0301 \ufeff\U0001f3de\ufe0f \\u2028 \"'<&"
_ODD_FIELDS: list[Json] = [{"role": "user", "content": f"重复：{_ODD}"}]

UNICODE = Row(
    name="unicode",
    source="Model Studio docs (Chinese samples), 2026-09; separators from the JSON and SSE standards",
    model="qwen-plus",
    messages=[HumanMessage(f"重复：{_ODD}")],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-plus", "messages": _ODD_FIELDS}),
            response=completion(
                "qwen-plus",
                {"content": _ODD},
                "stop",
                {"prompt_tokens": 31, "completion_tokens": 30, "total_tokens": 61},
            ),
            events=completion_chunks(
                "qwen-plus",
                delta({"content": "", "role": "assistant"}),
                delta({"content": "西湖\u2028第"}),
                delta({"content": "二行\u0085第三行 👨"}),
                delta({"content": "\u200d👩\u200d👧 cafe"}),
                delta({"content": "\u0301 \ufeff\U0001f3de"}),
                delta({"content": "\ufe0f \\u2028 \"'<&"}, "stop"),
                usage={"prompt_tokens": 31, "completion_tokens": 30, "total_tokens": 61},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _ODD_FIELDS},
                    "parameters": {"result_format": "message"},
                }
            ),
            response=generation({"content": _ODD}, "stop", dashscope_usage(31, 30)),
            events=generation_events(
                ({"content": "西湖"}, "null", dashscope_usage(31, 2)),
                ({"content": "\u2028第二行\u0085第三行 👨\u200d"}, "null", dashscope_usage(31, 12)),
                ({"content": "👩\u200d👧 cafe\u0301 \ufeff\U0001f3de\ufe0f \\"}, "null", dashscope_usage(31, 22)),
                ({"content": "u2028 \"'<&"}, "stop", dashscope_usage(31, 30)),
            ),
        ),
    },
    facts=Facts(content=_ODD, usage={"input_tokens": 31, "output_tokens": 30, "total_tokens": 61}),
)

_ESSAY: list[Json] = [{"role": "user", "content": "Write a 500 word essay"}]

LENGTH = Row(
    name="cut at the length limit",
    source="openai answer recorded 2026-02-25; DashScope reference, 2026-09",
    model="qwen-turbo",
    messages=[HumanMessage("Write a 500 word essay")],
    fields={"max_tokens": 2},
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-turbo", "messages": _ESSAY, "max_tokens": 2}),
            response=completion(
                "qwen-turbo",
                {"content": "**The"},
                "length",
                {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22},
            ),
            events=completion_chunks(
                "qwen-turbo",
                delta({"content": "", "role": "assistant"}),
                delta({"content": "**"}),
                delta({"content": "The"}, "length"),
                usage={"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-turbo",
                    "input": {"messages": _ESSAY},
                    "parameters": {"max_tokens": 2, "result_format": "message"},
                }
            ),
            response=generation({"content": "**The"}, "length", dashscope_usage(20, 2)),
            events=generation_events(
                ({"content": "**"}, "null", dashscope_usage(20, 1)),
                ({"content": "The"}, "length", dashscope_usage(20, 2)),
            ),
        ),
    },
    facts=Facts(
        content="**The",
        finish_reason="length",
        usage={"input_tokens": 20, "output_tokens": 2, "total_tokens": 22},
    ),
)

_SUM: list[Json] = [{"role": "user", "content": "请问 1+1 是多少？"}]

TEXT_FORMAT = Row(
    name="dashscope text format",
    source="dashscope answers of result_format text recorded 2025-06; the SDK shows `choices` as null beside it",
    model="qwen-max",
    messages=[HumanMessage("请问 1+1 是多少？")],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-max", "messages": _SUM}),
            response=completion(
                "qwen-max",
                {"content": "1+1等于2。"},
                "stop",
                {"prompt_tokens": 16, "completion_tokens": 6, "total_tokens": 22},
            ),
            events=completion_chunks(
                "qwen-max",
                delta({"content": "1+1等于"}),
                delta({"content": "2。"}),
                delta({}, "stop"),
                usage={"prompt_tokens": 16, "completion_tokens": 6, "total_tokens": 22},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-max",
                    "input": {"messages": _SUM},
                    "parameters": {"result_format": "message"},
                }
            ),
            response={
                "output": {"finish_reason": "stop", "text": "1+1等于2。"},
                "usage": dashscope_usage(16, 6),
                "request_id": REQUEST_ID,
            },
            events=[
                {
                    "output": {"choices": None, "finish_reason": "null", "text": "1+1等于"},
                    "usage": dashscope_usage(16, 4),
                    "request_id": REQUEST_ID,
                },
                {
                    "output": {"finish_reason": "stop", "text": "2。"},
                    "usage": dashscope_usage(16, 6),
                    "request_id": REQUEST_ID,
                },
            ],
        ),
    },
    facts=Facts(content="1+1等于2。", usage={"input_tokens": 16, "output_tokens": 6, "total_tokens": 22}),
)

_PARTIAL: list[Json] = [
    {"role": "user", "content": "请对“春天来了，大地”这句话进行续写", "name": "小王"},
    {"role": "assistant", "content": "春天来了，大地", "name": "诗人", "partial": True},
]

PARTIAL = Row(
    name="name and partial",
    source="dashscope request with `partial` recorded 2025; docs, partial mode, 2026-09",
    model="qwen-max",
    messages=[
        HumanMessage("请对“春天来了，大地”这句话进行续写", name="小王"),
        AIMessage("春天来了，大地", name="诗人", additional_kwargs={"partial": True}),
    ],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-max", "messages": _PARTIAL}),
            response=completion(
                "qwen-max",
                {"content": "仿佛从漫长的冬眠中苏醒过来。"},
                "stop",
                {"prompt_tokens": 34, "completion_tokens": 12, "total_tokens": 46},
            ),
            events=completion_chunks(
                "qwen-max",
                delta({"content": "仿佛从漫长的"}),
                delta({"content": "冬眠中苏醒过来。"}, "stop"),
                usage={"prompt_tokens": 34, "completion_tokens": 12, "total_tokens": 46},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-max",
                    "input": {"messages": _PARTIAL},
                    "parameters": {"result_format": "message"},
                }
            ),
            response=generation({"content": "仿佛从漫长的冬眠中苏醒过来。"}, "stop", dashscope_usage(34, 12)),
            events=generation_events(
                ({"content": "仿佛从漫长的冬眠中"}, "null", dashscope_usage(34, 8)),
                ({"content": "苏醒过来。"}, "stop", dashscope_usage(34, 12)),
            ),
        ),
    },
    facts=Facts(
        content="仿佛从漫长的冬眠中苏醒过来。",
        usage={"input_tokens": 34, "output_tokens": 12, "total_tokens": 46},
    ),
)

ROWS = (PLAIN, HISTORY, UNICODE, LENGTH, TEXT_FORMAT, PARTIAL)
