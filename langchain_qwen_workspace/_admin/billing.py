"""Reads bills: amounts of a month or of a period, by workspace, model, key or another dimension."""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Literal, TypeAlias

from langchain_qwen_workspace._admin import values
from langchain_qwen_workspace._admin.flows import Flow, Json, invalid_response, send
from langchain_qwen_workspace.errors import ConfigurationError, InvalidResponseError

Dimension: TypeAlias = Literal["workspace", "model", "key", "kind", "fee", "charge", "region", "site", "article"]
"""By what a bill can be split, or which part of it is read."""
Granularity: TypeAlias = Literal["day", "month"]

# Model Studio docs, GetBillingOverview and GetBillingTrend, 2026-10-11.
_CODES: Mapping[str, str] = MappingProxyType(
    {
        "workspace": "WORKSPACE_ID",
        "model": "BASE_MODEL",
        "key": "API_KEY_ID",
        "kind": "MAAS_TYPE",
        "fee": "FEE_TYPE",
        "charge": "CHARGE_TYPE",
        "region": "BUSINESS_REGION",
        "site": "SERVICE_SITE",
        "article": "ARTICLE_CODE",
    }
)
_GRANULARITIES = {"day": "DAY", "month": "MONTH"}
_EMPTY_KEY = "DIMENSION_FILTER_NULL_VALUE"
_REST_KEY = "DIMENSION_GROUP_OTHERS_VALUE"
_MOST_GROUPS = 20


@dataclass(frozen=True, slots=True)
class BillRow:
    """What one workspace, model, key, … cost.

    Attributes:
        key: Its id or name; `None` where there is none, such as for calls from the console, which have no key.
        name: Its name in the console.
        amount: The amount, in the bill's currency.
    """

    key: str | None
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of a month. It may lag behind the calls, so that it does not show what was spent up to now.

    Attributes:
        month: The month, such as `2026-10`.
        by: The dimension by which it is split.
        currency: The currency of all amounts, as the service states it.
        total: The total, with tax.
        pretax: The total without tax, if the service states it.
        tax: The tax, if the service states it.
        rows: The groups; the service returns at most 20.
        rest: The part of the total that is in no row.
        is_cut_off: Whether there are as many rows as the service returns at most, so that more may exist.
    """

    month: str
    by: Dimension
    currency: str
    total: Decimal
    pretax: Decimal | None
    tax: Decimal | None
    rows: tuple[BillRow, ...]
    rest: Decimal
    is_cut_off: bool


@dataclass(frozen=True, slots=True)
class BillPeriod:
    """The bill of a day or a month.

    Attributes:
        start: Its first day.
        total: The total.
        rows: The groups.
        rest: The part of the total that is in no row: the groups beyond the 20 largest, which the service adds up.
    """

    start: date
    total: Decimal
    rows: tuple[BillRow, ...]
    rest: Decimal


@dataclass(frozen=True, slots=True)
class BillTrend:
    """Bills of successive days or months.

    Attributes:
        by: The dimension by which they are split.
        currency: The currency of all amounts.
        total: The total of all periods.
        rest: The part of the total that is in no row.
        periods: The periods, in order.
    """

    by: Dimension
    currency: str
    total: Decimal
    rest: Decimal
    periods: tuple[BillPeriod, ...]


def get_bill(month: str | date, by: Dimension, filters: Mapping[Dimension, str | Sequence[str] | None]) -> Flow[Bill]:
    """Return the bill of a month."""
    text = _month(month)
    body = yield from send("GetBillingOverview", billMonth=text, **_query(by, filters))
    data = values.object_in(body, "data", "GetBillingOverview")
    rows, total = _rows(data.get("groups"), "GetBillingOverview", body), _amount(data, "totalAmount", body)
    return Bill(
        month=text,
        by=by,
        currency=_currency(data, body),
        total=total,
        pretax=_optional_amount(data, "pretaxAmount", body),
        tax=_optional_amount(data, "taxAmount", body),
        rows=rows,
        rest=total - sum((row.amount for row in rows), Decimal()),
        is_cut_off=len(rows) >= _MOST_GROUPS,
    )


def get_bill_trend(
    start: date,
    end: date,
    granularity: Granularity,
    by: Dimension,
    filters: Mapping[Dimension, str | Sequence[str] | None],
) -> Flow[BillTrend]:
    """Return the bills of the days or months from `start` to `end`, both included.

    A request asks for one month at most: a client of others splits at the ends of months, since a period may not cross
    one (2026-10, not official).
    """
    code = _GRANULARITIES.get(granularity)
    if code is None:
        raise ConfigurationError(f'`granularity` is {granularity!r}. Expected "day" or "month".')
    if end < start:
        raise ConfigurationError(f"The period ends on {end}, before it starts on {start}. Expected a later end.")
    query = _query(by, filters)
    periods: list[BillPeriod] = []
    currencies: set[str] = set()
    for first, last in _months(start, end):
        time = {"start": first.isoformat(), "end": last.isoformat()}
        body = yield from send("GetBillingTrend", granularity=code, timePeriod=time, **query)
        data = values.object_in(body, "data", "GetBillingTrend")
        currencies.add(_currency(values.object_in(data, "costTotals", "GetBillingTrend"), body))
        periods += [_period(row, body) for row in values.rows_in(data, "resultByTime", "GetBillingTrend", "period")]
    if len(currencies) > 1:
        raise InvalidResponseError(
            f"The months have different currencies ({', '.join(sorted(currencies))}). Read each month by itself."
        )
    return BillTrend(
        by=by,
        currency=currencies.pop(),
        total=sum((period.total for period in periods), Decimal()),
        rest=sum((period.rest for period in periods), Decimal()),
        periods=tuple(sorted(periods, key=lambda period: period.start)),
    )


def _query(by: Dimension, filters: Mapping[Dimension, str | Sequence[str] | None]) -> Json:
    """Return the fields that both operations have. The service takes exactly one dimension to group by."""
    dimensions = [
        {"code": _code(name), "selectType": "IN", "values": [wanted] if isinstance(wanted, str) else list(wanted)}
        for name, wanted in filters.items()
        if wanted is not None
    ]
    if empty := [item["code"] for item in dimensions if not item["values"] or "" in item["values"]]:
        raise ConfigurationError(f"The bill's filter {empty[0]} has no value. Leave it out to read the whole bill.")
    return {
        "groupBy": [{"code": _code(by)}],
        "topNum": _MOST_GROUPS,
        "zeroFilter": True,
        "filter": {"dimensions": dimensions} if dimensions else None,
    }


def _code(dimension: str) -> str:
    if code := _CODES.get(dimension):
        return code
    raise ConfigurationError(f"A bill cannot be split by {dimension!r}. Expected one of {', '.join(_CODES)}.")


def _month(given: str | date) -> str:
    if isinstance(given, date):
        return f"{given:%Y-%m}"
    try:
        return f"{date.fromisoformat(f'{given}-01'):%Y-%m}"
    except ValueError:
        raise ConfigurationError(f"Month {given!r} is not valid. Expected a month such as `2026-10`.") from None


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each month of a period, as far as they are in it."""
    first = start
    while first <= end:
        last = first.replace(day=monthrange(first.year, first.month)[1])
        yield first, min(last, end)
        first = date.fromordinal(last.toordinal() + 1)


def _period(row: Json, body: Json) -> BillPeriod:
    text = str(row["period"])
    try:
        start = date.fromisoformat(text if len(text) > len("yyyyMM") else f"{text}01")
    except ValueError:
        raise invalid_response("GetBillingTrend", "periods such as `20261001` or `202610`", body) from None
    total = _amount(values.object_in(row, "total", "GetBillingTrend"), "amount", body)
    rows = tuple(group for group in _rows(row.get("periodDetails"), "GetBillingTrend", body) if group.key != _REST_KEY)
    return BillPeriod(start, total, rows, total - sum((group.amount for group in rows), Decimal()))


def _rows(groups: object, operation: str, body: Json) -> tuple[BillRow, ...]:
    found = values.rows_in({**body, "groups": groups}, "groups", operation, "key")
    return tuple(
        BillRow(
            key=None if row["key"] == _EMPTY_KEY else str(row["key"]),
            name=str(row.get("name") or row["key"]),
            amount=_amount(row, "amount", body),
        )
        for row in found
    )


def _currency(data: Json, body: Json) -> str:
    if isinstance(currency := data.get("currency"), str) and currency:
        return currency
    raise invalid_response("the bill", "a `currency`", body)


def _optional_amount(data: Json, name: str, body: Json) -> Decimal | None:
    return None if data.get(name) is None else _amount(data, name, body)


def _amount(data: Json, name: str, body: Json) -> Decimal:
    try:
        amount = Decimal(str(data.get(name)))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise invalid_response("the bill", f"an amount as `{name}`", body)
    return amount
