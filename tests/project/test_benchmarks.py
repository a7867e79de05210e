"""The chat benchmark runs with tiny sizes, and its table shows the targets."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import chat
from benchmarks._chat_answers import arguments
from benchmarks._chat_measures import conversation
from benchmarks._chat_results import Row, Samples, rows_from


@pytest.mark.nightly
def test_the_chat_benchmark_measures_and_writes_the_files_that_the_docs_include(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for peer in ("langchain_openai", "matplotlib"):
        pytest.importorskip(peer, reason="measured or drawn with: dependency group `benchmarks`")

    status = chat.main(["--tiny", "--rounds", "1", "--only", "history", "--into", str(tmp_path)])

    output = capsys.readouterr().out
    assert status in {0, 1}
    assert output.count("| invoke, ") == 4
    assert output in (tmp_path / "_chat.md").read_text()
    assert (tmp_path / "chat.png").read_bytes().startswith(b"\x89PNG")
    assert {*json.loads((tmp_path / "_chat.json").read_text())} == {
        "history, chat-openai",
        "history, qwen-openai",
        "history, qwen-dashscope",
    }


def test_a_row_shows_whether_its_target_is_met() -> None:
    slow = Row(what="w", against="a", unit="µs", ours=[3.0, 2.0, 9.0], theirs=[4.0], limit=0.5)
    flat = Row(what="w", against="a", unit="MiB", ours=[2.0], limit=2.0)

    assert (slow.measured, slow.met, flat.met) == (0.75, False, True)
    assert slow.cells() == ["w", "a", "3 (2-9) µs", "4 µs", "0.75", "0.5", "**not met**"]


def test_every_measure_has_rows() -> None:
    times = {"sync": 1.0, "async": 1.0}
    both = {"wall": 1.0, "cpu": 1.0}
    numbers: dict[str, dict[str, Any]] = {
        "stream": times,
        "short": {"sync": both, "async": both},
        "history": {"once": 1.0, "twice": 1.0},
        "arguments": {"few": 1.0, "many": 1.0, "left": 0.0},
        "concurrent": {"cpu": 1.0, "p99": 1.0},
        "sustained": {"cpu": 1.0, "p99": 1.0},
        "construct": {"one": 1.0, "each": 1.0, "sockets": 0, "contexts": 0},
        "calls": {"grown": 0},
        "interrupted": {"grown": 0, "sockets": 0, "tasks": 0},
    }
    contenders = ("qwen-openai", "chat-openai", "openai-sdk", "langchain")
    samples: Samples = {(measure, name): [values] for measure, values in numbers.items() for name in contenders}

    assert {*numbers} == {*chat.PLANS}
    assert len(rows_from(samples)) == 6 + 4 + 2 + 2 + 4 + 3 + 1 + 2


def test_the_prepared_conversation_and_arguments_have_the_given_size() -> None:
    assert [len(conversation(length)) for length in (8, 200)] == [8, 200]
    assert len(arguments(10_000)) == len(json.dumps(json.loads(arguments(10_000)))) == 10_000
