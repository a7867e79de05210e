"""A recording has nothing that identifies anyone, and what is replaced is replaced the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from langchain_qwen_workspace._verify.anonymize import Anonymizer, LeftoverError
from langchain_qwen_workspace._verify.recorder import Exchange
from langchain_qwen_workspace._verify.recording import RecordingWriter
from langchain_qwen_workspace._verify.verification import anonymizer_for
from tests.verify.conftest import Opened
from tests.verify.support import Answer, otherwise, record, run_checks

IDENTIFYING = {
    "an API key": "sk-4f9c1d2e7b8a4c55a1d0e9f8b7c6d5e4",
    "a bearer token": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
    "an AccessKey": "LTAI5tQmXyZabcDEF123ghij",
    "a workspace id": "llm-8l75168qayuhsr3o",
    "another workspace id": "ws-xk3plq91zz",
    "a request id": "85ba5752-1900-47d2-8896-23f99b13f6e1",
    "an account id": "1734567890123456",
    "a RAM user": "acs:ram::1734567890123456:user/alice",
    "an email address": "alice.smith@corp-mail.co.uk",
    "an IP address": "203.0.113.77",
    "a phone number": "13812345678",
    "a host": "llm-8l75168qayuhsr3o.cn-beijing.maas.aliyuncs.com",
    "an address of media": "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/a/b.png?Signature=abc%2Fdef",
    "an uploaded file": "oss://dashscope-instant/4fa1c/2026-11-01/photo.jpg",
    "an inline image": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB",
    "a home directory": "/home/alice",
    "an object id": "chatcmpl-bc7fc58d1a2b3c4d5e6f",
    "a trace id": "2166018e17326789012345678e1b2c3d",
}


def plant(_: str, __: dict[str, Any], answer: Answer) -> None:
    """Put every identifying text into the texts that the service writes, and into a header."""
    planted = " ".join(IDENTIFYING.values())
    answer.replace("This is the Model Studio sandbox", f"{planted} This is the Model Studio sandbox")
    answer.headers["x-request-id"] = IDENTIFYING["a request id"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"folder": str(tmp_path_factory.mktemp("recorded"))}


@pytest.mark.parametrize("kind", IDENTIFYING)
def test_nothing_identifying_is_left_in_a_recording(opened: Opened, recorded: dict[str, str], kind: str) -> None:
    if "text" not in recorded:
        path = Path(recorded["folder"]) / "planted.jsonl"
        opened.service.change_answer = plant
        with record(path, opened.workspace) as write:
            run_checks(opened.workspace, ["plain_openai", "plain_dashscope"], write=write, transport=opened.service)
        recorded["text"] = path.read_text(encoding="utf-8")
    assert IDENTIFYING[kind] not in recorded["text"]


def test_the_planted_texts_are_in_what_is_recorded(opened: Opened) -> None:
    exchanges: list[Exchange] = []
    opened.service.change_answer = plant
    run_checks(opened.workspace, ["plain_openai"], write=exchanges.append, transport=opened.service)
    assert all(text in exchanges[-1].text for text in IDENTIFYING.values())


def test_planted_texts_do_not_change_a_verdict(opened: Opened, tmp_path: Path) -> None:
    opened.service.change_answer = plant
    with record(tmp_path / "planted.jsonl", opened.workspace) as write:
        run = run_checks(opened.workspace, ["chat, openai"], write=write, transport=opened.service)
    assert otherwise(run) == set()


@pytest.mark.parametrize("text", IDENTIFYING.values(), ids=IDENTIFYING)
def test_the_second_search_finds_what_the_first_one_would_replace(text: str) -> None:
    with pytest.raises(LeftoverError, match=r"still has an? "):
        Anonymizer().check(f'{{"message": "see {text} now"}}')


@pytest.mark.parametrize("text", IDENTIFYING.values(), ids=IDENTIFYING)
def test_the_same_text_is_replaced_by_the_same(text: str) -> None:
    anonymizer = Anonymizer()
    first, second = anonymizer.replace(f"see {text} now"), anonymizer.replace(f"see {text} now")
    assert first == second != f"see {text} now"


def test_different_texts_are_replaced_by_different_ones() -> None:
    anonymizer = Anonymizer()
    assert anonymizer.replace("llm-8l75168qay") != anonymizer.replace("llm-9999168qay")


def test_a_replaced_number_is_still_a_number() -> None:
    assert Anonymizer().replace('{"uid":1734567890123456}') == '{"uid":1000000000000001}'


@pytest.mark.parametrize("text", ["0.1734567890123456", "1764423234", "qwen3.8-max-0902", "call the tool", "1.5e-10"])
def test_what_identifies_no_one_is_unchanged(text: str) -> None:
    assert Anonymizer().replace(text) == text


def test_what_is_known_is_replaced_without_a_pattern(opened: Opened) -> None:
    workspace = opened.workspace.model_copy(update={"api_key": SecretStr("unusual"), "workspace_id": "plainid"})
    assert "unusual" not in anonymizer_for(workspace).replace("the key UNUSUAL of plainid")


def test_the_report_keeps_the_ids_of_requests(opened: Opened) -> None:
    anonymizer = anonymizer_for(opened.workspace, keep=frozenset({"request id"}))
    assert IDENTIFYING["a request id"] in anonymizer.replace(f"{IDENTIFYING['a request id']} of llm-verified")


def test_an_exchange_with_a_leftover_is_not_written_and_ends_the_run(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Anonymizer, "_replacement", lambda *_: "sk-still-there")
    path = tmp_path / "leftover.jsonl"
    with record(path, opened.workspace) as write:
        run = run_checks(opened.workspace, ["plain_openai"], write=write, transport=opened.service)
    assert (path.read_text(encoding="utf-8"), len(run.results)) == ("", 0)
    assert "still has an API key" in str(run.stopped)


def test_an_uploaded_file_is_not_recorded(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "batch.jsonl"
    with record(path, opened.workspace) as write:
        run_checks(opened.workspace, ["batch"], write=write, transport=opened.service)
    assert "multipart" not in path.read_text(encoding="utf-8").partition("request_text")[2].partition("status")[0]


def test_a_writer_counts_what_it_wrote(tmp_path: Path) -> None:
    with (tmp_path / "one.jsonl").open("w", encoding="utf-8") as file:
        writer = RecordingWriter(file, Anonymizer())
        writer.write(Exchange("a", "GET", "/x"))
    assert writer.number == 1


def test_the_second_search_finds_what_is_known() -> None:
    with pytest.raises(LeftoverError, match="still has a host"):
        Anonymizer({"host": ["gateway.corp"]}).check("It came from Gateway.Corp.")


@pytest.mark.parametrize("piece", ["a.", "a", "1", "a-", "+", "/a", "sk", "0a"])
@pytest.mark.timeout(60)
def test_long_texts_are_searched_in_linear_time(piece: str) -> None:
    """A search that is quadratic would take hours."""
    Anonymizer().replace(piece * 200_000)
