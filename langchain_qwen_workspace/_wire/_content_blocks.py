"""Reads content blocks, in whichever provider's format they are, as texts and media."""

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
    """One piece of text.

    Attributes:
        text: The text.
        hints: Keys that are sent beside it: `cache_control`, `prompt_cache_breakpoint`.
    """

    text: str
    hints: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """One image, video or audio.

    Attributes:
        kind: Which of them.
        source: Its URL or data URI; a video may also be the URLs of its frames.
        hints: Keys that are sent beside it: `min_pixels`, `fps`, `cache_control`, …
        detail: An image's resolution, in OpenAI's format.
        format: An audio's format, such as `wav`, if it is known.
    """

    kind: Kind
    source: str | tuple[str, ...]
    hints: Json = field(default_factory=dict)
    detail: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A block that is sent as it is, since the user insists.

    Attributes:
        block: The block.
    """

    block: Json


Part: TypeAlias = Text | Media | Unread


class UnreadableBlockError(UnsupportedInputError):
    """A block that is not malformed, but cannot be sent: of an unknown type, too large, or not to be fetched."""


CACHE_MARKS = frozenset({"cache_control", "prompt_cache_breakpoint"})
"""The two forms of the mark of an explicit cache; Qwen4 has both (Model Studio docs, explicit cache, 2026-11-16)."""

# The further keys that a part may have, on the protocols openai and dashscope (Model Studio docs, chat completions,
# 2026-09; dashscope 2.0.2, `v2/types`).
_HINTS: dict[str, frozenset[str]] = {
    "text": CACHE_MARKS,
    "image": CACHE_MARKS | {"min_pixels", "max_pixels"},
    "video": CACHE_MARKS | {"fps", "max_frames", "min_pixels", "max_pixels", "total_pixels"},
    "audio": CACHE_MARKS,
}
# Keys that LangChain or another provider keeps on a block, and that are not sent.
_BOOKKEEPING = frozenset(
    {"type", "id", "index", "annotations", "extras", "title", "context", "citations", "filename", "_meta"}
)

# "Exceeded limit on max bytes per data-uri item : 10485760" (Model Studio docs, error codes, 2026-08-18).
MAX_DATA_URI_BYTES = 10_485_760
_SCHEMES = frozenset({"http", "https", "oss"})

# The service's names of audio formats, by the subtypes of their MIME types.
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "mp4": "m4a", "x-m4a": "m4a"}


MALFORMED_INPUT_ERRORS = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""The exceptions that reading a value raises if a part of it has another type than expected."""


def read_block(block: Mapping[str, Any], where: str) -> Part:
    """Return the text, the media or the documents of one content block.

    Args:
        block: The block, in the format of LangChain (v1), OpenAI, Anthropic or DashScope.
        where: The message's name in errors.

    Raises:
        UnreadableBlockError: The block cannot be sent.
        UnsupportedInputError: The block is malformed.
    """
    kind = block.get("type")
    if not isinstance(block.get("extras") or {}, Mapping):
        raise UnsupportedInputError(
            f"{where} has a block whose `extras` are {block['extras']!r:.80}. Expected an object."
        )
    if kind is None and len(keys := block.keys() & {"text", "image", "video", "audio"}) == 1:
        # DashScope's format: the only key names the kind.
        kind = keys.pop()
        return _READERS[kind]({"type": kind, **block}, where)
    if not isinstance(kind, str) or kind not in _READERS:
        raise unknown_type_error(kind, where)
    return _READERS[kind](block, where)


def unknown_type_error(kind: object, where: str) -> UnsupportedInputError:
    """Return the error for a block whose type cannot be sent."""
    error_class = UnsupportedInputError if kind is not None and not isinstance(kind, str) else UnreadableBlockError
    return error_class(
        f"{where} has a content block of type {kind!r:.80}, which cannot be sent. Expected a string or blocks such "
        'as {"type": "text", "text": "…"} and {"type": "image", "url": "https://…"}.'
    )


def _read_text(block: Mapping[str, Any], where: str) -> Text:
    text = block.get("text")
    if not isinstance(text, str):
        raise UnsupportedInputError(f"{where} has a text block whose `text` is {text!r:.80}. Expected a string.")
    return Text(text, _read_hints(block, "text", {"text"}, where))


def _read_plain_text(block: Mapping[str, Any], where: str) -> Text:
    """Read a plain text document, in LangChain's format."""
    if isinstance(text := block.get("text"), str):
        return Text(text, _read_hints(block, "text", {"text", "mime_type"}, where))
    if isinstance(encoded := block.get("base64"), str):
        try:
            text = _decode_base64(encoded, where).decode()
        except UnicodeDecodeError as error:
            raise UnreadableBlockError(f"{where} has a text document that is not valid UTF-8: {error}.") from None
        return Text(text, _read_hints(block, "text", {"base64", "mime_type"}, where))
    raise UnreadableBlockError(
        f"{where} has a text-plain block without `text` or `base64`. Expected one of them; a `url` is never fetched."
    )


def _read_media(block: Mapping[str, Any], where: str) -> Media:
    """Read an image, a video or an audio in the format of LangChain, Anthropic (`source`) or DashScope (the kind)."""
    kind: Kind = block["type"]
    source: Any
    if isinstance(frames := block.get(kind, block.get("frames")), list | tuple):
        source = tuple(_check_url(frame, where) for frame in frames)
        if kind != "video" or not source:
            raise UnsupportedInputError(
                f"{where} has a list as its {kind}. Expected a URL or data; only a video may be a list, of its frames."
            )
    elif isinstance(anthropic := block.get("source"), Mapping):
        source = _read_source(anthropic.get("url"), anthropic.get("data"), anthropic.get("media_type"), where)
    else:
        # MCP's keys are `data` and `mimeType`.
        data, mime_type = block.get("base64", block.get("data")), block.get("mime_type", block.get("mimeType"))
        source = _read_source(block.get("url") or block.get(kind), data, mime_type, where)
    own_keys = {kind, "frames", "source", "url", "base64", "data", "mime_type", "mimeType", "detail"}
    hints = _read_hints(block, kind, own_keys, where)
    return Media(
        kind,
        source,
        hints,
        _read_detail(block, where),
        _audio_format(block.get("mime_type", block.get("mimeType")), source) if kind == "audio" else None,
    )


def _read_media_url(block: Mapping[str, Any], where: str) -> Media:
    """Read an image or a video in OpenAI's format, that of Chat Completions (`image_url`) or Responses."""
    kind: Kind = "image" if "image" in block["type"] else "video"
    name = f"{kind}_url"
    given = block.get(name)
    inner = {"url": given} if isinstance(given, str) else given
    if not isinstance(inner, Mapping) or not isinstance(inner.get("url"), str):
        raise UnsupportedInputError(
            f'{where} has a content block whose `{name}` is {given!r:.80}. Expected {{"url": "https://…"}}.'
        )
    hints = _read_hints(block, kind, {name, "detail"}, where) | _read_hints(inner, kind, {"url", "detail"}, where)
    return Media(kind, _check_url(inner["url"], where), hints, _read_detail(inner, where) or _read_detail(block, where))


def _read_input_audio(block: Mapping[str, Any], where: str) -> Media:
    """Read an audio in OpenAI's format, whose `data` may also be a URL (Model Studio docs, Qwen-Omni, 2026-09)."""
    inner = block.get("input_audio")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("data"), str):
        raise UnsupportedInputError(
            f"{where} has a content block whose `input_audio` is {inner!r:.80}. Expected "
            '{"data": "…", "format": "wav"}.'
        )
    mime_type = f"audio/{inner['format']}" if inner.get("format") else None
    hints = _read_hints(block, "audio", {"input_audio"}, where) | _read_hints(inner, "audio", {"data", "format"}, where)
    source = _read_source(None, inner["data"], mime_type, where)
    return Media("audio", source, hints, format=_audio_format(mime_type, source))


def _read_file(block: Mapping[str, Any], where: str) -> Text | Media:
    """Read a file by its MIME type, as media or a text; an uploaded document is a text with its id (`fileid://`)."""
    if file_id := block.get("file_id"):
        return Text(f"fileid://{file_id}", _read_hints(block, "text", {"file_id", "mime_type"}, where))
    block = _with_file_data(block)
    kind, _, subtype = str(block.get("mime_type") or "").partition("/")
    if kind in {"image", "video", "audio"}:
        return _read_media({**block, "type": kind}, where)
    if kind == "text":
        return _read_plain_text(block, where)
    raise UnreadableBlockError(
        f"{where} has a file of type {f'{kind}/{subtype}' if kind else None!r}, which no chat endpoint accepts. "
        "Expected a `mime_type` of an image, a video, an audio or a text, or the `file_id` of a file that was uploaded "
        "for qwen-long."
    )


def _with_file_data(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a file in OpenAI's format, whose `file_data` is a data URI, in LangChain's; any other file unchanged."""
    inner = block["file"] if isinstance(block.get("file"), Mapping) else block
    head, comma, data = str(inner.get("file_data", "")).partition(";base64,")
    if not comma or not head.startswith("data:"):
        return block
    other = {key: value for key, value in {**block, **inner}.items() if key not in {"file", "file_data"}}
    return {**other, "mime_type": head.removeprefix("data:"), "base64": data}


def _read_document(block: Mapping[str, Any], where: str) -> Text:
    """Read a document of plain text, in Anthropic's format: text, encoded text, or text blocks."""
    source = block.get("source")
    given = source if isinstance(source, Mapping) else {}
    kind, data = given.get("type"), given.get("data")
    if kind == "content":
        text = _texts_in(given.get("content"), where)
    elif kind == "text" and isinstance(data, str):
        text = data
    elif kind == "base64" and isinstance(data, str) and str(given.get("media_type")).startswith("text/"):
        text = _read_plain_text({"base64": data}, where).text
    else:
        raise UnreadableBlockError(
            f"{where} has a content block of type 'document' whose `source` is {source!r:.80}. Expected plain text: no "
            "chat endpoint accepts other documents, and a `url` is never fetched."
        )
    return Text(text, _read_hints(block, "text", {"source"}, where))


def _read_search_result(block: Mapping[str, Any], where: str) -> Text:
    """Read a search result, in Anthropic's format, as its title, its source and its text."""
    head = [given for key in ("title", "source") if isinstance(given := block.get(key), str)]
    text = "\n".join([*head, _texts_in(block.get("content"), where)])
    return Text(text, _read_hints(block, "text", {"source", "content"}, where))


def _texts_in(content: object, where: str) -> str:
    """Return the text of a content inside of a block: a string or text blocks."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        raise UnsupportedInputError(f"{where} has a block whose `content` is {content!r:.80}. Expected text blocks.")
    return "\n".join(_read_text(block, where).text for block in blocks)


def _read_resource(block: Mapping[str, Any], where: str) -> Text | Media:
    """Read a resource of an MCP server: a text, or a file in base64."""
    given = block.get("resource")
    resource = given if isinstance(given, Mapping) else {}
    if isinstance(text := resource.get("text"), str):
        return Text(text)
    return _read_file({"base64": resource.get("blob"), "mime_type": resource.get("mimeType")}, where)


DOCUMENT_URL = "doc_url"
"""The type of a block with URLs of documents, for qwen-doc-turbo (Model Studio docs, data mining, 2026-10-12)."""

_MOST_DOCUMENTS = 10


def _read_document_urls(block: Mapping[str, Any], where: str) -> Unread:
    """Read the URLs of documents, with how they are parsed (`file_parsing_strategy`)."""
    urls = block.get(DOCUMENT_URL)
    if not isinstance(urls, list) or not 1 <= len(urls) <= _MOST_DOCUMENTS:
        raise UnsupportedInputError(
            f"{where} has a block whose `{DOCUMENT_URL}` is {urls!r:.80}. Expected a list of 1 to {_MOST_DOCUMENTS} "
            "URLs."
        )
    for url in urls:
        _check_url(url, where)
    return Unread(dict(block))


_READERS: dict[str, Callable[[Mapping[str, Any], str], Part]] = {
    "text": _read_text,
    "input_text": _read_text,
    "text-plain": _read_plain_text,
    "image": _read_media,
    "video": _read_media,
    "audio": _read_media,
    "image_url": _read_media_url,
    "video_url": _read_media_url,
    "input_image": _read_media_url,
    "input_video": _read_media_url,
    "input_audio": _read_input_audio,
    "file": _read_file,
    "input_file": _read_file,
    "document": _read_document,
    DOCUMENT_URL: _read_document_urls,
    "search_result": _read_search_result,
    "resource": _read_resource,
}


def _read_hints(block: Mapping[str, Any], kind: str, own_keys: set[str], where: str) -> Json:
    given = {**block, **(block.get("extras") or {})}
    hints = {name: given[name] for name in _HINTS[kind] & given.keys() if given[name] is not None}
    unknown = {key for key in block.keys() - _BOOKKEEPING - _HINTS[kind] - own_keys if block[key] is not None}
    if unknown:
        raise UnsupportedInputError(
            f"{where} has a block of type {block.get('type', kind)!r} with the keys {sorted(unknown)}, which cannot "
            f"be sent. Remove them; besides the {kind} itself, a block may have {sorted(_HINTS[kind])}."
        )
    return hints


def _read_detail(block: Mapping[str, Any], where: str) -> str | None:
    detail = block.get("detail") or (block.get("extras") or {}).get("detail")
    if detail is not None and not isinstance(detail, str):
        raise UnsupportedInputError(f"{where} has a block whose `detail` is {detail!r:.80}. Expected a string.")
    return detail


def _read_source(url: Any, data: Any, mime_type: Any, where: str) -> str:
    if isinstance(url, str):
        return _check_url(url, where)
    if not isinstance(data, str):
        raise UnsupportedInputError(
            f"{where} has a block without a `url` and without `base64` data. Expected one of them."
        )
    scheme, colon, _ = data[:8].partition(":")
    if colon and scheme.lower() in {*_SCHEMES, "data"}:
        # LangChain reads any `data` of OpenAI's `input_audio` as base64.
        return _check_url(data, where)
    if not isinstance(mime_type, str) or "/" not in mime_type:
        raise UnsupportedInputError(
            f"{where} has base64 data whose `mime_type` is {mime_type!r:.80}. Expected one such as `image/png`."
        )
    return _check_url(f"data:{mime_type};base64,{data}", where)


def _check_url(url: Any, where: str) -> str:
    """Return a URL that the service can fetch, or a data URI that it accepts; nothing is read or fetched here."""
    text = url.get("url") if isinstance(url, Mapping) else url
    scheme = str(text).partition(":")[0].lower()
    if not isinstance(text, str) or scheme not in {*_SCHEMES, "data"} or (scheme != "data" and not _has_host(text)):
        error_class = UnreadableBlockError if isinstance(text, str) else UnsupportedInputError
        raise error_class(
            f"{where} has the URL {str(text)[:80]!r}. Expected a URL of http, https or oss, or a data URI: a path on "
            "this machine is never read from a message. Send the file's bytes as `base64` with their `mime_type`."
        )
    if scheme == "data":
        if len(text) > MAX_DATA_URI_BYTES:
            raise UnreadableBlockError(
                f"{where} has a data URI of {len(text)} bytes. Expected at most {MAX_DATA_URI_BYTES}: make the file "
                "smaller, or put it where the service can fetch it and send the URL."
            )
        _decode_base64(text.partition(",")[2], where)
    return text


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _decode_base64(data: str, where: str) -> bytes:
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableBlockError(f"{where} has data that is not valid base64: {error}.") from None
    if not decoded:
        raise UnreadableBlockError(f"{where} has empty data. Expected the content of a file.")
    return decoded


def _audio_format(mime_type: Any, source: str) -> str | None:
    if isinstance(mime_type, str) and "/" in mime_type:
        name = _subtype(mime_type)
    elif source.startswith("data:"):
        name = _subtype(source[5:])
    else:
        name = source.partition("?")[0].rpartition(".")[2]
        name = name if name.isalnum() and len(name) <= len("flac") else ""
    return _AUDIO_FORMATS.get(name, name) or None


def _subtype(mime_type: str) -> str:
    # What follows a semicolon is the codec and the rate, as browsers write them, or a data URI's data.
    return mime_type.partition(";")[0].partition("/")[2].strip()
