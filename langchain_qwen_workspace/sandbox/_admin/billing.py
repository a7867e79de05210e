"""The operations on the bill.

Shapes: SDK source of 2.2.3 and Model Studio docs, GetBillingOverview and GetBillingTrend (2026-10-11).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from langchain_qwen_workspace.sandbox._admin.account import SITES, Account
from langchain_qwen_workspace.sandbox._admin.bill import Line
from langchain_qwen_workspace.sandbox._admin.prices import CURRENCY
from langchain_qwen_workspace.sandbox._admin.refusals import invalid_parameter
from langchain_qwen_workspace.sandbox._admin.requests import AdminRequest

_OTHERS = "DIMENSION_GROUP_OTHERS_VALUE"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_GROUPS = range(1, 21)
_TAX = Decimal("1.06")
_TAX_DIGITS = Decimal("1e-10")
_ARTICLE = "sandbox_inference"

# What each dimension is of a line: its key, and the name that is shown.
_DIMENSIONS: Mapping[str, Callable[[Line], tuple[str, str]]] = {
    "WORKSPACE_ID": lambda line: (line.workspace_id, line.workspace_name),
    "API_KEY_ID": lambda line: (str(line.key_id), str(line.key_id)),
    "BASE_MODEL": lambda line: (line.model, line.model),
    "BUSINESS_REGION": lambda line: (line.region, line.region),
    "SERVICE_SITE": lambda line: (SITES.get(line.region, line.region),) * 2,
    "MAAS_TYPE": lambda _: ("inference", "Inference"),
    "FEE_TYPE": lambda _: ("billing", "Billing"),
    "CHARGE_TYPE": lambda _: ("postpaid", "Postpaid"),
    "ARTICLE_CODE": lambda _: (_ARTICLE, _ARTICLE),
}

_Amounts = Iterable[tuple[Line, Decimal]]
_Group = tuple[str, str]


def get_billing_overview(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `GetBillingOverview`: the groups with the highest amounts; the others are left out, but in the total."""
    month = request.require("billMonth")
    if not _MONTH.fullmatch(month):
        raise invalid_parameter("billMonth", "billMonth should be a month such as 2026-10.")
    amounts = [(line, amount) for line, amount in _select(account, request) if f"{line.day:%Y-%m}" == month]
    groups = _sum_groups(amounts, _read_dimension(request))
    top = _top(groups, request)
    total, total_of_top = sum(groups.values(), Decimal(0)), sum(top.values(), Decimal(0))
    rows = [
        {
            "key": key,
            "name": name,
            "amount": _text(amount),
            "percentage": _share(amount, total_of_top),
            "articleCodes": [_ARTICLE],
        }
        for (key, name), amount in top.items()
    ]
    taxes = _split_tax(total)
    totals = {"totalAmount": taxes["amount"], "pretaxAmount": taxes["pretaxAmount"], "taxAmount": taxes["taxAmount"]}
    return {"data": {"currency": CURRENCY, **totals, "groups": rows}}


def get_billing_trend(account: Account, request: AdminRequest) -> dict[str, Any]:
    """Answer `GetBillingTrend`: amounts by day or month; the groups with low amounts are merged into one."""
    granularity = request.choice("granularity", ("DAY", "MONTH"))
    start, end = _read_period(request, granularity)
    dimension = _read_dimension(request)
    amounts = [(line, amount) for line, amount in _select(account, request) if start <= line.day <= end]
    groups = _sum_groups(amounts, dimension)
    top = _top(groups, request)
    style = "%Y%m%d" if granularity == "DAY" else "%Y%m"
    periods: dict[str, list[tuple[Line, Decimal]]] = defaultdict(list)
    for line, amount in amounts:
        periods[line.day.strftime(style)].append((line, amount))
    total = {**_split_tax(sum(groups.values(), Decimal(0))), "currency": CURRENCY}
    data = {
        "costTotals": total,
        "groupByTotal": [_render_group(group, amount) for group, amount in _merge(groups, top).items()],
        "resultByTime": [
            _render_period(period, _sum_groups(items, dimension), top) for period, items in sorted(periods.items())
        ],
    }
    return {"data": data}


def _render_period(period: str, groups: Mapping[_Group, Decimal], top: Collection[_Group]) -> dict[str, Any]:
    total = sum(groups.values(), Decimal(0))
    details = [
        {**_render_group(group, amount), "percentage": _share(amount, total)}
        for group, amount in _merge(groups, top).items()
    ]
    return {"period": period, "total": {**_split_tax(total), "currency": CURRENCY}, "periodDetails": details}


def _render_group(group: _Group, amount: Decimal) -> dict[str, Any]:
    return {"key": group[0], "name": group[1], **_split_tax(amount)}


def _merge(groups: Mapping[_Group, Decimal], top: Collection[_Group]) -> dict[_Group, Decimal]:
    """Return the top groups, highest first, and the sum of the others, if they cost anything."""
    shown = {group: amount for group, amount in _sort(groups).items() if group in top}
    others = sum((amount for group, amount in groups.items() if group not in top), Decimal(0))
    return {**shown, (_OTHERS, "Others"): others} if others else shown


def _select(account: Account, request: AdminRequest) -> _Amounts:
    """Return the lines that pass the filters."""
    region = request.text("regionId")
    amounts = [(line, amount) for line, amount in account.bill.amounts() if region in (None, line.region)]
    filters = request.json("filter", dict).get("dimensions") or []
    for item in filters if isinstance(filters, list) else [filters]:
        given = item if isinstance(item, dict) else {}
        code, kind, values = str(given.get("code")), given.get("selectType"), given.get("values")
        if code not in _DIMENSIONS or kind not in ("IN", "NOT") or not isinstance(values, list):
            raise invalid_parameter("filter", "filter should have a code, a selectType IN or NOT, and values.")
        amounts = [pair for pair in amounts if (_DIMENSIONS[code](pair[0])[0] in values) == (kind == "IN")]
    return amounts


def _read_dimension(request: AdminRequest) -> Callable[[Line], _Group]:
    """Return the dimension that the request groups by.

    Raises:
        OperationRefusal: If it is not exactly one.
    """
    codes = [str(item.get("code")) for item in request.json("groupBy", list) if isinstance(item, dict)]
    if len(codes) != 1 or codes[0] not in _DIMENSIONS:
        raise invalid_parameter("groupBy", f"groupBy should have exactly one of {', '.join(_DIMENSIONS)}.")
    return _DIMENSIONS[codes[0]]


def _read_period(request: AdminRequest, granularity: str) -> tuple[date, date]:
    period = request.json("timePeriod", dict)
    texts = [str(period.get(name)) for name in ("start", "end")]
    try:
        start, end = (date.fromisoformat(text) for text in texts if _DAY.fullmatch(text))
    except ValueError:
        raise invalid_parameter("timePeriod", "timePeriod should have start and end such as 2026-10-01.") from None
    # A public client splits at months for this reason (2026-10); the docs do not say so.
    if start > end or (granularity == "DAY" and f"{start:%Y-%m}" != f"{end:%Y-%m}"):
        raise invalid_parameter("timePeriod", "timePeriod should start before it ends, with DAY in one month.")
    return start, end


def _sum_groups(amounts: _Amounts, dimension: Callable[[Line], _Group]) -> dict[_Group, Decimal]:
    groups: dict[_Group, Decimal] = defaultdict(Decimal)
    for line, amount in amounts:
        groups[dimension(line)] += amount
    return groups


def _top(groups: Mapping[_Group, Decimal], request: AdminRequest) -> dict[_Group, Decimal]:
    """Return the groups with the highest amounts, as many as the request wants, by default without those of 0."""
    number = request.integer("topNum", _MOST_GROUPS[-1], _MOST_GROUPS)
    drops_zero = request.boolean("zeroFilter") is not False
    items = [(group, amount) for group, amount in _sort(groups).items() if amount or not drops_zero]
    return dict(items[:number])


def _sort(groups: Mapping[_Group, Decimal]) -> dict[_Group, Decimal]:
    return dict(sorted(groups.items(), key=lambda item: (-item[1], item[0])))


def _split_tax(amount: Decimal) -> dict[str, str]:
    """Return an amount, and its parts without and of the tax of 6 % (the rate of the documented example)."""
    pretax = (amount / _TAX).quantize(_TAX_DIGITS)
    return {"amount": _text(amount), "pretaxAmount": _text(pretax), "taxAmount": _text(amount - pretax)}


def _share(amount: Decimal, total: Decimal) -> str:
    return str((amount / total).quantize(Decimal("0.0001"))) if total else "0"


def _text(amount: Decimal) -> str:
    """Return all digits of an amount, without an exponent."""
    return f"{amount.normalize():f}" if amount else "0"
