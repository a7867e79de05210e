"""The doctor's network checks: DNS, proxies and certificates, against servers on loopback."""

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
from langchain_qwen_workspace.cli._doctor_run import DoctorRun, Verdict
from langchain_qwen_workspace.workspace import QwenWorkspace
from tests.cli.conftest import Command

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SOMEDAY = datetime(2037, 1, 1, tzinfo=UTC)


@contextmanager
def listen(secure: ssl.SSLContext | None = None, greeting: bytes = b"") -> Iterator[int]:
    """Accept connections, one at a time: do the TLS handshake, send the greeting, close."""

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
def trust_authority(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def doctor_run(url: str, timeout: float = 5.0) -> DoctorRun:
    run = DoctorRun(given={}, timeout=timeout)
    run.workspace = QwenWorkspace(base_url=url)
    return run


def check_tls_with(
    authority: trustme.CA, name: str = "127.0.0.1", *, since: datetime | None = None, until: datetime | None = None
) -> Verdict:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=since, not_after=until).configure_cert(context)
    with listen(context) as port:
        return _network.check_tls(doctor_run(f"https://127.0.0.1:{port}"))


@pytest.mark.usefixtures("trust_authority")
def test_a_trusted_certificate_is_accepted(authority: trustme.CA) -> None:
    verdict = check_tls_with(authority)
    assert verdict.status == "ok", verdict
    assert verdict.detail.startswith("TLSv1.3, certificate valid until ")


def test_an_unknown_authority_is_reported(authority: trustme.CA) -> None:
    verdict = check_tls_with(authority)
    assert (verdict.status, verdict.detail) == (
        "failed",
        "The certificate is not accepted: unable to get local issuer certificate.",
    )
    assert "SSL_CERT_FILE" in (verdict.hint or "")


@pytest.mark.usefixtures("trust_authority")
@pytest.mark.parametrize(
    ("name", "period", "detail", "hint"),
    [
        ("127.0.0.1", {"until": LONG_AGO}, "certificate has expired", "clock"),
        ("127.0.0.1", {"since": SOMEDAY, "until": SOMEDAY}, "certificate is not yet valid", "clock"),
        ("qwen.example", {}, "certificate is not valid for '127.0.0.1'", "Another server responds"),
    ],
)
def test_the_fault_of_a_certificate_is_reported(
    authority: trustme.CA, name: str, period: dict[str, datetime], detail: str, hint: str
) -> None:
    verdict = check_tls_with(authority, name, **period)
    assert verdict.status == "failed"
    assert detail in verdict.detail
    assert hint in (verdict.hint or "")


def test_a_self_signed_certificate_skips_the_checks_of_the_service(
    command: Command, authority: trustme.CA, team_a: dict[str, str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with listen(context) as port:
        output = command("doctor", "--json", "--base-url", f"https://127.0.0.1:{port}", env=team_a)
    assert (output.status, output.statuses["tls"], output.statuses["access"]) == (1, "failed", "skipped")
    assert output.finding("access") == "`tls` failed | None"


@pytest.mark.parametrize(
    ("greeting", "detail"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "WRONG_VERSION_NUMBER"), (b"", "TLS failed")]
)
def test_a_server_without_tls_is_reported(greeting: bytes, detail: str) -> None:
    with listen(greeting=greeting) as port:
        verdict = _network.check_tls(doctor_run(f"https://127.0.0.1:{port}"))
    assert verdict.status == "failed"
    assert detail in verdict.detail
    assert verdict.hint


def test_a_tls_handshake_that_does_not_finish_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verdict = _network.check_tls(doctor_run(f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2))
    assert (verdict.status, verdict.detail.startswith("TLS failed: ")) == ("failed", True)


def test_a_server_of_another_protocol_is_reported(command: Command, team_a: dict[str, str]) -> None:
    with listen(greeting=b"SSH-2.0-OpenSSH_9.6\r\n") as port:
        output = command("doctor", "--json", "--base-url", f"http://127.0.0.1:{port}", env=team_a)
    assert (output.status, output.statuses["connection"], output.statuses["access"]) == (1, "ok", "failed")
    assert "The connection to 127.0.0.1" in output.finding("access")


def test_plain_http_to_another_machine_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="plain http"):
        run = doctor_run("http://model-studio.example")
    verdict = _network.check_tls(run)
    assert (verdict.status, verdict.detail) == ("warning", "model-studio.example:80 is called over plain http.")


# ------------------------------------------------------------------------------------------------------------ DNS


def test_the_addresses_of_a_host_are_reported() -> None:
    verdict = _network.check_dns(doctor_run("http://localhost:1"))
    assert verdict.status == "ok"
    assert verdict.detail.startswith("localhost resolves to ")


def test_a_dns_server_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def block(*_: object, **__: object) -> list[object]:
        end.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", block)
    verdict = _network.check_dns(doctor_run("https://qwen.example", timeout=0.1))
    end.set()
    assert (verdict.status, verdict.detail) == ("failed", "qwen.example did not resolve in 0.1 s.")
    assert "DNS server does not answer" in (verdict.hint or "")


def test_a_connection_that_times_out_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(*_: object, **__: object) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", time_out)
    verdict = _network.check_connection(doctor_run("https://qwen.example"))
    assert (verdict.status, verdict.detail) == ("failed", "No connection to qwen.example:443: timed out.")
    assert "firewall" in (verdict.hint or "")


# ---------------------------------------------------------------------------------------------------------- proxies


def test_a_proxy_is_reported_without_its_login(command: Command, team_a: dict[str, str]) -> None:
    output = command("doctor", "--json", env=team_a | {"HTTP_PROXY": "http://user:S3CR3T@127.0.0.1:9"})
    assert output.statuses["proxy"] == "warning"
    assert output.finding("proxy") == (
        "Calls go through the proxy 127.0.0.1:9. | If they should not, add 127.0.0.1 to NO_PROXY and try again."
    )
    assert (output.status, output.statuses["connection"]) == (1, "failed")
    assert "the proxy 127.0.0.1:9: connection refused" in output.finding("connection")
    assert "S3CR3T" not in output.stdout


@pytest.mark.parametrize("bypass", ["127.0.0.1", "*", "other.example,127.0.0.1"])
def test_a_bypassed_proxy_is_not_reported(command: Command, team_a: dict[str, str], bypass: str) -> None:
    output = command("doctor", "--json", env=team_a | {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": bypass})
    assert (output.status, output.statuses["proxy"]) == (0, "ok")


@pytest.mark.parametrize("proxy", ["http://", "http://127.0.0.1:port"])
def test_a_malformed_proxy_address_is_reported(command: Command, team_a: dict[str, str], proxy: str) -> None:
    output = command("doctor", "--json", env=team_a | {"ALL_PROXY": proxy})
    assert (output.status, output.statuses["proxy"], output.statuses["dns"]) == (1, "failed", "skipped")
    assert "HTTPS_PROXY" in output.finding("proxy")


def test_behind_a_proxy_the_check_of_tls_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example")
    run = doctor_run("https://qwen.example")
    assert _network.check_proxy(run).detail == "Calls go through the proxy proxy.example:80."
    assert _network.check_tls(run).status == "skipped"
