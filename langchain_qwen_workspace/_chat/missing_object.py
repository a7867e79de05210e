"""Builds the errors for answers without the object that structured output asked for.

This is not in the module of the parsers, because importing that one builds pydantic classes, which takes time.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from langchain_qwen_workspace.errors import StructuredOutputError


def find_called_tools(parts: Sequence[str | BaseMessage]) -> list[str]:
    """Return the names of the tools that a message, or the chunks of one, calls."""
    calls: list[Any] = []
    for part in parts:
        if isinstance(part, AIMessage):
            calls += part.tool_call_chunks if isinstance(part, AIMessageChunk) else part.tool_calls
    return list(dict.fromkeys(call["name"] for call in calls if call["name"]))


def other_tools_error(names: Sequence[str]) -> StructuredOutputError:
    """Return the error of an answer that calls other tools instead."""
    return StructuredOutputError(
        f"The model called {', '.join(map(repr, names))} instead of answering with the object.",
        hint="Pass `include_raw=True` to get the message with the call, and ask again with the tool's result.",
    )


def missing_tool_call_error(parts: Sequence[str | BaseMessage]) -> StructuredOutputError:
    """Return the error of an answer, or of the chunks of one, that does not call the schema's tool."""
    if others := find_called_tools(parts):
        return other_tools_error(others)
    return StructuredOutputError(
        "The model answered without the tool call that holds the object.",
        hint='Switch thinking off (`enable_thinking=False`), use `method="json_schema"` if the model supports it, or '
        "ask for the tool in the prompt.",
    )
