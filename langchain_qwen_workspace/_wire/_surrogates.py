"""Repairs texts with halves of surrogate pairs, which JSON can escape and UTF-8 cannot encode.

A server writes an emoji as two escaped halves, one of which may be missing or in the next event. An answer with such a
half could not be sent again.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from langchain_qwen_workspace._seam import Json

REPLACEMENT = "\ufffd"
"""Unicode's character for what cannot be represented."""

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def repair_surrogates(text: str) -> str:
    """Return a text whose halves of surrogate pairs are joined, or replaced where they have no other half."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def may_escape_surrogates(json_text: str) -> bool:
    """Return whether a JSON text escapes halves of surrogate pairs, perhaps in pairs."""
    return _ESCAPED_HALF.search(json_text) is not None


def is_utf8(value: object) -> bool:
    """Return whether a value can be serialized to JSON in UTF-8.

    `False` may have other causes than a lone surrogate; `has_lone_surrogate` finds out. This check is five times as
    fast for a message of some hundred characters.
    """
    try:
        to_json(value)
    except PydanticSerializationError:
        return False
    return True


def has_lone_surrogate(value: object) -> bool:
    """Return whether a text anywhere in a JSON value cannot be encoded in UTF-8."""
    match value:
        case str():
            return not value.isascii() and _HALF.search(value) is not None
        case dict():
            return any(has_lone_surrogate(key) or has_lone_surrogate(inner) for key, inner in value.items())
        case list() | tuple():
            return any(map(has_lone_surrogate, value))
        case _:
            return False


def repair_value(value: Any) -> Any:
    """Return a copy of a JSON value whose texts are repaired, at any depth.

    Values that cannot be serialized (a lone surrogate, deep nesting) are copied item by item, without recursion.
    """
    with suppress(ValueError):  # Also raised for a text that is nested more deeply than the parser allows.
        return from_json(to_json(value))
    copied = [value]
    unread: list[tuple[Any, Any, Any]] = [(copied, 0, value)]
    while unread:
        parent, key, item = unread.pop()
        match item:
            case str():
                parent[key] = repair_surrogates(item)
            case dict():
                names = [repair_surrogates(name) for name in item]
                parent[key] = fields = dict.fromkeys(names)
                unread += zip(repeat(fields), names, item.values(), strict=False)
            case list():
                parent[key] = items = [None] * len(item)
                unread += zip(repeat(items), range(len(item)), item, strict=False)
            case _:
                parent[key] = item
    return copied[0]


class SurrogateJoiner:
    """Joins the halves of surrogate pairs that arrive in two pieces of a text."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        """Start without a half."""
        self._half = ""

    def add(self, text: str) -> str:
        """Return a piece with the half before it, and without one at its end that may still find its other half."""
        if not text or (text.isascii() and not self._half):
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return repair_surrogates(text)

    def finish(self) -> str:
        """Return the replacement of a half whose other half did not arrive."""
        return REPLACEMENT if self._half else ""


def map_texts(additional_kwargs: Json, change: Callable[[str, str], str]) -> Json:
    """Return `additional_kwargs` with their texts changed, without texts that became empty.

    Args:
        additional_kwargs: Reasoning, refusals, audio with a transcript, and other values, whose halves are replaced.
        change: Takes a field's name and its text.
    """
    changed: Json = {}
    for name, value in additional_kwargs.items():
        if isinstance(value, str):
            if text := change(name, value):
                changed[name] = text
        elif name == "audio" and isinstance(value.get("transcript"), str):
            changed[name] = {**repair_value(value), "transcript": change(name, value["transcript"])}
        else:
            changed[name] = repair_value(value)
    return changed


class DeltaJoiner:
    """Joins halves of surrogate pairs in the texts beside the content of deltas."""

    def __init__(self) -> None:
        """Start without a half."""
        self._joiners: dict[str, SurrogateJoiner] = {}

    def add(self, additional_kwargs: Json) -> Json:
        """Return the `additional_kwargs` of a delta with the halves before them, and without those at their end."""
        return map_texts(additional_kwargs, self._add)

    def finish(self) -> Json:
        """Return the replacements of halves whose other halves did not arrive."""
        left = {name: text for name, joiner in self._joiners.items() if (text := joiner.finish())}
        return {name: {"transcript": text} if name == "audio" else text for name, text in left.items()}

    def _add(self, name: str, text: str) -> str:
        return self._joiners.setdefault(name, SurrogateJoiner()).add(text)


def repair_identity(call: Json) -> Json:
    """Return a tool call, or a fragment of one, whose id and name can be encoded in UTF-8."""
    id_, function = call.get("id"), call.get("function") or {}
    if not has_lone_surrogate([id_, function.get("name")]):
        return call
    return {**call, "id": repair_value(id_), "function": {**function, "name": repair_value(function.get("name"))}}
