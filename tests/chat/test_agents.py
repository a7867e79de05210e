"""Agents with this model: equal over every protocol, whole or streamed, sync or async."""

from functools import partial
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.agents import (
    ONE_CALL_PROMPT,
    ONE_CALL_TURNS,
    TOOLS,
    TWO_CALL_PROMPT,
    TWO_CALL_TURNS,
    CityReport,
    get_weather,
    run_agent,
    turn_of,
    user_says,
)
from tests.support.protocols import MakeModel
from tests.support.ways import WAYS, Way

by_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def make_model(make_model: MakeModel) -> MakeModel:
    """Return a function that makes chat models which think by default and answer in JSON schemas."""
    return partial(make_model, model="qwen3.7-plus")


# An answer in a schema quotes the last tool, a call takes what the prompt says: so are the sandbox's rules.
IN_SCHEMA = CityReport(summary="Many in Hangzhou.", days=3)
AS_CALL = CityReport(summary="lovely", days=3)
ENDINGS: dict[str, list[tuple[str, str, list[tuple[str, Any]]]]] = {
    "schema": [("ai", '{"summary": "Many in Hangzhou.", "days": 3}', [])],
    "call": [
        ("ai", "", [("CityReport", {"summary": "lovely", "days": 3})]),
        ("tool", "Returning structured response: summary='lovely' days=3", []),
    ],
}


@by_way
@pytest.mark.parametrize(
    ("strategy", "structured", "ending"),
    [
        (ProviderStrategy(CityReport), IN_SCHEMA, "schema"),
        (ToolStrategy(CityReport), AS_CALL, "call"),
        (CityReport, IN_SCHEMA, "schema"),
    ],
    ids=["provider", "tool", "auto"],
)
async def test_an_agent_calls_two_tools_and_returns_a_structured_response(
    make_model: MakeModel, way: Way, strategy: Any, structured: CityReport, ending: str
) -> None:
    agent: Any = create_agent(make_model(), TOOLS, response_format=strategy)

    state = await run_agent(agent, way)

    assert state["structured_response"] == structured
    assert [turn_of(message) for message in state["messages"]] == [*TWO_CALL_TURNS, *ENDINGS[ending]]


@by_way
async def test_a_model_without_schemas_responds_by_a_tool_call(
    make_model: MakeModel, way: Way, sandbox: Sandbox
) -> None:
    agent: Any = create_agent(make_model(model="qwen-plus"), TOOLS, response_format=CityReport)

    state = await run_agent(agent, way)

    assert state["structured_response"] == AS_CALL
    assert [turn_of(message) for message in state["messages"]] == [*TWO_CALL_TURNS, *ENDINGS["call"]]
    assert "response_format" not in str([request.body for request in sandbox.requests])


def test_an_agent_without_tools_returns_a_structured_response(make_model: MakeModel, sandbox: Sandbox) -> None:
    agent: Any = create_agent(make_model(), response_format=CityReport)

    state = agent.invoke(user_says('Sum it up as "lovely", for 3 days.'))

    assert state["structured_response"] == AS_CALL
    assert "'tools'" not in str(sandbox.requests[-1].body)


def test_a_forced_structured_response_switches_thinking_off(make_model: MakeModel, sandbox: Sandbox) -> None:
    agent: Any = create_agent(make_model(), response_format=ToolStrategy(CityReport))

    with pytest.warns(UserWarning, match="'qwen3.7-plus' cannot be forced to call a tool while it thinks"):
        state = agent.invoke(user_says('Sum it up as "lovely", for 3 days.'))

    assert state["structured_response"] == AS_CALL
    assert "reasoning_content" not in str(state["messages"])
    assert "'enable_thinking': False" in str(sandbox.requests[-1].body)


def test_parallel_tool_calls_are_made_in_one_answer(make_model: MakeModel) -> None:
    agent: Any = create_agent(make_model(parallel_tool_calls=True), TOOLS)

    messages = agent.invoke(user_says(TWO_CALL_PROMPT))["messages"]

    assert [turn_of(message)[2] for message in messages if message.type == "ai"] == [
        [("get_weather", {"city": "Hangzhou"}), ("get_population", {"city": "Hangzhou"})],
        [],
    ]
    assert {message.content for message in messages if message.type == "tool"} == {
        "Sunny in Hangzhou.",
        "Many in Hangzhou.",
    }


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("version", ["v0", "v1"])
async def test_streamed_chunks_add_up_to_the_messages(make_model: MakeModel, way: Way, version: str) -> None:
    agent: Any = create_agent(make_model(output_version=version), TOOLS)
    modes = ["messages", "updates", "values"]
    if way == "stream":
        parts = list(agent.stream(user_says(ONE_CALL_PROMPT), stream_mode=modes))
    else:
        parts = [part async for part in agent.astream(user_says(ONE_CALL_PROMPT), stream_mode=modes)]

    chunks: dict[str, list[AIMessageChunk]] = {}
    for message in (data[0] for mode, data in parts if mode == "messages"):
        # Nothing comes a second time as a whole.
        assert isinstance(message, AIMessageChunk | ToolMessage)
        if isinstance(message, AIMessageChunk):
            chunks.setdefault(str(message.id), []).append(message)
    messages = [data for mode, data in parts if mode == "values"][-1]["messages"]
    answers = [message for message in messages if isinstance(message, AIMessage)]

    assert list(chunks) == [answer.id for answer in answers]
    for answer, (first, *rest) in zip(answers, chunks.values(), strict=True):
        total = first + rest
        assert len(rest) > 5
        assert total.content_blocks == answer.content_blocks
        assert total.tool_calls == answer.tool_calls
        assert total.usage_metadata == answer.usage_metadata
        assert sum(chunk.usage_metadata is not None for chunk in (first, *rest)) == 1
        assert [chunk.chunk_position for chunk in (first, *rest)].count("last") == 1
    updated = [
        message for mode, data in parts if mode == "updates" for node in data.values() for message in node["messages"]
    ]
    assert updated == messages[1:]
    assert [turn_of(message) for message in messages] == ONE_CALL_TURNS


def test_streamed_messages_have_the_text_usage_and_metadata_of_whole_ones(make_model: MakeModel) -> None:
    agent: Any = create_agent(make_model(), TOOLS)

    at_once = agent.invoke(user_says(ONE_CALL_PROMPT))["messages"]
    parts = agent.stream(user_says(ONE_CALL_PROMPT), stream_mode=["values", "messages"])
    *_, streamed = [data["messages"] for mode, data in parts if mode == "values"]

    for one, other in zip(at_once, streamed, strict=True):
        assert turn_of(one) == turn_of(other)
        if isinstance(one, AIMessage) and isinstance(other, AIMessage):
            assert one.usage_metadata == other.usage_metadata
            assert one.additional_kwargs == other.additional_kwargs
            assert one.response_metadata.keys() == other.response_metadata.keys()


@pytest.mark.filterwarnings("ignore:.*(in beta|v3 streaming protocol)")
def test_v3_events_agree_with_the_messages(make_model: MakeModel) -> None:
    agent: Any = create_agent(make_model(), TOOLS)

    run = agent.stream_events(user_says(ONE_CALL_PROMPT), version="v3")
    told = [(str(m.text), str(m.reasoning), m.tool_calls.get(), m.output) for m in run.messages]

    answers = [message for message in run.output["messages"] if isinstance(message, AIMessage)]
    assert [turn_of(message) for message in run.output["messages"]] == ONE_CALL_TURNS
    for (text, reasoning, calls, output), answer in zip(told, answers, strict=True):
        assert (text, output) == (answer.text, answer)
        assert reasoning == answer.additional_kwargs["reasoning_content"]
        assert [(call["name"], call["args"]) for call in calls] == turn_of(answer)[2]


@pytest.mark.parametrize("way", ["invoke", "stream"])
async def test_an_invalid_tool_call_is_answered_and_the_conversation_goes_on(
    make_model: MakeModel, way: Way, sandbox: Sandbox
) -> None:
    cut_off: Any = create_agent(make_model(max_tokens=5), TOOLS)
    messages = (await run_agent(cut_off, way, ONE_CALL_PROMPT))["messages"]
    assert [call["args"] for call in messages[-1].invalid_tool_calls] == ['{"city']

    sandbox.clear()
    agent: Any = create_agent(make_model(), TOOLS)
    state = agent.invoke({"messages": [*messages, HumanMessage("Hello")]})

    assert turn_of(state["messages"][-1])[1].endswith('You said: "Hello"')


@pytest.mark.parametrize("name", ["scout", "City Scout 城"])
def test_an_agents_name_is_on_its_messages(make_model: MakeModel, name: str) -> None:
    agent: Any = create_agent(make_model(), TOOLS, name=name)

    messages = agent.invoke(user_says(ONE_CALL_PROMPT))["messages"]

    assert [message.name for message in messages] == [None, name, "get_weather", name]


def test_a_checkpoint_keeps_reasoning_and_citations(make_model: MakeModel, protocol: ProtocolName) -> None:
    llm = make_model(
        model="qwen-plus", enable_thinking=True, enable_search=True, search_options={"enable_source": True}
    )
    agent: Any = create_agent(llm, TOOLS, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}

    answered = agent.invoke(user_says("Hello"), config)["messages"]
    kept = agent.get_state(config).values["messages"]
    agent.invoke(user_says(ONE_CALL_PROMPT), config)

    assert kept == answered
    assert kept[-1].content_blocks == answered[-1].content_blocks
    reasoning, text = kept[-1].content_blocks
    assert reasoning["type"] == "reasoning"
    assert reasoning["reasoning"]
    [citation] = text.get("annotations", [None])
    # Only the dashscope protocol returns sources.
    assert (citation and citation["url"]) == (None if protocol == "openai" else "https://example.com/")
    assert len(agent.get_state(config).values["messages"]) == 6


# The test is of langgraph's older agent, which still is in use.
@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_langgraphs_prebuilt_agent_runs(make_model: MakeModel) -> None:
    from langgraph.prebuilt import create_react_agent  # noqa: PLC0415 - beside the only test of it

    llm = make_model()
    agents: list[Any] = [
        create_react_agent(llm, TOOLS),
        create_react_agent(llm.bind_tools(TOOLS), TOOLS),
        create_react_agent(llm, TOOLS, response_format=CityReport),
    ]
    states = [agent.invoke(user_says(TWO_CALL_PROMPT)) for agent in agents]

    for state in states:
        assert [turn_of(message) for message in state["messages"]][:5] == TWO_CALL_TURNS
    # It asks again for the structured answer, with the first answer behind the tool's result.
    assert states[-1]["structured_response"].days == 3


@by_way
async def test_a_deep_agent_runs_in_every_way_of_calling(make_model: MakeModel, way: Way) -> None:
    from deepagents import create_deep_agent  # noqa: PLC0415 - half a second, for this test only

    agent: Any = create_deep_agent(make_model(), TOOLS)

    state = await run_agent(agent, way, ONE_CALL_PROMPT)

    assert [turn_of(message) for message in state["messages"]] == ONE_CALL_TURNS


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@tool
def take_picture(city: str) -> list[dict[str, str]]:
    """Take a picture of a city."""
    return [{"type": "text", "text": city}, {"type": "image", "base64": PIXEL, "mime_type": "image/png"}]


@tool
def get_brochure(city: str) -> list[dict[str, str]]:
    """Get the brochure of a city."""
    return [{"type": "file", "base64": city.encode().hex(), "mime_type": "application/pdf"}]


def test_images_of_tool_results_are_sent_after_all_results(make_model: MakeModel, sandbox: Sandbox) -> None:
    agent: Any = create_agent(make_model(parallel_tool_calls=True), [take_picture, get_weather])

    messages = agent.invoke(user_says("Use take_picture and get_weather for Hangzhou."))["messages"]

    assert [message.type for message in messages] == ["human", "ai", "tool", "tool", "ai"]
    body = sandbox.requests[-1].body
    sent = body.get("messages") or body["input"]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [PIXEL in str(message) for message in sent] == [False, False, False, False, True]


def test_a_deep_agent_knows_which_media_the_model_cannot_read(make_model: MakeModel, sandbox: Sandbox) -> None:
    """It leaves out what the profile says the model has not: no PDF in a tool's message."""
    from deepagents import create_deep_agent  # noqa: PLC0415 - half a second, for this test only

    agent: Any = create_deep_agent(make_model(), [get_brochure])

    agent.invoke(user_says("Use get_brochure for Hangzhou."))

    assert len(sandbox.requests) == 2
