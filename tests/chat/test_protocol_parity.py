"""Every golden row over every protocol, in every way of calling, through real sockets: the messages are equal."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from tests.support.callbacks import CallbackRecorder
from tests.support.protocols import stub_of
from tests.support.server import Received, Reply, Server
from tests.support.ways import WAYS, Way, ask_by
from tests.wire.golden import COMPLETION_ID, REQUEST_ID, RESPONSE_ID, ROWS, Row
from tests.wire.golden._reading import common_parts, each_exchange, expected_parts, frame_events, without
from tests.wire.golden.calls import PARALLEL
from tests.wire.golden.plain import HISTORY, PLAIN, UNICODE

Model: TypeAlias = Runnable[LanguageModelInput, AIMessage]

BASE_PATHS = {"openai": "/compatible-mode/v1", "dashscope": "/api/v1", "responses": "/compatible-mode/v1"}
IDS = {"openai": COMPLETION_ID, "dashscope": None, "responses": RESPONSE_ID}
CUT = 61
"""Bytes of a stream that are sent at once: a prime, so that frames and characters are cut everywhere."""

unstreamed = pytest.mark.parametrize("way", ["invoke", "ainvoke"])
streamed = pytest.mark.parametrize("way", ["stream", "astream"])


def answer_with(row: Row, protocol: ProtocolName) -> Callable[[Received], Reply]:
    """Return a handler that answers with a row, whole or as a stream, whichever was asked for."""

    def reply(received: Received) -> Reply:
        if stub_of(protocol).is_streamed(received):
            stream = frame_events(protocol, row.events(protocol))
            parts = [stream[start : start + CUT] for start in range(0, len(stream), CUT)]
            headers = {"x-request-id": REQUEST_ID, "Content-Type": "text/event-stream;charset=UTF-8"}
            return Reply(parts, headers=headers, framing="chunked")
        body = json.dumps(row.response(protocol), ensure_ascii=False).encode()
        return Reply([body], headers={"x-request-id": REQUEST_ID, "Content-Type": "application/json"})

    return reply


def model_of(row: Row, protocol: ProtocolName, server: Server, **fields: Any) -> Model:
    server.default = answer_with(row, protocol)
    server.requests.clear()
    known: dict[str, Any] = {"api_key": "sk-test", "base_url": server.url, "region": "singapore", "max_retries": 0}
    llm = ChatQwenWorkspace(model=row.model, protocol=protocol, **{**known, **row.fields, **fields})
    return llm.bind_tools(row.tools, tool_choice=row.tool_choice) if row.tools else llm


@unstreamed
@each_exchange(ROWS)
def test_a_golden_row_gives_the_same_message_over_every_protocol(
    row: Row, protocol: ProtocolName, way: Way, server: Server, runner: asyncio.Runner
) -> None:
    message = ask_by(way, model_of(row, protocol, server), runner, list(row.messages))

    check_message(message, row, protocol)
    check_request(server, row, protocol, stream=False)


@streamed
@each_exchange(ROWS)
def test_a_golden_stream_adds_up_to_the_same_message_over_every_protocol(
    row: Row, protocol: ProtocolName, way: Way, server: Server, runner: asyncio.Runner
) -> None:
    message = ask_by(way, model_of(row, protocol, server), runner, list(row.messages))

    check_message(message, row, protocol)
    check_request(server, row, protocol, stream=True)


def check_message(message: AIMessage, row: Row, protocol: ProtocolName) -> None:
    assert common_parts(message) == expected_parts(row)
    assert message.response_metadata["protocol"] == protocol
    assert message.response_metadata["workspace_id"] is None
    assert message.response_metadata.get("id") == IDS[protocol]


def check_request(server: Server, row: Row, protocol: ProtocolName, *, stream: bool) -> None:
    """Check the request that was sent."""
    [received] = server.requests
    path = row.path(protocol)
    assert received.path == BASE_PATHS[protocol] + path
    assert received.json == row.request(protocol, stream=stream)
    assert received.headers["authorization"] == "Bearer sk-test"
    assert stub_of(protocol).is_streamed(received) == (stream or row.always_streams)


@each_exchange(ROWS)
def test_invoke_that_streams_returns_the_same_message_and_reports_each_token_once(
    row: Row, protocol: ProtocolName, server: Server
) -> None:
    recorder = CallbackRecorder()

    message = model_of(row, protocol, server, streaming=True).invoke(
        list(row.messages), config={"callbacks": [recorder]}
    )

    assert common_parts(message) == expected_parts(row)
    assert "".join(recorder.tokens) == row.facts.content


@each_exchange([UNICODE, PARALLEL])
def test_the_v1_format_is_the_same_in_every_way_of_calling(
    row: Row, protocol: ProtocolName, server: Server, runner: asyncio.Runner
) -> None:
    for way in WAYS:
        message = ask_by(way, model_of(row, protocol, server, output_version="v1"), runner, list(row.messages))

        assert isinstance(message.content, list)
        assert [without(block, "index") for block in message.content] == row.facts.blocks
        assert message.tool_calls == [{"type": "tool_call", **call} for call in row.facts.tool_calls]
        assert message.usage_metadata == row.facts.usage


def test_batch_answers_every_input_in_order(protocol: ProtocolName, server: Server, runner: asyncio.Runner) -> None:
    model = model_of(PLAIN, protocol, server)
    texts = ["one", "two", "three", "four"]

    def reply(received: Received) -> Reply:
        [message] = stub_of(protocol).messages(received.json)
        row = HISTORY if message["content"] in {"one", "four"} else PLAIN
        return answer_with(row, protocol)(received)

    server.default = reply
    answers = ["Shanghai", "1, 2, 3.", "1, 2, 3.", "Shanghai"]
    assert [message.content for message in model.batch(list(texts))] == answers
    assert [message.content for message in runner.run(model.abatch(list(texts)))] == answers
