"""The openai chat wire against the golden table, and what only this protocol has."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from langchain_qwen_workspace._seam import PARTIAL, SERVED_BY, Destination, StreamSnapshot
from langchain_qwen_workspace._wire import openai_chat
from langchain_qwen_workspace._wire._chunks import StreamedChunk
from langchain_qwen_workspace.errors import InvalidResponseError, StreamInterruptedError, UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden import COMPLETION_ID, REQUEST_ID, ROWS, Json, Row
from tests.wire.golden._reading import (
    call_of,
    common_parts,
    decode_stream,
    each_row,
    expected_parts,
    message_of,
    request_of,
    wire_of,
    with_request_id,
)
from tests.wire.golden._row import completion_chunks, delta
from tests.wire.golden.plain import PLAIN

by_name = each_row(ROWS, "openai")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@by_name
def test_encode_writes_the_golden_request(row: Row, stream: bool) -> None:
    request = openai_chat.encode(call_of(row, "openai", stream=stream))

    assert request.path == "/chat/completions"
    assert request.body == row.request("openai", stream=stream)
    assert request.stream == (stream or row.always_streams)
    assert request.model == row.model


@by_name
def test_decode_returns_the_message_of_the_golden_response(row: Row) -> None:
    result = openai_chat.decode(with_request_id(row.response("openai")), request_of(row.model, "openai", stream=False))

    [generation] = result.generations
    message = generation.message
    assert common_parts(message) == expected_parts(row)  # type: ignore[arg-type]  # a chat generation holds any message
    assert message.response_metadata["id"] == COMPLETION_ID
    assert message.response_metadata["workspace_id"] == "llm-golden"
    assert message.response_metadata["token_usage"] == row.response("openai")["usage"]
    assert generation.generation_info == {"finish_reason": row.facts.finish_reason}
    assert message.id is None


@by_name
def test_the_sum_of_a_streams_chunks_is_the_expected_message(row: Row) -> None:
    total = message_of(decode_stream("openai", request_of(row.model, "openai"), row.events("openai")))

    assert common_parts(total) == expected_parts(row)
    assert total.response_metadata["id"] == COMPLETION_ID
    assert total.response_metadata["workspace_id"] == "llm-golden"
    assert total.response_metadata["token_usage"] == row.events("openai")[-1]["usage"]


def test_encode_does_not_change_the_call() -> None:
    for row in ROWS:
        call = call_of(row, "openai", stream=True)
        before = repr(call)
        openai_chat.encode(call)
        assert repr(call) == before


def test_stream_options_are_not_sent_without_stream() -> None:
    call = call_of(PLAIN, "openai")

    request = openai_chat.encode(replace(call, parameters={"stream_options": {"include_usage": True}, "seed": 1}))

    assert request.body == {**PLAIN.request("openai", stream=False), "seed": 1}


def test_given_stream_options_override_the_default() -> None:
    call = call_of(PLAIN, "openai", stream=True)

    request = openai_chat.encode(replace(call, parameters={"stream_options": {"include_usage": False}}))

    assert request.body == {
        **PLAIN.request("openai", stream=False),
        "stream": True,
        "stream_options": {"include_usage": False},
    }


def test_a_stream_without_usage_has_no_usage_metadata() -> None:
    events = completion_chunks("qwen-turbo", delta({"content": "1"}, "stop"), usage={})

    total = message_of(decode_stream("openai", request_of("qwen-turbo", "openai"), events[:-1]))

    assert total.content == "1"
    assert total.usage_metadata is None
    assert "token_usage" not in total.response_metadata


def test_a_cumulative_stream_yields_only_what_each_event_adds() -> None:
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

    chunks = decode_stream("openai", request, events)

    assert [chunk.text for chunk in chunks] == ["I", " didn", "'t laugh", ".", ""]
    assert message_of(chunks).content == "I didn't laugh."


def test_repeated_deltas_are_all_kept() -> None:
    events = completion_chunks(
        "qwen-plus",
        delta({"content": "ha"}),
        delta({"content": "ha"}),
        delta({"content": "haha"}, "stop"),
        usage={"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
    )

    assert message_of(decode_stream("openai", request_of("qwen-plus", "openai"), events)).content == "hahahaha"


@pytest.mark.parametrize(("model", "repeats"), [("qwen-mt-plus", True), ("qwen-plus", False)])
def test_only_cumulative_models_make_cumulative_requests(model: str, repeats: bool) -> None:
    call = replace(call_of(PLAIN, "openai", stream=True), model=model, profile=profile_of(model), parameters={})

    assert openai_chat.encode(call).cumulative is repeats


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_frames": 4},
        {"output_format": "x"},
        {"incremental_output": True},
        {"result_format": "message"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_parameter_of_the_dashscope_protocol_is_refused(parameters: Json) -> None:
    [name] = parameters
    for given in (parameters, {"extra_body": parameters}):
        with pytest.raises(UnsupportedInputError, match=rf'`{name}` exists only on `protocol="dashscope"`'):
            openai_chat.encode(replace(call_of(PLAIN, "openai"), parameters=given))


def test_a_whole_answer_has_the_complete_metadata() -> None:
    result = openai_chat.decode(
        {**with_request_id(PLAIN.response("openai")), "system_fingerprint": "fp_1"},
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


def test_the_model_of_the_response_is_in_the_metadata() -> None:
    answer = {**with_request_id(PLAIN.response("openai")), "model": "qwen-turbo-2025-04-28"}

    result = openai_chat.decode(answer, request_of("qwen-turbo", "openai", stream=False))

    assert result.generations[0].message.response_metadata["model_name"] == "qwen-turbo-2025-04-28"


# ------------------------------------------------------------------------------------------------ beside the text

WAV, PCM = "UklGRiQAAABXQVZF", "AAEAAQABAAEAAQAB"
TYPED: list[tuple[str, Json, Json]] = [
    ("a file", {"id": "a1", "data": WAV}, {"id": "a1", "data": WAV, "mime_type": "audio/wav"}),
    ("samples", {"id": "a1", "data": PCM}, {"id": "a1", "data": PCM, "mime_type": "audio/pcm"}),
    ("no data", {"id": "a1", "expires_at": 5}, {"id": "a1", "expires_at": 5}),
    ("empty data", {"id": "a1", "data": ""}, {"id": "a1", "data": ""}),
]
each_audio = pytest.mark.parametrize(("sent", "expected"), [row[1:] for row in TYPED], ids=[row[0] for row in TYPED])


def whole(message: Json, **choice: Any) -> AIMessage:
    body = {"choices": [{"message": message, "finish_reason": "stop", **choice}]}
    found = wire_of("openai").decode(with_request_id(body), request_of("qwen-plus", "openai", stream=False))
    answer = found.generations[0].message
    assert isinstance(answer, AIMessage)
    return answer


def read_stream(*deltas: Json) -> AIMessage:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    events: list[Json] = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    ended: Json = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    chunks = [chunk for event in [*events, ended] for chunk in decoder.feed(with_request_id(event))]
    return message_of([*chunks, *decoder.finish()])


@each_audio
def test_audio_has_its_mime_type(sent: Json, expected: Json) -> None:
    assert whole({"content": "", "audio": sent}).additional_kwargs == {"audio": expected}
    assert read_stream({"content": "", "audio": sent}).additional_kwargs == {"audio": expected}
    assert "mime_type" not in sent


def test_audio_chunks_are_summed_with_one_mime_type() -> None:
    pieces = [{"audio": {"id": "a1", "transcript": "Hi"}}, {"audio": {"data": WAV}}, {"audio": {"data": PCM}}]

    assert read_stream(*pieces).additional_kwargs == {
        "audio": {"id": "a1", "transcript": "Hi", "data": WAV + PCM, "mime_type": "audio/wav"}
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"audio": {"id": "a1"}}, {"audio": {"id": {"is": "a1"}}}),
        ({"audio": {"id": "a1", "data": WAV}}, {"audio": {"id": {"is": "a1"}, "data": PCM}}),
        ({"audio": {"data": WAV}}, {"audio": {"data": 5}}),
    ],
    ids=["ids", "ids beside data", "data"],
)
def test_chunks_that_cannot_be_merged_raise_invalid_response(first: Json, second: Json) -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    decoder.feed(with_request_id({"choices": [{"delta": first}]}))
    decoder.feed(with_request_id({"choices": [{"delta": {"content": "between"}}]}))

    with pytest.raises(InvalidResponseError, match="does not have the protocol's shape") as caught:
        decoder.feed(with_request_id({"choices": [{"delta": second}]}))

    assert caught.value.request_id == REQUEST_ID


ADDITIONAL: list[tuple[str, Json, Json]] = [
    ("reasoning", {"reasoning_content": "Hm."}, {"reasoning_content": "Hm."}),
    ("a refusal", {"refusal": "No."}, {"refusal": "No."}),
    ("sources", {"annotations": [{"url": "u"}]}, {"annotations": [{"url": "u"}]}),
    ("nothing", {"reasoning_content": "", "refusal": None, "annotations": [], "audio": None}, {}),
    ("what is not known", {"role": "assistant", "something": "newer"}, {"something": "newer"}),
    (
        "parts",
        {"content": [{"text": "Hi"}, {"image": "u"}, {"type": "text", "text": "!"}, "?", {"text": None, "box": [1]}]},
        {"content_parts": [{"image": "u"}, {"box": [1]}]},
    ),
    ("no parts", {"content": [{"text": "Hi"}]}, {}),
]


@pytest.mark.parametrize(("message", "expected"), [row[1:] for row in ADDITIONAL], ids=[row[0] for row in ADDITIONAL])
def test_the_fields_of_a_message_become_additional_kwargs(message: Json, expected: Json) -> None:
    assert whole({"content": "", **message}).additional_kwargs == expected
    assert read_stream(message).additional_kwargs == expected


def test_text_parts_are_concatenated() -> None:
    content = [{"text": "Hi"}, {"image": "u"}, "?", {"text": 5}, {"type": "text", "text": "!"}]

    assert whole({"content": content}).content == "Hi!"
    assert whole({"content": {"text": "Hi"}}).content == ""
    assert whole({"content": None}).content == ""


def test_a_whole_response_may_have_a_delta() -> None:
    body = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}

    found = wire_of("openai").decode(with_request_id(body), request_of("qwen-plus", "openai", stream=False))

    assert found.generations[0].message.content == "Hi"
    assert found.generations[0].generation_info == {"finish_reason": "stop"}


def test_an_event_may_have_a_message() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))

    [chunk] = decoder.feed(with_request_id({"choices": [{"message": {"content": "Hi"}}]}))

    assert chunk.message.content == "Hi"


def test_only_the_first_choice_of_an_event_is_read() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))

    [chunk] = decoder.feed(with_request_id({"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}))

    assert chunk.message.content == "a"


def test_logprobs_of_a_stream_are_one_list() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    parts = [{"content": [{"token": "a"}]}, {"content": None}, {}, None, {"content": [{"token": "b"}]}]
    for logprobs in parts:
        decoder.feed(with_request_id({"choices": [{"delta": {}, "logprobs": logprobs, "finish_reason": "stop"}]}))

    [last] = decoder.finish()

    assert last.message.response_metadata["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


def test_logprobs_of_a_whole_answer_are_unchanged() -> None:
    assert whole({"content": "a"}, logprobs={"content": []}).response_metadata["logprobs"] == {"content": []}
    assert "logprobs" not in whole({"content": "a"}, logprobs={}).response_metadata


FAILED_OVER = Destination("openai", "cn-beijing", "llm-other")


def test_a_response_after_a_failover_has_the_destination_that_served_it() -> None:
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], SERVED_BY: FAILED_OVER}

    found = wire_of("openai").decode(with_request_id(body), request_of("qwen-plus", "openai", stream=False))

    metadata = found.generations[0].message.response_metadata
    assert (metadata["region"], metadata["workspace_id"]) == ("cn-beijing", "llm-other")


def snapshot_of(fed: Sequence[ChatGenerationChunk]) -> StreamSnapshot:
    """Return what the first chunk of a stream knows of it."""
    chunk = fed[0]
    assert isinstance(chunk, StreamedChunk)
    assert chunk.snapshot is not None
    return chunk.snapshot


def test_a_stream_after_a_failover_has_the_destination_that_served_it() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    fed = decoder.feed({"choices": [{"delta": {"content": "a"}}], SERVED_BY: FAILED_OVER, "request_id": "r-1"})
    decoder.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    [last] = decoder.finish()

    snapshot = snapshot_of(fed)
    assert (snapshot.request_id, snapshot.destination, snapshot.usage) == ("r-1", FAILED_OVER, None)
    metadata = last.message.response_metadata
    assert metadata["workspace_id"] == "llm-other"
    assert metadata["request_id"] == "r-1"
    assert metadata["finish_reason"] == "stop"
    assert "token_usage" not in metadata
    assert last.generation_info == {"finish_reason": "stop"}


def test_a_streams_usage_is_in_the_snapshot_and_unchanged_in_the_metadata() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    fed = decoder.feed({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}], "usage": None})
    decoder.feed({"choices": [], "usage": usage})

    [last] = decoder.finish()

    assert snapshot_of(fed).usage == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    assert last.message.response_metadata["token_usage"] == usage


@pytest.mark.parametrize("is_partial", [True, False])
def test_a_partial_response_is_marked_in_the_metadata(is_partial: bool) -> None:
    body = {"choices": [{"message": {"content": "a"}}], PARTIAL: is_partial}

    found = wire_of("openai").decode(with_request_id(body), request_of("qwen-plus", "openai", stream=False))

    metadata = found.generations[0].message.response_metadata
    assert metadata.get(PARTIAL, False) is is_partial
    assert (PARTIAL in metadata) is is_partial


def call_chunks(*entries: Json) -> list[Json]:
    """Return the fragments of calls that one event comes to."""
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    [chunk] = decoder.feed(with_request_id({"choices": [{"delta": {"tool_calls": [*entries]}}]}))
    assert isinstance(chunk.message, AIMessageChunk)
    return [dict(call) for call in chunk.message.tool_call_chunks]


def test_two_fragments_in_one_event_are_merged_into_one() -> None:
    first: Json = {"index": 2, "function": {"arguments": '{"a"'}}
    second: Json = {"index": 2, "id": "call_1", "function": {"name": "tool", "arguments": ": 1}"}}
    merged = {"name": "tool", "args": '{"a": 1}', "id": "call_1", "index": 2, "type": "tool_call_chunk"}

    assert call_chunks(first, second) == [merged]


def test_every_chunk_has_the_model_provider() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    calls = [{"index": 0, "function": {"name": "tool", "arguments": '{"a": 1}'}}]
    fed = decoder.feed(with_request_id({"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}))

    chunks = [*fed, *decoder.finish()]

    assert len(chunks) == 3
    assert [chunk.message.response_metadata["model_provider"] for chunk in chunks] == ["qwen_workspace"] * 3


def test_a_stream_without_request_id_has_request_id_none() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    fed = decoder.feed({"choices": [{"delta": {"content": "a"}}]})

    with pytest.raises(StreamInterruptedError) as caught:
        decoder.finish()
    decoder.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    [last] = decoder.finish()

    assert snapshot_of(fed).request_id is None
    assert caught.value.request_id is None
    assert last.message.response_metadata["request_id"] is None


def test_a_chunks_snapshot_has_the_destination() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    call = {"index": 0, "id": "1", "function": {"name": "tool", "arguments": "{"}}
    for part in ({"content": "a"}, {"tool_calls": [call]}):
        [chunk] = decoder.feed(with_request_id({"choices": [{"delta": part}]}))
        assert snapshot_of([chunk]).destination == request_of("qwen-plus", "openai").destination
