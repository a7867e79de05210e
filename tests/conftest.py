"""What every test has: an environment without anybody's settings, and a server to script."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.server import DIALECTS, Dialect, Server

_PREFIXES = ("DASHSCOPE_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")

Way: TypeAlias = Literal["invoke", "ainvoke", "stream", "astream"]
Ask: TypeAlias = Callable[[ChatQwenWorkspace], AIMessage]


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a test without a backslash: pytest does not always find such a one when it is asked for by its id."""
    text = val.decode("latin-1") if isinstance(val, bytes) else val
    if not isinstance(text, str):
        return None
    escaped = text.encode("unicode_escape").decode()
    return escaped.replace("\\", "/") if "\\" in escaped else None


@pytest.fixture(autouse=True)
def _nobodys_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the settings of whoever runs the tests; tests of the real service keep theirs."""
    live = request.node.get_closest_marker("live") is not None
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_PREFIXES) and not (live and name.startswith("DASHSCOPE_")):
                patch.delenv(name)
        patch.setenv("LANGSMITH_TRACING", "false")
        yield


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Return a sandbox that a module's tests share."""
    with Sandbox() as started:
        yield started


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """Return the module's sandbox, of which nobody has asked anything yet."""
    running.clear()
    return running


@pytest.fixture(params=["openai", "dashscope"])
def protocol(request: pytest.FixtureRequest) -> ProtocolName:
    chosen: ProtocolName = request.param
    return chosen


@pytest.fixture(scope="session")
def _shared_server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture
def server(_shared_server: Server) -> Server:
    """Return a server to script, the same one for all tests, so that they share clients and are quick."""
    _shared_server.reset()
    return _shared_server


@pytest.fixture
def fresh_server() -> Iterator[Server]:
    """Return a server that nobody has connected to."""
    with Server() as started:
        yield started


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait between the attempts at a request."""
    monkeypatch.setattr("langchain_qwen_workspace._transports._retry_policy.FIRST_PAUSE", 0.001)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """Return a runner whose loop, and with it every model's async client, outlives the tests."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as started:
        yield started


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.protocol)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    return chosen


def asked(llm: ChatQwenWorkspace, way: Way, runner: asyncio.Runner) -> AIMessage:
    """Return the model's answer, by whichever of the four doors."""
    match way:
        case "invoke":
            return llm.invoke("Hi")
        case "ainvoke":
            return runner.run(llm.ainvoke("Hi"))
        case "stream":
            return _sum(list(llm.stream("Hi")))
        case "astream":

            async def collect() -> list[AIMessageChunk]:
                return [chunk async for chunk in llm.astream("Hi")]

            return _sum(runner.run(collect()))


def _sum(chunks: list[AIMessageChunk]) -> AIMessage:
    return chunks[0] if len(chunks) == 1 else chunks[0] + chunks[1:]


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream"])
def ask(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model by each of the four doors."""
    return lambda llm: asked(llm, request.param, runner)


@pytest.fixture(params=["invoke", "astream"])
def ask_either(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model by two doors that have nothing in common, for long tables."""
    return lambda llm: asked(llm, request.param, runner)


@pytest.fixture(params=["stream", "astream"])
def ask_streamed(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model for a stream, by both doors."""
    return lambda llm: asked(llm, request.param, runner)


@pytest.fixture(params=["invoke", "ainvoke"])
def ask_plainly(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model for an answer in one piece, by both doors."""
    return lambda llm: asked(llm, request.param, runner)
