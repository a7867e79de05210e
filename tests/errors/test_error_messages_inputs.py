"""The exact texts of refused inputs: what was given, what is expected, and what to do."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, FunctionMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._content_blocks import MAX_DATA_URI_BYTES, read_block
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._reading import call_of, wire_of
from tests.wire.golden.plain import PLAIN

URL = "https://a.example/1.png"
HI = HumanMessage("Hi")
_KINDS = (
    'which cannot be sent. Expected a string or blocks such as {"type": "text", "text": "…"} and {"type": "image", '
    '"url": "https://…"}.'
)
_NO_ENDPOINT = (
    "which no chat endpoint accepts. Expected a `mime_type` of an image, a video, an audio or a text, or the `file_id` "
    "of a file that was uploaded for qwen-long."
)


def changed(since: str) -> str:
    """Return the end of a refusal that rests on a fact of the catalogue."""
    return f" If the service has changed{since}, pass `check_capabilities=False`."


AS_OF, PARAMETERS_AS_OF = " since 2026-11-23", " since 2026-08-18"


BLOCKS: list[tuple[Json, str]] = [
    ({"type": "text", "text": "a", "extras": 5}, "a block whose `extras` are 5. Expected an object."),
    ({"type": "hologram"}, f"a content block of type 'hologram', {_KINDS}"),
    ({"text": "a", "image": URL}, f"a content block of type None, {_KINDS}"),
    ({"type": "text", "text": None}, "a text block whose `text` is None. Expected a string."),
    (
        {"type": "text-plain", "base64": base64.b64encode(b"\xff").decode()},
        (
            "a text document that is not valid UTF-8: 'utf-8' codec can't decode byte 0xff in position 0: invalid "
            "start byte."
        ),
    ),
    (
        {"type": "text-plain", "url": URL},
        "a text-plain block without `text` or `base64`. Expected one of them; a `url` is never fetched.",
    ),
    (
        {"type": "image", "image": [URL]},
        "a list as its image. Expected a URL or data; only a video may be a list, of its frames.",
    ),
    (
        {"type": "video", "frames": []},
        "a list as its video. Expected a URL or data; only a video may be a list, of its frames.",
    ),
    ({"type": "image_url"}, 'a content block whose `image_url` is None. Expected {"url": "https://…"}.'),
    ({"type": "video_url", "video_url": {}}, 'a content block whose `video_url` is {}. Expected {"url": "https://…"}.'),
    ({"type": "input_audio"}, 'a content block whose `input_audio` is None. Expected {"data": "…", "format": "wav"}.'),
    ({"type": "file", "mime_type": "application/pdf"}, f"a file of type 'application/pdf', {_NO_ENDPOINT}"),
    ({"type": "file", "url": URL}, f"a file of type None, {_NO_ENDPOINT}"),
    (
        {"type": "image", "url": URL, "quality": 1, "angle": 2},
        (
            "a block of type 'image' with the keys ['angle', 'quality'], which cannot "
            "be sent. Remove them; beside the image itself, a block may "
            "have ['cache_control', 'max_pixels', 'min_pixels']."
        ),
    ),
    (
        {"type": "video_url", "video_url": {"url": URL, "speed": 1}},
        (
            "a block of type 'video' with the keys ['speed'], which cannot "
            "be sent. Remove them; beside the video itself, a block may have "
            "['cache_control', 'fps', 'max_frames', 'max_pixels', 'min_pixels', 'total_pixels']."
        ),
    ),
    (
        {"type": "file", "file_id": "file-1", "quality": 1},
        (
            "a block of type 'file' with the keys ['quality'], which cannot "
            "be sent. Remove them; beside the text itself, a block may have ['cache_control']."
        ),
    ),
    (
        {"type": "text-plain", "text": "a", "quality": 1},
        (
            "a block of type 'text-plain' with the keys ['quality'], which cannot "
            "be sent. Remove them; beside the text itself, a block may have ['cache_control']."
        ),
    ),
    (
        {"type": "text-plain", "base64": "QQ==", "quality": 1},
        (
            "a block of type 'text-plain' with the keys ['quality'], which cannot "
            "be sent. Remove them; beside the text itself, a block may have ['cache_control']."
        ),
    ),
    (
        {"type": "text", "text": "a", "quality": 1},
        (
            "a block of type 'text' with the keys ['quality'], which cannot "
            "be sent. Remove them; beside the text itself, a block may have ['cache_control']."
        ),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": URL}, "quality": 1},
        (
            "a block of type 'input_audio' with the keys ['quality'], which cannot "
            "be sent. Remove them; beside the audio itself, a block may have ['cache_control']."
        ),
    ),
    (
        {"type": "image_url", "image_url": {"url": "a.png"}},
        (
            "the URL 'a.png'. Expected a URL of http, https or oss, or a data URI: a path on this machine is never "
            "read from a message. Send the file's bytes as `base64` with their `mime_type`."
        ),
    ),
    ({"type": "image"}, "a block without a `url` and without `base64` data. Expected one of them."),
    (
        {"type": "image", "base64": "AAAA", "mime_type": "png"},
        "base64 data whose `mime_type` is 'png'. Expected one such as `image/png`.",
    ),
    (
        {"type": "image", "url": f"data:image/png;base64,{'A' * MAX_DATA_URI_BYTES}"},
        (
            "a data URI of 10485782 bytes. Expected at most 10485760: make the file smaller, or put it where the "
            "service can fetch it and send the URL."
        ),
    ),
    (
        {"type": "image", "url": "data:image/png;base64,%"},
        "data that is not valid base64: Only base64 data is allowed.",
    ),
    ({"type": "image", "url": "data:image/png;base64,"}, "empty data. Expected the content of a file."),
]


@pytest.mark.parametrize(("block", "text"), BLOCKS, ids=[text[:50] for _, text in BLOCKS])
def test_an_unreadable_block_is_refused(block: Json, text: str) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_block(block, "Here")

    assert str(caught.value) == f"Here has {text}"


def test_a_long_path_is_shortened_in_the_error() -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_block({"type": "image", "url": "/home/me/" + "a" * 90}, "Here")

    assert str(caught.value) == (
        f"Here has the URL '/home/me/{'a' * 71}'. Expected a URL of http, https or oss, or a data URI: a path on this "
        "machine is never read from a message. Send the file's bytes as `base64` with their `mime_type`."
    )


CONTENTS: list[tuple[Any, str]] = [
    ([], "is an empty list. Expected a text, a content block, or a list of them."),
    (5, 'is 5. Expected a text or a content block such as {"type": "image", "url": "https://…"}.'),
    (
        {"type": "video", "url": URL, "fps": 2},
        (
            "has the keys ['fps'], which embedding and rerank models ignore. Remove them; pass what a model supports "
            "of this kind (`fps`, `max_video_frames`, `res_level`) in `model_kwargs`."
        ),
    ),
    (["a", ""], "has an empty text. Expected a text that is not empty."),
    (
        {"type": "audio", "url": URL},
        "has an audio, which the model does not accept. Expected image or text or video." + changed(AS_OF),
    ),
    (
        {"type": "image", "url": URL, "cache_control": 5, "extras": [("a", 1)]},
        "has a block whose `extras` are [('a', 1)]. Expected an object.",
    ),
]


@pytest.mark.parametrize(("given", "text"), CONTENTS, ids=[text[:30] for _, text in CONTENTS])
def test_contents_that_cannot_be_embedded_are_refused(given: Any, text: str) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_contents(given, "Input 0", profile_of("qwen3-vl-embedding"))

    assert str(caught.value) == f"Input 0 {text}"


def test_malformed_contents_are_refused() -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        read_contents({"type": "image", "url": URL, 5: 1, "a": 2}, "Input 0", profile_of("qwen3-vl-embedding"))

    begins, ends = str(caught.value).split("TypeError")
    assert begins == "Input 0 is malformed: "
    assert ends.endswith("). Expected a text or a content block of LangChain's types.")


@pytest.mark.parametrize(("kind", "text"), [("image", "an image"), ("video", "a video")])
def test_media_that_the_model_does_not_embed_are_refused(kind: str, text: str) -> None:
    profile = replace(profile_of("qwen3-vl-embedding"), inputs=frozenset({"text", "audio"}))

    with pytest.raises(UnsupportedInputError) as caught:
        read_contents({"type": kind, "url": URL}, "Input 0", profile)

    assert str(caught.value) == f"Input 0 has {text}, which the model does not accept. Expected text.{changed(AS_OF)}"


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
            "Message 0 (HumanMessage) has the uploaded file 'file-1'. qwen-long reads files only from system "
            "messages: move the block into a SystemMessage."
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


@pytest.mark.parametrize(("kind", "text"), [("image", "an image"), ("video", "a video"), ("audio", "an audio")])
def test_media_that_the_model_does_not_accept_are_refused(kind: str, text: str) -> None:
    error = refusal("openai", "qwen-plus", image_message(type=kind))

    assert error.message == (
        f"Message 0 (HumanMessage) has {text}, but 'qwen-plus' accepts only text. Use a model with {kind} input, "
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
            "service requires. Say in a message that the answer is to be JSON, and which keys it has."
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
