"""The lists of the models that a workspace may call, and of their rate limits."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox

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
