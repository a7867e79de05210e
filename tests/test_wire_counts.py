"""Every shape in which tokens are counted."""

import pytest

from langchain_qwen_workspace._wire._usage import merge_usage, usage_metadata
from tests.golden import Json
from tests.golden._row import native_usage as counted

COUNT: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

SHAPES: list[tuple[str, Json | None, Json | None]] = [
    ("nothing", None, None),
    ("an empty object", {}, None),
    ("pictures", {"image_count": 1, "width": 1024}, None),
    ("plain, compatible", COUNT, {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
    ("plain, native", counted(3, 2), {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
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
        "everything, compatible",
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
        "multimodal, native",
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
        "sound beside the totals",
        {"audio_tokens": 752, "input_tokens": 783, "output_tokens": 7},
        {"input_tokens": 783, "output_tokens": 7, "total_tokens": 790, "input_token_details": {"audio": 752}},
    ),
    (
        "cached beside the totals (Singapore)",
        {**counted(100, 2), "cached_tokens": 64},
        {"input_tokens": 100, "output_tokens": 2, "total_tokens": 102, "input_token_details": {"cache_read": 64}},
    ),
    (
        "only input",
        {"total_tokens": 27, "input_tokens": 27},
        {"input_tokens": 27, "output_tokens": 0, "total_tokens": 27},
    ),
]


@pytest.mark.parametrize(("usage", "counts"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
def test_every_documented_count_is_read(usage: Json | None, counts: Json | None) -> None:
    assert usage_metadata(usage) == counts


def test_a_later_count_replaces_an_earlier_one_and_keeps_the_details_that_only_that_has() -> None:
    earlier = {
        **counted(10, 1),
        "prompt_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 1},
    }
    later = {
        **counted(10, 5),
        "prompt_tokens_details": None,
        "output_tokens_details": {"text_tokens": 4},
        "plugins": {},
    }

    assert merge_usage(None, earlier) == earlier
    assert merge_usage(earlier, later) == {
        **counted(10, 5),
        "prompt_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 1, "text_tokens": 4},
        "plugins": {},
    }
    assert earlier["prompt_tokens_details"] == {"cached_tokens": 4}
    assert later["prompt_tokens_details"] is None


def test_a_detail_that_turns_null_later_is_kept() -> None:
    earlier = {**counted(10, 1), "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": None}}
    later = {**counted(10, 5), "prompt_tokens_details": {"cached_tokens": None}}

    counts = usage_metadata(merge_usage(earlier, later))

    assert counts is not None
    assert counts["input_token_details"] == {"cache_read": 4}
