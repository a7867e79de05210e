"""Checks of the network between this machine and the service: proxy, DNS, connection, TLS."""

import socket
import ssl
import threading
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from urllib.parse import SplitResult, urlsplit

from langchain_qwen_workspace._network_errors import (
    BROKEN_TLS,
    HINTS_BY_VERIFY_CODE,
    NO_TLS,
    NO_TLS_REASONS,
    REFUSED,
    TIMED_OUT,
    UNKNOWN_HOST,
    UNKNOWN_PROXY,
    UNREACHABLE,
    UNTRUSTED,
    Peer,
    peer_of,
)
from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace.cli._doctor_run import DoctorRun, Verdict

_DNS_TIMEOUT = "This machine's DNS server does not answer: check the network, or a VPN."
_NOT_ENCRYPTED = "Others on the network can read the key: use an https:// `base_url`."

_CONNECTION_HINTS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, REFUSED),
    (TimeoutError, TIMED_OUT),
    (OSError, UNREACHABLE),
)


def check_proxy(run: DoctorRun) -> Verdict:
    """Report whether the environment or the system sets a proxy for the host; both SDKs use it."""
    try:
        peer = _peer(run)
    except ValueError as error:
        return Verdict("failed", f"The proxy's address is not valid: {error}.", UNKNOWN_PROXY)
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
            "failed", f"{peer.host} does not resolve: {reason}.", UNKNOWN_PROXY if peer.proxied else UNKNOWN_HOST
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


def _handshake(peer: Peer, timeout: float) -> Verdict:
    try:
        with (
            socket.create_connection((peer.host, peer.port), timeout) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=peer.host) as secured,
        ):
            until = (secured.getpeercert() or {}).get("notAfter")
            return Verdict("ok", f"{secured.version()}, certificate valid until {until}.")
    except ssl.SSLCertVerificationError as error:
        hint = HINTS_BY_VERIFY_CODE.get(error.verify_code, UNTRUSTED)
        return Verdict("failed", f"The certificate is not accepted: {error.verify_message.rstrip('.')}.", hint)
    except ssl.SSLError as error:
        hint = NO_TLS if error.reason in NO_TLS_REASONS else BROKEN_TLS
        return Verdict("failed", f"TLS failed: {error.reason or error}.", hint)
    except OSError as error:
        return Verdict("failed", f"TLS failed: {_reason(error)}.", BROKEN_TLS)


def _service_url(run: DoctorRun) -> SplitResult:
    return urlsplit(run.workspace.origin)


def _peer(run: DoctorRun) -> Peer:
    """Return the host and port to connect to.

    Raises:
        ValueError: The proxy's address is not valid.
    """
    return peer_of(run.workspace.origin)


def _resolve(peer: Peer, timeout: float) -> list[str] | Exception | None:
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
