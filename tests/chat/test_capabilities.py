"""What a call may ask of which model: refused, sent, or streamed because the model only streams."""

import asyncio
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from langchain_qwen_workspace import ChatQwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import OPENAI, USAGE, ProtocolStub
from tests.support.server import Server, json_reply
from tests.support.ways import Ask, collect

TOOL: Json = {"type": "function", "function": {"name": "look", "description": "", "parameters": {}}}
FORCED: Json = {"type": "function", "function": {"name": "look"}}


def check_refused(server: Server, llm: BaseChatModel, match: str, **options: Any) -> None:
    """Assert that invoke and stream are refused before anything is sent."""
    for ask in (llm.invoke, lambda text, **more: list(llm.stream(text, **more))):
        with pytest.raises(UnsupportedInputError, match=match) as caught:
            ask("Answer in json.", **options)
        assert isinstance(caught.value, ValueError)
    assert server.requests == []


# ------------------------------------------------------------------------------------------------ thinking


@pytest.mark.parametrize("model", ["qwen-max", "qwen3-coder-plus", "qwen-mt-plus", "qwen3-235b-a22b-instruct-2507"])
@pytest.mark.parametrize(
    "given",
    [{"enable_thinking": True}, {"enable_thinking": False}, {"thinking_budget": 9}, {"reasoning_effort": "low"}],
)
def test_thinking_parameters_are_refused_for_a_model_that_does_not_think(
    server: Server, stub: ProtocolStub, model: str, given: Json
) -> None:
    [name] = given
    match = f"`{name}` is .*, but {model!r} does not think.*Remove it"

    check_refused(server, stub.llm(server, model=model, **given), match)
    check_refused(server, stub.llm(server, model=model), match, **given)
    check_refused(server, stub.llm(server, model=model, extra_body=given), match)


@pytest.mark.parametrize("model", ["deepseek-r1", "qwq-plus", "qwen3-235b-a22b-thinking-2507"])
def test_thinking_cannot_be_switched_off_for_a_model_that_always_thinks(
    server: Server, stub: ProtocolStub, model: str
) -> None:
    check_refused(server, stub.llm(server, model=model, enable_thinking=False), f"{model!r} always thinks")


@pytest.mark.parametrize("model", ["qwen3.8-max", "qwen3.8-flash"])
def test_thinking_budget_beside_reasoning_effort_is_refused(server: Server, stub: ProtocolStub, model: str) -> None:
    llm = stub.llm(server, model=model, thinking_budget=100)

    check_refused(
        server, llm, f"{model!r} accepts `thinking_budget` or `reasoning_effort`, but not both", reasoning_effort="low"
    )


def test_thinking_budget_or_reasoning_effort_alone_is_sent(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.8-max")

    llm.invoke("Hi", thinking_budget=100)
    assert stub.parameters_sent(server)["thinking_budget"] == 100
    llm.invoke("Hi", reasoning_effort="low")
    assert stub.parameters_sent(server)["reasoning_effort"] == "low"
    assert "thinking_budget" not in stub.parameters_sent(server)


def test_reasoning_effort_none_allows_a_forced_choice_without_a_warning(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.8-max", reasoning_effort="none")

    # A warning would fail the test.
    llm.bind_tools([TOOL], tool_choice="look").invoke("Hi")


def test_a_model_with_its_own_thinking_parameter_is_switched_off_by_it(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match="while it thinks"):
        stub.llm(server, model="MiniMax/MiniMax-M3").bind_tools([TOOL], tool_choice="look").invoke("Hi")

    assert stub.parameters_sent(server)["thinking"] == {"type": "disabled"}
    assert "enable_thinking" not in stub.parameters_sent(server)


def test_enable_thinking_in_extra_body_decides_whether_a_call_streams(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, model="qwen3-32b", extra_body={"enable_thinking": False}).invoke("Hi")

    assert not stub.is_streamed(server.requests[0])


# ------------------------------------------------------------------------------------------------ choices and formats


def test_several_answers_are_returned(server: Server, stub: ProtocolStub) -> None:
    whole = stub.whole("one")
    choices = (whole["output"] if stub.is_dashscope else whole)["choices"]
    choices.append({**choices[0], "index": 1, "message": {"role": "assistant", "content": "two"}})
    server.script(json_reply(whole))

    result = stub.llm(server, n=2).generate([[HumanMessage("Hi")]])

    assert [generation.text for generation in result.generations[0]] == ["one", "two"]
    assert stub.parameters_sent(server)["n"] == 2


def test_several_answers_are_refused_beside_tools(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(UnsupportedInputError, match="`n` is 2, but a call with tools has one answer"):
        stub.llm(server, n=2).bind_tools([TOOL]).invoke("Hi")

    assert server.requests == []


def test_several_answers_are_refused_in_a_stream(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    llm = stub.llm(server, n=2)

    with pytest.raises(UnsupportedInputError, match="a stream has one answer"):
        list(llm.stream("Hi"))
    with pytest.raises(UnsupportedInputError, match="a stream has one answer"):
        runner.run(collect(llm.astream("Hi")))
    with pytest.raises(UnsupportedInputError, match="only as a stream, which"):
        stub.llm(server, model="qwq-plus", n=2).invoke("Hi")
    assert server.requests == []


@pytest.mark.parametrize("form", ["json_object", int, ["json_object"]])
def test_a_response_format_that_is_not_an_object_is_refused(server: Server, stub: ProtocolStub, form: Any) -> None:
    check_refused(server, stub.llm(server), "`response_format`", response_format=form)


def test_a_model_that_only_dashscope_serves_is_refused_over_openai(server: Server) -> None:
    for model in ("qwen-deep-research", "qwen-deep-research-2025-12-15"):
        check_refused(server, OPENAI.llm(server, model=model), f'{model!r} is served only over `protocol="dashscope"`')


@pytest.mark.parametrize(("model", "choice"), [("qwen-plus", "any"), ("qwen-plus", "look"), ("kimi-k3", "look")])
def test_a_tool_choice_of_a_call_is_resolved_like_a_bound_one(
    server: Server, stub: ProtocolStub, model: str, choice: str
) -> None:
    server.default = stub.reply_to

    stub.llm(server, model=model).invoke("Hi", tools=[TOOL], tool_choice=choice)

    assert stub.parameters_sent(server)["tool_choice"] == (FORCED if model == "qwen-plus" else "required")


def test_any_parameter_is_sent_to_an_unknown_model(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    given: Json = {
        "enable_thinking": False,
        "thinking_budget": 9,
        "reasoning_effort": "extreme",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    }

    stub.llm(server, model="qwen9-galaxy", **given).bind_tools([TOOL], tool_choice="required").invoke("Hi")

    assert {name: stub.parameters_sent(server)[name] for name in given} == given
    assert stub.parameters_sent(server)["tool_choice"] == "required"


# ------------------------------------------------------------------------------------------------ streams only


ARGUMENTS = '{"place": "West Lake"}'


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("qwq-plus", {}),
        ("qwen3-32b", {}),
        ("qwen3-32b", {"enable_thinking": True}),
        ("qwen-omni-turbo", {"modalities": ["text", "audio"]}),
    ],
)
def test_a_model_that_only_streams_answers_in_every_way_of_calling(
    server: Server, stub: ProtocolStub, ask: Ask, model: str, fields: Json
) -> None:
    steps: list[Json] = [{"content": "", "reasoning_content": "Hm"}, {"content": "Hel"}, {"content": "lo"}]
    server.script(stub.stream_of(steps))

    answer = ask(stub.llm(server, model=model, **fields))

    assert stub.is_streamed(server.requests[0])
    assert (answer.content, answer.usage_metadata) == ("Hello", USAGE)
    assert answer.additional_kwargs == {"reasoning_content": "Hm"}
    assert answer.response_metadata["finish_reason"] == "stop"
    assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_invoke_of_a_model_that_only_streams_returns_a_whole_message(
    server: Server, stub: ProtocolStub, way: str, runner: asyncio.Runner
) -> None:
    server.script(stub.stream_of([{"content": "Hello"}]))
    llm = stub.llm(server, model="qwq-plus")

    answer = llm.invoke("Hi") if way == "invoke" else runner.run(llm.ainvoke("Hi"))

    assert type(answer) is AIMessage
    assert not isinstance(answer, AIMessageChunk)


@pytest.mark.parametrize("arguments", [ARGUMENTS, '{"place": "West', "[]"])
def test_invoke_of_a_model_that_only_streams_tools_reads_arguments_as_strictly(
    server: Server, stub: ProtocolStub, arguments: str, runner: asyncio.Runner
) -> None:
    def call(piece: str, **more: Any) -> Json:
        return {"content": "", "tool_calls": [{"index": 0, "id": "", "function": {"arguments": piece}, **more}]}

    opening = call("", id="call_1", function={"name": "look", "arguments": ""})
    whole = {"content": "", "tool_calls": [{"id": "call_1", "function": {"name": "look", "arguments": arguments}}]}
    reply = stub.stream_of([opening, *map(call, arguments)], "tool_calls")
    server.script(stub.answer_with(whole, "tool_calls"), reply, reply)
    omni = stub.llm(server, model="qwen3.5-omni-plus").bind_tools([TOOL])

    expected = stub.llm(server).bind_tools([TOOL]).invoke("Hi")
    answers = [omni.invoke("Hi"), runner.run(omni.ainvoke("Hi"))]

    assert [stub.is_streamed(received) for received in server.requests] == [False, True, True]
    for answer in answers:
        assert answer.tool_calls == expected.tool_calls
        assert answer.invalid_tool_calls == expected.invalid_tool_calls
    assert bool(expected.tool_calls) == (arguments == ARGUMENTS)


def test_invoke_with_a_search_that_must_stream_is_answered(sandbox: Sandbox) -> None:
    # "Non-streaming mode does not support Web Search" (DashScope, multimodal models).
    fields: Json = {"enable_search": True, "enable_thinking": False, "workspace": sandbox.workspace("search")}
    llm = ChatQwenWorkspace(model="qwen3.7-plus", protocol="dashscope", **fields)

    assert llm.invoke("Who won?").content


def test_a_model_that_only_streams_tools_does_not_stream_without_them(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, model="qwen3.5-omni-plus").invoke("Hi")

    assert not stub.is_streamed(server.requests[0])


@pytest.mark.parametrize(
    "so_far", [["ha", "haha", "hahaha"], ["ha", "haha", "hahaha", "hahaha"], ["", "a", "aa", "aa "]]
)
def test_cumulative_text_of_qwen_mt_plus_is_streamed_as_deltas(
    server: Server, runner: asyncio.Runner, so_far: list[str]
) -> None:
    server.default = lambda _: OPENAI.stream_of([{"content": text} for text in so_far])
    options = {"source_lang": "auto", "target_lang": "English"}
    llm = OPENAI.llm(server, model="qwen-mt-plus", translation_options=options, streaming=True)

    for pieces in (list(llm.stream("哈")), runner.run(collect(llm.astream("哈")))):
        texts = [piece.text for piece in pieces if piece.text]
        assert "".join(texts) == so_far[-1]
        assert max(map(len, texts)) <= 2
    assert llm.invoke("哈").content == so_far[-1]
    assert server.bodies[0]["translation_options"] == options
