"""An embedding server on loopback with prepared vectors: both protocols, a fixed delay, and statistics.

It runs in a process of its own (`python -m benchmarks._server --dimensions 1024 --delay 0.1`) and prints its origin as
its first line. Every vector is written as JSON and as base64 once, before the first request; a response is built within
its delay, so that a client waits for the delay and no longer. Responses are not compressed, and the delay is the same
for any number of requests: the cost of a slow line, a rate limit or a busy model is not included.
"""

import argparse
import asyncio
import base64
import json
import socket
import sys
from array import array
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import uvicorn

from benchmarks import _embedding_fixtures, _server_stats

HOST = "127.0.0.1"
OPENAI_PATH = "/compatible-mode/v1"
DASHSCOPE_PATH = "/api/v1"

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Respond = Callable[[dict[str, Any]], tuple[int, bytes]]

_JSON = b"application/json"
_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404


class EmbeddingServer:
    """The ASGI application."""

    def __init__(self, *, dimensions: int, delay: float) -> None:
        """Prepare every vector as JSON and as base64."""
        table = _embedding_fixtures.vectors(dimensions)
        self._dimensions = dimensions
        self._delay = delay
        self._as_numbers = [json.dumps(vector, separators=(",", ":")).encode() for vector in table]
        self._as_base64 = [b'"' + base64.b64encode(array("f", vector).tobytes()) + b'"' for vector in table]
        self._stats = _server_stats.ServerStats()
        self._in_flight = 0
        self._routes: dict[str, _Respond] = {
            f"{OPENAI_PATH}/embeddings": self._openai,
            f"{DASHSCOPE_PATH}/services/embeddings/text-embedding/text-embedding": self._dashscope,
        }

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Respond to one HTTP request."""
        body = b""
        if (respond := self._routes.get(scope["path"])) is not None:
            status, body = await self._embed(respond, receive)
        elif scope["path"] == _server_stats.PATH:
            status, body = _OK, self._stats.to_json()
            if scope["method"] == "DELETE":
                self._stats = _server_stats.ServerStats()
        else:
            status = _NOT_FOUND
        headers = [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _embed(self, respond: _Respond, receive: _Receive) -> tuple[int, bytes]:
        """Return the status and body of a response after the delay."""
        clock = asyncio.get_running_loop().time
        arrived, stats = clock(), self._stats
        self._in_flight += 1
        stats.most_in_flight = max(stats.most_in_flight, self._in_flight)
        stats.requests += 1
        try:
            status, body = respond(json.loads(await _read(receive)))
            if (remaining := arrived + self._delay - clock()) > 0:
                await asyncio.sleep(remaining)
        finally:
            self._in_flight -= 1
            stats.seconds += clock() - arrived
        return status, body

    def _openai(self, request: dict[str, Any]) -> tuple[int, bytes]:
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        if request.get("dimensions", self._dimensions) != self._dimensions:
            return _bad_request("dimensions")
        encoded = self._as_base64 if request.get("encoding_format") == "base64" else self._as_numbers
        rows = [
            b'{"embedding":%b,"index":%d,"object":"embedding"}' % (encoded[_embedding_fixtures.row_of(text)], position)
            for position, text in enumerate(texts)
        ]
        tokens = self._count_tokens(texts)
        end = b'],"model":"%b","object":"list","usage":{"prompt_tokens":%d,"total_tokens":%d},"id":"%b"}'
        return _OK, b'{"data":[' + b",".join(rows) + end % (request["model"].encode(), tokens, tokens, self._id())

    def _dashscope(self, request: dict[str, Any]) -> tuple[int, bytes]:
        texts = request["input"]["texts"]
        if (request.get("parameters") or {}).get("dimension", self._dimensions) != self._dimensions:
            return _bad_request("dimension")
        rows = [
            b'{"text_index":%d,"embedding":%b}' % (position, self._as_numbers[_embedding_fixtures.row_of(text)])
            for position, text in enumerate(texts)
        ]
        end = b']},"usage":{"total_tokens":%d},"request_id":"%b"}' % (self._count_tokens(texts), self._id())
        return _OK, b'{"output":{"embeddings":[' + b",".join(rows) + end

    def _count_tokens(self, texts: Sequence[str]) -> int:
        self._stats.texts += len(texts)
        return sum(map(len, texts)) // 4

    def _id(self) -> bytes:
        return b"00000000-0000-4000-8000-%012d" % self._stats.requests


def _bad_request(parameter: str) -> tuple[int, bytes]:
    message = f"The prepared vectors have another size than `{parameter}`."
    # The error fields of both protocols in one body: each client reads its own.
    return _BAD_REQUEST, json.dumps(
        {"error": {"message": message, "code": "InvalidParameter"}, "code": "InvalidParameter", "message": message}
    ).encode()


async def _read(receive: _Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def listener(host: str = HOST, port: int = 0) -> socket.socket:
    """Return a listening socket on loopback, by default on a free port."""
    # With an explicit protocol, since asyncio sets TCP_NODELAY only then; without it short responses wait 40 ms for
    # an ACK.
    listening_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening_socket.bind((host, port))
    listening_socket.listen(2048)
    return listening_socket


def main() -> None:
    """Serve until the process is terminated."""
    parser = argparse.ArgumentParser(description="Serve prepared vectors to embedding requests.")
    parser.add_argument("--dimensions", type=int, default=1024, help="components of a vector (1024)")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds from a request to its response (0.1)")
    arguments = parser.parse_args()
    server = EmbeddingServer(dimensions=arguments.dimensions, delay=arguments.delay)
    listening_socket = listener()
    sys.stdout.write(f"http://{HOST}:{listening_socket.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(server, lifespan="off", access_log=False, log_level="warning", timeout_keep_alive=600)
    uvicorn.Server(config).run(sockets=[listening_socket])


if __name__ == "__main__":
    main()
