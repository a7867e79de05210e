"""How rows of usage are written for people and programs, and read back."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from langchain_qwen_workspace._usage.records import UsageRow
from langchain_qwen_workspace.errors import ConfigurationError

VERSION = 1
"""The version of the JSON; it grows when a field changes its meaning."""

_ROWS = TypeAdapter(list[UsageRow])


def rows_to_json(rows: Iterable[UsageRow]) -> str:
    """Return rows as JSON, `{"version": 1, "rows": […]}`; money is a string, so that it stays exact."""
    return json.dumps({"version": VERSION, "rows": [asdict(row) for row in rows]}, default=_exact, indent=2)


def rows_from_json(text: str) -> list[UsageRow]:
    """Return the rows that `to_json` wrote.

    Raises:
        ConfigurationError: The text is not what `to_json` writes, or of a later version.
    """
    try:
        told = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"The usage is no JSON: {error}.") from None
    if not isinstance(told, dict) or told.get("version") != VERSION:
        raise ConfigurationError(f'Expected usage as `to_json` writes it, with `"version": {VERSION}`.')
    try:
        return _ROWS.validate_python(told.get("rows"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(
            f"The usage is not valid: `rows.{'.'.join(map(str, first['loc']))}`: {first['msg']}."
        ) from None


def rows_to_csv(rows: Iterable[UsageRow]) -> str:
    """Return rows as CSV with a header; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(UsageRow))
    for row in rows:
        writer.writerow(_exact(value) if isinstance(value, Decimal) else value for value in asdict(row).values())
    return text.getvalue()


def rows_to_markdown(rows: Iterable[UsageRow]) -> str:
    """Return rows as an aligned table, with a line for each workspace of several rows and one for all.

    Columns that would have nothing but zeros are left out. An amount after `≥` lacks calls whose usage or price is
    not known.
    """
    rows = list(rows)
    return _aligned(*rows_to_cells(rows), texts=len(PLACES)) if rows else "No calls."


PLACES: Mapping[str, str] = {
    "workspace_id": "Workspace",
    "region": "Region",
    "model": "Model",
    "protocol": "Protocol",
    "operation": "Operation",
}
"""What a row is about, and how a table calls that."""


def rows_to_cells(rows: Sequence[UsageRow], by: Sequence[str] = tuple(PLACES)) -> tuple[list[str], list[list[str]]]:
    """Return the head and the lines of a table, with a line for each workspace of several and one for all.

    Args:
        rows: The rows; neighbours that agree in `by` become one line.
        by: Which of `PLACES` tell lines apart, and begin each line.
    """
    columns = [column for column in _COLUMNS if column.always or any(map(column.count, rows))]
    priced = any(row.currency is not None for row in rows)
    groups = [list(group) for _, group in groupby(rows, key=lambda row: [getattr(row, place) for place in by])]
    table: list[list[str]] = []
    for workspace, several in groupby(groups, key=lambda group: group[0].workspace_id):
        inside = list(several)
        table += [_line(columns, group, [_name(group[0], place) for place in by], priced=priced) for group in inside]
        if by[0] == "workspace_id" and 1 < len(inside) < len(groups):
            together = [row for group in inside for row in group]
            table.append(_line(columns, together, _sum_names(by, _id(workspace)), priced=priced))
    if len(groups) > 1:
        table.append(_line(columns, rows, _sum_names(by, "all"), priced=priced))
    head = [*(PLACES[place] for place in by), *(column.title for column in columns)]
    return ([*head, "Cost"] if priced else head), table


class _Column(NamedTuple):
    title: str
    count: Callable[[UsageRow], int]
    always: bool = False


_COLUMNS = (
    _Column("Calls", lambda row: row.calls, always=True),
    _Column("Failed", lambda row: row.failed_calls),
    _Column("Interrupted", lambda row: row.interrupted_calls),
    _Column("Unknown", lambda row: row.unknown_calls),
    _Column("Open", lambda row: row.open_calls),
    _Column("From cache", lambda row: row.cached_answers),
    _Column("Input", lambda row: row.input_tokens, always=True),
    _Column("Cached", lambda row: row.cached_tokens),
    _Column("Cache-written", lambda row: row.cache_written_tokens),
    _Column("Output", lambda row: row.output_tokens, always=True),
    _Column("Reasoning", lambda row: row.reasoning_tokens),
    _Column("Total", lambda row: row.total_tokens, always=True),
)
_CENTS = Decimal("0.000001")


def _name(row: UsageRow, place: str) -> str:
    return _id(row.workspace_id) if place == "workspace_id" else getattr(row, place) or ""


def _sum_names(by: Sequence[str], first: str) -> list[str]:
    return [first, *("all" if place == "model" else "" for place in by[1:])]


def _id(workspace: str | None) -> str:
    return "(no id)" if workspace is None else workspace


def _line(columns: Sequence[_Column], rows: Sequence[UsageRow], names: Sequence[str], *, priced: bool) -> list[str]:
    counts = [f"{sum(map(column.count, rows)):,}" for column in columns]
    return [*names, *counts, *([_money(rows)] if priced else [])]


def _money(rows: Sequence[UsageRow]) -> str:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.cost is not None:
            sums[row.currency or ""] += row.cost
    if not sums:
        return "no price" if any(row.unpriced_calls or row.currency is None for row in rows) else "unknown"
    partly = any(row.cost is None or row.unknown_calls for row in rows)
    return ("≥ " if partly else "") + " + ".join(f"{_short(total)} {currency}" for currency, total in sums.items())


def _short(amount: Decimal) -> str:
    if 0 < amount < _CENTS:
        return f"< {_CENTS:f}"
    text = f"{amount.quantize(_CENTS):f}"
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.rstrip('0').ljust(2, '0')}"


def _aligned(head: Sequence[str], table: Sequence[Sequence[str]], *, texts: int) -> str:
    cells = [[cell.replace("|", "\\|") for cell in line] for line in (head, *table)]
    widths = [max(3, *(len(line[place]) for line in cells)) for place in range(len(head))]
    rule = ["-" * width if place < texts else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in (cells[0], rule, *cells[1:])
    )


def _exact(value: Any) -> str:
    return f"{value:f}"
