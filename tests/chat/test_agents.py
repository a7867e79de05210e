"""Agents and graphs with this model: the same on both protocols, at once or streamed, sync or async."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    LLMToolSelectorMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from langchain_qwen_workspace import ChatQwenWorkspace, InvalidRequestError, QwenWorkspace, RateLimitError
from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox

# An agent that wants a structured answer as a tool call offers it among the others, and asks for any of them.
pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be made to call any of .* tools.*:UserWarning")

Model: TypeAlias = Callable[..., ChatQwenWorkspace]
Way: TypeAlias = Literal["invoke", "ainvoke", "stream", "astream"]

by_way = pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


@tool
def get_population(city: str) -> str:
    """Tell how many people live in a city."""
    return f"Many in {city}."


class CityReport(BaseModel):
    """What a traveller wants to know."""

    summary: str
    days: int


TOOLS = [get_weather, get_population]
PROMPT = (
    "Ask get_weather and get_population, then write a CityReport. The city: Hangzhou, the summary: lovely, the days: 3."
)
ONE_CALL = "Use get_weather for Hangzhou."


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture(autouse=True)
def _forgetful(sandbox: Sandbox) -> None:
    sandbox.clear()


@pytest.fixture(scope="module")
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("agents")


@pytest.fixture
def model(workspace: QwenWorkspace, protocol: ProtocolName) -> Model:
    """Return what makes a model, of a kind that thinks by default, that answers in schemas and never tries again."""

    def make(**fields: Any) -> ChatQwenWorkspace:
        own: dict[str, Any] = {"model": "qwen3.7-plus", "protocol": protocol, "workspace": workspace, "max_retries": 0}
        return ChatQwenWorkspace(**{**own, **fields})

    return make


def said(prompt: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(prompt)]}


async def asked(agent: Any, way: Way, prompt: str = PROMPT) -> dict[str, Any]:
    """Return an agent's last state, however it was asked."""
    state: dict[str, Any]
    match way:
        case "invoke":
            state = agent.invoke(said(prompt))
        case "ainvoke":
            state = await agent.ainvoke(said(prompt))
        case "stream":
            *_, state = agent.stream(said(prompt), stream_mode="values")
        case "astream":
            *_, state = [state async for state in agent.astream(said(prompt), stream_mode="values")]
    return state


def turn(message: BaseMessage) -> tuple[str, str, list[tuple[str, Any]]]:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return message.type, message.text, [(call["name"], call["args"]) for call in calls]


CALLED = [
    ("human", PROMPT, []),
    ("ai", "", [("get_weather", {"city": "Hangzhou"})]),
    ("tool", "Sunny in Hangzhou.", []),
    ("ai", "", [("get_population", {"city": "Hangzhou"})]),
    ("tool", "Many in Hangzhou.", []),
]
ONCE_CALLED = [
    ("human", ONE_CALL, []),
    ("ai", "", [("get_weather", {"city": "Hangzhou"})]),
    ("tool", "Sunny in Hangzhou.", []),
    ("ai", 'Model Studio sandbox, not a language model. The tool answered: "Sunny in Hangzhou."', []),
]
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
async def test_two_tools_and_a_structured_answer(
    model: Model, way: Way, strategy: Any, structured: CityReport, ending: str
) -> None:
    agent: Any = create_agent(model(), TOOLS, response_format=strategy)

    state = await asked(agent, way)

    assert state["structured_response"] == structured
    assert [turn(message) for message in state["messages"]] == [*CALLED, *ENDINGS[ending]]


@by_way
async def test_a_model_without_schemas_answers_by_a_tool(model: Model, way: Way, sandbox: Sandbox) -> None:
    agent: Any = create_agent(model(model="qwen-plus"), TOOLS, response_format=CityReport)

    state = await asked(agent, way)

    assert state["structured_response"] == AS_CALL
    assert [turn(message) for message in state["messages"]] == [*CALLED, *ENDINGS["call"]]
    assert "response_format" not in str([request.body for request in sandbox.requests])


def test_a_structured_answer_without_tools(model: Model, sandbox: Sandbox) -> None:
    agent: Any = create_agent(model(), response_format=CityReport)

    state = agent.invoke(said('Sum it up as "lovely", for 3 days.'))

    assert state["structured_response"] == AS_CALL
    assert "'tools'" not in str(sandbox.requests[-1].body)


def test_any_of_several_tools_is_never_asked_for_silently(model: Model) -> None:
    agent: Any = create_agent(model(), TOOLS, response_format=ToolStrategy(CityReport))

    with pytest.warns(UserWarning, match=r"'qwen3.7-plus' cannot be made to call any of 3 tools.*\"auto\""):
        agent.invoke(said(PROMPT))


def test_a_model_that_thinks_is_forced_without_thinking(model: Model, sandbox: Sandbox) -> None:
    agent: Any = create_agent(model(), response_format=ToolStrategy(CityReport))

    with pytest.warns(UserWarning, match="'qwen3.7-plus' cannot be made to call a tool while it thinks"):
        state = agent.invoke(said('Sum it up as "lovely", for 3 days.'))

    assert state["structured_response"] == AS_CALL
    assert "reasoning_content" not in str(state["messages"])
    assert "'enable_thinking': False" in str(sandbox.requests[-1].body)


def test_two_calls_in_one_answer(model: Model) -> None:
    agent: Any = create_agent(model(parallel_tool_calls=True), TOOLS)

    messages = agent.invoke(said(PROMPT))["messages"]

    assert [turn(message)[2] for message in messages if message.type == "ai"] == [
        [("get_weather", {"city": "Hangzhou"}), ("get_population", {"city": "Hangzhou"})],
        [],
    ]
    assert {message.content for message in messages if message.type == "tool"} == {
        "Sunny in Hangzhou.",
        "Many in Hangzhou.",
    }


# ------------------------------------------------------------------------------------------------ streams


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("version", ["v0", "v1"])
async def test_streamed_chunks_add_up_to_the_messages(model: Model, way: Way, version: str) -> None:
    agent: Any = create_agent(model(output_version=version), TOOLS)
    modes = ["messages", "updates", "values"]
    if way == "stream":
        parts = list(agent.stream(said(ONE_CALL), stream_mode=modes))
    else:
        parts = [part async for part in agent.astream(said(ONE_CALL), stream_mode=modes)]

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
    assert [turn(message) for message in messages] == ONCE_CALLED


def test_streamed_or_not_an_agent_says_and_counts_the_same(model: Model) -> None:
    agent: Any = create_agent(model(), TOOLS)

    at_once = agent.invoke(said(ONE_CALL))["messages"]
    parts = agent.stream(said(ONE_CALL), stream_mode=["values", "messages"])
    *_, streamed = [data["messages"] for mode, data in parts if mode == "values"]

    for one, other in zip(at_once, streamed, strict=True):
        assert turn(one) == turn(other)
        if isinstance(one, AIMessage) and isinstance(other, AIMessage):
            assert one.usage_metadata == other.usage_metadata
            assert one.additional_kwargs == other.additional_kwargs
            assert one.response_metadata.keys() == other.response_metadata.keys()


@pytest.mark.filterwarnings("ignore:.*(in beta|v3 streaming protocol)")
def test_events_of_version_3(model: Model) -> None:
    agent: Any = create_agent(model(), TOOLS)

    run = agent.stream_events(said(ONE_CALL), version="v3")
    told = [(str(m.text), str(m.reasoning), m.tool_calls.get(), m.output) for m in run.messages]

    answers = [message for message in run.output["messages"] if isinstance(message, AIMessage)]
    assert [turn(message) for message in run.output["messages"]] == ONCE_CALLED
    for (text, reasoning, calls, output), answer in zip(told, answers, strict=True):
        assert (text, output) == (answer.text, answer)
        assert reasoning == answer.additional_kwargs["reasoning_content"]
        assert [(call["name"], call["args"]) for call in calls] == turn(answer)[2]


# ------------------------------------------------------------------------------------------------ histories


@pytest.mark.parametrize("way", ["invoke", "stream"])
async def test_an_invalid_tool_call_is_answered_and_the_conversation_goes_on(
    model: Model, way: Way, sandbox: Sandbox
) -> None:
    cut_off: Any = create_agent(model(max_tokens=5), TOOLS)
    messages = (await asked(cut_off, way, ONE_CALL))["messages"]
    assert [call["args"] for call in messages[-1].invalid_tool_calls] == ['{"city']

    sandbox.clear()
    agent: Any = create_agent(model(), TOOLS)
    state = agent.invoke({"messages": [*messages, HumanMessage("Hello")]})

    assert turn(state["messages"][-1])[1].endswith('You said: "Hello"')


@pytest.mark.parametrize("name", ["scout", "City Scout 城"])
def test_a_named_agent(model: Model, name: str) -> None:
    agent: Any = create_agent(model(), TOOLS, name=name)

    messages = agent.invoke(said(ONE_CALL))["messages"]

    assert [message.name for message in messages] == [None, name, "get_weather", name]


def test_a_checkpoint_keeps_everything(model: Model, protocol: ProtocolName) -> None:
    llm = model(model="qwen-plus", enable_thinking=True, enable_search=True, search_options={"enable_source": True})
    agent: Any = create_agent(llm, TOOLS, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}

    answered = agent.invoke(said("Hello"), config)["messages"]
    kept = agent.get_state(config).values["messages"]
    agent.invoke(said(ONE_CALL), config)

    assert kept == answered
    assert kept[-1].content_blocks == answered[-1].content_blocks
    reasoning, text = kept[-1].content_blocks
    assert reasoning["type"] == "reasoning"
    assert reasoning["reasoning"]
    [citation] = text.get("annotations", [None])
    # Sources are told on the native protocol only.
    assert (citation and citation["url"]) == (None if protocol == "openai" else "https://example.com/")
    assert len(agent.get_state(config).values["messages"]) == 6


# The test is of langgraph's older agent, which still is in use.
@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")
def test_the_prebuilt_agent_of_langgraph(model: Model) -> None:
    from langgraph.prebuilt import create_react_agent  # noqa: PLC0415 - beside the only test of it

    llm = model()
    agents: list[Any] = [
        create_react_agent(llm, TOOLS),
        create_react_agent(llm.bind_tools(TOOLS), TOOLS),
        create_react_agent(llm, TOOLS, response_format=CityReport),
    ]
    states = [agent.invoke(said(PROMPT)) for agent in agents]

    for state in states:
        assert [turn(message) for message in state["messages"]][:5] == CALLED
    # It asks again for the structured answer, with the first answer behind the tool's result.
    assert states[-1]["structured_response"].days == 3


# ------------------------------------------------------------------------------------------------ middleware


async def test_too_many_requests_are_retried(model: Model, sandbox: Sandbox) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    agent: Any = create_agent(model(), TOOLS, middleware=[retry])
    sandbox.fail_next(status=429, code="Throttling.RateQuota", times=2)

    state = await agent.ainvoke(said("Hello"))

    assert len(sandbox.requests) == 3
    assert state["messages"][-1].text.endswith('You said: "Hello"')


@pytest.mark.parametrize(
    "message", ["Temperature should be in [0.0, 2.0)", "Range of input length should be [1, 1000]"]
)
async def test_a_bad_request_is_not_retried(model: Model, sandbox: Sandbox, message: str) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    agent: Any = create_agent(model(), TOOLS, middleware=[retry])
    sandbox.fail_next(status=400, code="InvalidParameter", message=message)

    with pytest.raises(InvalidRequestError, match="should be"):
        await agent.ainvoke(said("Hello"))
    assert len(sandbox.requests) == 1


def test_what_cannot_be_sent_is_not_retried(model: Model, sandbox: Sandbox) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="continue")
    agent: Any = create_agent(model(), TOOLS, middleware=[retry])
    picture: list[str | dict[Any, Any]] = [{"type": "image", "url": "/etc/passwd"}]

    with pytest.raises(ValueError, match="never read"):
        agent.invoke({"messages": [HumanMessage(picture)]})
    assert sandbox.requests == []


def test_another_model_takes_over(model: Model, sandbox: Sandbox) -> None:
    agent: Any = create_agent(model(), TOOLS, middleware=[ModelFallbackMiddleware(model(model="qwen-plus"))])
    sandbox.fail_next(status=429)

    state = agent.invoke(said("Hello"))

    assert state["messages"][-1].response_metadata["model_name"] == "qwen-plus"
    assert [request.body["model"] for request in sandbox.requests] == ["qwen3.7-plus", "qwen-plus"]


def test_a_failure_of_every_model_is_the_last_ones(model: Model, sandbox: Sandbox) -> None:
    agent: Any = create_agent(model(), TOOLS, middleware=[ModelFallbackMiddleware(model(model="qwen-plus"))])
    sandbox.fail_next(status=429, times=2)

    with pytest.raises(RateLimitError, match="qwen-plus"):
        agent.invoke(said("Hello"))


def long_history(llm: ChatQwenWorkspace, total_tokens: int) -> list[BaseMessage]:
    answer = llm.invoke("Hello")
    assert answer.usage_metadata is not None
    counted = {**answer.usage_metadata, "total_tokens": total_tokens}
    said_before = answer.model_copy(update={"usage_metadata": counted})
    return [HumanMessage("Hello"), said_before, HumanMessage("And now?")]


def test_reported_tokens_of_this_provider_start_a_summary(model: Model, sandbox: Sandbox) -> None:
    llm = model()
    # Reads the window from the profile: 983,616 tokens, since the model thinks.
    middleware: AgentMiddleware[Any, Any] = SummarizationMiddleware(
        llm, trigger=("fraction", 0.5), keep=("messages", 1)
    )
    agent: Any = create_agent(llm, TOOLS, middleware=[middleware])
    few, many = long_history(llm, 400_000), long_history(llm, 600_000)

    sandbox.clear()
    kept = agent.invoke({"messages": few})["messages"]
    assert len(sandbox.requests) == 1
    assert len(kept) == 4

    sandbox.clear()
    summed_up = agent.invoke({"messages": many})["messages"]
    assert len(sandbox.requests) == 2
    assert "summary" in summed_up[0].text


def test_a_summary_that_overflows_is_tried_once_with_less(model: Model, sandbox: Sandbox) -> None:
    llm = model()
    middleware: AgentMiddleware[Any, Any] = SummarizationMiddleware(llm, trigger=("messages", 3), keep=("messages", 1))
    agent: Any = create_agent(llm, TOOLS, middleware=[middleware])
    history = [HumanMessage("Tell me about Hangzhou. " * 200), AIMessage("It has a lake. " * 200), HumanMessage("More")]
    sandbox.fail_next(status=400, code="InvalidParameter", message="Range of input length should be [1, 1000]")

    agent.invoke({"messages": history})

    first, second, _ = [len(str(request.body)) for request in sandbox.requests]
    assert second < first


def test_old_tool_results_are_cleared_by_the_models_own_count(model: Model, sandbox: Sandbox) -> None:
    llm = model()
    edit = ClearToolUsesEdit(trigger=200, keep=1)
    agent: Any = create_agent(
        llm, TOOLS, middleware=[ContextEditingMiddleware(edits=[edit], token_count_method="model")]
    )
    call = {"name": "get_weather", "args": {"city": "Hangzhou"}, "type": "tool_call"}
    history = [
        HumanMessage("Hello"),
        AIMessage("", tool_calls=[{**call, "id": "call_1"}]),
        ToolMessage("Rain. " * 300, tool_call_id="call_1"),
        AIMessage("", tool_calls=[{**call, "id": "call_2"}]),
        ToolMessage("Snow.", tool_call_id="call_2"),
    ]

    agent.invoke({"messages": history})

    sent = str(sandbox.requests[-1].body)
    assert "[cleared]" in sent
    assert "Rain." not in sent
    assert "Snow." in sent


@pytest.mark.parametrize("name", ["qwen3.7-plus", "qwen-plus"])
async def test_the_model_chooses_among_the_tools(model: Model, sandbox: Sandbox, name: str) -> None:
    llm = model(model=name)
    agent: Any = create_agent(llm, TOOLS, middleware=[LLMToolSelectorMiddleware(model=llm, max_tools=1)])

    await agent.ainvoke(said("Use get_population for Hangzhou."))

    assert "get_weather" in str(sandbox.requests[0].body)
    assert "get_weather" not in str(sandbox.requests[1].body)


# ------------------------------------------------------------------------------------------------ deepagents


@by_way
async def test_a_deep_agent(model: Model, way: Way) -> None:
    from deepagents import create_deep_agent  # noqa: PLC0415 - half a second, for this test only

    agent: Any = create_deep_agent(model(), TOOLS)

    state = await asked(agent, way, ONE_CALL)

    assert [turn(message) for message in state["messages"]] == ONCE_CALLED


# ------------------------------------------------------------------------------------------------ what tools show


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@tool
def take_picture(city: str) -> list[dict[str, str]]:
    """Take a picture of a city."""
    return [{"type": "text", "text": city}, {"type": "image", "base64": PIXEL, "mime_type": "image/png"}]


@tool
def get_brochure(city: str) -> list[dict[str, str]]:
    """Get the brochure of a city."""
    return [{"type": "file", "base64": city.encode().hex(), "mime_type": "application/pdf"}]


def test_pictures_of_tools_follow_all_of_their_answers(model: Model, sandbox: Sandbox) -> None:
    agent: Any = create_agent(model(parallel_tool_calls=True), [take_picture, get_weather])

    messages = agent.invoke(said("Use take_picture and get_weather for Hangzhou."))["messages"]

    assert [message.type for message in messages] == ["human", "ai", "tool", "tool", "ai"]
    body = sandbox.requests[-1].body
    sent = body.get("messages") or body["input"]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [PIXEL in str(message) for message in sent] == [False, False, False, False, True]


def test_a_deep_agent_is_told_of_what_the_model_cannot_read(model: Model, sandbox: Sandbox) -> None:
    """It leaves out what the profile says the model has not: no PDF in a tool's message."""
    from deepagents import create_deep_agent  # noqa: PLC0415 - half a second, for this test only

    agent: Any = create_deep_agent(model(), [get_brochure])

    agent.invoke(said("Use get_brochure for Hangzhou."))

    assert len(sandbox.requests) == 2
