"""An OpenTelemetry SDK that keeps spans and metrics in memory."""

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class TelemetryRecorder:
    """Provides tracers and meters, and records their spans and metrics."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader])

    @property
    def providers(self) -> dict[str, Any]:
        return {"tracer_provider": self.tracer_provider, "meter_provider": self.meter_provider}

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended."""
        return self._spans.get_finished_spans()

    @property
    def span(self) -> dict[str, Any]:
        """The attributes of the only span."""
        (span,) = self.spans
        return dict(span.attributes or {})

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data: Any = self._reader.get_metrics_data()
        if data is None:
            return []
        metrics = [metric for r in data.resource_metrics for s in r.scope_metrics for metric in s.metrics]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]

    def tokens(self) -> dict[str, tuple[int, int]]:
        """Return the number of calls and the sum of tokens, by type of token."""
        points = self.points("gen_ai.client.token.usage")
        return {point.attributes["gen_ai.token.type"]: (point.count, point.sum) for point in points}
