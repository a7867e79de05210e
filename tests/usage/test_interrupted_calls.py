"""Chats that fail or are interrupted: each is counted once, for the workspace that served it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    ChatQwenWorkspace,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    WorkspaceRouter,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler, get_workspace_usage_callback
from tests.support.protocols import MakeModel
from tests.support.usage import call_counts, only_row, reported_tokens, token_counts
from tests.support.waiting import await_until


async def test_failed_calls_are_counted_and_use_no_tokens(make_model: MakeModel, sandbox: Sandbox) -> None:
    llm = make_model()
    with get_workspace_usage_callback() as usage:
        sandbox.fail_next(status=429, code="Throttling.RateQuota", times=4)
        for call in (lambda: llm.invoke("Hi"), lambda: list(llm.stream("Hi"))):
            with pytest.raises(RateLimitError):
                call()
        with pytest.raises(RateLimitError):
            await llm.ainvoke("Hi")
        with pytest.raises(RateLimitError):
            _ = [chunk async for chunk in llm.astream("Hi")]
        answer = llm.invoke("Hi")
    assert call_counts(only_row(usage)) == {"calls": 5, "failed_calls": 4}
    assert token_counts(only_row(usage)) == reported_tokens([answer])
    assert all(record.request_id for record in usage.records())


def test_the_usage_of_a_call_that_timed_out_is_unknown(make_model: MakeModel, sandbox: Sandbox) -> None:
    sandbox.fail_next(delay=1)
    with get_workspace_usage_callback() as usage, pytest.raises(APITimeoutError):
        make_model(timeout=0.2).invoke("Hi")
    assert call_counts(only_row(usage)) == {"calls": 1, "failed_calls": 1, "unknown_calls": 1}


def test_a_retry_by_langchain_is_another_call(make_model: MakeModel, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback() as usage:
        make_model().with_retry(stop_after_attempt=2).invoke("Hi", config={"run_id": uuid4()})
    assert call_counts(only_row(usage)) == {"calls": 2, "failed_calls": 1}


def test_a_run_id_that_is_used_twice_is_two_calls(make_model: MakeModel) -> None:
    run_id = uuid4()
    with get_workspace_usage_callback() as usage:
        for _ in range(2):
            make_model().invoke("Hi", config={"run_id": run_id})
    assert call_counts(only_row(usage)) == {"calls": 2}


def check_interrupted(usage: WorkspaceUsageCallbackHandler, protocol: ProtocolName, calls: int = 1) -> None:
    """DashScope reports usage in every event, OpenAI only at the end of a stream: there it is unknown, not zero."""
    row = only_row(usage)
    if protocol == "dashscope":
        assert call_counts(row) == {"calls": calls, "interrupted_calls": calls}
        assert row.input_tokens > 0
        assert row.output_tokens > 0
    else:
        assert call_counts(row) == {"calls": calls, "interrupted_calls": calls, "unknown_calls": calls}
        assert row.total_tokens == 0
    assert all(record.request_id for record in usage.records())


async def test_a_stream_that_the_caller_closes_is_interrupted(make_model: MakeModel, protocol: ProtocolName) -> None:
    llm = make_model()
    with get_workspace_usage_callback() as usage:
        stream = llm.stream("Count to ten")
        while not next(stream).text:
            pass
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        astream: AsyncIterator[Any] = llm.astream("Count to ten")
        while not (await anext(astream)).text:
            pass
        await astream.aclose()  # type: ignore[attr-defined]  # it is a generator
    check_interrupted(usage, protocol, calls=2)


async def test_a_stream_whose_task_is_cancelled_is_interrupted(
    make_model: MakeModel, sandbox: Sandbox, protocol: ProtocolName
) -> None:
    sandbox.fail_next(after_events=4, delay=30)
    has_started = asyncio.Event()

    async def read() -> None:
        async for _ in make_model().astream("Count to ten"):
            has_started.set()

    with get_workspace_usage_callback() as usage:
        task = asyncio.create_task(read())
        await has_started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await await_until(lambda: not only_row(usage).open_calls)
    check_interrupted(usage, protocol)


@pytest.mark.parametrize("way", ["stream", "astream", "invoke", "ainvoke"])
async def test_a_stream_whose_connection_breaks_is_interrupted(
    make_model: MakeModel, sandbox: Sandbox, protocol: ProtocolName, way: str
) -> None:
    sandbox.fail_next(after_events=4, close=True)
    # `invoke` streams only if the model has `streaming=True`.
    llm = make_model(streaming=True) if way.endswith("invoke") else make_model()

    async def ask() -> None:
        match way:
            case "stream":
                list(llm.stream("Hi there"))
            case "astream":
                _ = [chunk async for chunk in llm.astream("Hi there")]
            case "invoke":
                llm.invoke("Hi there")
            case _:
                await llm.ainvoke("Hi there")

    with get_workspace_usage_callback() as usage, pytest.raises(APIConnectionError):
        await ask()
    check_interrupted(usage, protocol)


async def test_a_call_in_progress_is_open(make_model: MakeModel, sandbox: Sandbox) -> None:
    sandbox.fail_next(delay=30)
    with get_workspace_usage_callback() as usage:
        task = asyncio.create_task(make_model().ainvoke("Hi"))
        await await_until(lambda: sandbox.requests)
        assert call_counts(only_row(usage)) == {"open_calls": 1}
        assert "| Open |" in str(usage)
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("wait", [True, False])
async def test_a_call_whose_task_was_cancelled_is_interrupted(
    make_model: MakeModel, sandbox: Sandbox, streaming: bool, wait: bool
) -> None:
    """LangChain core calls no handler when the task around `ainvoke` is cancelled."""
    sandbox.fail_next(after_events=2, delay=30)
    with get_workspace_usage_callback() as usage:
        task = asyncio.create_task(make_model(streaming=streaming).ainvoke("Hi"))
        await (await_until(lambda: sandbox.requests) if wait else asyncio.sleep(0))
        task.cancel()
        await asyncio.wait([task])
    # Its traceback keeps what had arrived of the stream.
    del task
    gc.collect()
    (row,) = usage.reset()
    assert call_counts(row) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}
    assert usage.rows() == []


async def test_a_stream_that_another_task_reads_on_is_not_interrupted(make_model: MakeModel) -> None:
    with get_workspace_usage_callback() as usage:
        stream = make_model().astream("Count to ten")
        await asyncio.create_task(anext(stream))  # type: ignore[arg-type]  # an async generator's is a coroutine
        assert usage.reset() == []
        async for _ in stream:
            pass
    assert call_counts(only_row(usage)) == {"calls": 1}


# ----------------------------------------------------------------------------------------------------- routers


def test_a_call_is_counted_for_the_workspace_that_served_it(sandbox: Sandbox, protocol: ProtocolName) -> None:
    first, second = sandbox.workspace("pay-1"), sandbox.workspace("pay-2")
    router = WorkspaceRouter(tenants={"acme": (first, second)})
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router, max_retries=0)
    config: Any = {"configurable": {"tenant": "acme"}}
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback() as usage:
        llm.invoke("Hi", config=config)
        llm.invoke("Hi", config=config)
        sandbox.fail_next(status=500, times=2)
        with pytest.raises(ServerError):
            llm.invoke("Hi", config=config)
    rows = {row.workspace_id: call_counts(row) for row in usage.rows()}
    assert rows == {first.workspace_id: {"calls": 1}, second.workspace_id: {"calls": 2, "failed_calls": 1}}


def test_an_interrupted_stream_is_counted_for_the_workspace_that_served_it(sandbox: Sandbox) -> None:
    first, second = sandbox.workspace("pay-1"), sandbox.workspace("pay-2")
    router = WorkspaceRouter(tenants={"acme": (first, second)})
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, max_retries=0)
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback() as usage:
        stream = llm.stream("Hi", config={"configurable": {"tenant": "acme"}})
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert (only_row(usage).workspace_id, only_row(usage).interrupted_calls) == (second.workspace_id, 1)


def test_the_usage_of_a_call_that_was_not_sent_is_known_to_be_zero(sandbox: Sandbox) -> None:
    allowed = sandbox.workspace("pay-few").model_copy(update={"allowed_models": ("qwen-turbo",)})
    with get_workspace_usage_callback() as usage, pytest.raises(PermissionDeniedError):
        ChatQwenWorkspace(model="qwen-turbo", workspace=allowed).invoke("Hi", model="qwen-plus")
    assert call_counts(only_row(usage)) == {"calls": 1, "failed_calls": 1}
