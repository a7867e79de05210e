"""How many inputs go into one request: as many as the model takes, by rows, by tokens and by media."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from langchain_qwen_workspace._seam import Contents
from langchain_qwen_workspace.profiles import Profile

# What a batch leaves free of its token limit: recorded counts are off from the offline ones by one token a text.
_FILLED = 0.98


@dataclass(slots=True)
class Item:
    """One input, and what it takes up in a request.

    Attributes:
        given: What the user gave.
        input: What is sent: the text, or the contents.
        text: All its text.
        tokens: How many tokens that has at most: its bytes, since no token has less than one; once counted, its tokens.
        counted: Whether `tokens` is exact.
        images: Its images.
        videos: Its videos.
        alone: Whether it needs a request of its own.
    """

    given: Any
    input: str | Contents
    text: str
    tokens: int
    counted: bool = False
    images: int = 0
    videos: int = 0
    alone: bool = False

    def count(self, count: Callable[[str], int]) -> int:
        """Count the tokens, if that was not done yet, and return how many there are."""
        if not self.counted:
            self.tokens, self.counted = count(self.text), True
        return self.tokens


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request takes; `None` is no limit.

    Attributes:
        rows: Inputs.
        tokens: Tokens of all of them.
        images: Images of all of them.
        videos: Videos of all of them.
    """

    rows: int
    tokens: int | None = None
    images: int | None = None
    videos: int | None = None

    @classmethod
    def of(cls, profile: Profile, chunk_size: int | None) -> Self:
        """Return the limits of a model, with fewer rows if asked for."""
        tokens = profile.max_batch_tokens if profile.qwen_vocabulary else None
        return cls(
            rows=chunk_size or profile.max_rows,
            tokens=int(tokens * _FILLED) if tokens is not None else None,
            images=profile.max_images,
            videos=profile.max_videos,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """The inputs of one request.

    Attributes:
        start: The place of the first among all inputs.
        inputs: The inputs, in order, as they are sent.
        given: The same as the user gave them.
    """

    start: int
    inputs: tuple[str | Contents, ...]
    given: tuple[Any, ...] = ()

    @property
    def positions(self) -> range:
        """The places of the inputs among all of them."""
        return range(self.start, self.start + len(self.inputs))


@dataclass(slots=True)
class Batches:
    """Puts inputs into batches, in order, holding no more than one batch.

    Texts are counted only where their bytes could be more tokens than a request takes, so that short ones cost
    nothing and the vocabulary is not even loaded.

    Attributes:
        limits: What one request takes.
        tokens_in: Counts a text's tokens.
    """

    limits: Limits
    tokens_in: Callable[[str], int]
    _pending: list[Item] = field(default_factory=list)
    _start: int = 0

    def of(self, items: Iterable[Item]) -> Iterator[Batch]:
        """Yield the batches; if the items end with an error, first the batch that was begun."""
        try:
            for item in items:
                full = None if self._fits(item) else self._closed()
                self._pending.append(item)
                if full is not None:
                    yield full
        except Exception:
            if self._pending:
                yield self._closed()
            raise
        if self._pending:
            yield self._closed()

    async def aof(self, items: AsyncIterable[Item]) -> AsyncIterator[Batch]:
        """Yield the batches, like `of`."""
        try:
            async for item in items:
                full = None if self._fits(item) else self._closed()
                self._pending.append(item)
                if full is not None:
                    yield full
        except Exception:
            if self._pending:
                yield self._closed()
            raise
        if self._pending:
            yield self._closed()

    def rest(self) -> Batch | None:
        """Return what was taken and not yet given out, for one who stops."""
        return self._closed() if self._pending else None

    def _closed(self) -> Batch:
        pending = self._pending
        batch = Batch(self._start, tuple(item.input for item in pending), tuple(item.given for item in pending))
        self._start += len(self._pending)
        self._pending.clear()
        return batch

    def _fits(self, item: Item) -> bool:
        if not self._pending:
            return True
        together = [*self._pending, item]
        if len(together) > self.limits.rows or any(each.alone for each in together):
            return False
        if _over(sum(each.images for each in together), self.limits.images):
            return False
        if _over(sum(each.videos for each in together), self.limits.videos):
            return False
        if not _over(sum(each.tokens for each in together), self.limits.tokens):
            return True
        return not _over(sum(each.count(self.tokens_in) for each in together), self.limits.tokens)


def _over(amount: int, limit: int | None) -> bool:
    return limit is not None and amount > limit
