"""Paths, messages, tools and clients that the sandbox's tests share; the JSON is untyped, as it is sent."""

from __future__ import annotations

import json
from typing import Any

import openai

from langchain_qwen_workspace.sandbox import Sandbox, SandboxWorkspace

DASHSCOPE_TEXT = "/api/v1/services/aigc/text-generation/generation"
DASHSCOPE_MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
DASHSCOPE_EMBEDDINGS = "/api/v1/services/embeddings/text-embedding/text-embedding"
DASHSCOPE_MEDIA_EMBEDDINGS = "/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding"
DASHSCOPE_RERANK = "/api/v1/services/rerank/text-rerank/text-rerank"
OPENAI_CHAT = "/compatible-mode/v1/chat/completions"
OPENAI_EMBEDDINGS = "/compatible-mode/v1/embeddings"
OPENAI_RERANK = "/compatible-api/v1/reranks"
RESPONSES = "/compatible-mode/v1/responses"
CONVERSATIONS = "/compatible-mode/v1/conversations"

# The header that asks the DashScope protocol for a stream.
SSE = {"X-DashScope-SSE": "enable"}

# The answer to a user who says "Hello".
HELLO_ANSWER = 'This is the Model Studio sandbox, not a language model. You said: "Hello"'

# The smallest PNG: one pixel.
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def tool(name: str, description: str = "", **properties: Any) -> Any:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


WEATHER = tool("get_weather", "Get the weather of a city.", city={"type": "string"})
TIME = tool("get_time", "Get the time in a city.", city={"type": "string"})


def user(text: Any) -> Any:
    return {"role": "user", "content": text}


def tool_call_message(*calls: tuple[str, str]) -> Any:
    """Return an assistant message with tool calls, given as (id, arguments)."""
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
            for id_, arguments in calls
        ],
    }


def tool_result(call_id: str, text: str = "sunny") -> Any:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def openai_client_of(sandbox: Sandbox, workspace: SandboxWorkspace) -> openai.OpenAI:
    """Return the SDK's client for a workspace; it does not retry."""
    url = f"{sandbox.base_url}/compatible-mode/v1"
    return openai.OpenAI(api_key=workspace.api_key, base_url=url, max_retries=0)


def dot(left: list[float], right: list[float]) -> float:
    """Return the dot product, which is the cosine similarity of vectors of length one."""
    return sum(a * b for a, b in zip(left, right, strict=True))


def function_tool(chat_tool: Any) -> Any:
    """Return a tool of the chat protocols as the Responses protocol writes it."""
    return {"type": "function", **chat_tool["function"]}


def response_events(text: str) -> list[dict[str, Any]]:
    """Return the data of the events of a Responses stream."""
    data = [line.removeprefix("data:") for line in text.split("\n") if line.startswith("data:")]
    return [json.loads(line) for line in data]


def create_response(client: openai.OpenAI, given: Any, **more: Any) -> Any:
    """Create a response with the SDK."""
    return client.responses.create(**{"model": "qwen-plus", "input": given, **more})


def call_item(city: str, call_id: str) -> Any:
    """Return a call of `get_weather` as an input item."""
    arguments = json.dumps({"city": city})
    return {"type": "function_call", "call_id": call_id, "name": "get_weather", "arguments": arguments}


def result_item(call_id: str, text: str) -> Any:
    """Return a call's result as an input item."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}
