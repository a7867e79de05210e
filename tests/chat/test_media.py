"""Media in messages, through the whole model: older blocks, files that are never read, and models that take no media.

What each wire writes for a block is tested in `tests/wire/test_media.py`.
"""

import builtins
import io
import os
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._content_blocks import MAX_DATA_URI_BYTES
from tests.support.media import CASES, OMNI_MODEL, OSS, PATHS, PNG, URL, VISION_MODEL, Block
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server

OLDER_BLOCKS = [case for case in CASES if "source_type" in case[1]]
"""Blocks that LangChain rewrites before a wire sees them."""


def prepare(stub: ProtocolStub, *blocks: str | Block, model: str = OMNI_MODEL, **fields: Any) -> list[Json]:
    """Return the messages that would be sent for a human message; nothing is sent."""
    llm = stub.llm("http://127.0.0.1:9", model=model, **fields)
    _, request = llm._prepare([HumanMessage(list(blocks))], None, {}, stream=False)
    return stub.messages(request.body)


@pytest.mark.parametrize(
    ("block", "expected"), [case[1:] for case in OLDER_BLOCKS], ids=[case[0] for case in OLDER_BLOCKS]
)
def test_older_blocks_are_sent_as_the_protocol_writes_them(
    server: Server, stub: ProtocolStub, block: Block, expected: tuple[Json, ...]
) -> None:
    server.default = stub.reply_to
    stub.llm(server, model=OMNI_MODEL).invoke([HumanMessage([block])])

    [message] = stub.messages_sent(server)
    assert message == {"role": "user", "content": [expected[stub.is_dashscope]]}


def test_texts_and_media_keep_their_order(stub: ProtocolStub) -> None:
    picture = {"type": "image", "url": URL + "a.png"}

    [message] = prepare(stub, "One", picture, {"type": "text", "text": "Two"}, model=VISION_MODEL)

    if stub.is_dashscope:
        assert message["content"] == [{"text": "One"}, {"image": URL + "a.png"}, {"text": "Two"}]
    else:
        image = {"type": "image_url", "image_url": {"url": URL + "a.png"}}
        assert message["content"] == [{"type": "text", "text": "One"}, image, {"type": "text", "text": "Two"}]


# ------------------------------------------------------------------------------------------------ files


@pytest.fixture
def _no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_: Any, **__: Any) -> Any:
        raise AssertionError(f"{path!r} was opened.")

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "open", refuse)


@pytest.mark.usefixtures("_no_reading")
@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_refused_and_never_read(path: str) -> None:
    blocks: list[Block] = [{"type": "video", "frames": [URL + "1.jpg", path]}]
    for kind in ("image", "video", "audio"):
        blocks += [
            {"type": kind, "url": path},
            {kind: path},
            {"type": "file", "url": path, "mime_type": f"{kind}/x"},
            {"type": kind, "source": {"type": "url", "url": path}},
        ]
    blocks.append({"type": "image_url", "image_url": {"url": path}})
    for block in blocks:
        with pytest.raises(UnsupportedInputError, match=r"Message 0 \(HumanMessage\) .*(never read|without a `url`)"):
            prepare(OPENAI, block)


def test_refused_media_are_refused_before_anything_is_sent(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(UnsupportedInputError, match="never read"):
        stub.llm(server, model=OMNI_MODEL).invoke([HumanMessage([{"type": "image", "url": "/etc/passwd"}])])

    assert server.requests == []


@pytest.mark.parametrize("file", [{"base64": "JVBERi0=", "mime_type": "application/pdf"}, {"url": URL + "a.pdf"}])
def test_a_pdf_is_refused_and_file_id_is_suggested(file: Json) -> None:
    with pytest.raises(UnsupportedInputError, match=r"which no chat endpoint accepts.*`file_id`"):
        prepare(OPENAI, {"type": "file", **file})


def test_a_data_uri_may_have_the_services_maximum_size_and_no_more() -> None:
    head = "data:image/png;base64,"
    room = (MAX_DATA_URI_BYTES - len(head)) // 4 * 4
    largest, larger = "A" * room, "A" * (room + 4)

    assert prepare(OPENAI, {"type": "image", "base64": largest, "mime_type": "image/png"})
    for block in (
        {"type": "image", "base64": larger, "mime_type": "image/png"},
        {"type": "video", "frames": [URL, head + larger]},
    ):
        with pytest.raises(UnsupportedInputError, match="10485760"):
            prepare(OPENAI, block)


def test_only_requests_with_an_uploaded_medium_ask_for_it_to_be_resolved(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model=OMNI_MODEL)
    if not stub.is_dashscope:
        with pytest.raises(UnsupportedInputError, match='works only over `protocol="dashscope"`'):
            llm.invoke([HumanMessage([{"type": "image", "url": OSS}])])
        return

    for url in (OSS, URL):
        llm.invoke([HumanMessage([{"type": "image", "url": url}])])

    header = "x-dashscope-ossresourceresolve"
    assert [received.headers.get(header) for received in server.requests] == ["enable", None]


# ------------------------------------------------------------------------------------------------ models


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_a_text_model_is_not_sent_media_and_other_models_are_suggested(kind: str) -> None:
    with pytest.raises(UnsupportedInputError, match=f"has {kind} input, but 'qwen-plus'.*qwen3.7-plus") as caught:
        prepare(OPENAI, {"type": kind, "url": URL + "a"}, model="qwen-plus")

    assert caught.value.model == "qwen-plus"


def test_a_vision_model_is_not_sent_audio_and_an_omni_model_is_suggested() -> None:
    with pytest.raises(UnsupportedInputError, match=r"'qwen3.7-plus' accepts.*qwen3.5-omni-plus"):
        prepare(OPENAI, {"type": "audio", "url": URL + "a.wav"}, model=VISION_MODEL)


@pytest.mark.parametrize("name", ["qwen9-galaxy", "qwen-galaxy"])
def test_an_unknown_model_is_sent_images(stub: ProtocolStub, name: str) -> None:
    picture: Block = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    fields: Json = {"model": name}
    if stub.is_dashscope and name == "qwen-galaxy":
        # A newer generation is taken for one that sees. Of another model the endpoint is unknown; that for text is
        # assumed, which has no images.
        with pytest.raises(UnsupportedInputError, match=r"accepts no image.*`base_model`.*`protocol=\"openai\"`"):
            prepare(stub, picture, **fields)
        fields["base_model"] = VISION_MODEL

    [message] = prepare(stub, picture, **fields)

    assert PNG in str(message["content"])
