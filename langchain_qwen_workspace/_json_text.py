"""Reads JSON that a user passes as text; a `ConfigurationError` names the line of what is wrong."""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from langchain_qwen_workspace.errors import ConfigurationError

_MAX_DEPTH = 50
# Far more than a count or an amount needs. Python refuses to read integers of more than 4,300 digits, and to write
# a decimal such as 1e999999999 in full takes a gigabyte.
_MAX_DIGITS, _MAX_EXPONENT = 100, 30
# A string also ends at the end of the text, so that one without a closing quote is scanned only once.
_TOKEN = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|[a-zA-Z]+', re.DOTALL
)


def parse_json(text: str, what: str, *, unique_keys: bool = False) -> Any:
    """Return the value of a JSON text; numbers with a fraction or an exponent become exact decimals.

    Args:
        text: The text.
        what: What the text is, for the beginning of an error's message.
        unique_keys: Whether to refuse a key that is twice in one object. Default: the last one counts.

    Raises:
        ConfigurationError: The text is not valid JSON, is nested too deeply, has a number out of range, or a key twice.
    """
    for token, depth in _tokens(text):
        if depth > _MAX_DEPTH:
            raise ConfigurationError(f"{what} has more than {_MAX_DEPTH} nested levels in {_line_of(token)}.")
        if token["number"] and not (len(token[0]) <= _MAX_DIGITS and is_in_range(Decimal(token[0]))):
            raise ConfigurationError(f"{what} has a number out of range in {_line_of(token)}.")
    try:
        value = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{what} is not valid JSON: {error}.") from None
    if unique_keys:
        _check_unique_keys(text, what)
    return value


def _check_unique_keys(text: str, what: str) -> None:
    found = set()
    for path, token in _values(text):
        if path in found:
            raise ConfigurationError(
                f"{what} has {path[-1]!r} twice in one object, again in {_line_of(token)}. Expected each name once."
            )
        found.add(path)


def line_of(text: str, path: Sequence[str | int]) -> str:
    """Return the line in which a value begins, such as `line 12`; of a value that is not there, the one around it.

    Args:
        text: Valid JSON.
        path: The keys and indexes that lead to the value.
    """
    best, line = 0, "line 1"
    for here, token in _values(text):
        if len(here) >= best and here == tuple(path[: len(here)]):
            best, line = len(here), _line_of(token)
    return line


def _values(text: str) -> Iterator[tuple[tuple[str | int | None, ...], re.Match[str]]]:
    """Yield the path to each value of a valid JSON text, and where the value begins."""
    path: list[str | int | None] = []  # The key or index in each open object or list; `None` before an object's key.
    for token, _ in _tokens(text):
        if token[0] in "]}":
            path.pop()
        elif path and path[-1] is None:
            path[-1] = json.loads(token[0])
            continue
        else:
            yield tuple(path), token
            if token[0] in "[{":
                path.append(0 if token[0] == "[" else None)
                continue
        if path:
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None


def is_in_range(number: Decimal) -> bool:
    """Return whether a number is finite and can be written without an exponent in a few dozen digits."""
    return (
        number.is_finite() and len(number.as_tuple().digits) <= _MAX_DIGITS and abs(number.adjusted()) <= _MAX_EXPONENT
    )


def _tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield the strings, brackets, numbers and words of a JSON text, with the depth of nesting after each."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        yield token, depth


def _line_of(token: re.Match[str]) -> str:
    line = token.string.count("\n", 0, token.start()) + 1
    return f"line {line}"
