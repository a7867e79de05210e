"""Copies of a model: pickled, copied or changed, before its first call and after."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError

from langchain_qwen_workspace import (
    APITimeoutError,
    ChatQwenWorkspace,
    ConfigurationError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
)
from langchain_qwen_workspace._workspace.endpoints import Service
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.server import Received, Server

Copy = Callable[[ChatQwenWorkspace], ChatQwenWorkspace]


def pickle_and_load(llm: ChatQwenWorkspace) -> ChatQwenWorkspace:
    thawed: ChatQwenWorkspace = pickle.loads(pickle.dumps(llm))  # noqa: S301 - made in the same line
    return thawed


def model_copy(llm: ChatQwenWorkspace) -> ChatQwenWorkspace:
    return llm.model_copy()


@pytest.fixture(
    params=[pickle_and_load, copy.deepcopy, copy.copy, model_copy], ids=["pickle", "deepcopy", "copy", "model_copy"]
)
def make_copy(request: pytest.FixtureRequest) -> Copy:
    made: Copy = request.param
    return made


def sender(received: Received) -> tuple[str, str | None]:
    return received.headers["authorization"], received.headers.get("x-dashscope-workspace")


@pytest.mark.parametrize("used", ["unused", "sync", "async", "half-read"])
def test_a_copy_sends_the_originals_key_workspace_and_headers(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, make_copy: Copy, used: str
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, default_headers={"X-Team": "a"})
    stream = llm.stream("Hi")
    match used:
        case "sync":
            llm.invoke("Hi")
        case "async":
            runner.run(llm.ainvoke("Hi"))
        case "half-read":
            next(stream)
    other = make_copy(llm)
    assert other == llm
    assert other.invoke("Hi").content == "Hello"
    assert runner.run(other.ainvoke("Hi")).content == "Hello"
    assert {sender(received) for received in server.requests} == {("Bearer sk-test", "ws-test")}
    assert {received.headers["x-team"] for received in server.requests} == {"a"}


def test_copies_of_a_workspace_are_equal_to_it() -> None:
    team = QwenWorkspace(api_key="sk-1", workspace_id="ws-1", region="tokyo")
    for other in (pickle.loads(pickle.dumps(team)), copy.deepcopy(team), copy.copy(team), team.model_copy()):  # noqa: S301 - made here
        assert other == team
        assert hash(other) == hash(team)
        assert other.origin


@pytest.mark.parametrize("used", [False, True])
def test_a_changed_base_url_takes_effect_at_the_next_call(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, *, used: bool
) -> None:
    with Server() as second:
        for one in (server, second):
            one.default = stub.reply_to
        llm = stub.llm(server)
        if used:
            llm.invoke("Hi")
        moved = llm.model_copy(update={"base_url": second.url})
        moved.invoke("Hi")
        runner.run(moved.ainvoke("Hi"))
        assert (len(server.requests), len(second.requests)) == (int(used), 2)
        llm.invoke("Hi")
        assert (len(server.requests), len(second.requests)) == (int(used) + 1, 2)


@pytest.mark.parametrize("key", ["sk-second", SecretStr("sk-second")])
def test_a_changed_key_and_workspace_take_effect_at_the_next_call(
    server: Server, stub: ProtocolStub, key: str | SecretStr
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server)
    llm.invoke("Hi")
    answer = llm.model_copy(update={"workspace_id": "ws-second", "api_key": key}).invoke("Hi")
    llm.invoke("Hi")
    assert [sender(received) for received in server.requests] == [
        ("Bearer sk-test", "ws-test"),
        ("Bearer sk-second", "ws-second"),
        ("Bearer sk-test", "ws-test"),
    ]
    assert answer.response_metadata["workspace_id"] == "ws-second"


def test_a_changed_region_takes_effect_at_the_next_call(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server)
    assert llm.invoke("Hi").response_metadata["region"] == "ap-southeast-1"
    assert llm.model_copy(update={"region": "tokyo"}).invoke("Hi").response_metadata["region"] == "ap-northeast-1"
    at_home = ChatQwenWorkspace(model="qwen-plus", region="singapore", workspace_id="ws-1")
    moved = at_home.model_copy(update={"region": "tokyo"}).resolved_workspace()
    assert moved.origin == "https://ws-1.ap-northeast-1.maas.aliyuncs.com"


def test_a_changed_workspace_takes_effect_at_the_next_call(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    first, second = (
        QwenWorkspace(api_key=f"sk-{n}", workspace_id=f"ws-{n}", base_url=server.url) for n in ("first", "second")
    )
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=first)
    llm.invoke("Hi")
    llm.model_copy(update={"workspace": second}).invoke("Hi")
    assert [sender(received) for received in server.requests] == [
        ("Bearer sk-first", "ws-first"),
        ("Bearer sk-second", "ws-second"),
    ]


def test_a_copy_with_contradicting_fields_is_refused_at_the_next_call(server: Server, stub: ProtocolStub) -> None:
    """A model made from fields keeps them all, so that another `workspace` contradicts them."""
    other = QwenWorkspace(api_key="sk-other", base_url=server.url)
    copies = [
        stub.llm(server).model_copy(update={"workspace": other}),
        ChatQwenWorkspace(model="qwen-plus", workspace=other).model_copy(update={"workspace_id": "ws-2"}),
    ]
    for llm in copies:
        with pytest.raises(ConfigurationError, match="contradict"):
            llm.invoke("Hi")
    assert server.requests == []


@pytest.mark.parametrize(
    "update", [{"workspace_id": "trial"}, {"workspace_id": "a.evil.com"}, {"region": "moon"}, {"base_url": "no url"}]
)
def test_a_copy_with_an_invalid_field_is_refused_at_the_next_call(
    server: Server, stub: ProtocolStub, update: dict[str, Any]
) -> None:
    llm = stub.llm(server).model_copy(update=update)
    with pytest.raises(ConfigurationError):
        llm.invoke("Hi")
    assert server.requests == []


def test_a_changed_protocol_takes_effect_at_the_next_call(server: Server) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-1", base_url=server.url, max_retries=0)
    assert llm.resolved_workspace().base_url_for("openai") == f"{server.url}/compatible-mode/v1"
    server.default = DASHSCOPE.reply_to
    changed = llm.model_copy(update={"protocol": "dashscope"})
    assert changed.invoke("Hi").response_metadata["protocol"] == "dashscope"
    assert server.requests[0].path == "/api/v1/services/aigc/text-generation/generation"


def test_a_changed_timeout_takes_effect_at_the_next_call(server: Server, stub: ProtocolStub) -> None:
    server.default = lambda _: stub.answer("late", 0.3)
    llm = stub.llm(server)
    assert llm.invoke("Hi").content == "late"
    with pytest.raises(APITimeoutError):
        llm.model_copy(update={"timeout": 0.1}).invoke("Hi")


def test_copies_of_embeddings_are_equal_and_can_be_changed() -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", api_key="sk-1", region="beijing")
    for other in (pickle.loads(pickle.dumps(embeddings)), copy.deepcopy(embeddings)):  # noqa: S301 - made here
        assert other == embeddings
        assert other.resolved_workspace() == embeddings.resolved_workspace()
    moved = embeddings.model_copy(update={"workspace_id": "ws-1"}).resolved_workspace()
    assert moved.origin == "https://ws-1.cn-beijing.maas.aliyuncs.com"


def test_a_copy_with_a_value_of_another_type_is_refused_at_the_next_call(stub: ProtocolStub) -> None:
    copy = stub.llm("http://127.0.0.1:1").model_copy(update={"workspace_id": 5})
    with pytest.raises(ValidationError, match="workspace_id"):
        copy.invoke("Hi")


@pytest.mark.parametrize("variable", ["DASHSCOPE_BASE_URL", "DASHSCOPE_API_KEY"])
def test_a_copy_of_a_model_does_not_read_the_environment_again(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-a", workspace_id="llm-a", region="singapore")
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    copy = llm.model_copy(update={"workspace_id": "llm-b", "api_key": None})
    workspace = copy.resolved_workspace()
    assert (workspace.base_url, workspace.api_key, workspace.workspace_id) == (None, None, "llm-b")


class BehindGateway(QwenWorkspace):
    """A subclass that a user wrote."""

    def base_url_for(self, protocol: str, service: Service = "models") -> str:
        return f"{super().base_url_for(protocol, service)}/team-a"


def test_a_call_goes_to_the_base_url_that_a_subclass_returns(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())
    workspace = BehindGateway(api_key="sk-1", base_url=server.url)
    ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=workspace).invoke("Hi")
    assert "/team-a/" in server.requests[0].path


class Deterministic(ChatQwenWorkspace):
    temperature: ClassVar[float] = 0.0  # type: ignore[misc]  # as users write it, without a checker


def test_a_parameter_that_a_subclass_fixes_is_sent(server: Server, stub: ProtocolStub) -> None:
    server.script(stub.answer())
    Deterministic(model="qwen-plus", protocol=stub.protocol, api_key="sk-1", base_url=server.url).invoke("Hi")
    assert stub.parameters_sent(server)["temperature"] == 0.0
