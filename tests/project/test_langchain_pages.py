"""The pages in the form of LangChain's integration docs: their features are those that its standard tests check."""

import inspect
from pathlib import Path

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_qwen_workspace.profiles import catalogue
from tests.project import test_standard

PAGES = Path(__file__).parent.parent.parent / "docs" / "langchain"
SECTIONS = {
    "provider": ["Installation and setup", "Chat models", "Embedding models", "Document compressors"],
    "chat": ["Overview", "Setup", "Instantiation", "Invocation", "API reference"],
    "embeddings": ["Overview", "Setup", "Instantiation", "Indexing and retrieval", "Direct usage", "API reference"],
    "reranker": ["Setup", "Usage", "API reference"],
}
# A column of LangChain's table, and the flag of its standard tests that says so.
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
    has |= dict.fromkeys(ALWAYS, True)
    marks = ["✅" if supported else "❌" for supported in has.values()]
    return "\n".join([f"| {' | '.join(has)} |", f"|{' :---: |' * len(has)}", f"| {' | '.join(marks)} |"])


def test_the_features_are_those_of_the_standard_tests() -> None:
    assert feature_table() in (PAGES / "chat.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", SECTIONS)
def test_a_page_has_the_sections_of_langchains_template(page: str) -> None:
    lines = (PAGES / f"{page}.md").read_text(encoding="utf-8").splitlines()
    assert [section for section in SECTIONS[page] if f"## {section}" not in lines] == []
