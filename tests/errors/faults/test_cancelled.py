"""Cancelled and interrupted calls: the connection is closed at once, and the model can be called again."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard
from tests.errors.faults._raw import STREAM, RawServer, Script, chunk, chunked, whole
from tests.errors.faults._table import SILENCE
from tests.support.protocols import DASHSCOPE, OPENAI, STUBS, ProtocolStub
from tests.support.ways import WAYS, Way

ROOT = Path(__file__).parent.parent.parent.parent

WAITING: dict[str, Callable[[ProtocolStub], Script]] = {
    "for the headers": lambda _: (SILENCE,),
    "inside the headers": lambda _: (STREAM[:40], SILENCE),
    "for the body": lambda _: (whole(b"{}")[:-2], SILENCE),
    "for the first event": lambda _: (STREAM, SILENCE),
    "between events": lambda stub: (STREAM, chunk(stub.delta("Hel")), SILENCE),
    "between comments": lambda _: (STREAM, *(chunk(b": ping\n\n"), 0.02) * 200),
    "for another attempt": lambda _: (whole(b'{"message":"Later."}', 503, "retry-after: 30"), SILENCE),
}


@pytest.fixture
def raw() -> Iterator[RawServer]:
    """Yield a server of its own, so that all of its open connections are those of the test."""
    with RawServer() as started:
        yield started


def _model(stub: ProtocolStub, raw: RawServer, **fields: Any) -> ChatQwenWorkspace:
    guard = WorkspaceGuard(max_concurrency=1)
    return stub.llm(raw.url, max_retries=2, guard=guard, timeout=60.0, **fields)


def _expect_answer(raw: RawServer, stub: ProtocolStub, *, streamed: bool) -> None:
    body = b"".join(stub.frames("Hel", "lo"))
    plain = stub.answer().parts[0]
    assert isinstance(plain, bytes)
    raw.expect(lambda _: (chunked(body) if streamed else whole(plain),))


@pytest.mark.parametrize(
    ("where", "streamed"),
    [
        ("for the headers", False),
        ("inside the headers", False),
        ("for the body", False),
        ("for another attempt", False),
        ("for the headers", True),
        ("for the first event", True),
        ("between events", True),
        ("between comments", True),
        ("for another attempt", True),
    ],
)
def test_a_task_is_cancelled_while_it_waits(
    raw: RawServer, stub: ProtocolStub, runner: asyncio.Runner, where: str, *, streamed: bool
) -> None:
    """The guard has one place, which is free again afterwards."""
    raw.expect(lambda _: WAITING[where](stub))
    llm = _model(stub, raw)

    async def read() -> None:
        if streamed:
            async for _ in llm.astream("Hi"):
                pass
        else:
            await llm.ainvoke("Hi")

    async def main() -> None:
        task = asyncio.create_task(read())
        await asyncio.to_thread(raw.await_requests, 1)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert where == "for another attempt" or await asyncio.to_thread(raw.await_open, 0)
        assert len(raw.heads) == 1
        _expect_answer(raw, stub, streamed=streamed)
        await asyncio.wait_for(read(), 60)

    runner.run(main())


@pytest.mark.filterwarnings(
    "ignore:unclosed transport:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_task_is_cancelled_while_it_connects(raw: RawServer, stub: ProtocolStub) -> None:
    """After each number of turns of the event loop until there is a connection.

    After one of them `asyncio.create_connection` leaks a socket that was connected just then (Python 3.11), after
    another httpcore 1.0.9 does, which dashscope's client is built on. This package cannot close either.
    """
    llm = _model(stub, raw)

    async def main() -> None:
        for turns in range(30):
            task = asyncio.create_task(llm.ainvoke("Hi"))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.to_thread(raw.await_few_open, 2 if stub.is_dashscope else 1)
        _expect_answer(raw, stub, streamed=False)
        assert (await llm.ainvoke("Hi")).content == "Hello"

    with asyncio.Runner() as own:
        own.run(main())


def test_a_task_is_cancelled_while_it_waits_for_the_guard(
    raw: RawServer, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    raw.expect(lambda _: (SILENCE,))
    llm = _model(stub, raw)

    async def main() -> None:
        first, second = (asyncio.create_task(llm.ainvoke("Hi")) for _ in range(2))
        await asyncio.to_thread(raw.await_requests, 1)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert len(raw.heads) == 1
        _expect_answer(raw, stub, streamed=False)
        assert (await llm.ainvoke("Hi")).content == "Hello"

    runner.run(main())


def test_a_pool_still_works_after_many_cancelled_calls(stub: ProtocolStub, raw: RawServer) -> None:
    """There are more calls than the pool keeps idle connections, so a lost place would show."""
    raw.expect(lambda _: (SILENCE,))
    llm = stub.llm(raw.url)

    async def main() -> None:
        tasks = [asyncio.create_task(llm.ainvoke("Hi")) for _ in range(120)]
        await asyncio.to_thread(raw.await_requests, 120)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.to_thread(raw.await_open, 0)
        _expect_answer(raw, stub, streamed=False)
        assert (await llm.ainvoke("Hi")).content == "Hello"

    with asyncio.Runner() as own:
        own.run(main())


# ------------------------------------------------------------------------------------------------ interrupted

INTERRUPTED = """
import asyncio, logging, signal, sys
from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard
from langchain_qwen_workspace._transports.dashscope import DashScopeTransport
from langchain_qwen_workspace._transports.openai import OpenAITransport

# `nohup` and `&` in a shell start processes that ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
logging.getLogger("asyncio").setLevel(logging.ERROR)

async def read(llm):
    async for chunk in llm.astream("Hi"):
        print(chunk.text, flush=True)

def call(llm, way):
    if way == "invoke":
        llm.invoke("Hi")
    elif way == "ainvoke":
        asyncio.run(llm.ainvoke("Hi"))
    elif way == "stream":
        for chunk in llm.stream("Hi"):
            print(chunk.text, flush=True)
    else:
        asyncio.run(read(llm))

for line in sys.stdin:
    protocol, way = line.split()
    llm = ChatQwenWorkspace(
        model="qwen-plus", protocol=protocol, api_key="sk-1", base_url=sys.argv[1], timeout=60, max_retries=2,
        guard=WorkspaceGuard(max_concurrency=1),
    )
    try:
        call(llm, way)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    sys.stdin.readline()  # The connection is closed by now, and not by the end of the process.
    print(llm.invoke("Hi").content, asyncio.run(llm.ainvoke("Hi")).content, flush=True)
    for transport in (OpenAITransport, DashScopeTransport):
        transport.pools.close()
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "calls",
    [
        [(OPENAI, "invoke"), (DASHSCOPE, "ainvoke"), (DASHSCOPE, "stream"), (OPENAI, "astream")],
        pytest.param(list(product(STUBS, WAYS)), marks=pytest.mark.nightly),
    ],
    ids=["each way", "each way on each protocol"],
)
def test_a_keyboard_interrupt_ends_a_call(calls: list[tuple[ProtocolStub, Way]]) -> None:
    """No connection stays open, stderr is empty, and the same model answers afterwards.

    All in one process, as starting one takes longer than the rest.
    """
    with RawServer() as raw:
        command = [sys.executable, "-W", "error", "-X", "dev", "-c", INTERRUPTED, raw.url]
        with subprocess.Popen(  # noqa: S603 - this interpreter and the text above
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            try:
                for stub, way in calls:
                    _interrupt(process, raw, stub, way)
                out, err = process.communicate(timeout=200)
            finally:
                process.kill()
    assert (out, err, process.returncode) == ("", "", 0)


def _interrupt(process: subprocess.Popen[str], raw: RawServer, stub: ProtocolStub, way: Way) -> None:
    waiting = WAITING["between events" if way.endswith("stream") else "for the headers"]
    raw.expect(lambda _: waiting(stub))
    assert raw.await_open(0)
    _write_line(process, f"{stub.protocol} {way}")
    raw.await_requests(1)
    if way.endswith("stream"):
        assert _read_line(process) == "Hel"
    threading.Event().wait(0.1)
    process.send_signal(signal.SIGINT)
    assert _read_line(process) == "interrupted"
    assert raw.await_open(0)
    _expect_answer(raw, stub, streamed=False)
    _write_line(process, "")
    assert _read_line(process) == "Hello Hello"


def _write_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
