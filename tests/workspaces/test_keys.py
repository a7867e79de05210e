"""Key providers: when a key is requested, what is sent again after a refused key, for every kind of call."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from langchain_qwen_workspace import (
    AuthenticationError,
    ChatQwenWorkspace,
    ConfigurationError,
    MissingApiKeyError,
    PermissionDeniedError,
)
from tests.support import every_protocol
from tests.support.key_provider import ScriptedKeyProvider, accept_keys, invalid_key_reply, keys_sent
from tests.support.protocols import ProtocolStub
from tests.support.server import TIMEOUT, Reply, Server, stream_reply
from tests.support.ways import Ask, Way, ask_by

stub = every_protocol.stub

WAYS: list[tuple[Way, str]] = [
    ("invoke", "get"),
    ("stream", "get"),
    ("ainvoke", "get"),
    ("astream", "get"),
    ("ainvoke", "aget"),
    ("astream", "aget"),
]


@pytest.fixture(params=WAYS, ids="-".join)
def call(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Callable[..., Any]:
    """Return a function that prepares a call in each way, with a sync or an async key provider."""
    way, method = request.param

    def ask(server: Server, stub: ProtocolStub, provider: ScriptedKeyProvider, **fields: Any) -> Callable[[], Any]:
        llm = stub.llm(server, api_key=getattr(provider, method), **fields)
        return lambda: ask_by(way, llm, runner)

    return ask


@pytest.mark.parametrize("key", ["sk-1", SecretStr("sk-1")], ids=["plain", "secret"])
def test_the_key_is_requested_at_the_first_call_and_kept(
    server: Server, stub: ProtocolStub, call: Callable[..., Any], key: Any
) -> None:
    server.default = accept_keys(stub, "sk-1")
    provider = ScriptedKeyProvider(key)
    ask = call(server, stub, provider)
    assert provider.asked == 0
    for _ in range(3):
        assert ask().text == "Hello"
    assert (provider.asked, keys_sent(server)) == (1, ["sk-1"] * 3)


def test_a_refused_key_is_renewed_and_the_request_sent_once_more(
    server: Server, stub: ProtocolStub, call: Callable[..., Any]
) -> None:
    server.default = accept_keys(stub, "sk-1")
    provider = ScriptedKeyProvider("sk-1", "sk-2", "sk-3")
    ask = call(server, stub, provider)
    ask()
    server.default = accept_keys(stub, "sk-2")
    assert ask().text == "Hello"
    assert ask().text == "Hello"
    assert (provider.asked, keys_sent(server)) == (2, ["sk-1", "sk-1", "sk-2", "sk-2"])
    bodies = server.bodies
    assert bodies[1] == bodies[2]


def test_a_refused_key_that_the_provider_repeats_is_not_sent_again(
    server: Server, stub: ProtocolStub, call: Callable[..., Any]
) -> None:
    server.default = accept_keys(stub)
    provider = ScriptedKeyProvider("sk-1", "sk-1", "sk-2")
    ask = call(server, stub, provider)
    with pytest.raises(AuthenticationError, match=r"Invalid API-key provided") as caught:
        ask()
    assert (caught.value.status_code, provider.asked, keys_sent(server)) == (401, 2, ["sk-1"])
    server.default = accept_keys(stub, "sk-2")
    assert ask().text == "Hello"
    assert (provider.asked, keys_sent(server)) == (3, ["sk-1", "sk-1", "sk-2"])


def test_a_second_refused_key_raises_authentication_error(
    server: Server, stub: ProtocolStub, call: Callable[..., Any]
) -> None:
    server.default = accept_keys(stub)
    provider = ScriptedKeyProvider("sk-1", "sk-2", "sk-3")
    with pytest.raises(AuthenticationError) as caught:
        call(server, stub, provider, max_retries=2)()
    assert type(caught.value) is AuthenticationError
    assert (provider.asked, keys_sent(server)) == (2, ["sk-1", "sk-2"])


# The error class decides, not the status: the service also sends 401 for a valid key without the permission.
OTHER_REFUSALS = [(403, "Workspace.AccessDenied"), (403, None), (401, "Model.AccessDenied")]


@pytest.mark.parametrize(("status", "code"), OTHER_REFUSALS)
def test_errors_that_no_other_key_would_cure_renew_no_key(
    server: Server, stub: ProtocolStub, call: Callable[..., Any], status: int, code: str | None
) -> None:
    server.default = lambda _: stub.error(status, code, "No.")
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    with pytest.raises(PermissionDeniedError):
        call(server, stub, provider)()
    assert (provider.asked, keys_sent(server)) == (1, ["sk-1"])


def test_a_retry_sends_the_key_of_its_request(server: Server, stub: ProtocolStub, call: Callable[..., Any]) -> None:
    server.script(stub.error(500, None, "Down."), invalid_key_reply(stub))
    server.default = stub.reply_to
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    assert call(server, stub, provider, max_retries=1)().text == "Hello"
    assert keys_sent(server) == ["sk-1", "sk-1", "sk-2"]


# ------------------------------------------------------------------------------------------------------------ streams


def interrupted_stream(stub: ProtocolStub, *before: bytes) -> Reply:
    code = "InvalidApiKey" if stub.is_dashscope else "invalid_api_key"
    return stream_reply(*before, stub.frame(stub.error_body(code, "Invalid API-key provided.")))


def test_a_stream_is_opened_again_with_a_new_key_before_its_first_event(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(interrupted_stream(stub))
    server.default = stub.reply_to
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    assert ask_streamed(stub.llm(server, api_key=provider.get)).text == "Hello"
    assert (provider.asked, keys_sent(server)) == (2, ["sk-1", "sk-2"])


def test_a_stream_is_never_opened_again_after_its_first_event(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(interrupted_stream(stub, stub.delta("Hel")))
    server.default = stub.reply_to
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    with pytest.raises(AuthenticationError):
        ask_streamed(stub.llm(server, api_key=provider.get))
    assert (provider.asked, keys_sent(server)) == (1, ["sk-1"])


# ----------------------------------------------------------------------------------------- providers without a key


async def give_nothing() -> str:
    return "sk-1"


FAILURES: dict[str, tuple[Any, type[Exception], str]] = {
    "raises": (LookupError("the key store is locked"), LookupError, "the key store is locked"),
    "none": (None, TypeError, "type NoneType"),
    "number": (7, TypeError, "type int"),
    "empty": ("", ConfigurationError, "is empty"),
    "empty secret": (SecretStr(""), ConfigurationError, "is empty"),
    "line break": ("sk-S3CR3T\n", ConfigurationError, "a line break"),
    "bytes": (b"sk-S3CR3T", TypeError, "type bytes"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_provider_that_gives_no_key_is_named_and_nothing_is_sent(
    server: Server, stub: ProtocolStub, call: Callable[..., Any], case: str
) -> None:
    given, kind, cause = FAILURES[case]
    server.default = stub.reply_to
    ask = call(server, stub, ScriptedKeyProvider(given, "sk-1"))
    with pytest.raises(
        MissingApiKeyError, match=r"`ScriptedKeyProvider\.a?get`, which provides the key of workspace ws-test,"
    ) as caught:
        ask()
    assert isinstance(caught.value.__cause__, kind)
    assert cause in str(caught.value.__cause__)
    assert "S3CR3T" not in f"{caught.value} {caught.value.__cause__}"
    assert (caught.value.workspace_id, caught.value.protocol) == ("ws-test", stub.protocol)
    assert server.requests == []
    assert ask().text == "Hello"


def test_a_provider_that_fails_at_renewal_is_named_and_nothing_more_is_sent(
    server: Server, stub: ProtocolStub, call: Callable[..., Any]
) -> None:
    server.default = accept_keys(stub, "sk-2")
    ask = call(server, stub, ScriptedKeyProvider("sk-1", LookupError("the key store is locked"), "sk-2"))
    with pytest.raises(MissingApiKeyError) as caught:
        ask()
    assert isinstance(caught.value.__cause__, LookupError)
    assert isinstance(caught.value.__context__, AuthenticationError)
    assert keys_sent(server) == ["sk-1"]
    assert ask().text == "Hello"
    assert keys_sent(server) == ["sk-1", "sk-1", "sk-2"]


def test_a_function_that_returns_a_coroutine_is_refused(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(MissingApiKeyError) as caught:
        stub.llm(server, api_key=lambda: give_nothing()).invoke("Hi")  # noqa: PLW0108 - that is what is tested
    assert "an `async def`" in str(caught.value.__cause__)


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_a_sync_call_refuses_an_async_provider(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: Way
) -> None:
    """Also after an async call got the key, since what works must not depend on earlier calls."""
    server.default = stub.reply_to
    provider = ScriptedKeyProvider("sk-1")
    llm = stub.llm(server, api_key=provider.aget)
    for sent in (0, 1):
        with pytest.raises(
            ConfigurationError, match=r"workspace ws-test comes from `async def ScriptedKeyProvider\.aget`"
        ) as caught:
            ask_by(way, llm, runner)
        assert "ainvoke" in str(caught.value)
        assert (provider.asked, len(server.requests)) == (sent, sent)
        if not sent:
            ask_by("ainvoke", llm, runner)


def test_a_slow_provider_does_not_block_the_event_loop(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to
    went_on = threading.Event()

    def slow() -> str:
        return "sk-1" if went_on.wait(TIMEOUT) else ""

    async def call() -> None:
        calling = asyncio.create_task(stub.llm(server, api_key=slow).ainvoke("Hi"))
        await asyncio.sleep(0)
        went_on.set()
        await calling

    runner.run(call())
    assert keys_sent(server) == ["sk-1"]


def test_a_plan_key_from_a_provider_is_refused_before_it_is_sent(stub: ProtocolStub) -> None:
    nowhere = httpx.Client(transport=httpx.MockTransport(lambda request: pytest.fail(f"sent to {request.url}")))
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=stub.protocol, api_key=ScriptedKeyProvider("sk-sp-1").get, http_client=nowhere
    )
    with nowhere, pytest.raises(ConfigurationError, match=r"Token Plan"):
        llm.invoke("Hi")
