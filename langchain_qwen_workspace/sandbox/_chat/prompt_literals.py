"""Finds the literals of a prompt: numbers, quoted texts, names, addresses, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable

from langchain_qwen_workspace.sandbox._tokens import CJK

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w]|\.\d)")
_QUOTED = re.compile(
    r"""
      "([^"\n]+)" | \u201c([^\u201d\n]+)\u201d | \u300c([^\u300d\n]+)\u300d | `([^`\n]+)`
    | (?<!\w)'([^'\n]+)'(?!\w) | (?<!\w)\u2018([^\u2019\n]+)\u2019(?!\w)
    """,
    re.VERBOSE,
)
# A run of capitalised words that does not open a sentence: "San Francisco", "Pirate".
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)(?<=[\s(])[A-Z][\w'-]*(?:[ ]+[A-Z][\w'-]*)*(?:, [A-Z]{2}\b)?", re.MULTILINE)
_AFTER_PREPOSITION = re.compile(
    r"\b(?:in|for|of|about|to|at|on|with|from|named|called)\s+(?:the\s+|a\s+|an\s+)?([\w'-]{2,})"
)
_CJK_RUN = re.compile(rf"[{CJK}]{{2,}}")
_CJK_BREAK = re.compile(
    r"[的和与跟在是有了吗呢请把给用]|现在|今天|明天|什么|怎么|如何|天气|多少|一下|帮我|告诉|查询|你好"
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]*\w|https?://[^\s\"'<>)]*[^\s\"'<>).,;!?]")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?")
# After a parameter's name: a sign and any word, or a word that looks like a value by itself.
_VALUE = r"""(?x:
      \s*(?::|=|为|是|\bis\b|\bof\b)\s*("[^"]+"|'[^']+'|`[^`]+`|-?[\w.@+-]*\w)
    | \s+("[^"]+"|'[^']+'|`[^`]+`|-?\d[\w.-]*|[\w.+-]+@[\w.-]*\w|[A-Z][\w-]*)
)"""
# A capitalised word that is the subject of a sentence: "Alice is 30".
_SUBJECT = re.compile(r"(?:^|(?<=[.!?:\n] ))[A-Z][\w'-]+(?= (?:is|was|has|lives|works|wants|likes)\b)", re.MULTILINE)
# Words that say nothing about what a sentence is about.
_COMMON_WORD_LIST = """
    json ok
    the and for with from that this what which who whom how why when where are was were will
    would can could should shall please you your our use using used get gets give set tool tools
    function functions call calls value result results return returns input output one any all
    some not only also into about answer tell then than them they their there here have has had
    does did let its it's is it
"""
COMMON_WORDS = frozenset(_COMMON_WORD_LIST.split())


def words(text: str) -> list[str]:
    """Return the words of a text that carry meaning, in lower case; of CJK text, its pairs of characters."""
    lower = text.lower()
    found = [w for w in re.findall(rf"[^\W_{CJK}]{{3,}}", lower) if w not in COMMON_WORDS]
    for run in _CJK_RUN.findall(lower):
        found += [run[i : i + 2] for i in range(len(run) - 1)]
    return found


def quoted_texts(text: str) -> list[str]:
    """Return the texts that a prompt puts in quotation marks."""
    return [next(filter(None, match.groups())) for match in _QUOTED.finditer(text)]


def value_after(name: str, text: str) -> str | None:
    """Return the value after a parameter's name: `age: 30`, `age=30`, `age is 30`, `city Paris`, `style "terse"`.

    Args:
        name: The parameter's name; underscores match spaces too.
        text: The prompt.

    Returns:
        The value's text, or None.
    """
    pattern = re.escape(name).replace("_", r"[_\s-]")
    match = re.search(rf"(?<![A-Za-z0-9_])(?i:{pattern})['\"`]?(?![A-Za-z0-9_]){_VALUE}", text)
    if match is None:
        return None
    value = next(filter(None, match.groups())).strip("\"'`")
    return None if value.lower() in COMMON_WORDS else value


class Literals:
    """The literals of one prompt, each of which can be taken once.

    A tool's parameters take them in the order of the schema, as a person who fills in a form would.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._quoted = quoted_texts(text)
        self._addresses = _ADDRESS.findall(text)
        self._dates = _DATE.findall(text)
        bare = _ADDRESS.sub(" ", _DATE.sub(" ", text))
        self._numbers = _NUMBER.findall(bare)
        unquoted = _QUOTED.sub(" ", bare)
        capital = sorted([*_NAME.finditer(unquoted), *_SUBJECT.finditer(unquoted)], key=lambda match: match.start())
        names = [match.group() for match in capital if match.group().lower() not in COMMON_WORDS]
        names += [piece for run in _CJK_RUN.findall(unquoted) for piece in _split_names(run)]
        self._names = list(dict.fromkeys(names))
        self._after_prepositions = [
            w for w in _AFTER_PREPOSITION.findall(unquoted) if w.lower() not in COMMON_WORDS and w not in self._names
        ]

    def __bool__(self) -> bool:
        """Return whether any literal is left."""
        return any((self._quoted, self._names, self._after_prepositions, self._numbers, self._dates, self._addresses))

    def number(self, *, whole: bool) -> float | int | None:
        """Take the next number; with `whole`, the next integer."""
        for position, literal in enumerate(self._numbers):
            if "." not in literal:
                del self._numbers[position]
                return int(literal)
            if not whole:
                del self._numbers[position]
                return float(literal)
        return None

    def address(self, *, mail: bool) -> str | None:
        """Take the next e-mail address, or the next URL."""
        return _take(self._addresses, (a for a in self._addresses if ("@" in a and "://" not in a) is mail))

    def date(self, *, with_time: bool) -> str | None:
        """Take the next ISO date; with `with_time`, only one that has a time."""
        return _take(self._dates, (d for d in self._dates if len(d) > len("2025-01-01") or not with_time))

    def phrase(self) -> str | None:
        """Take the next text: quoted ones first, then names, then words after a preposition."""
        for literals in (self._quoted, self._names, self._after_prepositions):
            if literals:
                return literals.pop(0)
        return None

    def phrases(self) -> list[str]:
        """Take all texts of the best kind there is, and leave the other kinds."""
        for literals in (self._quoted, self._names, self._after_prepositions):
            if literals:
                texts = list(dict.fromkeys(literals))
                literals.clear()
                return texts
        return []


def _take(literals: list[str], candidates: Iterable[str]) -> str | None:
    first = next(iter(candidates), None)
    if first is not None:
        literals.remove(first)
    return first


def _split_names(run: str) -> list[str]:
    """Return the names inside a run of CJK text, which common words separate."""
    return [piece for piece in _CJK_BREAK.split(run) if len(piece) in range(2, 7)]
