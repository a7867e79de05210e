"""Conversations as they are sent: turns of other providers, tool calls, reasoning, system messages, cache marks."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import ProtocolStub
from tests.support.server import Server


def send_messages(server: Server, stub: ProtocolStub, messages: Sequence[BaseMessage], **fields: Any) -> list[Json]:
    """Send a conversation and return its messages as they arrived."""
    server.default = stub.reply_to
    stub.llm(server, **fields).invoke(list(messages))
    return stub.messages_sent(server)


def texts(stub: ProtocolStub, text: str) -> Any:
    """Return a text as the content of a multimodal model's message."""
    return [{"text": text}] if stub.is_dashscope else text


def tool_call(id_: str = "call_1", arguments: str = '{"x": 1}') -> Json:
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
def test_tool_calls_of_other_providers_are_sent_once(
    server: Server, stub: ProtocolStub, content: Any, metadata: Json
) -> None:
    turn = AIMessage(content, tool_calls=[{**LOOK, "id": "call_1"}], response_metadata=metadata)

    messages = send_messages(server, stub, [HumanMessage("Hi"), turn, ToolMessage("Seen.", tool_call_id="call_1")])

    assert messages[1:] == [
        {"role": "assistant", "content": "", "tool_calls": [tool_call()]},
        {"role": "tool", "content": "Seen.", "tool_call_id": "call_1"},
    ]


INVALID_TURN = AIMessage(
    "",
    invalid_tool_calls=[{"type": "invalid_tool_call", "name": "look", "args": '{"x": ', "id": "call_1", "error": "?"}],
)
INVALID_CALL: list[BaseMessage] = [
    HumanMessage("Hi"),
    INVALID_TURN,
    ToolMessage("Error: not valid JSON.", tool_call_id="call_1", status="error"),
]


def test_invalid_tool_calls_are_sent_as_calls(server: Server, stub: ProtocolStub) -> None:
    _, turn, result = send_messages(server, stub, INVALID_CALL)

    [call] = turn["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("call_1", "function", "look")
    assert result == {"role": "tool", "content": "Error: not valid JSON.", "tool_call_id": "call_1"}


def test_the_sandbox_accepts_a_history_with_an_invalid_tool_call(sandbox: Sandbox, protocol: ProtocolName) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=sandbox.workspace("invalid"))

    assert llm.invoke(INVALID_CALL).content


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
def test_server_side_tool_blocks_of_other_providers_are_left_out(
    server: Server, stub: ProtocolStub, block: Json, version: str | None
) -> None:
    turn = AIMessage(
        [block, {"type": "text", "text": "Done."}],
        response_metadata={"model_provider": "openai", **({"output_version": version} if version else {})},
    )

    messages = send_messages(server, stub, [HumanMessage("Hi"), turn, HumanMessage("And?")])

    assert messages[1] == {"role": "assistant", "content": "Done."}


def test_anthropic_thinking_is_left_out_and_tool_use_is_sent_as_a_call(server: Server, stub: ProtocolStub) -> None:
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

    messages = send_messages(server, stub, [HumanMessage("Hi"), turn, ToolMessage("Seen.", tool_call_id="call_1")])

    assert messages[1] == {"role": "assistant", "content": "Let me look.", "tool_calls": [tool_call()]}


def test_tool_results_in_a_human_message_become_tool_messages(server: Server, stub: ProtocolStub) -> None:
    turn = AIMessage("", tool_calls=[{**LOOK, "id": "call_1"}, {**LOOK, "id": "call_2"}])
    results = HumanMessage(
        [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "One."},
            {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "Two."}]},
            {"type": "text", "text": "And now?"},
        ]
    )

    messages = send_messages(server, stub, [HumanMessage("Hi"), turn, results])

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
def test_reasoning_is_sent_back_only_where_thinking_is_preserved(  # noqa: PLR0917 - pytest passes them by name
    server: Server, stub: ProtocolStub, turn: AIMessage, model: str, preserve: bool | None, sent: bool
) -> None:
    history = [HumanMessage("1+1?"), turn, HumanMessage("And 1 more?")]

    messages = send_messages(server, stub, history, model=model, preserve_thinking=preserve)

    assert messages[1] == {
        "role": "assistant",
        "content": texts(stub, "2"),
        **({"reasoning_content": "Easy."} if sent else {}),
    }


def test_a_system_message_keeps_its_position(server: Server, stub: ProtocolStub) -> None:
    history = [SystemMessage("Be brief."), HumanMessage("Hi"), SystemMessage("In French."), HumanMessage("Go.")]

    assert send_messages(server, stub, history) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "In French."},
        {"role": "user", "content": "Go."},
    ]


@pytest.mark.parametrize("model", ["qwen-plus", "qwen3.7-plus"])
def test_cache_control_is_sent(server: Server, stub: ProtocolStub, model: str) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    history = [
        SystemMessage([{"type": "text", "text": "A contract.", **mark}]),
        HumanMessage([{"type": "text", "text": "Who signed?", "extras": mark}]),
        AIMessage([{"type": "text", "text": "Nobody.", **mark}]),
        HumanMessage("Why?"),
    ]

    messages = send_messages(server, stub, history, model=model)

    # Only the multimodal endpoint of DashScope writes texts without their type.
    kind = {} if stub.is_dashscope and model == "qwen3.7-plus" else {"type": "text"}
    assert [message["content"] for message in messages[:3]] == [
        [{**kind, "text": "A contract.", **mark}],
        [{**kind, "text": "Who signed?", **mark}],
        [{**kind, "text": "Nobody.", **mark}],
    ]
