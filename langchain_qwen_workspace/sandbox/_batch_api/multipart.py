"""Reads `multipart/form-data`, the body of a file upload.

Starlette's own reader needs python-multipart, which none of our dependencies installs. Bodies are split by hand,
because the standard library's `email` reads headers well but not contents: it would parse an uploaded mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from langchain_qwen_workspace.sandbox._errors import INVALID_BODY, Refusal


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form.

    Attributes:
        content: Its bytes.
        filename: The name of the file, None for a field that is not a file.
    """

    content: bytes
    filename: str | None


def read_form(content_type: str, body: bytes) -> dict[str, Part]:
    """Read the fields of a form.

    Args:
        content_type: The request's `Content-Type`.
        body: The request's body.

    Returns:
        The fields by name; the last one if several have the same name.

    Raises:
        Refusal: If the body is not a form.
    """
    try:
        return _read_fields(content_type, body)
    except (LookupError, ValueError):
        # A parameter in an encoding that is unknown or is not one of texts (RFC 2231).
        raise Refusal(INVALID_BODY, with_id=False) from None


def _read_fields(content_type: str, body: bytes) -> dict[str, Part]:
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or boundary is None:
        raise ValueError("The body is not a form.")
    fields: dict[str, Part] = {}
    # The first piece is what precedes the form, the last what follows it.
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
        name = headers.get_param("name", header="content-disposition")
        if isinstance(name, str):
            fields[name] = Part(content, headers.get_filename())
    return fields
