"""Rows about parameters, and about every shape in which tokens are counted."""

from langchain_core.messages import HumanMessage, SystemMessage

from tests.wire.golden._row import (
    MULTIMODAL_GENERATION,
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

_POEM: list[Json] = [{"role": "user", "content": "Write a short poem"}]
_SAMPLING: Json = {
    "temperature": 0.85,
    "top_p": 0.8,
    "top_k": 100,
    "presence_penalty": 1.2,
    "repetition_penalty": 1.1,
    "max_tokens": 1500,
    "seed": 1234,
    "stop": ["你好", "Observation:"],
    "logprobs": True,
    "top_logprobs": 1,
    "enable_thinking": False,
    "enable_search": True,
    "search_options": {"forced_search": True, "search_strategy": "turbo"},
    "response_format": {"type": "text"},
}
_MOON: Json = {
    "token": "Moon",
    "bytes": [77, 111, 111, 110],
    "logprob": -0.25,
    "top_logprobs": [{"token": "Moon", "bytes": [77, 111, 111, 110], "logprob": -0.25}],
}
_LIGHT: Json = {"token": "light", "bytes": [108], "logprob": 0.0, "top_logprobs": []}

SAMPLING = Row(
    name="every sampling parameter, and log probabilities",
    source="dashscope requests recorded 2025-07 (`logprobs` in the choice); docs of both protocols, 2026-09",
    model="qwen-plus",
    messages=[HumanMessage("Write a short poem")],
    fields=_SAMPLING,
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-plus", "messages": _POEM, **_SAMPLING}),
            response=completion(
                "qwen-plus",
                {"content": "Moonlight"},
                "stop",
                {"prompt_tokens": 16, "completion_tokens": 2, "total_tokens": 18},
                logprobs={"content": [_MOON, _LIGHT]},
            ),
            events=completion_chunks(
                "qwen-plus",
                delta({"content": "", "role": "assistant"}),
                {**delta({"content": "Moon"}), "logprobs": {"content": [_MOON]}},
                {**delta({"content": "light"}), "logprobs": {"content": [_LIGHT]}},
                {**delta({"content": ""}, "stop"), "logprobs": {"content": None}},
                usage={"prompt_tokens": 16, "completion_tokens": 2, "total_tokens": 18},
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-plus",
                    "input": {"messages": _POEM},
                    "parameters": {**_SAMPLING, "result_format": "message"},
                }
            ),
            response=generation(
                {"content": "Moonlight"}, "stop", dashscope_usage(16, 2), logprobs={"content": [_MOON, _LIGHT]}, index=0
            ),
            events=[
                generation({"content": "Moon"}, "null", dashscope_usage(16, 1), logprobs={"content": [_MOON]}),
                generation({"content": "light"}, "null", dashscope_usage(16, 2), logprobs={"content": [_LIGHT]}),
                generation({"content": ""}, "stop", dashscope_usage(16, 2), logprobs={"content": []}),
            ],
        ),
    },
    facts=Facts(
        content="Moonlight",
        usage={"input_tokens": 16, "output_tokens": 2, "total_tokens": 18},
        logprobs={"content": [_MOON, _LIGHT]},
    ),
)

_EPHEMERAL: Json = {"type": "ephemeral"}
_CACHED_MESSAGES: list[Json] = [
    {
        "role": "system",
        "content": [
            {"type": "text", "text": "You are a lawyer."},
            {"type": "text", "text": "<the contract>", "cache_control": _EPHEMERAL},
        ],
    },
    {"role": "user", "content": "Who signed it?"},
]
_CACHE_DETAILS: Json = {
    "cached_tokens": 2048,
    "cache_creation_input_tokens": 605,
    "cache_creation": {"ephemeral_5m_input_tokens": 605},
    "cache_type": "ephemeral",
}
_CACHE_COUNT: Json = {
    "prompt_tokens": 3019,
    "completion_tokens": 4,
    "total_tokens": 3023,
    "prompt_tokens_details": _CACHE_DETAILS,
    "completion_tokens_details": None,
}

EXPLICIT_CACHE = Row(
    name="explicit cache: a marked part of the prompt, and its usage",
    source="Model Studio docs, context cache, 2026-09",
    model="qwen3-max",
    messages=[
        SystemMessage(
            [
                {"type": "text", "text": "You are a lawyer."},
                {"type": "text", "text": "<the contract>", "cache_control": _EPHEMERAL},
            ]
        ),
        HumanMessage("Who signed it?"),
    ],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen3-max", "messages": _CACHED_MESSAGES}),
            response=completion("qwen3-max", {"content": "Both did."}, "stop", _CACHE_COUNT),
            events=completion_chunks(
                "qwen3-max",
                delta({"content": "Both "}),
                delta({"content": "did."}),
                delta({"content": ""}, "stop"),
                usage=_CACHE_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen3-max",
                    "input": {"messages": _CACHED_MESSAGES},
                    "parameters": {"result_format": "message"},
                }
            ),
            response=generation(
                {"content": "Both did."}, "stop", dashscope_usage(3019, 4, prompt_tokens_details=_CACHE_DETAILS)
            ),
            events=generation_events(
                ({"content": "Both "}, "null", dashscope_usage(3019, 2, prompt_tokens_details=_CACHE_DETAILS)),
                ({"content": "did."}, "stop", dashscope_usage(3019, 4, prompt_tokens_details=_CACHE_DETAILS)),
            ),
        ),
    },
    facts=Facts(
        content="Both did.",
        usage={
            "input_tokens": 3019,
            "output_tokens": 4,
            "total_tokens": 3023,
            "input_token_details": {"cache_read": 2048, "cache_creation": 605},
        },
    ),
)

_MARKED_MESSAGES: list[Json] = [
    {"role": "user", "content": [{"text": "<the contract>", "cache_control": _EPHEMERAL}, {"text": "Who signed it?"}]},
]
_EARLY_DETAILS: Json = {"cached_tokens": 1024, "cache_creation_input_tokens": 0}

EARLY_DETAILS = Row(
    name="usage whose details only the earlier dashscope events have, and a marked part for the multimodal family",
    source="dashscope events with `usage: {}` and with `prompt_tokens_details: {}` recorded 2025-10 and 2026-04",
    model="qwen3.6-plus",
    messages=[
        HumanMessage(
            [
                {"type": "text", "text": "<the contract>", "cache_control": _EPHEMERAL},
                {"type": "text", "text": "Who signed it?"},
            ]
        )
    ],
    exchanges={
        "openai": Exchange(
            openai_request(
                {
                    "model": "qwen3.6-plus",
                    "messages": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "text", "text": "<the contract>", "cache_control": _EPHEMERAL},
                                {"type": "text", "text": "Who signed it?"},
                            ],
                        }
                    ],
                }
            ),
            response=completion(
                "qwen3.6-plus",
                {"content": "Both.", "reasoning_content": "Two names."},
                "stop",
                {
                    "prompt_tokens": 1100,
                    "completion_tokens": 5,
                    "total_tokens": 1105,
                    "prompt_tokens_details": _EARLY_DETAILS,
                    "completion_tokens_details": {"reasoning_tokens": 3},
                },
            ),
            events=completion_chunks(
                "qwen3.6-plus",
                delta({"content": None, "reasoning_content": "Two names."}),
                delta({"content": "Both.", "reasoning_content": None}),
                delta({}, "stop"),
                usage={
                    "prompt_tokens": 1100,
                    "completion_tokens": 5,
                    "total_tokens": 1105,
                    "prompt_tokens_details": _EARLY_DETAILS,
                    "completion_tokens_details": {"reasoning_tokens": 3},
                },
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen3.6-plus",
                    "input": {"messages": _MARKED_MESSAGES},
                    "parameters": {"result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
            response=generation(
                {"content": [{"text": "Both."}], "reasoning_content": "Two names."},
                "stop",
                dashscope_usage(
                    1100,
                    5,
                    prompt_tokens_details=_EARLY_DETAILS,
                    output_tokens_details={"reasoning_tokens": 3, "text_tokens": 2},
                ),
            ),
            events=generation_events(
                ({"content": []}, "null", {}),
                (
                    {"content": [], "reasoning_content": "Two names."},
                    "null",
                    dashscope_usage(
                        1100, 3, prompt_tokens_details=_EARLY_DETAILS, output_tokens_details={"reasoning_tokens": 3}
                    ),
                ),
                ({"content": [{"text": "Both."}]}, "null", dashscope_usage(1100, 5, prompt_tokens_details={})),
                ({"content": []}, "stop", dashscope_usage(1100, 5, prompt_tokens_details=None)),
            ),
        ),
    },
    facts=Facts(
        content="Both.",
        reasoning="Two names.",
        usage={
            "input_tokens": 1100,
            "output_tokens": 5,
            "total_tokens": 1105,
            "input_token_details": {"cache_read": 1024, "cache_creation": 0},
            "output_token_details": {"reasoning": 3},
        },
    ),
)

_SEEN_COUNT: Json = {
    "prompt_tokens": 3613,
    "completion_tokens": 3,
    "total_tokens": 3616,
    "prompt_tokens_details": {"image_tokens": 3577, "text_tokens": 36, "cached_tokens": 1024},
}

SINGAPORE_VISION = Row(
    name="cached and image tokens beside the totals, and no total",
    source="dashscope count of a vision model recorded 2025; docs, context cache (Singapore), 2026-09",
    model="qwen-vl-plus",
    messages=[HumanMessage("And the dog?")],
    exchanges={
        "openai": Exchange(
            openai_request({"model": "qwen-vl-plus", "messages": [{"role": "user", "content": "And the dog?"}]}),
            response=completion("qwen-vl-plus", {"content": "It sits."}, "stop", _SEEN_COUNT),
            events=completion_chunks(
                "qwen-vl-plus",
                delta({"content": "It "}),
                delta({"content": "sits."}),
                delta({}, "stop"),
                usage=_SEEN_COUNT,
            ),
        ),
        "dashscope": Exchange(
            dashscope_request(
                {
                    "model": "qwen-vl-plus",
                    "input": {"messages": [{"role": "user", "content": [{"text": "And the dog?"}]}]},
                    "parameters": {"result_format": "message"},
                },
                path=MULTIMODAL_GENERATION,
            ),
            response=generation(
                {"content": [{"text": "It sits."}]},
                "stop",
                {"input_tokens": 3613, "output_tokens": 3, "image_tokens": 3577, "cached_tokens": 1024},
            ),
            events=generation_events(
                (
                    {"content": [{"text": "It "}]},
                    "null",
                    {"input_tokens": 3613, "output_tokens": 1, "image_tokens": 3577, "cached_tokens": 1024},
                ),
                (
                    {"content": [{"text": "sits."}]},
                    "stop",
                    {"input_tokens": 3613, "output_tokens": 3, "image_tokens": 3577, "cached_tokens": 1024},
                ),
            ),
        ),
    },
    facts=Facts(
        content="It sits.",
        usage={
            "input_tokens": 3613,
            "output_tokens": 3,
            "total_tokens": 3616,
            "input_token_details": {"cache_read": 1024, "image": 3577},
        },
    ),
)

ROWS = (SAMPLING, EXPLICIT_CACHE, EARLY_DETAILS, SINGAPORE_VISION)
