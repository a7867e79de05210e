"""Sends minutes of mixed traffic with random faults to the sandbox, and checks that nothing is lost or left open.

    python -m benchmarks.soak --minutes 10 --seed 7

A round is a mix of chats, streams, interrupted streams, tool calls, embeddings and reranking, over both protocols, from
threads and from asyncio tasks at the same time. After each round every call must have succeeded or raised one of the
package's errors, and the records of `WorkspaceUsageCallbackHandler` must agree with the sandbox, request by request. At
the end memory and open files must be as they were after the warm-up rounds. The exit status is 1 if a check fails.
"""

import argparse
import asyncio
import ctypes
import gc
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox

SEED = 20261126
CALLS_PER_ROUND = 240
WARM_UP_ROUNDS = 3
SAMPLES_COMPARED = 3
GROWTH_ALLOWED = 1.10
THREADS, TASKS = 8, 16
FILES_ALLOWED = 2 * 4 * THREADS + 16
"""Growth allowed since the first call: both ends of a connection for each thread of four pools, and the event loops."""

_TOOL = {
    "name": "get_weather",
    "description": "Tell the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

_FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429, "headers": {"retry-after-ms": "10"}},
    {"status": 429, "code": "Arrearage"},
    {"status": 500},
    {"status": 503, "headers": {"retry-after-ms": "10"}},
    {"status": 400},
    {"status": 401},
    {"status": 502, "body": "<html>Bad gateway</html>"},
    {"status": 200, "body": "not JSON"},
    {"close": True},
    {"delay": 0.1},
    {"close": True, "after_events": 0},
    {"close": True, "after_events": 2},
    {"status": 500, "after_events": 1},
)


@dataclass
class Totals:
    """The outcomes of all calls, failed checks, and the process's memory and open files after each round."""

    outcomes: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    violations: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Components:
    """The components of one workspace on one protocol."""

    llm: ChatQwenWorkspace
    embeddings: QwenWorkspaceEmbeddings
    reranker: QwenWorkspaceRerank


def _components(sandbox: Sandbox, handler: WorkspaceUsageCallbackHandler) -> list[Components]:
    made = []
    protocols: tuple[ProtocolName, ...] = ("openai", "dashscope")
    for name in ("team-a", "team-b"):
        for protocol in protocols:
            fields: dict[str, Any] = {
                "workspace": sandbox.workspace(name),
                "protocol": protocol,
                "callbacks": [handler],
                "max_retries": 1,
                "timeout": 10,
            }
            made.append(
                Components(
                    ChatQwenWorkspace(model="qwen-plus", **fields),
                    QwenWorkspaceEmbeddings(model="text-embedding-v4", **fields),
                    QwenWorkspaceRerank(model="qwen3-rerank", **fields),
                )
            )
    return made


# ------------------------------------------------------------------------------------------------------- the calls


def _chat(of: Components, text: str) -> None:
    answer = of.llm.invoke(text)
    _expect(bool(answer.content), f"an answer without a text: {answer!r}")


def _stream(of: Components, text: str) -> None:
    chunks = list(of.llm.stream(text))
    _expect(chunks[-1].chunk_position == "last", "a stream without its last chunk")


def _interrupt_stream(of: Components, text: str) -> None:
    chunks = of.llm.stream(text * 20)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # a generator, though LangChain calls it an iterator


def _tools(of: Components, text: str) -> None:
    answer = of.llm.bind_tools([_TOOL], tool_choice="get_weather").invoke(f"{text} What about Hangzhou?")
    _expect([call["name"] for call in answer.tool_calls] == ["get_weather"], f"no tool call: {answer!r}")


def _embed(of: Components, text: str) -> None:
    vectors = of.embeddings.embed_documents(texts := [text, "b", "c"])
    _expect(len(vectors) == len(texts), f"{len(vectors)} vectors for {len(texts)} texts")


def _rank(of: Components, text: str) -> None:
    ranked = of.reranker.rerank(documents := ["a", text, "c"], text)
    _expect(len(ranked) == len(documents), f"{len(ranked)} results for {len(documents)} documents")


async def _achat(of: Components, text: str) -> None:
    answer = await of.llm.ainvoke(text)
    _expect(bool(answer.content), f"an answer without a text: {answer!r}")


async def _astream(of: Components, text: str) -> None:
    chunks = [chunk async for chunk in of.llm.astream(text)]
    _expect(chunks[-1].chunk_position == "last", "a stream without its last chunk")


async def _ainterrupt_stream(of: Components, text: str) -> None:
    stream = of.llm.astream(text * 20)
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]  # a generator, though LangChain calls it an iterator


async def _aembed(of: Components, text: str) -> None:
    vectors = await of.embeddings.aembed_documents(texts := [text, "b"])
    _expect(len(vectors) == len(texts), f"{len(vectors)} vectors for {len(texts)} texts")


async def _arank(of: Components, text: str) -> None:
    ranked = await of.reranker.arerank(documents := ["a", text], text)
    _expect(len(ranked) == len(documents), f"{len(ranked)} results for {len(documents)} documents")


_SYNC: tuple[Callable[[Components, str], None], ...] = (_chat, _stream, _interrupt_stream, _tools, _embed, _rank)
_ASYNC = (_achat, _astream, _ainterrupt_stream, _aembed, _arank)


class _Faults:
    """Makes the sandbox fail one request for every eight calls."""

    def __init__(self, sandbox: Sandbox, random: Random) -> None:
        self._sandbox, self._random = sandbox, random

    def maybe_fail_next(self) -> None:
        if self._random.random() < 1 / 8:
            self._sandbox.fail_next(**self._random.choice(_FAULTS))


class _Unexpected(Exception):  # noqa: N818 - internal to this module
    """A result that is not what the call asked for."""


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise _Unexpected(message[:300])


def _count_outcome(name: str, error: Exception | None, totals: Totals) -> None:
    if error is None:
        totals.outcomes[f"{name}: answered"] += 1
    elif isinstance(error, QwenWorkspaceError):
        totals.outcomes[f"{name}: {type(error).__name__}"] += 1
    else:
        totals.outcomes[f"{name}: VIOLATION"] += 1
        totals.violations.append(f"{name}: {error!r:.300}")


def _run_threads(components: Sequence[Components], seed: str, totals: Totals, faults: _Faults) -> None:
    random = Random(seed)  # noqa: S311 - a seed repeats a run

    def one(call: Callable[[Components, str], None], of: Components, text: str) -> Exception | None:
        faults.maybe_fail_next()
        try:
            call(of, text)
        except Exception as error:  # noqa: BLE001 - counted by `_count_outcome`
            return error
        return None

    plans = [
        (random.choice(_SYNC), random.choice(components), f"Call {n} of {seed}.") for n in range(CALLS_PER_ROUND // 2)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        for (call, *_), error in zip(plans, pool.map(lambda plan: one(*plan), plans), strict=True):
            _count_outcome(call.__name__.strip("_"), error, totals)


async def _run_tasks(components: Sequence[Components], seed: str, totals: Totals, faults: _Faults) -> None:
    random = Random(seed)  # noqa: S311 - a seed repeats a run
    semaphore = asyncio.Semaphore(TASKS)

    async def one(number: int) -> None:
        call, of = random.choice(_ASYNC), random.choice(components)
        async with semaphore:
            faults.maybe_fail_next()
            try:
                await call(of, f"Task {number} of {seed}.")
            except Exception as error:  # noqa: BLE001 - counted by `_count_outcome`
                _count_outcome(call.__name__.strip("_"), error, totals)
            else:
                _count_outcome(call.__name__.strip("_"), None, totals)

    await asyncio.gather(*(one(number) for number in range(CALLS_PER_ROUND // 2)))


# ------------------------------------------------------------------------------------------------------ the checks


def _check_ledger(sandbox: Sandbox, handler: WorkspaceUsageCallbackHandler, totals: Totals, before: int) -> None:
    """Compare the usage records with the requests that the sandbox received."""
    arrived = {request.request_id: request for request in sandbox.requests}
    records = handler.records()
    made = totals.outcomes.total() - before
    _check(made == CALLS_PER_ROUND, f"{made} calls ended, of {CALLS_PER_ROUND}", totals)
    ended = Counter(record.outcome for record in records)
    _check(
        ended.total() == made and not ended["open"], f"the usage records have {dict(ended)} for {made} calls", totals
    )
    for record in records:
        request = arrived.get(record.request_id or "")
        reported = [usage["total_tokens"] for usage in request.usages if usage] if request else []
        counted = record.usage.total if record.usage else None
        if record.outcome == "answered":
            _check(bool(reported) and counted == reported[-1], f"{record} for {reported}", totals)
        elif counted is not None:
            _check(counted in reported, f"{record} for {reported}", totals)
        workspace_id = None if request is None else f"llm-{request.workspace}"
        _check(request is None or record.workspace_id == workspace_id, f"{record} of {workspace_id}", totals)
    totals.requests += len(arrived)


def _check(condition: bool, message: str, totals: Totals) -> None:
    if not condition:
        totals.violations.append(message[:400])


def _sample(totals: Totals) -> None:
    gc.collect()
    # Free memory is returned to the system first: after minutes of short-lived threads glibc keeps tens of MB of
    # fragments, although the number of objects does not grow.
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    totals.memory.append(resident)
    totals.files.append(len(list(Path("/proc/self/fd").iterdir())))


def _check_flat(totals: Totals) -> None:
    before, most = totals.files[0], max(totals.files)
    _check(most <= before + FILES_ALLOWED, f"open files grew from {before} to {most}", totals)
    after_warm_up = slice(1 + WARM_UP_ROUNDS, 1 + WARM_UP_ROUNDS + SAMPLES_COMPARED)
    if len(totals.memory) < after_warm_up.stop + SAMPLES_COMPARED:
        sys.stdout.write("Too few rounds to say whether memory and open files are flat.\n")
        return
    first, last = statistics.median(totals.memory[after_warm_up]), statistics.median(totals.memory[-SAMPLES_COMPARED:])
    _check(last <= first * GROWTH_ALLOWED, f"memory grew from {first / 1e6:.0f} to {last / 1e6:.0f} MB", totals)


def run(minutes: float, seed: int) -> Totals:
    """Run rounds until the time is up."""
    totals = Totals()
    handler = WorkspaceUsageCallbackHandler()
    end = time.monotonic() + 60 * minutes
    with Sandbox() as sandbox:
        components = _components(sandbox, handler)
        _sample(totals)
        number = 0
        while time.monotonic() < end:
            number += 1
            faults = _Faults(sandbox, Random(f"{seed}/{number}"))  # noqa: S311 - a seed repeats a run
            before = totals.outcomes.total()
            with ThreadPoolExecutor(1) as pool:
                tasks = pool.submit(asyncio.run, _run_tasks(components, f"{seed}/{number}/tasks", totals, faults))
                _run_threads(components, f"{seed}/{number}/threads", totals, faults)
                tasks.result()
            _check_ledger(sandbox, handler, totals, before)
            handler.reset()
            sandbox.clear()
            _sample(totals)
    _check_flat(totals)
    return totals


def main() -> int:
    """Run, print the outcomes, and return 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Mixed traffic with random faults.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}, {given.minutes:g} minutes\n")
    totals = run(given.minutes, given.seed)
    for outcome, count in sorted(totals.outcomes.items()):
        sys.stdout.write(f"  {count:>7} {outcome}\n")
    answered = sum(count for outcome, count in totals.outcomes.items() if outcome.endswith(": answered"))
    made = totals.outcomes.total()
    sys.stdout.write(
        f"{len(totals.memory) - 1} rounds, {made} calls = {answered} answered + {made - answered} failed, "
        f"{totals.requests} requests\nmemory {totals.memory[0] / 1e6:.0f} to {totals.memory[-1] / 1e6:.0f} MB, open "
        f"files {totals.files[0]} to {totals.files[-1]}\n{len(totals.violations)} violations\n"
    )
    sys.stdout.writelines(f"  {violation}\n" for violation in totals.violations[:20])
    return int(bool(totals.violations))


if __name__ == "__main__":
    sys.exit(main())
