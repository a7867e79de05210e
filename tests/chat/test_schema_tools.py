"""Agents that want a structured response from a model that cannot be forced to call any of several tools."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from langchain_qwen_workspace import StructuredOutputError
from langchain_qwen_workspace._seam import Json
from tests.support.agents import TOOLS, CityReport, run_agent
from tests.support.callbacks import CallbackRecorder
from tests.support.jokes import tool_call
from tests.support.protocols import OPENAI, USAGE, ProtocolStub
from tests.support.server import Received, Reply, Server
from tests.support.ways import WAYS, Way, ask_by

by_way = pytest.mark.parametrize("way", WAYS)
no_thinking_warning = pytest.mark.filterwarnings("ignore:.*while it thinks")

REPORT = CityReport(summary="lovely", days=3)
WEATHER = tool_call("get_weather", '{"city": "Hangzhou"}')
TEXT: Json = {"content": "It is lovely."}
CALL = tool_call("CityReport", '{"summary": "lovely", "days": 3}')
SCHEMA = StructuredTool(name="CityReport", description="", args_schema=CityReport.model_json_schema())
NAMED = {"type": "function", "function": {"name": "CityReport"}}


def answer_in_turn(stub: ProtocolStub, messages: Sequence[Json]) -> Callable[[Received], Reply]:
    """Return a handler that gives one message after the other, whole or streamed, whichever was asked for."""
    left = list(messages)

    def reply(received: Received) -> Reply:
        message = left.pop(0)
        reason = "tool_calls" if "tool_calls" in message else "stop"
        return stub.stream_of([message], reason) if stub.is_streamed(received) else stub.answer_with(message, reason)

    return reply


def choices(stub: ProtocolStub, server: Server) -> list[Any]:
    return [stub.parameters(body).get("tool_choice") for body in server.bodies]


@by_way
@pytest.mark.parametrize(
    ("model", "choice"), [("qwen-plus", "auto"), ("qwen3.6-plus", "auto"), ("galaxy-9", "required")]
)
@no_thinking_warning
async def test_an_agent_ends_with_the_object(
    server: Server, stub: ProtocolStub, way: Way, model: str, choice: str
) -> None:
    server.default = answer_in_turn(stub, [WEATHER, TEXT, CALL])
    agent: Any = create_agent(stub.llm(server, model=model), TOOLS, response_format=CityReport)

    state = await run_agent(agent, way)

    assert state["structured_response"] == REPORT
    assert choices(stub, server) == [choice, choice, NAMED]
    offered = [tool["function"]["name"] for tool in stub.parameters(server.bodies[2])["tools"]]
    assert offered == ["CityReport"]


async def test_an_agent_that_calls_the_schema_itself_makes_no_further_request(
    server: Server, stub: ProtocolStub
) -> None:
    server.default = answer_in_turn(stub, [WEATHER, CALL])
    agent: Any = create_agent(stub.llm(server), TOOLS, response_format=ToolStrategy(CityReport))

    state = await run_agent(agent, "invoke")

    assert state["structured_response"] == REPORT
    assert choices(stub, server) == ["auto", "auto"]


async def test_the_first_of_several_schemas_is_forced(server: Server, stub: ProtocolStub) -> None:
    class CityWarning(BaseModel):
        """What a traveller must know."""

        text: str

    server.default = answer_in_turn(stub, [TEXT, CALL])
    agent: Any = create_agent(stub.llm(server), TOOLS, response_format=ToolStrategy(CityReport | CityWarning))

    assert (await run_agent(agent, "invoke"))["structured_response"] == REPORT
    assert choices(stub, server) == ["auto", NAMED]


async def test_the_thread_goes_on_after_the_object(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_in_turn(stub, [TEXT, CALL, TEXT, CALL])
    agent: Any = create_agent(
        stub.llm(server), TOOLS, response_format=ToolStrategy(CityReport), checkpointer=InMemorySaver()
    )
    thread: Any = {"configurable": {"thread_id": "1"}}

    agent.invoke({"messages": [("user", "One")]}, thread)
    state = agent.invoke({"messages": [("user", "Two")]}, thread)

    assert state["structured_response"] == REPORT
    assert [message["role"] for message in stub.messages_sent(server)] == ["user", "assistant", "tool", "user"]


@by_way
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_the_message_has_the_text_the_call_and_the_usage_of_both_requests(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner, version: str
) -> None:
    server.default = answer_in_turn(stub, [TEXT, CALL])
    llm = stub.llm(server, output_version=version).bind_tools([*TOOLS, SCHEMA], tool_choice="any")

    answer = ask_by(way, llm, runner)

    assert answer.text == "It is lovely."
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("CityReport", REPORT.model_dump())]
    assert [block["type"] for block in answer.content_blocks] == ["text", "tool_call"]
    assert answer.response_metadata["finish_reason"] == "tool_calls"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 2 * USAGE["total_tokens"]  # type: ignore[operator]  # an int


@by_way
def test_a_first_answer_that_calls_a_tool_is_the_answer(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_in_turn(stub, [WEATHER])

    answer = ask_by(way, stub.llm(server).bind_tools([*TOOLS, SCHEMA], tool_choice="any"), runner)

    assert [call["name"] for call in answer.tool_calls] == ["get_weather"]
    assert answer.response_metadata["finish_reason"] == "tool_calls"


@by_way
def test_a_forced_call_that_does_not_come_is_an_error(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_in_turn(stub, [TEXT, TEXT])
    llm = stub.llm(server).bind_tools([*TOOLS, SCHEMA], tool_choice="any")

    with pytest.raises(StructuredOutputError, match="without the tool call that holds the object"):
        ask_by(way, llm, runner)


@pytest.mark.filterwarnings("ignore:.*always thinks")
@pytest.mark.parametrize("tools", [[SCHEMA], [*TOOLS, SCHEMA]], ids=["alone", "among others"])
def test_a_model_that_always_thinks_is_asked_again_with_the_schema_alone(
    server: Server, stub: ProtocolStub, tools: list[Any]
) -> None:
    server.default = answer_in_turn(stub, [TEXT, CALL])

    answer = stub.llm(server, model="qwq-plus").bind_tools(tools, tool_choice="any").invoke("Hi")

    assert answer.tool_calls[0]["args"] == REPORT.model_dump()
    assert choices(stub, server) == ["auto", "auto"]


ONE_REQUEST: list[tuple[str, list[Any], Any]] = [
    ("qwen-plus", [SCHEMA], NAMED),
    ("kimi-k3", [*TOOLS, SCHEMA], "required"),
    ("galaxy-9", [*TOOLS, SCHEMA], "required"),
]


@by_way
@pytest.mark.parametrize("given", ONE_REQUEST, ids=[row[0] for row in ONE_REQUEST])
def test_a_model_that_can_be_forced_gets_one_request(
    server: Server, way: Way, runner: asyncio.Runner, given: tuple[str, list[Any], Any]
) -> None:
    model, tools, choice = given
    server.default = answer_in_turn(OPENAI, [CALL])

    ask_by(way, OPENAI.llm(server, model=model).bind_tools(tools, tool_choice="any"), runner)

    assert choices(OPENAI, server) == [choice]


def test_the_choice_is_sent_as_given_without_the_check(server: Server) -> None:
    server.default = answer_in_turn(OPENAI, [CALL])
    llm = OPENAI.llm(server, check_capabilities=False).bind_tools([*TOOLS, SCHEMA], tool_choice="any")

    with pytest.warns(UserWarning, match="does not accept the `tool_choice`"):
        llm.invoke("Hi")

    assert choices(OPENAI, server) == ["required"]


def test_generate_answers_in_one_request(server: Server) -> None:
    server.default = answer_in_turn(OPENAI, [TEXT])
    bound: Any = OPENAI.llm(server).bind_tools([*TOOLS, SCHEMA], tool_choice="any")

    with pytest.warns(UserWarning, match="cannot be forced to call any of 3 tools"):
        found: LLMResult = bound.bound.generate([[HumanMessage("Hi")]], **bound.kwargs)

    assert found.generations[0][0].text == "It is lovely."


@by_way
def test_each_request_is_a_run_of_its_own(server: Server, way: Way, runner: asyncio.Runner) -> None:
    server.default = answer_in_turn(OPENAI, [TEXT, CALL])
    recorder = CallbackRecorder()
    llm = OPENAI.llm(server).bind_tools([*TOOLS, SCHEMA], tool_choice="any")
    first = uuid4()

    ask_by(way, llm.with_config(callbacks=[recorder], run_id=first), runner)

    runs = [result.generations[0][0].message.id for result in recorder.results]
    assert runs[0].startswith(f"lc_run--{first}")
    assert len({run[:40] for run in runs}) == 2
