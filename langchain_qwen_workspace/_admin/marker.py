"""Reads and writes the marker in a key's description: which key of a file it is, and what is under way with it.

The description is the only thing of a key that a program may write freely, so whatever must survive a crash stands
there: `CI of team A [qwen-workspace: key=ci pending]`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_MARKER = re.compile(r"\s*\[qwen-workspace:(?P<words>[^\[\]]*)\]\s*\Z")
START = "[qwen-workspace:"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marker says.

    Attributes:
        name: The key's name in its file.
        is_pending: Whether it may be that nobody has the key's value: it was not delivered yet.
        replaces: The id of the key that it takes the place of.
        retired_at: When the key that took its place was delivered and its grace is over.
    """

    name: str | None = None
    is_pending: bool = False
    replaces: str | None = None
    retired_at: datetime | None = None


def read_description(description: str) -> tuple[str, Marker]:
    """Return a description's text without the marker, and the marker; an empty one if it has none."""
    found = _MARKER.search(description)
    if found is None:
        return description, Marker()
    words = found["words"].split()
    fields = dict(word.split("=", 1) for word in words if "=" in word)
    marker = Marker(fields.get("key"), "pending" in words, fields.get("replaces"), _time(fields.get("retired")))
    return description[: found.start()], marker


def write_description(text: str, marker: Marker) -> str:
    """Return a description of a text and a marker."""
    words = [
        f"key={marker.name}" if marker.name else "",
        "pending" if marker.is_pending else "",
        f"replaces={marker.replaces}" if marker.replaces else "",
        f"retired={marker.retired_at:%Y-%m-%dT%H:%M:%SZ}" if marker.retired_at else "",
    ]
    written = " ".join(filter(None, words))
    return f"{text} {START} {written}]".lstrip() if written else text


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None
