"""Calls that are given up: wherever they are, their connection is closed at once, and the model goes on working."""

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
from tests.support.protocols import STUBS, ProtocolStub
from tests.support.ways import WAYS, Way, ask_by

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
    """Return a server of the test's own, so that its open connections are the test's."""
    with RawServer() as started:
        yield started


def _model(stub: ProtocolStub, raw: RawServer, **fields: Any) -> ChatQwenWorkspace:
    guard = WorkspaceGuard(max_concurrency=1)
    return stub.llm(raw.url, max_retries=2, guard=guard, timeout=60.0, **fields)


def _answering(raw: RawServer, stub: ProtocolStub, *, streamed: bool) -> None:
    body = b"".join(stub.frames("Hel", "lo"))
    plain = stub.answer().parts[0]
    assert isinstance(plain, bytes)
    raw.expect(lambda _: (chunked(body) if streamed else whole(plain),))


@pytest.mark.parametrize("streamed", [False, True], ids=["ainvoke", "astream"])
@pytest.mark.parametrize("where", WAITING)
def test_a_task_is_cancelled_while_it_waits(
    raw: RawServer, stub: ProtocolStub, runner: asyncio.Runner, where: str, *, streamed: bool
) -> None:
    """And its place at the guard is free again, the only one that there is."""
    if not streamed and ("event" in where or "comment" in where):
        where = "for the body"
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
        _answering(raw, stub, streamed=streamed)
        await asyncio.wait_for(read(), 60)

    runner.run(main())


@pytest.mark.filterwarnings(
    "ignore:unclosed transport:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_task_is_cancelled_while_it_connects(raw: RawServer, stub: ProtocolStub) -> None:
    """At every turn of the loop until a connection is there.

    At one of them `asyncio.create_connection` forgets a socket that was connected just then (Python 3.11), at one
    httpcore 1.0.9 does, which dashscope's client is built on: neither is ours to close, and there are no more of them.
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
        _answering(raw, stub, streamed=False)
        assert (await llm.ainvoke("Hi")).content == "Hello"

    with asyncio.Runner() as own:
        own.run(main())


def test_a_task_is_cancelled_while_it_waits_for_its_place(
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
        _answering(raw, stub, streamed=False)
        assert (await llm.ainvoke("Hi")).content == "Hello"

    runner.run(main())


@pytest.mark.parametrize("way", WAYS)
def test_many_are_cancelled_and_the_pool_is_whole(stub: ProtocolStub, raw: RawServer, way: Way) -> None:
    """More than a pool keeps for later: none of the places is lost."""
    raw.expect(lambda _: (SILENCE,))
    llm = stub.llm(raw.url)

    async def cancelled() -> None:
        tasks = [asyncio.create_task(llm.ainvoke("Hi")) for _ in range(120)]
        await asyncio.to_thread(raw.await_requests, 120)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.to_thread(raw.await_open, 0)

    with asyncio.Runner() as own:
        own.run(cancelled())
        _answering(raw, stub, streamed=way.endswith("stream"))
        assert ask_by(way, llm, own).content == "Hello"


# ------------------------------------------------------------------------------------------------ interrupted

INTERRUPTED = """
import asyncio, gc, logging, sys
from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard
from langchain_qwen_workspace._protocols import transport_for

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
    transport_for.cache_clear()
    gc.collect()
"""


@pytest.mark.timeout(600)
def test_a_keyboard_interrupt() -> None:
    """Nothing is left open, nothing is said on stderr, and the same model answers afterwards.

    All in one process, as starting one takes longer than the rest.
    """
    with RawServer() as raw:
        command = [sys.executable, "-W", "error", "-X", "dev", "-c", INTERRUPTED, raw.url]
        with subprocess.Popen(  # noqa: S603 - this interpreter and the text above
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            try:
                for stub, way in product(STUBS, WAYS):
                    _interrupt(process, raw, stub, way)
                out, err = process.communicate(timeout=200)
            finally:
                process.kill()
    assert (out, err, process.returncode) == ("", "", 0)


def _interrupt(process: subprocess.Popen[str], raw: RawServer, stub: ProtocolStub, way: Way) -> None:
    waiting = WAITING["between events" if way.endswith("stream") else "for the headers"]
    raw.expect(lambda _: waiting(stub))
    assert raw.await_open(0)
    _say(process, f"{stub.protocol} {way}")
    raw.await_requests(1)
    if way.endswith("stream"):
        assert _heard(process) == "Hel"
    threading.Event().wait(0.1)
    process.send_signal(signal.SIGINT)
    assert _heard(process) == "interrupted"
    assert raw.await_open(0)
    _answering(raw, stub, streamed=False)
    _say(process, "")
    assert _heard(process) == "Hello Hello"


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
