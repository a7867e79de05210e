"""How long a server asks to wait: `retry_after`, from the headers, body or text of an error."""

import json
import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace import BillingError, QwenWorkspaceError, RateLimitError
from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._retry_after import seconds_in_body, seconds_in_headers, seconds_in_text
from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace._transports._http_answers import error_from_response
from tests.support.protocols import ProtocolStub
from tests.support.server import Server, stream_reply
from tests.support.ways import Ask
from tests.wire.golden._reading import request_of

HERE = Destination("openai", "ap-southeast-1", "ws-test")


# ------------------------------------------------------------------------------------------------------------- headers

HEADERS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"retry-after": "2"}, 2.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after": "-1"}, 0.0),
    ({"retry-after": "20s"}, 20.0),
    ({"retry-after-ms": "250"}, 0.25),
    ({"retry-after-ms": "250", "retry-after": "2"}, 0.25),
    ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "inf"}, math.inf),
    ({"retry-after": "1e400"}, math.inf),
    ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ({"retry-after": "Wed, 99 Oct 99999 07:28:00 GMT"}, None),
    ({"x-acs-retry-after": "1500"}, 1.5),
    ({"x-retry-in": "1.2s"}, 1.2),
    ({"ratelimit-reset": "7"}, 7.0),
    ({"x-ratelimit-reset": "7"}, 7.0),
    ({"x-ratelimit-reset": "7", "retry-after": "2"}, 2.0),
    ({"x-ratelimit-reset": "7", "x-ratelimit-remaining": "3"}, None),
    ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
    (
        {
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-tokens": "6m0s",
            "x-ratelimit-remaining-tokens": "149984",
        },
        1.0,
    ),
]


@pytest.mark.parametrize(("headers", "seconds"), HEADERS)
def test_headers_say_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_in_headers(headers, 429) == seconds


@pytest.mark.parametrize("status", [None, 400, 500])
def test_a_limit_that_is_reset_is_no_wait_of_another_error(status: int | None) -> None:
    assert seconds_in_headers({"x-ratelimit-reset": "7"}, status) is None


def is_about(seconds: float | None, expected: float) -> bool:
    return seconds is not None and expected - 5 < seconds <= expected


def test_a_date_in_a_header_is_seconds_from_now() -> None:
    later = time.time() + 300
    for headers in (
        {"retry-after": formatdate(later, usegmt=True)},
        {"x-ratelimit-reset": str(int(later))},
        {"x-ratelimit-reset": str(int(later * 1000))},
        {"anthropic-ratelimit-requests-reset": datetime.fromtimestamp(later, UTC).isoformat()},
    ):
        assert is_about(seconds_in_headers(headers, 429), 300)


# -------------------------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"retry_after": 5}}, 5.0),
        ({"retry_after": "5"}, 5.0),
        ({"error": {"retryAfter": 1.5}}, 1.5),
        ({"error": {"retry_after_ms": 250}}, 0.25),
        ({"retry_after_seconds": 3}, 3.0),
        ({"error": {"details": [{"@type": "RetryInfo", "retryDelay": "34s"}]}}, 34.0),
        ({"error": {"metadata": {"headers": {"Retry-After": "20"}}}}, 20.0),
        ({"error": {"retry_after": None}}, None),
        ({"error": {"retry_after": "soon"}}, None),
        ({"error": {"retry_after": {}}}, None),
        ({"error": {"message": "Slow down."}}, None),
        ({"a": {"b": {"c": {"d": {"e": {"retry_after": 5}}}}}}, None),
        ([], None),
    ],
)
def test_a_field_of_a_body_says_how_long_to_wait(body: Any, seconds: float | None) -> None:
    assert seconds_in_body(body) == seconds


# --------------------------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit reached. Please try again in 20s.", 20.0),
        ("Please try again in 6m0s. Visit https://example.com", 360.0),
        ("Please try again in 850ms", 0.85),
        ("Request was throttled. Expected available in 24 seconds.", 24.0),
        ("The model is available again in 5s.", 5.0),
        ("Please try again in 1.5 seconds", 1.5),
        ("Please retry after 10 seconds.", 10.0),
        ("Retry in about 2 minutes", 120.0),
        ("Please wait 1 hour and 5 minutes before the next request.", 3900.0),
        ("Too many requests, wait at least 3 secs", 3.0),
        ("The limit resets in 45 s", 45.0),
        ("Try again after 2 days", 172800.0),
        ("请求过于频繁, 请在30秒后重试", 30.0),
        ("请在 2 分钟后重试", 120.0),
        ("Please try again later.", None),
        ("Please try again in 5 months", None),
        ("Please try again in 5", None),
        ("Wait for it", None),
        ("It took 20s", None),
        ("", None),
    ],
)
def test_a_text_says_how_long_to_wait(text: str, seconds: float | None) -> None:
    assert seconds_in_text(text) == seconds


def test_a_text_says_when_a_quota_is_reset() -> None:
    reset = datetime.now(UTC) + timedelta(hours=2)
    for text in (
        f"The quota will reset at {reset:%m-%d %H:%M:%S} UTC.",
        f"It will reset at {reset:%Y-%m-%d %H:%M:%S} +0000 UTC",
        f"The quota resets on {reset:%Y-%m-%dT%H:%M:%S}Z",
        f"It resets at {reset + timedelta(hours=8):%Y-%m-%d %H:%M:%S} +08:00",
    ):
        assert is_about(seconds_in_text(text), 7200)


def test_a_reset_that_has_passed_says_nothing() -> None:
    reset = datetime.now(UTC) - timedelta(hours=2)
    assert seconds_in_text(f"The quota will reset at {reset:%m-%d %H:%M:%S} UTC.") is None


@pytest.mark.parametrize(("now", "day", "days"), [("2026-12-30", "01-02", 3), ("2026-01-02", "12-30", 362)])
def test_a_day_without_a_year_is_the_next_one(monkeypatch: pytest.MonkeyPatch, now: str, day: str, days: int) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":  # noqa: ARG003 - the signature is that of `datetime`
            return cls.fromisoformat(f"{now}T00:00:00+00:00")

    monkeypatch.setattr("langchain_qwen_workspace._retry_after.datetime", Clock)
    assert seconds_in_text(f"It will reset at {day} 00:00:00 UTC") == days * 86400


@pytest.mark.parametrize("text", ["It will reset at 02-30 00:00:00 UTC", "It will reset at 2026-12-01 00:00:00"])
def test_a_time_that_does_not_exist_or_has_no_zone_says_nothing(text: str) -> None:
    assert seconds_in_text(text) is None


# -------------------------------------------------------------------------------------------------------------- errors


def error_of(body: Any, headers: dict[str, str] | None = None, status: int = 429) -> QwenWorkspaceError:
    response = httpx.Response(status, content=json.dumps(body).encode(), headers=headers)
    return error_from_response(response, request_of("qwen-plus", "openai"))


def test_the_wait_of_a_body_is_on_the_error() -> None:
    assert error_of({"error": {"code": "Throttling", "message": "Slow.", "retry_after": 5}}).retry_after == 5.0


def test_the_wait_of_a_text_is_on_the_error() -> None:
    assert error_of({"code": "Throttling", "message": "Please try again in 20s."}).retry_after == 20.0


def test_the_wait_of_a_text_that_is_not_json_is_on_the_error() -> None:
    response = httpx.Response(429, content=b"Too many requests. Retry after 3 seconds.")
    assert error_from_response(response, request_of("qwen-plus", "openai")).retry_after == 3.0


def test_headers_count_before_the_body() -> None:
    assert error_of({"code": "Throttling", "message": "Try again in 20s."}, {"retry-after": "2"}).retry_after == 2.0


def test_a_field_counts_before_the_text() -> None:
    failure = read_failure({"error": {"code": "Throttling", "message": "Try again in 20s.", "retry_after": 0}})
    error = error_for(failure or {}, status_code=429, model="qwen-plus", destination=HERE)
    assert error.retry_after == 0.0


def test_a_plans_reset_is_on_the_error() -> None:
    reset = datetime.now(UTC) + timedelta(hours=2)
    message = f"Your token-plan 1-week quota has been exhausted. The quota will reset at {reset:%m-%d %H:%M:%S} UTC."
    error = error_of({"code": "Throttling.AllocationQuota", "message": message})
    assert isinstance(error, BillingError)
    assert is_about(error.retry_after, 7200)


def test_the_wait_of_an_event_is_on_the_error(server: Server, stub: ProtocolStub, ask_streamed: Ask) -> None:
    frame = stub.frame({"error": {"code": "Throttling.RateQuota", "message": "Please try again in 1h0m0s."}})
    server.default = lambda _: stream_reply(frame)
    with pytest.raises(RateLimitError) as caught:
        ask_streamed(stub.llm(server, max_retries=2))
    assert caught.value.retry_after == 3600.0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "text", ["Please try again in 1" + "0" * 5000 + "s", "wait " * 20000, "try again in " + "1m" * 50000]
)
def test_a_hostile_text_is_read_in_time(text: str) -> None:
    start = time.process_time()
    seconds_in_text(text)
    assert time.process_time() - start < 1
