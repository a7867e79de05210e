"""What the sandbox said that a request used, kept beside the request: for plain answers, and for each event sent."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace.sandbox import Sandbox

CHAT = "/compatible-mode/v1/chat/completions"
NATIVE = "/api/v1/services/aigc/text-generation/generation"
ASK = [{"role": "user", "content": 'Say "usage": {"prompt_tokens": 1} please.'}]


@pytest.fixture
def send(sandbox: Sandbox) -> Callable[..., httpx.Response]:
    key = sandbox.add_workspace("counted").api_key

    def post(path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        told = {"Authorization": f"Bearer {key}", **headers}
        return httpx.post(sandbox.base_url + path, json=body, headers=told)

    return post


def test_a_plain_answer_says_it_once(sandbox: Sandbox, send: Callable[..., httpx.Response]) -> None:
    answers = [
        send(CHAT, {"model": "qwen-plus", "messages": ASK}),
        send(NATIVE, {"model": "qwen-plus", "input": {"messages": ASK}, "parameters": {"result_format": "message"}}),
        send("/compatible-mode/v1/embeddings", {"model": "text-embedding-v4", "input": "Hi"}),
        send("/compatible-api/v1/reranks", {"model": "qwen3-rerank", "query": "a", "documents": ["a", "b"]}),
    ]
    said = [answer.json()["usage"] for answer in answers]
    assert [request.usages for request in sandbox.requests] == [[usage] for usage in said]
    assert [request.usage for request in sandbox.requests] == said


def test_a_compatible_stream_says_it_at_its_end(sandbox: Sandbox, send: Callable[..., httpx.Response]) -> None:
    body = {"model": "qwen-plus", "messages": ASK, "stream": True}
    whole = send(CHAT, {**body, "stream_options": {"include_usage": True}}).text
    send(CHAT, body)
    with_usage, without = sandbox.requests
    *before, last, done = with_usage.usages
    assert before == [None] * len(before)
    assert done is None
    assert last == with_usage.usage
    assert last is not None
    assert f'"prompt_tokens":{last["prompt_tokens"]},' in whole
    assert len(with_usage.usages) == whole.count("data: ")
    assert without.usage is None


def test_a_native_stream_says_it_in_every_event_that_was_sent(
    sandbox: Sandbox, send: Callable[..., httpx.Response]
) -> None:
    body = {
        "model": "qwen-plus",
        "input": {"messages": ASK},
        "parameters": {"result_format": "message", "incremental_output": True},
    }
    send(NATIVE, body, **{"X-DashScope-SSE": "enable"})
    sandbox.fail_next(after_events=2, status=500)
    send(NATIVE, body, **{"X-DashScope-SSE": "enable"})
    whole, broken = sandbox.requests
    outputs = [usage["output_tokens"] for usage in whole.usages if usage]
    assert len(outputs) == len(whole.usages)
    assert outputs == sorted(outputs)
    assert broken.usages == whole.usages[:2]
    assert broken.usage == whole.usages[1]


def test_a_refusal_says_nothing(sandbox: Sandbox, send: Callable[..., httpx.Response]) -> None:
    sandbox.fail_next(status=429)
    send(CHAT, {"model": "qwen-plus", "messages": ASK})
    send(CHAT, {"model": "no such model", "messages": ASK})
    assert [(request.usages, request.usage) for request in sandbox.requests] == [([], None)] * 2


def test_what_is_still_to_come_is_not_noted(sandbox: Sandbox) -> None:
    key = sandbox.add_workspace("counted").api_key
    sandbox.fail_next(after_events=3, delay=30)
    body = {"model": "qwen-plus", "messages": ASK, "stream": True}
    with httpx.stream("POST", sandbox.base_url + CHAT, json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
        text = ""
        for part in answer.iter_text():
            text += part
            if text.count("data: ") == 3:
                break
        time.sleep(0.01)
        assert len(sandbox.requests[-1].usages) == 3
