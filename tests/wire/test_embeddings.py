"""The embedding wires of both protocols, against JSON typed in from the documentation."""

import base64
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._protocols import embedding_wire
from langchain_qwen_workspace._seam import Destination, EmbeddingCall, EmbeddingWire, SparseVector, TextType, VectorKind
from langchain_qwen_workspace.errors import InvalidResponseError, UnsupportedInputError
from langchain_qwen_workspace.profiles import profile_of
from tests.support.protocols import PROTOCOLS
from tests.wire.golden import REQUEST_ID, Json

TEXTS = ("风急天高猿啸哀", "渚清沙白鸟飞回 🏞️")


def call_of(
    protocol: ProtocolName,
    inputs: tuple[Any, ...] = TEXTS,
    *,
    text_type: TextType = "document",
    kind: VectorKind = "dense",
    dimensions: int | None = None,
    instruct: str | None = None,
    model: str = "text-embedding-v9",
    **parameters: Any,
) -> EmbeddingCall:
    return EmbeddingCall(
        model=model,
        inputs=inputs,
        text_type=text_type,
        kind=kind,
        dimensions=dimensions,
        instruct=instruct,
        parameters=parameters,
        profile=profile_of(model),
        destination=Destination(protocol, "ap-southeast-1", "llm-golden"),
    )


def wire_of(protocol: ProtocolName) -> EmbeddingWire:
    return embedding_wire(protocol)


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

by_text_type = pytest.mark.parametrize("text_type", ["query", "document"])


@by_text_type
def test_the_openai_request_has_no_text_type(text_type: TextType) -> None:
    call = call_of("openai", model="text-embedding-v4", text_type=text_type, dimensions=1024)

    request = wire_of("openai").encode(call)

    assert request.path == "/embeddings"
    assert request.body == {
        "model": "text-embedding-v4",
        "input": ["风急天高猿啸哀", "渚清沙白鸟飞回 🏞️"],
        "dimensions": 1024,
        "encoding_format": "float",
    }
    assert not request.stream


def test_the_openai_request_without_dimensions() -> None:
    assert wire_of("openai").encode(call_of("openai", ("a",))).body == {
        "model": "text-embedding-v9",
        "input": ["a"],
        "encoding_format": "float",
    }


@by_text_type
def test_the_dashscope_request_has_the_text_type(text_type: TextType) -> None:
    call = call_of("dashscope", model="text-embedding-v4", text_type=text_type, dimensions=1024)

    request = wire_of("dashscope").encode(call)

    assert request.path == "/services/embeddings/text-embedding/text-embedding"
    assert request.body == {
        "model": "text-embedding-v4",
        "input": {"texts": ["风急天高猿啸哀", "渚清沙白鸟飞回 🏞️"]},
        "parameters": {"dimension": 1024, "text_type": text_type},
    }
    assert not request.stream


def test_the_dashscope_request_of_the_documentation() -> None:
    instruct = "Given a research paper query, retrieve relevant research paper"
    call = call_of(
        "dashscope",
        model="text-embedding-v4",
        text_type="query",
        kind="dense&sparse",
        dimensions=1024,
        instruct=instruct,
    )

    assert wire_of("dashscope").encode(call).body["parameters"] == {
        "dimension": 1024,
        "text_type": "query",
        "output_type": "dense&sparse",
        "instruct": instruct,
    }


def test_instruct_is_sent_only_with_queries() -> None:
    body = wire_of("dashscope").encode(call_of("dashscope", ("a",), text_type="document", instruct="Find it.")).body

    assert body["parameters"] == {"text_type": "document"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"kind": "sparse"}, "`output_type='sparse'`"),
        ({"kind": "dense&sparse"}, "`output_type='dense&sparse'`"),
        ({"instruct": "Find it."}, "`instruct`"),
        ({"inputs": (({"image": "https://example.com/a.png"},),)}, "images and videos"),
    ],
    ids=["sparse", "hybrid", "instruct", "media"],
)
def test_features_that_the_openai_protocol_lacks_are_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedInputError, match='protocol="dashscope"') as caught:
        wire_of("openai").encode(call_of("openai", **given))

    assert named in caught.value.message
    assert (caught.value.protocol, caught.value.model) == ("openai", "text-embedding-v9")


def test_further_parameters_override_and_are_sent_where_the_protocol_has_them() -> None:
    dashscope = wire_of("dashscope").encode(call_of("dashscope", ("a",), output_type="dense"))
    openai = wire_of("openai").encode(call_of("openai", ("a",), user="me"))

    assert dashscope.body["parameters"] == {"text_type": "document", "output_type": "dense"}
    assert openai.body["user"] == "me"


# ----------------------------------------------------------------------------------------------------------- answers


def test_vectors_are_returned_in_the_order_of_the_texts(protocol: ProtocolName) -> None:
    body = answer(protocol, [(1, [0.5, -0.25]), (0, [1, 2.0])])

    vectors = wire_of(protocol).decode(body, call_of(protocol)).dense

    assert vectors == [[1.0, 2.0], [0.5, -0.25]]
    assert all(type(component) is float for vector in vectors for component in vector)


@given(
    order=st.permutations(range(5)),
    vectors=st.lists(st.lists(st.floats(-1, 1), min_size=2, max_size=2), min_size=5, max_size=5),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_vectors_in_any_order_are_returned_in_the_order_of_the_texts(
    order: list[int], vectors: list[list[float]], protocol: ProtocolName
) -> None:
    body = answer(protocol, [(index, vectors[index]) for index in order])

    assert wire_of(protocol).decode(body, call_of(protocol, tuple("abcde"))).dense == vectors


def test_a_response_has_the_usage_and_the_request_id() -> None:
    dashscope = wire_of("dashscope").decode(answer("dashscope", [(0, [1.0])]), call_of("dashscope", ("a",)))
    openai = wire_of("openai").decode(answer("openai", [(0, [1.0])]), call_of("openai", ("a",)))

    assert (dashscope.usage, dashscope.request_id) == (
        {"input_tokens": 27, "output_tokens": 0, "total_tokens": 27},
        REQUEST_ID,
    )
    assert (openai.usage, openai.request_id) == (
        {"input_tokens": 184, "output_tokens": 0, "total_tokens": 184},
        REQUEST_ID,
    )


SPARSE = [{"index": 7149, "value": 0.829, "token": "风"}, {"index": 111290, "value": 0.9004, "token": "天"}]


def with_sparse(rows: list[Any], *, dense: bool = True) -> Json:
    """Return a dashscope answer of one text, with a sparse vector (docs, 2026-08)."""
    row = {"text_index": 0, "sparse_embedding": rows} | ({"embedding": [1.0, 2.0]} if dense else {})
    return {"output": {"embeddings": [row]}, "usage": {"total_tokens": 27}, "request_id": REQUEST_ID}


def test_a_hybrid_response_has_dense_and_sparse_vectors() -> None:
    found = wire_of("dashscope").decode(with_sparse(SPARSE), call_of("dashscope", ("a",), kind="dense&sparse"))

    assert found.dense == [[1.0, 2.0]]
    assert found.sparse == [SparseVector([7149, 111290], [0.829, 0.9004], ["风", "天"])]
    assert found.sparse[0].to_dict() == {7149: 0.829, 111290: 0.9004}


def test_a_sparse_response_has_only_sparse_vectors() -> None:
    body = with_sparse([{"index": 1, "value": 2}], dense=False)

    found = wire_of("dashscope").decode(body, call_of("dashscope", ("a",), kind="sparse"))

    assert (found.dense, found.sparse) == ([], [SparseVector([1], [2.0], [])])


def test_a_sparse_vector_that_was_not_requested_is_ignored() -> None:
    found = wire_of("dashscope").decode(with_sparse(SPARSE), call_of("dashscope", ("a",)))

    assert (found.dense, found.sparse) == ([[1.0, 2.0]], [])


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "x",
        [None],
        [[1, 0.5]],
        [{"value": 0.5}],
        [{"index": 1}],
        [{"index": -1, "value": 0.5}],
        [{"index": True, "value": 0.5}],
        [{"index": "1", "value": 0.5}],
        [{"index": 1.0, "value": 0.5}],
        [{"index": 1, "value": "0.5"}],
        [{"index": 1, "value": None}],
        [{"index": 1, "value": float("nan")}],
        [{"index": 1, "value": True}],
        [{"index": 1, "value": 0.5}, {"index": 1, "value": 0.25}],
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["sparse", "dense&sparse"])
def test_a_malformed_sparse_vector_raises_invalid_response(rows: Any, kind: VectorKind) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of("dashscope").decode(with_sparse(rows), call_of("dashscope", ("a",), kind=kind))


def test_a_hybrid_response_without_the_dense_vector_raises_invalid_response() -> None:
    with pytest.raises(InvalidResponseError):
        wire_of("dashscope").decode(with_sparse(SPARSE, dense=False), call_of("dashscope", kind="dense&sparse"))


@pytest.mark.parametrize(
    ("model", "asked", "came", "message"),
    [
        ("text-embedding-v4", 512, 1024, "1024 components instead of 512"),
        ("text-embedding-v9", 3, 2, "2 components instead of 3"),
    ],
)
def test_vectors_of_an_unexpected_size_raise_invalid_response(
    protocol: ProtocolName, model: str, asked: int | None, came: int, message: str
) -> None:
    body = answer(protocol, [(0, [1.0] * came)])

    with pytest.raises(InvalidResponseError, match=message):
        wire_of(protocol).decode(body, call_of(protocol, ("a",), model=model, dimensions=asked))


@pytest.mark.parametrize(
    ("model", "asked", "came"),
    [
        ("text-embedding-v4", None, 1024),
        ("text-embedding-v4", None, 64),  # the default may be another one tomorrow
        ("text-embedding-v4", 512, 512),
        ("text-embedding-v2", None, 1536),
        ("text-embedding-v2", None, 2048),  # a size that the catalogue does not have
        ("text-embedding-v9", None, 7),
        ("text-embedding-v9", 7, 7),
    ],
)
def test_vectors_of_the_requested_size_or_of_any_one_size_are_returned(
    protocol: ProtocolName, model: str, asked: int | None, came: int
) -> None:
    body = answer(protocol, [(0, [1.0] * came)])

    found = wire_of(protocol).decode(body, call_of(protocol, ("a",), model=model, dimensions=asked))

    assert found.dense == [[1.0] * came]


def test_vectors_of_different_sizes_raise_invalid_response(protocol: ProtocolName) -> None:
    body = answer(protocol, [(0, [1.0]), (1, [1.0, 2.0])])

    with pytest.raises(InvalidResponseError, match="1, 2 components"):
        wire_of(protocol).decode(body, call_of(protocol))


def test_base64_vectors_are_decoded() -> None:
    # As the service answers the SDK's own default (recorded 2025-11).
    written = base64.b64encode(struct.pack("<3f", 1.0, -0.5, 0.25)).decode()

    found = wire_of("openai").decode(answer("openai", [(0, written)]), call_of("openai", ("a",)))

    assert found.dense == [[1.0, -0.5, 0.25]]


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
def test_a_response_that_does_not_match_the_texts_raises_invalid_response(
    protocol: ProtocolName, rows: list[tuple[Any, Any]]
) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        wire_of(protocol).decode(answer(protocol, rows), call_of(protocol))

    error = caught.value
    assert (error.model, error.protocol, error.region) == ("text-embedding-v9", protocol, "ap-southeast-1")
    assert (error.workspace_id, error.request_id) == ("llm-golden", REQUEST_ID)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None, "output": None},
        {"data": {}, "output": {}},
        {"data": "ab", "output": {"embeddings": "ab"}},
        {"data": 2, "output": {"embeddings": {}}},
    ],
    ids=str,
)
def test_a_response_without_vectors_raises_invalid_response(protocol: ProtocolName, body: Json) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(body, call_of(protocol))


@pytest.mark.parametrize("output", ["x", [1], 5, True], ids=str)
def test_a_dashscope_response_whose_output_is_not_an_object_raises_invalid_response(output: Any) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of("dashscope").decode({"output": output}, call_of("dashscope", ("a",)))


def test_a_vector_of_booleans_raises_invalid_response(protocol: ProtocolName) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(answer(protocol, [(0, [True, False])]), call_of(protocol, ("a",)))


@pytest.mark.parametrize("row", [None, "x", [0, [1.0]], {"index": [0], "text_index": [0], "embedding": [1.0]}], ids=str)
def test_a_malformed_row_raises_invalid_response(protocol: ProtocolName, row: Any) -> None:
    body = answer(protocol, [])
    body = {"data": [row]} if protocol == "openai" else {"output": {"embeddings": [row]}}

    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(body, call_of(protocol, ("a",)))


@pytest.mark.parametrize(
    "vector", ["AAA", "AAAA", [None], ["x"], [[1.0]], [float("nan")], [float("-inf")], [10**400], True], ids=str
)
def test_a_malformed_vector_raises_invalid_response(protocol: ProtocolName, vector: Any) -> None:
    with pytest.raises(InvalidResponseError):
        wire_of(protocol).decode(answer(protocol, [(0, vector)]), call_of(protocol, ("a",)))


IMAGE, VIDEO = {"image": "https://a.example/1.png"}, {"video": "https://a.example/1.mp4"}


@pytest.mark.parametrize(
    ("fusion", "contents", "fused"),
    [
        ("parameter", [IMAGE, VIDEO, IMAGE], {"enable_fusion": True}),
        ("object", [{**IMAGE, **VIDEO}, IMAGE], {}),
        ("never", [IMAGE, VIDEO, IMAGE], {}),
    ],
)
def test_contents_are_sent_to_the_multimodal_endpoint_fused_as_the_model_expects(
    fusion: Any, contents: list[Json], fused: Json
) -> None:
    call = call_of("dashscope", ((IMAGE, VIDEO), (IMAGE,)), dimensions=8)
    call = replace(call, profile=replace(call.profile, fusion=fusion))

    request = wire_of("dashscope").encode(call)

    assert request.path == "/services/embeddings/multimodal-embedding/multimodal-embedding"
    assert request.body == {
        "model": "text-embedding-v9",
        "input": {"contents": contents},
        "parameters": {"dimension": 8, **fused},
    }


def test_vectors_of_contents_are_ordered_by_index() -> None:
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]

    answer = wire_of("dashscope").decode({"output": {"embeddings": rows}}, call_of("dashscope", ((IMAGE,), (VIDEO,))))

    assert answer.dense == [[1.0], [2.0]]


def test_single_contents_are_not_fused() -> None:
    call = call_of("dashscope", ((IMAGE,), (VIDEO,)))

    request = wire_of("dashscope").encode(replace(call, profile=replace(call.profile, fusion="parameter")))

    assert request.body["parameters"] == {}
