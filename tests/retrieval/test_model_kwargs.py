"""`model_kwargs` of embeddings and rerank cannot change what the call itself sets, above all the model."""

from collections.abc import Callable
from typing import Any

import pytest

from langchain_qwen_workspace import (
    QwenWorkspaceBatch,
    QwenWorkspaceEmbeddings,
    QwenWorkspaceError,
    QwenWorkspaceRerank,
)
from tests.support.protocols import OPENAI, ProtocolStub
from tests.support.retrieval import make_embeddings, make_reranker
from tests.support.server import Server

OF_EMBEDDINGS: list[dict[str, Any]] = [
    {"model": "text-embedding-v3"},
    {"input": ["other"]},
    {"encoding_format": "base64"},
    {"dimensions": 64},
    {"dimension": 64},
    {"text_type": "query"},
    {"output_type": "sparse"},
    {"parameters": {}},
    {"texts": ["other"]},
    {"contents": []},
]
OF_RERANK: list[dict[str, Any]] = [
    {"model": "gte-rerank-v2"},
    {"query": "other"},
    {"documents": ["other"]},
    {"input": {}},
    {"parameters": {}},
    {"top_n": 1},
    {"instruct": "Find it."},
]


@pytest.mark.parametrize("given", OF_EMBEDDINGS, ids=lambda given: next(iter(given)))
def test_what_embeddings_set_themselves_is_refused(server: Server, stub: ProtocolStub, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        make_embeddings(server, stub, model_kwargs=given)


@pytest.mark.parametrize("given", OF_RERANK, ids=lambda given: next(iter(given)))
def test_what_rerank_sets_itself_is_refused(server: Server, stub: ProtocolStub, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        make_reranker(server, stub, model_kwargs=given)


def _embed_changed(component: QwenWorkspaceEmbeddings) -> object:
    component.model_kwargs["model"] = "other"
    return component.embed_query("x")


def _embed_copy(component: QwenWorkspaceEmbeddings) -> object:
    return component.model_copy(update={"model_kwargs": {"model": "other"}}).embed_documents(["x"])


def _embed_in_a_batch(component: QwenWorkspaceEmbeddings) -> object:
    component.model_kwargs["model"] = "other"
    return QwenWorkspaceBatch(component).submit(["x"])


@pytest.mark.parametrize("call", [_embed_changed, _embed_copy, _embed_in_a_batch])
def test_another_model_that_was_put_into_model_kwargs_later_is_not_called(
    fresh_server: Server, call: Callable[[QwenWorkspaceEmbeddings], object]
) -> None:
    component = make_embeddings(fresh_server, OPENAI)
    with pytest.raises(QwenWorkspaceError):
        call(component)
    assert fresh_server.requests == []


def _rank_changed(component: QwenWorkspaceRerank) -> object:
    component.model_kwargs["model"] = "other"
    return component.rerank(["a"], "b")


def _rank_copy(component: QwenWorkspaceRerank) -> object:
    return component.model_copy(update={"model_kwargs": {"model": "other"}}).rerank(["a"], "b")


@pytest.mark.parametrize("call", [_rank_changed, _rank_copy])
def test_another_rerank_model_that_was_put_into_model_kwargs_later_is_not_called(
    fresh_server: Server, stub: ProtocolStub, call: Callable[[QwenWorkspaceRerank], object]
) -> None:
    with pytest.raises(QwenWorkspaceError):
        call(make_reranker(fresh_server, stub))
    assert fresh_server.requests == []
