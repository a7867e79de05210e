"""`qwen-workspace admin plan`: shows what would change so that the workspaces are as a file says."""

from pathlib import Path
from typing import Annotated

import typer

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import KeyFile, Plan, WorkspaceAdmin, read_spec
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    KeysOption,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._options import FAILED, JSONOption, write_json

SpecArgument = Annotated[Path, typer.Argument(metavar="FILE", help="How workspaces should be: a `workspaces.yaml`.")]
DeleteOption = Annotated[
    list[str] | None,
    typer.Option("--delete", metavar="NAME", help="A workspace, or workspace/key, to delete; may be repeated."),
]


def plan(
    file: SpecArgument,
    *,
    delete: DeleteOption = None,
    keys: KeysOption = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with status 1 if something has to change.")] = False,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    as_json: JSONOption = False,
) -> None:
    """Show what would change so that the workspaces are as a file says. Nothing is changed."""
    made = make_plan(connect(region, base_url), file, delete, None if keys is None else KeyFile(keys))
    if as_json:
        steps = [{"step": str(step), "takes_away": step.takes_away} for step in made.steps]
        write_json({"steps": steps, "left_alone": list(made.left_alone)})
    else:
        show_plan(made)
    raise typer.Exit(FAILED if check and made.steps else 0)


def make_plan(admin: WorkspaceAdmin, file: Path, delete: list[str] | None, keys: KeyFile | None) -> Plan:
    """Return the plan for a file; a file that is not valid is wrong usage."""
    with report_errors():
        spec = read_spec(file)
    with report_errors(status_of_configuration=FAILED):
        return admin.plan(spec, keys=keys, delete=delete or ())


def show_plan(plan: Plan) -> None:
    """Print the steps of a plan, `-` before those that take something away, and what it leaves alone."""
    for step in plan.steps:
        typer.echo(escape_control_characters(f"{'-' if step.takes_away else '+'} {step}"))
    if not plan.steps:
        typer.echo("Nothing has to change.")
    for text in plan.left_alone:
        typer.echo(escape_control_characters(f"  left alone: {text}"))
