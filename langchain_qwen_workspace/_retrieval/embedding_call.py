"""Runs one call of an embedding method: packs inputs, sends requests concurrently, reports usage.

If a request fails, its error keeps the vectors that were made and the inputs without one.
"""

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
from contextlib import AbstractContextManager, aclosing, closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Generic, TypeAlias, TypeVar

from langchain_core.callbacks import Callbacks

from langchain_qwen_workspace._progress import progress_bar
from langchain_qwen_workspace._retrieval.batching import Batcher, Item, Limits, RequestInputs
from langchain_qwen_workspace._retrieval.inputs import count_tokens
from langchain_qwen_workspace._retrieval.ordered_pool import Leftovers, amap_ordered, map_ordered
from langchain_qwen_workspace._seam import EmbeddingCall, EmbeddingResponse, EmbeddingWire, Request, Transport
from langchain_qwen_workspace._slots import wait_for_this_task
from langchain_qwen_workspace._usage.events import USAGE_EVENT, amanager_for, failure_event, manager_for, usage_event
from langchain_qwen_workspace.errors import InvalidResponseError, PartialEmbeddings, QwenWorkspaceError

Vector = TypeVar("Vector")


@dataclass(frozen=True, slots=True)
class Job:
    """One request, encoded before it is sent.

    Attributes:
        packed: Its inputs and their positions.
        call: The call in LangChain's words.
        request: The same call in the protocol's words.
    """

    packed: RequestInputs
    call: EmbeddingCall
    request: Request


_Leftovers: TypeAlias = Leftovers[Job, EmbeddingResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRun(Generic[Vector]):
    """Turns the inputs of one call of an embedding method into vectors.

    Attributes:
        template: The call without inputs.
        vectors_in: Returns the vectors of a response, in the form that the method returns.
        wire: Encodes requests and decodes responses.
        transport: Sends requests.
        limits: The limits of one request.
        concurrency: Maximum number of concurrent requests.
        progress: Whether to show a progress bar.
        callbacks: The component's callbacks, which receive the usage.
        limit_time: Returns a context manager that limits the time of all requests of `embed_all` together.
    """

    template: EmbeddingCall
    vectors_in: Callable[[EmbeddingResponse], Sequence[Vector]]
    wire: EmbeddingWire
    transport: Transport
    limits: Limits
    concurrency: int
    progress: bool
    callbacks: Callbacks
    limit_time: Callable[[], AbstractContextManager[None]]
    _sizes: dict[str, int] = field(default_factory=dict)

    def embed_all(self, items: Sequence[Item]) -> list[Vector]:
        """Return the vectors of all items, in order; an error keeps the vectors that were made."""
        vectors: list[Vector] = []
        leftovers = _Leftovers()
        try:
            with self.limit_time():
                for vector in self._iter(items, self._batcher(), len(items), leftovers):
                    vectors.append(vector)  # noqa: PERF402 - those before an error are needed
        except Exception:
            self._attach_all(leftovers, vectors, items)
            raise
        return vectors

    async def aembed_all(self, items: Sequence[Item]) -> list[Vector]:
        """Return the vectors of all items, in order; an error keeps the vectors that were made."""
        vectors: list[Vector] = []
        leftovers = _Leftovers()
        try:
            with wait_for_this_task(), self.limit_time():
                async with aclosing(self._aiter(_as_async(items), self._batcher(), len(items), leftovers)) as made:
                    async for vector in made:
                        vectors.append(vector)  # noqa: PERF401 - those before an error are needed
        except Exception:
            self._attach_all(leftovers, vectors, items)
            raise
        return vectors

    def iter_vectors(self, items: Iterable[Item]) -> Iterator[Vector]:
        """Yield the vector of each item, in order, while holding the items of a few requests only."""
        batcher, leftovers = self._batcher(), _Leftovers()
        try:
            yield from self._iter(items, batcher, None, leftovers)
        except Exception:
            self._attach_unyielded(leftovers, batcher)
            raise

    async def aiter_vectors(self, items: AsyncIterable[Item]) -> AsyncGenerator[Vector, None]:
        """Yield the vector of each item, in order, while holding the items of a few requests only."""
        batcher, leftovers = self._batcher(), _Leftovers()
        try:
            async with aclosing(self._aiter(items, batcher, None, leftovers)) as made:
                async for vector in made:
                    yield vector
        except Exception:
            self._attach_unyielded(leftovers, batcher)
            raise

    def _iter(
        self, items: Iterable[Item], batcher: Batcher, total: int | None, leftovers: _Leftovers
    ) -> Iterator[Vector]:
        manager = manager_for(self.callbacks)
        jobs = (self._encode(packed) for packed in batcher.pack(items))
        with self._progress_bar(total) as bar:
            try:
                with closing(map_ordered(self._send, jobs, self.concurrency, leftovers)) as responses:
                    for job, response in responses:
                        manager.on_custom_event(USAGE_EVENT, self._usage_event(response), manager.parent_run_id)
                        bar.update(len(job.packed.inputs))
                        yield from self.vectors_in(response)
            finally:
                for event in self._leftover_events(leftovers):
                    manager.on_custom_event(USAGE_EVENT, event, manager.parent_run_id)

    async def _aiter(
        self, items: AsyncIterable[Item], batcher: Batcher, total: int | None, leftovers: _Leftovers
    ) -> AsyncGenerator[Vector, None]:
        manager = amanager_for(self.callbacks)
        jobs = (self._encode(packed) async for packed in batcher.apack(items))
        with self._progress_bar(total) as bar:
            try:
                async with aclosing(amap_ordered(self._asend, jobs, self.concurrency, leftovers)) as responses:
                    async for job, response in responses:
                        await manager.on_custom_event(USAGE_EVENT, self._usage_event(response), manager.parent_run_id)
                        bar.update(len(job.packed.inputs))
                        for vector in self.vectors_in(response):
                            yield vector
            finally:
                for event in self._leftover_events(leftovers):
                    await manager.on_custom_event(USAGE_EVENT, event, manager.parent_run_id)

    def _batcher(self) -> Batcher:
        return Batcher(self.limits, count_tokens)

    def _encode(self, packed: RequestInputs) -> Job:
        call = replace(self.template, inputs=packed.inputs)
        return Job(packed, call, self.wire.encode(call))

    def _send(self, job: Job) -> EmbeddingResponse:
        return self._decode(self.transport.send(job.request), job)

    async def _asend(self, job: Job) -> EmbeddingResponse:
        return self._decode(await self.transport.asend(job.request), job)

    def _decode(self, body: dict[str, Any], job: Job) -> EmbeddingResponse:
        """Decode a response, and check that its vectors are as long as those of the other requests."""
        response = self.wire.decode(body, job.call)
        if response.dense and (size := len(response.dense[0])) != (first := self._sizes.setdefault("dense", size)):
            raise InvalidResponseError(
                f"The vectors of one request have {first} components, those of another {size}. Expected vectors of "
                "one size.",
                request_id=response.request_id,
                **job.request.error_context,
            )
        return response

    def _usage_event(self, response: EmbeddingResponse) -> Mapping[str, Any]:
        return usage_event("embedding", self.template.model, response.destination, response.usage, response.request_id)

    def _leftover_events(self, leftovers: _Leftovers) -> Iterator[Mapping[str, Any]]:
        """Yield the usage events of requests whose vectors were not yielded."""
        for _, response in leftovers.done:
            yield self._usage_event(response)
        for job, error in leftovers.failed:
            yield failure_event("embedding", self.template.model, job.request.destination, error)

    def _progress_bar(self, total: int | None) -> AbstractContextManager[Any]:
        return progress_bar(total, self.template.model, "inputs", shown=self.progress)

    def _attach_all(self, leftovers: _Leftovers, vectors: Sequence[Vector], items: Sequence[Item]) -> None:
        """Attach to the error every vector, and every input that has none."""
        embedded = dict(enumerate(vectors)) | self._unyielded_vectors(leftovers)
        missing = {position: item.original for position, item in enumerate(items) if position not in embedded}
        _attach_partial(leftovers, embedded, missing)

    def _attach_unyielded(self, leftovers: _Leftovers, batcher: Batcher) -> None:
        """Attach to the error the vectors, and the inputs without one, that follow the last vector that was yielded."""
        not_embedded = [job.packed for job in (*(job for job, _ in leftovers.failed), *leftovers.not_started)]
        not_embedded += [pending] if (pending := batcher.take_pending()) is not None else []
        missing = {
            position: original
            for packed in not_embedded
            for position, original in zip(packed.positions, packed.originals, strict=True)
        }
        _attach_partial(leftovers, self._unyielded_vectors(leftovers), dict(sorted(missing.items())))

    def _unyielded_vectors(self, leftovers: _Leftovers) -> dict[int, Vector]:
        """Return the vectors that were made but not yielded, by position."""
        return {
            position: vector
            for job, response in leftovers.done
            for position, vector in zip(job.packed.positions, self.vectors_in(response), strict=True)
        }


async def _as_async(items: Sequence[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item


def _attach_partial(leftovers: _Leftovers, embedded: dict[int, Any], missing: dict[int, Any]) -> None:
    """Attach the vectors and the inputs without one to the error of the first failed request, if there is one."""
    error = leftovers.failed[0][1] if leftovers.failed else None
    if not isinstance(error, QwenWorkspaceError):
        return
    error.partial = PartialEmbeddings(embedded, missing)
    if embedded or len(missing) > 1:
        error.message += (
            f" The inputs at positions {_format_ranges(sorted(missing))} were not embedded; `partial` of this error "
            "has them and the vectors that were made."
        )


def _format_ranges(positions: Sequence[int]) -> str:
    """Format sorted positions, consecutive ones as a range: `"0 to 2, 5"`."""
    by_distance = groupby(enumerate(positions), key=lambda pair: pair[1] - pair[0])
    runs = [[position for _, position in run] for _, run in by_distance]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
