"""What tokens cost, by a price list that the user brings: the package ships none, since prices change."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace._workspace.endpoints import region_id
from langchain_qwen_workspace.errors import ConfigurationError

_PER = Decimal(1_000_000)

Amount: TypeAlias = Annotated[Decimal, Field(ge=0)]
"""Money for a million tokens, in the table's currency; 0 is a price, and says that they are free."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Prices(_Strict):
    """What a million tokens cost. Every token of a call has one price, never two."""

    input: Amount
    """Of the input that no other price is for."""

    output: Amount
    """Of the output; 0 for embeddings and rerank, which have none."""

    cached_input: Amount | None = None
    """Of the input that the service's cache had. Default: `input`."""

    cache_written_input: Amount | None = None
    """Of the input that was written to the service's cache. Default: `input`."""

    thinking_output: Amount | None = None
    """Of the whole output of a call in which the model thought, its reasoning and its answer. Default: `output`."""

    def cost(self, tokens: TokenCounts) -> Decimal:
        """Return what one call costs, not rounded."""
        # Cached and written tokens are part of the input, in LangChain's counts as in the service's.
        cached = min(tokens.cached, tokens.input)
        written = min(tokens.cache_written, tokens.input - cached)
        output = self.thinking_output if tokens.reasoning and self.thinking_output is not None else self.output
        return (
            (tokens.input - cached - written) * self.input
            + cached * (self.input if self.cached_input is None else self.cached_input)
            + written * (self.input if self.cache_written_input is None else self.cache_written_input)
            + tokens.output * output
        ) / _PER


class Tier(Prices):
    """The prices of calls up to a length; they are for all tokens of such a call."""

    up_to: Annotated[int, Field(gt=0)] | None = None
    """The most input tokens of one call, itself included. Default, for the last tier only: as many as there are."""


def _in_order(tiers: list[Tier]) -> list[Tier]:
    last = 0
    for place, tier in enumerate(tiers):
        if tier.up_to is None and place < len(tiers) - 1:
            raise ValueError(f"`up_to` is missing in tier {place}; only the last tier does without")
        if tier.up_to is not None and tier.up_to <= last:
            raise ValueError(f"`up_to` of tier {place} is {tier.up_to}, which is not above {last}, the one before")
        last = tier.up_to or last
    return tiers


class _Flat(Prices):
    def at(self, inputs: int) -> Prices | None:  # noqa: ARG002 - tiers ask for it
        return self


class _Tiered(_Strict):
    tiers: Annotated[list[Tier], Field(min_length=1), AfterValidator(_in_order)]

    def at(self, inputs: int) -> Prices | None:
        return next((tier for tier in self.tiers if tier.up_to is None or inputs <= tier.up_to), None)


def _shape(value: Any) -> str:
    """Say how an entry is written, so that an error speaks of that way and of no other."""
    if isinstance(value, _Strict):
        return "tiers" if isinstance(value, _Tiered) else "prices" if isinstance(value, _Flat) else "elsewhere"
    if isinstance(value, Mapping) and "tiers" in value:
        return "tiers"
    return "elsewhere" if isinstance(value, Mapping) and value.keys() - {"currency"} == {"regions"} else "prices"


_SHAPES = ("tiers", "prices", "elsewhere")
_RegionPrices: TypeAlias = Annotated[
    Annotated[_Tiered, Tag("tiers")] | Annotated[_Flat, Tag("prices")], Discriminator(_shape)
]


def _by_id(regions: Any) -> Any:
    if not isinstance(regions, Mapping):
        return regions
    named = {region_id(name): prices for name, prices in regions.items()}
    if len(named) < len(regions):
        raise ValueError("a region is named twice, by its id and by its everyday name")
    return named


class _Model(_Strict):
    currency: str | None = None
    regions: Annotated[dict[str, _RegionPrices], BeforeValidator(_by_id)] = Field(default_factory=dict)

    def at(self, inputs: int) -> Prices | None:  # noqa: ARG002 - the others ask for it
        return None


class _FlatModel(_Flat, _Model):
    pass


class _TieredModel(_Tiered, _Model):
    pass


_ModelPrices: TypeAlias = Annotated[
    Annotated[_TieredModel, Tag("tiers")] | Annotated[_FlatModel, Tag("prices")] | Annotated[_Model, Tag("elsewhere")],
    Discriminator(_shape),
]


class PriceTable(_Strict):
    """A price list, for one currency; amounts are for a million tokens.

    Write amounts as strings, so that no binary fraction comes in. A model has prices, or `tiers` of prices by the
    input tokens of one call; and below `regions`, by id or everyday name, those of regions that differ. A model with
    nothing but `regions` has no price elsewhere.

    Example:
        ```python
        PriceTable.from_dict(
            {
                "currency": "CNY",
                "models": {
                    "qwen-turbo": {"input": "0.30", "output": "0.60", "thinking_output": "3.00"},
                    "qwen-plus": {
                        "tiers": [
                            {"up_to": 128000, "input": "0.80", "output": "2.00", "cached_input": "0.16"},
                            {"input": "2.40", "output": "20.00", "cached_input": "0.48"},
                        ],
                        "regions": {"singapore": {"input": "2.90", "output": "8.80"}},
                    },
                    "text-embedding-v4": {"input": "0.50", "output": "0"},
                },
            }
        )
        ```
        The numbers are made up: take yours from the console.

    Raises:
        ConfigurationError: A price is missing, negative or no number; tiers are out of order; a key or a region is
            unknown; there are two currencies. The error names the model and the field.
    """

    currency: Annotated[str, Field(min_length=1)]
    """What the amounts are in, such as `"CNY"`; it is shown and not converted."""

    models: dict[str, _ModelPrices]
    """Prices by the model's name, as it is given to a component."""

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _failure(error) from None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        for name, model in self.models.items():
            if model.currency not in (None, self.currency):
                raise ConfigurationError(
                    f"The price table is in {self.currency}, but `currency` of {name!r} is {model.currency}. "
                    "Expected one currency: make a table for each.",
                    model=name,
                )
        return self

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Return a table from plain data, as in the example.

        Raises:
            ConfigurationError: The data is no price table; the error names the model and the field.
        """
        if not isinstance(table, Mapping):
            raise ConfigurationError(f"The price table is a {type(table).__name__}. Expected a dict.")
        return cls(**table)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return a table from JSON text; its numbers are read as they are written, without binary fractions.

        Raises:
            ConfigurationError: The text is no JSON, says something twice, or is no price table.
        """
        try:
            table = json.loads(text, parse_float=Decimal, object_pairs_hook=_without_doubles)
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"The price table is no JSON: {error}.") from None
        return cls.from_dict(table)

    def cost(self, model: str, region: str | None, tokens: TokenCounts) -> Decimal | None:
        """Return what one call costs, not rounded; `None` if the table has no price for it, which is not zero.

        Args:
            model: The model's name.
            region: The region's id; `None` if it is not known.
            tokens: What the call used.
        """
        entry = self.models.get(model)
        if entry is None:
            return None
        there = entry.regions.get(region or "")
        prices = (there or entry).at(tokens.input)
        return None if prices is None else prices.cost(tokens)


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in pairs:
        if name in known:
            raise ConfigurationError(f"The price table says {name!r} twice in one object. Expected it once.")
        known[name] = value
    return known


def _failure(error: ValidationError) -> ConfigurationError:
    """Return pydantic's errors in words that name models and fields."""
    found = error.errors(include_url=False)
    for line in found:
        if isinstance(cause := line.get("ctx", {}).get("error"), ConfigurationError) and not line["loc"]:
            return cause
    models = list(dict.fromkeys(str(line["loc"][1]) for line in found if _of_model(line["loc"])))
    lines = "; ".join(f"{_where(line['loc'])}: {line['msg'].removeprefix('Value error, ')}" for line in found)
    return ConfigurationError(f"The price table is not valid: {lines}.", model=models[0] if len(models) == 1 else None)


def _of_model(loc: Sequence[int | str]) -> bool:
    return len(loc) > 1 and loc[0] == "models"


def _where(loc: Sequence[int | str]) -> str:
    if not _of_model(loc):
        return "`" + ".".join(map(str, loc)) + "`" if loc else "it"
    name, *inside = loc[1:]
    # Behind the name of a model or a region pydantic puts which shape it was read in.
    field = [
        str(part)
        for place, part in enumerate(inside)
        if not (part in _SHAPES and (place == 0 or inside[place - 2] == "regions"))
    ]
    return f"{name!r}" + (f", `{'.'.join(field)}`" if field else "")
