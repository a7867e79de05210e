"""Cuts an answer into the increments of a stream, in the order in which all protocols send them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat.conversation import ModelAnswer, ToolCall


@dataclass(frozen=True, slots=True)
class Step:
    """One increment of an answer.

    Attributes:
        kind: What grows: the reasoning, the text or the arguments of a tool call.
        piece: The text that is added.
        so_far: The answer up to and including this step.
        call: The index of the tool call.
        is_first: Whether this step is the first of its tool call.
    """

    kind: Literal["reasoning", "text", "call"]
    piece: str
    so_far: ModelAnswer
    call: int = 0
    is_first: bool = False


def steps(answer: ModelAnswer) -> Iterator[Step]:
    """Yield the increments of an answer: reasoning, then text, then the arguments of each tool call.

    Args:
        answer: The whole answer.

    Yields:
        The steps. None is empty, except the only one of a tool call without arguments.
    """
    so_far = ModelAnswer(finish_reason=answer.finish_reason)
    for piece in _tokens.pieces(answer.reasoning):
        so_far = replace(so_far, reasoning=so_far.reasoning + piece)
        yield Step("reasoning", piece, so_far)
    for piece in _tokens.pieces(answer.text):
        so_far = replace(so_far, text=so_far.text + piece)
        yield Step("text", piece, so_far)
    for index, call in enumerate(answer.calls):
        complete, arguments = so_far.calls, ""
        for number, piece in enumerate(_tokens.pieces(call.arguments) or [""]):
            arguments += piece
            so_far = replace(so_far, calls=(*complete, replace(call, arguments=arguments)))
            yield Step("call", piece, so_far, index, is_first=number == 0)


def ciphertext_of(step: Step, answer: ModelAnswer) -> dict[str, str]:
    """Return what the last step of the reasoning has in addition, where the docs suggest it: the ciphertext."""
    is_last = step.kind == "reasoning" and step.so_far.reasoning == answer.reasoning
    return {"encrypted_content": answer.ciphertext} if is_last and answer.ciphertext else {}


def with_ids(answer: ModelAnswer, request_id: str, choice: int) -> ModelAnswer:
    """Return the answer with tool call ids derived from the request's id, in the form of the service's."""
    return replace(
        answer,
        calls=tuple(
            ToolCall(f"call_{_digest(f'{request_id}/{choice}/{index}')[:24]}", call.name, call.arguments)
            for index, call in enumerate(answer.calls)
        ),
    )


def tool_call(index: int, call_id: str, function: dict[str, Any]) -> dict[str, Any]:
    """Return a tool call, or a fragment of one, as both chat protocols write it."""
    return {"index": index, "id": call_id, "type": "function", "function": function}


def tool_calls(answer: ModelAnswer) -> list[dict[str, Any]]:
    """Return the complete tool calls of an answer, as both chat protocols write them."""
    return [
        tool_call(index, call.id, {"name": call.name, "arguments": call.arguments})
        for index, call in enumerate(answer.calls)
    ]


def logprobs(text: str, top: int) -> dict[str, Any]:
    """Return log probabilities in the service's form; every token gets -0.01."""
    return {"content": [_logprob(token, top) for token in _tokens.split(text)]}


def _logprob(token: str, top: int) -> dict[str, Any]:
    alternatives = [token, *(f"sandbox{number}" for number in range(1, top))][:top]
    entries = [_entry(alternative, -0.01 - rank) for rank, alternative in enumerate(alternatives)]
    return {**_entry(token, -0.01), "top_logprobs": entries}


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
