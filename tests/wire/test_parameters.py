"""What cannot be sent is refused before a request is sent, in the same way on both protocols."""

import base64
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace.errors import InvalidRequestError, QwenWorkspaceError, UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden import Json
from tests.wire.golden._reading import call_of, wire_of
from tests.wire.golden.plain import PLAIN

HI = HumanMessage("Hi")


def encode(
    protocol: ProtocolName, messages: Sequence[BaseMessage] = (HI,), *, stream: bool = False, **parameters: Any
) -> Request:
    call = replace(call_of(PLAIN, protocol, stream=stream), messages=messages, parameters=parameters)
    return wire_of(protocol).encode(call)


def block(**keys: Any) -> Json:
    return keys


MESSAGES: list[tuple[str, list[BaseMessage], str]] = [
    ("no message", [], "The list of messages is empty"),
    ("a message that removes another", [HI, RemoveMessage(id="1")], "Message 1 is a RemoveMessage"),
    ("a function's result", [HI, HI, FunctionMessage(name="f", content="1")], "Message 2 is a FunctionMessage"),
    (
        "an unknown role",
        [ChatMessage(content="x", role="critic")],
        "Message 0 is a ChatMessage with the role 'critic'",
    ),
    (
        "a developer",
        [HI, ChatMessage(content="x", role="developer")],
        "Message 1 is a ChatMessage with the role 'developer'",
    ),
    (
        "an image for a text model",
        [HI, HumanMessage([block(type="image", url="https://a.example/1.png")])],
        "Message 1",
    ),
    (
        "an image in OpenAI's format",
        [HumanMessage([block(type="image_url", image_url={"url": "https://a.example/1.png"})])],
        "Message 0",
    ),
    ("an unknown block", [SystemMessage([block(type="hologram")])], "content block of type 'hologram'"),
    ("a block without a type", [HumanMessage([block(foo="bar")])], "content block of type None"),
    ("a text that is null", [HumanMessage([block(type="text", text=None)])], "Message 0"),
    ("an unknown key of a text", [HI, HumanMessage([block(type="text", text="x", foo=1)])], r"Message 1 .*\['foo'\]"),
    ("a call in a user's turn", [HumanMessage([block(type="tool_call", id="1", name="x", args={})])], "Message 0"),
    (
        "an image as a tool's result",
        [HI, ToolMessage([block(type="image", base64="eA==")], tool_call_id="1")],
        "Message 1",
    ),
    (
        "a call without an id",
        [HI, AIMessage("", tool_calls=[{"name": "x", "args": {}, "id": None}])],
        "Message 1 has a tool call without `id`",
    ),
    (
        "an invalid call without an id",
        [
            AIMessage(
                "",
                invalid_tool_calls=[
                    {"type": "invalid_tool_call", "name": "x", "args": "{", "id": "", "error": None},
                ],
            )
        ],
        "Message 0 has a tool call without `id`",
    ),
]


@pytest.mark.parametrize(("messages", "problem"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_a_message_that_cannot_be_sent_is_refused_with_its_position(
    protocol: ProtocolName, messages: list[BaseMessage], problem: str
) -> None:
    with pytest.raises(UnsupportedInputError, match=problem) as caught:
        encode(protocol, messages)

    assert isinstance(caught.value, InvalidRequestError)
    assert isinstance(caught.value, ValueError)
    assert caught.value.status_code is None
    assert caught.value.request_id is None


PARAMETERS: list[Json] = [
    {"temperature": 2.0},
    {"temperature": -0.1},
    {"temperature": "hot"},
    {"temperature": True},
    {"temperature": math.nan},
    {"top_p": 0},
    {"top_p": 1.01},
    {"top_k": -1},
    {"top_k": 1.5},
    {"presence_penalty": 2.1},
    {"presence_penalty": -2.1},
    {"repetition_penalty": 0},
    {"max_tokens": 0},
    {"max_tokens": 1.0},
    {"max_completion_tokens": 0},
    {"max_input_tokens": 0},
    {"n": 0},
    {"n": 5},
    {"n": True},
    {"seed": -1},
    {"top_logprobs": 6},
    {"top_logprobs": -1},
    {"thinking_budget": 0},
    {"logprobs": "yes"},
    {"enable_thinking": 1},
    {"enable_search": "on"},
    {"parallel_tool_calls": None},
    {"tool_stream": 1},
    {"preserve_thinking": 1},
    {"clear_thinking": 1},
    {"enable_text_image_mixed": 1},
    {"enable_code_interpreter": 1},
    {"vl_high_resolution_images": 1},
    {"use_multichannel": 1},
]


@pytest.mark.parametrize("given", PARAMETERS, ids=str)
def test_a_parameter_out_of_range_is_refused_with_what_is_expected(protocol: ProtocolName, given: Json) -> None:
    [(name, value)] = given.items()

    for parameters in (given, {"extra_body": given}):
        with pytest.raises(UnsupportedInputError) as caught:
            encode(protocol, **parameters)
        assert f"`{name}` is {value!r}. Expected" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_tokens": 0}, "an integer of at least 1"),
        ({"top_logprobs": 6}, "an integer of at least 0 and at most 5"),
        ({"logprobs": "yes"}, "true or false"),
    ],
    ids=str,
)
def test_the_error_about_a_parameter_describes_its_values(protocol: ProtocolName, given: Json, expected: str) -> None:
    with pytest.raises(UnsupportedInputError, match=rf"Expected {expected}\."):
        encode(protocol, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": 0},
        {"temperature": 1.999},
        {"top_p": 1},
        {"top_k": 0},
        {"top_k": 1000},
        {"presence_penalty": -2},
        {"presence_penalty": 2},
        {"repetition_penalty": 0.01},
        {"n": 4},
        {"seed": 2**63 - 1},
        {"top_logprobs": 5},
        {"stop": [[37763, 367]]},
        {"logit_bias": {"9909": -100}},
        {"frequency_penalty": 0.5},
        {"something_newer": [1]},
    ],
    ids=str,
)
def test_parameters_at_the_edge_of_their_range_or_unknown_are_sent_unchanged(
    protocol: ProtocolName, given: Json
) -> None:
    for parameters in (given, {"extra_body": given}):
        body = encode(protocol, **parameters).body
        sent = body if protocol == "openai" else body["parameters"]
        assert {name: sent[name] for name in given} == given
        assert "extra_body" not in sent


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("stream_options", "dashscope"),
        ("result_format", "openai"),
        ("incremental_output", "openai"),
        ("max_frames", "openai"),
        ("vl_enable_image_hw_output", "openai"),
        ("output_format", "openai"),
    ],
)
def test_a_parameter_of_one_protocol_is_refused_on_the_other(name: str, other: ProtocolName) -> None:
    [own] = {"openai", "dashscope"} - {other}
    with pytest.raises(UnsupportedInputError, match=f'^`{name}` exists only on `protocol="{own}"`'):
        encode(other, extra_body={name: {}})


def test_a_parameter_given_twice_is_refused(protocol: ProtocolName) -> None:
    with pytest.raises(UnsupportedInputError, match=r"Given both as parameters and in `extra_body`: `seed`, `top_k`\."):
        encode(protocol, seed=1, top_k=2, temperature=0.5, extra_body={"top_k": 2, "seed": 3, "top_p": 0.5})


def test_several_answers_are_refused_only_in_a_stream(protocol: ProtocolName) -> None:
    encode(protocol, n=2)
    encode(protocol, n=1, stream=True)
    for parameters in ({"n": 2}, {"extra_body": {"n": 2}}):
        with pytest.raises(UnsupportedInputError, match="`n` is 2, but a stream has one answer"):
            encode(protocol, stream=True, **parameters)


@pytest.mark.parametrize("name", ["model", "messages", "stream"])
def test_keys_that_the_wire_sets_cannot_be_overwritten(name: str) -> None:
    # Otherwise the answer's metadata names the wrong model, or a stream is read as a plain answer.
    with pytest.raises(UnsupportedInputError, match=name):
        encode("openai", extra_body={name: {"model": "qwen-max", "messages": [], "stream": True}[name]})


def test_arguments_that_are_not_json_are_refused_with_the_messages_position(protocol: ProtocolName) -> None:
    call = {"name": "book", "args": {"day": dt.date(2026, 11, 5)}, "id": "call_1"}

    with pytest.raises(UnsupportedInputError, match="Message 1"):
        encode(protocol, [HI, AIMessage("", tool_calls=[call])])


def test_a_tool_result_without_a_call_id_is_refused_with_the_messages_position(protocol: ProtocolName) -> None:
    with pytest.raises(UnsupportedInputError, match="Message 1"):
        encode(protocol, [HI, HumanMessage([block(type="tool_result", content="21")])])


def test_a_text_document_that_is_not_utf_8_is_refused_with_the_messages_position(protocol: ProtocolName) -> None:
    data = base64.b64encode(b"\xff\xfe").decode()

    with pytest.raises(UnsupportedInputError, match="Message 0"):
        encode(protocol, [HumanMessage([block(type="text-plain", base64=data, mime_type="text/plain")])])


def test_a_lone_surrogate_raises_only_this_packages_errors(protocol: ProtocolName) -> None:
    # A model may write `\ud83d` alone into a call's arguments, and the call is sent back with the next request.
    llm = ChatQwenWorkspace(
        model="qwen-turbo", protocol=protocol, api_key="sk-test", base_url="http://127.0.0.1:9", max_retries=0
    )

    with pytest.raises(QwenWorkspaceError):
        llm.invoke("\ud83d")


def test_a_tool_call_in_a_content_block_is_not_lost(protocol: ProtocolName) -> None:
    call = block(type="tool_use", id="toolu_1", name="get_time", input={})
    history = [HI, AIMessage([call]), ToolMessage("12:00", tool_call_id="toolu_1")]

    try:
        body = encode(protocol, history).body
    except UnsupportedInputError:
        return
    messages = body["messages"] if protocol == "openai" else body["input"]["messages"]
    assert [sent["id"] for sent in messages[1]["tool_calls"]] == ["toolu_1"]


def test_cache_control_in_the_extras_of_a_text_is_sent(protocol: ProtocolName) -> None:
    marked = block(type="text", text="long", extras={"cache_control": {"type": "ephemeral"}})

    for message in (HumanMessage([marked]), AIMessage([marked])):
        body = encode(protocol, [message]).body
        [sent] = body["messages"] if protocol == "openai" else body["input"]["messages"]
        assert sent["content"] == [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}]


@pytest.mark.parametrize(
    "kind", ["web_search_call", "code_interpreter_call", "mcp_call", "code_execution_tool_result", "mcp_tool_use"]
)
def test_records_of_other_providers_server_tools_are_omitted(protocol: ProtocolName, kind: str) -> None:
    # OpenAI's Responses API and Anthropic's server tools write such blocks beside the text.
    history = [HI, AIMessage([block(type=kind, id="x"), block(type="text", text="Done.")])]

    body = encode(protocol, history).body

    messages = body["messages"] if protocol == "openai" else body["input"]["messages"]
    assert messages[1] == {"role": "assistant", "content": "Done."}


def test_thinking_in_extra_body_is_switched_off_for_a_forced_tool(protocol: ProtocolName) -> None:
    # The service answers 400 to a forced tool while the model thinks; the field alone leads to a warning.
    tool = {"type": "function", "function": {"name": "get_time", "description": "", "parameters": {}}}
    for fields in ({"enable_thinking": True}, {"extra_body": {"enable_thinking": True}}):
        llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, api_key="sk-test", **fields)
        bound: Any = llm.bind_tools([tool], tool_choice="get_time")

        with pytest.warns(UserWarning, match="while it thinks"):
            _, request = llm._prepare([HI], None, bound.kwargs, stream=False)

        sent = request.body if protocol == "openai" else request.body["parameters"]
        assert sent["enable_thinking"] is False


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "audio", "url": "http://[abc"},
        {"type": "image", "base64": "http://[x", "mime_type": "image/png"},
    ],
    ids=["audio", "base64"],
)
def test_an_invalid_url_is_refused_with_the_messages_position(protocol: ProtocolName, broken: Json) -> None:
    call = replace(call_of(PLAIN, protocol), model="qwen3-omni-flash", profile=profile_of("qwen3-omni-flash"))

    with pytest.raises(UnsupportedInputError, match="Message 1"):
        wire_of(protocol).encode(replace(call, messages=[HI, HumanMessage([broken])]))


def test_a_response_format_that_is_not_an_object_is_refused(protocol: ProtocolName) -> None:
    with pytest.raises(UnsupportedInputError, match="`response_format` is 'json_object'"):
        encode(protocol, response_format="json_object")


def test_partial_is_sent_for_a_chat_message_with_the_assistant_role(protocol: ProtocolName) -> None:
    begun = ChatMessage(content="春天", role="assistant", additional_kwargs={"partial": True})

    body = encode(protocol, [HI, begun]).body

    messages = body["messages"] if protocol == "openai" else body["input"]["messages"]
    assert messages[1] == {"role": "assistant", "content": "春天", "partial": True}


@pytest.mark.parametrize("number", [math.nan, math.inf], ids=str)
def test_a_number_that_json_cannot_represent_is_refused_with_the_messages_position(
    protocol: ProtocolName, number: float
) -> None:
    # Python reads `{"x": NaN}` from a model; the service answers 500 to arguments that are not valid JSON.
    call = {"name": "plot", "args": {"x": number}, "id": "call_1"}

    with pytest.raises(UnsupportedInputError, match="Message 1"):
        encode(protocol, [HI, AIMessage("", tool_calls=[call])])


@pytest.mark.parametrize("form", ["json_schema", "json_object"])
@pytest.mark.parametrize("output", ["none", "object", "object_non_thinking", "schema", "unknown"])
def test_a_response_format_that_the_model_does_not_support_is_refused(
    protocol: ProtocolName, form: str, output: Any
) -> None:
    call = replace(
        call_of(PLAIN, protocol),
        messages=[HumanMessage("Answer as JSON.")],
        parameters={"response_format": {"type": form}},
        profile=replace(profile_of("qwen-plus"), json_output=output),
    )
    refused = {"json_schema": {"none", "object", "object_non_thinking"}, "json_object": {"none"}}

    if output in refused[form]:
        with pytest.raises(UnsupportedInputError, match="`response_format` is a JSON"):
            wire_of(protocol).encode(call)
    else:
        wire_of(protocol).encode(call)


def test_options_of_speech_recognition_exist_on_every_protocol(protocol: ProtocolName) -> None:
    # Model Studio docs, Qwen-ASR API, a public copy of 2026-08-20.
    body = encode(protocol, asr_options={"language": "zh"}).body

    assert "asr_options" in body.get("parameters", body)
