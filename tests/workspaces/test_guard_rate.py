"""A guard limits the calls per minute: their starts are spaced evenly, and a cancelled call takes no start."""

import asyncio
from types import SimpleNamespace

import pytest

from langchain_qwen_workspace import WorkspaceGuard, guard
from tests.support.guards import MODEL, WORKSPACE_ID, free_slots
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.waiting import await_until
from tests.support.ways import Ask


class FakeClock:
    """A clock that only sleeping moves, so that no result depends on how busy the machine is.

    Attributes:
        starts: The time at the end of each sleep; each call sleeps once before it starts.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.starts: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.starts.append(self.now)

    async def asleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(guard, "time", clock)
    monkeypatch.setattr(guard, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": clock.asleep}))
    return clock


async def test_calls_start_evenly_spaced(clock: FakeClock) -> None:
    limiter = WorkspaceGuard(requests_per_minute=120)

    async def acall() -> None:
        async with limiter.aslot(WORKSPACE_ID, MODEL):
            pass

    def call() -> None:
        with limiter.slot(WORKSPACE_ID, MODEL):
            pass

    async def call_12_times() -> None:
        await asyncio.gather(*(acall() for _ in range(8)), *(asyncio.to_thread(call) for _ in range(4)))

    await call_12_times()
    clock.now += 5.0  # Unused starts are not saved up.
    await call_12_times()
    assert clock.starts == [number * 0.5 for number in range(12)] + [10.5 + number * 0.5 for number in range(12)]


async def test_a_cancelled_call_does_not_delay_the_next_one() -> None:
    limiter = WorkspaceGuard(requests_per_minute=0.5)  # The second call may start after two minutes.
    async with limiter.aslot(WORKSPACE_ID, MODEL):
        pass

    async def wait() -> None:
        async with limiter.aslot(WORKSPACE_ID, MODEL):
            pytest.fail("It was cancelled.")

    limits = limiter._limits.get((WORKSPACE_ID, MODEL))
    assert limits is not None
    rate = limits.rate
    assert rate is not None
    next_start = rate._next_start
    tasks = [asyncio.create_task(wait()) for _ in range(5)]
    await await_until(lambda: rate._first.waiting == 4)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (rate._next_start, rate._first.free) == (next_start, 1)


async def test_a_call_that_times_out_before_it_starts_releases_its_slot() -> None:
    limiter = WorkspaceGuard(max_concurrency=1, requests_per_minute=0.5)
    async with limiter.aslot(WORKSPACE_ID, MODEL):
        pass
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), limiter.aslot(WORKSPACE_ID, MODEL):
            pytest.fail("It was too early.")
    assert free_slots(limiter) == 1


def test_retries_are_not_counted(fresh_server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """At half a request per minute, a retry that were counted would not be sent within this test."""
    fresh_server.default = stub.reply_to
    fresh_server.script(stub.error(500, "InternalError", "Failed."))
    llm = stub.llm(fresh_server, max_retries=1, guard=WorkspaceGuard(requests_per_minute=0.5))
    assert ask(llm).text == "Hello"
    assert len(fresh_server.requests) == 2
