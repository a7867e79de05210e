"""The Batch API's methods end after `total_timeout`, and the lists of a workspace's models after a fixed time."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from langchain_qwen_workspace import APITimeoutError, ChatQwenWorkspace, QwenWorkspace, QwenWorkspaceBatch
from langchain_qwen_workspace._workspace import management
from langchain_qwen_workspace.batch_jobs import BatchStatus
from tests.errors.faults._raw import RawServer, head

TOTAL = 0.5
LONG = 60.0

ENDED = BatchStatus("batch_1", "completed", 1, 1, 0, (), {"output_file_id": "file-1"})


@pytest.fixture(scope="module")
def dripping() -> Iterator[str]:
    """Return the URL of a server whose bodies drip: each byte long before `timeout`, and no end before `LONG`."""
    start = head(200, "content-type: application/json", "content-length: 1000000")
    with RawServer() as server:
        server.expect(lambda _: tuple(chain([start, b"{"], *repeat((b" ", 0.02), int(LONG / 0.02)))))
        yield server.url


def create(batch: QwenWorkspaceBatch[Any]) -> object:
    return batch._create(batch._request("/batches", {"input_file_id": "file-1"}))


BATCH_CALLS: dict[str, Callable[[QwenWorkspaceBatch[Any]], object]] = {
    "upload": lambda batch: batch.submit(["Hi"]),
    "create": create,
    "status": lambda batch: batch.status("batch_1"),
    "wait": lambda batch: batch.wait("batch_1"),
    "cancel": lambda batch: batch.cancel("batch_1"),
    "find": lambda batch: batch.find("nightly"),
    "results": lambda batch: list(batch._iter_results(ENDED)),
}


@pytest.mark.parametrize("call", BATCH_CALLS.values(), ids=BATCH_CALLS)
def test_a_request_of_a_batch_ends_after_the_total_timeout(
    dripping: str, call: Callable[[QwenWorkspaceBatch[Any]], object]
) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", api_key="sk-a", base_url=dripping, total_timeout=TOTAL)
    with pytest.raises(APITimeoutError, match=r"0\.5 seconds, the limit that `total_timeout` sets"):
        call(QwenWorkspaceBatch(llm))


def read_async(list_: Callable[[QwenWorkspace], Any]) -> Callable[[QwenWorkspace], object]:
    return lambda workspace: asyncio.run(list_(workspace))


LISTS: dict[str, Callable[[QwenWorkspace], object]] = {
    "permitted_models": QwenWorkspace.permitted_models,
    "limits": QwenWorkspace.limits,
    "apermitted_models": read_async(QwenWorkspace.apermitted_models),
    "alimits": read_async(QwenWorkspace.alimits),
}


@pytest.mark.parametrize("read", LISTS.values(), ids=LISTS)
def test_a_list_of_models_ends_after_a_fixed_time(
    dripping: str, read: Callable[[QwenWorkspace], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(management, "TOTAL_TIMEOUT", TOTAL)
    workspace = QwenWorkspace(api_key="sk-a", base_url=dripping)
    with pytest.raises(APITimeoutError, match=r"not complete after 0\.5 seconds\."):
        read(workspace)
