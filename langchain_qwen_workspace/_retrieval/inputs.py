"""Checks the inputs of embeddings and rerank before anything is sent; errors name the input by its position."""

import unicodedata
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from langchain_qwen_workspace import _tokenizer
from langchain_qwen_workspace._refusals import refuse_or_warn
from langchain_qwen_workspace._retrieval.batching import Item
from langchain_qwen_workspace._wire._retrieval_content import read_contents
from langchain_qwen_workspace.errors import ContextLengthError, UnsupportedInputError
from langchain_qwen_workspace.profiles import Profile


def count_tokens(text: str) -> int:
    """Return the number of tokens of a text in Qwen's vocabulary, offline."""
    return len(_tokenizer.token_ids(text))


def text_item(text: object, where: str, profile: Profile, model: str) -> Item:
    """Return the item of one text, in the form in which the model's endpoint takes it.

    Args:
        text: The text.
        where: Names the input in errors.
        profile: What is known of the model.
        model: The model's name, for errors.

    Raises:
        UnsupportedInputError: It is not a string, is empty, or cannot be encoded in UTF-8.
        ContextLengthError: It has more tokens than the model takes.
    """
    item = read_text(text, where)
    check_tokens(item, where, profile.max_row_tokens if profile.qwen_vocabulary else None, profile, model)
    if profile.native_endpoint == "multimodal":
        item.input = ({"text": item.text},)
    return item


def text_items(texts: Iterable[Any], profile: Profile, model: str) -> Iterator[Item]:
    """Yield the item of each text.

    Args:
        texts: The texts.
        profile: What is known of the model.
        model: The model's name, for errors.

    Raises:
        UnsupportedInputError: `texts` is not a collection, or a text is not a string, is empty, or cannot be encoded
            in UTF-8.
        ContextLengthError: A text has more tokens than the model takes.
    """
    check_is_collection(texts, "texts")
    for position, text in enumerate(texts):
        yield text_item(text, f"Text {position}", profile, model)


async def atext_items(texts: Iterable[Any] | AsyncIterable[Any], profile: Profile, model: str) -> AsyncIterator[Item]:
    """Yield the item of each text, like `text_items`; `texts` may be asynchronous."""
    if not isinstance(texts, AsyncIterable):
        for item in text_items(texts, profile, model):
            yield item
        return
    position = 0
    async for text in texts:
        yield text_item(text, f"Text {position}", profile, model)
        position += 1


def content_items(contents: Iterable[Any], profile: Profile, model: str) -> Iterator[Item]:
    """Yield the item of each input of a multimodal model: a text, a content block, or a list of these.

    Raises:
        UnsupportedInputError: `contents` is not a collection, an input is malformed, or the model does not take it.
        ContextLengthError: An input has more tokens than the model takes.
    """
    check_is_collection(contents, "inputs")
    for position, given in enumerate(contents):
        where = f"Input {position}"
        item = _content_item(given, where, profile, model)
        check_tokens(item, where, profile.max_row_tokens if profile.qwen_vocabulary else None, profile, model)
        yield item


def check_is_collection(given: object, what: str) -> None:
    """Check that inputs were given as a collection, and not a single input or something that cannot be iterated.

    Args:
        given: The inputs.
        what: What they are, in the plural, for the error.

    Raises:
        UnsupportedInputError: They were not.
    """
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        hint = " `alazy_embed_documents` accepts an async iterable." if isinstance(given, AsyncIterable) else ""
        raise UnsupportedInputError(
            f"The {what} are {describe_input(given)}. Expected a list or another iterable of {what}, even for a single "
            f"one.{hint}"
        )


def describe_input(given: object) -> str:
    """Return a short description of a wrong input, without its content: errors go to logs."""
    return (
        repr(given)
        if given is None or isinstance(given, int | float) or (isinstance(given, str) and not given)
        else f"of type `{type(given).__name__}`"
    )


def check_tokens(item: Item, where: str, limit: int | None, profile: Profile, model: str) -> None:
    """Check an input against a token limit. Tokens are counted only if the upper bound, its bytes, is over the limit.

    Raises:
        ContextLengthError: It has more.
    """
    if limit is not None and item.tokens > limit and item.count(count_tokens) > limit:
        refuse_or_warn(
            f"{where} has {item.tokens} tokens, but {model!r} takes at most {limit} per text. Split it, for example "
            "with a text splitter of `langchain_text_splitters`.",
            profile,
            model=model,
            error_class=ContextLengthError,
        )


def read_text(given: object, where: str) -> Item:
    """Return the item of a text, whatever the model's limits.

    Args:
        given: The text.
        where: Names the input in errors.

    Raises:
        UnsupportedInputError: It is not a string, is empty, or cannot be encoded in UTF-8.
    """
    if not isinstance(given, str) or not given:
        raise UnsupportedInputError(f"{where} is {describe_input(given)}. Expected a string that is not empty.")
    return Item(given, given, given, _max_tokens(given, where))


def _max_tokens(text: str, where: str) -> int:
    """Return an upper bound of a text's tokens: its bytes, in the Unicode form in which the vocabulary counts it.

    Raises:
        UnsupportedInputError: It cannot be encoded in UTF-8.
    """
    try:
        return len(unicodedata.normalize("NFC", text).encode())
    except UnicodeEncodeError as error:
        raise UnsupportedInputError(
            f"{where} cannot be encoded in UTF-8: {error}. Expected a text without lone surrogates."
        ) from None


def _content_item(given: Any, where: str, profile: Profile, model: str) -> Item:
    contents = read_contents(given, where, profile)
    kinds = [next(iter(part)) for part in contents]
    fused = len(contents) > 1
    if fused and profile.fusion == "none":
        refuse_or_warn(
            f"{where} is a list, but {model!r} makes a separate vector of each text, image or video. Pass each as an "
            "input of its own.",
            profile,
        )
    if fused and profile.fusion == "object" and len(set(kinds)) < len(kinds):
        raise UnsupportedInputError(
            f"{where} has {', '.join(kinds)}, but {model!r} fuses at most one of each kind into a vector. Pass the "
            "others as inputs of their own."
        )
    is_plain_text = profile.native_endpoint == "text" and kinds == ["text"]
    is_misplaced = profile.native_endpoint == "text" and not is_plain_text
    if is_misplaced:
        refuse_or_warn(
            f"{where} has {', '.join(kinds)}, but the endpoint of {model!r} takes only single texts. If the model was "
            "made from a multimodal one, name that one in `base_model`.",
            profile,
        )
    text = "\n".join(part["text"] for part in contents if "text" in part)
    images = sum(len(part["multi_images"]) if "multi_images" in part else "image" in part for part in contents)
    for what, count, limit in (
        ("images", images, profile.max_images),
        ("videos", kinds.count("video"), profile.max_videos),
        ("parts", len(kinds), profile.max_rows if profile.known and profile.fusion == "parameter" else None),
    ):
        if limit is not None and count > limit:
            refuse_or_warn(
                f"{where} has {count} {what}, but {model!r} takes at most {limit} per request. Pass fewer.", profile
            )
    return Item(
        given,
        text if is_plain_text else contents,
        text,
        tokens=_max_tokens(text, where),
        images=images,
        videos=kinds.count("video"),
        needs_own_request=is_misplaced or (fused and profile.fusion != "object"),
    )
