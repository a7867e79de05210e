"""Computes what calls cost, from a table of prices: the user's, or a dated list that is asked for by name."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from langchain_qwen_workspace._json_text import line_of, parse_json
from langchain_qwen_workspace._usage.catalogue_prices import catalogue_rows
from langchain_qwen_workspace._usage.price_rows import Charge, Price, PriceRow
from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace._workspace.catalogue import Catalogue
from langchain_qwen_workspace._workspace.endpoints import region_id
from langchain_qwen_workspace.errors import ConfigurationError

_Path: TypeAlias = tuple[str | int, ...]

TimeBand: TypeAlias = str | Callable[[dt.datetime], str | None]
"""The time band of a call, or a function that returns it for the time, with its zone, at which a call started."""


# ------------------------------------------------------------------------------------------------------- reading

_SHARED_BY_TIERS = {"region", "thinking", "time_band", "batch", "currency", "discount", "tool_calls"}


class _InvalidEntryError(Exception):
    """An entry of the table does not have the shape of an entry; its first argument is the path to it."""


def _flatten_models(models: Any, text: str | None) -> tuple[dict[str, Any], dict[str, list[_Path]]]:
    """Return the field `models` with a list of rows for each model, and where each row is in the given data."""
    paths: dict[str, list[_Path]] = {}
    if not isinstance(models, Mapping):
        return {}, paths
    rows: dict[str, Any] = {}
    for name, entry in models.items():
        try:
            located = list(_rows_in(entry, ("models", name)))
        except _InvalidEntryError as error:
            path, message = error.args
            raise _error_at([(path, message)], text) from None
        rows[name] = [row for row, _ in located]
        paths[name] = [path for _, path in located]
    return {"models": rows}, paths


def _rows_in(entry: Any, path: _Path) -> Iterator[tuple[Any, _Path]]:
    """Yield the rows of a model's entry, in any of its forms, and where they are."""
    if isinstance(entry, list | tuple):
        if not entry:
            raise _InvalidEntryError(path, "Expected at least one row of prices")
        for index, item in enumerate(entry):
            yield from _rows_in(item, (*path, index))
    elif isinstance(entry, Mapping) and "regions" in entry:
        own = {name: value for name, value in entry.items() if name != "regions"}
        shared = {"currency": own["currency"]} if "currency" in own else {}
        if own.keys() - shared:
            yield from _rows_in(own, path)
        for region, prices in _regions_of(entry["regions"], (*path, "regions")).items():
            yield from _with_shared(prices, (*path, "regions", region), {**shared, "region": region})
    elif isinstance(entry, Mapping) and "tiers" in entry:
        shared = {name: value for name, value in entry.items() if name != "tiers"}
        if unknown := shared.keys() - _SHARED_BY_TIERS:
            raise _InvalidEntryError((*path, min(unknown)), "Not permitted beside `tiers`; put it into each tier")
        if not isinstance(entry["tiers"], list | tuple):
            raise _InvalidEntryError((*path, "tiers"), "Expected a list of tiers")
        yield from _with_shared(entry["tiers"], (*path, "tiers"), shared)
    else:
        yield entry, path


def _with_shared(entry: Any, path: _Path, shared: Mapping[str, Any]) -> Iterator[tuple[Any, _Path]]:
    for row, place in _rows_in(entry, path):
        yield {**shared, **row} if isinstance(row, Mapping) else row, place


def _regions_of(regions: Any, path: _Path) -> Mapping[str, Any]:
    if not isinstance(regions, Mapping):
        raise _InvalidEntryError(path, "Expected the rows of each region, by its id")
    ids = set()
    for name in regions:
        try:
            ids.add(region_id(name))
        except ValueError as error:
            raise _InvalidEntryError((*path, name), str(error).removesuffix(".")) from None
    if len(ids) < len(regions):
        raise _InvalidEntryError(path, "A region is given twice, by its id and by its everyday name")
    return regions


def _with_lower_limits(rows: tuple[PriceRow, ...]) -> tuple[PriceRow, ...]:
    """Return rows that begin where the rows before them end, unless they say where they begin.

    Raises:
        PydanticCustomError: A row ends before it begins, or a call can meet the conditions of two rows.
    """
    limits: dict[object, int | None] = {}
    result: list[PriceRow] = []
    for index, row in enumerate(rows):
        conditions = (row.region, row.thinking, row.time_band, row.batch)
        new = row if row.above is not None else row.model_copy(update={"above": limits.get(conditions)})
        limits[conditions] = row.up_to
        if new.is_empty:
            raise PydanticCustomError(
                "empty",
                "`up_to` is {up_to}; expected more than {above}, where the tier begins, so that no tiers overlap",
                {"row": index, "up_to": new.up_to, "above": new.above},
            )
        for other, before in enumerate(result):
            if new.overlaps(before):
                raise PydanticCustomError(
                    "overlap",
                    "Overlaps with row {other} of the model; expected rows of which only one applies to each call",
                    {"row": index, "other": other},
                )
        result.append(new)
    return tuple(result)


def _to_configuration_error(
    error: ValidationError, paths: Mapping[str, Sequence[_Path]], text: str | None
) -> ConfigurationError:
    """Return pydantic's errors as one error that names models, fields and lines."""
    found: list[tuple[_Path, str]] = []
    for line in error.errors(include_url=False):
        context = line.get("ctx", {})
        if isinstance(cause := context.get("error"), ConfigurationError) and not line["loc"]:
            return cause
        location: _Path = (*line["loc"], *([context["row"]] if "row" in context else []))
        match location:
            case ("models", str(name), int(index), *inside) if name in paths:
                location = (*paths[name][index], *inside)
        is_no_row = line["type"] == "model_type"
        message = "Expected a row of prices, with `input` and `output`" if is_no_row else line["msg"]
        found.append((location, message.removeprefix("Value error, ")))
    return _error_at(found, text)


def _error_at(found: Sequence[tuple[_Path, str]], text: str | None) -> ConfigurationError:
    """Return an error that says what is wrong at which places of the table."""
    lines = "; ".join(
        f"{_format_location(path)}{f' in {line_of(text, path)}' if text is not None else ''}: {message}"
        for path, message in found
    )
    models = list(dict.fromkeys(path[1] for path, _ in found if _is_in_model(path)))
    return ConfigurationError(
        f"The price table is not valid: {lines}.", model=str(models[0]) if len(models) == 1 else None
    )


def _is_in_model(path: _Path) -> bool:
    return len(path) > 1 and path[0] == "models"


def _format_location(path: _Path) -> str:
    if not _is_in_model(path):
        return "`" + ".".join(map(str, path)) + "`" if path else "it"
    name, *inside = path[1:]
    return f"{name!r}" + (f", `{'.'.join(map(str, inside))}`" if inside else "")


class PriceTable(BaseModel):
    """A table of the prices of models' tokens, in units of a million tokens unless `token_unit` says otherwise.

    Write amounts as strings, so that they stay exact decimals. A model has one row of prices (`PriceRow`), or a list of
    rows with conditions: the region, the number of input tokens (`above`, `up_to`), whether the model reasoned
    (`thinking`), the `time_band`, and `batch`. Two short forms: `tiers` is a list of rows that differ in `up_to`, and
    `regions` has the rows of regions that differ, by id or everyday name. A model that has only `regions` has no price
    in other regions.

    A price that is not given is unknown. If a call has such tokens, such as tokens from the cache without
    `cached_input`, its cost is unknown: no other price takes its place.

    Example:
        ```python
        PriceTable.from_dict(
            {
                "currency": "CNY",
                "date": "2026-11-29",
                "models": {
                    "qwen-turbo": [
                        {"thinking": False, "input": "0.30", "output": "0.60"},
                        {"thinking": True, "input": "0.30", "output": "3.00"},
                        {"batch": True, "input": "0.15", "output": "0.30", "cached_input": "0.15"},
                    ],
                    "qwen-plus": {
                        "tiers": [
                            {"up_to": 128000, "input": "0.80", "output": "2.00", "cached_input": "0.16"},
                            {"input": "2.40", "output": "20.00", "cached_input": "0.48"},
                        ],
                        "regions": {"singapore": {"currency": "USD", "input": "0.40", "output": "1.20"}},
                    },
                    "text-embedding-v4": {"input": "0.50", "output": "0"},
                },
                "tool_calls": {"web_search": "0.004"},
            }
        )
        ```
        The numbers are made up: take yours from the console.

    Raises:
        ConfigurationError: A price is missing, negative or not a number; rows overlap; a key or a region is unknown; a
            model has two currencies in one region. The error names the model and the field, and in JSON text the line.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    currency: Annotated[str, Field(min_length=1)]
    """The currency of the amounts, such as `"CNY"`; it is shown and never converted."""

    models: dict[str, Annotated[tuple[PriceRow, ...], AfterValidator(_with_lower_limits)]]
    """The rows of each model, by its name as it is given to a component."""

    tool_calls: dict[str, Price] = Field(default_factory=dict)
    """The price of one call of a tool of the service, by the service's name for it, unless a row says otherwise."""

    token_unit: Annotated[int, Field(gt=0)] = 1_000_000
    """How many tokens the prices of tokens are for."""

    name: Annotated[str, Field(min_length=1)] | None = None
    """The table's name, which reports show."""

    date: dt.date | None = None
    """The day on which the prices were read, which reports show."""

    source: str | None = None
    """Where the prices are from."""

    def __init__(self, json_text: str | None = None, /, **data: Any) -> None:
        """Create a table; the error for invalid data names the line if the data's JSON text is given."""
        models, paths = _flatten_models(data.get("models"), json_text)
        try:
            super().__init__(**{**data, **models})
        except ValidationError as error:
            raise _to_configuration_error(error, paths, json_text) from None

    @model_validator(mode="after")
    def _check_currencies(self) -> Self:
        for name, rows in self.models.items():
            currencies: dict[str | None, set[str]] = {}
            for row in rows:
                currencies.setdefault(row.region, set()).add(row.currency or self.currency)
            if found := next((each for each in currencies.values() if len(each) > 1), None):
                raise ConfigurationError(
                    f"The prices of {name!r} are in {' and '.join(sorted(found))} in one region. Expected one currency "
                    "for a model in a region.",
                    model=name,
                )
        return self

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Return a table from plain data, as in the example.

        Raises:
            ConfigurationError: The data is not a valid price table; the error names the model and the field.
        """
        return cls._from_data(table, None)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return a table from JSON text; its numbers are read as exact decimals.

        Raises:
            ConfigurationError: The text is not valid JSON, has a key twice in one object, or is not a valid price
                table; the error names the line.
        """
        data = parse_json(text, "The price table", unique_keys=True)
        return cls._from_data(data, text)

    @classmethod
    def from_catalogue(cls, catalogue: Catalogue, *, currency: str) -> Self:
        """Return a table of the prices in the service's catalogue, for the region of the host that served it.

        Prices of types that are not known, and of another unit than a million tokens, are left out, and so unknown. The
        catalogue has no prices of tool calls.

        Args:
            catalogue: The catalogue, from `QwenWorkspace.catalogue`.
            currency: The currency of its prices, which the service does not state: that of the account's site.

        Raises:
            ConfigurationError: The prices of a model contradict each other; the error names the model.
        """
        region = {} if catalogue.region is None else {"region": catalogue.region}
        rows = {
            model: [{**region, **row} for row in catalogue_rows(groups)] for model, groups in catalogue.prices.items()
        }
        models = {model: found for model, found in rows.items() if found}
        return cls(currency=currency, date=catalogue.date, source=catalogue.source, models=models)

    @classmethod
    def _from_data(cls, data: Any, json_text: str | None) -> Self:
        if not isinstance(data, Mapping):
            raise ConfigurationError(f"The price table is a {type(data).__name__}. Expected a dict.")
        return cls(json_text, **data)

    def cost(self, model: str, region: str | None, tokens: TokenCounts, **conditions: Any) -> Decimal | None:
        """Return the cost of one call, not rounded; `None` if the table lacks a price for it, which is not zero.

        Args:
            model: The model's name.
            region: The region's id; `None` if it is not known.
            tokens: What the call used.
            **conditions: `batch` and `time_band`, as for `charge`.
        """
        return self.charge(model, region, tokens, **conditions).cost

    def charge(
        self,
        model: str,
        region: str | None,
        tokens: TokenCounts,
        *,
        batch: bool = False,
        time_band: str | None = None,
    ) -> Charge:
        """Return the cost of one call, its currency, and what has no price.

        Args:
            model: The model's name.
            region: The region's id; `None` if it is not known.
            tokens: What the call used.
            batch: Whether it was a call of the Batch API.
            time_band: The time band of the call, such as `"peak"`. Default: not known, so that rows of a time band do
                not apply.
        """
        rows = self._rows_of(model, region)
        found = [row for row in rows if row.applies_to(tokens, batch=batch, time_band=time_band)]
        # Without a row, a row without prices tells which are missing.
        row = found[0] if found else PriceRow(input=None, output=None, currency=rows[0].currency if rows else None)
        charge = row.charge(tokens, self.currency, self.tool_calls, self.token_unit)
        return charge if found else charge._replace(cost=None)

    def _rows_of(self, model: str, region: str | None) -> Sequence[PriceRow]:
        rows = self.models.get(model, ())
        return [row for row in rows if row.region == region] or [row for row in rows if row.region is None]


class Pricing(NamedTuple):
    """A price table, and how to tell the time band of a call.

    Attributes:
        table: The table.
        time_band: The time band of all calls, or a function that returns it for the time at which a call started.
    """

    table: PriceTable
    time_band: TimeBand | None = None

    def charge(
        self, model: str, region: str | None, tokens: TokenCounts, started_at: dt.datetime, batch: bool = False
    ) -> Charge:
        """Return what a call costs."""
        band = self.time_band(started_at) if callable(self.time_band) else self.time_band
        return self.table.charge(model, region, tokens, time_band=band, batch=batch)
