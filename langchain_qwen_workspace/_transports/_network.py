"""Applies the time limits of the current call (`_time_limit`) to the network streams of an HTTP client.

Only a private attribute leads to them (httpx 0.28 and httpcore 1.0, httpx2 and httpcore2 2.16: `_pool._network_backend`
of a transport). Where it is missing, limits are checked between the pieces of a body only.
"""

import inspect
from collections.abc import Awaitable
from typing import Any

from langchain_qwen_workspace._transports._time_limit import shorten, shorten_read

_MAX_WRITE = 1 << 16
"""Bytes that are written under one timeout: the library starts it anew whenever the server takes some of them."""


class _Limited:
    """Wraps a network stream or backend. The asynchronous ones return the awaitable of the inner one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner


class _Stream(_Limited):
    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        return self._inner.read(max_bytes, timeout=shorten_read(timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _SyncStream(_Stream):
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _MAX_WRITE):
            part = buffer if len(buffer) <= _MAX_WRITE else buffer[start : start + _MAX_WRITE]
            self._inner.write(part, timeout=shorten(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        return _limit_stream(_SyncStream, self._inner.start_tls(ssl_context, server_hostname, timeout=shorten(timeout)))


class _AsyncStream(_Stream):
    def write(self, buffer: bytes, timeout: float | None = None) -> Any:
        return self._inner.write(buffer, timeout=shorten(timeout))

    def aclose(self) -> Any:
        return self._inner.aclose()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        return _alimit_stream(self._inner.start_tls(ssl_context, server_hostname, timeout=shorten(timeout)))


def _limit_stream(limited: type[_Stream], stream: Any) -> Any:
    """Return a stream with time limits; of HTTP/2 without, because there one call also reads others' responses."""
    tls = stream.get_extra_info("ssl_object")
    return stream if tls is not None and tls.selected_alpn_protocol() == "h2" else limited(stream)


async def _alimit_stream(opened: Awaitable[Any]) -> Any:
    return _limit_stream(_AsyncStream, await opened)


class _SyncBackend(_Limited):
    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:
        return _SyncStream(self._inner.connect_tcp(host, port, timeout=shorten(timeout), **options))

    def connect_unix_socket(self, path: str, timeout: float | None = None, **options: Any) -> Any:
        return _SyncStream(self._inner.connect_unix_socket(path, timeout=shorten(timeout), **options))


class _AsyncBackend(_Limited):
    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:
        return _alimit_stream(self._inner.connect_tcp(host, port, timeout=shorten(timeout), **options))

    def connect_unix_socket(self, path: str, timeout: float | None = None, **options: Any) -> Any:
        return _alimit_stream(self._inner.connect_unix_socket(path, timeout=shorten(timeout), **options))


def limit_network(client: Any) -> None:
    """Apply time limits to the connections that an HTTP client opens from now on."""
    for transport in (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if pool is None or backend is None or isinstance(backend, _Limited):
            continue
        is_async = inspect.iscoroutinefunction(backend.connect_tcp)
        pool._network_backend = (_AsyncBackend if is_async else _SyncBackend)(backend)  # noqa: SLF001 - no public way


def has_limited_reads(response: Any) -> bool:
    """Return whether time limits apply to the reads of a response."""
    return isinstance(getattr(response, "extensions", {}).get("network_stream"), _Limited)
