"""Keeps the fields of an answer that this package does not know, each once even if a stream repeats them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._repeated_facts import StreamFacts
from langchain_qwen_workspace._wire._surrogates import repair_value

# Keys of `additional_kwargs` that this package gives a meaning of its own.
_OWN_NAMES = frozenset({"content_parts", "partial"})
_ABSENT: tuple[Any, ...] = (None, "", [], {})


def unknown_fields(raw: Json, known: frozenset[str]) -> Json:
    """Return the fields of a message or delta that this package does not know, as `additional_kwargs`.

    Args:
        raw: The message or the delta.
        known: The names of the fields that are read elsewhere.
    """
    if raw.keys() <= known:
        return {}
    kept = {name: value for name, value in raw.items() if name not in known and value not in _ABSENT}
    return {f"received_{name}" if name in _OWN_NAMES else name: value for name, value in kept.items()}


class UnknownFieldsOfStream:
    """Collects the unknown fields of a stream: only its end shows whether events repeat them or add to them."""

    def __init__(self) -> None:
        """Start without fields."""
        self._values: dict[str, list[Any]] = {}

    def add(self, fields: Json) -> None:
        """Add the unknown fields of one event."""
        for name, value in fields.items():
            self._values.setdefault(name, []).append(value)

    def merge(self) -> Json:
        """Return each field once."""
        return {name: repair_value(_merge(values)) for name, values in self._values.items()}


def _merge(values: Sequence[Any]) -> Any:
    """Return the values that the events of a stream had for a field as one value.

    Texts are joined, unless each repeats the one before it, perhaps with more at its end. Objects are merged by key and
    lists by item. Of other values, and of values of different types, the last one counts.
    """
    last = values[-1]
    if all(isinstance(value, str) for value in values):
        is_repeated = all(later.startswith(value) for value, later in pairwise(values))
        return last if is_repeated else "".join(values)
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _merge([value[name] for value in values if name in value]) for name in names}
    if all(isinstance(value, list) for value in values):
        facts = StreamFacts()
        for value in values:
            facts.add({"items": value})
        return facts.merged["items"]
    return last
