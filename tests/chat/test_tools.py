"""Tools: what reaches the service, and what is said where it cannot do what was asked."""

import functools
import operator
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_chunk_to_message
from langchain_core.tools import tool

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._chat import tools as tool_rules
from langchain_qwen_workspace.sandbox import Sandbox

PROTOCOLS = ("openai", "dashscope")


@tool
def get_weather(location: str) -> str:
    """Get the weather of a place."""
    return f"Sunny in {location}."


@tool
def get_time(zone: str) -> str:
    """Get the time of a zone."""
    return f"Noon in {zone}."


@pytest.fixture(scope="module")
def model_studio() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def team(model_studio: Sandbox) -> QwenWorkspace:
    return model_studio.workspace("tools")


def sent(model_studio: Sandbox) -> dict[str, Any]:
    """Return the parameters of the last request, wherever its protocol has them."""
    body: dict[str, Any] = model_studio.requests[-1].body
    parameters: dict[str, Any] = body.get("parameters", body)
    return parameters


NAMED = {"type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize("given", [{"type": "object", "properties": {}}, {"description": "A tool."}, {}])
def test_a_dict_that_is_no_tool_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Unsupported function"):
        ChatQwenWorkspace(model="qwen-plus", api_key="sk-test").bind_tools([given])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("choice", ["get_weather", NAMED])
def test_a_tool_is_forced_by_its_name(model_studio: Sandbox, team: QwenWorkspace, protocol: Any, choice: Any) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team)
    answer = llm.bind_tools([get_weather, get_time], tool_choice=choice).invoke("Hello!")
    assert sent(model_studio)["tool_choice"] == NAMED
    assert [call["name"] for call in answer.tool_calls] == ["get_weather"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("choice", ["any", "required", True])
def test_any_of_one_tool_is_that_tool(model_studio: Sandbox, team: QwenWorkspace, protocol: Any, choice: Any) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team)
    answer = llm.bind_tools([get_weather], tool_choice=choice).invoke("Hello!")
    assert sent(model_studio)["tool_choice"] == NAMED
    assert answer.tool_calls


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_any_of_several_goes_out_as_auto_with_a_warning_that_says_so(
    model_studio: Sandbox, team: QwenWorkspace, protocol: Any
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team)
    bound = llm.bind_tools([get_weather, get_time], tool_choice="any")
    with pytest.warns(UserWarning, match=r"'qwen-plus' cannot be made to call any of 2 tools: .* sent as \"auto\""):
        bound.invoke("Hello!")
    assert sent(model_studio)["tool_choice"] == "auto"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_that_has_required_is_sent_required(model_studio: Sandbox, team: QwenWorkspace, protocol: Any) -> None:
    llm = ChatQwenWorkspace(model="kimi-k3", protocol=protocol, workspace=team)
    answer = llm.bind_tools([get_weather, get_time], tool_choice="any").invoke("Hello!")
    assert sent(model_studio)["tool_choice"] == "required"
    assert answer.tool_calls


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_that_would_think_does_not_for_a_forced_call_and_the_shared_model_stays(
    model_studio: Sandbox, team: QwenWorkspace, protocol: Any
) -> None:
    llm = ChatQwenWorkspace(model="qwen3.7-plus", protocol=protocol, workspace=team)
    before = llm.model_copy()
    with pytest.warns(UserWarning, match="'qwen3.7-plus' cannot be made to call a tool while it thinks"):
        answer = llm.bind_tools([get_weather], tool_choice="get_weather").invoke("Hello!")
    assert sent(model_studio)["enable_thinking"] is False
    assert answer.tool_calls
    assert llm == before
    llm.invoke("Hello!")
    assert "enable_thinking" not in sent(model_studio)


def test_a_model_that_always_thinks_is_not_forced(team: QwenWorkspace) -> None:
    llm = ChatQwenWorkspace(model="deepseek-r1", workspace=team)
    bound = tool_rules.bind_parameters([get_weather], tool_choice="get_weather", strict=None)
    with pytest.warns(UserWarning, match=r"'deepseek-r1' always thinks .* sent as \"auto\""):
        _, request = llm._prepare([HumanMessage("Hello!")], None, bound, stream=False)
    assert request.body["tool_choice"] == "auto"


@pytest.mark.parametrize("choice", ["get_wether", {"type": "function", "function": {"name": "get_wether"}}])
def test_a_choice_that_names_no_tool_is_refused(team: QwenWorkspace, choice: Any) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=team)
    with pytest.raises(
        UnsupportedInputError, match=r"`tool_choice` is 'get_wether'. Expected .*'get_weather', 'get_time'"
    ):
        llm.bind_tools([get_weather, get_time], tool_choice=choice)


def test_a_tool_named_search_is_refused(team: QwenWorkspace) -> None:
    with pytest.raises(UnsupportedInputError, match="'search', which Model Studio reserves"):
        ChatQwenWorkspace(model="qwen-plus", workspace=team).bind_tools([{"name": "search", "parameters": {}}])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_strict_and_parallel_calls_arrive(model_studio: Sandbox, team: QwenWorkspace, protocol: Any) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team)
    llm.bind_tools([get_weather], strict=True, parallel_tool_calls=False).invoke("Hello!")
    parameters = sent(model_studio)
    assert parameters["parallel_tool_calls"] is False
    assert parameters["tools"][0]["function"]["strict"] is True


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_tool_sends_neither_tools_nor_choice(model_studio: Sandbox, team: QwenWorkspace, protocol: Any) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team)
    llm.bind_tools([], response_format={"type": "json_object"}).invoke("Answer in json.")
    parameters = sent(model_studio)
    assert parameters["response_format"] == {"type": "json_object"}
    assert not {"tools", "tool_choice"} & parameters.keys()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_glm_is_told_to_stream_its_tool_calls(model_studio: Sandbox, team: QwenWorkspace, protocol: Any) -> None:
    llm = ChatQwenWorkspace(model="glm-5.2", protocol=protocol, workspace=team, enable_thinking=False)
    answer = llm.bind_tools([get_weather]).invoke("What is the weather in 'Hangzhou'?")
    assert sent(model_studio)["tool_stream"] is True
    assert answer.tool_calls[0]["args"] == {"location": "Hangzhou"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_its_result_and_the_answer_make_a_round(team: QwenWorkspace, protocol: Any, streamed: bool) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=team).bind_tools([get_weather])

    def ask(messages: list[BaseMessage]) -> BaseMessage:
        if not streamed:
            return llm.invoke(messages)
        first, *rest = llm.stream(messages)
        return message_chunk_to_message(functools.reduce(operator.add, rest, first))

    messages: list[BaseMessage] = [HumanMessage("What is the weather in 'Hangzhou'?")]
    messages.append(ask(messages))
    assert isinstance(messages[-1], AIMessage)
    assert [(call["name"], call["args"]) for call in messages[-1].tool_calls] == [
        ("get_weather", {"location": "Hangzhou"})
    ]
    messages.append(get_weather.invoke(messages[-1].tool_calls[0]))
    assert "Sunny in Hangzhou." in ask(messages).text
