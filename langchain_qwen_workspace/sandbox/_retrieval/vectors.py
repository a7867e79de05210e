"""Vectors and relevance of texts, made from hashed bags of words without any model.

Texts that share words (or, in Chinese and Japanese, characters and pairs of characters) are near each other.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence

from langchain_qwen_workspace.sandbox._chat.prompt_literals import COMMON_WORDS
from langchain_qwen_workspace.sandbox._tokens import CJK

_WORD = re.compile(rf"[^\W_{CJK}]+")
_RUN = re.compile(rf"[{CJK}]+")
_COMPONENTS_PER_FEATURE = 4
_MIN_WORD_LENGTH = 3
_LENGTH_IF_NOT_NORMALIZED = 64.0


def features(text: str) -> Counter[str]:
    """Return the weighted features of a text: words and their beginnings, CJK characters and pairs of them."""
    lower = text.lower()
    found: Counter[str] = Counter()
    for word in _WORD.findall(lower):
        if word in COMMON_WORDS or len(word) < _MIN_WORD_LENGTH:
            found[word] += 1
            continue
        found[word.removesuffix("s")] += 4
        if len(word) > len("word"):
            # Related words share their beginnings: `compute`, `computer`.
            found[f"{word[:4]}*"] += 2
    for run in _RUN.findall(lower):
        found.update(dict.fromkeys(run, 1))
        found.update({run[i : i + 2]: 3 for i in range(len(run) - 1)})
    return found or Counter({lower: 1})


def dense(text: str, dimension: int, *, role: str = "", is_normalized: bool = True) -> list[float]:
    """Return the dense vector of a text.

    Args:
        text: The text.
        dimension: The number of components.
        role: What the text is for; each role gives a slightly different vector.
        is_normalized: Whether the vector has length one; v1 and v2 models return long vectors (recorded 2025-11).

    Returns:
        The vector.
    """
    vector = [0.0] * dimension
    weighted: dict[str, float] = dict(features(text))
    norm = math.sqrt(sum(weight**2 for weight in weighted.values()))
    if role:
        weighted[f"\0{role}"] = 0.2 * norm
    for feature, weight in weighted.items():
        digest = hashlib.blake2b(feature.encode(), digest_size=4 * _COMPONENTS_PER_FEATURE).digest()
        for at in range(0, len(digest), 4):
            number = int.from_bytes(digest[at : at + 4], "big")
            vector[(number >> 1) % dimension] += weight if number & 1 else -weight
    length = math.sqrt(sum(component**2 for component in vector)) or 1.0
    scale = (1.0 if is_normalized else _LENGTH_IF_NOT_NORMALIZED) / length
    return [component * scale for component in vector]


def fuse(vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return the sum of vectors, scaled to length one."""
    total = [sum(components) for components in zip(*vectors, strict=True)]
    length = math.sqrt(sum(component**2 for component in total)) or 1.0
    return [component / length for component in total]


def sparse(text: str) -> list[dict[str, object]]:
    """Return the sparse vector of a text, heaviest token first."""
    weights = features(text)
    heaviest = max(weights.values())
    return [
        {"index": _index(token), "value": round(weight / heaviest, 4), "token": token}
        for token, weight in weights.most_common()
    ]


def relevance(query: str, document: str) -> float:
    """Return the share of a query's features that a document has, from 0 to 1, a little less for long documents."""
    query_features, document_features = features(query), features(document)
    shared = sum(weight for feature, weight in query_features.items() if feature in document_features)
    brevity = 1 / (1 + math.log1p(sum(document_features.values())) / 50)
    return round(shared / sum(query_features.values()) * brevity, 6)


def _index(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=3).digest(), "big") % 250_000
