"""Structured output: every method, schema, protocol and door, what is asked for, and what comes if nothing came."""

import asyncio
import functools
from typing import Any, TypeAlias, TypedDict

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1

from langchain_qwen_workspace import StructuredOutputError
from langchain_qwen_workspace._chat.structured_output import Method
from langchain_qwen_workspace._seam import Json
from tests.chat.test_answers import answered, is_streamed, streamed
from tests.support.protocols import ProtocolStub
from tests.support.server import Received, Reply, Server

ASKED = "Tell a joke, as json."
JOKE: Json = {"setup": "Why?", "punchline": "Because 2 > 1."}
TEXT = '{"setup": "Why?", "punchline": "Because 2 > 1."}'
SCHEMA_MODEL, TOOL_MODEL, HYBRID = "qwen3.7-plus", "qwen-plus", "qwen3.6-plus"
Chain: TypeAlias = Runnable[Any, Any]


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="How it begins.")
    punchline: str


class JokeV1(BaseModelV1):
    """A joke."""

    setup: str
    punchline: str


class JokeDict(TypedDict):
    """A joke."""

    setup: str
    punchline: str


SCHEMAS: dict[str, Any] = {
    "pydantic": Joke,
    "pydantic v1": JokeV1,
    "typed dict": JokeDict,
    "json schema": convert_to_json_schema(Joke),
    "openai tool": convert_to_openai_tool(Joke),
}
NAMES = {"pydantic v1": "JokeV1", "typed dict": "JokeDict"}
METHODS: tuple[Method, ...] = ("function_calling", "json_schema", "json_mode")
Door: TypeAlias = str
by_method = pytest.mark.parametrize("method", METHODS)
by_schema = pytest.mark.parametrize("kind", SCHEMAS)


def called(name: str, arguments: str, *, id_: str = "call_1") -> Json:
    """Return a message, or a piece of one, that calls a tool."""
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return {"content": "", "tool_calls": [{"index": 0, "id": id_, "type": "function", "function": function}]}


def replying(server: Server, stub: ProtocolStub, text: str = TEXT, *, pieces: int = 6) -> None:
    """Let the server answer as it is asked: a call of the tool if there is one, else a text; whole or in pieces."""

    def reply(received: Received) -> Reply:
        tools = parameters_of(stub, received.json).get("tools")
        cuts = [text[start : start + pieces] for start in range(0, len(text), pieces)]
        if not tools:
            steps = [{"content": cut} for cut in cuts]
            return streamed(stub, steps) if is_streamed(stub, received) else answered(stub, {"content": text})
        name = tools[0]["function"]["name"]
        if is_streamed(stub, received):
            return streamed(stub, [called(name, ""), *(called("", cut, id_="") for cut in cuts)], "tool_calls")
        return answered(stub, called(name, text), "tool_calls")

    server.default = reply


def parameters_of(stub: ProtocolStub, body: Json) -> Json:
    parameters: Json = body["parameters"] if stub.is_dashscope else body
    return parameters


def sent(server: Server, stub: ProtocolStub) -> Json:
    return parameters_of(stub, server.bodies[-1])


def through(chain: Chain, door: Door, runner: asyncio.Runner) -> Any:
    """Return what a chain comes to, by whichever door."""
    if door == "invoke":
        return chain.invoke(ASKED)
    if door == "ainvoke":
        return runner.run(chain.ainvoke(ASKED))
    if door == "stream":
        return list(chain.stream(ASKED))[-1]

    async def collect() -> list[Any]:
        return [part async for part in chain.astream(ASKED)]

    return runner.run(collect())[-1]


by_door = pytest.mark.parametrize("door", ["invoke", "ainvoke", "stream", "astream"])


@by_door
@by_method
@by_schema
@pytest.mark.filterwarnings("ignore:JokeV1 is a class of pydantic v1", "ignore:.*while it thinks")
def test_every_method_makes_every_schemas_object(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, kind: str, method: Method, door: Door, runner: asyncio.Runner
) -> None:
    replying(server, stub)
    schema = SCHEMAS[kind]

    result = through(stub.llm(server, model=SCHEMA_MODEL).with_structured_output(schema, method=method), door, runner)

    assert result == (schema(**JOKE) if kind.startswith("pydantic") else JOKE)
    if kind.startswith("pydantic"):
        assert type(result) is schema


@by_method
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_what_arrives(server: Server, stub: ProtocolStub, method: Method) -> None:
    replying(server, stub)

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(Joke, method=method).invoke(ASKED)

    parameters = sent(server, stub)
    properties = {
        "setup": {"type": "string", "description": "How it begins."},
        "punchline": {"type": "string"},
    }
    written = {"type": "object", "properties": properties, "required": ["setup", "punchline"]}
    if method == "function_calling":
        function = {"name": "Joke", "description": "A joke.", "parameters": written}
        assert parameters["tools"] == [{"type": "function", "function": function}]
        assert parameters["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}
        assert "response_format" not in parameters
    elif method == "json_schema":
        described = {"title": "Joke", "description": "A joke.", **written}
        assert parameters["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "Joke", "description": "A joke.", "schema": described, "strict": True},
        }
    else:
        assert parameters["response_format"] == {"type": "json_object"}
    assert ("tools" in parameters) == ("tool_choice" in parameters) == (method == "function_calling")
    # Nothing is put into the prompt, and nothing of LangChain's own goes out.
    assert server.requests[-1].raw.count(b"Tell a joke") == 1
    assert b"ls_structured_output_format" not in server.requests[-1].raw
    assert b"system" not in server.requests[-1].raw


@pytest.mark.parametrize("strict", [None, True, False])
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_strict_arrives(server: Server, stub: ProtocolStub, *, strict: bool | None) -> None:
    replying(server, stub)
    llm = stub.llm(server, model=SCHEMA_MODEL)

    llm.with_structured_output(Joke, method="function_calling", strict=strict).invoke(ASKED)
    assert sent(server, stub)["tools"][0]["function"].get("strict") is strict

    llm.with_structured_output(Joke, method="json_schema", strict=strict).invoke(ASKED)
    # Without a word the service promises nothing, so that a schema is strict unless it must not be.
    form = sent(server, stub)["response_format"]["json_schema"]
    assert form["strict"] is (strict is not False)
    assert form["schema"].get("additionalProperties") is (False if strict else None)


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("qwen3.8-max", "json_schema"),
        ("qwen3.7-flash", "json_schema"),
        ("qwen3.6-plus", "function_calling"),
        ("qwen-plus", "function_calling"),
        ("qwen3.7-plus-2026-05-01", "json_schema"),
        ("brand-new-model", "function_calling"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_the_default_method_follows_the_profile(server: Server, stub: ProtocolStub, model: str, method: str) -> None:
    replying(server, stub)

    result = stub.llm(server, model=model, base_model=None).with_structured_output(Joke).invoke(ASKED)

    assert result == Joke(**JOKE)
    assert ("response_format" in sent(server, stub)) == (method == "json_schema")
    assert ("tools" in sent(server, stub)) == (method == "function_calling")


def test_a_deployed_model_has_the_method_of_its_base(server: Server, stub: ProtocolStub) -> None:
    replying(server, stub)
    llm = stub.llm(server, model="my-deployment", base_model="qwen3.7-plus")

    assert llm.with_structured_output(Joke).invoke(ASKED) == Joke(**JOKE)
    assert sent(server, stub)["response_format"]["type"] == "json_schema"


def test_a_hybrid_model_does_not_think_for_it_and_that_is_said(server: Server, stub: ProtocolStub) -> None:
    replying(server, stub)
    chain = stub.llm(server, model=HYBRID, thinking_budget=100).with_structured_output(Joke)

    with pytest.warns(UserWarning, match="'qwen3.6-plus' cannot be made to call a tool while it thinks"):
        chain.invoke(ASKED)

    assert sent(server, stub)["enable_thinking"] is False
    assert "thinking_budget" not in sent(server, stub)


def test_a_model_that_always_thinks_is_asked_without_force(server: Server, stub: ProtocolStub) -> None:
    replying(server, stub)
    chain = stub.llm(server, model="deepseek-r1").with_structured_output(Joke)

    with pytest.warns(UserWarning, match="'deepseek-r1' always thinks"):
        assert chain.invoke(ASKED) == Joke(**JOKE)

    assert sent(server, stub)["tool_choice"] == "auto"


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_other_methods_leave_thinking_alone(server: Server, stub: ProtocolStub, method: Method) -> None:
    replying(server, stub)

    stub.llm(server, model=SCHEMA_MODEL).with_structured_output(Joke, method=method).invoke(ASKED)

    assert "enable_thinking" not in sent(server, stub)


@by_method
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_partial_dicts_are_streamed(server: Server, stub: ProtocolStub, method: Method, runner: asyncio.Runner) -> None:
    replying(server, stub, pieces=4)
    chain = stub.llm(server, model=SCHEMA_MODEL).with_structured_output(SCHEMAS["json schema"], method=method)

    async def collect() -> list[Any]:
        return [part async for part in chain.astream(ASKED)]

    parts = list(chain.stream(ASKED))

    assert parts == runner.run(collect())
    assert len(parts) > 5
    assert {"setup": "Why?", "punchline": "Beca"} in [dict(part) for part in parts]
    assert parts[-1] == JOKE


@by_method
@by_door
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_the_raw_answer_comes_along(
    server: Server, stub: ProtocolStub, method: Method, door: Door, runner: asyncio.Runner
) -> None:
    replying(server, stub)
    llm = stub.llm(server, model=SCHEMA_MODEL)
    chain = llm.with_structured_output(Joke, method=method, include_raw=True)

    if door in {"invoke", "ainvoke"}:
        result = through(chain, door, runner)
    else:
        parts: list[Any] = list(chain.stream(ASKED))
        result = functools.reduce(lambda total, part: {**total, **part}, parts)

    assert result["parsed"] == Joke(**JOKE)
    assert result["parsing_error"] is None
    assert result["raw"].response_metadata["model_provider"] == "qwen_workspace"


BROKEN = '{"setup": "Why?"}'


@by_method
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_an_object_that_does_not_fit_is_an_error_or_comes_with_one(
    server: Server, stub: ProtocolStub, method: Method, runner: asyncio.Runner
) -> None:
    replying(server, stub, BROKEN)
    llm = stub.llm(server, model=SCHEMA_MODEL)

    for door in ("invoke", "ainvoke"):
        with pytest.raises((ValueError, OutputParserException), match="punchline"):
            through(llm.with_structured_output(Joke, method=method), door, runner)
        result = through(llm.with_structured_output(Joke, method=method, include_raw=True), door, runner)
        assert result["parsed"] is None
        assert "punchline" in str(result["parsing_error"])
        assert result["raw"].text + str(result["raw"].tool_calls) != "[]"


@by_door
@pytest.mark.parametrize("kind", ["pydantic", "pydantic v1", "json schema"])
def test_an_answer_without_the_tool_call_is_a_named_error(
    server: Server, stub: ProtocolStub, kind: str, door: Door, runner: asyncio.Runner
) -> None:
    def talk(received: Received) -> Reply:
        message = {"content": "I would rather talk."}
        return streamed(stub, [message]) if is_streamed(stub, received) else answered(stub, message)

    server.default = talk
    llm = stub.llm(server, model=TOOL_MODEL)

    with pytest.raises(StructuredOutputError, match="without the tool call") as caught:
        through(llm.with_structured_output(SCHEMAS[kind]), door, runner)

    assert isinstance(caught.value, OutputParserException)
    assert caught.value.hint


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
def test_a_raw_answer_without_the_tool_call_comes_with_the_named_error(
    server: Server, stub: ProtocolStub, door: Door, runner: asyncio.Runner
) -> None:
    server.script(answered(stub, {"content": "I would rather talk."}))
    chain = stub.llm(server, model=TOOL_MODEL).with_structured_output(Joke, include_raw=True)

    result = through(chain, door, runner)

    assert result["parsed"] is None
    assert isinstance(result["parsing_error"], StructuredOutputError)
    assert result["raw"].content == "I would rather talk."


@pytest.mark.xfail(strict=True, reason="LangChain falls back only before the first part, and that is the raw answer")
def test_a_streamed_raw_answer_without_the_tool_call_comes_with_the_named_error(
    server: Server, stub: ProtocolStub
) -> None:
    server.script(streamed(stub, [{"content": "I would "}, {"content": "rather talk."}]))
    chain = stub.llm(server, model=TOOL_MODEL).with_structured_output(Joke, include_raw=True)

    parts: list[Any] = list(chain.stream(ASKED))

    errors = [part["parsing_error"] for part in parts if part.get("parsing_error") is not None]
    assert [type(error) for error in errors] == [StructuredOutputError]


@pytest.mark.parametrize("door", ["invoke", "stream"])
def test_arguments_that_are_no_json_are_a_named_error(
    server: Server, stub: ProtocolStub, door: Door, runner: asyncio.Runner
) -> None:
    replying(server, stub, '{"setup": "Why')

    with pytest.raises(StructuredOutputError):
        through(stub.llm(server, model=TOOL_MODEL).with_structured_output(Joke), door, runner)


class Lenient(BaseModel):
    """A joke of which every part may be missing."""

    setup: str = ""
    punchline: str = ""


@by_door
@pytest.mark.parametrize("schema", [Lenient, convert_to_json_schema(Joke), None], ids=["pydantic", "dict", "none"])
@pytest.mark.parametrize(
    ("text", "finish_reason", "told"),
    [
        ('{"setup": "Wh', "length", "was cut off, since it came to its limit of tokens"),
        ('{"setup": "Why?", "punch', "stop", "is not one whole JSON object"),
        ("I would rather talk.", "stop", "is not one whole JSON object"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*while it thinks")
def test_half_an_object_is_a_named_error_and_never_completed(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, schema: Any, text: str, finish_reason: str, told: str, door: Door, runner: Any
) -> None:
    def cut_off(received: Received) -> Reply:
        if is_streamed(stub, received):
            return streamed(stub, [{"content": text[:5]}, {"content": text[5:]}], finish_reason)
        return answered(stub, {"content": text}, finish_reason)

    server.default = cut_off
    method: Method = "json_schema" if schema else "json_mode"
    chain = stub.llm(server, model=SCHEMA_MODEL).with_structured_output(schema, method=method)

    with pytest.raises(StructuredOutputError, match=told) as caught:
        through(chain, door, runner)

    assert ("max_tokens" in str(caught.value.hint)) is (finish_reason == "length")


def test_the_shared_model_is_unchanged(server: Server, stub: ProtocolStub) -> None:
    replying(server, stub)
    llm = stub.llm(server, model=HYBRID)
    before = llm.model_copy(deep=True)

    with pytest.warns(UserWarning, match="while it thinks"):
        llm.with_structured_output(Joke).invoke(ASKED)

    assert llm == before
    llm.invoke(ASKED)
    assert not {"enable_thinking", "tools", "tool_choice", "response_format"} & sent(server, stub).keys()
