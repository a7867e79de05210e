"""No response takes more memory than `max_response_bytes` allows, and none ends in a foreign exception."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace import (
    InvalidResponseError,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._transports._body import MAX_ERROR_BYTES, BodyReader, UnreadableBodyError
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import JSON_TYPE, STREAM_TYPE, Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask

CAP = 200_000
MANY = 1000
PIECE = b"x" * 65536


def compressed(data: bytes, encoding: str) -> bytes:
    """Return data in a content encoding; `raw` is deflate without the frame of zlib."""
    packer = zlib.compressobj(wbits={"gzip": 31, "x-gzip": 31, "deflate": 15, "raw": -15}[encoding])
    return packer.compress(data) + packer.flush()


def bomb(encoding: str, megabytes: int = 64) -> bytes:
    """Return a small body that unpacks to many bytes."""
    packer = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15}[encoding])
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)) + packer.flush()


def encoded_reply(body: bytes, encoding: str, status: int = 200) -> Reply:
    return Reply((body,), status, {**JSON_TYPE, "Content-Encoding": encoding})


# ------------------------------------------------------------------------------------------------------- too long

ENDLESS: dict[str, Callable[[], Reply]] = {
    "a body": lambda: Reply((b"{", *repeat(PIECE, MANY)), 200, JSON_TYPE, "chunked"),
    "a body until the connection closes": lambda: Reply((b"{", *repeat(PIECE, MANY)), 200, JSON_TYPE, "close"),
    "a line of a stream": lambda: stream_reply(b'data: {"a":"', *repeat(PIECE, MANY)),
    "lines of a frame": lambda: stream_reply(*repeat(b"data: [\n" * 1000, MANY)),
    "comments": lambda: stream_reply(*repeat(b": keep-alive\n\n" * 1000, MANY)),
    "events": lambda: stream_reply(*repeat(OPENAI.delta("x" * 1000), MANY)),
    "a gzip bomb": lambda: encoded_reply(bomb("gzip"), "gzip"),
    "a deflate bomb": lambda: encoded_reply(bomb("deflate"), "deflate"),
    "a bomb in a bomb": lambda: encoded_reply(gzip.compress(bomb("gzip")), "gzip, gzip"),
    "gzip files without anything": lambda: encoded_reply(gzip.compress(b"") * 20_000, "gzip"),
    "a stream that is a bomb": lambda: Reply((bomb("gzip"),), 200, {**STREAM_TYPE, "Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("reply", ENDLESS.values(), ids=ENDLESS)
def test_a_response_that_is_too_long_ends_in_an_error_that_names_the_option(
    server: Server, ask: Ask, reply: Callable[[], Reply]
) -> None:
    server.script(reply())
    with pytest.raises(InvalidResponseError, match=f"more than {CAP} bytes.*`max_response_bytes`"):
        ask(OPENAI.llm(server, model="qwq-plus", max_response_bytes=CAP))


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_whole_response_is_limited_on_every_protocol(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask, encoding: str
) -> None:
    body = json.dumps(stub.whole("x" * CAP)).encode()
    server.script(encoded_reply(gzip.compress(body) if encoding == "gzip" else body, encoding))
    with pytest.raises(InvalidResponseError, match="`max_response_bytes`"):
        ask_unstreamed(stub.llm(server, max_response_bytes=CAP))


def test_the_limit_of_a_response_is_128_mib_by_default(stub: ProtocolStub) -> None:
    assert stub.llm("http://127.0.0.1:1").max_response_bytes == 128 * 1024 * 1024


def test_embeddings_are_limited(server: Server, stub: ProtocolStub) -> None:
    server.script(json_reply({"data": ["x" * CAP]}))
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", protocol=stub.protocol, api_key="sk-test", base_url=server.url,
        max_response_bytes=CAP, max_retries=0,
    )  # fmt: skip
    with pytest.raises(InvalidResponseError, match="`max_response_bytes`"):
        embeddings.embed_query("a")


def test_rerank_is_limited(server: Server, stub: ProtocolStub) -> None:
    server.script(json_reply({"results": ["x" * CAP]}))
    rerank = QwenWorkspaceRerank(
        model="qwen3-rerank", protocol=stub.protocol, api_key="sk-test", base_url=server.url,
        max_response_bytes=CAP, max_retries=0,
    )  # fmt: skip
    with pytest.raises(InvalidResponseError, match="`max_response_bytes`"):
        rerank.rerank(["a"], "b")


def test_a_response_that_is_too_long_keeps_what_arrived_of_the_answer(server: Server, ask_streamed: Ask) -> None:
    server.script(stream_reply(OPENAI.delta("Hel"), *repeat(OPENAI.delta("x" * 1000), MANY)))
    with pytest.raises(InvalidResponseError) as caught:
        ask_streamed(OPENAI.llm(server, max_response_bytes=CAP))
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text.startswith("Hel")


def test_what_follows_a_complete_answer_may_be_endless(server: Server, ask_streamed: Ask) -> None:
    server.script(stream_reply(*OPENAI.frames("Hello"), *repeat(b": x\n\n" * 10_000, MANY)))
    assert ask_streamed(OPENAI.llm(server, max_response_bytes=CAP)).content == "Hello"


@pytest.mark.parametrize("kind", ["body", "line", "bomb"])
def test_a_refused_response_costs_at_most_half_more_than_the_limit(server: Server, kind: str) -> None:
    limit = 8 << 20
    replies = {
        "body": lambda: Reply((b"{", *repeat(PIECE, MANY)), 200, JSON_TYPE, "chunked"),
        "line": lambda: stream_reply(b'data: {"a":"', *repeat(PIECE, MANY)),
        "bomb": lambda: encoded_reply(bomb("gzip"), "gzip"),
    }
    llm = OPENAI.llm(server, model="qwq-plus" if kind == "line" else "qwen-plus", max_response_bytes=limit)
    server.script(OPENAI.stream() if kind == "line" else OPENAI.answer(), replies[kind]())
    llm.invoke("What is loaded at first use is not measured.")
    tracemalloc.start()
    with pytest.raises(InvalidResponseError):
        llm.invoke("Hi")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * limit


# ---------------------------------------------------------------------------------------------------- error bodies

ERROR_PAGES: dict[str, Callable[[], Reply]] = {
    "endless": lambda: Reply(tuple(repeat(PIECE, MANY)), 503, JSON_TYPE, "chunked"),
    "a bomb": lambda: encoded_reply(bomb("gzip"), "gzip", 503),
    "compressed as nothing": lambda: encoded_reply(b"not gzip", "gzip", 503),
    "compressed in an unknown way": lambda: encoded_reply(b"?", "zstd", 503),
}


@pytest.mark.parametrize("reply", ERROR_PAGES.values(), ids=ERROR_PAGES)
def test_an_error_whose_body_cannot_be_read_whole_is_the_error_of_its_status(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, reply: Callable[[], Reply]
) -> None:
    server.script(reply())
    with pytest.raises(ServerError, match=r"HTTP status 503.*`max_response_bytes`") as caught:
        ask_two_ways(stub.llm(server))
    assert caught.value.status_code == 503


def test_of_the_body_of_an_error_at_most_1_mib_is_read() -> None:
    reader = BodyReader((), 10**9, is_error=True)
    read = [piece for data in repeat(PIECE, 20) if not reader.is_cut for piece in reader.feed(data)]
    assert sum(map(len, read)) == MAX_ERROR_BYTES


def test_an_error_that_is_compressed_is_read(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    body = json.dumps(stub.error_body("Throttling.RateQuota", "Slow down.")).encode()
    server.script(encoded_reply(gzip.compress(body), "gzip", 429))
    with pytest.raises(RateLimitError, match="Slow down"):
        ask_two_ways(stub.llm(server))


# ----------------------------------------------------------------------------------------------------- compression


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "raw"])
def test_a_compressed_response_is_read(server: Server, stub: ProtocolStub, ask_unstreamed: Ask, encoding: str) -> None:
    body = compressed(json.dumps(stub.whole()).encode(), encoding)
    server.script(encoded_reply(body, "deflate" if encoding == "raw" else encoding))
    assert ask_unstreamed(stub.llm(server)).content == "Hello"


def test_a_compressed_stream_is_read(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    body = gzip.compress(b"".join(stub.frames("Hel", "lo")))
    server.script(Reply((body,), 200, {**STREAM_TYPE, "Content-Encoding": "gzip"}))
    assert ask_streamed(stub.llm(server)).content == "Hello"


def test_only_what_can_be_unpacked_in_pieces_is_accepted(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    server.default = stub.reply_to
    ask_two_ways(stub.llm(server))
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_a_users_accept_encoding_is_sent(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    server.default = stub.reply_to
    ask_two_ways(stub.llm(server, default_headers={"accept-encoding": "identity"}))
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("br", "compressed as 'br'"), ("gzip, zstd", "compressed as 'zstd'"), ("gzip,gzip,gzip", "compressed 3 times")],
)
def test_an_encoding_that_was_not_asked_for_is_refused_by_name(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, encoding: str, message: str
) -> None:
    server.script(encoded_reply(b"{}", encoding))
    with pytest.raises(InvalidResponseError, match=message):
        ask_two_ways(stub.llm(server))


def read_body(encodings: Sequence[str], data: bytes, piece: int) -> bytes:
    reader = BodyReader(encodings, 10**9, is_error=False)
    return b"".join(part for start in range(0, len(data), piece) for part in reader.feed(data[start : start + piece]))


@pytest.mark.parametrize("piece", [1, 7, 10**6])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw"])
def test_a_body_is_unpacked_however_it_is_split(encoding: str, piece: int) -> None:
    data = bytes(range(256)) * 2000
    assert read_body(("deflate" if encoding == "raw" else encoding,), compressed(data, encoding), piece) == data


@pytest.mark.parametrize("piece", [1, 10**6])
def test_several_gzip_files_are_one_body(piece: int) -> None:
    assert read_body(("gzip",), gzip.compress(b"Hel") + gzip.compress(b"lo") + bytes(100), piece) == b"Hello"


def test_a_body_is_unpacked_in_small_steps() -> None:
    reader = BodyReader(("gzip",), 10**9, is_error=False)
    assert max(map(len, reader.feed(bomb("gzip", 8)))) <= 1 << 18


def test_what_is_not_compressed_as_stated_is_refused() -> None:
    with pytest.raises(UnreadableBodyError, match="cannot be decompressed"):
        read_body(("gzip",), b"plain", 10)


# --------------------------------------------------------------------------------------------------------- charsets

CHARSETS = ["hex", "zlib_codec", "idna", "undefined", "punycode", "unicode_escape", "rot13", "no-such", "a\\x00b", ""]


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("status", [200, 503])
def test_a_charset_that_is_none_is_ignored(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, charset: str, status: int
) -> None:
    page = Reply((b"<html>\xff" * 10,), status, {"Content-Type": f"application/json; charset={charset}"})
    server.script(page)
    with pytest.raises(ServerError, match="html"):
        ask_two_ways(stub.llm(server))


def test_the_charset_of_a_response_is_used(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    body = json.dumps(stub.error_body("x", "请稍后"), ensure_ascii=False).encode("gbk")
    server.script(Reply((body,), 503, {"Content-Type": "application/json; charset=gbk"}))
    with pytest.raises(ServerError, match="请稍后"):
        ask_two_ways(stub.llm(server))


# ----------------------------------------------------------------------------------------------- a user's own client


@pytest.fixture
def own_clients() -> Iterator[dict[str, Any]]:
    with httpx.Client() as client:
        yield {"http_client": client}


def test_a_users_own_client_is_limited(server: Server, stub: ProtocolStub, own_clients: dict[str, Any]) -> None:
    server.script(encoded_reply(bomb("gzip"), "gzip"))
    with pytest.raises(InvalidResponseError, match="`max_response_bytes`"):
        stub.llm(server, max_response_bytes=CAP, **own_clients).invoke("Hi")


@pytest.mark.parametrize("charset", ["hex", "idna", "undefined"])
def test_a_charset_that_is_none_is_ignored_with_a_users_own_client(
    server: Server, stub: ProtocolStub, own_clients: dict[str, Any], charset: str
) -> None:
    server.script(Reply((b"<html>",), 503, {"Content-Type": f"application/json; charset={charset}"}))
    with pytest.raises(ServerError, match="html"):
        stub.llm(server, **own_clients).invoke("Hi")


def test_a_response_that_a_users_client_has_read_is_limited(stub: ProtocolStub) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b" " * CAP))
    with httpx.Client(transport=transport) as client, pytest.raises(InvalidResponseError, match="max_response_bytes"):
        stub.llm("http://127.0.0.1:1", http_client=client, max_response_bytes=CAP - 1).invoke("Hi")


def test_an_error_that_a_users_client_has_read_is_the_error_of_its_status(stub: ProtocolStub) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503, content=b" " * CAP))
    with httpx.Client(transport=transport) as client, pytest.raises(ServerError, match="503"):
        stub.llm("http://127.0.0.1:1", http_client=client, max_response_bytes=CAP - 1).invoke("Hi")


def test_a_response_that_a_users_client_has_read_is_used(stub: ProtocolStub) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=stub.whole()))
    with httpx.Client(transport=transport) as client:
        assert stub.llm("http://127.0.0.1:1", http_client=client).invoke("Hi").content == "Hello"


def test_an_error_that_a_users_client_cannot_unpack_is_invalid(
    server: Server, stub: ProtocolStub, own_clients: dict[str, Any]
) -> None:
    server.script(encoded_reply(b"not gzip", "gzip", 503))
    with pytest.raises(InvalidResponseError, match="cannot be decompressed"):
        stub.llm(server, **own_clients).invoke("Hi")
