"""Key providers under concurrency: many threads, tasks and event loops share one key request (single-flight)."""

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_qwen_workspace import AuthenticationError, ChatQwenWorkspace, MissingApiKeyError, QwenWorkspaceError
from langchain_qwen_workspace._protocols import transport_for
from tests.support.key_provider import ScriptedKeyProvider, accept_keys, invalid_key_reply, key_in
from tests.support.protocols import ProtocolStub
from tests.support.server import TIMEOUT, Received, Reply, Server

MANY = 12


class SlowKeyProvider(ScriptedKeyProvider):
    """A slow key provider, so that other calls arrive while the key is requested."""

    def __init__(self, *keys: Any) -> None:
        super().__init__(*keys)
        self._began = threading.Event()

    def get(self) -> Any:
        self._began.set()
        time.sleep(0.05)
        return super().get()

    async def aget(self) -> Any:
        self._began.set()
        await asyncio.sleep(0.05)
        return super().get()

    async def wait_until_asked(self) -> None:
        """Wait until the key is being requested, for a limited time."""
        deadline = time.monotonic() + TIMEOUT / 4
        while not self._began.is_set() and time.monotonic() < deadline:  # noqa: ASYNC110 - threads set it as well
            await asyncio.sleep(0.001)


def refuse_together(stub: ProtocolStub, *accepted: str, of: int = MANY) -> Callable[[Received], Reply]:
    """Return a handler that holds requests with a refused key until all have arrived, and then refuses them all."""
    barrier = threading.Barrier(of)
    answer = accept_keys(stub, *accepted)

    def reply(received: Received) -> Reply:
        if key_in(received) == "sk-1":
            barrier.wait(TIMEOUT)
        return answer(received)

    return reply


def call_in_threads(llm: ChatQwenWorkspace, count: int) -> list[Any]:
    def call(_: int) -> Any:
        try:
            return llm.invoke("Hi").text
        except QwenWorkspaceError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


async def call_in_tasks(llm: ChatQwenWorkspace, count: int) -> list[Any]:
    answers = await asyncio.gather(*(llm.ainvoke("Hi") for _ in range(count)), return_exceptions=True)
    return [answer if isinstance(answer, BaseException) else answer.text for answer in answers]


def call_in_both(llm: ChatQwenWorkspace, count: int, runner: asyncio.Runner) -> list[Any]:
    async def call() -> list[Any]:
        threads = asyncio.to_thread(call_in_threads, llm, count - count // 2)
        of_threads, of_tasks = await asyncio.gather(threads, call_in_tasks(llm, count // 2))
        return [*of_threads, *of_tasks]

    return runner.run(call())


@pytest.fixture(params=["threads", "tasks", "tasks-async", "mixed"])
def call_many(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Callable[..., list[Any]]:
    """Return a function that makes many concurrent calls, with a sync or an async key provider."""

    def call(server: Server, stub: ProtocolStub, provider: ScriptedKeyProvider) -> list[Any]:
        llm = stub.llm(server, api_key=provider.aget if request.param == "tasks-async" else provider.get)
        match request.param:
            case "threads":
                return call_in_threads(llm, MANY)
            case "mixed":
                return call_in_both(llm, MANY, runner)
        return runner.run(call_in_tasks(llm, MANY))

    return call


def test_concurrent_first_calls_request_one_key(
    server: Server, stub: ProtocolStub, call_many: Callable[..., list[Any]]
) -> None:
    server.default = accept_keys(stub, "sk-1")
    provider = SlowKeyProvider("sk-1", "sk-2")
    assert call_many(server, stub, provider) == ["Hello"] * MANY
    assert provider.asked == 1


@pytest.mark.parametrize("kind", [ScriptedKeyProvider, SlowKeyProvider])
def test_concurrent_refused_calls_request_one_new_key(
    server: Server, stub: ProtocolStub, call_many: Callable[..., list[Any]], kind: type[ScriptedKeyProvider]
) -> None:
    server.default = refuse_together(stub, "sk-2")
    provider = kind("sk-1", "sk-2", "sk-3")
    assert call_many(server, stub, provider) == ["Hello"] * MANY
    assert provider.asked == 2
    assert sorted(key_in(received) for received in server.requests) == ["sk-1"] * MANY + ["sk-2"] * MANY


@pytest.mark.parametrize("kind", [ScriptedKeyProvider, SlowKeyProvider])
def test_concurrent_refused_calls_send_nothing_again_when_the_key_stays_the_same(
    server: Server, stub: ProtocolStub, call_many: Callable[..., list[Any]], kind: type[ScriptedKeyProvider]
) -> None:
    """Also for the calls that learn of the result late: the key is as new for them as for the others."""
    server.default = refuse_together(stub)
    provider = kind("sk-1")
    assert [type(answer) for answer in call_many(server, stub, provider)] == [AuthenticationError] * MANY
    assert (provider.asked, len(server.requests)) == (2, MANY)


def test_a_failed_key_request_fails_every_waiting_call_and_may_be_repeated(
    server: Server, stub: ProtocolStub, call_many: Callable[..., list[Any]]
) -> None:
    server.default = accept_keys(stub, "sk-1")
    cause = LookupError("provider sealed")
    provider = SlowKeyProvider(cause, "sk-1")
    answers = call_many(server, stub, provider)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert {type(error) for error in failed} == {MissingApiKeyError}
    assert {id(error.__cause__) for error in failed} == {id(cause)}
    assert len({id(error) for error in failed}) == len(failed) > 0
    assert call_many(server, stub, provider) == ["Hello"] * MANY


@pytest.mark.parametrize("method", ["get", "aget"])
def test_a_cancelled_call_does_not_cancel_the_key_request_of_others(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, method: str
) -> None:
    server.default = accept_keys(stub, "sk-1")
    provider = SlowKeyProvider("sk-1", "sk-2")
    llm = stub.llm(server, api_key=getattr(provider, method))

    async def call() -> str:
        first, second = asyncio.create_task(llm.ainvoke("Hi")), asyncio.create_task(llm.ainvoke("Hi"))
        await provider.wait_until_asked()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return (await second).text

    assert runner.run(call()) == "Hello"
    assert provider.asked == 1


def test_a_sync_call_in_a_task_gets_the_key_that_another_task_requested(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = accept_keys(stub, "sk-1")
    provider = SlowKeyProvider("sk-1", "sk-2")
    llm = stub.llm(server, api_key=provider.get)

    async def call() -> list[str]:
        calling = asyncio.create_task(llm.ainvoke("Hi"))
        await provider.wait_until_asked()
        return [llm.invoke("Hi").text, (await calling).text]

    assert runner.run(call()) == ["Hello", "Hello"]
    assert provider.asked == 1


def test_threads_that_wait_for_a_key_do_not_block_the_task_that_requests_it(server: Server, stub: ProtocolStub) -> None:
    """The loop's executor is full of waiting calls, and the key request that they wait for does not need it."""
    server.default = accept_keys(stub, "sk-1")
    asking = threading.Event()
    provider = SlowKeyProvider("sk-1")
    llm = stub.llm(server, api_key=provider.get)

    def wait() -> str:
        asking.wait(TIMEOUT)
        return llm.invoke("Hi").text

    async def call() -> list[str]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        thread = asyncio.create_task(asyncio.to_thread(wait))
        await asyncio.sleep(0)
        task = asyncio.create_task(llm.ainvoke("Hi"))
        await provider.wait_until_asked()
        asking.set()
        return [await thread, (await task).text]

    assert asyncio.run(call()) == ["Hello", "Hello"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 brought eager tasks.")
def test_eager_tasks_request_the_key_like_others(server: Server, stub: ProtocolStub) -> None:
    server.default = accept_keys(stub, "sk-2")
    provider = ScriptedKeyProvider("sk-1", "sk-2")
    llm = stub.llm(server, api_key=provider.aget)

    async def call() -> list[Any]:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        return await call_in_tasks(llm, MANY)

    assert asyncio.run(call()) == ["Hello"] * MANY
    assert provider.asked == 2


def run_in_stopped_loop(work: Coroutine[Any, Any, Any]) -> None:
    """Start a coroutine in an event loop that it stops, and that never runs to its end."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    loop.run_forever()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch for what is left on purpose
    loop.close()


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_async_provider_is_called_in_each_event_loop(server: Server, stub: ProtocolStub) -> None:
    """A provider's own client belongs to its event loop, and an abandoned loop must not block others."""
    server.default = accept_keys(stub, "sk-1")
    loops = []

    async def give() -> str:
        loops.append(asyncio.get_running_loop())
        if len(loops) == 1:
            loops[0].stop()
            await asyncio.sleep(TIMEOUT)
        return "sk-1"

    llm = stub.llm(server, api_key=give)
    run_in_stopped_loop(llm.ainvoke("Hi"))
    assert asyncio.run(llm.ainvoke("Hi")).text == "Hello"
    assert asyncio.run(llm.ainvoke("Hi")).text == "Hello"
    assert len(set(loops)) == len(loops) == 2
    # Destroy the abandoned loop's task here: asyncio logs it, and other tests read asyncio's log.
    loops.clear()
    del llm, give
    transport_for.cache_clear()
    gc.collect()


def test_a_keyboard_interrupt_in_a_provider_leaves_no_call_waiting(server: Server, stub: ProtocolStub) -> None:
    server.default = accept_keys(stub, "sk-1")
    llm = stub.llm(server, api_key=ScriptedKeyProvider(KeyboardInterrupt(), "sk-1").get)
    with pytest.raises(KeyboardInterrupt):
        llm.invoke("Hi")
    assert llm.invoke("Hi").text == "Hello"


def test_no_thread_is_left_running(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    server.default = lambda _: invalid_key_reply(stub)
    llm = stub.llm(server, api_key=ScriptedKeyProvider("sk-1", "sk-2").get)
    with pytest.raises(AuthenticationError):
        runner.run(llm.ainvoke("Hi"))
    assert [thread.name for thread in threading.enumerate() if "KeyProvider" in thread.name] == []
