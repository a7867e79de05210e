"""Packs embedding inputs into requests within the model's limits: inputs, tokens, images and videos per request.

This is batching of requests; the service's Batch API is in `batch_jobs`.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from langchain_qwen_workspace._seam import Contents
from langchain_qwen_workspace.profiles import Profile

# The part of the token limit that a request may use: recorded counts differ from offline ones by one token per text.
_USABLE_TOKENS = 0.98


@dataclass(slots=True)
class Item:
    """One input, and what it counts towards a request's limits.

    Attributes:
        original: The input as the user passed it.
        input: The input as it is sent: a text, or contents.
        text: All its text.
        tokens: The number of its tokens if `counted`; otherwise an upper bound, its bytes: a token has at least one.
        counted: Whether `tokens` is exact.
        images: The number of its images.
        videos: The number of its videos.
        needs_own_request: Whether no other input may be in its request.
    """

    original: Any
    input: str | Contents
    text: str
    tokens: int
    counted: bool = False
    images: int = 0
    videos: int = 0
    needs_own_request: bool = False

    def count(self, count_tokens: Callable[[str], int]) -> int:
        """Count the tokens unless they were counted before, and return their number."""
        if not self.counted:
            self.tokens, self.counted = count_tokens(self.text), True
        return self.tokens


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one request; `None` means no limit.

    Attributes:
        rows: Maximum number of inputs.
        tokens: Maximum number of tokens of all inputs together.
        images: Maximum number of images of all inputs together.
        videos: Maximum number of videos of all inputs together.
    """

    rows: int
    tokens: int | None = None
    images: int | None = None
    videos: int | None = None

    @classmethod
    def of_model(cls, profile: Profile, chunk_size: int | None) -> Self:
        """Return the limits of a model, with `chunk_size` as the number of inputs if it is given."""
        tokens = profile.max_batch_tokens if profile.qwen_vocabulary else None
        return cls(
            rows=chunk_size or profile.max_rows,
            tokens=int(tokens * _USABLE_TOKENS) if tokens is not None else None,
            images=profile.max_images,
            videos=profile.max_videos,
        )


@dataclass(frozen=True, slots=True)
class RequestInputs:
    """The inputs of one request.

    Attributes:
        start: The position of the first input among all inputs of the call.
        inputs: The inputs in order, as they are sent.
        originals: The same inputs as the user passed them.
    """

    start: int
    inputs: tuple[str | Contents, ...]
    originals: tuple[Any, ...] = ()

    @property
    def positions(self) -> range:
        """The positions of the inputs among all inputs of the call."""
        return range(self.start, self.start + len(self.inputs))


@dataclass(slots=True)
class Batcher:
    """Packs items into requests, in order, and holds the items of at most one request.

    A text's tokens are counted only if its bytes could be more tokens than the limit. So short texts cost nothing, and
    the vocabulary is not even loaded.

    Attributes:
        limits: The limits of one request.
        count_tokens: Returns the number of tokens of a text.
    """

    limits: Limits
    count_tokens: Callable[[str], int]
    _pending: list[Item] = field(default_factory=list)
    _start: int = 0

    def pack(self, items: Iterable[Item]) -> Iterator[RequestInputs]:
        """Yield the inputs of each request; if `items` raises, the pending inputs are yielded before the error."""
        try:
            for item in items:
                if (full := self._add(item)) is not None:
                    yield full
        except Exception:
            if (last := self.take_pending()) is not None:
                yield last
            raise
        if (last := self.take_pending()) is not None:
            yield last

    async def apack(self, items: AsyncIterable[Item]) -> AsyncIterator[RequestInputs]:
        """Yield the inputs of each request, like `pack`."""
        try:
            async for item in items:
                if (full := self._add(item)) is not None:
                    yield full
        except Exception:
            if (last := self.take_pending()) is not None:
                yield last
            raise
        if (last := self.take_pending()) is not None:
            yield last

    def take_pending(self) -> RequestInputs | None:
        """Remove and return the items that were not yielded yet, or `None` if there are none."""
        if not (pending := self._pending):
            return None
        self._pending = []
        inputs = RequestInputs(
            self._start, tuple(item.input for item in pending), tuple(item.original for item in pending)
        )
        self._start += len(pending)
        return inputs

    def _add(self, item: Item) -> RequestInputs | None:
        """Add an item, and return the inputs before it if it does not fit into their request."""
        full = None if self._fits(item) else self.take_pending()
        self._pending.append(item)
        return full

    def _fits(self, item: Item) -> bool:
        if not self._pending:
            return True
        limits, together = self.limits, [*self._pending, item]
        return (
            len(together) <= limits.rows
            and not any(one.needs_own_request for one in together)
            and _is_within(limits.images, (one.images for one in together))
            and _is_within(limits.videos, (one.videos for one in together))
            and (
                _is_within(limits.tokens, (one.tokens for one in together))
                or _is_within(limits.tokens, (one.count(self.count_tokens) for one in together))
            )
        )


def _is_within(limit: int | None, amounts: Iterable[int]) -> bool:
    return limit is None or sum(amounts) <= limit
