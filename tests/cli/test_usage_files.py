"""`qwen-workspace usage`: files of counted usage, added up."""

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace._usage.records import sum_rows
from langchain_qwen_workspace.usage import UsageRow, rows_from_json, rows_to_json
from tests.cli.conftest import Command


def row(**values: Any) -> UsageRow:
    facts: dict[str, Any] = {
        "workspace_id": "llm-team-a",
        "region": "ap-southeast-1",
        "model": "qwen-plus",
        "protocol": "openai",
        "operation": "chat",
        "calls": 2,
        "failed_calls": 0,
        "interrupted_calls": 0,
        "unknown_calls": 0,
        "cached_answers": 0,
        "open_calls": 0,
        "input_tokens": 1000,
        "output_tokens": 200,
        "total_tokens": 1200,
        "cached_tokens": 0,
        "cache_written_tokens": 0,
        "reasoning_tokens": 0,
        "cost": Decimal("0.0012"),
        "currency": "CNY",
    }
    return UsageRow(**(facts | values))


FLASH = row(model="qwen-flash", input_tokens=10, output_tokens=1, total_tokens=11, cost=Decimal("0.00001"))
TEAM_B = row(workspace_id="llm-team-b", calls=5)
UNPRICED = row(model="qwen-max", unpriced_calls=2, cost=None)


def write(path: Path, *rows: UsageRow) -> str:
    path.write_text(rows_to_json(rows))
    return str(path)


def lines_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_one_file_is_printed_as_a_table(command: Command, tmp_path: Path) -> None:
    output = command("usage", write(tmp_path / "a.json", FLASH, row(), TEAM_B))
    assert output.status == 0
    assert lines_of(output.stdout)[0] == ["Workspace", "Model", "Calls", "Input", "Output", "Total", "Cost"]
    assert lines_of(output.stdout)[2:] == [
        ["llm-team-a", "qwen-flash", "2", "10", "1", "11", "0.00001", "CNY"],
        ["llm-team-a", "qwen-plus", "2", "1,000", "200", "1,200", "0.0012", "CNY"],
        ["llm-team-a", "all", "4", "1,010", "201", "1,211", "0.00121", "CNY"],
        ["llm-team-b", "qwen-plus", "5", "1,000", "200", "1,200", "0.0012", "CNY"],
        ["all", "all", "9", "2,010", "401", "2,411", "0.00241", "CNY"],
        ["Region:", "ap-southeast-1,", "Protocol:", "openai,", "Operation:", "chat"],
    ]
    assert all(len(line) <= 80 for line in output.stdout.splitlines())


def test_several_files_are_added_up(command: Command, tmp_path: Path) -> None:
    first = write(tmp_path / "a.json", row(), TEAM_B)
    second = write(tmp_path / "b.json", row(calls=3, input_tokens=1, output_tokens=0, total_tokens=1))
    output = command("usage", first, second)
    assert ["llm-team-a", "5", "1,001", "200", "1,201", "0.0024", "CNY"] in lines_of(output.stdout)
    read = rows_from_json(command("usage", "--json", first, second).stdout)
    assert [(each.workspace_id, each.calls, each.total_tokens, each.cost) for each in read] == [
        ("llm-team-a", 5, 1201, Decimal("0.0024")),
        ("llm-team-b", 5, 1200, Decimal("0.0012")),
    ]
    table = list(csv.DictReader(io.StringIO(command("usage", "--csv", first, second).stdout)))
    assert [(each["workspace_id"], each["calls"], each["cost"]) for each in table] == [
        ("llm-team-a", "5", "0.0024"),
        ("llm-team-b", "5", "0.0012"),
    ]


def test_counts_are_added_and_an_unknown_cost_stays_unknown() -> None:
    counts = {name: 1 for name, value in vars_of(row()).items() if isinstance(value, int)}
    (both,) = sum_rows([row(**counts), row(**counts, cost=None)])
    assert {name: value for name, value in vars_of(both).items() if isinstance(value, int)} == dict.fromkeys(counts, 2)
    assert both.cost is None
    euro = row(currency="EUR")
    assert sum_rows([row(), euro, row(cost=Decimal(1))]) == [
        row(calls=4, input_tokens=2000, output_tokens=400, total_tokens=2400, cost=Decimal("1.0012")),
        euro,
    ]


def test_costs_of_several_price_lists_are_not_added() -> None:
    lists = [row(price_list="a"), row(price_list="a", price_date=date(2026, 8, 20)), row(price_list="b")]
    assert sum_rows(lists) == lists


def test_the_table_names_the_price_lists_and_their_dates(command: Command, tmp_path: Path) -> None:
    dated = row(price_list="cn-2026-08-20", price_date=date(2026, 8, 20))
    output = command("usage", write(tmp_path / "a.json", dated, row(model="qwen-max", price_list="mine")))
    note = "Prices: cn-2026-08-20, as of 2026-08-20; mine, of an unknown date."
    assert note in " ".join(output.stdout.split())


def vars_of(each: UsageRow) -> dict[str, Any]:
    return {name: getattr(each, name) for name in UsageRow.__slots__}


@pytest.mark.parametrize(
    ("by", "head", "lines"),
    [
        (["workspace"], ["Workspace"], [["llm-team-a", "6"], ["llm-team-b", "5"], ["all", "11"]]),
        (["model"], ["Model"], [["qwen-flash", "2"], ["qwen-max", "2"], ["qwen-plus", "7"], ["all", "11"]]),
        (["region"], ["Region"], [["ap-southeast-1", "11"]]),
        (["region", "model"], ["Model"], [["qwen-flash", "2"], ["qwen-max", "2"], ["qwen-plus", "7"], ["all", "11"]]),
    ],
)
def test_rows_are_grouped_by_the_given_columns(
    command: Command, tmp_path: Path, by: list[str], head: list[str], lines: list[list[str]]
) -> None:
    file = write(tmp_path / "a.json", FLASH, UNPRICED, row(), TEAM_B)
    output = command("usage", file, *(word for column in by for word in ("--by", column)))
    table = lines_of(output.stdout)
    assert table[0][: len(head) + 1] == [*head, "Calls"]
    assert [line[:2] for line in table[2 : 2 + len(lines)]] == lines
    assert any("≥" in line for line in table)


def test_standard_input_is_read(command: Command) -> None:
    output = command("usage", "-", stdin=rows_to_json([row()]))
    assert output.status == 0
    assert ["llm-team-a", "2", "1,000", "200", "1,200", "0.0012", "CNY"] in lines_of(output.stdout)


def test_a_file_without_calls_is_not_a_failure(command: Command, tmp_path: Path) -> None:
    output = command("usage", write(tmp_path / "a.json"))
    assert (output.status, output.stdout) == (0, "No calls.\n")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no json", "The usage is not valid JSON"),
        (b'{"version": 2, "rows": []}', '`to_json` writes it, with `"version": 1`'),
        (b'{"version": 1, "rows": [{"model": "m"}]}', "Field required"),
        (b"\xff\xfe", "utf-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(command: Command, tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    output = command("usage", str(tmp_path / "a.json"))
    assert (output.status, output.stdout) == (2, "")
    assert text.replace(" ", "") in output.text.replace(" ", "").replace("│", "")


@pytest.mark.parametrize("arguments", [["--json", "--csv"], ["--json", "--by", "model"], ["--by", "day"]])
def test_options_that_exclude_each_other_are_wrong_usage(
    command: Command, tmp_path: Path, arguments: list[str]
) -> None:
    assert command("usage", write(tmp_path / "a.json", row()), *arguments).status == 2


def test_a_missing_file_is_wrong_usage(command: Command, tmp_path: Path) -> None:
    assert command("usage", str(tmp_path / "none.json")).status == 2
