"""Reads how long a server asks to wait before the next attempt: from the headers, body or text of an error.

Model Studio itself says nothing: in more than 190 recorded responses of 2024 to 2026 no header has a wait. Headers and
fields are those of gateways and other servers, by their documentation (OpenAI, Anthropic, Google, Envoy, Kong, Traefik,
Alibaba Cloud's API gateway, 2026).
"""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TOO_MANY_REQUESTS = 429
_DEEPEST = 4
_HALF_A_YEAR = timedelta(days=183)
_A_DATE, _A_DATE_IN_MILLISECONDS = 1e9, 1e12  # Larger numbers are seconds, or milliseconds, since 1970.

# Headers that say when to ask again, and the seconds of their unit.
_HEADERS = {"retry-after-ms": 0.001, "retry-after": 1.0, "x-acs-retry-after": 0.001, "x-retry-in": 1.0}
# Headers that say when a limit is reset, and beside them how much of it is left. Sent with successes as well.
_RESETS = {
    f"{prefix}-reset{what}": f"{prefix}-remaining{what}"
    for prefix in ("ratelimit", "x-ratelimit")
    for what in ("", "-requests", "-tokens")
} | {
    f"anthropic-ratelimit-{what}-reset": f"anthropic-ratelimit-{what}-remaining"
    for what in ("requests", "tokens", "input-tokens", "output-tokens")
}
# Fields of bodies, without case and punctuation.
_FIELDS = {"retryafter": 1.0, "retryafterseconds": 1.0, "retrydelay": 1.0, "retryafterms": 0.001}

_UNITS = {"ms": 0.001, "mil": 0.001, "s": 1, "秒": 1, "m": 60, "分": 60, "h": 3600, "d": 86400}
_PART = r"\d+(?:\.\d+)?\s*(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|秒|分钟)(?![a-z])"
_DURATION = re.compile(rf"(?:{_PART}[\s,]*(?:and\s+)?)+", re.IGNORECASE)
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|mil|[smhd秒分])", re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?:\b(?:(?:try|retry|available|resets?)(?: your request)?(?: again)? (?:in|after)|wait(?: for)?)\s+|请在?\s*)"
    r"(?:about |at least )?(?=\d)",
    re.IGNORECASE,
)
_RESET_AT = re.compile(
    r"\bresets? (?:at|on)\s+(?:(?P<year>\d{4})-)?(?P<day>\d\d-\d\d)[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?"
    r"\s*(?P<zone>Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d)",
    re.IGNORECASE,
)


def seconds_in_headers(headers: Mapping[str, str], status_code: int | None) -> float | None:
    """Return the seconds that the headers of an error ask to wait, `None` if they do not say.

    Args:
        headers: The headers, their names in any case.
        status_code: The status. Only with 429 a limit that is reset later is the reason of the failure.
    """
    for name, unit in _HEADERS.items():
        if (seconds := _seconds(headers.get(name), unit)) is not None:
            return seconds
    if status_code != _TOO_MANY_REQUESTS:
        return None
    waits = [_seconds(headers.get(reset)) for reset, left in _RESETS.items() if headers.get(left, "0") == "0"]
    return max((wait for wait in waits if wait is not None), default=None)


def seconds_in_body(body: object) -> float | None:
    """Return the seconds that a field of an error's body asks to wait, `None` if none does."""
    return next((seconds for seconds in _fields_of(body, 0) if seconds is not None), None)


def seconds_in_text(text: str) -> float | None:
    """Return the seconds that a message asks to wait, such as "try again in 1m20s", `None` if it does not say."""
    if asked := _IN_TEXT.search(text):
        return _duration(text[asked.end() :])
    return _seconds_until_reset(found) if (found := _RESET_AT.search(text)) else None


def _fields_of(value: object, depth: int) -> Iterator[float | None]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            if unit := _FIELDS.get(re.sub(r"[\W_]", "", str(name)).lower()):
                yield _seconds(item, unit)
            yield from _fields_of(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _fields_of(item, depth + 1)


def _seconds(value: object, unit: float = 1.0) -> float | None:
    """Return the seconds from now that a number, duration or date stands for, `None` if it cannot be parsed."""
    if not isinstance(value, str | int | float):
        return None
    try:
        asked = float(value)
    except (ValueError, OverflowError):
        text = str(value)
        return _until(text) if (duration := _duration(text)) is None else duration
    if math.isnan(asked):
        return None
    if _A_DATE < asked < math.inf:
        return max(asked * (0.001 if asked > _A_DATE_IN_MILLISECONDS else 1) - time.time(), 0.0)
    return max(asked * unit, 0.0)


def _duration(text: str) -> float | None:
    """Return the seconds of a duration at the beginning of a text, such as "6m0s" or "5 seconds"."""
    found = _DURATION.match(text)
    return sum(float(number) * _UNITS[unit.lower()] for number, unit in _PARTS.findall(found[0])) if found else None


def _until(text: str) -> float | None:
    """Return the seconds until a date, of HTTP or of ISO 8601."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return max(parse(text).timestamp() - time.time(), 0.0)
        except (ValueError, OverflowError):
            continue
    return None


def _seconds_until_reset(found: re.Match[str]) -> float | None:
    """Return the seconds until a quota is reset, `None` if that has passed; a day without a year is the nearest one."""
    now = datetime.now(UTC)
    zone = re.sub("Z|UTC|GMT", "+00:00", found["zone"].upper())
    try:
        reset = datetime.fromisoformat(f"{found['year'] or now.year}-{found['day']}T{found['time']}{zone}")
        if not found["year"] and now - reset > _HALF_A_YEAR:
            reset = reset.replace(year=now.year + 1)
    except ValueError:
        return None
    return (reset - now).total_seconds() if reset > now else None
