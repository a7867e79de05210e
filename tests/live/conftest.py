"""The budget and the recording of the live tests.

`DASHSCOPE_API_KEY` and the other variables of the package say what is called, `VERIFY_BUDGET` (`CNY 10`) what may be
spent, and `VERIFY_FOLDER` where the recording is written (by default the current folder).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from langchain_qwen_workspace import QwenWorkspace
from langchain_qwen_workspace._verify.budget import Budget, default_amount, parse_amount, read_prices
from langchain_qwen_workspace._verify.recorder import AsyncRecordingClient, Recorder, RecordingClient
from langchain_qwen_workspace._verify.recording import RecordingWriter
from langchain_qwen_workspace._verify.verification import anonymizer_for


@pytest.fixture(scope="session")
def live_workspace() -> QwenWorkspace:
    workspace = QwenWorkspace()
    if workspace.api_key is None:
        pytest.fail("The live tests need a key: set DASHSCOPE_API_KEY.", pytrace=False)
    return workspace


@pytest.fixture(scope="session")
def live_recorder(live_workspace: QwenWorkspace) -> Iterator[Recorder]:
    """Yield the recorder that all live tests share, and with it the budget."""
    given = os.environ.get("VERIFY_BUDGET")
    amount = parse_amount(given) if given else default_amount(live_workspace)
    budget = Budget(amount.value, read_prices(live_workspace, amount.currency), live_workspace.region)
    name = f"qwen-live-{datetime.now(UTC):%Y-%m-%d-%H%M%S}-{os.getpid()}.recording.jsonl"
    with (Path(os.environ.get("VERIFY_FOLDER", ".")) / name).open("x", encoding="utf-8") as file:
        yield Recorder(budget, RecordingWriter(file, anonymizer_for(live_workspace)).write)
    print(f"\nSpent: {budget.currency} {budget.spent} of {budget.limit}. Recorded: {name}")  # noqa: T201 - for who runs it


@pytest.fixture
def live_client(live_recorder: Recorder, request: pytest.FixtureRequest) -> Iterator[RecordingClient]:
    live_recorder.check = request.node.name
    with RecordingClient(live_recorder) as client:
        yield client


@pytest_asyncio.fixture
async def live_async_client(live_recorder: Recorder) -> AsyncIterator[AsyncRecordingClient]:
    async with AsyncRecordingClient(live_recorder) as client:
        yield client
