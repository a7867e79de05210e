"""Translates the messages of this package to LangChain's content blocks.

LangChain merges the blocks of a stream by their `index`. Its default translation gives text and the first tool call
the same index, so that under `output_version="v1"` the call is merged into the text. The indexes here are strings
that begin with `lc_`, and never equal.
"""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

from langchain_qwen_workspace._seam import PROVIDER
from langchain_qwen_workspace.data._parameters import REASONING_FIELDS

_REASONING_INDEX, _TEXT_INDEX, _AUDIO_INDEX = "lc_rs_0", "lc_txt_0", "lc_au_0"


def _message_blocks(message: AIMessage) -> list[types.ContentBlock]:
    """Return a whole message's blocks: the reasoning, the content, the media, the tool calls."""
    blocks: list[Any] = []
    blocks += _reasoning_blocks(message)
    content = _content(message)
    if citations := _citations(message):
        content = content or [{"type": "text", "text": ""}]
        content[0] = {**content[0], "annotations": citations}
    blocks += content
    blocks += _media_blocks(message)
    blocks += [{"type": "tool_call", **_call_fields(call)} for call in message.tool_calls]
    blocks += [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]
    return blocks


def _chunk_blocks(message: AIMessageChunk) -> list[types.ContentBlock]:
    """Return a chunk's blocks, each with the index of the block that it continues.

    The sum of all chunks of a stream has the blocks of a whole message.
    """
    if message.chunk_position == "last" and (message.tool_call_chunks or message.content or message.additional_kwargs):
        return _message_blocks(message)
    blocks: list[Any] = []
    blocks += [{**block, "index": _REASONING_INDEX} for block in _reasoning_blocks(message)]
    blocks += [{**block, "index": _TEXT_INDEX} if block["type"] == "text" else block for block in _content(message)]
    if citations := _citations(message):
        blocks.append({"type": "text", "text": "", "index": _TEXT_INDEX, "annotations": citations})
    blocks += [
        {**block, "index": _AUDIO_INDEX} if block["type"] == "audio" else block for block in _media_blocks(message)
    ]
    blocks += [
        {"type": "tool_call_chunk", **_call_fields(call), "index": f"lc_tc_{call['index']}"}
        for call in message.tool_call_chunks
    ]
    return blocks


def _reasoning_blocks(message: AIMessage) -> list[dict[str, Any]]:
    """Return the block of the reasoning, with its ciphertext, if there is either."""
    reasoning = message.additional_kwargs.get("reasoning_content") or ""
    extras = {name: given for name in REASONING_FIELDS if (given := message.additional_kwargs.get(name))}
    if not reasoning and not extras:
        return []
    return [{"type": "reasoning", "reasoning": reasoning, **({"extras": extras} if extras else {})}]


def _content(message: AIMessage) -> list[Any]:
    return list(BaseMessage.content_blocks.fget(message))  # type: ignore[attr-defined]  # mypy sees the property's value


def _call_fields(call: Any) -> dict[str, Any]:
    return {"id": call["id"], "name": call["name"], "args": call["args"]}


def _citations(message: AIMessage) -> list[dict[str, Any]]:
    """Return the sources of a web search, which only the dashscope protocol returns."""
    sources = (message.response_metadata.get("search_info") or {}).get("search_results")
    return [
        {
            "type": "citation",
            **{name: source[name] for name in ("url", "title") if source.get(name)},
            # `index` is the number of `[1]` or `[ref_1]` in the text; LangChain would merge blocks by this key.
            "extras": {name: value for name, value in source.items() if name not in {"url", "title"}},
        }
        for source in (sources if isinstance(sources, list) else ())
        if isinstance(source, dict)
    ]


def _media_blocks(message: AIMessage) -> list[dict[str, Any]]:
    """Return what an answer has beside text: images, OCR results, audio."""
    blocks: list[dict[str, Any]] = []
    for part in message.additional_kwargs.get("content_parts") or []:
        url = part.get("image")
        blocks.append({"type": "image", "url": url} if url else {"type": "non_standard", "value": part})
    if (audio := message.additional_kwargs.get("audio")) and audio.get("data"):
        transcript = {"extras": {"transcript": audio["transcript"]}} if audio.get("transcript") else {}
        # Only the first chunk of a stream has the type, because LangChain concatenates repeated strings.
        mime_type = {"mime_type": audio["mime_type"]} if audio.get("mime_type") else {}
        blocks.append({"type": "audio", "base64": audio["data"], **mime_type, **transcript})
    return blocks


# At import, so that messages of a checkpoint are translated before any model is created.
register_translator(PROVIDER, _message_blocks, _chunk_blocks)
