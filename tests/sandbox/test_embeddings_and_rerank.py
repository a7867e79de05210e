"""Text embeddings and rerank in both protocols, with the raw SDKs."""

from __future__ import annotations

import math
from typing import Any

import dashscope
import httpx
import openai
import pytest

from tests.sandbox.support import (
    DASHSCOPE_EMBEDDINGS,
    DASHSCOPE_RERANK,
    OPENAI_EMBEDDINGS,
    OPENAI_RERANK,
    dot,
)


def test_floats_and_base64_decode_to_the_same_vectors(openai_client: openai.OpenAI) -> None:
    floats = openai_client.embeddings.create(
        model="text-embedding-v4", input=["a cat", "dogs"], encoding_format="float"
    )
    packed = openai_client.embeddings.create(model="text-embedding-v4", input=["a cat", "dogs"])
    assert [len(item.embedding) for item in floats.data] == [1024, 1024]
    assert [item.index for item in floats.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert (floats.model, floats.object) == ("text-embedding-v4", "list")
    assert (floats.usage.prompt_tokens, floats.usage.total_tokens) == (3, 3)


def test_openai_body_has_the_recorded_shape(http: httpx.Client) -> None:
    response = http.post(OPENAI_EMBEDDINGS, json={"model": "text-embedding-v3", "input": "Hello", "dimensions": 64})
    body = response.json()
    (item,) = body.pop("data")
    assert len(item.pop("embedding")) == 64
    assert item == {"index": 0, "object": "embedding"}
    assert body == {
        "object": "list",
        "model": "text-embedding-v3",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "id": response.headers["x-request-id"],
    }


def test_similar_texts_are_near(dashscope_client: dashscope.Client) -> None:
    texts = ["The cat sat on the mat.", "Cats sit on mats", "Stock prices fell sharply", "我喜欢吃苹果", "苹果很好吃"]
    vectors = [
        item.embedding for item in dashscope_client.embeddings.create(model="text-embedding-v4", input=texts).embeddings
    ]
    assert all(math.isclose(dot(vector, vector), 1) for vector in vectors)
    assert dot(vectors[0], vectors[1]) > dot(vectors[0], vectors[2]) + 0.1
    assert dot(vectors[3], vectors[4]) > dot(vectors[3], vectors[2]) + 0.1


def test_query_and_document_vectors_differ_slightly(dashscope_client: dashscope.Client) -> None:
    def vector(**more: Any) -> list[float]:
        response = dashscope_client.embeddings.create(model="text-embedding-v4", input="machine learning", **more)
        return response.embeddings[0].embedding

    document, query = vector(), vector(text_type="query")
    assert 0.9 < dot(document, query) < 0.999
    assert vector(text_type="document") == document
    assert vector(text_type="query", instruct="Find papers") != query


def test_dashscope_returns_dense_and_sparse_vectors(http: httpx.Client) -> None:
    body = {"model": "text-embedding-v4", "input": {"texts": ["风急天高", "b"]}}
    both = http.post(
        DASHSCOPE_EMBEDDINGS, json=body | {"parameters": {"output_type": "dense&sparse", "dimension": 64}}
    ).json()
    assert set(both) == {"output", "usage", "request_id"}
    first, second = both["output"]["embeddings"]
    assert (first["text_index"], second["text_index"], len(first["embedding"])) == (0, 1, 64)
    assert set(first["sparse_embedding"][0]) == {"index", "value", "token"}
    assert both["usage"] == {"total_tokens": 5}
    sparse = http.post(DASHSCOPE_EMBEDDINGS, json=body | {"parameters": {"output_type": "sparse"}}).json()
    assert set(sparse["output"]["embeddings"][0]) == {"sparse_embedding", "text_index"}


def test_old_models_return_vectors_that_are_not_normalized(dashscope_client: dashscope.Client) -> None:
    vector = dashscope_client.embeddings.create(model="text-embedding-v1", input="Hello").embeddings[0].embedding
    assert len(vector) == 1536
    assert dot(vector, vector) > 1000


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"input": [1, 2, 3]}, "contents is neither str nor list of str.: input.contents"),
        ({"input": [[1, 2], [3]]}, "contents is neither str nor list of str.: input.contents"),
        ({"input": []}, "contents is neither str nor list of str"),
        ({"input": ["x"] * 11}, "batch size is invalid, it should not be larger than 10.: input.contents"),
        ({"input": "x", "model": "text-embedding-v2", "dimensions": 64}, "dimension is invalid"),
        ({"input": "x", "dimensions": 100}, "dimension is invalid"),
        ({"input": "x", "encoding_format": "int8"}, "'int8' is not one of"),
        ({"input": "x", "text_type": "query"}, "'text_type'"),
        ({"input": ""}, "Range of input length should be [1, 8192]"),
        ({"input": "a " * 9000}, "Range of input length should be [1, 8192]"),
    ],
)
def test_openai_embeddings_refuse_wrong_parameters(http: httpx.Client, body: dict[str, Any], text: str) -> None:
    response = http.post(OPENAI_EMBEDDINGS, json={"model": "text-embedding-v4"} | body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["code"] == "invalid_parameter_error"
    assert text in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"input": {"texts": ["x"] * 26}}, "larger than 25"),
        ({"input": {"text": "x"}}, "input.texts"),
        ({"input": ["x"]}, "input.texts"),
        ({"parameters": {"dimensions": 64}}, "'dimensions'"),
        ({"parameters": {"text_type": "passage"}}, "text_type"),
        ({"parameters": {"output_type": "sparse"}}, "output_type"),
        ({"parameters": {"instruct": "x"}}, "instruct requires"),
    ],
)
def test_dashscope_embeddings_refuse_wrong_parameters(http: httpx.Client, change: dict[str, Any], text: str) -> None:
    body = {"model": "text-embedding-v2", "input": {"texts": ["x"]}} | change
    response = http.post(DASHSCOPE_EMBEDDINGS, json=body)
    assert response.status_code == 400, response.text
    assert text in response.json()["message"]


def test_dashscope_rerank_sorts_and_returns_documents(dashscope_client: dashscope.Client) -> None:
    response = dashscope_client.rerank.create(
        model="gte-rerank-v2",
        query="What is machine learning?",
        documents=["Python is a language.", "Machine learning is a field.", "Deep learning uses networks."],
        top_n=2,
        return_documents=True,
    )
    assert [result.index for result in response.results] == [1, 2]
    assert response.results[0].document is not None
    assert response.results[0].document.text == "Machine learning is a field."
    assert 1 >= response.results[0].relevance_score > response.results[1].relevance_score > 0


def test_openai_rerank_has_the_documented_shape(http: httpx.Client) -> None:
    body = {"model": "qwen3-rerank", "query": "模型", "documents": ["天气", "排序模型"], "instruct": "x"}
    response = http.post(OPENAI_RERANK, json=body)
    first, second = response.json().pop("results")
    assert set(response.json()) == {"object", "results", "model", "id", "usage"}
    assert (first["index"], second) == (1, {"index": 0, "relevance_score": 0.0})
    refused = http.post(OPENAI_RERANK, json=body | {"return_documents": True})
    assert "'return_documents'" in refused.text


@pytest.mark.parametrize(
    ("given", "parameters", "text"),
    [
        ({"query": "", "documents": ["x"]}, {}, "query"),
        ({"query": "x", "documents": []}, {}, "documents"),
        ({"query": "x", "documents": [{"text": "x"}]}, {}, "documents"),
        ({"query": "x", "documents": ["x"] * 501}, {}, "larger than 500"),
        ({"query": "x", "documents": ["x"]}, {"top_n": 0}, "top_n"),
        ({"query": "x", "documents": ["x"]}, {"top_k": 1}, "'top_k'"),
    ],
)
def test_dashscope_rerank_refuses_wrong_parameters(
    http: httpx.Client, given: dict[str, Any], parameters: dict[str, Any], text: str
) -> None:
    response = http.post(DASHSCOPE_RERANK, json={"model": "gte-rerank-v2", "input": given, "parameters": parameters})
    assert response.status_code == 400, response.text
    assert text in response.json()["message"]
