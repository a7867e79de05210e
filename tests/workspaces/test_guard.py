"""A guard makes calls wait their turn: never more at a time than it says, in order, no place ever lost."""

import asyncio
import copy
import gc
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
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
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Reply, Server, stream_reply
from tests.support.ways import Ask

ID, MODEL = "ws-test", "qwen-plus"
PATIENCE = 30.0


@pytest.fixture
def guard() -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=1)


def free(guard: WorkspaceGuard, workspace: Any = ID, model: str = MODEL) -> int:
    """Return how many places are free."""
    found = guard._limits_of(workspace, model).concurrency
    assert found is not None
    return found._free


def waiting(guard: WorkspaceGuard) -> int:
    """Return how many wait for a place."""
    found = guard._limits_of(ID, MODEL).concurrency
    assert found is not None
    return len(found._waiters)


def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.002)


async def auntil(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not met():  # noqa: ASYNC110 - other threads meet it
            await asyncio.sleep(0.002)


class Gauge:
    """Counts how many are inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.peak = 0
        self.passed = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            self.peak = max(self.peak, self._inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            self.passed += 1


# --- how many at a time ---


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_no_more_are_inside_than_it_says(limit: int) -> None:
    """Threads and the tasks of two loops share the places."""
    guard, gauge = WorkspaceGuard(max_concurrency=limit), Gauge()

    async def acall() -> None:
        async with guard.apassing(ID, MODEL):
            with gauge:
                await asyncio.sleep(0.001)

    async def many() -> None:
        await asyncio.gather(*(acall() for _ in range(20)))

    def call(place: int) -> None:
        if place < 2:
            asyncio.run(many())
            return
        with guard.passing(ID, MODEL), gauge:
            time.sleep(0.001)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, range(22)))
    assert gauge.passed == 60
    assert gauge.peak <= limit
    assert free(guard) == limit


async def test_who_asked_first_is_first(guard: WorkspaceGuard) -> None:
    """Also among threads and tasks: nobody starves."""
    order: list[int] = []

    async def acall(place: int) -> None:
        async with guard.apassing(ID, MODEL):
            order.append(place)

    def call(place: int) -> None:
        with guard.passing(ID, MODEL):
            order.append(place)

    running: list[Any] = []
    async with guard.apassing(ID, MODEL):
        for place in range(10):
            running.append(asyncio.create_task(acall(place) if place % 2 else asyncio.to_thread(call, place)))
            await auntil(lambda place=place: waiting(guard) == place + 1)  # type: ignore[misc]  # its default binds it
    await asyncio.gather(*running)
    assert order == list(range(10))


def test_each_model_of_each_workspace_has_its_own(guard: WorkspaceGuard) -> None:
    with guard.passing(ID, MODEL), guard.passing(ID, "qwen-max"), guard.passing("ws-other", MODEL):
        assert free(guard) == free(guard, model="qwen-max") == free(guard, "ws-other") == 0
    assert free(guard) == free(guard, model="qwen-max") == free(guard, "ws-other") == 1


def test_a_call_waits_until_another_ended(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard, ask: Ask
) -> None:
    fresh_server.default = stub.reply_to
    go_on = threading.Event()
    fresh_server.script(Reply((go_on, *stub.answer().parts), 200, stub.answer().headers))
    llm = stub.llm(fresh_server, guard=guard)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(llm.invoke, "Hi")
        until(lambda: len(fresh_server.requests) == 1)
        threading.Timer(0.05, go_on.set).start()
        assert ask(llm).text == "Hello"
        assert first.result().text == "Hello"
    assert free(guard) == 1


# --- no place is lost ---


async def test_a_task_that_is_cancelled_while_it_waits(guard: WorkspaceGuard) -> None:
    async def wait() -> None:
        async with guard.apassing(ID, MODEL):
            pass

    async with guard.apassing(ID, MODEL):
        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await auntil(lambda: waiting(guard) == 3)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
    await tasks[2]
    assert (free(guard), waiting(guard)) == (1, 0)


async def test_a_task_that_is_cancelled_when_its_turn_comes(guard: WorkspaceGuard) -> None:
    """The place was handed on, and the task never woke up to take it."""

    async def wait() -> None:
        async with guard.apassing(ID, MODEL):
            pytest.fail("It was cancelled.")

    async with guard.apassing(ID, MODEL):
        task = asyncio.create_task(wait())
        await auntil(lambda: waiting(guard) == 1)
    assert free(guard) == 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert free(guard) == 1


def test_a_thread_that_is_interrupted_while_it_waits(guard: WorkspaceGuard) -> None:
    def press() -> None:
        until(lambda: waiting(guard) == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    finger = threading.Thread(target=press)
    with guard.passing(ID, MODEL):
        finger.start()
        with pytest.raises(KeyboardInterrupt), guard.passing(ID, MODEL):
            pytest.fail("There was no place.")
        finger.join()
    assert free(guard) == 1


async def test_a_task_that_has_too_little_time(guard: WorkspaceGuard) -> None:
    async with guard.apassing(ID, MODEL):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), guard.apassing(ID, MODEL):
                pytest.fail("There was no place.")
    async with asyncio.timeout(PATIENCE), guard.apassing(ID, MODEL):
        assert free(guard) == 0


def test_a_loop_that_ends_while_its_tasks_wait(guard: WorkspaceGuard) -> None:
    async def wait() -> None:
        async with guard.apassing(ID, MODEL):
            pass

    async def leave() -> None:
        tasks.add(asyncio.create_task(wait()))
        await asyncio.sleep(0.01)

    tasks: set[Any] = set()
    with guard.passing(ID, MODEL):
        asyncio.run(leave())
    assert free(guard) == 1


def test_a_loop_that_is_closed_under_a_task_that_waits(guard: WorkspaceGuard) -> None:
    """Nobody cancels it: it is collected, and with it what it waited for."""

    async def wait() -> None:
        async with guard.apassing(ID, MODEL):
            pass

    loop = asyncio.new_event_loop()
    task = loop.create_task(wait())
    with guard.passing(ID, MODEL):
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant
        del task
        gc.collect()
    assert free(guard) == 1


def test_a_call_that_fails(fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard, ask: Ask) -> None:
    fresh_server.default = stub.reply_to
    fresh_server.script(stub.error(500, "InternalError", "Failed."), Reply((Act.DROP,)))
    llm = stub.llm(fresh_server, guard=guard)
    for _ in range(2):
        with pytest.raises(QwenWorkspaceError):
            ask(llm)
    assert ask(llm).text == "Hello"
    assert free(guard) == 1


async def test_a_call_that_is_cancelled(fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard) -> None:
    fresh_server.script(Reply((Act.AWAIT_HANGUP,)))
    llm = stub.llm(fresh_server, guard=guard)
    task = asyncio.create_task(llm.ainvoke("Hi"))
    await auntil(lambda: len(fresh_server.requests) == 1)
    assert free(guard) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert free(guard) == 1


def endless(stub: ProtocolStub) -> Reply:
    return stream_reply(stub.delta("Hel"), Act.AWAIT_HANGUP)


def test_a_stream_holds_its_place_until_it_is_left(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    llm = stub.llm(fresh_server, guard=guard)
    fresh_server.script(*[endless(stub)] * 3)
    closed: Any = llm.stream("Hi")
    next(closed)
    assert free(guard) == 0
    closed.close()
    assert free(guard) == 1
    for _ in llm.stream("Hi"):
        break
    assert free(guard) == 1
    dropped: Any = llm.stream("Hi")
    next(dropped)
    assert free(guard) == 0
    del dropped
    assert free(guard) == 1


async def test_an_asynchronous_stream_holds_its_place_until_it_is_left(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    llm = stub.llm(fresh_server, guard=guard)
    fresh_server.script(*[endless(stub)] * 3)
    closed: Any = llm.astream("Hi")
    await anext(closed)
    assert free(guard) == 0
    await closed.aclose()
    # LangChain drops the stream inside its own, and the loop closes what is dropped, at one of its next turns.
    await auntil(lambda: free(guard) == 1)
    async for _ in llm.astream("Hi"):
        break
    await auntil(lambda: free(guard) == 1)

    async def read() -> None:
        async for _ in llm.astream("Hi"):
            began.set()

    began = asyncio.Event()
    task = asyncio.create_task(read())
    await began.wait()
    assert free(guard) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await auntil(lambda: free(guard) == 1)


def test_a_handler_that_fails_in_a_stream(fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard) -> None:
    fresh_server.default = stub.reply_to

    def fail(_: Any) -> None:
        raise ValueError("It did not like the chunk.")

    chain: Any = stub.llm(fresh_server, guard=guard) | RunnableLambda(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="did not like"):
            list(chain.stream("Hi"))
    assert free(guard) == 1


# --- which calls share it ---


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.mark.parametrize("protocol", ["openai", "dashscope"])
async def test_every_component_passes_it(sandbox: Sandbox, protocol: Any) -> None:
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
    assert [free(guard, *name) for name in passed] == [2, 2, 2]


def test_tenants_do_not_wait_for_each_other(sandbox: Sandbox, guard: WorkspaceGuard) -> None:
    router = WorkspaceRouter(tenants={name: sandbox.workspace(name) for name in ("acme", "globex")})
    llm = ChatQwenWorkspace(model=MODEL, workspace=router, guard=guard)
    with guard.passing("llm-acme", MODEL):
        assert llm.invoke("Hi", config={"configurable": {"tenant": "globex"}}).text


def test_workspaces_without_an_id_are_told_apart(
    fresh_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    """By their keys, which nothing shows: on a shared host they have only these."""
    fresh_server.default = stub.reply_to
    for key in ("sk-S3CR3T", "sk-other", "sk-S3CR3T"):
        workspace = QwenWorkspace(api_key=key, base_url=fresh_server.url)
        ChatQwenWorkspace(model=MODEL, protocol=stub.protocol, workspace=workspace, guard=guard).invoke("Hi")
    assert len(guard._limits) == 2
    assert "S3CR3T" not in repr(guard) + repr(vars(guard)) + repr(pickle.dumps(guard))


def test_copies_of_a_model_share_it_and_a_pickle_has_its_limits(server: Server, stub: ProtocolStub) -> None:
    guard = WorkspaceGuard(max_concurrency=2, requests_per_minute=30)
    llm = stub.llm(server, guard=guard)
    assert copy.deepcopy(llm).guard is copy.copy(llm).guard is llm.model_copy().guard is guard
    thawed: Any = pickle.loads(pickle.dumps(llm)).guard  # noqa: S301 - made here
    assert repr(thawed) == repr(guard) == "WorkspaceGuard(max_concurrency=2, requests_per_minute=30)"


# --- what is refused ---


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
        ({"max_concurrency": 4, "requests_per_minute": 0}, "`requests_per_minute` is 0"),
    ],
)
def test_limits_that_are_none_are_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        WorkspaceGuard(**limits)
    assert words in str(caught.value)


def test_a_guard_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="guard"):
        ChatQwenWorkspace(model=MODEL, guard=4)
