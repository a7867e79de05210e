"""Tools whose names the service refuses: sent under other names, and called by their own in the answer."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by


@tool
def search(query: str) -> str:
    """Search the web."""
    return f"Found {query}."


BINDINGS: dict[str, Callable[[ChatQwenWorkspace], Any]] = {
    "bind_tools": lambda llm: llm.bind_tools([search], tool_choice="search"),
    "bind": lambda llm: llm.bind(tools=[search]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("binding", BINDINGS)
def test_a_tool_named_search_is_called_by_its_name(
    sandbox: Sandbox, protocol: ProtocolName, runner: asyncio.Runner, binding: str, way: Way
) -> None:
    llm = BINDINGS[binding](
        ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=sandbox.workspace("search"))
    )
    question = HumanMessage("Search the web for 'lakes'.")

    turn = ask_by(way, llm, runner, [question])

    [call] = turn.tool_calls
    assert (call["name"], call["args"]) == ("search", {"query": "lakes"})


def test_the_sandbox_accepts_a_history_of_a_tool_named_search(sandbox: Sandbox, protocol: ProtocolName) -> None:
    llm: Any = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=sandbox.workspace("history"))
    turn = AIMessage("", tool_calls=[{"name": "search", "args": {"query": "lakes"}, "id": "a"}])

    answer = llm.bind_tools([search]).invoke([HumanMessage("Search."), turn, search.invoke(turn.tool_calls[0])])

    assert "Found lakes." in answer.text


@pytest.mark.parametrize("streamed", [False, True])
def test_the_parts_of_a_broken_call_have_the_tools_own_name(
    server: Server, stub: ProtocolStub, *, streamed: bool
) -> None:
    calls = [{"index": 0, "id": "a", "type": "function", "function": {"name": "search_tool", "arguments": "{"}}]
    message = {"content": "", "tool_calls": calls}
    server.script(stub.stream_of([message], "tool_calls") if streamed else stub.answer_with(message, "tool_calls"))
    llm: Any = stub.llm(server).bind_tools([search])

    answer = next(iter(llm.stream("Hi"))) if streamed else llm.invoke("Hi")

    [call] = answer.tool_call_chunks if streamed else answer.invalid_tool_calls
    assert call["name"] == "search"


PATHS = {"openai": "/v1", "dashscope": "/gateway"}


@pytest.mark.parametrize("checked", [False, True])
def test_other_servers_get_the_name_as_it_is_and_unchecked_calls(
    server: Server, stub: ProtocolStub, *, checked: bool
) -> None:
    server.default = stub.reply_to
    path = PATHS[stub.protocol] if checked else ""
    stub.llm(f"{server.url}{path}", check_capabilities=checked).bind_tools([search]).invoke("Hi")

    [sent] = stub.parameters_sent(server)["tools"]
    assert sent["function"]["name"] == "search"


@pytest.mark.parametrize("prefix", ["", "/gateway"])
def test_a_gateway_to_the_services_path_gets_the_other_name(server: Server, stub: ProtocolStub, prefix: str) -> None:
    server.default = stub.reply_to
    path = {"openai": "/compatible-mode/v1", "dashscope": "/api/v1"}[stub.protocol] if prefix else ""
    stub.llm(f"{server.url}{prefix}{path}").bind_tools([search]).invoke("Hi")

    [sent] = stub.parameters_sent(server)["tools"]
    assert sent["function"]["name"] == "search_tool"
