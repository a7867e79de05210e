"""The options that subcommands share, and the workspace that they name."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, TextIO

import typer
from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace._protocols import PROTOCOLS, protocol_name
from langchain_qwen_workspace._workspace.endpoints import REGIONS, EndpointKind, region_id
from langchain_qwen_workspace.cli._doctor_run import redact, settings_error_text
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.profiles import catalogue
from langchain_qwen_workspace.workspace import QwenWorkspace

FAILED = 1
"""The exit status of a command that failed; Typer's own for wrong usage is 2."""

_JSON_VERSION = 1
_MAX_TIMEOUT = 86_400.0  # a day; the system's socket functions refuse some larger values


def parse_region(name: str) -> str:
    """Return the id of a region that an option names."""
    try:
        return region_id(name)
    except ConfigurationError as error:
        raise typer.BadParameter(error.message) from None


def parse_protocol(name: str) -> str:
    """Return the registered name of a protocol that an option names."""
    try:
        return str(protocol_name(name))
    except ConfigurationError as error:
        raise typer.BadParameter(error.message) from None


def complete_region(incomplete: str) -> Iterator[tuple[str, str]]:
    """Return the names of regions that a shell offers to complete a word."""
    for id_, region in REGIONS.items():
        for name in (region.name.lower(), id_):
            if name.startswith(incomplete.lower()):
                yield name, region.name


def complete_protocol(incomplete: str) -> list[str]:
    """Return the names of protocols that a shell offers to complete a word."""
    return [name for name in PROTOCOLS if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[str]:
    """Return the names of models that a shell offers to complete a word, without retired ones."""
    names = (profile.name for profile in catalogue() if not profile.retired)
    return [name for name in names if name.startswith(incomplete.lower())]


RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="NAME",
        parser=parse_region,
        autocompletion=complete_region,
        help="The region's id or name. Default: DASHSCOPE_REGION, else Singapore.",
    ),
]
WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace-id",
        "--workspace",
        metavar="ID",
        help="The workspace's id, llm-… or ws-…. Default: DASHSCOPE_WORKSPACE.",
    ),
]
EndpointOption = Annotated[EndpointKind | None, typer.Option("--endpoint", help="Which host of the region to call.")]
BaseURLOption = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Another origin or base URL. Default: DASHSCOPE_BASE_URL."),
]
KeyOption = Annotated[
    typer.FileText | None,
    typer.Option(
        "--key-file", metavar="FILE", help="A file with the key, - for standard input. Default: DASHSCOPE_API_KEY."
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, max=_MAX_TIMEOUT, help="Time limit for each step."),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def settings(
    region: str | None,
    workspace_id: str | None,
    endpoint: EndpointKind | None,
    base_url: str | None,
    key_file: TextIO | None,
) -> dict[str, Any]:
    """Return the arguments of `QwenWorkspace` that the options give."""
    key = SecretStr(read_text(key_file).strip()) if key_file is not None else None
    given = {
        "api_key": key,
        "region": region,
        "workspace_id": workspace_id,
        "endpoint": endpoint,
        "base_url": base_url,
    }
    return {name: value for name, value in given.items() if value is not None}


def make_workspace(given: dict[str, Any]) -> QwenWorkspace:
    """Return the workspace of arguments; contradictions are wrong usage."""
    try:
        return QwenWorkspace(**given)
    except ValidationError as error:
        raise typer.BadParameter(redact(settings_error_text(error), given.get("api_key"))) from None


def read_text(file: TextIO) -> str:
    """Return the text of a file; a file that is not text is wrong usage."""
    try:
        return file.read()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise typer.BadParameter(f"{file.name}: line {line} is not {error.encoding} text ({error.reason}).") from None


def write_json(data: dict[str, Any]) -> None:
    """Write a JSON object with the version of its shape."""
    typer.echo(json.dumps({"version": _JSON_VERSION, **data}, indent=2))
