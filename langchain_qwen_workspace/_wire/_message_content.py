"""Encodes the content of messages for each endpoint, and decodes the content of answers."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._wire._content_blocks import Media, Part, Text, read_block
from langchain_qwen_workspace.errors import UnsupportedInputError

# Blocks of an assistant's message that are not sent as content. Reasoning and tool calls have fields of their own
# (`reasoning_content`, `tool_calls`); the service has no place for media in an assistant's message; and no other server
# can use the records of what a provider's server tools did, whose types end with one of the suffixes.
_OMITTED_TYPES = frozenset(
    {"reasoning", "thinking", "redacted_thinking", "non_standard", "image", "audio", "video", "file", "image_url"}
)
_SERVER_TOOL_SUFFIXES = ("_call", "_call_chunk", "_use", "_result", "_output", "_delta")


def _is_omitted(block_type: object) -> bool:
    return isinstance(block_type, str) and (block_type in _OMITTED_TYPES or block_type.endswith(_SERVER_TOOL_SUFFIXES))


def parts_of(message: BaseMessage, position: int, call: ChatCall) -> list[Part]:
    """Return the texts and media of a message's content.

    Args:
        message: The message.
        position: Its position in the conversation, for the error.
        call: The call that it is part of.

    Raises:
        UnsupportedInputError: A block cannot be sent, or the model does not accept its kind.
    """
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content else []
    where = f"Message {position} ({type(message).__name__})"
    parts: list[Part] = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(Text(block))
        elif isinstance(message, AIMessage) and _is_omitted(block.get("type")):
            continue
        elif block.get("file_id") and not isinstance(message, SystemMessage):
            raise UnsupportedInputError(
                f"{where} has the uploaded file {block['file_id']!r}. qwen-long reads files only from system "
                "messages: move the block into a SystemMessage."
            )
        elif isinstance(message, AIMessage) and block.get("type") in {"text", "refusal"}:
            # Another provider's text block may have further keys, and the service accepts none of them.
            text = block.get("text") or block.get("refusal") or ""
            if not isinstance(text, str):
                raise UnsupportedInputError(f"{where} has a text block whose text is {text!r:.80}. Expected a string.")
            parts.append(Text(text, _cache_hint(block)))
        else:
            parts.append(_check_supported(read_block(block, where), where, call))
    return parts


def audio_transcript(message: AIMessage) -> str:
    """Return the transcript of an assistant's audio, the only part of it that the service accepts back."""
    blocks = [block for block in message.content if isinstance(block, dict)]
    transcripts = [(block.get("extras") or {}).get("transcript") for block in blocks if block.get("type") == "audio"]
    audio = message.additional_kwargs.get("audio")
    if isinstance(audio, dict) and not any(transcripts):
        transcripts.append(audio.get("transcript"))
    return "".join(text for text in transcripts if isinstance(text, str))


def _cache_hint(block: Json) -> Json:
    mark = block.get("cache_control") or (block.get("extras") or {}).get("cache_control")
    return {"cache_control": mark} if mark else {}


def _check_supported(part: Part, where: str, call: ChatCall) -> Part:
    profile = call.profile
    if isinstance(part, Media) and profile.known and part.kind not in profile.inputs:
        raise UnsupportedInputError(
            f"{where} has {'an' if part.kind != 'video' else 'a'} {part.kind}, but {call.model!r} accepts only "
            f"{', '.join(sorted(profile.inputs))}. Use a model with {part.kind} input, such as 'qwen3.7-plus' for "
            "images and videos or 'qwen3.5-omni-plus' for audio.",
            model=call.model,
        )
    return part


def to_openai_content(parts: Sequence[Part]) -> str | list[Json]:
    """Return the content for the openai protocol.

    It is a string where that loses nothing: models that accept only text refuse lists (Model Studio docs, error codes,
    2026-08-18: "input content must be a string").
    """
    if all(isinstance(part, Text) and not part.hints for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_to_openai_part(part) for part in parts]


def _to_openai_part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **part.hints}
    if is_temporary_file(part):
        raise UnsupportedInputError(
            'An `oss://` URL works only over `protocol="dashscope"` (Model Studio docs, temporary files, 2026-07-07). '
            "Use that protocol, or a URL that the service can fetch."
        )
    if "max_frames" in part.hints:
        raise UnsupportedInputError(
            '`max_frames` of a video exists only on `protocol="dashscope"`. Use that protocol, or `fps`.'
        )
    if isinstance(part.source, tuple):
        return {"type": "video", "video": list(part.source), **part.hints}
    if part.kind == "audio":
        audio = {"data": part.source} | ({"format": part.format} if part.format else {})
        return {"type": "input_audio", "input_audio": audio, **part.hints}
    url = {"url": part.source} | ({"detail": part.detail} if part.detail else {})
    return {"type": f"{part.kind}_url", f"{part.kind}_url": url, **part.hints}


def to_dashscope_text_content(parts: Sequence[Part]) -> str | list[Json]:
    """Return the content for the dashscope protocol's text endpoint, which accepts nothing but text."""
    if media := next((part for part in parts if isinstance(part, Media)), None):
        raise UnsupportedInputError(
            f'The text endpoint of `protocol="dashscope"` accepts no {media.kind}. If the model does, name in '
            '`base_model` the model that it was made from, or use `protocol="openai"`.'
        )
    return to_openai_content(parts)


def to_dashscope_multimodal_content(parts: Sequence[Part]) -> list[Json]:
    """Return the content for the dashscope protocol's multimodal endpoint: a list of objects, never a string."""
    return [_to_dashscope_part(part) for part in parts]


def _to_dashscope_part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"text": part.text, **part.hints}
    if part.detail not in {None, "auto"}:
        raise UnsupportedInputError(
            f'`detail` of an image is {part.detail!r}, which exists only on `protocol="openai"`. Use that protocol, or '
            "`max_pixels` on the image, or `vl_high_resolution_images`."
        )
    return {part.kind: list(part.source) if isinstance(part.source, tuple) else part.source, **part.hints}


def is_temporary_file(part: Part) -> bool:
    """Return whether a part is a temporary file of the service, with an `oss://` URL."""
    if isinstance(part, Text):
        return False
    sources = part.source if isinstance(part.source, tuple) else (part.source,)
    return any(source.lower().startswith("oss://") for source in sources)


def text_of(content: object) -> str:
    """Return the text of an answer's content: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def non_text_parts(content: object) -> list[Json]:
    """Return the parts of an answer's content without their text: an OCR result, an image's URL."""
    if not isinstance(content, list):
        return []
    parts = ({key: part[key] for key in part if key != "text"} for part in content if isinstance(part, dict))
    return [part for part in parts if part and part != {"type": "text"}]
