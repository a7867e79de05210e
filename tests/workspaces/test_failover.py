"""Failover: the next workspace is called when one fails, and never after a part of an answer arrived."""

import asyncio
import traceback
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BillingError,
    ChatQwenWorkspace,
    ContentFilterError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    RateLimitError,
    ServerError,
    WorkspaceGuard,
    WorkspaceRouter,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._seam import SERVED_BY, Destination, Json, Request, Transport
from langchain_qwen_workspace._transports.failover import FailoverTarget, FailoverTransport
from tests.support import every_protocol
from tests.support.guards import free_slots
from tests.support.protocols import OPENAI, PROTOCOLS, STUBS, ProtocolStub
from tests.support.server import Act, Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask

stub = every_protocol.stub

VECTOR = [1.0] * 64
CONFIG: Any = {"configurable": {"tenant": "acme"}}
HTML = Reply((b"<html>Bad gateway</html>",), 200, {"Content-Type": "text/html"})


@pytest.fixture(scope="module")
def _servers() -> Iterator[list[Server]]:
    with Server() as one, Server() as two, Server() as three:
        yield [one, two, three]


@pytest.fixture
def servers(_servers: list[Server], stub: ProtocolStub) -> list[Server]:
    for server in _servers:
        server.reset()
        server.default = stub.reply_to
    return _servers


def workspaces(servers: list[Server]) -> list[QwenWorkspace]:
    return [
        QwenWorkspace(api_key=f"sk-{place}", workspace_id=f"llm-{place}", region="singapore", base_url=server.url)
        for place, server in enumerate(servers)
    ]


def router_of(servers: list[Server], **fields: Any) -> WorkspaceRouter:
    return WorkspaceRouter(tenants={"acme": workspaces(servers)}, **fields)


def llm_of(stub: ProtocolStub, router: WorkspaceRouter, **fields: Any) -> ChatQwenWorkspace:
    own: dict[str, Any] = {"protocol": stub.protocol, "timeout": 10.0, "max_retries": 0}
    return ChatQwenWorkspace(model="qwen-plus", workspace=router, **{**own, **fields})


def ask_as_tenant(ask: Ask, llm: ChatQwenWorkspace, **config: Any) -> AIMessage:
    """Return a model's answer to a call of the tenant."""
    of_tenant: Any = {**CONFIG, **config}
    return ask(cast("ChatQwenWorkspace", llm.with_config(of_tenant)))


def request_counts(servers: list[Server]) -> list[int]:
    """Return the number of requests of each server, after checking that each got only its own key."""
    for place, server in enumerate(servers):
        keys = {(one.headers["authorization"], one.headers["x-dashscope-workspace"]) for one in server.requests}
        assert keys <= {(f"Bearer sk-{place}", f"llm-{place}")}
    return [len(server.requests) for server in servers]


# --- which failures ---

FAILED: dict[str, tuple[Callable[[ProtocolStub], Reply], type[QwenWorkspaceError]]] = {
    "the service failed": (lambda stub: stub.error(500, "InternalError", "Failed."), ServerError),
    "no capacity": (lambda stub: stub.error(503, "ModelServingError", "Too many requests."), ServerError),
    "too many requests": (lambda stub: stub.error(429, "Throttling.RateQuota", "Slow down."), RateLimitError),
    "too slow, it says": (lambda stub: stub.error(500, "RequestTimeOut", "Timed out."), APITimeoutError),
    "hung up": (lambda _: Reply((Act.DROP,)), APIConnectionError),
    "no JSON": (lambda _: HTML, InvalidResponseError),
}
REFUSED: dict[str, tuple[Callable[[ProtocolStub], Reply], type[QwenWorkspaceError]]] = {
    "a wrong key": (lambda stub: stub.error(401, "InvalidApiKey", "Wrong."), AuthenticationError),
    "not granted": (lambda stub: stub.error(403, "Model.AccessDenied", "No."), PermissionDeniedError),
    "not paid": (lambda stub: stub.error(429, "PrepaidBillOverdue", "Pay."), BillingError),
    "no such model": (lambda stub: stub.error(404, "ModelNotFound", "None."), NotFoundError),
    "a bad request": (lambda stub: stub.error(400, "InvalidParameter", "Bad."), InvalidRequestError),
    "inspected": (lambda stub: stub.error(400, "DataInspectionFailed", "No."), ContentFilterError),
}


@pytest.mark.parametrize("failure", FAILED)
def test_the_next_workspace_is_called_after_a_failure(
    servers: list[Server], stub: ProtocolStub, ask: Ask, failure: str
) -> None:
    servers[0].script(FAILED[failure][0](stub))
    answer = ask_as_tenant(ask, llm_of(stub, router_of(servers)))
    assert (answer.text, answer.response_metadata["workspace_id"]) == ("Hello", "llm-1")
    assert request_counts(servers) == [1, 1, 0]


@pytest.mark.parametrize("failure", REFUSED)
def test_a_refused_request_does_not_fail_over(
    servers: list[Server], stub: ProtocolStub, ask: Ask, failure: str
) -> None:
    """Another workspace would only circumvent the refusal."""
    reply, kind = REFUSED[failure]
    servers[0].script(reply(stub))
    with pytest.raises(kind) as caught:
        ask_as_tenant(ask, llm_of(stub, router_of(servers)))
    assert caught.value.workspace_id == "llm-0"
    assert request_counts(servers) == [1, 0, 0]


def test_a_timeout_fails_over(servers: list[Server], stub: ProtocolStub, ask: Ask) -> None:
    servers[0].script(Reply((2.0, b"")))
    assert ask_as_tenant(ask, llm_of(stub, router_of(servers), timeout=0.3)).text == "Hello"
    assert request_counts(servers) == [1, 1, 0]


def test_a_connection_failure_fails_over(servers: list[Server], stub: ProtocolStub, ask: Ask) -> None:
    with Server() as gone:
        pass
    nowhere = QwenWorkspace(api_key="sk-gone", workspace_id="llm-gone", region="singapore", base_url=gone.url)
    router = WorkspaceRouter(tenants={"acme": [nowhere, *workspaces(servers)]})
    assert ask_as_tenant(ask, llm_of(stub, router)).response_metadata["workspace_id"] == "llm-0"
    assert request_counts(servers) == [1, 0, 0]


def test_each_workspace_uses_up_its_retries_before_failover(
    servers: list[Server], stub: ProtocolStub, ask: Ask
) -> None:
    for server in servers[:2]:
        server.script(*[FAILED["too many requests"][0](stub)] * 3)
    assert ask_as_tenant(ask, llm_of(stub, router_of(servers), max_retries=2)).text == "Hello"
    assert request_counts(servers) == [3, 3, 1]


@pytest.mark.parametrize("failure", FAILED)
def test_the_last_error_is_raised_with_the_earlier_ones_as_notes(
    servers: list[Server], stub: ProtocolStub, ask: Ask, failure: str
) -> None:
    reply, kind = FAILED[failure]
    servers[0].script(stub.error(429, "Throttling.RateQuota", "The first said."))
    servers[1].script(stub.error(500, "InternalError", "The second said."))
    servers[2].script(reply(stub))
    with pytest.raises(kind) as caught:
        ask_as_tenant(ask, llm_of(stub, router_of(servers)))
    assert caught.value.workspace_id == "llm-2"
    assert request_counts(servers) == [1, 1, 1]
    first, second = caught.value.__notes__
    assert second.startswith("Another workspace failed before: ServerError: The second said. (status: 500, ")
    assert first.startswith("Another workspace failed before: RateLimitError: The first said. (status: 429, ")
    assert "workspace: llm-0" in first
    assert first in "".join(traceback.format_exception(caught.value))


def test_the_errors_that_fail_over_can_be_configured(
    servers: list[Server], stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    llm = llm_of(stub, router_of(servers, fail_over_on=(AuthenticationError,)))
    servers[0].script(REFUSED["a wrong key"][0](stub), FAILED["the service failed"][0](stub))
    assert ask_as_tenant(ask_two_ways, llm).text == "Hello"
    with pytest.raises(ServerError):
        ask_as_tenant(ask_two_ways, llm)
    assert request_counts(servers) == [2, 1, 0]


def test_without_error_classes_nothing_fails_over(servers: list[Server], stub: ProtocolStub, ask_two_ways: Ask) -> None:
    servers[0].script(FAILED["the service failed"][0](stub))
    with pytest.raises(ServerError):
        ask_as_tenant(ask_two_ways, llm_of(stub, router_of(servers, fail_over_on=())))
    assert request_counts(servers) == [1, 0, 0]


def test_a_single_workspace_does_not_fail_over(servers: list[Server], stub: ProtocolStub, ask_two_ways: Ask) -> None:
    servers[0].script(FAILED["the service failed"][0](stub))
    with pytest.raises(ServerError):
        ask_as_tenant(ask_two_ways, llm_of(stub, router_of(servers[:1])))
    assert request_counts(servers) == [1, 0, 0]


def test_failover_to_another_region_is_possible_when_allowed(
    servers: list[Server], stub: ProtocolStub, ask: Ask
) -> None:
    beijing = QwenWorkspace(api_key="sk-0", workspace_id="llm-0", base_url=servers[0].url, region="beijing")
    singapore = workspaces(servers)[1]
    router = WorkspaceRouter(tenants={"acme": [beijing, singapore]}, across_regions=True)
    servers[0].script(FAILED["the service failed"][0](stub))
    answer = ask_as_tenant(ask, llm_of(stub, router))
    assert answer.response_metadata["region"] == "ap-southeast-1"


def test_a_workspace_that_does_not_allow_the_model_refuses_the_call(
    servers: list[Server], stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    first, second, _ = workspaces(servers)
    router = WorkspaceRouter(
        tenants={"acme": [first, second.model_copy(update={"allowed_models": frozenset({"qwen-max"})})]}
    )
    with pytest.raises(PermissionDeniedError, match=r"'qwen-plus' is not among .* nothing was sent") as caught:
        ask_as_tenant(ask_two_ways, llm_of(stub, router))
    assert caught.value.workspace_id == "llm-1"
    assert request_counts(servers) == [0, 0, 0]


# --- streams ---


def error_event(stub: ProtocolStub) -> bytes:
    if stub.is_dashscope:
        return stub.frame({"code": "InternalError", "message": "Failed."})
    return stub.frame({"error": {"message": "Failed.", "code": "internal_error"}})


ENDS: dict[str, Callable[[ProtocolStub], list[Any]]] = {
    "dropped": lambda _: [Act.DROP],
    "ended": lambda _: [],
    "an error": lambda stub: [error_event(stub)],
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("came", [0, 1, 2])
def test_a_stream_fails_over_only_before_its_first_part(
    servers: list[Server], stub: ProtocolStub, ask_streamed: Ask, came: int, end: str
) -> None:
    parts = stub.frames("Hel", "lo")[:came] + ENDS[end](stub)
    servers[0].script(stream_reply(*parts))
    llm = llm_of(stub, router_of(servers))
    if came:
        with pytest.raises(QwenWorkspaceError) as caught:
            ask_as_tenant(ask_streamed, llm)
        assert caught.value.workspace_id == "llm-0"
        assert request_counts(servers) == [1, 0, 0]
    else:
        answer = ask_as_tenant(ask_streamed, llm)
        assert (answer.text, answer.response_metadata["workspace_id"]) == ("Hello", "llm-1")
        assert request_counts(servers) == [1, 1, 0]


@pytest.mark.parametrize("stub", [OPENAI])  # The other protocol states usage in every event.
def test_a_stream_fails_over_after_events_without_anything_of_an_answer(
    servers: list[Server], stub: ProtocolStub, ask_streamed: Ask
) -> None:
    """The first event often has only a role or an empty text: such a stream has not begun."""
    servers[0].script(stream_reply(stub.delta(""), Act.DROP))
    answer = ask_as_tenant(ask_streamed, llm_of(stub, router_of(servers)))
    assert answer.text == "Hello"
    assert request_counts(servers) == [1, 1, 0]


def test_a_stream_fails_over_after_its_retries_failed(
    servers: list[Server], stub: ProtocolStub, ask_streamed: Ask
) -> None:
    """The request id that each attempt yields is not a part of an answer."""
    servers[0].script(*[stream_reply(Act.DROP)] * 2)
    answer = ask_as_tenant(ask_streamed, llm_of(stub, router_of(servers), max_retries=1))
    assert (answer.text, answer.response_metadata["workspace_id"]) == ("Hello", "llm-1")
    assert request_counts(servers) == [2, 1, 0]


def test_the_workspace_that_answers_after_a_retry_is_named(
    servers: list[Server], stub: ProtocolStub, ask_streamed: Ask
) -> None:
    servers[0].script(FAILED["the service failed"][0](stub), FAILED["the service failed"][0](stub))
    servers[1].script(stream_reply(Act.DROP))
    answer = ask_as_tenant(ask_streamed, llm_of(stub, router_of(servers), max_retries=1))
    assert (answer.text, answer.response_metadata["workspace_id"]) == ("Hello", "llm-1")
    assert request_counts(servers) == [2, 2, 0]


class ThreeEvents:
    """A transport whose streams have three events."""

    def stream(self, _request: Request) -> Iterator[Json]:
        yield from ({"event": number} for number in range(3))

    async def astream(self, _request: Request) -> AsyncGenerator[Json, None]:
        for event in self.stream(_request):
            yield event


@pytest.mark.parametrize("is_async", [False, True], ids=["stream", "astream"])
def test_only_the_first_event_of_a_stream_names_the_destination(runner: asyncio.Runner, is_async: bool) -> None:
    destination = Destination(protocol="openai", region="ap-southeast-1", workspace_id="ws-1")
    request = Request(path="/chat/completions", body={}, model="qwen-plus", destination=destination, stream=True)
    transport = FailoverTransport([FailoverTarget(cast("Transport", ThreeEvents()), destination)], ())

    async def collect() -> list[Json]:
        return [event async for event in transport.astream(request)]

    events = runner.run(collect()) if is_async else list(transport.stream(request))
    assert [SERVED_BY in event for event in events] == [True, False, False]


def test_usage_is_recorded_for_the_workspace_that_answered(servers: list[Server], stub: ProtocolStub, ask: Ask) -> None:
    servers[0].script(FAILED["too many requests"][0](stub))
    llm = llm_of(stub, router_of(servers))
    usage = WorkspaceUsageCallbackHandler()
    ask_as_tenant(ask, llm, callbacks=[usage])
    (row,) = usage.rows()
    assert (row.workspace_id, row.calls, row.failed_calls, row.total_tokens) == ("llm-1", 1, 0, 5)


def test_a_closed_stream_closes_its_connection(servers: list[Server], stub: ProtocolStub) -> None:
    servers[0].script(FAILED["the service failed"][0](stub))
    servers[1].script(stream_reply(stub.delta("Hel"), Act.AWAIT_HANGUP))
    stream: Any = llm_of(stub, router_of(servers)).stream("Hi", CONFIG)
    assert next(stream).text == "Hel"
    stream.close()
    assert servers[1].hangups.acquire(timeout=10)
    assert request_counts(servers) == [1, 1, 0]


def test_a_cancelled_call_does_not_fail_over(servers: list[Server], stub: ProtocolStub, runner: asyncio.Runner) -> None:
    servers[0].script(Reply((Act.AWAIT_HANGUP,)))

    async def ask() -> None:
        task = asyncio.create_task(llm_of(stub, router_of(servers)).ainvoke("Hi", CONFIG))
        while not servers[0].requests and not task.done():  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runner.run(ask())
    assert request_counts(servers) == [1, 0, 0]


# --- other components ---


def vectors_reply(stub: ProtocolStub) -> Reply:
    if stub.is_dashscope:
        output = {"embeddings": [{"text_index": 0, "embedding": VECTOR}]}
        return json_reply({"output": output, "usage": {"total_tokens": 3}, "request_id": "req"})
    data = [{"index": 0, "embedding": VECTOR, "object": "embedding"}]
    return json_reply({"data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}, "id": "req"})


def ranking_reply(stub: ProtocolStub) -> Reply:
    results = [{"index": 0, "relevance_score": 0.5}]
    usage = {"total_tokens": 3}
    if stub.is_dashscope:
        return json_reply({"output": {"results": results}, "usage": usage, "request_id": "req"})
    return json_reply({"results": results, "usage": usage, "id": "req", "object": "list"})


@pytest.mark.parametrize("stub", STUBS, ids=PROTOCOLS)
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("what", ["embedding", "rerank"])
def test_embeddings_and_rerank_fail_over(
    servers: list[Server], stub: ProtocolStub, runner: asyncio.Runner, what: str, *, asynchronous: bool
) -> None:
    servers[0].script(FAILED["the service failed"][0](stub))
    servers[1].script((vectors_reply if what == "embedding" else ranking_reply)(stub))
    fields: dict[str, Any] = {"protocol": stub.protocol, "workspace": router_of(servers), "max_retries": 0}
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=64, **fields)
    reranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)

    async def acall(_: str) -> Any:
        return await (embeddings.aembed_query("Hi") if what == "embedding" else reranker.arerank(["a"], "Hi"))

    def call(_: str) -> Any:
        return embeddings.embed_query("Hi") if what == "embedding" else reranker.rerank(["a"], "Hi")

    usage = WorkspaceUsageCallbackHandler()
    chain: Any = RunnableLambda(call, acall).with_config(callbacks=[usage], **CONFIG)
    found = runner.run(chain.ainvoke("")) if asynchronous else chain.invoke("")
    assert found == (VECTOR if what == "embedding" else [{"index": 0, "relevance_score": 0.5}])
    rows = [row for row in usage.rows() if row.calls != row.failed_calls]
    assert [(row.workspace_id, row.operation, row.total_tokens) for row in rows] == [("llm-1", what, 3)]
    assert request_counts(servers) == [1, 1, 0]


# --- with a guard ---


def test_a_guard_releases_the_slots_of_every_workspace_that_was_called(
    servers: list[Server], stub: ProtocolStub, ask: Ask
) -> None:
    llm = llm_of(stub, router_of(servers), guard=WorkspaceGuard(max_concurrency=1))
    for _ in range(2):
        servers[0].script(FAILED["the service failed"][0](stub))
        servers[1].script(FAILED["too many requests"][0](stub))
        assert ask_as_tenant(ask, llm).response_metadata["workspace_id"] == "llm-2"
    assert request_counts(servers) == [2, 2, 2]


def test_only_the_slot_of_the_workspace_that_streams_is_held(servers: list[Server], stub: ProtocolStub) -> None:
    guard = WorkspaceGuard(max_concurrency=1)
    servers[0].script(FAILED["the service failed"][0](stub))
    stream: Any = llm_of(stub, router_of(servers), guard=guard).stream("Hi", CONFIG)
    next(stream)
    assert [free_slots(guard, f"llm-{number}") for number in range(2)] == [1, 0]
    stream.close()
    assert [free_slots(guard, f"llm-{number}") for number in range(2)] == [1, 1]
