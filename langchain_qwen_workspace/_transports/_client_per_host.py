"""Keeps one HTTP client per host and picks the idle ones to close.

An HTTP library looks at every connection of a pool before each request, and asks the operating system about each idle
one (httpcore 1.0). A client of its own for each host keeps a call as fast with thousands of hosts as with one.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Client = TypeVar("Client")


@dataclass(slots=True, eq=False)
class LentClient(Generic[Client]):
    """A host's client.

    Attributes:
        client: The client.
        borrowers: How many requests use it, open streams among them.
        idle_since: When it was last given back, on the monotonic clock.
    """

    client: Client
    borrowers: int = 0
    idle_since: float = 0.0


class ClientPerHost(Generic[Client]):
    """Lends a client for each host. One that is in use is never closed; nobody waits for another host's requests."""

    def __init__(self, build: Callable[[], Client], max_hosts: int, idle_seconds: float) -> None:
        """Take how to build a client.

        Args:
            build: Builds a client; called at a host's first request.
            max_hosts: The most hosts whose client is kept; clients in use may be more.
            idle_seconds: For how long a client is kept that no request uses.
        """
        self._build = build
        self._max_hosts = max_hosts
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        # Clients move to the end when they are lent.
        self._by_host: OrderedDict[str, LentClient[Client]] = OrderedDict()

    def clients(self) -> list[Client]:
        """Return the client of every host."""
        return [lent.client for lent in tuple(self._by_host.values())]

    def borrow(self, host: str) -> tuple[LentClient[Client], list[Client]]:
        """Return a host's client, to be given back, and the clients that the caller is to close."""
        with self._lock:
            if (lent := self._by_host.get(host)) is None:
                lent = self._by_host[host] = LentClient(self._build())
            else:
                self._by_host.move_to_end(host)
            lent.borrowers += 1
            return lent, self._remove_expired()

    def give_back(self, lent: LentClient[Client]) -> None:
        """End one use of a client."""
        with self._lock:
            lent.borrowers -= 1
            lent.idle_since = time.monotonic()

    def renew_lock(self) -> None:
        """Replace the lock in a child process; a thread that the child does not have may hold the old one."""
        self._lock = threading.Lock()

    def _remove_expired(self) -> list[Client]:
        removed = []
        # Two for each request: hosts go faster than they come, and no call waits until many are closed.
        for _ in range(2):
            host, oldest = next(iter(self._by_host.items()))
            if oldest.borrowers:
                self._by_host.move_to_end(host)
            elif len(self._by_host) > self._max_hosts or time.monotonic() - oldest.idle_since > self._idle_seconds:
                removed.append(self._by_host.pop(host).client)
        return removed
