"""Limits how fast a workspace is called: calls wait here instead of being refused by the service."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from langchain_qwen_workspace import _process
from langchain_qwen_workspace._lending import Lender, Lent
from langchain_qwen_workspace._slots import NoSlotError, Slots
from langchain_qwen_workspace.errors import APITimeoutError, ConfigurationError

_SecondsLeft: TypeAlias = Callable[[], float | None]

_SECONDS_PER_MINUTE = 60.0
_MIN_KEPT = 256
"""Workspaces and models whose limits are kept although no call uses them."""

_MAX_AGES = 5
"""Calls whose age an error names, the longest first."""


class _RateLimiter:
    """Spaces the starts of calls evenly. Only the first of the waiting calls sleeps until its time."""

    def __init__(self, per_minute: float) -> None:
        self._interval = _SECONDS_PER_MINUTE / per_minute
        self._next_start = -math.inf
        self._first = Slots(1)

    @property
    def is_idle(self) -> bool:
        """Whether a call could start now."""
        return self._next_start <= time.monotonic()

    def acquire(self, seconds_left: "_SecondsLeft") -> None:
        """Wait until a call may start.

        Raises:
            NoSlotError: It may not start in time.
        """
        with self._first.hold(seconds_left):
            start = self._start(seconds_left)
            time.sleep(max(0.0, start - time.monotonic()))
            self._next_start = start + self._interval

    async def aacquire(self, seconds_left: "_SecondsLeft") -> None:
        """Wait like `acquire`, without blocking the event loop."""
        async with self._first.ahold(seconds_left):
            start = self._start(seconds_left)
            await asyncio.sleep(max(0.0, start - time.monotonic()))
            self._next_start = start + self._interval

    def _start(self, seconds_left: "_SecondsLeft") -> float:
        now, left = time.monotonic(), seconds_left()
        start = max(self._next_start, now)
        if left is not None and start > now + left:
            raise NoSlotError(held_by_caller=False)
        return start


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits of one model in one workspace.

    Attributes:
        concurrency: Limits the concurrent calls; `None` does not.
        rate: Limits the calls per minute; `None` does not.
    """

    concurrency: Slots | None
    rate: _RateLimiter | None


class _LimitsPerModel(Lender[tuple[Hashable, str], _Limits]):
    """Keeps the limits of each model in each workspace while they have an effect."""

    def _is_needed(self, lent: Lent[_Limits]) -> bool:
        rate = lent.value.rate
        return super()._is_needed(lent) or (rate is not None and not rate.is_idle)

    def _may_remove(self, lent: Lent[_Limits]) -> bool:  # noqa: ARG002 - all that are not needed are alike
        return len(self) > _MIN_KEPT


class WorkspaceGuard:
    """Keeps calls within a workspace's limits, separately for each model of each workspace.

    Pass the same guard to all components that share the limits; threads, tasks and event loops may be mixed. A call
    waits until it may start, in the order in which calls arrived, and raises `APITimeoutError` after `max_wait`
    seconds. A stream occupies its slot until it ends, is closed or is garbage collected. A call that could never start,
    because its own thread or task reads streams that occupy every slot, raises `ConfigurationError` at once. A request
    and its retries count as one call.

    Example:
        ```python
        from langchain_qwen_workspace import ChatQwenWorkspace, WorkspaceGuard

        guard = WorkspaceGuard(max_concurrency=4, requests_per_minute=120)
        llm = ChatQwenWorkspace(model="qwen-plus", guard=guard, region="singapore")
        ```
    """

    def __init__(
        self,
        *,
        max_concurrency: int | None = None,
        requests_per_minute: float | None = None,
        max_wait: float | None = 600,
    ) -> None:
        """Set the limits, which apply to each model of each workspace.

        Args:
            max_concurrency: Maximum number of concurrent calls. Default: no limit.
            requests_per_minute: Maximum number of calls per minute, whose starts are spaced evenly: the service also
                counts per second, and refuses bursts (Model Studio docs, rate limits, 2026-08-19). Default: no limit.
            max_wait: Maximum number of seconds that a call waits until it may start; `None` waits without limit, for
                example for a large `abatch`. Default: 600.

        Raises:
            ConfigurationError: A limit is not positive, or no limit is given.
        """
        if max_concurrency is None and requests_per_minute is None:
            raise ConfigurationError(
                "The guard has no limit. Expected `max_concurrency`, `requests_per_minute` or both."
            )
        if max_concurrency is not None and (type(max_concurrency) is not int or max_concurrency < 1):
            raise ConfigurationError(f"`max_concurrency` is {max_concurrency!r}. Expected a positive integer.")
        if requests_per_minute is not None and not _is_positive_number(requests_per_minute):
            raise ConfigurationError(f"`requests_per_minute` is {requests_per_minute!r}. Expected a positive number.")
        if max_wait is not None and not _is_positive_number(max_wait):
            raise ConfigurationError(f"`max_wait` is {max_wait!r}. Expected a positive number of seconds, or `None`.")
        self.max_concurrency = max_concurrency
        self.requests_per_minute = requests_per_minute
        self.max_wait = max_wait
        self.reset_after_fork()
        _process.register(self)

    def reset_after_fork(self) -> None:
        """Free all slots: those in use at a fork belong to calls of the parent process."""
        self._limits = _LimitsPerModel(self._build_limits)

    def __repr__(self) -> str:
        """Return the limits."""
        limits = f"max_concurrency={self.max_concurrency}, requests_per_minute={self.requests_per_minute}"
        return f"WorkspaceGuard({limits}, max_wait={self.max_wait})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy only the limits: the slots in use belong to this process."""
        return _rebuild, (self.max_concurrency, self.requests_per_minute, self.max_wait)

    def __deepcopy__(self, memo: dict[int, object]) -> "WorkspaceGuard":
        """Return the guard itself, since a copy of a model shares the workspace's limits."""
        return self

    @contextmanager
    def slot(self, workspace: Hashable, model: str, max_wait: float | None = None) -> Iterator[None]:
        """Return a context manager that waits until a call may start, and occupies a slot until it ends.

        Args:
            workspace: Identifies the workspace; components pass its id, or its host and key if it has none.
            model: The model's name.
            max_wait: Maximum number of seconds that this call waits, if that is less than the guard's `max_wait`.

        Raises:
            APITimeoutError: The call could not start within `max_wait` seconds.
            ConfigurationError: The call could never start: this thread occupies every slot itself.
        """
        with ExitStack() as stack:
            max_wait = self._shorten(max_wait)
            with self._explain_no_slot(workspace, model, max_wait):
                limits, seconds_left = stack.enter_context(self._use(workspace, model)), _count_down(max_wait)
                if limits.concurrency is not None:
                    stack.enter_context(limits.concurrency.hold(seconds_left))
                if limits.rate is not None:
                    limits.rate.acquire(seconds_left)
            yield

    @asynccontextmanager
    async def aslot(self, workspace: Hashable, model: str, max_wait: float | None = None) -> AsyncIterator[None]:
        """Return a context manager like `slot`'s that does not block the event loop."""
        async with AsyncExitStack() as stack:
            max_wait = self._shorten(max_wait)
            with self._explain_no_slot(workspace, model, max_wait):
                limits, seconds_left = stack.enter_context(self._use(workspace, model)), _count_down(max_wait)
                if limits.concurrency is not None:
                    await stack.enter_async_context(limits.concurrency.ahold(seconds_left))
                if limits.rate is not None:
                    await limits.rate.aacquire(seconds_left)
            yield

    def _build_limits(self) -> _Limits:
        return _Limits(
            None if self.max_concurrency is None else Slots(self.max_concurrency),
            None if self.requests_per_minute is None else _RateLimiter(self.requests_per_minute),
        )

    def _shorten(self, max_wait: float | None) -> float | None:
        """Return the shorter of a call's longest wait and the guard's."""
        return min((wait for wait in (max_wait, self.max_wait) if wait is not None), default=None)

    @contextmanager
    def _use(self, workspace: Hashable, model: str) -> Iterator[_Limits]:
        """Return the limits of a model in a workspace, and keep them until the call has ended."""
        lent, _ = self._limits.borrow((workspace, model))
        try:
            yield lent.value
        finally:
            self._limits.give_back(lent)

    @contextmanager
    def _explain_no_slot(self, workspace: Hashable, model: str, max_wait: float | None) -> Iterator[None]:
        try:
            yield
        except NoSlotError as error:
            # Of a workspace without an id, the second part is its key.
            name = workspace[0] if isinstance(workspace, tuple) else workspace
            limits = self._limits.get((workspace, model))
            slots = None if limits is None else limits.concurrency
            ages = ", ".join(f"{age:.0f}" for age in slots.ages()[:_MAX_AGES]) if slots and not slots.free else ""
            held = f"The calls that occupy its slots began {ages} seconds ago." if ages else ""
            if error.held_by_caller:
                raise ConfigurationError(
                    f"The call of {model!r} in workspace {name!r} could never start: `max_concurrency` is "
                    f"{self.max_concurrency}, and the thread or task that calls occupies every slot itself. {held}",
                    model=model,
                    hint="Read the streams of that thread or task to the end, or close them, before the next call; or "
                    "raise `max_concurrency`.",
                ) from None
            raise APITimeoutError(
                f"The guard let no call of {model!r} in workspace {name!r} start within {max_wait or 0:.3g} "
                f"seconds. {held}".rstrip(),
                model=model,
                hint="Close streams that are not read to the end, raise the guard's limits, or give it a longer "
                "`max_wait`.",
            ) from None


def _count_down(max_wait: float | None) -> _SecondsLeft:
    if max_wait is None:
        return lambda: None
    deadline = time.monotonic() + max_wait
    return lambda: max(0.0, deadline - time.monotonic())


def _is_positive_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < math.inf


def _rebuild(max_concurrency: int | None, requests_per_minute: float | None, max_wait: float | None) -> WorkspaceGuard:
    return WorkspaceGuard(max_concurrency=max_concurrency, requests_per_minute=requests_per_minute, max_wait=max_wait)
