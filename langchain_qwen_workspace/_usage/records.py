"""Records of single calls, and the rows that sum them up by usage key."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal, NamedTuple, Self, TypeAlias, TypeVar

Operation: TypeAlias = Literal["chat", "embedding", "rerank"]
"""What a call asked a model to do."""

Outcome: TypeAlias = Literal["open", "failed", "interrupted", "cached", "answered"]
"""How a call ended.

* `open`: the call is in progress.
* `failed`: an error came instead of an answer.
* `interrupted`: the caller stopped waiting or reading, or an error came after the first part of the answer.
* `cached`: LangChain's cache had the answer; the service was not called.
* `answered`: the complete answer arrived.
"""

_Item = TypeVar("_Item")
_Key = TypeVar("_Key", bound=tuple[str | None, ...])


class UsageKey(NamedTuple):
    """The key that usage is grouped by: who pays, for which model, called how.

    Attributes:
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id.
        model: The model's name as it was requested.
        protocol: `"openai"` or `"dashscope"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
    """

    workspace_id: str | None
    region: str | None
    model: str
    protocol: str | None
    operation: Operation


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of one call.

    Attributes:
        input: All input tokens, cached or not.
        output: All output tokens, reasoning included.
        total: The total that the service reports.
        cached: Input tokens that were read from the service's cache (`cache_read`).
        cache_written: Input tokens that were written to the service's cache (`cache_creation`).
        reasoning: Output tokens of the model's reasoning.
    """

    input: int
    output: int
    total: int
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0

    @classmethod
    def from_usage_metadata(cls, usage: object) -> Self | None:
        """Return the counts of LangChain's `usage_metadata`; `None` if it has none: an unknown count is not zero."""
        if not isinstance(usage, Mapping) or not {"input_tokens", "output_tokens"} & usage.keys():
            return None
        input_tokens, output_tokens = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
        input_details: Mapping[str, Any] = usage.get("input_token_details") or {}
        output_details: Mapping[str, Any] = usage.get("output_token_details") or {}
        return cls(
            input=input_tokens,
            output=output_tokens,
            total=usage.get("total_tokens") or input_tokens + output_tokens,
            cached=input_details.get("cache_read") or 0,
            cache_written=input_details.get("cache_creation") or 0,
            reasoning=output_details.get("reasoning") or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """One call.

    Attributes:
        run_id: LangChain's run id: the chat call's own, or that of the run around an embedding or rerank request.
        request_id: The service's request id, `None` if it is not known.
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id.
        model: The model's name as it was requested.
        protocol: `"openai"` or `"dashscope"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
        outcome: How the call ended.
        usage: Its tokens; `None` if they are not known, and for calls that used none.
        unknown: Whether the call may have used tokens that were not reported.
        cost: What it costs, `None` without a price table or without a price for it.
        currency: The currency of the cost, `None` without a price table.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """The sum of all calls with the same workspace, region, model, protocol and operation.

    Attributes:
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id.
        model: The model's name as it was requested.
        protocol: `"openai"` or `"dashscope"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
        calls: Calls that ended: answered, failed or interrupted.
        failed_calls: Of these, calls that failed before the first part of an answer.
        interrupted_calls: Of these, calls that the caller cancelled, or that failed after the first part of an answer.
        unknown_calls: Of these, calls that may have used tokens that were not reported. They are in no sum below.
        cached_answers: Answers from LangChain's cache. They are not among `calls` and cost nothing.
        open_calls: Calls in progress. They are not among `calls`.
        input_tokens: Input tokens.
        output_tokens: Output tokens.
        total_tokens: Input and output tokens, as the service added them.
        cached_tokens: Input tokens that were read from the service's cache.
        cache_written_tokens: Input tokens that were written to the service's cache.
        reasoning_tokens: Output tokens of the models' reasoning.
        unpriced_calls: Calls with tokens for which the price table has no price; 0 without a price table.
        cost: The cost of all calls whose usage is known, not rounded. `None` if one of them has no price, if the usage
            of no call is known, or without a price table.
        currency: The currency of the cost, `None` without a price table.
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


def sum_records(records: Iterable[UsageRecord]) -> list[UsageRow]:
    """Return one row for each usage key of the records, sorted by key."""
    return [_row_from_records(key, group) for key, group in _group(records, _usage_key)]


def sum_rows(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """Return one row for each usage key and currency of the rows, sorted by key."""
    return [_row_from_rows(group) for _, group in _group(rows, lambda row: (*_usage_key(row), row.currency))]


def _usage_key(item: UsageRecord | UsageRow) -> UsageKey:
    return UsageKey(item.workspace_id, item.region, item.model, item.protocol, item.operation)


def _group(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> Iterator[tuple[_Key, list[_Item]]]:
    ordered = sorted(items, key=lambda item: tuple(part or "" for part in key(item)))
    for value, group in groupby(ordered, key):
        yield value, list(group)


def _row_from_rows(rows: Sequence[UsageRow]) -> UsageRow:
    names = [field.name for field in fields(UsageRow) if field.type is int]
    counts: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in names}
    costs = [row.cost for row in rows if row.cost is not None]
    # The cost of a sum is known only if the cost of each row is known.
    return replace(rows[0], **counts, cost=sum(costs, Decimal(0)) if len(costs) == len(rows) else None)


def _row_from_records(key: UsageKey, records: Sequence[UsageRecord]) -> UsageRow:
    outcomes = [record.outcome for record in records]
    counted = [record.usage for record in records if record.usage is not None]
    unpriced = sum(record.currency is not None and record.cost is None for record in records if record.usage)
    unknown = sum(record.unknown for record in records)
    currency = records[0].currency
    # A call that the service refused is known to cost nothing; the cost of calls without reported usage is not known.
    cost_is_known = currency is not None and not unpriced and (unknown == 0 or bool(counted))
    costs = [record.cost for record in records if record.cost is not None]
    return UsageRow(
        **key._asdict(),
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
        cost=sum(costs, Decimal(0)) if cost_is_known else None,
        currency=currency,
    )
