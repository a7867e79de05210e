"""Reads one event stream: its events, whether it has ended, and whether it had any part of an answer."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from langchain_qwen_workspace._error_table import error_for, read_failure
from langchain_qwen_workspace._seam import PARTIAL, Json, Request
from langchain_qwen_workspace._transports._http_answers import HTTPResponse, invalid_response_error, request_id_of
from langchain_qwen_workspace._transports._network import has_limited_reads
from langchain_qwen_workspace._transports._sse import Event, MalformedStreamError, SSEReader, TruncatedStreamError
from langchain_qwen_workspace._transports._time_limit import ReadLimit
from langchain_qwen_workspace.errors import APITimeoutError, InvalidResponseError, StreamInterruptedError

CLOSING_TIME = 0.25
"""Seconds that the end of the response may take after `[DONE]`. Read to its end, its connection can be used again."""

_SHORT_GRACE = 1.0
"""Seconds. Where reads cannot be limited, a stream is read no further if no more than this would be waited."""

_MOST_HELD = 1000
"""How many events are held back at most while nothing of an answer came, so that memory is bounded."""

_NO_LIMIT = nullcontext()


class EventReader:
    """Turns the bytes of one event stream into JSON objects; an error among them is raised, never yielded.

    The end of a stream is the protocol's: `[DONE]`, or an event that completes the answer (`Request.stream_rules`).
    What the connection does afterwards does not matter. Until an event has something of an answer, events are held
    back, so that a stream without any has not begun, and its request can be sent again.

    Attributes:
        is_done: Whether no more bytes should be read.
        read_limit: The time limit on the next read.
    """

    def __init__(self, response: HTTPResponse, request: Request, timeout: float) -> None:
        """Start reading a stream in which at most `timeout` seconds may pass between two events."""
        self._request = request
        self._request_id = request_id_of(response)
        self._response = response
        self._reader = SSEReader()
        self._timeout = timeout
        # The seconds that were waited since an event that says something, without those that the consumer took.
        self._silence = 0.0
        self._waits_since = time.monotonic()
        self._held: list[Json] = []
        self._has_id = self._has_content = self._is_complete = self._is_refused = False
        self._grace = math.inf
        self.is_done = False
        self.read_limit: AbstractContextManager[None] = _NO_LIMIT

    @property
    def is_answered(self) -> bool:
        """Whether an answer arrived and the protocol says that it has ended, whatever the connection does."""
        has_ended = self._is_complete or self._reader.is_done
        return self._has_content and has_ended and not self._is_refused

    def feed(self, data: bytes) -> Iterator[Json]:
        """Yield the objects that more bytes complete; take them before the next bytes are fed.

        The first object of a stream has the request id of the response's headers, unless it has one of its own.

        Raises:
            APITimeoutError: Bytes arrive, such as comments that keep the connection alive, but for too long no object
                that says something.
        """
        self._silence += time.monotonic() - self._waits_since
        yield from self._objects(self._reader.feed(data))
        if self._reader.is_done:
            self._expect_end_within(CLOSING_TIME)
        elif self._silence > self._timeout:
            raise APITimeoutError(
                f"No event with a part of an answer arrived for {self._timeout:g} seconds, though the connection is "
                "alive. Raise `timeout`, or check the gateway in between.",
                request_id=self._request_id,
                **self._request.error_context,
            )
        self._waits_since = time.monotonic()

    def end(self, *, failed: bool = False) -> Iterator[Json]:
        """Yield what is left once no more bytes are read.

        After `[DONE]` without an event that completes the answer, the last object says that the answer is partial.

        Args:
            failed: Whether an exception ended the stream. The caller raises it again unless the answer is complete.

        Raises:
            StreamInterruptedError: The stream had nothing of an answer, or ended inside an event. With `failed`, it is
                raised only if the time limit after the last event has passed.
        """
        if self._is_refused:
            return
        failed = failed and not self._has_waited_for_end
        try:
            yield from self._objects(self._reader.end())
        except (StreamInterruptedError, InvalidResponseError):
            if not (failed or self.is_answered):
                raise
        if not self._has_content and not failed:
            raise StreamInterruptedError(
                "The stream ended before anything of an answer arrived: no text, reasoning, tool call or usage.",
                request_id=self._request_id,
                **self._request.error_context,
            )
        if self.is_answered and not self._is_complete:
            yield {PARTIAL: True}

    @property
    def _has_waited_for_end(self) -> bool:
        """Whether the time limit for more events after the last one has passed."""
        return isinstance(self.read_limit, ReadLimit) and self.read_limit.is_over

    def _expect_end_within(self, seconds: float) -> None:
        is_limited = has_limited_reads(self._response)
        if seconds < self._grace and (seconds <= _SHORT_GRACE or is_limited):
            self._grace, self.read_limit = seconds, ReadLimit(seconds)
            self.is_done = not is_limited

    def _objects(self, events: Iterator[Event]) -> Iterator[Json]:
        try:
            for event in events:
                if (failure := read_failure(event.data, failed=event.failed)) or event.failed:
                    self._is_refused = True
                    raise error_for(
                        failure or {},
                        status_code=event.status_code,
                        model=self._request.model,
                        destination=self._request.destination,
                        request_id=self._request_id,
                    )
                yield from self._release(event.data)
        except TruncatedStreamError as error:
            raise StreamInterruptedError(
                str(error), request_id=self._request_id, **self._request.error_context
            ) from error
        except MalformedStreamError as error:
            raise invalid_response_error(str(error), self._request_id, self._request) from error

    def _release(self, event: Json) -> Sequence[Json]:
        """Return the events to pass on: this one and those held back before it; none while there is no answer."""
        rules = self._request.stream_rules
        says_something, grace = (bool(event), None) if rules is None else rules.classify(event)
        if says_something:
            self._silence = 0.0
        if grace is not None:
            self._is_complete = True
            self._expect_end_within(grace)
        if not self._has_id:
            event.setdefault("request_id", self._request_id)
            self._has_id = True
        if self._has_content:
            return (event,)
        self._held.append(event)
        if rules is not None and not says_something and len(self._held) <= _MOST_HELD:
            return ()
        self._has_content = True
        held, self._held = self._held, []
        return held
