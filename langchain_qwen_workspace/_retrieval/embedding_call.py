"""One call of an embedding method: its batches sent side by side, its usage told, and nothing lost if one fails."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, aclosing, closing, nullcontext
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Generic, TypeAlias, TypeVar

from langchain_core.callbacks import Callbacks

from langchain_qwen_workspace._retrieval.batching import Batch, Batches, Item, Limits
from langchain_qwen_workspace._retrieval.inputs import tokens_in
from langchain_qwen_workspace._retrieval.ordered_pool import Rest, ain_order, in_order
from langchain_qwen_workspace._seam import EmbeddingCall, EmbeddingResponse, EmbeddingWire, Request, Transport
from langchain_qwen_workspace._usage.events import USAGE_EVENT, amanager_for, failure_event, manager_for, usage_event
from langchain_qwen_workspace.errors import InvalidResponseError, PartialEmbeddings, QwenWorkspaceError

Vector = TypeVar("Vector")


@dataclass(frozen=True, slots=True)
class Job:
    """One request, encoded before anything is sent.

    Attributes:
        batch: Its inputs and their places.
        call: What is asked.
        request: The same in the protocol's words.
    """

    batch: Batch
    call: EmbeddingCall
    request: Request


_Rest: TypeAlias = Rest[Job, EmbeddingResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRun(Generic[Vector]):
    """How the inputs of one call become vectors.

    Attributes:
        template: The call, without inputs.
        rows: Takes the vectors that the method gives out from an answer.
        wire: How the protocol speaks.
        transport: How its bytes travel.
        limits: What one request takes.
        concurrency: How many requests may be under way.
        progress: Whether a bar shows how far the run is.
        callbacks: Who is told of the usage.
    """

    template: EmbeddingCall
    rows: Callable[[EmbeddingResponse], Sequence[Vector]]
    wire: EmbeddingWire
    transport: Transport
    limits: Limits
    concurrency: int
    progress: bool
    callbacks: Callbacks
    _sizes: dict[str, int] = field(default_factory=dict)

    def all(self, items: Sequence[Item]) -> list[Vector]:
        """Return the vectors of all items, in order; an error keeps those that were made."""
        vectors: list[Vector] = []
        rest = _Rest()
        try:
            for vector in self._each(items, Batches(self.limits, tokens_in), len(items), rest):
                vectors.append(vector)  # noqa: PERF402 - those before an error are needed
        except Exception:
            self._keep_all(rest, vectors, items)
            raise
        return vectors

    async def aall(self, items: Sequence[Item]) -> list[Vector]:
        """Return the vectors of all items, in order; an error keeps those that were made."""
        vectors: list[Vector] = []
        rest = _Rest()
        try:
            async with aclosing(self._aeach(_given(items), Batches(self.limits, tokens_in), len(items), rest)) as each:
                async for vector in each:
                    vectors.append(vector)  # noqa: PERF401 - those before an error are needed
        except Exception:
            self._keep_all(rest, vectors, items)
            raise
        return vectors

    def each(self, items: Iterable[Item]) -> Iterator[Vector]:
        """Yield the vector of each item, in order, holding no more than a few batches."""
        batches, rest = Batches(self.limits, tokens_in), _Rest()
        try:
            yield from self._each(items, batches, None, rest)
        except Exception:
            self._keep(rest, batches)
            raise

    async def aeach(self, items: AsyncIterable[Item]) -> AsyncGenerator[Vector, None]:
        """Yield the vector of each item, in order, holding no more than a few batches."""
        batches, rest = Batches(self.limits, tokens_in), _Rest()
        try:
            async with aclosing(self._aeach(items, batches, None, rest)) as each:
                async for vector in each:
                    yield vector
        except Exception:
            self._keep(rest, batches)
            raise

    def _each(self, items: Iterable[Item], batches: Batches, total: int | None, rest: _Rest) -> Iterator[Vector]:
        manager = manager_for(self.callbacks)
        jobs = (self._job(batch) for batch in batches.of(items))
        with self._bar(total) as bar:
            try:
                with closing(in_order(self._send, jobs, self.concurrency, rest)) as answers:
                    for job, answer in answers:
                        manager.on_custom_event(USAGE_EVENT, self._answered(answer), manager.parent_run_id)
                        bar.update(len(job.batch.inputs))
                        yield from self.rows(answer)
            finally:
                for event in self._events(rest):
                    manager.on_custom_event(USAGE_EVENT, event, manager.parent_run_id)

    async def _aeach(
        self, items: AsyncIterable[Item], batches: Batches, total: int | None, rest: _Rest
    ) -> AsyncGenerator[Vector, None]:
        manager = amanager_for(self.callbacks)
        jobs = (self._job(batch) async for batch in batches.aof(items))
        with self._bar(total) as bar:
            try:
                async with aclosing(ain_order(self._asend, jobs, self.concurrency, rest)) as answers:
                    async for job, answer in answers:
                        await manager.on_custom_event(USAGE_EVENT, self._answered(answer), manager.parent_run_id)
                        bar.update(len(job.batch.inputs))
                        for vector in self.rows(answer):
                            yield vector
            finally:
                for event in self._events(rest):
                    await manager.on_custom_event(USAGE_EVENT, event, manager.parent_run_id)

    def _job(self, batch: Batch) -> Job:
        call = replace(self.template, inputs=batch.inputs)
        return Job(batch, call, self.wire.encode(call))

    def _send(self, job: Job) -> EmbeddingResponse:
        return self._read(self.transport.send(job.request), job)

    async def _asend(self, job: Job) -> EmbeddingResponse:
        return self._read(await self.transport.asend(job.request), job)

    def _read(self, body: dict[str, Any], job: Job) -> EmbeddingResponse:
        answer = self.wire.decode(body, job.call)
        if answer.dense and (size := len(answer.dense[0])) != (first := self._sizes.setdefault("dense", size)):
            raise InvalidResponseError(
                f"The vectors of one request have {first} components, those of another {size}.",
                request_id=answer.request_id,
                **job.request.error_context,
            )
        return answer

    def _answered(self, answer: EmbeddingResponse) -> Mapping[str, Any]:
        return usage_event("embedding", self.template.model, answer.destination, answer.usage, answer.request_id)

    def _events(self, rest: _Rest) -> Iterator[Mapping[str, Any]]:
        """Yield what is to be told of requests whose answers were not given out."""
        for _, answer in rest.done:
            yield self._answered(answer)
        for job, error in rest.failed:
            yield failure_event("embedding", self.template.model, job.request.destination, error)

    def _bar(self, total: int | None) -> AbstractContextManager[Any]:
        if not self.progress:
            return nullcontext(_NoBar)
        # Imported when it is first used: an extra, and it looks for notebooks.
        from tqdm.auto import tqdm  # noqa: PLC0415 - see above

        bar: AbstractContextManager[Any] = tqdm(total=total, desc=self.template.model, unit=" inputs")
        return bar

    def _keep_all(self, rest: _Rest, given_out: Sequence[Vector], items: Sequence[Item]) -> None:
        embedded = dict(enumerate(given_out)) | self._done(rest)
        _keep(rest, embedded, {place: item.given for place, item in enumerate(items) if place not in embedded})

    def _keep(self, rest: _Rest, batches: Batches) -> None:
        left = [job.batch for job in (*(job for job, _ in rest.failed), *rest.unbegun)]
        left += [batch] if (batch := batches.rest()) is not None else []
        missing = {place: given for batch in left for place, given in zip(batch.positions, batch.given, strict=True)}
        _keep(rest, self._done(rest), dict(sorted(missing.items())))

    def _done(self, rest: _Rest) -> dict[int, Vector]:
        return {
            place: vector
            for job, answer in rest.done
            for place, vector in zip(job.batch.positions, self.rows(answer), strict=True)
        }


class _NoBar:
    """A bar that nobody asked for."""

    @staticmethod
    def update(count: int) -> None:
        """Do nothing."""


async def _given(items: Sequence[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item


def _keep(rest: _Rest, embedded: dict[int, Any], missing: dict[int, Any]) -> None:
    """Put what was done, and what was not, into the error of the first request that failed, if one did."""
    error = rest.failed[0][1] if rest.failed else None
    if not isinstance(error, QwenWorkspaceError):
        return
    error.partial = PartialEmbeddings(embedded, missing)
    if embedded or len(missing) > 1:
        error.message += (
            f" The inputs at {_spans(sorted(missing))} were not embedded; `partial` of this error has them, and "
            "the vectors that were made."
        )


def _spans(places: Sequence[int]) -> str:
    """Return places in words, runs of them by their ends."""
    runs = [[place for _, place in run] for _, run in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
