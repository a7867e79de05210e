"""`qwen-workspace admin limits`: lists the rate limits of a workspace, or sets or removes one."""

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import TypeAdapter

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import ModelLimits, RateLimit, WorkspaceAdmin
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    WorkspaceArgument,
    WorkspaceKeyOption,
    YesOption,
    confirm,
    connect,
    make_own_workspace,
    report_errors,
)
from langchain_qwen_workspace.cli._console import make_console, show_table
from langchain_qwen_workspace.cli._options import JSONOption, complete_model, write_json
from langchain_qwen_workspace.workspace import QwenWorkspace

_PERIOD = 60


def limits(
    workspace: WorkspaceArgument,
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", autocompletion=complete_model, help="The model whose limit is set or removed."),
    ] = None,
    *,
    requests: Annotated[int | None, typer.Option("--requests", min=1, help="Requests in --period.")] = None,
    usage: Annotated[int | None, typer.Option("--usage", min=1, help="Tokens in --period.")] = None,
    period: Annotated[int, typer.Option("--period", metavar="SECONDS", min=1, help="The period.")] = _PERIOD,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the workspace's own limit.")] = False,
    key_file: WorkspaceKeyOption = None,
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    yes: YesOption = False,
    as_json: JSONOption = False,
) -> None:
    """List how fast a workspace may call its models, or set or remove its own limit of one model.

    Asks before a limit is set: calls beyond it are refused.
    """
    limit = _limit(requests, usage, period)
    if (model is None) != (limit is None and not remove) or (limit is not None and remove):
        raise typer.BadParameter("With MODEL, give --requests, --usage or both, or else --remove; without it, none.")
    service: QwenWorkspace | WorkspaceAdmin = (
        connect(region, base_url) if key_file is None else make_own_workspace(workspace, key_file, region, base_url)
    )
    if model is None:
        with report_errors():
            found = service.limits(workspace) if isinstance(service, WorkspaceAdmin) else service.limits()
        _show(found, as_json=as_json)
        return
    if limit is not None:
        confirm(f"Calls of {model} in {workspace} beyond the limit will be refused. Set it?", is_confirmed=yes)
    with report_errors():
        _change(service, workspace, model, limit)
    typer.echo(f"{workspace}, {model}: {_describe(limit) or 'the limit of the account'}.")


def _limit(requests: int | None, usage: int | None, period: int) -> RateLimit | None:
    if requests is None and usage is None:
        return None
    return RateLimit(requests, requests and period, usage, usage and period)


def _change(service: QwenWorkspace | WorkspaceAdmin, workspace: str, model: str, limit: RateLimit | None) -> None:
    if isinstance(service, QwenWorkspace):
        service.set_limits({model: limit})
    elif limit is None:
        service.remove_limits(workspace, [model])
    else:
        service.set_limits(workspace, {model: limit})


def _show(found: Sequence[ModelLimits], *, as_json: bool) -> None:
    if as_json:
        write_json({"limits": TypeAdapter(list[ModelLimits]).dump_python(list(found), mode="json")})
        return
    lines = [(each.model, _describe(each.workspace), _describe(each.account)) for each in found]
    show_table(make_console(), ["Model", "Workspace's own", "Account's"], lines)


def _describe(limit: RateLimit | None) -> str:
    if limit is None:
        return ""
    parts = [
        f"{number:,} {what} in {period} s"
        for number, what, period in (
            (limit.requests, "requests", limit.requests_period),
            (limit.usage, (limit.usage_field or "tokens").replace("_", " "), limit.usage_period),
        )
        if number is not None
    ]
    return ", ".join(parts)
