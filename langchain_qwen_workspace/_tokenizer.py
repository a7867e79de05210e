"""Encodes text in Qwen's vocabulary, offline, with the tokenizer that the dashscope SDK ships."""

from functools import lru_cache
from typing import Any


def token_ids(text: str) -> list[int]:
    """Return the token ids of a text; text that looks like a control token counts as text, as it does in a message."""
    ids: list[int] = _tokenizer().encode(text, allowed_special=set())
    return ids


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    # Imported on first use: importing the SDK takes a second, loading the vocabulary half a second more.
    from dashscope.tokenizers import get_tokenizer  # noqa: PLC0415 - see above

    return get_tokenizer("qwen-plus")
