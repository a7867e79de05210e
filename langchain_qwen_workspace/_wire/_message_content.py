"""Encodes the content of messages for each endpoint, and decodes the content of answers."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, SystemMessage, ToolMessage

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import ChatCall, Json
from langchain_qwen_workspace._wire._content_blocks import (
    CACHE_MARKS,
    DOCUMENT_URL,
    Media,
    Part,
    Text,
    Unread,
    UnreadableBlockError,
    read_block,
    unknown_type_error,
)
from langchain_qwen_workspace._wire._omitted_blocks import describe_omitted, media_kind
from langchain_qwen_workspace.errors import UnsupportedInputError

# What an assistant's text is called: by most providers, by OpenAI's Responses, and in the blocks without a type of
# DashScope, Bedrock and Gemini.
_ASSISTANT_TEXTS = ("text", "text-plain", "input_text", "output_text", "refusal", None)


def parts_of(message: BaseMessage, position: int, call: ChatCall) -> Sequence[Part]:
    """Return the texts and media of a message's content.

    Args:
        message: The message.
        position: Its position in the conversation, for the error.
        call: The call that it is part of.

    Raises:
        UnsupportedInputError: A block is malformed; or, in a message that is not a tool's, it cannot be sent or the
            model does not accept its kind.
    """
    where = f"Message {position} ({type(message).__name__})"
    if isinstance(message, AIMessage) or (isinstance(message, ChatMessage) and message.role == "assistant"):
        return _assistant_parts(message, where)
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content else []
    parts: list[Part] = []
    for block in message.content:
        if isinstance(block, str):
            parts.append(Text(block))
        elif isinstance(message, ToolMessage):
            parts.append(_read_tool_block(block, where, call))
        else:
            parts.append(_read_supported(block, where, call, may_have_file=isinstance(message, SystemMessage)))
    return parts


def _read_tool_block(block: Json, where: str, call: ChatCall) -> Part:
    """Return a part of a tool's result. A sentence stands for one that cannot be sent, so that the thread goes on."""
    try:
        part = _read_supported(block, where, call, may_have_file=False)
        return Text(describe_omitted(block)) if isinstance(part, Unread) else part
    except UnreadableBlockError as error:
        if call.profile.enforced:
            return Text(describe_omitted(block))
        refuse_or_warn(error.message, call.profile, model=call.model)
        return Unread(block)


def _assistant_parts(message: BaseMessage, where: str) -> list[Text]:
    """Return the text of an assistant's message, whichever provider wrote it, and a sentence for each image or file.

    Other blocks are left out: reasoning and tool calls have fields of their own, `reasoning_content` and `tool_calls`,
    and no other server can use the records of what a provider's server tools did.
    """
    if isinstance(message.content, str):
        other_blocks = message.additional_kwargs.get("content_parts")
        if message.content and not other_blocks:
            return [Text(message.content)]
        blocks = [message.content, *(other_blocks or [])]
    else:
        blocks = message.content
    parts: list[Text] = []
    has_text = was_cited = False
    for given in blocks:
        block = {"type": "text", "text": given} if isinstance(given, str) else given
        text = _assistant_text(block, where)
        if text is None and media_kind(block) not in {None, "audio"}:
            parts.append(Text(describe_omitted(block)))
        if text:
            # Anthropic splits a text at its citations, in the middle of sentences.
            is_cited = bool(block.get("citations") or block.get("annotations"))
            before = parts.pop().text if has_text and (is_cited or was_cited) else ""
            parts.append(Text(before + text, _cache_hint(block)))
            has_text, was_cited = True, is_cited
    if not has_text and (spoken := _spoken_text(message)):
        parts.insert(0, Text(spoken))
    return parts


def _assistant_text(block: Json, where: str) -> str | None:
    """Return a block's text; `None` if the block is something else, such as a thought of Gemini."""
    kind = block.get("type")
    if kind is not None and not isinstance(kind, str):
        raise unknown_type_error(kind, where)
    if kind not in _ASSISTANT_TEXTS or not block.keys() & {"text", "refusal"} or block.get("thought"):
        return None
    # Another provider's text block may have further keys, and the service accepts none of them.
    text = block.get("text") or block.get("refusal") or ""
    if not isinstance(text, str):
        raise UnsupportedInputError(f"{where} has a text block whose text is {text!r:.80}. Expected a string.")
    return text


def _spoken_text(message: BaseMessage) -> str:
    """Return the transcript of an assistant's audio, the only part of it that the service accepts back."""
    audio = message.additional_kwargs.get("audio")
    given = [block for block in message.content if isinstance(block, dict) and media_kind(block) == "audio"]
    spoken = [(block.get("extras") or {}).get("transcript") for block in given]
    if isinstance(audio, dict) and not any(spoken):
        given.append({"type": "audio"})
        spoken.append(audio.get("transcript"))
    transcript = "".join(text for text in spoken if isinstance(text, str))
    return transcript or "".join(describe_omitted(block) for block in given[:1])


def _cache_hint(block: Json) -> Json:
    given = {**block, **(block.get("extras") or {})}
    return {name: given[name] for name in sorted(CACHE_MARKS) if given.get(name)}


def _read_supported(block: Json, where: str, call: ChatCall, *, may_have_file: bool) -> Part:
    """Return a block's part, if the model accepts it."""
    if block.get("file_id") and not may_have_file:
        raise UnreadableBlockError(
            f"{where} has the uploaded file {block['file_id']!r}. qwen-long and qwen-doc-turbo read files only from "
            "system messages: move the block into a SystemMessage."
        )
    part, profile = read_block(block, where), call.profile
    if isinstance(part, Media) and profile.knows("inputs") and part.kind not in profile.inputs:
        refuse_or_warn(
            f"{where} has {part.kind} input, but {call.model!r} accepts only {', '.join(sorted(profile.inputs))}. Use "
            f"a model with {part.kind} input, such as 'qwen3.7-plus' for images and videos or 'qwen3.5-omni-plus' for "
            "audio.",
            profile,
            model=call.model,
            error_class=UnreadableBlockError,
        )
    return part


def to_openai_content(parts: Sequence[Part]) -> str | list[Json]:
    """Return the content for the openai protocol.

    It is a string where that loses nothing: models that accept only text refuse lists (Model Studio docs, error codes,
    2026-08-18: "input content must be a string").
    """
    if (text := _only_text(parts)) is not None:
        return text
    if all(isinstance(part, Text) and not part.hints for part in parts):
        return join_texts([part.text for part in parts if isinstance(part, Text)])
    return [_to_openai_part(part) for part in parts]


def _only_text(parts: Sequence[Part]) -> str | None:
    """Return the text of a content that is one plain text, as that of most messages."""
    if len(parts) == 1 and isinstance(part := parts[0], Text) and not part.hints:
        return part.text
    return None


def join_texts(texts: Sequence[str]) -> str:
    """Return texts as one, with a line break between two that no blank separates."""
    joined = ""
    for text in texts:
        is_separate = not joined or not text or joined[-1].isspace() or text[0].isspace()
        joined += text if is_separate else f"\n{text}"
    return joined


def _to_openai_part(part: Part) -> Json:
    if isinstance(part, Unread):
        if part.block.get("type") == DOCUMENT_URL:
            raise UnsupportedInputError(
                f'A `{DOCUMENT_URL}` block works only over `protocol="dashscope"`. Use that protocol, or upload the '
                "file and give its `file_id` in a SystemMessage."
            )
        return part.block
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
    if (text := _only_text(parts)) is not None:
        return text
    if media := next((part for part in parts if isinstance(part, Media)), None):
        raise UnsupportedInputError(
            f'The text endpoint of `protocol="dashscope"` accepts no {media.kind}. If the model does, name in '
            '`base_model` the model that it was made from, or use `protocol="openai"`.'
        )
    if any(isinstance(part, Unread) for part in parts):
        return [part.block if isinstance(part, Unread) else _to_openai_part(part) for part in parts]
    return to_openai_content(parts)


def to_dashscope_multimodal_content(parts: Sequence[Part]) -> list[Json]:
    """Return the content for the dashscope protocol's multimodal endpoint: a list of objects, never a string."""
    return [_to_dashscope_part(part) for part in parts]


def _to_dashscope_part(part: Part) -> Json:
    if isinstance(part, Unread):
        return part.block
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
    if not isinstance(part, Media):
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
