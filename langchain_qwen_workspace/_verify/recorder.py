"""HTTP clients that both SDKs take: each request passes the budget, and each exchange is recorded as it was."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from langchain_qwen_workspace._verify.budget import Budget, BudgetError, usage_in
from langchain_qwen_workspace.errors import QwenWorkspaceError

_REQUEST_HEADERS = ("content-type", "x-dashscope-sse", "x-dashscope-workspace", "x-dashscope-oss")
_RESPONSE_HEADERS = (
    "content-type",
    "x-request-id",
    "x-dashscope-",
    "retry-after",
    "x-ratelimit-",
    "deprecation",
    "sunset",
)
_BILLED_BELOW = 400


@dataclass
class Exchange:
    """A request and its response, as text.

    Attributes:
        check: What the request was sent for.
        method: The HTTP method.
        path: The path with the query, without the host.
        request_headers: The headers that matter; never the key.
        request_text: The body.
        status: The HTTP status; 0 if no response came.
        headers: The response's headers that matter.
        header_names: The names of all headers of the response.
        text: The response's body, or the part of it that came.
        is_complete: Whether the response came to its end.
        error: What went wrong with the connection.
    """

    check: str
    method: str
    path: str
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_text: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    header_names: tuple[str, ...] = ()
    text: str = ""
    is_complete: bool = False
    error: str | None = None

    @property
    def body(self) -> Any:
        """The response's JSON; `None` if it is not JSON."""
        return _json_or_none(self.text)

    @property
    def request_body(self) -> Any:
        """The request's JSON; `None` if it has none."""
        return _json_or_none(self.request_text)

    @property
    def events(self) -> list[Any]:
        """The JSON of a stream's events, in order."""
        lines = (line[5:].strip() for line in self.text.splitlines() if line.startswith("data:"))
        return [body for line in lines if (body := _json_or_none(line)) is not None]

    @property
    def request_id(self) -> str | None:
        """The id that the service gave the request."""
        bodies = [self.body, *self.events[:1]]
        named = (body.get("request_id") or body.get("id") for body in bodies if isinstance(body, dict))
        return self.headers.get("x-request-id") or next((str(name) for name in named if name), None)


class Recorder:
    """What the clients of one verification have in common: the budget, and where exchanges go.

    Args:
        budget: The budget.
        write: Takes each exchange when it has ended, however it ended.
    """

    def __init__(self, budget: Budget, write: Callable[[Exchange], None]) -> None:
        self.budget = budget
        self.check = ""
        self.refusal: BudgetError | None = None
        self.failure: QwenWorkspaceError | None = None
        self.last = Exchange("", "", "")
        self._write = write

    def begin_call(self) -> None:
        """Forget the last exchange."""
        self.last, self.refusal = Exchange(self.check, "", ""), None

    def begin(self, request: httpx.Request) -> "_Recording":
        """Reserve what a request may cost, and return its recording.

        Raises:
            BudgetError: It must not be sent.
        """
        # A recording has text that can be read and searched.
        request.headers["accept-encoding"] = "identity"
        content_type = request.headers.get("content-type", "")
        # Streamed bodies are uploads of files.
        content = request.content if hasattr(request, "_content") else request.read()
        is_text = "json" in content_type
        exchange = Exchange(
            self.check,
            request.method,
            request.url.raw_path.decode(),
            _select(request.headers, _REQUEST_HEADERS),
            content.decode() if is_text else f"<{len(content)} bytes>" if content else "",
        )
        body = exchange.request_body if is_text else None
        try:
            reserved = self.budget.reserve(body if isinstance(body, dict) else None)
        except BudgetError as error:
            self.refusal = error
            raise
        self.last = exchange
        return _Recording(self, exchange, reserved)

    def end(self, exchange: Exchange, reserved: Any) -> None:
        """Settle what an exchange cost, and hand it on."""
        body = exchange.request_body
        if exchange.status >= _BILLED_BELOW:
            self.budget.release(reserved)
        else:
            # Without the end of a response it is not known what is billed: the worst case.
            usage = usage_in(exchange.text) if exchange.is_complete else None
            self.budget.settle(reserved, body if isinstance(body, dict) else None, usage)
        try:
            self._write(exchange)
        except QwenWorkspaceError as error:
            # Raised here, an SDK would take it for a failed connection.
            self.failure = error


class _Recording:
    """One exchange while it lasts; `end` has an effect once."""

    def __init__(self, recorder: Recorder, exchange: Exchange, reserved: Any) -> None:
        self._recorder = recorder
        self.exchange = exchange
        self._reserved = reserved
        self._pieces: list[bytes] = []
        self.has_ended = False

    def respond(self, response: httpx.Response) -> None:
        self.exchange.status = response.status_code
        self.exchange.headers = _select(response.headers, _RESPONSE_HEADERS)
        self.exchange.header_names = tuple(sorted({name.lower() for name in response.headers}))

    def add(self, piece: bytes) -> bytes:
        self._pieces.append(piece)
        return piece

    def end(self, error: BaseException | None = None, *, is_complete: bool = False) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        self.exchange.text = b"".join(self._pieces).decode(errors="replace")
        self.exchange.is_complete = is_complete
        self.exchange.error = None if error is None else type(error).__name__
        self._recorder.end(self.exchange, self._reserved)


class _RecordedStream(httpx.SyncByteStream):
    def __init__(self, stream: Any, recording: _Recording) -> None:
        self._stream = stream
        self._pieces = iter(stream)
        self._recording = recording

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                yield self._recording.add(piece)
        except GeneratorExit:
            raise  # `close` follows
        except BaseException as error:
            self._recording.end(error)
            raise
        self._recording.end(is_complete=True)

    def close(self) -> None:
        if not self._recording.has_ended:
            # An SDK closes a stream whose answer is complete before its end: the rest, with the usage, is short.
            with suppress(httpx.HTTPError, httpx.StreamError):
                for _ in self:
                    pass
        self._recording.end()
        self._stream.close()


class _AsyncRecordedStream(httpx.AsyncByteStream):
    def __init__(self, stream: Any, recording: _Recording) -> None:
        self._stream = stream
        self._pieces = aiter(stream)
        self._recording = recording

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield self._recording.add(piece)
        except GeneratorExit:
            raise  # `aclose` follows
        except BaseException as error:
            self._recording.end(error)
            raise
        self._recording.end(is_complete=True)

    async def aclose(self) -> None:
        if not self._recording.has_ended:
            with suppress(httpx.HTTPError, httpx.StreamError):
                async for _ in self:
                    pass
        self._recording.end()
        await self._stream.aclose()


class RecordingClient(httpx.Client):
    """A client whose requests pass the budget and are recorded.

    Args:
        recorder: The recorder.
        **settings: The settings of an `httpx.Client`.
    """

    def __init__(self, recorder: Recorder, **settings: Any) -> None:
        super().__init__(cookies=_no_cookies(), **settings)
        self._recorder = recorder

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request, as `httpx.Client` does."""
        recording = self._recorder.begin(request)
        try:
            response = super().send(request, stream=True, **options)
        except BaseException as error:
            recording.end(error)
            raise
        recording.respond(response)
        response.stream = _RecordedStream(response.stream, recording)
        if not stream:
            try:
                response.read()
            finally:
                response.close()
        return response


class AsyncRecordingClient(httpx.AsyncClient):
    """The same for asynchronous calls."""

    def __init__(self, recorder: Recorder, **settings: Any) -> None:
        super().__init__(cookies=_no_cookies(), **settings)
        self._recorder = recorder

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request, as `httpx.AsyncClient` does."""
        recording = self._recorder.begin(request)
        try:
            response = await super().send(request, stream=True, **options)
        except BaseException as error:
            recording.end(error)
            raise
        recording.respond(response)
        response.stream = _AsyncRecordedStream(response.stream, recording)
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


def _no_cookies() -> CookieJar:
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def _select(headers: httpx.Headers, names: tuple[str, ...]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower().startswith(names)}


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
