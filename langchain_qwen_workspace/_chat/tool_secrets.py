"""Keeps credentials in the definitions of built-in tools out of traces, representations and cache keys.

The service calls an MCP server with the `headers` of its tool, which may authorize it, and many servers take a key in
the query of their URL.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from langchain_qwen_workspace._workspace.secrets import CONTAINERS, is_secret_name

_MASK = "**********"


def seal_tools(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters in whose built-in tools each credential is a `SecretStr`."""
    return _change_tools(parameters, SecretStr)


def mask_tools(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters in whose built-in tools each credential is replaced by asterisks."""
    return _change_tools(parameters, lambda _: _MASK)


def hash_tools(parameters: Mapping[str, Any]) -> str:
    """Return a hash of the tools of a call, which differs if a credential in them does."""
    return sha256(repr(reveal_secrets(parameters.get("tools"))).encode()).hexdigest()


def reveal_secrets(value: Any) -> Any:
    """Return a value in which each `SecretStr` is its text, as it is sent."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {name: reveal_secrets(inner) for name, inner in value.items()}
    return [reveal_secrets(inner) for inner in value] if isinstance(value, list | tuple) else value


def _change_tools(parameters: Mapping[str, Any], change: Callable[[str], Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, value in parameters.items():
        if name == "tools" and isinstance(value, list | tuple):
            changed[name] = [_change(tool, change) if _is_built_in(tool) else tool for tool in value]
        elif name in CONTAINERS and isinstance(value, Mapping):
            changed[name] = _change_tools(value, change)
    return {**parameters, **changed}


def _is_built_in(tool: object) -> bool:
    return isinstance(tool, Mapping) and tool.get("type") not in (None, "function", "object")


def _change(value: Any, change: Callable[[str], Any], *, is_secret: bool = False) -> Any:
    if isinstance(value, SecretStr):
        return change(value.get_secret_value())
    if isinstance(value, Mapping):
        return {
            name: _change(inner, change, is_secret=is_secret or _holds_secret(name, inner))
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_change(inner, change, is_secret=is_secret) for inner in value]
    return change(value) if is_secret and isinstance(value, str) else value


def _holds_secret(name: object, value: object) -> bool:
    if name == "headers" or is_secret_name(name):
        return True
    if name != "server_url" or not isinstance(value, str):
        return False
    url = urlsplit(value)
    return bool(url.query or "@" in url.netloc)
