"""A server on loopback that embeds nothing: prepared vectors, both wires, a fixed delay, and counts.

It is a process of its own (`python -m benchmarks._server --dimensions 1024 --delay 0.1`) and prints its origin as
its first line. Every vector is written as JSON and as base64 once, before the first request; an answer is put together
while its delay runs, so that the delay is what a client waits. It answers without compression and at once for any
number of requests: what a slow line, a rate limit or a busy model would add is not in it.
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

from benchmarks import _counts, _inputs

HOST = "127.0.0.1"
COMPATIBLE_PATH = "/compatible-mode/v1"
NATIVE_PATH = "/api/v1"

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Answer = Callable[[dict[str, Any]], tuple[int, bytes]]

_JSON = b"application/json"
_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404


class EmbeddingServer:
    """The ASGI application."""

    def __init__(self, *, dimensions: int, delay: float) -> None:
        """Prepare every vector in both of its forms."""
        table = _inputs.vectors(dimensions)
        self._dimensions = dimensions
        self._delay = delay
        self._as_numbers = [json.dumps(vector, separators=(",", ":")).encode() for vector in table]
        self._as_base64 = [b'"' + base64.b64encode(array("f", vector).tobytes()) + b'"' for vector in table]
        self._counts = _counts.Counts()
        self._in_flight = 0
        self._answers: dict[str, _Answer] = {
            f"{COMPATIBLE_PATH}/embeddings": self._compatible,
            f"{NATIVE_PATH}/services/embeddings/text-embedding/text-embedding": self._native,
        }

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one HTTP request."""
        body = b""
        if (answer := self._answers.get(scope["path"])) is not None:
            status, body = await self._embed(answer, receive)
        elif scope["path"] == _counts.PATH:
            status, body = _OK, self._counts.to_json()
            if scope["method"] == "DELETE":
                self._counts = _counts.Counts()
        else:
            status = _NOT_FOUND
        headers = [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _embed(self, answer: _Answer, receive: _Receive) -> tuple[int, bytes]:
        """Return the answer when its time has come."""
        clock = asyncio.get_running_loop().time
        came, counts = clock(), self._counts
        self._in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, self._in_flight)
        counts.requests += 1
        try:
            status, body = answer(json.loads(await _read(receive)))
            if (rest := came + self._delay - clock()) > 0:
                await asyncio.sleep(rest)
        finally:
            self._in_flight -= 1
            counts.seconds += clock() - came
        return status, body

    def _compatible(self, request: dict[str, Any]) -> tuple[int, bytes]:
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        if request.get("dimensions", self._dimensions) != self._dimensions:
            return _refusal("dimensions")
        written = self._as_base64 if request.get("encoding_format") == "base64" else self._as_numbers
        rows = [
            b'{"embedding":%b,"index":%d,"object":"embedding"}' % (written[_inputs.row_of(text)], position)
            for position, text in enumerate(texts)
        ]
        tokens = self._counted(texts)
        end = b'],"model":"%b","object":"list","usage":{"prompt_tokens":%d,"total_tokens":%d},"id":"%b"}'
        return _OK, b'{"data":[' + b",".join(rows) + end % (request["model"].encode(), tokens, tokens, self._id())

    def _native(self, request: dict[str, Any]) -> tuple[int, bytes]:
        texts = request["input"]["texts"]
        if (request.get("parameters") or {}).get("dimension", self._dimensions) != self._dimensions:
            return _refusal("dimension")
        rows = [
            b'{"text_index":%d,"embedding":%b}' % (position, self._as_numbers[_inputs.row_of(text)])
            for position, text in enumerate(texts)
        ]
        end = b']},"usage":{"total_tokens":%d},"request_id":"%b"}' % (self._counted(texts), self._id())
        return _OK, b'{"output":{"embeddings":[' + b",".join(rows) + end

    def _counted(self, texts: Sequence[str]) -> int:
        self._counts.texts += len(texts)
        return sum(map(len, texts)) // 4

    def _id(self) -> bytes:
        return b"00000000-0000-4000-8000-%012d" % self._counts.requests


def _refusal(parameter: str) -> tuple[int, bytes]:
    message = f"The vectors that were prepared are of another size than `{parameter}` says."
    # Both shapes in one: each wire looks for its own.
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


def listener() -> socket.socket:
    """Return a socket on a free port of loopback."""
    # Its protocol is said, for asyncio sets TCP_NODELAY on no other: without, short answers wait 40 ms for an ACK.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind((HOST, 0))
    bound.listen(2048)
    return bound


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Answer embedding requests with prepared vectors.")
    parser.add_argument("--dimensions", type=int, default=1024, help="components of a vector (1024)")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds from a request to its answer (0.1)")
    arguments = parser.parse_args()
    server = EmbeddingServer(dimensions=arguments.dimensions, delay=arguments.delay)
    bound = listener()
    sys.stdout.write(f"http://{HOST}:{bound.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(server, lifespan="off", access_log=False, log_level="warning", timeout_keep_alive=600)
    uvicorn.Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
