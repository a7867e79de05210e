"""Runs a policy (retry, key renewal, failover) in each of the four ways of calling.

A policy is a flow: a generator without I/O, as `auth_flow` of httpx. It yields steps; the driver carries each out and
sends the result back, or throws the error into the flow, which yields another step or raises. So each policy is
written once, and this module alone knows what is synchronous, asynchronous or streamed.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, TypeAlias, TypeVar, cast

from langchain_qwen_workspace._seam import FilesTransport, Json, Request, Transport
from langchain_qwen_workspace.errors import QwenWorkspaceError

Part = TypeVar("Part")
Response = TypeVar("Response")


class Step(Protocol):
    """Something that a flow waits for between two attempts; its result is sent back into the flow."""

    def run(self) -> Any:
        """Carry the step out, blocking."""

    async def arun(self) -> Any:
        """Carry the step out, without blocking the event loop."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Sends a request once. It ends the flow if it succeeds, and its error is thrown into the flow if it fails.

    Attributes:
        transport: What sends it.
        request: The request.
        mark: Changes the response, or the first event of a stream; `None` leaves it.
    """

    transport: Transport
    request: Request
    mark: Callable[[Any], Any] | None = None

    def accept(self, received: Any) -> Any:
        """Return what the caller is given for a response, or for the first event of a stream."""
        return received if self.mark is None else self.mark(received)


Flow: TypeAlias = Generator[Attempt | Step, Any, None]
"""One call under a policy."""


class FlowTransport(ABC):
    """A transport around other transports whose calls follow a policy.

    A stream is never sent again once one of its events was yielded, whatever the policy.
    """

    @abstractmethod
    def _flow(self, request: Request) -> Flow:
        """Return the flow of one call."""

    def send(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        return run_flow(self._flow(request), lambda transport, sent: transport.send(sent))

    async def asend(self, request: Request) -> Json:
        """Send a request and return the whole response."""
        return await _asend(self._flow(request), lambda transport, sent: transport.asend(sent))

    def stream(self, request: Request) -> Iterator[Json]:
        """Send a request and yield the events of the response."""
        return _stream(self._flow(request), lambda transport, sent: transport.stream(sent))

    def astream(self, request: Request) -> AsyncGenerator[Json, None]:
        """Send a request and yield the events of the response."""
        return _astream(self._flow(request))

    def send_once(self, request: Request) -> Json:
        """Send a request that must not be carried out twice."""
        return run_flow(self._flow(request), lambda transport, sent: _with_files(transport).send_once(sent))

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Upload a file, read from its beginning at each attempt, and return the response."""
        return run_flow(self._flow(request), lambda transport, sent: _with_files(transport).upload(sent, file, name))

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of a file as they arrive."""
        return _stream(self._flow(request), lambda transport, sent: _with_files(transport).lines(sent))


def _with_files(transport: Transport) -> FilesTransport:
    # The registry builds what carries files only where the protocol has them.
    return cast("FilesTransport", transport)


def closing_parts(parts: Iterator[Part]) -> "closing[Generator[Part, None, None]]":
    """Return a context manager that closes the iterator of a stream, which is a generator.

    Dropped without that, it stays open, with its connection, for as long as an error's frames refer to it.
    """
    return closing(cast("Generator[Part, None, None]", parts))


def run_flow(flow: Flow, send: Callable[[Transport, Request], Response]) -> Response:
    """Run a flow, each attempt by `send`, and return the response."""
    with closing(flow):
        step = next(flow)
        while True:
            try:
                if isinstance(step, Attempt):
                    return cast("Response", step.accept(send(step.transport, step.request)))
                result = step.run()
            except QwenWorkspaceError as error:
                step = flow.throw(error)
            else:
                step = flow.send(result)


async def _asend(flow: Flow, send: Callable[[Transport, Request], Awaitable[Response]]) -> Response:
    with closing(flow):
        step = next(flow)
        while True:
            try:
                if isinstance(step, Attempt):
                    return cast("Response", step.accept(await send(step.transport, step.request)))
                result = await step.arun()
            except QwenWorkspaceError as error:
                step = flow.throw(error)
            else:
                step = flow.send(result)


def _stream(flow: Flow, open_stream: Callable[[Transport, Request], Iterator[Part]]) -> Iterator[Part]:
    with closing(flow):
        step = next(flow)
        while True:
            part_came = False
            try:
                if isinstance(step, Attempt):
                    with closing_parts(open_stream(step.transport, step.request)) as parts:
                        for part in parts:
                            accepted = part if part_came else step.accept(part)
                            part_came = True
                            yield accepted
                    return
                result = step.run()
            except QwenWorkspaceError as error:
                step = flow.throw(error)
                if part_came:
                    raise
            else:
                step = flow.send(result)


async def _astream(flow: Flow) -> AsyncGenerator[Json, None]:
    with closing(flow):
        step = next(flow)
        while True:
            part_came = False
            try:
                if isinstance(step, Attempt):
                    async with aclosing(step.transport.astream(step.request)) as parts:
                        async for part in parts:
                            accepted = part if part_came else step.accept(part)
                            part_came = True
                            yield accepted
                    return
                result = await step.arun()
            except QwenWorkspaceError as error:
                step = flow.throw(error)
                if part_came:
                    raise
            else:
                step = flow.send(result)
