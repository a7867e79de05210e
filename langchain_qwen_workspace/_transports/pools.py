"""Owns the HTTP clients, and with them the connection pools: one for each HTTP library, settings, event loop and host.

They belong to the process, not to a workspace: keys, workspace headers and timeouts travel with each request, so that
ten thousand workspaces on one host share its connections, and all hosts one TLS context. A client has no cookie jar and
follows no redirect, so that nothing of one workspace's response reaches another's request.

After a fork the child builds clients of its own. It drops the parent's sockets without shutting them down.
"""

import asyncio
import os
import socket
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar

from langchain_qwen_workspace import _process
from langchain_qwen_workspace._transports._body import limit_body
from langchain_qwen_workspace._transports._client_per_host import ClientPerHost
from langchain_qwen_workspace._transports._client_per_loop import ClientPerLoop
from langchain_qwen_workspace._transports._sdk_clients import SDKClients
from langchain_qwen_workspace._transports.connection import DEFAULT_MAX_RESPONSE_BYTES
from langchain_qwen_workspace.errors import ConfigurationError

MIN_KEEPALIVE = 200
"""Idle connections to a host that are kept at most, or all that are allowed if those are fewer."""

KEEPALIVE_SECONDS = 5.0
"""For how long an idle connection is kept: the default of both HTTP libraries."""

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
    """What two connections must have in common to share a client.

    Attributes:
        max_connections: The most connections to a host at a time.
        max_response_bytes: The most bytes of a response, unpacked.
        environment: The environment's settings of proxies and certificates, which may hold a proxy's password.
    """

    max_connections: int
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of_environment(
        cls, max_connections: int, max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    ) -> "PoolSettings":
        """Return the settings with what the environment says now."""
        names = (spelling for name in (*_PROXIES, *_CERTIFICATES) for spelling in (name, name.lower()))
        environment = tuple((name, value) for name in names if (value := os.environ.get(name)))
        return cls(max_connections, max_response_bytes, environment)

    @property
    def max_keepalive(self) -> int:
        """The most idle connections to a host that are kept."""
        return min(self.max_connections, MIN_KEEPALIVE)

    @property
    def max_hosts(self) -> int:
        """The most hosts to which idle connections are kept: half of what may be open to one, and at least 200."""
        return max(MIN_KEEPALIVE, self.max_connections // 2)


Sync = TypeVar("Sync", bound=SyncHTTPClient)
Async = TypeVar("Async", bound=AsyncHTTPClient)


class Pools(Generic[Sync, Async]):
    """The HTTP clients of one HTTP library."""

    def __init__(self, library: ModuleType, client: Callable[..., Sync], async_client: Callable[..., Async]) -> None:
        """Take the library, `httpx` or `httpx2`, and its client classes; no client is built before one is needed."""
        self._library = library
        self._client_class = client
        self._async_client_class = async_client
        self._reset()
        _process.register(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._sync: dict[PoolSettings, ClientPerHost[SDKClients[Sync]]] = {}
        self._async: dict[PoolSettings, ClientPerLoop[ClientPerHost[SDKClients[Async]]]] = {}
        self._tls_contexts: dict[PoolSettings, ssl.SSLContext] = {}
        self._finalizer = weakref.finalize(self, _close_all, self._sync)

    @contextmanager
    def client(self, settings: PoolSettings, host: str) -> Generator[SDKClients[Sync], None, None]:
        """Lend the process's client for the settings and a host, which stays open until the block ends.

        Raises:
            ConfigurationError: The environment's proxy or certificate settings cannot be used.
        """
        if (per_host := self._sync.get(settings)) is None:
            with self._lock:
                if (per_host := self._sync.get(settings)) is None:
                    tls_context = self._tls_context(settings)
                    per_host = self._sync[settings] = self._per_host(self._client_class, settings, tls_context)
        lent, expired = per_host.borrow(host)
        try:
            _close(expired)
            yield lent.value
        finally:
            per_host.give_back(lent)

    @asynccontextmanager
    async def aclient(self, settings: PoolSettings, host: str) -> AsyncGenerator[SDKClients[Async], None]:
        """Lend the running event loop's client for the settings and a host, which stays open until the block ends.

        Raises:
            ConfigurationError: The environment's proxy or certificate settings cannot be used.
        """
        if (per_loop := self._async.get(settings)) is None:
            # It reads files, for which an event loop should not stand still.
            tls_context = await asyncio.to_thread(self._tls_context, settings)
            build = partial(self._per_host, self._async_client_class, settings, tls_context)
            per_loop = self._async.setdefault(settings, ClientPerLoop(build, _aclose_all))
        per_host = await per_loop.get()
        lent, expired = per_host.borrow(host)
        try:
            await _aclose(expired)
            yield lent.value
        finally:
            per_host.give_back(lent)

    def _tls_context(self, settings: PoolSettings) -> ssl.SSLContext:
        """Return the TLS context of the settings, which every client of the process shares."""
        if (found := self._tls_contexts.get(settings)) is None:
            with self._name_the_variable(settings):
                found = self._tls_contexts[settings] = self._library.create_ssl_context()
        return found

    def _per_host(
        self, client_class: Callable[..., "_Client"], settings: PoolSettings, tls_context: ssl.SSLContext
    ) -> "ClientPerHost[SDKClients[_Client]]":
        limits = self._library.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_keepalive,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )

        limit_response = _alimit_body if client_class is self._async_client_class else _limit_body

        def build() -> SDKClients[_Client]:
            with self._name_the_variable(settings):
                http_client = client_class(
                    verify=tls_context,
                    limits=limits,
                    # A redirect would send the conversation and the user's headers to a host that nobody named.
                    follow_redirects=False,
                    cookies=_no_cookies(),
                    # The SDKs read the bodies of errors whole.
                    event_hooks={"response": [partial(limit_response, settings.max_response_bytes)]},
                )
            return SDKClients(http_client)

        return ClientPerHost(build, settings.max_hosts, KEEPALIVE_SECONDS)

    @contextmanager
    def _name_the_variable(self, settings: PoolSettings) -> Iterator[None]:
        """Raise failures of building a client as an error that names the environment variable that causes them."""
        try:
            yield
        except (ImportError, OSError, ValueError, self._library.InvalidURL) as error:
            # Certificates are files; everything else that can fail is a proxy's URL, or a package that a proxy needs.
            causes = _CERTIFICATES if isinstance(error, OSError) else _PROXIES
            given = dict.fromkeys(name for name, _ in settings.environment if name.upper() in causes)
            raise ConfigurationError(
                f"The HTTP client cannot be built from the environment's {' and '.join(given) or 'settings'}: "
                f"{type(error).__name__}.",
                hint="Correct or unset the variable: a proxy is `http://host:port`, `https://host:port` or, with the "
                "package `socksio`, `socks5://host:port`; SSL_CERT_FILE and SSL_CERT_DIR name an existing file and "
                "folder. Or pass your own `http_client` and `http_async_client`.",
            ) from error

    def close(self) -> None:
        """Close every synchronous client; event loops close their own."""
        self._finalizer()
        self._reset()

    def reset_after_fork(self) -> None:
        """Drop the parent's clients and their sockets, without shutting the connections down."""
        self._finalizer.detach()
        per_hosts: list[ClientPerHost[Any]] = list(self._sync.values())
        for per_loop in self._async.values():
            per_hosts += per_loop.clients()
        for per_host in per_hosts:
            per_host.renew_lock()
            for clients in per_host.values():
                for inherited in _sockets_of(clients.http_client):
                    with suppress(OSError, ValueError):
                        os.close(inherited.detach())
        # Kept, so that nothing closes what belongs to the parent's event loops.
        _ABANDONED.append((self._sync, self._async))
        self._reset()


_Client = TypeVar("_Client")


def _limit_body(max_bytes: int, response: Any) -> None:
    limit_body(response, max_bytes, is_async=False)


async def _alimit_body(max_bytes: int, response: Any) -> None:
    limit_body(response, max_bytes, is_async=True)


def _no_cookies() -> CookieJar:
    """Return a cookie jar that stores nothing."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def _close(removed: Iterable[SDKClients[Sync]]) -> None:
    with ExitStack() as stack:
        for clients in removed:
            stack.callback(clients.http_client.close)


async def _aclose(removed: Iterable[SDKClients[Async]]) -> None:
    """Close every client, also if the task is cancelled meanwhile."""
    async with AsyncExitStack() as stack:
        for clients in removed:
            stack.push_async_callback(clients.http_client.aclose)


def _close_all(per_hosts: dict[PoolSettings, ClientPerHost[SDKClients[Sync]]]) -> None:
    for per_host in per_hosts.values():
        _close(per_host.values())


async def _aclose_all(per_host: ClientPerHost[SDKClients[Async]]) -> None:
    await _aclose(per_host.values())


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
