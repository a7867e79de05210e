"""Embedding and rerank requests that fail: each is counted once, and as free only if the error says so."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from langchain_qwen_workspace import (
    APITimeoutError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler, get_workspace_usage_callback
from tests.support.usage import call_counts, only_row, token_counts
from tests.support.waiting import await_until

Ask = Callable[..., Any]


@pytest.fixture(params=["embed", "aembed", "rerank", "arerank"])
def ask(request: pytest.FixtureRequest, sandbox: Sandbox, protocol: ProtocolName, runner: asyncio.Runner) -> Ask:
    """Return a function that sends one request: an embedding or a reranking, sync or async."""

    def send(usage: WorkspaceUsageCallbackHandler, **more: Any) -> Any:
        workspace: QwenWorkspace = sandbox.workspace("failing")
        fields: dict[str, Any] = {"protocol": protocol, "workspace": workspace, "max_retries": 0, "callbacks": [usage]}
        embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **{**fields, **more})
        reranker = QwenWorkspaceRerank(model="qwen3-rerank", **{**fields, **more})
        match request.param:
            case "embed":
                return embeddings.embed_query("Hi")
            case "aembed":
                return runner.run(embeddings.aembed_query("Hi"))
            case "rerank":
                return reranker.rerank(["a", "b"], "Hi")
            case _:
                return runner.run(reranker.arerank(["a", "b"], "Hi"))

    return send


FAILURES: dict[str, tuple[dict[str, Any], bool]] = {
    "too many requests": ({"status": 429}, True),
    "no permission": ({"code": "Model.AccessDenied"}, True),
    "a server error": ({"status": 500}, True),
    "a timeout of the service": ({"code": "RequestTimeOut"}, True),
    "a closed connection": ({"close": True}, False),
    "not JSON": ({"status": 200, "body": "<html>"}, False),
    "a malformed response": ({"status": 200, "body": '{"output": {}, "data": [], "request_id": "r"}'}, False),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_request_that_fails_is_one_failed_call(sandbox: Sandbox, ask: Ask, failure: str) -> None:
    fault, free = FAILURES[failure]
    usage = WorkspaceUsageCallbackHandler()
    sandbox.fail_next(**fault)
    with pytest.raises(QwenWorkspaceError) as caught:
        ask(usage)
    ask(usage)
    row = only_row(usage)
    assert call_counts(row) == {"calls": 2, "failed_calls": 1, **({} if free else {"unknown_calls": 1})}
    assert token_counts(row)[0] > 0
    assert (row.workspace_id, row.region) == ("llm-failing", "ap-southeast-1")
    failed, answered = usage.records()
    assert (failed.outcome, failed.request_id, failed.usage) == ("failed", caught.value.request_id, None)
    assert (answered.outcome, answered.unknown) == ("answered", False)


def test_the_usage_of_a_request_that_timed_out_is_unknown(sandbox: Sandbox, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler({"currency": "CNY", "models": {}})
    sandbox.fail_next(delay=2)
    with pytest.raises(APITimeoutError):
        ask(usage, timeout=0.2)
    row = only_row(usage)
    assert call_counts(row) == {"calls": 1, "failed_calls": 1, "unknown_calls": 1}
    assert row.cost is None


def test_all_attempts_at_a_request_are_one_call(sandbox: Sandbox, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler()
    sandbox.fail_next(status=500, times=3, headers={"retry-after-ms": "1"})
    with pytest.raises(QwenWorkspaceError):
        ask(usage, max_retries=1)
    ask(usage, max_retries=1)
    assert call_counts(only_row(usage)) == {"calls": 2, "failed_calls": 1}
    assert len(sandbox.requests) == 4


def test_a_request_that_was_not_sent_is_not_counted(sandbox: Sandbox, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler()
    with pytest.raises(QwenWorkspaceError):
        ask(usage, workspace=sandbox.workspace("failing").model_copy(update={"allowed_models": frozenset()}))
    assert usage.rows() == []


@pytest.mark.parametrize("operation", ["embedding", "rerank"])
async def test_a_cancelled_request_is_interrupted(sandbox: Sandbox, protocol: ProtocolName, operation: str) -> None:
    fields: dict[str, Any] = {"protocol": protocol, "workspace": sandbox.workspace("failing")}
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **fields)
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)
    sandbox.fail_next(delay=30)
    with get_workspace_usage_callback() as usage:
        call = embeddings.aembed_query("Hi") if operation == "embedding" else reranker.arerank(["a"], "Hi")
        task: asyncio.Task[Any] = asyncio.create_task(call)
        await await_until(lambda: sandbox.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    row = only_row(usage)
    assert call_counts(row) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}
    assert (row.operation, row.workspace_id) == (operation, "llm-failing")


def test_each_of_many_concurrent_requests_is_one_call(sandbox: Sandbox, protocol: ProtocolName) -> None:
    """The ledger has as many calls as requests arrived, and the id of each request once."""
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4",
        protocol=protocol,
        workspace=sandbox.workspace("failing"),
        chunk_size=1,
        max_retries=0,
    )
    with get_workspace_usage_callback() as usage:
        for _ in range(5):
            sandbox.fail_next(status=500)
            with pytest.raises(QwenWorkspaceError):
                embeddings.embed_documents(["a"] * 12)
    request_ids = [request.request_id for request in sandbox.requests]
    row = only_row(usage)
    assert sorted(str(record.request_id) for record in usage.records()) == sorted(request_ids)
    assert call_counts(row) == {"calls": len(request_ids), "failed_calls": 5}
