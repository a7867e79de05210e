"""The subcommands, their options and their exit statuses."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace._protocols import PROTOCOLS, protocol_name
from langchain_qwen_workspace._usage.records import sum_rows
from langchain_qwen_workspace._usage.tables import KEY_COLUMNS, rows_from_json, rows_to_csv, rows_to_json
from langchain_qwen_workspace._version import __version__
from langchain_qwen_workspace._workspace import permissions
from langchain_qwen_workspace._workspace.catalogue import read_catalogue
from langchain_qwen_workspace._workspace.endpoints import EndpointKind
from langchain_qwen_workspace.cli._console import make_console, show_differences, show_findings, show_models, show_usage
from langchain_qwen_workspace.cli._doctor_run import DoctorRun, redact, settings_error_text
from langchain_qwen_workspace.cli._errors import PlainErrorsGroup
from langchain_qwen_workspace.cli._models import differences_to_data, profiles_to_data, select_models
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError
from langchain_qwen_workspace.profiles import CATALOGUE_VARIABLE as VARIABLE
from langchain_qwen_workspace.workspace import QwenWorkspace

_FAILED, _WRONG_USAGE = 1, 2
_JSON_VERSION = 1

# The key must not appear in a traceback, so Rich's tracebacks, which print local variables, are off; nor in the
# shell's history, so no option takes it.
app = typer.Typer(
    name="qwen-workspace",
    cls=PlainErrorsGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Check a Model Studio workspace, list models, and add up usage.",
    epilog="Exit status: 0 success, 1 something failed, 2 wrong usage.",
)

RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region", metavar="NAME", help="The region's id or name. Default: DASHSCOPE_REGION, else Singapore."
    ),
]
WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace-id", metavar="ID", help="The workspace's id, llm-… or ws-…. Default: DASHSCOPE_WORKSPACE."
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
_MAX_TIMEOUT = 86_400.0  # a day; the system's socket functions refuse some larger values

TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=0.1,
        max=_MAX_TIMEOUT,
        help="Time limit for each step.",
    ),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]


class Kind(StrEnum):
    """The kinds of models."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    EMBEDDING_TASK = "embedding_task"
    RERANK = "rerank"


class GroupBy(StrEnum):
    """The columns by which rows of usage can be grouped."""

    WORKSPACE = "workspace"
    REGION = "region"
    MODEL = "model"
    PROTOCOL = "protocol"
    OPERATION = "operation"

    @property
    def field(self) -> str:
        """The name of the field of `UsageRow`."""
        return "workspace_id" if self is GroupBy.WORKSPACE else self.value


def _protocol(name: str) -> str:
    """Return the registered name of a protocol that an option names."""
    try:
        return str(protocol_name(name))
    except ConfigurationError as error:
        raise typer.BadParameter(error.message) from None


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
        list[str] | None,
        typer.Option(
            "--protocol",
            metavar="NAME",
            parser=_protocol,
            help=f"{' or '.join(PROTOCOLS)}; may be repeated. Default: all.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The model to call. Default: a cheap permitted one."),
    ] = None,
    timeout: TimeoutOption = 10.0,
    as_json: JSONOption = False,
) -> None:
    """Find out why calls to a workspace fail, and what to do about it.

    Checks the settings, the key, the connection to the host, the workspace that owns the key and its permitted models,
    then calls a model once on each protocol, for one token of output.
    """
    # Importing the models takes twice as long as everything that the other commands import.
    from langchain_qwen_workspace.cli._doctor import checks_for, run_checks  # noqa: PLC0415 - see above

    run = DoctorRun(
        given=_settings(region, workspace_id, endpoint, base_url, key_file),
        protocols=tuple(dict.fromkeys(protocol or PROTOCOLS)),
        model=model,
        timeout=timeout,
    )
    findings = run_checks(run, checks_for(run))
    console = make_console()
    if as_json:
        found = list(findings)
        failed = any(finding.status == "failed" for finding in found)
        _write_json({"failed": failed, "findings": [asdict(finding) for finding in found]})
    else:
        with show_findings(console) as printer:
            for finding in findings:
                printer.print_finding(finding)
        printer.print_summary()
        failed = any(finding.status == "failed" for finding in printer.found)
    raise typer.Exit(_FAILED if failed else 0)


@app.command(epilog="Exit status: 0 listed, 1 no model found or the request failed, 2 wrong usage.")
def models(
    *,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Shell patterns for names, such as 'qwen3*'.")
    ] = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", metavar="KIND", help=f"{', '.join(Kind)}; may be repeated.")
    ] = None,
    permitted: Annotated[
        bool, typer.Option("--permitted", help="List the models that the service permits to the workspace.")
    ] = False,
    refresh: Annotated[
        Path | None,
        typer.Option(
            "--refresh",
            metavar="FILE",
            dir_okay=False,
            help=f"Show what differs in the service's catalogue, and write it to a file for {VARIABLE}.",
        ),
    ] = None,
    region: RegionOption = None,
    workspace_id: WorkspaceOption = None,
    endpoint: EndpointOption = None,
    base_url: BaseURLOption = None,
    key_file: KeyOption = None,
    timeout: TimeoutOption = 10.0,
    as_json: JSONOption = False,
) -> None:
    """List models and their properties.

    In: t text, i image, v video, a audio. Thinks: can (if asked to), yes (by default), always. JSON: schema
    (the service enforces it) or object. Dimensions: from-to (default).
    """
    if refresh is not None:
        if names or kind or permitted:
            raise typer.BadParameter("--refresh cannot be combined with NAME, --kind and --permitted.")
        _refresh_models(
            refresh, _settings(region, workspace_id, endpoint, base_url, key_file), timeout, as_json=as_json
        )
        return
    granted = (
        _fetch_permitted_models(_settings(region, workspace_id, endpoint, base_url, key_file), timeout)
        if permitted
        else None
    )
    found = select_models(kinds=kind or (), patterns=names or (), permitted=granted)
    if as_json:
        _write_json({"models": profiles_to_data(found)})
    else:
        show_models(make_console(), found)
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
        list[GroupBy] | None,
        typer.Option("--by", metavar="NAME", help=f"{', '.join(GroupBy)}; may be repeated. Default: all."),
    ] = None,
    as_json: JSONOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
) -> None:
    """Add up usage files written by `WorkspaceUsageCallbackHandler.to_json`, and show a table."""
    if as_json + as_csv + bool(by) > 1:
        raise typer.BadParameter(
            "Only one of --json, --csv and --by can be given; --json and --csv always have all columns."
        )
    rows = []
    for file in files:
        try:
            rows += rows_from_json(_read(file))
        except ConfigurationError as error:
            raise typer.BadParameter(f"{file.name}: {error}") from None
    if as_json:
        typer.echo(rows_to_json(sum_rows(rows)))
    elif as_csv:
        typer.echo(rows_to_csv(sum_rows(rows)), nl=False)
    elif rows:
        show_usage(
            make_console(), rows, list(dict.fromkeys(column.field for column in by)) if by else list(KEY_COLUMNS)
        )
    else:
        typer.echo("No calls.")


def _settings(
    region: str | None,
    workspace_id: str | None,
    endpoint: EndpointKind | None,
    base_url: str | None,
    key_file: TextIO | None,
) -> dict[str, Any]:
    key = SecretStr(_read(key_file).strip()) if key_file is not None else None
    given = {
        "api_key": key,
        "region": region,
        "workspace_id": workspace_id,
        "endpoint": endpoint,
        "base_url": base_url,
    }
    return {name: value for name, value in given.items() if value is not None}


def _read(file: TextIO) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise typer.BadParameter(f"{file.name}: line {line} is not {error.encoding} text ({error.reason}).") from None


def _refresh_models(file: Path, given: dict[str, Any], timeout: float, *, as_json: bool) -> None:
    """Write the service's catalogue to a file, and show what differs from the package's own rows."""
    workspace = _make_workspace(given)
    try:
        found = read_catalogue(*workspace._catalogue_management(timeout=timeout, max_retries=0), {})  # noqa: SLF001 - a value of this package
    except QwenWorkspaceError as error:
        typer.echo(redact(str(error), workspace.api_key), err=True)
        raise typer.Exit(_FAILED) from None
    try:
        file.write_text(redact(found.to_json(), workspace.api_key), encoding="utf-8")
    except OSError as error:
        typer.echo(f"The catalogue cannot be written to {str(file)!r}: {error.strerror}.", err=True)
        raise typer.Exit(_FAILED) from None
    differences = differences_to_data(found.differences())
    if as_json:
        _write_json({"file": str(file), "models": len(found.profiles), "differences": differences})
    else:
        show_differences(make_console(), differences)
        typer.echo(f"{len(found.profiles)} models, {len(differences)} differences. Set {VARIABLE}={file} to use them.")


def _make_workspace(given: dict[str, Any]) -> QwenWorkspace:
    try:
        return QwenWorkspace(**given)
    except ValidationError as error:
        raise typer.BadParameter(redact(settings_error_text(error), given.get("api_key"))) from None


def _fetch_permitted_models(given: dict[str, Any], timeout: float) -> list[str]:
    workspace = _make_workspace(given)
    try:
        granted = permissions.list_permitted_models(*workspace._management(timeout=timeout, max_retries=0))  # noqa: SLF001 - a value of this package
    except QwenWorkspaceError as error:
        typer.echo(redact(str(error), workspace.api_key), err=True)
        raise typer.Exit(_FAILED) from None
    return [redact(permission.model, workspace.api_key) for permission in granted if permission.inference]


def _write_json(data: dict[str, Any]) -> None:
    typer.echo(json.dumps({"version": _JSON_VERSION, **data}, indent=2))
