"""Computes what tokens cost, from a price table that the user supplies: prices change, so the package has none."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self, TypeAlias

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

from langchain_qwen_workspace._usage.json_text import parse_json
from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace._workspace.endpoints import region_id
from langchain_qwen_workspace.errors import ConfigurationError

_TOKENS_PER_AMOUNT = Decimal(1_000_000)

Amount: TypeAlias = Annotated[Decimal, Field(ge=0, le=10**12, decimal_places=20)]
"""The price of a million tokens, in the table's currency; 0 is a price, and means that they are free.

A price with a larger exponent would be written in full, digit by digit, in every cost.
"""


class _StrictModel(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Prices(_StrictModel):
    """Prices of a million tokens. Exactly one of them applies to each token of a call."""

    input: Amount
    """Input tokens to which no other price applies."""

    output: Amount
    """Output tokens; 0 for embedding and rerank models, which have none."""

    cached_input: Amount | None = None
    """Input tokens that were read from the service's cache. Default: `input`."""

    cache_written_input: Amount | None = None
    """Input tokens that were written to the service's cache. Default: `input`."""

    thinking_output: Amount | None = None
    """All output tokens, reasoning and answer, of a call in which the model reasoned. Default: `output`."""

    def cost(self, tokens: TokenCounts) -> Decimal:
        """Return the cost of one call, not rounded."""
        # Cached and cache-written tokens are part of the input, in LangChain's counts and in the service's.
        cached = min(tokens.cached, tokens.input)
        written = min(tokens.cache_written, tokens.input - cached)
        output = self.thinking_output if tokens.reasoning and self.thinking_output is not None else self.output
        return (
            (tokens.input - cached - written) * self.input
            + cached * (self.input if self.cached_input is None else self.cached_input)
            + written * (self.input if self.cache_written_input is None else self.cache_written_input)
            + tokens.output * output
        ) / _TOKENS_PER_AMOUNT


class Tier(Prices):
    """The prices of all tokens of a call whose input is not longer than `up_to`."""

    up_to: Annotated[int, Field(gt=0)] | None = None
    """The highest number of input tokens of one call, inclusive. Default, for the last tier only: no limit."""


def _check_tier_order(tiers: list[Tier]) -> list[Tier]:
    previous = 0
    for number, tier in enumerate(tiers):
        if tier.up_to is None and number < len(tiers) - 1:
            raise ValueError(f"`up_to` is missing in tier {number}; only the last tier may omit it")
        if tier.up_to is not None and tier.up_to <= previous:
            raise ValueError(
                f"`up_to` of tier {number} is {tier.up_to}; expected more than {previous}, the one of the tier before"
            )
        previous = tier.up_to or previous
    return tiers


class _FlatPrices(Prices):
    def prices_for(self, input_tokens: int) -> Prices | None:  # noqa: ARG002 - the signature of `_TieredPrices`
        return self


class _TieredPrices(_StrictModel):
    tiers: Annotated[list[Tier], Field(min_length=1), AfterValidator(_check_tier_order)]

    def prices_for(self, input_tokens: int) -> Prices | None:
        return next((tier for tier in self.tiers if tier.up_to is None or input_tokens <= tier.up_to), None)


# The tags of the unions below; pydantic puts them into the locations of its errors.
_FLAT, _TIERED, _REGIONS_ONLY = "flat", "tiered", "regions_only"
_TAGS = (_FLAT, _TIERED, _REGIONS_ONLY)


def _tag_of(value: Any) -> str:
    """Return which model of a union an entry is meant for, so that its errors are only about that model."""
    if isinstance(value, _TieredPrices):
        return _TIERED
    if isinstance(value, _FlatPrices):
        return _FLAT
    if isinstance(value, _ModelEntry):
        return _REGIONS_ONLY
    if isinstance(value, Mapping) and "tiers" in value:
        return _TIERED
    return _REGIONS_ONLY if isinstance(value, Mapping) and value.keys() - {"currency"} == {"regions"} else _FLAT


_RegionPrices: TypeAlias = Annotated[
    Annotated[_TieredPrices, Tag(_TIERED)] | Annotated[_FlatPrices, Tag(_FLAT)], Discriminator(_tag_of)
]


def _resolve_region_ids(regions: Any) -> Any:
    if not isinstance(regions, Mapping):
        return regions
    by_id = {region_id(name): prices for name, prices in regions.items()}
    if len(by_id) < len(regions):
        raise ValueError("a region is given twice, by its id and by its everyday name")
    return by_id


class _ModelEntry(_StrictModel):
    currency: str | None = None
    regions: Annotated[dict[str, _RegionPrices], BeforeValidator(_resolve_region_ids)] = Field(default_factory=dict)

    def prices_for(self, input_tokens: int) -> Prices | None:  # noqa: ARG002 - the signature of `_TieredPrices`
        return None


class _FlatModelEntry(_FlatPrices, _ModelEntry):
    pass


class _TieredModelEntry(_TieredPrices, _ModelEntry):
    pass


_ModelPrices: TypeAlias = Annotated[
    Annotated[_TieredModelEntry, Tag(_TIERED)]
    | Annotated[_FlatModelEntry, Tag(_FLAT)]
    | Annotated[_ModelEntry, Tag(_REGIONS_ONLY)],
    Discriminator(_tag_of),
]


class PriceTable(_StrictModel):
    """A price table in one currency; amounts are prices of a million tokens.

    Write amounts as strings, so that they stay exact decimals. A model has prices, or `tiers` of prices that depend on
    the number of input tokens of one call; under `regions`, by id or everyday name, it has the prices of regions that
    differ. A model that has only `regions` has no price in other regions.

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
        ConfigurationError: A price is missing, negative or not a number; tiers are out of order; a key or a region is
            unknown; there are two currencies. The error names the model and the field.
    """

    currency: Annotated[str, Field(min_length=1)]
    """The currency of the amounts, such as `"CNY"`; it is shown and never converted."""

    models: dict[str, _ModelPrices]
    """Prices by the model's name, as it is given to a component."""

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _to_configuration_error(error) from None

    @model_validator(mode="after")
    def _check_one_currency(self) -> Self:
        for name, entry in self.models.items():
            if entry.currency not in (None, self.currency):
                raise ConfigurationError(
                    f"The price table is in {self.currency}, but `currency` of {name!r} is {entry.currency}. "
                    "Expected one currency: make a table for each.",
                    model=name,
                )
        return self

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Self:
        """Return a table from plain data, as in the example.

        Raises:
            ConfigurationError: The data is not a valid price table; the error names the model and the field.
        """
        if not isinstance(table, Mapping):
            raise ConfigurationError(f"The price table is a {type(table).__name__}. Expected a dict.")
        return cls(**table)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return a table from JSON text; its numbers are read as exact decimals.

        Raises:
            ConfigurationError: The text is not valid JSON, has a key twice in one object, or is not a valid price
                table.
        """
        return cls.from_dict(parse_json(text, "The price table", _reject_duplicate_keys))

    def cost(self, model: str, region: str | None, tokens: TokenCounts) -> Decimal | None:
        """Return the cost of one call, not rounded; `None` if the table has no price for it, which is not zero.

        Args:
            model: The model's name.
            region: The region's id; `None` if it is not known.
            tokens: What the call used.
        """
        entry = self.models.get(model)
        if entry is None:
            return None
        prices = (entry.regions.get(region or "") or entry).prices_for(tokens.input)
        return None if prices is None else prices.cost(tokens)


def _reject_duplicate_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ConfigurationError(f"The price table has {name!r} twice in one object. Expected each name once.")
        result[name] = value
    return result


def _to_configuration_error(error: ValidationError) -> ConfigurationError:
    """Return pydantic's errors as one error that names models and fields."""
    found = error.errors(include_url=False)
    for line in found:
        if isinstance(cause := line.get("ctx", {}).get("error"), ConfigurationError) and not line["loc"]:
            return cause
    models = list(dict.fromkeys(str(line["loc"][1]) for line in found if _is_in_model(line["loc"])))
    lines = "; ".join(f"{_format_location(line['loc'])}: {line['msg'].removeprefix('Value error, ')}" for line in found)
    return ConfigurationError(f"The price table is not valid: {lines}.", model=models[0] if len(models) == 1 else None)


def _is_in_model(location: Sequence[int | str]) -> bool:
    return len(location) > 1 and location[0] == "models"


def _format_location(location: Sequence[int | str]) -> str:
    if not _is_in_model(location):
        return "`" + ".".join(map(str, location)) + "`" if location else "it"
    name, *inside = location[1:]
    # Behind the name of a model or a region pydantic puts the tag of the union's model.
    field = [
        str(part)
        for index, part in enumerate(inside)
        if not (part in _TAGS and (index == 0 or inside[index - 2] == "regions"))
    ]
    return f"{name!r}" + (f", `{'.'.join(field)}`" if field else "")
