"""Counts what each workspace used of each model, with a LangChain callback handler.

```python
from langchain_qwen_workspace.usage import get_workspace_usage_callback

with get_workspace_usage_callback() as usage:
    agent.invoke(...)
    retriever.invoke(...)
print(usage)
```

The handler counts the chats, embeddings and rerankings of this package, not those of other providers. It keeps ids,
names and counts, never prompts or answers. A table of your prices (`PriceTable`), or the name of a dated price list,
adds the cost, and on request OpenTelemetry gets the same numbers.

The requests of a `QwenWorkspaceBatch` are counted when their results are read. Of a request that was sent again
(`max_retries`, or to a router's next workspace), only the last attempt is counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID
from weakref import ref

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables.config import ensure_config
from langchain_core.tracers.context import register_configure_hook

from langchain_qwen_workspace._seam import PROVIDER, HasSnapshot
from langchain_qwen_workspace._usage.events import USAGE_EVENT, is_free
from langchain_qwen_workspace._usage.ledger import Call, Ledger
from langchain_qwen_workspace._usage.price_lists import price_list
from langchain_qwen_workspace._usage.price_rows import Charge, PriceRow
from langchain_qwen_workspace._usage.prices import PriceTable, Pricing, TimeBand
from langchain_qwen_workspace._usage.records import (
    Operation,
    Outcome,
    TokenCounts,
    UsageKey,
    UsageRecord,
    UsageRow,
    sum_costs,
    sum_records,
)
from langchain_qwen_workspace._usage.tables import (
    rows_from_json,
    rows_to_csv,
    rows_to_html,
    rows_to_json,
    rows_to_markdown,
)
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError
from langchain_qwen_workspace.routing import DEFAULT_TENANT_KEY, TENANT

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from langchain_qwen_workspace._usage.telemetry import Telemetry

__all__ = [
    "Charge",
    "Operation",
    "Outcome",
    "PriceRow",
    "PriceTable",
    "TokenCounts",
    "UsageRecord",
    "UsageRow",
    "WorkspaceUsageCallbackHandler",
    "get_workspace_usage_callback",
    "price_list",
    "rows_from_json",
    "rows_to_csv",
    "rows_to_html",
    "rows_to_json",
    "rows_to_markdown",
]

# LangChain reports chat calls itself, but not those of a batch.
_EVENT_OPERATIONS: Mapping[str, Operation] = {"embedding": "embedding", "rerank": "rerank"}
_BATCH_OPERATIONS: Mapping[str, Operation] = {"chat": "chat", **_EVENT_OPERATIONS}
_LLM_TYPE = "chat-qwen-workspace"
_CONTEXT_VARIABLES: list[ContextVar[BaseCallbackHandler | None]] = []


class WorkspaceUsageCallbackHandler(BaseCallbackHandler):
    """Counts what each workspace used, by region, model, protocol and operation.

    Every call is counted once, even if the handler is in its run twice, and from any thread or task. The handler keeps
    a small record of each call until `reset`: in a process that runs for long, store the rows that `reset` returns.

    Example:
        ```python
        from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler

        usage = WorkspaceUsageCallbackHandler(prices={"currency": "CNY", "models": {"qwen-plus": {…}}})
        llm.invoke("Hello", config={"callbacks": [usage]})
        for row in usage.rows():
            print(row.workspace_id, row.model, row.total_tokens, row.cost)
        print(usage)  # a table
        ```
    """

    # Makes LangChain run the handler in the event loop's thread: counting takes less time than switching threads, and
    # the end of a call cannot be counted before its start.
    run_inline = True

    def __init__(
        self,
        prices: PriceTable | Mapping[str, Any] | str | None = None,
        *,
        time_band: TimeBand | None = None,
        tenant_key: str = DEFAULT_TENANT_KEY,
        telemetry: bool = False,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
    ) -> None:
        """Create a handler that has counted nothing.

        Args:
            prices: What tokens cost: a table, its plain data, or the name of a price list of the package, such as
                `"cn-2026-08-20"`. Default: costs are not computed.
            time_band: The time band of all calls, such as `"peak"`, or a function that returns it for the time, in UTC,
                at which a call started. Default: not known, so that calls whose prices depend on it have no cost. Model
                Studio does not publish the hours of its bands, nor whether a call's start or its end counts (2026-11).
            tenant_key: The key of a run's `configurable` or `metadata` that names its tenant, for `totals_by_tenant`.
                Default: `"tenant"`. For a chat model, the `configurable` of the chain around it is read, not that of
                its own config; with a `WorkspaceRouter`, the router's tenant is taken.
            telemetry: Whether to report to OpenTelemetry, through its global providers unless one is given below.
                Default: only if a provider is given.
            tracer_provider: The provider of spans. Default: OpenTelemetry's global one.
            meter_provider: The provider of metrics. Default: OpenTelemetry's global one.

        Raises:
            ConfigurationError: The prices are not valid, or OpenTelemetry is not installed.
        """
        super().__init__()
        table = _price_table(prices)
        self._pricing = None if table is None else Pricing(table, time_band)
        self._tenant_key = tenant_key
        self._ledger = Ledger()
        self._telemetry: Telemetry | None = None
        if telemetry or tracer_provider is not None or meter_provider is not None:
            self._telemetry = _create_telemetry(tracer_provider, meter_provider)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.records())} calls)"

    def __str__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        """Return the table for notebooks."""
        return rows_to_html(self.rows())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the handler itself, so that a copy of a component reports to the same handler."""
        return self

    # --- results ---

    def rows(self) -> list[UsageRow]:
        """Return the sums so far, one row for each workspace, region, model, protocol and operation."""
        return sum_records(self.records())

    def records(self) -> list[UsageRecord]:
        """Return a record of every call so far, in the order in which the calls started."""
        return self._ledger.records(self._pricing)

    def reset(self) -> list[UsageRow]:
        """Return the sums of all calls that ended, and remove these calls, in one atomic step.

        A call in progress is kept, and counted when it ends, so that no call is lost or counted twice.
        """
        return sum_records(self._ledger.pop_ended(self._pricing))

    @property
    def total_cost(self) -> Decimal | None:
        """The cost of all calls so far, not rounded; calls whose usage is not known are not in it.

        `None` if a call has no price, if the usage of no call is known, if there are several currencies (see
        `totals_by_currency`), or without a price table.
        """
        totals = self.totals_by_currency()
        if not totals:
            return None if self._pricing is None else Decimal(0)
        return next(iter(totals.values())) if len(totals) == 1 else None

    def totals_by_currency(self) -> dict[str, Decimal | None]:
        """Return the cost of all calls so far by currency; `None` where a call has no price."""
        return sum_costs(self.records())

    def totals_by_tenant(self) -> dict[str | None, dict[str, Decimal | None]]:
        """Return the cost of all calls so far by tenant and currency; `None` is the tenant of runs that name none."""
        by_tenant: dict[str | None, list[UsageRecord]] = {}
        for record in self.records():
            by_tenant.setdefault(record.tenant, []).append(record)
        return {tenant: sum_costs(records) for tenant, records in by_tenant.items()}

    def to_json(self) -> str:
        """Return the rows as JSON, for `rows_from_json`."""
        return rows_to_json(self.rows())

    def to_csv(self) -> str:
        """Return the rows as CSV with a header."""
        return rows_to_csv(self.rows())

    def to_markdown(self) -> str:
        """Return the rows as an aligned table, with subtotals for each workspace and a total."""
        return rows_to_markdown(self.rows())

    # --- LangChain's callbacks ---

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - LangChain's signature
        messages: list[list[BaseMessage]],  # noqa: ARG002 - prompts are not kept
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Record that a chat started, if it is one of this package."""
        params = kwargs.get("invocation_params") or {}
        if (metadata or {}).get("ls_provider") != PROVIDER and params.get("_type") != _LLM_TYPE:
            return
        key = _usage_key("chat", params, params.get("model"))
        call = self._ledger.start(run_id, key, params.get(TENANT) or self._tenant(metadata))
        if call is not None and self._telemetry is not None:
            call.trace = self._telemetry.start(key, params.get("base_url"))

    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **kwargs: Any) -> None:  # noqa: ARG002 - not kept
        """Record that output arrived, and a reference to the stream, which knows its usage if it ends early."""
        call = self._record_output(run_id)
        if call is not None and call.stream is None and isinstance(chunk, HasSnapshot):
            call.stream = ref(chunk)

    def on_stream_event(self, event: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - not kept
        """Record that output arrived, in version 3 of LangChain's event streams."""
        self._record_output(run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's
        """Record that a chat was answered, and what it used."""
        message = _first_message(response)
        metadata = message.response_metadata if message is not None else {}
        is_ours = metadata.get("model_provider") == PROVIDER
        outcome: Outcome = "cached" if message is not None and _is_from_cache(message, run_id) else "answered"
        usage = message.usage_metadata if message is not None and outcome == "answered" else None
        call = self._ledger.end(
            run_id,
            outcome,
            _token_counts(message, usage),
            metadata.get("request_id"),
            key=_usage_key("chat", metadata, metadata.get("model_name")) if is_ours else None,
            create=True,
        )
        if call is not None and call.trace is not None:
            call.trace.end(call, response_model=metadata.get("model_name"))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's
        """Record that a chat failed or was interrupted, and what it had used if that is known."""
        call = self._ledger.find(run_id)
        # LangChain passes the chunks so far, which have no usage: the service reports it at the end of a stream.
        chunk = call.stream() if call is not None and call.stream is not None else None
        snapshot = chunk.snapshot if chunk is not None else None
        package_error = error if isinstance(error, QwenWorkspaceError) else None
        key = _usage_key("chat", snapshot.destination.facts, None) if snapshot is not None else None
        if key is None and package_error is not None and package_error.protocol is not None:
            key = _usage_key("chat", vars(package_error), None)
        call = self._ledger.end(
            run_id,
            # `except Exception` does not catch a cancellation: the caller stopped waiting or reading.
            "failed" if isinstance(error, Exception) else "interrupted",
            TokenCounts.from_usage_metadata(snapshot.usage, snapshot.token_usage) if snapshot is not None else None,
            (snapshot.request_id if snapshot is not None else None)
            or (package_error.request_id if package_error is not None else None),
            key=key,
            free=is_free(error),
        )
        if call is not None and call.trace is not None:
            call.trace.end(call, error=error)

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ARG002 - LangChain's
    ) -> None:
        """Record what an embedding or rerank request, or a line of a batch, used, or that it failed."""
        if name != USAGE_EVENT or not isinstance(data, Mapping):
            return
        operations = _EVENT_OPERATIONS if data.get("batch_line") is None else _BATCH_OPERATIONS
        operation = operations.get(str(data.get("operation")))
        if operation is None:
            return
        key = _usage_key(operation, data, data.get("model"))
        tokens = TokenCounts.from_usage_metadata(data.get("usage_metadata"))
        outcome: Outcome = "interrupted" if data.get("interrupted") else "failed" if data.get("failed") else "answered"
        is_new = self._ledger.record_event(run_id, key, data, outcome, self._tenant(metadata))
        if is_new and tokens is not None and self._telemetry is not None:
            self._telemetry.count(key, tokens)

    def _tenant(self, metadata: Mapping[str, Any] | None) -> str | None:
        """Return the tenant that the run around a call names, in its `configurable` or its metadata."""
        named = {**(metadata or {}), **ensure_config().get("configurable", {})}
        tenant = named.get(self._tenant_key)
        return None if tenant is None else str(tenant)

    def _record_output(self, run_id: UUID) -> Call | None:
        call = self._ledger.find(run_id)
        if call is not None:
            call.has_output = True
        return call


@contextmanager
def get_workspace_usage_callback(
    prices: PriceTable | Mapping[str, Any] | str | None = None,
    *,
    time_band: TimeBand | None = None,
    tenant_key: str = DEFAULT_TENANT_KEY,
    telemetry: bool = False,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
) -> Iterator[WorkspaceUsageCallbackHandler]:
    """Count the usage of every call inside the `with` block, without passing a handler to each.

    It counts whatever runs in the block's context (`contextvars`): tasks, batches, agents, streams that start inside,
    and threads that were started with a copy of the context, as LangChain starts its own. In a thread of your own, run
    the calls with `contextvars.copy_context().run`. A call inside nested blocks is counted by each of them.

    Args:
        prices: What tokens cost: a table, its plain data, or the name of a price list. Default: costs are not computed.
        time_band: The time band of all calls, or a function that returns it, as for the handler.
        tenant_key: The key of a run's `configurable` that names its tenant, as for the handler. Default: `"tenant"`.
        telemetry: Whether to report to OpenTelemetry. Default: only if a provider is given.
        tracer_provider: The provider of spans.
        meter_provider: The provider of metrics.

    Yields:
        The handler that counts.

    Raises:
        ConfigurationError: The prices are not valid, or OpenTelemetry is not installed.
    """
    handler = WorkspaceUsageCallbackHandler(
        prices,
        time_band=time_band,
        tenant_key=tenant_key,
        telemetry=telemetry,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )
    variable = _unused_context_variable()
    token = variable.set(handler)
    try:
        yield handler
    finally:
        variable.reset(token)


def _unused_context_variable() -> ContextVar[BaseCallbackHandler | None]:
    """Return a context variable that is registered with LangChain and holds no handler in this context.

    LangChain has no way to unregister a variable, so variables are reused: there are as many as the deepest nesting of
    `with` blocks so far, not one for each block.
    """
    for variable in tuple(_CONTEXT_VARIABLES):
        if variable.get() is None:
            return variable
    # Threads that do this at the same time make a variable each, which does no harm.
    new: ContextVar[BaseCallbackHandler | None] = ContextVar("qwen_workspace_usage", default=None)
    register_configure_hook(new, inheritable=True)
    _CONTEXT_VARIABLES.append(new)
    return new


def _create_telemetry(tracer_provider: "TracerProvider | None", meter_provider: "MeterProvider | None") -> "Telemetry":
    try:
        # Imported only on request: nothing else needs OpenTelemetry.
        from langchain_qwen_workspace._usage.telemetry import Telemetry  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigurationError(
            f"Telemetry needs OpenTelemetry, which is not installed ({error.name}). Run "
            "`pip install opentelemetry-api`."
        ) from error
    return Telemetry(tracer_provider, meter_provider)


def _price_table(prices: PriceTable | Mapping[str, Any] | str | None) -> PriceTable | None:
    if prices is None or isinstance(prices, PriceTable):
        return prices
    return price_list(prices) if isinstance(prices, str) else PriceTable.from_dict(prices)


def _token_counts(message: AIMessage | None, usage: object) -> TokenCounts | None:
    """Return what an answer used; `usage` is its usage metadata, if it counts."""
    if message is None or usage is None:
        return None
    tokens = TokenCounts.from_usage_metadata(usage, message.response_metadata.get("token_usage"))
    if tokens is None or tokens.reasoning:
        return tokens
    # Some answers have reasoning but do not count it.
    return replace(tokens, has_reasoning=any(block.get("type") == "reasoning" for block in message.content_blocks))


def _usage_key(operation: Operation, facts: Mapping[str, Any], model: object) -> UsageKey:
    return UsageKey(facts.get("workspace_id"), facts.get("region"), str(model), facts.get("protocol"), operation)


def _first_message(response: LLMResult | None) -> AIMessage | None:
    """Return the first message of a result; with several choices, only the first has usage, that of all choices."""
    generations: Sequence[Any] = response.generations[0] if response is not None and response.generations else ()
    message = getattr(generations[0], "message", None) if generations else None
    return message if isinstance(message, AIMessage) else None


def _is_from_cache(message: AIMessage, run_id: UUID) -> bool:
    """Return whether a message comes from LangChain's cache.

    LangChain core (1.7) adds `total_cost` to the usage of a cached message, and makes a message without id, metadata
    and usage of a cached text. A cache in memory returns the very object that the first call got, so `total_cost` may
    be on the first call's answer as well; but an answer of the service has the id of its own run.
    """
    if message.id is not None and str(run_id) in message.id:
        return False
    return not message.response_metadata or "total_cost" in (message.usage_metadata or {})
