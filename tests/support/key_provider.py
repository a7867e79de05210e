"""Key providers for tests, and handlers that accept only some keys."""

from collections.abc import Callable
from typing import Any

from tests.support.protocols import ProtocolStub
from tests.support.server import Received, Reply, Server


class ScriptedKeyProvider:
    """Gives its keys one after the other, and the last one from then on; raises those that are exceptions."""

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


def keys_sent(server: Server) -> list[str]:
    """Return the key of each request."""
    return [key_in(received) for received in server.requests]


def invalid_key_reply(stub: ProtocolStub) -> Reply:
    code = "InvalidApiKey" if stub.is_dashscope else "invalid_api_key"
    return stub.error(401, code, "Invalid API-key provided.")


def accept_keys(
    stub: ProtocolStub, *keys: str, reply: Callable[[Received], Reply] | None = None
) -> Callable[[Received], Reply]:
    """Return a handler that answers requests with one of these keys and refuses others as the service does."""
    answer = reply or stub.reply_to
    return lambda received: answer(received) if key_in(received) in keys else invalid_key_reply(stub)
