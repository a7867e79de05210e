"""Every fault, on both protocols and in the four ways of calling: the error, the requests and the text before it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.errors.faults.__main__ import expected_table
from tests.errors.faults._cells import Cell, call, cells
from tests.errors.faults._raw import RawServer
from tests.errors.faults._table import SHORT_TIMEOUT

pytestmark = pytest.mark.usefixtures("no_retry_pause")

CELLS = [pytest.param(cell, marks=pytest.mark.nightly if cell.is_nightly else (), id=str(cell)) for cell in cells()]


@pytest.fixture(scope="module")
def raw_server() -> Iterator[RawServer]:
    with RawServer() as started:
        yield started


@pytest.mark.parametrize("cell", CELLS)
def test_a_call_ends_as_the_table_says(cell: Cell, raw_server: RawServer, runner: asyncio.Runner) -> None:
    fault = cell.fault
    began = time.monotonic()
    outcome, error = call(cell, raw_server, runner)
    if outcome != fault.ends and fault.timeout == SHORT_TIMEOUT:
        # The timeout is also that of connecting, for which it may be too short on a busy machine.
        outcome, error = call(cell, raw_server, runner, 20.0)
    assert outcome == fault.ends
    assert time.monotonic() - began < 60
    if error is not None:
        assert (error.model, error.protocol, error.workspace_id) == ("qwen-plus", cell.stub.protocol, "ws-test")
        partial = error.partial_message
        assert (partial.text if partial else "") == outcome.text
        assert error.message
        assert "sk-test" not in str(error)


def test_the_document_is_up_to_date() -> None:
    assert Path("docs/about/faults.md").read_text("utf-8") == expected_table()
