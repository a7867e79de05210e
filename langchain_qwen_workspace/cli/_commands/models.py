"""`qwen-workspace models`: lists models, or shows one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from langchain_qwen_workspace._workspace import permissions
from langchain_qwen_workspace._workspace.catalogue import read_catalogue
from langchain_qwen_workspace.cli._console import make_console, show_differences, show_model, show_models
from langchain_qwen_workspace.cli._doctor_run import redact
from langchain_qwen_workspace.cli._models import (
    describe_unmatched,
    differences_to_data,
    is_pattern,
    profiles_to_data,
    select_models,
    unmatched_patterns,
)
from langchain_qwen_workspace.cli._options import (
    FAILED,
    BaseURLOption,
    EndpointOption,
    JSONOption,
    KeyOption,
    RegionOption,
    TimeoutOption,
    WorkspaceOption,
    complete_model,
    make_workspace,
    settings,
    write_json,
)
from langchain_qwen_workspace.errors import QwenWorkspaceError
from langchain_qwen_workspace.profiles import CATALOGUE_VARIABLE as VARIABLE
from langchain_qwen_workspace.workspace import QwenWorkspace

# Options that say how to ask the service.
_OF_PERMITTED = {
    "workspace_id": "--workspace-id",
    "endpoint": "--endpoint",
    "base_url": "--base-url",
    "key_file": "--key-file",
    "timeout": "--timeout",
}


class Kind(StrEnum):
    """The kinds of models."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    EMBEDDING_TASK = "embedding_task"
    RERANK = "rerank"


def models(
    context: typer.Context,
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=complete_model,
            help="A name, for all that is known of the model; several, or shell patterns such as 'qwen3*', for a list.",
        ),
    ] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", metavar="KIND", help=f"{', '.join(Kind)}; may be repeated.")
    ] = None,
    permitted: Annotated[
        bool, typer.Option("--permitted", help="List the models that the service permits to the workspace.")
    ] = False,
    refresh: Annotated[
        Path | None,
        typer.Option(
            "--refresh",
            metavar="FILE",
            dir_okay=False,
            help=f"Show what differs in the service's catalogue, and write it to a file for {VARIABLE}.",
        ),
    ] = None,
    region: RegionOption = None,
    workspace_id: WorkspaceOption = None,
    endpoint: EndpointOption = None,
    base_url: BaseURLOption = None,
    key_file: KeyOption = None,
    timeout: TimeoutOption = 10.0,
    as_json: JSONOption = False,
) -> None:
    """List models and their properties, or show all properties of one.

    In: t text, i image, v video, a audio. Thinks: can (if asked to), yes (by default), always. JSON: schema
    (the service enforces it) or object. Dimensions: from-to (default).

    With --region only models that the documentation lists for the region; with --permitted the region is the
    workspace's.
    """
    if refresh is not None:
        if names or kind or permitted:
            raise typer.BadParameter("--refresh cannot be combined with NAME, --kind and --permitted.")
        workspace = make_workspace(settings(region, workspace_id, endpoint, base_url, key_file))
        _refresh_models(refresh, workspace, timeout, as_json=as_json)
        return
    if not permitted:
        _refuse_options_of_permitted(context)
    granted = (
        _fetch_permitted_models(make_workspace(settings(region, workspace_id, endpoint, base_url, key_file)), timeout)
        if permitted
        else None
    )
    patterns = names or ()
    found = select_models(kinds=kind or (), patterns=patterns, permitted=granted, region=None if permitted else region)
    if as_json:
        write_json({"models": profiles_to_data(found)})
    elif len(patterns) == 1 and len(found) == 1 and not is_pattern(patterns[0]):
        show_model(make_console(), found[0])
    else:
        show_models(make_console(), found)
    if missing := unmatched_patterns(patterns, found):
        for pattern in missing:
            typer.echo(describe_unmatched(pattern), err=True)
        raise typer.Exit(FAILED)
    if not found:
        typer.echo("No such model.", err=True)
        raise typer.Exit(FAILED)


def _refuse_options_of_permitted(context: typer.Context) -> None:
    given = [
        option
        for name, option in _OF_PERMITTED.items()
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    ]
    if given:
        raise typer.BadParameter(
            f"Only --permitted and --refresh call the service, and so use {', '.join(given)}. Add one of the two, or "
            f"leave out {', '.join(given)}."
        )


def _refresh_models(file: Path, workspace: QwenWorkspace, timeout: float, *, as_json: bool) -> None:
    """Write the service's catalogue to a file, and show what differs from the package's own rows."""
    try:
        found = read_catalogue(*workspace._catalogue_management(timeout=timeout, max_retries=0), {})  # noqa: SLF001 - a value of this package
    except QwenWorkspaceError as error:
        typer.echo(redact(str(error), workspace.api_key), err=True)
        raise typer.Exit(FAILED) from None
    try:
        file.write_text(redact(found.to_json(), workspace.api_key), encoding="utf-8")
    except OSError as error:
        typer.echo(f"The catalogue cannot be written to {str(file)!r}: {error.strerror}.", err=True)
        raise typer.Exit(FAILED) from None
    differences = differences_to_data(found.differences())
    if as_json:
        write_json({"file": str(file), "models": len(found.profiles), "differences": differences})
    else:
        show_differences(make_console(), differences)
        typer.echo(f"{len(found.profiles)} models, {len(differences)} differences. Set {VARIABLE}={file} to use them.")


def _fetch_permitted_models(workspace: QwenWorkspace, timeout: float) -> list[str]:
    try:
        granted = permissions.list_permitted_models(*workspace._management(timeout=timeout, max_retries=0))  # noqa: SLF001 - a value of this package
    except QwenWorkspaceError as error:
        typer.echo(redact(str(error), workspace.api_key), err=True)
        raise typer.Exit(FAILED) from None
    return [redact(permission.model, workspace.api_key) for permission in granted if permission.inference]
