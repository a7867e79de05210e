"""The arguments of a tool call: JSON as models write it, which may be broken or cut off."""

import json
from typing import Any

from langchain_core.utils.json import parse_partial_json


def arguments_text(arguments: object) -> str:
    """Return a tool call's arguments as the text that the model wrote; some models send `null` or the object."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def parsed_arguments(name: str, arguments: str) -> tuple[dict[str, Any] | None, str | None]:
    """Return the object that the arguments are, or what is wrong with them. No arguments are an empty object."""
    try:
        # Not strict, as LangChain: a bare line break in a string loses nothing.
        parsed = json.loads(arguments or "{}", strict=False)
    except RecursionError:
        return None, f"The arguments of {name!r} are nested too deeply."
    except ValueError as error:
        return None, f"The arguments of {name!r} are not JSON: {error}."
    if not isinstance(parsed, dict):
        return None, f"The arguments of {name!r} are {type(parsed).__name__}, not an object."
    return parsed, None


def _would_be_completed(arguments: str) -> bool:
    try:
        return parse_partial_json(arguments) is not None
    except (ValueError, RecursionError):
        return False


def invalidating_suffix(arguments: str) -> str:
    """Return what has to follow broken arguments in a stream so that LangChain's sum of it keeps the call invalid.

    LangChain completes broken JSON: a call cut off at `{"to": "all` would come out as valid, with `{"to": "all"}`.
    What it never completes is a bracket that closes nothing, so one is added, after a quote if a string is open.
    Nothing is added to what it would not complete anyway.
    """
    if not _would_be_completed(arguments):
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
    # After an open escape the first quote is part of the string, the second one ends it.
    quote = '""' if escaped else '"' if in_string else ""
    return quote + ("]" if open_brackets[-1:] == ["}"] else "}")
