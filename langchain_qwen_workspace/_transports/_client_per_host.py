"""Keeps one HTTP client per host and picks the idle ones to close.

An HTTP library looks at every connection of a pool before each request, and asks the operating system about each idle
one (httpcore 1.0). A client of its own for each host keeps a call as fast with thousands of hosts as with one.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from langchain_qwen_workspace._lending import Lender, Lent

Client = TypeVar("Client")


class ClientPerHost(Lender[str, Client]):
    """Lends a client for each host. A client in use is never closed, and no host's requests delay another's.

    `borrow` returns the clients that the caller must close.
    """

    def __init__(self, build: Callable[[], Client], max_hosts: int, idle_seconds: float) -> None:
        """Take how to build a client.

        Args:
            build: Builds a client; called at a host's first request.
            max_hosts: The most hosts whose client is kept; clients in use may be more.
            idle_seconds: For how long a client is kept that no request uses.
        """
        super().__init__(build)
        self._max_hosts = max_hosts
        self._idle_seconds = idle_seconds

    def _may_remove(self, lent: Lent[Client]) -> bool:
        return len(self) > self._max_hosts or time.monotonic() - lent.idle_since > self._idle_seconds
