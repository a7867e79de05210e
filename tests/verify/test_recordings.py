"""Recordings are read in every way of calling as they were read when they were made.

`make recordings FILE=…` adds one. The one that is here was made of the sandbox, by `qwen-workspace verify
--against-sandbox`, and is no evidence of what the service does.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspace
from langchain_qwen_workspace._verify.anonymize import Anonymizer
from langchain_qwen_workspace._verify.playback import describe_message, is_streamed, protocol_of
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace._verify.recording import read_recording
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError
from tests.support.ways import WAYS, Way, ask_by
from tests.verify.conftest import Opened
from tests.verify.support import record, run_checks

RECORDINGS = sorted((Path(__file__).parent.parent / "recordings").glob("*.jsonl"))


def play(exchange: Exchange, way: Way, runner: asyncio.Runner) -> dict[str, Any]:
    """Return what a model reads whose server answers with a recorded response."""

    def answer(_: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in exchange.headers.items() if name != "content-encoding"}
        return httpx.Response(exchange.status, headers=headers, content=exchange.text.encode())

    transport = httpx.MockTransport(answer)
    with warnings.catch_warnings(), httpx.Client(transport=transport) as client:
        warnings.simplefilter("ignore")
        llm = ChatQwenWorkspace(
            model=exchange.request_body["model"],
            protocol=protocol_of(exchange),  # type: ignore[arg-type]  # the recorded name
            workspace=QwenWorkspace(api_key="sk-recorded", workspace_id="llm-recorded", region="cn-beijing"),
            check_capabilities=False,
            streaming=is_streamed(exchange),
            max_retries=0,
            http_client=client,
            http_async_client=httpx.AsyncClient(transport=transport),
        )
        try:
            return describe_message(ask_by(way, llm, runner))
        except QwenWorkspaceError as error:
            return {"error": type(error).__name__}


def chat_answers(path: Path) -> Iterator[tuple[Exchange, dict[str, Any]]]:
    for exchange, read in read_recording(path):
        if read is not None:
            yield exchange, read


def differences(path: Path, way: Way, runner: asyncio.Runner) -> list[Any]:
    """Return what a way of calling reads otherwise; a whole answer is not played as a stream."""
    return [
        (exchange.check, found, read)
        for exchange, read in chat_answers(path)
        if is_streamed(exchange) or "invoke" in way
        if (found := play(exchange, way, runner)) != read
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", RECORDINGS, ids=[path.stem for path in RECORDINGS])
def test_every_way_of_calling_reads_a_recording_as_recorded(path: Path, way: Way, runner: asyncio.Runner) -> None:
    assert differences(path, way, runner) == []


@pytest.mark.parametrize("path", RECORDINGS, ids=[path.stem for path in RECORDINGS])
def test_a_recording_has_answers_of_every_protocol(path: Path) -> None:
    assert {protocol_of(exchange) for exchange, _ in chat_answers(path)} == {"openai", "dashscope", "responses"}


@pytest.mark.parametrize("path", RECORDINGS, ids=[path.stem for path in RECORDINGS])
def test_a_recording_identifies_no_one(path: Path) -> None:
    Anonymizer().check(path.read_text(encoding="utf-8"))


def test_a_new_recording_is_read_as_recorded(opened: Opened, tmp_path: Path, runner: asyncio.Runner) -> None:
    path = tmp_path / "new.jsonl"
    with record(path, opened.workspace) as write:
        run_checks(opened.workspace, ["chat, openai"], write=write, transport=opened.service)
    assert differences(path, "astream", runner) == []


def test_an_answer_that_is_read_otherwise_is_found(tmp_path: Path, runner: asyncio.Runner) -> None:
    path = tmp_path / "changed.jsonl"
    changed = RECORDINGS[0].read_text(encoding="utf-8").replace('"finish_reason": "stop"', '"finish_reason": "end"', 1)
    path.write_text(changed, encoding="utf-8")
    assert len(differences(path, "invoke", runner)) == 1


@pytest.mark.parametrize("line", ["{", "[]", '{"unknown": 1}', "7"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "malformed.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line 1 is not a recorded exchange"):
        list(read_recording(path))
