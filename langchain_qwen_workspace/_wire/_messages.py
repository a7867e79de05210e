"""Encodes and decodes what chat messages have in common on all protocols: roles, tool calls and reasoning."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
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
from langchain_qwen_workspace._wire._arguments import arguments_text, parse_arguments
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS, Media, Part, Text
from langchain_qwen_workspace._wire._message_content import parts_of
from langchain_qwen_workspace._wire._omitted_blocks import describe_omitted
from langchain_qwen_workspace._wire._other_servers import add_reasoning
from langchain_qwen_workspace._wire._replayed_fields import fields_to_replay, is_reasoning_sent
from langchain_qwen_workspace._wire._surrogates import has_lone_surrogate, is_utf8, repair_identity, repair_surrogates
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError

# Model Studio docs, chat completions, 2026-09: `developer` exists only on the Responses API.
_ROLES = ("system", "user", "assistant")


EncodeContent: TypeAlias = Callable[[Sequence[Part]], object]
"""Encodes the parts of a message's content for an endpoint."""


def encode_messages(
    call: ChatCall, encode_content: EncodeContent, check_content: EncodeContent, roles: Sequence[str] = _ROLES
) -> list[Json]:
    """Return a call's messages, encoded.

    Args:
        call: The call.
        encode_content: Encodes the content of a message.
        check_content: Raises `UnsupportedInputError` if the endpoint does not accept a content.
        roles: The roles that a `ChatMessage` may have.

    Raises:
        UnsupportedInputError: There is no message, or one that cannot be sent.
    """
    if not call.messages:
        raise UnsupportedInputError("The list of messages is empty. Expected at least one message.")
    encoded: list[Json] = []
    attached: list[Part] = []
    for position, message in enumerate(call.messages):
        try:
            for single in _split_tool_results(message):
                parts = parts_of(single, position, call)
                if isinstance(single, ToolMessage):
                    parts = [_describe_unsupported(part, check_content) for part in parts]
                    attached += [part for part in parts if isinstance(part, Media)]
                    parts = [part for part in parts if not isinstance(part, Media)] or (
                        [_REFERENCE_TO_MEDIA] if parts else []
                    )
                elif attached:
                    encoded.append({"role": "user", "content": encode_content(attached)})
                    attached = []
                encoded.append(_encode_message(single, parts, position, call, encode_content, roles=roles))
                if not is_utf8(encoded[-1]) and has_lone_surrogate([encoded[-1], *map(_fields_of, parts)]):
                    raise UnsupportedInputError(
                        f"Message {position} ({type(message).__name__}) cannot be encoded in UTF-8. Expected texts "
                        "without lone surrogates."
                    )
        except QwenWorkspaceError:
            raise
        except MALFORMED_INPUT_ERRORS as error:
            raise UnsupportedInputError(
                f"Message {position} ({type(message).__name__}) is malformed: {error!r:.200}. Expected texts and "
                "content blocks of LangChain's types."
            ) from error
    return [*encoded, {"role": "user", "content": encode_content(attached)}] if attached else encoded


# A tool's message is documented to have text only, so media follow the tools' messages in a user's message, as in
# Qwen Code.
_REFERENCE_TO_MEDIA = Text("The result is in the next user message.")


def _fields_of(part: Part) -> Sequence[object]:
    return [getattr(part, name) for name in part.__slots__]


def _describe_unsupported(part: Part, check_content: EncodeContent) -> Part:
    """Return a part of a tool's result, or a sentence in its place if the endpoint does not accept it."""
    if isinstance(part, Media):
        try:
            check_content([part])
        except UnsupportedInputError:
            return Text(describe_omitted({"type": part.kind, "url": part.source}))
    return part


def _split_tool_results(message: BaseMessage) -> Sequence[BaseMessage]:
    """Return the tool messages and the user message that a user message in Anthropic's format stands for."""
    if not isinstance(message, HumanMessage) or isinstance(message.content, str):
        return (message,)
    results = [block for block in message.content if isinstance(block, dict) and block.get("type") == "tool_result"]
    if not results:
        return (message,)
    other_blocks = [block for block in message.content if block not in results]
    tool_messages = [
        ToolMessage(content=block.get("content") or "", tool_call_id=block.get("tool_use_id") or "")
        for block in results
    ]
    return (*tool_messages, message.model_copy(update={"content": other_blocks})) if other_blocks else tool_messages


def _encode_message(
    message: BaseMessage,
    parts: Sequence[Part],
    position: int,
    call: ChatCall,
    encode_content: EncodeContent,
    *,
    roles: Sequence[str],
) -> Json:
    if not parts and not isinstance(message, AIMessage):
        # Only an assistant's message may have no content, beside its tool calls.
        parts = [Text("")]
    encoded: Json = {"role": _role(message, position, roles), "content": encode_content(parts)}
    if message.name:
        encoded["name"] = message.name
    if isinstance(message, ToolMessage):
        if not message.tool_call_id:
            raise UnsupportedInputError(
                f"Message {position} is a ToolMessage without `tool_call_id`. Expected the `id` of the tool call that "
                "it answers."
            )
        encoded["tool_call_id"] = message.tool_call_id
    if isinstance(message, AIMessage):
        if calls := _encode_tool_calls(message, position, call):
            encoded["tool_calls"] = calls
        if is_reasoning_sent(call):
            if reasoning := reasoning_of(message):
                add_reasoning(encoded, reasoning, message, call.server)
            encoded.update(fields_to_replay(message, call))
    if encoded["role"] == "assistant" and message.additional_kwargs.get("partial"):
        encoded["partial"] = True
    return encoded


def _role(message: BaseMessage, position: int, roles: Sequence[str]) -> str:
    match message:
        case HumanMessage():
            return "user"
        case AIMessage():
            return "assistant"
        case SystemMessage():
            return "system"
        case ToolMessage():
            return "tool"
        case ChatMessage(role=role) if role in roles:
            return role
        case ChatMessage(role=role):
            raise UnsupportedInputError(
                f"Message {position} is a ChatMessage with the role {role!r}, which Model Studio does not have. "
                f"Expected one of {', '.join(map(repr, roles))}."
            )
        case _:
            raise UnsupportedInputError(
                f"Message {position} is a {type(message).__name__}, for which Model Studio has no role. Expected "
                "SystemMessage, HumanMessage, AIMessage, ToolMessage or ChatMessage."
            )


def _encode_tool_calls(message: AIMessage, position: int, call: ChatCall) -> list[Json]:
    if isinstance(message.content, str) and not (message.tool_calls or message.invalid_tool_calls):
        return []  # Most messages have no calls.
    calls: list[tuple[Any, Any, Any]] = [(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    # An invalid call must be sent, because a tool message answers it. The service accepts only valid JSON (otherwise it
    # answers 500 "Expecting ',' delimiter", docs, error codes, 2026-08-18).
    calls += [(call["id"], call["name"] or "", _valid_json(call["args"])) for call in message.invalid_tool_calls]
    known = {id_ for id_, _, _ in calls}
    if in_blocks := [in_block for in_block in _calls_in_blocks(message) if in_block[0] not in known]:
        # A call that stands only in the content was removed from `tool_calls`, unless a tool's message answers it.
        answered = _answered_ids(call.messages[position + 1 :])
        calls += [in_block for in_block in in_blocks if in_block[0] in answered]
    try:
        encoded = [(id_, name, json.dumps(args, ensure_ascii=False, allow_nan=False)) for id_, name, args in calls]
    except (TypeError, ValueError) as error:
        raise UnsupportedInputError(
            f"Message {position} has a tool call whose arguments cannot be written as JSON: {error}."
        ) from None
    if any(not id_ for id_, _, _ in calls):
        raise UnsupportedInputError(
            f"Message {position} has a tool call without `id`. Expected an id, by which a ToolMessage can answer it."
        )
    if odd := [name for _, name, _ in calls if not isinstance(name, str)]:
        raise UnsupportedInputError(
            f"Message {position} has a tool call whose `name` is {odd[0]!r:.80}. Expected a string."
        )
    return [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in encoded
    ]


def _valid_json(arguments: str | None) -> Json:
    """Return an invalid call's arguments as an object: blanks and `null` are another client's word for none."""
    args, _ = parse_arguments("", arguments or "")
    return {"invalid_json": arguments} if args is None else args


def _object_of(arguments: object) -> object:
    """Return the arguments of a block, which other clients also write as text."""
    return _valid_json(arguments) if arguments is None or isinstance(arguments, str) else arguments


def _calls_in_blocks(message: AIMessage) -> list[tuple[Any, Any, Any]]:
    """Return the calls in a message's content blocks, in the format of Anthropic, LangChain or OpenAI's Responses."""
    blocks = [] if isinstance(message.content, str) else [block for block in message.content if isinstance(block, dict)]
    return [
        (
            block.get("call_id", block.get("id")),
            block.get("name") or "",
            _object_of(block.get("input", block.get("args", block.get("arguments")))),
        )
        for block in blocks
        if block.get("type") in {"tool_use", "tool_call", "function_call"}
    ]


def _answered_ids(following: Sequence[BaseMessage]) -> set[str]:
    """Return the ids of the calls that are answered before the assistant's next message."""
    turn = takewhile(lambda message: not isinstance(message, AIMessage), following)
    singles = (single for message in turn for single in _split_tool_results(message))
    return {single.tool_call_id for single in singles if isinstance(single, ToolMessage)}


def reasoning_of(message: AIMessage) -> str:
    """Return a message's reasoning, from `reasoning_content` or from its content blocks."""
    reasoning = message.additional_kwargs.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        return reasoning
    if isinstance(message.content, str):
        return ""
    blocks = [block for block in message.content if isinstance(block, dict)]
    # Bedrock puts an object into the block: {"type": "reasoning_content", "reasoning_content": {"text": "…"}}.
    inner = [given for block in blocks if isinstance(given := block.get("reasoning_content"), dict)]
    texts = [block.get("reasoning") or block.get("thinking") for block in blocks]
    texts += [block.get("text") for block in inner]
    return "".join(text for text in texts if isinstance(text, str))


def decode_tool_calls(
    raw: Sequence[Json], request_id: str | None, tool_names: Mapping[str, str] | None = None
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Return the valid and the invalid calls of a whole response; arguments that are not a JSON object are invalid.

    Args:
        raw: The response's `tool_calls`.
        request_id: The request's id, from which a call without an id gets one, since a ToolMessage needs it.
        tool_names: The tools' own names by the names that were sent instead.
    """
    tool_names = tool_names or {}
    valid, invalid = [], []
    for position, call in enumerate(map(repair_identity, raw)):
        function = call.get("function") or {}
        name = tool_names.get(function.get("name") or "", function.get("name") or "")
        arguments = repair_surrogates(arguments_text(function.get("arguments")))
        id_ = call.get("id") or make_call_id(request_id, position)
        args, problem = parse_arguments(name, arguments)
        if args is not None and not name:
            args, problem = None, "The call has no name."
        if args is not None:
            valid.append(tool_call(name=name, args=args, id=id_))
        else:
            invalid.append(invalid_tool_call(name=name, args=arguments, id=id_, error=problem))
    return valid, invalid


def make_call_id(request_id: str | None, position: int) -> str:
    """Return an id for a tool call that came without one; the same response always gets the same ids."""
    return f"call_{request_id or 'unknown'}_{position}"
