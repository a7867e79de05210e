"""The end of a stream is the protocol's, not the connection's; and a stream without anything of an answer has no start.

All four ways of calling stream here: the model does not answer otherwise.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, TypeAlias

import httpx
import pytest

from langchain_qwen_workspace import (
    APITimeoutError,
    ChatQwenWorkspace,
    RateLimitError,
    StreamInterruptedError,
)
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire import openai_chat
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.server import Act, Part, Server, stream_reply
from tests.support.ways import Ask

Tail: TypeAlias = Sequence[Part]

FOR_LONG = 120.0
"""Seconds that the server keeps a connection open: longer than any test may take, also on a busy machine."""

COMMENT: Tail = (b": keep-alive\n\n", 0.02)

TAILS: dict[str, Tail] = {
    "held open": (Act.AWAIT_HANGUP,),
    "comments": (*(part for _ in range(500) for part in COMMENT), Act.AWAIT_HANGUP),
    "reset": (0.05, Act.DROP),
    "garbage": (b"data: [1]\n\ndata: oops\n\n", 0.05, Act.DROP),
    "half an event": (b'data: {"a"', 0.05, Act.DROP),
}


def llm_for(stub: ProtocolStub, server: Server, **fields: Any) -> ChatQwenWorkspace:
    return stub.llm(server, **{"model": "qwq-plus", "timeout": FOR_LONG, **fields})


def take_at_once(ask: Ask, llm: ChatQwenWorkspace) -> Any:
    """Return an answer that arrives long before the connection ends."""
    begun = time.monotonic()
    answer = ask(llm)
    assert time.monotonic() - begun < FOR_LONG / 2
    return answer


# ------------------------------------------------------------------------------------------------- what follows the end


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_what_follows_the_end_of_a_stream_does_not_matter(
    server: Server, stub: ProtocolStub, ask: Ask, tail: Tail
) -> None:
    server.script(stream_reply(*stub.frames("Hel", "lo"), *tail))
    answer = take_at_once(ask, llm_for(stub, server))
    assert (answer.content, answer.response_metadata["finish_reason"]) == ("Hello", "stop")


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_an_end_whose_line_does_not_end_is_an_end(server: Server, ask: Ask, framing: Any) -> None:
    *frames, end = OPENAI.frames("Hello")
    server.script(stream_reply(*frames, end.rstrip(), Act.AWAIT_HANGUP, framing=framing))
    assert take_at_once(ask, llm_for(OPENAI, server)).content == "Hello"


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what may follow a finish reason be waited for a moment only."""
    monkeypatch.setattr(openai_chat, "_GRACE", 0.3)


@pytest.mark.usefixtures("short_grace")
@pytest.mark.parametrize("end", [bytes, bytes.rstrip], ids=["whole line", "half a line"])
def test_a_last_event_is_read_although_the_connection_stays_open(
    server: Server, stub: ProtocolStub, ask: Ask, end: Callable[[bytes], bytes]
) -> None:
    server.script(stream_reply(stub.delta("Hello"), end(stub.delta("", "stop")), Act.AWAIT_HANGUP))
    answer = take_at_once(ask, llm_for(stub, server))
    assert (answer.content, answer.response_metadata["finish_reason"]) == ("Hello", "stop")


def test_the_grace_after_a_finish_reason_is_shorter_than_a_timeout_and_longer_than_a_pause() -> None:
    assert 5.0 <= openai_chat._GRACE < FOR_LONG / 2


def test_a_last_event_whose_line_does_not_end_is_read_before_a_reset(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    server.script(stream_reply(stub.delta("Hello"), stub.delta("", "stop").rstrip(), 0.05, Act.DROP))
    assert ask(llm_for(stub, server)).content == "Hello"


@pytest.mark.parametrize(
    "tail", [(Act.DROP,), (b": x\n\n", 0.3, b": x\n\n", 0.3, b": x\n\n", 5.0)], ids=["reset", "quiet"]
)
def test_an_answer_with_a_finish_reason_is_not_lost_if_the_usage_does_not_arrive(
    server: Server, ask: Ask, tail: Tail
) -> None:
    server.script(stream_reply(OPENAI.delta("Hello"), OPENAI.delta("", "stop"), *tail))
    answer = ask(llm_for(OPENAI, server, timeout=0.5))
    assert (answer.content, answer.usage_metadata) == ("Hello", None)


def test_usage_that_arrives_late_is_waited_for(server: Server, ask: Ask) -> None:
    *frames, usage, done = OPENAI.frames("Hello")
    server.script(stream_reply(*frames, 1.5, usage, done))
    assert ask(llm_for(OPENAI, server)).usage_metadata["total_tokens"] == 5  # type: ignore[index]  # it is not None


def test_an_event_soon_after_the_final_one_is_read(server: Server, ask: Ask) -> None:
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    server.script(
        stream_reply(
            DASHSCOPE.event({"content": "Hello"}, "stop", {}), 0.1, DASHSCOPE.event({"content": ""}, None, usage)
        )
    )
    assert ask(llm_for(DASHSCOPE, server)).usage_metadata["total_tokens"] == 5  # type: ignore[index]  # it is not None


def test_an_error_after_the_final_event_is_raised(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    error = stub.frame(stub.error_body("Throttling.RateQuota", "Slow down."))
    server.script(stream_reply(stub.delta("Hello"), stub.delta("", "stop"), error))
    with pytest.raises(RateLimitError):
        ask(llm_for(stub, server))


@pytest.mark.parametrize("tail", [(), (Act.DROP,), (0.7,)], ids=["end", "reset", "quiet"])
def test_a_stream_that_ends_without_the_protocols_end_is_interrupted(
    server: Server, stub: ProtocolStub, ask: Ask, tail: Tail
) -> None:
    server.script(stream_reply(stub.delta("Hel"), b"", *tail))
    with pytest.raises((StreamInterruptedError, APITimeoutError)) as caught:
        ask(llm_for(stub, server, timeout=0.4, max_retries=2))
    assert caught.value.partial_message is not None
    assert len(server.requests) == 1


def test_a_connection_whose_response_ends_soon_is_used_again(
    fresh_server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    fresh_server.default = lambda _: stream_reply(*stub.frames("Hello"), 0.05)
    llm = llm_for(stub, fresh_server)
    for _ in range(3):
        ask_streamed(llm)
    assert fresh_server.connections == 1


def test_a_limit_on_the_end_of_a_response_does_not_limit_the_next_one(
    fresh_server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    slow = stream_reply(stub.delta("Hel"), 1.5, *stub.frames("lo"))
    fresh_server.script(stream_reply(*stub.frames("Hello"), 0.05), slow)
    llm = llm_for(stub, fresh_server)
    assert [ask_streamed(llm).content for _ in range(2)] == ["Hello", "Hello"]
    assert fresh_server.connections == 1


class _Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body of a client whose reads cannot be limited, which fails if it is read past the end of the stream."""

    def __init__(self, stub: ProtocolStub) -> None:
        self._stream = b"".join(stub.frames("Hello"))

    def __iter__(self) -> Iterator[bytes]:
        yield self._stream
        pytest.fail("It reads on.")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._stream
        pytest.fail("It reads on.")


def test_a_client_whose_reads_cannot_be_limited_stops_at_the_end(
    stub: ProtocolStub, ask_streamed: Ask, runner: asyncio.Runner
) -> None:
    headers = {"content-type": "text/event-stream"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=_Endless(stub)))
    with httpx.Client(transport=transport) as client:
        own_async = httpx.AsyncClient(transport=transport)
        llm = stub.llm("http://127.0.0.1:1", http_client=client, http_async_client=own_async)
        assert ask_streamed(llm).content == "Hello"
        runner.run(own_async.aclose())


# ---------------------------------------------------------------------------------------------- an end without a finish


@pytest.fixture(params=[False, True], ids=["no usage", "usage"])
def unfinished(request: pytest.FixtureRequest) -> list[bytes]:
    """Return a stream with `[DONE]` and no finish reason."""
    usage, done = OPENAI.ending(OPENAI.usage)
    return [OPENAI.delta("Hel"), OPENAI.delta("lo"), *([usage] if request.param else []), done]


def test_an_end_without_a_finish_reason_is_a_partial_answer(server: Server, ask: Ask, unfinished: list[bytes]) -> None:
    server.script(stream_reply(*unfinished))
    answer = ask(llm_for(OPENAI, server))
    metadata = answer.response_metadata
    assert (answer.content, metadata["finish_reason"], metadata["partial_response"]) == ("Hello", None, True)
    assert metadata["warning"] == "The response has no finish reason, so the answer may be incomplete."


def test_a_finished_answer_has_no_warning(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.script(stub.stream())
    assert not {"warning", "partial_response"} & ask(llm_for(stub, server)).response_metadata.keys()


def test_a_partial_response_in_one_piece_is_an_answer_to_a_stream(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    """The service answers a request for a stream in one piece where a rule stopped it."""
    reply = stub.answer_with({"content": "Hel"}, "null" if stub.is_dashscope else "")
    server.script(reply.with_headers(x_dashscope_partialresponse="true"))
    answer = ask(llm_for(stub, server))
    assert (answer.content, answer.response_metadata["partial_response"]) == ("Hel", True)


def test_a_tool_call_cut_by_the_end_is_invalid(server: Server, ask: Ask) -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": '{"at": "no'}}
    server.script(stream_reply(OPENAI.event({"tool_calls": [call]}, None, {}), b"data: [DONE]\n\n"))
    answer = ask(llm_for(OPENAI, server))
    assert (answer.tool_calls, [call["name"] for call in answer.invalid_tool_calls]) == ([], ["look"])


# -------------------------------------------------------------------------------------------------------- failed starts


def openai_events(*events: Json) -> list[bytes]:
    return [OPENAI.frame({"id": "chatcmpl-1", "model": "qwen-plus", **event}) for event in events]


ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}], "usage": None}
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None}
FILTERED = {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}], "usage": None}
DONE = b"data: [DONE]\n\n"

FAILED_STARTS: dict[str, Callable[[ProtocolStub], Sequence[Part]]] = {
    "nothing": lambda _: [b""],
    "a comment": lambda _: [b": hello\n\n"],
    "an end": lambda _: [DONE],
    "empty events": lambda stub: [stub.event({"content": ""}, None, {}), stub.event({}, None, {"output_tokens": 0})],
    "empty events, then a reset": lambda stub: [stub.event({"content": ""}, None, {}), 0.05, Act.DROP],
    "empty events, then silence": lambda stub: [stub.event({"content": ""}, None, {}), 2.0],
    "empty events, then a temporary error": lambda stub: [
        stub.event({"content": ""}, None, {}),
        stub.frame(stub.error_body("Throttling.RateQuota", "Slow down.")),
    ],
    "a bare end": lambda stub: [stub.event({"content": ""}, "stop", {}), *([] if stub.is_dashscope else [DONE])],
}


@pytest.mark.usefixtures("no_retry_pause")
@pytest.mark.parametrize("start", FAILED_STARTS.values(), ids=FAILED_STARTS)
def test_a_stream_without_anything_of_an_answer_is_asked_for_again(
    server: Server, stub: ProtocolStub, ask: Ask, start: Callable[[ProtocolStub], Sequence[Part]]
) -> None:
    server.script(stream_reply(*start(stub)), stub.stream())
    assert ask(llm_for(stub, server, timeout=1.0, max_retries=1)).content == "Hello"
    assert len(server.requests) == 2


@pytest.mark.usefixtures("no_retry_pause")
def test_a_stream_that_stays_empty_is_an_error(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = lambda _: stream_reply(stub.event({"content": ""}, None, {}))
    with pytest.raises(StreamInterruptedError, match="before anything of an answer arrived"):
        ask(llm_for(stub, server, max_retries=1))
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("events", "fields"),
    [
        ([ROLE, STOP, {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}}], {}),
        ([ROLE, FILTERED], {}),
        ([ROLE, STOP], {"stream_usage": False}),
    ],
    ids=["with usage", "with a reason", "without the usage that was not asked for"],
)
def test_an_empty_answer_is_not_sent_again(
    server: Server, ask: Ask, events: Sequence[Json], fields: dict[str, Any]
) -> None:
    server.script(stream_reply(*openai_events(*events), DONE))
    assert ask(llm_for(OPENAI, server, max_retries=2, **fields)).content == ""
    assert len(server.requests) == 1


def test_an_empty_answer_with_usage_is_not_sent_again_on_dashscope(server: Server, ask: Ask) -> None:
    server.script(stream_reply(DASHSCOPE.delta("", "stop")))
    assert ask(llm_for(DASHSCOPE, server, max_retries=2)).content == ""
    assert len(server.requests) == 1


def test_a_stream_with_usage_that_breaks_is_not_sent_again(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.script(stream_reply(stub.delta(""), stub.ending(stub.usage)[0] if stub.ending({}) else b"", 0.05, Act.DROP))
    with pytest.raises(StreamInterruptedError):
        ask(llm_for(stub, server, max_retries=2))
    assert len(server.requests) == 1
