"""Keeps what a verification spends within a limit: a request is sent only if its worst case still fits."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from threading import Lock
from typing import Any, NamedTuple

from langchain_qwen_workspace._usage.price_lists import price_list
from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError
from langchain_qwen_workspace.profiles import Profile, profile_of
from langchain_qwen_workspace.workspace import QwenWorkspace

_REGION_IN_CNY = "cn-beijing"
_PRICE_LIST = "cn-2026-08-20"
# A token has at least one byte, so a body has at most as many tokens as bytes. The rest is for what the service adds
# to it: its templates, the instructions for tools (295 tokens of input for one tool were recorded, 2026-02).
_ADDED_TOKENS = 1_000
# Images may cost more tokens than the bytes of their address.
_TOKENS_PER_MEDIUM = 20_000
# What a web search adds to the input is not documented; a generous guess.
_TOKENS_OF_A_SEARCH = 60_000
_MOST_SEARCHES = 3
# The model of batch tests is free (Model Studio docs, Batch API, 2026-08-17); the other one does not exist.
FREE_MODELS = frozenset({"batch-test-model", "no-such-model"})
# Written to the explicit cache, a token of input costs 125 % (Model Studio docs, context cache, 2026-08).
_CACHE_WRITE_FACTOR = Decimal("1.25")
# The service stops some tokens after `max_completion_tokens` (Model Studio docs, chat reference, 2026-08-18: 10).
_OVERSHOOT = 10
_WITHOUT_OUTPUT = frozenset({"embedding", "embedding_task", "rerank"})
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
# The first answer of a model shows whether it keeps to `max_tokens`: it is sent only if an answer of so many times its
# length would still fit.
_UNPROVEN_FACTOR = 100
_MEDIA = ("image", "image_url", "video", "video_url", "input_audio", "audio")


_AMOUNT = re.compile(r"([A-Z]{3}) ?(\d+(?:\.\d+)?)")


class Amount(NamedTuple):
    """An amount of money."""

    currency: str
    value: Decimal


# In Beijing, and elsewhere: by the site that an account of the region usually belongs to.
_DEFAULTS = {"CNY": Amount("CNY", Decimal(10)), "USD": Amount("USD", Decimal("1.50"))}


def parse_amount(text: str) -> Amount:
    """Return the amount that a text such as `CNY 10` names.

    Raises:
        ConfigurationError: It names none, or another currency than the service has prices in.
    """
    match = _AMOUNT.fullmatch(text.strip().upper())
    if match is None or match[1] not in _DEFAULTS:
        raise ConfigurationError(
            f"{text!r} is not an amount. Expected a currency, CNY or USD, and a number, such as 'CNY 10'."
        )
    return Amount(match[1], Decimal(match[2]))


def default_amount(workspace: QwenWorkspace) -> Amount:
    """Return the default budget of a workspace, in the currency of its region."""
    return _DEFAULTS["CNY" if workspace.region == _REGION_IN_CNY else "USD"]


class BudgetError(ConfigurationError):
    """A request was not sent, since it might cost more than is left, or its cost is not known."""


class Budget:
    """Counts what requests cost, and refuses those that might exceed the limit.

    Args:
        limit: The most that all requests together may cost.
        prices: The prices; their currency is that of the limit.
        region: The region whose prices apply.
    """

    def __init__(self, limit: Decimal, prices: PriceTable, region: str | None) -> None:
        self.limit = limit
        self.spent = Decimal(0)
        self.prices = prices
        self._region = region
        self._reserved = Decimal(0)
        self._proven: set[str] = set()
        self._overrun: str | None = None
        self._lock = Lock()

    @property
    def currency(self) -> str:
        """The currency of the limit."""
        return self.prices.currency

    @property
    def left(self) -> Decimal:
        """What can still be spent."""
        return self.limit - self.spent - self._reserved

    def reserve(self, body: Mapping[str, Any] | None) -> Decimal:
        """Reserve the worst case of a request, and return it.

        Args:
            body: The JSON body; `None` if there is none.

        Raises:
            BudgetError: The request must not be sent.
        """
        worst = self.worst_case(body)
        with self._lock:
            if worst and self._overrun is not None:
                raise BudgetError(self._overrun)
            needed = worst if (body or {}).get("model") in self._proven else worst * _UNPROVEN_FACTOR
            if needed > self.left:
                raise BudgetError(
                    f"The budget is used up: the request may cost {_amount(worst)} {self.currency}, or "
                    f"{_amount(needed)} if the model does not keep to `max_tokens`, and {_amount(self.left)} of "
                    f"{_amount(self.limit)} is left."
                )
            self._reserved += worst
        return worst

    def settle(self, reserved: Decimal, body: Mapping[str, Any] | None, usage: Mapping[str, Any] | None) -> None:
        """Replace a reservation by what the request cost. A cost above it stops all paid requests that follow.

        Args:
            reserved: What was reserved.
            body: The request's body.
            usage: The usage that the response reports; `None` if it reports none, so that the worst case is counted.
        """
        model = str((body or {}).get("model"))
        is_known = usage is not None and reserved > 0
        cost = self._cost_of(model, usage) if usage is not None and is_known else reserved
        with self._lock:
            self._reserved -= reserved
            self.spent += cost
            if is_known:
                self._proven.add(model)
            if cost > reserved:
                self._overrun = (
                    f"No more paid requests: {model} cost {_amount(cost)} {self.currency}, more than the worst case of "
                    f"{_amount(reserved)}. The service did not keep to `max_tokens`, or counted the input otherwise."
                )

    def release(self, reserved: Decimal) -> None:
        """Give back the reservation of a request that costs nothing, since it was refused."""
        with self._lock:
            self._reserved -= reserved

    def worst_case(self, body: Mapping[str, Any] | None) -> Decimal:
        """Return the most that a request can cost.

        Raises:
            BudgetError: It is not known: the model has no price, or its answer no limit.
        """
        model = (body or {}).get("model")
        if body is None or not isinstance(model, str) or model in FREE_MODELS:
            return Decimal(0)
        parameters, given = (_object_in(body, name) for name in ("parameters", "input"))
        profile = profile_of(model)
        is_chat = profile.kind not in _WITHOUT_OUTPUT
        output = _longest_output(model, profile, parameters) if is_chat else 0
        searches = _MOST_SEARCHES if parameters.get("enable_search") else 0
        tokens = _longest_input(body, given) + _TOKENS_OF_A_SEARCH * bool(searches)
        may_think = is_chat and _may_think(profile, parameters)
        # The price of a mode that the model does not have is not asked for.
        costs = [
            self._charge(model, tokens, output, has_reasoning=thinking, searches=searches)
            for thinking in ((False, True) if may_think else (False,))
        ]
        return max(costs)

    def _cost_of(self, model: str, usage: Mapping[str, Any]) -> Decimal:
        counts = [int(usage[name]) for name in ("prompt_tokens", "input_tokens") if usage.get(name) is not None]
        output = usage.get("completion_tokens", usage.get("output_tokens", 0)) or 0
        total = usage.get("total_tokens") or 0
        given = counts[0] if counts else max(total - output, 0)
        details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
        plugins = usage.get("plugins") or {}
        searches = (plugins.get("search") or {}).get("count") or 0
        return self._charge(
            model, given, output, has_reasoning=bool(details.get("reasoning_tokens")), searches=searches
        )

    def _charge(self, model: str, given: int, output: int, *, has_reasoning: bool, searches: int) -> Decimal:
        tokens = TokenCounts(
            input=given,
            output=output,
            total=given + output,
            has_reasoning=has_reasoning,
            tool_calls={"web_search": searches} if searches else {},
        )
        charge = self.prices.charge(model, self._region, tokens)
        if charge.cost is None or charge.unpriced:
            raise BudgetError(
                f"The price of {model} in {self._region} is not known. Give it with "
                f"`--price {model}=INPUT,OUTPUT`, per million tokens."
            )
        return charge.cost * _CACHE_WRITE_FACTOR


def read_prices(workspace: QwenWorkspace, currency: str) -> PriceTable:
    """Return the prices of a workspace's region: the package's list, or else those of the service's catalogue.

    Reading the catalogue costs nothing. If it cannot be read, no model has a price.

    Raises:
        ConfigurationError: The package's list for the region has another currency.
    """
    table = price_list(_PRICE_LIST)
    regions = {row.region for rows in table.models.values() for row in rows}
    if workspace.region in regions:
        if table.currency != currency:
            raise ConfigurationError(
                f"The prices of {workspace.region} are in {table.currency}. Give the budget in this currency."
            )
        return table
    try:
        return PriceTable.from_catalogue(workspace.catalogue(), currency=currency)
    except QwenWorkspaceError:
        return PriceTable.from_dict({"currency": currency, "models": {}})


def with_prices(table: PriceTable, given: Mapping[str, tuple[Decimal, Decimal]]) -> PriceTable:
    """Return a price table in which some models have the prices of input and output that were given."""
    rows = {model: {"input": str(price), "output": str(output)} for model, (price, output) in given.items()}
    own = PriceTable.from_dict({"currency": table.currency, "models": rows})
    return table.model_copy(update={"models": {**table.models, **own.models}})


def usage_in(text: str) -> Mapping[str, Any] | None:
    """Return the last usage that a body, or the events of a stream, report."""
    found: Mapping[str, Any] | None = None
    for line in [text] if text.lstrip().startswith("{") else text.splitlines():
        body = _json_in(line)
        usage = _object_in(body, "response").get("usage") if isinstance(body, Mapping) else None
        found = usage if isinstance(usage, Mapping) else found
    return found


def _json_in(line: str) -> Any:
    try:
        return json.loads(line.removeprefix("data:"))
    except ValueError:
        return None


def _object_in(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object in a body, or the body where a protocol has no such object."""
    found = body.get(name)
    return found if isinstance(found, Mapping) else body


def _longest_input(body: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    text = json.dumps(body, ensure_ascii=False)
    longest = len(text.encode()) + _ADDED_TOKENS + _TOKENS_PER_MEDIUM * sum(text.count(f'"{kind}"') for kind in _MEDIA)
    documents = given.get("documents")
    # The query is billed once for each document (Model Studio docs, text rerank, 2026-07-01).
    return longest * (1 + len(documents)) if isinstance(documents, list) else longest


def _longest_output(model: str, profile: Profile, parameters: Mapping[str, Any]) -> int:
    limits = [parameters.get(name) for name in _LIMITS]
    stated = [limit for limit in limits if isinstance(limit, int)]
    if not stated:
        raise BudgetError(f"The request to {model} has no `max_tokens`, so its cost has no limit.")
    reasoning = 0
    if _may_think(profile, parameters) and "max_completion_tokens" not in parameters:
        reasoning = parameters.get("thinking_budget") or profile.max_reasoning_tokens or profile.max_output_tokens or 0
        if not reasoning:
            raise BudgetError(f"The request to {model} has no `thinking_budget`, so its cost has no limit.")
    return (min(stated) + reasoning + _OVERSHOOT) * int(parameters.get("n") or 1)


def _may_think(profile: Profile, parameters: Mapping[str, Any]) -> bool:
    asked = parameters.get("enable_thinking")
    return profile.thinking in {"on", "only", "unknown"} if asked is None else bool(asked)


def _amount(amount: Decimal) -> str:
    return f"{amount:.4f}"
