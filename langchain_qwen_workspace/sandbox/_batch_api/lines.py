"""The lines of a batch's file: checks them together, then answers each with the handler of its endpoint.

Limits and the codes `url_not_found`, `mismatched_model` and `duplicate_custom_id`: Model Studio docs, batch page of
2026-08-17 and error-code page of 2026-08-18; `url_not_found` with its text is recorded (2026-04). The other
codes and texts are OpenAI's or, where OpenAI has none, our own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_qwen_workspace.sandbox import _models
from langchain_qwen_workspace.sandbox._calls import Call, Handler, Reply
from langchain_qwen_workspace.sandbox._chat import openai
from langchain_qwen_workspace.sandbox._errors import Refusal, parameter_error
from langchain_qwen_workspace.sandbox._json import read_json
from langchain_qwen_workspace.sandbox._retrieval import embeddings

_TEST_ENDPOINT = "/v1/chat/ds-test"
_MAX_LINES = 50_000
_MAX_LINE_BYTES = 6 * 1024 * 1024
_MAX_TEST_LINES = 100
_MAX_TEST_BYTES = 1024 * 1024
# So that a file of wrong lines does not make an object as long as the file.
_MAX_PROBLEMS = 100

Problem = dict[str, Any]


def _answer_test_chat(call: Call) -> Reply:
    """Answer `/v1/chat/ds-test`, which only a batch reaches and whose one model every workspace may call."""
    name = call.body.get("model")
    if name != _models.BATCH_TEST.name:
        missing = f"The provided model {name} is not supported by the Batch API."
        raise Refusal(code="ModelNotFound", openai_message=missing)
    return openai.answer_with(_models.BATCH_TEST, call)


ENDPOINTS: dict[str, Handler] = {
    "/v1/chat/completions": openai.answer_chat,
    "/v1/embeddings": embeddings.answer_openai,
    _TEST_ENDPOINT: _answer_test_chat,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    custom_id: str
    url: str
    body: Mapping[str, Any]

    def answer(self, call: Call) -> tuple[bool, dict[str, Any]]:
        """Answer the request with the permissions of the workspace that made the batch.

        Args:
            call: A request of that workspace; its protocol, headers and workspace apply to this one too.

        Returns:
            Whether it succeeded, and the line for the output or error file.
        """
        request_id = str(uuid.uuid4())
        path = f"/compatible-mode{self.url}"
        status, body = 200, None
        try:
            if self.body.get("stream"):
                raise parameter_error("'stream' is not supported by the Batch API.")  # our text
            request = replace(call, content=self.body, path=path, request_id=request_id, query={}, object_id="")
            reply = ENDPOINTS[self.url](request)
            body = reply.body
            call.bill(self.body["model"], reply.billed_usage, batch=True)
        except Refusal as refusal:
            status, body = refusal.status, call.protocol.error_body(refusal, request_id)
        response = {"status_code": status, "request_id": request_id, "body": body}
        row = {"id": request_id, "custom_id": self.custom_id, "response": response, "error": None}
        return status == 200, row  # noqa: PLR2004 - HTTP's OK

    def error_row(self, code: str, message: str) -> dict[str, Any]:
        """Return the line of the error file for a request that was not answered; the shape is OpenAI's."""
        error = {"code": code, "message": message}
        return {"id": str(uuid.uuid4()), "custom_id": self.custom_id, "response": None, "error": error}


def read_lines(content: bytes, endpoint: str) -> tuple[list[Line], list[Problem]]:
    """Read the lines of a file.

    Args:
        content: The file.
        endpoint: The endpoint of the batch.

    Returns:
        The lines, and the problems as the batch's `errors` list them; if there is a problem, the batch fails.
    """
    numbered = [(n, raw) for n, raw in enumerate(content.splitlines(), 1) if raw.strip()]
    most = _MAX_TEST_LINES if endpoint == _TEST_ENDPOINT else _MAX_LINES
    if not numbered:
        return [], [_problem("empty_file", "The input file is empty.")]
    if len(numbered) > most:
        text = f"Too many tasks: {len(numbered)} requests in the input file, the maximum is {most}."
        return [], [_problem("too_many_tasks", text)]
    if endpoint == _TEST_ENDPOINT and len(content) > _MAX_TEST_BYTES:
        text = f"The input file of the test model must not be larger than {_MAX_TEST_BYTES} bytes."
        return [], [_problem("file_too_large", text)]
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, raw in numbered:
        line = _read_line(raw, lines[0] if lines else None)
        if isinstance(line, Line):
            lines.append(line)
        problem = _url_problem(line, endpoint) if isinstance(line, Line) else line
        if problem is not None:
            problems.append({**problem, "line": number})
    problems += _duplicate_problems(lines, [number for number, _ in numbered]) if not problems else []
    return lines, problems[:_MAX_PROBLEMS]


def _read_line(raw: bytes, first: Line | None) -> Line | Problem:
    """Return the request of one line, or its problem."""
    if len(raw) > _MAX_LINE_BYTES:
        return _problem("line_too_large", f"This line is larger than {_MAX_LINE_BYTES} bytes.")
    try:
        given = read_json(raw)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return _problem("invalid_json_line", "This line is not parseable as valid JSON.")
    kinds = {"custom_id": str, "method": str, "url": str, "body": dict}
    for name, kind in kinds.items():
        if not isinstance(given.get(name), kind) or not given[name]:
            return _problem("missing_required_parameter", f"Missing required parameter: '{name}'.", name)
    if given["method"] != "POST":
        return _problem("invalid_method", f"Invalid method: '{given['method']}'. Only POST is supported.", "method")
    model = given["body"].get("model")
    if first is not None and model != first.body.get("model"):
        text = f"The model '{model}' for this request does not match the rest of the batch. "
        return _problem("mismatched_model", f"{text}Each batch must contain requests for a single model.", "body.model")
    return Line(given["custom_id"], given["url"], given["body"])


def _url_problem(line: Line, endpoint: str) -> Problem | None:
    if line.url not in ENDPOINTS:
        return _problem("url_not_found", f"The provided url '{line.url}' is not supported by the Batch API.", "url")
    if line.url != endpoint:
        # The docs require the two to be equal and name no other code.
        text = f"The provided url '{line.url}' does not match the batch endpoint '{endpoint}'."
        return _problem("url_not_found", text, "url")
    return None


def _duplicate_problems(lines: list[Line], numbers: list[int]) -> Iterator[Problem]:
    seen: set[str] = set()
    for line, number in zip(lines, numbers, strict=True):
        if line.custom_id in seen:
            text = f"The custom_id '{line.custom_id}' for this request is a duplicate of another request. "
            text += "The custom_id parameter must be unique for each request in a batch."
            yield {**_problem("duplicate_custom_id", text, "custom_id"), "line": number}
        seen.add(line.custom_id)


def _problem(code: str, message: str, param: str | None = None) -> Problem:
    """Return one entry of the batch's `errors`."""
    return {"code": code, "message": message, "param": param, "line": None}
