"""An answer in the order a stream delivers it, whichever wire it goes to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_qwen_workspace.sandbox import _tokens
from langchain_qwen_workspace.sandbox._chat.conversation import Answer, Call


@dataclass(frozen=True, slots=True)
class Step:
    """One increment of an answer.

    Attributes:
        kind: What grows.
        piece: By how much.
        so_far: The answer up to and including this step.
        call: Which tool call it belongs to.
        first: Whether it opens that call.
    """

    kind: Literal["reasoning", "text", "call"]
    piece: str
    so_far: Answer
    call: int = 0
    first: bool = False


def steps(answer: Answer) -> Iterator[Step]:
    """The increments of an answer: reasoning, then text, then each call's arguments.

    Args:
        answer: The whole answer.

    Yields:
        The steps; none is empty, except the only one of a call without arguments.
    """
    so_far = Answer(finish=answer.finish)
    for piece in _tokens.pieces(answer.reasoning):
        so_far = replace(so_far, reasoning=so_far.reasoning + piece)
        yield Step("reasoning", piece, so_far)
    for piece in _tokens.pieces(answer.text):
        so_far = replace(so_far, text=so_far.text + piece)
        yield Step("text", piece, so_far)
    for number, call in enumerate(answer.calls):
        done, said = so_far.calls, ""
        for at, piece in enumerate(_tokens.pieces(call.arguments) or [""]):
            said += piece
            so_far = replace(so_far, calls=(*done, replace(call, arguments=said)))
            yield Step("call", piece, so_far, number, first=at == 0)


def with_ids(answer: Answer, request_id: str, choice: int) -> Answer:
    """The answer with call ids made of the request's id, shaped as the service's are."""
    return replace(
        answer,
        calls=tuple(
            Call(f"call_{_digest(f'{request_id}/{choice}/{number}')[:24]}", call.name, call.arguments)
            for number, call in enumerate(answer.calls)
        ),
    )


def logprobs(text: str, top: int) -> dict[str, Any]:
    """Log probabilities of the right shape; the sandbox is always sure."""
    return {"content": [_logprob(token, top) for token in _tokens.split(text)]}


def _logprob(token: str, top: int) -> dict[str, Any]:
    alternatives = [token, *(f"sandbox{n}" for n in range(1, top))][:top]
    entries = [_entry(alternative, -0.01 - place) for place, alternative in enumerate(alternatives)]
    return {**_entry(token, -0.01), "top_logprobs": entries}


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
