"""The batches of each workspace, and the handlers that make, show, list and cancel them.

`POST /batches` answers `validating`; each `GET /batches/{id}` moves the batch to its next state and answers that one;
a list changes no state. The list's filters: recorded 2026-04; the windows: Model Studio docs, batch page of 2026-08-17.
The texts of refusals are the sandbox's own: none is recorded.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

from langchain_qwen_workspace.sandbox._batch_api import lines
from langchain_qwen_workspace.sandbox._batch_api.batch import RUNNING, Batch, BatchRequest, Status
from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._calls import Call, Reply, SandboxWorkspace
from langchain_qwen_workspace.sandbox._errors import check_keys, field_error

_REQUEST_KEYS = ("input_file_id", "endpoint", "completion_window", "metadata")
_FILTERS = ("limit", "after", "ds_name", "input_file_ids", "status", "create_after", "create_before")
_WINDOW = re.compile(r"(\d{1,3})([hd])", re.ASCII)
_WINDOWS = {"h": range(24, 337), "d": range(1, 15)}
_DEFAULT_PAGE_SIZE = 20
_PAGE_SIZES = range(1, 101)
# The times of the filters are in Beijing time (a recorded batch of 08:26 UTC lies between 1620 and 1700).
_BEIJING = timezone(timedelta(hours=8))


class Batches:
    """Every batch of every workspace; safe to use from any thread.

    Args:
        files: Stores the input files and the results.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}

    def expire(self) -> list[str]:
        """Let every running batch expire, and return their ids, oldest first."""
        with self._lock:
            running = [batch for batch in self._batches.values() if batch.status in RUNNING]
            for batch in running:
                batch.expire(self._files)
        return [batch.id for batch in running]

    # --- handlers ---

    def create(self, call: Call) -> Reply:
        """Answer `POST /batches`."""
        body = call.body
        check_keys(body, _REQUEST_KEYS, "$")
        file_id, endpoint, window = (body.get(name) for name in _REQUEST_KEYS[:3])
        if not isinstance(file_id, str):
            raise _missing_field_error("input_file_id")
        if not isinstance(endpoint, str):
            raise _missing_field_error("endpoint")
        if endpoint not in lines.ENDPOINTS:
            raise field_error("endpoint", f"The provided url '{endpoint}' is not supported by the Batch API.")
        match = _WINDOW.fullmatch(str(window))
        if match is None or int(match[1]) not in _WINDOWS[match[2]]:
            raise field_error("completion_window", "'completion_window' must be from '24h' to '336h' or '1d' to '14d'")
        metadata = body.get("metadata")
        if metadata is not None and not _is_string_map(metadata):
            raise _missing_field_error("metadata")
        file = self._files.get(call.workspace, file_id)
        if file.purpose != "batch":
            raise field_error("input_file_id", f"The purpose of {file_id} is '{file.purpose}', it must be 'batch'")
        request = BatchRequest(file_id, endpoint, match[0], metadata)
        batch = Batch(call.workspace, request, file.content, bill=call.bill)
        with self._lock:
            self._batches[batch.id] = batch
            return Reply(batch.render())

    def show(self, call: Call) -> Reply:
        """Answer `GET /batches/{id}`, which moves the batch to its next state."""
        with self._lock:
            batch = self._get(call.workspace, call.object_id, "id")
            batch.advance(call, self._files)
            return Reply(batch.render())

    def cancel(self, call: Call) -> Reply:
        """Answer `POST /batches/{id}/cancel`."""
        with self._lock:
            batch = self._get(call.workspace, call.object_id, "id")
            if batch.status in RUNNING:
                batch.cancel()
            elif batch.status != "cancelling":
                raise field_error("id", f"Cannot cancel a batch with status '{batch.status}'.")
            return Reply(batch.render())

    def list(self, call: Call) -> Reply:
        """Answer `GET /batches`: newest first, a page at a time."""
        check_keys(call.query, _FILTERS, "query")
        limit, filters = _read_limit(call.query), _Filters(call.query)
        with self._lock:
            own = [b for b in reversed(self._batches.values()) if b.workspace == call.workspace]
            if after := call.query.get("after"):
                own = own[own.index(self._get(call.workspace, after, "after")) + 1 :]
            matching = [batch.render() for batch in own if filters.match(batch)]
        page = matching[:limit]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        return Reply({"object": "list", "data": page, **ends, "has_more": len(matching) > limit})

    def _get(self, workspace: SandboxWorkspace, batch_id: str, field: str) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None or batch.workspace != workspace:
            raise field_error(field, f"No batch found with id '{batch_id}'.", code="NotFound")
        return batch


class _Filters:
    """The filters of a list."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._name = query.get("ds_name", "")
        self._files = _split(query, "input_file_ids")
        self._statuses = _split(query, "status")
        self._since = _read_time(query, "create_after")
        self._until = _read_time(query, "create_before")
        if unknown := self._statuses - set(get_args(Status)):
            raise field_error("status", f"Unknown status {sorted(unknown)}; expected one of {sorted(get_args(Status))}")

    def match(self, batch: Batch) -> bool:
        """Return whether a batch passes every filter."""
        return (
            self._name in (batch.request.metadata or {}).get("ds_name", "")
            and (not self._files or batch.request.input_file_id in self._files)
            and (not self._statuses or batch.status in self._statuses)
            and (self._since is None or batch.created_at >= self._since)
            and (self._until is None or batch.created_at <= self._until)
        )


def _split(query: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(filter(None, query.get(name, "").split(",")))


def _read_time(query: Mapping[str, str], name: str) -> float | None:
    """Read a time such as `20260417162000`."""
    value = query.get(name)
    if value is None:
        return None
    try:
        return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING).timestamp()
    except ValueError:
        raise field_error(name, f"'{name}' must be a time such as 20260417162000") from None


def _read_limit(query: Mapping[str, str]) -> int:
    value = query.get("limit", str(_DEFAULT_PAGE_SIZE))
    if value not in map(str, _PAGE_SIZES):
        raise field_error("limit", "'limit' must be from 1 to 100")
    return int(value)


def _is_string_map(metadata: Any) -> bool:
    return isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())


def _missing_field_error(field: str) -> Exception:
    return field_error(field, f"Required parameter({field}) missing or invalid, please check the request parameters.")
