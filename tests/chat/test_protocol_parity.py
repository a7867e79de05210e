"""Every golden row through both protocols and all four doors, over a real network path: the messages are equal."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._seam import ProtocolName
from tests.support.server import Received, Reply, Server
from tests.wire.golden import COMPLETION_ID, REQUEST_ID, ROWS, Row
from tests.wire.golden._reading import each, expected, framed, said, summed, without
from tests.wire.golden.calls import PARALLEL
from tests.wire.golden.plain import HISTORY, PLAIN, UNICODE

Door: TypeAlias = Literal["invoke", "stream", "ainvoke", "astream"]
Model: TypeAlias = Runnable[LanguageModelInput, AIMessage]

BASE_PATHS = {"openai": "/compatible-mode/v1", "dashscope": "/api/v1"}
CUT = 61
"""Bytes of a stream that are sent at once: a prime, so that frames and characters are torn everywhere."""

by_name = each(ROWS)
by_protocol = pytest.mark.parametrize("protocol", ["openai", "dashscope"])
by_plain_door = pytest.mark.parametrize("door", ["invoke", "ainvoke"])
by_streamed_door = pytest.mark.parametrize("door", ["stream", "astream"])


def is_streamed(protocol: ProtocolName, received: Received) -> bool:
    if protocol == "openai":
        return bool(received.json.get("stream"))
    return received.headers.get("x-dashscope-sse") == "enable"


def answering(row: Row, protocol: ProtocolName) -> Callable[[Received], Reply]:
    """Return the service's behaviour for a row: plain or in events, as it was asked."""

    def reply(received: Received) -> Reply:
        if is_streamed(protocol, received):
            stream = framed(protocol, row.events(protocol))
            parts = [stream[start : start + CUT] for start in range(0, len(stream), CUT)]
            headers = {"x-request-id": REQUEST_ID, "Content-Type": "text/event-stream;charset=UTF-8"}
            return Reply(parts, headers=headers, framing="chunked")
        body = json.dumps(row.answer(protocol), ensure_ascii=False).encode()
        return Reply([body], headers={"x-request-id": REQUEST_ID, "Content-Type": "application/json"})

    return reply


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with Server() as started:
        yield started


def model_of(row: Row, protocol: ProtocolName, service: Server, **fields: Any) -> Model:
    service.default = answering(row, protocol)
    service.requests.clear()
    known: dict[str, Any] = {"api_key": "sk-test", "base_url": service.url, "max_retries": 0, **row.fields, **fields}
    llm = ChatQwenWorkspace(model=row.model, protocol=protocol, **known)
    return llm.bind_tools(row.tools, tool_choice=row.tool_choice) if row.tools else llm


async def asked(model: Model, row: Row, door: Door) -> AIMessage:
    messages = list(row.messages)
    match door:
        case "invoke":
            return model.invoke(messages)
        case "stream":
            return summed(model.stream(messages))
        case "ainvoke":
            return await model.ainvoke(messages)
        case "astream":
            return summed([chunk async for chunk in model.astream(messages)])


@by_plain_door
@by_protocol
@by_name
async def test_every_protocol_and_door_gives_the_same_message_for_the_golden_request(
    row: Row, protocol: ProtocolName, door: Door, service: Server
) -> None:
    message = await asked(model_of(row, protocol, service), row, door)

    check_message(message, row, protocol)
    check_request(service, row, protocol, stream=False)


@by_streamed_door
@by_protocol
@each(ROWS)
async def test_every_protocol_and_door_sums_up_to_the_same_message_for_the_golden_request(
    row: Row, protocol: ProtocolName, door: Door, service: Server
) -> None:
    message = await asked(model_of(row, protocol, service), row, door)

    check_message(message, row, protocol)
    check_request(service, row, protocol, stream=True)


def check_message(message: AIMessage, row: Row, protocol: ProtocolName) -> None:
    assert said(message) == expected(row)
    assert message.response_metadata["protocol"] == protocol
    assert message.response_metadata["workspace_id"] is None
    assert message.response_metadata.get("id") == (COMPLETION_ID if protocol == "openai" else None)


def check_request(service: Server, row: Row, protocol: ProtocolName, *, stream: bool) -> None:
    """Check what left the process."""
    [received] = service.requests
    path = "/chat/completions" if protocol == "openai" else row.dashscope_path
    assert received.path == BASE_PATHS[protocol] + path
    assert received.json == row.request(protocol, stream=stream)
    assert received.headers["authorization"] == "Bearer sk-test"
    assert is_streamed(protocol, received) == (stream or row.always_streams)


class Listener(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[Any] = []

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.tokens.append(token)


@by_protocol
@each(ROWS)
def test_streaming_inside_invoke_changes_nothing_and_tells_each_token_once(
    row: Row, protocol: ProtocolName, service: Server
) -> None:
    listener = Listener()

    message = model_of(row, protocol, service, streaming=True).invoke(
        list(row.messages), config={"callbacks": [listener]}
    )

    assert said(message) == expected(row)
    assert "".join(listener.tokens) == row.facts.content


@by_protocol
@each([UNICODE, PARALLEL])
async def test_the_v1_format_is_the_same_by_every_door(row: Row, protocol: ProtocolName, service: Server) -> None:
    for door in ("invoke", "stream", "ainvoke", "astream"):
        message = await asked(model_of(row, protocol, service, output_version="v1"), row, door)

        assert isinstance(message.content, list)
        assert [without(block, "index") for block in message.content] == row.facts.blocks
        assert message.tool_calls == [{"type": "tool_call", **call} for call in row.facts.tool_calls]
        assert message.usage_metadata == row.facts.usage


@by_protocol
async def test_batches_answer_every_input_in_order(protocol: ProtocolName, service: Server) -> None:
    model = model_of(PLAIN, protocol, service)
    texts = ["one", "two", "three", "four"]

    def reply(received: Received) -> Reply:
        body = received.json
        [message] = body["messages"] if protocol == "openai" else body["input"]["messages"]
        row = HISTORY if message["content"] in {"one", "four"} else PLAIN
        return answering(row, protocol)(received)

    service.default = reply
    answers = ["Shanghai", "1, 2, 3.", "1, 2, 3.", "Shanghai"]
    assert [message.content for message in model.batch(list(texts))] == answers
    assert [message.content for message in await model.abatch(list(texts))] == answers
