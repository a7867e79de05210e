"""Documents that qwen-doc-turbo reads from URLs, and uploaded files."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.support.encoding import encode

BLOCK = {"type": "doc_url", "doc_url": ["https://example.com/a.pdf"], "file_parsing_strategy": "auto"}
QUESTION = HumanMessage([{"type": "text", "text": "What does it say?"}, BLOCK])


def test_urls_of_documents_are_sent_unchanged_on_the_dashscope_protocol() -> None:
    body = encode(QUESTION, model="qwen-doc-turbo", protocol="dashscope").body

    [message] = body["input"]["messages"]
    assert message["content"] == [{"type": "text", "text": "What does it say?"}, BLOCK]


def test_urls_of_documents_are_refused_on_the_openai_protocol() -> None:
    with pytest.raises(UnsupportedInputError, match='works only over `protocol="dashscope"`'):
        encode(QUESTION, model="qwen-doc-turbo", protocol="openai")


@pytest.mark.parametrize("urls", [None, [], ["https://example.com/a.pdf"] * 11, "https://example.com/a.pdf"])
def test_a_wrong_number_of_documents_is_refused(urls: Any) -> None:
    with pytest.raises(UnsupportedInputError, match="a list of 1 to 10 URLs"):
        encode(HumanMessage([{**BLOCK, "doc_url": urls}]), model="qwen-doc-turbo", protocol="dashscope")


def test_a_path_is_not_the_url_of_a_document() -> None:
    with pytest.raises(UnsupportedInputError, match="is never read from a message"):
        encode(HumanMessage([{**BLOCK, "doc_url": ["/etc/passwd"]}]), model="qwen-doc-turbo", protocol="dashscope")


def test_a_sentence_stands_for_documents_in_a_tools_result(protocol: ProtocolName) -> None:
    call = AIMessage("", tool_calls=[{"id": "call_1", "name": "look", "args": {}}])

    body = encode(HumanMessage("Hi"), call, ToolMessage([BLOCK], tool_call_id="call_1"), protocol=protocol).body

    assert "which cannot be sent to this model" in str(body)


def test_documents_are_not_embedded() -> None:
    with pytest.raises(UnsupportedInputError, match="'doc_url', which cannot be sent"):
        read_contents(BLOCK, "Content 0", profile_of("qwen3-vl-embedding"))


def test_an_uploaded_file_is_read_from_a_system_message(protocol: ProtocolName) -> None:
    file = SystemMessage([{"type": "file", "file_id": "file-fe-1"}])

    assert "fileid://file-fe-1" in str(encode(file, HumanMessage("Hi"), model="qwen-doc-turbo", protocol=protocol).body)


def test_the_refusal_of_an_uploaded_file_names_the_models_that_read_it() -> None:
    with pytest.raises(
        UnsupportedInputError, match="qwen-long and qwen-doc-turbo read files only from system messages"
    ):
        encode(HumanMessage([{"type": "file", "file_id": "file-fe-1"}]), model="qwen-doc-turbo")
