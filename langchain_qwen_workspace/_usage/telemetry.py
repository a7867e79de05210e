"""Reports usage to OpenTelemetry, under the names of its semantic conventions for generative AI.

Spans and metrics have model names, workspace and request ids, and counts; no prompts, answers, keys or error messages.
The names are literals here, since the package that defines them as constants calls them deprecated and moved elsewhere
(opentelemetry-semantic-conventions 0.66b2).
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
from langchain_qwen_workspace._usage.records import Operation, TokenCounts, UsageKey
from langchain_qwen_workspace._version import __version__

_NAME = "langchain_qwen_workspace"
# The conventions have no name for reranking.
_OPERATION_NAMES: dict[Operation, str] = {"chat": "chat", "embedding": "embeddings", "rerank": "rerank"}
# The bucket boundaries that the conventions advise: powers of 4, and powers of 2 from 10 ms on.
_TOKEN_BUCKETS = [float(4**power) for power in range(14)]
_SECOND_BUCKETS = [0.01 * 2**power for power in range(14)]


class Telemetry:
    """The OpenTelemetry instruments of one handler."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        """Create the instruments.

        Args:
            tracer_provider: The provider of spans; `None` for OpenTelemetry's global one.
            meter_provider: The provider of metrics; `None` for OpenTelemetry's global one.
        """
        self._tracer = get_tracer(_NAME, __version__, tracer_provider)
        meter = get_meter(_NAME, __version__, meter_provider)
        self._tokens = _create_histogram(
            meter, "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", _TOKEN_BUCKETS
        )
        self._seconds = _create_histogram(
            meter, "gen_ai.client.operation.duration", "s", "GenAI operation duration.", _SECOND_BUCKETS
        )

    def start(self, key: UsageKey, base_url: str | None) -> "CallTelemetry":
        """Start the span of a call, as a child of the current span.

        Args:
            key: Who pays for what.
            base_url: The URL that is called.
        """
        attributes = {**_key_attributes(key), **_server_attributes(base_url)}
        name = f"{_OPERATION_NAMES[key.operation]} {key.model}"
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        return CallTelemetry(span, attributes, self._tokens, self._seconds)

    def count(self, key: UsageKey, tokens: TokenCounts) -> None:
        """Count the tokens of a request whose start is not reported, so that it has no span and no duration."""
        _record_tokens(self._tokens, tokens, _key_attributes(key))


class CallTelemetry:
    """The span and the metrics of one call, each recorded once."""

    def __init__(self, span: Span, attributes: dict[str, Any], tokens: Histogram, seconds: Histogram) -> None:
        """Start measuring the duration."""
        self._lock = Lock()
        self._span = span
        self._attributes = attributes
        self._tokens = tokens
        self._seconds = seconds
        self._started_at = perf_counter()
        self._has_ended = False
        self._has_counted = False

    def end(self, call: Call, *, response_model: str | None = None, error: BaseException | None = None) -> None:
        """Record how the call ended; later reports of its end only add tokens that were not known before.

        Args:
            call: What is known of it so far.
            response_model: The model's name in the answer.
            error: The error that ended it; only the name of its class is recorded.
        """
        tokens = call.tokens if call.outcome != "cached" else None
        with self._lock:
            is_first, self._has_ended = not self._has_ended, True
            must_count = tokens is not None and not self._has_counted
            self._has_counted = self._has_counted or must_count
        # The workspace that pays may not have been known at the start.
        attributes = {**self._attributes, **_key_attributes(call.key)}
        if response_model is not None:
            attributes["gen_ai.response.model"] = response_model
        if must_count and tokens is not None:
            _record_tokens(self._tokens, tokens, attributes)
        if not is_first:
            return
        # A caller that stops reading is not an error.
        failure = {"error.type": type(error).__name__} if isinstance(error, Exception) else {}
        if call.outcome != "cached":
            self._seconds.record(perf_counter() - self._started_at, {**attributes, **failure})
        response_id = {"gen_ai.response.id": call.request_id} if call.request_id else {}
        self._span.set_attributes(
            {
                **attributes,
                **failure,
                **response_id,
                **_token_attributes(tokens),
                "qwen_workspace.outcome": call.outcome,
            }
        )
        if failure:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _create_histogram(meter: Meter, name: str, unit: str, description: str, buckets: Sequence[float]) -> Histogram:
    try:
        return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)
    except TypeError:  # OpenTelemetry before 1.30 does not have this parameter.
        return meter.create_histogram(name, unit, description)


def _key_attributes(key: UsageKey) -> dict[str, Any]:
    return _without_none(
        {
            "gen_ai.operation.name": _OPERATION_NAMES[key.operation],
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": key.model,
            "qwen_workspace.workspace_id": key.workspace_id,
            "qwen_workspace.region": key.region,
            "qwen_workspace.protocol": key.protocol,
        }
    )


def _server_attributes(base_url: str | None) -> dict[str, Any]:
    url = urlsplit(base_url or "")
    return _without_none({"server.address": url.hostname, "server.port": url.port})


def _token_attributes(tokens: TokenCounts | None) -> dict[str, int]:
    if tokens is None:
        return {}
    return {
        "gen_ai.usage.input_tokens": tokens.input,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached,
        "gen_ai.usage.cache_creation.input_tokens": tokens.cache_written,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning,
    }


def _without_none(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _record_tokens(histogram: Histogram, tokens: TokenCounts, attributes: dict[str, Any]) -> None:
    histogram.record(tokens.input, {**attributes, "gen_ai.token.type": "input"})
    if tokens.output or attributes["gen_ai.operation.name"] == "chat":
        histogram.record(tokens.output, {**attributes, "gen_ai.token.type": "output"})
