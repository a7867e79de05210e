"""An HTTP server on loopback that records requests and sends scripted replies, exact to the byte."""

import json
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

TIMEOUT = 60.0
"""Seconds to wait for what must happen, however busy the machine is."""


class Act(Enum):
    """What a server can do in the middle of an answer, beside sending bytes."""

    DROP = auto()
    """Break the connection off, without an orderly end."""

    AWAIT_HANGUP = auto()
    """Wait until the client has closed the connection, and count it."""


Part = bytes | float | Act | threading.Event
"""Bytes to send, seconds to wait, something to do, or something to wait for."""


@dataclass(frozen=True)
class Reply:
    """One answer; its status line goes out with the first bytes, even if they are empty."""

    parts: Sequence[Part]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Literal["length", "chunked", "close"] = "length"

    def with_headers(self, **headers: str) -> "Reply":
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(self.parts, self.status, {**self.headers, **extra}, self.framing)


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    raw: bytes
    peer: int
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        """What the user said."""
        body = self.json
        messages = body.get("input", body)["messages"]
        said: str = messages[-1]["content"]
        return said

    @property
    def everything(self) -> str:
        return f"{self.path} {dict(self.headers)} {self.raw.decode()}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_HTTPServer"

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        received = Received(self.path, headers, raw, self.client_address[1], time.monotonic())
        with owner.serving(received) as reply:
            try:
                self._answer(reply)
            except ConnectionError:
                self.close_connection = True
                if Act.AWAIT_HANGUP in reply.parts:
                    owner.hangups.release()

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the library's names

    def _answer(self, reply: Reply) -> None:
        headed = False
        for part in reply.parts:
            match part:
                case bytes():
                    if not headed:
                        self._head(reply)
                        headed = True
                    if part:
                        chunked = reply.framing == "chunked"
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                case threading.Event():
                    part.wait(TIMEOUT)
                case Act.DROP:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                case Act.AWAIT_HANGUP:
                    self._await_hangup()
                    return
                case _:
                    time.sleep(part)
        if reply.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.framing == "length":
            self.send_header("Content-Length", str(sum(len(part) for part in reply.parts if isinstance(part, bytes))))
        elif reply.framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def _await_hangup(self) -> None:
        self.close_connection = True
        readable, _, _ = select.select([self.connection], [], [], TIMEOUT)
        if readable and self.connection.recv(1, socket.MSG_PEEK) == b"":
            self.server.owner.hangups.release()


class _HTTPServer(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False
    owner: "Server"

    def shutdown_request(self, request: Any) -> None:
        """Only close: an orderly shutdown first would make a broken connection look like an ended one."""
        self.owner.forget(request)
        self.close_request(request)

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what is tested."""


def _reply_unscripted(received: Received) -> Reply:
    return json_reply({"error": {"message": f"No reply was scripted for {received.path}."}}, 500)


class Server:
    """Answers each request with the next scripted reply, and those beyond the script by `default`."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.default: Callable[[Received], Reply] = _reply_unscripted
        self.hangups = threading.Semaphore(0)
        self.connections = 0
        self.peak = 0
        self._busy = 0
        self._script: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._open: set[socket.socket] = set()
        self._http = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        accept = self._http.get_request

        def accept_and_count() -> tuple[Any, Any]:
            connection, address = accept()
            with self._lock:
                self._open.add(connection)
                self.connections += 1
            return connection, address

        self._http.get_request = accept_and_count  # type: ignore[method-assign]  # one instance is watched, not the class
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._thread.join(TIMEOUT)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def await_requests(self, number: int) -> bool:
        """Say whether so many requests arrived: a client may give up before the server has read what it sent."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests) >= number, TIMEOUT)

    def await_open(self, number: int) -> bool:
        """Say whether the number of open connections became this one."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._open) == number, TIMEOUT)

    @property
    def bodies(self) -> list[Any]:
        return [received.json for received in self.requests]

    def script(self, *replies: Reply) -> None:
        self._script.extend(replies)

    def reset(self) -> None:
        """Forget the last test; connections stay open, as a client's pool keeps them."""
        with self._lock:
            self.requests, self._script, self.hangups = [], deque(), threading.Semaphore(0)
            self.connections = self.peak = self._busy = 0
            self.default = _reply_unscripted

    def forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
            self._changed.notify_all()

    @contextmanager
    def serving(self, received: Received) -> Iterator[Reply]:
        with self._lock:
            self.requests.append(received)
            self._changed.notify_all()
            self._busy += 1
            self.peak = max(self.peak, self._busy)
            reply = self._script.popleft() if self._script else None
        try:
            yield reply or self.default(received)
        finally:
            with self._lock:
                self._busy -= 1


JSON_TYPE = {"Content-Type": "application/json", "x-request-id": "req-header"}
STREAM_TYPE = {"Content-Type": "text/event-stream;charset=UTF-8", "x-request-id": "req-header"}


def json_reply(body: object, status: int = 200, *delays: float) -> Reply:
    return Reply((*delays, json.dumps(body, ensure_ascii=False).encode()), status, JSON_TYPE)


def stream_reply(*parts: Part, framing: Literal["chunked", "close"] = "chunked") -> Reply:
    return Reply((b"", *parts), 200, STREAM_TYPE, framing)
