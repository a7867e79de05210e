"""Records of single calls, and the rows that sum them up by usage key."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
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
        region: The region's id, `None` if it is not known.
        model: The model's name as it was requested.
        protocol: `"openai"`, `"dashscope"` or `"responses"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
    """

    workspace_id: str | None
    region: str | None
    model: str
    protocol: str | None
    operation: Operation


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of one call, and the service's tools that it used.

    Attributes:
        input: All input tokens, cached or not.
        output: All output tokens, reasoning included.
        total: The total that the service reports.
        cached: Input tokens that were read from the service's cache (`cache_read`).
        cache_written: Input tokens that were written to the service's explicit cache (`cache_creation`).
        reasoning: Output tokens of the model's reasoning.
        cache_written_5m: Of the written tokens, those that the service reports as kept for 5 minutes.
        cache_written_1h: Of the written tokens, those that the service reports as kept for 1 hour.
        has_explicit_cache: Whether the cached tokens are from the explicit cache: `cache_type` is in the usage.
        audio_input: Input tokens of audio.
        media_input: Input tokens of images and videos.
        audio_output: Output tokens of audio.
        has_reasoning: Whether the answer has reasoning, even if the service does not count its tokens.
        tool_calls: The calls of the service's tools, such as `search`, by the service's name.
    """

    input: int
    output: int
    total: int
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    cache_written_5m: int = 0
    cache_written_1h: int = 0
    has_explicit_cache: bool = False
    audio_input: int = 0
    media_input: int = 0
    audio_output: int = 0
    has_reasoning: bool = False
    tool_calls: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def is_thinking(self) -> bool:
        """Whether the model reasoned."""
        return self.has_reasoning or self.reasoning > 0

    @classmethod
    def from_usage_metadata(cls, usage: object, token_usage: object = None) -> Self | None:
        """Return the counts of a call; `None` if they are not known, which is not zero.

        Args:
            usage: LangChain's `usage_metadata`.
            token_usage: The usage in the service's words, as `response_metadata["token_usage"]` has it. It says which
                cache the cached tokens are from, and which tools were called, for which LangChain has no place.
        """
        if not isinstance(usage, Mapping) or not {"input_tokens", "output_tokens"} & usage.keys():
            return None
        input_tokens, output_tokens = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
        inputs: Mapping[str, Any] = usage.get("input_token_details") or {}
        outputs: Mapping[str, Any] = usage.get("output_token_details") or {}
        native: Mapping[str, Any] = token_usage if isinstance(token_usage, Mapping) else {}
        return cls(
            input=input_tokens,
            output=output_tokens,
            total=usage.get("total_tokens") or input_tokens + output_tokens,
            cached=inputs.get("cache_read") or 0,
            cache_written=inputs.get("cache_creation") or 0,
            reasoning=outputs.get("reasoning") or 0,
            cache_written_5m=inputs.get("ephemeral_5m_input_tokens") or 0,
            cache_written_1h=inputs.get("ephemeral_1h_input_tokens") or 0,
            has_explicit_cache=_has_cache_type(native),
            audio_input=inputs.get("audio") or 0,
            media_input=(inputs.get("image") or 0) + (inputs.get("video") or 0),
            audio_output=outputs.get("audio") or 0,
            tool_calls=_count_tool_calls(native),
        )


def _has_cache_type(usage: Mapping[str, Any]) -> bool:
    """Return whether the service names the type of its cache, which it does for the explicit cache only.

    Source: Model Studio docs, context cache, 2026-09; @ai-sdk/alibaba 2.0.58.
    """
    details = (usage.get("prompt_tokens_details"), usage.get("input_tokens_details"))
    return any(isinstance(each, Mapping) and each.get("cache_type") for each in details)


def _count_tool_calls(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the calls of the service's tools.

    Source: recordings of 2025 and 2026, which have `plugins` in a chat's usage, and `x_tools` in that of Responses.
    """
    found: dict[str, Any] = {}
    for name in ("plugins", "x_tools"):
        if isinstance(tools := usage.get(name), Mapping):
            found.update(tools)
    counts = {tool: facts.get("count") for tool, facts in found.items() if isinstance(facts, Mapping)}
    return {tool: count for tool, count in counts.items() if isinstance(count, int) and count > 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """One call.

    Attributes:
        run_id: LangChain's run id: the chat call's own, or that of the run around an embedding or rerank request; for
            a request of a batch, an id that the package makes.
        request_id: The service's request id, `None` if it is not known.
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id, `None` if it is not known.
        model: The model's name as it was requested.
        protocol: `"openai"`, `"dashscope"` or `"responses"`.
        operation: `"chat"`, `"embedding"` or `"rerank"`.
        outcome: How the call ended.
        usage: Its tokens; `None` if they are not known, and for calls that used none.
        unknown: Whether the call may have used tokens that were not reported.
        cost: What it costs, `None` without a price table or without a price for it.
        currency: The currency of the cost, `None` without a price table.
        unpriced: The kinds of its tokens and tool calls for which the price table has no price, such as
            `("explicit_cached_input",)`.
        tool_costs: Of the cost, that of the calls of each of the service's tools, by the service's name.
        tenant: The tenant that its run names, `None` if it names none.
        batch: Whether it was a request of the Batch API.
        price_list: The name of the price table, `None` if it has none.
        price_date: The day for which the price table's prices were read, `None` if it does not say so.
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
    unpriced: tuple[str, ...] = ()
    tool_costs: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    tenant: str | None = None
    batch: bool = False
    price_list: str | None = None
    price_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """The sum of all calls with the same workspace, region, model, protocol and operation.

    Attributes:
        workspace_id: The workspace that pays, `None` if it is not known.
        region: The region's id, `None` if it is not known.
        model: The model's name as it was requested.
        protocol: `"openai"`, `"dashscope"` or `"responses"`.
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
        explicit_cached_tokens: Of the cached tokens, those from the explicit cache.
        cache_written_1h_tokens: Of the written tokens, those that were written for 1 hour.
        audio_input_tokens: Input tokens of audio.
        media_input_tokens: Input tokens of images and videos.
        audio_output_tokens: Output tokens of audio.
        tool_calls: Calls of the service's tools, such as its web search.
        unpriced_calls: Calls with tokens for which the price table has no price; 0 without a price table.
        cost: The cost of all calls whose usage is known, not rounded. `None` if one of them has no price, if the usage
            of no call is known, or without a price table.
        currency: The currency of the cost, `None` without a price table.
        price_list: The name of the price table, `None` if it has none.
        price_date: The day for which the price table's prices were read, `None` if it does not say so.
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
    explicit_cached_tokens: int = 0
    cache_written_1h_tokens: int = 0
    audio_input_tokens: int = 0
    media_input_tokens: int = 0
    audio_output_tokens: int = 0
    tool_calls: int = 0
    unpriced_calls: int = 0
    cost: Decimal | None = None
    currency: str | None = None
    price_list: str | None = None
    price_date: date | None = None


def sum_records(records: Iterable[UsageRecord]) -> list[UsageRow]:
    """Return one row for each usage key of the records, sorted by key."""
    return [_row_from_records(key, group) for key, group in _group(records, _usage_key)]


def sum_rows(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """Return one row for each usage key, currency and price list of the rows, sorted by key."""
    return [_row_from_rows(group) for _, group in _group(rows, lambda row: (*_usage_key(row), *_price_key(row)))]


def sum_costs(records: Iterable[UsageRecord]) -> dict[str, Decimal | None]:
    """Return the cost of records by currency, as a row has it; records without a price table have no currency."""
    groups: dict[str, list[UsageRecord]] = {}
    for record in records:
        if record.currency is not None and record.outcome not in ("open", "cached"):
            groups.setdefault(record.currency, []).append(record)
    return {currency: _sum_costs(groups[currency]) for currency in sorted(groups)}


def _sum_costs(records: Sequence[UsageRecord]) -> Decimal | None:
    # A call that the service refused is known to cost nothing; the cost of calls without reported usage is not known.
    counted = [record for record in records if record.usage is not None]
    if any(record.cost is None for record in counted) or (not counted and any(record.unknown for record in records)):
        return None
    return sum((record.cost for record in counted if record.cost is not None), Decimal(0))


def _usage_key(item: UsageRecord | UsageRow) -> UsageKey:
    return UsageKey(item.workspace_id, item.region, item.model, item.protocol, item.operation)


def _price_key(row: UsageRow) -> tuple[str | None, ...]:
    return row.currency, row.price_list, None if row.price_date is None else row.price_date.isoformat()


def _group(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> Iterator[tuple[_Key, list[_Item]]]:
    ordered = sorted(items, key=lambda item: tuple(part or "" for part in key(item)))
    for value, group in groupby(ordered, key):
        yield value, list(group)


def _row_from_rows(rows: Sequence[UsageRow]) -> UsageRow:
    names = [each.name for each in fields(UsageRow) if each.type is int]
    counts: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in names}
    costs = [row.cost for row in rows if row.cost is not None]
    # The cost of a sum is known only if the cost of each row is known.
    return replace(rows[0], **counts, cost=sum(costs, Decimal(0)) if len(costs) == len(rows) else None)


def _row_from_records(key: UsageKey, records: Sequence[UsageRecord]) -> UsageRow:
    outcomes = [record.outcome for record in records]
    counted = [record.usage for record in records if record.usage is not None]
    first = records[0]
    return UsageRow(
        **key._asdict(),
        calls=sum(outcome not in ("open", "cached") for outcome in outcomes),
        failed_calls=outcomes.count("failed"),
        interrupted_calls=outcomes.count("interrupted"),
        unknown_calls=sum(record.unknown for record in records),
        cached_answers=outcomes.count("cached"),
        open_calls=outcomes.count("open"),
        input_tokens=sum(tokens.input for tokens in counted),
        output_tokens=sum(tokens.output for tokens in counted),
        total_tokens=sum(tokens.total for tokens in counted),
        cached_tokens=sum(tokens.cached for tokens in counted),
        cache_written_tokens=sum(tokens.cache_written for tokens in counted),
        reasoning_tokens=sum(tokens.reasoning for tokens in counted),
        explicit_cached_tokens=sum(tokens.cached for tokens in counted if tokens.has_explicit_cache),
        cache_written_1h_tokens=sum(tokens.cache_written_1h for tokens in counted),
        audio_input_tokens=sum(tokens.audio_input for tokens in counted),
        media_input_tokens=sum(tokens.media_input for tokens in counted),
        audio_output_tokens=sum(tokens.audio_output for tokens in counted),
        tool_calls=sum(sum(tokens.tool_calls.values()) for tokens in counted),
        unpriced_calls=sum(record.cost is None for record in records if record.currency and record.usage),
        cost=None if first.currency is None else _sum_costs(records),
        currency=first.currency,
        price_list=first.price_list,
        price_date=first.price_date,
    )
