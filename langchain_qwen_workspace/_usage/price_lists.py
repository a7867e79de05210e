"""Reads the dated price lists that the package has. None is used unless it is asked for by name."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from langchain_qwen_workspace._usage.price_rows import UNKNOWN
from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace.errors import ConfigurationError

_LISTS = {"cn-2026-08-20": "prices_cn_2026_08_20.json"}
"""The file in `data` of each list."""


@lru_cache
def price_list(name: str) -> PriceTable:
    """Return the price list with this name.

    Raises:
        ConfigurationError: There is no such list.
    """
    if name not in _LISTS:
        raise ConfigurationError(
            f"There is no price list {name!r}. Expected {' or '.join(map(repr, _LISTS))}, or a `PriceTable`."
        )
    data = json.loads((files("langchain_qwen_workspace.data") / _LISTS[name]).read_text(encoding="utf-8"))
    discounts = data["discounts"]
    models = {
        model: [{"region": data["region"], **row} for row in catalogue_rows(groups, discount=discounts.get(model, "1"))]
        for model, groups in data["models"].items()
    }
    facts = {field: data[field] for field in ("name", "date", "source", "currency", "tool_calls")}
    return PriceTable.from_dict({**facts, "models": models})


# ------------------------------------------------------------------------------ rows of the catalogue's price types

# The kinds of tokens that each price type of the catalogue is for (`GET /api/v1/models`, snapshot of 2026-08-20).
_KINDS: Mapping[str, tuple[str, ...]] = {
    # A model without a price type for images and videos has one price for all of the input but audio.
    "input_token": ("input", "media_input"),
    "output_token": ("output",),
    "input_token_cache": ("cached_input",),
    "input_token_cache_read": ("explicit_cached_input",),
    "input_token_cache_creation_5m": ("cache_written_input",),
    "embedding_token": ("input",),
    "embedding_image_token": ("media_input",),
    "omni_no_audio_input_token": ("input", "media_input"),
    "omni_audio_input_token": ("audio_input",),
    "omni_no_audio_output_token": ("output",),
    "omni_audio_output_token": ("audio_output",),
    "text_input_token": ("input",),
    "vision_input_token": ("media_input",),
    "audio_input_token": ("audio_input",),
    "purein_text_output_token": ("output",),
    "multiin_text_output_token": ("media_output",),
    "multi_output_token": ("audio_output",),
    "audio_text_input_token": ("input",),
    "audio_text_output_token": ("output",),
    "audio_output_token": ("audio_output",),
    "translate_audio_input_token": ("audio_input",),
    "translate_vision_input_token": ("media_input",),
    "translate_multi_text_output_token": ("media_output",),
    "translate_multi_output_token": ("audio_output",),
}
_THINKING, _BATCH = "thinking_", "_batch"
_TIER = re.compile(r"(?:(\d+)([km])<)?输入<=(\d+)([km])", re.IGNORECASE)
# Model Studio's pages count 1,000 tokens as 1k; the catalogue has 262,144 for 256k (2026-08).
_UNITS = {"k": (1000, 1024), "m": (1000**2, 1024**2)}
_TIME_BANDS = ("peak", "offpeak")


def catalogue_rows(groups: Sequence[Mapping[str, Any]], *, discount: str = "1") -> list[dict[str, Any]]:
    """Return the rows of a price table for a model's prices in the catalogue's words.

    Args:
        groups: The model's groups of prices, each with its `range` (a tier, a time band, or empty) and its `prices` by
            type.
        discount: What all prices but those of the Batch API are multiplied by.
    """
    return [row for group in groups for row in _rows_of_group(group, discount, groups)]


def _rows_of_group(
    group: Mapping[str, Any], discount: str, groups: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    prices: Mapping[str, str] = group["prices"]
    conditions = _conditions_of(group["range"], is_last=group is groups[-1])
    modes = {name.startswith(_THINKING) for name in prices}
    for batch in (False, True):
        for thinking in sorted(modes):
            row = _row(prices, thinking=thinking, batch=batch)
            if not row:
                continue
            # Models of which all prices are for thinking only think.
            mode = {"thinking": thinking} if len(modes) > 1 else {}
            rate = {} if batch else {"discount": discount}
            yield {"input": UNKNOWN, "output": UNKNOWN, "batch": batch, **conditions, **mode, **rate, **row}


def _conditions_of(name: str, *, is_last: bool) -> dict[str, Any]:
    """Return a tier's limits or the time band.

    Where a tier ends and the next one begins is uncertain, by 2.4 % of the limit: between the two readings there is no
    price.
    """
    if name in _TIME_BANDS:
        return {"time_band": name}
    match = _TIER.fullmatch(name)
    if match is None:
        return {}
    lower, lower_unit, upper, upper_unit = match.groups()
    limits = {"up_to": int(upper) * _UNITS[upper_unit.lower()][is_last]}
    return limits if lower is None else {"above": int(lower) * _UNITS[lower_unit.lower()][1], **limits}


def _row(prices: Mapping[str, str], *, thinking: bool, batch: bool) -> dict[str, str]:
    """Return the prices by kind of token that a price list has for a mode."""
    prefix, suffix = _THINKING * thinking, _BATCH * batch
    row = {
        kind: prices[name]
        for type_, kinds in _KINDS.items()
        if (name := f"{prefix}{type_}{suffix}") in prices
        for kind in kinds
    }
    if "omni_audio_output_token" in prices and not batch:
        row["text_with_audio_output"] = "0"  # The price of audio includes the text (snapshot of 2026-08-20).
    if batch and "input" in row:
        # Tokens of the cache have no discount in a batch (Model Studio docs, model pricing, 2026-08-20).
        row |= {"cached_input": row["input"], "explicit_cached_input": row["input"]}
    return row
