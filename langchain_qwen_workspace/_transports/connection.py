"""What a transport is built for: where to connect, with which key and settings."""

from dataclasses import dataclass, field
from typing import Any

from langchain_qwen_workspace._seam import WORKSPACE_HEADER, Destination, Request
from langchain_qwen_workspace._transports._body import ACCEPTED_ENCODINGS
from langchain_qwen_workspace._workspace.keys import KeyProvider
from langchain_qwen_workspace._workspace.secrets import is_secret_name

DEFAULT_MAX_RESPONSE_BYTES = 128 << 20
"""The most bytes of a response, unpacked, if nothing else is said."""

CONNECT_TIMEOUT = 5.0
"""Seconds to wait for a connection: the default of both SDKs."""


class _RedactedStr(str):
    """A string whose `repr` hides it, because error reporters record the variables of every frame, also of the SDKs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


def authorization(api_key: str) -> dict[str, str]:
    """Return the header that gives one request a key of its own."""
    return {"Authorization": _RedactedStr(f"Bearer {api_key}")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A destination and the settings for calling it; equal connections share their clients and pools.

    Attributes:
        base_url: The SDK's base URL, with the protocol's path.
        api_key: The key in clear; empty where the key provider gives each request its own.
        key_provider: Gives the key of each request, where `api_key` is a callable.
        destination: The protocol, region and workspace that are called.
        timeout: Seconds to wait for the next bytes, in a stream for the next event; the limit for connecting is
            `CONNECT_TIMEOUT`.
        max_retries: How often a request that failed before anything of its answer came is sent again.
        max_connections: The most connections to the host, which this connection shares with others.
        max_response_bytes: The most bytes of a response, unpacked.
        headers: Additional headers.
        http_client: The user's own `httpx` or `httpx2` client, which the user closes.
        http_async_client: The same for asynchronous calls.
    """

    base_url: str
    api_key: str = field(repr=False)
    key_provider: KeyProvider | None = None
    destination: Destination
    timeout: float
    max_retries: int
    max_connections: int = 1000
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    http_client: Any = field(default=None, repr=False)
    http_async_client: Any = field(default=None, repr=False)

    def secrets_of(self, request: Request) -> list[str]:
        """Return the secrets that are sent with a request: its key, and headers whose names are those of secrets."""
        headers = [*self.headers, *request.headers.items()]
        values = [value for name, value in headers if is_secret_name(name)]
        # A header may have a scheme before its secret: `Basic …`.
        schemeless = [value.rpartition(" ")[2] for value in values]
        return [secret for secret in (request.api_key, self.api_key, *values, *schemeless) if secret]

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers of every request in addition to the SDK's own: the workspace's, the user's and what we accept."""
        own = {"Accept-Encoding": ACCEPTED_ENCODINGS}
        if self.destination.workspace_id is not None:
            own[WORKSPACE_HEADER] = self.destination.workspace_id
        given = {name.lower() for name, _ in self.headers}
        return {**{name: value for name, value in own.items() if name.lower() not in given}, **dict(self.headers)}
