"""Separates the reasoning that leads a text, between the tags of Qwen's chat template, from the answer."""

import re

_OPEN, _CLOSE = "<think>", "</think>"
# The end of a text that may turn out to be the line breaks before the closing tag, and the tag's beginning.
_MAY_CLOSE = re.compile(r"\n*(?:<(?:/(?:t(?:h(?:i(?:n(?:k)?)?)?)?)?)?)?\Z")


def add_tags(reasoning: str, text: str) -> str:
    """Return a text with its reasoning before it, as Qwen's chat template writes them."""
    return f"{_OPEN}\n{reasoning}\n{_CLOSE}\n\n{text}"


class ThinkTags:
    """Reads one answer, in one piece or in pieces cut anywhere.

    Tags anywhere but at the beginning belong to the text, and so does a closing tag alone. The line breaks around the
    tags belong to neither side.
    """

    def __init__(self) -> None:
        """Start before the first piece."""
        self._step = self._read_beginning
        self._held = ""
        self._is_thought_begun = False
        self.has_tags = False

    def feed(self, piece: str) -> tuple[str, str]:
        """Return what a piece adds to the reasoning, and what it adds to the text."""
        self._held += piece
        return self._step()

    def finish(self) -> tuple[str, str]:
        """Return what was held back, because more of a tag might have followed."""
        held, self._held = self._held, ""
        if self._step == self._read_thought:
            return held.strip("\n") if not self._is_thought_begun else held.rstrip("\n"), ""
        return ("", "") if self._step == self._skip_line_breaks else ("", held)

    def _read_beginning(self) -> tuple[str, str]:
        beginning = self._held.lstrip()
        if beginning.startswith(_OPEN):
            self.has_tags = True
            self._held = beginning.removeprefix(_OPEN)
            self._step = self._read_thought
            return self._step()
        if _OPEN.startswith(beginning):
            return "", ""
        self._step = self._read_text
        return self._step()

    def _read_thought(self) -> tuple[str, str]:
        if not self._is_thought_begun:
            self._held = self._held.lstrip("\n")
            self._is_thought_begun = bool(self._held)
        thought, tag, rest = self._held.partition(_CLOSE)
        if tag:
            self._held = rest
            self._step = self._skip_line_breaks
            return thought.rstrip("\n"), self._step()[1]
        end = _MAY_CLOSE.search(self._held)
        at = end.start() if end else len(self._held)
        thought, self._held = self._held[:at], self._held[at:]
        return thought, ""

    def _skip_line_breaks(self) -> tuple[str, str]:
        self._held = self._held.lstrip("\n")
        if not self._held:
            return "", ""
        self._step = self._read_text
        return self._step()

    def _read_text(self) -> tuple[str, str]:
        text, self._held = self._held, ""
        return "", text
