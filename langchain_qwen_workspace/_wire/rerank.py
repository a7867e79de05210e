"""Ranking in both dialects, side by side: they are too small for a file each."""

import math
from dataclasses import asdict
from typing import Any

from langchain_qwen_workspace._seam import SERVED_BY, Destination, Json, Request, RerankCall, RerankResponse
from langchain_qwen_workspace._wire._usage import embedding_usage
from langchain_qwen_workspace.errors import InvalidResponseError, UnsupportedInputError


class OpenAIRerankWire:
    """The compatible dialect, whose body is flat. It ranks texts only."""

    @staticmethod
    def encode(call: RerankCall) -> Request:
        """Return the request for a call."""
        if any(not isinstance(text, str) for text in (call.query, *call.documents)):
            raise UnsupportedInputError(
                'Ranking of images and videos exists only on the native protocol: use `protocol="dashscope"`.',
                model=call.model,
                protocol=call.destination.protocol,
            )
        return Request(
            path="/reranks",
            body={"model": call.model, "query": call.query, "documents": list(call.documents), **_parameters(call)},
            model=call.model,
            destination=call.destination,
        )

    @staticmethod
    def decode(body: Json, call: RerankCall) -> RerankResponse:
        """Return the ranking."""
        return _answer(body.get("results"), body, call)


class DashScopeRerankWire:
    """The native dialect."""

    @staticmethod
    def encode(call: RerankCall) -> Request:
        """Return the request for a call."""
        return Request(
            path="/services/rerank/text-rerank/text-rerank",
            body={
                "model": call.model,
                "input": {"query": call.query, "documents": list(call.documents)},
                "parameters": _parameters(call),
            },
            model=call.model,
            destination=call.destination,
        )

    @staticmethod
    def decode(body: Json, call: RerankCall) -> RerankResponse:
        """Return the ranking."""
        output = body.get("output")
        return _answer(output.get("results") if isinstance(output, dict) else None, body, call)


def _parameters(call: RerankCall) -> Json:
    given = {"top_n": call.top_n, "instruct": call.instruct}
    return {name: value for name, value in given.items() if value is not None} | dict(call.parameters)


def _answer(results: Any, body: Json, call: RerankCall) -> RerankResponse:
    destination: Destination = body.get(SERVED_BY, call.destination)
    expected = min(call.top_n or len(call.documents), len(call.documents))
    ranking = [_place(result) for result in results] if isinstance(results, list) else []
    places = {position for position, _ in ranking}
    fits = len(ranking) == len(places) == expected and places <= set(range(len(call.documents)))
    if not fits or not all(math.isfinite(score) for _, score in ranking):
        raise InvalidResponseError(
            f"The ranking does not fit the {len(call.documents)} documents that were sent: it has the positions "
            f"{[position for position, _ in ranking][: expected + 1]}. Expected {expected} different ones, each with a "
            "finite score.",
            request_id=body.get("request_id"),
            model=call.model,
            **asdict(destination),
        )
    ranking.sort(key=lambda place: -place[1])
    return RerankResponse(
        ranking=ranking,
        usage=embedding_usage(body.get("usage")),
        request_id=body.get("request_id"),
        destination=destination,
    )


def _place(result: Any) -> tuple[int, float]:
    """Return a result's position and score; what has none gets a position that no document has."""
    index, score = (result.get("index"), result.get("relevance_score")) if isinstance(result, dict) else (None, None)
    if type(index) is not int or isinstance(score, bool) or not isinstance(score, int | float):
        return -1, math.nan
    try:
        return index, float(score)
    except OverflowError:
        return -1, math.nan
