"""The rerank wires of both protocols, against JSON typed in from the documentation and from recordings."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from langchain_qwen_workspace import InvalidResponseError, QwenWorkspaceRerank, UnsupportedInputError
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import rerank_wire
from langchain_qwen_workspace._seam import Destination, Json, RerankCall
from tests.support.protocols import DASHSCOPE, OPENAI, PROTOCOLS
from tests.support.retrieval import IMAGE, VIDEO, make_reranker, rank_last_first
from tests.support.server import Server


def call_of(protocol: ProtocolName, *documents: Any, **fields: Any) -> RerankCall:
    known: dict[str, Any] = {"model": "qwen3-rerank", "query": "什么是文本排序模型"}
    return RerankCall(
        **{
            **known,
            "documents": documents or ("a", "b", "c"),
            "destination": Destination(protocol, "ap-southeast-1", "llm-golden"),
            **fields,
        }
    )


def answer(protocol: ProtocolName, results: object) -> Json:
    if protocol == "openai":
        return {"object": "list", "results": results, "id": "r-1", "usage": {"total_tokens": 79}, "request_id": "r-1"}
    return {"output": {"results": results}, "usage": {"total_tokens": 79}, "request_id": "r-1"}


def rank_rows(*places: tuple[Any, Any]) -> list[Json]:
    return [{"index": index, "relevance_score": score} for index, score in places]


# ---------------------------------------------------------------------------------------------------------- requests


def test_the_openai_request_is_flat() -> None:
    # Model Studio docs, text rerank, 2026-07-01.
    instruct = "Given a web search query, retrieve relevant passages that answer the query."
    call = call_of("openai", "文本排序模型广泛用于搜索引擎", "量子计算", top_n=2, instruct=instruct)

    request = rerank_wire("openai").encode(call)

    assert (request.path, request.stream, dict(request.headers)) == ("/reranks", False, {})
    assert (request.model, request.destination) == ("qwen3-rerank", call.destination)
    assert request.body == {
        "model": "qwen3-rerank",
        "query": "什么是文本排序模型",
        "documents": ["文本排序模型广泛用于搜索引擎", "量子计算"],
        "top_n": 2,
        "instruct": "Given a web search query, retrieve relevant passages that answer the query.",
    }


def test_the_dashscope_request_has_input_and_parameters() -> None:
    # The request of a recording of 2025-11, but for the model.
    call = call_of(
        "dashscope",
        "Machine learning is a subset of AI.",
        "Python is a programming language.",
        model="gte-rerank-v2",
        query="What is machine learning?",
        top_n=2,
    )

    request = rerank_wire("dashscope").encode(call)

    assert (request.path, request.stream) == ("/services/rerank/text-rerank/text-rerank", False)
    assert (request.model, request.destination) == ("gte-rerank-v2", call.destination)
    assert request.body == {
        "model": "gte-rerank-v2",
        "input": {
            "query": "What is machine learning?",
            "documents": ["Machine learning is a subset of AI.", "Python is a programming language."],
        },
        "parameters": {"top_n": 2},
    }


def test_unset_parameters_are_not_sent() -> None:
    openai = rerank_wire("openai").encode(call_of("openai"))
    dashscope = rerank_wire("dashscope").encode(call_of("dashscope"))

    assert sorted(openai.body) == ["documents", "model", "query"]
    assert dashscope.body["parameters"] == {}


def test_further_parameters_are_sent_where_the_protocol_has_them() -> None:
    openai = rerank_wire("openai").encode(call_of("openai", parameters={"max_chunks": 4}))
    dashscope = rerank_wire("dashscope").encode(call_of("dashscope", instruct="Find.", parameters={"fps": 0.5}))

    assert openai.body["max_chunks"] == 4
    assert dashscope.body["parameters"] == {"instruct": "Find.", "fps": 0.5}
    assert sorted(dashscope.body) == ["input", "model", "parameters"]


def test_contents_are_sent_on_the_dashscope_protocol_and_refused_on_the_openai_protocol() -> None:
    query, documents = {"image": "https://e.com/q.png"}, ["text", {"video": "https://e.com/v.mp4"}]

    dashscope = rerank_wire("dashscope").encode(call_of("dashscope", *documents, query=query))
    assert dashscope.body["input"] == {"query": query, "documents": documents}
    for call in (call_of("openai", *documents), call_of("openai", "text", query=query)):
        with pytest.raises(UnsupportedInputError, match="dashscope"):
            rerank_wire("openai").encode(call)


def test_a_request_shares_no_mutable_value_with_the_call(protocol: ProtocolName) -> None:
    documents, parameters = ["a"], {"fps": 1}
    request = rerank_wire(protocol).encode(call_of(protocol, documents=documents, parameters=parameters))
    written = json.dumps(request.body)

    documents.append("b")
    parameters["fps"] = 2

    assert json.dumps(request.body) == written


# ----------------------------------------------------------------------------------------------------------- answers


def test_a_recorded_dashscope_response() -> None:
    # Recorded 2025-11 from gte-rerank, three documents without `top_n`.
    body = {
        "output": {
            "results": [
                {"index": 0, "relevance_score": 0.7353844222560253},
                {"index": 2, "relevance_score": 0.13988489287145767},
                {"index": 1, "relevance_score": 0.021986675780920666},
            ]
        },
        "usage": {"total_tokens": 54},
        "request_id": "1fe6281a-1b9f-47ce-b733-5f710de2deab",
    }

    read = rerank_wire("dashscope").decode(body, call_of("dashscope"))

    assert read.ranking == [(0, 0.7353844222560253), (2, 0.13988489287145767), (1, 0.021986675780920666)]
    assert read.usage == {"input_tokens": 54, "output_tokens": 0, "total_tokens": 54}
    assert read.request_id == "1fe6281a-1b9f-47ce-b733-5f710de2deab"


def test_a_recorded_dashscope_response_with_top_n() -> None:
    # Recorded 2025-11 from gte-rerank, four documents.
    body = {
        "output": {
            "results": [
                {"index": 0, "relevance_score": 0.716894992759484},
                {"index": 2, "relevance_score": 0.13988489287145767},
            ]
        },
        "usage": {"total_tokens": 68},
        "request_id": "70658564-7725-4701-958f-d9f4dda431fe",
    }

    read = rerank_wire("dashscope").decode(body, call_of("dashscope", *"abcd", top_n=2))

    assert read.ranking == [(0, 0.716894992759484), (2, 0.13988489287145767)]


def test_a_documented_openai_response() -> None:
    # Model Studio docs, text rerank, 2026-07-01; the transport adds the id of the headers.
    body = {
        "object": "list",
        "results": [{"index": 0, "relevance_score": 0.93345}, {"index": 2, "relevance_score": 0.341}],
        "model": "qwen3-rerank",
        "id": "85ba5752",
        "usage": {"total_tokens": 79},
        "request_id": "85ba5752",
    }

    read = rerank_wire("openai").decode(body, call_of("openai", top_n=2))

    assert read.ranking == [(0, 0.93345), (2, 0.341)]
    assert read.usage == {"input_tokens": 79, "output_tokens": 0, "total_tokens": 79}
    assert read.request_id == "85ba5752"


def test_documents_in_the_response_are_ignored(protocol: ProtocolName) -> None:
    # `return_documents` of the dashscope protocol (docs, 2026-07-01).
    body = answer(protocol, [{"document": {"text": "a"}, "index": 0, "relevance_score": 0.7168}])
    assert rerank_wire(protocol).decode(body, call_of(protocol, "a")).ranking == [(0, 0.7168)]


def test_integer_scores_become_floats(protocol: ProtocolName) -> None:
    body = answer(protocol, rank_rows((1, 0), (0, 1)))
    ranking = rerank_wire(protocol).decode(body, call_of(protocol, "a", "b")).ranking
    assert ranking == [(0, 1.0), (1, 0.0)]
    assert [type(score) for _, score in ranking] == [float, float]


@given(protocol=st.sampled_from(PROTOCOLS), scores=st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75]), min_size=1))
def test_a_ranking_is_sorted_by_score_and_stable(protocol: ProtocolName, scores: list[float]) -> None:
    body = answer(protocol, rank_rows(*enumerate(scores)))
    ranking = rerank_wire(protocol).decode(body, call_of(protocol, *(["x"] * len(scores)))).ranking
    assert ranking == sorted(enumerate(scores), key=lambda place: (-place[1], place[0]))


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": None}, {"total_tokens": "79"}, [79], "79"])
def test_a_response_without_total_tokens_has_no_usage(protocol: ProtocolName, usage: object) -> None:
    body = {**answer(protocol, rank_rows((0, 0.5))), "usage": usage}
    assert rerank_wire(protocol).decode(body, call_of(protocol, "a")).usage is None


MISFITS: dict[str, list[Any]] = {
    "none": [],
    "fewer than asked": rank_rows((0, 0.5), (1, 0.4)),
    "more than asked": rank_rows((0, 0.5), (1, 0.4), (2, 0.3), (3, 0.2)),
    "the same twice": rank_rows((0, 0.5), (0, 0.4), (1, 0.3)),
    "all, and one twice": rank_rows((0, 0.5), (1, 0.4), (2, 0.3), (2, 0.2)),
    "beyond the end": rank_rows((0, 0.5), (1, 0.4), (3, 0.3)),
    "before the start": rank_rows((0, 0.5), (1, 0.4), (-1, 0.3)),
    "from one": rank_rows((1, 0.5), (2, 0.4), (3, 0.3)),
    "positions as text": rank_rows(("0", 0.5), (1, 0.4), (2, 0.3)),
    "positions as floats": rank_rows((0.0, 0.5), (1, 0.4), (2, 0.3)),
    "positions as booleans": rank_rows((False, 0.5), (True, 0.4), (2, 0.3)),
    "positions as lists": rank_rows(([0], 0.5), (1, 0.4), (2, 0.3)),
    "a score that is not a number": rank_rows((0, float("nan")), (1, 0.4), (2, 0.3)),
    "an endless score": rank_rows((0, float("inf")), (1, 0.4), (2, 0.3)),
    "a score as text": rank_rows((0, "0.5"), (1, 0.4), (2, 0.3)),
    "a score as null": rank_rows((0, None), (1, 0.4), (2, 0.3)),
    "no position": [{"relevance_score": 0.5}, *rank_rows((1, 0.4), (2, 0.3))],
    "no score": [{"index": 0}, *rank_rows((1, 0.4), (2, 0.3))],
    "a null for a result": [None, *rank_rows((1, 0.4), (2, 0.3))],
    "numbers for results": [0, 1, 2],
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_response_that_does_not_match_the_documents_raises_invalid_response(
    protocol: ProtocolName, misfit: str
) -> None:
    with pytest.raises(InvalidResponseError, match="3 documents that were sent") as caught:
        rerank_wire(protocol).decode(answer(protocol, MISFITS[misfit]), call_of(protocol))

    error = caught.value
    assert (error.model, error.protocol, error.region) == ("qwen3-rerank", protocol, "ap-southeast-1")
    assert (error.workspace_id, error.request_id) == ("llm-golden", "r-1")


@pytest.mark.parametrize("results", [None, {}, {"0": 0.5}, "results", 3, True], ids=repr)
def test_results_that_are_not_a_list_raise_invalid_response(protocol: ProtocolName, results: object) -> None:
    with pytest.raises(InvalidResponseError):
        rerank_wire(protocol).decode(answer(protocol, results), call_of(protocol))


def test_more_results_than_top_n_raise_invalid_response(protocol: ProtocolName) -> None:
    body = answer(protocol, rank_rows((0, 0.5), (1, 0.4), (2, 0.3)))
    with pytest.raises(InvalidResponseError, match="Expected 2 different positions"):
        rerank_wire(protocol).decode(body, call_of(protocol, top_n=2))


@pytest.mark.parametrize("body", [{}, {"output": None}, {"output": {}}, {"output": []}], ids=str)
def test_a_response_without_results_raises_invalid_response(protocol: ProtocolName, body: Json) -> None:
    with pytest.raises(InvalidResponseError):
        rerank_wire(protocol).decode(body, call_of(protocol))


@pytest.mark.parametrize("output", ["results", ["results"], [{"index": 0, "relevance_score": 0.5}], 3], ids=str)
def test_a_dashscope_response_whose_output_is_not_an_object_raises_invalid_response(output: object) -> None:
    with pytest.raises(InvalidResponseError):
        rerank_wire("dashscope").decode({"output": output, "request_id": "r-1"}, call_of("dashscope", "a"))


def test_a_score_too_large_for_a_float_raises_invalid_response(protocol: ProtocolName) -> None:
    body = answer(protocol, rank_rows((0, 10**400)))
    with pytest.raises(InvalidResponseError):
        rerank_wire(protocol).decode(body, call_of(protocol, "a"))


def test_a_boolean_score_raises_invalid_response(protocol: ProtocolName) -> None:
    with pytest.raises(InvalidResponseError):
        rerank_wire(protocol).decode(answer(protocol, rank_rows((0, True))), call_of(protocol, "a"))


# ---------------------------------------------------------------------------------------------- images and videos


def seeing(server: Server, **fields: Any) -> QwenWorkspaceRerank:
    return make_reranker(server, DASHSCOPE, model="qwen3-vl-rerank", **fields)


def test_images_and_videos_are_sent_as_content_objects(server: Server) -> None:
    server.default = rank_last_first
    given: list[Any] = [
        "text",
        Document("page"),
        {"type": "text", "text": "block"},
        IMAGE,
        {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
        VIDEO,
        {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
        {"image": "https://e.com/b.png"},
    ]
    found = seeing(server, top_n=3).rerank(given, IMAGE)
    assert [place["index"] for place in found] == [7, 6, 5]
    assert server.bodies[0]["input"] == {
        "query": {"image": "https://e.com/lake.png"},
        "documents": [
            "text",
            "page",
            "block",
            {"image": "https://e.com/lake.png"},
            {"image": "data:image/png;base64,iVBORw0KGgo="},
            {"video": "https://e.com/lake.mp4"},
            {"image": "https://e.com/a.png"},
            {"image": "https://e.com/b.png"},
        ],
    }


def test_an_image_as_query_does_not_count_as_a_document(server: Server) -> None:
    # The limits are of documents (docs, 2026-07-01).
    server.default = rank_last_first
    assert len(seeing(server).rerank([IMAGE] * 40, IMAGE)) == 40


@pytest.mark.parametrize("model", ["qwen3-rerank", "a-rerank-of-tomorrow"])
def test_images_are_refused_on_the_openai_protocol(server: Server, model: str) -> None:
    for documents, query in (([IMAGE], "q"), (["a"], IMAGE)):
        with pytest.raises(UnsupportedInputError):
            make_reranker(server, OPENAI, model=model).rerank(documents, query)
    assert server.requests == []


@pytest.mark.parametrize(
    ("documents", "query"),
    [
        ([{"type": "audio", "url": "https://e.com/a.mp3"}], "q"),
        ([{"type": "image"}], "q"),
        ([{"type": "nothing known"}], "q"),
        ([{}], "q"),
        ([[IMAGE, "text"]], "q"),
        ([{"multi_images": ["https://e.com/a.png"]}], "q"),
        (["a"], VIDEO),
    ],
    ids=["audio", "an image without one", "unknown", "empty", "several", "several images", "a video as query"],
)
def test_documents_and_queries_that_the_model_does_not_support_are_refused(
    server: Server, documents: Any, query: Any
) -> None:
    # A query is a text or an image, a document one text, image or video (docs, 2026-07-01).
    server.default = rank_last_first
    with pytest.raises(UnsupportedInputError):
        seeing(server).rerank(documents, query)
    assert server.requests == []
