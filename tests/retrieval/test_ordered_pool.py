"""Concurrent jobs and requests: their number, their order, and what is left after errors, closing and cancelling."""

import asyncio
import contextvars
import gc
import random
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_qwen_workspace._retrieval.ordered_pool import Leftovers, amap_ordered, map_ordered
from tests.support.protocols import ProtocolStub
from tests.support.retrieval import Embed, embed_reversed, make_embeddings, texts_in, vector_of
from tests.support.server import Act, Received, Reply, Server
from tests.support.waiting import DEADLINE, await_until, wait_until, worker_threads
from tests.support.ways import collect

Item = TypeVar("Item")

context_value: contextvars.ContextVar[str] = contextvars.ContextVar("context_value", default="nothing")


class Gauge:
    """Runs jobs, and counts those that run at a time.

    Attributes:
        started: The jobs in the order in which they were started.
        peak: The largest number of jobs that ran at a time.
        threads: The threads that ran them.
    """

    def __init__(self, delay: Callable[[int], float] = lambda _: 0.0) -> None:
        self.started: list[int] = []
        self.peak = 0
        self.threads: set[int] = set()
        self._delay = delay
        self._busy = 0
        self._lock = threading.Lock()

    def _enter(self, job: int) -> None:
        with self._lock:
            self.started.append(job)
            self._busy += 1
            self.peak = max(self.peak, self._busy)
            self.threads.add(threading.get_ident())

    def _leave(self) -> None:
        with self._lock:
            self._busy -= 1

    def __call__(self, job: int) -> int:
        self._enter(job)
        time.sleep(self._delay(job))
        self._leave()
        return job * job

    async def arun(self, job: int) -> int:
        self._enter(job)
        await asyncio.sleep(self._delay(job))
        self._leave()
        return job * job


async def as_async(jobs: Iterator[int]) -> AsyncIterator[int]:
    for job in jobs:
        yield job


def collect_into(items: Iterator[Item], into: list[Item]) -> None:
    for item in items:
        into.append(item)  # noqa: PERF402 - those before an error are wanted


async def acollect_into(items: AsyncIterator[Item], into: list[Item]) -> None:
    async for item in items:
        into.append(item)  # noqa: PERF401 - those before an error are wanted


# --- order and number ---


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40), limit=st.integers(1, 6), seed=st.integers(0, 999))
def test_results_are_in_order_and_no_more_jobs_run_than_the_limit(count: int, limit: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - delays are no secret
    gauge = Gauge(lambda _: chance.choice([0.0, 0.0, 0.001, 0.003]))
    assert list(map_ordered(gauge, iter(range(count)), limit, Leftovers())) == [
        (job, job * job) for job in range(count)
    ]
    assert sorted(gauge.started) == list(range(count))
    assert gauge.peak <= limit


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40), limit=st.integers(1, 6), seed=st.integers(0, 999))
def test_results_of_tasks_are_in_order_and_no_more_run_than_the_limit(count: int, limit: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - delays are no secret
    gauge = Gauge(lambda _: chance.choice([0.0, 0.0, 0.001, 0.003]))

    async def collect_results() -> list[tuple[int, int]]:
        return await collect(amap_ordered(gauge.arun, as_async(iter(range(count))), limit, Leftovers()))

    assert asyncio.run(collect_results()) == [(job, job * job) for job in range(count)]
    assert sorted(gauge.started) == list(range(count))
    assert gauge.peak <= limit


@pytest.mark.parametrize("limit", [2, 5, 8])
def test_as_many_jobs_run_at_a_time_as_the_limit(limit: int) -> None:
    together = threading.Barrier(limit, timeout=DEADLINE)
    assert len(list(map_ordered(lambda _: together.wait(), iter(range(3 * limit)), limit, Leftovers()))) == 3 * limit


@pytest.mark.parametrize("limit", [2, 5, 8])
async def test_as_many_tasks_run_at_a_time_as_the_limit(limit: int) -> None:
    together = asyncio.Barrier(limit)
    jobs = as_async(iter(range(3 * limit)))
    async with asyncio.timeout(DEADLINE):
        assert len(await collect(amap_ordered(lambda _: together.wait(), jobs, limit, Leftovers()))) == 3 * limit


def test_with_a_limit_of_one_jobs_run_in_the_callers_thread() -> None:
    gauge = Gauge()
    assert [job for job, _ in map_ordered(gauge, iter(range(5)), 1, Leftovers())] == [0, 1, 2, 3, 4]
    assert (gauge.started, gauge.peak, gauge.threads) == ([0, 1, 2, 3, 4], 1, {threading.get_ident()})


def test_a_single_job_runs_in_the_callers_thread() -> None:
    gauge, before = Gauge(), worker_threads()
    assert list(map_ordered(gauge, iter([7]), 8, Leftovers())) == [(7, 49)]
    assert gauge.threads == {threading.get_ident()}
    # Threads of other tests may still end.
    assert worker_threads() <= before


def test_jobs_in_threads_see_the_callers_context() -> None:
    # No job ends before three run, so that none is the only one left, which the caller's thread would run.
    together = threading.Barrier(3, timeout=DEADLINE)

    def run(_: int) -> tuple[str, int]:
        together.wait()
        return context_value.get(), threading.get_ident()

    token = context_value.set("the caller's")
    try:
        found = list(map_ordered(run, iter(range(6)), 3, Leftovers()))
    finally:
        context_value.reset(token)
    assert {value for _, (value, _) in found} == {"the caller's"}
    assert threading.get_ident() not in {thread for _, (_, thread) in found}


def test_a_bounded_number_of_jobs_is_taken_while_the_first_one_runs() -> None:
    # Four for each of the two that may run, and the one that is taken ahead.
    bound = 2 * 4 + 1
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(1000):
            taken.append(job)
            yield job

    def run(job: int) -> int:
        if job == 0:
            wait_until(lambda: len(taken) == bound)
        return job

    results: Any = map_ordered(run, jobs(), 2, Leftovers())
    assert next(results) == (0, 0)
    assert len(taken) == bound
    results.close()


# --- errors and early ends ---


class _SourceError(Exception):
    """An error that a source of jobs raises."""


def test_an_error_of_the_source_is_raised_after_the_results_before_it() -> None:
    def jobs() -> Iterator[int]:
        yield from range(5)
        raise _SourceError

    found: list[tuple[int, int]] = []
    with pytest.raises(_SourceError):
        collect_into(map_ordered(Gauge(lambda job: 0.003 * (5 - job)), jobs(), 3, Leftovers()), found)
    assert found == [(job, job * job) for job in range(5)]


async def test_an_error_of_an_async_source_is_raised_after_the_results_before_it() -> None:
    async def jobs() -> AsyncIterator[int]:
        for job in range(5):
            yield job
        raise _SourceError

    found: list[tuple[int, int]] = []
    with pytest.raises(_SourceError):
        await acollect_into(amap_ordered(Gauge(lambda job: 0.003 * (5 - job)).arun, jobs(), 3, Leftovers()), found)
    assert found == [(job, job * job) for job in range(5)]


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 30), limit=st.integers(1, 5), wrong=st.integers(0, 29), seed=st.integers(0, 99))
def test_after_a_failure_every_job_that_was_taken_has_one_outcome(
    count: int, limit: int, wrong: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - delays are no secret
    wrong = min(wrong, count - 1)
    started: list[int] = []
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(count):
            taken.append(job)
            yield job

    def run(job: int) -> int:
        started.append(job)
        time.sleep(chance.choice([0.0, 0.001]))
        if job == wrong:
            raise _SourceError(job)
        return job

    found: list[tuple[int, int]] = []
    leftovers: Leftovers[int, int] = Leftovers()
    with pytest.raises(_SourceError):
        collect_into(map_ordered(run, jobs(), limit, leftovers), found)
    yielded = [job for job, _ in found]
    assert yielded == list(range(wrong))
    done = [job for job, _ in leftovers.done]
    failed = [job for job, _ in leftovers.failed]
    assert failed == [wrong]
    assert sorted([*yielded, *done, *failed, *leftovers.not_started]) == taken
    assert sorted([*yielded, *done, *failed]) == sorted(started)
    assert len(started) <= wrong + limit * 4


def test_a_keyboard_interrupt_in_a_thread_is_raised() -> None:
    def run(job: int) -> int:
        if job == 1:
            raise KeyboardInterrupt
        return job

    with pytest.raises(KeyboardInterrupt):
        list(map_ordered(run, iter(range(6)), 2, Leftovers()))


def test_closing_the_generator_starts_no_job_and_leaves_no_thread() -> None:
    before, gauge = worker_threads(), Gauge(lambda _: 0.005)
    results: Any = map_ordered(gauge, iter(range(1000)), 4, Leftovers())
    assert next(results) == (0, 0)
    results.close()
    wait_until(lambda: not (worker_threads() - before))
    assert len(gauge.started) <= 4 * 4 + 1


_FORKED = """
import os, signal, threading
from langchain_qwen_workspace._retrieval.ordered_pool import Leftovers, map_ordered

release = threading.Event()
results = map_ordered(lambda job: job == 0 or release.wait(), iter(range(9)), 2, Leftovers())
next(results)
if os.fork() == 0:
    signal.alarm(30)
    next(results)
os.wait()
release.set()
print(len(list(results)), flush=True)
"""


def test_a_child_that_continues_its_parents_iteration_raises_instead_of_waiting() -> None:
    ran = subprocess.run([sys.executable, "-c", _FORKED], capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert "which was forked from it" in ran.stderr
    assert ran.stdout == "8\n"


async def test_closing_the_async_generator_cancels_the_tasks() -> None:
    gauge = Gauge(lambda _: 0.005)
    results = amap_ordered(gauge.arun, as_async(iter(range(1000))), 4, Leftovers())
    assert await anext(results) == (0, 0)
    await results.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert len(gauge.started) <= 4 * 4


# --- embeddings ---


class SlowService:
    """Responds after 2 to 20 milliseconds, so that responses overtake one another, and counts concurrent requests.

    No request is answered before `together` requests have arrived.
    """

    def __init__(self, stub: ProtocolStub, together: int = 1) -> None:
        self.peak = 0
        self._stub = stub
        self._busy = 0
        self._lock = threading.Lock()
        self._together = threading.Barrier(together, timeout=DEADLINE)
        self._chance = random.Random(7)  # noqa: S311 - delays are no secret

    def __call__(self, received: Received) -> Reply:
        with self._lock:
            self._busy += 1
            self.peak = max(self.peak, self._busy)
            delay = self._chance.uniform(0.002, 0.02)
        self._together.wait()
        time.sleep(delay)
        with self._lock:
            self._busy -= 1
        return embed_reversed(self._stub)(received)


TEXTS = [f"{number}" for number in range(240)]
VECTORS = [vector_of(text) for text in TEXTS]


@pytest.mark.parametrize("limit", [1, 3, 8])
def test_max_concurrency_limits_the_concurrent_requests_and_vectors_are_in_order(
    server: Server, stub: ProtocolStub, embed_any_way: Embed, limit: int
) -> None:
    server.default = service = SlowService(stub, limit)
    assert embed_any_way(make_embeddings(server, stub, max_concurrency=limit), TEXTS) == VECTORS
    assert service.peak == limit
    assert sorted(int(texts_in(received)[0]) for received in server.requests) == list(range(0, 240, 10))


def test_eight_requests_run_at_a_time_by_default(server: Server, stub: ProtocolStub) -> None:
    server.default = service = SlowService(stub, 8)
    assert make_embeddings(server, stub).embed_documents(TEXTS) == VECTORS
    assert service.peak == 8


def test_a_closed_iterator_sends_no_further_request(server: Server, stub: ProtocolStub) -> None:
    before = worker_threads()
    server.default = SlowService(stub)
    vectors: Any = make_embeddings(server, stub, max_concurrency=2).lazy_embed_documents(f"{n}" for n in range(5000))
    assert next(vectors) == vector_of("0")
    vectors.close()
    wait_until(lambda: not (worker_threads() - before))
    assert len(server.requests) <= 2 * 4 + 1


@pytest.mark.parametrize("ending", ["aclose", "break"])
def test_a_closed_async_iterator_cancels_the_running_requests(
    fresh_server: Server, stub: ProtocolStub, ending: str
) -> None:
    def reply(received: Received) -> Reply:
        answered = embed_reversed(stub)(received)
        return answered if texts_in(received)[0] == "0" else Reply((Act.AWAIT_HANGUP,))

    fresh_server.default = reply
    closed = []

    async def source() -> AsyncIterator[str]:
        try:
            for number in range(5000):
                yield f"{number}"
                await asyncio.sleep(0)
        finally:
            closed.append("source")

    async def listen() -> None:
        vectors: Any = make_embeddings(fresh_server, stub, max_concurrency=3).alazy_embed_documents(source())
        if ending == "aclose":
            assert await anext(vectors) == vector_of("0")
            await vectors.aclose()
            assert asyncio.all_tasks() <= {asyncio.current_task(), *closing_tasks()}
        else:
            async for vector in vectors:
                assert vector == vector_of("0")
                break

    asyncio.run(listen())
    gc.collect()
    assert closed == ["source"]
    assert len(fresh_server.requests) <= 4
    wait_until(lambda: fresh_server.open_connections == 0)


def closing_tasks() -> set[asyncio.Task[Any]]:
    """Return the tasks with which the event loop closes async generators that were dropped."""
    return {task for task in asyncio.all_tasks() if "aclose" in repr(task.get_coro())}


def test_cancelling_a_task_cancels_its_requests(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = lambda _: Reply((Act.AWAIT_HANGUP,))

    async def give_up() -> None:
        task = asyncio.create_task(make_embeddings(fresh_server, stub, max_concurrency=3).aembed_documents(TEXTS))
        await await_until(lambda: len(fresh_server.requests) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() <= {asyncio.current_task(), *closing_tasks()}

    asyncio.run(give_up())
    for _ in range(3):
        assert fresh_server.hangups.acquire(timeout=DEADLINE)
    assert len(fresh_server.requests) == 3


def test_several_threads_can_share_one_component(server: Server, stub: ProtocolStub) -> None:
    server.default = service = SlowService(stub)
    embeddings = make_embeddings(server, stub, max_concurrency=2)
    found: dict[int, list[list[float]]] = {}

    def call(number: int) -> None:
        found[number] = embeddings.embed_documents(TEXTS[number * 40 : number * 40 + 40])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert found == {number: VECTORS[number * 40 : number * 40 + 40] for number in range(4)}
    assert service.peak <= 8
