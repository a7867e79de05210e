"""How the wires read content blocks, including those that LangChain rewrites before a chat model gets them."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._seam import Destination, Json, RerankCall
from langchain_qwen_workspace._wire._content_blocks import MAX_DATA_URI_BYTES, Media, Text, read_block
from langchain_qwen_workspace._wire.rerank import OpenAIRerankWire
from tests.support.encoding import messages_of

URL = "https://example.com/a.wav"
FRAMES: Json = {"fps": 2, "max_frames": 3}
CACHED: Json = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("inner", "beside", "expected"),
    [
        ({"data": "AAAA", "format": "wav"}, {}, Media("audio", "data:audio/wav;base64,AAAA", format="wav")),
        ({"data": "AAAA", "format": "mpeg"}, {}, Media("audio", "data:audio/mpeg;base64,AAAA", format="mp3")),
        ({"data": URL, "format": "mp3"}, {}, Media("audio", URL, format="mp3")),
        ({"data": URL}, {}, Media("audio", URL, format="wav")),
        ({"data": "data:;base64,AAAA", "format": "mp3"}, {}, Media("audio", "data:;base64,AAAA", format="mp3")),
        ({"data": URL}, CACHED, Media("audio", URL, CACHED, format="wav")),
        ({"data": URL, **CACHED}, {}, Media("audio", URL, CACHED, format="wav")),
        ({"data": URL}, {"id": "lc_1", "index": 0}, Media("audio", URL, format="wav")),
    ],
)
def test_input_audio_blocks_are_read(inner: Json, beside: Json, expected: Media) -> None:
    assert read_block({"type": "input_audio", "input_audio": inner, **beside}, "Here") == expected


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"input_audio": {"data": URL, "speed": 2}}, r"^Here has a block of type 'audio' with the keys \['speed'\]"),
        (
            {"input_audio": {"data": URL}, "speed": 2},
            r"^Here has a block of type 'input_audio' with the keys \['speed'\]",
        ),
        ({"input_audio": {"format": "wav"}}, r"^Here has a content block whose `input_audio` is"),
        ({"input_audio": {"data": 7}}, r"^Here has a content block whose `input_audio` is"),
        ({"input_audio": "AAAA"}, r"^Here has a content block whose `input_audio` is"),
        ({"input_audio": {"data": "AAAA"}}, r"^Here has base64 data whose `mime_type` is None"),
        ({"input_audio": {"data": "%", "format": "wav"}}, r"^Here has data that is not valid base64"),
    ],
)
def test_malformed_input_audio_blocks_are_refused(block: Any, problem: str) -> None:
    with pytest.raises(UnsupportedInputError, match=problem):
        read_block({"type": "input_audio", **block}, "Here")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "file", "file_id": "file-1", **CACHED}, Text("fileid://file-1", CACHED)),
        ({"type": "file", "file_id": "file-1", "mime_type": "text/plain"}, Text("fileid://file-1")),
        ({"type": "file", "text": "a", "mime_type": "text/plain", **CACHED}, Text("a", CACHED)),
        ({"type": "file", "url": URL, "mime_type": "audio/wav"}, Media("audio", URL, format="wav")),
        ({"type": "file", "url": URL, "mime_type": "video/mp4"}, Media("video", URL)),
        ({"type": "file", "url": URL, "mime_type": "image/png;profile=a/b"}, Media("image", URL)),
        (
            {"type": "input_file", "file_data": "data:text/plain;base64,QQ==", "filename": "a.txt", **CACHED},
            Text("A", CACHED),
        ),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,QQ==", "filename": "a.txt"}}, Text("A")),
        (
            {"type": "input_file", "file_data": "data:image/png;base64,AAAA"},
            Media("image", "data:image/png;base64,AAAA"),
        ),
    ],
)
def test_a_file_is_read_by_its_mime_type(block: Json, expected: Media | Text) -> None:
    assert read_block(block, "Here") == expected


def document(**source: Any) -> Json:
    return {"type": "document", "source": source}


NOTE = "A note."
DOCUMENTS: list[tuple[Json, Text]] = [
    (document(type="text", media_type="text/plain", data=NOTE), Text(NOTE)),
    (document(type="base64", media_type="text/markdown", data="QSBub3RlLg=="), Text(NOTE)),
    (document(type="content", content=NOTE), Text(NOTE)),
    (document(type="content", content=[{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]), Text("A\nB")),
    (
        {**document(type="text", data=NOTE), "title": "t", "context": "c", "citations": {"enabled": True}, **CACHED},
        Text(NOTE, CACHED),
    ),
    (
        {
            "type": "search_result",
            "source": URL,
            "title": "Lake",
            "content": [{"type": "text", "text": NOTE}],
            **CACHED,
        },
        Text(f"Lake\n{URL}\n{NOTE}", CACHED),
    ),
    ({"type": "search_result", "content": NOTE}, Text(NOTE)),
]


@pytest.mark.parametrize(("block", "expected"), DOCUMENTS, ids=[str(block) for block, _ in DOCUMENTS])
def test_anthropics_documents_of_text_are_read_as_texts(block: Json, expected: Text) -> None:
    assert read_block(block, "Here") == expected


PICTURE = "data:image/png;base64,"
REFUSED: list[Json] = [
    document(type="base64", media_type="application/pdf", data="AAAA"),
    document(type="base64", media_type="text/plain", data="%"),
    document(type="base64", media_type="text/plain"),
    document(type="text", data=7),
    document(type="url", url=URL),
    document(type="file", file_id="file-1"),
    document(type="content", content=[{"type": "image", "url": URL}]),
    document(type="content", content=7),
    {**document(type="text", data=NOTE), "pages": 2},
    {"type": "document"},
    {"type": "document", "source": URL},
    {"type": "search_result", "content": ["A"]},
    {"type": "input_image", "detail": "auto"},
    {"type": "input_image", "image_url": "a.png"},
    {"type": "input_file", "file_data": "a.txt"},
    {"type": "input_file", "file_data": "data:text/plain;base64,%"},
    {"type": "input_file", "file_url": URL},
    {"type": "text-plain", "base64": "%"},
    {"type": "file", "base64": "%", "mime_type": "text/plain"},
    {"type": "file", "mime_type": "text/plain"},
    {"type": "file", "mime_type": "image/png"},
    {"type": "image", "frames": [URL]},
    {"type": "video", "frames": [URL, "a.png"]},
    {"type": "video", "frames": [URL, PICTURE]},
    {"type": "video", "frames": [URL, 5]},
    {"type": "video", "frames": [{"url": None}]},
    {"type": "image", "source": {"url": "a.png"}},
    {"type": "image", "source": {"data": "AAAA"}},
    {"type": "image", "source": {"data": "%", "media_type": "image/png"}},
    {"type": "image", "source": {}},
    {"type": "image", "url": PICTURE},
    {"type": "image", "base64": PICTURE},
    {"type": "image", "url": f"{PICTURE}%,AAAA"},
    {"type": "image", "base64": "%", "mime_type": "image/png"},
    {"type": "image_url", "image_url": {"url": PICTURE}},
    {"type": "image_url", "image_url": {"url": URL}, "quality": 1},
    {"type": "image_url", "image_url": {"url": URL, "quality": 1}},
    {"type": "image_url", "image_url": {"url": URL, "detail": {"a": 1}}},
    {"type": "image", "url": URL, "detail": ["high"]},
    {"type": "input_audio", "input_audio": {"data": PICTURE}},
    {"type": "input_audio", "input_audio": {"data": "AAAA"}},
    {"image": "a.png"},
    {"image": {"url": "a.png"}},
    {"text": 5},
]


def test_a_data_uri_over_the_services_limit_is_refused() -> None:
    head = "data:image/xxxxx;base64,"
    largest = head + "A" * (MAX_DATA_URI_BYTES - len(head))

    assert read_block({"type": "image", "url": largest}, "Here") == Media("image", largest)
    with pytest.raises(UnsupportedInputError, match=r"^Here has a data URI of 10485764 bytes"):
        read_block({"type": "image", "url": largest + "AAAA"}, "Here")


def test_base64_data_with_a_colon_is_not_read_as_a_url() -> None:
    with pytest.raises(UnsupportedInputError, match=r"^Here has data that is not valid base64"):
        read_block({"type": "image", "base64": "ab:cdefg", "mime_type": "image/png"}, "Here")


@pytest.mark.parametrize("block", REFUSED, ids=str)
def test_every_error_names_the_message(block: Json) -> None:
    with pytest.raises(UnsupportedInputError, match=r"^Here has "):
        read_block(block, "Here")


READ: list[tuple[Json, Media]] = [
    ({"type": "input_image", "image_url": URL, "detail": "high"}, Media("image", URL, detail="high")),
    ({"type": "input_image", "image_url": f"{PICTURE}AAAA", **CACHED}, Media("image", f"{PICTURE}AAAA", CACHED)),
    ({"type": "input_image", "image_url": {"url": URL, "detail": "low"}}, Media("image", URL, detail="low")),
    ({"type": "input_video", "video_url": URL, "fps": 2}, Media("video", URL, {"fps": 2})),
    ({"video": [{"url": URL}, URL]}, Media("video", (URL, URL))),
    ({"type": "image", "base64": f"{PICTURE}AAAA"}, Media("image", f"{PICTURE}AAAA")),
    ({"type": "image", "base64": URL}, Media("image", URL)),
    ({"type": "image", "base64": "oss://b:1/a.png"}, Media("image", "oss://b:1/a.png")),
    ({"type": "image", "base64": "data", "mime_type": "image/png"}, Media("image", f"{PICTURE}data")),
    ({"type": "image", "base64": "http", "mime_type": "image/png"}, Media("image", f"{PICTURE}http")),
    ({"type": "image", "source": {"url": URL}, "url": "ignored"}, Media("image", URL)),
    ({"type": "image", "source": {"data": "AAAA", "media_type": "image/png"}}, Media("image", f"{PICTURE}AAAA")),
    ({"type": "image", "url": URL, "image": "ignored"}, Media("image", URL)),
    ({"type": "video", "frames": (URL, URL)}, Media("video", (URL, URL))),
    ({"type": "video", "video": [URL], "frames": ["ignored"]}, Media("video", (URL,))),
    ({"type": "video_url", "video_url": {"url": URL, "fps": 2}, "max_frames": 3}, Media("video", URL, FRAMES)),
]


@pytest.mark.parametrize(("block", "expected"), READ, ids=[str(block) for block, _ in READ])
def test_media_are_read_from_every_providers_keys(block: Json, expected: Media) -> None:
    assert read_block(block, "Here") == expected


FORMATS: list[tuple[str, str | None, str | None]] = [
    (URL, None, "wav"),
    ("https://example.com/a.mp3?x=a.wav", None, "mp3"),
    ("https://example.com/a.mpeg", None, "mp3"),
    ("https://example.com/a.flac", None, "flac"),
    ("https://example.com/a.listen", None, None),
    ("https://example.com/a.b/", None, None),
    ("https://example.com/listen", None, None),
    (URL, "audio/x-wav", "wav"),
    (URL, "audio/wave", "wav"),
    (URL, "audio/vnd.wave", "wav"),
    (URL, "audio/mp4", "m4a"),
    (URL, "audio/x-m4a", "m4a"),
    (URL, "audio/ogg", "ogg"),
    (URL, "audio/webm;codecs=opus", "webm"),
    (URL, "audio/mpeg; rate=24000", "mp3"),
    (URL, "audio/", None),
    (URL, "audio", "wav"),
    ("data:audio/mpeg;base64,AAAA", None, "mp3"),
    ("data:audio/ogg;base64,AAAA", None, "ogg"),
    ("data:audio/webm;codecs=opus;base64,AAAA", None, "webm"),
    ("data:;base64,AAAA", None, None),
]


@pytest.mark.parametrize(("url", "mime_type", "expected"), FORMATS)
def test_the_audio_format_is_read_from_the_mime_type_or_the_url(
    url: str, mime_type: str | None, expected: str | None
) -> None:
    given = {"mime_type": mime_type} if mime_type else {}

    assert read_block({"type": "audio", "url": url, **given}, "Here") == Media("audio", url, format=expected)


def test_an_image_has_no_format() -> None:
    assert read_block({"type": "image", "url": URL, "mime_type": "audio/wav"}, "Here") == Media("image", URL)


def test_the_error_for_an_image_to_rank_has_the_model_and_the_protocol() -> None:
    call = RerankCall(
        model="qwen3-vl-rerank",
        query="q",
        documents=[{"image": URL}],
        destination=Destination("openai", "cn-beijing", "llm-1"),
    )
    with pytest.raises(
        UnsupportedInputError, match=r"^Ranking of images and videos exists only on `protocol=\"dashscope\"`"
    ) as caught:
        OpenAIRerankWire.encode(call)
    assert (caught.value.model, caught.value.protocol) == ("qwen3-vl-rerank", "openai")


def result(id_: str | None, content: Any = None) -> Json:
    return {"type": "tool_result", "tool_use_id": id_, "content": content}


def test_tool_results_in_a_user_message_become_tool_messages_before_it() -> None:
    turn = HumanMessage([result("1", "sunny"), "And", {"type": "text", "text": " then?"}, result("2")])

    assert messages_of(turn) == [
        {"role": "tool", "content": "sunny", "tool_call_id": "1"},
        {"role": "tool", "content": "", "tool_call_id": "2"},
        {"role": "user", "content": "And then?"},
    ]
    assert len(turn.content) == 4


def test_a_user_message_with_only_tool_results_is_not_sent() -> None:
    blocks = [{"type": "text", "text": "sunny"}, {"type": "text", "text": " later"}]

    assert messages_of(HumanMessage([result("1", blocks)])) == [
        {"role": "tool", "content": "sunny later", "tool_call_id": "1"}
    ]


def test_the_name_of_a_user_message_with_tool_results_is_sent() -> None:
    turn = HumanMessage([result("1", "sunny"), "Well?"], name="Ann")

    assert messages_of(turn)[1] == {"role": "user", "content": "Well?", "name": "Ann"}


def test_a_tool_result_without_an_id_is_refused() -> None:
    with pytest.raises(UnsupportedInputError, match=r"^Message 0 is a ToolMessage without `tool_call_id`"):
        messages_of(HumanMessage([result(None, "sunny")]))


def test_tool_results_in_an_assistant_message_are_omitted() -> None:
    assert messages_of(AIMessage([result("1", "sunny"), "Sunny."])) == [{"role": "assistant", "content": "Sunny."}]


def test_media_of_each_tool_round_follow_their_own_round() -> None:
    seen: list[Any] = [{"type": "image", "url": URL}]
    turns: list[BaseMessage] = [
        ToolMessage(seen, tool_call_id="1"),
        HumanMessage("Well?"),
        ToolMessage(seen, tool_call_id="2"),
    ]

    assert [message["role"] for message in messages_of(*turns, model="x")] == ["tool", "user", "user", "tool", "user"]
