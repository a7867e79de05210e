"""LangChain's caches never give one workspace's answer to another, and know a workspace again in another process."""

import asyncio
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_qwen_workspace import ChatQwenWorkspace, ConfigurationError, QwenWorkspace, WorkspaceRouter
from langchain_qwen_workspace._chat import tracing
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Way, ask_by


@pytest.fixture(autouse=True)
def _forget_the_warning() -> Iterator[None]:
    tracing._warn_of_uncached.cache_clear()
    yield
    tracing._warn_of_uncached.cache_clear()


def answer_in_turn(server: Server, stub: ProtocolStub) -> None:
    server.script(*(stub.answer(word) for word in ("one", "two", "three", "four")))


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_workspaces_that_differ_by_their_key_alone_do_not_share_answers(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    answer_in_turn(server, stub)
    cache = InMemoryCache()
    models = [stub.llm(server, cache=cache, workspace_id=None, api_key=f"sk-{name}") for name in "ab"]
    assert [ask_by(way, llm, runner).content for llm in models * 2] == ["one", "two", "one", "two"]


def test_a_workspace_with_an_id_keeps_its_answers_when_its_key_changes(server: Server, stub: ProtocolStub) -> None:
    answer_in_turn(server, stub)
    cache = InMemoryCache()
    models = [stub.llm(server, cache=cache, api_key=f"sk-{name}") for name in "ab"]
    assert [llm.invoke("Hi").content for llm in models] == ["one", "one"]


def test_tenants_of_a_router_do_not_share_answers_of_generate_in_a_chain(server: Server, stub: ProtocolStub) -> None:
    answer_in_turn(server, stub)
    router = WorkspaceRouter(tenants={name: QwenWorkspace(api_key=f"sk-{name}", base_url=server.url) for name in "ab"})
    own = dict.fromkeys(("api_key", "workspace_id", "region", "base_url"))
    llm = stub.llm(server, cache=InMemoryCache(), workspace=router, **own)
    chain: Runnable[str, Any] = RunnableLambda(lambda _: llm.generate([[HumanMessage("Hi")]]).generations[0][0].text)
    answers = [chain.invoke("", {"configurable": {"tenant": tenant}}) for tenant in "abab"]
    assert answers == ["one", "two", "one", "two"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_callable_key_without_an_id_is_not_cached_and_warned_of_once(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    answer_in_turn(server, stub)
    llm = stub.llm(server, cache=InMemoryCache(), workspace_id=None, api_key=lambda: "sk-1")
    with pytest.warns(UserWarning, match="Answers are not cached.*Pass `workspace_id`") as warned:
        assert [ask_by(way, llm, runner).content for _ in range(2)] == ["one", "two"]
    assert len(warned) == 1


def test_a_callable_key_with_an_id_is_cached(server: Server, stub: ProtocolStub) -> None:
    answer_in_turn(server, stub)
    llm = stub.llm(server, cache=InMemoryCache(), api_key=lambda: "sk-1")
    assert [llm.invoke("Hi").content for _ in range(2)] == ["one", "one"]


def test_a_callable_key_without_a_cache_is_not_warned_of(server: Server, stub: ProtocolStub) -> None:
    answer_in_turn(server, stub)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cache in (None, False):
            stub.llm(server, cache=cache, workspace_id=None, api_key=lambda: "sk-1").invoke("Hi")


_IDENTITY = """
from langchain_qwen_workspace import QwenWorkspace
print(QwenWorkspace(api_key="sk-S3CR3T", region="singapore")._cache_identity())
"""


def test_the_identity_is_the_same_in_every_process_and_does_not_show_the_key() -> None:
    def identity() -> Any:
        ran = subprocess.run([sys.executable, "-c", _IDENTITY], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
        return ran.stdout

    first = identity()
    assert first == identity()
    assert "S3CR3T" not in first


def test_a_workspace_without_a_key_is_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    assert QwenWorkspace(base_url="http://127.0.0.1:1")._cache_identity() == "http://127.0.0.1:1"


def test_a_call_for_which_a_router_has_no_workspace_is_refused_as_without_a_cache(server: Server) -> None:
    router = WorkspaceRouter(tenants={"a": QwenWorkspace(api_key="sk-a", base_url=server.url)})
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, cache=InMemoryCache())
    with pytest.raises(ConfigurationError, match="names no tenant"):
        llm.invoke("Hi")
