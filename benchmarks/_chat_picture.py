"""The picture of the chat benchmark: how far below its target each ratio is."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks._chat_results import Row

# Readable on white and on black: a middle grey for words, colours of middle lightness, no background.
_INK, _MET, _MISSED = "#808080", "#2f9e77", "#d9622b"
_LEAST = 0.01


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw the ratios, each as a share of what it may be at most, on a logarithmic scale."""
    ratios = [row for row in rows if row.theirs][::-1]
    figure = Figure(figsize=(10, 0.27 * len(ratios) + 1), layout="constrained")
    axes = figure.add_subplot()
    shares = [max(row.reached / row.limit, _LEAST) for row in ratios]
    bars = axes.barh(
        [f"{row.what} / {row.against}" for row in ratios],
        shares,
        color=[_MET if row.met else _MISSED for row in ratios],
    )
    axes.bar_label(bars, [f" {row.reached:.2f} of {row.limit:g}" for row in ratios], color=_INK, fontsize=7)
    axes.axvline(1, color=_INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST, max(2.0, 2 * max(shares, default=1)))
    axes.set_xlabel("ratio / target (left of the line: met)", color=_INK)
    axes.tick_params(colors=_INK, labelsize=7)
    axes.margins(y=0.01)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.savefig(file, dpi=150, transparent=True)
