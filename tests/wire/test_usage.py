"""Every shape of usage that the service returns."""

import pytest

from langchain_qwen_workspace._wire._usage import embedding_usage, merge_usage, usage_metadata
from tests.wire.golden import Json
from tests.wire.golden._row import dashscope_usage

COUNT: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

SHAPES: list[tuple[str, Json | None, Json | None]] = [
    ("nothing", None, None),
    ("an empty object", {}, None),
    ("pictures", {"image_count": 1, "width": 1024}, None),
    ("plain, openai", COUNT, {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
    ("plain, dashscope", dashscope_usage(3, 2), {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
    ("no total", {"input_tokens": 3, "output_tokens": 2}, {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
    (
        "details null",
        {**COUNT, "prompt_tokens_details": None, "completion_tokens_details": None},
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    ),
    (
        "details of nulls",
        {
            **COUNT,
            "prompt_tokens_details": {"cached_tokens": None, "audio_tokens": None},
            "completion_tokens_details": {"reasoning_tokens": None, "audio_tokens": None},
        },
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    ),
    (
        "everything, openai",
        {
            "prompt_tokens": 3019,
            "completion_tokens": 504,
            "total_tokens": 3523,
            "completion_tokens_details": {"reasoning_tokens": 496, "text_tokens": 504, "audio_tokens": 7},
            "prompt_tokens_details": {
                "cached_tokens": 2048,
                "text_tokens": 3000,
                "image_tokens": 11,
                "video_tokens": 5,
                "audio_tokens": 3,
                "cache_creation": {"ephemeral_5m_input_tokens": 605},
                "cache_creation_input_tokens": 605,
                "cache_type": "ephemeral",
            },
        },
        {
            "input_tokens": 3019,
            "output_tokens": 504,
            "total_tokens": 3523,
            "input_token_details": {"cache_read": 2048, "cache_creation": 605, "audio": 3, "image": 11, "video": 5},
            "output_token_details": {"reasoning": 496, "audio": 7},
        },
    ),
    (
        "multimodal, dashscope",
        {
            "input_tokens_details": {"image_tokens": 2503, "text_tokens": 388},
            "prompt_tokens_details": {},
            "total_tokens": 3511,
            "output_tokens": 620,
            "input_tokens": 2891,
            "output_tokens_details": {"reasoning_tokens": 556, "text_tokens": 64},
            "image_tokens": 2503,
        },
        {
            "input_tokens": 2891,
            "output_tokens": 620,
            "total_tokens": 3511,
            "input_token_details": {"image": 2503},
            "output_token_details": {"reasoning": 556},
        },
    ),
    (
        "audio beside the totals",
        {"audio_tokens": 752, "input_tokens": 783, "output_tokens": 7},
        {"input_tokens": 783, "output_tokens": 7, "total_tokens": 790, "input_token_details": {"audio": 752}},
    ),
    (
        "cached beside the totals (Singapore)",
        {**dashscope_usage(100, 2), "cached_tokens": 64},
        {"input_tokens": 100, "output_tokens": 2, "total_tokens": 102, "input_token_details": {"cache_read": 64}},
    ),
    (
        "a total of more",
        {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9},
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 9},
    ),
    (
        "a total of less",
        {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 4},
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    ),
    ("nothing used", {"input_tokens": 0}, {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}),
    ("only output", {"output_tokens": 2}, {"input_tokens": 0, "output_tokens": 2, "total_tokens": 2}),
    ("only output, openai", {"completion_tokens": 2}, {"input_tokens": 0, "output_tokens": 2, "total_tokens": 2}),
    (
        "both names of each",
        {"prompt_tokens": 3, "input_tokens": 4, "completion_tokens": 2, "output_tokens": 5},
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    ),
    ("truth values", {"prompt_tokens": True, "input_tokens": False}, None),
    ("no numbers", {"prompt_tokens": "3", "output_tokens": 2.0}, None),
    (
        "details that are none",
        {**COUNT, "prompt_tokens_details": [1], "completion_tokens_details": "x", "output_tokens_details": 5},
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    ),
    (
        "details beside the totals and in both places",
        {
            **dashscope_usage(9, 2),
            "input_tokens_details": {"video_tokens": 3, "audio_tokens": 1, "image_tokens": None},
            "prompt_tokens_details": {"audio_tokens": 2},
            "image_tokens": 4,
            "video_tokens": 8,
        },
        {
            "input_tokens": 9,
            "output_tokens": 2,
            "total_tokens": 11,
            "input_token_details": {"audio": 2, "image": 4, "video": 3},
        },
    ),
    (
        "nothing of it",
        {**COUNT, "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 0}},
        {
            "input_tokens": 3,
            "output_tokens": 2,
            "total_tokens": 5,
            "input_token_details": {"cache_read": 0, "cache_creation": 0},
        },
    ),
    (
        "only input",
        {"total_tokens": 27, "input_tokens": 27},
        {"input_tokens": 27, "output_tokens": 0, "total_tokens": 27},
    ),
]


@pytest.mark.parametrize(("usage", "counts"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
def test_every_documented_usage_is_read(usage: Json | None, counts: Json | None) -> None:
    assert usage_metadata(usage) == counts


def test_a_later_usage_keeps_details_that_only_the_earlier_one_has() -> None:
    earlier = {
        **dashscope_usage(10, 1),
        "prompt_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 1},
    }
    later = {
        **dashscope_usage(10, 5),
        "prompt_tokens_details": None,
        "output_tokens_details": {"text_tokens": 4},
        "plugins": {},
    }

    assert merge_usage(None, earlier) == earlier
    assert merge_usage(earlier, later) == {
        **dashscope_usage(10, 5),
        "prompt_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 1, "text_tokens": 4},
        "plugins": {},
    }
    assert earlier["prompt_tokens_details"] == {"cached_tokens": 4}
    assert later["prompt_tokens_details"] is None


def test_a_token_detail_that_is_null_later_keeps_its_earlier_value() -> None:
    earlier = {**dashscope_usage(10, 1), "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": None}}
    later = {**dashscope_usage(10, 5), "prompt_tokens_details": {"cached_tokens": None}}

    counts = usage_metadata(merge_usage(earlier, later))

    assert counts is not None
    assert counts["input_token_details"] == {"cache_read": 4}


def test_a_usage_that_is_not_an_object_raises_type_error() -> None:
    assert merge_usage({}, {"input_tokens": 1}) == {"input_tokens": 1}
    with pytest.raises(TypeError, match=r"^`usage` is list$"):
        merge_usage(None, [])  # type: ignore[arg-type]  # what a server might send


@pytest.mark.parametrize(
    "name",
    ["prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details"],
)
def test_token_details_are_read_under_every_key(name: str) -> None:
    assert merge_usage({name: {"a": 1}}, {"total_tokens": 2}) == {name: {"a": 1}, "total_tokens": 2}


def vectors(inputs: int, outputs: int = 0, **details: int) -> Json:
    counted = {"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs}
    return {**counted, "input_token_details": details} if details else counted


VECTORS: list[tuple[str, object, Json | None]] = [
    ("nothing", None, None),
    ("a list", [("total_tokens", 1)], None),
    ("an empty object", {}, None),
    ("no tokens", {"image_count": 1, "duration": 3}, None),
    ("openai", {"prompt_tokens": 7, "total_tokens": 7}, vectors(7)),
    ("dashscope", {"total_tokens": 7}, vectors(7)),
    ("no total, openai", {"prompt_tokens": 7}, vectors(7)),
    ("no total, dashscope", {"input_tokens": 7}, vectors(7)),
    ("both names", {"prompt_tokens": 7, "input_tokens": 8}, vectors(7)),
    ("a total that is null", {"prompt_tokens": 7, "total_tokens": None}, vectors(7)),
    ("outputs in the total", {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}, vectors(9, 1)),
    ("outputs and no total", {"input_tokens": 9, "output_tokens": 1}, vectors(9, 1)),
    ("outputs and nothing else", {"output_tokens": 1}, None),
    ("more outputs than the total", {"output_tokens": 9, "total_tokens": 2}, vectors(0, 2)),
    ("an image alone", {"image_tokens": 5}, vectors(5, image=5)),
    ("a video alone", {"video_tokens": 5}, vectors(5, video=5)),
    ("audio alone", {"audio_tokens": 5}, vectors(5, audio=5)),
    (
        "all beside the text",
        {"input_tokens": 1, "image_tokens": 2, "video_tokens": 3, "audio_tokens": 4},
        vectors(10, image=2, video=3, audio=4),
    ),
    ("zero tokens of an image", {"total_tokens": 5, "image_tokens": 0}, vectors(5, image=0)),
    ("in details", {"total_tokens": 5, "input_tokens_details": {"image_tokens": 4}}, vectors(5, image=4)),
    (
        "in details and beside them",
        {"total_tokens": 5, "image_tokens": 3, "input_tokens_details": {"image_tokens": 4}},
        vectors(5, image=3),
    ),
    ("in details that are not an object", {"total_tokens": 5, "input_tokens_details": [1]}, vectors(5)),
]


@pytest.mark.parametrize(("usage", "counts"), [row[1:] for row in VECTORS], ids=[row[0] for row in VECTORS])
def test_every_usage_of_embeddings_is_read(usage: object, counts: Json | None) -> None:
    assert embedding_usage(usage) == counts  # type: ignore[arg-type]  # what a server might send
