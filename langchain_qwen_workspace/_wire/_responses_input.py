"""Encodes a conversation as the input items of the Responses API."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import PROVIDER, ChatCall, Json
from langchain_qwen_workspace._wire import _responses_server_tools as server_tools
from langchain_qwen_workspace._wire._content_blocks import CACHE_MARKS, Media, Part, Text, Unread
from langchain_qwen_workspace._wire._message_content import is_temporary_file, join_texts
from langchain_qwen_workspace._wire._messages import reasoning_of
from langchain_qwen_workspace._wire._replayed_fields import fields_to_replay
from langchain_qwen_workspace._wire._responses_parameters import warn_of_ignored
from langchain_qwen_workspace.data._responses import CONTENT_FIELDS, RESPONSES_AS_OF
from langchain_qwen_workspace.errors import UnsupportedInputError

ROLES = ("system", "user", "assistant", "developer")
"""The roles of messages (Model Studio docs, reference of the Responses API, 2026-10-23)."""


def encode_content(parts: Sequence[Part]) -> str | list[Json]:
    """Return a message's content: a text where that loses nothing, otherwise a list of parts.

    Raises:
        UnsupportedInputError: The API does not accept a part.
    """
    if all(isinstance(part, Text) and not part.hints for part in parts):
        return join_texts([part.text for part in parts if isinstance(part, Text)])
    return [_encode_part(part) for part in parts]


def _encode_part(part: Part) -> Json:
    if isinstance(part, Unread):
        return part.block
    encoded = {"type": "input_text", "text": part.text} if isinstance(part, Text) else _encode_media(part)
    return {**encoded, **part.hints}


def _encode_media(media: Media) -> Json:
    if is_temporary_file(media):
        raise UnsupportedInputError(
            'An `oss://` URL works only over `protocol="dashscope"` (Model Studio docs, temporary files, 2026-07-07). '
            "Use that protocol, or a URL that the service can fetch."
        )
    if isinstance(media.source, tuple):
        raise UnsupportedInputError(
            "The Responses API takes a video as one URL, not as a list of frames. Send its URL, or use another "
            "protocol."
        )
    if media.kind == "audio":
        key = "data" if media.source.startswith("data:") else "audio_url"
        format_ = {"format": media.format} if media.format else {}
        return {"type": "input_audio", **format_, key: media.source}
    detail = {"detail": media.detail} if media.detail else {}
    return {"type": f"input_{media.kind}", f"{media.kind}_url": media.source, **detail}


def encode_items(messages: Sequence[Json], call: ChatCall) -> list[Json]:
    """Return the input items of a conversation.

    Args:
        messages: The messages in the form of chat, as `encode_messages` returns them, with contents of this API.
        call: The call that they are from.
    """
    answers = iter([message for message in call.messages if _is_answer(message)])
    items: list[Json] = []
    for message in messages:
        if message["role"] == "tool":
            output = {"call_id": message["tool_call_id"], "output": _text_of(message["content"])}
            items.append({"type": "function_call_output", **output})
        elif message["role"] == "assistant":
            items += _encode_answer(message, next(answers), call)
        else:
            items.append({"role": message["role"], "content": message["content"], **_name_of(message)})
    _warn_of_fields(messages, items, call)
    for position, item in enumerate(items):
        if item.get("type") in _NEEDING_IDS:
            # The id of an answer in the form of chat is not kept; an item at the same position always gets the same.
            item.setdefault("id", f"msg_{position}")
    return _with_outputs_after_calls(items)


# Of the items that may be sent back, these need an id (reference, create-response page).
_NEEDING_IDS = frozenset({"reasoning", "web_search_call"})


def _is_answer(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) or (isinstance(message, ChatMessage) and message.role == "assistant")


def _text_of(content: str | list[Json]) -> str:
    """Return the content of a tool's message, which the API takes as a text only."""
    return content if isinstance(content, str) else join_texts([_as_text(part) for part in content])


def _as_text(part: Json) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else json.dumps(part, ensure_ascii=False, default=str)


def _encode_answer(message: Json, answer: BaseMessage, call: ChatCall) -> Iterator[Json]:
    """Yield the items of an answer in their order: reasoning, searches, text, and then the calls of functions."""
    own_blocks = _own_blocks(answer)
    if own_blocks is not None and isinstance(answer, AIMessage):
        yield from _encode_blocks(own_blocks, answer, call)
    else:
        if isinstance(answer, AIMessage) and _is_reasoning_sent(call):
            yield from _reasoning_item(reasoning_of(answer), fields_to_replay(answer, call))
        yield from _message_item(message["content"], _name_of(message))
    for tool_call in message.get("tool_calls") or ():
        function = tool_call["function"]
        yield {
            "type": "function_call",
            "call_id": tool_call["id"],
            "name": function["name"],
            "arguments": function["arguments"],
        }


def _own_blocks(answer: BaseMessage) -> list[Any] | None:
    """Return the content of an answer of this provider in which built-in tools were used; `None` for any other."""
    if isinstance(answer.content, str) or answer.response_metadata.get("model_provider", PROVIDER) != PROVIDER:
        return None
    kinds = {block.get("type") for block in answer.content if isinstance(block, Mapping)}
    return list(answer.content) if kinds & {"server_tool_call", "reasoning"} else None


def _encode_blocks(blocks: Sequence[Any], answer: AIMessage, call: ChatCall) -> Iterator[Json]:
    results = server_tools.split_results(blocks)
    ciphertexts = fields_to_replay(answer, call)
    if _is_reasoning_sent(call) and isinstance(text := answer.additional_kwargs.get("reasoning_content"), str):
        yield from _reasoning_item(text, {})
    texts: list[str] = []
    for block in blocks:
        given: Mapping[str, Any] = block if isinstance(block, Mapping) else {"type": "text", "text": block}
        match given.get("type"):
            case "text":
                texts.append(given["text"])
            case "reasoning" if _is_reasoning_sent(call):
                yield from _message_item("".join(texts))
                texts = []
                extras = given.get("extras") or {}
                kept = {name: extras[name] for name in ciphertexts if extras.get(name)}
                yield from _reasoning_item(given.get("reasoning") or "", kept, given.get("id"))
            case "server_tool_call":
                result = results.get(given.get("id"))
                if item := server_tools.item_of(given, result):
                    yield from _message_item("".join(texts))
                    texts = []
                    yield item
                else:
                    texts.append(f"{server_tools.describe(given, result)}\n\n")
            case _:
                pass
    yield from _message_item("".join(texts))


def _is_reasoning_sent(call: ChatCall) -> bool:
    """Return whether earlier reasoning is sent. The API takes it from every model, unlike those of chat."""
    return call.parameters.get("preserve_thinking") is not False


def _reasoning_item(text: str, fields: Json, id_: str | None = None) -> Iterator[Json]:
    if text or fields:
        summary = [{"type": "summary_text", "text": text}] if text else []
        yield {"type": "reasoning", **({"id": id_} if id_ else {}), "summary": summary, **fields}


def _name_of(message: Json) -> Json:
    return {"name": message["name"]} if message.get("name") else {}


def _message_item(content: str | list[Json], name: Json | None = None) -> Iterator[Json]:
    if isinstance(content, list):
        content = [{**part, "type": "output_text"} if part.get("type") == "input_text" else part for part in content]
    if content:
        yield {"role": "assistant", "content": content, **(name or {})}


def _with_outputs_after_calls(items: Sequence[Json]) -> list[Json]:
    """Return items in which each function's output follows its call directly, as the API wants it.

    LangChain has the outputs of parallel calls after all of these calls.
    """
    kinds = [(item.get("type"), item) for item in items]
    calls = [_call_id(item) for kind, item in kinds if kind == "function_call"]
    outputs = {_call_id(item): item for kind, item in kinds if kind == "function_call_output"}
    if len(calls) != len(set(calls)):
        return list(items)  # An id that is used twice does not say which output is whose.
    ordered: list[Json] = []
    for kind, item in kinds:
        if kind == "function_call_output" and _call_id(item) in calls:
            continue
        ordered.append(item)
        if kind == "function_call" and _call_id(item) in outputs:
            ordered.append(outputs[_call_id(item)])
    return ordered


def _call_id(item: Json) -> str:
    """Return the id of a call; a history of the user's may have anything in its place."""
    return item["call_id"] if isinstance(item["call_id"], str) else ""


def _warn_of_fields(messages: Sequence[Json], items: Sequence[Json], call: ChatCall) -> None:
    """Warn of what the messages have that the API ignores, and refuse a prefix, which it does not continue."""
    if any(message.get("partial") for message in messages):
        refuse_or_warn(
            "A message is `partial`, but the Responses API does not continue a prefix. Remove `partial`, or use "
            "another protocol.",
            call.profile,
            model=call.model,
            since=RESPONSES_AS_OF,
        )
    contents = (item["content"] for item in items if isinstance(item.get("content"), list))
    for part in (part for content in contents for part in content):
        known = CONTENT_FIELDS.get(str(part.get("type")), frozenset())
        warn_of_ignored(sorted(part.keys() - known - _UNCERTAIN), f"the content `{part.get('type')}`")


# Whether the marks of an explicit cache work here is on no page that could be read (2026-11-29).
_UNCERTAIN = {"type", *CACHE_MARKS}
