"""The usage that the sandbox logs with each request: of a response, and of each event of a stream."""

from __future__ import annotations

import time

import httpx

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.support import (
    DASHSCOPE_TEXT,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RERANK,
    SSE,
    user,
)

_MESSAGES = [user('Say "usage": {"prompt_tokens": 1} please.')]
_OPENAI = {"model": "qwen-plus", "messages": _MESSAGES}
_DASHSCOPE = {
    "model": "qwen-plus",
    "input": {"messages": _MESSAGES},
    "parameters": {"result_format": "message", "incremental_output": True},
}


def test_a_response_logs_its_usage_once(sandbox: Sandbox, http: httpx.Client) -> None:
    responses = [
        http.post(OPENAI_CHAT, json=_OPENAI),
        http.post(DASHSCOPE_TEXT, json=_DASHSCOPE),
        http.post(OPENAI_EMBEDDINGS, json={"model": "text-embedding-v4", "input": "Hi"}),
        http.post(OPENAI_RERANK, json={"model": "qwen3-rerank", "query": "a", "documents": ["a", "b"]}),
    ]
    usages = [response.json()["usage"] for response in responses]
    assert [request.usages for request in sandbox.requests] == [[usage] for usage in usages]
    assert [request.usage for request in sandbox.requests] == usages


def test_an_openai_stream_logs_usage_in_its_last_chunk(sandbox: Sandbox, http: httpx.Client) -> None:
    stream = http.post(OPENAI_CHAT, json=_OPENAI | {"stream": True, "stream_options": {"include_usage": True}}).text
    (request,) = sandbox.requests
    *before, last, done = request.usages
    assert before == [None] * len(before)
    assert done is None
    assert last == request.usage
    assert last is not None
    assert f'"prompt_tokens":{last["prompt_tokens"]},' in stream
    assert len(request.usages) == stream.count("data: ")


def test_an_openai_stream_without_usage_logs_usage_none(sandbox: Sandbox, http: httpx.Client) -> None:
    http.post(OPENAI_CHAT, json=_OPENAI | {"stream": True})
    assert sandbox.requests[-1].usage is None


def test_a_dashscope_stream_logs_the_usage_of_each_event_sent(sandbox: Sandbox, http: httpx.Client) -> None:
    http.post(DASHSCOPE_TEXT, json=_DASHSCOPE, headers=SSE)
    sandbox.fail_next(after_events=2, status=500)
    http.post(DASHSCOPE_TEXT, json=_DASHSCOPE, headers=SSE)
    complete, interrupted = sandbox.requests
    output_tokens = [usage["output_tokens"] for usage in complete.usages if usage]
    assert len(output_tokens) == len(complete.usages)
    assert output_tokens == sorted(output_tokens)
    assert interrupted.usages == complete.usages[:2]
    assert interrupted.usage == complete.usages[1]


def test_a_refused_request_logs_no_usage(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=429)
    http.post(OPENAI_CHAT, json=_OPENAI)
    http.post(OPENAI_CHAT, json=_OPENAI | {"model": "no such model"})
    assert [(request.usages, request.usage) for request in sandbox.requests] == [([], None)] * 2


def test_events_that_were_not_sent_are_not_logged(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(after_events=3, delay=30)
    with http.stream("POST", OPENAI_CHAT, json=_OPENAI | {"stream": True}) as response:
        text = ""
        for part in response.iter_text():
            text += part
            if text.count("data: ") == 3:
                break
        time.sleep(0.01)
        assert len(sandbox.requests[-1].usages) == 3
