"""Agents with a built-in tool beside a function over the Responses API, and what the tools of the service cost."""

from decimal import Decimal
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, WorkspaceUsageCallbackHandler
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.agents import ONE_CALL_PROMPT, get_weather, run_agent, user_says
from tests.support.ways import WAYS, Way

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta", "ignore:The v3 streaming protocol")
OutputVersion = Literal["v0", "v1"]
by_version = pytest.mark.parametrize("version", ["v0", "v1"])
SEARCH = {"type": "web_search"}


def agent_of(workspace: QwenWorkspace, version: OutputVersion, **fields: Any) -> Any:
    llm = ChatQwenWorkspace(
        model="qwen3.7-plus", protocol="responses", workspace=workspace, output_version=version, **fields
    )
    return create_agent(llm, [get_weather, SEARCH], checkpointer=InMemorySaver())


def thread(name: str) -> Any:
    return {"configurable": {"thread_id": name}}


def check_turns(messages: list[BaseMessage]) -> None:
    """Check a search and a function's call, and an answer to the function's result."""
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    call = messages[1]
    assert isinstance(call, AIMessage)
    assert [(each["name"], each["args"]) for each in call.tool_calls] == [("get_weather", {"city": "Hangzhou"})]
    kinds = [block["type"] for block in call.content_blocks]
    assert kinds.count("server_tool_call") == kinds.count("server_tool_result") > 0
    assert kinds.count("tool_call") == 1
    assert "Sunny in Hangzhou." in messages[-1].text


@by_version
@pytest.mark.parametrize("way", WAYS)
async def test_an_agent_uses_both_tools(workspace: QwenWorkspace, way: Way, version: OutputVersion) -> None:
    agent = agent_of(workspace, version).with_config(thread(way))
    check_turns((await run_agent(agent, way, ONE_CALL_PROMPT))["messages"])


@by_version
@pytest.mark.parametrize("mode", ["v2", "v3"])
async def test_an_agent_uses_both_tools_in_event_streams(
    workspace: QwenWorkspace, version: OutputVersion, mode: Any
) -> None:
    agent = agent_of(workspace, version)
    if mode == "v2":
        assert [event async for event in agent.astream_events(user_says(ONE_CALL_PROMPT), thread("a"), version="v2")]
    else:
        list(agent.stream_events(user_says(ONE_CALL_PROMPT), thread("a"), version="v3"))
    check_turns(agent.get_state(thread("a")).values["messages"])


@by_version
def test_a_checkpointed_conversation_goes_on_by_its_id(
    sandbox: Sandbox, workspace: QwenWorkspace, version: OutputVersion
) -> None:
    agent = agent_of(workspace, version, use_previous_response_id=True)
    agent.invoke(user_says(ONE_CALL_PROMPT), thread("a"))
    agent.invoke(user_says("And?"), thread("a"))
    bodies = [request.body for request in sandbox.requests]
    assert ["previous_response_id" in body for body in bodies] == [False, True, True]
    assert bodies[-1]["input"] == [{"role": "user", "content": "And?"}]


# ------------------------------------------------------------------------------------------------ usage

PRICES = {
    "currency": "CNY",
    "models": {"qwen3.7-plus": {"input": "0", "output": "0", "tool_calls": {"web_extractor": "0.5"}}},
    "tool_calls": {"web_search": "0.004", "web_extractor": "1"},
}


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_the_tools_of_the_service_are_counted_and_priced(workspace: QwenWorkspace, way: str) -> None:
    usage = WorkspaceUsageCallbackHandler(PRICES)
    llm = ChatQwenWorkspace(model="qwen3.7-plus", protocol="responses", workspace=workspace, callbacks=[usage])
    bound = llm.bind_tools([SEARCH, {"type": "web_extractor"}])
    list(bound.stream("Hi")) if way == "stream" else bound.invoke("Hi")

    [record] = usage.records()
    assert record.usage is not None
    assert record.usage.tool_calls == {"web_search": 1, "web_extractor": 1}
    assert record.tool_costs == {"web_search": Decimal("0.004"), "web_extractor": Decimal("0.5")}
    assert record.cost == Decimal("0.504")
    [row] = usage.rows()
    assert (row.tool_calls, row.cost) == (2, Decimal("0.504"))
