"""How the chat wires encode messages and parameters, without a server: media, files, reasoning, tool calls."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._wire._messages import reasoning_of
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.support.media import BAD_DATA, CASES, IMAGE_URI, OMNI_MODEL, OSS, PATHS, PNG, URL, VISION_MODEL, Block, image
from tests.wire.golden._reading import call_of, wire_of
from tests.wire.golden.plain import PLAIN

HI = HumanMessage("Hi")


def encode(
    protocol: ProtocolName, messages: Sequence[BaseMessage], model: str = OMNI_MODEL, **parameters: Any
) -> Request:
    call = replace(
        call_of(PLAIN, protocol), model=model, profile=profile_of(model), messages=messages, parameters=parameters
    )
    return wire_of(protocol).encode(call)


def messages_of(protocol: ProtocolName, messages: Sequence[BaseMessage], model: str = OMNI_MODEL) -> list[Json]:
    body = encode(protocol, messages, model).body
    return list(body["messages"] if protocol == "openai" else body["input"]["messages"])


def content_of(protocol: ProtocolName, content: Any, model: str = OMNI_MODEL) -> Any:
    [message] = messages_of(protocol, [HumanMessage(content)], model)
    return message["content"]


# LangChain rewrites its older blocks before a wire sees them.
AS_THEY_ARE = [case for case in CASES if "source_type" not in case[1]]


@pytest.mark.parametrize(
    ("block", "expected"), [case[1:] for case in AS_THEY_ARE], ids=[case[0] for case in AS_THEY_ARE]
)
def test_media_are_encoded_in_the_protocols_format(
    protocol: ProtocolName, block: Block, expected: tuple[Json, ...]
) -> None:
    assert content_of(protocol, [block]) == [expected[protocol == "dashscope"]]


def test_media_of_tool_results_follow_in_a_user_message(protocol: ProtocolName) -> None:
    turn = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": f"call_{n}"} for n in (1, 2)])
    seen: Json = {"type": "image", "url": URL + "1.png"}
    results = [
        ToolMessage([{"type": "text", "text": "Seen:"}, seen], tool_call_id="call_1"),
        ToolMessage([{**seen, "url": URL + "2.png"}], tool_call_id="call_2"),
    ]

    for after in ([], [HI]):
        messages = messages_of(protocol, [HI, turn, *results, *after])

        assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"] + [
            "user" for _ in after
        ]
        contents = [message["content"] for message in messages[2:]]
        pictures = [image(URL + f"{n}.png")[protocol == "dashscope"] for n in (1, 2)]
        later = "The result is in the next user message."
        if protocol == "dashscope":
            assert contents == [[{"text": "Seen:"}], [{"text": later}], pictures] + [[{"text": "Hi"}] for _ in after]
        else:
            assert contents == ["Seen:", later, pictures] + ["Hi" for _ in after]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_a_path_is_refused_as_a_url(kind: str, path: str) -> None:
    with pytest.raises(UnsupportedInputError, match=r"a path on this machine is never read|without a `url`"):
        encode("openai", [HumanMessage([{"type": kind, "url": path}])])


@pytest.mark.parametrize(("block", "problem"), BAD_DATA)
def test_data_that_the_service_cannot_read_is_refused(block: Block, problem: str) -> None:
    with pytest.raises(UnsupportedInputError, match=problem):
        encode("dashscope", [HumanMessage([block])])


@pytest.mark.parametrize("link", ["HTTPS://example.com/a.png", "Http://example.com", "DATA:image/png;base64,AAAA"])
def test_a_urls_scheme_may_be_in_any_case(protocol: ProtocolName, link: str) -> None:
    assert content_of(protocol, [{"type": "image", "url": link}]) == [image(link)[protocol == "dashscope"]]


@pytest.mark.parametrize("link", ["https:///a.png", "https://", "http://[::1/a.png"])
def test_a_url_without_a_valid_host_is_refused(link: str) -> None:
    with pytest.raises(UnsupportedInputError, match="Expected a URL of http, https or oss"):
        encode("openai", [HumanMessage([{"type": "image", "url": link}])])


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text-plain", "text": "A note.", "mime_type": "text/plain", "title": "Note"},
        {"type": "text-plain", "base64": "QSBub3RlLg==", "mime_type": "text/plain"},
        {"type": "file", "base64": "QSBub3RlLg==", "mime_type": "text/markdown"},
        {"type": "input_text", "text": "A note."},
        {"text": "A note."},
        "A note.",
    ],
)
def test_plain_text_blocks_are_sent_as_text(protocol: ProtocolName, block: Any) -> None:
    assert content_of(protocol, [block], "qwen-plus") == "A note."
    assert content_of(protocol, [block], VISION_MODEL) == (
        [{"text": "A note."}] if protocol == "dashscope" else "A note."
    )


CACHED: Json = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "A", **CACHED},
        {"type": "text", "text": "A", "extras": CACHED},
        {"type": "text-plain", "text": "A", "mime_type": "text/plain", **CACHED},
        {"type": "text-plain", "base64": "QQ==", **CACHED},
    ],
)
def test_cache_control_of_a_text_is_sent(block: Block) -> None:
    assert content_of("openai", [block]) == [{"type": "text", "text": "A", **CACHED}]
    assert content_of("dashscope", [block]) == [{"text": "A", **CACHED}]


def test_cache_control_of_an_assistants_text_is_sent(protocol: ProtocolName) -> None:
    blocks: list[Any] = [
        {"type": "text", "text": "A", "annotations": [], **CACHED},
        {"type": "text", "text": "B", "extras": {**CACHED, "other": 1}},
        {"type": "refusal", "refusal": "C"},
        {"type": "text"},
    ]

    [message] = messages_of(protocol, [AIMessage(blocks)])

    kind = {} if protocol == "dashscope" else {"type": "text"}
    assert message["content"] == [
        {**kind, "text": "A", **CACHED},
        {**kind, "text": "B", **CACHED},
        {**kind, "text": "C"},
    ]


def test_hints_that_are_none_or_unknown_are_not_sent() -> None:
    block: Block = {"type": "image", "url": URL, "min_pixels": None, "extras": {"max_pixels": 9, "other": 1}}

    assert content_of("dashscope", [block]) == [{"image": URL, "max_pixels": 9}]


def test_an_uploaded_files_id_is_sent_in_a_system_message(protocol: ProtocolName) -> None:
    [message] = messages_of(protocol, [SystemMessage([{"type": "file", "file_id": "file-1"}])], "qwen-long")

    assert message == {"role": "system", "content": "fileid://file-1"}


@pytest.mark.parametrize("kind", ["file", "image"])
def test_an_uploaded_file_is_refused_outside_system_messages(kind: str) -> None:
    with pytest.raises(UnsupportedInputError, match="move the block into a SystemMessage"):
        encode("openai", [HumanMessage([{"type": kind, "file_id": "file-1"}])], "qwen-long")


@pytest.mark.parametrize(
    "block",
    [
        {"image": OSS},
        {"image": OSS.upper()},
        {"type": "video", "frames": [URL + "1.jpg", OSS]},
        {"type": "audio", "url": "oss://dashscope-instant/a.wav"},
    ],
)
def test_an_oss_url_sets_the_resolve_header_on_the_dashscope_protocol_only(block: Block) -> None:
    request = encode("dashscope", [HumanMessage([block]), HI])

    assert request.headers == {"X-DashScope-OssResourceResolve": "enable"}
    with pytest.raises(UnsupportedInputError, match='works only over `protocol="dashscope"`'):
        encode("openai", [HumanMessage([block])])


def test_requests_without_oss_urls_have_no_headers(protocol: ProtocolName) -> None:
    blocks: list[Any] = [{"type": "text", "text": OSS}, {"type": "image", "url": URL + OSS}]

    assert encode(protocol, [HumanMessage(blocks)]).headers == {}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
        {"type": "image_url", "image_url": URL, "detail": "low"},
        {"type": "image", "url": URL, "detail": "low"},
        {"type": "image", "url": URL, "extras": {"detail": "low"}},
    ],
)
def test_detail_is_sent_on_the_openai_protocol_and_refused_on_the_dashscope_protocol(block: Block) -> None:
    assert content_of("openai", [block]) == [{"type": "image_url", "image_url": {"url": URL, "detail": "low"}}]
    with pytest.raises(UnsupportedInputError, match="`detail` of an image is 'low'"):
        encode("dashscope", [HumanMessage([block])])


@pytest.mark.parametrize("detail", ["auto", None])
def test_default_detail_is_not_sent_on_the_dashscope_protocol(detail: Any) -> None:
    assert content_of("dashscope", [{"type": "image", "url": URL, "detail": detail}]) == [{"image": URL}]


def test_a_filename_is_not_sent(protocol: ProtocolName) -> None:
    block: Block = {"type": "file", "base64": PNG, "mime_type": "image/png", "filename": "a.png"}

    assert content_of(protocol, [block]) == [image(IMAGE_URI)[protocol == "dashscope"]]


@pytest.mark.parametrize("message", [AIMessage("", name="Ann"), HumanMessage("x", name="Ann")], ids=lambda m: m.type)
def test_a_messages_name_is_sent(protocol: ProtocolName, message: BaseMessage) -> None:
    assert messages_of(protocol, [message])[0]["name"] == "Ann"


@pytest.mark.parametrize(
    ("message", "partial"),
    [
        (AIMessage("{", additional_kwargs={"partial": True}), True),
        (ChatMessage(content="{", role="assistant", additional_kwargs={"partial": True}), True),
        (AIMessage("{", additional_kwargs={"partial": False}), False),
        (HumanMessage("{", additional_kwargs={"partial": True}), False),
    ],
)
def test_partial_is_sent_for_assistant_messages_only(message: BaseMessage, partial: bool) -> None:
    [written] = messages_of("openai", [message])

    assert written.get("partial", False) is partial
    assert ("partial" in written) is partial


JSON_MODE: Json = {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage("Answer as JSON."),
        SystemMessage("Answer as Json."),
        ChatMessage(content="Answer as json.", role="user"),
        HumanMessage([{"type": "image", "url": URL}, "Answer as JSON."]),
    ],
)
def test_the_word_json_in_a_system_or_user_message_allows_json_mode(
    protocol: ProtocolName, message: BaseMessage
) -> None:
    body = encode(protocol, [message, AIMessage("Yes?"), HI], VISION_MODEL, **JSON_MODE).body

    assert JSON_MODE.items() <= (body if protocol == "openai" else body["parameters"]).items()


@pytest.mark.parametrize(
    "message", [HI, AIMessage("Answer as JSON."), HumanMessage([{"type": "image", "url": URL + "json"}, "Answer."])]
)
def test_json_mode_without_the_word_json_is_refused(protocol: ProtocolName, message: BaseMessage) -> None:
    with pytest.raises(UnsupportedInputError, match="no system or user message contains the word “json”"):
        encode(protocol, [message], VISION_MODEL, **JSON_MODE)


ALLOWED: list[tuple[str, Json]] = [
    ("qwen-plus", {"enable_thinking": False}),
    ("qwen-plus", {"thinking_budget": 5}),
    ("qwen3.8-2.4t-a95b", {"enable_thinking": True}),
    ("qwen3.8-2.4t-a95b", {"reasoning_effort": "low"}),
    ("qwen3.8-2.4t-a95b", {"thinking_budget": 5}),
    ("qwen-plus", {"thinking_budget": 5, "reasoning_effort": "low"}),
    ("my-own", {"thinking_budget": 5, "reasoning_effort": "low", "enable_thinking": False}),
    ("my-own", {"response_format": {"type": "json_schema"}}),
    ("qwen3.7-plus", {"response_format": {"type": "json_schema"}}),
    ("qwen-max", {"response_format": {"type": "text"}}),
    ("qwen-max", {"n": 2}),
    ("qwen-max", {"n": 1, "tools": [{}]}),
    ("qwen-max", {"tools": [{}]}),
]


@pytest.mark.parametrize(("model", "given"), ALLOWED, ids=[f"{model} {given}" for model, given in ALLOWED])
def test_parameters_that_the_model_supports_are_sent(protocol: ProtocolName, model: str, given: Json) -> None:
    body = encode(protocol, [HI], model, **given).body

    assert given.items() <= (body if protocol == "openai" else body["parameters"]).items()


REASONED: list[tuple[str, AIMessage, str]] = [
    ("in the provider's field", AIMessage("a", additional_kwargs={"reasoning_content": "Hm."}), "Hm."),
    ("in blocks", AIMessage([{"type": "reasoning", "reasoning": "Hm"}, "a", {"type": "reasoning"}]), "Hm"),
    (
        "in Anthropic's blocks",
        AIMessage([{"type": "thinking", "thinking": "Hm"}, {"type": "thinking", "thinking": "."}, "a"]),
        "Hm.",
    ),
    (
        "in Bedrock's blocks",
        AIMessage([{"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "c2ln"}}, "a"]),
        "Hm.",
    ),
    (
        "in both",
        AIMessage([{"type": "reasoning", "reasoning": "B"}], additional_kwargs={"reasoning_content": "A"}),
        "A",
    ),
    (
        "in an empty field and in blocks",
        AIMessage([{"type": "reasoning", "reasoning": "B"}], additional_kwargs={"reasoning_content": ""}),
        "B",
    ),
    ("in a field of another type", AIMessage("a", additional_kwargs={"reasoning_content": ["Hm."]}), ""),
    ("in a block of another type", AIMessage([{"type": "reasoning", "reasoning": 5}]), ""),
    ("nowhere", AIMessage("a"), ""),
]


@pytest.mark.parametrize(("message", "said"), [row[1:] for row in REASONED], ids=[row[0] for row in REASONED])
def test_reasoning_is_found_in_every_place_and_sent_only_if_preserved(message: AIMessage, said: str) -> None:
    [preserved] = encode("openai", [message], "qwen-plus", preserve_thinking=True).body["messages"]
    [omitted] = encode("openai", [message], "qwen-plus").body["messages"]

    assert preserved.get("reasoning_content", "") == said
    assert "reasoning_content" not in omitted
    assert reasoning_of(message) == said


def said(transcript: Any, **keys: Any) -> Json:
    return {"type": "audio", "base64": "AAAA", "extras": {"transcript": transcript}, **keys}


IMAGE_OMITTED = f"[Here was an image, which cannot be sent to this model. Its URL: {URL}]"
AUDIO_OMITTED = "[Here was an audio recording, which cannot be sent to this model.]"
SPOKEN: list[tuple[str, AIMessage, str]] = [
    ("in the provider's field", AIMessage("", additional_kwargs={"audio": {"transcript": "Hi"}}), "Hi"),
    ("in blocks", AIMessage([said("Hi"), said(" there")]), "Hi there"),
    ("in both", AIMessage([said("Hi")], additional_kwargs={"audio": {"transcript": "other"}}), "Hi"),
    (
        "in the field alone, beside a block",
        AIMessage([{"type": "audio", "base64": "AAAA"}], additional_kwargs={"audio": {"transcript": "Hi"}}),
        "Hi",
    ),
    ("in a block of another type", AIMessage([said("Hi"), said(5)]), "Hi"),
    ("in no audio", AIMessage([said("Hi", type="server_tool_result")]), ""),
    ("beside an image", AIMessage([{"type": "image", "url": URL}, said("Hi")]), f"Hi\n{IMAGE_OMITTED}"),
    ("nowhere, though there is audio", AIMessage([said(None)]), AUDIO_OMITTED),
    ("nowhere, though the field has audio", AIMessage("", additional_kwargs={"audio": {"data": "AA"}}), AUDIO_OMITTED),
    ("in a field of another type", AIMessage("", additional_kwargs={"audio": ["Hi"]}), ""),
    ("nowhere", AIMessage(""), ""),
]


@pytest.mark.parametrize(("message", "text"), [row[1:] for row in SPOKEN], ids=[row[0] for row in SPOKEN])
def test_an_audio_transcript_is_sent_as_text(protocol: ProtocolName, message: AIMessage, text: str) -> None:
    [written] = messages_of(protocol, [message], "qwen-plus")

    assert written["content"] == text


def test_text_is_sent_instead_of_the_audio_transcript(protocol: ProtocolName) -> None:
    message = AIMessage([said("aloud"), "written"])

    assert messages_of(protocol, [message], "qwen-plus")[0]["content"] == "written"


def test_an_invalid_tool_call_is_sent_as_valid_json(protocol: ProtocolName) -> None:
    broken: Any = {"type": "invalid_tool_call", "name": None, "args": '{"a', "id": "call_1", "error": "broken"}

    [written] = messages_of(protocol, [AIMessage("", invalid_tool_calls=[broken])], "qwen-plus")

    function = {"name": "", "arguments": '{"invalid_json": "{\\"a"}'}
    assert written["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]


CALLS: list[tuple[str, Json, str, str]] = [
    ("Anthropic's", {"type": "tool_use", "id": "1", "name": "f", "input": {"a": "é"}}, "f", '{"a": "é"}'),
    ("LangChain's", {"type": "tool_call", "id": "1", "name": "f", "args": {"a": 1}}, "f", '{"a": 1}'),
    ("both at once", {"type": "tool_use", "id": "1", "name": "f", "input": {}, "args": {"a": 1}}, "f", "{}"),
    ("without a name and arguments", {"type": "tool_call", "id": "1", "name": None}, "", "{}"),
]


@pytest.mark.parametrize(("block", "name", "arguments"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_a_tool_call_in_a_content_block_is_sent_if_it_is_answered(block: Json, name: str, arguments: str) -> None:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    other: Json = {"type": "tool_call_chunk", "id": "2", "name": "g", "args": "{}"}
    # Given whole, LangChain would take calls out of blocks by itself.
    message = AIMessage("").model_copy(update={"content": ["Well.", block, other]})

    [written, _] = messages_of("openai", [message, ToolMessage("x", tool_call_id="1")], "qwen-plus")

    assert (written["content"], written["tool_calls"]) == ("Well.", [call])


def test_a_tool_call_in_both_places_is_sent_once() -> None:
    block: Json = {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 2}}
    message = AIMessage("", tool_calls=[{"id": "1", "name": "f", "args": {"a": 1}}])

    [written] = messages_of("openai", [message.model_copy(update={"content": [block]})], "qwen-plus")

    assert [call["function"]["arguments"] for call in written["tool_calls"]] == ['{"a": 1}']


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_arguments_that_json_cannot_represent_are_refused(number: float) -> None:
    with pytest.raises(
        UnsupportedInputError, match="whose arguments cannot be written as JSON: Out of range float values"
    ):
        encode("openai", [AIMessage("", tool_calls=[{"id": "1", "name": "f", "args": {"a": number}}])], "qwen-plus")


def test_the_error_lists_what_the_model_accepts() -> None:
    with pytest.raises(UnsupportedInputError, match=r"'qwen3\.7-plus' accepts only image, text, video\. Use"):
        encode("openai", [HumanMessage([{"type": "audio", "url": URL}])], VISION_MODEL)


SILENT: list[BaseMessage] = [
    HumanMessage(""),
    HumanMessage([]),
    HumanMessage("", additional_kwargs={"audio": {"transcript": "Hi"}}),
    SystemMessage(""),
    ToolMessage("", tool_call_id="1"),
]


@pytest.mark.parametrize("message", SILENT, ids=str)
def test_an_empty_message_is_sent_with_an_empty_text(message: BaseMessage) -> None:
    assert messages_of("openai", [message])[0]["content"] == ""
    assert messages_of("dashscope", [message])[0]["content"] == [{"text": ""}]


def test_a_message_with_only_tool_calls_has_no_content() -> None:
    turn = AIMessage("", tool_calls=[{"id": "1", "name": "f", "args": {}}])

    assert messages_of("openai", [turn])[0]["content"] == ""
    assert messages_of("dashscope", [turn])[0]["content"] == []
