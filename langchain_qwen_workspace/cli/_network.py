"""Checks of the network between this machine and the service: proxy, DNS, connection, TLS."""

import socket
import ssl
import threading
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace.cli._doctor_run import DoctorRun, Verdict

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080

_UNKNOWN_HOST = (
    "Check the host for typing errors: it comes from `workspace_id` and `region`, or from `base_url`. If it is right, "
    "this machine's DNS server or network does not know it."
)
_UNKNOWN_PROXY = "Check the proxy's name in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY."
_DNS_TIMEOUT = "This machine's DNS server does not answer: check the network, or a VPN."
_REFUSED = "No server listens there: check the host and port of `base_url`, or of the proxy."
_TIMED_OUT = "A firewall may drop the connection: allow it, or set HTTPS_PROXY if the network needs a proxy."
_UNREACHABLE = "Check the network, a VPN and the firewall."
_NOT_ENCRYPTED = "Others on the network can read the key: use an https:// `base_url`."
_UNTRUSTED = (
    "Something between here and the service, such as a company's proxy, presents its own certificate: set "
    "SSL_CERT_FILE to a file with its certificate authority, or pass `http_client=` and `http_async_client=`."
)
_WRONG_CLOCK = "Check this machine's clock. If it is right, the server's certificate is at fault."
_WRONG_HOST = "Another server responds under this name: check `base_url`, the proxy and /etc/hosts."
_NO_TLS = "The server does not use TLS on this port: check the port of `base_url`, and whether it should be http://."
_BROKEN_TLS = (
    "A firewall or proxy may interfere with TLS: try another network. Old OpenSSL versions also fail this way."
)

# By OpenSSL's verify code (x509_vfy.h, 3.0).
_HINTS_BY_VERIFY_CODE: dict[int, str] = {
    9: _WRONG_CLOCK,  # not yet valid
    10: _WRONG_CLOCK,  # expired
    18: _UNTRUSTED,  # self-signed
    19: _UNTRUSTED,  # self-signed in the chain
    20: _UNTRUSTED,  # issuer unknown
    21: _UNTRUSTED,  # the server's own certificate cannot be verified
    62: _WRONG_HOST,  # host mismatch
    64: _WRONG_HOST,  # address mismatch
}
_CONNECTION_HINTS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, _REFUSED),
    (TimeoutError, _TIMED_OUT),
    (OSError, _UNREACHABLE),
)


class _Peer(NamedTuple):
    """The host that this machine connects to itself: the service, or the proxy in front of it."""

    host: str
    port: int
    proxied: bool

    @property
    def label(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'the proxy ' if self.proxied else ''}{host}:{self.port}"


def check_proxy(run: DoctorRun) -> Verdict:
    """Report whether the environment or the system sets a proxy for the host; both SDKs use it."""
    try:
        peer = _peer(run)
    except ValueError as error:
        return Verdict("failed", f"The proxy's address is not valid: {error}.", _UNKNOWN_PROXY)
    if not peer.proxied:
        return Verdict("ok", "No proxy is used.")
    host = _service_url(run).hostname
    return Verdict(
        "warning", f"Calls go through {peer.label}.", f"If they should not, add {host} to NO_PROXY and try again."
    )


def check_dns(run: DoctorRun) -> Verdict:
    """Check that the host's name resolves."""
    peer = _peer(run)
    try:
        ip_address(peer.host)
    except ValueError:
        pass
    else:
        return Verdict("ok", f"{peer.host} is an IP address.")
    resolved = _resolve(peer, run.timeout)
    if resolved is None:
        return Verdict("failed", f"{peer.host} did not resolve in {run.timeout:g} s.", _DNS_TIMEOUT)
    if isinstance(resolved, Exception):
        reason = resolved.strerror if isinstance(resolved, OSError) else resolved
        return Verdict(
            "failed", f"{peer.host} does not resolve: {reason}.", _UNKNOWN_PROXY if peer.proxied else _UNKNOWN_HOST
        )
    return Verdict("ok", f"{peer.host} resolves to {', '.join(resolved[:2])}{' and others' if resolved[2:] else ''}.")


def check_connection(run: DoctorRun) -> Verdict:
    """Check that a TCP connection can be opened."""
    peer = _peer(run)
    try:
        socket.create_connection((peer.host, peer.port), run.timeout).close()
    except OSError as error:
        return Verdict("failed", f"No connection to {peer.label}: {_reason(error)}.", _hint(error))
    return Verdict("ok", f"{peer.label} accepts connections.".removeprefix("the proxy "))


def check_tls(run: DoctorRun) -> Verdict:
    """Check the server's certificate against the authorities that this machine trusts."""
    service, peer = _service_url(run), _peer(run)
    if service.scheme == "http":
        if endpoints.is_loopback(peer.host) or peer.proxied:
            return Verdict("skipped", "plain http")
        return Verdict("warning", f"{peer.label} is called over plain http.", _NOT_ENCRYPTED)
    if peer.proxied:
        return Verdict("skipped", "the proxy is in between; the calls below check it")
    return _handshake(peer, run.timeout)


def _handshake(peer: _Peer, timeout: float) -> Verdict:
    try:
        with (
            socket.create_connection((peer.host, peer.port), timeout) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=peer.host) as secured,
        ):
            until = (secured.getpeercert() or {}).get("notAfter")
            return Verdict("ok", f"{secured.version()}, certificate valid until {until}.")
    except ssl.SSLCertVerificationError as error:
        hint = _HINTS_BY_VERIFY_CODE.get(error.verify_code, _UNTRUSTED)
        return Verdict("failed", f"The certificate is not accepted: {error.verify_message.rstrip('.')}.", hint)
    except ssl.SSLError as error:
        hint = _NO_TLS if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"} else _BROKEN_TLS
        return Verdict("failed", f"TLS failed: {error.reason or error}.", hint)
    except OSError as error:
        return Verdict("failed", f"TLS failed: {_reason(error)}.", _BROKEN_TLS)


def _service_url(run: DoctorRun) -> SplitResult:
    return urlsplit(run.workspace.origin)


def _peer(run: DoctorRun) -> _Peer:
    """Return the host and port to connect to.

    Raises:
        ValueError: The proxy's address is not valid.
    """
    service = _service_url(run)
    host = service.hostname or ""
    port = service.port or _PORTS[service.scheme]
    proxies = getproxies()
    proxy = proxies.get(service.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{host}:{port}"):
        return _Peer(host, port, proxied=False)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if not parts.hostname:
        raise ValueError("it has no host")
    # Without the login, which must not be printed.
    return _Peer(parts.hostname, parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT), proxied=True)


def _resolve(peer: _Peer, timeout: float) -> list[str] | Exception | None:
    """Return the addresses of a host, or the resolver's error; `None` after the timeout.

    It runs in a daemon thread, which a timeout leaves behind: the system's resolver takes no timeout.
    """
    outcome: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
            outcome.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            outcome.put(error)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        return outcome.get(timeout=timeout)
    except Empty:
        return None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower().rstrip(".")


def _hint(error: OSError) -> str:
    return next(hint for kind, hint in _CONNECTION_HINTS if isinstance(error, kind))
