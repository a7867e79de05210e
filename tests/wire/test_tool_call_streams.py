"""Tool calls of streams whose servers reuse, change or omit indexes, ids and names."""

import sys
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._wire._tool_call_stream import ToolCallStream
from tests.wire.golden import Json
from tests.wire.golden._reading import decode_stream, message_of, request_of
from tests.wire.golden._row import completion_chunks, generation_events

USAGE: Json = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def fragment(index: int | None, id_: str | None, name: str | None, arguments: str | None) -> Json:
    return {"index": index, "id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def read_calls(*events: Json | list[Json]) -> AIMessage:
    """Return the message of a stream whose events have these fragments."""
    deltas = [{"delta": {"tool_calls": event if isinstance(event, list) else [event]}} for event in events]
    stream = completion_chunks("qwen-plus", *deltas, {"delta": {}, "finish_reason": "tool_calls"}, usage=USAGE)
    return message_of(decode_stream("openai", request_of("qwen-plus", "openai"), stream))


def calls_of(message: Any) -> list[tuple[str, Any, str]]:
    return [(call["name"], call["args"], call["id"]) for call in message.tool_calls]


def test_two_whole_calls_with_one_index_are_two_calls() -> None:
    message = read_calls(
        [fragment(0, "call_a", "look", '{"x": 1}'), fragment(0, "call_b", "find", '{"y": 2}')],
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a"), ("find", {"y": 2}, "call_b")]


def test_fragments_after_each_of_two_calls_with_one_index_belong_to_the_call_before_them() -> None:
    message = read_calls(
        fragment(0, "call_a", "look", ""),
        fragment(0, None, None, '{"x": '),
        fragment(0, "", "", "1}"),
        fragment(0, "call_b", "find", ""),
        fragment(0, None, None, '{"y": 2}'),
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a"), ("find", {"y": 2}, "call_b")]


def test_a_call_whose_index_changes_after_its_first_fragment_is_one_call() -> None:
    message = read_calls(
        fragment(0, "call_a", "look", '{"x"'), fragment(1, None, None, ": "), fragment(2, "", "", "1}")
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a")]


def test_fragments_of_interleaved_calls_are_told_apart_by_their_index() -> None:
    message = read_calls(
        [fragment(0, "call_a", "look", '{"x": '), fragment(1, "call_b", "find", '{"y": ')],
        [fragment(1, None, None, "2}"), fragment(0, None, None, "1}")],
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a"), ("find", {"y": 2}, "call_b")]


def test_interleaved_fragments_with_one_index_are_told_apart_by_their_ids() -> None:
    message = read_calls(
        [fragment(0, "call_a", "look", '{"x": '), fragment(0, "call_b", "find", '{"y": ')],
        [fragment(0, "call_a", None, "1}"), fragment(0, "call_b", None, "2}")],
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a"), ("find", {"y": 2}, "call_b")]


def test_two_calls_with_one_id_and_different_indexes_stay_two() -> None:
    message = read_calls([fragment(0, "same", "look", "{}"), fragment(1, "same", "find", "{}")])
    assert calls_of(message) == [("look", {}, "same"), ("find", {}, "same")]


def test_a_new_index_with_a_known_id_and_no_name_continues_that_call() -> None:
    message = read_calls(
        [fragment(0, "call_a", "look", '{"x": '), fragment(1, "call_b", "find", "{}")],
        fragment(2, "call_a", None, "1}"),
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a"), ("find", {}, "call_b")]


def test_an_id_that_changes_without_a_new_name_is_the_same_call() -> None:
    message = read_calls(fragment(0, "call_a", "look", '{"x": '), fragment(0, "chunk_2", None, "1}"))
    assert calls_of(message) == [("look", {"x": 1}, "call_a")]


@pytest.mark.parametrize("index", [0, None])
def test_another_name_without_an_id_is_another_call(index: int | None) -> None:
    message = read_calls(
        fragment(index, None, "look", '{"x": '), fragment(index, None, None, "1}"), fragment(index, None, "find", "")
    )
    assert [call[:2] for call in calls_of(message)] == [("look", {"x": 1}), ("find", {})]


@pytest.mark.parametrize("index", [0, None])
def test_a_whole_call_with_a_known_name_and_no_id_is_another_call(index: int | None) -> None:
    message = read_calls(fragment(index, None, "look", '{"x": 1}'), fragment(index, None, "look", '{"x": 2}'))
    assert [call[:2] for call in calls_of(message)] == [("look", {"x": 1}), ("look", {"x": 2})]


@pytest.mark.parametrize("index", [0, None])
def test_a_name_that_every_fragment_repeats_is_one_call(index: int | None) -> None:
    pieces = ("", '{"x": ', "1}", "")
    message = read_calls(*(fragment(index, None, "look", piece) for piece in pieces))
    assert [call[:2] for call in calls_of(message)] == [("look", {"x": 1})]


@pytest.mark.parametrize("arguments", ["", "{}", '{"x": 1}', '{"x"', "null"])
def test_a_call_without_a_name_is_never_valid(arguments: str) -> None:
    message = read_calls(fragment(0, "call_a", None, arguments))
    assert message.tool_calls == []
    assert [call["id"] for call in message.invalid_tool_calls] == ["call_a"]


@pytest.mark.parametrize("pieces", [[""], [" "], ["\n"], ["null"], ["nu", "ll"], [" ", "null", " "], [None]])
def test_blanks_and_null_are_no_arguments(pieces: list[str | None]) -> None:
    first, *rest = pieces
    message = read_calls(fragment(0, "call_a", "look", first), *(fragment(0, None, None, piece) for piece in rest))
    assert calls_of(message) == [("look", {}, "call_a")]
    assert message.invalid_tool_calls == []


def test_blanks_before_arguments_are_kept() -> None:
    message = read_calls(
        fragment(0, "call_a", "look", " "), fragment(0, None, None, "\n"), fragment(0, None, None, '{"x": 1}')
    )
    assert calls_of(message) == [("look", {"x": 1}, "call_a")]


@pytest.mark.parametrize("arguments", ["nul", "nope", "nu{}"])
def test_what_only_begins_like_null_is_invalid(arguments: str) -> None:
    message = read_calls(fragment(0, "call_a", "look", arguments))
    assert message.tool_calls == []
    assert [call["id"] for call in message.invalid_tool_calls] == ["call_a"]


@pytest.mark.parametrize("protocol", ["dashscope"])
def test_the_dashscope_protocol_reads_them_alike(protocol: ProtocolName) -> None:
    first = {"content": "", "tool_calls": [fragment(0, "call_a", "look", "{}")]}
    second = {"content": "", "tool_calls": [fragment(0, "call_b", "find", "null")]}
    events = generation_events((first, "null", USAGE), (second, "tool_calls", USAGE))
    message = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))
    assert calls_of(message) == [("look", {}, "call_a"), ("find", {}, "call_b")]


@pytest.mark.parametrize("name", [None, "f"], ids=["without a name", "with the name again"])
def test_a_fragment_is_read_without_joining_all_earlier_ones_again(name: str | None) -> None:
    """Arguments of 100 kB in 50,000 fragments would take seconds."""
    calls, joins = ToolCallStream({}), 0
    calls.add([fragment(0, "call_1", "f", '{"text": "')])

    def count_joins(_: object, event: str, called: Any) -> None:
        nonlocal joins
        joins += event == "c_call" and called.__name__ == "join"

    sys.setprofile(count_joins)
    try:
        for _ in range(100):
            calls.add([fragment(0, None, name, "ab")])
    finally:
        sys.setprofile(None)
    assert joins < 100
