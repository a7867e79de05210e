"""Keys that a callable gives, needed by many threads, tasks and event loops at once: asked for once, no stampede."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from langchain_qwen_workspace import AuthenticationError, ChatQwenWorkspace, MissingApiKeyError, QwenWorkspaceError
from tests.support.key_provider import ScriptedKeyProvider, accept_keys, invalid_key_reply, key_in
from tests.support.protocols import ProtocolStub
from tests.support.server import PATIENCE, Received, Reply, Server

MANY = 12


class _Slow(ScriptedKeyProvider):
    """A vault that takes its time, so that whoever could come in between does."""

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

    async def was_asked(self) -> None:
        """Wait, for a while, until it is being asked."""
        deadline = time.monotonic() + PATIENCE / 4
        while not self._began.is_set() and time.monotonic() < deadline:  # noqa: ASYNC110 - threads set it as well
            await asyncio.sleep(0.001)


def _together(stub: ProtocolStub, *accepted: str, of: int = MANY) -> Callable[[Received], Reply]:
    """Return what refuses a key to all at once, when the last of them has sent it."""
    barrier = threading.Barrier(of)
    answer = accept_keys(stub, *accepted)

    def reply(received: Received) -> Reply:
        if key_in(received) == "sk-1":
            barrier.wait(PATIENCE)
        return answer(received)

    return reply


def _in_threads(llm: ChatQwenWorkspace, count: int) -> list[Any]:
    def call(_: int) -> Any:
        try:
            return llm.invoke("Hi").text
        except QwenWorkspaceError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


async def _in_tasks(llm: ChatQwenWorkspace, count: int) -> list[Any]:
    answers = await asyncio.gather(*(llm.ainvoke("Hi") for _ in range(count)), return_exceptions=True)
    return [answer if isinstance(answer, BaseException) else answer.text for answer in answers]


def _mixed(llm: ChatQwenWorkspace, count: int, runner: asyncio.Runner) -> list[Any]:
    async def call() -> list[Any]:
        threads = asyncio.to_thread(_in_threads, llm, count - count // 2)
        of_threads, of_tasks = await asyncio.gather(threads, _in_tasks(llm, count // 2))
        return [*of_threads, *of_tasks]

    return runner.run(call())


@pytest.fixture(params=["threads", "tasks", "tasks-async", "mixed"])
def crowd(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Callable[..., list[Any]]:
    """Call a model by many at once, its key given by a function or an `async def`."""

    def call(server: Server, stub: ProtocolStub, vault: ScriptedKeyProvider) -> list[Any]:
        llm = stub.llm(server, api_key=vault.aget if request.param == "tasks-async" else vault.get)
        match request.param:
            case "threads":
                return _in_threads(llm, MANY)
            case "mixed":
                return _mixed(llm, MANY, runner)
        return runner.run(_in_tasks(llm, MANY))

    return call


def test_many_that_need_the_first_key_ask_once(
    server: Server, stub: ProtocolStub, crowd: Callable[..., list[Any]]
) -> None:
    server.default = accept_keys(stub, "sk-1")
    vault = _Slow("sk-1", "sk-2")
    assert crowd(server, stub, vault) == ["Hello"] * MANY
    assert vault.asked == 1


@pytest.mark.parametrize("kind", [ScriptedKeyProvider, _Slow])
def test_many_that_are_refused_ask_once_more(
    server: Server, stub: ProtocolStub, crowd: Callable[..., list[Any]], kind: type[ScriptedKeyProvider]
) -> None:
    server.default = _together(stub, "sk-2")
    vault = kind("sk-1", "sk-2", "sk-3")
    assert crowd(server, stub, vault) == ["Hello"] * MANY
    assert vault.asked == 2
    assert sorted(key_in(received) for received in server.requests) == ["sk-1"] * MANY + ["sk-2"] * MANY


@pytest.mark.parametrize("kind", [ScriptedKeyProvider, _Slow])
def test_many_that_get_the_same_key_again_ask_once_and_send_nothing_again(
    server: Server, stub: ProtocolStub, crowd: Callable[..., list[Any]], kind: type[ScriptedKeyProvider]
) -> None:
    """Also those who are told when the asking is over: what it gave is as young for them as for the others."""
    server.default = _together(stub)
    vault = kind("sk-1")
    assert [type(answer) for answer in crowd(server, stub, vault)] == [AuthenticationError] * MANY
    assert (vault.asked, len(server.requests)) == (2, MANY)


def test_many_whose_callable_fails_each_get_an_error_and_may_ask_again(
    server: Server, stub: ProtocolStub, crowd: Callable[..., list[Any]]
) -> None:
    server.default = accept_keys(stub, "sk-1")
    cause = LookupError("vault sealed")
    vault = _Slow(cause, "sk-1")
    answers = crowd(server, stub, vault)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert {type(error) for error in failed} == {MissingApiKeyError}
    assert {id(error.__cause__) for error in failed} == {id(cause)}
    assert len({id(error) for error in failed}) == len(failed) > 0
    assert crowd(server, stub, vault) == ["Hello"] * MANY


@pytest.mark.parametrize("door", ["get", "aget"])
def test_whoever_is_cancelled_takes_the_key_from_nobody_else(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, door: str
) -> None:
    server.default = accept_keys(stub, "sk-1")
    vault = _Slow("sk-1", "sk-2")
    llm = stub.llm(server, api_key=getattr(vault, door))

    async def call() -> str:
        first, second = asyncio.create_task(llm.ainvoke("Hi")), asyncio.create_task(llm.ainvoke("Hi"))
        await vault.was_asked()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return (await second).text

    assert runner.run(call()) == "Hello"
    assert vault.asked == 1


def test_a_call_that_blocks_its_event_loop_gets_the_key_another_task_asked_for(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner
) -> None:
    server.default = accept_keys(stub, "sk-1")
    vault = _Slow("sk-1", "sk-2")
    llm = stub.llm(server, api_key=vault.get)

    async def call() -> list[str]:
        calling = asyncio.create_task(llm.ainvoke("Hi"))
        await vault.was_asked()
        return [llm.invoke("Hi").text, (await calling).text]

    assert runner.run(call()) == ["Hello", "Hello"]
    assert vault.asked == 1


def test_threads_that_wait_for_a_key_do_not_keep_a_task_from_asking_for_it(server: Server, stub: ProtocolStub) -> None:
    """The loop's executor is full of calls that wait, and what they wait for needs no place in it."""
    server.default = accept_keys(stub, "sk-1")
    asking = threading.Event()
    vault = _Slow("sk-1")
    llm = stub.llm(server, api_key=vault.get)

    def wait() -> str:
        asking.wait(PATIENCE)
        return llm.invoke("Hi").text

    async def call() -> list[str]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        thread = asyncio.create_task(asyncio.to_thread(wait))
        await asyncio.sleep(0)
        task = asyncio.create_task(llm.ainvoke("Hi"))
        await vault.was_asked()
        asking.set()
        return [await thread, (await task).text]

    assert asyncio.run(call()) == ["Hello", "Hello"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 brought eager tasks.")
def test_tasks_that_start_eagerly_ask_as_others_do(server: Server, stub: ProtocolStub) -> None:
    server.default = accept_keys(stub, "sk-2")
    vault = ScriptedKeyProvider("sk-1", "sk-2")
    llm = stub.llm(server, api_key=vault.aget)

    async def call() -> list[Any]:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        return await _in_tasks(llm, MANY)

    assert asyncio.run(call()) == ["Hello"] * MANY
    assert vault.asked == 2


def _on_its_own(work: Coroutine[Any, Any, Any]) -> None:
    """Begin some work in an event loop that the work stops, and that nobody runs to its end."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    loop.run_forever()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch for what is left on purpose
    loop.close()


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_async_def_is_asked_in_each_event_loop(server: Server, stub: ProtocolStub) -> None:
    """What it calls with belongs to its loop, and a loop that is left alone keeps no other from the key."""
    server.default = accept_keys(stub, "sk-1")
    loops = []

    async def give() -> str:
        loops.append(asyncio.get_running_loop())
        if len(loops) == 1:
            loops[0].stop()
            await asyncio.sleep(PATIENCE)
        return "sk-1"

    llm = stub.llm(server, api_key=give)
    _on_its_own(llm.ainvoke("Hi"))
    assert asyncio.run(llm.ainvoke("Hi")).text == "Hello"
    assert asyncio.run(llm.ainvoke("Hi")).text == "Hello"
    assert len(set(loops)) == len(loops) == 2


def test_an_interrupted_call_leaves_nobody_waiting(server: Server, stub: ProtocolStub) -> None:
    server.default = accept_keys(stub, "sk-1")
    llm = stub.llm(server, api_key=ScriptedKeyProvider(KeyboardInterrupt(), "sk-1").get)
    with pytest.raises(KeyboardInterrupt):
        llm.invoke("Hi")
    assert llm.invoke("Hi").text == "Hello"


def test_no_thread_is_left(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    server.default = lambda _: invalid_key_reply(stub)
    llm = stub.llm(server, api_key=ScriptedKeyProvider("sk-1", "sk-2").get)
    with pytest.raises(AuthenticationError):
        runner.run(llm.ainvoke("Hi"))
    assert [thread.name for thread in threading.enumerate() if "KeyProvider" in thread.name] == []
