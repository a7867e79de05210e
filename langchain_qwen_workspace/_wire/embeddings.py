"""Embeddings in both dialects, side by side: they are too small for a file each."""

import array
import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

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
    """The compatible dialect: dense vectors of texts. It has no word for whether a text is a query or a document."""

    supports_text_type = False

    @staticmethod
    def encode(call: EmbeddingCall) -> Request:
        """Return the request for one batch of texts."""
        if call.kind != "dense":
            _refuse(f"`output_type` {call.kind!r}", call)
        if call.instruct is not None:
            _refuse("`instruct`", call)
        if any(not isinstance(given, str) for given in call.inputs):
            _refuse("Embedding of images and videos", call)
        # `encoding_format` is always said: the SDK would fill in "base64", and Model Studio documents only "float".
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
        """Return one vector per text, in the order of the texts."""
        return _answer(body.get("data"), "index", body, call)


class DashScopeEmbeddingWire:
    """The native dialect: one endpoint for texts, one for texts and media."""

    supports_text_type = True

    @staticmethod
    def encode(call: EmbeddingCall) -> Request:
        """Return the request for one batch."""
        parameters: Json = {}
        if call.dimensions is not None:
            parameters["dimension"] = call.dimensions
        if any(not isinstance(given, str) for given in call.inputs):
            path = "/services/embeddings/multimodal-embedding/multimodal-embedding"
            given: Json = {"contents": _contents([item for item in call.inputs if not isinstance(item, str)], call)}
            if _fuses_the_request(call):
                parameters["enable_fusion"] = True
        else:
            path = "/services/embeddings/text-embedding/text-embedding"
            given = {"texts": list(call.inputs)}
            parameters["text_type"] = call.text_type
            if call.kind != "dense":
                parameters["output_type"] = call.kind
        # Only beside `text_type: "query"` (Model Studio docs, embedding guide, 2026).
        if call.instruct is not None and call.text_type == "query":
            parameters["instruct"] = call.instruct
        return Request(
            path=path,
            body={"model": call.model, "input": given, "parameters": parameters | dict(call.parameters)},
            model=call.model,
            destination=call.destination,
        )

    @staticmethod
    def decode(body: Json, call: EmbeddingCall) -> EmbeddingResponse:
        """Return one vector per input, in the order of the inputs."""
        texts = all(isinstance(given, str) for given in call.inputs)
        output = body.get("output")
        rows = output.get("embeddings") if isinstance(output, dict) else None
        return _answer(rows, "text_index" if texts else "index", body, call)


def _fuses_the_request(call: EmbeddingCall) -> bool:
    """Say whether a request has to ask that all its contents become one vector."""
    return call.profile.fusion == "parameter" and any(len(given) > 1 for given in call.inputs)


def _contents(inputs: Sequence[Contents], call: EmbeddingCall) -> list[Json]:
    """Return the objects of a request, as the model wants them fused."""
    if call.profile.fusion != "object":
        return [part for contents in inputs for part in contents]
    return [{kind: source for part in contents for kind, source in part.items()} for contents in inputs]


def _refuse(what: str, call: EmbeddingCall) -> NoReturn:
    raise UnsupportedInputError(
        f'{what} exists only on the native protocol: use `protocol="dashscope"`.',
        model=call.model,
        protocol=call.destination.protocol,
    )


class _MisfitError(ValueError):
    """An answer does not fit the request, and how."""


def _answer(rows: Any, index: str, body: Json, call: EmbeddingCall) -> EmbeddingResponse:
    destination: Destination = body.get(SERVED_BY, call.destination)
    try:
        ordered = _in_order(rows, index, len(call.inputs))
        dense = [_vector(row.get("embedding")) for row in ordered] if "dense" in call.kind else []
        sparse = [_sparse(row.get("sparse_embedding")) for row in ordered] if "sparse" in call.kind else []
        _check_sizes(dense, call)
    except (_MisfitError, TypeError, ValueError, OverflowError) as error:
        raise InvalidResponseError(
            f"The answer does not fit the {len(call.inputs)} inputs that were sent: {error}. Expected one vector of "
            "finite numbers for each.",
            request_id=body.get("request_id"),
            model=call.model,
            **asdict(destination),
        ) from error
    return EmbeddingResponse(
        dense=dense,
        sparse=sparse,
        usage=embedding_usage(body.get("usage")),
        request_id=body.get("request_id"),
        destination=destination,
    )


def _in_order(rows: Any, index: str, count: int) -> list[Mapping[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _MisfitError("it has no list of vectors")
    places = {row.get(index): row for row in rows if type(row.get(index)) is int}
    if len(rows) != count or places.keys() != set(range(count)):
        raise _MisfitError(
            f"its {len(rows)} rows are for the positions {[row.get(index) for row in rows][: count + 1]}"
        )
    return [places[position] for position in range(count)]


def _vector(value: Any) -> list[float]:
    if isinstance(value, str):
        # Little-endian 32-bit floats, as the service answers where "base64" was asked (recording of 2025-11).
        vector = array.array("f", base64.b64decode(value, validate=True)).tolist()
    elif isinstance(value, list):
        vector = _floats(value)
    else:
        raise _MisfitError(f"a vector is {value!r:.80}")
    if not vector or not all(map(math.isfinite, vector)):
        raise _MisfitError("a vector is empty or has numbers that are not finite")
    return vector


def _floats(values: list[Any]) -> list[float]:
    # Most are floats already and stay as they were read: a copy of each would double the peak.
    kinds = set(map(type, values))
    if bool in kinds:
        raise _MisfitError("a vector has a truth value among its numbers")
    return values if kinds == {float} else array.array("d", values).tolist()


def _sparse(rows: Any) -> SparseVector:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _MisfitError(f"a sparse vector is {rows!r:.80}")
    indices = [row.get("index") for row in rows]
    if not all(type(index) is int and index >= 0 for index in indices) or len(set(indices)) != len(indices):
        raise _MisfitError("a sparse vector has a place twice, or one that is no place")
    values = _floats([row.get("value") for row in rows])
    if not all(map(math.isfinite, values)):
        raise _MisfitError("a sparse vector has numbers that are not finite")
    tokens = [row.get("token") for row in rows]
    return SparseVector(indices, values, [str(token) for token in tokens] if None not in tokens else [])


def _check_sizes(dense: Sequence[Sequence[float]], call: EmbeddingCall) -> None:
    """Raise if a vector is shorter or longer than asked for, than the model makes them, or than its neighbours."""
    sizes = {len(vector) for vector in dense}
    allowed = {call.dimensions} if call.dimensions is not None else set(call.profile.dimensions)
    if len(sizes) > 1 or (allowed and not sizes <= allowed):
        raise _MisfitError(
            f"its vectors have {', '.join(map(str, sorted(sizes)))} components"
            + (f" and not {' or '.join(map(str, sorted(allowed)))}" if allowed else "")
        )
