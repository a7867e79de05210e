"""Event loops and threads that share transports: no mix-up, and nothing left open."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace._transports._client_per_loop import ClientPerLoop
from tests.support.protocols import ProtocolStub, reply_to_any
from tests.support.server import TIMEOUT, Received, Reply, Server

ROOT = Path(__file__).parent.parent.parent

# Every scenario runs in one process, since starting one takes longer than all of them. asyncio's debug mode reports
# the import of an SDK as a slow callback; everything else that it reports is an error.
SCENARIOS = """
import asyncio, gc, logging, sys, threading
from langchain_qwen_workspace import ChatQwenWorkspace

logging.getLogger("asyncio").setLevel(logging.ERROR)

async def collect(llm):
    return "".join([chunk.text async for chunk in llm.astream("Hi")])

async def leave(llm):
    async for chunk in llm.astream("Hi"):
        return chunk.text

kept = []

async def keep(llm):
    kept.append(llm.astream("Hi"))
    return (await anext(kept[-1])).text

async def cancel(llm):
    task = asyncio.create_task(collect(llm))
    await asyncio.sleep(0.01)
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return "cancelled"

async def many(llm):
    return [answer.content for answer in await llm.abatch(["Hi"] * 20)]

def ask_once(llm):
    return asyncio.run(llm.ainvoke("Hi")).content

def run_threads(llm):
    answers = []
    def work():
        answers.append(ask_once(llm))
        answers.append(asyncio.run(collect(llm)))
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return len(answers), set(answers)

def run(llm):
    print("twice", ask_once(llm), ask_once(llm))
    print("streams", asyncio.run(collect(llm)), asyncio.run(collect(llm)))
    print("left", asyncio.run(leave(llm)), asyncio.run(leave(llm)), asyncio.run(leave(llm)))
    print("kept", asyncio.run(keep(llm)), asyncio.run(keep(llm)), asyncio.run(keep(llm)))
    print("cancelled", asyncio.run(cancel(llm)) in ("cancelled", "Hello"))
    print("many", set(asyncio.run(many(llm))))
    print("sync", llm.invoke("Hi").content, "".join(chunk.text for chunk in llm.stream("Hi")))
    for chunk in llm.stream("Hi"):
        break
    with asyncio.Runner() as runner:
        print("runner", runner.run(llm.ainvoke("Hi")).content, runner.run(collect(llm)))
    print("threads", *run_threads(llm))

for protocol in ("openai", "dashscope"):
    run(ChatQwenWorkspace(
        model="qwen-plus", protocol=protocol, api_key="sk-1", base_url=sys.argv[1], timeout=60, max_retries=0
    ))
    gc.collect()
print("end")
"""

EXPECTED = """\
twice Hello Hello
streams Hello Hello
left Hel Hel Hel
kept Hel Hel Hel
cancelled True
many {'Hello'}
sync Hello Hello
runner Hello Hello
threads 6 {'Hello'}
"""


def test_no_scenario_leaves_a_connection_or_a_warning(fresh_server: Server) -> None:
    """Repeated `asyncio.run`, abandoned, kept and cancelled streams, threads: nothing is written to stderr."""
    fresh_server.default = reply_to_any
    done = subprocess.run(  # noqa: S603 - this interpreter and the text above
        [sys.executable, "-W", "error", "-X", "dev", "-c", SCENARIOS, fresh_server.url],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=250,
    )
    assert done.stderr == ""
    assert done.stdout == EXPECTED * 2 + "end\n"
    assert done.returncode == 0


def call_in_abandoned_loop(llm: ChatQwenWorkspace) -> object:
    """Call a model in a loop that is closed without `shutdown_asyncgens()`, so that nothing in it is closed first."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(llm.ainvoke("Hi")).content
    finally:
        loop.close()


# asyncio warns of the sockets that such a loop leaves open; closing them is up to the loop's owner.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_was_not_shut_down_does_not_disturb_later_calls(
    fresh_server: Server, stub: ProtocolStub, caplog: pytest.LogCaptureFixture
) -> None:
    fresh_server.default = stub.reply_to
    llm = stub.llm(fresh_server)
    assert [call_in_abandoned_loop(llm), call_in_abandoned_loop(llm), asyncio.run(llm.ainvoke("Hi")).content] == [
        "Hello"
    ] * 3
    assert call_in_abandoned_loop(llm) == llm.invoke("Hi").content == "Hello"
    # The next loop's call forgets the client of the abandoned one, whose warnings belong to this test.
    asyncio.run(llm.ainvoke("Hi"))
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


# ---------------------------------------------------------------------------------------------------- concurrency


def echo(stub: ProtocolStub) -> Callable[[Received], Reply]:
    return lambda received: stub.answer(received.text)


def test_async_calls_run_concurrently(fresh_server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    """No call is answered before all hundred have arrived."""
    everybody = threading.Event()

    def reply(_: Received) -> Reply:
        if fresh_server.peak >= 100:
            everybody.set()
        body = stub.answer().parts[0]
        return Reply((everybody, body), 200, stub.answer().headers)

    # The length of a reply counts its bytes only, so that it may wait.
    fresh_server.default = reply
    llm = stub.llm(fresh_server)

    async def main() -> set[object]:
        return {answer.content for answer in await asyncio.gather(*(llm.ainvoke("Hi") for _ in range(100)))}

    assert runner.run(main()) == {"Hello"}
    assert fresh_server.peak == 100


def test_threads_share_a_model(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = echo(stub)
    llm = stub.llm(fresh_server)
    start = threading.Barrier(16)

    def ask(number: int) -> list[object]:
        start.wait(TIMEOUT)
        return [llm.invoke(f"{number}.{turn}").content for turn in range(4)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert answers == [[f"{number}.{turn}" for turn in range(4)] for number in range(16)]
    assert fresh_server.connections <= 16


def test_threads_with_loops_of_their_own_share_a_model(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = echo(stub)
    llm = stub.llm(fresh_server)

    async def ask_all(number: int) -> list[object]:
        return [(await llm.ainvoke(f"{number}.{turn}")).content for turn in range(2)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asyncio.run(ask_all(number)), range(8)))
    assert answers == [[f"{number}.{turn}" for turn in range(2)] for number in range(8)]


def test_two_running_loops_have_a_client_each(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = echo(stub)
    llm = stub.llm(fresh_server)
    with asyncio.Runner() as first, asyncio.Runner() as second:
        for turn in range(3):
            for name, loop in (("a", first), ("b", second)):
                assert loop.run(llm.ainvoke(f"{name}{turn}")).content == f"{name}{turn}"
    assert fresh_server.connections == 2
    assert len({received.peer for received in fresh_server.requests}) == 2


# -------------------------------------------------------------------------------------------------------- ClientPerLoop


async def close_nothing(_: object) -> None:
    """Do nothing."""


def test_a_client_belongs_to_its_loop_and_is_closed_with_it() -> None:
    closed: list[object] = []

    async def close(client: object) -> None:
        closed.append(client)

    per_loop = ClientPerLoop(object, close)

    async def main() -> tuple[object, object]:
        return await per_loop.get(), await per_loop.get()

    first, again = asyncio.run(main())
    assert first is again
    assert closed == [first]
    second, _ = asyncio.run(main())
    assert second is not first
    assert closed == [first, second]
    assert len(per_loop._clients) <= 1


# asyncio warns of generators that start this late; it closes them when it shuts down again.
@pytest.mark.filterwarnings("ignore:asynchronous generator:ResourceWarning")
def test_a_loop_that_goes_on_after_closing_its_generators_gets_another_client() -> None:
    per_loop = ClientPerLoop(object, close_nothing)
    with asyncio.Runner() as runner:
        first = runner.run(per_loop.get())
        runner.run(runner.get_loop().shutdown_asyncgens())
        second = runner.run(per_loop.get())
        assert first is not second
        assert runner.run(per_loop.get()) is second


def test_loops_that_were_not_shut_down_are_forgotten() -> None:
    per_loop = ClientPerLoop(object, close_nothing)
    for _ in range(5):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(per_loop.get())
        loop.close()
        assert len(per_loop._clients) == 1


class LoopWithInterruption(asyncio.SelectorEventLoop):
    """A loop that another thread interrupts just when it is asked whether it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupt: Callable[[], object] | None = None

    def is_closed(self) -> bool:
        if self.interrupt:
            thread = threading.Thread(target=self.interrupt, daemon=True)
            self.interrupt = None
            thread.start()
            thread.join(0.5)  # A lock may make it wait until we are done.
        return super().is_closed()


def test_a_new_loop_of_another_thread_does_not_disturb_the_removal_of_ended_ones() -> None:
    per_loop = ClientPerLoop(object, close_nothing)
    ended = LoopWithInterruption()
    ended.run_until_complete(per_loop.get())
    ended.close()
    other = asyncio.new_event_loop()
    ended.interrupt = lambda: other.run_until_complete(per_loop.get())
    try:
        assert asyncio.run(per_loop.get())
    finally:
        other.run_until_complete(other.shutdown_asyncgens())
        other.close()


# ---------------------------------------------------------------------------------------------- shared transports


def transport_of(stub: ProtocolStub, **values: Any) -> object:
    llm = stub.llm("http://127.0.0.1:1", **values)
    return llm._bare_transport(llm.resolved_workspace())


def test_equal_connections_share_a_transport(stub: ProtocolStub) -> None:
    first = transport_of(stub)
    assert transport_of(stub, model="qwen-flash", temperature=0.1, timeout=60) is first
    workspace = QwenWorkspace(
        api_key="sk-test", workspace_id="ws-test", region="singapore", base_url="http://127.0.0.1:1"
    )
    whole = ChatQwenWorkspace(
        model="qwen-plus", protocol=stub.protocol, workspace=workspace, timeout=60.0, max_retries=0
    )
    assert whole._bare_transport(whole.resolved_workspace()) is first


@pytest.mark.parametrize(
    "values",
    [
        {"api_key": "sk-other"},
        {"workspace_id": "ws-other"},
        {"workspace_id": None},
        {"region": "tokyo"},
        {"base_url": "http://127.0.0.1:2"},
        {"timeout": 61.0},
        {"max_retries": 1},
        {"max_connections": 7},
        {"default_headers": {"X-Team": "a"}},
    ],
)
def test_different_connections_have_different_transports(stub: ProtocolStub, values: dict[str, Any]) -> None:
    assert transport_of(stub, **values) is not transport_of(stub)


def test_making_a_transport_opens_no_connection(fresh_server: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(fresh_server)
    llm._bare_transport(llm.resolved_workspace())
    assert fresh_server.connections == 0


@pytest.fixture
def _own_cache() -> Iterator[None]:
    """Evict every transport before the test and after it."""
    transport_for.cache_clear()
    yield
    transport_for.cache_clear()
    gc.collect()


@pytest.mark.usefixtures("_own_cache")
def test_an_evicted_transport_leaves_its_connection_to_the_pool(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = stub.reply_to
    llm = stub.llm(fresh_server)
    llm.invoke("Hi")
    transport = weakref.ref(llm._bare_transport(llm.resolved_workspace()))
    transport_for.cache_clear()
    gc.collect()
    assert transport() is None
    llm.invoke("Hi")
    assert fresh_server.connections == 1


@pytest.mark.usefixtures("_own_cache")
def test_an_evicted_transport_leaves_its_async_connection_to_the_loops_pool(
    fresh_server: Server, stub: ProtocolStub
) -> None:
    fresh_server.default = stub.reply_to
    llm = stub.llm(fresh_server)

    async def main() -> int:
        await llm.ainvoke("Hi")
        transport_for.cache_clear()
        gc.collect()
        await llm.ainvoke("Hi")
        return fresh_server.connections

    assert asyncio.run(main()) == 1


@pytest.mark.usefixtures("_own_cache")
def test_an_evicted_transport_finishes_what_it_began(fresh_server: Server, stub: ProtocolStub) -> None:
    fresh_server.default = stub.reply_to
    llm = stub.llm(fresh_server)
    stream = llm.stream("Hi")
    text = next(stream).text
    transport_for.cache_clear()
    gc.collect(1)
    assert text + "".join(chunk.text for chunk in stream) == "Hello"

    async def main() -> str:
        chunks: AsyncIterator[Any] = llm.astream("Hi")
        first = (await anext(chunks)).text
        transport_for.cache_clear()
        gc.collect(1)
        await asyncio.sleep(0.01)
        return str(first + "".join([chunk.text async for chunk in chunks]))

    assert asyncio.run(main()) == "Hello"


def test_the_transport_cache_is_bounded() -> None:
    assert 0 < (transport_for.cache_info().maxsize or 0) <= 1024
