"""Recognizes secrets under names that are no parameters, which would be sent in the body of a request and traced."""

import re
from collections.abc import Collection, Iterator, Mapping
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
    if names := secret_names(parameters, documented):
        raise UnsupportedInputError(
            f"{', '.join(f'`{name}`' for name in names)} cannot be sent: it looks like a secret, and parameters are "
            "part of the request's body and of traces. Pass the workspace's key as `api_key` when you create the "
            "object, and other credentials in `default_headers`."
        )


def secret_names(parameters: Mapping[str, Any], documented: Collection[str] = ()) -> list[str]:
    """Return the names of the parameters that look like a secret, or have one in their value.

    A name is one by its end, such as `key` or `token`, unless its value is `None`; a value by its beginning, `sk-` or
    `Bearer`. Below the first level an object is not a secret by its name, since it may be the schema of a value.

    Args:
        parameters: Parameters; those in `model_kwargs` and `extra_body` are named themselves.
        documented: Names whose values may be anything.
    """
    names: list[str] = []
    for name, value in parameters.items():
        if name in CONTAINERS and isinstance(value, Mapping):
            names += secret_names(value, documented)
        elif name not in documented and value is not None and (_is_secret_name(name) or _has_secret(value)):
            names.append(name)
    return names


def _has_secret(value: object) -> bool:
    """Return whether a value is a secret, or has one in it."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return value.lstrip().lower().startswith(_VALUES)
    return isinstance(value, SecretStr) or any(_secrets_within(value))


def _secrets_within(value: object) -> Iterator[bool]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            # A filter has a `key`, which is the name of something.
            yield (isinstance(item, str) and name != "key" and _is_secret_name(name)) or _has_secret(item)
    elif isinstance(value, list | tuple):
        yield from map(_has_secret, value)


def _is_secret_name(name: object) -> bool:
    plain = _PUNCTUATION.sub("", str(name)).lower()
    return plain.endswith(_NAMES) and plain not in _HARMLESS
