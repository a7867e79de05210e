"""`qwen-workspace admin bill`: shows the bill of a month."""

from enum import StrEnum
from typing import Annotated

import typer
from pydantic import TypeAdapter

from langchain_qwen_workspace._usage.tables import format_csv
from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import Bill
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._console import make_console, show_note, show_table
from langchain_qwen_workspace.cli._options import JSONOption, write_json

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="The month, such as 2026-10.")]
LAG = "Bills lag behind the calls."


class Split(StrEnum):
    """By what a bill can be split."""

    WORKSPACE = "workspace"
    MODEL = "model"
    KEY = "key"
    KIND = "kind"
    FEE = "fee"
    CHARGE = "charge"
    REGION = "region"
    SITE = "site"
    ARTICLE = "article"


def bill(
    month: MonthArgument,
    *,
    by: Annotated[
        Split, typer.Option("--by", metavar="NAME", help=f"How it is split: {', '.join(Split)}.")
    ] = Split.WORKSPACE,
    workspace: Annotated[
        list[str] | None, typer.Option("--workspace", metavar="ID", help="Only this workspace; may be repeated.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Only this model; may be repeated.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="ID", help="Only this key, by its id; may be repeated.")
    ] = None,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    as_json: JSONOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Show the bill of a month."""
    if as_json and as_csv:
        raise typer.BadParameter("Only one of --json and --csv can be given.")
    admin = connect(region, base_url)
    with report_errors():
        found = admin.bill(month, by.value, workspace=workspace or None, model=model or None, key=key or None)
    if as_json:
        write_json(TypeAdapter(Bill).dump_python(found, mode="json"))
    elif as_csv:
        rows = [(found.month, row.key, row.name, row.amount, found.currency) for row in found.rows]
        rest = [(found.month, None, "in no row", found.rest, found.currency)] if found.rest else []
        typer.echo(format_csv(["month", by.value, "name", "amount", "currency"], [*rows, *rest]), nl=False)
    else:
        _show(found)


def _show(bill: Bill) -> None:
    lines = [(row.key or "(none)", row.name, f"{row.amount:f}") for row in bill.rows]
    if bill.rest:
        lines.append(("(in no row)", "", f"{bill.rest:f}"))
    lines.append(("total", "", f"{bill.total:f}"))
    console = make_console()
    show_table(console, [bill.by.title(), "Name", bill.currency], lines, numbers={2})
    cut_off = " The service sends 20 rows at most: there may be more." if bill.is_cut_off else ""
    show_note(console, f"{bill.month}. {LAG}{cut_off}")
