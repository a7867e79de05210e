"""Nothing waits for ever: `timeout` bounds the silence, and `total_timeout` a whole call, whatever drips."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from langchain_qwen_workspace import (
    APITimeoutError,
    RateLimitError,
    WorkspaceGuard,
)
from tests.errors.faults._raw import STREAM, Part, RawServer, chunk, head
from tests.support.protocols import ProtocolStub
from tests.support.retrieval import embed_reversed, make_embeddings, make_reranker
from tests.support.server import Server, stream_reply
from tests.support.ways import Ask, ask_by

LONG = 60.0
"""Seconds for which a server drips: longer than a call may take, also on a busy machine."""

TOTAL = 0.5


def drip(*parts: bytes, every: float = 0.02) -> Iterator[Part]:
    """Yield the parts again and again, with a pause after each."""
    for part in chain.from_iterable(repeat(parts, int(LONG / every / len(parts)))):
        yield part
        yield every


JSON_HEAD = head(200, "content-type: application/json", "content-length: 1000000")
ERROR_HEAD = head(503, "content-type: text/html", "transfer-encoding: chunked")

DRIPPING: dict[str, Callable[[ProtocolStub], Sequence[Part | Iterator[Part]]]] = {
    "headers": lambda _: [b"HTTP/1.1 200 OK\r\n", drip(b"x", b"-", b"y", b":", b"z", b"\r\n", every=0.01)],
    "informational responses": lambda _: [drip(b"HTTP/1.1 103 Early Hints\r\n\r\n")],
    "a body": lambda _: [JSON_HEAD, b"{", drip(b" ")],
    "an error page": lambda _: [ERROR_HEAD, drip(chunk(b"<p>"))],
    "comments": lambda _: [STREAM, drip(chunk(b": x\n\n"))],
    "empty objects": lambda _: [STREAM, drip(chunk(b"data: {}\n\n"))],
    "a line": lambda _: [STREAM, chunk(b'data: {"a":"'), drip(chunk(b"x"))],
    "events": lambda stub: [STREAM, drip(chunk(stub.delta("x")))],
    "silence": lambda _: [LONG],
}


@pytest.fixture(scope="module")
def raw() -> Iterator[RawServer]:
    with RawServer() as started:
        yield started


def expect(raw: RawServer, parts: Sequence[Part | Iterator[Part]]) -> None:
    """Let a server answer every request with these parts."""

    def reply(_: int) -> Any:
        for part in parts:
            if isinstance(part, Iterator):
                yield from part
            else:
                yield part

    raw.expect(reply)


@contextmanager
def soon() -> Iterator[None]:
    """Check that a block ends long before the server does."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < LONG / 2


# ------------------------------------------------------------------------------------------------------ total_timeout


@pytest.mark.parametrize("parts", DRIPPING.values(), ids=DRIPPING)
def test_a_call_ends_after_its_total_timeout(
    raw: RawServer, stub: ProtocolStub, ask: Ask, parts: Callable[[ProtocolStub], Sequence[Part | Iterator[Part]]]
) -> None:
    expect(raw, parts(stub))
    llm = stub.llm(raw.url, model="qwq-plus", total_timeout=TOTAL, max_retries=2)
    with soon(), pytest.raises(APITimeoutError, match=r"0\.5 seconds, the limit that `total_timeout` sets"):
        ask(llm)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_rerank_call_ends_after_its_total_timeout(
    raw: RawServer, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    expect(raw, [JSON_HEAD, b"{", drip(b" ")])
    rerank = make_reranker(raw.url, stub, total_timeout=TOTAL)

    def call() -> None:
        rerank.rerank(["a"], "b") if way == "sync" else runner.run(rerank.arerank(["a"], "b"))

    with soon(), pytest.raises(APITimeoutError, match="`total_timeout`"):
        call()


def embed_some(stub: ProtocolStub, server: Server) -> None:
    """Let a server embed the first two requests, and let it be silent for the others."""
    embed = embed_reversed(stub)
    replies = iter([embed, embed])

    def respond(received: Any) -> Any:
        if (reply := next(replies, None)) is None:
            return stream_reply(LONG)
        return reply(received)

    server.default = respond


@pytest.mark.parametrize("way", ["sync", "async"])
def test_all_requests_of_embed_documents_end_after_one_total_timeout(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    embed_some(stub, server)
    embeddings = make_embeddings(server, stub, total_timeout=2.0, chunk_size=1, max_concurrency=1)
    texts = ["a", "b", "c", "d"]

    def embed() -> None:
        embeddings.embed_documents(texts) if way == "sync" else runner.run(embeddings.aembed_documents(texts))

    with soon(), pytest.raises(APITimeoutError, match="`total_timeout`") as caught:
        embed()
    assert caught.value.partial is not None
    assert (sorted(caught.value.partial.embedded), sorted(caught.value.partial.missing)) == ([0, 1], [2, 3])
    assert len(server.requests) == 3


def test_a_total_timeout_counts_the_requests_of_embed_documents_together(server: Server, stub: ProtocolStub) -> None:
    embed = embed_reversed(stub)

    def respond_slowly(received: Any) -> Any:
        time.sleep(0.4)
        return embed(received)

    server.default = respond_slowly
    embeddings = make_embeddings(server, stub, total_timeout=1.0, chunk_size=1, max_concurrency=1)
    with pytest.raises(APITimeoutError, match="`total_timeout`"):
        embeddings.embed_documents(list("abcdef"))


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_total_timeout_counts_each_request_of_lazy_embed_documents_by_itself(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = embed_reversed(stub)
    embeddings = make_embeddings(server, stub, total_timeout=2.0, chunk_size=1, max_concurrency=1)

    async def embed_slowly() -> int:
        count = 0
        async for _ in embeddings.alazy_embed_documents(["a", "b", "c"]):
            await asyncio.sleep(0.8)
            count += 1
        return count

    if way == "async":
        assert runner.run(embed_slowly()) == 3
    else:
        for _ in embeddings.lazy_embed_documents(["a", "b", "c"]):
            time.sleep(0.8)


def test_the_error_has_the_answer_so_far(raw: RawServer, stub: ProtocolStub, ask_streamed: Ask) -> None:
    expect(raw, [STREAM, chunk(stub.delta("Hello")), LONG])
    with pytest.raises(APITimeoutError, match="`total_timeout`") as caught:
        ask_streamed(stub.llm(raw.url, total_timeout=TOTAL))
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text == "Hello"


def test_the_clock_stands_while_the_consumer_has_a_chunk(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = lambda _: stream_reply(stub.delta("a"), 0.05, *stub.frames("b"))
    llm = stub.llm(server, total_timeout=2.0)
    texts = []
    for message in llm.stream("Hi"):
        time.sleep(0.8)
        texts.append(message.text)
    assert "".join(texts) == "ab"

    async def read_slowly() -> str:
        text = ""
        async for message in llm.astream("Hi"):
            await asyncio.sleep(0.8)
            text += message.text
        return text

    assert runner.run(read_slowly()) == "ab"


def test_a_call_that_is_in_time_is_not_limited(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    server.default = stub.reply_to
    assert ask(stub.llm(server, total_timeout=LONG)).content == "Hello"


def test_a_pause_that_would_take_too_long_is_not_made(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    server.default = lambda _: stub.error(429, "Throttling.RateQuota", "Slow.").with_headers(retry_after_ms="50000")
    with soon(), pytest.raises(RateLimitError, match=r"It was not sent again.*50\.0 seconds.*`total_timeout`"):
        ask_two_ways(stub.llm(server, total_timeout=20.0, max_retries=2))
    assert len(server.requests) == 1


def test_retries_count_into_the_total_timeout(raw: RawServer, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    expect(raw, [LONG])
    with soon(), pytest.raises(APITimeoutError):
        ask_two_ways(stub.llm(raw.url, timeout=0.2, total_timeout=1.5, max_retries=1000))


@pytest.mark.parametrize("limits", [{"max_concurrency": 1}, {"requests_per_minute": 1}], ids=["slots", "rate"])
def test_waiting_for_a_guard_counts_into_the_total_timeout(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, limits: dict[str, Any]
) -> None:
    guard = WorkspaceGuard(**limits)
    server.default = stub.reply_to
    llm = stub.llm(server, guard=guard, total_timeout=TOTAL)
    used, done = threading.Event(), threading.Event()

    def use() -> None:
        with guard.slot("ws-test", llm.model):
            used.set()
            done.wait(LONG)

    thread = threading.Thread(target=use)
    thread.start()
    used.wait(LONG)
    try:
        with soon(), pytest.raises(APITimeoutError, match=r"total_timeout|within 0\.\d+ seconds"):
            ask_two_ways(llm)
    finally:
        done.set()
        thread.join()


def test_waiting_for_a_connection_counts_into_the_total_timeout(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, runner: asyncio.Runner
) -> None:
    server.default = lambda _: stream_reply(stub.delta("a"), LONG)
    llm = stub.llm(server, max_connections=1, total_timeout=TOTAL)
    holder = stub.llm(server, max_connections=1)
    held = holder.stream("Hi")
    aheld = holder.astream("Hi")
    next(held)
    runner.run(anext(aheld))  # type: ignore[arg-type]  # it is a coroutine
    try:
        with soon(), pytest.raises(APITimeoutError, match="`total_timeout`"):
            ask_two_ways(llm)
    finally:
        held.close()  # type: ignore[attr-defined]  # it is a generator
        runner.run(aheld.aclose())  # type: ignore[attr-defined]  # same


def test_an_async_key_provider_counts_into_the_total_timeout(stub: ProtocolStub, runner: asyncio.Runner) -> None:
    async def get_key() -> str:
        await asyncio.sleep(LONG)
        return "sk-test"

    with soon(), pytest.raises(APITimeoutError, match="`total_timeout`"):
        ask_by("ainvoke", stub.llm("http://127.0.0.1:1", api_key=get_key, total_timeout=TOTAL), runner)


def test_a_users_own_client_keeps_the_total_timeout(raw: RawServer, stub: ProtocolStub) -> None:
    expect(raw, [b"HTTP/1.1 200 OK\r\n", drip(b"x-y: z\r\n")])
    with httpx.Client() as client, soon(), pytest.raises(APITimeoutError, match="`total_timeout`"):
        stub.llm(raw.url, http_client=client, total_timeout=TOTAL).invoke("Hi")


def test_a_client_without_a_network_keeps_the_total_timeout_between_pieces(stub: ProtocolStub) -> None:
    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(int(LONG / 0.02)):
                yield b" "
                time.sleep(0.02)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))
    with httpx.Client(transport=transport) as client, soon(), pytest.raises(APITimeoutError, match="`total_timeout`"):
        stub.llm("http://127.0.0.1:1", http_client=client, total_timeout=TOTAL).invoke("Hi")


def test_a_server_that_takes_the_request_slowly_is_limited(stub: ProtocolStub, ask_two_ways: Ask) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    llm: Any = stub.llm(url, total_timeout=TOTAL).bind(stop=["x" * (8 << 20)])
    with listener, soon(), pytest.raises(APITimeoutError, match="`total_timeout`"):
        ask_two_ways(llm)


@pytest.mark.parametrize("total", [0, -1, math.inf, math.nan])
def test_a_total_timeout_is_a_positive_number(stub: ProtocolStub, total: float) -> None:
    with pytest.raises(ValidationError, match="total_timeout"):
        stub.llm("http://127.0.0.1:1", total_timeout=total)


# -------------------------------------------------------------------------------------------------------------- timeout

SILENT = ("comments", "empty objects", "a line", "headers", "informational responses", "silence", "an error page")


@pytest.mark.parametrize("name", SILENT)
def test_what_says_nothing_ends_after_the_timeout(raw: RawServer, stub: ProtocolStub, ask: Ask, name: str) -> None:
    expect(raw, DRIPPING[name](stub))
    with soon(), pytest.raises(APITimeoutError):
        ask(stub.llm(raw.url, model="qwq-plus", timeout=TOTAL))


SAYS_NOTHING: dict[str, bytes] = {
    "an empty object": b"data: {}\n\n",
    "an object of nothing": b'data: {"choices": [], "output": {}}\n\n',
    "an empty delta": b'data: {"choices": [{"delta": {"content": ""}}], "output": {"text": ""}}\n\n',
    "a comment": b": keep-alive\n\n",
}


@pytest.mark.parametrize("event", SAYS_NOTHING.values(), ids=SAYS_NOTHING)
def test_an_event_that_says_nothing_does_not_end_the_silence(
    raw: RawServer, stub: ProtocolStub, ask_streamed: Ask, event: bytes
) -> None:
    expect(raw, [STREAM, chunk(stub.delta("Hello")), drip(chunk(event))])
    with soon(), pytest.raises(APITimeoutError, match=r"0\.5 seconds") as caught:
        ask_streamed(stub.llm(raw.url, timeout=TOTAL))
    assert caught.value.partial_message is not None


def test_events_that_say_something_end_the_silence(raw: RawServer, stub: ProtocolStub, ask_streamed: Ask) -> None:
    events: list[Part] = [part for _ in range(10) for part in (chunk(stub.delta("x")), 0.3)]
    expect(raw, [STREAM, *events, *map(chunk, stub.frames("y")), b"0\r\n\r\n"])
    assert ask_streamed(stub.llm(raw.url, timeout=2.0)).content == "x" * 10 + "y"


def test_the_time_for_which_a_consumer_has_a_chunk_is_no_silence(server: Server, stub: ProtocolStub) -> None:
    empty = stub.event({"content": ""}, None, {})
    server.script(stream_reply(stub.delta("a"), empty, 0.1, empty, 0.1, empty, *stub.frames("b")))
    texts = []
    for message in stub.llm(server, timeout=1.5).stream("Hi"):
        time.sleep(1.0)
        texts.append(message.text)
    assert "".join(texts) == "ab"
