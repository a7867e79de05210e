"""Streams and calls that the caller abandons: the connection is closed, and the model stays usable."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from langchain_qwen_workspace import ChatQwenWorkspace
from tests.support.protocols import ProtocolStub
from tests.support.server import TIMEOUT, Act, Reply, Server, stream_reply

Leave = Callable[[ChatQwenWorkspace, Server], Awaitable[None]]


def is_hung_up(server: Server) -> bool:
    return server.hangups.acquire(timeout=TIMEOUT)


async def ais_hung_up(server: Server) -> bool:
    return await asyncio.to_thread(is_hung_up, server)


@pytest.fixture
def endless(server: Server, stub: ProtocolStub) -> Server:
    """Return a server that answers the first request with two events and then waits for the client to hang up."""
    server.script(stream_reply(stub.delta("Hel"), stub.delta("lo"), Act.AWAIT_HANGUP))
    server.default = stub.reply_to
    return server


def test_closing_a_stream_closes_its_connection(endless: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(endless)
    stream = llm.stream("Hi")
    assert next(stream).text == "Hel"
    stream.close()  # type: ignore[attr-defined]  # LangChain types its generator as an iterator
    assert is_hung_up(endless)
    assert llm.invoke("Hi").content == "Hello"


def test_dropping_a_stream_closes_its_connection(endless: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(endless)
    for _ in llm.stream("Hi"):
        break
    assert is_hung_up(endless)
    assert llm.invoke("Hi").content == "Hello"


def test_an_exception_in_the_reading_loop_closes_the_connection(endless: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(endless)

    def read() -> None:
        for chunk in llm.stream("Hi"):
            raise KeyError(chunk.text)

    with pytest.raises(KeyError, match="Hel"):
        read()
    assert is_hung_up(endless)
    assert llm.invoke("Hi").content == "Hello"


def test_a_stream_that_is_not_iterated_sends_nothing(endless: Server, stub: ProtocolStub) -> None:
    stream = stub.llm(endless).stream("Hi")
    stream.close()  # type: ignore[attr-defined]  # LangChain types its generator as an iterator
    assert endless.requests == []


# ---------------------------------------------------------------------------------------------------------- async


async def _close(llm: ChatQwenWorkspace, _: Server) -> None:
    stream = llm.astream("Hi")
    assert (await anext(stream)).text == "Hel"
    await stream.aclose()  # type: ignore[attr-defined]  # LangChain types its generator as an iterator


async def _leave(llm: ChatQwenWorkspace, _: Server) -> None:
    async for chunk in llm.astream("Hi"):
        assert chunk.text == "Hel"
        break


async def _drop(llm: ChatQwenWorkspace, _: Server) -> None:
    stream = llm.astream("Hi")
    await anext(stream)
    del stream


async def _fail(llm: ChatQwenWorkspace, _: Server) -> None:
    async def read() -> None:
        async for chunk in llm.astream("Hi"):
            raise KeyError(chunk.text)

    with pytest.raises(KeyError, match="Hel"):
        await read()


async def _cancel(llm: ChatQwenWorkspace, _: Server) -> None:
    """Cancel the task while it waits for the third event."""
    two = asyncio.Event()

    async def read() -> None:
        seen: list[AIMessageChunk] = []
        async for chunk in llm.astream("Hi"):
            seen.append(chunk)
            if len(seen) == 2:
                two.set()

    task = asyncio.create_task(read())
    await two.wait()
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _time_out(llm: ChatQwenWorkspace, _: Server) -> None:
    """Let a timeout expire while the task waits for the third event."""

    async def read() -> None:
        seen: list[AIMessageChunk] = []
        async with asyncio.timeout(None) as limit:
            async for chunk in llm.astream("Hi"):
                seen.append(chunk)
                if len(seen) == 2:
                    limit.reschedule(asyncio.get_running_loop().time() + 0.01)

    with pytest.raises(TimeoutError):
        await read()


@pytest.mark.parametrize("leave", [_close, _leave, _drop, _fail, _cancel, _time_out])
def test_leaving_an_async_stream_closes_its_connection(
    endless: Server, stub: ProtocolStub, leave: Leave, runner: asyncio.Runner
) -> None:
    async def main() -> None:
        llm = stub.llm(endless)
        await leave(llm, endless)
        assert await ais_hung_up(endless)
        assert (await llm.ainvoke("Hi")).content == "Hello"

    runner.run(main())


class SlowlyClosingTransport:
    """A transport whose connection takes several turns of the event loop to close."""

    def __init__(self, stub: ProtocolStub) -> None:
        self._event = stub.whole()
        self.closed = False

    async def astream(self, _: object) -> AsyncIterator[dict[str, Any]]:
        try:
            yield self._event
            yield self._event
        finally:
            for _turn in range(5):
                await asyncio.sleep(0)
            self.closed = True


def test_aclose_of_an_async_stream_returns_after_the_connection_is_closed(
    stub: ProtocolStub, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later turn of the event loop may never come."""
    transport = SlowlyClosingTransport(stub)
    monkeypatch.setattr(ChatQwenWorkspace, "_transport", lambda *_: transport)
    stream: Any = stub.llm("http://127.0.0.1:1")._astream([HumanMessage("Hi")])

    async def main() -> bool:
        await anext(stream)
        await stream.aclose()
        return transport.closed

    assert runner.run(main())


@pytest.mark.parametrize("streamed", [False, True], ids=["ainvoke", "astream"])
def test_cancelling_a_task_before_the_response_closes_the_connection(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, *, streamed: bool
) -> None:
    arrived = threading.Event()

    def reply(_: object) -> Reply:
        arrived.set()
        server.default = stub.reply_to
        return Reply((Act.AWAIT_HANGUP,))

    server.default = reply

    async def read(llm: ChatQwenWorkspace) -> None:
        if streamed:
            async for _ in llm.astream("Hi"):
                pass
        else:
            await llm.ainvoke("Hi")

    async def main() -> None:
        llm = stub.llm(server)
        task = asyncio.create_task(read(llm))
        await asyncio.to_thread(arrived.wait, TIMEOUT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ais_hung_up(server)
        assert (await llm.ainvoke("Hi")).content == "Hello"
        assert len(server.requests) == 2

    runner.run(main())


def test_a_cancelled_call_is_not_retried(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    """Also when it is cancelled while it waits for a retry."""
    arrived = threading.Event()

    def reply(_: object) -> Reply:
        arrived.set()
        return stub.error(429, "Throttling", "Slow down.").with_headers(retry_after_ms="30000")

    server.default = reply

    async def main() -> None:
        task = asyncio.create_task(stub.llm(server, max_retries=3).ainvoke("Hi"))
        await asyncio.to_thread(arrived.wait, TIMEOUT)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    runner.run(main())
    assert len(server.requests) == 1


# --------------------------------------------------------------------------------------------------- connections


def test_connections_are_reused(fresh_server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    fresh_server.default = stub.reply_to
    llm = stub.llm(fresh_server)
    for _ in range(3):
        llm.invoke("Hi")
        assert len(list(llm.stream("Hi"))) == 3
    assert fresh_server.connections == 1

    async def main() -> None:
        for _ in range(3):
            await llm.ainvoke("Hi")
            assert len([chunk async for chunk in llm.astream("Hi")]) == 3

    runner.run(main())
    assert fresh_server.connections == 2
    assert len({request.peer for request in fresh_server.requests}) == 2


def test_a_connection_that_the_server_closed_is_replaced(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = lambda _: Reply(stub.answer().parts, 200, stub.answer().headers, "close")
    llm = stub.llm(fresh_server)
    assert [llm.invoke("Hi").content for _ in range(3)] == ["Hello"] * 3
    assert fresh_server.connections == 3


def test_events_are_yielded_as_they_arrive(server: Server, stub: ProtocolStub) -> None:
    """The second event is sent only after the first was read."""
    gate = threading.Event()
    first, *rest = stub.frames("Hel", "lo")
    server.default = lambda _: stream_reply(first, gate, *rest)
    stream = stub.llm(server, timeout=60.0).stream("Hi")
    assert next(stream).text == "Hel"
    gate.set()
    assert "".join(chunk.text for chunk in stream) == "lo"


def test_async_events_are_yielded_as_they_arrive(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    gate = threading.Event()
    first, *rest = stub.frames("Hel", "lo")
    server.default = lambda _: stream_reply(first, gate, *rest)

    async def main() -> None:
        stream = stub.llm(server, timeout=60.0).astream("Hi")
        assert (await anext(stream)).text == "Hel"
        gate.set()
        assert "".join([chunk.text async for chunk in stream]) == "lo"

    runner.run(main())
