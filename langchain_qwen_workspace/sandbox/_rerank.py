"""Rerank requests of both wires: checked, then scored by shared words.

Limits and shapes: Model Studio docs, text-rerank page of 2026-07-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace.sandbox import _tokens, _vectors
from langchain_qwen_workspace.sandbox._errors import refuse
from langchain_qwen_workspace.sandbox._messages import check_keys
from langchain_qwen_workspace.sandbox._models import RerankModel


def compatible(body: Mapping[str, Any], model: RerankModel, request_id: str) -> dict[str, Any]:
    """Answer `/compatible-api/v1/reranks`, whose body is flat.

    Args:
        body: The JSON body.
        model: The model it names.
        request_id: The request's id.

    Returns:
        The body of the answer.

    Raises:
        Refusal: If the service would refuse it.
    """
    check_keys(body, ("model", "query", "documents", "top_n", "instruct"), "$")
    results, usage = _ranked(body, body, model)
    return {"object": "list", "results": results, "model": model.name, "id": request_id, "usage": usage}


def native(body: Mapping[str, Any], model: RerankModel, request_id: str) -> dict[str, Any]:
    """Answer the native rerank endpoint.

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
    if not isinstance(given, Mapping) or not isinstance(parameters, Mapping):
        raise refuse("Required body invalid, please check the request body format.")
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("query", "documents"), "input")
    check_keys(parameters, ("top_n", "return_documents", "instruct"), "parameters")
    results, usage = _ranked(given, parameters, model)
    if parameters.get("return_documents"):
        results = [{"document": {"text": given["documents"][r["index"]]}, **r} for r in results]
    return {"output": {"results": results}, "usage": usage, "request_id": request_id}


def _ranked(
    given: Mapping[str, Any], options: Mapping[str, Any], model: RerankModel
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    query, documents, top = given.get("query"), given.get("documents"), options.get("top_n")
    if not isinstance(query, str) or not query:
        raise refuse("Required parameter(query) missing or invalid, please check the request parameters.")
    if not isinstance(documents, list) or not documents or not all(isinstance(d, str) for d in documents):
        raise refuse("Required parameter(documents) missing or invalid, please check the request parameters.")
    if len(documents) > model.max_documents:
        raise refuse(f"Value error, batch size is invalid, it should not be larger than {model.max_documents}.")
    if top is not None and (not isinstance(top, int) or isinstance(top, bool) or top < 1):
        raise refuse("Required parameter(top_n) missing or invalid, please check the request parameters.")
    scored = [{"index": n, "relevance_score": _vectors.relevance(query, d)} for n, d in enumerate(documents)]
    scored.sort(key=lambda result: (-result["relevance_score"], result["index"]))
    # Billed as the docs say: the query counts once for every document.
    tokens = _tokens.count(query) * len(documents) + sum(map(_tokens.count, documents))
    return scored[:top], {"total_tokens": tokens}
