"""What a call over the Responses API sends, warns of and refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import ChatMessage, HumanMessage
from pydantic import BaseModel, Field

from langchain_qwen_workspace import ChatQwenWorkspace, ConfigurationError, QwenWorkspaceBatch
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import UnsupportedInputError
from tests.support.protocols import RESPONSES
from tests.support.server import Server

SEARCH: Json = {"type": "web_search"}


def get_weather(city: str) -> str:
    """Return the weather."""
    return city


def get_time(city: str) -> str:
    """Return the time."""
    return city


class Answer(BaseModel):
    """An answer."""

    name: str = Field(description="A name")


def body(messages: Any = "Hi", *, call: Json | None = None, tools: Any = None, **fields: Any) -> Json:
    """Return the body that a model sends."""
    llm = RESPONSES.llm("http://127.0.0.1:1", **fields)
    options = {**(call or {}), **({"tools": tools} if tools else {})}
    given = [HumanMessage(messages)] if isinstance(messages, str) else messages
    _, request = llm._prepare(given, None, options, stream=False)
    return request.body


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"max_tokens": 100}, {"max_output_tokens": 100}),
        ({"model_kwargs": {"max_completion_tokens": 100}}, {"max_output_tokens": 100}),
        ({"model_kwargs": {"max_output_tokens": 100}}, {"max_output_tokens": 100}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"thinking_display": "summarized"}, {"reasoning": {"summary": "auto"}}),
        (
            {"reasoning_effort": "low", "model_kwargs": {"reasoning": {"summary": "auto"}}},
            {"reasoning": {"summary": "auto", "effort": "low"}},
        ),
        ({"enable_thinking": False}, {"enable_thinking": False}),
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"model_kwargs": {"instructions": "Be brief."}}, {"instructions": "Be brief."}),
        ({"store": False}, {"store": False}),
        ({"conversation": "conv_1"}, {"conversation": "conv_1"}),
        ({"previous_response_id": "r1"}, {"previous_response_id": "r1"}),
    ],
    ids=str,
)
def test_a_parameter_has_the_name_of_this_protocol(fields: Json, sent: Json) -> None:
    sent = {"model": "qwen3.7-plus", "input": [{"role": "user", "content": "Hi"}], **sent}
    assert body(**fields) == sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop", ["."]),
        ("n", 2),
        ("logprobs", True),
        ("response_format", {"type": "json_object"}),
        ("enable_search", True),
        ("audio", {"voice": "Cherry"}),
    ],
)
def test_a_parameter_without_which_the_answer_is_another_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedInputError, match=f"`{name}` exists only on"):
        body(call={name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 1), ("top_k", 5), ("thinking_budget", 100), ("parallel_tool_calls", True), ("presence_penalty", 1.0)],
)
def test_a_parameter_that_the_service_ignores_is_warned_of_by_name_and_sent(name: str, value: Any) -> None:
    with pytest.warns(UserWarning, match=f"`{name}` exists only on .* ignores it without a sign"):
        assert body(call={name: value})[name] == value


@pytest.mark.parametrize("name", ["include", "truncation", "metadata", "text"])
def test_a_field_that_the_reference_does_not_list_is_warned_of_by_name_even_in_extra_body(name: str) -> None:
    with pytest.warns(UserWarning, match=f"does not have `{name}` of the call, and"):
        assert body(call={"extra_body": {name: ["x"]}})[name] == ["x"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"model_kwargs": {"reasoning": {"effort": "low", "depth": 2}}}, "`reasoning.depth` of the call"),
        ({"tools": [{**SEARCH, "search_context_size": "low"}]}, "`search_context_size` of the tool `web_search`"),
        ({"tools": [{"type": "computer"}]}, "`computer` of the tools"),
    ],
    ids=["reasoning", "a tool's field", "a tool"],
)
def test_an_unlisted_field_within_a_field_is_warned_of_by_name(given: Json, named: str) -> None:
    with pytest.warns(UserWarning, match=f"does not have {named}, and"):
        body(**given)


@pytest.mark.parametrize(
    ("block", "named"),
    [
        (
            {"type": "image", "url": "https://a.example/1.png", "extras": {"min_pixels": 9}},
            "`min_pixels` of the content",
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/1.png", "detail": "low"}},
            "`detail` of the content `input_image`",
        ),
    ],
    ids=["pixels", "detail"],
)
def test_an_unlisted_field_of_a_content_is_warned_of_by_name(block: Json, named: str) -> None:
    with pytest.warns(UserWarning, match=named):
        body([HumanMessage([block])])


def test_the_name_of_a_message_is_sent() -> None:
    sent = body([HumanMessage("Hi", name="Ann")])
    assert sent["input"] == [{"role": "user", "content": "Hi", "name": "Ann"}]


BAD: dict[str, tuple[Callable[..., Json], str]] = {
    "max_output_tokens below 16": (lambda **fields: body(max_tokens=15, **fields), "`max_tokens` is 15.* at least 16"),
    "required with several tools": (
        lambda **fields: body(
            model="unknown-model", tools=[get_weather, get_time], call={"tool_choice": "required"}, **fields
        ),
        "only with one tool, but 2 are given",
    ),
    "a tool without its field": (
        lambda **fields: body(tools=[{"type": "file_search"}], **fields),
        "`file_search` needs `vector_store_ids`",
    ),
    "two knowledge bases": (
        lambda **fields: body(tools=[{"type": "file_search", "vector_store_ids": ["a", "b"]}], **fields),
        "has 2 `vector_store_ids`",
    ),
    "a tool without the one that it needs": (
        lambda **fields: body(tools=[{"type": "web_extractor"}], **fields),
        "`web_extractor` works only with the tool `web_search`",
    ),
    "a built-in tool for a model that has only basic compatibility": (
        lambda **fields: body(model="qwen-plus", tools=[SEARCH], **fields),
        "does not document the built-in tool `web_search` for 'qwen-plus'",
    ),
    "a model that the reference does not list": (
        lambda **fields: body(model="qwen3-vl-plus", **fields),
        "does not document 'qwen3-vl-plus'",
    ),
    "a prefix to continue": (
        lambda **fields: body(
            [HumanMessage("Hi"), ChatMessage(content="Wel", role="assistant", additional_kwargs={"partial": True})],
            **fields,
        ),
        "does not continue a prefix",
    ),
    "stop": (lambda **fields: body(stop=["."], **fields), "`stop` exists only"),
    "a model that is served over dashscope only": (
        lambda **fields: body(model="qwen-deep-research", **fields),
        "is served only over",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=list(BAD))
def test_what_the_reference_rules_out_is_refused(make: Callable[..., Json], message: str) -> None:
    with pytest.raises(UnsupportedInputError, match=message) as caught:
        make()
    assert "pass `check_capabilities=False`" in str(caught.value)


@pytest.mark.parametrize("make", [make for make, _ in BAD.values()], ids=list(BAD))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_the_reference_rules_out_is_sent_without_check_capabilities(make: Callable[..., Json]) -> None:
    assert make(check_capabilities=False)["input"]


def test_an_id_of_a_response_and_one_of_a_conversation_are_refused_together() -> None:
    for fields in ({"previous_response_id": "r1"}, {"use_previous_response_id": True}):
        with pytest.raises(UnsupportedInputError, match="and `conversation` are both given"):
            body(conversation="conv_1", **fields)


@pytest.mark.parametrize(
    "given",
    [
        {"max_tokens": 100, "model_kwargs": {"max_output_tokens": 200}},
        {"reasoning_effort": "low", "model_kwargs": {"reasoning": {"effort": "high"}}},
    ],
    ids=["limit", "effort"],
)
def test_two_names_of_one_parameter_are_refused(given: Json) -> None:
    with pytest.raises(UnsupportedInputError, match="one parameter"):
        body(**given)


def test_a_model_with_basic_compatibility_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="documents only basic compatibility for 'qwen-plus'"):
        assert body(model="qwen-plus")["model"] == "qwen-plus"


@pytest.mark.parametrize(
    "parameter",
    [{"previous_response_id": "r1"}, {"use_previous_response_id": True}, {"conversation": "c"}],
    ids=str,
)
def test_a_parameter_of_this_protocol_is_refused_by_name_on_the_others(parameter: Json) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-test", **parameter)
    [name] = parameter
    with pytest.raises(UnsupportedInputError, match=f'`{name}` exists only on `protocol="responses"`'):
        llm.invoke("Hi")


@pytest.mark.parametrize(("given", "sent"), [(True, "enable"), (False, "disable")])
def test_the_session_cache_is_a_header(given: bool, sent: str, server: Server) -> None:
    server.default = RESPONSES.reply_to
    RESPONSES.llm(server, session_cache=given).invoke("Hi")
    assert server.requests[-1].headers["x-dashscope-session-cache"] == sent
    assert "session_cache" not in server.bodies[-1]


# ------------------------------------------------------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("tools", "choice", "sent"),
    [
        ([get_weather], "get_weather", "required"),
        (
            [get_weather, get_time],
            "get_time",
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]},
        ),
        (
            [get_weather, SEARCH],
            "any",
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_weather"}]},
        ),
        ([SEARCH], "required", "required"),
        ([get_weather, SEARCH], "none", "none"),
        (
            [get_weather, SEARCH],
            {"type": "allowed_tools", "mode": "auto", "tools": [SEARCH]},
            {"type": "allowed_tools", "mode": "auto", "tools": [SEARCH]},
        ),
    ],
    ids=["the only one", "one of two", "beside a search", "a search", "none", "allowed tools"],
)
def test_a_choice_has_the_form_of_this_protocol(tools: list[Any], choice: Any, sent: Any) -> None:
    bound: Any = RESPONSES.llm("http://127.0.0.1:1", enable_thinking=False).bind_tools(tools, tool_choice=choice)
    _, request = bound.bound._prepare([HumanMessage("Hi")], None, bound.kwargs, stream=False)
    assert request.body["tool_choice"] == sent


def test_the_fields_of_a_function_are_beside_its_type() -> None:
    [tool] = body(tools=[get_weather])["tools"]
    assert (tool["type"], tool["name"], set(tool)) == ("function", "get_weather", {*tool})
    assert "function" not in tool


def test_a_tool_with_a_reserved_name_is_sent_under_another_and_answered_under_its_own(server: Server) -> None:
    call = {"id": "call_1", "function": {"name": "my_tool", "arguments": "{}"}}
    server.script(RESPONSES.answer_with({"tool_calls": [call]}, "tool_calls"))
    tool = {"type": "function", "function": {"name": "my tool", "description": "x", "parameters": {}}}
    answer = RESPONSES.llm(server).invoke("Hi", tools=[tool])
    assert server.bodies[-1]["tools"][0]["name"] == "my_tool"
    assert answer.tool_calls[0]["name"] == "my tool"


# ------------------------------------------------------------------------------------------------- structured output


def test_a_schema_is_asked_for_by_a_call_of_a_function(server: Server) -> None:
    call = {"id": "call_1", "function": {"name": "Answer", "arguments": '{"name": "Ann"}'}}
    server.script(RESPONSES.answer_with({"tool_calls": [call]}, "tool_calls"))
    llm = RESPONSES.llm(server, enable_thinking=False)
    assert llm.with_structured_output(Answer).invoke("Hi") == Answer(name="Ann")
    assert server.bodies[-1]["tool_choice"] == "required"


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_a_method_that_this_protocol_lacks_is_refused_by_name(method: Any) -> None:
    llm = RESPONSES.llm("http://127.0.0.1:1").with_structured_output(Answer, method=method)
    with pytest.raises(UnsupportedInputError, match="`response_format` exists only on"):
        llm.invoke("Hi")


def test_the_profile_tells_agents_that_there_is_no_structured_output() -> None:
    profile = RESPONSES.llm("http://127.0.0.1:1").profile
    assert profile is not None
    assert profile["structured_output"] is False


def test_the_batch_api_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match='`protocol="responses"` has no Batch API'):
        QwenWorkspaceBatch(RESPONSES.llm("http://127.0.0.1:1"))


def test_a_developer_message_is_sent() -> None:
    assert (
        body([ChatMessage(content="Be brief.", role="developer"), HumanMessage("Hi")])["input"][0]["role"]
        == "developer"
    )
