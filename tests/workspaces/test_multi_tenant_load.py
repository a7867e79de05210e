"""200 concurrent calls of 20 tenants through one router: each has its own key, and the ledger is the sandbox's count.

The sandbox keeps the usage that it reported for each request, and nothing of that passes through the package: a call is
found there by its prompt, which names the tenant, and an interrupted stream's usage by the number of events read.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    RateLimitError,
    WorkspaceRouter,
    WorkspaceUsageCallbackHandler,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox, SandboxRequest
from tests.support.protocols import PROTOCOLS

TENANTS = [f"tenant-{number:02}" for number in range(20)]
# What each tenant does, five times in a thread and five times in a task: 200 calls, 60 streams, 20 of them interrupted.
KINDS = ("chat", "tools", "stream", "thinking", "interrupted", "embedding", "rerank", "chat", "embedding", "rerank")
READ = 3
"""Chunks with text that are read of a stream before it is closed."""
AT_ONCE = 12
"""Calls at a time in threads, and as many in tasks. With more, a busy machine takes longer than a connection may."""


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return city


@dataclass
class Service:
    """One model of each kind for all tenants, and the outcome of each call."""

    protocol: ProtocolName
    sandbox: Sandbox
    usage: WorkspaceUsageCallbackHandler = field(default_factory=WorkspaceUsageCallbackHandler)
    refused: Counter[str] = field(default_factory=Counter)
    requests: list[SandboxRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        router = WorkspaceRouter(tenants={tenant: self.sandbox.workspace(tenant) for tenant in TENANTS})
        fields: dict[str, Any] = {"protocol": self.protocol, "workspace": router, "max_retries": 0, "timeout": 60.0}
        self.llm = ChatQwenWorkspace(model="qwen-plus", **fields)
        # Bound once: while LangChain reads a function it suppresses a warning of pydantic's by
        # `warnings.catch_warnings`, which is not thread-safe.
        self.with_tools = self.llm.bind_tools([get_weather])
        self.embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", **fields)
        self.reranker = QwenWorkspaceRerank(model="qwen3-rerank", **fields)

    def config(self, tenant: str) -> Any:
        return {"configurable": {"tenant": tenant}, "callbacks": [self.usage]}

    def call(self, tenant: str, kind: str) -> None:
        """Do one call in this thread."""
        prompt, config = prompt_of(tenant, kind), self.config(tenant)
        match kind:
            case "chat":
                self.llm.invoke(prompt, config)
            case "tools":
                assert self.with_tools.invoke(prompt, config).tool_calls
            case "stream":
                list(self.llm.stream(prompt, config))
            case "thinking":
                list(self.llm.stream(prompt, config, enable_thinking=True))
            case "interrupted":
                with closing(cast("Generator[Any]", self.llm.stream(prompt, config))) as stream:
                    for _ in range(READ):
                        next(stream)
            case "embedding":
                RunnableLambda(self.embeddings.embed_query).invoke(prompt, config)
            case _:

                def rank(query: str) -> Any:
                    return self.reranker.rerank([query, "b"], query)

                RunnableLambda(rank).invoke(prompt, config)

    async def acall(self, tenant: str, kind: str) -> None:
        """Do one call in this task."""
        prompt, config = prompt_of(tenant, kind), self.config(tenant)
        match kind:
            case "chat":
                await self.llm.ainvoke(prompt, config)
            case "tools":
                assert (await self.with_tools.ainvoke(prompt, config)).tool_calls
            case "stream" | "thinking":
                thinks = {"enable_thinking": True} if kind == "thinking" else {}
                async for _ in self.llm.astream(prompt, config, **thinks):
                    pass
            case "interrupted":
                async with aclosing(cast("AsyncGenerator[Any]", self.llm.astream(prompt, config))) as stream:
                    for _ in range(READ):
                        await anext(stream)
            case "embedding":
                await RunnableLambda(self.embeddings.aembed_query).ainvoke(prompt, config)
            case _:

                async def rank(query: str) -> Any:
                    return await self.reranker.arerank([query, "b"], query)

                await RunnableLambda(rank).ainvoke(prompt, config)


def prompt_of(tenant: str, kind: str) -> str:
    if kind == "tools":
        return f"Use get_weather for {tenant}."
    return f"{kind}: count for {tenant} from one to ten."


def run(service: Service) -> None:
    """Make all calls, half of them in threads and half in tasks, so many at a time that they overlap."""
    calls = [(tenant, kind) for tenant in TENANTS for kind in KINDS]
    in_threads = [call for place, call in enumerate(calls) if (place + place // len(KINDS)) % 2]
    in_tasks = [call for place, call in enumerate(calls) if not (place + place // len(KINDS)) % 2]
    assert len(in_threads) == len(in_tasks) == 100

    def run_in_thread(call: tuple[str, str]) -> None:
        try:
            service.call(*call)
        except RateLimitError as error:
            service.refused[str(error.workspace_id)] += 1

    async def run_in_task(call: tuple[str, str], free: asyncio.Semaphore) -> None:
        async with free:
            try:
                await service.acall(*call)
            except RateLimitError as error:
                service.refused[str(error.workspace_id)] += 1

    async def run_tasks() -> None:
        free = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(run_in_task(call, free) for call in in_tasks))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = pool.map(run_in_thread, in_threads)
        asyncio.run(run_tasks())
        list(running)


# --- the two counts ---

Counts = Counter[tuple[str, str, str]]
"""Amounts by workspace, operation and name of the count."""

_OPERATIONS = {"rerank": "rerank", "embedding": "embedding"}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "reasoning": (),
}
_DETAILS = ("completion_tokens_details", "output_tokens_details")


def operation_of(request: SandboxRequest) -> str:
    return next((operation for word, operation in _OPERATIONS.items() if word in request.path), "chat")


def tokens_in(usage: Mapping[str, Any], operation: str) -> dict[str, int]:
    """Return token counts by name; of embeddings and rankings the service often reports only a total: the input."""
    counts = {name: next((usage[word] for word in words if word in usage), 0) for name, words in _WORDS.items()}
    details: Mapping[str, int] = next((usage[word] for word in _DETAILS if word in usage), {})
    counts["reasoning"] = details.get("reasoning_tokens", 0)
    if operation != "chat":
        counts["input"] = counts["total"]
    return counts


def is_interrupted(request: SandboxRequest) -> bool:
    return "interrupted: count" in json.dumps(request.body)


def usage_read(request: SandboxRequest, protocol: ProtocolName) -> Mapping[str, Any] | None:
    """Return the usage in the events that the test read; an OpenAI stream begins with an event without text."""
    if not is_interrupted(request):
        return request.usage
    read = request.usages[: READ + (protocol == "openai")]
    return next((usage for usage in reversed(read) if usage is not None), None)


def count_requests(requests: list[SandboxRequest], protocol: ProtocolName) -> Counts:
    counts: Counts = Counter()
    for request in requests:
        who = (f"llm-{request.workspace}", operation_of(request))
        counts[(*who, "calls")] += 1
        if not request.usages:
            counts[(*who, "failed")] += 1
            continue
        counts[(*who, "interrupted")] += is_interrupted(request)
        usage = usage_read(request, protocol)
        counts[(*who, "unknown")] += usage is None
        for name, tokens in tokens_in(usage or {}, who[1]).items():
            counts[(*who, name)] += tokens
    return +counts


def count_ledger(usage: WorkspaceUsageCallbackHandler) -> Counts:
    counts: Counts = Counter()
    for row in usage.rows():
        told = {
            "calls": row.calls,
            "failed": row.failed_calls,
            "interrupted": row.interrupted_calls,
            "unknown": row.unknown_calls,
            "input": row.input_tokens,
            "output": row.output_tokens,
            "total": row.total_tokens,
            "reasoning": row.reasoning_tokens,
        }
        assert (row.open_calls, row.cached_answers) == (0, 0)
        counts.update({(str(row.workspace_id), row.operation, name): amount for name, amount in told.items()})
    return +counts


REFUSED = 30
"""The calls that the sandbox refuses."""


@pytest.fixture(scope="module", params=PROTOCOLS)
def service(request: pytest.FixtureRequest) -> Service:
    """Return a service that has made all its calls, of which some were refused."""
    with Sandbox() as sandbox:
        service = Service(request.param, sandbox)
        sandbox.fail_next(status=429, times=REFUSED)
        run(service)
        assert service.refused.total() == REFUSED
        service.requests = sandbox.requests
        return service


def test_every_call_arrives_once_with_its_tenants_key(service: Service) -> None:
    requests = service.requests
    assert len(requests) == 200
    for request in requests:
        named = [tenant for tenant in TENANTS if tenant in json.dumps(request.body)]
        assert named == [request.workspace]
        assert request.headers["x-dashscope-workspace"] == f"llm-{request.workspace}"
    keys = {request.workspace: request.headers["authorization"] for request in requests}
    assert keys == {tenant: f"Bearer {service.sandbox.add_workspace(tenant).api_key}" for tenant in TENANTS}
    assert len(set(keys.values())) == 20
    assert Counter(request.workspace for request in requests) == dict.fromkeys(TENANTS, 10)


def test_the_ledger_equals_the_sandboxs_count(service: Service) -> None:
    expected = count_requests(service.requests, service.protocol)
    assert sum(amount for (_, _, name), amount in expected.items() if name == "total") > 5_000
    assert any(name == "reasoning" for _, _, name in expected)
    assert count_ledger(service.usage) == expected


def test_each_interrupted_stream_is_recorded_as_interrupted(service: Service) -> None:
    interrupted = {request.request_id: request for request in service.requests if is_interrupted(request)}
    listed = {record.request_id: record for record in service.usage.records() if record.outcome == "interrupted"}
    answered = {request_id for request_id, request in interrupted.items() if request.usages}
    assert len(interrupted) == 20
    assert listed.keys() == answered
    for request_id, record in listed.items():
        assert (record.workspace_id, record.unknown) == (
            f"llm-{interrupted[str(request_id)].workspace}",
            service.protocol == "openai",
        )


def test_each_record_is_one_request(service: Service) -> None:
    arrived = {(request.request_id, f"llm-{request.workspace}") for request in service.requests}
    assert {(record.request_id, record.workspace_id) for record in service.usage.records()} == arrived
    assert len(service.usage.records()) == 200
    assert service.refused == Counter(
        str(record.workspace_id) for record in service.usage.records() if record.outcome == "failed"
    )
