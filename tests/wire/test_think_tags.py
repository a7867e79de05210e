"""Reasoning between `<think>` tags at the beginning of a text, in one piece and in pieces cut anywhere."""

from collections.abc import Sequence

import pytest

from langchain_qwen_workspace._wire._think_tags import ThinkTags, add_tags


def read(pieces: Sequence[str]) -> tuple[str, str]:
    tags = ThinkTags()
    fed = [*(tags.feed(piece) for piece in pieces), tags.finish()]
    return "".join(thought for thought, _ in fed), "".join(text for _, text in fed)


CASES = {
    "<think>\nOne.\nTwo.\n</think>\n\nHello": ("One.\nTwo.", "Hello"),
    "\n <think>One</think>Hello\n": ("One", "Hello\n"),
    "<think>\n\n</think>\n\nHello": ("", "Hello"),
    "<think>One < two </thin </think> three": ("One < two </thin ", " three"),
    "<think>\n\nCut off\n": ("Cut off", ""),
    "<think>Cut off</thi": ("Cut off</thi", ""),
    "<think>\n": ("", ""),
    "<think>One</think>\n": ("One", ""),
    "Hello <think>no</think>": ("", "Hello <think>no</think>"),
    "  Hello": ("", "  Hello"),
    "<thinker> Hello": ("", "<thinker> Hello"),
    "<thi": ("", "<thi"),
    " ": ("", " "),
    "no</think>Hello": ("", "no</think>Hello"),
    "<think>a</think>b<think>c</think>": ("a", "b<think>c</think>"),
    "": ("", ""),
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_a_whole_text_is_separated(text: str, expected: tuple[str, str]) -> None:
    assert read([text]) == expected


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_a_text_cut_anywhere_is_separated_alike(text: str, expected: tuple[str, str]) -> None:
    cuts = [[text[:at], text[at:to], text[to:]] for at in range(len(text)) for to in range(at, len(text))]
    assert {read(pieces) for pieces in [*cuts, list(text)]} == {expected}


def test_a_text_with_tags_added_is_separated_into_the_same() -> None:
    assert read([add_tags("One.\n\nTwo.", "Hello")]) == ("One.\n\nTwo.", "Hello")
