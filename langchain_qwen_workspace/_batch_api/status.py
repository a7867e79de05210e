"""The status of a batch, and how it is read from the service's responses."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace.errors import InvalidResponseError

BatchState = Literal[
    "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"
]
"""The states of a batch (Model Studio docs, Batch, 2026-08-17)."""

_FILE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The progress of a batch.

    Attributes:
        id: The batch's id, with which any process that has a key of the workspace can continue.
        state: The batch's state; states that this package does not know are passed on as they are.
        total: The number of its lines; 0 until the service has counted them.
        completed: The number of lines that were answered.
        failed: The number of lines that failed.
        errors: Why the whole batch failed, one sentence for each reason.
        body: The service's whole response.
    """

    id: str
    state: BatchState | str
    total: int
    completed: int
    failed: int
    errors: tuple[str, ...]
    body: Json

    @property
    def has_ended(self) -> bool:
        """Whether the state is final: completed, failed, expired or cancelled."""
        return self.state in _ENDED


def read_status(body: Json, request: Request) -> BatchStatus:
    """Return the status that a response has.

    Args:
        body: The service's description of one batch.
        request: The request that it responds to, for errors.

    Raises:
        InvalidResponseError: The response is malformed.
    """
    (counts,) = read_objects([body.get("request_counts") or {}], "request_counts", request)
    (errors,) = read_objects([body.get("errors") or {}], "errors", request)
    return BatchStatus(
        id=read_string(body, "id", request),
        state=read_string(body, "status", request),
        total=_read_count(counts, "total", request),
        completed=_read_count(counts, "completed", request),
        failed=_read_count(counts, "failed", request),
        errors=tuple(_format_error(error) for error in read_objects(errors.get("data"), "errors", request)),
        body=body,
    )


def read_objects(value: Any, name: str, request: Request) -> list[Json]:
    """Return the objects of a list in a response; none if there is no list.

    Raises:
        InvalidResponseError: The value is not a list of objects.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidResponseError(
            f"The response has `{name}` {value!r:.200}. Expected a list of objects.", **request.error_context
        )
    return value


def read_string(body: Json, name: str, request: Request) -> str:
    """Return a string of a response.

    Raises:
        InvalidResponseError: The response has no such string.
    """
    if not isinstance(value := body.get(name), str):
        raise InvalidResponseError(
            f"The response has `{name}` {value!r:.200}. Expected a string.",
            request_id=body.get("request_id"),
            **request.error_context,
        )
    return value


def read_file_id(body: Json, name: str, request: Request) -> str:
    """Return the id of a file in a response, which becomes a part of a path.

    Raises:
        InvalidResponseError: The response has no such id.
    """
    file_id = read_string(body, name, request)
    if not _FILE_ID.fullmatch(file_id):
        raise InvalidResponseError(
            f"The response has `{name}` {file_id!r:.200}. Expected a file's id, such as `file-batch-1`.",
            **request.error_context,
        )
    return file_id


def _read_count(counts: Json, name: str, request: Request) -> int:
    count = counts.get(name) or 0
    if not isinstance(count, int):
        raise InvalidResponseError(
            f"The response has {count!r:.200} as its count of `{name}`. Expected an integer.", **request.error_context
        )
    return count


def _format_error(error: Json) -> str:
    line = f" (line {error['line']})" if error.get("line") is not None else ""
    return f"{error.get('code')}: {error.get('message')}{line}"
