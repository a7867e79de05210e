"""Sends requests with the current key of a key provider, and once more with its next key after a refusal."""

from dataclasses import dataclass, replace

from pydantic import SecretStr

from langchain_qwen_workspace._seam import Request, Transport
from langchain_qwen_workspace._transports._flow import Attempt, Flow, FlowTransport
from langchain_qwen_workspace._workspace.endpoints import check_key_fits
from langchain_qwen_workspace._workspace.keys import KeyProvider
from langchain_qwen_workspace.errors import AuthenticationError


@dataclass(frozen=True, slots=True)
class _GetKey:
    provider: KeyProvider
    request: Request
    refused: SecretStr | None = None

    def run(self) -> SecretStr:
        """Return the key."""
        return self.provider.get(self.request, self.refused)

    async def arun(self) -> SecretStr:
        """Return the key, without blocking the event loop."""
        return await self.provider.aget(self.request, self.refused)


class KeyRenewalTransport(FlowTransport):
    """Sends each request with the provider's current key. A refusal is final only if the provider has no other key.

    The SDKs are given the key request by request, not a callable: openai calls `api_key: Callable[[], str]` for each
    request, also where nothing was refused, and its asynchronous client takes coroutines only; dashscope has none
    (openai 3.57, `lib/_client_auth`; dashscope 2.0.2, `v2/transport/http`). So one pool serves every key.
    """

    def __init__(self, transport: Transport, key_provider: KeyProvider, base_url: str) -> None:
        """Take what sends the requests, what gives the key, and the URL for which a key must be meant."""
        self._transport = transport
        self._key_provider = key_provider
        self._base_url = base_url

    def _flow(self, request: Request) -> Flow:
        key = yield _GetKey(self._key_provider, request)
        try:
            yield self._attempt(request, key)
        except AuthenticationError:
            # A request that was refused was not carried out, so it may be sent again.
            renewed = yield _GetKey(self._key_provider, request, refused=key)
            if renewed == key:
                raise
        yield self._attempt(request, renewed)

    def _attempt(self, request: Request, key: SecretStr) -> Attempt:
        check_key_fits(key.get_secret_value(), self._base_url)
        return Attempt(self._transport, replace(request, api_key=key.get_secret_value()))
