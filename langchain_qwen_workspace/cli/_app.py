"""The command's group: its subcommands and their exit statuses."""

from typing import Annotated

import typer

from langchain_qwen_workspace._version import __version__
from langchain_qwen_workspace.cli._commands.admin.group import admin
from langchain_qwen_workspace.cli._commands.ask import ask
from langchain_qwen_workspace.cli._commands.bill import bill
from langchain_qwen_workspace.cli._commands.doctor import doctor
from langchain_qwen_workspace.cli._commands.models import models
from langchain_qwen_workspace.cli._commands.sandbox import sandbox
from langchain_qwen_workspace.cli._commands.usage import usage
from langchain_qwen_workspace.cli._commands.verify import verify
from langchain_qwen_workspace.cli._errors import PlainErrorsGroup

# The key must not appear in a traceback, so Rich's tracebacks, which print local variables, are off; nor in the
# shell's history, so no option takes it.
app = typer.Typer(
    name="qwen-workspace",
    cls=PlainErrorsGroup,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Ask a model, check a Model Studio workspace, list models, add up usage, "
    "administer workspaces, and run the sandbox.",
    epilog="Exit status: 0 success, 1 something failed, 2 wrong usage.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Write the version.")
    ] = False,
) -> None:
    pass


app.command(epilog="Exit status: 0 answered, 1 the request failed, 2 wrong usage.")(ask)
app.command(epilog="Exit status: 0 nothing failed, 1 a check failed, 2 wrong usage.")(doctor)
app.command(epilog="Exit status: 0 listed, 1 no model found or the request failed, 2 wrong usage.")(models)
app.command(epilog="Exit status: 0 stopped, 1 it cannot listen on the port, 2 wrong usage.")(sandbox)
app.command(epilog="Exit status: 0 shown, 2 a file cannot be read.")(usage)
app.command(epilog="Exit status: 0 nothing is otherwise, 1 something is, or it was not finished, 2 wrong usage.")(
    verify
)
app.command(epilog="Exit status: 0 shown, 1 refused or, with --check, not equal, 2 wrong usage.")(bill)
app.add_typer(admin, name="admin")
