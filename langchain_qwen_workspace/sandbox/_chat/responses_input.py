"""Reads the input of a Responses request: messages, function calls and results, reasoning and web searches.

Items: Model Studio docs, create-response page (2026-09 or newer). Keys that it does not list are ignored. Types of
items that it does not list as input are refused, so that a test notices them; what the service does is not documented.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_qwen_workspace.sandbox import _media, _tokens
from langchain_qwen_workspace.sandbox._chat import ciphertext
from langchain_qwen_workspace.sandbox._chat.conversation import Message, Role, ToolCall
from langchain_qwen_workspace.sandbox._chat.messages import UNEXPECTED_ITEM, Content
from langchain_qwen_workspace.sandbox._chat.responses_errors import combination_error, missing_error, value_error
from langchain_qwen_workspace.sandbox._errors import inference_error
from langchain_qwen_workspace.sandbox._json import read_json
from langchain_qwen_workspace.sandbox._models import ChatModel

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
# Type of a content part -> kind of media and the key with its reference; of OpenAI's chat parts, the service takes
# text and images (QwenCloud docs, create-response page, 2026).
_TEXTS = {"user": ("input_text", "text"), "system": ("input_text", "text"), "assistant": ("output_text", "text")}
_MEDIA = {"input_image": "image", "image_url": "image", "input_audio": "audio", "input_video": "video"}
_SEARCH_STATES = ("in_progress", "searching", "completed", "failed")
_NO_USER = "The input messages do not contain elements with the role of user."


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a response's context.

    Attributes:
        data: The item as the API writes it, with an id.
        message: What the model reads of it; None for what it does not read.
    """

    data: Mapping[str, Any]
    message: Message | None = None


def read_input(raw: Any, model: ChatModel, history: Sequence[Item]) -> tuple[Item, ...]:
    """Read the input of a request.

    Args:
        raw: The `input` of the body.
        model: The requested model.
        history: The items of earlier turns that the service has kept.

    Returns:
        The items.

    Raises:
        Refusal: If the service would refuse an item or the order of the items.
    """
    if raw is None or raw in ("", []):
        raise missing_error("input")
    items = read_items([{"role": "user", "content": raw}] if isinstance(raw, str) else raw, model)
    _check_order(history, items)
    if not any(item.message and item.message.role == "user" for item in (*history, *items)):
        raise inference_error(_NO_USER)
    return items


def read_items(raw: Any, model: ChatModel | None = None) -> tuple[Item, ...]:
    """Read a list of items, without regard to their order.

    Args:
        raw: The list.
        model: The model that will read them; None for the messages of a conversation, which are texts.

    Returns:
        The items.

    Raises:
        Refusal: If the service would refuse an item.
    """
    if not isinstance(raw, list):
        raise value_error("input", raw, "a string or a list of items")
    return tuple(_read_item(item, f"input[{at}]", model) for at, item in enumerate(raw))


def messages_of(items: Sequence[Item], instructions: str | None, limit: int) -> tuple[Message, ...]:
    """Return the conversation that the model reads, cut to its limit without a sign.

    Args:
        items: The items, oldest first.
        instructions: The system message that comes first.
        limit: The longest conversation, in tokens.

    Returns:
        The messages; the oldest are left out where there are too many.
    """
    messages = _merge_rounds([item.message for item in items if item.message is not None])
    system = [Message("system", instructions)] if instructions else []
    while len(messages) > 1 and (_count([*system, *messages]) > limit or messages[0].role == "tool"):
        del messages[0]
    if _count([*system, *messages]) > limit:
        messages = [replace(message, text=_tokens.cut(message.text, limit // 2)) for message in messages]
    return (*system, *messages)


def _count(messages: Sequence[Message]) -> int:
    return sum(
        _tokens.count(f"{message.text} {message.reasoning} {' '.join(call.arguments for call in message.calls)}")
        + _tokens.PER_MESSAGE
        + _tokens.PER_MEDIUM * len(message.media)
        for message in messages
    )


def _merge_rounds(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with calls that follow each other, with or without results in between, as one message."""
    merged: list[Message] = []
    opening = -1
    for message in messages:
        if message.calls and merged and (merged[-1].role == "tool" or merged[-1].calls):
            merged[opening] = replace(merged[opening], calls=(*merged[opening].calls, *message.calls))
            continue
        if message.calls:
            opening = len(merged)
        merged.append(message)
    return merged


def _check_order(history: Sequence[Item], items: Sequence[Item]) -> None:
    """Refuse a result that does not directly follow its call, unless the call is in the history."""
    waiting = _unanswered(history)
    call_id: str | None = None
    for item in items:
        if item.data["type"] == "function_call_output":
            given = item.data["call_id"]
            if given != (call_id or given) or (call_id is None and given not in waiting):
                raise combination_error(f"No tool call directly before the function_call_output of '{given}'.")
            waiting -= {given}
            call_id = None
            continue
        if call_id or waiting:
            break
        call_id = item.data["call_id"] if item.data["type"] == "function_call" else None
    if call_id or waiting:
        missing = call_id or min(waiting)
        raise combination_error(f"No tool output found directly after the function_call '{missing}'.")


def _unanswered(items: Sequence[Item]) -> set[str]:
    messages = [item.message for item in items if item.message is not None]
    return {call.id for message in messages for call in message.calls} - {
        message.call_id for message in messages if message.call_id is not None
    }


# --- items ------------------------------------------------------------------------------------------


def _read_item(raw: Any, where: str, model: ChatModel | None) -> Item:
    if not isinstance(raw, Mapping):
        raise value_error(where, raw, "an object")
    type_ = raw.get("type", "message")
    reader = _READERS.get(type_) if isinstance(type_, str) else None
    if reader is None or (model is None and type_ != "message"):
        known = ", ".join(_READERS) if model is not None else "message"
        raise value_error(f"{where}.type", type_, f"one of {known}")
    data, message = reader(raw, where, model)
    id_ = raw.get("id")
    id_ = id_ if isinstance(id_, str) and id_ else f"msg_{uuid.uuid4()}"
    return Item({"id": id_, "type": type_, "status": "completed", **data}, message)


def _required(raw: Any, where: str, key: str, kind: type = str) -> Any:
    """Return a required field of an object."""
    value = raw.get(key) if isinstance(raw, Mapping) else None
    if value is None:
        raise missing_error(f"{where}.{key}")
    if not isinstance(value, kind):
        raise value_error(f"{where}.{key}", value, f"a value of type {_JSON_TYPES[kind]}")
    return value


def _list_in(raw: Mapping[str, Any], where: str, key: str) -> list[Any]:
    """Return a list that may be missing."""
    return [] if raw.get(key) is None else list(_required(raw, where, key, list))


_JSON_TYPES: dict[type, str] = {str: "string", list: "array", Mapping: "object"}


def _read_message(raw: Mapping[str, Any], where: str, model: ChatModel | None) -> tuple[dict[str, Any], Message]:
    given = raw.get("role")
    if not isinstance(given, str) or given not in _ROLES:
        raise value_error(f"{where}.role", given, f"one of {', '.join(_ROLES)}")
    role = _ROLES[given]
    content = raw.get("content")
    if content is None:
        raise missing_error(f"{where}.content")
    if isinstance(content, str):
        content = [{"type": _TEXTS[role][0], "text": content}]
    if not isinstance(content, list):
        raise value_error(f"{where}.content", content, "a string or a list of content parts")
    text, media = _read_content(content, role, f"{where}.content", model)
    return {"role": given, "content": content}, Message(role, text, media)


def _read_content(content: Sequence[Any], role: Role, where: str, model: ChatModel | None) -> Content:
    texts: list[str] = []
    media: list[str] = []
    for at, part in enumerate(content):
        type_ = part.get("type") if isinstance(part, Mapping) else None
        if type_ in _TEXTS[role]:
            texts.append(_required(part, f"{where}[{at}]", "text"))
            continue
        kind = _MEDIA.get(type_) if isinstance(type_, str) and role == "user" else None
        if kind is None:
            raise value_error(f"{where}[{at}].type", type_, f"a content type of the role {role}")
        _check_medium(part, kind, model)
        media.append(kind)
    return "\n".join(texts), tuple(media)


def _check_medium(part: Mapping[str, Any], kind: str, model: ChatModel | None) -> None:
    """Refuse a medium that the model does not read here: of audio and video, only qwen3.8-omni-flash reads any."""
    if model is None or kind not in model.media or (kind == "video" and "audio" not in model.media):
        raise inference_error(UNEXPECTED_ITEM)
    reference = part.get({"audio": "audio_url"}.get(kind, f"{kind}_url"))
    if kind == "audio":
        if (reference is None) == (part.get("data") is None) or not isinstance(part.get("format"), str):
            raise combination_error("input_audio takes 'format' and either 'audio_url' or 'data'.")
        reference = reference or part["data"]
    if part["type"] == "image_url":
        reference = reference.get("url") if isinstance(reference, Mapping) else None
    _media.check(kind, reference, uploads=False)


def _read_call(raw: Mapping[str, Any], where: str, _model: ChatModel | None) -> tuple[dict[str, Any], Message]:
    fields = {key: _required(raw, where, key) for key in ("call_id", "name", "arguments")}
    try:
        read_json(fields["arguments"])
    except ValueError:
        raise value_error(f"{where}.arguments", fields["arguments"], "JSON") from None
    call = ToolCall(fields["call_id"], fields["name"], fields["arguments"])
    return fields, Message("assistant", calls=(call,))


def _read_result(raw: Mapping[str, Any], where: str, _model: ChatModel | None) -> tuple[dict[str, Any], Message]:
    fields = {key: _required(raw, where, key) for key in ("call_id", "output")}
    return fields, Message("tool", fields["output"], call_id=fields["call_id"])


def _read_reasoning(raw: Mapping[str, Any], where: str, model: ChatModel | None) -> tuple[dict[str, Any], Message]:
    _required(raw, where, "id")
    summary = _required(raw, where, "summary", list)
    texts = [_required(part, f"{where}.summary[{at}]", "text") for at, part in enumerate(summary)]
    encrypted = raw.get("encrypted_content")
    reads_ciphertext = model is not None and model.summarizes
    if encrypted is not None and reads_ciphertext and not ciphertext.is_intact(encrypted):
        raise value_error(f"{where}.encrypted_content", encrypted, "the ciphertext of an earlier response, unchanged")
    return {"summary": summary}, Message("assistant", reasoning="\n".join(texts))


def _read_search(raw: Mapping[str, Any], where: str, _model: ChatModel | None) -> tuple[dict[str, Any], Message]:
    _required(raw, where, "id")
    if raw.get("status") not in _SEARCH_STATES:
        raise value_error(f"{where}.status", raw.get("status"), f"one of {', '.join(_SEARCH_STATES)}")
    action = _required(raw, where, "action", Mapping)
    if action.get("type") != "search":
        raise value_error(f"{where}.action.type", action.get("type"), "search")
    sources = _list_in(action, f"{where}.action", "sources")
    urls = [_required(source, f"{where}.action.sources[{at}]", "url") for at, source in enumerate(sources)]
    queries = _list_in(action, f"{where}.action", "queries")
    return {"action": action}, Message("assistant", "\n".join(map(str, [*queries, *urls])))


_Reader = Callable[[Mapping[str, Any], str, "ChatModel | None"], tuple[dict[str, Any], Message]]
_READERS: dict[str, _Reader] = {
    "message": _read_message,
    "function_call": _read_call,
    "function_call_output": _read_result,
    "reasoning": _read_reasoning,
    "web_search_call": _read_search,
}


def as_item(output: Mapping[str, Any]) -> Item:
    """Return an item that the model wrote, as the context of the next turn.

    Args:
        output: An item of `output`.

    Returns:
        The item. The model reads no results of built-in tools beside those of a web search.
    """
    if output["type"] == "function_call":
        # Its arguments are not JSON if the output was cut.
        call = ToolCall(output["call_id"], output["name"], output["arguments"])
        return Item(output, Message("assistant", calls=(call,)))
    reader = _READERS.get(output["type"])
    return Item(output, None if reader is None else reader(output, "output", None)[1])
