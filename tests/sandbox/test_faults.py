"""Faults on demand, as the raw SDKs meet them."""

from __future__ import annotations

import json
import time
from typing import Any

import dashscope
import httpx
import openai
import pytest
from dashscope.v2.errors import RateLimitError

from langchain_qwen_workspace.sandbox import Sandbox
from tests.sandbox.tools import CHAT, TEXT, user

_BODY = {"model": "qwen-plus", "messages": [user("Hello")]}
_NATIVE = {
    "model": "qwen-plus",
    "input": {"messages": [user("Hello")]},
    "parameters": {"result_format": "message", "incremental_output": True},
}
_SSE = {"X-DashScope-SSE": "enable"}


def _create(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model="qwen-plus", messages=[user("Hello")], **more)


def test_one_code_gives_each_wires_own_body(sandbox: Sandbox, client: openai.OpenAI, native: dashscope.Client) -> None:
    sandbox.fail_next(status=429, code="Throttling.RateQuota", times=2, headers={"retry-after": "7"})
    with pytest.raises(openai.RateLimitError) as limited:
        _create(client)
    assert (limited.value.code, limited.value.type) == ("limit_requests", "limit_requests")
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(RateLimitError) as throttled:
        native.chat.completions.create(model="qwen-plus", messages="Hello")
    assert throttled.value.code == "Throttling.RateQuota"
    assert throttled.value.request_id == sandbox.requests[-1].request_id
    assert _create(client).choices


@pytest.mark.parametrize(
    ("given", "code", "native_code"),
    [
        ({"status": 500}, "internal_error", "InternalError"),
        ({"status": 503}, "ModelUnavailable", "ModelUnavailable"),
        ({"code": "insufficient_quota"}, "insufficient_quota", "Throttling.AllocationQuota"),
        ({"code": "Arrearage"}, "Arrearage", "Arrearage"),
        ({"code": "DataInspectionFailed"}, "data_inspection_failed", "DataInspectionFailed"),
        ({"status": 418, "code": "Made.Up", "message": "tea"}, "Made.Up", "Made.Up"),
    ],
)
def test_codes_translate_both_ways(
    sandbox: Sandbox, http: httpx.Client, given: dict[str, Any], code: str, native_code: str
) -> None:
    sandbox.fail_next(**given, times=2)
    compatible, native = http.post(CHAT, json=_BODY), http.post(TEXT, json=_NATIVE)
    assert compatible.json()["error"]["code"] == code
    assert native.json()["code"] == native_code
    assert compatible.status_code == native.status_code == given.get("status", compatible.status_code)
    assert compatible.json()["request_id"] == compatible.headers["x-request-id"]


# Code and type on the compatible wire where they differ from the native code, status, and a piece of the text (Model
# Studio docs, error codes, 2026-08-18).
_REQUEST = "invalid_request_error"
_CODES: dict[str, tuple[int, str, str | None, str | None]] = {
    "InvalidApiKey": (401, "API", "invalid_api_key", _REQUEST),
    "NOT AUTHORIZED": (401, "not authorized to access this workspace", None, None),
    "AccessDenied": (403, "Access denied.", "access_denied", "access_denied"),
    "AccessDenied.Unpurchased": (403, "Access to model denied.", None, None),
    "Model.AccessDenied": (403, "Model access denied.", None, None),
    "Workspace.AccessDenied": (403, "Workspace access denied.", None, None),
    "App.AccessDenied": (403, "App access denied.", None, None),
    "Endpoint.AccessDenied": (403, "Workspace endpoint access denied.", None, None),
    "AllocationQuota.FreeTierOnly": (403, "free tier", None, None),
    "Arrearage": (400, "good standing", None, None),
    "PrepaidBillOverdue": (429, "prepaid bill", None, None),
    "PostpaidBillOverdue": (429, "postpaid bill", None, None),
    "CommodityNotPurchased": (429, "not purchased", None, None),
    "ModelNotFound": (404, "Model can not be found.", "model_not_found", _REQUEST),
    "WorkSpaceNotFound": (404, "WorkSpace can not be found.", None, None),
    "Throttling": (429, "throttling", None, None),
    "Throttling.RateQuota": (429, "exceeded", "limit_requests", "limit_requests"),
    "LimitRequests": (429, "You", "limit_requests", "limit_requests"),
    "ResourceExhausted": (429, "You", "limit_requests", "limit_requests"),
    "Throttling.BurstRate": (429, "too quickly", "limit_burst_rate", "limit_burst_rate"),
    "Throttling.AllocationQuota": (429, "quota", "insufficient_quota", "insufficient_quota"),
    "Throttling.Concurrency": (429, "concurrent", None, None),
    "DataInspectionFailed": (400, "inappropriate", "data_inspection_failed", "data_inspection_failed"),
    "FaqRuleBlocked": (400, "rule", None, None),
    "InvalidParameter.DataInspection": (400, "media resource", "invalid_parameter_error", _REQUEST),
    "InternalError.Algo.InvalidParameter": (400, "<400> InternalError.Algo", "invalid_parameter_error", _REQUEST),
    "BadRequest.TooLarge": (400, "Payload Too Large.", None, None),
    "ServiceUnavailableError": (400, "Role must be user or assistant", None, None),
    "InternalError": (500, "internal error", "internal_error", "internal_error"),
    "SystemError": (500, "system error", None, None),
    "RequestTimeOut": (500, "timed out", None, None),
    "ModelServingError": (503, "capacity", None, None),
    "ModelUnavailable": (503, "unavailable", None, None),
}


@pytest.mark.parametrize("native_code", _CODES)
def test_a_code_alone_gives_its_own_status_and_text(sandbox: Sandbox, http: httpx.Client, native_code: str) -> None:
    status, text, code, type_ = _CODES[native_code]
    sandbox.fail_next(code=native_code, times=4)
    for more in ({}, {"stream": True}):
        compatible = http.post(CHAT, json=_BODY | more)
        request_id = compatible.headers["x-request-id"]
        error = compatible.json()["error"]
        assert compatible.status_code == status
        assert compatible.json() == {"error": error, "id": f"chatcmpl-{request_id}", "request_id": request_id}
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["code"], error["type"]) == (code or native_code, type_ or native_code)
        assert text in error["message"]
    for headers in ({}, _SSE):
        native = http.post(TEXT, json=_NATIVE, headers=headers)
        assert native.status_code == status
        assert set(native.json()) == {"code", "message", "request_id"}
        assert (native.json()["code"], native.json()["request_id"]) == (native_code, native.headers["x-request-id"])
        assert text in native.json()["message"]


@pytest.mark.parametrize("native_code", ["Throttling.AllocationQuota", "PrepaidBillOverdue", "Model.AccessDenied"])
def test_a_code_alone_breaks_a_stream(sandbox: Sandbox, http: httpx.Client, native_code: str) -> None:
    status, text, code, _ = _CODES[native_code]
    sandbox.fail_next(code=native_code, after_events=0, times=2)
    compatible = http.post(CHAT, json=_BODY | {"stream": True})
    assert compatible.status_code == 200
    assert json.loads(compatible.text.removeprefix("data: "))["error"]["code"] == (code or native_code)
    native = http.post(TEXT, json=_NATIVE, headers=_SSE)
    assert native.status_code == 200
    assert native.text.startswith(f"id:1\nevent:error\n:HTTP_STATUS/{status}\ndata:")
    assert text in native.text


def test_an_error_without_a_code(sandbox: Sandbox, http: httpx.Client) -> None:
    """Null on the compatible wire, as recorded for a request without a key (2026-02-25)."""
    sandbox.fail_next(status=400, code="", message="No backend server available", times=2)
    compatible = http.post(CHAT, json=_BODY)
    assert compatible.status_code == 400
    assert compatible.json()["error"] == {
        "message": "No backend server available",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    native = http.post(TEXT, json=_NATIVE)
    assert (native.status_code, native.json()["code"]) == (400, "")
    assert native.json()["message"] == "No backend server available"


def test_quota_error_repeats_its_code_as_param(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(code="Throttling.AllocationQuota")
    assert http.post(CHAT, json=_BODY).json()["error"] == {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "param": "insufficient_quota",
        "code": "insufficient_quota",
    }


def test_faults_wait_for_their_path(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, path="/embeddings")
    assert http.post(CHAT, json=_BODY).status_code == 200
    embedding = {"model": "text-embedding-v4", "input": "x"}
    assert http.post("/compatible-mode/v1/embeddings", json=embedding).status_code == 500
    assert http.post("/compatible-mode/v1/embeddings", json=embedding).status_code == 200


def test_native_stream_breaks_with_an_error_event(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=429, code="Throttling", after_events=2)
    events = http.post(TEXT, json=_NATIVE, headers=_SSE).text.split("\n\n")
    assert len(events) == 4
    assert events[2].startswith('id:3\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"Throttling","message":')
    sandbox.fail_next(status=500, after_events=0, framing="event-space")
    assert http.post(TEXT, json=_NATIVE, headers=_SSE).text.startswith("id:1\nevent: error\n:HTTP_STATUS/500\n")


def test_compatible_stream_breaks_with_an_error_event(
    sandbox: Sandbox, client: openai.OpenAI, http: httpx.Client
) -> None:
    sandbox.fail_next(status=500, code="InternalError", after_events=3)
    pieces: list[str] = []
    with pytest.raises(openai.APIError) as failed:
        pieces.extend(chunk.choices[0].delta.content for chunk in _create(client, stream=True))
    assert pieces == ["", "This", " is the Model"]
    assert failed.value.code == "internal_error"
    sandbox.fail_next(status=500, after_events=1, framing="dashscope")
    last = http.post(CHAT, json=_BODY | {"stream": True}).text.split("\n\n")[1]
    assert last.startswith('data: {"code":"InternalError","message":')


def test_stream_that_is_too_short_still_fails_at_its_end(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, after_events=1000)
    assert "event:error" in http.post(TEXT, json=_NATIVE, headers=_SSE).text.split("\n\n")[-2]


def test_request_without_a_stream_gets_the_plain_error(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, after_events=2)
    assert http.post(CHAT, json=_BODY).status_code == 500


def test_dropped_connections(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(close=True)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post(CHAT, json=_BODY)
    sandbox.fail_next(close=True, after_events=2)
    received = b""
    with http.stream("POST", CHAT, json=_BODY | {"stream": True}) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):  # noqa: PT012 - reading fails
            for piece in answer.iter_raw():
                received += piece
    assert received.count(b"\n\n") == 2
    assert http.post(CHAT, json=_BODY).status_code == 200


def test_sdk_retries_reach_the_sandbox(sandbox: Sandbox, client: openai.OpenAI) -> None:
    sandbox.fail_next(close=True)
    sandbox.fail_next(status=503, headers={"retry-after-ms": "1"})
    assert _create(client.with_options(max_retries=2)).choices
    assert [request.headers["x-stainless-retry-count"] for request in sandbox.requests] == ["0", "1", "2"]


def test_raw_bodies(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=502, body="<html>Bad Gateway</html>")
    answer = http.post(CHAT, json=_BODY)
    assert (answer.status_code, answer.text) == (502, "<html>Bad Gateway</html>")
    assert answer.headers["content-type"] == "text/html"
    sandbox.fail_next(body=b'{"half', headers={"content-type": "application/json"})
    answer = http.post(CHAT, json=_BODY)
    assert (answer.status_code, answer.content) == (200, b'{"half')
    sandbox.fail_next(body="data: {broken\n\n", after_events=1)
    assert http.post(CHAT, json=_BODY | {"stream": True}).text.endswith("\n\ndata: {broken\n\n")


def test_delays(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(delay=0.2)
    before = time.monotonic()
    assert http.post(CHAT, json=_BODY).status_code == 200
    assert time.monotonic() - before > 0.2
    sandbox.fail_next(delay=5)
    with pytest.raises(httpx.ReadTimeout):
        http.post(CHAT, json=_BODY, timeout=0.1)
    sandbox.fail_next(delay=5, after_events=2)
    with (
        http.stream("POST", CHAT, json=_BODY | {"stream": True}, timeout=0.2) as answer,
        pytest.raises(httpx.ReadTimeout),
    ):
        answer.read()
    assert http.post(CHAT, json=_BODY).status_code == 200


def test_stalled_stream_goes_on(sandbox: Sandbox, http: httpx.Client) -> None:
    plain = http.post(CHAT, json=_BODY | {"stream": True}).text
    sandbox.fail_next(delay=0.1, after_events=2)
    assert http.post(CHAT, json=_BODY | {"stream": True}).text.count("data: ") == plain.count("data: ")


def test_clear_forgets_faults_and_requests(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, times=5)
    http.post(CHAT, json=_BODY)
    sandbox.clear()
    assert sandbox.requests == []
    assert http.post(CHAT, json=_BODY).status_code == 200


def test_fault_must_do_something(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="has nothing to do"):
        sandbox.fail_next(times=2)


def test_events_arrive_one_by_one(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(delay=0.3, after_events=1)
    before = time.monotonic()
    with http.stream("POST", CHAT, json=_BODY | {"stream": True}) as answer:
        first = next(answer.iter_raw())
        assert time.monotonic() - before < 0.25
    assert first.count(b"data: ") == 1
