"""The ways of calling embeddings and rerank, sync and async, as fixtures."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from langchain_qwen_workspace import QwenWorkspaceEmbeddings
from tests.support.retrieval import Embed, EmbedInto, EmbedQuery, Rank, Vectors
from tests.support.ways import collect


async def _as_async(texts: Iterable[str]) -> AsyncIterator[str]:
    for text in texts:
        yield text
        await asyncio.sleep(0)


def _embed_ways(runner: asyncio.Runner) -> dict[str, Embed]:
    return {
        "sync": lambda embeddings, texts: embeddings.embed_documents(texts),
        "async": lambda embeddings, texts: runner.run(embeddings.aembed_documents(texts)),
        "lazy": lambda embeddings, texts: list(embeddings.lazy_embed_documents(texts)),
        "alazy": lambda embeddings, texts: runner.run(collect(embeddings.alazy_embed_documents(texts))),
    }


@pytest.fixture(params=["sync", "async"])
def embed(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Embed:
    """Embed a list of texts."""
    return _embed_ways(runner)[request.param]


@pytest.fixture(params=["sync", "async", "lazy", "alazy"])
def embed_any_way(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Embed:
    """Embed texts as a list or one after the other."""
    return _embed_ways(runner)[request.param]


@pytest.fixture(params=["lazy", "alazy", "alazy of an async generator"])
def embed_into(request: pytest.FixtureRequest, runner: asyncio.Runner) -> EmbedInto:
    """Embed texts one after the other into a list, so that the vectors before an error are there."""

    def fill(embeddings: QwenWorkspaceEmbeddings, texts: Iterable[str], into: Vectors) -> None:
        for vector in embeddings.lazy_embed_documents(texts):
            into.append(vector)

    async def afill(embeddings: QwenWorkspaceEmbeddings, texts: Iterable[str], into: Vectors) -> None:
        source = texts if request.param == "alazy" else _as_async(texts)
        async for vector in embeddings.alazy_embed_documents(source):
            into.append(vector)

    if request.param == "lazy":
        return fill
    return lambda embeddings, texts, into: runner.run(afill(embeddings, texts, into))


@pytest.fixture(params=["sync", "async"])
def embed_query(request: pytest.FixtureRequest, runner: asyncio.Runner) -> EmbedQuery:
    if request.param == "sync":
        return lambda embeddings, text: embeddings.embed_query(text)
    return lambda embeddings, text: runner.run(embeddings.aembed_query(text))


@pytest.fixture(params=["sync", "async"])
def rank(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Rank:
    if request.param == "sync":
        return lambda reranker, *given, **named: reranker.rerank(*given, **named)
    return lambda reranker, *given, **named: runner.run(reranker.arerank(*given, **named))


@pytest.fixture(params=["sync", "async"])
def compress(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Rank:
    if request.param == "sync":
        return lambda reranker, *given, **named: reranker.compress_documents(*given, **named)
    return lambda reranker, *given, **named: runner.run(reranker.acompress_documents(*given, **named))
