"""Fields of an answer that this package does not know: kept once, whole or streamed."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessage, BaseMessage

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._unknown_fields import UnknownFieldsOfStream
from langchain_qwen_workspace.errors import InvalidResponseError
from tests.support.encoding import encode
from tests.support.protocols import stub_of
from tests.wire.golden._reading import decode_stream, request_of, wire_of

NEW = {"some_new_field": {"a": [1, {"b": None}], "c": "d"}}


def whole(protocol: ProtocolName, fields: Json) -> BaseMessage:
    stub = stub_of(protocol)
    body = stub.body({"content": "Hi", **fields}, "stop", stub.usage)
    return wire_of(protocol).decode(body, request_of("qwen-plus", protocol, stream=False)).generations[0].message


def streamed(protocol: ProtocolName, deltas: Sequence[Json]) -> BaseMessage:
    choices: list[Json] = [{"delta": delta, "message": delta} for delta in deltas]
    choices[-1]["finish_reason"] = "stop"
    events = [{"choices": [choice], "output": {"choices": [choice]}} for choice in choices]
    first, *rest = [chunk.message for chunk in decode_stream(protocol, request_of("qwen-plus", protocol), events)]
    return sum(rest, first)


def test_a_whole_answer_keeps_an_unknown_field(protocol: ProtocolName) -> None:
    assert whole(protocol, NEW).additional_kwargs == NEW


def test_a_stream_keeps_an_unknown_field_that_every_event_repeats_once(protocol: ProtocolName) -> None:
    deltas = [{"content": text, **NEW} for text in ("a", "b", "c")]

    assert streamed(protocol, deltas).additional_kwargs == NEW


def test_a_stream_keeps_an_unknown_field_of_an_event_without_text(protocol: ProtocolName) -> None:
    assert streamed(protocol, [{"content": "a"}, NEW]).additional_kwargs == NEW


@pytest.mark.filterwarnings("ignore:.*beta:langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_an_unknown_field_survives_serialization(protocol: ProtocolName) -> None:
    message = whole(protocol, NEW)

    assert load(dumpd(message), allowed_objects="core").additional_kwargs == NEW


@pytest.mark.parametrize("value", [None, "", [], {}], ids=repr)
def test_an_empty_unknown_field_is_left_out(protocol: ProtocolName, value: Any) -> None:
    assert whole(protocol, {"some_new_field": value}).additional_kwargs == {}


@pytest.mark.parametrize("name", ["partial", "content_parts"])
def test_a_field_with_a_name_that_this_package_reads_is_kept_under_another(protocol: ProtocolName, name: str) -> None:
    assert whole(protocol, {name: True}).additional_kwargs == {f"received_{name}": True}


def test_an_unknown_field_is_not_sent_back() -> None:
    body = encode(AIMessage("Hi", additional_kwargs=NEW)).body

    assert body["messages"] == [{"role": "assistant", "content": "Hi"}]


@pytest.mark.parametrize(
    ("values", "merged"),
    [
        (["abc"], "abc"),
        (["abc", "abc", "abc"], "abc"),
        (["ab", "abc"], "abc"),
        (["ab", "cd", "ab"], "abcdab"),
        (["a", "a", "b"], "aab"),
        ([1, 1, 2], 2),
        ([True, True], True),
        ([False], False),
        ([0.5, 0.5], 0.5),
        ([[1, 2], [1, 2]], [1, 2]),
        ([[1], [2], [1]], [1, 2]),
        ([{"a": "x"}, {"a": "y", "b": 1}, {"b": 1}], {"a": "xy", "b": 1}),
        (["a", ["b"]], ["b"]),
        (["\ud83d", "\ude00"], "😀"),
        ([{"k": "\ud83d"}], {"k": "\ufffd"}),
        ([["\ud83d"]], ["\ufffd"]),
    ],
    ids=repr,
)
def test_the_values_of_a_stream_become_one(values: Sequence[Any], merged: Any) -> None:
    fields = UnknownFieldsOfStream()
    for value in values:
        fields.add({"new": value})

    assert fields.merge() == {"new": merged}


def test_an_unknown_field_that_is_too_deep_is_an_invalid_response(protocol: ProtocolName) -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]

    decoder = wire_of(protocol).decoder(request_of("qwen-plus", protocol))
    choice = {"delta": {"new": deep}, "message": {"new": deep}, "finish_reason": "stop"}
    decoder.feed({"choices": [choice], "output": {"choices": [choice]}})

    with pytest.raises(InvalidResponseError, match="RecursionError"):
        decoder.finish()


def test_deep_research_keeps_an_unknown_field() -> None:
    event = {"output": {"message": {"phase": "answer", "status": "finished", "content": "Hi", **NEW}}}

    chunks = decode_stream("dashscope", request_of("qwen-deep-research", "dashscope"), [event])

    assert [chunk.message.additional_kwargs for chunk in chunks if chunk.message.additional_kwargs] == [NEW]
