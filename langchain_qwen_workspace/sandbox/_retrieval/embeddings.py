"""Text embeddings over openai and dashscope: checks a request and answers it with hashed vectors.

Limits and shapes: Model Studio docs, text-embedding page of 2026-08-13. The docs allow only
`encoding_format: "float"`; a recording (2026, text-embedding-v3) shows `base64` answered, so the sandbox accepts both.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import (
    check_keys,
    inference_error,
    missing_parameter_error,
    parameter_error,
)
from langchain_qwen_workspace.sandbox._models import EmbeddingModel
from langchain_qwen_workspace.sandbox._retrieval import vectors

_NOT_TEXT = "Value error, contents is neither str nor list of str.: input.contents"


def answer_openai(call: Call) -> Reply:
    """Answer `/compatible-mode/v1/embeddings`."""
    model, body = call.find_model(EmbeddingModel), call.body
    check_keys(body, ("model", "input", "dimensions", "encoding_format", "user"), "$")
    texts = _read_texts(body.get("input"), model)
    dimension = read_dimension(body.get("dimensions"), model.dimensions)
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise parameter_error(f"'{encoding}' is not one of ['float', 'base64'] - 'encoding_format'")
    data = []
    for index, text in enumerate(texts):
        vector = vectors.dense(text, dimension, is_normalized=model.is_normalized)
        packed = base64.b64encode(struct.pack(f"<{dimension}f", *vector)).decode() if encoding == "base64" else vector
        data.append({"embedding": packed, "index": index, "object": "embedding"})
    tokens = sum(map(_tokens.count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Reply({"data": data, "object": "list", "model": model.name, "usage": usage, "id": call.request_id})


def answer_dashscope(call: Call) -> Reply:
    """Answer DashScope's text-embedding endpoint."""
    model, body = call.find_model(EmbeddingModel), call.body
    given, parameters = body.get("input"), body.get("parameters") or {}
    if not isinstance(given, Mapping) or not isinstance(parameters, Mapping) or "texts" not in given:
        raise missing_parameter_error("input.texts")
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("texts",), "input")
    check_keys(parameters, ("dimension", "text_type", "output_type", "instruct"), "parameters")
    texts = _read_texts(given["texts"], model)
    role = _read_role(parameters)
    output_type = _read_output_type(parameters, model)
    dimension = read_dimension(parameters.get("dimension"), model.dimensions)
    embeddings = []
    for index, text in enumerate(texts):
        item: dict[str, Any] = {}
        if "sparse" in output_type:
            item["sparse_embedding"] = vectors.sparse(text)
        if "dense" in output_type:
            item["embedding"] = vectors.dense(text, dimension, role=role, is_normalized=model.is_normalized)
        embeddings.append({**item, "text_index": index})
    usage = {"total_tokens": sum(map(_tokens.count, texts))}
    return Reply({"output": {"embeddings": embeddings}, "usage": usage, "request_id": call.request_id})


def read_dimension(given: Any, offered: tuple[int, ...]) -> int:
    """Return the requested dimension, or the default one.

    Args:
        given: The dimension in the request, or None.
        offered: The dimensions that the model offers, the default first.

    Returns:
        The dimension.

    Raises:
        Refusal: If the model does not offer the dimension.
    """
    if given is None:
        return offered[0]
    if isinstance(given, bool) or given not in offered:
        allowed = sorted(offered)
        raise inference_error(
            f"Value error, dimension is invalid, it should be one of {allowed}.: parameters.dimension"
        )
    return int(given)


def _read_texts(given: Any, model: EmbeddingModel) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise inference_error(_NOT_TEXT)
    most = model.max_rows
    if len(texts) > most:
        raise inference_error(
            f"Value error, batch size is invalid, it should not be larger than {most}.: input.contents"
        )
    if not all(1 <= _tokens.count(text) <= model.max_tokens for text in texts):
        raise inference_error(f"Range of input length should be [1, {model.max_tokens}]")
    return texts


def _read_role(parameters: Mapping[str, Any]) -> str:
    """Return what the texts are for, as `vectors.dense` takes it: queries, with an instruction, or documents."""
    text_type = parameters.get("text_type", "document")
    if text_type not in ("query", "document"):
        raise inference_error(f"Value error, '{text_type}' is not one of ['query', 'document'].: parameters.text_type")
    instruct = parameters.get("instruct")
    if instruct is not None and (text_type != "query" or not isinstance(instruct, str)):
        raise inference_error('Value error, instruct requires text_type "query".: parameters.instruct')  # our text
    return "" if text_type == "document" else f"query {instruct or ''}"


def _read_output_type(parameters: Mapping[str, Any], model: EmbeddingModel) -> str:
    output_type = parameters.get("output_type", "dense")
    if output_type not in ("dense", "sparse", "dense&sparse") or (output_type != "dense" and not model.sparse):
        raise inference_error(f"Value error, output_type '{output_type}' is not supported.: parameters.output_type")
    return str(output_type)
