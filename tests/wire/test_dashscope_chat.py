"""The dashscope chat wire against the golden table, and what only this protocol has."""

from dataclasses import replace

import pytest

from langchain_qwen_workspace._wire import dashscope_chat
from langchain_qwen_workspace.errors import UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden import REQUEST_ID, ROWS, Json, Row
from tests.wire.golden._reading import (
    call_of,
    common_parts,
    decode_stream,
    each_row,
    expected_parts,
    message_of,
    request_of,
    with_request_id,
)
from tests.wire.golden._row import dashscope_usage, generation, generation_events
from tests.wire.golden.plain import PLAIN
from tests.wire.golden.thinking import MULTIMODAL

by_name = each_row(ROWS, "dashscope")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@by_name
def test_encode_writes_the_golden_request(row: Row, stream: bool) -> None:
    request = dashscope_chat.encode(call_of(row, "dashscope", stream=stream))

    assert request.path == row.path("dashscope")
    assert request.body == row.request("dashscope", stream=stream)
    assert request.stream == (stream or row.always_streams)
    assert request.model == row.model
    assert not request.cumulative


@by_name
def test_decode_returns_the_message_of_the_golden_response(row: Row) -> None:
    result = dashscope_chat.decode(row.response("dashscope"), request_of(row.model, "dashscope", stream=False))

    [generated] = result.generations
    message = generated.message
    assert common_parts(message) == expected_parts(row)  # type: ignore[arg-type]  # a chat generation holds any message
    assert "id" not in message.response_metadata
    assert message.response_metadata["workspace_id"] == "llm-golden"
    assert message.response_metadata["token_usage"] == row.response("dashscope")["usage"]
    assert generated.generation_info == {"finish_reason": row.facts.finish_reason}
    assert message.id is None


@by_name
def test_the_sum_of_a_streams_chunks_is_the_expected_message(row: Row) -> None:
    total = message_of(decode_stream("dashscope", request_of(row.model, "dashscope"), row.events("dashscope")))

    assert common_parts(total) == expected_parts(row)
    assert total.response_metadata["workspace_id"] == "llm-golden"


def test_encode_does_not_change_the_call() -> None:
    for row in ROWS:
        call = call_of(row, "dashscope", stream=True)
        before = repr(call)
        dashscope_chat.encode(call)
        assert repr(call) == before


def test_a_deployed_model_uses_the_endpoint_of_its_base_model() -> None:
    call = replace(
        call_of(PLAIN, "dashscope"), model="my-tune", profile=profile_of("my-tune", base_model="qwen3.7-plus")
    )

    request = dashscope_chat.encode(call)

    assert request.path == MULTIMODAL.path("dashscope")
    assert request.body == {
        "model": "my-tune",
        "input": {"messages": [{"role": "user", "content": [{"text": "Count to 3."}]}]},
        "parameters": {"result_format": "message"},
    }


@pytest.mark.parametrize(
    "given", [{"result_format": "message"}, {"incremental_output": True}], ids=["format", "deltas"]
)
def test_parameters_that_the_wire_sets_may_be_given_with_the_same_value(given: Json) -> None:
    request = dashscope_chat.encode(replace(call_of(PLAIN, "dashscope", stream=True), parameters=given))

    assert request.body["parameters"] == {"result_format": "message", "incremental_output": True}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"result_format": "text"}, "`result_format` is 'text'. Expected \"message\""),
        ({"incremental_output": False}, "`incremental_output` is False. Expected true"),
        ({"stream_options": {"include_usage": True}}, '`stream_options` exists only on `protocol="openai"`'),
    ],
    ids=["format", "whole text", "openai"],
)
def test_parameters_that_the_dashscope_wire_does_not_support_are_refused(given: Json, problem: str) -> None:
    for parameters in (given, {"extra_body": given}):
        with pytest.raises(UnsupportedInputError) as caught:
            dashscope_chat.encode(replace(call_of(PLAIN, "dashscope", stream=True), parameters=parameters))
        assert problem in str(caught.value)


SOURCES: list[Json] = [
    {"icon": "", "site_name": "无", "index": 1, "title": "杭州", "url": "http://a.example/1"},
    {"icon": "", "site_name": "eastday", "index": 2, "title": "杭州天气", "url": "http://a.example/2"},
]


def test_search_sources_are_taken_from_the_event_that_has_them() -> None:
    # Recorded 2025-10-19: the first event has the sources and no counts, the others have an empty list.
    first, *others = generation_events(
        ({"content": ""}, "null", {}),
        (
            {"content": "杭州"},
            "null",
            dashscope_usage(709, 1, plugins={"search": {"count": 1, "strategy": "standard"}}),
        ),
        ({"content": "晴"}, "stop", dashscope_usage(709, 2, plugins={"search": {"count": 1, "strategy": "standard"}})),
    )
    first["output"]["search_info"] = {"search_results": SOURCES}
    for event in others:
        event["output"]["search_info"] = {"extra_tool_info": [], "search_results": []}

    total = message_of(decode_stream("dashscope", request_of("qwen-plus", "dashscope"), [first, *others]))

    assert total.content == "杭州晴"
    assert total.response_metadata["search_info"] == {"search_results": SOURCES}
    assert total.response_metadata["token_usage"]["plugins"] == {"search": {"count": 1, "strategy": "standard"}}
    assert total.usage_metadata == {
        "input_tokens": 709,
        "output_tokens": 2,
        "total_tokens": 711,
    }


def test_tool_info_that_each_event_repeats_is_in_the_metadata_once() -> None:
    run = [{"code_interpreter": {"code": "123**21"}, "type": "code_interpreter"}]
    events = generation_events(
        ({"content": "", "reasoning_content": "算"}, "null", dashscope_usage(281, 3)),
        ({"content": "11723", "reasoning_content": ""}, "null", dashscope_usage(723, 243)),
        ({"content": "。", "reasoning_content": ""}, "stop", dashscope_usage(723, 254)),
    )
    for event in events[1:]:
        event["output"]["tool_info"] = run

    total = message_of(decode_stream("dashscope", request_of("qwen3-max-preview", "dashscope"), events))

    assert total.response_metadata["tool_info"] == run
    assert total.usage_metadata == {"input_tokens": 723, "output_tokens": 254, "total_tokens": 977}


def test_the_model_name_of_the_response_is_in_the_metadata() -> None:
    # qwen-mt on the dashscope protocol (recorded 2025).
    answer = generation({"content": "I didn't laugh."}, "stop", dashscope_usage(50, 6))
    answer["output"]["model_name"] = "qwen-mt-plus"
    request = request_of("qwen-mt-plus-us", "dashscope", stream=False)

    assert (
        dashscope_chat.decode(answer, request).generations[0].message.response_metadata["model_name"] == "qwen-mt-plus"
    )

    total = message_of(decode_stream("dashscope", request, [answer, answer]))
    assert total.response_metadata["model_name"] == "qwen-mt-plus"


def test_several_text_parts_of_an_answer_are_concatenated() -> None:
    answer = generation(
        {"content": [{"text": "西"}, {"text": "湖"}, {"text": None}, {}]}, "stop", dashscope_usage(10, 2)
    )

    whole = dashscope_chat.decode(answer, request_of("qwen3.7-plus", "dashscope", stream=False)).generations[0].message
    total = message_of(decode_stream("dashscope", request_of("qwen3.7-plus", "dashscope"), [answer]))

    assert (whole.content, total.content) == ("西湖", "西湖")
    assert whole.additional_kwargs == total.additional_kwargs == {}


def test_non_text_parts_of_an_answer_are_content_parts() -> None:
    # An OCR model (recorded 2025) and one that draws.
    words = {"words_info": [{"text": "DAY", "location": [1, 2, 3, 4, 5, 6, 7, 8]}]}
    answer = generation(
        {"content": [{"ocr_result": words, "text": "DAY"}, {"image": "https://a.example/1.png"}]},
        "stop",
        dashscope_usage(10, 2),
    )

    whole = dashscope_chat.decode(answer, request_of("qwen-vl-ocr", "dashscope", stream=False)).generations[0].message
    total = message_of(decode_stream("dashscope", request_of("qwen-vl-ocr", "dashscope"), [answer]))

    for message in (whole, total):
        assert message.content == "DAY"
        assert message.additional_kwargs == {
            "content_parts": [{"ocr_result": words}, {"image": "https://a.example/1.png"}]
        }


def test_a_whole_answer_has_the_complete_metadata() -> None:
    result = dashscope_chat.decode(
        with_request_id(PLAIN.response("dashscope")), request_of("qwen-turbo", "dashscope", stream=False)
    )

    assert result.generations[0].message.response_metadata == {
        "model_provider": "qwen_workspace",
        "model_name": "qwen-turbo",
        "finish_reason": "stop",
        "request_id": REQUEST_ID,
        "protocol": "dashscope",
        "region": "ap-southeast-1",
        "workspace_id": "llm-golden",
        "token_usage": {
            "total_tokens": 25,
            "output_tokens": 8,
            "input_tokens": 17,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }
