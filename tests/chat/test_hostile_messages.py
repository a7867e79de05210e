"""Messages that nobody should send: refused by name before anything is sent, and never a way to a file or a host."""

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
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask

HEARS = "qwen3.5-omni-plus"
URL = "https://example.com/a.png"


class _PathLike:
    """What `open` takes for a path."""

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


def encoded(protocol: ProtocolName, *messages: BaseMessage) -> Request:
    """Return the request that a conversation becomes; nothing may be opened meanwhile."""
    call = ChatCall(
        model=HEARS,
        messages=messages,
        parameters={},
        stream=False,
        profile=profile_of(HEARS),
        destination=Destination(protocol, "ap-southeast-1", None),
    )
    with forbid_opening():
        return PROTOCOLS[protocol].chat.encode(call)


ODD_BLOCKS: dict[str, tuple[Json, str]] = {
    "a list as type": ({"type": ["text"], "text": "a"}, "type"),
    "a dict as type": ({"type": {"a": 1}}, "type"),
    "a number of many digits as type": ({"type": 10**5000}, "type"),
    "deep nesting as type": ({"type": _deep()}, "type"),
    "a string as extras": ({"type": "text", "text": "a", "extras": "cache_control"}, "`extras` are 'cache_control'"),
    "a list as extras": ({"type": "image", "url": URL, "extras": [1]}, r"`extras` are \[1\]"),
    "a number as text": ({"type": "text", "text": 7}, "`text` is 7"),
    "deep nesting as text": ({"type": "text", "text": _deep()}, "of a type"),
    "a list as data": ({"type": "image", "base64": ["AAAA"], "mime_type": "image/png"}, "without a `url`"),
    "bytes as data": ({"type": "image", "base64": b"AAAA", "mime_type": "image/png"}, "without a `url`"),
    "letters of no base64": ({"type": "image", "base64": "\ud800", "mime_type": "image/png"}, "not base64"),
    "a number as MIME type": ({"type": "image", "base64": "AAAA", "mime_type": 7}, "`mime_type` is 7"),
    "a number as audio": ({"type": "input_audio", "input_audio": 7}, "without `input_audio`"),
    "deep nesting as a URL": ({"type": "image_url", "image_url": {"url": _deep()}}, "without `image_url`"),
    "a number as key": ({"type": "text", "text": "a", 7: 8, "x": 1}, "of a type"),  # type: ignore[dict-item]  # that it is none is the case
    "a path": ({"type": "image", "url": Path("/etc/passwd")}, "without a `url`"),
    "a path's like": ({"type": "image", "image": _PathLike()}, "without a `url`"),
    "a path in a list": ({"type": "video", "frames": [Path("/etc/passwd")]}, "never read"),
    "a path under `path`": ({"type": "image", "path": "/etc/passwd"}, "without a `url`"),
    "a path under `file`": ({"type": "file", "file": {"path": "/etc/passwd"}}, "a file of type None"),
    "a path beside a URL": ({"type": "image", "url": URL, "path": "/etc/passwd"}, "which cannot be sent"),
    "a file in OpenAI's words": ({"type": "file", "file": {"file_data": "/etc/passwd"}}, "a file of type None"),
    "a document to fetch": ({"type": "document", "source": {"type": "url", "url": URL}}, "type 'document'"),
    "a document to read": ({"type": "text-plain", "url": "file:///etc/passwd"}, "never fetched"),
    "a text file to fetch": ({"type": "file", "url": URL, "mime_type": "text/plain"}, "never fetched"),
    "a URL of no host": ({"type": "image", "url": "https:///etc/passwd"}, "never read"),
    "a URL of half an address": ({"type": "image", "url": "http://[::1"}, "never read"),
    "a data URI that names a file": ({"type": "image", "url": "data:image/png,file:///etc/passwd"}, "not base64"),
    "a scheme with a file in it": ({"type": "image", "url": "url:file:///etc/passwd"}, "never read"),
}


@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage, ToolMessage])
@pytest.mark.parametrize("name", ODD_BLOCKS)
def test_an_odd_block_is_refused_by_the_name_of_its_message(
    stub: ProtocolStub, name: str, kind: type[BaseMessage]
) -> None:
    block, problem = ODD_BLOCKS[name]
    more = {"tool_call_id": "c"} if kind is ToolMessage else {}
    message = kind(content=[block], **more)

    with pytest.raises(UnsupportedInputError, match=problem) as caught:
        encoded(stub.protocol, HumanMessage("a"), message)

    assert f"Message 1 ({kind.__name__})" in caught.value.message
    assert len(caught.value.message) < 700


ODD_MESSAGES: dict[str, BaseMessage] = {
    "a result of an odd id": HumanMessage([{"type": "tool_result", "tool_use_id": {"a": 1}, "content": "x"}]),
    "a call of an odd id": AIMessage([{"type": "tool_use", "id": ["a"], "name": "f", "input": {}}]),
    "a call of deep arguments": AIMessage([{"type": "tool_use", "id": "a", "name": "f", "input": _deep()}]),
    "speech with odd extras": AIMessage([{"type": "audio", "base64": "AAAA", "extras": "x"}]),
    "a text that is none": AIMessage([{"type": "text", "text": ["a"]}]),
    "a mark that is none": AIMessage([{"type": "text", "text": "a", "extras": "x"}]),
    "a kind that is none": AIMessage([{"type": ["a"], "text": "a"}]),
}


@pytest.mark.parametrize("name", ODD_MESSAGES)
def test_an_odd_message_is_refused_by_its_place(stub: ProtocolStub, name: str) -> None:
    with pytest.raises(UnsupportedInputError, match=r"Message 0 "):
        encoded(stub.protocol, ODD_MESSAGES[name])


def test_a_message_that_was_changed_into_no_message_is_refused(server: Server, stub: ProtocolStub) -> None:
    message = AIMessage("", tool_calls=[{"id": "a", "name": "f", "args": {}, "type": "tool_call"}])
    del message.tool_calls[0]["name"]  # type: ignore[misc]  # what a program may do all the same

    with pytest.raises(UnsupportedInputError, match="Message 0"):
        stub.llm(server).invoke([message])
    assert server.requests == []


@pytest.mark.parametrize(
    "odd",
    [_deep(), _circle(), b"x", {1, 2}, 1 + 2j, float("nan")],
    ids=["nested", "circle", "bytes", "set", "complex", "NaN"],
)
def test_parameters_that_are_no_json_are_refused(server: Server, stub: ProtocolStub, ask: Ask, odd: Any) -> None:
    server.default = stub.reply_to

    with pytest.raises(UnsupportedInputError, match="cannot be written as JSON"):
        ask(stub.llm(server, extra_body={"odd": odd}))
    assert server.requests == []


# ---------------------------------------------------------------------------------------- no file, no host, no process


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block)[:40])
@pytest.mark.parametrize("kind", [HumanMessage, SystemMessage, AIMessage, ToolMessage])
def test_no_content_block_makes_the_process_touch_anything(
    stub: ProtocolStub, block: Json, kind: type[BaseMessage]
) -> None:
    more = {"tool_call_id": "c"} if kind is ToolMessage else {}
    try:
        encoded(stub.protocol, kind(content=[block], **more))
    except UnsupportedInputError:
        return


_PLACES: list[Any] = [
    "file:///etc/passwd",
    "/etc/passwd",
    Path("/etc/passwd"),
    _PathLike(),
    "http://127.0.0.1:9/a.png",
    URL,
]


@pytest.mark.parametrize("place", _PLACES, ids=[type(place).__name__ for place in _PLACES])
@pytest.mark.parametrize("content", [block for block in CONTENTS if isinstance(block, dict)], ids=lambda b: str(b)[:40])
def test_no_content_makes_embeddings_or_ranking_touch_anything(content: Json, place: Any) -> None:
    where = next((key for key in ("url", "image", "image_url", "video", "frames") if key in content), "path")
    given = {**content, where: [place] if where == "frames" else place}
    keys: Json = {"api_key": "sk-test", "base_url": "http://127.0.0.1:9", "protocol": "dashscope", "max_retries": 0}
    embeddings = QwenWorkspaceEmbeddings(model="qwen3-vl-embedding", **keys)
    ranking = QwenWorkspaceRerank(model="qwen3-vl-rerank", **keys)
    with forbid_opening():
        for read in (
            lambda: list(content_items([given], embeddings._profile(), embeddings.model)),
            lambda: ranking._rerank_call([given], "q", None),
            lambda: ranking._rerank_call(["d"], given, None),
        ):
            try:
                read()
            except QwenWorkspaceError:
                continue
