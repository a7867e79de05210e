"""LangChain's retrieval with embeddings and rerank: vector stores, caches, compressors, chains, and who is told."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from langchain.embeddings import base as embeddings_table
from langchain.embeddings import init_embeddings
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.stores import InMemoryByteStore
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from langchain_qwen_workspace import (
    ChatQwenWorkspace,
    QwenWorkspace,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceRerank,
    RateLimitError,
    UnsupportedInputError,
    register,
)
from langchain_qwen_workspace._seam import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.retrieval.test_rerank import DOCUMENTS, QUERY, TEXTS, later_is_better, ranker
from tests.support.protocols import ProtocolStub
from tests.support.server import Server

CITIES = [
    "The West Lake is in Hangzhou.",
    "The Bund is in Shanghai.",
    "The Summer Palace is in Beijing.",
    "A kettle boils water for tea.",
]
QUESTION = "In which city is the West Lake?"
EVENT = "qwen_workspace_usage"


class Listener(BaseCallbackHandler):
    """Remembers what it is told, and of which run."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.runs: list[UUID] = []
        self.started: list[UUID] = []

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        assert name == EVENT
        self.events.append(data)
        self.runs.append(run_id)

    def on_chain_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self.started.append(run_id)

    def on_retriever_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self.started.append(run_id)


class AsyncListener(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.events: list[Any] = []

    async def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        assert name == EVENT
        await asyncio.sleep(0)
        self.events.append(data)


@pytest.fixture
def workspace(sandbox: Sandbox) -> QwenWorkspace:
    return sandbox.workspace("retrieval")


@pytest.fixture
def embeddings(workspace: QwenWorkspace, protocol: ProtocolName) -> QwenWorkspaceEmbeddings:
    return QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=256, protocol=protocol, workspace=workspace)


@pytest.fixture
def reranker(workspace: QwenWorkspace, protocol: ProtocolName) -> QwenWorkspaceRerank:
    return QwenWorkspaceRerank(model="qwen3-rerank", top_n=2, protocol=protocol, workspace=workspace, max_retries=0)


def inputs(sandbox: Sandbox) -> list[list[str]]:
    """Return the texts of each request for vectors."""
    bodies = [request.body for request in sandbox.requests if "embedding" in request.path]
    return [body["input"]["texts"] if isinstance(body["input"], dict) else body["input"] for body in bodies]


def contents(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


# -------------------------------------------------------------------------------------------------- vector stores


def test_a_store_in_memory_finds_what_is_asked_for(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
    store = InMemoryVectorStore.from_texts(CITIES, embeddings, metadatas=[{"n": n} for n in range(4)])
    found = store.similarity_search_with_score(QUESTION, k=2)
    assert (found[0][0].page_content, found[0][0].metadata) == ("The West Lake is in Hangzhou.", {"n": 0})
    assert found[0][1] > found[1][1]
    assert inputs(sandbox) == [CITIES, [QUESTION]]


async def test_a_store_in_memory_is_filled_and_asked_asynchronously(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings
) -> None:
    store = InMemoryVectorStore(embeddings)
    ids = await store.aadd_texts(CITIES * 3, ids=[str(n) for n in range(12)])
    assert ids == [str(n) for n in range(12)]
    assert sorted(map(len, inputs(sandbox))) == [2, 10]
    found = await store.as_retriever(search_kwargs={"k": 3}).ainvoke(QUESTION)
    assert contents(found) == ["The West Lake is in Hangzhou."] * 3


def test_queries_and_documents_are_told_apart_natively(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, protocol: ProtocolName
) -> None:
    InMemoryVectorStore.from_texts(CITIES, embeddings).similarity_search(QUESTION)
    told = [request.body.get("parameters") for request in sandbox.requests]
    native = [{"text_type": kind, "dimension": 256} for kind in ("document", "query")]
    assert told == (native if protocol == "dashscope" else [None, None])


# langchain_community says at its import that it is being sunset (0.4.2); its FAISS has no other home yet.
@pytest.mark.filterwarnings("ignore:`langchain-community` is being sunset:DeprecationWarning")
# SWIG's types of faiss have no `__module__` (faiss 1.12 and Python 3.11 and newer); nothing of ours.
@pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning")
async def test_faiss_finds_what_is_asked_for(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
    from langchain_community.vectorstores import FAISS  # noqa: PLC0415 - it warns, and only here that is ignored

    store: VectorStore = FAISS.from_texts(CITIES, embeddings)
    await store.aadd_texts(["The Oriental Pearl Tower is in Shanghai."])
    assert contents(store.similarity_search(QUESTION, k=1)) == ["The West Lake is in Hangzhou."]
    assert contents(await store.asimilarity_search("Where is the Bund?", k=1)) == ["The Bund is in Shanghai."]
    assert inputs(sandbox) == [
        CITIES,
        ["The Oriental Pearl Tower is in Shanghai."],
        [QUESTION],
        ["Where is the Bund?"],
    ]


def test_a_cache_asks_for_each_text_once(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
    cached = CacheBackedEmbeddings.from_bytes_store(
        embeddings,
        InMemoryByteStore(),
        namespace=f"{embeddings.model}-{embeddings.protocol}-{embeddings.dimensions}",
        key_encoder="sha256",
        query_embedding_cache=True,
    )
    first = cached.embed_documents(CITIES[:2])
    query = cached.embed_query(QUESTION)
    assert inputs(sandbox) == [CITIES[:2], [QUESTION]]
    assert (cached.embed_documents(CITIES[:2]), cached.embed_query(QUESTION)) == (first, query)
    assert len(sandbox.requests) == 2
    assert cached.embed_documents([*CITIES[:2], CITIES[2]])[:2] == first
    assert inputs(sandbox)[2:] == [[CITIES[2]]]


async def test_a_cache_asks_for_each_text_once_asynchronously(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings
) -> None:
    cached = CacheBackedEmbeddings.from_bytes_store(embeddings, InMemoryByteStore(), key_encoder="sha256")
    first = await cached.aembed_documents(CITIES)
    assert await cached.aembed_documents(CITIES) == first
    assert inputs(sandbox) == [CITIES]


# -------------------------------------------------------------------------------------------- retrieve and rerank


def best_of(store: VectorStore, reranker: QwenWorkspaceRerank) -> ContextualCompressionRetriever:
    retriever = store.as_retriever(search_kwargs={"k": 4})
    return ContextualCompressionRetriever(base_compressor=reranker, base_retriever=retriever)


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_retriever_with_the_reranker_gives_the_best(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank, way: str
) -> None:
    retriever = best_of(InMemoryVectorStore.from_texts(CITIES, embeddings), reranker)
    found = retriever.invoke(QUESTION) if way == "sync" else await retriever.ainvoke(QUESTION)
    assert found[0].page_content == "The West Lake is in Hangzhou."
    scores = [document.metadata["relevance_score"] for document in found]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    body = sandbox.requests[-1].body
    assert sorted(body.get("input", body)["documents"]) == sorted(CITIES)
    assert sandbox.requests[-1].path == (
        "/compatible-api/v1/reranks"
        if reranker.protocol == "openai"
        else "/api/v1/services/rerank/text-rerank/text-rerank"
    )


def test_the_store_keeps_its_documents_as_they_were(
    embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank
) -> None:
    store = InMemoryVectorStore.from_texts(CITIES, embeddings)
    best_of(store, reranker).invoke(QUESTION)
    assert [document.metadata for document in store.similarity_search(QUESTION)] == [{}] * 4


def test_a_retriever_that_finds_nothing_ranks_nothing(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank
) -> None:
    assert best_of(InMemoryVectorStore(embeddings), reranker).invoke(QUESTION) == []
    assert not [request for request in sandbox.requests if "rerank" in request.path]


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_ranking_that_failed_is_no_empty_search(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank, way: str
) -> None:
    retriever = best_of(InMemoryVectorStore.from_texts(CITIES, embeddings), reranker)
    sandbox.fail_next(status=429, path="rerank")
    with pytest.raises(RateLimitError):
        retriever.invoke(QUESTION) if way == "sync" else await retriever.ainvoke(QUESTION)


def answering(retriever: Runnable[str, list[Document]], llm: ChatQwenWorkspace) -> Runnable[str, str]:
    prompt = ChatPromptTemplate.from_template("Repeat: {context} Question: {question}")
    context = retriever | (lambda documents: " ".join(contents(documents)))
    return {"context": context, "question": RunnablePassthrough()} | prompt | llm | StrOutputParser()


@pytest.mark.parametrize("way", ["sync", "async", "stream"])
async def test_a_chain_retrieves_and_ranks_and_answers(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank, way: str
) -> None:
    store = InMemoryVectorStore.from_texts(CITIES, embeddings)
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=reranker.protocol, workspace=reranker.workspace)
    chain = answering(best_of(store, reranker), llm)
    sandbox.clear()
    listener = Listener()
    match way:
        case "sync":
            answer = chain.invoke(QUESTION, {"callbacks": [listener]})
        case "async":
            answer = await chain.ainvoke(QUESTION, {"callbacks": [listener]})
        case _:
            answer = "".join([part async for part in chain.astream(QUESTION, {"callbacks": [listener]})])
    assert answer
    body = sandbox.requests[-1].body
    (message,) = body.get("input", body)["messages"]
    assert message["content"].startswith("Repeat: The West Lake is in Hangzhou. ")
    assert message["content"].endswith(" Question: In which city is the West Lake?")
    assert [event["operation"] for event in listener.events] == ["embedding", "rerank"]
    assert set(listener.runs) <= set(listener.started)


# ------------------------------------------------------------------------------------------------ by name


def test_embeddings_by_their_name(
    sandbox: Sandbox, workspace: QwenWorkspace, protocol: ProtocolName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings_table, "_BUILTIN_PROVIDERS", dict(embeddings_table._BUILTIN_PROVIDERS))
    chat_table = pytest.importorskip("langchain.chat_models.base")
    monkeypatch.setattr(chat_table, "_BUILTIN_PROVIDERS", dict(chat_table._BUILTIN_PROVIDERS))
    register()
    made: Any = init_embeddings(
        "qwen_workspace:text-embedding-v4", protocol=protocol, workspace=workspace, dimensions=64, chunk_size=3
    )
    assert isinstance(made, QwenWorkspaceEmbeddings)
    store = InMemoryVectorStore.from_texts(CITIES, made)
    assert contents(store.similarity_search(QUESTION, k=1)) == ["The West Lake is in Hangzhou."]
    assert sorted(map(len, inputs(sandbox))) == [1, 1, 3]
    assert {len(entry["vector"]) for entry in store.store.values()} == {64}


# ------------------------------------------------------------------------------------------------ who is told


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_store_tells_its_embeddings_listener(
    workspace: QwenWorkspace, protocol: ProtocolName, way: str
) -> None:
    listener = Listener()
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", protocol=protocol, workspace=workspace, callbacks=[listener]
    )
    store = InMemoryVectorStore.from_texts(CITIES, embeddings)
    retriever = store.as_retriever()
    found = retriever.invoke(QUESTION) if way == "sync" else await retriever.ainvoke(QUESTION)
    assert found
    assert [event["operation"] for event in listener.events] == ["embedding", "embedding"]
    assert [event["usage_metadata"]["total_tokens"] > 0 for event in listener.events] == [True, True]
    assert {event["workspace_id"] for event in listener.events} == {"llm-retrieval"}


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_retrievers_run_is_told_of_its_ranking(
    embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank, way: str
) -> None:
    # And not of its embeddings: a retriever that is asked by itself hands them nothing (langchain-core 1.7).
    listener = Listener()
    retriever = best_of(InMemoryVectorStore.from_texts(CITIES, embeddings), reranker)
    config: Any = {"callbacks": [listener]}
    found = retriever.invoke(QUESTION, config) if way == "sync" else await retriever.ainvoke(QUESTION, config)
    assert found
    assert [(event["operation"], event["model"]) for event in listener.events] == [("rerank", "qwen3-rerank")]
    assert listener.runs == listener.started[:1]


def used(stub: ProtocolStub) -> dict[str, Any]:
    return {
        "operation": "rerank",
        "model": "qwen3-rerank",
        "protocol": stub.protocol,
        "region": "ap-southeast-1",
        "workspace_id": "ws-test",
        "request_id": "req-body" if stub.is_dashscope else "req-header",
        "usage_metadata": {"input_tokens": 34, "output_tokens": 0, "total_tokens": 34},
    }


@pytest.mark.parametrize("way", ["sync", "async"])
def test_each_listener_is_told_of_a_ranking_once(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = later_is_better
    own, slow, given, both = Listener(), AsyncListener(), Listener(), Listener()
    reranker = ranker(server, stub, callbacks=[own, slow, both])
    callbacks: Any = [given, both]
    if way == "sync":
        reranker.compress_documents(DOCUMENTS, QUERY, callbacks=callbacks)
        reranker.rerank(TEXTS, QUERY)
    else:
        runner.run(reranker.acompress_documents(DOCUMENTS, QUERY, callbacks=callbacks))
        runner.run(reranker.arerank(TEXTS, QUERY))
    assert own.events == slow.events == both.events == [used(stub)] * 2
    assert given.events == [used(stub)]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_chain_around_a_ranking_is_told(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = later_is_better
    own, around = Listener(), Listener()
    reranker = ranker(server, stub, callbacks=[own])

    async def arank(query: str) -> Any:
        return await reranker.arerank(TEXTS, query)

    chain: Runnable[str, Any] = RunnableLambda(lambda query: reranker.rerank(TEXTS, query), arank)
    config: Any = {"callbacks": [around]}
    chain.invoke(QUERY, config) if way == "sync" else runner.run(chain.ainvoke(QUERY, config))
    assert own.events == around.events == [used(stub)]
    assert around.runs == around.started


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_ranking_that_failed_is_told_once(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = lambda _: stub.error(429, "Throttling", "Slow down.")
    own, slow, given = Listener(), AsyncListener(), Listener()
    reranker = ranker(server, stub, callbacks=[own, slow], max_retries=1)
    callbacks: Any = [given]
    ways: dict[str, Callable[[], Any]] = {
        "sync": lambda: reranker.compress_documents(DOCUMENTS, QUERY, callbacks=callbacks),
        "async": lambda: runner.run(reranker.acompress_documents(DOCUMENTS, QUERY, callbacks=callbacks)),
    }
    with pytest.raises(RateLimitError):
        ways[way]()
    failed = {
        **used(stub),
        "request_id": "req-body",
        "usage_metadata": None,
        "failed": True,
        "error": "RateLimitError",
        "free": True,
        "interrupted": False,
    }
    assert own.events == slow.events == given.events == [failed]
    assert len(server.requests) == 2


def test_nobody_is_told_of_what_did_not_happen(server: Server, stub: ProtocolStub) -> None:
    listener = Listener()
    reranker = ranker(server, stub, callbacks=[listener])
    assert reranker.rerank([], "q") == []
    with pytest.raises(UnsupportedInputError):
        reranker.rerank([""], "q")
    assert listener.events == []
