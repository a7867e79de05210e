"""The exact texts of refused inputs: what was given, what is expected, and what to do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, FunctionMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._reading import call_of, wire_of
from tests.wire.golden.plain import PLAIN

URL = "https://a.example/1.png"
HI = HumanMessage("Hi")


def changed(since: str) -> str:
    """Return the end of a refusal that rests on a fact of the catalogue."""
    return f" If the service has changed{since}, pass `check_capabilities=False`."


AS_OF, PARAMETERS_AS_OF = " since 2026-11-23", " since 2026-08-18"


def refusal(
    protocol: ProtocolName, model: str, messages: Sequence[BaseMessage], *, stream: bool = False, **parameters: Any
) -> UnsupportedInputError:
    call = replace(
        call_of(PLAIN, protocol, stream=stream),
        model=model,
        profile=profile_of(model),
        messages=messages,
        parameters=parameters,
    )
    with pytest.raises(UnsupportedInputError) as caught:
        wire_of(protocol).encode(call)
    return caught.value


def image_message(**keys: Any) -> list[BaseMessage]:
    return [HumanMessage([{"type": "image", "url": URL, **keys}])]


_EXAMPLES = "such as 'qwen3.7-plus' for images and videos or 'qwen3.5-omni-plus' for audio."
MESSAGES: list[tuple[ProtocolName, str, list[BaseMessage], str]] = [
    ("openai", "qwen-plus", [], "The list of messages is empty. Expected at least one message."),
    (
        "openai",
        "qwen-plus",
        [HI.model_copy(update={"content": ["a", 5]})],
        (
            "Message 0 (HumanMessage) is malformed: "
            "AttributeError(\"'int' object has no attribute 'get'\"). Expected texts and content blocks of LangChain's "
            "types."
        ),
    ),
    (
        "openai",
        "qwen-plus",
        [HI, ToolMessage("1", tool_call_id="")],
        ("Message 1 is a ToolMessage without `tool_call_id`. Expected the `id` of the tool call that it answers."),
    ),
    (
        "openai",
        "qwen-plus",
        [ChatMessage(content="x", role="critic")],
        (
            "Message 0 is a ChatMessage with the role 'critic', which Model Studio does not have. Expected one of "
            "'system', 'user', 'assistant'."
        ),
    ),
    (
        "openai",
        "qwen-plus",
        [FunctionMessage(name="f", content="1")],
        (
            "Message 0 is a FunctionMessage, for which Model Studio has no role. Expected SystemMessage, HumanMessage, "
            "AIMessage, ToolMessage or ChatMessage."
        ),
    ),
    (
        "openai",
        "qwen-plus",
        [AIMessage("", tool_calls=[{"name": "x", "args": {"a": {1}}, "id": "1"}])],
        (
            "Message 0 has a tool call whose arguments cannot be written as JSON: Object of type set is not JSON "
            "serializable."
        ),
    ),
    (
        "openai",
        "qwen-plus",
        [AIMessage("", tool_calls=[{"name": "x", "args": {}, "id": None}])],
        "Message 0 has a tool call without `id`. Expected an id, by which a ToolMessage can answer it.",
    ),
    (
        "openai",
        "qwen-long",
        [HumanMessage([{"type": "file", "file_id": "file-1"}])],
        (
            "Message 0 (HumanMessage) has the uploaded file 'file-1'. qwen-long and qwen-doc-turbo read files "
            "only from system messages: move the block into a SystemMessage."
        ),
    ),
    (
        "openai",
        "qwen-plus",
        [AIMessage([{"type": "text", "text": 5}])],
        "Message 0 (AIMessage) has a text block whose text is 5. Expected a string.",
    ),
    (
        "openai",
        "qwen3.7-plus",
        image_message(url="oss://a/1.png"),
        (
            'An `oss://` URL works only over `protocol="dashscope"` (Model Studio docs, temporary files, 2026-07-07). '
            "Use that protocol, or a URL that the service can fetch."
        ),
    ),
    (
        "openai",
        "qwen3.7-plus",
        image_message(type="video", max_frames=3),
        '`max_frames` of a video exists only on `protocol="dashscope"`. Use that protocol, or `fps`.',
    ),
    (
        "dashscope",
        "my-own",
        image_message(),
        (
            'The text endpoint of `protocol="dashscope"` accepts no image. If the model does, name in `base_model` the '
            'model that it was made from, or use `protocol="openai"`.'
        ),
    ),
    (
        "dashscope",
        "qwen3.7-plus",
        image_message(detail="high"),
        (
            "`detail` of an image is 'high', which exists only on `protocol=\"openai\"`. Use that protocol, or "
            "`max_pixels` on the image, or `vl_high_resolution_images`."
        ),
    ),
]


@pytest.mark.parametrize(("protocol", "model", "messages", "text"), MESSAGES, ids=[text[:50] for *_, text in MESSAGES])
def test_a_conversation_that_cannot_be_sent_is_refused(
    protocol: ProtocolName, model: str, messages: list[BaseMessage], text: str
) -> None:
    assert str(refusal(protocol, model, messages)) == text


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_media_that_the_model_does_not_accept_are_refused(kind: str) -> None:
    error = refusal("openai", "qwen-plus", image_message(type=kind))

    assert error.message == (
        f"Message 0 (HumanMessage) has {kind} input, but 'qwen-plus' accepts only text. Use a model with {kind} input, "
        f"{_EXAMPLES}{changed(AS_OF)}"
    )
    assert error.model == "qwen-plus"


MODEL_LIMITS: list[tuple[ProtocolName, str, Json, str]] = [
    (
        "openai",
        "qwen-deep-research",
        {},
        "'qwen-deep-research' is served only over `protocol=\"dashscope\"`. Use that protocol." + changed(AS_OF),
    ),
    (
        "openai",
        "qwen-max",
        {"enable_thinking": True},
        (
            "`enable_thinking` is True, but 'qwen-max' does not think and refuses the parameter. Remove it, or use "
            "a model that thinks." + changed(AS_OF)
        ),
    ),
    (
        "openai",
        "qwen-max",
        {"thinking_budget": 5, "reasoning_effort": "low"},
        (
            "`thinking_budget` is 5, but 'qwen-max' does not think and refuses the parameter. Remove it, or use a "
            "model that thinks." + changed(AS_OF)
        ),
    ),
    (
        "openai",
        "qwen3.8-2.4t-a95b",
        {"enable_thinking": False},
        (
            "`enable_thinking` is False, but 'qwen3.8-2.4t-a95b' always thinks. Remove it, or use a model whose "
            "thinking can be switched off." + changed(AS_OF)
        ),
    ),
    (
        "openai",
        "qwen3.8-2.4t-a95b",
        {"thinking_budget": 5, "reasoning_effort": "low"},
        "'qwen3.8-2.4t-a95b' accepts `thinking_budget` or `reasoning_effort`, but not both. Remove one."
        + changed(AS_OF),
    ),
    (
        "openai",
        "qwen-max",
        {"response_format": {"type": "json_schema"}},
        (
            "`response_format` is a JSON schema, which 'qwen-max' does not support. Use `with_structured_output(…, "
            'method="function_calling")`, or a model of the Qwen3.7 or 3.8 series.' + changed(AS_OF)
        ),
    ),
    (
        "openai",
        "qwen-max",
        {"response_format": {"type": "json_object"}},
        (
            "`response_format` is a JSON object, but no system or user message contains the word “json”, which the "
            "service requires. Say in a message that the answer must be JSON, and with which keys."
            + changed(PARAMETERS_AS_OF)
        ),
    ),
    (
        "openai",
        "qwen-max",
        {"n": 2, "tools": [{}]},
        "`n` is 2, but a call with tools has one answer. Use `n=1`." + changed(PARAMETERS_AS_OF),
    ),
]


@pytest.mark.parametrize(
    ("protocol", "model", "given", "text"), MODEL_LIMITS, ids=[text[:50] for *_, text in MODEL_LIMITS]
)
def test_a_parameter_that_the_model_does_not_support_is_refused(
    protocol: ProtocolName, model: str, given: Json, text: str
) -> None:
    error = refusal(protocol, model, [HI], **given)

    assert error.message == text
    assert error.model == model


def test_a_json_object_is_refused_for_a_model_without_json_mode() -> None:
    call = replace(
        call_of(PLAIN, "openai"),
        parameters={"response_format": {"type": "json_object"}},
        profile=replace(profile_of("qwen-plus"), json_output="none"),
    )

    with pytest.raises(UnsupportedInputError) as caught:
        wire_of("openai").encode(call)

    assert caught.value.message == (
        f"`response_format` is a JSON object, which {call.model!r} does not support. Use a model that does."
        f"{changed(AS_OF)}"
    )


def test_a_model_is_refused_on_a_protocol_that_does_not_serve_it() -> None:
    call = replace(call_of(PLAIN, "dashscope"), profile=replace(profile_of("x"), protocols=frozenset({"openai"})))

    with pytest.raises(UnsupportedInputError) as caught:
        wire_of("dashscope").encode(call)

    assert (
        caught.value.message
        == f'{call.model!r} is served only over `protocol="openai"`. Use that protocol.' + changed("")
    )
    assert caught.value.model == call.model


PARAMETERS: list[tuple[ProtocolName, Json, str]] = [
    (
        "openai",
        {"seed": 1, "extra_body": {"seed": 2}},
        "Given both as parameters and in `extra_body`: `seed`. Pass each once.",
    ),
    (
        "openai",
        {"extra_body": {"stream": True, "messages": []}},
        (
            "Given as parameters, but set by the call itself: `messages`, `stream`. Remove them from `extra_body` or "
            "`model_kwargs`."
        ),
    ),
    (
        "openai",
        {"max_frames": 3},
        '`max_frames` exists only on `protocol="dashscope"`, but this call uses "openai". Remove it.'
        + changed(PARAMETERS_AS_OF),
    ),
    (
        "dashscope",
        {"stream_options": {}},
        '`stream_options` exists only on `protocol="openai"`, but this call uses "dashscope". Remove it.'
        + changed(PARAMETERS_AS_OF),
    ),
    ("openai", {"seed": -1}, "`seed` is -1. Expected an integer of at least 0."),
]


@pytest.mark.parametrize(("protocol", "given", "text"), PARAMETERS, ids=[text[:40] for *_, text in PARAMETERS])
def test_parameters_that_cannot_be_sent_are_refused(protocol: ProtocolName, given: Json, text: str) -> None:
    assert str(refusal(protocol, "my-own", [HI], **given)) == text


def test_several_answers_are_refused_in_a_stream() -> None:
    error = refusal("openai", "my-own", [HI], stream=True, n=2)

    assert str(error) == "`n` is 2, but a stream has one answer. Use `invoke` or `n=1`."
