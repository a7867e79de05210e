"""Which tool calls of a history are sent: `tool_calls` decides, whatever still stands in the content."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_qwen_workspace._seam import Json
from tests.support.encoding import messages_of
from tests.support.protocols import ProtocolStub
from tests.support.server import Server

IN_CONTENT: dict[str, Any] = {
    "tool_use": lambda id_: {"type": "tool_use", "id": id_, "name": "look", "input": {"x": 1}},
    "tool_call": lambda id_: {"type": "tool_call", "id": id_, "name": "look", "args": {"x": 1}},
    "function_call": lambda id_: {"type": "function_call", "call_id": id_, "name": "look", "arguments": '{"x": 1}'},
}


def call(id_: str, **args: Any) -> Any:
    return {"name": "look", "args": args or {"x": 1}, "id": id_, "type": "tool_call"}


def sent_calls(*messages: BaseMessage) -> list[Json]:
    """Return the tool calls of the conversation's first message, as they are sent."""
    return list(messages_of(*messages)[0].get("tool_calls", ()))


def ids(calls: Sequence[Json]) -> list[str]:
    return [sent["id"] for sent in calls]


@pytest.mark.parametrize("kind", IN_CONTENT)
def test_a_call_removed_from_tool_calls_is_not_sent(server: Server, stub: ProtocolStub, kind: str) -> None:
    server.default = stub.reply_to
    turn = AIMessage(["Let me look.", IN_CONTENT[kind]("a")], tool_calls=[call("a")])
    stub.llm(server).invoke([turn.model_copy(update={"tool_calls": []}), HumanMessage("Go on.")])

    assert stub.messages_sent(server)[0] == {"role": "assistant", "content": "Let me look."}


@pytest.mark.parametrize("kind", IN_CONTENT)
def test_only_the_calls_left_in_tool_calls_are_sent(kind: str) -> None:
    turn = AIMessage([IN_CONTENT[kind]("a"), IN_CONTENT[kind]("b")], tool_calls=[call("b")])

    assert ids(sent_calls(turn, ToolMessage("Seen.", tool_call_id="b"))) == ["b"]


def test_a_removed_call_is_not_sent_if_another_turn_has_its_id() -> None:
    removed = AIMessage([IN_CONTENT["tool_use"]("a")])
    turns = [removed, HumanMessage("Again."), AIMessage("", tool_calls=[call("a")]), ToolMessage("x", tool_call_id="a")]

    assert sent_calls(*turns) == []


def test_a_removed_call_whose_arguments_json_cannot_express_is_not_refused() -> None:
    block = {**IN_CONTENT["tool_use"]("a"), "input": {"x": float("nan")}}

    assert sent_calls(AIMessage(["Hm.", block]), HumanMessage("Go on.")) == []


def test_the_arguments_of_tool_calls_count_if_the_content_has_others() -> None:
    turn = AIMessage([IN_CONTENT["tool_use"]("a")], tool_calls=[call("a", x=2)])

    [sent] = sent_calls(turn, ToolMessage("Seen.", tool_call_id="a"))
    assert sent["function"]["arguments"] == '{"x": 2}'


@pytest.mark.parametrize("kind", IN_CONTENT)
@pytest.mark.parametrize(
    "result",
    [ToolMessage("x", tool_call_id="a"), HumanMessage([{"type": "tool_result", "tool_use_id": "a", "content": "x"}])],
    ids=["tool message", "tool result"],
)
def test_a_call_of_the_content_that_a_result_answers_is_sent(kind: str, result: BaseMessage) -> None:
    # As in messages in Anthropic's format, whose calls LangChain does not move to `tool_calls`.
    [sent] = sent_calls(AIMessage([IN_CONTENT[kind]("a")]), result)
    assert (sent["id"], sent["function"]) == ("a", {"name": "look", "arguments": '{"x": 1}'})
