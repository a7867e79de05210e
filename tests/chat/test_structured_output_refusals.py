"""Structured output that a model does not offer, or that cannot be asked for: refused before anything is sent."""

from typing import Any

import pytest
from langchain_core.messages import ChatMessage, HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_json_schema

from langchain_qwen_workspace import ConfigurationError, UnsupportedInputError
from langchain_qwen_workspace._chat.structured_output import Method
from langchain_qwen_workspace._seam import Json
from tests.support.jokes import JOKE, PROMPT, Joke, answer_with_joke
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server

NOWHERE = "http://127.0.0.1:9"
SCHEMA_MODEL = "qwen3.7-plus"


def test_json_mode_without_the_word_json_is_refused(server: Server, stub: ProtocolStub) -> None:
    chain = stub.llm(server).with_structured_output(None, method="json_mode")

    with pytest.raises(UnsupportedInputError, match="no system or user message contains the word “json”") as caught:
        chain.invoke("Tell a joke.")

    assert server.requests == []
    assert caught.value.model == "qwen-plus"


@pytest.mark.parametrize(
    "message",
    [
        *(role(f"Answer as {word}.") for role in (SystemMessage, HumanMessage) for word in ("json", "JSON", "Json")),
        ChatMessage(role="user", content="Answer as json."),
        HumanMessage([{"text": "Answer as json."}]),
        HumanMessage([{"type": "text-plain", "text": "Answer as json.", "mime_type": "text/plain"}]),
        HumanMessage([{"type": "input_text", "text": "Answer as json."}]),
    ],
    ids=lambda message: f"{message.type} {str(message.content)[:20]}",
)
def test_json_mode_accepts_the_word_json_in_any_text_of_system_or_user(server: Server, message: Any) -> None:
    server.default = answer_with_joke(OPENAI)
    chain = OPENAI.llm(server).with_structured_output(None, method="json_mode")

    assert chain.invoke([message, HumanMessage("Go.")]) == JOKE


@pytest.mark.parametrize("model", ["qwen-plus", "qwen3.6-plus", "qwen-mt-plus", "glm-5.1"])
def test_json_schema_is_refused_for_a_model_without_it(server: Server, stub: ProtocolStub, model: str) -> None:
    chain = stub.llm(server, model=model).with_structured_output(Joke, method="json_schema")

    expected = f"`response_format` is a JSON schema, which {model!r}.*(calling|Use a model)"
    with pytest.raises(UnsupportedInputError, match=expected):
        chain.invoke(PROMPT)

    assert server.requests == []


@pytest.mark.parametrize("model", ["qwen-mt-plus", "qwen-vl-ocr"])
def test_json_mode_is_refused_for_a_model_without_it(server: Server, stub: ProtocolStub, model: str) -> None:
    chain = stub.llm(server, model=model).with_structured_output(Joke, method="json_mode")

    with pytest.raises(UnsupportedInputError, match="`response_format`"):
        chain.invoke(PROMPT)

    assert server.requests == []


@pytest.mark.parametrize("method", [None, "function_calling", "json_schema"])
def test_none_as_schema_is_refused(method: Method | None) -> None:
    with pytest.raises(ConfigurationError, match="`schema` is None"):
        OPENAI.llm(NOWHERE).with_structured_output(None, method=method)


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("schema", [{"type": "object", "properties": {}}, {"nothing": 1}])
def test_a_dict_that_cannot_be_sent_as_a_schema_is_refused(schema: Json, method: Method) -> None:
    with pytest.raises((UnsupportedInputError, ConfigurationError), match="`schema`"):
        OPENAI.llm(NOWHERE, model=SCHEMA_MODEL).with_structured_output(schema, method=method)


def test_a_response_format_as_schema_needs_a_model_with_json_schemas() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "Joke", "schema": convert_to_json_schema(Joke)}}

    OPENAI.llm(NOWHERE, model=SCHEMA_MODEL).with_structured_output(form)
    with pytest.raises((UnsupportedInputError, ConfigurationError), match="`schema`"):
        OPENAI.llm(NOWHERE, model="qwen-plus").with_structured_output(form)
