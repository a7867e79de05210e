"""A server on loopback that chats with nobody: prepared bytes over both protocols.

It is a process of its own (`python -m benchmarks._chat_server`) and prints its origin as its first line. The first
parts of a path say what is answered: `/text/1000/0/…` a stream of 1,000 events of text, `/arguments/10000/0/…` one of
a tool call whose arguments have 10,000 characters, in fragments of two. The third part is the pause between two events
in milliseconds; without one all are written at once. Every event is an HTTP chunk of its own, as the service sends it.
A request that does not stream gets a short answer. All is written before the first request for it is answered, and
nothing of a request but its path, its length and whether it streams is read: what the server takes is the operating
system's share.
"""

import asyncio
import re
import sys

from benchmarks import _chat_answers
from benchmarks._server import COMPATIBLE_PATH, HOST, listener

_REQUEST = re.compile(rb"POST /(?P<scenario>\w+)/(?P<size>\d+)/(?P<pause>\d+)(?P<path>/\S+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAMS = re.compile(rb'"stream": ?true|x-dashscope-sse: *enable', re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class ChatProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        """Wait for a request."""
        self._received = bytearray()
        self._transport: asyncio.Transport
        self._paced: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio gives for TCP
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop what was being written."""
        if self._paced is not None:
            self._paced.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is there as a whole."""
        self._received += data
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            return
        head = bytes(self._received[:end])
        length = _LENGTH.search(head)
        if len(self._received) < end + len(_END_OF_HEAD) + (int(length[1]) if length else 0):
            return
        asked, self._received = bytes(self._received), bytearray()
        request = _REQUEST.match(asked)
        if request is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        wire: _chat_answers.Wire = "compatible" if COMPATIBLE_PATH.encode() in request["path"] else "native"
        if not _STREAMS.search(asked):
            self._transport.write(_chat_answers.plain(wire))
            return
        pieces = _chat_answers.stream(wire, request["scenario"].decode(), int(request["size"]))
        if pause := int(request["pause"]):
            self._paced = asyncio.get_running_loop().create_task(self._write(pieces, pause / 1000))
        else:
            self._transport.writelines(pieces)

    async def _write(self, pieces: tuple[bytes, ...], pause: float) -> None:
        for piece in pieces:
            self._transport.write(piece)
            await asyncio.sleep(pause)


async def _serve() -> None:
    bound = listener()
    server = await asyncio.get_running_loop().create_server(ChatProtocol, sock=bound)
    sys.stdout.write(f"http://{HOST}:{bound.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
