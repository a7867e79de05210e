"""Embeddings and rerank of images and videos, which only the DashScope protocol has."""

from __future__ import annotations

import math
from typing import Any

import dashscope
import httpx
import pytest

from langchain_qwen_workspace.sandbox import _media
from tests.sandbox.support import (
    DASHSCOPE_EMBEDDINGS,
    DASHSCOPE_MEDIA_EMBEDDINGS,
    DASHSCOPE_RERANK,
    OPENAI_EMBEDDINGS,
    OPENAI_RERANK,
    PNG,
    dot,
)

CAT, DOG = "https://example.com/a/black_cat.png", "https://example.com/a/dog.png"
FILM = "https://example.com/cat%20film.mp4"
PLUS = "tongyi-embedding-vision-plus-2026-03-06"


def _post(http: httpx.Client, model: str, contents: Any, **parameters: Any) -> httpx.Response:
    return http.post(
        DASHSCOPE_MEDIA_EMBEDDINGS, json={"model": model, "input": {"contents": contents}, "parameters": parameters}
    )


def _embed(http: httpx.Client, model: str, contents: Any, **parameters: Any) -> dict[str, Any]:
    response = _post(http, model, contents, **parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert set(body) == {"output", "usage", "request_id"}
    assert all(set(item) == {"index", "embedding", "type"} for item in body["output"]["embeddings"])
    return body


def _types(body: dict[str, Any]) -> list[tuple[int, str, int]]:
    return [(item["index"], item["type"], len(item["embedding"])) for item in body["output"]["embeddings"]]


def test_sdk_embeds_texts_images_and_videos(dashscope_client: dashscope.Client) -> None:
    response = dashscope_client.multimodal.embeddings.create(
        model="qwen3-vl-embedding", input=[{"text": "a black cat"}, {"image": CAT}, {"image": DOG}, {"video": FILM}]
    )
    text, cat, dog, film = [item.embedding for item in response.embeddings]
    assert all(math.isclose(dot(vector, vector), 1) for vector in (text, cat, dog, film))
    assert [len(vector) for vector in (text, film)] == [2560, 2560]
    assert dot(text, cat) > dot(text, film) > dot(text, dog) + 0.1


def test_a_text_has_the_vector_that_a_text_model_gives(http: httpx.Client) -> None:
    (media,) = _embed(http, "qwen3-vl-embedding", [{"text": "a cat"}], dimension=1024)["output"]["embeddings"]
    text = http.post(DASHSCOPE_EMBEDDINGS, json={"model": "text-embedding-v4", "input": {"texts": ["a cat"]}}).json()
    assert media["embedding"] == pytest.approx(text["output"]["embeddings"][0]["embedding"])


def test_equal_media_have_equal_vectors(http: httpx.Client) -> None:
    elsewhere = CAT.replace(".com", ".org")
    images = [{"image": reference} for reference in (CAT, CAT, elsewhere, PNG, PNG)]
    body = _embed(http, "multimodal-embedding-v1", images)
    first, same, other, data, same_data = [item["embedding"] for item in body["output"]["embeddings"]]
    assert (first, data) == (same, same_data)
    assert 0.9 < dot(first, other) < 0.999
    assert abs(dot(first, data)) < 0.5


@pytest.mark.parametrize(
    ("model", "contents", "parameters", "expected"),
    [
        ("qwen3-vl-embedding", [{"text": "x"}, {"image": CAT}], {}, [(0, "text", 2560), (1, "image", 2560)]),
        ("qwen3-vl-embedding", [{"text": "x"}, {"image": CAT}], {"enable_fusion": True}, [(0, "fusion", 2560)]),
        ("qwen3-vl-embedding", [{"text": "x"}], {"enable_fusion": False, "dimension": 256}, [(0, "text", 256)]),
        ("qwen2.5-vl-embedding", [{"text": "x"}, {"image": CAT}, {"video": FILM}], {}, [(0, "vl", 1024)]),
        (PLUS, [{"text": "x", "image": CAT}, {"video": FILM}], {}, [(0, "fused", 1152), (1, "video", 1152)]),
        (PLUS, [{"multi_images": [CAT] * 9}], {"res_level": 3, "max_video_frames": 64}, [(0, "multi_images", 1152)]),
        ("tongyi-embedding-vision-flash-2026-03-06", [{"text": "x"}], {"dimension": 64}, [(0, "text", 64)]),
        ("tongyi-embedding-vision-plus", [{"multi_images": [CAT, DOG]}], {"fps": 0.5}, [(0, "multi_images", 1152)]),
        ("tongyi-embedding-vision-flash", [{"image": PNG}], {"output_type": "dense"}, [(0, "image", 768)]),
        ("multimodal-embedding-v1", [{"image": CAT}, {"text": "x"}], {}, [(0, "image", 1024), (1, "text", 1024)]),
    ],
)
def test_models_differ_in_size_and_fusion(
    http: httpx.Client, model: str, contents: Any, parameters: Any, expected: Any
) -> None:
    assert _types(_embed(http, model, contents, **parameters)) == expected


def test_a_fused_vector_is_the_normalized_sum(http: httpx.Client) -> None:
    contents = [{"text": "x"}, {"image": CAT}]
    apart = _embed(http, "qwen3-vl-embedding", contents)["output"]["embeddings"]
    (whole,) = _embed(http, "qwen3-vl-embedding", contents, enable_fusion=True)["output"]["embeddings"]
    total = [a + b for a, b in zip(apart[0]["embedding"], apart[1]["embedding"], strict=True)]
    length = math.sqrt(dot(total, total))
    assert whole["embedding"] == pytest.approx([component / length for component in total])


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("qwen3-vl-embedding", {"input_tokens": 2, "image_tokens": 128, "total_tokens": 130}),
        ("qwen2.5-vl-embedding", {"input_tokens": 2, "image_tokens": 128}),
        (
            "tongyi-embedding-vision-plus",
            {
                "input_tokens": 130,
                "input_tokens_details": {"text_tokens": 2, "image_tokens": 64, "video_tokens": 64},
                "output_tokens": 3,
                "total_tokens": 133,
            },
        ),
        (
            "multimodal-embedding-v1",
            {"input_tokens": 2, "image_tokens": 128, "total_tokens": 130, "image_count": 1, "duration": 10},
        ),
    ],
)
def test_usage_has_the_models_own_fields(http: httpx.Client, model: str, usage: dict[str, Any]) -> None:
    assert _embed(http, model, [{"text": "a cat"}, {"image": CAT}, {"video": FILM}])["usage"] == usage


@pytest.mark.parametrize(
    ("model", "contents", "parameters", "text"),
    [
        ("qwen3-vl-embedding", [], {}, "input.contents"),
        ("qwen3-vl-embedding", ["x"], {}, "input.contents"),
        ("qwen3-vl-embedding", [{}], {}, "input.contents"),
        ("qwen3-vl-embedding", [{"text": "x"}] * 21, {}, "larger than 20.: input.contents"),
        ("qwen3-vl-embedding", [{"image": CAT}] * 11, {}, "images is invalid, it should not be larger than 10"),
        ("qwen3-vl-embedding", [{"video": FILM}] * 2, {}, "videos is invalid, it should not be larger than 1"),
        ("qwen3-vl-embedding", [{"text": "x", "image": CAT}], {}, "exactly one modality"),
        ("qwen3-vl-embedding", [{"multi_images": [CAT]}], {}, "'multi_images'"),
        ("qwen3-vl-embedding", [{"audio": CAT}], {}, "'audio'"),
        ("qwen3-vl-embedding", [{"text": "x"}], {"dimension": 1000}, "dimension is invalid"),
        ("qwen3-vl-embedding", [{"text": "x"}], {"res_level": 1}, "'res_level'"),
        ("qwen3-vl-embedding", [{"text": "x"}], {"enable_fusion": "yes"}, "enable_fusion"),
        ("qwen3-vl-embedding", [{"text": "x"}], {"instruct": 1}, "instruct"),
        ("qwen3-vl-embedding", [{"text": "x"}], {"output_type": "sparse"}, "output_type 'sparse'"),
        ("qwen3-vl-embedding", [{"video": FILM}], {"fps": 1.5}, "Range of fps should be [0, 1]"),
        ("qwen2.5-vl-embedding", [{"text": "x"}] * 2, {}, "texts is invalid, it should not be larger than 1"),
        ("qwen2.5-vl-embedding", [{"text": "x"}], {"enable_fusion": True}, "'enable_fusion'"),
        (PLUS, [{"multi_images": [CAT] * 65}], {}, "multi_images should be [1, 64]"),
        (PLUS, [{"multi_images": [CAT] * 33}] * 2, {}, "images is invalid, it should not be larger than 64"),
        (PLUS, [{"video": FILM}] * 9, {}, "videos is invalid, it should not be larger than 8"),
        (PLUS, [{"text": "x"}], {"res_level": 4}, "res_level should be [0, 3]"),
        (PLUS, [{"text": "x"}], {"max_video_frames": 65}, "max_video_frames should be [1, 64]"),
        ("tongyi-embedding-vision-plus", [{"multi_images": [CAT] * 9}], {}, "multi_images should be [1, 8]"),
        ("tongyi-embedding-vision-plus", [{"text": "x"}], {"dimension": 64}, "dimension is invalid"),
        ("tongyi-embedding-vision-plus", [{"text": "x " * 1025}], {}, "input length should be [1, 1024]"),
        ("multimodal-embedding-v1", [{"text": "x " * 513}], {}, "input length should be [1, 512]"),
        ("multimodal-embedding-v1", [{"text": ""}], {}, "input length should be [1, 512]"),
        ("multimodal-embedding-v1", [{"image": "cat.png"}], {}, "does not appear to be valid"),
        ("multimodal-embedding-v1", [{"image": "oss://x/cat.png"}], {}, "does not appear to be valid"),
        ("multimodal-embedding-v1", [{"image": "data:image/png;base64,aGVsbG8="}], {}, "image format is illegal"),
        ("multimodal-embedding-v1", [{"video": "data:video/mp4;base64,aGVsbG8="}], {}, "does not appear to be valid"),
        ("text-embedding-v4", [{"text": "x"}], {}, "url error, please check url"),
        ("qwen3-vl-plus", [{"text": "x"}], {}, "url error, please check url"),
    ],
)
def test_media_embeddings_refuse_wrong_requests(
    http: httpx.Client, model: str, contents: Any, parameters: Any, text: str
) -> None:
    response = _post(http, model, contents, **parameters)
    assert response.status_code == 400, response.text
    assert response.json()["code"] == "InvalidParameter"
    assert text in response.json()["message"]


def test_data_uris_that_are_too_long_are_refused(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_media, "_MAX_DATA_URI_BYTES", 90)
    response = _post(http, "qwen3-vl-embedding", [{"image": PNG}])
    assert (response.status_code, response.json()["message"]) == (
        400,
        "Exceeded limit on max bytes per data-uri item : 90",
    )


def test_a_malformed_url_is_embedded(http: httpx.Client) -> None:
    # The sandbox fetches nothing, so it does not notice.
    assert len(_embed(http, "qwen3-vl-embedding", [{"image": "https://[cat/1.png"}])["output"]["embeddings"]) == 1


def test_uploaded_files_are_accepted_with_their_header(http: httpx.Client) -> None:
    body = {"model": "multimodal-embedding-v1", "input": {"contents": [{"image": "oss://x/cat.png"}]}}
    response = http.post(DASHSCOPE_MEDIA_EMBEDDINGS, json=body, headers={"x-dashscope-ossresourceresolve": "enable"})
    assert response.status_code == 200


def test_text_embedding_endpoints_refuse_media_models(http: httpx.Client) -> None:
    dashscope_response = http.post(
        DASHSCOPE_EMBEDDINGS, json={"model": "qwen3-vl-embedding", "input": {"texts": ["x"]}}
    )
    assert (dashscope_response.status_code, dashscope_response.json()["message"][:9]) == (400, "url error")
    body = {"model": "qwen3-vl-embedding", "input": "x"}
    openai_response = http.post(OPENAI_EMBEDDINGS, json=body)
    assert (openai_response.status_code, openai_response.json()["error"]["code"]) == (404, "model_not_supported")
    assert "qwen3-vl-embedding for OpenAI compatibility mode" in openai_response.json()["error"]["message"]


# --- rerank -----------------------------------------------------------------------------------------


def _rank(http: httpx.Client, query: Any, documents: Any, model: str = "qwen3-vl-rerank", **more: Any) -> Any:
    body = {"model": model, "input": {"query": query, "documents": documents}, "parameters": more}
    return http.post(DASHSCOPE_RERANK, json=body)


def test_media_are_ranked_by_their_file_names(http: httpx.Client) -> None:
    documents = [{"image": DOG}, {"image": CAT}, "The cat slept.", {"text": "Stocks fell."}, {"video": FILM}]
    response = _rank(http, "a black cat", documents, return_documents=True, fps=0.5).json()
    results = response["output"]["results"]
    assert results[0]["index"] == 1
    assert {result["index"] for result in results if result["relevance_score"] == 0} == {0, 3}
    returned = {result["index"]: result["document"] for result in results}
    assert returned[1] == {"image": CAT}
    assert returned[2] == {"text": "The cat slept."}
    # Three tokens of query for each document, two texts of four and three, and three media.
    assert response["usage"] == {"total_tokens": 3 * 5 + 4 + 3 + 3 * 64}


def test_an_image_query_matches_the_same_image(http: httpx.Client) -> None:
    results = _rank(http, {"image": PNG}, [{"image": CAT}, {"image": PNG}]).json()["output"]["results"]
    assert [result["index"] for result in results] == [1, 0]
    assert results[0]["relevance_score"] > 0 == results[1]["relevance_score"]


def test_sdk_reranks_with_a_multimodal_model(dashscope_client: dashscope.Client) -> None:
    response = dashscope_client.rerank.create(
        model="qwen3-vl-rerank", query="a dog", documents=["A cat", "A dog"], top_n=1
    )
    assert [result.index for result in response.results] == [1]


@pytest.mark.parametrize(
    ("query", "documents", "more", "text"),
    [
        ({"video": FILM}, ["x"], {}, "query"),
        ({"text": ""}, ["x"], {}, "query"),
        ({"text": "x", "image": CAT}, ["x"], {}, "query"),
        ("x", [{"audio": CAT}], {}, "documents"),
        ("x", [{"text": 1}], {}, "documents"),
        ("x", [1], {}, "documents"),
        ("x", [{"image": "cat.png"}], {}, "does not appear to be valid"),
        ("x", ["y"] * 101, {}, "larger than 100"),
        ("x", [{"image": CAT}] * 41, {}, "larger than 40"),
        ("x", [{"video": FILM}] * 5, {}, "larger than 4"),
        ("x", ["y"], {"fps": 0}, "Range of fps should be (0, 1]"),
        ("x", [{"image": CAT}], {"model": "gte-rerank-v2"}, "documents"),
        ({"text": "x"}, ["y"], {"model": "qwen3-rerank"}, "query"),
        ("x", ["y"], {"model": "qwen3-rerank", "fps": 1}, "'fps'"),
    ],
)
def test_media_rerank_refuses_wrong_requests(
    http: httpx.Client, query: Any, documents: Any, more: Any, text: str
) -> None:
    response = _rank(http, query, documents, **more)
    assert response.status_code == 400, response.text
    assert text in response.json()["message"]


def test_openai_rerank_refuses_multimodal_models(http: httpx.Client) -> None:
    body = {"model": "qwen3-vl-rerank", "query": "x", "documents": ["y"]}
    response = http.post(OPENAI_RERANK, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_supported")
