"""The bill: what was served, summed up by day, workspace, key and model."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

from langchain_qwen_workspace.sandbox._admin import prices
from langchain_qwen_workspace.sandbox._calls import SandboxWorkspace

# Days and months of a bill are those of Beijing; that the service does so is likely, and not documented.
BEIJING = timezone(timedelta(hours=8))


class Line(NamedTuple):
    """What one amount of the bill is for.

    Attributes:
        day: The day.
        workspace_id: The workspace that pays.
        workspace_name: Its name.
        region: Its region.
        key_id: The number of the API key.
        model: The model.
    """

    day: date
    workspace_id: str
    workspace_name: str
    region: str
    key_id: int
    model: str


class Bill:
    """The amounts of every line; safe to use from any thread.

    Args:
        now: Returns the time.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(BEIJING)) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._amounts: dict[Line, Decimal] = defaultdict(Decimal)

    def add(
        self, workspace: SandboxWorkspace, key_id: int, model: str, usage: Mapping[str, Any], *, batch: bool = False
    ) -> int:
        """Add what a call costs; a call without a price adds 0.

        Args:
            workspace: The workspace that pays.
            key_id: The number of the key.
            model: The model.
            usage: The usage, as a protocol writes it.
            batch: Whether it was a call of the Batch API.

        Returns:
            The number of its tokens.
        """
        tokens = prices.read_tokens(usage)
        day = self._now().astimezone(BEIJING).date()
        line = Line(day, workspace.workspace_id, workspace.name, workspace.region, key_id, model)
        with self._lock:
            self._amounts[line] += prices.cost(model, tokens, batch=batch) or 0
        return tokens.input + tokens.output

    def amounts(self) -> list[tuple[Line, Decimal]]:
        """Return every line with its amount."""
        with self._lock:
            return list(self._amounts.items())
