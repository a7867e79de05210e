"""The benchmark runs, and its table says what was measured: with sizes that measure nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import chat
from benchmarks._chat_answers import arguments
from benchmarks._chat_measures import conversation
from benchmarks._chat_results import Row, Samples, rows_of


def test_it_measures_and_writes_what_the_page_embeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for peer in ("langchain_openai", "matplotlib"):
        pytest.importorskip(peer, reason="whom it measures and what draws it: dependency group `benchmarks`")

    status = chat.main(["--tiny", "--rounds", "1", "--only", "history", "--into", str(tmp_path)])

    told = capsys.readouterr().out
    assert status in {0, 1}
    assert told.count("| invoke, ") == 4
    assert told in (tmp_path / "_chat.md").read_text()
    assert (tmp_path / "chat.png").read_bytes().startswith(b"\x89PNG")
    assert {*json.loads((tmp_path / "_chat.json").read_text())} == {
        "history, chat-openai",
        "history, qwen-openai",
        "history, qwen-dashscope",
    }


def test_a_missed_target_is_told_and_a_met_one_is() -> None:
    slow = Row(what="w", against="a", unit="µs", ours=[3.0, 2.0, 9.0], theirs=[4.0], limit=0.5)
    flat = Row(what="w", against="a", unit="MiB", ours=[2.0], limit=2.0)

    assert (slow.reached, slow.met, flat.met) == (0.75, False, True)
    assert slow.cells() == ["w", "a", "3 (2-9) µs", "4 µs", "0.75", "0.5", "**not met**"]


def test_every_measure_has_its_rows() -> None:
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
    samples: Samples = {(measure, name): [told] for measure, told in numbers.items() for name in contenders}

    assert {*numbers} == {*chat.PLANS}
    assert len(rows_of(samples)) == 6 + 4 + 2 + 2 + 4 + 3 + 1 + 2


def test_the_prepared_conversation_and_arguments_are_of_the_size_asked() -> None:
    assert [len(conversation(length)) for length in (8, 200)] == [8, 200]
    assert len(arguments(10_000)) == len(json.dumps(json.loads(arguments(10_000)))) == 10_000
