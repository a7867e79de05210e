"""A guard's pace: calls begin evenly, and who does not begin takes no turn."""

import asyncio
import time

import pytest

from langchain_qwen_workspace import WorkspaceGuard
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask
from tests.workspaces.test_guard import ID, MODEL, free


async def test_the_pace_is_even_from_the_first_call_on() -> None:
    """Counted, not timed: no start is nearer to the one before it than the pace allows, however many wait."""
    between = 0.02
    guard, begun = WorkspaceGuard(requests_per_minute=60 / between), list[float]()

    async def acall() -> None:
        async with guard.apassing(ID, MODEL):
            begun.append(time.monotonic())

    def call() -> None:
        with guard.passing(ID, MODEL):
            begun.append(time.monotonic())

    for _ in range(2):
        await asyncio.gather(*(acall() for _ in range(8)), *(asyncio.to_thread(call) for _ in range(4)))
        await asyncio.sleep(between * 5)  # What was not used is not saved up.
    begun.sort()
    assert len(begun) == 24
    for first in range(24):
        for last in range(first + 1, 24):
            # One is late by itself; the time between several is not shortened by more than that.
            assert last - first <= (begun[last] - begun[first]) / between + 1


async def test_who_is_cancelled_takes_no_turn() -> None:
    guard = WorkspaceGuard(requests_per_minute=0.5)  # The second call may begin in two minutes.
    async with guard.apassing(ID, MODEL):
        pass

    async def wait() -> None:
        async with guard.apassing(ID, MODEL):
            pytest.fail("It was cancelled.")

    pace = guard._limits_of(ID, MODEL).rate
    assert pace is not None
    due = pace._next_start
    tasks = [asyncio.create_task(wait()) for _ in range(5)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (pace._next_start, pace._first._free) == (due, 1)


async def test_who_is_cancelled_before_its_turn_gives_its_place_back() -> None:
    guard = WorkspaceGuard(max_concurrency=1, requests_per_minute=0.5)
    async with guard.apassing(ID, MODEL):
        pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), guard.apassing(ID, MODEL):
            pytest.fail("It was too early.")
    assert free(guard) == 1


def test_what_is_sent_again_is_not_counted_anew(fresh_server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """One turn for one call: at half a request a minute, a second turn would not come within this test."""
    fresh_server.default = stub.reply_to
    fresh_server.script(stub.error(500, "InternalError", "Failed."))
    llm = stub.llm(fresh_server, max_retries=1, guard=WorkspaceGuard(requests_per_minute=0.5))
    assert ask(llm).text == "Hello"
    assert len(fresh_server.requests) == 2
