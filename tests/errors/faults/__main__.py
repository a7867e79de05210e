"""Prints what comes of every fault on each protocol, in each way of calling: `python -m tests.errors.faults`.

With `--expected` what the tests hold it to instead, which is `docs/about/faults.md`.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby

from langchain_qwen_workspace._transports import _retry_policy
from tests.errors.faults._cells import WAYS, cells, observed
from tests.errors.faults._raw import RawServer
from tests.errors.faults._table import FAULTS, KINDS
from tests.support.protocols import STUBS

_EXPECTED = """\
# What comes of a fault

The same on both protocols, and with and without `async`; with `max_retries=1`, so that what is sent again is sent
twice. What was delivered before an error is in its `partial_message`, too. Written by `python -m tests.errors.faults
--expected`; the tests make each fault happen on each protocol in each way of calling, and compare.

"""


def expected() -> str:
    """Return the document: what the table of faults says."""
    rows: dict[str, dict[str, str]] = {}
    for fault in FAULTS:
        # The class of an error goes by the status, whatever the body is, as long as it says nothing that is known.
        status, _, what = fault.name.partition(" with ")
        row = rows.setdefault(
            f"HTTP {status}" if what and status.isdigit() and int(status) in KINDS else fault.name, {}
        )
        for streamed, column in ((False, "`invoke`"), (True, "`stream`")):
            if fault.reply(streamed=streamed):
                row[column] = str(fault.ends)
    return _EXPECTED + _table(("`invoke`", "`stream`"), rows.items())


def seen() -> str:
    """Let everything go wrong, and return what came of it."""
    with RawServer() as server, asyncio.Runner() as runner:
        rows = [
            (name, {f"{stub.protocol} {way}": str(observed((fault, stub, way), server, runner)[0])})
            for name, some in groupby(cells(), lambda cell: cell[0].name)
            for fault, stub, way in some
        ]
    merged: dict[str, dict[str, str]] = {}
    for name, row in rows:
        merged.setdefault(name, {}).update(row)
    return _table([f"{stub.protocol} {way}" for stub in STUBS for way in WAYS], merged.items())


def _table(columns: Iterable[str], rows: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    columns = list(columns)
    lines = [("fault", *columns), ("---",) * (1 + len(columns))]
    lines += [(name, *(row.get(column, "-") for column in columns)) for name, row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    _retry_policy.FIRST_PAUSE = 0.001
    sys.stdout.write(expected() if "--expected" in sys.argv else seen())
