"""Reads the dated price lists that the package has. None is used unless it is asked for by name."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from langchain_qwen_workspace._usage.catalogue_prices import BATCH, TIME_BANDS, catalogue_rows
from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace.errors import ConfigurationError

_LISTS = {"cn-2026-08-20": "prices_cn_2026_08_20.json"}
"""The file in `data` of each list."""


@lru_cache
def price_list(name: str) -> PriceTable:
    """Return a dated price list of the package.

    Args:
        name: The list's name: `"cn-2026-08-20"`, the list prices of Beijing in CNY, from a public copy of the service's
            catalogue of that day.

    Raises:
        ConfigurationError: There is no such list.
    """
    if name not in _LISTS:
        raise ConfigurationError(
            f"There is no price list {name!r}. Expected {' or '.join(map(repr, _LISTS))}, or a `PriceTable`."
        )
    data = json.loads((files("langchain_qwen_workspace.data") / _LISTS[name]).read_text(encoding="utf-8"))
    models = {
        model: [
            {"region": data["region"], **row} for row in catalogue_rows(_groups(ranges, data["discounts"].get(model)))
        ]
        for model, ranges in data["models"].items()
    }
    facts = {field: data[field] for field in ("name", "date", "source", "currency", "tool_calls")}
    return PriceTable.from_dict({**facts, "models": models})


def _groups(ranges: Mapping[str, Mapping[str, str]], discount: str | None) -> list[dict[str, Any]]:
    """Return the prices of a model in the catalogue's form; the file has only their types and amounts."""
    return [
        {
            "time_band" if name in TIME_BANDS else "range_name": name,
            "prices": [
                {"type": type_, "price": price, "discount": None if type_.endswith(BATCH) else discount}
                for type_, price in prices.items()
            ],
        }
        for name, prices in ranges.items()
    ]
