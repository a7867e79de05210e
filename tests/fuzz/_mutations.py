"""Mutations of JSON values, text and bytes, and streams cut into pieces."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import PurePath
from random import Random
from typing import Any, TypeAlias

Path: TypeAlias = tuple[Any, ...]

# JSON that Python does not write, or not in reasonable time: the text that takes the place of a name.
RAW: dict[str, str] = {
    "@digits@": "9" * 10_000,
    "@negative digits@": "-" + "9" * 10_000,
    "@digits that fit@": "9" * 4_000,
    "@fraction@": "0." + "3" * 10_000,
    "@overflow@": "1e999",
    "@minus zero@": "-0.0",
    "@deep list@": "[" * 20_000 + "]" * 20_000,
    "@deep object@": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "@nested 150@": "[" * 150 + "]" * 150,
    "@nested 900@": "[" * 900 + "]" * 900,
    "@nested object 900@": '{"a":' * 900 + "1" + "}" * 900,
    "@lone surrogate@": '"\\ud800"',
    "@twice@": '{"content":"a","content":"b"}',
}

STRINGS = (
    "",
    " ",
    "x",
    "null",
    "stop",
    "\ud800",
    "\udfff\ud800",
    "\x00",
    "\u2028\u0085\ufeff",
    "a\u0300" * 50,
    "x" * 10_000,
    "{",
    '{"a": "',
    '{"a": [1, {"b": "\\',
    "[" * 5_000,
    '{"a":' * 3_000,
    '{"a": ' + "9" * 5_000 + "}",
    '{"a": NaN}',
    "[DONE]",
    "data: {}\n\n",
    "@",
    "%s%n{0}{model!r}",
    "AAAA",
    "UklGRg==",
    "file:///etc/passwd",
    "/etc/passwd",
    "http://[",
    "https://user:sk-hidden@127.0.0.1:9/x",
    "data:text/plain;base64,AAAA",
    "oss://x/y",
    "\u2024\u3002\uff0e",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2,
    10**9,
    -(10**9),
    2**63,
    10**400,
    0.5,
    -0.0,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
)
EMPTY: tuple[Any, ...] = (None, True, False, [], {}, [None], [[]], {"": None}, [{}], {"type": "text"}, {"a": {"b": []}})
JSON_VALUES: tuple[Any, ...] = (*EMPTY, *NUMBERS, *STRINGS)


def _deep(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def _circle() -> Any:
    value: dict[str, Any] = {"type": "text", "text": "x"}
    value["extras"] = value
    return value


# Python values that a program can put into a message, and that JSON does not have.
PYTHON_VALUES: tuple[Any, ...] = (
    b"bytes",
    bytearray(b"x"),
    {1, 2},
    (),
    ("a", 1),
    PurePath("/etc/passwd"),
    object(),
    print,
    10**5000,
    1 + 2j,
    {1: 2},
    {None: "x"},
    {("a",): "x"},
    _deep(3_000),
    _circle(),
    range(3),
)


def paths_in(value: Any, path: Path = ()) -> list[Path]:
    """Return the paths of a value and of everything in it."""
    found = [path]
    if len(path) < 12:
        keys: Sequence[Any] = list(value) if isinstance(value, dict) else ()
        keys = range(len(value)) if isinstance(value, list) else keys
        for key in keys:
            found += paths_in(value[key], (*path, key))
    return found


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def change_at(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """Return a copy with one part changed, which shares all other parts."""
    if not path:
        return change(value)
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = change_at(copied[path[0]], path[1:], change)
    return copied


def remove_at(value: Any, path: Path) -> Any:
    def without(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {key: item for key, item in parent.items() if key != path[-1]}
        return [item for number, item in enumerate(parent) if number != path[-1]]

    return change_at(value, path[:-1], without) if path else None


_TEXT_MUTATIONS: tuple[Callable[[str, int, Random], str], ...] = (
    lambda text, where, _: text[:where],
    lambda text, where, random: text[:where] + random.choice(STRINGS) + text[where:],
    lambda text, where, random: text[:where] + chr(random.randrange(0x110000)) + text[where + 1 :],
    lambda text, _, random: text * random.randint(2, 50),
    lambda text, where, _: text[where:] + text[:where],
)


def mutate_text(text: str, random: Random) -> str:
    """Return a mutated text."""
    return random.choice(_TEXT_MUTATIONS)(text, random.randint(0, len(text)), random)


_NAMES = ("type", "index", "error", "code", "message", "output", "choices", "usage", "extras", "text", "x")


def mutate(value: Any, random: Random, pool: Sequence[Any]) -> Any:
    """Return a value with one mutation."""
    paths = paths_in(value)
    path = random.choice(paths)
    there = at(value, path)
    new = random.choice(pool)
    match random.randrange(10):
        case 0:
            return remove_at(value, path)
        case 1:
            new = at(value, random.choice(paths))
        case 2:
            new = random.choice(([there], {"a": there}, [there] * random.randint(2, 100)))
        case 3 if isinstance(there, str):
            new = mutate_text(there, random)
        case 4 if isinstance(there, dict) and there:
            old, name = random.choice(list(there)), random.choice((*there, *_NAMES))
            new = {name if key == old else key: item for key, item in there.items()}
        case 5 if isinstance(there, list) and there:
            new = random.sample(there, len(there)) + there[: random.randint(0, len(there))]
        case 6 if isinstance(there, dict):
            new = {**there, random.choice(_NAMES): new}
    return change_at(value, path, lambda _: new)


def mutate_several_times(value: Any, random: Random, pool: Sequence[Any]) -> Any:
    """Return a value with one to four mutations; most have one or two."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        value = mutate(value, random, pool)
    return value


def to_json(value: Any) -> bytes:
    """Return a value as JSON, with the names of `RAW` replaced."""
    text = json.dumps(value)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode()


def mutate_bytes(data: bytes, random: Random) -> bytes:
    """Return bytes with one to three mutations."""
    for _ in range(random.randint(1, 3)):
        where, length = random.randint(0, len(data)), random.randint(0, 40)
        match random.randrange(6):
            case 0:
                data = data[:where]
            case 1:
                data = data[:where] + random.randbytes(length) + data[where:]
            case 2:
                data = data[:where] + data[where + length :]
            case 3:
                data = data[:where] + data[where : where + length] * random.randint(2, 20) + data[where:]
            case 4:
                data = data[:where] + random.choice(_TOKENS) + data[where:]
            case _:
                data = data[:where] + bytes((random.randrange(256),)) + data[where + 1 :]
    return data


_TOKENS = (
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"data:",
    b"data: [DONE]\n\n",
    b"event: error\n",
    b":HTTP_STATUS/400\n",
    b":HTTP_STATUS/" + b"9" * 5_000 + b"\n",
    b'data: {"error": {"message": "x"}}\n\n',
    b'data: {"code": 1, "message": []}\n\n',
    b"data: [1]\n\n",
    b"data: {}\n\n",
    b"data: null\n\n",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\x00",
    b'"',
    b"}",
    b"{",
    b"9" * 5_000,
)


_LARGE = 1 << 16


def pieces_of(data: bytes, random: Random) -> list[bytes]:
    """Return bytes in pieces of one random size, as they arrive."""
    size = random.choice((1, 3, 17, 100, 1000, 1 << 20) if len(data) < _LARGE else (1000, 1 << 16))
    return [data[start : start + size] for start in range(0, len(data), size)]
