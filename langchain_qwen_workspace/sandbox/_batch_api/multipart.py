"""Reads `multipart/form-data`, as an upload of a file sends it.

Starlette's own reader needs python-multipart, which none of our dependencies brings. Bodies are cut by hand,
because the standard library's `email` reads headers well but not contents: it takes an uploaded mail apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from langchain_qwen_workspace.sandbox._errors import Refusal


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form.

    Attributes:
        content: Its bytes.
        filename: The name of the file, None where it is no file.
    """

    content: bytes
    filename: str | None


def read(content_type: str, body: bytes) -> dict[str, Part]:
    """The fields of a form by name.

    Args:
        content_type: The request's `Content-Type`.
        body: The request's body.

    Returns:
        The fields; of two with one name the last.

    Raises:
        Refusal: If it is no form.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or boundary is None:
        raise Refusal("Required body invalid, please check the request body format.", with_id=False)
    fields: dict[str, Part] = {}
    # The first piece is what precedes the form, the last what follows it.
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
        name = headers.get_param("name", header="content-disposition")
        if isinstance(name, str):
            fields[name] = Part(content, headers.get_filename())
    return fields
