"""Reads the output items of the Responses API in the form of chat, or as content blocks if built-in tools were used."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._wire import _responses_server_tools as server_tools
from langchain_qwen_workspace._wire._responses_history import CONVERSATION, STORED
from langchain_qwen_workspace._wire._surrogates import repair_surrogates, repair_value
from langchain_qwen_workspace.errors import QwenWorkspaceError

REASONING, MESSAGE, FUNCTION_CALL = "reasoning", "message", "function_call"
"""The kinds of items that chat has too."""

_KINDS_BY_KEY = {"summary": REASONING, "content": MESSAGE, "call_id": FUNCTION_CALL}
_KNOWN_IN_MESSAGE = frozenset({"id", "type", "role", "status", "content"})
_TEXT_PARTS = frozenset({"output_text", "text"})
_FINISH_REASONS = {"max_output_tokens": "length"}
FAILED = frozenset({"failed", "cancelled"})
"""The statuses of a response that has no answer."""


def kind_of(item: Mapping[str, Any]) -> str:
    """Return the kind of an item. A message without a type is in an official example (2026-10-23).

    Raises:
        TypeError: The type is not a text, with which LangChain could not read a block of the item.
    """
    type_ = item.get("type") or next((kind for key, kind in _KINDS_BY_KEY.items() if key in item), None)
    if isinstance(type_, list | dict):
        raise TypeError(f"An item's `type` is {type_!r:.80}, not a text.")
    return str(type_)


def is_like_chat(kinds: Sequence[str]) -> bool:
    """Return whether items are what chat can answer: a reasoning, then a text, and calls of functions."""
    shown = [kind for kind in kinds if kind != FUNCTION_CALL]
    return shown in ([], [REASONING], [MESSAGE], [REASONING, MESSAGE])


def has_server_tools(request: Request) -> bool:
    """Return whether a request has built-in tools, so that its answer is a list of content blocks."""
    return any(tool.get("type") != "function" for tool in request.body.get("tools") or ())


def text_of_message(item: Json) -> str:
    """Return the text of a message."""
    return "".join(part["text"] for part in _parts(item) if part.get("type") in _TEXT_PARTS and part.get("text"))


def text_of_reasoning(item: Json) -> str:
    """Return the text of a reasoning: its summary, or else its content."""
    return "\n\n".join(part["text"] for part in item.get("summary") or item.get("content") or () if part.get("text"))


def _parts(item: Json) -> Sequence[Json]:
    content = item.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or ()


def annotations_of(item: Json) -> list[Json]:
    """Return the annotations of a message's text."""
    return [annotation for part in _parts(item) for annotation in part.get("annotations") or ()]


def fields_of_message(item: Json) -> Json:
    """Return what a message has beside its text: a refusal, parts of other kinds, and fields that are not known."""
    refusal = "".join(part["refusal"] for part in _parts(item) if part.get("type") == "refusal")
    others = [part for part in _parts(item) if part.get("type") not in {*_TEXT_PARTS, "refusal"}]
    unknown = {name: item[name] for name in item.keys() - _KNOWN_IN_MESSAGE}
    return {**unknown, **({"refusal": refusal} if refusal else {}), **({"content": others} if others else {})}


def fields_of_reasoning(item: Json) -> Json:
    """Return what a reasoning has beside its text: its ciphertext."""
    return {"encrypted_content": item["encrypted_content"]} if item.get("encrypted_content") else {}


def read_response(body: Json, request: Request) -> tuple[Json, list[Json] | None]:
    """Return the message of a response in the form of chat, and the content blocks that replace its text, if any.

    Raises:
        QwenWorkspaceError: The response says that it failed.
    """
    if body.get("status") in FAILED:
        raise failure_of(body, request)
    items: Sequence[Json] = body["output"]
    message: Json = {"content": ""}
    blocks: list[Json] = []
    citations: list[Json] = []
    for item in items:
        kind = kind_of(item)
        if kind == REASONING:
            text, fields = text_of_reasoning(item), fields_of_reasoning(item)
            blocks += reasoning_block(item, repair_surrogates(text), fields)
            message |= {"reasoning_content": text, **fields}
        elif kind == MESSAGE:
            text, annotations = text_of_message(item), annotations_of(item)
            blocks += text_block(
                item, repair_surrogates(text), [*citations, *map(server_tools.citation_of, annotations)]
            )
            fields = fields_of_message(item)
            message |= {
                **fields,
                "content": _content(text, fields),
                **({"annotations": annotations} if annotations else {}),
            }
            citations = []
        elif kind == FUNCTION_CALL:
            message.setdefault("tool_calls", []).append(to_chat_call(item))
        else:
            blocks += server_tools.blocks_of(item)
            citations += [citation for citation in server_tools.citations_of(item) if citation not in citations]
    if is_like_chat([kind_of(item) for item in items]) and not has_server_tools(request):
        return message, None
    readable = list(map(server_tools.make_readable, blocks))
    return {name: message[name] for name in message.keys() - {"content", *_IN_BLOCKS}} | {"content": ""}, readable


_IN_BLOCKS = ("reasoning_content", "encrypted_content", "annotations")


def _content(text: str, fields: Json) -> Any:
    others = fields.get("content")
    return [{"type": "text", "text": text}, *others] if others else text


def reasoning_block(item: Json, text: str, fields: Json) -> list[Json]:
    """Return the block of a reasoning, if it has a text or a ciphertext."""
    if not text and not fields:
        return []
    return [{"type": "reasoning", **_id_of(item), "reasoning": text, **({"extras": fields} if fields else {})}]


def text_block(item: Json, text: str, annotations: Sequence[Json]) -> list[Json]:
    """Return the block of a message's text, if it has one, and those of its parts of other kinds."""
    block = {"type": "text", **_id_of(item), "text": text}
    if annotations:
        block["annotations"] = repair_value(list(annotations))
    others = [
        {"type": "non_standard", "value": repair_value(part)} for part in fields_of_message(item).get("content") or ()
    ]
    return [*([block] if text else []), *others]


def _id_of(item: Json) -> Json:
    return {"id": item["id"]} if item.get("id") else {}


def to_chat_call(item: Json) -> Json:
    """Return the call of a function in the form of chat."""
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id") or item.get("id"), "function": function}


def finish_reason_of(body: Json, *, has_calls: bool) -> str | None:
    """Return the finish reason of a response, in the words of chat; `None` if its status is not that of an end."""
    match body.get("status"):
        case "completed":
            return "tool_calls" if has_calls else "stop"
        case "incomplete":
            reason = (body.get("incomplete_details") or {}).get("reason")
            return _FINISH_REASONS.get(str(reason), str(reason or "length"))
        case _:
            return None


def facts_of(body: Json, request: Request) -> Json:
    """Return what a response has for the metadata of its message."""
    facts = {name: fact for key, name in (("model", "model_name"), ("id", "id")) if (fact := body.get(key))}
    if request.body.get("store") is False:
        facts[STORED] = False
    if request.body.get(CONVERSATION):
        facts[CONVERSATION] = request.body[CONVERSATION]
    return facts


def failure_of(body: Json, request: Request) -> QwenWorkspaceError:
    """Return the error that a response or an event states."""
    return error_for(
        read_failure(body, failed=True) or {"message": f"The response has the status {body.get('status')!r}."},
        status_code=None,
        model=request.model,
        destination=request.destination,
        request_id=body.get("request_id"),
    )
