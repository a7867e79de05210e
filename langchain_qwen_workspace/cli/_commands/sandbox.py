"""`qwen-workspace sandbox`: serves the offline Model Studio."""

from typing import Annotated

import typer

from langchain_qwen_workspace.cli._options import parse_region

_INSTALL = 'The sandbox needs Starlette and uvicorn: pip install "langchain-qwen-workspace[sandbox]"'
_WRONG_USAGE = 2


def _workspace(text: str) -> str:
    """Return the description of a workspace with the id of its region."""
    name, colon, rest = text.partition(":")
    region, *models = rest.split(":", 1)
    return ":".join([name, parse_region(region) if region else "", *models]) if colon else text


def sandbox(
    *,
    port: Annotated[int, typer.Option("--port", "-p", help="The port to listen on, 0 for a free one.")] = 8089,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    workspace: Annotated[
        list[str] | None,
        typer.Option(
            "--workspace",
            metavar="NAME[:REGION[:MODEL,MODEL]]",
            parser=_workspace,
            help="A workspace to open; may be repeated. Default: one that may call every model.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="A name under which clients reach the sandbox, beside localhost and --host; may be repeated.",
        ),
    ] = None,
) -> None:
    """Serve an offline imitation of Model Studio until Ctrl-C, and print the variables to export.

    It answers by rules: it is no language model.
    """
    try:
        # The sandbox is a program of its own, of which the package itself uses nothing.
        from langchain_qwen_workspace.sandbox.__main__ import serve  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"starlette", "uvicorn"}:
            raise
        typer.echo(_INSTALL, err=True)
        raise typer.Exit(_WRONG_USAGE) from None
    raise typer.Exit(serve(host=host, port=port, allow_hosts=allow_host or (), workspaces=workspace or ()))
