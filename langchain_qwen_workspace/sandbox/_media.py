"""Checks references to media (URLs, data URIs, uploaded files), and derives a text from each for the vectors.

Nothing is ever downloaded. Texts: Model Studio docs, error-code page of 2026-08-18.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_qwen_workspace.sandbox._errors import inference_error, parameter_error

_DATA_URI = re.compile(r"data:([\w.+-]+)/([\w.+-]+)?;base64,(.*)", re.DOTALL)
_MAX_DATA_URI_BYTES = 10_485_760
_IMAGE_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
NOT_A_URL = "The provided URL does not appear to be valid. Ensure it is correctly formatted."


def check(kind: str, reference: Any, *, uploads: bool) -> None:
    """Refuse a media reference that the service would refuse.

    Args:
        kind: `image`, `video` or `audio`.
        reference: The reference in the request.
        uploads: Whether `oss://` references are resolved for this request.

    Raises:
        Refusal: If it is neither a web URL, a readable data URI nor an uploaded file.
    """
    if not isinstance(reference, str):
        raise parameter_error(NOT_A_URL)
    if reference.startswith(("http://", "https://")) or (uploads and reference.startswith("oss://")):
        return
    match = _DATA_URI.match(reference)
    if match is None:
        raise parameter_error(NOT_A_URL)
    if len(match[3]) > _MAX_DATA_URI_BYTES:
        raise parameter_error(f"Exceeded limit on max bytes per data-uri item : {_MAX_DATA_URI_BYTES}")
    try:
        content = base64.b64decode(match[3], validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise parameter_error(NOT_A_URL)
    if match[1] != kind or (kind == "image" and not content.startswith(_IMAGE_SIGNATURES)):
        raise inference_error(f"The {kind} format is illegal and cannot be opened.")


def searchable_text(reference: str) -> str:
    """Return the text from which the vector of a medium is made; the content itself is not interpreted.

    Args:
        reference: A checked reference.

    Returns:
        The words of the file's name, without its extension; for a data URI, one word made of its bytes; for a URL that
        cannot be parsed, the URL.
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
