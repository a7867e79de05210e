"""Decides whether a base URL is Model Studio's or that of another server."""

from collections.abc import Mapping
from typing import Any

from langchain_qwen_workspace._workspace.endpoints import is_other_server, locate
from langchain_qwen_workspace.data._servers import SERVERS, OtherServer
from langchain_qwen_workspace.errors import ConfigurationError


def other_server(values: Mapping[str, Any], paths: tuple[str, ...]) -> OtherServer | None:
    """Return the server that a workspace's values name, `None` for Model Studio.

    Args:
        values: The values of `server`, `base_url`, `workspace_id` and `endpoint`, as far as they are given.
        paths: The paths of Model Studio's base URLs.
    """
    server = values.get("server") or "auto"
    if server != "auto":
        return SERVERS.get(server)
    base_url = values.get("base_url")
    if base_url is None or values.get("workspace_id") is not None or values.get("endpoint") is not None:
        return None
    return SERVERS["openai"] if is_other_server(base_url, paths) else None


def check_server(server: OtherServer, values: Mapping[str, Any]) -> None:
    """Raise if a workspace's values contradict its server.

    Raises:
        ConfigurationError: There is no base URL or one of Model Studio's hosts, or values that only Model Studio has.
    """
    base_url, named = values.get("base_url"), f'`server="{server.name}"`'
    if base_url is None:
        raise ConfigurationError(f"{named} needs the server's URL: `base_url`, such as `http://127.0.0.1:8000/v1`.")
    if (brand := locate(base_url).brand) is not None:
        raise ConfigurationError(
            f"`base_url` {base_url!r} is a host of {brand}, but the server is {server.name!r}. Leave `server` out, or "
            "give the other server's URL."
        )
    if values.get("workspace_id") is not None:
        raise ConfigurationError(
            f"`workspace_id` and {named} contradict each other: only Model Studio has workspaces. Leave one of them "
            'out; a gateway to Model Studio is `server="model_studio"`.'
        )
