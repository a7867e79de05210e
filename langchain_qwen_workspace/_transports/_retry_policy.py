"""The retry policy: whether a failed request is sent again, and after which pause. One policy for every protocol.

Neither SDK's own policy is used, because they differ: openai 3.57 waits up to two minutes if the server asks for it,
dashscope 2.0.2 at most 8 seconds even if the server asks for more; openai retries responses that cannot be
decompressed and every status from 500, dashscope neither; openai retries the start of a stream, dashscope never, and
neither a stream that stalls or breaks before its first event. Both decide by the status, but Model Studio reports
unpaid bills with status 429 and a backend that is missing for a moment with status 400 (Model Studio docs, error codes,
2026-08-18).
"""

import random
from collections.abc import Mapping

from langchain_qwen_workspace._retry_after import seconds_in_headers
from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError

FIRST_PAUSE = 0.5
"""Seconds before the first retry, doubled with each one: the value of both SDKs."""

LONGEST_PAUSE = 8.0
"""Seconds at which the doubling ends: the value of both SDKs."""

LONGEST_REQUESTED_PAUSE = 60.0
"""The most seconds that a server may ask to wait; if it asks for more, there is no retry. Limits are per minute."""

_SHOULD_RETRY = {"true": True, "false": False}


class RetryPolicy:
    """The retries of one call."""

    def __init__(self, max_retries: int) -> None:
        """Allow up to `max_retries` retries."""
        self._left = max_retries
        self._pause = FIRST_PAUSE

    def pause_after(self, error: QwenWorkspaceError) -> float | None:
        """Return the seconds to wait before the next retry, `None` to raise the error.

        Errors whose `is_retryable` is true are retried. A response that arrived and cannot be read is not: it was paid
        for, and the next one would be too.
        """
        requested = error.retry_after
        if not (self._left and error.is_retryable) or isinstance(error, InvalidResponseError):
            return None
        if requested is not None and requested > LONGEST_REQUESTED_PAUSE:
            return None
        own, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        self._left -= 1
        # With jitter, so that calls that were refused together are not retried together.
        return own * random.uniform(0.75, 1.0) if requested is None else requested  # noqa: S311 - no secret


def apply_retry_headers(error: QwenWorkspaceError, headers: Mapping[str, str]) -> None:
    """Set an error's `retry_after` and `is_retryable` from the headers of its response, which count before its body."""
    asked = seconds_in_headers(headers, error.status_code)
    error.retry_after = error.retry_after if asked is None else asked
    error.is_retryable = _SHOULD_RETRY.get(headers.get("x-should-retry", ""), error.is_retryable)
