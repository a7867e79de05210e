"""The cells of the fault matrix: a fault, a protocol and a way of calling, and how the call ends."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from langchain_core.messages import AIMessageChunk

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceError
from tests.errors.faults._raw import RawServer
from tests.errors.faults._table import FAULTS, Fault, Outcome
from tests.support.protocols import STUBS, ProtocolStub
from tests.support.ways import WAYS, Way

_SHARED_WAYS: dict[str, tuple[Way, ...]] = {"openai": ("invoke", "astream"), "dashscope": ("ainvoke", "stream")}
"""Between them: a whole response and a stream, sync and async, and each protocol."""


@dataclass(frozen=True)
class Cell:
    """One fault on one protocol in one way of calling."""

    fault: Fault
    stub: ProtocolStub
    way: Way

    def __str__(self) -> str:
        return f"{self.fault.name}-{self.stub.protocol}-{self.way}"

    @property
    def is_streamed(self) -> bool:
        return self.way.endswith("stream")

    @property
    def is_nightly(self) -> bool:
        """Whether another cell of every run takes the same path."""
        one_way_is_enough = self.fault.is_shared and self.way not in _SHARED_WAYS.get(self.stub.protocol, WAYS)
        return self.fault.nightly or one_way_is_enough


def cells() -> Iterator[Cell]:
    """Yield every cell: each fault that can occur in a way of calling, on each protocol."""
    for fault in FAULTS:
        for stub in STUBS:
            for way in WAYS:
                cell = Cell(fault, stub, way)
                if fault.reply(streamed=cell.is_streamed) is not None:
                    yield cell


def call(
    cell: Cell, server: RawServer, runner: asyncio.Runner, more_time: float = 1.0
) -> tuple[Outcome, QwenWorkspaceError | None]:
    """Make a call that meets the fault, with this many times its timeout, and return how it ends."""
    fault = cell.fault
    reply = fault.reply(streamed=cell.is_streamed)
    assert reply is not None
    server.expect(lambda number: reply(cell.stub, number))
    url = _refusing_url() if fault.name == "connection refused" else server.url
    llm = cell.stub.llm(url, max_retries=1, timeout=fault.timeout * more_time)
    chunks: list[AIMessageChunk] = []
    try:
        text = _answer_of(llm, cell.way, runner, chunks)
    except QwenWorkspaceError as error:
        text = "".join(chunk.text for chunk in chunks)
        return Outcome(len(server.heads), type(error), text, error.status_code, error.code), error
    return Outcome(len(server.heads), text=text), None


def _answer_of(llm: ChatQwenWorkspace, way: Way, runner: asyncio.Runner, chunks: list[AIMessageChunk]) -> str:
    """Return the text of the answer, and add the chunks of a stream to `chunks` as they arrive."""
    match way:
        case "invoke":
            return llm.invoke("Hi").text
        case "ainvoke":
            return runner.run(llm.ainvoke("Hi")).text
        case "stream":
            for chunk in llm.stream("Hi"):
                chunks.append(chunk)  # noqa: PERF402 - chunks before an error count
        case "astream":

            async def read() -> None:
                async for chunk in llm.astream("Hi"):
                    chunks.append(chunk)  # noqa: PERF401 - chunks before an error count

            runner.run(read())
    return "".join(chunk.text for chunk in chunks)


def _refusing_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
