"""Media blocks in every form a message may have, what is sent for each, and blocks that are refused."""

import base64
from typing import Any, TypeAlias

from langchain_qwen_workspace._seam import Json

URL = "https://example.com/"
OSS = "oss://dashscope-instant/a.png"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n1234").decode()
IMAGE_URI = f"data:image/png;base64,{PNG}"
VISION_MODEL, OMNI_MODEL = "qwen3.7-plus", "qwen3.5-omni-plus"
Block: TypeAlias = dict[str, Any]


def image(source: str, **hints: Any) -> tuple[Json, Json]:
    """Return an image as each protocol writes it, OpenAI's first."""
    return {"type": "image_url", "image_url": {"url": source}, **hints}, {"image": source, **hints}


def video(source: str, **hints: Any) -> tuple[Json, Json]:
    return {"type": "video_url", "video_url": {"url": source}, **hints}, {"video": source, **hints}


def frames(*sources: str, **hints: Any) -> tuple[Json, Json]:
    return {"type": "video", "video": [*sources], **hints}, {"video": [*sources], **hints}


def audio(source: str, **format_: str) -> tuple[Json, Json]:
    return {"type": "input_audio", "input_audio": {"data": source, **format_}}, {"audio": source}


CACHED: Json = {"cache_control": {"type": "ephemeral"}}
PIXELS: Json = {"min_pixels": 3136, "max_pixels": 12845056}
WAV = "data:audio/wav;base64,AAAA"

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
    ("v1 video, hints", {"type": "video", "url": URL, "fps": 2, "total_pixels": 9}, video(URL, fps=2, total_pixels=9)),
    (
        "v1 video base64",
        {"type": "video", "base64": "AAAA", "mime_type": "video/mp4"},
        video("data:video/mp4;base64,AAAA"),
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
    ("v1 audio", {"type": "audio", "url": URL + "a.mp3?x=1.wav"}, audio(URL + "a.mp3?x=1.wav", format="mp3")),
    ("v1 audio, a data URI", {"type": "audio", "url": WAV}, audio(WAV, format="wav")),
    (
        "v1 audio, its MIME type",
        {"type": "audio", "url": URL + "a", "mime_type": "audio/x-wav"},
        audio(URL + "a", format="wav"),
    ),
    ("v1 file, a sound", {"type": "file", "url": URL + "a", "mime_type": "audio/mpeg"}, audio(URL + "a", format="mp3")),
    ("v1 audio without a known format", {"type": "audio", "url": URL + "listen"}, audio(URL + "listen")),
    (
        "v1 audio base64",
        {"type": "audio", "base64": "AAAA", "mime_type": "audio/mpeg"},
        audio("data:audio/mpeg;base64,AAAA", format="mp3"),
    ),
    ("v1 file, an image", {"type": "file", "url": URL, "mime_type": "image/jpeg"}, image(URL)),
    ("OpenAI image_url", {"type": "image_url", "image_url": {"url": IMAGE_URI}}, image(IMAGE_URI)),
    ("OpenAI image_url, short", {"type": "image_url", "image_url": URL, **PIXELS}, image(URL, **PIXELS)),
    (
        "OpenAI input_audio",
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        audio(WAV, format="wav"),
    ),
    (
        "input_audio, a URL",
        {"type": "input_audio", "input_audio": {"data": URL + "a.wav", "format": "wav"}},
        audio(URL + "a.wav", format="wav"),
    ),
    (
        "input_audio, a data URI as the service's samples write it",
        {"type": "input_audio", "input_audio": {"data": "data:;base64,AAAA", "format": "mp3"}},
        audio("data:;base64,AAAA", format="mp3"),
    ),
    ("video_url", {"type": "video_url", "video_url": {"url": URL}, "fps": 1}, video(URL, fps=1)),
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
    ("DashScope audio", {"audio": URL + "a.wav"}, audio(URL + "a.wav", format="wav")),
    ("audio, cached", {"type": "audio", "url": URL, **CACHED}, tuple({**part, **CACHED} for part in audio(URL))),
    ("v0 image", {"type": "image", "source_type": "url", "url": URL}, image(URL)),
    (
        "v0 image base64",
        {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
        image(IMAGE_URI),
    ),
    (
        "v0 audio base64",
        {"type": "audio", "source_type": "base64", "data": "AAAA", "mime_type": "audio/wav"},
        audio(WAV, format="wav"),
    ),
]
"""Name, block, and the part that each protocol sends."""

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

BAD_DATA: list[tuple[Block, str]] = [
    ({"type": "image", "base64": "not base64!", "mime_type": "image/png"}, "not valid base64"),
    ({"type": "image", "base64": PNG[:-1], "mime_type": "image/png"}, "not valid base64"),
    ({"type": "image", "base64": "", "mime_type": "image/png"}, "empty data"),
    ({"type": "audio", "base64": "AAAA"}, "`mime_type` is None"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,***"}}, "not valid base64"),
    ({"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg/>"}}, "not valid base64"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "empty data"),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%%%"}}, "not valid base64"),
    ({"type": "input_audio", "input_audio": {"data": "%%%", "format": "wav"}}, "not valid base64"),
    ({"type": "video", "frames": [IMAGE_URI, "data:image/png;base64,%"]}, "not valid base64"),
    ({"type": "image", "url": [URL]}, "without a `url`"),
    ({"type": "video", "frames": []}, "only a video may be a list"),
    ({"type": "image", "image": [URL]}, "only a video may be a list"),
    ({"type": "image_url"}, "`image_url` is None"),
    ({"type": "text-plain", "url": URL + "a.txt", "mime_type": "text/plain"}, "never fetched"),
    ({"type": "image", "url": URL, "quality": 3}, r"with the keys \['quality'\], which cannot be sent"),
    ({"type": "hologram", "url": URL}, "type 'hologram'"),
    ({"image": URL, "video": URL}, "type None"),
]
