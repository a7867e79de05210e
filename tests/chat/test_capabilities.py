"""What a call may ask of which model, what a call overrides, and how models that only stream answer all doors."""

import asyncio
import warnings
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from langchain_qwen_workspace import ChatQwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.sandbox import Sandbox
from tests.chat.test_answers import COUNTED, answered, is_streamed, streamed
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Server, json_reply
from tests.support.ways import Ask

TOOL: Json = {"type": "function", "function": {"name": "look", "description": "", "parameters": {}}}
FORCED: Json = {"type": "function", "function": {"name": "look"}}
TEXT, MULTIMODAL = "/text-generation/generation", "/multimodal-generation/generation"


def sent(server: Server, stub: ProtocolStub) -> Json:
    """Return the parameters of the last request, wherever its protocol has them."""
    body: Json = server.bodies[-1]
    return body["parameters"] if stub.is_dashscope else body


def refused(server: Server, llm: BaseChatModel, match: str, **options: Any) -> None:
    """Assert that both kinds of call are refused by name before anything is sent."""
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
def test_a_model_that_does_not_think_is_not_told_to(
    server: Server, stub: ProtocolStub, model: str, given: Json
) -> None:
    [name] = given
    match = f"`{name}` is .*, but {model!r} does not think.*Leave it out"

    refused(server, stub.llm(server, model=model, **given), match)
    refused(server, stub.llm(server, model=model), match, **given)
    refused(server, stub.llm(server, model=model, extra_body=given), match)


@pytest.mark.parametrize("model", ["deepseek-r1", "qwq-plus", "qwen3-235b-a22b-thinking-2507"])
def test_a_model_that_only_thinks_cannot_be_stopped(server: Server, stub: ProtocolStub, model: str) -> None:
    refused(server, stub.llm(server, model=model, enable_thinking=False), f"{model!r} always thinks")


@pytest.mark.parametrize("model", ["qwen3.8-max", "qwen3.8-flash"])
def test_budget_and_effort_exclude_each_other(server: Server, stub: ProtocolStub, model: str) -> None:
    llm = stub.llm(server, model=model, thinking_budget=100)

    refused(server, llm, f"{model!r} takes `thinking_budget` or `reasoning_effort`, not both", reasoning_effort="low")


def test_budget_alone_and_effort_alone_are_sent(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.8-max")

    llm.invoke("Hi", thinking_budget=100)
    assert sent(server, stub)["thinking_budget"] == 100
    llm.invoke("Hi", reasoning_effort="low")
    assert sent(server, stub)["reasoning_effort"] == "low"
    assert "thinking_budget" not in sent(server, stub)


def test_a_model_told_not_to_think_by_its_effort_is_forced_without_a_word(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="qwen3.8-max", reasoning_effort="none")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        llm.bind_tools([TOOL], tool_choice="look").invoke("Hi")


def test_a_model_with_a_switch_of_its_own_is_switched_by_that(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match="while it thinks"):
        stub.llm(server, model="MiniMax/MiniMax-M3").bind_tools([TOOL], tool_choice="look").invoke("Hi")

    assert sent(server, stub)["thinking"] == {"type": "disabled"}
    assert "enable_thinking" not in sent(server, stub)


def test_thinking_switched_off_in_extra_body_counts_for_streaming(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, model="qwen3-32b", extra_body={"enable_thinking": False}).invoke("Hi")

    assert not is_streamed(stub, server.requests[0])


# ------------------------------------------------------------------------------------------------ n, formats, protocols


def test_several_answers_come_without_tools(server: Server, stub: ProtocolStub) -> None:
    whole = stub.whole("one")
    choices = (whole["output"] if stub.is_dashscope else whole)["choices"]
    choices.append({**choices[0], "index": 1, "message": {"role": "assistant", "content": "two"}})
    server.script(json_reply(whole))

    result = stub.llm(server, n=2).generate([[HumanMessage("Hi")]])

    assert [generation.text for generation in result.generations[0]] == ["one", "two"]
    assert sent(server, stub)["n"] == 2


def test_several_answers_are_refused_with_tools(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(UnsupportedInputError, match="`n` is 2, but a call with tools has one answer"):
        stub.llm(server, n=2).bind_tools([TOOL]).invoke("Hi")

    assert server.requests == []


def test_several_answers_are_refused_in_a_stream(server: Server, stub: ProtocolStub, runner: asyncio.Runner) -> None:
    llm = stub.llm(server, n=2)

    async def drain() -> None:
        async for _ in llm.astream("Hi"):
            pass

    with pytest.raises(UnsupportedInputError, match="a stream has one answer"):
        list(llm.stream("Hi"))
    with pytest.raises(UnsupportedInputError, match="a stream has one answer"):
        runner.run(drain())
    with pytest.raises(UnsupportedInputError, match="a stream has one answer"):
        stub.llm(server, model="qwq-plus", n=2).invoke("Hi")
    assert server.requests == []


@pytest.mark.parametrize("form", ["json_object", int, ["json_object"]])
def test_a_format_that_is_no_object_is_refused_by_name(server: Server, stub: ProtocolStub, form: Any) -> None:
    refused(server, stub.llm(server), "`response_format`", response_format=form)


def test_a_model_of_the_native_protocol_alone_is_refused_on_the_other(server: Server) -> None:
    for model in ("qwen-deep-research", "qwen-deep-research-2025-12-15"):
        refused(server, OPENAI.llm(server, model=model), f'{model!r} is served only over `protocol` "dashscope"')


@pytest.mark.parametrize(("model", "choice"), [("qwen-plus", "any"), ("qwen-plus", "look"), ("kimi-k3", "look")])
def test_a_choice_given_at_call_time_is_the_same_choice(
    server: Server, stub: ProtocolStub, model: str, choice: str
) -> None:
    server.default = stub.reply_to

    stub.llm(server, model=model).invoke("Hi", tools=[TOOL], tool_choice=choice)

    assert sent(server, stub)["tool_choice"] == (FORCED if model == "qwen-plus" else "required")


# ------------------------------------------------------------------------------------------------ unknown names


def test_an_unknown_model_may_be_asked_for_anything(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    given: Json = {
        "enable_thinking": False,
        "thinking_budget": 9,
        "reasoning_effort": "extreme",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    }

    stub.llm(server, model="qwen9-galaxy", **given).bind_tools([TOOL], tool_choice="required").invoke("Hi")

    assert {name: sent(server, stub)[name] for name in given} == given
    assert sent(server, stub)["tool_choice"] == "required"


@pytest.mark.parametrize("name", ["temprature", "enable_thinkin", "maxTokens"])
def test_a_typing_error_warns_and_is_sent(server: Server, stub: ProtocolStub, name: str) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match=f"`{name}` is not a parameter that Model Studio documents") as told:
        llm = stub.llm(server, **{name: 1})
    assert len(told) == 1
    llm.invoke("Hi")
    assert sent(server, stub)[name] == 1

    plain: Any = stub.llm(server)
    with pytest.warns(UserWarning, match=f"`{name}` is not a parameter") as told:
        plain.invoke("Hi", **{name: 2})
    assert len(told) == 1
    assert sent(server, stub)[name] == 2


@pytest.mark.parametrize(
    ("name", "own"), [("model_name", "model"), ("request_timeout", "timeout"), ("stop_sequences", "stop")]
)
def test_a_parameter_under_two_names_is_refused(server: Server, stub: ProtocolStub, name: str, own: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` and `{own}` are the same: give one of them."):
        stub.llm(server, **{name: 1, own: 1})


def test_what_is_meant_is_sent_without_a_word_in_extra_body(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, extra_body={"brand_new": 1}).invoke("Hi", extra_body={"newer": 2})

    assert (sent(server, stub)["brand_new"], sent(server, stub)["newer"]) == (1, 2)


def test_the_streams_own_options_may_be_given_in_extra_body(server: Server) -> None:
    server.default = OPENAI.reply_to
    options = {"stream_options": {"include_usage": False}}

    list(OPENAI.llm(server, extra_body=options).stream("Hi"))

    assert server.bodies[0]["stream_options"] == options["stream_options"]


# ------------------------------------------------------------------------------------------------ overrides


def test_none_at_call_time_takes_a_default_away(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, temperature=0.5, stop=["."], enable_thinking=True, seed=3)

    llm.invoke("Hi", temperature=None, enable_thinking=None)

    assert not {"temperature", "enable_thinking"} & sent(server, stub).keys()
    assert (sent(server, stub)["stop"], sent(server, stub)["seed"]) == (["."], 3)


@pytest.mark.parametrize(("stop", "expected"), [([], None), (None, ["."]), (["!"], ["!"])])
def test_stop_at_call_time_overrides(
    server: Server, stub: ProtocolStub, stop: list[str] | None, expected: list[str] | None
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, stop=["."])

    llm.invoke("Hi", stop=stop)
    assert sent(server, stub).get("stop") == expected
    list(llm.stream("Hi", stop=stop))
    assert sent(server, stub).get("stop") == expected


def test_the_calls_own_model_is_called_as_it_has_to_be(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server)

    for model, path, streams in (
        ("qwen-plus", TEXT, False),
        ("qwen3.7-plus", MULTIMODAL, False),
        ("qwq-plus", TEXT, True),
        ("qwen3-32b", TEXT, True),
        (None, TEXT, False),
    ):
        llm.invoke("Hi", model=model)
        received = server.requests[-1]
        assert received.json["model"] == (model or "qwen-plus")
        assert is_streamed(stub, received) == streams
        if stub.is_dashscope:
            assert received.path.endswith(path)


def test_the_calls_own_model_has_its_own_rules(server: Server, stub: ProtocolStub) -> None:
    llm = stub.llm(server, enable_thinking=True)

    refused(server, llm, "'qwen-max' does not think", model="qwen-max")
    server.default = stub.reply_to
    with pytest.warns(UserWarning, match="'qwen3.7-plus' cannot be made to call a tool while it thinks"):
        llm.bind(tools=[TOOL], tool_choice=FORCED, model="qwen3.7-plus").invoke("Hi")


def test_the_base_of_a_deployment_is_not_the_base_of_the_calls_own_model(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model="my-deployment", base_model="qwen3.7-plus")

    llm.invoke("Hi")
    llm.invoke("Hi", model="qwen-plus")

    if stub.is_dashscope:
        assert [received.path.endswith(MULTIMODAL) for received in server.requests] == [True, False]
    assert [body["model"] for body in server.bodies] == ["my-deployment", "qwen-plus"]


# ------------------------------------------------------------------------------------------------ only streams


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
def test_a_model_that_only_streams_answers_every_door_alike(
    server: Server, stub: ProtocolStub, ask: Ask, model: str, fields: Json
) -> None:
    steps: list[Json] = [{"content": "", "reasoning_content": "Hm"}, {"content": "Hel"}, {"content": "lo"}]
    server.script(streamed(stub, steps))

    answer = ask(stub.llm(server, model=model, **fields))

    assert is_streamed(stub, server.requests[0])
    assert (answer.content, answer.usage_metadata) == ("Hello", COUNTED)
    assert answer.additional_kwargs == {"reasoning_content": "Hm"}
    assert answer.response_metadata["finish_reason"] == "stop"
    assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
def test_and_answers_invoke_with_a_whole_message(
    server: Server, stub: ProtocolStub, door: str, runner: asyncio.Runner
) -> None:
    server.script(streamed(stub, [{"content": "Hello"}]))
    llm = stub.llm(server, model="qwq-plus")

    answer = llm.invoke("Hi") if door == "invoke" else runner.run(llm.ainvoke("Hi"))

    assert type(answer) is AIMessage
    assert not isinstance(answer, AIMessageChunk)


@pytest.mark.parametrize("arguments", [ARGUMENTS, '{"place": "West', "[]"])
def test_and_reads_arguments_as_strictly_as_any_other(
    server: Server, stub: ProtocolStub, arguments: str, runner: asyncio.Runner
) -> None:
    def call(piece: str, **more: Any) -> Json:
        return {"content": "", "tool_calls": [{"index": 0, "id": "", "function": {"arguments": piece}, **more}]}

    opening = call("", id="call_1", function={"name": "look", "arguments": ""})
    whole = {"content": "", "tool_calls": [{"id": "call_1", "function": {"name": "look", "arguments": arguments}}]}
    reply = streamed(stub, [opening, *map(call, arguments)], "tool_calls")
    server.script(answered(stub, whole, "tool_calls"), reply, reply)
    omni = stub.llm(server, model="qwen3.5-omni-plus").bind_tools([TOOL])

    expected = stub.llm(server).bind_tools([TOOL]).invoke("Hi")
    answers = [omni.invoke("Hi"), runner.run(omni.ainvoke("Hi"))]

    assert [is_streamed(stub, received) for received in server.requests] == [False, True, True]
    for answer in answers:
        assert answer.tool_calls == expected.tool_calls
        assert answer.invalid_tool_calls == expected.invalid_tool_calls
    assert bool(expected.tool_calls) == (arguments == ARGUMENTS)


def test_a_search_that_has_to_stream_answers_invoke_as_well() -> None:
    # "Non-streaming mode does not support Web Search" (native, multimodal models).
    with Sandbox() as sandbox:
        fields: Json = {"enable_search": True, "enable_thinking": False, "workspace": sandbox.workspace("search")}
        llm = ChatQwenWorkspace(model="qwen3.7-plus", protocol="dashscope", **fields)

        assert llm.invoke("Who won?").content


def test_a_model_that_streams_only_tools_answers_plainly_without(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    stub.llm(server, model="qwen3.5-omni-plus").invoke("Hi")

    assert not is_streamed(stub, server.requests[0])


@pytest.mark.parametrize(
    "so_far", [["ha", "haha", "hahaha"], ["ha", "haha", "hahaha", "hahaha"], ["", "a", "aa", "aa "]]
)
def test_the_whole_text_of_qwen_mt_plus_comes_as_what_it_adds(
    server: Server, runner: asyncio.Runner, so_far: list[str]
) -> None:
    server.default = lambda _: streamed(OPENAI, [{"content": text} for text in so_far])
    options = {"source_lang": "auto", "target_lang": "English"}
    llm = OPENAI.llm(server, model="qwen-mt-plus", translation_options=options, streaming=True)

    async def chunks() -> list[AIMessageChunk]:
        return [chunk async for chunk in llm.astream("哈")]

    for pieces in (list(llm.stream("哈")), runner.run(chunks())):
        texts = [piece.text for piece in pieces if piece.text]
        assert "".join(texts) == so_far[-1]
        assert max(map(len, texts)) <= 2
    assert llm.invoke("哈").content == so_far[-1]
    assert server.bodies[0]["translation_options"] == options
