"""How the command's answers look: 80 columns, no more colour than is needed, and none where nobody looks."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from langchain_qwen_workspace._usage.records import UsageRow
from langchain_qwen_workspace._usage.tables import PLACES, rows_to_cells
from langchain_qwen_workspace.cli._examination import Finding, Status
from langchain_qwen_workspace.cli._models import KINDS, columns
from langchain_qwen_workspace.profiles import Profile

_STYLES: Mapping[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_ENDING = "*"
_STATUS_WIDTH, _NAME_WIDTH, _NARROWEST = 9, 16, 20


def screen() -> Console:
    """Return the console of the command's answers."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A pipe in an old encoding shows `?` for what it has no letter for, where it would raise.
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


@contextmanager
def findings_shown(console: Console) -> Iterator["_Findings"]:
    """Show findings as they come, with a sign of life between them where somebody looks."""
    with console.status(Text("examining", style="dim"), spinner_style="dim"):
        yield _Findings(console)


class _Findings:
    def __init__(self, console: Console) -> None:
        self._console = console
        self.found: list[Finding] = []

    def show(self, finding: Finding) -> None:
        """Show one more finding."""
        self.found.append(finding)
        said = Text(finding.detail, style="dim" if finding.status == "skipped" else "")
        if finding.hint:
            said.append("\n")
            said.append(finding.hint, style="italic")
        label = Text.assemble(
            (finding.status.ljust(_STATUS_WIDTH), _STYLES[finding.status]), finding.name.ljust(_NAME_WIDTH)
        )
        for line in said.wrap(self._console, max(self._console.width - len(label), _NARROWEST)):
            line.rstrip()
            self._console.print(label + line)
            label = Text(" " * len(label))

    def sum_up(self) -> None:
        """Show how many there were of which status."""
        statuses = [finding.status for finding in self.found]
        parts = [Text(f"{statuses.count(s)} {s}", style=style) for s, style in _STYLES.items() if s in statuses]
        self._console.print()
        self._console.print(Text(", ").join(parts))


def show_models(console: Console, profiles: Sequence[Profile]) -> None:
    """Show models, one table for each kind."""
    kinds = [kind for kind in KINDS if any(profile.kind == kind for profile in profiles)]
    for number, kind in enumerate(kinds):
        shown = columns(kind)
        if number:
            console.print()
        console.print(
            _table(
                [KINDS[kind], *(column.title for column in shown)],
                [
                    [profile.name + _ENDING * bool(profile.retired), *(column.cell(profile) for column in shown)]
                    for profile in profiles
                    if profile.kind == kind
                ],
                numbers={place for place, column in enumerate(shown, 1) if column.number},
            )
        )
    if any(profile.retired for profile in profiles):
        console.print(Text(f"{_ENDING} retired, or about to be: --json has the day", style="dim"))


def show_usage(console: Console, rows: Sequence[UsageRow], by: Sequence[str]) -> None:
    """Show rows of usage; what they all agree in stands once below the table."""
    places = [place for place in by if len({getattr(row, place) for row in rows}) > 1] or list(by[:1])
    ordered = sorted(rows, key=lambda row: [getattr(row, place) or "" for place in places])
    head, lines = rows_to_cells(ordered, places)
    console.print(_table(head, lines, numbers=set(range(len(places), len(head))), sums="all"))
    same = [(PLACES[place], getattr(rows[0], place)) for place in by if place not in places]
    if same:
        console.print(Text(", ".join(f"{name}: {value or 'not known'}" for name, value in same), style="dim"))


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: set[int], sums: str | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for place, title in enumerate(head):
        if place in numbers:
            table.add_column(title, justify="right", no_wrap=True)
        else:
            table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line), style="bold" if sums is not None and sums in line else "")
    return table
