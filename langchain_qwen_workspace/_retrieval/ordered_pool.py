"""Runs jobs concurrently, at most N at a time, and yields their results in the order of the jobs."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from langchain_core.runnables.config import ContextThreadPoolExecutor

from langchain_qwen_workspace._process import process_id
from langchain_qwen_workspace.errors import ConfigurationError

Job = TypeVar("Job")
Result = TypeVar("Result")

# How many jobs are taken per concurrent one: later results wait here while an earlier request is retried.
_LOOKAHEAD = 4


@dataclass(slots=True, eq=False)
class _TakenJob(Generic[Job]):
    """A job that was taken from the iterator of jobs.

    Attributes:
        job: The job.
        started: Whether it was started.
        future: Its outcome: a future of a thread, or a task.
    """

    job: Job
    started: bool = False
    future: Any = None


@dataclass(slots=True)
class Leftovers(Generic[Job, Result]):
    """The jobs whose results were not yielded because the iteration ended early, by their outcome.

    Attributes:
        done: Jobs that succeeded, with their results.
        failed: Jobs that were started and failed or were cancelled, with the error.
        not_started: Jobs that were taken and never started.
    """

    done: list[tuple[Job, Result]] = field(default_factory=list)
    failed: list[tuple[Job, BaseException]] = field(default_factory=list)
    not_started: list[Job] = field(default_factory=list)

    def record(self, taken_jobs: Iterable[_TakenJob[Job]], ending: BaseException) -> BaseException:
        """Record the outcome of jobs, and return the error to raise.

        Args:
            taken_jobs: The jobs, in order.
            ending: The exception that ended the iteration. Jobs that still run count as failed with it, since nobody
                waits for them.
        """
        for taken in taken_jobs:
            if not taken.started:
                self.not_started.append(taken.job)
            elif not taken.future.done():
                self.failed.append((taken.job, ending))
            elif taken.future.cancelled():
                self.failed.append((taken.job, asyncio.CancelledError()))
            elif (error := taken.future.exception()) is not None:
                self.failed.append((taken.job, error))
            else:
                self.done.append((taken.job, taken.future.result()))
        return self.failed[0][1] if isinstance(ending, _NotStartedError) else ending


class _NotStartedError(Exception):
    """A job was not started because another one failed before."""


def map_ordered(
    run: Callable[[Job], Result], jobs: Iterator[Job], limit: int, leftovers: Leftovers[Job, Result]
) -> Generator[tuple[Job, Result], None, None]:
    """Yield each job with its result, in order, while at most `limit` jobs run in threads.

    A single job runs in the caller's thread, and so does every job if `limit` is 1. If several jobs fail, the error of
    the first one in order is raised. An error of `jobs` itself is raised after the results of the jobs before it.

    When a job fails or the generator is closed, no further job is started and the running ones are waited for. Only a
    `KeyboardInterrupt` or another exception that is not an `Exception` does not wait. `leftovers` then has the outcome
    of the jobs whose results were not yielded.

    Raises:
        ConfigurationError: The process was forked after the generator was started, and this is the child.
    """
    process = process_id()
    pool = ContextThreadPoolExecutor(max_workers=limit)
    stop = threading.Event()
    waiting: deque[_TakenJob[Job]] = deque()
    source_errors: list[Exception] = []

    def run_job(taken: _TakenJob[Job]) -> Result:
        taken.started = not stop.is_set()
        if not taken.started:
            raise _NotStartedError
        try:
            return run(taken.job)
        except BaseException:
            stop.set()
            raise

    def take_job() -> _TakenJob[Job] | None:
        try:
            return None if stop.is_set() or source_errors else next(map(_TakenJob, jobs), None)
        except Exception as error:  # noqa: BLE001 - raised below, after the results before it
            source_errors.append(error)
            return None

    following = None
    try:
        following = take_job()
        while following is not None:
            taken, following = following, take_job()
            only_job = limit == 1 or (following is None and not waiting)
            taken.future = _run_here(run_job, taken) if only_job else pool.submit(run_job, taken)
            waiting.append(taken)
            while waiting and (len(waiting) >= limit * _LOOKAHEAD or waiting[0].future.done()):
                yield _pop_first(waiting)
                _check_process(process)
        while waiting:
            yield _pop_first(waiting)
            _check_process(process)
    except BaseException as ending:  # noqa: BLE001 - raised again, or the error that caused it
        stop.set()
        pool.shutdown(wait=isinstance(ending, Exception | GeneratorExit), cancel_futures=True)
        error_to_raise = leftovers.record([*waiting, *([following] if following else [])], ending)
        raise error_to_raise from error_to_raise.__cause__
    finally:
        pool.shutdown(wait=False)
    for source_error in source_errors:
        raise source_error


def _check_process(started_in: int) -> None:
    """Raise in a child that was forked since the start: the threads that would complete its jobs do not exist there."""
    if process_id() != started_in:
        raise ConfigurationError(
            f"These results were requested in process {started_in}, and are read in process {process_id()}, which was "
            "forked from it.",
            hint="Start the call in the process that reads its results.",
        )


def _run_here(run: Callable[[_TakenJob[Job]], Result], taken: _TakenJob[Job]) -> Future[Result]:
    """Run a job in this thread, and return a completed future with its outcome."""
    future: Future[Result] = Future()
    try:
        future.set_result(run(taken))
    except BaseException as error:  # noqa: BLE001 - the future raises it where the result is read
        future.set_exception(error)
    return future


def _pop_first(waiting: deque[_TakenJob[Job]]) -> tuple[Job, Any]:
    """Wait for the result of the first job and remove the job; one that failed stays, and its error is raised."""
    result = waiting[0].future.result()
    return waiting.popleft().job, result


async def amap_ordered(
    run: Callable[[Job], Awaitable[Result]], jobs: AsyncIterator[Job], limit: int, leftovers: Leftovers[Job, Result]
) -> AsyncGenerator[tuple[Job, Result], None]:
    """Yield each job with its result, in order, while at most `limit` jobs run as tasks; like `map_ordered`.

    When the generator is closed or its task is cancelled, the running jobs are cancelled.
    """
    slots, lookahead = asyncio.Semaphore(limit), asyncio.Semaphore(limit * _LOOKAHEAD)
    changed, stop = asyncio.Event(), asyncio.Event()
    waiting: deque[_TakenJob[Job]] = deque()

    async def run_job(taken: _TakenJob[Job]) -> Result:
        async with slots:
            taken.started = not stop.is_set()
            if not taken.started:
                raise _NotStartedError
            try:
                return await run(taken.job)
            except BaseException:
                stop.set()
                raise

    async def take_jobs() -> None:
        async for job in jobs:
            taken = _TakenJob(job)
            taken.future = asyncio.create_task(run_job(taken))
            waiting.append(taken)
            changed.set()
            if stop.is_set():
                return
            await lookahead.acquire()

    producer = asyncio.create_task(take_jobs())
    producer.add_done_callback(lambda _: changed.set())
    try:
        while waiting or not producer.done():
            if not waiting:
                changed.clear()
                await changed.wait()
                continue
            await asyncio.wait([waiting[0].future])
            first = _pop_first(waiting)
            lookahead.release()
            yield first
    except BaseException as ending:  # noqa: BLE001 - raised again, or the error that caused it
        stop.set()
        await _drain([producer], cancel=True)
        await _drain([taken.future for taken in waiting], cancel=not isinstance(ending, Exception))
        error_to_raise = leftovers.record(waiting, ending)
        raise error_to_raise from error_to_raise.__cause__
    await producer


async def _drain(tasks: Sequence["asyncio.Task[Any]"], *, cancel: bool) -> None:
    """Wait until all tasks have ended, cancelling them first if asked to; their errors are ignored."""
    for task in tasks if cancel else ():
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
