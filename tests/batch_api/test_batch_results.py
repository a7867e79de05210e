"""Batches in the sandbox after their submission: status, results, other processes, and lost responses."""

import json
import re
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_qwen_workspace import (
    APIConnectionError,
    APITimeoutError,
    ChatQwenWorkspace,
    ConfigurationError,
    ContextLengthError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    QwenWorkspace,
    QwenWorkspaceBatch,
    QwenWorkspaceError,
    RateLimitError,
    ServerError,
    _progress,
)
from langchain_qwen_workspace.sandbox import Sandbox
from tests.batch_api.test_batch_submission import BATCHES, FILES, get_weather, sent_requests

# ------------------------------------------------------------------------------------------------------- lifecycle


def test_status_reports_each_state_until_the_batch_has_completed(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit({"a": "one", "b": "two"})
    seen = [batch.status(batch_id) for _ in range(4)]
    assert [(each.state, each.has_ended, each.total, each.completed, each.failed) for each in seen] == [
        ("in_progress", False, 2, 0, 0),
        ("finalizing", False, 2, 2, 0),
        ("completed", True, 2, 2, 0),
        ("completed", True, 2, 2, 0),
    ]
    assert {(each.id, each.errors) for each in seen} == {(batch_id, ())}
    assert seen[2].body["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    assert sent_requests(sandbox)[2:] == [("GET", f"{BATCHES}/{batch_id}")] * 4


def test_results_equal_those_of_single_calls(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    # LangChain's signature promises less than the binding that it returns.
    bound: Any = llm.bind_tools([get_weather])
    batch = QwenWorkspaceBatch(bound)
    batch_id = batch.submit({"a": "Hello", "b": "What is the weather in Paris?"})
    assert batch.wait(batch_id, poll_interval=0.01).state == "completed"
    sandbox.clear()
    results = batch.results(batch_id)
    assert [method for method, _ in sent_requests(sandbox)] == ["GET", "GET"]
    assert (list(results.outputs), results.errors, results.unanswered) == (["a", "b"], {}, 0)
    for custom_id, text in (("a", "Hello"), ("b", "What is the weather in Paris?")):
        output, called = results.outputs[custom_id], bound.invoke(text)
        assert type(output) is AIMessage
        assert (output.text, output.usage_metadata) == (called.text, called.usage_metadata)
        assert [each["args"] for each in output.tool_calls] == [each["args"] for each in called.tool_calls]
        assert output.response_metadata.keys() == called.response_metadata.keys()
        assert output.response_metadata["request_id"]
    assert results.outputs["b"].tool_calls[0]["name"] == "get_weather"
    each = list(batch.lazy_results(batch_id))
    assert [(one.custom_id, one.output, one.error) for one in each] == [
        ("a", results.outputs["a"], None),
        ("b", results.outputs["b"], None),
    ]
    assert [one.usage_metadata for one in each] == [one.usage_metadata for one in results.outputs.values()]


def test_a_tool_with_a_reserved_name_is_called_by_its_name_in_a_batch(llm: ChatQwenWorkspace) -> None:
    tools = [{"type": "function", "function": {"name": "search", "parameters": {}}}]
    batch = QwenWorkspaceBatch(llm.bind(tools=tools, tool_choice="any"))
    batch_id = batch.submit({"a": "Search the web."})
    batch.wait(batch_id, poll_interval=0.01)

    assert [call["name"] for call in batch.results(batch_id).outputs["a"].tool_calls] == ["search"]


def test_a_progress_bar_counts_the_answered_lines(llm: ChatQwenWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["one", "two"])
    batch.wait(batch_id, poll_interval=0.01, show_progress_bar=True)
    assert f"{batch_id}: 100%" in capsys.readouterr().err


def test_no_progress_bar_is_shown_by_default(llm: ChatQwenWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch.wait(batch.submit(["one"]), poll_interval=0.01)
    assert capsys.readouterr().err == ""


def test_a_progress_bar_without_tqdm_is_refused(llm: ChatQwenWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="`show_progress_bar` needs `tqdm`"):
        QwenWorkspaceBatch(llm).wait("batch_1", show_progress_bar=True)


def test_failed_lines_are_in_errors_and_not_in_outputs(workspace: QwenWorkspace) -> None:
    llm = ChatQwenWorkspace(model="qwen-max", workspace=workspace)
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit({"long": "word " * 31_000, "short": "Hi"})
    status = batch.wait(batch_id, poll_interval=0.01)
    assert (status.state, status.total, status.completed, status.failed) == ("completed", 2, 1, 1)
    results = batch.results(batch_id)
    assert (list(results.outputs), list(results.errors), results.unanswered) == (["short"], ["long"], 0)
    error = results.errors["long"]
    assert type(error) is ContextLengthError
    assert (error.code, error.status_code, error.model) == ("invalid_parameter_error", 400, "qwen-max")
    assert error.message == "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]"
    assert re.fullmatch(r"[0-9a-f-]{36}", error.request_id or "")
    assert [(one.custom_id, one.output is None, one.error is None) for one in batch.lazy_results(batch_id)] == [
        ("short", False, True),
        ("long", True, False),
    ]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "qwen-flash"}, PermissionDeniedError),
        ({"model": "qwen-nothing"}, NotFoundError),
        ({"model": "qwen-plus", "extra_body": {"zorro": 5}}, InvalidRequestError),
        ({"model": "qwen-plus", "model_kwargs": {"zorro": 5}}, InvalidRequestError),
    ],
    ids=["not granted", "unknown", "extra_body", "model_kwargs"],
)
@pytest.mark.filterwarnings("ignore:`zorro` is not a parameter")
def test_a_failed_line_has_the_same_error_as_a_single_call(
    sandbox: Sandbox, fields: dict[str, Any], kind: type[QwenWorkspaceError]
) -> None:
    workspace = sandbox.workspace(uuid.uuid4().hex, models=["qwen-plus"])
    llm = ChatQwenWorkspace(workspace=workspace, **fields)
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["one", "two"])
    batch.wait(batch_id, poll_interval=0.01)
    results = batch.results(batch_id)
    with pytest.raises(kind) as called:
        llm.invoke("one")
    assert (results.outputs, list(results.errors), results.unanswered) == ({}, ["0", "1"], 0)
    for error in results.errors.values():
        assert type(error) is type(called.value) is kind
        for field in ("code", "status_code", "message", "hint", "model", "region", "workspace_id"):
            assert getattr(error, field) == getattr(called.value, field)
        assert error.request_id not in (None, called.value.request_id)


def test_the_error_of_a_failed_line_names_the_bound_model(sandbox: Sandbox) -> None:
    workspace = sandbox.workspace(uuid.uuid4().hex, models=["qwen-plus"])
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace).bind(model="qwen-flash"))
    batch_id = batch.submit(["Hi"])
    batch.wait(batch_id, poll_interval=0.01)
    error = batch.results(batch_id).errors["0"]
    assert (error.model, "'qwen-flash'" in (error.hint or "")) == ("qwen-flash", True)


def test_a_batch_that_has_not_ended_has_no_results(llm: ChatQwenWorkspace) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["Hi", "Ho"])
    for way in (batch.results, lambda batch_id: next(batch.lazy_results(batch_id))):
        with pytest.raises(InvalidRequestError, match=r"of 2 lines are answered\. Call `wait` first\.") as caught:
            way(batch_id)
        assert batch_id in caught.value.message


def test_a_batch_that_is_refused_as_a_whole_raises_with_the_reason(workspace: QwenWorkspace) -> None:
    # The test model answers at most 100 lines.
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="batch-test-model", workspace=workspace))
    batch_id = batch.submit(str(n) for n in range(101))
    status = batch.wait(batch_id, poll_interval=0.01)
    text = "too_many_tasks: Too many tasks: 101 requests in the input file, the maximum is 100."
    assert (status.state, status.has_ended, status.total, status.errors) == ("failed", True, 0, (text,))
    with pytest.raises(InvalidRequestError, match=re.escape(f"Batch {batch_id} was refused: {text}")):
        next(batch.lazy_results(batch_id))


def test_answers_from_before_a_batch_expired_are_returned(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(llm)
    early, late = batch.submit(["Hi"]), batch.submit(["Hi", "Ho"])
    assert [batch.status(early).state for _ in range(2)] == ["in_progress", "finalizing"]
    assert batch.status(late).state == "in_progress"
    assert set(sandbox.expire_batches()) >= {early, late}
    assert batch.wait(early, poll_interval=60).state == batch.wait(late, poll_interval=60).state == "expired"
    assert (list(batch.results(early).outputs), batch.results(early).errors) == (["0"], {})
    results = batch.results(late)
    assert (results.outputs, results.unanswered) == ({}, 0)
    assert {key: error.code for key, error in results.errors.items()} == {"0": "batch_expired", "1": "batch_expired"}


def test_cancel_sends_one_request_and_returns_the_status(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["Hi"])
    batch.status(batch_id)
    sandbox.clear()
    status = batch.cancel(batch_id)
    assert sent_requests(sandbox) == [("POST", f"{BATCHES}/{batch_id}/cancel")]
    assert (status.id, status.state, status.has_ended) == (batch_id, "cancelling", False)
    assert batch.wait(batch_id, poll_interval=0.01).state == "cancelled"
    assert [error.code for error in batch.results(batch_id).errors.values()] == ["batch_cancelled"]
    with pytest.raises(InvalidRequestError, match="Cannot cancel"):
        batch.cancel(batch_id)


def test_a_batch_that_is_cancelled_before_its_lines_were_counted_has_no_results(llm: ChatQwenWorkspace) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["Hi"])
    batch.cancel(batch_id)
    batch.wait(batch_id, poll_interval=0.01)
    assert list(batch.lazy_results(batch_id)) == []


def test_find_returns_batches_whose_name_contains_the_text(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    first, second = (QwenWorkspaceBatch(llm, name=f"测试 & {n}").submit(["Hi"]) for n in (1, 2))
    QwenWorkspaceBatch(llm).submit(["Hi"])
    sandbox.clear()
    batch = QwenWorkspaceBatch(llm)
    assert [status.id for status in batch.find("试 &")] == [second, first]
    assert [status.state for status in batch.find("& 2")] == ["validating"]
    assert batch.find("another") == []
    assert sandbox.requests[0].query == "ds_name=%E8%AF%95+%26&limit=100"


def test_batches_of_another_workspace_are_not_found(llm: ChatQwenWorkspace, sandbox: Sandbox) -> None:
    batch_id = QwenWorkspaceBatch(llm, name="theirs").submit(["Hi"])
    unrelated = sandbox.workspace(uuid.uuid4().hex)
    other = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=unrelated))
    for ask in (other.status, other.wait, other.results, other.cancel, lambda each: next(other.lazy_results(each))):
        with pytest.raises(NotFoundError) as caught:
            ask(batch_id)
        assert (caught.value.status_code, caught.value.workspace_id) == (404, unrelated.workspace_id)
    assert other.find("theirs") == []
    with pytest.raises(NotFoundError, match="No batch found with id 'batch_nothing'"):
        other.status("batch_nothing")


@pytest.mark.parametrize("batch_id", ["", "../files", "a/b", "a?b", "a b", "batch_1\n", "batch_\uff11", "a/cancel#"])
def test_an_invalid_batch_id_is_refused_and_not_sent(llm: ChatQwenWorkspace, sandbox: Sandbox, batch_id: str) -> None:
    batch = QwenWorkspaceBatch(llm)
    for ask in (batch.status, batch.wait, batch.results, batch.cancel):
        with pytest.raises(ConfigurationError, match="is not a valid batch id"):
            ask(batch_id)
    assert sent_requests(sandbox) == []


def test_wait_raises_at_its_timeout_and_the_batch_continues(llm: ChatQwenWorkspace) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["Hi"])
    with pytest.raises(APITimeoutError, match=r"in_progress after 0 seconds\. The service continues") as caught:
        batch.wait(batch_id, poll_interval=0.01, timeout=0)
    assert batch_id in caught.value.message
    assert batch.wait(batch_id, poll_interval=0.01, timeout=10).state == "completed"


def test_wait_asks_once_more_at_its_timeout(llm: ChatQwenWorkspace) -> None:
    batch = QwenWorkspaceBatch(llm)
    batch_id = batch.submit(["Hi"])
    batch.status(batch_id)
    began = time.monotonic()
    # One status request at the start, one at the timeout; the second finds it completed.
    assert batch.wait(batch_id, poll_interval=60, timeout=0.2).state == "completed"
    assert time.monotonic() - began >= 0.2


# ---------------------------------------------------------------------------------------------------- other processes

CREATE_BATCH = """
import sys, time, tracemalloc
from langchain_qwen_workspace import ChatQwenWorkspace, QwenWorkspaceBatch
llm = ChatQwenWorkspace(model="qwen-plus", base_url=sys.argv[1], workspace_id=sys.argv[2], api_key=sys.argv[3])
batch = QwenWorkspaceBatch(llm)
"""
SUBMIT = """
print(batch.submit({"q1": "one", "q2": "two"}), flush=True)
time.sleep(600)
"""
MEASURE = """
batch.submit(["warm"])
tracemalloc.start()
batch.submit(f"{n} " + "word " * 3000 for n in range(2_000))
print(tracemalloc.get_traced_memory()[1])
"""


def python_command(script: str, sandbox: Sandbox, name: str) -> list[str]:
    """Return the command that runs a script in another process, with a workspace."""
    credentials = sandbox.add_workspace(name)
    facts = [sandbox.base_url, credentials.workspace_id, credentials.api_key]
    return [sys.executable, "-W", "error", "-c", CREATE_BATCH + script, *facts]


def test_another_process_gets_the_results_after_the_first_was_killed(sandbox: Sandbox) -> None:
    name = uuid.uuid4().hex
    with subprocess.Popen(python_command(SUBMIT, sandbox, name), stdout=subprocess.PIPE, text=True) as first:  # noqa: S603 - this interpreter and the text above
        assert first.stdout is not None
        batch_id = first.stdout.readline().strip()
        first.kill()
    assert first.returncode == -9
    assert batch_id.startswith("batch_")
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=sandbox.workspace(name)))
    assert batch.wait(batch_id, poll_interval=0.01).state == "completed"
    results = batch.results(batch_id)
    answer = 'This is the Model Studio sandbox, not a language model. You said: "{}"'
    texts = {custom_id: message.text for custom_id, message in results.outputs.items()}
    assert texts == {"q1": answer.format("one"), "q2": answer.format("two")}
    assert (results.errors, results.unanswered) == ({}, 0)
    assert [each for each in sent_requests(sandbox) if each[0] == "POST"] == [("POST", FILES), ("POST", BATCHES)]


def test_a_long_generator_of_inputs_is_not_held_in_memory(sandbox: Sandbox) -> None:
    arguments = python_command(MEASURE, sandbox, uuid.uuid4().hex)
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=100)  # noqa: S603 - this interpreter and the text above
    assert (done.returncode, done.stderr) == (0, "")
    peak = int(done.stdout)
    size = max(len(request.body) for request in sandbox.requests if request.path == FILES)
    assert size > 30_000_000
    assert peak < 5_000_000


# -------------------------------------------------------------------------------------------------- lost responses


def batch_requests(sandbox: Sandbox) -> list[str]:
    """Return the methods of the requests to `/batches`, in order."""
    return [request.method for request in sandbox.requests if request.path == BATCHES]


@pytest.mark.parametrize(
    "fault",
    [{"close": True}, {"status": 500}, {"status": 503}, {"body": "<html>"}, {"body": "{}"}, {"body": '{"id": 1}'}],
    ids=str,
)
def test_a_batch_whose_create_response_was_lost_is_found_by_its_file(
    workspace: QwenWorkspace, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=2), name="n")
    other = batch.submit(["Hi"])
    sandbox.clear()
    # The fault occurs after the batch was created.
    sandbox.fail_next(path="/batches", after_events=0, **fault)
    batch_id = batch.submit(["Hi"])
    assert sent_requests(sandbox) == [("POST", FILES), ("POST", BATCHES), ("GET", BATCHES)]
    file_id = sandbox.requests[1].body["input_file_id"]
    assert sandbox.requests[2].query == f"input_file_ids={file_id}"
    found = batch.find("n")
    assert [(each.id, each.body["input_file_id"] == file_id) for each in found] == [(batch_id, True), (other, False)]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"close": True}, APIConnectionError),
        ({"status": 500}, ServerError),
        ({"status": 503, "code": "ModelUnavailable"}, ServerError),
        ({"body": "<html>"}, InvalidResponseError),
    ],
    ids=str,
)
@pytest.mark.parametrize("lookup", [None, {"status": 500}, {"close": True}, {"body": "no json"}], ids=str)
def test_the_error_says_that_a_batch_may_exist_if_none_is_found(
    workspace: QwenWorkspace,
    sandbox: Sandbox,
    fault: dict[str, Any],
    kind: type[QwenWorkspaceError],
    lookup: dict[str, Any] | None,
) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0))
    sandbox.fail_next(path="/batches", **fault)
    if lookup is not None:
        sandbox.fail_next(path="/batches", **lookup)
    with pytest.raises(kind) as caught:
        batch.submit(["Hi"])
    assert type(caught.value) is kind
    assert sent_requests(sandbox) == [("POST", FILES), ("POST", BATCHES), ("GET", BATCHES)]
    file_id = sandbox.requests[1].body["input_file_id"]
    expected = f"It is not known whether a batch was created from file {file_id}: look for it with `find` or "
    assert caught.value.message.endswith(f"{expected}in the console before you submit again.")
    assert expected in str(caught.value)


def test_a_create_request_that_times_out_is_not_sent_again(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    llm = ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=2, timeout=0.3)
    sandbox.fail_next(path="/batches", delay=1.0)
    with pytest.raises(APITimeoutError, match="It is not known whether a batch was created from file file-batch-"):
        QwenWorkspaceBatch(llm).submit(["Hi"])
    assert batch_requests(sandbox) == ["POST", "GET"]


REFUSALS = [({"status": 429}, RateLimitError), ({"status": 400}, InvalidRequestError)]


@pytest.mark.parametrize(("fault", "kind"), REFUSALS, ids=str)
def test_a_create_request_that_was_refused_is_not_sent_again(
    workspace: QwenWorkspace, sandbox: Sandbox, fault: dict[str, Any], kind: type[QwenWorkspaceError]
) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=2))
    sandbox.fail_next(path="/batches", headers={"retry-after-ms": "1"}, **fault)
    with pytest.raises(kind) as caught:
        batch.submit(["Hi"])
    assert "not known" not in caught.value.message
    assert batch_requests(sandbox) == ["POST"]


def test_a_batch_of_another_file_is_not_returned_for_the_lost_one(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=0))
    unrelated = {"id": "batch_1", "status": "completed", "input_file_id": "file-batch-1"}
    sandbox.fail_next(path="/batches", close=True)
    sandbox.fail_next(path="/batches", body=json.dumps({"object": "list", "data": [unrelated]}))
    with pytest.raises(APIConnectionError, match="It is not known"):
        batch.submit(["Hi"])


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"close": True}], ids=str)
def test_an_upload_is_retried_from_the_start_of_the_file(
    workspace: QwenWorkspace, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=2))
    sandbox.fail_next(path="/files", headers={"retry-after-ms": "1"}, **fault)
    batch_id = batch.submit({"a": "one" * 50_000, "b": "two"})
    assert sent_requests(sandbox) == [("POST", FILES), ("POST", FILES), ("POST", BATCHES)]
    first, second = (
        request.body.replace(request.headers["content-type"].partition("boundary=")[2].encode(), b"BOUNDARY")
        for request in sandbox.requests[:2]
    )
    assert first == second
    assert len(first) > 150_000
    assert batch.wait(batch_id, poll_interval=0.01).completed == 2


def test_no_batch_is_created_if_the_upload_fails(workspace: QwenWorkspace, sandbox: Sandbox) -> None:
    batch = QwenWorkspaceBatch(ChatQwenWorkspace(model="qwen-plus", workspace=workspace, max_retries=1))
    sandbox.fail_next(path="/files", status=500, headers={"retry-after-ms": "1"}, times=2)
    with pytest.raises(ServerError):
        batch.submit(["Hi"])
    assert sent_requests(sandbox) == [("POST", FILES), ("POST", FILES)]
