"""Embeddings and rerank in LangChain: vector stores, caches, retrievers, chains, and usage events."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain.embeddings import base as embeddings_table
from langchain.embeddings import init_embeddings
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_classic.retrievers import ContextualCompressionRetriever
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
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace.sandbox import Sandbox
from tests.support.callbacks import AsyncCallbackRecorder, CallbackRecorder
from tests.support.protocols import ProtocolStub
from tests.support.retrieval import DOCUMENTS, QUERY, TEXTS, make_reranker, rank_last_first
from tests.support.server import Server

CITIES = [
    "The West Lake is in Hangzhou.",
    "The Bund is in Shanghai.",
    "The Summer Palace is in Beijing.",
    "A kettle boils water for tea.",
]
QUESTION = "In which city is the West Lake?"


@pytest.fixture
def embeddings(workspace: QwenWorkspace, protocol: ProtocolName) -> QwenWorkspaceEmbeddings:
    return QwenWorkspaceEmbeddings(model="text-embedding-v4", dimensions=256, protocol=protocol, workspace=workspace)


@pytest.fixture
def reranker(workspace: QwenWorkspace, protocol: ProtocolName) -> QwenWorkspaceRerank:
    return QwenWorkspaceRerank(model="qwen3-rerank", top_n=2, protocol=protocol, workspace=workspace, max_retries=0)


def inputs(sandbox: Sandbox) -> list[list[str]]:
    """Return the texts of each embedding request."""
    bodies = [request.body for request in sandbox.requests if "embedding" in request.path]
    return [body["input"]["texts"] if isinstance(body["input"], dict) else body["input"] for body in bodies]


def contents(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


# --- vector stores ---


def test_an_in_memory_store_finds_the_nearest_text(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
    store = InMemoryVectorStore.from_texts(CITIES, embeddings, metadatas=[{"n": n} for n in range(4)])
    found = store.similarity_search_with_score(QUESTION, k=2)
    assert (found[0][0].page_content, found[0][0].metadata) == ("The West Lake is in Hangzhou.", {"n": 0})
    assert found[0][1] > found[1][1]
    assert inputs(sandbox) == [CITIES, [QUESTION]]


async def test_an_in_memory_store_works_asynchronously(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
    store = InMemoryVectorStore(embeddings)
    ids = await store.aadd_texts(CITIES * 3, ids=[str(n) for n in range(12)])
    assert ids == [str(n) for n in range(12)]
    assert sorted(map(len, inputs(sandbox))) == [2, 10]
    found = await store.as_retriever(search_kwargs={"k": 3}).ainvoke(QUESTION)
    assert contents(found) == ["The West Lake is in Hangzhou."] * 3


def test_a_store_sends_text_types_over_the_dashscope_protocol_only(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, protocol: ProtocolName
) -> None:
    InMemoryVectorStore.from_texts(CITIES, embeddings).similarity_search(QUESTION)
    parameters = [request.body.get("parameters") for request in sandbox.requests]
    expected = [{"text_type": kind, "dimension": 256} for kind in ("document", "query")]
    assert parameters == (expected if protocol == "dashscope" else [None, None])


# langchain_community warns at its import that it is being sunset (0.4.2); its FAISS has no other home yet.
@pytest.mark.filterwarnings("ignore:`langchain-community` is being sunset:DeprecationWarning")
# The SWIG types of faiss have no `__module__` (faiss 1.12 with Python 3.11 and newer).
@pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning")
async def test_faiss_finds_the_nearest_text(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
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


def test_a_cache_requests_each_text_once(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
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


async def test_an_async_cache_requests_each_text_once(sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings) -> None:
    cached = CacheBackedEmbeddings.from_bytes_store(embeddings, InMemoryByteStore(), key_encoder="sha256")
    first = await cached.aembed_documents(CITIES)
    assert await cached.aembed_documents(CITIES) == first
    assert inputs(sandbox) == [CITIES]


# --- retrieve and rerank ---


def best_of(store: VectorStore, reranker: QwenWorkspaceRerank) -> ContextualCompressionRetriever:
    retriever = store.as_retriever(search_kwargs={"k": 4})
    return ContextualCompressionRetriever(base_compressor=reranker, base_retriever=retriever)


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_retriever_with_the_reranker_returns_the_best_documents(
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


def test_reranking_does_not_change_the_documents_in_the_store(
    embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank
) -> None:
    store = InMemoryVectorStore.from_texts(CITIES, embeddings)
    best_of(store, reranker).invoke(QUESTION)
    assert [document.metadata for document in store.similarity_search(QUESTION)] == [{}] * 4


def test_a_retriever_that_finds_nothing_sends_no_rerank_request(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank
) -> None:
    assert best_of(InMemoryVectorStore(embeddings), reranker).invoke(QUESTION) == []
    assert not [request for request in sandbox.requests if "rerank" in request.path]


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_failed_ranking_raises_from_the_retriever(
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
async def test_a_chain_retrieves_reranks_and_answers(
    sandbox: Sandbox, embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank, way: str
) -> None:
    store = InMemoryVectorStore.from_texts(CITIES, embeddings)
    llm = ChatQwenWorkspace(model="qwen-plus", protocol=reranker.protocol, workspace=reranker.workspace)
    chain = answering(best_of(store, reranker), llm)
    sandbox.clear()
    recorder = CallbackRecorder()
    match way:
        case "sync":
            answer = chain.invoke(QUESTION, {"callbacks": [recorder]})
        case "async":
            answer = await chain.ainvoke(QUESTION, {"callbacks": [recorder]})
        case _:
            answer = "".join([part async for part in chain.astream(QUESTION, {"callbacks": [recorder]})])
    assert answer
    body = sandbox.requests[-1].body
    (message,) = body.get("input", body)["messages"]
    assert message["content"].startswith("Repeat: The West Lake is in Hangzhou. ")
    assert message["content"].endswith(" Question: In which city is the West Lake?")
    assert [event["operation"] for event in recorder.usage_events] == ["embedding", "rerank"]
    assert set(recorder.usage_run_ids) <= set(recorder.run_ids)


# --- init_embeddings ---


def test_init_embeddings_makes_them_by_provider_name(
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


# --- usage events ---


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_the_callbacks_of_embeddings_receive_the_usage_in_a_store(
    workspace: QwenWorkspace, protocol: ProtocolName, way: str
) -> None:
    recorder = CallbackRecorder()
    embeddings = QwenWorkspaceEmbeddings(
        model="text-embedding-v4", protocol=protocol, workspace=workspace, callbacks=[recorder]
    )
    store = InMemoryVectorStore.from_texts(CITIES, embeddings)
    retriever = store.as_retriever()
    found = retriever.invoke(QUESTION) if way == "sync" else await retriever.ainvoke(QUESTION)
    assert found
    assert [event["operation"] for event in recorder.usage_events] == ["embedding", "embedding"]
    assert [event["usage_metadata"]["total_tokens"] > 0 for event in recorder.usage_events] == [True, True]
    assert {event["workspace_id"] for event in recorder.usage_events} == {"llm-team"}


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_the_callbacks_of_a_retriever_receive_the_usage_of_its_ranking(
    embeddings: QwenWorkspaceEmbeddings, reranker: QwenWorkspaceRerank, way: str
) -> None:
    # Not of its embeddings: a retriever outside a chain passes them no callbacks (langchain-core 1.7).
    recorder = CallbackRecorder()
    retriever = best_of(InMemoryVectorStore.from_texts(CITIES, embeddings), reranker)
    config: Any = {"callbacks": [recorder]}
    found = retriever.invoke(QUESTION, config) if way == "sync" else await retriever.ainvoke(QUESTION, config)
    assert found
    assert [(event["operation"], event["model"]) for event in recorder.usage_events] == [("rerank", "qwen3-rerank")]
    assert recorder.usage_run_ids == recorder.run_ids[:1]


def usage_event(stub: ProtocolStub) -> dict[str, Any]:
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
def test_each_handler_receives_the_usage_of_a_ranking_once(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = rank_last_first
    own, slow, given, both = CallbackRecorder(), AsyncCallbackRecorder(), CallbackRecorder(), CallbackRecorder()
    reranker = make_reranker(server, stub, callbacks=[own, slow, both])
    callbacks: Any = [given, both]
    if way == "sync":
        reranker.compress_documents(DOCUMENTS, QUERY, callbacks=callbacks)
        reranker.rerank(TEXTS, QUERY)
    else:
        runner.run(reranker.acompress_documents(DOCUMENTS, QUERY, callbacks=callbacks))
        runner.run(reranker.arerank(TEXTS, QUERY))
    assert own.usage_events == slow.usage_events == both.usage_events == [usage_event(stub)] * 2
    assert given.usage_events == [usage_event(stub)]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_callbacks_of_the_surrounding_chain_receive_the_usage_of_a_ranking(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = rank_last_first
    own, around = CallbackRecorder(), CallbackRecorder()
    reranker = make_reranker(server, stub, callbacks=[own])

    async def arank(query: str) -> Any:
        return await reranker.arerank(TEXTS, query)

    chain: Runnable[str, Any] = RunnableLambda(lambda query: reranker.rerank(TEXTS, query), arank)
    config: Any = {"callbacks": [around]}
    chain.invoke(QUERY, config) if way == "sync" else runner.run(chain.ainvoke(QUERY, config))
    assert own.usage_events == around.usage_events == [usage_event(stub)]
    assert around.usage_run_ids == around.run_ids


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_failed_ranking_has_one_failure_event(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, way: str
) -> None:
    server.default = lambda _: stub.error(429, "Throttling", "Slow down.")
    own, slow, given = CallbackRecorder(), AsyncCallbackRecorder(), CallbackRecorder()
    reranker = make_reranker(server, stub, callbacks=[own, slow], max_retries=1)
    callbacks: Any = [given]
    ways: dict[str, Callable[[], Any]] = {
        "sync": lambda: reranker.compress_documents(DOCUMENTS, QUERY, callbacks=callbacks),
        "async": lambda: runner.run(reranker.acompress_documents(DOCUMENTS, QUERY, callbacks=callbacks)),
    }
    with pytest.raises(RateLimitError):
        ways[way]()
    failed = {
        **usage_event(stub),
        "request_id": "req-body",
        "usage_metadata": None,
        "failed": True,
        "error": "RateLimitError",
        "free": True,
        "interrupted": False,
    }
    assert own.usage_events == slow.usage_events == given.usage_events == [failed]
    assert len(server.requests) == 2


def test_without_a_request_there_is_no_usage_event(server: Server, stub: ProtocolStub) -> None:
    recorder = CallbackRecorder()
    reranker = make_reranker(server, stub, callbacks=[recorder])
    assert reranker.rerank([], "q") == []
    with pytest.raises(UnsupportedInputError):
        reranker.rerank([""], "q")
    assert recorder.usage_events == []
