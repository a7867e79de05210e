"""Reads catalogue files of users, which are checked: an error names the model, the field and the line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError, create_model

from langchain_qwen_workspace._json_text import line_of, parse_json
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.data._models import FORMAT_VERSION, CatalogueData, to_catalogue_data
from langchain_qwen_workspace.data._row import Kind, Row
from langchain_qwen_workspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A count of tokens, rows or images is at least 1.
_CHECKED_TYPES: Mapping[Any, Any] = {int: PositiveInt, tuple[int, ...]: tuple[PositiveInt, ...]}
_Name = Annotated[str, Field(pattern=r"\S")]


class _Price(BaseModel):
    model_config = ConfigDict(strict=True)

    type: str
    price: Annotated[Decimal, Field(ge=0, le=10**12)]


class _PriceGroup(BaseModel):
    model_config = ConfigDict(strict=True)

    prices: list[_Price]


def read_catalogue_file(path: str | Path) -> CatalogueData:
    """Return the content of a catalogue file.

    Raises:
        ConfigurationError: The file cannot be read, or is not valid; the error names the file, and the model, the field
            and the line.
    """
    what = f"The catalogue file {str(path)!r}"
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{what} cannot be read: {error}.") from None
    return to_catalogue_data(check_catalogue_text(text, what))


def check_catalogue_text(text: str, what: str) -> dict[str, Any]:
    """Return the JSON of a catalogue file.

    Args:
        text: The file's text.
        what: What the text is, for the beginning of an error's message.

    Raises:
        ConfigurationError: The text is not a valid catalogue.
    """
    data = parse_json(text, what, unique_keys=True)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{what} is a {type(data).__name__}. Expected an object with `version` and `models`.")
    if (version := data.get("version")) != FORMAT_VERSION or isinstance(version, bool):
        raise ConfigurationError(
            f"{what} has the version {version!r} in {line_of(text, ['version'])}, which this package cannot read. "
            f"Expected {FORMAT_VERSION}: write the file again with `qwen-workspace models --refresh`."
        )
    try:
        _file_type().validate_json(text, strict=True)
    except ValidationError as error:
        found = [(line["loc"], line["msg"]) for line in error.errors(include_url=False)]
        raise _invalid(what, text, found) from None
    if found := [*_find_same_names(data), *_find_wrong_defaults(data)]:
        raise _invalid(what, text, found)
    return data


@lru_cache(maxsize=1)
def _file_type() -> TypeAdapter[Any]:
    """Return what checks a file; a row has the fields of `Row`, and a note."""
    config = ConfigDict(extra="forbid", strict=True)
    types = get_type_hints(Row, localns={"date": date, "ProtocolName": ProtocolName})
    fields: dict[str, Any] = {name: (_CHECKED_TYPES.get(type_, type_), None) for name, type_ in types.items()}
    row = create_model("Row", __config__=config, note=(str, ""), **fields)
    rows = dict[_Name, row]
    file = create_model(
        "CatalogueFile",
        __config__=config,
        version=(Literal[1], ...),
        date=(date, ...),
        source=(_Name, ...),
        region=(str | None, None),
        notes=(list[str], []),
        defaults=(dict[Kind, row], {}),
        models=(rows, ...),
        versions=(rows, {}),
        prices=(dict[_Name, list[_PriceGroup]], {}),
    )
    return TypeAdapter(file)


def _find_same_names(data: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    seen: dict[str, str] = {}
    found: list[tuple[tuple[str | int, ...], str]] = []
    for name in data["models"]:
        key = name.strip().lower()
        if key in seen:
            found.append((("models", name), f"The model is there twice, also as {seen[key]!r}"))
        seen[key] = name
    return found


def _find_wrong_defaults(data: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    return [
        (("models", name, "default_dimension"), f"Expected one of the `dimensions`, {row['dimensions']}")
        for name, row in data["models"].items()
        if row.get("dimensions") and row.get("default_dimension", row["dimensions"][0]) not in row["dimensions"]
    ]


def _invalid(what: str, text: str, found: Sequence[tuple[tuple[str | int, ...], str]]) -> ConfigurationError:
    """Return an error that says what is wrong at which places of the file."""
    lines = "; ".join(f"{_format_location(path)} in {line_of(text, path)}: {message}" for path, message in found)
    models = {str(path[1]) for path, _ in found if _is_in_model(path)}
    return ConfigurationError(f"{what} is not valid: {lines}.", model=models.pop() if len(models) == 1 else None)


def _is_in_model(path: Sequence[str | int]) -> bool:
    return len(path) > 1 and path[0] in {"models", "versions", "prices"}


def _format_location(path: Sequence[str | int]) -> str:
    if not _is_in_model(path):
        return f"`{'.'.join(map(str, path))}`"
    name, *inside = path[1:]
    return f"{name!r}" + (f", `{'.'.join(map(str, inside))}`" if inside else "")
