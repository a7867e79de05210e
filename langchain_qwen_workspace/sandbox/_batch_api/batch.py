"""One batch: what it is, and how it gets from one state to the next.

No clock drives it: whoever holds it says when it moves on. The object is the recorded one (2026-04), also in that
`expires_at` stays null.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._batch_api.lines import Line, Problem, read_lines
from langchain_qwen_workspace.sandbox._calls import Call, SandboxWorkspace

Status = Literal["validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"]
RUNNING: frozenset[Status] = frozenset({"validating", "in_progress", "finalizing"})
# In the recorded object's order.
_MOMENTS: tuple[Status, ...] = ("finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
_LEFT = {
    "cancelled": ("batch_cancelled", "This request was cancelled before it could be executed."),
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What the request that made a batch says."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None


@dataclass(slots=True)
class Batch:
    """A batch of a workspace.

    Attributes:
        workspace: Whose it is.
        order: What was asked for.
        content: The input file, kept so that the batch outlives it.
        id: Its id.
        status: Where it is.
        created_at: When it was made.
    """

    workspace: SandboxWorkspace
    order: Order
    content: bytes
    id: str = field(default_factory=lambda: f"batch_{uuid.uuid4()}")
    status: Status = "validating"
    created_at: int = field(default_factory=lambda: int(time.time()))
    _moments: dict[Status, int] = field(default_factory=dict)
    _lines: list[Line] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)
    _good: list[dict[str, Any]] = field(default_factory=list)
    _bad: list[dict[str, Any]] = field(default_factory=list)
    _output_file_id: str | None = None
    _error_file_id: str | None = None

    def advance(self, call: Call, files: Files) -> None:
        """Move one state on; a batch that has ended stays as it is.

        Args:
            call: The request that looks at it.
            files: Where its results go.
        """
        if self.status == "validating":
            self._validate()
        elif self.status == "in_progress":
            for line in self._lines:
                went_well, row = line.answer(call)
                (self._good if went_well else self._bad).append(row)
            self._enter("finalizing")
        elif self.status == "finalizing":
            self._end("completed", files)
        elif self.status == "cancelling":
            self._end("cancelled", files)

    def cancel(self) -> None:
        """Begin to cancel a running batch."""
        self._enter("cancelling")

    def expire(self, files: Files) -> None:
        """Let a running batch run out of time.

        Args:
            files: Where its results go.
        """
        self._end("expired", files)

    def render(self) -> dict[str, Any]:
        """The batch as the service describes it."""
        moments = {f"{status}_at": self._moments.get(status) for status in _MOMENTS}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.order.endpoint,
            "errors": {"object": "list", "data": self._problems} if self._problems else None,
            "input_file_id": self.order.input_file_id,
            "completion_window": self.order.completion_window,
            "status": self.status,
            "output_file_id": self._output_file_id,
            "error_file_id": self._error_file_id,
            "created_at": self.created_at,
            "in_progress_at": self._moments.get("in_progress"),
            "expires_at": None,
            **moments,
            "request_counts": {"total": len(self._lines), "completed": len(self._good), "failed": len(self._bad)},
            "metadata": self.order.metadata,
        }

    def _validate(self) -> None:
        lines, self._problems = read_lines(self.content, self.order.endpoint)
        if self._problems:
            self._enter("failed")
            return
        self._lines = lines
        self._enter("in_progress")

    def _end(self, status: Status, files: Files) -> None:
        """Write the files; lines that nobody answered count as failed (recorded 2026-04 for a cancelled batch)."""
        if len(self._good) + len(self._bad) < len(self._lines):
            self._bad = [line.unanswered(*_LEFT[status]) for line in self._lines]
        self._output_file_id = self._written(files, "output", self._good)
        self._error_file_id = self._written(files, "error", self._bad)
        self._enter(status)

    def _written(self, files: Files, kind: str, rows: Iterable[Mapping[str, Any]]) -> str | None:
        """The id of a file with these rows, None where there are none."""
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        if not lines:
            return None
        content = "".join(f"{line}\n" for line in lines).encode()
        return files.add(self.workspace, f"{self.id}_{kind}.jsonl", "batch_output", content).id

    def _enter(self, status: Status) -> None:
        self.status = status
        self._moments[status] = int(time.time())
