"""How a benchmark tells what it found: Markdown tables, and targets that are reached or not."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Something that has to be so.

    Attributes:
        reached: Whether it is.
        what: What has to be so, and what was measured.
    """

    reached: bool
    what: str


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        others = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *others])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def verdict(targets: Sequence[Target]) -> str:
    """Return one line for each target, and how many were missed."""
    missed = sum(not target.reached for target in targets)
    lines = [f"- {'PASS' if target.reached else 'FAIL'}  {target.what}" for target in targets]
    return "\n".join([*lines, "", f"{missed} of {len(targets)} targets missed." if missed else "All targets reached."])
