"""The Batch API from upload to results, with the raw SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import httpx
import openai
import pytest

from langchain_qwen_workspace.sandbox import Sandbox
from langchain_qwen_workspace.sandbox._batch_api import lines
from tests.sandbox.support import (
    openai_client_of,
    user,
)

_PATH = "/compatible-mode/v1/batches"
_CHAT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_TEST = "/v1/chat/ds-test"
# The fields of the recorded object in their order (2026-04).
_FIELDS = [
    "id",
    "object",
    "endpoint",
    "errors",
    "input_file_id",
    "completion_window",
    "status",
    "output_file_id",
    "error_file_id",
    "created_at",
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
    "request_counts",
    "metadata",
]


@pytest.fixture
def new_client(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[openai.OpenAI]:
    """Yield a client of a workspace without batches, which may call two models."""
    workspace = sandbox.add_workspace(request.node.name, models=["qwen-plus", "text-embedding-v4"])
    with openai_client_of(sandbox, workspace) as client:
        yield client


def _line(custom_id: str = "1", url: str = _CHAT, model: str = "qwen-plus", **body: Any) -> dict[str, Any]:
    content = body or {"messages": [user("Hello")]}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {"model": model, **content}}


def _upload(openai_client: openai.OpenAI, *lines: Any) -> str:
    content = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return openai_client.files.create(file=("in.jsonl", content.encode()), purpose="batch").id


def _start(openai_client: openai.OpenAI, *lines: Any, endpoint: Any = _CHAT, **more: Any) -> Any:
    file_id = _upload(openai_client, *lines)
    return openai_client.batches.create(input_file_id=file_id, endpoint=endpoint, completion_window="24h", **more)


def _finish(openai_client: openai.OpenAI, batch: Any) -> Any:
    while batch.status in ("validating", "in_progress", "finalizing", "cancelling"):
        batch = openai_client.batches.retrieve(batch.id)
    return batch


def _rows(openai_client: openai.OpenAI, file_id: str) -> list[Any]:
    rows = [json.loads(line) for line in openai_client.files.content(file_id).text.splitlines()]
    assert all(list(row) == ["id", "custom_id", "response", "error"] for row in rows)
    return rows


def _counts(batch: Any) -> tuple[int, int, int]:
    return batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed


# --- lifecycle --------------------------------------------------------------------------------------


def test_each_retrieval_moves_a_batch_to_its_next_state(openai_client: openai.OpenAI) -> None:
    batch = _start(openai_client, _line("1"), _line("2"), metadata={"ds_name": "测试任务"})
    assert re.fullmatch(r"batch_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", batch.id)
    seen = [(batch.status, _counts(batch), batch.output_file_id)]
    for _ in range(4):
        batch = openai_client.batches.retrieve(batch.id)
        seen.append((batch.status, _counts(batch), batch.output_file_id))
    assert seen == [
        ("validating", (0, 0, 0), None),
        ("in_progress", (2, 0, 0), None),
        ("finalizing", (2, 2, 0), None),
        ("completed", (2, 2, 0), batch.output_file_id),
        ("completed", (2, 2, 0), batch.output_file_id),
    ]
    assert re.fullmatch(r"file-batch_output-[0-9a-f]{24}", batch.output_file_id)
    assert batch.in_progress_at
    assert batch.finalizing_at
    assert batch.completed_at
    assert batch.error_file_id is batch.errors is batch.failed_at is batch.expires_at is None
    assert batch.metadata == {"ds_name": "测试任务"}


def test_objects_have_the_recorded_shape(openai_client: openai.OpenAI, http: httpx.Client) -> None:
    file_id = _upload(openai_client, _line())
    parameters = {"input_file_id": file_id, "endpoint": _CHAT, "completion_window": "14d"}
    made = http.post(_PATH, json=parameters).json()
    assert list(made) == _FIELDS
    assert made["metadata"] is None
    assert made["completion_window"] == "14d"
    assert made["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert list(http.get(f"{_PATH}/{made['id']}").json()) == _FIELDS
    assert list(http.post(f"{_PATH}/{made['id']}/cancel").json()) == _FIELDS
    listed = http.get(_PATH, params={"limit": 1}).json()
    assert list(listed) == ["object", "data", "first_id", "last_id", "has_more"]
    assert list(listed["data"][0]) == _FIELDS


def test_answered_lines_go_to_the_output_file(openai_client: openai.OpenAI) -> None:
    batch = _finish(openai_client, _start(openai_client, _line("a"), "", _line("b", messages=[user("What is 2+2?")])))
    first, second = _rows(openai_client, batch.output_file_id)
    assert [first["custom_id"], second["custom_id"]] == ["a", "b"]
    assert first["error"] is None
    assert list(first["response"]) == ["status_code", "request_id", "body"]
    assert (first["response"]["status_code"], first["response"]["request_id"]) == (200, first["id"])
    body = first["response"]["body"]
    assert body["id"] == f"chatcmpl-{first['id']}"
    assert (body["object"], body["model"]) == ("chat.completion", "qwen-plus")
    direct = openai_client.chat.completions.create(model="qwen-plus", messages=[user("What is 2+2?")])
    assert second["response"]["body"]["choices"][0]["message"]["content"] == direct.choices[0].message.content
    described = openai_client.files.retrieve(batch.output_file_id)
    assert (described.purpose, described.filename) == ("batch_output", f"{batch.id}_output.jsonl")


def test_refused_lines_go_to_the_error_file(openai_client: openai.OpenAI) -> None:
    wrong = [_line("w", temperature=5, messages=[user("x")]), _line("s", stream=True, messages=[user("x")])]
    batch = _finish(openai_client, _start(openai_client, *wrong, _line("good")))
    assert (batch.status, _counts(batch)) == ("completed", (3, 1, 2))
    (good,) = _rows(openai_client, batch.output_file_id)
    assert good["custom_id"] == "good"
    hot, streamed = _rows(openai_client, batch.error_file_id)
    assert (hot["custom_id"], hot["response"]["status_code"], hot["error"]) == ("w", 400, None)
    assert hot["response"]["body"]["error"]["code"] == "invalid_parameter_error"
    assert "'stream' is not supported" in streamed["response"]["body"]["error"]["message"]


def test_output_file_is_null_if_every_line_is_refused(new_client: openai.OpenAI) -> None:
    for model, status, code in (("qwen-max", 403, "Model.AccessDenied"), ("qwen-9", 404, "model_not_found")):
        batch = _finish(new_client, _start(new_client, _line(model=model)))
        assert (batch.status, batch.output_file_id) == ("completed", None)
        (row,) = _rows(new_client, batch.error_file_id)
        assert row["response"]["status_code"] == status
        assert row["response"]["body"]["error"]["code"] == code


def test_embeddings_run_in_batches(new_client: openai.OpenAI) -> None:
    line = _line(url="/v1/embeddings", model="text-embedding-v4", input="a cat", dimensions=64)
    batch = _finish(new_client, _start(new_client, line, endpoint="/v1/embeddings"))
    (row,) = _rows(new_client, batch.output_file_id)
    assert len(row["response"]["body"]["data"][0]["embedding"]) == 64


def test_the_batch_test_model_needs_no_permission_and_has_one_endpoint(new_client: openai.OpenAI) -> None:
    batch = _finish(new_client, _start(new_client, _line(url=_TEST, model="batch-test-model"), endpoint=_TEST))
    (row,) = _rows(new_client, batch.output_file_id)
    assert row["response"]["body"]["model"] == "batch-test-model"
    for url, model in ((_TEST, "qwen-plus"), (_CHAT, "batch-test-model")):
        refused = _finish(new_client, _start(new_client, _line(url=url, model=model), endpoint=url))
        (row,) = _rows(new_client, refused.error_file_id)
        assert (row["response"]["status_code"], row["error"]) == (404, None)
    with pytest.raises(openai.NotFoundError):
        new_client.chat.completions.create(model="batch-test-model", messages=[user("x")])


def test_a_batch_completes_after_its_input_file_is_deleted(openai_client: openai.OpenAI) -> None:
    batch = _start(openai_client, _line())
    openai_client.files.delete(batch.input_file_id)
    assert _finish(openai_client, batch).status == "completed"


async def test_async_sdk_creates_a_batch(async_openai_client: openai.AsyncOpenAI) -> None:
    file = await async_openai_client.files.create(file=json.dumps(_line()).encode(), purpose="batch")
    batch = await async_openai_client.batches.create(input_file_id=file.id, endpoint=_CHAT, completion_window="24h")
    assert (await async_openai_client.batches.retrieve(batch.id)).status == "in_progress"


# --- failures ---------------------------------------------------------------------------------------


def test_an_unknown_url_fails_the_batch_as_recorded(openai_client: openai.OpenAI, http: httpx.Client) -> None:
    batch = _start(openai_client, _line(url="/v1/chat/completion"), endpoint=_TEST)
    failed = http.get(f"{_PATH}/{batch.id}").json()
    assert (failed["status"], failed["in_progress_at"], failed["request_counts"]["total"]) == ("failed", None, 0)
    assert failed["failed_at"]
    assert failed["errors"] == {
        "object": "list",
        "data": [
            {
                "code": "url_not_found",
                "message": "The provided url '/v1/chat/completion' is not supported by the Batch API.",
                "param": "url",
                "line": 1,
            }
        ],
    }


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([_line("1"), _line("2", model="qwen-max")], [("mismatched_model", 2)]),
        ([_line("1"), _line("2"), "", _line("1")], [("duplicate_custom_id", 4)]),
        ([_line("1", url="/v1/embeddings")], [("url_not_found", 1)]),
        (["{", "[]", _line("1")], [("invalid_json_line", 1), ("invalid_json_line", 2)]),
        ([{"custom_id": "1"}], [("missing_required_parameter", 1)]),
        ([_line("")], [("missing_required_parameter", 1)]),
        ([_line() | {"method": "GET"}], [("invalid_method", 1)]),
        (["", " "], [("empty_file", None)]),
        (["x" * (6 * 1024 * 1024 + 1)], [("line_too_large", 1)]),
    ],
)
def test_malformed_files_fail_the_batch(openai_client: openai.OpenAI, lines: list[Any], expected: list[Any]) -> None:
    batch = openai_client.batches.retrieve(_start(openai_client, *lines).id)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert [(error.code, error.line) for error in batch.errors.data or []] == expected
    assert openai_client.batches.retrieve(batch.id).status == "failed"


def test_too_many_lines_fail_the_batch(openai_client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (lines._MAX_LINES, lines._MAX_TEST_LINES) == (50_000, 100)
    monkeypatch.setattr(lines, "_MAX_LINES", 2)
    batch = _finish(openai_client, _start(openai_client, _line("1"), _line("2"), _line("3")))
    assert batch.errors.data[0].code == "too_many_tasks"


def test_limits_of_the_batch_test_model_fail_the_batch(openai_client: openai.OpenAI) -> None:
    test_lines = [_line(str(n), url=_TEST, model="batch-test-model") for n in range(101)]
    assert (
        _finish(openai_client, _start(openai_client, *test_lines, endpoint=_TEST)).errors.data[0].code
        == "too_many_tasks"
    )
    assert _finish(openai_client, _start(openai_client, *test_lines[1:], endpoint=_TEST)).status == "completed"
    large = _line(url=_TEST, model="batch-test-model", messages=[user("x" * 1024 * 1024)])
    assert _finish(openai_client, _start(openai_client, large, endpoint=_TEST)).errors.data[0].code == "file_too_large"


@pytest.mark.parametrize(
    ("change", "param", "status"),
    [
        ({"completion_window": "23h"}, "completion_window", 400),
        ({"completion_window": "337h"}, "completion_window", 400),
        ({"completion_window": "15d"}, "completion_window", 400),
        ({"completion_window": "0d"}, "completion_window", 400),
        ({"completion_window": 24}, "completion_window", 400),
        ({"endpoint": "/v1/responses"}, "endpoint", 400),
        ({"endpoint": None}, "endpoint", 400),
        ({"input_file_id": None}, "input_file_id", 400),
        ({"input_file_id": "file-batch-1"}, "id", 404),
        ({"metadata": {"ds_name": 1}}, "metadata", 400),
        ({"metadata": "x"}, "metadata", 400),
    ],
)
def test_wrong_batch_parameters_are_refused(
    openai_client: openai.OpenAI, http: httpx.Client, change: dict[str, Any], param: str, status: int
) -> None:
    parameters = {"input_file_id": _upload(openai_client, _line()), "endpoint": _CHAT, "completion_window": "336h"}
    assert http.post(_PATH, json=parameters).status_code == 200
    response = http.post(_PATH, json=parameters | change)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert "'priority'" in http.post(_PATH, json=parameters | {"priority": 1}).text


def test_a_file_of_another_purpose_is_refused(openai_client: openai.OpenAI, http: httpx.Client) -> None:
    file = openai_client.files.create(file=b"x", purpose="file-extract")  # type: ignore[arg-type]  # Alibaba's own
    response = http.post(_PATH, json={"input_file_id": file.id, "endpoint": _CHAT, "completion_window": "1d"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "input_file_id")


# --- cancelled, expired -----------------------------------------------------------------------------


def test_cancelled_lines_count_as_failed(openai_client: openai.OpenAI) -> None:
    batch = _start(openai_client, _line("1"), _line("2"))
    openai_client.batches.retrieve(batch.id)
    cancelling = openai_client.batches.cancel(batch.id)
    assert (cancelling.status, _counts(cancelling)) == ("cancelling", (2, 0, 0))
    assert openai_client.batches.cancel(batch.id).status == "cancelling"
    cancelled = openai_client.batches.retrieve(batch.id)
    assert (cancelled.status, _counts(cancelled), cancelled.output_file_id) == ("cancelled", (2, 0, 2), None)
    assert cancelled.cancelling_at
    assert cancelled.cancelled_at
    assert cancelled.error_file_id is not None
    first, second = _rows(openai_client, cancelled.error_file_id)
    assert (first["custom_id"], second["custom_id"], first["response"]) == ("1", "2", None)
    assert first["error"]["code"] == "batch_cancelled"
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a batch with status 'cancelled'"):
        openai_client.batches.cancel(batch.id)


def test_lines_answered_before_cancelling_keep_their_results(openai_client: openai.OpenAI) -> None:
    batch = _start(openai_client, _line())
    for _ in range(2):
        openai_client.batches.retrieve(batch.id)
    openai_client.batches.cancel(batch.id)
    cancelled = openai_client.batches.retrieve(batch.id)
    assert (cancelled.status, _counts(cancelled), cancelled.error_file_id) == ("cancelled", (1, 1, 0), None)
    assert cancelled.output_file_id


def test_batches_expire_on_demand(openai_client: openai.OpenAI, sandbox: Sandbox) -> None:
    done = _finish(openai_client, _start(openai_client, _line()))
    sandbox.expire_batches()
    fresh, running = _start(openai_client, _line()), _start(openai_client, _line("1"))
    openai_client.batches.retrieve(running.id)
    assert sandbox.expire_batches() == [fresh.id, running.id]
    assert sandbox.expire_batches() == []
    assert openai_client.batches.retrieve(done.id).status == "completed"
    unread = openai_client.batches.retrieve(fresh.id)
    assert (unread.status, _counts(unread), unread.error_file_id) == ("expired", (0, 0, 0), None)
    expired = openai_client.batches.retrieve(running.id)
    assert (expired.status, _counts(expired)) == ("expired", (1, 0, 1))
    assert expired.expired_at
    assert expired.error_file_id is not None
    (row,) = _rows(openai_client, expired.error_file_id)
    assert row["error"]["code"] == "batch_expired"


# --- lists ------------------------------------------------------------------------------------------


def test_lists_are_newest_first_and_change_no_state(new_client: openai.OpenAI) -> None:
    assert new_client.batches.list().to_dict() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    ids = [_start(new_client, _line()).id for _ in range(5)]
    page = new_client.batches.list(limit=2)
    assert [batch.id for batch in page.data] == [ids[4], ids[3]]
    assert (page.has_more, page.model_extra) == (True, {"first_id": ids[4], "last_id": ids[3], "object": "list"})
    assert [batch.id for batch in new_client.batches.list(limit=2)] == ids[::-1]
    assert {batch.status for batch in new_client.batches.list(after=ids[2])} == {"validating"}


def test_lists_are_filtered(new_client: openai.OpenAI) -> None:
    first = _start(new_client, _line(), metadata={"ds_name": "测试任务"})
    second = _finish(new_client, _start(new_client, _line(), metadata={"ds_name": "别的"}))
    third = _start(new_client, _line())

    def found(**query: Any) -> list[str]:
        return [batch.id for batch in new_client.batches.list(extra_query=query)]

    assert found(ds_name="任务") == [first.id]
    assert found(input_file_ids=f"{first.input_file_id},{third.input_file_id}") == [third.id, first.id]
    assert found(status="completed") == [second.id]
    assert found(status="completed,validating") == [third.id, second.id, first.id]
    beijing = datetime.fromtimestamp(first.created_at, timezone(timedelta(hours=8)))
    before, after = ((beijing + timedelta(minutes=n)).strftime("%Y%m%d%H%M%S") for n in (-1, 1))
    assert found(create_after=before, create_before=after) == [third.id, second.id, first.id]
    assert found(create_after=after) == found(create_before=before) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"status": "done"}, "status"),
        ({"create_after": "2026-04-17"}, "create_after"),
        ({"after": "batch_1"}, "after"),
        ({"name": "x"}, None),
    ],
)
def test_wrong_list_filters_are_refused(http: httpx.Client, query: dict[str, str], param: str | None) -> None:
    response = http.get(_PATH, params=query)
    assert response.status_code == (404 if param == "after" else 400)
    assert response.json()["error"]["param"] == param


def test_batches_belong_to_their_workspace(openai_client: openai.OpenAI, new_client: openai.OpenAI) -> None:
    batch = _start(openai_client, _line())
    for method in (new_client.batches.retrieve, new_client.batches.cancel):
        with pytest.raises(openai.NotFoundError, match="No batch found with id"):
            method(batch.id)
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        new_client.batches.create(input_file_id=batch.input_file_id, endpoint=_CHAT, completion_window="24h")
    assert list(new_client.batches.list()) == []
    assert openai_client.batches.retrieve(batch.id).status == "in_progress"


def test_a_fault_with_a_path_reaches_batches(openai_client: openai.OpenAI, sandbox: Sandbox) -> None:
    batch = _start(openai_client, _line())
    sandbox.fail_next(status=429, code="Throttling", path=f"/batches/{batch.id}")
    with pytest.raises(openai.RateLimitError):
        openai_client.batches.retrieve(batch.id)
    assert openai_client.batches.retrieve(batch.id).status == "in_progress"
