"""Spans and metrics for OpenTelemetry: the handler's numbers under the conventional names, only on request."""

import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from opentelemetry import trace
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import Meter
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
from tests.support.telemetry import TelemetryRecorder


@pytest.fixture
def recorder() -> TelemetryRecorder:
    return TelemetryRecorder()


def make_chat(workspace: Any, **fields: Any) -> ChatQwenWorkspace:
    return ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0, **fields)


async def test_a_chat_has_a_span_and_metrics(
    recorder: TelemetryRecorder, sandbox: Sandbox, workspace: QwenWorkspace
) -> None:
    with get_workspace_usage_callback(**recorder.providers) as usage:
        make_chat(workspace, protocol="dashscope").invoke("Hi")
    (row,), (record,) = usage.rows(), usage.records()
    attributes = {
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
    assert recorder.span == {
        **attributes,
        "gen_ai.response.id": record.request_id,
        "gen_ai.usage.input_tokens": row.input_tokens,
        "gen_ai.usage.output_tokens": row.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "qwen_workspace.outcome": "answered",
    }
    (span,) = recorder.spans
    assert (span.name, span.kind, span.status.is_unset) == ("chat qwen-plus", trace.SpanKind.CLIENT, True)
    assert recorder.tokens() == {"input": (1, row.input_tokens), "output": (1, row.output_tokens)}
    (seconds,) = recorder.points("gen_ai.client.operation.duration")
    assert dict(seconds.attributes) == attributes
    assert seconds.count == 1
    assert 0 < seconds.sum < 60
    assert seconds.explicit_bounds[:3] == pytest.approx([0.01, 0.02, 0.04])


def test_names_are_those_of_the_semantic_conventions(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**recorder.providers):
        make_chat(workspace).invoke("Hi")
    names = [*vars(gen_ai_attributes).values(), *vars(server_attributes).values()]
    convention_names = {word for word in names if isinstance(word, str)}
    own = {"qwen_workspace.workspace_id", "qwen_workspace.region", "qwen_workspace.protocol", "qwen_workspace.outcome"}
    assert recorder.span.keys() - own <= convention_names
    assert recorder.points(gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE)
    assert recorder.points(gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION)


async def test_the_token_metric_equals_the_handlers_sums(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    llm = make_chat(workspace)
    with get_workspace_usage_callback(**recorder.providers) as usage:
        llm.batch(["a", "b", "c"])
        await llm.abatch(["d", "e"])
        list(llm.stream("f", config={"callbacks": [usage]}))
        _ = [chunk async for chunk in llm.astream("g")]
    (row,) = usage.rows()
    assert recorder.tokens() == {"input": (7, row.input_tokens), "output": (7, row.output_tokens)}
    assert len(recorder.spans) == 7


def test_an_opentelemetry_without_bucket_advice_works(
    recorder: TelemetryRecorder, workspace: QwenWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 1.30 histograms have the SDK's own buckets."""
    create = Meter.create_histogram

    def without_advice(self: Meter, name: str, unit: str = "", description: str = "") -> Histogram:
        return create(self, name, unit, description)

    monkeypatch.setattr(Meter, "create_histogram", without_advice)
    with get_workspace_usage_callback(**recorder.providers) as usage:
        make_chat(workspace).invoke("a")
    (row,) = usage.rows()
    assert recorder.tokens() == {"input": (1, row.input_tokens), "output": (1, row.output_tokens)}


def test_a_span_is_a_child_of_the_current_span(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    usage = WorkspaceUsageCallbackHandler(**recorder.providers)
    with recorder.tracer_provider.get_tracer("mine").start_as_current_span("mine") as parent:
        make_chat(workspace).invoke("Hi", config={"callbacks": [usage]})
    assert recorder.spans[0].parent == parent.get_span_context()


def test_a_failure_has_the_errors_class_and_not_its_message(
    recorder: TelemetryRecorder, sandbox: Sandbox, workspace: QwenWorkspace
) -> None:
    sandbox.fail_next(status=429, code="Throttling.RateQuota", message="xyzzy")
    with get_workspace_usage_callback(**recorder.providers), pytest.raises(RateLimitError):
        make_chat(workspace).invoke("xyzzy")
    assert recorder.span["error.type"] == "RateLimitError"
    assert recorder.span["qwen_workspace.outcome"] == "failed"
    assert recorder.spans[0].status.status_code is trace.StatusCode.ERROR
    assert recorder.tokens() == {}
    assert recorder.points("gen_ai.client.operation.duration")[0].attributes["error.type"] == "RateLimitError"
    assert "xyzzy" not in recorder.spans[0].to_json()


def test_a_stream_that_the_caller_closes_is_not_an_error(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**recorder.providers) as usage:
        stream = make_chat(workspace, protocol="dashscope").stream("Count to ten")
        while not next(stream).text:
            pass
        stream.close()  # type: ignore[attr-defined]  # it is a generator
    (row,) = usage.rows()
    assert recorder.span["qwen_workspace.outcome"] == "interrupted"
    assert recorder.span["gen_ai.usage.input_tokens"] == row.input_tokens
    assert "error.type" not in recorder.span
    assert recorder.tokens() == {"input": (1, row.input_tokens), "output": (1, row.output_tokens)}


def test_usage_that_is_reported_after_an_error_is_counted_once(recorder: TelemetryRecorder) -> None:
    usage = WorkspaceUsageCallbackHandler(**recorder.providers)
    run_id = uuid4()
    params = {"_type": "chat-qwen-workspace", "model": "m", "protocol": "openai", "region": "cn-beijing"}
    usage.on_chat_model_start({}, [[]], run_id=run_id, invocation_params=params)
    usage.on_llm_error(GeneratorExit(), run_id=run_id)
    assert recorder.tokens() == {}
    message = AIMessage("", usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
    message.response_metadata = {"model_provider": "qwen_workspace", "model_name": "m"}
    for _ in range(2):
        usage.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
    assert recorder.tokens() == {"input": (1, 10), "output": (1, 5)}
    assert len(recorder.spans) == 1


def test_a_cached_answer_counts_nothing(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    llm = make_chat(workspace, cache=InMemoryCache())
    with get_workspace_usage_callback(**recorder.providers):
        llm.invoke("Hi")
        before = recorder.tokens()
        llm.invoke("Hi")
    assert recorder.tokens() == before
    assert [(span.attributes or {})["qwen_workspace.outcome"] for span in recorder.spans] == ["answered", "cached"]
    assert sum(point.count for point in recorder.points("gen_ai.client.operation.duration")) == 1


def test_embeddings_count_tokens_and_have_no_span(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace, chunk_size=1)
    with get_workspace_usage_callback(**recorder.providers) as usage:
        embeddings.embed_documents(["a", "b"])
    assert recorder.spans == ()
    assert recorder.tokens() == {"input": (2, usage.rows()[0].input_tokens)}
    (point,) = recorder.points("gen_ai.client.token.usage")
    assert point.attributes["gen_ai.operation.name"] == "embeddings"
    assert point.attributes["gen_ai.request.model"] == "text-embedding-v4"


def test_the_span_names_the_workspace_that_served_the_call(recorder: TelemetryRecorder, sandbox: Sandbox) -> None:
    first, second = sandbox.workspace("seen-1"), sandbox.workspace("seen-2")
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback(**recorder.providers):
        config: Any = {"configurable": {"tenant": "acme"}}
        make_chat(WorkspaceRouter(tenants={"acme": (first, second)})).invoke("Hi", config=config)
    assert recorder.span["qwen_workspace.workspace_id"] == second.workspace_id
    assert "server.address" not in recorder.span


def test_spans_and_metrics_have_no_prompt_and_no_key(recorder: TelemetryRecorder, workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(**recorder.providers):
        make_chat(workspace).invoke("xyzzy")
    key = workspace.api_key
    assert isinstance(key, SecretStr)
    for shown in (recorder.spans[0].to_json(), repr(recorder.points("gen_ai.client.token.usage"))):
        assert "xyzzy" not in shown
        assert key.get_secret_value() not in shown


def test_the_global_providers_are_used_only_on_request(workspace: QwenWorkspace) -> None:
    with get_workspace_usage_callback(telemetry=True) as usage:
        make_chat(workspace).invoke("Hi")
    assert usage.rows()[0].calls == 1
    assert WorkspaceUsageCallbackHandler()._telemetry is None


def test_the_error_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "langchain_qwen_workspace._usage.telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ConfigurationError, match="pip install opentelemetry-api"):
        WorkspaceUsageCallbackHandler(telemetry=True)
    assert WorkspaceUsageCallbackHandler().rows() == []


def test_counting_imports_neither_telemetry_nor_an_sdk() -> None:
    """LangChain itself imports OpenTelemetry where it finds it, so only our own module is looked at."""
    code = (
        "import sys, langchain_qwen_workspace.usage as usage\n"
        "usage.WorkspaceUsageCallbackHandler().rows()\n"
        "late = {'langchain_qwen_workspace._usage.telemetry', 'openai', 'dashscope'}\n"
        "print(late & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own text
    assert done.stdout.strip() == "set()"
