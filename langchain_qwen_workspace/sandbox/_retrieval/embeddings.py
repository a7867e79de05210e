"""Embedding requests of both wires: checked, then answered with hashed vectors.

Limits and shapes: Model Studio docs, text-embedding page of 2026-08-13. The docs allow only
`encoding_format: "float"`; a recording (2026, text-embedding-v3) shows `base64` answered, so both are.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat.messages import check_keys
from langchain_qwen_workspace.sandbox._errors import refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import EmbeddingModel
from langchain_qwen_workspace.sandbox._retrieval import vectors

_NOT_TEXT = "Value error, contents is neither str nor list of str.: input.contents"


def compatible(body: Mapping[str, Any], model: EmbeddingModel, request_id: str) -> dict[str, Any]:
    """Answer `/compatible-mode/v1/embeddings`.

    Args:
        body: The JSON body.
        model: The model it names.
        request_id: The request's id.

    Returns:
        The body of the answer.

    Raises:
        Refusal: If the service would refuse it.
    """
    check_keys(body, ("model", "input", "dimensions", "encoding_format", "user"), "$")
    texts = _texts(body.get("input"), model)
    dimension = _dimension(body.get("dimensions"), model)
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise refuse(f"'{encoding}' is not one of ['float', 'base64'] - 'encoding_format'")
    data = []
    for index, text in enumerate(texts):
        vector = vectors.dense(text, dimension, normalised=model.normalised)
        packed = base64.b64encode(struct.pack(f"<{dimension}f", *vector)).decode() if encoding == "base64" else vector
        data.append({"embedding": packed, "index": index, "object": "embedding"})
    tokens = sum(map(_tokens.count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"data": data, "object": "list", "model": model.name, "usage": usage, "id": request_id}


def native(body: Mapping[str, Any], model: EmbeddingModel, request_id: str) -> dict[str, Any]:
    """Answer the native text-embedding endpoint.

    Args:
        body: The JSON body.
        model: The model it names.
        request_id: The request's id.

    Returns:
        The body of the answer.

    Raises:
        Refusal: If the service would refuse it.
    """
    given, parameters = body.get("input"), body.get("parameters") or {}
    if not isinstance(given, Mapping) or not isinstance(parameters, Mapping) or "texts" not in given:
        raise refuse("Required parameter(input.texts) missing or invalid, please check the request parameters.")
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("texts",), "input")
    check_keys(parameters, ("dimension", "text_type", "output_type", "instruct"), "parameters")
    texts = _texts(given["texts"], model)
    role, form = _roles(parameters, model)
    dimension = _dimension(parameters.get("dimension"), model)
    embeddings = []
    for index, text in enumerate(texts):
        item: dict[str, Any] = {}
        if "sparse" in form:
            item["sparse_embedding"] = vectors.sparse(text)
        if "dense" in form:
            item["embedding"] = vectors.dense(text, dimension, role=role, normalised=model.normalised)
        embeddings.append({**item, "text_index": index})
    usage = {"total_tokens": sum(map(_tokens.count, texts))}
    return {"output": {"embeddings": embeddings}, "usage": usage, "request_id": request_id}


def _texts(given: Any, model: EmbeddingModel) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise refuse_algo(_NOT_TEXT)
    if len(texts) > model.max_rows:
        most = model.max_rows
        raise refuse_algo(f"Value error, batch size is invalid, it should not be larger than {most}.: input.contents")
    if not all(1 <= _tokens.count(text) <= model.max_tokens for text in texts):
        raise refuse_algo(f"Range of input length should be [1, {model.max_tokens}]")
    return texts


def _dimension(given: Any, model: EmbeddingModel) -> int:
    if given is None:
        return model.dimensions[0]
    if isinstance(given, bool) or given not in model.dimensions:
        allowed = sorted(model.dimensions)
        raise refuse_algo(f"Value error, dimension is invalid, it should be one of {allowed}.: parameters.dimension")
    return int(given)


def _roles(parameters: Mapping[str, Any], model: EmbeddingModel) -> tuple[str, str]:
    """What tells vectors apart, and which kinds of vector are asked for."""
    role = parameters.get("text_type", "document")
    if role not in ("query", "document"):
        raise refuse_algo(f"Value error, '{role}' is not one of ['query', 'document'].: parameters.text_type")
    form = parameters.get("output_type", "dense")
    if form not in ("dense", "sparse", "dense&sparse") or (form != "dense" and not model.sparse):
        raise refuse_algo(f"Value error, output_type '{form}' is not supported.: parameters.output_type")
    instruct = parameters.get("instruct")
    if instruct is not None and (role != "query" or not isinstance(instruct, str)):
        raise refuse_algo('Value error, instruct requires text_type "query".: parameters.instruct')  # own words
    return ("" if role == "document" else f"query {instruct or ''}"), form
