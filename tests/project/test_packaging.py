"""Rows 1, 2, 13 to 15 and 71 to 73 of the integration matrix: the suites, the profiles, the package, the agents."""

import importlib.metadata
import importlib.resources
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from pydantic import BaseModel

import langchain_qwen_workspace
from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._version import __version__
from langchain_qwen_workspace.profiles import catalogue
from langchain_qwen_workspace.sandbox import Sandbox
from tests.project import test_standard
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask

PUBLIC = {"ChatQwenWorkspace", "QwenWorkspace", "QwenWorkspaceEmbeddings", "QwenWorkspaceError", "__version__"}


def suites(kind: type) -> list[Any]:
    """Return the collected suites of a kind."""
    found = [item for item in vars(test_standard).values() if isinstance(item, type) and issubclass(item, kind)]
    return [item for item in found if item.__name__.startswith("Test") and vars(item).get("__test__", True)]


def names_of(protocol: str, kind: type) -> set[str]:
    """Return the suites of a protocol, its own name left out."""
    return {suite.__name__.lower().replace(protocol, "") for suite in suites(kind) if suite.protocol == protocol}


def assert_complete(kind: type) -> None:
    """Assert that a kind of suite runs on both protocols alike, with thinking and without."""
    for protocol in ("openai", "dashscope"):
        switches = [s.options.get("enable_thinking") for s in suites(kind) if s.protocol == protocol]
        assert {True, False} <= set(switches)
    assert names_of("openai", kind) == names_of("dashscope", kind)


def test_row_01_the_unit_suite_runs_on_both_protocols() -> None:
    assert_complete(ChatModelUnitTests)


def test_row_02_the_integration_suite_runs_on_both_protocols() -> None:
    assert_complete(ChatModelIntegrationTests)


def test_row_13_tracing_parameters_honour_the_calls_model(stub: ProtocolStub) -> None:
    llm = stub.llm("http://127.0.0.1:9", temperature=0.5, max_tokens=7)

    own, other = llm._get_ls_params(), llm._get_ls_params(stop=["."], model="qwen-max")

    assert own["ls_model_name"] == "qwen-plus"
    assert other == {
        "ls_provider": "qwen_workspace",
        "ls_model_type": "chat",
        "ls_model_name": "qwen-max",
        "ls_temperature": 0.5,
        "ls_max_tokens": 7,
        "ls_stop": ["."],
    }


def test_row_14_its_version_is_in_the_metadata_of_a_trace(
    server: Server, stub: ProtocolStub, ask_unstreamed: Ask
) -> None:
    server.default = stub.reply_to
    told: list[dict[str, Any]] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, metadata: dict[str, Any] | None = None, **__: Any) -> None:
            told.append(metadata or {})

    llm = stub.llm(server, callbacks=[Tracer()])
    ask_unstreamed(llm)

    assert told[0]["lc_versions"]["langchain-qwen-workspace"] == __version__
    assert "langchain-core" in told[0]["lc_versions"]
    assert told[0]["ls_provider"] == "qwen_workspace"


def test_row_15_ships_model_profiles() -> None:
    models = [profile.name for profile in catalogue() if profile.kind == "chat"]

    assert len(models) > 80
    for model in models:
        for protocol in ("openai", "dashscope"):
            described = ChatQwenWorkspace(model=model, protocol=protocol, api_key="sk-test").profile
            assert described
            assert described["name"] == model


def test_row_15_the_users_own_profile_wins_and_is_not_shared() -> None:
    mine = ChatQwenWorkspace(model="qwen-plus", api_key="sk-test", profile={"max_input_tokens": 5})
    one, two = (ChatQwenWorkspace(model="qwen-plus", api_key="sk-test") for _ in range(2))
    assert one.profile is not None
    assert two.profile is not None
    one.profile["max_input_tokens"] = 1

    assert mine.profile == {"max_input_tokens": 5}
    assert two.profile["max_input_tokens"] == 997_952
    assert two.model_dump().get("profile") is None


def test_row_71_stays_small() -> None:
    script = (
        "import sys, langchain_qwen_workspace as p; p.ChatQwenWorkspace(model='qwen-plus', api_key='sk-test');"
        "names = {'openai', 'dashscope', 'langchain_openai', 'langchain', 'starlette', 'uvicorn', 'tiktoken'};"
        "print(sorted(names & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own words

    assert done.stdout.strip() == "[]"


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"Sunny in {city}."


class Report(BaseModel):
    """A report of a city's weather."""

    city: str
    weather: str


@pytest.fixture(scope="module", name="sandbox")
def _sandbox() -> Any:
    with Sandbox() as started:
        yield started


@pytest.fixture(name="team")
def _team(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("agents")


ASKED = {"messages": [("user", "What is the weather in 'Hangzhou'?")]}


def parameters_of(sandbox: Sandbox) -> dict[str, Any]:
    body: dict[str, Any] = sandbox.requests[-1].body
    parameters: dict[str, Any] = body.get("parameters", body)
    return parameters


def test_row_72_an_agent_takes_the_services_own_structured_output(
    sandbox: Sandbox, team: QwenWorkspace, stub: ProtocolStub
) -> None:
    llm = ChatQwenWorkspace(model="qwen3.7-plus", protocol=stub.protocol, workspace=team, enable_thinking=False)

    for form in (Report, ProviderStrategy(Report)):
        agent: Any = create_agent(llm, [get_weather], response_format=form)
        state = agent.invoke(ASKED)

        assert isinstance(state["structured_response"], Report)
        assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
        assert parameters_of(sandbox)["response_format"]["type"] == "json_schema"


@pytest.mark.filterwarnings("ignore:.*cannot be made to call any of")
def test_row_72_an_agent_takes_a_tool_where_the_model_has_no_schema(
    sandbox: Sandbox, team: QwenWorkspace, stub: ProtocolStub
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=team)

    for form in (Report, ToolStrategy(Report)):
        agent: Any = create_agent(llm, [], response_format=form)
        state = agent.invoke({"messages": [("user", "Report: city 'Hangzhou', weather 'sunny'.")]})

        assert state["structured_response"] == Report(city="Hangzhou", weather="sunny")
        assert parameters_of(sandbox)["tool_choice"]["function"]["name"] == "Report"


def test_row_72_a_deep_agent_runs(team: QwenWorkspace, stub: ProtocolStub) -> None:
    llm = ChatQwenWorkspace(model="qwen3.7-plus", protocol=stub.protocol, workspace=team, enable_thinking=False)
    agent: Any = create_deep_agent(model=llm, tools=[get_weather])

    state = agent.invoke(ASKED)

    calls = [call for message in state["messages"] if isinstance(message, AIMessage) for call in message.tool_calls]
    assert ("get_weather", {"city": "Hangzhou"}) in [(call["name"], call["args"]) for call in calls]
    assert state["messages"][-1].text


def test_row_73_is_typed_and_says_what_is_public_and_its_version() -> None:
    package = importlib.resources.files(langchain_qwen_workspace)

    assert (package / "py.typed").is_file()
    assert set(langchain_qwen_workspace.__all__) >= PUBLIC
    assert [name for name in langchain_qwen_workspace.__all__ if not hasattr(langchain_qwen_workspace, name)] == []
    assert langchain_qwen_workspace.__version__ == __version__
    assert importlib.metadata.version("langchain-qwen-workspace") == __version__
    assert Path(str(package / "_version.py")).read_text().count(__version__) == 1
