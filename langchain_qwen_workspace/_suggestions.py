"""Suggests the name that was probably meant, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name most like a given one, `""` if none is like it.

    Args:
        given: What was given; case and the blanks around it do not count.
        known: The names that exist.
    """
    if not isinstance(given, str) or len(given) > _LONGEST:
        return ""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(given.strip().lower(), by_lower, n=1)
    return f" Did you mean {by_lower[found[0]]!r}?" if found else ""
