"""Pictures, films, sounds and files: what exactly arrives on each wire, and what is refused before anything is sent."""

import base64
import builtins
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._content_blocks import MAX_DATA_URI_BYTES
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.server import Server

URL = "https://example.com/"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n1234").decode()
IMAGE_URI = f"data:image/png;base64,{PNG}"
SEES, HEARS = "qwen3.7-plus", "qwen3.5-omni-plus"
Block: TypeAlias = dict[str, Any]


def messages_of(server: Server, stub: ProtocolStub, messages: Sequence[BaseMessage], **fields: Any) -> list[Json]:
    """Send a conversation and return its messages as they arrived."""
    server.default = stub.reply_to
    stub.llm(server, **fields).invoke(list(messages))
    body = server.bodies[-1]
    return list(body["input"]["messages"] if stub.is_dashscope else body["messages"])


def part_of(server: Server, stub: ProtocolStub, block: Block, model: str = HEARS) -> Json:
    """Send one block and return the part that it arrived as."""
    [message] = messages_of(server, stub, [HumanMessage([block])], model=model)
    assert message["role"] == "user"
    [part] = message["content"]
    assert isinstance(part, dict)
    return part


def refused(server: Server, stub: ProtocolStub, content: Any, match: str, **fields: Any) -> UnsupportedInputError:
    """Assert that a human message is refused, and that nothing was sent."""
    server.default = stub.reply_to
    message = content if isinstance(content, BaseMessage) else HumanMessage(content)
    with pytest.raises(UnsupportedInputError, match=match) as caught:
        stub.llm(server, **{"model": HEARS, **fields}).invoke([message])
    assert server.requests == []
    return caught.value


def image(source: str, **hints: Any) -> tuple[Json, Json]:
    """Return an image as it stands on the compatible and on the native wire."""
    return {"type": "image_url", "image_url": {"url": source}, **hints}, {"image": source, **hints}


def film(source: str, **hints: Any) -> tuple[Json, Json]:
    return {"type": "video_url", "video_url": {"url": source}, **hints}, {"video": source, **hints}


def frames(*sources: str, **hints: Any) -> tuple[Json, Json]:
    return {"type": "video", "video": [*sources], **hints}, {"video": [*sources], **hints}


def sound(source: str, **format_: str) -> tuple[Json, Json]:
    return {"type": "input_audio", "input_audio": {"data": source, **format_}}, {"audio": source}


CACHED: Json = {"cache_control": {"type": "ephemeral"}}
PIXELS: Json = {"min_pixels": 3136, "max_pixels": 12845056}
WAV = "data:audio/wav;base64,AAAA"

# Name, block, and what arrives.
CASES: list[tuple[str, Block, tuple[Json, ...]]] = [
    ("v1 image", {"type": "image", "url": URL + "a.png"}, image(URL + "a.png")),
    (
        "v1 image base64",
        {"type": "image", "base64": PNG, "mime_type": "image/png", "id": "lc_1", "index": 0},
        image(IMAGE_URI),
    ),
    (
        "v1 image, hints in extras",
        {"type": "image", "url": URL, "extras": {**PIXELS, **CACHED}},
        image(URL, **PIXELS, **CACHED),
    ),
    ("v1 video, hints", {"type": "video", "url": URL, "fps": 2, "total_pixels": 9}, film(URL, fps=2, total_pixels=9)),
    (
        "v1 video base64",
        {"type": "video", "base64": "AAAA", "mime_type": "video/mp4"},
        film("data:video/mp4;base64,AAAA"),
    ),
    (
        "video frames",
        {"type": "video", "frames": [URL + "1.jpg", IMAGE_URI], "fps": 0.5},
        frames(URL + "1.jpg", IMAGE_URI, fps=0.5),
    ),
    (
        "video frames as the service writes them",
        {"type": "video", "video": [URL + "1.jpg", URL + "2.jpg"]},
        frames(URL + "1.jpg", URL + "2.jpg"),
    ),
    ("v1 audio", {"type": "audio", "url": URL + "a.mp3?x=1.wav"}, sound(URL + "a.mp3?x=1.wav", format="mp3")),
    ("v1 audio, a data URI", {"type": "audio", "url": WAV}, sound(WAV, format="wav")),
    ("v1 audio without a known format", {"type": "audio", "url": URL + "listen"}, sound(URL + "listen")),
    (
        "v1 audio base64",
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/mpeg"},
        sound("data:audio/mpeg;base64,AAAA", format="mp3"),
    ),
    ("v1 file, an image", {"type": "file", "url": URL, "mime_type": "image/jpeg"}, image(URL)),
    ("OpenAI image_url", {"type": "image_url", "image_url": {"url": IMAGE_URI}}, image(IMAGE_URI)),
    ("OpenAI image_url, short", {"type": "image_url", "image_url": URL, **PIXELS}, image(URL, **PIXELS)),
    (
        "OpenAI input_audio",
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        sound(WAV, format="wav"),
    ),
    (
        "input_audio, a URL",
        {"type": "input_audio", "input_audio": {"data": URL + "a.wav", "format": "wav"}},
        sound(URL + "a.wav", format="wav"),
    ),
    (
        "input_audio, a data URI as the service's samples write it",
        {"type": "input_audio", "input_audio": {"data": "data:;base64,AAAA", "format": "mp3"}},
        sound("data:;base64,AAAA", format="mp3"),
    ),
    ("video_url", {"type": "video_url", "video_url": {"url": URL}, "fps": 1}, film(URL, fps=1)),
    (
        "Anthropic image",
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        image(IMAGE_URI),
    ),
    (
        "Anthropic image, a URL",
        {"type": "image", "source": {"type": "url", "url": URL}, **CACHED},
        image(URL, **CACHED),
    ),
    ("DashScope image", {"image": URL, "min_pixels": 4}, image(URL, min_pixels=4)),
    ("DashScope frames", {"video": [URL + "1", URL + "2"], "fps": 2}, frames(URL + "1", URL + "2", fps=2)),
    ("DashScope audio", {"audio": URL + "a.wav"}, sound(URL + "a.wav", format="wav")),
    ("audio, cached", {"type": "audio", "url": URL, **CACHED}, tuple({**part, **CACHED} for part in sound(URL))),
    ("v0 image", {"type": "image", "source_type": "url", "url": URL}, image(URL)),
    (
        "v0 image base64",
        {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
        image(IMAGE_URI),
    ),
    (
        "v0 audio base64",
        {"type": "audio", "source_type": "base64", "data": "AAAA", "mime_type": "audio/wav"},
        sound(WAV, format="wav"),
    ),
]
by_case = pytest.mark.parametrize(("block", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])


@by_case
def test_a_medium_of_a_human_message_arrives_in_the_protocols_words(
    server: Server, stub: ProtocolStub, block: Block, expected: tuple[Json, ...]
) -> None:
    assert part_of(server, stub, block) == expected[stub.is_dashscope]


@pytest.mark.parametrize("after", [[], [HumanMessage("And?")]], ids=["last", "followed"])
@by_case
def test_a_medium_of_a_tool_message_follows_it_in_a_turn_of_its_own(
    server: Server, stub: ProtocolStub, block: Block, expected: tuple[Json, ...], after: list[BaseMessage]
) -> None:
    turn = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": f"call_{n}"} for n in (1, 2)])
    results = [
        ToolMessage([{"type": "text", "text": "Seen:"}, block], tool_call_id="call_1"),
        ToolMessage("Nothing.", tool_call_id="call_2"),
    ]
    messages = messages_of(server, stub, [HumanMessage("Hi"), turn, *results, *after], model=HEARS)

    assert [message["role"] for message in messages][2:] == ["tool", "tool", "user", *("user" for _ in after)]
    assert messages[2]["content"] == ([{"text": "Seen:"}] if stub.is_dashscope else "Seen:")
    assert messages[4]["content"] == [expected[stub.is_dashscope]]


def test_texts_and_media_keep_their_order(server: Server, stub: ProtocolStub) -> None:
    blocks: list[str | Block] = ["One", {"type": "image", "url": URL + "a.png"}, {"type": "text", "text": "Two"}]

    [message] = messages_of(server, stub, [HumanMessage(blocks)], model=SEES)

    if stub.is_dashscope:
        assert message["content"] == [{"text": "One"}, {"image": URL + "a.png"}, {"text": "Two"}]
    else:
        image = {"type": "image_url", "image_url": {"url": URL + "a.png"}}
        assert message["content"] == [{"type": "text", "text": "One"}, image, {"type": "text", "text": "Two"}]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text-plain", "text": "A note.", "mime_type": "text/plain", "title": "Note"},
        {"type": "text-plain", "base64": "QSBub3RlLg==", "mime_type": "text/plain"},
        {"type": "file", "base64": "QSBub3RlLg==", "mime_type": "text/markdown"},
        {"text": "A note."},
        "A note.",
    ],
)
def test_plain_text_is_text(server: Server, stub: ProtocolStub, block: Any) -> None:
    for model in (SEES, "qwen-plus"):
        [message] = messages_of(server, stub, [HumanMessage([block])], model=model)

        multimodal = stub.is_dashscope and model == SEES
        assert message == {"role": "user", "content": [{"text": "A note."}] if multimodal else "A note."}


# ------------------------------------------------------------------------------------------------ what is refused

PATHS = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "/etc/passwd",
    "./a.png",
    "../../etc/passwd",
    "a.png",
    "~/a.png",
    "C:\\Users\\me\\a.png",
    "C:/Users/me/a.png",
    "\\\\server\\share\\a.png",
    "//server/share/a.png",
    "ftp://example.com/a.png",
    " https://example.com/a.png",
    "",
]


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
@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_a_path_is_refused_and_never_read(stub: ProtocolStub, path: str, kind: str) -> None:
    blocks: list[Block] = [
        {"type": kind, "url": path},
        {kind: path},
        {"type": "file", "url": path, "mime_type": f"{kind}/x"},
        {"type": kind, "source": {"type": "url", "url": path}},
        {"type": "video", "frames": [URL + "1.jpg", path]},
        {"type": "image_url", "image_url": {"url": path}},
    ]
    llm = stub.llm("http://127.0.0.1:9", model=HEARS)
    for block in blocks:
        with pytest.raises(UnsupportedInputError, match=r"Message 0 \(HumanMessage\) .*(never read|without a `url`)"):
            llm._prepare([HumanMessage([block])], None, {}, stream=False)


def test_a_link_to_a_file_is_no_way_around(server: Server, stub: ProtocolStub, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG secret")
    (tmp_path / "link.png").symlink_to(secret)

    for path in (tmp_path / "link.png", secret):
        refused(server, stub, [{"type": "image", "url": str(path)}], "never read")
        refused(server, stub, [{"type": "image", "url": path.as_uri()}], "never read")


@pytest.mark.parametrize("link", ["http://example.com/a.png", "HTTPS://EXAMPLE.COM/a.png"])
def test_the_scheme_of_a_url_may_be_in_any_case(server: Server, stub: ProtocolStub, link: str) -> None:
    assert link in str(part_of(server, stub, {"type": "image", "url": link}))


BAD_DATA: list[tuple[Block, str]] = [
    ({"type": "image", "base64": "not base64!", "mime_type": "image/png"}, "not base64"),
    ({"type": "image", "base64": PNG[:-1], "mime_type": "image/png"}, "not base64"),
    ({"type": "image", "base64": "", "mime_type": "image/png"}, "empty data"),
    ({"type": "audio", "base64": "AAAA"}, "`mime_type` is None"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,***"}}, "not base64"),
    ({"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg/>"}}, "not base64"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "empty data"),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%%%"}}, "not base64"),
    ({"type": "input_audio", "input_audio": {"data": "%%%", "format": "wav"}}, "not base64"),
    ({"type": "video", "frames": [IMAGE_URI, "data:image/png;base64,%"]}, "not base64"),
    ({"type": "image", "url": [URL]}, "without a `url`"),
    ({"type": "video", "frames": []}, "Only a video may be a list"),
    ({"type": "image", "image": [URL]}, "Only a video may be a list"),
    ({"type": "image_url"}, "without `image_url`"),
    ({"type": "text-plain", "url": URL + "a.txt", "mime_type": "text/plain"}, "never fetched"),
    ({"type": "image", "url": URL, "quality": 3}, r"with \['quality'\], which cannot be sent"),
    ({"type": "hologram", "url": URL}, "type 'hologram'"),
    ({"image": URL, "video": URL}, "type None"),
]


@pytest.mark.parametrize(("block", "problem"), BAD_DATA)
def test_what_the_service_could_not_read_is_refused(
    server: Server, stub: ProtocolStub, block: Block, problem: str
) -> None:
    error = refused(server, stub, [block], problem)

    assert str(error).startswith("Message 0 (HumanMessage) ")


def test_a_data_uri_may_be_as_large_as_the_service_takes(server: Server, stub: ProtocolStub) -> None:
    head = "data:image/png;base64,"
    room = (MAX_DATA_URI_BYTES - len(head)) // 4 * 4
    largest, larger = "A" * room, "A" * (room + 4)

    assert part_of(server, stub, {"type": "image", "base64": largest, "mime_type": "image/png"})
    server.reset()
    refused(server, stub, [{"type": "image", "base64": larger, "mime_type": "image/png"}], "10485760")
    refused(server, stub, [{"type": "video", "frames": [URL, head + larger]}], "10485760")


def test_a_text_only_model_is_not_sent_media_and_the_way_out_is_named(server: Server, stub: ProtocolStub) -> None:
    for kind, article in (("image", "an image"), ("video", "a video"), ("audio", "an audio")):
        error = refused(
            server, stub, [{"type": kind, "url": URL + "a"}], f"has {article}, but 'qwen-plus'", model="qwen-plus"
        )
        assert error.model == "qwen-plus"
        assert "qwen3.7-plus" in str(error)


def test_a_model_that_sees_but_does_not_hear_is_not_sent_sounds(server: Server, stub: ProtocolStub) -> None:
    error = refused(server, stub, [{"type": "audio", "url": URL + "a.wav"}], "'qwen3.7-plus' takes", model=SEES)

    assert "qwen3.5-omni-plus" in str(error)


@pytest.mark.parametrize("name", ["qwen9-galaxy", "qwen-galaxy"])
def test_an_unknown_model_may_see(server: Server, stub: ProtocolStub, name: str) -> None:
    fields: Json = {"model": name}
    image = {"type": "image", "url": URL + "a.png"}
    if stub.is_dashscope:
        # Which native endpoint serves it nobody knows; the one for text is taken, and the way out is told.
        refused(server, stub, [image], r"takes no image.*`base_model`.*`protocol=\"openai\"`", **fields)
        fields["base_model"] = SEES

    [message] = messages_of(server, stub, [HumanMessage([image])], **fields)

    assert URL + "a.png" in str(message["content"])


@pytest.mark.parametrize("told", [{"base64": "JVBERi0=", "mime_type": "application/pdf"}, {"url": URL + "a.pdf"}])
def test_a_pdf_is_refused(server: Server, stub: ProtocolStub, told: Json) -> None:
    refused(server, stub, [{"type": "file", **told}], "which no chat endpoint takes.*`file_id`")


def test_an_uploaded_file_is_named_by_a_system_message(server: Server, stub: ProtocolStub) -> None:
    block: Block = {"type": "file", "file_id": "file-fe-1"}

    messages = messages_of(server, stub, [SystemMessage([block]), HumanMessage("Sum it up.")], model="qwen-long")

    assert messages[0] == {"role": "system", "content": "fileid://file-fe-1"}


@pytest.mark.parametrize("message", [HumanMessage, ToolMessage])
@pytest.mark.parametrize("kind", ["file", "image"])
def test_an_uploaded_file_is_refused_elsewhere(
    server: Server, stub: ProtocolStub, message: type[BaseMessage], kind: str
) -> None:
    more = {"tool_call_id": "call_1"} if message is ToolMessage else {}

    refused(
        server,
        stub,
        message(content=[{"type": kind, "file_id": "file-fe-1"}], **more),
        "'file-fe-1'.*put the block into a SystemMessage",
        model="qwen-long",
    )


# ------------------------------------------------------------------------------------------------ hints, oss://

OSS = "oss://dashscope-instant/a.png"


@pytest.mark.parametrize("detail", ["low", "high"])
def test_detail_goes_only_where_the_protocol_has_it(server: Server, stub: ProtocolStub, detail: str) -> None:
    blocks: list[Block] = [
        {"type": "image_url", "image_url": {"url": URL, "detail": detail}},
        {"type": "image", "url": URL, "extras": {"detail": detail}},
    ]
    for block in blocks:
        if stub.is_dashscope:
            refused(server, stub, [block], "`detail` is .*Use `max_pixels`")
        else:
            expected = {"type": "image_url", "image_url": {"url": URL, "detail": detail}}
            assert part_of(server, stub, block) == expected


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "url": OSS},
        {"image": OSS},
        {"type": "video", "frames": [OSS, OSS]},
        {"type": "audio", "url": "oss://dashscope-instant/a.wav"},
    ],
)
def test_an_uploaded_medium_needs_the_native_protocol_and_its_header(
    server: Server, stub: ProtocolStub, block: Block
) -> None:
    if not stub.is_dashscope:
        refused(server, stub, [block], 'use `protocol="dashscope"`')
        return

    assert "oss://" in str(part_of(server, stub, block))
    assert server.requests[0].headers["x-dashscope-ossresourceresolve"] == "enable"
    part_of(server, stub, {"type": "image", "url": URL})
    assert "x-dashscope-ossresourceresolve" not in server.requests[1].headers


def test_an_uploaded_frame_is_found_wherever_it_stands(server: Server) -> None:
    part_of(server, DASHSCOPE, {"type": "video", "frames": [URL + "1.jpg", OSS]})

    assert server.requests[0].headers["x-dashscope-ossresourceresolve"] == "enable"


def test_an_uploaded_medium_may_be_written_in_any_case(server: Server, stub: ProtocolStub) -> None:
    block: Block = {"type": "image", "url": "OSS://dashscope-instant/a.png"}
    if not stub.is_dashscope:
        refused(server, stub, [block], 'use `protocol="dashscope"`')
        return

    part_of(server, stub, block)
    assert server.requests[0].headers["x-dashscope-ossresourceresolve"] == "enable"


def test_a_detail_that_says_nothing_is_left_out(server: Server) -> None:
    block: Block = {"type": "image_url", "image_url": {"url": URL, "detail": "auto"}}

    assert part_of(server, DASHSCOPE, block) == {"image": URL}


def test_the_name_of_a_file_is_no_obstacle(server: Server, stub: ProtocolStub) -> None:
    block: Block = {"type": "file", "base64": PNG, "mime_type": "image/png", "filename": "a.png"}

    assert part_of(server, stub, block) == image(IMAGE_URI)[stub.is_dashscope]


def test_a_text_about_an_uploaded_medium_is_a_text(server: Server, stub: ProtocolStub) -> None:
    [message] = messages_of(server, stub, [HumanMessage([{"type": "text", "text": "oss://a is a URL"}])], model=SEES)

    assert message["content"] == ([{"text": "oss://a is a URL"}] if stub.is_dashscope else "oss://a is a URL")
