"""Encodes and decodes rerank calls for each protocol; in one file, since both are short and share most code."""

import math
from typing import Any

from langchain_qwen_workspace._seam import SERVED_BY, Destination, Json, Request, RerankCall, RerankResponse
from langchain_qwen_workspace._wire._usage import embedding_usage
from langchain_qwen_workspace.errors import InvalidResponseError, UnsupportedInputError


class OpenAIRerankWire:
    """The openai protocol, which ranks texts only."""

    @staticmethod
    def encode(call: RerankCall) -> Request:
        """Return the request for a call."""
        if any(not isinstance(text, str) for text in (call.query, *call.documents)):
            raise UnsupportedInputError(
                'Ranking of images and videos exists only on `protocol="dashscope"`. Use that protocol.',
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
        return _decode_response(body.get("results"), body, call)


class DashScopeRerankWire:
    """The dashscope protocol."""

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
        return _decode_response(output.get("results") if isinstance(output, dict) else None, body, call)


def _parameters(call: RerankCall) -> Json:
    optional = {"top_n": call.top_n, "instruct": call.instruct}
    return {name: value for name, value in optional.items() if value is not None} | dict(call.parameters)


def _decode_response(results: Any, body: Json, call: RerankCall) -> RerankResponse:
    destination: Destination = body.get(SERVED_BY, call.destination)
    expected = min(call.top_n or len(call.documents), len(call.documents))
    ranking = [_decode_result(result) for result in results] if isinstance(results, list) else []
    positions = {position for position, _ in ranking}
    is_complete = len(ranking) == len(positions) == expected and positions <= set(range(len(call.documents)))
    if not is_complete or not all(math.isfinite(score) for _, score in ranking):
        raise InvalidResponseError(
            f"The response does not match the {len(call.documents)} documents that were sent: it has the positions "
            f"{[position for position, _ in ranking][: expected + 1]}. Expected {expected} different positions, "
            "each with a finite score.",
            request_id=body.get("request_id"),
            model=call.model,
            **destination.facts,
        )
    ranking.sort(key=lambda item: -item[1])
    return RerankResponse(
        ranking=ranking,
        usage=embedding_usage(body.get("usage")),
        request_id=body.get("request_id"),
        destination=destination,
    )


def _decode_result(result: Any) -> tuple[int, float]:
    """Return a result's position and score; a malformed result gets position -1, which no document has."""
    index, score = (result.get("index"), result.get("relevance_score")) if isinstance(result, dict) else (None, None)
    if type(index) is not int or isinstance(score, bool) or not isinstance(score, int | float):
        return -1, math.nan
    try:
        return index, float(score)
    except OverflowError:
        return -1, math.nan
