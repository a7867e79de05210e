"""What may be embedded or ranked: looked at before it is sent, with errors that say which input it is."""

import unicodedata
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from langchain_qwen_workspace import _tokenizer
from langchain_qwen_workspace._retrieval.batching import Item
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace.errors import ContextLengthError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile


def tokens_in(text: str) -> int:
    """Return how many tokens a text has, offline, in Qwen's vocabulary."""
    return len(_tokenizer.token_ids(text))


def text_item(text: object, where: str, profile: Profile, model: str) -> Item:
    """Return what a text takes up in a request.

    Args:
        text: The text.
        where: Names it, for the error.
        profile: What the model is like.
        model: The model's name.

    Raises:
        UnsupportedInputError: It is not a string, is empty, or cannot be written in UTF-8.
        ContextLengthError: It has more tokens than the model takes.
    """
    item = text_of(text, where)
    check_tokens(item, where, profile.max_row_tokens if profile.qwen_vocabulary else None, model)
    if profile.native_endpoint == "multimodal":
        item.input = ({"text": item.text},)
    return item


def text_items(texts: Iterable[Any], profile: Profile, model: str) -> Iterator[Item]:
    """Yield what each text takes up in a request.

    Raises:
        UnsupportedInputError: One is not a string, is empty, or cannot be written in UTF-8.
        ContextLengthError: One has more tokens than the model takes.
    """
    check_several(texts, "texts")
    for position, text in enumerate(texts):
        yield text_item(text, f"Text {position}", profile, model)


async def atext_items(texts: Iterable[Any] | AsyncIterable[Any], profile: Profile, model: str) -> AsyncIterator[Item]:
    """Yield what each text takes up in a request, like `text_items`."""
    if not isinstance(texts, AsyncIterable):
        for item in text_items(texts, profile, model):
            yield item
        return
    position = 0
    async for text in texts:
        yield text_item(text, f"Text {position}", profile, model)
        position += 1


def content_items(contents: Iterable[Any], profile: Profile, model: str) -> Iterator[Item]:
    """Yield what each input of a multimodal model takes up in a request: a text, a content block, or a list of them.

    Raises:
        UnsupportedInputError: One has no shape that can be sent, or the model does not take it.
        ContextLengthError: One has more tokens than the model takes.
    """
    check_several(contents, "inputs")
    for position, given in enumerate(contents):
        where = f"Input {position}"
        item = _content_item(given, where, profile, model)
        check_tokens(item, where, profile.max_row_tokens if profile.qwen_vocabulary else None, model)
        yield item


def check_several(given: object, what: str) -> None:
    """Raise if something is one input, or nothing that inputs can be taken from one after the other.

    Raises:
        UnsupportedInputError: It is.
    """
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        asynchronous = " `alazy_embed_documents` takes an async one." if isinstance(given, AsyncIterable) else ""
        raise UnsupportedInputError(
            f"The {what} are {kind_of(given)}. Expected a list, or another collection or generator.{asynchronous}"
        )


def kind_of(given: object) -> str:
    """Return what a wrong input is, and not what it says: errors go to logs."""
    return (
        repr(given)
        if given is None or isinstance(given, int | float) or (isinstance(given, str) and not given)
        else f"of type `{type(given).__name__}`"
    )


def check_tokens(item: Item, where: str, limit: int | None, model: str) -> None:
    """Raise if an input has more tokens than a limit; they are counted only if its bytes could be more.

    Raises:
        ContextLengthError: It has.
    """
    if limit is not None and item.tokens > limit and item.count(tokens_in) > limit:
        raise ContextLengthError(
            f"{where} has {item.tokens} tokens, and {model!r} takes at most {limit} of one text. Split it, for "
            "instance with a text splitter of `langchain_text_splitters`.",
            model=model,
        )


def text_of(given: object, where: str) -> Item:
    """Return a text and what it takes up.

    Raises:
        UnsupportedInputError: It is not a string, is empty, or cannot be written in UTF-8.
    """
    if not isinstance(given, str) or not given:
        raise UnsupportedInputError(f"{where} is {kind_of(given)}. Expected a string that is not empty.")
    return Item(given, given, given, _most_tokens(given, where))


def _most_tokens(text: str, where: str) -> int:
    """Return how many tokens a text has at most: as many as bytes, in the form in which the vocabulary counts it.

    Raises:
        UnsupportedInputError: It cannot be written in UTF-8.
    """
    try:
        return len(unicodedata.normalize("NFC", text).encode())
    except UnicodeEncodeError as error:
        raise UnsupportedInputError(f"{where} cannot be written in UTF-8: {error}.") from None


def _content_item(given: Any, where: str, profile: Profile, model: str) -> Item:
    contents = read_contents(given, where, profile)
    kinds = [next(iter(part)) for part in contents]
    fused = len(contents) > 1
    if fused and profile.fusion == "none":
        raise UnsupportedInputError(f"{where} is a list, and {model!r} makes one vector of each text, image or video.")
    if fused and profile.fusion == "object" and len(set(kinds)) < len(kinds):
        raise UnsupportedInputError(
            f"{where} has {', '.join(kinds)}, and {model!r} makes one vector of at most one of each kind."
        )
    if profile.native_endpoint == "text" and kinds != ["text"]:
        raise UnsupportedInputError(
            f"{where} has {', '.join(kinds)}, and the endpoint of {model!r} takes single texts only. If it was made "
            "from a multimodal model, name that in `base_model`."
        )
    text = "\n".join(part["text"] for part in contents if "text" in part)
    images = sum(len(part["multi_images"]) if "multi_images" in part else "image" in part for part in contents)
    for what, count, limit in (
        ("images", images, profile.max_images),
        ("videos", kinds.count("video"), profile.max_videos),
        ("parts", len(kinds), profile.max_rows if profile.known and profile.fusion == "parameter" else None),
    ):
        if limit is not None and count > limit:
            raise UnsupportedInputError(
                f"{where} has {count} {what}, and {model!r} takes at most {limit} in a request."
            )
    return Item(
        given,
        text if profile.native_endpoint == "text" else contents,
        text,
        tokens=_most_tokens(text, where),
        images=images,
        videos=kinds.count("video"),
        alone=fused and profile.fusion != "object",
    )
