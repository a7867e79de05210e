"""Calls many workspaces in one process (`python -m benchmarks._scale_measures`), and prints JSON.

Prints the processor time of the first call of each workspace and of a later call, the resident memory for each
workspace, and the sockets that are open at the end.
"""

import argparse
import gc
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from benchmarks._chat_answers import MODEL
from benchmarks._chat_measures import PROMPT, count_sockets
from benchmarks._memory import resident
from benchmarks._server import DASHSCOPE_PATH, OPENAI_PATH
from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace, WorkspaceGuard, WorkspaceRouter

Call: TypeAlias = Callable[[], object]
"""Calls one workspace once."""

SHAPES = ("models", "router")
"""A model object for each workspace; or one model for all, behind a router and a guard."""

_BASE_PATHS = {"openai": OPENAI_PATH, "dashscope": DASHSCOPE_PATH}
_WARM_CALLS = 50


def workspaces(origin: str, protocol: str, count: int, hosts: int) -> Iterable[QwenWorkspace]:
    """Yield workspaces with distinct keys and ids, in turn on each of the hosts; no two of them are ever equal."""
    port = origin.rpartition(":")[2]
    path = f"/text/1/0{_BASE_PATHS[protocol]}"
    for number in itertools.islice(_NUMBERS, count):
        url = f"http://127.0.0.{1 + number % hosts}:{port}{path}"
        yield QwenWorkspace(api_key=f"sk-of-workspace-{number}", workspace_id=f"llm-{number}", base_url=url)


_NUMBERS = itertools.count()


def build_models(protocol: str, found: Iterable[QwenWorkspace]) -> list[Call]:
    """Return a call of each workspace by a model of its own."""

    def call_of(workspace: QwenWorkspace) -> Call:
        llm = ChatQwenWorkspace.model_validate({"model": MODEL, "protocol": protocol, "workspace": workspace})
        return lambda: llm.invoke(PROMPT)

    return [call_of(workspace) for workspace in found]


def build_router(protocol: str, found: Iterable[QwenWorkspace]) -> list[Call]:
    """Return a call of each workspace by one model behind a router and a guard."""
    tenants = {f"tenant-{workspace.workspace_id}": workspace for workspace in found}
    llm = ChatQwenWorkspace.model_validate(
        {
            "model": MODEL,
            "protocol": protocol,
            "workspace": WorkspaceRouter(tenants=tenants),
            "guard": WorkspaceGuard(max_concurrency=4),
        }
    )

    def call_of(tenant: str) -> Call:
        return lambda: llm.invoke(PROMPT, {"configurable": {"tenant": tenant}})

    return [call_of(tenant) for tenant in tenants]


_BUILDERS = {"models": build_models, "router": build_router}


def measure(origin: str, protocol: str, shape: str, *, count: int, hosts: int, min_calls: int) -> dict[str, Any]:
    """Return the mean CPU of first and later calls in microseconds, bytes for each workspace, and open sockets.

    Each mean is that of at least `min_calls` calls. With few workspaces, later calls are repeated, and first calls are
    also made with further groups of workspaces; with many, later calls go to some of them.
    """

    def build() -> list[Call]:
        return _BUILDERS[shape](protocol, workspaces(origin, protocol, count, hosts))

    warm = _BUILDERS[shape](protocol, workspaces(origin, protocol, 1, 1))
    _cpu_of(warm * _WARM_CALLS)
    gc.collect()
    before = resident()
    calls = build()
    repeats = -(-min_calls // count)
    first = _cpu_of(calls)
    # In a random order, since a step through the list could leave out hosts.
    again = random.Random(0).sample(calls, min(count, min_calls)) * repeats  # noqa: S311 - decides no secret
    later = _cpu_of(again)
    gc.collect()
    found = {"resident": (resident() - before) / count, "sockets": count_sockets()}
    for _ in range(repeats - 1):
        first += _cpu_of(build())
    return {**found, "first": first / (count * repeats) * 1e6, "later": later / len(again) * 1e6}


def _cpu_of(calls: Iterable[Call]) -> float:
    began = time.process_time()
    for call in calls:
        call()
    return time.process_time() - began


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Call many workspaces once and again.")
    parser.add_argument("origin", help="the server's, such as http://127.0.0.1:8000")
    parser.add_argument("protocol", choices=_BASE_PATHS)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--workspaces", type=int, required=True)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--min-calls", type=int, required=True)
    options = parser.parse_args()
    numbers = measure(
        options.origin,
        options.protocol,
        options.shape,
        count=options.workspaces,
        hosts=options.hosts,
        min_calls=options.min_calls,
    )
    sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
