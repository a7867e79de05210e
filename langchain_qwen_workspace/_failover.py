"""What happens when a workspace does not answer: the next one is asked, until the first part of an answer came."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from langchain_qwen_workspace._types import ANSWERED_BY, Json, Origin, Request, Transport
from langchain_qwen_workspace.errors import QwenWorkspaceError


@dataclass(frozen=True, slots=True)
class Target:
    """One workspace's transport.

    Attributes:
        transport: How it is reached.
        origin: Who it is.
    """

    transport: Transport
    origin: Origin


class FailoverTransport:
    """Asks one target after the other. Answers say which one gave them, errors are those of the last."""

    def __init__(self, targets: Sequence[Target], on: tuple[type[QwenWorkspaceError], ...]) -> None:
        """Take the targets in their order, and the errors after which the next one is asked."""
        self._targets = targets
        self._on = on

    def send(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        for target, last in self._order():
            try:
                return _marked(target.transport.send(replace(request, origin=target.origin)), target)
            except self._on:
                if last:
                    raise
        raise AssertionError("There is always a last target.")

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole answer."""
        for target, last in self._order():
            try:
                return _marked(await target.transport.asend(replace(request, origin=target.origin)), target)
            except self._on:
                if last:
                    raise
        raise AssertionError("There is always a last target.")

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the answer."""
        for target, last in self._order():
            came = 0
            try:
                for event in target.transport.stream(replace(request, origin=target.origin)):
                    yield event if came else _marked(event, target)
                    came += 1
            except self._on:
                if last or came > 1:
                    raise
            else:
                return

    async def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the answer."""
        for target, last in self._order():
            came = 0
            try:
                async with aclosing(target.transport.astream(replace(request, origin=target.origin))) as events:
                    async for event in events:
                        yield event if came else _marked(event, target)
                        came += 1
            except self._on:
                if last or came > 1:
                    raise
            else:
                return

    def _order(self) -> Iterator[tuple[Target, bool]]:
        return ((target, target is self._targets[-1]) for target in self._targets)


def _marked(answer: Json, target: Target) -> Json:
    return {**answer, ANSWERED_BY: target.origin}
