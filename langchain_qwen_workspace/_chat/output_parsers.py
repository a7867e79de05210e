"""Parses the object of structured output, and raises where LangChain's parsers return `None` or half an object."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    JsonOutputToolsParser,
    PydanticToolsParser,
)
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.utils.json import parse_json_markdown

from langchain_qwen_workspace._chat.missing_object import find_called_tools, missing_tool_call_error, other_tools_error
from langchain_qwen_workspace.errors import StructuredOutputError


class _RequireToolCall(JsonOutputToolsParser):
    """Raises where LangChain's parsers return `None`: a model that cannot be forced may answer without the call."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        parsed = super().parse_result(result, partial=partial)
        if parsed is None and not partial:
            raise missing_tool_call_error(_messages(result))
        return parsed

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        parts: list[str | BaseMessage] = []
        is_empty = True
        for parsed in super()._transform(_record(input, parts)):
            is_empty = False
            yield parsed
        if is_empty:
            raise missing_tool_call_error(parts)

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002 - same
        parts: list[str | BaseMessage] = []
        is_empty = True
        async for parsed in super()._atransform(_arecord(input, parts)):
            is_empty = False
            yield parsed
        if is_empty:
            raise missing_tool_call_error(parts)


def _messages(result: Sequence[Generation]) -> list[str | BaseMessage]:
    return [getattr(result[0], "message", result[0].text)]


def _record(input: Iterator[str | BaseMessage], parts: list[str | BaseMessage]) -> Iterator[str | BaseMessage]:  # noqa: A002 - LangChain's name
    for part in input:
        parts.append(part)
        yield part


async def _arecord(
    input: AsyncIterator[str | BaseMessage],  # noqa: A002 - same
    parts: list[str | BaseMessage],
) -> AsyncIterator[str | BaseMessage]:
    async for part in input:
        parts.append(part)
        yield part


class _CallsOfOneTool(PydanticToolsParser):
    """Leaves out the calls of other tools, as LangChain's parser of dicts does."""

    key_name: str
    """The name of the class's tool."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        generation = result[0]
        if isinstance(generation, ChatGeneration) and isinstance(message := generation.message, AIMessage):
            calls = [call for call in message.tool_calls if call["name"] == self.key_name]
            result = [generation.model_copy(update={"message": message.model_copy(update={"tool_calls": calls})})]
        return super().parse_result(result, partial=partial)


class PydanticTool(_RequireToolCall, _CallsOfOneTool):
    """Parses the tool call to an instance of a class."""


class DictTool(_RequireToolCall, JsonOutputKeyToolsParser):
    """Parses the tool call to a dict."""


def _incomplete_json_error(parts: Sequence[str | BaseMessage]) -> StructuredOutputError | None:
    """Return the error of an answer that is not one complete JSON value; `None` if it is."""
    text = "".join(part if isinstance(part, str) else part.text for part in parts)
    try:
        parse_json_markdown(text, parser=partial(json.loads, strict=False))
    except ValueError:
        pass
    else:
        return None
    if names := find_called_tools(parts):
        return other_tools_error(names)
    reasons = [part.response_metadata.get("finish_reason") for part in parts if isinstance(part, BaseMessage)]
    if "length" in reasons:
        return StructuredOutputError(
            "The JSON object was cut off, because the answer reached its token limit.",
            hint="Raise `max_tokens`, or ask for a smaller object.",
        )
    return StructuredOutputError(
        "The answer is not one complete JSON object.",
        hint='Use `method="json_schema"` or `"function_calling"` if the model supports it, and say in the prompt that '
        "the answer is nothing but JSON.",
    )


class _RequireCompleteJson(JsonOutputParser):
    """Raises where LangChain's parsers complete an object of which the model wrote only a part."""

    pydantic_object: type[Any] | None = None  # Again, since mypy's plugin cannot read LangChain's type variable here.

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        if not partial and (error := _incomplete_json_error(_messages(result))):
            raise error
        return super().parse_result(result, partial=partial)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        parts: list[str | BaseMessage] = []
        yield from super()._transform(_record(input, parts))
        if error := _incomplete_json_error(parts):
            raise error

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002 - same
        parts: list[str | BaseMessage] = []
        async for parsed in super()._atransform(_arecord(input, parts)):
            yield parsed
        if error := _incomplete_json_error(parts):
            raise error


class PydanticText(_RequireCompleteJson, PydanticOutputParser[Any]):
    """Parses the text to an instance of a class."""

    pydantic_object: type[Any]


class DictText(_RequireCompleteJson):
    """Parses the text to a dict."""
