"""Compares what a usage file counts and estimates with what the service bills, by workspace and model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from langchain_qwen_workspace._usage.records import UsageRow
from langchain_qwen_workspace.admin import WorkspaceAdmin


@dataclass(frozen=True, slots=True)
class Line:
    """What a workspace used of a model.

    Attributes:
        workspace_id: The workspace; `None` if the file does not name it.
        model: The model; `None` for what the bill has in no row.
        calls: The calls in the file.
        tokens: Their tokens.
        estimate: Their cost by the file's prices; `None` if a price or the usage of a call is not known.
        amount: The amount on the bill; `None` if it has none.
        currency: The currency of the bill.
        verdict: What the difference is.
    """

    workspace_id: str | None
    model: str | None
    calls: int
    tokens: int
    estimate: Decimal | None
    amount: Decimal | None
    currency: str
    verdict: str

    @property
    def difference(self) -> Decimal | None:
        """What the bill has more than the file; `None` if one of them is not known."""
        return None if self.estimate is None or self.amount is None else self.amount - self.estimate


def reconcile(admin: WorkspaceAdmin, month: str, rows: Sequence[UsageRow]) -> list[Line]:
    """Return what a usage file and a bill say, sorted by workspace and model.

    The bill is read once for all workspaces, and once for each: the service splits it by one dimension at a time.
    """
    overview = admin.bill(month, "workspace")
    amounts: dict[tuple[str | None, str | None], Decimal] = {}
    ids = {row.workspace_id for row in rows} | {row.key for row in overview.rows}
    for workspace_id in sorted(id_ for id_ in ids if id_ is not None):
        bill = admin.bill(month, "model", workspace=workspace_id)
        amounts |= {(workspace_id, row.key): row.amount for row in bill.rows}
        if bill.rest:
            amounts[workspace_id, None] = amounts.get((workspace_id, None), Decimal()) + bill.rest
    return list(_compare(rows, amounts, overview.currency, overview.rest))


def _compare(
    rows: Sequence[UsageRow],
    amounts: dict[tuple[str | None, str | None], Decimal],
    currency: str,
    rest: Decimal,
) -> Iterator[Line]:
    used: dict[tuple[str | None, str | None], list[UsageRow]] = {}
    for row in rows:
        used.setdefault((row.workspace_id, row.model), []).append(row)
    for key in sorted(used.keys() | amounts.keys(), key=lambda key: [part or "" for part in key]):
        yield _line(key, used.get(key, ()), amounts.get(key), currency)
    if rest:
        yield Line(None, None, 0, 0, None, rest, currency, "in no row of the bill")


def _line(key: tuple[str | None, str | None], rows: Sequence[UsageRow], amount: Decimal | None, currency: str) -> Line:
    estimate = _sum(row.cost for row in rows)
    if rows and amount is None and key[0] is not None:
        # The service leaves out what cost nothing.
        amount = Decimal()
    calls, tokens = sum(row.calls for row in rows), sum(row.total_tokens for row in rows)
    verdict = _verdict(key, rows, estimate, amount, currency)
    return Line(*key, calls, tokens, estimate if rows else None, amount, currency, verdict)


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal()
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def _verdict(
    key: tuple[str | None, str | None],
    rows: Sequence[UsageRow],
    estimate: Decimal | None,
    amount: Decimal | None,
    currency: str,
) -> str:
    if not rows:
        return "not in the file" if key[1] else "in no row of the bill"
    if amount is None:
        return "the file does not name the workspace"
    if estimate is None:
        return "no price in the file"
    if others := {row.currency for row in rows} - {currency}:
        return f"the file has {', '.join(sorted(str(other) for other in others))}"
    return _compare_amounts(amount, estimate)


def _compare_amounts(amount: Decimal, estimate: Decimal) -> str:
    if amount == estimate:
        return "equal"
    if not amount:
        return "not on the bill"
    return "billed more" if amount > estimate else "billed less"
