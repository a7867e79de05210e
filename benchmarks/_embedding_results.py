"""What the measured calls of the embedding benchmark say together: numbers, tables and targets."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks._contenders import CONTENDERS, MODES, PEERS, ROWS_PER_REQUEST, Contender, Mode
from benchmarks._memory import MIB
from benchmarks._report import Target, table

ALLOWED_GROWTH = 0.05
"""How much more growth than the lower peer's is still noise.

Runs differ by 2 percent mostly; those of `OpenAIEmbeddings` have one of two sizes, 35 and 39 MiB.
"""

LAZY_FACTOR, LAZY_NOISE = 1.5, 4 * MIB
"""Ten times the texts may take so many times the memory; and how much more growth is the allocator's noise.

Each vector of 64 numbers that is kept would add 2 KiB: 200 MiB for 100,000 texts.
"""


@dataclass(slots=True)
class Series:
    """All runs of one contender in one mode.

    Attributes:
        contender: Who.
        mode: How it was called, or `"lazy"`.
        texts: Texts of each call.
        runs: What the processes printed.
        error: Why a run failed, if one did.
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
        """The median of them."""
        return statistics.median(self.rates)

    @property
    def cpu(self) -> float:
        """The median of the runs' processor time, in seconds."""
        return statistics.median(float(run["cpu"]) for run in self.runs)

    @property
    def most_in_flight(self) -> int:
        """The most of all runs."""
        return max(int(run["counts"]["most_in_flight"]) for run in self.runs)

    @property
    def wrong(self) -> int:
        """Wrong vectors of all runs."""
        return sum(int(run["wrong"]) for run in self.runs)

    def counted(self, name: str) -> list[int]:
        """Return the different numbers of requests or texts that the server counted in the runs."""
        return sorted({int(run["counts"][name]) for run in self.runs})

    def memory(self, name: str) -> float:
        """Return the median of the runs' peaks, in bytes."""
        return statistics.median(float(run["memory"][name]) for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, for a JSON file."""
        told: dict[str, Any] = {"contender": self.contender.name, "mode": self.mode, "texts": self.texts}
        if self.error is not None or not self.runs:
            return {**told, "error": self.error}
        return {
            **told,
            "texts_per_second": {"median": self.rate, "lowest": min(self.rates), "highest": max(self.rates)},
            "cpu_seconds": self.cpu,
            "most_in_flight": self.most_in_flight,
            "memory_growth": self.memory("growth"),
            "memory_peak": self.memory("peak"),
            "runs": self.runs,
        }


Results = dict[tuple[str, str], Series]
"""By the contender's name on the command line, and the mode."""


def throughput_table(results: Results) -> str:
    """Return the table of the first measure."""
    header = ["Contender", "Mode", "Texts/s", "Lowest", "Highest"]
    header += [f"x {CONTENDERS[peer].name}" for peer in PEERS]
    header += ["In flight", "Requests", "Texts", "Peak growth MiB", "Peak MiB", "CPU s", "Served in ms"]
    return table(header, [_throughput_row(series, results) for series in results.values()])


def _throughput_row(series: Series, results: Results) -> list[str]:
    row = [series.contender.name, series.mode]
    if series.error is not None:
        return [*row, "failed", *["-"] * (9 + len(PEERS))]
    row += [f"{rate:.1f}" for rate in (series.rate, min(series.rates), max(series.rates))]
    beside = [results.get((peer, series.mode)) for peer in PEERS]
    row += [f"{series.rate / peer.rate:.2f}" if peer and peer.error is None else "-" for peer in beside]
    row += [str(series.most_in_flight)]
    row += [" or ".join(map(str, series.counted(name))) for name in ("requests", "texts")]
    row += [f"{series.memory(name) / MIB:.1f}" for name in ("growth", "peak")]
    row += [f"{series.cpu:.2f}"]
    return [*row, f"{statistics.mean(_served(run) for run in series.runs) * 1000:.1f}"]


def _served(run: dict[str, Any]) -> float:
    """Return how long the server took for a request, by its own clock: its delay, or more where it was busy."""
    seconds: float = run["counts"]["seconds"] / run["counts"]["requests"]
    return seconds


def _peers(mode: str, results: Results) -> list[Series]:
    return [results[peer, mode] for peer in PEERS if (peer, mode) in results]


def throughput_targets(results: Results) -> list[Target]:
    """Return what has to be so in the first measure."""
    targets = [_right(series) for series in results.values()]
    for series in results.values():
        if series.contender.faster is None or series.error is not None:
            continue
        peers = [peer for peer in _peers(series.mode, results) if peer.error is None]
        targets += [_faster(series, peer, series.contender.faster) for peer in peers]
        targets += [_in_flight(series)]
        targets += [_lighter(series, peers)] if peers else []
    return targets


def _right(series: Series) -> Target:
    if series.error is not None:
        return Target(reached=False, what=f"{series.label}: was not measured ({series.error})")
    texts, requests = [series.texts], [-(-series.texts // ROWS_PER_REQUEST)]
    complete = (series.counted("texts"), series.counted("requests")) == (texts, requests)
    return Target(
        reached=complete and series.wrong == 0,
        what=f"{series.label}: every vector is the server's, each text was sent once ({series.wrong} wrong)",
    )


def _faster(series: Series, peer: Series, factor: float) -> Target:
    ratio = series.rate / peer.rate
    return Target(
        reached=ratio >= factor,
        what=f"{series.label}: {ratio:.2f} times as fast as {peer.contender.name}, at least {factor:g}",
    )


def _in_flight(series: Series) -> Target:
    most, limit = series.most_in_flight, series.contender.limit
    return Target(reached=most <= limit, what=f"{series.label}: {most} in flight, at most {limit}")


def _lighter(series: Series, peers: Sequence[Series]) -> Target:
    lower = min(peers, key=lambda peer: peer.memory("growth"))
    own, allowed = series.memory("growth"), lower.memory("growth") * (1 + ALLOWED_GROWTH)
    return Target(
        reached=own <= allowed,
        what=f"{series.label}: {own / MIB:.1f} MiB at most beside the rest, no more than {lower.contender.name} with "
        f"{lower.memory('growth') / MIB:.1f} (and {ALLOWED_GROWTH:.0%} for noise: {allowed / MIB:.1f})",
    )


def lazy_table(results: Sequence[Series]) -> str:
    """Return the table of the second measure."""
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
    """Return what has to be so in the second measure, where `many` had more texts than `few`."""
    targets = [_right(few), _right(many)]
    if few.error is not None or many.error is not None:
        return targets
    targets.append(_in_flight(many))
    for name, noise in (("peak", 0), ("growth", LAZY_NOISE)):
        ratio = many.memory(name) / few.memory(name)
        targets.append(
            Target(
                reached=many.memory(name) <= LAZY_FACTOR * few.memory(name) + noise,
                what=f"{many.label}: memory {name} for {many.texts:,} texts {many.memory(name) / MIB:.1f} MiB, for "
                f"{few.texts:,} {few.memory(name) / MIB:.1f}: {ratio:.2f} times, at most {LAZY_FACTOR:g}"
                + (f" and {noise / MIB:g} MiB for noise" if noise else ""),
            )
        )
    return targets


def series_of(names: Sequence[str], modes: Sequence[Mode], texts: int) -> Results:
    """Return the empty series of contenders in modes."""
    return {
        (name, mode): Series(CONTENDERS[name], mode, texts)
        for mode in MODES
        if mode in modes
        for name in CONTENDERS
        if name in names
    }
