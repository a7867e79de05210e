"""Rerank over openai and dashscope: checks a request and scores the documents by the words they share with the query.

Nothing looks inside images and videos: they are scored by the words of their file's name, so
`https://example.com/red_car.png` matches "a red car"; a data URI only matches the same data URI.
Limits and shapes: Model Studio docs, text-rerank page of 2026-07-01.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _media, _tokens
from langchain_qwen_workspace.sandbox._calls import Call, Reply
from langchain_qwen_workspace.sandbox._errors import (
    INVALID_BODY,
    check_keys,
    inference_error,
    missing_parameter_error,
    parameter_error,
)
from langchain_qwen_workspace.sandbox._models import RerankModel
from langchain_qwen_workspace.sandbox._retrieval import vectors


@dataclass(frozen=True, slots=True)
class _Item:
    """A query or a document: its kind, and the text by which it is compared."""

    kind: str
    text: str

    @property
    def tokens(self) -> int:
        """The number of tokens that it counts."""
        return _tokens.count(self.text) if self.kind == "text" else _tokens.PER_MEDIUM


def answer_openai(call: Call) -> Reply:
    """Answer `/compatible-api/v1/reranks`, whose body is flat."""
    model, body = call.find_model(RerankModel), call.body
    check_keys(body, ("model", "query", "documents", "top_n", "instruct"), "$")
    results, usage = _rank(body, body, model, uploads=False)
    return Reply({"object": "list", "results": results, "model": model.name, "id": call.request_id, "usage": usage})


def answer_dashscope(call: Call) -> Reply:
    """Answer DashScope's rerank endpoint."""
    # The text for an unknown model is recorded on this endpoint (2025-11).
    model, body = call.find_model(RerankModel, unknown="Model not exist."), call.body
    given, parameters = body.get("input"), body.get("parameters") or {}
    if not isinstance(given, Mapping) or not isinstance(parameters, Mapping):
        raise parameter_error(INVALID_BODY)
    check_keys(body, ("model", "input", "parameters"), "$")
    check_keys(given, ("query", "documents"), "input")
    allowed = {"top_n", "return_documents", "instruct"} | ({"fps"} if model.max_videos else set())
    check_keys(parameters, allowed, "parameters")
    fps = parameters.get("fps", 1)
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps <= 1:
        raise inference_error("Range of fps should be (0, 1]")  # our text
    results, usage = _rank(given, parameters, model, uploads=call.may_use_uploads())
    if parameters.get("return_documents"):
        results = [{"document": _as_object(given["documents"][result["index"]]), **result} for result in results]
    return Reply({"output": {"results": results}, "usage": usage, "request_id": call.request_id})


def _as_object(document: str | Mapping[str, str]) -> Mapping[str, str]:
    return {"text": document} if isinstance(document, str) else document


def _rank(
    given: Mapping[str, Any], options: Mapping[str, Any], model: RerankModel, *, uploads: bool
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the results, best first, and the usage."""
    top_n = options.get("top_n")
    query = _read_item(given.get("query"), "query", ("text", "image"), model, uploads=uploads)
    raw = given.get("documents")
    if not isinstance(raw, list) or not raw:
        raise missing_parameter_error("documents")
    documents = [_read_item(d, "documents", ("text", "image", "video"), model, uploads=uploads) for d in raw]
    _check_counts(documents, model)
    if top_n is not None and (not isinstance(top_n, int) or isinstance(top_n, bool) or top_n < 1):
        raise missing_parameter_error("top_n")
    results = [{"index": n, "relevance_score": vectors.relevance(query.text, d.text)} for n, d in enumerate(documents)]
    results.sort(key=lambda result: (-result["relevance_score"], result["index"]))
    # The query is billed once for every document (docs).
    tokens = query.tokens * len(documents) + sum(document.tokens for document in documents)
    return results[:top_n], {"total_tokens": tokens}


def _read_item(given: Any, where: str, kinds: tuple[str, ...], model: RerankModel, *, uploads: bool) -> _Item:
    """Read a query or a document, in the forms that the model takes."""
    if isinstance(given, str):
        given = {"text": given}
    elif not model.max_images:
        raise missing_parameter_error(where)
    if not isinstance(given, Mapping) or len(given) != 1 or (kind := next(iter(given))) not in kinds:
        raise missing_parameter_error(where)
    content = given[kind]
    if kind == "text":
        if not isinstance(content, str) or (where == "query" and not content):
            raise missing_parameter_error(where)
        return _Item(kind, content)
    _media.check(kind, content, uploads=uploads)
    return _Item(kind, _media.searchable_text(content))


def _check_counts(documents: list[_Item], model: RerankModel) -> None:
    counts = Counter(document.kind for document in documents)
    for kind, most in (("text", model.max_documents), ("image", model.max_images), ("video", model.max_videos)):
        if counts[kind] > most:
            raise parameter_error(f"Value error, batch size is invalid, it should not be larger than {most}.")
