"""Converts tools and schemas to the service's format, as LangChain does, but without losing a part of them.

LangChain writes `{}` where a schema refers to itself, and empties objects of unknown keys under `strict=True`.
"""

from collections.abc import Iterator
from typing import Any

from langchain_core.tools import BaseTool, create_schema_from_function
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, PydanticInvalidForJsonSchema

from langchain_qwen_workspace._chat.typed_dicts import is_typed_dict, model_of_recursive
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import UnsupportedInputError


def to_openai_tool(tool: Any, *, strict: bool | None = None) -> Json:
    """Return a tool in the service's format.

    Args:
        tool: A function, a LangChain tool, a pydantic class, a typed dict, a JSON schema or another provider's dict.
        strict: Whether arguments must follow the schema exactly. Default: not sent.

    Raises:
        UnsupportedInputError: `strict` is true, and an object of the schema may have any keys.
        TypeError: The tool cannot be written as a JSON schema.
        ValueError: Likewise.
    """
    converted = _convert(tool)
    if strict is None or converted.get("type") != "function":
        return converted
    function = {"parameters": {"type": "object", "properties": {}}, **converted["function"]}
    if strict and (open_objects := sorted(set(_open_objects(function["parameters"], function["name"])))):
        raise UnsupportedInputError(
            f"`strict=True` needs objects whose keys are known, but {', '.join(map(repr, open_objects))} may have any "
            "keys. List the keys, as a pydantic class or a typed dict does, or leave `strict` out."
        )
    return {**converted, "function": {**function, **convert_to_openai_function(function, strict=strict)}}


def _convert(tool: Any) -> Json:
    if isinstance(tool, dict) and tool.get("type") == "function":
        # OpenAI's Responses has the function's keys beside the type.
        return tool if "function" in tool else {"type": "function", "function": convert_to_openai_function(tool)}
    schema = _schema_of(tool)
    if schema is None or not _is_recursive(schema, schema, (), set()):
        return convert_to_openai_tool(tool)
    parameters = dict(schema)
    if isinstance(root := _resolve(parameters.pop("$ref", ""), schema), dict):
        parameters = {**root, **parameters}
    name, description = parameters.get("title", ""), parameters.pop("description", "")
    if isinstance(tool, BaseTool):
        name, description = tool.name, tool.description
    parameters = _without_titles(parameters)
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _schema_of(tool: Any) -> Json | None:
    """Return the JSON schema of a tool's arguments; `None` if the tool is not written in Python."""
    try:
        if isinstance(tool, BaseTool):
            return _schema_of_class(tool.tool_call_schema)
        if is_typed_dict(tool):
            model = model_of_recursive(tool)
            return None if model is None else _schema_of_class(model)
        if isinstance(tool, type):
            return _schema_of_class(tool) if is_basemodel_subclass(tool) else None
        if callable(tool):
            return _schema_of_class(
                create_schema_from_function(
                    tool.__name__,
                    tool,
                    filter_args=(),
                    parse_docstring=True,
                    error_on_invalid_docstring=False,
                    include_injected=False,
                )
            )
    except PydanticInvalidForJsonSchema:
        # LangChain's error for it says more.
        return None
    return None


def _schema_of_class(given: Any) -> Json:
    if isinstance(given, dict):
        return given
    schema: Json = given.model_json_schema() if issubclass(given, BaseModel) else given.schema()
    return schema


# ------------------------------------------------------------------------------------------------ references


def _is_recursive(part: Any, schema: Json, path: tuple[str, ...], done: set[str]) -> bool:
    """Return whether a part of a schema leads back to itself.

    Args:
        part: The part.
        schema: The whole schema.
        path: The references that lead to the part.
        done: The references that were followed to their ends, to which more are added.
    """
    if isinstance(part, list):
        return any(_is_recursive(item, schema, path, done) for item in part)
    if not isinstance(part, dict):
        return False
    reference = part.get("$ref")
    if isinstance(reference, str) and reference not in done:
        if reference in path or reference == "#":
            return True
        if _is_recursive(_resolve(reference, schema), schema, (*path, reference), done):
            return True
        done.add(reference)
    inner = (value for key, value in part.items() if key not in {"$defs", "definitions"})
    return any(_is_recursive(value, schema, path, done) for value in inner)


def _resolve(reference: str, schema: Json) -> Any:
    """Return what a reference such as `#/$defs/Node` points to; `None` if it points to nothing here."""
    found: Any = schema
    for key in reference.removeprefix("#/").split("/"):
        found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _without_titles(part: Any, *, are_properties: bool = False) -> Any:
    """Return a part of a schema without the titles that pydantic makes from names."""
    if isinstance(part, list):
        return [_without_titles(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _without_titles(value, are_properties=key == "properties" and not are_properties)
        for key, value in part.items()
        if are_properties or key != "title"
    }


def _open_objects(schema: Any, path: str) -> Iterator[str]:
    """Yield the paths of the objects whose keys a schema does not list."""
    if not isinstance(schema, dict):
        return
    is_object = "object" in (schema.get("type") or ())
    if schema.get("additionalProperties") or (is_object and "properties" not in schema):
        yield path
    for name, value in (schema.get("properties") or {}).items():
        yield from _open_objects(value, f"{path}.{name}")
    for key in ("$defs", "definitions"):
        for name, value in (schema.get(key) or {}).items():
            yield from _open_objects(value, name)
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for value in schema.get(key) or ():
            yield from _open_objects(value, path)
    yield from _open_objects(schema.get("items"), path)
