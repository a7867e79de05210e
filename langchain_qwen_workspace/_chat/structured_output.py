"""Structured output: asks for an object of a schema by a method that the model supports, and parses the answer."""

import json
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.base import OutputParserLike
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    JsonOutputToolsParser,
    PydanticToolsParser,
)
from langchain_core.outputs import Generation
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.json import parse_json_markdown
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_qwen_workspace.errors import ConfigurationError, StructuredOutputError
from langchain_qwen_workspace.profiles import Profile

Method: TypeAlias = Literal["function_calling", "json_schema", "json_mode"]
Schema: TypeAlias = dict[str, Any] | type


def choose_method(schema: Schema | None, method: Method | None, profile: Profile) -> Method:
    """Return the method by which an object of a schema is requested.

    Args:
        schema: The schema.
        method: The caller's choice; `None` chooses `json_schema` if the model supports it, else `function_calling`.
        profile: The facts about the model.

    Raises:
        ConfigurationError: The schema cannot be used with the method.
    """
    chosen: Method = method or ("json_schema" if profile.json_output == "schema" else "function_calling")
    if _is_response_format(schema) and chosen != "json_schema":
        raise ConfigurationError(
            f'`schema` is a `response_format` of the service, which only `method="json_schema"` sends, but the method '
            f"is {chosen!r}. Pass the JSON schema itself."
        )
    if schema is not None and chosen != "json_mode" and not _is_response_format(schema):
        try:
            convert_to_openai_tool(schema)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"`schema` is {schema!r}, which cannot be written as a tool or a JSON schema: {error}. Expected a "
                "pydantic class, a typed dict, a tool's dict or a JSON schema with a `title`."
            ) from error
    if schema is None and chosen != "json_mode":
        raise ConfigurationError(
            f'`schema` is None, but `method={chosen!r}` needs one. Pass a schema, or use `method="json_mode"`.'
        )
    if chosen == "json_schema" and isinstance(schema, type) and _is_pydantic_v1(schema):
        if method:
            warnings.warn(
                f"{schema.__name__} is a class of pydantic v1, whose JSON schema the service does not support: "
                '`method="function_calling"` is used instead.',
                stacklevel=3,
            )
        return "function_calling"
    return chosen


def _is_response_format(schema: Schema | None) -> bool:
    """Return whether a schema is already a `response_format` of the service."""
    return isinstance(schema, dict) and schema.get("type") == "json_schema"


def _is_pydantic_v1(schema: type) -> bool:
    return is_basemodel_subclass(schema) and not issubclass(schema, BaseModel)


def parameters_for(schema: Schema | None, method: Method, *, strict: bool | None) -> dict[str, Any]:
    """Return the parameters to bind beside the tool: the response format, and what LangChain's tracers record."""
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}, "ls_structured_output_format": traced}
    if method == "json_schema" and schema is not None:
        return {"response_format": _to_response_format(schema, strict=strict), "ls_structured_output_format": traced}
    return {"ls_structured_output_format": traced}


def _to_response_format(schema: Schema, *, strict: bool | None) -> dict[str, Any]:
    if isinstance(schema, dict) and _is_response_format(schema):
        return schema
    converted = convert_to_json_schema(schema, strict=strict)
    # The service guarantees nothing without `strict`, and its samples set it (docs, structured output, 2026-09).
    json_schema = {"name": converted["title"], "schema": converted, "strict": strict is not False}
    if description := converted.get("description"):
        json_schema["description"] = description
    return {"type": "json_schema", "json_schema": json_schema}


def tool_name(schema: Schema) -> str:
    """Return the name of the tool that a schema is sent as."""
    name: str = convert_to_openai_tool(schema)["function"]["name"]
    return name


def parser_for(schema: Schema | None, method: Method) -> OutputParserLike[Any]:
    """Return the parser of the answer: to an instance if the schema is a pydantic class, else to a dict."""
    pydantic = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    if method == "function_calling" and schema is not None:
        if pydantic is not None:
            return _PydanticTool(tools=[pydantic], first_tool_only=True)
        return _DictTool(key_name=tool_name(schema), first_tool_only=True)
    return _DictText() if pydantic is None else _PydanticText(pydantic_object=pydantic)


def with_raw(llm: Runnable[Any, BaseMessage], parser: OutputParserLike[Any]) -> Runnable[Any, Any]:
    """Return a chain that returns the message, the object, and the parser's error instead of raising it."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


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


class _PydanticTool(_RequireToolCall, PydanticToolsParser):
    """Parses the tool call to an instance of a class."""


class _DictTool(_RequireToolCall, JsonOutputKeyToolsParser):
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


class _PydanticText(_RequireCompleteJson, PydanticOutputParser[Any]):
    """Parses the text to an instance of a class."""

    pydantic_object: type[Any]


class _DictText(_RequireCompleteJson):
    """Parses the text to a dict."""
