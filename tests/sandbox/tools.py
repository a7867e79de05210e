"""Tool definitions, messages and paths the sandbox's tests share; untyped JSON, as it goes over the wire."""

from __future__ import annotations

from typing import Any

TEXT = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL = "/api/v1/services/aigc/multimodal-generation/generation"
EMBEDDING = "/api/v1/services/embeddings/text-embedding/text-embedding"
MEDIA_EMBEDDING = "/api/v1/services/embeddings/multimodal-embedding/multimodal-embedding"
RERANK = "/api/v1/services/rerank/text-rerank/text-rerank"
CHAT = "/compatible-mode/v1/chat/completions"

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


def called(*calls: tuple[str, str]) -> Any:
    """An assistant message with calls given as (id, arguments)."""
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": id_, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
            for id_, arguments in calls
        ],
    }


def result(call_id: str, text: str = "sunny") -> Any:
    return {"role": "tool", "tool_call_id": call_id, "content": text}
