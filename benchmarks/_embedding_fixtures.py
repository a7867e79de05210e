"""Texts to embed and their vectors: the same in the server and in every client, made from a fixed seed."""

import random
import zlib
from array import array
from collections.abc import Iterator

ROWS = 256
"""The number of different vectors; a text's bytes choose its vector, so that a wrong order is noticed."""

_MIN_LENGTH, _MAX_LENGTH = 200, 600
_SEED = 20_260_101
_WORDS = """
the of and a to in is that for it as was with by on are from at this which or an be not have one had were their model
vector search document passage index query region lake bridge harbour temple river mountain century dynasty engineer
measures describes remembers connects although because therefore however between towards during 杭州 西湖 的 风景
在 春天 最 美丽 上海 外滩 检索 向量 模型 文档 段落 naïve façade Zürich 3.14159 2026 №7 “quoted” —
"""
_CHOICES = [*_WORDS.split(), "\n"]


def texts(count: int) -> Iterator[str]:
    """Yield texts of 200 to 600 characters, of words in several scripts; the same texts each time."""
    generator = random.Random(_SEED)  # noqa: S311 - no secret, the same texts in every process
    for _ in range(count):
        length = generator.randint(_MIN_LENGTH, _MAX_LENGTH)
        # Most words have two characters or more with their space, so that these are enough; the rest is cut.
        words = generator.choices(_CHOICES, k=length // 2)
        yield " ".join(words)[:length].strip().ljust(_MIN_LENGTH, ".")


def row_of(text: str) -> int:
    """Return the index of a text's vector."""
    return zlib.crc32(text.encode()) % ROWS


def vectors(dimensions: int) -> list[list[float]]:
    """Return the vectors: numbers that a 32-bit float holds exactly, as those of the service do.

    As decimals they have 8 to 18 digits (`0.030681096017360687`), and as base64 they lose nothing.
    """
    generator = random.Random(_SEED + dimensions)  # noqa: S311 - no secret, the same vectors in every process
    size = dimensions**-0.5
    return [array("f", (generator.gauss(0.0, size) for _ in range(dimensions))).tolist() for _ in range(ROWS)]
