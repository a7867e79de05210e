"""`check_capabilities`: a refusal by a dated fact names it, and without it the call is sent with a warning."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_qwen_workspace import ChatQwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.profiles import catalogue, profile_of
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.server import Server
from tests.support.ways import WAYS, Way, ask_by

SENT = "It is sent unchanged, because `check_capabilities` is False."
WAY_THROUGH = r"If the service has changed since \d{4}-\d\d-\d\d, pass `check_capabilities=False`\."
TOOL: Json = {"type": "function", "function": {"name": "look", "description": "", "parameters": {}}}
OTHER: Json = {"type": "function", "function": {"name": "listen", "description": "", "parameters": {}}}
IMAGE = [HumanMessage([{"type": "image", "url": "https://a.example/1.png"}])]

FACTS: list[tuple[str, Json]] = [
    ("qwen-max", {"enable_thinking": True}),
    ("qwen-max", {"reasoning_effort": "low"}),
    ("qwq-plus", {"enable_thinking": False}),
    ("qwen3.8-max", {"thinking_budget": 100, "reasoning_effort": "low"}),
    ("qwen-max", {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}),
    ("qwen-plus", {"response_format": {"type": "json_object"}}),
    ("qwen-plus", {"n": 2, "tools": [TOOL]}),
]
RANGES: list[Json] = [
    {"temperature": 2.5},
    {"top_p": 0},
    {"top_p": 1.5},
    {"n": 9},
    {"presence_penalty": 5},
    {"repetition_penalty": 0},
    {"top_logprobs": 6},
    {"reasoning_effort": "huge"},
]
SHAPES: list[Json] = [
    {"temperature": -1},
    {"temperature": float("nan")},
    {"top_p": -0.1},
    {"top_k": -1},
    {"max_tokens": 0},
    {"max_tokens": -5},
    {"max_completion_tokens": 0},
    {"n": 0},
    {"thinking_budget": -1},
    {"thinking_budget": 0},
    {"presence_penalty": float("inf")},
    {"repetition_penalty": -1},
    {"seed": -1},
    {"top_logprobs": -1},
    {"stop": ["a", 1]},
    {"stop": [1.5]},
    {"stop": [-1]},
    {"stop": [[5, -1]]},
    {"stop": 5},
]


def error_of_making(**fields: Any) -> str:
    """Return the error of making a model, which pydantic raises around ours."""
    with pytest.raises(ValueError, match="Expected") as caught:
        ChatQwenWorkspace(**{"model": "qwen-plus", "api_key": "sk-test", **fields})
    return str(caught.value)


@pytest.mark.parametrize(("model", "given"), FACTS, ids=str)
def test_a_refusal_by_the_catalogue_names_the_way_through(
    server: Server, stub: ProtocolStub, model: str, given: Json
) -> None:
    with pytest.raises(UnsupportedInputError, match=WAY_THROUGH):
        stub.llm(server, model=model).invoke("Hi", **given)


@pytest.mark.parametrize(("model", "given"), FACTS, ids=str)
def test_without_the_check_the_call_is_sent_with_a_warning(
    server: Server, stub: ProtocolStub, model: str, given: Json
) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match=SENT):
        stub.llm(server, model=model, check_capabilities=False).invoke("Hi", **given)

    assert {name: stub.parameters_sent(server)[name] for name in given} == given


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_calling_goes_through_without_the_check(
    server: Server, stub: ProtocolStub, way: Way, runner: asyncio.Runner
) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match=SENT):
        ask_by(way, stub.llm(server, model="qwen-max", check_capabilities=False, enable_thinking=True), runner)

    assert stub.parameters_sent(server)["enable_thinking"] is True


def test_a_model_is_sent_over_a_protocol_that_is_not_known_to_serve_it(server: Server) -> None:
    server.default = OPENAI.reply_to

    with pytest.warns(UserWarning, match="is served only over"):
        OPENAI.llm(server, model="qwen-deep-research", check_capabilities=False).invoke("Hi")

    assert server.bodies[0]["model"] == "qwen-deep-research"


@pytest.mark.parametrize(
    ("protocol", "given"),
    [(OPENAI, {"max_frames": 3}), (DASHSCOPE, {"stream_options": {"include_usage": True}})],
    ids=["openai", "dashscope"],
)
def test_a_parameter_of_the_other_protocol_is_sent_without_the_check(
    server: Server, protocol: ProtocolStub, given: Json
) -> None:
    server.default = protocol.reply_to

    with pytest.warns(UserWarning, match="exists only on"):
        list(protocol.llm(server, check_capabilities=False).stream("Hi", **given))

    assert {name: protocol.parameters_sent(server)[name] for name in given} == given


def test_media_are_sent_to_a_model_that_is_not_known_to_read_them(server: Server, stub: ProtocolStub) -> None:
    server.default = stub.reply_to

    with pytest.warns(UserWarning, match="has image input"):
        stub.llm(server, check_capabilities=False).invoke(IMAGE)

    [message] = stub.messages_sent(server)
    assert "https://a.example/1.png" in str(message["content"])


def test_media_for_a_model_of_the_text_endpoint_go_to_the_one_that_takes_them(server: Server) -> None:
    server.default = DASHSCOPE.reply_to
    llm = DASHSCOPE.llm(server, check_capabilities=False)

    with pytest.warns(UserWarning, match="has image input"):
        llm.invoke(IMAGE)
    llm.invoke("Hi")

    paths = [request.path.rpartition("/services/aigc/")[2] for request in server.requests]
    assert paths == ["multimodal-generation/generation", "text-generation/generation"]


@pytest.mark.parametrize(
    ("model", "choice"), [("qwen-plus", "any"), ("qwen3.7-plus", "look"), ("kimi-k3", "look"), ("qwq-plus", "look")]
)
def test_a_tool_choice_is_sent_as_given_without_the_check(
    server: Server, stub: ProtocolStub, model: str, choice: str
) -> None:
    server.default = stub.reply_to
    llm = stub.llm(server, model=model, check_capabilities=False)

    with pytest.warns(UserWarning, match=f"does not accept the `tool_choice` .* in this call. {SENT}"):
        llm.bind_tools([TOOL, OTHER], tool_choice=choice).invoke("Hi")

    sent = stub.parameters_sent(server)
    named = {"type": "function", "function": {"name": "look"}}
    assert sent["tool_choice"] == ("required" if choice == "any" else named)
    assert len(sent["tools"]) == 2
    assert "enable_thinking" not in sent


@pytest.mark.parametrize("given", RANGES, ids=str)
def test_a_value_out_of_range_is_refused_when_a_model_is_made(given: Json) -> None:
    for fields in (given, {"extra_body": given}):
        assert "pass `check_capabilities=False`" in error_of_making(**fields)


@pytest.mark.parametrize("given", RANGES, ids=str)
def test_a_value_out_of_range_is_refused_in_a_call(server: Server, stub: ProtocolStub, given: Json) -> None:
    with pytest.raises(UnsupportedInputError, match=WAY_THROUGH):
        stub.llm(server).invoke("Hi", **given)


@pytest.mark.parametrize("given", RANGES, ids=str)
def test_a_value_out_of_range_is_sent_without_the_check(server: Server, stub: ProtocolStub, given: Json) -> None:
    server.default = stub.reply_to
    with pytest.warns(UserWarning, match=SENT):
        llm = stub.llm(server, check_capabilities=False, **given)

    with pytest.warns(UserWarning, match=SENT):
        llm.invoke("Hi")

    assert {name: stub.parameters_sent(server)[name] for name in given} == given


@pytest.mark.parametrize("given", SHAPES, ids=str)
def test_a_wrong_type_or_sign_is_always_refused(server: Server, stub: ProtocolStub, given: Json) -> None:
    llm = stub.llm(server, check_capabilities=False)

    with pytest.raises(UnsupportedInputError, match="Expected") as caught:
        llm.invoke("Hi", **given)

    assert "check_capabilities" not in str(caught.value)


@pytest.mark.parametrize("given", SHAPES, ids=str)
def test_a_wrong_type_or_sign_is_refused_when_a_model_is_made(given: Json) -> None:
    assert "check_capabilities=" not in error_of_making(extra_body=given, check_capabilities=False)


@pytest.mark.parametrize("stop", [".", [".", "!"], [37763, 367], [[37763, 367], [5]]], ids=str)
def test_stop_takes_texts_and_token_ids(server: Server, stub: ProtocolStub, stop: Any) -> None:
    server.default = stub.reply_to

    stub.llm(server, stop=stop).invoke("Hi")
    assert stub.parameters_sent(server)["stop"] == stop
    stub.llm(server).invoke("Hi", stop=stop)
    assert stub.parameters_sent(server)["stop"] == stop


def test_every_row_of_the_catalogue_has_a_date() -> None:
    assert all(profile.as_of for profile in catalogue())


def test_an_unknown_model_has_no_facts_to_date() -> None:
    assert profile_of("galaxy-9").as_of is None
