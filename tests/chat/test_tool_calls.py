"""Rows 26 to 37 of the integration matrix: tools, their choice, and structured output."""

import contextlib
import warnings
from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel

from langchain_qwen_workspace import ChatQwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from tests.chat.test_answers import answered, streamed
from tests.support.protocols import ProtocolStub
from tests.support.server import Server
from tests.support.ways import Ask


@tool
def get_weather(location: str) -> str:
    """Get the weather of a place."""
    return f"Sunny in {location}."


@tool
def get_time(zone: str) -> str:
    """Get the time of a zone."""
    return f"Noon in {zone}."


NAMED = {"type": "function", "function": {"name": "get_weather"}}
WRITTEN: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a place.",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


class JokeDict(TypedDict):
    """A joke."""

    setup: str
    punchline: str


JOKE = {"setup": "Why?", "punchline": "Because."}
JOKE_TEXT = '{"setup": "Why?", "punchline": "Because."}'


def sent(server: Server, stub: ProtocolStub) -> Json:
    """Return the parameters of the last request, wherever its protocol has them."""
    body: Json = server.bodies[-1]
    return body["parameters"] if stub.is_dashscope else body


def joke_called(text: str = JOKE_TEXT) -> Json:
    """Return the message that holds a joke as a tool call."""
    function = {"name": "Joke", "arguments": text}
    return {"content": "", "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}


@pytest.mark.parametrize("choice", ["any", "required"])
def test_row_26_any_forces_a_call(server: Server, stub: ProtocolStub, choice: str) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([get_weather], tool_choice=choice).invoke("Hi")

    assert sent(server, stub)["tool_choice"] == NAMED
    assert sent(server, stub)["tools"] == [WRITTEN]


@pytest.mark.parametrize("choice", ["any", "required"])
def test_row_26_any_of_several_is_forced_where_the_model_can(server: Server, stub: ProtocolStub, choice: str) -> None:
    server.default = stub.reply_to

    stub.llm(server, model="kimi-k3").bind_tools([get_weather, get_time], tool_choice=choice).invoke("Hi")

    assert sent(server, stub)["tool_choice"] == "required"


def test_row_26_where_it_cannot_that_is_said(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    bound = stub.llm(server).bind_tools([get_weather, get_time], tool_choice="any")

    with pytest.warns(UserWarning, match=r"'qwen-plus' cannot be made to call any of 2 tools.*sent as \"auto\""):
        bound.invoke("Hi")

    assert sent(server, stub)["tool_choice"] == "auto"


def test_row_27_true_forces_a_call(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([get_weather], tool_choice=True).invoke("Hi")

    assert sent(server, stub)["tool_choice"] == NAMED


@pytest.mark.parametrize("choice", [False, None])
def test_row_27_false_forces_nothing(server: Server, stub: ProtocolStub, choice: bool | None) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([get_weather], tool_choice=choice).invoke("Hi")

    assert "tool_choice" not in sent(server, stub)


@pytest.mark.parametrize("choice", ["get_wether", {"type": "function", "function": {"name": "get_wether"}}])
def test_row_28_unknown_tool_name_is_refused(server: Server, stub: ProtocolStub, choice: Any) -> None:
    with pytest.raises(UnsupportedInputError, match=r"`tool_choice` is 'get_wether'.*'get_weather', 'get_time'"):
        stub.llm(server).bind_tools([get_weather, get_time], tool_choice=choice)

    assert server.requests == []


@pytest.mark.parametrize("how", [{}, {"enable_thinking": True}, {"thinking_budget": 100}])
def test_row_29_warns_when_thinking_forbids_a_forced_choice(server: Server, stub: ProtocolStub, how: Json) -> None:
    server.default = stub.reply_to
    bound = stub.llm(server, model="qwen3.7-plus", **how).bind_tools([get_weather], tool_choice="any")

    with pytest.warns(UserWarning, match="'qwen3.7-plus' cannot be made to call a tool while it thinks"):
        bound.invoke("Hi")

    assert sent(server, stub)["enable_thinking"] is False
    assert "thinking_budget" not in sent(server, stub)
    assert sent(server, stub)["tool_choice"] == NAMED


def test_row_29_a_model_that_always_thinks_is_not_forced_and_that_is_said(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    bound = stub.llm(server, model="deepseek-r1").bind_tools([get_weather], tool_choice="any")

    with pytest.warns(UserWarning, match="'deepseek-r1' always thinks"):
        bound.invoke("Hi")

    assert sent(server, stub)["tool_choice"] == "auto"
    assert "enable_thinking" not in sent(server, stub)


def test_row_29_nothing_is_said_where_thinking_is_off(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.7-plus", enable_thinking=False)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        llm.bind_tools([get_weather], tool_choice="any").invoke("Hi")

    assert sent(server, stub)["enable_thinking"] is False


def test_row_30_strict_reaches_the_schema(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([get_weather], strict=True).invoke("Hi")

    [written] = sent(server, stub)["tools"]
    assert written["function"]["strict"] is True
    assert written["function"]["parameters"]["additionalProperties"] is False
    assert "strict" not in sent(server, stub)


@pytest.mark.parametrize(("model", "told"), [("glm-5.2", True), ("qwen-plus", None)])
def test_row_31_a_model_that_calls_only_streamed_tools_is_told_so(
    server: Server, stub: ProtocolStub, model: str, *, told: bool | None
) -> None:
    server.default = stub.reply_to

    stub.llm(server, model=model).bind_tools([get_weather]).invoke("Hi")

    assert sent(server, stub).get("tool_stream") is told


@pytest.mark.parametrize("parallel", [True, False])
def test_row_31_parallel_tool_calls_reaches_the_service(server: Server, stub: ProtocolStub, *, parallel: bool) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([get_weather], parallel_tool_calls=parallel).invoke("Hi")

    assert sent(server, stub)["parallel_tool_calls"] is parallel


def test_row_31_and_is_left_to_the_service_otherwise(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([get_weather]).invoke("Hi")

    assert "parallel_tool_calls" not in sent(server, stub)


def test_row_32_no_tool_with_a_format_sends_no_empty_list(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    form = {"type": "json_schema", "json_schema": {"name": "Joke", "schema": Joke.model_json_schema()}}

    stub.llm(server, model="qwen3.7-plus").bind_tools([], tool_choice=None, response_format=form).invoke("Hi")

    assert sent(server, stub)["response_format"] == form
    assert not {"tools", "tool_choice"} & sent(server, stub).keys()


@pytest.mark.parametrize("built_in", [{"type": "web_search"}, {"type": "code_interpreter"}])
def test_row_33_built_in_tool_dicts_pass_through(server: Server, stub: ProtocolStub, built_in: Json) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([built_in, get_weather]).invoke("Hi")

    assert sent(server, stub)["tools"] == [built_in, WRITTEN]


@pytest.mark.parametrize("built_in", [{"type": "web_extractor"}, {"type": "i2i_search", "top": 3}])
def test_row_33_the_services_own_built_in_tools_pass_through(
    server: Server, stub: ProtocolStub, built_in: Json
) -> None:
    server.default = stub.reply_to

    stub.llm(server).bind_tools([built_in]).invoke("Hi")

    assert sent(server, stub)["tools"] == [built_in]


def test_row_34_json_schema_is_the_services_own(server: Server, stub: ProtocolStub) -> None:
    server.script(answered(stub, {"content": JOKE_TEXT}))
    llm = stub.llm(server, model="qwen3.7-plus").with_structured_output(Joke, method="json_schema")

    assert llm.invoke("Tell a joke.") == Joke(**JOKE)

    form = sent(server, stub)["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["name"] == "Joke"
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["schema"]["properties"].keys() == JOKE.keys()
    assert "tools" not in sent(server, stub)
    messages = server.bodies[-1]["input"]["messages"] if stub.is_dashscope else server.bodies[-1]["messages"]
    assert len(messages) == 1
    assert "schema" not in str(messages)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (Joke, Joke(**JOKE)),
        (JokeDict, JOKE),
        (convert_to_json_schema(Joke), JOKE),
    ],
    ids=["pydantic", "typed dict", "json schema"],
)
@pytest.mark.parametrize("include_raw", [False, True])
def test_row_35_takes_any_schema_and_gives_the_raw_answer(
    server: Server, stub: ProtocolStub, schema: Any, expected: Any, *, include_raw: bool
) -> None:
    message = joke_called()
    message["tool_calls"][0]["function"]["name"] = "JokeDict" if schema is JokeDict else "Joke"
    server.script(answered(stub, message, "tool_calls"))
    llm = stub.llm(server).with_structured_output(schema, include_raw=include_raw)

    result: Any = llm.invoke("Tell a joke.")

    if include_raw:
        assert result["raw"].tool_calls[0]["args"] == JOKE
        assert result["parsing_error"] is None
        result = result["parsed"]
    assert result == expected


def test_row_35_a_raw_answer_that_does_not_fit_comes_with_its_error(server: Server, stub: ProtocolStub) -> None:
    server.script(answered(stub, joke_called('{"setup": "Why?"}'), "tool_calls"))

    result: Any = stub.llm(server).with_structured_output(Joke, include_raw=True).invoke("Tell a joke.")

    assert result["parsed"] is None
    assert "punchline" in str(result["parsing_error"])
    assert result["raw"].tool_calls[0]["args"] == {"setup": "Why?"}


def test_row_36_structured_output_streams(server: Server, stub: ProtocolStub) -> None:
    opening = joke_called("")
    pieces = [{"content": "", "tool_calls": [{"index": 0, "id": "", "function": {"arguments": c}}]} for c in JOKE_TEXT]
    text = [{"content": character} for character in JOKE_TEXT]
    server.script(streamed(stub, [opening, *pieces], "tool_calls"), streamed(stub, text))
    schema = convert_to_json_schema(Joke)

    called = list(stub.llm(server).with_structured_output(schema).stream("Tell a joke."))
    told = list(stub.llm(server, model="qwen3.7-plus").with_structured_output(schema).stream("Tell a joke."))

    for parts in (called, told):
        assert len(parts) > 5
        assert {"setup": "W"} in parts
        assert parts[-1] == JOKE
    assert sent(server, stub)["response_format"]["type"] == "json_schema"


BINDINGS: list[Callable[[ChatQwenWorkspace], Any]] = [
    lambda llm: llm.bind_tools([get_weather], tool_choice="any", parallel_tool_calls=True),
    lambda llm: llm.with_structured_output(Joke, method="function_calling"),
    lambda llm: llm.with_structured_output(Joke, method="json_schema"),
    lambda llm: llm.with_structured_output(None, method="json_mode"),
    lambda llm: llm.bind(enable_thinking=True, stop=["."]),
]


@pytest.mark.parametrize("bind", BINDINGS)
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_row_37_the_model_stays_as_it_was(
    server: Server, stub: ProtocolStub, ask: Ask, bind: Callable[[ChatQwenWorkspace], Any]
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.7-plus", model_kwargs={"skill": []}, extra_body={"ocr_options": {}})
    ask(llm)
    before, dumped, plain = repr(llm), llm.model_dump(), server.bodies[-1]

    bound = bind(llm)
    with contextlib.suppress(Exception):  # the scripted answer is no joke; only the model matters here
        bound.invoke("Answer in json.")

    assert (repr(llm), llm.model_dump()) == (before, dumped)
    ask(llm)
    assert server.bodies[-1] == plain
