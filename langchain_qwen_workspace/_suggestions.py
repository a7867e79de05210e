"""Suggests the name that was probably meant, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100
# How similar two names must be, from 0 to 1. The typo `modle` is similar to `model` by 0.8; `frequency_penalty`, which
# other services have, is similar to `presence_penalty` by 0.79.
_SIMILAR, _ALMOST_EQUAL = 0.6, 0.8


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name most like a given one, `""` if none is like it.

    Args:
        given: What was given; case and the blanks around it do not count.
        known: The names that exist.
    """
    found = _find_similar(given, known, _SIMILAR)
    return f" Did you mean {found!r}?" if found else ""


def suggest_argument(given: object, known: Iterable[str]) -> str:
    """Return " Did you mean `x`?" for the known argument that a given one almost equals, `""` if it equals none.

    Args:
        given: The name that was given. It may be meant as it is, so that only typos give a suggestion.
        known: The names of the arguments that exist.
    """
    found = _find_similar(given, known, _ALMOST_EQUAL)
    return f" Did you mean `{found}`?" if found else ""


def _find_similar(given: object, known: Iterable[str], similarity: float) -> str | None:
    if not isinstance(given, str) or len(given) > _LONGEST:
        return None
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(given.strip().lower(), by_lower, n=1, cutoff=similarity)
    return by_lower[found[0]] if found else None
