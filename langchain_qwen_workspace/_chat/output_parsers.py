"""Parses the object of structured output, and raises where LangChain's parsers return `None` or half an object."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    JsonOutputToolsParser,
    PydanticToolsParser,
)
from langchain_core.outputs import Generation
from langchain_core.utils.json import parse_json_markdown

from langchain_qwen_workspace.errors import StructuredOutputError


def _missing_tool_call_error() -> StructuredOutputError:
    return StructuredOutputError(
        "The model answered without the tool call that holds the object.",
        hint='Switch thinking off (`enable_thinking=False`), use `method="json_schema"` if the model supports it, or '
        "ask for the tool in the prompt.",
    )


class _RequireToolCall(JsonOutputToolsParser):
    """Raises where LangChain's parsers return `None`: a model that cannot be forced may answer without the call."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        parsed = super().parse_result(result, partial=partial)
        if parsed is None and not partial:
            raise _missing_tool_call_error()
        return parsed

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        is_empty = True
        for parsed in super()._transform(input):
            is_empty = False
            yield parsed
        if is_empty:
            raise _missing_tool_call_error()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002 - same
        is_empty = True
        async for parsed in super()._atransform(input):
            is_empty = False
            yield parsed
        if is_empty:
            raise _missing_tool_call_error()


class PydanticTool(_RequireToolCall, PydanticToolsParser):
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
        if not partial and (error := _incomplete_json_error([getattr(result[0], "message", result[0].text)])):
            raise error
        return super().parse_result(result, partial=partial)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        parts: list[str | BaseMessage] = []

        def record() -> Iterator[str | BaseMessage]:
            for part in input:
                parts.append(part)
                yield part

        yield from super()._transform(record())
        if error := _incomplete_json_error(parts):
            raise error

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002 - same
        parts: list[str | BaseMessage] = []

        async def record() -> AsyncIterator[str | BaseMessage]:
            async for part in input:
                parts.append(part)
                yield part

        async for parsed in super()._atransform(record()):
            yield parsed
        if error := _incomplete_json_error(parts):
            raise error


class PydanticText(_RequireCompleteJson, PydanticOutputParser[Any]):
    """Parses the text to an instance of a class."""

    pydantic_object: type[Any]


class DictText(_RequireCompleteJson):
    """Parses the text to a dict."""
