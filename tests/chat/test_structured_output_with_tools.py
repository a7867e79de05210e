"""Structured output beside tools, and schemas as the `response_format` of a call."""

import asyncio
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.outputs import Generation
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_json_schema

from langchain_qwen_workspace import ConfigurationError, StructuredOutputError, UnsupportedInputError
from langchain_qwen_workspace._chat.output_parsers import DictText, PydanticTool
from langchain_qwen_workspace._seam import Json
from tests.support.jokes import JOKE, JOKE_JSON, PROMPT, Joke, JokeDict, answer_with_joke, answer_with_text, run
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Reply, Server
from tests.support.ways import WAYS, Way

SCHEMA_MODEL = "qwen3.7-plus"


@tool
def look_up(topic: str) -> str:
    """Look up a topic."""
    return topic


def calls(stub: ProtocolStub, *names: str, stream: bool = False) -> Reply:
    """Return an answer that calls tools, with the joke as the arguments of each."""
    arguments = '{"setup": "Why?", "punchline": "Because."}'
    found = [
        {"index": place, "id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for place, name in enumerate(names)
    ]
    message: Json = {"content": "", "tool_calls": found}
    return stub.stream_of([message], "tool_calls") if stream else stub.answer_with(message, "tool_calls")


def test_tools_are_sent_beside_the_schemas_tool(server: Server, stub: ProtocolStub) -> None:
    server.script(calls(stub, "Joke"))

    found = stub.llm(server).with_structured_output(Joke, tools=[look_up]).invoke(PROMPT)

    assert isinstance(found, Joke)
    sent = stub.parameters_sent(server)
    assert [each["function"]["name"] for each in sent["tools"]] == ["Joke", "look_up"]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}


@pytest.mark.parametrize("choice", ["auto", "look_up"])
def test_a_tool_choice_replaces_the_forced_one(server: Server, stub: ProtocolStub, choice: str) -> None:
    server.script(calls(stub, "Joke"))

    stub.llm(server).with_structured_output(Joke, tools=[look_up], tool_choice=choice).invoke(PROMPT)

    sent = stub.parameters_sent(server)["tool_choice"]
    assert sent == ("auto" if choice == "auto" else {"type": "function", "function": {"name": "look_up"}})


def test_the_strictness_of_the_schema_is_not_that_of_other_tools(server: Server) -> None:
    server.script(calls(OPENAI, "Joke"))

    OPENAI.llm(server).with_structured_output(Joke, tools=[look_up], strict=True).invoke(PROMPT)

    assert [each["function"].get("strict") for each in server.bodies[0]["tools"]] == [True, None]


def test_tools_are_sent_beside_a_json_schema(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_text(stub, JOKE_JSON)
    llm = stub.llm(server, model=SCHEMA_MODEL)

    assert isinstance(llm.with_structured_output(Joke, tools=[look_up]).invoke(PROMPT), Joke)

    sent = stub.parameters_sent(server)
    assert [each["function"]["name"] for each in sent["tools"]] == ["look_up"]
    assert sent["response_format"]["type"] == "json_schema"
    assert "tool_choice" not in sent


@pytest.mark.parametrize("schema", [Joke, JokeDict])
@pytest.mark.parametrize("way", WAYS)
def test_a_call_of_another_tool_before_the_schemas_is_left_out(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner, schema: Any
) -> None:
    server.script(calls(stub, "look_up", schema.__name__, stream="stream" in way))
    chain = stub.llm(server).with_structured_output(schema, tools=[look_up], tool_choice="auto")

    found = run(chain, way, runner)

    assert (found if isinstance(found, dict) else found.model_dump()) == {"setup": "Why?", "punchline": "Because."}


@pytest.mark.parametrize("asked", [(Joke, "qwen-plus"), (JokeDict, "qwen-plus"), (Joke, SCHEMA_MODEL)])
@pytest.mark.parametrize("way", WAYS)
def test_a_call_of_another_tool_instead_of_the_object_is_named(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner, asked: Any
) -> None:
    schema, model = asked
    server.script(calls(stub, "look_up", stream="stream" in way))
    chain = stub.llm(server, model=model).with_structured_output(schema, tools=[look_up], tool_choice="auto")

    with pytest.raises(StructuredOutputError, match="The model called 'look_up' instead of answering") as caught:
        run(chain, way, runner)

    assert "include_raw=True" in str(caught.value.hint)


def test_include_raw_returns_the_call_of_another_tool(server: Server, stub: ProtocolStub) -> None:
    server.script(calls(stub, "look_up"))
    fields: Json = {"tools": [look_up], "tool_choice": "auto", "include_raw": True}

    found: Any = stub.llm(server).with_structured_output(Joke, **fields).invoke(PROMPT)

    assert found["raw"].tool_calls[0]["name"] == "look_up"
    assert found["parsed"] is None
    assert "'look_up'" in str(found["parsing_error"])


@pytest.mark.parametrize("method", ["json", "json_object", "tool_calling", "JSON_SCHEMA", ""])
def test_an_unknown_method_is_refused_with_the_right_names(method: Any) -> None:
    expected = f"`method` is '{method}'.*Expected 'function_calling', 'json_schema', 'json_mode'"

    with pytest.raises(ConfigurationError, match=expected):
        OPENAI.llm("http://127.0.0.1:9").with_structured_output(Joke, method=method)


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_a_response_format_beside_the_schema_is_refused(method: Any) -> None:
    with pytest.raises(ConfigurationError, match="`response_format` cannot be combined"):
        OPENAI.llm("http://127.0.0.1:9").with_structured_output(Joke, method=method, response_format=JokeDict)


# ------------------------------------------------------------------------------------------------ response_format

FORMS = [Joke, JokeDict, convert_to_json_schema(Joke)]


def bind_format(llm: Any, form: Any) -> Any:
    return llm.bind(response_format=form)


def bind_tools_and_format(llm: Any, form: Any) -> Any:
    return llm.bind_tools([look_up], response_format=form)


@pytest.mark.parametrize("bind", [bind_format, bind_tools_and_format])
@pytest.mark.parametrize("form", FORMS, ids=["pydantic", "typed dict", "JSON schema"])
def test_a_schema_as_response_format_is_sent_as_the_services(
    server: Server, stub: ProtocolStub, form: Any, bind: Any
) -> None:
    server.default = answer_with_joke(stub)

    bind(stub.llm(server, model=SCHEMA_MODEL), form).invoke(PROMPT)

    sent = stub.parameters_sent(server)["response_format"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    assert sent["json_schema"]["schema"]["properties"].keys() == JOKE.keys()


def test_a_schema_as_the_models_response_format_is_sent_as_the_services(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_joke(stub)

    stub.llm(server, model=SCHEMA_MODEL, response_format=Joke).invoke(PROMPT)

    assert stub.parameters_sent(server)["response_format"]["json_schema"]["name"] == "Joke"


@pytest.mark.parametrize("form", [{"type": "text"}, {"type": "json_object"}, {"type": "grammar", "grammar": "x"}])
def test_a_response_format_of_the_service_is_sent_unchanged(server: Server, stub: ProtocolStub, form: Json) -> None:
    server.default = answer_with_joke(stub)

    stub.llm(server).invoke(PROMPT, response_format=form)

    assert stub.parameters_sent(server)["response_format"] == form


@pytest.mark.parametrize("form", [int, "json_object", 5, ["x"], {"type": "object"}, {"properties": {}}], ids=str)
def test_anything_else_as_response_format_is_refused(server: Server, stub: ProtocolStub, form: Any) -> None:
    with pytest.raises(UnsupportedInputError, match=r"`response_format` is .* Expected a pydantic class"):
        stub.llm(server, model=SCHEMA_MODEL).invoke(PROMPT, response_format=form)


def test_text_that_is_not_complete_json_is_refused() -> None:
    with pytest.raises(StructuredOutputError, match="not one complete JSON object"):
        DictText().parse_result([Generation(text="{")])


def test_a_tool_call_is_looked_for_in_chat_only() -> None:
    parser = PydanticTool(tools=[Joke], key_name="Joke", first_tool_only=True)

    with pytest.raises(OutputParserException, match="chat generation"):
        parser.parse_result([Generation(text="Why?")])
