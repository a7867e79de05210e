"""The calls of the soak run: from threads, from asyncio tasks and from forked processes, of any tenant."""

import asyncio
import faulthandler
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from langchain_core.runnables import RunnableConfig

from benchmarks._soak_leaks import Sinks
from benchmarks._soak_servers import Fleet, Tenant
from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
    WorkspaceGuard,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._protocol_names import ProtocolName

THREADS, TASKS = 8, 16
CALLS_PER_ROUND = 240
FORKS, CALLS_PER_FORK = 2, 20

_PATIENCE = 120.0
"""The `timeout` of calls to servers that answer: long enough for a busy machine."""

_LONGEST_DRIP = 0.5
"""The `total_timeout` of calls to a server whose bytes drip."""

_LONGEST_FORK = 300.0
"""Seconds after which a forked process counts as hanging."""

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
    """The outcomes of all calls, and what was found wrong."""

    outcomes: Counter[str] = field(default_factory=Counter)
    tenants: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def check(self, condition: bool, message: str) -> None:
        """Count a violation unless a condition holds."""
        if not condition:
            self.violations.append(message[:400])


class Components:
    """The components of all tenants on one protocol: one chat model behind the router, the others made for a call."""

    def __init__(
        self, protocol: ProtocolName, fleet: Fleet, handler: WorkspaceUsageCallbackHandler, sinks: Sinks
    ) -> None:
        """Build the chat models."""
        self._fields: dict[str, Any] = {
            "protocol": protocol,
            "callbacks": [handler, sinks.tracer],
            "guard": WorkspaceGuard(max_concurrency=4),
            "max_retries": 1,
        }
        self._handler = handler
        self._chat = {
            kind: ChatQwenWorkspace(model="qwen-plus", workspace=fleet.router, **self._fields_for(kind))
            for kind in ("sandbox", "echoing", "dripping")
        }

    def _fields_for(self, kind: str) -> dict[str, Any]:
        limit = {"total_timeout": _LONGEST_DRIP} if kind == "dripping" else {"timeout": _PATIENCE}
        return {**self._fields, **limit}

    def llm(self, tenant: Tenant) -> ChatQwenWorkspace:
        """Return the chat model for a tenant's server, which takes the tenant from the run's config."""
        return self._chat[tenant.kind]

    def embeddings(self, tenant: Tenant) -> QwenWorkspaceEmbeddings:
        """Return a tenant's embeddings."""
        fields = {**self._fields_for(tenant.kind), "callbacks": [self._handler]}
        return QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=tenant.workspace, **fields)

    def reranker(self, tenant: Tenant) -> QwenWorkspaceRerank:
        """Return a tenant's reranker."""
        fields = {**self._fields_for(tenant.kind), "callbacks": [self._handler]}
        return QwenWorkspaceRerank(model="qwen3-rerank", workspace=tenant.workspace, **fields)

    @property
    def state(self) -> tuple[object, ...]:
        """What is shared by all tenants."""
        return self._fields["guard"], *self._chat.values()


# ------------------------------------------------------------------------------------------------------- the calls


class _Unexpected(Exception):  # noqa: N818 - internal to this module
    """A result that is not what the call asked for."""


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise _Unexpected(message[:300])


def _config(tenant: Tenant) -> RunnableConfig:
    return {"configurable": {"tenant": tenant.name}}


def _chat(of: Components, tenant: Tenant, text: str) -> None:
    answer = of.llm(tenant).invoke(text, _config(tenant))
    _expect(text in answer.text, f"not an answer to {text!r}: {answer!r}")


def _stream(of: Components, tenant: Tenant, text: str) -> None:
    chunks = list(of.llm(tenant).stream(text, _config(tenant)))
    _expect(chunks[-1].chunk_position == "last", "a stream without its last chunk")
    _expect(text in "".join(chunk.text for chunk in chunks), f"not an answer to {text!r}")


def _interrupt_stream(of: Components, tenant: Tenant, text: str) -> None:
    chunks = of.llm(tenant).stream(text * 20, _config(tenant))
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # a generator, though LangChain calls it an iterator


def _tools(of: Components, tenant: Tenant, text: str) -> None:
    llm = of.llm(tenant).bind_tools([_TOOL], tool_choice="get_weather")
    answer = llm.invoke(f"{text} What about Hangzhou?", _config(tenant))
    _expect([call["name"] for call in answer.tool_calls] == ["get_weather"], f"no tool call: {answer!r}")


def _embed(of: Components, tenant: Tenant, text: str) -> None:
    vectors = of.embeddings(tenant).embed_documents(texts := [text, "b", "c"])
    _expect(len(vectors) == len(texts), f"{len(vectors)} vectors for {len(texts)} texts")


def _rank(of: Components, tenant: Tenant, text: str) -> None:
    ranked = of.reranker(tenant).rerank(documents := ["a", text, "c"], text)
    _expect(len(ranked) == len(documents), f"{len(ranked)} results for {len(documents)} documents")


async def _achat(of: Components, tenant: Tenant, text: str) -> None:
    answer = await of.llm(tenant).ainvoke(text, _config(tenant))
    _expect(text in answer.text, f"not an answer to {text!r}: {answer!r}")


async def _astream(of: Components, tenant: Tenant, text: str) -> None:
    chunks = [chunk async for chunk in of.llm(tenant).astream(text, _config(tenant))]
    _expect(chunks[-1].chunk_position == "last", "a stream without its last chunk")
    _expect(text in "".join(chunk.text for chunk in chunks), f"not an answer to {text!r}")


async def _ainterrupt_stream(of: Components, tenant: Tenant, text: str) -> None:
    stream = of.llm(tenant).astream(text * 20, _config(tenant))
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]  # a generator, though LangChain calls it an iterator


async def _aembed(of: Components, tenant: Tenant, text: str) -> None:
    vectors = await of.embeddings(tenant).aembed_documents(texts := [text, "b"])
    _expect(len(vectors) == len(texts), f"{len(vectors)} vectors for {len(texts)} texts")


async def _arank(of: Components, tenant: Tenant, text: str) -> None:
    ranked = await of.reranker(tenant).arerank(documents := ["a", text], text)
    _expect(len(ranked) == len(documents), f"{len(ranked)} results for {len(documents)} documents")


_SYNC: tuple[Callable[[Components, Tenant, str], None], ...] = (
    *(_chat, _stream, _interrupt_stream, _tools, _embed, _rank),
)
_ASYNC = (_achat, _astream, _ainterrupt_stream, _aembed, _arank)


@dataclass(repr=False)
class Traffic:
    """One round's calls, and the faults and new keys between them."""

    fleet: Fleet
    components: Sequence[Components]
    sinks: Sinks
    seed: str
    disturbed: bool = True
    totals: Totals = field(default_factory=Totals)

    def run_threads(self, calls: int = CALLS_PER_ROUND // 2) -> None:
        """Make calls from threads."""
        random = self._random("threads")
        plans = [(random.choice(_SYNC), *self._pick(random, f"Call {number}")) for number in range(calls)]

        def one(
            call: Callable[..., None], of: Components, tenant: Tenant, text: str, chance: float
        ) -> Exception | None:
            self._disturb(tenant, chance)
            try:
                call(of, tenant, text)
            except Exception as error:  # noqa: BLE001 - counted by `_count`
                return error
            return None

        with ThreadPoolExecutor(THREADS) as pool:
            for (call, *_), error in zip(plans, pool.map(lambda plan: one(*plan), plans), strict=True):
                self._count(call, error)

    async def run_tasks(self, calls: int = CALLS_PER_ROUND // 2) -> None:
        """Make calls from tasks of an event loop."""
        random, semaphore = self._random("tasks"), asyncio.Semaphore(TASKS)
        plans = [(random.choice(_ASYNC), *self._pick(random, f"Task {number}")) for number in range(calls)]

        async def one(call: Callable[..., Any], of: Components, tenant: Tenant, text: str, chance: float) -> None:
            async with semaphore:
                self._disturb(tenant, chance)
                try:
                    await call(of, tenant, text)
                except Exception as error:  # noqa: BLE001 - counted by `_count`
                    self._count(call, error)
                else:
                    self._count(call, None)

        await asyncio.gather(*(one(*plan) for plan in plans))

    def _random(self, part: str) -> Random:
        return Random(f"{self.seed}/{part}")  # noqa: S311 - a seed repeats a run

    def _pick(self, random: Random, name: str) -> tuple[Components, Tenant, str, float]:
        tenant = random.choice(list(self.fleet.tenants.values()))
        text = f"{name} of {self.seed}."
        self.totals.tenants[text] = tenant.name
        return random.choice(self.components), tenant, text, random.random()

    def _disturb(self, tenant: Tenant, chance: float) -> None:
        """Let one of eight calls fail, and give the tenant of one in sixteen a new key."""
        if not self.disturbed or tenant.sandbox is None:
            return
        if chance < 1 / 8:
            tenant.sandbox.fail_next(**_FAULTS[int(chance * 8 * len(_FAULTS))])
        elif chance > 15 / 16:
            self.fleet.rotate(tenant)

    def _count(self, call: Callable[..., Any], error: Exception | None) -> None:
        name = call.__name__.strip("_")
        if error is None:
            self.totals.outcomes[f"{name}: answered"] += 1
            return
        self.sinks.write_error(error)
        if isinstance(error, QwenWorkspaceError):
            self.totals.outcomes[f"{name}: {type(error).__name__}"] += 1
        else:
            self.totals.outcomes[f"{name}: VIOLATION"] += 1
            self.totals.violations.append(f"{name}: {error!r:.300}")


# ------------------------------------------------------------------------------------------------- forked processes


def fork_worker(traffic: Traffic, handler: WorkspaceUsageCallbackHandler, report: Path) -> int:
    """Fork a process that makes calls with the parent's components, and return its process id.

    Its outcomes are written into a file; if it hangs, where its threads wait. It is forked while other threads and
    tasks are in the middle of calls.
    """
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        pid = os.fork()
    if pid == 0:
        try:
            faulthandler.dump_traceback_later(_LONGEST_FORK, exit=True, file=_stacks_of(report).open("w"))
            traffic.run_threads(CALLS_PER_FORK // 2)
            asyncio.run(traffic.run_tasks(CALLS_PER_FORK // 2))
            check_records(traffic.totals, handler, CALLS_PER_FORK)
            text = json.dumps([traffic.totals.outcomes, traffic.totals.tenants, traffic.totals.violations])
            report.write_text(text)
        finally:
            os._exit(0)
    return pid


def _stacks_of(report: Path) -> Path:
    return report.with_suffix(".stacks")


def join_worker(pid: int, report: Path, totals: Totals) -> None:
    """Wait for a forked process and add what it counted; one that hangs or writes nothing is a violation."""
    os.waitpid(pid, 0)
    if report.exists():
        outcomes, tenants, violations = json.loads(report.read_text())
        totals.outcomes.update({f"forked {name}": number for name, number in outcomes.items()})
        totals.tenants.update(tenants)
        totals.violations += violations
    else:
        totals.violations.append(f"a forked process wrote no report; its threads: {_stacks_of(report).read_text()}")


def check_records(totals: Totals, handler: WorkspaceUsageCallbackHandler, calls: int) -> None:
    """Check that each call of a process has one record, of its tenant's workspace."""
    made, records = totals.outcomes.total(), handler.records()
    totals.check(made == calls, f"{made} calls ended, of {calls}")
    ended = Counter(record.outcome for record in records)
    totals.check(ended.total() == made and not ended["open"], f"the usage records have {dict(ended)} for {made} calls")
    expected = Counter[str | None](f"llm-{tenant}" for tenant in totals.tenants.values())
    found = Counter(record.workspace_id for record in records)
    totals.check(expected == found, f"records of other workspaces: {found - expected} for {expected - found}")
