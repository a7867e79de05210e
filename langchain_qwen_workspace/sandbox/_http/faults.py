"""Injected faults: what goes wrong with the next requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from langchain_qwen_workspace.sandbox import _errors
from langchain_qwen_workspace.sandbox._calls import Framing
from langchain_qwen_workspace.sandbox._errors import Refusal


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    Attributes:
        status: The HTTP status, or the one an error event names.
        code: The error code, as any of the protocols spells it; empty for an error without a code.
        message: The error text; by default the code's usual one.
        headers: Extra headers of the response.
        body: Raw content to send instead of a response.
        after_events: The number of events after which a stream is interrupted.
        framing: How an error inside a stream is written.
        delay: Seconds to wait before the response or, with `after_events`, before the next event.
        close: Whether to drop the connection.
        path: A part of the path of the requests that fail; None for all.
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
    def is_failure(self) -> bool:
        """Whether the request fails, rather than only being delayed."""
        return self.close or self.body is not None or self.status is not None or self.code is not None

    def refusal(self) -> Refusal:
        """Return the fault as an error of the service."""
        if self.code == "":
            # Null on the OpenAI protocol, as recorded for a request without a key (2026-02).
            return Refusal(self.message, code="", status=self.status, openai_code=None)
        code = _errors.dashscope_code(self.code, self.status or 500)
        return Refusal(self.message, code=code, status=self.status)


class Faults:
    """The queue of faults, oldest first; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Fault] = []

    def add(self, fault: Fault, times: int) -> None:
        """Let the next `times` matching requests fail."""
        with self._lock:
            self._queue += [fault] * times

    def take(self, path: str) -> Fault | None:
        """Remove and return the first fault for a path, or None."""
        with self._lock:
            for position, fault in enumerate(self._queue):
                if fault.path is None or fault.path in path:
                    return self._queue.pop(position)
        return None

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._queue.clear()
