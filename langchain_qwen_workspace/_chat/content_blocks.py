"""How a Qwen message reads as LangChain's content blocks.

LangChain merges the blocks of a stream by their `index`. Its own best guess gives text and the first tool call the
same one, so that under `output_version="v1"` the call ends up inside the text; hence the indexes here, strings that
begin with `lc_`, which never collide.
"""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from langchain_qwen_workspace._seam import PROVIDER

_REASONING_INDEX, _TEXT_INDEX, _AUDIO_INDEX = "lc_rs_0", "lc_txt_0", "lc_au_0"


def _finished(message: AIMessage) -> list[types.ContentBlock]:
    """Return a whole message's blocks: the reasoning, the content, the tool calls."""
    blocks: list[Any] = []
    if reasoning := message.additional_kwargs.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": reasoning})
    content = _content(message)
    if citations := _citations(message):
        content = content or [{"type": "text", "text": ""}]
        content[0] = {**content[0], "annotations": citations}
    blocks += content
    blocks += _beside_text(message)
    blocks += [{"type": "tool_call", **_named(call)} for call in message.tool_calls]
    blocks += [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]
    return blocks


def _streamed(message: AIMessageChunk) -> list[types.ContentBlock]:
    """Return a chunk's blocks, each with the index of what it continues; a whole stream's sum reads as finished."""
    if message.chunk_position == "last" and (message.tool_call_chunks or message.content or message.additional_kwargs):
        return _finished(message)
    blocks: list[Any] = []
    if reasoning := message.additional_kwargs.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": reasoning, "index": _REASONING_INDEX})
    blocks += [{**block, "index": _TEXT_INDEX} if block["type"] == "text" else block for block in _content(message)]
    if citations := _citations(message):
        blocks.append({"type": "text", "text": "", "index": _TEXT_INDEX, "annotations": citations})
    blocks += [
        {**block, "index": _AUDIO_INDEX} if block["type"] == "audio" else block for block in _beside_text(message)
    ]
    blocks += [
        {"type": "tool_call_chunk", **_named(call), "index": f"lc_tc_{call['index']}"}
        for call in message.tool_call_chunks
    ]
    return blocks


def _content(message: AIMessage) -> list[Any]:
    return list(BaseMessage.content_blocks.fget(message))  # type: ignore[attr-defined]  # mypy sees the property's value


def _named(call: Any) -> dict[str, Any]:
    return {"id": call["id"], "name": call["name"], "args": call["args"]}


def _citations(message: AIMessage) -> list[dict[str, Any]]:
    """Return the sources of a web search, which only the native protocol tells."""
    found = (message.response_metadata.get("search_info") or {}).get("search_results")
    return [
        {
            "type": "citation",
            **{name: source[name] for name in ("url", "title") if source.get(name)},
            # The number that `[1]` or `[ref_1]` in the text stands for is in `index`, a name that LangChain merges by.
            "extras": {name: value for name, value in source.items() if name not in {"url", "title"}},
        }
        for source in (found if isinstance(found, list) else ())
        if isinstance(source, dict)
    ]


def _beside_text(message: AIMessage) -> list[dict[str, Any]]:
    """Return what an answer has beside text: pictures, OCR results, speech."""
    blocks: list[dict[str, Any]] = []
    for part in message.additional_kwargs.get("content_parts") or []:
        picture = part.get("image")
        blocks.append({"type": "image", "url": picture} if picture else {"type": "non_standard", "value": part})
    if (speech := message.additional_kwargs.get("audio")) and speech.get("data"):
        transcript = {"extras": {"transcript": speech["transcript"]}} if speech.get("transcript") else {}
        # Only the first piece of a stream tells the type, since LangChain adds up what is repeated.
        kind = {"mime_type": speech["mime_type"]} if speech.get("mime_type") else {}
        blocks.append({"type": "audio", "base64": speech["data"], **kind, **transcript})
    return blocks


# Also for messages of a checkpoint that no model has touched yet.
register_translator(PROVIDER, _finished, _streamed)
