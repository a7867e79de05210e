"""Replaces what identifies people and accounts in recordings, the same by the same, and checks that nothing is left."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_qwen_workspace.errors import QwenWorkspaceError


class LeftoverError(QwenWorkspaceError):
    """Something that may identify someone would have been written. It names the kind, never the text."""


_HEX = "[0-9a-fA-F]"
# The kinds in the order in which they are replaced: a pattern, and the replacement, in which {n} is the number of the
# text among those of its kind. A replacement keeps the form of what it replaces and does not match the pattern of
# another kind.
_KINDS: Mapping[str, tuple[str, str]] = {
    "data URI": (
        r"data:(?!image/anonymous)[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=]+",
        "data:image/anonymous{n};base64,AA==",
    ),
    "audio or image data": (r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{400,}={0,2}", "AA=="),
    "API key": (r"\bsk-(?!anonymous)[A-Za-z0-9_.-]{6,}", "sk-anonymous{n}"),
    "bearer token": (r"(?i)\bbearer\s+(?!anonymous)[\w.~+/=-]{8,}", "Bearer anonymous{n}"),
    "AccessKey": (r"\b(?:LTAI|STS\.)(?!anonymous)[A-Za-z0-9]{8,}", "LTAIanonymous{n}"),
    "signed URL": (r"(?i)(?<=[?&])(?:signature|ossaccesskeyid|security-token|x-oss-signature)=[^&\s\"']+", "redacted"),
    "media address": (r"\b(?:oss|https?)://(?!example\.com)[^\s\"'<>\\]+", "https://example.com/{n}"),
    "file path": (r"(?:/home/|/Users/|[A-Z]:\\\\Users\\\\)[\w.-]+", "/folder{n}"),
    "workspace id": (r"\b(llm|ws)-(?!anonymous)[A-Za-z0-9_-]{3,}", "llm-anonymous{n}"),
    "RAM user": (r"acs:ram::[\w:/@.*-]+", "ram-anonymous{n}"),
    "email address": (r"\b[\w.+-]{1,64}@(?!example\.com)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", "someone{n}@example.com"),
    "host": (r"\b(?:[\w-]{1,63}\.){1,8}(?:aliyuncs|qwencloudapi|aliyun|alibabacloud)\.com\b", "host{n}.example.com"),
    "request id": (
        rf"\b(?!0{{8}}-0{{4}}-4000-8000-){_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\b",
        "00000000-0000-4000-8000-{n:012d}",
    ),
    "object id": (
        r"\b(call|chatcmpl|resp|msg|conv|batch|file|batch_output|req)([_-])(?!anonymous|0{8}-)(?=[\w-]*\d)[A-Za-z0-9_-]{12,}",
        "anonymous-object-{n}",
    ),
    "trace id": (rf"(?<![\w.-])(?!0{{20}}){_HEX}{{28,40}}(?![\w.-])", "{n:032d}"),
    "IP address": (r"(?<![\w.])(?!192\.0\.2\.)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])", "192.0.2.{n}"),
    "account id": (r"(?<![\w.+-])1(?!0{10})\d{15}(?!\d)", "1{n:015d}"),
    "phone number": (r"(?<![\w.+-])(?:\+?86[- ]?)?1[3-9]\d{9}(?![\w.])", "1{n:010d}"),
}
_PATTERNS = {kind: re.compile(pattern) for kind, (pattern, _) in _KINDS.items()}


@dataclass
class Anonymizer:
    """Replaces the identifying texts of one verification.

    Attributes:
        known: Texts that identify the user, by kind: the key, the workspace's id, the host.
        keep: Kinds that are not replaced.
    """

    known: Mapping[str, Iterable[str]] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    _replacements: dict[str, str] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def replace(self, text: str) -> str:
        """Return a text with every identifying text replaced.

        Raises:
            LeftoverError: A second search still finds one.
        """
        for kind, originals in self.known.items():
            for original in sorted(filter(None, originals), key=len, reverse=True):
                text = re.sub(re.escape(original), self._replacement(kind, original), text, flags=re.IGNORECASE)
        for kind, pattern in self._patterns():
            for original in dict.fromkeys(match[0] for match in pattern.finditer(text)):
                text = text.replace(original, self._replacement(kind, original))
        self.check(text)
        return text

    def check(self, text: str) -> None:
        """Search a text for what should not be in it.

        Raises:
            LeftoverError: Something is.
        """
        originals = [(kind, original) for kind, texts in self.known.items() for original in texts if original]
        originals += [("replaced text", original) for original in self._replacements if len(original) > 5]  # noqa: PLR2004 - shorter ones occur by chance
        lowered = text.lower()
        for kind, original in originals:
            if original.lower() in lowered:
                raise LeftoverError(f"The recording still has {_article(kind)}; it was not written.")
        for kind, pattern in self._patterns():
            if pattern.search(text):
                raise LeftoverError(f"The recording still has {_article(kind)}; it was not written.")

    def _patterns(self) -> Iterable[tuple[str, re.Pattern[str]]]:
        return [(kind, pattern) for kind, pattern in _PATTERNS.items() if kind not in self.keep]

    def _replacement(self, kind: str, original: str) -> str:
        key = original.lower()
        if key not in self._replacements:
            self._numbers[kind] = number = self._numbers.get(kind, 0) + 1
            self._replacements[key] = _KINDS[kind][1].format(n=number)
        return self._replacements[key]


def replace_in(value: Any, anonymizer: Anonymizer) -> Any:
    """Return a JSON value with every identifying text in its strings replaced.

    Raises:
        LeftoverError: A second search still finds one.
    """
    if isinstance(value, str):
        return anonymizer.replace(value)
    if isinstance(value, dict):
        return {name: replace_in(each, anonymizer) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replace_in(each, anonymizer) for each in value)
    return value


def _article(kind: str) -> str:
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
