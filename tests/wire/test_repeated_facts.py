"""What the events of a stream repeat is in the message once, and no event hides what an earlier one had."""

from collections.abc import Sequence
from typing import Any

import pytest

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._repeated_facts import SeenItems, StreamFacts
from tests.wire.golden._reading import decode_stream, message_of, request_of
from tests.wire.golden._row import completion_chunks, dashscope_usage, delta, generation, generation_events

ONE, TWO = {"index": 1, "title": "One"}, {"index": 2, "title": "Two"}
STOCK, ROUTE = {"tool": "stock", "result": "up"}, {"tool": "route", "result": "left"}


def run(code: str) -> Json:
    return {"type": "code_interpreter", "code_interpreter": {"code": code}}


MERGES: dict[str, tuple[Sequence[Json], Json]] = {
    "an empty list hides nothing": (
        [{"s": {"results": [ONE], "tools": []}}, {"s": {"results": [], "tools": [STOCK]}}],
        {"s": {"results": [ONE], "tools": [STOCK]}},
    ),
    "items of several events": ([{"s": {"results": [ONE]}}, {"s": {"results": [TWO]}}], {"s": {"results": [ONE, TWO]}}),
    "an item that is repeated": (
        [{"s": {"results": [ONE]}}, {"s": {"results": [TWO]}}, {"s": {"results": [ONE]}}],
        {"s": {"results": [ONE, TWO]}},
    ),
    "a list that grows": ([{"s": {"results": [ONE]}}, {"s": {"results": [ONE, TWO]}}], {"s": {"results": [ONE, TWO]}}),
    "an item that grows": ([{"t": [run("")]}, {"t": [run("1+")]}, {"t": [run("1+1")]}], {"t": [run("1+1")]}),
    "an item that grows after another": (
        [{"t": [run("1+1")]}, {"t": [run("1+1"), run("")]}, {"t": [run("1+1"), run("2/5")]}],
        {"t": [run("1+1"), run("2/5")]},
    ),
    "other runs": ([{"t": [run("a")]}, {"t": [run("b")]}, {"t": [run("b")]}], {"t": [run("a"), run("b")]}),
    "a URL that begins another": (
        [{"s": {"results": [{"url": "https://a"}]}}, {"s": {"results": [{"url": "https://a/b"}]}}],
        {"s": {"results": [{"url": "https://a"}, {"url": "https://a/b"}]}},
    ),
    "a list after an empty one": ([{"s": {"results": []}}, {"s": {"results": [ONE]}}], {"s": {"results": [ONE]}}),
    "a new key": ([{"s": {"results": [ONE]}}, {"s": {"note": "x"}}], {"s": {"results": [ONE], "note": "x"}}),
    "a text": ([{"model_name": "a"}, {"model_name": "b"}], {"model_name": "b"}),
    "another type": ([{"s": {"results": [1]}}, {"s": [2]}, {"s": {"a": 3}}], {"s": {"a": 3}}),
    "numbers": ([{"t": [1]}, {"t": [2]}, {"t": [1, 3]}], {"t": [1, 2, 3]}),
}


@pytest.mark.parametrize(("events", "merged"), MERGES.values(), ids=MERGES)
def test_facts_of_several_events_are_merged(events: Sequence[Json], merged: Json) -> None:
    facts = StreamFacts()
    for event in events:
        facts.add(event)
    assert facts.merged == merged


def test_items_are_compared_by_their_values() -> None:
    seen = SeenItems()
    assert seen.unseen([{"a": 1, "b": 2}, {"b": 2, "a": 1}]) == [{"a": 1, "b": 2}]
    assert seen.unseen([{"b": 2, "a": 1}, {"a": 2}]) == [{"a": 2}]


def searching(*found: Json) -> list[Json]:
    """Return a stream with the `search_info` of each of its events."""
    events = generation_events(
        *(({"content": "a"}, "null", dashscope_usage(3, 1)) for _ in found[1:]),
        ({"content": ""}, "stop", dashscope_usage(3, 2)),
    )
    for event, info in zip(events, found, strict=True):
        event["output"]["search_info"] = info
    return events


def search_info_of(*found: Json) -> Any:
    message = message_of(decode_stream("dashscope", request_of("qwen-plus", "dashscope"), searching(*found)))
    return message.response_metadata.get("search_info")


def test_tools_of_a_search_without_results_are_kept() -> None:
    info = {"search_results": [], "extra_tool_info": [STOCK]}
    assert search_info_of(info) == info


def test_tools_and_results_of_a_search_in_different_events_are_kept() -> None:
    found = search_info_of(
        {"search_results": [ONE], "extra_tool_info": []},
        {"search_results": [], "extra_tool_info": [STOCK]},
        {"search_results": [], "extra_tool_info": []},
        {"search_results": [TWO], "extra_tool_info": [ROUTE]},
    )
    assert found == {"search_results": [ONE, TWO], "extra_tool_info": [STOCK, ROUTE]}


def test_a_search_that_found_nothing_is_left_out() -> None:
    assert search_info_of({"search_results": [], "extra_tool_info": []}) is None


def test_tools_of_a_search_without_results_are_kept_in_a_whole_response() -> None:
    answer = generation({"content": "a"}, "stop", dashscope_usage(3, 1))
    answer["output"]["search_info"] = {"search_results": [], "extra_tool_info": [STOCK]}
    request = request_of("qwen-plus", "dashscope", stream=False)
    [read] = PROTOCOLS["dashscope"].chat.decode(answer, request).generations
    assert read.message.response_metadata["search_info"]["extra_tool_info"] == [STOCK]


def annotated(protocol: ProtocolName, field: str, *values: Any) -> Json:
    """Return the `additional_kwargs` of a stream with a value in each delta."""
    changes: list[Json] = [{"content": "a", field: value} for value in values]
    if protocol == "openai":
        events = completion_chunks("qwen3-asr-flash", *map(delta, changes), delta({}, "stop"), usage={})
    else:
        events = generation_events(
            *((change, "null", dashscope_usage(3, 1)) for change in changes),
            ({"content": ""}, "stop", dashscope_usage(3, 2)),
        )
    return message_of(decode_stream(protocol, request_of("qwen3-asr-flash", protocol), events)).additional_kwargs


SPEECH = {"type": "audio_info", "language": "zh", "emotion": "neutral"}


@pytest.mark.parametrize("field", ["annotations", "deep_research"])
def test_a_list_that_every_event_repeats_is_in_the_message_once(protocol: ProtocolName, field: str) -> None:
    assert annotated(protocol, field, [SPEECH], [SPEECH], [SPEECH]) == {field: [SPEECH]}


def test_items_that_an_event_adds_to_a_list_are_kept(protocol: ProtocolName) -> None:
    added = annotated(protocol, "annotations", [SPEECH], [SPEECH, ONE], [TWO])
    assert added == {"annotations": [SPEECH, ONE, TWO]}


def test_a_part_that_every_event_repeats_is_in_the_message_once(protocol: ProtocolName) -> None:
    image = {"image": "https://example.com/a.png"}
    assert annotated(protocol, "content", [image], [image]) == {"content_parts": [image]}
