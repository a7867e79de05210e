"""The Chat Completions dialect against the golden table, and what only this dialect has."""

from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage

from langchain_qwen_workspace._wire import openai_chat
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.golden import COMPLETION_ID, REQUEST_ID, ROWS, Json, Row
from tests.golden._reading import (
    call_of,
    decoded,
    delivered,
    each,
    expected,
    message_of,
    request_of,
    said,
)
from tests.golden._row import completion_chunks, delta
from tests.golden.plain import PLAIN

by_name = each(ROWS)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@by_name
def test_encode_writes_the_golden_request(row: Row, stream: bool) -> None:
    request = openai_chat.encode(call_of(row, "openai", stream=stream))

    assert request.path == "/chat/completions"
    assert request.body == row.request("openai", stream=stream)
    assert request.stream == (stream or row.always_streams)
    assert request.model == row.model


@by_name
def test_decode_reads_the_golden_answer(row: Row) -> None:
    result = openai_chat.decode(delivered(row.openai_answer), request_of(row.model, "openai", stream=False))

    [generation] = result.generations
    message = generation.message
    assert said(message) == expected(row)  # type: ignore[arg-type]  # a chat generation holds any message
    assert message.response_metadata["id"] == COMPLETION_ID
    assert message.response_metadata["workspace_id"] == "llm-golden"
    assert message.response_metadata["token_usage"] == row.openai_answer["usage"]
    assert generation.generation_info == {"finish_reason": row.facts.finish_reason}
    assert message.id is None


@each(ROWS)
def test_the_sum_of_the_events_is_the_answer(row: Row) -> None:
    total = message_of(decoded("openai", request_of(row.model, "openai"), row.openai_events))

    assert said(total) == expected(row)
    assert total.response_metadata["id"] == COMPLETION_ID
    assert total.response_metadata["workspace_id"] == "llm-golden"
    assert total.response_metadata["token_usage"] == row.openai_events[-1]["usage"]


def test_encoding_leaves_the_call_as_it_was() -> None:
    for row in ROWS:
        call = call_of(row, "openai", stream=True)
        before = repr(call)
        openai_chat.encode(call)
        assert repr(call) == before


def test_a_plain_call_has_no_stream_options_since_the_service_refuses_them() -> None:
    call = call_of(PLAIN, "openai")

    request = openai_chat.encode(replace(call, parameters={"stream_options": {"include_usage": True}, "seed": 1}))

    assert request.body == {**PLAIN.openai_request, "seed": 1}


def test_a_stream_keeps_the_stream_options_that_were_given() -> None:
    call = call_of(PLAIN, "openai", stream=True)

    request = openai_chat.encode(replace(call, parameters={"stream_options": {"include_usage": False}}))

    assert request.body == {**PLAIN.openai_request, "stream": True, "stream_options": {"include_usage": False}}


def test_a_stream_without_usage_has_none() -> None:
    events = completion_chunks("qwen-turbo", delta({"content": "1"}, "stop"), usage={})

    total = message_of(decoded("openai", request_of("qwen-turbo", "openai"), events[:-1]))

    assert total.content == "1"
    assert total.usage_metadata is None
    assert "token_usage" not in total.response_metadata


def test_a_model_that_repeats_the_whole_text_is_streamed_by_what_it_adds() -> None:
    # qwen-mt-plus and qwen-mt-turbo (Model Studio docs, qwen-mt, 2026-08-11).
    call = replace(
        call_of(PLAIN, "openai", stream=True),
        model="qwen-mt-plus",
        profile=profile_of("qwen-mt-plus"),
        messages=[HumanMessage("我看到这个视频后没有笑")],
        parameters={"translation_options": {"source_lang": "auto", "target_lang": "English"}},
    )
    request = openai_chat.encode(call)
    events = completion_chunks(
        "qwen-mt-plus",
        delta({"content": "I", "role": "assistant"}),
        delta({"content": "I didn"}),
        delta({"content": "I didn't laugh"}),
        delta({"content": "I didn't laugh"}),
        delta({"content": ""}),
        delta({"content": "I didn't laugh."}, "stop"),
        usage={"prompt_tokens": 50, "completion_tokens": 6, "total_tokens": 56},
    )

    chunks = decoded("openai", request, events)

    assert [chunk.text for chunk in chunks] == ["I", " didn", "'t laugh", ".", ""]
    assert message_of(chunks).content == "I didn't laugh."


def test_a_model_that_streams_deltas_may_repeat_itself() -> None:
    events = completion_chunks(
        "qwen-plus",
        delta({"content": "ha"}),
        delta({"content": "ha"}),
        delta({"content": "haha"}, "stop"),
        usage={"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
    )

    assert message_of(decoded("openai", request_of("qwen-plus", "openai"), events)).content == "hahahaha"


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_frames": 4},
        {"asr_options": {}},
        {"output_format": "x"},
        {"incremental_output": True},
        {"result_format": "message"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_parameter_of_the_native_protocol_is_refused(parameters: Json) -> None:
    [name] = parameters
    for given in (parameters, {"extra_body": parameters}):
        with pytest.raises(UnsupportedInputError, match=rf'`{name}` exists only on `protocol="dashscope"`'):
            openai_chat.encode(replace(call_of(PLAIN, "openai"), parameters=given))


def test_the_metadata_of_a_whole_answer_is_complete() -> None:
    result = openai_chat.decode(
        {**delivered(PLAIN.openai_answer), "system_fingerprint": "fp_1"},
        request_of("qwen-turbo", "openai", stream=False),
    )

    assert result.generations[0].message.response_metadata == {
        "model_provider": "qwen_workspace",
        "model_name": "qwen-turbo",
        "finish_reason": "stop",
        "request_id": REQUEST_ID,
        "protocol": "openai",
        "region": "ap-southeast-1",
        "workspace_id": "llm-golden",
        "token_usage": {
            "prompt_tokens": 17,
            "completion_tokens": 8,
            "total_tokens": 25,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "id": COMPLETION_ID,
        "system_fingerprint": "fp_1",
    }


def test_the_model_that_answered_is_named_and_not_the_one_that_was_asked() -> None:
    answer = {**delivered(PLAIN.openai_answer), "model": "qwen-turbo-2025-04-28"}

    result = openai_chat.decode(answer, request_of("qwen-turbo", "openai", stream=False))

    assert result.generations[0].message.response_metadata["model_name"] == "qwen-turbo-2025-04-28"
