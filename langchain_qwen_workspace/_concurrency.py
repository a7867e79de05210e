"""How many requests are under way at a time, and in which order their answers come: never more, and theirs."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeAlias, TypeVar

from langchain_core.runnables.config import ContextThreadPoolExecutor

Job = TypeVar("Job")
Answer = TypeVar("Answer")
Done: TypeAlias = tuple[Job, Answer]

# How many jobs are taken for each that may run: answers wait here while an earlier one is sent again.
_AHEAD = 4


class Stopped(Exception, Generic[Job, Answer]):  # noqa: N818 - tells what happened; the error is inside
    """A job failed: nothing was begun after it, and what was under way was waited for.

    Attributes:
        error: The first error, in the order of the jobs.
        done: Jobs that ended well and were not given out yet, with their answers.
        left: Jobs without an answer, the failed ones among them.
    """

    def __init__(self, error: Exception, done: list[Done[Job, Answer]], left: list[Job]) -> None:
        super().__init__(str(error))
        self.error = error
        self.done = done
        self.left = left


class _NotBegunError(Exception):
    """A job that was not begun, since another one failed before."""


def in_order(run: Callable[[Job], Answer], jobs: Iterator[Job], limit: int) -> Iterator[Done[Job, Answer]]:
    """Yield each job with its answer, in order, with at most `limit` of them running in threads of their own.

    A single job, and every one where the limit is one, runs in the caller's thread. An error of `jobs` itself is
    raised after the answers to what came before it.

    Raises:
        Stopped: A job failed.
    """
    pool = ContextThreadPoolExecutor(max_workers=limit) if limit > 1 else None
    stop = threading.Event()
    waiting: deque[tuple[Job, Future[Answer]]] = deque()

    def attempt(job: Job) -> Answer:
        if stop.is_set():
            raise _NotBegunError
        try:
            return run(job)
        except BaseException:
            stop.set()
            raise

    def take() -> Job | None:
        return None if stop.is_set() else next(jobs, None)

    following, broken = None, None
    try:
        following = take()
        while following is not None:
            job = following
            try:
                following = take()
            except Exception as error:  # noqa: BLE001 - raised below, when the answers before it were given out
                following, broken = None, error
            alone = pool is None or (following is None and not waiting)
            waiting.append((job, _in_place(attempt, job) if alone or pool is None else pool.submit(attempt, job)))
            while waiting and (len(waiting) >= limit * _AHEAD or waiting[0][1].done()):
                yield _next(waiting, stop)
        while waiting:
            yield _next(waiting, stop)
    except Stopped as stopped:
        stopped.left += [following] if following is not None else []
        raise
    finally:
        stop.set()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
    if broken is not None:
        raise broken


def _in_place(run: Callable[[Job], Answer], job: Job) -> Future[Answer]:
    future: Future[Answer] = Future()
    try:
        future.set_result(run(job))
    except Exception as error:  # noqa: BLE001 - the future raises it where the answer is taken
        future.set_exception(error)
    return future


def _next(waiting: deque[tuple[Job, Future[Answer]]], stop: threading.Event) -> Done[Job, Answer]:
    job, future = waiting[0]
    if (error := future.exception()) is None:
        waiting.popleft()
        return job, future.result()
    stop.set()
    wait([other for _, other in waiting])
    raise _stopped(error, [(other, found) for other, found in waiting])


async def ain_order(
    run: Callable[[Job], Awaitable[Answer]], jobs: AsyncIterator[Job], limit: int
) -> AsyncGenerator[Done[Job, Answer], None]:
    """Yield each job with its answer, in order, with at most `limit` of them running as tasks; like `in_order`.

    Raises:
        Stopped: A job failed.
    """
    free, room, news = asyncio.Semaphore(limit), asyncio.Semaphore(limit * _AHEAD), asyncio.Event()
    stop = asyncio.Event()
    started: deque[tuple[Job, asyncio.Task[Answer]]] = deque()

    async def attempt(job: Job) -> Answer:
        async with free:
            if stop.is_set():
                raise _NotBegunError
            try:
                return await run(job)
            except BaseException:
                stop.set()
                raise

    async def produce() -> None:
        async for job in jobs:
            started.append((job, asyncio.create_task(attempt(job))))
            news.set()
            if stop.is_set():
                return
            await room.acquire()

    producer = asyncio.create_task(produce())
    producer.add_done_callback(lambda _: news.set())
    try:
        while started or not producer.done():
            if not started:
                news.clear()
                await news.wait()
                continue
            job, task = started[0]
            await asyncio.wait([task])
            if (error := task.exception()) is not None:
                stop.set()
                await _ended(producer)
                await asyncio.wait([other for _, other in started])
                raise _stopped(error, [(other, found) for other, found in started])
            started.popleft()
            room.release()
            yield job, task.result()
    finally:
        stop.set()
        await _ended(producer, *(task for _, task in started))
    await producer


async def _ended(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they are over, whatever came of them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _stopped(
    error: BaseException, found: list[tuple[Job, Future[Answer]]] | list[tuple[Job, asyncio.Task[Answer]]]
) -> BaseException:
    done = [(job, future.result()) for job, future in found if future.exception() is None]
    left = [job for job, future in found if future.exception() is not None]
    first = next((e for _, f in found if (e := f.exception()) and not isinstance(e, _NotBegunError)), error)
    return Stopped(first, done, left) if isinstance(first, Exception) else first
