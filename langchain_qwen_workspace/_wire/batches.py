"""The Batch API's files: a request a line, and an answer a line (Model Studio docs, Batch, 2026-08-17)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import Destination, Json, Request
from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError
from langchain_qwen_workspace.profiles import Profile

MAX_LINES = 50_000
MAX_LINE_BYTES = 6 * 1024 * 1024
MAX_FILE_BYTES = 500 * 1024 * 1024
_CLIENT_ERROR = 400


@dataclass(frozen=True, slots=True)
class AnsweredLine:
    """One line of an answer's file.

    Attributes:
        custom_id: Whose answer it is.
        body: The answer, as the endpoint would have given it; `None` if it failed.
        error: Why it failed.
    """

    custom_id: str
    body: Json | None
    error: QwenWorkspaceError | None


def route_of(request: Request, profile: Profile) -> str:
    """Return the endpoint that a batch names for its lines."""
    return profile.batch_route or f"/v1{request.path}"


def write_line(custom_id: str, request: Request, route: str) -> bytes:
    """Return the line that asks for an answer, with its line break."""
    line = {"custom_id": custom_id, "method": "POST", "url": route, "body": request.body}
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def read_line(line: bytes, *, model: str, destination: Destination) -> AnsweredLine:
    """Return what one line of an output or error file says.

    Args:
        line: The line.
        model: The model that was called, for an error.
        destination: Who was called, for an error.

    Raises:
        InvalidResponseError: It is no line of such a file.
    """
    try:
        read = json.loads(line)
        custom_id = read["custom_id"]
        response = read.get("response") or {}
        if not isinstance(custom_id, str):
            raise TypeError("`custom_id` is no string")  # noqa: TRY301 - one way out for all that is wrong
        body, status = response.get("body"), response.get("status_code")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidResponseError(
            f"A line of the batch's answers cannot be read: {error!r}: {line[:200]!r}.",
            model=model,
            protocol=destination.protocol,
            region=destination.region,
            workspace_id=destination.workspace_id,
        ) from error
    request_id = response.get("request_id")
    status = status if isinstance(status, int) else None
    failed = bool(read.get("error")) or status is None or status >= _CLIENT_ERROR
    if not failed and isinstance(body, dict) and read_failure(body) is None:
        return AnsweredLine(custom_id, {**body, "request_id": body.get("request_id") or request_id}, None)
    failure: Mapping[str, Any] = read_failure(body, failed=True) or read_failure({"error": read.get("error")}) or {}
    failing = error_for(failure, status_code=status, model=model, destination=destination, request_id=request_id)
    return AnsweredLine(custom_id, None, failing)
