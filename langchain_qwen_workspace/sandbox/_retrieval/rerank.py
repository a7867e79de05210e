"""Rerank requests of both wires: checked, then scored by shared words.

Nothing looks inside images and videos: they are scored by the words of their file's name, so
`https://example.com/red_car.png` answers "a red car"; a data URI only answers the same data URI.
Limits and shapes: Model Studio docs, text-rerank page of 2026-07-01.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_qwen_workspace.sandbox import _media, _tokens
from langchain_qwen_workspace.sandbox._chat.messages import check_keys
from langchain_qwen_workspace.sandbox._errors import Refusal, refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import RerankModel
from langchain_qwen_workspace.sandbox._retrieval import vectors

# What an image or a video costs, a round number as for the media of a chat.
_TOKENS_PER_MEDIUM = 64


@dataclass(frozen=True, slots=True)
class _Item:
    """A query or a document: its kind and what it is compared by."""

    kind: str
    text: str

    @property
    def tokens(self) -> int:
        """What it costs."""
        return _tokens.count(self.text) if self.kind == "text" else _TOKENS_PER_MEDIUM


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
    results, usage = _ranked(body, body, model, uploads=False)
    return {"object": "list", "results": results, "model": model.name, "id": request_id, "usage": usage}


def native(body: Mapping[str, Any], model: RerankModel, request_id: str, *, uploads: bool) -> dict[str, Any]:
    """Answer the native rerank endpoint.

    Args:
        body: The JSON body.
        model: The model it names.
        request_id: The request's id.
        uploads: Whether `oss://` references are resolved for this request.

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
    frames = ("fps",) if model.max_videos else ()
    check_keys(parameters, ("top_n", "return_documents", "instruct", *frames), "parameters")
    fps = parameters.get("fps", 1)
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps <= 1:
        raise refuse_algo("Range of fps should be (0, 1]")  # own words
    results, usage = _ranked(given, parameters, model, uploads=uploads)
    if parameters.get("return_documents"):
        results = [{"document": _returned(given["documents"][r["index"]]), **r} for r in results]
    return {"output": {"results": results}, "usage": usage, "request_id": request_id}


def _returned(document: str | Mapping[str, str]) -> Mapping[str, str]:
    return {"text": document} if isinstance(document, str) else document


def _ranked(
    given: Mapping[str, Any], options: Mapping[str, Any], model: RerankModel, *, uploads: bool
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    top = options.get("top_n")
    query = _item(given.get("query"), "query", ("text", "image"), model, uploads=uploads)
    listed = given.get("documents")
    if not isinstance(listed, list) or not listed:
        raise _invalid("documents")
    documents = [_item(d, "documents", ("text", "image", "video"), model, uploads=uploads) for d in listed]
    _check_numbers(documents, model)
    if top is not None and (not isinstance(top, int) or isinstance(top, bool) or top < 1):
        raise _invalid("top_n")
    scored = [{"index": n, "relevance_score": vectors.relevance(query.text, d.text)} for n, d in enumerate(documents)]
    scored.sort(key=lambda result: (-result["relevance_score"], result["index"]))
    # Billed as the docs say: the query counts once for every document.
    tokens = query.tokens * len(documents) + sum(document.tokens for document in documents)
    return scored[:top], {"total_tokens": tokens}


def _item(given: Any, where: str, kinds: tuple[str, ...], model: RerankModel, *, uploads: bool) -> _Item:
    """A query or a document, in the forms this model takes."""
    if isinstance(given, str):
        given = {"text": given}
    elif not model.max_images:
        raise _invalid(where)
    if not isinstance(given, Mapping) or len(given) != 1 or (kind := next(iter(given))) not in kinds:
        raise _invalid(where)
    content = given[kind]
    if kind == "text":
        if not isinstance(content, str) or (where == "query" and not content):
            raise _invalid(where)
        return _Item(kind, content)
    _media.check(kind, content, uploads=uploads)
    return _Item(kind, _media.words(content))


def _check_numbers(documents: list[_Item], model: RerankModel) -> None:
    kinds = Counter(document.kind for document in documents)
    for kind, most in (("text", model.max_documents), ("image", model.max_images), ("video", model.max_videos)):
        if kinds[kind] > most:
            raise refuse(f"Value error, batch size is invalid, it should not be larger than {most}.")


def _invalid(name: str) -> Refusal:
    return refuse(f"Required parameter({name}) missing or invalid, please check the request parameters.")
