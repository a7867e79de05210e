"""The batches of each workspace, and the routes that make, show, list and cancel them.

`POST /batches` answers `validating`; each `GET /batches/{id}` moves the batch one state on and answers the new one;
a list moves nothing. The list's filters: recorded 2026-04; the windows: Model Studio docs, batch page of 2026-08-17.
Refusals are worded by the sandbox: none is recorded.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

from langchain_qwen_workspace.sandbox._batch_api import lines
from langchain_qwen_workspace.sandbox._batch_api.batch import RUNNING, Batch, Order, Status
from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._calls import Call, Reply, SandboxWorkspace
from langchain_qwen_workspace.sandbox._chat.messages import check_keys
from langchain_qwen_workspace.sandbox._errors import refuse_field

_ORDER = ("input_file_id", "endpoint", "completion_window", "metadata")
_FILTERS = ("limit", "after", "ds_name", "input_file_ids", "status", "create_after", "create_before")
_WINDOW = re.compile(r"(\d{1,3})([hd])", re.ASCII)
_WINDOWS = {"h": range(24, 337), "d": range(1, 15)}
_PAGE = 20
_PAGES = range(1, 101)
# The filters' times are Beijing's (a recorded batch of 08:26 UTC lies between 1620 and 1700).
_BEIJING = timezone(timedelta(hours=8))


class Batches:
    """Every batch of every workspace; safe to use from any thread.

    Args:
        files: Where the batches' files are.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}

    def expire(self) -> list[str]:
        """Let every running batch run out of time; the ids of those, oldest first."""
        with self._lock:
            running = [batch for batch in self._batches.values() if batch.status in RUNNING]
            for batch in running:
                batch.expire(self._files)
        return [batch.id for batch in running]

    # --- routes ---

    def create(self, call: Call) -> Reply:
        """Answer `POST /batches`."""
        body = call.body
        check_keys(body, _ORDER, "$")
        file_id, endpoint, window = (body.get(name) for name in _ORDER[:3])
        if not isinstance(file_id, str):
            raise _wrong("input_file_id")
        if not isinstance(endpoint, str):
            raise _wrong("endpoint")
        if endpoint not in lines.ENDPOINTS:
            raise refuse_field("endpoint", f"The provided url '{endpoint}' is not supported by the Batch API.")
        match = _WINDOW.fullmatch(str(window))
        if match is None or int(match[1]) not in _WINDOWS[match[2]]:
            raise refuse_field("completion_window", "'completion_window' must be from '24h' to '336h' or '1d' to '14d'")
        metadata = body.get("metadata")
        if metadata is not None and not _is_flat(metadata):
            raise _wrong("metadata")
        file = self._files.get(call.workspace, file_id)
        if file.purpose != "batch":
            raise refuse_field("input_file_id", f"The purpose of {file_id} is '{file.purpose}', it must be 'batch'")
        batch = Batch(call.workspace, Order(file_id, endpoint, match[0], metadata), file.content)
        with self._lock:
            self._batches[batch.id] = batch
            return Reply(batch.render())

    def show(self, call: Call) -> Reply:
        """Answer `GET /batches/{id}`, which moves the batch one state on."""
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
                raise refuse_field("id", f"Cannot cancel a batch with status '{batch.status}'.")
            return Reply(batch.render())

    def list(self, call: Call) -> Reply:
        """Answer `GET /batches`: newest first, a page at a time."""
        check_keys(call.query, _FILTERS, "query")
        limit, wanted = _limit(call.query), _Wanted(call.query)
        with self._lock:
            mine = [b for b in reversed(self._batches.values()) if b.workspace == call.workspace]
            if after := call.query.get("after"):
                mine = mine[mine.index(self._get(call.workspace, after, "after")) + 1 :]
            found = [batch.render() for batch in mine if wanted.has(batch)]
        page = found[:limit]
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
        return Reply({"object": "list", "data": page, **ends, "has_more": len(found) > limit})

    def _get(self, workspace: SandboxWorkspace, batch_id: str, field: str) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None or batch.workspace != workspace:
            raise refuse_field(field, f"No batch found with id '{batch_id}'.", code="NotFound")
        return batch


class _Wanted:
    """The filters of a list."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._name = query.get("ds_name", "")
        self._files = _several(query, "input_file_ids")
        self._statuses = _several(query, "status")
        self._since = _moment(query, "create_after")
        self._until = _moment(query, "create_before")
        if unknown := self._statuses - set(get_args(Status)):
            raise refuse_field("status", f"There is no status {sorted(unknown)}")

    def has(self, batch: Batch) -> bool:
        """Whether a batch is among them."""
        return (
            self._name in (batch.order.metadata or {}).get("ds_name", "")
            and (not self._files or batch.order.input_file_id in self._files)
            and (not self._statuses or batch.status in self._statuses)
            and (self._since is None or batch.created_at >= self._since)
            and (self._until is None or batch.created_at <= self._until)
        )


def _several(query: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(filter(None, query.get(name, "").split(",")))


def _moment(query: Mapping[str, str], name: str) -> float | None:
    """A time as `20260417162000`."""
    given = query.get(name)
    if given is None:
        return None
    try:
        return datetime.strptime(given, "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING).timestamp()
    except ValueError:
        raise refuse_field(name, f"'{name}' must be a time such as 20260417162000") from None


def _limit(query: Mapping[str, str]) -> int:
    given = query.get("limit", str(_PAGE))
    if not given.isdecimal() or int(given) not in _PAGES:
        raise refuse_field("limit", "'limit' must be from 1 to 100")
    return int(given)


def _is_flat(metadata: Any) -> bool:
    return isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())


def _wrong(field: str) -> Exception:
    return refuse_field(field, f"Required parameter({field}) missing or invalid, please check the request parameters.")
