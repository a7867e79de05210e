"""A server on loopback that writes exact bytes, resets connections, and records the requests."""

import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Self


class End(Enum):
    """How a server ends a connection."""

    RESET = auto()
    """Reset it, as a process that is killed does."""

    CLOSE = auto()
    """Close it, whatever length the headers promised."""


Part = bytes | float | End
"""Bytes to send, seconds of silence unless the client closes the connection earlier, or an end."""

Script = Sequence[Part]


class RawServer:
    """Answers each request with the parts that `reply` returns for its number, counted from 1 by `expect`."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.reply: Callable[[int], Script] = lambda _: (End.RESET,)
        self._open: dict[socket.socket, object] = {}
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def expect(self, reply: Callable[[int], Script]) -> None:
        self.heads, self.reply = [], reply

    def await_requests(self, number: int) -> None:
        """Wait for this many requests; the first of a process takes as long as importing an SDK."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heads) >= number, 60)

    @property
    def open_connections(self) -> int:
        with self._changed:
            return len(self._open)

    def await_open(self, number: int) -> bool:
        """Wait for this many open connections, and say whether it came to that."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._open) == number, 60)

    def await_few_open(self, number: int) -> bool:
        """Say whether no more connections than these stayed open, of those that were opened before this call.

        A connection of its own goes through the same queue, so that all that came before it have been accepted.
        """
        with socket.create_connection(("127.0.0.1", self.port)) as last, self._changed:
            name = last.getsockname()
            accepted = self._changed.wait_for(lambda: name in self._open.values(), 60)
            return accepted and self._changed.wait_for(lambda: len(self._open) <= number + 1, 60)

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self._open[connection] = address
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (head := _request(connection)) is not None:
                with self._changed:
                    self.heads.append(head)
                    number = len(self.heads)
                    self._changed.notify_all()
                for part in self.reply(number):
                    if not _act(connection, part):
                        return
        except OSError:
            return
        finally:
            with self._changed:
                self._open.pop(connection, None)
                connection.close()
                self._changed.notify_all()


def _request(connection: socket.socket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")),
        0,
    )
    while len(body) < length:
        if not (more := connection.recv(65536)):
            return None
        body += more
    return head


def _act(connection: socket.socket, part: Part) -> bool:
    """Carry out a part, and say whether the connection stays open."""
    match part:
        case bytes():
            connection.sendall(part)
        case End.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        case End.CLOSE:
            return False
        case _:
            readable, _, _ = select.select([connection], [], [], part)
            return not readable
    return True


def head(status: int = 200, *headers: str, version: str = "1.1") -> bytes:
    """Return a status line and headers."""
    return "\r\n".join((f"HTTP/{version} {status} Said", "x-request-id: req-header", *headers, "", "")).encode()


def whole(body: bytes, status: int = 200, *headers: str, type_: str = "application/json") -> bytes:
    """Return a response with a `content-length`."""
    return head(status, f"content-type: {type_}", f"content-length: {len(body)}", *headers) + body


STREAM = head(200, "content-type: text/event-stream;charset=UTF-8", "transfer-encoding: chunked")
DONE = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(*frames: bytes) -> bytes:
    """Return a complete stream of these frames."""
    return STREAM + b"".join(map(chunk, frames)) + DONE
