"""The handler's totals, by currency and by tenant, and its reports, which say the date of the prices."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceEmbeddings, WorkspaceRouter
from langchain_qwen_workspace._seam import PROVIDER
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import (
    TokenCounts,
    WorkspaceUsageCallbackHandler,
    get_workspace_usage_callback,
    rows_from_json,
    rows_to_html,
)
from tests.support.protocols import MakeModel
from tests.support.ways import Ask

FREE = {"input": "0", "output": "0"}
PRICES = {
    "currency": "CNY",
    "models": {
        "m": {"input": "1", "output": "0", "regions": {"singapore": {"currency": "USD", "input": "2", "output": "0"}}},
        "qwen-plus": FREE,
        "text-embedding-v4": FREE,
    },
}


def add_answer(
    usage: WorkspaceUsageCallbackHandler, tokens: int | None = 1_000_000, region: str = "cn-beijing", **details: Any
) -> None:
    used: Any = {"input_tokens": tokens, "output_tokens": 0, "total_tokens": tokens}
    facts = {"model_provider": PROVIDER, "model_name": "m", "region": region, "workspace_id": "<b>ws|a</b>"}
    message = AIMessage(
        "",
        usage_metadata=None if tokens is None else used,
        response_metadata={"protocol": "openai", "token_usage": details, **facts},
    )
    usage.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=uuid4())


def test_the_total_is_the_cost_of_all_calls() -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    assert usage.total_cost == 0
    for _ in range(3):
        add_answer(usage)
    assert usage.total_cost == 3


def test_the_total_of_a_call_without_a_price_is_unknown() -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    add_answer(usage)
    add_answer(usage, plugins={"search": {"count": 1, "strategy": "standard"}})
    assert usage.total_cost is None


@pytest.mark.parametrize(("numbers", "expected"), [([None], None), ([None, 1_000_000], Decimal(1))])
def test_calls_whose_usage_is_unknown_are_not_in_the_total(numbers: list[int | None], expected: Decimal | None) -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    for number in numbers:
        add_answer(usage, number)
    assert usage.total_cost == expected


def test_without_prices_there_is_no_total() -> None:
    usage = WorkspaceUsageCallbackHandler()
    add_answer(usage)
    assert (usage.total_cost, usage.totals_by_currency()) == (None, {})


def test_currencies_are_not_added() -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    add_answer(usage)
    add_answer(usage, region="ap-southeast-1")
    assert usage.totals_by_currency() == {"CNY": 1, "USD": 2}
    assert usage.total_cost is None


def test_the_price_of_a_time_band_is_that_of_the_start_of_a_call(make_model: MakeModel) -> None:
    prices = {"currency": "CNY", "models": {"qwen-plus": {**FREE, "time_band": "peak"}}}
    before = datetime.now(UTC)
    usage = WorkspaceUsageCallbackHandler(prices, time_band=lambda start: "peak" if start >= before else "offpeak")
    make_model(callbacks=[usage]).invoke("Hi")
    assert usage.total_cost == 0


# ------------------------------------------------------------------------------------------------------- tenants


def test_a_chat_is_counted_for_the_tenant_of_its_router(sandbox: Sandbox, ask_two_ways: Ask) -> None:
    router = WorkspaceRouter(tenants={"acme": sandbox.workspace("tenant-a")}, default=sandbox.workspace("tenant-b"))
    usage = WorkspaceUsageCallbackHandler(PRICES)
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, callbacks=[usage])
    ask_two_ways(llm.with_config(configurable={"tenant": "acme"}))  # type: ignore[arg-type]  # a bound model
    ask_two_ways(llm)
    assert usage.totals_by_tenant() == {"acme": {"CNY": 0}, None: {"CNY": 0}}


def test_a_chat_without_a_router_is_counted_for_the_tenant_of_its_metadata(make_model: MakeModel, ask: Ask) -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    ask(make_model(metadata={"tenant": "globex"}, callbacks=[usage]))
    assert usage.totals_by_tenant() == {"globex": {"CNY": 0}}


def test_an_embedding_is_counted_for_the_tenant_of_its_run(sandbox: Sandbox) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=sandbox.workspace("tenant-c"))
    with get_workspace_usage_callback(PRICES, tenant_key="customer") as usage:
        RunnableLambda(embeddings.embed_query).invoke("Hi", {"configurable": {"customer": 7}})
    assert usage.totals_by_tenant() == {"7": {"CNY": 0}}


# ------------------------------------------------------------------------------------------------------- reports

NOTE = "Prices: cn-2026-08-20, as of 2026-08-20."


@pytest.fixture
def dated() -> WorkspaceUsageCallbackHandler:
    usage = WorkspaceUsageCallbackHandler("cn-2026-08-20")
    add_answer(usage, 7)
    return usage


def test_every_report_says_the_date_of_the_price_list(dated: WorkspaceUsageCallbackHandler) -> None:
    (row,) = json.loads(dated.to_json())["rows"]
    assert (row["price_list"], row["price_date"]) == ("cn-2026-08-20", "2026-08-20")
    (line,) = csv.DictReader(io.StringIO(dated.to_csv()))
    assert (line["price_list"], line["price_date"]) == ("cn-2026-08-20", "2026-08-20")
    assert str(dated).endswith(f"\n\n{NOTE}")
    assert f"<p>{NOTE}</p>" in dated._repr_html_()
    assert str(dated.records()[0].price_date) == "2026-08-20"


def test_the_date_survives_json(dated: WorkspaceUsageCallbackHandler) -> None:
    assert rows_from_json(dated.to_json()) == dated.rows()


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"name": "mine"}, "Prices: mine, of an unknown date."),
        ({"date": "2026-11-29"}, "Prices: a table without a name, as of 2026-11-29."),
        ({"name": "mine\x1b[2J"}, r"Prices: mine\x1b[2J, of an unknown date."),
    ],
)
def test_a_report_names_a_table_of_the_user(fields: Any, note: str) -> None:
    usage = WorkspaceUsageCallbackHandler({**PRICES, **fields})
    add_answer(usage)
    assert str(usage).endswith(note)


def test_a_notebook_shows_the_table_as_html() -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    assert usage._repr_html_() == "<p>No calls.</p>"
    add_answer(usage)
    assert "<td>&lt;b&gt;ws|a&lt;/b&gt;</td>" in usage._repr_html_()
    assert usage._repr_html_() == rows_to_html(usage.rows())
    assert "Prices" not in usage._repr_html_()


# --------------------------------------------------------------------------------------- the service's own words


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"plugins": {"search": {"count": 1}, "image_search": {"count": 4}}}, {"search": 1, "image_search": 4}),
        ({"x_tools": {"web_search": {"count": 2}}}, {"web_search": 2}),
        ({"plugins": {"search": {"count": None}, "other": 3}}, {}),
        ({"plugins": []}, {}),
        (None, {}),
    ],
)  # fmt: skip
def test_the_tools_of_the_service_are_counted_by_kind(usage: Any, expected: dict[str, int]) -> None:
    tokens = TokenCounts.from_usage_metadata({"input_tokens": 1, "output_tokens": 1}, usage)
    assert tokens is not None
    assert tokens.tool_calls == expected


def test_rows_add_up_each_kind_of_token() -> None:
    details = {"cache_read": 5, "ephemeral_1h_input_tokens": 4, "audio": 3, "image": 2, "video": 1}
    usage = WorkspaceUsageCallbackHandler()
    for _ in range(2):
        message = AIMessage(
            "",
            usage_metadata={
                "input_tokens": 50,
                "output_tokens": 9,
                "total_tokens": 59,
                "input_token_details": details,
                "output_token_details": {"audio": 8},
            },
            response_metadata={
                "model_provider": PROVIDER,
                "token_usage": {
                    "prompt_tokens_details": {"cache_type": "ephemeral"},
                    "plugins": {"search": {"count": 1}},
                },
            },
        )
        usage.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=uuid4())
    (row,) = usage.rows()
    assert (row.explicit_cached_tokens, row.cache_written_1h_tokens, row.audio_input_tokens) == (10, 8, 6)
    assert (row.media_input_tokens, row.audio_output_tokens, row.tool_calls) == (6, 16, 2)
