"""Event streams as Model Studio writes them: the objects in them, and the status of the errors among them.

Both SDKs have a reader of their own, and neither is used. Recorded native streams have frames without the blank
line that ends a frame, also as the last one; the readers join the former and lose the latter. And the status of an
error is told in a comment line (`:HTTP_STATUS/400`), which they skip.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from langchain_qwen_workspace._seam import Json
from langchain_qwen_workspace._transports._json import parsed

_STATUS = b":HTTP_STATUS/"
_DONE = b"[DONE]"
_BLANK = (b"", b"\r")
_STATUS_DIGITS = 3
_ERROR_STATUS = 400
_SHOWN = 200
_NO_JSON = object()
_NO_OBJECT = "A frame of the stream is not a JSON object"


class Event(NamedTuple):
    """One object of a stream.

    Attributes:
        data: The object.
        status_code: The status that the frame names, `None` if it names none.
        failed: Whether the frame says of itself that it is an error.
    """

    data: Json
    status_code: int | None
    failed: bool


class MalformedStreamError(ValueError):
    """A frame's data is not a JSON object."""


class CutStreamError(MalformedStreamError):
    """The stream ended inside an object."""


class SSEReader:
    """Bytes in, events out, wherever the bytes are cut."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._pending: list[bytes] = []
        self._status_code: int | None = None
        self._named_error = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that some more bytes complete."""
        # Only what is new is searched, so that a line that comes in many pieces takes a time linear in its length.
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest + lines[0])
            self._rest.clear()
        self._rest += rest
        for line in lines:
            if (event := self._line(line)) is not None:
                yield event

    def end(self) -> Iterator[Event]:
        """Yield what the last bytes complete, once there are no more.

        Raises:
            CutStreamError: The stream ended inside an object.
        """
        rest, self._rest = bytes(self._rest), bytearray()
        if rest and (event := self._line(rest)) is not None:
            yield event
        if self._pending:
            yield self._spread(CutStreamError, "The stream ended inside a frame")

    def _line(self, line: bytes) -> Event | None:
        """Return the event that a line completes, if it completes one."""
        if line.startswith(b"data:"):
            return self._data(line[5:].strip())
        if line in _BLANK:
            event = self._spread(MalformedStreamError, _NO_OBJECT) if self._pending else None
            self._status_code, self._named_error = None, False
            return event
        if line.startswith(_STATUS):
            digits = line[len(_STATUS) :].strip()
            self._status_code = int(digits) if digits.isdigit() and len(digits) == _STATUS_DIGITS else None
        elif line.startswith(b"event:"):
            self._named_error = line[6:].strip() == b"error"
        return None

    def _data(self, data: bytes) -> Event | None:
        if data == _DONE or not (data or self._pending):
            return None
        if self._pending or (found := _found(data)) is _NO_JSON:
            # A frame may spread an object over several data lines; Model Studio writes one line.
            self._pending.append(data)
            return None
        return self._event(found, data)

    def _spread(self, error: type[MalformedStreamError], what: str) -> Event:
        """Return the object that several data lines are, at the frame's end: trying after each line is quadratic."""
        text, self._pending = b"\n".join(self._pending), []
        found = _found(text)
        if found is _NO_JSON:
            raise error(f"{what}: {text[:_SHOWN]!r}")
        return self._event(found, text)

    def _event(self, found: Any, text: bytes) -> Event:
        if not isinstance(found, dict):
            raise MalformedStreamError(f"{_NO_OBJECT}: {text[:_SHOWN]!r}")
        status_code = self._status_code
        return Event(
            found, status_code, self._named_error or (status_code is not None and status_code >= _ERROR_STATUS)
        )


def _found(text: bytes) -> Any:
    try:
        return parsed(text)
    except RecursionError:
        raise MalformedStreamError("A frame of the stream is nested too deeply.") from None
    except ValueError:
        return _NO_JSON
