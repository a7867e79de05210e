"""What LangChain's content blocks say, whichever provider's words they are in: texts and media."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import UnsupportedInputError

Kind: TypeAlias = Literal["image", "video", "audio"]


@dataclass(frozen=True, slots=True)
class Text:
    """One piece of text, and the hints that stand beside it on the wire (`cache_control`)."""

    text: str
    hints: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """One picture, film or sound.

    Attributes:
        kind: Which.
        source: Its URL or data URI; for a film also the URLs of its frames.
        hints: What stands beside it on the wire: `min_pixels`, `fps`, `cache_control`, …
        detail: OpenAI's word for an image's resolution.
        format: A sound's format, such as `wav`, if it is known.
    """

    kind: Kind
    source: str | tuple[str, ...]
    hints: Json = field(default_factory=dict)
    detail: str | None = None
    format: str | None = None


Part: TypeAlias = Text | Media

# Siblings of a part on both protocols (Model Studio docs, chat completions, 2026-09; dashscope 2.0.2, `v2/types`).
_HINTS: dict[str, frozenset[str]] = {
    "text": frozenset({"cache_control"}),
    "image": frozenset({"cache_control", "min_pixels", "max_pixels"}),
    "video": frozenset({"cache_control", "fps", "max_frames", "min_pixels", "max_pixels", "total_pixels"}),
    "audio": frozenset({"cache_control"}),
}
# What LangChain keeps on a block for itself.
_BOOKKEEPING = frozenset({"type", "id", "index", "annotations", "extras", "title", "context", "citations", "filename"})

# "Exceeded limit on max bytes per data-uri item : 10485760" (Model Studio docs, error codes, 2026-08-18).
MAX_DATA_URI_BYTES = 10_485_760
_SCHEMES = frozenset({"http", "https", "oss"})

# The names that audio formats have beside their MIME types.
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "mp4": "m4a", "x-m4a": "m4a"}


MALFORMED_INPUT_ERRORS = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What reading ends in where a part is of another type than it should be."""


def read_block(block: Mapping[str, Any], where: str) -> Part:
    """Return what one content block says.

    Args:
        block: The block, in the words of LangChain (v1), OpenAI, Anthropic or DashScope.
        where: Names the message, for the error.

    Raises:
        UnsupportedInputError: The block is of a kind that cannot be sent, or of a wrong shape.
    """
    kind = block.get("type")
    if not isinstance(block.get("extras") or {}, Mapping):
        raise UnsupportedInputError(f"{where} has a block whose `extras` are {block['extras']!r:.80}, not an object.")
    if kind is None and len(native := block.keys() & {"text", "image", "video", "audio"}) == 1:
        kind = native.pop()
        return _READERS[kind]({"type": kind, **block}, where)
    if not isinstance(kind, str) or kind not in _READERS:
        raise UnsupportedInputError(
            f"{where} has a content block of type {kind!r:.80}, which cannot be sent. Expected a string or blocks such "
            'as {"type": "text", "text": "…"} and {"type": "image", "url": "https://…"}.'
        )
    return _READERS[kind](block, where)


def _text(block: Mapping[str, Any], where: str) -> Text:
    text = block.get("text")
    if not isinstance(text, str):
        raise UnsupportedInputError(f"{where} has a text block whose `text` is {text!r:.80}. Expected a string.")
    return Text(text, _hints(block, "text", {"text"}, where))


def _plain(block: Mapping[str, Any], where: str) -> Text:
    """Read a document of plain text, in LangChain's words."""
    if isinstance(text := block.get("text"), str):
        return Text(text, _hints(block, "text", {"text", "mime_type"}, where))
    if isinstance(encoded := block.get("base64"), str):
        try:
            text = _decoded(encoded, where).decode()
        except UnicodeDecodeError as error:
            raise UnsupportedInputError(f"{where} has a document of text that is not UTF-8: {error}.") from None
        return Text(text, _hints(block, "text", {"base64", "mime_type"}, where))
    raise UnsupportedInputError(f"{where} has a text-plain block without `text` or `base64`; a URL is never fetched.")


def _medium(block: Mapping[str, Any], where: str) -> Media:
    """Read an image, a film or a sound in the words of LangChain, Anthropic (`source`) or DashScope (its kind)."""
    kind: Kind = block["type"]
    source: Any
    if isinstance(frames := block.get(kind, block.get("frames")), list | tuple):
        source = tuple(_url(frame, where) for frame in frames)
        if kind != "video" or not source:
            raise UnsupportedInputError(f"{where} has a list as its {kind}. Only a video may be a list, of its frames.")
    elif isinstance(anthropic := block.get("source"), Mapping):
        source = _source(anthropic.get("url"), anthropic.get("data"), anthropic.get("media_type"), where)
    else:
        source = _source(block.get("url") or block.get(kind), block.get("base64"), block.get("mime_type"), where)
    own = {kind, "frames", "source", "url", "base64", "mime_type", "detail"}
    hints = _hints(block, kind, own, where)
    return Media(
        kind, source, hints, _detail(block), _format(block.get("mime_type"), source) if kind == "audio" else None
    )


def _image_url(block: Mapping[str, Any], where: str) -> Media:
    """Read an image or a film in OpenAI's words."""
    name: str = block["type"]
    kind: Kind = "image" if name == "image_url" else "video"
    inner = block.get(name)
    inner = {"url": inner} if isinstance(inner, str) else inner
    if not isinstance(inner, Mapping) or not isinstance(inner.get("url"), str):
        article = "an" if kind == "image" else "a"
        raise UnsupportedInputError(f'{where} has {article} {name} block without `{name}`: {{"url": "https://…"}}.')
    hints = _hints(block, kind, {name, "detail"}, where) | _hints(inner, kind, {"url", "detail"}, where)
    return Media(kind, _url(inner["url"], where), hints, inner.get("detail") or _detail(block))


def _input_audio(block: Mapping[str, Any], where: str) -> Media:
    """Read a sound in OpenAI's words, whose `data` may also be a URL (Model Studio docs, Qwen-Omni, 2026-09)."""
    inner = block.get("input_audio")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("data"), str):
        raise UnsupportedInputError(f'{where} has an input_audio block without `input_audio`: {{"data": "…"}}.')
    mime_type = f"audio/{inner['format']}" if inner.get("format") else None
    hints = _hints(block, "audio", {"input_audio"}, where) | _hints(inner, "audio", {"data", "format"}, where)
    source = _source(None, inner["data"], mime_type, where)
    return Media("audio", source, hints, format=_format(mime_type, source))


def _file(block: Mapping[str, Any], where: str) -> Part:
    """Read a file by what it is: a medium or a text; documents travel by id, in a system message (`fileid://`)."""
    if file_id := block.get("file_id"):
        return Text(f"fileid://{file_id}", _hints(block, "text", {"file_id", "mime_type"}, where))
    kind, _, subtype = str(block.get("mime_type") or "").partition("/")
    if kind in {"image", "video", "audio"}:
        return _medium({**block, "type": kind}, where)
    if kind == "text":
        return _plain(block, where)
    raise UnsupportedInputError(
        f"{where} has a file of type {f'{kind}/{subtype}' if kind else None!r}, which no chat endpoint takes. Expected "
        "an image, a video, a sound or a text by its `mime_type`, or the `file_id` of a file uploaded for qwen-long."
    )


_READERS: dict[str, Callable[[Mapping[str, Any], str], Part]] = {
    "text": _text,
    "input_text": _text,
    "text-plain": _plain,
    "image": _medium,
    "video": _medium,
    "audio": _medium,
    "image_url": _image_url,
    "video_url": _image_url,
    "input_audio": _input_audio,
    "file": _file,
}


def _hints(block: Mapping[str, Any], kind: str, own: set[str], where: str) -> Json:
    given = {**block, **(block.get("extras") or {})}
    hints = {name: given[name] for name in _HINTS[kind] & given.keys() if given[name] is not None}
    unknown = block.keys() - _BOOKKEEPING - _HINTS[kind] - own
    if unknown:
        raise UnsupportedInputError(
            f"{where} has a block of type {block.get('type', kind)!r} with {sorted(unknown)}, which cannot be sent. "
            f"Beside the {kind} itself, expected {sorted(_HINTS[kind])}."
        )
    return hints


def _detail(block: Mapping[str, Any]) -> str | None:
    detail = block.get("detail") or (block.get("extras") or {}).get("detail")
    return detail if isinstance(detail, str) else None


def _source(url: Any, data: Any, mime_type: Any, where: str) -> str:
    if isinstance(url, str):
        return _url(url, where)
    if not isinstance(data, str):
        raise UnsupportedInputError(f"{where} has a block without a `url` and without `base64` data.")
    scheme, colon, _ = data[:8].partition(":")
    if colon and scheme.lower() in {*_SCHEMES, "data"}:
        # LangChain takes whatever stands in OpenAI's `input_audio` for base64.
        return _url(data, where)
    if not isinstance(mime_type, str) or "/" not in mime_type:
        raise UnsupportedInputError(
            f"{where} has base64 data whose `mime_type` is {mime_type!r:.80}. Expected `kind/format`."
        )
    return _url(f"data:{mime_type};base64,{data}", where)


def _url(url: Any, where: str) -> str:
    """Return a URL that the service can fetch, or a data URI that it takes; nothing is read or fetched here."""
    text = url.get("url") if isinstance(url, Mapping) else url
    scheme = str(text).partition(":")[0].lower()
    if not isinstance(text, str) or scheme not in {*_SCHEMES, "data"} or (scheme != "data" and not _has_host(text)):
        raise UnsupportedInputError(
            f"{where} names {str(text)[:80]!r}. Expected a URL of http, https or oss, or a data URI: a path on this "
            "machine is never read from a message. Send the file's bytes as `base64` with their `mime_type`."
        )
    if scheme == "data":
        if len(text) > MAX_DATA_URI_BYTES:
            raise UnsupportedInputError(
                f"{where} has a data URI of {len(text)} bytes; the service takes {MAX_DATA_URI_BYTES}. Make it "
                "smaller, or put it where the service can fetch it and send the URL."
            )
        _decoded(text.partition(",")[2], where)
    return text


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _decoded(data: str, where: str) -> bytes:
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnsupportedInputError(f"{where} has data that is not base64: {error}.") from None
    if not decoded:
        raise UnsupportedInputError(f"{where} has empty data.")
    return decoded


def _format(mime_type: Any, source: str) -> str | None:
    if isinstance(mime_type, str) and "/" in mime_type:
        name = _subtype(mime_type)
    elif source.startswith("data:"):
        name = _subtype(source[5:])
    else:
        name = source.partition("?")[0].rpartition(".")[2]
        name = name if name.isalnum() and len(name) <= len("flac") else ""
    return _AUDIO_FORMATS.get(name, name) or None


def _subtype(mime_type: str) -> str:
    # Behind a semicolon are the codec and the rate, as browsers write them, or a data URI's data.
    return mime_type.partition(";")[0].partition("/")[2].strip()
