"""The bill: what the sandbox served, by the prices of the dated list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest
from alibabacloud_modelstudio20260210 import models as m
from alibabacloud_tea_openapi.exceptions import ClientException

from langchain_qwen_workspace._usage.price_lists import price_list
from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace.sandbox import Sandbox, SandboxAccessKey, SandboxWorkspace
from langchain_qwen_workspace.sandbox._admin import billing, prices
from langchain_qwen_workspace.sandbox._admin.account import Account
from langchain_qwen_workspace.sandbox._admin.bill import BEIJING, Bill
from langchain_qwen_workspace.sandbox._admin.prices import Tokens
from langchain_qwen_workspace.sandbox._admin.refusals import OperationRefusal
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest
from tests.sandbox.admin_support import REGION, ask, client_of
from tests.sandbox.support import DASHSCOPE_TEXT, OPENAI_CHAT, SSE, user

_OTHERS = "DIMENSION_GROUP_OTHERS_VALUE"


@pytest.fixture
def own() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _overview(sandbox: Sandbox, by: str = "WORKSPACE_ID", **query: Any) -> Any:
    """Return the bill of this month, by the SDK."""
    month = datetime.now(UTC).astimezone(BEIJING).strftime("%Y-%m")
    request = m.GetBillingOverviewRequest(
        bill_month=month, group_by=[m.GetBillingOverviewRequestGroupBy(code=by)], **query
    )
    return client_of(sandbox).get_billing_overview(request).body.data


def _amounts(data: Any) -> dict[str, str]:
    return {group.key: group.amount for group in data.groups}


def _cost(usage: Any, price_in: str, price_out: str) -> Decimal:
    tokens_in, tokens_out = Decimal(usage.prompt_tokens), Decimal(usage.completion_tokens)
    return (tokens_in * Decimal(price_in) + tokens_out * Decimal(price_out)) / 1_000_000


def test_the_bill_is_equal_to_the_tokens_times_the_prices(own: Sandbox) -> None:
    teams = [own.add_workspace(name, region=REGION) for name in ("a", "b")]
    expected: dict[str, Decimal] = {team.workspace_id: Decimal(0) for team in teams}
    for number in range(10):
        team = teams[number % 2]
        usage = ask(own, team.api_key, text="Hello " * (number + 1)).usage
        expected[team.workspace_id] += _cost(usage, "0.8", "2")
    data = _overview(own)
    assert {key: Decimal(amount) for key, amount in _amounts(data).items()} == expected
    assert Decimal(data.total_amount) == sum(expected.values())


@pytest.mark.parametrize("by", ["API_KEY_ID", "BASE_MODEL", "BUSINESS_REGION", "SERVICE_SITE", "MAAS_TYPE"])
def test_each_dimension_adds_up_to_the_total(own: Sandbox, by: str) -> None:
    for name in ("a", "b"):
        key = own.add_workspace(name, region=REGION).api_key
        for model in ("qwen-plus", "qwen-flash"):
            ask(own, key, model)
    data = _overview(own, by)
    assert sum(Decimal(group.amount) for group in data.groups) == Decimal(data.total_amount) > 0


def test_the_amount_is_its_parts_with_and_without_tax(own: Sandbox) -> None:
    ask(own, own.add_workspace("a").api_key)
    data = _overview(own)
    assert Decimal(data.pretax_amount) + Decimal(data.tax_amount) == Decimal(data.total_amount)
    assert Decimal(data.tax_amount) > 0


def test_only_the_highest_amounts_are_returned_and_shares_are_of_them(own: Sandbox) -> None:
    key = own.add_workspace("a").api_key
    for model in ("qwen-plus", "qwen-flash", "qwen-max"):
        ask(own, key, model)
    data = _overview(own, "BASE_MODEL", top_num=1)
    [group] = data.groups
    assert (group.key, group.percentage) == ("qwen-max", "1.0000")
    assert Decimal(data.total_amount) > Decimal(group.amount)


def test_filters_select_what_they_name_or_what_they_do_not_name(own: Sandbox) -> None:
    for name in ("a", "b"):
        ask(own, own.add_workspace(name).api_key)
    for kind, expected in (("IN", ["llm-a"]), ("NOT", ["llm-b"])):
        given = m.GetBillingOverviewRequestFilterDimensions(code="WORKSPACE_ID", select_type=kind, values=["llm-a"])
        data = _overview(own, filter=m.GetBillingOverviewRequestFilter(dimensions=[given]))
        assert list(_amounts(data)) == expected


def test_the_bill_of_a_region_has_its_workspaces_only(own: Sandbox) -> None:
    for name, region in (("a", REGION), ("b", "eu-central-1")):
        ask(own, own.add_workspace(name, region=region).api_key)
    assert list(_amounts(_overview(own, region_id="eu-central-1"))) == ["llm-b"]


def test_a_model_without_a_price_costs_0_and_is_shown_on_request(own: Sandbox) -> None:
    ask(own, own.add_workspace("a").api_key, "qwen4-max")
    assert _amounts(_overview(own, "BASE_MODEL")) == {}
    assert _amounts(_overview(own, "BASE_MODEL", zero_filter=False)) == {"qwen4-max": "0"}


def test_a_stream_is_billed_in_whole_on_each_protocol(own: Sandbox) -> None:
    key = own.add_workspace("a").api_key
    headers = {"authorization": f"Bearer {key}"}
    openai_body = {"model": "qwen-plus", "messages": [user("Hello")]}
    native_body = {"model": "qwen-plus", "input": {"messages": [user("Hello")]}, "parameters": {}}
    costs = []
    for path, body, more in (
        (OPENAI_CHAT, openai_body, {}),
        (OPENAI_CHAT, openai_body | {"stream": True}, {}),
        (DASHSCOPE_TEXT, native_body, SSE),
        ("/compatible-mode/v1/responses", {"model": "qwen-plus", "input": "Hello", "stream": True}, {}),
    ):
        before = Decimal(_overview(own).total_amount)
        response = httpx.post(own.base_url + path, json=body, headers=headers | more, trust_env=False)
        assert response.status_code == 200
        costs.append(Decimal(_overview(own).total_amount) - before)
    assert costs == [costs[0]] * 4
    assert costs[0] > 0


def test_what_a_fault_spoils_and_what_is_read_again_is_not_billed(own: Sandbox) -> None:
    key = own.add_workspace("a").api_key
    own.fail_next(status=500)
    own.fail_next(after_events=1, status=500)
    with openai.OpenAI(api_key=key, base_url=f"{own.base_url}/compatible-mode/v1", max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(openai.APIError):
                list(client.chat.completions.create(model="qwen-plus", messages=[user("Hello")], stream=True))
        assert _overview(own).total_amount == "0"
        made = client.responses.create(model="qwen-plus", input="Hello")
        before = _overview(own).total_amount
        client.responses.retrieve(made.id)
    assert _overview(own).total_amount == before


def test_batches_are_billed_at_half_the_price_for_the_key_that_made_them(own: Sandbox) -> None:
    team = own.add_workspace("a")
    line = '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":'
    line += '{"model":"qwen-max","messages":[{"role":"user","content":"Hello"}]}}'
    with openai.OpenAI(api_key=team.api_key, base_url=f"{own.base_url}/compatible-mode/v1", max_retries=0) as client:
        file = client.files.create(file=("in.jsonl", line.encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        for _ in range(2):
            client.batches.retrieve(batch.id)
    in_a_batch = Decimal(_overview(own).total_amount)
    ask(own, team.api_key, "qwen-max")
    assert Decimal(_overview(own).total_amount) == in_a_batch * 3 > 0
    assert list(_amounts(_overview(own, "API_KEY_ID"))) == ["1001"]


# --- prices, compared with the package's own reading of the list ---

_USED = [
    Tokens(1_000, 100),
    Tokens(1_000, 100, reasoning=60),
    Tokens(200_000, 7),
    Tokens(200_000, 7, reasoning=7),
    Tokens(1_000, 100, cached=300),
    Tokens(1_000, 100, cached=300, written=200, is_explicit=True),
    Tokens(1_000, 100, tools={"web_search": 2}),
    Tokens(1_000, 100, tools={"search": 1}),
]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("used", _USED)
@pytest.mark.parametrize("model", ["qwen-plus", "qwen-max", "qwen3.7-plus", "qwq-plus", "text-embedding-v4"])
def test_a_price_is_equal_to_the_one_that_the_package_computes(model: str, used: Tokens, *, batch: bool) -> None:
    counts = TokenCounts(
        used.input,
        used.output,
        used.input + used.output,
        cached=used.cached,
        cache_written=used.written,
        cache_written_5m=used.written,
        has_explicit_cache=used.is_explicit,
        reasoning=used.reasoning,
        tool_calls=used.tools,
    )
    own = prices.cost(model, used, batch=batch)
    assert own == price_list("cn-2026-08-20").cost(model, REGION, counts, batch=batch)


def test_media_and_audio_have_prices_of_their_own() -> None:
    tokens = Tokens(7_000, 600, media=1_000, audio=5_000)
    assert prices.cost("qwen3.5-omni-plus", tokens) == Decimal("0.303")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"total_tokens": 5}, Tokens(5)),
        ({"prompt_tokens": 5, "total_tokens": 5}, Tokens(5)),
        ({"input_tokens": 3, "image_tokens": 64, "total_tokens": 67}, Tokens(67, media=64)),
        (
            {
                "input_tokens": 70,
                "output_tokens": 9,
                "image_tokens": 64,
                "input_tokens_details": {"text_tokens": 6, "image_tokens": 64},
                "output_tokens_details": {"reasoning_tokens": 4},
                "plugins": {"search": {"count": 1, "strategy": "turbo"}},
            },
            Tokens(70, 9, reasoning=4, media=64, tools={"search": 1}),
        ),
    ],
)
def test_usage_is_read_in_the_words_of_each_protocol(usage: dict[str, Any], expected: Tokens) -> None:
    assert prices.read_tokens(usage) == expected


# --- the trend ---


def _account() -> Account:
    """Return an account that was billed on three days of two months, a day later in Beijing than in UTC."""
    account = Account()
    days = iter(
        [
            datetime(2026, 9, 30, 20, tzinfo=UTC),
            datetime(2026, 10, 1, 12, tzinfo=UTC),
            datetime(2026, 10, 30, 12, tzinfo=UTC),
            datetime(2026, 10, 31, 20, tzinfo=UTC),
        ]
    )
    account.bill = Bill(lambda: next(days))
    workspace = SandboxWorkspace("a", "llm-a", "sk-", REGION, None)
    for model, tokens in (("qwen-max", 10), ("qwen-plus", 10), ("qwen-max", 20), ("qwen-max", 40)):
        account.bill.add(workspace, 1, model, {"input_tokens": tokens * 1_000_000 // 10})
    return account


def _trend(**parameters: str) -> Any:
    given = {
        "granularity": "DAY",
        "groupBy": '[{"code":"BASE_MODEL"}]',
        "timePeriod": '{"start":"2026-10-01","end":"2026-10-31"}',
        **parameters,
    }
    key = SandboxAccessKey("id", "secret", REGION)
    return billing.get_billing_trend(_account(), AdminRequest("GetBillingTrend", "", given, "", key))["data"]


def test_a_trend_has_the_amounts_of_each_day_in_beijing() -> None:
    days = {each["period"]: each["total"]["amount"] for each in _trend()["resultByTime"]}
    assert days == {"20261001": "7.2", "20261030": "4.8"}


def test_a_trend_by_month_may_cover_several() -> None:
    data = _trend(granularity="MONTH", timePeriod='{"start":"2026-10-01","end":"2026-11-30"}')
    assert [each["period"] for each in data["resultByTime"]] == ["202610", "202611"]


def test_a_trend_merges_the_lower_amounts_into_others() -> None:
    data = _trend(topNum="1")
    assert [(row["key"], row["amount"]) for row in data["groupByTotal"]] == [("qwen-max", "7.2"), (_OTHERS, "4.8")]


def test_the_shares_of_a_day_are_of_that_day() -> None:
    first, second = _trend()["resultByTime"]
    assert [row["percentage"] for row in first["periodDetails"]] == ["0.6667", "0.3333"]
    assert [row["percentage"] for row in second["periodDetails"]] == ["1.0000"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"timePeriod": '{"start":"20261001","end":"20261031"}'},
        {"timePeriod": '{"start":"2026-10-01"}'},
        {"timePeriod": '{"start":"2026-10-01","end":"2026-10-32"}'},
        {"timePeriod": '{"start":"2026-10-02","end":"2026-10-01"}'},
        {"timePeriod": '{"start":"2026-09-30","end":"2026-10-01"}'},
        {"granularity": "HOUR"},
        {"groupBy": "[]"},
        {"groupBy": '[{"code":"BASE_MODEL"},{"code":"WORKSPACE_ID"}]'},
        {"groupBy": '[{"code":"COLOUR"}]'},
        {"filter": '{"dimensions":[{"code":"BASE_MODEL","selectType":"LIKE","values":[]}]}'},
        {"filter": '{"dimensions":[1]}'},
        {"filter": '{"dimensions":{}, "x":1}', "topNum": "0"},
        {"filter": '{"dimensions":1}'},
        {"topNum": "21"},
    ],
)
def test_a_trend_that_is_not_valid_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(OperationRefusal) as refused:
        _trend(**parameters)
    assert refused.value.status == 400


def test_a_trend_is_read_by_the_sdk(own: Sandbox) -> None:
    ask(own, own.add_workspace("a").api_key)
    today = datetime.now(UTC).astimezone(BEIJING).date()
    request = m.GetBillingTrendRequest(
        granularity="DAY",
        group_by=[m.GetBillingTrendRequestGroupBy(code="API_KEY_ID")],
        time_period=m.GetBillingTrendRequestTimePeriod(start=str(today), end=str(today)),
    )
    body = client_of(own).get_billing_trend(request).body
    assert (body.code, body.message, body.success) == ("200", "null", True)
    [day] = body.data.result_by_time
    assert (day.period, day.total.currency) == (f"{today:%Y%m%d}", "CNY")


@pytest.mark.parametrize("month", ["2026-13", "202610", "October"])
def test_a_month_that_is_not_valid_is_refused(own: Sandbox, month: str) -> None:
    request = m.GetBillingOverviewRequest(
        bill_month=month, group_by=[m.GetBillingOverviewRequestGroupBy(code="WORKSPACE_ID")]
    )
    with pytest.raises(ClientException, match=r"InvalidParameter\.billMonth"):
        client_of(own).get_billing_overview(request)
