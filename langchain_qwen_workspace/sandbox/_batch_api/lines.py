"""The lines of a batch's file: checked together, then each answered by the sandbox's own routes.

Limits and the codes `url_not_found`, `mismatched_model` and `duplicate_custom_id`: Model Studio docs, batch page of
2026-08-17 and error-code page of 2026-08-18; `url_not_found` with its text is recorded (2026-04). The other
codes and texts are OpenAI's or, where it has none, our own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_qwen_workspace.sandbox import _errors
from langchain_qwen_workspace.sandbox._calls import Answer, Call
from langchain_qwen_workspace.sandbox._errors import Refusal, refuse
from langchain_qwen_workspace.sandbox._http import model_routes

TEST_ENDPOINT = "/v1/chat/ds-test"
ENDPOINTS: dict[str, Answer] = {
    "/v1/chat/completions": model_routes.compatible_chat,
    "/v1/embeddings": model_routes.compatible_embeddings,
    TEST_ENDPOINT: model_routes.batch_test_chat,
}
_MAX_LINES = 50_000
_MAX_LINE_BYTES = 6 * 1024 * 1024
_MAX_TEST_LINES = 100
_MAX_TEST_BYTES = 1024 * 1024
# A file of wrong lines need not make an object as long as itself.
_MAX_PROBLEMS = 100

Problem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    custom_id: str
    url: str
    body: Mapping[str, Any]

    def answer(self, call: Call) -> tuple[bool, dict[str, Any]]:
        """Answer the request with the permissions of whoever made the batch.

        Args:
            call: A request of that workspace, whose key and headers hold for this one too.

        Returns:
            Whether it went well, and the line for the output or error file.
        """
        request_id = str(uuid.uuid4())
        path = f"/compatible-mode{self.url}"
        status, body = 200, None
        try:
            if self.body.get("stream"):
                raise refuse("'stream' is not supported by the Batch API.")  # own words
            asked = replace(call, given=self.body, path=path, request_id=request_id, query={}, object_id="")
            body = ENDPOINTS[self.url](asked).body
        except Refusal as refusal:
            status, body = refusal.status, _errors.compatible_body(refusal, request_id)
        response = {"status_code": status, "request_id": request_id, "body": body}
        row = {"id": request_id, "custom_id": self.custom_id, "response": response, "error": None}
        return status == 200, row  # noqa: PLR2004 - HTTP's OK

    def unanswered(self, code: str, message: str) -> dict[str, Any]:
        """The line of the error file for a request nobody came to answer; the shape is OpenAI's."""
        error = {"code": code, "message": message}
        return {"id": str(uuid.uuid4()), "custom_id": self.custom_id, "response": None, "error": error}


def read_lines(content: bytes, endpoint: str) -> tuple[list[Line], list[Problem]]:
    """The lines of a file, and what is wrong with them.

    Args:
        content: The file.
        endpoint: The endpoint of the batch.

    Returns:
        The lines, and the problems as the batch's `errors` list them; with a problem the lines do not count.
    """
    numbered = [(n, raw) for n, raw in enumerate(content.splitlines(), 1) if raw.strip()]
    most = _MAX_TEST_LINES if endpoint == TEST_ENDPOINT else _MAX_LINES
    if not numbered:
        return [], [_problem("empty_file", "The input file is empty.")]
    if len(numbered) > most:
        text = f"Too many tasks: {len(numbered)} requests in the input file, the maximum is {most}."
        return [], [_problem("too_many_tasks", text)]
    if endpoint == TEST_ENDPOINT and len(content) > _MAX_TEST_BYTES:
        text = f"The input file of the test model must not be larger than {_MAX_TEST_BYTES} bytes."
        return [], [_problem("file_too_large", text)]
    lines: list[Line] = []
    problems: list[Problem] = []
    for number, raw in numbered:
        found = _read_line(raw, lines[0] if lines else None)
        if isinstance(found, Line):
            lines.append(found)
        problem = _wrong_url(found, endpoint) if isinstance(found, Line) else found
        if problem is not None:
            problems.append({**problem, "line": number})
    problems += _duplicates(lines, [number for number, _ in numbered]) if not problems else []
    return lines, problems[:_MAX_PROBLEMS]


def _read_line(raw: bytes, first: Line | None) -> Line | Problem:
    """The request of one line, or what is wrong with it."""
    if len(raw) > _MAX_LINE_BYTES:
        return _problem("line_too_large", f"This line is larger than {_MAX_LINE_BYTES} bytes.")
    try:
        given = json.loads(raw)
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


def _wrong_url(line: Line, endpoint: str) -> Problem | None:
    if line.url not in ENDPOINTS:
        return _problem("url_not_found", f"The provided url '{line.url}' is not supported by the Batch API.", "url")
    if line.url != endpoint:
        # The docs want them alike and name no other code.
        text = f"The provided url '{line.url}' does not match the batch endpoint '{endpoint}'."
        return _problem("url_not_found", text, "url")
    return None


def _duplicates(lines: list[Line], numbers: list[int]) -> Iterator[Problem]:
    seen: set[str] = set()
    for line, number in zip(lines, numbers, strict=True):
        if line.custom_id in seen:
            text = f"The custom_id '{line.custom_id}' for this request is a duplicate of another request. "
            text += "The custom_id parameter must be unique for each request in a batch."
            yield {**_problem("duplicate_custom_id", text, "custom_id"), "line": number}
        seen.add(line.custom_id)


def _problem(code: str, message: str, param: str | None = None) -> Problem:
    """One entry of the batch's `errors`."""
    return {"code": code, "message": message, "param": param, "line": None}
