"""Encodes what is embedded or ranked as the dashscope protocol's content objects: texts, images and videos."""

from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._seam import Contents, Json
from langchain_qwen_workspace._wire._content_blocks import (
    MALFORMED_INPUT_ERRORS,
    Media,
    Text,
    Unread,
    read_block,
    unknown_type_error,
)
from langchain_qwen_workspace._wire._message_content import to_dashscope_multimodal_content
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile

# Several images as one input, which gets one vector (Model Studio docs, multimodal embedding, 2026-07-31).
_MULTI_IMAGES = "multi_images"


def read_contents(value: Any, where: str, profile: Profile) -> Contents:
    """Return the content objects of one item that is embedded or ranked.

    Args:
        value: A text, a content block in the format of LangChain, OpenAI or DashScope, or a list of them.
        where: The item's name in errors.
        profile: The facts about the model.

    Raises:
        UnsupportedInputError: The item is malformed or empty, or the model does not accept its kind.
    """
    parts = value if isinstance(value, list | tuple) else [value]
    if not parts:
        raise UnsupportedInputError(f"{where} is an empty list. Expected a text, a content block, or a list of them.")
    try:
        return tuple(_read(part, where, profile) for part in parts)
    except QwenWorkspaceError:
        raise
    except MALFORMED_INPUT_ERRORS as error:
        raise UnsupportedInputError(
            f"{where} is malformed: {error!r:.200}. Expected a text or a content block of LangChain's types."
        ) from error


def _read(part: Any, where: str, profile: Profile) -> Json:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        raise UnsupportedInputError(
            f"{where} is {part!r:.80}. Expected a text or a content block such as "
            '{"type": "image", "url": "https://…"}.'
        )
    if isinstance(images := part.get(_MULTI_IMAGES), list | tuple) and len(part) == 1 and images:
        return {_MULTI_IMAGES: [_read({"image": image}, where, profile)["image"] for image in images]}
    read = read_block(part, where)
    if isinstance(read, Unread):
        raise unknown_type_error(part.get("type"), where)
    if read.hints:
        raise UnsupportedInputError(
            f"{where} has the keys {sorted(read.hints)}, which embedding and rerank models ignore. Remove them; pass "
            "what a model supports of this kind (`fps`, `max_video_frames`, `res_level`) in `model_kwargs`."
        )
    if isinstance(read, Text):
        if not read.text:
            raise UnsupportedInputError(f"{where} has an empty text. Expected a text that is not empty.")
        return {"text": read.text}
    kind = read.kind
    if kind == "audio" or (profile.known and kind not in profile.inputs):
        refuse_or_warn(
            f"{where} has {kind} input, which the model does not accept. Expected "
            f"{' or '.join(sorted(profile.inputs - {'audio'}))}.",
            profile,
        )
    (content,) = to_dashscope_multimodal_content([Media(kind, read.source, detail=read.detail)])
    return content
