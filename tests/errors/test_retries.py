"""What is sent again is what may pass later, whatever its status, and whoever made the HTTP client."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import httpx2
import pytest
import pytest_asyncio

from langchain_qwen_workspace import (
    APIConnectionError,
    BillingError,
    ChatQwenWorkspace,
    InvalidRequestError,
    QwenWorkspaceBatch,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.server import JSON_TYPE, Act, Reply, Server, json_reply
from tests.support.ways import Ask

# Status, code and text, and how often it is sent with two retries (Model Studio docs, error codes, 2026-08-18).
FAILURES = {
    "a bill as 429": (429, "PrepaidBillOverdue", "The prepaid bill is overdue.", 1),
    "a subscription as 429": (429, "CommodityNotPurchased", "Commodity has not purchased yet.", 1),
    "a free tier as 429": (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", 1),
    "a wrong request as 500": (500, "InternalError.Algo", "list index out of range", 1),
    "a quota per minute": (429, "insufficient_quota", "You exceeded your current quota, please check your plan", 3),
    "a lack of capacity": (503, "ModelServingError", "Too many requests.", 3),
    "a missing backend as 400": (400, None, "No backend server available", 3),
    "an unknown 429": (429, "Unheard.Of", "Never heard of.", 3),
    "an unknown 400": (400, "Unheard.Of", "Never heard of.", 1),
}


@pytest.fixture(params=FAILURES)
def failure(request: pytest.FixtureRequest) -> tuple[int, str | None, str, int]:
    return FAILURES[request.param]


def _fail(server: Server, stub: ProtocolStub, failure: tuple[int, str | None, str, int]) -> None:
    status, code, message, _ = failure
    server.default = lambda _: stub.error(status, code, message)


def test_by_a_client_of_the_sdk(
    server: Server, stub: ProtocolStub, ask: Ask, failure: tuple[int, str | None, str, int]
) -> None:
    _fail(server, stub, failure)
    with pytest.raises(QwenWorkspaceError) as caught:
        ask(stub.llm(server, max_retries=2))
    assert (caught.value.status_code, caught.value.message) == (failure[0], failure[2])
    assert len(server.requests) == failure[3]


def test_in_the_other_protocols_shape(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, failure: tuple[int, str | None, str, int]
) -> None:
    """Gateways answer natively on the compatible path, and the other way round."""
    _fail(server, (OPENAI if stub.is_dashscope else DASHSCOPE), failure)
    with pytest.raises(QwenWorkspaceError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == failure[3]


def test_framed_as_a_stream(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    """As older gateways answer errors, whatever their content type says."""
    body = b'id:1\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"PostpaidBillOverdue","message":"Pay."}\n\n'
    server.default = lambda _: Reply((body,), 429, {**JSON_TYPE, "retry-after-ms": "1"})
    with pytest.raises(BillingError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == 1


# ------------------------------------------------------------------------------------ clients that the user made


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def seen() -> list[int]:
    """Return the statuses that the user's own hook was told of."""
    return []


@pytest.fixture
def client(library: Any, seen: list[int]) -> Iterator[Any]:
    hooks = {"response": [lambda response: seen.append(response.status_code)]}
    with library.Client(trust_env=False, event_hooks=hooks) as made:
        yield made


@pytest_asyncio.fixture
async def async_client(library: Any) -> AsyncIterator[Any]:
    async with library.AsyncClient(trust_env=False) as made:
        yield made


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_by_the_users_client(
    server: Server,
    stub: ProtocolStub,
    client: Any,
    seen: list[int],
    *,
    failure: tuple[int, str | None, str, int],
    streamed: bool,
) -> None:
    _fail(server, stub, failure)
    llm = stub.llm(server, max_retries=2, http_client=client)
    with pytest.raises(QwenWorkspaceError) as caught:
        list(llm.stream("Hi")) if streamed else llm.invoke("Hi")
    assert caught.value.status_code == failure[0]
    assert len(server.requests) == failure[3]
    assert seen == [failure[0]] * failure[3]


@pytest.mark.parametrize("streamed", [False, True], ids=["ainvoke", "astream"])
async def test_by_the_users_async_client(
    server: Server,
    stub: ProtocolStub,
    async_client: Any,
    failure: tuple[int, str | None, str, int],
    *,
    streamed: bool,
) -> None:
    _fail(server, stub, failure)
    llm = stub.llm(server, max_retries=2, http_async_client=async_client)
    with pytest.raises(QwenWorkspaceError) as caught:
        _ = [chunk async for chunk in llm.astream("Hi")] if streamed else await llm.ainvoke("Hi")
    assert caught.value.status_code == failure[0]
    assert len(server.requests) == failure[3]


def test_the_users_client_stays_as_it_was(server: Server, stub: ProtocolStub, client: Any) -> None:
    """What it is used for elsewhere is not ours to judge."""
    hooks = {name: list(own) for name, own in client.event_hooks.items()}
    server.default = lambda _: stub.error(429, "PrepaidBillOverdue", "The prepaid bill is overdue.")
    llm = stub.llm(server, max_retries=2, http_client=client)
    with pytest.raises(BillingError):
        llm.invoke("Hi")
    assert client.event_hooks == hooks
    assert "x-should-retry" not in client.post(f"{server.url}/elsewhere", json={}).headers


def test_an_answer_by_the_users_client_is_streamed(server: Server, stub: ProtocolStub, client: Any) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, http_client=client)
    assert [chunk.text for chunk in llm.stream("Hi") if chunk.text] == ["Hel", "lo"]


# -------------------------------------------------------------------------------------------------- who has the say


@pytest.mark.parametrize(
    ("code", "says", "sent"), [("PrepaidBillOverdue", "true", 3), ("Throttling.RateQuota", "false", 1)]
)
def test_what_the_server_says_of_it_counts(
    server: Server, stub: ProtocolStub, ask: Ask, *, code: str, says: str, sent: int
) -> None:
    server.default = lambda _: stub.error(429, code, "Text.", x_should_retry=says)
    with pytest.raises(QwenWorkspaceError):
        ask(stub.llm(server, max_retries=2))
    assert len(server.requests) == sent


@pytest.mark.usefixtures("impatient")
def test_an_error_whose_body_breaks_off_is_sent_again(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    """A body that has to be read before anything can be said of it may not come."""
    server.default = lambda _: Reply((b'{"code":"Prepaid', 0.02, Act.DROP), 429, JSON_TYPE, "chunked")
    with pytest.raises(APIConnectionError):
        ask_streamed(stub.llm(server, max_retries=1))
    assert len(server.requests) == 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("code", "sent"), [("Throttling.RateQuota", 3), ("PrepaidBillOverdue", 1)])
def test_a_failure_inside_a_success_goes_by_its_meaning_too(
    server: Server, stub: ProtocolStub, ask: Ask, code: str, sent: int
) -> None:
    """As the whole answer of a request that a rule stopped, also where a stream was asked for."""
    server.default = lambda _: json_reply(stub.error_body(code, "Text."))
    with pytest.raises(QwenWorkspaceError):
        ask(stub.llm(server, max_retries=2))
    assert len(server.requests) == sent


def test_a_file_is_not_sent_again_for_a_bill() -> None:
    """The SDK's `files` resource, which the Batch API is reached by, goes the same way."""
    with Sandbox() as sandbox:
        opened = sandbox.add_workspace("files")
        llm = ChatQwenWorkspace(model="qwen-plus", base_url=sandbox.base_url, api_key=opened.api_key, max_retries=2)
        sandbox.fail_next(code="PostpaidBillOverdue", path="/files", times=3, headers={"retry-after-ms": "1"})
        with pytest.raises(BillingError):
            QwenWorkspaceBatch(llm).submit(["Hi"])
        assert [request.path.rpartition("/")[2] for request in sandbox.requests] == ["files"]


@pytest.mark.parametrize("kind", [BillingError, InvalidRequestError, RateLimitError, ServerError])
def test_the_class_says_the_same_to_langchain(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, kind: type[QwenWorkspaceError]
) -> None:
    """LangChain's own retries and fallbacks read `is_retryable`."""
    failures = {BillingError: 0, InvalidRequestError: 3, RateLimitError: 4, ServerError: 6}
    failure = list(FAILURES.values())[failures[kind]]
    _fail(server, stub, failure)
    with pytest.raises(kind) as caught:
        runner.run(stub.llm(server, max_retries=2).ainvoke("Hi"))
    assert caught.value.is_retryable is (len(server.requests) > 1)
