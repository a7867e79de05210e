"""One measured call in a process of its own: `python -m benchmarks._embed`, which prints what it measured as JSON.

The process imports one contender, prepares the texts, sends one request to warm up (so that imports, the client and a
first connection are there), and only then begins to measure time, memory and what the server counts. The vectors are
compared with the prepared ones after that, every component, for equality.
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

from benchmarks import _counts, _inputs
from benchmarks._contenders import CONTENDERS, MODES, ROWS_PER_REQUEST
from benchmarks._memory import Memory, PeakMemory


class LazyEmbeddings(Protocol):
    """Embeddings that take texts from an iterator while they give out vectors."""

    def lazy_embed_documents(self, texts: Iterator[str]) -> Iterator[list[float]]:
        """Yield one vector per text, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one call took.

    Attributes:
        seconds: From the call to its vectors.
        cpu: Seconds of processor time of all threads, which says what other work on the machine does not change.
        memory: Its peak.
        counts: What the server saw of it.
        wrong: Vectors that are not what the server sent for their texts, or that are missing or too many.
        ahead: For a generator, the most texts that had been taken from it and had no vector yet.
    """

    seconds: float
    cpu: float
    memory: Memory
    counts: _counts.Counts
    wrong: int
    ahead: int | None = None


class Meter:
    """Measures a call from its making to `stop()`."""

    def __init__(self, origin: str) -> None:
        """Begin, when the server's counts were reset."""
        self._origin = origin
        _counts.take_counts(origin)
        self._memory = PeakMemory()
        self._cpu, self._begin = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        """End; what comes later is not measured."""
        self._seconds, self._spent = time.perf_counter() - self._begin, time.process_time() - self._cpu
        self._peak = self._memory.taken()
        self._counted = _counts.take_counts(self._origin)

    def measured(self, *, wrong: int, ahead: int | None = None) -> Measured:
        """Return what was measured, with what the comparison of the vectors found."""
        return Measured(
            seconds=self._seconds, cpu=self._spent, memory=self._peak, counts=self._counted, wrong=wrong, ahead=ahead
        )


def documents(embeddings: Embeddings, texts: list[str], origin: str) -> Measured:
    """Measure `embed_documents`."""
    embeddings.embed_documents(texts[:ROWS_PER_REQUEST])
    meter = Meter(origin)
    vectors = embeddings.embed_documents(texts)
    meter.stop()
    return meter.measured(wrong=_wrong(texts, vectors))


async def adocuments(embeddings: Embeddings, texts: list[str], origin: str) -> Measured:
    """Measure `aembed_documents`, in the loop in which it was warmed up."""
    await embeddings.aembed_documents(texts[:ROWS_PER_REQUEST])
    meter = Meter(origin)
    vectors = await embeddings.aembed_documents(texts)
    meter.stop()
    return meter.measured(wrong=_wrong(texts, vectors))


def _wrong(texts: list[str], vectors: list[list[float]]) -> int:
    table = _inputs.vectors(len(vectors[0]))
    return sum(not _right(table, text, vector) for text, vector in zip_longest(texts, vectors))


def lazy(embeddings: LazyEmbeddings, count: int, dimensions: int, origin: str) -> Measured:
    """Measure `lazy_embed_documents` over a generator; each vector is compared when it comes, and dropped."""
    taken = 0

    def generator() -> Iterator[str]:
        nonlocal taken
        for text in _inputs.texts(count):
            taken += 1
            yield text

    table = _inputs.vectors(dimensions)
    for _ in embeddings.lazy_embed_documents(_inputs.texts(ROWS_PER_REQUEST)):
        pass
    meter = Meter(origin)
    wrong = ahead = 0
    vectors = zip_longest(_inputs.texts(count), embeddings.lazy_embed_documents(generator()))
    for given, (text, vector) in enumerate(vectors):
        ahead = max(ahead, taken - given)
        wrong += not _right(table, text, vector)
    meter.stop()
    return meter.measured(wrong=wrong, ahead=ahead)


def _right(table: list[list[float]], text: str | None, vector: Any) -> bool:
    return text is not None and bool(vector == table[_inputs.row_of(text)])


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description="Measure one contender once.")
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("how", choices=(*MODES, "lazy"))
    parser.add_argument("origin", help="the server's, such as http://127.0.0.1:8000")
    parser.add_argument("--texts", type=int, required=True)
    parser.add_argument("--dimensions", type=int, required=True)
    asked = parser.parse_args()
    embeddings = CONTENDERS[asked.contender].build(asked.origin, asked.dimensions)
    if asked.how == "lazy":
        measured = lazy(cast("LazyEmbeddings", embeddings), asked.texts, asked.dimensions, asked.origin)
    elif asked.how == "async":
        measured = asyncio.run(adocuments(embeddings, list(_inputs.texts(asked.texts)), asked.origin))
    else:
        measured = documents(embeddings, list(_inputs.texts(asked.texts)), asked.origin)
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main()
