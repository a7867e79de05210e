"""Whole responses, and responses and events that do not follow their protocol."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from langchain_qwen_workspace._chat.streamed_answer import result_of_stream
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError, StreamInterruptedError
from tests.support.json_paths import paths_in
from tests.support.protocols import PROTOCOLS
from tests.wire.golden import REQUEST_ID, ROWS, Json, Row
from tests.wire.golden._reading import (
    common_parts,
    each_exchange,
    expected_parts,
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

COUNT: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def answer(protocol: ProtocolName, message: Json, finish_reason: str = "stop") -> Json:
    if protocol == "openai":
        return with_request_id(completion("qwen-plus", message, finish_reason, COUNT))
    return generation(message, finish_reason, dashscope_usage(3, 2))


def messages_in(protocol: ProtocolName, body: Json) -> list[AIMessage]:
    result = wire_of(protocol).decode(body, request_of("qwen-plus", protocol, stream=False))
    messages = [generated.message for generated in result.generations]
    return [message for message in messages if isinstance(message, AIMessage)]


# ----------------------------------------------------------------------------------------------------- whole answers


def test_only_the_first_of_several_choices_has_the_usage(protocol: ProtocolName) -> None:
    # Recorded on the dashscope protocol, 2025: `n` is 2, and one usage counts both.
    first = answer(protocol, {"content": "嗯"}, "stop")
    second = answer(protocol, {"content": "行", "reasoning_content": "想"}, "length")
    choices = [(body.get("output") or body)["choices"][0] for body in (first, second)]
    for index, choice in enumerate(choices):
        choice["index"] = index
    (first.get("output") or first)["choices"] = choices

    one, two = messages_in(protocol, first)

    assert (one.content, two.content) == ("嗯", "行")
    assert one.usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    assert two.usage_metadata is None
    assert [message.response_metadata["finish_reason"] for message in (one, two)] == ["stop", "length"]
    assert one.additional_kwargs == {}
    assert two.additional_kwargs == {"reasoning_content": "想"}
    assert one.response_metadata["token_usage"] is not two.response_metadata["token_usage"]


@pytest.mark.parametrize("choices", [None, []], ids=["null", "empty"])
def test_a_response_without_choices_raises_invalid_response(protocol: ProtocolName, choices: list[Json] | None) -> None:
    body = {"choices": choices, "output": {"choices": choices}, "request_id": REQUEST_ID}

    with pytest.raises(InvalidResponseError) as caught:
        messages_in(protocol, body)

    error = caught.value
    assert (error.request_id, error.model, error.protocol) == (REQUEST_ID, "qwen-plus", protocol)
    assert (error.region, error.workspace_id) == ("ap-southeast-1", "llm-golden")


@pytest.mark.parametrize("id_", ["", None], ids=["empty", "null"])
def test_a_tool_call_without_id_always_gets_the_same_id(protocol: ProtocolName, id_: Any) -> None:
    entries = [call_delta(index, id_, {"name": "tool", "arguments": "{}"}) for index in (0, 1)]
    ids = [f"call_{REQUEST_ID}_0", f"call_{REQUEST_ID}_1"]

    for _ in range(2):
        [message] = messages_in(protocol, answer(protocol, {"content": "", "tool_calls": entries}))
        assert [call["id"] for call in message.tool_calls] == ids

    total = message_of(chunks_of(protocol, *({"content": "", "tool_calls": [entry]} for entry in entries)))
    assert [call["id"] for call in total.tool_calls] == ids
    assert [block["type"] for block in total.content_blocks] == ["tool_call", "tool_call"]


@pytest.mark.parametrize(
    ("arguments", "args"),
    [(None, {}), ("", {}), ("{}", {}), (" {} ", {}), ({"a": 1}, {"a": 1}), ('{"a": "b\nc"}', {"a": "b\nc"})],
    ids=["null", "empty", "object", "spaces", "not a string", "bare line break"],
)
def test_arguments_are_parsed_in_every_valid_form(protocol: ProtocolName, arguments: Any, args: Json) -> None:
    entry = call_delta(0, "call_1", {"name": "tool", "arguments": arguments})

    [message] = messages_in(protocol, answer(protocol, {"content": "", "tool_calls": [entry]}))
    total = message_of(chunks_of(protocol, {"content": "", "tool_calls": [entry]}))

    for read in (message, total):
        assert [call["args"] for call in read.tool_calls] == [args]
        assert read.invalid_tool_calls == []


@pytest.mark.parametrize("arguments", ["[1]", '"x"', "12", "{", '{"a": 1}}', "{'a': 1}"])
def test_arguments_that_are_not_an_object_make_an_invalid_call_with_an_error(
    protocol: ProtocolName, arguments: str
) -> None:
    entry = call_delta(0, "call_1", {"name": "tool", "arguments": arguments})

    [message] = messages_in(protocol, answer(protocol, {"content": "", "tool_calls": [entry]}))

    [call] = message.invalid_tool_calls
    assert message.tool_calls == []
    assert (call["name"], call["args"], call["id"]) == ("tool", arguments, "call_1")
    assert "'tool'" in (call["error"] or "")
    assert ("are not valid JSON" in (call["error"] or "")) != ("Expected a JSON object" in (call["error"] or ""))


@each_exchange(ROWS)
def test_the_result_of_a_stream_equals_that_of_a_whole_response(row: Row, protocol: ProtocolName) -> None:
    decoder = wire_of(protocol).decoder(request_of(row.model, protocol))
    fed = [chunk for event in row.events(protocol) for chunk in decoder.feed(with_request_id(event))]

    [generated] = result_of_stream(fed, decoder.finish()).generations

    assert common_parts(generated.message) == expected_parts(row)  # type: ignore[arg-type]  # a chat generation holds any message
    assert type(generated.message) is AIMessage
    assert generated.generation_info == {"finish_reason": row.facts.finish_reason}
    errors = [call["error"] for call in generated.message.invalid_tool_calls]
    assert all(error and "are not valid JSON" in error for error in errors)


def test_content_that_is_a_list_of_texts_is_concatenated_on_the_openai_protocol() -> None:
    body = answer("openai", {"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]})

    [message] = messages_in("openai", body)

    assert message.content == "Hello"
    assert message.additional_kwargs == {}


@pytest.mark.parametrize("reason", ["null", "", None], ids=["the word null", "empty", "null"])
def test_an_answer_that_the_service_cut_off_has_no_finish_reason(protocol: ProtocolName, reason: Any) -> None:
    # Answers are cut after 300 seconds, with HTTP 200 (Model Studio docs, chat completions, 2026-09).
    [message] = messages_in(protocol, answer(protocol, {"content": "half"}, reason))

    assert message.content == "half"
    assert message.response_metadata["finish_reason"] is None


def test_two_fragments_of_one_call_in_one_event_are_merged(protocol: ProtocolName) -> None:
    fragments = [
        call_delta(0, "call_1", {"name": "tool", "arguments": '{"a"'}),
        call_delta(0, "", {"arguments": ": 1}"}),
    ]

    total = message_of(chunks_of(protocol, {"content": "", "tool_calls": fragments}))

    assert [(call["id"], call["name"], call["args"]) for call in total.tool_calls] == [("call_1", "tool", {"a": 1})]


# -------------------------------------------------------------------------------------------------------- odd frames


def chunks_of(protocol: ProtocolName, *parts: Json) -> list[Any]:
    if protocol == "openai":
        events = completion_chunks("qwen-plus", *map(delta, parts), delta({}, "tool_calls"), usage=COUNT)
    else:
        events = generation_events(
            *((part, "null", dashscope_usage(3, 1)) for part in parts),
            ({"content": ""}, "tool_calls", dashscope_usage(3, 2)),
        )
    decoder = wire_of(protocol).decoder(request_of("qwen-plus", protocol))
    return [*(chunk for event in events for chunk in decoder.feed(with_request_id(event))), *decoder.finish()]


def without_value(value: Json, path: tuple[Any, ...], *, removed: bool) -> Json:
    copied: Json = with_request_id(value)
    inner: Any = copied
    for key in path[:-1]:
        inner = inner[key]
    if removed:
        del inner[path[-1]]
    else:
        inner[path[-1]] = None
    return copied


@pytest.mark.parametrize("removed", [True, False], ids=["missing", "null"])
@each_exchange(ROWS)
def test_a_response_that_lacks_a_key_raises_only_this_packages_errors(
    row: Row, protocol: ProtocolName, removed: bool
) -> None:
    body = with_request_id(row.response(protocol))
    for path in paths_in(body):
        if not removed and isinstance(path[-1], int):
            continue  # a list of nulls: below
        try:
            result = wire_of(protocol).decode(
                without_value(body, path, removed=removed), request_of(row.model, protocol, stream=False)
            )
        except QwenWorkspaceError:
            continue
        message = result.generations[0].message
        assert isinstance(message.content, str)


@pytest.mark.parametrize("removed", [True, False], ids=["missing", "null"])
@each_exchange(ROWS)
def test_an_event_that_lacks_a_key_raises_only_stream_interrupted(
    row: Row, protocol: ProtocolName, removed: bool
) -> None:
    events = row.events(protocol)
    for number, event in enumerate(events):
        for path in paths_in(event):
            if not removed and isinstance(path[-1], int):
                continue  # a list of nulls: below
            odd = [*events[:number], without_value(event, path, removed=removed), *events[number + 1 :]]
            decoder = wire_of(protocol).decoder(request_of(row.model, protocol))
            try:
                chunks = [chunk for given_ in odd for chunk in decoder.feed(with_request_id(given_))]
                total = message_of([*chunks, *decoder.finish()])
            except StreamInterruptedError:
                continue
            assert isinstance(total.content, str)
            assert total.response_metadata["model_name"] == row.model


@pytest.mark.parametrize("where", ["choices", "tool_calls"])
def test_a_null_in_a_list_raises_only_this_packages_errors(protocol: ProtocolName, where: str) -> None:
    body = answer(protocol, {"content": "Hi", "tool_calls": [None] if where == "tool_calls" else None})
    if where == "choices":
        (body.get("output") or body)["choices"] = [None]

    try:
        messages_in(protocol, body)
    except QwenWorkspaceError as error:
        assert error.request_id == REQUEST_ID  # noqa: PT017 - that it is raised is allowed, not demanded

    decoder = wire_of(protocol).decoder(request_of("qwen-plus", protocol))
    try:
        decoder.feed(body)
        decoder.finish()
    except QwenWorkspaceError as error:
        assert error.request_id == REQUEST_ID  # noqa: PT017 - that it is raised is allowed, not demanded


nullable_text = st.none() | st.text(max_size=5)
functions = st.none() | st.fixed_dictionaries({}, optional={"name": nullable_text, "arguments": nullable_text})
entry: Json = {
    "id": st.none() | st.sampled_from(["", "a", "b", "c"]),
    "type": st.just("function"),
    "function": functions,
}
entries = st.lists(
    st.fixed_dictionaries({"index": st.integers(0, 3)}, optional=entry), max_size=3, unique_by=lambda one: one["index"]
) | st.lists(st.fixed_dictionaries({}, optional={"index": st.none(), **entry}), max_size=1)
counts = st.none() | st.dictionaries(
    st.sampled_from(["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"]),
    st.none() | st.integers(0, 99),
)
choices = st.fixed_dictionaries(
    {},
    optional={
        "index": st.none() | st.just(0),
        "finish_reason": st.sampled_from([None, "null", "", "stop", "length", "tool_calls"]),
        "logprobs": st.none() | st.just({}) | st.just({"content": None}),
        **dict.fromkeys(
            ("delta", "message"),
            st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    "role": st.none() | st.just("assistant"),
                    "content": nullable_text | st.lists(st.fixed_dictionaries({}, optional={"text": nullable_text})),
                    "reasoning_content": nullable_text,
                    "tool_calls": st.none() | entries,
                },
            ),
        ),
    },
)
outputs = {"choices": st.none() | st.lists(choices, max_size=2)}
events_of_any_kind = st.fixed_dictionaries(
    {},
    optional={
        **outputs,
        "output": st.none()
        | st.fixed_dictionaries({}, optional={**outputs, "text": nullable_text, "finish_reason": nullable_text}),
        "usage": counts,
        "request_id": st.none() | st.just(REQUEST_ID),
        "model": nullable_text,
        "id": nullable_text,
    },
)


@settings(deadline=None, max_examples=300)
@given(protocol=st.sampled_from(PROTOCOLS), events=st.lists(events_of_any_kind, max_size=6))
def test_events_of_the_right_types_raise_only_stream_interrupted(protocol: ProtocolName, events: list[Json]) -> None:
    decoder = wire_of(protocol).decoder(request_of("qwen-plus", protocol))
    chunks = [chunk for event in events for chunk in decoder.feed(event)]
    texts = [chunk.text for chunk in chunks]
    try:
        ended = decoder.finish()
    except StreamInterruptedError:
        return
    total = message_of([*chunks, *ended])
    assert total.content == "".join(texts)
    calls = [*total.tool_calls, *total.invalid_tool_calls]
    assert all(call["id"] for call in calls)
    assert len({call["index"] for call in total.tool_call_chunks}) == len(calls)
    assert len(total.tool_call_chunks) == len(calls)
    [generated] = result_of_stream(chunks, ended).generations
    assert common_parts(generated.message)["tool_calls"] == common_parts(total)["tool_calls"]  # type: ignore[arg-type]  # as above
