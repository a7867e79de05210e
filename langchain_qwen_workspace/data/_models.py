"""Reads the catalogue of models that the package has, `models.json`, and writes files in the same format.

The file is read once, when a model is first looked up. The sandbox reads it by a reader of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from langchain_qwen_workspace.data._profile import Profile
from langchain_qwen_workspace.data._row import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT_VERSION = 1

_SETS = frozenset({"protocols", "regions", "inputs", "outputs", "replayed_fields", "tool_choice", "cache"})
_TUPLES = frozenset({"reasoning_efforts", "dimensions"})
_DATES = frozenset({"as_of", "retired"})


@dataclass(frozen=True, slots=True, eq=False)
class CatalogueData:
    """A catalogue of models as a file has it.

    Attributes:
        date: The day up to which the facts were compared with their source.
        source: Where the facts are from.
        defaults: The fields that the models of a kind have unless their row says otherwise, as JSON values.
        rows: The row of each model, complete, by the model's name.
        versions: The facts of versions of models that differ from those of their model, by name.
        prices: The prices of each model in the words of the service's catalogue.
        region: The region of the prices.
    """

    date: date
    source: str
    defaults: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, Row]
    versions: Mapping[str, Row]
    prices: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    region: str | None = None


@lru_cache(maxsize=1)
def built_in_models() -> CatalogueData:
    """Return the package's own catalogue."""
    return to_catalogue_data(json.loads(built_in_text()))


def built_in_text() -> str:
    """Return the text of the package's own catalogue file."""
    return files(__package__).joinpath("models.json").read_text(encoding="utf-8")


def to_catalogue_data(data: Mapping[str, Any]) -> CatalogueData:
    """Return the content of a valid catalogue file.

    Args:
        data: The file's JSON.
    """
    as_of = date.fromisoformat(data["date"])
    defaults = data.get("defaults", {})
    return CatalogueData(
        date=as_of,
        source=data["source"],
        defaults=defaults,
        rows={
            name: {"as_of": as_of, **_to_row({**defaults.get(row.get("kind"), {}), **row})}
            for name, row in data["models"].items()
        },
        versions={name: {"as_of": as_of, **_to_row(row)} for name, row in data.get("versions", {}).items()},
        prices=data.get("prices", {}),
        region=data.get("region"),
    )


def _to_row(row: Mapping[str, Any]) -> Row:
    return {name: _to_value(name, value) for name, value in row.items() if name != "note"}  # type: ignore[return-value]  # the file was checked


def _to_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _SETS:
        return frozenset(value)
    if name in _TUPLES:
        return tuple(value)
    return date.fromisoformat(value) if name in _DATES else value


def to_json_row(profile: Profile, defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a model's row in a catalogue file: what differs from the defaults of its kind.

    Args:
        profile: The model's profile.
        defaults: The defaults of the file.
    """
    expected = {**_PERMISSIVE, **defaults.get(profile.kind or "", {}), "kind": None}
    row = {name: _to_json_value(getattr(profile, name)) for name in Row.__annotations__ if name != "as_of"}
    return {name: value for name, value in row.items() if value != expected[name]}


def _to_json_value(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if isinstance(value, date) else value


_PERMISSIVE: Mapping[str, Any] = {name: _to_json_value(getattr(Profile(), name)) for name in Row.__annotations__}


def format_catalogue(data: Mapping[str, Any]) -> str:
    """Return a catalogue file's JSON as text: an object per model, a field per line, lists within a line."""
    return _format(data, 0) + "\n"


def _format(value: Any, depth: int) -> str:
    if not value or not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    pad = "  " * depth
    items = (f"{pad}  {json.dumps(key, ensure_ascii=False)}: {_format(each, depth + 1)}" for key, each in value.items())
    return "{\n" + ",\n".join(items) + f"\n{pad}}}"
