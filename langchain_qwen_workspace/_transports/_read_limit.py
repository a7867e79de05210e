"""Limits how long the rest of a response is waited for, after its answer is complete."""

import threading
import time
from typing import Any

from langchain_qwen_workspace._transports._http_answers import HTTPResponse

_SHORTEST = 0.001
"""Seconds that a read may take at least; some backends take zero for "do not read at all"."""


# A connection carries one response after another, and the limits of two may meet when the first one is released.
_lock = threading.Lock()


class ReadLimit:
    """A limit on all reads of one response together, from the first of them on.

    The HTTP libraries take a read timeout only with the request, before anything of the response is known. Their
    network stream, which a response names in `extensions`, takes it with each read. So the limit replaces the stream's
    `read`, until it is released. It does not hold for a later response, which another thread may read before that: a
    response is closed before its connection is given to another one (httpx 0.28, httpx2 2.16, `Response.close`).
    """

    def __init__(self, response: HTTPResponse, seconds: float) -> None:
        """Limit the reads of a response."""
        self._response = response
        self._seconds = seconds
        self._ends_at: float | None = None
        extensions: dict[str, Any] = getattr(response, "extensions", {})
        stream = extensions.get("network_stream")
        # A connection of HTTP/2 also carries the responses to other requests.
        is_own = str(extensions.get("http_version", b""), "ascii").startswith("HTTP/1")
        self._stream = stream if is_own and hasattr(stream, "__dict__") else None
        if self._stream is not None:
            with _lock:
                self._read = self._stream.read
                self._stream.read = self._read_in_time

    @property
    def is_over(self) -> bool:
        """Whether nothing more may be read: the time is over, or this response's reads cannot be limited."""
        return self._stream is None or (self._ends_at is not None and time.monotonic() >= self._ends_at)

    def release(self) -> None:
        """End the limit: the connection may carry another response next."""
        if self._stream is not None:
            with _lock:
                # A later response has its own limit there.
                if self._stream.read == self._read_in_time:
                    del self._stream.read
            self._stream = None

    def _read_in_time(self, max_bytes: int, timeout: float | None = None) -> Any:
        if self._response.is_closed:
            return self._read(max_bytes, timeout=timeout)
        # Synchronous streams return bytes, asynchronous ones what is awaited for them.
        now = time.monotonic()
        if self._ends_at is None:
            self._ends_at = now + self._seconds
        left = max(self._ends_at - now, _SHORTEST)
        return self._read(max_bytes, timeout=left if timeout is None else min(left, timeout))
