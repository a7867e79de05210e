"""Reads JSON that a user passes as text; whatever is wrong with it is a `ConfigurationError` that names the line."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
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


def parse_json(
    text: str, what: str, object_pairs_hook: Callable[[Sequence[tuple[str, Any]]], Any] | None = None
) -> Any:
    """Return the value of a JSON text; numbers with a fraction or an exponent become exact decimals.

    Args:
        text: The text.
        what: What the text is, for the beginning of an error's message.
        object_pairs_hook: As for `json.loads`.

    Raises:
        ConfigurationError: The text is not valid JSON, is nested too deeply, or has a number out of range.
    """
    for token, depth in _tokens(text):
        if depth > _MAX_DEPTH:
            raise ConfigurationError(f"{what} is nested more than {_MAX_DEPTH} deep in {_line_of(token)}.")
        if token["number"] and not (len(token[0]) <= _MAX_DIGITS and is_in_range(Decimal(token[0]))):
            raise ConfigurationError(f"{what} has a number out of range in {_line_of(token)}.")
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=object_pairs_hook)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{what} is not valid JSON: {error}.") from None


def line_of_item(text: str, key: str, index: int) -> str:
    """Return the line in which an item of a list begins, such as `line 12`.

    Args:
        text: Valid JSON: an object that has the list.
        key: The name of the list in the object.
        index: The item's index in the list.
    """
    name: object = None
    items: list[re.Match[str]] = []
    for token, depth in _tokens(text):
        if depth == 1 and token[0].startswith('"'):
            name = json.loads(token[0])
        elif name == key and depth == 2 and token[0] == "[":  # noqa: PLR2004 - inside the object and the list
            items = []
        elif name == key and depth == 2 + (token[0] in "[{") and token[0] not in "]}":
            items.append(token)
    return _line_of(items[index])


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
