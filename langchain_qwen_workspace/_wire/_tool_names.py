"""Sends tools and schemas whose names the service refuses under other names; the answer has the tools' own names."""

import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.data._tool_names import MAX_TOOL_NAME_LENGTH, RESERVED_TOOL_NAMES

_REFUSED = re.compile(r"[^A-Za-z0-9_-]+")
_NAME_LENGTH_BEFORE_CHECKSUM = MAX_TOOL_NAME_LENGTH - len("_00000000")


def rename_tools(parameters: Json, messages: Sequence[Json], *, reserves_names: bool) -> tuple[Json, Mapping[str, str]]:
    """Give every tool, and the schema of the answer, a name that the service accepts.

    A tool is named in the tools, in the choice and in the history.

    Args:
        parameters: The call's parameters, which are not changed.
        messages: The encoded messages, which are changed.
        reserves_names: Whether the server is Model Studio, which reserves names; other servers accept them.

    Returns:
        The parameters, and the tools' own names by the names that are sent instead.
    """
    parameters = _with_valid_schema_name(parameters)
    names = {named["name"] for named in _find_named(parameters, messages)}
    new_names = _new_names(names, RESERVED_TOOL_NAMES if reserves_names else ())
    if not new_names:
        return parameters, {}
    copied: Json = {key: deepcopy(parameters[key]) for key in ("tools", "tool_choice") if key in parameters}
    for named in _find_named(copied, messages):
        named["name"] = new_names.get(named["name"], named["name"])
    return {**parameters, **copied}, {new: own for own, new in new_names.items()}


def valid_tool_name(name: str) -> str:
    """Return a name of the form that the service accepts, the same one for the same name."""
    words = _REFUSED.sub("_", name)
    if words == name and len(name) <= MAX_TOOL_NAME_LENGTH:
        return name
    words = words.strip("_")
    # Another name must not become the same one, if this one loses letters.
    loses_letters = any(char.isalnum() and not char.isascii() for char in name)
    return _with_checksum(words, name) if loses_letters or not words or len(words) > MAX_TOOL_NAME_LENGTH else words


def _with_valid_schema_name(parameters: Json) -> Json:
    form: Json = parameters.get("response_format") or {}
    json_schema = form.get("json_schema")
    if not isinstance(json_schema, dict) or not isinstance(name := json_schema.get("name"), str):
        return parameters
    if valid_tool_name(name) == name:
        return parameters
    return {**parameters, "response_format": {**form, "json_schema": {**json_schema, "name": valid_tool_name(name)}}}


def _new_names(names: Collection[str], reserved: Collection[str]) -> dict[str, str]:
    """Return new names for those that the service refuses, none of which is the name of another tool."""
    new_names: dict[str, str] = {}
    for name in sorted(names):
        valid = valid_tool_name(name)
        new = f"{valid}_tool" if valid in reserved else valid
        if new != name:
            is_taken = new in names or new in new_names.values()
            new_names[name] = _with_checksum(new, name) if is_taken else new
    return new_names


def _with_checksum(words: str, name: str) -> str:
    checksum = zlib.crc32(name.encode(errors="surrogatepass"))
    return f"{words[:_NAME_LENGTH_BEFORE_CHECKSUM] or 'tool'}_{checksum:08x}"


def _find_named(parameters: Mapping[str, Any], messages: Sequence[Json]) -> Iterator[Json]:
    """Yield every object whose `name` is that of a tool."""
    tools = parameters.get("tools")
    for tool in (*(tools if isinstance(tools, list | tuple) else ()), parameters.get("tool_choice")):
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield function
    for message in messages:
        if calls := message.get("tool_calls"):
            yield from (call["function"] for call in calls if call["function"]["name"])
        if message["role"] == "tool" and isinstance(message.get("name"), str):
            yield message
