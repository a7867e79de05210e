"""Reports the errors of a command as one line of plain text, never as a traceback."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace.cli._doctor_run import redact

_FAILED = 1
# Typer's own class, which its public module does not export: the base of every error of wrong usage.
_UsageError: Any = typer.BadParameter.__base__


class PlainErrorsGroup(TyperGroup):
    """The command's group: no error of a subcommand or its arguments has a traceback or control characters."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the group's own arguments."""
        with _plain_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Parse the subcommand's arguments and run it."""
        with _plain_errors():
            return super().invoke(ctx)


@contextmanager
def _plain_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        with _without_traceback():
            yield


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning without the line of the source that it points at, which is not the reader's."""
    typer.echo(escape_control_characters(redact(f"Warning: {message}")), err=True)


@contextmanager
def _without_traceback() -> Iterator[None]:
    try:
        yield
    except (typer.Exit, typer.Abort, EOFError):
        raise
    except _UsageError as error:
        error.message = escape_control_characters(error.message)
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # Typer ends quietly when the reader of a pipe has gone.
        text = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        typer.echo(escape_control_characters(redact(text)), err=True)
        if not isinstance(error, OSError):
            typer.echo("This is a bug of this command: please report it.", err=True)
        raise typer.Exit(_FAILED) from None
