"""Which error a report of the service becomes, read without a server: from text, code and status, in either shape."""

import re
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace import (
    APITimeoutError,
    AuthenticationError,
    BillingError,
    ContextLengthError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._error_table import error_for, read_failure, row_for
from langchain_qwen_workspace._seam import Destination
from langchain_qwen_workspace._transports._http_answers import error_from_response, read_response
from langchain_qwen_workspace.data._error_row import ErrorRow
from langchain_qwen_workspace.data._errors import ERROR_ROWS
from tests.errors._case import QUOTA, UNKNOWN, Case
from tests.errors._cases import CASES, MODEL, REGION, WORKSPACE
from tests.errors.test_error_classes import CLASSES
from tests.support.protocols import OPENAI, ProtocolStub
from tests.wire.golden._reading import request_of

HERE = Destination("openai", REGION, WORKSPACE)


def failure_of(**facts: Any) -> dict[str, Any]:
    names = ("code", "type", "message", "request_id", "id", "status", "retry_after")
    return {**dict.fromkeys(names), **facts}


def row_of(case: Case) -> ErrorRow:
    return row_for(failure_of(code=case.code, message=case.message), case.status)


def error_of(status: int | None, failure: dict[str, Any] | None = None, **given: Any) -> QwenWorkspaceError:
    return error_for(failure or {}, status_code=status, **{"model": MODEL, "destination": HERE, **given})


# ------------------------------------------------------------------------------------------------------------- cases


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_becomes_its_error(stub: ProtocolStub, case: Case) -> None:
    failure = read_failure(case.body(stub), failed=True)
    assert failure is not None

    error = error_of(case.status, failure, request_id="req-header")

    assert type(error) is case.error_class
    assert (error.message, error.code, error.status_code) == (case.message, case.code_on(stub), case.status)
    assert (error.model, error.region, error.workspace_id) == (MODEL, REGION, WORKSPACE)
    assert (error.protocol, error.request_id) == ("openai", "req-body")
    assert all(hint in (error.hint or "") for hint in case.hints)
    assert error.is_retryable is CLASSES[case.error_class].is_retryable


def test_a_known_text_or_code_needs_no_status(stub: ProtocolStub) -> None:
    """An event of a stream need not name a status."""
    known = [case for case in CASES if row_of(case) is not row_for({}, case.status)]
    failures = {case: read_failure(case.body(stub), failed=True) for case in known}

    assert [case for case in known if type(error_of(None, failures[case])) is not case.error_class] == []


# A quota of tokens per minute is reported with status 429; with these statuses the same codes are a bill.
QUOTAS_OF_403 = [
    Case(status, *codes, message, None, BillingError, ("free tier of 'qwen-plus'", "console (ap-southeast-1)"))
    for status in (402, 403)
    for codes in (QUOTA, ("insufficient_quota", "insufficient_quota"), ("AllocationQuota", "AllocationQuota"))
    for message in (UNKNOWN, "You exceeded your current quota, please check your plan and billing details.")
]


@pytest.mark.parametrize("case", QUOTAS_OF_403, ids=str)
def test_a_quota_that_is_forbidden_is_a_bill(stub: ProtocolStub, case: Case) -> None:
    error = error_of(case.status, read_failure(case.body(stub), failed=True))

    assert type(error) is BillingError
    assert all(hint in (error.hint or "") for hint in case.hints)


# -------------------------------------------------------------------------------------------------------------- rows


def rows_matching(case: Case) -> list[ErrorRow]:
    """Return the rows that a case's message matches."""
    report = f"{case.status} {case.code or ''}: {case.message}"
    return [
        row
        for row in ERROR_ROWS
        if any(text.lower() in case.message.lower() for text in row.texts)
        or any(re.search(pattern, report, re.IGNORECASE) for pattern in row.patterns)
    ]


def is_silent(case: Case) -> bool:
    """Say whether a case's message matches no row, so that its code or status decides."""
    return not rows_matching(case)


def test_every_row_has_a_case() -> None:
    assert set(ERROR_ROWS) - {row_of(case) for case in (*CASES, *QUOTAS_OF_403)} == set()


def test_every_text_has_a_case() -> None:
    messages = " ".join(case.message for case in CASES).lower()

    assert [text for row in ERROR_ROWS for text in row.texts if text.lower() not in messages] == []


def test_every_pattern_has_a_case() -> None:
    reports = [f"{case.status} {case.code or ''}: {case.message}" for case in (*CASES, *QUOTAS_OF_403)]

    assert [
        pattern
        for row in ERROR_ROWS
        for pattern in row.patterns
        if not any(re.search(pattern, report, re.IGNORECASE) for report in reports)
    ] == []


def test_every_code_decides_a_case() -> None:
    decisive = {code.lower() for case in CASES if is_silent(case) for code in (case.code, case.openai_code) if code}

    assert {code for row in ERROR_ROWS for code in row.codes} - decisive == set()


def test_every_status_decides_a_case() -> None:
    decisive = {case.status for case in CASES if is_silent(case) and case.code is None}

    assert {status for row in ERROR_ROWS for status in row.statuses} - decisive == set()


def test_no_message_matches_two_rows() -> None:
    assert [case for case in CASES if len(rows_matching(case)) > 1] == []


def test_no_code_status_or_type_is_in_two_rows() -> None:
    signs = [sign for row in ERROR_ROWS for sign in (*row.codes, *row.statuses, *row.types)]

    assert len(signs) == len(set(signs))


def test_a_hint_is_one_or_two_sentences() -> None:
    assert [row.hint for row in ERROR_ROWS if not row.hint.endswith(".") or row.hint.count(". ") > 1] == []


# ------------------------------------------------------------------------------------- what a body says of a failure

BODIES: list[tuple[str, Any, bool, dict[str, str | None] | None]] = [
    ("null", None, True, None),
    ("a list", [{"error": {"code": "x"}}], True, None),
    ("an empty object", {}, True, None),
    ("an answer", {"choices": [], "id": "1"}, False, None),
    ("an answer with a code", {"choices": [], "code": "200"}, False, None),
    ("a dashscope answer with a code", {"output": {"text": "a"}, "code": "200"}, False, None),
    ("a code and an empty output", {"output": {}, "code": "x"}, False, failure_of(code="x")),
    ("a code and no output", {"code": "x"}, False, failure_of(code="x")),
    ("an empty code", {"code": "", "message": ""}, False, None),
    ("a message of a success", {"message": "m"}, False, None),
    ("a message of a failure", {"message": "m"}, True, failure_of(message="m")),
    ("a null code beside a message", {"code": None, "message": "m"}, True, failure_of(message="m")),
    ("an error object", {"error": {"code": "x"}}, False, failure_of(code="x")),
    ("an empty error object", {"error": {}}, False, failure_of()),
    ("an error as a string", {"error": "m", "request_id": "r"}, False, failure_of(message="m", request_id="r", id="r")),
    ("an error as an empty string", {"error": ""}, False, None),
    ("an error that is null", {"error": None}, False, None),
    ("an error that is a number", {"error": 5}, False, None),
    (
        "a request id inside the error",
        {"error": {"code": "x", "request_id": "inner"}},
        False,
        failure_of(code="x", id="inner"),
    ),
    ("an id inside the error", {"error": {"code": "x", "id": "r-1"}}, False, failure_of(code="x", id="r-1")),
    ("an answer's id", {"error": {"code": "x"}, "id": "chatcmpl-7"}, False, failure_of(code="x", id="7")),
    ("a status as the code", {"error": {"code": 502}}, False, failure_of(code="502", status=502)),
    ("a status as text", {"error": {"code": "502"}}, False, failure_of(code="502", status=502)),
    ("a status of its own", {"error": {"code": "x", "status": 429}}, False, failure_of(code="x", status=429)),
    ("a status of a success", {"error": {"code": 200}}, False, failure_of(code="200")),
    ("a number that is no status", {"error": {"code": 40003}}, False, failure_of(code="40003")),
    (
        "a phrase beside a message",
        {"error": "Too Many Requests", "status": 429, "message": "Slow down."},
        False,
        failure_of(status=429, message="Slow down."),
    ),
    ("a phrase beside a code", {"error": "Odd.", "code": "c"}, False, failure_of(code="c", message="Odd.")),
    (
        "a status beside a message",
        {"status_code": 429, "code": "", "message": "Slow down."},
        False,
        failure_of(status=429, message="Slow down."),
    ),
    ("a wait", {"error": {"code": "x", "retry_after": 5}}, False, failure_of(code="x", retry_after=5.0)),
    (
        "every field of the error object",
        {"error": {"code": 5, "type": "t", "message": ["m"]}, "request_id": "r"},
        False,
        failure_of(code="5", type="t", message="['m']", request_id="r"),
    ),
    (
        "every field of the dashscope protocol",
        {"code": "c", "type": "t", "message": "m", "request_id": "r"},
        False,
        failure_of(code="c", type="t", message="m", request_id="r", id="r"),
    ),
    ("empty strings", {"code": "c", "type": "", "message": "", "request_id": ""}, False, failure_of(code="c")),
    ("zero", {"code": "c", "message": 0}, False, failure_of(code="c", message="0")),
]


@pytest.mark.parametrize(("body", "failed", "failure"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_which_body_is_a_failure(body: Any, failed: bool, failure: dict[str, str | None] | None) -> None:
    assert read_failure(body, failed=failed) == failure


def test_a_message_alone_is_no_failure_by_default() -> None:
    assert read_failure({"message": "m"}) is None


# ------------------------------------------------------------------------------------- responses without a usable body

UNREADABLE = [b"", b"<html><body>Bad gateway</body></html>", b"[1, 2]", b'"text"', b"null", b"{", b"\xff\xfe{", b"{}"]


def response_of(body: bytes, status: int) -> httpx.Response:
    return httpx.Response(status, content=body, headers={"x-request-id": "req-header"})


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_error_without_a_readable_body_is_known_by_its_status(body: bytes) -> None:
    error = error_from_response(response_of(body, 502), request_of(MODEL, "openai"))

    assert type(error) is ServerError
    assert (error.status_code, error.code, error.request_id) == (502, None, "req-header")
    assert "HTTP status 502" in error.message


@pytest.mark.parametrize("body", UNREADABLE[:-1])
def test_a_response_that_is_not_a_json_object_raises_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponseError, match="not a JSON object") as caught:
        read_response(response_of(body, 200), request_of(MODEL, "openai"))

    assert caught.value.request_id == "req-header"
    assert caught.value.hint


def test_an_error_may_be_a_plain_string() -> None:
    error = error_from_response(response_of(b'{"error": "Something odd."}', 500), request_of(MODEL, "openai"))

    assert error.message == "Something odd."


# ------------------------------------------------------------------------------------------ codes, statuses and hints


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (None, QwenWorkspaceError),
        (299, QwenWorkspaceError),
        (300, InvalidResponseError),
        (399, InvalidResponseError),
        (400, InvalidRequestError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (429, RateLimitError),
        (405, InvalidRequestError),
        (430, InvalidRequestError),
        (498, InvalidRequestError),
        (500, ServerError),
        (599, ServerError),
    ],
)
def test_a_status_alone_has_a_class(status: int | None, error_class: type[QwenWorkspaceError]) -> None:
    error = error_of(status)

    assert type(error) is error_class
    assert error.message == f"The service responded with HTTP status {status} and no message."
    assert (error.code, error.request_id) == (None, None)


@pytest.mark.parametrize("status", [None, 299])
def test_an_unknown_failure_has_no_hint(status: int | None) -> None:
    assert error_of(status).hint is None


TYPES = [
    ("invalid_request_error", InvalidRequestError),
    ("authentication_error", AuthenticationError),
    ("permission_error", PermissionDeniedError),
    ("billing_error", BillingError),
    ("not_found_error", NotFoundError),
    ("rate_limit_error", RateLimitError),
    ("rate_limit_exceeded", RateLimitError),
    ("timeout_error", APITimeoutError),
    ("overloaded_error", ServerError),
    ("api_error", ServerError),
    ("server_error", ServerError),
    ("internalservererror", ServerError),
    ("badrequesterror", InvalidRequestError),
]


@pytest.mark.parametrize(("type_", "error_class"), TYPES)
@pytest.mark.parametrize("code", [None, "unheard_of"])
def test_a_kind_of_error_without_a_status_is_known_by_its_type(
    type_: str, error_class: type[QwenWorkspaceError], code: str | None
) -> None:
    """As the OpenAI-compatible protocol and gateways report it in a stream."""
    error = error_of(None, read_failure(OPENAI.error_body(code, "Never heard of.", type_)))

    assert type(error) is error_class
    assert error.hint


@pytest.mark.parametrize("type_", ["server_error", "invalid_request_error"])
def test_a_type_may_be_the_code(type_: str) -> None:
    assert type(error_of(None, failure_of(code=type_))) is dict(TYPES)[type_]


def test_a_status_counts_before_a_type() -> None:
    assert type(error_of(401, failure_of(type="invalid_request_error"))) is AuthenticationError


def test_every_type_is_tested() -> None:
    assert {name for row in ERROR_ROWS for name in row.types} == {name for name, _ in TYPES}


def test_a_longer_code_takes_the_row_of_its_prefix() -> None:
    assert type(error_of(400, failure_of(code="Throttling.RateQuota.Of.Something"))) is RateLimitError


def test_a_code_does_not_take_the_row_of_its_suffix() -> None:
    assert type(error_of(400, failure_of(code="Of.Throttling"))) is InvalidRequestError


def test_a_text_is_known_in_any_case() -> None:
    failure = failure_of(code="InvalidParameter", message="RANGE OF INPUT LENGTH SHOULD BE [1, 5]")

    assert type(error_of(400, failure)) is ContextLengthError


def test_only_the_beginning_of_a_message_is_searched() -> None:
    """It may quote a whole conversation, whose words are not the service's."""
    quoted = "x" * 10_000 + " Model not exist. Please try again in 20s."
    error = error_of(400, failure_of(message=quoted))

    assert (type(error), error.message, error.retry_after) == (InvalidRequestError, quoted, None)


def test_a_request_id_in_the_body_counts_before_the_headers() -> None:
    assert error_of(500, failure_of(request_id="body"), request_id="header").request_id == "body"


def test_a_request_id_is_taken_from_the_headers_otherwise() -> None:
    assert error_of(500, failure_of(), request_id="header").request_id == "header"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("Model.AccessDenied", "The model is not granted to the key's workspace: a super"),
        ("Endpoint.AccessDenied", "(`workspace_id`: not given)"),
        ("Workspace.AccessDenied", "the workspace that was called (`workspace_id`: not given,"),
    ],
)
def test_a_hint_reads_well_without_model_and_workspace(code: str, hint: str) -> None:
    nowhere = Destination("openai", REGION, None)

    error = error_of(403, failure_of(code=code, message="Never heard of."), model=None, destination=nowhere)

    assert hint in (error.hint or "")


def test_braces_in_a_models_name_are_kept_in_the_hint() -> None:
    error = error_of(403, failure_of(code="Model.AccessDenied"), model="{region}")

    assert "'{region}' is not granted" in (error.hint or "")


@pytest.mark.parametrize(("in_headers", "request_id"), [("header", "header"), (None, "inner")])
def test_an_id_inside_the_error_is_the_request_id_only_without_one_in_the_headers(
    in_headers: str | None, request_id: str
) -> None:
    assert error_of(403, failure_of(id="inner"), request_id=in_headers).request_id == request_id


# ----------------------------------------------------------------------------------------- bodies as gateways send them

THROTTLED = b'{"code": "Throttling.RateQuota", "message": "Slow down."}'


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + THROTTLED,
        b"\n \xef\xbb\xbf\xef\xbb\xbf" + THROTTLED,
        b"event: error\ndata: " + THROTTLED + b"\n\n",
        b"data: ping\n\ndata: [DONE]\n\ndata: " + THROTTLED + b"\n\n",
        b"data: not json\r\rdata: " + THROTTLED + b"\r\r",
        b"\xef\xbb\xbfdata: " + THROTTLED + b"\n\n",
    ],
    ids=[
        "byte order mark",
        "two byte order marks after blanks",
        "framed",
        "frames that are not JSON before it",
        "CR line ends",
        "framed after a mark",
    ],
)
def test_an_error_body_is_read_however_a_gateway_frames_it(body: bytes) -> None:
    error = error_from_response(httpx.Response(400, content=body), request_of(MODEL, "openai"))
    assert isinstance(error, RateLimitError)
    assert error.message == "Slow down."
