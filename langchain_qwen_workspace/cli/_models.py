"""What `qwen-workspace models` lists: profiles, and what the service permits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from langchain_qwen_workspace.profiles import Profile, catalogue, profile_of

KINDS: Mapping[str | None, str] = {
    "chat": "Chat",
    "embedding": "Embeddings",
    "embedding_task": "Embeddings of files",
    "rerank": "Rerank",
    None: "Not known to this package",
}
"""What models are asked to do, in the order of the tables, and the tables' titles."""


def models(
    *, kinds: Iterable[str] = (), patterns: Sequence[str] = (), permitted: Iterable[str] | None = None
) -> list[Profile]:
    """Return the models of the catalogue, or all that are permitted; each has the name by which it is called.

    Args:
        kinds: Of which kinds; none for all.
        patterns: Shell patterns of their names, in any case of letters; none for all.
        permitted: The names that the service permits, `None` for the catalogue.
    """
    found = catalogue() if permitted is None else [replace(profile_of(name), name=name) for name in permitted]
    wanted, shapes = frozenset(kinds), [pattern.lower() for pattern in patterns]
    return [
        profile
        for profile in found
        if (not wanted or profile.kind in wanted)
        and (not shapes or any(fnmatchcase(profile.name.lower(), shape) for shape in shapes))
    ]


def to_data(profiles: Iterable[Profile]) -> list[dict[str, Any]]:
    """Return profiles as plain data."""
    return [{name: _plain(value) for name, value in asdict(profile).items()} for profile in profiles]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its title.
        cell: What it says of a model.
        number: Whether it is a number.
    """

    title: str
    cell: Callable[[Profile], str]
    number: bool = False


def columns(kind: str | None) -> tuple[Column, ...]:
    """Return the columns of a kind's table, after the name's."""
    return _COLUMNS.get(kind, (_PROTOCOLS,))


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else value


def _size(tokens: int | None) -> str:
    """Return tokens as people say them: 1M, 131k."""
    if tokens is None:
        return "?"
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if tokens >= size:
            return f"{tokens // size}{unit}"
    return str(tokens)


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _protocols(profile: Profile) -> str:
    return "both" if len(profile.protocols) > 1 else "native" if "dashscope" in profile.protocols else "openai"


def _dimensions(profile: Profile) -> str:
    sizes = profile.dimensions
    if not sizes:
        return "?"
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[-1]}-{sizes[0]} ({profile.default_dimension})"


_TOOLS = {True: "yes", False: "no", None: "?"}
_THINKING = {"none": "no", "off": "can", "on": "yes", "only": "always", "unknown": "?"}
_JSON = {"none": "no", "object": "object", "object_non_thinking": "object", "schema": "schema", "unknown": "?"}
_MEDIA = (("image", "i"), ("video", "v"), ("audio", "a"))


def _reads(profile: Profile) -> str:
    media = "".join(letter for medium, letter in _MEDIA if medium in profile.inputs)
    return ("t" if "text" in profile.inputs else "") + media


_PROTOCOLS = Column("Protocol", _protocols)
_READS = Column("In", _reads)
_COLUMNS: Mapping[str | None, tuple[Column, ...]] = {
    "chat": (
        _PROTOCOLS,
        _READS,
        Column("Context", lambda profile: _size(profile.context), number=True),
        Column("Thinks", lambda profile: _THINKING[profile.thinking]),
        Column("Tools", lambda profile: _TOOLS[profile.tool_calling]),
        Column("JSON", lambda profile: _JSON[profile.json_output]),
    ),
    "embedding": (
        _PROTOCOLS,
        _READS,
        Column("Dimensions", _dimensions),
        Column("Rows", lambda profile: _count(profile.max_rows), number=True),
        Column("Tokens", lambda profile: _count(profile.max_row_tokens), number=True),
    ),
    "embedding_task": (
        _PROTOCOLS,
        Column("Dimensions", _dimensions),
        Column("Rows", lambda profile: _count(profile.max_rows), number=True),
    ),
    "rerank": (
        _PROTOCOLS,
        _READS,
        Column("Documents", lambda profile: _count(profile.max_documents), number=True),
        Column("Tokens each", lambda profile: _count(profile.max_item_tokens), number=True),
    ),
}
