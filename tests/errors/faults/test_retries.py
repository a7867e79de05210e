"""When a request is sent again, how long is waited before, and that it is one rule for both protocols."""

import math
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from langchain_qwen_workspace import (
    InvalidResponseError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._transports._retry_policy import Attempts, apply_retry_headers
from tests.support.protocols import ProtocolStub
from tests.support.server import JSON_TYPE, Act, Part, Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask

SLOW_DOWN = (429, "Throttling.RateQuota", "Slow down.")


def _pauses(error: QwenWorkspaceError, retries: int) -> list[float | None]:
    attempts = Attempts(retries)
    return [attempts.pause_after(error) for _ in range(retries + 1)]


def test_pauses_double_and_are_not_the_same_for_all() -> None:
    several = [_pauses(RateLimitError("x"), 7) for _ in range(20)]
    for pauses in several:
        assert pauses.pop() is None
        for pause, longest in zip(pauses, (0.5, 1, 2, 4, 8, 8, 8), strict=True):
            assert pause is not None
            assert 0.75 * longest <= pause <= longest
    assert len({str(pauses) for pauses in several}) == 20


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "2"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, math.inf),
        ({"retry-after": "1e400"}, math.inf),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 99 Oct 99999 07:28:00 GMT"}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], asked: float | None) -> None:
    error = RateLimitError("x")
    apply_retry_headers(error, headers)
    assert error.retry_after == asked


def test_a_date_to_wait_for() -> None:
    error = RateLimitError("x")
    apply_retry_headers(error, {"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert error.retry_after is not None
    assert 28 < error.retry_after <= 30
    assert _pauses(error, 1)[0] == error.retry_after


@pytest.mark.parametrize(("asked", "again"), [("60", True), ("61", False), ("3600", False), ("inf", False)])
def test_a_long_wait_is_an_error_at_once(asked: str, *, again: bool) -> None:
    error = RateLimitError("x")
    apply_retry_headers(error, {"retry-after": asked})
    assert (_pauses(error, 1)[0] is not None) is again


@pytest.mark.parametrize("asked", ["3600", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_hangs_for_an_hour(server: Server, stub: ProtocolStub, ask: Ask, asked: str) -> None:
    server.default = lambda _: json_reply(stub.error_body(*SLOW_DOWN[1:]), 429).with_headers(retry_after=asked)
    with pytest.raises(RateLimitError) as caught:
        ask(stub.llm(server, max_retries=2))
    assert (caught.value.retry_after or 0) >= 3600
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "headers", [{"retry_after": "0.05"}, {"retry_after_ms": "50"}, {"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}]
)
def test_the_server_is_asked_again_when_it_says(
    server: Server, stub: ProtocolStub, ask: Ask, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_qwen_workspace._transports._retry_policy.FIRST_PAUSE", 60.0)
    server.script(json_reply(stub.error_body(*SLOW_DOWN[1:]), 429).with_headers(**headers))
    server.default = stub.reply_to
    ask(stub.llm(server, max_retries=1))
    first, second = server.requests
    assert (0.0 if "GMT" in str(headers) else 0.045) < second.at - first.at < 10


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "parts",
    [(Act.DROP,), (), (b"data: [DONE]\n\n",), (b'data: {"half',)],
    ids=["breaks", "ends", "ends in order", "ends in a frame"],
)
def test_a_stream_that_fails_before_its_first_event_is_opened_again(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, parts: tuple[Part, ...]
) -> None:
    """One that stalls is in the matrix."""
    server.default = lambda _: stream_reply(*parts)
    llm = stub.llm(server, max_retries=2)
    with pytest.raises(StreamInterruptedError):
        ask_streamed(llm)
    assert len(server.requests) == 3
    server.script(stream_reply(*parts))
    server.default = stub.reply_to
    answer = ask_streamed(llm)
    assert answer.content == "Hello"
    assert answer.response_metadata["request_id"] in {"req-header", "req-body"}
    assert len(server.requests) == 5


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("packed", [b"no gzip", b"\x1f\x8b\x08\x00broken"])
def test_what_came_and_cannot_be_read_is_not_asked_for_again(
    server: Server, stub: ProtocolStub, ask: Ask, packed: bytes
) -> None:
    """It was paid for; neither SDK's own rule, of which one repeats it."""
    server.default = lambda _: Reply((packed,), 200, {**JSON_TYPE, "Content-Encoding": "gzip"})
    with pytest.raises(InvalidResponseError):
        ask(stub.llm(server, max_retries=2))
    assert len(server.requests) == 1


@pytest.mark.usefixtures("impatient")
def test_a_call_that_was_sent_again_is_one_call(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """For whoever counts: with the tokens of its one answer."""
    server.script(Reply((Act.DROP,)), stub.error(500, "InternalError", "Later."))
    server.default = stub.reply_to
    usage = WorkspaceUsageCallbackHandler()
    ask(stub.llm(server, max_retries=2, callbacks=[usage]))
    assert len(server.requests) == 3
    (record,) = usage.records()
    assert (record.outcome, record.usage and record.usage.total) == ("answered", 5)


@pytest.mark.usefixtures("impatient")
def test_a_call_that_failed_as_often_as_it_may_is_one_call(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: stub.error(500, "InternalError", "Later.")
    usage = WorkspaceUsageCallbackHandler()
    with pytest.raises(ServerError):
        ask(stub.llm(server, max_retries=2, callbacks=[usage]))
    assert len(server.requests) == 3
    assert [record.outcome for record in usage.records()] == ["failed"]


def test_a_repetition_says_the_same(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """The same words to the same place: nothing tells the service that it is another request."""
    server.script(stub.error(*SLOW_DOWN))
    server.default = stub.reply_to
    ask(stub.llm(server, max_retries=1))
    varying = {"x-dashscope-sdk-session-id", "x-dashscope-sdk-request-id"}
    first, second = ({k: v for k, v in r.headers.items() if k not in varying} for r in server.requests)
    assert first == second
    assert server.requests[0].raw == server.requests[1].raw


# ------------------------------------------------------------------------------------------------- what had come

BREAKS: dict[str, Callable[[ProtocolStub], tuple[Any, ...]]] = {
    "breaks": lambda _: (Act.DROP,),
    "ends": lambda _: (),
    "ends in a character": lambda stub: (stub.delta("西湖")[:-40],),
    "fails": lambda stub: (stub.frame(stub.error_body("InternalError", "Sorry.")),),
    "is no JSON": lambda _: (b"data: {}{}\n\n",),
}


@pytest.mark.parametrize("end", BREAKS)
@pytest.mark.parametrize("fields", [{"model": "qwq-plus"}, {"streaming": True}], ids=["model", "field"])
def test_an_error_has_what_came_before_it(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask, *, end: str, fields: dict[str, Any]
) -> None:
    """Where `invoke` streams inside, as the model needs it or as the user wants it; streams are in the matrix."""
    server.default = lambda _: stream_reply(stub.delta("Hel"), stub.delta("lo"), *BREAKS[end](stub))
    with pytest.raises(QwenWorkspaceError) as caught:
        ask_unstreamed(stub.llm(server, max_retries=2, **fields))
    assert len(server.requests) == 1
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text == "Hello"
    assert caught.value.partial_message.response_metadata["model_provider"] == "qwen_workspace"


def test_an_error_before_anything_came_has_nothing(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: stream_reply(Act.DROP)
    with pytest.raises(StreamInterruptedError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.partial_message is None


def test_an_answer_that_the_service_cut_off_says_so(server: Server, stub: ProtocolStub, ask_unstreamed: Ask) -> None:
    body = stub.whole("Once upon a")
    choice = (body["output"] if stub.is_dashscope else body)["choices"][0]
    choice["finish_reason"] = "null" if stub.is_dashscope else None
    server.default = lambda _: json_reply(body).with_headers(x_dashscope_partialresponse="true")
    answer = ask_unstreamed(stub.llm(server))
    assert answer.content == "Once upon a"
    assert answer.response_metadata["partial_response"] is True
    assert answer.response_metadata["finish_reason"] is None
    server.default = stub.reply_to
    assert "partial_response" not in ask_unstreamed(stub.llm(server)).response_metadata
