"""What the requests of a batch used is recorded when their results are read, at the prices of the Batch API."""

from decimal import Decimal

import pytest
from langchain_core.messages import AIMessage

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    WorkspaceUsageCallbackHandler,
    get_workspace_usage_callback,
)
from langchain_qwen_workspace.sandbox import Sandbox

PRICES = {
    "currency": "CNY",
    "models": {
        "qwen-plus": [{"input": "2", "output": "20"}, {"batch": True, "input": "1", "output": "10"}],
    },
}


@pytest.fixture
def jobs(sandbox: Sandbox) -> QwenWorkspaceBatch[AIMessage]:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=sandbox.workspace("team-a", models=["qwen-plus"]))
    return QwenWorkspaceBatch(llm)


def submit(jobs: QwenWorkspaceBatch[AIMessage], *texts: str) -> str:
    batch_id = jobs.submit(list(texts))
    jobs.wait(batch_id, poll_interval=0.01)
    return batch_id


def test_each_answer_is_a_record_of_the_workspace_that_pays(jobs: QwenWorkspaceBatch[AIMessage]) -> None:
    batch_id = submit(jobs, "one", "two")
    with get_workspace_usage_callback() as usage:
        jobs.results(batch_id)
    records = [(record.operation, record.workspace_id, record.outcome, record.batch) for record in usage.records()]
    assert records == [("chat", "llm-team-a", "answered", True)] * 2


def test_the_cost_is_that_of_the_batch_api(jobs: QwenWorkspaceBatch[AIMessage]) -> None:
    batch_id = submit(jobs, "one")
    with get_workspace_usage_callback(PRICES) as usage:
        jobs.results(batch_id)
    [record] = usage.records()
    assert record.usage is not None
    assert record.cost == Decimal(record.usage.input * 1 + record.usage.output * 10) / 1_000_000


def test_results_that_are_read_twice_count_once(jobs: QwenWorkspaceBatch[AIMessage]) -> None:
    batch_id = submit(jobs, "one", "two")
    with get_workspace_usage_callback() as usage:
        list(jobs.lazy_results(batch_id))
        jobs.results(batch_id)
    assert len(usage.records()) == 2


def test_embeddings_report_to_their_own_handlers(sandbox: Sandbox) -> None:
    usage = WorkspaceUsageCallbackHandler()
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", workspace=sandbox.workspace("team-b"), callbacks=[usage]
    )
    jobs = QwenWorkspaceBatch(embeddings)
    batch_id = jobs.submit(["one"])
    jobs.wait(batch_id, poll_interval=0.01)
    jobs.results(batch_id)
    [record] = usage.records()
    assert (record.operation, record.batch, record.usage is not None) == ("embedding", True, True)


def test_a_refused_line_is_a_failed_call_that_used_nothing(sandbox: Sandbox) -> None:
    jobs = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-max", workspace=sandbox.workspace("team-b")))
    batch_id = submit(jobs, "word " * 31_000)
    with get_workspace_usage_callback() as usage:
        assert len(jobs.results(batch_id).errors) == 1
    assert [(record.outcome, record.unknown) for record in usage.records()] == [("failed", False)]
