"""Messages as both dialects write them: roles, tool calls and reasoning, in both directions."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call

from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._wire._arguments import arguments_text, parsed_arguments
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS, Media, Part, Text
from langchain_qwen_workspace._wire._message_content import audio_transcript, parts_of
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError

# Model Studio docs, chat completions, 2026-09: `developer` exists only on the Responses API.
_ROLES = ("system", "user", "assistant")


Content: TypeAlias = Callable[[Sequence[Part]], str | list[Json]]
"""Writes a message's parts in a dialect's way."""


def encode_messages(call: ChatCall, content: Content) -> list[Json]:
    """Return a call's conversation in the words that both dialects share.

    Raises:
        UnsupportedInputError: There is no message, or one that cannot be sent.
    """
    if not call.messages:
        raise UnsupportedInputError("The list of messages is empty. Expected at least one message.")
    encoded: list[Json] = []
    attached: list[Part] = []
    for position, message in enumerate(call.messages):
        try:
            for single in _with_results_apart(message):
                parts = parts_of(single, position, call)
                if isinstance(single, ToolMessage):
                    attached += [part for part in parts if isinstance(part, Media)]
                    parts = [part for part in parts if isinstance(part, Text)] or ([_ATTACHED] if parts else [])
                elif attached:
                    encoded.append({"role": "user", "content": content(attached)})
                    attached = []
                encoded.append(_encode(single, parts, position, call, content))
        except QwenWorkspaceError:
            raise
        except MALFORMED_INPUT_ERRORS as error:
            raise UnsupportedInputError(
                f"Message {position} ({type(message).__name__}) has something of a type that LangChain's messages do "
                f"not have there: {error!r:.200}. Expected texts and content blocks of LangChain's types."
            ) from error
    return [*encoded, {"role": "user", "content": content(attached)}] if attached else encoded


# A tool's message is documented to hold text alone, so that pictures and sounds follow the tools' messages as a user's
# turn, which is how Qwen Code sends them too.
_ATTACHED = Text("The result is in the next user message.")


def _with_results_apart(message: BaseMessage) -> Sequence[BaseMessage]:
    """Return a user's turn as Anthropic writes it, tool results among the rest, as the messages it stands for."""
    if not isinstance(message, HumanMessage) or isinstance(message.content, str):
        return (message,)
    results = [block for block in message.content if isinstance(block, dict) and block.get("type") == "tool_result"]
    if not results:
        return (message,)
    rest = [block for block in message.content if block not in results]
    answers = [
        ToolMessage(content=block.get("content") or "", tool_call_id=block.get("tool_use_id") or "")
        for block in results
    ]
    return (*answers, message.model_copy(update={"content": rest})) if rest else answers


def _encode(message: BaseMessage, parts: Sequence[Part], position: int, call: ChatCall, content: Content) -> Json:
    # Only an assistant's turn may be empty, beside its tool calls.
    said = parts
    if not parts:
        aloud = audio_transcript(message) if isinstance(message, AIMessage) else ""
        said = [Text(aloud)] if aloud or not isinstance(message, AIMessage) else []
    encoded: Json = {"role": _role(message, position), "content": content(said)}
    if message.name:
        encoded["name"] = message.name
    if isinstance(message, ToolMessage):
        if not message.tool_call_id:
            raise UnsupportedInputError(
                f"Message {position} is a tool's result without the id of the call that it answers. Expected the "
                "`id` of a tool call before it."
            )
        encoded["tool_call_id"] = message.tool_call_id
    if isinstance(message, AIMessage):
        if calls := _encode_tool_calls(message, position):
            encoded["tool_calls"] = calls
        if _wants_reasoning(call) and (reasoning := reasoning_of(message)):
            encoded["reasoning_content"] = reasoning
    if encoded["role"] == "assistant" and message.additional_kwargs.get("partial"):
        encoded["partial"] = True
    return encoded


def _wants_reasoning(call: ChatCall) -> bool:
    """Say whether the assistant's reasoning goes back to the model: most models must not be sent it."""
    return bool(call.parameters.get("preserve_thinking", call.profile.preserve_thinking))


def _role(message: BaseMessage, position: int) -> str:
    match message:
        case HumanMessage():
            return "user"
        case AIMessage():
            return "assistant"
        case SystemMessage():
            return "system"
        case ToolMessage():
            return "tool"
        case ChatMessage(role=role) if role in _ROLES:
            return role
        case ChatMessage(role=role):
            raise UnsupportedInputError(
                f"Message {position} is a ChatMessage of role {role!r}, which Model Studio does not have. "
                f"Expected one of {', '.join(map(repr, _ROLES))}."
            )
        case _:
            raise UnsupportedInputError(
                f"Message {position} is a {type(message).__name__}, which Model Studio has no role for. Expected "
                "SystemMessage, HumanMessage, AIMessage, ToolMessage or ChatMessage."
            )


def _encode_tool_calls(message: AIMessage, position: int) -> list[Json]:
    calls: list[tuple[Any, str, Any]] = [(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    # A call that could not be parsed is part of the turn that its tool message answers. The service takes only JSON
    # (sent back as it was, it answers 500 "Expecting ',' delimiter", docs, error codes, 2026-08-18).
    calls += [(call["id"], call["name"] or "", {"invalid_json": call["args"]}) for call in message.invalid_tool_calls]
    known = {id_ for id_, _, _ in calls}
    calls += [call for call in _calls_in_content(message) if call[0] not in known]
    try:
        written = [(id_, name, json.dumps(args, ensure_ascii=False, allow_nan=False)) for id_, name, args in calls]
    except (TypeError, ValueError) as error:
        raise UnsupportedInputError(
            f"Message {position} has a tool call whose arguments are no JSON: {error}."
        ) from None
    if any(not id_ for id_, _, _ in calls):
        raise UnsupportedInputError(
            f"Message {position} has a tool call without `id`, so that no ToolMessage can answer it. Expected an id."
        )
    return [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in written
    ]


def _calls_in_content(message: AIMessage) -> list[tuple[Any, str, Any]]:
    """Return the calls that a message tells only in content blocks, in Anthropic's words or LangChain's."""
    blocks = [] if isinstance(message.content, str) else [block for block in message.content if isinstance(block, dict)]
    return [
        (block.get("id"), block.get("name") or "", block.get("input", block.get("args")) or {})
        for block in blocks
        if block.get("type") in {"tool_use", "tool_call"}
    ]


def reasoning_of(message: AIMessage) -> str:
    """Return the reasoning that a message carries, in the provider's field or in content blocks."""
    own = message.additional_kwargs.get("reasoning_content")
    if isinstance(own, str) and own:
        return own
    if isinstance(message.content, str):
        return ""
    blocks = (block for block in message.content if isinstance(block, dict))
    texts = (block.get("reasoning") or block.get("thinking") for block in blocks)
    return "".join(text for text in texts if isinstance(text, str))


def decode_tool_calls(raw: Sequence[Json], request_id: str | None) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Return the calls of a whole answer; what is not a JSON object stays an invalid call.

    Args:
        raw: The protocol's `tool_calls`.
        request_id: Makes an id where the service gave none, since a ToolMessage needs one.
    """
    valid, invalid = [], []
    for position, call in enumerate(raw):
        function = call.get("function") or {}
        name = function.get("name") or ""
        arguments = arguments_text(function.get("arguments"))
        id_ = call.get("id") or missing_id(request_id, position)
        args, problem = parsed_arguments(name, arguments)
        if args is not None:
            valid.append(tool_call(name=name, args=args, id=id_))
        else:
            invalid.append(invalid_tool_call(name=name, args=arguments, id=id_, error=problem))
    return valid, invalid


def missing_id(request_id: str | None, position: int) -> str:
    """Return an id for a tool call that came without one, the same for the same answer."""
    return f"call_{request_id or 'unknown'}_{position}"
