"""Draws the picture of the chat benchmark: each ratio as a share of its target."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks._chat_results import Row

# Readable on a light and on a dark page: grey text, colours of medium lightness, no background.
_TEXT_COLOUR, _MET, _MISSED = "#808080", "#2f9e77", "#d9622b"
_MIN_SHARE = 0.01


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw the ratios, each as a share of its limit, on a logarithmic scale."""
    ratios = [row for row in rows if row.theirs and row.has_target][::-1]
    figure = Figure(figsize=(10, 0.27 * len(ratios) + 1), layout="constrained")
    axes = figure.add_subplot()
    shares = [max(row.measured / row.limit, _MIN_SHARE) for row in ratios]
    bars = axes.barh(
        [f"{row.what} / {row.against}" for row in ratios],
        shares,
        color=[_MET if row.met else _MISSED for row in ratios],
    )
    axes.bar_label(bars, [f" {row.measured:.2f} of {row.limit:g}" for row in ratios], color=_TEXT_COLOUR, fontsize=7)
    axes.axvline(1, color=_TEXT_COLOUR, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(_MIN_SHARE, max(2.0, 2 * max(shares, default=1)))
    axes.set_xlabel("ratio / target (left of the line: met)", color=_TEXT_COLOUR)
    axes.tick_params(colors=_TEXT_COLOUR, labelsize=7)
    axes.margins(y=0.01)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.savefig(file, dpi=150, transparent=True)
