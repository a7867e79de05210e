"""Text embeddings in both dialects, side by side: they are too small for a file each."""

import array
import base64
from typing import Any

from langchain_qwen_workspace._types import EmbeddingCall, Json, Request
from langchain_qwen_workspace.errors import InvalidResponseError


class OpenAIEmbeddingWire:
    """The compatible dialect. It has no word for whether a text is a query or a document."""

    @staticmethod
    def encode(call: EmbeddingCall) -> Request:
        """Return the request for one batch of texts."""
        # `encoding_format` is always said: the SDK would fill in "base64", and Model Studio documents only "float".
        body: Json = {
            "model": call.model,
            "input": list(call.texts),
            "encoding_format": "float",
            **call.parameters,
        }
        if call.dimensions is not None:
            body["dimensions"] = call.dimensions
        return Request(path="/embeddings", body=body, model=call.model, origin=call.origin)

    @staticmethod
    def decode(body: Json, call: EmbeddingCall) -> list[list[float]]:
        """Return one vector per text, in the order of the texts."""
        return _in_order(body.get("data"), "index", body, call)


class DashScopeEmbeddingWire:
    """The native dialect."""

    @staticmethod
    def encode(call: EmbeddingCall) -> Request:
        """Return the request for one batch of texts."""
        parameters: Json = {"text_type": call.kind, **call.parameters}
        if call.dimensions is not None:
            parameters["dimension"] = call.dimensions
        return Request(
            path="/services/embeddings/text-embedding/text-embedding",
            body={"model": call.model, "input": {"texts": list(call.texts)}, "parameters": parameters},
            model=call.model,
            origin=call.origin,
        )

    @staticmethod
    def decode(body: Json, call: EmbeddingCall) -> list[list[float]]:
        """Return one vector per text, in the order of the texts."""
        return _in_order((body.get("output") or {}).get("embeddings"), "text_index", body, call)


def _in_order(rows: Any, index: str, body: Json, call: EmbeddingCall) -> list[list[float]]:
    vectors: dict[Any, list[float]] = {}
    try:
        for row in rows or ():
            vectors[row.get(index)] = _vector(row.get("embedding"))
        count = len(rows or ())
    except (AttributeError, TypeError, ValueError):
        count = -1  # A row or a vector is of another kind than the protocol says.
    if count != len(call.texts) or vectors.keys() != set(range(count)) or not all(vectors.values()):
        raise InvalidResponseError(
            f"{len(call.texts)} texts were sent, and the answer has vectors for the positions "
            f"{sorted(map(str, vectors))}. Expected one vector for each text.",
            request_id=body.get("request_id"),
            model=call.model,
            protocol=call.origin.protocol,
            region=call.origin.region,
            workspace_id=call.origin.workspace_id,
        )
    return [vectors[position] for position in range(len(call.texts))]


def _vector(value: Any) -> list[float]:
    if isinstance(value, str):
        # Little-endian 32-bit floats, as the service answers where "base64" was asked (recording of 2025-11).
        return array.array("f", base64.b64decode(value)).tolist()
    return [float(component) for component in value] if isinstance(value, list) else []
