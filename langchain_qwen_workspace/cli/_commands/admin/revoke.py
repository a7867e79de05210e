"""`qwen-workspace admin revoke`: forbids a workspace to call models."""

from typing import Annotated

import typer

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    WorkspaceArgument,
    YesOption,
    confirm,
    connect,
    report_errors,
)
from langchain_qwen_workspace.cli._options import complete_model


def revoke(
    workspace: WorkspaceArgument,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", autocompletion=complete_model)],
    *,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    yes: YesOption = False,
) -> None:
    """Forbid a workspace to call models. Asks before."""
    admin = connect(region, base_url)
    confirm(f"Calls of {', '.join(models)} in {workspace} will be refused. Revoke?", is_confirmed=yes)
    with report_errors():
        admin.revoke(workspace, models)
    typer.echo(f"{workspace} may no longer call {', '.join(models)}.")
