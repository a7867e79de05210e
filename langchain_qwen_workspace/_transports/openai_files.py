"""Uploads and downloads files through the official `openai` SDK's `files` resource."""

from collections.abc import Iterator
from typing import BinaryIO

from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._transports._http_answers import read_response
from langchain_qwen_workspace._transports.openai import OpenAITransport, headers_of


class OpenAIFilesTransport(OpenAITransport):
    """Sends and fetches files through the SDK's `files` resource, and everything else as `OpenAITransport` does."""

    def upload(self, request: Request, file: BinaryIO, name: str) -> Json:
        """Upload a file and return the response. The file is read from its beginning (httpx2, `_multipart`)."""
        purpose, headers = request.body["purpose"], headers_of(request)
        with self._client() as client, self._translate_errors(request):
            created = client.files.with_raw_response.create(file=(name, file), purpose=purpose, extra_headers=headers)
        return read_response(created.http_response, request)

    def lines(self, request: Request) -> Iterator[bytes]:
        """Yield the lines of a file as they arrive, without empty ones."""
        line = bytearray()
        with self._client() as client, self._translate_errors(request, streaming=True):
            file_id, headers = request.body["file_id"], headers_of(request)
            with client.files.with_streaming_response.content(file_id, extra_headers=headers) as response:
                # Not by the SDK's `iter_lines`, which also splits at characters that JSON may have inside a string.
                for data in response.iter_bytes():
                    # Only what arrived is looked at, so that a line costs the same in one piece or in a million.
                    first, *others = data.split(b"\n")
                    line += first
                    for other in others:
                        if line.strip():
                            yield bytes(line)
                        line = bytearray(other)
            if line.strip():
                yield bytes(line)
