# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
"""One row of the golden table, and what the recorded requests and responses of each protocol have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_qwen_workspace._protocol_names import ProtocolName

Json = dict[str, Any]

CHAT_COMPLETIONS = "/chat/completions"
RESPONSES = "/responses"
TEXT_GENERATION = "/services/aigc/text-generation/generation"
MULTIMODAL_GENERATION = "/services/aigc/multimodal-generation/generation"

REQUEST_ID = "6f0c2e8a-1b7d-94a3-8c55-0e9d4b7a2f31"
COMPLETION_ID = f"chatcmpl-{REQUEST_ID}"
RESPONSE_ID = "0c842a11-5d2f-4b8e-9a57-7c1f0e6b3d42"
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
    """What an answer contains, in LangChain's types, on every protocol and in every way of calling.

    `invalid_tool_calls` have no `error`, which LangChain does not keep when it sums a stream.
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


@dataclass(frozen=True)
class SentRequest:
    """What one protocol sends for a row.

    Attributes:
        path: The route below the protocol's base URL.
        body: The whole JSON of a call that is not streamed.
        stream_body: The whole JSON of a streamed call.
    """

    path: str
    body: Json
    stream_body: Json


@dataclass(frozen=True)
class Exchange:
    """A row on one protocol.

    Attributes:
        request: What is sent.
        response: The whole response of a call that is not streamed.
        events: The same answer as the events of a stream.
    """

    request: SentRequest
    response: Json
    events: Sequence[Json]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A conversation and its answer, in LangChain's types and on each protocol that the row has.

    Attributes:
        name: What the row is about.
        source: Where the shapes were documented or recorded, and when.
        model: The model that is called.
        messages: The conversation.
        fields: Parameters, as arguments of `ChatQwenWorkspace`.
        tools: Tools that are bound to the model.
        tool_choice: The name of the tool whose call is forced.
        always_streams: Whether the model refuses calls that are not streamed, so that these are streamed as well.
        exchanges: The row on each protocol; a protocol may be missing.
        facts: What every response and every stream of events contains.
    """

    name: str
    source: str
    model: str
    messages: Sequence[BaseMessage]
    fields: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Json] = ()
    tool_choice: str | None = None
    always_streams: bool = False
    exchanges: Mapping[ProtocolName, Exchange]
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

    def path(self, protocol: ProtocolName) -> str:
        return self.exchanges[protocol].request.path

    def request(self, protocol: ProtocolName, *, stream: bool) -> Json:
        """Return the request's JSON, streamed if that is wanted or the model always streams."""
        request = self.exchanges[protocol].request
        return request.stream_body if stream or self.always_streams else request.body

    def response(self, protocol: ProtocolName) -> Json:
        return self.exchanges[protocol].response

    def events(self, protocol: ProtocolName) -> list[Json]:
        return list(self.exchanges[protocol].events)


def openai_request(body: Json) -> SentRequest:
    """Return the request of the openai protocol."""
    return SentRequest(CHAT_COMPLETIONS, body, {**body, "stream": True, "stream_options": {"include_usage": True}})


def dashscope_request(body: Json, path: str = TEXT_GENERATION) -> SentRequest:
    """Return the request of the dashscope protocol, to the endpoint that serves the model."""
    return SentRequest(path, body, {**body, "parameters": {**body["parameters"], "incremental_output": True}})


def responses_request(body: Json) -> SentRequest:
    """Return the request of the responses protocol."""
    return SentRequest(RESPONSES, body, {**body, "stream": True})


def response(model: str, output: Sequence[Json], usage: Json, **more: Any) -> Json:
    """Return a whole response of the responses protocol (Model Studio docs, Responses reference, 2026-10-23)."""
    return {
        "id": RESPONSE_ID,
        "object": "response",
        "created_at": CREATED,
        "model": model,
        "status": "completed",
        "error": None,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "output": list(output),
        "usage": usage,
        **more,
    }


def response_events(whole: Json, *events: Json) -> list[Json]:
    """Return the events of the responses protocol, the first and the last with a response (dump of 2026-10-23)."""
    queued = {**whole, "status": "queued", "model": "", "output": [], "usage": None}
    ends: list[Json] = [
        {"type": "response.created", "response": queued},
        {"type": "response.in_progress", "response": {**queued, "status": "in_progress"}},
        *events,
        {"type": f"response.{whole['status']}", "response": whole},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(ends)]


def item_events(item: Json, *deltas: tuple[str, str], index: int = 0) -> list[Json]:
    """Return the events of one output item.

    The `output_index` of its last event is another one than that of its first (official dump, 2026-10-23).

    Args:
        item: The item.
        deltas: The kind of each delta's event, such as `output_text`, and the delta.
        index: The item's position.
    """
    begun = {**item, "status": "in_progress"} | {key: empty for key, empty in _BEGUN.items() if key in item}
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *({"type": f"response.{kind}.delta", "delta": text, **place} for kind, text in deltas),
        {"type": "response.output_item.done", "output_index": index + 1, "item": item},
    ]


_BEGUN: Json = {"content": [], "summary": [], "arguments": "", "action": {"type": "search"}}


def completion(model: str, message: Json, finish_reason: str, usage: Json, **choice: Any) -> Json:
    """Return a whole response of the openai protocol (recordings, 2026-01 to 2026-08)."""
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
    """Return the events of the openai protocol; the last one has only the usage (recordings, 2026-02)."""
    envelope = {
        "object": "chat.completion.chunk",
        "created": CREATED,
        "system_fingerprint": None,
        "model": model,
        "id": COMPLETION_ID,
    }
    chunks: list[Json] = [{"choices": [{**choice, "index": 0}], "usage": None, **envelope} for choice in choices]
    return [*chunks, {"choices": [], "usage": usage, **envelope}]


def delta(message: Json, finish_reason: str | None = None) -> Json:
    """Return a choice of an event of the openai protocol, as in most recordings."""
    return {"delta": message, "finish_reason": finish_reason, "logprobs": None}


def generation(message: Json, finish_reason: str, usage: Json, **choice: Any) -> Json:
    """Return a whole response of the dashscope protocol (recordings, 2025-07 to 2026-04)."""
    return {
        "output": {
            "choices": [{"finish_reason": finish_reason, "message": {"role": "assistant", **message}, **choice}]
        },
        "usage": usage,
        "request_id": REQUEST_ID,
    }


def generation_events(*steps: tuple[Json, str, Json]) -> list[Json]:
    """Return the events of the dashscope protocol, each with a message, a finish reason and the usage so far."""
    return [generation(message, finish_reason, usage) for message, finish_reason, usage in steps]


def dashscope_usage(input_tokens: int, output_tokens: int, **more: Any) -> Json:
    """Return the usage of the dashscope protocol's text models (recordings, 2025-10)."""
    return {
        "total_tokens": input_tokens + output_tokens,
        "output_tokens": output_tokens,
        "input_tokens": input_tokens,
        **more,
    }


def call_delta(index: int, id_: str, function: Json) -> Json:
    """Return one entry of `tool_calls`, whole or a fragment, the same on both protocols."""
    return {"index": index, "id": id_, "type": "function", "function": function}


def short_answer(
    model: str,
    first: str,
    rest: str,
    input_tokens: int,
    output_tokens: int,
    *,
    requests: Mapping[ProtocolName, SentRequest],
) -> dict[str, Any]:
    """Return the exchanges and the facts of a row that is only about its request.

    Args:
        model: The model that answers.
        first: The first event's text.
        rest: The second event's text.
        input_tokens: The usage.
        output_tokens: The usage.
        requests: What is sent on each protocol.
    """
    total_tokens = input_tokens + output_tokens
    openai_usage = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": total_tokens,
    }
    usage = dashscope_usage(input_tokens, output_tokens)

    def message(text: str) -> Json:
        multimodal = requests["dashscope"].path == MULTIMODAL_GENERATION
        return {"content": [{"text": text}] if multimodal else text}

    answers: dict[ProtocolName, Callable[[], tuple[Json, Sequence[Json]]]] = {
        "openai": lambda: (
            completion(model, {"content": first + rest}, "stop", openai_usage),
            completion_chunks(
                model,
                delta({"content": first, "role": "assistant"}),
                delta({"content": rest}, "stop"),
                usage=openai_usage,
            ),
        ),
        "dashscope": lambda: (
            generation(message(first + rest), "stop", usage),
            generation_events(
                (message(first), "null", dashscope_usage(input_tokens, 1)), (message(rest), "stop", usage)
            ),
        ),
    }
    return {
        "exchanges": {protocol: Exchange(request, *answers[protocol]()) for protocol, request in requests.items()},
        "facts": Facts(
            content=first + rest,
            usage={"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": total_tokens},
        ),
    }
