"""What a message contains, as each dialect writes it; and an answer's content, as both do."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._wire._content_blocks import Media, Part, Text, read_block
from langchain_qwen_workspace.errors import UnsupportedInputError

# Blocks of an assistant's turn that travel in fields of their own (`tool_calls`, `reasoning_content`), that record what
# a provider's server did and no other server can take back, or that the assistant drew or said, for which the service
# has no place in an assistant's message.
_LEFT_OUT = frozenset(
    {"reasoning", "thinking", "redacted_thinking", "non_standard", "image", "audio", "video", "file", "image_url"}
)
_RECORDS = ("_call", "_call_chunk", "_use", "_result", "_output", "_delta")


def _is_left_out(kind: object) -> bool:
    return isinstance(kind, str) and (kind in _LEFT_OUT or kind.endswith(_RECORDS))


def parts_of(message: BaseMessage, position: int, call: ChatCall) -> list[Part]:
    """Return the parts of a message's content.

    Args:
        message: The message.
        position: Its place in the conversation, for the error.
        call: What it is part of.

    Raises:
        UnsupportedInputError: A block is of a kind that cannot be sent, or that the model does not take.
    """
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content else []
    where = f"Message {position} ({type(message).__name__})"
    parts: list[Part] = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(Text(block))
        elif isinstance(message, AIMessage) and _is_left_out(block.get("type")):
            continue
        elif block.get("file_id") and not isinstance(message, SystemMessage):
            raise UnsupportedInputError(
                f"{where} names the uploaded file {block['file_id']!r}. qwen-long reads files only from system "
                "messages: put the block into a SystemMessage."
            )
        elif isinstance(message, AIMessage) and block.get("type") in {"text", "refusal"}:
            # Another provider's text block has keys of its own, which say nothing that could be sent.
            text = block.get("text") or block.get("refusal") or ""
            if not isinstance(text, str):
                raise UnsupportedInputError(f"{where} has a text that is {text!r:.80}. Expected a string.")
            parts.append(Text(text, _cache_hint(block)))
        else:
            parts.append(_taken(read_block(block, where), where, call))
    return parts


def audio_transcript(message: AIMessage) -> str:
    """Return what an assistant said aloud, as text: of its own voice the service takes back nothing else."""
    blocks = [block for block in message.content if isinstance(block, dict)]
    told = [(block.get("extras") or {}).get("transcript") for block in blocks if block.get("type") == "audio"]
    own = message.additional_kwargs.get("audio")
    told += [own.get("transcript")] if isinstance(own, dict) and not any(told) else []
    return "".join(text for text in told if isinstance(text, str))


def _cache_hint(block: Json) -> Json:
    mark = block.get("cache_control") or (block.get("extras") or {}).get("cache_control")
    return {"cache_control": mark} if mark else {}


def _taken(part: Part, where: str, call: ChatCall) -> Part:
    profile = call.profile
    if isinstance(part, Media) and profile.known and part.kind not in profile.inputs:
        raise UnsupportedInputError(
            f"{where} has {'an' if part.kind != 'video' else 'a'} {part.kind}, but {call.model!r} takes only "
            f"{', '.join(sorted(profile.inputs))}. Take a model that has {part.kind} input, such as 'qwen3.7-plus' for "
            "images and videos or 'qwen3.5-omni-plus' for sounds.",
            model=call.model,
        )
    return part


def as_openai(parts: Sequence[Part]) -> str | list[Json]:
    """Return the content for the compatible protocol.

    A plain string wherever it says all: models that take only text refuse lists (Model Studio docs, error codes,
    2026-08-18: "input content must be a string").
    """
    if all(isinstance(part, Text) and not part.hints for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_openai_part(part) for part in parts]


def _openai_part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **part.hints}
    if names_oss(part):
        raise UnsupportedInputError(
            "An `oss://` URL is resolved only on the native protocol (Model Studio docs, temporary files, 2026-07-07): "
            'use `protocol="dashscope"`, or a URL that everybody can fetch.'
        )
    if "max_frames" in part.hints:
        raise UnsupportedInputError(
            '`max_frames` of a video exists only on the native protocol: use `fps`, or `protocol="dashscope"`.'
        )
    if isinstance(part.source, tuple):
        return {"type": "video", "video": list(part.source), **part.hints}
    if part.kind == "audio":
        audio = {"data": part.source} | ({"format": part.format} if part.format else {})
        return {"type": "input_audio", "input_audio": audio, **part.hints}
    located = {"url": part.source} | ({"detail": part.detail} if part.detail else {})
    return {"type": f"{part.kind}_url", f"{part.kind}_url": located, **part.hints}


def as_native_text(parts: Sequence[Part]) -> str | list[Json]:
    """Return the content for the native text endpoint, which takes nothing but text."""
    if media := next((part for part in parts if isinstance(part, Media)), None):
        raise UnsupportedInputError(
            f"The native text endpoint takes no {media.kind}. If the model is one that does, name the model it "
            'was made from in `base_model`, or use `protocol="openai"`.'
        )
    return as_openai(parts)


def as_native_multimodal(parts: Sequence[Part]) -> list[Json]:
    """Return the content for the native multimodal endpoint: objects of one kind each, never a string."""
    return [_native_part(part) for part in parts]


def _native_part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"text": part.text, **part.hints}
    if part.detail not in {None, "auto"}:
        raise UnsupportedInputError(
            f"`detail` is {part.detail!r}, which the native protocol has no word for. Use `max_pixels` on the image, "
            "or `vl_high_resolution_images`."
        )
    return {part.kind: list(part.source) if isinstance(part.source, tuple) else part.source, **part.hints}


def names_oss(part: Part) -> bool:
    """Say whether a part is a temporary file of the service."""
    if isinstance(part, Text):
        return False
    sources = part.source if isinstance(part.source, tuple) else (part.source,)
    return any(source.lower().startswith("oss://") for source in sources)


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
    beside = ({key: part[key] for key in part if key != "text"} for part in content if isinstance(part, dict))
    return [part for part in beside if part and part != {"type": "text"}]
