"""The files of a batch: encoding request lines and decoding answer lines."""

import json
from typing import Any

import pytest

from langchain_qwen_workspace._seam import Destination, Request
from langchain_qwen_workspace._wire import batches
from langchain_qwen_workspace.errors import (
    ContentFilterError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
)
from langchain_qwen_workspace.profiles import profile_of

DESTINATION = Destination("openai", "cn-beijing", "ws-test")
FACTS = {"model": "qwen-flash", "protocol": "openai", "region": "cn-beijing", "ws": "ws-test"}
CHAT = "/v1/chat/completions"

MESSAGE = {"role": "assistant", "content": "很高兴见到你✨ (•̀ᴗ•́)و"}
# The first line of an output file, recorded in 2026-04, its content shortened.
RECORDED: dict[str, Any] = {
    "id": "153fa1be-abbc-4b52-80a6-c7ca92688fbc",
    "custom_id": "1",
    "response": {
        "status_code": 200,
        "request_id": "153fa1be-abbc-4b52-80a6-c7ca92688fbc",
        "body": {
            "created": 1776432582,
            "usage": {"completion_tokens": 49, "prompt_tokens": 26, "total_tokens": 75},
            "model": "qwen-flash",
            "id": "chatcmpl-153fa1be-abbc-4b52-80a6-c7ca92688fbc",
            "choices": [{"finish_reason": "stop", "index": 0, "message": MESSAGE}],
            "object": "chat.completion",
        },
    },
    "error": None,
}


def request(path: str = "/chat/completions", **body: Any) -> Request:
    return Request(path=path, body={"model": "qwen-flash", **body}, model="qwen-flash", destination=DESTINATION)


def decode(line: object) -> batches.ResultLine:
    content = line if isinstance(line, bytes) else json.dumps(line).encode()
    return batches.read_line(content, model="qwen-flash", destination=DESTINATION)


def decode_error(response: object, error: object = None, custom_id: str = "q1") -> QwenWorkspaceError:
    """Return the error of a line that failed."""
    found = decode({"id": "1", "custom_id": custom_id, "response": response, "error": error})
    assert (found.custom_id, found.body) == (custom_id, None)
    assert found.error is not None
    return found.error


def refusal(status: int, code: str | None, message: str, type_: str | None = None) -> dict[str, Any]:
    error = {"message": message, "type": type_ or code, "param": None, "code": code}
    return {"status_code": status, "request_id": "req-line", "body": {"error": error}}


# ---------------------------------------------------------------------------------------------------- encoding


def test_a_line_is_one_line_of_compact_json() -> None:
    line = batches.write_line("q1", request(messages=[{"role": "user", "content": "Hi"}]), CHAT)
    assert line == (
        b'{"custom_id":"q1","method":"POST","url":"/v1/chat/completions",'
        b'"body":{"model":"qwen-flash","messages":[{"role":"user","content":"Hi"}]}}\n'
    )


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\r\nb", "a\x85b", "a\u2028b\u2029c", "\x0b\x0c\x1c\x1d\x1e", "🐟", "西湖", '"\\"', "\x00", "\ufeff"],
)
def test_any_text_stays_on_one_line(text: str) -> None:
    line = batches.write_line(text, request(input=[text]), "/v1/embeddings")
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    assert b"\r" not in line
    # UTF-8, without escapes.
    assert json.dumps(text, ensure_ascii=False).encode() in line
    body = {"model": "qwen-flash", "input": [text]}
    assert json.loads(line) == {"custom_id": text, "method": "POST", "url": "/v1/embeddings", "body": body}


@pytest.mark.parametrize(
    ("model", "path", "route"),
    [
        ("qwen-plus", "/chat/completions", "/v1/chat/completions"),
        ("text-embedding-v4", "/embeddings", "/v1/embeddings"),
        ("batch-test-model", "/chat/completions", "/v1/chat/ds-test"),
        ("my-own-deployment", "/chat/completions", "/v1/chat/completions"),
    ],
)
def test_the_endpoint_of_a_batch_depends_on_model_and_path(model: str, path: str, route: str) -> None:
    assert batches.route_of(request(path), profile_of(model)) == route


def test_the_limits_are_the_documented_ones() -> None:
    # Model Studio docs, Batch, 2026-08-17.
    assert (batches.MAX_LINES, batches.MAX_LINE_BYTES, batches.MAX_FILE_BYTES) == (50_000, 6_291_456, 524_288_000)


# ------------------------------------------------------------------------------------------------------- decoding


def test_a_recorded_line_is_decoded() -> None:
    found = decode(RECORDED)
    assert (found.custom_id, found.error) == ("1", None)
    assert found.body == {**RECORDED["response"]["body"], "request_id": "153fa1be-abbc-4b52-80a6-c7ca92688fbc"}


def test_the_request_id_of_a_body_is_kept() -> None:
    body = {**RECORDED["response"]["body"], "request_id": "req-body"}
    found = decode({**RECORDED, "response": {**RECORDED["response"], "body": body}})
    assert found.body is not None
    assert found.body["request_id"] == "req-body"


def test_a_line_may_end_with_crlf() -> None:
    assert decode(json.dumps(RECORDED).encode() + b"\r\n") == decode(RECORDED)


@pytest.mark.parametrize(
    ("response", "kind", "code", "status"),
    [
        (
            refusal(403, "Model.AccessDenied", "Model access denied."),
            PermissionDeniedError,
            "Model.AccessDenied",
            403,
        ),
        (refusal(404, "model_not_found", "No such model."), NotFoundError, "model_not_found", 404),
        (refusal(429, "limit_requests", "Too many."), RateLimitError, "limit_requests", 429),
        (refusal(500, "internal_error", "Failed."), ServerError, "internal_error", 500),
        (refusal(400, "data_inspection_failed", "Bad."), ContentFilterError, "data_inspection_failed", 400),
        (refusal(400, None, "Bad.", "invalid_request_error"), InvalidRequestError, None, 400),
        # An error in the body counts even with a success status.
        (refusal(200, "data_inspection_failed", "Bad."), ContentFilterError, "data_inspection_failed", 200),
    ],
)
def test_a_failed_line_is_the_error_of_a_call(
    response: dict[str, Any], kind: type[QwenWorkspaceError], code: str | None, status: int
) -> None:
    error = decode_error(response)
    assert type(error) is kind
    assert (error.code, error.status_code, error.request_id) == (code, status, "req-line")
    assert error.message == response["body"]["error"]["message"]
    assert {
        "model": error.model,
        "protocol": error.protocol,
        "region": error.region,
        "ws": error.workspace_id,
    } == FACTS


def test_an_error_body_of_the_dashscope_protocol_is_decoded() -> None:
    body = {"code": "DataInspectionFailed", "message": "Inappropriate.", "request_id": "req-body"}
    error = decode_error({"status_code": 400, "request_id": "req-line", "body": body})
    assert type(error) is ContentFilterError
    assert (error.code, error.message, error.request_id) == ("DataInspectionFailed", "Inappropriate.", "req-body")


def test_a_line_that_was_not_processed_has_the_errors_code_and_message() -> None:
    error = decode_error(None, {"code": "batch_expired", "message": "The window ended."})
    assert type(error) is QwenWorkspaceError
    assert (error.code, error.message) == ("batch_expired", "The window ended.")
    assert (error.status_code, error.request_id) == (None, None)
    assert type(decode_error(None)) is QwenWorkspaceError


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"status_code": 500, "request_id": "req-line"}, None),
        ({"status_code": 500, "request_id": "req-line", "body": None}, None),
        ({"status_code": 500, "request_id": "req-line", "body": "<html>"}, None),
        ({"status_code": 200, "request_id": "req-line", "body": "text"}, None),
        ({"status_code": 200, "request_id": "req-line", "body": []}, None),
        ({"status_code": None, "request_id": "req-line", "body": {"choices": []}}, None),
        ({"request_id": "req-line", "body": {"choices": []}}, None),
        ({"status_code": 200, "request_id": "req-line", "body": {"choices": []}}, "broken"),
        ({"status_code": 200, "request_id": "req-line", "body": {"choices": []}}, ["broken"]),
    ],
)
def test_a_malformed_response_of_a_line_is_an_error(response: object, error: object) -> None:
    assert decode_error(response, error).request_id == "req-line"


def test_an_error_takes_precedence_over_an_answer() -> None:
    error = decode_error(RECORDED["response"], {"code": "internal_error", "message": "Half an answer."})
    assert (type(error), error.code, error.message) == (ServerError, "internal_error", "Half an answer.")


def test_a_value_that_json_cannot_represent_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        batches.write_line("q1", request(temperature=float("nan")), CHAT)


NOT_AN_OBJECT = [b"no json", b'{"custom_id": "q1", "response"', b"\xff\xfe", b"[]", b"[1]", b'"text"', b"1", b"null"]
NOT_A_LINE = [b"{}", b'{"custom_id": null}', b'{"custom_id": 1}', b'{"custom_id": "q1", "response": "text"}']
NOT_A_RESPONSE = [b'{"custom_id": "q1", "response": [1]}', b'{"custom_id": "q1", "response": 1}', b"[" * 100_000]


@pytest.mark.parametrize(
    "line", [*NOT_AN_OBJECT, *NOT_A_LINE, *NOT_A_RESPONSE], ids=lambda line: ascii(line[:40]).replace("\\", "/")
)
def test_a_malformed_line_raises_invalid_response_error(line: bytes) -> None:
    with pytest.raises(InvalidResponseError, match="A line of the batch's results is malformed") as caught:
        decode(line)
    assert (caught.value.model, caught.value.workspace_id) == ("qwen-flash", "ws-test")
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("status", ["200", "400", [400], {"code": 400}], ids=str)
def test_a_status_code_that_is_not_an_integer_fails_only_its_line(status: object) -> None:
    error = decode_error({"status_code": status, "request_id": "req-line", "body": {"error": {"message": "Bad."}}})
    assert (error.message, error.request_id) == ("Bad.", "req-line")


@pytest.mark.parametrize("error", [{}, "", [], False], ids=repr)
def test_an_empty_error_beside_an_answer_is_ignored(error: object) -> None:
    assert decode({**RECORDED, "error": error}).error is None
