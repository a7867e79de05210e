"""Says why a connection failed, by the host that this machine connects to, and what to do about it."""

import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

DOCTOR_HINT = "`qwen-workspace doctor` (extra `cli`) finds out more."
"""The end of hints about the network; the doctor itself leaves it out."""

UNKNOWN_HOST = (
    "Check the host for typos: it comes from `workspace_id` and `region`, or from `base_url`. If it is right, "
    "this machine's DNS server or network does not know it."
)
UNKNOWN_PROXY = "Check the proxy's name in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY."
REFUSED = "No server listens there: check the host and port of `base_url`, or of the proxy."
TIMED_OUT = "A firewall may drop the connection: allow it, or set HTTPS_PROXY if the network needs a proxy."
UNREACHABLE = "Check the network, the VPN if there is one, and the firewall."
PROXY_FAILED = (
    "Check the proxy and its login in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY. If the host needs none, add it to NO_PROXY."
)
CLOSED = "A firewall, a proxy or the server closed the connection: try another network or host."
UNTRUSTED = (
    "Something between here and the service, such as a company's proxy, presents its own certificate: set "
    "SSL_CERT_FILE to a file with its certificate authority, or pass `http_client=` and `http_async_client=`."
)
NO_TLS = "The server does not use TLS on this port: check the port of `base_url`, and whether it should be http://."
BROKEN_TLS = "A firewall or proxy may interfere with TLS: try another network. Old OpenSSL versions also fail this way."
_WRONG_CLOCK = "Check this machine's clock. If it is right, the server's certificate is at fault."
_WRONG_HOST = "Another server responds under this name: check `base_url`, the proxy and /etc/hosts."

# By OpenSSL's verify code (x509_vfy.h, 3.0).
HINTS_BY_VERIFY_CODE: dict[int, str] = {
    9: _WRONG_CLOCK,  # not yet valid
    10: _WRONG_CLOCK,  # expired
    18: UNTRUSTED,  # self-signed
    19: UNTRUSTED,  # self-signed in the chain
    20: UNTRUSTED,  # issuer unknown
    21: UNTRUSTED,  # the server's own certificate cannot be verified
    62: _WRONG_HOST,  # host mismatch
    64: _WRONG_HOST,  # address mismatch
}
NO_TLS_REASONS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


class Peer(NamedTuple):
    """The host that this machine connects to itself: the service, or the proxy in front of it."""

    host: str
    port: int
    proxied: bool

    @property
    def label(self) -> str:
        """The peer in words: `the proxy 10.0.0.1:3128`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'the proxy ' if self.proxied else ''}{host}:{self.port}"


def peer_of(url: str, *, use_proxies: bool = True) -> Peer:
    """Return the host and port to connect to for a URL.

    Args:
        url: The service's URL.
        use_proxies: Whether the proxies of the environment and the system are used.

    Raises:
        ValueError: The proxy's address is not valid.
    """
    service = urlsplit(url)
    host = service.hostname or ""
    port = service.port or _PORTS[service.scheme]
    proxies = getproxies() if use_proxies else {}
    proxy = proxies.get(service.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{host}:{port}"):
        return Peer(host, port, proxied=False)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if not parts.hostname:
        raise ValueError("it has no host")
    # Without the login, which must not be printed.
    return Peer(parts.hostname, parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT), proxied=True)


class Explanation(NamedTuple):
    """Why a connection failed.

    Attributes:
        message: What happened, with the host.
        hint: What to do about it.
    """

    message: str
    hint: str


def explain_connection_error(error: BaseException, peer: Peer, host: str, *, is_of_proxy: bool) -> Explanation:
    """Return why a connection failed, with the likeliest cause.

    Args:
        error: The exception of an SDK or an HTTP library, which has the system's among its causes.
        peer: The host that this machine connects to.
        host: The service's host.
        is_of_proxy: Whether the HTTP library says that the proxy failed.
    """
    causes = list(_causes_of(error))
    text = _text_of(causes)
    if is_of_proxy:
        return Explanation(f"{_begin(peer.label)} made no connection to {host}: {text}.", PROXY_FAILED)
    if explained := next(filter(None, (_explain_cause(cause, peer) for cause in causes)), None):
        return explained
    if any(type(cause).__name__ == "ConnectError" for cause in causes):
        return Explanation(f"No connection to {peer.label}: {text}.", UNREACHABLE)
    return Explanation(f"The connection to {host} was closed: {text}.", CLOSED)


def _explain_cause(cause: BaseException, peer: Peer) -> Explanation | None:
    """Return why a connection failed, if one exception among its causes tells."""
    match cause:
        case ssl.SSLCertVerificationError():
            reason = cause.verify_message.rstrip(".")
            hint = HINTS_BY_VERIFY_CODE.get(cause.verify_code, UNTRUSTED)
            return Explanation(f"The certificate of {peer.label} is not accepted: {reason}.", hint)
        case ssl.SSLError():
            hint = NO_TLS if cause.reason in NO_TLS_REASONS else BROKEN_TLS
            return Explanation(f"TLS with {peer.label} failed: {cause.reason or cause}.", hint)
        case socket.gaierror() | UnicodeError():
            reason = getattr(cause, "strerror", None) or str(cause)
            name = f"The proxy's name {peer.host}" if peer.proxied else f"The name {peer.host}"
            return Explanation(f"{name} does not resolve: {reason}.", UNKNOWN_PROXY if peer.proxied else UNKNOWN_HOST)
        case ConnectionRefusedError():
            return Explanation(f"{_begin(peer.label)} refused the connection.", REFUSED)
    return None


def _causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, those of a group one after another."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        members = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        waiting += [cause.__cause__ or cause.__context__, *members]


def _text_of(causes: list[BaseException]) -> str:
    """Return the text of the SDK error's cause; those of asyncio have no text, only a name."""
    cause = causes[1] if len(causes) > 1 else causes[0]
    return str(cause).rstrip(".") or type(cause).__name__


def _begin(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return text[0].upper() + text[1:] if text.startswith("the ") else text
