"""What users typically mistype, run as it was typed, and the message that they get."""

import shlex
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
}


def message_for(typed: str, names: Mapping[str, Any]) -> str:
    """Return the whole message that a user gets for code, or for a command after `$ qwen-workspace`.

    Args:
        typed: What the user typed.
        names: The variables of the code, beside the names of the package.
    """
    if typed.startswith("$ "):
        return _message_of_command(shlex.split(typed)[2:])
    try:
        eval(typed, {**NAMES, **names})  # noqa: S307 - the table's own code
    except ValidationError as error:
        return " ".join(
            ": ".join([*map(str, line["loc"]), line["msg"].removeprefix("Value error, ")]) for line in error.errors()
        )
    except (QwenWorkspaceError, ValueError) as error:
        return str(error)
    return "no error"


def _message_of_command(arguments: list[str]) -> str:
    """Return what the command writes to standard error, without its frame and the lines of its usage."""
    result = CliRunner().invoke(app, arguments, input="", env={"COLUMNS": "80", "DASHSCOPE_API_KEY": KEY})
    lines = result.stderr.splitlines()
    framed = [line.strip("│ ") for line in lines if line.startswith("│")]
    return f"{' '.join(framed or lines)} (exit status {result.exit_code})"
