"""Describes content blocks that cannot be sent, in a sentence that stands in their place."""

from collections.abc import Iterator, Mapping
from typing import Any

# What a block of each type is, in the formats of LangChain, OpenAI, Anthropic, Gemini, DashScope and MCP.
_KINDS = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "image_generation_call": "image",
    "video": "video",
    "video_url": "video",
    "input_video": "video",
    "audio": "audio",
    "input_audio": "audio",
    "file": "file",
    "input_file": "file",
    "media": "file",
    "document": "file",
    "text-plain": "file",
    "resource": "file",
    "resource_link": "file",
}
_URL_KEYS = ("url", "uri", "file_uri", "file_url", "image_url", "video_url", "source", "image", "video", "audio")
_NAME_KEYS = ("filename", "name", "title")
_MIME_TYPE_KEYS = ("mime_type", "mimeType", "media_type")


def media_kind(block: Mapping[str, Any]) -> str | None:
    """Return what a block has: `image`, `video`, `audio` or `file`; `None` if it is something else."""
    type_ = block.get("type")
    if type_ is None:
        # DashScope and Bedrock name the kind by the only key.
        return next((kind for kind in ("image", "video", "audio") if kind in block), None)
    kind = _KINDS.get(type_)
    main_type = (_find(block, _MIME_TYPE_KEYS) or "").partition("/")[0]
    return main_type if kind == "file" and main_type in {"image", "video", "audio"} else kind


def describe_omitted(block: Mapping[str, Any]) -> str:
    """Return a sentence that says what is missing in a block's place: its kind, its name, its type and its URL."""
    type_ = block.get("type")
    unknown = f"content of the type {type_[:80]!r}" if isinstance(type_, str) else "content without a type"
    what = _WITH_ARTICLE.get(media_kind(block) or "", unknown)
    facts = [fact for keys in (_NAME_KEYS, _MIME_TYPE_KEYS) if (fact := _find(block, keys))]
    details = f" ({', '.join(fact[:200] for fact in facts)})" if facts else ""
    url = _find(block, _URL_KEYS) or ""
    where = f" Its URL: {url}" if ":" in url and not url.lower().startswith("data:") else ""
    return f"[Here was {what}{details}, which cannot be sent to this model.{where}]"


_WITH_ARTICLE = {"image": "an image", "video": "a video", "audio": "an audio recording", "file": "a file"}


def _find(block: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the first string under one of some keys, in the block or in an object of it."""
    return next((value for given in _objects(block) for key in keys if isinstance(value := given.get(key), str)), None)


def _objects(block: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield block
    yield from (value for value in block.values() if isinstance(value, Mapping))
