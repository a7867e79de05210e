"""Makes values that fit a JSON schema, filled with the literals of the prompt."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from langchain_qwen_workspace.sandbox._chat.prompt_literals import Literals, value_after
from langchain_qwen_workspace.sandbox._errors import parameter_error

_MAX_DEPTH = 8
_MAX_STEPS = 10_000
_MAX_TEXT = 100_000
# What a schema raises that has a wrong type somewhere, or that only an endless value would fit.
_UNUSABLE_SCHEMA_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
# Keywords that fix the value.
_FIXING_KEYWORDS = frozenset({"enum", "const"})
_TRUE = frozenset({"true", "yes", "on", "1", "是"})
_FALSE = frozenset({"false", "no", "off", "0", "否"})
_DEFAULT_BY_FORMAT = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00",
    "email": "sandbox@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def arguments(schema: Mapping[str, Any], literals: Literals) -> dict[str, Any]:
    """Return the arguments of a tool call: the required ones, and those for which the prompt has a value.

    Args:
        schema: The tool's parameters.
        literals: The prompt's literals; the function takes those it uses.

    Returns:
        The arguments.

    Raises:
        Refusal: If the schema is not valid, or only an endless value would fit it.
    """
    with _refuse_unusable_schemas():
        return _Builder(schema, literals, complete=False).object(schema, 0)


def instance(schema: Mapping[str, Any], literals: Literals) -> Any:
    """Return a value of a schema, with every property present.

    Args:
        schema: The response format's schema.
        literals: The prompt's literals; the function takes those it uses.

    Returns:
        The value.

    Raises:
        Refusal: If the schema is not valid, or only an endless value would fit it.
    """
    with _refuse_unusable_schemas():
        return _Builder(schema, literals, complete=True).value(schema, "answer", 0)


@contextmanager
def _refuse_unusable_schemas() -> Iterator[None]:
    try:
        yield
    except _UNUSABLE_SCHEMA_ERRORS:
        raise parameter_error("The schema is not valid, or no value of finite size fits it.") from None  # our text


class _Builder:
    """Builds a value; `complete` fills optional properties too."""

    def __init__(self, root: Mapping[str, Any], literals: Literals, *, complete: bool) -> None:
        self.root = root
        self.literals = literals
        self.complete = complete
        self.steps = 0

    def value(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        schema = self.resolve(schema, depth)
        if "const" in schema:
            return schema["const"]
        if options := schema.get("enum"):
            return self.choose_option(options, name)
        match _kind(schema):
            case "object":
                value: Any = self.object(schema, depth + 1)
            case "array":
                value = self.array(schema, name, depth + 1)
            case "integer" | "number" as kind:
                value = self.number(schema, name, whole=kind == "integer")
            case "boolean":
                value = self.boolean(schema, name)
            case "null":
                value = None
            case _:
                value = self.string(schema, name)
        return value

    def resolve(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """Return a schema without references, unions and `allOf`."""
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise ValueError("The schema is too large, or recursive without an end.")
        for _ in range(_MAX_DEPTH):
            if isinstance(reference := schema.get("$ref"), str):
                schema = {**_lookup(self.root, reference), **{k: v for k, v in schema.items() if k != "$ref"}}
            elif union := schema.get("anyOf") or schema.get("oneOf"):
                schema = self.choose_variant(union, depth)
            elif parts := schema.get("allOf"):
                merged = {k: v for k, v in schema.items() if k != "allOf"}
                for part in parts:
                    merged = _merge(merged, self.resolve(part, depth + 1))
                schema = merged
            else:
                break
        return schema

    def choose_variant(self, union: list[Mapping[str, Any]], depth: int) -> Mapping[str, Any]:
        """Return the variant whose fixed values the prompt names, else the first that is not null."""
        resolved = [self.resolve(variant, depth + 1) for variant in union]
        if depth >= _MAX_DEPTH and any(variant.get("type") == "null" for variant in resolved):
            return {"type": "null"}
        real = [variant for variant in resolved if variant.get("type") != "null"] or resolved
        text = self.literals.text.lower()
        for variant in real:
            if any(str(fixed).lower() in text for fixed in _fixed_values(variant)):
                return variant
        return real[0]

    def object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        schema = self.resolve(schema, depth)
        properties: Mapping[str, Any] = schema.get("properties") or {}
        required = schema.get("required") or ()
        filled: dict[str, Any] = {}
        for name, inner in properties.items():
            if name not in required and (depth > _MAX_DEPTH or not self.is_filled(name, inner)):
                continue
            filled[name] = self.value(inner, name, depth)
        return filled

    def is_filled(self, name: str, schema: Mapping[str, Any]) -> bool:
        """Return whether an optional property is filled: always in answers, in tool calls if the prompt names it."""
        if self.complete:
            return True
        options = self.resolve(schema, 0).get("enum") or ()
        text = self.literals.text.lower()
        named = value_after(name, self.literals.text) is not None
        return named or any(isinstance(o, str) and o.lower() in text for o in options)

    def array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        if prefix := schema.get("prefixItems"):
            return [self.value(item, name, depth) for item in prefix]
        items = self.resolve(schema.get("items") or {"type": "string"}, depth)
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if depth > _MAX_DEPTH:
            return []
        found: list[Any] = []
        kind = _kind(items)
        if kind in ("integer", "number") and not items.keys() & _FIXING_KEYWORDS:
            while len(found) < most and (number := self.literals.number(whole=kind == "integer")) is not None:
                found.append(number)
        elif kind == "string" and not items.keys() & _FIXING_KEYWORDS:
            found = self.literals.phrases()
        while len(found) < max(least, 1):
            found.append(self.value(items, name, depth))
        return found if most == math.inf else found[: int(most)]

    def choose_option(self, options: list[Any], name: str) -> Any:
        named = (value_after(name, self.literals.text) or "").lower()
        text = self.literals.text.lower()
        for option in options:
            if str(option).lower() == named:
                return option
        for option in options:
            if re.search(rf"(?<!\w){re.escape(str(option).lower())}(?!\w)", text):
                return option
        return options[0]

    def number(self, schema: Mapping[str, Any], name: str, *, whole: bool) -> float | int:
        value: float | int | None = None
        if (literal := value_after(name, self.literals.text)) is not None:
            value = _parse_number(literal, whole=whole)
        if value is None:
            value = self.literals.number(whole=whole)
        if value is None:
            value = schema.get("default") if isinstance(schema.get("default"), int | float) else 1
        return _clamp(schema, value or 0, whole=whole)

    def boolean(self, schema: Mapping[str, Any], name: str) -> bool:
        literal = value_after(name, self.literals.text)
        if literal is not None and literal.lower() in _TRUE | _FALSE:
            return literal.lower() in _TRUE
        return bool(schema.get("default", True))

    def string(self, schema: Mapping[str, Any], name: str) -> str:
        value = self.text_of_format(str(schema.get("format", ""))) or self.text(schema, name)
        if (least := schema.get("minLength", 0)) > _MAX_TEXT:
            raise ValueError(f"The text must be {least} characters long.")
        value = value.ljust(least, ".")
        return value[: int(schema.get("maxLength", len(value)))]

    def text_of_format(self, format_: str) -> str | None:
        if format_ in ("date", "date-time"):
            return self.literals.date(with_time=format_ == "date-time") or _DEFAULT_BY_FORMAT[format_]
        if format_ in ("email", "uri"):
            return self.literals.address(mail=format_ == "email") or _DEFAULT_BY_FORMAT[format_]
        return _DEFAULT_BY_FORMAT.get(format_)

    def text(self, schema: Mapping[str, Any], name: str) -> str:
        """Return the prompt's text for a property, or one that is recognizable as the sandbox's."""
        if (literal := value_after(name, self.literals.text)) is not None and not self.complete:
            return literal
        if (phrase := self.literals.phrase()) is not None:
            return phrase
        default = schema.get("default")
        return default if isinstance(default, str) else f"sandbox {name.replace('_', ' ')}"


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "string"


def _lookup(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Any = root
    # A JSON pointer (RFC 6901) in a URL's fragment: `#` is the whole schema.
    for part in unquote(reference).removeprefix("#").split("/")[1:]:
        found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _merge(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**left, **right}
    for key in ("properties", "required"):
        if key in left and key in right:
            both = left[key], right[key]
            merged[key] = {**both[0], **both[1]} if key == "properties" else [*both[0], *both[1]]
    return merged


def _fixed_values(schema: Mapping[str, Any]) -> list[Any]:
    inner = [schema, *(schema.get("properties") or {}).values()]
    return [v for part in inner for v in ([part["const"]] if "const" in part else part.get("enum") or [])]


def _parse_number(literal: str, *, whole: bool) -> float | int | None:
    try:
        return int(literal) if whole else float(literal)
    except ValueError:
        return None


def _clamp(schema: Mapping[str, Any], value: float, *, whole: bool) -> float | int:
    step = 1 if whole else 0.5
    if "minimum" in schema:
        value = max(value, schema["minimum"])
    if "maximum" in schema:
        value = min(value, schema["maximum"])
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        value = schema["exclusiveMinimum"] + step
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        value = schema["exclusiveMaximum"] - step
    if factor := schema.get("multipleOf"):
        value = math.ceil(value / factor) * factor
    return int(value) if whole else value
