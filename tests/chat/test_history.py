"""Rows 38 to 50 of the integration matrix: whatever a conversation holds, and how it arrives."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace import ChatQwenWorkspace, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import ProtocolStub
from tests.support.server import Server

PIXEL = "iVBORw0KGgoxMjM0"
URL = "https://example.com/"


def arrived(server: Server, stub: ProtocolStub, messages: Sequence[BaseMessage], **fields: Any) -> list[Json]:
    """Send a conversation and return its messages as they arrived."""
    server.default = stub.reply_to
    stub.llm(server, **fields).invoke(list(messages))
    [body] = server.bodies
    return list(body["input"]["messages"] if stub.is_dashscope else body["messages"])


def texts(stub: ProtocolStub, text: str) -> Any:
    """Return a text as the content of a multimodal model's message."""
    return [{"text": text}] if stub.is_dashscope else text


def called(id_: str = "call_1", arguments: str = '{"x": 1}') -> Json:
    return {"id": id_, "type": "function", "function": {"name": "look", "arguments": arguments}}


LOOK = {"name": "look", "args": {"x": 1}}


@pytest.mark.parametrize(
    ("content", "metadata"),
    [
        ("", {}),
        ([{"type": "tool_use", "id": "call_1", "name": "look", "input": {"x": 1}}], {"model_provider": "anthropic"}),
        ([{"type": "tool_call", "id": "call_1", **LOOK}], {"model_provider": "openai", "output_version": "v1"}),
        ([{"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}], {}),
        ([], {"model_provider": "google_genai"}),
    ],
)
def test_row_38_replays_tool_calls_of_other_providers(
    server: Server, stub: ProtocolStub, content: Any, metadata: Json
) -> None:
    turn = AIMessage(content, tool_calls=[{**LOOK, "id": "call_1"}], response_metadata=metadata)

    messages = arrived(server, stub, [HumanMessage("Hi"), turn, ToolMessage("Seen.", tool_call_id="call_1")])

    assert messages[1:] == [
        {"role": "assistant", "content": "", "tool_calls": [called()]},
        {"role": "tool", "content": "Seen.", "tool_call_id": "call_1"},
    ]


BROKEN_TURN = AIMessage(
    "",
    invalid_tool_calls=[{"type": "invalid_tool_call", "name": "look", "args": '{"x": ', "id": "call_1", "error": "?"}],
)
BROKEN: list[BaseMessage] = [
    HumanMessage("Hi"),
    BROKEN_TURN,
    ToolMessage("Error: no JSON.", tool_call_id="call_1", status="error"),
]


def test_row_39_replays_invalid_tool_calls(server: Server, stub: ProtocolStub) -> None:
    _, turn, result = arrived(server, stub, BROKEN)

    [call] = turn["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("call_1", "function", "look")
    assert result == {"role": "tool", "content": "Error: no JSON.", "tool_call_id": "call_1"}


def test_row_39_the_service_takes_what_is_replayed(stub: ProtocolStub) -> None:
    with Sandbox() as sandbox:
        llm = ChatQwenWorkspace(model="qwen-plus", protocol=stub.protocol, workspace=sandbox.workspace("broken"))

        assert llm.invoke(BROKEN).content


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {}},
        {"type": "server_tool_call_chunk", "id": "s1", "name": "web_search", "args": "{"},
        {"type": "server_tool_result", "tool_call_id": "s1", "status": "success", "output": "x"},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
        {"type": "non_standard", "value": {"type": "x"}},
        {"type": "reasoning", "reasoning": "Hm."},
    ],
    ids=lambda block: block["type"],
)
@pytest.mark.parametrize("version", [None, "v1"])
def test_row_40_strips_what_other_servers_did(
    server: Server, stub: ProtocolStub, block: Json, version: str | None
) -> None:
    turn = AIMessage(
        [block, {"type": "text", "text": "Done."}],
        response_metadata={"model_provider": "openai", **({"output_version": version} if version else {})},
    )

    messages = arrived(server, stub, [HumanMessage("Hi"), turn, HumanMessage("And?")])

    assert messages[1] == {"role": "assistant", "content": "Done."}


def test_row_41_strips_anthropics_tool_use_and_thinking(server: Server, stub: ProtocolStub) -> None:
    turn = AIMessage(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "eA=="},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"x": 1}},
        ],
        tool_calls=[{**LOOK, "id": "call_1"}],
        response_metadata={"model_provider": "anthropic"},
    )

    messages = arrived(server, stub, [HumanMessage("Hi"), turn, ToolMessage("Seen.", tool_call_id="call_1")])

    assert messages[1] == {"role": "assistant", "content": "Let me look.", "tool_calls": [called()]}


def test_row_42_takes_tool_results_out_of_a_human_message(server: Server, stub: ProtocolStub) -> None:
    turn = AIMessage("", tool_calls=[{**LOOK, "id": "call_1"}, {**LOOK, "id": "call_2"}])
    results = HumanMessage(
        [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "One."},
            {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "Two."}]},
            {"type": "text", "text": "And now?"},
        ]
    )

    messages = arrived(server, stub, [HumanMessage("Hi"), turn, results])

    assert messages[2:] == [
        {"role": "tool", "content": "One.", "tool_call_id": "call_1"},
        {"role": "tool", "content": "Two.", "tool_call_id": "call_2"},
        {"role": "user", "content": "And now?"},
    ]


@pytest.mark.parametrize(
    "turn",
    [
        AIMessage("2", additional_kwargs={"reasoning_content": "Easy."}),
        AIMessage([{"type": "reasoning", "reasoning": "Easy."}, {"type": "text", "text": "2"}]),
    ],
    ids=["field", "block"],
)
@pytest.mark.parametrize(
    ("model", "preserve", "sent"),
    [
        ("qwen3.8-max", None, True),
        ("qwen3.8-max", False, False),
        ("qwen3.7-plus", None, False),
        ("qwen3.7-plus", True, True),
    ],
)
def test_row_43_replays_its_own_reasoning_where_it_is_wanted(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, turn: AIMessage, model: str, preserve: bool | None, sent: bool
) -> None:
    history = [HumanMessage("1+1?"), turn, HumanMessage("And 1 more?")]

    messages = arrived(server, stub, history, model=model, preserve_thinking=preserve)

    assert messages[1] == {
        "role": "assistant",
        "content": texts(stub, "2"),
        **({"reasoning_content": "Easy."} if sent else {}),
    }


def part_of(server: Server, stub: ProtocolStub, block: Json) -> Json:
    """Send one medium beside an image and return how it arrived."""
    beside = {"type": "image", "url": URL + "b.png"}
    [message] = arrived(server, stub, [HumanMessage([block, beside])], model="qwen3.5-omni-plus")
    first, second = message["content"]
    assert second == (
        {"image": URL + "b.png"} if stub.is_dashscope else {"type": "image_url", "image_url": {"url": URL + "b.png"}}
    )
    part: Json = first
    return part


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ({"url": URL + "a.mp4"}, URL + "a.mp4"),
        ({"base64": PIXEL, "mime_type": "video/mp4"}, f"data:video/mp4;base64,{PIXEL}"),
    ],
    ids=["url", "base64"],
)
def test_row_44_a_v1_video_block_arrives(server: Server, stub: ProtocolStub, told: Json, source: str) -> None:
    expected = {"video": source} if stub.is_dashscope else {"type": "video_url", "video_url": {"url": source}}

    assert part_of(server, stub, {"type": "video", **told}) == expected


@pytest.mark.parametrize(
    ("block", "format_"),
    [
        ({"type": "audio", "url": URL + "a"}, {}),
        ({"type": "audio", "url": URL + "a", "mime_type": "audio/x-wav"}, {"format": "wav"}),
        ({"type": "file", "url": URL + "a", "mime_type": "audio/mpeg"}, {"format": "mp3"}),
    ],
    ids=["audio", "audio with its type", "file"],
)
def test_row_45_sounds_and_files_may_be_urls(server: Server, stub: ProtocolStub, block: Json, format_: Json) -> None:
    openai = {"type": "input_audio", "input_audio": {"data": URL + "a", **format_}}

    assert part_of(server, stub, block) == ({"audio": URL + "a"} if stub.is_dashscope else openai)


def test_row_46_pixel_extras_arrive(server: Server, stub: ProtocolStub) -> None:
    hints = {"min_pixels": 4, "max_pixels": 9}
    openai = {"type": "image_url", "image_url": {"url": URL + "a.png"}, **hints}

    part = part_of(server, stub, {"type": "image", "url": URL + "a.png", "extras": hints})

    assert part == ({"image": URL + "a.png", **hints} if stub.is_dashscope else openai)


def test_row_46_detail_arrives_where_the_protocol_has_it(server: Server, stub: ProtocolStub) -> None:
    image = {"type": "image", "url": URL + "a.png", "extras": {"detail": "low"}}
    if stub.is_dashscope:
        with pytest.raises(UnsupportedInputError, match=r"`detail` is 'low'.*Use `max_pixels`"):
            stub.llm(server, model="qwen3.7-plus").invoke([HumanMessage([image])])
        return

    assert part_of(server, stub, image) == {
        "type": "image_url",
        "image_url": {"url": URL + "a.png", "detail": "low"},
    }


def test_row_47_images_in_a_tool_message_arrive(server: Server, stub: ProtocolStub) -> None:
    turn = AIMessage("", tool_calls=[{**LOOK, "id": "call_1"}])
    result = ToolMessage(
        [{"type": "text", "text": "Here:"}, {"type": "image", "base64": PIXEL, "mime_type": "image/png"}],
        tool_call_id="call_1",
    )

    messages = arrived(server, stub, [HumanMessage("Hi"), turn, result], model="qwen3.7-plus")

    # A tool's message takes texts alone, so that the image comes right after it.
    uri = f"data:image/png;base64,{PIXEL}"
    image = {"image": uri} if stub.is_dashscope else {"type": "image_url", "image_url": {"url": uri}}
    assert messages[2:] == [
        {"role": "tool", "content": texts(stub, "Here:"), "tool_call_id": "call_1"},
        {"role": "user", "content": [image]},
    ]


@pytest.mark.parametrize("encoded", [False, True])
def test_row_48_a_plain_text_document_arrives_as_text(server: Server, stub: ProtocolStub, *, encoded: bool) -> None:
    told = {"base64": "QSBkb2N1bWVudC4="} if encoded else {"text": "A document."}
    block = {"type": "text-plain", "mime_type": "text/plain", **told}

    assert arrived(server, stub, [HumanMessage([block])]) == [{"role": "user", "content": "A document."}]


def test_row_49_a_system_message_stays_where_it_is(server: Server, stub: ProtocolStub) -> None:
    history = [SystemMessage("Be brief."), HumanMessage("Hi"), SystemMessage("In French."), HumanMessage("Go.")]

    assert arrived(server, stub, history) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "In French."},
        {"role": "user", "content": "Go."},
    ]


@pytest.mark.parametrize("model", ["qwen-plus", "qwen3.7-plus"])
def test_row_50_cache_control_arrives(server: Server, stub: ProtocolStub, model: str) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    history = [
        SystemMessage([{"type": "text", "text": "A contract.", **mark}]),
        HumanMessage([{"type": "text", "text": "Who signed?", "extras": mark}]),
        AIMessage([{"type": "text", "text": "Nobody.", **mark}]),
        HumanMessage("Why?"),
    ]

    messages = arrived(server, stub, history, model=model)

    # Only the native multimodal endpoint writes texts without their type.
    kind = {} if stub.is_dashscope and model == "qwen3.7-plus" else {"type": "text"}
    assert [message["content"] for message in messages[:3]] == [
        [{**kind, "text": "A contract.", **mark}],
        [{**kind, "text": "Who signed?", **mark}],
        [{**kind, "text": "Nobody.", **mark}],
    ]
