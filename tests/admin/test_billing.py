"""Bills: amounts as decimals, what is in no row, months that are asked for one by one."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from langchain_qwen_workspace import ConfigurationError, InvalidResponseError
from langchain_qwen_workspace.admin import Bill, BillPeriod, BillRow, WorkspaceAdmin
from tests.admin.conftest import query_of
from tests.support.server import Server, json_reply


def overview(**data: Any) -> dict[str, Any]:
    return {"code": "200", "message": "null", "success": True, "data": {"currency": "CNY", "totalAmount": "0", **data}}


def trend(*periods: Any, currency: str = "CNY") -> dict[str, Any]:
    return {"success": True, "data": {"costTotals": {"currency": currency}, "resultByTime": list(periods)}}


def test_a_bill_has_exact_amounts_and_what_is_in_no_row(admin: WorkspaceAdmin, plane: Server) -> None:
    groups = [
        {"key": "llm-a", "name": "a", "amount": "0.1"},
        {"key": "DIMENSION_FILTER_NULL_VALUE", "name": "-", "amount": "0.2"},
    ]
    plane.script(json_reply(overview(totalAmount="1.30", pretaxAmount="1.2", taxAmount="0.1", groups=groups)))
    assert admin.bill(date(2026, 10, 5), workspace="llm-a") == Bill(
        month="2026-10",
        by="workspace",
        currency="CNY",
        total=Decimal("1.30"),
        pretax=Decimal("1.2"),
        tax=Decimal("0.1"),
        rows=(BillRow("llm-a", "a", Decimal("0.1")), BillRow(None, "-", Decimal("0.2"))),
        rest=Decimal("1.00"),
        is_cut_off=False,
    )


async def test_a_bill_of_20_rows_says_that_more_may_exist(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply(overview(groups=[{"key": f"k{n}", "amount": "0"} for n in range(20)])))
    bill = await admin.abill("2026-10", "key")
    assert bill.is_cut_off


def test_a_month_without_calls_has_no_rows(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply(overview(groups=None)))
    assert admin.bill("2026-10").rows == ()


async def test_a_trend_asks_for_each_month_alone_and_joins_them(admin: WorkspaceAdmin, plane: Server) -> None:
    rows = [{"key": "m", "name": "m", "amount": "2"}, {"key": "DIMENSION_GROUP_OTHERS_VALUE", "amount": "1"}]
    second = {"period": "20261101", "total": {"amount": "3"}, "periodDetails": rows}
    first = {"period": "20261031", "total": {"amount": "5"}, "periodDetails": None}
    plane.script(json_reply(trend(first)), json_reply(trend(second)), json_reply(trend()))
    found = await admin.abill_trend(date(2026, 10, 30), date(2026, 12, 2), by="model")
    assert [query_of(received)["timePeriod"] for received in plane.requests] == [
        '{"end":"2026-10-31","start":"2026-10-30"}',
        '{"end":"2026-11-30","start":"2026-11-01"}',
        '{"end":"2026-12-02","start":"2026-12-01"}',
    ]
    assert found.periods == (
        BillPeriod(date(2026, 10, 31), Decimal(5), (), Decimal(5)),
        BillPeriod(date(2026, 11, 1), Decimal(3), (BillRow("m", "m", Decimal(2)),), Decimal(1)),
    )
    assert (found.total, found.rest, found.currency) == (Decimal(8), Decimal(6), "CNY")


def test_a_trend_of_months_begins_each_on_its_first_day(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply(trend({"period": "202610", "total": {"amount": "1"}, "periodDetails": []})))
    found = admin.bill_trend(date(2026, 10, 1), date(2026, 10, 31), granularity="month")
    assert found.periods[0].start == date(2026, 10, 1)
    assert query_of(plane.requests[0])["granularity"] == "MONTH"


def test_months_of_different_currencies_are_not_added_up(admin: WorkspaceAdmin, plane: Server) -> None:
    plane.script(json_reply(trend()), json_reply(trend(currency="USD")))
    with pytest.raises(InvalidResponseError, match="CNY, USD"):
        admin.bill_trend(date(2026, 10, 1), date(2026, 11, 30))


@pytest.mark.parametrize(
    "body",
    [
        {"success": True},
        overview(currency=None),
        overview(totalAmount=None),
        overview(totalAmount="NaN"),
        overview(totalAmount="much"),
        overview(groups=[{"amount": "1"}]),
        overview(groups=[{"key": "a"}]),
        overview(groups="x"),
    ],
)
def test_a_bill_that_is_malformed_is_an_invalid_response(
    admin: WorkspaceAdmin, plane: Server, body: dict[str, Any]
) -> None:
    plane.script(json_reply(body))
    with pytest.raises(InvalidResponseError):
        admin.bill("2026-10")


@pytest.mark.parametrize("period", [{"period": "October", "total": {"amount": "1"}}, {"period": "20261001"}])
def test_a_trend_that_is_malformed_is_an_invalid_response(admin: WorkspaceAdmin, plane: Server, period: Any) -> None:
    plane.script(json_reply(trend(period)))
    with pytest.raises(InvalidResponseError):
        admin.bill_trend(date(2026, 10, 1), date(2026, 10, 2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"month": "2026-13"}, "Month"),
        ({"month": "October"}, "Month"),
        ({"month": "2026-10", "by": "colour"}, "colour"),
        ({"month": "2026-10", "workspace": ""}, "no value"),
        ({"month": "2026-10", "model": []}, "no value"),
    ],
)
def test_a_bill_that_cannot_be_asked_for_is_refused(
    admin: WorkspaceAdmin, plane: Server, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        admin.bill(**arguments)
    assert plane.requests == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"start": date(2026, 10, 2), "end": date(2026, 10, 1)}, "before it starts"),
        ({"start": date(2026, 10, 2), "end": date(2026, 10, 2), "granularity": "year"}, "granularity"),
    ],
)
def test_a_trend_that_cannot_be_asked_for_is_refused(
    admin: WorkspaceAdmin, plane: Server, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        admin.bill_trend(**arguments)
    assert plane.requests == []
