"""The command `qwen-workspace` (extra `[cli]`): ask a model, check a workspace, list models, add up usage."""

import sys

__all__ = ["main"]

_INSTALL = 'qwen-workspace needs Typer and Rich: pip install "langchain-qwen-workspace[cli]"'


def main() -> None:
    """Run the command. Exit status: 0 success, 1 something failed, 2 wrong usage or a missing extra."""
    try:
        # Typer and Rich come with the extra, so the package must import without them.
        from langchain_qwen_workspace.cli._app import app  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich"}:
            raise
        print(_INSTALL, file=sys.stderr)  # noqa: T201 - a command prints
        sys.exit(2)
    app()
