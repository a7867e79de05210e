"""The exact texts of errors about responses that do not follow the protocol."""

from typing import Any

import pytest

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._seam import SERVED_BY, Destination, EmbeddingCall, Json, RerankCall, VectorKind
from langchain_qwen_workspace._wire._arguments import parse_arguments
from langchain_qwen_workspace._wire.batches import read_line
from langchain_qwen_workspace._wire.embeddings import DashScopeEmbeddingWire, OpenAIEmbeddingWire
from langchain_qwen_workspace._wire.rerank import OpenAIRerankWire
from langchain_qwen_workspace.errors import (
    InvalidResponseError,
    QwenWorkspaceError,
    StreamInterruptedError,
    UnsupportedInputError,
)
from langchain_qwen_workspace.profiles import profile_of
from tests.wire.golden._reading import request_of, wire_of

ID = "req-1"


def embedding(protocol: ProtocolName, *inputs: Any, kind: VectorKind = "dense", **given: Any) -> EmbeddingCall:
    return EmbeddingCall(
        model="text-embedding-v9",
        inputs=inputs,
        text_type="document",
        kind=kind,
        profile=profile_of("text-embedding-v9"),
        destination=Destination(protocol, "cn-beijing", "llm-1"),
        **given,
    )


def context_of(error: QwenWorkspaceError) -> tuple[Any, ...]:
    return error.request_id, error.model, error.protocol, error.region, error.workspace_id


# -------------------------------------------------------------------------------------------------------- embeddings


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (embedding("openai", "a", kind="sparse"), "`output_type='sparse'`"),
        (embedding("openai", "a", instruct="Find it."), "`instruct`"),
        (embedding("openai", ({"image": "https://a.example/1.png"},)), "Embedding of images and videos"),
    ],
)
def test_embeddings_of_the_dashscope_protocol_alone_are_refused(call: EmbeddingCall, what: str) -> None:
    with pytest.raises(UnsupportedInputError) as caught:
        OpenAIEmbeddingWire.encode(call)

    assert caught.value.message == f'{what} exists only on `protocol="dashscope"`. Use that protocol.'
    assert (caught.value.model, caught.value.protocol) == ("text-embedding-v9", "openai")


def vector_row(index: Any, vector: Any) -> Json:
    return {"index": index, "embedding": vector}


DENSE: list[tuple[Any, Json, str]] = [
    (None, {}, "it has no list of vectors"),
    ([vector_row(0, [1.0]), 5], {}, "it has no list of vectors"),
    ([vector_row(0, [1.0])], {}, "its 1 vectors have the indexes [0]"),
    ([vector_row(0, [1.0]), vector_row(7, [1.0])], {}, "its 2 vectors have the indexes [0, 7]"),
    ([vector_row(place, [1.0]) for place in (0, 3, True, 1)], {}, "its 4 vectors have the indexes [0, 3, True]"),
    ([vector_row(0, [1.0]), vector_row(1, {"a": 1})], {}, "a vector is neither a list nor base64: {'a': 1}"),
    ([vector_row(0, [1.0]), vector_row(1, [])], {}, "a vector is empty or has numbers that are not finite"),
    ([vector_row(0, [1.0]), vector_row(1, [True])], {}, "a vector has a boolean among its numbers"),
    ([vector_row(0, [1.0]), vector_row(1, "%")], {}, "Only base64 data is allowed"),
    ([vector_row(0, [1.0]), vector_row(1, [1.0, 2.0])], {}, "its vectors have 1, 2 components"),
    ([vector_row(0, [1.0]), vector_row(1, [1.0])], {"dimensions": 2}, "its vectors have 1 components instead of 2"),
]


@pytest.mark.parametrize(("rows", "asked", "why"), DENSE, ids=[why for *_, why in DENSE])
def test_dense_vectors_that_do_not_match_the_inputs_raise_invalid_response(rows: Any, asked: Json, why: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        OpenAIEmbeddingWire.decode({"data": rows, "request_id": ID}, embedding("openai", "a", "b", **asked))

    assert caught.value.message == (
        f"The response does not match the 2 inputs that were sent: {why}. Expected one vector of "
        "finite numbers for each."
    )
    assert context_of(caught.value) == (ID, "text-embedding-v9", "openai", "cn-beijing", "llm-1")


SPARSE: list[tuple[Any, str]] = [
    ({"a": "x" * 90}, f"a sparse vector is not a list of objects: {{'a': '{'x' * 73}"),
    ([{"index": 1, "value": 1.0}] * 2, "a sparse vector has an index twice, or an invalid index"),
    ([{"index": 1, "value": float("inf")}], "a sparse vector has numbers that are not finite"),
]


@pytest.mark.parametrize(("rows", "why"), SPARSE, ids=[why[:40] for _, why in SPARSE])
def test_a_malformed_sparse_vector_raises_invalid_response(rows: Any, why: str) -> None:
    body = {"output": {"embeddings": [{"text_index": 0, "sparse_embedding": rows}]}, "request_id": ID}

    with pytest.raises(InvalidResponseError) as caught:
        DashScopeEmbeddingWire.decode(body, embedding("dashscope", "a", kind="sparse"))

    assert caught.value.message == (
        f"The response does not match the 1 inputs that were sent: {why}. Expected one vector of "
        "finite numbers for each."
    )


def test_index_zero_of_a_sparse_vector_is_valid() -> None:
    rows = [{"index": 0, "value": 0.5, "token": "a"}]
    body = {"output": {"embeddings": [{"text_index": 0, "sparse_embedding": rows}]}}

    answer = DashScopeEmbeddingWire.decode(body, embedding("dashscope", "a", kind="sparse"))

    assert answer.sparse[0].to_dict() == {0: 0.5}


@pytest.mark.parametrize("wire", [OpenAIEmbeddingWire, DashScopeEmbeddingWire])
def test_an_embedding_request_has_an_error_context(wire: Any) -> None:
    call = embedding("openai", "a")

    request = wire.encode(call)

    assert request.error_context == {
        "model": "text-embedding-v9",
        "protocol": "openai",
        "region": "cn-beijing",
        "workspace_id": "llm-1",
    }


# ------------------------------------------------------------------------------------------------------------ ranking


def rank_row(index: Any, score: Any = 1) -> Json:
    return {"index": index, "relevance_score": score}


@pytest.mark.parametrize(
    ("results", "top_n", "why"),
    [
        ([rank_row(0), rank_row(5), rank_row(1, None), rank_row(2), rank_row(2)], None, "[0, 5, -1, 2]. Expected 3"),
        ([rank_row(0), rank_row(1), rank_row(2, 10**400)], None, "[0, 1, -1]. Expected 3"),
        ([], 2, "[]. Expected 2"),
        (None, None, "[]. Expected 3"),
    ],
)
def test_a_ranking_that_does_not_match_the_documents_raises_invalid_response(
    results: Any, top_n: int | None, why: str
) -> None:
    origin = Destination("openai", "cn-beijing", "llm-1")
    call = RerankCall(model="qwen3-rerank", query="q", documents=["a", "b", "c"], top_n=top_n, destination=origin)

    with pytest.raises(InvalidResponseError) as caught:
        OpenAIRerankWire.decode({"results": results, "request_id": ID}, call)

    assert caught.value.message == (
        f"The response does not match the 3 documents that were sent: it has the positions {why} different positions, "
        "each with a finite score."
    )
    assert context_of(caught.value) == (ID, "qwen3-rerank", "openai", "cn-beijing", "llm-1")


def test_vectors_and_rankings_have_the_destination_that_answered() -> None:
    other = Destination("openai", "cn-beijing", "llm-other")
    asked = Destination("openai", "cn-beijing", "llm-1")
    call = RerankCall(model="qwen3-rerank", query="q", documents=["a"], destination=asked)
    ranking: Json = {"results": [rank_row(0)]}
    vectors: Json = {"data": [vector_row(0, [1.0])]}

    assert OpenAIRerankWire.decode(ranking, call).destination == asked
    assert OpenAIRerankWire.decode({**ranking, SERVED_BY: other}, call).destination == other
    assert OpenAIEmbeddingWire.decode(vectors, embedding("openai", "a")).destination == asked
    assert OpenAIEmbeddingWire.decode({**vectors, SERVED_BY: other}, embedding("openai", "a")).destination == other


# ------------------------------------------------------------------------------------------------------------ batches


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[]", "TypeError('list indices must be integers or slices, not str'): '[]'"),
        (b'{"custom_id": 5}', "TypeError('`custom_id` is not a string'): '{\"custom_id\": 5}'"),
        (b"{}" + b" " * 300, "KeyError('custom_id'): '{}" + " " * 198 + "'"),
    ],
    ids=["a list", "a number", "long"],
)
def test_a_malformed_line_of_a_batch_raises_invalid_response(line: bytes, why: str) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        read_line(line, model="qwen-plus", destination=Destination("openai", "cn-beijing", "llm-1"))

    assert caught.value.message == f"A line of the batch's results is malformed: {why}."
    assert context_of(caught.value) == (None, "qwen-plus", "openai", "cn-beijing", "llm-1")


def test_a_refused_line_of_a_batch_has_the_services_message() -> None:
    line = b'{"custom_id": "a", "response": {"status_code": 400, "body": {"message": "No."}}}'
    read = read_line(line, model="qwen-plus", destination=Destination("openai", "cn-beijing", "llm-1"))
    assert (read.body, read.error and read.error.message) == (None, "No.")


# --------------------------------------------------------------------------------------------------------------- chat

SHAPES: list[tuple[Json, str]] = [
    ({"choices": [5]}, "AttributeError: 'int' object has no attribute 'get'"),
    ({"choices": [{"delta": {"content": "a", "audio": "x"}}]}, "TypeError: `audio` is str"),
    ({"choices": [{"delta": {"reasoning_content": ["x"]}}]}, "TypeError: `reasoning_content` is list"),
]


@pytest.mark.parametrize(("body", "why"), SHAPES, ids=[why for _, why in SHAPES])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_malformed_response_raises_invalid_response(body: Json, why: str, streamed: bool) -> None:
    wire, request = wire_of("openai"), request_of("qwen-plus", "openai")

    read = wire.decoder(request).feed if streamed else lambda answer: wire.decode(answer, request)

    with pytest.raises(InvalidResponseError) as caught:
        read({**body, "request_id": ID})

    assert caught.value.message.startswith(f"The response does not have the protocol's shape ({why}): {{'choices': [")
    assert caught.value.message.endswith("'request_id': 'req-1'}")
    assert context_of(caught.value) == (ID, "qwen-plus", "openai", "ap-southeast-1", "llm-golden")


def test_a_long_malformed_response_is_shortened_in_the_error() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of("openai").decode({"choices": [5], "id": "x" * 1000}, request_of("qwen-plus", "openai"))

    assert len(caught.value.message) < 250


def test_a_usage_that_is_not_an_object_raises_invalid_response() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of("openai").decoder(request_of("qwen-plus", "openai")).feed({"usage": [5]})

    assert caught.value.message == (
        "The response does not have the protocol's shape (TypeError: `usage` is list): {'usage': [5]}"
    )


def test_a_response_without_choices_raises_invalid_response() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of("openai").decode({"request_id": ID}, request_of("qwen-plus", "openai"))

    assert caught.value.message == "The response has no choices."
    assert context_of(caught.value) == (ID, "qwen-plus", "openai", "ap-southeast-1", "llm-golden")


def test_a_stream_without_finish_reason_is_interrupted() -> None:
    decoder = wire_of("openai").decoder(request_of("qwen-plus", "openai"))
    decoder.feed({"request_id": ID, "choices": [{"delta": {"content": "a"}}]})

    with pytest.raises(StreamInterruptedError) as caught:
        decoder.finish()

    assert caught.value.message == "The stream ended without a `finish_reason`, so the answer is incomplete."
    assert context_of(caught.value) == (ID, "qwen-plus", "openai", "ap-southeast-1", "llm-golden")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("[1]", "are of type list. Expected a JSON object."),
        ('"x"', "are of type str. Expected a JSON object."),
        (
            "{",
            "are not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
        ),
        ("[" * 100_000, "are nested too deeply."),
    ],
    ids=["list", "string", "broken", "deep"],
)
def test_invalid_tool_arguments_say_why(arguments: str, problem: str) -> None:
    assert parse_arguments("tool", arguments) == (None, f"The arguments of 'tool' {problem}")
