"""Compares the cost of chat calls and streams with `ChatOpenAI`, the `openai` SDK and LangChain's baseline.

    python -m benchmarks.chat                            # all measures, 5 rounds
    python -m benchmarks.chat --rounds 1 --only stream   # one measure, once

Prints the table, writes it and a picture into a folder (`--into`), and exits with status 1 if a target is missed.
docs/benchmarks.md explains how it is measured, and what it does not show.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks._chat_contenders import OURS
from benchmarks._chat_results import IMPORTS, Row, Samples, markdown, rows_from
from benchmarks._cold_start import programs
from benchmarks._processes import machine, measure, process_cpu, server

_SERVER, _MEASURES = "benchmarks._chat_server", "benchmarks._chat_measures"
_ENVIRONMENT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONHASHSEED": "0"}

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a measure is taken.

    Attributes:
        peers: The contenders to compare with.
        size: The number of events, messages, characters or models, depending on the measure.
        times: The number of repetitions in a process, unless the measure says otherwise.
        max_rounds: The most rounds, for measures that take long and vary little.
        ours: Our own contenders.
    """

    peers: tuple[str, ...]
    size: int
    times: int
    max_rounds: int = 100
    ours: tuple[str, ...] = OURS


PLANS = {
    "stream": Plan(("chat-openai", "openai-sdk", "langchain"), size=1000, times=7),
    "responses": Plan(("chat-openai-responses",), size=1000, times=7, ours=("qwen-responses",)),
    "short": Plan(("openai-sdk",), size=1, times=150),
    "history": Plan(("chat-openai",), size=200, times=7),
    "arguments": Plan((), size=10_000, times=5, max_rounds=1),
    "concurrent": Plan(("chat-openai",), size=200, times=300, max_rounds=2),
    "sustained": Plan(("chat-openai",), size=200, times=300, max_rounds=2),
    "construct": Plan(("chat-openai",), size=1000, times=5),
    "calls": Plan((), size=10_000, times=100, max_rounds=1),
    "interrupted": Plan((), size=1000, times=100, max_rounds=1),
}
"""By the name of the measure."""

_TINY = {
    "stream": 20,
    "responses": 20,
    "short": 1,
    "history": 8,
    "arguments": 200,
    "concurrent": 5,
    "sustained": 5,
    "construct": 3,
    "calls": 8,
    "interrupted": 8,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table, and return the exit status: 1 if a target is missed."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    description = machine()
    samples: Samples = {}
    with server(_SERVER) as origin:
        for number in range(options.rounds):
            for name in options.only:
                _run_round(samples, name, number, origin, tiny=options.tiny)
    rows = rows_from(samples)
    missed = [row for row in rows if not row.met]
    text = f"{description}, {options.rounds} rounds.\n\n{markdown(rows)}\n\n{_summary(rows, missed)}\n"
    sys.stdout.write(text)
    if options.into is not None:
        _write(options.into, text, rows, samples)
    return int(bool(missed))


def _parser() -> argparse.ArgumentParser:
    names = [*PLANS, "import", "cold-start"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chat", description="Measure chat models.")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="the measures to take (all)")
    parser.add_argument("--tiny", action="store_true", help="the smallest sizes, to test the benchmark itself")
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="also write _chat.md, _headlines.md, chat.png and _chat.json there"
    )
    return parser


def _run_round(samples: Samples, name: str, number: int, origin: str, *, tiny: bool) -> None:
    if name in {"import", "cold-start"}:
        codes = IMPORTS if name == "import" else programs(origin)
        if number == 0:  # The first run may have to compile the modules.
            for code in codes.values():
                process_cpu(code, _ENVIRONMENT)
        for what, code in _rotate(list(codes.items()), number):
            samples.setdefault((name, what), []).append({"cpu": process_cpu(code, _ENVIRONMENT) * 1000})
        return
    plan = PLANS[name]
    if number >= plan.max_rounds:
        return
    size, times = (_TINY[name], 2) if tiny else (plan.size, plan.times)
    # Each round starts with another contender, so that none always follows the same one.
    for contender in _rotate([*plan.peers, *plan.ours], number):
        arguments = [name, contender, origin, f"--size={size}", f"--times={times}"]
        found = measure(_MEASURES, arguments, _ENVIRONMENT)
        samples.setdefault((name, contender), []).append(found)
        _log.info("round %d: %s, %s: %s", number + 1, name, contender, found)


def _rotate(values: list[_T], number: int) -> list[_T]:
    start = number % len(values)
    return values[start:] + values[:start]


def _summary(rows: Sequence[Row], missed: Sequence[Row]) -> str:
    targets = sum(row.has_target for row in rows)
    return f"{len(missed)} of {targets} targets missed." if missed else f"All {targets} targets met."


def _write(folder: Path, text: str, rows: Sequence[Row], samples: Samples) -> None:
    from benchmarks._chat_picture import draw, headline_table  # noqa: PLC0415 - matplotlib is needed for the picture only

    folder.mkdir(parents=True, exist_ok=True)
    draw(rows, folder / "chat.png")
    # The page that includes the table is beside the folder; MkDocs makes no page of a file with an underscore.
    picture = f"![Processor time of the first four rows, compared]({folder.name}/chat.png)"
    (folder / "_headlines.md").write_text(f"{headline_table(rows)}\n\n{picture}\n", encoding="utf-8")
    (folder / "_chat.md").write_text(text, encoding="utf-8")
    written = {f"{measured}, {contender}": numbers for (measured, contender), numbers in samples.items()}
    (folder / "_chat.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
