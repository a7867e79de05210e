"""Errors of connections name the host and the likeliest cause, with one hint each."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from langchain_qwen_workspace import APITimeoutError, QwenWorkspaceError, StreamInterruptedError
from langchain_qwen_workspace._network_errors import (
    BROKEN_TLS,
    CLOSED,
    DOCTOR_HINT,
    NO_TLS,
    PROXY_FAILED,
    REFUSED,
    TIMED_OUT,
    UNKNOWN_HOST,
    UNKNOWN_PROXY,
    UNREACHABLE,
    UNTRUSTED,
    Explanation,
    Peer,
    explain_connection_error,
    peer_of,
)
from tests.support.protocols import ProtocolStub
from tests.support.server import Act, Reply, Server, stream_reply
from tests.support.ways import Ask

SERVICE = Peer("host.example", 443, proxied=False)
PROXY = Peer("proxy.example", 3128, proxied=True)


def chain(*errors: BaseException) -> BaseException:
    """Return the first error, caused by the second, and so on."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message = code, message
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def explain(*errors: BaseException, peer: Peer = SERVICE, is_of_proxy: bool = False) -> Explanation:
    return explain_connection_error(chain(*errors), peer, "host.example", is_of_proxy=is_of_proxy)


@pytest.mark.parametrize(
    ("errors", "peer", "message", "hint"),
    [
        (
            [httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")],
            SERVICE,
            "The name host.example does not resolve: Name or service not known.",
            UNKNOWN_HOST,
        ),
        (
            [httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")],
            PROXY,
            "The proxy's name proxy.example does not resolve: Name or service not known.",
            UNKNOWN_PROXY,
        ),
        (
            [httpx.ConnectError("x"), UnicodeError("label too long")],
            SERVICE,
            "The name host.example does not resolve: label too long.",
            UNKNOWN_HOST,
        ),
        (
            [httpx.ConnectError("x"), ConnectionRefusedError(111, "Connection refused")],
            SERVICE,
            "host.example:443 refused the connection.",
            REFUSED,
        ),
        (
            [httpx.ConnectError("x"), ConnectionRefusedError(111, "Connection refused")],
            PROXY,
            "The proxy proxy.example:3128 refused the connection.",
            REFUSED,
        ),
        (
            [httpx.ConnectError("x"), OSError("failed"), ExceptionGroup("all", [ConnectionRefusedError()])],
            SERVICE,
            "host.example:443 refused the connection.",
            REFUSED,
        ),
        (
            [httpx.ConnectError("x"), certificate_error(18, "self-signed certificate")],
            SERVICE,
            "The certificate of host.example:443 is not accepted: self-signed certificate.",
            UNTRUSTED,
        ),
        (
            [httpx.ConnectError("x"), tls_error("WRONG_VERSION_NUMBER")],
            SERVICE,
            "TLS with host.example:443 failed: WRONG_VERSION_NUMBER.",
            NO_TLS,
        ),
        (
            [httpx.ConnectError("x"), tls_error("INTERNAL_ERROR")],
            SERVICE,
            "TLS with host.example:443 failed: INTERNAL_ERROR.",
            BROKEN_TLS,
        ),
        (
            [RuntimeError("sdk"), httpx.ConnectError("Network is unreachable")],
            SERVICE,
            "No connection to host.example:443: Network is unreachable.",
            UNREACHABLE,
        ),
        (
            [RuntimeError("sdk"), httpx.ReadError("")],
            SERVICE,
            "The connection to host.example was closed: ReadError.",
            CLOSED,
        ),
        ([httpx.ReadError("reset.")], SERVICE, "The connection to host.example was closed: reset.", CLOSED),
    ],
)
def test_a_failure_is_explained_by_its_cause(errors: list[BaseException], peer: Peer, message: str, hint: str) -> None:
    assert explain(*errors, peer=peer) == (message, hint)


def test_a_proxy_that_makes_no_connection_is_named() -> None:
    assert explain(RuntimeError("sdk"), httpx.ProxyError("407 Login"), peer=PROXY, is_of_proxy=True) == (
        "The proxy proxy.example:3128 made no connection to host.example: 407 Login.",
        PROXY_FAILED,
    )


def test_a_circle_of_causes_ends() -> None:
    one, two = httpx.ReadError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one
    assert explain(one).hint == CLOSED


def test_the_proxies_of_the_environment_do_not_count_for_a_client_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert peer_of("https://host.example", use_proxies=False) == SERVICE


# ------------------------------------------------------------------------------------------------ both protocols


@contextmanager
def listener(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections, pass each to a function, and close it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def caught_by(stub: ProtocolStub, ask: Ask, url: str) -> QwenWorkspaceError:
    with pytest.raises(QwenWorkspaceError) as caught:
        ask(stub.llm(url))
    return caught.value


def test_a_name_that_does_not_resolve(stub: ProtocolStub, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error = caught_by(stub, ask, "https://nowhere.invalid")
    assert error.message == "The name nowhere.invalid does not resolve: Name or service not known."
    assert error.hint == f"{UNKNOWN_HOST} {DOCTOR_HINT}"


def test_a_certificate_that_is_not_trusted(stub: ProtocolStub, ask: Ask) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    def shake_hands(connection: socket.socket) -> None:
        # The client hangs up.
        with suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with listener(shake_hands) as port:
        error = caught_by(stub, ask, f"https://localhost:{port}")
    assert error.message.startswith(f"The certificate of localhost:{port} is not accepted: ")
    assert error.hint == f"{UNTRUSTED} {DOCTOR_HINT}"


def test_a_port_without_tls(stub: ProtocolStub, ask: Ask) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listener(answer) as port:
        error = caught_by(stub, ask, f"https://127.0.0.1:{port}")
    assert error.message.startswith(f"TLS with 127.0.0.1:{port} failed: ")
    assert error.hint == f"{NO_TLS} {DOCTOR_HINT}"


def test_a_silent_server_is_named_with_the_limit(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: Reply((Act.AWAIT_HANGUP,))
    with pytest.raises(APITimeoutError) as caught:
        ask(stub.llm(server, timeout=0.3))
    assert caught.value.message == (
        f"{urlsplit(server.url).netloc} sent nothing for 0.3 seconds, the limit that `timeout` sets."
    )


def test_the_hint_of_a_stream_that_is_silent_does_not_advise_to_stream(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: Reply((Act.AWAIT_HANGUP,))
    with pytest.raises(APITimeoutError) as caught:
        list(stub.llm(server, timeout=0.3).stream("Hi"))
    assert caught.value.hint == (
        f"Raise `timeout`; a model that thinks without showing it says nothing meanwhile. {DOCTOR_HINT}"
    )


def test_a_connection_that_is_not_made_in_time(stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", time_out)
    with pytest.raises(APITimeoutError) as caught:
        stub.llm("https://192.0.2.1").invoke("Hi")
    assert caught.value.message == "No connection to 192.0.2.1:443 within 5 seconds."
    assert caught.value.hint == f"{TIMED_OUT} {DOCTOR_HINT}"


def test_a_connection_that_breaks_in_a_stream(server: Server, stub: ProtocolStub) -> None:
    event = stub.event({"content": "Half"}, None, {})
    server.default = lambda _: stream_reply(event, 0.05, Act.DROP, b"rest")
    with pytest.raises(StreamInterruptedError) as caught:
        list(stub.llm(server).stream("Hi"))
    assert caught.value.message.startswith(f"The connection to {urlsplit(server.url).netloc} was closed: ")
