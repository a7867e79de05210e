"""Logs each attempt of a request: method, host, status, request id, attempt and durations; no content and no key.

The logger is `langchain_qwen_workspace.requests`, at level DEBUG; `QWEN_WORKSPACE_LOG=debug` prints to standard error.
"""

import logging
import os
import time
from urllib.parse import urlsplit

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._seam import Request
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.errors import QwenWorkspaceError

LOG_VARIABLE = "QWEN_WORKSPACE_LOG"

_LOGGER = logging.getLogger("langchain_qwen_workspace.requests")
_LEVELS = {"debug": logging.DEBUG, "off": logging.NOTSET, "": logging.NOTSET}
_LONGEST = 100


def configure_log() -> None:
    """Print the log to standard error if the environment asks for it."""
    wanted = os.environ.get(LOG_VARIABLE, "").strip().lower()
    if wanted not in _LEVELS:
        warn_user(f"{LOG_VARIABLE} is {wanted!r:.80}. Expected debug or off; nothing is logged.")
    if _LEVELS.get(wanted):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        _LOGGER.addHandler(handler)
        _LOGGER.setLevel(_LEVELS[wanted])
        # The root logger's handlers, if there are any, would print each line again.
        _LOGGER.propagate = False


configure_log()


class AttemptLog:
    """Follows one attempt, and logs how it ended."""

    def __init__(self, request: Request, base_url: str, attempt: int) -> None:
        """Begin an attempt.

        Args:
            request: The request.
            base_url: The base URL of the SDK, of which only the host is logged.
            attempt: Its number, from 1 on.
        """
        self._request = request
        self._host = urlsplit(base_url).netloc
        self._attempt = attempt
        self._began = time.monotonic()
        self._answered: float | None = None
        self._request_id: str | None = None

    def answer(self, request_id: object) -> None:
        """Note that the response, or the first event of a stream, arrived."""
        self._answered = time.monotonic()
        self._request_id = str(request_id) if request_id else None

    def end(self) -> None:
        """Log the end of an attempt without an error; what has no response by then was cancelled."""
        self._write("200" if self._answered is not None else "cancelled", self._request_id)

    def fail(self, error: QwenWorkspaceError) -> None:
        """Log the end of an attempt with an error, without its message, which may quote the conversation."""
        status = str(error.status_code or type(error).__name__)
        self._write(f"{status} {error.code}" if error.code else status, error.request_id or self._request_id)

    def _write(self, outcome: str, request_id: str | None) -> None:
        if not _LOGGER.isEnabledFor(logging.DEBUG):
            return
        first = "-" if self._answered is None else f"{self._answered - self._began:.3f} s"
        _LOGGER.debug(
            "%s %s protocol=%s stream=%s attempt=%d status=%s request_id=%s first=%s total=%.3f s",
            self._request.method,
            self._host,
            self._request.destination.protocol,
            str(self._request.stream).lower(),
            self._attempt,
            _shorten(outcome),
            _shorten(request_id or "-"),
            first,
            time.monotonic() - self._began,
        )


def _shorten(text: str) -> str:
    """Return the beginning of a text of the server, in one line."""
    return escape_control_characters(text[:_LONGEST])
