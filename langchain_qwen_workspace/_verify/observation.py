"""What a check observed, and the comparison of a response with what a belief expects."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_qwen_workspace._verify.beliefs import Belief, Expected, value_at
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace._verify.session import Session, describe


class Observation(NamedTuple):
    """What a check observed.

    Attributes:
        agrees: Whether it is what is believed.
        text: What was observed, in a sentence.
        request_id: The id of the request that decided.
    """

    agrees: bool
    text: str
    request_id: str | None = None


Check = Callable[[Session, Belief], Observation]


def compare(exchange: Exchange, expected: Expected) -> Observation:
    """Return whether a response is as expected, and if not, what differs."""
    return Observation(not (found := _difference(exchange, expected)), found or describe(exchange), exchange.request_id)


def _difference(exchange: Exchange, expected: Expected) -> str | None:
    if exchange.status not in expected.status:
        return f"{describe(exchange)}; expected HTTP {' or '.join(map(str, expected.status))}"
    if expected.text is not None and not re.search(expected.text, exchange.text):
        return f"{describe(exchange)}; expected the text /{expected.text}/"
    if expected.absent is not None and (found := re.search(expected.absent, exchange.text)):
        return f"{describe(exchange)}; not expected: {found[0]!r:.80}"
    if expected.absent_header is not None:
        names = [name for name in exchange.header_names if re.search(expected.absent_header, name)]
        if names:
            return f"The response has the header {', '.join(names)}."
    for path, pattern in expected.values.items():
        value = _text_at(exchange.body, path)
        if value is None or not re.search(pattern, value):
            return f"{describe(exchange)}; `{path}` is {value!r:.120}; expected /{pattern}/"
    return None


def _text_at(body: Any, path: str) -> str | None:
    try:
        value = value_at(body, path)
    except (LookupError, TypeError):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
