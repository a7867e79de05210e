"""Structured output: what each method sends, the objects that it returns, and what callbacks receive."""

import asyncio
import functools
from typing import Any, TypeAlias

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel

from langchain_qwen_workspace import StructuredOutputError
from langchain_qwen_workspace._chat.structured_output import Method
from tests.support.callbacks import CallbackRecorder
from tests.support.jokes import (
    JOKE,
    PROMPT,
    SCHEMAS,
    Joke,
    JokeV1,
    answer_with_joke,
    answer_with_text,
    run,
)
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, collect

SCHEMA_MODEL, TOOL_MODEL, HYBRID = "qwen3.7-plus", "qwen-plus", "qwen3.6-plus"
"""A model with JSON schemas, one without, and one without that thinks unless thinking is switched off."""

METHODS: tuple[Method, ...] = ("function_calling", "json_schema", "json_mode")
Chain: TypeAlias = Runnable[Any, Any]

by_method = pytest.mark.parametrize("method", METHODS)
by_way = pytest.mark.parametrize("way", WAYS)
two_ways = pytest.mark.parametrize("way", ["invoke", "astream"])
no_thinking_warning = pytest.mark.filterwarnings("ignore:.*while it thinks")


# ------------------------------------------------------------------------------------------------ requests


@by_method
@no_thinking_warning
def test_each_method_sends_its_own_parameters(server: Server, stub: ProtocolStub, method: Method) -> None:
    server.default = answer_with_joke(stub)

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(Joke, method=method).invoke(PROMPT)

    sent = stub.parameters_sent(server)
    properties = {
        "setup": {"type": "string", "description": "How it begins."},
        "punchline": {"type": "string"},
    }
    written = {"type": "object", "properties": properties, "required": ["setup", "punchline"]}
    if method == "function_calling":
        function = {"name": "Joke", "description": "A joke.", "parameters": written}
        assert sent["tools"] == [{"type": "function", "function": function}]
        assert sent["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}
        assert "response_format" not in sent
    elif method == "json_schema":
        described = {"title": "Joke", "description": "A joke.", **written}
        assert sent["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "Joke", "description": "A joke.", "schema": described, "strict": True},
        }
    else:
        assert sent["response_format"] == {"type": "json_object"}
    assert ("tools" in sent) == ("tool_choice" in sent) == (method == "function_calling")


@by_method
@no_thinking_warning
def test_no_method_changes_the_prompt(server: Server, stub: ProtocolStub, method: Method) -> None:
    server.default = answer_with_joke(stub)

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(Joke, method=method).invoke(PROMPT)

    [message] = stub.messages_sent(server)
    assert message["role"] == "user"
    assert PROMPT in str(message["content"])
    assert "setup" not in str(message["content"])


@pytest.mark.parametrize("strict", [None, True, False])
@no_thinking_warning
def test_strict_is_sent(server: Server, stub: ProtocolStub, *, strict: bool | None) -> None:
    server.default = answer_with_joke(stub)
    llm = stub.llm(server, model=SCHEMA_MODEL)

    llm.with_structured_output(Joke, method="function_calling", strict=strict).invoke(PROMPT)
    assert stub.parameters_sent(server)["tools"][0]["function"].get("strict") is strict

    llm.with_structured_output(Joke, method="json_schema", strict=strict).invoke(PROMPT)
    # The service guarantees nothing without `strict`, so that a schema is strict unless `strict` is False.
    form = stub.parameters_sent(server)["response_format"]["json_schema"]
    assert form["strict"] is (strict is not False)
    assert form["schema"].get("additionalProperties") is (False if strict else None)


def test_a_schema_without_a_description_is_sent_without_one(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_joke(stub)
    schema = {"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}}

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(schema, method="json_schema").invoke(PROMPT)

    assert set(stub.parameters_sent(server)["response_format"]["json_schema"]) == {"name", "schema", "strict"}


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({"model": "qwen3.8-max"}, "json_schema"),
        ({"model": "qwen3.7-flash"}, "json_schema"),
        ({"model": "qwen3.6-plus"}, "function_calling"),
        ({"model": "qwen-plus"}, "function_calling"),
        ({"model": "qwen3.7-plus-2026-05-01"}, "json_schema"),
        ({"model": "brand-new-model"}, "function_calling"),
        ({"model": "my-deployment", "base_model": "qwen3.7-plus"}, "json_schema"),
    ],
    ids=lambda value: str(value.get("base_model", value["model"])) if isinstance(value, dict) else None,
)
@no_thinking_warning
def test_the_default_method_follows_the_models_profile(
    server: Server, stub: ProtocolStub, fields: dict[str, Any], method: str
) -> None:
    server.default = answer_with_joke(stub)

    result = stub.llm(server, **fields).with_structured_output(Joke).invoke(PROMPT)

    assert result == Joke(**JOKE)
    sent = stub.parameters_sent(server)
    assert ("response_format" in sent) == (method == "json_schema")
    assert ("tools" in sent) == (method == "function_calling")


def test_function_calling_switches_thinking_off_with_a_warning(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_joke(stub)
    chain = stub.llm(server, model=HYBRID, thinking_budget=100).with_structured_output(Joke)

    with pytest.warns(UserWarning, match=r"'qwen3\.6-plus' cannot be forced to call a tool while it thinks"):
        chain.invoke(PROMPT)

    assert stub.parameters_sent(server)["enable_thinking"] is False
    assert "thinking_budget" not in stub.parameters_sent(server)


def test_a_model_that_always_thinks_is_not_forced_to_call(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_joke(stub)
    chain = stub.llm(server, model="deepseek-r1").with_structured_output(Joke)

    with pytest.warns(UserWarning, match="'deepseek-r1' always thinks"):
        assert chain.invoke(PROMPT) == Joke(**JOKE)

    assert stub.parameters_sent(server)["tool_choice"] == "auto"


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_other_methods_leave_thinking_alone(server: Server, stub: ProtocolStub, method: Method) -> None:
    server.default = answer_with_joke(stub)

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(Joke, method=method).invoke(PROMPT)

    assert "enable_thinking" not in stub.parameters_sent(server)


# ------------------------------------------------------------------------------------------------ results


@by_method
@pytest.mark.parametrize("kind", SCHEMAS)
@two_ways
@pytest.mark.filterwarnings("ignore:JokeV1 is a class of pydantic v1", "ignore:.*while it thinks")
def test_every_method_returns_an_object_of_every_kind_of_schema(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, kind: str, method: Method, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_joke(stub)
    schema = SCHEMAS[kind]

    result = run(stub.llm(server, model=SCHEMA_MODEL).with_structured_output(schema, method=method), way, runner)

    assert result == (schema(**JOKE) if kind.startswith("pydantic") else JOKE)
    if kind.startswith("pydantic"):
        assert type(result) is schema


@by_method
@no_thinking_warning
def test_partial_dicts_are_streamed(server: Server, stub: ProtocolStub, method: Method, runner: asyncio.Runner) -> None:
    server.default = answer_with_joke(stub, size=4)
    chain = stub.llm(server, model=SCHEMA_MODEL).with_structured_output(SCHEMAS["json schema"], method=method)

    parts = list(chain.stream(PROMPT))

    assert parts == runner.run(collect(chain.astream(PROMPT)))
    assert len(parts) > 5
    assert {"setup": "Why?", "punchline": "Beca"} in [dict(part) for part in parts]
    assert parts[-1] == JOKE


@by_method
@by_way
@no_thinking_warning
def test_include_raw_returns_the_message_beside_the_object(
    server: Server, stub: ProtocolStub, method: Method, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_joke(stub)
    chain = stub.llm(server, model=SCHEMA_MODEL).with_structured_output(Joke, method=method, include_raw=True)

    if way in {"invoke", "ainvoke"}:
        result = run(chain, way, runner)
    else:
        parts: list[Any] = list(chain.stream(PROMPT)) if way == "stream" else runner.run(collect(chain.astream(PROMPT)))
        result = functools.reduce(lambda total, part: {**total, **part}, parts)

    assert result["parsed"] == Joke(**JOKE)
    assert result["parsing_error"] is None
    assert result["raw"].response_metadata["model_provider"] == "qwen_workspace"


def test_a_pydantic_v1_class_has_no_json_schema_and_a_warning_says_so(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_joke(stub)
    llm = stub.llm(server, model=SCHEMA_MODEL, enable_thinking=False)

    with pytest.warns(UserWarning, match=r'JokeV1 is a class of pydantic v1.*"function_calling"'):
        chain = llm.with_structured_output(JokeV1, method="json_schema")

    assert chain.invoke(PROMPT) == JokeV1(**JOKE)


def test_a_pydantic_v1_class_uses_function_calling_by_default(server: Server, stub: ProtocolStub) -> None:
    server.default = answer_with_joke(stub)
    llm = stub.llm(server, model=SCHEMA_MODEL, enable_thinking=False)

    assert llm.with_structured_output(JokeV1).invoke(PROMPT) == JokeV1(**JOKE)
    assert "response_format" not in stub.parameters_sent(server)


# ------------------------------------------------------------------------------------------------ what does not fit


@by_method
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@no_thinking_warning
def test_an_object_that_does_not_fit_its_schema_is_an_error(
    server: Server, stub: ProtocolStub, method: Method, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_joke(stub, '{"setup": "Why?"}')
    llm = stub.llm(server, model=SCHEMA_MODEL)

    with pytest.raises((ValueError, OutputParserException), match="punchline"):
        run(llm.with_structured_output(Joke, method=method), way, runner)
    result = run(llm.with_structured_output(Joke, method=method, include_raw=True), way, runner)

    assert result["parsed"] is None
    assert "punchline" in str(result["parsing_error"])
    assert result["raw"].text + str(result["raw"].tool_calls) != "[]"


@by_way
@pytest.mark.parametrize("kind", ["pydantic", "pydantic v1", "json schema"])
def test_an_answer_without_the_tool_call_raises_structured_output_error(
    server: Server, stub: ProtocolStub, kind: str, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_text(stub, "I would rather talk.")
    llm = stub.llm(server, model=TOOL_MODEL)

    with pytest.raises(StructuredOutputError, match="without the tool call") as caught:
        run(llm.with_structured_output(SCHEMAS[kind]), way, runner)

    assert isinstance(caught.value, OutputParserException)
    assert caught.value.hint


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_include_raw_returns_the_error_of_an_answer_without_the_tool_call(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_text(stub, "I would rather talk.")
    chain = stub.llm(server, model=TOOL_MODEL).with_structured_output(Joke, include_raw=True)

    result = run(chain, way, runner)

    assert result["parsed"] is None
    assert isinstance(result["parsing_error"], StructuredOutputError)
    assert result["raw"].content == "I would rather talk."


@pytest.mark.xfail(strict=True, reason="LangChain falls back only before the first part, and that is the raw answer")
def test_include_raw_streams_the_error_of_an_answer_without_the_tool_call(server: Server) -> None:
    server.default = answer_with_text(OPENAI, "I would rather talk.")
    chain = OPENAI.llm(server, model=TOOL_MODEL).with_structured_output(Joke, include_raw=True)

    parts: list[Any] = list(chain.stream(PROMPT))

    errors = [part["parsing_error"] for part in parts if part.get("parsing_error") is not None]
    assert [type(error) for error in errors] == [StructuredOutputError]


@two_ways
def test_malformed_arguments_raise_structured_output_error(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_joke(stub, '{"setup": "Why')

    with pytest.raises(StructuredOutputError):
        run(stub.llm(server, model=TOOL_MODEL).with_structured_output(Joke), way, runner)


class Lenient(BaseModel):
    """A joke of which every part may be missing."""

    setup: str = ""
    punchline: str = ""


@by_way
@pytest.mark.parametrize("schema", [Lenient, convert_to_json_schema(Joke), None], ids=["pydantic", "dict", "none"])
@pytest.mark.parametrize(
    ("text", "finish_reason", "problem"),
    [
        ('{"setup": "Wh', "length", "was cut off, because the answer reached its token limit"),
        ('{"setup": "Why?", "punch', "stop", "is not one complete JSON object"),
        ("I would rather talk.", "stop", "is not one complete JSON object"),
    ],
)
def test_incomplete_json_raises_structured_output_error(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, schema: Any, text: str, finish_reason: str, problem: str, way: Way, runner: Any
) -> None:
    server.default = answer_with_text(stub, text, finish_reason)
    method: Method = "json_schema" if schema else "json_mode"
    chain = stub.llm(server, model=SCHEMA_MODEL).with_structured_output(schema, method=method)

    with pytest.raises(StructuredOutputError, match=problem) as caught:
        run(chain, way, runner)

    assert ("max_tokens" in str(caught.value.hint)) is (finish_reason == "length")


# ------------------------------------------------------------------------------------------------ callbacks


@by_method
@two_ways
@no_thinking_warning
def test_callbacks_receive_the_schema_and_the_service_does_not(
    server: Server, stub: ProtocolStub, method: Method, way: Way, runner: asyncio.Runner
) -> None:
    server.default = answer_with_joke(stub)
    recorder = CallbackRecorder()
    llm = stub.llm(server, model=SCHEMA_MODEL, callbacks=[recorder])

    run(llm.with_structured_output(Joke, method=method, strict=True), way, runner)

    [options] = recorder.options
    recorded = options["ls_structured_output_format"]
    assert recorded["schema"] == convert_to_json_schema(Joke)
    assert recorded["kwargs"] == {"method": method, "strict": True}
    assert b"ls_structured" not in server.requests[-1].raw
    assert "ls_structured_output_format" not in recorder.invocation_params[0]
