"""Prints how a call ends after each fault, on each protocol in each way of calling: `python -m tests.errors.faults`.

With `--expected` it prints what the tests expect instead, which is `docs/about/faults.md`.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping

from langchain_qwen_workspace._transports import _retry_policy
from tests.errors.faults._cells import call, cells
from tests.errors.faults._raw import RawServer
from tests.errors.faults._table import FAULTS
from tests.support.protocols import STUBS
from tests.support.ways import WAYS

_HEADING = """\
# How a call ends after a fault

For each fault of the connection or the server, the tables show the answer or error that ends the call, and how many
requests were sent.
It is the same with `protocol="openai"` and `protocol="dashscope"`, in synchronous and asynchronous calls. The calls
have `max_retries=1`, so "2 sent" means that the request was retried. "After “Hello”" means that this text had arrived;
it is in the error's `partial_message`. "-" means that the fault cannot occur there.

`python -m tests.errors.faults --expected` writes this page. The tests cause each fault and compare how the call ends,
every night on each protocol in each way of calling.

"""


def expected_table() -> str:
    """Return the document: what the table of faults says."""
    rows: dict[str, dict[str, str]] = {}
    for fault in FAULTS:
        row = rows.setdefault(fault.name, {})
        for streamed, column in ((False, "`invoke`"), (True, "`stream`")):
            if fault.reply(streamed=streamed):
                row[column] = str(fault.ends)
    return _HEADING + _table(("`invoke`", "`stream`"), rows.items())


def observed_table() -> str:
    """Cause every fault, and return how the calls ended."""
    rows: dict[str, dict[str, str]] = {}
    with RawServer() as server, asyncio.Runner() as runner:
        for cell in cells():
            outcome, _ = call(cell, server, runner)
            rows.setdefault(cell.fault.name, {})[f"{cell.stub.protocol} {cell.way}"] = str(outcome)
    return _table([f"{stub.protocol} {way}" for stub in STUBS for way in WAYS], rows.items())


def _table(columns: Iterable[str], rows: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    columns = list(columns)
    lines = [("fault", *columns), ("---",) * (1 + len(columns))]
    lines += [(name, *(row.get(column, "-") for column in columns)) for name, row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    _retry_policy.FIRST_PAUSE = 0.001
    sys.stdout.write(expected_table() if "--expected" in sys.argv else observed_table())
