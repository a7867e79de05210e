"""`qwen-workspace verify`: proves or refutes what the package believes of the service, with the user's key."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace.cli._doctor_run import redact
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
    make_workspace,
    settings,
    write_json,
)
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError
from langchain_qwen_workspace.workspace import QwenWorkspace

if TYPE_CHECKING:
    from langchain_qwen_workspace._verify.budget import Amount

_PRICE = re.compile(r"([^=\s]+)=(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)")


class _Price(NamedTuple):
    model: str
    input: Decimal
    output: Decimal


def _parse_budget(text: str) -> "Amount":
    from langchain_qwen_workspace._verify.budget import parse_amount  # noqa: PLC0415 - as in `verify`

    try:
        return parse_amount(text)
    except ConfigurationError as error:
        raise typer.BadParameter(error.message) from None


def _parse_price(text: str) -> _Price:
    match = _PRICE.fullmatch(text)
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is not a price. Expected MODEL=INPUT,OUTPUT, such as 'qwen-flash=0.15,1.5'."
        )
    return _Price(match[1], Decimal(match[2]), Decimal(match[3]))


def verify(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="A group or a belief of --list; may be repeated. Default: all."),
    ] = None,
    list_beliefs: Annotated[bool, typer.Option("--list", help="List what would be checked, and send nothing.")] = False,
    budget: Annotated[
        Any,
        typer.Option(
            "--budget", metavar="AMOUNT", parser=_parse_budget, help="The most to spend. Default: CNY 10 or USD 1.50."
        ),
    ] = None,
    price: Annotated[
        list[_Price] | None,
        typer.Option(
            "--price",
            metavar="MODEL=IN,OUT",
            parser=_parse_price,
            help="Price of a million tokens of input and output, in the budget's currency; may be repeated.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            autocompletion=complete_model,
            help="The model to call, where a belief is not about a certain one. Default: a cheap one.",
        ),
    ] = None,
    with_admin: Annotated[
        bool, typer.Option("--admin", help="Also check the administration, with the AccessKey of the environment.")
    ] = False,
    against_sandbox: Annotated[
        bool, typer.Option("--against-sandbox", help="Check the offline sandbox instead of the service.")
    ] = False,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", file_okay=False, help="Where to write report and recording."),
    ] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")] = False,
    region: RegionOption = None,
    workspace_id: WorkspaceOption = None,
    endpoint: EndpointOption = None,
    base_url: BaseURLOption = None,
    key_file: KeyOption = None,
    timeout: TimeoutOption = 60.0,
    as_json: JSONOption = False,
) -> None:
    """Check what this package believes of the service, with your key and within a budget.

    Most beliefs come from documentation. This command sends about a hundred small requests, usually for less than
    CNY 0.10, and writes a report and a recording without keys, ids and addresses, to attach to an issue.
    """
    # Importing the checks takes longer than everything that the other commands import.
    from langchain_qwen_workspace._verify.beliefs import load_beliefs  # noqa: PLC0415 - see above
    from langchain_qwen_workspace._verify.budget import default_amount  # noqa: PLC0415 - see above

    try:
        beliefs = load_beliefs().select(only or ())
    except ConfigurationError as error:
        raise typer.BadParameter(error.message) from None
    if not with_admin and not against_sandbox:
        beliefs = [belief for belief in beliefs if belief.group != "administration" or only]
    if list_beliefs:
        _list(beliefs, as_json=as_json)
        return
    given = settings(region, workspace_id, endpoint, base_url, key_file)
    if against_sandbox and given:
        raise typer.BadParameter("--against-sandbox cannot be combined with options that name a workspace.")
    with _open_run(given, against_sandbox=against_sandbox, with_admin=with_admin) as (
        workspace,
        admin,
        prepare,
    ):
        limit = budget or default_amount(workspace)
        _confirm(workspace, beliefs, limit, asks=not (yes or against_sandbox))
        status = _run(
            workspace,
            beliefs,
            limit,
            prices=price or (),
            folder=output,
            as_json=as_json,
            prepare=prepare,
            model=model,
            admin=admin,
            timeout=timeout,
            poll_interval=0.0 if against_sandbox else 5.0,
        )
    raise typer.Exit(status)


@contextmanager
def _open_run(
    given: dict[str, Any], *, against_sandbox: bool, with_admin: bool
) -> Iterator[tuple[QwenWorkspace, object, Any]]:
    """Yield the workspace, the administrator, and what to do with a session before the first check."""
    if against_sandbox:
        from langchain_qwen_workspace._verify.against_sandbox import limit_a_model, open_sandbox  # noqa: PLC0415 - an extra

        with open_sandbox() as (sandbox, workspace):
            yield workspace, sandbox.admin(workspace.region) if with_admin else None, limit_a_model
        return
    workspace = make_workspace(given)
    if workspace.api_key is None:
        raise typer.BadParameter(
            "There is no API key. Set DASHSCOPE_API_KEY, or give it by --key-file. --against-sandbox needs none."
        )
    if workspace.region is None:
        raise typer.BadParameter("The region of the host is not known, so its prices are not. Give --region.")
    admin = None
    if with_admin:
        from langchain_qwen_workspace.admin import WorkspaceAdmin  # noqa: PLC0415 - an extra

        admin = WorkspaceAdmin(region=workspace.region)
    yield workspace, admin, lambda _: None


def _confirm(workspace: QwenWorkspace, beliefs: Sequence[Any], limit: "Amount", *, asks: bool) -> None:
    name = workspace.workspace_id or "the key's workspace"
    text = (
        f"{len(beliefs)} beliefs are checked with small requests to {name} in {workspace.region}, for at most "
        f"{limit.currency} {limit.value}."
    )
    if asks:
        typer.confirm(f"{text} Send them?", abort=True, err=True)
    else:
        typer.echo(text, err=True)


def _run(
    workspace: QwenWorkspace,
    beliefs: Sequence[Any],
    limit: "Amount",
    *,
    prices: Sequence[_Price],
    folder: Path,
    as_json: bool,
    prepare: Any,
    model: str | None,
    **options: Any,
) -> int:
    """Run the checks, write the report whatever happened, and return the exit status."""
    from langchain_qwen_workspace._verify import report  # noqa: PLC0415 - as in `verify`
    from langchain_qwen_workspace._verify.budget import Budget, read_prices, with_prices  # noqa: PLC0415 - same
    from langchain_qwen_workspace._verify.recording import RecordingWriter  # noqa: PLC0415 - same
    from langchain_qwen_workspace._verify.verification import (  # noqa: PLC0415 - same
        DEFAULT_MODEL,
        anonymizer_for,
        verification,
    )

    try:
        table = with_prices(
            read_prices(workspace, limit.currency), {row.model: (row.input, row.output) for row in prices}
        )
    except QwenWorkspaceError as error:
        typer.echo(redact(str(error), workspace.api_key), err=True)
        return FAILED
    budget = Budget(limit.value, table, workspace.region)
    now = datetime.now(UTC)
    name = f"qwen-verification-{now:%Y-%m-%d-%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    recording = folder / f"{name}.recording.jsonl"
    with recording.open("x", encoding="utf-8") as file:
        writer = RecordingWriter(file, anonymizer_for(workspace))
        with verification(workspace, beliefs, budget, writer.write, model=model or DEFAULT_MODEL, **options) as run:
            prepare(run.session)
            run.execute(_ignore if as_json else partial(_show, run))
    anonymizer = anonymizer_for(workspace, keep=frozenset({"request id"}))
    markdown = report.anonymize_report(report.report_to_markdown(run, now.date()), anonymizer)
    data = report.anonymize_data(report.report_to_data(run, now.date()), anonymizer)
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")
    (folder / f"{name}.json").write_text(report.to_json(data), encoding="utf-8")
    if as_json:
        write_json({**data, "files": [f"{name}.md", f"{name}.json", recording.name]})
    else:
        _print_summary(data, folder / name)
    return FAILED if data["stopped"] or data["counts"]["otherwise"] else 0


def _show(run: Any, result: Any) -> None:
    line = f"{len(run.results)}/{len(run.beliefs)} {result.belief.id}: {result.verdict}"
    typer.echo(escape_control_characters(line))


def _ignore(_: Any) -> None:
    pass


def _print_summary(data: dict[str, Any], files: Path) -> None:
    counts = ", ".join(f"{number} {verdict}" for verdict, number in data["counts"].items())
    typer.echo(f"\n{data['checked']} of {data['of']} checked: {counts}.")
    if data["stopped"]:
        typer.echo(escape_control_characters(f"Not finished: {data['stopped']}"))
    for result in data["results"]:
        if result["verdict"] == "otherwise":
            typer.echo(escape_control_characters(f"Otherwise: {result['id']}: {result['observed']}"))
    typer.echo(f"Spent: {data['currency']} {data['spent']} of {data['budget']}.")
    typer.echo(f"Report: {files}.md and .json. Recording, to attach to an issue: {files}.recording.jsonl")


def _list(beliefs: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        write_json({"beliefs": [belief.model_dump(mode="json") for belief in beliefs]})
        return
    group = None
    for belief in beliefs:
        if belief.group != group:
            group = belief.group
            typer.echo(f"{group}:")
        typer.echo(f"  {belief.id} ({belief.certainty}): {belief.sentence}")
