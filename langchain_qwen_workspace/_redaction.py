"""Masks keys in errors: the request's own key, which a server may echo, and any text shaped like a key."""

import html
import operator
import re
import traceback
from collections.abc import Collection, Iterable
from typing import Any

_MASK = "**********"

# As texts: nothing is compiled before the first error.
# The service's keys begin with `sk-`. Before one there may be an escape: `%20`, `\n`.
_SHAPED_LIKE_A_KEY = r"(?i:(?:(?<![a-z0-9])|(?<=%[0-9a-f]{2})|(?<=\\[nrt]))sk-[\w-]{8,})"
_BEARER = r"(?i:\b(bearer(?:\s|%20|\+)+)(?=[\w.~+/=-]{0,200}[0-9])[\w.~+/=-]{8,})"
# A shorter secret is masked only where it stands alone: it may be part of any word.
_LONG = 8
# The characters of a token in a header (RFC 6750, 2.1).
_UNFINISHED_WORD = r"[\w.~+/=-]+\Z"

_HTTP_LIBRARIES = frozenset({"httpx", "httpx2"})
_HTTP_CLASSES = frozenset({"Request", "Response", "Headers", "URL"})


def mask_keys(text: str) -> str:
    """Return a text in which everything shaped like a key is masked: `sk-…`, or what follows `Bearer`."""
    lower = text.lower()
    if "sk-" not in lower and "bearer" not in lower:  # The id of every response is searched.
        return text
    return re.sub(_BEARER, rf"\1{_MASK}", re.sub(_SHAPED_LIKE_A_KEY, _MASK, text))


def mask_secrets(text: str, secrets: Collection[str]) -> str:
    """Return a text without some secrets, and without what is shaped like a key."""
    text = mask_keys(text)
    return str(_Masker(secrets).mask(text)) if any(secret in text for secret in secrets) else text


def excerpt(text: str | bytes, length: int) -> str:
    """Return the beginning of a text; it does not end inside a word, which might be a key that is not known as one."""
    if isinstance(text, bytes):
        text = text[: 4 * length].decode(errors="replace")
    return text if len(text) <= length else re.sub(_UNFINISHED_WORD, "", text[:length])


def redact_error(error: BaseException, secrets: Iterable[str], outside: BaseException | None = None) -> None:
    """Mask secrets in an error, in place: in it, its causes and its contexts, their arguments, attributes and notes.

    The frames of the tracebacks lose their variables, among which are the headers and bytes of the request: error
    reporters record them. Lines and names of the frames stay.

    Args:
        error: The error.
        secrets: What was sent and must not be shown, beside what is shaped like a key.
        outside: The exception that was being handled when the call began, which is not the call's.
    """
    masker = _Masker(secrets)
    unread: list[BaseException | None] = [error]
    seen = {id(outside)}
    while unread:
        item = unread.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        traceback.clear_frames(item.__traceback__)
        unread += masker.mask_exception(item)
        unread += [item.__cause__, item.__context__, *getattr(item, "exceptions", ())]


class _Masker:
    """Replaces secrets in values. A value without a secret is returned unchanged, another one as a copy."""

    def __init__(self, secrets: Iterable[str]) -> None:
        patterns = [_pattern(secret) for secret in sorted(secrets, key=len, reverse=True)]
        self._known = re.compile("|".join(patterns) or "(?!)", re.IGNORECASE)
        self._exceptions: list[BaseException] = []

    def mask_exception(self, error: BaseException) -> list[BaseException]:
        """Mask the arguments and attributes of an exception, and return the exceptions among them."""
        self._exceptions = []
        if (args := self._mask_or_hide(error.args)) is not error.args:
            error.args = args if isinstance(args, tuple) else (args,)
        attributes = vars(error)
        for name, value in list(attributes.items()):
            if (masked := self._mask_or_hide(value)) is not value:
                attributes[name] = masked
        if isinstance(error, UnicodeDecodeError):
            error.object = self._mask_or_hide(error.object)
        return self._exceptions

    def _mask_or_hide(self, value: Any) -> Any:
        try:
            return self.mask(value)
        except Exception:  # noqa: BLE001 - rather nothing than a key: a sequence of its own kind, nested too deeply, …
            return _MASK

    def mask(self, value: Any) -> Any:
        """Return a value without secrets; of objects, only messages of the HTTP libraries are searched."""
        if isinstance(value, str):
            masked = mask_keys(self._known.sub(_MASK, value))
            return value if masked == value else masked
        if isinstance(value, bytes | bytearray):
            text = value.decode("latin-1")
            return value if (masked := self.mask(text)) is text else type(value)(masked.encode("latin-1"))
        if isinstance(value, dict):
            items = [self.mask(item) for item in value.items()]
            return value if items == list(value.items()) else dict(items)
        if isinstance(value, list | tuple):
            return self._mask_items(value)
        if isinstance(value, BaseException):
            self._exceptions.append(value)
        return self._mask_attributes(value) if _is_http_message(value) else value

    def _mask_items(self, value: Any) -> Any:
        items = [self.mask(item) for item in value]
        if all(map(operator.is_, items, value)):
            return value
        return value._make(items) if hasattr(value, "_make") else type(value)(items)

    def _mask_attributes(self, message: Any) -> Any:
        attributes = vars(message)
        if (masked := self.mask(attributes)) is attributes:
            return message
        copy = object.__new__(type(message))
        copy.__dict__.update(masked)
        return copy


def _is_http_message(value: object) -> bool:
    return any(
        base.__name__ in _HTTP_CLASSES and base.__module__.partition(".")[0] in _HTTP_LIBRARIES
        for base in type(value).__mro__
    )


def _pattern(secret: str) -> str:
    """Return the pattern of a secret, however its punctuation is written in a URL, JSON, a Python literal or HTML."""
    pattern = "".join(character if character.isalnum() else _pattern_of_punctuation(character) for character in secret)
    return pattern if len(secret) >= _LONG else rf"(?<![\w-]){pattern}(?![\w-])"


def _pattern_of_punctuation(character: str) -> str:
    code, plain = ord(character), re.escape(character)
    return rf"(?:\\{{0,4}}{plain}|%{code:02x}|\\u{code:04x}|{re.escape(html.escape(character))})"
