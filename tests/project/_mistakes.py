"""What users typically mistype, run as it was typed, and the message that they get."""

import shlex
import warnings
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceRouter,
)
from langchain_qwen_workspace.cli._app import app
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import PriceTable

KEY = "sk-0123456789abcdef0123"


class Answer(BaseModel):
    """An answer."""

    text: str


NAMES: Mapping[str, Any] = {
    "Answer": Answer,
    "ChatQwenWorkspace": ChatQwenWorkspace,
    "KEY": KEY,
    "PriceTable": PriceTable,
    "QwenWorkspace": QwenWorkspace,
    "QwenWorkspaceBatch": QwenWorkspaceBatch,
    "QwenWorkspaceEmbeddings": QwenWorkspaceEmbeddings,
    "QwenWorkspaceRerank": QwenWorkspaceRerank,
    "Sandbox": Sandbox,
    "WorkspaceGuard": WorkspaceGuard,
    "WorkspaceRouter": WorkspaceRouter,
}


def message_for(typed: str, names: Mapping[str, Any]) -> str:
    """Return the warnings and the whole error that a user gets for code, or for a command after `$ qwen-workspace`.

    Args:
        typed: What the user typed.
        names: The variables of the code, beside the names of the package.
    """
    if typed.startswith("$ "):
        return _message_of_command(shlex.split(typed)[2:])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        error = _error_for(typed, names)
    return " ".join([*(f"UserWarning: {each.message}" for each in caught if each.category is UserWarning), error])


def _error_for(typed: str, names: Mapping[str, Any]) -> str:
    """Return the error of code, without the frame in which pydantic shows it."""
    try:
        eval(typed, {**NAMES, **names})  # noqa: S307 - the table's own code
    except ValidationError as error:
        return " ".join(
            ": ".join([*map(str, line["loc"]), line["msg"].removeprefix("Value error, ")]) for line in error.errors()
        )
    except (QwenWorkspaceError, TypeError, ValueError) as error:
        return str(error)
    return "(no error)"


def _message_of_command(arguments: list[str]) -> str:
    """Return what the command writes to standard error, without its frame and the lines of its usage."""
    result = CliRunner().invoke(app, arguments, input="", env={"COLUMNS": "80", "DASHSCOPE_API_KEY": KEY})
    lines = result.stderr.splitlines()
    framed = [line.strip("│ ") for line in lines if line.startswith("│")]
    return f"{' '.join(framed or lines)} (exit status {result.exit_code})"
