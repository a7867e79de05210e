"""The pages in the form of LangChain's integration docs: their features are those that its standard tests check."""

import inspect
from pathlib import Path

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace.profiles import catalogue
from tests.project import test_standard

PAGES = Path(__file__).parent.parent.parent / "docs" / "langchain"
_FIRST = ["## Overview", "### Integration details"]
_SETUP = ["## Setup", "### Credentials", "### Installation", "## Instantiation"]
_LAST = ["## API reference"]
SECTIONS = {
    "provider": ["## Installation and setup", "## Chat models", "## Embedding models", "## Document compressors"],
    "chat": [*_FIRST, "### Model features", *_SETUP, "## Invocation", *_LAST],
    "embeddings": [*_FIRST, *_SETUP, "## Indexing and retrieval", "## Direct usage", *_LAST],
    "reranker": [*_FIRST, *_SETUP, "## Usage", *_LAST],
}
# The columns of LangChain's table, in the order of its template (langchain-ai/docs, integrations/chat/TEMPLATE.mdx).
COLUMNS = [
    *("Tool calling", "Structured output", "Image input", "Audio input", "Video input", "Token-level streaming"),
    *("Native async", "Token usage", "Logprobs"),
]
# A column, and the flag of its standard tests that says so.
FLAGS = {
    "Tool calling": "has_tool_calling",
    "Structured output": "has_structured_output",
    "Image input": "supports_image_inputs",
    "Audio input": "supports_audio_inputs",
    "Token usage": "returns_usage_metadata",
}
# Every class of standard tests streams token by token, in synchronous and in asynchronous calls of its own.
ALWAYS = ["Token-level streaming", "Native async"]


def feature_table() -> str:
    """Return LangChain's table of features: what at least one class of standard tests switches on."""
    classes = [
        value
        for _, value in inspect.getmembers(test_standard, inspect.isclass)
        if issubclass(value, ChatModelIntegrationTests) and value.__name__.startswith("Test")
    ]
    has = {name: any(getattr(tests(), flag) for tests in classes) for name, flag in FLAGS.items()}
    # LangChain has no test of videos: the catalogue says which models take them.
    has["Video input"] = any("video" in profile.inputs for profile in catalogue() if profile.kind == "chat")
    # Nor of log probabilities.
    has["Logprobs"] = "logprobs" in ChatQwenWorkspace.model_fields
    has |= dict.fromkeys(ALWAYS, True)
    marks = ["✅" if has[column] else "❌" for column in COLUMNS]
    return "\n".join([f"| {' | '.join(COLUMNS)} |", f"|{' :---: |' * len(COLUMNS)}", f"| {' | '.join(marks)} |"])


def test_the_features_are_those_of_the_standard_tests() -> None:
    assert feature_table() in (PAGES / "chat.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", SECTIONS)
def test_a_page_has_the_sections_of_langchains_template_in_its_order(page: str) -> None:
    lines = (PAGES / f"{page}.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in SECTIONS[page]] == SECTIONS[page]
