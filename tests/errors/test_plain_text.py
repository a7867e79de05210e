"""Text of servers and files in what is printed: control characters become visible escapes."""

import sys
import unicodedata

import pytest

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace.errors import InvalidRequestError

BIDIRECTIONAL_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_every_control_character_is_escaped() -> None:
    unescaped = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if (
            unicodedata.category(chr(code)) in {"Cc", "Cs", "Zl", "Zp"}
            or unicodedata.bidirectional(chr(code)) in BIDIRECTIONAL_CONTROLS
            or chr(code) in "\u061c\u200e\u200f"
        )
        and not escape_control_characters(chr(code)).startswith("\\")
    ]
    assert unescaped == []


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\tb\r\nc", r"a\tb\r\nc"),
        ("\x1b[31mred\x9b0m", r"\x1b[31mred\x9b0m"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
)
def test_a_control_character_becomes_pythons_escape(text: str, escaped: str) -> None:
    assert escape_control_characters(text) == escaped


@pytest.mark.parametrize("text", ["Größe 通义千问 مرحبا", "👩\u200d💻", r"C:\new", "no\u00a0break"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert escape_control_characters(text) == text


def test_the_text_of_an_error_is_one_line_without_control_characters() -> None:
    error = InvalidRequestError("bad\r\nERROR root: forged\x1b[2J", code="a\nb", request_id="r\x07", model="m\u202e")
    assert str(error) == (r"bad\r\nERROR root: forged\x1b[2J (code: a\nb, model: m\u202e, request id: r\x07)")


def test_the_message_of_an_error_is_the_servers_text_unchanged() -> None:
    assert InvalidRequestError("bad\r\n\x1b[2J").message == "bad\r\n\x1b[2J"
