"""Halves of surrogate pairs are joined, or replaced by U+FFFD, when an answer is read, so that it can be sent again."""

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._surrogates import (
    DeltaJoiner,
    SurrogateJoiner,
    has_lone_surrogate,
    map_texts,
    repair_identity,
    repair_surrogates,
    repair_value,
)

HIGH, LOW, EMOJI, LOST = "\ud83d", "\ude00", "😀", "\ufffd"


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("plain", "plain"),
        ("西湖😀", "西湖😀"),
        (f"a{HIGH}{LOW}b", f"a{EMOJI}b"),
        (f"a{HIGH}b", f"a{LOST}b"),
        (f"{LOW}{HIGH}", f"{LOST}{LOST}"),
        (f"{HIGH}{HIGH}{LOW}", f"{LOST}{EMOJI}"),
        (HIGH, LOST),
        ("", ""),
    ],
)
def test_halves_are_joined_or_replaced(text: str, repaired: str) -> None:
    assert repair_surrogates(text) == repaired


@given(st.text(st.sampled_from(["a", "西", EMOJI, HIGH, LOW])), st.lists(st.integers(0, 9), max_size=4))
def test_a_text_in_pieces_is_repaired_like_the_whole_text(text: str, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    joiner = SurrogateJoiner()
    pieces = [joiner.add(text[start:end]) for start, end in itertools.pairwise(ends)]
    assert "".join([*pieces, joiner.finish()]) == repair_surrogates(text)


@pytest.mark.parametrize("value", [HIGH, [{"a": HIGH}], {HIGH: 1}, {"a": [1, f"x{LOW}"]}, (LOW,)])
def test_a_lone_surrogate_is_found_anywhere(value: object) -> None:
    assert has_lone_surrogate(value)


@pytest.mark.parametrize("value", [EMOJI, [{"a": "b"}], 1, None, {"a": [1.5, True]}])
def test_a_value_that_can_be_encoded_has_no_lone_surrogate(value: object) -> None:
    assert not has_lone_surrogate(value)


def test_the_texts_beside_the_content_are_changed_and_other_values_kept() -> None:
    given = {"reasoning_content": "a", "refusal": "b", "audio": {"transcript": "c", "id": "x"}, "annotations": [1]}
    assert map_texts(given, lambda _, text: "" if text == "b" else text.upper()) == {
        "reasoning_content": "A",
        "audio": {"transcript": "C", "id": "x"},
        "annotations": [1],
    }


@pytest.mark.parametrize(
    ("value", "repaired"),
    [
        ({"annotations": [{"title": HIGH}]}, {"annotations": [{"title": LOST}]}),
        ({"audio": {"transcript": "a", "id": HIGH}}, {"audio": {"transcript": "a", "id": LOST}}),
    ],
)
def test_halves_in_other_values_beside_the_content_are_replaced(value: Json, repaired: Json) -> None:
    assert map_texts(value, lambda _, text: text) == repaired


def test_audio_without_a_transcript_is_kept() -> None:
    assert map_texts({"audio": {"data": "UklG"}}, lambda _, text: text) == {"audio": {"data": "UklG"}}


def test_fields_of_deltas_are_joined_each_for_itself() -> None:
    joiner = DeltaJoiner()
    assert joiner.add({"reasoning_content": f"a{HIGH}", "audio": {"transcript": HIGH}}) == {
        "reasoning_content": "a",
        "audio": {"transcript": ""},
    }
    assert joiner.add({"reasoning_content": f"{LOW}b"}) == {"reasoning_content": f"{EMOJI}b"}
    assert joiner.finish() == {"audio": {"transcript": LOST}}


def test_the_half_of_a_text_field_that_is_left_is_replaced() -> None:
    joiner = DeltaJoiner()
    assert joiner.add({"reasoning_content": HIGH}) == {}
    assert joiner.finish() == {"reasoning_content": LOST}


def test_the_id_and_the_name_of_a_call_are_repaired() -> None:
    call = {"id": f"call{HIGH}", "function": {"name": f"look{LOW}", "arguments": "{}"}}
    assert repair_identity(call) == {"id": f"call{LOST}", "function": {"name": f"look{LOST}", "arguments": "{}"}}


def test_the_name_of_a_call_without_an_id_is_repaired() -> None:
    assert repair_identity({"function": {"name": HIGH}}) == {"id": None, "function": {"name": LOST}}


def test_a_call_without_halves_is_returned_as_it_is() -> None:
    call = json.loads('{"id": "call_1", "function": null}')
    assert repair_identity(call) is call


@pytest.mark.parametrize("depth", [150, 230, 5000])
@pytest.mark.parametrize(("text", "repaired"), [("\ud800", "\ufffd"), ("a", "a")], ids=["half", "text"])
def test_a_value_is_repaired_at_any_depth(depth: int, text: str, repaired: str) -> None:
    value: Any = text
    for _ in range(depth):
        value = [value]
    value = repair_value(value)
    for _ in range(depth):
        [value] = value
    assert value == repaired


@pytest.mark.parametrize("text", ["a", "\ud800"])
def test_a_repaired_value_shares_nothing_with_the_given_one(text: str) -> None:
    value = {"a": [text]}
    repair_value(value)["a"].append("b")
    assert value == {"a": [text]}


def test_numbers_are_copied_as_they_are() -> None:
    numbers = [2**70, -1, 0.1, -0.0, 1e22, 5e-324, math.inf, True, None]
    assert repr(repair_value(numbers)) == repr(numbers)


def test_the_fields_of_an_object_keep_their_order_and_values() -> None:
    value = {"b" + chr(0xD800): 1, "b" + chr(0xD801): 2, "a": [{"c": None, "d": "\udc00"}]}
    assert list(repair_value(value).items()) == [("b\ufffd", 1), ("a", [{"c": None, "d": "\ufffd"}])]
