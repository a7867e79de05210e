"""Results of tools that the model cannot read: a sentence says what was left out, so that the thread can go on.

Sources of the blocks: langchain-core 1.8.3, MCP's specification of 2025-06-18 (`resource`, `resource_link`) and
langchain-openai 1.7.4.
"""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from tests.support.encoding import encode, messages_of
from tests.support.protocols import ProtocolStub
from tests.support.server import Server

URL = "https://example.com/a"
SEES = "qwen3.7-plus"
UNKNOWN_MODEL = "a-model-of-tomorrow"
CALL = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}])


def result(*blocks: Any) -> ToolMessage:
    return ToolMessage(content=list(blocks), tool_call_id="a")


def content_of(block: Json, model: str = "qwen-plus") -> Any:
    """Return the content of the only message that is sent for a tool's result."""
    [message] = messages_of(result(block), model=model)
    return message["content"]


def told(what: str, link: str = "") -> str:
    return f"[Here was {what}, which cannot be sent to this model.{f' Its URL: {link}' if link else ''}]"


UNREADABLE: list[tuple[Json, str]] = [
    ({"type": "image", "url": URL}, told("an image", URL)),
    ({"type": "image", "base64": "AAAA", "mime_type": "image/png"}, told("an image (image/png)")),
    ({"type": "image_url", "image_url": {"url": URL}}, told("an image", URL)),
    ({"type": "audio", "url": URL}, told("an audio recording", URL)),
    ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, told("an audio recording")),
    (
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf", "filename": "a.pdf"},
        told("a file (a.pdf, application/pdf)"),
    ),
    ({"type": "file", "url": URL, "mime_type": "application/pdf"}, told("a file (application/pdf)", URL)),
    ({"type": "file", "url": URL, "mime_type": "text/plain"}, told("a file (text/plain)", URL)),
    ({"type": "file", "url": "resource://notes/1"}, told("a file", "resource://notes/1")),
    ({"type": "file", "file_id": "file-1"}, told("a file")),
    (
        {"type": "resource_link", "uri": "file:///notes.md", "name": "notes.md", "mimeType": "text/markdown"},
        told("a file (notes.md, text/markdown)", "file:///notes.md"),
    ),
    (
        {"type": "resource", "resource": {"uri": "db://1", "mimeType": "application/zip", "blob": "AAAA"}},
        told("a file (application/zip)", "db://1"),
    ),
    ({"type": "resource"}, told("a file")),
    ({"type": "document", "source": {"type": "url", "url": URL}}, told("a file", URL)),
    ({"type": "search_result_v2", "url": URL}, told("content of the type 'search_result_v2'", URL)),
    ({"type": "hologram", "value": 1}, told("content of the type 'hologram'")),
    ({"type": "non_standard", "value": {"type": "x"}}, told("content of the type 'non_standard'")),
    ({"answer": 42}, told("content without a type")),
]


@pytest.mark.parametrize(("block", "expected"), UNREADABLE, ids=[str(block)[:60] for block, _ in UNREADABLE])
def test_a_sentence_stands_for_what_the_model_cannot_read(block: Json, expected: str) -> None:
    assert content_of(block) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "image", "url": "file:///a.png"}, told("an image", "file:///a.png")),
        ({"type": "image", "url": "a.png"}, told("an image")),
        ({"type": "image", "base64": "%", "mime_type": "image/png"}, told("an image (image/png)")),
        ({"type": "text-plain", "base64": "/w=="}, told("a file")),
        ({"type": "image", "url": "oss://bucket/a.png"}, told("an image", "oss://bucket/a.png")),
        ({"type": "video", "frames": [URL], "max_frames": 2}, told("a video")),
    ],
)
def test_a_sentence_stands_for_what_the_openai_protocol_cannot_send(block: Json, expected: str) -> None:
    assert content_of(block, SEES) == expected


def test_a_sentence_stands_for_an_image_at_an_endpoint_of_text() -> None:
    # Nothing is known of the model, so that the dashscope protocol calls its endpoint for texts.
    body = encode(result({"type": "image", "url": URL}), model=UNKNOWN_MODEL, protocol="dashscope").body

    assert [message["content"] for message in body["input"]["messages"]] == [told("an image", URL)]


def test_a_tools_image_is_sent_to_a_model_that_sees() -> None:
    sent_result, sent_image = messages_of(result({"type": "image", "url": URL}), model=SEES)

    assert sent_result["content"] == "The result is in the next user message."
    assert sent_image["content"] == [{"type": "image_url", "image_url": {"url": URL}}]


@pytest.mark.parametrize(
    ("block", "source"),
    [
        ({"type": "image", "data": "AAAA", "mimeType": "image/png", "annotations": None, "meta": None}, "image/png"),
        ({"type": "resource", "resource": {"uri": "db://1", "mimeType": "image/gif", "blob": "AAAA"}}, "image/gif"),
    ],
)
def test_an_image_in_mcps_format_is_sent(block: Json, source: str) -> None:
    image = messages_of(result(block), model=SEES)[1]["content"]

    assert image == [{"type": "image_url", "image_url": {"url": f"data:{source};base64,AAAA"}}]


def test_the_meta_field_of_an_mcp_block_is_left_out() -> None:
    block = {"type": "text", "text": "Sunny.", "_meta": {"trace": "1"}, "annotations": {"audience": ["user"]}}
    assert content_of(block) == "Sunny."


def test_a_text_of_an_mcp_resource_is_sent() -> None:
    resource = {"uri": "db://1", "mimeType": "text/plain", "text": "A note."}

    assert content_of({"type": "resource", "resource": resource}) == "A note."


def test_the_texts_beside_what_is_left_out_are_sent() -> None:
    [message] = messages_of(result({"type": "text", "text": "Seen:"}, {"type": "image", "url": URL}))

    assert message["content"] == f"Seen:\n{told('an image', URL)}"


def test_a_sentence_stands_in_a_tool_result_of_anthropics_format() -> None:
    block = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image", "url": URL}]}

    [message] = messages_of(HumanMessage([block]))
    assert (message["role"], message["content"]) == ("tool", told("an image", URL))


@pytest.mark.parametrize("block", [block for block, _ in UNREADABLE], ids=[str(block)[:60] for block, _ in UNREADABLE])
def test_what_a_user_sends_is_refused(block: Json) -> None:
    with pytest.raises(UnsupportedInputError, match=r"^Message 0 \(HumanMessage\) has "):
        messages_of(HumanMessage([block]))


def test_a_thread_with_an_image_for_a_model_of_text_goes_on(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server).invoke([HumanMessage("Look."), CALL, result({"type": "image", "url": URL})])

    assert stub.messages_sent(server)[2] == {"role": "tool", "content": told("an image", URL), "tool_call_id": "a"}


# ------------------------------------------------------------------------------------------------ unchecked


def unchecked(*messages: BaseMessage, protocol: ProtocolName) -> list[Json]:
    with pytest.warns(UserWarning, match="It is sent unchanged, because `check_capabilities` is False"):
        body = encode(*messages, protocol=protocol, check_capabilities=False).body
    return list((body if protocol == "openai" else body["input"])["messages"])


def test_an_unchecked_image_is_sent_to_a_model_of_text(protocol: ProtocolName) -> None:
    image = unchecked(result({"type": "image", "url": URL}), protocol=protocol)[1]["content"]

    assert image == [{"image": URL} if protocol == "dashscope" else {"type": "image_url", "image_url": {"url": URL}}]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "hologram", "value": 1},
        {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
        {"type": "resource_link", "uri": "file:///notes.md", "name": "notes.md"},
        {"type": "file", "file_id": "file-1"},
    ],
    ids=str,
)
def test_an_unchecked_block_is_sent_as_it_is(block: Json, protocol: ProtocolName) -> None:
    [message] = unchecked(result(block), protocol=protocol)

    assert message["content"] == [block]


def test_an_unchecked_block_is_sent_as_it_is_beside_media() -> None:
    image, unknown = {"type": "image", "url": URL}, {"type": "hologram", "value": 1}

    with pytest.warns(UserWarning, match="sent unchanged"):
        request = encode(result(image, unknown), model=SEES, protocol="dashscope", check_capabilities=False)

    assert [message["content"] for message in request.body["input"]["messages"]] == [[unknown], [{"image": URL}]]


@pytest.mark.parametrize("checked", [False, True])
def test_a_malformed_block_of_a_tool_is_refused(*, checked: bool) -> None:
    with pytest.raises(UnsupportedInputError, match=r"^Message 0 \(ToolMessage\) has "):
        encode(result({"type": "text", "text": 7}), check_capabilities=checked)
