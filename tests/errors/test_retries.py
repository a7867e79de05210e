"""The retry policy: which failures are sent again, when, by which client, and what the last error has of the answer."""

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import httpx
import httpx2
import pytest

from langchain_qwen_workspace import (
    APIConnectionError,
    BillingError,
    ChatQwenWorkspace,
    InvalidResponseError,
    QwenWorkspaceBatch,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._transports._retry_policy import RetryPolicy, apply_retry_headers
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import STUBS, ProtocolStub
from tests.support.server import JSON_TYPE, Act, Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask, collect

THROTTLED = (429, "Throttling.RateQuota", "Slow down.")


def _pauses(error: QwenWorkspaceError, retries: int) -> list[float | None]:
    attempts = RetryPolicy(retries)
    return [attempts.pause_after(error) for _ in range(retries + 1)]


# ------------------------------------------------------------------------------------------------------------- pauses


def test_pauses_double_up_to_eight_seconds_with_jitter() -> None:
    several = [_pauses(RateLimitError("x"), 7) for _ in range(20)]
    for pauses in several:
        assert pauses.pop() is None
        for pause, longest in zip(pauses, (0.5, 1, 2, 4, 8, 8, 8), strict=True):
            assert pause is not None
            assert 0.75 * longest <= pause <= longest
    assert len({str(pauses) for pauses in several}) == 20


def test_a_retry_date_is_waited_for() -> None:
    error = RateLimitError("x")
    apply_retry_headers(error, {"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert error.retry_after is not None
    assert 28 < error.retry_after <= 30
    assert _pauses(error, 1)[0] == error.retry_after


@pytest.mark.parametrize(("seconds", "again"), [("60", True), ("61", False), ("3600", False), ("inf", False)])
def test_a_wait_of_more_than_a_minute_is_an_error_at_once(seconds: str, *, again: bool) -> None:
    error = RateLimitError("x")
    apply_retry_headers(error, {"retry-after": seconds})
    assert (_pauses(error, 1)[0] is not None) is again


@pytest.mark.parametrize("retry_after", ["3600", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_error_says_how_long_the_server_asks_to_wait(server: Server, stub: ProtocolStub, retry_after: str) -> None:
    server.default = lambda _: json_reply(stub.error_body(*THROTTLED[1:]), 429).with_headers(retry_after=retry_after)
    with pytest.raises(RateLimitError) as caught:
        stub.llm(server, max_retries=2).invoke("Hi")
    assert (caught.value.retry_after or 0) >= 3600
    assert len(server.requests) == 1


def test_the_request_is_sent_again_when_the_server_asks(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_qwen_workspace._transports._retry_policy.FIRST_PAUSE", 60.0)
    server.script(stub.error(*THROTTLED).with_headers(retry_after_ms="50"))
    server.default = stub.reply_to
    ask_two_ways(stub.llm(server, max_retries=1))
    first, second = server.requests
    assert 0.045 < second.at - first.at < 10


# ----------------------------------------------------------------------------------------------- which are sent again

Failure = tuple[tuple[int, str | None, str], int]

# Status, code and text of a failure, and how often it is sent with two retries. The SDKs themselves go by the status,
# and neither sends a 400 again. Which other failures are retryable is in `test_error_table.py`.
FAILURES: dict[str, Failure] = {
    "a bill as 429": ((429, "PrepaidBillOverdue", "The prepaid bill is overdue."), 1),
    "a refused request as 500": ((500, "InternalError.Algo", "list index out of range"), 1),
    "a missing backend as 400": ((400, None, "No backend server available"), 3),
    "an unknown 429": ((429, "Unheard.Of", "Never heard of."), 3),
}


@pytest.fixture(params=FAILURES)
def failure(request: pytest.FixtureRequest) -> Failure:
    return FAILURES[request.param]


def test_a_failure_is_sent_again_by_its_meaning(server: Server, stub: ProtocolStub, ask: Ask, failure: Failure) -> None:
    report, sent = failure
    server.default = lambda _: stub.error(*report)
    with pytest.raises(QwenWorkspaceError) as caught:
        ask(stub.llm(server, max_retries=2))
    assert (caught.value.status_code, caught.value.message) == (report[0], report[2])
    assert len(server.requests) == sent
    assert caught.value.is_retryable is (sent > 1)


def test_a_failure_in_the_other_protocols_shape_is_sent_again_by_its_meaning(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    """Some gateways answer in the dashscope protocol's form on the path of openai, and the other way round."""
    [other] = [each for each in STUBS if each is not stub]
    server.default = lambda _: other.error(400, None, "No backend server available")
    with pytest.raises(ServerError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == 3


def test_an_error_framed_as_a_stream_is_sent_again_by_its_meaning(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    """As older gateways answer errors, whatever their content type says."""
    body = b'id:1\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"PostpaidBillOverdue","message":"Pay."}\n\n'
    server.default = lambda _: Reply((body,), 429, {**JSON_TYPE, "retry-after-ms": "1"})
    with pytest.raises(BillingError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == 1


@pytest.mark.usefixtures("no_retry_pause")
@pytest.mark.parametrize(("code", "sent"), [("Throttling.RateQuota", 3), ("PrepaidBillOverdue", 1)])
def test_an_error_in_a_response_of_status_200_is_sent_again_by_its_meaning(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, code: str, sent: int
) -> None:
    server.default = lambda _: json_reply(stub.error_body(code, "Text."))
    with pytest.raises(QwenWorkspaceError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == sent


@pytest.mark.parametrize(
    ("code", "says", "sent"), [("PrepaidBillOverdue", "true", 3), ("Throttling.RateQuota", "false", 1)]
)
def test_the_header_x_should_retry_decides(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, *, code: str, says: str, sent: int
) -> None:
    server.default = lambda _: stub.error(429, code, "Text.", x_should_retry=says)
    with pytest.raises(QwenWorkspaceError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == sent


@pytest.mark.usefixtures("no_retry_pause")
def test_an_error_whose_body_is_cut_off_is_sent_again(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: Reply((b'{"code":"Prepaid', 0.02, Act.DROP), 429, JSON_TYPE, "chunked")
    with pytest.raises(APIConnectionError):
        ask_streamed(stub.llm(server, max_retries=1))
    assert len(server.requests) == 2


@pytest.mark.usefixtures("no_retry_pause")
def test_a_response_that_cannot_be_unpacked_is_not_sent_again(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    """It was paid for. One of the SDKs by itself would send it again."""
    packed = Reply((b"\x1f\x8b\x08\x00broken",), 200, {**JSON_TYPE, "Content-Encoding": "gzip"})
    server.default = lambda _: packed
    with pytest.raises(InvalidResponseError):
        ask_two_ways(stub.llm(server, max_retries=2))
    assert len(server.requests) == 1


def test_a_file_is_not_sent_again_for_a_bill() -> None:
    """The Batch API uses the SDK's `files` resource, which has the same policy."""
    with Sandbox() as sandbox:
        opened = sandbox.add_workspace("files")
        llm = ChatQwenWorkspace(model="qwen-plus", base_url=sandbox.base_url, api_key=opened.api_key, max_retries=2)
        sandbox.fail_next(code="PostpaidBillOverdue", path="/files", times=3, headers={"retry-after-ms": "1"})
        with pytest.raises(BillingError):
            QwenWorkspaceBatch(llm).submit(["Hi"])
        assert [request.path.rpartition("/")[2] for request in sandbox.requests] == ["files"]


# -------------------------------------------------------------------------------------------------- what is sent again


def test_the_same_request_is_sent_again(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    server.script(stub.error(*THROTTLED))
    server.default = stub.reply_to
    ask_two_ways(stub.llm(server, max_retries=1))
    varying = {"x-dashscope-sdk-session-id", "x-dashscope-sdk-request-id"}
    first, second = ({k: v for k, v in r.headers.items() if k not in varying} for r in server.requests)
    assert first == second
    assert server.requests[0].raw == server.requests[1].raw


@pytest.mark.usefixtures("no_retry_pause")
def test_a_call_that_was_sent_again_is_counted_once(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    server.script(Reply((Act.DROP,)), stub.error(500, "InternalError", "Later."))
    server.default = stub.reply_to
    usage = WorkspaceUsageCallbackHandler()
    ask_two_ways(stub.llm(server, max_retries=2, callbacks=[usage]))
    assert len(server.requests) == 3
    (record,) = usage.records()
    assert (record.outcome, record.usage and record.usage.total) == ("answered", 5)


def test_a_call_whose_every_attempt_failed_is_counted_once(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask
) -> None:
    server.default = lambda _: stub.error(500, "InternalError", "Later.")
    usage = WorkspaceUsageCallbackHandler()
    with pytest.raises(ServerError):
        ask_two_ways(stub.llm(server, max_retries=2, callbacks=[usage]))
    assert len(server.requests) == 3
    assert [record.outcome for record in usage.records()] == ["failed"]


@pytest.mark.usefixtures("no_retry_pause")
def test_a_stream_that_fails_before_its_first_event_is_opened_again(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(stream_reply(Act.DROP))
    server.default = stub.reply_to
    answer = ask_streamed(stub.llm(server, max_retries=2))
    assert answer.content == "Hello"
    assert answer.response_metadata["request_id"] in {"req-header", "req-body"}
    assert len(server.requests) == 2


# ------------------------------------------------------------------------------------------- clients that the user made


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def seen_statuses() -> list[int]:
    """Return the statuses that the user's own hook received."""
    return []


@pytest.fixture
def client(library: Any, seen_statuses: list[int]) -> Iterator[Any]:
    hooks = {"response": [lambda response: seen_statuses.append(response.status_code)]}
    with library.Client(trust_env=False, event_hooks=hooks) as made:
        yield made


of_two_failures = pytest.mark.parametrize("failure", ["a bill as 429", "a missing backend as 400"], indirect=True)


@of_two_failures
@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_the_policy_holds_for_a_users_client(
    server: Server, stub: ProtocolStub, client: Any, seen_statuses: list[int], *, failure: Failure, streamed: bool
) -> None:
    report, sent = failure
    server.default = lambda _: stub.error(*report)
    llm = stub.llm(server, max_retries=2, http_client=client)
    with pytest.raises(QwenWorkspaceError) as caught:
        list(llm.stream("Hi")) if streamed else llm.invoke("Hi")
    assert caught.value.status_code == report[0]
    assert len(server.requests) == sent
    assert seen_statuses == [report[0]] * sent


@of_two_failures
@pytest.mark.parametrize("streamed", [False, True], ids=["ainvoke", "astream"])
async def test_the_policy_holds_for_a_users_async_client(
    server: Server, stub: ProtocolStub, library: Any, failure: Failure, *, streamed: bool
) -> None:
    report, sent = failure
    server.default = lambda _: stub.error(*report)
    async with library.AsyncClient(trust_env=False) as client:
        llm = stub.llm(server, max_retries=2, http_async_client=client)
        with pytest.raises(QwenWorkspaceError) as caught:
            await (collect(llm.astream("Hi")) if streamed else llm.ainvoke("Hi"))
    assert caught.value.status_code == report[0]
    assert len(server.requests) == sent


def test_a_users_client_is_not_changed(server: Server, stub: ProtocolStub, client: Any) -> None:
    hooks = {name: list(own) for name, own in client.event_hooks.items()}
    server.default = lambda _: stub.error(429, "PrepaidBillOverdue", "The prepaid bill is overdue.")
    with pytest.raises(BillingError):
        stub.llm(server, max_retries=2, http_client=client).invoke("Hi")
    assert client.event_hooks == hooks
    assert "x-should-retry" not in client.post(f"{server.url}/elsewhere", json={}).headers


def test_an_answer_through_a_users_client_is_streamed(server: Server, stub: ProtocolStub, client: Any) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, http_client=client)
    assert [chunk.text for chunk in llm.stream("Hi") if chunk.text] == ["Hel", "lo"]


# ---------------------------------------------------------------------------------- what arrived before the last error

ENDINGS: dict[str, Callable[[ProtocolStub], tuple[Any, ...]]] = {
    "reset": lambda _: (Act.DROP,),
    "closed": lambda _: (),
    "closed inside a character": lambda stub: (stub.delta("西湖")[:-40],),
    "an error": lambda stub: (stub.frame(stub.error_body("InternalError", "Sorry.")),),
    "a frame that is not JSON": lambda _: (b"data: {}{}\n\n",),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_invoke_that_streams_inside_has_the_partial_message(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask, ending: str
) -> None:
    """`invoke` with `streaming=True`; `faults` has the same of streams."""
    server.default = lambda _: stream_reply(stub.delta("Hel"), stub.delta("lo"), *ENDINGS[ending](stub))
    with pytest.raises(QwenWorkspaceError) as caught:
        ask_unstreamed(stub.llm(server, max_retries=2, streaming=True))
    assert len(server.requests) == 1
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text == "Hello"
    assert caught.value.partial_message.response_metadata["model_provider"] == "qwen_workspace"


def test_invoke_of_a_model_that_only_streams_has_the_partial_message(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask
) -> None:
    server.default = lambda _: stream_reply(stub.delta("Hel"), stub.delta("lo"))
    with pytest.raises(StreamInterruptedError) as caught:
        ask_unstreamed(stub.llm(server, model="qwq-plus"))
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text == "Hello"


def test_an_error_before_the_first_chunk_has_no_partial_message(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.default = lambda _: stream_reply(Act.DROP)
    with pytest.raises(StreamInterruptedError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.partial_message is None


@pytest.mark.parametrize("is_partial", [True, False])
def test_an_answer_that_the_service_cut_off_is_marked(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask, *, is_partial: bool
) -> None:
    body = stub.whole("Once upon a")
    choice = (body["output"] if stub.is_dashscope else body)["choices"][0]
    choice["finish_reason"] = "null" if stub.is_dashscope else None
    headers = {"x_dashscope_partialresponse": "true"} if is_partial else {}
    server.default = lambda _: json_reply(body).with_headers(**headers)
    metadata = ask_unstreamed(stub.llm(server)).response_metadata
    assert metadata["finish_reason"] is None
    assert metadata.get("partial_response") is (True if is_partial else None)
