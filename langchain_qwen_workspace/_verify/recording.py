"""The recording of a verification: a JSON line for each exchange, without anything that identifies anyone."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from langchain_qwen_workspace._verify.anonymize import Anonymizer, replace_in
from langchain_qwen_workspace._verify.playback import read_exchange
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace.errors import ConfigurationError

_VERSION = 1
_FIELDS = frozenset(Exchange.__dataclass_fields__)


class RecordingWriter:
    """Appends exchanges to a file, each as soon as it has ended.

    Args:
        file: The file, opened for writing.
        anonymizer: Replaces what identifies anyone.
    """

    def __init__(self, file: TextIO, anonymizer: Anonymizer) -> None:
        self._file = file
        self._anonymizer = anonymizer
        self.number = 0

    def write(self, exchange: Exchange) -> None:
        """Append an exchange as one line.

        Raises:
            LeftoverError: Something in it may identify someone; nothing was written.
        """
        clean = anonymize_exchange(exchange, self._anonymizer)
        line = json.dumps(
            {"version": _VERSION, **asdict(clean), "read": read_exchange(clean)}, ensure_ascii=False, sort_keys=False
        )
        self._anonymizer.check(line)
        self._file.write(line + "\n")
        self._file.flush()
        self.number += 1


def anonymize_exchange(exchange: Exchange, anonymizer: Anonymizer) -> Exchange:
    """Return an exchange with every identifying text replaced.

    Raises:
        LeftoverError: A second search still finds one.
    """
    return Exchange(**replace_in(asdict(exchange), anonymizer))


def read_recording(path: Path) -> Iterator[tuple[Exchange, dict[str, Any] | None]]:
    """Yield the exchanges of a recording, each with what was read from it.

    Raises:
        ConfigurationError: A line is malformed.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            data = json.loads(line)
            exchange = Exchange(**{name: value for name, value in data.items() if name in _FIELDS})
            exchange.header_names = tuple(exchange.header_names)
        except (ValueError, TypeError, AttributeError):
            raise ConfigurationError(
                f"{path}: line {number} is not a recorded exchange. Expected a line that `qwen-workspace verify` wrote."
            ) from None
        yield exchange, data.get("read")
