"""A chat server on loopback that sends prepared bytes, over each protocol.

It runs in a process of its own (`python -m benchmarks._chat_server`) and prints its origin as its first line. The first
parts of a path select the response: `/text/1000/0/…` is a stream of 1,000 events of text, `/arguments/10000/0/…` one of
a tool call whose arguments have 10,000 characters, in fragments of two. The third part is the pause between two events
in milliseconds; with 0 all events are written at once. Every event is an HTTP chunk of its own, as the service sends
it. A request that does not stream gets a short response. Responses are built before they are first sent, and the server
reads only a request's path, its length and whether it streams, so that its own cost is mostly that of the operating
system. With `--hosts 200` it listens on 127.0.0.1 to 127.0.0.200, all on the port that it prints (Linux only).
"""

import argparse
import asyncio
import re
import sys

from benchmarks import _chat_answers
from benchmarks._server import HOST, OPENAI_PATH, listener

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
        """Keep the transport of the new connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio gives TCP connections this type
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop a stream that is being written."""
        if self._paced is not None:
            self._paced.cancel()

    def data_received(self, data: bytes) -> None:
        """Respond to a request once it is complete."""
        self._received += data
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            return
        head = bytes(self._received[:end])
        length = _LENGTH.search(head)
        if len(self._received) < end + len(_END_OF_HEAD) + (int(length[1]) if length else 0):
            return
        request_bytes, self._received = bytes(self._received), bytearray()
        request = _REQUEST.match(request_bytes)
        if request is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        protocol = "openai" if OPENAI_PATH.encode() in request["path"] else "dashscope"
        protocol = "responses" if request["path"].endswith(b"/responses") else protocol
        if not _STREAMS.search(request_bytes):
            self._transport.write(_chat_answers.plain(protocol))
            return
        pieces = _chat_answers.stream(protocol, request["scenario"].decode(), int(request["size"]))
        if pause := int(request["pause"]):
            self._paced = asyncio.get_running_loop().create_task(self._write(pieces, pause / 1000))
        else:
            self._transport.writelines(pieces)

    async def _write(self, pieces: tuple[bytes, ...], pause: float) -> None:
        for piece in pieces:
            self._transport.write(piece)
            await asyncio.sleep(pause)


async def _serve(hosts: int) -> None:
    first = listener()
    port = first.getsockname()[1]
    listening_sockets = [first, *(listener(f"127.0.0.{number}", port) for number in range(2, hosts + 1))]
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(ChatProtocol, sock=listening) for listening in listening_sockets]
    sys.stdout.write(f"http://{HOST}:{port}\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> None:
    """Serve until the process is terminated."""
    parser = argparse.ArgumentParser(description="Send prepared chat responses over both protocols.")
    parser.add_argument("--hosts", type=int, default=1, help="loopback addresses to listen on (1)")
    asyncio.run(_serve(parser.parse_args().hosts))


if __name__ == "__main__":
    main()
