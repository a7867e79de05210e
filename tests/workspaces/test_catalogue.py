"""`QwenWorkspace.catalogue`: the service's list of models, as profiles, prices and differences from our rows."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from langchain_qwen_workspace import ConfigurationError, InvalidResponseError, QwenWorkspace, profiles
from langchain_qwen_workspace._usage.records import TokenCounts
from langchain_qwen_workspace.profiles import Profile, built_in_profile, profile_of
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import PriceTable
from langchain_qwen_workspace.workspace import Catalogue, Difference
from tests.support.server import Server, json_reply

Read: TypeAlias = Callable[..., Catalogue]
TODAY = date(2026, 12, 1)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def read(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Read:
    """Return a function that reads a workspace's catalogue, sync or async."""

    def call(workspace: QwenWorkspace, **filters: Any) -> Catalogue:
        if request.param:
            return runner.run(workspace.acatalogue(**filters))
        return workspace.catalogue(**filters)

    return call


@pytest.fixture(scope="module")
def beijing() -> Iterator[QwenWorkspace]:
    with Sandbox() as sandbox:
        yield sandbox.workspace("beijing", region="beijing")


def of(*entries: dict[str, Any], **facts: Any) -> Catalogue:
    return Catalogue.from_entries(entries, **{"date": TODAY, "source": "a test", **facts})


def profile(entry: dict[str, Any]) -> Profile:
    (found,) = of(entry).profiles
    return found


# ------------------------------------------------------------------------------------------------------- requests


def scripted(server: Server, *pages: list[str]) -> QwenWorkspace:
    total = sum(map(len, pages))
    for names in pages:
        models = [{"model": name} for name in names]
        server.script(json_reply({"success": True, "output": {"total": total, "models": models}, "request_id": "r"}))
    return QwenWorkspace(api_key="sk-x", workspace_id="llm-team", base_url=server.url, region="beijing")


def test_every_page_is_read(server: Server, read: Read) -> None:
    found = read(scripted(server, ["qwen-plus", "qwen-max"], ["qwen-flash"]))
    assert [each.name for each in found.profiles] == ["qwen-plus", "qwen-max", "qwen-flash"]


def test_the_request_has_the_filters_with_lists_as_repeated_parameters(server: Server, read: Read) -> None:
    read(scripted(server, []), capabilities=["TG", "Reasoning"], features="cache", context_window=1000)
    assert server.requests[0].path == (
        "/api/v1/models?capabilities=TG&capabilities=Reasoning&features=cache&context_window=1000&page_no=1&page_size=100"
    )


def test_an_unknown_filter_is_refused_before_anything_is_sent(server: Server, read: Read) -> None:
    with pytest.raises(ConfigurationError, match="`provider` is not a filter of the catalogue"):
        read(scripted(server), provider="qwen")
    assert server.requests == []


def test_a_malformed_list_is_an_error(server: Server, read: Read) -> None:
    server.script(json_reply({"output": {"models": "none"}, "request_id": "r"}))
    workspace = QwenWorkspace(api_key="sk-x", base_url=server.url)
    with pytest.raises(InvalidResponseError, match="list of models cannot be read"):
        read(workspace)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("singapore", "https://dashscope-intl.aliyuncs.com"),
        ("hongkong", "https://cn-hongkong.dashscope.aliyuncs.com"),
        ("beijing", "https://llm-team.cn-beijing.maas.aliyuncs.com"),
        ("tokyo", "https://llm-team.ap-northeast-1.maas.aliyuncs.com"),
    ],
)
def test_the_host_is_the_one_that_the_page_names(region: Any, host: str) -> None:
    workspace = QwenWorkspace(api_key="sk-x", workspace_id="llm-team", region=region)
    assert workspace._serving_catalogue().origin == host


def test_the_source_names_the_region_and_the_filters(server: Server) -> None:
    found = scripted(server, []).catalogue(features="cache")
    assert found.source == "Model Studio's catalogue (GET /api/v1/models) of cn-beijing, features=cache"


# ------------------------------------------------------------------------------------------------------- profiles


def test_a_limit_of_the_catalogue_replaces_the_known_one() -> None:
    assert profile({"model": "qwen-plus", "model_info": {"context_window": 2_000_000}}).context == 2_000_000


@pytest.mark.parametrize("given", [None, 0, "131072", True, -1])
def test_a_limit_that_is_no_count_leaves_the_known_one(given: Any) -> None:
    assert profile({"model": "qwen-plus", "model_info": {"context_window": given}}).context == 1_000_000


def test_what_the_catalogue_does_not_state_stays_as_it_is_known() -> None:
    assert profile({"model": "qwen-plus"}).thinking == built_in_profile("qwen-plus").thinking


def test_the_input_limit_with_thinking_is_stated_only_if_it_differs() -> None:
    info = {"max_input_tokens": 5000, "reasoning_max_input_tokens": 5000}
    assert profile({"model": "qwen-plus", "model_info": info}).max_input_tokens_thinking is None


def test_media_of_the_catalogue_replace_the_known_ones() -> None:
    media = {"request_modality": ["Text", "Audio", "Smell"], "response_modality": ["Text"]}
    found = profile({"model": "qwen-plus", "inference_metadata": media})
    assert (found.inputs, found.outputs) == (frozenset({"text", "audio"}), frozenset({"text"}))


def test_a_new_model_is_known_and_behaves_as_its_family() -> None:
    found = profile({"model": "qwen3.8-ultra", "model_info": {"context_window": 9}})
    assert (found.known, found.context, found.thinking, found.kind) == (True, 9, "on", "chat")


def test_a_model_of_no_family_that_writes_text_chats() -> None:
    media = {"request_modality": ["Text"], "response_modality": ["Text"]}
    assert profile({"model": "brand-new", "capabilities": ["TG"], "inference_metadata": media}).kind == "chat"


def test_a_model_of_no_family_that_makes_pictures_has_no_kind() -> None:
    media = {"request_modality": ["Text"], "response_modality": ["Image"]}
    assert profile({"model": "brand-new", "capabilities": ["IG"], "inference_metadata": media}).kind is None


@pytest.mark.parametrize(
    ("model", "claim", "field", "value"),
    [
        ("qwen-vl-ocr", {"features": ["function-calling"]}, "tool_calling", None),
        ("qwen-vl-ocr", {"features": ["structured-outputs"]}, "json_output", "unknown"),
        ("qwen-vl-ocr", {"features": ["web-search"]}, "web_search", "unknown"),
        ("qwen-vl-ocr", {"features": ["cache"]}, "cache", frozenset({"explicit", "implicit"})),
        ("qwen-vl-ocr", {"capabilities": ["Reasoning"]}, "thinking", "unknown"),
        ("qwen-plus", {"features": ["structured-outputs"]}, "json_output", "object_non_thinking"),
    ],
)
def test_a_feature_that_the_row_denies_counts_as_unknown(
    model: str, claim: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(profile({"model": model, **claim}), field) == value


@pytest.mark.parametrize("name", ["offline_time", "offlineTime"])
def test_offline_information_is_an_official_retirement(name: str) -> None:
    found = profile({"model": "qwen-plus", "inference_offline_info": {name: "2026-12-31 00:00:00"}})
    assert (found.retired, found.retirement) == (date(2026, 12, 31), "official")


def test_no_offline_information_ends_a_retirement_that_was_only_reported() -> None:
    found = profile({"model": "qwen-turbo", "inference_offline_info": None})
    assert (found.retired, found.retirement) == (None, "none")


@pytest.mark.parametrize("info", [{}, {"offline_time": "soon"}, {"announceUrl": "https://x"}])
def test_offline_information_that_cannot_be_read_leaves_an_unretired_model(info: Any) -> None:
    assert profile({"model": "qwen-plus", "inference_offline_info": info}).retired is None


def test_a_catalogue_without_offline_information_says_nothing_about_a_retirement() -> None:
    assert profile({"model": "qwen-turbo"}).retirement == "reported"


def test_of_a_model_that_is_there_twice_the_first_counts() -> None:
    entries = [{"model": "qwen-plus", "model_info": {"context_window": size}} for size in (1, 2)]
    assert [each.context for each in of(*entries).profiles] == [1]


@pytest.mark.parametrize("junk", [None, 7, "x", [], {"a": 1}])
@pytest.mark.parametrize(
    "field", ["model_info", "inference_metadata", "features", "capabilities", "prices", "inference_offline_info"]
)
def test_a_malformed_field_is_no_fact(field: str, junk: Any) -> None:
    assert profile({"model": "qwen-plus", field: junk}).context == 1_000_000


def test_the_entries_keep_what_is_not_understood() -> None:
    assert of({"model": "qwen-plus", "new_field": 1}).entries == ({"model": "qwen-plus", "new_field": 1},)


def test_a_catalogue_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        of().date = TODAY  # type: ignore[misc]  # what is tested


def test_registered_profiles_are_used() -> None:
    profiles.register(*of({"model": "qwen-plus", "model_info": {"context_window": 2_000_000}}).profiles)
    try:
        assert profile_of("qwen-plus").context == 2_000_000
    finally:
        profiles.unregister("qwen-plus")


# ---------------------------------------------------------------------------------------------------- differences


def test_a_difference_has_both_values() -> None:
    found = of({"model": "qwen-plus", "model_info": {"context_window": 2_000_000}})
    assert found.differences() == (Difference("qwen-plus", "context", 1_000_000, 2_000_000),)


def test_a_new_model_is_one_difference() -> None:
    assert of({"model": "qwen3.8-ultra"}).differences() == (Difference("qwen3.8-ultra", "row", None, "chat"),)


def test_differences_are_to_the_packages_rows_and_not_to_registered_ones() -> None:
    profiles.register(Profile(name="qwen-plus", context=5))
    try:
        found = of({"model": "qwen-plus", "model_info": {"context_window": 5}})
        assert Difference("qwen-plus", "context", 1_000_000, 5) in found.differences()
    finally:
        profiles.unregister("qwen-plus")


def test_the_sandboxs_catalogue_differs_in_nothing_but_how_certain_a_retirement_is(beijing: QwenWorkspace) -> None:
    assert {each.field for each in beijing.catalogue().differences()} == {"retirement"}


# ---------------------------------------------------------------------------------------------------------- files


def test_a_written_catalogue_is_loaded_as_the_same_profiles(beijing: QwenWorkspace, tmp_path: Path) -> None:
    found = beijing.catalogue()
    file = tmp_path / "catalogue.json"
    file.write_text(found.to_json(), encoding="utf-8")
    loaded = profiles.load(file)
    profiles.unregister(*(each.name for each in loaded))
    assert loaded == found.profiles


def test_a_written_catalogue_has_the_profile_of_a_model_of_no_family(tmp_path: Path) -> None:
    found = of({"model": "brand-new", "prices": [{"range_name": "Default", "prices": [{"type": "t", "price": "1"}]}]})
    file = tmp_path / "catalogue.json"
    file.write_text(found.to_json(), encoding="utf-8")
    loaded = profiles.load(file)
    profiles.unregister("brand-new")
    assert loaded == found.profiles


# --------------------------------------------------------------------------------------------------------- prices

PLUS_CALL = TokenCounts(20_000, 5_000, 25_000)


def test_the_prices_of_a_catalogue_make_a_table(beijing: QwenWorkspace) -> None:
    """§ qwen-plus of the list of 2026-08-20: 0.8 and, without thinking, 2 CNY for a million tokens."""
    table = PriceTable.from_catalogue(beijing.catalogue(model="qwen-plus"), currency="CNY")
    assert table.cost("qwen-plus", "cn-beijing", PLUS_CALL) == Decimal("0.026")


def test_the_prices_of_a_catalogue_apply_in_its_region_only(beijing: QwenWorkspace) -> None:
    table = PriceTable.from_catalogue(beijing.catalogue(model="qwen-plus"), currency="CNY")
    assert table.cost("qwen-plus", "ap-southeast-1", PLUS_CALL) is None


def test_a_table_has_the_currency_date_and_source_of_its_catalogue() -> None:
    table = PriceTable.from_catalogue(of(), currency="USD")
    assert (table.currency, table.date, table.source) == ("USD", TODAY, "a test")


@pytest.mark.parametrize("price", ["free", "-1", None, "1e99", "NaN", [1]])
def test_a_price_that_is_no_amount_is_unknown(price: Any) -> None:
    items = [{"type": "input_token", "price": price}, {"type": "output_token", "price": "2"}]
    found = of({"model": "m", "prices": [{"range_name": "Default", "prices": items}]})
    table = PriceTable.from_catalogue(found, currency="CNY")
    assert table.charge("m", None, TokenCounts(1, 1, 2)).unpriced == ("input",)


def test_the_price_list_of_the_same_day_costs_the_same(beijing: QwenWorkspace) -> None:
    from langchain_qwen_workspace._usage.price_lists import price_list  # noqa: PLC0415 - beside its one use

    table, dated = PriceTable.from_catalogue(beijing.catalogue(), currency="CNY"), price_list("cn-2026-08-20")
    # The copy of the catalogue has no discounts: the list adds the one of qwen3.7-plus.
    names = [name for name in table.models if name != "qwen3.7-plus"]
    assert len(names) > 50
    assert {name: table.models[name] for name in names} == {name: dated.models[name] for name in names}


def test_the_catalogue_is_json(beijing: QwenWorkspace) -> None:
    assert json.loads(beijing.catalogue(model="qwen-plus").to_json())["models"].keys() == {"qwen-plus"}
