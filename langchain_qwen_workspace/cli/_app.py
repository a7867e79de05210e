"""The commands: what can be said on the command line, and with which status each ends."""

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace._protocols import PROTOCOLS, protocol_name
from langchain_qwen_workspace._usage.records import rows_summed
from langchain_qwen_workspace._usage.tables import PLACES, rows_from_json, rows_to_csv, rows_to_json
from langchain_qwen_workspace._version import __version__
from langchain_qwen_workspace._workspace import permissions
from langchain_qwen_workspace._workspace.endpoints import EndpointKind
from langchain_qwen_workspace.cli._examination import Examination, of_settings, redacted
from langchain_qwen_workspace.cli._models import models as models_of
from langchain_qwen_workspace.cli._models import to_data
from langchain_qwen_workspace.cli._screen import findings_shown, screen, show_models, show_usage
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError
from langchain_qwen_workspace.workspace import QwenWorkspace

_FAILED, _WRONG_USAGE = 1, 2
_JSON_VERSION = 1

# Neither Rich's tracebacks nor the shell's history may learn the key: no locals are shown, and it is no option.
app = typer.Typer(
    name="qwen-workspace",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Is my Model Studio workspace well, what may it call, what did it use?",
    epilog="Exit status: 0 all is well, 1 something failed, 2 wrong usage.",
)

RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region", metavar="NAME", help="Its region's id or name. Default: DASHSCOPE_REGION, else Singapore."
    ),
]
WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace-id", metavar="ID", help="The workspace's id, llm-… or ws-…. Default: DASHSCOPE_WORKSPACE."
    ),
]
EndpointOption = Annotated[EndpointKind | None, typer.Option("--endpoint", help="Which host of the region.")]
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
    float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long each step may take.")
]
JSONOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]


class Protocol(StrEnum):
    """The protocols, with the other name of the second; Typer takes no lists of literals."""

    OPENAI = "openai"
    DASHSCOPE = "dashscope"
    NATIVE = "native"


class Kind(StrEnum):
    """What models do."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    EMBEDDING_TASK = "embedding_task"
    RERANK = "rerank"


class Place(StrEnum):
    """What tells rows of usage apart."""

    WORKSPACE = "workspace"
    REGION = "region"
    MODEL = "model"
    PROTOCOL = "protocol"
    OPERATION = "operation"

    @property
    def field(self) -> str:
        """The row's field."""
        return "workspace_id" if self is Place.WORKSPACE else self.value


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


@app.command(epilog="Exit status: 0 nothing failed, 1 a check failed, 2 wrong usage.")
def doctor(
    *,
    region: RegionOption = None,
    workspace_id: WorkspaceOption = None,
    endpoint: EndpointOption = None,
    base_url: BaseURLOption = None,
    key_file: KeyOption = None,
    protocol: Annotated[
        list[Protocol] | None,
        typer.Option("--protocol", metavar="NAME", help="openai or dashscope; may be repeated. Default: both."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The model to call. Default: a cheap one that is permitted."),
    ] = None,
    timeout: TimeoutOption = 10.0,
    as_json: JSONOption = False,
) -> None:
    """Find out what is wrong between here and a workspace, and what to do about it.

    Checks the settings, the key, the way to the host, whose the key is, what it may call, and calls a model once on
    each protocol, for one token of output.
    """
    # It calls models, and takes twice the time to load of all that the other commands need.
    from langchain_qwen_workspace.cli._doctor import checks_of, examine  # noqa: PLC0415 - see above

    examination = Examination(
        given=_settings(region, workspace_id, endpoint, base_url, key_file),
        protocols=tuple(dict.fromkeys(protocol_name(each.value) for each in protocol))
        if protocol
        else tuple(PROTOCOLS),
        model=model,
        timeout=timeout,
    )
    findings = examine(examination, checks_of(examination))
    console = screen()
    if as_json:
        found = list(findings)
        failed = any(finding.status == "failed" for finding in found)
        _write_json({"failed": failed, "findings": [asdict(finding) for finding in found]})
    else:
        with findings_shown(console) as shown:
            for finding in findings:
                shown.show(finding)
        shown.sum_up()
        failed = any(finding.status == "failed" for finding in shown.found)
    raise typer.Exit(_FAILED if failed else 0)


@app.command(epilog="Exit status: 0 listed, 1 none found or the service did not tell, 2 wrong usage.")
def models(
    *,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Shell patterns of names, such as 'qwen3*'.")
    ] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", metavar="KIND", help=f"{', '.join(Kind)}; may be repeated.")
    ] = None,
    permitted: Annotated[
        bool, typer.Option("--permitted", help="Ask the service, and list what the workspace may call.")
    ] = False,
    region: RegionOption = None,
    workspace_id: WorkspaceOption = None,
    endpoint: EndpointOption = None,
    base_url: BaseURLOption = None,
    key_file: KeyOption = None,
    timeout: TimeoutOption = 10.0,
    as_json: JSONOption = False,
) -> None:
    """List models, and what each is like.

    In: t text, i image, v video, a audio. Thinks: can (if told to), yes (unless told not to), always. JSON: schema
    (the service enforces it) or object. Dimensions: from-to (default).
    """
    granted = _permitted(_settings(region, workspace_id, endpoint, base_url, key_file), timeout) if permitted else None
    found = models_of(kinds=kind or (), patterns=names or (), permitted=granted)
    if as_json:
        _write_json({"models": to_data(found)})
    else:
        show_models(screen(), found)
    if not found:
        typer.echo("No such model.", err=True)
        raise typer.Exit(_FAILED)


@app.command(epilog="Exit status: 0 shown, 2 a file cannot be read.")
def usage(
    *,
    files: Annotated[
        list[typer.FileText], typer.Argument(metavar="FILE", encoding="utf-8", help="Files, - for standard input.")
    ],
    by: Annotated[
        list[Place] | None,
        typer.Option("--by", metavar="NAME", help=f"{', '.join(Place)}; may be repeated. Default: all."),
    ] = None,
    as_json: JSONOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Add up files that `WorkspaceUsageCallbackHandler.to_json` wrote, and show who used what."""
    if as_json + as_csv + bool(by) > 1:
        raise typer.BadParameter("--json, --csv and --by exclude each other: programs get all there is.")
    rows = []
    for file in files:
        try:
            rows += rows_from_json(file.read())
        except (ConfigurationError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{file.name}: {error}") from error
    if as_json:
        typer.echo(rows_to_json(rows_summed(rows)))
    elif as_csv:
        typer.echo(rows_to_csv(rows_summed(rows)), nl=False)
    elif rows:
        show_usage(screen(), rows, list(dict.fromkeys(place.field for place in by)) if by else list(PLACES))
    else:
        typer.echo("No calls.")


def _settings(
    region: str | None,
    workspace_id: str | None,
    endpoint: EndpointKind | None,
    base_url: str | None,
    key_file: Any,
) -> dict[str, Any]:
    key = SecretStr(key_file.read().strip()) if key_file is not None else None
    given = {
        "api_key": key,
        "region": region,
        "workspace_id": workspace_id,
        "endpoint": endpoint,
        "base_url": base_url,
    }
    return {name: value for name, value in given.items() if value is not None}


def _permitted(given: dict[str, Any], timeout: float) -> list[str]:
    try:
        workspace = QwenWorkspace(**given)
    except ValidationError as error:
        raise typer.BadParameter(redacted(of_settings(error), given.get("api_key"))) from None
    try:
        granted = permissions.permitted_models(workspace, timeout=timeout, max_retries=0)
    except QwenWorkspaceError as error:
        typer.echo(redacted(str(error), workspace.api_key), err=True)
        raise typer.Exit(_FAILED) from None
    return [permission.model for permission in granted if permission.inference]


def _write_json(data: dict[str, Any]) -> None:
    typer.echo(json.dumps({"version": _JSON_VERSION, **data}, indent=2))
