"""Which calls there were: each once, whoever tells of it, in whatever order and from whichever thread."""

from collections.abc import Mapping
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import ref

from langchain_qwen_workspace._seam import StreamedChunk
from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace._usage.records import Outcome, Place, TokenCounts, UsageRecord

if TYPE_CHECKING:
    from langchain_qwen_workspace._usage.telemetry import CallTelemetry

# Of two ends of one call the later one in this list is believed, whichever was told first: an answer that came whole
# after an error was told is an answer, and a stream that says itself that it was broken off did not merely fail.
_BELIEVED: tuple[Outcome, ...] = ("open", "failed", "interrupted", "cached", "answered")


class Call:
    """What is known of one call so far.

    Attributes:
        place: Who paid for what.
        run_id: LangChain's id of the run.
        outcome: How it ended.
        tokens: What it used, `None` while that is not known.
        request_id: The service's id of the request, `None` while that is not known.
        begun: Whether a part of the answer came.
        free: Whether it failed in a way that says that nothing was used.
        stream: Finds a chunk of its stream, which knows more of it than LangChain tells, for as long as others keep
            the chunk: what was said is not kept here.
        trace: What OpenTelemetry is told of it, if it is.
    """

    __slots__ = ("begun", "free", "outcome", "place", "request_id", "run_id", "stream", "tokens", "trace")

    def __init__(self, place: Place, run_id: UUID) -> None:
        self.place = place
        self.run_id = run_id
        self.outcome: Outcome = "open"
        self.tokens: TokenCounts | None = None
        self.request_id: str | None = None
        self.begun = False
        self.free = False
        self.stream: ref[StreamedChunk] | None = None
        self.trace: CallTelemetry | None = None

    def learn(
        self, outcome: Outcome, tokens: TokenCounts | None, request_id: str | None, payer: Place | None = None
    ) -> None:
        """Take in what somebody tells; counts are never added up, since all tell of the same tokens."""
        certain = _BELIEVED.index(outcome) >= _BELIEVED.index(self.outcome)
        if tokens is not None and (certain or self.tokens is None):
            self.tokens = tokens
        self.request_id = request_id or self.request_id
        if certain:
            self.outcome = outcome
            if payer is not None:
                # A router says only afterwards which of its workspaces answered; the model is the one asked for.
                self.place = payer._replace(model=self.place.model)

    @property
    def unknown(self) -> bool:
        """Whether it may have used tokens that nobody told of."""
        free = self.outcome in ("open", "cached") or (self.outcome == "failed" and self.free)
        return self.tokens is None and not free

    def record(self, prices: PriceTable | None) -> UsageRecord:
        """Return what is known, for others."""
        usage = None if self.outcome in ("open", "cached") else self.tokens
        cost: Decimal | None = None
        if prices is not None and usage is not None:
            cost = prices.cost(self.place.model, self.place.region, usage)
        return UsageRecord(
            **self.place._asdict(),
            run_id=str(self.run_id),
            request_id=self.request_id,
            outcome=self.outcome,
            usage=usage,
            unknown=self.unknown,
            cost=cost,
            currency=None if prices is None else prices.currency,
        )


class Ledger:
    """All calls that one handler heard of."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._calls: list[Call] = []
        self._by_run: dict[UUID, Call] = {}
        # Custom events by their identity, each kept alive by its call so that no other can have it: a handler that is
        # in a run twice is handed the same object twice, and one run has many events, so that its id says nothing.
        self._events: dict[int, Mapping[str, Any]] = {}
        self._forgotten: set[UUID] = set()

    def start(self, run_id: UUID, place: Place) -> Call | None:
        """Note that a run began, and return its call; `None` if that is known already."""
        with self._lock:
            call = self._by_run.get(run_id)
            if call is not None and call.outcome == "open":
                return None
            # A run id that comes again after its end is a configuration used twice: another call.
            return self._add(run_id, place)

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
        payer: Place | None = None,
        started: bool = False,
        free: bool = False,
    ) -> Call | None:
        """Note how a run ended.

        Args:
            run_id: The run.
            outcome: How.
            tokens: What it used, if that is told.
            request_id: The service's id of the request, if it is told.
            payer: Who paid, if that is told.
            started: Whether that alone says that there was a call, for a run whose beginning was not heard of.
            free: Whether a failure says that nothing was used.

        Returns:
            Its call, `None` if there is none: it is somebody else's, or was forgotten by `take`.
        """
        with self._lock:
            call = self._by_run.get(run_id)
            if call is None:
                if payer is None or not started or run_id in self._forgotten:
                    return None
                call = self._add(run_id, payer)
            if outcome == "failed" and call.begun:
                outcome = "interrupted"
            call.free = free
            call.learn(outcome, tokens, request_id, payer)
            return call

    def tell(self, run_id: UUID, place: Place, event: Mapping[str, Any], outcome: Outcome) -> bool:
        """Note a request that ended within a run, by its event; say whether it was not known yet."""
        with self._lock:
            if id(event) in self._events:
                return False
            self._events[id(event)] = event
            call = Call(place, run_id)
            call.free = event.get("free") is True
            call.learn(outcome, TokenCounts.of(event.get("usage_metadata")), _text(event.get("request_id")))
            self._calls.append(call)
            return True

    def records(self, prices: PriceTable | None) -> list[UsageRecord]:
        """Return what is known of each call, in the order in which they began."""
        with self._lock:
            return [call.record(prices) for call in self._calls]

    def take(self, prices: PriceTable | None) -> list[UsageRecord]:
        """Return what is known of each call that ended, and forget these; calls under way are kept."""
        with self._lock:
            ended = [call for call in self._calls if call.outcome != "open"]
            self._calls = [call for call in self._calls if call.outcome == "open"]
            self._by_run = {call.run_id: call for call in self._calls}
            self._events = {}
            # Their usage may still be told: it must not come back as another call.
            self._forgotten |= {call.run_id for call in ended if call.outcome == "interrupted" and call.unknown}
            return [call.record(prices) for call in ended]

    def _add(self, run_id: UUID, place: Place) -> Call:
        call = Call(place, run_id)
        self._by_run[run_id] = call
        self._calls.append(call)
        return call


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
