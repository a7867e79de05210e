"""Measures what a workspace costs in a process that serves 10, 100, 1,000 and 10,000 of them.

    python -m benchmarks.scale                          # all sizes, once
    python -m benchmarks.scale --workspaces 10 100      # some sizes

Prints a table and the targets, writes them into a folder (`--into`), and exits with status 1 if a target is missed.
It needs Linux, where every address of 127.0.0.0/8 is loopback. docs/benchmarks.md explains the numbers.
"""

import argparse
import itertools
import json
import logging
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from benchmarks._processes import machine, measure, server
from benchmarks._report import Target, summary, table

SIZES = (10, 100, 1_000, 10_000)
HOSTS = (1, 200)

_MIN_CALLS = 1_000
_LATER_GROWTH, _FIRST_CALL = 1.1, 1.5
_MIN_SIZE_FOR_MEMORY = 1_000
"""With fewer workspaces the memory of other things decides."""

_log = logging.getLogger(__name__)


class Case(NamedTuple):
    """What is measured: a protocol, in one of the shapes, with workspaces on so many hosts."""

    protocol: str
    shape: str
    hosts: int

    def __str__(self) -> str:
        """Describe the case in the table."""
        place = "one host" if self.hosts == 1 else f"{self.hosts} hosts"
        return f"{self.protocol}, {_SHAPES[self.shape].name}, {place}"


@dataclass(frozen=True, slots=True)
class Shape:
    """How the workspaces are called.

    Attributes:
        name: Its name in the table.
        max_kilobytes: The most resident memory for each workspace.
    """

    name: str
    max_kilobytes: int


_SHAPES = {"models": Shape("a model each", 30), "router": Shape("router and guard", 10)}

Samples: TypeAlias = Mapping[Case, Mapping[int, Sequence[Mapping[str, Any]]]]
"""What the measuring processes printed, one for each round, by case and number of workspaces."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table, and return the exit status: 1 if a target is missed."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    description = machine()
    cases = (Case(*parts) for parts in itertools.product(("openai", "dashscope"), _SHAPES, sorted(options.hosts)))
    samples: dict[Case, dict[int, list[Mapping[str, Any]]]] = {
        case: {size: [] for size in sorted(options.workspaces)} for case in cases
    }
    with server("benchmarks._chat_server", f"--hosts={max(options.hosts)}") as origin:
        for number in range(options.rounds):
            for case, sizes in samples.items():
                for size, found in sizes.items():
                    found.append(_measure(origin, case, size, options.min_calls))
                    _log.info("round %d: %s, %d workspaces: %s", number + 1, case, size, found[-1])
    targets = list(targets_from(samples))
    text = f"{description}, {options.rounds} rounds.\n\n{markdown(samples)}\n\n{summary(targets)}\n"
    sys.stdout.write(text)
    if options.into is not None:
        _write(options.into, text, samples)
    return int(any(not target.met for target in targets))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="Measure many workspaces.")
    parser.add_argument("--workspaces", type=int, nargs="+", default=SIZES, help="the numbers of workspaces (all)")
    parser.add_argument("--hosts", type=int, nargs="+", default=HOSTS, help="the hosts to distribute them on (1, 200)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each measure (1)")
    parser.add_argument("--min-calls", type=int, default=_MIN_CALLS, help="calls that a mean is of (1,000)")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="also write _scale.md and _scale.json there")
    return parser


def _measure(origin: str, case: Case, size: int, min_calls: int) -> dict[str, Any]:
    arguments = [origin, case.protocol, case.shape]
    numbers = [f"--workspaces={size}", f"--hosts={case.hosts}", f"--min-calls={min_calls}"]
    # All hosts are loopback addresses, which no proxy reaches.
    environment = {"NO_PROXY": "*", "no_proxy": "*", "PYTHONHASHSEED": "0"}
    return measure("benchmarks._scale_measures", [*arguments, *numbers], environment)


def markdown(samples: Samples) -> str:
    """Return the table of all cases and sizes."""
    header = ["Case", "Workspaces", "First call, CPU", "Later call, CPU", "First / later", "Memory each", "Sockets"]
    rows = [
        [
            str(case),
            f"{size:,}",
            f"{_median(found, 'first'):,.0f} µs",
            f"{_median(found, 'later'):,.0f} µs",
            f"{_median(found, 'first') / _median(found, 'later'):.2f}",
            f"{_median(found, 'resident') / 1000:.1f} kB",
            f"{_median(found, 'sockets'):.0f}",
        ]
        for case, sizes in samples.items()
        for size, found in sizes.items()
    ]
    return table(header, rows)


def targets_from(samples: Samples) -> Iterator[Target]:
    """Yield the targets of each case, with what was measured."""
    for case, sizes in samples.items():
        fewest, most = min(sizes), max(sizes)
        if most > fewest:
            growth = _median(sizes[most], "later") / _median(sizes[fewest], "later")
            what = f"{case}: a later call with {most:,} workspaces takes {growth:.2f} of the CPU with {fewest:,}"
            yield Target(growth <= _LATER_GROWTH, f"{what} (at most {_LATER_GROWTH})")
        if case.hosts == 1:
            ratio, size = max(
                (_median(found, "first") / _median(found, "later"), size) for size, found in sizes.items()
            )
            what = f"{case}: a first call takes at most {ratio:.2f} of a later one (with {size:,} workspaces)"
            yield Target(ratio <= _FIRST_CALL, f"{what} (at most {_FIRST_CALL})")
        if most >= _MIN_SIZE_FOR_MEMORY:
            limit = _SHAPES[case.shape].max_kilobytes
            kilobytes = _median(sizes[most], "resident") / 1000
            what = f"{case}: {kilobytes:.1f} kB of memory for each of {most:,} workspaces (at most {limit} kB)"
            yield Target(kilobytes <= limit, what)


def _median(found: Sequence[Mapping[str, Any]], name: str) -> float:
    return statistics.median(float(numbers[name]) for numbers in found)


def _write(folder: Path, text: str, samples: Samples) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_scale.md").write_text(text, encoding="utf-8")
    written = {str(case): sizes for case, sizes in samples.items()}
    (folder / "_scale.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
