"""What happens when a key is refused that a callable gave: it is asked again, and the request is sent once more."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import BinaryIO, TypeVar

from pydantic import SecretStr

from langchain_qwen_workspace._seam import FilesTransport, Json, Request, Transport
from langchain_qwen_workspace._workspace.keys import KeyProvider
from langchain_qwen_workspace.errors import AuthenticationError

_Answer = TypeVar("_Answer")
_Part = TypeVar("_Part")


class KeyRenewalTransport:
    """Sends each request with the key of now. A refusal of it counts only if the callable has no other.

    The SDKs are handed the key request by request, not a callable: openai's `api_key: Callable[[], str]` is called for
    each request, also where nothing was refused, and its asynchronous client takes coroutines only; dashscope has
    none (openai 3.57, `lib/_client_auth`; dashscope 2.0.2, `v2/transport/http`). So one pool serves every key.
    """

    def __init__(self, transport: Transport, key: KeyProvider, check: Callable[[SecretStr], None]) -> None:
        """Take what carries the requests, the key, and what refuses a key that is none for the workspace."""
        self._transport = transport
        self._key = key
        self._check = check

    def send(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        return self._sent(self._transport.send, request)

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        key = await self._key.aget(request)
        try:
            return await self._transport.asend(self._signed(request, key))
        except AuthenticationError:
            other = await self._key.aget(request, key)
            if other == key:
                raise
        return await self._transport.asend(self._signed(request, other))

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the answer."""
        return self._received(self._transport.stream, request)

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the answer."""
        key, came = await self._key.aget(request), False
        try:
            async with aclosing(self._transport.astream(self._signed(request, key))) as events:
                async for event in events:
                    came = True
                    yield event
        except AuthenticationError:
            if came:
                raise
            other = await self._key.aget(request, key)
            if other == key:
                raise
        else:
            return
        async with aclosing(self._transport.astream(self._signed(request, other))) as events:
            async for event in events:
                yield event

    def _sent(self, door: Callable[[Request], _Answer], request: Request) -> _Answer:
        key = self._key.get(request)
        try:
            return door(self._signed(request, key))
        except AuthenticationError:
            other = self._key.get(request, key)
            if other == key:
                raise
        return door(self._signed(request, other))

    def _received(self, door: Callable[[Request], Iterator[_Part]], request: Request) -> Iterator[_Part]:
        key, came = self._key.get(request), False
        try:
            for part in door(self._signed(request, key)):
                came = True
                yield part
        except AuthenticationError:
            if came:
                raise
            other = self._key.get(request, key)
            if other == key:
                raise
        else:
            return
        yield from door(self._signed(request, other))

    def _signed(self, request: Request, key: SecretStr) -> Request:
        self._check(key)
        return replace(request, api_key=key.get_secret_value())


class KeyRenewalFilesTransport(KeyRenewalTransport):
    """The same where files travel too. A request that was refused was not done, so it may be sent again."""

    _transport: FilesTransport

    def send_once(self, request: Request) -> Json:
        """Send a request that must not be done twice."""
        return self._sent(self._transport.send_once, request)

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Send a file, read from its beginning, and return the answer."""
        return self._sent(lambda signed: self._transport.upload(signed, file, name), request)

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of a file as they arrive."""
        return self._received(self._transport.lines, request)
