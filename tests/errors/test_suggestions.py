"""Unknown arguments: the error suggests the argument that was probably meant."""

from typing import Any

import pytest
from pydantic import Field

from langchain_qwen_workspace import QwenWorkspaceEmbeddings
from langchain_qwen_workspace._suggestions import suggest_argument

KEY = "sk-0123456789abcdef0123"


@pytest.mark.parametrize(
    ("given", "known", "suggestion"),
    [
        ("modle", ["model", "mcp"], " Did you mean `model`?"),
        ("Timeout", ["timeout"], " Did you mean `timeout`?"),
        ("frequency_penalty", ["presence_penalty", "repetition_penalty"], ""),
        (7, ["model"], ""),
        ("m" * 101, ["m" * 100], ""),
    ],
)
def test_only_an_argument_that_is_almost_equal_is_suggested(given: object, known: list[str], suggestion: str) -> None:
    assert suggest_argument(given, known) == suggestion


class EmbeddingsWithAlias(QwenWorkspaceEmbeddings):
    """A user's subclass, whose own field is given under another name."""

    owner: str = Field(default="", alias="ownedBy")


def test_an_alias_of_a_users_subclass_is_accepted() -> None:
    arguments: dict[str, Any] = {"model": "text-embedding-v4", "api_key": KEY, "ownedBy": "acme"}

    assert EmbeddingsWithAlias(**arguments).owner == "acme"
