"""Fixtures that every test can use: an environment without anyone's settings, servers, and the protocols."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import transport_for
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import PROTOCOLS, STUBS, MakeModel, ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Ask, ask_by

_PREFIXES = ("ALIBABA_CLOUD_", "DASHSCOPE_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")


def pytest_configure() -> None:
    """Let an interrupt interrupt: `nohup make test &` starts with SIGINT ignored, and child processes inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Return a test id without backslashes, since pytest cannot always select a test by an id that has one."""
    text = val.decode("latin-1") if isinstance(val, bytes) else val
    if not isinstance(text, str):
        return None
    escaped = text.encode("unicode_escape").decode()
    return escaped.replace("\\", "/") if "\\" in escaped else None


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the environment settings of whoever runs the tests; live tests keep their `DASHSCOPE_*`."""
    live = request.node.get_closest_marker("live") is not None
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_PREFIXES) and not (live and name.startswith("DASHSCOPE_")):
                patch.delenv(name)
        patch.setenv("LANGSMITH_TRACING", "false")
        yield


@pytest.fixture(scope="module", autouse=True)
def _drop_transports() -> Iterator[None]:
    """Clear the cache of transports after each module, so that an HTTP client that a test left open fails there."""
    yield
    transport_for.cache_clear()


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Yield a sandbox that a module's tests share."""
    with Sandbox() as started:
        yield started


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """Return the module's sandbox, with no recorded requests and no faults."""
    running.clear()
    return running


@pytest.fixture
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    """Return the workspace "team" of the sandbox, whose id is "llm-team"."""
    return sandbox.workspace("team")


@pytest.fixture
def make_model(workspace: QwenWorkspace, protocol: ProtocolName) -> MakeModel:
    """Return a function that makes chat models of the workspace, over each protocol, without retries."""

    def make(**fields: Any) -> ChatQwenWorkspace:
        known: dict[str, Any] = {"model": "qwen-plus", "protocol": protocol, "workspace": workspace, "max_retries": 0}
        return ChatQwenWorkspace(**{**known, **fields})

    return make


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> ProtocolName:
    chosen: ProtocolName = request.param
    return chosen


@pytest.fixture(scope="session")
def _shared_server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture
def server(_shared_server: Server) -> Server:
    """Return the server to script; all tests share one, so that they share clients and are quick."""
    _shared_server.reset()
    return _shared_server


@pytest.fixture
def fresh_server() -> Iterator[Server]:
    """Yield a server without connections."""
    with Server() as started:
        yield started


@pytest.fixture
def no_retry_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the pause between attempts at a request."""
    monkeypatch.setattr("langchain_qwen_workspace._transports._retry_policy.FIRST_PAUSE", 0.001)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """Yield a runner whose event loop, and with it every async client, outlives a single test."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as started:
        yield started


@pytest.fixture(params=STUBS, ids=PROTOCOLS)
def stub(request: pytest.FixtureRequest) -> ProtocolStub:
    chosen: ProtocolStub = request.param
    return chosen


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model in each of the four ways of calling."""
    return lambda llm: ask_by(request.param, llm, runner)


@pytest.fixture(params=["invoke", "astream"])
def ask_two_ways(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model in two ways that share no code path, for long tables."""
    return lambda llm: ask_by(request.param, llm, runner)


@pytest.fixture(params=["stream", "astream"])
def ask_streamed(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model for a stream, sync and async."""
    return lambda llm: ask_by(request.param, llm, runner)


@pytest.fixture(params=["invoke", "ainvoke"])
def ask_unstreamed(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Ask:
    """Ask a model for a whole response, sync and async."""
    return lambda llm: ask_by(request.param, llm, runner)
