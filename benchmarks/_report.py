"""Formats what a benchmark found: Markdown tables, and targets that are met or missed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a benchmark, and whether it is met.

    Attributes:
        met: Whether it is met.
        what: The target, and what was measured.
    """

    met: bool
    what: str


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column aligned left and the others right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        others = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *others])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def summary(targets: Sequence[Target]) -> str:
    """Return one line for each target, and the number of missed ones."""
    missed = sum(not target.met for target in targets)
    lines = [f"- {'PASS' if target.met else 'FAIL'}  {target.what}" for target in targets]
    return "\n".join([*lines, "", f"{missed} of {len(targets)} targets missed." if missed else "All targets met."])
