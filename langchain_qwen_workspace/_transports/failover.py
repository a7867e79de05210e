"""What happens when a workspace does not answer: the next one is asked, until the first part of an answer came."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace

from langchain_qwen_workspace._seam import SERVED_BY, Destination, Json, Request, Transport
from langchain_qwen_workspace.errors import QwenWorkspaceError

_NAMES_REQUEST = {"request_id"}


@dataclass(frozen=True, slots=True)
class Target:
    """One workspace's transport.

    Attributes:
        transport: How it is reached.
        destination: Who it is.
    """

    transport: Transport
    destination: Destination


class FailoverTransport:
    """Asks one target after the other. Answers say which one gave them.

    An error is that of the last target, and its notes say those of the targets before it. A stream's next target is
    asked only while nothing of an answer came, so that nothing can come twice.
    """

    def __init__(self, targets: Sequence[Target], on: tuple[type[QwenWorkspaceError], ...]) -> None:
        """Take the targets in their order, and the errors after which the next one is asked."""
        self._targets = tuple(targets)
        self._on = on

    def send(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        return self._send(request, self._targets)

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        return await self._asend(request, self._targets)

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the answer."""
        return self._stream(request, self._targets)

    def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the answer."""
        return self._astream(request, self._targets)

    def _send(self, request: Request, targets: Sequence[Target]) -> Json:
        target, *others = targets
        try:
            return _marked(target.transport.send(_for(target, request)), target)
        except self._on as error:
            if not others:
                raise
            with _after(error):
                return self._send(request, others)

    async def _asend(self, request: Request, targets: Sequence[Target]) -> Json:
        target, *others = targets
        try:
            return _marked(await target.transport.asend(_for(target, request)), target)
        except self._on as error:
            if not others:
                raise
            with _after(error):
                return await self._asend(request, others)

    def _stream(self, request: Request, targets: Sequence[Target]) -> Iterator[Json]:
        target, *others = targets
        begun = marked = False
        try:
            for event in target.transport.stream(_for(target, request)):
                begun = begun or _is_part(event)
                yield event if marked else _marked(event, target)
                marked = True
        except self._on as error:
            if begun or not others:
                raise
            with _after(error):
                yield from self._stream(request, others)

    async def _astream(self, request: Request, targets: Sequence[Target]) -> AsyncGenerator[Json, None]:
        target, *others = targets
        begun = marked = False
        try:
            async with aclosing(target.transport.astream(_for(target, request))) as events:
                async for event in events:
                    begun = begun or _is_part(event)
                    yield event if marked else _marked(event, target)
                    marked = True
        except self._on as error:
            if begun or not others:
                raise
            with _after(error):
                async with aclosing(self._astream(request, others)) as events:
                    async for event in events:
                        yield event


@contextmanager
def _after(failure: QwenWorkspaceError) -> Iterator[None]:
    """Let an error say which one came before it, from another workspace."""
    try:
        yield
    except QwenWorkspaceError as error:
        error.add_note(f"Another workspace was asked before: {type(failure).__name__}: {failure}")
        raise


def _for(target: Target, request: Request) -> Request:
    return replace(request, destination=target.destination)


def _marked(answer: Json, target: Target) -> Json:
    return {**answer, SERVED_BY: target.destination}


def _is_part(event: Json) -> bool:
    """Say whether an event is of the answer: a transport names the request first, again if it opens a stream again."""
    return event.keys() != _NAMES_REQUEST
