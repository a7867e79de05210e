"""Decompresses the body of a response piece by piece, and stops it at a maximum number of bytes.

The HTTP libraries unpack what a server compressed, without a limit; httpx 0.28 turns each piece of 64 KiB into up to
64 MB at once. Both read the body of an error whole, before anyone sees it.
"""

import codecs
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from langchain_qwen_workspace._transports._time_limit import check_time_left

ACCEPTED_ENCODINGS = "gzip, deflate"
"""How a server may compress a response: what Python can unpack in pieces."""

MAX_ERROR_BYTES = 1 << 20
"""The bytes of an error's body that are read."""

_MAX_STEP = 1 << 18
_MAX_ENCODINGS = 2
_GZIP = ("gzip", "x-gzip")
_GZIP_START = 0x1F
_OK = 200
# Codecs that Python takes for text and that are no charset: they fail whatever the error handler, or take a time that
# is quadratic in the length.
_NOT_A_CHARSET = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}


class UnreadableBodyError(Exception):
    """A body is too long, or is not compressed as its headers say."""


class _Unpacker:
    """Unpacks one content encoding."""

    def __init__(self, encoding: str) -> None:
        self._is_gzip = encoding in _GZIP
        self._inflater: Any = None
        self._has_ended = False

    def feed(self, data: bytes, max_step: int) -> Iterator[bytes]:
        """Yield what some more bytes unpack to, at most `max_step` bytes at a time."""
        while data:
            if self._inflater is None:
                # A gzip file may consist of several; anything else after the end is padding.
                if self._has_ended and not (self._is_gzip and data[0] == _GZIP_START):
                    return
                self._inflater = zlib.decompressobj(self._window_bits(data[0]))
            try:
                unpacked = self._inflater.decompress(data, max_step)
                # What was taken in may unpack to more than one step.
                while unpacked:
                    yield unpacked
                    unpacked = self._inflater.decompress(self._inflater.unconsumed_tail, max_step)
            except zlib.error as error:
                raise UnreadableBodyError(f"The response cannot be decompressed: {error}.") from error
            data = self._inflater.unused_data
            if self._inflater.eof:
                self._inflater, self._has_ended = None, True

    def _window_bits(self, first: int) -> int:
        if self._is_gzip:
            return 16 + zlib.MAX_WBITS
        # `deflate` is zlib's format, whose first byte ends with 8, but some servers send it without the frame.
        return zlib.MAX_WBITS if first & 15 == zlib.DEFLATED else -zlib.MAX_WBITS


class BodyReader:
    """Unpacks and counts the bytes of one body.

    Attributes:
        is_cut: Whether the body of an error ends here, although the server may have sent more.
    """

    def __init__(self, encodings: Sequence[str], max_bytes: float, *, is_error: bool) -> None:
        """Take the content encodings of the body, in the order in which they were applied."""
        self._unpackers = [_Unpacker(encoding) for encoding in reversed(encodings)]
        self._is_error = is_error
        self._received = self._unpacked = 0
        self.set_limit(max_bytes)
        self.is_cut = False

    def set_limit(self, max_bytes: float) -> None:
        """Set the most bytes of the body, unpacked. The body of an error is cut there."""
        self._limit = min(max_bytes, MAX_ERROR_BYTES) if self._is_error else max_bytes

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Return the decompressed pieces of more bytes. The caller takes all of them before it feeds more bytes.

        Raises:
            UnreadableBodyError: The body is too long, or cannot be unpacked. That of an error is cut instead. It may be
                raised while the pieces are taken.
            TimeLimitError: The call has no time left.
        """
        check_time_left()
        self._received += len(data)
        if not self._unpackers and self._received <= self._limit:
            self._unpacked = self._received
            return (data,)
        return self._pieces(data)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        try:
            for piece in self._unpack(data, self._unpackers):
                self._unpacked += len(piece)
                if self._unpacked > self._limit and self._is_error:
                    yield piece[: int(self._limit) - self._unpacked]
                check_size(self._unpacked, self._limit)
                yield piece
            # Bytes that unpack to nothing would never end.
            check_size(self._received, self._limit)
        except UnreadableBodyError:
            if not self._is_error:
                raise
            self.is_cut = True

    def _unpack(self, data: bytes, unpackers: Sequence[_Unpacker]) -> Iterator[bytes]:
        if not unpackers:
            yield data
            return
        first, *others = unpackers
        step = int(max(1, min(_MAX_STEP, self._limit - self._unpacked + 1)))
        for piece in first.feed(data, step):
            yield from self._unpack(piece, others)


class _Body:
    def __init__(self, stream: Any, reader: BodyReader) -> None:
        self._stream = stream
        self.reader = reader


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        for data in self._stream:
            yield from self.reader.feed(data)
            if self.reader.is_cut:
                return

    def close(self) -> None:
        # A response and its stream refer to each other (httpx 0.28), which would keep each body until a collection.
        stream, self._stream = self._stream, None
        stream.close()


class _AsyncBody(_Body):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._stream:
            for piece in self.reader.feed(data):
                yield piece
            if self.reader.is_cut:
                return

    async def aclose(self) -> None:
        stream, self._stream = self._stream, None
        await stream.aclose()


@cache
def _body_class(stream_class: type, *, is_async: bool) -> Any:
    """Return the class of a body for the HTTP library of a stream: it takes only streams of its own classes."""
    name = "AsyncByteStream" if is_async else "SyncByteStream"
    base = next(cls for cls in stream_class.__mro__ if cls.__name__ == name)
    return type("Body", (_AsyncBody if is_async else _SyncBody, base), {})


def limit_body(response: Any, max_bytes: float, *, is_async: bool) -> None:
    """Limit the bytes, unpacked, that can be read of a response; of an error, to at most `MAX_ERROR_BYTES`.

    A response that was read already is checked.

    Args:
        response: The response of either HTTP library.
        max_bytes: The most bytes, `math.inf` for no limit.
        is_async: Whether an asynchronous client received it.

    Raises:
        UnreadableBodyError: It was read and is too long, or is compressed in a way that cannot be unpacked in pieces.
    """
    if isinstance(response.stream, _Body):
        response.stream.reader.set_limit(max_bytes)
        return
    is_error = response.status_code != _OK
    if response.is_closed:
        if not is_error:
            check_size(len(response.content), max_bytes)
        return
    try:
        encodings = _encodings_of(response)
    except UnreadableBodyError:
        if not is_error:
            raise
        encodings, max_bytes = (), 0
    if is_error:
        # The SDKs decode it.
        response.encoding = charset_of(response)
    reader = BodyReader(encodings, max_bytes, is_error=is_error)
    stream_class: Any = type(response.stream)
    response.stream = _body_class(stream_class, is_async=is_async)(response.stream, reader)


def iterate_body(response: Any) -> Iterator[bytes]:
    """Return an iterator over the decompressed body of a response that `limit_body` was called for.

    This module decompresses the body, so that the HTTP library need not try. A body that was read before is complete.
    """
    pieces: Iterator[bytes] = response.iter_bytes() if response.is_closed else response.iter_raw()
    return pieces


def aiterate_body(response: Any) -> AsyncIterator[bytes]:
    """Return an asynchronous iterator, like `iterate_body`."""
    pieces: AsyncIterator[bytes] = response.aiter_bytes() if response.is_closed else response.aiter_raw()
    return pieces


def is_cut(response: Any) -> bool:
    """Return whether the body of an error was read in part only."""
    body = getattr(response, "stream", None)
    return isinstance(body, _Body) and body.reader.is_cut


def check_size(count: int, max_bytes: float) -> None:
    """Raise if a number of bytes is more than a response may have.

    Raises:
        UnreadableBodyError: It is more.
    """
    if count > max_bytes:
        raise UnreadableBodyError(
            f"The response has more than {max_bytes} bytes, unpacked, the limit that `max_response_bytes` sets."
        )


def _encodings_of(response: Any) -> Sequence[str]:
    """Return the content encodings of a response, and remove them from its headers, so that nothing else unpacks it."""
    named = response.headers.get("content-encoding", "").lower().split(",")
    encodings = [encoding for name in named if (encoding := name.strip()) not in ("", "identity")]
    if unknown := [encoding for encoding in encodings if encoding not in (*_GZIP, "deflate")]:
        raise UnreadableBodyError(
            f"The response is compressed as {unknown[0]!r:.40}, though the request accepts {ACCEPTED_ENCODINGS} only."
        )
    if len(encodings) > _MAX_ENCODINGS:
        raise UnreadableBodyError(f"The response is compressed {len(encodings)} times. Expected at most twice.")
    if encodings:
        del response.headers["content-encoding"]
    return encodings


def charset_of(response: Any) -> str:
    """Return the charset that a response states, `utf-8` if it states none that can be decoded."""
    try:
        name = codecs.lookup(response.charset_encoding or "utf-8").name.replace("_", "-")
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        return "utf-8"
    return "utf-8" if name in _NOT_A_CHARSET else name
