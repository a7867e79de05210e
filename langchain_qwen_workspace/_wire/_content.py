"""What a message contains, as the parts that each dialect can carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_qwen_workspace._types import Json
from langchain_qwen_workspace.errors import UnsupportedInputError


@dataclass(frozen=True, slots=True)
class Text:
    """One piece of text, and the hints that stand beside it on the wire (`cache_control`)."""

    text: str
    hints: Json = field(default_factory=dict)


# Blocks of an assistant's turn that travel in fields of their own (`tool_calls`, `reasoning_content`), or that
# record what a provider's server did and no other server can take back.
_CARRIED_ELSEWHERE = frozenset(
    {
        "reasoning", "thinking", "redacted_thinking",
        "tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call", "input_json_delta",
        "server_tool_call", "server_tool_call_chunk", "server_tool_result", "server_tool_use",
        "web_search_tool_result", "non_standard",
    }
)  # fmt: skip

_SENT_HINTS = frozenset({"cache_control"})
# What LangChain keeps on a text block for itself.
_BOOKKEEPING = frozenset({"type", "text", "id", "index", "annotations", "extras"})


def parts_of(message: BaseMessage, position: int) -> list[Text]:
    """Return the parts of a message's content.

    Args:
        message: The message.
        position: Its place in the conversation, for the error.

    Raises:
        UnsupportedInputError: A block is of a kind that cannot be sent.
    """
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content else []
    parts = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(Text(block))
        elif block.get("type") in _CARRIED_ELSEWHERE and isinstance(message, AIMessage):
            continue
        else:
            parts.append(_text_part(block, message, position))
    return parts


def _text_part(block: Mapping[str, Any], message: BaseMessage, position: int) -> Text:
    kind = block.get("type")
    if kind == "refusal" and isinstance(message, AIMessage):
        return Text(block["refusal"])
    if kind != "text" or not isinstance(block.get("text"), str):
        raise UnsupportedInputError(
            f"Message {position} ({type(message).__name__}) has a content block of type {kind!r}, which cannot be "
            'sent. Expected a string or blocks such as {"type": "text", "text": "…"}.'
        )
    unknown = block.keys() - _BOOKKEEPING - _SENT_HINTS
    if unknown and not isinstance(message, AIMessage):
        raise UnsupportedInputError(
            f"Message {position} ({type(message).__name__}) has a text block with {sorted(unknown)}, which cannot be "
            f"sent. Expected no keys but `type`, `text` and {sorted(_SENT_HINTS)}."
        )
    return Text(block["text"], {name: block[name] for name in _SENT_HINTS & block.keys()})


def as_string_or_parts(parts: Sequence[Text]) -> str | list[Json]:
    """Return the content for the compatible protocol and the native text endpoint.

    A plain string wherever it says all: models that take only text refuse lists (Model Studio docs, error codes,
    2026-08-18: "input content must be a string").
    """
    if not any(part.hints for part in parts):
        return "".join(part.text for part in parts)
    return [{"type": "text", "text": part.text, **part.hints} for part in parts]


def as_multimodal(parts: Sequence[Text]) -> list[Json]:
    """Return the content for the native multimodal endpoint: objects of one kind each, never a string."""
    return [{"text": part.text, **part.hints} for part in parts]


def text_in(content: object) -> str:
    """Return the text of an answer's content: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def other_parts_in(content: object) -> list[Json]:
    """Return what an answer's content has beside text: an OCR result, an image's URL."""
    if not isinstance(content, list):
        return []
    beside = (
        {key: value for key, value in part.items() if key != "text"} for part in content if isinstance(part, dict)
    )
    return [part for part in beside if part]
