"""Waits for conditions that other threads meet, so that no test depends on how long something takes."""

import asyncio
import threading
import time
from collections.abc import Callable

DEADLINE = 60.0
"""Seconds after which a condition counts as never met; a test that passes never waits for so long."""


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, or fail."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "The condition was not met."
        time.sleep(0.002)


async def await_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, or fail, without blocking the event loop."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "The condition was not met."
        await asyncio.sleep(0.002)


def worker_threads() -> set[threading.Thread]:
    """Return the running threads of thread pools."""
    return {thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name}
