"""Calls that do not end well, and ends that are told twice, late or in another order: still each call once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from pydantic import SecretStr

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    ChatQwenWorkspace,
    PermissionDeniedError,
    QwenWorkspace,
    RateLimitError,
    ServerError,
    WorkspaceRouter,
)
from langchain_qwen_workspace._seam import PROVIDER, ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler, get_workspace_usage_callback
from tests.usage.test_ledger import Model, counted, only, tokens, told


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture(autouse=True)
def _forgetful(sandbox: Sandbox) -> None:
    sandbox.clear()


@pytest.fixture(scope="module")
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("payers")


@pytest.fixture
def model(workspace: QwenWorkspace, protocol: ProtocolName) -> Model:
    def make(**fields: Any) -> ChatQwenWorkspace:
        own: dict[str, Any] = {"model": "qwen-plus", "protocol": protocol, "workspace": workspace, "max_retries": 0}
        return ChatQwenWorkspace(**{**own, **fields})

    return make


async def test_failed_calls_are_counted_and_cost_nothing(model: Model, sandbox: Sandbox) -> None:
    llm = model()
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
    assert counted(only(usage)) == {"calls": 5, "failed_calls": 4}
    assert tokens(only(usage)) == told([answer])
    assert all(record.request_id for record in usage.records())


def test_a_call_that_came_to_no_end_is_not_said_to_be_free(model: Model, sandbox: Sandbox) -> None:
    sandbox.fail_next(delay=1)
    with get_workspace_usage_callback() as usage, pytest.raises(APITimeoutError):
        model(timeout=0.2).invoke("Hi")
    assert counted(only(usage)) == {"calls": 1, "failed_calls": 1, "unknown_calls": 1}


def test_a_call_that_langchain_sends_again_is_two_calls(model: Model, sandbox: Sandbox) -> None:
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback() as usage:
        model().with_retry(stop_after_attempt=2).invoke("Hi", config={"run_id": uuid4()})
    assert counted(only(usage)) == {"calls": 2, "failed_calls": 1}


def test_a_run_id_that_is_used_again_is_another_call(model: Model) -> None:
    run_id = uuid4()
    with get_workspace_usage_callback() as usage:
        for _ in range(2):
            model().invoke("Hi", config={"run_id": run_id})
    assert counted(only(usage)) == {"calls": 2}


def check_interrupted(usage: WorkspaceUsageCallbackHandler, protocol: ProtocolName, calls: int = 1) -> None:
    """The native protocol counts in every event, the compatible one at the end: unknown, which is not zero."""
    row = only(usage)
    if protocol == "dashscope":
        assert counted(row) == {"calls": calls, "interrupted_calls": calls}
        assert row.input_tokens > 0
        assert row.output_tokens > 0
    else:
        assert counted(row) == {"calls": calls, "interrupted_calls": calls, "unknown_calls": calls}
        assert row.total_tokens == 0
    assert all(record.request_id for record in usage.records())


async def test_a_stream_that_the_caller_leaves_is_interrupted(model: Model, protocol: ProtocolName) -> None:
    llm = model()
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


async def test_a_task_that_is_cancelled_breaks_its_stream_off(
    model: Model, sandbox: Sandbox, protocol: ProtocolName
) -> None:
    sandbox.fail_next(after_events=4, delay=30)
    began = asyncio.Event()

    async def read() -> None:
        async for _ in model().astream("Count to ten"):
            began.set()

    with get_workspace_usage_callback() as usage:
        task = asyncio.create_task(read())
        await began.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)
    check_interrupted(usage, protocol)


@pytest.mark.parametrize("way", ["stream", "astream", "invoke", "ainvoke"])
async def test_a_stream_that_breaks_in_the_middle_is_interrupted(
    model: Model, sandbox: Sandbox, protocol: ProtocolName, way: str
) -> None:
    sandbox.fail_next(after_events=4, close=True)
    # A model that is told not to stream does not, whatever is asked of it.
    llm = model(streaming=True) if way.endswith("invoke") else model()

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


async def test_a_call_that_langchain_tells_no_end_of_stays_open(model: Model, sandbox: Sandbox) -> None:
    """Core tells handlers nothing when the task around `ainvoke` is cancelled: it is shown, and not as free."""
    sandbox.fail_next(delay=30)
    with get_workspace_usage_callback() as usage:
        task = asyncio.create_task(model().ainvoke("Hi"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert counted(only(usage)) == {"open_calls": 1}
    assert "| Open |" in str(usage)


# ----------------------------------------------------------------------------------------------------- who answered


def test_the_workspace_that_answered_pays(sandbox: Sandbox, protocol: ProtocolName) -> None:
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
    rows = {row.workspace_id: counted(row) for row in usage.rows()}
    assert rows == {first.workspace_id: {"calls": 1}, second.workspace_id: {"calls": 2, "failed_calls": 1}}


def test_a_stream_that_breaks_off_is_paid_by_who_answered(sandbox: Sandbox) -> None:
    first, second = sandbox.workspace("pay-1"), sandbox.workspace("pay-2")
    router = WorkspaceRouter(tenants={"acme": (first, second)})
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, max_retries=0)
    sandbox.fail_next(status=500)
    with get_workspace_usage_callback() as usage:
        stream = llm.stream("Hi", config={"configurable": {"tenant": "acme"}})
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert (only(usage).workspace_id, only(usage).interrupted_calls) == (second.workspace_id, 1)


def test_a_call_that_was_never_sent_is_free(sandbox: Sandbox) -> None:
    allowed = sandbox.workspace("pay-few").model_copy(update={"allowed_models": ("qwen-turbo",)})
    with get_workspace_usage_callback() as usage, pytest.raises(PermissionDeniedError):
        ChatQwenWorkspace(model="qwen-turbo", workspace=allowed).invoke("Hi", model="qwen-plus")
    assert counted(only(usage)) == {"calls": 1, "failed_calls": 1}


# -------------------------------------------------------------------------------------- told twice, late, in any order

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
ORIGIN = {"workspace_id": "ws-1", "region": "cn-beijing", "protocol": "openai"}
EVENT = {"operation": "embedding", "model": "m", "request_id": "r", "usage_metadata": USAGE, **ORIGIN}


def started(usage: WorkspaceUsageCallbackHandler, run_id: UUID | None = None) -> UUID:
    run_id = run_id or uuid4()
    params = {"model": "m", "_type": "chat-qwen-workspace", **ORIGIN}
    usage.on_chat_model_start({}, [[]], run_id=run_id, metadata={"ls_provider": PROVIDER}, invocation_params=params)
    return run_id


def result(usage: Any = USAGE, **metadata: Any) -> LLMResult:
    told = {"model_provider": PROVIDER, "model_name": "m", "request_id": "r", **ORIGIN, **metadata}
    message = AIMessage("", usage_metadata=usage, response_metadata=told)
    return LLMResult(generations=[[ChatGeneration(message=message)]])


def test_an_error_that_is_reported_twice_is_one_call() -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = started(usage)
    for _ in range(2):
        usage.on_llm_error(GeneratorExit(), run_id=run_id)
    assert counted(only(usage)) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1, 0, 0)])
def test_a_run_that_ends_well_after_its_error_is_an_answer(order: tuple[int, ...]) -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = started(usage)
    for well in order:
        if well:
            usage.on_llm_end(result(), run_id=run_id)
        else:
            usage.on_llm_error(RuntimeError(), run_id=run_id)
    assert counted(only(usage)) == {"calls": 1}
    assert tokens(only(usage)) == (10, 5, 15)


def test_an_answer_without_usage_is_unknown_and_not_zero() -> None:
    usage = WorkspaceUsageCallbackHandler()
    usage.on_llm_end(result(None), run_id=started(usage))
    assert counted(only(usage)) == {"calls": 1, "unknown_calls": 1}
    assert usage.records()[0].usage is None


def test_tokens_of_the_services_cache_are_told_apart() -> None:
    usage = WorkspaceUsageCallbackHandler()
    details = {"input_token_details": {"cache_read": 4, "cache_creation": 3}, "output_token_details": {"reasoning": 2}}
    for _ in range(2):
        usage.on_llm_end(result({**USAGE, **details}), run_id=started(usage))
    row = only(usage)
    assert (row.cached_tokens, row.cache_written_tokens, row.reasoning_tokens) == (8, 6, 4)
    assert tokens(row) == (20, 10, 30)
    assert str(usage).splitlines()[0].split("|")[-7:-1] == [
        *(" Input ", " Cached ", " Cache-written ", " Output ", " Reasoning ", " Total "),
    ]


def test_a_handler_that_missed_the_beginning_counts_by_the_answer() -> None:
    usage = WorkspaceUsageCallbackHandler()
    usage.on_llm_end(result(), run_id=uuid4())
    usage.on_llm_end(result(model_provider="openai"), run_id=uuid4())
    usage.on_llm_error(RuntimeError(), run_id=uuid4())
    assert (only(usage).calls, only(usage).model, only(usage).workspace_id) == (1, "m", "ws-1")


def test_an_event_that_is_handed_over_twice_is_one_call_and_an_equal_one_is_another() -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = uuid4()
    for data in (EVENT, EVENT, dict(EVENT)):
        usage.on_custom_event("qwen_workspace_usage", data, run_id=run_id)
    assert counted(only(usage)) == {"calls": 2}


def test_an_error_after_the_first_event_of_the_later_way_to_stream_breaks_off() -> None:
    usage = WorkspaceUsageCallbackHandler()
    run_id = started(usage)
    usage.on_stream_event({"event": "message-start"}, run_id=run_id)
    usage.on_llm_error(RuntimeError(), run_id=run_id)
    assert counted(only(usage)) == {"calls": 1, "interrupted_calls": 1, "unknown_calls": 1}


def test_a_text_that_was_cached_is_no_call() -> None:
    """Of what a cache has without its message core makes a bare one: no id, no metadata, no usage."""
    usage = WorkspaceUsageCallbackHandler()
    bare = LLMResult(generations=[[ChatGeneration(message=AIMessage("Hello"))]])
    usage.on_llm_end(bare, run_id=started(usage))
    assert counted(only(usage)) == {"cached_answers": 1}


async def test_counting_does_not_leave_the_loops_thread(model: Model) -> None:
    threads = set()

    class Handler(WorkspaceUsageCallbackHandler):
        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            threads.add(threading.get_ident())
            super().on_llm_end(*args, **kwargs)

    await model().ainvoke("Hi", config={"callbacks": [Handler()]})
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("data", [None, "text", {}, {"operation": "chat"}, {"operation": ["rerank"]}])
def test_events_of_others_are_not_ours(data: Any) -> None:
    usage = WorkspaceUsageCallbackHandler()
    usage.on_custom_event("qwen_workspace_usage", data, run_id=uuid4())
    usage.on_custom_event("something else", EVENT, run_id=uuid4())
    assert usage.rows() == []


def test_a_reset_gives_out_what_ended_and_keeps_what_is_under_way() -> None:
    usage = WorkspaceUsageCallbackHandler()
    ended, broken, under_way = started(usage), started(usage), started(usage)
    usage.on_llm_end(result(), run_id=ended)
    usage.on_llm_error(GeneratorExit(), run_id=broken)
    (row,) = usage.reset()
    assert counted(row) == {"calls": 2, "interrupted_calls": 1, "unknown_calls": 1}
    assert counted(only(usage)) == {"open_calls": 1}
    usage.on_llm_end(result(), run_id=under_way)
    (row,) = usage.reset()
    assert counted(row) == {"calls": 1}
    assert usage.rows() == usage.reset() == []
    assert repr(usage) == "WorkspaceUsageCallbackHandler(0 calls)"


def test_nothing_of_what_was_said_and_no_key_is_kept(model: Model, workspace: QwenWorkspace) -> None:
    usage = WorkspaceUsageCallbackHandler()
    answer = model().invoke("xyzzy-secret", config={"callbacks": [usage]})
    list(model().stream("xyzzy-secret", config={"callbacks": [usage]}))
    assert "xyzzy-secret" in answer.text
    shown = "\n".join([repr(usage.records()), str(usage), usage.to_json(), usage.to_csv(), repr(everything(usage))])
    key = workspace.api_key
    assert isinstance(key, SecretStr)
    assert "xyzzy" not in shown
    assert key.get_secret_value() not in shown


def everything(thing: Any, depth: int = 6) -> Any:
    """Return what an object holds, as plain values."""
    if depth == 0 or isinstance(thing, str | int | float | type(None)):
        return thing
    if isinstance(thing, dict):
        return {str(key): everything(value, depth - 1) for key, value in thing.items()}
    if isinstance(thing, list | tuple | set):
        return [everything(value, depth - 1) for value in thing]
    names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
    return {name: everything(getattr(thing, name, None), depth - 1) for name in names if not name.startswith("__")}
