"""Errors in streams of HTTP status 200: in either shape and every framing, as the first event and later; cut streams.

What needs no connection is read by `EventReader` alone. `tests/wire/test_streams.py` has the streams without errors.
"""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace import (
    ContentFilterError,
    InvalidResponseError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from langchain_qwen_workspace._transports._event_reader import EventReader
from tests.support.protocols import ProtocolStub
from tests.support.server import STREAM_TYPE, Reply, Server, stream_reply
from tests.support.ways import Ask
from tests.wire.golden._reading import request_of

DASHSCOPE_ERROR = b'{"code":"Throttling.RateQuota","message":"Slow down.","request_id":"req-body"}'
OPENAI_ERROR = (
    b'{"error":{"code":"Throttling.RateQuota","type":"limit_requests","param":null,"message":"Slow down."},'
    b'"request_id":"req-body"}'
)
ANSWER_EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'

# An error as the service or a gateway may frame it, with the status that the frame names.
FRAMINGS: dict[str, tuple[bytes, int | None]] = {
    # As recorded: no space after the colons, the status in a comment.
    "dashscope": (b"id:1\nevent:error\n:HTTP_STATUS/429\ndata:" + DASHSCOPE_ERROR + b"\n\n", 429),
    "dashscope, comment with spaces": (b"event:error\n:HTTP_STATUS/429 \ndata: " + DASHSCOPE_ERROR + b"\n\n", 429),
    "dashscope, windows lines": (b"event:error\r\n:HTTP_STATUS/429\r\ndata:" + DASHSCOPE_ERROR + b"\r\n\r\n", 429),
    "dashscope, no blank line": (b"event:error\n:HTTP_STATUS/429\ndata:" + DASHSCOPE_ERROR, 429),
    "dashscope, no line end at all": (b":HTTP_STATUS/429\ndata:" + DASHSCOPE_ERROR, 429),
    "dashscope, space after the colon": (b"event: error\ndata: " + DASHSCOPE_ERROR + b"\n\n", None),
    "dashscope, no event": (b"data:" + DASHSCOPE_ERROR + b"\n\n", None),
    "dashscope, over several lines": (
        b"event:error\ndata:" + DASHSCOPE_ERROR.replace(b",", b",\ndata:") + b"\n\n",
        None,
    ),
    "dashscope, status that is not a number": (
        b"event:error\n:HTTP_STATUS/many\ndata:" + DASHSCOPE_ERROR + b"\n\n",
        None,
    ),
    "openai": (b"data: " + OPENAI_ERROR + b"\n\n", None),
    "openai, with event": (b"event: error\ndata: " + OPENAI_ERROR + b"\n\n", None),
    "openai, then done": (b"data: " + OPENAI_ERROR + b"\n\ndata: [DONE]\n\n", None),
    "openai, with status": (b"event:error\n:HTTP_STATUS/429\ndata:" + OPENAI_ERROR + b"\n\n", 429),
}


def read(pieces: Iterable[bytes]) -> list[Any]:
    """Return the events of a stream that arrives in these pieces, as both transports read it."""
    response = httpx.Response(200, headers={"x-request-id": "req-header"})
    reader = EventReader(response, request_of("qwen-plus", "openai"), timeout=60)
    return [*(event for piece in pieces for event in reader.feed(piece)), *reader.end()]


@pytest.mark.parametrize("before", [b"", ANSWER_EVENT * 2], ids=["first", "later"])
@pytest.mark.parametrize(("frame", "status"), FRAMINGS.values(), ids=FRAMINGS)
def test_an_error_frame_is_raised(frame: bytes, status: int | None, before: bytes) -> None:
    with pytest.raises(RateLimitError) as caught:
        read([before, frame])
    error = caught.value
    assert type(error) is RateLimitError
    assert (error.code, error.message) == ("Throttling.RateQuota", "Slow down.")
    assert (error.status_code, error.request_id) == (status, "req-body")
    assert (error.model, error.protocol, error.workspace_id) == ("qwen-plus", "openai", "llm-golden")
    assert error.hint


@pytest.mark.parametrize(("frame", "status"), FRAMINGS.values(), ids=FRAMINGS)
def test_an_error_frame_may_arrive_in_any_two_pieces(frame: bytes, status: int | None) -> None:
    for cut in range(len(frame) + 1):
        with pytest.raises(RateLimitError) as caught:
            read([frame[:cut], frame[cut:]])
        assert caught.value.status_code == status, cut


def test_a_request_id_is_taken_from_the_headers_if_the_frame_has_none() -> None:
    with pytest.raises(ServerError) as caught:
        read([b'data:{"code":"InternalError","message":"x"}\n\n'])
    assert caught.value.request_id == "req-header"


@pytest.mark.parametrize(
    "frame",
    [
        b'event:error\n:HTTP_STATUS/500\ndata:{"message":"Out of order.","request_id":"req-body"}\n\n',
        b'event: error\ndata: {"message":"Out of order.","request_id":"req-body"}\n\n',
        b':HTTP_STATUS/500\ndata:{"code":"","message":"Out of order.","request_id":"req-body"}\n\n',
    ],
    ids=["event and status", "event", "status and an empty code"],
)
def test_an_error_event_without_a_code_is_an_error(frame: bytes) -> None:
    with pytest.raises(QwenWorkspaceError, match="Out of order"):
        read([ANSWER_EVENT, frame])


def test_an_error_event_may_repeat_the_output() -> None:
    frame = b'event:error\n:HTTP_STATUS/400\ndata:{"code":"DataInspectionFailed","message":"x","output":{"choices":[]}}'
    with pytest.raises(ContentFilterError):
        read([ANSWER_EVENT, frame + b"\n\n"])


@pytest.mark.parametrize("data", [b"{", b"text", b"[1]", b"null", b'"x"', b"1", b'{"a":}', b"\xff\xfe", b"{}{}"])
def test_a_frame_that_is_not_an_object_is_an_invalid_response(data: bytes) -> None:
    for before in (b"", ANSWER_EVENT):
        with pytest.raises(InvalidResponseError, match="not a JSON object") as caught:
            read([before, b"data:" + data + b"\n\n"])
        assert (caught.value.request_id, caught.value.model) == ("req-header", "qwen-plus")


def test_a_malformed_frame_among_good_ones_is_not_skipped() -> None:
    with pytest.raises(InvalidResponseError):
        read([ANSWER_EVENT, b'data: {"choices": [{"delta": {"con\n\n', ANSWER_EVENT])


# ---------------------------------------------------------------------------------------------------- through the SDKs


@pytest.mark.parametrize("before", [0, 2], ids=["first", "later"])
def test_an_error_frame_reaches_the_caller(server: Server, stub: ProtocolStub, ask_streamed: Ask, before: int) -> None:
    server.default = lambda _: stream_reply(*[stub.delta("x")] * before, FRAMINGS["dashscope"][0])
    with pytest.raises(RateLimitError) as caught:
        ask_streamed(stub.llm(server))
    assert (caught.value.status_code, caught.value.request_id) == (429, "req-body")
    assert (caught.value.protocol, caught.value.workspace_id) == (stub.protocol, "ws-test")


def test_chunks_before_an_error_are_delivered(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stream_reply(stub.delta("Hel"), stub.delta("lo"), FRAMINGS["dashscope"][0])
    stream = stub.llm(server).stream("Hi")
    assert [next(stream).text, next(stream).text] == ["Hel", "lo"]
    with pytest.raises(RateLimitError):
        next(stream)
    assert len(server.requests) == 1


def test_invoke_that_streams_inside_raises_the_error_of_the_stream(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask
) -> None:
    server.default = lambda _: stream_reply(stub.delta("x"), FRAMINGS["dashscope"][0])
    with pytest.raises(RateLimitError):
        ask_unstreamed(stub.llm(server, streaming=True))


def test_an_error_in_one_piece_may_answer_a_stream(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: Reply((DASHSCOPE_ERROR,), 200, {"Content-Type": "application/json"})
    with pytest.raises(RateLimitError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.request_id == "req-body"


def test_a_whole_response_may_answer_a_stream(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: stub.answer("Whole")
    answer = ask_streamed(stub.llm(server))
    assert answer.content == "Whole"
    assert answer.response_metadata["finish_reason"] == "stop"


def test_a_media_type_has_no_case(server: Server, stub: ProtocolStub) -> None:
    headers = {**STREAM_TYPE, "Content-Type": "Text/Event-Stream"}
    server.default = lambda _: Reply(tuple(stub.frames("Hello")), 200, headers, "chunked")
    assert "".join(chunk.text for chunk in stub.llm(server).stream("Hi")) == "Hello"


# ------------------------------------------------------------------------------------------------------- cut streams


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("frames", [0, 1])
def test_a_stream_that_ends_without_finish_reason_is_interrupted(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, frames: int, framing: Any
) -> None:
    server.default = lambda _: stream_reply(*stub.frames("Hel", "lo")[:frames], framing=framing)
    with pytest.raises(StreamInterruptedError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.model == "qwen-plus"
    assert caught.value.request_id == ("req-body" if frames and stub.is_dashscope else "req-header")


def test_a_cut_stream_is_never_taken_for_a_whole_answer(server: Server, stub: ProtocolStub) -> None:
    """Only after the finish reason may a stream end; the usage and `[DONE]` may be missing."""
    whole = b"".join(stub.frames("Hel", "lo"))
    finished = whole.rindex(b'"stop"')
    for cut in range(0, len(whole), 40):
        server.script(stream_reply(whole[:cut], framing="close"))
        if cut < finished:
            with pytest.raises((StreamInterruptedError, InvalidResponseError)):
                list(stub.llm(server).stream("Hi"))
            continue
        try:
            text = "".join(chunk.text for chunk in stub.llm(server).stream("Hi"))
        except (StreamInterruptedError, InvalidResponseError):
            continue
        assert text == "Hello"


def test_a_stream_may_end_without_its_last_line_end(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: stream_reply(b"".join(stub.frames("Hel", "lo")).rstrip(b"\n"))
    answer = ask_streamed(stub.llm(server))
    assert answer.content == "Hello"
    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def test_a_stream_may_have_no_blank_lines(server: Server, stub: ProtocolStub) -> None:
    frames = (frame.replace(b"\n\n", b"\n") for frame in stub.frames("Hel", "lo"))
    server.default = lambda _: stream_reply(*frames)
    assert "".join(chunk.text for chunk in stub.llm(server).stream("Hi")) == "Hello"


def test_a_stream_may_have_comments_and_windows_lines(server: Server, stub: ProtocolStub) -> None:
    frames = [b": keep-alive\r\n\r\n" + frame.replace(b"\n", b"\r\n") for frame in stub.frames("Hel", "lo")]
    server.default = lambda _: stream_reply(*frames)
    assert "".join(chunk.text for chunk in stub.llm(server).stream("Hi")) == "Hello"


def test_characters_may_arrive_a_byte_at_a_time(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    written = b"".join(stub.frames("西湖", "在杭州 🌊"))
    assert "湖".encode() in written
    server.default = lambda _: stream_reply(*(written[start : start + 1] for start in range(len(written))))
    assert ask_streamed(stub.llm(server)).content == "西湖在杭州 🌊"
