"""The faults of a connection, and how a call with `max_retries=1` ends after each: the same on both protocols."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from tests.errors.faults._raw import DONE, STREAM, End, Script, chunk, chunked, head, whole
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub

SILENCE = 60.0
"""Seconds, longer than any test waits; the server goes on as soon as the client closes the connection."""

LONG_TIMEOUT, SHORT_TIMEOUT = 10.0, 0.2


@dataclass(frozen=True)
class Outcome:
    """How a call ends.

    Attributes:
        sent: How many requests reached the server.
        error_class: The class of the error, `None` for an answer.
        text: The text that was delivered: the answer, or the part of it before the error.
        status: The error's `status_code`.
        code: The error's `code`.
    """

    sent: int
    error_class: type[QwenWorkspaceError] | None = None
    text: str = ""
    status: int | None = None
    code: str | None = None

    def __str__(self) -> str:
        name = self.error_class.__name__ if self.error_class else "answer"
        after = f" after “{self.text}”" if self.error_class and self.text else ""
        return f"{name}{after}, {self.sent} sent"


Reply = Callable[[ProtocolStub, int], Script]
"""Returns what the server sends in reply to a request, from the request's number."""
StubScript = Callable[[ProtocolStub], Script]


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: A short description.
        plain: What the server sends to a request for a whole response; `None` if the fault cannot occur there.
        streamed: What it sends to a request for a stream.
        ends: How the call ends.
        timeout: The model's `timeout`.
        is_shared: Whether the same code of ours meets the fault in every way of calling, so that one way for each
            protocol is enough. Other faults are met by the SDKs' HTTP clients, of which there are four.
        nightly: Whether only the nightly run has it, because another fault takes the same path.
    """

    name: str
    plain: Reply | None
    streamed: Reply | None
    ends: Outcome
    timeout: float = LONG_TIMEOUT
    is_shared: bool = False
    nightly: bool = False

    def reply(self, *, streamed: bool) -> Reply | None:
        return self.streamed if streamed else self.plain


ANSWER = Outcome(1, text="Hello")
AGAIN = Outcome(2, text="Hello")


def _body(stub: ProtocolStub) -> bytes:
    return json.dumps(stub.whole()).encode()


def _hello(stub: ProtocolStub) -> list[bytes]:
    return [stub.delta("Hel"), stub.delta("lo")]


def _two_chunks(stub: ProtocolStub) -> list[bytes]:
    return [chunk(frame) for frame in _hello(stub)]


def _answer(stub: ProtocolStub, *, streamed: bool) -> Script:
    return (chunked(*stub.frames("Hel", "lo")) if streamed else whole(_body(stub)),)


def _both(name: str, script: StubScript, ends: Outcome, **options: Any) -> Fault:
    def reply(stub: ProtocolStub, _: int) -> Script:
        return script(stub)

    return Fault(name, reply, reply, ends, **options)


def _plain(name: str, script: StubScript, ends: Outcome, **options: Any) -> Fault:
    return Fault(name, lambda stub, _: script(stub), None, ends, **options)


def _stream(name: str, script: StubScript, ends: Outcome, **options: Any) -> Fault:
    return Fault(name, None, lambda stub, _: script(stub), ends, **options)


def _once(name: str, script: StubScript, **options: Any) -> Fault:
    """Return a fault of the first request only; the second one is answered."""

    def reply(*, streamed: bool) -> Reply:
        return lambda stub, number: script(stub) if number == 1 else _answer(stub, streamed=streamed)

    return Fault(name, reply(streamed=False), reply(streamed=True), AGAIN, **options)


def _in_pieces(data: bytes) -> Script:
    return [part for start in range(0, len(data), 16) for part in (data[start : start + 16], 0.001)]


def _repeat(data: bytes) -> Script:
    """Return half a minute of a connection that is never silent and then ends, which would be another error."""
    return (*(chunk(data), 0.1) * 300, End.CLOSE)


def _stream_error(text: str = "", error_class: type[QwenWorkspaceError] = StreamInterruptedError) -> Outcome:
    return Outcome(1 if text else 2, error_class, text)


def _half_a_character(stub: ProtocolStub) -> bytes:
    frame = stub.delta("西湖")
    return frame[: frame.index("湖".encode()) + 1]


NOT_REACHED, LOST = Outcome(0, APIConnectionError), Outcome(2, APIConnectionError)
SILENT = Outcome(2, APITimeoutError)
UNREADABLE = Outcome(1, InvalidResponseError)

CONNECTIONS = [
    Fault("connection refused", lambda *_: (), lambda *_: (), NOT_REACHED),
    _both("reset before the headers", lambda _: (End.RESET,), LOST),
    _both("closed before the headers", lambda _: (End.CLOSE,), LOST),
    _both("reset inside the headers", lambda _: (STREAM[:40], 0.01, End.RESET), LOST, nightly=True),
    _both("a reply that is not HTTP", lambda _: (b"220 mail.example ESMTP\r\n", End.CLOSE), LOST),
    _once("reset before the headers, once", lambda _: (End.RESET,)),
    _plain("reset inside the body", lambda d: (whole(_body(d))[:-60], 0.01, End.RESET), LOST),
    _plain("closed inside the body", lambda d: (whole(_body(d))[:-60], End.CLOSE), LOST),
    _stream("reset after the headers", lambda _: (STREAM, 0.01, End.RESET), _stream_error()),
    _stream("closed after the headers", lambda _: (STREAM, End.CLOSE), _stream_error()),
    _stream("reset after two events", lambda d: (STREAM, *_two_chunks(d), 0.05, End.RESET), _stream_error("Hello")),
    _stream("closed after two events", lambda d: (STREAM, *_two_chunks(d), End.CLOSE), _stream_error("Hello")),
]

STREAMS = [
    _stream("no event", lambda _: (chunked(),), _stream_error(), is_shared=True),
    _stream("only `[DONE]`", lambda _: (chunked(b"data: [DONE]\n\n"),), _stream_error(), is_shared=True),
    _stream("no `finish_reason`", lambda d: (chunked(*_hello(d)),), _stream_error("Hello"), is_shared=True),
    _stream(
        "half of the second frame",
        lambda d: (chunked(d.delta("Hello"), d.delta("x")[:-20]),),
        _stream_error("Hello"),
        is_shared=True,
    ),
    _stream("half of the first frame", lambda d: (chunked(d.delta("x")[:-20]),), _stream_error(), is_shared=True),
    _stream(
        "a frame that ends inside a character",
        lambda d: (chunked(d.delta("Hello"), _half_a_character(d)),),
        _stream_error("Hello"),
        is_shared=True,
    ),
    _stream(
        "a frame that is not JSON",
        lambda d: (chunked(d.delta("Hello"), b"data: {]\n\n"),),
        Outcome(1, InvalidResponseError, "Hello"),
        is_shared=True,
    ),
    _stream(
        "a pause with comments",
        lambda d: (STREAM, *_two_chunks(d), *(chunk(b": ping\n\n"), 0.02) * 5, *map(chunk, d.frames()), DONE),
        ANSWER,
        is_shared=True,
    ),
]

TIMEOUTS = [
    replace(fault, timeout=SHORT_TIMEOUT)
    for fault in (
        _both("silent before the headers", lambda _: (SILENCE,), SILENT),
        _both("silent inside the headers", lambda _: (STREAM[:40], SILENCE), SILENT, nightly=True),
        _plain("silent inside the body", lambda d: (whole(_body(d))[:-60], SILENCE), SILENT),
        _stream("silent after the headers", lambda _: (STREAM, SILENCE), SILENT),
        _stream(
            "silent after two events",
            lambda d: (STREAM, *_two_chunks(d), SILENCE),
            _stream_error("Hello", APITimeoutError),
        ),
        Fault(
            "silent after the headers, once",
            None,
            lambda stub, number: (STREAM, SILENCE) if number == 1 else _answer(stub, streamed=True),
            AGAIN,
            is_shared=True,
        ),
        _stream(
            "only comments, before any event",
            lambda _: (STREAM, *_repeat(b": ping\n\n")),
            SILENT,
            is_shared=True,
        ),
        _stream(
            "only comments, after two events",
            lambda d: (STREAM, *_two_chunks(d), *_repeat(b": ping\n\n")),
            _stream_error("Hello", APITimeoutError),
            is_shared=True,
        ),
        _stream(
            "a frame that takes too long",
            lambda d: (STREAM, chunk(d.delta("Hello")), *_repeat(b"x")),
            _stream_error("Hello", APITimeoutError),
            is_shared=True,
        ),
    )
]

STATUSES: dict[int, tuple[type[QwenWorkspaceError], int]] = {
    400: (InvalidRequestError, 1),
    401: (AuthenticationError, 1),
    403: (PermissionDeniedError, 1),
    404: (NotFoundError, 1),
    408: (APITimeoutError, 2),
    409: (InvalidRequestError, 1),
    413: (InvalidRequestError, 1),
    422: (InvalidRequestError, 1),
    429: (RateLimitError, 2),
    430: (InvalidRequestError, 1),
    500: (ServerError, 2),
    502: (ServerError, 2),
    503: (ServerError, 2),
    504: (ServerError, 2),
}
"""The error of a status whose body has no known text or code, and how often the request is sent."""
# The openai SDK by itself would send 408 and 409 again, and neither SDK a 400.
EVERY_RUN = {400, 408, 409, 429, 503}


def _error_body(stub: ProtocolStub, code: str) -> bytes:
    return json.dumps(stub.error_body(code, "Text.")).encode()


def _status(status: int, error_class: type[QwenWorkspaceError], sent: int) -> Fault:
    return _both(
        f"HTTP {status}",
        lambda d: (whole(_error_body(d, "Unheard.Of"), status),),
        Outcome(sent, error_class, status=status, code="Unheard.Of"),
        is_shared=True,
        nightly=status not in EVERY_RUN,
    )


_FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "as data": lambda body: b"data: %b\n\n" % body,
    "as an error event": lambda body: b"id:1\nevent:error\n:HTTP_STATUS/429\ndata:%b\n\n" % body,
}


def _error_in_stream(name: str, frame: bytes, status: int | None) -> Iterator[Fault]:
    first = Outcome(2, RateLimitError, "", status, "Throttling.RateQuota")
    later = Outcome(1, RateLimitError, "Hello", status, "Throttling.RateQuota")
    yield _stream(f"{name}, first", lambda _: (chunked(frame),), first, is_shared=True)
    yield _stream(f"{name}, after two events", lambda d: (chunked(*_hello(d), frame),), later, is_shared=True)


def _errors_in_streams() -> Iterator[Fault]:
    for stub in (OPENAI, DASHSCOPE):
        for framing, frame in _FRAMINGS.items():
            status = 429 if "event" in framing else None
            body = _error_body(stub, "Throttling.RateQuota")
            yield from _error_in_stream(f"{stub.protocol} error {framing}", frame(body), status)


ERRORS_IN_SUCCESS = [
    _both(
        "throttling in a response of status 200",
        lambda d: (whole(_error_body(d, "Throttling.RateQuota")),),
        Outcome(2, RateLimitError, status=200, code="Throttling.RateQuota"),
        is_shared=True,
    ),
    _both(
        "a refusal in a response of status 200",
        lambda d: (whole(_error_body(d, "InvalidParameter")),),
        Outcome(1, InvalidRequestError, status=200, code="InvalidParameter"),
        is_shared=True,
    ),
    *_errors_in_streams(),
]


def _throttle(header: str) -> StubScript:
    return lambda d: (whole(_error_body(d, "Throttling"), 429, header),)


WAITS = [
    _once("`Retry-After` in seconds", _throttle("retry-after: 0.01"), is_shared=True),
    _once("`Retry-After` in milliseconds", _throttle("retry-after-ms: 10"), is_shared=True, nightly=True),
    _once("`Retry-After` as a date", _throttle("retry-after: Wed, 21 Oct 2015 07:28:00 GMT"), nightly=True),
    _once("an unreadable `Retry-After`", _throttle("retry-after: soon"), is_shared=True, nightly=True),
    _both(
        "`Retry-After` of an hour",
        _throttle("retry-after: 3600"),
        Outcome(1, RateLimitError, status=429, code="Throttling"),
        is_shared=True,
    ),
]

_PAGE = b"<html><body>Gateway</body></html>"
_GZIP = "content-encoding: gzip"
_GZIP_STREAM = head(200, "content-type: text/event-stream", _GZIP, "connection: close")
_OLD_JSON = head(200, "content-type: application/json", version="1.0")
_OLD_STREAM = head(200, "content-type: text/event-stream", version="1.0")


def _redirect(status: int) -> Fault:
    return _both(
        f"{status} to another origin",
        lambda _: (whole(b"", status, "location: http://localhost:9/elsewhere"),),
        Outcome(1, InvalidResponseError, status=status),
        nightly=status != 307,
    )


RESPONSES = [
    _plain("gzip", lambda d: (whole(gzip.compress(_body(d)), 200, _GZIP),), ANSWER),
    _stream("gzip", lambda d: (_GZIP_STREAM, gzip.compress(b"".join(d.frames("Hel", "lo"))), End.CLOSE), ANSWER),
    _plain("a body that is not gzip as it claims", lambda d: (whole(_body(d), 200, _GZIP),), UNREADABLE),
    _stream(
        "a body that is not gzip as it claims", lambda d: (_GZIP_STREAM, *d.frames("Hello"), End.CLOSE), UNREADABLE
    ),
    *map(_redirect, (301, 302, 303, 307, 308)),
    _plain("HTTP/1.0", lambda d: (_OLD_JSON, _body(d), End.CLOSE), ANSWER),
    _stream("HTTP/1.0", lambda d: (_OLD_STREAM, *d.frames("Hel", "lo"), End.CLOSE), ANSWER),
    _stream(
        "HTTP/1.0, closed after two events",
        lambda d: (_OLD_STREAM, *_hello(d), End.CLOSE),
        _stream_error("Hello"),
    ),
    _plain("a body in pieces of 16 bytes", lambda d: _in_pieces(whole(_body(d))), ANSWER),
    _stream("a body in pieces of 16 bytes", lambda d: _in_pieces(chunked(*d.frames("Hel", "lo"))), ANSWER),
    _plain("JSON of type text/html", lambda d: (whole(_body(d), type_="text/html"),), ANSWER, is_shared=True),
    _both("an HTML page of status 200", lambda _: (whole(_PAGE, type_="text/html"),), UNREADABLE, is_shared=True),
    _both("an empty body", lambda _: (whole(b""),), UNREADABLE, is_shared=True),
    _both("JSON that is not an object", lambda _: (whole(b"[1]"),), UNREADABLE, is_shared=True),
    _plain("half of a body", lambda d: (whole(_body(d)[:-9]),), UNREADABLE, is_shared=True),
    _plain("a stream that was not requested", lambda d: (chunked(*d.frames("Hello")),), UNREADABLE, is_shared=True),
    _stream("a whole response to a request for a stream", lambda d: (whole(_body(d)),), ANSWER),
    _stream(
        "a stream of type text/plain",
        lambda d: (whole(b"".join(d.frames("Hello")), type_="text/plain"),),
        UNREADABLE,
        is_shared=True,
    ),
    _plain(
        "a partial response",
        lambda d: (whole(_body(d), 200, "x-dashscope-partialresponse: true"),),
        ANSWER,
        is_shared=True,
    ),
]

FAULTS = [
    *CONNECTIONS,
    *STREAMS,
    *TIMEOUTS,
    *ERRORS_IN_SUCCESS,
    *WAITS,
    *RESPONSES,
    *(_status(status, *ends) for status, ends in STATUSES.items()),
]
