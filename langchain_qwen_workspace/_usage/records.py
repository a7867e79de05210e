"""What is known of one call, and how calls add up: who paid, for what, how many tokens."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal, NamedTuple, Self, TypeAlias

Operation: TypeAlias = Literal["chat", "embedding", "rerank"]
"""What a model did."""

Outcome: TypeAlias = Literal["open", "failed", "interrupted", "cached", "answered"]
"""How a call ended.

* `open`: no end was heard of: it is under way, or was given up in a way that LangChain does not tell handlers of.
* `failed`: an error came instead of an answer.
* `interrupted`: the caller stopped to wait or to read, or an error came after the answer's first part.
* `cached`: LangChain's cache had the answer; the service was not called.
* `answered`: the answer came whole.
"""


class Place(NamedTuple):
    """What a row is about."""

    workspace_id: str | None
    region: str | None
    model: str
    protocol: str | None
    operation: Operation


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of one call.

    Attributes:
        input: All that went in, cached or not.
        output: All that came out, reasoning included.
        total: What the service says they are together.
        cached: Of the input, what the service's cache had (`cache_read`).
        cache_written: Of the input, what was written to the service's cache (`cache_creation`).
        reasoning: Of the output, what the model thought.
    """

    input: int
    output: int
    total: int
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, usage: object) -> Self | None:
        """Return LangChain's usage, or `None` if there is none: an unknown count is not zero."""
        if not isinstance(usage, Mapping) or not {"input_tokens", "output_tokens"} & usage.keys():
            return None
        inputs, outputs = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
        taken: Mapping[str, Any] = usage.get("input_token_details") or {}
        given: Mapping[str, Any] = usage.get("output_token_details") or {}
        return cls(
            input=inputs,
            output=outputs,
            total=usage.get("total_tokens") or inputs + outputs,
            cached=taken.get("cache_read") or 0,
            cache_written=taken.get("cache_creation") or 0,
            reasoning=given.get("reasoning") or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """One call.

    Attributes:
        run_id: LangChain's id of the run: the chat call's own, else that of the run around an embedding or a ranking.
        request_id: The service's id of the request, `None` if it is not known.
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id.
        model: The model's name as it was asked for.
        protocol: `"openai"` or `"dashscope"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
        outcome: How it ended.
        usage: Its tokens; `None` if they are not known, and for what no token was used for.
        unknown: Whether the call may have used tokens that nobody told of.
        cost: What it costs, `None` without prices or without a price for it.
        currency: What the cost is in, `None` without prices.
    """

    run_id: str
    request_id: str | None
    workspace_id: str | None
    region: str | None
    model: str
    protocol: str | None
    operation: Operation
    outcome: Outcome
    usage: TokenCounts | None
    unknown: bool
    cost: Decimal | None
    currency: str | None

    @property
    def place(self) -> Place:
        """The row that the call belongs to."""
        return Place(self.workspace_id, self.region, self.model, self.protocol, self.operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What one workspace used of one model, in one region, over one protocol, for one operation.

    Attributes:
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id.
        model: The model's name as it was asked for.
        protocol: `"openai"` or `"dashscope"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
        calls: Calls that ended: answered, failed or broken off.
        failed_calls: Of these, those that an error ended before the first part of an answer.
        interrupted_calls: Of these, those that the caller gave up, or an error ended after the first part.
        unknown_calls: Of these, those that may have used tokens that nobody told of. They are in no sum below.
        cached_answers: Answers of LangChain's cache; they are no calls and cost nothing.
        open_calls: Calls that began and that no end was heard of; they are not among `calls`.
        input_tokens: What went in.
        output_tokens: What came out.
        total_tokens: Both, as the service added them.
        cached_tokens: Of the input, what the service's cache had.
        cache_written_tokens: Of the input, what was written to the service's cache.
        reasoning_tokens: Of the output, what models thought.
        unpriced_calls: Calls with tokens for which the price table has no price; 0 without a table.
        cost: What the calls whose usage is known cost, not rounded. `None` if one of them has no price, if the usage
            of none is known, or without a price table.
        currency: What the cost is in, `None` without a price table.
    """

    workspace_id: str | None
    region: str | None
    model: str
    protocol: str | None
    operation: Operation
    calls: int
    failed_calls: int
    interrupted_calls: int
    unknown_calls: int
    cached_answers: int
    open_calls: int
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int
    cache_written_tokens: int
    reasoning_tokens: int
    unpriced_calls: int = 0
    cost: Decimal | None = None
    currency: str | None = None


def rows_of(records: Iterable[UsageRecord]) -> list[UsageRow]:
    """Return the sums of calls, one row for each place, in the order of workspaces, regions and models."""
    ordered = sorted(records, key=lambda record: tuple(part or "" for part in record.place))
    return [_row(place, list(records)) for place, records in groupby(ordered, key=lambda record: record.place)]


def rows_summed(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """Return rows of several counts as one, in the order of workspaces, regions and models; currencies stay apart."""

    def about(row: UsageRow) -> tuple[str | None, ...]:
        return (row.workspace_id, row.region, row.model, row.protocol, row.operation, row.currency)

    ordered = sorted(rows, key=lambda row: tuple(part or "" for part in about(row)))
    return [_sum(list(same)) for _, same in groupby(ordered, key=about)]


def _sum(rows: Sequence[UsageRow]) -> UsageRow:
    names = [field.name for field in fields(UsageRow) if field.type is int]
    counts: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in names}
    costs = [row.cost for row in rows if row.cost is not None]
    # As of calls: what is not known of one part is not known of the sum.
    return replace(rows[0], **counts, cost=sum(costs, Decimal(0)) if len(costs) == len(rows) else None)


def _row(place: Place, records: list[UsageRecord]) -> UsageRow:
    outcomes = [record.outcome for record in records]
    counted = [record.usage for record in records if record.usage is not None]
    unpriced = sum(record.currency is not None and record.cost is None for record in records if record.usage)
    unknown = sum(record.unknown for record in records)
    currency = records[0].currency
    # A call that the service refused is known to cost nothing; calls of which nothing is known are not.
    told = currency is not None and not unpriced and (unknown == 0 or bool(counted))
    return UsageRow(
        **place._asdict(),
        calls=sum(outcome not in ("open", "cached") for outcome in outcomes),
        failed_calls=outcomes.count("failed"),
        interrupted_calls=outcomes.count("interrupted"),
        unknown_calls=unknown,
        cached_answers=outcomes.count("cached"),
        open_calls=outcomes.count("open"),
        input_tokens=sum(tokens.input for tokens in counted),
        output_tokens=sum(tokens.output for tokens in counted),
        total_tokens=sum(tokens.total for tokens in counted),
        cached_tokens=sum(tokens.cached for tokens in counted),
        cache_written_tokens=sum(tokens.cache_written for tokens in counted),
        reasoning_tokens=sum(tokens.reasoning for tokens in counted),
        unpriced_calls=unpriced,
        cost=sum((record.cost for record in records if record.cost is not None), Decimal(0)) if told else None,
        currency=currency,
    )
