"""Rerank over sockets: what is sent where, copies and order, refusals, failures, secrets."""

import asyncio
import copy
import pickle
from collections.abc import Callable
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
    QwenWorkspaceRerank,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.server import Received, Reply, Server, json_reply

Rank = Callable[..., list[Any]]
IMAGE = {"type": "image", "url": "https://e.com/lake.png"}
VIDEO = {"type": "video", "url": "https://e.com/lake.mp4"}
TEXTS = ["The Bund is in Shanghai.", "The West Lake is in Hangzhou.", "Tea grows near the West Lake."]
DOCUMENTS = [Document(text) for text in TEXTS]
QUERY = "Where is the West Lake?"


def results(stub: ProtocolStub, *places: tuple[int, float]) -> Reply:
    found = [{"index": index, "relevance_score": score} for index, score in places]
    usage = {"total_tokens": 34}
    if stub.is_dashscope:
        return json_reply({"output": {"results": found}, "usage": usage, "request_id": "req-body"})
    return json_reply({"object": "list", "results": found, "model": "m", "id": "r", "usage": usage})


def later_is_better(received: Received) -> Reply:
    """Rank the last document first, as many as are asked for, and answer in the wrong order."""
    body = received.json
    native = received.path.startswith("/api/v1")
    count = len(body["input"]["documents"] if native else body["documents"])
    top = (body["parameters"] if native else body).get("top_n", count)
    best = sorted(range(count), reverse=True)[:top]
    return results(DASHSCOPE if native else OPENAI, *((place, place / 1000) for place in reversed(best)))


def ranker(server: Server | str, stub: ProtocolStub, **fields: Any) -> QwenWorkspaceRerank:
    base_url = server if isinstance(server, str) else server.url
    known = {"api_key": "sk-test", "workspace_id": "ws-test", "timeout": 10.0, "max_retries": 0}
    model = {"model": "qwen3-rerank", "protocol": stub.protocol, "base_url": base_url}
    return QwenWorkspaceRerank(**{**model, **known, **fields})


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


# -------------------------------------------------------------------------------------------------------- requests


def test_ranking_is_asked_for_as_the_protocol_asks(server: Server, stub: ProtocolStub, compress: Rank) -> None:
    server.default = later_is_better
    reranker = ranker(server, stub, top_n=2, instruct="Find cities.", default_headers={"X-Team": "a"})
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
def test_a_base_url_of_any_form_reaches_the_path_of_rankings(
    server: Server, rank: Rank, stub: ProtocolStub, path: str, reached: str
) -> None:
    server.default = lambda _: results(stub, (0, 0.5))
    assert rank(ranker(server.url + path, stub), ["a"], "q") == [{"index": 0, "relevance_score": 0.5}]
    assert [received.path for received in server.requests] == [reached]


@pytest.mark.parametrize(
    ("stub", "path"), [(OPENAI, "/api/v1"), (DASHSCOPE, "/compatible-mode/v1"), (DASHSCOPE, "/compatible-api/v1")]
)
def test_a_base_url_of_the_other_protocol_is_refused_at_once(server: Server, stub: ProtocolStub, path: str) -> None:
    with pytest.raises(ValueError, match=f"Give the origin alone \\(`{server.url}`\\)"):
        ranker(server.url + path, stub)


def test_how_many_are_wanted_is_said_by_the_field_or_by_the_call(
    server: Server, stub: ProtocolStub, rank: Rank
) -> None:
    server.default = later_is_better
    reranker = ranker(server, stub, top_n=2)
    assert [place["index"] for place in rank(reranker, TEXTS, QUERY)] == [2, 1]
    assert [place["index"] for place in rank(reranker, TEXTS, QUERY, top_n=1)] == [2]
    assert [place["index"] for place in rank(reranker, TEXTS, QUERY, top_n=3)] == [2, 1, 0]
    assert [place["index"] for place in rank(reranker, TEXTS[:1], QUERY)] == [0]
    assert [place["index"] for place in rank(ranker(server, stub), TEXTS, QUERY)] == [2, 1, 0]
    told = [(body["parameters"] if stub.is_dashscope else body).get("top_n") for body in server.bodies]
    assert told[:3] == [2, 1, 3]
    assert told[4] is None


def test_further_parameters_are_sent_as_they_are(server: Server, stub: ProtocolStub, rank: Rank) -> None:
    server.default = later_is_better
    rank(ranker(server, stub, model_kwargs={"return_documents": False}), ["a"], "q")
    (body,) = server.bodies
    assert (body["parameters"] if stub.is_dashscope else body)["return_documents"] is False


def test_how_many_are_wanted_is_no_further_parameter(server: Server, stub: ProtocolStub) -> None:
    with pytest.raises(ValueError, match="top_n"):
        ranker(server, stub, model_kwargs={"top_n": 1})


def test_a_model_made_from_another_has_its_facts(server: Server) -> None:
    server.default = later_is_better
    mine = ranker(server, DASHSCOPE, model="my-own", base_model="qwen3-vl-rerank")
    mine.rerank([IMAGE], "q")
    assert server.bodies[0]["model"] == "my-own"
    with pytest.raises(ValueError, match="dashscope"):
        ranker(server, OPENAI, model="my-own", base_model="qwen3-vl-rerank")


# ------------------------------------------------------------------------------------------------ copies and order


class Page(Document):
    """A document of somebody's own."""

    number: int


def test_documents_come_back_as_copies_by_score(server: Server, stub: ProtocolStub, compress: Rank) -> None:
    server.script(results(stub, (1, 0.25), (2, 0.75), (0, 0.5)))
    given = [
        Page(page_content="a", id="1", metadata={"source": "x", "deep": {"n": [1]}}, number=7),
        Document("b", metadata={"relevance_score": "of another search"}),
        Document("a"),
    ]
    before = copy.deepcopy(given)
    found = compress(ranker(server, stub), tuple(given), "q")

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


def test_scores_are_plain_floats_and_positions_are_those_given(server: Server, stub: ProtocolStub, rank: Rank) -> None:
    server.script(results(stub, (2, 0), (0, 0.5), (1, 1)))
    mixed: list[Any] = ["a", Document("b"), {"type": "text", "text": "c"}]
    found = rank(ranker(server, stub), mixed, {"type": "text", "text": "q"})
    assert found == [
        {"index": 1, "relevance_score": 1.0},
        {"index": 0, "relevance_score": 0.5},
        {"index": 2, "relevance_score": 0.0},
    ]
    assert {type(place["relevance_score"]) for place in found} == {float}
    body = server.bodies[0]
    assert (body["input"] if stub.is_dashscope else body)["documents"] == ["a", "b", "c"]


# -------------------------------------------------------------------------------------------------------- refusals


def test_no_documents_are_no_request(fresh_server: Server, stub: ProtocolStub, rank: Rank, compress: Rank) -> None:
    reranker = ranker(fresh_server, stub)
    assert rank(reranker, [], "q") == compress(reranker, (), "q") == []
    assert fresh_server.connections == 0


@pytest.mark.parametrize("wrong", ["", None, 5, b"x", ["x"], "\ud800", Document(""), {"type": "text", "text": ""}])
def test_what_is_no_text_is_refused_before_anything_is_sent(
    server: Server, stub: ProtocolStub, rank: Rank, wrong: Any
) -> None:
    with pytest.raises(UnsupportedInputError, match="Document 1"):
        rank(ranker(server, stub), ["a", wrong], "q")
    with pytest.raises(UnsupportedInputError, match="The query"):
        rank(ranker(server, stub), ["a"], wrong)
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
def test_one_document_is_no_list_of_documents(server: Server, stub: ProtocolStub, rank: Rank, wrong: Any) -> None:
    server.default = later_is_better
    with pytest.raises(UnsupportedInputError):
        rank(ranker(server, stub), wrong, "q")
    assert server.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        *(0, -1, True, False),
        1.5,
        "2",
    ],
)
def test_how_many_are_wanted_is_a_number_from_one(server: Server, stub: ProtocolStub, rank: Rank, wrong: Any) -> None:
    server.default = later_is_better
    with pytest.raises(ConfigurationError, match="`top_n`"):
        rank(ranker(server, stub), ["a", "b"], "q", top_n=wrong)
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
def test_wrong_arguments_are_refused(server: Server, stub: ProtocolStub, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranker(server, stub, **values)


def test_what_is_no_document_is_refused_before_anything_is_sent(
    server: Server, stub: ProtocolStub, compress: Rank
) -> None:
    server.default = later_is_better
    with pytest.raises(UnsupportedInputError, match="Document 1"):
        compress(ranker(server, stub), [Document("a"), "b"], "q")
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
def test_as_many_documents_as_the_model_takes_and_not_one_more(
    server: Server, rank: Rank, model: str, document: Any, limit: int
) -> None:
    server.default = later_is_better
    reranker = ranker(server, DASHSCOPE, model=model)
    assert len(rank(reranker, [document] * limit, "q")) == limit
    with pytest.raises(UnsupportedInputError, match=f"There are {limit + 1} .*at most {limit} "):
        rank(reranker, [document] * (limit + 1), "q", top_n=1)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("model", "limit"), [("qwen3-rerank", 4_000), ("qwen3.7-text-rerank", 30_000), ("qwen3-vl-rerank", 8_000)]
)
def test_a_text_may_have_as_many_tokens_as_the_model_takes(server: Server, model: str, limit: int) -> None:
    server.default = later_is_better
    reranker = ranker(server, DASHSCOPE, model=model)
    longest, longer = "x" + " x" * (limit - 1), "x" + " x" * limit
    reranker.rerank([longest], "q")
    reranker.rerank(["a"], longest)
    for documents, query, where in ((["a", longer], "q", "Document 1"), (["a"], longer, "The query")):
        with pytest.raises(ContextLengthError, match=f"{where} has {limit + 1} tokens.*at most {limit} "):
            reranker.rerank(documents, query)
    assert len(server.requests) == 2


def test_the_query_counts_once_for_each_document(server: Server, rank: Rank, stub: ProtocolStub) -> None:
    server.default = later_is_better
    query, document = "x" + " x" * 199, "x" + " x" * 99  # 200 and 100 tokens
    rank(ranker(server, stub), [document] * 400, query)
    with pytest.raises(ContextLengthError, match=r"401 documents.*120300 tokens.*120000"):
        rank(ranker(server, stub), [document] * 401, query)
    assert len(server.requests) == 1


def test_texts_in_another_vocabulary_are_left_to_the_service(server: Server, rank: Rank) -> None:
    server.default = later_is_better
    assert rank(ranker(server, DASHSCOPE, model="gte-rerank-v2"), ["x " * 9_000], "q")


# -------------------------------------------------------------------------------------------------------- failures


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
def test_an_answer_that_does_not_fit_is_no_ranking(
    server: Server, stub: ProtocolStub, compress: Rank, places: Any, asked: int
) -> None:
    server.default = lambda _: results(stub, *places)
    with pytest.raises(InvalidResponseError) as caught:
        compress(ranker(server, stub, top_n=asked), DOCUMENTS[:2], "q")
    assert caught.value.request_id == ("req-body" if stub.is_dashscope else "req-header")
    assert (caught.value.model, caught.value.workspace_id) == ("qwen3-rerank", "ws-test")


@pytest.mark.parametrize("body", [{}, {"output": {}, "data": []}, [], "ok"], ids=str)
def test_an_answer_without_a_ranking_is_no_empty_ranking(
    server: Server, stub: ProtocolStub, rank: Rank, body: Any
) -> None:
    server.default = lambda _: json_reply(body)
    with pytest.raises(InvalidResponseError) as caught:
        rank(ranker(server, stub), ["a"], "q")
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
def test_a_failure_of_the_service_is_an_error_and_no_ranking(
    server: Server, stub: ProtocolStub, compress: Rank, declared: tuple[int, str, str], kind: type[Exception]
) -> None:
    _, code, message = declared
    server.default = lambda _: stub.error(*declared)
    with pytest.raises(kind) as caught:
        compress(ranker(server, stub), DOCUMENTS, QUERY)
    assert isinstance(caught.value, QwenWorkspaceError)
    assert (caught.value.code, caught.value.request_id) == (code, "req-body")
    assert (caught.value.model, caught.value.protocol) == ("qwen3-rerank", stub.protocol)
    assert message in str(caught.value)


def test_a_request_that_failed_is_sent_again_as_it_was(server: Server, stub: ProtocolStub, rank: Rank) -> None:
    server.script(stub.error(429, "Throttling", "Slow down."), stub.error(503, "ServiceUnavailable", "Later."))
    server.default = later_is_better
    assert rank(ranker(server, stub, max_retries=2), ["a"], "q")
    assert [received.raw for received in server.requests] == [server.requests[0].raw] * 3


# ----------------------------------------------------------------------------------------------- life and secrets

SECRET = "sk-very-secret"


def test_secrets_are_in_no_text_of_it(server: Server, stub: ProtocolStub) -> None:
    reranker = ranker(server, stub, api_key=SECRET, default_headers={"x-token": SECRET}, callbacks=[])
    shown = [repr(reranker), str(reranker), dumps(reranker), str(reranker.model_dump()), reranker.model_dump_json()]
    shown += [repr(pickle.dumps(ranker(server, stub, api_key=SECRET)))]
    with pytest.raises(ValueError, match="unknown") as caught:
        ranker(server, stub, api_key=SECRET, unknown=1)
    assert [text for text in [*shown, str(caught.value)] if SECRET in text] == []


@pytest.mark.parametrize(
    "copied",
    [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy, lambda one: one.model_copy()],  # noqa: S301 - made in the same line
    ids=["pickle", "deepcopy", "copy", "model_copy"],
)
def test_a_copy_calls_as_the_original(server: Server, stub: ProtocolStub, rank: Rank, copied: Any) -> None:
    server.default = later_is_better
    reranker = ranker(server, stub, top_n=1, default_headers={"X-Team": "a"})
    rank(reranker, ["a", "b"], "q")
    other = copied(reranker)
    assert other == reranker
    assert rank(other, ["a", "b"], "q") == [{"index": 1, "relevance_score": 0.001}]
    first, second = server.requests
    assert (second.path, second.raw) == (first.path, first.raw)
    names = ("authorization", "x-dashscope-workspace", "x-team")
    assert [second.headers[name] for name in names] == ["Bearer sk-test", "ws-test", "a"]
