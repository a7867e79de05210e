"""One cell of the matrix: a fault, a protocol and a way of calling, and what comes of it."""

import asyncio
import socket
from collections.abc import Iterator
from typing import get_args

from langchain_core.messages import AIMessageChunk

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceError
from tests.errors.faults._raw import RawServer
from tests.errors.faults._table import FAULTS, Fault, Outcome
from tests.support.protocols import STUBS, ProtocolStub
from tests.support.ways import Way

WAYS: tuple[Way, ...] = get_args(Way)
Cell = tuple[Fault, ProtocolStub, Way]


def is_streamed(way: Way) -> bool:
    return way.endswith("stream")


def cells() -> Iterator[Cell]:
    """Yield every cell that there is."""
    for fault in FAULTS:
        for stub in STUBS:
            for way in WAYS:
                if fault.reply(streamed=is_streamed(way)) is not None:
                    yield fault, stub, way


def observed(
    cell: Cell, server: RawServer, runner: asyncio.Runner, patience: float = 1.0
) -> tuple[Outcome, QwenWorkspaceError | None]:
    """Let a fault happen, and return what came of it; of `timeout` this many times as much is given."""
    fault, stub, way = cell
    reply = fault.reply(streamed=is_streamed(way))
    assert reply is not None
    server.expect(lambda number: reply(stub, number))
    url = _nobodys_url() if fault.name == "connection refused" else server.url
    llm = stub.llm(url, max_retries=1, timeout=fault.timeout * patience)
    chunks: list[AIMessageChunk] = []
    try:
        text = _called(llm, way, runner, chunks)
    except QwenWorkspaceError as error:
        text = "".join(chunk.text for chunk in chunks)
        return Outcome(len(server.heads), type(error), text, error.status_code, error.code), error
    return Outcome(len(server.heads), text=text), None


def _called(llm: ChatQwenWorkspace, way: Way, runner: asyncio.Runner, chunks: list[AIMessageChunk]) -> str:
    """Return the text of the answer, and put what is delivered on the way into `chunks`."""
    match way:
        case "invoke":
            return llm.invoke("Hi").text
        case "ainvoke":
            return runner.run(llm.ainvoke("Hi")).text
        case "stream":
            for chunk in llm.stream("Hi"):
                chunks.append(chunk)  # noqa: PERF402 - what came before an error counts
        case "astream":

            async def read() -> None:
                async for chunk in llm.astream("Hi"):
                    chunks.append(chunk)  # noqa: PERF401 - what came before an error counts

            runner.run(read())
    return "".join(chunk.text for chunk in chunks)


def _nobodys_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
