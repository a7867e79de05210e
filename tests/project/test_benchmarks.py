"""The chat benchmark runs with tiny sizes, and its table shows the targets."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import chat, scale
from benchmarks._chat_answers import arguments
from benchmarks._chat_measures import conversation
from benchmarks._chat_results import Row, Samples, rows_from
from benchmarks._cold_start import programs


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
        "responses": times,
        "short": {"sync": both, "async": both},
        "history": {"once": 1.0, "twice": 1.0},
        "arguments": {"few": 1.0, "many": 1.0, "left": 0.0},
        "concurrent": {"cpu": 1.0, "p99": 1.0},
        "sustained": {"cpu": 1.0, "p99": 1.0},
        "construct": {"one": 1.0, "each": 1.0, "sockets": 0, "contexts": 0},
        "calls": {"grown": 0},
        "interrupted": {"grown": 0, "sockets": 0, "tasks": 0},
    }
    contenders = ("qwen-openai", "chat-openai", "openai-sdk", "langchain", "qwen-responses", "chat-openai-responses")
    samples: Samples = {(measure, name): [values] for measure, values in numbers.items() for name in contenders}

    assert {*numbers} == {*chat.PLANS}
    assert len(rows_from(samples)) == 6 + 2 + 4 + 2 + 2 + 4 + 3 + 1 + 2


def test_a_cold_start_has_a_row_for_the_floor_and_each_installed_peer() -> None:
    names = ("qwen-openai", "floor-openai", "chat-openai")
    rows = rows_from({("cold-start", name): [{"cpu": 1080.0 if name == names[0] else 1000.0}] for name in names})

    assert [(row.against, row.has_target) for row in rows] == [("the bare SDK", True), ("ChatOpenAI", False)]
    assert [row.cells()[-2:] for row in rows] == [["1.08", "met"], ["", ""]]


def test_the_cold_start_programs_are_python() -> None:
    for name, program in programs("http://127.0.0.1:1").items():
        compile(program, name, "exec")


def test_the_scale_targets_compare_the_fewest_and_the_most_workspaces() -> None:
    one_host, hosts = scale.Case("openai", "router", 1), scale.Case("openai", "router", 200)
    few, many = ({"first": 150.0, "later": later, "resident": 10_001.0, "sockets": 1} for later in (100.0, 111.0))
    targets = list(scale.targets_from({case: {10: [few], 10_000: [many]} for case in (one_host, hosts)}))

    assert [target.met for target in targets] == [False, True, False, False, False]
    assert "| openai, router and guard, one host |" in scale.markdown({one_host: {10: [few]}})


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="only there is all of 127.0.0.0/8 loopback")
def test_the_scale_benchmark_writes_the_files_that_the_docs_include(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--workspaces", "2", "3", "--hosts", "1", "2", "--min-calls", "4", "--into", str(tmp_path)]

    assert scale.main(small) in {0, 1}

    assert capsys.readouterr().out == (tmp_path / "_scale.md").read_text()
    assert len(json.loads((tmp_path / "_scale.json").read_text())) == 8


def test_the_prepared_conversation_and_arguments_have_the_given_size() -> None:
    assert [len(conversation(length)) for length in (8, 200)] == [8, 200]
    assert len(arguments(10_000)) == len(json.dumps(json.loads(arguments(10_000)))) == 10_000
