"""What is embedded and what comes back: the same in the server and in every client, without asking each other."""

import random
import zlib
from array import array
from collections.abc import Iterator

ROWS = 256
"""How many different vectors there are; a text's own is chosen by its bytes, so that a wrong order shows."""

_SHORTEST, _LONGEST = 200, 600
_SEED = 20_260_101
_WORDS = """
the of and a to in is that for it as was with by on are from at this which or an be not have one had were their model
vector search document passage index query region lake bridge harbour temple river mountain century dynasty engineer
measures describes remembers connects although because therefore however between towards during 杭州 西湖 的 风景
在 春天 最 美丽 上海 外滩 检索 向量 模型 文档 段落 naïve façade Zürich 3.14159 2026 №7 “quoted” —
"""
_CHOICES = [*_WORDS.split(), "\n"]


def texts(count: int) -> Iterator[str]:
    """Yield texts of 200 to 600 characters, words of several scripts; the same ones each time."""
    chance = random.Random(_SEED)  # noqa: S311 - no secret, the same texts in every process
    for _ in range(count):
        length = chance.randint(_SHORTEST, _LONGEST)
        # A word has two letters or more with its space, all but a few of them: what is too much is cut.
        words = chance.choices(_CHOICES, k=length // 2)
        yield " ".join(words)[:length].strip().ljust(_SHORTEST, ".")


def row_of(text: str) -> int:
    """Return which of the vectors belongs to a text."""
    return zlib.crc32(text.encode()) % ROWS


def vectors(dimensions: int) -> list[list[float]]:
    """Return the vectors: numbers that a 32-bit float holds exactly, as the service's are.

    Written out as decimals they have 8 to 18 digits (`0.030681096017360687`), and as base64 they lose nothing.
    """
    chance = random.Random(_SEED + dimensions)  # noqa: S311 - no secret, the same vectors in every process
    size = dimensions**-0.5
    return [array("f", (chance.gauss(0.0, size) for _ in range(dimensions))).tolist() for _ in range(ROWS)]
