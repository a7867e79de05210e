"""What of an exception is masked, and what is left as it is."""

import time
from collections.abc import Callable
from typing import Any, Self

import httpx
import pytest

from langchain_qwen_workspace import QwenWorkspaceError
from langchain_qwen_workspace._redaction import excerpt, mask_keys, mask_secrets, redact_error

KEY = 'gw-Q7f3"9&aX\\kV/2m'
MASK = "**********"


@pytest.mark.parametrize(
    "text",
    [
        "sk-0123456789abcdef",
        "SK-0123456789abcdef",
        "key=sk-sp-01234567",
        "%20sk-0123456789abcdef",
        r"\nsk-0123456789abcdef",
        "Bearer 0123456789",
        "bearer%20abcdefgh1",
    ],
)
def test_what_is_shaped_like_a_key_is_masked(text: str) -> None:
    assert MASK in mask_keys(text)


@pytest.mark.parametrize(
    "text",
    [
        "task-0123456789abcdef",
        "The key begins with sk-sp-.",
        "Use Bearer authentication.",
        "chatcmpl-1b2e0d6b-8a3f-9c39-8d6e-6d2b0f7a1c55",
        "qwen-plus-2025-07-28",
    ],
)
def test_a_harmless_text_is_left_as_it_is(text: str) -> None:
    assert mask_keys(text) == text


def test_a_key_of_this_shape_is_masked_in_every_error() -> None:
    error = QwenWorkspaceError("Wrong: sk-0123456789abcdef", code="sk-0123456789", request_id="sk-0123456789")
    assert "0123" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.upper(),
        "gw%2DQ7f3%229%26aX%5CkV%2F2m",
        r"gw-Q7f3\"9&aX\\kV/2m",
        "gw-Q7f3&quot;9&amp;aX\\kV/2m",
        r"gw\u002dQ7f3\u00229\u0026aX\u005ckV\u002f2m",
    ],
    ids=["as it is", "upper case", "URL", "JSON", "HTML", "escapes"],
)
def test_a_known_key_is_masked_however_it_is_written(written: str) -> None:
    error = ValueError(f"a {written} b")
    redact_error(error, [KEY])
    assert error.args == (f"a {MASK} b",)


def test_a_short_key_is_masked_only_where_it_stands_alone() -> None:
    error = ValueError("openai: the key open is wrong.")
    redact_error(error, ["open"])
    assert error.args == (f"openai: the key {MASK} is wrong.",)


def _nested() -> Any:
    value: Any = KEY
    for _ in range(5000):
        value = [value]
    return value


class _Odd(tuple[Any, ...]):
    __slots__ = ()

    def __new__(cls, first: str, second: str) -> Self:
        return super().__new__(cls, (first, second))


@pytest.mark.parametrize(
    "value",
    [
        KEY.encode(),
        bytearray(KEY.encode()),
        [KEY],
        {KEY: {"a": (KEY,)}},
        _nested(),
        _Odd(KEY, "b"),
        httpx.Headers({"X-A": KEY}),
        httpx.Request("GET", "http://127.0.0.1", headers={"X-A": KEY}),
        httpx.Response(400, extensions={"reason_phrase": KEY.encode()}),
        httpx.Response(400, text=KEY),
    ],
    ids=["bytes", "bytearray", "list", "dict", "deep", "odd", "headers", "request", "reason", "content"],
)
def test_an_attribute_is_masked(value: Any) -> None:
    error = ValueError()
    error.given = value  # type: ignore[attr-defined]  # as SDKs attach a body or a response
    redact_error(error, [KEY])
    given = vars(error)["given"]
    shown = [given, getattr(given, "__dict__", ""), getattr(getattr(given, "headers", ""), "__dict__", "")]
    assert "Q7f3" not in repr(shown)


@pytest.mark.parametrize("value", [["a"], {"a": b"b"}, httpx.Response(400, text="a"), ("a",), 7, object()])
def test_a_harmless_attribute_stays_the_same_object(value: Any) -> None:
    error = ValueError()
    error.given = value  # type: ignore[attr-defined]  # as SDKs attach a body or a response
    redact_error(error, [KEY])
    assert vars(error)["given"] is value


def _with_cause(inner: Exception) -> Exception:
    error = ValueError("outer")
    error.__cause__ = inner
    return error


def _with_context(inner: Exception) -> Exception:
    error = ValueError("outer")
    error.__context__ = inner
    inner.__context__ = error
    return error


@pytest.mark.parametrize(
    "wrap",
    [_with_cause, _with_context, ValueError, lambda inner: ExceptionGroup("several", [inner])],
    ids=["cause", "context", "argument", "group"],
)
def test_a_chained_exception_is_masked(wrap: Callable[[Exception], Exception]) -> None:
    inner = ValueError(KEY)
    inner.add_note(KEY)
    redact_error(wrap(inner), [KEY])
    assert (inner.args, inner.__notes__) == ((MASK,), [MASK])


def test_the_bytes_of_a_decoding_error_are_masked() -> None:
    error = UnicodeDecodeError("utf-8", KEY.encode() + b"\xff", 0, 1, "odd")
    redact_error(error, [KEY])
    assert "Q7f3" not in f"{error!r} {error.object!r}"


def test_the_exception_that_was_being_handled_is_left_as_it_is() -> None:
    outside = ValueError(KEY)
    redact_error(_with_context(outside), [KEY], outside)
    assert outside.args == (KEY,)


def test_without_a_key_only_shapes_are_masked() -> None:
    error = ValueError(f"{KEY} sk-0123456789abcdef")
    redact_error(error, [])
    assert error.args == (f"{KEY} {MASK}",)


def test_a_text_is_masked_by_the_keys_in_it() -> None:
    assert mask_secrets(f"a {KEY}", ["other", KEY]) == f"a {MASK}"


@pytest.mark.parametrize(
    ("given", "shown"), [("abc def", "abc def"), (b"abc def ghi", "abc def "), ("abc defghijkl", "abc ")]
)
def test_an_excerpt_does_not_end_inside_a_word(given: str | bytes, shown: str) -> None:
    assert excerpt(given, 9) == shown


@pytest.mark.parametrize("piece", ["bearer+", "Bearer a", "sk-", "\\", "sk", "%20", "gw-"])
def test_masking_takes_time_linear_in_the_text(piece: str) -> None:
    error = ValueError(piece * (1_000_000 // len(piece)))
    began = time.monotonic()
    redact_error(error, [KEY, "-" + KEY])
    assert time.monotonic() - began < 10


def test_a_request_id_of_another_type_is_its_text() -> None:
    malformed: Any = ["req-1"]
    assert QwenWorkspaceError("Failed.", request_id=malformed).request_id == "['req-1']"
