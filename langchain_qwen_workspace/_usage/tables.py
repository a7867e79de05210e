"""Writes usage rows as JSON, CSV, Markdown and HTML, and reads the JSON back."""

import csv
import html
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from decimal import Decimal
from itertools import count, groupby
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from langchain_qwen_workspace._json_text import is_in_range, line_of, parse_json
from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._usage.records import UsageRow
from langchain_qwen_workspace.errors import ConfigurationError

VERSION = 1
"""The version of the JSON format; it increases when the meaning of a field changes."""

_ROWS = TypeAdapter(list[UsageRow])


def rows_to_json(rows: Iterable[UsageRow]) -> str:
    """Return rows as JSON, `{"version": 1, "rows": […]}`; amounts of money are strings, so that they stay exact."""
    return json.dumps({"version": VERSION, "rows": [asdict(row) for row in rows]}, default=_format_exact, indent=2)


def rows_from_json(text: str) -> list[UsageRow]:
    """Return the rows of the JSON that `rows_to_json` and the handler's `to_json` write.

    Raises:
        ConfigurationError: The text is not such JSON, or is of a later version; the error names the line.
    """
    data = parse_json(text, "The usage")
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ConfigurationError(f'Expected usage as `to_json` writes it, with `"version": {VERSION}`.')
    try:
        rows = _ROWS.validate_python(data.get("rows"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _invalid_row(text, first["loc"], first["msg"]) from None
    for index, row in enumerate(rows):
        if row.cost is not None and not is_in_range(row.cost):
            raise _invalid_row(text, (index, "cost"), "Number out of range")
    return rows


def rows_from_file(text: str) -> list[UsageRow]:
    """Return the rows of a usage file: one JSON document, or a document on each line (JSON Lines).

    Raises:
        ConfigurationError: It is neither; the error names the line.
    """
    lines = text.splitlines()
    if not lines or not lines[0].strip().endswith("}"):
        return rows_from_json(text)
    rows: list[UsageRow] = []
    for number, line in enumerate(lines, 1):
        try:
            rows += rows_from_json(line) if line.strip() else []
        except ConfigurationError as error:
            raise ConfigurationError(f"Line {number}: {error.message}") from None
    return rows


def _invalid_row(text: str, location: Sequence[int | str], message: str) -> ConfigurationError:
    line = f" in {line_of(text, ('rows', *location))}" if location else ""
    return ConfigurationError(f"The usage is not valid{line}: `{'.'.join(map(str, ('rows', *location)))}`: {message}.")


def rows_to_csv(rows: Iterable[UsageRow]) -> str:
    """Return rows as CSV with a header; unknown values are empty.

    Control characters in names become escapes, and a `'` is put before a name that a spreadsheet would read as a
    formula.
    """
    return format_csv([field.name for field in fields(UsageRow)], (asdict(row).values() for row in rows))


def format_csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV with a header; names are written as `rows_to_csv` writes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(map(_csv_cell, row))
    return text.getvalue()


# How a formula begins for spreadsheet programs, in full width too (OWASP, CSV Injection).
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def _csv_cell(value: Any) -> Any:
    if isinstance(value, Decimal | date):
        return _format_exact(value)
    if isinstance(value, str):
        return "'" * bool(_FORMULA.match(value)) + escape_control_characters(value)
    return value


def rows_to_markdown(rows: Iterable[UsageRow]) -> str:
    """Return rows as an aligned table, with a subtotal for each workspace that has several rows, and a total.

    Columns in which every value is zero are left out. `≥` before an amount means that the usage or the price of some
    calls is not known.
    """
    rows = list(rows)
    if not rows:
        return _NO_CALLS
    table = _align(*rows_to_cells(rows), text_columns=len(KEY_COLUMNS))
    return f"{table}\n\n{note}" if (note := price_note(rows)) else table


def rows_to_html(rows: Iterable[UsageRow]) -> str:
    """Return the table of `rows_to_markdown` as HTML."""
    rows = list(rows)
    if not rows:
        return f"<p>{_NO_CALLS}</p>"
    header, lines = rows_to_cells(rows)
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(map(_html_cell, line, count()))}</tr>" for line in lines)
    note = f"<p>{html.escape(text)}</p>" if (text := price_note(rows)) else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _html_cell(text: str, column: int) -> str:
    style = "" if column < len(KEY_COLUMNS) else ' style="text-align: right"'
    return f"<td{style}>{html.escape(text)}</td>"


_NO_CALLS = "No calls."


def price_note(rows: Iterable[UsageRow]) -> str:
    """Return which price lists the costs are from, and of which day; empty if no table has a name or a date."""
    lists = dict.fromkeys((row.price_list, row.price_date) for row in rows)
    notes = [
        (name or "a table without a name") + (f", as of {date}" if date else ", of an unknown date")
        for name, date in lists
        if name or date
    ]
    return escape_control_characters(f"Prices: {'; '.join(notes)}.") if notes else ""


KEY_COLUMNS: Mapping[str, str] = {
    "workspace_id": "Workspace",
    "region": "Region",
    "model": "Model",
    "protocol": "Protocol",
    "operation": "Operation",
}
"""The title of the column of each field of a `UsageKey`."""


def rows_to_cells(
    rows: Sequence[UsageRow], by: Sequence[str] = tuple(KEY_COLUMNS)
) -> tuple[list[str], list[list[str]]]:
    """Return the header and the lines of a table, with subtotals for workspaces that have several lines, and a total.

    Args:
        rows: The rows, sorted by `by`; consecutive rows with equal values of these fields become one line.
        by: The fields of `KEY_COLUMNS` that each line starts with. Default: all.
    """
    columns = [column for column in _COUNT_COLUMNS if column.always or any(map(column.count, rows))]
    priced = any(row.currency is not None for row in rows)
    groups = [list(group) for _, group in groupby(rows, key=lambda row: [getattr(row, field) for field in by])]
    lines: list[list[str]] = []
    for workspace_id, workspace_groups in groupby(groups, key=lambda group: group[0].workspace_id):
        inside = list(workspace_groups)
        lines += [
            _line([_key_text(group[0], field) for field in by], columns, group, priced=priced) for group in inside
        ]
        if by[0] == "workspace_id" and 1 < len(inside) < len(groups):
            together = [row for group in inside for row in group]
            lines.append(_line(_total_labels(by, _workspace_text(workspace_id)), columns, together, priced=priced))
    if len(groups) > 1:
        lines.append(_line(_total_labels(by, "all"), columns, rows, priced=priced))
    header = [*(KEY_COLUMNS[field] for field in by), *(column.title for column in columns)]
    return ([*header, "Cost"] if priced else header), lines


class _CountColumn(NamedTuple):
    title: str
    count: Callable[[UsageRow], int]
    always: bool = False


_COUNT_COLUMNS = (
    _CountColumn("Calls", lambda row: row.calls, always=True),
    _CountColumn("Failed", lambda row: row.failed_calls),
    _CountColumn("Interrupted", lambda row: row.interrupted_calls),
    _CountColumn("Unknown", lambda row: row.unknown_calls),
    _CountColumn("Open", lambda row: row.open_calls),
    _CountColumn("From cache", lambda row: row.cached_answers),
    _CountColumn("Input", lambda row: row.input_tokens, always=True),
    _CountColumn("Cached", lambda row: row.cached_tokens),
    _CountColumn("Explicitly", lambda row: row.explicit_cached_tokens),
    _CountColumn("Cache-written", lambda row: row.cache_written_tokens),
    _CountColumn("For 1 hour", lambda row: row.cache_written_1h_tokens),
    _CountColumn("Audio in", lambda row: row.audio_input_tokens),
    _CountColumn("Media in", lambda row: row.media_input_tokens),
    _CountColumn("Output", lambda row: row.output_tokens, always=True),
    _CountColumn("Reasoning", lambda row: row.reasoning_tokens),
    _CountColumn("Audio out", lambda row: row.audio_output_tokens),
    _CountColumn("Total", lambda row: row.total_tokens, always=True),
    _CountColumn("Tool calls", lambda row: row.tool_calls),
)
_SMALLEST_AMOUNT = Decimal("0.000001")


def _key_text(row: UsageRow, field: str) -> str:
    if field == "workspace_id":
        return _workspace_text(row.workspace_id)
    return getattr(row, field) or ("unknown" if field == "region" else "")


def _workspace_text(workspace_id: str | None) -> str:
    return "(no id)" if workspace_id is None else workspace_id


def _total_labels(by: Sequence[str], first: str) -> list[str]:
    return [first, *("all" if field == "model" else "" for field in by[1:])]


def _line(
    labels: Sequence[str], columns: Sequence[_CountColumn], rows: Sequence[UsageRow], *, priced: bool
) -> list[str]:
    counts = [f"{sum(map(column.count, rows)):,}" for column in columns]
    return [escape_control_characters(cell) for cell in (*labels, *counts, *([_format_cost(rows)] if priced else []))]


def _format_cost(rows: Sequence[UsageRow]) -> str:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.cost is not None:
            sums[row.currency or ""] += row.cost
    if not sums:
        return "no price" if any(row.unpriced_calls or row.currency is None for row in rows) else "unknown"
    is_partial = any(row.cost is None or row.unknown_calls for row in rows)
    amounts = " + ".join(f"{_format_amount(total)} {currency}" for currency, total in sums.items())
    return f"≥ {amounts}" if is_partial else amounts


def _format_amount(amount: Decimal) -> str:
    if 0 < amount < _SMALLEST_AMOUNT:
        return f"< {_SMALLEST_AMOUNT:f}"
    text = f"{amount:.6f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def _align(header: Sequence[str], lines: Sequence[Sequence[str]], *, text_columns: int) -> str:
    cells = [[cell.replace("|", "\\|") for cell in line] for line in (header, *lines)]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(len(header))]
    rule = ["-" * width if column < text_columns else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if column < text_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in (cells[0], rule, *cells[1:])
    )


def _format_exact(value: Decimal | date) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()
