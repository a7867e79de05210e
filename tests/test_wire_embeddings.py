"""Text embeddings in both dialects, against JSON typed in from the documentation."""

import base64
import struct
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_qwen_workspace._protocols import PROTOCOLS
from langchain_qwen_workspace._types import EmbeddingCall, EmbeddingWire, Origin, ProtocolName
from langchain_qwen_workspace.errors import InvalidResponseError
from tests.golden import REQUEST_ID, Json

by_protocol = pytest.mark.parametrize("protocol", ["openai", "dashscope"])
TEXTS = ("风急天高猿啸哀", "渚清沙白鸟飞回 🏞️")


def call_of(
    protocol: ProtocolName,
    texts: tuple[str, ...] = TEXTS,
    *,
    kind: Literal["query", "document"] = "document",
    dimensions: int | None = None,
    **parameters: Any,
) -> EmbeddingCall:
    return EmbeddingCall(
        model="text-embedding-v4",
        texts=texts,
        kind=kind,
        dimensions=dimensions,
        parameters=parameters,
        origin=Origin(protocol, "ap-southeast-1", "llm-golden"),
    )


def wire_of(protocol: ProtocolName) -> EmbeddingWire:
    return PROTOCOLS[protocol].embeddings


def answer(protocol: ProtocolName, rows: list[tuple[Any, Any]]) -> Json:
    """Return an answer as documented (2026-09): each row is a position and its vector."""
    if protocol == "openai":
        return {
            "data": [{"embedding": vector, "index": index, "object": "embedding"} for index, vector in rows],
            "model": "text-embedding-v4",
            "object": "list",
            "usage": {"prompt_tokens": 184, "total_tokens": 184},
            "id": REQUEST_ID,
            "request_id": REQUEST_ID,
        }
    embeddings = [{"text_index": index, "embedding": vector} for index, vector in rows]
    return {"output": {"embeddings": embeddings}, "usage": {"total_tokens": 27}, "request_id": REQUEST_ID}


# ---------------------------------------------------------------------------------------------------------- requests


@pytest.mark.parametrize("kind", ["query", "document"])
def test_the_compatible_request_has_no_word_for_what_a_text_is(kind: Literal["query", "document"]) -> None:
    request = wire_of("openai").encode(call_of("openai", kind=kind, dimensions=1024))

    assert request.path == "/embeddings"
    assert request.body == {
        "model": "text-embedding-v4",
        "input": ["风急天高猿啸哀", "渚清沙白鸟飞回 🏞️"],
        "dimensions": 1024,
        "encoding_format": "float",
    }
    assert not request.stream


def test_the_compatible_request_without_a_size() -> None:
    assert wire_of("openai").encode(call_of("openai", ("a",))).body == {
        "model": "text-embedding-v4",
        "input": ["a"],
        "encoding_format": "float",
    }


@pytest.mark.parametrize("kind", ["query", "document"])
def test_the_native_request_says_what_a_text_is(kind: Literal["query", "document"]) -> None:
    request = wire_of("dashscope").encode(call_of("dashscope", kind=kind, dimensions=1024))

    assert request.path == "/services/embeddings/text-embedding/text-embedding"
    assert request.body == {
        "model": "text-embedding-v4",
        "input": {"texts": ["风急天高猿啸哀", "渚清沙白鸟飞回 🏞️"]},
        "parameters": {"dimension": 1024, "text_type": kind},
    }
    assert not request.stream


def test_further_parameters_go_where_the_protocol_has_them() -> None:
    instruct = "Given a research paper query, retrieve relevant research paper"

    native = wire_of("dashscope").encode(call_of("dashscope", ("a",), kind="query", instruct=instruct))
    compatible = wire_of("openai").encode(call_of("openai", ("a",), user="me"))

    assert native.body["parameters"] == {"text_type": "query", "instruct": instruct}
    assert compatible.body["user"] == "me"


# ----------------------------------------------------------------------------------------------------------- answers


@by_protocol
def test_vectors_come_in_the_order_of_the_texts(protocol: ProtocolName) -> None:
    body = answer(protocol, [(1, [0.5, -0.25]), (0, [1, 2.0])])

    vectors = wire_of(protocol).decode(body, call_of(protocol))

    assert vectors == [[1.0, 2.0], [0.5, -0.25]]
    assert all(type(component) is float for vector in vectors for component in vector)


@given(
    order=st.permutations(range(5)),
    vectors=st.lists(st.lists(st.floats(-1, 1), min_size=2, max_size=2), min_size=5, max_size=5),
    protocol=st.sampled_from(["openai", "dashscope"]),
)
def test_vectors_in_any_order_come_in_the_order_of_the_texts(
    order: list[int], vectors: list[list[float]], protocol: ProtocolName
) -> None:
    body = answer(protocol, [(index, vectors[index]) for index in order])

    assert wire_of(protocol).decode(body, call_of(protocol, tuple("abcde"))) == vectors


def test_a_native_answer_may_have_sparse_vectors_beside() -> None:
    body = answer("dashscope", [(0, [1.0])])
    body["output"]["embeddings"][0]["sparse_embedding"] = [{"index": 7149, "value": 0.829, "token": "风"}]

    assert wire_of("dashscope").decode(body, call_of("dashscope", ("a",))) == [[1.0]]


def test_vectors_in_base64_are_read() -> None:
    # As the service answers the SDK's own default (recorded 2025-11).
    written = base64.b64encode(struct.pack("<3f", 1.0, -0.5, 0.25)).decode()

    assert wire_of("openai").decode(answer("openai", [(0, written)]), call_of("openai", ("a",))) == [[1.0, -0.5, 0.25]]


@by_protocol
@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(0, [1.0])],
        [(0, [1.0]), (0, [2.0])],
        [(0, [1.0]), (2, [2.0])],
        [(1, [1.0]), (2, [2.0])],
        [(0, [1.0]), (1, [2.0]), (1, [3.0])],
        [(0, [1.0]), (1, [2.0]), (2, [3.0])],
        [(0, [1.0]), (None, [2.0])],
        [(0, [1.0]), ("1", [2.0])],
        [(0, [1.0]), (1, [])],
        [(0, [1.0]), (1, None)],
        [(0, [1.0]), (1, 2.0)],
    ],
    ids=[
        "none", "one missing", "one twice", "a gap", "off by one", "one too many, twice", "one too many", "no position",
        "a word as position", "an empty vector", "no vector", "a number",
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_the_texts_is_an_error_that_names_the_request(
    protocol: ProtocolName, rows: list[tuple[Any, Any]]
) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of(protocol).decode(answer(protocol, rows), call_of(protocol))

    error = caught.value
    assert (error.model, error.protocol, error.region) == ("text-embedding-v4", protocol, "ap-southeast-1")
    assert (error.workspace_id, error.request_id) == ("llm-golden", REQUEST_ID)


@by_protocol
@pytest.mark.parametrize(
    "body",
    [{}, {"data": None, "output": None}, {"data": {}, "output": {}}, {"output": {"embeddings": None}}],
    ids=str,
)
def test_an_answer_without_vectors_is_an_error(protocol: ProtocolName, body: Json) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(body, call_of(protocol))


@by_protocol
@pytest.mark.parametrize("row", [None, "x"], ids=str)
def test_a_row_that_is_no_object_is_an_error_of_this_package(protocol: ProtocolName, row: Any) -> None:
    body = answer(protocol, [])
    body = {"data": [row]} if protocol == "openai" else {"output": {"embeddings": [row]}}

    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(body, call_of(protocol, ("a",)))


@by_protocol
@pytest.mark.parametrize("vector", ["AAA", "AAAA", [None], ["x"], [[1.0]]], ids=str)
def test_a_vector_that_is_none_is_an_error_of_this_package(protocol: ProtocolName, vector: Any) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(answer(protocol, [(0, vector)]), call_of(protocol, ("a",)))
