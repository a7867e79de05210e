"""Prints the command's output for people: within 80 columns, and in colour on a terminal only."""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._usage.records import UsageRow
from langchain_qwen_workspace._usage.tables import KEY_COLUMNS, price_note, rows_to_cells
from langchain_qwen_workspace.cli._doctor_run import Finding, Status
from langchain_qwen_workspace.cli._model_details import describe_model
from langchain_qwen_workspace.cli._models import KINDS, Column, columns
from langchain_qwen_workspace.profiles import Profile

_STYLES: Mapping[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_RETIRED_MARK = "*"
_STATUS_WIDTH, _NAME_WIDTH, _MIN_DETAIL_WIDTH = 9, 16, 20
_UNLIMITED_WIDTH = 10_000


def make_console() -> Console:
    """Return a console that writes to standard output."""
    if isinstance(sys.stdout, TextIOWrapper):
        # An encoding without the character (ASCII in a pipe) then prints `?` instead of raising.
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


@contextmanager
def show_findings(console: Console) -> Iterator["_FindingsPrinter"]:
    """Print findings as they arrive, with a spinner on a terminal while the next check runs."""
    with console.status(Text("checking", style="dim"), spinner_style="dim"):
        yield _FindingsPrinter(console)


class _FindingsPrinter:
    def __init__(self, console: Console) -> None:
        self._console = console
        self.found: list[Finding] = []

    def print_finding(self, finding: Finding) -> None:
        """Print a finding, its detail and hint wrapped beside its status and name."""
        self.found.append(finding)
        text = _plain_text(finding.detail, "dim" if finding.status == "skipped" else "")
        if finding.hint:
            text.append("\n")
            text.append(_plain_text(finding.hint, "italic"))
        label = Text.assemble(
            (finding.status.ljust(_STATUS_WIDTH), _STYLES[finding.status]), finding.name.ljust(_NAME_WIDTH)
        )
        _print_beside(self._console, label, text)

    def print_summary(self) -> None:
        """Print how many findings have which status."""
        statuses = [finding.status for finding in self.found]
        parts = [Text(f"{statuses.count(s)} {s}", style=style) for s, style in _STYLES.items() if s in statuses]
        self._console.print()
        self._console.print(Text(", ").join(parts))


def show_model(console: Console, profile: Profile) -> None:
    """Print all that is known of one model, a property a line."""
    lines = describe_model(profile, datetime.now(UTC).date())
    width = max(len(title) for title, _ in lines) + 2
    console.print(_plain_text(profile.name, "bold"))
    for title, text in lines:
        _print_beside(console, Text(title.ljust(width), style="dim"), _plain_text(text))


def show_models(console: Console, profiles: Sequence[Profile]) -> None:
    """Print models, one table for each kind, without the columns for which there is no room."""
    kinds = [kind for kind in KINDS if any(profile.kind == kind for profile in profiles)]
    omitted: dict[str, None] = {}
    for number, kind in enumerate(kinds):
        if number:
            console.print()
        of_kind = [profile for profile in profiles if profile.kind == kind]
        shown = list(columns(kind))
        while (
            console.measure(
                table := _models_table(KINDS[kind], of_kind, shown),
                options=console.options.update(max_width=_UNLIMITED_WIDTH),
            ).maximum
            > (console.width)
            and len(shown) > 1
        ):
            last = max(range(len(shown)), key=lambda index: (shown[index].rank, index))
            omitted[shown.pop(last).title] = None
        console.print(table)
    if omitted:
        console.print(_plain_text(f"Too narrow to show {', '.join(omitted)}: --json has all.", "dim"))
    if any(profile.retired for profile in profiles):
        console.print(Text(f"{_RETIRED_MARK} retired, or soon to be: --json has the date", style="dim"))


def show_differences(console: Console, differences: Sequence[Mapping[str, Any]]) -> None:
    """Print what the service's catalogue has that differs from the package's own rows."""
    if differences:
        lines = [[_to_cell(each[name]) for name in ("model", "field", "built_in", "catalogue")] for each in differences]
        console.print(_table(["Model", "Field", "Built in", "Catalogue"], lines, numbers=set()))


def show_table(
    console: Console, head: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: Collection[int] = ()
) -> None:
    """Print a table; `numbers` are the columns to align to the right."""
    console.print(_table(head, lines, numbers=set(numbers)))


def show_note(console: Console, text: str) -> None:
    """Print a remark below a table."""
    console.print(_plain_text(text, "dim"))


def _to_cell(value: Any) -> str:
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _models_table(title: str, profiles: Sequence[Profile], shown: Sequence[Column]) -> Table:
    return _table(
        [title, *(column.title for column in shown)],
        [
            [profile.name + _RETIRED_MARK * bool(profile.retired), *(column.cell(profile) for column in shown)]
            for profile in profiles
        ],
        numbers={index for index, column in enumerate(shown, 1) if column.number},
    )


def show_usage(console: Console, rows: Sequence[UsageRow], by: Sequence[str]) -> None:
    """Print rows of usage; a value that all rows share is printed once, below the table."""
    varying = [field for field in by if len({getattr(row, field) for row in rows}) > 1] or list(by[:1])
    ordered = sorted(rows, key=lambda row: [getattr(row, field) or "" for field in varying])
    head, lines = rows_to_cells(ordered, varying)
    console.print(_table(head, lines, numbers=set(range(len(varying), len(head))), sums="all"))
    shared = [(KEY_COLUMNS[field], getattr(rows[0], field)) for field in by if field not in varying]
    if shared:
        console.print(_plain_text(", ".join(f"{name}: {value or 'unknown'}" for name, value in shared), "dim"))
    if note := price_note(rows):
        console.print(_plain_text(note, "dim"))


def _print_beside(console: Console, label: Text, text: Text) -> None:
    """Print a text wrapped beside its label."""
    for line in text.wrap(console, max(console.width - len(label), _MIN_DETAIL_WIDTH)):
        line.rstrip()
        console.print(label + line)
        label = Text(" " * len(label))


def _plain_text(text: str, style: str = "") -> Text:
    """Return text from outside (a server, a file, the environment) as it may be printed."""
    return Text(escape_control_characters(text), style=style)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: set[int], sums: str | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, title in enumerate(head):
        if index in numbers:
            table.add_column(title, justify="right", no_wrap=True)
        else:
            table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*map(_plain_text, line), style="bold" if sums is not None and sums in line else "")
    return table
