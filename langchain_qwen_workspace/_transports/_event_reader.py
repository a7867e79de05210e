"""Reads one event stream: what its events are, when it has ended, and whether anything of an answer came."""

import math
import time
from collections.abc import Iterator

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import Json, Request
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, invalid_response_error, request_id_of
from langchain_qwen_workspace._transports._sse import Event, MalformedStreamError, SSEReader, TruncatedStreamError
from langchain_qwen_workspace.errors import APITimeoutError, StreamInterruptedError


class EventReader:
    """Turns the bytes of one event stream into JSON objects; an error among them is raised, never yielded."""

    def __init__(self, response: HTTPResponse, request: Request, timeout: float) -> None:
        """Start reading a stream in which at most `timeout` seconds may pass between two events."""
        self._request = request
        self._request_id = request_id_of(response)
        self._reader = SSEReader()
        self._timeout = timeout
        self._quiet_since: float | None = None
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[Json]:
        """Return the objects that more bytes complete; take them before the next bytes are fed.

        The first object of a stream has the request id of the response's headers, unless it has one of its own.

        Raises:
            APITimeoutError: Bytes arrive, such as comments that keep the connection alive, but no object for too long.
        """
        self._quiet_since = self._quiet_since or time.monotonic()
        return self._objects(self._reader.feed(data), self._timeout)

    def end(self) -> Iterator[Json]:
        """Yield what is left once there are no more bytes.

        Raises:
            StreamInterruptedError: The stream had no object at all.
        """
        yield from self._objects(self._reader.end(), math.inf)
        if not self._has_begun:
            raise StreamInterruptedError(
                "The stream ended before its first event.", request_id=self._request_id, **self._request.error_context
            )

    def _objects(self, events: Iterator[Event], timeout: float) -> Iterator[Json]:
        try:
            for event in events:
                if (failure := read_failure(event.data, failed=event.failed)) or event.failed:
                    raise error_for(
                        failure or {},
                        status_code=event.status_code,
                        model=self._request.model,
                        destination=self._request.destination,
                        request_id=self._request_id,
                    )
                if not self._has_begun:
                    event.data.setdefault("request_id", self._request_id)
                self._quiet_since, self._has_begun = None, True
                yield event.data
        except TruncatedStreamError as error:
            raise StreamInterruptedError(
                str(error), request_id=self._request_id, **self._request.error_context
            ) from error
        except MalformedStreamError as error:
            raise invalid_response_error(str(error), self._request_id, self._request) from error
        if self._quiet_since and time.monotonic() - self._quiet_since > timeout:
            raise APITimeoutError(
                f"No event arrived for {timeout:g} seconds, though the connection is alive. Raise `timeout`, or check "
                "the gateway in between.",
                request_id=self._request_id,
                **self._request.error_context,
            )
