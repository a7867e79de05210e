"""The exact texts of refused content blocks, of messages and of what is embedded."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._content_blocks import MAX_DATA_URI_BYTES, read_block
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of

URL = "https://a.example/1.png"
_KINDS = (
    'which cannot be sent. Expected a string or blocks such as {"type": "text", "text": "…"} and {"type": "image", '
    '"url": "https://…"}.'
)
_NO_ENDPOINT = (
    "which no chat endpoint accepts. Expected a `mime_type` of an image, a video, an audio or a text, or the `file_id` "
    "of a file that was uploaded for qwen-long."
)


def changed(since: str) -> str:
    """Return the end of a refusal that rests on a fact of the catalogue."""
    return f" If the service has changed{since}, pass `check_capabilities=False`."


AS_OF = " since 2026-11-23"


_HINTS = "['cache_control', 'prompt_cache_breakpoint']."
BLOCKS: list[tuple[Json, str]] = [
    ({"type": "text", "text": "a", "extras": 5}, "a block whose `extras` are 5. Expected an object."),
    ({"type": "hologram"}, f"a content block of type 'hologram', {_KINDS}"),
    ({"text": "a", "image": URL}, f"a content block of type None, {_KINDS}"),
    ({"type": "text", "text": None}, "a text block whose `text` is None. Expected a string."),
    (
        {"type": "text-plain", "base64": base64.b64encode(b"\xff").decode()},
        (
            "a text document that is not valid UTF-8: 'utf-8' codec can't decode byte 0xff in position 0: invalid "
            "start byte."
        ),
    ),
    (
        {"type": "text-plain", "url": URL},
        "a text-plain block without `text` or `base64`. Expected one of them; a `url` is never fetched.",
    ),
    (
        {"type": "image", "image": [URL]},
        "a list as its image. Expected a URL or data; only a video may be a list, of its frames.",
    ),
    (
        {"type": "video", "frames": []},
        "a list as its video. Expected a URL or data; only a video may be a list, of its frames.",
    ),
    ({"type": "image_url"}, 'a content block whose `image_url` is None. Expected {"url": "https://…"}.'),
    ({"type": "video_url", "video_url": {}}, 'a content block whose `video_url` is {}. Expected {"url": "https://…"}.'),
    ({"type": "input_audio"}, 'a content block whose `input_audio` is None. Expected {"data": "…", "format": "wav"}.'),
    ({"type": "file", "mime_type": "application/pdf"}, f"a file of type 'application/pdf', {_NO_ENDPOINT}"),
    ({"type": "file", "url": URL}, f"a file of type None, {_NO_ENDPOINT}"),
    (
        {"type": "image", "url": URL, "quality": 1, "angle": 2},
        (
            "a block of type 'image' with the keys ['angle', 'quality'], which cannot "
            "be sent. Remove them; besides the image itself, a block may "
            "have ['cache_control', 'max_pixels', 'min_pixels', 'prompt_cache_breakpoint']."
        ),
    ),
    (
        {"type": "video_url", "video_url": {"url": URL, "speed": 1}},
        (
            "a block of type 'video' with the keys ['speed'], which cannot "
            "be sent. Remove them; besides the video itself, a block may have "
            "['cache_control', 'fps', 'max_frames', 'max_pixels', 'min_pixels', 'prompt_cache_breakpoint', "
            "'total_pixels']."
        ),
    ),
    (
        {"type": "file", "file_id": "file-1", "quality": 1},
        (
            "a block of type 'file' with the keys ['quality'], which cannot "
            f"be sent. Remove them; besides the text itself, a block may have {_HINTS}"
        ),
    ),
    (
        {"type": "text-plain", "text": "a", "quality": 1},
        (
            "a block of type 'text-plain' with the keys ['quality'], which cannot "
            f"be sent. Remove them; besides the text itself, a block may have {_HINTS}"
        ),
    ),
    (
        {"type": "text-plain", "base64": "QQ==", "quality": 1},
        (
            "a block of type 'text-plain' with the keys ['quality'], which cannot "
            f"be sent. Remove them; besides the text itself, a block may have {_HINTS}"
        ),
    ),
    (
        {"type": "text", "text": "a", "quality": 1},
        (
            "a block of type 'text' with the keys ['quality'], which cannot "
            f"be sent. Remove them; besides the text itself, a block may have {_HINTS}"
        ),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": URL}, "quality": 1},
        (
            "a block of type 'input_audio' with the keys ['quality'], which cannot "
            f"be sent. Remove them; besides the audio itself, a block may have {_HINTS}"
        ),
    ),
    (
        {"type": "image_url", "image_url": {"url": "a.png"}},
        (
            "the URL 'a.png'. Expected a URL of http, https or oss, or a data URI: a path on this machine is never "
            "read from a message. Send the file's bytes as `base64` with their `mime_type`."
        ),
    ),
    ({"type": "image"}, "a block without a `url` and without `base64` data. Expected one of them."),
    (
        {"type": "image", "base64": "AAAA", "mime_type": "png"},
        "base64 data whose `mime_type` is 'png'. Expected one such as `image/png`.",
    ),
    (
        {"type": "image", "url": f"data:image/png;base64,{'A' * MAX_DATA_URI_BYTES}"},
        (
            "a data URI of 10485782 bytes. Expected at most 10485760: make the file smaller, or put it where the "
            "service can fetch it and send the URL."
        ),
    ),
    (
        {"type": "image", "url": "data:image/png;base64,%"},
        "data that is not valid base64: Only base64 data is allowed.",
    ),
    ({"type": "image", "url": "data:image/png;base64,"}, "empty data. Expected the content of a file."),
]


@pytest.mark.parametrize(("block", "text"), BLOCKS, ids=[text[:50] for _, text in BLOCKS])
def test_an_unreadable_block_is_refused(block: Json, text: str) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_block(block, "Here")

    assert str(caught.value) == f"Here has {text}"


def test_a_long_path_is_shortened_in_the_error() -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_block({"type": "image", "url": "/home/me/" + "a" * 90}, "Here")

    assert str(caught.value) == (
        f"Here has the URL '/home/me/{'a' * 71}'. Expected a URL of http, https or oss, or a data URI: a path on this "
        "machine is never read from a message. Send the file's bytes as `base64` with their `mime_type`."
    )


CONTENTS: list[tuple[Any, str]] = [
    ([], "is an empty list. Expected a text, a content block, or a list of them."),
    (5, 'is 5. Expected a text or a content block such as {"type": "image", "url": "https://…"}.'),
    (
        {"type": "video", "url": URL, "fps": 2},
        (
            "has the keys ['fps'], which embedding and rerank models ignore. Remove them; pass what a model supports "
            "of this kind (`fps`, `max_video_frames`, `res_level`) in `model_kwargs`."
        ),
    ),
    (["a", ""], "has an empty text. Expected a text that is not empty."),
    (
        {"type": "audio", "url": URL},
        "has audio input, which the model does not accept. Expected image or text or video." + changed(AS_OF),
    ),
    (
        {"type": "image", "url": URL, "cache_control": 5, "extras": [("a", 1)]},
        "has a block whose `extras` are [('a', 1)]. Expected an object.",
    ),
]


@pytest.mark.parametrize(("given", "text"), CONTENTS, ids=[text[:30] for _, text in CONTENTS])
def test_contents_that_cannot_be_embedded_are_refused(given: Any, text: str) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_contents(given, "Input 0", profile_of("qwen3-vl-embedding"))

    assert str(caught.value) == f"Input 0 {text}"


def test_malformed_contents_are_refused() -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_contents({"type": "image", "url": URL, 5: 1, "a": 2}, "Input 0", profile_of("qwen3-vl-embedding"))

    begins, ends = str(caught.value).split("TypeError")
    assert begins == "Input 0 is malformed: "
    assert ends.endswith("). Expected a text or a content block of LangChain's types.")


@pytest.mark.parametrize("kind", ["image", "video"])
def test_media_that_the_model_does_not_embed_are_refused(kind: str) -> None:
    profile = replace(profile_of("qwen3-vl-embedding"), inputs=frozenset({"text", "audio"}))

    with pytest.raises(UnsupportedInputError) as caught:
        read_contents({"type": kind, "url": URL}, "Input 0", profile)

    assert str(caught.value) == (
        f"Input 0 has {kind} input, which the model does not accept. Expected text.{changed(AS_OF)}"
    )
