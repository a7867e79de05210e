"""Many tenants share one pool at full load: no key, workspace header or cookie of one reaches another's request.

Every tenant's key is replaced after each second answer, so that its next call gets HTTP 401 and asks for the new key.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from tests.support.protocols import ProtocolStub
from tests.support.server import Received, Reply, Server

_ANSWERS_BEFORE_ROTATION = 2


@dataclass
class Tenants:
    """Tenants with a model each, and the server's side of them: their keys at present, and what they were answered."""

    server: Server
    stub: ProtocolStub
    count: int
    answers: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server.default = self.reply
        self.models = {name: self.model(name) for name in (f"tenant-{number:04}" for number in range(self.count))}

    def key_of(self, tenant: str) -> str:
        """Return the tenant's key at present."""
        return f"sk-{tenant}-{self.answers[tenant] // _ANSWERS_BEFORE_ROTATION}"

    def model(self, tenant: str) -> ChatQwenWorkspace:
        workspace = QwenWorkspace(
            api_key=lambda: self.key_of(tenant), workspace_id=f"llm-{tenant}", base_url=self.server.url
        )
        return ChatQwenWorkspace(
            model="qwen-plus", protocol=self.stub.protocol, workspace=workspace, max_retries=0, timeout=120.0
        )

    def reply(self, received: Received) -> Reply:
        """Answer with the tenant's name and a cookie, or refuse a key that was replaced."""
        tenant = received.headers["x-dashscope-workspace"].removeprefix("llm-")
        if received.headers["authorization"] != f"Bearer {self.key_of(tenant)}":
            return self.stub.error(401, "invalid_api_key", "Incorrect API key provided.")
        with self.lock:
            self.answers[tenant] += 1
        answer = self.stub.stream if self.stub.is_streamed(received) else self.stub.answer
        return answer(tenant).with_headers(set_cookie=f"session={tenant}; Path=/")

    def call(self, tenant: str, turn: int) -> str:
        """Return the text of the answer to the tenant's name; every second call streams."""
        llm = self.models[tenant]
        if turn % 2:
            return "".join(chunk.text for chunk in llm.stream(tenant))
        return llm.invoke(tenant).text

    async def acall(self, tenant: str, turn: int) -> str:
        """Do the same asynchronously."""
        llm = self.models[tenant]
        if turn % 2:
            return "".join([chunk.text async for chunk in llm.astream(tenant)])
        return (await llm.ainvoke(tenant)).text


def call_in_threads(tenants: Tenants, calls: int, at_once: int) -> Iterator[tuple[str, str]]:
    """Call every tenant once per turn, and yield each tenant with the answer it got."""
    with ThreadPoolExecutor(at_once) as pool:
        for turn in range(calls):
            texts = pool.map(lambda tenant, turn=turn: tenants.call(tenant, turn), tenants.models)
            yield from zip(tenants.models, texts, strict=True)


def call_in_tasks(tenants: Tenants, calls: int, at_once: int) -> Iterator[tuple[str, str]]:
    """Do the same in tasks of one event loop."""

    async def run_turn(turn: int, free: asyncio.Semaphore) -> list[str]:
        async def one(tenant: str) -> str:
            async with free:
                return await tenants.acall(tenant, turn)

        return await asyncio.gather(*map(one, tenants.models))

    with asyncio.Runner() as runner:
        free = asyncio.Semaphore(at_once)
        for turn in range(calls):
            yield from zip(tenants.models, runner.run(run_turn(turn, free)), strict=True)


Run = Callable[[Tenants, int, int], Iterator[tuple[str, str]]]


def check_isolation(tenants: Tenants, run: Run, calls: int, at_once: int) -> None:
    mixed_up = [(tenant, text) for tenant, text in run(tenants, calls, at_once) if tenant != text]
    assert mixed_up == []

    requests = tenants.server.requests
    sent = [
        (
            tenants.stub.messages(request.json)[-1]["content"],
            request.headers["x-dashscope-workspace"].removeprefix("llm-"),
            request.headers["authorization"].removeprefix("Bearer sk-").rpartition("-")[0],
        )
        for request in requests
    ]
    assert [row for row in sent if len(set(row)) > 1] == []
    assert [request for request in requests if "cookie" in request.headers] == []

    rotations = calls // _ANSWERS_BEFORE_ROTATION - 1
    assert Counter(tenant for tenant, _, _ in sent) == dict.fromkeys(tenants.models, calls + rotations)


@pytest.mark.parametrize(("run", "at_once"), [(call_in_threads, 16), (call_in_tasks, 50)], ids=["threads", "tasks"])
def test_fifty_tenants_send_their_own_keys_and_headers_and_no_cookie(
    fresh_server: Server, stub: ProtocolStub, run: Run, at_once: int
) -> None:
    check_isolation(Tenants(fresh_server, stub, 50), run, calls=4, at_once=at_once)


@pytest.mark.nightly
@pytest.mark.parametrize(("run", "at_once"), [(call_in_threads, 64), (call_in_tasks, 500)], ids=["threads", "tasks"])
def test_a_thousand_tenants_send_their_own_keys_and_headers_and_no_cookie(
    fresh_server: Server, stub: ProtocolStub, run: Run, at_once: int
) -> None:
    check_isolation(Tenants(fresh_server, stub, 1000), run, calls=20, at_once=at_once)
