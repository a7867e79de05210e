"""Reads a model's prices in the words of the service's catalogue as rows of a price table."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from langchain_qwen_workspace._usage.price_rows import UNKNOWN

# The kinds of tokens that each price type of the catalogue is for (`GET /api/v1/models`, snapshot of 2026-08-20).
# `audio_input_token_cache` and `vision_input_token_cache` are of no use: the service does not count what they are for.
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
    "text_input_token_cache": ("cached_input",),
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
_THINKING, BATCH = "thinking_", "_batch"
TIME_BANDS = ("peak", "offpeak")
_MILLION = re.compile("百万|million|1 ?m", re.IGNORECASE)
_TIER = re.compile(r"(?:(\d+)([km])<)?(?:输入|input)<=(\d+)([km])", re.IGNORECASE)
# Model Studio's pages count 1,000 tokens as 1k; the catalogue has 262,144 for 256k (2026-08).
_UNITS = {"k": (1000, 1024), "m": (1000**2, 1024**2)}


def catalogue_rows(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a price table for a model's prices in the catalogue's words.

    Price types that are not known, and prices of another unit than a million tokens, are left out, and so unknown.

    Args:
        groups: The model's `prices`: groups with a `range_name` (a tier, `Default` or nothing), each of which has
            `prices` with a `type` and a `price`, and may have a `price_unit`, a `discount`, which multiplies the price,
            and a `time_band`. Groups may have the time band, and the numbers `range_start` and `range_end`. The names
            may be in camel case, as the console has them.
    """
    tiers: dict[tuple[str | None, str | None], tuple[dict[str, Any], dict[str, str]]] = {}
    for index, group in enumerate(groups):
        limits = _limits_of(group, is_last=index == len(groups) - 1)
        for item in group["prices"]:
            band = _get(item, "time_band") or _get(group, "time_band")
            conditions = {**limits, **({"time_band": band} if band in TIME_BANDS else {})}
            prices = tiers.setdefault((_get(group, "range_name"), conditions.get("time_band")), (conditions, {}))[1]
            if _MILLION.search(_get(item, "price_unit") or "million"):
                prices[item["type"]] = _multiply(item["price"], _get(item, "discount"))
    return [row for conditions, prices in tiers.values() for row in _rows_of_tier(conditions, prices)]


def _multiply(price: Any, discount: Any) -> str:
    return str(Decimal(str(price)) * (1 if discount is None else Decimal(str(discount))))


def _get(item: Mapping[str, Any], name: str) -> Any:
    first, *others = name.split("_")
    return item.get(name, item.get(first + "".join(map(str.capitalize, others))))


def _limits_of(group: Mapping[str, Any], *, is_last: bool) -> dict[str, int]:
    """Return the limits of a tier.

    Where only the tier's name has them, the end of a tier and the beginning of the next one are uncertain by 2.4 %:
    between the two readings there is no price.
    """
    start, end = _get(group, "range_start"), _get(group, "range_end")
    if end is not None:
        return {"above": int(start or 0), "up_to": int(end)}
    match = _TIER.fullmatch(_get(group, "range_name") or "")
    if match is None:
        return {}
    lower, lower_unit, upper, upper_unit = match.groups()
    limits = {"up_to": int(upper) * _UNITS[upper_unit.lower()][is_last]}
    return limits if lower is None else {"above": int(lower) * _UNITS[lower_unit.lower()][1], **limits}


def _rows_of_tier(conditions: Mapping[str, Any], prices: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    modes = {name.startswith(_THINKING) for name in prices}
    for batch in (False, True):
        for thinking in sorted(modes):
            row = _prices_by_kind(prices, thinking=thinking, batch=batch)
            if row:
                # Models of which all prices are for thinking only think.
                mode = {"thinking": thinking} if len(modes) > 1 else {}
                yield {"input": UNKNOWN, "output": UNKNOWN, "batch": batch, **conditions, **mode, **row}


def _prices_by_kind(prices: Mapping[str, str], *, thinking: bool, batch: bool) -> dict[str, str]:
    """Return the prices of a mode by kind of token."""
    prefix, suffix = _THINKING * thinking, BATCH * batch
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
