"""Malformed and hostile answers: read, or refused with this package's errors, in bounded time and memory."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from langchain_qwen_workspace import InvalidResponseError, QwenWorkspaceError, ServerError, StreamInterruptedError
from langchain_qwen_workspace._chat.streamed_answer import result_of_stream
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._wire._chunks import StreamedChunk
from tests.support.json_paths import paths_in
from tests.support.protocols import PROTOCOLS, ProtocolStub
from tests.support.server import Reply, Server
from tests.support.ways import Ask
from tests.wire.golden import ROWS, Row
from tests.wire.golden._reading import (
    decode_stream,
    each_exchange,
    frame_events,
    message_of,
    request_of,
    wire_of,
    with_request_id,
)
from tests.wire.golden._row import (
    call_delta,
    completion,
    completion_chunks,
    dashscope_usage,
    delta,
    generation,
    generation_events,
)
from tests.wire.golden.plain import UNICODE
from tests.wire.golden.thinking import REASONING_CALLS

COUNT: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
MAX_SECONDS = 10.0
"""Seconds of CPU time, where a fraction of one should be enough."""


def whole_answer(protocol: ProtocolName, message: Json, **choice: Any) -> Json:
    if protocol == "openai":
        return with_request_id(completion("qwen-plus", message, "stop", COUNT, **choice))
    return with_request_id(generation(message, "stop", dashscope_usage(3, 2), **choice))


def stream_of(protocol: ProtocolName, *parts: Json) -> list[Json]:
    if protocol == "openai":
        return completion_chunks("qwen-plus", *map(delta, parts), delta({}, "stop"), usage=COUNT)
    return generation_events(
        *((part, "null", dashscope_usage(3, 1)) for part in parts), ({}, "stop", dashscope_usage(3, 2))
    )


def read(protocol: ProtocolName, body: Json) -> list[AIMessage]:
    result = wire_of(protocol).decode(body, request_of("qwen-plus", protocol, stream=False))
    messages = [generated.message for generated in result.generations]
    return [message for message in messages if isinstance(message, AIMessage)]


def read_stream(protocol: ProtocolName, events: list[Json]) -> AIMessage:
    """Return a stream's sum, and check that LangChain's and `invoke`'s agree."""
    decoder = wire_of(protocol).decoder(request_of("qwen-plus", protocol))
    fed = [chunk for event in events for chunk in decoder.feed(with_request_id(event))]
    for chunk in fed:
        assert isinstance(chunk, StreamedChunk)
        assert chunk.snapshot is not None
        assert chunk.snapshot.destination.protocol == protocol
    ended = decoder.finish()
    total = message_of([*fed, *ended])
    [generated] = result_of_stream(fed, ended).generations
    assert generated.message.content == total.content
    return total


# ----------------------------------------------------------------------------------- wrong types everywhere

WRONG_TYPES: tuple[Any, ...] = (None, True, 7, -1.5, "x", [], ["x"], {}, {"x": 1}, [{"index": True}])


def replace_at(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copied: Any = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = replace_at(copied[path[0]], path[1:], new)
    return copied


@each_exchange(ROWS)
def test_a_wrong_type_anywhere_in_an_answer_is_read_or_refused(row: Row, protocol: ProtocolName) -> None:
    body = with_request_id(row.response(protocol))
    for path in paths_in(body):
        for wrong in WRONG_TYPES:
            odd = replace_at(body, path, wrong)
            try:
                [first, *_] = read(protocol, odd)
            except InvalidResponseError as error:
                assert error.model == "qwen-plus"  # noqa: PT017 - that it is raised is allowed, not demanded
                continue
            # An output item that is not known is kept as a block.
            assert isinstance(first.content, str | list if protocol == "responses" else str), (path, wrong)
            assert isinstance(first.content_blocks, list), (path, wrong)


def assert_wrong_types_in_stream_are_read_or_refused(row: Row, protocol: ProtocolName) -> None:
    events = row.events(protocol)
    for number in {len(events) // 2, len(events) - 1}:
        for path in paths_in(events[number]):
            for wrong in WRONG_TYPES:
                odd = [*events[:number], replace_at(events[number], path, wrong), *events[number + 1 :]]
                try:
                    total = read_stream(protocol, odd)
                except (InvalidResponseError, StreamInterruptedError):
                    continue
                assert isinstance(total.content, str), (path, wrong)
                assert isinstance(total.content_blocks, list), (path, wrong)


@each_exchange([UNICODE, REASONING_CALLS])
def test_a_wrong_type_anywhere_in_a_stream_is_read_or_refused(row: Row, protocol: ProtocolName) -> None:
    assert_wrong_types_in_stream_are_read_or_refused(row, protocol)


@pytest.mark.nightly
@each_exchange([row for row in ROWS if row not in (UNICODE, REASONING_CALLS)])
def test_a_wrong_type_anywhere_in_the_other_streams_is_read_or_refused(row: Row, protocol: ProtocolName) -> None:
    assert_wrong_types_in_stream_are_read_or_refused(row, protocol)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "id", "x"]), inner),
    max_leaves=6,
)
fields = st.dictionaries(
    st.sampled_from(["content", "reasoning_content", "refusal", "tool_calls", "audio", "annotations"]), json_values
)


@settings(deadline=None)
@given(protocol=st.sampled_from(PROTOCOLS), parts=st.lists(fields, max_size=4))
def test_any_message_is_read_or_refused(protocol: ProtocolName, parts: list[Json]) -> None:
    """Check that what LangChain cannot add up is refused before it tries."""
    for attempt in (lambda: read_stream(protocol, stream_of(protocol, *parts)), lambda: _read_each(protocol, parts)):
        try:
            attempt()
        except InvalidResponseError:
            continue


def _read_each(protocol: ProtocolName, parts: list[Json]) -> None:
    for part in parts:
        [message] = read(protocol, whole_answer(protocol, part))
        assert isinstance(message.content_blocks, list)


# ------------------------------------------------------------------------------------------ malformed parts


@pytest.mark.parametrize("usage", ["x", 7, True, [1]])
def test_usage_that_is_not_an_object_is_refused_before_the_stream_ends(protocol: ProtocolName, usage: Any) -> None:
    events = stream_of(protocol, {"content": "a"})
    for event in events:
        event["usage"] = usage

    with pytest.raises(InvalidResponseError, match="`usage` is"):
        read_stream(protocol, events)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"reasoning_content": "a"}, {"reasoning_content": ["b"]}),
        ({"refusal": {"a": 1}}, {"refusal": "b"}),
        ({"audio": {"data": "AAAA"}}, {"audio": {"data": 1}}),
        ({"audio": {"id": "a"}}, {"audio": {"id": 2}}),
        ({"audio": {"data": "AAAA"}}, {"audio": "AAAA"}),
        ({"audio": {"done": True}}, {"audio": {"done": False}}),
        ({"annotations": [{"index": 0, "a": 1}]}, {"annotations": [{"index": 0, "a": "b"}]}),
        ({"annotations": [1]}, {"annotations": {"a": 1}}),
        ({"deep_research": [{"a": 1}]}, {"deep_research": "x"}),
    ],
)
def test_events_that_cannot_be_added_up_are_refused(protocol: ProtocolName, first: Json, second: Json) -> None:
    with pytest.raises(InvalidResponseError):
        read_stream(protocol, stream_of(protocol, first, second))


def test_speech_whose_first_event_has_no_data_is_read(protocol: ProtocolName) -> None:
    parts: list[Json] = [{"audio": {"data": None, "transcript": "a"}}, {"audio": {"data": "AAAA", "transcript": "b"}}]

    total = read_stream(protocol, stream_of(protocol, *parts))

    assert total.additional_kwargs["audio"] == {"data": "AAAA", "transcript": "ab", "mime_type": "audio/pcm"}


@pytest.mark.parametrize("found", ["x", 7, ["x", None, 3, {"url": "https://example.com"}], {"url": "x"}])
def test_malformed_search_results_are_not_citations(found: Any) -> None:
    body = whole_answer("dashscope", {"content": "a"})
    body["output"]["search_info"] = {"search_results": found}

    [message] = read("dashscope", body)

    [block] = message.content_blocks
    cited = block.get("annotations", [])
    expected = [{"type": "citation", "url": "https://example.com", "extras": {}}] if isinstance(found, list) else []
    assert cited == expected


DEEP = ("[" * 50_000, '{"a":' * 50_000, '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}")


@pytest.mark.parametrize("arguments", DEEP, ids=["lists", "objects", "closed"])
def test_arguments_nested_too_deeply_are_an_invalid_tool_call(protocol: ProtocolName, arguments: str) -> None:
    entry = call_delta(0, "call_1", {"name": "tool", "arguments": arguments})

    [message] = read(protocol, whole_answer(protocol, {"content": "", "tool_calls": [entry]}))
    total = read_stream(protocol, stream_of(protocol, {"content": "", "tool_calls": [entry]}))

    for told in (message, total):
        assert told.tool_calls == []
        [call] = told.invalid_tool_calls
        assert (call["name"], call["id"]) == ("tool", "call_1")
    assert "nested too deeply" in (message.invalid_tool_calls[0]["error"] or "")


def test_the_error_of_a_malformed_answer_is_short_however_deep_and_long_the_answer_is(protocol: ProtocolName) -> None:
    deep: Any = "x" * 1_000_000
    for _ in range(900):
        deep = [deep]
    body = {"choices": [deep], "output": {"choices": [deep]}}

    with pytest.raises(InvalidResponseError) as caught:
        read(protocol, body)

    assert len(caught.value.message) < 500


# ------------------------------------------------------------------------------------------------- large answers


def test_ten_thousand_choices_are_read_as_as_many_answers(protocol: ProtocolName) -> None:
    body = whole_answer(protocol, {"content": "a"})
    choices = (body.get("output") or body)["choices"]
    choices *= 10_000
    start = time.process_time()

    messages = read(protocol, body)

    assert [message.content for message in messages] == ["a"] * 10_000
    assert [message.usage_metadata is None for message in messages] == [False, *[True] * 9_999]
    assert time.process_time() - start < MAX_SECONDS


def test_of_ten_thousand_choices_in_an_event_the_first_is_read(protocol: ProtocolName) -> None:
    events = stream_of(protocol, {"content": "a"})
    for event in events[:2]:
        (event.get("output") or event)["choices"] *= 10_000

    assert read_stream(protocol, events).content == "a"


@pytest.mark.parametrize("index", [10**9, -1, -(10**9), 2**70, True, "7", 1.5, None, [0]])
def test_the_index_of_a_tool_call_may_be_any_value(protocol: ProtocolName, index: Any) -> None:
    """The index only names a call's fragments: no list of that length is made."""
    parts = [
        {"tool_calls": [{**call_delta(0, "call_1", {"name": "tool", "arguments": '{"a"'}), "index": index}]},
        {"tool_calls": [{**call_delta(0, "", {"arguments": ": 1}"}), "index": index}]},
    ]

    total = read_stream(protocol, stream_of(protocol, *parts))

    assert [(call["id"], call["name"], call["args"]) for call in total.tool_calls] == [("call_1", "tool", {"a": 1})]


@pytest.mark.parametrize("arguments", ["", "{", "{}", "1", "[", "x"])
@pytest.mark.parametrize(("id_", "name"), [(7, "tool"), ("call_1", 0.5), (["call_1"], "tool")], ids=str)
def test_a_tool_call_whose_id_or_name_is_not_a_text_is_refused(
    protocol: ProtocolName, id_: Any, name: Any, arguments: str
) -> None:
    entry = call_delta(0, id_, {"name": name, "arguments": arguments})

    with pytest.raises(InvalidResponseError):
        read_stream(protocol, stream_of(protocol, {"tool_calls": [entry]}, {"content": "a"}))


def test_two_tool_calls_with_the_same_id_stay_two(protocol: ProtocolName) -> None:
    entries = [call_delta(index, "same", {"name": f"tool_{index}", "arguments": "{}"}) for index in (0, 1)]

    [message] = read(protocol, whole_answer(protocol, {"content": "", "tool_calls": entries}))
    total = read_stream(protocol, stream_of(protocol, *({"tool_calls": [entry]} for entry in entries)))

    for told in (message, total):
        assert [(call["id"], call["name"]) for call in told.tool_calls] == [("same", "tool_0"), ("same", "tool_1")]


def test_thousands_of_tool_calls_without_an_index_take_bounded_time(protocol: ProtocolName) -> None:
    entries = [{"id": f"c{number}", "function": {"name": "tool", "arguments": "{}"}} for number in range(2_000)]
    decoder = wire_of(protocol).decoder(request_of("qwen-plus", protocol))
    start = time.process_time()

    for event in stream_of(protocol, {"tool_calls": entries}):
        decoder.feed(event)
    decoder.finish()

    assert time.process_time() - start < MAX_SECONDS


# -------------------------------------------------------------------------------------------- bytes

NUMBERS = ("9" * 10_000, "-" + "9" * 10_000, "NaN", "Infinity", "-Infinity", "1e999", "-0", "0." + "3" * 10_000)


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield response bodies; each has the fields of every protocol, so that each protocol reads its own."""
    written = json.dumps({**whole_answer("openai", {"content": "@"}), **whole_answer("dashscope", {"content": "@"})})
    for number in NUMBERS:
        yield f"content {number:.9}", written.replace('"@"', number).encode()
        yield f"count {number:.9}", written.replace('_tokens": 2', f'_tokens": {number}').encode()
        yield f"beside {number:.9}", written.replace('"@"', f'"a", "audio": {{"expires_at": {number}}}').encode()
    for name, raw in (("surrogate", '"\\ud800 \\udfff"'), ("NUL", '"\\u0000"'), ("emoji", '"\\ud83d\\ude00"')):
        yield name, written.replace('"@"', raw).encode()
    yield "no UTF-8", written.replace("@", "\udcff").encode("utf-8", "surrogateescape")
    yield "deep", written.replace('"@"', "[" * 100_000 + "]" * 100_000).encode()
    yield "deep error", b'{"error": ' + b'{"message":' * 100_000 + b"1" + b"}" * 100_000 + b"}"
    yield "error of digits", b'{"code": ' + b"9" * 10_000 + b', "message": ' + b"9" * 4_000 + b"}"
    yield "a byte order mark", b"\xef\xbb\xbf" + written.encode()
    yield "UTF-16", written.encode("utf-16")
    yield "twice", b'{"choices": [], ' + written.encode()[1:]
    yield "NULs", b"\x00" * 1000
    yield "nothing", b""


BODIES = dict(bodies())


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_response_body_is_read_or_refused(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, name: str
) -> None:
    server.default = lambda _: Reply([BODIES[name]], 200, {"Content-Type": "application/json"})

    try:
        message = ask_two_ways(stub.llm(server, max_retries=0))
    except QwenWorkspaceError:
        return
    assert isinstance(message.content, str)
    assert isinstance(message.content_blocks, list)


def test_hostile_frames_in_a_stream_are_refused(server: Server, stub: ProtocolStub, ask_two_ways: Ask) -> None:
    row = ROWS[0]
    good = frame_events(stub.protocol, row.events(stub.protocol)[:1], done=False)
    for frame in (
        b"data: " + b"[" * 100_000 + b"\n\n",
        b":HTTP_STATUS/" + b"9" * 5_000 + b'\ndata: {"code": "X", "message": "y"}\n\n',
        b'data: {"usage": ' + b"9" * 10_000 + b"}\n\n",
        b'data: {"usage": "x"}\n\n',
        b"data: \xff\xfe\n\n",
        b"\x00\x01\x02",
        b"data:" * 1000 + b"\n\n",
    ):
        reply = Reply([good, frame], 200, {"Content-Type": "text/event-stream"}, framing="chunked")
        server.default = lambda _, reply=reply: reply  # type: ignore[misc]  # a lambda's default has no type
        with pytest.raises(QwenWorkspaceError):
            ask_two_ways(stub.llm(server, max_retries=0, streaming=True, model=row.model))


@pytest.mark.parametrize(
    "frame",
    [
        b"data: {\n\n",
        b"data: [1]\n\n",
        b"data: {",
        b"data: " + b"[" * 100_000,
        b'data: {"code": ' + b"9" * 10_000 + b"}\n\n",
    ],
    ids=["cut off", "no object", "cut off without a blank line", "deep", "digits"],
)
def test_an_error_response_of_hostile_frames_is_classified_by_its_status(
    server: Server, stub: ProtocolStub, ask_two_ways: Ask, frame: bytes
) -> None:
    server.default = lambda _: Reply([frame], 502, {"Content-Type": "text/event-stream"})
    with pytest.raises(ServerError, match="HTTP status 502") as caught:
        ask_two_ways(stub.llm(server, max_retries=0))
    assert caught.value.status_code == 502


def test_decoders_share_no_state() -> None:
    events = ROWS[0].events("openai")
    request = request_of("qwen-plus", "openai")

    assert message_of(decode_stream("openai", request, events)) == message_of(decode_stream("openai", request, events))
