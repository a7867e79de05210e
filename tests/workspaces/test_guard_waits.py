"""No call waits for ever for a guard: a wait has a limit, and one that cannot end fails at once."""

import asyncio
import contextvars
import gc
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_qwen_workspace import APITimeoutError, ConfigurationError, WorkspaceGuard
from langchain_qwen_workspace._slots import Slots
from tests.support.guards import MODEL, WORKSPACE_ID, free_slots, hold_elsewhere, waiting_calls
from tests.support.protocols import ProtocolStub
from tests.support.server import Server, stream_reply
from tests.support.waiting import DEADLINE, await_until, wait_until
from tests.support.ways import WAYS, Way, ask_by


@pytest.fixture
def guard() -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=1)


@pytest.fixture
def open_stream_server(fresh_server: Server, stub: ProtocolStub) -> Server:
    """Answer with the beginning of a stream that continues for longer than any test."""
    fresh_server.default = lambda _: stream_reply(*stub.frames("Hel"), 600.0)
    return fresh_server


# ------------------------------------------------------------------------------- the caller occupies every slot itself


@pytest.mark.parametrize("way", WAYS)
def test_a_call_while_its_own_task_reads_a_stream_fails_at_once(
    open_stream_server: Server, stub: ProtocolStub, guard: WorkspaceGuard, way: Way, runner: asyncio.Runner
) -> None:
    llm = stub.llm(open_stream_server, guard=guard)

    async def call() -> None:
        stream = llm.astream("Hi")
        await anext(stream)
        ask = llm.ainvoke("Hi") if way.startswith("a") else asyncio.sleep(0, ask_by(way, llm, runner))
        await ask

    with pytest.raises(ConfigurationError, match=r"could never start.*began \d+ seconds ago.*Read the streams"):
        runner.run(call())


def test_a_call_while_its_own_thread_reads_a_stream_fails_at_once(
    open_stream_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    llm = stub.llm(open_stream_server, guard=guard)
    stream = llm.stream("Hi")
    next(stream)
    with pytest.raises(ConfigurationError, match="'qwen-plus' in workspace 'ws-test' could never start"):
        llm.invoke("Hi")


def test_a_call_in_a_context_of_its_own_fails_at_once_in_the_main_thread(guard: WorkspaceGuard) -> None:
    """As in a chain, which runs each step in a copy of the context."""
    slot = guard.slot(WORKSPACE_ID, MODEL)
    contextvars.copy_context().run(slot.__enter__)
    with pytest.raises(ConfigurationError), guard.slot(WORKSPACE_ID, MODEL):
        pytest.fail("There was no free slot.")
    slot.__exit__(None, None, None)


def test_a_thread_of_a_pool_waits_for_a_stream_that_it_began_for_somebody_else(guard: WorkspaceGuard) -> None:
    """A web server reads a generator in whichever thread is free, each request in a context of its own."""
    slot = guard.slot(WORKSPACE_ID, MODEL)

    def use_slot() -> str:
        with guard.slot(WORKSPACE_ID, MODEL):
            return "had it"

    with ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, slot.__enter__).result()
        waiting = pool.submit(contextvars.copy_context().run, use_slot)
        wait_until(lambda: waiting_calls(guard) == 1)
        slot.__exit__(None, None, None)
        assert waiting.result(DEADLINE) == "had it"


def test_a_thread_of_a_pool_does_not_wait_for_its_own_stream(guard: WorkspaceGuard) -> None:
    def use_two_slots() -> None:
        with guard.slot(WORKSPACE_ID, MODEL), guard.slot(WORKSPACE_ID, MODEL):
            pytest.fail("There is one slot.")

    with ThreadPoolExecutor(1) as pool, pytest.raises(ConfigurationError, match="could never start"):
        pool.submit(use_two_slots).result(DEADLINE)


async def test_a_task_waits_for_a_slot_of_another_task(guard: WorkspaceGuard) -> None:
    async def use_slot() -> str:
        async with guard.aslot(WORKSPACE_ID, MODEL):
            return "had it"

    async with guard.aslot(WORKSPACE_ID, MODEL):
        waiting = asyncio.create_task(use_slot())
        await await_until(lambda: waiting_calls(guard) == 1)
    assert await waiting == "had it"


# ------------------------------------------------------------------------------------------------------- the time limit


@pytest.mark.parametrize("way", WAYS)
def test_a_call_waits_no_longer_than_max_wait(
    fresh_server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    guard = WorkspaceGuard(max_concurrency=1, max_wait=0.05)
    llm = stub.llm(fresh_server, guard=guard)
    expected = r"no call of 'qwen-plus' in workspace 'ws-test' start within 0.05 seconds. .* began \d+ seconds ago"
    with hold_elsewhere(guard), pytest.raises(APITimeoutError, match=expected):
        ask_by(way, llm, runner)
    assert (fresh_server.requests, waiting_calls(guard)) == ([], 0)


def test_a_call_whose_time_comes_after_max_wait_fails_at_once() -> None:
    guard = WorkspaceGuard(requests_per_minute=0.01, max_wait=600)
    with guard.slot(WORKSPACE_ID, MODEL):
        pass
    with pytest.raises(APITimeoutError, match="within 600 seconds"), guard.slot(WORKSPACE_ID, MODEL):
        pytest.fail("It was too early.")


def test_without_max_wait_a_call_waits_until_a_slot_is_free() -> None:
    guard = WorkspaceGuard(max_concurrency=1, max_wait=None)
    with hold_elsewhere(guard):
        waiting = threading.Thread(target=lambda: guard.slot(WORKSPACE_ID, MODEL).__enter__())
        waiting.start()
        wait_until(lambda: waiting_calls(guard) == 1)
    waiting.join(DEADLINE)
    assert not waiting.is_alive()


def test_an_error_of_a_workspace_without_an_id_does_not_show_its_key(stub: ProtocolStub) -> None:
    guard = WorkspaceGuard(max_concurrency=1)
    llm = stub.llm("http://127.0.0.1:1", guard=guard, workspace_id=None, api_key="sk-S3CR3T")
    transport: Any = llm._guarded_transport(llm.resolved_workspace(), "models")
    with guard.slot(transport._workspace, MODEL), pytest.raises(ConfigurationError) as caught:
        llm.invoke("Hi")
    assert "S3CR3T" not in str(caught.value)


# -------------------------------------------------------------------------------------- streams that nobody refers to


def test_a_stream_that_is_garbage_collected_frees_its_slot(
    open_stream_server: Server, stub: ProtocolStub, guard: WorkspaceGuard
) -> None:
    llm = stub.llm(open_stream_server, guard=guard)
    cycle: list[Any] = [llm.stream("Hi")]
    next(cycle[0])
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert free_slots(guard) == 1


def test_a_garbage_collection_while_the_slots_change_frees_a_slot(
    guard: WorkspaceGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may happen at any moment, and close a stream in the thread that has the lock."""
    slot, grant = guard.slot(WORKSPACE_ID, MODEL), Slots._grant
    slot.__enter__()

    def collect_and_grant(*arguments: Any) -> None:
        monkeypatch.undo()
        slot.__exit__(None, None, None)
        grant(*arguments)

    monkeypatch.setattr(Slots, "_grant", collect_and_grant)
    with guard.slot(WORKSPACE_ID, MODEL):
        assert free_slots(guard) == 0


def test_a_stream_of_a_closed_loop_does_not_keep_its_slot(guard: WorkspaceGuard) -> None:
    loop = asyncio.new_event_loop()
    slot = guard.aslot(WORKSPACE_ID, MODEL)
    loop.run_until_complete(slot.__aenter__())
    loop.close()
    with guard.slot(WORKSPACE_ID, MODEL):
        assert free_slots(guard) == 0


# ------------------------------------------------------------------------------------------------------------- growth


@pytest.mark.parametrize("limits", [{"max_concurrency": 1}, {"requests_per_minute": 1e9}])
def test_tenants_that_call_once_leave_nothing_behind(limits: dict[str, Any]) -> None:
    guard = WorkspaceGuard(**limits)
    for number in range(10_000):
        with guard.slot(f"llm-{number}", MODEL):
            pass
    assert len(guard._limits) <= 257


def test_a_limit_that_still_has_an_effect_is_kept(guard: WorkspaceGuard) -> None:
    with hold_elsewhere(guard):
        for number in range(1000):
            with guard.slot(f"llm-{number}", MODEL):
                pass
        assert free_slots(guard) == 0


def test_a_rate_that_still_has_an_effect_is_kept() -> None:
    guard = WorkspaceGuard(requests_per_minute=0.01)
    for number in range(1000):
        with guard.slot(f"llm-{number}", MODEL):
            pass
    with pytest.raises(APITimeoutError), guard.slot("llm-0", MODEL):
        pytest.fail("It was too early.")


def test_a_rate_that_still_has_an_effect_does_not_keep_others() -> None:
    guard = WorkspaceGuard(requests_per_minute=1e9)
    with guard.slot("llm-slow", MODEL):
        pass
    limits = guard._limits.get(("llm-slow", MODEL))
    assert limits is not None
    assert limits.rate is not None
    limits.rate._next_start = math.inf
    for number in range(1000):
        with guard.slot(f"llm-{number}", MODEL):
            pass
    assert len(guard._limits) <= 257
