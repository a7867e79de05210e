"""Makes text from servers and files safe to print: control characters become visible escapes."""

import re

# Unicode's control characters, format characters but for the joiners that emoji and some scripts need (bidirectional
# controls reorder what is read), line and paragraph separators, and surrogates, which no output can encode.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def escape_control_characters(text: str) -> str:
    r"""Return a text in one line, with Python's escapes in place of control characters: `\n`, `\x1b`, `\u202e`."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
