"""Computes what one call costs from one row of a price table. A price that is missing makes the cost unknown."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace._workspace.endpoints import region_id

UNKNOWN = "unknown"
"""What stands for a price that is not known; so does `None`."""


def _read_unknown(value: Any) -> Any:
    return None if value == UNKNOWN else value


_Amount: TypeAlias = Annotated[Decimal, Field(ge=0, le=10**12, decimal_places=20)]
Price: TypeAlias = Annotated[_Amount | None, BeforeValidator(_read_unknown)]
"""A price in the row's currency; 0 means free, `None` or `"unknown"` that the price is not known.

A price with a larger exponent would be written in full, digit by digit, in every cost.
"""

_PriceIfOther: TypeAlias = _Amount | Literal["unknown"] | None
"""As `Price`, but `None` means that the price is that of `output`."""


class Charge(NamedTuple):
    """What a call costs.

    Attributes:
        cost: The cost, not rounded; `None` if it is not known, which is not zero.
        currency: The currency of the cost.
        unpriced: The kinds of tokens and tool calls that have no price, by the names of the row's fields. Two kinds
            never have one: `cached_media_input` (the service does not say whether its cache had the text or the media
            of the input) and `cache_written_for_unknown_time_input` (it does not say for how long).
        tool_costs: Of the cost, that of the calls of each of the service's tools; empty if a tool has no price.
    """

    cost: Decimal | None
    currency: str
    unpriced: tuple[str, ...] = ()
    tool_costs: Mapping[str, Decimal] = MappingProxyType({})


class PriceRow(BaseModel):
    """The prices of a model's calls that meet the row's conditions. All tokens of a call have the prices of one row.

    If the service counts something of a call for which the row has no price, the cost of the call is unknown: neither
    another price nor zero takes its place.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    # --- which calls ---

    region: Annotated[str | None, BeforeValidator(lambda name: None if name is None else region_id(name))] = None
    """The region, by id or everyday name. Default: the regions for which the model has no rows of their own."""

    above: Annotated[int, Field(ge=0)] | None = None
    """The row applies to calls with more input tokens than this.

    Default: `up_to` of the row before it that has the same other conditions.
    """

    up_to: Annotated[int, Field(gt=0)] | None = None
    """The row applies to calls with at most this many input tokens. Default: no limit."""

    thinking: bool | None = None
    """Whether the row is for calls in which the model reasoned, or for those in which it did not. Default: both."""

    time_band: Annotated[str, Field(min_length=1)] | None = None
    """The time band, such as `"peak"`; the handler's `time_band` says which one a call has. Default: every time."""

    batch: bool = False
    """Whether the row is for calls of the Batch API. Default: no."""

    # --- what they cost ---

    currency: Annotated[str, Field(min_length=1)] | None = None
    """The currency of the row's prices. Default: the table's."""

    discount: Annotated[Decimal, Field(ge=0, le=1, decimal_places=20)] = Decimal(1)
    """The factor for the prices of tokens, such as 0.8; it does not apply to tool calls. Default: 1."""

    input: Price
    """Input tokens to which no other price applies."""

    output: Price
    """Output tokens to which no other price applies; embedding and rerank models have none."""

    cached_input: Price = None
    """Input tokens that the service found in its implicit cache."""

    explicit_cached_input: Price = None
    """Input tokens that the service found in the explicit cache, which `cache_control` marks in messages fill."""

    cache_written_input: Price = None
    """Input tokens that were written to the explicit cache for 5 minutes."""

    cache_written_1h_input: Price = None
    """Input tokens that were written to the explicit cache for 1 hour."""

    audio_input: Price = None
    """Input tokens of audio."""

    media_input: Price = None
    """Input tokens of images and videos."""

    thinking_output: _PriceIfOther = None
    """All output tokens of a call in which the model reasoned, if they differ. Shorter than two rows."""

    media_output: _PriceIfOther = None
    """Output tokens of a text that answers audio, images or videos, if they differ."""

    audio_output: Price = None
    """Output tokens of audio."""

    text_with_audio_output: Price = None
    """Output tokens of the text beside audio; 0 if the text is free then."""

    tool_calls: dict[str, Price] = Field(default_factory=dict)
    """The price of one call of a tool of the service, by the service's name for it. Default: the table's."""

    @property
    def is_empty(self) -> bool:
        """Whether no number of input tokens is in the row's range."""
        return self.up_to is not None and self.up_to <= (self.above or 0)

    def overlaps(self, other: Self) -> bool:
        """Return whether a call can meet the conditions of both rows."""
        return (
            (self.region, self.batch) == (other.region, other.batch)
            and _may_be_equal(self.thinking, other.thinking)
            and _may_be_equal(self.time_band, other.time_band)
            and (self.up_to is None or (other.above or 0) < self.up_to)
            and (other.up_to is None or (self.above or 0) < other.up_to)
        )

    def applies_to(self, tokens: TokenCounts, *, batch: bool, time_band: str | None) -> bool:
        """Return whether a call meets the row's conditions, except for its region."""
        return (
            self.batch == batch
            and self.thinking in (None, tokens.is_thinking)
            and self.time_band in (None, time_band)
            and (not self.above or tokens.input > self.above)
            and (self.up_to is None or tokens.input <= self.up_to)
        )

    def charge(self, tokens: TokenCounts, currency: str, tool_prices: Mapping[str, Price], token_unit: int) -> Charge:
        """Return the cost of one call.

        Args:
            tokens: What the call used.
            currency: The table's currency.
            tool_prices: The table's prices of tool calls.
            token_unit: How many tokens the prices of tokens are for.
        """
        tools = {**tool_prices, **self.tool_calls}
        counts = {
            kind: count for kind, count in (self._count_input(tokens) | self._count_output(tokens)).items() if count
        }
        calls = {tool: count for tool, count in tokens.tool_calls.items() if count}
        token_prices = {kind: _read_unknown(getattr(self, kind, None)) for kind in counts}
        unpriced = [kind for kind, price in token_prices.items() if price is None]
        unpriced += [f"tool_calls.{tool}" for tool in calls if tools.get(tool) is None]
        currency = self.currency or currency
        if unpriced:
            return Charge(None, currency, tuple(unpriced))
        cost = sum((count * token_prices[kind] for kind, count in counts.items()), Decimal(0))
        cost = cost * self.discount / token_unit
        tool_costs = {tool: count * (tools[tool] or Decimal(0)) for tool, count in calls.items()}
        return Charge(cost + sum(tool_costs.values(), Decimal(0)), currency, tool_costs=tool_costs)

    def _count_input(self, tokens: TokenCounts) -> dict[str, int]:
        """Return the input tokens by the price that applies to them, or would if the row had it."""
        # Tokens of the cache and of media are part of the input, in LangChain's counts and in the service's.
        cached = min(tokens.cached, tokens.input)
        written = min(tokens.cache_written, tokens.input - cached)
        rest = tokens.input - cached - written
        counts = {"explicit_cached_input" if tokens.has_explicit_cache else "cached_input": cached}
        counts |= self._count_cache_writes(written, tokens)
        media = {"audio_input": tokens.audio_input, "media_input": tokens.media_input}
        media = {kind: count for kind, count in media.items() if count and getattr(self, kind) != self.input}
        if media and rest < tokens.input:
            # The service does not say whether it is the text or the media that the cache has.
            return {**counts, "cached_media_input": sum(media.values())}
        for kind, count in media.items():
            counts[kind] = min(count, rest)
            rest -= counts[kind]
        return {**counts, "input": rest}

    def _count_cache_writes(self, written: int, tokens: TokenCounts) -> dict[str, int]:
        for_1_hour = min(tokens.cache_written_1h, written)
        for_5_minutes = min(tokens.cache_written_5m, written - for_1_hour)
        if not for_1_hour and not for_5_minutes and self.cache_written_1h_input is None:
            # The answers of models that cannot write for 1 hour need not tell the two apart.
            for_5_minutes = written
        return {
            "cache_written_1h_input": for_1_hour,
            "cache_written_input": for_5_minutes,
            "cache_written_for_unknown_time_input": written - for_1_hour - for_5_minutes,
        }

    def _count_output(self, tokens: TokenCounts) -> dict[str, int]:
        """Return the output tokens by the price that applies to them, or would if the row had it."""
        audio = min(tokens.audio_output, tokens.output)
        if audio:
            return {"audio_output": audio, "text_with_audio_output": tokens.output - audio}
        if tokens.is_thinking and self.thinking_output is not None:
            return {"thinking_output": tokens.output}
        if self.media_output is not None and (tokens.audio_input or tokens.media_input):
            return {"media_output": tokens.output}
        return {"output": tokens.output}


def _may_be_equal(one: object, other: object) -> bool:
    """Return whether one call can meet two conditions; `None` is met by all."""
    return one is None or other is None or one == other
