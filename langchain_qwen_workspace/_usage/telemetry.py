"""The same numbers for OpenTelemetry, in the words of its conventions for generative AI.

Spans and metrics have the names of models, the ids of workspaces and requests, and counts; no prompt, no answer, no
key and no error's text. The names are written out here, since the package that has them as constants calls them
deprecated and moved to another place (opentelemetry-semantic-conventions 0.66b2).
"""

from collections.abc import Sequence
from threading import Lock
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.metrics import Histogram, Meter, MeterProvider, get_meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, get_tracer

from langchain_qwen_workspace._seam import PROVIDER
from langchain_qwen_workspace._usage.ledger import Call
from langchain_qwen_workspace._usage.records import Place, TokenCounts
from langchain_qwen_workspace._version import __version__

_NAME = "langchain_qwen_workspace"
# The conventions have no word for ranking.
_OPERATIONS = {"chat": "chat", "embedding": "embeddings", "rerank": "rerank"}
# The buckets that the conventions advise: powers of 4, and of 2 from 10 ms on.
_TOKEN_BUCKETS = [float(4**power) for power in range(14)]
_SECOND_BUCKETS = [0.01 * 2**power for power in range(14)]


class Telemetry:
    """The instruments of one handler."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        """Take instruments from these providers.

        Args:
            tracer_provider: Who makes spans; `None` is OpenTelemetry's global one.
            meter_provider: Who makes metrics; `None` is OpenTelemetry's global one.
        """
        self._tracer = get_tracer(_NAME, __version__, tracer_provider)
        meter = get_meter(_NAME, __version__, meter_provider)
        self._tokens = _histogram(
            meter, "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", _TOKEN_BUCKETS
        )
        self._seconds = _histogram(
            meter, "gen_ai.client.operation.duration", "s", "GenAI operation duration.", _SECOND_BUCKETS
        )

    def start(self, place: Place, base_url: str | None) -> "CallTelemetry":
        """Begin the span of a call, as a child of the current one.

        Args:
            place: Who pays for what.
            base_url: Where the call goes.
        """
        facts = {**_facts(place), **_server(base_url)}
        name = f"{_OPERATIONS[place.operation]} {place.model}"
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=facts)
        return CallTelemetry(span, facts, self._tokens, self._seconds)

    def count(self, place: Place, tokens: TokenCounts) -> None:
        """Count the tokens of a request of which only the end is told, so that it has no span and no duration."""
        _count(self._tokens, tokens, _facts(place))


class CallTelemetry:
    """The span and the metrics of one call, each told once."""

    def __init__(self, span: Span, facts: dict[str, Any], tokens: Histogram, seconds: Histogram) -> None:
        """Begin to measure."""
        self._lock = Lock()
        self._span = span
        self._facts = facts
        self._tokens = tokens
        self._seconds = seconds
        self._began = perf_counter()
        self._ended = False
        self._counted = False

    def end(self, call: Call, *, response_model: str | None = None, error: BaseException | None = None) -> None:
        """Note how the call ended; what is told after the first end adds only tokens that were not known then.

        Args:
            call: What is known of it by now.
            response_model: The model's name in the answer.
            error: What ended it, if an error did; only its class is told.
        """
        tokens = call.tokens if call.outcome != "cached" else None
        with self._lock:
            first, self._ended = not self._ended, True
            counts = tokens is not None and not self._counted
            self._counted = self._counted or counts
        # Who pays may not have been known at the beginning.
        facts = {**self._facts, **_facts(call.place)}
        if response_model is not None:
            facts["gen_ai.response.model"] = response_model
        if counts and tokens is not None:
            _count(self._tokens, tokens, facts)
        if not first:
            return
        # Who stops to read makes no error.
        failure = {"error.type": type(error).__name__} if isinstance(error, Exception) else {}
        if call.outcome != "cached":
            self._seconds.record(perf_counter() - self._began, {**facts, **failure})
        answer = {"gen_ai.response.id": call.request_id} if call.request_id else {}
        self._span.set_attributes(
            {**facts, **failure, **answer, **_used(tokens), "qwen_workspace.outcome": call.outcome}
        )
        if failure:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _histogram(meter: Meter, name: str, unit: str, description: str, buckets: Sequence[float]) -> Histogram:
    try:
        return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)
    except TypeError:  # OpenTelemetry before 1.30 takes no advice.
        return meter.create_histogram(name, unit, description)


def _facts(place: Place) -> dict[str, Any]:
    told = {
        "gen_ai.operation.name": _OPERATIONS[place.operation],
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": place.model,
        "qwen_workspace.workspace_id": place.workspace_id,
        "qwen_workspace.region": place.region,
        "qwen_workspace.protocol": place.protocol,
    }
    return {name: value for name, value in told.items() if value is not None}


def _server(base_url: str | None) -> dict[str, Any]:
    url = urlsplit(base_url or "")
    told = {"server.address": url.hostname, "server.port": url.port}
    return {name: value for name, value in told.items() if value is not None}


def _count(histogram: Histogram, tokens: TokenCounts, facts: dict[str, Any]) -> None:
    histogram.record(tokens.input, {**facts, "gen_ai.token.type": "input"})
    if tokens.output or facts["gen_ai.operation.name"] == "chat":
        histogram.record(tokens.output, {**facts, "gen_ai.token.type": "output"})


def _used(tokens: TokenCounts | None) -> dict[str, int]:
    if tokens is None:
        return {}
    return {
        "gen_ai.usage.input_tokens": tokens.input,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_written,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
    }
