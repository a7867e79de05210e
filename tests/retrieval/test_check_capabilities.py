"""`check_capabilities` of embeddings and rerank: what the catalogue rules out is refused, or sent with a warning."""

from typing import Any

import pytest

from langchain_qwen_workspace import ContextLengthError, QwenWorkspaceEmbeddings, UnsupportedInputError
from langchain_qwen_workspace._seam import Json
from tests.support.protocols import DASHSCOPE, OPENAI, ProtocolStub
from tests.support.retrieval import IMAGE, QUERY, Rank, embedding_body, make_embeddings, make_reranker, rank_last_first
from tests.support.server import Server, json_reply

SENT = "It is sent unchanged, because `check_capabilities` is False."
WAY_THROUGH = r"If the service has changed since \d{4}-\d\d-\d\d, pass `check_capabilities=False`\."
LONG = "word " * 10_000

MAKING: list[tuple[ProtocolStub, Json]] = [
    (OPENAI, {"model": "qwen-plus"}),
    (OPENAI, {"model": "text-embedding-v4", "dimensions": 1000}),
    (OPENAI, {"model": "text-embedding-v2", "dimensions": 7}),
    (OPENAI, {"model": "text-embedding-v4", "chunk_size": 11}),
    (OPENAI, {"model": "qwen3-vl-embedding"}),
    (DASHSCOPE, {"model": "text-embedding-v2", "instruct": "Find cities."}),
    (DASHSCOPE, {"model": "qwen3-vl-embedding", "text_type": "query"}),
]


@pytest.mark.parametrize(("stub", "fields"), MAKING, ids=[str(fields) for _, fields in MAKING])
def test_a_refusal_of_an_embedding_model_names_the_way_through(
    server: Server, stub: ProtocolStub, fields: Json
) -> None:
    with pytest.raises(ValueError, match=WAY_THROUGH):
        make_embeddings(server, stub, **fields)


@pytest.mark.parametrize(("stub", "fields"), MAKING, ids=[str(fields) for _, fields in MAKING])
def test_an_embedding_model_is_made_without_the_check(server: Server, stub: ProtocolStub, fields: Json) -> None:
    with pytest.warns(UserWarning, match=SENT):
        made = make_embeddings(server, stub, check_capabilities=False, **fields)

    assert made.model == fields["model"]


@pytest.mark.parametrize("model", ["text-embedding-v4", "text-embedding-v2"])
def test_any_size_is_requested_and_returned_without_the_check(server: Server, stub: ProtocolStub, model: str) -> None:
    server.script(json_reply(embedding_body(stub, [[0.5] * 7])))
    with pytest.warns(UserWarning, match=SENT):
        embeddings = make_embeddings(server, stub, model=model, dimensions=7, check_capabilities=False)

    assert embeddings.embed_documents(["a"]) == [[0.5] * 7]

    sent = stub.parameters(server.bodies[0])
    assert sent["dimension" if stub.is_dashscope else "dimensions"] == 7


def test_a_size_that_nobody_requested_is_returned_whatever_the_catalogue_says(
    server: Server, stub: ProtocolStub
) -> None:
    server.script(json_reply(embedding_body(stub, [[0.5] * 7])))

    assert make_embeddings(server, stub, model="text-embedding-v4").embed_query("a") == [0.5] * 7


def test_a_chunk_of_any_size_is_sent_without_the_check(server: Server, stub: ProtocolStub) -> None:
    server.script(json_reply(embedding_body(stub, [[0.5]] * 12)))
    with pytest.warns(UserWarning, match="`chunk_size` is 12"):
        embeddings = make_embeddings(server, stub, model="text-embedding-v4", chunk_size=12, check_capabilities=False)

    assert len(embeddings.embed_documents(["a"] * 12)) == 12


def test_a_text_over_the_limit_is_embedded_without_the_check(server: Server, stub: ProtocolStub) -> None:
    server.script(json_reply(embedding_body(stub, [[0.5]])))
    fields: Json = {"model": "text-embedding-v4"}

    with pytest.raises(ContextLengthError, match=WAY_THROUGH):
        make_embeddings(server, stub, **fields).embed_query(LONG)
    with pytest.warns(UserWarning, match="Text 0 has"):
        assert make_embeddings(server, stub, check_capabilities=False, **fields).embed_query(LONG) == [0.5]


def media_embeddings(server: Server, model: str, vectors: int, **fields: Any) -> QwenWorkspaceEmbeddings:
    rows = [{"index": place, "embedding": [0.5]} for place in range(vectors)]
    server.default = lambda _: json_reply({"output": {"embeddings": rows}, "usage": {}, "request_id": "r"})
    return make_embeddings(server, DASHSCOPE, model=model, **fields)


CONTENTS: list[tuple[str, Any]] = [
    ("text-embedding-v4", {"type": "image", "url": "https://a.example/1.png"}),
    ("qwen3-vl-embedding", {"type": "audio", "url": "https://a.example/1.mp3"}),
    ("multimodal-embedding-v1", ["a", {"type": "image", "url": "https://a.example/1.png"}]),
    ("qwen3-vl-embedding", [{"type": "image", "url": "https://a.example/1.png"}] * 30),
]


@pytest.mark.parametrize(("model", "given"), CONTENTS, ids=[f"{model}-{str(given)[:30]}" for model, given in CONTENTS])
def test_contents_that_a_model_is_not_known_to_embed_are_sent_without_the_check(
    server: Server, model: str, given: Any
) -> None:
    with pytest.raises(UnsupportedInputError, match=WAY_THROUGH):
        media_embeddings(server, model, 1).embed_contents([given])
    assert server.requests == []

    with pytest.warns(UserWarning, match=SENT):
        found = media_embeddings(server, model, 1, check_capabilities=False).embed_contents([given])

    assert found == [[0.5]]
    assert len(server.bodies[0]["input"]["contents"]) == (len(given) if isinstance(given, list) else 1)


def test_several_parts_are_fused_by_the_parameter_without_the_check(server: Server) -> None:
    embeddings = media_embeddings(server, "multimodal-embedding-v1", 1, check_capabilities=False)

    with pytest.warns(UserWarning, match="makes a separate vector"):
        embeddings.embed_contents([["a", "b"]])

    assert server.bodies[0]["parameters"]["enable_fusion"] is True


@pytest.mark.filterwarnings("ignore:Input 1 has")
def test_an_image_for_a_text_model_is_not_sent_together_with_texts(server: Server) -> None:
    server.script(
        json_reply({"output": {"embeddings": [{"text_index": 0, "embedding": [0.1]}]}, "request_id": "r"}),
        json_reply({"output": {"embeddings": [{"index": 0, "embedding": [0.2]}]}, "request_id": "r"}),
    )
    fields: Json = {"model": "text-embedding-v4", "check_capabilities": False, "max_concurrency": 1}

    found = make_embeddings(server, DASHSCOPE, **fields).embed_contents(["a", CONTENTS[0][1]])

    assert found == [[0.1], [0.2]]


def test_sparse_vectors_of_any_model_are_requested_without_the_check(server: Server) -> None:
    row = {"text_index": 0, "sparse_embedding": [{"index": 1, "value": 0.5}]}
    server.default = lambda _: json_reply({"output": {"embeddings": [row]}, "request_id": "r"})
    fields: Json = {"model": "text-embedding-v2"}

    with pytest.raises(UnsupportedInputError, match=WAY_THROUGH):
        make_embeddings(server, DASHSCOPE, **fields).embed_query_sparse("a")
    with pytest.warns(UserWarning, match="makes no sparse vectors"):
        found = make_embeddings(server, DASHSCOPE, check_capabilities=False, **fields).embed_query_sparse("a")

    assert found.to_dict() == {1: 0.5}


RANKINGS: list[tuple[str, list[Any], type[Exception]]] = [
    ("too many", ["a"] * 501, UnsupportedInputError),
    ("a long document", [LONG], ContextLengthError),
    ("long together", ["word " * 3_000] * 50, ContextLengthError),
]


@pytest.mark.parametrize(("documents", "error"), [row[1:] for row in RANKINGS], ids=[row[0] for row in RANKINGS])
def test_a_ranking_over_the_limits_is_requested_without_the_check(
    server: Server, stub: ProtocolStub, rank: Rank, documents: list[Any], error: type[Exception]
) -> None:
    server.default = rank_last_first
    with pytest.raises(error, match=WAY_THROUGH):
        rank(make_reranker(server, stub), documents, QUERY)

    with pytest.warns(UserWarning, match=SENT):
        found = rank(make_reranker(server, stub, check_capabilities=False), documents, QUERY)

    assert len(found) == len(documents)


def test_images_are_ranked_by_any_model_without_the_check(server: Server) -> None:
    server.default = rank_last_first

    with pytest.raises(UnsupportedInputError, match=WAY_THROUGH):
        make_reranker(server, DASHSCOPE).rerank([IMAGE], QUERY)
    with pytest.warns(UserWarning, match="has image input"):
        assert make_reranker(server, DASHSCOPE, check_capabilities=False).rerank([IMAGE], QUERY)
