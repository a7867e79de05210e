"""What is sent of an assistant's message that another provider wrote: its text, and a sentence for each image or file.

Sources of the blocks: langchain-core 1.8.3 (`messages/block_translators`), langchain-openai 1.7.4, langchain-anthropic
1.7.10, langchain-google-genai 4.4.2, and AWS's documentation of Converse (2026-09).
"""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from tests.support.encoding import encode, messages_of

URL = "https://example.com/a.png"
TEXT: Json = {"type": "text", "text": "Done."}


def content_of(*blocks: Any, **fields: Any) -> Any:
    """Return the content of an assistant's message, as it is sent."""
    return messages_of(AIMessage("", **fields).model_copy(update={"content": list(blocks)}))[0]["content"]


LEFT_OUT: dict[str, Json] = {
    "Bedrock: reasoning": {"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "c2ln"}},
    "Bedrock: guard content": {"type": "guard_content", "guard_content": {"text": {"text": "x"}}},
    "Bedrock: no type": {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
    "Bedrock: a call without a type": {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}},
    "Bedrock: cache point": {"cachePoint": {"type": "default"}},
    "Gemini: code": {"type": "executable_code", "executable_code": "1+1", "language": "PYTHON"},
    "Gemini: its result": {"type": "code_execution_result", "code_execution_result": "2", "outcome": 1},
    "Gemini: a thought": {"thought": True, "text": "Hm."},
    "Gemini: signature": {"type": "function_call_signature", "signature": "c2ln", "index": 0},
    "Responses: compaction": {"type": "compaction", "id": "cmp_1", "encrypted_content": "eA=="},
    "Responses: tools of a server": {"type": "mcp_list_tools", "id": "m", "server_label": "s", "tools": []},
    "Responses: approval": {"type": "mcp_approval_request", "id": "m", "name": "f", "arguments": "{}"},
    "Responses: search": {"type": "web_search_call", "id": "w", "status": "completed"},
    "Anthropic: compaction": {"type": "compaction", "content": "A summary."},
    "Anthropic: upload": {"type": "container_upload", "file_id": "file_1"},
    "Anthropic: search result": {"type": "search_result", "source": URL, "title": "t", "content": [TEXT]},
    "LangChain: unknown": {"type": "non_standard", "value": {"type": "x"}},
    "unknown": {"type": "hologram", "text": "x", "extras": "x"},
    "empty": {},
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_unknown_blocks_of_an_assistant_are_left_out(name: str) -> None:
    assert content_of(LEFT_OUT[name], TEXT) == "Done."


def test_unknown_blocks_of_a_chat_message_of_the_assistant_are_left_out() -> None:
    [message] = messages_of(ChatMessage(content=[{"type": "compaction"}, TEXT], role="assistant"))

    assert message == {"role": "assistant", "content": "Done."}


READ_OF_OTHERS = {"Gemini: a thought", "Anthropic: search result"}


@pytest.mark.parametrize("name", sorted(LEFT_OUT.keys() - READ_OF_OTHERS))
@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage])
def test_unknown_blocks_of_others_are_refused(kind: type[BaseMessage], name: str) -> None:
    with pytest.raises(UnsupportedInputError, match=r"^Message 0 "):
        messages_of(kind(content=[LEFT_OUT[name]]))


TEXTS: dict[str, Json] = {
    "LangChain": {"type": "text", "text": "Done.", "index": 0, "id": "lc_1", "extras": {"signature": "c2ln"}},
    "Responses": {"type": "output_text", "text": "Done.", "annotations": [], "logprobs": []},
    "Responses: refusal": {"type": "refusal", "refusal": "Done."},
    "input": {"type": "input_text", "text": "Done."},
    "a document": {"type": "text-plain", "text": "Done.", "mime_type": "text/plain"},
    "Bedrock, Gemini, DashScope": {"text": "Done."},
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_of_every_provider_is_sent(name: str, protocol: ProtocolName) -> None:
    body = encode(AIMessage([TEXTS[name]]), protocol=protocol).body

    assert (body if protocol == "openai" else body["input"])["messages"][0]["content"] == "Done."


DATA = "data:image/png;base64,AAAA"
TOLD: list[tuple[Json, str]] = [
    ({"type": "image", "url": URL}, f"an image, which cannot be sent to this model. Its URL: {URL}"),
    ({"type": "image_url", "image_url": {"url": URL}}, f"an image, which cannot be sent to this model. Its URL: {URL}"),
    ({"type": "image_url", "image_url": URL}, f"an image, which cannot be sent to this model. Its URL: {URL}"),
    ({"type": "image_url", "image_url": {"url": DATA}}, "an image, which cannot be sent to this model."),
    ({"image": URL}, f"an image, which cannot be sent to this model. Its URL: {URL}"),
    (
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
        "an image (image/png), which cannot be sent to this model.",
    ),
    ({"type": "image_generation_call", "result": "AAAA"}, "an image, which cannot be sent to this model."),
    ({"type": "video", "url": URL}, f"a video, which cannot be sent to this model. Its URL: {URL}"),
    (
        {"type": "media", "mime_type": "video/mp4", "file_uri": URL},
        f"a video (video/mp4), which cannot be sent to this model. Its URL: {URL}",
    ),
    (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": DATA}},
        "a file (a.pdf), which cannot be sent to this model.",
    ),
    ({"type": "file", "file_id": "file-1"}, "a file, which cannot be sent to this model."),
    ({"type": "text-plain", "url": URL}, f"a file, which cannot be sent to this model. Its URL: {URL}"),
]


@pytest.mark.parametrize(("block", "told"), TOLD, ids=[str(block) for block, _ in TOLD])
def test_a_sentence_stands_for_an_assistants_image_or_file(block: Json, told: str) -> None:
    assert content_of(block, TEXT) == f"[Here was {told}]\nDone."


def test_a_sentence_stands_for_an_image_that_qwen_answered_with() -> None:
    [sent] = messages_of(AIMessage("", additional_kwargs={"content_parts": [{"image": URL}, {"ocr_result": {}}]}))

    assert sent["content"] == f"[Here was an image, which cannot be sent to this model. Its URL: {URL}]"


def test_no_sentence_stands_for_audio_whose_text_is_sent() -> None:
    assert content_of({"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, TEXT) == "Done."


# ------------------------------------------------------------------------------------------------ several texts


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage(["One.", {"type": "text", "text": "Two."}]),
        SystemMessage(["One.", "Two."]),
        ToolMessage([{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}], tool_call_id="a"),
        AIMessage([{"type": "text", "text": "One."}, {"type": "output_text", "text": "Two."}]),
    ],
    ids=lambda message: message.type,
)
def test_a_line_break_separates_several_texts(message: BaseMessage) -> None:
    assert messages_of(message)[0]["content"] == "One.\nTwo."


@pytest.mark.parametrize(("first", "second"), [("One. ", "Two."), ("One.", " Two."), ("One.\n", "Two."), ("", "Two.")])
def test_no_line_break_is_added_where_a_blank_separates_texts(first: str, second: str) -> None:
    assert messages_of(HumanMessage([first, second]))[0]["content"] == first + second


@pytest.mark.parametrize("key", ["citations", "annotations"])
def test_a_text_that_its_citations_split_stays_one(key: str) -> None:
    cited = {"type": "text", "text": "the grass is green", key: [{"type": "citation"}]}

    assert content_of("So ", cited, {"type": "text", "text": ", and the sky"}) == "So the grass is green, and the sky"
