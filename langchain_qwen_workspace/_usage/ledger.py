"""A thread-safe ledger of calls; duplicate or late callbacks do not count a call twice."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import RLock
from typing import Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5
from weakref import ref

from langchain_qwen_workspace import _process
from langchain_qwen_workspace._seam import HasSnapshot
from langchain_qwen_workspace._usage.prices import Pricing
from langchain_qwen_workspace._usage.records import Outcome, TokenCounts, UsageKey, UsageRecord

# Of two ends that are reported for one call the later one in this list counts, in whichever order they arrive: a
# complete answer that is reported after an error is an answer.
_OUTCOME_PRECEDENCE: tuple[Outcome, ...] = ("open", "failed", "interrupted", "cached", "answered")


# LangChain does not report either that a synchronous event stream of version 3 was dropped, and nothing shows it: a
# handler that is reset regularly would keep such calls for ever.
_MAX_OPEN_CALLS = 10_000


_NO_TOKENS = TokenCounts(0, 0, 0)


class CallTrace(Protocol):
    """Records one call for tracing."""

    def end(self, call: "Call", *, response_model: str | None = None, error: BaseException | None = None) -> None:
        """Record how the call ended."""


class Call:
    """What is known of one call so far.

    Attributes:
        key: Who pays for what.
        run_id: LangChain's run id.
        outcome: How it ended.
        tokens: What it used, `None` while that is not known.
        request_id: The service's request id, `None` while it is not known.
        has_output: Whether a part of the answer arrived.
        free: Whether its error means that nothing was used.
        stream: Refers weakly to a chunk of its stream, which has the usage that LangChain does not report when a
            stream ends early. A strong reference would keep prompts and answers alive.
        task: Refers weakly to the task that started it, `None` if a thread without an event loop did.
        trace: Its span and metrics, `None` if it is not traced.
        tenant: The tenant that its run names, `None` if it names none.
        batch: Whether it is a request of the Batch API.
        started_at: When it was reported first.
    """

    __slots__ = (
        *("free", "has_output", "key", "outcome", "request_id", "run_id", "started_at", "stream", "task", "tenant"),
        *("batch", "tokens", "trace"),
    )

    def __init__(self, key: UsageKey, run_id: UUID, tenant: str | None = None) -> None:
        self.key = key
        self.run_id = run_id
        self.outcome: Outcome = "open"
        self.tokens: TokenCounts | None = None
        self.request_id: str | None = None
        self.has_output = False
        self.free = False
        self.stream: ref[HasSnapshot] | None = None
        self.task: ref[asyncio.Task[Any]] | None = None
        self.trace: CallTrace | None = None
        self.tenant = tenant
        self.batch = False
        self.started_at = datetime.now(UTC)

    def merge(
        self, outcome: Outcome, tokens: TokenCounts | None, request_id: str | None, key: UsageKey | None = None
    ) -> None:
        """Merge one report of the call's end into what is known; all reports count the same tokens, so none are added.

        Args:
            outcome: How it ended.
            tokens: What it used, if the report has it.
            request_id: The service's request id, if the report has it.
            key: Who pays for what, if the report has it.
        """
        has_precedence = _OUTCOME_PRECEDENCE.index(outcome) >= _OUTCOME_PRECEDENCE.index(self.outcome)
        if tokens is not None and (has_precedence or self.tokens is None):
            self.tokens = tokens
        self.request_id = request_id or self.request_id
        if has_precedence:
            self.outcome = outcome
            if key is not None:
                # With a router, the workspace that served the call is known only at its end. The model stays the
                # requested one.
                self.key = key._replace(model=self.key.model)

    @property
    def is_abandoned(self) -> bool:
        """Whether no end was reported and nothing is left that could report one.

        LangChain does not tell handlers that the task around `ainvoke` was cancelled (langchain-core 1.8,
        `BaseChatModel.agenerate`), or that an event loop was closed with a stream in it. A stream may be read on in
        another task than the one that started it.
        """
        if self.outcome != "open" or self.task is None:
            return False
        task = self.task()
        is_held = self.has_output if self.stream is None else self.stream() is not None
        return not is_held and (task is None or task.done())

    @property
    def unknown(self) -> bool:
        """Whether the call may have used tokens that were not reported."""
        used_nothing = self.outcome in ("open", "cached") or (self.outcome == "failed" and self.free)
        return self.tokens is None and not used_nothing

    def record(self, prices: Pricing | None) -> UsageRecord:
        """Return the call as an immutable record, with its cost if there are prices."""
        usage = None if self.outcome in ("open", "cached") else self.tokens
        table = None if prices is None else prices.table
        charge = None
        if prices is not None:
            charge = prices.charge(self.key.model, self.key.region, usage or _NO_TOKENS, self.started_at, self.batch)
        return UsageRecord(
            **self.key._asdict(),
            run_id=str(self.run_id),
            request_id=self.request_id,
            outcome=self.outcome,
            usage=usage,
            unknown=self.unknown,
            cost=None if charge is None or usage is None else charge.cost,
            currency=None if charge is None else charge.currency,
            unpriced=() if charge is None else charge.unpriced,
            tool_costs={} if charge is None or charge.cost is None else charge.tool_costs,
            tenant=self.tenant,
            batch=self.batch,
            price_list=None if table is None else table.name,
            price_date=None if table is None else table.date,
        )


class Ledger:
    """All calls that were reported to one handler."""

    def __init__(self) -> None:
        """Create an empty ledger."""
        self.reset_after_fork()
        _process.register(self)

    def reset_after_fork(self) -> None:
        """Start empty: the parent process reports its calls itself."""
        # Reentrant: a garbage collection may close a stream, and so report its end, in the thread that has the lock.
        self._lock = RLock()
        self._calls: list[Call] = []
        self._by_run: dict[UUID, Call] = {}
        # LangChain passes one event object twice to a handler that is twice in a run, and a run has many events, so
        # only the object's identity tells events apart. Keeping the events alive keeps their ids unique.
        self._events: dict[int, Mapping[str, Any]] = {}

    def start(self, run_id: UUID, key: UsageKey, tenant: str | None = None) -> Call | None:
        """Record that a run started, and return its call; `None` if the call is in the ledger already."""
        with self._lock:
            call = self._by_run.get(run_id)
            if call is not None and call.outcome == "open":
                return None
            # A run id that starts again after its end belongs to a config that is used twice: another call.
            call = self._add(run_id, key, tenant)
            call.task = _current_task()
            return call

    def find(self, run_id: UUID) -> Call | None:
        """Return the call of a run, if there is one."""
        return self._by_run.get(run_id)

    def end(
        self,
        run_id: UUID,
        outcome: Outcome,
        tokens: TokenCounts | None,
        request_id: str | None,
        *,
        key: UsageKey | None = None,
        create: bool = False,
        free: bool = False,
    ) -> Call | None:
        """Record how a run ended.

        Args:
            run_id: The run.
            outcome: How it ended.
            tokens: What it used, if that is known.
            request_id: The service's request id, if it is known.
            key: Who pays for what, if that is known.
            create: Whether to add a call with this `key` if the start of the run was not reported.
            free: Whether its error means that nothing was used.

        Returns:
            The run's call; `None` if it is not in the ledger: it is another provider's, or `pop_ended` removed it.
        """
        with self._lock:
            call = self._by_run.get(run_id)
            if call is None:
                if key is None or not create:
                    return None
                call = self._add(run_id, key)
            if outcome == "failed" and call.has_output:
                outcome = "interrupted"
            call.free = free
            call.merge(outcome, tokens, request_id, key)
            return call

    def record_event(
        self, run_id: UUID, key: UsageKey, event: Mapping[str, Any], outcome: Outcome, tenant: str | None = None
    ) -> bool:
        """Record a request within a run by the event that reports its end; return whether the event is new."""
        with self._lock:
            if id(event) in self._events:
                return False
            line = event.get("batch_line")
            if line is not None and (run_id := uuid5(NAMESPACE_URL, str(line))) in self._by_run:
                return False
            self._events[id(event)] = event
            call = Call(key, run_id, tenant)
            if line is not None:
                call.batch = True
                self._by_run[run_id] = call
            call.free = event.get("free") is True
            tokens = TokenCounts.from_usage_metadata(event.get("usage_metadata"))
            call.merge(outcome, tokens, _non_empty_string(event.get("request_id")))
            self._calls.append(call)
            return True

    def records(self, prices: Pricing | None) -> list[UsageRecord]:
        """Return a record of each call, in the order in which the calls started."""
        self._end_abandoned()
        with self._lock:
            return [call.record(prices) for call in self._calls]

    def pop_ended(self, prices: Pricing | None) -> list[UsageRecord]:
        """Remove the calls that ended and return their records; calls in progress stay."""
        self._end_abandoned()
        with self._lock:
            ended = [call for call in self._calls if call.outcome != "open"]
            self._calls = [call for call in self._calls if call.outcome == "open"]
            self._by_run = {call.run_id: call for call in self._calls}
            self._events = {}
            return [call.record(prices) for call in ended]

    def _end_abandoned(self) -> None:
        with self._lock:
            open_calls = [call for call in self._calls if call.outcome == "open"]
            too_many = len(open_calls) - _MAX_OPEN_CALLS
            abandoned = [call for index, call in enumerate(open_calls) if index < too_many or call.is_abandoned]
            for call in abandoned:
                call.merge("interrupted", None, None)
        for call in abandoned:
            if call.trace is not None:
                call.trace.end(call)

    def _add(self, run_id: UUID, key: UsageKey, tenant: str | None = None) -> Call:
        call = Call(key, run_id, tenant)
        self._by_run[run_id] = call
        self._calls.append(call)
        return call


def _current_task() -> ref[asyncio.Task[Any]] | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # This thread runs no event loop.
        return None
    return None if task is None else ref(task)


def _non_empty_string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
