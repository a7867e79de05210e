"""`qwen-workspace admin rotate`: puts a new key in the place of a key."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from langchain_qwen_workspace._workspace.endpoints import DEFAULT_REGION
from langchain_qwen_workspace.admin import KeyFile
from langchain_qwen_workspace.cli._commands.admin.options import (
    AdminRegionOption,
    AdminURLOption,
    YesOption,
    confirm,
    connect,
    report_errors,
)

_TIME = re.compile(r"(\d{1,6})([smh])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def _parse_time(text: str) -> timedelta:
    found = _TIME.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a time. Expected a number and s, m or h, such as 30m.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def rotate(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of the key, as `admin keys` lists it.")],
    *,
    keys: Annotated[
        Path,
        typer.Option(
            "--keys",
            metavar="FILE",
            dir_okay=False,
            help="The file that gets the value of the new key, made with mode 0600. It is never printed.",
        ),
    ],
    grace: Annotated[
        timedelta,
        typer.Option(
            "--grace",
            metavar="TIME",
            parser=_parse_time,
            help="How long the old key still works, such as 30m; the command takes as long.",
        ),
    ] = "1h",  # type: ignore[assignment]  # parsed
    region: AdminRegionOption = DEFAULT_REGION,
    base_url: AdminURLOption = None,
    yes: YesOption = False,
) -> None:
    """Put a new key in the place of a key. Interrupted and run again, it continues, and makes no third key."""
    admin = connect(region, base_url)
    confirm(f"Key {key} will be disabled after {grace}. Rotate?", is_confirmed=yes)
    with report_errors():
        done = admin.rotate_key(key, grace=grace, deliver=KeyFile(keys))
    typer.echo(f"Key {done.new_id} of {done.workspace_id} took the place of {done.old_id}, which is disabled.")
    typer.echo(f"Its value is in {keys}.")
