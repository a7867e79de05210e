"""Reads server-sent events (SSE) as Model Studio writes them: JSON objects, and the status of errors among them.

Neither SDK's own reader is used. Recorded streams of the dashscope protocol have frames without the blank line that
ends a frame, also as the last one; the SDKs' readers join such frames, and lose the last one. And the service writes
the status of an error into a comment line (`:HTTP_STATUS/400`), which they skip.
"""

import codecs
from collections.abc import Iterator
from typing import Any, NamedTuple

from langchain_qwen_workspace._redaction import excerpt
from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._transports._json import parse_json

_STATUS = b":HTTP_STATUS/"
_DONE = b"[DONE]"
_LONGEST_END_MARK = 32
_STATUS_DIGITS = 3
_ERROR_STATUS = 400
_LONGEST_EARLY = 4096
_SHOWN = 200
_NOT_JSON = object()
_NOT_AN_OBJECT = "A frame of the stream is not a JSON object"


class Event(NamedTuple):
    """One object of a stream.

    Attributes:
        data: The object.
        status_code: The status that the frame states, `None` if it states none.
        failed: Whether the frame states that it is an error.
    """

    data: Json
    status_code: int | None
    failed: bool


class MalformedStreamError(ValueError):
    """A frame's data is not a JSON object."""


class TruncatedStreamError(MalformedStreamError):
    """The stream ended inside an object."""


class SSEReader:
    """Turns bytes into events, however the bytes are split."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._pending: list[bytes] = []
        self._status_code: int | None = None
        self._named_error = False
        self._skips_line_feed = False
        self.is_done = False
        """Whether the stream's own end mark, `[DONE]`, arrived. What follows it is not read."""

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that some more bytes complete."""
        if b"\r" in data or self._skips_line_feed:
            data = self._with_line_feeds(data)
        # Only the new bytes are searched, so that a line in many pieces takes a time linear in its length.
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest + lines[0])
            self._rest.clear()
        self._rest += rest
        for line in lines:
            if self.is_done:
                return
            if (event := self._line(line)) is not None:
                yield event
        # The last line may never end, if the server keeps the connection open.
        if not self._rest:
            return
        if _is_end_mark(self._rest):
            self.is_done = True
        elif (event := self._whole_object()) is not None:
            yield event

    def end(self) -> Iterator[Event]:
        """Yield the events that the end of the stream completes.

        Raises:
            TruncatedStreamError: The stream ended inside an object.
        """
        rest, self._rest = bytes(self._rest), bytearray()
        if self.is_done:
            return
        if rest and (event := self._line(rest)) is not None:
            yield event
        if self._pending:
            yield self._join_lines(TruncatedStreamError, "The stream ended inside a frame")

    def _whole_object(self) -> Event | None:
        """Return the event of a line that has not ended but has a whole object; the rest of its line can be blank only.

        Longer lines are not tried, since the time would be quadratic in their length if they came in small pieces.
        """
        line = self._rest
        if self._pending or len(line) > _LONGEST_EARLY or not line.endswith(b"}") or not line.startswith(b"data:"):
            return None
        data = bytes(line[5:]).strip()
        if not isinstance(found := _parse(data), dict):
            return None
        self._rest.clear()
        return self._event(found, data)

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Return bytes whose lines end with a line feed. The standard also allows CR LF and CR, and JSON escapes CR."""
        if not data:
            return data
        if self._skips_line_feed:
            data = data.removeprefix(b"\n")
        self._skips_line_feed = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes) -> Event | None:
        """Return the event that a line completes, if it completes one."""
        if line.startswith(b"data:"):
            return self._data(line[5:].strip())
        if not line:
            event = self._join_lines(MalformedStreamError, _NOT_AN_OBJECT) if self._pending else None
            self._status_code, self._named_error = None, False
            return event
        if line.startswith(_STATUS):
            digits = line[len(_STATUS) :].strip()
            self._status_code = int(digits) if digits.isdigit() and len(digits) == _STATUS_DIGITS else None
        elif line.startswith(b"event:"):
            self._named_error = line[6:].strip() == b"error"
        elif line.startswith(codecs.BOM_UTF8):
            return self._line(_without_marks(line))
        return None

    def _data(self, data: bytes) -> Event | None:
        if data == _DONE:
            self.is_done = True
            return self._join_lines(MalformedStreamError, _NOT_AN_OBJECT) if self._pending else None
        if not (data or self._pending):
            return None
        if self._pending or (found := _parse(data)) is _NOT_JSON:
            # A frame may spread an object over several data lines; Model Studio writes a single line.
            self._pending.append(data)
            return None
        return self._event(found, data)

    def _join_lines(self, error: type[MalformedStreamError], what: str) -> Event:
        """Return the object that a frame spreads over several lines. Parsing after each line would be quadratic."""
        text, self._pending = b"\n".join(self._pending), []
        found = _parse(text)
        if found is _NOT_JSON:
            raise error(f"{what}: {excerpt(text, _SHOWN)!r}")
        return self._event(found, text)

    def _event(self, found: Any, text: bytes) -> Event:
        if not isinstance(found, dict):
            raise MalformedStreamError(f"{_NOT_AN_OBJECT}: {excerpt(text, _SHOWN)!r}")
        status_code = self._status_code
        return Event(
            found, status_code, self._named_error or (status_code is not None and status_code >= _ERROR_STATUS)
        )


def _without_marks(line: bytes) -> bytes:
    """Return a line without byte order marks before it: gateways join frames that each have one."""
    while line.startswith(codecs.BOM_UTF8):
        line = line.removeprefix(codecs.BOM_UTF8)
    return line


def _is_end_mark(line: bytearray) -> bool:
    if len(line) > _LONGEST_END_MARK:
        return False
    mark = _without_marks(bytes(line))
    return mark.startswith(b"data:") and mark[5:].strip() == _DONE


def _parse(text: bytes) -> Any:
    try:
        return parse_json(text)
    except RecursionError:
        raise MalformedStreamError("A frame of the stream is nested too deeply.") from None
    except ValueError:
        return _NOT_JSON
