"""Errors in a stream of the Responses API: the six rows that the official SDK and its LangChain class take for success.

Source: the frames, run against `openai` 3.57 and `langchain-openai` 1.7.4 on 2026-11-29.
"""

import asyncio
import json
from typing import Any

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace.errors import (
    InvalidRequestError,
    InvalidResponseError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.protocols import RESPONSES
from tests.support.server import Reply, Server, json_reply, stream_reply
from tests.support.ways import WAYS, Way, ask_by

NATIVE = b'event:error\ndata:{"code":"InvalidParameter","message":"bad","request_id":"r1"}\n\n'
FRAMES: dict[str, tuple[bytes, type[QwenWorkspaceError]]] = {
    "the shape of the dashscope protocol": (NATIVE, InvalidRequestError),
    "the same without the name of the event": (NATIVE.replace(b"event:error\n", b""), InvalidRequestError),
    "a message alone": (b'data:{"message":"bad"}\n\n', QwenWorkspaceError),
    "an object `error`": (b'data:{"error":{"code":"InvalidParameter","message":"bad"}}\n\n', InvalidRequestError),
    "the type `error`": (RESPONSES.frame({"type": "error", "code": "server_error", "message": "bad"}), ServerError),
    "a response that failed": (
        RESPONSES.frame(
            {
                "type": "response.failed",
                "response": {"status": "failed", "error": {"code": "server_error", "message": "bad"}, "output": []},
            }
        ),
        ServerError,
    ),
    "a response that failed for the rate": (
        RESPONSES.frame(
            {
                "type": "response.failed",
                "response": {"status": "failed", "error": {"code": "Throttling.RateQuota", "message": "bad"}},
            }
        ),
        RateLimitError,
    ),
}
RATE_LIMIT = "Operation model request rate limit exceeded, please try again later."


def model_of(workspace: QwenWorkspace, **fields: Any) -> ChatQwenWorkspace:
    known: dict[str, Any] = {"model": "qwen3.7-plus", "protocol": "responses", "max_retries": 0, **fields}
    return ChatQwenWorkspace(workspace=workspace, **known)


each_frame = pytest.mark.parametrize(("frame", "error_class"), FRAMES.values(), ids=list(FRAMES))


@pytest.mark.parametrize("way", ["stream", "astream"])
@each_frame
def test_an_error_frame_raises_its_error_with_the_partial_message(
    frame: bytes, error_class: type[QwenWorkspaceError], way: Way, server: Server, runner: asyncio.Runner
) -> None:
    server.script(stream_reply(RESPONSES.delta("Hel"), RESPONSES.delta("lo"), frame))

    with pytest.raises(QwenWorkspaceError, match="bad") as caught:
        ask_by(way, RESPONSES.llm(server), runner)

    assert type(caught.value) is error_class
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text == "Hello"
    assert caught.value.protocol == "responses"


@each_frame
def test_an_error_frame_before_the_answer_raises_its_error(
    frame: bytes, error_class: type[QwenWorkspaceError], server: Server
) -> None:
    server.script(stream_reply(frame))
    with pytest.raises(error_class, match="bad"):
        list(RESPONSES.llm(server).stream("Hi"))


def test_a_response_that_failed_before_its_answer_is_sent_again(server: Server) -> None:
    frame, _ = FRAMES["a response that failed for the rate"]
    server.script(stream_reply(frame), RESPONSES.stream("Hello"))
    chunks = RESPONSES.llm(server, max_retries=1).stream("Hi")
    assert "".join(chunk.text for chunk in chunks) == "Hello"


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_that_ends_before_the_response_is_completed_is_interrupted(
    way: Way, server: Server, runner: asyncio.Runner
) -> None:
    server.script(stream_reply(RESPONSES.delta("Hel"), RESPONSES.delta("lo")))
    with pytest.raises(StreamInterruptedError) as caught:
        ask_by(way, RESPONSES.llm(server), runner)
    assert caught.value.partial_message is not None
    assert caught.value.partial_message.text == "Hello"


@pytest.mark.parametrize("way", WAYS)
def test_an_incomplete_response_is_an_answer_cut_at_the_limit(way: Way, server: Server, runner: asyncio.Runner) -> None:
    cut = RESPONSES.answer_with({"content": "Hel"}, "length")
    server.script(RESPONSES.stream_of([{"content": "Hel"}], "length") if "stream" in way else cut)
    answer = ask_by(way, RESPONSES.llm(server), runner)
    assert (answer.text, answer.response_metadata["finish_reason"]) == ("Hel", "length")


BODIES = {name: json_reply(json.loads(frame.partition(b"data:")[2])) for name, (frame, _) in FRAMES.items()} | {
    name: json_reply(json.loads(frame.partition(b"data:")[2])["response"])
    for name, (frame, _) in FRAMES.items()
    if b"response.failed" in frame
}


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("name", FRAMES)
def test_a_whole_response_with_the_status_200_that_is_an_error_raises_it(
    name: str, way: Way, server: Server, runner: asyncio.Runner
) -> None:
    server.script(BODIES[name])
    with pytest.raises(QwenWorkspaceError, match="bad") as caught:
        ask_by(way, RESPONSES.llm(server), runner)
    # A message alone is an error only if the event is named so.
    expected = InvalidResponseError if name == "a message alone" else FRAMES[name][1]
    assert type(caught.value) is expected
    assert caught.value.protocol == "responses"


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_whole_response_that_is_cut_off_is_never_an_answer(way: Way, server: Server, runner: asyncio.Runner) -> None:
    cut = json.dumps(RESPONSES.whole("Hello")).encode()[:-20]
    server.script(Reply((cut,), 200, {"Content-Type": "application/json"}))
    with pytest.raises(InvalidResponseError):
        ask_by(way, RESPONSES.llm(server), runner)


@pytest.mark.parametrize("way", WAYS)
def test_a_rate_limit_with_the_status_200_is_a_rate_limit_error(
    way: Way, sandbox: Sandbox, workspace: QwenWorkspace, runner: asyncio.Runner
) -> None:
    """QwenCloud docs, create-response page, 2026: rate limits are responses with HTTP 200 and the status `failed`."""
    sandbox.fail_next(status=429, message=RATE_LIMIT, framing="failed")
    with pytest.raises(RateLimitError, match="rate limit exceeded"):
        ask_by(way, model_of(workspace), runner)


@pytest.mark.usefixtures("no_retry_pause")
@pytest.mark.parametrize("way", WAYS)
def test_a_rate_limit_with_the_status_200_is_sent_again(
    way: Way, sandbox: Sandbox, workspace: QwenWorkspace, runner: asyncio.Runner
) -> None:
    sandbox.fail_next(status=429, message=RATE_LIMIT, framing="failed")
    answer = ask_by(way, model_of(workspace, max_retries=1), runner)
    assert "Hi" in answer.text
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("error", [{"code": "server_error", "message": "bad"}, None], ids=["error", "no error"])
def test_a_whole_response_that_failed_raises_an_error(error: dict[str, str] | None, server: Server) -> None:
    server.script(json_reply({"id": "r", "status": "failed", "error": error, "output": []}))
    with pytest.raises(QwenWorkspaceError, match="bad" if error else "status 'failed'"):
        RESPONSES.llm(server).invoke("Hi")


def test_a_response_that_failed_without_an_error_raises_one(server: Server) -> None:
    frame = RESPONSES.frame({"type": "response.failed", "response": {"status": "failed", "error": None}})
    server.script(stream_reply(RESPONSES.delta("Hel"), frame))
    with pytest.raises(QwenWorkspaceError, match="status 'failed'"):
        list(RESPONSES.llm(server).stream("Hi"))


def test_the_code_of_an_event_is_not_an_error_code(server: Server) -> None:
    code = RESPONSES.frame({"type": "response.code_interpreter_call_code.done", "code": "print(1)"})
    server.script(stream_reply(RESPONSES.delta("Hello"), code, RESPONSES.delta("", "stop")))
    assert "".join(chunk.text for chunk in RESPONSES.llm(server).stream("Hi")) == "Hello"


def test_a_native_body_with_a_bad_status_raises_its_error(server: Server) -> None:
    server.script(json_reply({"code": "InvalidParameter", "message": "bad", "request_id": "r1"}, 400))
    with pytest.raises(InvalidRequestError) as caught:
        RESPONSES.llm(server).invoke("Hi")
    assert (caught.value.code, caught.value.request_id) == ("InvalidParameter", "r1")


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_whole_response_to_a_streamed_call_is_the_answer(way: Way, server: Server, runner: asyncio.Runner) -> None:
    server.script(RESPONSES.answer("Hello"))
    assert ask_by(way, RESPONSES.llm(server), runner).text == "Hello"
