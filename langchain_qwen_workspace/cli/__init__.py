"""The command `qwen-workspace`: is my workspace well, what may it call, what did it use. Extra `[cli]`."""

import sys

__all__ = ["main"]

_INSTALL = 'qwen-workspace needs Typer and Rich: pip install "langchain-qwen-workspace[cli]"'


def main() -> None:
    """Run the command. Exit status: 0 all is well, 1 something failed, 2 it was called wrongly or lacks its extra."""
    try:
        # The package is whole without the extra: Typer and Rich are imported by who runs the command.
        from langchain_qwen_workspace.cli._app import app  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich"}:
            raise
        print(_INSTALL, file=sys.stderr)  # noqa: T201 - a command prints
        sys.exit(2)
    app()
