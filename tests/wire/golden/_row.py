# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
"""One row of the golden table, and the envelopes that every recorded answer of a protocol has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

Json = dict[str, Any]

TEXT_GENERATION = "/services/aigc/text-generation/generation"
MULTIMODAL_GENERATION = "/services/aigc/multimodal-generation/generation"

REQUEST_ID = "6f0c2e8a-1b7d-94a3-8c55-0e9d4b7a2f31"
COMPLETION_ID = f"chatcmpl-{REQUEST_ID}"
CREATED = 1770764906

WEATHER_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "获取现在的天气",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "要获取天气的省市名称，例如浙江省杭州市"},
            },
            "required": ["location"],
        },
    },
}
CLOCK_TOOL: Json = {
    "type": "function",
    "function": {"name": "get_time", "description": "Tell the time.", "parameters": {}},
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an answer says, in LangChain's words, whichever the protocol and the door.

    `invalid_tool_calls` leave out the error's text, which LangChain does not keep when it sums up a stream.
    """

    content: str = ""
    reasoning: str = ""
    tool_calls: Sequence[Json] = ()
    invalid_tool_calls: Sequence[Json] = ()
    usage: Json
    finish_reason: str = "stop"
    logprobs: Json | None = None

    @property
    def blocks(self) -> list[Json]:
        """The answer as LangChain's standard content blocks."""
        return [
            *([{"type": "reasoning", "reasoning": self.reasoning}] if self.reasoning else []),
            *([{"type": "text", "text": self.content}] if self.content else []),
            *({"type": "tool_call", **call} for call in self.tool_calls),
            *({"type": "invalid_tool_call", **call} for call in self.invalid_tool_calls),
        ]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A conversation and its answer, in LangChain's words and in both dialects.

    Attributes:
        name: What the row is about.
        source: Where the shapes were documented or recorded, and when.
        model: The model asked.
        messages: The conversation.
        fields: Parameters, under the names that `ChatQwenWorkspace` takes.
        tools: Tools bound to the model.
        tool_choice: The name of the tool that has to be called.
        openai_request: The whole JSON that goes to `/chat/completions` for a plain call.
        dashscope_path: The native route.
        dashscope_request: The whole JSON that goes there for a plain call.
        always_streams: Whether the model refuses plain calls, so that these are streamed as well.
        openai_answer: A plain answer of the compatible protocol.
        openai_events: The same answer in events.
        dashscope_answer: A plain answer of the native protocol.
        dashscope_events: The same answer in events.
        facts: What all four say.
    """

    name: str
    source: str
    model: str
    messages: Sequence[BaseMessage]
    fields: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Json] = ()
    tool_choice: str | None = None
    openai_request: Json
    dashscope_path: str = TEXT_GENERATION
    dashscope_request: Json
    always_streams: bool = False
    openai_answer: Json
    openai_events: Sequence[Json]
    dashscope_answer: Json
    dashscope_events: Sequence[Json]
    facts: Facts

    @property
    def parameters(self) -> Json:
        """The call's parameters under the service's names."""
        parameters: Json = {name: value for name, value in self.fields.items() if name != "extra_body"}
        parameters |= self.fields.get("extra_body", {})
        if self.tools:
            parameters["tools"] = list(self.tools)
        if self.tool_choice:
            parameters["tool_choice"] = {"type": "function", "function": {"name": self.tool_choice}}
        return parameters

    def request(self, protocol: str, *, stream: bool) -> Json:
        """Return the golden request, with what a stream asks for beside it."""
        stream = stream or self.always_streams
        if protocol == "openai":
            asked: Json = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
            return {**self.openai_request, **asked}
        asked = {"incremental_output": True} if stream else {}
        return {**self.dashscope_request, "parameters": {**self.dashscope_request["parameters"], **asked}}

    def answer(self, protocol: str) -> Json:
        return self.openai_answer if protocol == "openai" else self.dashscope_answer

    def events(self, protocol: str) -> Sequence[Json]:
        return self.openai_events if protocol == "openai" else self.dashscope_events


def completion(model: str, message: Json, finish_reason: str, usage: Json, **choice: Any) -> Json:
    """Return a plain answer of the compatible protocol (recordings, 2026-01 to 2026-08)."""
    return {
        "choices": [
            {
                "message": {"role": "assistant", **message},
                "finish_reason": finish_reason,
                "index": 0,
                "logprobs": None,
                **choice,
            }
        ],
        "object": "chat.completion",
        "usage": usage,
        "created": CREATED,
        "system_fingerprint": None,
        "model": model,
        "id": COMPLETION_ID,
    }


def completion_chunks(model: str, *choices: Json, usage: Json) -> list[Json]:
    """Return the events of the compatible protocol, the usage in a last one of its own (recordings, 2026-02)."""
    envelope = {
        "object": "chat.completion.chunk",
        "created": CREATED,
        "system_fingerprint": None,
        "model": model,
        "id": COMPLETION_ID,
    }
    chunks: list[Json] = [{"choices": [{**choice, "index": 0}], "usage": None, **envelope} for choice in choices]
    return [*chunks, {"choices": [], "usage": usage, **envelope}]


def delta(value: Json, finish_reason: str | None = None) -> Json:
    """Return a choice as most recordings have it."""
    return {"delta": value, "finish_reason": finish_reason, "logprobs": None}


def generation(message: Json, finish_reason: str, usage: Json, **choice: Any) -> Json:
    """Return a plain answer of the native protocol (recordings, 2025-07 to 2026-04)."""
    return {
        "output": {
            "choices": [{"finish_reason": finish_reason, "message": {"role": "assistant", **message}, **choice}]
        },
        "usage": usage,
        "request_id": REQUEST_ID,
    }


def generation_events(*steps: tuple[Json, str, Json]) -> list[Json]:
    """Return the events of the native protocol, each with a message, a finish reason and the usage so far."""
    return [generation(message, finish_reason, usage) for message, finish_reason, usage in steps]


def native_usage(input_tokens: int, output_tokens: int, **more: Any) -> Json:
    """Return the native count of the text family (recordings, 2025-10)."""
    return {
        "total_tokens": input_tokens + output_tokens,
        "output_tokens": output_tokens,
        "input_tokens": input_tokens,
        **more,
    }


def call_delta(index: int, id_: str, function: Json) -> Json:
    """Return one entry of `tool_calls`, whole or as a fragment; both protocols write it alike."""
    return {"index": index, "id": id_, "type": "function", "function": function}


def spoken(model: str, first: str, rest: str, input_tokens: int, output_tokens: int) -> Json:
    """Return the answers and the facts of a row that is only about what is asked: a few words, in two fragments."""
    multimodal = model.startswith(("qwen3.6", "qwen3.7", "qwen3.8"))
    count = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    }
    native = native_usage(input_tokens, output_tokens)

    def content(text: str) -> Json:
        return {"content": [{"text": text}] if multimodal else text}

    return {
        "openai_answer": completion(model, {"content": first + rest}, "stop", count),
        "openai_events": completion_chunks(
            model, delta({"content": first, "role": "assistant"}), delta({"content": rest}, "stop"), usage=count
        ),
        "dashscope_answer": generation(content(first + rest), "stop", native),
        "dashscope_events": generation_events(
            (content(first), "null", native_usage(input_tokens, 1)), (content(rest), "stop", native)
        ),
        "facts": Facts(
            content=first + rest,
            usage={
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "total_tokens": input_tokens + output_tokens,
            },
        ),
    }
