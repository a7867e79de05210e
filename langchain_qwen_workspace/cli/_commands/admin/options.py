"""What the commands of administration share: options, the administrator, errors, the question before a change."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace.admin import WorkspaceAdmin
from langchain_qwen_workspace.cli._doctor_run import redact
from langchain_qwen_workspace.cli._options import FAILED, complete_region, make_workspace, parse_region, settings
from langchain_qwen_workspace.errors import ConfigurationError, MissingApiKeyError, QwenWorkspaceError
from langchain_qwen_workspace.workspace import QwenWorkspace

WRONG_USAGE = 2
_WRONG = (ConfigurationError, MissingApiKeyError)

AdminRegionOption = Annotated[
    str,
    typer.Option(
        "--region",
        metavar="NAME",
        envvar="DASHSCOPE_REGION",
        show_envvar=False,
        parser=parse_region,
        autocompletion=complete_region,
        help="The region's id or name; each has workspaces of its own. Default: DASHSCOPE_REGION, else Singapore.",
        show_default=False,
    ),
]
AdminURLOption = Annotated[
    str | None,
    typer.Option(
        "--base-url", "--endpoint", metavar="URL", help="Another origin: that of the sandbox, or a VPC endpoint."
    ),
]
WorkspaceArgument = Annotated[
    str, typer.Argument(metavar="WORKSPACE", help="The workspace's id, as `admin workspaces` lists it.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before something is taken away.")]
KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        dir_okay=False,
        help="The file with the values of keys, made with mode 0600. They are never printed.",
    ),
]
WorkspaceKeyOption = Annotated[
    typer.FileText | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="A file with the workspace's own key, to use in place of an AccessKey where the service lets it.",
    ),
]


def connect(region: str, base_url: str | None) -> WorkspaceAdmin:
    """Return the administrator with the AccessKey of the environment; without one, or without the extra, exit."""
    with report_errors():
        return WorkspaceAdmin(region=region, base_url=base_url)


def make_own_workspace(workspace_id: str, key_file: TextIO, region: str, base_url: str | None) -> QwenWorkspace:
    """Return a workspace with its own key, whatever the environment names."""
    given = settings(region, workspace_id, None if base_url else "workspace", base_url, key_file)
    return make_workspace(given)


@contextmanager
def report_errors(status_of_configuration: int = WRONG_USAGE) -> Iterator[None]:
    """Print an error as one text and exit.

    Args:
        status_of_configuration: The exit status after a `ConfigurationError`; after others it is that of a failure.
    """
    try:
        yield
    except QwenWorkspaceError as error:
        typer.echo(escape_control_characters(redact(str(error))), err=True)
        raise typer.Exit(status_of_configuration if isinstance(error, _WRONG) else FAILED) from None


def confirm(question: str, *, is_confirmed: bool) -> None:
    """Ask before something is taken away, unless it was confirmed by an option; after "no", exit as failed."""
    if not is_confirmed:
        typer.confirm(escape_control_characters(question), abort=True, err=True)
