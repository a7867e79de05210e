"""The conversation of a request: read once for both wires, refused where the service refuses it.

Texts: Model Studio docs, error-code page of 2026-08-18. The service ignores most keys it does not know; the
sandbox refuses them, so that whatever leaks out of a client's own message format is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from langchain_qwen_workspace.sandbox._chat.conversation import Call, Role, Turn
from langchain_qwen_workspace.sandbox._errors import refuse, refuse_algo
from langchain_qwen_workspace.sandbox._models import ChatModel

# What a message's content comes to: its text and the kinds of its media.
Content = tuple[str, tuple[str, ...]]
ReadContent = Callable[[Any, str], Content]

ROLES = ("system", "user", "assistant", "tool")
_KEYS: dict[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls", "reasoning_content", "partial"}),
    "tool": frozenset({"role", "content", "name", "tool_call_id"}),
}
_ORPHAN = 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
_UNANSWERED = (
    'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id". '
    "The following tool_call_ids did not have response messages: "
)
_BAD_ARGUMENTS = 'The "function.arguments" parameter of the code model must be in JSON format.'
ROLE_OR_LENGTH = "Role must be user or assistant and Content length must be greater than 0"


def check_keys(given: Iterable[str], allowed: Iterable[str], where: str) -> None:
    """Refuse keys that are not part of the API.

    Args:
        given: The keys of a request's object.
        allowed: The documented keys.
        where: Where the object stands in the body.

    Raises:
        Refusal: If a key is not documented.
    """
    if unknown := sorted(set(given) - set(allowed)):
        names = ", ".join(repr(name) for name in unknown)
        raise refuse(f"Additional properties are not allowed ({names} were unexpected) - '{where}'")


def read(raw: Any, model: ChatModel, content: ReadContent, wire: Literal["compatible", "native"]) -> tuple[Turn, ...]:
    """The turns of a conversation.

    Args:
        raw: The `messages` of the body.
        model: The asked model.
        content: Reads one message's content in the wire's own form.
        wire: The wire, for the texts that differ.

    Returns:
        The turns.

    Raises:
        Refusal: If a message, or their order, is refused.
    """
    if not isinstance(raw, list):
        raise refuse("Required parameter(messages) missing or invalid, please check the request parameters.")
    if not raw:
        raise refuse(ROLE_OR_LENGTH if wire == "native" else "[] is too short - 'messages'")
    turns = tuple(_turn(message, at, content, wire) for at, message in enumerate(raw))
    _check_order(turns)
    _check_model(turns, model)
    return turns


def _turn(message: Any, at: int, content: ReadContent, wire: str) -> Turn:
    if not isinstance(message, Mapping):
        raise refuse_algo("Input should be a valid dictionary or instance of GPT3Message")
    role = message.get("role")
    if role not in ROLES:
        expected = f"'{role}' is not one of ['system', 'assistant', 'user', 'tool'] - 'messages.{at}.role'"
        raise refuse(ROLE_OR_LENGTH if wire == "native" else expected)
    check_keys(message, _KEYS[role], f"messages.{at}")
    calls = _calls(message.get("tool_calls"), at)
    said = message.get("content")
    if said is None and not calls:
        raise refuse_algo("The content field is a required field.")
    text, media = ("", ()) if said is None else content(said, role)
    if wire == "native" and role == "user" and not text and not media:
        raise refuse(ROLE_OR_LENGTH)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise refuse_algo(_ORPHAN)
    reasoning = message.get("reasoning_content") or ""
    if not isinstance(reasoning, str) or not isinstance(message.get("partial", False), bool):
        raise refuse_algo("Input should be a valid dictionary or instance of GPT3Message")
    return Turn(
        role=cast("Role", role),
        text=text,
        media=media,
        calls=calls,
        call_id=message.get("tool_call_id"),
        partial=message.get("partial", False),
        reasoning=reasoning,
    )


def _calls(raw: Any, at: int) -> tuple[Call, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not raw:
        raise refuse(f"{raw!r} is too short - 'messages.{at}.tool_calls'")
    return tuple(_call(call, f"messages.{at}.tool_calls.{number}") for number, call in enumerate(raw))


def _call(raw: Any, where: str) -> Call:
    function = raw.get("function") if isinstance(raw, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise refuse(f"Required parameter(function) missing or invalid - '{where}'")
    check_keys(raw, ("id", "type", "index", "function"), where)
    check_keys(function, ("name", "arguments"), f"{where}.function")
    if not isinstance(raw.get("id"), str) or not raw["id"] or raw.get("type", "function") != "function":
        raise refuse(f"Required parameter(id, type) missing or invalid - '{where}'")
    arguments = function.get("arguments")
    try:
        json.loads(arguments)  # type: ignore[arg-type]  # a TypeError is what tells non-text apart
    except (TypeError, ValueError):
        raise refuse_algo(_BAD_ARGUMENTS) from None
    return Call(raw["id"], function["name"], cast("str", arguments))


def _check_order(turns: Sequence[Turn]) -> None:
    """Every call has one answer right behind it, and every answer a call."""
    waiting: list[str] = []
    for at, turn in enumerate(turns):
        if turn.role == "tool":
            if turn.call_id not in waiting:
                raise refuse_algo(_ORPHAN)
            waiting.remove(turn.call_id)
            continue
        if waiting:
            raise refuse_algo(f"{_UNANSWERED}message[{at}].role")
        waiting = [call.id for call in turn.calls]
        if turn.partial and at != len(turns) - 1:
            raise refuse_algo("Only the last assistant message can be partial.")
    if waiting:
        raise refuse_algo(f"{_UNANSWERED}message[{len(turns)}].role")
    if not any(turn.role == "user" for turn in turns):
        raise refuse_algo("The input messages do not contain elements with the role of user.")


def _check_model(turns: Sequence[Turn], model: ChatModel) -> None:
    for turn in turns:
        if turn.media and turn.role != "user":
            raise refuse_algo(
                "The provided messages input is invalid. The error info is [Unexpected item type in content]"
            )
        if not model.media.issuperset(turn.media):
            raise refuse_algo(
                "The provided messages input is invalid. The error info is [Unexpected item type in content]"
            )
