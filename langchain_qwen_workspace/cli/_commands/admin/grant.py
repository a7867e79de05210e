"""`qwen-workspace admin grant`: permits a workspace to call models."""

from typing import Annotated

import typer

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    WorkspaceArgument,
    WorkspaceKeyOption,
    connect,
    make_own_workspace,
    report_errors,
)
from langchain_qwen_workspace.cli._options import complete_model


def grant(
    workspace: WorkspaceArgument,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", autocompletion=complete_model)],
    *,
    key_file: WorkspaceKeyOption = None,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
) -> None:
    """Permit a workspace to call models. Those that it may call already stay."""
    if key_file is not None:
        own = make_own_workspace(workspace, key_file, region, base_url)
        with report_errors():
            own.grant(models)
    else:
        admin = connect(region, base_url)
        with report_errors():
            admin.grant(workspace, models)
    typer.echo(f"{workspace} may call {', '.join(models)}.")
