"""Structured output: a schema in, an object of it out, by the way that the model has for it."""

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


def method_for(schema: Schema | None, method: Method | None, profile: Profile) -> Method:
    """Return the method by which a schema is asked for.

    Args:
        schema: The schema.
        method: What the caller chose; `None` takes `json_schema` where the model follows one, else
            `function_calling`.
        profile: What the model is like.

    Raises:
        ConfigurationError: There is no schema, and the method needs one.
    """
    chosen: Method = method or ("json_schema" if profile.json_output == "schema" else "function_calling")
    if _is_format(schema) and chosen != "json_schema":
        raise ConfigurationError(
            f'`schema` is a `response_format` of the service, which only `method="json_schema"` sends; it is '
            f"{chosen!r}. Give the JSON schema itself."
        )
    if schema is not None and chosen != "json_mode" and not _is_format(schema):
        try:
            convert_to_openai_tool(schema)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"`schema` is {schema!r}, which cannot be written as a tool or a JSON schema: {error}. A JSON schema "
                "needs a `title`, by which the model is told of it."
            ) from error
    if schema is None and chosen != "json_mode":
        raise ConfigurationError(f'`schema` is None, which only `method="json_mode"` does without; it is {chosen!r}.')
    if chosen == "json_schema" and isinstance(schema, type) and _is_pydantic_v1(schema):
        if method:
            warnings.warn(
                f"{schema.__name__} is a class of pydantic v1, which has no JSON schema that the service follows: "
                'asked for by `method="function_calling"`.',
                stacklevel=3,
            )
        return "function_calling"
    return chosen


def _is_format(schema: Schema | None) -> bool:
    """Say whether a schema is the service's `response_format` already."""
    return isinstance(schema, dict) and schema.get("type") == "json_schema"


def _is_pydantic_v1(schema: type) -> bool:
    return is_basemodel_subclass(schema) and not issubclass(schema, BaseModel)


def parameters_for(schema: Schema | None, method: Method, *, strict: bool | None) -> dict[str, Any]:
    """Return what is bound to the model beside a tool: the format of the answer, and what tracers are told of it."""
    told = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}, "ls_structured_output_format": told}
    if method == "json_schema" and schema is not None:
        return {"response_format": _format(schema, strict=strict), "ls_structured_output_format": told}
    return {"ls_structured_output_format": told}


def _format(schema: Schema, *, strict: bool | None) -> dict[str, Any]:
    if isinstance(schema, dict) and _is_format(schema):
        return schema
    written = convert_to_json_schema(schema, strict=strict)
    # The service's own samples say `strict`, without which nothing is promised (docs, structured output, 2026-09).
    named = {"name": written["title"], "schema": written, "strict": strict is not False}
    if description := written.get("description"):
        named["description"] = description
    return {"type": "json_schema", "json_schema": named}


def tool_name(schema: Schema) -> str:
    """Return the name under which a schema is offered as a tool."""
    name: str = convert_to_openai_tool(schema)["function"]["name"]
    return name


def parser_for(schema: Schema | None, method: Method) -> OutputParserLike[Any]:
    """Return what makes the object of an answer: an instance for a pydantic class, else a dict."""
    pydantic = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    if method == "function_calling" and schema is not None:
        if pydantic is not None:
            return _PydanticTool(tools=[pydantic], first_tool_only=True)
        return _DictTool(key_name=tool_name(schema), first_tool_only=True)
    return _DictText() if pydantic is None else _PydanticText(pydantic_object=pydantic)


def with_raw(llm: Runnable[Any, BaseMessage], parser: OutputParserLike[Any]) -> Runnable[Any, Any]:
    """Return a chain that gives the answer beside the object, and the parser's error instead of raising it."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


def _nothing_came() -> StructuredOutputError:
    return StructuredOutputError(
        "The model answered without the tool call that holds the object.",
        hint='Let the model not think (`enable_thinking=False`), use `method="json_schema"` where it has that, or '
        "ask in the prompt for the tool.",
    )


class _MustCome(JsonOutputToolsParser):
    """Fails by name where LangChain's parsers give `None`: a model that cannot be forced may just talk."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        parsed = super().parse_result(result, partial=partial)
        if parsed is None and not partial:
            raise _nothing_came()
        return parsed

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        came = False
        for parsed in super()._transform(input):
            came = True
            yield parsed
        if not came:
            raise _nothing_came()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002 - same
        came = False
        async for parsed in super()._atransform(input):
            came = True
            yield parsed
        if not came:
            raise _nothing_came()


class _PydanticTool(_MustCome, PydanticToolsParser):
    """The instance of a class that a tool call holds."""


class _DictTool(_MustCome, JsonOutputKeyToolsParser):
    """The dict that a tool call holds."""


def _cut_off(parts: Sequence[str | BaseMessage]) -> StructuredOutputError | None:
    """Return the error of an answer that is not one whole JSON value, `None` if it is one."""
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
            "The object was cut off, since it came to its limit of tokens.",
            hint="Raise `max_tokens`, or ask for a smaller object.",
        )
    return StructuredOutputError(
        "The answer is not one whole JSON object.",
        hint='Use `method="json_schema"` or `"function_calling"` where the model has it, and say in the prompt that '
        "nothing but JSON is wanted.",
    )


class _MustBeWhole(JsonOutputParser):
    """Fails by name where LangChain's parsers complete an object of which the model wrote only a part."""

    pydantic_object: type[Any] | None = None  # Anew, since mypy's plugin cannot read LangChain's type variable here.

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        if not partial and (error := _cut_off([getattr(result[0], "message", result[0].text)])):
            raise error
        return super().parse_result(result, partial=partial)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - LangChain's name
        parts: list[str | BaseMessage] = []

        def kept() -> Iterator[str | BaseMessage]:
            for part in input:
                parts.append(part)
                yield part

        yield from super()._transform(kept())
        if error := _cut_off(parts):
            raise error

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002 - same
        parts: list[str | BaseMessage] = []

        async def kept() -> AsyncIterator[str | BaseMessage]:
            async for part in input:
                parts.append(part)
                yield part

        async for parsed in super()._atransform(kept()):
            yield parsed
        if error := _cut_off(parts):
            raise error


class _PydanticText(_MustBeWhole, PydanticOutputParser[Any]):
    """The instance of a class that an answer's text holds."""

    pydantic_object: type[Any]


class _DictText(_MustBeWhole):
    """The dict that an answer's text holds."""
