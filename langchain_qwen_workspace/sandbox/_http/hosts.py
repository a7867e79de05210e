"""Decides which requests come from a program on purpose: no page in a browser may call the sandbox.

A page may send requests to the loopback address, and by DNS rebinding, its own name made to point there, it could read
the responses. Browsers always send the name in `Host`, and say in `Origin` and `Sec-Fetch-Site` that a page asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address

from langchain_qwen_workspace.sandbox._errors import Refusal

_HOST = re.compile(r"(\[[^\[\]]+\]|[^\[\]:/@?#\s]+)(?::\d*)?", re.ASCII)


class AllowedHosts:
    """The hosts that a request may name, beside the loopback ones.

    Args:
        own: The address that the server listens on.
        more: Other names and addresses, without a port.

    Raises:
        TypeError: If `more` is a string.
        ValueError: If one of them is not a name or an address.
    """

    def __init__(self, own: str, more: Iterable[str]) -> None:
        if isinstance(more, str):
            raise TypeError(f"`allow_hosts` is the string {more!r}; expected a list of names.")
        self._hosts = frozenset(map(_read_allowed, (own, *more)))

    def check(self, headers: Mapping[str, str]) -> None:
        """Check the headers of a request.

        Args:
            headers: The headers, names in lower case.

        Raises:
            Refusal: If the host is not allowed, or a page in a browser sent the request.
        """
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            raise Refusal("The sandbox does not answer pages in a browser.", code="AccessDenied", with_id=False)
        match = _HOST.fullmatch(headers.get("host", ""))
        host = _normalize(match[1]) if match else None
        if host is None or not (_is_loopback(host) or host in self._hosts):
            text = f"The sandbox is not called {headers.get('host')!r}; start it with `--allow-host` to allow a name."
            raise Refusal(text, code="AccessDenied", with_id=False)


def _read_allowed(given: str) -> str:
    bracketed = f"[{given}]" if given.count(":") > 1 and not given.startswith("[") else given
    match = _HOST.fullmatch(bracketed)
    if match is None or match[1] != bracketed or "*" in given:
        raise ValueError(f"{given!r} is not a host; expected a name or an address without a scheme or port.")
    return _normalize(bracketed)


def _normalize(host: str) -> str:
    """Return a host in one spelling: in lower case, without brackets and final dot, addresses shortened."""
    plain = host.strip("[]").lower().removesuffix(".")
    try:
        address = ip_address(plain)
    except ValueError:
        return plain
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
