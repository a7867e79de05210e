"""One batch, and how it moves from one state to the next.

No clock drives a batch: its owner calls `advance`. The object has the recorded shape (2026-04), in which `expires_at`
stays null.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._batch_api.lines import Line, Problem, read_lines
from langchain_qwen_workspace.sandbox._calls import Call, SandboxWorkspace

Status = Literal["validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"]
RUNNING: frozenset[Status] = frozenset({"validating", "in_progress", "finalizing"})
# In the recorded object's order.
_TIMED_STATES: tuple[Status, ...] = ("finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
_UNANSWERED = {
    "cancelled": ("batch_cancelled", "This request was cancelled before it could be executed."),
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
}


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """The request that made a batch."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None


@dataclass(slots=True)
class Batch:
    """A batch of a workspace.

    Attributes:
        workspace: The workspace that owns it.
        request: The request that made it.
        content: The content of the input file, so that the batch can continue when the file is deleted.
        bill: Bills its lines, for the key that made it.
        id: Its id.
        status: Its state.
        created_at: The time when it was made.
    """

    workspace: SandboxWorkspace
    request: BatchRequest
    content: bytes
    bill: Callable[..., None]
    id: str = field(default_factory=lambda: f"batch_{uuid.uuid4()}")
    status: Status = "validating"
    created_at: int = field(default_factory=lambda: int(time.time()))
    _times: dict[Status, int] = field(default_factory=dict)
    _lines: list[Line] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)
    _output_rows: list[dict[str, Any]] = field(default_factory=list)
    _error_rows: list[dict[str, Any]] = field(default_factory=list)
    _output_file_id: str | None = None
    _error_file_id: str | None = None

    def advance(self, call: Call, files: Files) -> None:
        """Move to the next state; a batch that has ended stays as it is.

        Args:
            call: The request that shows the batch.
            files: Stores its results.
        """
        if self.status == "validating":
            self._validate()
        elif self.status == "in_progress":
            for line in self._lines:
                succeeded, row = line.answer(replace(call, bill=self.bill))
                (self._output_rows if succeeded else self._error_rows).append(row)
            self._enter("finalizing")
        elif self.status == "finalizing":
            self._end("completed", files)
        elif self.status == "cancelling":
            self._end("cancelled", files)

    def cancel(self) -> None:
        """Start cancelling a running batch."""
        self._enter("cancelling")

    def expire(self, files: Files) -> None:
        """Let a running batch expire.

        Args:
            files: Stores its results.
        """
        self._end("expired", files)

    def render(self) -> dict[str, Any]:
        """Return the batch as the service describes it."""
        times = {f"{status}_at": self._times.get(status) for status in _TIMED_STATES}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.request.endpoint,
            "errors": {"object": "list", "data": self._problems} if self._problems else None,
            "input_file_id": self.request.input_file_id,
            "completion_window": self.request.completion_window,
            "status": self.status,
            "output_file_id": self._output_file_id,
            "error_file_id": self._error_file_id,
            "created_at": self.created_at,
            "in_progress_at": self._times.get("in_progress"),
            "expires_at": None,
            **times,
            "request_counts": {
                "total": len(self._lines),
                "completed": len(self._output_rows),
                "failed": len(self._error_rows),
            },
            "metadata": self.request.metadata,
        }

    def _validate(self) -> None:
        lines, self._problems = read_lines(self.content, self.request.endpoint)
        if self._problems:
            self._enter("failed")
            return
        self._lines = lines
        self._enter("in_progress")

    def _end(self, status: Status, files: Files) -> None:
        """Write the files; lines that were not answered count as failed (recorded 2026-04 for a cancelled batch)."""
        if len(self._output_rows) + len(self._error_rows) < len(self._lines):
            self._error_rows = [line.error_row(*_UNANSWERED[status]) for line in self._lines]
        self._output_file_id = self._write(files, "output", self._output_rows)
        self._error_file_id = self._write(files, "error", self._error_rows)
        self._enter(status)

    def _write(self, files: Files, kind: str, rows: Iterable[Mapping[str, Any]]) -> str | None:
        """Store a file with these rows and return its id, or return None if there are no rows."""
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        if not lines:
            return None
        content = "".join(f"{line}\n" for line in lines).encode()
        return files.add(self.workspace, f"{self.id}_{kind}.jsonl", "batch_output", content).id

    def _enter(self, status: Status) -> None:
        self.status = status
        self._times[status] = int(time.time())
