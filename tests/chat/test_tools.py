"""Tools: what `bind_tools` sends and refuses, and the warnings where a model cannot be forced to call one."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_qwen_workspace import ChatQwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server
from tests.support.ways import sum_chunks


@tool
def get_weather(location: str) -> str:
    """Get the weather of a place."""
    return f"Sunny in {location}."


@tool
def get_time(zone: str) -> str:
    """Get the time of a zone."""
    return f"Noon in {zone}."


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


CHOICE = {"type": "function", "function": {"name": "get_weather"}}
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a place.",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}


def parameters_for(
    server: Server, stub: ProtocolStub, tools: list[Any], *, fields: Json | None = None, **options: Any
) -> Json:
    """Bind tools to a model, call it, and return the parameters that were sent."""
    server.default = stub.reply_to
    stub.llm(server, **(fields or {})).bind_tools(tools, **options).invoke("Hi")
    return stub.parameters_sent(server)


# ------------------------------------------------------------------------------------------------ the choice


@pytest.mark.parametrize("choice", ["any", "required", True, "get_weather", CHOICE])
def test_a_forced_choice_of_one_tool_names_that_tool(server: Server, stub: ProtocolStub, choice: Any) -> None:
    sent = parameters_for(server, stub, [get_weather], tool_choice=choice)

    assert sent["tool_choice"] == CHOICE
    assert sent["tools"] == [WEATHER]


@pytest.mark.parametrize("choice", [False, None])
def test_no_choice_sends_no_tool_choice(server: Server, stub: ProtocolStub, choice: bool | None) -> None:
    assert "tool_choice" not in parameters_for(server, stub, [get_weather], tool_choice=choice)


@pytest.mark.parametrize("choice", ["any", "required"])
def test_any_of_several_tools_is_sent_as_required_where_the_model_supports_it(
    server: Server, stub: ProtocolStub, choice: str
) -> None:
    tools = [get_weather, get_time]

    assert (
        parameters_for(server, stub, tools, fields={"model": "kimi-k3"}, tool_choice=choice)["tool_choice"]
        == "required"
    )


def test_any_of_several_tools_is_sent_as_auto_with_a_warning_elsewhere(server: Server, stub: ProtocolStub) -> None:
    with pytest.warns(UserWarning, match=r"'qwen-plus' cannot be forced to call any of 2 tools: .* sent as \"auto\""):
        sent = parameters_for(server, stub, [get_weather, get_time], tool_choice="any")

    assert sent["tool_choice"] == "auto"


OTHER_FORMS: list[Any] = [
    {"type": "tool", "name": "get_weather"},  # Anthropic's
    {"type": "function", "name": "get_weather"},  # of OpenAI's Responses
    {"type": "function", "function": "get_weather"},
    {"type": "any"},
    5,
    ["get_weather"],
]


@pytest.mark.parametrize("choice", OTHER_FORMS, ids=str)
def test_a_choice_in_another_form_is_refused_with_the_given_value(choice: Any) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        OPENAI.llm("http://127.0.0.1:9").bind_tools([get_weather, get_time], tool_choice=choice)

    assert f"`tool_choice` is {choice!r}. Expected" in str(caught.value)


@pytest.mark.parametrize("choice", ["get_wether", {"type": "function", "function": {"name": "get_wether"}}])
def test_a_choice_of_an_unknown_tool_is_refused(choice: Any) -> None:
    llm = OPENAI.llm("http://127.0.0.1:9")

    with pytest.raises(
        UnsupportedInputError, match=r"`tool_choice` is .*'get_wether'.*\. Expected .*'get_weather', 'get_time'"
    ):
        llm.bind_tools([get_weather, get_time], tool_choice=choice)


@pytest.mark.parametrize("thinking", [{}, {"enable_thinking": True}, {"thinking_budget": 100}])
def test_a_forced_choice_switches_thinking_off_with_a_warning(
    server: Server, stub: ProtocolStub, thinking: Json
) -> None:
    with pytest.warns(UserWarning, match=r"'qwen3\.7-plus' cannot be forced to call a tool while it thinks"):
        sent = parameters_for(
            server, stub, [get_weather], fields={"model": "qwen3.7-plus", **thinking}, tool_choice="any"
        )

    assert sent["enable_thinking"] is False
    assert "thinking_budget" not in sent
    assert sent["tool_choice"] == CHOICE


def test_a_forced_choice_warns_of_nothing_where_thinking_is_off(server: Server, stub: ProtocolStub) -> None:
    fields = {"model": "qwen3.7-plus", "enable_thinking": False}

    # A warning would fail the test.
    assert parameters_for(server, stub, [get_weather], fields=fields, tool_choice="any")["enable_thinking"] is False


def test_a_model_that_always_thinks_is_not_forced_and_a_warning_says_so(server: Server, stub: ProtocolStub) -> None:
    with pytest.warns(UserWarning, match=r"'deepseek-r1' always thinks .* sent as \"auto\""):
        sent = parameters_for(server, stub, [get_weather], fields={"model": "deepseek-r1"}, tool_choice="any")

    assert sent["tool_choice"] == "auto"
    assert "enable_thinking" not in sent


# ------------------------------------------------------------------------------------------------ the tools


@pytest.mark.parametrize("given", [{"type": "object", "properties": {}}, {"description": "A tool."}, {}])
def test_a_dict_that_is_not_a_tool_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Unsupported function"):
        ChatQwenWorkspace(model="qwen-plus", api_key="sk-test").bind_tools([given])


def test_strict_is_sent_with_the_tool(server: Server, stub: ProtocolStub) -> None:
    sent = parameters_for(server, stub, [get_weather], strict=True)

    [written] = sent["tools"]
    assert written["function"]["strict"] is True
    assert written["function"]["parameters"]["additionalProperties"] is False
    assert "strict" not in sent


@pytest.mark.parametrize(("model", "tool_stream"), [("glm-5.2", True), ("qwen-plus", None)])
def test_tool_stream_is_sent_to_models_that_stream_calls_only_on_request(
    server: Server, stub: ProtocolStub, model: str, *, tool_stream: bool | None
) -> None:
    assert parameters_for(server, stub, [get_weather], fields={"model": model}).get("tool_stream") is tool_stream


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_tool_calls_is_sent(server: Server, stub: ProtocolStub, *, parallel: bool) -> None:
    assert parameters_for(server, stub, [get_weather], parallel_tool_calls=parallel)["parallel_tool_calls"] is parallel


def test_parallel_tool_calls_is_not_sent_unless_it_is_given(server: Server, stub: ProtocolStub) -> None:
    assert "parallel_tool_calls" not in parameters_for(server, stub, [get_weather])


def test_no_tools_send_neither_tools_nor_choice_beside_a_format(server: Server, stub: ProtocolStub) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "Joke", "schema": Joke.model_json_schema()}}

    sent = parameters_for(server, stub, [], fields={"model": "qwen3.7-plus"}, tool_choice=None, response_format=form)

    assert sent["response_format"] == form
    assert not {"tools", "tool_choice"} & sent.keys()


@pytest.mark.parametrize(
    "built_in", [{"type": "web_search"}, {"type": "code_interpreter"}, {"type": "mcp", "server_label": "maps"}]
)
def test_a_built_in_tool_of_another_protocol_is_refused_by_name(stub: ProtocolStub, built_in: Json) -> None:
    with pytest.raises(UnsupportedInputError, match=f'`{built_in["type"]}` only over `protocol="responses"`'):
        stub.llm("http://127.0.0.1:1").bind_tools([built_in, get_weather])


def test_a_built_in_tool_of_another_protocol_is_refused_in_a_call(stub: ProtocolStub) -> None:
    with pytest.raises(UnsupportedInputError, match='`web_search` only over `protocol="responses"`'):
        stub.llm("http://127.0.0.1:1").invoke("Hi", tools=[{"type": "web_search"}])


def test_a_built_in_tool_of_another_protocol_is_sent_without_check_capabilities(
    server: Server, stub: ProtocolStub
) -> None:
    with pytest.warns(UserWarning, match='`web_search` only over `protocol="responses"`'):
        sent = parameters_for(server, stub, [{"type": "web_search"}], fields={"check_capabilities": False})
    assert sent["tools"] == [{"type": "web_search"}]


def test_a_built_in_tool_that_no_protocol_documents_is_sent_as_it_is(server: Server, stub: ProtocolStub) -> None:
    built_in = {"type": "i2i_search", "top": 3}
    assert parameters_for(server, stub, [built_in, get_weather])["tools"] == [built_in, WEATHER]


# ------------------------------------------------------------------------------------------------ calls


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_result_is_answered(sandbox: Sandbox, protocol: ProtocolName, *, streamed: bool) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=sandbox.workspace("tools"))
    bound: Any = llm.bind_tools([get_weather])

    def ask(messages: list[BaseMessage]) -> AIMessage:
        answer: AIMessage = sum_chunks(list(bound.stream(messages))) if streamed else bound.invoke(messages)
        return answer

    messages: list[BaseMessage] = [HumanMessage("What is the weather in 'Hangzhou'?")]
    call_turn = ask(messages)
    [call] = call_turn.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"location": "Hangzhou"})
    assert "Sunny in Hangzhou." in ask([*messages, call_turn, get_weather.invoke(call)]).text


# ------------------------------------------------------------------------------------------------ the model itself

BINDINGS: dict[str, Callable[[ChatQwenWorkspace], Any]] = {
    "tools": lambda llm: llm.bind_tools([get_weather], tool_choice="any", parallel_tool_calls=True),
    "function calling": lambda llm: llm.with_structured_output(Joke, method="function_calling"),
    "JSON schema": lambda llm: llm.with_structured_output(Joke, method="json_schema"),
    "JSON mode": lambda llm: llm.with_structured_output(None, method="json_mode"),
    "options": lambda llm: llm.bind(enable_thinking=True, stop=["."]),
}


@pytest.mark.parametrize("name", BINDINGS)
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_binding_changes_neither_the_model_nor_what_it_sends(server: Server, stub: ProtocolStub, name: str) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.7-plus", model_kwargs={"skill": []}, extra_body={"ocr_options": {}})
    llm.invoke("Hi")
    before, dumped, plain = repr(llm), llm.model_dump(), server.bodies[-1]

    bound = BINDINGS[name](llm)
    with contextlib.suppress(Exception):  # The scripted answer is not a joke; only the model matters here.
        bound.invoke("Answer in json.")

    assert (repr(llm), llm.model_dump()) == (before, dumped)
    llm.invoke("Hi")
    assert server.bodies[-1] == plain
