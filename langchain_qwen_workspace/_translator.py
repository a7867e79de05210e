"""How a Qwen message reads as LangChain's content blocks.

LangChain merges the blocks of a stream by their `index`. Its own best guess gives text and the first tool call the
same one, so that under `output_version="v1"` the call ends up inside the text; hence the indexes here, strings that
begin with `lc_`, which never collide.
"""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from langchain_qwen_workspace._types import PROVIDER

_REASONING_INDEX, _TEXT_INDEX = "lc_rs_0", "lc_txt_0"


def _finished(message: AIMessage) -> list[types.ContentBlock]:
    """Return a whole message's blocks: the reasoning, the content, the tool calls."""
    blocks: list[Any] = []
    if reasoning := message.additional_kwargs.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": reasoning})
    blocks += BaseMessage.content_blocks.fget(message)  # type: ignore[attr-defined]  # mypy sees the property's value
    blocks += [{"type": "tool_call", **_named(call)} for call in message.tool_calls]
    blocks += [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]
    return blocks


def _streamed(message: AIMessageChunk) -> list[types.ContentBlock]:
    """Return a chunk's blocks, each with the index of what it continues; a whole stream's sum reads as finished."""
    if message.chunk_position == "last" and (message.tool_call_chunks or message.content):
        return _finished(message)
    blocks: list[Any] = []
    if reasoning := message.additional_kwargs.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": reasoning, "index": _REASONING_INDEX})
    content = BaseMessage.content_blocks.fget(message)  # type: ignore[attr-defined]  # mypy sees the property's value
    blocks += [{**block, "index": _TEXT_INDEX} if block["type"] == "text" else block for block in content]
    blocks += [
        {
            "type": "tool_call_chunk",
            "id": call["id"],
            "name": call["name"],
            "args": call["args"],
            "index": f"lc_tc_{call['index']}",
        }
        for call in message.tool_call_chunks
    ]
    return blocks


def _named(call: Any) -> dict[str, Any]:
    return {"id": call["id"], "name": call["name"], "args": call["args"]}


def register() -> None:
    """Tell LangChain how messages of this provider read, also those of a checkpoint that no model has touched yet."""
    register_translator(PROVIDER, _finished, _streamed)
