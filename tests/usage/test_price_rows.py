"""Which row of a price table applies to a call, and which of its prices to each kind of token."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from langchain_qwen_workspace import ConfigurationError
from langchain_qwen_workspace._usage.catalogue_prices import _KINDS as KINDS
from langchain_qwen_workspace._usage.catalogue_prices import catalogue_rows
from langchain_qwen_workspace._usage.prices import Pricing
from langchain_qwen_workspace.usage import PriceTable, TokenCounts, price_list

MILLION = 1_000_000
FLAT = {"input": "1", "output": "2"}
# Each price is another power of ten, so that a cost shows which of them were taken.
ROW = {
    "input": "1",
    "output": "10",
    "cached_input": "100",
    "explicit_cached_input": "1000",
    "cache_written_input": "10000",
    "cache_written_1h_input": "100000",
    "audio_input": "1000000",
    "media_input": "10000000",
    "audio_output": "100000000",
    "text_with_audio_output": "1000000000",
}


def table(entry: Any, **fields: Any) -> PriceTable:
    return PriceTable.from_dict({"currency": "CNY", "models": {"m": entry}, **fields})


def counts(**millions: Any) -> TokenCounts:
    """Return counts of tokens in millions; tool calls are given as they are."""
    given: dict[str, Any] = {name: value * MILLION if type(value) is int else value for name, value in millions.items()}
    return TokenCounts(**{"input": 0, "output": 0, "total": 0, **given})


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (counts(input=3), "3"),
        (counts(input=3, cached=2), "201"),
        (counts(input=3, cached=2, has_explicit_cache=True), "2001"),
        (counts(input=3, cache_written=2, cache_written_5m=2), "20001"),
        (counts(input=9, cache_written=5, cache_written_5m=2, cache_written_1h=3), "320004"),
        (counts(input=9, cached=1, has_explicit_cache=True, cache_written=5, cache_written_1h=5), "501003"),
        (counts(input=3, audio_input=2), "2000001"),
        (counts(input=3, media_input=2), "20000001"),
        (counts(input=6, audio_input=2, media_input=3), "32000001"),
        # More audio than input is impossible; the cost never becomes negative.
        (counts(input=3, audio_input=5), "3000000"),
        (counts(output=3), "30"),
        (counts(output=3, audio_output=3), "300000000"),
        (counts(output=3, audio_output=2), "1200000000"),
    ],
)
def test_each_kind_of_token_has_its_own_price(used: TokenCounts, expected: str) -> None:
    assert table(ROW).cost("m", None, used) == Decimal(expected)


@pytest.mark.parametrize(
    ("row", "used", "missing"),
    [
        (FLAT, counts(input=3, cached=1), ("cached_input",)),
        ({**FLAT, "cached_input": "unknown"}, counts(input=3, cached=1), ("cached_input",)),
        ({**FLAT, "cached_input": "1"}, counts(input=3, cached=1, has_explicit_cache=True), ("explicit_cached_input",)),
        ({**FLAT, "explicit_cached_input": "1"}, counts(input=3, cached=1), ("cached_input",)),
        (FLAT, counts(input=3, cache_written=1), ("cache_written_input",)),
        (
            {**FLAT, "cache_written_input": "1"},
            counts(input=3, cache_written=1, cache_written_1h=1),
            ("cache_written_1h_input",),
        ),
        # Where a model can write for two times, what the service does not tell apart is not taken for one of them.
        (ROW, counts(input=3, cache_written=1), ("cache_written_for_unknown_time_input",)),
        (
            {**FLAT, "cache_written_input": "1"},
            counts(input=3, cache_written=2, cache_written_5m=1),
            ("cache_written_for_unknown_time_input",),
        ),
        (FLAT, counts(input=3, audio_input=1), ("audio_input",)),
        (FLAT, counts(input=3, media_input=1), ("media_input",)),
        # The service does not say whether its cache had the text or the audio.
        (ROW, counts(input=3, cached=1, audio_input=1), ("cached_media_input",)),
        (FLAT, counts(output=3, audio_output=1), ("audio_output", "text_with_audio_output")),
        ({**FLAT, "output": "unknown"}, counts(output=3), ("output",)),
        ({**FLAT, "output": None}, counts(output=3), ("output",)),
        ({**FLAT, "thinking_output": "unknown"}, counts(output=3, reasoning=1), ("thinking_output",)),
        ({"media_input": "1", "media_output": "unknown", **FLAT}, counts(media_input=1, output=1), ("media_output",)),
        (FLAT, counts(input=1, tool_calls={"search": 1}), ("tool_calls.search",)),
        ({**FLAT, "tool_calls": {"search": None}}, counts(tool_calls={"search": 1}), ("tool_calls.search",)),
    ],
)  # fmt: skip
def test_a_kind_without_a_price_makes_the_cost_unknown(row: Any, used: TokenCounts, missing: tuple[str, ...]) -> None:
    charge = table(row).charge("m", None, used)
    assert (charge.cost, charge.unpriced) == (None, missing)


@pytest.mark.parametrize(
    ("row", "used", "expected"),
    [
        # The one kind of writing that a model has needs no name.
        ({**FLAT, "cache_written_input": "5"}, counts(input=3, cache_written=2), "11"),
        # Where media have the price of text, it does not matter which of them the cache had.
        ({**FLAT, "media_input": "1", "cached_input": "0.1"}, counts(input=3, cached=2, media_input=2), "1.2"),
        ({**FLAT, "media_output": "7", "audio_input": "3"}, counts(input=1, audio_input=1, output=1), "10"),
        ({**FLAT, "media_output": "7"}, counts(input=1, output=1), "3"),
        ({**FLAT, "thinking_output": "7"}, counts(output=1, has_reasoning=True), "7"),
        ({**FLAT, "discount": "0.8", "tool_calls": {"search": "1"}}, counts(input=1, tool_calls={"search": 2}), "2.8"),
    ],
)
def test_prices_that_apply_to_several_kinds(row: Any, used: TokenCounts, expected: str) -> None:
    assert table(row).cost("m", None, used) == Decimal(expected)


def test_tool_calls_have_the_prices_of_the_row_before_those_of_the_table() -> None:
    prices = table({**FLAT, "tool_calls": {"search": "5"}}, tool_calls={"search": "7", "image_search": "9"})
    assert prices.cost("m", None, counts(tool_calls={"search": 1, "image_search": 1})) == 14


def test_prices_may_be_of_another_number_of_tokens() -> None:
    assert table(FLAT, token_unit=1000).cost("m", None, TokenCounts(2000, 0, 2000)) == 2


@pytest.mark.parametrize(
    ("conditions", "used", "expected"),
    [
        ({}, counts(input=1), "1"),
        ({}, counts(input=1, reasoning=1), "2"),
        ({"batch": True}, counts(input=1), "3"),
        ({"batch": True}, counts(input=1, has_reasoning=True), "3"),
        ({"time_band": "peak"}, counts(input=1), "1"),
    ],
)
def test_the_conditions_of_a_call_select_its_row(conditions: Any, used: TokenCounts, expected: str) -> None:
    rows = [
        {"thinking": False, "input": "1", "output": "0"},
        {"thinking": True, "input": "2", "output": "0"},
        {"batch": True, "input": "3", "output": "0"},
    ]
    assert table(rows).cost("m", None, used, **conditions) == Decimal(expected)


BAND_PRICES = (("peak", "3"), ("offpeak", "1.5"))
BANDS = [{"time_band": "peak", **FLAT}, {"time_band": "offpeak", "input": "0.5", "output": "1"}]


@pytest.mark.parametrize(
    ("time_band", "expected"),
    [
        (None, None),
        ("peak", "1"),
        ("offpeak", "0.5"),
        ("night", None),
        (lambda started_at: "peak" if started_at.hour < 12 else "offpeak", "0.5"),
        (lambda _: None, None),
    ],
)
def test_the_caller_says_the_time_band_and_none_is_guessed(time_band: Any, expected: str | None) -> None:
    started_at = datetime(2026, 11, 29, 15, tzinfo=UTC)
    charge = Pricing(table(BANDS), time_band).charge("m", None, counts(input=1), started_at)
    assert charge.cost == (None if expected is None else Decimal(expected))


def test_a_gap_between_two_tiers_has_no_price() -> None:
    rows = [{**FLAT, "up_to": 1 * MILLION}, {**FLAT, "above": 2 * MILLION}]
    assert [table(rows).cost("m", None, counts(input=size)) for size in (0, 1, 2, 3)] == [0, 1, None, 3]


def test_tiers_share_the_conditions_beside_them() -> None:
    prices = table({"batch": True, "tiers": [{**FLAT, "up_to": MILLION}, {"input": "3", "output": "0"}]})
    assert [prices.cost("m", None, counts(input=size), batch=True) for size in (1, 2)] == [1, 6]
    assert prices.cost("m", None, counts(input=1)) is None


def test_a_region_may_have_another_currency() -> None:
    prices = table({**FLAT, "regions": {"singapore": {**FLAT, "currency": "USD"}}})
    found = {
        region: prices.charge("m", region, counts(input=1)).currency for region in ("ap-southeast-1", "cn-beijing")
    }
    assert found == {"ap-southeast-1": "USD", "cn-beijing": "CNY"}


def test_a_call_without_a_price_is_in_the_currency_of_its_region() -> None:
    prices = table({"regions": {"singapore": {"currency": "USD", "tiers": [{**FLAT, "up_to": 1}]}}})
    charge = prices.charge("m", "ap-southeast-1", counts(input=1))
    assert (charge.cost, charge.currency, charge.unpriced) == (None, "USD", ("input",))


# --------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"input": "1", "output": "-2"}, 7),
        ({"input": "1", "output": "2", "imput": "1"}, 8),
        ({"tiers": [{"up_to": 9, "input": "1", "output": "2"}, {"up_to": 8, "input": "1", "output": "2"}]}, 12),
        ({"regions": {"mars": {"input": "1", "output": "2"}}}, 7),
        ({"input": "1", "tiers": []}, 6),
        ([{"input": "1", "output": "2"}, {"input": "1", "output": "2"}], 10),
        ([{"a": [1, {"b": 2}], "output": 3}], 7),
    ],
)
def test_an_error_in_json_text_names_the_line(entry: Any, line: int) -> None:
    text = json.dumps({"models": {"n": {"input": 1}, "m": entry}, "currency": "CNY"}, indent=1)
    text = text.replace('"n": {\n   "input": 1\n  }', '"n": {"input": 1,\n  "output": 1}')
    with pytest.raises(ConfigurationError, match=rf"in line {line}: "):
        PriceTable.from_json(text)


def test_a_list_with_another_name_is_refused_by_the_names_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"'cn'.*'cn-2026-08-20'"):
        price_list("cn")


# ------------------------------------------------------------------------------------------------- the dated list


@pytest.mark.parametrize(
    ("model", "used", "options", "expected"),
    [
        # A promotion multiplies the prices of all but batches.
        ("qwen3.7-plus", TokenCounts(100_000, 10_000, 110_000), {}, "0.224"),
        ("qwen3.7-plus", TokenCounts(100_000, 10_000, 110_000), {"batch": True}, "0.14"),
        # Tokens of the cache have no discount in a batch.
        ("qwen3.8-max", TokenCounts(10_000, 0, 10_000, cached=5_000), {"batch": True}, "0.06"),
        ("qwen-plus", TokenCounts(128_000, 0, 128_000), {}, "0.1024"),
        ("qwen-plus", TokenCounts(132_000, 0, 132_000), {}, "0.3168"),
        ("qwen-plus", TokenCounts(300_000, 0, 300_000), {}, "1.44"),
        ("qwen-plus", TokenCounts(0, 1_000_000, 1_000_000, reasoning=1), {"batch": True}, "4"),
        # A model that always thinks has one row.
        ("qwen3-vl-8b-thinking", TokenCounts(0, 1_000_000, 1_000_000), {}, "5"),
        ("text-embedding-v4", TokenCounts(1_000_000, 0, 1_000_000), {}, "0.5"),
        ("qwen3-vl-embedding", TokenCounts(1_000_000, 0, 1_000_000, media_input=500_000), {}, "1.25"),
        ("qwen-omni-turbo", TokenCounts(1_000_000, 1_000_000, 0, media_input=1_000_000), {}, "6"),
        ("qwen3.8-max", TokenCounts(0, 0, 0, tool_calls={"web_search": 2, "code_interpreter": 1}), {}, "0.008"),
    ],
)
def test_the_dated_list_has_the_prices_of_beijing(model: str, used: TokenCounts, options: Any, expected: str) -> None:
    assert price_list("cn-2026-08-20").cost(model, "cn-beijing", used, **options) == Decimal(expected)


def test_the_dated_list_has_no_price_outside_of_beijing() -> None:
    assert price_list("cn-2026-08-20").cost("qwen-plus", "ap-southeast-1", TokenCounts(1, 1, 2)) is None


def test_the_dated_list_says_its_date_and_its_source() -> None:
    prices = price_list("cn-2026-08-20")
    assert (str(prices.date), "Beijing" in str(prices.source), len(prices.models)) == ("2026-08-20", True, 169)


def test_every_type_of_price_in_the_dated_list_is_read_but_those_that_nothing_is_counted_for() -> None:
    models = json.loads((files("langchain_qwen_workspace.data") / "prices_cn_2026_08_20.json").read_text())["models"]
    types = {name for ranges in models.values() for prices in ranges.values() for name in prices}
    plain = {name.removeprefix("thinking_").removesuffix("_batch") for name in types}
    unread = {name for name in plain - KINDS.keys() if not name.endswith("_batch_chat")}
    assert unread == {"audio_input_token_cache", "vision_input_token_cache"}


CATALOGUE = [
    {
        "range_name": "Input<=128k",
        "prices": [
            {"type": "input_token", "price": "2", "price_unit": "Per million tokens", "price_name": "Input"},
            {"type": "output_token", "price": "8", "price_unit": "Per 1M tokens"},
            {"type": "input_token_cache", "price": "1", "price_unit": "Per thousand tokens"},
            {"type": "tokens_of_tomorrow", "price": "1"},
        ],
    },
    {"rangeName": "128k<Input<=1m", "prices": [{"type": "input_token", "price": "3", "discount": 0.8}]},
]


@pytest.mark.parametrize(
    ("groups", "used", "options", "expected"),
    [
        (CATALOGUE, TokenCounts(128_000, 0, 0), {}, "0.256"),
        (CATALOGUE, TokenCounts(130_000, 0, 0), {}, None),
        (CATALOGUE, TokenCounts(1_000_000, 0, 0), {}, "2.4"),
        (CATALOGUE, TokenCounts(1_000_000, 1, 0), {}, None),
        (CATALOGUE, TokenCounts(1_000, 0, 0, cached=1), {}, None),
        (
            [{**CATALOGUE[0], "rangeEnd": 131_072}, {**CATALOGUE[1], "range_start": 131_072, "range_end": 2**20}],
            TokenCounts(130_000, 0, 0),
            {},
            "0.26",
        ),
        (
            [{"prices": [{"type": "input_token", "price": "4", "timeBand": band} for band in ("standard",)]}],
            TokenCounts(1_000_000, 0, 0),
            {},
            "4",
        ),
        (
            [{"prices": [{"type": "input_token", "price": price, "timeBand": band} for band, price in BAND_PRICES]}],
            TokenCounts(1_000_000, 0, 0),
            {"time_band": "offpeak"},
            "1.5",
        ),
    ],
)  # fmt: skip
def test_prices_in_the_catalogues_words_become_rows(
    groups: Any, used: TokenCounts, options: Any, expected: str | None
) -> None:
    prices = table(catalogue_rows(groups)).cost("m", None, used, **options)
    assert prices == (None if expected is None else Decimal(expected))
