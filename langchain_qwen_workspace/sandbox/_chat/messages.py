"""Reads the messages of a request, and refuses what the service refuses.

Texts: Model Studio docs, error-code page of 2026-08-18. The service ignores most keys that it does not know; the
sandbox refuses them, so that a test notices when a client leaks keys of its own message format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from langchain_qwen_workspace.sandbox._calls import Protocol
from langchain_qwen_workspace.sandbox._chat import ciphertext
from langchain_qwen_workspace.sandbox._chat.conversation import Message, Role, ToolCall
from langchain_qwen_workspace.sandbox._errors import (
    check_keys,
    inference_error,
    missing_parameter_error,
    parameter_error,
)
from langchain_qwen_workspace.sandbox._json import read_json
from langchain_qwen_workspace.sandbox._models import ChatModel

# A message's content: its text and the kinds of its media.
Content = tuple[str, tuple[str, ...]]
# Reads the content of a message with this role.
ContentReader = Callable[[Any, str], Content]

_KEYS: dict[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls", "reasoning_content", "partial"}),
    "tool": frozenset({"role", "content", "name", "tool_call_id"}),
}
UNEXPECTED_ITEM = "The provided messages input is invalid. The error info is [Unexpected item type in content]"
_MALFORMED_MESSAGE = "Input should be a valid dictionary or instance of GPT3Message"
_RESULT_WITHOUT_CALL = 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
_CALL_WITHOUT_RESULT = (
    'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id". '
    "The following tool_call_ids did not have response messages: "
)
_MALFORMED_ARGUMENTS = 'The "function.arguments" parameter of the code model must be in JSON format.'


def read_messages(raw: Any, model: ChatModel, protocol: Protocol, read_content: ContentReader) -> tuple[Message, ...]:
    """Read the messages of a request.

    Args:
        raw: The `messages` of the body.
        model: The requested model.
        protocol: The protocol, for the texts that differ.
        read_content: Reads the content of one message, as the protocol writes it.

    Returns:
        The messages.

    Raises:
        Refusal: If the service would refuse a message or the order of the messages.
    """
    if not isinstance(raw, list):
        raise missing_parameter_error("messages")
    if not raw:
        raise parameter_error(protocol.no_messages)
    keys = {**_KEYS, "assistant": _KEYS["assistant"] | ({"encrypted_content"} if model.summarizes else set())}
    messages = tuple(_read_message(message, index, protocol, read_content, keys) for index, message in enumerate(raw))
    _check_order(messages)
    _check_media(messages, model)
    return messages


def _read_message(
    raw: Any, index: int, protocol: Protocol, read_content: ContentReader, keys: Mapping[str, Collection[str]]
) -> Message:
    if not isinstance(raw, Mapping):
        raise inference_error(_MALFORMED_MESSAGE)
    role = raw.get("role")
    if not isinstance(role, str) or role not in _KEYS:
        raise parameter_error(protocol.unknown_role.format(role=role, index=index))
    check_keys(raw, keys[role], f"messages.{index}")
    calls = _read_tool_calls(raw.get("tool_calls"), index)
    content = raw.get("content")
    if content is None and not calls:
        raise inference_error("The content field is a required field.")
    text, media = ("", ()) if content is None else read_content(content, role)
    if protocol.empty_user_message is not None and role == "user" and not text and not media:
        raise parameter_error(protocol.empty_user_message)
    if role == "tool" and not isinstance(raw.get("tool_call_id"), str):
        raise inference_error(_RESULT_WITHOUT_CALL)
    reasoning = raw.get("reasoning_content") or ""
    if not isinstance(reasoning, str) or not isinstance(raw.get("partial", False), bool):
        raise inference_error(_MALFORMED_MESSAGE)
    if "encrypted_content" in raw and not ciphertext.is_intact(raw["encrypted_content"]):
        raise inference_error(f"The encrypted_content of messages.{index} was changed.")  # our text
    return Message(
        role=cast("Role", role),
        text=text,
        media=media,
        calls=calls,
        call_id=raw.get("tool_call_id"),
        partial=raw.get("partial", False),
        reasoning=reasoning,
    )


def _read_tool_calls(raw: Any, index: int) -> tuple[ToolCall, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not raw:
        raise parameter_error(f"{raw!r} is too short - 'messages.{index}.tool_calls'")
    return tuple(_read_tool_call(call, f"messages.{index}.tool_calls.{number}") for number, call in enumerate(raw))


def _read_tool_call(raw: Any, where: str) -> ToolCall:
    function = raw.get("function") if isinstance(raw, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise parameter_error(f"Required parameter(function) missing or invalid - '{where}'")
    check_keys(raw, ("id", "type", "index", "function"), where)
    check_keys(function, ("name", "arguments"), f"{where}.function")
    if not isinstance(raw.get("id"), str) or not raw["id"] or raw.get("type", "function") != "function":
        raise parameter_error(f"Required parameter(id, type) missing or invalid - '{where}'")
    arguments = function.get("arguments")
    try:
        read_json(arguments)  # type: ignore[arg-type]  # anything but text raises a TypeError
    except (TypeError, ValueError):
        raise inference_error(_MALFORMED_ARGUMENTS) from None
    return ToolCall(raw["id"], function["name"], cast("str", arguments))


def _check_order(messages: Sequence[Message]) -> None:
    """Refuse a tool call without a result right behind it, and a result without a call."""
    unanswered: list[str] = []
    for index, message in enumerate(messages):
        if message.role == "tool":
            if message.call_id not in unanswered:
                raise inference_error(_RESULT_WITHOUT_CALL)
            unanswered.remove(message.call_id)
            continue
        if unanswered:
            raise inference_error(f"{_CALL_WITHOUT_RESULT}message[{index}].role")
        unanswered = [call.id for call in message.calls]
        if message.partial and index != len(messages) - 1:
            raise inference_error("Only the last assistant message can be partial.")
    if unanswered:
        raise inference_error(f"{_CALL_WITHOUT_RESULT}message[{len(messages)}].role")
    if not any(message.role == "user" for message in messages):
        raise inference_error("The input messages do not contain elements with the role of user.")


def _check_media(messages: Sequence[Message], model: ChatModel) -> None:
    """Refuse media outside user messages, and media that the model does not read."""
    for message in messages:
        if (message.media and message.role != "user") or not model.media.issuperset(message.media):
            raise inference_error(UNEXPECTED_ITEM)
