"""Price tables, tiers and costs; usage rows as JSON, CSV and Markdown."""

import csv
import io
import json
import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from langchain_qwen_workspace import ChatQwenWorkspace, ConfigurationError, InvalidRequestError
from langchain_qwen_workspace._seam import PROVIDER
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import (
    PriceTable,
    TokenCounts,
    UsageRow,
    WorkspaceUsageCallbackHandler,
    get_workspace_usage_callback,
    rows_from_json,
    rows_to_markdown,
)

FLAT = {"input": "1", "output": "2"}


def table(model: Any, **others: Any) -> PriceTable:
    return PriceTable.from_dict({"currency": "CNY", "models": {"m": model, **others}})


def cost(model: Any, region: str | None = None, /, **counts: Any) -> Decimal | None:
    given = TokenCounts(**{"input": 0, "output": 0, "total": 0, **counts})
    return table(model).cost("m", region, given)


@pytest.mark.parametrize(
    ("model", "counts", "expected"),
    [
        (FLAT, {"input": 1_000_000, "output": 500_000}, "2"),
        ({"input": 0.1, "output": 0.2}, {"input": 3, "output": 0}, "0.0000003"),
        # Cached and cache-written tokens are part of the input: one price applies to them.
        ({**FLAT, "cached_input": "0.1"}, {"input": 1_000_000, "cached": 400_000}, "0.64"),
        ({**FLAT, "cache_written_input": "1.25"}, {"input": 1_000_000, "cache_written": 1_000_000}, "1.25"),
        ({**FLAT, "cached_input": "unknown"}, {"input": 1_000_000, "cached": 0}, "1"),
        (
            {**FLAT, "cached_input": "0.1", "cache_written_input": "1.25"},
            {"input": 1_000_000, "cached": 500_000, "cache_written": 200_000},
            "0.6",
        ),
        ({**FLAT, "cached_input": "0"}, {"input": 1_000_000, "cached": 1_000_000}, "0"),
        # More cached than input tokens are impossible; the cost never becomes negative.
        ({**FLAT, "cached_input": "0"}, {"input": 10, "cached": 20}, "0"),
        # `thinking_output` applies to all output of a call in which the model reasoned.
        ({**FLAT, "thinking_output": "8"}, {"output": 1_000_000, "reasoning": 1}, "8"),
        ({**FLAT, "thinking_output": "8"}, {"output": 1_000_000}, "2"),
        (FLAT, {"output": 1_000_000, "reasoning": 1_000_000}, "2"),
    ],
)
def test_exactly_one_price_applies_to_each_token(model: Any, counts: dict[str, int], expected: str) -> None:
    assert cost(model, None, **counts) == Decimal(expected)


TIERS = {"tiers": [{"up_to": 100, "input": "1", "output": "10"}, {"up_to": 200, "input": "2", "output": "20"}]}


@pytest.mark.parametrize(
    ("inputs", "expected"), [(1, "0.000001"), (100, "0.0001"), (101, "0.000202"), (200, "0.0004"), (201, None)]
)
def test_the_input_tokens_of_a_call_select_its_tier(inputs: int, expected: str | None) -> None:
    assert cost(TIERS, input=inputs) == (Decimal(expected) if expected else None)


def test_the_last_tier_may_have_no_limit() -> None:
    tiers = [*TIERS["tiers"], {"input": "3", "output": "30"}]
    assert cost({"tiers": tiers}, input=1_000_000, output=1_000_000) == 33


def test_a_region_may_have_its_own_prices() -> None:
    model = {**FLAT, "regions": {"Beijing": {"input": "5", "output": "5"}, "us-east-1": TIERS}}
    assert cost(model, "cn-beijing", input=1_000_000) == 5
    assert cost(model, "us-east-1", input=100) == Decimal("0.0001")
    assert cost(model, "ap-southeast-1", input=1_000_000) == 1
    assert cost(model, input=1_000_000) == 1
    assert cost({"regions": {"beijing": FLAT}}, "cn-beijing", input=1_000_000) == 1
    assert cost({"regions": {"beijing": FLAT}}, "us-east-1", input=1_000_000) is None


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"input": "1"}, ["'m'", "`output`", "required"]),
        ({"output": "1"}, ["'m'", "`input`", "required"]),
        ({}, ["'m'", "`input`", "`output`"]),
        ({**FLAT, "input": "-1"}, ["'m'", "`input`", "greater than or equal to 0"]),
        ({**FLAT, "cached_input": -0.1}, ["'m'", "`cached_input`"]),
        ({**FLAT, "input": "much"}, ["'m'", "`input`", "decimal"]),
        ({**FLAT, "input": "NaN"}, ["'m'", "`input`", "finite"]),
        ({**FLAT, "input": True}, ["'m'", "`input`"]),
        ({**FLAT, "tool_calls": {"search": "-1"}}, ["'m'", "`tool_calls.search`", "greater than or equal to 0"]),
        ({**FLAT, "discount": "1.1"}, ["'m'", "`discount`", "less than or equal to 1"]),
        ({**FLAT, "thinking_output": "much"}, ["'m'", "`thinking_output", "decimal"]),
        ({**FLAT, "imput": "1"}, ["'m'", "`imput`", "not permitted"]),
        ({**FLAT, **TIERS}, ["'m'", "`input`", "Not permitted"]),
        ("cheap", ["'m'"]),
        ({"tiers": []}, ["'m'", "`tiers`"]),
        ({"tiers": [{**FLAT, "up_to": 0}]}, ["'m'", "`tiers.0.up_to`"]),
        ({"tiers": [{"up_to": 1, "input": "1"}]}, ["'m'", "`tiers.0.output`"]),
        ({"tiers": [{**FLAT, "up_to": 200}, {**FLAT, "up_to": 100}]}, ["'m'", "`tiers.1`", "`up_to` is 100"]),
        ({"tiers": [{**FLAT, "up_to": 100}, {**FLAT, "up_to": 100}]}, ["'m'", "`tiers.1`", "expected more than 100"]),
        ({"tiers": [FLAT, {**FLAT, "up_to": 100}]}, ["'m'", "`tiers.1`", "Overlaps with row 0"]),
        ({"tiers": 1}, ["'m'", "`tiers`", "list"]),
        ([{**FLAT, "up_to": 200}, {**FLAT, "above": 100}], ["'m'", "`1`", "Overlaps with row 0"]),
        ([{**FLAT, "above": 5, "up_to": 5}], ["'m'", "`0`", "more than 5"]),
        ([FLAT, {**FLAT, "thinking": True}], ["'m'", "`1`", "Overlaps with row 0"]),
        ([{**FLAT, "time_band": "peak"}, FLAT], ["'m'", "`1`", "Overlaps with row 0"]),
        ([{**FLAT, "time_band": "peak"}, {**FLAT, "time_band": "peak"}], ["'m'", "`1`", "Overlaps with row 0"]),
        ([{**FLAT, "currency": "USD"}, {**FLAT, "batch": True}], ["'m'", "CNY and USD", "one currency"]),
        ({**FLAT, "region": "mars"}, ["'m'", "`region`", "'mars'", "`cn-beijing`"]),
        ([], ["'m'", "at least one row"]),
        ({**FLAT, "regions": {"mars": FLAT}}, ["'m'", "`regions.mars`", "'mars'", "`cn-beijing`"]),
        ({**FLAT, "regions": {"beijing": FLAT, "cn-beijing": FLAT}}, ["'m'", "`regions`", "twice"]),
        ({**FLAT, "regions": {"beijing": {"input": "1"}}}, ["'m'", "`regions.beijing.output`"]),
        ({"regions": {"beijing": {"tiers": [{"input": "1"}]}}}, ["'m'", "`regions.beijing.tiers.0.output`"]),
        ({"regions": 1}, ["'m'", "`regions`"]),
    ],
)
def test_the_error_of_an_invalid_table_names_model_and_field(model: Any, words: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        table(model)
    assert caught.value.model == "m"
    assert [word for word in words if word not in caught.value.message] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nothing", "not valid JSON"),
        ("[]", "list"),
        ("{}", "`currency`"),
        ('{"currency": "", "models": {}}', "`currency`"),
        ('{"currency": "CNY", "models": {}, "more": 1}', "`more`"),
        ('{"currency": "CNY", "models": {"m": {},\n"m": {}}}', "'m' twice in one object, again in line 2"),
    ],
)
def test_the_error_of_invalid_json_says_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        PriceTable.from_json(text)


def test_a_table_from_json_is_exact_and_equals_its_copies() -> None:
    read = PriceTable.from_json('{"currency": "CNY", "models": {"m": {"input": 0.12345678901234567890, "output": 0}}}')
    million = TokenCounts(1_000_000, 0, 1_000_000)
    assert read.cost("m", None, million) == Decimal("0.12345678901234567890")
    assert PriceTable(**read.model_dump()) == PriceTable.model_validate(read.model_dump()) == read


def test_a_table_can_be_made_of_the_models_of_another() -> None:
    original = table(FLAT, tiered=TIERS, elsewhere={"regions": {"beijing": FLAT, "us-east-1": TIERS}})
    assert PriceTable(currency="CNY", models=original.models) == original


def test_a_handler_refuses_an_invalid_price_table() -> None:
    with pytest.raises(ConfigurationError):
        WorkspaceUsageCallbackHandler({"currency": "CNY", "models": {"m": {"input": "1"}}})


# ------------------------------------------------------------------------------------------------- cost of calls


def add_answer(usage: WorkspaceUsageCallbackHandler, inputs: int | None, model: str = "m", **more: Any) -> None:
    used: Any = None if inputs is None else {"input_tokens": inputs, "output_tokens": 0, "total_tokens": inputs}
    facts = {
        "model_provider": PROVIDER,
        "model_name": model,
        "region": "cn-beijing",
        "workspace_id": "ws-a",
        **more,
    }
    message = AIMessage("", usage_metadata=used, response_metadata={"protocol": "openai", **facts})
    usage.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=uuid4())


def cells(usage: WorkspaceUsageCallbackHandler) -> list[list[str]]:
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in str(usage).splitlines()]


def test_tiers_apply_to_single_calls_and_not_to_their_sum() -> None:
    usage = WorkspaceUsageCallbackHandler(table(TIERS))
    for _ in range(10):
        add_answer(usage, 100)
    (row,) = usage.rows()
    assert (row.input_tokens, row.cost, row.currency) == (1000, Decimal("0.001"), "CNY")


def test_the_cost_of_a_model_without_a_price_is_none_and_not_zero() -> None:
    usage = WorkspaceUsageCallbackHandler(table(FLAT))
    add_answer(usage, 1_000_000)
    add_answer(usage, 5, "other")
    first, second = usage.rows()
    assert (first.cost, first.unpriced_calls) == (Decimal(1), 0)
    assert (second.cost, second.unpriced_calls, second.currency) == (None, 1, "CNY")
    assert [line[-1] for line in cells(usage)[2:]] == ["1.00 CNY", "no price", "≥ 1.00 CNY"]


def test_the_cost_of_unknown_usage_is_unknown() -> None:
    usage = WorkspaceUsageCallbackHandler(table(FLAT))
    add_answer(usage, None)
    (row,) = usage.rows()
    assert (row.unknown_calls, row.cost) == (1, None)
    assert str(usage).endswith("| unknown |")
    add_answer(usage, 1_000_000)
    (row,) = usage.rows()
    assert row.cost == 1
    assert str(usage).endswith("| ≥ 1.00 CNY |")


def test_without_a_price_table_there_is_no_cost() -> None:
    usage = WorkspaceUsageCallbackHandler()
    add_answer(usage, 1)
    (row,) = usage.rows()
    assert (row.cost, row.currency, row.unpriced_calls) == (None, None, 0)
    assert "Cost" not in str(usage)


def test_the_cost_of_real_calls_is_that_of_their_tokens(sandbox: Sandbox) -> None:
    prices = {"currency": "USD", "models": {"qwen-plus": {"input": "0.4", "output": "1.2"}}}
    with get_workspace_usage_callback(prices) as usage:
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=sandbox.workspace("priced"))
        answers = [*llm.batch(["one", "two words"]), llm.invoke("three")]
        sandbox.fail_next(status=400, code="InvalidParameter")
        with pytest.raises(InvalidRequestError):
            llm.invoke("four")
    used = [answer.usage_metadata for answer in answers if answer.usage_metadata is not None]
    millionths = sum(4 * each["input_tokens"] + 12 * each["output_tokens"] for each in used)
    (row,) = usage.rows()
    assert row.cost == Decimal(millionths) / 10_000_000
    assert sum(record.cost or 0 for record in usage.records()) == row.cost


# ------------------------------------------------------------------------------------------------------- formats


@pytest.fixture
def two_workspaces() -> WorkspaceUsageCallbackHandler:
    usage = WorkspaceUsageCallbackHandler(table({"input": "0.000001", "output": "0"}, n=FLAT))
    add_answer(usage, 5)
    add_answer(usage, 1_500_000, "n")
    add_answer(usage, 7, "n", workspace_id="ws-b|c")
    add_answer(usage, None, "n", workspace_id=None)
    return usage


def test_json_round_trips(two_workspaces: WorkspaceUsageCallbackHandler) -> None:
    rows = rows_from_json(two_workspaces.to_json())
    assert rows == two_workspaces.rows()
    assert [row.cost for row in rows] == [None, Decimal("5E-12"), Decimal("1.5"), Decimal("0.000007")]
    assert json.loads(two_workspaces.to_json())["rows"][1]["cost"] == "0.000000000005"
    assert rows_from_json(WorkspaceUsageCallbackHandler().to_json()) == []
    with pytest.raises(AttributeError):
        rows[0].calls = 2  # type: ignore[misc]  # rows are frozen


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not valid JSON"),
        ("[]", '"version": 1'),
        ('{"version": 2, "rows": []}', '"version": 1'),
        ('{"version": 1}', "rows"),
        ('{"version": 1, "rows": [{}]}', "rows.0.workspace_id"),
    ],
)
def test_the_error_of_invalid_usage_json_says_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        rows_from_json(text)


def test_csv_has_every_field(two_workspaces: WorkspaceUsageCallbackHandler) -> None:
    lines = list(csv.DictReader(io.StringIO(two_workspaces.to_csv())))
    assert list(lines[0]) == list(UsageRow.__dataclass_fields__)
    assert [line["workspace_id"] for line in lines] == ["", "ws-a", "ws-a", "ws-b|c"]
    assert lines[1]["cost"] == "0.000000000005"
    assert (lines[0]["cost"], lines[0]["unknown_calls"]) == ("", "1")


def test_the_table_is_aligned_with_subtotals_and_a_total(
    two_workspaces: WorkspaceUsageCallbackHandler,
) -> None:
    titles, rule, *lines = cells(two_workspaces)
    assert titles == [
        *("Workspace", "Region", "Model", "Protocol", "Operation"),
        *("Calls", "Unknown", "Input", "Output", "Total", "Cost"),
    ]
    assert {cell.strip("-") for cell in rule} == {"", ":"}
    key = ["cn-beijing", "n", "openai", "chat"]
    totals = ["", "all", "", ""]
    assert lines == [
        ["(no id)", *key, "1", "1", "0", "0", "0", "unknown"],
        ["ws-a", "cn-beijing", "m", "openai", "chat", "1", "0", "5", "0", "5", "< 0.000001 CNY"],
        ["ws-a", *key, "1", "0", "1,500,000", "0", "1,500,000", "1.50 CNY"],
        ["ws-a", *totals, "2", "0", "1,500,005", "0", "1,500,005", "1.50 CNY"],
        ["ws-b\\|c", *key, "1", "0", "7", "0", "7", "0.000007 CNY"],
        ["all", *totals, "4", "1", "1,500,012", "0", "1,500,012", "≥ 1.500007 CNY"],
    ]
    assert len({len(line) for line in str(two_workspaces).splitlines()}) == 1
    assert rows_to_markdown(two_workspaces.rows()) == two_workspaces.to_markdown() == str(two_workspaces)


def test_a_handler_without_calls_prints_no_calls() -> None:
    assert str(WorkspaceUsageCallbackHandler()) == "No calls."
