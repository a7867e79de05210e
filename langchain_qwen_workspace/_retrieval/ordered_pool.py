"""How many requests are under way at a time, and in which order their answers come: never more, and theirs."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from langchain_core.runnables.config import ContextThreadPoolExecutor

Job = TypeVar("Job")
Answer = TypeVar("Answer")

# How many jobs are taken for each that may run: answers wait here while an earlier one is sent again.
_AHEAD = 4


@dataclass(slots=True, eq=False)
class _Taken(Generic[Job]):
    """A job that was taken.

    Attributes:
        job: The job.
        begun: Whether it was begun.
        outcome: What becomes of it: a future of a thread, or a task.
    """

    job: Job
    begun: bool = False
    outcome: Any = None


@dataclass(slots=True)
class Rest(Generic[Job, Answer]):
    """What became of the jobs whose answers were not given out, where an iterator ended early.

    Attributes:
        done: Those that ended well, with their answers.
        failed: Those that were begun and did not end well, each with what ended it.
        unbegun: The others.
    """

    done: list[tuple[Job, Answer]] = field(default_factory=list)
    failed: list[tuple[Job, BaseException]] = field(default_factory=list)
    unbegun: list[Job] = field(default_factory=list)

    def settle(self, all_taken: Iterable[_Taken[Job]], ending: BaseException) -> BaseException:
        """Sort jobs by what became of them, and return what is to be raised.

        Args:
            all_taken: The jobs, in order.
            ending: What ended the iterator. What is still under way has failed by it, since nobody waits for it.
        """
        for taken in all_taken:
            if not taken.begun:
                self.unbegun.append(taken.job)
            elif not taken.outcome.done():
                self.failed.append((taken.job, ending))
            elif taken.outcome.cancelled():
                self.failed.append((taken.job, asyncio.CancelledError()))
            elif (error := taken.outcome.exception()) is not None:
                self.failed.append((taken.job, error))
            else:
                self.done.append((taken.job, taken.outcome.result()))
        return self.failed[0][1] if isinstance(ending, _NotBegunError) else ending


class _NotBegunError(Exception):
    """A job that was not begun, since another one failed before."""


def in_order(
    run: Callable[[Job], Answer], jobs: Iterator[Job], limit: int, rest: Rest[Job, Answer]
) -> Generator[tuple[Job, Answer], None, None]:
    """Yield each job with its answer, in order, with at most `limit` of them running in threads of their own.

    A single job, and every one where the limit is one, runs in the caller's thread. Of several errors of jobs the first
    in their order is raised. An error of `jobs` itself is raised after the answers to what came before it.

    When a job fails or the iterator is closed, nothing is begun any more and what is under way is waited for, unless
    the process is interrupted. `rest` then has what became of the jobs whose answers were not given out.
    """
    pool = ContextThreadPoolExecutor(max_workers=limit)
    stop = threading.Event()
    waiting: deque[_Taken[Job]] = deque()
    broken: list[Exception] = []

    def attempt(taken: _Taken[Job]) -> Answer:
        taken.begun = not stop.is_set()
        if not taken.begun:
            raise _NotBegunError
        try:
            return run(taken.job)
        except BaseException:
            stop.set()
            raise

    def take() -> _Taken[Job] | None:
        try:
            return None if stop.is_set() or broken else next(map(_Taken, jobs), None)
        except Exception as error:  # noqa: BLE001 - raised below, when the answers before it were given out
            broken.append(error)
            return None

    following = None
    try:
        following = take()
        while following is not None:
            taken, following = following, take()
            alone = limit == 1 or (following is None and not waiting)
            taken.outcome = _in_place(attempt, taken) if alone else pool.submit(attempt, taken)
            waiting.append(taken)
            while waiting and (len(waiting) >= limit * _AHEAD or waiting[0].outcome.done()):
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    except BaseException as ending:  # noqa: BLE001 - raised again, or the error that is behind it
        stop.set()
        pool.shutdown(wait=isinstance(ending, Exception | GeneratorExit), cancel_futures=True)
        told = rest.settle([*waiting, *([following] if following else [])], ending)
        raise told from told.__cause__
    finally:
        pool.shutdown(wait=False)
    for error in broken:
        raise error


def _in_place(run: Callable[[_Taken[Job]], Answer], taken: _Taken[Job]) -> Future[Answer]:
    future: Future[Answer] = Future()
    try:
        future.set_result(run(taken))
    except BaseException as error:  # noqa: BLE001 - the future raises it where the answer is taken
        future.set_exception(error)
    return future


def _first(waiting: deque[_Taken[Job]]) -> tuple[Job, Any]:
    """Wait for the answer of the first job and take it out, unless it failed."""
    answer = waiting[0].outcome.result()
    return waiting.popleft().job, answer


async def ain_order(
    run: Callable[[Job], Awaitable[Answer]], jobs: AsyncIterator[Job], limit: int, rest: Rest[Job, Answer]
) -> AsyncGenerator[tuple[Job, Answer], None]:
    """Yield each job with its answer, in order, with at most `limit` of them running as tasks; like `in_order`.

    When the iterator is closed, what is under way is cancelled.
    """
    free, room, news = asyncio.Semaphore(limit), asyncio.Semaphore(limit * _AHEAD), asyncio.Event()
    stop = asyncio.Event()
    started: deque[_Taken[Job]] = deque()

    async def attempt(taken: _Taken[Job]) -> Answer:
        async with free:
            taken.begun = not stop.is_set()
            if not taken.begun:
                raise _NotBegunError
            try:
                return await run(taken.job)
            except BaseException:
                stop.set()
                raise

    async def produce() -> None:
        async for job in jobs:
            taken = _Taken(job)
            taken.outcome = asyncio.create_task(attempt(taken))
            started.append(taken)
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
            await asyncio.wait([started[0].outcome])
            found = _first(started)
            room.release()
            yield found
    except BaseException as ending:  # noqa: BLE001 - raised again, or the error that is behind it
        stop.set()
        await _over([producer], cancel=True)
        await _over([taken.outcome for taken in started], cancel=not isinstance(ending, Exception))
        told = rest.settle(started, ending)
        raise told from told.__cause__
    await producer


async def _over(tasks: Sequence["asyncio.Task[Any]"], *, cancel: bool) -> None:
    """Wait until tasks are over, whatever came of them."""
    for task in tasks if cancel else ():
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
