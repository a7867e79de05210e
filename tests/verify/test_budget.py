"""What is spent never exceeds the budget, whatever the answers are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from langchain_qwen_workspace._usage.price_lists import price_list
from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace._verify.budget import Budget, BudgetError, read_prices, usage_in, with_prices
from langchain_qwen_workspace.errors import ConfigurationError
from tests.verify.conftest import Opened
from tests.verify.support import REGION, Answer, make_budget, otherwise, run_checks, verdicts

CHAT: dict[str, Any] = {"model": "qwen-flash", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}


def _cost(usages: list[tuple[str, Mapping[str, Any]]]) -> Decimal:
    """Return what the usages cost by the price list, read independently of the budget."""
    table, total = price_list("cn-2026-08-20"), Decimal(0)
    for model, usage in usages:
        output = usage.get("completion_tokens", usage.get("output_tokens", 0))
        given = usage.get("prompt_tokens", usage.get("input_tokens", usage["total_tokens"] - output))
        counts = TokenCounts(input=given, output=output, total=given + output)
        total += table.cost(model, REGION, counts) or 0
    return total


def _scale(factor: float, seen: list[tuple[str, Mapping[str, Any]]]) -> Any:
    """Return a change by which answers are longer or shorter, as the service counts them."""

    def change(_: str, body: dict[str, Any], answer: Answer) -> None:
        lines = []
        usage: dict[str, Any] | None = None
        for line in answer.text.splitlines():
            prefix = "data:" if line.startswith("data:") else ""
            try:
                data = json.loads(line.removeprefix("data:"))
            except ValueError:
                lines.append(line)
                continue
            holder = data.get("response", data) if isinstance(data, dict) else {}
            if isinstance(holder.get("usage"), dict):
                usage = dict(holder["usage"])
                holder["usage"] = usage
                for name in ("completion_tokens", "output_tokens", "total_tokens"):
                    if name in usage:
                        usage[name] = int(usage[name] * factor)
            lines.append(prefix + json.dumps(data))
        answer.text = "\n".join(lines) + "\n"
        if usage is not None and answer.status == 200 and body.get("model") != "batch-test-model":
            seen.append((str(body["model"]), dict(usage)))

    return change


@pytest.mark.parametrize("factor", [0.01, 1, 100])
@pytest.mark.parametrize("limit", ["0.001", "0.05", "10"])
def test_answers_of_any_length_cost_at_most_the_budget(opened: Opened, factor: float, limit: str) -> None:
    seen: list[tuple[str, Mapping[str, Any]]] = []
    opened.service.change_answer = _scale(factor, seen)
    run_checks(opened.workspace, budget=make_budget(limit), transport=opened.service)
    assert _cost(seen) <= Decimal(limit)


def test_a_third_of_the_default_budget_is_enough_for_every_check(opened: Opened) -> None:
    run = run_checks(opened.workspace, budget=make_budget("3"), admin=opened.admin, transport=opened.service)
    assert set(verdicts(run).values()) == {"as believed"}


def test_the_budget_counts_what_the_service_counts(opened: Opened) -> None:
    seen: list[tuple[str, Mapping[str, Any]]] = []
    opened.service.change_answer = _scale(1, seen)
    budget = make_budget()
    names = ["plain_openai", "tool_dashscope", "increments_dashscope", "plain_responses", "stream_responses", "rerank"]
    run_checks(opened.workspace, names, budget=budget, transport=opened.service)
    # A quarter more: each token of input may have been written to the cache.
    assert _cost(seen) <= budget.spent <= _cost(seen) * Decimal("1.25")


def test_a_request_that_does_not_fit_is_not_sent(opened: Opened) -> None:
    run = run_checks(opened.workspace, ["plain_openai"], budget=make_budget("0"), transport=opened.service)
    assert (opened.service.requests, verdicts(run)) == (0, {"plain_openai": "cannot be known with this key"})


def test_a_budget_that_is_used_up_lets_free_checks_go_on(opened: Opened) -> None:
    run = run_checks(
        opened.workspace,
        ["permissions_read", "plain_openai", "catalogue"],
        budget=make_budget("0"),
        transport=opened.service,
    )
    assert [verdict for verdict in verdicts(run).values() if verdict == "as believed"] == ["as believed"] * 2


def test_a_cost_above_the_worst_case_ends_paid_requests() -> None:
    budget = make_budget()
    reserved = budget.reserve(CHAT)
    budget.settle(reserved, CHAT, {"prompt_tokens": 10, "completion_tokens": 1_000_000})
    with pytest.raises(BudgetError, match="more than the worst case"):
        budget.reserve(CHAT)


def test_a_response_without_usage_costs_its_worst_case() -> None:
    budget = make_budget()
    reserved = budget.reserve(CHAT)
    budget.settle(reserved, CHAT, None)
    assert budget.spent == reserved


def test_what_is_under_way_is_not_spent_twice() -> None:
    worst = make_budget().worst_case(CHAT)
    budget = make_budget(str(worst * Decimal("100.5")))
    budget.reserve(CHAT)
    with pytest.raises(BudgetError, match="used up"):
        budget.reserve(CHAT)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({**CHAT, "model": "some-new-model"}, "is not known"),
        ({**CHAT, "max_tokens": None}, "has no `max_tokens`"),
        (
            {"model": "some-new-model", "messages": [], "max_tokens": 5, "enable_thinking": False},
            "price of some-new-model",
        ),
        (
            {"model": "glm-4.5v", "messages": [], "max_tokens": 5, "enable_thinking": True},
            "is not known|thinking_budget",
        ),
    ],
)
def test_a_request_whose_cost_has_no_known_limit_is_refused(body: dict[str, Any], problem: str) -> None:
    if "some-new-model" in str(body.get("model")) and "enable_thinking" not in body:
        problem = "thinking_budget"
    with pytest.raises(BudgetError, match=problem):
        make_budget().reserve(body)


@pytest.mark.parametrize(
    "more",
    [
        {"messages": [{"role": "user", "content": "Hi " * 1000}]},
        {"max_tokens": 1000},
        {"n": 4},
        {"enable_thinking": True, "thinking_budget": 1000},
        {"enable_search": True},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.y"}}]}]},
    ],
)
def test_what_makes_a_request_dearer_makes_its_worst_case_dearer(more: dict[str, Any]) -> None:
    assert make_budget().worst_case({**CHAT, **more}) > make_budget().worst_case(CHAT)


def test_the_query_is_counted_for_each_document() -> None:
    one = {"model": "qwen3-rerank", "query": "q" * 1000, "documents": ["a"]}
    assert make_budget().worst_case({**one, "documents": ["a"] * 10}) > 5 * make_budget().worst_case(one)


@pytest.mark.parametrize("body", [None, {}, {"models": []}, {**CHAT, "model": "batch-test-model"}])
def test_requests_without_a_price_are_free(body: dict[str, Any] | None) -> None:
    assert make_budget("0").reserve(body) == 0


def test_a_given_price_takes_the_place_of_an_unknown_one() -> None:
    table = with_prices(price_list("cn-2026-08-20"), {"qwen-new": (Decimal(1), Decimal(2))})
    budget = Budget(Decimal(1), table, REGION)
    assert budget.worst_case({"model": "qwen-new", "messages": [], "max_tokens": 1, "enable_thinking": False}) > 0


def test_the_region_with_a_list_has_its_prices(opened: Opened) -> None:
    assert read_prices(opened.workspace, "CNY") == price_list("cn-2026-08-20")


def test_another_currency_than_that_of_the_list_is_refused(opened: Opened) -> None:
    with pytest.raises(ConfigurationError, match="are in CNY"):
        read_prices(opened.workspace, "USD")


def test_other_regions_have_the_prices_of_the_catalogue(opened: Opened) -> None:
    elsewhere = opened.sandbox.workspace("elsewhere", region="ap-southeast-1")
    assert read_prices(elsewhere, "USD").currency == "USD"


def test_without_a_catalogue_no_model_has_a_price(opened: Opened) -> None:
    opened.sandbox.fail_next(status=500, times=5)
    elsewhere = opened.sandbox.workspace("elsewhere", region="ap-southeast-1")
    table = read_prices(elsewhere, "USD")
    opened.sandbox.clear()
    assert table == PriceTable.from_dict({"currency": "USD", "models": {}})


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        ('{"usage": {"total_tokens": 3}}', {"total_tokens": 3}),
        ('data: {"usage": null}\n\ndata: {"usage": {"total_tokens": 4}}\n\ndata: [DONE]', {"total_tokens": 4}),
        ('data: {"response": {"usage": {"total_tokens": 5}}}', {"total_tokens": 5}),
        ("not JSON", None),
        ("{", None),
        ("", None),
    ],
)
def test_the_usage_is_found_in_bodies_and_streams(text: str, usage: Mapping[str, Any] | None) -> None:
    assert usage_in(text) == usage


def test_no_check_turns_out_otherwise_because_of_the_budget(opened: Opened) -> None:
    assert otherwise(run_checks(opened.workspace, budget=make_budget("0.0005"), transport=opened.service)) == set()
