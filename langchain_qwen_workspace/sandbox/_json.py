"""Reads JSON as strictly as a server has to: what cannot be handled or written again is a `ValueError`."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

_MAX_DEPTH = 100


def read_json(raw: bytes | str) -> Any:
    """Return the value of a JSON text.

    Args:
        raw: The text.

    Returns:
        The value.

    Raises:
        ValueError: If the text is not JSON, is nested more than 100 deep, or has half a surrogate pair or a
            number that is not finite.
    """
    try:
        value = json.loads(raw, parse_float=_read_float, parse_constant=_refuse_number)
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None
    if _depth_exceeds(value, _MAX_DEPTH):
        raise ValueError("The JSON is nested too deeply.")
    text = raw if isinstance(raw, str) else raw.decode("latin-1")
    if "\\ud" in text.lower():
        # Raises a UnicodeEncodeError, a ValueError, for half a surrogate pair.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number.")


def _read_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
