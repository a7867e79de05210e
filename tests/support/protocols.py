"""How each protocol answers in tests: canned replies in its words, and models that speak it.

A new protocol is one subclass of `ProtocolStub` and one entry in `STUBS`; the fixtures follow.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from tests.support.server import Received, Reply, Server, json_reply, stream_reply

MakeModel: TypeAlias = Callable[..., ChatQwenWorkspace]

USAGE = {
    "input_tokens": 30,
    "output_tokens": 20,
    "total_tokens": 50,
    "input_token_details": {"cache_read": 8, "cache_creation": 5},
    "output_token_details": {"reasoning": 15},
}
"""The `usage_metadata` that every stub's `detailed_usage` stands for."""


class ProtocolStub(ABC):
    """Writes one protocol's replies and reads its requests."""

    protocol: ClassVar[ProtocolName]
    usage: ClassVar[Json]
    detailed_usage: ClassVar[Json]

    @property
    def is_dashscope(self) -> bool:
        return self.protocol == "dashscope"

    @abstractmethod
    def parameters(self, body: Json) -> Json:
        """Return the parameters of a request's body, wherever the protocol puts them."""

    @abstractmethod
    def messages(self, body: Json) -> list[Json]:
        """Return the messages of a request's body."""

    @abstractmethod
    def is_streamed(self, received: Received) -> bool:
        """Say whether a request asks for a stream."""

    @abstractmethod
    def body(self, message: Json, finish_reason: str, usage: Json, request_id: str = "req-body") -> Json:
        """Return a whole response."""

    @abstractmethod
    def event(self, delta: Json, finish_reason: str | None, usage: Json) -> bytes:
        """Return one frame of a stream."""

    @abstractmethod
    def ending(self, usage: Json) -> list[bytes]:
        """Return the frames that follow the last event."""

    @abstractmethod
    def frame(self, event: object) -> bytes:
        """Return an event as it is sent."""

    @abstractmethod
    def error_body(self, code: str | None, message: str, type_: str | None = None) -> Json:
        """Return the body of an error response."""

    def whole(self, text: str = "Hello", request_id: str = "req-body") -> Json:
        return self.body({"content": text}, "stop", self.usage, request_id)

    def answer(self, text: str = "Hello", *delays: float) -> Reply:
        return json_reply(self.whole(text), 200, *delays)

    def answer_with(self, message: Json, finish_reason: str = "stop", usage: Json | None = None) -> Reply:
        """Return a response with this message and, unless it is given, the detailed usage."""
        return json_reply(self.body(message, finish_reason, usage or self.detailed_usage))

    def delta(self, text: str, finish_reason: str | None = None) -> bytes:
        return self.event({"content": text}, finish_reason, self.usage)

    def frames(self, *texts: str) -> list[bytes]:
        return [*(self.delta(text) for text in texts), self.delta("", "stop"), *self.ending(self.usage)]

    def stream(self, *texts: str) -> Reply:
        return stream_reply(*self.frames(*(texts or ("Hel", "lo"))))

    def stream_of(self, deltas: Sequence[Json], finish_reason: str | None = "stop", usage: Json | None = None) -> Reply:
        """Return a stream with one event for each delta; without a `finish_reason` its end is missing."""
        usage = usage or self.detailed_usage
        frames = [self.event(delta, None, usage) for delta in deltas]
        if finish_reason is not None:
            frames += [self.event({"content": ""}, finish_reason, usage), *self.ending(usage)]
        return stream_reply(*frames)

    def parameters_sent(self, server: Server) -> Json:
        """Return the parameters of the last request."""
        return self.parameters(server.bodies[-1])

    def messages_sent(self, server: Server) -> list[Json]:
        """Return the messages of the last request."""
        return self.messages(server.bodies[-1])

    def reply_to(self, received: Received) -> Reply:
        """Return a whole response or a stream, whichever was asked for."""
        return self.stream() if self.is_streamed(received) else self.answer()

    def error(self, status: int, code: str | None, message: str, **headers: str) -> Reply:
        # No test waits for a retry longer than it has to.
        return json_reply(self.error_body(code, message), status).with_headers(retry_after_ms="1", **headers)

    def llm(self, server: Server | str, **fields: Any) -> ChatQwenWorkspace:
        base_url = server if isinstance(server, str) else server.url
        known: dict[str, Any] = {"api_key": "sk-test", "workspace_id": "ws-test", "region": "singapore"}
        known |= {"timeout": 60.0, "max_retries": 0}
        return ChatQwenWorkspace(
            **{"model": "qwen-plus", "protocol": self.protocol, "base_url": base_url, **known, **fields}
        )


class OpenAIStub(ProtocolStub):
    """The OpenAI-compatible protocol."""

    protocol = "openai"
    usage: ClassVar[Json] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    detailed_usage: ClassVar[Json] = {
        "prompt_tokens": 30,
        "completion_tokens": 20,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": None},
    }

    def parameters(self, body: Json) -> Json:
        return body

    def messages(self, body: Json) -> list[Json]:
        return list(body["messages"])

    def is_streamed(self, received: Received) -> bool:
        return bool(received.json.get("stream"))

    def body(self, message: Json, finish_reason: str, usage: Json, request_id: str = "req-body") -> Json:
        choice = {"finish_reason": finish_reason, "index": 0, "message": {"role": "assistant", **message}}
        return {"id": f"chatcmpl-{request_id}", "model": "qwen-plus", "choices": [choice], "usage": usage}

    def event(self, delta: Json, finish_reason: str | None, usage: Json) -> bytes:
        del usage
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return self.frame({"id": "chatcmpl-1", "model": "qwen-plus", "choices": [choice], "usage": None})

    def ending(self, usage: Json) -> list[bytes]:
        last = {"id": "chatcmpl-1", "model": "qwen-plus", "choices": [], "usage": usage}
        return [self.frame(last), b"data: [DONE]\n\n"]

    def frame(self, event: object) -> bytes:
        return b"data: %b\n\n" % json.dumps(event, ensure_ascii=False).encode()

    def error_body(self, code: str | None, message: str, type_: str | None = None) -> Json:
        error = {"message": message, "type": type_ or code, "param": None, "code": code}
        return {"error": error, "request_id": "req-body"}


class DashScopeStub(ProtocolStub):
    """The DashScope protocol, whose every event repeats the usage so far."""

    protocol = "dashscope"
    usage: ClassVar[Json] = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    detailed_usage: ClassVar[Json] = {
        "input_tokens": 30,
        "output_tokens": 20,
        "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 5},
        "output_tokens_details": {"reasoning_tokens": 15},
    }

    def parameters(self, body: Json) -> Json:
        parameters: Json = body["parameters"]
        return parameters

    def messages(self, body: Json) -> list[Json]:
        return list(body["input"]["messages"])

    def is_streamed(self, received: Received) -> bool:
        return received.headers.get("x-dashscope-sse") == "enable"

    def body(self, message: Json, finish_reason: str, usage: Json, request_id: str = "req-body") -> Json:
        choice = {"finish_reason": finish_reason, "index": 0, "message": {"role": "assistant", **message}}
        return {"output": {"choices": [choice]}, "usage": usage, "request_id": request_id}

    def event(self, delta: Json, finish_reason: str | None, usage: Json) -> bytes:
        choice = {"message": {"role": "assistant", **delta}, "finish_reason": finish_reason or "null"}
        return self.frame({"output": {"choices": [choice]}, "usage": usage, "request_id": "req-body"})

    def ending(self, usage: Json) -> list[bytes]:
        del usage
        return []

    def frame(self, event: object) -> bytes:
        return b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:%b\n\n" % json.dumps(event, ensure_ascii=False).encode()

    def error_body(self, code: str | None, message: str, type_: str | None = None) -> Json:
        del type_
        return {"code": code, "message": message, "request_id": "req-body"}


class ResponsesStub(ProtocolStub):
    """The Responses protocol, which is given messages and deltas in the form of chat."""

    protocol = "responses"
    usage: ClassVar[Json] = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    detailed_usage: ClassVar[Json] = {
        "input_tokens": 30,
        "output_tokens": 20,
        "total_tokens": 50,
        "input_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 5},
        "output_tokens_details": {"reasoning_tokens": 15},
    }

    def parameters(self, body: Json) -> Json:
        return body

    def messages(self, body: Json) -> list[Json]:
        return list(body["input"])

    def is_streamed(self, received: Received) -> bool:
        return bool(received.json.get("stream"))

    def body(self, message: Json, finish_reason: str, usage: Json, request_id: str = "req-body") -> Json:
        output: list[Json] = []
        if reasoning := message.get("reasoning_content"):
            summary = [{"type": "summary_text", "text": reasoning}]
            output.append({"id": "msg_r", "type": "reasoning", "summary": summary})
        if content := message.get("content"):
            parts = [{"type": "output_text", "text": content, "annotations": []}]
            output.append({"id": "msg_t", "type": "message", "role": "assistant", "content": parts})
        output += [
            {"id": f"fc_{call['id']}", "type": "function_call", "call_id": call["id"], **call["function"]}
            for call in message.get("tool_calls", ())
        ]
        return {
            "id": request_id,
            "object": "response",
            "model": "qwen-plus",
            "status": "incomplete" if finish_reason == "length" else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if finish_reason == "length" else None,
            "error": None,
            "output": output,
            "usage": usage,
        }

    def event(self, delta: Json, finish_reason: str | None, usage: Json) -> bytes:
        events: list[Json] = []
        if reasoning := delta.get("reasoning_content"):
            events.append({"type": "response.reasoning_text.delta", "item_id": "msg_r", "delta": reasoning})
        if content := delta.get("content"):
            events.append({"type": "response.output_text.delta", "item_id": "msg_t", "delta": content})
        for call in delta.get("tool_calls", ()):
            item_id, function = f"fc_{call['index']}", call["function"]
            if function.get("name"):
                item = {"id": item_id, "type": "function_call", "call_id": call["id"], "name": function["name"]}
                events.append({"type": "response.output_item.added", "item": item})
            arguments = {"item_id": item_id, "delta": function.get("arguments") or ""}
            events.append({"type": "response.function_call_arguments.delta", **arguments})
        if finish_reason is not None:
            response = {**self.body({}, finish_reason, usage), "output": []}
            events.append({"type": f"response.{response['status']}", "response": response})
        return b"".join(map(self.frame, events))

    def ending(self, usage: Json) -> list[bytes]:
        del usage
        return []

    def frame(self, event: object) -> bytes:
        type_ = event["type"] if isinstance(event, dict) and "type" in event else "error"
        data = json.dumps(event, ensure_ascii=False).encode()
        return b"id:1\nevent:%b\n:HTTP_STATUS/200\ndata:%b\n\n" % (type_.encode(), data)

    def error_body(self, code: str | None, message: str, type_: str | None = None) -> Json:
        error = {"message": message, "type": type_ or code, "param": None, "code": code}
        return {"error": error, "request_id": "req-body"}

    def llm(self, server: Server | str, **fields: Any) -> ChatQwenWorkspace:
        # `qwen-plus` has only basic compatibility, of which each call warns.
        return super().llm(server, **{"model": "qwen3.7-plus", **fields})


OPENAI, DASHSCOPE, RESPONSES = OpenAIStub(), DashScopeStub(), ResponsesStub()
STUBS: tuple[ProtocolStub, ...] = (OPENAI, DASHSCOPE)
PROTOCOLS: tuple[ProtocolName, ...] = tuple(stub.protocol for stub in STUBS)
EVERY_STUB: tuple[ProtocolStub, ...] = (*STUBS, RESPONSES)
"""The stubs of all protocols; `STUBS` has those of chat, with which most tests run."""


def stub_of(protocol: ProtocolName) -> ProtocolStub:
    """Return the stub of a protocol."""
    return next(stub for stub in EVERY_STUB if stub.protocol == protocol)


def reply_to_any(received: Received) -> Reply:
    """Answer in the protocol that was spoken."""
    return (DASHSCOPE if received.path.startswith("/api/v1") else OPENAI).reply_to(received)
