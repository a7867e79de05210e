"""Event streams cut at any byte, and what is on one chunk of a stream only."""

import itertools
import json
import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._transports._sse import Event, MalformedStreamError, SSEReader, TruncatedStreamError
from langchain_qwen_workspace.errors import StreamInterruptedError
from tests.support.protocols import PROTOCOLS
from tests.wire.golden import REQUEST_ID, ROWS, Json, Row
from tests.wire.golden._reading import decode_stream, each_exchange, frame_events, message_of, request_of
from tests.wire.golden._row import completion_chunks, dashscope_usage, delta, generation_events
from tests.wire.golden.calls import PARALLEL
from tests.wire.golden.plain import PLAIN, UNICODE
from tests.wire.golden.thinking import REASONING_CALLS

by_newline = pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])


def read(pieces: Iterable[bytes]) -> list[Json]:
    reader = SSEReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return [event.data for event in [*events, *reader.end()]]


# ------------------------------------------------------------------------------------------------------------- bytes


@pytest.mark.parametrize("blank", [True, False], ids=["blank lines", "no blank lines"])
@by_newline
@each_exchange([UNICODE, PLAIN])
def test_a_stream_cut_at_any_byte_has_the_same_events(
    row: Row, protocol: ProtocolName, newline: str, blank: bool
) -> None:
    events = row.events(protocol)
    stream = frame_events(protocol, events, newline=newline, blank=blank)

    assert read([stream]) == events
    assert read(bytes([byte]) for byte in stream) == events
    for cut in range(len(stream) + 1):
        assert read([stream[:cut], stream[cut:]]) == events, cut


@each_exchange(ROWS)
def test_every_golden_stream_in_pieces_of_any_size_has_the_same_events(row: Row, protocol: ProtocolName) -> None:
    events = row.events(protocol)
    stream = frame_events(protocol, events)

    for size in (1, 2, 3, 7, 64, 1000):
        assert read(stream[start : start + size] for start in range(0, len(stream), size)) == events


def test_the_last_frame_needs_no_line_end() -> None:
    # Recorded on the dashscope protocol: no blank line after the last frame.
    events = PLAIN.events("dashscope")

    assert read([frame_events("dashscope", events).rstrip(b"\n")]) == events


def test_an_object_may_be_spread_over_data_lines() -> None:
    stream = 'data: {"a":\ndata: [1,\ndata:\ndata: 2], "西湖":\ndata: "\u2028"}\n\ndata: {"b": 1}\n\n'.encode()
    events = [{"a": [1, 2], "西湖": "\u2028"}, {"b": 1}]

    for newline in (b"\n", b"\r\n"):
        written = stream.replace(b"\n", newline)
        for cut in range(len(written) + 1):
            assert read([written[:cut], written[cut:]]) == events, cut


@pytest.mark.parametrize(
    "stream",
    [
        b'event: result\nretry: 3\n: keep-alive\nid\ndata:{"a":1}\n\n',
        b'data:   {"a":1}  \n\n',
        b'\n\n\ndata: {"a":1}\n\n\n\n',
        b'data: {"a":1}\n\ndata: [DONE]\n\n',
        b'data:\n\ndata: {"a":1}\n\ndata:\n\n',
        b'data: {"a":1}\r\n\r\ndata: [DONE]\r\n\r\n',
        b'xdata: {"x":1}\ndata: {"a":1}\n',
    ],
    ids=["other fields", "spaces", "blank lines", "done", "empty data", "CRLF", "unknown field"],
)
def test_lines_other_than_data_are_skipped(stream: bytes) -> None:
    for cut in range(len(stream) + 1):
        assert read([stream[:cut], stream[cut:]]) == [{"a": 1}], cut


@by_newline
def test_a_frames_status_applies_to_that_frame_only(newline: str) -> None:
    # Recorded on the dashscope protocol: an error in a stream that began with 200.
    stream = (
        b'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"a":1}\n\n'
        b'data:{"b":1}\n\n'
        b'id:2\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"InvalidParameter"}\n\n'
        b':HTTP_STATUS/none\ndata:{"c":1}\n\n'
        b'event: error\ndata:{"message":"busy"}\n\n'
    )
    events = [
        Event({"a": 1}, status_code=200, failed=False),
        Event({"b": 1}, status_code=None, failed=False),
        Event({"code": "InvalidParameter"}, status_code=400, failed=True),
        Event({"c": 1}, status_code=None, failed=False),
        Event({"message": "busy"}, status_code=None, failed=True),
    ]

    stream = stream.replace(b"\n", newline.encode())
    for cut in range(len(stream) + 1):
        reader = SSEReader()
        assert [*reader.feed(stream[:cut]), *reader.feed(stream[cut:]), *reader.end()] == events, cut


@by_newline
@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"a":\n\n',
        b"data: oops\n\n",
        b"data: [1]\n\n",
        b'data: "x"\n\n',
        b"data: \xff\n\n",
        b"data: 1\n",
    ],
    ids=["cut frame", "no JSON", "a list", "a string", "no UTF-8", "a number"],
)
def test_data_that_is_not_an_object_raises_malformed_stream(stream: bytes, newline: str) -> None:
    stream = stream.replace(b"\n", newline.encode())
    for cut in range(len(stream) + 1):
        with pytest.raises(MalformedStreamError) as caught:
            read([stream[:cut], stream[cut:]])
        assert not isinstance(caught.value, TruncatedStreamError)


@by_newline
def test_a_stream_that_ends_within_a_frame_raises_truncated_stream(newline: str) -> None:
    for lines in ('data: {"a":', 'data: {"a":\n', 'data: {"a":\ndata: 1', "data: oops\n"):
        reader = SSEReader()
        assert list(reader.feed(lines.replace("\n", newline).encode())) == []
        with pytest.raises(TruncatedStreamError):
            list(reader.end())


@pytest.mark.parametrize("size", [1 << 10, 1 << 16], ids=["1 kB", "64 kB"])
def test_a_frame_of_50_mb_takes_a_time_linear_in_its_length(size: int) -> None:
    """Searched from its beginning for each piece, it takes 27 seconds in pieces of 64 kB."""
    text = "x" * 50_000_000
    stream = b'data: {"text":"' + text.encode() + b'"}\n\n'
    start = time.process_time()

    [event] = read(stream[at : at + size] for at in range(0, len(stream), size))

    assert event == {"text": text}
    assert time.process_time() - start < 8


def test_an_object_spread_over_very_many_lines_takes_a_time_linear_in_their_number() -> None:
    """Parsed after each line, these take minutes."""
    items = [f"{number:>60}" for number in range(50_000)]
    stream = b'data: {"items": [""\n' + "".join(f'data: ,"{item}"\n' for item in items).encode() + b"data: ]}\n\n"
    start = time.process_time()

    [event] = read([stream])

    assert event == {"items": ["", *items]}
    assert time.process_time() - start < 8


@pytest.mark.parametrize("digits", ["9" * 5000, "99", "4000", "-400", "4e2", "\u0664\u0660\u0660"])
def test_an_invalid_status_is_ignored(digits: str) -> None:
    stream = f':HTTP_STATUS/{digits}\ndata: {{"a":1}}\n\n'.encode()

    assert list(SSEReader().feed(stream)) == [Event({"a": 1}, status_code=None, failed=False)]


@pytest.mark.parametrize("number", ["9" * 10_000, "-" + "9" * 10_000])
def test_a_number_with_too_many_digits_raises_malformed_stream(number: str) -> None:
    with pytest.raises(MalformedStreamError):
        read([f'data: {{"a":{number}}}\n\n'.encode()])


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_deep_nesting_raises_malformed_stream(opening: str, closing: str) -> None:
    nested = opening * 200_000 + "1" + closing * 200_000
    for stream in (f'data: {{"a":{nested}}}\n\n', f'data: {{"a":\ndata: {nested}}}\n\n'):
        with pytest.raises(MalformedStreamError, match="nested too deeply"):
            read([stream.encode()])


@each_exchange([UNICODE, PLAIN])
def test_events_before_a_truncated_object_are_returned(row: Row, protocol: ProtocolName) -> None:
    events = row.events(protocol)
    stream = frame_events(protocol, events[:2], done=False)
    start = stream.rindex(b'{"choices"' if protocol == "openai" else b'{"output"')

    for cut in range(start + 1, stream.rindex(b"}\n") + 1):
        reader = SSEReader()
        assert [event.data for event in reader.feed(stream[:cut])] == events[:1], cut
        with pytest.raises(TruncatedStreamError):
            list(reader.end())


@given(
    texts=st.lists(st.text(), min_size=1, max_size=4),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    newline=st.sampled_from(["\n", "\r\n"]),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_any_text_in_any_pieces_is_unchanged(
    texts: list[str], sizes: list[int], newline: str, protocol: ProtocolName
) -> None:
    # JSON escapes line ends, and nothing else may end a line: not U+2028, U+0085 or a form feed.
    events: list[Json] = [{"text": text.encode("utf-8", "replace").decode()} for text in texts]
    stream = frame_events(protocol, events, newline=newline)
    pieces, start = [], 0
    for size in itertools.cycle(sizes):
        pieces.append(stream[start : start + size])
        start += size
        if start >= len(stream):
            break

    assert read(pieces) == events


# ------------------------------------------------------------------------------------------------- once in a stream


def messages_of(row: Row, protocol: ProtocolName) -> list[AIMessageChunk]:
    chunks = decode_stream(protocol, request_of(row.model, protocol), row.events(protocol))
    messages = [chunk.message for chunk in chunks]
    assert all(isinstance(message, AIMessageChunk) for message in messages)
    return [message for message in messages if isinstance(message, AIMessageChunk)]


@each_exchange(ROWS)
def test_usage_and_metadata_are_only_on_the_last_chunk(row: Row, protocol: ProtocolName) -> None:
    *fed, last = messages_of(row, protocol)

    assert last.chunk_position == "last"
    assert last.usage_metadata == row.facts.usage
    assert last.content == ""
    assert not last.tool_call_chunks
    for chunk in fed:
        assert chunk.chunk_position is None
        assert chunk.usage_metadata is None
        assert chunk.response_metadata == {"model_provider": "qwen_workspace"}
        assert chunk.id is None


@each_exchange(ROWS)
def test_no_chunk_is_empty_or_has_empty_reasoning(row: Row, protocol: ProtocolName) -> None:
    for chunk in messages_of(row, protocol)[:-1]:
        assert chunk.content or chunk.additional_kwargs or chunk.tool_call_chunks
        assert isinstance(chunk.content, str)
        assert chunk.additional_kwargs.get("reasoning_content") != ""


@each_exchange([PARALLEL, REASONING_CALLS])
def test_ids_and_names_of_tool_calls_are_on_one_chunk_only(row: Row, protocol: ProtocolName) -> None:
    calls = [call for chunk in messages_of(row, protocol) for call in chunk.tool_call_chunks]

    for index, fact in enumerate(row.facts.tool_calls):
        own = [call for call in calls if call["index"] == index]
        assert [call["id"] for call in own if call["id"] is not None] == [fact["id"]]
        assert [call["name"] for call in own if call["name"] is not None] == [fact["name"]]
        assert json.loads("".join(call["args"] or "" for call in own)) == fact["args"]


@each_exchange(ROWS)
def test_only_the_last_chunk_has_the_finish_reason(row: Row, protocol: ProtocolName) -> None:
    chunks = decode_stream(protocol, request_of(row.model, protocol), row.events(protocol))

    assert [chunk.generation_info for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].generation_info == {"finish_reason": row.facts.finish_reason}


@each_exchange(ROWS)
def test_a_stream_without_finish_reason_raises_stream_interrupted(row: Row, protocol: ProtocolName) -> None:
    events = [event for event in row.events(protocol) if not said_why(event)]

    with pytest.raises(StreamInterruptedError) as caught:
        decode_stream(protocol, request_of(row.model, protocol), events)

    error = caught.value
    assert (error.model, error.protocol, error.region) == (row.model, protocol, "ap-southeast-1")
    assert error.workspace_id == "llm-golden"
    assert error.request_id == (REQUEST_ID if events else None)


def said_why(event: Json) -> bool:
    if event.get("type") in {"response.completed", "response.incomplete"}:
        return True
    output = event.get("output") or event
    choices = output.get("choices") or [output]
    return any(choice.get("finish_reason") not in {None, "null"} for choice in choices)


def test_what_every_event_repeats_is_in_the_sum_once(protocol: ProtocolName) -> None:
    # Counts in every event, the reason in two of them, the metadata in all.
    count = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    if protocol == "openai":
        events = completion_chunks(
            "qwen-plus", delta({"content": "a"}), delta({}, "stop"), delta({}, "stop"), usage=count
        )
        for number, event in enumerate(events):
            event["usage"] = {**count, "completion_tokens": number + 1, "total_tokens": 11 + number}
            event["system_fingerprint"] = "fp_1"
    else:
        events = generation_events(
            *(({"content": "a" * (n == 1)}, "stop", dashscope_usage(10, n)) for n in (1, 2, 3, 4))
        )

    total = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))

    assert total.content == "a"
    assert total.usage_metadata == {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}
    assert total.response_metadata["finish_reason"] == "stop"
    assert total.response_metadata["model_name"] == "qwen-plus"
    assert total.response_metadata["request_id"] == REQUEST_ID
    assert total.response_metadata.get("system_fingerprint") == ("fp_1" if protocol == "openai" else None)


def test_events_after_the_finish_reason_do_not_remove_it(protocol: ProtocolName) -> None:
    if protocol == "openai":
        count = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        events = completion_chunks(
            "qwen-plus", delta({"content": "a"}, "length"), delta({"content": "b"}), delta({}), usage=count
        )
    else:
        events = generation_events(
            ({"content": "a"}, "length", dashscope_usage(1, 1)),
            ({"content": "b"}, "null", dashscope_usage(1, 1)),
            ({}, "", dashscope_usage(1, 1)),
        )

    total = message_of(decode_stream(protocol, request_of("qwen-plus", protocol), events))

    assert total.content == "ab"
    assert total.response_metadata["finish_reason"] == "length"


# ------------------------------------------------------------------------------------- byte order marks and line ends


def read_events(data: bytes, size: int) -> list[Json]:
    reader = SSEReader()
    events = [event for start in range(0, len(data), size) for event in reader.feed(data[start : start + size])]
    return [event.data for event in [*events, *reader.end()]]


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "lines",
    [
        [BOM + b'data: {"a": 1}', b"", b'data: {"a": 2}', b"", b""],
        [b"", BOM + b'data: {"a": 1}', b"", b'data: {"a": 2}', b"", b""],
        [b": ping", b"", BOM + b'data: {"a": 1}', b"", BOM + b'data: {"a": 2}', b"", BOM + b"data: [DONE]", b""],
        [BOM + BOM + b'data: {"a": 1}', b"", b'data: {"a": 2}'],
    ],
    ids=["first", "after a blank line", "on every frame", "twice"],
)
def test_a_byte_order_mark_before_a_line_is_ignored(lines: list[bytes], size: int) -> None:
    assert read_events(b"\n".join(lines), size) == [{"a": 1}, {"a": 2}]


def test_an_end_mark_with_a_byte_order_mark_needs_no_line_end() -> None:
    reader = SSEReader()
    assert list(reader.feed(BOM + b"data: [DONE]")) == []
    assert reader.is_done


def test_an_empty_piece_does_not_separate_a_carriage_return_from_its_line_feed() -> None:
    reader = SSEReader()
    pieces = (b":HTTP_STATUS/400\r", b"", b'\ndata: {"code": "x"}\r\n\r\n')
    assert [event.status_code for piece in pieces for event in reader.feed(piece)] == [400]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_every_line_end_of_the_standard_is_read(line_end: bytes, size: int) -> None:
    lines = [b": ping", b'data: {"a": "b\\r\\n"}', b"", b'data: {"c":', b"data: 2}", b"", b"data: [DONE]", b"", b""]
    assert read_events(line_end.join(lines), size) == [{"a": "b\r\n"}, {"c": 2}]
