"""The limits on waiting reach every wait of the network, and no other call."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace._transports._network import has_limited_reads, limit_network
from langchain_qwen_workspace._transports._time_limit import (
    ReadLimit,
    TimeLimitError,
    check_time_left,
    end_at,
    seconds_left,
    shorten,
    shorten_read,
)


class FakeStream:
    """A network stream or backend that says how long it may take."""

    def __init__(self, alpn: str | None = None) -> None:
        self.timeouts: list[float | None] = []
        self._alpn = alpn

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.timeouts.append(timeout)
        return bytes(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.timeouts += [timeout] * bool(buffer)

    def start_tls(self, *_: object, timeout: float | None = None) -> "FakeStream":
        self.timeouts.append(timeout)
        return self

    def connect_tcp(self, *_: object, timeout: float | None = None) -> "FakeStream":
        self.timeouts.append(timeout)
        return self

    connect_unix_socket = connect_tcp

    def get_extra_info(self, info: str) -> Any:
        return self if info == "ssl_object" and self._alpn is not None else None

    def selected_alpn_protocol(self) -> str | None:
        return self._alpn


class AsyncFakeStream:
    """The same, asynchronous."""

    def __init__(self, stream: FakeStream) -> None:
        self._stream = stream

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def write(self, buffer: bytes, **options: Any) -> None:
        self._stream.write(buffer, **options)

    async def connect_tcp(self, *_: object, **options: Any) -> "AsyncFakeStream":
        self._stream.connect_tcp(**options)
        return self

    connect_unix_socket = connect_tcp

    async def start_tls(self, *_: object, **options: Any) -> "AsyncFakeStream":
        return await self.connect_tcp(**options)


def limited_backend(inner: object) -> Any:
    """Return a client's network backend, once it keeps limits."""
    with httpx.Client() as client:
        pool: Any = client._transport._pool  # type: ignore[attr-defined]  # what is tested
        pool._network_backend = inner
        limit_network(client)
        limit_network(client)
        return pool._network_backend


def test_a_limit_shortens_every_wait_of_the_network() -> None:
    inner = FakeStream("http/1.1")
    backend = limited_backend(inner)
    with end_at(time.monotonic() + 10):
        stream = backend.connect_tcp("host", 1, timeout=5.0).start_tls(None, None, timeout=600.0)
        backend.connect_unix_socket("path", timeout=600.0)
        stream.write(b"x" * 100_000, timeout=600.0)
        stream.read(1, timeout=None)
    assert inner.timeouts[0] == 5.0
    assert [timeout for timeout in inner.timeouts[1:] if timeout is None or not 0 < timeout <= 10] == []
    assert len(inner.timeouts) == 6


def test_a_limit_shortens_every_wait_of_an_asynchronous_network(runner: asyncio.Runner) -> None:
    inner = FakeStream()
    backend = limited_backend(AsyncFakeStream(inner))

    async def use() -> None:
        with end_at(time.monotonic() + 10):
            stream = await backend.connect_tcp("host", 1, timeout=600.0)
            await stream.start_tls(None, None, timeout=600.0)
            await backend.connect_unix_socket("path", timeout=600.0)
            stream.write(b"x", timeout=600.0)

    runner.run(use())
    assert [timeout for timeout in inner.timeouts if timeout is None or not 0 < timeout <= 10] == []
    assert len(inner.timeouts) == 4


def test_without_a_limit_a_timeout_is_what_was_asked_for() -> None:
    inner = FakeStream()
    limited_backend(inner).connect_tcp("host", 1, timeout=None).read(1, timeout=7.0)
    assert inner.timeouts == [None, 7.0]


def test_reads_that_other_calls_share_are_not_limited() -> None:
    inner = FakeStream("h2")
    assert limited_backend(inner).connect_tcp("host", 1).start_tls(None, None) is inner


def test_a_response_without_a_network_has_no_limited_reads() -> None:
    assert not has_limited_reads(httpx.Response(200))


def test_a_limit_that_is_over_allows_nothing() -> None:
    with end_at(time.monotonic()), pytest.raises(TimeLimitError):
        shorten(600.0)


def test_the_earlier_of_two_limits_counts() -> None:
    with end_at(time.monotonic() + 10), end_at(time.monotonic() + 20):
        assert seconds_left() <= 10
    check_time_left()


def test_a_read_limit_is_a_limit_on_all_reads_together() -> None:
    limit = ReadLimit(10.0)
    with limit:
        allowed = [shorten_read(timeout) or 0 for timeout in (None, 600.0, 2.0)]
    assert 9 < allowed[1] < allowed[0] <= 10
    assert allowed[2] == 2.0
    assert not limit.is_over


def test_a_read_limit_that_is_over_allows_nothing() -> None:
    limit = ReadLimit(0.0)
    assert not limit.is_over
    with limit, pytest.raises(TimeLimitError):
        shorten_read(None)
    assert limit.is_over


def test_a_write_starts_a_read_limit_anew() -> None:
    limit = ReadLimit(10.0)
    with limit:
        shorten_read(None)
        shorten(None)
    assert limit._end is None
