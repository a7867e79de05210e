"""What the inference engine says in a message (`<400> InternalError.Algo.Name: …`) decides before code and status."""

import json
from typing import Any

import pytest

from langchain_qwen_workspace import (
    AuthenticationError,
    BillingError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import Destination
from tests.support.protocols import ProtocolStub
from tests.support.server import Server, json_reply, stream_reply
from tests.support.ways import Ask

HERE = Destination("openai", "ap-southeast-1", "ws-test")

# The message, code and status of a report, and the class and status of the error.
Report = tuple[str, str | None, int | None, type[QwenWorkspaceError], int]
REPORTS: dict[str, Report] = {
    "inspected": (
        "<400> InternalError.Algo.DataInspectionFailed: Input data may contain inappropriate content.",
        "invalid_parameter_error",
        400,
        ContentFilterError,
        400,
    ),
    "refused behind a gateway": (
        "<400> InternalError.Algo.InvalidParameter: Never heard of.",
        "bad_gateway",
        502,
        InvalidRequestError,
        400,
    ),
    "refused, in a message of the gateway": (
        "Upstream failed: Error code: 400 - <400> InternalError.Algo.InvalidParameter: Never heard of.",
        "InternalError",
        500,
        InvalidRequestError,
        400,
    ),
    "throttled in a stream": ("<429> InternalError.Algo: Too many requests.", None, None, RateLimitError, 429),
    "throttled with status 200": (
        "<429> InternalError.Algo: Slow.",
        "InternalError",
        200,
        RateLimitError,
        429,
    ),
    "throttled by name": ("<400> InternalError.Algo.Throttling.RateQuota: Slow.", None, 400, RateLimitError, 400),
    "a name without a row": ("<400> InternalError.Algo.Unheard: Of.", "InternalError", 500, InvalidRequestError, 400),
    "a key": ("<401> InternalError.Algo.InvalidApiKey: No.", None, 502, AuthenticationError, 401),
    "a failure": ("<500> InternalError.Algo: Failed.", "InvalidParameter", 400, ServerError, 500),
    "refused, in a report of the engine": (
        "<500> InternalError.Algo: The model failed: [<400> InternalError.Algo.InvalidParameter: Never heard of.]",
        "InternalError.Algo",
        500,
        InvalidRequestError,
        400,
    ),
    "a known text": (
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 5]",
        None,
        502,
        ContextLengthError,
        400,
    ),
    "lower case": ("<400> internalerror.algo.invalidparameter: Never heard of.", None, 502, InvalidRequestError, 400),
}


def error_of(failure: dict[str, Any], status: int | None) -> QwenWorkspaceError:
    return error_for(failure, status_code=status, model="qwen-plus", destination=HERE)


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_engines_status_and_code_decide(stub: ProtocolStub, report: Report) -> None:
    message, code, status, error_class, stated = report
    failure = read_failure(stub.error_body(code, message), failed=True)
    assert failure is not None

    error = error_of(failure, status)

    assert (type(error), error.status_code, error.message) == (error_class, stated, message)
    assert error.hint


def test_the_code_that_the_service_names_is_kept() -> None:
    error = error_of({"code": "bad_gateway", "message": "<400> InternalError.Algo.InvalidParameter: No."}, 502)
    assert error.code == "bad_gateway"


@pytest.mark.parametrize("code", ["InternalError.Algo.DataInspectionFailed", "internalerror.algo.datainspectionfailed"])
def test_a_code_of_the_engine_is_known_by_its_last_part(code: str) -> None:
    assert type(error_of({"code": code, "message": "Never heard of."}, 500)) is ContentFilterError


def test_a_code_of_the_engine_without_a_row_is_an_internal_error() -> None:
    assert type(error_of({"code": "InternalError.Algo.Unheard"}, None)) is ServerError


def test_brackets_that_are_not_the_engines_say_nothing() -> None:
    assert error_of({"message": "<400> is not a tag"}, 502).status_code == 502


# ------------------------------------------------------------------------------------------------- numbers as the code


@pytest.mark.parametrize(
    ("code", "error_class"),
    [(400, InvalidRequestError), ("400", InvalidRequestError), (502, ServerError), (429, RateLimitError)],
)
@pytest.mark.parametrize("status", [None, 200])
def test_a_number_as_the_code_is_the_status_of_an_error_without_one(
    code: Any, error_class: type[QwenWorkspaceError], status: int | None
) -> None:
    failure = read_failure({"error": {"code": code, "message": "Never heard of."}})
    assert failure is not None
    error = error_of(failure, status)
    assert (type(error), error.status_code) == (error_class, int(code))


def test_a_number_as_the_code_of_an_error_response_is_not_its_status() -> None:
    error = error_of({"code": "400", "status": 400, "message": "Never heard of."}, 503)
    assert (type(error), error.status_code) == (ServerError, 503)


def test_a_type_beside_a_number_as_the_code_is_read() -> None:
    failure = read_failure({"error": {"code": 429, "type": "insufficient_quota", "message": "It will reset at 12:00."}})
    assert failure is not None
    assert error_of(failure, None).code == "429"


# --------------------------------------------------------------------------------------------------- through a server


@pytest.mark.parametrize(
    ("error", "times"),
    [
        ({"code": None, "message": "<429> InternalError.Algo: Too many requests."}, 2),
        ({"code": 400, "message": "Never heard of."}, 1),
    ],
    ids=str,
)
def test_an_error_in_a_stream_is_sent_again_by_its_meaning(
    server: Server, stub: ProtocolStub, ask_streamed: Ask, error: dict[str, Any], times: int
) -> None:
    frame = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    server.default = lambda _: stream_reply(frame)
    with pytest.raises(QwenWorkspaceError):
        ask_streamed(stub.llm(server, max_retries=1))
    assert len(server.requests) == times


def test_a_refusal_behind_a_gateway_is_not_sent_again(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    body = stub.error_body("bad_gateway", "<400> InternalError.Algo.InvalidParameter: Never heard of.")
    server.default = lambda _: json_reply(body, 502)
    with pytest.raises(InvalidRequestError):
        ask(stub.llm(server, max_retries=2))
    assert len(server.requests) == 1


def test_a_plans_quota_is_not_sent_again(server: Server, stub: ProtocolStub, ask: Ask) -> None:
    code = "Throttling.AllocationQuota" if stub.is_dashscope else "insufficient_quota"
    body = stub.error_body(code, "Your token-plan 1-week quota has been exhausted.")
    server.default = lambda _: json_reply(body, 429)
    with pytest.raises(BillingError):
        ask(stub.llm(server, max_retries=2))
    assert len(server.requests) == 1
