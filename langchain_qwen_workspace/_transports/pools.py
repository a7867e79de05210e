"""Owns the HTTP clients, and with them the connection pools: one for each HTTP library, settings and event loop.

A pool belongs to the process, not to a workspace: keys, workspace headers and timeouts travel with each request, so
that ten thousand workspaces on one host share its connections and one TLS context. A pool has no cookie jar and follows
no redirect, so that nothing of one workspace's response reaches another's request.

After a fork the child builds pools of its own. It drops the parent's sockets without shutting them down.
"""

import os
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, Protocol, TypeVar

from langchain_qwen_workspace import _process
from langchain_qwen_workspace._transports._client_per_loop import ClientPerLoop
from langchain_qwen_workspace.errors import ConfigurationError

MIN_KEEPALIVE = 200
"""Idle connections that a pool keeps at most, or all it may have if those are fewer."""

# The variables by which the HTTP libraries are configured (httpx 0.28, `_utils.get_environment_proxies`, `_config`).
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class SyncHTTPClient(Protocol):
    """What `httpx.Client` and `httpx2.Client` have in common."""

    def close(self) -> None:
        """Close the pool."""


class AsyncHTTPClient(Protocol):
    """What `httpx.AsyncClient` and `httpx2.AsyncClient` have in common."""

    def aclose(self) -> Awaitable[None]:
        """Close the pool."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What two connections must have in common to share a pool.

    Attributes:
        max_connections: The most connections that a pool has at a time.
        environment: The environment's settings of proxies and certificates, which may hold a proxy's password.
    """

    max_connections: int
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of_environment(cls, max_connections: int) -> "PoolSettings":
        """Return the settings with what the environment says now."""
        names = (spelling for name in (*_PROXIES, *_CERTIFICATES) for spelling in (name, name.lower()))
        return cls(max_connections, tuple((name, value) for name in names if (value := os.environ.get(name))))

    @property
    def max_keepalive(self) -> int:
        """The most idle connections that a pool keeps."""
        return min(self.max_connections, MIN_KEEPALIVE)


def no_cookies() -> CookieJar:
    """Return a cookie jar that stores nothing."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


Sync = TypeVar("Sync", bound=SyncHTTPClient)
Async = TypeVar("Async", bound=AsyncHTTPClient)


class Pools(Generic[Sync, Async]):
    """The HTTP clients of one HTTP library."""

    def __init__(self, build: Callable[[PoolSettings], Sync], build_async: Callable[[PoolSettings], Async]) -> None:
        """Take the functions that build a client; neither is called before a client is needed."""
        self._build = build
        self._build_async = build_async
        self._reset()
        _process.register(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._sync: dict[PoolSettings, Sync] = {}
        self._async: dict[PoolSettings, ClientPerLoop[Async]] = {}
        self._finalizer = weakref.finalize(self, _close_all, self._sync)

    def client(self, settings: PoolSettings) -> Sync:
        """Return the process's client for the settings.

        Raises:
            ConfigurationError: The environment's proxy or certificate settings cannot be used.
        """
        if (client := self._sync.get(settings)) is not None:
            return client
        with self._lock:
            if (client := self._sync.get(settings)) is None:
                client = self._sync[settings] = _build_client(self._build, settings)
        return client

    async def aclient(self, settings: PoolSettings) -> Async:
        """Return the running event loop's client for the settings.

        Raises:
            ConfigurationError: The environment's proxy or certificate settings cannot be used.
        """
        if (per_loop := self._async.get(settings)) is None:
            build = partial(_build_client, self._build_async, settings)
            per_loop = self._async.setdefault(settings, ClientPerLoop(build, _aclose))
        return await per_loop.get()

    def close(self) -> None:
        """Close every synchronous client; event loops close their own."""
        self._finalizer()
        self._reset()

    def reset_after_fork(self) -> None:
        """Drop the parent's clients and their sockets, without shutting the connections down."""
        self._finalizer.detach()
        for client in (
            *self._sync.values(),
            *(held for per_loop in self._async.values() for held in per_loop.clients()),
        ):
            for inherited in _sockets_of(client):
                with suppress(OSError, ValueError):
                    os.close(inherited.detach())
        # Kept, so that nothing closes what belongs to the parent's event loops.
        _ABANDONED.append((self._sync, self._async))
        self._reset()


_Client = TypeVar("_Client")


def _build_client(build: Callable[[PoolSettings], _Client], settings: PoolSettings) -> _Client:
    try:
        return build(settings)
    except Exception as error:
        # Certificates are files; everything else that can fail is a proxy's URL, or a package that a proxy needs.
        causes = _CERTIFICATES if isinstance(error, OSError) else _PROXIES
        given = dict.fromkeys(name for name, _ in settings.environment if name.upper() in causes)
        raise ConfigurationError(
            f"The HTTP client cannot be built from the environment's {' and '.join(given) or 'settings'}: "
            f"{type(error).__name__}.",
            hint="Correct or unset the variable: a proxy is `http://host:port`, `https://host:port` or, with the "
            "package `socksio`, `socks5://host:port`; SSL_CERT_FILE and SSL_CERT_DIR name an existing file and folder. "
            "Or pass your own `http_client` and `http_async_client`.",
        ) from error


async def _aclose(client: AsyncHTTPClient) -> None:
    await client.aclose()


def _close_all(clients: dict[PoolSettings, Any]) -> None:
    for client in clients.values():
        client.close()


def _sockets_of(client: Any) -> Iterator[socket.socket]:
    """Yield the sockets of a client's pool, which only private attributes lead to (httpx 0.28, httpcore 1.0)."""
    transports = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    for transport in transports:
        for connection in getattr(getattr(transport, "_pool", None), "connections", ()):
            inner = connection
            while inner is not None and not hasattr(inner, "_network_stream"):
                inner = getattr(inner, "_connection", None)
            # A connection that is just being opened has no stream yet.
            stream = None if inner is None else inner._network_stream  # noqa: SLF001 - no public way
            found = None if stream is None else stream.get_extra_info("socket")
            if found is not None:  # pragma: no branch - see above
                # asyncio wraps the socket.
                yield getattr(found, "_sock", found)


_ABANDONED: list[object] = []
