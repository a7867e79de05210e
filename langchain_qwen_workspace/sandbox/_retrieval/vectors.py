"""Vectors and relevance of texts by the words they share: hashed bags of words, no model.

Texts with common words (or, in Chinese and Japanese, common characters and pairs of them) are near each
other; that is all there is to it.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence

from langchain_qwen_workspace.sandbox._chat.prompt_literals import COMMON
from langchain_qwen_workspace.sandbox._tokens import CJK

_WORD = re.compile(rf"[^\W_{CJK}]+")
_RUN = re.compile(rf"[{CJK}]+")
_SPREAD = 4
_SHORT = 3
_UNNORMALISED = 64.0


def features(text: str) -> Counter[str]:
    """The weighted features of a text: words and their beginnings, CJK characters and pairs."""
    lower = text.lower()
    found: Counter[str] = Counter()
    for word in _WORD.findall(lower):
        if word in COMMON or len(word) < _SHORT:
            found[word] += 1
            continue
        found[word.removesuffix("s")] += 4
        if len(word) > len("word"):
            # Relatives meet at their beginnings: `compute`, `computer`.
            found[f"{word[:4]}*"] += 2
    for run in _RUN.findall(lower):
        found.update(dict.fromkeys(run, 1))
        found.update({run[i : i + 2]: 3 for i in range(len(run) - 1)})
    return found or Counter({lower: 1})


def dense(text: str, dimension: int, *, role: str = "", normalised: bool = True) -> list[float]:
    """The vector of a text.

    Args:
        text: The text.
        dimension: How many components.
        role: What the text is for; other roles give slightly other vectors.
        normalised: Whether its length is one; v1 and v2 models have long vectors (recorded 2025-11).

    Returns:
        The vector.
    """
    vector = [0.0] * dimension
    weighted: dict[str, float] = dict(features(text))
    norm = math.sqrt(sum(weight**2 for weight in weighted.values()))
    if role:
        weighted[f"\0{role}"] = 0.2 * norm
    for feature, weight in weighted.items():
        digest = hashlib.blake2b(feature.encode(), digest_size=4 * _SPREAD).digest()
        for at in range(0, len(digest), 4):
            number = int.from_bytes(digest[at : at + 4], "big")
            vector[(number >> 1) % dimension] += weight if number & 1 else -weight
    length = math.sqrt(sum(component**2 for component in vector)) or 1.0
    scale = (1.0 if normalised else _UNNORMALISED) / length
    return [component * scale for component in vector]


def fused(vectors: Sequence[Sequence[float]]) -> list[float]:
    """The one vector of several, of length one: their sum's direction."""
    total = [sum(components) for components in zip(*vectors, strict=True)]
    length = math.sqrt(sum(component**2 for component in total)) or 1.0
    return [component / length for component in total]


def sparse(text: str) -> list[dict[str, object]]:
    """The sparse vector of a text, heaviest first."""
    weights = features(text)
    heaviest = max(weights.values())
    return [
        {"index": _index(token), "value": round(weight / heaviest, 4), "token": token}
        for token, weight in weights.most_common()
    ]


def relevance(query: str, document: str) -> float:
    """How much of a query's features a document has, from 0 to 1, shorter documents first."""
    asked, given = features(query), features(document)
    shared = sum(weight for feature, weight in asked.items() if feature in given)
    brevity = 1 / (1 + math.log1p(sum(given.values())) / 50)
    return round(shared / sum(asked.values()) * brevity, 6)


def _index(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=3).digest(), "big") % 250_000
