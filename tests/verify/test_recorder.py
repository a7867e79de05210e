"""What the recording clients record, sync and async, whole and streamed, and when something goes wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from langchain_qwen_workspace import ChatQwenWorkspace
from langchain_qwen_workspace._protocol_names import ProtocolName
from langchain_qwen_workspace._verify.budget import BudgetError
from langchain_qwen_workspace._verify.recorder import AsyncRecordingClient, Exchange, Recorder, RecordingClient
from langchain_qwen_workspace._verify.recording import read_recording
from langchain_qwen_workspace.errors import QwenWorkspaceError
from tests.support.ways import Way, ask_by
from tests.verify.conftest import Opened
from tests.verify.support import make_budget

CHAT = {"model": "qwen-flash", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
def recorder(exchanges: list[Exchange]) -> Recorder:
    return Recorder(make_budget(), exchanges.append)


class MakeRecorded(Protocol):
    def __call__(self, recorder: Recorder, protocol: ProtocolName) -> ChatQwenWorkspace: ...


@pytest.fixture
def make_recorded(opened: Opened, runner: asyncio.Runner) -> Iterator[MakeRecorded]:
    with ExitStack() as clients:

        def make(recorder: Recorder, protocol: ProtocolName) -> ChatQwenWorkspace:
            async_client = AsyncRecordingClient(recorder)
            clients.callback(lambda: runner.run(async_client.aclose()))
            return ChatQwenWorkspace(
                model="qwen-flash",
                protocol=protocol,
                workspace=opened.workspace,
                max_tokens=20,
                max_retries=0,
                check_capabilities=False,
                http_client=clients.enter_context(RecordingClient(recorder)),
                http_async_client=async_client,
            )

        yield make


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_way_of_calling_is_recorded(
    make_recorded: MakeRecorded, exchanges: list[Exchange], protocol: ProtocolName, way: Way, runner: asyncio.Runner
) -> None:
    recorder = Recorder(make_budget(), exchanges.append)
    ask_by(way, make_recorded(recorder, protocol), runner)
    assert [(exchange.status, exchange.is_complete, exchange.error) for exchange in exchanges] == [(200, True, None)]
    assert 0 < recorder.budget.spent < recorder.budget.worst_case(CHAT)


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream"])
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


def test_a_request_above_the_budget_is_not_sent_in_any_way(
    make_recorded: MakeRecorded, exchanges: list[Exchange], way: Way, runner: asyncio.Runner
) -> None:
    recorder = Recorder(make_budget("0"), exchanges.append)
    with pytest.raises(QwenWorkspaceError):
        ask_by(way, make_recorded(recorder, "openai"), runner)
    assert (exchanges, isinstance(recorder.refusal, BudgetError)) == ([], True)


class _Dropping(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        raise httpx.ReadError("The network is gone.")


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, answer: Callable[[], httpx.Response]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = self._answer()
        response.request = request
        return response


def _refuse_connection() -> httpx.Response:
    raise httpx.ConnectError("The network is gone.")


@pytest.mark.parametrize(
    ("answer", "recorded"),
    [
        (_refuse_connection, (0, "", "ConnectError")),
        (lambda: httpx.Response(200, stream=_Dropping([])), (200, "", "ReadError")),
        (lambda: httpx.Response(200, stream=_Dropping([b"half"])), (200, "half", "ReadError")),
    ],
)
async def test_a_dropped_network_is_recorded_in_asynchronous_calls(
    recorder: Recorder, exchanges: list[Exchange], answer: Callable[[], httpx.Response], recorded: tuple[int, str, str]
) -> None:
    async with AsyncRecordingClient(recorder, transport=_AsyncTransport(answer)) as client:
        with pytest.raises(httpx.TransportError):
            await client.post("https://example.com/x", json=CHAT)
    assert [(exchange.status, exchange.text, exchange.error) for exchange in exchanges] == [recorded]


async def test_the_rest_of_a_stream_that_is_closed_early_is_recorded_in_asynchronous_calls(
    opened: Opened, recorder: Recorder, exchanges: list[Exchange]
) -> None:
    url = f"{opened.sandbox.base_url}/compatible-mode/v1/chat/completions"
    headers = {"Authorization": f"Bearer {opened.workspace._key_for('openai')}"}
    async with (
        AsyncRecordingClient(recorder) as client,
        client.stream("POST", url, json={**CHAT, "stream": True}, headers=headers) as response,
    ):
        async for _ in response.aiter_bytes():
            break
    assert (exchanges[0].is_complete, "[DONE]" in exchanges[0].text) == (True, True)


def test_the_rest_of_a_stream_that_is_closed_early_is_recorded(
    opened: Opened, recorder: Recorder, exchanges: list[Exchange]
) -> None:
    url = f"{opened.sandbox.base_url}/compatible-mode/v1/chat/completions"
    headers = {"Authorization": f"Bearer {opened.workspace._key_for('openai')}"}
    with (
        RecordingClient(recorder) as client,
        client.stream("POST", url, json={**CHAT, "stream": True}, headers=headers) as response,
    ):
        for _ in response.iter_bytes():
            break
    assert (exchanges[0].is_complete, "[DONE]" in exchanges[0].text) == (True, True)


def test_the_key_is_not_in_a_recorded_exchange(
    opened: Opened, make_recorded: MakeRecorded, recorder: Recorder, exchanges: list[Exchange]
) -> None:
    make_recorded(recorder, "dashscope").invoke("Hi")
    assert opened.workspace._key_for("openai") not in repr(exchanges)


def test_the_live_suite_runs_within_the_budget_and_is_recorded(opened: Opened, tmp_path: Path) -> None:
    """Against the sandbox; `-m live` with a key runs the whole suite against the service."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "live",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "tests/live/test_standard_live.py::TestOpenAILive",
    ]
    env = {
        "PATH": "/usr/bin:/bin",
        "DASHSCOPE_API_KEY": opened.workspace._key_for("openai"),
        "DASHSCOPE_WORKSPACE": "llm-verified",
        "DASHSCOPE_REGION": "beijing",
        "DASHSCOPE_BASE_URL": opened.sandbox.base_url,
        "VERIFY_BUDGET": "CNY 2",
        "VERIFY_FOLDER": str(tmp_path),
    }
    found = subprocess.run(  # noqa: S603 - our own command
        [*command, "-k", "test_ainvoke or test_tool_calling_async"],
        capture_output=True,
        text=True,
        env=env,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
    )
    (recording,) = tmp_path.glob("*.jsonl")
    assert (found.returncode, found.stderr) == (0, "")
    assert {exchange.status for exchange, _ in read_recording(recording)} == {200}
