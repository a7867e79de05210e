"""Inputs that are no collection are refused, in every method, before anything is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from langchain_qwen_workspace import UnsupportedInputError
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.retrieval import make_embeddings, make_reranker
from tests.support.server import Server


async def _asynchronous() -> AsyncIterator[str]:
    yield "a"


@pytest.mark.parametrize("given", ["Hello", b"Hello", {"a": "Hello"}, None, 5, _asynchronous()], ids=type)
@pytest.mark.parametrize("way", ["documents", "adocuments", "sparse", "lazy"])
def test_texts_that_are_no_collection_are_refused(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, given: Any, way: str
) -> None:
    embeddings = make_embeddings(server, stub)
    ways: dict[str, Callable[[], Any]] = {
        "documents": lambda: embeddings.embed_documents(given),
        "adocuments": lambda: runner.run(embeddings.aembed_documents(given)),
        "sparse": lambda: make_embeddings(server, DASHSCOPE).embed_documents_sparse(given),
        "lazy": lambda: next(embeddings.lazy_embed_documents(given)),
    }
    with pytest.raises(UnsupportedInputError, match=r"The texts are .* Expected a list") as caught:
        ways[way]()
    assert ("`alazy_embed_documents` accepts" in caught.value.message) == isinstance(given, AsyncIterator)
    assert server.requests == []


@pytest.mark.parametrize("given", ["Hello", None, 5], ids=type)
def test_texts_that_are_no_collection_are_refused_by_alazy_embed_documents(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, given: Any
) -> None:
    async def first() -> None:
        await anext(make_embeddings(server, stub).alazy_embed_documents(given))

    with pytest.raises(UnsupportedInputError, match="The texts are"):
        runner.run(first())
    assert server.requests == []


@pytest.mark.parametrize("given", ["Hello", b"Hello", {"a": "Hello"}, None, 5], ids=type)
@pytest.mark.parametrize("method", ["rerank", "compress_documents"])
def test_documents_that_are_no_collection_are_refused(
    server: Server, stub: ProtocolStub, given: Any, method: str
) -> None:
    with pytest.raises(UnsupportedInputError, match=r"The documents are .* Expected a list"):
        getattr(make_reranker(server, stub), method)(given, "query")
    assert server.requests == []
