"""Errors inside streams of HTTP status 200: either shape, every framing, as the first event and later."""

from typing import Any

import pytest

from langchain_qwen_workspace import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    InvalidResponseError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from tests.support.protocols import DASHSCOPE, OPENAI, STUBS, ProtocolStub
from tests.support.server import STREAM_TYPE, Act, Reply, Server, stream_reply
from tests.support.ways import Ask

NATIVE = b'{"code":"Throttling.RateQuota","message":"Slow down.","request_id":"req-body"}'
COMPATIBLE = (
    b'{"error":{"code":"Throttling.RateQuota","type":"limit_requests","param":null,"message":"Slow down."},'
    b'"request_id":"req-body"}'
)

# What a gateway may write, with the status that it names.
FRAMINGS: dict[str, tuple[bytes, int | None]] = {
    # As recorded: no blank behind the colons, the status in a comment.
    "native": (b"id:1\nevent:error\n:HTTP_STATUS/429\ndata:" + NATIVE + b"\n\n", 429),
    "native, comment with blanks": (b"event:error\n:HTTP_STATUS/429 \ndata: " + NATIVE + b"\n\n", 429),
    "native, windows lines": (b"event:error\r\n:HTTP_STATUS/429\r\ndata:" + NATIVE + b"\r\n\r\n", 429),
    "native, no blank line": (b"event:error\n:HTTP_STATUS/429\ndata:" + NATIVE, 429),
    "native, no line end at all": (b":HTTP_STATUS/429\ndata:" + NATIVE, 429),
    "native, blank behind the colon": (b"event: error\ndata: " + NATIVE + b"\n\n", None),
    "native, no event": (b"data:" + NATIVE + b"\n\n", None),
    "native, over lines": (b"event:error\ndata:" + NATIVE.replace(b",", b",\ndata:") + b"\n\n", None),
    "native, senseless status": (b"event:error\n:HTTP_STATUS/many\ndata:" + NATIVE + b"\n\n", None),
    "compatible": (b"data: " + COMPATIBLE + b"\n\n", None),
    "compatible, with event": (b"event: error\ndata: " + COMPATIBLE + b"\n\n", None),
    "compatible, then done": (b"data: " + COMPATIBLE + b"\n\ndata: [DONE]\n\n", None),
    "compatible, with status": (b"event:error\n:HTTP_STATUS/429\ndata:" + COMPATIBLE + b"\n\n", 429),
}


@pytest.fixture(params=FRAMINGS)
def framing(request: pytest.FixtureRequest) -> tuple[bytes, int | None]:
    return FRAMINGS[request.param]


@pytest.mark.parametrize("before", [0, 2], ids=["first", "later"])
def test_an_error_frame_is_raised(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, framing: tuple[bytes, int | None], before: int
) -> None:
    frame, status = framing
    server.default = lambda _: stream_reply(*[stub.delta("x")] * before, frame)
    with pytest.raises(RateLimitError) as caught:
        ask_streamed(stub.llm(server))
    error = caught.value
    assert type(error) is RateLimitError
    assert (error.code, error.message) == ("Throttling.RateQuota", "Slow down.")
    assert (error.status_code, error.request_id) == (status, "req-body")
    assert (error.model, error.protocol, error.workspace_id) == ("qwen-plus", stub.protocol, "ws-test")
    assert error.hint
    assert error.is_retryable


@pytest.mark.parametrize("width", [1, 2, 7])
def test_an_error_frame_may_arrive_in_pieces(
    server: Server, stub: ProtocolStub, framing: tuple[bytes, int | None], width: int
) -> None:
    frame, status = framing
    pieces = [frame[start : start + width] for start in range(0, len(frame), width)]
    server.default = lambda _: stream_reply(stub.delta("x"), *pieces)
    with pytest.raises(RateLimitError) as caught:
        list(stub.llm(server).stream("Hi"))
    assert caught.value.status_code == status


def test_what_came_before_an_error_was_handed_on(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stream_reply(stub.delta("Hel"), stub.delta("lo"), FRAMINGS["native"][0])
    stream = stub.llm(server).stream("Hi")
    assert [next(stream).text, next(stream).text] == ["Hel", "lo"]
    with pytest.raises(RateLimitError):
        next(stream)
    assert len(server.requests) == 1


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_status_belongs_to_its_own_frame(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, line_end: bytes
) -> None:
    frames = b":HTTP_STATUS/200\n" + stub.delta("x") + b"event:error\ndata:" + NATIVE + b"\n\n"
    server.default = lambda _: stream_reply(frames.replace(b"\n", line_end))
    with pytest.raises(RateLimitError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.status_code is None


def test_without_a_request_id_in_the_frame_the_headers_has_it(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.default = lambda _: stream_reply(b'data:{"code":"InternalError","message":"x"}\n\n')
    with pytest.raises(ServerError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.request_id == "req-header"


@pytest.mark.parametrize(
    ("code", "status", "message_and_kind"),
    [
        ("DataInspectionFailed", 400, ("Output data may contain inappropriate content.", ContentFilterError)),
        ("InvalidParameter", 400, ("Role must be user or assistant", InvalidRequestError)),
        ("InternalError.Algo.InvalidParameter", 400, ("Range of input length should be [1, 5]", ContextLengthError)),
        ("InvalidApiKey", 401, ("Invalid API-key provided.", AuthenticationError)),
        ("Unheard.Of", 503, ("Never heard of.", ServerError)),
        ("Unheard.Of", None, ("Never heard of.", QwenWorkspaceError)),
    ],
)
def test_an_error_frame_is_classed_like_an_error_body(
    server: Server,
    stub: ProtocolStub,
    code: str,
    status: int | None,
    message_and_kind: tuple[str, type[QwenWorkspaceError]],
) -> None:
    message, kind = message_and_kind
    comment = f":HTTP_STATUS/{status}\n" if status else ""
    for shape in STUBS:
        body = shape.frame(shape.error_body(code, message)).partition(b"data:")[2]
        server.script(stream_reply(f"event:error\n{comment}data:".encode() + body))
        with pytest.raises(QwenWorkspaceError) as caught:
            list(stub.llm(server).stream("Hi"))
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.status_code) == (code, status)


@pytest.mark.parametrize("code", [None, "invalid_request_error"])
def test_an_invalid_request_is_told_by_its_type_where_no_status_is(
    server: Server, stub: ProtocolStub, code: str | None
) -> None:
    body = OPENAI.error_body(code, "you must provide a model parameter.", "invalid_request_error")
    server.default = lambda _: stream_reply(OPENAI.frame(body))
    with pytest.raises(InvalidRequestError):
        list(stub.llm(server).stream("Hi"))


def test_invoke_raises_an_error_of_the_stream_inside(server: Server, stub: ProtocolStub, ask_unstreamed: Ask) -> None:
    """`streaming=True` makes `invoke` stream, so that it fails like a stream."""
    server.default = lambda _: stream_reply(stub.delta("x"), FRAMINGS["native"][0])
    with pytest.raises(RateLimitError):
        ask_unstreamed(stub.llm(server, streaming=True))


@pytest.mark.parametrize(
    "frame",
    [
        b'event:error\n:HTTP_STATUS/500\ndata:{"message":"Out of order.","request_id":"req-body"}\n\n',
        b'event: error\ndata: {"message":"Out of order.","request_id":"req-body"}\n\n',
        b':HTTP_STATUS/500\ndata:{"code":"","message":"Out of order.","request_id":"req-body"}\n\n',
    ],
)
def test_an_error_event_without_a_code_is_an_error(server: Server, stub: ProtocolStub, frame: bytes) -> None:
    server.default = lambda _: stream_reply(stub.delta("x"), frame)
    with pytest.raises(QwenWorkspaceError, match="Out of order"):
        list(stub.llm(server).stream("Hi"))


def test_an_error_event_may_repeat_the_output(server: Server, stub: ProtocolStub) -> None:
    frame = b'event:error\n:HTTP_STATUS/400\ndata:{"code":"DataInspectionFailed","message":"x","output":{"choices":[]}}'
    server.default = lambda _: stream_reply(stub.delta("x"), frame + b"\n\n")
    with pytest.raises(ContentFilterError):
        list(stub.llm(server).stream("Hi"))


# --------------------------------------------------------------------------------------- streams that are no streams


def test_an_error_in_one_piece_answers_a_stream(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: Reply((NATIVE,), 200, {"Content-Type": "application/json"})
    with pytest.raises(RateLimitError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.request_id == "req-body"


@pytest.mark.parametrize("data", [b"{", b"text", b"[1]", b"null", b'"x"', b"1", b'{"a":}', b"\xff\xfe", b"{}{}"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_frame_that_is_no_object_is_an_invalid_response(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, data: bytes, before: int
) -> None:
    server.default = lambda _: stream_reply(*[stub.delta("x")] * before, b"data:" + data + b"\n\n")
    with pytest.raises(InvalidResponseError, match="not a JSON object") as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.request_id == "req-header"
    assert caught.value.model == "qwen-plus"


def test_a_broken_frame_among_good_ones_is_not_skipped(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    frames = stub.frames("Hel", "lo")
    frames.insert(1, b'data: {"choices": [{"delta": {"con\n\n')
    server.default = lambda _: stream_reply(*frames)
    with pytest.raises(InvalidResponseError):
        ask_streamed(stub.llm(server))


# ------------------------------------------------------------------------------------------------ truncated streams


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("frames", [0, 1, 2])
def test_a_stream_that_ends_between_frames_is_interrupted(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, frames: int, framing: Any
) -> None:
    server.default = lambda _: stream_reply(*stub.frames("Hel", "lo")[:frames], framing=framing)
    with pytest.raises(StreamInterruptedError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.is_retryable
    assert caught.value.model == "qwen-plus"
    if frames:
        assert caught.value.request_id == ("req-body" if stub.is_dashscope else "req-header")


def test_a_stream_of_nothing_still_has_a_request_id(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: stream_reply()
    with pytest.raises(StreamInterruptedError) as caught:
        ask_streamed(stub.llm(server))
    assert caught.value.request_id == "req-header"


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_stream_that_ends_inside_a_frame_is_interrupted(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, framing: Any
) -> None:
    cut = stub.delta("lo")[:-20]
    server.default = lambda _: stream_reply(stub.delta("Hel"), cut, framing=framing)
    with pytest.raises(StreamInterruptedError):
        ask_streamed(stub.llm(server))


def test_a_connection_that_breaks_in_a_stream_interrupts_it(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.default = lambda _: stream_reply(stub.delta("Hel"), 0.02, Act.DROP)
    with pytest.raises(StreamInterruptedError):
        ask_streamed(stub.llm(server))


def test_wherever_a_stream_is_cut_half_an_answer_is_never_whole(server: Server, stub: ProtocolStub) -> None:
    """Only after the finish reason may a stream end; what follows it is usage and `[DONE]`."""
    whole = b"".join(stub.frames("Hel", "lo"))
    finished = whole.rindex(b'"stop"')
    for cut in range(0, len(whole), 7):
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


def test_a_stream_may_have_no_blank_lines(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: stream_reply(*(frame.replace(b"\n\n", b"\n") for frame in stub.frames("Hel", "lo")))
    assert ask_streamed(stub.llm(server)).content == "Hello"


def test_a_stream_may_have_comments_and_windows_lines(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    frames = [b": keep-alive\r\n\r\n" + frame.replace(b"\n", b"\r\n") for frame in stub.frames("Hel", "lo")]
    server.default = lambda _: stream_reply(*frames)
    assert ask_streamed(stub.llm(server)).content == "Hello"


@pytest.mark.parametrize("width", [1, 3])
def test_a_stream_may_be_cut_anywhere_on_its_way(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, width: int
) -> None:
    """Letters of several bytes come in halves."""
    written = b"".join(stub.frames("西湖", "在杭州 🌊"))
    assert "湖".encode() in written
    pieces = [written[start : start + width] for start in range(0, len(written), width)]
    server.default = lambda _: stream_reply(*pieces)
    assert ask_streamed(stub.llm(server)).content == "西湖在杭州 🌊"


def test_an_answer_in_one_piece_answers_a_stream(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    server.default = lambda _: stub.answer("Whole")
    answer = ask_streamed(stub.llm(server))
    assert answer.content == "Whole"
    assert answer.response_metadata["finish_reason"] == "stop"


def test_a_media_type_has_no_case(server: Server, stub: ProtocolStub) -> None:
    headers = {**STREAM_TYPE, "Content-Type": "Text/Event-Stream"}
    server.default = lambda _: Reply(tuple(stub.frames("Hello")), 200, headers, "chunked")
    assert "".join(chunk.text for chunk in stub.llm(server).stream("Hi")) == "Hello"


def test_a_stream_that_cannot_be_unpacked_is_an_error_of_ours(
    server: Server, stub: ProtocolStub, ask_streamed: Ask
) -> None:
    server.default = lambda _: stream_reply(b"garbage").with_headers(Content_Encoding="gzip")
    with pytest.raises(QwenWorkspaceError):
        ask_streamed(stub.llm(server))


def test_an_answer_that_cannot_be_unpacked_is_an_error_of_ours(server: Server, ask_unstreamed: Ask) -> None:
    packed = OPENAI.answer().with_headers(Content_Encoding="gzip")
    server.default = lambda _: packed
    with pytest.raises(QwenWorkspaceError):
        ask_unstreamed(OPENAI.llm(server))


def test_a_native_answer_that_cannot_be_unpacked_is_an_error_of_ours(server: Server, ask_unstreamed: Ask) -> None:
    packed = DASHSCOPE.answer().with_headers(Content_Encoding="gzip")
    server.default = lambda _: packed
    with pytest.raises(QwenWorkspaceError):
        ask_unstreamed(DASHSCOPE.llm(server))
