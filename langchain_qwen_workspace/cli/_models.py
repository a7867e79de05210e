"""Selects the models that `qwen-workspace models` lists, and defines the columns of its tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from langchain_qwen_workspace._plain_text import escape_control_characters
from langchain_qwen_workspace._protocols import documented_protocols
from langchain_qwen_workspace._suggestions import did_you_mean
from langchain_qwen_workspace._workspace.catalogue import Difference
from langchain_qwen_workspace.profiles import Profile, catalogue, profile_of

KINDS: Mapping[str | None, str] = {
    "chat": "Chat",
    "embedding": "Embeddings",
    "embedding_task": "Embeddings of files",
    "rerank": "Rerank",
    None: "Unknown to this package",
}
"""The title of the table of each kind of models, in order of the tables."""


def is_pattern(name: str) -> bool:
    """Return whether a name is a shell pattern."""
    return any(character in name for character in "*?[")


def select_models(
    *,
    kinds: Iterable[str] = (),
    patterns: Sequence[str] = (),
    permitted: Iterable[str] | None = None,
    region: str | None = None,
) -> list[Profile]:
    """Return the profiles of models of the catalogue, or of the permitted ones, named as a call names them.

    Args:
        kinds: Kinds to select; empty for all.
        patterns: Names, or shell patterns to match names with, ignoring case; empty for all. A name may also be that of
            a version (`qwen-plus-2025-12-01`), which the catalogue knows without listing it.
        permitted: Names of the models to select from, `None` for the catalogue.
        region: The id of a region that lists the model; `None` for any.
    """
    found = list(catalogue()) if permitted is None else [replace(profile_of(name), name=name) for name in permitted]
    if permitted is None:
        listed = {profile.name.lower() for profile in found}
        versions = (name for name in patterns if not is_pattern(name) and name.lower() not in listed)
        found += [replace(profile, name=name) for name in versions if (profile := profile_of(name)).known]
    wanted, lowered = frozenset(kinds), [pattern.lower() for pattern in patterns]
    return [
        profile
        for profile in found
        if (not wanted or profile.kind in wanted)
        and (region is None or region in profile.regions)
        and (not lowered or any(fnmatchcase(profile.name.lower(), pattern) for pattern in lowered))
    ]


def unmatched_patterns(patterns: Iterable[str], found: Iterable[Profile]) -> list[str]:
    """Return the names and patterns that match no model that was found."""
    names = [profile.name.lower() for profile in found]
    return [pattern for pattern in patterns if not any(fnmatchcase(name, pattern.lower()) for name in names)]


def describe_unmatched(pattern: str) -> str:
    """Return what to tell of a name or pattern that matches no model, with the name that was probably meant."""
    text = escape_control_characters(pattern)
    if is_pattern(pattern):
        return f"No such model: no name matches {text!r}."
    if profile_of(pattern).known:
        return f"{text!r} is not among the models that the other options select."
    names = [profile.name for profile in catalogue() if not profile.retired]
    return f"No such model: {text!r}.{did_you_mean(pattern, names)}"


def profiles_to_data(profiles: Iterable[Profile]) -> list[dict[str, Any]]:
    """Return profiles as values that JSON can hold."""
    return [
        {
            **{name: _to_json_value(value) for name, value in asdict(profile).items()},
            "protocols": sorted(documented_protocols(profile)),
        }
        for profile in profiles
    ]


def differences_to_data(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """Return differences as values that JSON can hold."""
    return [{name: _to_json_value(value) for name, value in asdict(each).items()} for each in differences]


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: The title.
        cell: Returns the text of a model's cell.
        number: Whether the cells are numbers, which are aligned right.
        rank: Of the columns for which there is no room, those of the highest rank are left out first.
    """

    title: str
    cell: Callable[[Profile], str]
    number: bool = False
    rank: int = 1


def columns(kind: str | None) -> tuple[Column, ...]:
    """Return the columns of a kind's table, without the first one, which has the name."""
    return _COLUMNS.get(kind, (_PROTOCOLS,))


def _to_json_value(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else value


def _size(tokens: int | None) -> str:
    """Return a number of tokens in millions or thousands: 1M, 131k."""
    if tokens is None:
        return "?"
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if tokens >= size:
            return f"{tokens // size}{unit}"
    return str(tokens)


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _protocols(profile: Profile) -> str:
    """Return the protocols in at most 9 characters: more would leave no room for the column."""
    names = documented_protocols(profile)
    return names[0] if len(names) == 1 else " ".join(sorted(name[0] for name in names))


def _join(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values)))


def _dimensions(profile: Profile) -> str:
    sizes = profile.dimensions
    if not sizes:
        return "?"
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[-1]}-{sizes[0]} ({profile.default_dimension})"


_TOOLS = {True: "yes", False: "no", None: "?"}
_THINKING = {"none": "no", "off": "can", "on": "yes", "only": "always", "unknown": "?"}
_JSON = {"none": "no", "object": "object", "object_non_thinking": "object", "schema": "schema", "unknown": "?"}
_MEDIA = (("image", "i"), ("video", "v"), ("audio", "a"))


def _input_media(profile: Profile) -> str:
    media = "".join(letter for medium, letter in _MEDIA if medium in profile.inputs)
    return ("t" if "text" in profile.inputs else "") + media


_PROTOCOLS = Column("Protocol", _protocols, rank=3)
_INPUT_MEDIA = Column("In", _input_media)
_COLUMNS: Mapping[str | None, tuple[Column, ...]] = {
    "chat": (
        _PROTOCOLS,
        _INPUT_MEDIA,
        Column("Context", lambda profile: _size(profile.context), number=True),
        Column("Thinks", lambda profile: _THINKING[profile.thinking]),
        Column("Tools", lambda profile: _TOOLS[profile.tool_calling]),
        Column("JSON", lambda profile: _JSON[profile.json_output], rank=2),
    ),
    "embedding": (
        _PROTOCOLS,
        _INPUT_MEDIA._replace(rank=2),
        Column("Dimensions", _dimensions),
        Column("Rows", lambda profile: _count(profile.max_rows), number=True, rank=2),
        Column("Tokens", lambda profile: _count(profile.max_row_tokens), number=True, rank=2),
    ),
    "embedding_task": (
        _PROTOCOLS,
        Column("Dimensions", _dimensions),
        Column("Rows", lambda profile: _count(profile.max_rows), number=True),
    ),
    "rerank": (
        _PROTOCOLS,
        _INPUT_MEDIA,
        Column("Documents", lambda profile: _count(profile.max_documents), number=True),
        Column("Tokens each", lambda profile: _count(profile.max_item_tokens), number=True),
    ),
}
