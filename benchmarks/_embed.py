"""Measures one embedding call in a process of its own (`python -m benchmarks._embed`), and prints the result as JSON.

The process imports one contender, prepares the texts, sends one request to warm up (imports, the client and a first
connection), and only then starts to measure time, memory and the server's statistics. After that, every component of
every vector is compared with the prepared ones, for equality.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any, Protocol, cast

from langchain_core.embeddings import Embeddings

from benchmarks import _embedding_fixtures, _server_stats
from benchmarks._contenders import CONTENDERS, MODES, ROWS_PER_REQUEST
from benchmarks._memory import Memory, PeakMemory


class LazyEmbeddings(Protocol):
    """Embeddings that read texts from an iterator while they yield vectors."""

    def lazy_embed_documents(self, texts: Iterator[str]) -> Iterator[list[float]]:
        """Yield one vector per text, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The cost of one call.

    Attributes:
        seconds: Wall time of the call.
        cpu: Processor time of all threads in seconds, which other work on the machine does not change.
        memory: The peak of the resident memory.
        stats: The server's statistics of the call.
        wrong: The number of vectors that differ from what the server sent for their text, are missing or too many.
        ahead: For a generator, the most texts that had been read from it and had no vector yet.
    """

    seconds: float
    cpu: float
    memory: Memory
    stats: _server_stats.ServerStats
    wrong: int
    ahead: int | None = None


class Meter:
    """Measures from its construction to `stop()`."""

    def __init__(self, origin: str) -> None:
        """Reset the server's statistics and start measuring."""
        self._origin = origin
        _server_stats.take_stats(origin)
        self._memory = PeakMemory()
        self._cpu, self._begin = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        """Stop measuring."""
        self._seconds, self._spent = time.perf_counter() - self._begin, time.process_time() - self._cpu
        self._peak = self._memory.measure()
        self._stats = _server_stats.take_stats(self._origin)

    def result(self, *, wrong: int, ahead: int | None = None) -> Measurement:
        """Return the measurement, together with the result of comparing the vectors."""
        return Measurement(
            seconds=self._seconds, cpu=self._spent, memory=self._peak, stats=self._stats, wrong=wrong, ahead=ahead
        )


def documents(embeddings: Embeddings, texts: list[str], origin: str) -> Measurement:
    """Measure `embed_documents`."""
    embeddings.embed_documents(texts[:ROWS_PER_REQUEST])
    meter = Meter(origin)
    vectors = embeddings.embed_documents(texts)
    meter.stop()
    return meter.result(wrong=_count_wrong(texts, vectors))


async def adocuments(embeddings: Embeddings, texts: list[str], origin: str) -> Measurement:
    """Measure `aembed_documents`, in the event loop that warmed it up."""
    await embeddings.aembed_documents(texts[:ROWS_PER_REQUEST])
    meter = Meter(origin)
    vectors = await embeddings.aembed_documents(texts)
    meter.stop()
    return meter.result(wrong=_count_wrong(texts, vectors))


def _count_wrong(texts: list[str], vectors: list[list[float]]) -> int:
    table = _embedding_fixtures.vectors(len(vectors[0]))
    return sum(not _is_right(table, text, vector) for text, vector in zip_longest(texts, vectors))


def lazy(embeddings: LazyEmbeddings, count: int, dimensions: int, origin: str) -> Measurement:
    """Measure `lazy_embed_documents` over a generator; each vector is compared on arrival, and dropped."""
    taken = 0

    def generator() -> Iterator[str]:
        nonlocal taken
        for text in _embedding_fixtures.texts(count):
            taken += 1
            yield text

    table = _embedding_fixtures.vectors(dimensions)
    for _ in embeddings.lazy_embed_documents(_embedding_fixtures.texts(ROWS_PER_REQUEST)):
        pass
    meter = Meter(origin)
    wrong = ahead = 0
    vectors = zip_longest(_embedding_fixtures.texts(count), embeddings.lazy_embed_documents(generator()))
    for given, (text, vector) in enumerate(vectors):
        ahead = max(ahead, taken - given)
        wrong += not _is_right(table, text, vector)
    meter.stop()
    return meter.result(wrong=wrong, ahead=ahead)


def _is_right(table: list[list[float]], text: str | None, vector: Any) -> bool:
    return text is not None and bool(vector == table[_embedding_fixtures.row_of(text)])


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measure one contender once.")
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("how", choices=(*MODES, "lazy"))
    parser.add_argument("origin", help="the server's, such as http://127.0.0.1:8000")
    parser.add_argument("--texts", type=int, required=True)
    parser.add_argument("--dimensions", type=int, required=True)
    options = parser.parse_args()
    embeddings = CONTENDERS[options.contender].build(options.origin, options.dimensions)
    if options.how == "lazy":
        measured = lazy(cast("LazyEmbeddings", embeddings), options.texts, options.dimensions, options.origin)
    elif options.how == "async":
        measured = asyncio.run(adocuments(embeddings, list(_embedding_fixtures.texts(options.texts)), options.origin))
    else:
        measured = documents(embeddings, list(_embedding_fixtures.texts(options.texts)), options.origin)
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main()
