"""The words both dialects translate to and from: what was asked, what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_qwen_workspace.sandbox._models import ChatModel

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` is JSON text, as on both wires."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message, its text joined and its media reduced to their kinds."""

    role: Role
    text: str = ""
    media: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    call_id: str | None = None
    partial: bool = False
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """A generation request that has passed every check.

    Attributes:
        model: The asked model's row.
        turns: The conversation.
        tools: The tools on offer.
        choice: `auto`, `none`, `required`, or the name of the tool to call.
        parallel: Whether several calls may be answered.
        thinking: Whether to reason first.
        thinking_budget: Longest reasoning, in tokens.
        form: No structured output, any JSON object, or a JSON schema's object.
        schema: The schema, if `form` is `schema`.
        stop: Texts to stop at.
        max_answer: Longest answer, in tokens.
        max_total: Longest answer and reasoning together, in tokens.
        choices: How many answers.
        logprobs: None, or how many alternatives to list with each token.
        target_language: What qwen-mt translates to.
        search: Whether to search the web.
        tool_stream: Whether `tool_stream` was sent.
    """

    model: ChatModel
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    parallel: bool = False
    thinking: bool = False
    thinking_budget: int | None = None
    form: Literal["text", "object", "schema"] = "text"
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    max_answer: int | None = None
    max_total: int | None = None
    choices: int = 1
    logprobs: int | None = None
    target_language: str | None = None
    search: bool = False
    tool_stream: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: reasoning, then text or calls. Call ids are the dialect's business."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    finish: Literal["stop", "length", "tool_calls"] = "stop"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; media and reasoning are parts of input and output."""

    input: int
    output: int
    reasoning: int
    media: tuple[tuple[str, int], ...]
