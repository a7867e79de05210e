"""What is read can be sent again: the next turn of a conversation goes out, whatever an answer contained."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, InvalidToolCall, SystemMessage, ToolMessage

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._arguments import parse_arguments
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.server import Reply, Server, json_reply, stream_reply
from tests.support.ways import Ask

EMOJI, LOST = "😀", "\ufffd"
HIGH, LOW = "<high>", "<low>"
"""What stands for the halves of a surrogate pair in the replies; they are sent escaped."""

UNSENDABLE_ARGUMENTS = {
    "NaN": '{"a": NaN}',
    "Infinity": '{"a": [Infinity]}',
    "-Infinity": '{"a": {"b": -Infinity}}',
    "1e999": '{"a": 1e999}',
    "-1e999": '{"a": -1e999}',
    "an escaped half": '{"a": "x\\ud83d"}',
    "an escaped half as a key": '{"\\uDE00": 1}',
    "escaped halves in the wrong order": '{"a": "\\ude00\\ud83d"}',
}


def escape_halves(reply: Reply) -> Reply:
    parts = [
        part.replace(HIGH.encode(), rb"\ud83d").replace(LOW.encode(), rb"\ude00") if isinstance(part, bytes) else part
        for part in reply.parts
    ]
    return Reply(parts, reply.status, reply.headers, reply.framing)


def script(server: Server, stub: ProtocolStub, *deltas: Json, whole: Json) -> None:
    """Script an answer, in pieces and as a whole, whichever is asked for."""
    streamed = stub.stream_of([{"content": "", **delta} for delta in deltas])
    in_one_piece = json_reply(stub.body({"content": "", **whole}, "stop", stub.usage))
    server.default = lambda received: escape_halves(streamed if stub.is_streamed(received) else in_one_piece)


def call(arguments: object, name: str | None = "look", id_: str | None = "call_1") -> Json:
    return {
        "tool_calls": [{"index": 0, "id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}]
    }


def send_again(server: Server, stub: ProtocolStub, message: AIMessage) -> Json:
    """Return an answer as it is sent back with the next turn."""
    server.default = stub.reply_to
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    results = [ToolMessage("ok", tool_call_id=str(each["id"])) for each in calls]
    stub.llm(server).invoke([HumanMessage("Hi"), message, *results], preserve_thinking=True)
    return stub.messages_sent(server)[1]


@pytest.mark.parametrize("arguments", UNSENDABLE_ARGUMENTS.values(), ids=UNSENDABLE_ARGUMENTS)
def test_arguments_that_json_cannot_have_are_invalid_and_can_be_sent_again(
    server: Server, stub: ProtocolStub, ask: Ask, arguments: str
) -> None:
    script(server, stub, call(arguments[:6]), call(arguments[6:], None, None), whole=call(arguments))
    answer = ask(stub.llm(server))
    assert answer.tool_calls == []
    [invalid] = answer.invalid_tool_calls
    assert (invalid["args"] or "").startswith(arguments)
    [sent] = send_again(server, stub, answer)["tool_calls"]
    assert json.loads(sent["function"]["arguments"])["invalid_json"].startswith(arguments)


def test_arguments_that_are_an_object_with_nan_are_invalid(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    arguments = {"a": float("nan")}
    script(server, stub, call(arguments), whole=call(arguments))
    answer = ask(stub.llm(server))
    assert (answer.tool_calls, len(answer.invalid_tool_calls)) == ([], 1)


VALID = {
    "a large number": ('{"a": 1e308}', {"a": 1e308}),
    "both halves": ('{"a": "\\ud83d\\ude00"}', {"a": EMOJI}),
    "an escaped backslash": ('{"a": "\\\\ud83d"}', {"a": "\\ud83d"}),
}


@pytest.mark.parametrize(("arguments", "expected"), VALID.values(), ids=VALID)
def test_arguments_that_can_be_sent_again_are_valid(arguments: str, expected: Json) -> None:
    assert parse_arguments("look", arguments) == (expected, None)


def test_the_error_of_arguments_with_nan_names_it() -> None:
    _, problem = parse_arguments("look", '{"a": NaN}')
    assert problem == "The arguments of 'look' are not valid JSON: NaN is not a JSON number."


def test_the_error_of_a_number_that_is_too_large_names_it() -> None:
    _, problem = parse_arguments("look", '{"a": 1e999}')
    assert problem == "The arguments of 'look' are not valid JSON: 1e999 is too large a number."


HALVES: dict[str, tuple[Sequence[str], str]] = {
    "in two deltas": (("a" + HIGH, LOW + "b"), f"a{EMOJI}b"),
    "with an empty delta between": (("a" + HIGH, "", LOW + "b"), f"a{EMOJI}b"),
    "in one delta": (("a" + HIGH + LOW, "b"), f"a{EMOJI}b"),
    "only the first": (("a" + HIGH, "b"), f"a{LOST}b"),
    "only the second": (("a" + LOW, "b"), f"a{LOST}b"),
    "at the end": (("a", HIGH), f"a{LOST}"),
}


@pytest.mark.parametrize("case", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal"])
def test_halves_of_a_surrogate_pair_are_joined_or_replaced(
    server: Server, stub: ProtocolStub, ask: Ask, case: tuple[Sequence[str], str], field: str
) -> None:
    pieces, expected = case
    script(server, stub, *({field: piece} for piece in pieces), whole={field: "".join(pieces)})
    answer = ask(stub.llm(server))
    assert (answer.content if field == "content" else answer.additional_kwargs[field]) == expected


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_repaired_text_can_be_sent_again(server: Server, stub: ProtocolStub, ask: Ask, field: str) -> None:
    script(server, stub, {field: "a" + HIGH}, whole={field: "a" + HIGH})
    assert send_again(server, stub, ask(stub.llm(server)))[field] == f"a{LOST}"


def test_an_answer_whose_metadata_has_halves_can_be_written_as_json(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    answer = {**stub.body({"content": "a"}, "stop", stub.usage), "request_id": f"req{HIGH}"}
    choices = answer["choices"] if "choices" in answer else answer["output"]["choices"]
    choices[0]["logprobs"] = {"content": [{"token": HIGH}]}
    streamed, whole = (escape_halves(reply) for reply in (stream_reply(stub.frame(answer)), json_reply(answer)))
    server.default = lambda received: streamed if stub.is_streamed(received) else whole
    metadata = json.loads(ask(stub.llm(server)).model_dump_json())["response_metadata"]
    assert (metadata["request_id"], metadata["logprobs"]["content"][0]["token"]) == (f"req{LOST}", LOST)


@pytest.mark.parametrize(("pieces", "expected"), list(HALVES.values())[:-1], ids=list(HALVES)[:-1])
def test_halves_in_arguments_are_joined_or_replaced(
    server: Server, stub: ProtocolStub, ask: Ask, pieces: Sequence[str], expected: str
) -> None:
    written = ['{"x": "', *pieces, '"}']
    fragments = [call(piece, None, None) for piece in written]
    script(server, stub, call(""), *fragments, whole=call("".join(written)))
    assert [each["args"] for each in ask(stub.llm(server)).tool_calls] == [{"x": expected}]


def test_arguments_that_end_with_a_half_are_invalid_and_can_be_sent_again(
    server: Server, stub: ProtocolStub, ask: Ask
) -> None:
    script(server, stub, call('{"x": "' + HIGH), whole=call('{"x": "' + HIGH))
    answer = ask(stub.llm(server))
    assert answer.tool_calls == []
    assert send_again(server, stub, answer)["tool_calls"]


def test_a_transcript_in_two_deltas_is_joined(server: Server, ask: Ask) -> None:
    deltas = [{"audio": {"transcript": "a" + HIGH}}, {"audio": {"transcript": LOW}}]
    script(server, OPENAI, *deltas, whole={"audio": {"transcript": "a" + HIGH + LOW}})
    assert ask(OPENAI.llm(server)).additional_kwargs["audio"]["transcript"] == f"a{EMOJI}"


def test_the_id_and_the_name_of_a_call_can_be_sent_again(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    given = call("{}", "look" + HIGH, "call" + HIGH)
    script(server, stub, given, given, whole=given)
    [sent] = send_again(server, stub, ask(stub.llm(server)))["tool_calls"]
    assert sent["id"] == f"call{LOST}"


def test_a_half_in_a_text_that_each_event_repeats_is_not_doubled(server: Server, ask_streamed: Ask) -> None:
    texts = ["a", "a" + HIGH, "a" + HIGH + LOW, "", "a" + HIGH + LOW + "b"]
    server.script(escape_halves(OPENAI.stream_of([{"content": text} for text in texts])))
    assert ask_streamed(OPENAI.llm(server, model="qwen-mt-plus")).content == f"a{EMOJI}b"


@pytest.mark.parametrize(
    "message",
    [
        SystemMessage("a\ud800"),
        HumanMessage([{"type": "text", "text": "a\udfff"}]),
        HumanMessage([{"type": "image_url", "image_url": {"url": "https://example.com/\ud800"}}]),
        AIMessage("", tool_calls=[{"name": "look", "args": {"a": "\ud800"}, "id": "call_1"}]),
        AIMessage("a", additional_kwargs={"reasoning_content": "\ud800"}),
        ToolMessage("\udc80", tool_call_id="call_1"),
        HumanMessage("a", name="\ud800"),
    ],
    ids=["system", "a block", "a URL", "arguments", "reasoning", "a result", "a name"],
)
def test_a_text_that_cannot_be_encoded_is_refused_with_the_messages_position(
    server: Server, stub: ProtocolStub, message: Any
) -> None:
    kind = type(message).__name__
    with pytest.raises(UnsupportedInputError, match=rf"^Message 1 \({kind}\) cannot be encoded in UTF-8\."):
        stub.llm(server, model="qwen3.7-plus").invoke([HumanMessage("Hi"), message], preserve_thinking=True)
    assert server.requests == []


def test_nan_in_a_users_arguments_is_refused_with_the_messages_position(server: Server, stub: ProtocolStub) -> None:
    message = AIMessage("", tool_calls=[{"name": "look", "args": {"a": float("nan")}, "id": "call_1"}])
    with pytest.raises(UnsupportedInputError, match="Message 1 has a tool call whose arguments cannot be written"):
        stub.llm(server).invoke([HumanMessage("Hi"), message, ToolMessage("ok", tool_call_id="call_1")])


# ---------------------------------------------------------------------------------------------------- no arguments

EMPTY = ["", " ", "\n", "null", " null\n", None]


@pytest.mark.parametrize("arguments", EMPTY, ids=repr)
def test_empty_arguments_are_read_as_an_empty_object(
    server: Server, stub: ProtocolStub, ask: Ask, arguments: str | None
) -> None:
    script(server, stub, call(arguments), whole=call(arguments))
    answer = ask(stub.llm(server))
    assert ([each["args"] for each in answer.tool_calls], answer.invalid_tool_calls) == ([{}], [])


@pytest.mark.parametrize("arguments", EMPTY, ids=repr)
@pytest.mark.parametrize("key", ["input", "args"])
def test_empty_arguments_of_a_block_are_sent_as_an_empty_object(
    server: Server, stub: ProtocolStub, arguments: str | None, key: str
) -> None:
    kind = "tool_use" if key == "input" else "tool_call"
    message = AIMessage([{"type": kind, "id": "call_1", "name": "look", key: arguments}])
    server.default = stub.reply_to
    stub.llm(server).invoke([HumanMessage("Hi"), message, ToolMessage("ok", tool_call_id="call_1")])
    assert stub.messages_sent(server)[1]["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize("arguments", EMPTY, ids=repr)
def test_empty_arguments_of_another_clients_invalid_call_are_sent_as_an_empty_object(
    server: Server, stub: ProtocolStub, arguments: str | None
) -> None:
    invalid = InvalidToolCall(type="invalid_tool_call", id="call_1", name="look", args=arguments, error=None)
    message = AIMessage("", invalid_tool_calls=[invalid])
    assert send_again(server, stub, message)["tool_calls"][0]["function"]["arguments"] == "{}"


# LangChain leaves out a call whose arguments are `None` in this format.
@pytest.mark.parametrize("arguments", EMPTY[:-1], ids=repr)
def test_empty_arguments_in_openais_format_are_sent_as_an_empty_object(
    server: Server, stub: ProtocolStub, arguments: str | None
) -> None:
    raw = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": arguments}}
    message = AIMessage("", additional_kwargs={"tool_calls": [raw]})
    assert send_again(server, stub, message)["tool_calls"][0]["function"]["arguments"] == "{}"


def test_arguments_of_a_block_that_are_written_as_json_are_sent_as_an_object(
    server: Server, stub: ProtocolStub
) -> None:
    message = AIMessage([{"type": "tool_use", "id": "call_1", "name": "look", "input": '{"at": "noon"}'}])
    server.default = stub.reply_to
    stub.llm(server).invoke([HumanMessage("Hi"), message, ToolMessage("ok", tool_call_id="call_1")])
    [sent] = stub.messages_sent(server)[1]["tool_calls"]
    assert json.loads(sent["function"]["arguments"]) == {"at": "noon"}
