"""`qwen-workspace doctor`: finds out why calls to a workspace fail."""

from dataclasses import asdict
from typing import Annotated

import typer

from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace.cli._console import make_console, show_findings
from langchain_qwen_workspace.cli._doctor_run import DoctorRun
from langchain_qwen_workspace.cli._options import (
    FAILED,
    BaseURLOption,
    EndpointOption,
    JSONOption,
    KeyOption,
    RegionOption,
    TimeoutOption,
    WorkspaceOption,
    complete_model,
    complete_protocol,
    parse_protocol,
    settings,
    write_json,
)


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
            parser=parse_protocol,
            autocompletion=complete_protocol,
            help=f"{' or '.join(PROTOCOLS)}; may be repeated. Default: all.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            autocompletion=complete_model,
            help="The model to call. Default: a cheap permitted one.",
        ),
    ] = None,
    timeout: TimeoutOption = 10.0,
    as_json: JSONOption = False,
) -> None:
    """Find out why calls to a workspace fail, and what to do about it.

    Checks the settings, the key, the connection to the host, the workspace that owns the key and its permitted models,
    then calls a model once on each protocol, for as few tokens as possible.
    """
    # Importing the models takes twice as long as everything that the other commands import.
    from langchain_qwen_workspace.cli._doctor import checks_for, run_checks  # noqa: PLC0415 - see above

    run = DoctorRun(
        given=settings(region, workspace_id, endpoint, base_url, key_file),
        protocols=tuple(dict.fromkeys(protocol or PROTOCOLS)),
        model=model,
        timeout=timeout,
    )
    findings = run_checks(run, checks_for(run))
    console = make_console()
    if as_json:
        found = list(findings)
        failed = any(finding.status == "failed" for finding in found)
        write_json({"failed": failed, "findings": [asdict(finding) for finding in found]})
    else:
        with show_findings(console) as printer:
            for finding in findings:
                printer.print_finding(finding)
        printer.print_summary()
        failed = any(finding.status == "failed" for finding in printer.found)
    raise typer.Exit(FAILED if failed else 0)
