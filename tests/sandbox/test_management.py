"""The lists of what a workspace may call, and how fast."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox

PERMISSIONS, LIMITS, QUOTAS = "/api/v1/models/permissions", "/api/v1/models/limits", "/api/v1/quotas"


def _permitted(sandbox: Sandbox, **query: str) -> dict[str, Any]:
    """The output for a workspace that may call one model."""
    few = sandbox.add_workspace("one model", models=["qwen-flash"])
    answer = httpx.get(
        f"{sandbox.base_url}{PERMISSIONS}",
        params=query,
        headers={"authorization": f"Bearer {few.api_key}"},
        trust_env=False,
    )
    output: dict[str, Any] = answer.json()["output"]
    return output


def test_what_could_be_granted_is_listed_unless_only_what_is_was_asked_for(sandbox: Sandbox) -> None:
    every = _permitted(sandbox, page_size="200")
    assert every["total"] == len(every["permissions"]) > 1
    granted = [row["model"] for row in every["permissions"] if row["permissions"]["inference"]]
    assert granted == ["qwen-flash"]
    only = _permitted(sandbox, authorization_scope="AUTHORIZED")
    assert (only["total"], [row["model"] for row in only["permissions"]]) == (1, ["qwen-flash"])


@pytest.mark.parametrize("path", [PERMISSIONS, LIMITS, QUOTAS])
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"size": "1"}, "Unknown query parameters: ['size']."),
        ({"page_size": "201"}, "page_size should be between 1 and 200."),
        ({"page_size": "0"}, "page_size should be a positive integer."),
        ({"page_no": "first"}, "page_no should be a positive integer."),
    ],
)
def test_lists_refuse(http: httpx.Client, path: str, query: dict[str, str], text: str) -> None:
    answer = http.get(path, params=query)
    assert (answer.status_code, answer.json()["message"]) == (400, text)
