"""Malformed and hostile messages: refused before anything is sent, and never a way to a file or a host."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace import (
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    UnsupportedInputError,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._retrieval.inputs import content_items
from langchain_qwen_workspace._seam import ChatCall, Destination, Json, Request
from langchain_qwen_workspace.profiles import profile_of
from tests.fuzz._run import forbid_opening
from tests.fuzz._seeds import BLOCKS, CONTENTS
from tests.support.media import OMNI_MODEL
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask

URL = "https://example.com/a.png"


class _PathLike:
    """An object that `open` accepts as a path."""

    def __fspath__(self) -> str:
        return "/etc/passwd"


def _circle() -> Json:
    block: Json = {"type": "text", "text": "a"}
    block["extras"] = block
    return block


def _deep(depth: int = 50_000) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def encode(protocol: ProtocolName, *messages: BaseMessage) -> Request:
    """Return the request for a conversation, and check that nothing is opened meanwhile."""
    call = ChatCall(
        model=OMNI_MODEL,
        messages=messages,
        parameters={},
        stream=False,
        profile=profile_of(OMNI_MODEL),
        destination=Destination(protocol, "ap-southeast-1", None),
    )
    with forbid_opening():
        return PROTOCOLS[protocol].chat.encode(call)


MALFORMED_BLOCKS: dict[str, tuple[Json, str]] = {
    "a list as type": ({"type": ["text"], "text": "a"}, "type"),
    "a dict as type": ({"type": {"a": 1}}, "type"),
    "a number of many digits as type": ({"type": 10**5000}, "type"),
    "deep nesting as type": ({"type": _deep()}, "type"),
    "a string as extras": ({"type": "text", "text": "a", "extras": "cache_control"}, "`extras` are 'cache_control'"),
    "a list as extras": ({"type": "image", "url": URL, "extras": [1]}, r"`extras` are \[1\]"),
    "a number as text": ({"type": "text", "text": 7}, "`text` is 7"),
    "deep nesting as text": ({"type": "text", "text": _deep()}, "is malformed"),
    "a list as data": ({"type": "image", "base64": ["AAAA"], "mime_type": "image/png"}, "without a `url`"),
    "bytes as data": ({"type": "image", "base64": b"AAAA", "mime_type": "image/png"}, "without a `url`"),
    "a number as MIME type": ({"type": "image", "base64": "AAAA", "mime_type": 7}, "`mime_type` is 7"),
    "a number as audio": ({"type": "input_audio", "input_audio": 7}, "`input_audio` is 7"),
    "deep nesting as a URL": ({"type": "image_url", "image_url": {"url": _deep()}}, "is malformed"),
    "a number as key": ({"type": "text", "text": "a", 7: 8, "x": 1}, "is malformed"),  # type: ignore[dict-item]  # the invalid key is what is tested
    "a path": ({"type": "image", "url": Path("/etc/passwd")}, "without a `url`"),
    "a path's like": ({"type": "image", "image": _PathLike()}, "without a `url`"),
    "a path in a list": ({"type": "video", "frames": [Path("/etc/passwd")]}, "never read"),
    "a path under `path`": ({"type": "image", "path": "/etc/passwd"}, "without a `url`"),
    "a path beside a URL": ({"type": "image", "url": URL, "path": "/etc/passwd"}, "which cannot be sent"),
}


# What a tool may well return: a sentence stands for it in a tool's message.
UNREADABLE_BLOCKS: dict[str, tuple[Json, str]] = {
    "letters of no base64": ({"type": "image", "base64": "\ud800", "mime_type": "image/png"}, "not valid base64"),
    "a path under `file`": ({"type": "file", "file": {"path": "/etc/passwd"}}, "a file of type None"),
    "a file in OpenAI's words": ({"type": "file", "file": {"file_data": "/etc/passwd"}}, "a file of type None"),
    "a document to fetch": ({"type": "document", "source": {"type": "url", "url": URL}}, "type 'document'"),
    "a document to read": ({"type": "text-plain", "url": "file:///etc/passwd"}, "never fetched"),
    "a text file to fetch": ({"type": "file", "url": URL, "mime_type": "text/plain"}, "never fetched"),
    "a URL of no host": ({"type": "image", "url": "https:///etc/passwd"}, "never read"),
    "a URL of half an address": ({"type": "image", "url": "http://[::1"}, "never read"),
    "a data URI that names a file": ({"type": "image", "url": "data:image/png,file:///etc/passwd"}, "not valid base64"),
    "a scheme with a file in it": ({"type": "image", "url": "url:file:///etc/passwd"}, "never read"),
}


@pytest.mark.parametrize("name", UNREADABLE_BLOCKS)
def test_an_unreadable_block_is_refused_by_its_message(protocol: ProtocolName, name: str) -> None:
    block, problem = UNREADABLE_BLOCKS[name]
    for kind in (HumanMessage, SystemMessage):
        with pytest.raises(UnsupportedInputError, match=problem) as caught:
            encode(protocol, HumanMessage("a"), kind(content=[block]))

        assert f"Message 1 ({kind.__name__})" in caught.value.message
        assert len(caught.value.message) < 700


@pytest.mark.parametrize("name", UNREADABLE_BLOCKS)
def test_a_sentence_stands_for_an_unreadable_block_of_a_tool(protocol: ProtocolName, name: str) -> None:
    body = encode(protocol, ToolMessage(content=[UNREADABLE_BLOCKS[name][0]], tool_call_id="c")).body

    [message] = body["messages"] if protocol == "openai" else body["input"]["messages"]
    text = message["content"] if isinstance(message["content"], str) else message["content"][0]["text"]
    assert text.startswith(("[Here was an image", "[Here was a file"))


@pytest.mark.parametrize("name", MALFORMED_BLOCKS)
def test_a_malformed_block_is_refused_by_its_message(protocol: ProtocolName, name: str) -> None:
    block, problem = MALFORMED_BLOCKS[name]
    for kind in (HumanMessage, SystemMessage, ToolMessage):
        more = {"tool_call_id": "c"} if kind is ToolMessage else {}

        with pytest.raises(UnsupportedInputError, match=problem) as caught:
            encode(protocol, HumanMessage("a"), kind(content=[block], **more))

        assert f"Message 1 ({kind.__name__})" in caught.value.message
        assert len(caught.value.message) < 700


MALFORMED_MESSAGES: dict[str, BaseMessage] = {
    "a result of an odd id": HumanMessage([{"type": "tool_result", "tool_use_id": {"a": 1}, "content": "x"}]),
    "a call of an odd id": AIMessage([{"type": "tool_use", "id": ["a"], "name": "f", "input": {}}]),
    "a call of deep arguments": AIMessage("", tool_calls=[{"id": "a", "name": "f", "args": {"x": _deep()}}]),
    "speech with odd extras": AIMessage([{"type": "audio", "base64": "AAAA", "extras": "x"}]),
    "a text that is none": AIMessage([{"type": "text", "text": ["a"]}]),
    "a mark that is none": AIMessage([{"type": "text", "text": "a", "extras": "x"}]),
    "a kind that is none": AIMessage([{"type": ["a"], "text": "a"}]),
}


@pytest.mark.parametrize("odd", [["f"], {"f": 1}, 7], ids=str)
def test_a_tool_call_of_an_odd_name_is_refused_by_its_index(protocol: ProtocolName, odd: Any) -> None:
    turn = AIMessage([{"type": "tool_use", "id": "a", "name": odd, "input": {}}])

    with pytest.raises(UnsupportedInputError, match=r"Message 0 has a tool call whose `name` is "):
        encode(protocol, turn, ToolMessage("x", tool_call_id="a"))


@pytest.mark.parametrize("name", MALFORMED_MESSAGES)
def test_a_malformed_message_is_refused_by_its_index(protocol: ProtocolName, name: str) -> None:
    with pytest.raises(UnsupportedInputError, match=r"Message 0 "):
        encode(protocol, MALFORMED_MESSAGES[name])


def test_a_message_whose_tool_call_lost_its_name_is_refused(server: Server, stub: ProtocolStub) -> None:
    message = AIMessage("", tool_calls=[{"id": "a", "name": "f", "args": {}, "type": "tool_call"}])
    del message.tool_calls[0]["name"]  # type: ignore[misc]  # a program can do it all the same

    with pytest.raises(UnsupportedInputError, match="Message 0"):
        stub.llm(server).invoke([message])
    assert server.requests == []


@pytest.mark.parametrize(
    "odd",
    [_deep(), _circle(), b"x", {1, 2}, 1 + 2j, float("nan")],
    ids=["nested", "circle", "bytes", "set", "complex", "NaN"],
)
def test_parameters_that_json_cannot_express_are_refused(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, odd: Any
) -> None:
    server.default = stub.reply_to

    with pytest.raises(UnsupportedInputError, match="cannot be written as JSON"):
        ask_two_ways(stub.llm(server, extra_body={"odd": odd}))
    assert server.requests == []


# ---------------------------------------------------------------------------------------- files and connections


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block)[:40])
def test_no_content_block_opens_a_file_or_connection(protocol: ProtocolName, block: Json) -> None:
    for kind in (HumanMessage, SystemMessage, AIMessage, ToolMessage):
        more = {"tool_call_id": "c"} if kind is ToolMessage else {}
        with contextlib.suppress(UnsupportedInputError):
            encode(protocol, kind(content=[block], **more))


PLACES: list[Any] = [
    "file:///etc/passwd",
    "/etc/passwd",
    Path("/etc/passwd"),
    _PathLike(),
    "http://127.0.0.1:9/a.png",
    URL,
]


@pytest.mark.parametrize("content", [block for block in CONTENTS if isinstance(block, dict)], ids=lambda b: str(b)[:40])
def test_no_content_of_embeddings_or_rerank_opens_a_file_or_connection(content: Json) -> None:
    where = next((key for key in ("url", "image", "image_url", "video", "frames") if key in content), "path")
    keys: Json = {"api_key": "sk-test", "base_url": "http://127.0.0.1:9", "protocol": "dashscope", "max_retries": 0}
    embeddings = QwenWorkspaceEmbeddings(model="qwen3-vl-embedding", **keys)
    reranker = QwenWorkspaceRerank(model="qwen3-vl-rerank", **keys)
    for place in PLACES:
        given = {**content, where: [place] if where == "frames" else place}
        with forbid_opening():
            with contextlib.suppress(QwenWorkspaceError):
                list(content_items([given], embeddings._profile(), embeddings.model))
            with contextlib.suppress(QwenWorkspaceError):
                reranker._rerank_call([given], "q", None)
            with contextlib.suppress(QwenWorkspaceError):
                reranker._rerank_call(["d"], given, None)
