"""A router sends each call to its tenant's workspace, with its key, in every way of calling."""

import asyncio
import copy
import pickle
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.caches import InMemoryCache
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    ConfigurationError,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    WorkspaceRouter,
    get_workspace_usage_callback,
)
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.usage import WorkspaceUsageCallbackHandler

TENANTS = ("acme", "globex")


@pytest.fixture
def router(sandbox: Sandbox) -> WorkspaceRouter:
    return WorkspaceRouter(tenants={tenant: sandbox.workspace(tenant) for tenant in TENANTS})


def tenant_config(tenant: str) -> Any:
    return {"configurable": {"tenant": tenant}}


def workspaces_called(sandbox: Sandbox) -> list[str | None]:
    """Return the workspace of each request by its key, after checking that its header names the same one."""
    named = [(request.workspace, request.headers.get("x-dashscope-workspace")) for request in sandbox.requests]
    assert all(header == f"llm-{workspace}" for workspace, header in named)
    return [workspace for workspace, _ in named]


# --- every way of calling a chat model ---


class City(BaseModel):
    """A city."""

    name: str


class State(TypedDict):
    said: str


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


def inside(call: Callable[[str], Any]) -> Runnable[str, Any]:
    """Return a chain that makes a call, which then reads the config of the chain."""
    return RunnableLambda(call)


Way = Callable[[ChatQwenWorkspace, Any], Awaitable[Any]]


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass


async def _in_a_graph(llm: ChatQwenWorkspace, config: Any) -> None:
    graph = StateGraph(State)
    graph.add_node("ask", lambda state: {"said": llm.invoke(state["said"]).text})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    graph.compile().invoke({"said": "Hi"}, config)


async def _in_an_async_graph(llm: ChatQwenWorkspace, config: Any) -> None:
    async def ask(state: State) -> State:
        return {"said": (await llm.ainvoke(state["said"])).text}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    await graph.compile().ainvoke({"said": "Hi"}, config)


async def _in_an_agent(llm: ChatQwenWorkspace, config: Any) -> None:
    agent: Any = create_agent(llm, [get_weather])
    await agent.ainvoke({"messages": "Use get_weather for Hangzhou."}, config)


async def _sync(call: Callable[[], Any]) -> None:
    for _ in call() or ():
        pass


WAYS: dict[str, tuple[Way, int]] = {
    "invoke": (lambda llm, config: _sync(lambda: [llm.invoke("Hi", config)]), 1),
    "ainvoke": (lambda llm, config: llm.ainvoke("Hi", config), 1),
    "stream": (lambda llm, config: _sync(lambda: llm.stream("Hi", config)), 1),
    "astream": (lambda llm, config: _read(llm.astream("Hi", config)), 1),
    "batch": (lambda llm, config: _sync(lambda: llm.batch(["Hi", "Ho"], config)), 2),
    "abatch": (lambda llm, config: llm.abatch(["Hi", "Ho"], [config, config]), 2),
    "batch_as_completed": (lambda llm, config: _sync(lambda: llm.batch_as_completed(["Hi", "Ho"], config)), 2),
    "abatch_as_completed": (lambda llm, config: _read(llm.abatch_as_completed(["Hi", "Ho"], config)), 2),
    "events": (lambda llm, config: _read(llm.astream_events("Hi", config, version="v2")), 1),
    "with_config": (lambda llm, config: llm.with_config(config).ainvoke("Hi"), 1),
    "with_retry": (lambda llm, config: llm.with_retry().ainvoke("Hi", config), 1),
    "bound": (lambda llm, config: llm.bind(temperature=0.5).ainvoke("Hi", config), 1),
    "tools": (lambda llm, config: llm.bind_tools([get_weather]).ainvoke("Hi", config), 1),
    "structured": (lambda llm, config: llm.with_structured_output(City).ainvoke("A City, the name: Rome.", config), 1),
    "lambda": (
        lambda llm, config: _sync(lambda: [inside(lambda _: llm.invoke("Hi")).invoke("", config)]),
        1,
    ),
    "async lambda": (lambda llm, config: inside(lambda _: llm.invoke("Hi")).ainvoke("", config), 1),
    "generate": (
        lambda llm, config: inside(lambda _: llm.generate([[HumanMessage("Hi")]])).ainvoke("", config),
        1,
    ),
    "chain": (lambda llm, config: (RunnableLambda(str) | llm | RunnableLambda(str)).ainvoke("Hi", config), 1),
    "parallel": (lambda llm, config: RunnableParallel(a=llm, b=RunnablePassthrough()).ainvoke("Hi", config), 1),
    "fallback": (lambda llm, config: llm.with_fallbacks([llm]).ainvoke("Hi", config), 1),
    "graph": (_in_a_graph, 1),
    "async graph": (_in_an_async_graph, 1),
    "agent": (_in_an_agent, 2),
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_config_of_the_run_names_the_tenant(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName, way: str
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router, max_retries=0)
    ask, requests = WAYS[way]
    for tenant in TENANTS:
        await ask(llm, tenant_config(tenant))
    assert workspaces_called(sandbox) == ["acme"] * requests + ["globex"] * requests


async def test_a_batch_may_have_several_tenants(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router)
    configs = [tenant_config(tenant) for tenant in TENANTS * 3]
    answers = llm.batch(["Hi"] * 6, configs) + await llm.abatch(["Hi"] * 6, configs)
    assert [answer.response_metadata["workspace_id"] for answer in answers] == ["llm-acme", "llm-globex"] * 6
    assert sorted(map(str, workspaces_called(sandbox))) == ["acme"] * 6 + ["globex"] * 6


def test_the_innermost_config_names_the_tenant(sandbox: Sandbox, router: WorkspaceRouter) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
    inside(lambda _: llm.invoke("Hi", tenant_config("globex"))).invoke("", tenant_config("acme"))
    llm.with_config(tenant_config("acme")).invoke("Hi", tenant_config("globex"))
    assert workspaces_called(sandbox) == ["globex", "globex"]


def test_a_call_in_a_new_thread_has_no_tenant_and_is_refused(sandbox: Sandbox, router: WorkspaceRouter) -> None:
    """A new thread does not inherit the config of the run that started it."""
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            llm.invoke("Hi")
        except ConfigurationError as error:
            failed.append(error)

    def in_a_thread(_: str) -> None:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    RunnableLambda(in_a_thread).invoke("", tenant_config("acme"))
    assert len(failed) == 1
    assert sandbox.requests == []


def test_key_sets_the_name_under_which_the_config_names_the_tenant(sandbox: Sandbox) -> None:
    router = WorkspaceRouter(tenants={"acme": sandbox.workspace("acme")}, key="customer")
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
    llm.invoke("Hi", config={"configurable": {"customer": "acme", "tenant": "globex"}})
    with pytest.raises(ConfigurationError, match=r'names no tenant.*"customer"'):
        llm.invoke("Hi", tenant_config("acme"))
    assert workspaces_called(sandbox) == ["acme"]


@pytest.mark.parametrize("named", [{}, tenant_config("initech")], ids=["no tenant", "an unlisted tenant"])
def test_the_default_workspace_serves_runs_without_a_listed_tenant(
    sandbox: Sandbox, protocol: ProtocolName, named: Any
) -> None:
    router = WorkspaceRouter(tenants={"acme": sandbox.workspace("acme")}, default=sandbox.workspace("globex"))
    ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router).invoke("Hi", named)
    assert workspaces_called(sandbox) == ["globex"]


async def test_copies_and_pickles_of_a_model_route_by_tenant(sandbox: Sandbox, router: WorkspaceRouter) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
    copies = [
        copy.copy(llm),
        copy.deepcopy(llm),
        pickle.loads(pickle.dumps(llm)),  # noqa: S301 - made here
        llm.model_copy(update={"temperature": 0.5}),
    ]
    for one in copies:
        one.invoke("Hi", tenant_config("globex"))
    assert workspaces_called(sandbox) == ["globex"] * 4
    assert hash(pickle.loads(pickle.dumps(router))) == hash(router)  # noqa: S301 - made here


def test_model_copy_can_replace_the_router_with_a_workspace(sandbox: Sandbox, router: WorkspaceRouter) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router)
    llm.model_copy(update={"workspace": sandbox.workspace("acme")}).invoke("Hi")
    with pytest.raises(ConfigurationError, match="names no tenant"):
        llm.invoke("Hi")
    assert workspaces_called(sandbox) == ["acme"]


# --- a stream belongs to who opened it ---


async def _collect_in_run(tenant: str, stream: Any) -> str:
    """Read a stream inside a tenant's run."""

    async def read(_: object) -> str:
        if hasattr(stream, "__anext__"):
            return "".join([chunk.text async for chunk in stream])
        return "".join(chunk.text for chunk in stream)

    return str(await RunnableLambda(read).ainvoke("", tenant_config(tenant)))


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_is_sent_as_the_tenant_whose_run_opened_it(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName, way: str
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router)
    opened = await inside(lambda _: [getattr(llm, way)("Hi")]).ainvoke("", tenant_config("acme"))
    with get_workspace_usage_callback() as usage:
        assert await _collect_in_run("globex", opened[0])
    assert workspaces_called(sandbox) == ["acme"]
    assert [row.workspace_id for row in usage.rows()] == ["llm-acme"]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_opened_outside_any_run_has_no_tenant_inside_one(
    sandbox: Sandbox, router: WorkspaceRouter, way: str
) -> None:
    stream = getattr(ChatQwenWorkspace(model="qwen-plus", workspace=router), way)("Hi")
    with pytest.raises(ConfigurationError, match="names no tenant"):
        await _collect_in_run("globex", stream)
    assert sandbox.requests == []


async def test_a_stream_does_not_report_to_the_run_that_reads_it(sandbox: Sandbox) -> None:
    handler = WorkspaceUsageCallbackHandler()
    stream = ChatQwenWorkspace(model="qwen-plus", workspace=sandbox.workspace("acme")).astream("Hi")

    async def read(_: object) -> list[Any]:
        return [chunk async for chunk in stream]

    await RunnableLambda(read).ainvoke("", {"callbacks": [handler]})
    assert handler.rows() == []


# --- metadata, errors and caches ---


async def test_messages_and_errors_name_the_tenants_workspace(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router, max_retries=0)
    for tenant in TENANTS:
        answer = llm.invoke("Hi", tenant_config(tenant))
        *_, last = [chunk async for chunk in llm.astream("Hi", tenant_config(tenant))]
        sandbox.fail_next(code="Model.AccessDenied")
        with pytest.raises(PermissionDeniedError, match=f"not granted to workspace llm-{tenant}") as caught:
            llm.invoke("Hi", tenant_config(tenant))
        ids = [answer.response_metadata["workspace_id"], last.response_metadata["workspace_id"]]
        assert [*ids, caught.value.workspace_id] == [f"llm-{tenant}"] * 3


async def test_the_tenant_is_not_sent(sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router)
    await llm.ainvoke("Hi", tenant_config("acme"))
    _ = [chunk async for chunk in llm.astream("Hi", tenant_config("acme"))]
    assert all("tenant" not in repr(request.body) for request in sandbox.requests)


def test_a_cache_does_not_mix_tenants(sandbox: Sandbox, router: WorkspaceRouter) -> None:
    """Also where the tenant comes from the surrounding chain: `generate` takes no config."""
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, cache=InMemoryCache())
    in_chain = inside(lambda _: llm.generate([[HumanMessage("Hi")]]))
    for _ in range(2):
        for tenant in TENANTS:
            llm.invoke("Hi", tenant_config(tenant))
            in_chain.invoke("", tenant_config(tenant))
    assert sorted(map(str, workspaces_called(sandbox))) == ["acme", "acme", "globex", "globex"]


def test_a_cache_does_not_mix_the_tenants_of_two_routers(sandbox: Sandbox) -> None:
    cache = InMemoryCache()
    for workspace in ("acme", "globex"):
        router = WorkspaceRouter(tenants={"me": sandbox.workspace(workspace)})
        llm = ChatQwenWorkspace(model="qwen-plus", workspace=router, cache=cache)
        for _ in range(2):
            llm.invoke("Hi", tenant_config("me"))
    assert workspaces_called(sandbox) == ["acme", "globex"]


async def test_a_stream_that_is_cancelled_before_its_first_chunk_counts_for_its_tenant(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=protocol, workspace=router)
    sandbox.fail_next(delay=30)
    with get_workspace_usage_callback() as usage:
        task = asyncio.create_task(_read(llm.astream("Hi", tenant_config("globex"))))
        while not sandbox.requests:  # noqa: ASYNC110 - the sandbox is in another thread
            await asyncio.sleep(0.01)
        assert usage.rows()[0].workspace_id == "llm-globex"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (row,) = usage.rows()
    assert (row.workspace_id, row.region, row.interrupted_calls) == ("llm-globex", "ap-southeast-1", 1)


# --- retrieval ---


def _embeddings(router: WorkspaceRouter, protocol: ProtocolName) -> QwenWorkspaceEmbeddings:
    return QwenWorkspaceEmbeddings(model="text-embedding-v4", protocol=protocol, workspace=router, chunk_size=1)


def _rerank(router: WorkspaceRouter, protocol: ProtocolName) -> QwenWorkspaceRerank:
    return QwenWorkspaceRerank(model="qwen3-rerank", protocol=protocol, workspace=router)


DOCUMENTS = [Document("The West Lake is in Hangzhou."), Document("The Bund is in Shanghai.")]

RETRIEVAL: dict[str, tuple[Callable[[WorkspaceRouter, ProtocolName], Callable[[Any], Any]], int]] = {
    "embed_query": (lambda router, protocol: _embeddings(router, protocol).embed_query, 1),
    "aembed_query": (lambda router, protocol: _embeddings(router, protocol).aembed_query, 1),
    "embed_documents": (lambda router, protocol: lambda x: _embeddings(router, protocol).embed_documents([x] * 5), 5),
    "aembed_documents": (lambda router, protocol: lambda x: _embeddings(router, protocol).aembed_documents([x] * 5), 5),
    "lazy": (lambda router, protocol: lambda x: list(_embeddings(router, protocol).lazy_embed_documents([x] * 3)), 3),
    "rerank": (lambda router, protocol: lambda x: _rerank(router, protocol).rerank(["a", "b"], x), 1),
    "arerank": (lambda router, protocol: lambda x: _rerank(router, protocol).arerank(["a", "b"], x), 1),
    "compress": (lambda router, protocol: lambda x: _rerank(router, protocol).compress_documents(DOCUMENTS, x), 1),
    "acompress": (lambda router, protocol: lambda x: _rerank(router, protocol).acompress_documents(DOCUMENTS, x), 1),
}


@pytest.mark.parametrize("what", RETRIEVAL)
async def test_embeddings_and_rerankers_read_the_tenant_of_the_surrounding_chain(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName, what: str
) -> None:
    make, requests = RETRIEVAL[what]
    call = make(router, protocol)

    async def acall(text: str) -> Any:
        return await call(text)

    chain = RunnableLambda(acall if what.startswith("a") else call)
    for tenant in TENANTS:
        await chain.ainvoke("Where is the West Lake?", tenant_config(tenant))
    assert workspaces_called(sandbox) == ["acme"] * requests + ["globex"] * requests


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_retriever_reads_the_tenant_of_the_surrounding_chain(
    sandbox: Sandbox, router: WorkspaceRouter, protocol: ProtocolName, *, asynchronous: bool
) -> None:
    """The query's embedding and the ranking. A retriever outside a chain passes no config on, so it is refused."""
    store = InMemoryVectorStore(_embeddings(router, protocol))
    inside(lambda _: store.add_documents(DOCUMENTS)).invoke("", tenant_config("acme"))
    sandbox.clear()
    retriever = ContextualCompressionRetriever(
        base_compressor=_rerank(router, protocol), base_retriever=store.as_retriever()
    )
    chain: Runnable[str, Any] = RunnablePassthrough[str]() | retriever
    for tenant in TENANTS:
        if asynchronous:
            await chain.ainvoke("Where is the West Lake?", tenant_config(tenant))
        else:
            chain.invoke("Where is the West Lake?", tenant_config(tenant))
    assert workspaces_called(sandbox) == ["acme", "acme", "globex", "globex"]
    with pytest.raises(ConfigurationError, match=r"Outside chains, give .* `router\.workspace\(…\)`"):
        retriever.invoke("Where is the West Lake?", tenant_config("acme"))


def test_outside_chains_a_component_uses_its_tenants_workspace(sandbox: Sandbox, router: WorkspaceRouter) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v4", workspace=router.workspace("globex"))
    embeddings.embed_query("Hi")
    assert workspaces_called(sandbox) == ["globex"]


# --- what a router computes once ---


def test_a_copy_of_a_used_router_is_checked_with_its_own_workspaces(router: WorkspaceRouter) -> None:
    ChatQwenWorkspace(model="qwen-plus", workspace=router)
    copied = router.model_copy(update={"tenants": {"own": (QwenWorkspace(base_url="http://127.0.0.1:8000/v1"),)}})
    with pytest.raises(ValueError, match="another server than Model Studio"):
        ChatQwenWorkspace(model="qwen3", protocol="dashscope", workspace=copied)


def test_a_used_router_equals_an_unused_one(router: WorkspaceRouter) -> None:
    unused = WorkspaceRouter(tenants=router.tenants)
    ChatQwenWorkspace(model="qwen-plus", workspace=router)
    assert router == unused
