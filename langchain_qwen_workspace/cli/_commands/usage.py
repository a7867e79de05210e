"""`qwen-workspace usage`: adds up usage files."""

from enum import StrEnum
from typing import Annotated

import typer

from langchain_qwen_workspace._usage.records import sum_rows
from langchain_qwen_workspace._usage.tables import KEY_COLUMNS, rows_from_file, rows_to_csv, rows_to_json
from langchain_qwen_workspace.cli._console import make_console, show_usage
from langchain_qwen_workspace.cli._options import JSONOption, read_text
from langchain_qwen_workspace.errors import ConfigurationError


class GroupBy(StrEnum):
    """The columns by which rows of usage can be grouped."""

    WORKSPACE = "workspace"
    REGION = "region"
    MODEL = "model"
    PROTOCOL = "protocol"
    OPERATION = "operation"

    @property
    def field(self) -> str:
        """The name of the field of `UsageRow`."""
        return "workspace_id" if self is GroupBy.WORKSPACE else self.value


def usage(
    *,
    files: Annotated[
        list[typer.FileText], typer.Argument(metavar="FILE", encoding="utf-8", help="Files, - for standard input.")
    ],
    by: Annotated[
        list[GroupBy] | None,
        typer.Option("--by", metavar="NAME", help=f"{', '.join(GroupBy)}; may be repeated. Default: all."),
    ] = None,
    as_json: JSONOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Add up usage files written by `WorkspaceUsageCallbackHandler.to_json`, and show a table."""
    if as_json + as_csv + bool(by) > 1:
        raise typer.BadParameter(
            "Only one of --json, --csv and --by can be given; --json and --csv always have all columns."
        )
    rows = []
    for file in files:
        try:
            rows += rows_from_file(read_text(file))
        except ConfigurationError as error:
            raise typer.BadParameter(f"{file.name}: {error}") from None
    if as_json:
        typer.echo(rows_to_json(sum_rows(rows)))
    elif as_csv:
        typer.echo(rows_to_csv(sum_rows(rows)), nl=False)
    elif rows:
        show_usage(
            make_console(), rows, list(dict.fromkeys(column.field for column in by)) if by else list(KEY_COLUMNS)
        )
    else:
        typer.echo("No calls.")
