"""A guard limits concurrent calls, keeps their order, and never loses a slot."""

import asyncio
import copy
import gc
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceRouter,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.guards import MODEL, WORKSPACE_ID, free_slots, hold_elsewhere, waiting_calls
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Reply, Server, stream_reply
from tests.support.waiting import DEADLINE, await_until, wait_until
from tests.support.ways import Ask


@pytest.fixture
def guard() -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=1)


class Gauge:
    """Counts the calls that run at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self.peak = 0
        self.ended = 0

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1
            self.peak = max(self.peak, self._running)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1
            self.ended += 1


# --- concurrency ---


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_no_more_calls_run_at_a_time_than_max_concurrency(limit: int) -> None:
    """Threads and the tasks of two event loops share the slots."""
    guard, gauge = WorkspaceGuard(max_concurrency=limit), Gauge()

    async def acall() -> None:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            with gauge:
                await asyncio.sleep(0.001)

    async def many() -> None:
        await asyncio.gather(*(acall() for _ in range(20)))

    def call(place: int) -> None:
        if place < 2:
            asyncio.run(many())
            return
        with guard.slot(WORKSPACE_ID, MODEL), gauge:
            time.sleep(0.001)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, range(22)))
    assert gauge.ended == 60
    assert gauge.peak <= limit
    assert free_slots(guard) == limit


async def test_calls_start_in_the_order_in_which_they_arrived(guard: WorkspaceGuard) -> None:
    """Threads and tasks are in one queue."""
    order: list[int] = []

    async def acall(place: int) -> None:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            order.append(place)

    def call(place: int) -> None:
        with guard.slot(WORKSPACE_ID, MODEL):
            order.append(place)

    running: list[Any] = []
    async with guard.aslot(WORKSPACE_ID, MODEL):
        for place in range(10):
            running.append(asyncio.create_task(acall(place) if place % 2 else asyncio.to_thread(call, place)))
            await await_until(lambda place=place: waiting_calls(guard) == place + 1)  # type: ignore[misc]  # the lambda runs in this iteration
    await asyncio.gather(*running)
    assert order == list(range(10))


def test_each_model_of_each_workspace_has_its_own_limit(guard: WorkspaceGuard) -> None:
    with guard.slot(WORKSPACE_ID, MODEL), guard.slot(WORKSPACE_ID, "qwen-max"), guard.slot("ws-other", MODEL):
        assert free_slots(guard) == free_slots(guard, model="qwen-max") == free_slots(guard, "ws-other") == 0
    assert free_slots(guard) == free_slots(guard, model="qwen-max") == free_slots(guard, "ws-other") == 1


def test_a_call_waits_until_another_one_ended(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard, ask: Ask
) -> None:
    fresh_server.default = stub.reply_to
    go_on = threading.Event()
    fresh_server.script(Reply((go_on, *stub.answer().parts), 200, stub.answer().headers))
    llm = stub.llm(fresh_server, guard=guard)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(llm.invoke, "Hi")
        wait_until(lambda: len(fresh_server.requests) == 1)
        pool.submit(wait_until, lambda: waiting_calls(guard) == 1).add_done_callback(lambda _: go_on.set())
        assert ask(llm).text == "Hello"
        assert first.result().text == "Hello"
    assert free_slots(guard) == 1


# --- no slot is lost ---


async def test_a_task_that_is_cancelled_while_it_waits_occupies_no_slot(guard: WorkspaceGuard) -> None:
    async def wait() -> None:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            pass

    async with guard.aslot(WORKSPACE_ID, MODEL):
        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await await_until(lambda: waiting_calls(guard) == 3)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
    await tasks[2]
    assert (free_slots(guard), waiting_calls(guard)) == (1, 0)


async def test_a_task_that_is_cancelled_when_it_gets_its_slot_releases_it(guard: WorkspaceGuard) -> None:
    """The slot was passed to the task, which was cancelled before it resumed."""

    async def wait() -> None:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            pytest.fail("It was cancelled.")

    async with guard.aslot(WORKSPACE_ID, MODEL):
        task = asyncio.create_task(wait())
        await await_until(lambda: waiting_calls(guard) == 1)
    assert free_slots(guard) == 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert free_slots(guard) == 1


def test_a_thread_that_is_interrupted_while_it_waits_occupies_no_slot(guard: WorkspaceGuard) -> None:
    def send_sigint() -> None:
        wait_until(lambda: waiting_calls(guard) == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    sender = threading.Thread(target=send_sigint)
    with hold_elsewhere(guard):
        sender.start()
        with pytest.raises(KeyboardInterrupt), guard.slot(WORKSPACE_ID, MODEL):
            pytest.fail("There was no free slot.")
        sender.join()
    assert free_slots(guard) == 1


async def test_a_task_that_times_out_while_it_waits_occupies_no_slot(guard: WorkspaceGuard) -> None:
    with hold_elsewhere(guard), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), guard.aslot(WORKSPACE_ID, MODEL):
            pytest.fail("There was no free slot.")
    async with asyncio.timeout(DEADLINE), guard.aslot(WORKSPACE_ID, MODEL):
        assert free_slots(guard) == 0


def test_a_loop_that_ends_while_its_tasks_wait_occupies_no_slot(guard: WorkspaceGuard) -> None:
    async def wait() -> None:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            pass

    async def leave() -> None:
        tasks.add(asyncio.create_task(wait()))
        await await_until(lambda: waiting_calls(guard) == 1)

    tasks: set[Any] = set()
    with guard.slot(WORKSPACE_ID, MODEL):
        asyncio.run(leave())
    assert free_slots(guard) == 1


def test_a_loop_that_is_closed_while_a_task_waits_occupies_no_slot(guard: WorkspaceGuard) -> None:
    """Nothing cancels the task: it is garbage collected while it waits."""

    async def wait() -> None:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            pass

    loop = asyncio.new_event_loop()
    task = loop.create_task(wait())
    with guard.slot(WORKSPACE_ID, MODEL):
        loop.run_until_complete(await_until(lambda: waiting_calls(guard) == 1))
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant
        del task
        gc.collect()
    assert free_slots(guard) == 1


def test_a_call_that_fails_releases_its_slot(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard, ask: Ask
) -> None:
    fresh_server.default = stub.reply_to
    fresh_server.script(stub.error(500, "InternalError", "Failed."), Reply((Act.DROP,)))
    llm = stub.llm(fresh_server, guard=guard)
    for _ in range(2):
        with pytest.raises(QwenWorkspaceError):
            ask(llm)
    assert ask(llm).text == "Hello"
    assert free_slots(guard) == 1


async def test_a_call_that_is_cancelled_releases_its_slot(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    fresh_server.script(Reply((Act.AWAIT_HANGUP,)))
    llm = stub.llm(fresh_server, guard=guard)
    task = asyncio.create_task(llm.ainvoke("Hi"))
    await await_until(lambda: len(fresh_server.requests) == 1)
    assert free_slots(guard) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert free_slots(guard) == 1


def endless(stub: ProtocolStub) -> Reply:
    return stream_reply(stub.delta("Hel"), Act.AWAIT_HANGUP)


def test_a_stream_occupies_its_slot_until_it_ends_or_is_closed(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    llm = stub.llm(fresh_server, guard=guard)
    fresh_server.script(*[endless(stub)] * 3)
    closed: Any = llm.stream("Hi")
    next(closed)
    assert free_slots(guard) == 0
    closed.close()
    assert free_slots(guard) == 1
    for _ in llm.stream("Hi"):
        break
    assert free_slots(guard) == 1
    dropped: Any = llm.stream("Hi")
    next(dropped)
    assert free_slots(guard) == 0
    del dropped
    assert free_slots(guard) == 1


async def test_an_async_stream_occupies_its_slot_until_it_ends_or_is_closed(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    llm = stub.llm(fresh_server, guard=guard)
    fresh_server.script(*[endless(stub)] * 3)
    closed: Any = llm.astream("Hi")
    await anext(closed)
    assert free_slots(guard) == 0
    await closed.aclose()
    # LangChain drops its inner stream, and the event loop closes it in one of its next iterations.
    await await_until(lambda: free_slots(guard) == 1)
    async for _ in llm.astream("Hi"):
        break
    await await_until(lambda: free_slots(guard) == 1)

    async def read() -> None:
        async for _ in llm.astream("Hi"):
            began.set()

    began = asyncio.Event()
    task = asyncio.create_task(read())
    await began.wait()
    assert free_slots(guard) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await await_until(lambda: free_slots(guard) == 1)


def test_a_chain_that_fails_during_a_stream_releases_the_slot(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    fresh_server.default = stub.reply_to

    def fail(_: Any) -> None:
        raise ValueError("The handler failed.")

    chain: Any = stub.llm(fresh_server, guard=guard) | RunnableLambda(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="The handler failed"):
            list(chain.stream("Hi"))
    assert free_slots(guard) == 1


# --- which calls share a limit ---


async def test_every_component_is_limited_by_its_guard(sandbox: Sandbox, protocol: ProtocolName) -> None:
    guard = WorkspaceGuard(max_concurrency=2)
    team = sandbox.workspace("guarded")
    fields: dict[str, Any] = {"protocol": protocol, "workspace": team, "guard": guard}
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", chunk_size=1, **fields)
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)
    assert len(embeddings.embed_documents(["a"] * 9)) == len(await embeddings.aembed_documents(["a"] * 9)) == 9
    assert len(reranker.rerank(["a"], "b")) == len(await reranker.arerank(["a"], "b")) == 1
    ChatQwenWorkspace(model=MODEL, **fields).invoke("Hi")
    passed = {(workspace, model) for workspace, model in guard._limits}
    assert passed == {("llm-guarded", name) for name in ("text-embedding-v4", "qwen3-rerank", MODEL)}
    assert [free_slots(guard, *name) for name in passed] == [2, 2, 2]


def test_tenants_with_different_workspaces_do_not_wait_for_each_other(sandbox: Sandbox, guard: WorkspaceGuard) -> None:
    router = WorkspaceRouter(tenants={name: sandbox.workspace(name) for name in ("acme", "globex")})
    llm = ChatQwenWorkspace(model=MODEL, workspace=router, guard=guard)
    with guard.slot("llm-acme", MODEL):
        assert llm.invoke("Hi", config={"configurable": {"tenant": "globex"}}).text


def test_workspaces_without_an_id_have_separate_limits(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    """On a shared host only their keys tell them apart; nothing shows the keys."""
    fresh_server.default = stub.reply_to
    for key in ("sk-S3CR3T", "sk-other", "sk-S3CR3T"):
        workspace = QwenWorkspace(api_key=key, base_url=fresh_server.url)
        ChatQwenWorkspace(model=MODEL, protocol=stub.protocol, workspace=workspace, guard=guard).invoke("Hi")
    assert len(guard._limits) == 2
    assert "S3CR3T" not in repr(guard) + repr(vars(guard)) + repr(pickle.dumps(guard))


def test_copies_of_a_model_share_the_guard_and_a_pickle_keeps_its_limits(server: Server, stub: ProtocolStub) -> None:
    guard = WorkspaceGuard(max_concurrency=2, requests_per_minute=30)
    llm = stub.llm(server, guard=guard)
    assert copy.deepcopy(llm).guard is copy.copy(llm).guard is llm.model_copy().guard is guard
    thawed: Any = pickle.loads(pickle.dumps(llm)).guard  # noqa: S301 - made here
    assert repr(thawed) == repr(guard) == "WorkspaceGuard(max_concurrency=2, requests_per_minute=30, max_wait=600)"


# --- refused arguments ---


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "The guard has no limit"),
        ({"max_concurrency": 0}, "`max_concurrency` is 0"),
        ({"max_concurrency": -1}, "`max_concurrency` is -1"),
        ({"max_concurrency": 2.5}, "`max_concurrency` is 2.5"),
        ({"max_concurrency": True}, "`max_concurrency` is True"),
        ({"max_concurrency": "2"}, "`max_concurrency` is '2'"),
        ({"requests_per_minute": 0}, "`requests_per_minute` is 0"),
        ({"requests_per_minute": -1.0}, "`requests_per_minute` is -1.0"),
        ({"requests_per_minute": float("nan")}, "`requests_per_minute` is nan"),
        ({"requests_per_minute": float("inf")}, "`requests_per_minute` is inf"),
        ({"requests_per_minute": "60"}, "`requests_per_minute` is '60'"),
        ({"max_concurrency": 1, "max_wait": 0}, "`max_wait` is 0"),
        ({"max_concurrency": 1, "max_wait": "9"}, "`max_wait` is '9'"),
        ({"max_concurrency": 4, "requests_per_minute": 0}, "`requests_per_minute` is 0"),
    ],
)
def test_invalid_limits_are_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        WorkspaceGuard(**limits)
    assert words in str(caught.value)


def test_an_invalid_guard_is_refused() -> None:
    with pytest.raises(ValueError, match="guard"):
        ChatQwenWorkspace(model=MODEL, guard=4)  # type: ignore[arg-type]  # the mistake of the test
