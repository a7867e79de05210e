"""What a media reference is: one the service could read (a URL, a data URI, an uploaded file), and its words.

Nothing is ever downloaded. Texts: Model Studio docs, error-code page of 2026-08-18.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_qwen_workspace.sandbox._errors import refuse, refuse_algo

_DATA_URI = re.compile(r"data:([\w.+-]+)/([\w.+-]+)?;base64,(.*)", re.DOTALL)
_LIMIT = 10_485_760
_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
NOT_A_URL = "The provided URL does not appear to be valid. Ensure it is correctly formatted."


def check(kind: str, reference: Any, *, uploads: bool) -> None:
    """Refuse a media reference the service would refuse.

    Args:
        kind: `image`, `video` or `audio`.
        reference: What the request gives for it.
        uploads: Whether `oss://` references are resolved for this request.

    Raises:
        Refusal: If it is neither a web URL, a readable data URI nor an uploaded file.
    """
    if not isinstance(reference, str):
        raise refuse(NOT_A_URL)
    if reference.startswith(("http://", "https://")) or (uploads and reference.startswith("oss://")):
        return
    match = _DATA_URI.match(reference)
    if match is None:
        raise refuse(NOT_A_URL)
    if len(match[3]) > _LIMIT:
        raise refuse(f"Exceeded limit on max bytes per data-uri item : {_LIMIT}")
    try:
        content = base64.b64decode(match[3], validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise refuse(NOT_A_URL)
    if match[1] != kind or (kind == "image" and not content.startswith(_IMAGE_STARTS)):
        raise refuse_algo(f"The {kind} format is illegal and cannot be opened.")


def words(reference: str) -> str:
    """The text that stands for a media reference: nothing looks inside images and videos.

    Args:
        reference: A checked reference.

    Returns:
        The words of the file's name, without its ending; for a data URI one word made of its bytes; a URL that
        cannot be read as it is.
    """
    match = _DATA_URI.match(reference)
    if match is not None:
        return hashlib.blake2b(base64.b64decode(match[3]), digest_size=8).hexdigest()
    try:
        parts = urlsplit(reference)
    except ValueError:
        return reference
    name = unquote(parts.path).rstrip("/").rpartition("/")[2]
    return (name.rpartition(".")[0] or name or parts.netloc).replace("_", " ")
