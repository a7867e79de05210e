"""The files of each workspace, and the handlers that upload, show, download and delete them.

Shapes: recorded 2025-11 to 2026-04. A file that does not exist, or belongs to another workspace, is refused with
OpenAI's text: no recording shows the service's. The parameters of the list are OpenAI's, too.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox._batch_api import multipart
from langchain_qwen_workspace.sandbox._calls import Call, Reply, SandboxWorkspace
from langchain_qwen_workspace.sandbox._errors import check_keys, field_error

_PREFIXES = {"batch": "file-batch-", "file-extract": "file-fe-", "batch_output": "file-batch_output-"}
_UPLOAD_PURPOSES = ("batch", "file-extract")
# Batch page of 2026-08-17.
_MAX_BATCH_BYTES = 500 * 1024 * 1024
_FILTERS = ("after", "limit", "order", "purpose")
_MAX_PAGE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class File:
    """A file of a workspace."""

    id: str
    owner: str
    filename: str
    purpose: str
    content: bytes
    created_at: int

    def render(self) -> dict[str, Any]:
        """Return the file as the service describes it."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "created_at": self.created_at,
        }


class Files:
    """Every file of every workspace; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, File] = {}

    def add(self, workspace: SandboxWorkspace, filename: str, purpose: str, content: bytes) -> File:
        """Store a file.

        Args:
            workspace: The workspace that owns it.
            filename: Its name.
            purpose: `batch`, `file-extract` or `batch_output`.
            content: Its bytes.

        Returns:
            The file, with a new id.
        """
        file_id = f"{_PREFIXES[purpose]}{secrets.token_hex(12)}"
        file = File(file_id, workspace.workspace_id, filename, purpose, content, int(time.time()))
        with self._lock:
            self._files[file.id] = file
        return file

    def get(self, workspace: SandboxWorkspace, file_id: str) -> File:
        """Return a file of a workspace.

        Args:
            workspace: The workspace that has to own it.
            file_id: Its id.

        Returns:
            The file.

        Raises:
            Refusal: If the workspace has no such file.
        """
        with self._lock:
            file = self._files.get(file_id)
        if file is None or file.owner != workspace.workspace_id:
            raise field_error("id", f"No such File object: {file_id}", code="NotFound")
        return file

    # --- handlers ---

    def upload(self, call: Call) -> Reply:
        """Answer `POST /files`."""
        raw = call.content if isinstance(call.content, bytes) else b""
        fields = multipart.read_form(call.headers.get("content-type", ""), raw)
        purpose = fields["purpose"].content.decode("utf-8", "replace") if "purpose" in fields else ""
        if purpose not in _UPLOAD_PURPOSES:
            # Recorded 2025-11, before there were batches, as "'purpose' must be 'file-extract'".
            raise field_error("purpose", "'purpose' must be 'batch' or 'file-extract'")
        file = fields.get("file")
        if file is None or file.filename is None:
            raise field_error("file", "'file' must be a file")  # our text
        if purpose == "batch" and len(file.content) > _MAX_BATCH_BYTES:
            raise field_error("file", f"'file' must not be larger than {_MAX_BATCH_BYTES} bytes")  # our text
        return Reply(self.add(call.workspace, file.filename, purpose, file.content).render())

    def list(self, call: Call) -> Reply:
        """Answer `GET /files`: newest first, a page at a time."""
        check_keys(call.query, _FILTERS, "query")
        size, order = call.query.get("limit", str(_MAX_PAGE_SIZE)), call.query.get("order", "desc")
        if not size.isdecimal() or len(size) > len(str(_MAX_PAGE_SIZE)) or not 1 <= int(size) <= _MAX_PAGE_SIZE:
            raise field_error("limit", f"'limit' must be from 1 to {_MAX_PAGE_SIZE}")
        if order not in ("asc", "desc"):
            raise field_error("order", "'order' must be 'asc' or 'desc'")
        with self._lock:
            owned = [file for file in self._files.values() if file.owner == call.workspace.workspace_id]
        if order == "desc":
            owned.reverse()
        if after := call.query.get("after"):
            owned = owned[owned.index(self.get(call.workspace, after)) + 1 :]
        found = [file.render() for file in owned if call.query.get("purpose") in (None, file.purpose)]
        page = found[: int(size)]
        return Reply({"object": "list", "data": page, "has_more": len(found) > len(page)})

    def show(self, call: Call) -> Reply:
        """Answer `GET /files/{id}`."""
        return Reply(self.get(call.workspace, call.object_id).render())

    def download(self, call: Call) -> Reply:
        """Answer `GET /files/{id}/content`."""
        return Reply(content=self.get(call.workspace, call.object_id).content)

    def delete(self, call: Call) -> Reply:
        """Answer `DELETE /files/{id}`; batches made from the file continue."""
        file = self.get(call.workspace, call.object_id)
        with self._lock:
            self._files.pop(file.id, None)
        return Reply({"id": file.id, "object": "file", "deleted": True})
