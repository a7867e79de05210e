"""When a request that failed is sent again, and how long is waited before: one rule for both SDKs and every call.

Neither SDK's own rule is used, since they differ in what matters here: openai 3.57 waits for up to two minutes if the
server asks so, dashscope 2.0.2 for at most 8 seconds whatever it asks; one repeats what cannot be unpacked and every
status from 500, the other neither; one opens streams again, the other never, and none a stream that stalls or breaks
before its first event. Both go by the status, and Model Studio tells unpaid bills by 429 and a backend that is missing
for a moment by 400 (Model Studio docs, error codes, 2026-08-18).
"""

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from langchain_qwen_workspace.errors import InvalidResponseError, QwenWorkspaceError

FIRST_PAUSE = 0.5
"""Seconds before the first repetition, doubled with each one: what both SDKs take."""

LONGEST_PAUSE = 8.0
"""Where the doubling ends, again as in both SDKs."""

LONGEST_ASKED_PAUSE = 60.0
"""Seconds that a server may ask to wait; one that asks for more is not asked again. Limits are by the minute."""

_VERDICTS = {"true": True, "false": False}


class Attempts:
    """The attempts at one call."""

    def __init__(self, retries: int) -> None:
        """Allow so many repetitions."""
        self._left = retries
        self._pause = FIRST_PAUSE

    def pause_after(self, error: QwenWorkspaceError) -> float | None:
        """Return the seconds to wait before a failed call is repeated, `None` to give up.

        What LangChain is told by `is_retryable` is repeated. An answer that came and cannot be read is not: it was
        paid for, and the next one would be too.
        """
        asked = error.retry_after
        if not (self._left and error.is_retryable) or isinstance(error, InvalidResponseError):
            return None
        if asked is not None and asked > LONGEST_ASKED_PAUSE:
            return None
        own, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        self._left -= 1
        # Not all at once, so that calls that were refused together do not come again together.
        return own * random.uniform(0.75, 1.0) if asked is None else asked  # noqa: S311 - no secret


def apply_retry_headers(error: QwenWorkspaceError, headers: Mapping[str, str]) -> None:
    """Take into an error what the headers of its answer say of the next attempt, as both SDKs read them."""
    error.retry_after = _seconds_in(headers)
    error.is_retryable = _VERDICTS.get(headers.get("x-should-retry", ""), error.is_retryable)


def _seconds_in(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, `None` if it does not say or nobody can read it."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            asked = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return None if math.isnan(asked) else max(asked, 0.0)
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
