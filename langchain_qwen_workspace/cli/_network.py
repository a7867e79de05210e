"""The way to the service, step by step: proxy, name, connection, TLS."""

import socket
import ssl
import threading
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from langchain_qwen_workspace._workspace import endpoints
from langchain_qwen_workspace.cli._examination import Examination, Verdict

_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080

_NO_NAME = (
    "Check the host for typing errors: it is made of `workspace_id` and `region`, or given as `base_url`. If it is "
    "right, this machine's DNS or network does not know it."
)
_NO_PROXY_NAME = "Check the proxy's name in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY."
_SLOW_NAME = "This machine's DNS server does not answer: check the network, or a VPN."
_REFUSED = "Nothing listens there: check the host and port of `base_url`, or that of the proxy."
_SILENT = "A firewall may drop the connection: allow it, or set HTTPS_PROXY if the network needs a proxy."
_UNREACHABLE = "Check the network, a VPN and the firewall."
_IN_CLEAR = "The key can be read on the way: use an https:// `base_url`."
_UNTRUSTED = (
    "Something between here and the service shows a certificate of its own, as a company's proxy does: set "
    "SSL_CERT_FILE to a file with its authority, or pass `http_client=` and `http_async_client=`."
)
_WRONG_CLOCK = "Check this machine's clock. If it is right, the server's certificate is to blame."
_OTHER_NAME = "Another server answers under this name: check `base_url`, the proxy and /etc/hosts."
_NO_TLS = "The server does not speak TLS there: check the port of `base_url`, and whether it should be http://."
_BROKEN_TLS = "A firewall or proxy may break TLS: try another network. Old OpenSSL versions also fail so."

# OpenSSL's verify codes (x509_vfy.h, 3.0).
_CERTIFICATES: dict[int, str] = {
    9: _WRONG_CLOCK,  # not yet valid
    10: _WRONG_CLOCK,  # expired
    18: _UNTRUSTED,  # self-signed
    19: _UNTRUSTED,  # self-signed in the chain
    20: _UNTRUSTED,  # issuer not known
    21: _UNTRUSTED,  # the first one cannot be verified
    62: _OTHER_NAME,  # host mismatch
    64: _OTHER_NAME,  # address mismatch
}
_FAILURES: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, _REFUSED),
    (TimeoutError, _SILENT),
    (OSError, _UNREACHABLE),
)


class _Peer(NamedTuple):
    """Whom this machine itself connects to: the service, or the proxy before it."""

    host: str
    port: int
    proxied: bool

    @property
    def words(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'the proxy ' if self.proxied else ''}{host}:{self.port}"


def check_proxy(examination: Examination) -> Verdict:
    """Say whether the environment or the system puts a proxy in the way; both SDKs obey it."""
    try:
        peer = _peer(examination)
    except ValueError as error:
        return Verdict("failed", f"The proxy's address cannot be read: {error}.", _NO_PROXY_NAME)
    if not peer.proxied:
        return Verdict("ok", "None is in the way.")
    host = _service(examination).hostname
    return Verdict(
        "warning", f"Calls go through {peer.words}.", f"If they should not, add {host} to NO_PROXY and try again."
    )


def check_dns(examination: Examination) -> Verdict:
    """Say whether the host's name resolves."""
    peer = _peer(examination)
    try:
        ip_address(peer.host)
    except ValueError:
        pass
    else:
        return Verdict("ok", f"{peer.host} is an address.")
    answer = _resolved(peer, examination.timeout)
    if answer is None:
        return Verdict("failed", f"{peer.host} did not resolve in {examination.timeout:g} s.", _SLOW_NAME)
    if isinstance(answer, Exception):
        reason = answer.strerror if isinstance(answer, OSError) else answer
        return Verdict(
            "failed", f"{peer.host} does not resolve: {reason}.", _NO_PROXY_NAME if peer.proxied else _NO_NAME
        )
    return Verdict("ok", f"{peer.host} is {', '.join(answer[:2])}{' and others' if answer[2:] else ''}.")


def check_connection(examination: Examination) -> Verdict:
    """Say whether a connection can be opened."""
    peer = _peer(examination)
    try:
        socket.create_connection((peer.host, peer.port), examination.timeout).close()
    except OSError as error:
        return Verdict("failed", f"No connection to {peer.words}: {_reason(error)}.", _hint(error))
    return Verdict("ok", f"{peer.words} takes connections.".removeprefix("the proxy "))


def check_tls(examination: Examination) -> Verdict:
    """Say whether the server proves who it is, by the authorities that this machine trusts."""
    service, peer = _service(examination), _peer(examination)
    if service.scheme == "http":
        if endpoints.is_loopback(peer.host) or peer.proxied:
            return Verdict("skipped", "plain http")
        return Verdict("warning", f"{peer.words} is called by plain http.", _IN_CLEAR)
    if peer.proxied:
        return Verdict("skipped", "the proxy is in between; the calls below tell")
    return _handshake(peer, examination.timeout)


def _handshake(peer: _Peer, timeout: float) -> Verdict:
    try:
        with (
            socket.create_connection((peer.host, peer.port), timeout) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=peer.host) as secured,
        ):
            until = (secured.getpeercert() or {}).get("notAfter")
            return Verdict("ok", f"{secured.version()}, certificate valid until {until}.")
    except ssl.SSLCertVerificationError as error:
        hint = _CERTIFICATES.get(error.verify_code, _UNTRUSTED)
        return Verdict("failed", f"The certificate is not accepted: {error.verify_message.rstrip('.')}.", hint)
    except ssl.SSLError as error:
        hint = _NO_TLS if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"} else _BROKEN_TLS
        return Verdict("failed", f"TLS failed: {error.reason or error}.", hint)
    except OSError as error:
        return Verdict("failed", f"TLS failed: {_reason(error)}.", _BROKEN_TLS)


def _service(examination: Examination) -> SplitResult:
    return urlsplit(examination.workspace.origin)


def _peer(examination: Examination) -> _Peer:
    """Return whom to connect to.

    Raises:
        ValueError: A proxy's address cannot be read.
    """
    service = _service(examination)
    host = service.hostname or ""
    port = service.port or _PORTS[service.scheme]
    proxies = getproxies()
    proxy = proxies.get(service.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{host}:{port}"):
        return _Peer(host, port, proxied=False)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if not parts.hostname:
        raise ValueError("it names no host")
    # A login before the host stays out of sight.
    return _Peer(parts.hostname, parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT), proxied=True)


def _resolved(peer: _Peer, timeout: float) -> list[str] | Exception | None:
    """Return the addresses of a name, or why there are none; `None` if nobody said so in time.

    Asked in a thread that is left behind: the system's resolver takes no timeout.
    """
    answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        return answers.get(timeout=timeout)
    except Empty:
        return None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower().rstrip(".")


def _hint(error: OSError) -> str:
    return next(hint for kind, hint in _FAILURES if isinstance(error, kind))
