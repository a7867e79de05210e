"""OpenTelemetry is told the same numbers, in its own words, and only if somebody asks for it."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from opentelemetry import trace
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import Meter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, server_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from pydantic import SecretStr

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    RateLimitError,
    WorkspaceRouter,
)
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler, get_workspace_usage_callback


class Telescope:
    """Both of the SDK's providers, and what they were told."""

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
        return self._spans.get_finished_spans()

    @property
    def span(self) -> dict[str, Any]:
        """The attributes of the only span."""
        (span,) = self.spans
        return dict(span.attributes or {})

    def points(self, name: str) -> list[Any]:
        data: Any = self._reader.get_metrics_data()
        if data is None:
            return []
        metrics = [metric for r in data.resource_metrics for s in r.scope_metrics for metric in s.metrics]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]

    def tokens(self) -> dict[str, tuple[int, int]]:
        """Return how many calls and tokens there were of each type."""
        points = self.points("gen_ai.client.token.usage")
        return {point.attributes["gen_ai.token.type"]: (point.count, point.sum) for point in points}


@pytest.fixture
def telescope() -> Telescope:
    return Telescope()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture(scope="module")
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("observed")


def chat(workspace: Any, **fields: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0, **fields)


async def test_a_chat_is_a_span_and_counts(telescope: Telescope, sandbox: Sandbox, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**telescope.providers) as usage:
        chat(workspace, protocol="dashscope").invoke("Hi")
    (row,), (record,) = usage.rows(), usage.records()
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "qwen_workspace",
        "gen_ai.request.model": "qwen-plus",
        "gen_ai.response.model": "qwen-plus",
        "qwen_workspace.workspace_id": workspace.workspace_id,
        "qwen_workspace.region": "ap-southeast-1",
        "qwen_workspace.protocol": "dashscope",
        "server.address": "127.0.0.1",
        "server.port": int(sandbox.base_url.rpartition(":")[2]),
    }
    assert telescope.span == {
        **facts,
        "gen_ai.response.id": record.request_id,
        "gen_ai.usage.input_tokens": row.input_tokens,
        "gen_ai.usage.output_tokens": row.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "qwen_workspace.outcome": "answered",
    }
    (span,) = telescope.spans
    assert (span.name, span.kind, span.status.is_unset) == ("chat qwen-plus", trace.SpanKind.CLIENT, True)
    assert telescope.tokens() == {"input": (1, row.input_tokens), "output": (1, row.output_tokens)}
    (seconds,) = telescope.points("gen_ai.client.operation.duration")
    assert dict(seconds.attributes) == facts
    assert seconds.count == 1
    assert 0 < seconds.sum < 60
    assert seconds.explicit_bounds[:3] == pytest.approx([0.01, 0.02, 0.04])


def test_the_words_are_those_of_the_conventions(telescope: Telescope, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**telescope.providers):
        chat(workspace).invoke("Hi")
    words = [*vars(gen_ai_attributes).values(), *vars(server_attributes).values()]
    conventions = {word for word in words if isinstance(word, str)}
    own = {"qwen_workspace.workspace_id", "qwen_workspace.region", "qwen_workspace.protocol", "qwen_workspace.outcome"}
    assert telescope.span.keys() - own <= conventions
    assert telescope.points(gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE)
    assert telescope.points(gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION)


async def test_the_sums_are_the_handlers(telescope: Telescope, workspace: QwenWorkspace) -> None:
    llm = chat(workspace)
    with get_workspace_usage_callback(**telescope.providers) as usage:
        llm.batch(["a", "b", "c"])
        await llm.abatch(["d", "e"])
        list(llm.stream("f", config={"callbacks": [usage]}))
        _ = [chunk async for chunk in llm.astream("g")]
    (row,) = usage.rows()
    assert telescope.tokens() == {"input": (7, row.input_tokens), "output": (7, row.output_tokens)}
    assert len(telescope.spans) == 7


def test_an_opentelemetry_that_takes_no_advice_counts_as_well(
    telescope: Telescope, workspace: QwenWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One before 1.30, whose histograms have the SDK's own buckets."""
    create = Meter.create_histogram

    def without_advice(self: Meter, name: str, unit: str = "", description: str = "") -> Histogram:
        return create(self, name, unit, description)

    monkeypatch.setattr(Meter, "create_histogram", without_advice)
    with get_workspace_usage_callback(**telescope.providers) as usage:
        chat(workspace).invoke("a")
    (row,) = usage.rows()
    assert telescope.tokens() == {"input": (1, row.input_tokens), "output": (1, row.output_tokens)}


def test_a_span_is_a_child_of_the_callers(telescope: Telescope, workspace: QwenWorkspace) -> None:
    usage = WorkspaceUsageCallbackHandler(**telescope.providers)
    with telescope.tracer_provider.get_tracer("mine").start_as_current_span("mine") as mine:
        chat(workspace).invoke("Hi", config={"callbacks": [usage]})
    assert telescope.spans[0].parent == mine.get_span_context()


def test_a_failure_has_its_class_and_no_text(telescope: Telescope, sandbox: Sandbox, workspace: QwenWorkspace) -> None:
    sandbox.fail_next(status=429, code="Throttling.RateQuota", message="xyzzy")
    with get_workspace_usage_callback(**telescope.providers), pytest.raises(RateLimitError):
        chat(workspace).invoke("xyzzy")
    assert telescope.span["error.type"] == "RateLimitError"
    assert telescope.span["qwen_workspace.outcome"] == "failed"
    assert telescope.spans[0].status.status_code is trace.StatusCode.ERROR
    assert telescope.tokens() == {}
    assert telescope.points("gen_ai.client.operation.duration")[0].attributes["error.type"] == "RateLimitError"
    assert "xyzzy" not in telescope.spans[0].to_json()


def test_a_stream_that_the_caller_leaves_is_no_error(telescope: Telescope, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**telescope.providers) as usage:
        stream = chat(workspace, protocol="dashscope").stream("Count to ten")
        while not next(stream).text:
            pass
        stream.close()  # type: ignore[attr-defined]  # it is a generator
    (row,) = usage.rows()
    assert telescope.span["qwen_workspace.outcome"] == "interrupted"
    assert telescope.span["gen_ai.usage.input_tokens"] == row.input_tokens
    assert "error.type" not in telescope.span
    assert telescope.tokens() == {"input": (1, row.input_tokens), "output": (1, row.output_tokens)}


def test_usage_that_is_reported_after_an_error_is_counted_once(telescope: Telescope) -> None:
    usage = WorkspaceUsageCallbackHandler(**telescope.providers)
    run_id = uuid4()
    params = {"_type": "chat-qwen-workspace", "model": "m", "protocol": "openai", "region": "cn-beijing"}
    usage.on_chat_model_start({}, [[]], run_id=run_id, invocation_params=params)
    usage.on_llm_error(GeneratorExit(), run_id=run_id)
    assert telescope.tokens() == {}
    message = AIMessage("", usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
    message.response_metadata = {"model_provider": "qwen_workspace", "model_name": "m"}
    for _ in range(2):
        usage.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
    assert telescope.tokens() == {"input": (1, 10), "output": (1, 5)}
    assert len(telescope.spans) == 1


def test_a_cached_answer_counts_nothing(telescope: Telescope, workspace: QwenWorkspace) -> None:
    llm = chat(workspace, cache=InMemoryCache())
    with get_workspace_usage_callback(**telescope.providers):
        llm.invoke("Hi")
        before = telescope.tokens()
        llm.invoke("Hi")
    assert telescope.tokens() == before
    assert [(span.attributes or {})["qwen_workspace.outcome"] for span in telescope.spans] == ["answered", "cached"]
    assert sum(point.count for point in telescope.points("gen_ai.client.operation.duration")) == 1


def test_embeddings_count_tokens_and_have_no_span(telescope: Telescope, workspace: QwenWorkspace) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, chunk_size=1)
    with get_workspace_usage_callback(**telescope.providers) as usage:
        embeddings.embed_documents(["a", "b"])
    assert telescope.spans == ()
    assert telescope.tokens() == {"input": (2, usage.rows()[0].input_tokens)}
    (point,) = telescope.points("gen_ai.client.token.usage")
    assert point.attributes["gen_ai.operation.name"] == "embeddings"
    assert point.attributes["gen_ai.request.model"] == "text-embedding-v4"


def test_the_workspace_that_answered_is_named(telescope: Telescope, sandbox: Sandbox) -> None:
    first, second = sandbox.workspace("seen-1"), sandbox.workspace("seen-2")
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback(**telescope.providers):
        config: Any = {"configurable": {"tenant": "acme"}}
        chat(WorkspaceRouter(tenants={"acme": (first, second)})).invoke("Hi", config=config)
    assert telescope.span["qwen_workspace.workspace_id"] == second.workspace_id
    assert "server.address" not in telescope.span


def test_no_prompt_and_no_key_is_told(telescope: Telescope, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**telescope.providers):
        chat(workspace).invoke("xyzzy")
    key = workspace.api_key
    assert isinstance(key, SecretStr)
    for shown in (telescope.spans[0].to_json(), repr(telescope.points("gen_ai.client.token.usage"))):
        assert "xyzzy" not in shown
        assert key.get_secret_value() not in shown


def test_the_global_providers_are_asked_only_on_request(workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(telemetry=True) as usage:
        chat(workspace).invoke("Hi")
    assert usage.rows()[0].calls == 1
    assert WorkspaceUsageCallbackHandler()._telemetry is None


def test_without_opentelemetry_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "langchain_qwen_workspace._usage.telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ConfigurationError, match="pip install opentelemetry-api"):
        WorkspaceUsageCallbackHandler(telemetry=True)
    assert WorkspaceUsageCallbackHandler().rows() == []


def test_counting_opens_no_door_to_opentelemetry_or_an_sdk() -> None:
    """LangChain itself imports OpenTelemetry where it finds it: only our own door can be looked at."""
    code = (
        "import sys, langchain_qwen_workspace.usage as usage\n"
        "usage.WorkspaceUsageCallbackHandler().rows()\n"
        "late = {'langchain_qwen_workspace._usage.telemetry', 'openai', 'dashscope'}\n"
        "print(late & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own text
    assert done.stdout.strip() == "set()"
