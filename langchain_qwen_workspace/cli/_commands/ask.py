"""`qwen-workspace ask`: sends one question to a chat model and prints the answer as it arrives."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from pydantic import ValidationError

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._protocols import DEFAULT_PROTOCOL, PROTOCOLS
from langchain_qwen_workspace.cli._doctor_run import redact, settings_error_text
from langchain_qwen_workspace.cli._options import (
    FAILED,
    BaseURLOption,
    EndpointOption,
    JSONOption,
    KeyOption,
    RegionOption,
    WorkspaceOption,
    complete_model,
    complete_protocol,
    make_workspace,
    parse_protocol,
    read_text,
    settings,
    write_json,
)
from langchain_qwen_workspace.errors import QwenWorkspaceError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk

_DEFAULT_MODEL = "qwen-plus"


def ask(
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="PROMPT", help="The question. Text piped into the command is put before it."),
    ] = None,
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", autocompletion=complete_model, help="The model to call.")
    ] = _DEFAULT_MODEL,
    system: Annotated[
        str | None, typer.Option("--system", "-s", metavar="TEXT", help="Instructions for the model.")
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            metavar="NAME",
            parser=parse_protocol,
            autocompletion=complete_protocol,
            help=" or ".join(PROTOCOLS) + ".",
        ),
    ] = DEFAULT_PROTOCOL,
    thinking: Annotated[
        bool | None,
        typer.Option(
            "--thinking/--no-thinking",
            help="Whether the model thinks first; its thoughts go to standard error. Default: the model's.",
        ),
    ] = None,
    region: RegionOption = None,
    workspace_id: WorkspaceOption = None,
    endpoint: EndpointOption = None,
    base_url: BaseURLOption = None,
    key_file: KeyOption = None,
    as_json: JSONOption = False,
) -> None:
    """Ask a chat model, and print its answer as it arrives.

    Key, workspace and region are read from DASHSCOPE_API_KEY, DASHSCOPE_WORKSPACE and DASHSCOPE_REGION.
    """
    messages = [("system", system)] if system else []
    messages.append(("human", _question(prompt, stdin_is_key=key_file is sys.stdin)))
    workspace = make_workspace(settings(region, workspace_id, endpoint, base_url, key_file))
    # Importing the models takes twice as long as everything that the other commands import.
    from langchain_qwen_workspace.chat_models import ChatQwenWorkspace  # noqa: PLC0415 - see above

    switch = {} if thinking is None else {"enable_thinking": thinking}
    try:
        llm = ChatQwenWorkspace(model=model, protocol=protocol, workspace=workspace, **switch)  # type: ignore[arg-type]  # a registered name
    except ValidationError as error:
        raise typer.BadParameter(redact(settings_error_text(error), workspace.api_key)) from None
    try:
        if as_json:
            _write_answer(llm.invoke(messages))
        else:
            _print_answer(llm.stream(messages))
    except QwenWorkspaceError as error:
        typer.echo(redact(str(error), workspace.api_key), err=True)
        raise typer.Exit(FAILED) from None


def _question(prompt: str | None, *, stdin_is_key: bool) -> str:
    """Return the prompt, after what was piped into the command."""
    stdin = _stdin()
    piped = "" if stdin_is_key or stdin.isatty() else read_text(stdin).strip()
    question = "\n\n".join(text for text in (piped, (prompt or "").strip()) if text)
    if not question:
        raise typer.BadParameter("There is no question. Give it as an argument, or pipe it into the command.")
    return question


def _stdin() -> TextIO:
    return sys.stdin


def _write_answer(message: "AIMessage") -> None:
    """Write a whole answer as JSON."""
    write_json(
        {
            "text": message.text,
            "reasoning": message.additional_kwargs.get("reasoning_content"),
            "usage": message.usage_metadata,
            "response_metadata": message.response_metadata,
        }
    )


def _print_answer(chunks: "Iterable[AIMessageChunk]") -> None:
    """Print an answer as it arrives, thoughts to standard error; either ends with a line break."""
    is_thought, last = False, "\n"
    try:
        for chunk in chunks:
            thought = chunk.additional_kwargs.get("reasoning_content") or ""
            for text, of_thought in ((thought, True), (chunk.text, False)):
                if not text:
                    continue
                if of_thought != is_thought and not last.endswith("\n"):
                    typer.echo(err=is_thought)
                is_thought, last = of_thought, text
                typer.secho(_printable(text), err=of_thought, nl=False, dim=of_thought or None)
    finally:
        if not last.endswith("\n"):
            typer.echo(err=is_thought)


def _printable(text: str) -> str:
    """Return text of a model without control characters, except for line breaks and tabs."""
    return "\n".join("\t".join(map(escape_control_characters, line.split("\t"))) for line in text.split("\n"))
