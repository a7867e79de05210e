"""Keeps the SDK's clients around an HTTP client, which workspaces share: keys and headers travel with each request."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from langchain_qwen_workspace._transports._network import limit_network

HTTP = TypeVar("HTTP")

_MAX_CLIENTS = 16
"""Gateways may have a base URL for each tenant, so that their number has no bound."""


class SDKClients(Generic[HTTP]):
    """An HTTP client with the SDK's clients around it, one for each base URL.

    Attributes:
        http_client: The HTTP client, whose connections get the time limits of calls.
    """

    def __init__(self, http_client: HTTP) -> None:
        """Take the HTTP client, which is not closed here."""
        limit_network(http_client)
        self.http_client = http_client
        self._build = lru_cache(_MAX_CLIENTS)(lambda base_url, build: build(base_url, http_client))

    def get(self, base_url: str, build: Callable[[str, HTTP], Any]) -> Any:
        """Return the SDK's client for a base URL, which `build` makes of it and the HTTP client."""
        return self._build(base_url, build)
