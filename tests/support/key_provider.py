"""What gives keys to workspaces in tests, and a server that takes some of them."""

from collections.abc import Callable
from typing import Any

from tests.support.server import Dialect, Received, Reply


class Vault:
    """Gives its keys one after the other, and the last one ever after; raises those that are exceptions."""

    def __init__(self, *keys: Any) -> None:
        self.keys = keys
        self.asked = 0

    def get(self) -> Any:
        key = self.keys[min(self.asked, len(self.keys) - 1)]
        self.asked += 1
        if isinstance(key, BaseException):
            raise key
        return key

    async def aget(self) -> Any:
        return self.get()


def key_in(received: Received) -> str:
    return received.headers["authorization"].removeprefix("Bearer ")


def refused(dialect: Dialect) -> Reply:
    return dialect.error(401, "InvalidApiKey" if dialect.native else "invalid_api_key", "Invalid API-key provided.")


def taking(dialect: Dialect, *keys: str, reply: Callable[[Received], Reply] | None = None) -> Callable[..., Reply]:
    """Return what answers requests with one of these keys, and refuses the others as the service does."""
    answer = reply or dialect.reply_to
    return lambda received: answer(received) if key_in(received) in keys else refused(dialect)
