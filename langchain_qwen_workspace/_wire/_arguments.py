"""Reads the arguments of tool calls: JSON as models write it, which may be invalid or cut off."""

import json
import math
from typing import Any

from langchain_core.utils.json import parse_partial_json

from langchain_qwen_workspace._wire._surrogates import has_lone_surrogate, may_escape_surrogates

_EMPTY = ("", "null")


def is_prefix_of_empty(arguments: str) -> bool:
    """Return whether arguments are, or may still become, blanks or `null`: some models' way to write no arguments."""
    return "null".startswith(arguments.strip())


def arguments_text(arguments: object) -> str:
    """Return a tool call's arguments as text; some models send `null` or an object instead of a string."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _parse(arguments: str) -> Any:
    # The standard library reads NaN and numbers that are too large, which cannot be written as JSON again.
    return json.loads(arguments, strict=False, parse_constant=_refuse_constant, parse_float=_finite_float)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits:.40} is too large a number")
    return number


def parse_arguments(name: str, arguments: str) -> tuple[dict[str, Any] | None, str | None]:
    """Return the arguments as an object, or `None` and what is wrong with them.

    Args:
        name: The tool's name, for the error.
        arguments: The arguments as JSON; blanks and `null` stand for an empty object.
    """
    try:
        # `strict=False`, as in LangChain: an unescaped line break in a string is accepted.
        parsed = {} if arguments.strip() in _EMPTY else _parse(arguments)
        is_broken = may_escape_surrogates(arguments) and has_lone_surrogate(parsed)
    except RecursionError:
        return None, f"The arguments of {name!r} are nested too deeply."
    except ValueError as error:
        return None, f"The arguments of {name!r} are not valid JSON: {error}."
    if is_broken:
        return None, f"The arguments of {name!r} have half of a surrogate pair, which is no character."
    if not isinstance(parsed, dict):
        return None, f"The arguments of {name!r} are of type {type(parsed).__name__}. Expected a JSON object."
    return parsed, None


def _is_completed_by_langchain(arguments: str) -> bool:
    try:
        return parse_partial_json(arguments) is not None
    except (ValueError, RecursionError):
        return False


def invalidating_suffix(arguments: str) -> str:
    """Return a suffix for invalid arguments that keeps their call invalid when LangChain merges the stream.

    LangChain completes partial JSON: a call cut off at `{"to": "all` would become valid, with `{"to": "all"}`. It never
    completes JSON with a bracket that closes nothing, so the suffix is such a bracket, after a quote if a string is
    open. Arguments that LangChain does not complete anyway get an empty suffix.
    """
    if not _is_completed_by_langchain(arguments):
        return ""
    open_brackets: list[str] = []
    in_string = escaped = False
    for char in arguments:
        if in_string:
            in_string = char != '"' or escaped
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            open_brackets.append("}" if char == "{" else "]")
        elif char in "}]" and open_brackets:
            open_brackets.pop()
    # After an open escape the first quote is part of the string, and the second one ends it.
    quote = '""' if escaped else '"' if in_string else ""
    return quote + ("]" if open_brackets[-1:] == ["}"] else "}")
