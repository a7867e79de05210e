"""Encodes and decodes the lines of the Batch API's files (Model Studio docs, Batch, 2026-08-17)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._redaction import excerpt
from langchain_qwen_workspace._seam import Destination, Json, Request
from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError
from langchain_qwen_workspace.profiles import Profile

MAX_LINES = 50_000
MAX_LINE_BYTES = 6 * 1024 * 1024
MAX_FILE_BYTES = 500 * 1024 * 1024
_CLIENT_ERROR = 400


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of an output or error file.

    Attributes:
        custom_id: The id of the request that it answers.
        body: The response, as the endpoint would have returned it; `None` if the request failed.
        error: Why the request failed; `None` if it did not.
    """

    custom_id: str
    body: Json | None
    error: QwenWorkspaceError | None


def route_of(request: Request, profile: Profile) -> str:
    """Return the endpoint of a batch whose lines have this request."""
    return profile.batch_route or f"/v1{request.path}"


def write_line(custom_id: str, request: Request, route: str) -> bytes:
    """Return the line for a request, with its line break."""
    line = {"custom_id": custom_id, "method": "POST", "url": route, "body": request.body}
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def read_line(line: bytes, *, model: str, destination: Destination) -> ResultLine:
    """Return one line of an output or error file, decoded.

    Args:
        line: The line.
        model: The model that was called, for an error.
        destination: What served the batch, for an error.

    Raises:
        InvalidResponseError: The line is malformed.
    """
    try:
        read = json.loads(line)
        custom_id = read["custom_id"]
        response = read.get("response") or {}
        if not isinstance(custom_id, str):
            raise TypeError("`custom_id` is not a string")  # noqa: TRY301 - one handler for everything malformed
        body, status = response.get("body"), response.get("status_code")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidResponseError(
            f"A line of the batch's results is malformed: {error!r}: {excerpt(line, 200)!r}.",
            model=model,
            **destination.facts,
        ) from error
    request_id = response.get("request_id")
    status = status if isinstance(status, int) else None
    failed = bool(read.get("error")) or status is None or status >= _CLIENT_ERROR
    if not failed and isinstance(body, dict) and read_failure(body) is None:
        return ResultLine(custom_id, {**body, "request_id": body.get("request_id") or request_id}, None)
    failure: Mapping[str, Any] = read_failure(body, failed=True) or read_failure({"error": read.get("error")}) or {}
    request_error = error_for(failure, status_code=status, model=model, destination=destination, request_id=request_id)
    return ResultLine(custom_id, None, request_error)
