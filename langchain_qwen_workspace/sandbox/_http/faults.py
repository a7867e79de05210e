"""Faults on demand: what shall go wrong with the next requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from langchain_qwen_workspace.sandbox import _errors
from langchain_qwen_workspace.sandbox._errors import Refusal

Framing = Literal["event", "event-space", "native"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong.

    Attributes:
        status: The HTTP status, or the one an error event names.
        code: The error code, in either wire's spelling; empty for one of the errors that the service gives none.
        message: The error text; the code's usual one by default.
        headers: Extra headers of the answer.
        body: Raw content to send instead of any answer.
        after_events: Break a stream after so many events.
        framing: How an error inside a stream is written.
        delay: Seconds to wait before the answer or, with `after_events`, before the next event.
        close: Drop the connection.
        path: Only requests whose path contains this.
    """

    status: int | None = None
    code: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    after_events: int | None = None
    framing: Framing = "event"
    delay: float | None = None
    close: bool = False
    path: str | None = None

    @property
    def fails(self) -> bool:
        """Whether anything breaks, rather than only being late."""
        return self.close or self.body is not None or self.status is not None or self.code is not None

    def refusal(self) -> Refusal:
        """The fault as the service would word it."""
        if self.code == "":
            # Null on the compatible wire, as recorded for a request without a key (2026-02).
            return Refusal(self.message, code="", status=self.status, fixed_code=None)
        code = _errors.native_code(self.code, self.status or 500)
        return Refusal(self.message, code=code, status=self.status)


class Faults:
    """The faults still to come, oldest first; safe to fill from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Fault] = []

    def add(self, fault: Fault, times: int) -> None:
        """Let the next `times` matching requests fail."""
        with self._lock:
            self._queue += [fault] * times

    def take(self, path: str) -> Fault | None:
        """The fault for a request, which is then used up."""
        with self._lock:
            for position, fault in enumerate(self._queue):
                if fault.path is None or fault.path in path:
                    return self._queue.pop(position)
        return None

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._queue.clear()
