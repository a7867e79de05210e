"""Selects the five rows of the chat benchmark that a reader wants first, and draws them."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks._chat_results import Row
from benchmarks._report import table

# What a row is called in the full table, without its protocol; and in plain words.
_HEADLINES = {
    ("stream, CPU per event", "ChatOpenAI"): "One event of a stream",
    ("invoke, short, CPU", "openai SDK"): "One short call",
    ("invoke, 200 messages with tool calls, CPU", "ChatOpenAI"): "A call with a history of 200 messages",
    ("300 concurrent streams, an event every 150 ms, CPU", "ChatOpenAI"): "300 streams at a time",
    ("resident after 10,000 calls", "after 100"): "Memory that 10,000 calls leave behind",
}
_PROTOCOLS = {"openai": "#6f67e0", "dashscope": "#2f9e77"}
# No grey has enough contrast on both a light and a dark page, so that the picture has a background of its own.
_TEXT_COLOUR = "#404040"

Headline = dict[str, Row]
"""A row of each protocol."""


def headlines(rows: Sequence[Row]) -> dict[str, Headline]:
    """Return the rows of each headline that was measured, by its words."""
    found = {(row.what, row.against): row for row in rows}
    chosen = {
        words: {
            protocol: found[f"{what}, {protocol}", against]
            for protocol in _PROTOCOLS
            if (f"{what}, {protocol}", against) in found
        }
        for (what, against), words in _HEADLINES.items()
    }
    return {words: headline for words, headline in chosen.items() if headline}


def headline_table(rows: Sequence[Row]) -> str:
    """Return the headlines as a Markdown table."""
    cells = []
    for words, headline in headlines(rows).items():
        measured = [_measured(headline[protocol]) if protocol in headline else "" for protocol in _PROTOCOLS]
        one = next(iter(headline.values()))
        cells.append([words, one.against if one.theirs else "nothing", *measured])
    return table(["What", "Compared with", *(f"`{protocol}`" for protocol in _PROTOCOLS)], cells)


def _measured(row: Row) -> str:
    return f"{row.measured:.0%}" if row.theirs else f"{row.measured:.1f} {row.unit}".strip()


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw the headlines that are ratios; 100 % stands for the package that ours is compared with."""
    ratios = {words: found for words, found in headlines(rows).items() if all(row.theirs for row in found.values())}
    figure = Figure(figsize=(6.5, 0.75 * len(ratios) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    for number, (protocol, colour) in enumerate(_PROTOCOLS.items()):
        places = [place + 0.38 * number for place, found in enumerate(ratios.values()) if protocol in found]
        shares = [100 * found[protocol].measured for found in ratios.values() if protocol in found]
        bars = axes.barh(places, shares, height=0.34, color=colour, label=protocol)
        axes.bar_label(bars, [f" {share:.0f} %" for share in shares], color=_TEXT_COLOUR)
    against = [next(iter(found.values())).against for found in ratios.values()]
    names = [f"{words}\n({other} = 100 %)" for words, other in zip(ratios, against, strict=True)]
    axes.set_yticks([place + 0.19 for place in range(len(ratios))], names)
    axes.invert_yaxis()
    axes.axvline(100, color=_TEXT_COLOUR, linewidth=1)
    axes.set_xlabel("processor time; less is better", color=_TEXT_COLOUR)
    axes.tick_params(colors=_TEXT_COLOUR)
    axes.margins(x=0.12)
    axes.legend(frameon=False, labelcolor=_TEXT_COLOUR, loc="center right", bbox_to_anchor=(0.85, 0.38))
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.savefig(file, dpi=200)
