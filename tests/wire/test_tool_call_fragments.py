"""Texts, reasoning and tool arguments split into any fragments give the same answer."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.utils.json import parse_partial_json

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._wire._arguments import arguments_text, invalidating_suffix, parse_arguments
from langchain_qwen_workspace._wire._messages import decode_tool_calls, make_call_id
from tests.support.protocols import PROTOCOLS
from tests.wire.golden import REQUEST_ID, Json
from tests.wire.golden._reading import common_parts, decode_stream, message_of, request_of, wire_of, without
from tests.wire.golden._row import (
    call_delta,
    completion,
    completion_chunks,
    dashscope_usage,
    delta,
    generation,
    generation_events,
)


def in_events(
    protocol: ProtocolName, reasoning: list[str], texts: list[str], calls: list[list[str]], *, empty: object = ""
) -> list[Json]:
    """Return a stream with these fragments; a call's first has its id and name, the others have `empty`."""
    message: list[Json] = [{"content": None, "reasoning_content": part} for part in reasoning]
    message += [{"content": part, "reasoning_content": None} for part in texts]
    for index, fragments in enumerate(calls):
        for number, fragment in enumerate(fragments):
            id_, name = (f"call_{index}", "tool") if number == 0 else (empty, empty)
            entry = {**call_delta(index, "", {"name": name, "arguments": fragment}), "id": id_}
            message.append({"content": "", "tool_calls": [entry]})
    if protocol == "openai":
        count = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return completion_chunks("qwen-plus", *map(delta, message), delta({}, "stop"), usage=count)
    return generation_events(
        *((part, "null", dashscope_usage(1, 1)) for part in message), ({"content": ""}, "stop", dashscope_usage(1, 2))
    )


def in_one_piece(protocol: ProtocolName, reasoning: str, text: str, calls: list[str]) -> Json:
    message: Json = {"content": text, "reasoning_content": reasoning}
    message["tool_calls"] = [
        call_delta(index, f"call_{index}", {"name": "tool", "arguments": arguments})
        for index, arguments in enumerate(calls)
    ]
    if protocol == "openai":
        count = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        return {**completion("qwen-plus", message, "stop", count), "request_id": REQUEST_ID}
    return generation(message, "stop", dashscope_usage(1, 2))


def whole_message(protocol: ProtocolName, reasoning: str, text: str, calls: list[str]) -> Json:
    answer = in_one_piece(protocol, reasoning, text, calls)
    result = wire_of(protocol).decode(answer, request_of("qwen-plus", protocol, stream=False))
    return common_parts(result.generations[0].message)  # type: ignore[arg-type]  # a chat generation holds any message


@pytest.mark.parametrize("empty", ["", None], ids=["empty", "null"])
def test_arguments_split_at_every_character_are_the_same(protocol: ProtocolName, empty: object) -> None:
    arguments = '{"location": "浙江省\\"杭州\\"", "days": [1, 2.5, null], "🏞️": {"\\u2028": true}}'
    other = '{"a": 1}'
    expected = whole_message(protocol, "", "", [arguments, other])
    assert len(expected["tool_calls"]) == 2

    for cut in range(len(arguments) + 1):
        events = in_events(protocol, [], [], [[arguments[:cut], arguments[cut:]], [other]], empty=empty)
        assert (
            common_parts(message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))) == expected
        ), cut
    events = in_events(protocol, [], [], [list(arguments), list(other)], empty=empty)
    assert common_parts(message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))) == expected


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return [text[start:end] for start, end in itertools.pairwise([0, *marks, len(text)])]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=8), json_values, max_size=4)


@settings(deadline=None)
@given(
    data=st.data(),
    protocol=st.sampled_from(PROTOCOLS),
    reasoning=st.text(max_size=20),
    text=st.text(max_size=40),
    arguments=st.lists(objects, max_size=3),
    ascii_only=st.booleans(),
)
def test_a_stream_of_any_fragments_equals_the_whole_answer(
    data: st.DataObject,
    protocol: ProtocolName,
    reasoning: str,
    text: str,
    arguments: list[Json],
    *,
    ascii_only: bool,
) -> None:
    written = [json.dumps(value, ensure_ascii=ascii_only) for value in arguments]
    events = in_events(
        protocol,
        data.draw(cut(reasoning)),
        data.draw(cut(text)),
        [data.draw(cut(one)) for one in written],
    )

    total = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))

    assert common_parts(total) == whole_message(protocol, reasoning, text, written)
    assert [call["args"] for call in total.tool_calls] == arguments


@settings(deadline=None)
@given(data=st.data(), protocol=st.sampled_from(PROTOCOLS), arguments=objects)
def test_truncated_arguments_are_invalid_in_a_stream(
    data: st.DataObject, protocol: ProtocolName, arguments: Json
) -> None:
    # LangChain's sum of a stream would complete them: `{"to": "all` must not become a call.
    written = json.dumps(arguments, ensure_ascii=False)
    broken = written[: data.draw(st.integers(1, len(written) - 1))]
    events = in_events(protocol, [], [], [data.draw(cut(broken)), ["{}"]])

    total = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))

    assert [call["id"] for call in total.tool_calls] == ["call_1"]
    assert [call["id"] for call in total.invalid_tool_calls] == ["call_0"]
    assert (total.invalid_tool_calls[0]["args"] or "").startswith(broken)


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        '{"',
        '{"a',
        '{"a"',
        '{"a":',
        '{"a": "',
        '{"a": "\\',
        '{"a": "\\"',
        '{"a": "\\\\',
        '{"a": [',
        '{"a": [1, {"b',
        '{"a": tr',
    ],
)
def test_arguments_truncated_anywhere_are_invalid_in_a_stream(protocol: ProtocolName, arguments: str) -> None:
    events = in_events(protocol, [], [], [[arguments]])

    total = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))

    assert total.tool_calls == []
    assert [call["id"] for call in total.invalid_tool_calls] == ["call_0"]


@settings(deadline=None)
@given(protocol=st.sampled_from(PROTOCOLS), arguments=st.text(min_size=1, max_size=30) | json_values.map(json.dumps))
def test_a_tool_call_is_valid_in_a_stream_exactly_if_it_is_in_a_whole_answer(
    protocol: ProtocolName, arguments: str
) -> None:
    whole = whole_message(protocol, "", "", [arguments])

    total = message_of(
        decode_stream(protocol, request_of("qwen-plus", protocol), in_events(protocol, [], [], [[arguments]]))
    )

    assert common_parts(total)["tool_calls"] == whole["tool_calls"]
    assert len(total.invalid_tool_calls) == len(whole["invalid_tool_calls"])


# Calls without `index`, as in an older stream of the dashscope protocol in the documentation.
UNNUMBERED: list[tuple[str, list[list[Json]]]] = [
    (
        "one after the other",
        [
            [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}}],
            [{"id": "", "function": {"arguments": ": 1}"}}],
            [{"id": "b", "function": {"name": "g", "arguments": '{"y"'}}],
            [{"id": None, "function": {"arguments": ": 2}"}}],
        ],
    ),
    (
        "ids repeated",
        [
            [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}}],
            [{"id": "a", "function": {"name": "f", "arguments": ": 1}"}}],
            [{"id": "b", "function": {"name": "g", "arguments": '{"y"'}}],
            [{"id": "b", "function": {"name": None, "arguments": ": 2}"}}],
        ],
    ),
    (
        "both in one event",
        [
            [
                {"id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}},
                {"id": "b", "function": {"name": "g", "arguments": '{"y": 2}'}},
            ]
        ],
    ),
    (
        "the end of one and the start of the next in one event",
        [
            [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}}],
            [
                {"id": "", "function": {"arguments": ": 1}"}},
                {"id": "b", "function": {"name": "g", "arguments": '{"y": 2}'}},
            ],
        ],
    ),
]


@pytest.mark.parametrize("frames", [case[1] for case in UNNUMBERED], ids=[case[0] for case in UNNUMBERED])
def test_tool_calls_without_an_index_are_distinguished_by_their_ids(
    protocol: ProtocolName, frames: list[list[Json]]
) -> None:
    messages: list[Json] = [{"content": "", "tool_calls": frame} for frame in frames]
    if protocol == "openai":
        events = completion_chunks("qwen-plus", *map(delta, messages), delta({}, "tool_calls"), usage={})
    else:
        events = generation_events(*((message, "tool_calls", dashscope_usage(1, 1)) for message in messages))

    total = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))

    assert [without(call, "type") for call in total.tool_calls] == [
        {"name": "f", "args": {"x": 1}, "id": "a"},
        {"name": "g", "args": {"y": 2}, "id": "b"},
    ]


STOPPED: list[tuple[str, str]] = [
    ('{"to": "all', '"]'),
    ('{"a": 1', "]"),
    ('{"a": [1', "}"),
    ('{"a": {"b": [', "}"),
    ('{"a": [1], "b": {"c": 2}', "]"),
    ("[1", "}"),
    ('{"a": "x\\', '""]'),
    ('{"a": "\\"}', '"]'),
    ('{"a": "\\\\"', "]"),
    ('{"a": "}', '"]'),
    ('{"a": "]", "b', '"]'),
    ('{"a": 1, X', "]"),
    ('{"a": [1, X', "}"),
    ('{"a": 1}}', ""),
    ('{"a": 1]', ""),
    ("nope", ""),
]


@pytest.mark.parametrize(("arguments", "stop"), STOPPED, ids=range(len(STOPPED)))
def test_the_invalidating_suffix_makes_arguments_that_langchain_cannot_complete(arguments: str, stop: str) -> None:
    assert invalidating_suffix(arguments) == stop
    if stop:
        assert parse_partial_json(arguments) is not None
        assert parse_partial_json(arguments + stop) is None


def test_arguments_are_text_and_parsed_leniently() -> None:
    assert arguments_text({"a": "é"}) == '{"a": "é"}'
    assert arguments_text("{") == "{"
    assert arguments_text(None) == ""
    assert parse_arguments("tool", '{"a": "b\nc"}') == ({"a": "b\nc"}, None)
    assert parse_arguments("tool", "") == ({}, None)


def test_a_missing_id_is_made_of_the_request_id_and_the_position() -> None:
    assert make_call_id("r-1", 2) == "call_r-1_2"
    assert make_call_id(None, 0) == "call_unknown_0"
    assert [call["name"] for call in decode_tool_calls([{"id": "1"}], "r-1")[1]] == [""]
