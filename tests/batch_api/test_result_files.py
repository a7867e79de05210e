"""Result files from a server: in any pieces, incomplete, malformed, or not there at all."""

import json
import re
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, Literal, TypeAlias

import pytest
from langchain_core.messages import AIMessage

from langchain_qwen_workspace import QwenWorkspaceBatch, QwenWorkspaceEmbeddings
from langchain_qwen_workspace.batch_jobs import BatchResults
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
)
from tests.batch_api.test_lines import RECORDED, refusal
from tests.support.protocols import OPENAI
from tests.support.server import JSON_TYPE, TIMEOUT, Act, Part, Reply, Server, _Handler, json_reply

Batch: TypeAlias = QwenWorkspaceBatch[AIMessage]

# Recorded in 2026-04, without the fields that the package does not read.
COMPLETED: dict[str, Any] = {
    "id": "batch_5b57e198-203e-49c8-bcc3-65e997d51754",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "errors": None,
    "input_file_id": "file-batch-c015426ce301481bb13c76b4",
    "completion_window": "24h",
    "status": "completed",
    "output_file_id": "file-batch_output-c5f57bf1fbc749cdae9676ba",
    "error_file_id": None,
    "request_counts": {"total": 2, "completed": 2, "failed": 0},
}
URL_NOT_FOUND = {
    "code": "url_not_found",
    "message": "The provided url '/v1/chat/completion' is not supported by the Batch API.",
    "param": "url",
    "line": 1,
}
ID = COMPLETED["id"]


class _GetHandler(_Handler):
    """Answers requests without a body, too."""

    def do_GET(self) -> None:  # noqa: N802 - the name that `http.server` requires
        self.do_POST()


@pytest.fixture
def files() -> Iterator[Server]:
    """Yield a server whose script answers GET and POST requests."""
    with Server() as started:
        started._http.RequestHandlerClass = _GetHandler
        yield started


@pytest.fixture
def batch(files: Server) -> Batch:
    return QwenWorkspaceBatch(OPENAI.llm(files))


def answer(custom_id: str, text: str = "Hello") -> bytes:
    """Return the line of an answer, as a result file has it."""
    response = {"status_code": 200, "request_id": f"req-{custom_id}", "body": OPENAI.whole(text)}
    return json.dumps({"custom_id": custom_id, "response": response, "error": None}, ensure_ascii=False).encode()


def file_of(*parts: Part, framing: Literal["length", "chunked", "close"] = "chunked") -> Reply:
    # Recorded 2026-04: no content type.
    return Reply((b"", *parts), 200, {"x-request-id": "req-file"}, framing)


def texts_of(results: BatchResults[AIMessage]) -> dict[str, str]:
    return {custom_id: output.text for custom_id, output in results.outputs.items()}


def test_recorded_result_files_are_decoded(batch: Batch, files: Server) -> None:
    content = json.dumps(RECORDED).encode() + b"\n" + json.dumps({**RECORDED, "custom_id": "2"}).encode() + b"\n"
    files.script(json_reply(COMPLETED), file_of(content))
    results = batch.results(ID)
    assert [received.path for received in files.requests] == [
        f"/compatible-mode/v1/batches/{ID}",
        "/compatible-mode/v1/files/file-batch_output-c5f57bf1fbc749cdae9676ba/content",
    ]
    assert texts_of(results) == {"1": "很高兴见到你✨ (•̀ᴗ•́)و", "2": "很高兴见到你✨ (•̀ᴗ•́)و"}
    assert results.outputs["1"].usage_metadata == {"input_tokens": 26, "output_tokens": 49, "total_tokens": 75}
    assert results.outputs["1"].response_metadata["request_id"] == "153fa1be-abbc-4b52-80a6-c7ca92688fbc"
    assert (results.errors, results.unanswered) == ({}, 0)


def test_a_recorded_refusal_of_a_whole_batch_raises_with_the_reason(batch: Batch, files: Server) -> None:
    errors = {"object": "list", "data": [URL_NOT_FOUND]}
    counts = {"total": 0, "completed": 0, "failed": 0}
    refused = {**COMPLETED, "status": "failed", "output_file_id": None, "errors": errors, "request_counts": counts}
    files.script(json_reply(refused), json_reply(refused))
    why = f"url_not_found: {URL_NOT_FOUND['message']} (line 1)"
    assert batch.wait(ID).errors == (why,)
    with pytest.raises(InvalidRequestError, match=re.escape(f"Batch {ID} was refused: {why}")):
        batch.results(ID)


@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_lines_without_an_answer_are_counted_as_unanswered(batch: Batch, files: Server, state: str) -> None:
    counts = {"total": 7, "completed": 2, "failed": 1}
    error_line = json.dumps({"custom_id": "c", "response": refusal(429, "limit_requests", "Too many.")}).encode()
    ended = {**COMPLETED, "status": state, "error_file_id": "file-errors", "request_counts": counts}
    files.script(json_reply(ended), file_of(answer("b", "2") + b"\n", answer("a", "1")), file_of(error_line))
    results = batch.results(ID)
    assert (texts_of(results), results.unanswered) == ({"b": "2", "a": "1"}, 4)
    assert {custom_id: type(error) for custom_id, error in results.errors.items()} == {"c": RateLimitError}


@pytest.mark.parametrize("file_id", [None, ""])
def test_a_missing_result_file_is_not_fetched(batch: Batch, files: Server, file_id: str | None) -> None:
    files.script(json_reply({**COMPLETED, "output_file_id": file_id, "error_file_id": file_id}))
    results = batch.results(ID)
    assert (results.outputs, results.errors, results.unanswered, len(files.requests)) == ({}, {}, 2, 1)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n \n"], ids=["LF", "CRLF", "blank lines"])
def test_a_file_may_arrive_in_any_pieces(batch: Batch, files: Server, size: int, end: bytes) -> None:
    content = end.join([answer("a", "西湖🐟\u2028\x85"), answer("b", "é\u2029")])
    assert "西湖🐟\u2028\x85".encode() in content
    for whole in (content, content + end):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        files.script(json_reply(COMPLETED), file_of(*pieces))
        assert texts_of(batch.results(ID)) == {"a": "西湖🐟\u2028\x85", "b": "é\u2029"}


def test_a_long_line_in_many_pieces_takes_time_linear_in_its_length(
    batch: Batch, files: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [b"x" * 4096] * 4096
    monkeypatch.setattr("httpx2.Response.iter_bytes", lambda *_: iter([*pieces, b"\n", b"y"]))
    files.script(file_of(b""))
    began = time.process_time()
    lines = list(batch._transport().lines(batch._request("", {"file_id": "file-1"})))
    assert [len(line) for line in lines] == [4096 * 4096, 1]
    # Joined again for each piece, it takes 10 seconds.
    assert time.process_time() - began < 3


def ascii_reply(body: object) -> Reply:
    """Return a response with escapes for what UTF-8 has no bytes for."""
    return Reply((json.dumps(body).encode(),), 200, JSON_TYPE)


@pytest.mark.parametrize("file_id", ["..", ".", "\ud800", "a/../b", "a?b", " ", "\x00", 7, ["a"], {"id": "a"}])
def test_a_result_file_whose_id_is_none_is_malformed(batch: Batch, files: Server, file_id: object) -> None:
    files.script(ascii_reply({**COMPLETED, "output_file_id": file_id}))
    with pytest.raises(InvalidResponseError, match="`output_file_id`"):
        batch.results(ID)
    assert len(files.requests) == 1


@pytest.mark.parametrize("file_id", ["..", "\ud800", 7])
def test_an_uploaded_file_whose_id_is_none_is_malformed(batch: Batch, files: Server, file_id: object) -> None:
    files.script(ascii_reply({"id": file_id}))
    with pytest.raises(InvalidResponseError, match="`id`"):
        batch.submit(["a"])
    assert len(files.requests) == 1


def test_a_line_of_a_file_is_limited_and_the_file_is_not(server: Server) -> None:
    batch = QwenWorkspaceBatch(OPENAI.llm(server, max_response_bytes=10_000))
    lines = [b"x" * 9_000 + b"\n"] * 10
    server.script(file_of(*lines, b"x" * 20_000))
    read = batch._transport().lines(batch._request("", {"file_id": "file-1"}))
    assert [len(next(read)) for _ in lines] == [9_000] * 10
    with pytest.raises(InvalidResponseError, match="`max_response_bytes`"):
        next(read)


@pytest.mark.parametrize("line", [b"no json", b"[]", b'{"response": {}}', b'{"custom_id": 5}', b"\xff"])
def test_a_malformed_line_is_never_skipped(batch: Batch, files: Server, line: bytes) -> None:
    content = b"\n".join([answer("a"), line, answer("b")])
    files.script(json_reply(COMPLETED), file_of(content), json_reply(COMPLETED), file_of(content))
    with pytest.raises(InvalidResponseError, match="is malformed"):
        batch.results(ID)
    each = batch.lazy_results(ID)
    assert next(each).custom_id == "a"
    with pytest.raises(InvalidResponseError, match="is malformed"):
        next(each)


@pytest.mark.parametrize(
    "body",
    [{}, {"choices": []}, {"choices": "x"}, {"choices": [1]}, {"choices": [{"message": 5}]}, {"code": "Bad"}],
    ids=str,
)
def test_a_malformed_answer_fails_only_its_line(batch: Batch, files: Server, body: dict[str, Any]) -> None:
    line = {"custom_id": "a", "response": {"status_code": 200, "request_id": "req-a", "body": body}}
    files.script(json_reply(COMPLETED), file_of(json.dumps(line).encode() + b"\n" + answer("b")))
    results = batch.results(ID)
    assert (texts_of(results), list(results.errors), results.unanswered) == ({"b": "Hello"}, ["a"], 0)
    assert results.errors["a"].request_id == "req-a"


@pytest.mark.parametrize("data", [[], None, [{"index": 0, "embedding": ["x"]}], [{"index": 1, "embedding": [0.5]}]])
def test_a_malformed_vector_fails_only_its_line(files: Server, data: object) -> None:
    embeddings = QwenWorkspaceEmbeddings(model="text-embedding-v9", base_url=files.url, api_key="sk-test")
    good = {"data": [{"index": 0, "embedding": [0.5, 1]}], "usage": "none"}
    lines = [
        json.dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}}).encode()
        for custom_id, body in (("a", {"data": data}), ("b", good))
    ]
    files.script(json_reply(COMPLETED), file_of(b"\n".join(lines)))
    results = QwenWorkspaceBatch(embeddings).results(ID)
    assert (results.outputs, list(results.errors)) == ({"b": [0.5, 1.0]}, ["a"])
    assert type(results.errors["a"]) is InvalidResponseError


def test_results_keep_the_last_of_two_answers_with_one_id(batch: Batch, files: Server) -> None:
    content = answer("a", "first") + b"\n" + answer("a", "second")
    files.script(json_reply(COMPLETED), file_of(content), json_reply(COMPLETED), file_of(content))
    results = batch.results(ID)
    # The other input has no answer.
    assert (texts_of(results), results.unanswered) == ({"a": "second"}, 1)
    assert [each.output.text for each in batch.lazy_results(ID) if each.output] == ["first", "second"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("at", [0, 40, None], ids=["between lines", "inside a line", "at the end of a line"])
def test_an_interrupted_file_raises_instead_of_partial_results(
    batch: Batch, files: Server, framing: Literal["length", "chunked"], at: int | None
) -> None:
    reply = file_of(answer("a") + b"\n", answer("b")[:at], 0.05, Act.DROP, b"rest", framing=framing)
    files.script(json_reply(COMPLETED), reply)
    with pytest.raises(APIConnectionError, match=r"The connection to .* was closed"):
        batch.results(ID)


def test_a_file_that_cannot_be_fetched_raises(batch: Batch, files: Server) -> None:
    files.script(json_reply(COMPLETED), OPENAI.error(404, "NotFound", "No such File object: file-x"))
    with pytest.raises(NotFoundError, match="No such File object: file-x"):
        batch.results(ID)


def test_lazy_results_yield_while_the_file_still_arrives(batch: Batch, files: Server) -> None:
    more = threading.Event()
    files.script(json_reply(COMPLETED), file_of(answer("a") + b"\n" + answer("b")[:9], more, answer("b")[9:]))
    each = batch.lazy_results(ID)
    assert files.requests == []
    began = time.monotonic()
    assert next(each).custom_id == "a"
    # The server waits for `more` no longer than that.
    assert time.monotonic() - began < TIMEOUT / 2
    more.set()
    assert [one.custom_id for one in each] == ["b"]


def test_closing_lazy_results_closes_the_connection(batch: Batch, files: Server) -> None:
    files.script(json_reply(COMPLETED), file_of(answer("a") + b"\n", Act.AWAIT_HANGUP))
    each = batch.lazy_results(ID)
    assert next(each).custom_id == "a"
    assert isinstance(each, Generator)
    each.close()
    assert files.hangups.acquire(timeout=5)


@pytest.mark.parametrize(
    "body",
    [
        {"request_counts": [1]},
        {"request_counts": {"total": "2"}},
        {"status": "failed", "errors": ["Bad."]},
        {"status": "failed", "errors": {"data": ["Bad."]}},
    ],
    ids=str,
)
def test_a_malformed_status_raises_invalid_response_error(batch: Batch, files: Server, body: dict[str, Any]) -> None:
    files.script(json_reply({**COMPLETED, "output_file_id": None, **body}))
    with pytest.raises(InvalidResponseError):
        batch.results(ID)
