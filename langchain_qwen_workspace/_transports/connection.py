"""What a transport is made for: everything that its clients are built from."""

from dataclasses import dataclass, field
from typing import Any

from langchain_qwen_workspace._seam import Destination

WORKSPACE_HEADER = "X-DashScope-WorkSpace"

CONNECT_TIMEOUT = 5.0
"""Seconds to wait for a connection: what both SDKs take where nothing is said."""


class _RedactedStr(str):
    """A text that no dump of variables shows: error reporters write down those of every frame, the SDKs' too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


def authorization(api_key: str) -> dict[str, str]:
    """Return the header by which one request has a key of its own."""
    return {"Authorization": _RedactedStr(f"Bearer {api_key}")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where to, as whom, and how patiently; equal connections share their clients and pools.

    Attributes:
        base_url: The SDK's base URL, with the protocol's path.
        api_key: The key in clear; empty where each request brings its own.
        destination: Who is called.
        timeout: Seconds to wait for the next bytes, in a stream for the next event; connecting has the limit of
            `CONNECT_TIMEOUT`.
        max_retries: How often a request that failed before its first event is sent again.
        headers: Additional headers.
        http_client: The user's own `httpx` or `httpx2` client, which the user closes.
        http_async_client: The same for asynchronous calls.
    """

    base_url: str
    api_key: str = field(repr=False)
    destination: Destination
    timeout: float
    max_retries: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    http_client: Any = field(default=None, repr=False)
    http_async_client: Any = field(default=None, repr=False)

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers of every request beside the SDK's own: the workspace's and the user's."""
        own = {WORKSPACE_HEADER: self.destination.workspace_id} if self.destination.workspace_id else {}
        return own | dict(self.headers)
