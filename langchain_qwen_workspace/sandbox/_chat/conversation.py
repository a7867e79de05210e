"""A chat request and its answers in a form that does not depend on the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_qwen_workspace.sandbox._models import ChatModel

Role = Literal["system", "user", "assistant", "tool"]
OutputFormat = Literal["text", "object", "schema"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call; `arguments` is JSON text, as in all protocols."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its joined text, and the kinds of its media."""

    role: Role
    text: str = ""
    media: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    partial: bool = False
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A generation request that has passed every check.

    Attributes:
        model: The requested model.
        messages: The conversation.
        tools: The tools on offer.
        tool_choice: `auto`, `none`, `required`, or the name of the tool to call.
        parallel: Whether the answer may have several tool calls.
        thinking: Whether the model reasons first.
        thinking_budget: The longest reasoning, in tokens.
        output_format: Text, any JSON object, or an object that fits a JSON schema.
        schema: The schema, if `output_format` is `schema`.
        stop: The texts before which the answer ends.
        max_answer: The longest answer, in tokens.
        max_total: The longest answer and reasoning together, in tokens.
        choices: The number of answers.
        logprobs: How many alternatives to list with each token; None for no log probabilities.
        target_language: The language that qwen-mt translates to.
        search: Whether to search the web.
        tool_stream: Whether `tool_stream` was sent.
        summarized: Whether a summary of the reasoning and its ciphertext are returned, instead of the reasoning.
    """

    model: ChatModel
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel: bool = False
    thinking: bool = False
    thinking_budget: int | None = None
    output_format: OutputFormat = "text"
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    max_answer: int | None = None
    max_total: int | None = None
    choices: int = 1
    logprobs: int | None = None
    target_language: str | None = None
    search: bool = False
    tool_stream: bool = False
    summarized: bool = False


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One answer: reasoning, then text or tool calls, whose ids `stream_steps.with_ids` sets."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls"] = "stop"
    ciphertext: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; `input` includes those of media, `output` those of reasoning."""

    input: int
    output: int
    reasoning: int
    media: tuple[tuple[str, int], ...]
