"""Qwen's tokenizer, whose vocabulary the dashscope SDK ships; it works offline."""

from functools import lru_cache
from typing import Any


def token_ids(text: str) -> list[int]:
    """Return a text's tokens; what looks like a control token counts as text, as it does in a message."""
    ids: list[int] = _tokenizer().encode(text, allowed_special=set())
    return ids


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    # Imported when it is first used: the SDK takes a second, the vocabulary another half.
    from dashscope.tokenizers import get_tokenizer  # noqa: PLC0415 - see above

    return get_tokenizer("qwen-plus")
