"""Uploads and downloads files through the official `openai` SDK's `files` resource."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._transports._body import check_size, limit_body
from langchain_qwen_workspace._transports._http_answers import read_response
from langchain_qwen_workspace._transports._time_limit import ReadLimit
from langchain_qwen_workspace._transports.openai import OpenAITransport, headers_of, timeouts_of


class OpenAIFilesTransport(OpenAITransport):
    """Sends and fetches files through the SDK's `files` resource, and everything else as `OpenAITransport` does."""

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Upload a file and return the response. The file is read from its beginning (httpx2, `_multipart`)."""
        arguments = {"purpose": request.body["purpose"], **self._options(request)}
        with self._client() as client, self._translate_errors(request), ReadLimit(self._connection.timeout):
            created = client.files.with_raw_response.create(file=(name, file), **arguments)
            limit_body(created.http_response, self._connection.max_response_bytes, is_async=False)
        return read_response(created.http_response, request)

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of a file as they arrive, without empty ones.

        A file may be longer than `max_response_bytes`, and a line may not.
        """
        with self._client() as client, self._translate_errors(request, streaming=True):
            file_id, options = request.body["file_id"], self._options(request)
            with client.files.with_streaming_response.content(file_id, **options) as response:
                limit_body(response.http_response, math.inf, is_async=False)
                # Not by the SDK's `iter_lines`, which also splits at characters that JSON may have inside a string.
                yield from _split_lines(response.iter_bytes(), self._connection.max_response_bytes)

    def _options(self, request: Request) -> dict[str, Any]:
        return {
            "extra_headers": headers_of(request, self._connection),
            "timeout": timeouts_of(self._connection.timeout),
        }


def _split_lines(pieces: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    line = bytearray()
    for data in pieces:
        # Only what arrived is looked at, so that a line costs the same in one piece or in a million.
        for number, part in enumerate(data.split(b"\n")):
            if number:
                if line.strip():
                    yield bytes(line)
                line.clear()
            line += part
            check_size(len(line), max_bytes)
    if line.strip():
        yield bytes(line)
