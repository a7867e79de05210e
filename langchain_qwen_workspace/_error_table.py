"""Decides which error a failure of the service becomes: by its text, else by its code, else by its status.

The rows are in `data._errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_qwen_workspace.data._errors import ERROR_ROWS, FAILED, REDIRECTED, REFUSED, ErrorRow
from langchain_qwen_workspace.errors import QwenWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_qwen_workspace._seam import Destination

_BY_TEXT = tuple((text.lower(), row) for row in ERROR_ROWS for text in row.texts)
_BY_CODE = {code: row for row in ERROR_ROWS for code in row.codes}
_BY_STATUS = {status: row for row in ERROR_ROWS for status in row.statuses}
_UNKNOWN = ErrorRow(QwenWorkspaceError, "")
_REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 300, 400, 500


def row_for(failure: Mapping[str, str | None], status_code: int | None) -> ErrorRow:
    """Return the row of a failure, whose text counts before its code, and its code before the HTTP status."""
    return _row_for_body(failure) or _row_for_status(status_code, _code(failure))


def _row_for_body(failure: Mapping[str, str | None]) -> ErrorRow | None:
    """Return the row of a known text or code, `None` if the body has neither."""
    message = (failure.get("message") or "").lower()
    for text, row in _BY_TEXT:
        if text in message:
            return row
    prefix = _code(failure).lower()
    while prefix:
        if found := _BY_CODE.get(prefix):
            return found
        prefix = prefix.rpartition(".")[0]
    return None


def _code(failure: Mapping[str, str | None]) -> str:
    # The OpenAI-compatible protocol at times puts the code into `type` and leaves `code` null (recording of
    # 2026-02-25).
    return failure.get("code") or failure.get("type") or ""


def _row_for_status(status_code: int | None, code: str) -> ErrorRow:
    if status_code in _BY_STATUS:
        return _BY_STATUS[status_code]
    if status_code is not None and status_code >= _SERVER_ERROR:
        return FAILED
    if (status_code is not None and status_code >= _CLIENT_ERROR) or code == "invalid_request_error":
        return REFUSED
    return REDIRECTED if status_code is not None and status_code >= _REDIRECT else _UNKNOWN


def read_failure(body: object, *, failed: bool = False) -> dict[str, str | None] | None:
    """Return `code`, `message`, `request_id` and `type` of an error body in either protocol's shape, else `None`.

    Both shapes occur on both protocols, and in responses of status 200 as well: as the whole body of a request that a
    rule of the service stopped, or as an event of a stream.

    Args:
        body: The decoded JSON of the body, or of one event.
        failed: Whether the status, or the name of the event, says that it is an error.
    """
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        inner = error
    elif isinstance(error, str) and error:
        inner = {"message": error}
    elif (failed and body.get("message")) or (body.get("code") and "choices" not in body and not body.get("output")):
        inner = body
    else:
        return None
    return {
        "code": _text(inner.get("code")),
        "type": _text(inner.get("type")),
        "message": _text(inner.get("message")),
        "request_id": _text(body.get("request_id")),
    }


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def error_for(
    failure: Mapping[str, str | None],
    *,
    status_code: int | None,
    model: str | None,
    destination: Destination,
    request_id: str | None = None,
) -> QwenWorkspaceError:
    """Return the error for a failure that the service reported.

    Args:
        failure: What `read_failure` found in the body; empty if it found nothing.
        status_code: The HTTP status, or that of the event; `None` if a stream's event did not name one.
        model: The model that was called.
        destination: The protocol, region and workspace that were called.
        request_id: The id in the headers, used if the body has none.
    """
    row = row_for(failure, status_code)
    names = {
        "model": repr(model) if model else "the model",
        "region": destination.region,
        "workspace": f"workspace {destination.workspace_id}" if destination.workspace_id else "the key's workspace",
        "workspace_id": destination.workspace_id or "not given",
    }
    return row.error_class(
        failure.get("message") or f"The service responded with HTTP status {status_code} and no message.",
        code=failure.get("code"),
        status_code=status_code,
        request_id=failure.get("request_id") or request_id,
        model=model,
        protocol=destination.protocol,
        region=destination.region,
        workspace_id=destination.workspace_id,
        hint=row.hint.format(**names) or None,
    )
