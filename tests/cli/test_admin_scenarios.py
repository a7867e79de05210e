"""From the shell: decide which models a user may call, and split the bill; and a usage file beside the bill."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace.admin import KeyFile, WorkspaceAdmin
from langchain_qwen_workspace.cli._reconciliation import reconcile
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.sandbox._admin.bill import BEIJING
from tests.cli.conftest import Command, Output
from tests.support.server import Server, json_reply

REGION = "cn-beijing"
TEAMS = ("team-a", "team-b")
SPEC = """
workspaces:
  - name: team-a
    models: [qwen-plus, qwen-max]
    keys: {user: {models: [qwen-plus]}}
  - name: team-b
    models: [qwen-flash]
    keys: {user: {models: all}}
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Yield a sandbox without any workspaces of other tests."""
    with Sandbox() as started:
        yield started


@pytest.fixture
def run(sandbox: Sandbox, command: Command) -> Callable[..., Output]:
    """Return the command with an AccessKey and the address of the sandbox."""
    key = sandbox.access_key(REGION)
    env = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.access_key_secret,
        "DASHSCOPE_REGION": REGION,
    }
    return lambda *arguments: command(*arguments, "--base-url", sandbox.base_url, env=env)


def month() -> str:
    """Return this month, as the sandbox bills it."""
    return f"{datetime.now(BEIJING):%Y-%m}"


def ask(workspace: QwenWorkspace, model: str, usage: WorkspaceUsageCallbackHandler | None = None) -> str:
    llm = ChatQwenWorkspace(model=model, workspace=workspace, max_retries=0)
    return llm.invoke("Hello", config={"callbacks": [usage] if usage else []}).text


def test_an_administrator_decides_which_models_a_user_may_call_and_splits_the_bill(
    run: Callable[..., Output], tmp_path: Path
) -> None:
    spec, keys = tmp_path / "workspaces.yaml", tmp_path / "keys.json"
    spec.write_text(SPEC)
    assert run("admin", "apply", str(spec), "--keys", str(keys)).status == 0
    user_a, user_b = (KeyFile(keys).workspace(team, "user") for team in TEAMS)
    assert ask(user_a, "qwen-plus")
    with pytest.raises(PermissionDeniedError):  # The workspace may call it, and the key may not.
        ask(user_a, "qwen-max")
    with pytest.raises(PermissionDeniedError):
        ask(user_b, "qwen-plus")
    assert run("admin", "grant", str(user_b.workspace_id), "qwen-plus").status == 0
    assert ask(user_b, "qwen-plus")
    assert run("admin", "revoke", str(user_b.workspace_id), "qwen-plus", "--yes").status == 0
    with pytest.raises(PermissionDeniedError):
        ask(user_b, "qwen-plus")
    bill = run("admin", "bill", month(), "--json").data
    amounts = {row["key"]: Decimal(row["amount"]) for row in bill["rows"]}
    assert amounts.keys() == {user_a.workspace_id, user_b.workspace_id}
    assert sum(amounts.values()) == Decimal(bill["total"]) > 0


# ------------------------------------------------------------------------------------------------------ reconciliation


def use_three_models(sandbox: Sandbox, usage: WorkspaceUsageCallbackHandler) -> None:
    """Make 200 calls of 20 workspaces on three models."""
    workspaces = [sandbox.workspace(f"team-{number:02}", region=REGION) for number in range(20)]

    def call(number: int) -> Any:
        workspace, kind = workspaces[number % 20], number // 20 % 3
        config: Any = {"callbacks": [usage]}
        if kind == 2:
            embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=workspace)
            return RunnableLambda(embeddings.embed_query).invoke(f"text {number}", config)
        model = ("qwen-plus", "qwen-flash")[kind]
        return ChatQwenWorkspace(model=model, workspace=workspace).invoke("Hello " * number, config=config)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(200)))


def test_the_bill_of_200_calls_is_equal_to_the_ledger_to_the_last_digit(
    run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path
) -> None:
    usage = WorkspaceUsageCallbackHandler(prices="cn-2026-08-20")
    use_three_models(sandbox, usage)
    file = tmp_path / "usage.json"
    file.write_text(usage.to_json())
    output = run("bill", "--reconcile", str(file), month(), "--json", "--check")
    lines = output.data["lines"]
    assert (output.status, len(lines), sum(line["calls"] for line in lines)) == (0, 60, 200)
    assert all(Decimal(line["estimate"]) == Decimal(line["amount"]) > 0 for line in lines)


def make_file(sandbox: Sandbox, tmp_path: Path, models: Sequence[str], **settings: Any) -> str:
    """Return the usage file of a workspace that called models."""
    usage = WorkspaceUsageCallbackHandler(**settings)
    workspace = sandbox.workspace("team-a", region=REGION)
    for model in models:
        ask(workspace, model, usage)
    file = tmp_path / "usage.json"
    file.write_text(usage.to_json())
    return str(file)


def verdicts(output: Output) -> dict[str, str]:
    return {line["model"]: line["verdict"] for line in output.data["lines"]}


def test_a_call_that_is_not_in_the_file_is_named(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus"], prices="cn-2026-08-20")
    ask(sandbox.workspace("team-a", region=REGION), "qwen-flash")
    ask(sandbox.workspace("team-a", region=REGION), "qwen-plus")
    output = run("bill", "--reconcile", file, month(), "--json")
    assert verdicts(output) == {"qwen-flash": "not in the file", "qwen-plus": "billed more"}


def test_a_file_without_prices_is_named(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus"])
    assert verdicts(run("bill", "--reconcile", file, month(), "--json")) == {"qwen-plus": "no price in the file"}


def test_what_is_on_the_bill_of_another_month_is_named(
    run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path
) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus"], prices="cn-2026-08-20")
    assert verdicts(run("bill", "--reconcile", file, "2020-01", "--json")) == {"qwen-plus": "not on the bill"}


def test_a_difference_fails_the_check(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus"], prices="cn-2026-08-20")
    assert run("bill", "--reconcile", file, "2020-01", "--check").status == 1


def test_lines_of_json_are_added_up(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus"], prices="cn-2026-08-20")
    line = " ".join(Path(file).read_text().split())
    Path(file).write_text(f"{line}\n\n{line}\n")
    (found,) = run("bill", "--reconcile", file, month(), "--json").data["lines"]
    assert (found["calls"], found["verdict"]) == (2, "billed less")


def test_a_line_that_is_not_usage_is_named(run: Callable[..., Output], tmp_path: Path) -> None:
    (tmp_path / "usage.jsonl").write_text('{"version": 1, "rows": []}\n{"version": 2}\n')
    output = run("bill", "--reconcile", str(tmp_path / "usage.jsonl"), "2026-10")
    assert (output.status, "Line 2" in output.text) == (2, True)


def test_the_table_names_the_difference(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus"], prices="cn-2026-08-20")
    assert "llm-team-a" in run("bill", "--reconcile", file, month()).text.replace(" ", "")


def test_the_comparison_as_csv_has_a_line_for_each_model(
    run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path
) -> None:
    file = make_file(sandbox, tmp_path, ["qwen-plus", "qwen-flash"], prices="cn-2026-08-20")
    header, *lines = run("bill", "--reconcile", file, month(), "--csv").stdout.splitlines()
    assert header == "workspace_id,model,calls,tokens,estimate,amount,currency,verdict,difference"
    assert [line.split(",")[:3] for line in lines] == [
        ["llm-team-a", "qwen-flash", "1"],
        ["llm-team-a", "qwen-plus", "1"],
    ]


@pytest.mark.parametrize("command_line", [("admin", "bill", "2026-10"), ("bill", "--reconcile", "-", "2026-10")])
def test_json_and_csv_together_are_wrong_usage(run: Callable[..., Output], command_line: tuple[str, ...]) -> None:
    assert run(*command_line, "--json", "--csv").status == 2


def test_the_bill_as_a_table_has_the_total(run: Callable[..., Output], sandbox: Sandbox) -> None:
    ask(sandbox.workspace("team-a", region=REGION), "qwen-plus")
    lines = run("admin", "bill", month(), "--by", "model").stdout.splitlines()
    assert lines[2].split()[-1] == lines[3].split()[-1]


def test_the_bill_as_csv_has_a_line_for_each_row(run: Callable[..., Output], sandbox: Sandbox) -> None:
    ask(sandbox.workspace("team-a", region=REGION), "qwen-plus")
    header, line = run("admin", "bill", month(), "--csv").stdout.splitlines()
    assert header == "month,workspace,name,amount,currency"
    assert line.startswith(f"{month()},llm-team-a,team-a,")


def test_a_file_in_another_currency_is_named(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    prices = {"currency": "USD", "models": {"qwen-plus": {"input": "1", "output": "1"}}}
    file = make_file(sandbox, tmp_path, ["qwen-plus"], prices=prices)
    assert verdicts(run("bill", "--reconcile", file, month(), "--json")) == {"qwen-plus": "the file has USD"}


def test_usage_without_a_workspace_is_named(run: Callable[..., Output], sandbox: Sandbox, tmp_path: Path) -> None:
    file = Path(make_file(sandbox, tmp_path, ["qwen-plus"], prices="cn-2026-08-20"))
    file.write_text(file.read_text().replace('"llm-team-a"', "null"))
    lines = run("bill", "--reconcile", str(file), month(), "--json").data["lines"]
    assert [line["verdict"] for line in lines] == ["the file does not name the workspace", "not in the file"]


def test_what_is_in_no_row_of_the_bill_is_named() -> None:
    with Server() as plane:
        data = {"currency": "CNY", "totalAmount": "3", "groups": [{"key": "llm-a", "amount": "1"}]}
        plane.default = lambda _: json_reply({"data": data})
        admin = WorkspaceAdmin(base_url=plane.url, access_key_id="LTAIid", access_key_secret="secret")
        lines = reconcile(admin, "2026-10", [])
    assert [(line.workspace_id, line.amount) for line in lines if line.model is None] == [
        ("llm-a", Decimal(2)),
        (None, Decimal(2)),
    ]
