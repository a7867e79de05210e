"""What can go wrong on the way, and what then happens: a row for every fault, the same for both protocols.

Expected values hold for `max_retries=1`: a fault that is sent again once is counted twice.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
"""Longer than anybody waits; a client that gives up ends it."""

PATIENT, IMPATIENT = 10.0, 0.3


@dataclass(frozen=True)
class Outcome:
    """How a call ends.

    Attributes:
        sent: Requests that reached the server.
        kind: The class of the error, `None` for an answer.
        text: What was delivered: the answer, or what came of it before the error.
        status: The error's `status_code`.
        code: The error's `code`.
    """

    sent: int
    kind: type[QwenWorkspaceError] | None = None
    text: str = ""
    status: int | None = None
    code: str | None = None

    def __str__(self) -> str:
        name = self.kind.__name__ if self.kind else "answer"
        after = f" after “{self.text}”" if self.kind and self.text else ""
        return f"{name}{after}, {self.sent} sent"


Reply = Callable[[ProtocolStub, int], Script]
"""What the server does about a request, by its number."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; `None` where it cannot.

    Attributes:
        name: What.
        plain: What the server does when the answer is wanted in one piece.
        streamed: What it does when it is wanted in events.
        ends: How the call ends, whichever the protocol and the way.
        timeout: The model's `timeout`.
    """

    name: str
    plain: Reply | None
    streamed: Reply | None
    ends: Outcome
    timeout: float = PATIENT

    def reply(self, *, streamed: bool) -> Reply | None:
        return self.streamed if streamed else self.plain


ANSWER = Outcome(1, text="Hello")
AGAIN = Outcome(2, text="Hello")


def _body(stub: ProtocolStub) -> bytes:
    return json.dumps(stub.whole()).encode()


def _hello(stub: ProtocolStub) -> list[bytes]:
    return [stub.delta("Hel"), stub.delta("lo")]


def _answer(stub: ProtocolStub, *, streamed: bool) -> Script:
    return (chunked(*stub.frames("Hel", "lo")) if streamed else whole(_body(stub)),)


def _both(name: str, script: Callable[[ProtocolStub], Script], ends: Outcome, timeout: float = PATIENT) -> Fault:
    def reply(stub: ProtocolStub, _: int) -> Script:
        return script(stub)

    return Fault(name, reply, reply, ends, timeout)


def _plain(name: str, script: Callable[[ProtocolStub], Script], ends: Outcome, timeout: float = PATIENT) -> Fault:
    return Fault(name, lambda stub, _: script(stub), None, ends, timeout)


def _stream(name: str, script: Callable[[ProtocolStub], Script], ends: Outcome, timeout: float = PATIENT) -> Fault:
    return Fault(name, None, lambda stub, _: script(stub), ends, timeout)


def _once(name: str, script: Callable[[ProtocolStub], Script]) -> Fault:
    """Return a fault of the first request only, behind which the answer comes."""

    def reply(*, streamed: bool) -> Reply:
        return lambda stub, number: script(stub) if number == 1 else _answer(stub, streamed=streamed)

    return Fault(name, reply(streamed=False), reply(streamed=True), AGAIN)


def _dripped(data: bytes, pause: float) -> Script:
    return [part for place in range(0, len(data), 16) for part in (data[place : place + 16], pause)]


def _kept_up(data: bytes) -> Script:
    """Return half a minute of a connection that is never silent and then ends, which would be another error."""
    return (*(chunk(data), 0.1) * 300, End.CLOSE)


def _broken(text: str = "", kind: type[QwenWorkspaceError] = StreamInterruptedError) -> Outcome:
    return Outcome(1 if text else 2, kind, text)


def _cut_character(stub: ProtocolStub) -> bytes:
    frame = stub.delta("西湖")
    return frame[: frame.index("湖".encode()) + 1]


UNREACHED, LOST = Outcome(0, APIConnectionError), Outcome(2, APIConnectionError)
SILENT = Outcome(2, APITimeoutError)
UNREADABLE = Outcome(1, InvalidResponseError)

CONNECTIONS = [
    Fault("connection refused", lambda *_: (), lambda *_: (), UNREACHED),
    _both("reset before the headers", lambda _: (End.RESET,), LOST),
    _both("closed before the headers", lambda _: (End.CLOSE,), LOST),
    _both("reset inside the headers", lambda _: (STREAM[:40], 0.01, End.RESET), LOST),
    _both("no HTTP", lambda _: (b"220 mail.example ESMTP\r\n", End.CLOSE), LOST),
    _plain("reset after the headers", lambda d: (whole(_body(d))[:-60], 0.01, End.RESET), LOST),
    _plain("closed inside the body", lambda d: (whole(_body(d))[:-60], End.CLOSE), LOST),
    _stream("reset after the headers", lambda _: (STREAM, 0.01, End.RESET), _broken()),
    _stream("closed after the headers", lambda _: (STREAM, End.CLOSE), _broken()),
    _stream("no event", lambda _: (chunked(),), _broken()),
    _stream("only `[DONE]`", lambda _: (chunked(b"data: [DONE]\n\n"),), _broken()),
    _stream(
        "reset after two events",
        lambda d: (STREAM, *map(chunk, _hello(d)), 0.05, End.RESET),
        _broken("Hello"),
    ),
    _stream(
        "closed after two events",
        lambda d: (STREAM, *map(chunk, _hello(d)), End.CLOSE),
        _broken("Hello"),
    ),
    _stream("no `finish_reason`", lambda d: (chunked(*_hello(d)),), _broken("Hello")),
    _stream("half a frame", lambda d: (chunked(d.delta("Hello"), d.delta("x")[:-20]),), _broken("Hello")),
    _stream("half a frame first", lambda d: (chunked(d.delta("x")[:-20]),), _broken()),
    _stream(
        "a frame cut inside a character", lambda d: (chunked(d.delta("Hello"), _cut_character(d)),), _broken("Hello")
    ),
    _stream(
        "a frame that is no JSON",
        lambda d: (chunked(d.delta("Hello"), b"data: {]\n\n"),),
        Outcome(1, InvalidResponseError, "Hello"),
    ),
]

TIMES = [
    _both("silent before the headers", lambda _: (SILENCE,), SILENT, timeout=IMPATIENT),
    _both("silent inside the headers", lambda _: (STREAM[:40], SILENCE), SILENT, timeout=IMPATIENT),
    _plain("silent inside the body", lambda d: (whole(_body(d))[:-60], SILENCE), SILENT, IMPATIENT),
    _stream("silent after the headers", lambda _: (STREAM, SILENCE), SILENT, IMPATIENT),
    Fault(
        "silent after the headers, once",
        None,
        lambda stub, number: (STREAM, SILENCE) if number == 1 else _answer(stub, streamed=True),
        AGAIN,
        IMPATIENT,
    ),
    _stream(
        "silent after two events",
        lambda d: (STREAM, *map(chunk, _hello(d)), SILENCE),
        _broken("Hello", APITimeoutError),
        IMPATIENT,
    ),
    _stream("only comments, before any event", lambda _: (STREAM, *_kept_up(b": ping\n\n")), SILENT, IMPATIENT),
    _stream(
        "only comments, after two events",
        lambda d: (STREAM, *map(chunk, _hello(d)), *_kept_up(b": ping\n\n")),
        _broken("Hello", APITimeoutError),
        IMPATIENT,
    ),
    _stream(
        "a frame that drips for too long",
        lambda d: (STREAM, chunk(d.delta("Hello")), *_kept_up(b"x")),
        _broken("Hello", APITimeoutError),
        IMPATIENT,
    ),
    _stream(
        "a pause with comments",
        lambda d: (STREAM, *map(chunk, _hello(d)), *(chunk(b": ping\n\n"), 0.02) * 5, *map(chunk, d.frames()), DONE),
        ANSWER,
    ),
    _plain("slow drip", lambda d: _dripped(whole(_body(d)), 0.001), ANSWER),
    _stream("slow drip", lambda d: _dripped(chunked(*d.frames("Hel", "lo")), 0.001), ANSWER),
]

KINDS: dict[int, tuple[type[QwenWorkspaceError], int]] = {
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
"""What a status alone says, for a body that says nothing that is known."""

_PAGE = b"<html><body>Gateway</body></html>"
BODIES: dict[str, tuple[bytes, str, str | None]] = {
    "the native body": (
        json.dumps(DASHSCOPE.error_body("Unheard.Of", "Text.")).encode(),
        "application/json",
        "Unheard.Of",
    ),
    "the compatible body": (
        json.dumps(OPENAI.error_body("Unheard.Of", "Text.")).encode(),
        "application/json",
        "Unheard.Of",
    ),
    "HTML": (_PAGE, "text/html", None),
    "an empty body": (b"", "application/json", None),
    "a list": (b'["error"]', "application/json", None),
    "a string": (b'"error"', "application/json", None),
}


def _statuses() -> Iterator[Fault]:
    for status, (kind, sent) in KINDS.items():
        for what, (body, type_, code) in BODIES.items():
            answer = whole(body, status, type_=type_)
            ends = Outcome(sent, kind, status=status, code=code)
            yield _both(f"{status} with {what}", lambda _, answer=answer: (answer,), ends)  # type: ignore[misc]  # bound now


def _says(stub: ProtocolStub, code: str) -> bytes:
    return json.dumps(stub.error_body(code, "Text.")).encode()


_FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "as data": lambda body: b"data: %b\n\n" % body,
    "as an error event": lambda body: b"id:1\nevent:error\n:HTTP_STATUS/429\ndata:%b\n\n" % body,
}


def _error_frames() -> Iterator[Fault]:
    for shape, stub in (("compatible", OPENAI), ("native", DASHSCOPE)):
        for framing, frame in _FRAMINGS.items():
            error = frame(_says(stub, "Throttling.RateQuota"))
            status = 429 if "event" in framing else None
            said = {"status": status, "code": "Throttling.RateQuota"}
            name = f"a {shape} error {framing}"
            first = Outcome(2, RateLimitError, **said)  # type: ignore[arg-type]  # of both types
            later = Outcome(1, RateLimitError, "Hello", **said)  # type: ignore[arg-type]  # of both types
            yield _stream(f"{name}, first", lambda _, error=error: (chunked(error),), first)  # type: ignore[misc]  # bound now
            yield _stream(f"{name}, after two events", lambda d, error=error: (chunked(*_hello(d), error),), later)  # type: ignore[misc]  # bound now


THROTTLED = Outcome(2, RateLimitError, status=200, code="Throttling.RateQuota")
ERRORS_IN_SUCCESS = [
    _both("throttling in an answer of status 200", lambda d: (whole(_says(d, "Throttling.RateQuota")),), THROTTLED),
    _both(
        "a refusal in an answer of status 200",
        lambda d: (whole(_says(d, "InvalidParameter")),),
        Outcome(1, InvalidRequestError, status=200, code="InvalidParameter"),
    ),
    *_error_frames(),
]


def _asked_to_wait(header: str) -> Callable[[ProtocolStub], Script]:
    return lambda d: (whole(_says(d, "Throttling"), 429, header),)


WAITS = [
    _once("`Retry-After` in seconds", _asked_to_wait("retry-after: 0.01")),
    _once("`Retry-After` in milliseconds", _asked_to_wait("retry-after-ms: 10")),
    _once("`Retry-After` as a date", _asked_to_wait("retry-after: Wed, 21 Oct 2015 07:28:00 GMT")),
    _once("an unreadable `Retry-After`", _asked_to_wait("retry-after: soon")),
    _both(
        "`Retry-After` of an hour",
        _asked_to_wait("retry-after: 3600"),
        Outcome(1, RateLimitError, status=429, code="Throttling"),
    ),
    _once("reset before the headers, once", lambda _: (End.RESET,)),
]

_GZIP = "content-encoding: gzip"
_PACKED = head(200, "content-type: text/event-stream", _GZIP, "connection: close")


def _redirect(status: int) -> Fault:
    location = "location: http://localhost:9/elsewhere"
    return _both(
        f"{status} to another origin",
        lambda _: (whole(b"", status, location),),
        Outcome(1, InvalidResponseError, status=status),
    )


BODIES_AND_PATHS = [
    _plain("gzip", lambda d: (whole(gzip.compress(_body(d)), 200, _GZIP),), ANSWER),
    _stream("gzip", lambda d: (_PACKED, gzip.compress(b"".join(d.frames("Hel", "lo"))), End.CLOSE), ANSWER),
    _plain("gzip that is none", lambda d: (whole(_body(d), 200, _GZIP),), UNREADABLE),
    _stream("gzip that is none", lambda d: (_PACKED, *d.frames("Hello"), End.CLOSE), UNREADABLE),
    *map(_redirect, (301, 302, 303, 307, 308)),
    _plain(
        "HTTP/1.0", lambda d: (head(200, "content-type: application/json", version="1.0"), _body(d), End.CLOSE), ANSWER
    ),
    _stream(
        "HTTP/1.0",
        lambda d: (head(200, "content-type: text/event-stream", version="1.0"), *d.frames("Hel", "lo"), End.CLOSE),
        ANSWER,
    ),
    _stream(
        "HTTP/1.0, closed after two events",
        lambda d: (head(200, "content-type: text/event-stream", version="1.0"), *_hello(d), End.CLOSE),
        _broken("Hello"),
    ),
    _plain("an answer called HTML", lambda d: (whole(_body(d), type_="text/html"),), ANSWER),
    _both("a page of status 200", lambda _: (whole(_PAGE, type_="text/html"),), UNREADABLE),
    _both("an empty answer", lambda _: (whole(b""),), UNREADABLE),
    _both("an answer that is no object", lambda _: (whole(b"[1]"),), UNREADABLE),
    _plain("half an answer", lambda d: (whole(_body(d)[:-9]),), UNREADABLE),
    _plain("a stream where none was asked for", lambda d: (chunked(*d.frames("Hello")),), UNREADABLE),
    _stream("an answer in one piece", lambda d: (whole(_body(d)),), ANSWER),
    _stream(
        "a stream called text",
        lambda d: (whole(b"".join(d.frames("Hello")), type_="text/plain"),),
        UNREADABLE,
    ),
    _plain("a partial response", lambda d: (whole(_body(d), 200, "x-dashscope-partialresponse: true"),), ANSWER),
]

FAULTS = [*CONNECTIONS, *TIMES, *ERRORS_IN_SUCCESS, *WAITS, *BODIES_AND_PATHS, *_statuses()]
