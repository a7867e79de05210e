"""What a call costs: the prices of a million tokens, from the package's dated list, read as data.

The list has the types and the ranges of the service's catalogue. It is read here a second time, by rules of the
sandbox's own, so that a bill can be compared with what the package computes. The list is of Beijing, in CNY; the
sandbox bills every region with it. The end of a range such as `128k` is 131,072 (the catalogue's own number).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

CURRENCY = "CNY"
_FILE = "data/prices_cn_2026_08_20.json"
_PER = 1_000_000
_RANGE = re.compile(r"(?:\d+[km]<)?输入<=(\d+)([km])")
_UNITS = {"k": 2**10, "m": 2**20}

# The price types of each kind of token; the first one that a model has applies.
_TYPES: Mapping[str, Sequence[str]] = {
    "input": ("input_token", "embedding_token", "omni_no_audio_input_token", "text_input_token"),
    "media": ("embedding_image_token", "vision_input_token"),
    "audio": ("omni_audio_input_token", "audio_input_token"),
    "cached": ("input_token_cache", "text_input_token_cache"),
    "cached explicitly": ("input_token_cache_read",),
    "written to the cache": ("input_token_cache_creation_5m",),
    "output": ("output_token", "omni_no_audio_output_token", "purein_text_output_token"),
    "output after media": ("multiin_text_output_token",),
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call used.

    Attributes:
        input: The input tokens, those of media included.
        output: The output tokens, those of the reasoning included.
        reasoning: The output tokens of the reasoning.
        media: The input tokens of images and videos.
        audio: The input tokens of audio.
        cached: The input tokens that were read from the cache.
        written: The input tokens that were written to the explicit cache.
        is_explicit: Whether the cache is the explicit one.
        tools: The calls of the service's tools, by the service's names.
    """

    input: int
    output: int = 0
    reasoning: int = 0
    media: int = 0
    audio: int = 0
    cached: int = 0
    written: int = 0
    is_explicit: bool = False
    tools: Mapping[str, int] = field(default_factory=dict)


def read_tokens(usage: Mapping[str, Any]) -> Tokens:
    """Return the tokens of a usage, as any of the protocols writes it for a chat, for embeddings or for a ranking."""
    inputs = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
    outputs = usage.get("output_tokens_details") or usage.get("completion_tokens_details") or {}
    # Beside `input_tokens` of the text alone, as some models for embeddings of media have it.
    beside = 0 if inputs else usage.get("image_tokens", 0)
    counted = [usage[name] for name in ("input_tokens", "prompt_tokens", "total_tokens") if name in usage]
    return Tokens(
        input=counted[0] + beside,
        output=usage.get("output_tokens", usage.get("completion_tokens", 0)),
        reasoning=outputs.get("reasoning_tokens", 0),
        media=beside + inputs.get("image_tokens", 0) + inputs.get("video_tokens", 0),
        audio=inputs.get("audio_tokens", 0),
        cached=inputs.get("cached_tokens", 0),
        written=inputs.get("cache_creation_input_tokens", 0),
        is_explicit=bool(inputs.get("cache_type")),
        tools={name: facts["count"] for name, facts in (usage.get("x_tools") or usage.get("plugins") or {}).items()},
    )


def cost(model: str, tokens: Tokens, *, batch: bool = False) -> Decimal | None:
    """Return what a call costs, not rounded; None if the list has no price for it.

    Args:
        model: The model's name.
        tokens: What the call used.
        batch: Whether it was a call of the Batch API.
    """
    data = _read_list()
    prices = _prices_of_range(data["models"].get(model, {}), tokens.input)
    # Tokens of the cache have no discount in a batch (Model Studio docs, model pricing, 2026-08-20).
    cached = 0 if batch else tokens.cached
    kinds = {
        "input": tokens.input - tokens.media - tokens.audio - cached - tokens.written,
        "cached explicitly" if tokens.is_explicit else "cached": cached,
        "written to the cache": tokens.written,
        "media": tokens.media,
        "audio": tokens.audio,
        "output": tokens.output,
    }
    total = Decimal(0)
    for kind, count in kinds.items():
        price = _find_price(prices, kind, tokens, batch=batch)
        if count and price is None:
            return None
        total += count * (price or 0)
    if not tokens.tools.keys() <= data["tool_calls"].keys():
        return None
    tools = sum((count * Decimal(data["tool_calls"][name]) for name, count in tokens.tools.items()), Decimal(0))
    discount = Decimal(1) if batch else Decimal(data["discounts"].get(model, "1"))
    return total * discount / _PER + tools


def price_groups(model: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the ranges of a model, and the price of each type in it, as the list has them."""
    for name, prices in _read_list()["models"].get(model, {}).items():
        yield name or "Default", prices


@lru_cache(maxsize=1)
def _read_list() -> dict[str, Any]:
    source = files("langchain_qwen_workspace").joinpath(_FILE)
    data: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return data


def _prices_of_range(ranges: Mapping[str, Mapping[str, str]], number: int) -> Mapping[str, str]:
    """Return the prices for a number of input tokens; all tokens of a call have those of one range."""
    for name, prices in ranges.items():
        match = _RANGE.fullmatch(name)
        if not name or (match and number <= int(match[1]) * _UNITS[match[2]]):
            return prices
    return {}


def _find_price(prices: Mapping[str, str], kind: str, tokens: Tokens, *, batch: bool) -> Decimal | None:
    types = _TYPES[kind]
    if kind == "media":
        types = (*types, *_TYPES["input"])
    if kind == "output" and (tokens.media or tokens.audio):
        types = (*_TYPES["output after media"], *types)
    # A model that always thinks has only prices for thinking.
    modes = ("thinking_", "") if tokens.reasoning else ("", "thinking_")
    names = [f"{mode}{type_}{'_batch' * batch}" for mode in modes for type_ in types]
    return next((Decimal(prices[name]) for name in names if name in prices), None)
