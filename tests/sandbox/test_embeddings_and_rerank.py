"""Vectors and relevance on both wires, with the raw SDKs."""

from __future__ import annotations

import math
from typing import Any

import dashscope
import httpx
import openai
import pytest

from tests.sandbox.tools import EMBEDDING, RERANK

_PATH = "/compatible-mode/v1/embeddings"


def _near(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def test_openai_sdk_gets_floats_and_base64_alike(client: openai.OpenAI) -> None:
    floats = client.embeddings.create(model="text-embedding-v4", input=["a cat", "dogs"], encoding_format="float")
    packed = client.embeddings.create(model="text-embedding-v4", input=["a cat", "dogs"])
    assert [len(item.embedding) for item in floats.data] == [1024, 1024]
    assert [item.index for item in floats.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert (floats.model, floats.object) == ("text-embedding-v4", "list")
    assert (floats.usage.prompt_tokens, floats.usage.total_tokens) == (3, 3)


def test_compatible_body_has_the_recorded_shape(http: httpx.Client) -> None:
    answer = http.post(_PATH, json={"model": "text-embedding-v3", "input": "Hello", "dimensions": 64})
    body = answer.json()
    (item,) = body.pop("data")
    assert len(item.pop("embedding")) == 64
    assert item == {"index": 0, "object": "embedding"}
    assert body == {
        "object": "list",
        "model": "text-embedding-v3",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "id": answer.headers["x-request-id"],
    }


def test_similar_texts_are_near(native: dashscope.Client) -> None:
    texts = ["The cat sat on the mat.", "Cats sit on mats", "Stock prices fell sharply", "我喜欢吃苹果", "苹果很好吃"]
    vectors = [item.embedding for item in native.embeddings.create(model="text-embedding-v4", input=texts).embeddings]
    assert all(math.isclose(_near(vector, vector), 1) for vector in vectors)
    assert _near(vectors[0], vectors[1]) > _near(vectors[0], vectors[2]) + 0.1
    assert _near(vectors[3], vectors[4]) > _near(vectors[3], vectors[2]) + 0.1


def test_query_and_document_differ_a_little(native: dashscope.Client) -> None:
    def vector(**more: Any) -> list[float]:
        answer = native.embeddings.create(model="text-embedding-v4", input="machine learning", **more)
        return answer.embeddings[0].embedding

    document, query = vector(), vector(text_type="query")
    assert 0.9 < _near(document, query) < 0.999
    assert vector(text_type="document") == document
    assert vector(text_type="query", instruct="Find papers") != query


def test_native_dimension_and_sparse(http: httpx.Client) -> None:
    body = {"model": "text-embedding-v4", "input": {"texts": ["风急天高", "b"]}}
    both = http.post(EMBEDDING, json=body | {"parameters": {"output_type": "dense&sparse", "dimension": 64}}).json()
    assert set(both) == {"output", "usage", "request_id"}
    first, second = both["output"]["embeddings"]
    assert (first["text_index"], second["text_index"], len(first["embedding"])) == (0, 1, 64)
    assert set(first["sparse_embedding"][0]) == {"index", "value", "token"}
    assert both["usage"] == {"total_tokens": 5}
    sparse = http.post(EMBEDDING, json=body | {"parameters": {"output_type": "sparse"}}).json()
    assert set(sparse["output"]["embeddings"][0]) == {"sparse_embedding", "text_index"}


def test_old_models_have_long_vectors(native: dashscope.Client) -> None:
    vector = native.embeddings.create(model="text-embedding-v1", input="Hello").embeddings[0].embedding
    assert len(vector) == 1536
    assert _near(vector, vector) > 1000


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
def test_compatible_embeddings_refuse(http: httpx.Client, body: dict[str, Any], text: str) -> None:
    answer = http.post(_PATH, json={"model": "text-embedding-v4"} | body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_parameter_error"
    assert text in answer.json()["error"]["message"]


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
def test_native_embeddings_refuse(http: httpx.Client, change: dict[str, Any], text: str) -> None:
    body = {"model": "text-embedding-v2", "input": {"texts": ["x"]}} | change
    answer = http.post(EMBEDDING, json=body)
    assert answer.status_code == 400, answer.text
    assert text in answer.json()["message"]


def test_native_rerank_sorts_and_returns_documents(native: dashscope.Client) -> None:
    answer = native.rerank.create(
        model="gte-rerank-v2",
        query="What is machine learning?",
        documents=["Python is a language.", "Machine learning is a field.", "Deep learning uses networks."],
        top_n=2,
        return_documents=True,
    )
    assert [result.index for result in answer.results] == [1, 2]
    assert answer.results[0].document is not None
    assert answer.results[0].document.text == "Machine learning is a field."
    assert 1 >= answer.results[0].relevance_score > answer.results[1].relevance_score > 0


def test_openai_style_rerank(http: httpx.Client) -> None:
    body = {"model": "qwen3-rerank", "query": "模型", "documents": ["天气", "排序模型"], "instruct": "x"}
    answer = http.post("/compatible-api/v1/reranks", json=body)
    first, second = answer.json().pop("results")
    assert set(answer.json()) == {"object", "results", "model", "id", "usage"}
    assert (first["index"], second) == (1, {"index": 0, "relevance_score": 0.0})
    refused = http.post("/compatible-api/v1/reranks", json=body | {"return_documents": True})
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
def test_native_rerank_refuses(
    http: httpx.Client, given: dict[str, Any], parameters: dict[str, Any], text: str
) -> None:
    answer = http.post(RERANK, json={"model": "gte-rerank-v2", "input": given, "parameters": parameters})
    assert answer.status_code == 400, answer.text
    assert text in answer.json()["message"]
