"""Injected faults, as the raw SDKs see them."""

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
from tests.sandbox.support import (
    DASHSCOPE_TEXT,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    SSE,
    user,
)

_OPENAI_BODY = {"model": "qwen-plus", "messages": [user("Hello")]}
_DASHSCOPE_BODY = {
    "model": "qwen-plus",
    "input": {"messages": [user("Hello")]},
    "parameters": {"result_format": "message", "incremental_output": True},
}


def _create(openai_client: openai.OpenAI, **more: Any) -> Any:
    return openai_client.chat.completions.create(model="qwen-plus", messages=[user("Hello")], **more)


def test_one_code_gives_the_body_of_each_protocol(
    sandbox: Sandbox, openai_client: openai.OpenAI, dashscope_client: dashscope.Client
) -> None:
    sandbox.fail_next(status=429, code="Throttling.RateQuota", times=2, headers={"retry-after": "7"})
    with pytest.raises(openai.RateLimitError) as limited:
        _create(openai_client)
    assert (limited.value.code, limited.value.type) == ("limit_requests", "limit_requests")
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(RateLimitError) as throttled:
        dashscope_client.chat.completions.create(model="qwen-plus", messages="Hello")
    assert throttled.value.code == "Throttling.RateQuota"
    assert throttled.value.request_id == sandbox.requests[-1].request_id
    assert _create(openai_client).choices


@pytest.mark.parametrize(
    ("given", "code", "dashscope_code"),
    [
        ({"status": 500}, "internal_error", "InternalError"),
        ({"status": 503}, "ModelUnavailable", "ModelUnavailable"),
        ({"code": "insufficient_quota"}, "insufficient_quota", "Throttling.AllocationQuota"),
        ({"code": "Arrearage"}, "Arrearage", "Arrearage"),
        ({"code": "DataInspectionFailed"}, "data_inspection_failed", "DataInspectionFailed"),
        ({"status": 418, "code": "Made.Up", "message": "tea"}, "Made.Up", "Made.Up"),
    ],
)
def test_a_code_of_either_protocol_is_translated(
    sandbox: Sandbox, http: httpx.Client, given: dict[str, Any], code: str, dashscope_code: str
) -> None:
    sandbox.fail_next(**given, times=2)
    openai_response, dashscope_response = (
        http.post(OPENAI_CHAT, json=_OPENAI_BODY),
        http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY),
    )
    assert openai_response.json()["error"]["code"] == code
    assert dashscope_response.json()["code"] == dashscope_code
    assert (
        openai_response.status_code
        == dashscope_response.status_code
        == given.get("status", openai_response.status_code)
    )
    assert openai_response.json()["request_id"] == openai_response.headers["x-request-id"]


# By DashScope code: the status, a part of the text, and the OpenAI code and type where they differ from the DashScope
# code (Model Studio docs, error codes, 2026-08-18).
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


@pytest.mark.parametrize("dashscope_code", _CODES)
def test_a_code_alone_gives_its_own_status_and_text(sandbox: Sandbox, http: httpx.Client, dashscope_code: str) -> None:
    status, text, code, type_ = _CODES[dashscope_code]
    sandbox.fail_next(code=dashscope_code, times=4)
    for more in ({}, {"stream": True}):
        openai_response = http.post(OPENAI_CHAT, json=_OPENAI_BODY | more)
        request_id = openai_response.headers["x-request-id"]
        error = openai_response.json()["error"]
        assert openai_response.status_code == status
        assert openai_response.json() == {"error": error, "id": f"chatcmpl-{request_id}", "request_id": request_id}
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["code"], error["type"]) == (code or dashscope_code, type_ or dashscope_code)
        assert text in error["message"]
    for headers in ({}, SSE):
        dashscope_response = http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY, headers=headers)
        assert dashscope_response.status_code == status
        assert set(dashscope_response.json()) == {"code", "message", "request_id"}
        assert (dashscope_response.json()["code"], dashscope_response.json()["request_id"]) == (
            dashscope_code,
            dashscope_response.headers["x-request-id"],
        )
        assert text in dashscope_response.json()["message"]


@pytest.mark.parametrize("dashscope_code", ["Throttling.AllocationQuota", "PrepaidBillOverdue", "Model.AccessDenied"])
def test_a_code_alone_interrupts_a_stream(sandbox: Sandbox, http: httpx.Client, dashscope_code: str) -> None:
    status, text, code, _ = _CODES[dashscope_code]
    sandbox.fail_next(code=dashscope_code, after_events=0, times=2)
    openai_response = http.post(OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True})
    assert openai_response.status_code == 200
    assert json.loads(openai_response.text.removeprefix("data: "))["error"]["code"] == (code or dashscope_code)
    dashscope_response = http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY, headers=SSE)
    assert dashscope_response.status_code == 200
    assert dashscope_response.text.startswith(f"id:1\nevent:error\n:HTTP_STATUS/{status}\ndata:")
    assert text in dashscope_response.text


def test_an_empty_code_is_null_on_the_openai_protocol(sandbox: Sandbox, http: httpx.Client) -> None:
    """Null, as recorded for a request without a key (2026-02-25)."""
    sandbox.fail_next(status=400, code="", message="No backend server available", times=2)
    openai_response = http.post(OPENAI_CHAT, json=_OPENAI_BODY)
    assert openai_response.status_code == 400
    assert openai_response.json()["error"] == {
        "message": "No backend server available",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    dashscope_response = http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY)
    assert (dashscope_response.status_code, dashscope_response.json()["code"]) == (400, "")
    assert dashscope_response.json()["message"] == "No backend server available"


def test_quota_error_repeats_its_code_as_param(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(code="Throttling.AllocationQuota")
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).json()["error"] == {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "param": "insufficient_quota",
        "code": "insufficient_quota",
    }


def test_a_fault_waits_for_its_path(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, path="/embeddings")
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).status_code == 200
    embedding = {"model": "text-embedding-v4", "input": "x"}
    assert http.post(OPENAI_EMBEDDINGS, json=embedding).status_code == 500
    assert http.post(OPENAI_EMBEDDINGS, json=embedding).status_code == 200


def test_a_dashscope_stream_is_interrupted_by_an_error_event(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=429, code="Throttling", after_events=2)
    events = http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY, headers=SSE).text.split("\n\n")
    assert len(events) == 4
    assert events[2].startswith('id:3\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"Throttling","message":')


def test_the_framing_event_space_writes_a_space_after_event(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, after_events=0, framing="event-space")
    assert http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY, headers=SSE).text.startswith(
        "id:1\nevent: error\n:HTTP_STATUS/500\n"
    )


def test_an_openai_stream_is_interrupted_by_an_error_event(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(status=500, code="InternalError", after_events=3)
    pieces: list[str] = []
    with pytest.raises(openai.APIError) as failed:
        pieces.extend(chunk.choices[0].delta.content for chunk in _create(openai_client, stream=True))
    assert pieces == ["", "This", " is the Model"]
    assert failed.value.code == "internal_error"


def test_the_framing_dashscope_writes_a_dashscope_body_on_the_openai_protocol(
    sandbox: Sandbox, http: httpx.Client
) -> None:
    sandbox.fail_next(status=500, after_events=1, framing="dashscope")
    last = http.post(OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}).text.split("\n\n")[1]
    assert last.startswith('data: {"code":"InternalError","message":')


def test_a_stream_shorter_than_after_events_fails_at_its_end(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, after_events=1000)
    assert "event:error" in http.post(DASHSCOPE_TEXT, json=_DASHSCOPE_BODY, headers=SSE).text.split("\n\n")[-2]


def test_after_events_without_a_stream_gives_the_plain_error(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, after_events=2)
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).status_code == 500


def test_a_connection_is_dropped_before_a_response(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(close=True)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post(OPENAI_CHAT, json=_OPENAI_BODY)


def test_a_connection_is_dropped_during_a_stream(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(close=True, after_events=2)
    received = b""
    with http.stream("POST", OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):  # noqa: PT012 - reading fails
            for piece in response.iter_raw():
                received += piece
    assert received.count(b"\n\n") == 2
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).status_code == 200


def test_sdk_retries_reach_the_sandbox(sandbox: Sandbox, openai_client: openai.OpenAI) -> None:
    sandbox.fail_next(close=True)
    sandbox.fail_next(status=503, headers={"retry-after-ms": "1"})
    assert _create(openai_client.with_options(max_retries=2)).choices
    assert [request.headers["x-stainless-retry-count"] for request in sandbox.requests] == ["0", "1", "2"]


def test_a_raw_body_replaces_the_response(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=502, body="<html>Bad Gateway</html>")
    response = http.post(OPENAI_CHAT, json=_OPENAI_BODY)
    assert (response.status_code, response.text) == (502, "<html>Bad Gateway</html>")
    assert response.headers["content-type"] == "text/html"


def test_a_raw_body_has_the_status_and_headers_that_are_given(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(body=b'{"half', headers={"content-type": "application/json"})
    response = http.post(OPENAI_CHAT, json=_OPENAI_BODY)
    assert (response.status_code, response.content) == (200, b'{"half')


def test_a_raw_body_interrupts_a_stream(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(body="data: {broken\n\n", after_events=1)
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}).text.endswith("\n\ndata: {broken\n\n")


def test_a_delay_delays_the_response(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(delay=0.2)
    before = time.monotonic()
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).status_code == 200
    assert time.monotonic() - before > 0.2


def test_a_long_delay_lets_a_client_time_out(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(delay=5)
    with pytest.raises(httpx.ReadTimeout):
        http.post(OPENAI_CHAT, json=_OPENAI_BODY, timeout=0.1)


def test_a_delay_in_a_stream_lets_a_client_time_out(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(delay=5, after_events=2)
    with (
        http.stream("POST", OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}, timeout=0.2) as response,
        pytest.raises(httpx.ReadTimeout),
    ):
        response.read()
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).status_code == 200


def test_a_delayed_stream_continues(sandbox: Sandbox, http: httpx.Client) -> None:
    plain = http.post(OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}).text
    sandbox.fail_next(delay=0.1, after_events=2)
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}).text.count("data: ") == plain.count("data: ")


def test_clear_forgets_faults_and_requests(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(status=500, times=5)
    http.post(OPENAI_CHAT, json=_OPENAI_BODY)
    sandbox.clear()
    assert sandbox.requests == []
    assert http.post(OPENAI_CHAT, json=_OPENAI_BODY).status_code == 200


def test_a_fault_without_effect_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="has nothing to do"):
        sandbox.fail_next(times=2)


def test_events_are_sent_one_by_one(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail_next(delay=30, after_events=1)
    before = time.monotonic()
    with http.stream("POST", OPENAI_CHAT, json=_OPENAI_BODY | {"stream": True}) as response:
        first = next(response.iter_raw())
        assert time.monotonic() - before < 15
    assert first.count(b"data: ") == 1
