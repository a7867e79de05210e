"""Requests side by side: never more than allowed, really that many, in order, and nothing left behind."""

import asyncio
import contextvars
import gc
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_qwen_workspace._retrieval.ordered_pool import Leftovers, amap_ordered, map_ordered
from tests.retrieval.test_embeddings import embedder, shuffled, texts_in, vector_of
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Received, Reply, Server

Answer = TypeVar("Answer")

PATIENCE = 5.0
seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")


class Gauge:
    """Counts the jobs that are under way, and all that were begun."""

    def __init__(self, delay: Callable[[int], float] = lambda _: 0.0) -> None:
        self.begun: list[int] = []
        self.peak = 0
        self.threads: set[int] = set()
        self._delay = delay
        self._busy = 0
        self._lock = threading.Lock()

    def _enter(self, job: int) -> None:
        with self._lock:
            self.begun.append(job)
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

    async def slowly(self, job: int) -> int:
        self._enter(job)
        await asyncio.sleep(self._delay(job))
        self._leave()
        return job * job


async def given_to_async(jobs: Iterator[int]) -> AsyncIterator[int]:
    for job in jobs:
        yield job


def workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name}


def collect(answers: Iterator[Answer], into: list[Answer]) -> None:
    for answer in answers:
        into.append(answer)  # noqa: PERF402 - those before an error are wanted


async def acollect(answers: AsyncIterator[Answer], into: list[Answer]) -> None:
    async for answer in answers:
        into.append(answer)  # noqa: PERF401 - those before an error are wanted


def wait_until(done: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < deadline:
        time.sleep(0.002)
    return bool(done())


# ------------------------------------------------------------------------------------------------- order and number


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40), limit=st.integers(1, 6), seed=st.integers(0, 999))
def test_answers_come_in_order_and_never_more_run_than_allowed(count: int, limit: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - delays are no secret
    gauge = Gauge(lambda _: chance.choice([0.0, 0.0, 0.001, 0.003]))
    assert list(map_ordered(gauge, iter(range(count)), limit, Leftovers())) == [
        (job, job * job) for job in range(count)
    ]
    assert sorted(gauge.begun) == list(range(count))
    assert gauge.peak <= limit


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40), limit=st.integers(1, 6), seed=st.integers(0, 999))
def test_answers_of_tasks_come_in_order_and_never_more_run_than_allowed(count: int, limit: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - delays are no secret
    gauge = Gauge(lambda _: chance.choice([0.0, 0.0, 0.001, 0.003]))

    async def collected() -> list[tuple[int, int]]:
        return [
            found async for found in amap_ordered(gauge.slowly, given_to_async(iter(range(count))), limit, Leftovers())
        ]

    assert asyncio.run(collected()) == [(job, job * job) for job in range(count)]
    assert sorted(gauge.begun) == list(range(count))
    assert gauge.peak <= limit


@pytest.mark.parametrize("limit", [2, 5, 8])
def test_really_as_many_run_as_allowed(limit: int) -> None:
    together = threading.Barrier(limit, timeout=PATIENCE)
    assert len(list(map_ordered(lambda _: together.wait(), iter(range(3 * limit)), limit, Leftovers()))) == 3 * limit


@pytest.mark.parametrize("limit", [2, 5, 8])
async def test_really_as_many_tasks_run_as_allowed(limit: int) -> None:
    gauge = Gauge(lambda _: 0.01)
    assert len(
        [
            found
            async for found in amap_ordered(gauge.slowly, given_to_async(iter(range(3 * limit))), limit, Leftovers())
        ]
    ) == (3 * limit)
    assert gauge.peak == limit


def test_one_at_a_time_is_one_after_the_other_in_the_callers_thread() -> None:
    gauge = Gauge()
    assert [job for job, _ in map_ordered(gauge, iter(range(5)), 1, Leftovers())] == [0, 1, 2, 3, 4]
    assert (gauge.begun, gauge.peak, gauge.threads) == ([0, 1, 2, 3, 4], 1, {threading.get_ident()})


def test_a_single_job_runs_in_the_callers_thread() -> None:
    gauge, before = Gauge(), workers()
    assert list(map_ordered(gauge, iter([7]), 8, Leftovers())) == [(7, 49)]
    assert gauge.threads == {threading.get_ident()}
    assert workers() == before


def test_several_jobs_see_the_callers_context() -> None:
    token = seen.set("the caller's")
    try:
        found = list(map_ordered(lambda _: (seen.get(), threading.get_ident()), iter(range(6)), 3, Leftovers()))
    finally:
        seen.reset(token)
    assert {context for _, (context, _) in found} == {"the caller's"}
    assert threading.get_ident() not in {thread for _, (_, thread) in found}


def test_one_slow_job_holds_up_only_a_bounded_number_of_others() -> None:
    first = threading.Event()
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(1000):
            taken.append(job)
            yield job

    def run(job: int) -> int:
        if job == 0:
            first.wait(PATIENCE)
        return job

    answers: Any = map_ordered(run, jobs(), 2, Leftovers())
    opened = threading.Timer(0.05, first.set)
    opened.start()
    assert next(answers) == (0, 0)
    # Four for each that may run, and the one that is looked at ahead.
    assert len(taken) == 2 * 4 + 1
    answers.close()
    opened.join()


# --------------------------------------------------------------------------------------------------------- the end


class _ItsOwnError(Exception):
    """What a source raises."""


def test_an_error_of_the_source_comes_after_the_answers_before_it() -> None:
    def jobs() -> Iterator[int]:
        yield from range(5)
        raise _ItsOwnError

    found: list[tuple[int, int]] = []
    with pytest.raises(_ItsOwnError):
        collect(map_ordered(Gauge(lambda job: 0.003 * (5 - job)), jobs(), 3, Leftovers()), found)
    assert found == [(job, job * job) for job in range(5)]


async def test_an_error_of_an_async_source_comes_after_the_answers_before_it() -> None:
    async def jobs() -> AsyncIterator[int]:
        for job in range(5):
            yield job
        raise _ItsOwnError

    found: list[tuple[int, int]] = []
    with pytest.raises(_ItsOwnError):
        await acollect(amap_ordered(Gauge(lambda job: 0.003 * (5 - job)).slowly, jobs(), 3, Leftovers()), found)
    assert found == [(job, job * job) for job in range(5)]


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 30), limit=st.integers(1, 5), wrong=st.integers(0, 29), seed=st.integers(0, 99))
def test_after_a_failure_every_job_is_accounted_for_once(count: int, limit: int, wrong: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - delays are no secret
    wrong = min(wrong, count - 1)
    begun: list[int] = []
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(count):
            taken.append(job)
            yield job

    def run(job: int) -> int:
        begun.append(job)
        time.sleep(chance.choice([0.0, 0.001]))
        if job == wrong:
            raise _ItsOwnError(job)
        return job

    found: list[tuple[int, int]] = []
    leftovers: Leftovers[int, int] = Leftovers()
    with pytest.raises(_ItsOwnError):
        collect(map_ordered(run, jobs(), limit, leftovers), found)
    given_out = [job for job, _ in found]
    assert given_out == list(range(wrong))
    done = [job for job, _ in leftovers.done]
    failed = [job for job, _ in leftovers.failed]
    assert failed == [wrong]
    assert sorted([*given_out, *done, *failed, *leftovers.not_started]) == taken
    assert sorted([*given_out, *done, *failed]) == sorted(begun)
    assert len(begun) <= wrong + limit * 4


def test_an_interruption_of_the_process_is_not_kept_in_a_thread() -> None:
    def run(job: int) -> int:
        if job == 1:
            raise KeyboardInterrupt
        return job

    with pytest.raises(KeyboardInterrupt):
        list(map_ordered(run, iter(range(6)), 2, Leftovers()))


def test_who_stops_listening_stops_the_sending_and_leaves_no_thread() -> None:
    before, gauge = workers(), Gauge(lambda _: 0.005)
    answers: Any = map_ordered(gauge, iter(range(1000)), 4, Leftovers())
    assert next(answers) == (0, 0)
    answers.close()
    assert wait_until(lambda: not (workers() - before))
    assert len(gauge.begun) <= 4 * 4 + 1


async def test_who_stops_listening_stops_the_tasks() -> None:
    gauge = Gauge(lambda _: 0.005)
    answers = amap_ordered(gauge.slowly, given_to_async(iter(range(1000))), 4, Leftovers())
    assert await anext(answers) == (0, 0)
    await answers.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    begun = len(gauge.begun)
    await asyncio.sleep(0.02)
    assert len(gauge.begun) == begun <= 4 * 4


# ------------------------------------------------------------------------------------------------------ over sockets


class Slow:
    """Answers after 2 to 20 milliseconds, so that answers overtake one another, and counts who waits."""

    def __init__(self, stub: ProtocolStub, together: int = 1) -> None:
        self.peak = 0
        self._dialect = stub
        self._busy = 0
        self._lock = threading.Lock()
        # Nobody is answered before so many have asked.
        self._together = threading.Barrier(together, timeout=PATIENCE)
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
        return shuffled(self._dialect)(received)


TEXTS = [f"{number}" for number in range(240)]
VECTORS = [vector_of(text) for text in TEXTS]


@pytest.mark.parametrize("limit", [1, 3, 8])
@pytest.mark.parametrize("way", ["sync", "async", "lazy", "alazy"])
def test_no_more_requests_are_under_way_than_allowed_and_vectors_are_in_order(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, limit: int, way: str
) -> None:
    server.default = slow = Slow(stub, limit)
    embeddings = embedder(server, stub, max_concurrency=limit)

    async def collected() -> list[list[float]]:
        return [vector async for vector in embeddings.alazy_embed_documents(TEXTS)]

    ways: dict[str, Callable[[], list[list[float]]]] = {
        "sync": lambda: embeddings.embed_documents(TEXTS),
        "async": lambda: runner.run(embeddings.aembed_documents(TEXTS)),
        "lazy": lambda: list(embeddings.lazy_embed_documents(TEXTS)),
        "alazy": lambda: runner.run(collected()),
    }
    assert ways[way]() == VECTORS
    assert slow.peak == limit
    assert sorted(int(texts_in(received)[0]) for received in server.requests) == list(range(0, 240, 10))


def test_eight_are_under_way_if_nothing_is_said(server: Server, stub: ProtocolStub) -> None:
    server.default = slow = Slow(stub, 8)
    assert embedder(server, stub).embed_documents(TEXTS) == VECTORS
    assert slow.peak == 8


def test_a_closed_iterator_sends_nothing_more(server: Server, stub: ProtocolStub) -> None:
    before = workers()
    server.default = Slow(stub)
    vectors: Any = embedder(server, stub, max_concurrency=2).lazy_embed_documents(f"{n}" for n in range(5000))
    assert next(vectors) == vector_of("0")
    vectors.close()
    assert wait_until(lambda: not (workers() - before))
    sent = len(server.requests)
    time.sleep(0.03)
    assert len(server.requests) == sent <= 2 * 4 + 1


@pytest.mark.parametrize("ending", ["aclose", "break"])
def test_a_closed_async_iterator_cancels_what_is_under_way(
    fresh_server: Server, stub: ProtocolStub, ending: str
) -> None:
    def reply(received: Received) -> Reply:
        answered = shuffled(stub)(received)
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
        vectors: Any = embedder(fresh_server, stub, max_concurrency=3).alazy_embed_documents(source())
        if ending == "aclose":
            assert await anext(vectors) == vector_of("0")
            await vectors.aclose()
            assert asyncio.all_tasks() <= {asyncio.current_task(), *finalizers()}
        else:
            async for vector in vectors:
                assert vector == vector_of("0")
                break

    asyncio.run(listen())
    gc.collect()
    assert closed == ["source"]
    assert len(fresh_server.requests) <= 4
    assert wait_until(lambda: fresh_server.open_connections == 0)


def finalizers() -> set[asyncio.Task[Any]]:
    """Return the tasks by which the loop closes async generators that nobody holds."""
    return {task for task in asyncio.all_tasks() if "aclose" in repr(task.get_coro())}


def test_who_is_cancelled_cancels_the_requests(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = lambda _: Reply((Act.AWAIT_HANGUP,))

    async def give_up() -> None:
        task = asyncio.create_task(embedder(fresh_server, stub, max_concurrency=3).aembed_documents(TEXTS))
        assert await asyncio.to_thread(wait_until, lambda: len(fresh_server.requests) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() <= {asyncio.current_task(), *finalizers()}

    asyncio.run(give_up())
    for _ in range(3):
        assert fresh_server.hangups.acquire(timeout=PATIENCE)
    assert len(fresh_server.requests) == 3


def test_several_threads_may_share_one_object(server: Server, stub: ProtocolStub) -> None:
    server.default = slow = Slow(stub)
    embeddings = embedder(server, stub, max_concurrency=2)
    found: dict[int, list[list[float]]] = {}

    def call(number: int) -> None:
        found[number] = embeddings.embed_documents(TEXTS[number * 40 : number * 40 + 40])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == {number: VECTORS[number * 40 : number * 40 + 40] for number in range(4)}
    assert slow.peak <= 8
