"""The way to the host: names, proxies and certificates, each against a server of its own on loopback."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from langchain_qwen_workspace.cli import _network
from langchain_qwen_workspace.cli._examination import Examination, Verdict
from langchain_qwen_workspace.workspace import QwenWorkspace
from tests.cli.conftest import Command

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SOMEDAY = datetime(2037, 1, 1, tzinfo=UTC)


@contextmanager
def listening(secure: ssl.SSLContext | None = None, greeting: bytes = b"") -> Iterator[int]:
    """Take connections, one at a time: shake hands, greet, hang up."""

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            plain.settimeout(5)
            try:
                with secure.wrap_socket(plain, server_side=True) if secure else plain as connection:
                    connection.sendall(greeting)
                    connection.recv(1)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def examination_of(url: str, timeout: float = 5.0) -> Examination:
    examination = Examination(given={}, timeout=timeout)
    examination.workspace = QwenWorkspace(base_url=url)
    return examination


def tls_of(
    authority: trustme.CA, name: str = "127.0.0.1", *, since: datetime | None = None, until: datetime | None = None
) -> Verdict:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=since, not_after=until).configure_cert(context)
    with listening(context) as port:
        return _network.check_tls(examination_of(f"https://127.0.0.1:{port}"))


@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate_is_accepted(authority: trustme.CA) -> None:
    verdict = tls_of(authority)
    assert verdict.status == "ok", verdict
    assert verdict.detail.startswith("TLSv1.3, certificate valid until ")


def test_an_unknown_authority_is_named(authority: trustme.CA) -> None:
    verdict = tls_of(authority)
    assert (verdict.status, verdict.detail) == (
        "failed",
        "The certificate is not accepted: unable to get local issuer certificate.",
    )
    assert "SSL_CERT_FILE" in (verdict.hint or "")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("name", "period", "detail", "hint"),
    [
        ("127.0.0.1", {"until": LONG_AGO}, "certificate has expired", "clock"),
        ("127.0.0.1", {"since": SOMEDAY, "until": SOMEDAY}, "certificate is not yet valid", "clock"),
        ("qwen.example", {}, "certificate is not valid for '127.0.0.1'", "Another server answers"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_named(
    authority: trustme.CA, name: str, period: dict[str, datetime], detail: str, hint: str
) -> None:
    verdict = tls_of(authority, name, **period)
    assert verdict.status == "failed"
    assert detail in verdict.detail
    assert hint in (verdict.hint or "")


def test_a_self_signed_certificate_stops_the_doctor(
    command: Command, authority: trustme.CA, team_a: dict[str, str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with listening(context) as port:
        said = command("doctor", "--json", "--base-url", f"https://127.0.0.1:{port}", env=team_a)
    assert (said.status, said.statuses["tls"], said.statuses["access"]) == (1, "failed", "skipped")
    assert said.told("access") == "`tls` failed | None"


@pytest.mark.parametrize(
    ("greeting", "detail"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "WRONG_VERSION_NUMBER"), (b"", "TLS failed")]
)
def test_a_server_without_tls_is_named(greeting: bytes, detail: str) -> None:
    with listening(greeting=greeting) as port:
        verdict = _network.check_tls(examination_of(f"https://127.0.0.1:{port}"))
    assert verdict.status == "failed"
    assert detail in verdict.detail
    assert verdict.hint


def test_a_server_that_never_shakes_hands_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verdict = _network.check_tls(examination_of(f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2))
    assert (verdict.status, verdict.detail.startswith("TLS failed: ")) == ("failed", True)


def test_a_server_that_speaks_another_language_is_named(command: Command, team_a: dict[str, str]) -> None:
    with listening(greeting=b"SSH-2.0-OpenSSH_9.6\r\n") as port:
        said = command("doctor", "--json", "--base-url", f"http://127.0.0.1:{port}", env=team_a)
    assert (said.status, said.statuses["connection"], said.statuses["access"]) == (1, "ok", "failed")
    assert "The connection failed" in said.told("access")


def test_plain_http_to_elsewhere_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="plain http"):
        examination = examination_of("http://model-studio.example")
    verdict = _network.check_tls(examination)
    assert (verdict.status, verdict.detail) == ("warning", "model-studio.example:80 is called by plain http.")


# ------------------------------------------------------------------------------------------------------------ names


def test_a_name_resolves() -> None:
    verdict = _network.check_dns(examination_of("http://localhost:1"))
    assert verdict.status == "ok"
    assert verdict.detail.startswith("localhost is ")


def test_a_name_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        end.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    verdict = _network.check_dns(examination_of("https://qwen.example", timeout=0.1))
    end.set()
    assert (verdict.status, verdict.detail) == ("failed", "qwen.example did not resolve in 0.1 s.")
    assert "DNS server does not answer" in (verdict.hint or "")


def test_a_firewall_that_drops_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped(*_: object, **__: object) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", dropped)
    verdict = _network.check_connection(examination_of("https://qwen.example"))
    assert (verdict.status, verdict.detail) == ("failed", "No connection to qwen.example:443: timed out.")
    assert "firewall" in (verdict.hint or "")


# ---------------------------------------------------------------------------------------------------------- proxies


def test_a_proxy_in_the_way_is_named_without_its_login(command: Command, team_a: dict[str, str]) -> None:
    said = command("doctor", "--json", env=team_a | {"HTTP_PROXY": "http://user:S3CR3T@127.0.0.1:9"})
    assert said.statuses["proxy"] == "warning"
    assert said.told("proxy") == (
        "Calls go through the proxy 127.0.0.1:9. | If they should not, add 127.0.0.1 to NO_PROXY and try again."
    )
    assert (said.status, said.statuses["connection"]) == (1, "failed")
    assert "the proxy 127.0.0.1:9: connection refused" in said.told("connection")
    assert "S3CR3T" not in said.stdout


@pytest.mark.parametrize("bypass", ["127.0.0.1", "*", "other.example,127.0.0.1"])
def test_a_proxy_that_is_not_for_this_host_is_not_in_the_way(
    command: Command, team_a: dict[str, str], bypass: str
) -> None:
    said = command("doctor", "--json", env=team_a | {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": bypass})
    assert (said.status, said.statuses["proxy"]) == (0, "ok")


@pytest.mark.parametrize("proxy", ["http://", "http://127.0.0.1:port"])
def test_a_proxy_that_cannot_be_read_is_named(command: Command, team_a: dict[str, str], proxy: str) -> None:
    said = command("doctor", "--json", env=team_a | {"ALL_PROXY": proxy})
    assert (said.status, said.statuses["proxy"], said.statuses["dns"]) == (1, "failed", "skipped")
    assert "HTTPS_PROXY" in said.told("proxy")


def test_behind_a_proxy_tls_is_left_to_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example")
    examination = examination_of("https://qwen.example")
    assert _network.check_proxy(examination).detail == "Calls go through the proxy proxy.example:80."
    assert _network.check_tls(examination).status == "skipped"
