"""What real answers cost: the worked examples of the price facts, from streamed and whole answers of both protocols."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from langchain_qwen_workspace import StreamInterruptedError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler
from tests.support.protocols import ProtocolStub
from tests.support.server import Server, stream_reply
from tests.support.ways import WAYS, Ask, Way, ask_by

BEIJING = "cn-2026-08-20"
EXPLICIT = {
    "cached_tokens": 7_000,
    "cache_creation_input_tokens": 2_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 2_000},
    "cache_type": "ephemeral",
}
IMPLICIT = {"cached_tokens": 7_000}
# Qwen4's prices outside of China: Model Studio docs, 2026-11-16.
QWEN4 = {
    "currency": "USD",
    "date": "2026-11-16",
    "models": {
        "qwen4-max": {
            "regions": {
                "singapore": {
                    "input": "1.50",
                    "output": "4.50",
                    "cached_input": "0.075",
                    "explicit_cached_input": "0.075",
                    "cache_written_input": "1.875",
                    "cache_written_1h_input": "3.00",
                }
            }
        }
    },
}
WRITTEN_TWICE = {
    "cached_tokens": 80_000,
    "cache_creation_input_tokens": 30_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 10_000, "ephemeral_1h_input_tokens": 20_000},
    "cache_type": "ephemeral",
}
MEDIA = {"text_tokens": 1_000, "image_tokens": 1_000, "audio_tokens": 5_000}


def native_usage(
    stub: ProtocolStub, inputs: int, outputs: int, input_details: Json | None = None, output_details: Json | None = None
) -> Json:
    """Return a usage in the words of a stub's protocol."""
    names = ("input_tokens", "output_tokens") if stub.is_dashscope else ("prompt_tokens", "completion_tokens")
    details = "output_tokens_details" if stub.is_dashscope else "completion_tokens_details"
    return {
        names[0]: inputs,
        names[1]: outputs,
        "total_tokens": inputs + outputs,
        "prompt_tokens_details": input_details,
        details: output_details,
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("prices", "model", "used", "options", "expected"),
    [
        pytest.param(BEIJING, "qwen3.8-max", (10_000, 1_500, EXPLICIT), {}, "0.103", id="explicit cache"),
        pytest.param(BEIJING, "qwen3.8-max", (10_000, 1_500, IMPLICIT), {}, "0.1005", id="implicit cache"),
        pytest.param(
            QWEN4,
            "qwen4-max",
            (120_000, 4_000, WRITTEN_TWICE, {"reasoning_tokens": 3_000}),
            {},
            "0.11775",
            id="written for 5 minutes and for 1 hour",
        ),
        pytest.param(
            BEIJING,
            "qwen3.5-omni-plus",
            (7_000, 3_000, MEDIA, {"audio_tokens": 3_000}),
            {},
            "0.918",
            id="spoken answer",
        ),
        pytest.param(
            BEIJING,
            "qwen3.5-omni-plus",
            (7_000, 3_600, MEDIA, {"audio_tokens": 3_000, "text_tokens": 600}),
            {},
            "0.918",
            id="the text of a spoken answer is free",
        ),
        pytest.param(BEIJING, "qwen3.5-omni-plus", (7_000, 600, MEDIA), {}, "0.303", id="written answer"),
        pytest.param(BEIJING, "deepseek-v4-pro-0813", (10_000, 2_000), {"time_band": "peak"}, "0.144", id="peak"),
        pytest.param(
            BEIJING, "deepseek-v4-pro-0813", (10_000, 2_000), {"time_band": "offpeak"}, "0.072", id="off-peak"
        ),
        pytest.param(BEIJING, "qwen-plus", (20_000, 5_000, None, {"reasoning_tokens": 10}), {}, "0.056", id="thinking"),
        pytest.param(BEIJING, "qwen-plus", (20_000, 5_000), {}, "0.026", id="not thinking"),
    ],
)
def test_an_answer_costs_what_the_service_charges(  # noqa: PLR0917 - pytest passes them by name
    server: Server,
    stub: ProtocolStub,
    runner: asyncio.Runner,
    way: Way,
    prices: Any,
    model: str,
    used: tuple[Any, ...],
    options: dict[str, Any],
    expected: str,
) -> None:
    region = "cn-beijing" if prices == BEIJING else "ap-southeast-1"
    usage = WorkspaceUsageCallbackHandler(prices, **options)
    tokens = native_usage(stub, *used)
    deltas = [{"content": "Hi"}]
    server.script(
        stub.stream_of(deltas, usage=tokens) if "stream" in way else stub.answer_with(deltas[0], usage=tokens)
    )
    ask_by(way, stub.llm(server, model=model, region=region, callbacks=[usage]), runner)
    assert usage.total_cost == Decimal(expected)


# One price of a fifth of the input's for all that comes from a cache, and none for what is written to it: what tables
# without a row for each kind have.
ONE_HIT_PRICE = {
    "currency": "CNY",
    "models": {
        "qwen3.8-max": {
            "input": "12",
            "output": "36",
            "cached_input": "2.4",
            "explicit_cached_input": "2.4",
            "cache_written_input": "12",
        }
    },
}


@pytest.mark.parametrize(("details", "right"), [(EXPLICIT, "0.103"), (IMPLICIT, "0.1005")])
def test_one_price_for_all_cached_tokens_is_wrong_for_both_caches(
    server: Server, stub: ProtocolStub, details: Json, right: str
) -> None:
    wrong, usage = WorkspaceUsageCallbackHandler(ONE_HIT_PRICE), WorkspaceUsageCallbackHandler(BEIJING)
    server.script(stub.answer_with({"content": "Hi"}, usage=native_usage(stub, 10_000, 1_500, details)))
    stub.llm(server, model="qwen3.8-max", region="cn-beijing", callbacks=[wrong, usage]).invoke("Hi")
    assert (wrong.total_cost, usage.total_cost) == (Decimal("0.1068"), Decimal(right))


def test_a_stream_that_ends_early_has_the_price_of_its_cache(server: Server, stub: ProtocolStub) -> None:
    usage = WorkspaceUsageCallbackHandler(BEIJING)
    tokens = native_usage(stub, 10_000, 1_500, EXPLICIT)
    event = json.loads(stub.event({"content": "Hi"}, None, tokens).partition(b"data:")[2]) | {"usage": tokens}
    server.script(stream_reply(stub.frame(event), stub.frame(event)))
    with pytest.raises(StreamInterruptedError):
        list(stub.llm(server, model="qwen3.8-max", region="cn-beijing", callbacks=[usage]).stream("Hi"))
    assert usage.total_cost == Decimal("0.103")


def test_thinking_that_the_service_does_not_count_has_the_price_of_thinking(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    usage = WorkspaceUsageCallbackHandler(BEIJING)
    deltas, tokens = [{"reasoning_content": "Hm.", "content": ""}, {"content": "Hi"}], native_usage(stub, 20_000, 5_000)
    whole = stub.answer_with({"reasoning_content": "Hm.", "content": "Hi"}, usage=tokens)
    server.default = lambda received: stub.stream_of(deltas, usage=tokens) if stub.is_streamed(received) else whole
    ask(stub.llm(server, model="qwen-plus", region="cn-beijing", callbacks=[usage]))
    assert usage.total_cost == Decimal("0.056")


@pytest.mark.parametrize(
    ("model", "used", "missing"),
    [
        ("qwen3.6-flash", (10_000, 10, IMPLICIT), ("cached_input",)),
        ("deepseek-v4-pro-0813", (10_000, 10), ("input", "output")),
        ("kimi-k3", (10_000, 10), ("input", "output")),
        ("qwen3-max", (32_500, 10), ("input", "output")),
        ("qwen3-omni-flash", (7_000, 3_600, MEDIA, {"audio_tokens": 3_000}), ("text_with_audio_output",)),
    ],
    ids=["implicit hits", "time band", "model", "where tiers meet", "text beside audio"],
)
def test_a_price_that_the_list_does_not_have_is_named_and_not_replaced(
    server: Server, stub: ProtocolStub, model: str, used: tuple[Any, ...], missing: tuple[str, ...]
) -> None:
    usage = WorkspaceUsageCallbackHandler(BEIJING)
    server.script(stub.stream_of([{"content": "Hi"}], usage=native_usage(stub, *used)))
    list(stub.llm(server, model=model, region="cn-beijing", callbacks=[usage]).stream("Hi"))
    (record,) = usage.records()
    assert (record.cost, record.unpriced) == (None, missing)
