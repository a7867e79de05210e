"""LangChain's agent middleware with this model: retries, fallbacks, summaries, context editing, tool selection."""

from functools import partial
from typing import Any

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
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace import ChatQwenWorkspace, InvalidRequestError, RateLimitError
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.agents import TOOLS, user_says
from tests.support.protocols import MakeModel

# An agent that wants a structured answer as a tool call offers it among the others, and asks for any of them.
pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be forced to call any of .* tools.*:UserWarning")


@pytest.fixture
def make_model(make_model: MakeModel) -> MakeModel:
    """Return a function that makes chat models which think by default and answer in JSON schemas."""
    return partial(make_model, model="qwen3.7-plus")


async def test_retry_middleware_repeats_a_rate_limited_call(make_model: MakeModel, sandbox: Sandbox) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    agent: Any = create_agent(make_model(), TOOLS, middleware=[retry])
    sandbox.fail_next(status=429, code="Throttling.RateQuota", times=2)

    state = await agent.ainvoke(user_says("Hello"))

    assert len(sandbox.requests) == 3
    assert state["messages"][-1].text.endswith('You said: "Hello"')


@pytest.mark.parametrize(
    "message", ["Temperature should be in [0.0, 2.0)", "Range of input length should be [1, 1000]"]
)
async def test_retry_middleware_does_not_repeat_a_bad_request(
    make_model: MakeModel, sandbox: Sandbox, message: str
) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    agent: Any = create_agent(make_model(), TOOLS, middleware=[retry])
    sandbox.fail_next(status=400, code="InvalidParameter", message=message)

    with pytest.raises(InvalidRequestError, match="should be"):
        await agent.ainvoke(user_says("Hello"))
    assert len(sandbox.requests) == 1


def test_retry_middleware_does_not_repeat_what_cannot_be_sent(make_model: MakeModel, sandbox: Sandbox) -> None:
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="continue")
    agent: Any = create_agent(make_model(), TOOLS, middleware=[retry])
    picture: list[str | dict[Any, Any]] = [{"type": "image", "url": "/etc/passwd"}]

    with pytest.raises(ValueError, match="never read"):
        agent.invoke({"messages": [HumanMessage(picture)]})
    assert sandbox.requests == []


def test_fallback_middleware_calls_the_next_model(make_model: MakeModel, sandbox: Sandbox) -> None:
    agent: Any = create_agent(make_model(), TOOLS, middleware=[ModelFallbackMiddleware(make_model(model="qwen-plus"))])
    sandbox.fail_next(status=429)

    state = agent.invoke(user_says("Hello"))

    assert state["messages"][-1].response_metadata["model_name"] == "qwen-plus"
    assert [request.body["model"] for request in sandbox.requests] == ["qwen3.7-plus", "qwen-plus"]


def test_fallback_middleware_raises_the_last_models_error(make_model: MakeModel, sandbox: Sandbox) -> None:
    agent: Any = create_agent(make_model(), TOOLS, middleware=[ModelFallbackMiddleware(make_model(model="qwen-plus"))])
    sandbox.fail_next(status=429, times=2)

    with pytest.raises(RateLimitError, match="qwen-plus"):
        agent.invoke(user_says("Hello"))


def long_history(llm: ChatQwenWorkspace, total_tokens: int) -> list[BaseMessage]:
    answer = llm.invoke("Hello")
    assert answer.usage_metadata is not None
    counted = {**answer.usage_metadata, "total_tokens": total_tokens}
    said_before = answer.model_copy(update={"usage_metadata": counted})
    return [HumanMessage("Hello"), said_before, HumanMessage("And now?")]


def test_summarization_starts_at_a_fraction_of_the_profiles_input_limit(
    make_model: MakeModel, sandbox: Sandbox
) -> None:
    llm = make_model()
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


def test_summarization_is_retried_with_less_when_it_overflows(make_model: MakeModel, sandbox: Sandbox) -> None:
    llm = make_model()
    middleware: AgentMiddleware[Any, Any] = SummarizationMiddleware(llm, trigger=("messages", 3), keep=("messages", 1))
    agent: Any = create_agent(llm, TOOLS, middleware=[middleware])
    history = [HumanMessage("Tell me about Hangzhou. " * 200), AIMessage("It has a lake. " * 200), HumanMessage("More")]
    sandbox.fail_next(status=400, code="InvalidParameter", message="Range of input length should be [1, 1000]")

    agent.invoke({"messages": history})

    first, second, _ = [len(str(request.body)) for request in sandbox.requests]
    assert second < first


def test_context_editing_clears_old_tool_results_by_the_models_token_count(
    make_model: MakeModel, sandbox: Sandbox
) -> None:
    llm = make_model()
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
async def test_tool_selector_sends_only_the_selected_tool(make_model: MakeModel, sandbox: Sandbox, name: str) -> None:
    llm = make_model(model=name)
    agent: Any = create_agent(llm, TOOLS, middleware=[LLMToolSelectorMiddleware(model=llm, max_tools=1)])

    await agent.ainvoke(user_says("Use get_population for Hangzhou."))

    assert "get_weather" in str(sandbox.requests[0].body)
    assert "get_weather" not in str(sandbox.requests[1].body)
