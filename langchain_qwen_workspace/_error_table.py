"""Decides which error a failure of the service becomes: by its text, else by its code, else by its status.

The rows are in `data._errors`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_qwen_workspace._retry_after import seconds_in_body, seconds_in_text
from langchain_qwen_workspace._suggestions import did_you_mean
from langchain_qwen_workspace.data._error_row import ErrorRow
from langchain_qwen_workspace.data._errors import ERROR_ROWS, FAILED, REDIRECTED
from langchain_qwen_workspace.data._other_server_errors import HINTS_OF_OTHER_SERVERS
from langchain_qwen_workspace.data._request_errors import REFUSED
from langchain_qwen_workspace.errors import QwenWorkspaceError
from langchain_qwen_workspace.profiles import catalogue, profile_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_qwen_workspace._seam import Destination

_BY_TEXT = tuple((text.lower(), row) for row in ERROR_ROWS for text in row.texts)
_PATTERNS = tuple((pattern, row) for row in ERROR_ROWS for pattern in row.patterns)
_BY_CODE = {code: row for row in ERROR_ROWS for code in row.codes}
_BY_STATUS = {status: row for row in ERROR_ROWS for status in row.statuses}
_BY_TYPE = {name: row for row in ERROR_ROWS for name in row.types}
_UNKNOWN = ErrorRow(QwenWorkspaceError, "")
_REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 300, 400, 500
# How much of a code and of a message is searched: a message may quote a whole conversation.
_LONGEST_CODE, _LONGEST_MESSAGE = 100, 10_000

# What the inference engine says of a failure, as it stands in messages of every protocol and of gateways:
# "<400> InternalError.Algo.InvalidParameter: …".
_ENGINE = re.compile(r"<(?P<status>[45]\d\d)>\s*(?P<code>[A-Za-z][\w.]*)\s*:")
_STATUS = re.compile("[45][0-9][0-9]")
_ENGINE_CODE = re.compile(r"^internalerror(\.algo)?(\.|$)")


def row_for(failure: Mapping[str, Any], status_code: int | None) -> ErrorRow:
    """Return the row of a failure.

    Its text counts before what the inference engine says in it, that before the code, and the code before the status.
    """
    status_code = status_of(failure, status_code)
    message = _start_of_message(failure)
    code, kind = (failure.get(name) or "" for name in ("code", "type"))
    code = "" if _STATUS.fullmatch(code) else code
    if row := _row_for_text(f"{status_code or ''} {(code or kind)[:_LONGEST_CODE]}: {message}", message.lower()):
        return row
    if engine := _engine_report(message):
        code = _ENGINE_CODE.sub("", engine["code"].lower())
        return _row_for_code(code) or _row_for_status(status_code, ())
    # The OpenAI-compatible protocol at times puts the code into `type` and leaves `code` null (recording of
    # 2026-02-25).
    return _row_for_code(code) or _row_for_code(kind) or _row_for_status(status_code, (code, kind))


def status_of(failure: Mapping[str, Any], status_code: int | None) -> int | None:
    """Return the status of a failure: the inference engine's, else that of its response, else that of its body.

    Args:
        failure: What `read_failure` found in the body.
        status_code: The HTTP status, or that of the event. A success is not the status of a failure.
    """
    if engine := _engine_report(_start_of_message(failure)):
        return int(engine["status"])
    if status_code is None or status_code < _REDIRECT:
        return failure.get("status") or status_code
    return status_code


def _engine_report(message: str) -> re.Match[str] | None:
    """Return what the inference engine reports in a message; a report without a name may quote one with a name."""
    reports = list(_ENGINE.finditer(message))
    named = (report for report in reports if _ENGINE_CODE.sub("", report["code"].lower()))
    return next(named, reports[0] if reports else None)


def _start_of_message(failure: Mapping[str, Any]) -> str:
    return (failure.get("message") or "")[:_LONGEST_MESSAGE]


def _row_for_text(report: str, message: str) -> ErrorRow | None:
    for text, row in _BY_TEXT:
        if text in message:
            return row
    # Compiled at the first error, and then kept by `re`.
    return next((row for pattern, row in _PATTERNS if re.search(pattern, report, re.IGNORECASE)), None)


def _row_for_code(code: str) -> ErrorRow | None:
    """Return the row of a code or of its longest prefix; of an engine's code, what it names counts before that."""
    code = code[:_LONGEST_CODE].lower()
    for name in (_ENGINE_CODE.sub("", code), code):
        prefix = name
        while prefix:
            if found := _BY_CODE.get(prefix):
                return found
            prefix = prefix.rpartition(".")[0]
    return None


def _row_for_status(status_code: int | None, names: Iterable[str]) -> ErrorRow:
    """Return the row of a status; without one, that of a kind of error that is named."""
    if status_code in _BY_STATUS:
        return _BY_STATUS[status_code]
    if status_code is None or status_code < _REDIRECT:
        return next((_BY_TYPE[name.lower()] for name in names if name.lower() in _BY_TYPE), _UNKNOWN)
    if status_code >= _SERVER_ERROR:
        return FAILED
    return REFUSED if status_code >= _CLIENT_ERROR else REDIRECTED


def read_failure(body: object, *, failed: bool = False) -> dict[str, Any] | None:
    """Return what an error body says, in OpenAI's or in DashScope's shape; `None` if it is not one.

    Both shapes occur on every protocol, and in responses of status 200 as well: as the whole body of a request that a
    rule of the service stopped, or as an event of a stream. The result has `code`, `message`, `request_id` and `type`
    as text; `id`, a name of the request to use where nothing has its `request_id`; `status`, the status that the body
    states; and `retry_after`, the seconds that it asks to wait.

    Args:
        body: The decoded JSON of the body, or of one event.
        failed: Whether the status, or the name of the event, says that it is an error.
    """
    if not isinstance(body, dict):
        return None
    if str(body.get("type")).startswith("response."):
        # An event of Responses, which has its response, or a `code` that is a program.
        response = body.get("response")
        if not isinstance(response, dict):
            return None
        body, failed = response, False
    error = body.get("error")
    if isinstance(error, dict):
        inner = error
    elif isinstance(error, str) and error:
        inner = {**body, "message": body.get("message") or error}
    elif (failed and (body.get("message") or body.get("detail"))) or (
        "choices" not in body and not body.get("output") and (body.get("code") or _status_in(body))
    ):
        inner = body
    else:
        return None
    names = (inner.get("request_id"), inner.get("id"), body.get("id"))
    return {
        "code": _text(inner.get("code")),
        "type": _text(inner.get("type")),
        "message": _text(inner.get("message")) or _text(body.get("detail")),
        "request_id": _text(body.get("request_id")),
        # An answer's id is the request id behind this prefix.
        "id": next((text.removeprefix("chatcmpl-") for name in names if (text := _text(name))), None),
        "status": _status_in(inner),
        "retry_after": seconds_in_body(body),
    }


def _status_in(error: Mapping[str, Any]) -> int | None:
    """Return the HTTP status that an error names: gateways have it as its code."""
    texts = (str(error.get(name)) for name in ("code", "status", "status_code"))
    return next((int(text) for text in texts if _STATUS.fullmatch(text)), None)


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _suggest_model(model: str | None) -> str:
    """Return the catalogue's model that was probably meant, for a name that it does not know."""
    if model is None or profile_of(model).known:
        return ""
    return did_you_mean(model, [profile.name for profile in catalogue() if not profile.retired])


def error_for(
    failure: Mapping[str, Any],
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
    status_code = status_of(failure, status_code)
    names = {
        "model": repr(model) if model else "the model",
        "region": destination.region or "the region of `base_url`",
        "workspace": f"workspace {destination.workspace_id}" if destination.workspace_id else "the key's workspace",
        "workspace_id": destination.workspace_id or "not given",
        "server": destination.server,
    }
    # The catalogue says nothing about the models of another server.
    suggestion = _suggest_model(model) if row.is_about_model and destination.server is None else ""
    hint = _hint_of(row, destination).format(**names) + suggestion
    error = row.error_class(
        failure.get("message") or f"The service responded with HTTP status {status_code} and no message.",
        code=failure.get("code"),
        status_code=status_code,
        request_id=failure.get("request_id") or request_id or failure.get("id"),
        model=model,
        **destination.facts,
        hint=hint[:1].upper() + hint[1:] or None,
    )
    asked = failure.get("retry_after")
    error.retry_after = seconds_in_text(_start_of_message(failure)) if asked is None else asked
    return error


def _hint_of(row: ErrorRow, destination: Destination) -> str:
    """Return what to do about an error; the rows' own hints are about Model Studio only."""
    if destination.server is None:
        return row.hint
    return next((hint for kind, hint in HINTS_OF_OTHER_SERVERS.items() if issubclass(row.error_class, kind)), "")
