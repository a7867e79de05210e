"""Of an accepted response there is never more than its bytes and one parsed form, until LangChain has it."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace._seam import Destination, Request
from langchain_qwen_workspace._transports._json import parse_json
from tests.support.protocols import ProtocolStub

MEGABYTE = 1 << 20
PIECE = 1 << 16


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), PIECE):
            yield self._body[start : start + PIECE]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@pytest.fixture(autouse=True)
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def peak_of(call: Callable[[], object]) -> int:
    """Return by how many bytes Python's memory grows during a call; its result is among them."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    call()
    return tracemalloc.get_traced_memory()[1] - before


BODIES: dict[str, Any] = {
    "a text": "x" * (4 * MEGABYTE),
    "texts": ["text"] * (MEGABYTE // 8),
    "numbers": [number / 7 for number in range(MEGABYTE // 16)],
    "text that is not ASCII": "西湖" * (MEGABYTE // 2),
}


@pytest.mark.parametrize("is_async", [False, True], ids=["send", "asend"])
@pytest.mark.parametrize("value", BODIES.values(), ids=BODIES)
def test_a_response_costs_its_bytes_and_one_parsed_form(stub: ProtocolStub, value: Any, is_async: bool) -> None:
    body = json.dumps({"output": value}, ensure_ascii=False).encode()
    handler = httpx.MockTransport(lambda _: httpx.Response(200, headers={"x-a": "b"}, stream=Body(body)))
    request = Request(path="/x", body={}, model="m", destination=Destination(stub.protocol, "us-east-1", None))
    with httpx.Client(transport=handler) as client, asyncio.Runner() as runner:
        own_async = httpx.AsyncClient(transport=handler)
        llm = stub.llm("http://127.0.0.1:1", http_client=client, http_async_client=own_async)
        transport = llm._transport(llm._workspaces_for("qwen-plus"))

        def send() -> object:
            return runner.run(transport.asend(request)) if is_async else transport.send(request)

        send()
        parsing = peak_of(lambda: parse_json(body))
        peak = peak_of(send)
        runner.run(own_async.aclose())
    # While the pieces are joined there are two times the bytes.
    assert peak < 1.1 * (len(body) + max(parsing, len(body)))
