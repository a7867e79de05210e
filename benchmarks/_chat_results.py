"""Turns the measures of the chat benchmark into the rows of a table, each with its target."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks._chat_contenders import CONTENDERS, OURS
from benchmarks._cold_start import FLOORS, PEERS
from benchmarks._memory import MIB
from benchmarks._report import table

Samples = dict[tuple[str, str], list[dict[str, Any]]]
"""The output of the measuring processes, one per round, by measure and contender."""

MEMORY_NOISE = 2 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table: one target, and what was measured.

    Attributes:
        what: What was measured, and on which protocol.
        against: What ours is compared with.
        unit: The unit of both values.
        ours: Our value of each round.
        theirs: The value of each round to compare with; empty if the target is for our value itself.
        limit: The most that the ratio, or our value, may be; infinite if there is no target.
    """

    what: str
    against: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    limit: float

    @property
    def measured(self) -> float:
        """The ratio of the medians, or our median."""
        ours = statistics.median(self.ours)
        return ours / statistics.median(self.theirs) if self.theirs else ours

    @property
    def has_target(self) -> bool:
        """Whether there is a limit."""
        return math.isfinite(self.limit)

    @property
    def met(self) -> bool:
        """Whether the measured value is within the limit."""
        return self.measured <= self.limit

    def cells(self) -> list[str]:
        """Return the cells of the row."""
        return [
            self.what,
            self.against,
            f"{_spread(self.ours)} {self.unit}".strip(),
            f"{_spread(self.theirs)} {self.unit}".strip() if self.theirs else "",
            f"{self.measured:.2f}",
            f"{self.limit:g}" if self.has_target else "",
            "" if not self.has_target else "met" if self.met else "**not met**",
        ]


def _spread(values: Sequence[float]) -> str:
    def short(value: float) -> str:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits are enough

    if len(values) == 1:
        return short(values[0])
    return f"{short(statistics.median(values))} ({short(min(values))}-{short(max(values))})"


def markdown(rows: Sequence[Row]) -> str:
    """Return the table of all rows."""
    header = ["Measure", "Against", "Ours: median (range)", "Theirs", "Ratio", "At most", "Target"]
    return table(header, [row.cells() for row in rows])


def rows_from(samples: Samples) -> list[Row]:
    """Return a row for each target that has been measured."""
    return [
        row
        for rows in (
            _streams,
            _responses,
            _short,
            _history,
            _arguments,
            _concurrent,
            _construct,
            _memory,
            _imports,
            _cold_start,
        )
        for row in rows(samples)
    ]


def _each(samples: Samples, measure: str) -> Iterator[tuple[str, str, Callable[..., list[float]]]]:
    """Yield each of our contenders in a measure: its name, its protocol, and a function for its values."""
    for name in OURS:
        if (measure, name) in samples:
            yield name, CONTENDERS[name].protocol, lambda *path, name=name: _read(samples, measure, name, *path)


def _read(samples: Samples, measure: str, contender: str, *path: str) -> list[float]:
    values = []
    for numbers in samples[measure, contender]:
        value: Any = numbers
        for key in path:
            value = value[key]
        values.append(float(value))
    return values


_CALLS = {"sync": ("stream", "invoke"), "async": ("astream", "ainvoke")}
_STREAM_LIMITS = {"chat-openai": 0.25, "openai-sdk": 0.30, "langchain": 3.0}


def _streams(samples: Samples) -> Iterator[Row]:
    for _, protocol, ours in _each(samples, "stream"):
        for mode, (call, _) in _CALLS.items():
            for peer, limit in _STREAM_LIMITS.items():
                yield Row(
                    what=f"{call}, CPU per event, {protocol}",
                    against=CONTENDERS[peer].name,
                    unit="µs",
                    ours=ours(mode),
                    theirs=_read(samples, "stream", peer, mode),
                    limit=limit,
                )


def _responses(samples: Samples) -> Iterator[Row]:
    ours, theirs = "qwen-responses", "chat-openai-responses"
    if ("responses", ours) not in samples:
        return
    for mode, (call, _) in _CALLS.items():
        yield Row(
            what=f"{call}, CPU per event, {CONTENDERS[ours].protocol}",
            against=f"{CONTENDERS[theirs].name}(use_responses_api=True)",
            unit="µs",
            ours=_read(samples, "responses", ours, mode),
            theirs=_read(samples, "responses", theirs, mode),
            limit=_STREAM_LIMITS["chat-openai"],
        )


def _short(samples: Samples) -> Iterator[Row]:
    for _, protocol, ours in _each(samples, "short"):
        for mode, (_, call) in _CALLS.items():
            for clock, named in (("wall", "p50"), ("cpu", "CPU")):
                yield Row(
                    what=f"{call}, short, {named}, {protocol}",
                    against=CONTENDERS["openai-sdk"].name,
                    unit="µs",
                    ours=ours(mode, clock),
                    theirs=_read(samples, "short", "openai-sdk", mode, clock),
                    limit=1.0,
                )


def _history(samples: Samples) -> Iterator[Row]:
    for _, protocol, ours in _each(samples, "history"):
        theirs = _read(samples, "history", "chat-openai", "once")
        what = f"invoke, 200 messages with tool calls, CPU, {protocol}"
        yield Row(
            what=what, against=CONTENDERS["chat-openai"].name, unit="µs", ours=ours("once"), theirs=theirs, limit=0.25
        )
        yield Row(
            what=what.replace("200", "400"),
            against="itself, 200 messages",
            unit="µs",
            ours=ours("twice"),
            theirs=ours("once"),
            limit=2.2,
        )


def _arguments(samples: Samples) -> Iterator[Row]:
    for _, protocol, ours in _each(samples, "arguments"):
        yield Row(
            what=f"stream, a call of 100 kB in 2-byte fragments, CPU, {protocol}",
            against="itself, 10 kB",
            unit="s",
            ours=ours("many"),
            theirs=ours("few"),
            limit=11.0,
        )
        yield Row(
            what=f"the same, resident after five more, {protocol}",
            against="after the first",
            unit="MiB",
            ours=[left / MIB for left in ours("left")],
            limit=MEMORY_NOISE / MIB,
        )


_PAUSES = {"concurrent": "20 ms", "sustained": "150 ms"}


def _concurrent(samples: Samples) -> Iterator[Row]:
    for measure, pause in _PAUSES.items():
        for _, protocol, ours in _each(samples, measure):
            for number, named, limit in (("cpu", "CPU", 0.35), ("p99", "p99 of the gaps", 1.0)):
                yield Row(
                    what=f"300 concurrent streams, an event every {pause}, {named}, {protocol}",
                    against=CONTENDERS["chat-openai"].name,
                    unit="s",
                    ours=ours(number),
                    theirs=_read(samples, measure, "chat-openai", number),
                    limit=limit,
                )


def _construct(samples: Samples) -> Iterator[Row]:
    for _, protocol, ours in _each(samples, "construct"):
        for number, named in (("one", "one connection"), ("each", "1,000 connections")):
            yield Row(
                what=f"a model of {named}, CPU, {protocol}",
                against=CONTENDERS["chat-openai"].name,
                unit="µs",
                ours=ours(number),
                theirs=_read(samples, "construct", "chat-openai", number),
                limit=0.2,
            )
        yield Row(
            what=f"sockets and TLS contexts before the first use, {protocol}",
            against="",
            unit="",
            ours=[sum(both) for both in zip(ours("sockets"), ours("contexts"), strict=True)],
            limit=0,
        )


def _memory(samples: Samples) -> Iterator[Row]:
    for measure, named in (("calls", "10,000 calls"), ("interrupted", "1,000 interrupted streams")):
        for _, protocol, ours in _each(samples, measure):
            yield Row(
                what=f"resident after {named}, {protocol}",
                against="after 100",
                unit="MiB",
                ours=[grown / MIB for grown in ours("grown")],
                limit=MEMORY_NOISE / MIB,
            )
    for _, protocol, ours in _each(samples, "interrupted"):
        yield Row(
            what=f"sockets and tasks left by interrupted streams, {protocol}",
            against="",
            unit="",
            ours=[sum(both) for both in zip(ours("sockets"), ours("tasks"), strict=True)],
            limit=0,
        )


IMPORTS = {
    "baseline": "import langchain_core.language_models.chat_models, langchain_core.embeddings",
    "package": "import langchain_qwen_workspace",
    "classes": "from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceEmbeddings",
}
"""The imports that are measured, each in a fresh process."""


def _imports(samples: Samples) -> Iterator[Row]:
    for name in ("package", "classes"):
        if ("import", name) in samples:
            yield Row(
                what=f"`{IMPORTS[name]}`, CPU",
                against="LangChain's base classes",
                unit="ms",
                ours=_read(samples, "import", name, "cpu"),
                theirs=_read(samples, "import", "baseline", "cpu"),
                limit=1.05,
            )


_COLD_START_LIMIT = 1.08


def _cold_start(samples: Samples) -> Iterator[Row]:
    for name, protocol, ours in _each(samples, "cold-start"):
        peers = {peer: (known, math.inf) for peer, known in PEERS.items()}
        for other, (against, limit) in {FLOORS[name]: ("the bare SDK", _COLD_START_LIMIT), **peers}.items():
            if ("cold-start", other) in samples:
                yield Row(
                    what=f"cold start: import, make, first answer, CPU of the process, {protocol}",
                    against=against,
                    unit="ms",
                    ours=ours("cpu"),
                    theirs=_read(samples, "cold-start", other, "cpu"),
                    limit=limit,
                )
