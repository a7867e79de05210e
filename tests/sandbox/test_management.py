"""The lists of the models that a workspace may call, and of their rate limits."""

from __future__ import annotations

from typing import Any

import dashscope
import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.sandbox._models import CATALOGUE
from tests.sandbox.support import openai_client_of

PERMISSIONS, LIMITS, QUOTAS = "/api/v1/models/permissions", "/api/v1/models/limits", "/api/v1/quotas"


def _permissions(sandbox: Sandbox, **query: str) -> dict[str, Any]:
    """Return the permissions of a workspace that may call one model."""
    few = sandbox.add_workspace("one model", models=["qwen-flash"])
    response = httpx.get(
        f"{sandbox.base_url}{PERMISSIONS}",
        params=query,
        headers={"authorization": f"Bearer {few.api_key}"},
        trust_env=False,
    )
    output: dict[str, Any] = response.json()["output"]
    return output


def test_permissions_list_all_models_or_only_permitted_ones(sandbox: Sandbox) -> None:
    every = _permissions(sandbox, page_size="200")
    assert every["total"] == len(every["permissions"]) > 1
    granted = [row["model"] for row in every["permissions"] if row["permissions"]["inference"]]
    assert granted == ["qwen-flash"]
    only = _permissions(sandbox, authorization_scope="AUTHORIZED")
    assert (only["total"], [row["model"] for row in only["permissions"]]) == (1, ["qwen-flash"])


def test_the_openai_sdk_lists_and_shows_permitted_models(sandbox: Sandbox) -> None:
    with openai_client_of(sandbox, sandbox.add_workspace("two", models=["qwen-plus", "qwen-flash"])) as client:
        assert [model.id for model in client.models.list()] == ["qwen-flash", "qwen-plus"]
        assert client.models.retrieve("qwen-plus").owned_by == "system"


@pytest.mark.parametrize("name", ["qwen-max", "gpt-4"])
def test_a_model_that_is_unknown_or_not_permitted_is_not_shown(sandbox: Sandbox, name: str) -> None:
    with (
        openai_client_of(sandbox, sandbox.add_workspace("two", models=["qwen-plus", "qwen-flash"])) as client,
        pytest.raises(openai.NotFoundError, match="does not exist or you do not have access"),
    ):
        client.models.retrieve(name)


def test_the_dashscope_sdk_lists_the_catalogue(dashscope_client: dashscope.Client) -> None:
    page = dashscope_client.models.list(page_no=2, page_size=10)
    assert (page.page_no, page.page_size, len(page.models), page.total_count) == (2, 10, 10, len(CATALOGUE))


def test_the_dashscope_sdk_shows_a_model_of_the_catalogue(dashscope_client: dashscope.Client) -> None:
    shown = dashscope_client.models.get("qwen3.7-plus").model_dump()
    assert shown["model"] == "qwen3.7-plus"
    assert shown["features"] == ["function-calling", "structured-outputs", "web-search", "cache"]
    assert shown["inference_metadata"]["request_modality"] == ["Text", "Image", "Video"]
    assert shown["model_info"] == {
        "context_window": 1_000_000,
        "max_input_tokens": 991_808,
        "max_output_tokens": 131_072,
        "max_reasoning_tokens": 262_144,
        "reasoning_max_input_tokens": 983_616,
        "reasoning_max_output_tokens": None,
    }


def test_the_catalogue_is_searched_by_a_part_of_a_name(http: httpx.Client) -> None:
    models = http.get("/api/v1/models", params={"name": "RERANK"}).json()["output"]["models"]
    assert [model["model"] for model in models] == [
        "gte-rerank",
        "gte-rerank-v2",
        "qwen3-rerank",
        "qwen3-vl-rerank",
        "qwen3.7-text-rerank",
    ]
    assert models[0]["features"] == []


def names_of(http: httpx.Client, **query: Any) -> list[str]:
    response = http.get("/api/v1/models", params={"page_size": 200, **query})
    return [model["model"] for model in response.json()["output"]["models"]]


def test_the_catalogue_has_every_model_on_its_pages(http: httpx.Client) -> None:
    pages = [names_of(http, page_size=100, page_no=number) for number in (1, 2, 3)]
    assert [*pages[0], *pages[1], *pages[2]] == list(CATALOGUE)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"capabilities": ["TG", "Reasoning"]}, {"qwen3.8-max": True, "qwen-max": False, "qwen3-rerank": False}),
        ({"features": ["structured-outputs"]}, {"qwen3.7-plus": True, "qwen-plus": False}),
        ({"context_window": 1_000_000}, {"qwen-plus": True, "qwen-max": False, "gui-plus": False}),
        ({"supports": "inference"}, {"qwen-plus": True}),
        ({"supports": "deploy"}, {"qwen-plus": False}),
        ({"language": "zh-CN"}, {"qwen-plus": True}),
    ],
)
def test_the_catalogue_is_filtered(http: httpx.Client, query: dict[str, Any], expected: dict[str, bool]) -> None:
    found = names_of(http, **query)
    assert {name: name in found for name in expected} == expected


def test_the_catalogue_refuses_a_context_that_is_no_number(http: httpx.Client) -> None:
    assert http.get("/api/v1/models", params={"context_window": "large"}).status_code == 400


def test_the_catalogue_has_the_retirement_of_a_model(http: httpx.Client) -> None:
    (model,) = http.get("/api/v1/models", params={"model": "gte-rerank"}).json()["output"]["models"]
    assert model["inference_offline_info"] == {"offline_time": "2026-05-30 00:00:00"}


@pytest.mark.parametrize(("region", "has_prices"), [("cn-beijing", True), ("ap-southeast-1", False)])
def test_the_catalogue_has_prices_in_the_region_of_the_list(sandbox: Sandbox, region: str, has_prices: bool) -> None:
    workspace = sandbox.add_workspace(f"priced {region}", region=region)
    response = httpx.get(
        f"{sandbox.base_url}/api/v1/models",
        params={"model": "qwen3.7-plus"},
        headers={"authorization": f"Bearer {workspace.api_key}"},
        trust_env=False,
    )
    assert bool(response.json()["output"]["models"][0]["prices"]) == has_prices


@pytest.mark.parametrize("name", ["text-embedding-async-v2", "qwen-deep-research"])
def test_a_model_that_the_openai_protocol_does_not_serve_is_refused(sandbox: Sandbox, name: str) -> None:
    with openai_client_of(sandbox, sandbox.add_workspace("all")) as client, pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])


def test_the_catalogue_refuses_filters_that_it_does_not_have(http: httpx.Client) -> None:
    response = http.get("/api/v1/models", params={"providers": "qwen"})
    assert (response.status_code, "providers" in response.text) == (400, True)


@pytest.mark.parametrize("path", [PERMISSIONS, LIMITS, QUOTAS])
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"size": "1"}, "Unknown query parameters: ['size']."),
        ({"page_size": "201"}, "page_size should be between 1 and 200."),
        ({"page_size": "0"}, "page_size should be a positive integer."),
        ({"page_no": "9" * 5000}, "page_no should be a positive integer."),
        ({"page_no": "first"}, "page_no should be a positive integer."),
    ],
)
def test_management_lists_refuse_wrong_queries(http: httpx.Client, path: str, query: dict[str, str], text: str) -> None:
    response = http.get(path, params=query)
    assert (response.status_code, response.json()["message"]) == (400, text)
