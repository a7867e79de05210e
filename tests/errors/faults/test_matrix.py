"""Every fault, on both protocols and in all four ways of calling: class, requests, what was delivered, in time."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.errors.faults.__main__ import expected
from tests.errors.faults._cells import Cell, cells, observed
from tests.errors.faults._raw import RawServer
from tests.errors.faults._table import IMPATIENT

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module")
def raw_server() -> Iterator[RawServer]:
    with RawServer() as started:
        yield started


def _id(cell: Cell) -> str:
    fault, stub, way = cell
    return f"{fault.name}-{stub.protocol}-{way}"


@pytest.mark.parametrize("cell", list(cells()), ids=_id)
def test_a_cell(cell: Cell, raw_server: RawServer, runner: asyncio.Runner) -> None:
    fault, stub, _ = cell
    began = time.monotonic()
    outcome, error = observed(cell, raw_server, runner)
    if outcome != fault.ends and fault.timeout == IMPATIENT:
        # Connecting has no more time than the server's silence, which may be too little on a busy machine.
        outcome, error = observed(cell, raw_server, runner, 20.0)
    assert outcome == fault.ends
    assert time.monotonic() - began < 60
    if error is not None:
        assert (error.model, error.protocol, error.workspace_id) == ("qwen-plus", stub.protocol, "ws-test")
        partial = error.partial_message
        assert (partial.text if partial else "") == outcome.text
        assert error.message
        assert "sk-test" not in str(error)


def test_the_document_is_what_is_tested() -> None:
    assert Path("docs/about/faults.md").read_text("utf-8") == expected()
