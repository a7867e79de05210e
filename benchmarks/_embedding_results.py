"""Turns the runs of the embedding benchmark into numbers, tables and targets."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks._contenders import CONTENDERS, MODES, PEERS, ROWS_PER_REQUEST, Contender, Mode
from benchmarks._memory import MIB
from benchmarks._report import Target, table

ALLOWED_GROWTH = 0.05
"""The growth beyond that of the lower peer that still counts as noise, as a share.

Most runs differ by 2 percent; those of `OpenAIEmbeddings` grow by one of two sizes, 35 and 39 MiB.
"""

LAZY_FACTOR, LAZY_NOISE = 1.5, 4 * MIB
"""The most memory for ten times the texts, as a factor; and the growth in bytes that is the allocator's noise.

Each vector of 64 numbers that is not released would add 2 KiB: 200 MiB for 100,000 texts.
"""


@dataclass(slots=True)
class Series:
    """All runs of one contender in one mode.

    Attributes:
        contender: The contender.
        mode: `"sync"`, `"async"` or `"lazy"`.
        texts: The number of texts of each call.
        runs: The output of the measuring processes.
        error: The reason if a run failed.
    """

    contender: Contender
    mode: str
    texts: int
    runs: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None

    @property
    def label(self) -> str:
        """The contender and the mode."""
        return f"{self.contender.name}, {self.mode}"

    @property
    def rates(self) -> list[float]:
        """Texts per second of each run."""
        return [self.texts / run["seconds"] for run in self.runs]

    @property
    def rate(self) -> float:
        """The median of the texts per second."""
        return statistics.median(self.rates)

    @property
    def cpu(self) -> float:
        """The median of the runs' processor time, in seconds."""
        return statistics.median(float(run["cpu"]) for run in self.runs)

    @property
    def most_in_flight(self) -> int:
        """The most requests in flight of all runs."""
        return max(int(run["stats"]["most_in_flight"]) for run in self.runs)

    @property
    def wrong(self) -> int:
        """The number of wrong vectors of all runs."""
        return sum(int(run["wrong"]) for run in self.runs)

    def server_counts(self, name: str) -> list[int]:
        """Return the different values of one of the server's statistics over the runs."""
        return sorted({int(run["stats"][name]) for run in self.runs})

    def memory(self, name: str) -> float:
        """Return the median of the runs' peaks, in bytes."""
        return statistics.median(float(run["memory"][name]) for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold."""
        common: dict[str, Any] = {"contender": self.contender.name, "mode": self.mode, "texts": self.texts}
        if self.error is not None or not self.runs:
            return {**common, "error": self.error}
        return {
            **common,
            "texts_per_second": {"median": self.rate, "lowest": min(self.rates), "highest": max(self.rates)},
            "cpu_seconds": self.cpu,
            "most_in_flight": self.most_in_flight,
            "memory_growth": self.memory("growth"),
            "memory_peak": self.memory("peak"),
            "runs": self.runs,
        }


Results = dict[tuple[str, str], Series]
"""The series by the contender's name on the command line and the mode."""


def throughput_table(results: Results) -> str:
    """Return the table of the throughput measure."""
    header = ["Contender", "Mode", "Texts/s", "Lowest", "Highest"]
    header += [f"x {CONTENDERS[peer].name}" for peer in PEERS]
    header += ["In flight", "Requests", "Texts", "Peak growth MiB", "Peak MiB", "CPU s", "Served in ms"]
    return table(header, [_throughput_row(series, results) for series in results.values()])


def _throughput_row(series: Series, results: Results) -> list[str]:
    row = [series.contender.name, series.mode]
    if series.error is not None:
        return [*row, "failed", *["-"] * (9 + len(PEERS))]
    row += [f"{rate:.1f}" for rate in (series.rate, min(series.rates), max(series.rates))]
    peers = [results.get((peer, series.mode)) for peer in PEERS]
    row += [f"{series.rate / peer.rate:.2f}" if peer and peer.error is None else "-" for peer in peers]
    row += [str(series.most_in_flight)]
    row += [" or ".join(map(str, series.server_counts(name))) for name in ("requests", "texts")]
    row += [f"{series.memory(name) / MIB:.1f}" for name in ("growth", "peak")]
    row += [f"{series.cpu:.2f}"]
    return [*row, f"{statistics.mean(_service_time(run) for run in series.runs) * 1000:.1f}"]


def _service_time(run: dict[str, Any]) -> float:
    """Return the mean time of a request by the server's clock: its delay, or more if it was busy."""
    seconds: float = run["stats"]["seconds"] / run["stats"]["requests"]
    return seconds


def _peers(mode: str, results: Results) -> list[Series]:
    return [results[peer, mode] for peer in PEERS if (peer, mode) in results]


def throughput_targets(results: Results) -> list[Target]:
    """Return the targets of the throughput measure."""
    targets = [_correctness_target(series) for series in results.values()]
    for series in results.values():
        if series.contender.faster is None or series.error is not None:
            continue
        peers = [peer for peer in _peers(series.mode, results) if peer.error is None]
        targets += [_speed_target(series, peer, series.contender.faster) for peer in peers]
        targets += [_in_flight_target(series)]
        targets += [_memory_target(series, peers)] if peers else []
    return targets


def _correctness_target(series: Series) -> Target:
    if series.error is not None:
        return Target(met=False, what=f"{series.label}: not measured ({series.error})")
    texts, requests = [series.texts], [-(-series.texts // ROWS_PER_REQUEST)]
    complete = (series.server_counts("texts"), series.server_counts("requests")) == (texts, requests)
    return Target(
        met=complete and series.wrong == 0,
        what=f"{series.label}: every vector is correct, each text was sent once ({series.wrong} wrong)",
    )


def _speed_target(series: Series, peer: Series, factor: float) -> Target:
    ratio = series.rate / peer.rate
    return Target(
        met=ratio >= factor,
        what=f"{series.label}: {ratio:.2f} times as fast as {peer.contender.name}, at least {factor:g}",
    )


def _in_flight_target(series: Series) -> Target:
    most, limit = series.most_in_flight, series.contender.limit
    return Target(met=most <= limit, what=f"{series.label}: {most} in flight, at most {limit}")


def _memory_target(series: Series, peers: Sequence[Series]) -> Target:
    lower = min(peers, key=lambda peer: peer.memory("growth"))
    own, allowed = series.memory("growth"), lower.memory("growth") * (1 + ALLOWED_GROWTH)
    return Target(
        met=own <= allowed,
        what=f"{series.label}: {own / MIB:.1f} MiB of growth, at most that of {lower.contender.name} with "
        f"{lower.memory('growth') / MIB:.1f} (and {ALLOWED_GROWTH:.0%} for noise: {allowed / MIB:.1f})",
    )


def lazy_table(results: Sequence[Series]) -> str:
    """Return the table of the lazy measure."""
    header = ["Contender", "Texts", "Texts/s", "In flight", "Taken ahead", "Peak growth MiB", "Peak MiB"]
    rows = []
    for series in results:
        row = [series.contender.name, f"{series.texts:,}"]
        if series.error is not None:
            rows.append([*row, "failed", "-", "-", "-", "-"])
            continue
        row += [f"{series.rate:.0f}", str(series.most_in_flight), str(max(run["ahead"] for run in series.runs))]
        rows.append([*row, *(f"{series.memory(name) / MIB:.1f}" for name in ("growth", "peak"))])
    return table(header, rows)


def lazy_targets(few: Series, many: Series) -> list[Target]:
    """Return the targets of the lazy measure, in which `many` had more texts than `few`."""
    targets = [_correctness_target(few), _correctness_target(many)]
    if few.error is not None or many.error is not None:
        return targets
    targets.append(_in_flight_target(many))
    for name, noise in (("peak", 0), ("growth", LAZY_NOISE)):
        ratio = many.memory(name) / few.memory(name)
        targets.append(
            Target(
                met=many.memory(name) <= LAZY_FACTOR * few.memory(name) + noise,
                what=f"{many.label}: memory {name} for {many.texts:,} texts {many.memory(name) / MIB:.1f} MiB, for "
                f"{few.texts:,} {few.memory(name) / MIB:.1f}: {ratio:.2f} times, at most {LAZY_FACTOR:g}"
                + (f" and {noise / MIB:g} MiB for noise" if noise else ""),
            )
        )
    return targets


def empty_series(names: Sequence[str], modes: Sequence[Mode], texts: int) -> Results:
    """Return an empty series for each contender and mode."""
    return {
        (name, mode): Series(CONTENDERS[name], mode, texts)
        for mode in MODES
        if mode in modes
        for name in CONTENDERS
        if name in names
    }
