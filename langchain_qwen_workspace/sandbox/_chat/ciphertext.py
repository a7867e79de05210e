"""The ciphertext of a reasoning, in a form in which the sandbox notices when one was changed."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

_DIGEST_BYTES = 16


def encrypt(reasoning: str) -> str:
    """Return a reasoning's ciphertext: its digest and the reasoning, which is no secret here."""
    data = reasoning.encode()
    return base64.b64encode(_digest(data) + data).decode()


def is_intact(given: Any) -> bool:
    """Return whether a value is a ciphertext as `encrypt` returned it."""
    try:
        data = base64.b64decode(given, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return False
    return data[:_DIGEST_BYTES] == _digest(data[_DIGEST_BYTES:])


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:_DIGEST_BYTES]
