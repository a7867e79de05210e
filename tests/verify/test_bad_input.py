"""A run that cannot go on says how far it came, sends nothing twice, and leaves a whole recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from langchain_qwen_workspace._usage.prices import PriceTable
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace._verify.recording import read_recording
from langchain_qwen_workspace._verify.report import report_to_markdown
from langchain_qwen_workspace._verify.run import Run
from tests.verify.conftest import Opened
from tests.verify.support import make_budget, record, run_checks, verdicts

GROUP = "chat, openai"
UNKNOWN = "cannot be known with this key"


class Failing(httpx.BaseTransport):
    """A transport that fails from a request on, before the response or in the middle of it."""

    def __init__(self, inner: httpx.BaseTransport, error: Callable[[], BaseException], after: int) -> None:
        self._inner = inner
        self._error = error
        self._left = after
        self.in_the_middle = False
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self._left -= 1
        if self._left >= 0:
            return self._inner.handle_request(request)
        if not self.in_the_middle:
            raise self._error()
        response = self._inner.handle_request(request)
        response.stream = _CutStream(response.stream, self._error)
        return response


class _CutStream(httpx.SyncByteStream):
    def __init__(self, inner: Any, error: Callable[[], BaseException]) -> None:
        self._inner = inner
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            yield piece[: len(piece) // 2]
            raise self._error()


def _dropped() -> BaseException:
    return httpx.ReadError("The network is gone.")


@pytest.fixture(params=["before the response", "in the middle of it"])
def failing(request: pytest.FixtureRequest, opened: Opened) -> Callable[..., Failing]:
    def make(error: Callable[[], BaseException], after: int = 5) -> Failing:
        made = Failing(opened.service, error, after)
        made.in_the_middle = request.param == "in the middle of it"
        return made

    return make


def _run(opened: Opened, transport: httpx.BaseTransport, path: Path) -> Run:
    with record(path, opened.workspace) as write:
        return run_checks(opened.workspace, [GROUP], write=write, transport=transport)


def test_ctrl_c_ends_the_run_with_what_was_found(
    opened: Opened, failing: Callable[..., Failing], tmp_path: Path
) -> None:
    run = _run(opened, failing(KeyboardInterrupt), tmp_path / "cut.jsonl")
    assert (run.stopped, len(run.results)) == ("It was interrupted.", 5)


def test_ctrl_c_leaves_a_whole_recording(opened: Opened, failing: Callable[..., Failing], tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    _run(opened, failing(KeyboardInterrupt), path)
    assert [exchange.error for exchange, _ in read_recording(path)] == [None] * 5 + ["KeyboardInterrupt"]


def test_what_was_not_checked_is_named(opened: Opened, failing: Callable[..., Failing], tmp_path: Path) -> None:
    run = _run(opened, failing(KeyboardInterrupt), tmp_path / "cut.jsonl")
    assert [belief.id for belief in run.unchecked] == [belief.id for belief in run.beliefs[5:]]


def test_a_dropped_network_ends_the_run(opened: Opened, failing: Callable[..., Failing], tmp_path: Path) -> None:
    transport = failing(_dropped)
    run = _run(opened, transport, tmp_path / "dropped.jsonl")
    assert (run.stopped, len(run.results)) == ("3 requests in a row had no whole response.", 8)


def test_nothing_is_sent_twice_when_the_network_drops(
    opened: Opened, failing: Callable[..., Failing], tmp_path: Path
) -> None:
    transport = failing(_dropped)
    run = _run(opened, transport, tmp_path / "dropped.jsonl")
    assert transport.requests == len(run.results)


def test_a_response_that_did_not_arrive_costs_its_worst_case(opened: Opened, failing: Callable[..., Failing]) -> None:
    costs = []
    for transport in (opened.service, failing(_dropped, 0)):
        budget = make_budget()
        run_checks(opened.workspace, ["plain_openai"], budget=budget, transport=transport)
        costs.append(budget.spent)
    assert 0 < costs[0] < costs[1]


def test_one_failed_request_does_not_end_the_run(opened: Opened) -> None:
    opened.service.change_answer = lambda _, __, answer: (
        answer.refuse(503, "ModelUnavailable", "Later.") if "Count from 1" in str(__) else None
    )
    run = run_checks(opened.workspace, [GROUP], transport=opened.service)
    assert [name for name, verdict in verdicts(run).items() if verdict == UNKNOWN] == ["cut_openai"]


def test_a_refused_key_ends_the_run(opened: Opened) -> None:
    workspace = opened.workspace.model_copy(update={"api_key": SecretStr("sk-of-no-workspace")})
    run = run_checks(workspace, ["plain_openai", "plain_dashscope"], transport=opened.service)
    assert (len(run.results), opened.service.requests) == (0, 1)
    assert str(run.stopped).startswith("The service refuses the key: HTTP 401")


def test_a_key_without_rights_leaves_beliefs_unknown(opened: Opened) -> None:
    opened.service.change_answer = lambda path, _, answer: (
        answer.refuse(403, "AccessDenied", "Access denied.") if "/models" not in path else None
    )
    run = run_checks(opened.workspace, ["chat, dashscope"], transport=opened.service)
    assert set(verdicts(run).values()) == {UNKNOWN}


def test_a_region_without_models_leaves_beliefs_unknown(opened: Opened) -> None:
    opened.service.change_answer = lambda _, __, answer: answer.refuse(404, "ModelNotFound", "No such model.")
    run = run_checks(opened.workspace, ["chat, dashscope", "embeddings", "rerank"], transport=opened.service)
    assert set(verdicts(run).values()) == {UNKNOWN}


def test_a_budget_used_up_in_the_middle_says_so(opened: Opened) -> None:
    run = run_checks(opened.workspace, [GROUP], budget=make_budget("0.06"), transport=opened.service)
    found = [result.observed.startswith("The budget is used up") for result in run.results]
    assert (run.stopped, any(found), all(found)) == (None, True, False)


@pytest.mark.parametrize("text", ["", "[]", "null", "<html>", '{"choices": 7}', '{"output": {"choices": [[]]}}'])
def test_an_answer_of_another_shape_is_otherwise(opened: Opened, text: str) -> None:
    opened.service.change_answer = lambda _, __, answer: setattr(answer, "text", text)
    names = [
        "plain_openai",
        "tool_openai",
        "json_mode_openai",
        "increments_dashscope",
        "rerank_openai",
        "search_dashscope",
    ]
    run = run_checks(opened.workspace, names, transport=opened.service)
    assert verdicts(run)["plain_openai"] == "otherwise"


@pytest.mark.parametrize(
    "names", [["forbidden_openai"], ["throttled_openai"], ["admin_workspaces"], ["admin_masked_keys"]]
)
def test_what_the_key_cannot_tell_is_unknown_with_a_reason(names: list[str]) -> None:
    from langchain_qwen_workspace.sandbox import Sandbox  # noqa: PLC0415 - one of its own, without limits

    with Sandbox() as sandbox:
        run = run_checks(sandbox.workspace("all", region="cn-beijing"), names)
    assert [(result.verdict, bool(result.observed)) for result in run.results] == [(UNKNOWN, True)]


def test_an_exchange_without_a_response_is_recorded(opened: Opened) -> None:
    exchanges: list[Exchange] = []
    run_checks(
        opened.workspace, ["plain_openai"], write=exchanges.append, transport=Failing(opened.service, _dropped, 0)
    )
    assert [(exchange.status, exchange.error) for exchange in exchanges] == [(0, "ReadError")]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("stream_usage_openai", "/chat/completions"),
        ("parallel_tools_openai", "/chat/completions"),
        ("tool_stream_openai", "/chat/completions"),
        ("search_dashscope", "/generation"),
        ("json_mode_openai", "/chat/completions"),
        ("increments_openai", "/chat/completions"),
        ("finish_reason_openai", "/chat/completions"),
        ("rerank_openai", "/reranks"),
        ("key_names_workspace", "/models/limits"),
    ],
)
def test_a_refused_request_is_otherwise(opened: Opened, name: str, path: str) -> None:
    opened.service.change_answer = lambda where, _, answer: (
        answer.refuse(400, "InvalidParameter", "It is otherwise.") if path in where else None
    )
    assert verdicts(run_checks(opened.workspace, [name], transport=opened.service)) == {name: "otherwise"}


def test_limits_that_are_not_reached_are_unknown(opened: Opened) -> None:
    opened.service.change_answer = lambda path, _, answer: setattr(answer, "status", 200) if "/chat" in path else None
    run = run_checks(opened.workspace, ["throttled_openai"], transport=opened.service)
    assert "were not throttled" in run.results[0].observed


def test_limits_are_looked_for_at_both_paths(opened: Opened) -> None:
    opened.service.change_answer = lambda path, _, answer: (
        answer.refuse(404, "NotFound", "No such path.") if "/models/limits" in path else None
    )
    run = run_checks(opened.workspace, ["throttled_openai"], transport=opened.service)
    assert set(verdicts(run).values()) == {"as believed"}


def test_a_batch_that_does_not_end_is_unknown(opened: Opened) -> None:
    opened.service.change_answer = lambda _, __, answer: answer.replace("completed", "in_progress")
    run = run_checks(opened.workspace, ["batch"], transport=opened.service)
    assert run.results[0].observed == "The batch did not end in 0 seconds."


def test_a_file_that_cannot_be_uploaded_leaves_the_batch_unknown(opened: Opened) -> None:
    opened.service.change_answer = lambda path, _, answer: (
        answer.refuse(400, "InvalidParameter", "No files.") if path.endswith("/files") else None
    )
    run = run_checks(opened.workspace, ["batch"], transport=opened.service)
    assert run.results[0].observed.startswith("The file cannot be uploaded")


def test_an_answer_without_a_vector_is_unknown(opened: Opened) -> None:
    opened.service.change_answer = lambda _, __, answer: setattr(answer, "text", '{"data": []}')
    run = run_checks(opened.workspace, ["embedding_openai"], transport=opened.service)
    assert verdicts(run) == {"embedding_openai": UNKNOWN}


def test_administration_needs_the_id_of_the_workspace(opened: Opened) -> None:
    workspace = opened.workspace.model_copy(update={"workspace_id": None})
    run = run_checks(workspace, ["admin_limits"], admin=opened.admin, transport=opened.service)
    assert run.results[0].observed == "No `--workspace-id` is given."


def test_without_keys_it_is_unknown_whether_they_are_masked(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(opened.admin), "workspaces", lambda _: [])
    run = run_checks(opened.workspace, ["admin_masked_keys"], admin=opened.admin, transport=opened.service)
    assert run.results[0].observed == "There is no key to look at."


def test_an_error_of_administration_is_unknown(opened: Opened) -> None:
    admin = opened.sandbox.admin("cn-beijing", actions=["modelstudio:Nothing"])
    run = run_checks(opened.workspace, ["admin_limits"], admin=admin, transport=opened.service)
    assert (run.results[0].verdict, run.results[0].observed.partition(":")[0]) == (UNKNOWN, "PermissionDeniedError")


def test_a_belief_about_another_region_is_unknown(opened: Opened) -> None:
    workspace = opened.workspace.model_copy(update={"region": "ap-southeast-1"})
    run = run_checks(workspace, ["limits_path"], transport=opened.service)
    assert run.results[0].observed == "It is about the region cn-beijing; the workspace is in ap-southeast-1."


def test_without_prices_no_refused_model_can_be_called(opened: Opened) -> None:
    budget = make_budget()
    budget.prices = PriceTable.from_dict({"currency": "CNY", "models": {}})
    run = run_checks(opened.workspace, ["forbidden_openai"], budget=budget, transport=opened.service)
    assert run.results[0].observed.startswith("No model that the key may not call has a known price: ")


def test_html_of_a_gateway_is_text_in_the_report(opened: Opened) -> None:
    opened.service.change_answer = lambda _, __, answer: setattr(answer, "text", "<script>\x1b[31m</script>")
    run = run_checks(opened.workspace, ["plain_openai"], transport=opened.service)
    text = report_to_markdown(run, date(2026, 12, 1))
    assert ("<script>" in text, "\x1b" in text, "&lt;script>" in text) == (False, False, True)
