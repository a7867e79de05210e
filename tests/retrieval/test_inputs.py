"""What is no collection of inputs is refused by name, wherever inputs are taken, before anything is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from langchain_qwen_workspace import UnsupportedInputError
from tests.retrieval.test_embeddings import embedder
from tests.retrieval.test_rerank import ranker
from tests.support.protocols import DASHSCOPE, ProtocolStub
from tests.support.server import Server


async def _asynchronous() -> AsyncIterator[str]:
    yield "a"


@pytest.mark.parametrize("given", ["Hello", b"Hello", {"a": "Hello"}, None, 5, _asynchronous()], ids=type)
@pytest.mark.parametrize("way", ["documents", "adocuments", "sparse", "lazy"])
def test_what_is_no_list_of_texts_is_refused(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, given: Any, way: str
) -> None:
    embeddings = embedder(server, stub)
    ways: dict[str, Callable[[], Any]] = {
        "documents": lambda: embeddings.embed_documents(given),
        "adocuments": lambda: runner.run(embeddings.aembed_documents(given)),
        "sparse": lambda: embedder(server, DASHSCOPE).embed_documents_sparse(given),
        "lazy": lambda: next(embeddings.lazy_embed_documents(given)),
    }
    with pytest.raises(UnsupportedInputError, match=r"The texts are .* Expected a list") as caught:
        ways[way]()
    assert ("`alazy_embed_documents` accepts" in caught.value.message) == isinstance(given, AsyncIterator)
    assert server.requests == []


@pytest.mark.parametrize("given", ["Hello", None, 5], ids=type)
def test_an_async_iterator_over_what_is_no_list_of_texts_refuses_it(
    server: Server, stub: ProtocolStub, runner: asyncio.Runner, given: Any
) -> None:
    async def first() -> None:
        await anext(embedder(server, stub).alazy_embed_documents(given))

    with pytest.raises(UnsupportedInputError, match="The texts are"):
        runner.run(first())
    assert server.requests == []


@pytest.mark.parametrize("given", ["Hello", b"Hello", {"a": "Hello"}, None, 5], ids=type)
@pytest.mark.parametrize("method", ["rerank", "compress_documents"])
def test_what_is_no_list_of_documents_is_refused(server: Server, stub: ProtocolStub, given: Any, method: str) -> None:
    with pytest.raises(UnsupportedInputError, match=r"The documents are .* Expected a list"):
        getattr(ranker(server, stub), method)(given, "query")
    assert server.requests == []
