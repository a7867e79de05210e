"""Embeddings and rankings that fail are calls like others: each once, and not said to be free unless it is."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from langchain_qwen_workspace import (
    APITimeoutError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
)
from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace._usage.events import USAGE_EVENT
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler, get_workspace_usage_callback
from tests.usage.test_ledger import counted, only, tokens

Ask = Callable[..., Any]


@pytest.fixture(params=["embed", "aembed", "rerank", "arerank"])
def ask(request: pytest.FixtureRequest, sandbox: Sandbox, protocol: ProtocolName, runner: asyncio.Runner) -> Ask:
    """Send one request, by one of the four doors."""

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
    "not granted": ({"code": "Model.AccessDenied"}, True),
    "the service failed": ({"status": 500}, True),
    "too slow, it says": ({"code": "RequestTimeOut"}, True),
    "hung up": ({"close": True}, False),
    "no JSON": ({"status": 200, "body": "<html>"}, False),
    "an answer that does not fit": ({"status": 200, "body": '{"output": {}, "data": [], "request_id": "r"}'}, False),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_request_that_fails_is_one_failed_call(sandbox: Sandbox, ask: Ask, failure: str) -> None:
    fault, free = FAILURES[failure]
    usage = WorkspaceUsageCallbackHandler()
    sandbox.fail_next(**fault)
    with pytest.raises(QwenWorkspaceError) as caught:
        ask(usage)
    ask(usage)
    row = only(usage)
    assert counted(row) == {"calls": 2, "failed_calls": 1, **({} if free else {"unknown_calls": 1})}
    assert tokens(row)[0] > 0
    assert (row.workspace_id, row.region) == ("llm-failing", "ap-southeast-1")
    failed, answered = usage.records()
    assert (failed.outcome, failed.request_id, failed.usage) == ("failed", caught.value.request_id, None)
    assert (answered.outcome, answered.unknown) == ("answered", False)


def test_a_request_that_came_to_no_end_is_not_said_to_be_free(sandbox: Sandbox, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler({"currency": "CNY", "models": {}})
    sandbox.fail_next(delay=2)
    with pytest.raises(APITimeoutError):
        ask(usage, timeout=0.2)
    row = only(usage)
    assert counted(row) == {"calls": 1, "failed_calls": 1, "unknown_calls": 1}
    assert row.cost is None


def test_tries_are_one_call(sandbox: Sandbox, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler()
    sandbox.fail_next(status=500, times=3, headers={"retry-after-ms": "1"})
    with pytest.raises(QwenWorkspaceError):
        ask(usage, max_retries=1)
    ask(usage, max_retries=1)
    assert counted(only(usage)) == {"calls": 2, "failed_calls": 1}
    assert len(sandbox.requests) == 4


def test_nothing_is_counted_for_what_was_not_sent(sandbox: Sandbox, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler()
    with pytest.raises(QwenWorkspaceError):
        ask(usage, workspace=sandbox.workspace("failing").model_copy(update={"allowed_models": frozenset()}))
    assert usage.rows() == []


@pytest.mark.parametrize("what", ["embedding", "rerank"])
async def test_what_is_cancelled_is_interrupted(sandbox: Sandbox, protocol: ProtocolName, what: str) -> None:
    fields: dict[str, Any] = {"protocol": protocol, "workspace": sandbox.workspace("failing")}
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **fields)
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)
    sandbox.fail_next(delay=30)
    with get_workspace_usage_callback() as usage:
        call = embeddings.aembed_query("Hi") if what == "embedding" else reranker.arerank(["a"], "Hi")
        task: asyncio.Task[Any] = asyncio.create_task(call)
        while not sandbox.requests:  # noqa: ASYNC110 - the sandbox is in another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    row = only(usage)
    assert counted(row) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}
    assert (row.operation, row.workspace_id) == (what, "llm-failing")


def test_of_many_requests_each_is_one_call(sandbox: Sandbox, protocol: ProtocolName) -> None:
    """As many as arrived, whatever became of them: the ledger has all, and each request's id once."""
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
    arrived = [request.request_id for request in sandbox.requests]
    row = only(usage)
    assert sorted(str(record.request_id) for record in usage.records()) == sorted(arrived)
    assert counted(row) == {"calls": len(arrived), "failed_calls": 5}


EVENT = {"operation": "embedding", "model": "m", "workspace_id": "w", "region": "r", "protocol": "openai"}


def test_an_event_that_does_not_say_that_it_was_free_is_not() -> None:
    usage = WorkspaceUsageCallbackHandler()
    event = {**EVENT, "failed": True, "usage_metadata": None}
    for _ in range(2):
        usage.on_custom_event(USAGE_EVENT, event, run_id=uuid4())
    assert counted(only(usage)) == {"calls": 1, "failed_calls": 1, "unknown_calls": 1}
    assert [row.failed_calls for row in usage.reset()] == [1]
    assert usage.rows() == []
