"""What is sent to vLLM, SGLang, Ollama, llama.cpp and LM Studio, and what their answers become."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._fields.client import profile_at
from langchain_qwen_workspace._seam import ChatCall, Destination, Request
from langchain_qwen_workspace._wire import openai_chat
from langchain_qwen_workspace.data._servers import SERVERS
from tests.support.ways import sum_chunks

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def request_to(name: str, messages: Sequence[BaseMessage] = (), *, enforced: bool = True, **parameters: Any) -> Request:
    server = SERVERS[name]
    call = ChatCall(
        model="Qwen/Qwen3-8B",
        messages=messages or [HumanMessage("Hi")],
        parameters=parameters,
        stream=bool(parameters.pop("stream", False)),
        profile=profile_at(server, "Qwen/Qwen3-8B", None, enforced=enforced),
        destination=Destination("openai", None, None, name),
        reserves_tool_names=False,
        server=server,
    )
    return openai_chat.encode(call)


def body_to(name: str, **parameters: Any) -> dict[str, Any]:
    body = request_to(name, **parameters).body
    return {key: value for key, value in body.items() if key not in {"model", "messages"}}


# ------------------------------------------------------------------------------------------------ parameters


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("name", ["vllm", "sglang", "llama_cpp", "lm_studio", "openai"])
def test_the_thinking_switch_is_a_parameter_of_the_chat_template(name: str, value: bool) -> None:
    assert body_to(name, enable_thinking=value) == {"chat_template_kwargs": {"enable_thinking": value}}


@pytest.mark.parametrize(("value", "sent"), [(False, {"reasoning_effort": "none"}), (True, {})])
def test_the_thinking_switch_of_ollama_is_the_reasoning_effort(value: bool, sent: dict[str, Any]) -> None:
    assert body_to("ollama", enable_thinking=value) == sent


def test_the_thinking_switch_is_added_to_what_is_given_for_the_chat_template() -> None:
    sent = body_to("vllm", chat_template_kwargs={"lang": "en"}, enable_thinking=False, preserve_thinking=True)
    assert sent == {"chat_template_kwargs": {"lang": "en", "enable_thinking": False, "preserve_thinking": True}}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vllm", {"enable_thinking": False, "chat_template_kwargs": {"enable_thinking": True}}),
        ("ollama", {"reasoning_effort": "high", "enable_thinking": False}),
        ("vllm", {"thinking_budget": 5, "thinking_token_budget": 6}),
        ("vllm", {"chat_template_kwargs": "none", "enable_thinking": False}),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedInputError, match="Pass one of them"):
        body_to(name, **parameters)


@pytest.mark.parametrize(
    ("name", "sent"), [("vllm", "thinking_token_budget"), ("llama_cpp", "reasoning_budget_tokens")]
)
def test_the_thinking_budget_has_the_servers_name(name: str, sent: str) -> None:
    assert body_to(name, thinking_budget=64) == {sent: 64}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *((name, {"enable_search": True}) for name in SERVERS),
        *((name, {"thinking_budget": 5}) for name in ("sglang", "ollama", "lm_studio", "openai")),
        ("ollama", {"chat_template_kwargs": {"enable_thinking": False}}),
    ],
)
def test_a_parameter_that_the_server_does_not_read_is_refused(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedInputError, match=f"server='{name}'.*since 2026-11-29, pass `check_capabilities"):
        body_to(name, **parameters)


def test_without_capability_checks_an_unread_parameter_is_sent_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="does not read it here"):
        assert body_to("sglang", enforced=False, thinking_budget=5) == {"thinking_budget": 5}


@pytest.mark.filterwarnings("error")
def test_ranges_of_model_studio_do_not_apply() -> None:
    parameters = {"temperature": 2.5, "n": 8, "top_logprobs": 20, "reasoning_effort": "ultra", "min_p": 0.1}
    assert body_to("vllm", **parameters) == parameters


def test_the_shape_of_a_parameter_is_checked() -> None:
    with pytest.raises(UnsupportedInputError, match="`temperature` is 'hot'"):
        body_to("vllm", temperature="hot")


def test_a_json_object_needs_no_word_in_the_messages() -> None:
    assert body_to("vllm", response_format={"type": "json_object"}) == {"response_format": {"type": "json_object"}}


def test_several_answers_with_tools_are_sent() -> None:
    assert body_to("vllm", n=2, tools=[TOOL])["n"] == 2


def test_a_stream_asks_for_its_usage() -> None:
    assert body_to("sglang", stream=True)["stream_options"] == {"include_usage": True}


# --------------------------------------------------------------------------------------------------- answers


def message_of(name: str, message: Mapping[str, Any], **body: Any) -> AIMessage:
    response = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE, **body}
    answer = openai_chat.decode(response, request_to(name)).generations[0].message
    assert isinstance(answer, AIMessage)
    return answer


def streamed(name: str, *deltas: Mapping[str, Any]) -> AIMessageChunk:
    decoder = openai_chat.decoder(request_to(name, stream=True))
    events: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": USAGE}]
    chunks = [chunk for event in events for chunk in decoder.feed(event)]
    messages = [chunk.message for chunk in (*chunks, *decoder.finish())]
    assert all(isinstance(message, AIMessageChunk) for message in messages)
    return sum_chunks(messages)  # type: ignore[arg-type]  # the line above


# The message as each server sends it, the deltas of its streams, and the name of its reasoning.
ANSWERS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]], str]] = {
    "vLLM with a reasoning parser": (
        "vllm",
        {"role": "assistant", "content": "Hello", "reasoning": "One two", "tool_calls": [], "refusal": None},
        [{"role": "assistant", "content": ""}, {"reasoning": "One "}, {"reasoning": "two"}, {"content": "Hello"}],
        "reasoning",
    ),
    "vLLM before the field was renamed": (
        "vllm",
        {"role": "assistant", "content": "Hello", "reasoning_content": "One two"},
        [{"reasoning_content": "One "}, {"reasoning_content": "two"}, {"content": "Hello"}],
        "reasoning_content",
    ),
    "both names at once": (
        "vllm",
        {"role": "assistant", "content": "Hello", "reasoning_content": "One two", "reasoning": "One two"},
        [{"reasoning_content": "One two", "reasoning": "One two"}, {"content": "Hello"}],
        "reasoning_content",
    ),
    "SGLang": (
        "sglang",
        {"role": "assistant", "content": "Hello", "reasoning_content": "One two", "tool_calls": None},
        [
            {"role": "assistant", "content": "", "reasoning_content": None},
            {"content": None, "reasoning_content": "One "},
            {"content": None, "reasoning_content": "two"},
            {"content": "Hello", "reasoning_content": None},
        ],
        "reasoning_content",
    ),
    "Ollama": (
        "ollama",
        {"role": "assistant", "content": "Hello", "reasoning": "One two"},
        [
            {"role": "assistant", "content": "", "reasoning": "One "},
            {"role": "assistant", "content": "", "reasoning": "two"},
            {"role": "assistant", "content": "Hello"},
        ],
        "reasoning",
    ),
    "llama.cpp": (
        "llama_cpp",
        {"role": "assistant", "reasoning_content": "One two", "content": "Hello"},
        [{"role": "assistant", "content": None}, {"reasoning_content": "One two"}, {"content": "Hello"}],
        "reasoning_content",
    ),
    "llama.cpp with --reasoning-format none": (
        "llama_cpp",
        {"role": "assistant", "content": "<think>\nOne two\n</think>\n\nHello"},
        [{"content": "<th"}, {"content": "ink>\nOne "}, {"content": "two\n</thi"}, {"content": "nk>\n\nHello"}],
        "content",
    ),
    "llama.cpp with --reasoning-format deepseek-legacy": (
        "llama_cpp",
        {"role": "assistant", "reasoning_content": "One two", "content": "<think>One two</think>Hello"},
        [
            {"reasoning_content": "One two", "content": "<think>One "},
            {"content": "two</think>"},
            {"content": "Hello"},
        ],
        "reasoning_content",
    ),
    "LM Studio": (
        "lm_studio",
        {"role": "assistant", "content": "Hello", "reasoning_content": "One two", "tool_calls": []},
        [{"role": "assistant", "reasoning_content": "One two"}, {"content": "Hello"}],
        "reasoning_content",
    ),
    "LM Studio by another setting": (
        "lm_studio",
        {"role": "assistant", "content": "Hello", "reasoning": "One two"},
        [{"role": "assistant", "reasoning": "One two"}, {"content": "Hello"}],
        "reasoning",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_reasoning_is_read_whatever_its_name(case: str, is_streamed: bool) -> None:
    name, message, deltas, reasoning_name = ANSWERS[case]
    answer = streamed(name, *deltas) if is_streamed else message_of(name, message)
    assert (answer.content, answer.additional_kwargs) == ("Hello", {"reasoning_content": "One two"})
    metadata = answer.response_metadata
    assert (metadata["server"], metadata["reasoning_name"], metadata["region"]) == (name, reasoning_name, None)


@pytest.mark.parametrize("case", ANSWERS)
def test_reasoning_goes_back_as_it_came(case: str) -> None:
    name, message, _, reasoning_name = ANSWERS[case]
    sent = request_to(name, [HumanMessage("Hi"), message_of(name, message), HumanMessage("On")]).body["messages"][1]
    assert "<think>" in sent["content"] if reasoning_name == "content" else sent[reasoning_name] == "One two"


@pytest.mark.parametrize("name", SERVERS)
def test_reasoning_of_another_server_goes_back_under_this_servers_name(name: str) -> None:
    answer = AIMessage("Hello", additional_kwargs={"reasoning_content": "One"})
    sent = request_to(name, [HumanMessage("Hi"), answer, HumanMessage("On")]).body["messages"][1]
    expected = "reasoning" if name in {"vllm", "ollama"} else "reasoning_content"
    assert {key: sent[key] for key in sent if "reasoning" in key} == {expected: "One"}


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        ("", "<think>\nOne\n</think>\n\n"),
        (
            [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}],
            [
                {"type": "text", "text": "<think>\nOne\n</think>\n\n"},
                {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}},
            ],
        ),
    ],
)
def test_tags_go_back_before_content_of_any_kind(content: Any, sent: Any) -> None:
    answer = AIMessage(
        content,
        additional_kwargs={"reasoning_content": "One"},
        response_metadata={"server": "vllm", "reasoning_name": "content"},
    )
    assert request_to("vllm", [HumanMessage("Hi"), answer, HumanMessage("On")]).body["messages"][1]["content"] == sent


def test_reasoning_is_not_sent_if_it_is_not_to_be_preserved() -> None:
    answer = AIMessage("Hello", additional_kwargs={"reasoning_content": "One"})
    sent = request_to("vllm", [HumanMessage("Hi"), answer], preserve_thinking=False).body["messages"][1]
    assert "reasoning" not in sent


def test_a_reasoning_that_is_no_text_is_kept_as_it_is() -> None:
    answer = message_of("lm_studio", {"content": "Hello", "reasoning": {"tokens": 3}})
    assert answer.additional_kwargs == {"reasoning": {"tokens": 3}}


def test_unknown_fields_are_kept() -> None:
    assert message_of("vllm", {"content": "Hello", "some_new_field": 1}).additional_kwargs == {"some_new_field": 1}


def test_each_of_several_answers_is_read_alone() -> None:
    choices = [{"message": {"content": f"<think>{n}</think>Hello {n}"}, "finish_reason": "stop"} for n in (1, 2)]
    result = openai_chat.decode({"choices": choices}, request_to("openai"))
    assert [each.message.additional_kwargs["reasoning_content"] for each in result.generations] == ["1", "2"]


def test_the_usage_is_that_of_the_server() -> None:
    assert message_of("ollama", {"content": "Hello"}).usage_metadata == {
        "input_tokens": 9,
        "output_tokens": 4,
        "total_tokens": 13,
    }


def test_thoughts_that_use_up_the_tokens_leave_no_text() -> None:
    body = {"choices": [{"message": {"content": "<think>\nOne"}, "finish_reason": "length"}]}
    answer = openai_chat.decode(body, request_to("llama_cpp")).generations[0].message
    assert (answer.content, answer.additional_kwargs) == ("", {"reasoning_content": "One"})


# ----------------------------------------------------------------------------------------------------- tools

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bonn"}'}}
PARSED = [{"name": "weather", "args": {"city": "Bonn"}, "id": "call_1", "type": "tool_call"}]


@pytest.mark.parametrize("name", SERVERS)
def test_a_tool_call_after_thinking_is_read(name: str) -> None:
    answer = message_of(name, {"content": "<think>\nOne\n</think>\n\n", "tool_calls": [CALL]})
    assert (answer.tool_calls, answer.content) == (PARSED, "")


def test_a_whole_tool_call_in_one_delta_is_read() -> None:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "reasoning": "One"},
        {"tool_calls": [{"index": 0, **CALL}]},
    ]
    assert streamed("ollama", *deltas).tool_calls == PARSED


def test_a_tool_round_goes_back_with_its_reasoning() -> None:
    answer = message_of("vllm", {"content": None, "reasoning": "One", "tool_calls": [CALL]})
    history = [HumanMessage("Hi"), answer, ToolMessage("Sun", tool_call_id="call_1")]
    sent = request_to("vllm", history, tools=[TOOL]).body["messages"][1]
    assert (sent["reasoning"], [call["id"] for call in sent["tool_calls"]]) == ("One", ["call_1"])
