"""How many tokens a text has, by a rule simple enough to check by hand.

A token is one CJK character, a run of up to six other letters or digits, or one other visible
character, each with the white space before it. It only has to be consistent: counts never depend on how an
answer was cut into events.
"""

from __future__ import annotations

import itertools
import re

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_PIECE = re.compile(rf"\s*(?:[{CJK}]|[^\W{CJK}]{{1,6}}|[^\w\s])|\s+")

# What the service adds for the roles of a chat; a round number near the recorded ones.
PER_MESSAGE = 4


def split(text: str) -> list[str]:
    """The tokens of a text; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """The number of tokens of a text."""
    return len(split(text))


def cut(text: str, limit: int) -> str:
    """The first tokens of a text."""
    return "".join(split(text)[: max(limit, 0)])


def pieces(text: str) -> list[str]:
    """A text cut as a stream would deliver it: one token first, then three at a time."""
    tokens = split(text)
    cuts = [0, *range(1, len(tokens), 3), len(tokens)]
    return ["".join(tokens[a:b]) for a, b in itertools.pairwise(cuts) if b > a]
