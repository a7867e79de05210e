"""Counts tokens, by a rule simple enough to check by hand.

A token is one CJK character, a run of up to six other letters or digits, or one other visible
character, each with the white space before it. The counts only have to be consistent: they never depend on how an
answer was cut into events.
"""

from __future__ import annotations

import itertools
import re

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"\s*(?:[{CJK}]|[^\W{CJK}]{{1,6}}|[^\w\s])|\s+")

# What the service adds for the roles of a chat; a round number near the recorded ones.
PER_MESSAGE = 4
# What an image, video or audio counts in chat, embeddings and rerank; a round number.
PER_MEDIUM = 64


def split(text: str) -> list[str]:
    """Return the tokens of a text; joined they are the text again."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """Return the number of tokens of a text."""
    return len(split(text))


def cut(text: str, limit: int) -> str:
    """Return the first tokens of a text, joined."""
    return "".join(split(text)[: max(limit, 0)])


def pieces(text: str) -> list[str]:
    """Return a text cut as a stream delivers it: one token first, then three at a time."""
    tokens = split(text)
    cuts = [0, *range(1, len(tokens), 3), len(tokens)]
    return ["".join(tokens[a:b]) for a, b in itertools.pairwise(cuts) if b > a]
