"""Transports over sockets: headers, paths, retries, timeouts and failed connections."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import dashscope.v2.errors
import httpx
import openai
import pytest

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    InvalidRequestError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from tests.support.protocols import DASHSCOPE, ProtocolStub, stub_of
from tests.support.server import Act, Reply, Server, stream_reply
from tests.support.transports import http_transport_of
from tests.support.ways import Ask

SLOW_DOWN = (429, "Throttling.RateQuota", "Slow down.")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Yield an event that a reply can wait for, set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


# -------------------------------------------------------------------------------------------------------- headers


def test_every_request_has_key_workspace_and_user_agent(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    ask(stub.llm(server))
    headers = server.requests[0].headers
    assert headers["authorization"] == "Bearer sk-test"
    assert headers["x-dashscope-workspace"] == "ws-test"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == server.url.removeprefix("http://")
    assert ("dashscope" if stub.is_dashscope else "OpenAI") in headers["user-agent"]


def test_without_a_workspace_id_no_workspace_header_is_sent(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    ask(stub.llm(server, workspace_id=None))
    assert "x-dashscope-workspace" not in server.requests[0].headers


def test_a_stream_is_requested_in_the_protocols_way(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = stub.reply_to
    ask_streamed(stub.llm(server))
    (request,) = server.requests
    assert request.headers.get("x-dashscope-sse") == ("enable" if stub.is_dashscope else None)
    assert request.json.get("stream") == (None if stub.is_dashscope else True)


def test_an_unstreamed_call_requests_no_stream(server: Server, stub: ProtocolStub, ask_unstreamed: Ask) -> None:
    server.default = stub.reply_to
    ask_unstreamed(stub.llm(server))
    (request,) = server.requests
    assert "x-dashscope-sse" not in request.headers
    assert "stream" not in request.json


def test_requests_go_to_the_protocols_paths(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    ask(stub.llm(server))
    ask(stub.llm(f"{server.url}/below"))
    route = "/services/aigc/text-generation/generation" if stub.is_dashscope else "/chat/completions"
    assert [request.path for request in server.requests] == [
        ("/api/v1" if stub.is_dashscope else "/compatible-mode/v1") + route,
        f"/below{route}",
    ]


def test_default_headers_are_sent_with_every_request(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    ask(stub.llm(server, default_headers={"X-Team": "a", "X-DashScope-DataInspection": "{}"}))
    ask(stub.llm(server))
    first, second = server.requests
    assert (first.headers["x-team"], first.headers["x-dashscope-datainspection"]) == ("a", "{}")
    assert first.headers["authorization"] == "Bearer sk-test"
    assert "x-team" not in second.headers


@pytest.mark.parametrize("name", ["X-DashScope-WorkSpace", "x-dashscope-workspace"])
def test_a_default_header_that_names_a_workspace_is_refused(stub: ProtocolStub, name: str) -> None:
    with pytest.raises(ValueError, match=f"`default_headers` has `{name}`.*`workspace_id`"):
        stub.llm("http://127.0.0.1:1", default_headers={name: "ws-other"})


def test_a_header_that_cannot_be_sent_raises_an_error_of_this_package(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    with pytest.raises((QwenWorkspaceError, ValueError), match="X-Team"):
        ask(stub.llm(server, default_headers={"X-Team": "é"}))


# -------------------------------------------------------------------------------------------------------- retries


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 520])
def test_retryable_statuses_are_retried(server: Server, stub: ProtocolStub, ask_two_ways: Ask, status: int) -> None:
    server.script(stub.error(status, "x", "Later."), stub.error(status, "x", "Later."))
    server.default = stub.reply_to
    assert ask_two_ways(stub.llm(server, max_retries=2)).content == "Hello"
    assert len(server.requests) == 3
    assert server.bodies[0] == server.bodies[1] == server.bodies[2]
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer sk-test"}
    assert {request.headers["x-dashscope-workspace"] for request in server.requests} == {"ws-test"}


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_request_is_retried_max_retries_times(server: Server, stub: ProtocolStub, ask: Ask, max_retries: int) -> None:
    server.default = lambda _: stub.error(*SLOW_DOWN)
    with pytest.raises(RateLimitError) as caught:
        ask(stub.llm(server, max_retries=max_retries))
    assert len(server.requests) == max_retries + 1
    assert caught.value.status_code == 429


def test_a_request_is_retried_twice_by_default(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: stub.error(503, "ModelUnavailable", "Later.")
    with pytest.raises(ServerError):
        ask(stub.llm(server, max_retries=2))
    assert len(server.requests) == 3
    assert type(stub.llm(server)).model_fields["max_retries"].default == 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 422, 430])
def test_other_statuses_are_not_retried(server: Server, stub: ProtocolStub, ask_two_ways: Ask, status: int) -> None:
    server.default = lambda _: stub.error(status, "x", "Never.")
    with pytest.raises(QwenWorkspaceError) as caught:
        ask_two_ways(stub.llm(server, max_retries=3))
    assert caught.value.status_code == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("ends_with", ["an error frame", "a broken connection", "nothing"])
def test_a_stream_is_not_retried_after_its_first_event(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, ends_with: str
) -> None:
    error = stub.frame(stub.error_body("Throttling.RateQuota", "Slow down."))
    last: dict[str, tuple[bytes | Act, ...]] = {"an error frame": (error,), "a broken connection": (Act.DROP,)}
    server.default = lambda _: stream_reply(stub.delta("Hel"), *last.get(ends_with, ()))
    with pytest.raises(QwenWorkspaceError):
        ask_streamed(stub.llm(server, max_retries=3))
    assert len(server.requests) == 1


@pytest.mark.usefixtures("no_retry_pause")
def test_a_stream_that_breaks_before_its_first_event_is_retried(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    """`max_retries` also counts requests that failed before their first event."""
    server.script(stream_reply(Act.DROP))
    server.default = stub.reply_to
    assert ask_streamed(stub.llm(server, max_retries=1)).content == "Hello"


@pytest.mark.usefixtures("no_retry_pause")
def test_retries_before_and_after_the_response_headers_count_together(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(stub.error(*SLOW_DOWN), stream_reply(Act.DROP))
    server.default = stub.reply_to
    with pytest.raises(APIConnectionError):
        ask_streamed(stub.llm(server, max_retries=1))
    assert len(server.requests) == 2


@pytest.mark.usefixtures("no_retry_pause")
def test_a_retried_stream_has_the_request_id_of_its_answer(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.script(stream_reply(Act.DROP).with_headers(x_request_id="req-broken"), stub.stream())
    answer = ask_streamed(stub.llm(server, max_retries=1))
    assert answer.response_metadata["request_id"] in {"req-header", "req-body"}


@pytest.mark.usefixtures("no_retry_pause")
def test_an_error_before_the_first_event_is_retried(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    """The error may be in the status or in the first frame."""
    server.script(stream_reply(stub.frame(stub.error_body("Throttling.RateQuota", "Slow down."))))
    server.default = stub.reply_to
    assert ask_streamed(stub.llm(server, max_retries=1)).content == "Hello"
    assert len(server.requests) == 2


def test_retry_after_is_waited_for(
    server: Server, stub: ProtocolStub, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_qwen_workspace._transports._retry_policy.FIRST_PAUSE", 60.0)
    server.script(stub.error(*SLOW_DOWN).with_headers(retry_after_ms="50"))
    server.default = stub.reply_to
    ask(stub.llm(server, max_retries=1))
    first, second = server.requests
    assert 0.045 < second.at - first.at < 50


def test_the_servers_retry_header_decides(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.script(stub.error(500, "x", "Never.", x_should_retry="false"))
    with pytest.raises(ServerError):
        ask(stub.llm(server, max_retries=2))
    server.script(stub.error(400, "x", "Later.", x_should_retry="true"))
    server.default = stub.reply_to
    assert ask(stub.llm(server, max_retries=1)).content == "Hello"
    assert len(server.requests) == 3


@pytest.mark.usefixtures("no_retry_pause")
@pytest.mark.parametrize("max_retries", [0, 2])
def test_a_connection_that_breaks_before_the_response_is_retried(
    server: Server, stub: ProtocolStub, ask: Ask, max_retries: int
) -> None:
    server.default = lambda _: Reply((Act.DROP,))
    with pytest.raises(APIConnectionError) as caught:
        ask(stub.llm(server, max_retries=max_retries))
    assert len(server.requests) == max_retries + 1
    assert caught.value.status_code is None
    theirs = dashscope.v2.errors.APIConnectionError if stub.is_dashscope else openai.APIConnectionError
    assert isinstance(caught.value.__cause__, theirs)


@pytest.mark.usefixtures("no_retry_pause")
def test_a_call_after_a_broken_connection_is_answered(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.script(Reply((Act.DROP,)))
    server.default = stub.reply_to
    assert ask(stub.llm(server, max_retries=1)).content == "Hello"


def test_an_unreachable_server_raises_connection_error(stub: ProtocolStub, ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(APIConnectionError, match=r"^127\.0\.0\.1:\d+ refused the connection\.") as caught:
        ask(stub.llm(f"http://127.0.0.1:{port}"))
    assert (caught.value.model, caught.value.workspace_id) == ("qwen-plus", "ws-test")


def test_the_error_of_a_broken_connection_says_what_happened(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = lambda _: Reply((Act.DROP,))
    with pytest.raises(APIConnectionError) as caught:
        runner.run(stub.llm(server).ainvoke("Hi"))
    assert caught.value.message.partition(" was closed: ")[2].strip(". ")


# ------------------------------------------------------------------------------------------------------- timeouts


def test_a_missing_response_times_out(server: Server, stub: ProtocolStub, ask: Ask, gate: threading.Event) -> None:
    server.default = stub.reply_to
    # Opens the connection, which the pool shares, so that nothing but the response is waited for.
    ask(stub.llm(server))
    server.default = lambda _: Reply((gate, b"{}"))
    with pytest.raises(APITimeoutError) as caught:
        ask(stub.llm(server, timeout=0.5))
    error = caught.value
    theirs = dashscope.v2.errors.APITimeoutError if stub.is_dashscope else openai.APITimeoutError
    assert isinstance(error.__cause__, theirs)
    assert (error.model, error.protocol, error.region) == ("qwen-plus", stub.protocol, "ap-southeast-1")
    assert server.await_requests(2)
    assert len(server.requests) == 2


@pytest.mark.parametrize("events", [0, 1])
def test_a_missing_event_times_out(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, gate: threading.Event, events: int
) -> None:
    server.default = lambda _: stream_reply(*[stub.delta("x")] * events, gate)
    with pytest.raises(APITimeoutError):
        ask_streamed(stub.llm(server, timeout=0.1))


@pytest.mark.parametrize("when", ["in the head", "in the body"])
def test_an_incomplete_response_times_out(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask, gate: threading.Event, when: str
) -> None:
    body = stub.answer().parts[0]
    assert isinstance(body, bytes)
    server.default = lambda _: Reply((b"" if when == "in the head" else body[:9], gate, body[9:]))
    with pytest.raises(APITimeoutError):
        ask_unstreamed(stub.llm(server, timeout=0.1))


def test_a_slow_stream_does_not_time_out_while_events_arrive(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    parts = [part for frame in stub.frames("H", "e", "l", "l", "o") for part in (0.25, frame)]
    server.default = lambda _: stream_reply(*parts)
    assert ask_streamed(stub.llm(server, timeout=1.0)).content == "Hello"


@pytest.mark.usefixtures("no_retry_pause")
def test_a_timed_out_request_is_retried(server: Server, stub: ProtocolStub, ask: Ask, gate: threading.Event) -> None:
    server.script(Reply((gate, b"{}")))
    server.default = stub.reply_to
    assert ask(stub.llm(server, timeout=1.0, max_retries=1)).content == "Hello"
    assert len(server.requests) == 2


def test_an_exception_of_the_users_client_passes_through_dashscope(server: Server) -> None:
    """The openai SDK treats it as a failed connection."""

    def dislike(_: httpx.Request) -> None:
        raise LookupError("It did not like the request.")

    with httpx.Client(event_hooks={"request": [dislike]}) as client:
        llm = DASHSCOPE.llm(server, http_client=client)
        with pytest.raises(LookupError, match="did not like"):
            llm.invoke("Hi")
    assert server.requests == []


def test_connecting_has_the_same_timeout_over_every_protocol() -> None:
    """Connecting has a limit of its own, 5 seconds, as `Connection.timeout` says."""
    limits = {}
    for protocol in ("openai", "dashscope"):
        llm = stub_of(protocol).llm("http://127.0.0.1:1", timeout=600.0)
        with http_transport_of(llm)._client() as client:
            limits[protocol] = (client._client if protocol == "openai" else client.http_client).timeout.connect
    assert limits == {"openai": 5.0, "dashscope": 5.0}


@pytest.mark.parametrize(("name", "value"), [("timeout", 0), ("timeout", -1), ("max_retries", -1)])
def test_invalid_timeout_and_max_retries_are_refused(stub: ProtocolStub, name: str, value: int) -> None:
    with pytest.raises(ValueError, match=name):
        stub.llm("http://127.0.0.1:1", **{name: value})


def test_a_refused_request_leaves_the_connection_usable(fresh_server: Server, stub: ProtocolStub, ask: Ask) -> None:
    fresh_server.script(stub.error(400, "InvalidParameter", "No."))
    fresh_server.default = stub.reply_to
    llm = stub.llm(fresh_server)
    with pytest.raises(InvalidRequestError):
        ask(llm)
    ask(llm)
    assert fresh_server.connections == 1
