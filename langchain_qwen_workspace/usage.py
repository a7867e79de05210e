"""Who pays: what each workspace used of each model, counted by a callback handler.

```python
from langchain_qwen_workspace.usage import get_workspace_usage_callback

with get_workspace_usage_callback() as usage:
    agent.invoke(...)
    retriever.invoke(...)
print(usage)
```

Chats, embeddings and rankings of this package are counted, those of other providers are not. Nothing of what was said
is kept: ids, names and counts. A table of your prices (`PriceTable`) adds what it cost, and OpenTelemetry is told the
same numbers if you ask for it.

What a handler is not told: what `QwenWorkspaceBatch` used, whose results say it; and of a request that was sent again
(`max_retries`, or to a router's next workspace) the tries before the last one, which failed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from threading import Lock
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID
from weakref import ref

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from langchain_qwen_workspace._seam import PROVIDER, StreamedChunk
from langchain_qwen_workspace._usage.events import USAGE_EVENT, is_free
from langchain_qwen_workspace._usage.ledger import Call, Ledger
from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace._usage.records import (
    Operation,
    Outcome,
    Place,
    TokenCounts,
    UsageRecord,
    UsageRow,
    rows_of,
)
from langchain_qwen_workspace._usage.tables import rows_from_json, rows_to_csv, rows_to_json, rows_to_markdown
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from langchain_qwen_workspace._usage.telemetry import Telemetry

__all__ = [
    "Operation",
    "Outcome",
    "PriceTable",
    "TokenCounts",
    "UsageRecord",
    "UsageRow",
    "WorkspaceUsageCallbackHandler",
    "get_workspace_usage_callback",
    "rows_from_json",
    "rows_to_csv",
    "rows_to_json",
    "rows_to_markdown",
]

_OPERATIONS: Mapping[str, Operation] = {"chat": "chat", "embedding": "embedding", "rerank": "rerank"}
_TYPE = "chat-qwen-workspace"
_HANDLERS: list[ContextVar[BaseCallbackHandler | None]] = []
_HANDLERS_LOCK = Lock()


class WorkspaceUsageCallbackHandler(BaseCallbackHandler):
    """Counts what each workspace used, by region, model, protocol and operation.

    Every call counts once, though the handler be in its run twice, from any thread or task. It keeps a small record of
    each call until `reset`; a service that runs for long calls that when it has written the numbers down.

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

    # Counting is quicker than the way to another thread, and an end is never counted before its beginning.
    run_inline = True

    def __init__(
        self,
        prices: PriceTable | Mapping[str, Any] | None = None,
        *,
        telemetry: bool = False,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
    ) -> None:
        """Begin to count.

        Args:
            prices: What tokens cost, as a table or its plain data. Default: money is not counted.
            telemetry: Whether OpenTelemetry is told, by its global providers where none is given. Default: only if a
                provider is given.
            tracer_provider: Who makes its spans.
            meter_provider: Who makes its metrics.

        Raises:
            ConfigurationError: The prices are not valid, or OpenTelemetry is not installed.
        """
        super().__init__()
        self._prices = prices if prices is None or isinstance(prices, PriceTable) else PriceTable.from_dict(prices)
        self._ledger = Ledger()
        self._telemetry: Telemetry | None = None
        if telemetry or tracer_provider is not None or meter_provider is not None:
            self._telemetry = _telemetry_of(tracer_provider, meter_provider)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.records())} calls)"

    def __str__(self) -> str:
        return self.to_markdown()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the handler itself: a copy of a component tells the same one."""
        return self

    # --- what was counted ---

    def rows(self) -> list[UsageRow]:
        """Return the sums so far, one row for each workspace, region, model, protocol and operation."""
        return rows_of(self.records())

    def records(self) -> list[UsageRecord]:
        """Return every call so far, in the order in which they began."""
        return self._ledger.records(self._prices)

    def reset(self) -> list[UsageRow]:
        """Return the sums of all calls that ended, and forget these, in one step.

        A call that is under way is kept and counted when it ends, so that of calls counted between two resets none
        is lost or counted twice. A broken-off stream whose usage arrives after the reset stays unknown.
        """
        return rows_of(self._ledger.take(self._prices))

    def to_json(self) -> str:
        """Return the rows as JSON, for `rows_from_json`."""
        return rows_to_json(self.rows())

    def to_csv(self) -> str:
        """Return the rows as CSV with a header."""
        return rows_to_csv(self.rows())

    def to_markdown(self) -> str:
        """Return the rows as an aligned table, with sums for each workspace and for all."""
        return rows_to_markdown(self.rows())

    # --- what LangChain tells ---

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - LangChain's signature
        messages: list[list[BaseMessage]],  # noqa: ARG002 - nothing of what was said is kept
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note that a chat began, if it is one of this package's."""
        params = kwargs.get("invocation_params") or {}
        if (metadata or {}).get("ls_provider") != PROVIDER and params.get("_type") != _TYPE:
            return
        place = _place("chat", params, params.get("model"))
        call = self._ledger.start(run_id, place)
        if call is not None and self._telemetry is not None:
            call.trace = self._telemetry.start(place, params.get("base_url"))

    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **kwargs: Any) -> None:  # noqa: ARG002 - not kept
        """Note that an answer began, and where its stream can be asked for its usage if it ends early."""
        call = self._begun(run_id)
        if call is not None and call.stream is None and isinstance(chunk, StreamedChunk):
            call.stream = ref(chunk)

    def on_stream_event(self, event: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - not kept
        """Note that an answer began, in LangChain's later way to stream."""
        self._begun(run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's
        """Note that a chat was answered, and what it used."""
        message = _message_in(response)
        told = message.response_metadata if message is not None else {}
        place = _place("chat", told, told.get("model_name")) if told.get("model_provider") == PROVIDER else None
        outcome: Outcome = "cached" if message is not None and _from_cache(message, run_id) else "answered"
        tokens = TokenCounts.of(message.usage_metadata) if message is not None and outcome == "answered" else None
        call = self._ledger.end(run_id, outcome, tokens, told.get("request_id"), payer=place, started=True)
        if call is not None and call.trace is not None:
            call.trace.end(call, response_model=told.get("model_name"))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's
        """Note that a chat failed or was broken off, and what it had used if that is known."""
        call = self._ledger.find(run_id)
        chunk = call.stream() if call is not None and call.stream is not None else None
        # LangChain hands over the chunks that came, which have no usage: the service counts at a stream's end.
        so_far = chunk.so_far if chunk is not None else None
        ours = error if isinstance(error, QwenWorkspaceError) else None
        payer = _place("chat", asdict(so_far.destination), None) if so_far is not None else None
        if payer is None and ours is not None and ours.region is not None:
            payer = _place("chat", vars(ours), None)
        call = self._ledger.end(
            run_id,
            # What no handler of errors may catch is no failure: the caller stopped to wait or to read.
            "failed" if isinstance(error, Exception) else "interrupted",
            TokenCounts.of(so_far.usage) if so_far is not None else None,
            (so_far.request_id if so_far is not None else None) or (ours.request_id if ours is not None else None),
            payer=payer,
            free=is_free(error),
        )
        if call is not None and call.trace is not None:
            call.trace.end(call, error=error)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - LangChain's
        """Note what an embedding or a ranking used, or that it failed, and what a stream that ended early used."""
        operation = _OPERATIONS.get(str(data.get("operation"))) if isinstance(data, Mapping) else None
        if name != USAGE_EVENT or operation is None:
            return
        place = _place(operation, data, data.get("model"))
        tokens = TokenCounts.of(data.get("usage_metadata"))
        outcome: Outcome = "interrupted" if data.get("interrupted") else "failed" if data.get("failed") else "answered"
        if operation != "chat":
            if self._ledger.tell(run_id, place, data, outcome) and tokens is not None and self._telemetry is not None:
                self._telemetry.count(place, tokens)
            return
        call = self._ledger.end(run_id, outcome, tokens, data.get("request_id"), payer=place, started=True)
        if call is not None and call.trace is not None:
            call.trace.end(call)

    def _begun(self, run_id: UUID) -> Call | None:
        call = self._ledger.find(run_id)
        if call is not None:
            call.begun = True
        return call


@contextmanager
def get_workspace_usage_callback(
    prices: PriceTable | Mapping[str, Any] | None = None,
    *,
    telemetry: bool = False,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
) -> Iterator[WorkspaceUsageCallbackHandler]:
    """Count what is used by everything that is called inside, without handing a handler on.

    It reaches what LangChain's context variables reach: tasks, batches, agents, streams that begin inside, and threads
    that were started with a copy of the context, as LangChain starts its own. A thread of your own gets it by
    `contextvars.copy_context().run`. One inside another counts for both.

    Args:
        prices: What tokens cost. Default: money is not counted.
        telemetry: Whether OpenTelemetry is told. Default: only if a provider is given.
        tracer_provider: Who makes its spans.
        meter_provider: Who makes its metrics.

    Yields:
        The handler that counts.

    Raises:
        ConfigurationError: The prices are not valid, or OpenTelemetry is not installed.
    """
    handler = WorkspaceUsageCallbackHandler(
        prices, telemetry=telemetry, tracer_provider=tracer_provider, meter_provider=meter_provider
    )
    variable = _free_variable()
    token = variable.set(handler)
    try:
        yield handler
    finally:
        variable.reset(token)


def _free_variable() -> ContextVar[BaseCallbackHandler | None]:
    """Return a variable that LangChain looks at and that holds no handler in this context.

    LangChain never forgets a variable that it was told to look at: there are as many as `with` blocks were ever inside
    one another, not one for each block.
    """
    with _HANDLERS_LOCK:
        for variable in _HANDLERS:
            if variable.get() is None:
                return variable
        new: ContextVar[BaseCallbackHandler | None] = ContextVar(f"qwen_workspace_usage_{len(_HANDLERS)}", default=None)
        register_configure_hook(new, inheritable=True)
        _HANDLERS.append(new)
        return new


def _telemetry_of(tracer_provider: "TracerProvider | None", meter_provider: "MeterProvider | None") -> "Telemetry":
    try:
        # Imported when it is asked for: nobody else needs OpenTelemetry.
        from langchain_qwen_workspace._usage.telemetry import Telemetry  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigurationError(
            f"Telemetry needs OpenTelemetry, which is not installed ({error.name}): `pip install opentelemetry-api`."
        ) from error
    return Telemetry(tracer_provider, meter_provider)


def _place(operation: Operation, told: Mapping[str, Any], model: object) -> Place:
    return Place(told.get("workspace_id"), told.get("region"), str(model), told.get("protocol"), operation)


def _message_in(response: LLMResult | None) -> AIMessage | None:
    """Return the first message of a result; where there are several choices, it alone carries the usage of all."""
    generations: Sequence[Any] = response.generations[0] if response is not None and response.generations else ()
    message = getattr(generations[0], "message", None) if generations else None
    return message if isinstance(message, AIMessage) else None


def _from_cache(message: AIMessage, run_id: UUID) -> bool:
    """Say whether LangChain's cache had an answer.

    Core (1.7) marks such a message's usage with `total_cost`, and makes a bare message of a text that was cached. A
    cache in memory gives out the object that the first call got, so that the mark may be on that one's answer as well;
    but an answer of the service has the id of its own run.
    """
    if message.id is not None and str(run_id) in message.id:
        return False
    return not message.response_metadata or "total_cost" in (message.usage_metadata or {})
