"""Proxies, and a user's client that follows redirects: what other hosts receive.

`tests/transports/test_redirects.py` has the redirects that are not followed.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest

from langchain_qwen_workspace import APIConnectionError
from tests.errors.faults._raw import RawServer, whole
from tests.support.protocols import ProtocolStub
from tests.support.ways import Ask

# Only the requests to a proxy of plain http can be read here.
pytestmark = pytest.mark.filterwarnings("ignore:`base_url` calls 'model-studio")


@pytest.fixture
def other() -> Iterator[RawServer]:
    """Return the proxy, or the host to which a redirect leads."""
    with RawServer() as started:
        yield started


@pytest.fixture
def _proxy_in_environment(other: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", other.url)
    monkeypatch.setenv("HTTPS_PROXY", other.url)


def _answer(stub: ProtocolStub) -> bytes:
    body = stub.answer().parts[0]
    assert isinstance(body, bytes)
    return whole(body)


@pytest.mark.usefixtures("_proxy_in_environment")
def test_a_proxy_of_the_environment_is_used(other: RawServer, stub: ProtocolStub, ask: Ask) -> None:
    other.expect(lambda _: (_answer(stub),))
    # No such host exists, so only the proxy can answer. The name differs in each test, as clients are cached by host.
    host = f"http://model-studio-{other.port}.invalid"
    assert ask(stub.llm(host)).content == "Hello"
    assert other.heads[0].startswith(f"POST {host}/".encode())


@pytest.mark.usefixtures("_proxy_in_environment", "no_retry_pause")
def test_a_proxy_that_refuses_a_tunnel_receives_no_key(other: RawServer, stub: ProtocolStub, ask: Ask) -> None:
    other.expect(lambda _: (whole(b"", 502),))
    host = f"model-studio-{other.port}.invalid"
    with pytest.raises(APIConnectionError):
        ask(stub.llm(f"https://{host}", max_retries=1))
    assert [head.split(b"\r\n")[0] for head in other.heads] == [f"CONNECT {host}:443 HTTP/1.1".encode()] * 2
    assert b"sk-test" not in b"".join(other.heads)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_proxy_of_a_users_client_is_used(
    other: RawServer, stub: ProtocolStub, runner: asyncio.Runner, library: Any
) -> None:
    other.expect(lambda _: (_answer(stub),))
    with library.Client(proxy=other.url, trust_env=False) as client:
        assert stub.llm("http://model-studio.invalid", http_client=client).invoke("Hi").content == "Hello"

    async def ask_async() -> object:
        async with library.AsyncClient(proxy=other.url, trust_env=False) as client:
            llm = stub.llm("http://model-studio.invalid", http_async_client=client)
            return (await llm.ainvoke("Hi")).content

    assert runner.run(ask_async()) == "Hello"
    assert all(head.startswith(b"POST http://model-studio.invalid/") for head in other.heads)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_users_client_that_follows_redirects_does_not_send_the_key_along(
    other: RawServer, stub: ProtocolStub, library: Any
) -> None:
    other.expect(lambda _: (_answer(stub),))
    with RawServer() as first, library.Client(follow_redirects=True, trust_env=False) as client:
        first.expect(lambda _: (whole(b"", 307, f"location: {other.url}/elsewhere"),))
        assert stub.llm(first.url, http_client=client).invoke("Hi").content == "Hello"
        assert b"sk-test" in first.heads[0]
    assert b"sk-test" not in other.heads[0]
