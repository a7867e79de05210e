"""`qwen-workspace admin apply`: makes the workspaces as a file says."""

import typer

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import KeyFile
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    KeysOption,
    YesOption,
    confirm,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._commands.admin.plan import DeleteOption, SpecArgument, make_plan, show_plan
from langchain_qwen_workspace.cli._options import FAILED


def apply(
    file: SpecArgument,
    *,
    delete: DeleteOption = None,
    keys: KeysOption = None,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    yes: YesOption = False,
) -> None:
    """Make the workspaces as a file says. Asks before something is taken away; run again, it continues."""
    admin, store = connect(region, base_url), None if keys is None else KeyFile(keys)
    plan = make_plan(admin, file, delete, store)
    show_plan(plan)
    if plan.gives_keys and keys is None:
        raise typer.BadParameter("The plan makes keys: say with --keys FILE where their values go. Nothing was done.")
    if plan.takes_away:
        confirm("Steps with `-` take something away. Apply?", is_confirmed=yes)
    with report_errors(status_of_configuration=FAILED):
        done = admin.apply(plan, keys=store)
    typer.echo(f"Done: {len(done)} steps.")
    if plan.gives_keys:
        typer.echo(f"The values of new keys are in {keys}.")
