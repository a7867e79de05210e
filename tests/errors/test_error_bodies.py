"""Failures as both protocols write them, read without a server: what each shape is, and what the error says of it."""

from typing import Any

import pytest

from langchain_qwen_workspace import (
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import Destination
from tests.errors.test_errors import ROWS, Row
from tests.support.protocols import ProtocolStub

HERE = Destination("openai", "ap-southeast-1", "ws-test")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_reads_the_same_in_either_shape(stub: ProtocolStub, row: Row) -> None:
    code = row.native if stub.is_dashscope else row.compatible
    failure = read_failure(stub.error_body(code, row.message, row.type_), failed=True)
    assert failure is not None

    error = error_for(failure, status_code=row.status, model="qwen-plus", destination=HERE, request_id="req-header")

    assert type(error) is row.kind
    assert (error.message, error.code, error.status_code, error.request_id) == (
        row.message,
        code,
        row.status,
        "req-body",
    )
    assert (error.model, error.protocol) == ("qwen-plus", "openai")
    assert (error.region, error.workspace_id) == ("ap-southeast-1", "ws-test")
    assert row.hint in (error.hint or "")


def told(**facts: str | None) -> dict[str, str | None]:
    return {"code": None, "type": None, "message": None, "request_id": None, **facts}


FOUND: list[tuple[str, Any, bool, dict[str, str | None] | None]] = [
    ("nothing", None, True, None),
    ("a list", [{"error": {"code": "x"}}], True, None),
    ("an empty object", {}, True, None),
    ("an answer", {"choices": [], "id": "1"}, False, None),
    ("an answer with a code", {"choices": [], "code": "200"}, False, None),
    ("a native answer with a code", {"output": {"text": "a"}, "code": "200"}, False, None),
    ("a code beside no output", {"output": {}, "code": "x"}, False, told(code="x")),
    ("a code beside no output at all", {"code": "x"}, False, told(code="x")),
    ("an empty code", {"code": "", "message": ""}, False, None),
    ("a message of a success", {"message": "m"}, False, None),
    ("a message of a failure", {"message": "m"}, True, told(message="m")),
    ("an error object", {"error": {"code": "x"}}, False, told(code="x")),
    ("an empty error object", {"error": {}}, False, told()),
    ("an error as a text", {"error": "m", "request_id": "r"}, False, told(message="m", request_id="r")),
    ("an error as an empty text", {"error": ""}, False, None),
    ("an error that is none", {"error": None}, False, None),
    ("an error that is a number", {"error": 5}, False, None),
    ("an error's own request id", {"error": {"code": "x", "request_id": "inner"}}, False, told(code="x")),
    (
        "all of it",
        {"error": {"code": 5, "type": "t", "message": ["m"]}, "request_id": "r"},
        False,
        told(code="5", type="t", message="['m']", request_id="r"),
    ),
    (
        "all of it, natively",
        {"code": "c", "type": "t", "message": "m", "request_id": "r"},
        False,
        told(code="c", type="t", message="m", request_id="r"),
    ),
    ("empty texts", {"code": "c", "type": "", "message": "", "request_id": ""}, False, told(code="c")),
    ("zero", {"code": "c", "message": 0}, False, told(code="c", message="0")),
]


@pytest.mark.parametrize(("body", "failed", "found"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_what_of_a_body_is_a_failure(body: Any, failed: bool, found: dict[str, str | None] | None) -> None:
    assert read_failure(body, failed=failed) == found


def test_a_body_is_taken_for_an_answer_unless_something_says_otherwise() -> None:
    assert read_failure({"message": "m"}) is None


def of(status: int | None, failure: dict[str, str | None] | None = None, **given: Any) -> QwenWorkspaceError:
    return error_for(failure or {}, status_code=status, **{"model": "qwen-plus", "destination": HERE, **given})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (None, QwenWorkspaceError),
        (299, QwenWorkspaceError),
        (300, InvalidResponseError),
        (399, InvalidResponseError),
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (429, RateLimitError),
        (499, InvalidRequestError),
        (500, ServerError),
        (599, ServerError),
    ],
)
def test_a_status_alone_has_a_class(status: int | None, kind: type[QwenWorkspaceError]) -> None:
    error = of(status)

    assert type(error) is kind
    assert error.message == f"The service answered with HTTP status {status} and no message."
    assert (error.code, error.request_id) == (None, None)


@pytest.mark.parametrize(("status", "hinted"), [(None, False), (299, False), (300, True), (399, True)])
def test_a_redirect_alone_is_told_to_lead_elsewhere(status: int | None, hinted: bool) -> None:
    assert ("Redirects" in (of(status).hint or "")) is hinted


def test_a_request_that_is_called_invalid_in_a_stream_is_one() -> None:
    assert type(of(None, told(type="invalid_request_error"))) is InvalidRequestError


def test_a_code_is_known_by_what_it_begins_with() -> None:
    assert type(of(400, told(code="Throttling.RateQuota.Of.Something"))) is RateLimitError
    assert type(of(400, told(code="Of.Throttling"))) is InvalidRequestError


def test_the_id_of_the_body_comes_before_that_of_the_headers() -> None:
    assert of(500, told(request_id="body"), request_id="header").request_id == "body"
    assert of(500, told(), request_id="header").request_id == "header"


def test_a_hint_names_who_was_called() -> None:
    refused = told(code="Model.AccessDenied", message="Model access denied.")
    workspace = told(code="Endpoint.AccessDenied", message="m")

    assert "'qwen-plus' is not granted to workspace ws-test" in (of(403, refused).hint or "")
    assert "(ap-southeast-1)" in (of(403, refused).hint or "")
    assert "(`workspace_id`: ws-test)" in (of(403, workspace).hint or "")

    nobody = Destination("openai", "ap-southeast-1", None)
    assert "the model is not granted to the key's workspace" in (
        of(403, refused, model=None, destination=nobody).hint or ""
    )
    assert "(`workspace_id`: not given)" in (of(403, workspace, destination=nobody).hint or "")
