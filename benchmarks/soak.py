"""Sends minutes of traffic of 1,000 tenants to 20 servers, and checks that nothing is lost, mixed up, shown or kept.

    python -m benchmarks.soak --minutes 10 --seed 7

A round is a mix of chats, streams, interrupted streams, tool calls, embeddings and reranking, over both protocols, from
threads, from asyncio tasks and from processes that are forked in between, at the same time. Of the servers one sends
the key back in errors, headers and pages, one sends its bytes so slowly that no response ends, and the others are
sandboxes with random faults; keys are replaced all the time. After each round

* every call must have succeeded or raised one of the package's errors,
* the records of `WorkspaceUsageCallbackHandler` must agree with the calls and with the sandboxes, request by request,
* no request may have come to another tenant's workspace, or more often than it is retried,
* no key, nor half of one, may be in the logs, LangChain's traces, error reports or stderr.

At the end memory, open files, threads and what the router, the guard and the handler keep must be as they were after
the warm-up rounds. The exit status is 1 if a check fails. No check depends on how fast the machine is.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks._soak_calls import (
    CALLS_PER_FORK,
    CALLS_PER_ROUND,
    FORKS,
    TASKS,
    THREADS,
    Components,
    Totals,
    Traffic,
    check_records,
    fork_worker,
    join_worker,
)
from benchmarks._soak_leaks import Sinks, count_state, open_sinks
from benchmarks._soak_servers import SERVERS, TENANTS, Fleet, start_fleet
from langchain_qwen_workspace import WorkspaceUsageCallbackHandler
from langchain_qwen_workspace._protocol_names import ProtocolName

SEED = 20261126
PROTOCOLS: tuple[ProtocolName, ...] = ("openai", "dashscope")
"""The protocols that have embeddings and rerank models too."""

WARM_UP_ROUNDS = 3
SAMPLES_COMPARED = 3
GROWTH_ALLOWED = 1.10
CONNECTIONS_ALLOWED = 2 * (THREADS + TASKS) * len(PROTOCOLS)
"""Open files and threads that a round may have more than another: both ends of each caller's connection."""

MOST_REQUESTS = 3
"""A call's requests: the first one, one retry, and one with a new key."""

_TEXT = re.compile(r"(?:Call|Task) \d+ of [\w/]+\.")


@dataclass
class Samples:
    """The size of the process after each round, before the first one too."""

    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    state: list[int] = field(default_factory=list)

    def take(self, *roots: object) -> None:
        """Measure the process, and what the given objects keep."""
        gc.collect()
        # Free memory is returned to the system first: after minutes of short-lived threads glibc keeps tens of MB of
        # fragments, although the number of objects does not grow.
        if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
            trim(0)
        self.memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        self.files.append(len(list(Path("/proc/self/fd").iterdir())))
        self.threads.append(threading.active_count())
        self.state.append(count_state(*roots))

    def check_flat(self, totals: Totals) -> None:
        """Check that the last rounds are not larger than the first ones after the warm-up."""
        if len(self.memory) < 1 + WARM_UP_ROUNDS + 2 * SAMPLES_COMPARED:
            sys.stdout.write("Too few rounds to say whether anything grows.\n")
            return
        for name, allowed in (
            ("memory", 0),
            ("files", CONNECTIONS_ALLOWED),
            ("threads", CONNECTIONS_ALLOWED),
            ("state", 0),
        ):
            sizes: list[int] = getattr(self, name)[1 + WARM_UP_ROUNDS :]
            first, last = statistics.median(sizes[:SAMPLES_COMPARED]), statistics.median(sizes[-SAMPLES_COMPARED:])
            totals.check(last <= first * GROWTH_ALLOWED + allowed, f"{name} grew from {first:.0f} to {last:.0f}")


@dataclass
class Result:
    """What a run found."""

    totals: Totals = field(default_factory=Totals)
    samples: Samples = field(default_factory=Samples)
    requests: int = 0
    rotated: int = 0
    searched_bytes: int = 0


def _check_requests(fleet: Fleet, handler: WorkspaceUsageCallbackHandler, totals: Totals) -> int:
    """Compare the requests that the sandboxes received with the usage records and with the calls; return their number.

    Requests of forked processes, whose records are theirs, are compared with the calls only.
    """
    arrived = {request.request_id: request for sandbox in fleet.sandboxes for request in sandbox.requests}
    for record in handler.records():
        request = arrived.get(record.request_id or "")
        reported = [usage["total_tokens"] for usage in request.usages if usage] if request else []
        counted = record.usage.total if record.usage else None
        if record.outcome == "answered":
            totals.check(bool(reported) and counted == reported[-1], f"{record} for {reported}")
        elif counted is not None:
            totals.check(counted in reported, f"{record} for {reported}")
        # A key that was replaced belongs to no workspace any more.
        if request is not None and request.workspace is not None:
            totals.check(record.workspace_id == f"llm-{request.workspace}", f"{record} of {request.workspace}")
    by_text: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for request in arrived.values():
        texts = set(_TEXT.findall(json.dumps(request.body)))
        totals.check(len(texts) == 1, f"a request with the texts {texts}")
        for text in texts:
            by_text[text][request.headers.get("x-dashscope-workspace")] += 1
    for text, workspaces in by_text.items():
        only_own = {*workspaces} == {f"llm-{totals.tenants.get(text)}"}
        totals.check(only_own, f"{text!r} came to {dict(workspaces)}, not to {totals.tenants.get(text)} alone")
        totals.check(workspaces.total() <= MOST_REQUESTS, f"{text!r} came {workspaces.total()} times")
    return len(arrived)


def _limit_arenas() -> None:
    """Let all threads share one arena of glibc.

    With an arena for each of the short-lived threads, resident memory grew by 10 MB a round, although the number of
    objects and of Python's memory blocks stayed the same: free memory in fragments (glibc 2.36, 2026-11).
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(-8, 1)  # M_ARENA_MAX


def _run_round(traffic: Traffic, handler: WorkspaceUsageCallbackHandler, folder: Path, *, forks: int) -> None:
    """Make the calls of one round, and check their records."""
    of_forks = Totals()
    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(traffic.run_threads), pool.submit(asyncio.run, traffic.run_tasks())]
        workers = []
        for number in range(forks):
            worker = replace(traffic, seed=f"{traffic.seed}/fork{number}", disturbed=False, totals=Totals())
            report = folder / f"{traffic.seed}-{number}".replace("/", "-")
            workers.append((fork_worker(worker, handler, report), report))
        for pid, report in workers:
            join_worker(pid, report, of_forks)
        for part in parts:
            part.result()
    check_records(traffic.totals, handler, CALLS_PER_ROUND)
    made = of_forks.outcomes.total()
    traffic.totals.check(made == forks * CALLS_PER_FORK, f"{made} calls of forked processes ended")
    traffic.totals.outcomes += of_forks.outcomes
    traffic.totals.tenants |= of_forks.tenants
    traffic.totals.violations += of_forks.violations


def run(minutes: float, seed: int) -> Result:
    """Run rounds until the time is up, at least one."""
    result, handler = Result(), WorkspaceUsageCallbackHandler()
    end = time.monotonic() + 60 * minutes
    with open_sinks() as sinks, start_fleet() as fleet, tempfile.TemporaryDirectory() as folder:
        components = [Components(protocol, fleet, handler, sinks) for protocol in PROTOCOLS]
        roots = (fleet.router, handler, *(part for of in components for part in of.state))
        result.samples.take(*roots)
        number = 0
        while number == 0 or time.monotonic() < end:
            number += 1
            traffic = Traffic(fleet, components, sinks, f"{seed}/{number}")
            # What is imported at first use must not be in the middle of its import at a fork.
            _run_round(traffic, handler, Path(folder), forks=0 if number == 1 else FORKS)
            result.requests += _check_requests(fleet, handler, traffic.totals)
            result.totals.outcomes += traffic.totals.outcomes
            result.totals.violations += traffic.totals.violations
            _clean_up(fleet, handler, sinks)
            result.totals.violations += sinks.find_keys(fleet.keys)
            result.samples.take(*roots)
        result.rotated, result.searched_bytes = fleet.rotated, sinks.searched_bytes
    result.samples.check_flat(result.totals)
    return result


def _clean_up(fleet: Fleet, handler: WorkspaceUsageCallbackHandler, sinks: Sinks) -> None:
    handler.reset()
    sinks.tracer.forget()
    for sandbox in fleet.sandboxes:
        sandbox.clear()


def main() -> int:
    """Run, print the outcomes, and return 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Mixed traffic with random faults.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    _limit_arenas()
    sys.stdout.write(f"seed {given.seed}, {given.minutes:g} minutes, {TENANTS} tenants, {SERVERS} servers\n")
    result = run(given.minutes, given.seed)
    totals, samples = result.totals, result.samples
    for outcome, count in sorted(totals.outcomes.items()):
        sys.stdout.write(f"  {count:>7} {outcome}\n")
    answered = sum(count for outcome, count in totals.outcomes.items() if outcome.endswith(": answered"))
    made = totals.outcomes.total()
    sys.stdout.write(
        f"{len(samples.memory) - 1} rounds, {made} calls = {answered} answered + {made - answered} failed, "
        f"{result.requests} requests to sandboxes, {result.rotated} new keys\n"
        f"searched {result.searched_bytes / 1e6:.0f} MB of logs, traces, error reports and stderr for every key\n"
    )
    for name, sizes in vars(samples).items():
        sys.stdout.write(f"{name}: {sizes[0]} before the first round, {sizes[1]} after it, {sizes[-1]} at the end\n")
    sys.stdout.write(f"{len(totals.violations)} violations\n")
    sys.stdout.writelines(f"  {violation}\n" for violation in totals.violations[:20])
    return int(bool(totals.violations))


if __name__ == "__main__":
    sys.exit(main())
