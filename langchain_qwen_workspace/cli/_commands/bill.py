"""`qwen-workspace bill`: compares a usage file with the service's bill."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

import typer
from pydantic import TypeAdapter

from langchain_qwen_workspace._usage.tables import format_csv, rows_from_file
from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.cli._commands.admin.bill import LAG, MonthArgument
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._console import make_console, show_note, show_table
from langchain_qwen_workspace.cli._options import FAILED, JSONOption, read_text, write_json
from langchain_qwen_workspace.cli._reconciliation import Line, reconcile
from langchain_qwen_workspace.errors import ConfigurationError

_EQUAL = "equal"


def bill(
    month: MonthArgument,
    *,
    files: Annotated[
        list[typer.FileText],
        typer.Option("--reconcile", metavar="FILE", encoding="utf-8", help="A usage file; may be repeated."),
    ],
    check: Annotated[bool, typer.Option("--check", help="Exit with status 1 if something is not equal.")] = False,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    as_json: JSONOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Show a month's usage files beside the service's bill, by workspace and model, and what differs.

    The files are those of `WorkspaceUsageCallbackHandler.to_json` for the calls of the month, as JSON or JSON Lines.
    """
    if as_json and as_csv:
        raise typer.BadParameter("Only one of --json and --csv can be given.")
    rows = []
    for file in files:
        try:
            rows += rows_from_file(read_text(file))
        except ConfigurationError as error:
            raise typer.BadParameter(f"{file.name}: {error}") from None
    admin = connect(region, base_url)
    with report_errors():
        lines = reconcile(admin, month, rows)
    if as_json:
        found = TypeAdapter(list[Line]).dump_python(lines, mode="json")
        differences = [None if line.difference is None else f"{line.difference:f}" for line in lines]
        write_json({"month": month, "lines": [{**a, "difference": b} for a, b in zip(found, differences, strict=True)]})
    elif as_csv:
        names = [*Line.__dataclass_fields__, "difference"]
        typer.echo(format_csv(names, ([*asdict(line).values(), line.difference] for line in lines)), nl=False)
    else:
        _show(lines, month)
    raise typer.Exit(FAILED if check and any(line.verdict != _EQUAL for line in lines) else 0)


def _show(lines: Sequence[Line], month: str) -> None:
    cells = [
        (
            line.workspace_id or "(none)",
            line.model or "(none)",
            f"{line.calls:,}",
            f"{line.tokens:,}",
            _amount(line.estimate),
            _amount(line.amount),
            line.verdict if not line.difference else f"{line.verdict}: {line.difference:+f}",
        )
        for line in lines
    ]
    console = make_console()
    head = ["Workspace", "Model", "Calls", "Tokens", "Estimate", "Bill", "Difference"]
    show_table(console, head, cells, numbers={2, 3, 4, 5})
    show_note(console, f"{month}, in {', '.join(sorted({line.currency for line in lines})) or 'no currency'}. {LAG}")


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"
