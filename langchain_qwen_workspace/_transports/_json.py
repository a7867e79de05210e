"""Parses JSON."""

import json
from typing import Any

from pydantic_core import from_json


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    pydantic's parser takes a seventh of the standard library's time for ten vectors of 1,024 components (0.5 and
    3.7 ms) and a third of it for an event of a stream (1.6 and 4.6 µs). The standard library's parser is the fallback:
    it accepts unpaired surrogates and deeper nesting.

    Raises:
        ValueError: The text is not valid JSON.
        RecursionError: It is nested too deeply for both parsers.
    """
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)
