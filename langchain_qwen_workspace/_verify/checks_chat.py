"""Checks of chat: what whole and streamed answers look like, on every protocol."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from langchain_qwen_workspace._verify.beliefs import Belief
from langchain_qwen_workspace._verify.observation import Observation, compare
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace._verify.session import Session

_STREAMS = 3
_MIN_TEXTS = 2
_UNFINISHED = frozenset({None, "null", ""})


def check_finish_reasons(session: Session, belief: Belief) -> Observation:
    """Stream some answers; each should end with a finish reason."""
    reasons: list[Any] = []
    exchange = None
    for number in range(_STREAMS):
        exchange = session.send(belief, parameters={**belief.call.parameters, "max_tokens": 8 * (number + 1)})
        if not (found := compare(exchange, belief.expected)).agrees:
            return found
        reasons.append(_finish_reason(exchange))
        if reasons[-1] in _UNFINISHED:
            break
    assert exchange is not None  # noqa: S101 - for type checkers: there is at least one stream
    agrees = reasons[-1] not in _UNFINISHED
    return Observation(agrees, f"The streams ended with {', '.join(map(repr, reasons))}.", exchange.request_id)


def check_increments(session: Session, belief: Belief) -> Observation:
    """Stream an answer; each event should add text."""
    return _check_texts(session, belief, cumulative=False)


def check_cumulative_texts(session: Session, belief: Belief) -> Observation:
    """Stream an answer; each event should repeat the text so far."""
    return _check_texts(session, belief, cumulative=True)


def _check_texts(session: Session, belief: Belief, *, cumulative: bool) -> Observation:
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    texts = [text for event in exchange.events for text in _texts(event) if text]
    repeats = len(texts) >= _MIN_TEXTS and all(later.startswith(text) for text, later in pairwise(texts))
    what = "each repeats the text so far" if repeats else "each adds text"
    return Observation(
        repeats == cumulative and len(texts) >= _MIN_TEXTS,
        f"{len(texts)} events have text, of which {what}: {texts[:2]!r:.160}",
        exchange.request_id,
    )


def check_usage_in_last_event(session: Session, belief: Belief) -> Observation:
    """Stream an answer; the usage should be in the last event only."""
    return _check_usage(session, belief, everywhere=False)


def check_usage_in_every_event(session: Session, belief: Belief) -> Observation:
    """Stream an answer; the usage should be in every event."""
    return _check_usage(session, belief, everywhere=True)


def _check_usage(session: Session, belief: Belief, *, everywhere: bool) -> Observation:
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    having = [bool(event.get("usage")) for event in exchange.events]
    agrees = bool(having) and having[-1] and (all(having) if everywhere else sum(having) == 1)
    return Observation(agrees, f"{sum(having)} of {len(having)} events have usage.", exchange.request_id)


def check_tool_calls(session: Session, belief: Belief) -> Observation:
    """Ask for tools; the answer should call each once, with arguments that are JSON."""
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    calls: dict[int, dict[str, str]] = {}
    for fragment in _fragments(exchange):
        call = calls.setdefault(fragment.get("index") or 0, {"id": "", "name": "", "arguments": ""})
        function = fragment.get("function") or {}
        call["id"] = call["id"] or fragment.get("id") or ""
        call["name"] = call["name"] or function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""
    wanted = _tool_names(belief)
    agrees = sorted(call["name"] for call in calls.values()) == sorted(wanted) and all(
        call["id"] and _is_object(call["arguments"]) for call in calls.values()
    )
    named = [f"{call['name']}({call['arguments']})" for call in calls.values()]
    return Observation(
        agrees,
        f"Called: {', '.join(named) or 'nothing'}; expected {', '.join(wanted)}.",
        exchange.request_id,
    )


def check_fragment_ids(session: Session, belief: Belief) -> Observation:
    """Stream a tool call; fragments after the first should have an empty id, or the same one."""
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    ids = [fragment.get("id") for fragment in _fragments(exchange)]
    agrees = len(ids) > 1 and bool(ids[0]) and all(not id_ or id_ == ids[0] for id_ in ids[1:])
    later = ["empty" if id_ == "" else "absent" if id_ is None else "the same" for id_ in ids[1:]]
    return Observation(
        agrees,
        f"{len(ids)} fragments, the first {'with' if ids and ids[0] else 'without'} an id; later ids are "
        f"{', '.join(sorted(set(later))) or 'none'}.",
        exchange.request_id,
    )


def check_search_results(session: Session, belief: Belief) -> Observation:
    """Stream an answer with web search; the results should be in one event only."""
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    results = [
        ((event.get("output") or {}).get("search_info") or {}).get("search_results") for event in exchange.events
    ]
    filled = [number for number, result in enumerate(results) if result]
    return Observation(
        len(filled) <= 1, f"Events with search results: {filled} of {len(results)}.", exchange.request_id
    )


def check_json_answer(session: Session, belief: Belief) -> Observation:
    """Ask for JSON; the answer should be an object with the properties of the schema, if there is one."""
    exchange = session.send(belief)
    if not (found := compare(exchange, belief.expected)).agrees:
        return found
    text = "".join(text for choice in _choices(exchange.body) for text in _message_texts(choice.get("message") or {}))
    format_: Any = belief.call.parameters.get("response_format") or {}
    schema = (format_.get("json_schema") or {}).get("schema") or {}
    answer = _object_or_none(text)
    agrees = answer is not None and set(schema.get("required", ())) <= set(answer)
    return Observation(agrees, f"The answer is {text!r:.160}.", exchange.request_id)


def _finish_reason(exchange: Exchange) -> Any:
    reasons = [choice.get("finish_reason") for event in exchange.events for choice in _choices(event)]
    return next((reason for reason in reversed(reasons) if reason not in _UNFINISHED), None)


def _choices(body: Any) -> Sequence[Mapping[str, Any]]:
    root = body.get("output", body) if isinstance(body, dict) else {}
    choices = root.get("choices") if isinstance(root, dict) else None
    return [choice for choice in choices or () if isinstance(choice, dict)]


def _texts(event: Any) -> Iterator[str]:
    for choice in _choices(event):
        yield from _message_texts(choice.get("delta") or choice.get("message") or {})


def _message_texts(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        yield part.get("text") or ""


def _fragments(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    for body in exchange.events or [exchange.body]:
        for choice in _choices(body):
            yield from (choice.get("delta") or choice.get("message") or {}).get("tool_calls") or ()


def _tool_names(belief: Belief) -> list[str]:
    tools: Any = belief.call.parameters.get("tools") or ()
    choice: Any = belief.call.parameters.get("tool_choice")
    if isinstance(choice, dict):
        return [choice["function"]["name"]]
    return [tool["function"]["name"] for tool in tools]


def _object_or_none(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _is_object(text: str) -> bool:
    return _object_or_none(text) is not None
