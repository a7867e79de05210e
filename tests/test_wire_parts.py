"""Blocks as the wires read them: those that LangChain rewrites before a chat model sees them come by other doors."""

from typing import Any

import pytest

from langchain_qwen_workspace import UnsupportedInputError
from langchain_qwen_workspace._types import Json, Origin, RerankCall
from langchain_qwen_workspace._wire._parts import Media, read_block
from langchain_qwen_workspace._wire.rerank import OpenAIRerankWire

URL = "https://example.com/a.wav"
CACHED: Json = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("inner", "beside", "expected"),
    [
        ({"data": "AAAA", "format": "wav"}, {}, Media("audio", "data:audio/wav;base64,AAAA", format="wav")),
        ({"data": "AAAA", "format": "mpeg"}, {}, Media("audio", "data:audio/mpeg;base64,AAAA", format="mp3")),
        ({"data": URL, "format": "mp3"}, {}, Media("audio", URL, format="mp3")),
        ({"data": URL}, {}, Media("audio", URL, format="wav")),
        ({"data": "data:;base64,AAAA", "format": "mp3"}, {}, Media("audio", "data:;base64,AAAA", format="mp3")),
        ({"data": URL}, CACHED, Media("audio", URL, CACHED, format="wav")),
        ({"data": URL, **CACHED}, {}, Media("audio", URL, CACHED, format="wav")),
        ({"data": URL}, {"id": "lc_1", "index": 0}, Media("audio", URL, format="wav")),
    ],
)
def test_a_sound_in_openais_words(inner: Json, beside: Json, expected: Media) -> None:
    assert read_block({"type": "input_audio", "input_audio": inner, **beside}, "Here") == expected


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"input_audio": {"data": URL, "speed": 2}}, r"^Here has a block of type 'audio' with \['speed'\]"),
        ({"input_audio": {"data": URL}, "speed": 2}, r"^Here has a block of type 'input_audio' with \['speed'\]"),
        ({"input_audio": {"format": "wav"}}, r"^Here has an input_audio block without `input_audio`"),
        ({"input_audio": {"data": 7}}, r"^Here has an input_audio block without `input_audio`"),
        ({"input_audio": "AAAA"}, r"^Here has an input_audio block without `input_audio`"),
        ({"input_audio": {"data": "AAAA"}}, r"^Here has base64 data whose `mime_type` is None"),
        ({"input_audio": {"data": "%", "format": "wav"}}, r"^Here has data that is not base64"),
    ],
)
def test_what_is_no_sound_in_openais_words(block: Any, problem: str) -> None:
    with pytest.raises(UnsupportedInputError, match=problem):
        read_block({"type": "input_audio", **block}, "Here")


def test_the_refusal_of_a_picture_to_rank_names_the_model_and_the_protocol() -> None:
    call = RerankCall(
        model="qwen3-vl-rerank", query="q", documents=[{"image": URL}], origin=Origin("openai", "cn-beijing", "llm-1")
    )
    with pytest.raises(
        UnsupportedInputError, match=r"^Ranking of images and videos exists only on the native"
    ) as caught:
        OpenAIRerankWire.encode(call)
    assert (caught.value.model, caught.value.protocol) == ("qwen3-vl-rerank", "openai")
