"""The rate limits of a workspace for a model, and how many calls and tokens count towards them.

Limits: Model Studio docs, model rate limits (2026-09-28): requests and tokens in a period of seconds.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from langchain_qwen_workspace.sandbox._errors import Refusal


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit.

    Attributes:
        request_limit: The number of requests in a period.
        request_limit_period: The period of the requests, in seconds.
        usage_limit: The number of tokens in a period; None for no limit.
        usage_limit_period: The period of the tokens, in seconds.
    """

    request_limit: int
    request_limit_period: int
    usage_limit: int | None = None
    usage_limit_period: int | None = None


class Throttle:
    """Counts calls and tokens in the periods before now; safe to use from any thread.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._tokens: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)

    def admit(self, workspace_id: str, model: str, limit: Limit) -> None:
        """Count a request; one that is refused does not count.

        Args:
            workspace_id: The workspace that calls.
            model: The model.
            limit: The limit.

        Raises:
            Refusal: If the limit is reached.
        """
        key, now = (workspace_id, model), self._clock()
        with self._lock:
            recent = [at for at in self._requests[key] if at > now - limit.request_limit_period]
            if len(recent) >= limit.request_limit:
                raise Refusal(code="Throttling.RateQuota")
            since = now - (limit.usage_limit_period or 0)
            used = self._tokens[key] = [(at, tokens) for at, tokens in self._tokens[key] if at > since]
            if limit.usage_limit is not None and sum(tokens for _, tokens in used) >= limit.usage_limit:
                raise Refusal(code="Throttling.AllocationQuota")
            self._requests[key] = [*recent, now]

    def add_tokens(self, workspace_id: str, model: str, tokens: int) -> None:
        """Count the tokens of an answer."""
        with self._lock:
            self._tokens[workspace_id, model].append((self._clock(), tokens))
