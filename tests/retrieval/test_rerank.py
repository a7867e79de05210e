"""Rerank: requests, order, refused inputs, errors, copies and secrets."""

import copy
import pickle
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps

from langchain_qwen_workspace import (
    AuthenticationError,
    ConfigurationError,
    ContextLengthError,
    InvalidResponseError,
    NotFoundError,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.retrieval import (
    DOCUMENTS,
    IMAGE,
    QUERY,
    TEXTS,
    VIDEO,
    Rank,
    make_reranker,
    rank_last_first,
    ranking_reply,
)
from tests.support.server import Server, json_reply

# --- requests ---


def test_a_ranking_is_requested_in_the_protocols_form(server: Server, stub: ProtocolStub, compress: Rank) -> None:
    server.default = rank_last_first
    reranker = make_reranker(server, stub, top_n=2, instruct="Find cities.", default_headers={"X-Team": "a"})
    assert [found.page_content for found in compress(reranker, DOCUMENTS, QUERY)] == [TEXTS[2], TEXTS[1]]
    (received,) = server.requests
    names = ("authorization", "x-dashscope-workspace", "x-team")
    assert [received.headers[name] for name in names] == ["Bearer sk-test", "ws-test", "a"]
    if stub.is_dashscope:
        assert received.path == "/api/v1/services/rerank/text-rerank/text-rerank"
        assert received.json == {
            "model": "qwen3-rerank",
            "input": {"query": QUERY, "documents": TEXTS},
            "parameters": {"top_n": 2, "instruct": "Find cities."},
        }
    else:
        assert received.path == "/compatible-api/v1/reranks"
        assert received.json == {
            "model": "qwen3-rerank",
            "query": QUERY,
            "documents": TEXTS,
            "top_n": 2,
            "instruct": "Find cities.",
        }


@pytest.mark.parametrize(
    ("stub", "path", "reached"),
    [
        (OPENAI, "", "/compatible-api/v1/reranks"),
        (OPENAI, "/", "/compatible-api/v1/reranks"),
        (OPENAI, "/compatible-mode/v1", "/compatible-api/v1/reranks"),
        (OPENAI, "/compatible-mode/v1/", "/compatible-api/v1/reranks"),
        (OPENAI, "/compatible-api/v1", "/compatible-api/v1/reranks"),
        (OPENAI, "/proxy/compatible-mode/v1", "/proxy/compatible-api/v1/reranks"),
        (OPENAI, "/gateway", "/gateway/reranks"),
        (DASHSCOPE, "", "/api/v1/services/rerank/text-rerank/text-rerank"),
        (DASHSCOPE, "/api/v1", "/api/v1/services/rerank/text-rerank/text-rerank"),
        (DASHSCOPE, "/gateway", "/gateway/services/rerank/text-rerank/text-rerank"),
    ],
)
def test_a_base_url_of_any_form_reaches_the_rerank_path(
    server: Server, rank: Rank, stub: ProtocolStub, path: str, reached: str
) -> None:
    server.default = lambda _: ranking_reply(stub, (0, 0.5))
    assert rank(make_reranker(server.url + path, stub), ["a"], "q") == [{"index": 0, "relevance_score": 0.5}]
    assert [received.path for received in server.requests] == [reached]


@pytest.mark.parametrize(
    ("stub", "path"), [(OPENAI, "/api/v1"), (DASHSCOPE, "/compatible-mode/v1"), (DASHSCOPE, "/compatible-api/v1")]
)
def test_a_base_url_of_the_other_protocol_is_refused(server: Server, stub: ProtocolStub, path: str) -> None:
    with pytest.raises(ValueError, match=f"Give the origin alone \\(`{server.url}`\\)"):
        make_reranker(server.url + path, stub)


def test_top_n_of_the_call_overrides_the_field(server: Server, stub: ProtocolStub, rank: Rank) -> None:
    server.default = rank_last_first
    reranker = make_reranker(server, stub, top_n=2)
    assert [place["index"] for place in rank(reranker, TEXTS, QUERY)] == [2, 1]
    assert [place["index"] for place in rank(reranker, TEXTS, QUERY, top_n=1)] == [2]
    assert [place["index"] for place in rank(reranker, TEXTS, QUERY, top_n=3)] == [2, 1, 0]
    assert [place["index"] for place in rank(reranker, TEXTS[:1], QUERY)] == [0]
    assert [place["index"] for place in rank(make_reranker(server, stub), TEXTS, QUERY)] == [2, 1, 0]
    assert [stub.parameters(body).get("top_n") for body in server.bodies] == [2, 1, 3, 2, None]


def test_model_kwargs_are_sent_unchanged(server: Server, stub: ProtocolStub, rank: Rank) -> None:
    server.default = rank_last_first
    rank(make_reranker(server, stub, model_kwargs={"return_documents": False}), ["a"], "q")
    (body,) = server.bodies
    assert stub.parameters(body)["return_documents"] is False


def test_top_n_in_model_kwargs_is_refused(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(ValueError, match="top_n"):
        make_reranker(server, stub, model_kwargs={"top_n": 1})


def test_base_model_sets_the_profile(server: Server) -> None:
    server.default = rank_last_first
    mine = make_reranker(server, DASHSCOPE, model="my-own", base_model="qwen3-vl-rerank")
    mine.rerank([IMAGE], "q")
    assert server.bodies[0]["model"] == "my-own"
    with pytest.raises(ValueError, match="dashscope"):
        make_reranker(server, OPENAI, model="my-own", base_model="qwen3-vl-rerank")


# --- copies and order ---


class Page(Document):
    """A subclass of `Document`."""

    number: int


def test_compress_documents_returns_copies_sorted_by_score(server: Server, stub: ProtocolStub, compress: Rank) -> None:
    server.script(ranking_reply(stub, (1, 0.25), (2, 0.75), (0, 0.5)))
    given = [
        Page(page_content="a", id="1", metadata={"source": "x", "deep": {"n": [1]}}, number=7),
        Document("b", metadata={"relevance_score": "of another search"}),
        Document("a"),
    ]
    before = copy.deepcopy(given)
    found = compress(make_reranker(server, stub), tuple(given), "q")

    assert given == before
    assert [(one.page_content, one.metadata["relevance_score"]) for one in found] == [
        ("a", 0.75),
        ("a", 0.5),
        ("b", 0.25),
    ]
    page = found[1]
    assert (type(page), page.id, page.number) == (Page, "1", 7)
    assert page.metadata == {"source": "x", "deep": {"n": [1]}, "relevance_score": 0.5}
    assert all(one is not document for one in found for document in given)


def test_rerank_returns_float_scores_and_the_positions_of_the_documents(
    server: Server, stub: ProtocolStub, rank: Rank
) -> None:
    server.script(ranking_reply(stub, (2, 0), (0, 0.5), (1, 1)))
    mixed: list[Any] = ["a", Document("b"), {"type": "text", "text": "c"}]
    found = rank(make_reranker(server, stub), mixed, {"type": "text", "text": "q"})
    assert found == [
        {"index": 1, "relevance_score": 1.0},
        {"index": 0, "relevance_score": 0.5},
        {"index": 2, "relevance_score": 0.0},
    ]
    assert {type(place["relevance_score"]) for place in found} == {float}
    body = server.bodies[0]
    assert (body["input"] if stub.is_dashscope else body)["documents"] == ["a", "b", "c"]


# --- refusals ---


def test_no_documents_send_no_request(fresh_server: Server, stub: ProtocolStub, rank: Rank, compress: Rank) -> None:
    reranker = make_reranker(fresh_server, stub)
    assert rank(reranker, [], "q") == compress(reranker, (), "q") == []
    assert fresh_server.connections == 0


@pytest.mark.parametrize("wrong", ["", None, 5, b"x", ["x"], "\ud800", Document(""), {"type": "text", "text": ""}])
def test_an_invalid_text_is_refused_before_anything_is_sent(
    server: Server, stub: ProtocolStub, rank: Rank, wrong: Any
) -> None:
    with pytest.raises(UnsupportedInputError, match="Document 1"):
        rank(make_reranker(server, stub), ["a", wrong], "q")
    with pytest.raises(UnsupportedInputError, match="The query"):
        rank(make_reranker(server, stub), ["a"], wrong)
    assert server.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        "one text",
        b"bytes",
        Document("one"),
        {"type": "text", "text": "one"},
    ],
)
def test_a_single_document_instead_of_a_list_is_refused(
    server: Server, stub: ProtocolStub, rank: Rank, wrong: Any
) -> None:
    server.default = rank_last_first
    with pytest.raises(UnsupportedInputError):
        rank(make_reranker(server, stub), wrong, "q")
    assert server.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        *(0, -1, True, False),
        1.5,
        "2",
    ],
)
def test_top_n_must_be_a_positive_integer(server: Server, stub: ProtocolStub, rank: Rank, wrong: Any) -> None:
    server.default = rank_last_first
    with pytest.raises(ConfigurationError, match="`top_n`"):
        rank(make_reranker(server, stub), ["a", "b"], "q", top_n=wrong)
    assert server.requests == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"top_n": 0}, "top_n"),
        ({"top_n": -1}, "top_n"),
        ({"top_n": True}, "top_n"),
        ({"instruct": ""}, "instruct"),
        ({"model": ""}, "model"),
        ({"unknown": 1}, "unknown"),
        ({"protocol": "grpc"}, "protocol"),
        ({"model": "qwen-plus"}, "is a chat model; use `ChatQwenWorkspace`"),
        ({"model": "text-embedding-v4"}, "is an embedding model; use `QwenWorkspaceEmbeddings`"),
        ({"model": "qwen3-vl-embedding"}, "is an embedding model; use `QwenWorkspaceEmbeddings`"),
        ({"model": "gte-rerank-v2", "protocol": "dashscope", "instruct": "Find."}, "`instruct` is not supported"),
        ({"model": "gte-rerank-v2", "protocol": "openai"}, "dashscope"),
        ({"model": "qwen3-vl-rerank", "protocol": "openai"}, "dashscope"),
    ],
)
def test_invalid_arguments_are_refused(
    server: Server, stub: ProtocolStub, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_reranker(server, stub, **values)


def test_compress_documents_refuses_a_text_before_anything_is_sent(
    server: Server, stub: ProtocolStub, compress: Rank
) -> None:
    server.default = rank_last_first
    with pytest.raises(UnsupportedInputError, match="Document 1"):
        compress(make_reranker(server, stub), [Document("a"), "b"], "q")
    assert server.requests == []


@pytest.mark.parametrize(
    ("model", "document", "limit"),
    [
        ("qwen3-rerank", "x", 500),
        ("qwen3.7-text-rerank", "x", 500),
        ("gte-rerank-v2", "x", 500),
        ("qwen3-vl-rerank", "x", 100),
        ("qwen3-vl-rerank", IMAGE, 40),
        ("qwen3-vl-rerank", VIDEO, 4),
    ],
)
def test_more_documents_than_the_model_takes_are_refused(
    server: Server, rank: Rank, model: str, document: Any, limit: int
) -> None:
    server.default = rank_last_first
    reranker = make_reranker(server, DASHSCOPE, model=model)
    assert len(rank(reranker, [document] * limit, "q")) == limit
    with pytest.raises(UnsupportedInputError, match=f"There are {limit + 1} .*at most {limit} "):
        rank(reranker, [document] * (limit + 1), "q", top_n=1)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("model", "limit"), [("qwen3-rerank", 4_000), ("qwen3.7-text-rerank", 30_000), ("qwen3-vl-rerank", 8_000)]
)
def test_a_text_with_more_tokens_than_the_model_takes_is_refused(server: Server, model: str, limit: int) -> None:
    server.default = rank_last_first
    reranker = make_reranker(server, DASHSCOPE, model=model)
    longest, longer = "x" + " x" * (limit - 1), "x" + " x" * limit
    reranker.rerank([longest], "q")
    reranker.rerank(["a"], longest)
    for documents, query, where in ((["a", longer], "q", "Document 1"), (["a"], longer, "The query")):
        with pytest.raises(ContextLengthError, match=f"{where} has {limit + 1} tokens.*at most {limit} "):
            reranker.rerank(documents, query)
    assert len(server.requests) == 2


def test_the_query_counts_towards_the_token_limit_once_per_document(
    server: Server, rank: Rank, stub: ProtocolStub
) -> None:
    server.default = rank_last_first
    query, document = "x" + " x" * 199, "x" + " x" * 99  # 200 and 100 tokens
    rank(make_reranker(server, stub), [document] * 400, query)
    with pytest.raises(ContextLengthError, match=r"401 documents.*120300 tokens.*120000"):
        rank(make_reranker(server, stub), [document] * 401, query)
    assert len(server.requests) == 1


def test_texts_in_another_vocabulary_are_not_counted(server: Server, rank: Rank) -> None:
    server.default = rank_last_first
    assert rank(make_reranker(server, DASHSCOPE, model="gte-rerank-v2"), ["x " * 9_000], "q")


# --- failures ---


@pytest.mark.parametrize(
    ("places", "asked"),
    [
        ([], 2),
        ([(0, 0.5)], 2),
        ([(0, 0.5), (0, 0.4)], 2),
        ([(0, 0.5), (2, 0.4)], 2),
        ([(0, 0.5), (1, 0.4)], 1),
        ([(0, float("nan")), (1, 0.4)], 2),
    ],
    ids=["none", "too few", "twice", "beyond", "too many", "no number"],
)
def test_a_malformed_ranking_is_an_invalid_response_error(
    server: Server, stub: ProtocolStub, compress: Rank, places: Any, asked: int
) -> None:
    server.default = lambda _: ranking_reply(stub, *places)
    with pytest.raises(InvalidResponseError) as caught:
        compress(make_reranker(server, stub, top_n=asked), DOCUMENTS[:2], "q")
    assert caught.value.request_id == ("req-body" if stub.is_dashscope else "req-header")
    assert (caught.value.model, caught.value.workspace_id) == ("qwen3-rerank", "ws-test")


@pytest.mark.parametrize("body", [{}, {"output": {}, "data": []}, [], "ok"], ids=str)
def test_a_response_without_a_ranking_is_an_invalid_response_error(
    server: Server, stub: ProtocolStub, rank: Rank, body: Any
) -> None:
    server.default = lambda _: json_reply(body)
    with pytest.raises(InvalidResponseError) as caught:
        rank(make_reranker(server, stub), ["a"], "q")
    assert caught.value.request_id == "req-header"


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ((401, "InvalidApiKey", "Invalid API-key provided."), AuthenticationError),
        ((429, "Throttling.RateQuota", "Requests rate limit exceeded."), RateLimitError),
        ((400, "InvalidParameter", "Model not exist."), NotFoundError),
        ((200, "InternalError", "Something failed."), ServerError),
        ((500, "InternalError", "Something failed."), ServerError),
    ],
    ids=["401", "429", "400", "200", "500"],
)
def test_an_error_of_the_service_is_raised_with_its_code(
    server: Server, stub: ProtocolStub, compress: Rank, declared: tuple[int, str, str], kind: type[Exception]
) -> None:
    _, code, message = declared
    server.default = lambda _: stub.error(*declared)
    with pytest.raises(kind) as caught:
        compress(make_reranker(server, stub), DOCUMENTS, QUERY)
    assert isinstance(caught.value, QwenWorkspaceError)
    assert (caught.value.code, caught.value.request_id) == (code, "req-body")
    assert (caught.value.model, caught.value.protocol) == ("qwen3-rerank", stub.protocol)
    assert message in str(caught.value)


def test_a_failed_request_is_retried_unchanged(server: Server, stub: ProtocolStub, rank: Rank) -> None:
    server.script(stub.error(429, "Throttling", "Slow down."), stub.error(503, "ServiceUnavailable", "Later."))
    server.default = rank_last_first
    assert rank(make_reranker(server, stub, max_retries=2), ["a"], "q")
    assert [received.raw for received in server.requests] == [server.requests[0].raw] * 3


# --- copies and secrets ---

SECRET = "sk-very-secret"


def test_no_text_form_shows_a_secret(server: Server, stub: ProtocolStub) -> None:
    reranker = make_reranker(server, stub, api_key=SECRET, default_headers={"x-token": SECRET}, callbacks=[])
    shown = [repr(reranker), str(reranker), dumps(reranker), str(reranker.model_dump()), reranker.model_dump_json()]
    shown += [repr(pickle.dumps(make_reranker(server, stub, api_key=SECRET)))]
    with pytest.raises(ValueError, match="unknown") as caught:
        make_reranker(server, stub, api_key=SECRET, unknown=1)
    assert [text for text in [*shown, str(caught.value)] if SECRET in text] == []


@pytest.mark.parametrize(
    "copied",
    [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy, lambda one: one.model_copy()],  # noqa: S301 - made in the same line
    ids=["pickle", "deepcopy", "copy", "model_copy"],
)
def test_a_copy_sends_the_same_request(server: Server, stub: ProtocolStub, rank: Rank, copied: Any) -> None:
    server.default = rank_last_first
    reranker = make_reranker(server, stub, top_n=1, default_headers={"X-Team": "a"})
    rank(reranker, ["a", "b"], "q")
    other = copied(reranker)
    assert other == reranker
    assert rank(other, ["a", "b"], "q") == [{"index": 1, "relevance_score": 0.001}]
    first, second = server.requests
    assert (second.path, second.raw) == (first.path, first.raw)
    names = ("authorization", "x-dashscope-workspace", "x-team")
    assert [second.headers[name] for name in names] == ["Bearer sk-test", "ws-test", "a"]
