"""One pool for all workspaces: connections are shared, keys, headers and cookies are not."""

import asyncio
import warnings
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import ValidationError

from langchain_qwen_workspace import APITimeoutError, ChatQwenWorkspace, ConfigurationError
from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._transports import _own_client
from langchain_qwen_workspace._transports._sdk_clients import SDKClients
from langchain_qwen_workspace._transports.pools import Pools, PoolSettings
from tests.support.protocols import ProtocolStub
from tests.support.server import Reply, Server, stream_reply
from tests.support.ways import WAYS, Way, ask_by


@pytest.mark.parametrize("way", WAYS)
def test_workspaces_share_a_connection_and_keep_their_keys(
    fresh_server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    fresh_server.default = stub.reply_to
    for number in range(20):
        llm = stub.llm(fresh_server, api_key=f"sk-{number}", workspace_id=f"ws-{number}", timeout=50.0 + number)
        ask_by(way, llm, runner)
    sent = [
        (request.headers["authorization"], request.headers["x-dashscope-workspace"])
        for request in fresh_server.requests
    ]
    assert sent == [(f"Bearer sk-{number}", f"ws-{number}") for number in range(20)]
    assert fresh_server.connections == 1


def test_connections_of_other_pool_settings_are_not_shared(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = stub.reply_to
    for max_connections in (1000, 7):
        stub.llm(fresh_server, max_connections=max_connections).invoke("Hi")
    assert fresh_server.connections == 2


@pytest.mark.parametrize("client_class", [httpx.Client, httpx.AsyncClient])
def test_the_clients_of_all_hosts_share_one_tls_context(
    client_class: Any, monkeypatch: pytest.MonkeyPatch, runner: asyncio.Runner
) -> None:
    contexts = [httpx.create_ssl_context()]
    given = []
    monkeypatch.setattr(httpx, "create_ssl_context", contexts.copy().pop)

    def build(**arguments: Any) -> Any:
        given.append(arguments["verify"])
        return client_class(**arguments)

    pools: Pools[Any, Any] = Pools(httpx, build, build)
    for host in ("a", "b"):
        runner.run(use(pools, host, client_class is httpx.AsyncClient))
    assert given == contexts * 2
    pools.close()


async def use(pools: Pools[Any, Any], host: str, asynchronously: bool) -> Any:
    """Borrow a host's client and return it."""
    settings = PoolSettings(max_connections=1)
    if asynchronously:
        async with pools.aclient(settings, host) as clients:
            return clients.http_client
    with pools.client(settings, host) as clients:
        return clients.http_client


@pytest.mark.parametrize("asynchronously", [False, True])
def test_the_client_of_one_host_too_many_is_closed(
    monkeypatch: pytest.MonkeyPatch, runner: asyncio.Runner, asynchronously: bool
) -> None:
    monkeypatch.setattr(f"{Pools.__module__}.MIN_KEEPALIVE", 1)
    pools = Pools(httpx, httpx.Client, httpx.AsyncClient)
    first, second = (runner.run(use(pools, host, asynchronously)) for host in ("a", "b"))
    assert (first.is_closed, second.is_closed) == (True, False)
    pools.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_cookie_is_never_sent_back(server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner) -> None:
    def reply(received: Any) -> Reply:
        return stub.reply_to(received).with_headers(set_cookie="tenant=a; Path=/")

    server.default = reply
    for tenant in ("a", "b"):
        ask_by(way, stub.llm(server, api_key=f"sk-{tenant}"), runner)
    assert ["cookie" in request.headers for request in server.requests] == [False, False]


def test_waiting_for_a_connection_ends_with_the_timeout_and_names_the_option(
    fresh_server: Server, stub: ProtocolStub
) -> None:
    fresh_server.default = lambda _: stream_reply(*stub.frames("Hel"), 30.0)
    first = stub.llm(fresh_server, max_connections=1, timeout=30.0).stream("Hi")
    assert next(first).text == "Hel"
    with pytest.raises(APITimeoutError, match=r"No connection became free .* all 1 .* Raise `max_connections`"):
        stub.llm(fresh_server, max_connections=1, timeout=0.2).invoke("Hi")
    first.close()  # type: ignore[attr-defined]  # LangChain types its generator as an iterator


@pytest.mark.parametrize("max_connections", [0, -1])
def test_max_connections_below_one_is_refused(stub: ProtocolStub, max_connections: int) -> None:
    with pytest.raises(ValidationError, match="max_connections"):
        stub.llm("http://127.0.0.1:1", max_connections=max_connections)


# ------------------------------------------------------------------------------------------------- the user's clients


@pytest.mark.parametrize(
    ("name", "client", "expected"),
    [
        ("http_client", httpx.AsyncClient(), "Expected an open `httpx.Client` or"),
        ("http_client", httpx2.AsyncClient(), "Expected an open `httpx.Client` or `httpx2.Client`"),
        ("http_async_client", httpx.Client(), "Expected an open `httpx.AsyncClient` or `httpx2.AsyncClient`"),
        ("http_client", object(), "Expected an open `httpx.Client`"),
    ],
)
def test_a_client_of_another_kind_is_refused(stub: ProtocolStub, name: str, client: object, expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        stub.llm("http://127.0.0.1:1", **{name: client})


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_closed_client_is_refused(stub: ProtocolStub, library: Any) -> None:
    client = library.Client()
    client.close()
    with pytest.raises(ValidationError, match="`http_client` is closed"):
        stub.llm("http://127.0.0.1:1", http_client=client)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_users_client_that_keeps_a_cookie_is_warned_of_once(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner, library: Any
) -> None:
    _own_client._warn_of_cookies.cache_clear()
    server.default = lambda received: stub.reply_to(received).with_headers(set_cookie="tenant=a; Path=/")
    clients = {"http_client": library.Client(), "http_async_client": library.AsyncClient()}
    llm = stub.llm(server, **clients)
    with pytest.warns(UserWarning, match="client` keeps the cookies of responses"):
        ask_by(way, llm, runner)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask_by(way, llm, runner)
    clients["http_client"].close()
    runner.run(clients["http_async_client"].aclose())


# ------------------------------------------------------------------------------------------ the environment's settings


@pytest.fixture
def _new_transports() -> Any:
    """Let transports be built anew, which is when the environment is read."""
    transport_for.cache_clear()
    yield
    transport_for.cache_clear()


@pytest.mark.usefixtures("_new_transports")
@pytest.mark.parametrize(
    "setting",
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("ALL_PROXY", "socks://127.0.0.1:1"),
        ("HTTPS_PROXY", "http://[::1"),
        ("HTTP_PROXY", "http://[::1"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ],
)
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_settings_that_cannot_be_used_are_a_configuration_error_that_names_the_variable(
    stub: ProtocolStub, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str], way: Way, runner: asyncio.Runner
) -> None:
    variable, value = setting
    monkeypatch.setenv(variable, value)
    llm: ChatQwenWorkspace = stub.llm("http://127.0.0.1:1")
    expected = f"HTTP client cannot be built from the environment's .*{variable}"
    with pytest.raises(ConfigurationError, match=expected) as caught:
        ask_by(way, llm, runner)
    assert value not in str(caught.value)


def test_settings_hide_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:S3CR3T@127.0.0.1:1")
    assert "S3CR3T" not in repr(PoolSettings.of_environment(10, 10))


def test_a_gateway_with_a_base_url_for_each_tenant_gets_a_bounded_number_of_sdk_clients() -> None:
    def build(base_url: str, _: object) -> str:
        return base_url

    with httpx.Client() as http_client:
        clients = SDKClients(http_client)
        for number in range(100):
            clients.get(f"http://gateway/{number}", build)
        assert clients._build.cache_info().currsize <= 16
