"""What a prompt spells out: numbers, quoted texts, names, addresses, dates. Handed out one by one."""

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
_AFTER = re.compile(r"\b(?:in|for|of|about|to|at|on|with|from|named|called)\s+(?:the\s+|a\s+|an\s+)?([\w'-]{2,})")
_CJK_RUN = re.compile(rf"[{CJK}]{{2,}}")
_CJK_BREAK = re.compile(
    r"[的和与跟在是有了吗呢请把给用]|现在|今天|明天|什么|怎么|如何|天气|多少|一下|帮我|告诉|查询|你好"
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]*\w|https?://[^\s\"'<>)]*[^\s\"'<>).,;!?]")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?")
# Behind a parameter's name: a sign and any word, or a word that looks like a value by itself.
_BEHIND = r"""(?x:
      \s*(?::|=|为|是|\bis\b|\bof\b)\s*("[^"]+"|'[^']+'|`[^`]+`|-?[\w.@+-]*\w)
    | \s+("[^"]+"|'[^']+'|`[^`]+`|-?\d[\w.-]*|[\w.+-]+@[\w.-]*\w|[A-Z][\w-]*)
)"""
# A capitalised word that opens a sentence about itself: "Alice is 30".
_SUBJECT = re.compile(r"(?:^|(?<=[.!?:\n] ))[A-Z][\w'-]+(?= (?:is|was|has|lives|works|wants|likes)\b)", re.MULTILINE)
# Words a sentence is built from; they say nothing about what it is about.
_COMMON_WORDS = """
    json ok
    the and for with from that this what which who whom how why when where are was were will
    would can could should shall please you your our use using used get gets give set tool tools
    function functions call calls value result results return returns input output one any all
    some not only also into about answer tell then than them they their there here have has had
    does did let its it's is it
"""
COMMON = frozenset(_COMMON_WORDS.split())


def words(text: str) -> list[str]:
    """The words of a text that carry meaning, in lower case; of CJK text, its pairs of characters."""
    lower = text.lower()
    found = [w for w in re.findall(rf"[^\W_{CJK}]{{3,}}", lower) if w not in COMMON]
    for run in _CJK_RUN.findall(lower):
        found += [run[i : i + 2] for i in range(len(run) - 1)]
    return found


def quoted(text: str) -> list[str]:
    """The texts a prompt puts in quotation marks."""
    return [next(filter(None, match.groups())) for match in _QUOTED.finditer(text)]


def after_name(name: str, text: str) -> str | None:
    """What stands behind a parameter's name: `age: 30`, `age=30`, `age is 30`, `city Paris`, `style "terse"`.

    Args:
        name: The parameter's name; underscores match spaces too.
        text: The prompt.

    Returns:
        The value's text, or None.
    """
    spelled = re.escape(name).replace("_", r"[_\s-]")
    match = re.search(rf"(?<![A-Za-z0-9_])(?i:{spelled})['\"`]?(?![A-Za-z0-9_]){_BEHIND}", text)
    if match is None:
        return None
    value = next(filter(None, match.groups())).strip("\"'`")
    return None if value.lower() in COMMON else value


class Literals:
    """The literals of one prompt, each given out once.

    A tool's parameters take them in the order of the schema, as a person filling a form would.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._quoted = quoted(text)
        self._addresses = _ADDRESS.findall(text)
        self._dates = _DATE.findall(text)
        bare = _ADDRESS.sub(" ", _DATE.sub(" ", text))
        self._numbers = _NUMBER.findall(bare)
        unquoted = _QUOTED.sub(" ", bare)
        capital = sorted([*_NAME.finditer(unquoted), *_SUBJECT.finditer(unquoted)], key=lambda match: match.start())
        names = [match.group() for match in capital if match.group().lower() not in COMMON]
        names += [piece for run in _CJK_RUN.findall(unquoted) for piece in _pieces(run)]
        self._names = list(dict.fromkeys(names))
        self._after = [w for w in _AFTER.findall(unquoted) if w.lower() not in COMMON and w not in self._names]

    def __bool__(self) -> bool:
        """Whether there is anything left."""
        return any((self._quoted, self._names, self._after, self._numbers, self._dates, self._addresses))

    def number(self, *, whole: bool) -> float | int | None:
        """The next number; with `whole`, the next integer."""
        for position, spelled in enumerate(self._numbers):
            if "." not in spelled:
                del self._numbers[position]
                return int(spelled)
            if not whole:
                del self._numbers[position]
                return float(spelled)
        return None

    def address(self, *, mail: bool) -> str | None:
        """The next e-mail address or URL."""
        return _take(self._addresses, (a for a in self._addresses if ("@" in a and "://" not in a) is mail))

    def date(self, *, with_time: bool) -> str | None:
        """The next ISO date; with `with_time`, only one that has a time."""
        return _take(self._dates, (d for d in self._dates if len(d) > len("2025-01-01") or not with_time))

    def phrase(self) -> str | None:
        """The next text: quoted ones first, then names, then words behind a preposition."""
        for supply in (self._quoted, self._names, self._after):
            if supply:
                return supply.pop(0)
        return None

    def phrases(self) -> list[str]:
        """All texts of the best kind there is, leaving the other kinds."""
        for supply in (self._quoted, self._names, self._after):
            if supply:
                taken = list(dict.fromkeys(supply))
                supply.clear()
                return taken
        return []


def _take(supply: list[str], candidates: Iterable[str]) -> str | None:
    chosen = next(iter(candidates), None)
    if chosen is not None:
        supply.remove(chosen)
    return chosen


def _pieces(run: str) -> list[str]:
    """The names inside a run of CJK text, as far as the words around them tell."""
    return [piece for piece in _CJK_BREAK.split(run) if len(piece) in range(2, 7)]
