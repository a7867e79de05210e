"""Lends a user's own HTTP client for a request: never after a fork, and with a warning if it keeps cookies."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from langchain_qwen_workspace._process import first_seen_in, process_id
from langchain_qwen_workspace._transports._sdk_clients import SDKClients
from langchain_qwen_workspace._user_warnings import warn_user
from langchain_qwen_workspace.errors import ConfigurationError


@contextmanager
def lend_own_client(clients: SDKClients[Any], field: str) -> Iterator[SDKClients[Any]]:
    """Lend a user's HTTP client with the SDK's clients around it.

    Args:
        clients: A client of `httpx` or `httpx2`, and the SDK's.
        field: The field by which it was passed.

    Raises:
        ConfigurationError: The process was forked since: parent and child would read from the same sockets.
    """
    client = clients.http_client
    if (passed_in := first_seen_in(client)) != process_id():
        raise ConfigurationError(
            f"`{field}` was passed in process {passed_in} and is used in process {process_id()}, which was forked from "
            "it.",
            hint="Create the client and the model after the fork, for example in gunicorn's `post_fork` or Celery's "
            "`worker_process_init`.",
        )
    yield clients
    if len(client.cookies):
        _warn_of_cookies(field)


@cache
def _warn_of_cookies(field: str) -> None:
    warn_user(
        f"`{field}` keeps the cookies of responses and sends them with later requests, also those of other workspaces. "
        "Build it with `cookies=http.cookiejar.CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))`."
    )
