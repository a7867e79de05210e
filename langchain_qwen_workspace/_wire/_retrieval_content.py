"""What is embedded or ranked beside plain texts, in the native protocol's words: images, videos, several as one."""

from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace._seam import Contents, Json
from langchain_qwen_workspace._wire._content_blocks import MALFORMED_INPUT_ERRORS, Media, Text, read_block
from langchain_qwen_workspace._wire._message_content import as_native_multimodal
from langchain_qwen_workspace.errors import QwenWorkspaceError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile

# One input of several pictures, as one vector (Model Studio docs, multimodal embedding, 2026-07-31).
_MULTI_IMAGES = "multi_images"


def read_contents(given: Any, where: str, profile: Profile) -> Contents:
    """Return the content objects of one thing that is embedded or ranked.

    Args:
        given: A text, a content block in the words of LangChain, OpenAI or DashScope, or a list of them.
        where: Names it, for the error.
        profile: What the model is like.

    Raises:
        UnsupportedInputError: It has no shape that can be sent, is empty, or is of a kind that the model does not take.
    """
    several = given if isinstance(given, list | tuple) else [given]
    if not several:
        raise UnsupportedInputError(f"{where} is an empty list. Expected a text, a content block, or a list of them.")
    try:
        return tuple(_read(part, where, profile) for part in several)
    except QwenWorkspaceError:
        raise
    except MALFORMED_INPUT_ERRORS as error:
        raise UnsupportedInputError(
            f"{where} has something of a type that content blocks do not have there: {error!r:.200}. Expected a text "
            "or a content block of LangChain's types."
        ) from error


def _read(part: Any, where: str, profile: Profile) -> Json:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        raise UnsupportedInputError(
            f"{where} is {part!r:.80}. Expected a text or a content block such as "
            '{"type": "image", "url": "https://…"}.'
        )
    if isinstance(pictures := part.get(_MULTI_IMAGES), list | tuple) and len(part) == 1 and pictures:
        return {_MULTI_IMAGES: [_read({"image": picture}, where, profile)["image"] for picture in pictures]}
    read = read_block(part, where)
    if read.hints:
        raise UnsupportedInputError(
            f"{where} has {sorted(read.hints)} beside its content, which no vector or ranking takes into account. "
            "Leave them out; what a model takes of the kind (`fps`, `max_video_frames`, `res_level`) goes into "
            "`model_kwargs`."
        )
    if isinstance(read, Text):
        if not read.text:
            raise UnsupportedInputError(f"{where} has an empty text. Expected one that says something.")
        return {"text": read.text}
    kind = read.kind
    if kind == "audio" or (profile.known and kind not in profile.inputs):
        raise UnsupportedInputError(
            f"{where} has {'a video' if kind == 'video' else f'an {kind}'}, which the model does not take. It takes "
            f"{', '.join(sorted(profile.inputs - {'audio'}))}."
        )
    (native,) = as_native_multimodal([Media(kind, read.source, detail=read.detail)])
    return native
