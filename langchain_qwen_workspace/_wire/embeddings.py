"""Encodes and decodes embeddings for each protocol; in one file, since both are short and share most code."""

import array
import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_qwen_workspace._seam import (
    SERVED_BY,
    Contents,
    Destination,
    EmbeddingCall,
    EmbeddingResponse,
    Json,
    Request,
    SparseVector,
)
from langchain_qwen_workspace._wire._usage import embedding_usage
from langchain_qwen_workspace.errors import InvalidResponseError, UnsupportedInputError


class OpenAIEmbeddingWire:
    """The openai protocol: dense vectors of texts. It cannot say whether a text is a query or a document."""

    supports_text_type = False

    @staticmethod
    def encode(call: EmbeddingCall) -> Request:
        """Return the request for some texts."""
        if call.kind != "dense":
            raise _dashscope_only_error(f"`output_type={call.kind!r}`", call)
        if call.instruct is not None:
            raise _dashscope_only_error("`instruct`", call)
        if any(not isinstance(item, str) for item in call.inputs):
            raise _dashscope_only_error("Embedding of images and videos", call)
        # Without `encoding_format` the SDK would send "base64", and Model Studio documents only "float".
        body: Json = {
            "model": call.model,
            "input": list(call.inputs),
            "encoding_format": "float",
            **call.parameters,
        }
        if call.dimensions is not None:
            body["dimensions"] = call.dimensions
        return Request(path="/embeddings", body=body, model=call.model, destination=call.destination)

    @staticmethod
    def decode(body: Json, call: EmbeddingCall) -> EmbeddingResponse:
        """Return one vector for each text, in the order of the texts."""
        return _decode_response(body.get("data"), "index", body, call)


class DashScopeEmbeddingWire:
    """The dashscope protocol, with one endpoint for texts and one for texts and media."""

    supports_text_type = True

    @staticmethod
    def encode(call: EmbeddingCall) -> Request:
        """Return the request for some texts, or for some contents."""
        parameters: Json = {}
        if call.dimensions is not None:
            parameters["dimension"] = call.dimensions
        if any(not isinstance(item, str) for item in call.inputs):
            path = "/services/embeddings/multimodal-embedding/multimodal-embedding"
            items: Json = {
                "contents": _fused_contents([item for item in call.inputs if not isinstance(item, str)], call)
            }
            if _has_contents_to_fuse(call):
                parameters["enable_fusion"] = True
        else:
            path = "/services/embeddings/text-embedding/text-embedding"
            items = {"texts": list(call.inputs)}
            parameters["text_type"] = call.text_type
            if call.kind != "dense":
                parameters["output_type"] = call.kind
        # The service allows it only with `text_type: "query"` (Model Studio docs, embedding guide, 2026).
        if call.instruct is not None and call.text_type == "query":
            parameters["instruct"] = call.instruct
        return Request(
            path=path,
            body={"model": call.model, "input": items, "parameters": parameters | dict(call.parameters)},
            model=call.model,
            destination=call.destination,
        )

    @staticmethod
    def decode(body: Json, call: EmbeddingCall) -> EmbeddingResponse:
        """Return one vector for each input, in the order of the inputs."""
        texts = all(isinstance(item, str) for item in call.inputs)
        output = body.get("output")
        rows = output.get("embeddings") if isinstance(output, dict) else None
        return _decode_response(rows, "text_index" if texts else "index", body, call)


def _has_contents_to_fuse(call: EmbeddingCall) -> bool:
    """Return whether the request must set the parameter that fuses all its contents into one vector."""
    profile = call.profile
    by_parameter = profile.fusion == "parameter" or (profile.fusion == "none" and not profile.enforced)
    return by_parameter and any(len(item) > 1 for item in call.inputs)


def _fused_contents(inputs: Sequence[Contents], call: EmbeddingCall) -> list[Json]:
    """Return the request's content objects, in the form in which the model fuses each input into one vector."""
    if call.profile.fusion != "object":
        return [part for contents in inputs for part in contents]
    return [{kind: source for part in contents for kind, source in part.items()} for contents in inputs]


def _dashscope_only_error(feature: str, call: EmbeddingCall) -> UnsupportedInputError:
    return UnsupportedInputError(
        f'{feature} exists only on `protocol="dashscope"`. Use that protocol.',
        model=call.model,
        protocol=call.destination.protocol,
    )


class _MismatchError(ValueError):
    """The response does not match the request; the message says how."""


def _decode_response(rows: Any, index: str, body: Json, call: EmbeddingCall) -> EmbeddingResponse:
    destination: Destination = body.get(SERVED_BY, call.destination)
    try:
        sorted_rows = _sort_rows(rows, index, len(call.inputs))
        dense = [_decode_vector(row.get("embedding")) for row in sorted_rows] if "dense" in call.kind else []
        sparse = (
            [_decode_sparse_vector(row.get("sparse_embedding")) for row in sorted_rows] if "sparse" in call.kind else []
        )
        _check_sizes(dense, call)
    except (_MismatchError, TypeError, ValueError, OverflowError) as error:
        raise InvalidResponseError(
            f"The response does not match the {len(call.inputs)} inputs that were sent: {error}. Expected one vector "
            "of finite numbers for each.",
            request_id=body.get("request_id"),
            model=call.model,
            **destination.facts,
        ) from error
    return EmbeddingResponse(
        dense=dense,
        sparse=sparse,
        usage=embedding_usage(body.get("usage")),
        request_id=body.get("request_id"),
        destination=destination,
    )


def _sort_rows(rows: Any, index: str, count: int) -> list[Mapping[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _MismatchError("it has no list of vectors")
    by_position = {row.get(index): row for row in rows if type(row.get(index)) is int}
    if len(rows) != count or by_position.keys() != set(range(count)):
        raise _MismatchError(
            f"its {len(rows)} vectors have the indexes {[row.get(index) for row in rows][: count + 1]}"
        )
    return [by_position[position] for position in range(count)]


def _decode_vector(value: Any) -> list[float]:
    if isinstance(value, str):
        # Little-endian 32-bit floats, which the service returns for "base64" (recording of 2025-11).
        vector = array.array("f", base64.b64decode(value, validate=True)).tolist()
    elif isinstance(value, list):
        vector = _to_floats(value)
    else:
        raise _MismatchError(f"a vector is neither a list nor base64: {value!r:.80}")
    if not vector or not all(map(math.isfinite, vector)):
        raise _MismatchError("a vector is empty or has numbers that are not finite")
    return vector


def _to_floats(values: list[Any]) -> list[float]:
    # Most vectors have only floats already and are not copied: a copy of each would double the peak of memory.
    types = set(map(type, values))
    if bool in types:
        raise _MismatchError("a vector has a boolean among its numbers")
    return values if types == {float} else array.array("d", values).tolist()


def _decode_sparse_vector(rows: Any) -> SparseVector:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _MismatchError(f"a sparse vector is not a list of objects: {rows!r:.80}")
    indices = [row.get("index") for row in rows]
    if not all(type(index) is int and index >= 0 for index in indices) or len(set(indices)) != len(indices):
        raise _MismatchError("a sparse vector has an index twice, or an invalid index")
    values = _to_floats([row.get("value") for row in rows])
    if not all(map(math.isfinite, values)):
        raise _MismatchError("a sparse vector has numbers that are not finite")
    tokens = [row.get("token") for row in rows]
    return SparseVector(indices, values, [str(token) for token in tokens] if None not in tokens else [])


def _check_sizes(dense: Sequence[Sequence[float]], call: EmbeddingCall) -> None:
    """Raise if a vector's length differs from the requested one or from the others'. The catalogue judges no answer."""
    sizes = {len(vector) for vector in dense}
    if len(sizes) > 1 or (call.dimensions is not None and sizes - {call.dimensions}):
        raise _MismatchError(
            f"its vectors have {', '.join(map(str, sorted(sizes)))} components"
            + (f" instead of {call.dimensions}" if call.dimensions is not None else "")
        )
