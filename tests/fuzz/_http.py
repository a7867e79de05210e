"""The targets that answer over a connection: framing, compression, headers, cookies, echoed keys, proxies and ends."""

import asyncio
import functools
import gzip
import os
import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, get_args
from unittest.mock import patch

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceError
from langchain_qwen_workspace._protocol_names import ProtocolName
from tests.errors.faults._raw import End, Part, RawServer
from tests.fuzz._mutations import JSON_VALUES, RAW, mutate_bytes, mutate_several_times, pieces_of, to_json
from tests.fuzz._run import Target
from tests.fuzz._seeds import ANSWERS, ERRORS, EVENTS
from tests.support.ways import WAYS, ask_by
from tests.wire.golden._reading import frame_events

MAX_BYTES = 200_000
"""The `max_response_bytes` of the calls."""

TOTAL_TIMEOUT = 1.0
"""The `total_timeout` of the calls: a server that is silent costs a case that much."""

MOST_SECONDS = 30.0
"""Seconds after which a case counts as hanging, also on a busy machine."""

KEY = "sk-F0ZZ3D7c1e9b24d08a6XkV2mN4pR8tW1z"

_STATUSES = (200, 200, 200, 200, 200, 200, 204, 206, 302, 304, 400, 401, 429, 500, 503, 599, 999)
_TYPES = (b"application/json", b"text/event-stream", b"text/event-stream;a=b", b"text/html", b"", b"\xff", b"a;b=c")
_CHARSETS = (b"utf-8", b"gbk", b"hex", b"zlib_codec", b"idna", b"undefined", b"punycode", b"utf-16", b"''", b"\xe9")
_CHUNK_SIZES = (b"-1", b"0", b"fffffffffffffffff", b"zz", b"", b"0x5", b"1;a=b", b"1" + b" " * 99)
_HEADERS: tuple[bytes, ...] = (
    b"Set-Cookie: session=1; Path=/",
    b"Set-Cookie: \xff=\x01; Domain=.com",
    b"Location: https://e.example/",
    b"Location: \x01://",
    b"Retry-After: 0",
    b"Retry-After: -1",
    b"Retry-After: 9" + b"9" * 400,
    b"retry-after-ms: nan",
    b"x-should-retry: true",
    b"x-request-id: \x1b[2J\xe9",
    b"x-request-id:",
    b"x-dashscope-partialresponse: true",
    b"x: " + b"y" * 20_000,
    b"\tfolded",
    b"Content-Type: x/y",
    *(b"x-%d: y" % number for number in range(3)),
)
_MALFORMED_HEADERS: tuple[bytes, ...] = (
    b" folded: x",
    b"no colon",
    b": no name",
    b"sp ace: x",
    b"nul: \x00",
    b"cr: a\rb",
    b"Connection: upgrade",
    b"Transfer-Encoding: gzip",
    b"Content-Length: 3",
)
_INFORMATIONAL = (b"", b"", b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nx: y\r\n\r\n" * 50)


def _body(protocol: ProtocolName, random: Random) -> tuple[bytes, bytes]:
    """Return a body, whole or changed, and its content type."""
    pool = (*JSON_VALUES, *RAW)
    match random.randrange(5):
        case 0 | 1:
            body, kind = to_json(random.choice(ANSWERS[protocol])), b"application/json"
        case 2 | 3:
            body, kind = frame_events(protocol, random.choice(EVENTS[protocol])), b"text/event-stream"
        case _:
            body, kind = to_json(mutate_several_times(random.choice(ERRORS), random, pool)), b"application/json"
    if random.random() < 0.1:
        body += random.choice((b" " * 300_000, b": x\n\n" * 60_000, b'data: {"a":"' + b"x" * 300_000))
    return (mutate_bytes(body, random) if random.random() < 0.2 else body), kind


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _gzip_twice(data: bytes) -> bytes:
    return gzip.compress(gzip.compress(data, mtime=0), mtime=0)


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(50 << 20), mtime=0)


_PACKERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"gzip", functools.partial(gzip.compress, mtime=0)),
    (b"x-gzip", lambda data: gzip.compress(data[:99], mtime=0) + gzip.compress(data[99:], mtime=0)),
    (b"gzip", lambda data: gzip.compress(data, mtime=0)[: len(data) // 3]),
    (b"gzip", lambda data: gzip.compress(data, mtime=0) + b"\x00\x1f"),
    (b"gzip", lambda _: gzip.compress(b"", mtime=0) * 500),
    (b"gzip", lambda _: _bomb()),
    (b"deflate", zlib.compress),
    (b"deflate", _deflate),
    (b"deflate", lambda data: data),
    (b"gzip, gzip", _gzip_twice),
    (b"gzip, gzip, gzip", _gzip_twice),
    (b"identity", lambda data: data),
    (b"br", lambda data: data),
    (b", ,\xff", lambda data: data),
)


def _chunked(body: bytes, random: Random) -> bytes:
    """Return a body in chunks, whose sizes and ends may be wrong."""
    chunks = []
    for piece in pieces_of(body, random):
        size = b"%x" % len(piece)
        if random.random() < 0.02:
            size = random.choice(_CHUNK_SIZES)
        chunks.append(b"%b\r\n%b\r\n" % (size, piece))
    end = random.choice((b"0\r\n\r\n",) * 6 + (b"", b"0\r\nx: y\r\n\r\n", b"0\n\n", b"0\r\n" + b"x: y\r\n" * 9999))
    return b"".join(chunks) + end


def _with_key(data: bytes, random: Random) -> bytes:
    """Return bytes in which the server sends the key back."""
    where = random.randint(0, len(data))
    return (
        data[:where] + random.choice((b"", b"Bearer ", b" ")) + KEY.encode() + random.choice((b"", b" ")) + data[where:]
    )


def _response(protocol: ProtocolName, random: Random) -> bytes:
    body, kind = _body(protocol, random)
    kind = kind if random.random() < 0.9 else random.choice(_TYPES)
    if random.random() < 0.2:
        kind += b"; charset=" + random.choice(_CHARSETS)
    headers = [b"content-type: " + kind, *random.sample(_HEADERS, random.choice((0, 0, 1, 2, 5)))]
    if random.random() < 0.06:
        headers.append(random.choice(_MALFORMED_HEADERS))
    if random.random() < 0.15:
        body = _with_key(body, random)
    if random.random() < 0.3:
        encoding, pack = random.choice(_PACKERS)
        headers.append(b"content-encoding: " + encoding)
        body = pack(body)
    match random.randrange(10):
        case 0 | 1 | 2:
            headers.append(b"content-length: %d" % len(body))
        case 3:
            length = random.choice((b"0", b"-1", b"9" * 30, b"x", b"%d" % (len(body) + 9), b"%d" % (len(body) // 2)))
            headers.append(b"content-length: " + length)
        case 4 | 5 | 6 | 7:
            headers.append(b"transfer-encoding: chunked")
            body = _chunked(body, random)
        case _:
            headers.append(b"connection: close")
    version = b"1.1" if random.random() < 0.95 else random.choice((b"1.0", b"2", b"0.9", b"x"))
    start = b"HTTP/%b %d %b" % (version, random.choice(_STATUSES), random.choice((b"OK", b"", b"\xe9\x1b[2J")))
    head = b"\r\n".join((start, *headers, b"", b""))
    head = _with_key(head, random) if random.random() < 0.1 else head
    data = random.choice(_INFORMATIONAL) + head + body
    return mutate_bytes(data, random) if random.random() < 0.1 else data


def _script(protocol: ProtocolName, random: Random) -> Sequence[Part]:
    pieces: list[Part] = list(pieces_of(_response(protocol, random), random))
    end = random.choice((End.CLOSE,) * 40 + (End.RESET,) * 4 + (MOST_SECONDS,))
    return [*pieces[:500], b"".join(piece for piece in pieces[500:] if isinstance(piece, bytes)), end]


@functools.cache
def _server() -> RawServer:
    server = RawServer()
    return server.__enter__()


@functools.cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


@functools.cache
def _model(protocol: ProtocolName, model: str, url: str) -> ChatQwenWorkspace:
    limits: dict[str, Any] = {"max_response_bytes": MAX_BYTES, "total_timeout": TOTAL_TIMEOUT, "max_retries": 0}
    with warnings.catch_warnings(action="ignore"):  # of plain http
        return ChatQwenWorkspace(model=model, protocol=protocol, api_key=KEY, base_url=url, **limits)


def _check_hidden(error: BaseException | None) -> None:
    """Check that no text of an error and its causes shows the key. Their variables may, if the key is in an answer."""
    while error is not None:
        assert KEY not in f"{error} {error!r}"
        error = error.__cause__


def _http(protocol: ProtocolName) -> Target:
    def answer(random: Random) -> None:
        script, server = _script(protocol, random), _server()
        server.expect(lambda _: script)
        # Of a plain-http target a proxy is sent the whole request.
        is_proxied = random.random() < 0.2
        proxy = {"HTTP_PROXY": server.url, "NO_PROXY": ""} if is_proxied else {}
        url = "http://models.example" if is_proxied else server.url
        llm = _model(protocol, random.choice(("qwen-plus", "qwq-plus")), url)
        begun = time.monotonic()
        try:
            with patch.dict(os.environ, proxy):
                message = ask_by(random.choice(WAYS), llm, _runner())
            assert len(str(message.content)) <= MAX_BYTES
        except QwenWorkspaceError as error:
            _check_hidden(error)
            raise
        finally:
            assert time.monotonic() - begun < MOST_SECONDS
            assert len(server.heads) <= 1
            assert b"\r\ncookie:" not in b"".join(server.heads).lower()

    return answer


HTTP_TARGETS: dict[str, Target] = {f"{protocol} http": _http(protocol) for protocol in get_args(ProtocolName)}
