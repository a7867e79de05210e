"""Structured output beside rows 34 to 36 of the integration matrix: what is refused, and what callbacks are told."""

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import ChatMessage, HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_json_schema

from langchain_qwen_workspace import ConfigurationError, UnsupportedInputError
from langchain_qwen_workspace._chat.structured_output import Method
from langchain_qwen_workspace._seam import Json
from tests.chat.test_structured_output import (
    ASKED,
    JOKE,
    SCHEMA_MODEL,
    Door,
    Joke,
    JokeV1,
    by_door,
    by_method,
    replying,
    sent,
    through,
)
from tests.support.protocols import ProtocolStub
from tests.support.server import Server


def test_json_mode_without_the_word_is_refused_before_sending(server: Server, stub: ProtocolStub) -> None:
    chain = stub.llm(server).with_structured_output(None, method="json_mode")

    with pytest.raises(UnsupportedInputError, match="no system or user message says “json”") as caught:
        chain.invoke("Tell a joke.")

    assert server.requests == []
    assert caught.value.model == "qwen-plus"


@pytest.mark.parametrize("word", ["json", "JSON", "Json"])
@pytest.mark.parametrize("role", [SystemMessage, HumanMessage])
def test_json_mode_takes_the_word_in_any_case_from_system_and_user(
    server: Server, stub: ProtocolStub, word: str, role: Any
) -> None:
    replying(server, stub)
    chain = stub.llm(server).with_structured_output(None, method="json_mode")

    assert chain.invoke([role(f"Answer as {word}."), HumanMessage("Go.")]) == JOKE


@pytest.mark.parametrize(
    "message",
    [
        ChatMessage(role="user", content="Answer as json."),
        HumanMessage([{"text": "Answer as json."}]),
        HumanMessage([{"type": "text-plain", "text": "Answer as json.", "mime_type": "text/plain"}]),
        HumanMessage([{"type": "input_text", "text": "Answer as json."}]),
    ],
    ids=["chat message", "DashScope's part", "text-plain", "input_text"],
)
def test_json_mode_takes_the_word_from_whatever_is_sent_as_text(
    server: Server, stub: ProtocolStub, message: Any
) -> None:
    replying(server, stub)
    chain = stub.llm(server).with_structured_output(None, method="json_mode")

    assert chain.invoke([message]) == JOKE


@pytest.mark.parametrize("model", ["qwen-plus", "qwen3.6-plus", "qwen-mt-plus", "glm-5.1"])
def test_json_schema_is_refused_for_a_model_that_has_none(server: Server, stub: ProtocolStub, model: str) -> None:
    chain = stub.llm(server, model=model).with_structured_output(Joke, method="json_schema")

    with pytest.raises(UnsupportedInputError, match=f"`response_format` is a JSON schema, which {model!r}.*calling"):
        chain.invoke(ASKED)

    assert server.requests == []


@pytest.mark.parametrize("model", ["qwen-mt-plus", "qwen-vl-ocr"])
def test_json_mode_is_refused_for_a_model_that_has_none(server: Server, stub: ProtocolStub, model: str) -> None:
    replying(server, stub)
    chain = stub.llm(server, model=model).with_structured_output(Joke, method="json_mode")

    with pytest.raises(UnsupportedInputError, match="`response_format`"):
        chain.invoke(ASKED)


@pytest.mark.parametrize("method", [None, "function_calling", "json_schema"])
def test_no_schema_is_refused(stub: ProtocolStub, method: Method | None) -> None:
    with pytest.raises(ConfigurationError, match="`schema` is None"):
        stub.llm("http://127.0.0.1:9").with_structured_output(None, method=method)


@pytest.mark.parametrize("schema", [{"type": "object", "properties": {}}, {"nothing": 1}])
def test_a_schema_that_cannot_be_sent_is_refused_by_name(stub: ProtocolStub, schema: Json) -> None:
    for method in ("function_calling", "json_schema"):
        with pytest.raises((UnsupportedInputError, ConfigurationError), match="`schema`"):
            stub.llm("http://127.0.0.1:9", model=SCHEMA_MODEL).with_structured_output(schema, method=method)


def test_the_services_own_format_is_taken_or_refused_by_name(stub: ProtocolStub) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "Joke", "schema": convert_to_json_schema(Joke)}}

    stub.llm("http://127.0.0.1:9", model=SCHEMA_MODEL).with_structured_output(form)
    with pytest.raises((UnsupportedInputError, ConfigurationError), match="`schema`"):
        stub.llm("http://127.0.0.1:9", model="qwen-plus").with_structured_output(form)


def test_a_pydantic_v1_class_has_no_json_schema_and_that_is_said(server: Server, stub: ProtocolStub) -> None:
    replying(server, stub)
    llm = stub.llm(server, model=SCHEMA_MODEL, enable_thinking=False)

    with pytest.warns(UserWarning, match='JokeV1 is a class of pydantic v1.*"function_calling"'):
        chain = llm.with_structured_output(JokeV1, method="json_schema")

    assert chain.invoke(ASKED) == JokeV1(**JOKE)


def test_a_pydantic_v1_class_is_asked_for_by_a_tool_where_no_method_was_named(
    server: Server, stub: ProtocolStub
) -> None:
    replying(server, stub)
    llm = stub.llm(server, model=SCHEMA_MODEL, enable_thinking=False)

    assert llm.with_structured_output(JokeV1).invoke(ASKED) == JokeV1(**JOKE)
    assert "response_format" not in sent(server, stub)


def test_a_schema_that_is_not_described_goes_out_without_a_description(server: Server, stub: ProtocolStub) -> None:
    replying(server, stub)
    schema = {"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}}

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(schema, method="json_schema").invoke(ASKED)

    form = sent(server, stub)["response_format"]["json_schema"]
    assert set(form) == {"name", "schema", "strict"}


class Listener(BaseCallbackHandler):
    def __init__(self) -> None:
        self.options: list[Json] = []
        self.parameters: list[Json] = []

    def on_chat_model_start(self, *_: Any, options: Json | None = None, **more: Any) -> None:
        self.options.append(options or {})
        self.parameters.append(more.get("invocation_params") or {})


@by_method
@by_door
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_callbacks_are_told_the_format_and_the_wire_is_not(
    server: Server, stub: ProtocolStub, method: Method, door: Door, runner: asyncio.Runner
) -> None:
    replying(server, stub)
    listener = Listener()
    llm = stub.llm(server, model=SCHEMA_MODEL, callbacks=[listener])

    through(llm.with_structured_output(Joke, method=method, strict=True), door, runner)

    [options] = listener.options
    told = options["ls_structured_output_format"]
    assert told["schema"] == convert_to_json_schema(Joke)
    assert told["kwargs"] == {"method": method, "strict": True}
    assert b"ls_structured" not in server.requests[-1].raw
    assert "ls_structured_output_format" not in listener.parameters[0]
