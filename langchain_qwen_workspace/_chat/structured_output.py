"""Structured output: asks for an object of a schema by a method that the model supports, and parses the answer."""

from collections.abc import Collection
from operator import itemgetter
from typing import Any, Literal, TypeAlias, get_args

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers.base import OutputParserLike
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_qwen_workspace._chat.schemas import to_openai_tool
from langchain_qwen_workspace._chat.typed_dicts import is_typed_dict
from langchain_qwen_workspace._suggestions import did_you_mean
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.errors import ConfigurationError, UnsupportedInputError
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
    if method not in (None, *get_args(Method)):
        known = get_args(Method)
        raise ConfigurationError(
            f"`method` is {method!r}.{did_you_mean(method, known)} Expected {', '.join(map(repr, known))}, or None for "
            "the best one that the model supports."
        )
    chosen: Method = method or ("json_schema" if profile.json_output == "schema" else "function_calling")
    if _is_response_format(schema) and chosen != "json_schema":
        raise ConfigurationError(
            f'`schema` is a `response_format` of the service, which only `method="json_schema"` sends, but the method '
            f"is {chosen!r}. Pass the JSON schema itself."
        )
    if schema is not None and chosen != "json_mode" and not _is_response_format(schema):
        try:
            to_openai_tool(schema)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"`schema` is {schema!r}, which cannot be written as a tool or a JSON schema: {error}. Expected a "
                "pydantic class, a typed dict, a tool's dict or a JSON schema with a `title`."
            ) from error
    if schema is None and chosen != "json_mode":
        raise ConfigurationError(
            f'`schema` is None, but `method="{chosen}"` needs a schema. Pass one, or use `method="json_mode"`.'
        )
    if chosen == "json_schema" and isinstance(schema, type) and _is_pydantic_v1(schema):
        if method:
            warn_user(
                f"{schema.__name__} is a class of pydantic v1, whose JSON schema the service does not support: "
                '`method="function_calling"` is used instead.'
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
    # LangChain converts the schema for its tracers, and recurses without end in a typed dict that is recursive.
    traceable = to_openai_tool(schema) if is_typed_dict(schema) else schema
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": traceable}
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}, "ls_structured_output_format": traced}
    if method == "json_schema" and schema is not None:
        return {"response_format": to_response_format(schema, strict=strict), "ls_structured_output_format": traced}
    return {"ls_structured_output_format": traced}


def check_no_response_format(parameters: Collection[str]) -> None:
    """Check that the parameters of a call leave the response format to the schema.

    Raises:
        ConfigurationError: They have one of their own.
    """
    if "response_format" in parameters:
        raise ConfigurationError(
            "`response_format` cannot be combined with `with_structured_output`, which sets it from `schema`. Pass the "
            "format as `schema`, or use `bind`."
        )


def to_response_format(given: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Return the service's `response_format` for a schema; a dict that is not a JSON schema is returned unchanged.

    Args:
        given: A pydantic class, a typed dict, a JSON schema, or a `response_format` of the service.
        strict: Whether the answer must follow the schema exactly. Default: yes.

    Raises:
        UnsupportedInputError: It is none of these.
    """
    if isinstance(given, dict) and given.get("type") != "object" and "properties" not in given:
        return given
    try:
        if isinstance(given, dict | type):
            return _schema_to_response_format(given, strict=strict)
    except UnsupportedInputError:
        raise
    except (TypeError, ValueError) as error:
        raise _response_format_error(given) from error
    raise _response_format_error(given)


def _response_format_error(given: object) -> UnsupportedInputError:
    return UnsupportedInputError(
        f"`response_format` is {given!r:.200}. Expected a pydantic class, a typed dict, a JSON schema with a `title`, "
        "or an object with a `type` of the service."
    )


def _schema_to_response_format(schema: Schema, *, strict: bool | None) -> dict[str, Any]:
    function = to_openai_tool(schema, strict=strict)["function"]
    converted = {"title": function["name"], **{key: function[key] for key in ("description",) if key in function}}
    converted |= function.get("parameters", {})
    # The service guarantees nothing without `strict`, and its samples set it (docs, structured output, 2026-09).
    json_schema = {"name": converted["title"], "schema": converted, "strict": strict is not False}
    if description := converted.get("description"):
        json_schema["description"] = description
    return {"type": "json_schema", "json_schema": json_schema}


def tool_name(schema: Schema) -> str:
    """Return the name of the tool that a schema is sent as."""
    name: str = to_openai_tool(schema)["function"]["name"]
    return name


def parser_for(schema: Schema | None, method: Method) -> OutputParserLike[Any]:
    """Return the parser of the answer: to an instance if the schema is a pydantic class, else to a dict."""
    # Imported when first used: LangChain's parsers take a tenth of the time of importing the chat model.
    from langchain_qwen_workspace._chat import output_parsers  # noqa: PLC0415 - see above

    pydantic = schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None
    if method == "function_calling" and schema is not None:
        if pydantic is not None:
            return output_parsers.PydanticTool(tools=[pydantic], key_name=tool_name(schema), first_tool_only=True)
        return output_parsers.DictTool(key_name=tool_name(schema), first_tool_only=True)
    return output_parsers.DictText() if pydantic is None else output_parsers.PydanticText(pydantic_object=pydantic)


def with_raw(llm: Runnable[Any, BaseMessage], parser: OutputParserLike[Any]) -> Runnable[Any, Any]:
    """Return a chain that returns the message, the object, and the parser's error instead of raising it."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")
