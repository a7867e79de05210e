"""Detects secrets among unknown parameters, which would be sent in the request's body and traced."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import SecretStr

from langchain_qwen_workspace.errors import UnsupportedInputError

# The ends of names, without case and punctuation: "key" is also that of `openai_api_key`, `apikey` and `x-api-key`.
_NAMES = ("key", "secret", "token", "password", "passwd", "authorization", "credential", "credentials")
# Not secrets, though their names end like one: a parameter of OpenAI's chat completions, and a usual HTTP header.
_HARMLESS = frozenset({"promptcachekey", "idempotencykey"})
_VALUES = ("sk-", "bearer ")
_PUNCTUATION = re.compile(r"[\W_]+")

# Parameters whose values are parameters.
CONTAINERS = frozenset({"model_kwargs", "extra_body"})


def refuse_secrets(parameters: Mapping[str, Any], documented: Collection[str] = ()) -> None:
    """Raise if a parameter looks like a secret.

    Args:
        parameters: Parameters that have no field.
        documented: Names whose values may be anything.

    Raises:
        UnsupportedInputError: One does; its value is not shown.
    """
    if parameters and (names := secret_names(parameters, documented)):
        looks = "it looks like a secret" if len(names) == 1 else "they look like secrets"
        raise UnsupportedInputError(
            f"{', '.join(f'`{name}`' for name in names)} cannot be sent: {looks}, and parameters are part of the "
            "request's body and of traces. Pass the workspace's key as `api_key` when you create the object, and other "
            "credentials in `default_headers`."
        )


def secret_names(parameters: Mapping[str, Any], documented: Collection[str] = ()) -> list[str]:
    """Return the names of the parameters that look like a secret, or have one in their value.

    A name is one by its end, such as `key` or `token`, unless its value is `None`; a value by its beginning, `sk-` or
    `Bearer`. Below the first level only a text is a secret by its name.

    Args:
        parameters: Parameters; those in `model_kwargs` and `extra_body` are named themselves.
        documented: Names whose values may be anything.
    """
    given = [(name, value) for name, value in parameters.items() if not _has_parameters(name, value)]
    for name, value in parameters.items():
        if _has_parameters(name, value):
            given += value.items()
    return [
        name
        for name, value in given
        if name not in documented and value is not None and (is_secret_name(name) or _has_secret(value))
    ]


def _has_parameters(name: str, value: object) -> bool:
    return name in CONTAINERS and isinstance(value, Mapping)


def _has_secret(value: object) -> bool:
    """Return whether a value is a secret, or has one in it, however deep."""
    unread, seen = [value], set[int]()
    while unread:
        item = unread.pop()
        if isinstance(item, SecretStr) or _is_secret_text(item):
            return True
        if not isinstance(item, Mapping | list | tuple) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Mapping) and any(_is_secret_field(name, inner) for name, inner in item.items()):
            return True
        unread += item.values() if isinstance(item, Mapping) else item
    return False


def _is_secret_text(value: object) -> bool:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return isinstance(text, str) and text.lstrip().lower().startswith(_VALUES)


def _is_secret_field(name: object, value: object) -> bool:
    # The `key` of a filter is the name of something, and an object may be the schema of a value.
    return isinstance(value, str) and name != "key" and is_secret_name(name)


def is_secret_name(name: object) -> bool:
    """Return whether a name is that of a secret, by its end: such as `key`, `token` or `authorization`."""
    plain = _PUNCTUATION.sub("", str(name)).lower()
    return plain.endswith(_NAMES) and plain not in _HARMLESS
